"""Bringing the curves of several runs onto one x, without inventing points.

A line is first put in order: sorted by x, of equal x only the value that arrived last (the others are counted as repeated), points
whose x is not finite left out (counted). The x positions of a group are the union of those of its lines; at each stand
the values that were logged exactly there. A value that is NaN or infinite is left out and counted. Nothing is carried on beyond a
line's last point or before its first.

With `interpolate`, a line that has no point at an x between two neighbouring points of its own, both finite, gets the value
on the straight segment between them. Each such value is counted, and none lies outside the two values it stands between. That
is the only way a value comes to be that was not logged.

With `shared`, only the x positions remain that every line has reached: where each of them logged something (finite or not), or,
interpolating, which lie inside the range of each. A mean over them ends where the first line ends and does not jump because a line
begins, pauses or ends.

The values lie position by position: `value[start[p]:start[p + 1]]` are those at `x[p]`, in the order of the lines. So a thousand
lines with x of their own need as much memory as they have points, and a thousand with the same x are one matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..kinds import F64, I64

MOST_CELLS: Final = 5_000_000
"""Interpolating, at most about so many values are made; with more, every k-th x position is taken (`Aligned.every`)."""
_TABLE: Final = 8
"""Whole x values in a range of at most so many times their number are counted in a table instead of sorted."""
_BLOCK: Final = 512
_KNOWN: Final = 64


def unchecked() -> None:
    """The `check` of a caller that never wants to stop early."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run's curve: x and y, float64 of one length, in order of arrival."""

    name: str
    x: F64
    y: F64


@dataclass(frozen=True, slots=True)
class LineCounts:
    """What became of one line.

    points         all of them
    repeated       points replaced by a later one at the same x
    without_x      points whose x is NaN or infinite, left out
    nan, pos_inf, neg_inf   values left out, counted at the x positions of the result
    interpolated   values made between two neighbours, counted at the x positions of the result
    first, last    smallest and largest x, NaN where there is no point
    """

    name: str
    points: int
    repeated: int = 0
    without_x: int = 0
    nan: int = 0
    pos_inf: int = 0
    neg_inf: int = 0
    interpolated: int = 0
    first: float = float("nan")
    last: float = float("nan")


@dataclass(frozen=True, slots=True)
class Aligned:
    """The lines of a group on one x.

    x             float64 (P,), strictly ascending
    start         int64 (P + 1,): where the values of each position lie
    value         float64 (start[P],), all finite
    left_out      int64 (P,): NaN and infinite values that were logged there
    interpolated  int64 (P,): how many of the values there were not logged but lie between two that were
    lines         what became of each line, in order; a line without a point is among them
    every         1; k where only about every k-th x position was taken, to keep to `MOST_CELLS`
    """

    x: F64
    start: I64
    value: F64
    left_out: I64
    interpolated: I64
    lines: tuple[LineCounts, ...]
    every: int = 1

    @property
    def n(self) -> I64:
        """int64 (P,): how many finite values stand at each position."""
        return np.diff(self.start)

    @property
    def members(self) -> int:
        """Lines that have a point."""
        return sum(line.points > line.without_x for line in self.lines)

    @property
    def missing(self) -> I64:
        """int64 (P,): lines that have a point somewhere but no value there, finite or not."""
        return self.members - self.n - self.left_out

    def take(self, positions: NDArray[np.intp]) -> Aligned:
        """Only the x `positions`, ascending; the counts of the lines stay those of the whole."""
        n = self.n[positions]
        start = np.concatenate(([0], np.cumsum(n)))
        where = np.repeat(self.start[:-1][positions] - start[:-1], n) + np.arange(start[-1])
        return Aligned(
            self.x[positions], start, self.value[where], self.left_out[positions], self.interpolated[positions], self.lines, self.every
        )


