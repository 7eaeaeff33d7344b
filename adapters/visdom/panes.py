"""Points of crossboard -> panes as Visdom keeps them: the other direction of `points` and `traces`.

    kind                pane
    scalar              plot, one line for each run or rank; x is the step, or the tag's own clock (``TAG x``)
    histogram           plot: bars of the newest; and, where there are several, bands of its quantiles over the steps
    image               image_history, one frame for each picture, oldest first; GIF videos and drawn figures, too
    text                text: one alone as it is where it is HTML, else all of them, newest first, escaped
    audio, video        text with the embedded sound or film, as Visdom's client sends it
    figure              plot (Plotly), or text (SVG)
    graph               network, of operations or, where those are too many, of scopes
    confusion_matrix    plot: heatmap
    pr_curve            plot: precision over recall
    embedding           embeddings, of two dimensions
    mesh                plot: mesh3d or scatter3d
    table               text: HTML, the first `MOST_ROWS` rows
    config              text: HTML; and "params" of the environment's experiment, which Visdom 0.3.0 shows

Visdom keeps no step and no time. Where a pane is one point, or a frame is, its step and wall time are fields of their own ("step",
"wall_time"), which Visdom passes over and `points` reads. What there is no pane for raises `NotCarried`.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from ...store.kinds import Points
from ...store.records import (
    AudioPoint,
    Blob,
    ConfusionMatrixPoint,
    EmbeddingPoint,
    FigurePoint,
    GraphEdge,
    GraphOperation,
    GraphPoint,
    GraphScope,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    Picture,
    Point,
    PRCurvePoint,
    TablePoint,
    TextPoint,
    VideoPoint,
)
from .heads import AUDIO_TYPES, IMAGE_TYPES, VIDEO_TYPES
from .traces import plain_list

BlobReader = Callable[[Blob], bytes]
"""Gives the bytes of a blob; may raise NotFound or Damaged."""
Pane = dict[str, Any]
MOST_NODES: Final = 300
MOST_ROWS: Final = 1000
COLORS: Final = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
QUANTILES: Final = (0.0, 0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332, 1.0)
"""Of a distribution: its ends, its middle, and half, one and one and a half standard deviations of a normal one."""


class NotCarried(Exception):
    """Visdom has no pane for this. The text says for what, in the plural."""


def pane(title: str, kind: str, content: Any, **more: Any) -> Pane:
    """A pane but for its window and place, as ``visdom/utils/server_utils.py:window`` makes it."""
    return {"command": "window", "title": title, "inflate": True, "width": None, "height": None, "content": content, "type": kind, **more}


def plot(title: str, data: list[Any], *, x: str = "", y: str = "", **layout: Any) -> Pane:
    """A plot; x, y: what its axes say."""
    shown: dict[str, Any] = {"title": title, "showlegend": len(data) > 1, "margin": {"l": 60, "r": 60, "t": 60, "b": 60}, **layout}
    for axis, text in (("xaxis", x), ("yaxis", y)):
        if text:
            shown.setdefault(axis, {"title": text})
    return pane(title, "plot", {"data": data, "layout": shown})


# -------------------------------------------------------------------------------------------------------- scalars


def line(points: Points, *, name: str = "1", x: Any = None, group: str = "", color: str = "") -> dict[str, Any]:
    """A curve as a trace. x: numbers, one a point, where it is not drawn over the step; group: of the legend."""
    trace: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": name}
    trace.update(x=plain_list(points.step if x is None else x), y=plain_list(points.value))
    if group:
        trace["legendgroup"] = group
    if color:
        trace["line"] = {"color": color}
    return trace


# --------------------------------------------------------------------------------------------------- other points


def panes_of(title: str, points: Sequence[Point], blob: BlobReader) -> tuple[list[Pane], dict[str, int]]:
    """The panes of the points of one kind under one tag, oldest first; and what of them is left out: what, in the plural -> how many.

    Raises NotCarried when nothing of them has a pane, and what `blob` raises.
    """
    newest = points[-1]
    older = len(points) - 1
    if isinstance(newest, HistogramPoint):
        return _histograms(title, [one for one in points if isinstance(one, HistogramPoint)])
    if isinstance(newest, ImagePoint):
        frames: list[tuple[Point, Picture]] = [(one, picture) for one in points if isinstance(one, ImagePoint) for picture in one.images]
        masks = sum(len(picture.masks) for _, picture in frames)
        boxes = sum(len(picture.boxes) for _, picture in frames)
        return _history(title, frames, blob), {"masks of images": masks, "boxes of images": boxes}
    if isinstance(newest, FigurePoint) and newest.blob.media_type.startswith("image/") and newest.blob.media_type != "image/svg+xml":
        frames = [(one, Picture(one.blob, 0, 0)) for one in points if isinstance(one, FigurePoint)]
        return _history(title, frames, blob), {}
    if isinstance(newest, VideoPoint) and newest.blob.media_type == "image/gif":
        films = [one for one in points if isinstance(one, VideoPoint) and one.blob.media_type == "image/gif"]
        return _history(title, [(one, Picture(one.blob, one.width, one.height, one.caption)) for one in films], blob), {}
    if isinstance(newest, TextPoint):
        return [_texts(title, [one for one in points if isinstance(one, TextPoint)])], {}
    return [_at(_one(title, newest, blob), newest)], {f"older {_PLURALS[type(newest)]}, of which a pane holds one": older}


def _one(title: str, point: Point, blob: BlobReader) -> Pane:
    """The pane of one point."""
    if isinstance(point, AudioPoint):
        return _sounds(title, point, blob)
    if isinstance(point, VideoPoint):
        return _film(title, point, blob)
    if isinstance(point, FigurePoint):
        return _figure(title, point, blob)
    if isinstance(point, GraphPoint):
        return pane(title, "network", network(point, blob), directed=True, showEdgeLabels="hover", showVertexLabels="hover")
    if isinstance(point, ConfusionMatrixPoint):
        heat = {"type": "heatmap", "x": point.labels, "y": point.labels, "z": point.counts, "colorscale": "Viridis"}
        return plot(title, [heat], x="called", y="is")
    if isinstance(point, PRCurvePoint):
        return _pr_curve(title, point)
    if isinstance(point, EmbeddingPoint):
        return _embedding(title, point, blob)
    if isinstance(point, MeshPoint):
        return plot(title, [_mesh(point, blob)])
    if isinstance(point, TablePoint):
        return _table(title, point, blob)
    raise NotCarried("tensors")


_PLURALS: Final[dict[type[Any], str]] = {
    AudioPoint: "sounds",
    VideoPoint: "videos",
    FigurePoint: "figures",
    GraphPoint: "graphs",
    ConfusionMatrixPoint: "confusion matrices",
    PRCurvePoint: "PR curves",
    EmbeddingPoint: "embeddings",
    MeshPoint: "meshes",
    TablePoint: "tables",
}


def _at(made: Pane, point: Point) -> Pane:
    return {**made, "step": point.step, "wall_time": point.wall_time}


def _uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _history(title: str, frames: Iterable[tuple[Point, Picture]], blob: BlobReader) -> list[Pane]:
    content = []
    for point, picture in frames:
        kind = picture.blob.media_type
        if kind not in IMAGE_TYPES:
            raise NotCarried(f"pictures of type {kind}")
        said = picture.caption or f"step {point.step}"
        at = {"step": point.step, "wall_time": point.wall_time, **({} if picture.caption else {"captioned": False})}
        content.append({"src": _uri(blob(picture.blob), kind), "caption": said, **at})
    if not content:
        raise NotCarried("image points without an image")
    return [pane(title, "image_history", content, selected=len(content) - 1, show_slider=True)]


def _histograms(title: str, points: list[HistogramPoint]) -> tuple[list[Pane], dict[str, int]]:
    left_out = {"values in histograms that are not finite": sum(one.nan + one.pos_inf + one.neg_inf for one in points)}
    newest = points[-1]
    edges = np.asarray(newest.edges, np.float64)
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    bars = {"type": "bar", "x": plain_list(middles), "y": list(newest.counts), "width": plain_list(widths)}
    made = [_at(plot(title, [bars], y="count", bargap=0), newest)]
    spread = [one for one in points if sum(one.counts)]
    if len(spread) > 1:
        rows = np.array([_quantiles(one) for one in spread])
        step = [one.step for one in spread]
        traces = []
        for number, share in enumerate(QUANTILES):
            trace: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": f"{100 * share:g} %", "x": step}
            trace.update(y=plain_list(rows[:, number]), line={"color": COLORS[0], "width": 2 if share == 0.5 else 0.5})
            if number:
                trace["fill"] = "tonexty"
            traces.append(trace)
        made.append(plot(f"{title} distribution", traces, x="step"))
    left_out["histograms before the newest, of which quantiles are kept"] = len(points) - 1
    return made, left_out


def _quantiles(point: HistogramPoint) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Values below which the shares `QUANTILES` of the counts lie, linear inside a bucket."""
    counts = np.concatenate(([0.0], np.cumsum(np.asarray(point.counts, np.float64))))
    keep = np.concatenate(([True], np.diff(counts) > 0))
    edges = np.asarray(point.edges, np.float64)
    first = int(np.flatnonzero(keep)[1]) - 1 if keep.sum() > 1 else 0
    keep[0], keep[first] = False, True
    return np.asarray(np.interp(np.array(QUANTILES) * counts[-1], counts[keep], edges[keep]), np.float64)


