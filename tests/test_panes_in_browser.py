"""The Panes page in real Chromium, over handmade environments: what a person sees and does, live, and what a pane cannot do to them.

Every page is watched: a console error, an uncaught exception or a request to another place fails the test that opened it. One error is
expected: the board's answer to the content that is nested too deeply.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import panes_made as made_by_hand
from browser import Board, Open, below, faults, settle, until
from crossboard.store.records import PaneTrace

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

POINTS = 200_000


@dataclass
class Root:
    """The board, and its environments: their runs' keys and their writers, by name."""

    board: Any
    keys: dict[str, str]
    made: dict[str, Any]

    def url(self, *names: str, **more: str) -> str:
        query = [("page", "panes"), *(("env", self.keys[name]) for name in names), *more.items()]
        return f"{self.board.url}?{urllib.parse.urlencode(query)}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    made = made_by_hand.make(directory, points=POINTS)
    made["grows"] = made_by_hand.Environment(directory, "grows", live=True)
    steps = np.arange(100)
    made["grows"].line("w", "loss", {"train": np.exp(-steps / 30), "valid": np.exp(-steps / 40)})
    made["grows"].pane("t", "text", "step 0", "status")
    make_labelled(made_by_hand.Environment(directory, "labelled"))
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=9)
    board.start()
    with urllib.request.urlopen(board.url + "api/panes") as answer:
        keys = {"long" if len(one["name"]) > 100 else one["name"]: one["run"] for one in json.load(answer)["environments"]}
    yield Root(board, keys, made)
    board.stop()


def make_labelled(env: Any) -> None:
    """A scatter of 3,000 points, each with a label."""
    env.log("labels", range(3000), np.arange(3000) % 7)
    trace = {"type": "scatter", "mode": "markers+text", "text": [f"point {i}" for i in range(3000)]}
    traces = [PaneTrace(index=0, tag="labels", attempt=1)]
    env.pane("w", "plot", {"data": [trace], "layout": {}}, "labels", traces=traces)
    env.end()


@pytest.fixture
def open_page(open_page: Open) -> Open:
    return below(open_page, "", expected=("422 (Unprocessable",))


def pane(page: Page, title: str) -> Any:
    return page.locator(f'.pane:has(header b:text-is("{title}"))')


def plot(title: str) -> str:
    """The Plotly element of a pane, as an expression of the page."""
    return f"crossboard.panes.all().find(one => one.title === {json.dumps(title)}).element.querySelector('.js-plotly-plot')"


def titles(page: Page) -> list[str]:
    return [str(one) for one in page.evaluate("crossboard.panes.all().map(one => one.title)")]


def drag(page: Page, title: str, start: float, end: float) -> None:
    """Drag over a plot from one fraction of its width to another."""
    box = pane(page, title).locator(".nsewdrag").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    for part in (0.3, 0.6, 1):
        page.mouse.move(box["x"] + box["width"] * (start + (end - start) * part), y + 2)
    page.mouse.up()


# ------------------------------------------------------------------------------------------------------- what is shown


def test_an_environment_stands_in_visdoms_order_and_sizes_and_every_type_is_drawn(root: Root, open_page: Open) -> None:
    page = open_page(root.url("main"), height=2600)
    made = [line["title"] for line in lines_of(root, "main")]
    assert titles(page) == made
    place = "one => ['left', 'top', 'width', 'height'].map(name => parseFloat(one.element.style[name]))"
    boxes = page.evaluate(f"crossboard.panes.all().map({place})")
    assert boxes[0][:2] == [10, 10]
    by_title = dict(zip(made, boxes, strict=True))
    assert by_title["input batch"][1] == 10  # beside the first
    assert by_title["input batch"][2] == pytest.approx(360, abs=2)  # the width that the program asked for
    assert by_title["weights over time"][1] == by_title["training loss"][1] + by_title["training loss"][3] + 10  # right below
    assert page.locator(".pane .js-plotly-plot").count() == 8  # with the embedding
    assert page.evaluate(f"{plot('training loss')}.data.map(one => [one.name, one.x.length])") == [["train", 200], ["valid", 200]]
    assert pane(page, "training loss").locator("footer").inner_text() == "400 points"
    assert pane(page, "input batch").locator("img").get_attribute("alt") == "a landscape with a sun"
    assert pane(page, "module graph").locator("circle").count() == 30
    assert pane(page, "settings").locator("dd").all_inner_texts() == ["adam", "0.001", "Start again", "on", "cuda:0 of 3"]
    assert pane(page, "speech").locator("audio").count() == 1
    assert "acc" in pane(page, "experiment").inner_text()
    assert "Panes of type “hologram” are not drawn here" in pane(page, "something new").inner_text()
    assert "nested deeper than 100" in pane(page, "deeply nested").inner_text()
    assert "3,600,000,000 pixels" in pane(page, "a very large picture").inner_text()
    assert "1 outside address taken out" in pane(page, "classes").locator("footer").inner_text()
    assert "two classes" in pane(page, "classes").inner_text()
    assert page.locator(".pane header em").all_inner_texts() == ["win_untitled"]


