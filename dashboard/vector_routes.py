"""The data routes of embeddings and of plain tensors: coordinates, neighbours, t-SNE and UMAP, slices, files to download.

``docs/data-routes.md`` is the contract. The numbers are made by `projections`, `vectors`, `reductions` and `tensors`.
"""

from __future__ import annotations

import csv
import io
import re
import threading
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.kinds import F64, Kind
from ..store.records import EmbeddingPoint, TensorPoint
from ..store.store import Store
from . import columns as wire
from .media import Media
from .points import content_of
from .projections import COMPONENTS, Projection, projected
from .query import COLUMNS, CSV, JSON, Query
from .reductions import METHODS, NAMES, Reductions, Wanted, methods_json
from .replies import Refused, json_reply, number
from .safety import SOURCE_POLICY
from .tables import Tables
from .tensors import Cut, array_of, difference, is_numeric, npy_of, sliced, tensor_json
from .vectors import F32, METRICS, Column, Vectors, columns_of, neighbours

LISTED: Final = 20_000
"""Vectors that a reply in JSON holds unless it is asked for more."""
MOST_VECTORS: Final = 500_000
MOST_NEIGHBOURS: Final = 1000
MOST_CELLS: Final = 10_000_000
"""Values of a slice that a reply in CSV holds."""
MOST_ROWS: Final = 20_000
"""Rows that t-SNE and UMAP are computed from unless more are asked for."""
KEPT_PROJECTIONS: Final = 8
DEFAULTS: Final = {"tsne": 30, "umap": 15}
NPY: Final = "npy"
_WHOLES: Final = re.compile(r"(\d{1,12}(,\d{1,12})*)?")
_OF: Final = ("run", "tag", "place")
_REDUCED: Final = ("method", "dimensions", "setting", "most")


