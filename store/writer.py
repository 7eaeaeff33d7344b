"""The journal's writing side: one writer's two files, `points` and `framing` say how they look.

Points: a mapped journal hands out *slots* from an iterator over the slots of its newest segment. Taking one is a single step in
C, so threads and signal handlers that log inside a logging call each get their own slot, and the hot path needs no lock: it
takes a slot, packs 32 bytes into the map and is done. The iterator ends with the segment; whoever finds it empty goes on to
the next segment under a lock. The helper thread prepares that segment ahead of need (`prepare`); when it is late it is made
inside the call.

Growth: a segment is an eighth of the file, rounded up to 64 KiB, at most 4 MiB, prepared when the newest is half used. At
100,000 points that is at most 38 bytes a point on disk; doubling would be 41 and more. Room is taken with posix_fallocate, so a
full disk is an error here and never a SIGBUS at a store. Then points are dropped and counted, also in the file's header.

A journal that may not be mapped (`filesystem`) has the same records, one pwrite(2) a call.
"""

from __future__ import annotations

import contextlib
import itertools
import mmap
import operator
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from .framing import encode_frame
from .kinds import F64, I64
from .points import (
    DROPPED_AT,
    HEADER_SIZE,
    RECORD,
    RECORD_DTYPE,
    RECORD_SIZE,
    PointsHeader,
    check_of,
    checks_of,
    encode_header,
)
from .records import Record, encode_record
from .rundir import points_name, records_name

SMALLEST: Final = 64 << 10
LARGEST: Final = 4 << 20
RETRY_S: Final = 1.0
"""How often growth is tried again on a full disk."""
_FLAGS: Final = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class Hot(NamedTuple):
    """What a logging call needs to keep a point without a lock.

    slots  numbers of free slots of the newest segment; ends with it
    buffer its map, or None where points are not kept by packing into a map
    bias   byte of slot s in the buffer is 32 s + bias
    """

    slots: Iterator[int]
    buffer: Any
    bias: int


NO_ROOM: Final = Hot(iter(()), None, 0)


class Segment(NamedTuple):
    """A mapped stretch of the file: bytes start to start + size."""

    start: int
    size: int
    buffer: Any

    def hot(self) -> Hot:
        first = (max(self.start, HEADER_SIZE) - HEADER_SIZE) // RECORD_SIZE
        last = (self.start + self.size - HEADER_SIZE) // RECORD_SIZE
        return Hot(iter(range(first, last)), self.buffer, HEADER_SIZE - self.start)


_NO_SEGMENT: Final = Segment(0, 0, None)