def _texts(title: str, points: list[TextPoint]) -> Pane:
    newest = points[-1]
    if len(points) == 1 and newest.format == "html" and len(newest.texts) == 1:
        return _at(pane(title, "text", newest.texts[0]), newest)
    parts = []
    for point in reversed(points):
        said = [text if point.format == "html" else f"<pre>{html.escape(text)}</pre>" for text in point.texts]
        parts.append(f"<h4>step {point.step}</h4>{''.join(said)}" if len(points) > 1 else "".join(said))
    return _at(pane(title, "text", "<hr>".join(parts)), newest)


def _sounds(title: str, point: AudioPoint, blob: BlobReader) -> Pane:
    names = {kind: name for name, kind in AUDIO_TYPES.items() if name != "x-wav"}
    parts = []
    for clip in point.clips:
        name = names.get(clip.blob.media_type.replace("x-wav", "wav"))
        if name is None:
            raise NotCarried(f"sounds of type {clip.blob.media_type}")
        source = f'<source type="audio/{name}" src="{_uri(blob(clip.blob), f"audio/{name}")}">'
        parts.append(f"{html.escape(clip.caption)}<audio controls>{source}</audio>")
    return pane(title, "text", "<br>".join(parts))


def _film(title: str, point: VideoPoint, blob: BlobReader) -> Pane:
    names = {kind: name for name, kind in VIDEO_TYPES.items()}
    name = names.get(point.blob.media_type)
    if name is None:
        raise NotCarried(f"videos of type {point.blob.media_type}")
    source = f'<source type="video/{name}" src="{_uri(blob(point.blob), f"video/{name}")}">'
    return pane(title, "text", f"{html.escape(point.caption)}<video controls>{source}</video>")


