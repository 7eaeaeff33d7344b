"""The run rail in real Chromium: search with the run query, groups, pins, baseline, colours, the headline metric, keys, and a thousand runs.

Every page is watched: a console error or an uncaught exception fails the test that opened it.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import crossboard as cb

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

SETTLED = "window.crossboard && crossboard.stats.started && crossboard.stats.pending === 0"


def load(name: str) -> ModuleType:
    """A module of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


BOARD = load("test_board_in_browser")
until: Callable[..., None] = BOARD.until


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
    board = BOARD.Board(directory, tmp_path_factory.mktemp("cache"), BOARD.free_port(), runs=8)
    board.start()
    yield Root(board, live)
    board.stop()
    live.finish()


@pytest.fixture(scope="module")
def browser(chromium: str, chromium_arguments: list[str]) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=chromium_arguments)
        yield browser
        browser.close()


Open = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a URL and wait until its curves are there. Errors are checked at the end."""
    opened: list[tuple[Page, list[str]]] = []

    def open_(url: str, *, width: int = 1440, height: int = 900, scheme: Any = "light") -> Page:
        page = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme).new_page()
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        opened.append((page, errors))
        page.goto(url)
        until(page, SETTLED, timeout_s=30)
        return page

    yield open_
    for page, errors in opened:
        page.context.close()
        assert errors == []


def names(page: Page) -> list[str]:
    """Names of the rows in their order."""
    rows = "[...document.querySelectorAll('.rr')].sort((a, b) => a.getAttribute('aria-posinset') - b.getAttribute('aria-posinset'))"
    return [str(one) for one in page.evaluate(f"{rows}.map(row => row.querySelector('.name').textContent)")]


def listed(page: Page, wanted: list[str]) -> None:
    """Wait until these runs, in any order, are listed."""
    there = "JSON.stringify([...document.querySelectorAll('.rr .name')].map(one => one.textContent).sort())"
    until(page, f"{there} === {json.dumps(json.dumps(sorted(wanted), separators=(',', ':')))}")


def row(page: Page, name: str) -> Locator:
    return page.locator(".rr", has_text=name)


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
