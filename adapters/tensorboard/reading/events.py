"""Event records one by one: what an event, a summary value and a tensor say, with every large part left where it lies.

Nothing is copied: bytes are told as (start, end) in the record's data. Field numbers: event.proto, summary.proto, tensor.proto,
tensor_shape.proto and types.proto of TensorFlow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .fields import BYTES, FIXED32, FIXED64, VARINT, NotAMessage, double, fields, signed, single, text, varint

Span = tuple[int, int]
"""Where bytes begin and end in the data."""

DTYPES: Final = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    8: "complex64",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
HALF: Final = 13
PACKED: Final = {5: "<f4", 6: "<f8", 9: "<c8", 12: "<c16"}
"""Fields of a TensorProto whose bytes are the values themselves: float_val, double_val, scomplex_val, dcomplex_val."""
WHOLE: Final = frozenset([7, 10, 11, 16, 17, HALF])
"""Fields of varints: int_val, int64_val, bool_val, uint32_val, uint64_val, half_val (16 bits of half or bfloat16)."""
UNSIGNED: Final = (16, 17)
MOST_AXES: Final = 254
"""TensorFlow has no tensor of more axes."""
MOST_REPEATED: Final = 1 << 22
"""So many values may stand for one that repeats: a few bytes must not become gigabytes."""
PLAIN: Final = {0x22: "image", 0x2A: "histogram", 0x32: "audio"}
"""First byte of a field of a Summary.Value -> the field."""
SHORTEST: Final = 32
"""Fewer bytes hold no image, histogram or sound that is worth a short cut."""


@dataclass(slots=True)
class Tensor:
    """A TensorProto. content: its tensor_content; strings: its string_val; parts: (number, span) of packed or fixed fields;
    whole: (number, value) of single varints."""

    dtype: str = ""
    shape: list[int] = field(default_factory=list)
    content: Span | None = None
    strings: list[Span] = field(default_factory=list)
    parts: list[tuple[int, Span]] = field(default_factory=list)
    whole: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Value:
    """One Summary.Value. plugin is None where it carries no metadata; content is the plugin's own data in the metadata."""

    tag: str = ""
    plugin: str | None = None
    content: Span | None = None
    display_name: str = ""
    description: str = ""
    simple: float | None = None
    image: Span | None = None
    histogram: Span | None = None
    audio: Span | None = None
    tensor: Tensor | None = None


@dataclass(slots=True)
class Event:
    """One Event. session: the status of its session_log (1: START), None when it has none."""

    wall_time: float = 0.0
    step: int = 0
    version: str | None = None
    values: list[Value] = field(default_factory=list)
    graph: Span | None = None
    meta_graph: Span | None = None
    run_metadata: tuple[str, Span] | None = None
    session: int | None = None


def event_of(data: bytes, start: int, end: int) -> Event:
    """Decode the event between `start` and `end`. Raises NotAMessage."""
    return _plain_event(data, start, end) or _any_event(data, start, end)


def _plain_event(data: bytes, start: int, end: int) -> Event | None:
    """An event with one V1 image, histogram or sound and nothing else, as every writer orders its fields; None for any other."""
    if end - start < SHORTEST or data[start] != 0x09:
        return None
    try:
        at, step = start + 9, 0
        if data[at] == 0x10:
            step, at = varint(data, at + 1, end)
        for key in (0x2A, 0x0A):
            if data[at] != key:
                return None
            size, at = varint(data, at + 1, end)
            if size != end - at:
                return None
        if data[at] != 0x0A:
            return None
        size, name = varint(data, at + 1, end)
        at = name + size
        part = PLAIN.get(data[at]) if at < end else None
        if part is None:
            return None
        size, begin = varint(data, at + 1, end)
        if begin + size != end:
            return None
    except NotAMessage:
        return None
    value = Value(text(data, name, at))
    setattr(value, part, (begin, end))
    return Event(double(data, start + 1), signed(step), None, [value])


def _any_event(data: bytes, start: int, end: int) -> Event:
    event = Event()
    for number, wire, a, b in fields(data, start, end):
        if number == 1 and wire == FIXED64:
            event.wall_time = double(data, a)
        elif number == 2 and wire == VARINT:
            event.step = signed(a)
        elif number == 3 and wire == BYTES:
            event.version = text(data, a, b)
        elif number == 4 and wire == BYTES:
            event.graph = (a, b)
        elif number == 5 and wire == BYTES:
            event.values.extend(value_of(data, c, d) for key, kind, c, d in fields(data, a, b) if key == 1 and kind == BYTES)
        elif number == 7 and wire == BYTES:
            event.session = next((c for key, kind, c, _ in fields(data, a, b) if key == 1 and kind == VARINT), 0)
        elif number == 8 and wire == BYTES:
            event.run_metadata = _tagged(data, a, b)
        elif number == 9 and wire == BYTES:
            event.meta_graph = (a, b)
    return event


