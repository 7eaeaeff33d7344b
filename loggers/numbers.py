"""Numbers as people have them -> float: Python, NumPy, and tensors of any framework, none of which is imported here.

A value is judged by its type, once for each type: plain numbers are converted at once, tensors of one element by their own
``item``; a tensor that lies on a device, or is lazy, is never read in the caller's thread (`on_device`): reading would wait for
everything queued before it. Note that ``struct.pack`` calls ``__float__``, which would read it, too: so the type comes first.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any, Final

import numpy as np

I64_MIN: Final = -(1 << 63)
I64_MAX: Final = (1 << 63) - 1


class NotANumber(TypeError):
    """A value that is not one number. The text says what it is."""


class Deferred(Exception):
    """A value that must not be read in the caller's thread."""


def describe(value: Any) -> str:
    """What `value` is: its type, and shape and dtype where it has them."""
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    shape = getattr(value, "shape", None)
    try:
        said = f" of shape {tuple(shape)}" if shape is not None else ""
        dtype = getattr(value, "dtype", None)
        said += f" and dtype {dtype}" if dtype is not None and said else ""
    except Exception:  # noqa: BLE001  a foreign type may do anything when it is asked for its shape
        said = ""
    if not said and hasattr(value, "__len__"):
        try:
            said = f" of length {len(value)}"
        except Exception:  # noqa: BLE001  as above
            said = ""
    return name + said


def _integer(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _array(value: Any) -> float:
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise NotANumber(describe(value))
    return float(value.reshape(-1)[0])


def _tensor(value: Any) -> float:
    """A torch tensor, by duck: numel, device, item."""
    if value.numel() != 1 or value.is_complex():
        raise NotANumber(describe(value))
    if value.device.type != "cpu":
        raise Deferred
    return float(value.item())


def _eager(value: Any) -> float:
    """A TensorFlow or JAX tensor, by duck: shape, numpy or __array__."""
    shape = tuple(value.shape)
    if math.prod(int(size) for size in shape) != 1:
        raise NotANumber(describe(value))
    device = str(getattr(value, "device", ""))
    if any(name in device.upper() for name in ("GPU", "TPU", "CUDA")):
        raise Deferred
    if not hasattr(value, "numpy") and not hasattr(value, "__array__"):
        raise NotANumber(f"{describe(value)} (symbolic: it has no value yet)")
    return _array(np.asarray(value.numpy() if hasattr(value, "numpy") else value))


def _refuse(value: Any) -> float:
    raise NotANumber(describe(value))


def _by_array(value: Any) -> float:
    return _array(np.asarray(value))


def _converter_of(kind: type) -> Callable[[Any], float]:
    if issubclass(kind, (str, bytes, bytearray, complex, type(None))):
        return _refuse
    if issubclass(kind, (float, np.floating, np.bool_)):
        return float
    if issubclass(kind, (int, np.integer)):
        return _integer
    if issubclass(kind, numbers.Real) or any(base.__module__ == "decimal" for base in kind.__mro__):  # a Fraction is a Real
        return _integer
    if issubclass(kind, np.ndarray):
        return _array
    modules = {base.__module__.partition(".")[0] for base in kind.__mro__}
    if hasattr(kind, "numel") and hasattr(kind, "item") and hasattr(kind, "device"):
        return _tensor
    if modules & {"tensorflow", "keras", "jax", "jaxlib"}:
        return _eager
    if hasattr(kind, "__array__") and not hasattr(kind, "keys"):
        return _by_array
    if hasattr(kind, "item") and hasattr(kind, "__float__"):
        return float
    return _refuse


converters: Final[dict[type, Callable[[Any], float]]] = {
    int: float,
    bool: float,
    np.float64: float,
    np.float32: float,
    np.float16: float,
    np.int64: float,
    np.int32: float,
}
"""Type -> how a value of it becomes a float; filled as types are met. `int: float` raises OverflowError beyond float range."""


def number_of(value: Any) -> float:
    """Return `value` as a float.

    Raises:
        NotANumber: it is not one real number.
        Deferred: it lies on a device, or is lazy.
        Exception: whatever a foreign type raises when it is read.
    """
    kind = type(value)
    converter = converters.get(kind)
    if converter is None:
        converter = _converter_of(kind)
        if len(converters) < 1000:
            converters[kind] = converter
    try:
        return converter(value)
    except OverflowError:
        return _integer(value)


def step_of(value: Any) -> int:
    """Return `value` as a step. Raises NotANumber when it is not one whole number within int64."""
    if isinstance(value, (bool, np.bool_)):
        raise NotANumber(describe(value))
    try:
        step = operator.index(value)
    except TypeError:
        number = number_of(value)
        if not number.is_integer():
            raise NotANumber(f"{describe(value)} with value {number!r}") from None
        step = int(number)
    if not I64_MIN <= step <= I64_MAX:
        raise NotANumber(f"{describe(value)} with value {step}, which does not fit into 64 bits")
    return step
