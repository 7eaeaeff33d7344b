"""What the page of curves reckons, against scikit-learn: areas under curves of thresholds, and what a confusion matrix says.

The scripts `assets/run/58-thresholds.js` and `59-matrices.js` run in Node.js as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ASSETS = import_module("test_assets")
run_js: Callable[..., Any] = ASSETS.run_js

pytestmark = ASSETS.pytestmark


def counts_at(truth: Any, scores: Any, thresholds: Any) -> dict[str, list[float]]:
    """A point as `/api/points` gives it: what a call of `score >= threshold` counts."""
    called = scores[None, :] >= np.asarray(thresholds)[:, None]
    positive = truth.astype(bool)[None, :]
    return {
        "thresholds": [float(one) for one in thresholds],
        "true_positives": [int(n) for n in (called & positive).sum(1)],
        "false_positives": [int(n) for n in (called & ~positive).sum(1)],
        "true_negatives": [int(n) for n in (~called & ~positive).sum(1)],
        "false_negatives": [int(n) for n in (~called & positive).sum(1)],
    }


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(4, 60), levels=st.integers(2, 40))
@settings(max_examples=5, deadline=None)
def test_areas_are_those_of_scikit_learn_where_every_score_is_a_threshold(seed: int, n: int, levels: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    truth = np.concatenate([[0, 1], random.integers(0, 2, n - 2)])
    scores = random.integers(0, levels, n) / levels  # ties on purpose
    point = counts_at(truth, scores, np.unique(scores))
    got = run_js("(l => [cb.pr.averagePrecision(l), cb.pr.rocArea(l), cb.pr.prevalence(l)])(cb.pr.rates(point))", point=point)
    assert got == pytest.approx([metrics.average_precision_score(truth, scores), metrics.roc_auc_score(truth, scores), truth.mean()])


def test_the_drawn_steps_enclose_the_average_precision_and_the_ends_of_a_roc_curve_are_added() -> None:
    truth, scores = np.array([0, 0, 1, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8, 0.5, 0.9])
    point = counts_at(truth, scores, [0.2, 0.45, 0.85])
    ask = "(l => [cb.pr.line(l, ''), cb.pr.line(l, 'roc'), cb.pr.averagePrecision(l)])(cb.pr.rates(point))"
    steps, roc, area = run_js(ask, point=point)
    assert sum((x1 - x0) * y for (x0, y), (x1, _) in zip(steps[::2], steps[1::2], strict=True)) == pytest.approx(area)
    assert roc[0] == [0, 0]
    assert roc[-1] == [1, 1]
    assert np.array(roc[1:-1]) == pytest.approx(np.array([[0, 1 / 3], [1 / 3, 2 / 3], [2 / 3, 1]]))


def test_where_a_class_is_missing_there_is_no_roc_and_no_number_is_made_up() -> None:
    only = counts_at(np.ones(5), np.linspace(0, 1, 5), [0, 0.5, 1])
    none = counts_at(np.zeros(5), np.linspace(0, 1, 5), [0, 0.5, 1])
    ask = "points.map(p => cb.pr.rates(p)).map(l => [cb.pr.roc(l).length, cb.pr.rocArea(l), cb.pr.averagePrecision(l)])"
    assert run_js(ask, points=[only, none]) == [[0, "NaN", 1], [0, "NaN", "NaN"]]
    assert run_js("(l => [cb.pr.atThreshold(l, 0.5), cb.pr.bestF1(l), cb.pr.prevalence(l)])([])") == [-1, -1, "NaN"]


def test_the_nearest_threshold_and_recall_are_found_and_of_equal_recalls_the_more_precise() -> None:
    truth, scores = np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    point = counts_at(truth, scores, [0.05, 0.2, 0.4, 0.6, 0.8])
    got = run_js("(l => [cb.pr.atThreshold(l, 0.45), cb.pr.atRecall(l, 0.7), cb.pr.bestF1(l)])(cb.pr.rates(point))", point=point)
    assert got == [2, 3, 1]  # recall 2/3 at 0.4 (precision 2/3) and at 0.6 (precision 1)


@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 6))
@settings(max_examples=4, deadline=None)
def test_classes_and_shares_of_a_matrix_are_those_of_scikit_learn(seed: int, classes: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    truth, called = random.integers(0, classes, 40), random.integers(0, classes, 40)
    matrix = metrics.confusion_matrix(truth, called, labels=range(classes))
    kinds = {"row": "true", "col": "pred", "all": "all"}
    ask = "(g => [cb.matrices.classes(g, []), kinds.map(kind => [...cb.matrices.shares(g, kind).values])])(cb.matrices.grid(counts))"
    rows, shares = run_js(ask, counts=matrix.tolist(), kinds=list(kinds))
    told = metrics.precision_recall_fscore_support(truth, called, labels=range(classes), zero_division=np.nan)
    for name, want in zip(("precision", "recall", "f1", "support"), told, strict=True):
        assert [float(row[name]) for row in rows] == pytest.approx(list(want), nan_ok=True)
    for got, normal in zip(shares, kinds.values(), strict=True):
        want = metrics.confusion_matrix(truth, called, labels=range(classes), normalize=normal).ravel()
        assert np.nan_to_num(np.array(got, float)) == pytest.approx(want)


def test_a_difference_goes_by_names_and_a_class_that_only_one_has_is_said_and_empty() -> None:
    first = {"labels": ["cat", "dog"], "counts": [[8, 2], [1, 9]]}
    second = {"labels": ["dog", "eel", "cat"], "counts": [[5, 0, 5], [0, 1, 0], [4, 0, 6]]}
    ask = "(a => [a.labels, a.alone, [...cb.matrices.difference(a.first, a.second).values]])(cb.matrices.aligned(first, second))"
    labels, alone, values = run_js(ask, first=first, second=second)
    assert (labels, alone) == (["cat", "dog", "eel"], 1)
    assert values == [2, -2, "NaN", -4, 4, "NaN", "NaN", "NaN", "NaN"]
    twice = {"labels": ["x", "x"], "counts": [[1, 0], [0, 1]]}  # no names to go by: by place
    labels, alone, values = run_js(ask, first=twice, second={"labels": ["x", "y"], "counts": [[0, 1], [0, 1]]})
    assert (alone, values) == (0, [1, -1, 0, 0])


def test_the_most_confused_come_first_and_empty_classes_are_known() -> None:
    counts = [[5, 9, 0, 1], [2, 5, 0, 7], [0, 0, 0, 0], [3, 0, 0, 5]]
    ask = "(g => [cb.matrices.pairs(g, 3).map(p => [p.truth, p.called, p.value]), cb.matrices.used(g)])(cb.matrices.grid(counts))"
    assert run_js(ask, counts=counts) == [[[0, 1, 9], [1, 3, 7], [3, 0, 3]], [0, 1, 3]]
    big = np.random.default_rng(0).permutation(40 * 40).reshape(40, 40)
    most = sorted((int(v) for (i, j), v in np.ndenumerate(big) if i != j), reverse=True)[:10]
    assert [value for _, _, value in run_js(ask.replace("3)", "10)"), counts=big.tolist())[0]] == most
    order = "cb.matrices.ordered(rows, 'recall', true).map(row => row.label)"
    rows = [{"label": name, "place": i, "recall": recall} for i, (name, recall) in enumerate([("a", 0.2), ("b", 0.9), ("c", 0.2)])]
    assert run_js(order, rows=rows) == ["b", "a", "c"]


@given(st.lists(st.lists(st.text(alphabet='ab,"\n\r é', max_size=6), min_size=2, max_size=3), min_size=1, max_size=4))
@settings(max_examples=5, deadline=None)
def test_what_is_saved_as_csv_is_read_back_as_it_was(rows: list[list[str]]) -> None:
    text = run_js("cb.files.csv(rows)", rows=rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == rows