def _tagged(data: bytes, start: int, end: int) -> tuple[str, Span]:
    tag, span = "", (end, end)
    for number, wire, a, b in fields(data, start, end):
        if number == 1 and wire == BYTES:
            tag = text(data, a, b)
        elif number == 2 and wire == BYTES:
            span = (a, b)
    return tag, span


def value_of(data: bytes, start: int, end: int) -> Value:
    """Decode a Summary.Value. Raises NotAMessage."""
    value = Value()
    node: Span | None = None
    for number, wire, a, b in fields(data, start, end):
        if number == 2 and wire == FIXED32:
            value.simple = single(data, a)
        elif wire != BYTES:
            continue
        elif number == 1:
            value.tag = text(data, a, b)
        elif number == 4:
            value.image = (a, b)
        elif number == 5:
            value.histogram = (a, b)
        elif number == 6:
            value.audio = (a, b)
        elif number == 8:
            value.tensor = tensor_of(data, a, b)
        elif number == 9:
            _take_metadata(value, data, a, b)
        elif number == 7:
            node = (a, b)
    if not value.tag and node is not None:  # what TensorFlow 1 told in the place of a tag
        value.tag = text(data, *node)
    return value


def _take_metadata(value: Value, data: bytes, start: int, end: int) -> None:
    value.plugin = ""
    for number, wire, a, b in fields(data, start, end):
        if wire != BYTES:
            continue
        if number == 1:
            for key, kind, c, d in fields(data, a, b):
                if key == 1 and kind == BYTES:
                    value.plugin = text(data, c, d)
                elif key == 2 and kind == BYTES:
                    value.content = (c, d)
        elif number == 2:
            value.display_name = text(data, a, b)
        elif number == 3:
            value.description = text(data, a, b)


def tensor_of(data: bytes, start: int, end: int) -> Tensor:
    """Decode a TensorProto's outline. Raises NotAMessage."""
    tensor = Tensor()
    for number, wire, a, b in fields(data, start, end):
        if number == 1 and wire == VARINT:
            tensor.dtype = DTYPES.get(a, f"DT_{a}")
        elif number == 2 and wire == BYTES:
            tensor.shape = _shape(data, a, b)
        elif number == 4 and wire == BYTES:
            tensor.content = (a, b)
        elif number == 8 and wire == BYTES:
            tensor.strings.append((a, b))
        elif number in WHOLE and wire == VARINT:
            tensor.whole.append((number, a))
        elif (number in WHOLE and wire == BYTES) or (number in PACKED and wire in (BYTES, FIXED32, FIXED64)):
            tensor.parts.append((number, (a, b)))
    return tensor


def _shape(data: bytes, start: int, end: int) -> list[int]:
    sizes = []
    for number, wire, a, b in fields(data, start, end):
        if number == 2 and wire == BYTES:
            sizes.append(next((signed(c) for key, kind, c, _ in fields(data, a, b) if key == 1 and kind == VARINT), 0))
    return sizes


def array_of(data: bytes, tensor: Tensor) -> NDArray[Any]:
    """The values of a tensor that is not of strings, in its shape.

    A typed field may hold fewer values than the shape has: the last one repeats, and none at all stands for zeros (as
    TensorFlow's MakeNdarray reads it). bfloat16 comes as uint16, its own bits. Raises NotAMessage.
    """
    if tensor.dtype not in DTYPES.values() or tensor.dtype == "string":
        raise NotAMessage(f"a tensor of dtype {tensor.dtype or 'none'}")
    count = count_of(tensor)
    dtype = np.dtype("uint16" if tensor.dtype == "bfloat16" else tensor.dtype)
    if tensor.content is not None and tensor.content[1] > tensor.content[0]:
        begin, end = tensor.content
        if end - begin != count * dtype.itemsize:
            raise NotAMessage(f"{end - begin} bytes for a tensor of shape {tensor.shape} and dtype {tensor.dtype}")
        return np.frombuffer(data, dtype.newbyteorder("<"), count, begin).reshape(tensor.shape)
    values = _typed(data, tensor, dtype)
    if len(values) > count:
        raise NotAMessage(f"{len(values)} values for a tensor of shape {tensor.shape}")
    if len(values) < count:
        if count > MOST_REPEATED:
            raise NotAMessage(f"{len(values)} values for a tensor of shape {tensor.shape}; so large a one wants all of them")
        last = values[-1] if len(values) else np.zeros((), dtype)[()]
        values = np.concatenate([values, np.full(count - len(values), last, values.dtype if len(values) else dtype)])
    return values.reshape(tensor.shape)