class _Ordered:
    """A line in order: x strictly ascending. Lines with equal x share the array."""

    def __init__(self, line: Line, known: list[F64]) -> None:
        x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
        if x.shape != y.shape or x.ndim != 1:
            raise ValueError(f"line: want x and y of one length, got {x.shape} and {y.shape} (line {line.name!r})")
        self.name, self.points = line.name, len(x)
        for one in known:  # what most groups are: the same steps in every run
            if len(one) == len(x) and len(x) and one[0] == x[0] and one[-1] == x[-1] and np.array_equal(one, x):
                self.x, self.y, self.repeated, self.without_x = one, y, 0, 0
                return
        here = np.isfinite(x)
        self.without_x = len(x) - int(np.count_nonzero(here))
        if self.without_x:
            x, y = x[here], y[here]
        if not bool(np.all(x[1:] > x[:-1])):
            order = np.argsort(x, kind="stable")
            x, y = x[order], y[order]
            last = np.append(x[1:] != x[:-1], True) if len(x) else np.zeros(0, np.bool_)
            x, y = x[last], y[last]
        self.x, self.y = x, y
        self.repeated = self.points - self.without_x - len(x)
        known.append(x)
        del known[:-_KNOWN]


def align(
    lines: Sequence[Line],
    *,
    interpolate: bool = False,
    shared: bool = False,
    check: Callable[[], None] = unchecked,
) -> Aligned:
    """Bring `lines` onto one x; see the module.

    Args:
        lines: the runs of a group, in any order; their order changes nothing but the order of equal positions' values.
        interpolate: also take values between two points of a line.
        shared: only the x positions that every line with a point has reached.
        check: called now and then; what it raises ends the work.

    Raises:
        ValueError: x and y of a line are not of one length.
    """
    known: list[F64] = []
    ordered: list[_Ordered] = []
    for line in lines:
        check()
        ordered.append(_Ordered(line, known))
    there = [one for one in ordered if len(one.x)]
    every = 1
    if not there:
        x, found = np.empty(0), []
    elif interpolate:
        x, every = _positions(there, shared, check)
        found = _interpolated(there, x, check)
    elif shared:
        x = _common(there, check)
        found = [_at(one, x, np.arange(len(x))) for one in there]
    else:
        x = _union([*_distinct(there).values()], check)
        found = _logged(there, x, check)
    return _laid_out(ordered, there, x, found, every, check)


# -------------------------------------------------------------------------------------------------- positions


def _distinct(lines: Sequence[_Ordered]) -> dict[int, F64]:
    return {id(one.x): one.x for one in lines}


def _common(lines: Sequence[_Ordered], check: Callable[[], None]) -> F64:
    """The x at which every line has a point."""
    arrays = sorted(_distinct(lines).values(), key=len)
    x = arrays[0]
    for array in arrays[1:]:
        check()
        place = np.minimum(np.searchsorted(array, x), len(array) - 1)
        x = x[array[place] == x]
    return x


def _union(arrays: Sequence[F64], check: Callable[[], None]) -> F64:
    """The x at which any line has a point."""
    if len(arrays) == 1:
        return arrays[0]
    x = _counted(arrays)
    if x is None:
        check()
        x = np.unique(np.concatenate(arrays))
    return x


def _counted(arrays: Sequence[F64]) -> F64 | None:
    """The union where all x are whole numbers in a range that a table can hold, else None."""
    low, high = min(float(array[0]) for array in arrays), max(float(array[-1]) for array in arrays)
    total = sum(map(len, arrays))
    if not high - low < _TABLE * total + 1024 or low != np.floor(low) or abs(low) > 2**53:
        return None
    there = np.zeros(int(high - low) + 1, np.bool_)
    for array in arrays:
        offset = array - low
        index = offset.astype(np.int64)
        if not np.array_equal(index, offset):
            return None
        there[index] = True
    return np.asarray(np.flatnonzero(there) + low, np.float64)


