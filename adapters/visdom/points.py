"""A pane of Visdom -> points of the kinds that it shows.

    pane                    kind                notes
    image, image_history    image               frame n of a history is step n; what is no embedded picture is none
    text                    text, as HTML       but:
      with <audio>          audio               the embedded sound, as the client put it there
      with <video>          video
      with <svg>            figure              SVG; matplotlib figures come so; a text, too, where there is more than it
    plot, plot_history      figure              where something of it is no series; frame n is step n
    network                 graph
    embeddings              embedding           the two dimensions that Visdom keeps; labels, names and groups as metadata
    properties              config              name -> value, under the pane's tag

A point stands at step 0, unless crossboard wrote the pane and put its step there (see `panes`). Its bytes stay where they are: a
`Place` says how they are named. What Foreign or InFile names is made by `form_of`, from the value at a path in the pane:

    content     the pane's content as JSON, without the numbers that are series
    figure      {"data", "layout"} as JSON
    data        the bytes of the (n-th) data URI in a text
    svg         the SVG in a text
    positions   float32, row by row; labels: a table as an Arrow IPC stream
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from ...store.errors import Damaged
from ...store.records import (
    AudioPoint,
    Blob,
    Clip,
    ConfigSet,
    EmbeddingPoint,
    FigurePoint,
    GraphEdge,
    GraphOperation,
    GraphPoint,
    ImagePoint,
    Picture,
    Record,
    TextPoint,
    VideoPoint,
)
from .heads import AUDIO_TYPES, IMAGE_TYPES, VIDEO_TYPES, film_head, image_size, image_type, wave_head
from .traces import Parts, curves_of, plain_text, without_numbers

MOST_TEXT: Final = 4 << 20
"""Characters of a text pane that become a point; a longer one is a pane only."""
HEAD: Final = 1 << 16
"""Characters of base64 that are decoded to look at the head of a picture."""
JSON: Final = "application/json"
BYTES: Final = "application/octet-stream"
_URI: Final = re.compile(r"data:(audio|video)/([a-z0-9.+-]{1,20});base64,([A-Za-z0-9+/=]*)")
_PREAMBLE: Final = re.compile(r"(\s*<[?!][^<>]*>)+\s*")
"""What may stand before an SVG that is a document: declarations."""
_PICTURE: Final = re.compile(r"data:(image/[a-z0-9.+-]{1,20});base64,")

Path = Sequence["str | int"]


class Place(Protocol):
    """Where a pane lies."""

    def blob(self, path: Path, form: str, media_type: str, number: int = 0) -> Blob:
        """The bytes of `form` (see above) of the value at `path` in the pane; number: of several of the form."""
        ...


def points_of(pane: Mapping[str, Any], parts: Parts, place: Place, wall_time: float) -> Iterator[Record]:
    """The points of `pane`, of which `parts` was made. What is of an unexpected form is no point."""
    content, kind = pane.get("content"), pane.get("type")
    at: dict[str, Any] = {"tag": parts.tag, **_when(pane, 0, wall_time)}
    if kind == "image":
        yield from _image(content, ("content",), place, at)
    elif kind == "image_history" and isinstance(content, list):
        for number, frame in enumerate(content):
            yield from _image(frame, ("content", number), place, {**at, **_when(frame, number, wall_time)})
    elif kind == "text" and isinstance(content, str):
        yield from _text(content, place, at)
    elif kind == "plot" and isinstance(content, Mapping):
        data = content.get("data")
        if isinstance(data, list) and len(parts.traces) < len(data):
            yield FigurePoint(**at, blob=place.blob(("content",), "figure", JSON))
    elif kind == "plot_history" and isinstance(content, list):
        for number, frame in enumerate(content):
            if isinstance(frame, Mapping) and "data" in frame:
                yield FigurePoint(**{**at, "step": number}, blob=place.blob(("content", number), "figure", JSON))
    elif kind == "network" and isinstance(content, Mapping):
        yield network(content, at)
    elif kind == "embeddings" and isinstance(content, Mapping):
        rows = _positions(content.get("data"))
        if rows is not None and len(rows):
            yield EmbeddingPoint(
                **at,
                blob=place.blob(("content", "data"), "positions", BYTES),
                rows=len(rows),
                dimensions=rows.shape[1],
                metadata=place.blob(("content", "data"), "labels", "application/vnd.apache.arrow.stream"),
            )
    elif kind == "properties" and isinstance(content, list):
        values = {plain_text(one["name"]): one.get("value") for one in content if isinstance(one, Mapping) and "name" in one}
        if values:
            yield ConfigSet(wall_time=wall_time, config={parts.tag: packable(values)})


def _when(part: Any, step: int, wall_time: float) -> dict[str, Any]:
    """Step and wall time that crossboard wrote into a pane or a frame, else those given."""
    own = part if isinstance(part, Mapping) else {}
    at, time = own.get("step"), own.get("wall_time")
    return {
        "step": at if isinstance(at, int) and not isinstance(at, bool) and abs(at) < 1 << 63 else step,
        "wall_time": float(time) if isinstance(time, (int, float)) and not isinstance(time, bool) and abs(time) < 1 << 53 else wall_time,
    }


def _image(frame: Any, path: Path, place: Place, at: dict[str, Any]) -> Iterator[Record]:
    source = frame.get("src") if isinstance(frame, Mapping) else None
    found = _PICTURE.match(source) if isinstance(source, str) else None
    if found is None or not isinstance(source, str):
        return
    try:
        head = base64.b64decode(source[found.end() : found.end() + HEAD])
    except binascii.Error:
        return
    kind = image_type(head) or found.group(1)
    if kind in IMAGE_TYPES:
        blob = place.blob((*path, "src"), "data", kind)
        caption = "" if frame.get("captioned") is False else plain_text(frame.get("caption"))
        yield ImagePoint(**at, images=[Picture(blob, *image_size(head), caption=caption)])


def _text(text: str, place: Place, at: dict[str, Any]) -> Iterator[Record]:
    clips: list[Clip] = []
    found = False
    for number, uri in enumerate(_URI.finditer(text)):
        family, name, encoded = uri.groups()
        media_type = (AUDIO_TYPES if family == "audio" else VIDEO_TYPES).get(name)
        if media_type is None:
            continue
        try:
            data = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            continue
        blob = place.blob(("content",), "data", media_type, number)
        if family == "audio":
            rate, channels, frames = wave_head(data)
            clips.append(Clip(blob, rate, frames, channels))
        else:
            found = True
            film = film_head(data)
            yield VideoPoint(**at, blob=blob, width=film.width, height=film.height, frames=film.frames, fps=film.fps)
    if clips:
        yield AudioPoint(**at, clips=clips)
    svg = "" if clips or found else svg_in(text)
    if svg:
        yield FigurePoint(**at, blob=place.blob(("content",), "svg", "image/svg+xml"))
    if not (clips or found) and len(svg) < len(text.strip()) <= MOST_TEXT and not _PREAMBLE.fullmatch(text.strip().removesuffix(svg)):
        yield TextPoint(**at, texts=[plain_text(text)], format="html")


def svg_in(text: str) -> str:
    """From the first ``<svg`` to the last ``</svg>`` of a text, "" where there is none."""
    small = text.lower()
    begin, last = small.find("<svg"), small.rfind("</svg")
    end = text.find(">", last)
    return text[begin : end + 1] if 0 <= begin < last < end and len(small) == len(text) else ""


def network(content: Mapping[str, Any], at: Mapping[str, Any]) -> GraphPoint:
    """A network as a graph: nodes are operations, called as their labels are where those tell them apart, else by number or name."""
    there = content.get("nodes")
    nodes = [one for one in (there if isinstance(there, list) else ()) if isinstance(one, Mapping)]
    numbers = [plain_text(one.get("name", place)) for place, one in enumerate(nodes)]
    labels = [plain_text(one.get("label")) for one in nodes]
    names = labels if all(labels) and len(set(labels)) == len(labels) else numbers
    known = dict(zip(numbers, names, strict=True))

    def name_of(end: Any) -> str | None:
        if plain_text(end) in known:
            return known[plain_text(end)]
        return names[end] if isinstance(end, int) and 0 <= end < len(names) else None

    operations = [
        GraphOperation(name, type=plain_text(one.get("type")), attributes=packable({key: one[key] for key in one if key != "type"}))
        for name, one in zip(names, nodes, strict=True)
    ]
    edges = []
    listed = content.get("edges")
    for one in listed if isinstance(listed, list) else ():
        source, target = (name_of(one.get(end)) if isinstance(one, Mapping) else None for end in ("source", "target"))
        if source is not None and target is not None:
            edges.append(GraphEdge(source, target))
    return GraphPoint(**at, framework="visdom", operations=operations, edges=edges)


def _positions(rows: Any) -> np.ndarray[Any, np.dtype[np.float32]] | None:
    try:
        found = np.array([one["position"] for one in rows], np.float32)
    except (TypeError, KeyError, ValueError):
        return None
    return found if found.ndim == 2 else None


def packable(value: Any, depth: int = 8) -> Any:
    """`value` as records can hold it: text without half characters, whole numbers of 64 bits; deeper than `depth` as text."""
    if isinstance(value, (Mapping, list)) and depth == 0:
        return plain_text(json.dumps(value))
    if isinstance(value, Mapping):
        return {plain_text(key): packable(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list):
        return [packable(one, depth - 1) for one in value]
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return float(value) if abs(value) < 1 << 1000 else plain_text(value)
    return value


# -------------------------------------------------------------------------------------------- bytes behind the points


def form_of(form: str, value: Any, number: int = 0) -> bytes:
    """The bytes of `form` of the value at the path that a `Place` was given. Raises Damaged when it is of another form."""
    try:
        if form == "content":
            return strict_json(_content(value))
        if form == "figure":
            return strict_json({"data": value["data"], "layout": value.get("layout") or {}})
        if form == "data":
            return _data(value, number)
        if form == "svg":
            svg = svg_in(value)
            if svg:
                return svg.encode("utf-8", "replace")
        if form == "positions":
            rows = _positions(value)
            if rows is not None:
                return rows.astype("<f4").tobytes()
        if form == "labels":
            return _labels(value)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise Damaged(f"pane: no {form}: {error}") from None
    raise Damaged(f"pane: no {form} in it")


def _content(content: Any) -> Any:
    taken = {index for index, _, _ in curves_of(content)}
    if not taken:
        return content
    return {**content, "data": [without_numbers(one) if place in taken else one for place, one in enumerate(content["data"])]}


def _data(text: str, number: int) -> bytes:
    picture = _PICTURE.match(text)
    if picture is not None:
        return base64.b64decode(text[picture.end() :])
    for place, uri in enumerate(_URI.finditer(text)):
        if place == number:
            return base64.b64decode(uri.group(3))
    raise Damaged(f"pane: no data URI number {number}")


def _labels(rows: Any) -> bytes:
    import pyarrow as pa

    names = [name for name in ("label", "name", "group") if any(one.get(name) is not None for one in rows)]
    table = pa.table({name: pa.array([plain_text(one.get(name)) for one in rows], pa.string()) for name in names})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found: bytes = sink.getvalue().to_pybytes()
    return found


def strict_json(value: Any) -> bytes:
    """`value` as JSON that a browser reads: what is not finite is null."""
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    except ValueError:
        return json.dumps(_finite(value), separators=(",", ":"), allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value
