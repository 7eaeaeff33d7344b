"""The x axes of a curve: step, wall time, time since the run began, or another logged metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from .kinds import F64, I64, Curve, XAxis
from .overview import Stats
from .strands import RunData
from .thinning import window_of_ascending
from .views import Piece

METRIC: Final = "metric:"


def metric_of(x: XAxis) -> str | None:
    """The tag of an x that is a metric. Raises ValueError for an x that there is not."""
    if x.startswith(METRIC) and len(x) > len(METRIC):
        return x[len(METRIC) :]
    if x not in ("step", "relative", "wall"):
        raise ValueError(f"x: want 'step', 'relative', 'wall' or 'metric:TAG', got {x!r}")
    return None


def with_unmatched(curve: Curve, count: int) -> Curve:
    """`curve` over a metric that has no value for `count` points; such a curve may change anywhere."""
    return replace(curve, unmatched=count, stable=0)


def ascends(stats: Stats, x: XAxis) -> bool:
    """Whether a strand's x, step or a wall time, never falls."""
    return stats.ascending if x == "step" else stats.wall_ascending


def bisect(column: F64 | I64, bound: float, *, origin: float, right: bool) -> int:
    """Where `bound` belongs in the ascending `column` - `origin`; looks at log2 of it only, so that a file stays unread."""
    low, high = 0, len(column)
    while low < high:
        middle = (low + high) // 2
        here = float(column[middle]) - origin
        if here < bound or (right and here == bound):
            low = middle + 1
        else:
            high = middle
    return low


def ascending_window(column: F64 | I64, y: F64, *, origin: float, low: float, high: float, max_points: int) -> Curve:
    """`thinning.window` where x, `column` - `origin`, ascends; only what is drawn, and the neighbours, is read."""
    begin = max(bisect(column, low, origin=origin, right=False) - 1, 0)
    end = min(bisect(column, high, origin=origin, right=True) + 1, len(column))
    near = np.asarray(column[begin:end], np.float64) - origin
    inner_begin = int(np.searchsorted(near, low, "left"))
    inner_end = max(inner_begin, int(np.searchsorted(near, high, "right")))
    return window_of_ascending(near, y[begin:end], begin=inner_begin, end=inner_end, max_points=max_points)


def count_then(run: RunData, shown: Sequence[Piece], since: int, *, relative: bool) -> int:
    """How many points the last, growing strand of a view had at version `since`, if nothing else of the view changed; -1."""
    if not shown or not shown[-1].whole or (relative and run.started_version > since):
        return -1
    last = shown[-1].strands[0]
    series = run.by_series[last.key.tag, last.key.rank]
    if last.changed_first > since or any(one.counts[-1][0] > since for one in series if one is not last):
        return -1
    return last.count_at(since)
