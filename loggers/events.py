"""TensorFlow events -> what a run keeps: scalars as numbers, everything else as points of `store.records`.

`EventReader.read` takes the payload of one record of an event file (the framing is that of `store.framing`) and gives what it
holds. Fields and their numbers are those of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto; the
contents of each plugin's tensor are those of tensorboard/plugins/<plugin>/metadata.py.

A tensor that no plugin claims is kept as a tensor, with the plugin's name. What cannot be decoded raises `Damaged`.
"""

from __future__ import annotations

import io
import json
import struct
import wave
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged
from ..store.records import (
    AudioPoint,
    Clip,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    Picture,
    Point,
    PRCurvePoint,
    TensorPoint,
    TextPoint,
)
from .media.value import Target
from .tensorproto import Bytes, Tensor, decode_tensor, fields, float32, float64, raw, signed, text


@dataclass(frozen=True, slots=True)
class Logged:
    """One thing that an event holds. value: a scalar, or what makes the point where it goes (in the helper thread)."""

    tag: str
    step: int
    wall_time: float
    value: float | Callable[[Target], Point]


@dataclass(frozen=True, slots=True)
class GraphLogged:
    """A serialized GraphDef."""

    step: int
    wall_time: float
    graph_def: bytes


@dataclass(frozen=True, slots=True)
class ConfigLogged:
    """Hyperparameters."""

    config: dict[str, Any]


# --------------------------------------------------------------------------------------------------- summaries


@dataclass(frozen=True, slots=True)
class _About:
    """What the metadata of a tag says."""

    plugin: str = ""
    content: bytes = b""
    description: str = ""


def _about(data: Bytes) -> _About:
    plugin, content, description = "", b"", ""
    for number, value in fields(data):
        if number == 1:
            for key, one in fields(value):
                if key == 1:
                    plugin = text(one)
                elif key == 2:
                    content = raw(one)
        elif number == 3:
            description = text(value)
    return _About(plugin, content, description)


class EventReader:
    """Reads the events of one file, in order: a tag's metadata may stand at its first value only."""

    def __init__(self) -> None:
        self._about: dict[str, _About] = {}
        self._meshes: dict[tuple[str, int], dict[int, Tensor]] = {}

    def read(self, payload: bytes) -> list[Logged | GraphLogged | ConfigLogged]:
        """Return what the event in `payload` holds. Raises Damaged."""
        try:
            return self._read(payload)
        except (TypeError, ValueError, AttributeError, struct.error) as error:  # a field of another wire type than it should have
            raise Damaged(f"event: no event ({error})") from None

    def _read(self, payload: bytes) -> list[Logged | GraphLogged | ConfigLogged]:
        wall_time, step = 0.0, 0
        graph: Bytes | None = None
        values: list[Bytes] = []
        for number, value in fields(memoryview(payload)):
            if number == 1:
                wall_time = float64(value)
            elif number == 2:
                step = signed(value)
            elif number == 4:
                graph = value
            elif number == 5:
                values += [one for key, one in fields(value) if key == 1]
        found: list[Logged | GraphLogged | ConfigLogged] = []
        if graph is not None:
            found.append(GraphLogged(step, wall_time, raw(graph)))
        for one in values:
            found += self._value(one, step, wall_time)
        return found

    def _value(self, data: Bytes, step: int, wall_time: float) -> list[Logged | GraphLogged | ConfigLogged]:
        tag, what, content = "", 0, memoryview(b"")
        about: _About | None = None
        for number, value in fields(data):
            if number == 1:
                tag = text(value)
            elif number == 9:
                about = _about(value)
            elif number in (2, 4, 5, 6, 8):
                what, content = number, value
        about = self._about.setdefault(tag, about or _About())
        if about.plugin == "hparams":
            config = _hyperparameters(about.content)
            return [ConfigLogged(config)] if config else []
        if what == 0:
            return []
        if what != 8:
            return [Logged(tag, step, wall_time, _LEGACY[what](content))]
        tensor = decode_tensor(content)
        if about.plugin == "mesh":
            return [Logged(name, step, wall_time, draft) for name, draft in self._mesh(about.content, tag, step, tensor)]
        return [Logged(tag, step, wall_time, _of_plugin(about, tensor))]

    def _mesh(self, content: bytes, tag: str, step: int, tensor: Tensor) -> list[tuple[str, Callable[[Target], Point]]]:
        """The meshes that are whole now: vertices, faces and colors come one by one, as tags of their own."""
        name, kind, config, parts = "", 0, "", 0
        for number, value in fields(memoryview(content)):
            if number == 2:
                name = text(value)
            elif number == 3:
                kind = value
            elif number == 5:
                config = text(value)
            elif number == 7:
                parts = value
        there = self._meshes.setdefault((name or tag, step), {})
        there[kind] = tensor
        if any(parts >> one & 1 and one not in there for one in (_VERTEX, _FACE, _COLOR)) or _VERTEX not in there:
            return []
        del self._meshes[name or tag, step]
        return _meshes(name or tag, there, config)


