"""TensorFlow's tensors and messages as they are written: protocol buffers on the wire, decoded by hand.

Field numbers are those of tensorflow/core/framework/{tensor,tensor_shape,types}.proto. What is none of these raises `Damaged`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged

_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")
Bytes = memoryview


def _varint(data: Bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise Damaged("event: a number of more than 64 bits")


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(data: Bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value): int of a varint, memoryview of everything else. Raises Damaged."""
    at, end = 0, len(data)
    try:
        while at < end:
            key, at = _varint(data, at)
            number, kind = key >> 3, key & 7
            if kind == 0:
                value, at = _varint(data, at)
                yield number, value
                continue
            if kind == 2:
                length, at = _varint(data, at)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise Damaged(f"event: wire type {kind}")
            if at + length > end:
                raise Damaged(f"event: a field of {length} bytes where {end - at} are left")
            yield number, data[at : at + length]
            at += length
    except IndexError:
        raise Damaged("event: ends inside a number") from None


def raw(data: Any) -> bytes:
    """The bytes of a field; a number, which `bytes` would take for a length, is none."""
    if not isinstance(data, memoryview):
        raise Damaged("event: a number where bytes are wanted")
    return bytes(data)


def text(data: Any) -> str:
    """A string field."""
    return raw(data).decode("utf-8", errors="replace")


def float32(data: Bytes) -> float:
    """A float field."""
    return float(_FLOAT.unpack(data)[0])


def float64(data: Bytes) -> float:
    """A double field."""
    return float(_DOUBLE.unpack(data)[0])


# ---------------------------------------------------------------------------------------------------- tensors

_DTYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "object",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "int8",
    12: "uint8",
    13: "int32",
    14: "bfloat16",
    15: "int16",
    16: "uint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
}
"""tensorflow.DataType -> dtype name; quantised types by what they are stored in."""
MOST_ITEMS: Final = 1 << 28
"""A tensor that says it has more is taken for damage: few bytes can claim any size."""
_STORED: Final = {"bfloat16": "uint16", "float8_e5m2": "uint8", "float8_e4m3fn": "uint8"}
"""What NumPy has for the bytes of a dtype that it does not have."""
_WIDE: Final = {5: "<f4", 6: "<f8", 9: "<f4", 12: "<f8"}
"""TensorProto fields that hold floats (float_val, double_val, scomplex_val, dcomplex_val)."""
_WHOLE: Final = (7, 10, 11, 13, 16, 17)
"""TensorProto fields that hold varints (int_val, int64_val, bool_val, half_val, uint32_val, uint64_val)."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor as it was written. texts: the items of a string tensor; else data: row-major little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    texts: list[bytes] = field(default_factory=list)

    def array(self) -> NDArray[Any]:
        """The values; bfloat16 as float32, float8 as the bytes they are stored in."""
        if self.dtype == "bfloat16":
            wide = np.frombuffer(self.data, "<u2").astype("<u4") << 16
            return wide.view("<f4").reshape(self.shape)
        return np.frombuffer(self.data, _STORED.get(self.dtype, self.dtype)).reshape(self.shape)


def decode_tensor(data: Bytes) -> Tensor:
    """Decode a TensorProto. Raises Damaged: not one, or of a dtype that has no values (resource, variant)."""
    dtype, shape, content = "", [], b""
    wide: list[NDArray[Any]] = []
    whole: list[int] = []
    texts: list[bytes] = []
    raw8 = b""
    for number, value in fields(data):
        if number == 1:
            dtype = _DTYPES.get(value, "")
        elif number == 2:
            shape = [_dimension(one) for key, one in fields(value) if key == 2]
        elif number == 4:
            content = raw(value)
        elif number == 8:
            texts.append(raw(value))
        elif number == 18:
            raw8 = raw(value)
        elif number in _WIDE:
            wide.append(np.frombuffer(value, _WIDE[number]))
        elif number in _WHOLE:
            whole.extend(_packed(value) if isinstance(value, memoryview) else [value])
    if not dtype:
        raise Damaged("event: a tensor of a type that has no values")
    count = math.prod(shape)
    if count < 0 or count > MOST_ITEMS:
        raise Damaged(f"event: a tensor of shape {shape}")
    if dtype == "object":
        if texts and len(texts) < count:
            texts += [texts[-1]] * (count - len(texts))
        if len(texts) != count:
            raise Damaged(f"event: a tensor of shape {shape} with {len(texts)} strings")
        return Tensor(dtype, tuple(shape), texts=texts)
    stored = np.dtype(_STORED.get(dtype, dtype))
    if not content:
        content = raw8 or _of_values(wide, whole, dtype, stored, count)
    if len(content) != count * stored.itemsize:
        raise Damaged(f"event: a {dtype} tensor of shape {shape} in {len(content)} bytes")
    return Tensor(dtype, tuple(shape), content)


def _of_values(wide: list[NDArray[Any]], whole: list[int], dtype: str, stored: np.dtype[Any], count: int) -> bytes:
    """Bytes of a tensor whose values were written one by one; the last one stands for all that follow."""
    if wide:
        values = np.concatenate(wide)
        values = values.view(dtype) if dtype.startswith("complex") else values.astype(stored)
    elif whole:
        bits = np.array(whole, np.uint64)
        values = bits.astype(np.uint16).view(np.float16) if dtype == "float16" else bits.view(np.int64).astype(stored)
    else:
        values = np.zeros(1, stored)  # protocol buffers leave out what is zero
    if 0 < values.size < count:
        values = np.concatenate([values, np.full(count - values.size, values[-1])])
    return bytes(values[:count].tobytes())


def _packed(data: Bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = _varint(data, at)
        yield value


def _dimension(data: Bytes) -> int:
    return next((signed(value) for number, value in fields(data) if number == 1), 0)
