"""Points of `store.records` -> values of a TensorBoard summary, kind by kind.

What each plugin keeps in its tensor: tensorboard/plugins/<plugin>/metadata.py. A point that TensorBoard has no form for raises
`NotCarried`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any, Final

import msgspec
import numpy as np

from ...store.records import (
    AudioPoint,
    Blob,
    Box,
    ConfusionMatrixPoint,
    EmbeddingPoint,
    FigurePoint,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    Picture,
    Point,
    PRCurvePoint,
    TablePoint,
    TensorPoint,
    TextPoint,
    VideoPoint,
)
from .messages import DTYPES, numbers, raw_numbers, strings, tensor_value
from .wire import text, whole, wholes

BlobReader = Callable[[Blob], bytes]
"""Gives the bytes of a blob; may raise NotFound or Damaged."""
_WAV: Final = b"\x10\x0b"
"""AudioPluginData with encoding WAV."""
_SHOWN: Final = frozenset(("image/png", "image/jpeg", "image/gif"))
_VERTEX: Final = 1
_FACE: Final = 2
_COLOR: Final = 3


class NotCarried(Exception):
    """TensorBoard has nothing for this. The text says for what, in the plural."""


def values_of(point: Point, blob: BlobReader) -> list[bytes]:
    """Return the Summary.Values of `point`. Raises NotCarried, and what `blob` raises."""
    if isinstance(point, HistogramPoint):
        return [_histogram(point)]
    if isinstance(point, ImagePoint):
        return [_pictures(point.tag, point.images, blob)]
    if isinstance(point, AudioPoint):
        return [_sounds(point, blob)]
    if isinstance(point, VideoPoint):
        if point.blob.media_type != "image/gif":
            raise NotCarried("videos that are no GIF")
        return [_encoded(point.tag, point.width, point.height, [blob(point.blob)])]
    if isinstance(point, TextPoint):
        return [tensor_value(point.tag, "text", strings([one.encode("utf-8", "backslashreplace") for one in point.texts], _shape(point)))]
    if isinstance(point, FigurePoint):
        if point.picture is None:
            raise NotCarried("figures without a picture")
        return [_pictures(point.tag, [point.picture], blob)]
    if isinstance(point, PRCurvePoint):
        return [_pr_curve(point)]
    if isinstance(point, MeshPoint):
        return _mesh(point, blob)
    if isinstance(point, TensorPoint):
        return [_tensor(point, blob)]
    if isinstance(point, TablePoint):
        raise NotCarried("tables")
    if isinstance(point, ConfusionMatrixPoint):
        raise NotCarried("confusion matrices")
    assert isinstance(point, (GraphPoint, EmbeddingPoint))  # neither is a summary: see `writer`
    raise NotCarried("graphs and embeddings in a summary")


def lost_of(point: Point) -> dict[str, int]:
    """What of a point that is carried does not come along: what it is, in the plural -> how many."""
    lost: dict[str, int] = {}
    if isinstance(point, HistogramPoint):
        lost["NaN and infinities in histograms"] = point.nan + point.pos_inf + point.neg_inf
    elif isinstance(point, ImagePoint):
        lost["masks of images"] = sum(len(one.masks) for one in point.images)
        lost["captions of images"] = sum(bool(one.caption) for one in point.images)
    elif isinstance(point, VideoPoint):
        lost["captions of videos"] = int(bool(point.caption))
    elif isinstance(point, PRCurvePoint):
        even = np.linspace(0, 1, len(point.thresholds))
        lost["PR curves at thresholds of their own"] = int(not np.allclose(point.thresholds, even, rtol=0, atol=1e-9))
    return {what: count for what, count in lost.items() if count}


def _histogram(point: HistogramPoint) -> bytes:
    """Rows of (left, right, count)."""
    edges = np.asarray(point.edges, np.float64)
    rows = np.column_stack((edges[:-1], edges[1:], np.asarray(point.counts, np.float64))) if point.counts else np.empty((0, 3))
    return tensor_value(point.tag, "histograms", numbers(np.ascontiguousarray(rows, np.float64)))


def _encoded(tag: str, width: int, height: int, images: list[bytes]) -> bytes:
    """Width and height of the first image, then every image."""
    items = [str(width).encode(), str(height).encode(), *images]
    return tensor_value(tag, "images", strings(items, (len(items),)))


def _pictures(tag: str, pictures: list[Picture], blob: BlobReader) -> bytes:
    if not pictures:
        raise NotCarried("image points without an image")
    return _encoded(tag, pictures[0].width, pictures[0].height, [_as_shown(one, blob) for one in pictures])


def _as_shown(picture: Picture, blob: BlobReader) -> bytes:
    """Bytes that TensorBoard's page can show: WebP becomes PNG, and boxes are drawn in."""
    data = blob(picture.blob)
    if not picture.boxes and picture.blob.media_type in _SHOWN:
        return data
    from PIL import Image

    with Image.open(io.BytesIO(data)) as opened:
        image = opened.convert("RGBA" if "A" in opened.getbands() or "transparency" in opened.info else "RGB")
    _draw(image, picture.boxes)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def _draw(image: Any, boxes: list[Box]) -> None:
    from PIL import ImageDraw

    draw = ImageDraw.Draw(image)
    for box in boxes:
        right, bottom = box.left + max(box.width, 0), box.top + max(box.height, 0)
        draw.rectangle((box.left, box.top, right, bottom), outline=(255, 0, 0), width=2)
        said = " ".join(one for one in (box.label, "" if box.score is None else f"{box.score:.2f}") if one)
        if said:
            said = said.encode("latin-1", "replace").decode("latin-1")  # what Pillow's own font can draw
            draw.rectangle(draw.textbbox((box.left, box.top), said), fill=(255, 0, 0))
            draw.text((box.left, box.top), said, fill=(255, 255, 255))


