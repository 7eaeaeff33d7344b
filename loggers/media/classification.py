"""How well classes are told apart: precision-recall curves and confusion matrices, kept as counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from ...store.records import ConfusionMatrixPoint, PRCurvePoint
from ..numbers import describe
from .arrays import Snapshot
from .pixels import Say, sayer
from .rules import plural, real_array, whole_numbers
from .value import BadValue, Media, Taken, Target

F64 = NDArray[np.float64]

MOST_THRESHOLDS: Final = 10_000
MOST_CLASSES: Final = 1000
ROUNDING: Final = 1e-3
"""So far outside 0..1 a score may lie: what half precision makes of a softmax."""

# ------------------------------------------------------------------------------------------------------- PR curves


class PRCurve(Media):
    """A precision-recall curve of one class: at each threshold, how many examples were called positive, rightly or not.

    Args:
        labels: the truth, any shape: bool, or numbers that are 0 or 1.
        scores: the model's probabilities for it, same shape: 0..1.
        thresholds: how many, evenly from 0 to 1 (2 to 10,000), or a list of ascending thresholds within 0..1.
        weights: how much each example counts, >= 0: one number, or an array that fits the shape. None: 1.
        label: name of the class.

    Counted as TensorBoard counts (`compute_curve` of its pr_curve plugin): with n thresholds, an example is called positive at
    threshold i / (n - 1) when ``floor(score * (n - 1)) >= i``, in the scores' own precision. For thresholds given as a list: when
    ``score >= threshold``.

    Examples whose score is NaN are left out with a warning. Scores up to 0.001 outside of 0..1 are taken as 0 or 1 (half
    precision rounds); further outside the curve is left out with a warning: those are logits. Several classes: one curve
    each, under a tag of its own.
    """

    __slots__ = ("_label", "_labels", "_scores", "_thresholds", "_weights")

    def __init__(self, labels: Any, scores: Any, thresholds: Any = 127, weights: Any = None, label: str = "") -> None:
        self._labels, self._scores, self._thresholds, self._weights, self._label = labels, scores, thresholds, weights, label

    @staticmethod
    def from_counts(
        true_positives: Any, false_positives: Any, true_negatives: Any, false_negatives: Any, thresholds: Any = None, label: str = ""
    ) -> Media:
        """A curve that was counted already: four lists of one length (2 to 10,000), each number finite and >= 0.

        thresholds: ascending, as many; None: evenly from 0 to 1.
        """
        return _CountedCurve((true_positives, false_positives, true_negatives, false_negatives), thresholds, label)

    def take(self) -> Taken:
        """See `Media.take`."""
        labels = real_array(self._labels, wanted="labels that are 0 or 1", fits=_not_empty)
        scores = real_array(self._scores, wanted=f"scores of the labels' shape {labels.shape}", fits=lambda shape: shape == labels.shape)
        weights = None
        if self._weights is not None:
            weights = real_array(
                self._weights, wanted=f"weights that fit the shape {labels.shape}", fits=lambda shape: _broadcasts(shape, labels.shape)
            )
        thresholds = _thresholds_of(self._thresholds)
        even, name = not _is_list(self._thresholds), str(self._label)

        def encode(target: Target) -> PRCurvePoint:
            counts = _count(labels, scores, weights, thresholds, even, sayer(target))
            return _curve_point(target, thresholds, counts, name)

        return Taken(labels.size + scores.size + (weights.size if weights is not None else 0), encode)


class _CountedCurve(Media):
    __slots__ = ("_counts", "_label", "_thresholds")

    def __init__(self, counts: tuple[Any, Any, Any, Any], thresholds: Any, label: str) -> None:
        self._counts, self._thresholds, self._label = counts, thresholds, label

    def take(self) -> Taken:
        wanted = "four lists of counts of one length"
        first = real_array(self._counts[0], wanted=wanted, fits=lambda shape: len(shape) == 1 and 2 <= shape[0] <= MOST_THRESHOLDS)
        taken = [first, *(real_array(one, wanted=wanted, fits=lambda shape: shape == first.shape) for one in self._counts[1:])]
        count = first.shape[0]
        thresholds = _thresholds_of(count if self._thresholds is None else self._thresholds)
        if len(thresholds) != count:
            raise BadValue(f"want {count} thresholds, one for each count, got {len(thresholds)}")
        name = str(self._label)

        def encode(target: Target) -> PRCurvePoint:
            counts = [one.land().astype(np.float64) for one in taken]
            for one in counts:
                if not np.all(np.isfinite(one) & (one >= 0)):
                    raise BadValue("want counts that are finite and not negative")
            return _curve_point(target, thresholds, counts, name)

        return Taken(sum(one.size for one in taken), encode)


def _curve_point(target: Target, thresholds: F64, counts: Sequence[F64], label: str) -> PRCurvePoint:
    positives, false_positives, negatives, false_negatives = (one.tolist() for one in counts)
    return PRCurvePoint(
        tag=target.tag,
        step=target.step,
        wall_time=target.wall_time,
        thresholds=thresholds.tolist(),
        true_positives=positives,
        false_positives=false_positives,
        true_negatives=negatives,
        false_negatives=false_negatives,
        label=label,
    )


def _not_empty(shape: tuple[int, ...]) -> bool:
    return math.prod(shape) > 0


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def _is_list(thresholds: Any) -> bool:
    return hasattr(thresholds, "__len__") or bool(getattr(thresholds, "shape", ()))


def _thresholds_of(thresholds: Any) -> F64:
    """Ascending float64. Read at once, also from a device: there are few."""
    if not _is_list(thresholds):
        try:
            count = int(thresholds)
        except (TypeError, ValueError):
            raise BadValue(f"thresholds: want a number of them or a list, got {describe(thresholds)}") from None
        if not 2 <= count <= MOST_THRESHOLDS or count != thresholds:
            raise BadValue(f"thresholds: want a whole number, 2 to {MOST_THRESHOLDS:,}, got {thresholds!r}")
        return np.arange(count, dtype=np.float64) / (count - 1)
    wanted = f"a list of 1 to {MOST_THRESHOLDS:,} thresholds"
    taken = real_array(thresholds, wanted=wanted, fits=lambda shape: len(shape) == 1 and 0 < shape[0] <= MOST_THRESHOLDS)
    array = taken.land().astype(np.float64)
    if not (np.all((array >= 0) & (array <= 1)) and np.all(np.diff(array) > 0)):
        raise BadValue("thresholds: want them ascending and within 0..1")
    return array


def _count(labels: Snapshot, scores: Snapshot, weights: Snapshot | None, thresholds: F64, even: bool, say: Say) -> list[F64]:
    """True positives, false positives, true negatives and false negatives at each threshold."""
    truth = labels.land().reshape(-1).astype(np.float64)
    if not np.all((truth == 0) | (truth == 1)):
        wrong = truth[~((truth == 0) | (truth == 1))][0]
        raise BadValue(f"want labels that are 0 or 1, got {wrong:g}; compare first, for example labels == {wrong:g}")
    score = scores.land().reshape(-1)
    score = score if score.dtype in (np.float32, np.float64) else score.astype(np.float32 if score.dtype.kind == "f" else np.float64)
    weight = np.ones_like(truth)
    if weights is not None:
        weight = np.broadcast_to(weights.land().astype(np.float64), labels.shape).reshape(-1)
        if not np.all(np.isfinite(weight) & (weight >= 0)):
            raise BadValue("want weights that are finite and not negative")
    unknown = np.isnan(score)
    if unknown.any():
        if unknown.all():
            raise BadValue(f"want scores within 0..1, got {plural(score.size, 'score')} that are all NaN")
        say(f"PRCurve: {int(unknown.sum()):,} of {plural(score.size, 'score')} are NaN; those are left out", "nan")
        truth, score, weight = truth[~unknown], score[~unknown], weight[~unknown]
    low, high = float(score.min()), float(score.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise BadValue(f"want scores within 0..1, got {low:g} to {high:g}; turn logits into probabilities first (sigmoid or softmax)")
    score = np.clip(score, 0, 1)
    count = len(thresholds)
    if even:
        bucket = np.floor(score * (count - 1)).astype(np.int64)
    else:
        bucket = np.searchsorted(thresholds, score.astype(np.float64), side="right") - 1
    called = bucket >= 0
    positives = [np.bincount(bucket[called], weights=one[called], minlength=count) for one in (truth * weight, (1 - truth) * weight)]
    true_positives, false_positives = (np.cumsum(one[::-1])[::-1] for one in positives)
    true_negatives = float(((1 - truth) * weight).sum()) - false_positives
    false_negatives = float((truth * weight).sum()) - true_positives
    return [true_positives, false_positives, np.maximum(true_negatives, 0), np.maximum(false_negatives, 0)]


# ---------------------------------------------------------------------------------------------- confusion matrices


class ConfusionMatrix(Media):
    """How often examples of each class were called each class.

    Args:
        truth: the true class of each example, shape (n,) or (n, 1): class numbers from 0, or names.
        predictions: what each was called, shape (n,) or (n, 1): class numbers or names; or scores of shape (n, classes), of
            which the largest counts (the first of several equal ones).
        labels: the names of all classes, in order: class number i is ``labels[i]``. None: the numbers 0 to the largest that
            occurs (or to the width of the scores), or all names that occur, sorted.

    At most 1,000 classes. Examples with a NaN among their scores are left out with a warning. Negative class numbers (an
    "ignore" class), numbers or names outside `labels`, one-hot rows as truth: the matrix is left out with a warning that says so.
    """

    __slots__ = ("_labels", "_predictions", "_truth")

    def __init__(self, truth: Any, predictions: Any, labels: Any = None) -> None:
        self._truth, self._predictions, self._labels = truth, predictions, labels

    @staticmethod
    def from_counts(matrix: Any, labels: Any = None) -> Media:
        """A matrix that was counted already: shape (n, n), row = true class, column = what it was called; finite, >= 0.

        labels: n names; None: "0", "1", ...
        """
        return _CountedMatrix(matrix, labels)

    def take(self) -> Taken:
        """See `Media.take`."""
        labels = _names_of(self._labels)
        truth = _classes_of(self._truth, "truth", wide=False)
        said = _classes_of(self._predictions, "predictions", wide=True)
        if truth.count != said.count:
            raise BadValue(f"want as many predictions as examples, got {truth.count:,} and {said.count:,}")
        if labels is None and truth.is_names != said.is_names:
            raise BadValue("want class numbers in both or names in both, got one of each; give labels=, the names of all classes in order")
        if said.width > MOST_CLASSES:
            raise BadValue(f"want at most {MOST_CLASSES:,} classes, got scores of {said.width:,}")

        def encode(target: Target) -> ConfusionMatrixPoint:
            names = labels
            if names is None and truth.is_names:
                names = sorted({*cast("list[str]", truth.names), *cast("list[str]", said.names)})
            say = sayer(target)
            rows, columns = truth.numbers(names, say), said.numbers(names, say)
            kept = (rows >= 0) & (columns >= 0)
            rows, columns = rows[kept], columns[kept]
            if names is None:
                names = [str(one) for one in range(max(int(rows.max(initial=0)), int(columns.max(initial=0)), said.width - 1) + 1)]
            counts = np.bincount(rows * len(names) + columns, minlength=len(names) ** 2).reshape(len(names), len(names))
            return _matrix_point(target, names, counts.tolist())

        return Taken(truth.size + said.size, encode)


class _CountedMatrix(Media):
    __slots__ = ("_labels", "_matrix")

    def __init__(self, matrix: Any, labels: Any) -> None:
        self._matrix, self._labels = matrix, labels

    def take(self) -> Taken:
        labels = _names_of(self._labels)
        wanted = f"counts of shape (n, n), n from 1 to {MOST_CLASSES:,}"
        fits = real_array(
            self._matrix, wanted=wanted, fits=lambda shape: len(shape) == 2 and shape[0] == shape[1] and 1 <= shape[0] <= MOST_CLASSES
        )
        count = fits.shape[0]
        if labels is not None and len(labels) != count:
            raise BadValue(f"labels: want {count} names, one for each row, got {len(labels)}")

        def encode(target: Target) -> ConfusionMatrixPoint:
            counts = fits.land().astype(np.float64)
            if not np.all(np.isfinite(counts) & (counts >= 0)):
                raise BadValue("want counts that are finite and not negative")
            whole = bool(np.all(np.floor(counts) == counts) and counts.max() < 2.0**53)
            kept = (counts.astype(np.int64) if whole else counts).tolist()  # whole numbers take one byte where they are small
            return _matrix_point(target, labels or [str(one) for one in range(count)], kept)

        return Taken(fits.size, encode)


def _matrix_point(target: Target, labels: list[str], counts: Any) -> ConfusionMatrixPoint:
    return ConfusionMatrixPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, labels=labels, counts=counts)


class _Classes:
    """A class for each of `count` examples: names, or an array of numbers (count,), or of scores (count, width)."""

    def __init__(self, what: str, names: list[str] | None, array: Snapshot | None) -> None:
        self.what, self.names, self._array = what, names, array
        shape = array.shape if array is not None else (len(names or ()),)
        self.count = shape[0]
        self.width = shape[1] if len(shape) == 2 and shape[1] > 1 else 0
        self.size = array.size if array is not None else 64 * self.count

    @property
    def is_names(self) -> bool:
        return self.names is not None

    def numbers(self, labels: list[str] | None, say: Say) -> NDArray[np.int64]:
        """Class number of each example, -1 where it has none. Raises BadValue for a class that does not exist."""
        if self.names is not None:
            numbers = {name: number for number, name in enumerate(labels or ())}
            unknown = sorted({name for name in self.names if name not in numbers})
            if unknown:
                some = ", ".join(repr(name) for name in unknown[:3])
                raise BadValue(f"{self.what}: want names that are in labels, got {plural(len(unknown), 'other')}, such as {some}")
            if len(numbers) > MOST_CLASSES:
                raise BadValue(f"want at most {MOST_CLASSES:,} classes, got {len(numbers):,}")
            return np.fromiter((numbers[name] for name in self.names), np.int64, self.count)
        assert self._array is not None
        array = self._array.land()
        found = self._largest(array, say) if self.width else whole_numbers(array.reshape(-1), what=self._hint(array))
        low, high = int(found.min(initial=0)), int(found.max(initial=0))
        if low < 0 and not self.width:
            raise BadValue(f"{self.what}: want class numbers from 0, got {low}; leave ignored examples out first")
        if labels is not None and max(high, self.width - 1) >= len(labels):
            raise BadValue(f"{self.what}: want classes below {len(labels)}, the number of labels, got {max(high, self.width - 1)}")
        if high >= MOST_CLASSES:
            raise BadValue(f"want at most {MOST_CLASSES:,} classes, got class number {high:,}")
        return found

    def _largest(self, array: NDArray[Any], say: Say) -> NDArray[np.int64]:
        found: NDArray[np.int64] = array.argmax(axis=1).astype(np.int64)
        unknown = np.isnan(array).any(axis=1) if array.dtype.kind == "f" else np.zeros(self.count, bool)
        if unknown.any():
            text = f"ConfusionMatrix: {int(unknown.sum()):,} of {plural(self.count, 'example')} have NaN among their scores; left out"
            say(text, "nan")
            found[unknown] = -1
        return found

    def _hint(self, array: NDArray[Any]) -> str:
        if self.what == "predictions" and array.dtype.kind == "f":
            return "predictions (probabilities of two classes are compared with a threshold first)"
        return self.what


def _classes_of(value: Any, what: str, *, wide: bool) -> _Classes:
    wanted = f"{what} of shape (n,){' or (n, classes)' if wide else ''}: class numbers or names"
    names = _names_in(value)
    if names is not None:
        return _Classes(what, names, None)

    def fits(shape: tuple[int, ...]) -> bool:
        if not wide and len(shape) == 2 and shape[1] > 1:
            raise BadValue(f"want {wanted}, got shape {shape}; from one-hot rows: {what}.argmax(-1)")
        return shape[:1] > (0,) and (len(shape) == 1 or (len(shape) == 2 and shape[1] > 0))

    return _Classes(what, None, real_array(value, wanted=wanted, fits=fits))


def _names_in(value: Any) -> list[str] | None:
    """Names, copied, where `value` is a sequence of strings."""
    module = type(value).__module__.partition(".")[0]
    if module in ("pandas", "polars") and hasattr(value, "to_list"):
        value = value.to_list()
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "UTO":
        value = value.tolist()
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, str) for one in value):
        return [str(one) for one in value]
    return None


def _names_of(labels: Any) -> list[str] | None:
    """The list of class names, None where none was given."""
    if labels is None:
        return None
    if isinstance(labels, (str, bytes, dict, set)) or not hasattr(labels, "__iter__"):
        raise BadValue(f"labels: want a list of names, got {describe(labels)}")
    names = [str(one) for one in labels]
    if not 1 <= len(names) <= MOST_CLASSES:
        raise BadValue(f"labels: want 1 to {MOST_CLASSES:,} names, got {len(names):,}")
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadValue(f"labels: want each name once, got {twice!r} {names.count(twice)} times")
    return names
