"""A source: a path that holds runs in some format, and how any format is read live.

The native journal and every adapter are alike here. A store asks a source which runs there are (`scan`), and then, run by
run, for what came since a cursor (`read`). Nothing is converted or written; a source is a pure reader of foreign files: it
opens with pread, holds no descriptor between calls, never locks, never executes what it reads.

A cursor is opaque bytes (MessagePack): a store keeps it and hands it back, perhaps after a restart. `None` is the start.
Reading twice from one cursor yields the same. Points of a strand come in order of arrival, each exactly once along any chain
of cursors, also when files are sealed, truncated or replaced in between (then the source says `restart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from .kinds import I64, Kind, Points, Problem
from .records import Blob, Record


@dataclass(frozen=True, slots=True)
class Strand:
    """New scalar points of one writer under one tag, in order of arrival."""

    tag: str
    rank: int
    attempt: int
    writer: str
    points: Points


@dataclass(frozen=True, slots=True)
class Placed:
    """A record and who wrote it. `offset` is its byte offset in `path`."""

    record: Record
    writer: str
    attempt: int
    rank: int
    path: str = ""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """Points of one kind that were found and not read: they stay where they lie until they are asked for (`ReadsLater`).

    In order of arrival, of one writer, in one file; arrays have an element a point.

    tags     names; tag: int64, which of them each point has
    step     int64
    offset, length   int64: where the record of each begins in `path`, and how many bytes it takes there
    before   how many of the batch's `records` came before them
    """

    kind: Kind
    tags: tuple[str, ...]
    tag: I64
    step: I64
    offset: I64
    length: I64
    writer: str
    attempt: int
    rank: int
    path: str
    before: int = 0

    def __len__(self) -> int:
        return len(self.offset)

    def __getitem__(self, where: slice | NDArray[Any]) -> Unread:
        return replace(self, tag=self.tag[where], step=self.step[where], offset=self.offset[where], length=self.length[where])

    def of(self, tag: str) -> Unread:
        """Those under `tag`."""
        return self[self.tag == (self.tags.index(tag) if tag in self.tags else -1)]


@dataclass(frozen=True, slots=True)
class WriterLife:
    """What is known of a writer beyond its records: the newest sign of life and whether its process still runs.

    life     "alive", "dead" (proven), "unknown", or "ended" (it said so itself)
    """

    writer: str
    attempt: int
    rank: int
    role: str
    life: str
    touched: float
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """What came since a cursor.

    cursor   where the next read begins
    more     True when the read stopped at its size limit: ask again at once
    restart  True when what was read before no longer stands (a file was replaced): forget the run's points and records
             first, this batch begins anew
    token    of a run that `FoundRun.token` was not known of: what it was before this read, None when it is not known
    """

    cursor: bytes
    strands: list[Strand] = field(default_factory=list)
    records: list[Placed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    writers: list[WriterLife] = field(default_factory=list)
    more: bool = False
    restart: bool = False
    unread: list[Unread] = field(default_factory=list)
    token: object = None


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run that a scan found.

    key      unique over all sources and stable over restarts, see `RunInfo.key`
    path     the directory or file
    project, id, name, created   what its own files say at first sight (records may change the name later)
    token    changes whenever the run may hold something new; equal tokens mean that a read can be skipped
    """

    key: str
    path: str
    project: str
    id: str
    name: str
    created: float
    group: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    token: object = None


class Source(Protocol):
    """Read access to one path in one format. One that has a ``trouble: str`` says there what its newest scan had to pass over."""

    format: str
    """"native", "tensorboard", "visdom", ..."""
    path: str
    """Absolute path, as given by the user."""

    def scan(self) -> list[FoundRun]:
        """List the runs that are there now. A run that is no longer listed was deleted."""
        ...

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`, at most about `max_bytes` of file at once."""
        ...

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob`. Raises NotFound when they are gone, Damaged when they are not what was written."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """A source whose tokens outlive the process: they are kept in the catalog, as lists of texts and whole numbers."""

    def recall(self, run: FoundRun, token: tuple[int | str, ...]) -> None:
        """Take over the token that an earlier process had of `run`."""
        ...

    def expect(self, run: FoundRun) -> None:
        """Something was written to `run`: look at it in the next scan."""
        ...


@runtime_checkable
class ReadsAhead(Protocol):
    """A source that reads many runs faster when it knows them before."""

    def read_ahead(self, runs: Sequence[FoundRun]) -> None:
        """Prepare for `runs` to be read from their beginning, in this order; with none, let go of what was prepared."""
        ...


@runtime_checkable
class ReadsLater(Protocol):
    """A source whose batches hold points that are `Unread`."""

    def read_points(self, run: FoundRun, unread: Unread) -> tuple[list[Placed], list[Problem]]:
        """Return the points, and what was wrong with those that are left out: the file is another one now, or they cannot be read."""
        ...
