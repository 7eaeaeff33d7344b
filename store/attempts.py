"""Resumed runs: which points of several attempts make the default view of a series.

Every attempt is kept. The default view takes, for one rank and tag, the newest attempt from the smallest step it logged, and
of each older attempt only what lies before the smallest step of *any* newer one. An attempt that never logged the tag cuts
nothing. Ranks never cut one another: this module is asked rank by rank.

A point that an older attempt logged at or after such a step is not lost: it belongs to the older tail, which the board
draws on demand.

Several writers of one attempt and rank (a fork beside its parent) stand beside each other: they are merged by wall time, in
the writer's own order where times are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .kinds import Points, no_points


def limits(first_steps: Mapping[int, int]) -> dict[int, int | None]:
    """Say up to which step each attempt is shown.

    Args:
        first_steps: attempt number -> smallest step it logged; attempts that logged nothing are absent.

    Returns:
        Attempt number -> the step before which its points are shown (exclusive); None: all of them.
    """
    result: dict[int, int | None] = {}
    lowest: int | None = None
    for attempt in sorted(first_steps, reverse=True):
        result[attempt] = lowest
        first = first_steps[attempt]
        lowest = first if lowest is None else min(lowest, first)
    return result


def before(points: Points, limit: int | None) -> Points:
    """The points with a step below `limit`, in their order."""
    return points if limit is None else points[np.asarray(points.step) < limit]


def merged(writers: Sequence[Points]) -> Points:
    """The points of several writers of one attempt, by wall time; equal times keep the order given."""
    if len(writers) == 1:
        return writers[0]
    together = joined(writers)
    return together[np.argsort(together.wall_time, kind="stable")]


def joined(parts: Sequence[Points]) -> Points:
    """The points of `parts`, one part after the other."""
    if not parts:
        return no_points()
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.wall_time for part in parts]),
        np.concatenate([part.value for part in parts]),
    )


def newest_view(strands: Iterable[tuple[int, str, Points]]) -> Points:
    """The default view of one rank's series.

    Args:
        strands: (attempt, writer, points in order of arrival), in any order.

    Returns:
        The points shown, oldest attempt first, within an attempt in order of arrival.
    """
    by_attempt: dict[int, list[tuple[str, Points]]] = {}
    for attempt, writer, points in strands:
        if len(points):
            by_attempt.setdefault(attempt, []).append((writer, points))
    until = limits({attempt: min(int(points.step.min()) for _, points in writers) for attempt, writers in by_attempt.items()})
    return joined(
        [
            before(merged([points for _, points in sorted(by_attempt[attempt], key=lambda pair: pair[0])]), until[attempt])
            for attempt in sorted(by_attempt)
        ]
    )