def lines_of(root: Root, name: str) -> list[dict[str, Any]]:
    """The open panes of an environment, as the board's list has them."""
    with urllib.request.urlopen(f"{root.board.url}api/panes?run={urllib.parse.quote(root.keys[name])}") as answer:
        (one,) = json.load(answer)["environments"]
    found: list[dict[str, Any]] = one["panes"]
    return found


def test_the_slider_of_a_history_shows_each_picture(root: Root, open_page: Open) -> None:
    page = open_page(root.url("main", find="samples over time"))
    history = pane(page, "samples over time")
    assert history.locator(".pcap").inner_text() == "step 1500"
    last = history.locator("img").get_attribute("src")
    history.locator("input[type=range]").focus()
    page.keyboard.press("ArrowLeft")
    until(page, "document.querySelector('.pcap').textContent === 'step 1000'")
    until(page, f"document.querySelector('.ppics img').getAttribute('src') !== {json.dumps(last)}")
    assert "3 of 4" in history.inner_text()


def test_the_page_is_reached_from_the_top_bar_and_from_a_run(root: Root, open_page: Open) -> None:
    page = open_page(root.board.url, ready="window.crossboard && crossboard.stats.started && crossboard.board.loaded")
    until(page, "!document.getElementById('nav-panes').hidden")
    page.locator("#nav-panes").click()
    settle(page)
    assert page.evaluate("crossboard.panes.environments().map(one => one.name)") == ["main"]
    assert page.locator("#nav-panes").get_attribute("aria-current") == "page"
    assert not page.locator("#scroll").is_visible()
    page.go_back()
    until(page, "!crossboard.state.page && getComputedStyle(document.getElementById('scroll')).display !== 'none'")
    page.goto(f"{root.board.url}?{urllib.parse.urlencode({'run': root.keys['exp_b']})}")
    page.locator("#run-tab-panes").click()
    settle(page)
    assert titles(page) == ["loss", "accuracy", "sample", "note", "gradient norm"]
    assert not page.locator("#env-pick").is_visible()
    assert page.locator("#run-head h1").inner_text() == "exp_b"
    page.locator("#run-tab-overview").click()
    until(page, "document.getElementById('panes-body').hidden && !document.getElementById('run-body').hidden")


# ---------------------------------------------------------------------------------------------------------- searching


def test_titles_are_searched_by_words_and_by_regular_expression(root: Root, open_page: Open) -> None:
    page = open_page(root.url("many"))
    page.keyboard.press("/")
    page.keyboard.type("PLOT 10")
    until(page, "crossboard.panes.all().length === 3")
    settle(page)
    assert titles(page) == ["plot 10", "plot 100", "plot 105"]
    until(page, "new URLSearchParams(location.search).get('find') === 'PLOT 10'")
    page.locator("#pane-filter").fill("/^plot .*0$/")
    until(page, "crossboard.panes.all().length === 30")
    page.locator("#pane-filter").fill("/(/")
    until(page, "document.getElementById('pane-filter').getAttribute('aria-invalid') === 'true'")
    assert "no regular expression" in page.locator("#panes-head").inner_text()
    assert len(titles(page)) == 300
    page.locator("#pane-filter").fill("nothing of this")
    until(page, "document.querySelector('#panes-body .msg')")
    page.locator("#panes-body .msg button").click()
    until(page, "crossboard.panes.all().length === 300")