# ---------------------------------------------------------------------------------------- what plugins mean


def _of_plugin(about: _About, tensor: Tensor) -> float | Callable[[Target], Point]:
    """What a tensor is by its plugin; a tensor when it is not what its plugin says."""
    strings = tensor.dtype == "object"
    if about.plugin == "scalars" and not strings and tensor.data and not tensor.dtype.startswith(("complex", "float8")):
        values = tensor.array().ravel()
        if values.size == 1:
            return float(values[0])
    if about.plugin == "histograms" and not strings and len(tensor.shape) == 2 and tensor.shape[1] == 3:
        return _histogram(tensor.array().astype(np.float64))
    if about.plugin == "pr_curves" and not strings and len(tensor.shape) == 2 and tensor.shape[0] >= 4:
        return _pr_curve(tensor.array().astype(np.float64))
    if about.plugin == "images" and strings and len(tensor.texts) >= 2 and tensor.texts[0].isdigit() and tensor.texts[1].isdigit():
        return _images([(int(tensor.texts[0]), int(tensor.texts[1]), one) for one in tensor.texts[2:]], about.description)
    if about.plugin == "audio" and strings:
        pairs = len(tensor.shape) == 2 and tensor.shape[1] == 2
        sounds = tensor.texts[::2] if pairs else tensor.texts
        labels = tensor.texts[1::2] if pairs else [b""] * len(sounds)
        return _sounds([(sound, label.decode("utf-8", errors="replace")) for sound, label in zip(sounds, labels, strict=True)])
    if about.plugin == "text" and strings:
        return _texts(tensor)
    return _plain(tensor, about.plugin)


def _plain(tensor: Tensor, plugin: str) -> Callable[[Target], Point]:
    def encode(target: Target) -> Point:
        if tensor.dtype == "object":
            import msgspec

            data, extension, kind = msgspec.msgpack.encode(tensor.texts), "msgpack", "application/msgpack"
        else:
            data, extension, kind = tensor.data, "bin", "application/octet-stream"
        blob = target.blob(data, extension=extension, media_type=kind)
        return TensorPoint(
            tag=target.tag,
            step=target.step,
            wall_time=target.wall_time,
            blob=blob,
            shape=list(tensor.shape),
            dtype=tensor.dtype,
            plugin=plugin,
        )

    return encode


def _histogram(rows: NDArray[np.float64]) -> Callable[[Target], Point]:
    """Rows of (left, right, count). Buckets follow one another; equal values stand in the last one, all edges alike."""
    finite = rows[np.isfinite(rows).all(axis=1)]
    filled = finite[finite[:, 2] > 0]
    if len(finite) and finite[0, 0] == finite[-1, 1]:
        finite = finite[-1:]
    edges = [*finite[:, 0].tolist(), float(finite[-1, 1])] if len(finite) else []
    counts = [round(count) for count in finite[:, 2].tolist()]
    least = float(filled[0, 0]) if len(filled) else None
    most = float(filled[-1, 1]) if len(filled) else None
    return _histogram_point(edges, counts, low=least, high=most)


