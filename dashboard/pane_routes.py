"""The data routes of panes: which environments there are, how they are laid out, and what each window holds. ``docs/data-routes.md``
is the contract. Like `routes`, these are plain functions run in worker threads, behind `safety.Safety`.

An *environment* is a run that has panes. What comes out of a pane carries `safety.SOURCE_POLICY`: opened by its own URL it is inert.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.errors import NotFound
from ..store.kinds import Curve, Kind, RunInfo, SeriesInfo, SeriesKey
from ..store.panes import OpenPanes
from ..store.records import Foreign, Pane
from ..store.source import Placed
from ..store.store import Store
from . import columns
from .details import time_or_none
from .events import Newsroom
from .media import TYPES, size_of
from .pane_curves import part_of_trace, trace_points
from .panes import content_of, frames_of, pane_json, picture_bytes, shown_content, version_of
from .query import COLUMNS, CSV, JSON, Query
from .replies import Refused, json_reply, number, to_json
from .safety import SOURCE_POLICY

PANE_COLUMNS: Final = [
    "run",
    "environment",
    "window",
    "type",
    "title",
    "order",
    "width",
    "height",
    "tag",
    "traces",
    "wall_time",
    "size",
    "version",
]
LIVE_PROJECT: Final = "visdom"
"""The project of the runs into which a receiver of Visdom's protocol writes."""
MOST_POINTS: Final = 1_000_000
MOST_FOLDS: Final = 256
"""Runs whose open panes are kept."""
KEPT_BYTES: Final = 128 << 20
"""Bytes, as JSON, of the contents that are kept parsed for the pictures in them."""


class _Known(NamedTuple):
    """The open panes of a run after its first `read` records of their kind, `last` among them, at a version of the store."""

    panes: OpenPanes
    read: int
    last: Placed | None
    version: int


