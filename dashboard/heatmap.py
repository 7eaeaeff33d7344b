"""A tag's histograms over its steps as one picture: columns of steps, rows of values, how many values fall into each cell.

Up to `columns` histograms are a column each; more are merged, neighbours by step, into as many columns: counts add up, so
nothing is left out, and the reply says how many histograms a column holds. Inside a bucket values count as spread evenly,
which is all that a histogram says about them. The rows are equal in height over the range that is asked for; what lies
outside it is counted in `below` and `above`, NaN and infinities in `nan` and `infinite`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.kinds import F64, I64
from ..store.records import HistogramPoint


@dataclass(frozen=True, slots=True)
class Heatmap:
    """See the module.

    low_step, high_step   smallest and largest step of each column, ascending
    merged                histograms in each column
    edges                 rows + 1 ascending values
    cells                 (columns, rows) values in each cell
    count                 values in each column, finite or not
    total                 histograms in all
    """

    low_step: I64
    high_step: I64
    merged: I64
    edges: F64
    cells: F64
    below: F64
    above: F64
    nan: I64
    infinite: I64
    count: I64
    total: int


def heatmap_of(points: Sequence[HistogramPoint], *, columns: int, rows: int, share: float) -> Heatmap:
    """The picture of `points`, which may come in any order of steps.

    Args:
        points: histograms of one tag.
        columns: at most so many; rows: so many.
        share: the range holds at least this part of all finite values, the rest being cut off evenly at both ends; 1 is all.
    """
    ordered = sorted(points, key=lambda one: one.step)  # stable: arrival stays the order among equal steps
    steps = np.array([one.step for one in ordered], np.int64)
    groups = np.array_split(np.arange(len(ordered)), min(columns, len(ordered))) if ordered else []
    low, high = _range(ordered, share)
    edges = np.linspace(low, high, rows + 1)
    cells = np.zeros((len(groups), rows))
    below, above = np.zeros(len(groups)), np.zeros(len(groups))
    for column, members in enumerate(groups):
        for place in members:
            point = ordered[place]
            if len(point.edges) < 2 or len(point.counts) != len(point.edges) - 1:
                continue
            under = _cumulative(point, edges)
            total = float(sum(point.counts))
            cells[column] += np.diff(under)
            below[column] += under[0]
            above[column] += total - under[-1]
    return Heatmap(
        low_step=np.array([steps[members[0]] for members in groups], np.int64),
        high_step=np.array([steps[members[-1]] for members in groups], np.int64),
        merged=np.array([len(members) for members in groups], np.int64),
        edges=edges,
        cells=cells,
        below=below,
        above=above,
        nan=_sums(ordered, groups, "nan"),
        infinite=_sums(ordered, groups, "pos_inf") + _sums(ordered, groups, "neg_inf"),
        count=_sums(ordered, groups, "count"),
        total=len(ordered),
    )


def _sums(points: Sequence[HistogramPoint], groups: Sequence[NDArray[np.intp]], name: str) -> I64:
    return np.array([sum(getattr(points[place], name) for place in members) for members in groups], np.int64)


def _cumulative(point: HistogramPoint, at: F64) -> F64:
    """How many values of `point` lie below each of `at`, an ascending row. The last of `at` takes what equals it, as the last
    bucket does; a bucket without width is a step, so all that it holds is in one row."""
    edges, counts = np.array(point.edges, np.float64), np.asarray(point.counts, np.float64)
    filled = np.flatnonzero(counts)
    if len(filled) and point.min is not None and point.max is not None:  # the outermost buckets end where their values do
        edges[: filled[0] + 1] = np.minimum(np.maximum(edges[: filled[0] + 1], point.min), edges[filled[0] + 1])
        edges[filled[-1] + 1 :] = np.maximum(np.minimum(edges[filled[-1] + 1 :], point.max), edges[filled[-1]])
    under = np.concatenate([[0.0], np.cumsum(counts)])
    thin = np.flatnonzero(np.diff(edges) <= 0)
    if len(thin):
        spread = np.interp(at, edges, under - np.concatenate([[0.0], np.cumsum(np.where(np.diff(edges) <= 0, counts, 0.0))]))
        for place in thin:
            passed = at > edges[place]
            passed[-1] = at[-1] >= edges[place]
            spread = spread + np.where(passed, counts[place], 0.0)
        return np.asarray(spread, np.float64)
    return np.asarray(np.interp(at, edges, under), np.float64)


def _range(points: Sequence[HistogramPoint], share: float) -> tuple[float, float]:
    """Lowest and highest value of the picture."""
    filled = [one for one in points if len(one.edges) > 1 and len(one.counts) == len(one.edges) - 1 and sum(one.counts) > 0]
    if not filled:
        return 0.0, 1.0
    low = min(one.min if one.min is not None else one.edges[0] for one in filled)
    high = max(one.max if one.max is not None else one.edges[-1] for one in filled)
    if share < 1 and high > low:
        grid = np.linspace(low, high, 4097)
        under = np.zeros(len(grid))
        for one in filled:
            under += _cumulative(one, grid)
        cut = (1 - share) / 2 * under[-1]
        inside = grid[(under >= cut) & (under <= under[-1] - cut)]
        if len(inside) > 1:
            low, high = float(inside[0]), float(inside[-1])
    if not high > low:
        room = abs(low) * 0.05 or 0.5
        return low - room, high + room
    return float(low), float(high)
