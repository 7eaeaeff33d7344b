"""Summary values as records: what each plugin of TensorBoard keeps, said in our kinds.

    plugin          kind               notes
    scalars         scalar             any rank-0 float tensor; other dtypes too
    histograms      histogram          [k, 3] of left, right, count; V1 HistogramProto with its min, max, mean, std
    images          image              strings [width, height, image ...]; V1 Image
    audio           audio              strings [k, 2] of (wav, label) or [k]; V1 Audio
    text            text               strings of any shape
    pr_curves       pr_curve           [6, n]; the counts are kept, precision and recall follow from them
    graph_keras_model   graph          the model's JSON, layer by layer
    graph_run_metadata_graph   graph   of tf.function, from the RunMetadata, which is kept as a tensor, too
    mesh            mesh               values of one event and one name are put together
    all else        tensor             with the plugin's name

Large parts stay in the file: a point tells where they lie (`records.Foreign`). Sources: plugin_data.proto of each plugin,
tensorboard/data_compat.py for V1 values, tensorboard/plugins/histogram/summary.py for empty and single-valued histograms.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import numpy as np

from ....store.kinds import F64, Problem
from ....store.records import (
    AudioPoint,
    Blob,
    Clip,
    Foreign,
    HistogramPoint,
    ImagePoint,
    Inline,
    MeshPoint,
    Picture,
    Point,
    PRCurvePoint,
    TensorPoint,
    TextPoint,
)
from .events import Event, Span, Tensor, Value, array_of, strings_of
from .fields import BYTES, FIXED32, FIXED64, VARINT, NotAMessage, double, fields, single, text
from .graphs import graph_of_run, keras_graph

MESH: Final = "mesh"
RUN_METADATA: Final = frozenset(["graph_run_metadata", "graph_run_metadata_graph"])
KERAS_MODEL: Final = "graph_keras_model"
MOST_PIXELS: Final = 1 << 31
"""No image is as wide or as high: a number that says so is none."""
MOST_MESHES: Final = 1 << 16
MOST_COUNTED: Final = float(1 << 62)
NUMBERS_FIRST: Final = b"\x09\x11\x19\x21\x29"
"""How a HistogramProto begins that leaves none of its five numbers out: fields 1 to 5, a double each."""
_FIVE: Final = struct.Struct("<xdxdxdxdxd").unpack_from
UNREADABLE: Final = (NotAMessage, ValueError, OverflowError, RecursionError)
"""What bytes that mean nothing come to: told with their place, and left out."""
MESH_PARTS: Final = {1: "VERTEX", 2: "FACE", 3: "COLOR"}


class Piece:
    """A piece of an event file that records are made of. name: of the file, as blobs tell it; base: where `data` begins in it.

    rounded: the tags of histograms whose counts were no whole numbers
    """

    def __init__(self, data: bytes, name: str, base: int, *, inline: bool = False) -> None:
        self.data, self.name, self.base, self._inline = data, name, base, inline
        self.rounded: set[str] = set()

    def blob(self, span: Span, media_type: str) -> Blob:
        """The bytes between `span`, as a blob that lies in the file (or inside the record, where a file cannot be read by offset)."""
        begin, end = span
        if self._inline:
            return Inline(self.data[begin:end], media_type)
        return Foreign(self.name, self.base + begin, end - begin, media_type)


def points_of(piece: Piece, event: Event, plugins: dict[str, str]) -> Iterable[Point]:
    """The points of an event that are no scalars. plugins: tag -> plugin name, by the first value of each tag.

    Raises NotAMessage for a value that cannot be read; `plugins` tells how.
    """
    parts: dict[str, dict[int, tuple[Value, Any]]] = {}
    for value in event.values:
        plugin = plugins.get(value.tag, "")
        if plugin == MESH and value.tensor is not None:
            name, content, config, _ = _mesh_head(piece.data, value)
            parts.setdefault(name or value.tag, {})[content] = (value, config)
            continue
        point = _point(piece, event, value, plugin)
        if point is not None:
            yield point
        if plugin in RUN_METADATA and value.tensor is not None and value.tensor.strings:
            graph = graph_of_run(piece.data, value.tensor.strings[0], tag=value.tag, step=event.step, wall_time=event.wall_time)
            if graph is not None:
                yield graph
    for name, mesh in parts.items():
        yield from _meshes(piece, event, name, mesh)


def _point(piece: Piece, event: Event, value: Value, plugin: str) -> Point | None:
    at: dict[str, Any] = {"tag": value.tag, "step": event.step, "wall_time": event.wall_time}
    if value.histogram is not None:
        return _v1_histogram(piece, value.histogram, at)
    if value.image is not None:
        return _v1_image(piece, value.image, at)
    if value.audio is not None:
        return _v1_audio(piece, value.audio, at)
    tensor = value.tensor
    if tensor is None:
        return None
    made: Point | None = None
    if plugin == "histograms":
        made = _histogram(piece, array_of(piece.data, tensor), at)
    elif plugin == "images" and tensor.dtype == "string":
        made = _images(piece, tensor, value.description, at)
    elif plugin == "audio" and tensor.dtype == "string":
        made = _sounds(piece, tensor, at)
    elif plugin == "text" and tensor.dtype == "string":
        texts = [text(piece.data, *span) for span in strings_of(tensor)]
        made = TextPoint(**at, texts=texts, shape=list(tensor.shape))
    elif plugin == KERAS_MODEL and tensor.dtype == "string" and tensor.strings:
        begin, end = tensor.strings[0]
        made = keras_graph(piece.data[begin:end], **at)
    elif plugin == "pr_curves":
        made = _pr_curve(array_of(piece.data, tensor), at)
    return made if made is not None else _tensor(piece, tensor, plugin, at)


# ---------------------------------------------------------------------------------------------------------- kinds


def _v1_histogram(piece: Piece, span: Span, at: dict[str, Any]) -> HistogramPoint:
    data = piece.data
    numbers = dict.fromkeys(range(1, 6), 0.0)
    begin, end = span
    if end - begin > len(NUMBERS_FIRST) * 9 and all(data[begin + 9 * place] == key for place, key in enumerate(NUMBERS_FIRST)):
        numbers = dict(enumerate(_FIVE(data, begin), 1))
        begin += 9 * len(NUMBERS_FIRST)
    limits: list[F64] = []
    buckets: list[F64] = []
    for number, wire, a, b in fields(data, begin, end):
        if number in numbers and wire == FIXED64:
            numbers[number] = double(data, a)
        elif number in (6, 7):
            into = limits if number == 6 else buckets
            if wire == FIXED64 or (wire == BYTES and (b - a) % 8 == 0):
                into.append(np.frombuffer(data, "<f8", (b - a) // 8, a))
            else:
                raise NotAMessage(f"a histogram with {b - a} bytes of numbers")
    limit, bucket = (parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts]) for parts in (limits, buckets))
    low, high, count, total, squares = numbers.values()
    if len(limit) != len(bucket):
        raise NotAMessage(f"a histogram of {len(limit)} limits and {len(bucket)} buckets")
    filled = np.flatnonzero(bucket > 0)
    if not len(filled):
        return HistogramPoint(**at, edges=[], counts=[], count=0)
    first, last = int(filled[0]), int(filled[-1])
    edges = [low, *limit[first:last].tolist(), high]
    mean = total / count if count else None
    std = math.sqrt(max(squares / count - mean * mean, 0.0)) if mean is not None else None
    return _histogram_point(piece, edges, bucket[first : last + 1], at, count=count, low=low, high=high, mean=mean, std=std)


def _histogram(piece: Piece, array: np.ndarray[Any, Any], at: dict[str, Any]) -> HistogramPoint:
    if array.ndim != 2 or (array.shape[1] != 3 and array.size):
        raise NotAMessage(f"a histogram of shape {array.shape}")
    rows = np.asarray(array, np.float64).reshape(-1, 3)
    if not len(rows):
        return HistogramPoint(**at, edges=[], counts=[], count=0)
    edges = [*rows[:, 0].tolist(), float(rows[-1, 1])]
    counts = rows[:, 2]
    filled = np.flatnonzero(rows[:, 2] > 0)
    low, high = (float(rows[filled[0], 0]), float(rows[filled[-1], 1])) if len(filled) else (None, None)
    return _histogram_point(piece, edges, counts, at, count=float(counts.sum()), low=low, high=high, mean=None, std=None)


def _histogram_point(
    piece: Piece, edges: list[float], counts: F64, at: dict[str, Any], *, count: float, low: Any, high: Any, mean: Any, std: Any
) -> HistogramPoint:
    if edges and edges[0] == edges[-1]:  # one value, which TensorBoard keeps in the last of many empty buckets
        edges, counts = [edges[0], edges[-1]], counts.sum(keepdims=True)
    finite = [value if value is None or math.isfinite(value) else None for value in (low, high, mean, std)]
    if not abs(count) <= MOST_COUNTED or not (abs(counts) <= MOST_COUNTED).all():
        raise NotAMessage("a histogram whose counts are no numbers")
    whole = np.rint(counts)
    if not count.is_integer() or not (whole == counts).all():
        piece.rounded.add(at["tag"])
    return HistogramPoint(
        **at, edges=edges, counts=whole.astype(np.int64).tolist(), count=round(count),
        min=finite[0], max=finite[1], mean=finite[2], std=finite[3],
    )  # fmt: skip


def rounded_of(path: str, tags: Iterable[str]) -> list[Problem]:
    """What is told of histograms of the file `path` whose counts were rounded: once a tag, however many they are."""
    return [Problem(path, -1, f"histogram {tag!r}: counts that are no whole numbers are rounded") for tag in sorted(tags)]


def _media_type(data: bytes, span: Span) -> str:
    head = data[span[0] : min(span[0] + 16, span[1])]
    for start, name in ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp")):
        if head.startswith(start):
            return name
    if head[:4] == b"RIFF":
        return "image/webp" if head[8:12] == b"WEBP" else "audio/wav"
    return "application/octet-stream"


def _v1_image(piece: Piece, span: Span, at: dict[str, Any]) -> ImagePoint:
    height = width = 0
    encoded = (span[1], span[1])
    for number, wire, a, b in fields(piece.data, *span):
        if number == 1 and wire == VARINT:
            height = a
        elif number == 2 and wire == VARINT:
            width = a
        elif number == 4 and wire == BYTES:
            encoded = (a, b)
    if max(width, height) > MOST_PIXELS:
        width = height = 0
    return ImagePoint(**at, images=[Picture(piece.blob(encoded, _media_type(piece.data, encoded)), width, height)])


def _images(piece: Piece, tensor: Tensor, caption: str, at: dict[str, Any]) -> ImagePoint | None:
    if len(tensor.strings) < 2:
        return None
    try:
        width, height = (int(piece.data[a:b]) for a, b in tensor.strings[:2])
    except ValueError:
        return None
    if not 0 <= width <= MOST_PIXELS or not 0 <= height <= MOST_PIXELS:
        return None
    pictures = [Picture(piece.blob(span, _media_type(piece.data, span)), width, height, caption) for span in tensor.strings[2:]]
    return ImagePoint(**at, images=pictures)


def _v1_audio(piece: Piece, span: Span, at: dict[str, Any]) -> AudioPoint:
    rate, channels, frames, media_type = 0.0, 1, 0, ""
    encoded = (span[1], span[1])
    for number, wire, a, b in fields(piece.data, *span):
        if number == 1 and wire == FIXED32:
            rate = single(piece.data, a)
        elif number == 2 and wire == VARINT:
            channels = a
        elif number == 3 and wire == VARINT:
            frames = a
        elif number == 4 and wire == BYTES:
            encoded = (a, b)
        elif number == 5 and wire == BYTES:
            media_type = text(piece.data, a, b)
    return AudioPoint(**at, clips=[Clip(piece.blob(encoded, media_type or "audio/wav"), rate, frames, channels)])


def _sounds(piece: Piece, tensor: Tensor, at: dict[str, Any]) -> AudioPoint:
    labelled = len(tensor.shape) == 2 and tensor.shape[1] == 2
    clips = []
    for place in range(0, len(tensor.strings), 2 if labelled else 1):
        span = tensor.strings[place]
        label = text(piece.data, *tensor.strings[place + 1]) if labelled and place + 1 < len(tensor.strings) else ""
        rate, channels, frames = _wave_head(piece.data, span)
        clips.append(Clip(piece.blob(span, "audio/wav"), rate, frames, channels, label))
    return AudioPoint(**at, clips=clips)


def _wave_head(data: bytes, span: Span) -> tuple[float, int, int]:
    """(Hz, channels, frames) of a RIFF WAVE file, zeros where it is none."""
    begin, end = span
    if data[begin : begin + 4] != b"RIFF" or data[begin + 8 : begin + 12] != b"WAVE":
        return 0.0, 1, 0
    at, rate, channels, frame = begin + 12, 0, 1, 1
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"fmt " and at + 24 <= end:
            channels = int.from_bytes(data[at + 10 : at + 12], "little")
            rate = int.from_bytes(data[at + 12 : at + 16], "little")
            frame = int.from_bytes(data[at + 20 : at + 22], "little") or 1
        elif data[at : at + 4] == b"data":
            return float(rate), channels, min(size, end - at - 8) // frame
        at += 8 + size + (size & 1)
    return float(rate), channels, 0


def _pr_curve(array: np.ndarray[Any, Any], at: dict[str, Any]) -> PRCurvePoint:
    if array.ndim != 2 or array.shape[0] != 6:
        raise NotAMessage(f"a PR curve of shape {array.shape}")
    rows = np.asarray(array, np.float64)
    thresholds = np.linspace(0.0, 1.0, rows.shape[1]).tolist()
    return PRCurvePoint(
        **at,
        thresholds=thresholds,
        true_positives=rows[0].tolist(),
        false_positives=rows[1].tolist(),
        true_negatives=rows[2].tolist(),
        false_negatives=rows[3].tolist(),
    )


def missing_of(data: bytes, values: Iterable[Value], plugins: dict[str, str]) -> dict[str, int]:
    """Name -> parts that `values` of one step announce and do not bring, as bits, of each mesh among them; 0 for a whole one.

    torch writes all parts of a mesh into one event, TensorFlow each into one of its own. Raises NotAMessage.
    """
    announced: dict[str, int] = {}
    brought: dict[str, int] = {}
    for value in values:
        if plugins.get(value.tag) == MESH and value.tensor is not None:
            name, content, _, parts = _mesh_head(data, value)
            mesh = name or value.tag
            announced[mesh] = announced.get(mesh, 0) | parts
            brought[mesh] = brought.get(mesh, 0) | 1 << content
    return {mesh: parts & ~brought[mesh] for mesh, parts in announced.items()}


def _mesh_head(data: bytes, value: Value) -> tuple[str, int, dict[str, Any], int]:
    name, content, config, parts = "", 0, {}, 0
    if value.content is not None:
        for number, wire, a, b in fields(data, *value.content):
            if number == 2 and wire == BYTES:
                name = text(data, a, b)
            elif number == 3 and wire == VARINT:
                content = a
            elif number == 7 and wire == VARINT:
                parts = a & 0b1110
            elif number == 5 and wire == BYTES and b > a:
                try:
                    config = msgspec.json.decode(data[a:b], type=dict[str, Any])
                except msgspec.MsgspecError:
                    config = {}
    if not content:
        content = next((number for number, part in MESH_PARTS.items() if value.tag.endswith("_" + part)), 0)
        name = name or value.tag.rpartition("_")[0]
    return name, content if content in MESH_PARTS else 0, config, parts


def _meshes(piece: Piece, event: Event, name: str, parts: dict[int, tuple[Value, Any]]) -> Iterable[Point]:
    arrays: dict[int, np.ndarray[Any, Any]] = {}
    for content, (value, _) in parts.items():
        assert value.tensor is not None
        array = array_of(piece.data, value.tensor)
        arrays[content] = array if array.ndim == 3 else array.reshape((1, *array.shape))
    vertices, faces, colors = arrays.get(1), arrays.get(2), arrays.get(3)
    if vertices is None or vertices.ndim != 3 or len(vertices) > MOST_MESHES:
        for value, _ in parts.values():
            assert value.tensor is not None
            at = {"tag": value.tag, "step": event.step, "wall_time": event.wall_time}
            yield _tensor(piece, value.tensor, "mesh", at)
        return
    config = parts[1][1]
    for place in range(len(vertices)):
        side = faces[place] if faces is not None and place < len(faces) and faces[place].size else None
        tint = colors[place] if colors is not None and place < len(colors) and colors[place].size else None
        yield MeshPoint(
            tag=name,
            step=event.step,
            wall_time=event.wall_time,
            vertices=_raw(vertices[place], "<f4"),
            vertex_count=len(vertices[place]),
            faces=None if side is None else _raw(side, "<i4"),
            face_count=0 if side is None else len(side),
            colors=None if tint is None else _raw(np.clip(tint, 0, 255), "u1"),
            config=config,
        )


def _raw(array: np.ndarray[Any, Any], dtype: str) -> Inline:
    with np.errstate(invalid="ignore", over="ignore"):  # an index or a colour that is NaN is none
        return Inline(np.ascontiguousarray(array, dtype).tobytes(), "application/octet-stream")


def _tensor(piece: Piece, tensor: Tensor, plugin: str, at: dict[str, Any]) -> TensorPoint:
    shape = list(tensor.shape)
    if tensor.dtype == "string":
        data = msgspec.msgpack.encode([piece.data[a:b] for a, b in tensor.strings])
        return TensorPoint(**at, blob=Inline(data, "application/msgpack"), shape=shape, dtype="object", plugin=plugin)
    if tensor.content is not None and tensor.content[1] > tensor.content[0]:
        return TensorPoint(
            **at, blob=piece.blob(tensor.content, "application/octet-stream"), shape=shape, dtype=tensor.dtype, plugin=plugin
        )
    array = array_of(piece.data, tensor)
    return TensorPoint(**at, blob=_raw(array, array.dtype.newbyteorder("<").str), shape=shape, dtype=tensor.dtype, plugin=plugin)