class PaneRoutes:
    """The routes over one store, beside `run_routes.RunRoutes`. `takes_events`: what is done to a pane can be sent
    to a program by ``/api/pane-event``, which a receiver brings."""

    def __init__(self, store: Store, newsroom: Newsroom, *, takes_events: bool = False) -> None:
        self.store = store
        self.newsroom = newsroom
        self.takes_events = takes_events
        self._kept: OrderedDict[tuple[str, str, str], tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._folds: OrderedDict[str, _Known] = OrderedDict()
        self._folding = threading.Lock()

    def routes(self) -> list[BaseRoute]:
        """All of them, to stand below ``/api``."""
        get: dict[str, Callable[[Request], Response]] = {
            "/panes": self.panes,
            "/pane": self.pane,
            "/pane-picture": self.picture,
            "/pane-curves": self.curves,
        }
        return [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]

    # ------------------------------------------------------------------------------------------- what there is

    def panes(self, request: Request) -> Response:
        query = Query(request, ("run",))
        form = query.form((JSON, CSV))
        version = self.newsroom.versions.now()
        named = query.many("run")
        runs = [self.store.run(key) for key in dict.fromkeys(named)] if named else [run for run in self.store.runs() if run.panes]
        told = [self._environment(run) | ({"panes": self._lines(run.key)} if named or form == CSV else {}) for run in runs]
        if form == CSV:
            rows = [
                line | {"run": one["run"], "environment": one["name"], "traces": len(line["traces"])}
                for one in told
                for line in one["panes"]
            ]
            return Response(
                columns.table_csv(rows, PANE_COLUMNS), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"}
            )
        tag = f'"{self.newsroom.board}-{version}-panes"'
        headers = {"ETag": tag, "Vary": "Accept"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"Cache-Control": "no-store", **headers})
        return json_reply({"version": version, "environments": told}, headers=headers)

    def _environment(self, run: RunInfo) -> dict[str, Any]:
        live = self.takes_events and run.source == "native" and run.project == LIVE_PROJECT
        return {**environment_json(run), "live": live}

    def _lines(self, run: str) -> list[dict[str, Any]]:
        series: dict[str, list[SeriesInfo]] = {}
        for one in self.store.series(run=run):
            series.setdefault(one.key.tag, []).append(one)
        return [pane_json(one, series) for one in self._open(run)]

    def _open(self, run: str) -> list[Placed]:
        """The open panes as they are now. Only what came since they were asked for last is read: a window that a program shows anew
        at every step leaves a record each time."""
        with self._folding:
            known = self._folds.pop(run, None)
            version = self.store.version
            if known is None or (version != known.version and not self._stands(run, known.version)):
                known = self._followed(run, known, version)
            self._folds[run] = known
            while len(self._folds) > MOST_FOLDS:
                self._folds.popitem(last=False)
            return known.panes.listed()

    def _followed(self, run: str, known: _Known | None, version: int) -> _Known:
        if known is not None and known.last is not None:
            came = self.store.records(run, Kind.CONFIG, skip=known.read - 1)
            if came and came[0] == known.last:
                known.panes.extend(came[1:])
                return _Known(known.panes, known.read + len(came) - 1, came[-1], version)
        came = self.store.records(run, Kind.CONFIG)
        panes = OpenPanes()
        panes.extend(came)
        return _Known(panes, len(came), came[-1] if came else None, version)

    def _stands(self, run: str, version: int) -> bool:
        changes = self.store.changes_since(version)
        return changes.complete and run not in changes.runs and run not in changes.removed

    # ----------------------------------------------------------------------------------------------- one window

    def _found(self, query: Query) -> tuple[str, Placed, Pane]:
        run, name = query.needed("run"), query.needed("window")
        self.store.run(run)
        for one in self._open(run):
            if isinstance(one.record, Pane) and one.record.window == name:
                return run, one, one.record
        raise NotFound(f"no open window {name!r:.120} in run {run!r}; /api/panes?run=... lists what there is")

    def _content(self, run: str, pane: Pane) -> Any:
        """The parsed content; the ones asked for last are kept, since each picture of a history is a request of its own."""
        key = (run, pane.window, version_of(pane))
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][1]
        content = content_of(self.store, run, pane)
        with self._lock:
            self._kept[key] = (size_of(pane.content), content)
            while len(self._kept) > 1 and sum(size for size, _ in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return content

    def pane(self, request: Request) -> Response:
        query = Query(request, ("run", "window", "whole"))
        run, one, pane = self._found(query)
        version = self.newsroom.versions.now()
        content = self._content(run, pane)
        series: dict[str, list[SeriesInfo]] = {}
        if pane.tag:
            series[pane.tag] = self.store.series(run=run, tag=pane.tag)
        line = pane_json(one, series)
        shown, pictures, taken_out = shown_content(pane, content)
        if query.whole("whole", 0, low=0, high=1) and pictures:
            shown = content
        told = [
            {
                "caption": picture.caption,
                "width": picture.width,
                "height": picture.height,
                "error": picture.error,
                "url": "" if picture.error else _picture_url(run, pane, place, line["version"]),
            }
            for place, picture in enumerate(pictures)
        ]
        reply = {"wire_version": version, "run": run, **line, "content": shown, "pictures": told, "taken_out": taken_out}
        try:
            body = to_json(reply)
        except TypeError as error:  # such as half a surrogate pair
            raise Refused(422, f"pane {pane.title or pane.window!r}: {error}", "the rest of the environment can be read") from None
        return Response(body, media_type="application/json", headers=_inert({"Cache-Control": "no-store"}))

    def picture(self, request: Request) -> Response:
        query = Query(request, ("run", "window", "place", "v"))
        run, _, pane = self._found(query)
        frames = frames_of(pane, self._content(run, pane))
        place = query.whole("place", len(frames) - 1, low=0, high=10**9)
        if place >= len(frames):
            raise Refused(404, f"place {place}: the window has {len(frames)} pictures", "/api/pane tells which there are")
        data, extension = picture_bytes(frames[place])
        settled = query.text("v") == version_of(pane) and not isinstance(pane.content, Foreign)
        cache = "private, max-age=31536000, immutable" if settled else "private, no-cache"
        return Response(data, media_type=TYPES[extension], headers=_inert({"Cache-Control": cache}))

    def curves(self, request: Request) -> Response:
        query = Query(request, ("run", "window", "low", "high", "points"))
        form = query.form((COLUMNS, JSON, CSV))
        low, high = query.real("low", float("-inf")), query.real("high", float("inf"))
        if low > high:
            raise Refused(400, f"low {low} is above high {high}", "swap them")
        points = query.whole("points", 2000, low=4, high=MOST_POINTS)
        version = self.newsroom.versions.now()
        run, one, pane = self._found(query)
        sent: list[columns.SentCurve] = []
        traces: list[dict[str, Any]] = []
        for trace in pane.traces:
            error = ""
            try:
                x, y = trace_points(self.store, run, one.rank, trace)
                curve = part_of_trace(x, y, low=low, high=high, max_points=points)
            except NotFound as missing:
                curve, error = Curve(np.empty(0), np.empty(0), 0, True), str(missing)
            sent.append(columns.SentCurve(SeriesKey(run, trace.tag, one.rank), trace.attempt, curve))
            traces.append({"index": trace.index, "x": trace.x, "error": error})
        if form == CSV:
            return Response(columns.as_csv(sent), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
        head = {
            "version": version,
            "window": pane.window,
            "pane": version_of(pane),
            "low": number(low),
            "high": number(high),
            "complete": True,
            "traces": traces,
        }
        if form == JSON:
            return Response(columns.as_json(head, sent), media_type="application/json", headers=_inert({"Cache-Control": "no-store"}))
        return Response(columns.encode(head, sent), media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def environment_json(run: RunInfo) -> dict[str, Any]:
    """An environment in few words; `/api/run` has the rest."""
    return {
        "run": run.key,
        "name": run.name,
        "project": run.project,
        "source": run.source,
        "status": run.status,
        "updated": time_or_none(run.updated),
        "open": run.panes,
    }


def _picture_url(run: str, pane: Pane, place: int, version: str) -> str:
    return "api/pane-picture?" + urlencode({"run": run, "window": pane.window, "place": place, "v": version})


def _inert(headers: dict[str, str]) -> dict[str, str]:
    return {"Content-Security-Policy": SOURCE_POLICY, **headers}