def count_of(tensor: Tensor) -> int:
    """How many values its shape has. Raises NotAMessage for a shape that no tensor has."""
    if len(tensor.shape) > MOST_AXES or any(size < 0 for size in tensor.shape):
        raise NotAMessage(f"a tensor of shape {tensor.shape[:8]}")
    count = math.prod(tensor.shape)
    if count > 1 << 31:
        raise NotAMessage(f"a tensor of shape {tensor.shape[:8]}")
    return count


def strings_of(tensor: Tensor) -> list[Span]:
    """Where the strings of a tensor lie, as many as its shape has: the last one repeats. Raises NotAMessage.

    More strings than the shape has stay: nothing that was written is left out.
    """
    missing = count_of(tensor) - len(tensor.strings)
    if missing <= 0:
        return tensor.strings
    if missing > MOST_REPEATED:
        raise NotAMessage(f"{len(tensor.strings)} strings for a tensor of shape {tensor.shape[:8]}")
    return [*tensor.strings, *([tensor.strings[-1] if tensor.strings else (0, 0)] * missing)]


def _typed(data: bytes, tensor: Tensor, dtype: np.dtype[Any]) -> NDArray[Any]:
    parts: list[NDArray[Any]] = []
    for number, (a, b) in tensor.parts:
        if number in PACKED:
            stored = np.dtype(PACKED[number])
            if (b - a) % stored.itemsize:
                raise NotAMessage(f"{b - a} bytes of {stored}")
            parts.append(np.frombuffer(data, stored, (b - a) // stored.itemsize, a).astype(dtype, copy=False))
        else:
            parts.append(_converted(_varints(data, a, b), number, dtype))
    if tensor.whole:
        parts.append(_converted([value for _, value in tensor.whole], tensor.whole[0][0], dtype))
    return np.concatenate(parts) if parts else np.empty(0, dtype)


def _varints(data: bytes, at: int, end: int) -> list[int]:
    values = []
    while at < end:
        value, at = varint(data, at, end)
        values.append(value)
    return values


def _converted(values: list[int], number: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    if number == HALF:
        if any(value > 0xFFFF for value in values):  # torch's add_tensor puts the bits of a float32 there
            wide = (np.array(values, np.uint64) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
            with np.errstate(over="ignore"):
                return (wide >> np.uint32(16)).astype(dtype) if dtype.kind == "u" else wide.view(np.float32).astype(dtype)
        bits = (np.array(values, np.uint64) & np.uint64(0xFFFF)).astype(np.uint16)
        return bits.view(dtype) if dtype.itemsize == 2 else bits.astype(dtype)
    if number in UNSIGNED:
        return np.array(values, np.uint64).astype(dtype)
    return np.array([signed(value) for value in values], np.int64).astype(dtype)


@dataclass(frozen=True, slots=True)
class NumberForm:
    """Where a number stands in bytes that are else the same. at: of the value from their beginning; width: 4 or 8 bytes."""

    at: int
    width: int
    plugin: str
    simple: bool


def number_form(data: bytes, start: int, end: int) -> NumberForm | None:
    """The form of what follows the tag of a summary value between `start` and `end`; None when it is no single float."""
    try:
        value = value_of(data, start, end)
        if any(number == 1 for number, *_ in fields(data, start, end)) or value.tag or value.image or value.histogram or value.audio:
            return None
        if value.simple is not None:
            place = [a for number, wire, a, _ in fields(data, start, end) if number == 2 and wire == FIXED32][-1]  # the last one counts
            return NumberForm(place - start, 4, value.plugin or "", True) if value.tensor is None else None
    except NotAMessage:
        return None
    tensor = value.tensor
    if tensor is None or tensor.shape or tensor.dtype not in ("float32", "float64") or tensor.whole or tensor.strings:
        return None
    own, width = (5, 4) if tensor.dtype == "float32" else (6, 8)
    if any(number != own for number, _ in tensor.parts):  # values of another type's field
        return None
    spans = [span for _, span in tensor.parts] if tensor.content is None else [tensor.content]
    if len(spans) != 1 or spans[0][1] - spans[0][0] != width or (tensor.content is not None and tensor.parts):
        return None
    return NumberForm(spans[0][0] - start, width, value.plugin or "", False)
