"""The run page in real Chromium, over a root that holds every kind: what a person sees, and what a run cannot do to them.

Every page is watched: a console error or an uncaught exception fails the test that opened it, unless the test takes that away.
"""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from browser import READY, Board, Open, faults, settle, until
from crossboard.store.records import TextPoint

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

EVERY: Any = import_module("every_kind")


@dataclass
class Root:
    """The board, the key of each run by id, and the writer of a run that goes on."""

    board: Any
    keys: dict[str, str]
    live: Any

    def url(self, run: str, **place: str) -> str:
        return f"{self.board.url}?{urllib.parse.urlencode({'run': self.keys[run], **place})}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    made = EVERY.make(directory, images=300)
    going = EVERY.Writer(made[2], "a2r0", attempt=2, wall=time.time(), command=["idle.py"])
    for step in range(3):
        going.put(TextPoint(tag="diary", step=step, wall_time=time.time(), texts=[f"day {step}"]))
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=3)
    board.start()
    with urllib.request.urlopen(board.url + "api/runs") as answer:
        keys = {run["id"]: run["key"] for run in json.load(answer)["runs"]}
    yield Root(board, keys, going)
    board.stop()


def foots(page: Page) -> list[str]:
    return [str(one) for one in page.evaluate("[...document.querySelectorAll('.pn footer .n')].map(one => one.textContent)")]


def tab(page: Page, name: str) -> None:
    page.locator(f"#run-tab-{name}").click()
    until(page, f"crossboard.state.tab === '{name if name != 'overview' else ''}'")
    settle(page)


# --------------------------------------------------------------------------------------------------- there and back


def test_a_run_opens_from_the_list_by_pointer_and_by_key_and_back_leads_back(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url)
    row = page.locator(".rr", has_text="resnet20-sgd")
    row.hover()
    row.get_by_role("link").click()
    until(page, "crossboard.state.run && crossboard.run")
    settle(page)
    assert page.locator("h1:visible").inner_text() == "resnet20-sgd s0"
    assert page.locator("#rail").is_hidden()
    page.go_back()
    until(page, "!crossboard.state.run")
    assert page.locator("#rail").is_visible()
    assert page.evaluate("crossboard.board.visible.length") == 3
    page.locator(".rr", has_text="resnet20-sgd").hover()
    page.keyboard.press("e")
    until(page, f"crossboard.state.run === {root.keys['first']!r}")
    settle(page)
    page.keyboard.press("Escape")
    until(page, "!crossboard.state.run")


def test_a_link_holds_run_tab_tag_and_step(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="image", tag="samples/digits", step="700"))
    assert page.locator(".pn").count() == 1
    assert foots(page)[0].startswith("step 700 · image 8 of 20")
    page.keyboard.press("[")
    until(page, "location.search.includes('step=600')")
    again = open_page(page.url)
    assert foots(again)[0].startswith("step 600")
    again.keyboard.press("Escape")
    until(again, "!crossboard.state.tag && document.querySelectorAll('.pn').length === 3")


