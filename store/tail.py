"""The tail of one writer: what its records file, its points journal or its sealed file hold behind a cursor.

The cursor keeps how far the records file and the journal were read, the names of the tag ids (with the attempt, where an id has
one of its own), the slots that were reserved but not whole yet (*pending*, see `points`), and how many points of each tag were
handed out. That last count is what makes sealing invisible: a sealed file holds the points of each in the same order, so as many of
them are skipped as the journal gave already.
While journal and Parquet file both exist (a crash, or a sealer at work) only the journal is read.

A pending slot is delivered when it becomes whole. Once its writer has ended or is dead, it is a hole if it is all zero (the
process died between reserving and filling it; that logging call never returned), else damage, and reported. A point whose
tag is not declared yet (a network file system may show the points file first) is pending, too.

Files are opened, read with pread and closed: nothing stays open, nothing is mapped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from .errors import CrossboardError, Damaged
from .framing import read_frames
from .kinds import Points, Problem
from .points import HEADER_SIZE, RECORD_DTYPE, RECORD_SIZE, Decoded, decode_header, decode_records, undeclared_name
from .process import ProcessIdentity
from .records import Ended, Opened, Sealed, TagDeclared, decode_record
from .rundir import points_name, records_name, sealed_name
from .sealed import read_sealed
from .source import Batch, Placed, Strand

FIRST_LOOK: Final = 256 * RECORD_SIZE
"""Bytes read first at a cursor: a quiet journal costs one small read, not its grown room."""
MOST_RECORDS: Final = 1 << 28
"""Bytes of a records file taken in one read."""
MOST_PENDING: Final = 10_000
TELLING_HOLE: Final = 16
"""Empty slots in a row of reads that are reported as damage: a killed process leaves about one a thread."""
MOST_SAID: Final = 200
"""Problems of one writer that are reported."""
UNDECLARED_AFTER_S: Final = 60.0
"""A point that old whose tag no record declares is shown under a name that says so."""
LATE_TOUCH_S: Final = 2.5
"""A journal touched that long after its last known point holds newer ones, behind more empty slots than a first look sees."""


class WriterCursor(msgspec.Struct, omit_defaults=True):
    """How far one writer was read. tags: tag id -> tag, and its own attempt or 0; given: how many points of each of these."""

    attempt: int = 1
    rank: int = 0
    role: str = "main"
    records: int = 0
    slot: int = 0
    pending: list[int] = []
    tags: dict[int, tuple[str, int]] = {}
    given: dict[tuple[str, int], int] = {}
    process: ProcessIdentity | None = None
    ended: bool = False
    sealed: Sealed | None = None
    sealed_read: bool = False
    closed: bool = False
    dropped: int = 0
    said: list[str] = []
    wall: float = 0.0
    searched: float = 0.0


class Restart(Exception):
    """What was handed out no longer fits the files: the run is to be read anew."""


def say(state: WriterCursor, batch: Batch, problem: Problem) -> None:
    """Report `problem` once; of very many only the first ones."""
    text = f"{os.path.basename(problem.path)}:{problem.offset}"
    if text in state.said or len(state.said) > MOST_SAID:
        return
    if len(state.said) == MOST_SAID:
        problem = Problem(problem.path, -1, f"{MOST_SAID} problems were reported, and there are more; `crossboard verify` lists them all")
    state.said.append(text)
    batch.problems.append(problem)


class Tail:
    """One read of the files of writer `name`, from `state` on, into `batch`. life: says whether a process runs."""

    def __init__(self, directory: str, name: str, state: WriterCursor, batch: Batch, *, life: Callable[[ProcessIdentity], str]) -> None:
        self.life = life
        self.directory = directory
        self.name = name
        self.state = state
        self.batch = batch
        self.records_path = os.path.join(directory, records_name(name))
        self.points_path = os.path.join(directory, points_name(name))

    def read(self, budget: int) -> int:
        """Take in at most about `budget` bytes; return how many were taken in: looking and finding nothing is free."""
        was_gone = self._gone()
        used = self._read_records(complete=was_gone)
        gone = self._gone()  # before the points are read: whoever is gone by now wrote none after it
        if gone and not was_gone:  # its first record named it, or it died meanwhile: now the tail is judged
            used += self._read_records(complete=True)
        used += self._read_points(budget - used, gone)
        return used

    def _gone(self) -> bool:
        state = self.state
        return state.ended or (state.process is not None and self.life(state.process) == "dead")

    # ---------------------------------------------------------------------------------------------- records

    def _read_records(self, *, complete: bool) -> int:
        state = self.state
        try:
            data = _pread(self.records_path, state.records)
        except FileNotFoundError:
            return 0
        if not data:
            return 0
        complete = complete and len(data) < MOST_RECORDS
        frames, state.records, problems = read_frames(data, path=self.records_path, base=state.records, complete=complete)
        for problem in problems:
            say(state, self.batch, problem)
        for offset, payload in frames:
            try:
                record = decode_record(payload, path=self.records_path, offset=offset)
            except CrossboardError as error:
                say(state, self.batch, Problem(self.records_path, offset, str(error)))
                continue
            if isinstance(record, TagDeclared):
                state.tags[record.id] = record.tag, record.attempt
            elif isinstance(record, Opened):
                state.attempt, state.rank, state.role = record.attempt, record.rank, record.role
                state.process, state.wall = record.process, record.wall_time
            elif isinstance(record, Ended):
                state.ended, state.dropped = True, max(state.dropped, record.dropped)
            elif isinstance(record, Sealed):
                state.sealed = record
            self.batch.records.append(Placed(record, self.name, state.attempt, state.rank, self.records_path, offset))
        return len(data)

    # ----------------------------------------------------------------------------------------------- points

    def _read_points(self, budget: int, gone: bool) -> int:
        state = self.state
        if state.sealed_read:
            return 0
        try:
            file = os.open(self.points_path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
        except FileNotFoundError:
            return self._read_sealed(gone)
        try:
            return self._read_journal(file, budget, gone)
        finally:
            os.close(file)

    def _read_journal(self, file: int, budget: int, gone: bool) -> int:
        state = self.state
        try:
            header = decode_header(os.pread(file, HEADER_SIZE, 0), path=self.points_path)
        except Damaged as error:
            say(state, self.batch, Problem(self.points_path, 0, str(error)))
            header = None
            if state.process is None:  # nothing else tells who wrote this: it is no journal of ours
                return 0
        if header is not None:
            state.dropped = max(state.dropped, header.dropped)
            if state.process is None:
                state.attempt, state.rank = header.attempt, header.rank
        start = state.slot
        found = self._recheck(file, gone)
        at, chunk, reached_end = state.slot, FIRST_LOOK, False
        search = gone or self._touched_late(file)
        while (state.slot - start) * RECORD_SIZE < max(budget, 1) and not reached_end:
            data = os.pread(file, chunk, HEADER_SIZE + at * RECORD_SIZE)
            slots = len(data) // RECORD_SIZE
            decoded = decode_records(data, first=at)
            if decoded.filled > at:
                self._set_aside([*range(state.slot, at), *decoded.torn.tolist()], file, gone)
                found.append((decoded.index, decoded.records if gone else self._settled(file, decoded, at)))
                state.slot = decoded.filled
            # room behind the last point ends the read of a live journal; points may stand behind a long empty stretch
            reached_end = slots == 0 or (decoded.filled < at + slots and not search)
            at += slots
            chunk = min(max(chunk * 16, 1 << 17), 16 << 20)
        if found:
            self._deliver(*(np.concatenate(parts) for parts in zip(*found, strict=True)), gone=gone)
        if gone and reached_end and not state.pending:
            state.closed = True
        return (state.slot - start) * RECORD_SIZE

    def _settled(self, file: int, decoded: Decoded, first: int) -> NDArray[Any]:
        """The whole records of `decoded`, which begins at slot `first`, read once more.

        A read copies from front to back while the writer fills a record from value to tag: it can meet the tag of a record of which it
        has copied the value before that was written, a 0. What is read after the tag was seen was written before it.
        """
        data = os.pread(file, (decoded.filled - first) * RECORD_SIZE, HEADER_SIZE + first * RECORD_SIZE)
        if len(data) < (decoded.filled - first) * RECORD_SIZE:  # cut behind its last point meanwhile, by a writer that has ended
            return decoded.records
        records: NDArray[Any] = np.frombuffer(data, RECORD_DTYPE)[decoded.index - first]
        return records

    def _touched_late(self, file: int) -> bool:
        """Whether a live journal says that points came which the last looks did not find; once for each such touch."""
        touched = os.fstat(file).st_mtime
        if touched < self.state.wall + LATE_TOUCH_S or touched == self.state.searched:
            return False
        self.state.searched = touched
        return True

    def _recheck(self, file: int, gone: bool) -> list[tuple[NDArray[np.int64], NDArray[Any]]]:
        """Pending slots that are whole by now, and their points."""
        state = self.state
        slots, state.pending = state.pending, []
        whole, torn = [], []
        for slot in slots:
            data = os.pread(file, RECORD_SIZE, HEADER_SIZE + slot * RECORD_SIZE)
            decoded = decode_records(data, first=slot)
            if len(decoded.records):
                whole.append((decoded.index, decoded.records if gone else self._settled(file, decoded, slot)))
            else:
                torn.append(slot)
        self._set_aside(torn, file, gone)
        return whole

    def _set_aside(self, slots: list[int], file: int, gone: bool) -> None:
        """Keep slots that are not whole for the next read, or report them where nobody will fill them any more."""
        state = self.state
        empty = []
        for slot in slots:
            if not gone and len(state.pending) < MOST_PENDING:
                state.pending.append(slot)
                continue
            offset = HEADER_SIZE + slot * RECORD_SIZE
            if any(os.pread(file, RECORD_SIZE, offset)):
                say(state, self.batch, Problem(self.points_path, offset, "point: check does not fit; point skipped"))
            else:
                empty.append(offset)
        if len(empty) >= TELLING_HOLE:
            what = f"{len(empty)} empty slots before later points: more than a killed process leaves; points may be gone"
            say(state, self.batch, Problem(self.points_path, empty[0], what))

    def _deliver(self, slots: NDArray[np.int64], records: NDArray[Any], *, gone: bool) -> None:
        """Hand out `records`, which stand in `slots`, tag by tag, each in order of arrival."""
        state = self.state
        unknown = [one for one in np.unique(records["tag"]).tolist() if one not in state.tags]
        if unknown:
            self._read_records(complete=False)  # declared after the records were read, before the points were
            unknown = [one for one in unknown if one not in state.tags]
        for number in unknown:
            of_it = records["tag"] == number
            fresh = time.time() - float(records["wall_time"][of_it].max()) < UNDECLARED_AFTER_S
            if fresh and not gone and len(state.pending) + int(of_it.sum()) <= MOST_PENDING:
                state.pending += slots[of_it].tolist()
                slots, records = slots[~of_it], records[~of_it]
                continue
            first = HEADER_SIZE + int(slots[of_it][0]) * RECORD_SIZE
            name = undeclared_name(number)
            what = f"{int(of_it.sum())} points of tag id {number}, which no record declares; shown as {name!r}"
            say(state, self.batch, Problem(self.points_path, first, what))
            state.tags[number] = name, 0
        if not len(records):
            return
        ids = records["tag"]
        for known, where in _by_tag(ids, state.tags):
            some = records[where]
            self._give(known, Points(*(np.ascontiguousarray(some[column]) for column in ("step", "wall_time", "value"))))
        state.wall = max(state.wall, float(records["wall_time"].max()))

    def _give(self, name: tuple[str, int], points: Points) -> None:
        state = self.state
        state.given[name] = state.given.get(name, 0) + len(points)
        tag, attempt = name
        self.batch.strands.append(Strand(tag, state.rank, attempt or state.attempt, self.name, points))

    # ----------------------------------------------------------------------------------------------- sealed

    def _read_sealed(self, gone: bool) -> int:
        """The points of the Parquet file that replaced the journal, less those that the journal gave already."""
        state = self.state
        path = os.path.join(self.directory, sealed_name(self.name))
        if not os.path.exists(path):
            if state.sealed is not None and state.sealed.points and state.sealed.file:
                say(state, self.batch, Problem(path, -1, f"sealed points are gone: want {state.sealed.points} points"))
            if os.path.exists(self.points_path):
                return 0  # the journal came between two looks
            state.closed = gone
            return 0
        self._read_records(complete=False)  # the seal record may have come between two looks
        strands, problems = read_sealed(path, state.sealed)
        counts = {(one.tag, one.attempt): len(one.points) for one in strands}
        if state.pending or any(counts.get(name, 0) < given or problems for name, given in state.given.items()):
            raise Restart
        for problem in problems:
            say(state, self.batch, problem)
        for one in strands:
            name = (one.tag, one.attempt)
            rest = one.points[state.given.get(name, 0) :]
            if len(rest):
                self._give(name, rest)
                state.wall = max(state.wall, float(rest.wall_time.max()))
        state.sealed_read = state.closed = True
        return os.path.getsize(path)


def _by_tag(ids: NDArray[Any], names: dict[int, tuple[str, int]]) -> Iterator[tuple[tuple[str, int], NDArray[np.intp]]]:
    """Tag with its own attempt, and positions, ascending, of each tag in `ids`, in order of the tag's id."""
    top = int(ids.max())
    order = np.argsort(ids.astype(np.uint16) if top < 1 << 16 else ids, kind="stable")
    ordered = ids[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1, [len(ordered)]))
    places: dict[tuple[str, int], list[NDArray[np.intp]]] = {}
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        places.setdefault(names[int(ordered[start])], []).append(order[start:stop])
    for name, parts in places.items():
        yield name, parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _pread(path: str, offset: int) -> bytes:
    """The bytes of `path` from `offset` on, at most `MOST_RECORDS`."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    try:
        length = min(os.fstat(file).st_size - offset, MOST_RECORDS)
        return os.pread(file, length, offset) if length > 0 else b""
    finally:
        os.close(file)
