"""Sealing: a writer's points journal becomes a Parquet file, once nobody will ever append to it.

Only a writer that recorded its own end, or whose process is *proven* dead on this host, is sealed. Silence never is a reason.

    1  create ``points-<writer>.sealing`` exclusively and lock it (flock); the sealer's process identity stands inside
    2  write the Parquet file under a temporary name, sync it
    3  rename it to ``points-<writer>.parquet``
    4  append `Sealed` (journal, its length, length and CRC-32C of the Parquet file) to the writer's records
    5  remove the journal
    6  remove the ``.sealing`` file

While the journal is there readers read it and nothing else, so a crash between any two steps loses no point and shows none
twice; whoever seals next does it again from the start and comes to the same file. A ``.sealing`` file that a crash left
behind is taken over when the process named in it is proven dead: under its lock, and only if it is still the file at that name.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from .errors import CrossboardError, Damaged
from .framing import encode_frame, read_frames
from .kinds import Points, Problem
from .points import HEADER_SIZE, RECORD_SIZE, decode_header, decode_records, undeclared_name
from .process import ProcessIdentity, life_of, this_process
from .records import Ended, Opened, Sealed, TagDeclared, decode_record, encode_record
from .rundir import list_writers, points_name, records_name, sealed_name, sealing_name, temporary_name
from .sealed import SealedStrand, file_crc32c, write_sealed

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_RDWR: Final = os.O_RDWR | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class SealReport:
    """What came of sealing one writer. state: "sealed", "open" (not ended, not proven dead), "busy" (another seals it),
    "nothing" (there is no journal), "failed". Bytes are of the journal's length before and the Parquet file's after."""

    writer: str
    state: str
    points: int = 0
    before: int = 0
    after: int = 0
    problems: tuple[Problem, ...] = ()
    why: str = ""


@dataclass(slots=True)
class _Known:
    """What a writer's records say, as far as sealing needs it.

    tags     id -> tag, and its own attempt or 0
    end      byte at which the next record is to stand: the file's length, or where a torn last record begins
    length   of the file
    """

    opened: Opened | None
    ended: bool
    tags: dict[int, tuple[str, int]]
    end: int
    length: int
    problems: list[Problem]


def no_step(name: str) -> None:
    """What a sealer does between two steps: nothing. A test of crashes puts something else in its place."""


def may_seal(run_dir: str) -> bool:
    """Whether `run_dir` belongs to the user of this process and can be written."""
    try:
        owner = os.stat(run_dir).st_uid
    except OSError:
        return False
    return (not hasattr(os, "getuid") or owner == os.getuid()) and os.access(run_dir, os.W_OK)


def needs_sealing(run_dir: str) -> bool:
    """Whether a points journal lies in `run_dir`: a cheap first look."""
    return any(os.path.exists(os.path.join(run_dir, points_name(writer))) for writer in list_writers(run_dir))


def seal_run(run_dir: str, *, step: Callable[[str], None] = no_step) -> list[SealReport]:
    """Seal every writer in `run_dir` that may be. One that fails stops no other."""
    return [seal_writer(run_dir, writer, step=step) for writer in list_writers(run_dir)]


def seal_writer(run_dir: str, writer: str, *, step: Callable[[str], None] = no_step) -> SealReport:
    """Seal the points of `writer`, if it may be. `step` is called with the name of each step when it is done."""
    journal = os.path.join(run_dir, points_name(writer))
    if not os.path.exists(journal):
        remove_stale(os.path.join(run_dir, sealing_name(writer)))  # of a sealer that died at its last step
        return SealReport(writer, "nothing")
    try:
        known = _records_of(run_dir, writer)
        if not _is_over(known, journal):
            return SealReport(writer, "open")
        with _only_one(os.path.join(run_dir, sealing_name(writer))) as won:
            if not won:
                return SealReport(writer, "busy")
            step("locked")
            return _seal(run_dir, writer, journal, _records_of(run_dir, writer), step)
    except FileNotFoundError:
        return SealReport(writer, "nothing")
    except (OSError, CrossboardError, ValueError) as error:
        return SealReport(writer, "failed", why=str(error))


def is_over(run_dir: str, writer: str) -> bool:
    """Whether `writer` recorded its end or is proven dead on this host."""
    return _is_over(_records_of(run_dir, writer), os.path.join(run_dir, points_name(writer)))


def _is_over(known: _Known, journal: str) -> bool:
    """Whether nobody will append to the journal any more."""
    if known.ended:
        return True
    if known.opened is None or known.opened.process is None:
        return False
    return os.path.exists(journal) and life_of(known.opened.process) == "dead"


def _records_of(run_dir: str, writer: str) -> _Known:
    path = os.path.join(run_dir, records_name(writer))
    known = _Known(None, False, {}, 0, 0, [])
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return known
    frames, known.end, known.problems = read_frames(data, path=path, complete=True)
    known.length = len(data)
    for offset, payload in frames:
        try:
            record = decode_record(payload, path=path, offset=offset)
        except Damaged as error:
            known.problems.append(Problem(path, offset, str(error)))
            continue
        if isinstance(record, Opened):
            known.opened = record
        elif isinstance(record, Ended):
            known.ended = True
        elif isinstance(record, TagDeclared):
            known.tags[record.id] = record.tag, record.attempt
    return known


def _seal(run_dir: str, writer: str, journal: str, known: _Known, step: Callable[[str], None]) -> SealReport:
    with open(journal, "rb") as file:
        data = file.read()
    header = decode_header(data[:HEADER_SIZE], path=journal)
    decoded = decode_records(memoryview(data)[HEADER_SIZE:], first=0)
    strands = _strands(decoded.records, known.tags)
    torn = [slot for slot in decoded.torn.tolist() if any(data[HEADER_SIZE + slot * RECORD_SIZE :][:RECORD_SIZE])]
    problems = [Problem(journal, HEADER_SIZE + slot * RECORD_SIZE, "point: check does not fit; not sealed") for slot in torn]
    records_path = os.path.join(run_dir, records_name(writer))
    if known.end != known.length:
        cut = f"{known.length - known.end} bytes of an unfinished record cut off, so that the seal record can be read"
        problems.append(Problem(records_path, known.end, cut))
    points = len(decoded.records)
    name, crc, length = "", 0, 0
    if points:
        name = sealed_name(writer)
        target = os.path.join(run_dir, name)
        temporary = os.path.join(run_dir, temporary_name(name))
        attempt, rank = (header.attempt, header.rank) if header is not None else (1, 0)
        about = {"journal": points_name(writer), "journal_bytes": str(len(data)), "writer": writer}
        try:
            write_sealed(temporary, strands, {**about, "attempt": str(attempt), "rank": str(rank)})
            _sync(temporary)
            step("written")
            crc, length = file_crc32c(temporary)
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        _sync(run_dir)
        step("renamed")
    sealed = Sealed(
        wall_time=time.time(),
        journal=points_name(writer),
        journal_bytes=len(data),
        file=name,
        length=length,
        crc32c=crc,
        points=points,
        damaged=len(torn),
    )
    _append(records_path, sealed, known.end if known.length != known.end else None)
    step("recorded")
    os.unlink(journal)
    step("removed")
    return SealReport(writer, "sealed", points, len(data), length, tuple(problems))


def _strands(records: Any, names: dict[int, tuple[str, int]]) -> list[SealedStrand]:
    """Points by tag and own attempt, in order of slots; two ids of one such name are one."""
    if not len(records):
        return []
    ids = records["tag"]
    numbers, codes = np.unique(ids, return_inverse=True)
    named = [names.get(int(number)) or (undeclared_name(int(number)), 0) for number in numbers]
    places = sorted(set(named))
    place = np.array([places.index(name) for name in named])[codes]
    order = np.argsort(place, kind="stable")
    stops = np.cumsum(np.bincount(place, minlength=len(places))).tolist()
    strands = []
    for (tag, attempt), start, stop in zip(places, [0, *stops[:-1]], stops, strict=True):
        some = records[order[start:stop]]
        points = Points(*(np.ascontiguousarray(some[column]) for column in ("step", "wall_time", "value")))
        strands.append(SealedStrand(tag, points, attempt))
    return strands


def _append(path: str, record: Sealed, cut_at: int | None) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0))
    try:
        if cut_at is not None:
            os.ftruncate(descriptor, cut_at)
        before = os.fstat(descriptor).st_size
        data = encode_frame(encode_record(record))
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, before)
            raise OSError(28, "no room for the seal record", path)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync(path: str) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot sync a directory
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


# -------------------------------------------------------------------------------------- one sealer at a time


@contextlib.contextmanager
def _only_one(path: str) -> Iterator[bool]:
    """Hold the ``.sealing`` file at `path` for the length of the block; False when another holds it."""
    descriptor = _create(path)
    if descriptor is None:
        descriptor = _take_over(path)
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        with contextlib.suppress(OSError):
            if os.fstat(descriptor).st_ino == os.stat(path).st_ino:
                os.unlink(path)
        os.close(descriptor)


def _create(path: str) -> int | None:
    try:
        descriptor = os.open(path, _RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        return None
    _lock(descriptor)
    os.write(descriptor, msgspec.json.encode(this_process()))
    return descriptor


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def holder_of(path: str) -> ProcessIdentity | None:
    """The process named in a ``.sealing`` file; None when it cannot be read."""
    try:
        with open(path, "rb") as file:
            return msgspec.json.decode(file.read(), type=ProcessIdentity)
    except (OSError, msgspec.MsgspecError):
        return None


def _take_over(path: str) -> int | None:
    """The ``.sealing`` file of a sealer that is proven dead, locked and with our name in it; None when it may live."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(path, _RDWR)
    except OSError:
        return None
    try:
        holder = holder_of(path)
        same = _lock(descriptor) and os.fstat(descriptor).st_ino == os.stat(path).st_ino
        # a name that was never written whole: its creator died between creating and writing, or writes it this moment
        if holder is None and same:
            holder = _aged(descriptor)
        if same and holder is not None and life_of(holder) == "dead" and holder_of(path) in (holder, None):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, msgspec.json.encode(this_process()), 0)
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None


def _aged(descriptor: int) -> ProcessIdentity | None:
    """Stands for the creator of an empty file that is older than 60 s and that nobody holds locked: dead on this host."""
    if time.time() - os.fstat(descriptor).st_mtime < 60:
        return None
    return msgspec.structs.replace(this_process(), pid=1, start_ticks=1)


def is_stale(path: str) -> bool:
    """Whether the ``.sealing`` file at `path` names a process that is proven dead."""
    holder = holder_of(path)
    return holder is not None and life_of(holder) == "dead"


def remove_stale(path: str) -> bool:
    """Remove the ``.sealing`` file at `path` if it may be taken over; say whether it was."""
    descriptor = _take_over(path) if os.path.exists(path) else None
    if descriptor is None:
        return False
    try:
        os.unlink(path)
    finally:
        os.close(descriptor)
    return True
