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

from ..harmless import from_signal_handler
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
    torch   whether it came from torch, which puts channels first
    """

    shape: tuple[int, ...]
    dtype: str
    size: int
    land: Callable[[], Array]
    torch: bool = False


Check = Callable[[tuple[int, ...], str], None]
"""Looks at shape and dtype (as in `Snapshot`) and raises BadValue when they will not do."""


def snapshot(value: Any, *, wanted: str, check: Check | None = None) -> Snapshot:
    """Copy `value`. `check` is asked before anything is copied, so that what is far too large costs nothing.

    Raises:
        BadValue: no array, or one that has no plain values (sparse, ragged, masked, symbolic). `wanted` is put into its text,
            such as "an array of shape (n, 3)". Complex numbers are left as they are.
    """
    check = check or _anything
    if value is None or isinstance(value, (str, bytes, bytearray, memoryview, dict, set, type)):
        raise BadValue(f"want {wanted}, got {describe(value)}")
    if isinstance(value, np.ndarray):
        return _of_numpy(value, wanted, check)
    try:
        return _of_foreign(value, wanted, check)
    except BadValue:
        raise
    except Exception as error:
        if from_signal_handler(error):
            raise
        raise BadValue(f"want {wanted}, got {describe(value)} that cannot be read ({type(error).__name__}: {error})") from None


def _anything(shape: tuple[int, ...], dtype: str) -> None:
    """The check that lets everything pass."""


def _of_foreign(value: Any, wanted: str, check: Check) -> Snapshot:
    if is_torch(value):
        return _of_torch(value, wanted, check)
    if hasattr(value, "assign") and hasattr(value, "value") and not hasattr(value, "read_value"):  # a Keras variable
        return snapshot(value.value, wanted=wanted, check=check)
    if hasattr(value, "numpy") and hasattr(value, "shape") and hasattr(value, "dtype"):
        return _of_eager(value, wanted, check)
    if hasattr(value, "at") and hasattr(value, "copy") and hasattr(value, "aval"):
        return _of_jax(value, wanted, check)
    if hasattr(value, "__array__") or hasattr(value, "__array_interface__") or hasattr(value, "__cuda_array_interface__"):
        return _of_numpy(_as_numpy(value, wanted), wanted, check)
    if isinstance(value, (list, tuple, range)) or np.isscalar(value):
        return _of_list(value, wanted, check)
    raise BadValue(f"want {wanted}, got {describe(value)}")


def is_torch(value: Any) -> bool:
    """Whether `value` is a torch tensor, by duck."""
    return hasattr(value, "numel") and hasattr(value, "detach") and hasattr(value, "device")


def torch_order(value: Any) -> bool:
    """Whether `value` is a torch tensor or a list of them: they put channels first."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return is_torch(value)


def _of_numpy(array: Array, wanted: str, check: Check, *, copy: bool = True) -> Snapshot:
    name = array.dtype.name
    if array.dtype.kind in "OVMmUS" and name not in NARROW:
        raise BadValue(f"want {wanted}, got {describe(array)}")
    if isinstance(array, np.ma.MaskedArray):
        raise BadValue(f"want {wanted}, got a masked {describe(array)}; log its filled(...)")
    shape = tuple(array.shape)
    check(shape, name)
    kept = np.array(array, order="K", subok=False) if copy else array  # in its own order: a transposed copy takes far longer

    def land() -> Array:
        plain = kept.astype(np.float32) if name in NARROW else kept  # ml_dtypes, as JAX and TensorFlow bring them
        return np.asarray(plain, order="C")

    return Snapshot(shape, name, kept.nbytes, land)


def _of_jax(value: Any, wanted: str, check: Check) -> Snapshot:
    """A JAX array: it never changes, but can be donated; its copy is made on its device, and nobody waits for it here."""
    if "tracer" in type(value).__name__.lower():
        raise BadValue(f"want {wanted}, got {describe(value)}, which has no value yet: log it outside of jit")
    shape, name = tuple(int(size) for size in value.shape), str(value.dtype)
    check(shape, name)
    copy = value.copy()

    def land() -> Array:
        array = np.asarray(copy)
        return array.astype(np.float32) if name in NARROW else array

    return Snapshot(shape, name, max(int(value.nbytes), 1), land)


def _of_torch(value: Any, wanted: str, check: Check) -> Snapshot:
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
    check(shape, name)
    landing = landing_of(value)
    size = max(math.prod(shape) * int(value.element_size()), 1)
    return Snapshot(shape, name, size, landing.land, torch=True)


def _of_eager(value: Any, wanted: str, check: Check) -> Snapshot:
    """A TensorFlow tensor or variable; tensors never change, variables do."""
    if not hasattr(value, "_numpy") and not hasattr(value, "read_value") and "symbolic" in type(value).__name__.lower():
        raise BadValue(f"want {wanted}, got {describe(value)}, which has no value yet: log it from eager code, or by tf.summary")
    try:
        shape = tuple(int(size) for size in value.shape)
    except (TypeError, ValueError) as error:
        raise BadValue(f"want {wanted}, got {describe(value)} without a definite shape ({error})") from None
    name = str(getattr(value.dtype, "name", value.dtype))
    if name in ("string", "resource", "variant"):
        raise BadValue(f"want {wanted}, got {describe(value)}")
    check(shape, name)
    fixed = value.read_value() if hasattr(value, "read_value") else value
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


def _of_list(value: Any, wanted: str, check: Check) -> Snapshot:
    items = list(value) if isinstance(value, (list, tuple)) else value
    if isinstance(items, list) and items and all(is_torch(one) or hasattr(one, "numpy") for one in items):
        return _stacked([snapshot(one, wanted=wanted) for one in items], wanted, check)
    try:
        array = np.asarray(items)
    except (ValueError, TypeError) as error:
        raise BadValue(f"want {wanted}, got {describe(value)} that is no array ({error})") from None
    if array.dtype.kind in "OUS":
        raise BadValue(f"want {wanted}, got {describe(value)} whose items are no numbers of one shape")
    return _of_numpy(array, wanted, check, copy=False)


def _stacked(parts: list[Snapshot], wanted: str, check: Check) -> Snapshot:
    shapes = {part.shape for part in parts}
    if len(shapes) > 1:
        raise BadValue(f"want {wanted}, got a list of tensors of {len(shapes)} shapes, such as {sorted(shapes)[:3]}")
    shape = (len(parts), *parts[0].shape)
    check(shape, parts[0].dtype)
    size = sum(part.size for part in parts)
    return Snapshot(shape, parts[0].dtype, size, lambda: np.stack([part.land() for part in parts]), torch=parts[0].torch)
