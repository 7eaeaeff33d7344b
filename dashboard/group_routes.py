"""``/api/groups`` and ``/api/groupings``: groups of runs, as bands and as lists.

Bands are computed in a worker thread; while they are, the route listens whether the asker is still there, and ends the work when
it is not.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.store import Store
from . import columns
from .events import Newsroom
from .groups import COLUMNS, Cancelled, Groups, SentGroup, Wanted, among
from .query import COLUMNS as BINARY
from .query import CSV, JSON, Query
from .replies import Refused, json_reply, number, to_json

if TYPE_CHECKING:
    from ..store.statistics.grouping import Grouping

LISTEN_S: Final = 0.1
FORMS: Final = (BINARY, JSON, CSV)
GONE: Final = 499
"""Status of an answer that nobody reads: what nginx writes into its log for a closed request."""
_CHOSEN: Final = ("by", "run", "only", "without")


class GroupRoutes:
    """The two routes over one store."""

    def __init__(self, store: Store, newsroom: Newsroom) -> None:
        self.store = store
        self.newsroom = newsroom
        self.made = Groups(store)

    def routes(self) -> list[BaseRoute]:
        return [Route("/groups", self.groups, methods=["GET"]), Route("/groupings", self.groupings, methods=["GET"])]

    async def groups(self, request: Request) -> Response:
        cancelled = threading.Event()
        work = asyncio.ensure_future(run_in_threadpool(self.answer, request, cancelled))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=LISTEN_S)
                if not work.done() and await request.is_disconnected():
                    cancelled.set()
        finally:
            cancelled.set()
        with contextlib.suppress(Cancelled):
            return await work
        return Response(status_code=GONE)

    def answer(self, request: Request, cancelled: threading.Event) -> Response:
        """The bands that `request` asks for. Raises `groups.Cancelled` when `cancelled` is set meanwhile."""
        known = ("tag", "statistic", "band", "level", "x", "buckets", "interpolate", "at", "low", "high", "members", *_CHOSEN)
        query = Query(request, known)
        form = query.form(FORMS)
        tags = query.many("tag")
        if not tags:
            raise Refused(400, "no tag is named", "add tag=... to the query, once for each; /api/tags lists them")
        query.needed("by")
        version = self.newsroom.versions.now()
        wanted, members = wanted_of(query), query.yes("members", True)
        grouping = self._grouping(query)

        def check() -> None:
            if cancelled.is_set():
                raise Cancelled

        found = self.made.bands(tags, grouping, wanted, check=check)
        if form == CSV:
            return Response(as_csv(found), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
        head = {"version": version, **_head(wanted), "by": grouping.by, "columns": list(COLUMNS), "alone": list(grouping.alone)}
        headers = {"Cache-Control": "no-store", "Vary": "Accept"}
        if form == JSON:
            listed = [{**sent.describe(members=members), "columns": _lists(sent)} for sent in found]
            return Response(to_json({**head, "groups": listed}), media_type="application/json", headers=headers)
        body = columns.pack(head, "groups", [(sent.describe(members=members), sent.columns) for sent in found])
        return Response(body, media_type=columns.MEDIA_TYPE, headers=headers)

    def groupings(self, request: Request) -> Response:
        """The ways to group that there are, and, with `by`, the groups themselves."""
        from ..store.statistics.grouping import choices

        query = Query(request, _CHOSEN)
        query.form((JSON,))
        version = self.newsroom.versions.now()
        reply: dict[str, Any] = {"version": version, "choices": choices(self._runs(query)), "by": "", "groups": [], "alone": []}
        if query.text("by") is not None:
            grouping = self._grouping(query)
            reply.update(by=grouping.by, groups=list(grouping.groups), alone=list(grouping.alone))
        return json_reply(reply)

    def _runs(self, query: Query) -> Sequence[Any]:
        keys = query.many("run")
        for key in keys:
            self.store.run(key)
        only, without = (frozenset((query.text(name) or "").split(".")) - {""} for name in ("only", "without"))
        try:
            return among(self.store.runs(), keys=keys, only=only, without=without)
        except ValueError as error:
            raise Refused(400, str(error), "ask with run=KEY") from None

    def _grouping(self, query: Query) -> Grouping:
        from ..store.statistics.grouping import group_runs

        by = query.needed("by")
        try:
            return group_runs(self._runs(query), by)
        except ValueError as error:
            raise Refused(400, str(error), "/api/groupings lists the ways there are") from None


def wanted_of(query: Query) -> Wanted:
    """What the parameters ask for. Raises Refused."""
    from ..store.statistics.intervals import checked

    x = query.x()
    if x.startswith("metric:"):
        raise Refused(400, f"x: groups have no common {x!r:.80}: it need not grow", "ask over step, relative or wall")
    statistic = query.one_of("statistic", ("mean", "median", "iqm"), "mean")
    usual = "t" if statistic == "mean" else "bca"
    kind = query.one_of("band", ("t", "bca", "std", "minmax", "iqr", "none"), usual)
    level = query.real("level", 0.95)
    low, high = query.real("low", -float("inf")), query.real("high", float("inf"))
    if low > high:
        raise Refused(400, f"low {low} is above high {high}", "swap them")
    try:
        if kind != "none":
            checked(kind, statistic, level)  # type: ignore[arg-type]  # `one_of` returns one of those offered
    except ValueError as error:
        raise Refused(400, str(error), "correct it and ask again") from None
    return Wanted(
        x=x,
        statistic=statistic,  # type: ignore[arg-type]  # as above
        interval=None if kind == "none" else kind,  # type: ignore[arg-type]  # as above
        level=level,
        interpolate=query.yes("interpolate", x != "step"),
        at=query.one_of("at", ("union", "shared"), "union"),  # type: ignore[arg-type]  # as above
        buckets=query.whole("buckets", 400, low=1, high=100_000),
        low=low,
        high=high,
    )


def _head(wanted: Wanted) -> dict[str, Any]:
    from ..store.statistics.intervals import RESAMPLES, SEED

    drawn = {"resamples": RESAMPLES, "seed": SEED, "interval_at": "sent points"} if wanted.interval == "bca" else {}
    return {
        "x": wanted.x,
        "statistic": wanted.statistic,
        "band": wanted.interval or "none",
        "level": wanted.level,
        "interpolate": wanted.interpolate,
        "points": wanted.at,
        "low": number(wanted.low),
        "high": number(wanted.high),
        **drawn,
    }


def _lists(sent: SentGroup) -> dict[str, Any]:
    return dict(zip(COLUMNS, map(columns.json_list, sent.columns), strict=True))


def as_csv(found: Sequence[SentGroup]) -> bytes:
    """The CSV twin, long; floats so that they read back as they were."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("tag", "group", *COLUMNS))
    for sent in found:
        values = [column.tolist() for column in sent.columns[:4]]
        counts = [[int(value) for value in column.tolist()] for column in sent.columns[4:]]
        rows.writerows((sent.tag, sent.group.label, *row) for row in zip(*values, *counts, strict=True))
    return out.getvalue().encode()
