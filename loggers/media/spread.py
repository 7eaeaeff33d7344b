"""How values are distributed: counts in buckets and moments, exact, with NumPy. `spread_on_device` does the same where a tensor lies.

The rule of a bucket is the record's (`store.records.HistogramPoint`), which is ``numpy.histogram``'s: bucket i holds edges[i] <= v
< edges[i+1], the last one both ends. Where the edges lie, when nobody says:

- floats: `bins` buckets of one width from the smallest to the largest finite value;
- whole numbers and booleans: buckets of one whole number each where that takes at most `bins`, from half below the smallest;
- all values equal: one bucket around it, a thousandth of its size wide to each side (whole numbers: a half).

Everything is counted as float64: exact for whole numbers, float16, bfloat16, float8, float32 and float64 alike; beyond 2**53 a whole
number counts as the float64 next to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...store.records import HistogramPoint

Array = NDArray[Any]
Floats = NDArray[np.float64]
CHUNK: Final = 1 << 16
"""So many values are looked at together: half a megabyte, which stays in the processor's cache."""
SAFE: Final = 1e140
"""Squares and sums of values between 1/SAFE and SAFE neither overflow nor vanish; others are scaled first."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution; the fields are those of `HistogramPoint`."""

    edges: list[float]
    counts: list[int]
    count: int
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0

    @property
    def finite(self) -> int:
        """How many values are finite."""
        return self.count - self.nan - self.pos_inf - self.neg_inf

    @property
    def norm(self) -> float:
        """Euclidean norm of all values; NaN when one of them is not finite."""
        if self.finite < self.count:
            return math.nan
        return math.sqrt(self.count) * math.hypot(self.mean or 0.0, self.std or 0.0)

    def point(self, tag: str, step: int, wall_time: float) -> HistogramPoint:
        """As a record."""
        return HistogramPoint(
            tag=tag,
            step=step,
            wall_time=wall_time,
            edges=self.edges,
            counts=self.counts,
            count=self.count,
            min=self.min,
            max=self.max,
            mean=self.mean,
            std=self.std,
            nan=self.nan,
            pos_inf=self.pos_inf,
            neg_inf=self.neg_inf,
        )


def spread_of(values: Array, bins: int | Sequence[float] = 64, range: tuple[float, float] | None = None) -> Spread:  # noqa: A002
    """Count `values`, an array of any shape of numbers or booleans.

    Args:
        values: not complex.
        bins: how many buckets at most, or their edges, ascending.
        range: lower and upper end of the buckets; values outside are in no bucket, but in everything else.
    """
    flat = values.reshape(-1)
    low, high, mean, nan, above, below = _ends(flat)
    finite = flat.size - nan - above - below
    whole = values.dtype.kind in "biu"
    if not isinstance(bins, int):
        edges = np.asarray(bins, np.float64)
    elif range is not None:
        edges = edges_between(float(range[0]), float(range[1]), bins, whole=False)
    elif finite:
        edges = edges_between(low, high, bins, whole=whole)
    else:
        edges = np.array([0.0, 1.0])
    if not finite:
        return Spread(edges.tolist(), [0] * (len(edges) - 1), int(flat.size), nan=nan, pos_inf=above, neg_inf=below)
    bounded = bool(edges[0] > low or edges[-1] < high)
    counts, std = _counts(flat, edges, mean, max(abs(low), abs(high)), clean=finite == flat.size, bounded=bounded)
    return Spread(edges.tolist(), counts.tolist(), int(flat.size), low, high, mean, std, nan, above, below)


def edges_between(low: float, high: float, bins: int, *, whole: bool) -> Floats:
    """The edges of at most `bins` buckets from `low` to `high`, both finite, strictly ascending; see the module."""
    if whole:
        count = math.ceil(min(high - low + 1, float(bins)))
        edges = low - 0.5 + max(1.0, (high - low + 1) / bins) * np.arange(count + 1, dtype=np.float64)
        edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)  # beyond 2**53 the steps are rounded
        edges = np.unique(edges)
        if len(edges) > 1:
            return edges
    if low == high:
        side = max(abs(low) * 2.0**-10, 2.0**-20)
        most = float(np.finfo(np.float64).max)
        return np.array([max(low - side, -most), min(low + side, most)])
    part = np.arange(bins + 1, dtype=np.float64) / bins
    with np.errstate(over="ignore", invalid="ignore"):
        edges = low + (high - low) * part
    if not np.isfinite(edges).all():  # wider than float64 reaches
        edges = low * (1 - part) + high * part
    edges[0], edges[-1] = low, high
    return np.unique(np.clip(edges, low, high))


