"""Numbers out of event records, all records of a piece of a file at a time, without looking at them one by one.

    Event := 09 wall_time:f64  [10 step:varint]  2a size { 0a size { 0a size tag  rest } }

`rest` is what tells a number: ``15 f32`` (simple_value), or a rank-0 tensor with metadata. Records of one length and one tag are
the same in every byte but those of wall time, step and value. So one record of each length is decoded by itself, which gives its
*layout*; records that have its bytes wherever the layout says that they must not differ are decoded together, as columns. What has
no such layout (several values in an event, other kinds) is left to the caller.

Field numbers: event.proto, summary.proto and tensor.proto of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....store.kinds import F64, I64
from .events import PLAIN, number_form
from .fields import NotAMessage, text, varint
from .frames import unaligned

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
LONGEST: Final = 1024
"""A record above this is no number, or one of few."""
FEW: Final = 3
"""So many records of one length are not worth comparing."""
MOST_OTHERS: Final = 16
"""When so many records of one length have no layout, the rest of that length is left to the caller."""
MIX: Final = np.uint64(0x9E3779B97F4A7C15)


class Numbers(NamedTuple):
    """Numbers of one tag that look alike.

    plugin     the plugin name that the records themselves carry, "" for none
    simple     whether they are simple_values, which need no plugin
    record     int64, which of the records given, ascending
    step, wall_time, value   the points
    """

    tag: str
    plugin: str
    simple: bool
    record: I64
    step: I64
    wall_time: F64
    value: F64


class Layout(NamedTuple):
    """Where things stand in a record. mask: for each of its bytes the bits that are the same in every record of this layout and tag.

    step     bytes of the step's varint, which begins behind wall time; 0 when there is none
    value    where the value begins
    width    its bytes, 4 or 8
    """

    tag: str
    plugin: str
    simple: bool
    step: int
    value: int
    width: int
    mask: bytes


def find_numbers(data: bytes, start: I64, size: I64) -> tuple[list[Numbers], I64]:
    """Return the numbers among the records that begin at `start` of `data`, and which records are left."""
    view = np.frombuffer(data, np.uint8)
    left = np.ones(len(start), bool)
    found: list[Numbers] = []
    fit = np.flatnonzero(size <= LONGEST)
    order = fit[np.argsort(size[fit].astype(np.uint16), kind="stable")]
    counts = np.bincount(size[order], minlength=1)
    ends = np.cumsum(counts)
    for length in np.flatnonzero(counts).tolist():
        which = order[ends[length] - counts[length] : ends[length]]
        for numbers in _of_one_length(unaligned(view, length, "V")[start[which]], which):
            left[numbers.record] = False
            found.append(numbers)
    return found, np.flatnonzero(left)


class Other(NamedTuple):
    """A record of something else, an image or a histogram. at, width: the bytes that say what."""

    at: int
    width: int


def layout_of(record: bytes) -> Layout | Other | None:
    """The layout of a record, None when it is that of no single value."""
    end = len(record)
    try:
        if record[0] != 0x09:
            return None
        at = begin = 9
        if record[at] == 0x10:
            _, at = varint(record, at + 1, end)
            begin = 10
        step = at - begin
        for key in (0x2A, 0x0A):
            if record[at] != key:
                return None
            size, at = varint(record, at + 1, end)
            if size != end - at:
                return None
        if record[at] != 0x0A:
            return None
        size, at = varint(record, at + 1, end)
        rest = at + size
        if record[rest] in PLAIN:
            return Other(rest, 1)
        tag = text(record, at, rest)
        if end - rest == 5 and record[rest] == 0x15:
            plugin, simple, value, width = "", True, rest + 1, 4
        else:
            form = number_form(record, rest, end)
            if form is None:
                return Other(rest, 8) if end - rest >= 8 else None
            plugin, simple, value, width = form.plugin, form.simple, rest + form.at, form.width
    except (NotAMessage, IndexError):
        return None
    mask = bytearray(b"\xff" * end)
    mask[1:9] = bytes(8)
    mask[begin : begin + step] = b"\x80" * step
    mask[value : value + width] = bytes(width)
    return Layout(tag, plugin, simple, step, value, width, bytes(mask))


def _of_one_length(rows: NDArray[Any], which: I64) -> Iterator[Numbers]:
    """The numbers among `rows`, records of one length; `which` says which of all records they are."""
    others = 0
    while len(rows) and others < MOST_OTHERS:
        layout = layout_of(rows[-1].tobytes())
        if layout is None:
            rows, which, others = rows[:-1], which[:-1], others + 1
            continue
        if isinstance(layout, Other):  # and so are those that have the same bytes there, or the caller will tell
            said = np.ndarray(len(rows), f"<u{layout.width}", rows.data, layout.at, (rows.itemsize,))
            rows, which = rows[said != said[-1]], which[said != said[-1]]
            continue
        if len(rows) <= FEW:
            yield _columns(rows[-1:], which[-1:], layout)
            rows, which = rows[:-1], which[:-1]
            continue
        words = _masked(rows, layout.mask)
        same = words[0] == words[0][-1]
        for word in words[1:]:
            same &= word == word[-1]
        if same.all():
            yield _columns(rows, which, layout)
            return
        yield _columns(rows[same], which[same], layout)
        rest = ~same
        if 4 * int(same.sum()) < len(rows):  # many tags of one length, it seems
            for group in _alike([word[rest] for word in words], np.flatnonzero(rest)):
                one = layout_of(rows[group[0]].tobytes())
                if isinstance(one, Layout) and one.mask == layout.mask:
                    rest[group] = False
                    yield _columns(rows[group], which[group], one)
        rows, which = rows[rest], which[rest]


def _masked(rows: NDArray[Any], mask: bytes) -> list[U64]:
    """The words of each row that `mask` leaves something of; the last word overlaps the one before it."""
    length = len(mask)
    made = []
    for at in (*range(0, length - 8, 8), length - 8):
        part = int.from_bytes(mask[at : at + 8], "little")
        if part:
            made.append(np.ndarray(len(rows), "<u8", rows.data, at, (length,)) & np.uint64(part))
    return made


def _alike(words: list[U64], rows: I64) -> list[I64]:
    """`rows` in groups that are equal in all `words`, each ascending; nothing where hardly any are equal. A row that cannot be told
    from another by what its words mix to is in none."""
    key = words[0] * MIX
    for word in words[1:]:
        key = (key ^ key >> np.uint64(29) ^ word) * MIX
    distinct = np.unique(key)
    if FEW * len(distinct) > len(key):
        return []
    group = np.searchsorted(distinct, key)
    first = np.empty(len(distinct), np.int64)
    first[group[::-1]] = np.arange(len(key) - 1, -1, -1)
    same = np.ones(len(key), bool)
    for word in words:
        same &= word == word[first[group]]
    group, rows = group[same], rows[same]
    ends = np.cumsum(np.bincount(group, minlength=len(distinct)))
    return np.split(rows[np.argsort(group, kind="stable")], ends[:-1])


def _columns(rows: NDArray[Any], which: I64, layout: Layout) -> Numbers:
    length = len(layout.mask)

    def column(kind: str, at: int) -> NDArray[Any]:
        return np.ndarray(len(rows), kind, rows.data, at, (length,))

    step = np.zeros(len(rows), np.uint64)
    for place in range(layout.step):
        step |= (column("u1", 10 + place) & np.uint8(0x7F)).astype(np.uint64) << np.uint64(7 * place)
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        value = column(f"<f{layout.width}", layout.value).astype(np.float64)
    return Numbers(layout.tag, layout.plugin, layout.simple, which, step.view(np.int64), column("<f8", 1).copy(), value)
