"""The Visdom source: environments and logs of messages, read live and in place; one run is one environment.

Visdom writes an environment anew as a whole, in place, whenever it is saved. So it is read as a whole, in one batch, when its bytes
are others than before; the batch then says `restart`. A file that ends too early is being written: nothing changes until it is whole, or
`WAIT_S` old, which then is damage. Logs are followed from where they were read, see `replay`.

    cursor of an environment := MessagePack of EnvCursor
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import replace
from typing import Final

import google_crc32c
import msgspec

from ...store.blobs import read_blob
from ...store.errors import NotFound
from ...store.kinds import Problem
from ...store.records import Blob, Foreign
from ...store.source import Batch, FoundRun, Placed, WriterLife
from .envfile import WRITER, decoded, is_cut, made_at, read_env
from .finding import ENVIRONMENT, Folder, VisdomFile, read_at
from .replay import ENCODING as LOG_ENCODING
from .replay import Log

FORMAT: Final = "visdom"
WAIT_S: Final = 10.0
MOST_BYTES: Final = 1 << 30
"""An environment of more bytes is not read: it is decoded in memory."""
_WINDOW: Final = re.compile(rb'"(window_[0-9a-f]{14})"')


class EnvCursor(msgspec.Struct, omit_defaults=True):
    """Which bytes of a file were read."""

    size: int
    mtime_ns: int
    crc: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(EnvCursor)


class VisdomSource:
    """The environments under a folder (``~/.visdom``), or in one file. Implements `source.Source`."""

    format = FORMAT

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._folder = Folder(self.path)
        self._created: dict[str, float] = {}
        self._logs: dict[str, Log] = {}
        self._waiting: set[str] = set()

    # -------------------------------------------------------------------------------------------------- scan

    def scan(self) -> list[FoundRun]:
        """List the environments that are there now."""
        found: list[FoundRun] = []
        logs: dict[str, Log] = {}
        for file in self._folder.files():
            if file.kind == ENVIRONMENT:
                token: object = None if file.path in self._waiting else (file.size, file.mtime_ns)
                found.append(self._found(file, file.name, f"{FORMAT}:{file.path}", file.name, token))
                continue
            logs[file.path] = log = self._logs.get(file.path) or Log(file.path)
            with contextlib.suppress(OSError):  # it is gone with the next scan
                log.advance()
            for eid, one in log.environments.items():
                named = f"{eid} ({os.path.basename(file.path)})"
                token = (log.identity, one.done, len(log.problems))
                found.append(self._found(file, eid, f"{FORMAT}:{file.path}#{eid}", named, token))
        self._logs = logs
        return found

    def _found(self, file: VisdomFile, eid: str, key: str, name: str, token: object) -> FoundRun:
        if file.path not in self._created:
            seconds = file.mtime_ns / 1e9
            first = _WINDOW.search(file.head)
            made = made_at(first.group(1).decode(), before=seconds) if first is not None else None
            self._created[file.path] = seconds if made is None else made
        return FoundRun(key, file.path, project_of(file.path), eid, name, self._created[file.path], token=token)

    # -------------------------------------------------------------------------------------------------- read

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`. An environment comes as a whole, whatever `max_bytes`: it is one JSON."""
        del max_bytes
        if run.key != f"{FORMAT}:{run.path}":
            try:
                return self._log(run.path).batch(run.id, cursor)
            except OSError as error:
                return Batch(cursor or b"", problems=[Problem(run.path, -1, f"cannot be read: {error.strerror}")])
        known: EnvCursor | None = None
        lost = False
        if cursor:
            try:
                known = _decoder.decode(cursor)
            except msgspec.MsgspecError:  # of another version, or damaged where it was kept
                lost = True
        batch = self._read_environment(run, known, cursor or b"")
        return replace(batch, restart=True) if lost else batch

    def _log(self, path: str) -> Log:
        """The log at `path`, read as far as it goes. Raises OSError."""
        log = self._logs.get(path)
        if log is None:
            log = self._logs[path] = Log(path)
        log.advance()
        return log

    def _read_environment(self, run: FoundRun, known: EnvCursor | None, cursor: bytes) -> Batch:
        path = run.path
        try:
            state = os.stat(path)
            if known is not None and (known.size, known.mtime_ns) == (state.st_size, state.st_mtime_ns):
                return Batch(cursor, writers=[_life(state.st_mtime)])
            if state.st_size > MOST_BYTES:
                what = f"an environment of {state.st_size:,} bytes; up to {MOST_BYTES:,} are read: save less into one environment"
                return self._batch(
                    path, EnvCursor(state.st_size, state.st_mtime_ns, 0), known, Batch(b"", problems=[Problem(path, -1, what)])
                )
            data = read_at(path, state.st_size + 1, 0)
            after = os.stat(path)
        except OSError as error:
            return Batch(cursor, problems=[Problem(path, -1, f"cannot be read: {error.strerror}")])
        if (after.st_size, after.st_mtime_ns) != (state.st_size, state.st_mtime_ns) or len(data) != state.st_size:
            return self._wait(path, cursor)
        now = EnvCursor(state.st_size, state.st_mtime_ns, google_crc32c.value(data))
        lives = [_life(state.st_mtime)]
        if known is not None and (known.size, known.crc) == (now.size, now.crc):
            return Batch(self._done(path, now), writers=lives)
        text, found = read_env(data, path=path, name=os.path.basename(path), wall_time=state.st_mtime)
        if is_cut(text) and time.time() - state.st_mtime < WAIT_S:
            return self._wait(path, cursor)
        records = [Placed(record, WRITER, 1, 0, path, offset) for record, offset in found.records]
        return self._batch(path, now, known, Batch(b"", found.strands, records, found.problems, lives))

    def _wait(self, path: str, cursor: bytes) -> Batch:
        """Visdom is writing the file: nothing changes, and the next scan asks again."""
        self._waiting.add(path)
        return Batch(cursor)

    def _done(self, path: str, now: EnvCursor) -> bytes:
        self._waiting.discard(path)
        return _encoder.encode(now)

    def _batch(self, path: str, now: EnvCursor, known: EnvCursor | None, batch: Batch) -> Batch:
        return replace(batch, cursor=self._done(path, now), restart=known is not None)

    # -------------------------------------------------------------------------------------------------- blobs

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob`, which lies in the run's own file. Raises NotFound, Damaged."""
        if not isinstance(blob, Foreign):
            return read_blob(os.path.dirname(run.path), blob)
        if blob.path != os.path.basename(run.path):
            raise NotFound(f"blob: want bytes of {run.path}, got {blob.path}")
        try:
            if blob.encoding.startswith(LOG_ENCODING):
                return self._log(run.path).blob(blob)
            data = read_at(run.path, min(blob.length, MOST_BYTES), blob.offset)
        except OSError as error:
            raise NotFound(f"blob: {blob.length} bytes of {blob.media_type} are gone: {run.path}: {error.strerror}") from None
        return decoded(blob, data)


def project_of(path: str) -> str:
    """The project of the environments in a folder: the folder's name, ``visdom`` for ``~/.visdom``."""
    return os.path.basename(os.path.dirname(path)).lstrip(".") or FORMAT


def _life(touched: float) -> WriterLife:
    return WriterLife(WRITER, 1, 0, "main", "unknown", touched)
