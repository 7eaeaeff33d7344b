"""Bytes that came out of a run, for an ``<img>`` or a player: by digest, so that a URL never changes its meaning.

The type is looked up in a fixed list, by the extension that the record names or, for bytes inside a record and for those of
another tool, by the media type that it names; it is never guessed from the bytes and never sent as the record has it. The reply
carries `safety.SOURCE_POLICY`: opened by its own URL, an SVG or an HTML page is inert.

The digest is the SHA-256 of the bytes. Bytes that lie in another tool's file are named by the SHA-256 of where they lie
instead, since knowing theirs would mean to read them all; such a reply is not kept by the browser.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from ..store.kinds import Kind
from ..store.records import Blob, Foreign, InFile, Inline
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
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
"""Extension -> type. Every other extension is sent as bytes to be saved."""

MEDIA_KINDS: Final = tuple(kind for kind in Kind if kind not in (Kind.SCALAR, Kind.HISTOGRAM, Kind.CONFIG))
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
_EXTENSION_OF: Final = {media_type.partition(";")[0]: extension for extension, media_type in TYPES.items()}
KEPT: Final = 20_000


def digest_of(blob: Blob) -> str:
    """The name of `blob` in URLs: 64 hexadecimal digits."""
    if isinstance(blob, InFile):
        return blob.sha256
    if isinstance(blob, Inline):
        return hashlib.sha256(blob.data).hexdigest()
    where = f"{blob.path}\0{blob.offset}\0{blob.length}\0{blob.encoding}"
    return hashlib.sha256(b"foreign\0" + where.encode("utf-8", "surrogateescape")).hexdigest()


def size_of(blob: Blob) -> int:
    """Bytes of `blob` where it lies; a compressed foreign one is larger when it is read."""
    return blob.size if isinstance(blob, InFile) else len(blob.data) if isinstance(blob, Inline) else blob.length


def extension_of(blob: Blob) -> str:
    """One of `TYPES`, or "" for bytes that are only to be saved."""
    if isinstance(blob, InFile):
        return blob.extension if blob.extension in TYPES else ""
    return _EXTENSION_OF.get(blob.media_type.partition(";")[0].strip().lower(), "")


class Media:
    """Finds a run's blobs by digest. What was found once is remembered; a blob never changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._found: dict[tuple[str, str], Blob] = {}

    def describe(self, run: str, blob: Blob) -> dict[str, Any]:
        """`blob` for a page: digest, type, size in bytes, and the URL from the board's root; it can be fetched from now on."""
        digest = digest_of(blob)
        if len(self._found) > KEPT:
            self._found.clear()
        self._found[run, digest] = blob
        media_type = TYPES.get(extension_of(blob), "application/octet-stream")
        url = f"api/blob/{quote(run, safe='')}/{digest}"
        return {"digest": digest, "media_type": media_type.partition(";")[0], "size": size_of(blob), "url": url}

    def find(self, run: str, digest: str, *, table: str = "") -> Blob:
        """The blob of `run` that is named `digest`. `table`: the digest of a table in one of whose cells it stands.

        Raises:
            Refused: no record of the run names it.
        """
        if (run, digest) not in self._found:
            if len(self._found) > KEPT:
                self._found.clear()
            for kind in MEDIA_KINDS:
                for placed in self.store.records(run, kind):
                    self._found.update(((run, digest_of(blob)), blob) for blob in blobs_in(placed.record))
        if (run, digest) not in self._found and table and (run, table) in self._found:
            from .tables import blobs_of_cells

            for blob in blobs_of_cells(self.store.blob(run, self._found[run, table])):
                self._found[run, digest_of(blob)] = blob
        found = self._found.get((run, digest))
        if found is None:
            raise Refused(404, f"no record of run {run!r} names a blob {digest!r}", "reload the page: the run may have been deleted")
        return found

    def read(self, run: str, digest: str) -> bytes:
        """The bytes themselves, for other routes."""
        return self.store.blob(run, self.find(run, digest))

    def reply(self, run: str, digest: str, *, wanted: str, table: str = "") -> Response:
        """The bytes, or the range of them that the Range header `wanted` names."""
        blob = self.find(run, digest, table=table)
        data = self.store.blob(run, blob)
        extension = extension_of(blob)
        headers = {"Content-Security-Policy": SOURCE_POLICY, "Accept-Ranges": "bytes"}
        if isinstance(blob, Foreign):  # the file there may be another one tomorrow
            headers["Cache-Control"] = "private, no-cache"
        else:
            headers |= {"Cache-Control": "private, max-age=31536000, immutable", "ETag": f'"{digest}"'}
        media_type = TYPES.get(extension, "application/octet-stream")
        if not extension:
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


def blobs_in(value: Any) -> Iterator[Blob]:
    """Every blob that `value`, a record or a part of one, names."""
    if isinstance(value, (InFile, Inline, Foreign)):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from blobs_in(getattr(value, name))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from blobs_in(item)
