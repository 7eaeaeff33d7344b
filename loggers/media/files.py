"""Encoded files as they are given: a path, or the bytes. What they hold is told by their first bytes, never by a name.

`given_file` runs in the caller's thread. It looks whether a path is there, and reads a file of at most `READ_AT_ONCE` bytes, so
that the program may overwrite or delete it right after the call; a larger one is read by the helper thread and must stay until
then.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .value import BadValue

READ_AT_ONCE: Final = 64 << 20
LARGEST: Final = 1 << 30
"""A larger file is not taken: it would be held in memory while it is copied."""


class Format(NamedTuple):
    """A format that is kept byte for byte. name: for people; extension: one of `store.records.MEDIA_EXTENSIONS`."""

    name: str
    extension: str
    media_type: str


PNG: Final = Format("PNG", "png", "image/png")
JPEG: Final = Format("JPEG", "jpg", "image/jpeg")
WEBP: Final = Format("WebP", "webp", "image/webp")
GIF: Final = Format("GIF", "gif", "image/gif")
WAV: Final = Format("WAV", "wav", "audio/wav")
MP3: Final = Format("MP3", "mp3", "audio/mpeg")
OGG: Final = Format("Ogg", "ogg", "audio/ogg")
FLAC: Final = Format("FLAC", "flac", "audio/flac")
MP4: Final = Format("MP4", "mp4", "video/mp4")
WEBM: Final = Format("WebM", "webm", "video/webm")

NO_VIDEO: Final = (b"M4A ", b"M4B ", b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1", b"qt  ")
"""Brands of ISO media files (ISO/IEC 14496-12, box "ftyp") that are no MP4 video: sound, still pictures, QuickTime."""


def format_of(head: bytes) -> Format | None:
    """The format that the first 64 bytes of a file show; None when it is none of those above.

    Sources: ISO/IEC 15948 (PNG), ITU-T T.81 (JPEG), RFC 9649 (WebP), GIF89a, RFC 3533 (Ogg), RFC 9639 (FLAC), ISO/IEC 11172-3
    (MP3: a frame header of layer III, or an ID3v2 tag), ISO/IEC 14496-12 (MP4), RFC 8794 with the document type "webm".
    """
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"RIFF"):
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12])
    if head.startswith(b"OggS"):
        return OGG
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return MP3
    if head[4:8] == b"ftyp" and head[8:12] not in NO_VIDEO:
        return MP4
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head[:64]:
        return WEBM
    return None


@dataclass(frozen=True, slots=True)
class File:
    """An encoded file. name: for people; size: in bytes; read: gives its bytes, in any thread, may raise BadValue."""

    name: str
    size: int
    read: Callable[[], bytes]


def given_file(value: Any, *, wanted: str) -> File | None:
    """Take `value` where it is a path, bytes or a BytesIO; None when it is something else.

    Raises:
        BadValue: no such file, a directory, an empty one, one above `LARGEST`.
    """
    if isinstance(value, io.BytesIO):
        value = value.getvalue()
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
        if not data:
            raise BadValue(f"want {wanted}, got no bytes")
        _not_too_large(f"{len(data)} bytes", len(data))
        return File(f"{len(data)} bytes", len(data), lambda: data)
    if not isinstance(value, (str, os.PathLike)):
        return None
    path = os.fspath(value)
    name = repr(path if len(path) <= 200 else path[:200] + type(path)())
    if isinstance(path, str) and path.partition("://")[0].lower() in ("http", "https", "ftp", "s3", "gs"):
        raise BadValue(f"want {wanted}, got the address {name}; nothing is fetched: download it first")
    try:
        state = os.stat(path)
    except (OSError, ValueError) as error:
        raise BadValue(f"want {wanted}, got {name}, which is no file here ({getattr(error, 'strerror', None) or error})") from None
    if not stat.S_ISREG(state.st_mode):
        raise BadValue(f"want {wanted}, got {name}, which is no plain file")
    if state.st_size == 0:
        raise BadValue(f"want {wanted}, got {name}, which is empty")
    _not_too_large(name, state.st_size)
    place = os.path.abspath(path)

    def read() -> bytes:
        try:
            with open(place, "rb") as file:
                return file.read(LARGEST + 1)
        except OSError as error:
            raise BadValue(f"{name} cannot be read ({error.strerror})") from None

    if state.st_size > READ_AT_ONCE:
        return File(name, state.st_size, read)
    held = read()
    return File(name, len(held), lambda: held)


def _not_too_large(name: str, size: int) -> None:
    if size > LARGEST:
        raise BadValue(f"want at most {LARGEST >> 20} MiB, got {size >> 20} MiB in {name}; log a shorter or smaller one")
