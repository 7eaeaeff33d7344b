"""The native source: run directories as `rundir` lays them out, read live with pread and nothing else.

Per writer a cursor keeps how far its records file and its points journal were read, the names of its tag ids, the slots that
were reserved but not whole yet (*pending*, see `points`), and how many points of each tag were handed out. That last count is
what makes sealing invisible: a sealed file holds each tag's points in the same order, so as many of them are skipped as the
journal gave already. While journal and Parquet file both exist (a crash, or a sealer at work) only the journal is read.

    cursor := MessagePack of {writer: WriterCursor}

A pending slot is delivered when it becomes whole. Once its writer has ended or is dead, it is a hole if it is all zero (the
process died between reserving and filling it; that logging call never returned), else damage, and reported. A point whose
tag is not declared yet (a network file system may show the points file first) is pending, too.

Where a sealed file cannot be matched to what the journal gave (a pending slot was sealed, or the file is damaged), the batch
says `restart` and the run is read anew: it then is what a reader that comes now would see.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from .blobs import read_blob
from .errors import CrossboardError, Damaged, NotFound
from .framing import read_frames
from .kinds import Points, Problem
from .points import HEADER_SIZE, RECORD_DTYPE, RECORD_SIZE, decode_header, decode_records, undeclared_name
from .process import ProcessIdentity, life_of
from .records import Blob, Ended, Foreign, Opened, Sealed, TagDeclared, decode_record
from .rundir import RUN_FILE, find_runs, list_writers, points_name, read_run_file, records_name, sealed_name
from .sealed import read_sealed
from .source import Batch, FoundRun, Placed, Strand, WriterLife

FORMAT: Final = "native"
FIRST_LOOK: Final = 256 * RECORD_SIZE
"""Bytes read first at a cursor: a quiet journal costs one small read, not its grown room."""
MOST_RECORDS: Final = 1 << 28
"""Bytes of a records file taken in one read."""
MOST_PENDING: Final = 10_000
TELLING_HOLE: Final = 16
"""Empty slots in a row of reads that are reported as damage: a killed process leaves about one a thread."""
LIFE_S: Final = 1.0
"""How long an answer about a process stays good."""
UNDECLARED_AFTER_S: Final = 60.0
"""A point that old whose tag no record declares is shown under a name that says so."""
LATE_TOUCH_S: Final = 2.5
"""A journal touched that long after its last known point holds newer ones, behind more empty slots than a first look sees."""


class WriterCursor(msgspec.Struct, omit_defaults=True):
    """How far one writer was read."""

    attempt: int = 1
    rank: int = 0
    role: str = "main"
    records: int = 0
    slot: int = 0
    header: bool = False
    pending: list[int] = []
    tags: dict[int, str] = {}
    given: dict[str, int] = {}
    process: ProcessIdentity | None = None
    ended: bool = False
    sealed: Sealed | None = None
    sealed_read: bool = False
    closed: bool = False
    dropped: int = 0
    said: list[str] = []
    wall: float = 0.0
    searched: float = 0.0


class _Restart(Exception):
    """What was handed out no longer fits the files: the run is to be read anew."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(dict[str, WriterCursor])


def run_key(run_dir: str) -> str:
    """The key of the native run in `run_dir`."""
    return f"{FORMAT}:{os.path.abspath(run_dir)}"