def growth(size: int) -> int:
    """Bytes by which a journal of `size` bytes grows next."""
    return min(LARGEST, max(SMALLEST, -(-size // 8 // SMALLEST) * SMALLEST))


def _packed(first: int, tag: int, values: F64, steps: I64, now: float) -> bytes:
    """Records of one tag that stand in the slots from `first` on."""
    made = np.empty(len(values), RECORD_DTYPE)
    made["value"], made["step"], made["wall_time"], made["tag"] = values, steps, now, tag
    made["check"] = checks_of(np.arange(first, first + len(values), dtype=np.int64), made["step"], made["tag"])
    return made.tobytes()


class MappedPoints:
    """A points journal that is mapped. Raises OSError when it cannot be made."""

    way = "mmap"

    def __init__(self, path: str, header: PointsHeader) -> None:
        self.path = path
        self.dropped = 0
        self.full = ""
        """Why there is no room, or ''."""
        self._lock = threading.RLock()
        self._advancing = False
        self._late: deque[tuple[int, float, int, float]] = deque()
        self._next: Segment | None = None
        self._tried = 0.0
        self._closed = False
        self.switches = 0
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o644)
        try:
            self.size = 0
            self._newest = self._make(SMALLEST)
        except OSError:
            os.close(self.fd)
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        self._header: mmap.mmap | None = self._newest.buffer
        self._header[:HEADER_SIZE] = encode_header(header)
        self.hot = self._newest.hot()

    def _make(self, size: int) -> Segment:
        os.posix_fallocate(self.fd, self.size, size)
        buffer = mmap.mmap(self.fd, size, offset=self.size)
        if hasattr(mmap, "MADV_DONTFORK"):
            buffer.madvise(mmap.MADV_DONTFORK)
        segment = Segment(self.size, size, buffer)
        self.size += size
        return segment

    @property
    def used(self) -> int:
        """Slots handed out so far."""
        hot, segment = self.hot, self._newest
        if hot.buffer is None:
            return (self.size - HEADER_SIZE) // RECORD_SIZE
        return (segment.start + segment.size - HEADER_SIZE) // RECORD_SIZE - operator.length_hint(hot.slots)

    def put(self, tag: int, value: float, step: int, now: float) -> None:
        """Keep one point, or count it as dropped. The slow twin of the hot path; any thread, also inside a signal handler."""
        while True:
            hot = self.hot
            slot = next(hot.slots, -1)
            if slot >= 0:
                RECORD.pack_into(hot.buffer, (slot << 5) + hot.bias, value, step, now, check_of(slot, step, tag), tag)
                return
            with self._lock:
                if self._advancing:  # a signal handler inside `_advance` of this very thread
                    self._late.append((tag, value, step, now))
                    return
                if not self._advance(hot):
                    self._drop(1)
                    return

    def put_all(self, items: Sequence[tuple[int, float]], step: int, now: float) -> None:
        """`put` for several tags."""
        for tag, value in items:
            self.put(tag, value, step, now)

    def put_many(self, tag: int, values: F64, steps: I64, now: float) -> None:
        """Keep the points of one tag, in order, or count those for which there is no room as dropped. values: float64; steps: int64."""
        done = 0
        while done < len(values):
            hot = self.hot
            slots = tuple(itertools.islice(hot.slots, len(values) - done))  # one step in C, and so in one stretch
            if slots:
                part = slice(done, done + len(slots))
                data = _packed(slots[0], tag, values[part], steps[part], now)
                at = (slots[0] << 5) + hot.bias
                hot.buffer[at : at + len(data)] = data
                done += len(slots)
                continue
            self.put(tag, float(values[done]), int(steps[done]), now)  # goes on to the next segment
            done += 1

    def _advance(self, hot: Hot) -> bool:
        """Go on to the segment after `hot`, unless that was done meanwhile; False when there is no room."""
        if self._closed or (self.full and time.monotonic() - self._tried < RETRY_S):
            return False
        self._advancing = True
        try:
            # asked behind the flag: before it, a signal handler of this thread may have gone on already
            if self.hot is not hot:
                return True
            segment, self._next = self._next, None
            if segment is None:
                self._tried = time.monotonic()
                segment = self._make(growth(self.size))
            self._newest = segment
            self.switches += 1
            self.hot = segment.hot()
            self.full = ""
        except (OSError, ValueError) as error:
            self.full = f"{type(error).__name__}: {error}"
            self.hot = NO_ROOM
            return False
        finally:
            self._advancing = False
            while self._late:
                self.put(*self._late.popleft())
        return True

    def _drop(self, count: int) -> None:
        self.dropped += count
        header = self._header
        if header is not None:
            struct.pack_into("<Q", header, DROPPED_AT, self.dropped)

    def prepare(self) -> None:
        """Make the next segment when the newest is half used. For the helper thread."""
        hot, segment = self.hot, self._newest
        if self._next is not None or self._closed or hot.buffer is None:
            return
        if operator.length_hint(hot.slots) * RECORD_SIZE * 2 > segment.size:
            return
        with self._lock:
            if self._next is None and not self._closed and not self._advancing and self.hot is hot:
                with contextlib.suppress(OSError, ValueError):  # a full disk is met again, and said, when the room is needed
                    self._next = self._make(growth(self.size))

    def stop(self, why: str) -> None:
        """Keep nothing any more: every further point counts as dropped."""
        with self._lock:
            self._closed, self.full, self.hot = True, why, NO_ROOM

    def close(self) -> int:
        """Cut the file to its last slot and let go of it; return how many slots were used."""
        with self._lock:
            if self._closed and self.hot is NO_ROOM and self.fd < 0:
                return 0
            # taken in one step in C: a thread that logs meanwhile has its slot before the cut or gets none. A slot behind it
            # would be a store behind the end of the file, which is a SIGBUS
            free = tuple(self.hot.slots)
            used = self.used - len(free)
            self._closed, self.hot = True, NO_ROOM
            with contextlib.suppress(OSError):
                os.ftruncate(self.fd, HEADER_SIZE + used * RECORD_SIZE)
            # a map goes when the last call that holds it has returned; until then it keeps the file, even a removed one, on the disk
            self._next = self._header = None
            self._newest = _NO_SEGMENT
            with contextlib.suppress(OSError):
                os.close(self.fd)
            self.fd = -1
            return used

    def forget(self) -> None:
        """In a forked child: let go of what belongs to the parent, without touching the file."""
        self._closed, self.hot = True, NO_ROOM
        with contextlib.suppress(OSError):
            os.close(self.fd)
        self.fd = -1


class WrittenPoints:
    """A points journal that is written with one pwrite(2) a call. Raises OSError when it cannot be made."""

    way = "write"

    def __init__(self, path: str, header: PointsHeader) -> None:
        self.path = path
        self.dropped = 0
        self.full = ""
        self.hot = NO_ROOM
        self.switches = 0
        self._closed = False
        self._slots = itertools.count()
        self._free: deque[int] = deque()
        self._taken = 0
        self._lock = threading.RLock()
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o644)
        try:
            self._pwrite(encode_header(header), 0)
        except OSError:
            os.close(self.fd)
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise

    def _pwrite(self, data: bytes, at: int) -> None:
        if hasattr(os, "pwrite"):
            done = os.pwrite(self.fd, data, at)
            while 0 < done < len(data):  # a full disk took a part: the rest says why
                done += os.pwrite(self.fd, data[done:], at + done)
        else:
            with self._lock:
                os.lseek(self.fd, at, os.SEEK_SET)
                os.write(self.fd, data)

    @property
    def used(self) -> int:
        """Slots handed out so far."""
        return self._taken

    def put(self, tag: int, value: float, step: int, now: float) -> None:
        """Keep one point, or count it as dropped."""
        self.put_all(((tag, value),), step, now)

    def put_all(self, items: Sequence[tuple[int, float]], step: int, now: float) -> None:
        """Keep several points with one write, or count them as dropped. The slots are taken in one step in C."""
        if self._closed:
            self.dropped += len(items)
            return
        if self._free:
            for item in items:
                self._put_in_freed(item, step, now)
            return
        slots = tuple(itertools.islice(self._slots, len(items)))
        data = b"".join(
            RECORD.pack(value, step, now, check_of(slot, step, tag), tag) for slot, (tag, value) in zip(slots, items, strict=True)
        )
        try:
            self._pwrite(data, HEADER_SIZE + slots[0] * RECORD_SIZE)
            self._taken = max(self._taken, slots[-1] + 1)
            self.full = ""
        except OSError as error:
            self._free.extend(slots)
            self._drop(len(items), error)

    def put_many(self, tag: int, values: F64, steps: I64, now: float) -> None:
        """Keep the points of one tag, in order, with one write, or count them as dropped. values: float64; steps: int64."""
        if self._closed or self._free:
            for value, step in zip(values.tolist(), steps.tolist(), strict=True):
                self.put(tag, value, step, now)
            return
        slots = tuple(itertools.islice(self._slots, len(values)))
        if not slots:
            return
        try:
            self._pwrite(_packed(slots[0], tag, values, steps, now), HEADER_SIZE + slots[0] * RECORD_SIZE)
            self._taken = max(self._taken, slots[-1] + 1)
            self.full = ""
        except OSError as error:
            self._free.extend(slots)
            self._drop(len(slots), error)

    def _put_in_freed(self, item: tuple[int, float], step: int, now: float) -> None:
        """Keep one point in a slot that a full disk left empty, so that no gap stays in the file."""
        try:
            slot = self._free.popleft()
        except IndexError:  # another thread took the last one
            slot = next(self._slots)
        tag, value = item
        try:
            self._pwrite(RECORD.pack(value, step, now, check_of(slot, step, tag), tag), HEADER_SIZE + slot * RECORD_SIZE)
            self._taken = max(self._taken, slot + 1)
            self.full = ""
        except OSError as error:
            self._free.appendleft(slot)
            self._drop(1, error)

    def _drop(self, count: int, error: OSError) -> None:
        self.full = f"{type(error).__name__}: {error}"
        self.dropped += count
        with contextlib.suppress(OSError):
            self._pwrite(struct.pack("<Q", self.dropped), DROPPED_AT)

    def prepare(self) -> None:
        """Nothing to prepare: a write grows the file."""

    def stop(self, why: str) -> None:
        """Keep nothing any more: every further point counts as dropped."""
        self._closed, self.full = True, why

    def close(self) -> int:
        """Let go of the file; return how many slots were used."""
        with self._lock:
            if self.fd >= 0:
                self._closed = True
                with contextlib.suppress(OSError):
                    os.close(self.fd)
                self.fd = -1
            return self._taken

    def forget(self) -> None:
        """In a forked child: let go of what belongs to the parent, without touching the file."""
        self.close()


class RecordsFile:
    """A records file: whole frames, one write(2) each. Raises OSError when it cannot be made."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | _FLAGS, 0o644)

    def append(self, *records: Record) -> None:
        """Append `records`. Raises OSError; then none of a record that did not fit stays."""
        data = b"".join(encode_frame(encode_record(record)) for record in records)
        done = os.write(self.fd, data)
        if done != len(data):
            os.ftruncate(self.fd, os.fstat(self.fd).st_size - done)
            raise OSError(28, f"only {done} of {len(data)} bytes fitted", self.path)

    def close(self) -> None:
        if self.fd >= 0:
            with contextlib.suppress(OSError):
                os.close(self.fd)
            self.fd = -1


PointsFile = MappedPoints | WrittenPoints


def open_points(run_dir: str, header: PointsHeader, way: str) -> PointsFile:
    """Make the points journal of `header.writer` in `run_dir`."""
    path = os.path.join(run_dir, points_name(header.writer))
    return MappedPoints(path, header) if way == "mmap" else WrittenPoints(path, header)


def open_records(run_dir: str, writer: str) -> RecordsFile:
    """Make the records file of `writer` in `run_dir`."""
    return RecordsFile(os.path.join(run_dir, records_name(writer)))
