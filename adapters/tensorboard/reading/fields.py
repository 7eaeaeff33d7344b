"""Protocol buffers, as far as reading event files needs them: the fields of a message, straight from its bytes.

    message := (tag varint, value)*        tag = field number << 3 | wire type
    value   := varint (0) | 8 bytes (1) | length varint, bytes (2) | 4 bytes (5)

Groups (3, 4) are not used by any message that we read. Source: the encoding page of the Protocol Buffers documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5
_F64: Final = struct.Struct("<d")
_F32: Final = struct.Struct("<f")


class NotAMessage(ValueError):
    """Bytes that are no message. The text says where."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, next position) of the unsigned varint at `at`. Raises NotAMessage."""
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            break
    raise NotAMessage(f"varint does not end at byte {at}")


def signed(value: int) -> int:
    """An int64 field's value: the varint's 64 bits as two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """Yield (number, wire type, a, b) of each field between `start` and `end`.

    For BYTES, a and b are where its bytes begin and end; for VARINT a is the value; for FIXED64 and FIXED32 a is where it begins.
    Raises NotAMessage where the bytes are none.
    """
    stop = len(data) if end is None else end
    at = start
    while at < stop:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = varint(data, at, stop)
        number, wire = key >> 3, key & 7
        if wire == BYTES:
            if at < stop and data[at] < 0x80:
                size, at = data[at], at + 1
            else:
                size, at = varint(data, at, stop)
            if at + size > stop:
                raise NotAMessage(f"field {number} at byte {at} is longer than its message")
            yield number, wire, at, at + size
            at += size
        elif wire == VARINT:
            value, at = varint(data, at, stop)
            yield number, wire, value, at
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
            if at + size > stop:
                raise NotAMessage(f"field {number} at byte {at} is longer than its message")
            yield number, wire, at, at + size
            at += size
        else:
            raise NotAMessage(f"wire type {wire} of field {number} at byte {at}")


def double(data: bytes, at: int) -> float:
    """The float64 at `at`."""
    value: float = _F64.unpack_from(data, at)[0]
    return value


def single(data: bytes, at: int) -> float:
    """The float32 at `at`."""
    value: float = _F32.unpack_from(data, at)[0]
    return value


def text(data: bytes, start: int, end: int) -> str:
    """A string field; bytes that are no UTF-8 are kept visible."""
    return data[start:end].decode("utf-8", errors="backslashreplace")
