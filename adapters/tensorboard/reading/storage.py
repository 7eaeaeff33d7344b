"""Where event files lie: on this machine, or wherever fsspec reaches (``s3://bucket/logs``); plain or gzip'd.

`Local` reads with pread and holds nothing open. `Remote` asks fsspec, which is imported only then; its files are read in ranges. A
gzip'd file is unpacked as a whole, at most `MOST_UNPACKED` bytes: offsets are those of what comes out, and nothing in it can be
pointed at, so large parts travel inside the records.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ....store.errors import CrossboardError

GZIP: Final = b"\x1f\x8b"
MOST_UNPACKED: Final = 1 << 30
KEPT: Final = (32 << 20) - (64 << 10)
"""The C library of Linux gives blocks that were freed back to the system, and each piece would begin by fetching its memory page by
page, a fifth of all time, until a block of nearly 32 MiB was freed once. It is never written to, so it costs nothing."""


def is_url(path: str) -> bool:
    """Whether `path` names a place by a protocol, as ``s3://bucket/logs`` does."""
    return "://" in path


@dataclass(frozen=True, slots=True)
class FileState:
    """size in bytes; mtime in epoch seconds, 0 where it is not told; stamp: changes when the file is another."""

    size: int
    mtime: float
    stamp: str


class Bytes(Protocol):
    """An open file. `by_offset` says whether a blob may point into it."""

    size: int
    by_offset: bool

    def read(self, size: int, offset: int) -> bytes: ...

    def close(self) -> None: ...


class Storage(Protocol):
    """Read access to files by path. All methods raise OSError."""

    def state(self, path: str) -> FileState: ...

    def open(self, path: str) -> Bytes: ...


class Local:
    """Files of this machine."""

    def state(self, path: str) -> FileState:
        found = os.stat(path)
        return FileState(found.st_size, found.st_mtime, f"{found.st_mtime_ns} {found.st_ino}")

    def open(self, path: str) -> Bytes:
        file = _Descriptor(os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)))
        return _unpacked(file)


class Remote:
    """Files that fsspec reaches. Raises CrossboardError when the package for the protocol of `url` is not there."""

    def __init__(self, url: str) -> None:
        protocol = url.partition("://")[0]
        try:
            import fsspec

            self.system, self.root = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise CrossboardError(f"{url}: reading {protocol}:// needs a package: {error}; install fsspec and what it names") from None
        except ValueError as error:
            raise CrossboardError(f"{url}: {error}") from None

    def state(self, path: str) -> FileState:
        found: dict[str, Any] = self.system.info(path)
        when = next((found[name] for name in ("mtime", "LastModified", "last_modified", "updated", "created") if found.get(name)), 0.0)
        mtime = when.timestamp() if hasattr(when, "timestamp") else float(when) if isinstance(when, (int, float)) else 0.0
        return FileState(int(found.get("size") or 0), mtime, str(found.get("ETag") or found.get("etag") or when))

    def open(self, path: str) -> Bytes:
        return _unpacked(_Ranges(self.system, path, self.state(path).size))


class _Descriptor:
    by_offset = True

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size

    def read(self, size: int, offset: int) -> bytes:
        parts = []
        while size > 0:
            part = os.pread(self._fd, size, offset)
            if not part:
                break
            parts.append(part)
            size -= len(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        os.close(self._fd)


class _Ranges:
    by_offset = True

    def __init__(self, system: Any, path: str, size: int) -> None:
        self._system, self._path, self.size = system, path, size

    def read(self, size: int, offset: int) -> bytes:
        return bytes(self._system.cat_file(self._path, start=offset, end=min(offset + size, self.size)))

    def close(self) -> None: ...


class _Unpacked:
    by_offset = False

    def __init__(self, data: bytes) -> None:
        self._data, self.size = data, len(data)

    def read(self, size: int, offset: int) -> bytes:
        return self._data[offset : offset + size]

    def close(self) -> None: ...


def _unpacked(file: Bytes) -> Bytes:
    """`file` itself, or what comes out of it when it is gzip'd: as much of it as is there yet."""
    if file.read(2, 0) != GZIP:
        return file
    try:
        made = bytearray()
        rest = file.read(file.size, 0)
        while rest[:2] == GZIP and len(made) < MOST_UNPACKED:
            unpacker = zlib.decompressobj(wbits=31)
            with contextlib.suppress(zlib.error):
                made += unpacker.decompress(rest, MOST_UNPACKED - len(made))
            rest = unpacker.unused_data
        return _Unpacked(bytes(made))
    finally:
        file.close()
