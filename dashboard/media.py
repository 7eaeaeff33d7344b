"""Bytes that came out of a run, for an ``<img>`` or a player: by digest, so that a URL never changes its meaning.

The type is looked up in a fixed list by the extension that the record names, never guessed from the bytes. The reply carries
`safety.SOURCE_POLICY`: opened by its own URL, an SVG or an HTML page is inert.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from starlette.responses import Response

from ..store.kinds import Kind
from ..store.records import InFile
from ..store.store import Store
from .replies import Refused
from .safety import SOURCE_POLICY

TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "svg": "image/svg+xml",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
"""Extension -> type. Every other extension is sent as bytes to be saved."""

MEDIA_KINDS: Final = tuple(kind for kind in Kind if kind not in (Kind.SCALAR, Kind.CONFIG, Kind.EVENT))
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Media:
    """Finds a run's blobs by digest. What was found once is remembered; a blob never changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._found: dict[tuple[str, str], InFile] = {}

    def find(self, run: str, digest: str) -> InFile:
        """The blob of `run` whose SHA-256 is `digest`. Raises Refused when no record of the run names it."""
        if (run, digest) not in self._found:
            if len(self._found) > 100_000:
                self._found.clear()
            for kind in MEDIA_KINDS:
                for placed in self.store.records(run, kind):
                    self._found.update(((run, blob.sha256), blob) for blob in blobs_in(placed.record))
        blob = self._found.get((run, digest))
        if blob is None:
            raise Refused(404, f"no record of run {run!r} names a blob {digest!r}", "reload the page: the run may have been deleted")
        return blob

    def reply(self, run: str, digest: str, *, wanted: str) -> Response:
        """The bytes, or the range of them that the Range header `wanted` names."""
        blob = self.find(run, digest)
        data = self.store.blob(run, blob)
        headers = {
            "Content-Security-Policy": SOURCE_POLICY,
            "Cache-Control": "private, max-age=31536000, immutable",
            "ETag": f'"{digest}"',
            "Accept-Ranges": "bytes",
        }
        media_type = TYPES.get(blob.extension, "application/octet-stream")
        if blob.extension not in TYPES:
            headers["Content-Disposition"] = "attachment"
        span = _span(wanted, len(data))
        if span is None:
            return Response(data, media_type=media_type, headers=headers)
        first, end = span
        if first >= len(data):
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
        return Response(data[first:end], status_code=206, media_type=media_type, headers=headers)


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """(first, end) of a Range header with one span; None when there is none, or one that is to be ignored."""
    match = _RANGE.fullmatch(wanted.strip())
    if match is None or match.group(0) == "bytes=-":
        return None
    low, high = match.groups()
    if not low:
        return max(size - int(high), 0), size
    return int(low), min(int(high) + 1, size) if high else size


def blobs_in(value: Any) -> Iterator[InFile]:
    """Every blob in a file that `value`, a record or a part of one, names."""
    if isinstance(value, InFile):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from blobs_in(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from blobs_in(item)
