"""The data routes of logged tables and of the search in texts: windows of rows, sorted and filtered here, files of them, what changed
between two tables, and hits of words over all steps. ``docs/data-routes.md`` is the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from ..store.kinds import Kind
from ..store.records import TablePoint
from ..store.store import Store
from .media import Media
from .points import PointIndex
from .query import CSV, JSON, Query
from .replies import Refused, json_reply
from .safety import SOURCE_POLICY
from .table_diff import CHANGED, KINDS, SAME, DiffRow, Diffs, TableDiff
from .table_views import CHUNK, Chosen, Orders, csv_lines, json_lines
from .tables import MOST_ROWS, Tables, rows_json, taken_json
from .text_search import MOST_HITS, Cursor, search

HIT_COLUMNS: Final = ("run", "tag", "place", "rank", "attempt", "step", "text", "start", "count", "before", "found", "after")
LONGEST_WORDS: Final = 1000
Point = Callable[[Query, Kind], tuple[str, Any]]


class TableRoutes:
    """The routes over one store. point: what the parameters run, tag and place of a query mean, as `run_routes` reads them."""

    def __init__(self, store: Store, media: Media, index: PointIndex, tables: Tables, point: Point) -> None:
        self.store = store
        self.media = media
        self.index = index
        self.tables = tables
        self.point = point
        self.orders = Orders()
        self.diffs = Diffs()

    def routes(self) -> list[BaseRoute]:
        get = {"/table": self.table, "/table-diff": self.diff, "/texts": self.texts}
        return [Route(path, endpoint, methods=["GET"]) for path, endpoint in get.items()]

    def _describe(self, key: str, digest: str) -> Callable[[Any], dict[str, Any]]:
        def describe(blob: Any) -> dict[str, Any]:
            told = self.media.describe(key, blob)
            return {**told, "url": f"{told['url']}?table={digest}"}

        return describe

    def _table(self, key: str, point: Any) -> tuple[str, Any, dict[str, str]]:
        """Digest, rows and media columns of a table point."""
        assert isinstance(point, TablePoint)
        digest = self.media.describe(key, point.blob)["digest"]
        return digest, self.tables.table(digest, self.media.read(key, digest)), point.media

    # -------------------------------------------------------------------------------------------------- tables

    def table(self, request: Request) -> Response:
        query = Query(request, ("run", "digest", "tag", "place", "offset", "limit", "sort", "down", "words", "column", "filter", "all"))
        form = query.form((JSON, CSV))
        limit, offset = query.whole("limit", MOST_ROWS, low=0, high=MOST_ROWS), query.whole("offset", 0, low=0, high=10**12)
        whole = query.yes("all", False)
        media: Mapping[str, str] = {}
        digest = query.text("digest")
        key = query.needed("run")
        if digest is None:
            key, point = self.point(query, Kind.TABLE)
            digest, table, media = self._table(key, point)
        else:
            table = self.tables.table(digest, self.media.read(key, digest))
        order = self.orders.of(digest, table, _chosen(query), media)
        there = table.num_rows if order is None else len(order)
        describe = self._describe(key, digest)

        def window(start: int, count: int) -> dict[str, Any]:
            if order is None:
                told = rows_json(table, offset=start, limit=count, media=media, describe=describe)
                return {**told, "matching": there, "at": list(range(start, min(start + count, there)))}
            part = order[start : start + count].tolist()
            told = taken_json(table, part, media=media, describe=describe)
            return {**told, "offset": start, "total": table.num_rows, "matching": there, "at": part}

        if not whole and form == JSON:
            return json_reply({"digest": digest, **window(offset, limit)})
        end = there if whole else min(there, offset + limit)
        begin = 0 if whole else offset
        windows = (window(start, min(CHUNK, end - start))["rows"] for start in range(begin, end, CHUNK))
        if form == CSV:
            return _file(csv_lines(table.column_names, (_flat(rows) for rows in windows)), "table.csv", "text/csv; charset=utf-8")
        head = {"digest": digest, **{name: value for name, value in window(0, 0).items() if name not in ("rows", "at")}}
        return _file(json_lines(head, windows), "table.json", "application/json")

    def diff(self, request: Request) -> Response:
        names = ("run", "tag", "place", "to_run", "to_tag", "to_place", "key", "show", "offset", "limit")
        query = Query(request, names)
        form = query.form((JSON, CSV))
        limit, offset = query.whole("limit", MOST_ROWS, low=0, high=MOST_ROWS), query.whole("offset", 0, low=0, high=10**12)
        shown = [part for part in (query.text("show") or ",".join(KINDS[:3])).split(",") if part]
        if any(part not in KINDS for part in shown):
            raise Refused(400, f"show: want some of {', '.join(KINDS)}, got {','.join(shown)!r:.80}", "correct it and ask again")
        run, before = self.point(query, Kind.TABLE)
        to_run, after = self.point(_Renamed(query, run), Kind.TABLE)
        (old_digest, old, old_media), (new_digest, new, new_media) = self._table(run, before), self._table(to_run, after)
        media = {**old_media, **new_media}
        found = self.diffs.of((old_digest, new_digest), (old, new), query.text("key") or "", media)
        rows = [row for row in found.rows if row.kind in shown]
        sides = ((old, self._describe(run, old_digest)), (new, self._describe(to_run, new_digest)))
        head = {
            "key": found.key,
            "lost": found.lost,
            "gained": found.gained,
            "repeated": list(found.repeated),
            "counts": found.counts,
            "total": len(rows),
            "offset": offset,
            "columns": [
                {"name": name, "type": str(new.schema.field(new.column_names.index(name)).type), "media": media.get(name, "")}
                for name in found.shared
            ],
        }
        if form == JSON:
            return json_reply({**head, "rows": _diff_rows(found, rows[offset : offset + limit], sides, media)})
        windows = (_diff_csv(found, _diff_rows(found, rows[at : at + CHUNK], sides, media)) for at in range(0, len(rows), CHUNK))
        names_of = [text for name in found.shared for text in ((name,) if name == found.key else (name, f"{name} before"))]
        return _file(csv_lines(["change", *names_of], windows), "table-diff.csv", "text/csv; charset=utf-8")

    # --------------------------------------------------------------------------------------------------- texts

    def texts(self, request: Request) -> Response:
        query = Query(request, ("words", "run", "tag", "limit", "from_run", "from_tag", "from_place"))
        form = query.form((JSON, CSV))
        words = query.needed("words")
        if not words or len(words) > LONGEST_WORDS:
            raise Refused(400, f"words: want 1 to {LONGEST_WORDS} characters, got {len(words)}", "type something shorter to look for")
        limit = query.whole("limit", 50, low=1, high=MOST_HITS)
        tags = set(query.many("tag"))
        found = self.store.series(kind=Kind.TEXT)
        runs = list(dict.fromkeys(query.many("run"))) or list(dict.fromkeys(one.key.run for one in found))
        place_of = {run: place for place, run in enumerate(runs)}
        series = {(one.key.run, one.key.tag) for one in found if one.key.run in place_of and (not tags or one.key.tag in tags)}
        ordered = sorted(series, key=lambda one: (place_of[one[0]], one[1]))
        begin = None
        if query.text("from_run") is not None:
            begin = Cursor(query.needed("from_run"), query.needed("from_tag"), query.whole("from_place", 0, low=0, high=10**9))
        page = search(ordered, lambda run, tag: self.index.of(run, Kind.TEXT, tag).placed, words, limit=limit, begin=begin)
        if form == CSV:
            return _file(
                csv_lines(HIT_COLUMNS, iter([[[hit[name] for name in HIT_COLUMNS] for hit in page.hits]])),
                "hits.csv",
                "text/csv; charset=utf-8",
            )
        end = None if page.end is None else {"from_run": page.end.run, "from_tag": page.end.tag, "from_place": page.end.place}
        return json_reply({"words": words, "series": len(ordered), "read": page.read, "hits": page.hits, "next": end})


class _Renamed(Query):
    """The other side of a comparison: to_run, to_tag and to_place, which are by default those of the first."""

    def __init__(self, query: Query, run: str) -> None:
        self._query = query
        self._run = run

    def text(self, name: str) -> str | None:
        value = self._query.text(f"to_{name}")
        if value is None and name in ("run", "tag"):
            return self._run if name == "run" else self._query.text(name)
        return value


def _chosen(query: Query) -> Chosen:
    columns, filters = query.many("column"), query.many("filter")
    if len(columns) != len(filters):
        raise Refused(400, f"filter: want one for each column, got {len(filters)} for {len(columns)}", "give column= and filter= in pairs")
    pairs = sorted(pair for pair in zip(columns, filters, strict=True) if pair[1].strip())
    return Chosen(query.text("sort") or "", query.yes("down", False), query.text("words") or "", tuple(pairs))


def _flat(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows for CSV: of a picture or sound where it can be fetched."""
    return [[_address(cell) for cell in row] for row in rows]


