"""The messages of event files: Event, Summary.Value, TensorProto and SummaryMetadata, as bytes.

Field numbers: tensorflow/core/util/event.proto, tensorflow/core/framework/{summary,tensor,tensor_shape,types}.proto.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .wire import double, message, octets, text, whole

DTYPES: Final = {
    "float32": 1,
    "float64": 2,
    "int32": 3,
    "uint8": 4,
    "int16": 5,
    "int8": 6,
    "complex64": 8,
    "int64": 9,
    "bool": 10,
    "bfloat16": 14,
    "uint16": 17,
    "complex128": 18,
    "float16": 19,
    "uint32": 22,
    "uint64": 23,
    "float8_e5m2": 24,
    "float8_e4m3fn": 25,
}
"""dtype name -> tensorflow.DataType, of what has a plain row of bytes."""
DT_STRING: Final = 7


def event(wall_time: float, step: int, *parts: bytes) -> bytes:
    """An Event; `parts` are fields of it."""
    return b"".join((double(1, wall_time), whole(2, step), *parts))


def file_version(wall_time: float, step: int = 0) -> bytes:
    """The first Event of a file."""
    return event(wall_time, step, text(3, "brain.Event:2"), message(10, text(1, "crossboard")))


def session_start(wall_time: float, step: int) -> bytes:
    """An Event that says: the training began again at `step`; what came before with this step or a larger one is orphaned."""
    return event(wall_time, step, message(7, whole(1, 1)))


def graph(wall_time: float, step: int, graph_def: bytes) -> bytes:
    """An Event that holds a serialized GraphDef."""
    return event(wall_time, step, message(4, graph_def))


def summary(wall_time: float, step: int, values: Iterable[bytes]) -> bytes:
    """An Event with a Summary of `values` (see `tensor_value`)."""
    return event(wall_time, step, message(5, *(message(1, value) for value in values)))


def tensor_value(tag: str, plugin: str, tensor: bytes, content: bytes = b"") -> bytes:
    """A Summary.Value: a TensorProto that belongs to `plugin`; `content`: what that plugin wants to know of it."""
    metadata = message(9, message(1, text(1, plugin), octets(2, content)))
    return text(1, tag) + metadata + message(8, tensor)


def shape_of(sizes: Sequence[int | None]) -> bytes:
    """The fields of a TensorShapeProto; None is an axis of unknown length."""
    return b"".join(message(2, whole(1, -1 if size is None else size)) for size in sizes)


def numbers(array: NDArray[Any]) -> bytes:
    """A TensorProto of an array. Raises KeyError for a dtype that is not in `DTYPES`."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False) if sys.byteorder == "big" else array
    return raw_numbers(array.dtype.name, array.shape, np.ascontiguousarray(little).tobytes())


def raw_numbers(dtype: str, shape: Sequence[int], data: bytes) -> bytes:
    """A TensorProto of row-major little-endian bytes. Raises KeyError for a dtype that is not in `DTYPES`."""
    return whole(1, DTYPES[dtype]) + message(2, shape_of(shape)) + octets(4, data)


def strings(items: Sequence[bytes], shape: Sequence[int]) -> bytes:
    """A TensorProto of strings, row by row."""
    return whole(1, DT_STRING) + message(2, shape_of(shape)) + b"".join(message(8, item) for item in items)