def test_the_header_says_who_the_run_is(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first"))
    words = page.locator("#run-head").inner_text()
    for part in ("Finished, 2 attempts", "lr-drop", "Best val/accuracy", "torch 2.13.0", "2 hosts", "digits", "resnet20-sgd"):
        assert part in words, part
    assert page.title().startswith("resnet20-sgd s0")


def test_the_overview_shows_config_summary_attempts_findings_and_notes(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first"))
    assert "momentum" in page.locator("#ov-config").inner_text()
    page.locator("#config-filter").fill("optimizer lr")
    assert page.locator("#ov-config .kv").all_inner_texts() == ["lr\n0.1"]
    assert page.locator("#ov-summary tbody tr").count() == 4
    assert "0.9412" in page.locator("#ov-summary").inner_text()
    assert page.locator("#ov-attempts .tail").count() == 1
    assert page.locator("#ov-findings .find1").count() == 3
    assert page.locator("#ov-notes strong").inner_text() == "paper"
    assert page.locator("#ov-curves .cc").count() == 4
    until(page, "[...document.querySelectorAll('#ov-curves .cc')].every(one => one.card.drawnOnce)")


def test_a_failed_run_shows_its_traceback_and_what_was_dropped(root: Root, open_page: Open) -> None:
    page = open_page(root.url("second"))
    assert "loss.backward()" in page.locator(".trace").inner_text()
    assert "12 points were dropped" in page.locator("#ov-findings").inner_text()
    assert page.locator("#run-head .tag.bad").inner_text() == "Failed"
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 1440


def test_the_charts_tab_holds_this_runs_cards_and_going_back_all_runs(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="charts"))
    assert (
        page.evaluate("[...document.querySelectorAll('#sections .cc')].map(one => one.card.tag).sort().join()")
        == "train/loss,train/lr,val/accuracy,val/loss"
    )
    assert page.evaluate("crossboard.board.visible.map(run => run.name).join()") == "resnet20-sgd s0"
    page.locator("#nav-charts").click()
    until(page, "!crossboard.state.run && crossboard.board.visible.length === 3")


def test_a_run_that_is_not_there_is_said_to_be_so(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url, broken=True)
    page.evaluate("crossboard.state.go({run: 'native:/no/such/run'})")
    until(page, "document.querySelector('#run-body .msg')")
    assert "This run is not on the board" in page.locator("#run-body").inner_text()
    page.get_by_role("button", name="To the charts").click()
    until(page, "!crossboard.state.run")


def test_a_run_with_nothing_has_no_tabs_of_kinds_it_lacks(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing"))
    names = page.locator(".runtabs button").all_inner_texts()
    assert [name.split("\n")[0] for name in names] == ["Overview", "Charts", "Text", "Console", "System"]
    assert "No scalar was logged" in page.locator("#ov-summary").inner_text()
    tab(page, "console")
    until(page, "document.querySelector('#console-lines').innerText.includes('Nothing was captured')")


# ------------------------------------------------------------------------------------------------------- every kind


KINDS = {
    "image": ".tile img, .tile iframe",
    "histogram": ".hc canvas",
    "text": ".texts",
    "table": ".tablebox td",
    "figure": ".plotly .main-svg, .pic.alone img",
    "graph": ".gn",
    "audio": "audio",
    "video": ".vvideo img",
    "pr_curve": ".prc canvas",
    "confusion_matrix": ".cm td, .cmbox canvas",
    "embedding": ".ec canvas",
    "mesh": ".vmesh canvas",
    "tensor": ".tc canvas, .vten pre",
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_shown_at_the_chosen_step_and_moves_with_the_slider(kind: str, root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab=kind))
    assert page.locator(KINDS[kind]).count() > 0
    assert page.locator("#run-body .msg").count() == 0
    if kind == "graph":
        assert page.locator("#run-steps").is_hidden()
        return
    assert all(one.startswith("step 1,900") for one in foots(page) if one)
    page.locator("#run-steps input").fill("3")
    until(page, "crossboard.state.step === '300'")
    settle(page)
    assert all(one.startswith("step 300") for one in foots(page) if one)
    assert page.locator("#run-body .msg").count() == 0


def test_pictures_carry_their_boxes_masks_and_captions(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="image", tag="samples/denoised"))
    until(page, "document.querySelectorAll('.legend span').length === 3")
    assert page.locator(".legend").inner_text().split() == ["meadow", "wood", "sky"]
    assert page.locator(".boxes text").all_text_contents() == ["sun 0.96", "hill"]
    assert page.locator("figcaption").inner_text() == "after 1900 steps"
    page.get_by_role("button", name="Masks").click()
    until(page, "!document.querySelector('.mask')")
    assert page.evaluate("document.querySelector('.pic img').naturalWidth") == 128


def test_several_points_at_one_step_and_older_attempts_can_all_be_reached(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="text", tag="resumed"))
    assert page.locator(".texts").inner_text().strip() == "said 4 times"
    page.get_by_role("button", name="Earlier point of this step").click()
    until(page, "document.querySelector('.texts').innerText.trim() === 'said 3 times'")
    assert "20 of 23" not in foots(page)[0]
    before = page.evaluate("crossboard.run.panels()[0].places.length")
    page.get_by_role("button", name="Older attempts too").click()
    until(page, f"crossboard.run.panels()[0].places.length === {before} + 3")
    page.evaluate("crossboard.steps.choose(1000)")
    settle(page)
    assert "2 of 2 here" in page.locator(".same").inner_text()