def _histogram_point(
    edges: list[float], counts: list[int], *, low: float | None, high: float | None, mean: float | None = None, std: float | None = None
) -> Callable[[Target], Point]:
    def encode(target: Target) -> Point:
        return HistogramPoint(
            tag=target.tag,
            step=target.step,
            wall_time=target.wall_time,
            edges=edges,
            counts=counts,
            count=sum(counts),
            min=low,
            max=high,
            mean=mean,
            std=std,
        )

    return encode


def _pr_curve(rows: NDArray[np.float64]) -> Callable[[Target], Point]:
    """Rows: true positives, false positives, true negatives, false negatives (and precision, recall), thresholds 0 to 1."""
    lists = [row.tolist() for row in rows[:4]]

    def encode(target: Target) -> Point:
        return PRCurvePoint(
            tag=target.tag,
            step=target.step,
            wall_time=target.wall_time,
            thresholds=np.linspace(0.0, 1.0, rows.shape[1]).tolist(),
            true_positives=lists[0],
            false_positives=lists[1],
            true_negatives=lists[2],
            false_negatives=lists[3],
        )

    return encode


_MAGIC: Final = ((b"\x89PNG", "png", "image/png"), (b"GIF8", "gif", "image/gif"), (b"\xff\xd8\xff", "jpg", "image/jpeg"))


def _images(pictures: list[tuple[int, int, bytes]], caption: str = "") -> Callable[[Target], Point]:
    """Encoded images: (width, height in pixels, bytes), kept byte for byte."""

    def encode(target: Target) -> Point:
        kept = []
        for width, height, data in pictures:
            extension, kind = next(
                ((ext, kind) for magic, ext, kind in _MAGIC if data.startswith(magic)), ("bin", "application/octet-stream")
            )
            blob = target.blob(data, extension=extension, media_type=kind)
            kept.append(Picture(blob=blob, width=width, height=height, caption=caption))
        return ImagePoint(tag=target.tag, step=target.step, wall_time=target.wall_time, images=kept)

    return encode


def _sounds(sounds: list[tuple[bytes, str]]) -> Callable[[Target], Point]:
    """WAV files, kept byte for byte, and their captions."""

    def encode(target: Target) -> Point:
        clips = []
        for data, caption in sounds:
            try:
                with wave.open(io.BytesIO(data)) as file:
                    rate, frames, channels = file.getframerate(), file.getnframes(), file.getnchannels()
            except (wave.Error, EOFError) as error:
                raise Damaged(f"event: a sound that is no WAV of whole numbers ({error})") from None
            blob = target.blob(data, extension="wav", media_type="audio/wav")
            clips.append(Clip(blob=blob, sample_rate=float(rate), frames=frames, channels=channels, caption=caption))
        return AudioPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, clips=clips)

    return encode


def _texts(tensor: Tensor) -> Callable[[Target], Point]:
    texts = [one.decode("utf-8", errors="replace") for one in tensor.texts]

    def encode(target: Target) -> Point:
        return TextPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, texts=texts, shape=list(tensor.shape))

    return encode


_VERTEX: Final = 1
_FACE: Final = 2
_COLOR: Final = 3


