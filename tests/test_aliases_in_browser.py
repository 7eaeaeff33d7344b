"""Keras' directories and tags that are one metric, in real Chromium: one row, one colour, a dash, and the rules edited on the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import crossboard as cb
from browser import Board, Open, card, faults, row, settle, until
from crossboard.adapters.tensorboard.writer import EventFileWriter

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


DRAWN = "crossboard.grid.cards.get({card!r}).drawn.map(d => [d.run.name, d.curve.tag, d.split, d.colour, d.dash.length > 0])"


def write(directory: Path, steps: int = 20, **values: float) -> None:
    with EventFileWriter(directory) as writer:
        for tag, value in values.items():
            for step in range(steps):
                writer.scalar(tag.replace("__", "/"), value / (step + 1), step, 1e9 + step)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("logs")
    for name in ("a", "b"):
        write(root / name / "train", epoch_loss=1.0, epoch_learning_rate=0.1)
        write(root / name / "validation", epoch_loss=1.5)
    write(root / "torch", loss__train=0.8, loss__val=0.9, train__acc=0.2, val__acc=0.1)
    with cb.init(dir=root, project="p", name="native") as run:
        for step in range(20):
            run.log({"loss": 0.5, "val_loss": 0.6}, step=step)
    board = Board(root, tmp_path_factory.mktemp("cache"), runs=6)
    board.start()
    yield board.url
    board.stop()


@pytest.fixture
def page(open_page: Open, url: str) -> Page:
    return open_page(url, expected=("400 (Bad Request)",))  # the browser's own word on a rule that was refused


def drawn(page: Page, name: str) -> set[tuple[str, str, str, bool]]:
    until(page, f"crossboard.grid.cards.has({name!r}) && crossboard.grid.cards.get({name!r}).drawn.length > 0")
    return {(run, tag, split, dashed) for run, tag, split, _, dashed in page.evaluate(DRAWN.format(card=name))}


def test_a_pair_is_one_row_one_colour_and_validation_is_dashed(page: Page) -> None:
    assert page.locator(".rr").count() == 4
    assert row(page, "train + validation").count() == 2
    names = {run for run, *_ in drawn(page, "join:loss")}
    assert names == {"a/train", "a/validation", "b/train", "b/validation", "torch", "native"}
    colours: dict[str, set[str]] = {}
    for run, _, _, colour, _ in page.evaluate(DRAWN.format(card="join:loss")):
        colours.setdefault(run.partition("/")[0], set()).add(colour)
    assert {name: len(some) for name, some in colours.items()} == {"a": 1, "b": 1, "torch": 1, "native": 1}
    assert len({next(iter(some)) for some in colours.values()}) == 4


def test_names_of_three_loggers_stand_in_one_card_and_each_curve_says_its_own(page: Page) -> None:
    assert drawn(page, "join:loss") == {
        ("a/train", "epoch_loss", "train", False),
        ("a/validation", "epoch_loss", "validation", True),
        ("b/train", "epoch_loss", "train", False),
        ("b/validation", "epoch_loss", "validation", True),
        ("torch", "loss/train", "train", False),
        ("torch", "loss/val", "validation", True),
        ("native", "loss", "train", False),
        ("native", "val_loss", "validation", True),
    }
    assert "validation dashed" in card(page, "loss").locator("footer").inner_text()
    assert card(page, "train/acc").count() == 1  # prefixes are sections until they are asked for
    box = card(page, "loss").locator("canvas.over").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(page, "document.querySelector('.tip') && !document.querySelector('.tip').hidden")
    told = page.locator(".tip").inner_text()
    assert "a/validation · epoch_loss" in told
    assert "native · val_loss" in told


def test_hiding_and_isolating_a_pair_takes_both_runs_along(page: Page) -> None:
    drawn(page, "join:loss")
    row(page, "a train").locator(".run").click()
    until(page, "crossboard.board.visible.length === 4")
    assert {run for run, *_ in drawn(page, "join:loss")} >= {"b/train", "b/validation"}
    assert page.locator("#rail-options").inner_text().startswith("3 of 4")
    row(page, "b train").hover()
    row(page, "b train").locator("[aria-label^='Only']").click()
    until(page, "crossboard.board.visible.map(run => run.name).join() === 'b/train,b/validation'")


def test_the_choice_what_is_joined_stands_in_the_address(page: Page, url: str) -> None:
    page.click("#open-aliases")
    page.get_by_label("All rules").click()
    until(page, "crossboard.grid.cards.has('join:acc') && location.search.includes('join=all')")
    page.get_by_label("Nothing").click()
    until(page, "crossboard.grid.cards.has('val_loss') && !crossboard.grid.cards.has('join:loss')")
    assert faults(page) == []
    page.goto(f"{url}?join=off")
    settle(page)
    assert page.locator(".rr").count() == 6
    assert drawn(page, "epoch_loss") == {(f"{name}/{split}", "epoch_loss", "", False) for name in "ab" for split in ("train", "validation")}


def test_rules_are_edited_on_the_page(page: Page) -> None:
    page.click("#open-aliases")
    until(page, "!document.querySelector('#alias-rules').disabled")
    built_in = page.input_value("#alias-rules")
    page.fill("#alias-rules", "train/* -> * : training")
    page.click("#alias-save")
    until(page, "document.querySelector('#alias-error').textContent.includes('line 1: split: want one of train, validation, test')")
    page.fill("#alias-rules", "train/* -> * : train\nval/* -> * : validation\n")
    page.click("#alias-save")
    until(page, "crossboard.grid.cards.has('join:acc') && !crossboard.grid.cards.has('join:loss')")
    until(page, "crossboard.board.order.every(run => !run.pair)")
    page.click("#alias-reset")
    until(page, "crossboard.grid.cards.has('join:loss') && !crossboard.grid.cards.has('join:acc')")
    until(page, "document.querySelector('#alias-reset').disabled")
    assert page.input_value("#alias-rules") == built_in


def test_the_page_of_a_run_of_a_pair_shows_both_and_leads_to_the_other(page: Page) -> None:
    row(page, "a train").hover()
    row(page, "a train").locator("[aria-label^='Open']").click()
    until(page, "crossboard.run && crossboard.run.settled() && crossboard.board.visible.length === 2")
    page.get_by_role("link", name="Validation run").click()
    until(page, "document.querySelector('.runhead h1').textContent === 'a/validation'")
    assert page.get_by_role("link", name="Train run").count() == 1