def _address(cell: Any) -> Any:
    if isinstance(cell, dict) and isinstance(cell.get("blob"), dict):
        return cell["blob"].get("url", "")
    return cell


Side = tuple[Any, Callable[[Any], dict[str, Any]]]


def _diff_rows(found: TableDiff, rows: Sequence[DiffRow], sides: tuple[Side, Side], media: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows as JSON: the later cells, or those of a row that was removed; was: the earlier cell of each column that changed."""
    (old, describe_old), (new, describe_new) = sides
    old, new = old.select(_places(old, found.shared)), new.select(_places(new, found.shared))
    earlier = [row.before for row in rows if row.before is not None and row.kind != SAME]
    later = [row.after for row in rows if row.after is not None]
    before = dict(zip(earlier, taken_json(old, earlier, media=media, describe=describe_old)["rows"], strict=True))
    after = dict(zip(later, taken_json(new, later, media=media, describe=describe_new)["rows"], strict=True))
    told = []
    for row in rows:
        cells = after[row.after] if row.after is not None else before[row.before or 0]
        was = {place: before[row.before or 0][place] for place in row.changed} if row.kind == CHANGED else {}
        told.append({"change": row.kind, "before": row.before, "after": row.after, "cells": cells, "was": was})
    return told


def _places(table: Any, names: Sequence[str]) -> list[int]:
    return [table.column_names.index(name) for name in names]


def _diff_csv(found: TableDiff, rows: Sequence[dict[str, Any]]) -> list[list[Any]]:
    lines = []
    for row in rows:
        line: list[Any] = [row["change"]]
        for place, name in enumerate(found.shared):
            line.append(_address(row["cells"][place]))
            if name != found.key:
                line.append(_address(row["was"].get(place, "")))
        lines.append(line)
    return lines


def _file(parts: Iterator[bytes], name: str, media_type: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "Content-Security-Policy": SOURCE_POLICY,
    }
    return StreamingResponse(parts, media_type=media_type, headers=headers)
