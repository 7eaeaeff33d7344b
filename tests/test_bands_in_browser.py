"""Groups of runs on the board, in real Chromium: lines with bands, what the foot and the tooltip say, and what comes live."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from scipy import stats

import crossboard as cb
from browser import Board, Open, below, faults, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

CARD = "crossboard.grid.cards.get('train/loss')"
GROUPS = f"{CARD}.drawn.filter(one => one.band)"
STEPS = 40
SHORT = 25


@dataclass
class Logged:
    """The board over two groups of three seeds, one run on its own, and a seventh seed that still goes on."""

    url: str
    live: cb.Run
    values: dict[tuple[float, int], list[float]] = field(default_factory=dict)

    def mean(self, lr: float, step: int) -> float:
        return sum(self.values[lr, seed][step] for seed in range(3)) / 3

    def interval(self, lr: float, step: int) -> tuple[float, float]:
        found = [self.values[lr, seed][step] for seed in range(3)]
        low, high = stats.t.interval(0.95, 2, loc=self.mean(lr, step), scale=stats.sem(found))
        return float(low), float(high)


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    root, chance = tmp_path_factory.mktemp("runs"), random.Random(0)
    values: dict[tuple[float, int], list[float]] = {}
    for lr in (0.1, 0.01):
        for seed in range(3):
            length = SHORT if (lr, seed) == (0.1, 2) else STEPS
            values[lr, seed] = [1 / (1 + step) + lr + chance.gauss(0, 0.05) for step in range(length)]
            with cb.init(project="p", name=f"lr {lr} seed {seed}", config={"lr": lr, "seed": seed}, dir=root) as run:
                for step, value in enumerate(values[lr, seed]):
                    run.log({"train/loss": value}, step=step)
                    run.log({"own/steps": value}, step=3 * step + seed)
    with cb.init(project="p", name="bare", dir=root) as run:
        run.log({"train/loss": 0.9}, step=0)
        run.log({"train/loss": 0.9}, step=STEPS)
    with cb.init(project="p", name="beside", config={"lr": 1, "seed": 1}, dir=root) as beside:
        for step in range(STEPS):
            beside.log({"train/loss": 2.0}, step=step)
    live = cb.init(project="p", name="live", config={"lr": 1, "seed": 0}, dir=root)
    live.log({"train/loss": 1.0}, step=0)
    with Board(root, tmp_path_factory.mktemp("cache"), runs=9) as board:
        yield Logged(board.url, live, values)
    live.finish()


@pytest.fixture
def open_page(open_page: Open, logged: Logged) -> Open:
    """Open the board with a query."""
    return below(open_page, logged.url)


def foot(page: Page, tag: str = "train/loss") -> str:
    return str(page.locator(f'.cc[aria-label="{tag}, chart"] footer').text_content())


def test_a_group_is_one_line_with_its_band_and_the_foot_says_kind_and_n(logged: Logged, open_page: Open) -> None:
    page = open_page("")
    assert page.locator("#bands select").count() == 1
    until(page, "document.querySelectorAll('#bands-by option').length > 2")
    page.locator("#bands-by").select_option(label="lr (3)")
    until(page, f"crossboard.stats.pending === 0 && {GROUPS}.length === 3")
    drawn = page.evaluate(
        f"{GROUPS}.map(one => [one.run.name, [...one.curve.x], [...one.curve.y], [...one.band.low.y], [...one.band.high.y]])"
    )
    assert sorted(name for name, *_ in drawn) == ["lr = 0.01", "lr = 0.1", "lr = 1"]
    _, x, centre, low, high = next(one for one in drawn if one[0] == "lr = 0.1")
    assert x == list(range(SHORT))  # the mean ends where the first of its runs ends
    assert centre[7] == pytest.approx(logged.mean(0.1, 7))
    assert (low[7], high[7]) == pytest.approx(logged.interval(0.1, 7))
    assert "mean, t interval 95 %, n = 2 to 3" in foot(page)
    until(page, "location.search === '?bands=config:lr'")
    tails = page.evaluate(
        f"{CARD}.drawn.filter(one => one.thin && one.run.name.startsWith('lr 0.1')).map(one => [one.run.name, one.curve.x0, one.curve.x1])"
    )
    assert sorted(tails) == [["lr 0.1 seed 0", SHORT - 1, STEPS - 1], ["lr 0.1 seed 1", SHORT - 1, STEPS - 1]]
    assert page.evaluate(f"{CARD}.drawn.some(one => one.run.name === 'bare' && !one.thin)")  # in no group: drawn as it is


def test_runs_of_one_group_have_its_colour_in_the_rail_too(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=seed")
    colours = page.evaluate("Object.fromEntries(crossboard.board.order.map(run => [run.name, crossboard.plot.look(run.slot).colour]))")
    lines = page.evaluate(f"Object.fromEntries({GROUPS}.map(one => [one.run.name, one.colour]))")
    assert {colours[f"lr 0.1 seed {seed}"] for seed in range(3)} == {lines["lr = 0.1"]}
    assert len({colours["lr 0.1 seed 0"], colours["lr 0.01 seed 0"], colours["live"], colours["bare"]}) == 4


def test_the_tooltip_says_centre_interval_and_n_and_the_members_appear(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=config:lr&runs=seed")
    at = page.evaluate(f"(card => [card.at.X(7), card.at.Y({GROUPS}.find(one => one.run.name === 'lr = 0.1').curve.y[7])])({CARD})")
    box = page.locator('.cc[aria-label="train/loss, chart"] canvas.over').bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    until(page, "document.querySelector('.tip .r.near .iv')")
    words = page.locator(".tip .r.near").inner_text()
    low, high = logged.interval(0.1, 7)
    assert "lr = 0.1" in words
    assert f"{logged.mean(0.1, 7):.4f}" in words
    said = page.evaluate("([low, high]) => `${crossboard.numbers.value(low)} to ${crossboard.numbers.value(high)}, n = 3`", [low, high])
    assert said in words
    members = page.evaluate(f"{GROUPS}.find(one => one.run.name === 'lr = 0.1').members.map(one => one.run.name).sort()")
    assert members == [f"lr 0.1 seed {seed}" for seed in range(3)]


def test_another_statistic_takes_a_band_that_goes_with_it_and_the_link_keeps_both(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=seed&runs=seed")
    page.locator("#bands-statistic").select_option("median")
    until(page, f"crossboard.stats.pending === 0 && {CARD}.bands.head.band === 'bca'")
    assert page.locator("#bands-kind option[value=t]").is_disabled()
    assert "median, BCa interval 95 %, n = 3" in foot(page)
    assert "covers less than 95 %" in foot(page)
    page.locator("#bands-kind").select_option("minmax")
    until(page, f"crossboard.stats.pending === 0 && {CARD}.bands.head.band === 'minmax' && location.search.includes('minmax')")
    again = open_page(page.evaluate("location.search"))
    assert again.evaluate("['by', 'statistic', 'kind'].map(name => document.getElementById('bands-' + name).value)") == [
        "seed",
        "median",
        "minmax",
    ]
    assert "median, min to max, n = 3" in foot(again)


def test_a_hidden_run_is_no_member(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=config:lr&runs=seed")
    page.locator(".rr", has_text="lr 0.01 seed 1").locator("button.run").click()
    until(page, f"crossboard.stats.pending === 0 && {GROUPS}.find(one => one.run.name === 'lr = 0.01').band.members === 2")
    value = page.evaluate(f"{GROUPS}.find(one => one.run.name === 'lr = 0.01').curve.y[3]")
    assert value == pytest.approx((logged.values[0.01, 0][3] + logged.values[0.01, 2][3]) / 2)
    assert "n = 2 to 3" in foot(page)


def test_runs_that_share_no_step_are_drawn_singly_until_interpolation_is_asked_for(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=config:lr&runs=seed")
    card = "crossboard.grid.cards.get('own/steps')"
    assert page.evaluate(f"{card}.drawn.length === 6 && {card}.drawn.every(one => one.thin)")
    assert "2 groups share no step" in foot(page, "own/steps")
    page.locator("#bands-interpolate").click()
    until(page, f"crossboard.stats.pending === 0 && {card}.drawn.some(one => one.band)")
    assert "interpolated" in foot(page, "own/steps")


def test_a_group_follows_its_runs_while_they_go_on(logged: Logged, open_page: Open) -> None:
    page = open_page("?bands=config:lr")
    for step in range(1, 5):
        logged.live.log({"train/loss": 1.0 + step}, step=step)
    live = f"{GROUPS}.find(one => one.run.name === 'lr = 1')"
    until(page, f"{live} && {live}.curve.x.length === 5")
    assert page.evaluate(f"[...{live}.curve.y]") == pytest.approx([1.5, 2, 2.5, 3, 3.5])


@pytest.mark.parametrize(("width", "height", "scheme"), [(390, 844, "light"), (900, 700, "light"), (1440, 900, "dark")])
def test_the_bar_is_reachable_and_nothing_serious_is_found(logged: Logged, open_page: Open, width: int, height: int, scheme: str) -> None:
    page = open_page("?bands=seed&band=bca", width=width, height=height, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#bands-interpolate").focus()
    assert page.evaluate("document.activeElement.id") == "bands-interpolate"
    assert faults(page) == []
