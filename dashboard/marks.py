"""What happened to a run at a place of its curves: ``/api/marks``, the alerts it gave and the starts of its newer attempts.

An alert stands on every curve of its run: on step at the step it was given with, else at the step that the curve had reached by then; on
relative and wall time when it was given; over another metric at the value that the metric last had up to that step. A restart is where
an attempt but the first begins, told for each curve, since an attempt may begin with one tag and come to another later.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.errors import NotFound
from ..store.kinds import Kind, Points, SeriesInfo, SeriesKey
from ..store.records import Alert
from ..store.source import Placed
from ..store.store import Store
from .curves import chosen
from .derived import is_expression, parts_of
from .events import Newsroom
from .query import Query
from .replies import Refused, json_reply, number

MOST_ALERTS: Final = 100
"""Alerts of one run that are told for a curve: the newest."""
KEPT_RUNS: Final = 500
LONGEST_TEXT: Final = 500


@dataclass(slots=True)
class _Heard:
    """The alerts among the first `seen` event records of a run."""

    seen: int = 0
    alerts: list[Placed] = field(default_factory=list)


class MarkRoutes:
    """The route over one store."""

    def __init__(self, store: Store, newsroom: Newsroom) -> None:
        self.store = store
        self.newsroom = newsroom
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        self._lock = threading.Lock()

    def routes(self) -> list[BaseRoute]:
        return [Route("/marks", self.marks, methods=["GET"])]

    def marks(self, request: Request) -> Response:
        query = Query(request, ("tag", "run", "x"))
        tags, x = query.many("tag"), query.x()
        if not tags:
            raise Refused(400, "no tag is named", "add tag=... to the query, once for each; /api/tags lists them")
        version = self.newsroom.versions.now()
        series = chosen(self.store, tags=tags, runs=query.many("run"))
        lowest: dict[tuple[str, str], int] = {}
        for one in series:
            name = (one.key.run, one.key.tag)
            lowest[name] = min(lowest.get(name, one.key.rank), one.key.rank)
        ranks = {(one.key.run, one.key.tag, one.key.rank) for one in series}
        told: list[dict[str, Any]] = []
        left_out: dict[str, int] = {}
        for one in series:
            run, tag, rank = one.key.run, one.key.tag, one.key.rank
            alerts = self.alerts(run)
            left_out[run] = max(0, len(alerts) - MOST_ALERTS)
            mine = [
                alert
                for alert in alerts[-MOST_ALERTS:]
                if alert.rank == rank or (rank == lowest[run, tag] and (run, tag, alert.rank) not in ranks)
            ]
            told.extend(self._alerts(one, mine, x))
            told.extend(self._restarts(one, x))
        return json_reply({"version": version, "x": x, "marks": told, "left_out": {run: n for run, n in left_out.items() if n}})

    def alerts(self, run: str) -> list[Placed]:
        """The alerts of a run in order of arrival. Records that were read are not read again."""
        with self._lock:
            heard = self._heard.get(run, _Heard())
        fresh = self.store.records(run, Kind.EVENT, skip=heard.seen)
        if fresh:
            heard = _Heard(heard.seen + len(fresh), heard.alerts + [one for one in fresh if isinstance(one.record, Alert)])
        with self._lock:
            self._heard[run] = heard
            self._heard.move_to_end(run)
            while len(self._heard) > KEPT_RUNS:
                self._heard.popitem(last=False)
        return heard.alerts

    def _alerts(self, series: SeriesInfo, alerts: Sequence[Placed], x: str) -> list[dict[str, Any]]:
        if not alerts:
            return []
        key = logged_of(series.key)
        points = _Reader(self.store)
        started = self.store.run(key.run).started
        told = []
        for one in alerts:
            alert = one.record
            assert isinstance(alert, Alert)
            if x == "wall":
                at = alert.wall_time
            elif x == "relative":
                at = alert.wall_time - started
            else:
                step = alert.step if alert.step is not None else reached(points.of(key), alert.wall_time)
                if step is None:
                    continue  # nothing was logged yet: there is no place on the curve
                at = float(step) if x == "step" else value_by(points.of(SeriesKey(key.run, x.partition(":")[2], key.rank)), step)
            if math.isfinite(at):
                texts = {"title": alert.title[:LONGEST_TEXT], "text": alert.text[:LONGEST_TEXT], "of": alert.tag, "level": alert.level}
                when = {"step": alert.step, "wall_time": number(alert.wall_time), "attempt": one.attempt}
                told.append({"kind": "alert", **_where(series.key), "x": at, **when, **texts})
        return told

    def _restarts(self, series: SeriesInfo, x: str) -> list[dict[str, Any]]:
        told = []
        for attempt in sorted(series.attempts)[1:]:
            try:
                curve = self.store.overview(logged_of(series.key), x=x, max_buckets=1, attempt=attempt)
            except NotFound:
                continue  # that attempt has logged other tags of the expression only
            if len(curve.x) and math.isfinite(at := float(np.nanmin(curve.x) if not x.startswith("metric:") else curve.x[0])):
                told.append({"kind": "restart", **_where(series.key), "x": at, "attempt": attempt})
        return told


class _Reader:
    """Points of series, each read once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[SeriesKey, Points | None] = {}

    def of(self, key: SeriesKey) -> Points | None:
        """The points of `key`, None where it was never logged."""
        if key not in self._read:
            try:
                self._read[key] = self._store.points(key)
            except NotFound:
                self._read[key] = None
        return self._read[key]


def _where(key: SeriesKey) -> dict[str, Any]:
    return {"run": key.run, "tag": key.tag, "rank": key.rank}


def logged_of(key: SeriesKey) -> SeriesKey:
    """`key`, or the first logged series of an expression."""
    return parts_of(key)[0] if is_expression(key.tag) else key


def reached(points: Points | None, wall_time: float) -> int | None:
    """The step of the point logged last by `wall_time`; None when there was none yet."""
    if points is None or not len(points):
        return None
    times = np.asarray(points.wall_time)
    before = np.flatnonzero(times <= wall_time)
    return int(points.step[before[np.argmax(times[before])]]) if len(before) else None


def value_by(points: Points | None, step: int) -> float:
    """The value of the point with the largest step up to `step`, the last one that arrived; NaN where there is none."""
    if points is None:
        return math.nan
    steps = np.asarray(points.step)
    there = np.flatnonzero(steps <= step)
    if not len(there):
        return math.nan
    last = there[steps[there] == steps[there].max()][-1]
    return float(points.value[last])