def test_a_graph_is_a_tree_that_opens_closes_and_is_searched_by_key(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="graph"))
    page.get_by_role("button", name="Close all").click()
    closed = page.locator(".gn").count()
    page.locator('.gn[data-path="model"]').focus()
    page.locator('.gn[data-path="model"]').click()
    until(page, f"document.querySelectorAll('.gn').length > {closed}")
    assert page.evaluate("document.activeElement.dataset.path") == "model"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.path") == "model.stage1"
    page.keyboard.press("ArrowRight")
    until(page, "document.querySelector('[data-path=\"model.stage1.conv\"]')")
    assert "98.7 k" in page.locator('.gn[data-path="model"]').inner_text()
    page.locator(".vgraph .find").fill("stage3 batchnorm")
    until(page, "document.querySelectorAll('.gn').length === 4")
    page.locator('[data-path="op model.stage3.norm.batchnorm2d"]').click()
    assert "model.stage3.conv.conv2d" in page.locator(".node").inner_text()


def test_a_confusion_matrix_shows_counts_and_rates(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="confusion_matrix", tag="confusion/digits"))
    assert page.locator(".cm td").count() == 100
    sizes = page.evaluate("[...document.querySelectorAll('.cm td')].map(one => `${one.offsetWidth} x ${one.offsetHeight}`)")
    assert len(set(sizes)) == 1
    count = int(page.locator(".cm td").first.inner_text())
    assert count > 1
    page.get_by_label("numbers of the cells").select_option("row")
    until(page, "document.querySelector('.cm td').textContent.startsWith('.')")
    assert 0 < float(page.locator(".cm td").first.inner_text()) <= 1


def test_a_long_table_goes_on_by_pages(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="table", tag="long"))
    assert page.locator(".tablebox tbody tr").count() == 1000
    page.get_by_role("button", name="Later rows").click()
    until(page, "document.querySelector('.tablebox tbody td').innerText === '1,000'")
    page.get_by_role("button", name="Later rows").click()
    until(page, "document.querySelectorAll('.tablebox tbody tr').length === 500")
    assert page.get_by_role("button", name="Later rows").is_disabled()


# -------------------------------------------------------------------------------------- what a run cannot do to people


def test_html_svg_and_markdown_of_a_run_run_nothing_and_ask_nobody(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="text"))  # its fixture fails on any request to another place
    assert page.locator("iframe.sandbox").get_attribute("sandbox") == ""
    assert "Report at 1900" in page.frame_locator("iframe.sandbox").locator("h2").inner_text()
    assert "<script>window.stolen = true</script> stays text" in page.locator(".md blockquote").inner_text()
    assert page.locator('.md a[href^="javascript"]').count() == 0
    tab(page, "image")
    assert page.locator("iframe.sandbox").get_attribute("sandbox") == ""
    until(page, "document.querySelector('iframe.sandbox').srcdoc.includes('data:image/svg')")
    time.sleep(0.3)
    assert page.evaluate("window.stolen") is None


def test_a_figure_is_drawn_by_the_boards_own_plotly_without_addresses(root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab="figure"))
    until(page, "document.querySelector('.plotly .main-svg')")
    assert page.locator(".plotly .scatterlayer .trace").count() == 1
    assert page.locator(".plotly image[*|href*='example.org']").count() == 0
    assert "taken out" in page.locator(".pn footer").first.inner_text()


def test_a_damaged_figure_says_so_and_the_page_goes_on(root: Root, open_page: Open) -> None:
    page = open_page(root.url("second", tab="figure"), broken=True)
    assert "no JSON" in page.locator("#run-body .msg").inner_text()
    tab(page, "image")
    assert page.locator(".tile img").count() == 2


# --------------------------------------------------------------------------------------------------------- it is live


