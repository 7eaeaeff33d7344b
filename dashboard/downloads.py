"""Files of other formats, made on the board's machine and downloaded: ``/api/export/NAME?runs=QUERY&tags=REGEX``.

The formats come from outside: an `Exporter` is handed to `create_app`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from ..store.store import Store
from .query import Query
from .safety import SOURCE_POLICY


class Exporter(Protocol):
    """Writes runs as one file of another format."""

    @property
    def name(self) -> str:
        """As in the URL: "csv"."""
        ...

    @property
    def file_name(self) -> str:
        """What the downloaded file is called: "crossboard.csv"."""
        ...

    def write(self, store: Store, output: Path, *, runs: str, tags: str) -> None:
        """Write the runs that the query `runs` means, and of them the tags that the regular expression `tags` finds; empty
        means all. Raises BadQuery."""
        ...


def download_routes(store: Store, exporters: Iterable[Exporter]) -> list[BaseRoute]:
    """One route for each exporter, below ``/api``."""
    return [Route(f"/export/{exporter.name}", _download(store, exporter), methods=["GET"]) for exporter in exporters]


def _download(store: Store, exporter: Exporter) -> Callable[[Request], Response]:
    def download(request: Request) -> Response:
        query = Query(request, ("runs", "tags"))
        descriptor, path = tempfile.mkstemp(prefix="crossboard-", suffix=f".{exporter.name}")
        os.close(descriptor)
        try:
            exporter.write(store, Path(path), runs=query.text("runs") or "", tags=query.text("tags") or "")
        except BaseException:
            _remove(path)
            raise
        return FileResponse(
            path,
            filename=exporter.file_name,
            media_type="application/octet-stream",
            headers={"Content-Security-Policy": SOURCE_POLICY, "Cache-Control": "no-store"},
            background=BackgroundTask(_remove, path),
        )

    return download


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
