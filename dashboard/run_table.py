"""The routes of the Runs page: the table of runs, which columns it can have, and whether a query holds.

    GET /api/runs/table     the columns asked for, of every run, of those that a query means, or of those that changed
    GET /api/runs/columns   which columns there are
    GET /api/runs/match     which runs a query means, or where it does not parse

On the wire the table is the columns format of `columns`: a head, then each column's float64 values right behind one another. `texts`
in a column's head make its values places in that list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ..store.errors import BadQuery
from ..store.kinds import RunInfo
from ..store.runquery import matcher
from ..store.store import Store
from . import columns
from .events import Newsroom
from .query import COLUMNS, CSV, JSON, Query
from .replies import json_reply, to_json
from .run_columns import MISSING, Cells, Column, Rows, described, ids_of

MOST_DESCRIBED: Final = 8
"""Queries of which the description is kept while nothing changes."""
COLUMN_FIELDS: Final = ("id", "group", "name", "statistic", "unit", "filled", "distinct", "numeric", "equal")


class RunTable:
    """The table over one store."""

    def __init__(self, store: Store, newsroom: Newsroom) -> None:
        self.store = store
        self.newsroom = newsroom
        self.rows = Rows(store.metrics)
        self._described: dict[tuple[int, str], tuple[int, list[dict[str, Any]]]] = {}

    def routes(self) -> list[BaseRoute]:
        """To be mounted below ``/api``."""
        return [
            Route("/runs/table", self.table, methods=["GET"]),
            Route("/runs/columns", self.columns, methods=["GET"]),
            Route("/runs/match", self.match, methods=["GET"]),
        ]

    def _chosen(self, text: str) -> list[RunInfo]:
        """The runs that the query `text` means. Raises BadQuery."""
        every = self.store.runs()
        if not text.strip():
            return every
        holds = matcher(text)
        return [run for run in every if holds(run, lambda key=run.key: self.store.metrics(key))]  # type: ignore[misc]

    def columns(self, request: Request) -> Response:
        query = Query(request, ("query",))
        form = query.form((JSON, CSV))
        version = self.newsroom.versions.now()
        text = query.text("query") or ""
        kept = self._described.get((version, text))
        if kept is None:
            runs = self._chosen(text)
            units = {tag: one.unit for run in runs for tag, one in self.store.metrics(run.key).items() if one.unit}
            kept = (len(runs), described([self.rows.of(run) for run in runs], units))
            fresh = {key: value for key, value in self._described.items() if key[0] == version}
            self._described = {**fresh, (version, text): kept} if len(fresh) < MOST_DESCRIBED else {(version, text): kept}
        count, told = kept
        if form == CSV:
            return _csv(columns.table_csv(told, COLUMN_FIELDS))
        return json_reply({"version": version, "runs": count, "columns": told})

    def match(self, request: Request) -> Response:
        query = Query(request, ("query",))
        query.form((JSON,))
        version = self.newsroom.versions.now()
        text = query.text("query") or ""
        try:
            found = self._chosen(text)
        except BadQuery as error:
            return json_reply({"version": version, "runs": [], "wrong": {"at": error.at, "what": error.what}})
        return json_reply({"version": version, "runs": [run.key for run in found], "wrong": None})

    def table(self, request: Request) -> Response:
        query = Query(request, ("column", "query", "since"))
        form = query.form((COLUMNS, JSON, CSV))
        version = self.newsroom.versions.now()
        since = query.since()
        complete, removed = True, frozenset[str]()
        runs = self._chosen(query.text("query") or "")
        if since is not None:
            changes = self.newsroom.versions.changes_since(since)
            complete, removed = changes.complete, changes.removed
            if complete:
                changed = changes.runs | {key.run for key in changes.series}
                runs = [run for run in runs if run.key in changed]
        elif not query.text("query"):
            self.rows.forget({run.key for run in runs})
        rows = [self.rows.of(run) for run in runs]
        there = ids_of(rows)
        wanted = query.many("column") or there
        made = [Column.of(name, [cells.get(name, MISSING) for cells in rows]) for name in dict.fromkeys(wanted)]
        head = {"version": version, "complete": complete, "removed": sorted(removed), "runs": [run.key for run in runs]}
        if form == CSV:
            return _csv(columns.table_csv(_listed(runs, made), ["key", *(one.id for one in made)]))
        if form == JSON:
            return json_reply({**head, "there": there, "columns": [{"id": one.id, "values": one.cells()} for one in made]})
        return Response(encoded({**head, "there": there}, made), media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


def encoded(head: Mapping[str, Any], made: Sequence[Column]) -> bytes:
    """The binary body: `head` with its `columns` `{id, at, texts?, nan?}`, then the values of each."""
    told: list[dict[str, Any]] = []
    at = 0
    for one in made:
        entry: dict[str, Any] = {"id": one.id, "at": at}
        if one.texts is not None:
            entry["texts"] = one.texts
        if one.nan:
            entry["nan"] = one.nan
        told.append(entry)
        at += len(one.values)
    text = to_json({**head, "columns": told})
    text += b" " * (-len(text) % 8)
    values = np.concatenate([one.values for one in made]).astype("<f8", copy=False).tobytes() if made else b""
    return columns.LENGTHS.pack(len(text), 0) + text + values


def _listed(runs: Sequence[RunInfo], made: Sequence[Column]) -> list[Cells]:
    """One mapping a run, for CSV: every cell as it reads back."""
    lists = {one.id: one.cells() for one in made}
    return [{"key": run.key, **{name: cells[place] for name, cells in lists.items()}} for place, run in enumerate(runs)]


def _csv(body: bytes) -> Response:
    return Response(body, media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})
