"""Blobs: large bytes, by content under ``media/`` of a run, inside a record, or where another tool wrote them.

A blob of ours is ``media/<sha256 in hex>.<extension>``: written to a temporary name and renamed, so that a name that is there
is whole; equal bytes are stored once. The extension is one of `records.MEDIA_EXTENSIONS`, never taken from input.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import os
import re
import zlib
from typing import Final

from .errors import Damaged, NotFound
from .records import MEDIA_EXTENSIONS, Blob, Foreign, InFile, Inline
from .rundir import MEDIA, temporary_name

INLINE_LIMIT: Final = 4096
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def media_path(run_dir: str, blob: InFile) -> str:
    """Where `blob` lies. Raises Damaged when its digest or extension is none."""
    if not _DIGEST.fullmatch(blob.sha256) or blob.extension not in MEDIA_EXTENSIONS:
        raise Damaged(f"blob: want a SHA-256 in hex and a known extension, got {blob.sha256!r}.{blob.extension!r} in {run_dir}")
    return os.path.join(run_dir, MEDIA, f"{blob.sha256}.{blob.extension}")


def write_blob(run_dir: str, data: bytes, *, extension: str, media_type: str) -> Inline | InFile:
    """Keep `data`: inside the record when it is at most `INLINE_LIMIT` bytes, else under ``media/``. Raises OSError."""
    if len(data) <= INLINE_LIMIT:
        return Inline(data, media_type)
    blob = InFile(hashlib.sha256(data).hexdigest(), extension, len(data), media_type)
    path = media_path(run_dir, blob)
    if os.path.exists(path):
        return blob
    directory = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    temporary = os.path.join(directory, temporary_name(os.path.basename(path)))
    try:
        with open(temporary, "xb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return blob


def read_blob(run_dir: str, blob: Blob) -> bytes:
    """Return the bytes of `blob`.

    Raises:
        NotFound: the file is gone.
        Damaged: the bytes are not what was written.
    """
    if isinstance(blob, Inline):
        return blob.data
    if isinstance(blob, Foreign):
        return _read_foreign(blob)
    path = media_path(run_dir, blob)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise NotFound(f"blob: {blob.size} bytes of {blob.media_type} are gone: no {path}") from None
    if len(data) != blob.size or hashlib.sha256(data).hexdigest() != blob.sha256:
        raise Damaged(f"blob: got {len(data)} bytes that are not the {blob.size} written; restore {path}")
    return data


def _read_foreign(blob: Foreign) -> bytes:
    try:
        with open(blob.path, "rb") as file:
            file.seek(blob.offset)
            data = file.read(blob.length)
    except FileNotFoundError:
        raise NotFound(f"blob: {blob.length} bytes of {blob.media_type} are gone: no {blob.path}") from None
    if len(data) != blob.length:
        raise Damaged(f"blob: want {blob.length} bytes at byte {blob.offset}, got {len(data)} of {blob.path}")
    try:
        if blob.encoding == "gzip":
            return gzip.decompress(data)
        if blob.encoding == "base64":
            return base64.b64decode(data, validate=True)
        if blob.encoding == "json-open":
            return data + (b'"' if data.startswith(b'"') else b"]")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise Damaged(f"blob: no {blob.encoding}: {error} at byte {blob.offset} of {blob.path}") from None
    return data
