"""The points journal: fixed records, each proving that it is whole and stands where it was put."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.errors import Damaged, FormatTooNew
from crossboard.store.points import (
    DROPPED_AT,
    HEADER_SIZE,
    RECORD,
    RECORD_DTYPE,
    RECORD_SIZE,
    VERSION,
    PointsHeader,
    check_of,
    checks_of,
    decode_header,
    decode_records,
    encode_header,
)

STEPS = st.integers(-(2**63), 2**63 - 1)
TAGS = st.integers(1, 2**32 - 1)
VALUES = st.floats(width=64)


def record(slot: int, step: int, tag: int, value: float = 1.0, wall_time: float = 1.7e9) -> bytes:
    return RECORD.pack(value, step, wall_time, check_of(slot, step, tag), tag)


def test_a_record_is_32_bytes_with_the_tag_last() -> None:
    assert RECORD.size == RECORD_DTYPE.itemsize == RECORD_SIZE == 32
    assert record(0, 3, 7)[28:] == (7).to_bytes(4, "little")
    assert record(0, 3, 7, value=0.5)[:8] == struct.pack("<d", 0.5)


def test_the_header_is_64_bytes_and_comes_back() -> None:
    header = PointsHeader("a1r0-1f2e3d4c5b6", 3, 2, 1.7e9, dropped=9)
    data = encode_header(header)
    assert len(data) == HEADER_SIZE == 64
    assert struct.unpack_from("<Q", data, DROPPED_AT) == (9,)
    assert decode_header(data, path="p.cbj") == header


def test_a_header_that_is_not_written_yet_is_no_error() -> None:
    assert decode_header(b"", path="p.cbj") is None
    assert decode_header(bytes(4096), path="p.cbj") is None
    assert decode_header(encode_header(PointsHeader("w", 1, 0, 0.0))[:63], path="p.cbj") is None


def test_a_newer_version_is_refused_in_words_that_say_what_to_do() -> None:
    data = bytearray(encode_header(PointsHeader("w", 1, 0, 0.0)))
    data[8] = VERSION + 1
    with pytest.raises(FormatTooNew, match=rf"version {VERSION + 1}.*reads up to {VERSION}; upgrade crossboard to open p\.cbj"):
        decode_header(bytes(data), path="p.cbj")


@pytest.mark.parametrize("at", [*range(8), *range(10, 52)])
def test_every_changed_byte_of_the_fixed_header_is_noticed(at: int) -> None:
    data = bytearray(encode_header(PointsHeader("w", 1, 0, 0.0)))
    data[at] ^= 0x10
    with pytest.raises(Damaged, match=r"byte 0 of p\.cbj"):
        decode_header(bytes(data), path="p.cbj")


@pytest.mark.parametrize("writer", ["", "x" * 17])
def test_a_writer_name_that_does_not_fit_is_refused(writer: str) -> None:
    with pytest.raises(ValueError, match="1 to 16 ASCII"):
        encode_header(PointsHeader(writer, 1, 0, 0.0))


@given(st.lists(st.tuples(st.integers(0, 2**40), STEPS, TAGS), min_size=1, max_size=20))
def test_the_check_of_arrays_is_the_check_of_numbers(rows: list[tuple[int, int, int]]) -> None:
    index, step, tag = (np.array(column) for column in zip(*rows, strict=True))
    got = checks_of(index.astype(np.int64), step.astype(np.int64), tag.astype(np.uint32))
    assert got.tolist() == [check_of(*row) for row in rows]


@given(st.lists(st.tuples(STEPS, TAGS, VALUES, VALUES), max_size=30), st.integers(0, 1 << 30), st.integers(0, 100))
def test_points_come_back_bit_by_bit_whatever_their_steps_and_values(
    rows: list[tuple[int, int, float, float]], first: int, room: int
) -> None:
    data = b"".join(record(first + i, step, tag, value, wall) for i, (step, tag, value, wall) in enumerate(rows))
    decoded = decode_records(data + bytes(room), first=first)
    assert decoded.records.tobytes() == data
    assert decoded.index.tolist() == list(range(first, first + len(rows)))
    assert (decoded.torn.tolist(), decoded.filled) == ([], first + len(rows) if rows else first)


@given(st.integers(1, 20), st.data())
def test_a_cut_anywhere_loses_only_the_unfinished_point(count: int, data: st.DataObject) -> None:
    whole = b"".join(record(i, i - 5, 1 + i % 3) for i in range(count))
    cut = data.draw(st.integers(0, len(whole)))
    assert len(decode_records(whole[:cut], first=0).records) == cut // RECORD_SIZE


@given(st.integers(0, 9), st.sampled_from([*range(8, 12), *range(24, 32)]), st.integers(1, 255))
def test_a_change_in_what_the_check_covers_is_noticed_in_its_slot(slot: int, at: int, flip: int) -> None:
    data = bytearray(b"".join(record(i, 10 * i, 2) for i in range(10)))
    data[slot * RECORD_SIZE + at] ^= flip
    decoded = decode_records(bytes(data), first=0)
    assert decoded.torn.tolist() == [slot]
    assert decoded.index.tolist() == [i for i in range(10) if i != slot]


def test_an_empty_slot_before_a_filled_one_is_named_and_room_behind_is_not() -> None:
    data = record(0, 1, 1) + bytes(RECORD_SIZE) + record(2, 3, 1) + bytes(5 * RECORD_SIZE)
    decoded = decode_records(data, first=0)
    assert decoded.torn.tolist() == [1]
    assert decoded.filled == 3


def test_a_record_in_another_slot_than_its_own_is_not_believed() -> None:
    decoded = decode_records(record(0, 1, 1) + record(0, 1, 1), first=0)
    assert decoded.torn.tolist() == [1]


def test_nan_and_both_infinities_are_data() -> None:
    data = b"".join(record(i, 0, 1, value) for i, value in enumerate([math.nan, math.inf, -math.inf, -0.0]))
    values = decode_records(data, first=0).records["value"]
    assert math.isnan(values[0])
    assert values[1:].tolist() == [math.inf, -math.inf, 0.0]
    assert math.copysign(1, values[3]) == -1
