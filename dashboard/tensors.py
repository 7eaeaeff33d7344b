"""A logged tensor as a page shows it: what it is, what its values come to, and a picture of one slice through it.

The bytes are row-major; `dtype` is NumPy's name, or one of the narrow types that NumPy does not have: bfloat16 is the upper half
of a float32; the float8 types are decoded by sign, exponent and mantissa as in the paper "FP8 Formats for Deep Learning"
(arXiv:2209.05433), in ONNX's float8 page for the "uz" ones, and in the OCP MX specification for e8m0fnu. "object" means strings, as
MessagePack.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged
from ..store.records import TensorPoint
from .replies import Refused, number

Array = NDArray[Any]
MOST_CELLS: Final = 128
"""Rows and columns of a picture of a slice, at most; a larger slice is told in blocks."""
MOST_STRINGS: Final = 1000
MOST_WIDE: Final = 256 << 20
"""Bytes of strings that a .npy file may hold."""

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


def is_numeric(array: Array) -> bool:
    """Whether `array` holds numbers, so that it has statistics and slices."""
    return array.dtype.kind in "biufc"


@dataclass(frozen=True, slots=True)
class Cut:
    """Which part of a tensor is looked at.

    index   where the axes that are not shown are cut, in order; missing numbers are 0, too large ones the last
    axes    the two axes that are shown, rows and columns; empty: the last two
    window  (first row, end row, first column, end column) of the slice; empty: all of it
    """

    index: Sequence[int] = ()
    axes: Sequence[int] = ()
    window: Sequence[int] = ()


def tensor_json(
    point: TensorPoint, data: bytes, index: Sequence[int], *, cut: Cut | None = None, less: Array | None = None
) -> dict[str, Any]:
    """What a page shows of the tensor. `index`: as `Cut.index`, in short for ``cut=Cut(index)``. `less`: another tensor of this
    shape; then the statistics and the slice are of the difference.

    Raises:
        Damaged: see `array_of`.
        Refused: `less` is of another shape, or holds no numbers; axes that the tensor does not have.
    """
    array = array_of(point, data)
    told: dict[str, Any] = {"shape": list(array.shape), "dtype": point.dtype, "bytes": len(data), "plugin": point.plugin}
    if less is not None:
        array = difference(array, less)
    if not is_numeric(array):
        return {**told, "strings": [str(one) for one in array.reshape(-1)[:MOST_STRINGS]], "count": int(array.size)}
    complex_ = array.dtype.kind == "c"
    values = np.abs(array) if complex_ else array
    slice_, at, axes, window = sliced(values, cut or Cut(index))
    cells, block = blocks(slice_)
    return {
        **told,
        "count": int(array.size),
        "of": "size of each complex value" if complex_ else "",
        "statistics": statistics_of(values),
        "slice": {
            "index": at,
            "axes": axes,
            "window": window,
            "rows": slice_.shape[0],
            "columns": slice_.shape[1],
            "block": block,
            "cells": [[number(v) for v in row] for row in cells.tolist()],
        },
    }


def difference(array: Array, less: Array) -> Array:
    """`array` - `less` in float64 (complex128 where one is complex). Raises Refused."""
    if not is_numeric(array) or not is_numeric(less):
        raise Refused(409, f"a difference wants numbers, got {array.dtype} and {less.dtype}", "choose another run")
    if array.shape != less.shape:
        raise Refused(
            409, f"a difference wants tensors of one shape, got {list(array.shape)} and {list(less.shape)}", "choose another run or step"
        )
    wide = np.complex128 if "c" in (array.dtype.kind, less.dtype.kind) else np.float64
    with np.errstate(invalid="ignore", over="ignore"):
        return array.astype(wide) - less.astype(wide)


def sliced(values: Array, cut: Cut) -> tuple[Array, list[int], list[int], list[int]]:
    """The two-dimensional slice that `cut` means; the index, the axes and the window that were taken. A tensor of fewer than two axes
    is one row. Raises Refused."""
    flat = values.reshape(1, -1) if values.ndim < 2 else values
    axes = list(cut.axes) if cut.axes and values.ndim >= 2 else [flat.ndim - 2, flat.ndim - 1]
    if len(axes) != 2 or axes[0] == axes[1] or max(axes) >= flat.ndim:
        raise Refused(
            400, f"axes: want two different ones of 0 to {flat.ndim - 1}, got {','.join(map(str, cut.axes))}", "correct it and ask again"
        )
    turned = np.moveaxis(flat, axes, (-2, -1))
    at = [min(max(0, (cut.index[axis] if axis < len(cut.index) else 0)), turned.shape[axis] - 1) for axis in range(turned.ndim - 2)]
    slice_ = turned[tuple(at)] if turned.size else np.zeros((0, 0))
    rows, columns = slice_.shape
    window = [0, rows, 0, columns]
    if len(cut.window) == 4:
        top, end, left, right = cut.window
        if min(top, left) < 0 or not (top < min(end, rows) and left < min(right, columns)):
            return slice_, at, axes, window  # of a slice that was larger
        window = [top, min(end, rows), left, min(right, columns)]
    return slice_[window[0] : window[1], window[2] : window[3]], at, axes, window


def npy_of(point: TensorPoint, data: bytes) -> tuple[bytes, bytes]:
    """The tensor as a .npy file of version 1.0: its head, and the values behind it. They are as they were logged, row by row and
    little-endian; what NumPy has no type for becomes the float32 that holds it exactly, and strings become the fixed width that
    holds the longest (UTF-32, or bytes where all are bytes).

    Source: numpy.lib.format. Raises Damaged, Refused.
    """
    array = array_of(point, data)
    if array.dtype == object:
        flat = array.reshape(-1).tolist()
        if sum(len(one) for one in flat) and max(map(len, flat)) * len(flat) * 4 > MOST_WIDE:
            raise Refused(
                413,
                f"tensor {point.tag!r}: its strings padded to one width take more than {MOST_WIDE >> 20} MB",
                "read it with crossboard.open",
            )
        as_bytes = all(isinstance(one, bytes) for one in flat)
        words = flat if as_bytes else [one.decode("utf-8", "backslashreplace") if isinstance(one, bytes) else str(one) for one in flat]
        array = np.array(words, "S" if as_bytes and flat else "U").reshape(array.shape)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        head, {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": array.shape}
    )
    return head.getvalue(), array.tobytes()


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
