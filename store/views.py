"""Views: which points a question about a series is about, and their overviews.

A view is a list of parts, drawn one after the other. The default view of a series is what `attempts` says; a strand that it
shows whole is its own part, so that a view of one strand, or of many attempts that each ran on from the last, costs nothing to
keep up. A cut strand, strands that have to be merged, an x that is another metric, and smoothed values are derived from all
raw points, and kept as long as the points they were derived from are the same. A smoothed strand that grows is smoothed on
from where it was.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from .attempts import before, joined, limits, merged
from .kinds import F64, Points
from .overview import Overview, Part, overview_of, stats_of
from .smoothing import Smoother, smooth
from .store import Smoothing
from .strands import RunData, StrandData

DERIVED_BYTES: Final = 256 << 20
_T = TypeVar("_T")


class Piece(NamedTuple):
    """The strands of one attempt (several writers are merged by wall time) that a view shows, up to a step (exclusive)."""

    strands: tuple[StrandData, ...]
    limit: int | None

    @property
    def whole(self) -> bool:
        """Whether it is one strand and all of it."""
        return len(self.strands) == 1 and self.limit is None

    def key(self) -> Hashable:
        """Names its points as they are now."""
        return (*((strand.uid, strand.stats.count) for strand in self.strands), self.limit)

    def points(self, taken: Sequence[Points] | None = None) -> Points:
        """The points shown. taken: the points of each strand, when they were taken before."""
        return before(merged([strand.points() for strand in self.strands] if taken is None else taken), self.limit)


def pieces(strands: Sequence[StrandData], *, attempt: int | None = None) -> list[Piece]:
    """The pieces of one rank's series that are shown: by default as `attempts` says, or all of one attempt."""
    by_attempt: dict[int, list[StrandData]] = {}
    for strand in strands:
        if strand.stats.count and attempt in (None, strand.key.attempt):
            by_attempt.setdefault(strand.key.attempt, []).append(strand)
    until = limits({number: min(one.stats.first_step for one in group) for number, group in by_attempt.items()})
    found = []
    for number in sorted(by_attempt):
        group = tuple(sorted(by_attempt[number], key=lambda one: one.key.writer))
        limit = until[number]
        if limit is not None and min(one.stats.first_step for one in group) >= limit:
            continue
        if limit is not None and max(one.stats.last_step for one in group) < limit:
            limit = None
        found.append(Piece(group, limit))
    return found


class _Derived(NamedTuple):
    value: Any
    size: int


class _Growing:
    """A strand's smoothed overview, kept up while the strand grows."""

    def __init__(self, smoothing: Smoothing) -> None:
        self.smoother = Smoother(smoothing)
        self.overview = Overview()
        self.count = 0

    def follow(self, strand: StrandData) -> list[Part]:
        """Take in what came since; return the parts: what is final, and what will still change."""
        count = strand.stats.count
        points = strand.points()
        if count > self.count:
            ready = self.smoother.extend(points.value[self.count : count])
            done = self.overview.count
            fresh = points[done : done + len(ready)]
            self.overview.append(Points(fresh.step, fresh.wall_time, ready))
            self.count = count
        pending = self.smoother.pending()
        # smoothing moves no point and turns nothing non-finite into a number, or back: the counts are the strand's own
        stats = copy.copy(strand.stats)
        parts = [Part(self.overview, stats)]
        if len(pending):
            last = points[count - len(pending) : count]
            parts.append(part_of(Points(last.step, last.wall_time, pending)))
            ahead = parts[1].stats
            stats.count -= ahead.count
            stats.nan, stats.pos_inf, stats.neg_inf = stats.nan - ahead.nan, stats.pos_inf - ahead.pos_inf, stats.neg_inf - ahead.neg_inf
        return parts


def part_of(points: Points) -> Part:
    """The part that `points` are."""
    return Part(overview_of(points), stats_of(points))


