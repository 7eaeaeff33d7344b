"""What a store says about its series without looking at their points: `SeriesInfo` and `MetricSummary` from stats."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterable, Sequence

from .kinds import Kind, MetricSummary, RunInfo, SeriesInfo, SeriesKey
from .overview import Stats
from .records import MetricDefined
from .strands import RunData, StrandData


def keys_of(run: RunData) -> set[SeriesKey]:
    """Every series of `run`, of any kind."""
    scalars = {SeriesKey(run.found.key, tag, rank) for tag, rank in run.by_series}
    return scalars | {SeriesKey(run.found.key, tag, rank) for _, tag, rank in run.media}


def tags_of(run: RunData) -> set[str]:
    """Every tag of `run`, of any kind."""
    return {tag for tag, _ in run.by_series} | {tag for _, tag, _ in run.media}


def series_of(run: RunData, tag: str | None, kind: Kind | None) -> list[SeriesInfo]:
    """The series of `run`, of one tag and kind where these are given."""
    found: list[SeriesInfo] = []
    key = run.found.key
    if kind in (None, Kind.SCALAR):
        for (name, rank), strands in run.by_series.items():
            if tag in (None, name) and any(one.stats.count for one in strands):
                found.append(_scalar_series(SeriesKey(key, name, rank), [one for one in strands if one.stats.count]))
    for (media, name, rank), stats in run.media.items():
        if kind in (None, media) and tag in (None, name):
            found.append(
                SeriesInfo(
                    SeriesKey(key, name, rank),
                    media,
                    stats.count,
                    stats.first_step,
                    stats.last_step,
                    math.nan,
                    math.nan,
                    math.nan,
                    attempts=tuple(stats.attempts),
                )
            )
    return found


def _scalar_series(key: SeriesKey, strands: Sequence[StrandData]) -> SeriesInfo:
    stats = [one.stats for one in strands]
    newest = max(strands, key=lambda one: (one.stats.last_step, one.key.attempt, one.stats.newest_wall))
    return SeriesInfo(
        key,
        Kind.SCALAR,
        count=sum(one.count for one in stats),
        first_step=min(one.first_step for one in stats),
        last_step=newest.stats.last_step,
        min=_least([one.min for one in stats]),
        max=-_least([-one.max for one in stats]),
        last=newest.stats.last,
        nan=sum(one.nan for one in stats),
        pos_inf=sum(one.pos_inf for one in stats),
        neg_inf=sum(one.neg_inf for one in stats),
        attempts=tuple(sorted({one.key.attempt for one in strands})),
    )


def _least(values: Iterable[float]) -> float:
    return min((value for value in values if value == value), default=math.nan)


def goal_of(goals: Sequence[MetricDefined], tag: str) -> str:
    """The goal of `tag`: "min", "max" or "". The definition given last wins."""
    return next((one.goal for one in reversed(goals) if one.goal and _defines(one, tag)), "")


def unit_of(goals: Sequence[MetricDefined], tag: str) -> str:
    """The unit of `tag`, or "". The definition given last wins."""
    return next((one.unit for one in reversed(goals) if one.unit and _defines(one, tag)), "")


def _defines(one: MetricDefined, tag: str) -> bool:
    return one.tag == tag or ("*" in one.tag and fnmatch.fnmatchcase(tag, one.tag))


def summary_of(stats: Sequence[Stats], goal: str, unit: str = "") -> MetricSummary:
    """The summary of a tag over the stats of its parts, attempt by attempt and rank by rank."""
    filled = [one for one in stats if one.count]
    newest = filled[0]
    for one in filled[1:]:
        if (one.last_step, one.newest_wall) >= (newest.last_step, newest.newest_wall):
            newest = one
    low = min((one for one in filled if one.min == one.min), key=lambda one: one.min, default=None)
    high = max((one for one in filled if one.max == one.max), key=lambda one: one.max, default=None)
    best = best_step = None
    if goal == "min" and low is not None:
        best, best_step = low.min, low.min_step
    elif goal == "max" and high is not None:
        best, best_step = high.max, high.max_step
    return MetricSummary(
        last=newest.last,
        min=low.min if low is not None else math.nan,
        max=high.max if high is not None else math.nan,
        last_step=newest.last_step,
        count=sum(one.count for one in filled),
        non_finite=sum(one.nan + one.pos_inf + one.neg_inf for one in filled),
        best=best,
        best_step=best_step,
        min_step=low.min_step if low is not None else None,
        max_step=high.max_step if high is not None else None,
        unit=unit,
    )


def differs(old: RunInfo, new: RunInfo) -> bool:
    """Whether anything but the signs of life changed."""
    return any(getattr(old, name) != getattr(new, name) for name in _TOLD) or moved(old.started, new.started)


def moved(old: float, new: float) -> bool:
    """Whether two times differ; two unknown ones (NaN) do not."""
    return old != new and not (math.isnan(old) and math.isnan(new))


_TOLD = tuple(name for name in RunInfo.__dataclass_fields__ if name not in ("updated", "silent_s", "started"))
