"""Arrays of any shape and dtype, kept bit by bit."""

from __future__ import annotations

import math
import sys
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...store.records import TensorPoint
from ..numbers import describe
from .arrays import is_torch, snapshot
from .rules import not_too_many
from .value import BadValue, Media, Taken, Target

WANTED: Final = "an array of numbers, or of strings"
BIT_TYPES: Final = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}
NATIVE: Final = frozenset(
    (
        *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float16", "float32", "float64", "complex64", "complex128"),
    )
)
"""dtypes that NumPy has of its own. Its table of names grows with every package that registers more."""
SCALARS: Final = frozenset((str, bytes, bool, int, float, type(None)))
"""What an array of objects may hold: what MessagePack has."""


class Tensor(Media):
    """An array, kept as it is.

    Args:
        value: an array or tensor of NumPy, torch, TensorFlow, Keras or JAX, a number, or nested lists of one length on each
            axis. Any shape, also () and with axes of length 0; at most 2**28 items.

    Kept exactly, byte by byte: bool, whole numbers of every width, float16 to float64, complex64, complex128, bfloat16 and all
    float8 (NumPy has no such dtypes: their bits are kept, and their name), datetime64 and timedelta64. Arrays of strings are
    kept item by item, as str or bytes: whichever they were.
    Changed: big-endian arrays become little-endian, torch's complex32 becomes complex64, quantised tensors their dequantised values.
    Left out with a warning: sparse, ragged, masked, structured and symbolic arrays, tensors on the meta device, arrays of other objects.

    Stored as `store.records.TensorPoint`: the items row by row, little-endian; strings as one MessagePack list.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def take(self) -> Taken:
        """See `Media.take`."""
        words = _words_of(self._value)
        return _taken_words(words) if words is not None else _taken_numbers(self._value)


def _taken_numbers(value: Any) -> Taken:
    bits, name = _bits_of(value)
    taken = snapshot(bits, wanted=WANTED, check=lambda shape, _: not_too_many(shape))

    def encode(target: Target) -> TensorPoint:
        array = taken.land()
        if array.dtype.kind not in "biufc":
            raise BadValue(f"want {WANTED}, got {describe(array)}")
        blob = target.blob(_little(array).tobytes(), extension="bin", media_type="application/octet-stream")
        dtype = name or array.dtype.name
        return TensorPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, blob=blob, shape=list(taken.shape), dtype=dtype)

    return Taken(taken.size, encode)


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


# ------------------------------------------------------------------------------------------ dtypes that NumPy lacks


def _bits_of(value: Any) -> tuple[Any, str]:
    """Unsigned integers with the bits of `value`, and the name of its dtype; `value` itself and "" where NumPy has that dtype."""
    if isinstance(value, (list, tuple)) and value:
        parts = [_bits_of(one) for one in value] if all(hasattr(one, "dtype") for one in value) else []
        names = {name for _, name in parts}
        return ([bits for bits, _ in parts], names.pop()) if len(names) == 1 else (value, "")
    if isinstance(value, (np.ndarray, np.generic)):
        return _bits_of_numpy(np.asanyarray(value))
    if is_torch(value):
        return _bits_of_torch(value)
    if hasattr(value, "assign") and hasattr(value, "value") and not hasattr(value, "read_value"):  # a Keras variable
        return _bits_of(value.value)
    name = str(getattr(getattr(value, "dtype", ""), "name", getattr(value, "dtype", "")))
    if not name or name in NATIVE:
        return value, ""
    return _bits_of_others(value, name)


def _bits_of_numpy(array: NDArray[Any]) -> tuple[Any, str]:
    if isinstance(array, np.ma.MaskedArray):
        return array, ""
    if array.dtype.kind in "mM":
        return _little(array).view("<i8"), array.dtype.name
    if type(array.dtype).__module__.startswith("ml_dtypes") or array.dtype.type.__module__.startswith("ml_dtypes"):
        return array.view(BIT_TYPES[array.dtype.itemsize]), array.dtype.name
    return array, ""


def _bits_of_torch(value: Any) -> tuple[Any, str]:
    name = str(value.dtype).rpartition(".")[2]
    plain = str(getattr(value, "layout", "torch.strided")) == "torch.strided" and not getattr(value, "is_quantized", False)
    if name in NATIVE or not plain or getattr(value, "is_nested", False) or str(value.device).startswith("meta"):
        return value, ""
    torch = sys.modules["torch"]
    if name == "complex32":
        return value.to(torch.complex64), ""
    try:
        return value.detach().view(getattr(torch, BIT_TYPES[value.element_size()])), name
    except (RuntimeError, TypeError, KeyError) as error:
        raise BadValue(f"want {WANTED}, got {describe(value)}, whose bits torch does not give ({error}); log its float()") from None


def _bits_of_others(value: Any, name: str) -> tuple[Any, str]:
    """TensorFlow and JAX: where they are, as long as the framework can."""
    tensorflow = sys.modules.get("tensorflow")
    fixed = value.read_value() if hasattr(value, "read_value") else value
    try:
        if tensorflow is not None and tensorflow.is_tensor(fixed):
            return tensorflow.bitcast(fixed, BIT_TYPES[int(fixed.dtype.size)]), name
        if hasattr(fixed, "aval") and hasattr(fixed, "view"):
            return fixed.view(BIT_TYPES[int(fixed.dtype.itemsize)]), name
    except Exception:  # noqa: BLE001  a dtype that it cannot reinterpret: NumPy can
        pass
    if hasattr(fixed, "numpy") and hasattr(fixed, "_numpy"):
        return _bits_of_numpy(np.asarray(fixed.numpy()))
    return value, ""


# --------------------------------------------------------------------------------------------------------- strings


def _words_of(value: Any) -> NDArray[np.object_] | None:
    """`value` as an array of objects; None when it is one of numbers, or none at all."""
    name = str(getattr(getattr(value, "dtype", ""), "name", getattr(value, "dtype", "")))
    if name == "string" and hasattr(value, "numpy") and hasattr(value, "shape"):  # TensorFlow
        found = value.numpy()
        return np.array(found, dtype=object) if isinstance(found, np.ndarray) else _one(found)
    module = type(value).__module__.partition(".")[0]
    if module in ("pandas", "polars") and hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "OUST" or isinstance(value, np.ma.MaskedArray):
            return None
        return value.astype(object, copy=False)
    first = value
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    if first is value or not isinstance(first, (str, bytes)):
        return None
    return np.array(value, dtype=object)


def _one(value: Any) -> NDArray[np.object_]:
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def _plain(item: Any) -> Any:
    return str(item) if isinstance(item, np.str_) else bytes(item) if isinstance(item, np.bytes_) else item


def _taken_words(array: NDArray[np.object_]) -> Taken:
    shape = tuple(array.shape)
    not_too_many(shape)
    items = [_plain(one) for one in array.reshape(-1).tolist()]
    others = sorted({kind.__qualname__ for kind in set(map(type, items)) - SCALARS})
    if others:
        ragged = "; its lists differ in length" if others == ["list"] else ""
        raise BadValue(f"want {WANTED}, got one of shape {shape} with items of type {', '.join(others)}{ragged}")

    def encode(target: Target) -> TensorPoint:
        try:
            data = msgspec.msgpack.encode(items)
        except (OverflowError, ValueError) as error:
            raise BadValue(f"want strings that can be written as UTF-8 and numbers within 64 bits ({error})") from None
        blob = target.blob(data, extension="msgpack", media_type="application/msgpack")
        return TensorPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, blob=blob, shape=list(shape), dtype="object")

    size = sum(len(one) for one in items if isinstance(one, (str, bytes))) + 8 * math.prod(shape)
    return Taken(max(size, 1), encode)