class VectorRoutes:
    """The routes over one store, beside `run_routes.RunRoutes`, which says by `point_of` what a run, a kind, a tag and a place mean."""

    def __init__(self, store: Store, media: Media, tables: Tables, point_of: Callable[[str, Kind, str, int | None], Any]) -> None:
        self.store = store
        self.media = media
        self.tables = tables
        self.point_of = point_of
        self.vectors = Vectors()
        self.reductions = Reductions()
        self._projections: dict[str, Projection] = {}
        self._lock = threading.Lock()

    def routes(self) -> list[BaseRoute]:
        """All of them, to stand below ``/api``."""
        get = {"/embedding": self.embedding, "/neighbours": self.neighbours, "/reduction": self.reduction, "/tensor": self.tensor}
        made: list[BaseRoute] = [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]
        return [*made, Route("/reduction", self.reduce, methods=["POST"])]

    # ------------------------------------------------------------------------------------------------ embeddings

    def _embedding(self, query: Query) -> tuple[str, EmbeddingPoint, str, F32]:
        """The run's key, the point, the digest of its vectors, and these."""
        key = query.needed("run")
        point = self.point_of(key, Kind.EMBEDDING, query.needed("tag"), _place(query, "place"))
        assert isinstance(point, EmbeddingPoint)
        digest: str = self.media.describe(key, point.blob)["digest"]
        return key, point, digest, self.vectors.of(point, digest, lambda: self.store.blob(key, point.blob))

    def embedding(self, request: Request) -> Response:
        query = Query(request, (*_OF, *_REDUCED, "axes", "limit"))
        form = query.form((JSON, CSV, COLUMNS, NPY))
        key, point, digest, vectors = self._embedding(query)
        if form == NPY:
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "<f4", "fortran_order": False, "shape": vectors.shape})
            return _file(head.getvalue() + np.ascontiguousarray(vectors).tobytes(), point.tag, point.step)
        limit = query.whole("limit", LISTED if form == JSON else MOST_VECTORS, low=1, high=MOST_VECTORS)
        method = query.one_of("method", ("pca", *METHODS), "pca")
        told: dict[str, Any] = {"step": point.step, "rows": point.rows, "dimensions": point.dimensions, "method": method}
        if method == "pca":
            made = self._projected(digest, vectors)
            axes = _wholes(query, "axes", "0,1,2")
            if not 1 <= len(axes) <= 3 or max(axes) >= COMPONENTS:
                raise Refused(400, f"axes: want one to three of 0 to {COMPONENTS - 1}, got {axes}", "correct it and ask again")
            coordinates = made.coordinates[:, axes]
            variance = {"exact": made.exact, "axes": axes, "variance": made.variance[axes], "variances": made.variance}
            told |= {"left_out": made.left_out, **variance}
        else:
            wanted = _wanted(query, digest)
            found = self.reductions.coordinates(wanted)
            if found is None:
                state = self.reductions.status(wanted)["state"]
                raise Refused(
                    409, f"{NAMES[method]} of these vectors is not computed; its state is {state!r}", "POST /api/reduction begins it"
                )
            coordinates = found
            told |= {"left_out": int(np.isnan(found[:, 0]).sum()), "dimensions_shown": wanted.coordinates}
        coordinates = coordinates[:limit]
        known = self._known(key, point, len(coordinates))
        told["told"] = len(coordinates)
        if form == CSV:
            return _csv(coordinates, known)
        sprite = content_of(point.sprite, lambda blob: self.media.describe(key, blob)) if point.sprite is not None else None
        told |= {"sprite": sprite, "sprite_size": point.sprite_size, "methods": methods_json()}
        if form == COLUMNS:
            return _columns(told, coordinates, known)
        places = {axis: wire.json_list(coordinates[:, place]) for place, axis in enumerate("xyz"[: coordinates.shape[1]])}
        metadata = [{"name": one.name, "values": [_plain(value) for value in one.told()]} for one in known]
        return json_reply({**told, **places, "metadata": metadata})

    def _projected(self, digest: str, vectors: F32) -> Projection:
        with self._lock:
            made = self._projections.get(digest)
        if made is None:
            made = projected(vectors, COMPONENTS)
            with self._lock:
                while len(self._projections) >= KEPT_PROJECTIONS:
                    self._projections.pop(next(iter(self._projections)))
                self._projections[digest] = made
        return made

    def _known(self, key: str, point: EmbeddingPoint, rows: int) -> list[Column]:
        if point.metadata is None:
            return []
        digest = self.media.describe(key, point.metadata)["digest"]
        return columns_of(self.tables.table(digest, self.store.blob(key, point.metadata)), rows)

    def neighbours(self, request: Request) -> Response:
        query = Query(request, (*_OF, "row", "count", "metric"))
        form = query.form((JSON, CSV))
        metric, count = query.one_of("metric", METRICS, "cosine"), query.whole("count", 10, low=1, high=MOST_NEIGHBOURS)
        _, point, _, vectors = self._embedding(query)
        query.needed("row")
        row = query.whole("row", 0, low=0, high=point.rows - 1)
        rows, distance = neighbours(vectors, row, count, metric)
        if form == CSV:
            listed = [{"row": int(one), "distance": float(far)} for one, far in zip(rows, distance, strict=True)]
            return _text(wire.table_csv(listed, ("row", "distance")))
        finite = bool(np.isfinite(vectors[row]).all())
        return json_reply({"step": point.step, "row": row, "metric": metric, "finite": finite, "rows": rows, "distance": distance})

    def reduction(self, request: Request) -> Response:
        query = Query(request, (*_OF, *_REDUCED))
        _, point, digest, _ = self._embedding(query)
        wanted = _wanted(query, digest)
        return json_reply({"rows": point.rows, **self.reductions.status(wanted), "methods": methods_json()})

    def reduce(self, request: Request) -> Response:
        query = Query(request, (*_OF, *_REDUCED, "stop"))
        _, point, digest, vectors = self._embedding(query)
        wanted = _wanted(query, digest)
        state = self.reductions.stop(wanted) if query.yes("stop", False) else self.reductions.start(wanted, vectors)
        return json_reply({"rows": point.rows, **state, "methods": methods_json()})

    # --------------------------------------------------------------------------------------------------- tensors

    def _tensor_point(self, run: str, tag: str, place: int | None) -> TensorPoint:
        point = self.point_of(run, Kind.TENSOR, tag, place)
        assert isinstance(point, TensorPoint)
        return point

    def tensor(self, request: Request) -> Response:
        query = Query(request, (*_OF, "index", "axes", "window", "against", "against_place"))
        form = query.form((JSON, CSV, NPY))
        key, tag = query.needed("run"), query.needed("tag")
        point = self._tensor_point(key, tag, _place(query, "place"))
        data = self.store.blob(key, point.blob)
        if form == NPY:
            return _file(b"".join(npy_of(point, data)), point.tag, point.step)
        cut = Cut(*(_wholes(query, name) for name in ("index", "axes", "window")))
        less, against = None, query.text("against")
        if against is not None:
            other = self._tensor_point(against, tag, _place(query, "against_place"))
            less = array_of(other, self.store.blob(against, other.blob))
        if form == JSON:
            return json_reply({"step": point.step, **tensor_json(point, data, (), cut=cut, less=less)})
        array = array_of(point, data)
        array = array if less is None else difference(array, less)
        slice_ = sliced(array, cut)[0] if is_numeric(array) else array.reshape(-1, 1)
        if slice_.size > MOST_CELLS:
            raise Refused(413, f"a slice of {slice_.size} values, want at most {MOST_CELLS}", "ask for a window of it, or for format=npy")
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows(slice_.tolist())
        return _text(out.getvalue().encode())


