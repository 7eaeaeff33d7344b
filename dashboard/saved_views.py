"""Saved views: addresses of the board with a name, kept for its user, so that every browser of theirs lists them.

    <data>/views.jsonl          one JSON object a line: {"version": 1, "sources": [PATH, ...], "id", "wall_time", and what changes: "name",
                                "search", "deleted", "default"}

A view is the query part of an address, as ``assets/16-state.js`` writes it; the server keeps it as it came and does not look into it.
A view belongs to the set of paths that the board shows, so another root has views of its own. The file is one of `store.side_lines`: what
is true is the fold of its lines, the newest by wall time, per field. A deleted view stays in the file, and can come back. Sources are
never written to.

One view may be the default: it is opened where the address says nothing (`Opening`).
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..store.side_lines import SideLines
from ..store.store import Store
from .replies import Refused

VERSION: Final = 1
FILE: Final = "views.jsonl"
LONGEST_NAME: Final = 200
LONGEST_SEARCH: Final = 20_000
MOST: Final = 1000
"""Views of one set of paths that are listed; more are refused."""
FIELDS: Final = ("name", "search", "deleted", "default")


class ViewLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the file: what changes of view `id`. A field that is None stays as it was."""

    version: int
    sources: list[str]
    id: str
    wall_time: float
    name: str | None = None
    search: str | None = None
    deleted: bool | None = None
    default: bool | None = None


@dataclass(slots=True)
class _View:
    """A view as the lines so far make it. fields: name of the field -> wall time of its newest line, and value."""

    created: float
    fields: dict[str, tuple[float, Any]] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        return self.fields.get(name, (0.0, None))[1]


_decoder: Final = msgspec.json.Decoder(ViewLine)
_Sources = tuple[str, ...]


def sources_of(store: Store) -> _Sources:
    """The paths that the store shows, each once, in a fixed order: what its views belong to."""
    return tuple(sorted({source.path for source in store.sources()}))


class SavedViews:
    """The views of one file. May be called from any thread. path: the file; None: in the user's data directory."""

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._lines = SideLines(path, name=FILE)
        self._lock = threading.Lock()
        self._views: dict[_Sources, dict[str, _View]] = {}

    def told(self, sources: _Sources) -> dict[str, Any]:
        """The views of `sources`, the oldest first, and which is the default ("" for none), for the page."""
        with self._lock:
            self._read()
            views = self._listed(sources)
            return {
                "views": [
                    {
                        "id": name,
                        "name": view.get("name"),
                        "search": view.get("search"),
                        "created": view.created,
                        "changed": max(view.fields["name"][0], view.fields["search"][0]),
                    }
                    for name, view in sorted(views.items(), key=lambda item: (item[1].created, item[0]))
                ],
                "default": self._default(sources),
                "path": str(self._lines.path or ""),
            }

    def opened(self, sources: _Sources) -> str:
        """The query part of the default view, "" where there is none."""
        with self._lock:
            self._read()
            chosen = self._default(sources)
            return str(self._views[sources][chosen].get("search")) if chosen else ""

    def write(self, sources: _Sources, body: Any) -> dict[str, Any]:
        """Do what `body` asks for: without `id` keep a new view, ``{name, search}``; else change one, ``{id}`` with one or more of name,
        search, deleted, default. Returns `told` and the view's id. Raises Refused."""
        changes = _checked(body)
        with self._lock:
            self._read()
            mine = self._views.get(sources, {})
            identity = body.get("id")
            if identity is None:
                if len(self._listed(sources)) >= MOST:
                    raise Refused(409, f"there are {MOST} views of these sources already", "delete some first")
                identity = secrets.token_hex(6)
            elif identity not in mine:
                raise Refused(404, f"no view {identity!r:.40} of these sources", "GET /api/views lists them")
            line = ViewLine(VERSION, list(sources), identity, time.time(), **changes)
            try:
                self._lines.append(msgspec.json.encode(line))
            except OSError as error:
                raise Refused(
                    507 if error.errno == errno.ENOSPC else 403,
                    f"the view could not be kept: {error.strerror} ({error.filename})",
                    "make that file writable, or set CROSSBOARD_DATA to a directory that is, and start the board again",
                ) from error
        return {"id": identity, **self.told(sources)}

    def _listed(self, sources: _Sources) -> dict[str, _View]:
        """Views that can be shown: whole, and not deleted."""
        return {
            name: view
            for name, view in self._views.get(sources, {}).items()
            if not view.get("deleted") and view.get("name") and view.get("search") is not None
        }

    def _default(self, sources: _Sources) -> str:
        """The listed view that was made the default last."""
        chosen = [(view.fields["default"][0], name) for name, view in self._listed(sources).items() if view.get("default")]
        return max(chosen)[1] if chosen else ""

    def _read(self) -> None:
        anew, lines = self._lines.fresh()
        if anew:
            self._views = {}
        for text in lines:
            try:
                line = _decoder.decode(text)
            except msgspec.MsgspecError:
                continue  # cut, or not ours
            if line.version > VERSION:
                continue
            views = self._views.setdefault(tuple(sorted(set(line.sources))), {})
            view = views.setdefault(line.id, _View(line.wall_time))
            view.created = min(view.created, line.wall_time)
            for name in FIELDS:
                value = getattr(line, name)
                if value is not None and line.wall_time >= view.fields.get(name, (float("-inf"),))[0]:
                    view.fields[name] = (line.wall_time, value)


def _checked(body: Any) -> dict[str, Any]:
    """The fields that `body` changes. Raises Refused on any other shape."""
    if not isinstance(body, dict) or not isinstance(body.get("id", ""), str):
        raise Refused(400, "views: want a JSON object, with the id of a view as text", 'send {"name": "...", "search": "?..."}')
    changes = {name: value for name, value in body.items() if name != "id"}
    unknown = sorted(map(str, set(changes) - set(FIELDS)))
    if unknown or not changes:
        got = f"unknown fields {', '.join(unknown)}" if unknown else "no field to change"
        raise Refused(400, f"views: {got}", f"name one or more of {', '.join(FIELDS)}")
    if "id" not in body and not {"name", "search"} <= set(changes):
        raise Refused(400, "views: a new view wants a name and a search", 'send {"name": "...", "search": "?..."}')
    for name, value in changes.items():
        fits = {"name": _is_name, "search": _is_search}.get(name, _is_flag)
        if not fits(value):
            raise Refused(
                400, f"views: {name}: want {_WANTED.get(name, 'true or false')}, got {value!r:.80}", "correct it and send it again"
            )
    return changes


_WANTED: Final = {
    "name": f"a text of 1 to {LONGEST_NAME} printable characters",
    "search": f"the query part of an address: nothing, or ? and printable ASCII without spaces and #, up to {LONGEST_SEARCH} characters",
}
_SEARCH: Final = re.compile(r'(\?[!"$-~]*)?', re.ASCII)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable() and bool(value.strip())


def _is_search(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_SEARCH and _SEARCH.fullmatch(value) is not None


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


class Opening:
    """ASGI layer: an address that says nothing leads to the default view, if there is one. base: the board's base path.

    opened: gives the query part of the default view, "" for none; it may wait for a disk."""

    def __init__(self, app: ASGIApp, *, base: str, opened: Callable[[], str]) -> None:
        self.app = app
        self.base = base
        self.opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == f"{self.base}/" and not scope["query_string"]:
            search = await run_in_threadpool(self.opened)
            if len(search) > 1:
                await RedirectResponse(f"{self.base}/{search}", status_code=303)(scope, receive, send)
                return
        await self.app(scope, receive, send)
