"""Files of other formats, made on the board's machine and downloaded: ``/api/export/NAME?run=K...&tags=REGEX``.

The formats come from outside: an `Exporter` is handed to `create_app`.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from ..store.store import Store
from .query import Query
from .replies import Refused
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

    def write(self, store: Store, output: Path, *, runs: Sequence[str], tags: str | None) -> None:
        """Write the runs with these keys (all when empty), and of them the tags that the regular expression matches."""
        ...


def download_routes(store: Store, exporters: Iterable[Exporter]) -> list[BaseRoute]:
    """One route for each exporter, below ``/api``."""
    return [Route(f"/export/{exporter.name}", _download(store, exporter), methods=["GET"]) for exporter in exporters]


def _download(store: Store, exporter: Exporter):  # type: ignore[no-untyped-def]  # Starlette takes any function of a request
    def download(request: Request) -> Response:
        query = Query(request, ("run", "tags"))
        tags = query.text("tags")
        try:
            re.compile(tags or "")
        except re.error as error:
            raise Refused(400, f"tags: {tags!r:.80} is no regular expression: {error}", "correct it and ask again") from None
        for run in query.many("run"):
            store.run(run)
        descriptor, path = tempfile.mkstemp(prefix="crossboard-", suffix=f".{exporter.name}")
        os.close(descriptor)
        try:
            exporter.write(store, Path(path), runs=query.many("run"), tags=tags)
        except BaseException:
            os.unlink(path)
            raise
        return FileResponse(
            path,
            filename=exporter.file_name,
            media_type="application/octet-stream",
            headers={"Content-Security-Policy": SOURCE_POLICY, "Cache-Control": "no-store"},
            background=BackgroundTask(os.unlink, path),
        )

    return download
