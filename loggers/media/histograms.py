"""Histograms: the distribution of an array, counted exactly, wherever the array lies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ...store.records import HistogramPoint
from ..landing import NO_STREAMS
from ..numbers import describe
from .arrays import is_torch, snapshot
from .spread import Spread, spread_of
from .value import BadValue, Media, Taken, Target

MOST_BINS: Final = 4096
WANTED: Final = "numbers: an array, a tensor or a list"


class Histogram(Media):
    """The distribution of all values of an array: exact counts in buckets, with min, max, mean, std, and the number of NaN and
    infinities, which never spoil the rest.

    Args:
        values: any array of real numbers or booleans, any shape, also empty: NumPy, torch (on any device, requires_grad, bfloat16,
            float8), TensorFlow, JAX, a list.
        bins: how many buckets at most, 1 to 4096; or their edges, ascending, at most 4097 of them. Few whole numbers get a
            bucket each (see `spread`).
        range: lower and upper end of the buckets. Default: the smallest and the largest finite value. Values outside are in no
            bucket, but in everything else.

    Bucket i holds edges[i] <= v < edges[i+1], the last one both ends, as in ``numpy.histogram``. A tensor on a device with streams
    (CUDA) is counted there, in the caller's stream, without waiting; anything else is copied and counted in the helper thread.
    """

    __slots__ = ("_bins", "_made", "_range", "_values")

    def __init__(self, values: Any, bins: int | Sequence[float] = 64, range: tuple[float, float] | None = None) -> None:  # noqa: A002
        self._values, self._bins, self._range = values, bins, range
        self._made: dict[str, Any] | None = None

    @classmethod
    def from_counts(
        cls,
        edges: Any,
        counts: Any,
        *,
        min: float | None = None,  # noqa: A002
        max: float | None = None,  # noqa: A002
        mean: float | None = None,
        std: float | None = None,
        nan: int = 0,
        pos_inf: int = 0,
        neg_inf: int = 0,
    ) -> Histogram:
        """A histogram that was counted elsewhere, such as ``edges, counts`` from ``numpy.histogram`` (which returns them the
        other way round).

        Args:
            edges: n + 1 ascending finite numbers; counts: n whole numbers >= 0; both lists or arrays on the host.
            min, max, mean, std: over the finite values, where known. nan, pos_inf, neg_inf: how many were so.
        """
        made = cls(None)
        stats = {"min": min, "max": max, "mean": mean, "std": std}
        made._made = {"edges": edges, "counts": counts, "stats": stats, "odd": {"nan": nan, "pos_inf": pos_inf, "neg_inf": neg_inf}}
        return made

    def take(self) -> Taken:
        """Copy the values, or begin to count them on their device."""
        if self._made is not None:
            spread = _made(**self._made)
            return Taken(16 * len(spread.edges), lambda target: _point(spread, target))
        bins, ends = _bins(self._bins), _ends(self._range)
        values = self._values
        if is_torch(values) and isinstance(bins, int) and values.device.type not in NO_STREAMS and not _odd(values):
            from .spread_on_device import spreads_begun

            begun = spreads_begun([values], bins=bins, range=ends)
            return Taken(begun.size, lambda target: _point(begun.spreads()[0], target))
        taken = snapshot(values, wanted=WANTED, check=_check)
        return Taken(taken.size, lambda target: _point(spread_of(taken.land(), bins, ends), target))


def _check(shape: tuple[int, ...], dtype: str) -> None:
    if dtype.startswith("complex"):
        raise BadValue(f"want {WANTED}, got complex numbers of shape {shape}; log their abs() or angle()")
    if dtype.startswith(("datetime", "timedelta")):
        raise BadValue(f"want {WANTED}, got {dtype} of shape {shape}")


def _odd(tensor: Any) -> bool:
    """Whether a torch tensor is none that is counted where it lies."""
    return bool(
        tensor.is_complex()
        or getattr(tensor, "is_sparse", False)
        or getattr(tensor, "is_quantized", False)
        or getattr(tensor, "is_nested", False)
        or "strided" not in str(getattr(tensor, "layout", "strided"))
    )


def _bins(bins: Any) -> int | list[float]:
    if isinstance(bins, (int, np.integer)) and not isinstance(bins, bool):
        if not 1 <= bins <= MOST_BINS:
            raise BadValue(f"bins: want 1 to {MOST_BINS}, got {bins}")
        return int(bins)
    if isinstance(bins, str):
        raise BadValue(f"bins: want a number or edges, got {bins!r}; numpy.histogram with from_counts takes such names")
    return _edges(bins, "bins")


def _edges(edges: Any, name: str) -> list[float]:
    try:
        array = np.asarray(edges, np.float64)
    except (TypeError, ValueError) as error:
        raise BadValue(f"{name}: want ascending edges, got {describe(edges)} ({error})") from None
    if array.ndim != 1 or not 2 <= array.size <= MOST_BINS + 1:
        raise BadValue(f"{name}: want 2 to {MOST_BINS + 1} edges in one row, got shape {array.shape}")
    if not np.isfinite(array).all() or (np.diff(array) <= 0).any():
        raise BadValue(f"{name}: want finite edges, each above the one before")
    return [float(edge) for edge in array]


def _ends(ends: Any) -> tuple[float, float] | None:
    if ends is None:
        return None
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        raise BadValue(f"range: want (lower, upper) or None, got {ends!r}"[:200]) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise BadValue(f"range: want two finite numbers, the lower one first, got ({low}, {high})")
    return low, high


def _made(edges: Any, counts: Any, stats: dict[str, Any], odd: dict[str, Any]) -> Spread:
    at = _edges(edges, "edges")
    try:
        array = np.asarray(counts)
        whole = array.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(f"counts: want whole numbers, got {describe(counts)} ({error})") from None
    if array.dtype.kind not in "biuf" or whole.shape != (len(at) - 1,) or (whole < 0).any() or (whole != array).any():
        raise BadValue(f"counts: want {len(at) - 1} whole numbers >= 0, one fewer than edges, got {describe(counts)}")
    try:
        known = [None if value is None else float(value) for value in stats.values()]
        others = [int(value) for value in odd.values()]
    except (TypeError, ValueError, OverflowError) as error:
        raise BadValue(f"min, max, mean, std, nan, pos_inf, neg_inf: want numbers ({error})") from None
    if min(others) < 0:
        raise BadValue(f"nan, pos_inf, neg_inf: want counts >= 0, got {others}")
    return Spread(at, whole.tolist(), int(whole.sum()) + sum(others), *known, *others)  # type: ignore[arg-type]  # in the order of the fields


def _point(spread: Spread, target: Target) -> HistogramPoint:
    return spread.point(target.tag, target.step, target.wall_time)