class NativeSource:
    """The runs at `path`: a root, a project or one run. Implements `source.Source`."""

    format = FORMAT

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._found: dict[str, tuple[int, FoundRun]] = {}
        self._quiet: dict[str, list[str]] = {}
        self._lives: dict[ProcessIdentity, tuple[float, str]] = {}
        self.problems: dict[str, Problem] = {}
        """run.json files that could not be read, by path."""

    # -------------------------------------------------------------------------------------------------- scan

    def scan(self) -> list[FoundRun]:
        """List the runs that are there. A run whose run.json is damaged is listed by its directory's name."""
        found: list[FoundRun] = []
        seen: dict[str, tuple[int, FoundRun]] = {}
        for directory in find_runs(self.path):
            try:
                changed = os.stat(os.path.join(directory, RUN_FILE)).st_mtime_ns
            except OSError:
                continue
            known = self._found.get(directory)
            run = known[1] if known is not None and known[0] == changed else self._identify(directory)
            seen[directory] = (changed, run)
            found.append(replace(run, token=self._token(directory)))
        self._found = seen
        for directory in [one for one in self._quiet if one not in seen]:
            del self._quiet[directory]
        return found

    def _identify(self, directory: str) -> FoundRun:
        key = run_key(directory)
        try:
            run = read_run_file(directory)
        except (CrossboardError, OSError) as error:
            self.problems[directory] = Problem(os.path.join(directory, RUN_FILE), -1, str(error))
            created = 0.0
            with contextlib.suppress(OSError):
                created = os.stat(directory).st_mtime
            name = os.path.basename(directory)
            return FoundRun(key, directory, os.path.basename(os.path.dirname(directory)), name, name, created)
        self.problems.pop(directory, None)
        return FoundRun(key, directory, run.project, run.id, run.name, run.created, group=run.group, tags=tuple(run.tags), notes=run.notes)

    def _token(self, directory: str) -> object:
        """What is equal as long as a run whose writers are all closed has nothing new; None for every other run."""
        names = self._quiet.get(directory)
        if names is None:
            return None
        try:
            return (os.stat(directory).st_mtime_ns, *(os.stat(os.path.join(directory, name)).st_size for name in names))
        except OSError:
            return None

    # -------------------------------------------------------------------------------------------------- read

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`. One unreadable file takes down no other: it is a problem in the batch."""
        try:
            return self._read(run, cursor, max_bytes)
        except _Restart:
            return replace(self._read(run, None, max_bytes), restart=True)

    def _read(self, run: FoundRun, cursor: bytes | None, max_bytes: int) -> Batch:
        writers = _decoder.decode(cursor) if cursor else {}
        batch = Batch(cursor=b"")
        if cursor is None and run.path in self.problems:
            batch.problems.append(self.problems[run.path])
        budget = max_bytes
        names = list_writers(run.path)
        more = False
        for name in names:
            state = writers.setdefault(name, WriterCursor())
            if budget <= 0:
                more = True
                break
            try:
                budget -= _WriterReader(self, run.path, name, state, batch).read(budget)
            except CrossboardError as error:
                _say(state, batch, Problem(os.path.join(run.path, records_name(name)), -1, str(error)))
            except OSError as error:
                path = error.filename or os.path.join(run.path, points_name(name))
                _say(state, batch, Problem(path, -1, f"cannot be read: {error.strerror}"))
        if not more and names and all(writers[name].closed or writers[name].role == "board" for name in names):
            self._quiet[run.path] = [one for name in names if os.path.exists(os.path.join(run.path, one := records_name(name)))]
        else:
            self._quiet.pop(run.path, None)
        for name in names:
            if name in writers:
                batch.writers.append(self._life(run.path, name, writers[name]))
        return Batch(
            cursor=_encoder.encode(writers),
            strands=batch.strands,
            records=batch.records,
            problems=batch.problems,
            writers=batch.writers,
            more=more or budget <= 0,
        )

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob` of `run`. What lies outside this source is not handed out, whatever a record says."""
        if isinstance(blob, Foreign):
            path = os.path.realpath(os.path.join(run.path, blob.path))
            if os.path.commonpath([path, os.path.realpath(self.path)]) != os.path.realpath(self.path):
                raise NotFound(f"blob: want a file inside {self.path}, got {blob.path}; open that place as a source of its own")
            blob = msgspec.structs.replace(blob, path=path)
        return read_blob(run.path, blob)

    def life(self, process: ProcessIdentity) -> str:
        """`life_of`, asked at most once a second for each process; the dead stay dead."""
        now = time.monotonic()
        known = self._lives.get(process)
        if known is not None and (known[1] == "dead" or now - known[0] < LIFE_S):
            return known[1]
        life = life_of(process)
        self._lives[process] = (now, life)
        return life

    def _life(self, directory: str, name: str, state: WriterCursor) -> WriterLife:
        touched = state.wall
        for file in (points_name(name), records_name(name)):
            with contextlib.suppress(OSError):
                touched = max(touched, os.stat(os.path.join(directory, file)).st_mtime)
        return WriterLife(
            writer=name,
            attempt=state.attempt,
            rank=state.rank,
            role=state.role,
            life="ended" if state.ended else self.life(state.process) if state.process is not None else "unknown",
            touched=touched,
            dropped=state.dropped,
        )


def _say(state: WriterCursor, batch: Batch, problem: Problem) -> None:
    """Report `problem` once."""
    text = f"{os.path.basename(problem.path)}:{problem.offset}"
    if text not in state.said:
        state.said.append(text)
        batch.problems.append(problem)


class _WriterReader:
    """One read of one writer's files."""

    def __init__(self, source: NativeSource, directory: str, name: str, state: WriterCursor, batch: Batch) -> None:
        self.source = source
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
        return state.ended or (state.process is not None and self.source.life(state.process) == "dead")

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
            _say(state, self.batch, problem)
        for offset, payload in frames:
            try:
                record = decode_record(payload, path=self.records_path, offset=offset)
            except CrossboardError as error:
                _say(state, self.batch, Problem(self.records_path, offset, str(error)))
                continue
            if isinstance(record, TagDeclared):
                state.tags[record.id] = record.tag
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
            _say(state, self.batch, Problem(self.points_path, 0, str(error)))
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
                found.append((decoded.index, decoded.records))
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
                whole.append((decoded.index, decoded.records))
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
                _say(state, self.batch, Problem(self.points_path, offset, "point: check does not fit; point skipped"))
            else:
                empty.append(offset)
        if len(empty) >= TELLING_HOLE:
            what = f"{len(empty)} empty slots before later points: more than a killed process leaves; points may be gone"
            _say(state, self.batch, Problem(self.points_path, empty[0], what))

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
            _say(state, self.batch, Problem(self.points_path, first, what))
            state.tags[number] = name
        if not len(records):
            return
        ids = records["tag"]
        for tag, where in _by_tag(ids, state.tags):
            some = records[where]
            self._give(tag, Points(*(np.ascontiguousarray(some[name]) for name in ("step", "wall_time", "value"))))
        state.wall = max(state.wall, float(records["wall_time"].max()))

    def _give(self, tag: str, points: Points) -> None:
        state = self.state
        state.given[tag] = state.given.get(tag, 0) + len(points)
        self.batch.strands.append(Strand(tag, state.rank, state.attempt, self.name, points))

    # ----------------------------------------------------------------------------------------------- sealed

    def _read_sealed(self, gone: bool) -> int:
        """The points of the Parquet file that replaced the journal, less those that the journal gave already."""
        state = self.state
        path = os.path.join(self.directory, sealed_name(self.name))
        if not os.path.exists(path):
            if state.sealed is not None and state.sealed.points and state.sealed.file:
                _say(state, self.batch, Problem(path, -1, f"sealed points are gone: want {state.sealed.points} points"))
            if os.path.exists(self.points_path):
                return 0  # the journal came between two looks
            state.closed = gone
            return 0
        self._read_records(complete=False)  # the seal record may have come between two looks
        strands, problems = read_sealed(path, state.sealed)
        counts = {tag: len(points) for tag, points in strands}
        if state.pending or any(counts.get(tag, 0) < given or problems for tag, given in state.given.items()):
            raise _Restart
        for problem in problems:
            _say(state, self.batch, problem)
        for tag, points in strands:
            rest = points[state.given.get(tag, 0) :]
            if len(rest):
                self._give(tag, rest)
                state.wall = max(state.wall, float(rest.wall_time.max()))
        state.sealed_read = state.closed = True
        return os.path.getsize(path)


def _by_tag(ids: NDArray[Any], names: dict[int, str]) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Tag name and positions, ascending, of each tag in `ids`, in order of the tag's id."""
    top = int(ids.max())
    order = np.argsort(ids.astype(np.uint16) if top < 1 << 16 else ids, kind="stable")
    ordered = ids[order]
    starts = np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1, [len(ordered)]))
    places: dict[str, list[NDArray[np.intp]]] = {}
    for start, stop in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        places.setdefault(names[int(ordered[start])], []).append(order[start:stop])
    for tag, parts in places.items():
        yield tag, parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _pread(path: str, offset: int) -> bytes:
    """The bytes of `path` from `offset` on, at most `MOST_RECORDS`."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    try:
        length = min(os.fstat(file).st_size - offset, MOST_RECORDS)
        return os.pread(file, length, offset) if length > 0 else b""
    finally:
        os.close(file)


assert RECORD_DTYPE.itemsize == RECORD_SIZE
