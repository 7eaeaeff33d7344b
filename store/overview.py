"""The overview of a strand: at most 1,024 buckets that stand for any number of points, kept up while points arrive.

A bucket is `width` neighbouring points in order of arrival, `width` a power of two: bucket b holds the points number
b * width to (b + 1) * width - 1. While a strand has at most 1,024 points width is 1 and the overview is the points
themselves. When there would be more buckets, neighbours merge and width doubles; since a bucket keeps what `thinning` names
(first, last, lowest, highest finite point and the first and last of each kind of non-finite value), a merge is exact: the
overview is the same however the points were dealt into batches.

Beside the kept points stand, for each bucket that has any, the counts of its NaN, +inf and -inf, and for the strand its
`Stats`. As bytes (MessagePack, for our own cache only; no index when every point is kept):

    overview := [version, width, count, index: int64*, step: int64*, wall time: float64*, value: float64*,
                 buckets with non-finite values: int64*, their counts: int64 (n, 3)*]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from .errors import Damaged
from .kinds import F64, I64, Curve, Points, no_points
from .thinning import is_ascending, keep, keep_runs, non_finite

BUCKETS: Final = 1024
WHOLE: Final = 2 * BUCKETS
"""So many points are all kept: a bucket of two has nothing but a first and a last."""
VERSION: Final = 2


class Stats(msgspec.Struct, array_like=True):
    """What a set of points came to. Steps and times of zero points are 0 and NaN.

    last is the value at last_step, of the latest arrival among equals; min and max run over finite values, NaN if none,
    and stand at min_step and max_step (the earlier arrival of equals). ascending: no step was below the one before it.
    """

    count: int = 0
    first_step: int = 0
    last_step: int = 0
    last: float = math.nan
    min: float = math.nan
    min_step: int = 0
    max: float = math.nan
    max_step: int = 0
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0
    ascending: bool = True
    wall_ascending: bool = True
    newest_step: int = 0
    newest_wall: float = math.nan

    def add(self, points: Points) -> None:
        """Take in the points that arrived next."""
        if not len(points):
            return
        step, wall, value = np.ascontiguousarray(points.step), points.wall_time, np.ascontiguousarray(points.value)
        low, high = int(step.min()), int(step.max())
        self.ascending = self.ascending and is_ascending(step) and (not self.count or int(step[0]) >= self.newest_step)
        self.wall_ascending = self.wall_ascending and is_ascending(wall) and (not self.count or bool(wall[0] >= self.newest_wall))
        if not self.count or high >= self.last_step:
            at = len(step) - 1 if step[-1] == high else len(step) - 1 - int(np.argmax(step[::-1] == high))
            self.last_step, self.last = high, float(value[at])
        self.first_step = min(low, self.first_step) if self.count else low
        self.count += len(step)
        self.newest_step, self.newest_wall = int(step[-1]), float(wall[-1])
        if not np.isfinite(value).all():
            nan, positive, negative = non_finite(value)
            self.nan, self.pos_inf, self.neg_inf = self.nan + nan, self.pos_inf + positive, self.neg_inf + negative
            here = np.isfinite(value)
            step, value = step[here], value[here]
            if not len(value):
                return
        lowest, highest = int(value.argmin()), int(value.argmax())
        if not value[lowest] >= self.min:
            self.min, self.min_step = float(value[lowest]), int(step[lowest])
        if not value[highest] <= self.max:
            self.max, self.max_step = float(value[highest]), int(step[highest])


class _Kept(NamedTuple):
    """Kept points of an overview, in order of arrival; number counts the points of the strand from 0."""

    number: I64
    points: Points


class Overview:
    """See the module. Its arrays are replaced, never written into: what was handed out stays as it was.

    width   points a bucket
    count   points in all
    """

    def __init__(self) -> None:
        self.width = 1
        self.count = 0
        self._kept = _Kept(np.empty(0, np.int64), no_points())
        self._marked: I64 = np.empty(0, np.int64)  # buckets that hold non-finite values, ascending
        self._marks: I64 = np.empty((0, 3), np.int64)  # how many NaN, +inf, -inf each

    @property
    def kept(self) -> Points:
        """The kept points, in order of arrival."""
        return self._kept.points

    @property
    def marks(self) -> dict[int, tuple[int, int, int]]:
        """Bucket number -> counts of NaN, +inf, -inf, for the buckets that hold any."""
        return {int(bucket): (int(one[0]), int(one[1]), int(one[2])) for bucket, one in zip(self._marked, self._marks, strict=True)}

    @property
    def memory(self) -> int:
        """Bytes, about."""
        return 32 * len(self._kept.number) + 1000

    def append(self, points: Points) -> None:
        """Take in the points that arrived next. Costs as much as the batch, plus the kept points at most."""
        if not len(points):
            return
        index, old = self._kept
        first = self.count
        total = first + len(points)
        width = self.width
        while -(-total // width) > BUCKETS:
            width *= 2
        self._mark(points.value, first, width)
        if width == 1:
            self._kept = _Kept(np.arange(total), _together(old, points))
        elif not first:
            chosen = keep_runs(np.asarray(points.value), width=width)
            self._kept = _Kept(chosen, _together(points[chosen]))
        else:
            # the open bucket, or all of them when width doubled, is chosen anew with the new points beside it
            open_from = 0 if width != self.width else int(np.searchsorted(index, first // width * width))
            head = points[: -first % width]
            # of the rest, whole buckets and one begun, the kept points are known without the old ones
            body = points[len(head) :]
            chosen = keep_runs(np.asarray(body.value), width=width)
            tail_index = np.concatenate((index[open_from:], np.arange(first, first + len(head))))
            tail = _together(old[open_from:], head)
            again = keep(tail.value, tail_index // width)
            start = first + len(head)
            self._kept = _Kept(
                np.concatenate((index[:open_from], tail_index[again], start + chosen)),
                _together(old[:open_from], tail[again], body[chosen]),
            )
        self.width, self.count = width, total

    def _mark(self, value: F64, first: int, width: int) -> None:
        buckets, counts = self._marked // (width // self.width), self._marks
        bad = np.flatnonzero(~np.isfinite(value))
        if len(bad):
            kinds = np.stack([np.isnan(value[bad]), value[bad] == np.inf, value[bad] == -np.inf], axis=1).astype(np.int64)
            buckets, counts = np.concatenate((buckets, (first + bad) // width)), np.concatenate((counts, kinds))
        if len(buckets):
            starts = np.concatenate(([0], np.flatnonzero(np.diff(buckets)) + 1))
            self._marked, self._marks = buckets[starts], np.add.reduceat(counts, starts, axis=0)

    def chosen(self, width: int) -> tuple[I64, Points]:
        """Index and points that are drawn with buckets of `width` points, a power of two, at least `self.width`."""
        index, points = self._kept
        if width == self.width or len(index) == 0:
            return index, points
        where = keep_runs(points.value, width=width) if self.width == 1 else keep(points.value, index // width)
        return index[where], points[where]

    def encode(self) -> bytes:
        index, points = self._kept
        index = index if len(index) < self.count else index[:0]
        arrays = (index, points.step, points.wall_time, points.value, self._marked, self._marks)
        return msgspec.msgpack.encode([VERSION, self.width, self.count, *(np.ascontiguousarray(one).tobytes() for one in arrays)])

    @classmethod
    def decode(cls, data: bytes) -> Overview:
        """The overview that `encode` gave. Raises Damaged."""
        try:
            version, width, count, index, step, wall, value, marked, marks = msgspec.msgpack.decode(data)
            if version != VERSION:
                raise ValueError(f"version {version}")
            overview = cls()
            overview.width, overview.count = width, count
            points = Points(np.frombuffer(step, np.int64), np.frombuffer(wall), np.frombuffer(value))
            overview._kept = _Kept(np.frombuffer(index, np.int64) if index else np.arange(len(points)), points)
            overview._marked = np.frombuffer(marked, np.int64)
            overview._marks = np.frombuffer(marks, np.int64).reshape(-1, 3)
        except (ValueError, TypeError, msgspec.DecodeError) as error:
            raise Damaged(f"overview: {error} in {len(data)} bytes of the cache; delete the cache, it is rebuilt") from None
        return overview


def _together(*parts: Points) -> Points:
    filled = [part for part in parts if len(part)]
    if not filled:
        return no_points()
    if len(filled) == 1:
        one = filled[0]  # a copy: the batch it came in, a large buffer maybe, is not to be kept alive by it
        return Points(np.array(one.step, np.int64), np.array(one.wall_time, np.float64), np.array(one.value, np.float64))
    return Points(
        np.concatenate([part.step for part in filled]),
        np.concatenate([part.wall_time for part in filled]),
        np.concatenate([part.value for part in filled]),
    )


def overview_of(points: Points) -> Overview:
    """The overview of `points`, all at once."""
    overview = Overview()
    overview.append(points)
    return overview


def stats_of(points: Points) -> Stats:
    """The stats of `points`, all at once."""
    stats = Stats()
    stats.add(points)
    return stats


class Part(NamedTuple):
    """An overview and the stats of the same points: one stretch of a view."""

    overview: Overview
    stats: Stats


def drawing_width(parts: Sequence[Part], max_buckets: int) -> int:
    """Points a bucket, a power of two, at which all parts together have at most `max_buckets` buckets."""
    width = max((part.overview.width for part in parts), default=1)
    while sum(-(-part.overview.count // max(width, 1)) for part in parts) > max(max_buckets, len(parts)):
        width *= 2
    return width


def draw(
    parts: Sequence[Part], *, max_buckets: int, wall: bool = False, origin: float = 0.0, sort: bool = True, since: int = -1
) -> tuple[Curve, int]:
    """The curve of a view that consists of `parts`, one after the other.

    Args:
        max_buckets: buckets in all; each keeps what `thinning` names.
        wall: x is wall time minus `origin`, else the step.
        sort: draw in the order of x where that is not the order of arrival.
        since: how many points the last part had when the asker looked before, at the same other parts; -1: not known.

    Returns:
        The curve, and how many of its leading points the asker has already.
    """
    width = drawing_width(parts, max_buckets)
    xs: list[F64] = []
    ys: list[F64] = []
    stable = keeps = 0
    for place, part in enumerate(parts):
        index, points = part.overview.chosen(width)
        xs.append(np.asarray(points.wall_time - origin if wall else points.step, np.float64))
        ys.append(points.value)
        if place == len(parts) - 1:
            before = sum(len(x) for x in xs[:-1])
            stable = before + int(np.searchsorted(index, part.overview.count // width * width))
            if since >= 0 and drawing_width([*parts[:-1], _counted(part, since)], max_buckets) == width:
                keeps = before + int(np.searchsorted(index, since // width * width))
    x = np.concatenate(xs) if xs else np.empty(0)
    y = np.concatenate(ys) if ys else np.empty(0)
    if sort and not is_ascending(x):
        here = np.flatnonzero(~np.isnan(x))
        order = here[np.argsort(x[here], kind="stable")]
        x, y, stable, keeps = x[order], y[order], 0, 0
    total = sum(part.stats.count for part in parts)
    nan, positive, negative = (sum(getattr(part.stats, name) for part in parts) for name in ("nan", "pos_inf", "neg_inf"))
    return Curve(x, y, total, len(x) == total, nan, positive, negative, 0, stable), keeps


def _counted(part: Part, count: int) -> Part:
    """`part` as it was at `count` points, as far as its bucket width goes."""
    was = Overview()
    was.count = count
    while -(-count // was.width) > BUCKETS:
        was.width *= 2
    return Part(was, part.stats)
