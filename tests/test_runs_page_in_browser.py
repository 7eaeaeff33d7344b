"""The Runs page in real Chromium: real runs from the real logger, the real server, and what a person sees and does in the table.

Every page is watched: a console error or an uncaught exception fails the test that opened it.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import crossboard as cb
from browser import SETTLED, Board, Open, faults, free_port, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TABLE = "window.crossboard && crossboard.table && crossboard.table.settled()"
LONG = "a name of two hundred letters " * 7


@dataclass
class Root:
    """The board, and a run that goes on."""

    board: Any
    directory: Path
    live: cb.Run
    step: int = 0
    names: list[str] = field(default_factory=list)

    def url(self, more: str = "") -> str:
        return f"{self.board.url}?page=runs{more}"

    def log(self, value: float) -> None:
        self.step += 1
        self.live.log({"val/acc": value}, step=self.step)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    for number in range(8):
        optimizer = ("adam", "sgd")[number % 2]
        config = {"lr": (0.1, 0.01)[number % 2], "seed": number, "optimizer": {"name": optimizer}, "dataset": "digits"}
        name = LONG if number == 6 else "ünï 日本" if number == 7 else f"run {number}"
        with cb.init(project="p", name=name, group=optimizer, config=config, tags=["ref"] if number == 0 else [], dir=directory) as run:
            run.define_metric("val/acc", goal="max", unit="%")
            for step in range(5):
                run.log({"val/acc": 10.0 * number + step, "train/loss": math.nan if number == 3 else 1 / (1 + step)}, step=step)
    live = cb.init(project="p", name="going on", group="live", config={"lr": 0.1, "seed": 99, "dataset": "digits"}, dir=directory)
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=9)
    made = Root(board, directory, live)
    made.log(1.0)
    board.start()
    yield made
    board.stop()
    live.finish()


def shown(page: Page) -> list[str]:
    """Names of the rows in the order in which they are drawn."""
    rows = "[...document.querySelectorAll('.ag-pinned-left-cols-container .ag-row')]"
    order = "sort((a, b) => a.getAttribute('row-index') - b.getAttribute('row-index'))"
    names = "map(row => row.querySelector('[col-id=name]').innerText.trim())"
    return [str(one) for one in page.evaluate(f"{rows}.{order}.{names}")]


def cell(page: Page, row: int, column: str) -> Any:
    return page.locator(f'#runs-grid .ag-row[row-index="{row}"] [col-id="{column}"]')


def head(page: Page, column: str) -> Any:
    return page.locator(f'#runs-grid .ag-header-cell[col-id="{column}"]')


def key_of(page: Page, name: str) -> str:
    return str(page.evaluate("name => [...crossboard.board.runs.values()].find(run => run.name === name).key", name))


# ---------------------------------------------------------------------------------------------------- what is shown


def test_the_charts_page_loads_nothing_of_the_table_and_g_r_leads_to_it(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url, ready=SETTLED)
    asked = "performance.getEntriesByType('resource').map(one => one.name).filter(name => /ag_grid|assets.runs/.test(name))"
    assert page.evaluate(asked) == []
    page.keyboard.press("g")
    page.keyboard.press("r")
    until(page, TABLE)
    assert page.locator("#nav-runs").get_attribute("aria-current") == "page"
    assert len(page.evaluate(asked)) >= 8
    page.keyboard.press("g")
    page.keyboard.press("c")
    until(page, "!crossboard.state.page")
    assert page.locator("#runs-page").is_hidden()
    page.go_back()
    until(page, "crossboard.state.page === 'runs'")


def test_every_run_has_a_row_with_config_metrics_units_and_what_is_equal_folds_away(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    assert page.locator("#runs-count").inner_text() == "9 runs"
    assert shown(page)[:2] == ["going on", "ünï 日本"]
    assert cell(page, 1, "config.lr").inner_text() == "0.01"
    assert cell(page, 1, "metric.val/acc.best").inner_text() == "74"
    assert cell(page, 1, "metric.val/acc.best_step").inner_text() == "4"
    assert cell(page, 1, "metric.val/acc.best").evaluate("one => getComputedStyle(one).textAlign") == "right"
    assert "val/acc [%]" in page.locator("#runs-grid .ag-header").inner_text()
    assert head(page, "config.dataset").count() == 0
    assert page.locator("#runs-folded").inner_text() == "1 equal column folded"
    page.locator("#runs-folded").click()
    until(page, "document.querySelector('.ag-header-cell[col-id=\"config.dataset\"]')")
    assert cell(page, 0, "status").inner_text() == "Running"


def test_nan_is_nan_and_what_is_missing_is_blank(root: Root, open_page: Open) -> None:
    page = open_page(root.url("&col=*name&col=metric.train/loss.last&col=config.optimizer.name"))
    names = shown(page)
    assert cell(page, names.index("run 3"), "metric.train/loss.last").inner_text() == "NaN"
    assert cell(page, names.index("going on"), "metric.train/loss.last").inner_text() == ""
    assert cell(page, names.index("going on"), "config.optimizer.name").inner_text() == ""


# ------------------------------------------------------------------------------------- sort, filter, query, columns


def test_sorting_filtering_and_columns_are_in_the_link_and_it_reopens_them(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    head(page, "metric.val/acc.best").locator(".hl .trunc").click()
    head(page, "metric.val/acc.best").locator(".hl .trunc").click()
    until(page, "location.search.includes('order=-metric.val/acc.best')")
    assert shown(page)[0] == "ünï 日本"
    assert shown(page)[-1] in ("going on", "run 0")
    page.evaluate("crossboard.table.api.setColumnFilterModel('config.lr', {filterType: 'number', type: 'lessThan', filter: 0.05})")
    page.evaluate("crossboard.table.api.onFilterChanged()")
    until(page, "location.search.includes('filter=config.lr')")
    page.locator("#runs-columns-button").click()
    page.locator("#runs-column-find").fill("train/loss last")
    page.locator("#runs-columns label", has_text="train/loss last").first.click()
    until(page, "location.search.includes('col=metric.train/loss.last')")
    page.locator("#runs-column-find").fill("lr")
    page.get_by_role("button", name="Pin lr").click()
    until(page, "location.search.includes('col=*config.lr') || location.search.includes('col=%2Aconfig.lr')")
    before = shown(page)
    assert len(before) == 4
    again = open_page(page.url)
    assert shown(again) == before
    assert again.locator('.ag-pinned-left-header .ag-header-cell[col-id="config.lr"]').count() == 1
    assert head(again, "metric.train/loss.last").count() == 1


def test_a_query_is_completed_and_says_where_it_is_wrong(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    page.keyboard.press("/")
    page.keyboard.type("optimizer.na")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert page.locator("#runs-query").input_value() == "optimizer.name "
    page.keyboard.type("= sg")
    until(page, "document.querySelector('#runs-query-list li')")
    assert page.locator("#runs-query-list li").first.inner_text().startswith("sgd")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    until(page, "crossboard.table.matching() && crossboard.table.matching().size === 4")
    assert page.locator("#runs-match").inner_text() == "4 match"
    page.keyboard.type(" and and")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.qfield.wrong')")
    assert page.locator("#runs-query-words").inner_text().startswith("Want a field, a word or a bracket, got 'and'.")
    assert page.locator(".qmirror mark").inner_text() == "and"
    assert len(shown(page)) == 4
    page.locator("#runs-query").fill("lr > 5")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#runs-note').innerText.includes('No run matches')")
    page.get_by_role("button", name="Clear query and filters").click()
    until(page, "!crossboard.table.matching()")
    assert len(shown(page)) == 9


# ------------------------------------------------------------------------------------------------- groups, selection


def test_groups_show_n_mean_and_deviation_fold_and_sort_inside(root: Root, open_page: Open) -> None:
    page = open_page(root.url("&by=config.optimizer.name&order=-metric.val/acc.best&q=seed < 90"))
    names = shown(page)
    assert names[0].startswith("sgd")
    assert names[5].startswith("adam")
    assert names[1:5] == ["ünï 日本", "run 5", "run 3", "run 1"]
    assert cell(page, 0, "metric.val/acc.best").inner_text() == "44 ± 26"
    assert cell(page, 0, "config.lr").inner_text() == "0.01"
    assert cell(page, 0, "config.seed").inner_text() == "4 values"
    cell(page, 0, "name").click()
    page.keyboard.press("Enter")
    until(page, "location.search.includes('shut=sgd')")
    assert [name.split("\n")[0] for name in shown(page)[:2]] == ["sgd", "adam"]
    cell(page, 0, "ag-Grid-SelectionColumn").locator("input").click()
    until(page, "!document.getElementById('runs-bulk').hidden")
    assert page.locator("#runs-bulk b").inner_text() == "4 selected"
    page.keyboard.press("c")
    until(page, "!crossboard.state.page")
    assert sorted(page.evaluate("crossboard.board.visible.map(run => run.name)")) == ["run 1", "run 3", "run 5", "ünï 日本"]


def test_keys_go_from_cell_to_cell_select_rows_and_are_listed(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    cell(page, 0, "name").click()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    until(page, "!document.getElementById('runs-bulk').hidden")
    assert page.locator("#runs-bulk b").inner_text() == "1 selected"
    page.keyboard.press("Escape")
    until(page, "document.getElementById('runs-bulk').hidden")
    page.keyboard.press("?")
    words = page.locator("#keys").inner_text()
    for part in ("Query: which runs", "Group by", "Archive them", "Charts", "Runs"):
        assert part in words
    page.keyboard.press("Escape")
    cell(page, 2, "name").click()
    page.keyboard.press("e")
    until(page, "crossboard.state.run")
    page.go_back()
    until(page, "!crossboard.state.run && crossboard.state.page === 'runs'")


# ------------------------------------------------------------------------------------------------ edit, archive, delete


def test_names_and_tags_are_edited_in_place_and_written_into_the_run(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    row = shown(page).index("run 1")
    key = key_of(page, "run 1")
    cell(page, row, "name").click()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("<b>renamed</b>")
    page.keyboard.press("Enter")
    until(page, f"crossboard.board.runs.get({json.dumps(key)}).name === '<b>renamed</b>'")
    assert shown(page)[row] == "<b>renamed</b>"
    cell(page, row, "tags").click()
    page.keyboard.press("Enter")
    page.keyboard.type("one, two, one")
    page.keyboard.press("Enter")
    until(page, f"crossboard.board.runs.get({json.dumps(key)}).tags.join() === 'one,two'")
    assert cell(page, row, "tags").locator(".tag").all_inner_texts() == ["one", "two"]
    assert list(root.directory.rglob("records-board-*.cbr"))
    cell(page, row, "name").click()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+A")
    page.keyboard.type("run 1")
    page.keyboard.press("Enter")
    until(page, f"crossboard.board.runs.get({json.dumps(key)}).name === 'run 1'")


def test_archived_runs_leave_the_table_until_they_are_asked_for(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    cell(page, shown(page).index("run 2"), "ag-Grid-SelectionColumn").locator("input").click()
    page.locator("#bulk-archive").click()
    until(page, "!document.querySelector('#runs-grid').innerText.includes('run 2')")
    assert "1 archived." in page.locator("#runs-foot").inner_text()
    until(page, "!crossboard.board.visible.some(run => run.name === 'run 2')")
    page.get_by_role("button", name="Show", exact=True).click()
    until(page, "document.querySelector('#runs-grid').innerText.includes('run 2')")
    page.locator("#runs-undo").click()
    until(page, "!document.querySelector('#runs-foot').innerText.includes('archived')")


def test_deleting_asks_with_names_and_places_and_undo_brings_all_back(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    for name in ("run 4", "going on"):
        cell(page, shown(page).index(name), "ag-Grid-SelectionColumn").locator("input").click()
    page.locator("#bulk-delete").click()
    until(page, "document.getElementById('runs-dialog').open")
    words = page.locator("#runs-dialog").inner_text()
    for part in ("Delete 1 run?", "run 4", ".crossboard-trash", "1 run stays", "going on", "it is running"):
        assert part in words, part
    page.locator("#runs-delete-now").click()
    until(page, "crossboard.table.rows.byKey.size === 8")
    assert not [file for file in root.directory.glob("p/*/run.json") if json.loads(file.read_text())["name"] == "run 4"]
    page.locator("#runs-undo").click()
    until(page, "crossboard.table.rows.byKey.size === 9")
    assert "run 4" in shown(page)


# ---------------------------------------------------------------------------------------------------------- live


def test_news_of_a_running_run_leave_selection_scroll_and_editing_alone(root: Root, open_page: Open) -> None:
    page = open_page(root.url("&col=*name&col=status&col=metric.val/acc.last&col=metric.val/acc.count"), height=420)
    cell(page, 0, "ag-Grid-SelectionColumn").locator("input").click()
    root.log(41.0)
    until(page, "document.querySelector('#runs-grid').innerText.includes('41')")
    assert page.locator("#runs-bulk b").inner_text() == "1 selected"
    cell(page, 1, "name").click()
    page.keyboard.press("Enter")
    page.keyboard.type("half a na")
    updates = page.evaluate("crossboard.stats.table.updates")
    for value in (42.0, 43.0, 44.0):
        root.log(value)
        time.sleep(0.3)
    until(page, "[...crossboard.board.runs.values()].find(run => run.name === 'going on').metrics['val/acc'].last === 44")
    assert page.evaluate("document.activeElement.value") == "half a na"
    page.keyboard.press("Escape")
    until(page, "document.querySelector('#runs-grid').innerText.includes('44')")
    assert page.evaluate("crossboard.stats.table.updates") <= updates + 4


def test_a_run_that_begins_gets_a_row(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    with cb.init(project="p", name="newcomer", dir=root.directory) as run:
        run.log({"val/acc": 1.0, "fresh": 2.0}, step=0)
    until(page, "document.querySelector('#runs-grid').innerText.includes('newcomer')")
    until(page, "crossboard.table.rows.about.has('metric.fresh.last')")
    shutil.rmtree(run.dir)
    until(page, "!document.querySelector('#runs-grid').innerText.includes('newcomer')")


# ------------------------------------------------------------------------------------------------ everybody, everywhere


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_serious_in_the_table(scheme: str, width: int, root: Root, open_page: Open) -> None:
    page = open_page(root.url("&by=group"), scheme=scheme, width=width)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cell(page, 1, "ag-Grid-SelectionColumn").locator("input").click()
    page.locator("#runs-columns-button").click()
    assert faults(page) == []


def test_ten_thousand_runs_are_sorted_filtered_grouped_and_scrolled(open_page: Open) -> None:
    from crossboard.store.embedded import EmbeddedStore
    from crossboard.store.kinds import Points
    from crossboard.store.records import ConfigSet, Ended
    from crossboard.store.source import Batch, FoundRun, Placed, Strand

    store, step = EmbeddedStore(memory=True), np.zeros(1, np.int64)
    for number in range(10_000):
        key = f"native:/r/p/{number}"
        records: list[Any] = [
            ConfigSet(wall_time=1e9, config={"lr": 10.0 ** -(number % 3), "seed": number}),
            Ended(wall_time=1e9, status="finished"),
        ]
        points = Points(step, np.array([1e9]), np.array([float(number)]))
        placed = [Placed(record, "w", 1, 0) for record in records]
        run = FoundRun(key, key[7:], "p", str(number), f"run {number}", 1e9 + number)
        store.append(run, Batch(b"", [Strand("acc", 0, 1, "w", points)], placed), source="native")
    with served(store) as url:
        page = open_page(f"{url}?page=runs")
        assert page.locator("#runs-count").inner_text() == "10,000 runs"
        page.evaluate("crossboard.table.api.applyColumnState({state: [{colId: 'metric.acc.max', sort: 'desc'}]})")
        until(page, "document.querySelector('.ag-row[row-index=\"0\"] [col-id=name]').innerText.includes('run 9999')")
        page.locator("#runs-query").fill("lr = 1 and acc.max < 30")
        page.keyboard.press("Enter")
        until(page, "crossboard.table.matching() && crossboard.table.matching().size === 10")
        assert shown(page)[0] == "run 27"
        page.locator("#runs-query").fill("")
        page.keyboard.press("Enter")
        until(page, "!crossboard.table.matching()")
        page.evaluate("crossboard.table.host.groupBy('config.lr', true)")
        until(page, "document.querySelector('#runs-grid').innerText.includes('3,333 runs')")
        page.evaluate("crossboard.table.api.ensureIndexVisible(9000)")
        until(page, "[...document.querySelectorAll('#runs-grid .ag-row')].some(row => +row.getAttribute('row-index') === 9000)")
        assert page.evaluate("document.querySelectorAll('#runs-grid .ag-center-cols-container .ag-row').length") < 100  # only what is seen
        page.close()  # before its board: what it asked from then on would be an error


def served(store: Any) -> Any:
    """A board over `store` in a thread of this process; gives its URL."""
    import asyncio
    import contextlib
    import threading

    import uvicorn

    from crossboard.dashboard.app import create_app

    @contextlib.contextmanager
    def serve() -> Iterator[str]:
        port = free_port()
        app = create_app(store, ask_for_key=False).server
        server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
        thread.start()
        end = time.monotonic() + 15
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}/"
        server.should_exit = True
        thread.join(15)

    return serve()
