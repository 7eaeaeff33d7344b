"""A logged tensor as a page shows it: what it is, what its values come to, and a picture of one slice through it.

The bytes are row-major; `dtype` is NumPy's name, or one of the narrow types that NumPy does not have: bfloat16 is the upper half
of a float32; the float8 types are decoded by sign, exponent and mantissa as in the paper "FP8 Formats for Deep Learning"
(arXiv:2209.05433), in ONNX's float8 page for the "uz" ones, and in the OCP MX specification for e8m0fnu. "object" means strings, as
MessagePack.
"""

from __future__ import annotations

import math
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged
from ..store.records import TensorPoint
from .replies import number

Array = NDArray[Any]
MOST_CELLS: Final = 128
"""Rows and columns of a picture of a slice, at most; a larger slice is told in blocks."""
MOST_STRINGS: Final = 1000

# exponent bits, mantissa bits, bias, what the special patterns are
_FLOAT8: Final = {
    "float8_e4m3fn": (4, 3, 7, "fn"),
    "float8_e5m2": (5, 2, 15, "ieee"),
    "float8_e4m3fnuz": (4, 3, 8, "uz"),
    "float8_e5m2fnuz": (5, 2, 16, "uz"),
    "float8_e4m3b11fnuz": (4, 3, 11, "uz"),
}


def _float8_values(name: str) -> NDArray[np.float32]:
    """The value of each of the 256 patterns of a float8 type."""
    if name == "float8_e8m0fnu":
        return np.array([math.nan if code == 255 else 2.0 ** (code - 127) for code in range(256)], np.float32)
    exponent_bits, mantissa_bits, bias, special = _FLOAT8[name]
    values = []
    for code in range(256):
        sign = -1.0 if code >> 7 else 1.0
        exponent, mantissa = (code & 0x7F) >> mantissa_bits, code & ((1 << mantissa_bits) - 1)
        if (special == "uz" and code == 0x80) or (special == "fn" and (code & 0x7F) == 0x7F):
            values.append(math.nan)
        elif special == "ieee" and exponent == (1 << exponent_bits) - 1:
            values.append(math.nan if mantissa else sign * math.inf)
        elif exponent:
            values.append(sign * (1 + mantissa / (1 << mantissa_bits)) * 2.0 ** (exponent - bias))
        else:
            values.append(sign * mantissa / (1 << mantissa_bits) * 2.0 ** (1 - bias))
    return np.array(values, np.float32)


def array_of(point: TensorPoint, data: bytes) -> Array:
    """The tensor in `data`.

    Raises:
        Damaged: the bytes are not those of a tensor of this shape and dtype.
    """
    if point.dtype == "object":
        try:
            strings = msgspec.msgpack.decode(data)
        except msgspec.DecodeError as error:
            raise Damaged(f"tensor {point.tag!r} at step {point.step}: no MessagePack: {error}") from None
        flat = np.empty(len(strings), object)
        flat[:] = strings
    elif point.dtype == "bfloat16":
        flat = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif point.dtype in _FLOAT8 or point.dtype == "float8_e8m0fnu":
        flat = _float8_values(point.dtype)[np.frombuffer(data, np.uint8)]
    else:
        try:
            dtype = np.dtype(point.dtype)
        except TypeError:
            raise Damaged(f"tensor {point.tag!r} at step {point.step}: unknown dtype {point.dtype!r}") from None
        if dtype.hasobject or (dtype.itemsize and len(data) % dtype.itemsize):
            raise Damaged(f"tensor {point.tag!r} at step {point.step}: {len(data)} bytes are no {point.dtype} values")
        flat = np.frombuffer(data, dtype)
    if math.prod(point.shape) != len(flat):
        raise Damaged(
            f"tensor {point.tag!r} at step {point.step}: want {math.prod(point.shape)} values for shape {point.shape}, got {len(flat)}"
        )
    return flat.reshape(point.shape)


def tensor_json(point: TensorPoint, data: bytes, index: list[int]) -> dict[str, Any]:
    """What a page shows of the tensor. `index`: where the leading axes are cut, the last two being the picture's; missing
    numbers are 0, too large ones the last."""
    array = array_of(point, data)
    told: dict[str, Any] = {"shape": list(array.shape), "dtype": point.dtype, "bytes": len(data), "plugin": point.plugin}
    if array.dtype == object or array.dtype.kind in "SU":
        return {**told, "strings": [str(one) for one in array.reshape(-1)[:MOST_STRINGS]], "count": int(array.size)}
    if array.dtype.kind not in "biufc":
        return {**told, "strings": [str(one) for one in array.reshape(-1)[:MOST_STRINGS]], "count": int(array.size)}
    complex_ = array.dtype.kind == "c"
    values = np.abs(array) if complex_ else array
    flat = values.reshape(1, -1) if values.ndim < 2 else values
    at = [min(max(0, (index[axis] if axis < len(index) else 0)), flat.shape[axis] - 1) for axis in range(flat.ndim - 2)]
    slice_ = flat[tuple(at)] if flat.size else np.zeros((0, 0))
    cells, block = blocks(slice_)
    return {
        **told,
        "count": int(array.size),
        "of": "size of each complex value" if complex_ else "",
        "statistics": statistics_of(values),
        "slice": {
            "index": at,
            "rows": slice_.shape[0],
            "columns": slice_.shape[1],
            "block": block,
            "cells": [[number(v) for v in row] for row in cells.tolist()],
        },
    }


def statistics_of(values: Array) -> dict[str, Any]:
    """Minimum, maximum, mean, standard deviation (n in the denominator) and zeros over the finite values; NaN and infinities
    counted. The four are None when there is no finite value."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "f":
        finite = flat[np.isfinite(flat)]
        nan, positive, negative = int(np.isnan(flat).sum()), int(np.isposinf(flat).sum()), int(np.isneginf(flat).sum())
    else:
        finite, nan, positive, negative = flat, 0, 0, 0
    wide = finite.astype(np.float64)
    some = len(wide) > 0
    return {
        "min": number(float(wide.min())) if some else None,
        "max": number(float(wide.max())) if some else None,
        "mean": number(float(wide.mean())) if some else None,
        "std": number(float(wide.std())) if some else None,
        "zeros": int((finite == 0).sum()),
        "nan": nan,
        "pos_inf": positive,
        "neg_inf": negative,
    }


def blocks(slice_: Array) -> tuple[NDArray[np.float64], list[int]]:
    """`slice_` in at most `MOST_CELLS` by `MOST_CELLS` cells, and how many rows and columns of it a cell is. A cell of several
    values is the one of largest size, NaN when one of them is."""
    rows, columns = slice_.shape
    high, wide = max(1, math.ceil(rows / MOST_CELLS)), max(1, math.ceil(columns / MOST_CELLS))
    values = slice_.astype(np.float64)
    if (high, wide) == (1, 1):
        return values, [1, 1]
    padded = np.full((math.ceil(rows / high) * high, math.ceil(columns / wide) * wide), 0.0)
    padded[:rows, :columns] = values
    grid = padded.reshape(padded.shape[0] // high, high, padded.shape[1] // wide, wide).swapaxes(1, 2).reshape(-1, high * wide)
    sizes = np.where(np.isnan(grid), np.inf, np.abs(grid))
    chosen = grid[np.arange(len(grid)), sizes.argmax(axis=1)]
    chosen[np.isnan(grid).any(axis=1)] = np.nan
    return chosen.reshape(padded.shape[0] // high, padded.shape[1] // wide), [high, wide]