def test_a_new_point_appears_while_the_newest_is_followed_and_not_otherwise(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    step = page.evaluate("Math.max(...crossboard.run.panels()[0].series.step)")
    root.live.put(TextPoint(tag="diary", step=step + 1, wall_time=time.time(), texts=["a new day"]))
    until(page, "document.querySelector('.texts').innerText.includes('a new day')")
    page.keyboard.press("[")
    until(page, f"crossboard.state.step === '{step}'")
    settle(page)
    stays = page.locator(".texts").inner_text()
    root.live.put(TextPoint(tag="diary", step=step + 2, wall_time=time.time(), texts=["yet another"]))
    until(page, f"crossboard.run.panels()[0].series.step.includes({step + 2})")
    time.sleep(0.3)
    assert page.locator(".texts").inner_text() == stays
    page.get_by_role("button", name="Newest").click()
    until(page, "document.querySelector('.texts').innerText.includes('yet another')")


def put_and_wait(root: Root, page: Page, text: str) -> None:
    """Log one more text and wait until the board knows it."""
    before = page.evaluate("crossboard.run.panels()[0].series.version") if page.evaluate("Boolean(crossboard.run)") else 0
    root.live.put(TextPoint(tag="diary", step=int(1000 * time.time()), wall_time=time.time(), texts=[text]))
    query = urllib.parse.urlencode({"run": root.keys["nothing"], "kind": "text", "tag": "diary"})
    end = time.monotonic() + 15
    while json.load(urllib.request.urlopen(f"{root.board.url}api/points?{query}"))["version"] <= before:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_point_that_comes_while_the_points_are_read_is_read_too(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    until(page, "crossboard.live.heard")
    held: list[Any] = []

    def hold(route: Any) -> None:
        if held or "first=" in route.request.url:
            route.continue_()
            return
        answer = route.fetch()
        held.append(answer)
        put_and_wait(root, page, "written meanwhile")
        time.sleep(0.5)  # so that the news of it is there before the older answer
        route.fulfill(response=answer)

    page.route("**/api/points*", hold)
    page.evaluate("void crossboard.run.panels()[0].series.refresh()")
    until(page, "document.querySelector('.texts').innerText.includes('written meanwhile')")
    assert held


def test_a_point_that_comes_before_the_stream_is_open_is_read_too(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing", tab="text"))
    page.add_init_script("delete window.SharedWorker")  # whose requests cannot be held back
    held: list[Any] = []
    page.route("**/api/events*", lambda route: held.append(route))
    page.reload()
    until(page, READY, timeout_s=30)
    assert not page.evaluate("crossboard.live.heard")
    put_and_wait(root, page, "before anybody listened")
    assert not page.evaluate("document.querySelector('.texts').innerText.includes('before anybody listened')")
    for route in held:
        route.continue_()
    until(page, "document.querySelector('.texts').innerText.includes('before anybody listened')")


def test_a_new_tag_of_a_new_kind_gets_its_tab(root: Root, open_page: Open) -> None:
    page = open_page(root.url("nothing"))
    EVERY.every_point(root.live, 5, time.time())
    until(page, "document.querySelector('#run-tab-mesh')")
    tab(page, "mesh")
    assert page.locator(".vmesh canvas").count() == 2


# ------------------------------------------------------------------------------------------- large, narrow, accessible


def test_three_hundred_steps_are_read_in_ranges(root: Root, open_page: Open) -> None:
    asked: list[str] = []
    page = open_page(root.url("second"))
    page.on("request", lambda request: asked.append(request.url) if "api/points" in request.url and "many" in request.url else None)
    tab(page, "image")
    index = [url for url in asked if "first=" not in url]
    assert len(index) == 1
    assert len(asked) <= 4
    page.evaluate("crossboard.steps.choose(150)")
    settle(page)
    assert len(asked) <= 7


LIGHT = ["", "image", "histogram", "text", "table", "graph", "pr_curve", "embedding", "tensor", "console", "system"]
DARK = ["", "table", "confusion_matrix", "graph"]


@pytest.mark.parametrize(("kind", "scheme", "width"), [*((kind, "light", 1440) for kind in LIGHT), *((kind, "dark", 390) for kind in DARK)])
def test_axe_finds_nothing_serious_on_the_run_page(kind: str, scheme: str, width: int, root: Root, open_page: Open) -> None:
    page = open_page(root.url("first", tab=kind), scheme=scheme, width=width)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
