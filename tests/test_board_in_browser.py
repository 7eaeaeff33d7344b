"""The board in real Chromium: real runs from the real logger, the real server, and what a person sees and does.

Every page is watched: a console error or an uncaught exception fails the test that opened it, unless the test takes the server
away. The page tells when it is ready through `crossboard.stats`.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crossboard as cb
from browser import Board, Open, card, drag, faults, foot, row, until

if TYPE_CHECKING:
    pass

pytestmark = pytest.mark.browser

POINTS = 20_000


def log_curves(run: cb.Run, *, points: int, slope: float = 1.0) -> None:
    for step in range(points):
        run.log({"train/loss": slope * math.exp(-step / 4000) + 0.05 * math.sin(step), "train/lr": 1e-3}, step=step)
        if step % 500 == 0:
            run.log({"val/accuracy": 1 - slope * math.exp(-step / 5000)}, step=step)


@dataclass
class Logged:
    """A root with runs, the board over it, and the run that still goes on."""

    board: Board
    live: cb.Run
    step: int = 0
    names: list[str] = field(default_factory=list)

    def log(self, value: float, tag: str = "train/loss") -> None:
        self.step += 1
        self.live.log({tag: value}, step=self.step)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    root = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        with cb.init(project="digits", name=f"cnn seed {seed}", group="cnn", config={"seed": seed}, dir=root) as run:
            log_curves(run, points=POINTS if seed == 0 else 2000, slope=1 + seed / 10)
    with cb.init(project="digits", name="diverged", dir=root) as run:
        for step in range(300):
            value = math.nan if 100 <= step < 150 else math.inf if step == 200 else -1.0
            run.log({"train/loss": value, "train/negative": -2.0}, step=step)
    first = cb.init(project="digits", name="resumed", dir=root)
    for step in range(100):
        first.log({"train/loss": 0.9}, step=step)
    again = str(first.id)
    first.finish()
    with cb.init(project="digits", resume=again, dir=root) as run:
        for step in range(50, 150):
            run.log({"train/loss": 0.7}, step=step)
    with cb.init(project="digits", name="a name of two hundred characters " + "x" * 168, dir=root) as run:
        run.log({"train/loss": 0.5}, step=0)
    live = cb.init(project="digits", name="goes on", dir=root)
    board = Board(root, tmp_path_factory.mktemp("cache"), runs=7)
    logged = Logged(board, live)
    logged.log(0.4)
    board.start()
    yield logged
    live.finish()
    board.stop()


# ------------------------------------------------------------------------------------------------------ what is shown


def test_each_tag_has_a_card_under_its_prefix_and_each_run_a_row(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    assert page.evaluate("[...crossboard.grid.cards.keys()].filter(tag => !tag.startsWith('system/')).sort()") == [
        "train/loss",
        "train/lr",
        "train/negative",
        "val/accuracy",
    ]
    assert page.locator(".sech b").all_inner_texts()[:2] == ["train", "val"]
    assert page.locator(".rr").count() == 7
    assert page.title() == "Charts · digits · crossboard"
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_foot_says_how_many_of_how_many_points_are_drawn(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    words = foot(page, "train/loss")
    shown, total = (int(part.replace(",", "")) for part in words.split(" points")[0].split(" of "))
    assert shown < total
    assert total >= POINTS + 2 * 2000 + 300 + 150 + 2
    assert "extremes kept" in words
    assert foot(page, "val/accuracy").startswith("all 48 points")


def test_what_is_not_a_number_is_counted_and_not_hidden(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    assert "NaN 50" in foot(page, "train/loss")
    assert "inf 1" in foot(page, "train/loss")


def test_a_log_axis_without_a_positive_value_says_so_and_offers_the_way_back(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url + "?log=train/negative")
    negative = card(page, "train/negative")
    assert "A log axis needs a value above 0" in negative.inner_text()
    negative.get_by_role("button", name="Use a linear axis").click()
    until(page, "!location.search.includes('log') && crossboard.stats.pending === 0")
    assert "log axis" not in card(page, "train/negative").locator(".plot").inner_text()


def test_pointing_at_a_curve_names_the_nearest_run_first_and_moves_the_cursor_on_every_card(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url + "?runs=cnn")
    box = card(page, "train/loss").locator("canvas.over").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.15, box["y"] + box["height"] * 0.9)
    rows = page.locator(".tip .r")
    assert 1 <= rows.count() <= 7
    assert "cnn seed" in rows.first.inner_text()
    assert "step " in page.locator(".tip .h").inner_text()
    page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] * 0.5)
    tip = page.locator(".tip").bounding_box()
    assert tip is None or tip["x"] + tip["width"] <= 1440


# ---------------------------------------------------------------------------------------------------------------- zoom


def test_dragging_zooms_to_the_raw_points_and_a_double_click_shows_all_again(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    drag(page, "train/loss", 0.5, 0.55)
    until(page, "crossboard.grid.cards.get('train/loss').inWindow && crossboard.stats.pending === 0")
    assert foot(page, "train/loss").startswith("all ")
    assert page.evaluate("crossboard.grid.cards.get('train/loss').drawn.every(one => one.curve.raw)")
    until(page, "location.search.includes('zoom=')")
    box = card(page, "train/loss").locator("canvas.over").bounding_box()
    page.mouse.dblclick(box["x"] + 200, box["y"] + 40)
    until(page, "!location.search.includes('zoom=') && crossboard.stats.pending === 0")
    assert "extremes kept" in foot(page, "train/loss")


def test_z_undoes_the_zoom(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    drag(page, "train/loss", 0.4, 0.8)
    until(page, "location.search.includes('zoom=')")
    page.keyboard.press("z")
    until(page, "!location.search.includes('zoom=')")


# ---------------------------------------------------------------------------------------------------------------- runs


def test_a_click_hides_a_run_and_only_isolates_it(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    drawn = "new Set(crossboard.grid.cards.get('train/loss').drawn.map(one => one.run.name))"
    everything = page.evaluate(f"{drawn}.size")
    row(page, "diverged").locator("button.run").click()
    until(page, f"crossboard.stats.pending === 0 && !{drawn}.has('diverged')")
    assert page.evaluate(f"{drawn}.size") == everything - 1
    assert row(page, "diverged").locator("button.run").get_attribute("aria-pressed") == "false"
    row(page, "cnn seed 1").hover()
    page.keyboard.press("o")
    until(page, f"crossboard.stats.pending === 0 && {drawn}.size === 1 && {drawn}.has('cnn seed 1')")
    row(page, "cnn seed 1").hover()
    page.keyboard.press("o")
    until(page, f"crossboard.stats.pending === 0 && {drawn}.size === {everything - 1}")


def test_runs_of_one_group_share_a_colour_and_others_do_not(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    colours = page.evaluate(
        "Object.fromEntries(crossboard.board.order.map(run => [run.name.slice(0, 10), crossboard.plot.look(run.slot).colour]))"
    )
    assert colours["cnn seed 0"] == colours["cnn seed 1"] == colours["cnn seed 2"]
    assert len(set(colours.values())) == 5


def test_the_name_filter_keeps_what_matches_and_says_when_nothing_does(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    page.locator("#run-filter").fill("cnn -2")
    until(page, "document.querySelectorAll('.rr').length === 2 && crossboard.board.visible.length === 2")
    page.locator("#run-filter").fill("no such run")
    until(page, "document.querySelector('.nomatch')")
    page.get_by_role("button", name="Clear the filter").click()
    until(page, "document.querySelectorAll('.rr').length === 7")


def test_older_attempts_are_dotted_when_asked_for(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url + "?runs=resumed&old=train/loss")
    until(page, "crossboard.grid.cards.get('train/loss').drawn.some(one => one.older)")
    assert "older attempts dotted" in foot(page, "train/loss")
    newest = page.evaluate("crossboard.grid.cards.get('train/loss').drawn.filter(one => !one.older).map(one => one.curve.n)")
    assert newest == [150]  # 0..49 of the first attempt, 50..149 of the second


# ----------------------------------------------------------------------------------------------------------------- URL


def test_a_copied_link_opens_the_same_view(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    page.locator("#x-axis").get_by_text("Relative").click()
    page.locator("#tag-filter").fill("train")
    row(page, "diverged").locator("button.run").click()
    card(page, "train/loss").hover()
    card(page, "train/loss").get_by_role("button", name="log").click()
    page.locator("#theme-switch").click()
    until(page, "crossboard.stats.pending === 0 && location.search.includes('theme=light')")
    page.locator("#copy-link").click()
    link = page.evaluate("navigator.clipboard.readText()")
    again = open_page(link)
    assert again.evaluate("location.search") == page.evaluate("location.search")
    assert again.evaluate("document.querySelector('#x-axis input:checked').value") == "relative"
    assert again.evaluate("document.getElementById('tag-filter').value") == "train"
    assert again.evaluate("document.documentElement.dataset.mantineColorScheme") == "light"
    assert again.evaluate("crossboard.board.visible.length") == 6
    assert again.evaluate("crossboard.grid.cards.get('train/loss').at.log") is True
    assert again.locator(".cc").count() == 3


@pytest.mark.parametrize(("x", "low", "high"), [("relative", -1, 3600), ("wall", 1.7e9, 1e10)])
def test_the_x_axis_can_be_time(logged: Logged, open_page: Open, x: str, low: float, high: float) -> None:
    page = open_page(f"{logged.board.url}?x={x}")
    at = page.evaluate("(at => [at.x0, at.x1])(crossboard.grid.cards.get('train/loss').at)")
    assert low <= at[0] < at[1] <= high


# ---------------------------------------------------------------------------------------------------------------- live


def test_a_new_point_reaches_the_pixel_without_a_reload(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url + "?runs=goes+on")
    logged.log(0.123456)
    until(page, "crossboard.grid.cards.get('train/loss').drawn.some(one => one.curve.y.includes(0.123456))", timeout_s=5)
    assert "running" in page.locator("#live").inner_text()


def test_a_new_tag_gets_a_card_without_a_reload(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    logged.log(3.0, tag="late/tag")
    until(page, "crossboard.grid.cards.has('late/tag') && crossboard.grid.cards.get('late/tag').curves.size === 1", timeout_s=8)


def test_a_lost_server_is_said_and_a_returned_one_is_live_again(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url, broken=True)
    logged.board.stop()
    until(page, "document.querySelector('.ban')")
    assert "Connection lost, data as of " in page.locator(".ban").inner_text()
    assert "Not live" in page.locator("#live").inner_text()
    assert page.evaluate("crossboard.grid.cards.get('train/loss').drawn.length") > 0
    logged.board.start()
    logged.log(0.654321)
    until(page, "!document.querySelector('.ban')", timeout_s=20)
    until(page, "crossboard.grid.cards.get('train/loss').drawn.some(one => one.curve.y.includes(0.654321))", timeout_s=10)


# -------------------------------------------------------------------------------------------------- looks and manners


def test_the_theme_follows_the_system_until_one_is_chosen(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url, scheme="dark")
    scheme = "document.documentElement.dataset.mantineColorScheme"
    assert page.evaluate(scheme) == "dark"
    page.emulate_media(color_scheme="light")
    until(page, f"{scheme} === 'light'")
    page.keyboard.press("t")
    page.keyboard.press("t")
    until(page, f"{scheme} === 'dark' && location.search.includes('theme=dark')")


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1440, 900), (2560, 1440)])
def test_nothing_is_wider_than_the_screen(logged: Logged, open_page: Open, width: int, height: int) -> None:
    page = open_page(logged.board.url, width=width, height=height)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.getElementById('scroll').scrollWidth <= document.getElementById('scroll').clientWidth")
    if width < 760:
        page.locator("#open-runs").click()
        assert page.locator("#rail").is_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        until(page, "getComputedStyle(document.getElementById('rail')).display === 'none'")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1440), ("light", 390)])
def test_axe_finds_nothing_serious(logged: Logged, open_page: Open, scheme: str, width: int) -> None:
    page = open_page(logged.board.url, scheme=scheme, width=width)
    assert faults(page) == []
    if width > 760:
        page.keyboard.press("?")
        assert page.locator("dialog#keys").is_visible()
        assert faults(page) == []


def test_keys_do_what_the_list_says(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "tag-filter"
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "train/loss, chart"
    page.keyboard.press("ArrowRight")
    assert page.locator(".tip").is_visible()
    assert "step" in page.locator("#said").inner_text()
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "train/loss, chart"
    page.keyboard.press("l")
    until(page, "location.search.includes('log=train/loss')")


def test_a_collapsed_section_holds_no_canvas(logged: Logged, open_page: Open) -> None:
    page = open_page(logged.board.url)
    page.locator(".sech", has_text="val").click()
    until(page, "!crossboard.grid.cards.get('val/accuracy').canvas")
    again = open_page(page.url.split("?")[0] + "?closed=val")
    assert again.evaluate("crossboard.grid.cards.get('val/accuracy').canvas") is None


def test_an_empty_board_shows_the_two_lines_and_becomes_charts_by_itself(tmp_path: Path, open_page: Open, logged: Logged) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    board = Board(root, tmp_path / "cache")
    board.start()
    try:
        page = open_page(board.url)
        text = page.locator("#empty").inner_text()
        assert "No runs here yet" in text
        assert "cb.init(" in text
        assert "run.log(" in text
        assert "runs" in page.locator(".wait").inner_text()
        page.get_by_role("tab", name="Keras").click()
        assert "model.fit(" in page.locator("#snippet").inner_text()
        assert faults(page) == []
        code = "import crossboard as cb, sys\nwith cb.init(project='p', dir=sys.argv[1]) as run:\n    run.log({'loss': 1.0})"
        subprocess.run([sys.executable, "-c", code, str(root)], check=True, timeout=60)
        until(page, "crossboard.grid.cards.has('loss') && crossboard.stats.drawn > 0", timeout_s=15)
        assert page.locator(".hello").count() == 0
        assert page.locator(".rr").count() == 1
        page.close()  # before its board: what it asked from then on would be an error
    finally:
        board.stop()