def test_three_hundred_panes_hold_only_what_is_near_the_screen(root: Root, open_page: Open) -> None:
    page = open_page(root.url("many"))
    held = "crossboard.panes.all().map((one, i) => one.view ? i : -1).filter(i => i >= 0)"
    first = page.evaluate(held)
    assert first[0] == 0
    assert len(first) < 40
    page.evaluate("document.getElementById('panes-body').scrollTop = 1e6")
    until(page, f"({held}).includes(299) && !({held}).includes(0)")
    settle(page)
    assert len(page.evaluate(held)) < 40
    assert page.evaluate("document.querySelectorAll('.js-plotly-plot').length") < 20


# ----------------------------------------------------------------------------------------------------------- comparing


def test_environments_are_chosen_and_compared_and_the_address_says_which(root: Root, open_page: Open) -> None:
    page = open_page(root.url("exp_a"))
    page.locator("#env-pick").click()
    groups = page.locator(".pgroup").all()
    assert [group.get_attribute("aria-label") for group in groups] == ["exp"]
    page.get_by_label("compare exp_b", exact=True).check()
    until(page, "crossboard.panes.environments().length === 2")
    settle(page)
    assert titles(page) == ["loss", "accuracy", "sample", "note", "gradient norm"]
    until(page, f"{plot('loss')}.data.length === 4")
    assert page.evaluate(f"{plot('loss')}.data.map(one => one.name)") == ["exp_a_train", "exp_a_valid", "exp_b_train", "exp_b_valid"]
    assert page.evaluate(f"{plot('loss')}.data.map(one => one.x.length)") == [150] * 4
    assert pane(page, "gradient norm").locator(".tag").inner_text() == "only exp_b"
    assert pane(page, "sample").locator(".pside").count() == 2
    until(page, "document.querySelectorAll('.pside img').length === 2")
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)["env"] == [root.keys["exp_a"], root.keys["exp_b"]]
    page.keyboard.press("Escape")
    page.get_by_label("Leave exp_a out").click()
    until(page, "crossboard.panes.environments().map(one => one.name).join() === 'exp_b'")


