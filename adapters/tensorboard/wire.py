"""The wire format of protocol buffers, as far as writing needs it.

Source: https://protobuf.dev/programming-guides/encoding/. A message is the concatenation of its fields; every function here
returns one field, and "" for what proto3 leaves out: zero, and an empty string.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

_DOUBLE: Final = struct.Struct("<d")
_MASK: Final = (1 << 64) - 1
_SMALL: Final = [bytes([one]) for one in range(128)]


def varint(value: int) -> bytes:
    """`value` as a varint; a negative one as the 64 bits of its two's complement."""
    if 0 <= value < 128:
        return _SMALL[value]
    value &= _MASK
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def whole(field: int, value: int) -> bytes:
    """An int64, uint32, bool or enum; left out when it is 0."""
    return varint(field << 3) + varint(value) if value else b""


def double(field: int, value: float) -> bytes:
    """A double; left out when it is +0.0."""
    packed = _DOUBLE.pack(value)
    return varint(field << 3 | 1) + packed if packed != bytes(8) else b""


def message(field: int, *parts: bytes) -> bytes:
    """A message of these fields; also when it is empty."""
    data = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(data)) + data


def octets(field: int, data: bytes) -> bytes:
    """Bytes; left out when there are none."""
    return message(field, data) if data else b""


def text(field: int, value: str) -> bytes:
    """A string; left out when it is empty. A lone surrogate, which UTF-8 cannot hold, becomes its escape."""
    return octets(field, value.encode("utf-8", "backslashreplace"))


def wholes(field: int, values: Iterable[int]) -> bytes:
    """Repeated integers, packed."""
    return octets(field, b"".join(map(varint, values)))
