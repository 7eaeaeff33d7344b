"""The shell in real Chromium: palette, saved views, settings, source chips, notices, the live indicator and the list of keys.

The board stands over a native root with a run that goes on, a TensorBoard log directory and a Visdom environment. Every page is watched: a
console error or an uncaught exception fails the test that opened it, unless the test takes the server away.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import crossboard as cb
from browser import SETTLED, Board, Open, faults, until
from crossboard.adapters.tensorboard.writer import EventFileWriter

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ASSETS = Path(__file__).resolve().parents[1] / "dashboard" / "assets"


@dataclass
class Root:
    """The board over one directory that holds all three formats."""

    board: Any
    directory: Path
    live: cb.Run
    step: int = 0

    def url(self, more: str = "") -> str:
        return f"{self.board.url}{more}"

    def log(self, value: float) -> None:
        self.step += 1
        self.live.log({"train/loss": value}, step=self.step)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    for name in ("resnet20-sgd", "resnet20-adamw", "transformer"):
        with cb.init(project="p", name=name, config={"lr": 0.1}, dir=directory, system=False) as run:
            for step in range(5):
                run.log({"train/loss": 1 / (1 + step), "val/accuracy": step / 5, "val/loss": 2 / (1 + step)}, step=step)
    with EventFileWriter(directory / "logs" / "keras") as writer:
        for step in range(5):
            writer.scalar("train/loss", 0.5, step, 1e9 + step)
    pane = {"command": "window", "id": "w", "title": "words", "type": "text", "content": "hello", "i": 0, "width": 300, "height": 200}
    (directory / "logs" / "env.json").write_text(json.dumps({"jsons": {"w": pane}, "reload": {}}))
    live = cb.init(project="p", name="going on", dir=directory, system=False)
    live.log({"train/loss": 0.4}, step=0)
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=6)
    board.start()
    yield Root(board, directory, live)
    board.stop()
    live.finish()


def find(page: Page, words: str) -> list[str]:
    """Open the palette, type, and return what is offered."""
    if not page.evaluate("crossboard.palette.isOpen()"):
        page.keyboard.press("Control+k")
    page.locator("#palette-input").fill(words)
    return [str(one) for one in page.locator(".po .trunc:not(.dim)").all_inner_texts()]


def choose(page: Page, words: str, title: str, key: str = "Enter") -> None:
    """Find `title` in the palette, go to it with the arrow keys, and press `key`."""
    offered = find(page, words)
    assert title in offered
    for _ in range(offered.index(title)):
        page.keyboard.press("ArrowDown")
    marked = page.evaluate(
        "document.getElementById(document.getElementById('palette-input').getAttribute('aria-activedescendant')).innerText"
    )
    assert title in marked
    page.keyboard.press(key)


# ------------------------------------------------------------------------------------------------------------ palette


def test_the_palette_opens_runs_isolates_them_jumps_to_cards_and_changes_settings_by_key(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?closed=val"))
    choose(page, "r20a", "resnet20-adamw")
    until(page, "crossboard.board.runs.get(crossboard.state.run).name === 'resnet20-adamw' && location.search.includes('run=')")
    choose(page, "val acc", "val/accuracy")
    until(page, "!crossboard.state.run && document.activeElement.getAttribute('aria-label') === 'val/accuracy, chart'")
    assert page.evaluate("crossboard.state.closed.size") == 0
    choose(page, "sgd", "resnet20-sgd", "Shift+Enter")
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'resnet20-sgd'")
    choose(page, "theme dark", "Theme: dark")
    until(page, "document.documentElement.dataset.mantineColorScheme === 'dark'")
    choose(page, "smooth ema", "Smoothing: EMA")
    until(page, "location.search.includes('smooth=ema:0.6')")
    choose(page, "table", "Runs")
    until(page, "crossboard.state.page === 'runs' && crossboard.table && crossboard.table.settled()", timeout_s=30)
    assert find(page, "zzzz") == []
    assert "Nothing here is called “zzzz”" in page.locator("#palette-list").inner_text()
    page.keyboard.press("Escape")
    find(page, "")
    assert page.locator(".pt").first.inner_text() == "Chosen lately"
    assert page.locator(".po .trunc:not(.dim)").first.inner_text() == "Runs"
    again = open_page(root.url(), beside=page)
    assert find(again, "")[0] == "Runs"


def test_a_key_of_a_card_is_done_to_the_card_that_was_in_focus(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    page.keyboard.press("j")
    page.keyboard.press(":")
    assert page.locator("#palette").is_visible()
    choose(page, "log y", "Log y axis of the card in focus")
    until(page, "location.search.includes('log=train/loss')")


def test_the_palette_stays_short_with_ten_thousand_runs_and_says_how_many_fit(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    page.evaluate(
        "(() => { const {board} = crossboard, like = board.order[0]; for (let i = 0; i < 10000; i++)"
        " board.order.push({...like, key: `k${i}`, id: `id${i}`, name: `sweep-${i}-lr${i % 97}`}); })()"
    )
    offered = find(page, "sweep lr42")
    assert 8 <= len(offered) <= 60
    assert all("lr42" in name for name in offered if name.startswith("sweep"))
    assert "Filter the rail by “sweep lr42”" in offered
    assert (
        page.locator(".po", has_text="Filter the rail by").locator(".dim").inner_text()
        == f"{sum('lr42' in f'lr{i % 97}' for i in range(10_000))} fit"
    )
    page.locator("#palette-input").fill("no such run at all")
    until(page, "document.querySelectorAll('.po').length === 0")
    page.locator("#palette-input").fill("s")
    assert page.locator(".po").count() <= 60


# -------------------------------------------------------------------------------------------------------------- views


def test_a_view_is_saved_opened_in_another_browser_renamed_deleted_and_undone(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?x=relative&tags=loss&theme=dark"))
    page.keyboard.press("v")
    page.locator("#view-name").fill("losses in time")
    page.keyboard.press("Enter")
    page.locator(".vo", has_text="losses in time").wait_for()
    assert "open now" in page.locator(".vo").inner_text()
    assert faults(page) == []
    other = open_page(root.url("?x=wall"))
    until(other, "crossboard.views.list().length === 1")
    with other.expect_navigation():
        choose(other, "losses time", "losses in time")
    until(other, f"{SETTLED} && crossboard.state.x === 'relative' && crossboard.state.tags === 'loss'", timeout_s=30)
    assert "theme" not in other.evaluate("location.search")
    other.go_back()
    until(other, f"{SETTLED} && crossboard.state.x === 'wall'", timeout_s=30)
    page.locator(".vl [data-act=rename]").click()
    page.locator("#view-rename").fill("losses")
    page.keyboard.press("Enter")
    page.locator(".vo", has_text=re.compile("^losses")).wait_for()
    page.locator(".vl [data-act=delete]").click()
    page.locator("#view-undo").wait_for()
    assert page.locator(".vl").count() == 0
    page.locator("#view-undo").click()
    page.locator(".vo", has_text="losses").wait_for()
    page.locator(".vl [data-act=delete]").click()
    page.locator(".toast").wait_for()
    page.keyboard.press("Escape")
    assert not page.locator("dialog#views").is_visible()
    page.keyboard.press("u")  # and by key, when the dialog is gone
    until(page, "crossboard.views.list().length === 1 && crossboard.toasts.shown().length === 0")
    page.evaluate("crossboard.views.change({id: crossboard.views.list()[0].id, deleted: true})")


def test_the_default_view_opens_first_and_a_reload_of_another_view_stays_there(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?tags=loss"))
    page.keyboard.press("v")
    page.locator("#view-name").fill("first")
    page.keyboard.press("Enter")
    page.locator(".vl [data-act=default]").click()
    page.locator(".vl [data-act=default][aria-pressed=true]").wait_for()
    try:
        fresh = open_page(root.url())
        assert fresh.evaluate("[location.search, crossboard.state.tags]") == ["?tags=loss", "loss"]
        until(fresh, "crossboard.views.opensFirst()")
        fresh.evaluate("(crossboard.state.set('tags', ''), crossboard.page.fields())")
        until(fresh, "location.search === '?x=step'")
        fresh.reload()
        until(fresh, SETTLED, timeout_s=30)
        assert fresh.evaluate("crossboard.state.tags") == ""
    finally:
        page.evaluate("crossboard.views.change({id: crossboard.views.list()[0].id, deleted: true})")
        until(page, "crossboard.views.list().length === 0")


# ----------------------------------------------------------------------------------------------------------- settings


def test_settings_work_at_once_survive_a_reload_reach_other_tabs_and_are_taken_back(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    other = open_page(root.url("?x=wall"), beside=page)
    page.keyboard.press(",")
    page.locator("#set-digits").select_option("3")
    page.locator("#set-zone").select_option("utc")
    page.locator("#set-x").select_option("relative")
    page.locator("#set-smooth").select_option("ema")
    page.locator("#set-points").select_option("400")
    page.locator("#set-theme").select_option("dark")
    was = page.evaluate("crossboard.plot.look(0).colour")
    page.locator("#colour-0").press("ArrowRight")
    assert page.evaluate("crossboard.plot.look(0).colour") != was
    assert page.evaluate("document.activeElement.id") == "colour-1"
    assert page.evaluate("crossboard.numbers.value(0.123456)") == "0.12"
    assert page.evaluate("document.documentElement.dataset.mantineColorScheme") == "dark"
    assert faults(page) == []
    until(other, "crossboard.numbers.value(0.123456) === '0.12'")
    assert other.evaluate("[crossboard.state.x, crossboard.state.smooth]") == ["wall", ""]  # what an address says stands
    page.goto(root.url())
    until(page, SETTLED, timeout_s=30)
    assert page.evaluate("[crossboard.state.x, crossboard.state.smooth]") == ["relative", "ema:0.6"]
    until(page, "crossboard.grid.cards.get('train/loss').signature.split('|')[1] === '100'")
    page.keyboard.press(",")
    page.locator("#settings-reset").click()
    assert page.evaluate("[crossboard.numbers.value(0.123456), crossboard.plot.look(0).colour === crossboard.plot.colours().runs[0]]") == [
        "0.1235",
        True,
    ]
    assert page.evaluate("localStorage.getItem('crossboard-settings')") is None


# ----------------------------------------------------------------------------------------------------- sources, live


def test_a_chip_for_each_format_narrows_the_rail_to_its_runs(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    chips = page.locator("#rail-sources .chip")
    assert sorted(" ".join(text.split()) for text in chips.all_inner_texts()) == ["Native 4 runs", "TensorBoard 1 run", "Visdom 1 run"]
    assert str(root.directory) in (chips.filter(has_text="TensorBoard").get_attribute("title") or "")
    chips.filter(has_text="TensorBoard").click()
    until(page, "crossboard.board.visible.map(run => run.source).join() === 'tensorboard' && location.search.includes('src=tensorboard')")
    assert page.locator("#rail-sources [aria-pressed=true]").inner_text().startswith("TensorBoard")
    page.locator("#run-filter").fill("resnet")
    page.locator("#run-filter").press("Enter")
    page.get_by_role("button", name="Clear the filter").click()
    until(page, "crossboard.board.visible.length === 6 && !location.search.includes('src=')")


def test_a_damaged_source_is_marked_on_its_chip(root: Root, open_page: Open) -> None:
    events = next((root.directory / "logs" / "keras").glob("events*"))
    page = open_page(root.url())
    whole = events.read_bytes()
    try:
        events.write_bytes(whole[:40] + bytes([whole[40] ^ 255]) + whole[41:] + whole[-30:])
        until(page, "document.querySelector('#rail-sources .chip.warned')", timeout_s=20)
        assert "1 damaged" in page.locator("#rail-sources .chip.warned").inner_text()
    finally:
        events.write_bytes(whole)
    until(page, "!document.querySelector('#rail-sources .chip.warned')", timeout_s=20)


def test_the_indicator_counts_down_to_the_next_try_and_tries_at_once_when_asked(root: Root, open_page: Open) -> None:
    page = open_page(root.url(), broken=True)
    until(page, "/Live · \\d running/.test(document.getElementById('live').innerText)")
    root.board.stop()
    until(page, "/Not live · again in \\d+ s/.test(document.getElementById('live').innerText)")
    until(page, "crossboard.live.nextAt - Date.now() / 1000 > 3", timeout_s=30)  # it waits longer each time
    root.board.start()
    page.locator("#live-now").click()
    until(page, "crossboard.live.connected")
    until(page, "/Live/.test(document.getElementById('live').innerText) && !document.getElementById('live-now')")


def test_paused_updates_wait_are_said_and_are_told_when_asked(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    page.evaluate("crossboard.settings.set('refresh', -1)")
    root.log(0.987)
    until(page, "document.getElementById('live-now')")
    assert "Paused" in page.locator("#live").inner_text()
    drawn = "crossboard.grid.cards.get('train/loss').drawn.some(one => one.curve.y.includes(0.987))"
    assert not page.evaluate(drawn)
    page.locator("#live-now").click()
    until(page, drawn)
    until(page, "!document.getElementById('live-now')")
    merged = page.evaluate(
        "crossboard.live.merged({version: 1, runs: ['a', 'b'], removed: ['c'], tags: ['x'], complete: true},"
        " {version: 2, runs: ['c'], removed: ['a'], tags: ['y'], complete: false})"
    )
    assert merged == {"version": 2, "runs": ["b", "c"], "removed": ["a"], "tags": ["x", "y"], "complete": False}


# ------------------------------------------------------------------------------------------------------------ notices


def test_a_run_that_fails_is_told_once_with_the_way_to_its_page(root: Root, open_page: Open) -> None:
    run = cb.init(project="p", name="doomed", dir=root.directory, system=False)
    run.log({"train/loss": 1.0}, step=0)
    page = open_page(root.url())
    until(page, "crossboard.board.order.some(run => run.name === 'doomed' && run.status === 'running')")
    run.finish("failed", error="RuntimeError: CUDA out of memory")
    page.locator(".toast", has_text="doomed failed: RuntimeError: CUDA out of memory").wait_for(timeout=20_000)
    assert page.locator("#toasts").get_attribute("aria-live") == "polite"
    assert faults(page) == []
    page.keyboard.press("u")
    until(page, "crossboard.state.run && crossboard.run && crossboard.run.settled()")
    assert page.evaluate("crossboard.board.runs.get(crossboard.state.run).name") == "doomed"
    assert page.locator(".toast").count() == 0
    key = page.evaluate("crossboard.state.run")
    page.evaluate("crossboard.state.go({})")
    asked = urllib.request.Request(root.url("api/delete"), json.dumps({"runs": [key]}).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(asked).close()
    until(page, "!crossboard.board.order.some(run => run.name === 'doomed')", timeout_s=20)


# what could be clicked at any point of the notices' box if they were not there
UNDER_THE_NOTICES = """(() => {
  const place = document.getElementById('toasts'), box = place.getBoundingClientRect(), found = new Set();
  place.style.visibility = 'hidden';
  for (let x = box.left + 1; x < box.right; x += 6) for (let y = box.top + 1; y < box.bottom; y += 6) {
    const at = document.elementFromPoint(x, y), control = at && at.closest('button, a, input, select, .cc, .ag-row');
    if (control) found.add(control.outerHTML.slice(0, 120));
  }
  place.style.visibility = '';
  return [...found];
})()"""


@pytest.mark.parametrize(("width", "more"), [(390, ""), (1440, "?page=runs")])
def test_at_most_three_notices_stand_and_they_cover_no_control(root: Root, open_page: Open, width: int, more: str) -> None:
    page = open_page(root.url(more), width=width)
    if more:
        until(page, "crossboard.table && crossboard.table.settled()", timeout_s=30)
    page.evaluate("crossboard.toasts.tell('one')")
    page.evaluate("crossboard.toasts.tell('two', {bad: true})")
    page.evaluate("crossboard.toasts.tell('three', {offer: ['Undo', () => {}]})")
    page.evaluate("crossboard.toasts.tell('four')")
    assert page.locator(".toast .tw").all_inner_texts() == ["two", "three", "four"]
    covered = page.evaluate(UNDER_THE_NOTICES)
    assert covered == []
    for left in (2, 1, 0):
        page.keyboard.press("d")
        assert page.locator(".toast").count() == left
    assert page.evaluate("getComputedStyle(document.getElementById('scroll')).marginBottom") == "0px"


# --------------------------------------------------------------------------------------------------------------- keys


NAMES = {
    "arrowdown": "↓",
    "arrowup": "↑",
    "arrowleft": "←",
    "arrowright": "→",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    " ": "space",
}


def asked_for(folders: set[str]) -> dict[str, set[str]]:
    """The keys that scripts ask for by themselves, by the folder of the script ("" for those of every page)."""
    found: dict[str, set[str]] = {folder: set() for folder in folders}
    for script in ASSETS.rglob("*.js"):
        folder = "" if script.parent == ASSETS else script.parent.name
        if folder == "vendor":
            continue
        text = script.read_text(encoding="utf-8")
        names = re.findall(r"event\.key(?:\.toLowerCase\(\))? ===? '([^']+)'", text)
        for table in re.findall(r"\{([^{}]*)\}\[event\.key\]", text):
            names += re.findall(r"(\w+|'[^']+'):", table)
        found[folder] |= {name.strip("'").lower() for name in names}
    return found


def test_the_list_of_keys_names_every_key_there_is_on_each_page(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    run = page.evaluate("crossboard.board.order.find(run => run.name === 'transformer').key")
    places = {
        "": ("{}", "true"),
        "run": (f"{{run: {json.dumps(run)}}}", "crossboard.run && crossboard.run.settled()"),
        "runs": ("{page: 'runs'}", "crossboard.table && crossboard.table.settled()"),
        "panes": ("{page: 'panes'}", "crossboard.panes && crossboard.panes.isOn()"),
        "kinds": ("{page: 'text'}", "crossboard.kinds && crossboard.kinds.isOn()"),
    }
    wanted = asked_for(set(places))
    for name, (place, stands) in places.items():
        page.evaluate(f"crossboard.state.go({place})")
        until(page, stands, timeout_s=30)
        page.keyboard.press("?")
        page.locator("dialog#keys").wait_for()
        told = page.locator("dialog#keys").inner_text().lower()
        rows = page.locator("dialog#keys dt").all_inner_texts()
        keys = {key for row in rows for key in row.lower().split()} | set(re.findall(r"[←↑→↓+-]|pgup|pgdn|home|end", told))
        here = wanted[name] | ({"arrowup", "arrowdown", "enter", "tab", "escape"} if name else set())
        assert {NAMES.get(key, key) for key in here} - keys == set(), f"not listed on page {name!r}"
        at_work = page.evaluate("crossboard.keys.listed().filter(([, , work]) => work).map(([key]) => key)")
        assert len(at_work) == len(set(at_work)), "a key does two things"
        assert {"Ctrl K", "?", "G C", "V"} <= set(at_work)
        assert {" ".join(row.split()) for row in rows} >= set(at_work)
        page.keyboard.press("Escape")


def test_every_button_of_the_top_bar_opens_what_its_key_opens(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    for button, dialog in (("open-palette", "palette"), ("open-views", "views"), ("open-settings", "settings"), ("show-keys", "keys")):
        page.locator(f"#{button}").click()
        page.locator(f"dialog#{dialog}").wait_for()
        if dialog in ("palette", "settings"):
            assert faults(page) == []
        page.keyboard.press("Escape")
        until(page, f"!document.getElementById('{dialog}').open")
        assert page.evaluate("document.activeElement.id") == button
