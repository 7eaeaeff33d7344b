"""Thinning: which points of a curve are drawn when there are more points than pixels.

A curve is cut into buckets of neighbouring points. Of each bucket are kept, in their order:

1. the first and the last finite point;
2. the lowest and the highest finite point (the earlier one of equals);
3. the first and the last NaN, the first and the last +inf, the first and the last -inf.

Said as properties: every bucket's extremes and every kind of non-finite value it holds are among the kept points; thinning
the kept points of two neighbouring buckets gives what thinning both buckets' points at once gives, so buckets can be merged
without looking at the points again; a bucket with few points is kept whole. Nothing is averaged and nothing is moved.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .kinds import F64, I64, Curve

Positions = NDArray[np.intp]
PER_FINITE: Final = 4
"""At most so many finite points of a bucket are kept, and two of each kind of non-finite value."""
NARROW: Final = 16
"""Buckets of fewer points are searched column by column."""


def _kinds(value: F64) -> list[NDArray[np.bool_]]:
    """Masks of NaN, +inf and -inf."""
    return [np.isnan(value), value == np.inf, value == -np.inf]


def non_finite(value: F64) -> tuple[int, int, int]:
    """How many of `value` are NaN, +inf and -inf."""
    if np.isfinite(value).all():
        return 0, 0, 0
    nan, positive, negative = (int(np.count_nonzero(mask)) for mask in _kinds(value))
    return nan, positive, negative


def _first_and_last(where: Positions, bucket: I64) -> list[Positions]:
    """The first and the last of the positions `where` in each bucket."""
    if not len(where):
        return []
    edge = np.flatnonzero(np.diff(bucket[where]) != 0)
    return [where[np.concatenate(([0], edge + 1))], where[np.concatenate((edge, [len(where) - 1]))]]


def _extremes(value: F64, where: Positions, bucket: I64) -> list[Positions]:
    """Positions, of the finite ones `where`, of the lowest and the highest value in each bucket."""
    ids = bucket[where]
    inner = value[where]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ids) != 0) + 1))
    sizes = np.diff(np.append(starts, len(where)))
    found = []
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(inner == np.repeat(extreme.reduceat(inner, starts), sizes))
        found.append(where[hits[np.concatenate(([True], np.diff(ids[hits]) != 0))]])
    return found


def keep(value: F64, bucket: I64) -> Positions:
    """Choose points that keep the outline of a curve.

    Args:
        value: float64, any, in drawing order.
        bucket: int64, same length, non-decreasing: the bucket each point belongs to.

    Returns:
        Strictly increasing positions: of each bucket those that the module names.
    """
    if not len(value):
        return np.empty(0, np.intp)
    finite = np.isfinite(value)
    parts: list[Positions] = []
    if finite.all():
        where = np.arange(len(value))
    else:
        where = np.flatnonzero(finite)
        for mask in _kinds(value):
            parts += _first_and_last(np.flatnonzero(mask), bucket)
    if len(where):
        parts += _first_and_last(where, bucket)
        parts += _extremes(value, where, bucket)
    chosen = np.zeros(len(value), np.bool_)
    for part in parts:
        chosen[part] = True
    return np.flatnonzero(chosen)


def keep_runs(value: F64, *, width: int) -> Positions:
    """`keep` for buckets of `width` neighbouring points each (the last one may be shorter); faster when all are finite."""
    count = len(value)
    if width <= 2:  # each point is the first or the last of its bucket
        return np.arange(count)
    if not np.isfinite(value).all():
        return keep(value, np.arange(count, dtype=np.int64) // width)
    full = count // width
    chosen = np.zeros(count, np.bool_)
    chosen[::width] = True
    chosen[width - 1 :: width] = True
    if full:
        blocks = np.ascontiguousarray(value[: full * width]).reshape(full, width)
        start = np.arange(full) * width
        for extreme in _extremes_of_blocks(blocks):
            chosen[start + extreme] = True
    if full * width < count:
        rest = np.ascontiguousarray(value[full * width :])
        chosen[full * width + np.array([int(rest.argmin()), int(rest.argmax()), len(rest) - 1])] = True
    return np.flatnonzero(chosen)


def _extremes_of_blocks(blocks: F64) -> list[Positions]:
    """In which column each row has its lowest and its highest value, the earlier one of equals."""
    width = blocks.shape[1]
    if width >= NARROW:
        return [blocks.argmin(axis=1), blocks.argmax(axis=1)]
    found = []
    for better in (np.less, np.greater):
        extreme, place = blocks[:, 0].copy(), np.zeros(len(blocks), np.intp)
        for column in range(1, width):
            here = better(blocks[:, column], extreme)
            extreme[here] = blocks[here, column]
            place[here] = column
        found.append(place)
    return found


def buckets_for(value: F64, *, max_points: int) -> int:
    """Into how many buckets `value` may be cut so that at most `max_points` are kept; at least one."""
    counts = non_finite(value)
    each = 2 * sum(count > 0 for count in counts)
    if len(value) > sum(counts):
        each += PER_FINITE
    return max(1, max_points // max(1, each))


def thin(value: F64, *, max_points: int) -> Positions:
    """Choose at most `max_points` of `value`, all of them if they are not more, by buckets of equal count.

    One bucket is always kept, so that fewer than 10 can be exceeded when every kind of value is there.
    """
    count = len(value)
    if count <= max_points:
        return np.arange(count)
    return keep_runs(value, width=-(-count // buckets_for(value, max_points=max_points)))


def is_ascending(x: NDArray[Any]) -> bool:
    """Whether `x` never falls and holds no NaN."""
    return bool(np.all(x[1:] >= x[:-1])) and not (len(x) == 1 and x[0] != x[0])


def window(x: F64, y: F64, *, low: float, high: float, max_points: int, sort: bool = True) -> Curve:
    """The part of a curve with low <= x <= high.

    Args:
        x, y: float64, same length, in order of arrival. Points whose x is NaN stand nowhere and are left out.
        max_points: how many points inside the window may be drawn; more are thinned by `thin`.
        sort: draw in the order of x (equal x in order of arrival); False: in order of arrival, for an x that need not grow.

    Returns:
        The points inside, thinned, and beside them the neighbours outside (those next to the edges, or, unsorted, next in
        arrival to a point inside), so that a line runs to the edge. `total` counts the points inside; `raw` says that all of
        them are there.
    """
    if sort:
        if not is_ascending(x):
            order = np.argsort(x, kind="stable")  # NaN goes last
            order = order[: len(x) - int(np.count_nonzero(np.isnan(x)))]
            x, y = x[order], y[order]
        begin, end = int(np.searchsorted(x, low, "left")), int(np.searchsorted(x, high, "right"))
        return window_of_ascending(x, y, begin=begin, end=max(begin, end), max_points=max_points)
    here = np.isfinite(x)
    x, y = x[here], y[here]
    inside = (x >= low) & (x <= high)
    total = int(np.count_nonzero(inside))
    near = inside.copy()
    near[1:] |= inside[:-1]
    near[:-1] |= inside[1:]
    near &= ~inside
    chosen = np.flatnonzero(inside)[thin(y[inside], max_points=max_points)]
    drawn = np.zeros(len(x), np.bool_)
    drawn[chosen] = True
    neighbours = np.flatnonzero(near)
    if len(neighbours) > max_points:  # a curve that leaves and enters very often: keep the outline of what is outside, too
        neighbours = neighbours[thin(y[near], max_points=max_points)]
    drawn[neighbours] = True
    nan, positive, negative = non_finite(y[inside])
    return Curve(x[drawn], y[drawn], total, len(chosen) == total, nan, positive, negative)


def window_of_ascending(x: F64, y: F64, *, begin: int, end: int, max_points: int) -> Curve:
    """`window` when x ascends and the points inside are known to be begin <= position < end."""
    inside = np.ascontiguousarray(y[begin:end], dtype=np.float64)
    positions = begin + thin(inside, max_points=max_points)
    raw = len(positions) == end - begin
    before = [begin - 1] if begin > 0 else []
    after = [end] if end < len(x) else []
    positions = np.concatenate([np.array(before, np.intp), positions, np.array(after, np.intp)])
    nan, positive, negative = non_finite(inside)
    return Curve(np.asarray(x[positions], np.float64), np.asarray(y[positions], np.float64), end - begin, raw, nan, positive, negative)
