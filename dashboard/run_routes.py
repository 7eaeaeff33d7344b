"""The data routes of one run: what it is, what it said, and its points that are no scalars. ``docs/data-routes.md`` is the contract.

Each route names a run, a tag and, where it means one point, its place; what it answers is made by the module of that noun.
Like `routes`, these are plain functions run in worker threads, behind `safety.Safety`.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ..store.errors import Damaged, NotFound
from ..store.kinds import POINT_KINDS, Kind
from ..store.plotly_json import without_addresses
from ..store.records import FigurePoint, GraphPoint
from ..store.store import Store
from . import columns, run_files, system_curves
from .console import MOST_PLACES, STREAMS, Consoles, Lines, as_text, lines_json
from .details import EVENTS, attempts_of, details_of, events_of, files_of, time_or_none
from .events import Newsroom
from .heatmap import heatmap_of
from .media import Media, extension_of
from .points import Kept, PointIndex, at_place, attempts_json, content_of, index_json, told_points, without_older
from .query import COLUMNS, CSV, JSON, Query
from .replies import Refused, json_reply
from .safety import SOURCE_POLICY
from .table_routes import TableRoutes
from .tables import Tables
from .vector_routes import VectorRoutes

PICTURES: Final = ("png", "jpg", "webp", "gif", "svg")
FILES_S: Final = 5.0


class RunRoutes:
    """The routes over one store, beside `routes.DataRoutes`."""

    def __init__(self, store: Store, newsroom: Newsroom, media: Media) -> None:
        self.store = store
        self.newsroom = newsroom
        self.media = media
        self.index = PointIndex(store, newsroom)
        self.tables = Tables()
        self.consoles = Consoles()
        self.of_vectors = VectorRoutes(store, media, self.tables, self.point_of)
        self.of_tables = TableRoutes(store, media, self.index, self.tables, self.point)
        self._files: dict[str, tuple[float, dict[str, Any]]] = {}

    def routes(self) -> list[BaseRoute]:
        """All of them, to stand below ``/api``."""
        get = {
            "/run": self.run,
            "/log": self.log,
            "/console": self.console,
            "/console/text": self.console_text,
            "/files": self.files,
            "/file": self.file,
            "/system": self.system,
            "/points": self.points,
            "/heatmap": self.heatmap,
            "/figure": self.figure,
            "/graph": self.graph,
        }
        routes = [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]
        return [*routes, *self.of_vectors.routes(), *self.of_tables.routes()]

    # ------------------------------------------------------------------------------------------ the run itself

    def run(self, request: Request) -> Response:
        key = Query(request, ("run",)).needed("run")
        version = self.newsroom.versions.now()
        info = self.store.run(key)
        events = self.index.of(key, Kind.EVENT, None).placed
        config = self.index.of(key, Kind.CONFIG, None).placed
        row = dataclasses.asdict(dataclasses.replace(info, config={}, summary={}))
        row |= {"config": info.config, "summary": info.summary}
        row |= {name: time_or_none(getattr(info, name)) for name in ("started", "updated")}
        series = self.store.series(run=key)
        details = details_of(events, config, describe=lambda blob: self.media.describe(key, blob))
        told = {"attempts": attempts_of(self.store, series), "files": self._files_of(info.path)}
        return json_reply({"version": version, "run": row, **details, **told})

    def _files_of(self, path: str) -> dict[str, Any]:
        """`files_of`, looked at again after `FILES_S` seconds: a run may have ten thousand."""
        looked, files = self._files.get(path, (-FILES_S, {}))
        if time.monotonic() - looked >= FILES_S:
            files = files_of(path)
            if len(self._files) > 1000:
                self._files.clear()
            self._files[path] = (time.monotonic(), files)
        return files

    def log(self, request: Request) -> Response:
        query = Query(request, ("run", "limit", "what"))
        key, limit = query.needed("run"), query.whole("limit", 500, low=1, high=10_000)
        what = query.many("what") or ["alert", "warning"]
        unknown = sorted(set(what) - {*EVENTS, "all"})
        if unknown:
            raise Refused(400, f"what: got {unknown[0]!r:.40}", f"want all, or some of {', '.join(EVENTS)}")
        version = self.newsroom.versions.now()
        events = events_of(self.index.of(key, Kind.EVENT, None).placed, what=EVENTS if "all" in what else what)
        return json_reply({"version": version, "total": len(events), "events": events[-limit:]})

    def console(self, request: Request) -> Response:
        query = Query(request, ("run", "first", "end", "limit", "words", "stream", "rank", "places"))
        limit = query.whole("limit", 500, low=1, high=10_000)
        version = self.newsroom.versions.now()
        lines, chosen = self._lines(query)
        if query.text("first") is not None:
            first = query.whole("first", 0, low=0, high=10**12)
        else:
            end = query.whole("end", len(lines.text), low=0, high=10**12)
            chosen = chosen[: bisect.bisect_left(chosen, end)]
            first = max(0, len(chosen) - limit)
        told = lines_json(lines, chosen, first=first, limit=limit)
        if query.yes("places", False):
            told["places"] = list(chosen[:MOST_PLACES])
        return json_reply({"version": version, **told})

    def console_text(self, request: Request) -> Response:
        lines, chosen = self._lines(Query(request, ("run", "words", "stream", "rank")))
        headers = {
            "Content-Security-Policy": SOURCE_POLICY,
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="console.txt"',
        }
        return StreamingResponse(as_text(lines, chosen), media_type="text/plain; charset=utf-8", headers=headers)

    def _lines(self, query: Query) -> tuple[Lines, Sequence[int]]:
        """The lines of the query's run, and which of them it chooses."""
        key = query.needed("run")
        stream = query.one_of("stream", ("", *STREAMS), "") or None
        rank = None if query.text("rank") in (None, "") else query.whole("rank", 0, low=0, high=10**6)
        lines = self.consoles.of(key, self.index.of(key, Kind.EVENT, None).placed)
        return lines, lines.chosen(words=query.text("words") or "", stream=stream, rank=rank)

    # ------------------------------------------------------------------------------------- its files, its machine

    def files(self, request: Request) -> Response:
        info = self.store.run(Query(request, ("run",)).needed("run"))
        return json_reply({"run": info.key, "path": info.path, **run_files.listed(info)})

    def file(self, request: Request) -> Response:
        query = Query(request, ("run", "name"))
        return run_files.opened(self.store.run(query.needed("run")), query.needed("name"))

    def system(self, request: Request) -> Response:
        query = Query(request, ("run", "x", "low", "high", "points"))
        form = query.form((COLUMNS, JSON, CSV))
        key, x = query.needed("run"), query.one_of("x", system_curves.AXES, "step")
        low, high = query.real("low", -math.inf), query.real("high", math.inf)
        points = query.whole("points", 1000, low=4, high=1_000_000)
        version = self.newsroom.versions.now()
        curves, clocks = system_curves.system_curves(self.store, key, x=x, low=low, high=high, max_points=points)
        head = {"version": version, "run": key, "x": x, "clocks": clocks}
        if form == CSV:
            return Response(columns.as_csv(curves), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
        if form == JSON:
            return Response(columns.as_json(head, curves), media_type="application/json", headers={"Cache-Control": "no-store"})
        return Response(columns.encode(head, curves), media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})

    # ------------------------------------------------------------------------------------------ points of a tag

    def points(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "kind", "since", "first", "end"))
        key, tag, kind = query.needed("run"), query.needed("tag"), _kind(query)
        since = query.since()
        version = self.newsroom.versions.now()  # before the records are read: what comes meanwhile is told next time
        kept = self._kept(key, kind, tag)
        head = {"version": version, "run": key, "tag": tag, "kind": kind.value, "total": len(kept.placed)}
        if query.text("first") is not None or query.text("end") is not None:
            first = query.whole("first", 0, low=0, high=10**9)
            end = query.whole("end", first + 1, low=0, high=10**9)
            points = told_points(kept, first=first, end=end, describe=lambda blob: self.media.describe(key, blob))
            return json_reply({**head, "points": points})
        place, known = self.index.since(kept, since)
        self.index.tell(kept, version)
        index = index_json(kept.placed, first=place)
        return json_reply({**head, "complete": known, "first": place, "attempts": attempts_json(kept.placed), **index})

    def _kept(self, run: str, kind: Kind, tag: str) -> Kept:
        kept = self.index.of(run, kind, tag)
        if not kept.placed:
            raise NotFound(f"no {kind.value} series {tag!r} in run {run!r}; /api/series?run=... lists what there is")
        return kept

    def point(self, query: Query, kind: Kind) -> tuple[str, Any]:
        """The run's key, and the record that the query's tag and place mean."""
        key, tag = query.needed("run"), query.needed("tag")
        place = None if query.text("place") is None else query.whole("place", 0, low=0, high=10**9)
        return key, self.point_of(key, kind, tag, place)

    def point_of(self, run: str, kind: Kind, tag: str, place: int | None) -> Any:
        """The record at `place` of a tag, the newest when it is None. Raises NotFound."""
        kept = self._kept(run, kind, tag)
        return at_place(kept, len(kept.placed) - 1 if place is None else place, what=f"{kind.value} series {tag!r}")

    def heatmap(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "rank", "columns", "rows", "share", "older"))
        key, tag = query.needed("run"), query.needed("tag")
        rank = query.whole("rank", 0, low=0, high=10**6)
        columns, rows = query.whole("columns", 300, low=1, high=2000), query.whole("rows", 64, low=1, high=1000)
        share = query.real("share", 1.0)
        if not 0.5 <= share <= 1:
            raise Refused(400, f"share: want 0.5 to 1, got {share}", "correct it and ask again")
        version = self.newsroom.versions.now()
        mine = [one for one in self._kept(key, Kind.HISTOGRAM, tag).placed if one.rank == rank]
        if query.whole("older", 0, low=0, high=1) == 0:
            mine = without_older(mine)
        made = heatmap_of([one.record for one in mine], columns=columns, rows=rows, share=share)  # type: ignore[misc]
        told = {name: value for name, value in _fields(made).items() if name not in ("cells", "edges")}
        return json_reply({"version": version, "run": key, "tag": tag, "rank": rank, **told, "edges": made.edges, "cells": made.cells})

    # ----------------------------------------------------------------------------- what is too large for a point

    def figure(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "place"))
        key, point = self.point(query, Kind.FIGURE)
        assert isinstance(point, FigurePoint)
        picture = content_of(point.picture, lambda blob: self.media.describe(key, blob)) if point.picture is not None else None
        told: dict[str, Any] = {"step": point.step, "figure": {}, "picture": picture, "drawing": None, "taken_out": []}
        if extension_of(point.blob) in PICTURES:
            told["drawing"] = self.media.describe(key, point.blob)
            return json_reply(told)
        try:
            made = orjson.loads(self.store.blob(key, point.blob))
        except orjson.JSONDecodeError as error:
            if picture is not None:
                return json_reply(told)
            raise Damaged(f"figure {point.tag!r} at step {point.step}: no JSON: {error}") from None
        if isinstance(made, dict):
            told["figure"], told["taken_out"] = without_addresses(made)
        return json_reply(told)

    def graph(self, request: Request) -> Response:
        key, point = self.point(Query(request, ("run", "tag", "place")), Kind.GRAPH)
        assert isinstance(point, GraphPoint)
        graph: Any = {name: msgspec.to_builtins(getattr(point, name)) for name in ("scopes", "operations", "edges")}
        if point.blob is not None:
            try:
                graph = msgspec.msgpack.decode(self.store.blob(key, point.blob))
            except msgspec.MsgspecError as error:
                raise Damaged(f"graph {point.tag!r} at step {point.step}: no MessagePack: {error}") from None
        told = {name: graph.get(name, []) for name in ("scopes", "operations", "edges")}
        return json_reply({"step": point.step, "framework": point.framework, **told})


def _kind(query: Query) -> Kind:
    name = query.needed("kind")
    found = next((kind for kind in POINT_KINDS if kind.value == name), None)
    if found is None:
        raise Refused(400, f"kind: got {name!r:.40}", f"want one of {', '.join(kind.value for kind in POINT_KINDS)}")
    return found


def _fields(made: Any) -> dict[str, Any]:
    return {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
