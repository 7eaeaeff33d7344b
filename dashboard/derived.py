"""Series that nobody logged: a tag that begins with "=" is an expression over tags, ``=train/loss - val/loss``, of each run and rank.

Its values are those of `store.expression` at exactly equal steps, computed from every point when they are asked for. A curve of it says in
`unmatched` how many steps had no partner. To the routes it is a series like any other; to the store it does not exist.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import numpy as np

from ..store.errors import BadQuery
from ..store.expression import Node, joined, parse, tags_of
from ..store.kinds import F64, Curve, Kind, Points, SeriesInfo, SeriesKey, XAxis
from ..store.smoothing import smooth
from ..store.store import Smoothing, Store
from ..store.thinning import window
from ..store.views import last_at_step

MARK = "="


def is_expression(tag: str) -> bool:
    """Whether `tag` is one."""
    return tag.startswith(MARK)


@lru_cache(maxsize=256)
def node_of(tag: str) -> Node:
    """What `tag` says; asked once for every run. Raises BadQuery where it is no expression, or one without a tag."""
    node = parse(tag[len(MARK) :])
    if not tags_of(node):
        raise BadQuery(f"expression {tag[1:]!r:.200} names no tag; want at least one, as in train/loss - val/loss")
    return node


def parts_of(key: SeriesKey) -> list[SeriesKey]:
    """The logged series that a derived one is made of."""
    return [SeriesKey(key.run, tag, key.rank) for tag in tags_of(node_of(key.tag))]


def series_of(store: Store, tag: str, runs: Collection[str]) -> list[SeriesInfo]:
    """One series for each run and rank that logged every tag of the expression `tag`; of `runs` only when there are any named."""
    tags = tags_of(node_of(tag))
    found = [{(one.key.run, one.key.rank): one for one in store.series(tag=name, kind=Kind.SCALAR)} for name in tags]
    both = sorted(set.intersection(*(set(one) for one in found)))
    nan = float("nan")
    made = []
    for run, rank in both:
        if runs and run not in runs:
            continue
        first = found[0][run, rank]
        attempts = tuple(sorted({attempt for one in found for attempt in one[run, rank].attempts}))
        key = SeriesKey(run, tag, rank)
        made.append(SeriesInfo(key, Kind.SCALAR, first.count, first.first_step, first.last_step, nan, nan, nan, attempts=attempts))
    return made


def window_of(
    store: Store, key: SeriesKey, *, x: XAxis, low: float, high: float, max_points: int, smoothing: Smoothing | None = None
) -> Curve:
    """As `Store.window`, of a derived series. Over another metric the points keep the order of their steps."""
    points, unmatched = joined(node_of(key.tag), {one.tag: store.points(one) for one in parts_of(key)})
    value = points.value if smoothing is None else smooth(points.value, smoothing)
    at, lost = _x_of(store, key, points, x)
    curve = window(at, value, low=low, high=high, max_points=max_points, sort=not x.startswith("metric:"))
    return Curve(curve.x, curve.y, curve.total, curve.raw, curve.nan, curve.pos_inf, curve.neg_inf, unmatched + lost)


def _x_of(store: Store, key: SeriesKey, points: Points, x: XAxis) -> tuple[F64, int]:
    """The x of each point (NaN: none), and how many have none."""
    if x == "step":
        return points.step.astype(np.float64), 0
    if x == "wall":
        return points.wall_time, 0
    if x == "relative":
        return points.wall_time - store.run(key.run).started, 0
    other = SeriesKey(key.run, x.partition(":")[2], key.rank)
    there = any(one.key == other for one in store.series(run=key.run, tag=other.tag, kind=Kind.SCALAR))
    at = last_at_step(store.points(other), points.step) if there else np.full(len(points), np.nan)
    return at, int(np.count_nonzero(~np.isfinite(at)))
