"""``/api/statistics``: what each curve did over a range of x, from every point and never from drawn ones; and ``/api/expression``: whether
an expression over tags is one.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.errors import BadQuery
from ..store.expression import tags_of
from ..store.kinds import SeriesInfo
from ..store.range_statistics import RangeStatistics, statistics_of
from ..store.store import Store
from .curves import chosen, whole_window
from .derived import MARK, node_of
from .events import Newsroom
from .query import CSV, JSON, Query
from .replies import Refused, json_reply, number

COLUMNS: Final = tuple(field.name for field in dataclasses.fields(RangeStatistics))


class RangeRoutes:
    """The route over one store."""

    def __init__(self, store: Store, newsroom: Newsroom) -> None:
        self.store = store
        self.newsroom = newsroom

    def routes(self) -> list[BaseRoute]:
        return [Route("/statistics", self.statistics, methods=["GET"]), Route("/expression", self.expression, methods=["GET"])]

    def expression(self, request: Request) -> Response:
        """The tags of an expression, or what is wrong with it: asked while it is being written, so a wrong one is an answer, too."""
        text = Query(request, ("text",)).needed("text")
        try:
            return json_reply({"tags": tags_of(node_of(MARK + text)), "error": ""})
        except BadQuery as error:
            return json_reply({"tags": [], "error": str(error)})

    def statistics(self, request: Request) -> Response:
        query = Query(request, ("tag", "run", "x", "low", "high"))
        form = query.form((JSON, CSV))
        x, low, high = query.x(), query.real("low", -math.inf), query.real("high", math.inf)
        if low > high:
            raise Refused(400, f"low {low} is above high {high}", "swap them")
        tags = query.many("tag")
        if not tags:
            raise Refused(400, "no tag is named", "add tag=... to the query, once for each; /api/tags lists them")
        version = self.newsroom.versions.now()
        rows = [self._row(one, x, low, high) for one in chosen(self.store, tags=tags, runs=query.many("run"))]
        if form == CSV:
            return Response(_csv(rows), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
        listed = [{name: number(value) if isinstance(value, float) else value for name, value in row.items()} for row in rows]
        return json_reply({"version": version, "x": x, "low": number(low), "high": number(high), "statistics": listed})

    def _row(self, series: SeriesInfo, x: str, low: float, high: float) -> dict[str, Any]:
        key = series.key
        curve = whole_window(self.store, key, x=x, low=low, high=high)
        found = statistics_of(curve.x, curve.y, low=low, high=high)
        return {"run": key.run, "tag": key.tag, "rank": key.rank, "unmatched": curve.unmatched, **dataclasses.asdict(found)}


def _csv(rows: list[dict[str, Any]]) -> bytes:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("run", "tag", "rank", *COLUMNS))
    table.writerows([row[name] for name in ("run", "tag", "rank", *COLUMNS)] for row in rows)
    return out.getvalue().encode()
