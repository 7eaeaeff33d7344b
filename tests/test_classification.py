"""PR curves and confusion matrices: the counts are TensorBoard's and scikit-learn's."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.kinds import Kind

Kept = import_module("reading_back").Kept


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return Kept(tmp_path / "runs")


COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")


def counts(record: Any) -> list[list[float]]:
    return [getattr(record, name) for name in COUNTS]


# ------------------------------------------------------------------------------------------------------- PR curves


def test_counts_of_a_curve_that_fits_on_a_line(kept: Any) -> None:
    record = kept.log(cb.PRCurve([0, 1, 1, 0], [0.1, 0.9, 0.4, 0.5], thresholds=5, label="cat")).one(Kind.PR_CURVE)
    assert record.thresholds == [0, 0.25, 0.5, 0.75, 1]
    assert counts(record) == [[2, 2, 1, 1, 0], [2, 1, 1, 0, 0], [0, 1, 1, 2, 2], [0, 0, 1, 1, 2]]
    assert record.label == "cat"


@given(st.integers(1, 300), st.integers(2, 200), st.booleans(), st.sampled_from([np.float32, np.float64]), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
@pytest.mark.torch
def test_counts_are_those_of_tensorboard(count: int, thresholds: int, weighted: bool, dtype: Any, seed: int) -> None:
    """Against torch's own `compute_curve`, which is TensorBoard's."""
    compute_curve = pytest.importorskip("torch.utils.tensorboard.summary").compute_curve

    random = np.random.default_rng(seed)
    labels, scores = random.integers(0, 2, count), np.round(random.random(count), 2).astype(dtype)
    weights = random.integers(0, 5, count) / 4 if weighted else None
    with tempfile.TemporaryDirectory() as root:
        record = Kept(Path(root)).log(cb.PRCurve(labels, scores, thresholds=thresholds, weights=weights)).one(Kind.PR_CURVE)
    want = compute_curve(labels, scores, num_thresholds=thresholds, weights=weights)
    np.testing.assert_allclose(counts(record), want[:4], rtol=0, atol=1e-9)


@given(st.integers(2, 200), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_precision_and_recall_at_the_scores_are_those_of_scikit_learn(count: int, seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")

    random = np.random.default_rng(seed)
    labels, scores = np.append(random.integers(0, 2, count), 1), random.random(count + 1)
    precision, recall, thresholds = metrics.precision_recall_curve(labels, scores)
    with tempfile.TemporaryDirectory() as root:
        record = Kept(Path(root)).log(cb.PRCurve(labels, scores, thresholds=thresholds)).one(Kind.PR_CURVE)
    positives, wrong, negatives, missed = map(np.asarray, counts(record))
    assert record.thresholds == thresholds.tolist()
    np.testing.assert_allclose(positives / (positives + wrong), precision[:-1])
    np.testing.assert_allclose(positives / (positives + missed), recall[:-1])
    assert set((positives + wrong + negatives + missed).tolist()) == {count + 1}


@pytest.mark.parametrize(
    ("labels", "scores"),
    [
        ([True, False], [1.0, 0.0]),
        (np.array([[1], [0]], np.uint8), np.array([[1], [0]])),
        (np.array([1.0, 0.0]), np.array([1.0004, -0.0004], np.float16)),
        ((1, 0), (True, False)),
    ],
)
def test_every_form_of_labels_and_scores_is_taken(kept: Any, labels: Any, scores: Any) -> None:
    record = kept.log(cb.PRCurve(labels, scores, thresholds=2)).one(Kind.PR_CURVE)
    assert counts(record) == [[1, 1], [1, 0], [0, 1], [0, 0]]


@pytest.mark.torch
def test_tensors_on_the_graph_are_taken_and_later_changes_are_not_seen(kept: Any) -> None:
    import torch

    labels, scores = torch.tensor([1, 0]), torch.tensor([0.75, 0.25], dtype=torch.bfloat16, requires_grad=True)
    kept.log(cb.PRCurve(labels, scores, thresholds=3), after=lambda: labels.zero_())
    assert counts(kept.one(Kind.PR_CURVE)) == [[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]]


def test_a_curve_that_was_counted_before(kept: Any) -> None:
    kept.log(cb.PRCurve.from_counts([2, 1, 0], [2.5, 1, 0], [0, 1.5, 2.5], [0, 1, 2], label="dog"))
    record = kept.one(Kind.PR_CURVE)
    assert record.thresholds == [0, 0.5, 1]
    assert counts(record) == [[2, 1, 0], [2.5, 1, 0], [0, 1.5, 2.5], [0, 1, 2]]
    assert record.label == "dog"


def test_scores_that_are_nan_are_left_out_and_said(kept: Any) -> None:
    kept.log(cb.PRCurve([1, 0, 1], [0.75, 0.25, np.nan], thresholds=3))
    assert kept.said == ["log: 'it': PRCurve: 1 of 3 scores are NaN; those are left out"]
    assert kept.lines == [str(Path(__file__).with_name("reading_back.py"))]
    assert counts(kept.all(Kind.PR_CURVE)[0]) == [[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]]


# ---------------------------------------------------------------------------------------------- confusion matrices


def test_a_row_is_the_truth_and_a_column_what_it_was_called(kept: Any) -> None:
    record = kept.log(cb.ConfusionMatrix([0, 1, 2, 2], [0, 2, 2, 2], labels=["a", "b", "c"])).one(Kind.CONFUSION_MATRIX)
    assert (record.labels, record.counts) == (["a", "b", "c"], [[1, 0, 0], [0, 0, 1], [0, 0, 2]])


@given(st.integers(1, 200), st.integers(2, 12), st.booleans(), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_counts_are_those_of_scikit_learn(count: int, classes: int, named: bool, seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")

    random = np.random.default_rng(seed)
    truth, said = random.integers(0, classes, count), random.integers(0, classes, count)
    names = [f"class {number}" for number in range(classes)]
    values: Any = ([names[one] for one in truth], [names[one] for one in said]) if named else (truth, said)
    with tempfile.TemporaryDirectory() as root:
        record = Kept(Path(root)).log(cb.ConfusionMatrix(values[0], values[1], names)).one(Kind.CONFUSION_MATRIX)
    want = metrics.confusion_matrix(*values, labels=names if named else range(classes))
    assert (record.labels, record.counts) == (names, want.tolist())


@pytest.mark.parametrize(
    ("truth", "said", "labels", "matrix"),
    [
        ([0, 2], [0, 1], ["0", "1", "2"], [[1, 0, 0], [0, 0, 0], [0, 1, 0]]),
        (["b", "a"], ["b", "c"], ["a", "b", "c"], [[0, 0, 1], [0, 1, 0], [0, 0, 0]]),
        (np.array(["b", "a"]), ("b", "a"), ["a", "b"], [[1, 0], [0, 1]]),
        ([0, 1], [[0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], ["0", "1", "2"], [[0, 1, 0], [1, 0, 0], [0, 0, 0]]),
        (np.array([[0], [1]]), np.array([1.0, 1.0]), ["0", "1"], [[0, 1], [0, 1]]),
        ([True, False], np.array([[True], [True]]), ["0", "1"], [[0, 1], [0, 1]]),
        ([0], [0], ["0"], [[1]]),
    ],
)
def test_every_form_of_classes_is_taken(kept: Any, truth: Any, said: Any, labels: list[str], matrix: list[list[int]]) -> None:
    record = kept.log(cb.ConfusionMatrix(truth, said)).one(Kind.CONFUSION_MATRIX)
    assert (record.labels, record.counts) == (labels, matrix)


def test_names_on_one_side_and_numbers_on_the_other_meet_in_the_labels(kept: Any) -> None:
    record = kept.log(cb.ConfusionMatrix(["cat", "dog"], [[0.9, 0.1], [0.8, 0.2]], labels=["cat", "dog"])).one(Kind.CONFUSION_MATRIX)
    assert record.counts == [[1, 0], [1, 0]]


def test_examples_with_nan_among_their_scores_are_left_out_and_said(kept: Any) -> None:
    kept.log(cb.ConfusionMatrix([0, 1], [[0.1, 0.9], [np.nan, 0.5]]))
    assert kept.said == ["log: 'it': ConfusionMatrix: 1 of 2 examples have NaN among their scores; left out"]
    assert kept.all(Kind.CONFUSION_MATRIX)[0].counts == [[0, 1], [0, 0]]


def test_a_matrix_that_was_counted_before(kept: Any) -> None:
    kept.log(cb.ConfusionMatrix.from_counts([[5, 1], [0, 4]], ["no", "yes"]), cb.ConfusionMatrix.from_counts(np.array([[0.5]])))
    first, second = kept.all(Kind.CONFUSION_MATRIX)
    assert kept.said == []
    assert (first.labels, first.counts) == (["no", "yes"], [[5, 1], [0, 4]])
    assert (second.labels, second.counts) == (["0"], [[0.5]])


@pytest.mark.torch
def test_tensors_of_torch_are_taken(kept: Any) -> None:
    import torch

    truth, scores = torch.tensor([0, 1]), torch.tensor([[2.0, -1.0], [0.5, 3.0]], requires_grad=True)
    kept.log(cb.ConfusionMatrix(truth, scores), after=lambda: truth.zero_())
    assert kept.one(Kind.CONFUSION_MATRIX).counts == [[1, 0], [0, 1]]


def test_pandas_series_of_names_are_taken(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    record = kept.log(cb.ConfusionMatrix(pandas.Series(["a", "b"]), pandas.Series(["a", "a"], dtype="category"))).one(Kind.CONFUSION_MATRIX)
    assert (record.labels, record.counts) == (["a", "b"], [[1, 0], [1, 0]])


def test_the_plain_twins_log_the_same(kept: Any) -> None:
    with cb.init(dir=kept.root) as run:
        run.log_pr_curve("it", [0, 1], [0.2, 0.8], step=0, thresholds=2)
        run.log_confusion_matrix("it", [0, 1], [1, 1], step=0)
    assert counts(kept.one(Kind.PR_CURVE)) == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert kept.one(Kind.CONFUSION_MATRIX).counts == [[0, 1], [0, 1]]
