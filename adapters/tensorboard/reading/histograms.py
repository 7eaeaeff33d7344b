"""Histograms that stay in the file until they are asked for: found many at a time, and read one by one.

    Event := 09 wall_time:f64  [10 step:varint]  2a size { 0a size { 0a size tag  2a size HistogramProto } }
    HistogramProto := [09 min] [11 max] [19 num] [21 sum] [29 sum_squares]  32 size limits:f64*  3a size counts:f64*

So torch, tensorboardX and TensorFlow 1 write them, and hardly two are of one length. An event that says anything else is left to the
caller, who looks at it at once. What the numbers themselves are is seen when they are read, and so is whether the file still
holds what was found: a record is read with its checksum.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....store.framing import HEADER, OVERHEAD, masked_crc
from ....store.kinds import F64, I64, Problem
from ....store.source import Placed, Unread
from .events import event_of
from .fields import NotAMessage, text
from .frames import unaligned
from .points import UNREADABLE, Piece, points_of
from .storage import Bytes, Storage

U8 = NDArray[np.uint8]
SHORTEST: Final = 48
"""Fewer bytes hold no histogram of this form."""
FAR: Final = 1 << 40
"""Behind every piece."""
NEAR: Final = 64 << 10
"""Records with so little between them are fetched together,"""
MOST_FETCHED: Final = 8 << 20
"""and so many bytes at once."""


class Histograms(NamedTuple):
    """record: int64, which of the records given, ascending; tag: which of `tags` each has."""

    tags: tuple[str, ...]
    record: I64
    tag: I64
    step: I64
    wall_time: F64


NONE: Final = Histograms((), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


def find_histograms(data: bytes, start: I64, size: I64, records: I64) -> tuple[Histograms, I64]:
    """Those of `records` (of all that begin at `start` of `data`) that are a histogram and nothing else; and which are left."""
    which = records[size[records] >= SHORTEST]
    if not len(which):
        return NONE, records
    view = np.frombuffer(data, np.uint8)
    begin = start[which]
    end = begin + size[which]
    walk = _Walk(view, begin)
    walk.want(0x09)
    walk.at += 8
    step = walk.optional_varint(0x10)
    for key in (0x2A, 0x0A):
        walk.want(key)
        length = walk.size()
        walk.fits &= length == end - walk.at
    walk.want(0x0A)
    length = walk.size()
    name = walk.at
    walk.at = name + length
    behind = walk.at
    walk.want(0x2A)
    length = walk.size()
    walk.fits &= length == end - walk.at
    for key in (0x09, 0x11, 0x19, 0x21, 0x29):
        walk.at += np.where(walk.next_is(key), 9, 0)
    walk.want(0x32)
    limits = walk.size()
    walk.at += limits
    walk.want(0x3A)
    counts = walk.size()
    fits = walk.fits & (limits == counts) & (counts == end - walk.at) & (counts % 8 == 0) & (counts > 0)
    which, begin = which[fits], begin[fits]
    if not len(which):
        return NONE, records
    names: dict[bytes, int] = {}
    tags = [names.setdefault(data[a:b], len(names)) for a, b in zip(name[fits].tolist(), behind[fits].tolist(), strict=True)]
    left = np.ones(len(start), bool)
    left[which] = False
    wall_time = unaligned(view, 8, "<f")[begin + 1]
    found = Histograms(tuple(text(one, 0, len(one)) for one in names), which, np.array(tags), step[fits], wall_time)
    return found, records[left[records]]


class _Walk:
    """Walks through many records at once, as far as each holds what is wanted. at: where it is in each; fits: whether it holds it."""

    def __init__(self, view: U8, at: I64) -> None:
        self._view, self._last = view, len(view) - 1
        self.at = at.copy()
        self.fits = np.ones(len(at), bool)

    def next_is(self, key: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._view[np.minimum(self.at, self._last)] == key
        return found

    def want(self, key: int) -> None:
        self.fits &= self.next_is(key)
        self.at += 1

    def varint(self) -> I64:
        value = np.zeros(len(self.at), np.uint64)
        more = np.ones(len(self.at), bool)
        at = self.at.copy()
        for shift in range(0, 70, 7):
            byte = self._view[np.minimum(at, self._last)]
            value |= np.where(more, byte & 0x7F, 0).astype(np.uint64) << np.uint64(shift)
            at += more
            more &= byte >= 0x80
            if not more.any():
                break
        self.fits &= ~more
        self.at = at
        return value.view(np.int64)

    def optional_varint(self, key: int) -> I64:
        """The field `key` where it stands, else 0."""
        there, at = self.next_is(key), self.at
        self.at = at + 1
        value = self.varint()
        self.at = np.where(there, self.at, at)
        return np.where(there, value, 0)

    def size(self) -> I64:
        """A length; `FAR` for any that no piece has."""
        value = self.varint()
        return np.where((value < 0) | (value > FAR), FAR, value)


def read_points(directory: str, unread: Unread, storage: Storage) -> tuple[list[Placed], list[Problem]]:
    """The points of a run in `directory` that were found and not read, and what was wrong with those that are left out."""
    found: list[Placed] = []
    problems: list[Problem] = []
    name = os.path.relpath(unread.path, directory)
    try:
        opened = storage.open(unread.path)
    except OSError as error:
        return [], [Problem(unread.path, -1, f"cannot be read: {error.strerror}; {len(unread)} histograms left out")]
    try:
        for offset, frame in _frames(opened, unread):
            try:
                begin = HEADER.size
                if len(frame) < OVERHEAD or masked_crc(frame[begin:-4]) != int.from_bytes(frame[-4:], "little"):
                    raise NotAMessage("another record than the one that was found here")
                piece = Piece(frame, name, offset)
                event = event_of(frame, begin, len(frame) - 4)
                found += [
                    Placed(point, unread.writer, unread.attempt, unread.rank, unread.path, offset) for point in points_of(piece, event, {})
                ]
            except UNREADABLE as error:
                problems.append(Problem(unread.path, offset, f"histogram: {error}; left out"))
    except OSError as error:
        problems.append(Problem(unread.path, -1, f"cannot be read: {error.strerror}"))
    finally:
        opened.close()
    return found, problems


def _frames(opened: Bytes, unread: Unread) -> Iterator[tuple[int, bytes]]:
    """Each record's offset and bytes; those that lie near each other are fetched together. Raises OSError."""
    offsets, lengths = unread.offset.tolist(), unread.length.tolist()
    first = 0
    while first < len(offsets):
        begin, end, last = offsets[first], offsets[first] + lengths[first], first + 1
        while last < len(offsets) and end <= offsets[last] <= end + NEAR and offsets[last] + lengths[last] - begin <= MOST_FETCHED:
            end, last = offsets[last] + lengths[last], last + 1
        data = opened.read(end - begin, begin)
        for offset, length in zip(offsets[first:last], lengths[first:last], strict=True):
            yield offset, data[offset - begin : offset - begin + length]
        first = last
