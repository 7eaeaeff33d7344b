"""The data routes of one run: what it is, what it said, and its points that are no scalars. ``docs/data-routes.md`` is the contract.

Each route names a run, a tag and, where it means one point, its place; what it answers is made by the module of that noun.
Like `routes`, these are plain functions run in worker threads, behind `safety.Safety`.
"""

from __future__ import annotations

import dataclasses
import re
import time
from typing import Any, Final

import msgspec
import numpy as np
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.errors import Damaged, NotFound
from ..store.kinds import POINT_KINDS, Kind
from ..store.plotly_json import without_addresses
from ..store.records import EmbeddingPoint, FigurePoint, GraphPoint, TensorPoint
from ..store.store import Store
from .details import attempts_of, console_of, details_of, events_of, files_of, time_or_none
from .events import Newsroom
from .heatmap import heatmap_of
from .media import Media, extension_of
from .points import Kept, PointIndex, at_place, attempts_json, content_of, index_json, told_points, without_older
from .projections import Projection, projected
from .query import Query
from .replies import Refused, json_reply, number
from .table_routes import TableRoutes
from .tables import Tables
from .tensors import tensor_json

PICTURES: Final = ("png", "jpg", "webp", "gif", "svg")
FILES_S: Final = 5.0
MOST_VECTORS: Final = 20_000
"""Vectors of an embedding that one reply holds."""


class RunRoutes:
    """The routes over one store, beside `routes.DataRoutes`."""

    def __init__(self, store: Store, newsroom: Newsroom, media: Media) -> None:
        self.store = store
        self.newsroom = newsroom
        self.media = media
        self.index = PointIndex(store, newsroom)
        self.tables = Tables()
        self._of_tables = TableRoutes(store, media, self.index, self.tables, self._point)
        self._projections: dict[str, Projection] = {}
        self._files: dict[str, tuple[float, dict[str, Any]]] = {}

    def routes(self) -> list[BaseRoute]:
        """All of them, to stand below ``/api``."""
        get = {
            "/run": self.run,
            "/log": self.log,
            "/console": self.console,
            "/points": self.points,
            "/heatmap": self.heatmap,
            "/figure": self.figure,
            "/graph": self.graph,
            "/embedding": self.embedding,
            "/tensor": self.tensor,
        }
        return [*(Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()), *self._of_tables.routes()]

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
        query = Query(request, ("run", "limit"))
        key, limit = query.needed("run"), query.whole("limit", 500, low=1, high=10_000)
        version = self.newsroom.versions.now()
        events = events_of(self.index.of(key, Kind.EVENT, None).placed)
        return json_reply({"version": version, "total": len(events), "events": events[-limit:]})

    def console(self, request: Request) -> Response:
        query = Query(request, ("run", "end", "limit", "words"))
        key, limit = query.needed("run"), query.whole("limit", 500, low=1, high=10_000)
        end = None if query.text("end") is None else query.whole("end", 0, low=0, high=10**12)
        version = self.newsroom.versions.now()
        events = self.index.of(key, Kind.EVENT, None).placed
        return json_reply({"version": version, **console_of(events, end=end, limit=limit, words=query.text("words") or "")})

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

    def _point(self, query: Query, kind: Kind) -> tuple[str, Any]:
        """The run's key, and the record that the query's tag and place mean."""
        key, tag = query.needed("run"), query.needed("tag")
        kept = self._kept(key, kind, tag)
        place = query.whole("place", len(kept.placed) - 1, low=0, high=10**9)
        return key, at_place(kept, place, what=f"{kind.value} series {tag!r}")

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
        key, point = self._point(query, Kind.FIGURE)
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
        key, point = self._point(Query(request, ("run", "tag", "place")), Kind.GRAPH)
        assert isinstance(point, GraphPoint)
        graph: Any = {name: msgspec.to_builtins(getattr(point, name)) for name in ("scopes", "operations", "edges")}
        if point.blob is not None:
            try:
                graph = msgspec.msgpack.decode(self.store.blob(key, point.blob))
            except msgspec.MsgspecError as error:
                raise Damaged(f"graph {point.tag!r} at step {point.step}: no MessagePack: {error}") from None
        told = {name: graph.get(name, []) for name in ("scopes", "operations", "edges")}
        return json_reply({"step": point.step, "framework": point.framework, **told})

    def embedding(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "place", "limit"))
        limit = query.whole("limit", MOST_VECTORS, low=1, high=MOST_VECTORS)
        key, point = self._point(query, Kind.EMBEDDING)
        assert isinstance(point, EmbeddingPoint)
        told = self.media.describe(key, point.blob)
        made = self._projections.get(told["digest"])
        if made is None:
            data = self.store.blob(key, point.blob)
            if len(data) != 4 * point.rows * point.dimensions:
                raise Damaged(f"embedding {point.tag!r}: want {point.rows} x {point.dimensions} float32, got {len(data)} bytes")
            made = projected(np.frombuffer(data, "<f4").reshape(point.rows, point.dimensions))
            if len(self._projections) >= 8:
                self._projections.pop(next(iter(self._projections)))
            self._projections[told["digest"]] = made
        shown = made.coordinates[:limit]
        metadata = self.media.describe(key, point.metadata) if point.metadata is not None else None
        columns: list[dict[str, Any]] = []
        if point.metadata is not None and metadata is not None:
            table = self.tables.table(metadata["digest"], self.store.blob(key, point.metadata))
            part = table.slice(0, len(shown))
            columns = [
                {"name": name, "values": [_label(one) for one in part.column(place).to_pylist()]}
                for place, name in enumerate(table.column_names)
            ]
        return json_reply(
            {
                "step": point.step,
                "rows": point.rows,
                "dimensions": point.dimensions,
                "told": len(shown),
                "left_out": made.left_out,
                "exact": made.exact,
                "variance": made.variance,
                **{axis: [number(v) for v in shown[:, place].tolist()] for place, axis in enumerate("xyz")},
                "metadata": columns,
                "sprite": content_of(point.sprite, lambda blob: self.media.describe(key, blob)) if point.sprite is not None else None,
                "sprite_size": point.sprite_size,
            }
        )

    def tensor(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "place", "index"))
        key, point = self._point(query, Kind.TENSOR)
        assert isinstance(point, TensorPoint)
        text = query.text("index") or ""
        if not re.fullmatch(r"(\d{1,12}(,\d{1,12})*)?", text):
            raise Refused(400, f"index: want whole numbers joined by commas, got {text!r:.40}", "correct it and ask again")
        index = [int(part) for part in text.split(",") if part]
        return json_reply({"step": point.step, **tensor_json(point, self.store.blob(key, point.blob), index)})


def _kind(query: Query) -> Kind:
    name = query.needed("kind")
    found = next((kind for kind in POINT_KINDS if kind.value == name), None)
    if found is None:
        raise Refused(400, f"kind: got {name!r:.40}", f"want one of {', '.join(kind.value for kind in POINT_KINDS)}")
    return found


def _fields(made: Any) -> dict[str, Any]:
    return {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}


def _label(value: Any) -> str | None:
    return None if value is None else str(value)[:200]