def _figure(title: str, point: FigurePoint, blob: BlobReader) -> Pane:
    data = blob(point.blob)
    if point.blob.media_type == "image/svg+xml":
        return pane(title, "text", data.decode("utf-8", "replace"))
    try:
        figure = json.loads(data)
        traces, layout = figure["data"], figure.get("layout") or {}
    except (ValueError, KeyError, TypeError):
        raise NotCarried("figures that are not Plotly's") from None
    if not isinstance(traces, list) or not isinstance(layout, dict):
        raise NotCarried("figures that are not Plotly's")
    return pane(title, "plot", {"data": traces, "layout": layout})


def _pr_curve(title: str, point: PRCurvePoint) -> Pane:
    right, wrong, missed = (np.asarray(one, np.float64) for one in (point.true_positives, point.false_positives, point.false_negatives))
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = right / (right + wrong), right / (right + missed)
    trace = {"type": "scatter", "mode": "lines", "name": point.label or "1", "x": plain_list(recall), "y": plain_list(precision)}
    return plot(title, [{**trace, "text": plain_list(point.thresholds)}], x="recall", y="precision")


def _embedding(title: str, point: EmbeddingPoint, blob: BlobReader) -> Pane:
    if point.dimensions != 2:
        raise NotCarried("embeddings of another number of dimensions than two")
    rows = np.frombuffer(blob(point.blob), "<f4").reshape(point.rows, 2).astype(np.float64)
    names: Mapping[str, list[Any]] = {}
    if point.metadata is not None:
        import pyarrow as pa

        names = pa.ipc.open_stream(blob(point.metadata)).read_all().to_pydict()
    first = next(iter(names.values()), None)
    labels, groups = names.get("label", first), names.get("group")
    content = [
        {
            "group": str(groups[place]) if groups else "1",
            "name": str(names["name"][place]) if "name" in names else str(place),
            "label": str(labels[place]) if labels else str(place),
            "position": plain_list(row),
            "idx": place,
        }
        for place, row in enumerate(rows)
    ]
    return pane(title, "embeddings", {"data": content, "selected": None, "has_previous": False}, old_content=[])


