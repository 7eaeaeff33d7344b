"""Histograms that stay in the file until they are asked for: found many at a time, and read one by one.

    Event := 09 wall_time:f64  [10 step:varint]  2a size { 0a size { 0a size tag  2a size HistogramProto } }
    HistogramProto := [09 min] [11 max] [19 num] [21 sum] [29 sum_squares]  32 size limits:f64*  3a size counts:f64*

So torch, tensorboardX and TensorFlow 1 write them, and hardly two are of one length: a walk goes through all of them at once.
TensorFlow 2 writes a tensor of rows (left, right, count) and names the plugin; the records of a tag are the same in every byte but
those of time, step and values. An event that says anything else is left to the caller, who looks at it at once. What the numbers
themselves are is seen when they are read, and so is whether the file still holds what was found: a record is read with its checksum.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....store.framing import HEADER, OVERHEAD, masked_crc
from ....store.kinds import F64, I64, Problem
from ....store.source import Placed, Unread
from .events import event_of
from .fields import NotAMessage, text, varint
from .frames import unaligned
from .points import UNREADABLE, Piece, points_of, rounded_of
from .storage import Bytes, Storage

U8 = NDArray[np.uint8]
HISTOGRAMS: Final = "histograms"
"""The plugin."""
MOST_OTHERS: Final = 3
"""When so many records of one length have no form, the rest of that length is left to the caller."""
FEW: Final = 2
"""So many records of one length are not worth comparing."""
SHORTEST: Final = 38
"""Fewer bytes hold no histogram of this form."""
FAR: Final = 1 << 40
"""Behind every piece."""
NEAR: Final = 64 << 10
"""Records with so little between them are fetched together,"""
MOST_FETCHED: Final = 8 << 20
"""and so many bytes at once."""


class Histograms(NamedTuple):
    """record: int64, which of the records given, ascending; tag: which of `tags` each has; told: the tags whose records name the
    plugin, each with the first that does."""

    tags: tuple[str, ...]
    record: I64
    tag: I64
    step: I64
    wall_time: F64
    told: dict[str, int]

    def those(self, where: slice | NDArray[Any]) -> Histograms:
        """Some of them: a slice, a mask or an order."""
        return Histograms(self.tags, self.record[where], self.tag[where], self.step[where], self.wall_time[where], self.told)


class _Found(NamedTuple):
    """Records of one form. name: where the tag of each begins and ends."""

    record: I64
    name: I64
    behind: I64
    step: I64


NONE: Final = Histograms((), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), {})


def find_histograms(data: bytes, start: I64, size: I64, records: I64) -> tuple[Histograms, I64]:
    """Those of `records` (of all that begin at `start` of `data`) that are a histogram and nothing else; and which are left."""
    which = records[size[records] >= SHORTEST]
    if not len(which):
        return NONE, records
    view = np.frombuffer(data, np.uint8)
    found = [_first_form(view, start, size, which)]
    left = np.ones(len(start), bool)
    left[found[0].record] = False
    found += _second_form(data, view, start, size, which[left[which]])
    tags: dict[str, int] = {}
    told: dict[str, int] = {}
    numbers: list[int] = []
    for form, one in enumerate(found):
        left[one.record] = False
        names: dict[bytes, int] = {}
        for record, a, b in zip(one.record.tolist(), one.name.tolist(), one.behind.tolist(), strict=True):
            name = data[a:b]
            if name not in names:
                tag = text(name, 0, len(name))
                names[name] = tags.setdefault(tag, len(tags))
                if form:
                    told[tag] = min(record, told.get(tag, record))
            numbers.append(names[name])
    if not numbers:
        return NONE, records
    record, step = (np.concatenate(columns) for columns in ([one.record for one in found], [one.step for one in found]))
    wall_time = unaligned(view, 8, "<f")[start[record] + 1]
    made = Histograms(tuple(tags), record, np.array(numbers), step, wall_time, told)
    return made if len(found) == 1 else made.those(np.argsort(record)), records[left[records]]


def _first_form(view: U8, start: I64, size: I64, which: I64) -> _Found:
    """Those with a HistogramProto."""
    end = start[which] + size[which]
    walk = _Walk(view, start[which])
    walk.want(0x09)
    walk.at = walk.at + 8
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
    if not walk.fits.any():
        return _Found(which[:0], which[:0], which[:0], which[:0])
    length = walk.size()
    walk.fits &= length == end - walk.at
    for key in (0x09, 0x11, 0x19, 0x21, 0x29):
        walk.at = walk.at + np.where(walk.next_is(key), 9, 0)
    walk.want(0x32)
    limits = walk.size()
    walk.at = walk.at + limits
    walk.want(0x3A)
    counts = walk.size()
    fits = walk.fits & (limits == counts) & (counts == end - walk.at) & (counts % 8 == 0) & (counts > 0)
    return _Found(which[fits], name[fits], behind[fits], step[fits])


class _Form(NamedTuple):
    """How a record with a tensor of rows looks. mask: bits of its first bytes that all records of this form share, up to the tensor's
    values; tail: its last bytes, behind these; step: bytes of the step's varint; name, behind: where the tag begins and ends."""

    head: bytes
    mask: U8
    tail: bytes
    step: int
    name: int
    behind: int