def _sounds(point: AudioPoint, blob: BlobReader) -> bytes:
    """Pairs of an encoded sound and its label."""
    items = [part for clip in point.clips for part in (blob(clip.blob), clip.caption.encode("utf-8", "backslashreplace"))]
    wav = all(clip.blob.media_type in ("audio/wav", "audio/x-wav") for clip in point.clips)
    return tensor_value(point.tag, "audio", strings(items, (len(point.clips), 2)), _WAV if wav else b"")


def _shape(point: TextPoint) -> list[int]:
    fits = int(np.prod(point.shape, dtype=np.int64)) == len(point.texts)
    return point.shape if fits else [len(point.texts)]


def _pr_curve(point: PRCurvePoint) -> bytes:
    """Rows: true positives, false positives, true negatives, false negatives, precision, recall."""
    right, wrong = np.asarray(point.true_positives), np.asarray(point.false_positives)
    missed = np.asarray(point.false_negatives)
    least = 1e-7  # of a divisor: as tensorboard/plugins/pr_curve/summary.py has it
    rows = (right, wrong, point.true_negatives, missed, right / np.maximum(least, right + wrong), right / np.maximum(least, right + missed))
    return tensor_value(point.tag, "pr_curves", numbers(np.stack(rows).astype(np.float32)), whole(2, len(point.thresholds)))


def _mesh(point: MeshPoint, blob: BlobReader) -> list[bytes]:
    """Vertices, faces and colors under a tag each, shape (1, n, 3)."""
    parts: list[tuple[int, str, np.dtype[Any], Blob | None]] = [
        (_VERTEX, "VERTEX", np.dtype("<f4"), point.vertices),
        (_FACE, "FACE", np.dtype("<i4"), point.faces),
        (_COLOR, "COLOR", np.dtype("u1"), point.colors),
    ]
    there = [(kind, name, np.frombuffer(blob(data), dtype).reshape(1, -1, 3)) for kind, name, dtype, data in parts if data is not None]
    components = sum(1 << kind for kind, _, _ in there)
    config = json.dumps(point.config) if point.config else ""

    def content(kind: int, shape: tuple[int, ...]) -> bytes:
        return b"".join((text(2, point.tag), whole(3, kind), text(5, config), wholes(6, shape), whole(7, components)))

    return [tensor_value(f"{point.tag}_{name}", "mesh", numbers(array), content(kind, array.shape)) for kind, name, array in there]


def _tensor(point: TensorPoint, blob: BlobReader) -> bytes:
    data = blob(point.blob)
    plugin = point.plugin or "tensor"
    if point.dtype == "object":
        items = [one if isinstance(one, bytes) else str(one).encode("utf-8", "backslashreplace") for one in msgspec.msgpack.decode(data)]
        return tensor_value(point.tag, plugin, strings(items, point.shape))
    if point.dtype not in DTYPES:
        raise NotCarried(f"tensors of dtype {point.dtype}")
    return tensor_value(point.tag, plugin, raw_numbers(point.dtype, point.shape, data))
