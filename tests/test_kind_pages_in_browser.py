"""The pages of kinds in real Chromium: what all shown runs have of a kind, beside each other at one step.

The root holds the runs of `every_kind`, which have everything once, and three runs with images, texts and tables at steps of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from browser import READY, Board, Open, below, until

pytestmark = pytest.mark.browser

GAPS = {"fine": 10, "coarse": 25, "late": 40}

EVERY: Any = import_module("every_kind")


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    directory = tmp_path_factory.mktemp("runs")
    EVERY.make(directory, images=3)
    random = np.random.default_rng(0)
    for name, gap in GAPS.items():
        run = cb.init(dir=directory, project="digits", name=name)
        for step in range(0, 101, gap):
            run.log(
                {"digits/samples": [cb.Image(random.random((16, 24))) for _ in range(2)], "answer": cb.Text(f"*{name}* at {step}")},
                step=step,
            )
        run.finish()
    board = Board(directory, tmp_path_factory.mktemp("cache"), runs=6)
    board.start()
    yield board
    board.stop()


@pytest.fixture
def open_page(open_page: Open) -> Open:
    return below(open_page, "", expected=("422",))  # `every_kind` has damaged figures and embeddings


def test_one_slider_moves_the_images_of_all_runs_to_the_nearest_step_of_each_and_says_it(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=images&find=digits/samples&step=40")
    told = page.evaluate("crossboard.kinds.tiles().map(tile => [tile.run.name, tile.words.textContent])")
    said = dict(told)
    assert said["fine"].startswith("step 40 ·")
    assert said["late"].startswith("step 40 ·")
    assert said["coarse"].startswith("step 50, nearest to 40")
    page.keyboard.press("]")
    until(page, "crossboard.state.step === '50' && crossboard.kinds.settled()")
    said = dict(page.evaluate("crossboard.kinds.tiles().map(tile => [tile.run.name, tile.words.textContent])"))
    assert said["coarse"].startswith("step 50 ·")
    assert said["late"].startswith("step 40, nearest to 50")
    until(page, "location.search.includes('step=50')")


def test_the_top_bar_leads_to_every_kind_that_was_logged_and_the_step_goes_along(board: Any, open_page: Open) -> None:
    page = open_page(board.url, ready="window.crossboard && crossboard.stats.started && crossboard.kindNav.available().length === 8")
    page.locator("#nav-images").click()
    until(page, READY)
    page.locator("#run-steps button[aria-label='Previous step']").click()
    chosen = page.evaluate("crossboard.state.step")
    assert chosen
    page.locator("#nav-more").click()
    page.get_by_role("menuitem", name="Audio").click()
    until(page, "crossboard.state.page === 'audio' && crossboard.kinds.settled()")
    assert page.evaluate("crossboard.state.step") == chosen
    page.go_back()
    until(page, "crossboard.state.page === 'images' && crossboard.kinds.settled()")
    page.keyboard.press("g")
    page.keyboard.press("c")
    until(page, "crossboard.state.page === '' && document.querySelector('#kinds-body').hidden")


def test_the_rail_says_whose_things_are_shown_and_a_page_without_any_says_why(board: Any, open_page: Open) -> None:
    page = open_page(board.url + "?page=text&find=answer")
    assert page.evaluate("crossboard.kinds.tiles().length") == 3
    page.evaluate("crossboard.board.isolate([...crossboard.board.runs.values()].find(run => run.name === 'late'))")
    until(page, "crossboard.kinds.tiles().length === 1")
    page.evaluate("crossboard.board.isolate([...crossboard.board.runs.values()].find(run => run.id === 'nothing'))")
    until(page, "document.querySelector('#kind-sections').textContent.includes('The shown runs have no text')")
    page.get_by_role("button", name="Show all runs").click()
    until(page, "crossboard.kinds.tiles().length === 3")
    page.locator("#kind-filter").fill("zebra")
    until(page, "document.querySelector('#kind-sections').textContent.includes('No tag matches')")