def _mesh(point: MeshPoint, blob: BlobReader) -> dict[str, Any]:
    corners = np.frombuffer(blob(point.vertices), "<f4").reshape(-1, 3).astype(np.float64)
    trace: dict[str, Any] = dict(zip("xyz", (plain_list(column) for column in corners.T), strict=True))
    colors = None
    if point.colors is not None:
        colors = [f"rgb({r},{g},{b})" for r, g, b in np.frombuffer(blob(point.colors), "u1").reshape(-1, 3).tolist()]
    if point.faces is None:
        marker = {"size": 2, **({"color": colors} if colors else {})}
        return {"type": "scatter3d", "mode": "markers", **trace, "marker": marker}
    faces = np.frombuffer(blob(point.faces), "<i4").reshape(-1, 3)
    trace.update(zip("ijk", (column.tolist() for column in faces.T), strict=True))
    return {"type": "mesh3d", **trace, **({"vertexcolor": colors} if colors else {})}


def _table(title: str, point: TablePoint, blob: BlobReader) -> Pane:
    import pyarrow as pa

    if point.media:
        raise NotCarried("tables with pictures, sounds or films in them")
    try:
        table = pa.ipc.open_stream(blob(point.blob)).read_all()
    except pa.ArrowException:
        raise NotCarried("tables that cannot be read") from None
    columns = [table.column(place).slice(0, MOST_ROWS).to_pylist() for place in range(table.num_columns)]
    made = table_of(table.column_names, list(zip(*columns, strict=True)))
    if table.num_rows > MOST_ROWS:
        made += f"<p>{MOST_ROWS:,} of {table.num_rows:,} rows</p>"
    return pane(title, "text", made)


def table_of(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table in HTML."""
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


# --------------------------------------------------------------------------------------------------------- graphs


class _Lists(msgspec.Struct):
    scopes: list[GraphScope] = []
    operations: list[GraphOperation] = []
    edges: list[GraphEdge] = []


def network(point: GraphPoint, blob: BlobReader) -> dict[str, Any]:
    """Nodes and edges as Visdom draws them: at most `MOST_NODES`; of a larger graph the scopes, from the outermost inwards."""
    lists = _Lists(point.scopes, point.operations, point.edges)
    if point.blob is not None:
        lists = msgspec.msgpack.decode(blob(point.blob), type=_Lists)
    owner = {one.name: one.name for one in lists.operations}
    types = {one.name: one.type for one in lists.operations}
    if len(owner) > MOST_NODES:
        owner, types = _by_scope(lists)
    names = list(dict.fromkeys(owner.values()))
    scopes = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    place = {name: number for number, name in enumerate(names)}
    nodes = [
        {"name": number, "label": name, "club": scopes.index(name.rpartition(".")[0]), **({"type": types[name]} if types.get(name) else {})}
        for name, number in place.items()
    ]
    edges: dict[tuple[int, int], str] = {}
    for edge in lists.edges:
        source, target = owner.get(edge.source), owner.get(edge.target)
        if source is not None and target is not None and source != target:
            shape = edge.tensor.shape
            said = "x".join("?" if size is None else str(size) for size in shape) if shape else ""
            edges.setdefault((place[source], place[target]), said)
    return {"nodes": nodes, "edges": [{"source": a, "target": b, "label": label} for (a, b), label in edges.items()]}


def _by_scope(lists: _Lists) -> tuple[dict[str, str], dict[str, str]]:
    """Operation -> the scope that stands for it, of as many levels as give at most `MOST_NODES`; and the scopes' types."""
    best: dict[str, str] = {}
    for depth in range(1, 1 + max(one.scope.count(".") + 1 for one in lists.operations)):
        owner = {one.name: ".".join(one.scope.split(".")[:depth]) or "model" for one in lists.operations}
        if len(set(owner.values())) > MOST_NODES:
            break
        best = owner
    best = best or {one.name: "model" for one in lists.operations}
    return best, {one.path: one.type for one in lists.scopes}
