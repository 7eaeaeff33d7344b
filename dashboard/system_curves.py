"""What a run used while it trained, and how fast its steps came, over the step of the training, relative or wall time.

Samples of the machine (tags below ``system/``) have no training step: their own step is whole seconds since the run was created. They are
joined by time: the step of a sample is the last one that was logged at or before it, in the same attempt. Which step that is says the
*clock*: the scalar tag that the sample's rank logged most often, or, where that rank logged none in this attempt, the lowest rank
that did. A sample before the first logged step has no step; it is left out over steps, and counted.

Throughput is the steps of the clock over its wall time, from the logged points alone: the points of an attempt in the order of time are cut
into at most `WINDOWS` windows of equally many, and a window's value is (last step - first step) / (last time - first time), at its
end. Neighbouring windows share a point, so that nothing between two logged points is left out: value times duration, summed up, is the
number of steps. A window in which the step fell has no value, and is counted; nothing is joined across two attempts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from ..store.kinds import F64, Curve, Kind, Points, SeriesInfo, SeriesKey
from ..store.store import Store
from ..store.thinning import window
from .columns import SentCurve

PREFIX: Final = "system/"
THROUGHPUT: Final = "steps_per_second"
WINDOWS: Final = 240
AXES: Final = ("step", "relative", "wall")


@dataclass(frozen=True, slots=True)
class Rates:
    """Steps per second of one attempt: at the end of each window its step, wall time (epoch seconds) and value. `fell` windows have
    none."""

    step: F64
    wall_time: F64
    value: F64
    fell: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """The points that say which step it was when, in the order of time; `key` is their series."""

    key: SeriesKey
    points: Points


def clock_series(series: Sequence[SeriesInfo], *, rank: int, attempt: int) -> SeriesInfo | None:
    """The scalar series that is the clock of `rank` in `attempt`; None where nothing but samples was logged in it."""
    able = [
        one for one in series if one.kind is Kind.SCALAR and attempt in one.attempts and not one.key.tag.startswith(PREFIX) and one.count
    ]
    own = [one for one in able if one.key.rank == rank]
    if not own and able:
        lowest = min(one.key.rank for one in able)
        own = [one for one in able if one.key.rank == lowest]
    return min(own, key=lambda one: (-one.count, one.key.tag), default=None)


def in_time(points: Points) -> Points:
    """`points` in the order of their wall times, equal ones in order of arrival, without those whose time is not known."""
    known = np.isfinite(points.wall_time)
    if not known.all():
        points = points[known]
    if len(points) > 1 and np.any(points.wall_time[1:] < points.wall_time[:-1]):
        points = points[np.argsort(points.wall_time, kind="stable")]
    return points


def steps_at(times: F64, clock: Points) -> F64:
    """The step that was logged last at or before each of `times` (epoch seconds); NaN before the first. `clock`: in the order of time."""
    place = np.searchsorted(clock.wall_time, times, "right") - 1
    found = np.full(len(times), np.nan)
    there = place >= 0
    found[there] = clock.step[place[there]]
    return found


def rates_of(clock: Points, *, windows: int = WINDOWS) -> Rates:
    """The steps per second of `clock` (in the order of time), as the module says."""
    empty = np.empty(0)
    if len(clock) < 2:
        return Rates(empty, empty, empty)
    edges = np.unique(np.linspace(0, len(clock) - 1, min(windows, len(clock) - 1) + 1).round().astype(np.intp))
    when = clock.wall_time[edges]
    edges = edges[np.append(when[1:] > when[:-1], True)]  # of edges at one time the last
    when, step = clock.wall_time[edges], clock.step[edges].astype(np.float64)
    gained = np.diff(step)
    rose = gained >= 0
    value = gained[rose] / np.diff(when)[rose]
    return Rates(step[1:][rose], when[1:][rose], value, int(np.count_nonzero(~rose)))


def system_curves(
    store: Store, run: str, *, x: str, low: float, high: float, max_points: int
) -> tuple[list[SentCurve], list[dict[str, Any]]]:
    """The curves of `run` over `x`, one of `AXES`, with low <= x <= high, and which clocks they go by.

    Each curve is one tag, rank and attempt; the tag of the throughput is `THROUGHPUT`. `unmatched` counts the samples without a step,
    or the windows in which the step fell. Over steps a curve ends where a later attempt of its rank begins (law 3).
    """
    series = store.series(run=run, kind=Kind.SCALAR)
    started = store.run(run).started
    clocks: dict[tuple[int, int], Clock | None] = {}

    def clock(rank: int, attempt: int) -> Clock | None:
        if (rank, attempt) not in clocks:
            found = clock_series(series, rank=rank, attempt=attempt)
            points = _of_attempt(store, found.key, attempt) if found is not None else None
            clocks[rank, attempt] = Clock(found.key, in_time(points)) if found is not None and points is not None else None
        return clocks[rank, attempt]

    def cut(rank: int, attempt: int) -> float:
        """The step from which on a later attempt of `rank` stands."""
        later = [one for one in series if one.key.rank == rank and not one.key.tag.startswith(PREFIX)]
        after = {other for one in later for other in one.attempts if other > attempt}
        firsts = [float(found.points.step.min()) for other in after if (found := clock(rank, other)) is not None and len(found.points)]
        return min(firsts, default=np.inf)

    def sent(key: SeriesKey, attempt: int, step: F64, wall: F64, value: F64, left: int) -> SentCurve:
        at = step if x == "step" else wall if x == "wall" else wall - started
        if x == "step":
            stands = ~(step >= cut(key.rank, attempt))  # NaN stands nowhere, and `window` counts it in no curve
            at, value = at[stands], value[stands]
        curve: Curve = window(at, value, low=low, high=high, max_points=max_points)
        return SentCurve(key, attempt, replace(curve, unmatched=left))

    made: list[SentCurve] = []
    ranks = sorted({(one.key.rank, attempt) for one in series if not one.key.tag.startswith(PREFIX) for attempt in one.attempts})
    for rank, attempt in ranks:
        found = clock(rank, attempt)
        if found is not None and found.key.rank == rank:
            rates = rates_of(found.points)
            if len(rates.value):
                made.append(sent(SeriesKey(run, THROUGHPUT, rank), attempt, rates.step, rates.wall_time, rates.value, rates.fell))
    for one in series:
        if not one.key.tag.startswith(PREFIX):
            continue
        for attempt in sorted(one.attempts):
            points = in_time(_of_attempt(store, one.key, attempt))
            if not len(points):
                continue
            by = clock(one.key.rank, attempt)
            step = steps_at(points.wall_time, by.points) if by is not None and x == "step" else np.full(len(points), np.nan)
            lost = int(np.count_nonzero(np.isnan(step))) if x == "step" else 0
            made.append(sent(one.key, attempt, step, points.wall_time, points.value, lost))
    told = [
        {"rank": rank, "attempt": attempt, "tag": one.key.tag, "of_rank": one.key.rank, "points": len(one.points)}
        for (rank, attempt), one in sorted(clocks.items())
        if one is not None
    ]
    return made, told


def _of_attempt(store: Store, key: SeriesKey, attempt: int) -> Points:
    """Every point that `attempt` logged of a series."""
    parts = [points for number, _, points in store.strands(key) if number == attempt]
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([np.empty(0, np.int64), *(one.step for one in parts)]),
        np.concatenate([np.empty(0), *(one.wall_time for one in parts)]),
        np.concatenate([np.empty(0), *(one.value for one in parts)]),
    )
