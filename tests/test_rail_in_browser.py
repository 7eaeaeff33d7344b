"""The run rail in real Chromium: search with the run query, groups, pins, baseline, colours, the headline metric and keys.

Every page is watched: a console error or an uncaught exception fails the test that opened it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

import crossboard as cb
from browser import Board, Open, faults, row, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@dataclass
class Root:
    """The board over eight runs, one of them going on."""

    board: Any
    live: cb.Run

    def url(self, more: str = "") -> str:
        return f"{self.board.url}{more}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Root]:
    directory = tmp_path_factory.mktemp("runs")
    for number in range(7):
        optimizer = ("adam", "sgd")[number % 2]
        config = {"lr": (0.1, 0.001)[number % 2], "seed": number, "optimizer": {"name": optimizer}}
        with cb.init(
            project="p", name=f"run {number}", config=config, tags=["baseline"] if number == 0 else [], dir=directory, system=False
        ) as run:
            for step in range(5):
                run.log({"val/acc": 0.1 * number + 0.01 * step, "train/loss": 1 / (1 + step)}, step=step)
    live = cb.init(project="p", name="going on", config={"lr": 0.1, "seed": 99}, dir=directory, system=False)
    live.log({"val/acc": 0.05}, step=0)
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=8)
    board.start()
    yield Root(board, live)
    board.stop()
    live.finish()


def names(page: Page) -> list[str]:
    """Names of the rows in their order."""
    rows = "[...document.querySelectorAll('.rr')].sort((a, b) => a.getAttribute('aria-posinset') - b.getAttribute('aria-posinset'))"
    return [str(one) for one in page.evaluate(f"{rows}.map(row => row.querySelector('.name').textContent)")]


def listed(page: Page, wanted: list[str]) -> None:
    """Wait until these runs, in any order, are listed."""
    there = "JSON.stringify([...document.querySelectorAll('.rr .name')].map(one => one.textContent).sort())"
    until(page, f"{there} === {json.dumps(json.dumps(sorted(wanted), separators=(',', ':')))}")


# ------------------------------------------------------------------------------------------------------------ search


def test_the_field_takes_the_documented_query_over_config_metrics_and_tags(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    field = page.locator("#run-filter")
    field.fill('lr > 1e-3 and val/acc.max > 0.02 and tag = "baseline"')
    field.press("Enter")
    listed(page, ["run 0"])
    assert page.evaluate("crossboard.board.visible.map(run => run.name)") == ["run 0"]
    field.fill("optimizer.name = sgd and val/acc.max > 0.4")
    field.press("Enter")
    listed(page, ["run 5"])
    until(page, "new URLSearchParams(location.search).get('runs') === 'optimizer.name = sgd and val/acc.max > 0.4'")
    again = open_page(page.url)
    listed(again, ["run 5"])


def test_a_plain_word_still_filters_by_name_and_a_minus_leaves_out(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    page.locator("#run-filter").fill("run -3 -4 -going")
    page.locator("#run-filter").press("Enter")
    listed(page, ["run 0", "run 1", "run 2", "run 5", "run 6"])


def test_keys_are_completed_and_an_error_is_marked_in_its_place_while_the_last_query_stands(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    field = page.locator("#run-filter")
    field.fill("seed < 2")
    field.press("Enter")
    listed(page, ["run 0", "run 1"])
    field.fill("")
    field.press_sequentially("optim")
    until(page, "document.querySelector('#run-filter-list li')")
    field.press("ArrowDown")
    field.press("Enter")
    assert field.input_value() == "optimizer.name "
    field.press_sequentially("= s")
    until(page, "document.querySelector('#run-filter-list li')")
    assert page.locator("#run-filter-list li").first.inner_text().startswith("sgd")
    field.fill("seed < 2 and and")
    field.press("Enter")
    until(page, "!document.querySelector('#run-filter-words').hidden")
    assert page.locator("#run-filter-words").inner_text().startswith("Want a field, a word or a bracket, got 'and'.")
    assert page.locator(".rail .qmirror mark").inner_text() == "and"
    assert field.get_attribute("aria-invalid") == "true"
    listed(page, ["run 0", "run 1"])


def test_a_query_in_a_link_that_does_not_parse_shows_all_and_says_so(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?runs=lr+>"))
    until(page, "document.querySelectorAll('.rr').length === 8")
    assert "All runs are shown" in page.locator("#run-filter-words").inner_text()


def test_the_query_is_asked_again_when_runs_change(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?runs=val/acc.max+>+5+and+status+%3D+running"))
    until(page, "document.querySelector('.nomatch')")
    root.live.log({"val/acc": 6.0}, step=1)
    listed(page, ["going on"])


# ------------------------------------------------------------------------------------------------------------ groups


def choose(page: Page, button: str, item: str) -> None:
    """Open a menu of the rail and take an item."""
    page.locator(button).click()
    page.locator("#runs-menu").get_by_role("menuitemcheckbox", name=item, exact=True).click()


def headings(page: Page) -> list[str]:
    return [
        str(one) for one in page.evaluate("[...document.querySelectorAll('.gh')].map(one => one.innerText.replace(/\\s+/g, ' ').trim())")
    ]


def test_runs_are_grouped_by_a_config_key_with_counts_and_a_whole_group_is_collapsed_hidden_and_isolated(
    root: Root, open_page: Open
) -> None:
    page = open_page(root.url())
    framework = page.evaluate(
        "crossboard.board.order[0].heading"
    )  # of what this process has imported: Python, or what other tests brought in
    assert headings(page) == [f"{framework} 8"]
    choose(page, "#rail-by", "optimizer.name")
    until(page, "document.querySelectorAll('.gh').length === 3")
    assert headings(page) == ["optimizer.name = adam 4", "optimizer.name = sgd 3", "no optimizer.name 1"]
    sgd = page.locator(".gh", has_text="sgd")
    sgd.hover()
    sgd.get_by_role("button", name="Hide all optimizer.name = sgd runs").click()
    until(page, "crossboard.board.visible.length === 5")
    assert headings(page)[1] == "optimizer.name = sgd 0 of 3"
    sgd.get_by_role("button", name="Only optimizer.name = sgd runs").click()
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'run 1,run 3,run 5'")
    sgd.locator(".fold").click()
    until(page, "document.querySelectorAll('.rr').length === 5")
    until(page, "location.search.includes('rail=config:optimizer.name') && location.search.includes('groups=')")
    again = open_page(page.url)
    assert headings(again) == headings(page)
    assert again.locator(".rr").count() == 5


def test_the_rail_is_grouped_as_the_charts_are_until_it_is_told_otherwise(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?bands=config:optimizer.name"))
    until(page, "document.querySelectorAll('.gh').length === 3")
    choose(page, "#rail-by", "Status")
    until(page, "[...document.querySelectorAll('.gh b')].map(one => one.textContent).join() === 'running,finished'")
    choose(page, "#rail-by", "No groups")
    until(page, "document.querySelectorAll('.gh').length === 0 && document.querySelectorAll('.rr').length === 8")


# ------------------------------------------------------------------------------------ pins, baseline, colour, value


def test_a_pinned_run_stands_at_the_top_and_keys_pin_hide_and_isolate(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?sort=name"))
    row(page, "run 4").locator("button.run").focus()
    page.keyboard.press("p")
    until(page, "(document.querySelector('.gh[aria-posinset=\"1\"] b') || {}).textContent === 'Pinned'")
    assert names(page)[0] == "run 4"
    row(page, "run 2").locator("button.run").focus()
    page.keyboard.press("j")
    until(page, "document.activeElement.closest('.rr').innerText.includes('run 3')")
    page.keyboard.press("k")
    page.keyboard.press("k")
    until(page, "document.activeElement.closest('.rr').innerText.includes('run 1')")
    page.keyboard.press("h")
    until(page, "!crossboard.board.visible.some(run => run.name === 'run 1')")
    page.keyboard.press("o")
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'run 1'")
    until(page, "location.search.includes('pin=')")
    page.keyboard.press("?")
    keys = page.locator("#keys").inner_text()
    assert all(words in keys for words in ("Pin the run pointed at", "Make the run pointed at the baseline", "in the rail: next run"))


def test_several_runs_are_isolated_one_by_one(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    for name in ("run 1", "run 4"):
        row(page, name).hover()
        row(page, name).get_by_role("button", name=f"Only {name}").click(modifiers=["Control"])
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'run 1,run 4'")
    row(page, "run 1").get_by_role("button", name="Only run 1").click(modifiers=["Shift"], force=True)
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'run 4'")


def test_the_baseline_is_dashed_and_its_value_stands_as_a_reference(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    row(page, "run 6").hover()
    row(page, "run 6").get_by_role("button", name="More for run 6").click()
    page.get_by_role("menuitem", name="Make it the baseline").click()
    until(page, "location.search.includes('base=')")
    dash = "crossboard.grid.cards.get('val/acc').drawn.find(one => one.run.name === 'run 6')?.dash.join()"
    until(page, f"{dash} === '4,3'")
    assert page.evaluate("crossboard.looks.references(crossboard.grid.cards.get('val/acc'))[0].words") == "run 6, last 0.6400"
    assert "baseline" in (row(page, "run 6").locator("button.run").get_attribute("aria-label") or "")
    again = open_page(page.url)
    until(again, f"{dash} === '4,3'")


def test_a_colour_is_chosen_kept_by_the_run_and_given_back(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    colour = "crossboard.plot.look(crossboard.board.order.find(run => run.name === 'run 2').slot).colour"
    before = page.evaluate(colour)
    row(page, "run 2").click(button="right")
    page.get_by_role("menuitemradio", name="colour 11").click()
    until(page, f"{colour} === crossboard.plot.colours().runs[10]")
    until(
        page,
        "crossboard.grid.cards.get('val/acc').drawn.find(one => one.run.name === 'run 2')?.colour === crossboard.plot.colours().runs[10]",
    )
    again = open_page(root.url())
    assert again.evaluate(colour) == again.evaluate("crossboard.plot.colours().runs[10]")
    row(page, "run 2").click(button="right")
    page.get_by_role("menuitemradio", name="Automatic").click()
    until(page, f"{colour} === {json.dumps(before)}")


def test_colour_and_dash_follow_config_values_and_the_rail_says_which(root: Root, open_page: Open) -> None:
    page = open_page(root.url("?colour=lr&dash=optimizer.name"))
    looks = page.evaluate("crossboard.board.order.map(run => [run.name, ...Object.values(crossboard.plot.look(run.slot))].join('|'))")
    of = {one.split("|")[0]: tuple(one.split("|")[1:3]) for one in looks}
    assert of["run 0"] == of["run 2"]
    assert of["run 0"][0] == of["going on"][0] != of["run 1"][0]
    assert len({of["run 0"][1], of["run 1"][1], of["going on"][1]}) == 3
    assert page.locator("#rail-legend").inner_text().split() == [
        "lr",
        "colour",
        "0.001",
        "0.1",
        "optimizer.name",
        "dash",
        "adam",
        "sgd",
        "not",
        "set",
    ]


def test_the_headline_metric_is_shown_chosen_and_sorted_by(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    assert row(page, "run 3").locator(".val").text_content() == "0.34"  # the last val/acc, which most runs have
    choose(page, "#rail-order", "train/loss")
    until(page, "[...document.querySelectorAll('.rr .val')].some(one => one.title === 'last train/loss')")
    assert row(page, "run 3").locator(".val").text_content() == "0.2"
    choose(page, "#rail-order", "val/acc")
    choose(page, "#rail-order", "min")
    until(page, "location.search.includes('metric=val/acc.min')")
    assert row(page, "run 3").locator(".val").text_content() == "0.3"
    choose(page, "#rail-order", "Lowest value first")
    until(page, "crossboard.state.sort === 'low'")
    assert [name for name in names(page) if name != "going on"] == [f"run {number}" for number in range(7)]
    choose(page, "#rail-order", "Highest value first")
    until(page, "document.querySelector('.rr[aria-posinset=\"2\"] .name').textContent === 'run 6'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_rail_and_its_menus(root: Root, open_page: Open, scheme: str) -> None:
    page = open_page(root.url("?rail=config:lr&colour=lr&dash=seed"), scheme=scheme)
    row(page, "run 2").locator("button.run").focus()
    page.keyboard.press("p")
    page.keyboard.press("b")
    until(page, "document.querySelector('.gh[aria-posinset=\"1\"]').innerText.includes('Pinned')")
    assert faults(page) == []
    row(page, "run 3").click(button="right")
    assert page.locator("#runs-menu").is_visible()
    assert faults(page) == []


def test_the_beginning_of_a_key_waits_for_its_end_instead_of_hiding_all_runs(root: Root, open_page: Open) -> None:
    page = open_page(root.url())
    field = page.locator("#run-filter")
    field.press_sequentially("optim")
    until(page, "document.querySelector('#run-filter-list li')")
    page.wait_for_timeout(1500)
    assert page.locator(".rr").count() == 8
    field.press("Enter")
    until(page, "document.querySelector('.nomatch')")