def _chunks(flat: Array) -> Iterator[Floats]:
    with np.errstate(over="ignore"):
        for start in range(0, flat.size, CHUNK):
            yield flat[start : start + CHUNK].astype(np.float64)


def _ends(flat: Array) -> tuple[float, float, float, int, int, int]:
    """Smallest, largest and mean of the finite values, and how many are NaN, +inf, -inf."""
    low, high, nan, above, below = math.inf, -math.inf, 0, 0, 0
    sums: list[float] = []
    with np.errstate(over="ignore", invalid="ignore"):
        for chunk in _chunks(flat):
            least, most = float(chunk.min()), float(chunk.max())
            if not (math.isfinite(least) and math.isfinite(most)):
                nan += int(np.isnan(chunk).sum())
                above += int((chunk == np.inf).sum())
                below += int((chunk == -np.inf).sum())
                chunk = chunk[np.isfinite(chunk)]
                if not chunk.size:
                    continue
                least, most = float(chunk.min()), float(chunk.max())
            low, high = min(low, least), max(high, most)
            sums.append(float(chunk.sum()))
    finite = flat.size - nan - above - below
    if not finite:
        return low, high, 0.0, nan, above, below
    largest = max(abs(low), abs(high))
    if largest < SAFE:
        mean = math.fsum(sums) / finite
    else:  # the sum itself may overflow
        mean = math.fsum(float((chunk[np.isfinite(chunk)] / largest).sum()) for chunk in _chunks(flat)) / finite * largest
    return low, high, min(max(mean, low), high), nan, above, below


def _counts(flat: Array, edges: Floats, mean: float, largest: float, *, clean: bool, bounded: bool) -> tuple[NDArray[np.int64], float]:
    """Counts in buckets and the standard deviation. clean: all values are finite; bounded: some lie outside of the buckets."""
    bins = len(edges) - 1
    counts = np.zeros(bins, np.int64)
    scale = largest if largest > SAFE or 0 < largest < 1 / SAFE else 1.0
    squares: list[float] = []
    finite = 0
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        per_bucket = bins / (edges[-1] - edges[0])
        # how far edges are from even ones, in buckets; values no farther from one are looked up
        near = float(np.abs((edges - edges[0]) * per_bucket - np.arange(bins + 1)).max()) + 1e-9
    even = near < 0.1  # false also for NaN
    for chunk in _chunks(flat):
        if not clean:
            chunk = chunk[np.isfinite(chunk)]
        finite += chunk.size
        away = (chunk - mean) if scale == 1.0 else (chunk / scale - mean / scale)
        squares.append(float(np.square(away, out=away).sum()))  # np.dot would wake the threads of BLAS, beside training's own
        if bounded:
            chunk = chunk[(chunk >= edges[0]) & (chunk <= edges[-1])]
        if even:
            at = (chunk - edges[0]) * per_bucket
            place = at.astype(np.intp)
            np.minimum(place, bins - 1, out=place)
            np.subtract(at, np.rint(at), out=at)
            unsure = np.flatnonzero(np.abs(at, out=at) <= near)
            if unsure.size:
                place[unsure] = _looked_up(edges, chunk[unsure])
        else:
            place = _looked_up(edges, chunk)
        counts += np.bincount(place, minlength=bins)
    return counts, scale * math.sqrt(math.fsum(squares) / finite)


def _looked_up(edges: Floats, values: Floats) -> NDArray[np.intp]:
    """The bucket of each value between the first and the last edge."""
    return np.minimum(np.searchsorted(edges, values, side="right") - 1, len(edges) - 2)