def _positions(lines: Sequence[_Ordered], shared: bool, check: Callable[[], None]) -> tuple[F64, int]:
    """Where lines are interpolated: the union, inside the range of every line when `shared`, limited to `MOST_CELLS`; and the k of
    "every k-th" that this took."""
    arrays = list(_distinct(lines).values())
    if shared:
        low, high = max(array[0] for array in arrays), min(array[-1] for array in arrays)
        arrays = [array[np.searchsorted(array, low) : np.searchsorted(array, high, "right")] for array in arrays]
        arrays = [array for array in arrays if len(array)]
        if not arrays:
            return np.empty(0), 1
    wanted = max(2, MOST_CELLS // len(lines))
    every = 1
    total = sum(map(len, arrays))
    if total > 16 * wanted and _counted(arrays) is None:  # too many to sort for the few that are taken
        every = -(-total // wanted)
        arrays = [np.append(array[::every], array[-1]) for array in arrays]
    x = _union(arrays, check)
    if len(x) > 2 * wanted:
        further = -(-len(x) // wanted)
        x, every = np.append(x[:-1:further], x[-1]), every * further
    return x, every


# ----------------------------------------------------------------------------------------------------- values


_Places = NDArray[np.intp]
_NONE: Final = np.empty(0, np.intp)


@dataclass(slots=True)
class _Found:
    """What a line has at the x positions: places (ascending) and finite values there; the places of values that are not finite."""

    place: _Places
    value: F64
    lost: _Places
    lost_value: F64
    interpolated: _Places


def _at(line: _Ordered, x: F64, place: _Places) -> _Found:
    """What `line` has at `x[place]`, where it has a point at each of them."""
    wanted = x if len(place) == len(x) else x[place]
    y = line.y if len(line.x) == len(wanted) else line.y[np.searchsorted(line.x, wanted)]
    finite = np.isfinite(y)
    if finite.all():
        return _Found(place, y, _NONE, np.empty(0), _NONE)
    return _Found(place[finite], y[finite], place[~finite], y[~finite], _NONE)


def _logged(lines: Sequence[_Ordered], x: F64, check: Callable[[], None]) -> list[_Found]:
    places: dict[int, _Places] = {}
    found = []
    for line in lines:
        check()
        place = places.get(id(line.x))
        if place is None:
            place = np.arange(len(x)) if len(line.x) == len(x) else np.searchsorted(x, line.x)
            places[id(line.x)] = place
        found.append(_at(line, x, place))
    return found


def _interpolated(lines: Sequence[_Ordered], x: F64, check: Callable[[], None]) -> list[_Found]:
    found = []
    for line in lines:
        check()
        begin, end = np.searchsorted(x, line.x[0], "left"), np.searchsorted(x, line.x[-1], "right")
        at, place = x[begin:end], np.arange(begin, end)
        left = np.searchsorted(line.x, at, "right") - 1
        exact = line.x[left] == at
        right = np.minimum(left + 1, len(line.x) - 1)
        low, high = line.y[left], line.y[right]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            share = np.where(exact, 0.0, (at - line.x[left]) / (line.x[right] - line.x[left]))
            between = np.clip(low * (1 - share) + high * share, np.minimum(low, high), np.maximum(low, high))
        y = np.where(exact, low, between)
        finite = np.isfinite(y) & (exact | (np.isfinite(low) & np.isfinite(high)))
        lost = exact & ~np.isfinite(low)
        found.append(_Found(place[finite], y[finite], place[lost], low[lost], place[finite & ~exact]))
    return found


def _laid_out(
    ordered: Sequence[_Ordered], there: Sequence[_Ordered], x: F64, found: Sequence[_Found], every: int, check: Callable[[], None]
) -> Aligned:
    positions = len(x)
    n, left_out, interpolated = (np.zeros(positions, np.int64) for _ in range(3))
    for one in found:
        n[one.place] += 1
        left_out[one.lost] += 1
        interpolated[one.interpolated] += 1
    start = np.concatenate(([0], np.cumsum(n)))
    value = np.empty(int(start[-1]))
    if positions and found and int(n.min()) == len(found):
        matrix = value.reshape(positions, len(found))
        for begin in range(0, positions, _BLOCK):  # a block of the matrix stays near the processor while its columns come in
            end = begin + _BLOCK
            check()
            for column, one in enumerate(found):
                matrix[begin:end, column] = one.value[begin:end]
    else:
        free = start[:-1].copy()
        for one in found:
            check()
            where = free[one.place]
            value[where] = one.value
            free[one.place] = where + 1
    counts = {id(line): one for line, one in zip(there, found, strict=True)}
    return Aligned(x, start, value, left_out, interpolated, tuple(_counts(line, counts.get(id(line))) for line in ordered), every)


def _counts(line: _Ordered, found: _Found | None) -> LineCounts:
    if found is None:
        return LineCounts(line.name, line.points, without_x=line.without_x)
    lost: NDArray[Any] = found.lost_value
    nan, up = int(np.count_nonzero(np.isnan(lost))), int(np.count_nonzero(lost == np.inf))
    return LineCounts(
        name=line.name,
        points=line.points,
        repeated=line.repeated,
        without_x=line.without_x,
        nan=nan,
        pos_inf=up,
        neg_inf=len(lost) - nan - up,
        interpolated=len(found.interpolated),
        first=float(line.x[0]),
        last=float(line.x[-1]),
    )
