"""Which curves a request means, and the curves: the middle of ``/api/curves``, ``/api/window`` and ``/api/attempts``.

A request names tags and, if it wants fewer than all, runs. Each series of these is one curve. With a version `since`, only
series that changed after it are answered, and of those only what the asker lacks.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from functools import partial

from ..store.kinds import Curve, Kind, SeriesInfo, SeriesKey, XAxis
from ..store.store import Smoothing, Store
from .columns import SentCurve
from .derived import is_expression, parts_of, series_of, window_of

OVERVIEW_BUCKETS = 400
"""Buckets of a curve when a request names no number: enough for a card 800 pixels wide."""

EVERY_POINT = 2**62
"""More points than there are: nothing is thinned."""


def chosen(store: Store, *, tags: Iterable[str], runs: Collection[str]) -> list[SeriesInfo]:
    """The scalar series of `tags`, of `runs` only when there are any named; ordered by tag, run, rank. A tag that begins with "=" is an
    expression, see `derived`."""
    wanted = frozenset(runs)
    found: list[SeriesInfo] = []
    for tag in dict.fromkeys(tags):
        if is_expression(tag):
            found.extend(series_of(store, tag, wanted))
        else:
            found.extend(one for one in store.series(tag=tag, kind=Kind.SCALAR) if not wanted or one.key.run in wanted)
    return found


def _overview(store: Store, key: SeriesKey, *, x: XAxis, buckets: int, smoothing: Smoothing | None) -> Curve:
    if is_expression(key.tag):
        return window_of(store, key, x=x, low=-math.inf, high=math.inf, max_points=4 * buckets, smoothing=smoothing)
    return store.overview(key, x=x, max_buckets=buckets, smoothing=smoothing)


def overviews(store: Store, series: Sequence[SeriesInfo], *, x: XAxis, buckets: int, smoothing: Smoothing | None = None) -> list[SentCurve]:
    """The whole curve of each series, thinned."""
    return [SentCurve(one.key, max(one.attempts), _overview(store, one.key, x=x, buckets=buckets, smoothing=smoothing)) for one in series]


def overviews_since(
    store: Store,
    series: Sequence[SeriesInfo],
    changed: frozenset[SeriesKey],
    *,
    x: XAxis,
    buckets: int,
    since: int,
    smoothing: Smoothing | None = None,
) -> list[SentCurve]:
    """The `changed` ones of `series`, each without the leading points that stand since the store's version `since`. A smoothed
    curve, and that of an expression, is sent whole."""
    grown = [one for one in series if one.key in changed or (is_expression(one.key.tag) and not changed.isdisjoint(parts_of(one.key)))]
    if smoothing is not None:
        return overviews(store, grown, x=x, buckets=buckets, smoothing=smoothing)
    sent = []
    for one in grown:
        if is_expression(one.key.tag):
            sent.extend(overviews(store, [one], x=x, buckets=buckets))
            continue
        curve, keep = store.overview_delta(one.key, x=x, max_buckets=buckets, since=since)
        sent.append(SentCurve(one.key, max(one.attempts), curve, keep))
    return sent


def windows(
    store: Store,
    series: Sequence[SeriesInfo],
    *,
    x: XAxis,
    low: float,
    high: float,
    max_points: int,
    smoothing: Smoothing | None = None,
) -> list[SentCurve]:
    """The part of each series with low <= x <= high, raw where it is at most `max_points`."""
    sent = []
    for one in series:
        read = partial(window_of, store) if is_expression(one.key.tag) else store.window
        curve = read(one.key, x=x, low=low, high=high, max_points=max_points, smoothing=smoothing)
        sent.append(SentCurve(one.key, max(one.attempts), curve))
    return sent


def whole_window(store: Store, key: SeriesKey, *, x: XAxis, low: float, high: float) -> Curve:
    """Every point of a series with low <= x <= high, and the neighbours, not thinned."""
    read = partial(window_of, store) if is_expression(key.tag) else store.window
    return read(key, x=x, low=low, high=high, max_points=EVERY_POINT)


def older_attempts(store: Store, series: Sequence[SeriesInfo], *, x: XAxis, buckets: int) -> list[SentCurve]:
    """Every attempt but the newest of each series as a curve of its own, with all that it logged; none of an expression."""
    curves: list[SentCurve] = []
    for one in series:
        if is_expression(one.key.tag):
            continue
        for attempt in sorted(one.attempts)[:-1]:
            curve: Curve = store.overview(one.key, x=x, max_buckets=buckets, attempt=attempt)
            curves.append(SentCurve(one.key, attempt, curve))
    return curves
