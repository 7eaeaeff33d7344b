"""Arrays as people have them -> NumPy: any framework's tensor, lists, scalars; no framework is imported here.

`snapshot` runs in the caller's thread and copies what could change later; `Snapshot.land` gives the array, in any thread. A
tensor that lies on a device is copied there and comes over later (see `landing`), so that the caller never waits for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..landing import landing_of
from ..numbers import describe
from .value import BadValue

Array = NDArray[Any]
NARROW: Final = ("bfloat16", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float8_e4m3b11fnuz")
"""dtypes that NumPy does not have; their values come as float32, which holds all of them exactly."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An array as it was when it was taken.

    shape   of the array; dtype: its name as the framework says it, "float32", "bfloat16"
    size    bytes held until it is let go of
    land    gives it as NumPy: float32 where NumPy has no such dtype; do not write into it
    """

    shape: tuple[int, ...]
    dtype: str
    size: int
    land: Callable[[], Array]


def snapshot(value: Any, *, wanted: str) -> Snapshot:
    """Copy `value`.

    Raises:
        BadValue: no array, or one that has no plain values (sparse, ragged, symbolic, complex kept as it is). `wanted` is
            put into its text, such as "an array of shape (n, 3)".
    """
    if value is None or isinstance(value, (str, bytes, bytearray, memoryview, dict, set)):
        raise BadValue(f"want {wanted}, got {describe(value)}")
    if isinstance(value, np.ndarray):
        return _of_numpy(value, wanted)
    if _is_torch(value):
        return _of_torch(value, wanted)
    if hasattr(value, "numpy") and hasattr(value, "shape") and hasattr(value, "dtype"):
        return _of_eager(value, wanted)
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__") or hasattr(value, "__cuda_array_interface__"):
        return _of_numpy(_as_numpy(value, wanted), wanted, copy=not hasattr(value, "at"))  # jax arrays never change
    if isinstance(value, (list, tuple, range)) or np.isscalar(value):
        return _of_list(value, wanted)
    raise BadValue(f"want {wanted}, got {describe(value)}")


def _is_torch(value: Any) -> bool:
    return hasattr(value, "numel") and hasattr(value, "detach") and hasattr(value, "device")


def _of_numpy(array: Array, wanted: str, *, copy: bool = True) -> Snapshot:
    if array.dtype.kind in "OVMmUS" and array.dtype.name not in NARROW:
        raise BadValue(f"want {wanted}, got {describe(array)}")
    name = array.dtype.name
    kept = np.array(array, order="C") if copy else array
    if name in NARROW:  # ml_dtypes, as JAX and TensorFlow bring them
        kept = kept.astype(np.float32)
    return Snapshot(tuple(array.shape), name, kept.nbytes, lambda: kept)


def _of_torch(value: Any, wanted: str) -> Snapshot:
    name = str(value.dtype).rpartition(".")[2]
    if getattr(value, "is_sparse", False) or str(getattr(value, "layout", "torch.strided")) not in ("torch.strided", "torch._mkldnn"):
        raise BadValue(f"want {wanted}, got a sparse {describe(value)}; log its to_dense()")
    if getattr(value, "is_nested", False):
        raise BadValue(f"want {wanted}, got a nested (ragged) {type(value).__module__}.{type(value).__qualname__}")
    if str(value.device).startswith("meta"):
        raise BadValue(f"want {wanted}, got {describe(value)} on the meta device, which has no values")
    value = value.detach()
    if getattr(value, "is_quantized", False):
        value = value.dequantize()
    shape = tuple(int(size) for size in value.shape)
    landing = landing_of(value)
    size = max(math.prod(shape) * int(value.element_size()), 1)
    return Snapshot(shape, name, size, landing.land)


def _of_eager(value: Any, wanted: str) -> Snapshot:
    """A TensorFlow tensor or variable; tensors never change, variables do."""
    if not hasattr(value, "_numpy") and not hasattr(value, "read_value") and "symbolic" in type(value).__name__.lower():
        raise BadValue(f"want {wanted}, got {describe(value)}, which has no value yet: log it from eager code, or by tf.summary")
    try:
        shape = tuple(int(size) for size in value.shape)
        fixed = value.read_value() if hasattr(value, "read_value") else value
    except (TypeError, ValueError) as error:
        raise BadValue(f"want {wanted}, got {describe(value)} without a definite shape ({error})") from None
    name = str(getattr(value.dtype, "name", value.dtype))
    if name in ("string", "resource", "variant"):
        raise BadValue(f"want {wanted}, got {describe(value)}")
    size = math.prod(shape) * int(getattr(value.dtype, "size", 4) or 4)

    def land() -> Array:
        array = np.asarray(fixed.numpy())
        return array.astype(np.float32) if array.dtype.name in NARROW else array

    return Snapshot(shape, name, max(size, 1), land)


def _as_numpy(value: Any, wanted: str) -> Array:
    try:
        return np.asarray(value)
    except Exception as error:  # noqa: BLE001  a foreign type may refuse in its own way
        raise BadValue(f"want {wanted}, got {describe(value)} ({type(error).__name__}: {error})") from None


def _of_list(value: Any, wanted: str) -> Snapshot:
    items = list(value) if isinstance(value, (list, tuple)) else value
    if isinstance(items, list) and items and all(_is_torch(one) or hasattr(one, "numpy") for one in items):
        return _stacked([snapshot(one, wanted=wanted) for one in items], wanted)
    try:
        array = np.asarray(items)
    except (ValueError, TypeError) as error:
        raise BadValue(f"want {wanted}, got {describe(value)} that is no array ({error})") from None
    if array.dtype.kind in "OUS":
        raise BadValue(f"want {wanted}, got {describe(value)} whose items are no numbers of one shape")
    return _of_numpy(array, wanted, copy=False)


def _stacked(parts: list[Snapshot], wanted: str) -> Snapshot:
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise BadValue(f"want {wanted}, got a list of tensors of {len(shapes)} shapes, such as {sorted(shapes)[:3]}")
    shape = (len(parts), *parts[0].shape)
    return Snapshot(shape, parts[0].dtype, sum(part.size for part in parts), lambda: np.stack([part.land() for part in parts]))