def _second_form(data: bytes, view: U8, start: I64, size: I64, which: I64) -> list[_Found]:
    """Those with a tensor. Of each length one is looked at, and others that share all its bytes but those of time, step, tag and
    values are like it."""
    found: list[_Found] = []
    order = which[np.argsort(size[which], kind="stable")]
    edges = np.flatnonzero(np.diff(size[order])) + 1
    for rows in np.split(order, edges):
        others = 0
        while len(rows) > FEW and others < MOST_OTHERS:
            begin = int(start[rows[-1]])
            form = _form_of(data[begin : begin + int(size[rows[-1]])])
            if form is None:
                rows, others = rows[:-1], others + 1
                continue
            places = start[rows]
            head = _bytes_at(view, places, len(form.head))
            same = ((head & form.mask) == np.frombuffer(form.head, np.uint8) & form.mask).all(axis=1)
            ends = places + size[rows] - len(form.tail)
            same &= (_bytes_at(view, ends, len(form.tail)) == np.frombuffer(form.tail, np.uint8)).all(axis=1)
            step = np.zeros(len(rows), np.uint64)
            for place in range(form.step):
                step |= (head[:, 10 + place] & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * place)
            found.append(_Found(rows[same], places[same] + form.name, places[same] + form.behind, step.view(np.int64)[same]))
            rows = rows[~same]
    return found


def _bytes_at(view: U8, places: I64, width: int) -> U8:
    """A row of `width` bytes from each place."""
    return unaligned(view, width, "V")[places].view(np.uint8).reshape(len(places), width)


def _form_of(record: bytes) -> _Form | None:
    """The form of a record, None when it is no histogram in a tensor whose values stand side by side."""
    try:
        event = event_of(record, 0, len(record))
        (value,) = event.values
        tensor = value.tensor
        if value.plugin != HISTOGRAMS or tensor is None or tensor.content is None or tensor.parts or tensor.whole or tensor.strings:
            return None
        begin, end = tensor.content
        width = {"float32": 4, "float64": 8}.get(tensor.dtype, 0)
        if len(tensor.shape) != 2 or tensor.shape[1] != 3 or end - begin != 3 * width * tensor.shape[0] or end == begin:
            return None
        at, step = 9, 0
        if record[0] != 0x09:
            return None
        if record[at] == 0x10:
            _, behind = varint(record, at + 1, len(record))
            step, at = behind - at - 1, behind
        for key in (0x2A, 0x0A):
            if record[at] != key:
                return None
            length, at = varint(record, at + 1, len(record))
            if length != len(record) - at:
                return None
        if record[at] != 0x0A:
            return None
        length, name = varint(record, at + 1, len(record))
    except (NotAMessage, ValueError, IndexError):
        return None
    behind = name + length
    if not name < begin or behind > begin or end == len(record):
        return None
    mask = np.full(begin, 0xFF, np.uint8)
    mask[1:9] = 0
    mask[10 : 10 + step] = 0x80
    mask[name:behind] = 0
    return _Form(record[:begin], mask, record[end:], step, name, behind)


class _Walk:
    """Walks through many records at once, as far as each holds what is wanted. at: where it is in each; fits: whether it holds it."""

    def __init__(self, view: U8, at: I64) -> None:
        self._view, self._last = view, len(view) - 1
        self.at = at
        self.fits = np.ones(len(at), bool)

    def next_is(self, key: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = self._view[np.minimum(self.at, self._last)] == key
        return found

    def want(self, key: int) -> None:
        self.fits &= self.next_is(key)
        self.at = self.at + 1

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
    rounded: set[str] = set()
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
                plugins = {value.tag: HISTOGRAMS for value in event.values}
                found += [
                    Placed(point, unread.writer, unread.attempt, unread.rank, unread.path, offset)
                    for point in points_of(piece, event, plugins)
                ]
                rounded |= piece.rounded
            except UNREADABLE as error:
                problems.append(Problem(unread.path, offset, f"histogram: {error}; left out"))
    except OSError as error:
        problems.append(Problem(unread.path, -1, f"cannot be read: {error.strerror}"))
    finally:
        opened.close()
    return found, problems + rounded_of(unread.path, rounded)


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