def _place(query: Query, name: str) -> int | None:
    return None if query.text(name) is None else query.whole(name, 0, low=0, high=10**9)


def _wanted(query: Query, digest: str) -> Wanted:
    method = query.one_of("method", tuple(METHODS), "tsne")
    coordinates = query.whole("dimensions", 2, low=2, high=3)
    setting = query.whole("setting", DEFAULTS[method], low=2, high=500)
    return Wanted(digest, method, coordinates, float(setting), query.whole("most", MOST_ROWS, low=100, high=MOST_VECTORS))


def _wholes(query: Query, name: str, default: str = "") -> list[int]:
    """Whole numbers joined by commas."""
    text = query.text(name)
    text = default if text is None else text
    if not _WHOLES.fullmatch(text):
        raise Refused(400, f"{name}: want whole numbers joined by commas, got {text!r:.40}", "correct it and ask again")
    return [int(part) for part in text.split(",") if part]


def _columns(head: dict[str, Any], coordinates: F64, known: list[Column]) -> Response:
    entries: list[tuple[dict[str, Any], list[F64]]] = [
        ({"name": axis, "n": len(coordinates), "axis": True}, [coordinates[:, place]])
        for place, axis in enumerate("xyz"[: coordinates.shape[1]])
    ]
    entries += [({"name": one.name, "n": len(one.values), "words": one.words}, [one.values]) for one in known]
    body = wire.pack(head, "columns", entries)
    return Response(body, media_type=wire.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def _csv(coordinates: F64, known: list[Column]) -> Response:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["row", *"xyz"[: coordinates.shape[1]], *(one.name for one in known)])
    rows.writerows(zip(range(len(coordinates)), *coordinates.T.tolist(), *(one.told() for one in known), strict=True))
    return _text(out.getvalue().encode())


def _plain(value: Any) -> Any:
    return number(value) if isinstance(value, float) else value


def _text(body: bytes) -> Response:
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})


def _file(body: bytes, tag: str, step: int) -> Response:
    """`body` as a .npy file to be saved."""
    name = re.sub(r"[^\w.-]+", "-", tag, flags=re.ASCII).strip("-.")[:120] or "tensor"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-step-{step}.npy"',
        "Content-Security-Policy": SOURCE_POLICY,
        "Cache-Control": "no-store",
    }
    return Response(body, media_type="application/octet-stream", headers=headers)
