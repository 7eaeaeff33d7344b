"""Numbers out of event records, all records of a piece of a file at a time, without looking at them one by one.

    Event := 09 wall_time:f64  [10 step:varint]  2a size { 0a size { 0a size tag  rest } }

`rest` is what tells a number: ``15 f32`` (simple_value), or a rank-0 tensor with metadata. Of the `rest` there are few different
ones but for the value itself: each is taken as a *form*, once by the slow decoder of `events`, and all records that fit it, byte by
byte outside the value, are decoded together. What fits nothing (several values in an event, other kinds) is left to the caller.

Field numbers: event.proto, summary.proto and tensor.proto of TensorFlow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....store.kinds import F64, I64
from .events import number_form

U8 = NDArray[np.uint8]
BOOL = NDArray[np.bool_]
MOST_FORMS: Final = 64
"""So many forms of one length are tried; a file with more is decoded one by one."""
LONGEST_VARINT: Final = 10


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers found among records.

    record     int64, which of the records given
    tag        int64, index into `tags`
    step, wall_time, value   the point
    plugin     int64, index into `plugins`: the plugin name that the record itself carries, "" for none
    simple     whether it is a simple_value, which needs no plugin
    """

    record: I64
    tag: I64
    step: I64
    wall_time: F64
    value: F64
    plugin: I64
    simple: BOOL
    tags: list[str]
    plugins: list[str]


def find_numbers(data: bytes, start: I64, size: I64) -> Numbers:
    """Find the numbers among the records that begin at `start` of `data`."""
    view = np.frombuffer(data, np.uint8)
    padded = view if len(view) and len(data) - int((start + size).max(initial=0)) >= 32 else np.concatenate([view, np.zeros(32, np.uint8)])
    end = start + size
    fits = (size >= 20) & (padded[start] == 0x09)
    kept = np.flatnonzero(fits)
    begin, stop = start[kept], end[kept]
    wall = _rows(padded, begin + 1, 8).view("<f8").ravel()
    at = begin + 9
    step = np.zeros(len(kept), np.uint64)
    has = np.flatnonzero(padded[at] == 0x10)
    step[has], at[has] = _varints(padded, at[has] + 1)
    good = padded[at] == 0x2A
    summary, at = _varints(padded, at + 1)
    good &= (summary.astype(np.int64) == stop - at) & (padded[at.clip(max=len(padded) - 1)] == 0x0A)
    at = np.where(good, at, begin)
    value, at = _varints(padded, at + 1)
    good &= value.astype(np.int64) == stop - at
    at = np.where(good, at, begin)
    good &= padded[at] == 0x0A
    length, at = _varints(padded, at + 1)
    name_size = length.astype(np.int64)
    good &= (name_size >= 0) & (name_size < 1 << 16) & (at + name_size < stop)
    some = np.flatnonzero(good)
    kept, wall, step, name_size = kept[some], wall[some], step[some], name_size[some]
    name, rest, stop = at[some], at[some] + name_size, stop[some]
    number, plugin, simple, plugins = _values(data, padded, rest, stop - rest)
    told = np.flatnonzero(plugin >= 0)
    tag, tags = _names(padded, name[told], name_size[told])
    return Numbers(kept[told], tag, step[told].astype(np.int64), wall[told], number[told], plugin[told], simple[told], tags, plugins)


def _rows(view: U8, at: I64, width: int) -> U8:
    """`width` bytes from each position, as rows."""
    made: U8 = np.lib.stride_tricks.as_strided(view, shape=(max(len(view) - width + 1, 0), width), strides=(1, 1))[at]
    return made


def _varints(view: U8, at: I64) -> tuple[NDArray[np.uint64], I64]:
    """The varint at each position, and where it ends. One that never ends gives what its first ten bytes say."""
    byte = view[at]
    value = (byte & 0x7F).astype(np.uint64)
    after = at + 1
    going = np.flatnonzero(byte >= 0x80)
    shift = 7
    while len(going) and shift < 7 * LONGEST_VARINT:
        byte = view[np.minimum(after[going], len(view) - 1)]
        value[going] |= (byte & 0x7F).astype(np.uint64) << np.uint64(shift)
        after[going] += 1
        going = going[byte >= 0x80]
        shift += 7
    return value, np.minimum(after, len(view) - 1)


def _values(data: bytes, view: U8, rest: I64, size: I64) -> tuple[F64, I64, BOOL, list[str]]:
    """For each `rest` its number, the index of its plugin's name (-1: it is no number), whether it is a simple value; the names."""
    number = np.zeros(len(rest))
    plugin = np.full(len(rest), -1, np.int64)
    simple = np.zeros(len(rest), bool)
    plugins = [""]
    quick = np.flatnonzero((size == 5) & (view[rest] == 0x15))
    number[quick] = _rows(view, rest[quick] + 1, 4).view("<f4").ravel()
    plugin[quick], simple[quick] = 0, True
    order = np.flatnonzero(plugin < 0)
    for length in np.unique(size[order]).tolist():
        left = order[size[order] == length]
        if length > 4096:
            continue
        for _ in range(MOST_FORMS):
            if not len(left):
                break
            first = int(rest[left[0]])
            form = number_form(data, first, first + length)
            if form is None:
                left = (
                    left[1:][(_rows(view, rest[left[1:]], length) != view[first : first + length]).any(axis=1)]
                    if len(left) > 1
                    else left[:0]
                )
                continue
            rows = _rows(view, rest[left], length)
            fixed = np.ones(length, bool)
            fixed[form.at : form.at + form.width] = False
            fit = (rows[:, fixed] == rows[0, fixed]).all(axis=1)
            found = left[fit]
            values = np.ascontiguousarray(rows[fit][:, form.at : form.at + form.width]).view(f"<f{form.width}").ravel()
            number[found] = values
            if form.plugin not in plugins:
                plugins.append(form.plugin)
            plugin[found], simple[found] = plugins.index(form.plugin), form.simple
            left = left[~fit]
    return number, plugin, simple, plugins


def _names(view: U8, at: I64, size: I64) -> tuple[I64, list[str]]:
    """For each tag its number, and the tags by number."""
    number = np.zeros(len(at), np.int64)
    names: dict[str, int] = {}
    for length in np.unique(size).tolist():
        some = np.flatnonzero(size == length)
        width = (length + 7) // 8 * 8 or 8
        padded = np.zeros((len(some), width), np.uint8)
        padded[:, :length] = _rows(view, at[some], length) if length else 0
        words = padded.view("<u8")
        if words.shape[1] == 1:
            _, first, which = np.unique(words[:, 0], return_index=True, return_inverse=True)
        else:
            mixed = words[:, 0].copy()
            for column in range(1, words.shape[1]):
                mixed = mixed * np.uint64(0x9E3779B97F4A7C15) ^ words[:, column]
            _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
            if (words != words[first[which]]).any():  # two tags that mix to one word
                _, first, which = np.unique(words, axis=0, return_index=True, return_inverse=True)
        ids = np.array(
            [
                names.setdefault(padded[one, :length].tobytes().decode("utf-8", errors="backslashreplace"), len(names))
                for one in first.tolist()
            ]
        )
        number[some] = ids[which.ravel()] if len(ids) else 0
    return number, list(names)
