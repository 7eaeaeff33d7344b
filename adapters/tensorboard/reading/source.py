"""The TensorBoard source: event files read live and in place.

    cursor := MessagePack of {files: {name: FileCursor}, plugins: {tag: plugin}, attempt, newest}

Every point is kept, in the order in which it stands in its file; files are read in the order of their names, each from where the
last read ended, whether it is the newest or not. What a tag is, is told by the first value that carries metadata, also when later
ones carry none.

Attempts. A file whose first event is younger than everything read before it in its directory is a new attempt (the program was
started again, or opened a new writer); files that overlap in time belong together. A SessionLog START inside a file that has points
already begins one, too. Nothing is purged: the default view takes the newest attempt from where it begins (law 3).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from ....store.blobs import read_blob
from ....store.errors import Damaged, NotFound
from ....store.kinds import Problem
from ....store.records import Blob, Foreign
from ....store.source import Batch, FoundRun, Placed, Unread
from .ahead import Ahead
from .histograms import read_points
from .logdir import LogDirectory, RemoteDirectory, RunDirectory, started_of
from .projector import TABLE, VECTORS, decoded
from .runs import Restart, read_directory
from .storage import KEPT, Local, Remote, Storage, is_url
from .subruns import SubRuns

FORMAT: Final = "tensorboard"
MOST_NAMED: Final = 3


class TensorBoardSource:
    """The runs under a log directory, or the run of one event file. Implements `source.Source`."""

    format = FORMAT

    def __init__(self, path: str | os.PathLike[str], *, subruns: bool = False, name: str = "") -> None:
        """subruns: whether sub-runs of add_scalars and add_hparams stay runs of their own, as TensorBoard shows them; name: what the
        names of the runs begin with."""
        named = os.fspath(path)
        self._name = name
        self.path = named.rstrip("/") if is_url(named) else os.path.abspath(named)
        self._storage: Storage = Remote(named) if is_url(named) else Local()
        self._subruns = None if subruns else SubRuns()
        self._directories: dict[str, RunDirectory] = {}
        self._ahead: Ahead | None = None
        np.empty(KEPT, np.uint8)
        self.logdir = RemoteDirectory(self._storage) if isinstance(self._storage, Remote) else LogDirectory(self.path)

    # -------------------------------------------------------------------------------------------------- scan

    def scan(self) -> list[FoundRun]:
        """List the runs that are there now."""
        directories = list(self.logdir.runs())
        if self._subruns is not None:
            directories = self._subruns.fold(directories, self._storage)
        self._directories = {directory.path: directory for directory in directories}
        root = os.path.dirname(self.path) if os.path.isfile(self.path) else self.path
        project = os.path.basename(root)
        found = []
        for directory in directories:
            name = (self._name or project) if directory.name == "." else os.path.join(self._name, directory.name)
            key = f"{FORMAT}:{directory.path}"
            found.append(
                FoundRun(
                    key, directory.path, project, directory.name, name, started_of(directory, self._storage), token=self._token(directory)
                )
            )
        return found

    @property
    def trouble(self) -> str:
        """Which directories the newest scan could not list; "" when it listed all."""
        named = [f"{error.filename or self.path}: {error.strerror or error}" for error in self.logdir.unreadable]
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        return f"cannot be read: {', '.join(named[:MOST_NAMED])}{more}" if named else ""

    def _token(self, directory: RunDirectory) -> object:
        """What changes when a file of the run grows, appears or is replaced."""
        try:
            return tuple((name, self._storage.state(os.path.join(directory.path, name))) for name in directory.files)
        except OSError:
            return None

    # -------------------------------------------------------------------------------------------------- read

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`. One unreadable file takes down no other: it is a problem in the batch."""
        try:
            return self._read(run, cursor, max_bytes)
        except Restart:
            return replace(self._read(run, None, max_bytes), restart=True)

    def _read(self, run: FoundRun, cursor: bytes | None, max_bytes: int) -> Batch:
        directory = self._directories.get(run.path)
        if directory is None:
            directory = RunDirectory(run.path, run.id, ())
        if cursor is None and self._ahead is not None:
            batch = self._ahead.take(directory, max_bytes)
            if batch is not None:
                return batch
        return read_directory(directory, cursor, max_bytes, self._storage)

    def read_ahead(self, runs: Sequence[FoundRun]) -> None:
        """Prepare for `runs` to be read from their beginning, in this order; with none, let go of what was prepared."""
        waiting = [(self._directories[run.path], _size(run)) for run in runs if run.path in self._directories]
        self._ahead = Ahead(waiting) if len(waiting) > 1 and isinstance(self._storage, Local) else None

    def read_points(self, run: FoundRun, unread: Unread) -> tuple[list[Placed], list[Problem]]:
        """Return points that were found and not read, and what was wrong with those that are left out."""
        return read_points(run.path, unread, self._storage)

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob`. What lies outside the run's directory is not handed out, whatever a record says."""
        if isinstance(blob, Foreign):
            path = os.path.join(run.path, blob.path)
            if not os.path.abspath(path).startswith(os.path.join(os.path.abspath(run.path), "")):
                raise NotFound(f"blob: want a file in {run.path}, got {blob.path}")
            encoding, blob = blob.encoding, msgspec.structs.replace(blob, path=path, encoding="")
            data = self._remote(path, blob) if isinstance(self._storage, Remote) else read_blob(run.path, blob)
            return decoded(data, encoding, path) if encoding in (VECTORS, TABLE) else data
        return read_blob(run.path, blob)

    def _remote(self, path: str, blob: Foreign) -> bytes:
        try:
            data = self._storage.open(path).read(blob.length, blob.offset)
        except OSError as error:
            raise NotFound(f"blob: {blob.length} bytes of {blob.media_type} are gone: {path}: {error}") from None
        if len(data) != blob.length:
            raise Damaged(f"blob: want {blob.length} bytes at byte {blob.offset}, got {len(data)} of {path}")
        return data


def _size(run: FoundRun) -> int:
    """How many bytes the files of `run` had when it was found."""
    return sum(state.size for _, state in run.token) if isinstance(run.token, tuple) else 0