def _meshes(name: str, parts: dict[int, Tensor], config: str) -> list[tuple[str, Callable[[Target], Point]]]:
    """A batch of meshes as tags of their own, `name`/0, `name`/1 ..., `name` when there is one. Parts: (batch, n, 3)."""
    vertices = parts[_VERTEX].array().astype("<f4")
    faces = parts[_FACE].array().astype("<i4") if _FACE in parts else None
    colors = parts[_COLOR].array() if _COLOR in parts else None
    if vertices.ndim != 3:
        raise Damaged(f"event: mesh {name!r}: vertices of shape {vertices.shape}, want (batch, n, 3)")
    if colors is not None and colors.dtype != np.uint8:
        colors = np.clip(np.rint(colors), 0, 255).astype(np.uint8)
    try:
        made = json.loads(config) if config else {}
    except ValueError:
        made = {}

    def draft(index: int) -> Callable[[Target], Point]:
        def encode(target: Target) -> Point:
            def blob(array: NDArray[Any]) -> Any:
                return target.blob(array.tobytes(), extension="bin", media_type="application/octet-stream")

            return MeshPoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                vertices=blob(vertices[index]),
                vertex_count=len(vertices[index]),
                faces=blob(faces[index]) if faces is not None and faces[index].size else None,
                face_count=len(faces[index]) if faces is not None else 0,
                colors=blob(colors[index]) if colors is not None and colors[index].size else None,
                config=made if isinstance(made, dict) else {},
            )

        return encode

    return [(f"{name}/{index}" if len(vertices) > 1 else name, draft(index)) for index in range(len(vertices))]


def _hyperparameters(content: bytes) -> dict[str, Any]:
    """The values of a SessionStartInfo (map<string, google.protobuf.Value>); empty for the other hparams messages."""
    found: dict[str, Any] = {}
    for number, value in fields(memoryview(content)):
        if number != 3:
            continue
        for key, entry in fields(value):
            if key == 1:
                parts = dict(fields(entry))
                found[text(parts.get(1, memoryview(b"")))] = _json_value(parts.get(2, memoryview(b"")))
    return found


def _json_value(data: Bytes) -> Any:
    for number, value in fields(data):
        if number == 2:
            return float64(value)
        if number == 3:
            return text(value)
        if number == 4:
            return bool(value)
        if number == 5:
            entries = (dict(fields(one)) for key, one in fields(value) if key == 1)
            return {text(one.get(1, memoryview(b""))): _json_value(one.get(2, memoryview(b""))) for one in entries}
        if number == 6:
            return [_json_value(one) for key, one in fields(value) if key == 1]
    return None


# ------------------------------------------------------------------------------- values of TensorFlow 1's kind


def _legacy_histogram(data: Bytes) -> Callable[[Target], Point]:
    """HistogramProto: min, max, num, sum, sum_squares, right edges, counts."""
    said: dict[int, float] = {}
    lists: dict[int, list[float]] = {6: [], 7: []}
    for number, value in fields(data):
        if number in lists:
            lists[number] += np.frombuffer(value, "<f8").tolist()
        else:
            said[number] = float64(value)
    low, high, count = said.get(1, 0.0), said.get(2, 0.0), said.get(3, 0.0)
    limits, counts = lists[6], lists[7]
    filled = [place for place, one in enumerate(counts) if one > 0]
    if not filled or not count:
        return _histogram_point([], [], low=None, high=None)
    first, last = filled[0], filled[-1]
    inner = [limit for limit in limits[first:last] if low <= limit <= high]
    kept = counts[first : last + 1]
    edges = [low, *inner, high] if len(inner) == last - first else [low, *np.clip(limits[first:last], low, high).tolist(), high]
    mean = said.get(4, 0.0) / count
    spread = max(said.get(5, 0.0) / count - mean * mean, 0.0)
    return _histogram_point(edges, [round(one) for one in kept], low=low, high=high, mean=mean, std=spread**0.5)


def _legacy_image(data: Bytes) -> Callable[[Target], Point]:
    parts = dict(fields(data))
    return _images([(int(parts.get(2, 0)), int(parts.get(1, 0)), raw(parts.get(4, memoryview(b""))))])


def _legacy_sound(data: Bytes) -> Callable[[Target], Point]:
    parts = dict(fields(data))
    return _sounds([(raw(parts.get(4, memoryview(b""))), "")])


_LEGACY: Final[dict[int, Callable[[Bytes], float | Callable[[Target], Point]]]] = {
    2: float32,
    4: _legacy_image,
    5: _legacy_histogram,
    6: _legacy_sound,
}
