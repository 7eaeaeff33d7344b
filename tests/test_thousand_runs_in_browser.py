"""A board over a thousand runs, each with its own steps, in real Chromium: the rail, its query, isolating, groups, axes and the table
do what they do for ten. What is expected is reckoned from how the runs were made, not asked of the board."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser import Board, Open, below, faults, foot, settle, until
from crossboard.store.points import RECORD, check_of
from crossboard.store.records import ConfigSet

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

HAND: Any = import_module("handmade")
RUNS = 1000
POINTS = 25
RATES = (0.1, 0.03, 0.01, 0.003)
DRAWN = "crossboard.grid.cards.get('train/loss').drawn"
VISIBLE = "crossboard.board.visible.length"


def loss(number: int, place: int) -> float:
    return 1 / (1 + place) + number / RUNS


def write(root: Path) -> None:
    """Finished runs of `POINTS` points in two tags, at steps 10, 20 ... moved by the run's number, as the journal has them."""
    for number in range(RUNS):
        directory = HAND.make_run(root, f"run{number:04d}", created=HAND.T0 + number)
        writer = HAND.HandWriter(directory)
        writer.append(ConfigSet(wall_time=HAND.T0, config={"lr": RATES[number % len(RATES)], "seed": number // len(RATES)}))
        slots: list[bytes] = []
        for tag in ("train/loss", "val/acc"):
            ident = writer.declare(tag)
            for place in range(POINTS):
                slot, step = len(slots), 10 * place + number % 10
                value = loss(number, place) if tag == "train/loss" else 1 - loss(number, place) / 2
                slots.append(RECORD.pack(value, step, HAND.T0 + number + place, check_of(slot, step, ident), ident))
        writer.put(0, b"".join(slots))
        writer.slots = len(slots)
        writer.end()


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    root = tmp_path_factory.mktemp("runs")
    write(root)
    with Board(root, tmp_path_factory.mktemp("cache"), runs=RUNS) as made:
        yield made


@pytest.fixture
def open_page(open_page: Open, board: Board) -> Open:
    return below(open_page, board.url)


def words(page: Page, id_: str) -> str:
    return " ".join(page.locator(f"#{id_}").inner_text().split())


def test_all_are_drawn_listed_searched_isolated_and_hidden(open_page: Open) -> None:
    page = open_page("")
    settle(page, f"{DRAWN}.length === {RUNS}")
    assert page.locator("#rail .rr").count() < 120  # rows that are not on the screen are not in the page
    assert words(page, "rail-options").startswith("1,000 of 1,000")
    assert page.evaluate(f"{DRAWN}.reduce((n, one) => n + one.curve.n, 0)") == RUNS * POINTS
    low, high = page.evaluate("(at => [at.x0, at.x1])(crossboard.grid.cards.get('train/loss').at)")
    assert (low, high) == (0, 10 * (POINTS - 1) + 9)

    field = page.locator("#run-filter")
    field.fill("lr = 0.03 and seed < 10")
    field.press("Enter")
    settle(page, f"{VISIBLE} === 10 && {DRAWN}.length === 10")
    wanted = sorted(f"run{number:04d}" for number in range(RUNS) if RATES[number % 4] == 0.03 and number // 4 < 10)
    assert sorted(page.evaluate("crossboard.board.visible.map(run => run.name)")) == wanted
    field.fill("train/loss.min > 1.0")
    field.press("Enter")
    best = 1 / POINTS
    settle(page, f"{VISIBLE} === {sum(best + number / RUNS > 1.0 for number in range(RUNS))}")
    field.fill("")
    field.press("Enter")
    settle(page, f"{VISIBLE} === {RUNS}")

    page.locator("#rail .rr .run[tabindex='0']").focus()
    page.keyboard.press("End")
    until(page, "document.activeElement.closest('.rr')?.querySelector('.name').textContent === 'run0000'")  # the oldest is the last
    page.keyboard.press("o")
    settle(page, f"{DRAWN}.map(one => one.run.name).join() === 'run0000'")
    assert page.evaluate(f"[...{DRAWN}[0].curve.y].map(y => Math.round(y * 1e6) / 1e6)") == [
        round(loss(0, place), 6) for place in range(POINTS)
    ]
    page.keyboard.press("o")
    settle(page, f"{VISIBLE} === {RUNS}")
    page.keyboard.press("h")
    settle(page, f"{VISIBLE} === {RUNS - 1} && !{DRAWN}.some(one => one.run.name === 'run0000')")
    assert faults(page, "#rail") == []


def test_groups_of_hundreds_are_a_line_and_a_band_each_and_the_other_axes_hold_every_run(open_page: Open) -> None:
    page = open_page("?bands=config:lr")
    settle(page, f"{DRAWN}.length === {RUNS}")
    assert f"{len(RATES)} groups share no step" in foot(page, "train/loss")  # nothing is invented between steps until it is asked for
    page.locator("#bands-interpolate").click()
    settle(page, f"{DRAWN}.filter(one => one.band).length === {len(RATES)}")
    told = page.evaluate(f"{DRAWN}.filter(one => one.band).map(one => one.run.name)")
    assert sorted(told) == sorted(f"lr = {rate}" for rate in RATES)
    page.locator("#bands-by").select_option("")
    settle(page, f"{DRAWN}.length === {RUNS} && !{DRAWN}.some(one => one.band)")
    spans = "(at => [at.x0, at.x1])(crossboard.grid.cards.get('train/loss').at).join()"
    page.locator("#x-axis").get_by_text("Relative").click()
    settle(page, f"{spans} === '0,{RUNS - 1 + POINTS - 1}' && {DRAWN}.length === {RUNS}")
    page.locator("#x-axis").get_by_text("Wall").click()
    settle(page, f"{spans} === '{HAND.T0:.0f},{HAND.T0 + RUNS - 1 + POINTS - 1:.0f}' && {DRAWN}.length === {RUNS}")


def test_the_table_holds_all_and_its_query_leaves_what_it_means(open_page: Open) -> None:
    page = open_page("?page=runs")
    assert page.evaluate("crossboard.table.rows.byKey.size") == RUNS
    assert page.locator("#runs-grid .ag-row").count() < 300
    field = page.locator("#runs-query")
    field.fill("lr = 0.1 and val/acc.max > 0.9")
    field.press("Enter")
    wanted = sum(RATES[number % 4] == 0.1 and 1 - loss(number, POINTS - 1) / 2 > 0.9 for number in range(RUNS))
    settle(page, f"crossboard.table.matching() && crossboard.table.matching().size === {wanted}")
