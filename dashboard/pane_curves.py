"""The curves behind a plot pane: the points of a trace that is a series, in the order in which Visdom draws them.

Visdom draws points in order of arrival, also where x goes back, and breaks a line where x or y is no number. So does this: a point
without an x becomes a gap. Points are thinned as `store.thinning` says, the extremes of y kept; where x does not ascend, those of x as
well. A trace that consists of many short strokes (arrows, stems) is never thinned, since a line would run from one to the next.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..store.attempts import merged
from ..store.errors import NotFound
from ..store.kinds import F64, Curve, Points, SeriesKey
from ..store.records import PaneTrace
from ..store.store import Store
from ..store.thinning import is_ascending, non_finite, thin, window
from ..store.views import last_at_step

MOST_STROKES: Final = 1_000_000
"""Points of a trace with many gaps that are told at most; of a larger one the outline is told."""


def trace_points(store: Store, run: str, rank: int, trace: PaneTrace) -> tuple[F64, F64]:
    """All x and y of a trace in order of arrival; x is NaN where the point has none. Raises NotFound."""
    points = _points(store, SeriesKey(run, trace.tag, rank), trace.attempt)
    step, value = np.asarray(points.step), np.asarray(points.value, np.float64)
    if not trace.x:
        return step.astype(np.float64), value
    other = _points(store, SeriesKey(run, trace.x, rank), trace.attempt)
    if len(other) == len(step) and np.array_equal(other.step, step):
        return np.asarray(other.value, np.float64), value
    return last_at_step(other, step), value


def _points(store: Store, key: SeriesKey, attempt: int) -> Points:
    if not attempt:
        return store.points(key)
    found = [points for number, _, points in store.strands(key) if number == attempt]
    if not found:
        raise NotFound(f"no attempt {attempt} of {key.tag!r} in run {key.run!r}")
    return found[0] if len(found) == 1 else merged(found)


def part_of_trace(x: F64, y: F64, *, low: float = -math.inf, high: float = math.inf, max_points: int) -> Curve:
    """The part of a trace with low <= x <= high, and its neighbours in arrival, so that a line runs to the edge.

    `Curve.total` counts the points inside that have an x; `Curve.unmatched` those of the whole trace that have none.
    """
    placed = np.isfinite(x)
    nowhere = int(len(x) - np.count_nonzero(placed))
    if nowhere == len(x):
        return Curve(np.empty(0), np.empty(0), 0, True, unmatched=nowhere)
    if nowhere:
        last = np.maximum.accumulate(np.where(placed, np.arange(len(x)), -1))
        x, y = x[np.where(last < 0, int(np.argmax(placed)), last)], np.where(placed, y, np.nan)
    inside = (x >= low) & (x <= high)
    total = int(np.count_nonzero(inside & placed))
    count = int(np.count_nonzero(inside))
    gaps = int(np.count_nonzero(inside & ~np.isfinite(y)))
    if gaps > max_points // 8:
        max_points = max(max_points, MOST_STROKES)
    ascending = is_ascending(x)
    if ascending:
        drawn = window(x, y, low=low, high=high, max_points=max_points)
        shown_x, shown_y, raw = drawn.x, drawn.y, drawn.raw
    else:
        where = np.flatnonzero(inside)
        raw = count <= max_points
        if not raw:
            half = max(4, max_points // 2)
            where = where[np.union1d(thin(y[inside], max_points=half), thin(x[inside], max_points=half))]
        near = np.flatnonzero((_shifted(inside, 1) | _shifted(inside, -1)) & ~inside)
        near = near[thin(y[near], max_points=max_points)]
        drawn_at = np.union1d(where, near)
        shown_x, shown_y = x[drawn_at], y[drawn_at]
    nan, positive, negative = non_finite(y[inside & placed])
    return Curve(shown_x, shown_y, total, raw, nan, positive, negative, nowhere)


def _shifted(mask: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """`mask` moved by one place to the right (1) or left (-1)."""
    moved = np.zeros_like(mask)
    if by > 0:
        moved[1:] = mask[:-1]
    else:
        moved[:-1] = mask[1:]
    return moved
