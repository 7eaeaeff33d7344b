"""The pages of curves and of figures in real Chromium: runs on one plot, matrices against each other, figures that move together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

import crossboard as cb
from browser import Board, Open, below, box_of, faults, settle, until

pytestmark = pytest.mark.browser

LONG = "l" * 200
TRUTH = np.arange(60) % 3 == 0
MATRICES = {"plain": [[6, 2, 0], [3, 5, 0], [0, 0, 0]], LONG: [[8, 0, 0], [1, 7, 0], [0, 0, 0]]}
JOIN = ".kjoin"


def matrix(counts: Any, labels: list[str]) -> cb.ConfusionMatrix:
    """What was called so often as `counts` says."""
    truth, called = (np.repeat(places.ravel(), np.asarray(counts).ravel()) for places in np.indices(np.shape(counts)))
    return cb.ConfusionMatrix(truth, called, labels=labels)


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    directory = tmp_path_factory.mktemp("runs")
    for n, (name, counts) in enumerate(MATRICES.items()):
        run = cb.init(dir=directory, project="digits", name=name)
        random = np.random.default_rng(n)
        for step in (0, 10 + 10 * n):
            scores = np.clip(TRUTH * (0.2 + 0.2 * n) + random.random(60) * 0.6, 0, 1)
            cells = counts if step else np.eye(3, dtype=int) * 4
            large = random.integers(0, 5, (60, 60))
            run.log(
                {
                    "val/pr": cb.PRCurve(TRUTH, scores),
                    "val/only": cb.PRCurve(np.ones(9, int), scores[:9]),
                    "val/small": matrix(cells, ["cat", "dog", "eel"]),
                    "val/large": matrix(large, [f"{LONG} {i}" for i in range(60)]),
                    "fit": cb.Figure(go.Figure(go.Scatter(y=[1, 3, 2 + n + step], name="fit"))),
                },
                step=step,
            )
        run.finish()
    with Board(directory, tmp_path_factory.mktemp("cache"), runs=2) as board:
        yield board


@pytest.fixture
def curves(board: Board, open_page: Open) -> Open:
    return below(open_page, board.url + "?page=curves")


def rows(page: Any) -> list[list[str]]:
    """The table beside the plot of all runs, as texts."""
    cells = "[...document.querySelectorAll('.kjoin tbody tr')].map(row => [...row.children].map(cell => cell.textContent))"
    found: list[list[str]] = page.evaluate(cells)
    return found


def test_all_runs_stand_on_one_plot_and_the_slider_the_arrow_keys_and_the_switches_move_it(curves: Open) -> None:
    page = curves("&tag=val/pr")
    before = rows(page)
    assert [(row[0], row[1]) for row in before] == [("plain", "10"), (LONG, "20")]
    assert {row[4] for row in before} == {"1", "2"}
    page.locator(f"{JOIN} canvas").focus()
    page.keyboard.press("ArrowRight")
    settle(page, "crossboard.state.own.get('at')")
    thresholds = {row[5] for row in rows(page)}
    assert len(thresholds) == 1  # the same threshold on both
    page.keyboard.press("m")
    until(page, "crossboard.state.own.get('match') === 'recall'")
    page.keyboard.press("[")
    settle(page, f"document.querySelector('{JOIN} tbody').textContent.includes('{LONG}0')")  # its name, then step 0
    assert [row[1] for row in rows(page)] == ["10", "0"]
    page.keyboard.press("c")
    settle(page, f"document.querySelector('{JOIN} canvas').getAttribute('aria-label').startsWith('ROC curves of val/pr, 2 runs')")
    until(page, "location.search.includes('set=view:roc')")
    again = curves("&" + page.url.split("?page=curves&")[1])
    assert rows(again) == rows(page)
    page.keyboard.press("a")
    settle(page, f"!document.querySelector('{JOIN}') && document.querySelectorAll('.ktile .vpr').length === 2")


def test_the_pointer_tells_the_nearest_threshold_and_what_has_no_roc_curve_is_said(curves: Open) -> None:
    page = curves("&set=view:roc&find=pr")
    box = box_of(page.locator(f"{JOIN} canvas"))
    page.mouse.move(box["x"] + 60, box["y"] + 120)
    until(page, f"document.querySelector('{JOIN} footer').textContent.startsWith('threshold')")
    assert len([row for row in rows(page) if row[5]]) == 2
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    lines = saved.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("run,rank,step,threshold,true_positives")
    assert {line.split(",")[0] for line in lines[1:]} == {"plain", LONG}
    with page.expect_download() as drawn:
        page.get_by_role("button", name="SVG", exact=True).click()
    assert "false positive rate" in drawn.value.path().read_text(encoding="utf-8")
    other = curves("&set=view:roc&find=only")
    assert "2 without a ROC curve" in other.locator(f"{JOIN} footer").inner_text()
    assert {row[3] for row in rows(other)} == {"none"}


def test_matrices_are_compared_with_another_run_by_name_and_signed_and_their_classes_are_sorted(curves: Open) -> None:
    page = curves("&find=small")
    cells = "[...document.querySelectorAll('.ktile')].map(t => [...t.querySelectorAll('.cm td')].map(c => c.textContent))"
    assert page.evaluate(cells)[0][:2] == ["6", "2"]
    page.get_by_label("difference to another matrix").select_option(label="minus plain")
    settle(page, "document.querySelectorAll('.cm td')[9].textContent === '+2'")
    assert page.evaluate(cells)[1] == ["+2", "−2", "0", "−2", "+2", "0", "0", "0", "0"]
    assert page.evaluate(cells)[0][:2] == ["6", "2"]  # the one that the others are compared with
    page.get_by_label("numbers of the cells").select_option("row")
    settle(page, "document.querySelectorAll('.cm td')[9].textContent === '+.25'")
    page.get_by_role("button", name="Hide empty").click()
    settle(page, "document.querySelectorAll('.cm td').length === 8")
    page.get_by_label("difference to another matrix").select_option("")
    page.get_by_label("what is shown of a matrix").select_option("classes")
    page.get_by_role("button", name="Recall", exact=True).first.click()
    settle(page, "document.querySelector('.mlist th[aria-sort=descending]')")
    table = page.evaluate("[...document.querySelector('.mlist tbody').rows].map(r => [...r.cells].map(c => c.textContent))")
    assert [row[:3] for row in table] == [["cat", "0.6667", "0.7500"], ["dog", "0.7143", "0.6250"]]
    page.get_by_label("what is shown of a matrix").select_option("pairs")
    settle(page, "document.querySelector('.mlist td.name')")
    assert page.locator(".mlist tbody tr").first.inner_text().split() == ["dog", "cat", ".38"]
    assert faults(page) == []


def test_a_matrix_of_many_long_labels_is_searched_zoomed_and_walked_by_keys(curves: Open) -> None:
    page = curves("&find=large", scheme="dark", width=390, height=844)
    assert page.locator(".mcanvas canvas").count() >= 1
    page.get_by_label("Find a label").first.fill("57")
    settle(page, "crossboard.state.own.get('label') === '57'")
    tile = "document.querySelector('.ktile').panel"
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator(".mcanvas canvas").first.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "+"):
        page.keyboard.press(key)
    until(page, f"{tile}.element.querySelector('.mread').textContent.startsWith('{LONG} 1 called {LONG} 1:')")
    counts = page.evaluate(f"{tile}.point.counts[1][1]")
    assert f": {counts:g}," in page.locator(".mread").first.inner_text()
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV", exact=True).first.click()
    assert len(saved.value.path().read_text(encoding="utf-8").splitlines()) == 61
    assert faults(page) == []


def test_figures_of_a_tag_have_one_range_when_linked_keep_it_over_steps_and_are_saved(board: Board, open_page: Open) -> None:
    page = open_page(board.url + "?page=figures")
    shown = "[...document.querySelectorAll('.vfig > .plotly')]"
    until(page, f"{shown}.length === 2 && {shown}.every(p => p.layout)")
    page.keyboard.press("l")
    settle(page, "crossboard.state.own.get('link') === '1'")
    page.evaluate(f"Plotly.relayout({shown}[0], {{'xaxis.range[0]': 0.5, 'xaxis.range[1]': 1.5}})")
    until(page, f"{shown}.every(p => p.layout.xaxis.range.map(v => v.toFixed(1)).join() === '0.5,1.5')")
    page.keyboard.press("[")
    settle(page, "crossboard.state.step !== ''")
    assert page.evaluate(f"{shown}.map(p => p.layout.xaxis.range.map(v => v.toFixed(1)).join())") == ["0.5,1.5", "0.5,1.5"]
    page.keyboard.press("z")
    until(page, f"{shown}.every(p => p.layout.xaxis.range[1] > 1.9)")
    page.locator(".ktile footer .lk").first.click()
    with page.expect_download() as saved:
        page.get_by_role("menuitem", name="Figure as JSON").click()
    assert json.loads(saved.value.path().read_text(encoding="utf-8"))["data"][0]["name"] == "fit"
    page.locator(".ktile footer .lk").first.click()
    with page.expect_download() as drawn:
        page.get_by_role("menuitem", name="Drawing as SVG").click()
    assert drawn.value.path().read_text(encoding="utf-8").startswith("<svg")
    assert faults(page) == []