def test_long_names_have_numbers_in_a_comparison_and_fit_everywhere(root: Root, open_page: Open) -> None:
    page = open_page(root.url("exp_a", "long"))
    assert page.evaluate("crossboard.panes.environments().map(one => one.label)") == ["0", "1"]
    assert page.locator(".pchips b").all_inner_texts() == ["0:", "1:"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    head = pane(page, made_by_hand.LONG).locator("header .t")
    assert head.get_attribute("title") == made_by_hand.LONG


# ---------------------------------------------------------------------------------------------------------------- live


def test_new_points_come_by_themselves_and_what_the_user_did_stays(root: Root, open_page: Open) -> None:
    page = open_page(root.url("grows"))
    env = root.made["grows"]
    places = "JSON.stringify(crossboard.panes.all().slice(0, 2).map(one => one.element.style.cssText))"
    before = page.evaluate(places)
    drag(page, "loss", 0.2, 0.6)
    until(page, f"{plot('loss')}.layout.xaxis.autorange === false")
    pane(page, "loss").locator(".legendtoggle").nth(1).click()
    until(page, f"{plot('loss')}.data[1].visible === 'legendonly'", timeout_s=30)
    settle(page)
    seen = page.evaluate(f"{plot('loss')}.layout.xaxis.range")
    env.log("loss/train", range(100, 130), [0.5] * 30)
    env.pane("t", "text", "step 130", "status", order=2)
    env.pane("new", "text", "a third pane", "new")
    until(page, "crossboard.panes.all().length === 3")
    until(page, "document.querySelector('.pane iframe[title=\"text of status\"]').srcdoc.includes('step 130')")
    settle(page)
    assert page.evaluate(f"{plot('loss')}.layout.xaxis.range") == seen
    assert page.evaluate(f"{plot('loss')}.data[1].visible") == "legendonly"
    assert page.evaluate(places) == before  # nothing jumped
    page.mouse.dblclick(*middle(page, "loss"))
    until(page, f"{plot('loss')}.data[0].x.length === 130", timeout_s=30)
    env.log("loss/train", range(130, 140), [0.4] * 10)
    until(page, f"{plot('loss')}.data[0].x.length === 140", timeout_s=30)
    env.close("new")
    until(page, "crossboard.panes.all().length === 2")


def middle(page: Page, title: str) -> tuple[float, float]:
    box = pane(page, title).locator(".nsewdrag").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_many_points_are_thinned_and_a_zoom_reads_the_raw_ones_again(root: Root, open_page: Open) -> None:
    page = open_page(root.url("million"))
    foot = pane(page, "a million points").locator("footer")
    assert foot.inner_text().endswith(f"of {POINTS:,} points, extremes kept")
    assert max(page.evaluate(f"Math.max(...{plot('a million points')}.data[0].y)"), 0) == 9.0
    for _ in range(3):
        drag(page, "a million points", 0.45, 0.5)
        settle(page)
        until(page, "!crossboard.panes.all()[0].busy")
    until(page, "document.querySelector('.pane footer').textContent.endsWith('points, all of this range')", timeout_s=30)
    low, high = page.evaluate(f"{plot('a million points')}.layout.xaxis.range")
    inside = page.evaluate(f"[...{plot('a million points')}.data[0].x].filter(x => x >= {low} && x <= {high}).length")
    assert inside == int(np.floor(high)) - int(np.ceil(low)) + 1
    page.mouse.dblclick(*middle(page, "a million points"))
    until(page, "document.querySelector('.pane footer').textContent.endsWith('extremes kept')", timeout_s=30)


def test_points_that_carry_a_label_are_never_thinned_so_that_each_keeps_its_own(root: Root, open_page: Open) -> None:
    page = open_page(root.url("labelled"))
    held = f"(trace => [trace.x.length, trace.text.length, trace.x[1234], trace.text[1234]])({plot('labels')}.data[0])"
    assert page.evaluate(held) == [3000, 3000, 1234, "point 1234"]
    drag(page, "labels", 0.4, 0.5)
    until(page, f"{plot('labels')}.layout.xaxis.autorange === false")
    settle(page)
    assert page.evaluate(held) == [3000, 3000, 1234, "point 1234"]


# ------------------------------------------------------------------------------------------------------------ keyboard


def test_keys_walk_open_and_close(root: Root, open_page: Open) -> None:
    page = open_page(root.url("exp_b"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.pane.title") == "accuracy"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.pane.title") == "loss"
    page.keyboard.press("e")
    until(page, "document.querySelector('.parea.one .pane.large')")
    settle(page)
    assert pane(page, "loss").bounding_box()["width"] > 1300
    assert "pane=" in page.url
    page.reload()
    settle(page)
    assert page.locator(".pane.large header b").inner_text() == "loss"
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.pane.large')")
    page.keyboard.press("?")
    assert "Filter panes by title" in page.locator("dialog.keys").inner_text()
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    until(page, "crossboard.panes.environments()[0].name === 'grows'")


# -------------------------------------------------------------------------------------------------------------- safety


def test_html_of_a_pane_cannot_run_reach_the_board_or_the_network(root: Root, open_page: Open) -> None:
    page = open_page(root.url("main", find="hostile"))
    frame = pane(page, "hostile text").locator("iframe")
    assert frame.get_attribute("sandbox") == ""
    assert "script" not in frame.get_attribute("srcdoc").lower().replace("script-src", "")
    inner = frame.content_frame
    assert inner.locator("b").inner_text() == "kept"
    assert inner.locator("script, form, img[src], a[href]").count() == 0
    assert "parts left out" in pane(page, "hostile text").locator("footer").inner_text()
    assert page.title().startswith("Panes")  # not "taken"


def test_what_a_pane_holds_is_inert_when_opened_by_its_own_url(root: Root, open_page: Open) -> None:
    page = open_page(root.url("one"))
    for window in ("win_hostile", "win_svg"):
        page.goto(f"{root.board.url}api/pane?{urllib.parse.urlencode({'run': root.keys['main'], 'window': window})}")
        assert page.evaluate("document.contentType") == "application/json"
        assert page.evaluate("document.querySelectorAll('script, svg, iframe').length") == 0


# -------------------------------------------------------------------------------------------------------------- states


def test_a_board_without_panes_teaches_how_they_come(tmp_path: Path, open_page: Open) -> None:
    made_by_hand.HAND.HandWriter(made_by_hand.HAND.make_run(tmp_path / "runs", "plain")).log("loss", 0, 1.0)
    board = Board(tmp_path / "runs", tmp_path / "cache", runs=1)
    board.start()
    try:
        page = open_page(f"{board.url}?page=panes")
        said = page.locator("#panes-body .msg").inner_text()
        assert f"visdom.Visdom(port={board.port})" in said
        assert "crossboard ~/.visdom" in said
        page.goto(board.url)
        until(page, "window.crossboard && crossboard.stats.started && crossboard.board.loaded")
        assert not page.locator("#nav-panes").is_visible()
        page.close()  # before its board: what it asked from then on would be an error
    finally:
        board.stop()


def test_an_environment_that_is_not_there_says_so(root: Root, open_page: Open) -> None:
    page = open_page(f"{root.board.url}?page=panes&env=native:/gone")
    assert "This environment is not on the board" in page.locator("#panes-body").inner_text()
    page.locator("#panes-body .msg button").click()
    until(page, "crossboard.panes.environments().map(one => one.name).join() === 'main'")
    settle(page)


@pytest.mark.parametrize(
    ("names", "width", "scheme"), [(("main",), 1440, "light"), (("main",), 1440, "dark"), (("exp_a", "exp_b"), 390, "light")]
)
def test_axe_finds_nothing_serious(root: Root, open_page: Open, names: tuple[str, ...], width: int, scheme: str) -> None:
    page = open_page(root.url(*names), width=width, height=1800, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#env-pick").click()
    assert faults(page) == []


# ---------------------------------------------------------------------------------------------------- to the program


def test_what_is_done_to_a_live_pane_reaches_the_program_that_listens(tmp_path: Path, open_page: Open) -> None:
    """A program that speaks Visdom's protocol to the board: it draws, appends, and hears keys, settings, clicks and closing."""
    (tmp_path / "runs").mkdir()
    board = Board(tmp_path / "runs", tmp_path / "cache")
    board.start()

    def post(path: str, body: Any) -> str:
        with urllib.request.urlopen(board.url + path, data=json.dumps(body).encode()) as answer:
            return str(answer.read().decode())

    def heard() -> list[dict[str, Any]]:
        told = json.loads(post("vis_socket_wrap", {"message_type": "query", "sid": sid}))["messages"]
        return [one for one in map(json.loads, told) if "event_type" in one]

    try:
        line = {"type": "scatter", "mode": "lines", "x": [0, 1], "y": [2, 1], "name": "1"}
        post("events", {"data": [line], "layout": {}, "win": "w", "eid": "main", "opts": {"title": "live"}})
        controls = [{"type": "text", "name": "rate", "value": "0.1"}, {"type": "button", "name": "go", "value": "Go"}]
        post("events", {"data": [{"type": "properties", "content": controls}], "win": "p", "eid": "main", "opts": {"title": "controls"}})
        picture = {"type": "image", "content": {"src": made_by_hand.picture(np.zeros((20, 30), np.uint8)), "caption": ""}}
        post("events", {"data": [picture], "win": "i", "eid": "main", "opts": {"title": "picture"}})
        sid = json.loads(post("vis_socket_wrap", {"message_type": "init"}))["sid"]
        page = open_page(f"{board.url}?page=panes")
        until(page, "crossboard.panes.all().length === 3 && crossboard.panes.all().every(one => one.live)", timeout_s=30)
        settle(page)
        more = {**line, "x": [2, 3], "y": [0.5, 0.2]}
        post("update", {"data": [more], "win": "w", "eid": "main", "append": True, "name": "1"})
        until(page, f"{plot('live')}.data[0].x.length === 4", timeout_s=30)
        assert page.evaluate(f"[...{plot('live')}.data[0].y]") == [2, 1, 0.5, 0.2]
        field = pane(page, "controls").locator("input")
        field.fill("0.5")
        field.press("Enter")
        pane(page, "picture").locator("img").click()
        pane(page, "live").hover()
        pane(page, "live").get_by_label("Send keys to the program").click()
        page.keyboard.press("j")
        page.keyboard.press("Escape")
        pane(page, "picture").hover()
        pane(page, "picture").get_by_label("Close picture").click()
        until(page, "crossboard.panes.all().length === 2", timeout_s=30)
        assert titles(page) == ["live", "controls"]
        events = heard()
        assert [(one["event_type"], one["target"]) for one in events[:3]] == [("PropertyUpdate", "p"), ("Click", "i"), ("KeyPress", "w")]
        assert (events[0]["propertyId"], events[0]["value"]) == (0, "0.5")
        assert events[1]["image_coord"]["x"] == pytest.approx(15, abs=1)
        assert (events[2]["key"], events[2]["key_code"]) == ("j", 74)
        assert "i" in {one["target"] for one in events[3:]}
        page.close()  # before its board: what it asked from then on would be an error
    finally:
        board.stop()