class Views:
    """Derives views and keeps what was derived, the least used of it dropped first."""

    def __init__(self, limit: int = DERIVED_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._kept: OrderedDict[Hashable, _Derived] = OrderedDict()

    def clear(self) -> None:
        self._kept.clear()
        self._bytes = 0

    def parts(self, shown: Sequence[Piece]) -> list[Part]:
        """The parts of a view over step or wall time."""
        return [
            piece.strands[0].part
            if piece.whole
            else self._derive(("cut", piece.key()), lambda piece=piece: part_of(piece.points()), _part_size)  # type: ignore[misc]
            for piece in shown
        ]

    def smoothed_parts(self, shown: Sequence[Piece], smoothing: Smoothing) -> list[Part]:
        """The parts of a view with its values smoothed; several pieces are smoothed as the one curve they are drawn as."""
        if len(shown) == 1 and shown[0].whole:
            strand = shown[0].strands[0]
            growing: _Growing = self._derive(("grow", strand.uid, smoothing), lambda: _Growing(smoothing), lambda _: 200_000)
            return growing.follow(strand)
        key = ("smooth", tuple(piece.key() for piece in shown), smoothing)

        def all_at_once() -> Part:
            points = points_of(shown)
            return part_of(Points(points.step, points.wall_time, smooth(points.value, smoothing)))

        return [self._derive(key, all_at_once, _part_size)]

    def values(self, shown: Sequence[Piece], smoothing: Smoothing) -> F64:
        """The smoothed values of all points of a view, in view order."""
        key = ("values", tuple(piece.key() for piece in shown), smoothing)
        return self._derive(key, lambda: smooth(points_of(shown).value, smoothing), lambda value: value.nbytes)

    def over_metric(self, run: RunData, shown: Sequence[Piece], tag: str, smoothing: Smoothing | None) -> tuple[Part, Points, int]:
        """The view drawn over another scalar tag of the run: part and points whose wall time is that x, and the number of
        points that have none."""
        sources = tuple(
            (one.uid, one.stats.count) for piece in shown for strand in piece.strands if (one := counterpart(run, strand, tag)) is not None
        )
        key = ("metric", tag, tuple(piece.key() for piece in shown), sources, smoothing)

        def join() -> tuple[Part, Points, int]:
            xs = [x_values(run, piece, tag) for piece in shown]
            points = points_of(shown)
            x = np.concatenate(xs) if xs else np.empty(0)
            value = points.value if smoothing is None else smooth(points.value, smoothing)
            here = np.isfinite(x)
            together = Points(np.asarray(points.step)[here], x[here], np.asarray(value)[here])
            return part_of(together), together, int(len(x) - len(together))

        return self._derive(key, join, lambda found: _part_size(found[0]) + 24 * len(found[1]))

    def _derive(self, key: Hashable, make: Callable[[], _T], size_of: Callable[[_T], int]) -> _T:
        found = self._kept.pop(key, None)
        if found is None:
            value = make()
            found = _Derived(value, size_of(value))
            self._bytes += found.size
        self._kept[key] = found
        while self._bytes > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size
        result: _T = found.value
        return result


def _part_size(part: Part) -> int:
    return part.overview.memory


def points_of(shown: Sequence[Piece], taken: Sequence[Sequence[Points]] | None = None) -> Points:
    """Every point of a view, in view order. taken: the points of each piece's strands, when they were taken before."""
    if taken is None:
        return joined([piece.points() for piece in shown])
    return joined([piece.points(points) for piece, points in zip(shown, taken, strict=True)])


def counterpart(run: RunData, strand: StrandData, tag: str) -> StrandData | None:
    """What the writer of `strand` logged under `tag`."""
    return next(
        (
            one
            for one in run.by_series.get((tag, strand.key.rank), ())
            if one.key.writer == strand.key.writer and one.key.attempt == strand.key.attempt
        ),
        None,
    )


def x_values(run: RunData, piece: Piece, tag: str) -> F64:
    """For each point of `piece` the last value of `tag` at exactly its step, by the same writer; NaN where there is none."""
    columns = []
    for strand in piece.strands:
        other = counterpart(run, strand, tag)
        points = strand.points()
        x = np.full(len(points), np.nan) if other is None else last_at_step(other.points(), np.asarray(points.step))
        # carried in the place of the value, x goes through the same merge and cut as the points
        columns.append(Points(points.step, points.wall_time, x))
    return before(merged(columns), piece.limit).value


def last_at_step(points: Points, step: np.ndarray[Any, np.dtype[np.int64]]) -> F64:
    """For each of `step` the value of the last arrival in `points` at exactly that step, NaN where there is none."""
    known = np.ascontiguousarray(points.step)
    value = np.ascontiguousarray(points.value)
    if not len(known):
        return np.full(len(step), np.nan)
    if not np.all(known[1:] >= known[:-1]):
        order = np.argsort(known, kind="stable")
        known, value = known[order], value[order]
    place = np.searchsorted(known, step, "right") - 1
    found = (place >= 0) & (known[np.maximum(place, 0)] == step)
    return np.where(found, value[np.maximum(place, 0)], np.nan)
