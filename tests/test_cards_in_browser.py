"""What can be done with a card, in real Chromium: axes, ranges, smoothing, ranges of x, downloads, large view, expressions."""

from __future__ import annotations

import json
import math
import random
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import pytest

import crossboard as cb
from browser import Board, Open, below, card, faults, until
from crossboard.store.smoothing import smooth
from crossboard.store.store import Smoothing

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CARD = "crossboard.grid.cards.get('train/loss')"
STEPS = 300
SPIKE = 40.0


@dataclass
class Logged:
    """The board over two runs of 300 steps, one of which jumps once, and one that still goes on."""

    url: str
    live: cb.Run
    loss: dict[str, list[float]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    root, chance = tmp_path_factory.mktemp("runs"), random.Random(0)
    loss: dict[str, list[float]] = {}
    for name in ("calm", "jumps"):
        loss[name] = [math.exp(-step / 80) + 0.1 + chance.gauss(0, 0.02) for step in range(STEPS)]
        if name == "jumps":
            loss[name][200] = SPIKE
        with cb.init(project="p", name=name, dir=root) as run:
            for step, value in enumerate(loss[name]):
                run.log({"train/loss": value, "train/tokens": 512.0 * step, "train/signed": (-1.0) ** step}, step=step)
                if step % 2 == 0:
                    run.log({"val/loss": value + 1}, step=step)
    live = cb.init(project="p", name="live", dir=root)
    live.log({"live/loss": 1.0}, step=0)
    with Board(root, tmp_path_factory.mktemp("cache"), runs=3) as board:
        yield Logged(board.url, live, loss)
    live.finish()


@pytest.fixture
def open_page(open_page: Open, logged: Logged) -> Open:
    """Open the board with a query."""
    return below(open_page, logged.url)


def settled(page: Page, expression: str = "true") -> None:
    """Wait until nothing is pending any more and `expression` holds."""
    until(page, f"crossboard.stats.pending === 0 && ({expression})")


def chart(page: Page, tag: str = "train/loss") -> Any:
    return card(page, tag)


def foot(page: Page, tag: str = "train/loss") -> str:
    return str(chart(page, tag).locator("footer").text_content())


def spot(page: Page, x: float, y: str, tag: str = "train/loss") -> tuple[float, float]:
    """Where x and the y of an expression lie on the screen."""
    one = f"crossboard.grid.cards.get({json.dumps(tag)})"
    at = page.evaluate(f"[{one}.at.X({x}), {y}]")
    box = chart(page, tag).locator("canvas.over").bounding_box()
    assert box is not None
    return box["x"] + at[0], box["y"] + at[1]


# --------------------------------------------------------------------------------------------- axes and ranges


def test_the_menu_of_a_card_sets_log_axes_and_a_robust_range_that_says_what_it_leaves_out(logged: Logged, open_page: Open) -> None:
    page = open_page("")
    assert page.evaluate(f"{CARD}.at.y1") > SPIKE
    chart(page).focus()
    page.keyboard.press("m")
    assert page.evaluate("document.activeElement.id") == "card-logy"
    page.locator("#card-range").select_option("robust")
    settled(page, f"{CARD}.at.y1 < 2")
    low, high = page.evaluate(f"[{CARD}.at.y0, {CARD}.at.y1]")
    values = np.array(logged.loss["calm"] + logged.loss["jumps"])
    assert low <= np.quantile(values, 0.01, method="inverted_cdf")
    assert np.quantile(values, 0.99, method="inverted_cdf") <= high
    outside = int(np.sum((values < low) | (values > high)))
    assert outside >= 1
    assert f"{outside} outside 1–99 %" in foot(page)
    page.locator("#card-logx").check()
    settled(page, f"{CARD}.at.logx")
    assert page.evaluate(f"{CARD}.at.x0") == 1  # step 0 has no place
    assert "2 at x ≤ 0" in foot(page)
    x = page.evaluate(f"[1, 10, 100].map({CARD}.at.X)")
    assert x[1] - x[0] == pytest.approx(x[2] - x[1])
    until(page, "location.search.includes('logx')")
    page.keyboard.press("Escape")
    assert page.locator(".menu").count() == 0
    again = open_page(page.evaluate("location.search"))
    assert again.evaluate(f"[{CARD}.own.range, {CARD}.own.logx]") == ["robust", "1"]
    again.locator('.cc[aria-label="train/loss, chart"] [data-act=menu]').click()
    again.locator("#card-reset").click()
    settled(again, f"!{CARD}.at.logx && {CARD}.at.y1 > {SPIKE} && !location.search.includes('card=')")


def test_a_log_y_axis_counts_what_it_has_no_place_for(open_page: Open) -> None:
    page = open_page("?log=train/signed")
    assert f"{STEPS} at y ≤ 0" in foot(page, "train/signed")


def test_a_fixed_range_is_taken_from_two_fields_and_nonsense_is_marked(open_page: Open) -> None:
    page = open_page("")
    chart(page).focus()
    page.keyboard.press("m")
    page.locator("#card-range").select_option("fixed")
    page.locator("#card-low").fill("0")
    page.locator("#card-high").fill("0.5")
    page.locator("#card-high").press("Tab")
    settled(page, f"{CARD}.at.y1 === 0.5")
    assert "outside" in foot(page)
    page.locator("#card-high").fill("high")
    page.locator("#card-high").press("Tab")
    assert page.locator("#card-low").get_attribute("aria-invalid") == "true"
    assert page.evaluate(f"{CARD}.own.range") == "0:0.5"


def test_any_metric_is_an_x_axis_for_all_cards_or_one(open_page: Open) -> None:
    page = open_page("")
    page.locator("#x-metric").select_option("train/tokens")
    settled(page, f"{CARD}.axis === 'metric:train/tokens' && {CARD}.at.x1 === {512 * (STEPS - 1)}")
    page.locator("#x-metric").select_option("")
    settled(page, f"{CARD}.axis === 'step'")
    chart(page).focus()
    page.keyboard.press("m")
    page.locator("#card-x").select_option("metric:train/tokens")
    settled(page, f"{CARD}.at.x1 === {512 * (STEPS - 1)}")
    assert page.evaluate("crossboard.grid.cards.get('val/loss').axis") == "step"
    assert "x: train/tokens" in foot(page)


# --------------------------------------------------------------------------------------------------- smoothing


def test_smoothing_is_of_all_points_and_what_was_logged_stands_behind(logged: Logged, open_page: Open) -> None:
    page = open_page("")
    assert page.evaluate(f"{CARD}.behind.length") == 0
    page.locator("#smooth").select_option("ema")
    settled(page, f"{CARD}.behind.length === 2")
    want = smooth(np.array(logged.loss["jumps"]), Smoothing("ema", 0.6))
    one = f"{CARD}.drawn.find(one => one.run.name === 'jumps')"
    drawn = page.evaluate(f"[[...{one}.curve.x], [...{one}.curve.y]]")
    assert len(drawn[0]) > 100
    assert drawn[1] == pytest.approx([want[int(x)] for x in drawn[0]])
    assert "EMA 0.6" in foot(page)
    page.locator("#smooth-weight").focus()
    page.keyboard.press("End")
    settled(page, f"{CARD}.smoothed.as === 'ema:0.99' && location.search.includes('smooth=ema:0.99')")
    again = open_page("?smooth=mean:25&zoom=50~150~train/loss")
    want = smooth(np.array(logged.loss["calm"]), Smoothing("mean", 25))
    one = f"{CARD}.drawn.find(one => one.run.name === 'calm')"
    drawn = again.evaluate(f"[[...{one}.curve.x], [...{one}.curve.y]]")
    assert drawn[0] == list(range(49, 152))
    assert drawn[1] == pytest.approx([want[int(x)] for x in drawn[0]])


def test_a_card_may_be_smoothed_in_a_way_of_its_own(open_page: Open) -> None:
    page = open_page("?smooth=ema:0.9")
    chart(page).focus()
    page.keyboard.press("m")
    page.locator("#card-smooth").select_option("none")
    settled(page, f"{CARD}.behind.length === 0 && crossboard.grid.cards.get('val/loss').behind.length === 2")
    page.locator("#card-smooth").select_option("gaussian")
    settled(page, f"{CARD}.smoothed.as === 'gaussian:4' && {CARD}.behind.length === 2")


def test_the_tooltip_says_the_smoothed_value_then_the_logged_one(logged: Logged, open_page: Open) -> None:
    page = open_page("?smooth=ema:0.9&runs=calm")
    one = f"{CARD}.drawn[0]"
    step = page.evaluate(f"{one}.curve.x[60]")
    page.mouse.move(*spot(page, step, f"{CARD}.at.Y({one}.curve.y[60])"))
    until(page, "document.querySelector('.tip .r.near .lg')")
    want = smooth(np.array(logged.loss["calm"]), Smoothing("ema", 0.9))[int(step)]
    assert page.locator(".tip .r.near b").inner_text() == f"{want:.4f}"
    assert page.locator(".tip .r.near .lg").inner_text().startswith(f"{logged.loss['calm'][int(step)]:.4f}")
    assert "smoothed, then logged" in page.locator(".tip .f").inner_text()


def test_a_smoothed_curve_follows_its_run(logged: Logged, open_page: Open) -> None:
    page = open_page("?smooth=mean:3")
    for step in range(1, 6):
        logged.live.log({"live/loss": float(step * step)}, step=step)
    card = "crossboard.grid.cards.get('live/loss')"
    until(page, f"{card}.drawn[0] && {card}.drawn[0].logged && {card}.drawn[0].curve.x.length === 6")
    assert page.evaluate(f"[...{card}.drawn[0].curve.y].slice(1, 5)") == pytest.approx([2, 14 / 3, 29 / 3, 50 / 3])


@pytest.mark.parametrize(("width", "height", "scheme"), [(390, 844, "light"), (1440, 900, "dark")])
def test_nothing_serious_is_found_with_the_menu_open(open_page: Open, width: int, height: int, scheme: str) -> None:
    page = open_page("?smooth=ema:0.9", width=width, height=height, scheme=scheme)
    chart(page).focus()
    page.keyboard.press("m")
    page.locator("#card-range").select_option("fixed")
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


# ------------------------------------------------------------------------------------------ statistics of a range


def test_a_drag_with_shift_shows_the_statistics_of_all_points_in_the_range(logged: Logged, open_page: Open) -> None:
    page = open_page("?smooth=ema:0.9")
    left, right = spot(page, 50, "60"), spot(page, 250, "60")
    page.keyboard.down("Shift")
    page.mouse.move(*left)
    page.mouse.down()
    page.mouse.move(*right, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    until(page, "document.querySelectorAll('#range-table tbody tr').length === 2")
    assert page.evaluate("crossboard.state.zoom.size") == 0
    low, high = page.evaluate("[crossboard.state.sel.low, crossboard.state.sel.high]")
    assert (low, high) == pytest.approx((50, 250), abs=1.5)
    until(page, "location.search.includes('sel=')")
    page.locator("#range-low").fill("100")
    page.locator("#range-high").fill("220")
    page.locator("#range-high").press("Enter")
    until(
        page,
        "document.getElementById('range-note').textContent === 'of all points' && crossboard.rangeTable.text('\\t').includes('\\t121\\t')",
    )
    rows = [line.split("\t") for line in page.evaluate("crossboard.rangeTable.text('\\t')").splitlines()]
    table = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    values = np.array(logged.loss["jumps"][100:221])
    assert float(table["jumps"]["max"]) == SPIKE
    assert float(table["jumps"]["mean"]) == pytest.approx(values.mean())
    assert float(table["jumps"]["slope"]) == pytest.approx(np.polyfit(np.arange(100, 221), values, 1)[0])
    assert float(table["jumps"]["start"]) == values[0]
    page.locator("#range-csv").click()
    until(page, "document.getElementById('range-csv').textContent !== 'Copy CSV'")
    assert faults(page) == []
    page.keyboard.press("Escape")
    assert page.locator("#range-table").count() == 0
    chart(page).focus()
    page.keyboard.press("a")
    until(page, f"document.querySelectorAll('#range-table tbody tr').length === 2 && crossboard.rangeTable.text(',').includes(',{STEPS},')")


def test_statistics_are_a_data_route_as_json_and_csv(logged: Logged) -> None:
    with urllib.request.urlopen(logged.url + "api/statistics?tag=train/signed&low=0&high=9", timeout=20) as answer:
        found = json.load(answer)["statistics"]
    assert [(one["n"], one["min"], one["max"], one["mean"], one["start"], one["end"]) for one in found] == [(10, -1, 1, 0, 1, -1)] * 2
    with urllib.request.urlopen(
        logged.url + "api/statistics?tag=train/loss&x=metric:train/tokens&high=5120&format=csv", timeout=20
    ) as answer:
        lines = answer.read().decode().splitlines()
    assert lines[0].startswith("run,tag,rank,n,left_out,x_start")
    assert {line.split(",")[3] for line in lines[1:]} == {"11"}


# ------------------------------------------------------------------------------------------------------- downloads


def test_a_card_is_saved_as_data_and_as_a_picture(logged: Logged, open_page: Open, tmp_path: Path) -> None:
    page = open_page("?runs=jumps&smooth=ema:0.9")
    chart(page).focus()
    page.keyboard.press("m")
    saved = {}
    for form in ("csv", "json", "svg", "png"):
        with page.expect_download() as waiting:
            page.locator(f"#card-{form}").click()
        assert waiting.value.suggested_filename == f"train-loss.{form}"
        waiting.value.save_as(tmp_path / form)
        saved[form] = (tmp_path / form).read_bytes()
    lines = saved["csv"].decode().splitlines()
    assert lines[0] == "run,tag,rank,x,y"
    assert [float(line.rsplit(",", 1)[1]) for line in lines[1:]] == logged.loss["jumps"]  # every point, of the shown run alone
    assert json.loads(saved["json"])["curves"][0]["y"] == logged.loss["jumps"]
    assert saved["png"][:8] == b"\x89PNG\r\n\x1a\n"
    picture = ElementTree.fromstring(saved["svg"])
    words = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "jumps" in words
    assert "train/loss" in words
    assert "step" in words
    assert {"100", "200"} <= set(words)
    assert len(list(picture.iter("{http://www.w3.org/2000/svg}path"))) > 5


# ----------------------------------------------------------------------------------------------------------- large


def test_a_card_opens_large_with_a_legend_that_hides_and_isolates(open_page: Open) -> None:
    page = open_page("")
    chart(page).focus()
    page.keyboard.press("e")
    big = "[...crossboard.curves.near].find(card => card.element.closest('dialog'))"
    settled(page, f"{big} && {big}.drawnOnce && {big}.drawn.length === 2 && location.search.includes('large=')")
    assert page.evaluate(f"{big}.width") > 900
    assert faults(page) == []
    page.locator(".legend .run", has_text="jumps").click()
    settled(page, f"{big}.drawn.map(one => one.run.name).join() === 'calm'")
    page.locator(".legend [aria-label='Only jumps']").click()
    settled(page, f"{big}.drawn.map(one => one.run.name).join() === 'jumps'")
    page.locator(".legend [aria-label='Only jumps']").click()
    box = page.locator("dialog.large canvas.over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "document.querySelector('dialog.large .tip:not([hidden])')")
    page.locator("dialog.large [data-act=menu]").click()
    page.keyboard.press("Escape")
    assert page.locator(".menu").count() == 0
    assert page.locator("dialog.large[open]").count() == 1
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('dialog.large') && !location.search.includes('large=')")
    again = open_page("?large=val/loss&zoom=20~40~val/loss", width=390, height=844, scheme="dark")
    settled(again, f"{big} && {big}.tag === 'val/loss' && {big}.inWindow")
    assert again.evaluate("document.documentElement.scrollWidth") <= 390


# ----------------------------------------------------------------------------------------------------- expressions


def test_an_expression_is_a_card_that_says_what_is_unmatched_and_goes_again(logged: Logged, open_page: Open) -> None:
    page = open_page("")
    page.keyboard.press("n")
    page.keyboard.type("val/loss - ")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('expression-error').textContent.includes('a value is missing, at character')")
    page.locator("#expression").fill("val/loss - train/loss * 2")
    page.keyboard.press("Enter")
    card = "crossboard.grid.cards.get('=val/loss - train/loss * 2')"
    settled(page, f"{card} && {card}.drawn.length === 2")
    one = f"{card}.drawn.find(one => one.run.name === 'calm')"
    want = [logged.loss["calm"][step] + 1 - 2 * logged.loss["calm"][step] for step in range(0, STEPS, 2)]
    assert page.evaluate(f"[...{one}.curve.x]") == list(range(0, STEPS, 2))
    assert page.evaluate(f"[...{one}.curve.y]") == pytest.approx(want)
    assert f"{STEPS} without x" not in foot(page, "val/loss - train/loss * 2")
    assert f"{STEPS} unmatched" in foot(page, "val/loss - train/loss * 2")
    until(page, "location.search.includes('expr=')")
    again = open_page(page.evaluate("location.search") + "&smooth=mean:3&zoom=10~20~=val/loss+-+train/loss+*+2")
    settled(again, f"{card}.behind.length === 2 && {card}.inWindow")
    again.locator('.cc[aria-label="val/loss - train/loss * 2, chart"]').focus()
    again.keyboard.press("m")
    again.locator("#card-remove").click()
    settled(again, f"!{card} && !location.search.includes('expr=')")


def test_a_card_has_a_size_of_its_own_that_a_link_keeps(open_page: Open) -> None:
    page = open_page("")
    before = chart(page).bounding_box()
    chart(page).focus()
    page.keyboard.press("m")
    page.locator("#card-size").select_option("L")
    settled(page, f"{CARD}.width > {1.8 * before['width']} && location.search.includes('size')")
    again = open_page(page.evaluate("location.search"))
    assert chart(again).bounding_box()["height"] > before["height"] + 80
