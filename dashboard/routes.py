"""The data routes: everything the pages show, for the pages and for other programs. ``docs/data-routes.md`` is the contract.

Routes are plain functions from a request to a reply, run in worker threads; what they answer is made by `curves` and written by
`columns`. All of them stand behind `safety.Safety`. Under ``/api`` nothing but these exists: other paths are 404 JSON.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ..store.errors import BadQuery, CrossboardError, Damaged, NotFound
from ..store.kinds import POINT_KINDS, Kind, SeriesInfo
from ..store.store import Store
from . import columns
from .aliases import JOINS, AliasBook
from .curves import OVERVIEW_BUCKETS, chosen, older_attempts, overviews, overviews_since, windows
from .deletions import Deletions
from .edits import Editor, wanted_of
from .events import Newsroom, progress_json
from .group_routes import GroupRoutes
from .listing import Listing
from .marks import MarkRoutes
from .media import Media
from .pane_routes import PaneRoutes
from .query import COLUMNS, CSV, JSON, Query
from .range_routes import RangeRoutes
from .replies import Refused, json_reply, number, to_json
from .run_routes import RunRoutes
from .run_table import RunTable
from .safety import Door
from .saved_views import SavedViews, sources_of

MAX_BODY: Final = 1 << 20
RUN_COLUMNS: Final = [
    "key",
    "project",
    "id",
    "name",
    "source",
    "path",
    "status",
    "started",
    "updated",
    "ended",
    "group",
    "tags",
    "notes",
    "hidden",
    "archived",
    "framework",
    "host",
    "attempts",
    "ranks",
    "dropped",
    "error",
    "config",
    "summary",
    "panes",
]
SERIES_COLUMNS: Final = [
    "run",
    "tag",
    "rank",
    "kind",
    "count",
    "first_step",
    "last_step",
    "min",
    "max",
    "last",
    "nan",
    "pos_inf",
    "neg_inf",
    "attempts",
]
CURVE_FORMS: Final = (COLUMNS, JSON, CSV)

log: Final = logging.getLogger("crossboard.dashboard")


class DataRoutes:
    """The routes over one store. `door` is None on a board that asks for no key; `pane_events`: a receiver brings ``/api/pane-event``."""

    def __init__(
        self,
        store: Store,
        newsroom: Newsroom,
        *,
        door: Door | None,
        crossboard: str,
        pane_events: bool = False,
        aliases: AliasBook | None = None,
        views: SavedViews | None = None,
        exports: Sequence[str] = (),
    ) -> None:
        self.store = store
        self.saved = views or SavedViews()
        self.exports = list(exports)
        self.book = aliases or AliasBook(None)
        self.newsroom = newsroom
        self.door = door
        self.crossboard = crossboard
        self.editor = Editor(store)
        self.media = Media(store)
        self.of_run = RunRoutes(store, newsroom, self.media)
        self.of_panes = PaneRoutes(store, newsroom, takes_events=pane_events)
        self.of_groups = GroupRoutes(store, newsroom)
        self.run_table = RunTable(store, newsroom)
        self.listing = Listing(store)
        self._tags: tuple[object, bytes | None] = (None, None)
        newsroom.prepare = self.listing.prepare
        self.deletions = Deletions(store)
        self.of_ranges = RangeRoutes(store, newsroom)
        self.of_marks = MarkRoutes(store, newsroom)

    def close(self) -> None:
        """End what still works for a page that may be gone."""
        self.of_run.of_vectors.reductions.close()

    def app(self, *, more: Sequence[BaseRoute] = ()) -> Starlette:
        """The ASGI app to be mounted at ``/api``; `more` are routes beside ours."""
        get: dict[str, Callable[[Request], Any]] = {
            "/board": self.board,
            "/runs": self.runs,
            "/series": self.series,
            "/tags": self.tags,
            "/kinds": self.kinds,
            "/curves": self.curves,
            "/window": self.window,
            "/attempts": self.attempts,
            "/events": self.events,
            "/aliases": self.aliases,
            "/views": self.views,
            "/blob/{run:path}/{digest}": self.blob,
        }
        routes: list[BaseRoute] = [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]
        routes.extend(
            [
                *self.of_run.routes(),
                *self.of_panes.routes(),
                *self.of_groups.routes(),
                *self.of_ranges.routes(),
                *self.of_marks.routes(),
                *self.run_table.routes(),
            ]
        )
        routes.append(Route("/trash", self.trash, methods=["GET"]))
        routes.append(Route("/delete", self.delete, methods=["POST"]))
        routes.append(Route("/restore", self.restore, methods=["POST"]))
        routes.append(Route("/edit", self.edit, methods=["POST"]))
        routes.append(Route("/aliases", self.save_aliases, methods=["POST"]))
        routes.append(Route("/views", self.save_view, methods=["POST"]))
        routes.append(Route("/open", self.open, methods=["POST"]))
        data = Starlette(
            routes=[*routes, *more],
            exception_handlers={
                Refused: _refused,
                NotFound: _not_found,
                BadQuery: _bad_query,
                HTTPException: no_such_path,
                Damaged: _damaged,
                CrossboardError: _failed,
                Exception: _failed,
            },
        )
        data.router.redirect_slashes = False  # what is no path is 404, and leads nowhere
        return data

    # ------------------------------------------------------------------------------------------- what there is

    def board(self, request: Request) -> Response:
        Query(request, ())
        version = self.newsroom.versions.now()
        runs = self.store.runs()
        sources = [dataclasses.asdict(source) for source in self.store.sources()]
        return json_reply(
            {
                "version": version,
                "board": self.newsroom.board,
                "crossboard": self.crossboard,
                "sources": sources,
                "progress": progress_json(self.store.progress()),
                "live": sum(run.status == "running" for run in runs),
                "runs": len(runs),
                "projects": sorted({run.project for run in runs}, key=natural),
                "exports": self.exports,
                "error": self.newsroom.failed,
            }
        )

    def runs(self, request: Request) -> Response:
        query = Query(request, ("since",))
        form = query.form((JSON, CSV))
        version = self.newsroom.versions.now()
        every = self.store.runs()
        since = query.since()
        complete, removed, wanted = True, frozenset[str](), None
        if since is not None:
            changes = self.newsroom.versions.changes_since(since)
            complete, removed = changes.complete, changes.removed
            wanted = changes.runs | {key.run for key in changes.series} if complete else None
        paired = self.book.pairs(every)
        if wanted is not None:  # a run that came may make a pair of one that was there
            leads = {paired[key].lead for key in wanted if key in paired}
            wanted |= {key for key, pair in paired.items() if pair.lead in leads}
        head = {"version": version, "complete": complete, "removed": sorted(removed)}
        if wanted is None and form == JSON:
            body = self.listing.body(head, every, paired)
            return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
        rows = [self.listing.row(run, place, paired.get(run.key)) for place, run in enumerate(every) if wanted is None or run.key in wanted]
        if form == CSV:
            return csv_reply(columns.table_csv(rows, RUN_COLUMNS))
        return json_reply({**head, "runs": rows})

    def series(self, request: Request) -> Response:
        query = Query(request, ("run", "tag", "kind"))
        form = query.form((JSON, CSV))
        version = self.newsroom.versions.now()
        rows = [series_json(one) for one in self._series(query)]
        if form == CSV:
            return csv_reply(columns.table_csv(rows, SERIES_COLUMNS))
        return self._versioned(request, version, lambda: to_json({"version": version, "series": rows}))

    def _series(self, query: Query) -> list[SeriesInfo]:
        run, name = query.text("run"), query.text("kind")
        if run is not None:
            self.store.run(run)
        kind = None
        if name is not None:
            try:
                kind = Kind(name)
            except ValueError:
                raise Refused(400, f"kind: got {name!r:.40}", f"want one of {', '.join(kind.value for kind in Kind)}") from None
        return self.store.series(run=run, tag=query.text("tag"), kind=kind)

    def kinds(self, request: Request) -> Response:
        Query(request, ())
        version = self.newsroom.versions.now()

        def told() -> bytes:
            rows = []
            for kind in POINT_KINDS:
                found = self.store.series(kind=kind)
                counts = {"runs": len({one.key.run for one in found}), "tags": len({one.key.tag for one in found})}
                rows.append({"kind": kind.value, **counts, "count": sum(one.count for one in found)})
            return to_json({"version": version, "kinds": rows})

        return self._versioned(request, version, told)

    def tags(self, request: Request) -> Response:
        query = Query(request, ("kind", "join"))
        form = query.form((JSON, CSV))
        join = query.text("join") or "off"
        if join not in JOINS:
            raise Refused(400, f"join: got {join!r:.40}", f"want one of {', '.join(JOINS)}")
        version = self.newsroom.versions.now()
        asked = (version, query.text("run"), query.text("tag"), query.text("kind"), join, form, self.book.digest)
        known, kept = self._tags
        if known == asked and kept is not None:  # of very many runs it takes seconds to make
            return self._versioned(request, version, lambda: kept, also=f"{join}-{self.book.digest}")
        found = self._series(query)
        runs: dict[tuple[str, str], set[str]] = {}
        counts: dict[tuple[str, str], int] = {}
        for one in found:
            tag = (one.key.tag, one.kind.value)
            runs.setdefault(tag, set()).add(one.key.run)
            counts[tag] = counts.get(tag, 0) + one.count
        rows = [
            {"tag": tag, "kind": kind, "runs": len(runs[tag, kind]), "count": counts[tag, kind]}
            for tag, kind in sorted(runs, key=lambda pair: (natural(pair[0]), pair[1]))
        ]
        if form == CSV:
            return csv_reply(columns.table_csv(rows, ("tag", "kind", "runs", "count")))
        if join == "off":
            return self._versioned(request, version, lambda: to_json({"version": version, "tags": rows}))
        scalars = [one for one in found if one.kind is Kind.SCALAR]
        joined, early = self.book.families(scalars, self.store.runs(), join=join)
        body = to_json({"version": version, "tags": rows, "families": [dataclasses.asdict(one) for one in joined], "early": early})
        self._tags = (asked, body)
        return self._versioned(request, version, lambda: body, also=f"{join}-{self.book.digest}")

    # ---------------------------------------------------------------------------------------------- the curves

    def curves(self, request: Request) -> Response:
        query = Query(request, ("tag", "run", "x", "buckets", "since", "smoothing"))
        form = query.form(CURVE_FORMS)
        x, buckets = query.x(), query.whole("buckets", OVERVIEW_BUCKETS, low=1, high=100_000)
        smoothing, since = query.smoothing(), query.since()
        version = self.newsroom.versions.now()  # before the curves are read: what comes meanwhile is told next time
        series = chosen(self.store, tags=_tags(query), runs=query.many("run"))
        complete, removed, delta = True, frozenset[str](), None
        if since is not None:
            changes = self.newsroom.versions.changes_since(since)
            complete, removed = changes.complete, changes.removed
            delta = changes.series if complete else None
        if since is None or delta is None:
            sent = overviews(self.store, series, x=x, buckets=buckets, smoothing=smoothing)
        else:
            local = self.newsroom.versions.local(since)
            sent = overviews_since(self.store, series, delta, x=x, buckets=buckets, smoothing=smoothing, since=local)
        head = {"version": version, "x": x, "complete": complete, "removed": sorted(removed)}
        return self._curves_reply(request, form, head, sent)

    def window(self, request: Request) -> Response:
        query = Query(request, ("tag", "run", "x", "low", "high", "points", "smoothing"))
        form = query.form(CURVE_FORMS)
        x, low, high = query.x(), query.real("low", -math.inf), query.real("high", math.inf)
        if low > high:
            raise Refused(400, f"low {low} is above high {high}", "swap them")
        points = query.whole("points", 2000, low=4, high=1_000_000)
        version = self.newsroom.versions.now()
        series = chosen(self.store, tags=_tags(query), runs=query.many("run"))
        sent = windows(self.store, series, x=x, low=low, high=high, max_points=points, smoothing=query.smoothing())
        head = {"version": version, "x": x, "complete": True, "low": number(low), "high": number(high)}
        return self._curves_reply(request, form, head, sent)

    def attempts(self, request: Request) -> Response:
        query = Query(request, ("tag", "run", "x", "buckets"))
        form = query.form(CURVE_FORMS)
        x, buckets = query.x(), query.whole("buckets", OVERVIEW_BUCKETS, low=1, high=100_000)
        version = self.newsroom.versions.now()
        series = chosen(self.store, tags=_tags(query), runs=query.many("run"))
        sent = older_attempts(self.store, series, x=x, buckets=buckets)
        return self._curves_reply(request, form, {"version": version, "x": x, "complete": True}, sent)

    def _curves_reply(self, request: Request, form: str, head: dict[str, Any], sent: list[columns.SentCurve]) -> Response:
        if form == CSV:
            return csv_reply(columns.as_csv(sent))
        if form == JSON:
            return self._versioned(request, head["version"], lambda: columns.as_json(head, sent))
        return self._versioned(request, head["version"], lambda: columns.encode(head, sent), media_type=columns.MEDIA_TYPE)

    def _versioned(
        self, request: Request, version: int, body: Callable[[], bytes], *, media_type: str = "application/json", also: str = ""
    ) -> Response:
        """A reply that depends on nothing but the URL, the format, the version and `also`: 304 when the asker has it."""
        tag = f'"{self.newsroom.board}-{version}-{media_type[-4:]}{also}"'
        headers = {"ETag": tag, "Cache-Control": "no-store", "Vary": "Accept"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body(), media_type=media_type, headers=headers)

    # -------------------------------------------------------------------------------------- streams and writing

    async def events(self, request: Request) -> Response:
        since = Query(request, ("since",)).since()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy must pass each message on
        if request.method == "HEAD":  # one that asks for no body would hold a stream open without end
            return Response(media_type="text/event-stream", headers=headers)
        return StreamingResponse(self.newsroom.stream(since), media_type="text/event-stream", headers=headers)

    def blob(self, request: Request) -> Response:
        table = Query(request, ("table",)).text("table") or ""
        run, digest = request.path_params["run"], request.path_params["digest"]
        return self.media.reply(run, digest, wanted=request.headers.get("range", ""), table=table)

    def aliases(self, request: Request) -> Response:
        Query(request, ())
        return json_reply(self.book.told(self.store.series(kind=Kind.SCALAR), self.store.runs()))

    async def save_aliases(self, request: Request) -> Response:
        body = await _json_body(request)
        await run_in_threadpool(self.book.save, body)
        return json_reply({"written": True})

    def views(self, request: Request) -> Response:
        Query(request, ())
        return json_reply(self.saved.told(sources_of(self.store)))

    async def save_view(self, request: Request) -> Response:
        body = await _json_body(request)
        return json_reply(await run_in_threadpool(self.saved.write, sources_of(self.store), body))

    async def edit(self, request: Request) -> Response:
        wanted = wanted_of(await _json_body(request))
        if wanted.many:
            written, refused = await run_in_threadpool(self.editor.write_all, wanted)
            self.newsroom.wake()
            return json_reply({"written": written, "refused": refused})
        run = await run_in_threadpool(self.store.run, wanted.runs[0])
        await run_in_threadpool(self.editor.write, run, wanted.of(run))
        self.newsroom.wake()
        return json_reply({"run": run.key, "written": True})

    def trash(self, request: Request) -> Response:
        Query(request, ())
        return json_reply({"deleted": self.deletions.listed()})

    async def delete(self, request: Request) -> Response:
        body = await _json_body(request)
        told = await run_in_threadpool(self.deletions.delete, body)
        self.newsroom.wake()
        return json_reply(told)

    async def restore(self, request: Request) -> Response:
        body = await _json_body(request)
        told = await run_in_threadpool(self.deletions.restore, body)
        self.newsroom.wake()
        return json_reply(told)

    async def open(self, request: Request) -> Response:
        """A fresh one-time token, for a second `crossboard` call on the same paths."""
        if self.door is None:
            return json_reply({"token": "", "board": self.newsroom.board})
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.door.is_secret(value.strip()):
            raise Refused(401, "a new link is given for the board's secret only", "send `Authorization: Bearer` with it")
        return json_reply({"token": self.door.mint(), "board": self.newsroom.board})


def _tags(query: Query) -> list[str]:
    tags = query.many("tag")
    if not tags:
        raise Refused(400, "no tag is named", "add tag=... to the query, once for each; /api/tags lists them")
    return tags


async def _json_body(request: Request) -> Any:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "the body is no JSON by its Content-Type", "send Content-Type: application/json")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Refused(413, f"the body is longer than {MAX_BODY} bytes", "send less")
    try:
        return orjson.loads(bytes(body))
    except ValueError as error:
        raise Refused(400, f"the body is no JSON: {error}", "correct it and send it again") from None


def series_json(one: SeriesInfo) -> dict[str, Any]:
    """`one` as the page gets it: flat, non-finite numbers by name."""
    return {
        "run": one.key.run,
        "tag": one.key.tag,
        "rank": one.key.rank,
        "kind": one.kind.value,
        "count": one.count,
        "first_step": one.first_step,
        "last_step": one.last_step,
        "min": number(one.min),
        "max": number(one.max),
        "last": number(one.last),
        "nan": one.nan,
        "pos_inf": one.pos_inf,
        "neg_inf": one.neg_inf,
        "attempts": list(one.attempts),
    }


def natural(text: str) -> list[tuple[int, int, str]]:
    """Sort key with numbers in numeric order: layer2 before layer10."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def csv_reply(body: bytes) -> Response:
    """A CSV reply that no cache keeps."""
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return error.reply()


async def _not_found(_: Request, error: Exception) -> Response:
    return json_reply({"error": str(error), "next": "/api/runs lists the runs there are"}, status=404)


async def _bad_query(_: Request, error: Exception) -> Response:
    return json_reply({"error": str(error), "next": "correct it and ask again"}, status=400)


async def _damaged(_: Request, error: Exception) -> Response:
    return json_reply({"error": str(error), "next": "the rest of the run can be read; `crossboard verify` checks every record"}, status=422)


async def no_such_path(request: Request, error: Exception) -> Response:
    """404 and 405 as JSON."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if error.status_code == 404:
        return json_reply({"error": f"no such path: {path}", "next": "docs/data-routes.md lists the data routes"}, status=404)
    if error.status_code == 405:
        content = {"error": f"{request.method} is not for {path}", "next": "docs/data-routes.md says which method is"}
        return json_reply(content, status=405, headers=dict(error.headers or {}))
    return json_reply({"error": str(error.detail), "next": "correct the request"}, status=error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    content = {"error": f"{type(error).__name__}: {error}", "next": "the terminal of the board shows more; please report it"}
    return json_reply(content, status=500)
