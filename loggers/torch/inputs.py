"""What torch's writer takes -> values of `media`: its argument orders, defaults and axis orders, in one place.

Functions here may raise; `writer` calls them where nothing gets out into training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ..config import plain
from ..media.arrays import is_torch, snapshot
from ..media.classification import PRCurve
from ..media.embeddings import Embedding
from ..media.histograms import MOST_BINS, WANTED, Histogram
from ..media.images import Image, Images
from ..media.meshes import Mesh
from ..media.sounds import Audio
from ..media.spread import spread_of
from ..media.value import BadValue, Media, Taken, Target
from ..media.videos import Video
from ..numbers import describe, number_of

BINS: Final = 64
CHARTS: Final = ("Multiline", "Margin")


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an array or of nested lists; () when it has none."""
    shape = getattr(value, "shape", None)
    return tuple(int(size) for size in (shape if shape is not None else np.shape(value)))


class NamedBins(Media):
    """A histogram whose edges are found by one of NumPy's rules ("auto", "fd", "doane", ...) from its finite values."""

    __slots__ = ("_rule", "_values")

    def __init__(self, values: Any, rule: str) -> None:
        self._values, self._rule = values, rule

    def take(self) -> Taken:
        taken = snapshot(self._values, wanted=WANTED)
        rule = self._rule

        def encode(target: Target) -> Any:
            array = taken.land()
            finite = np.asarray(array, np.float64)[np.isfinite(array)]
            try:
                edges: Any = np.unique(np.histogram_bin_edges(finite, bins=rule))
            except ValueError as error:
                raise BadValue(f"bins: want 'tensorflow', a number, edges, or a rule of NumPy's, got {rule!r} ({error})") from None
            if len(edges) < 2 or len(edges) > MOST_BINS + 1:
                edges = None
            return spread_of(array, BINS if edges is None else edges.tolist(), None).point(target.tag, target.step, target.wall_time)

        return Taken(taken.size, encode)


def histogram(values: Any, bins: Any, max_bins: Any) -> Media:
    """ "tensorflow": 64 buckets, or `max_bins` where that is given; every other rule's buckets are as they come."""
    if isinstance(bins, str):
        if bins != "tensorflow":
            return NamedBins(values, bins)
        return Histogram(values, bins=BINS if max_bins is None else min(max(int(max_bins), 1), MOST_BINS))
    if hasattr(bins, "tolist"):
        bins = bins.tolist()
    return Histogram(values, bins=int(bins) if isinstance(bins, float) else bins)


def raw_histogram(low: Any, high: Any, count: Any, total: Any, squares: Any, limits: Any, counts: Any) -> Media:
    """Counts below upper limits, and sums: as TensorBoard reads them, the first bucket that holds something begins at the
    smallest value and the last one ends at the largest."""
    upper, held = (np.asarray(one if not is_torch(one) else one.tolist(), np.float64).reshape(-1) for one in (limits, counts))
    if len(upper) != len(held):
        raise BadValue(f"want as many bucket_limits as bucket_counts, got {len(upper)} and {len(held)}")
    low, high, count, total, squares = (number_of(one) for one in (low, high, count, total, squares))
    filled = np.flatnonzero(held > 0)
    if not len(filled):
        raise BadValue(f"want a bucket that holds something, got {len(held)} empty ones")
    first, last = int(filled[0]), int(filled[-1])
    mean = total / count if count else None
    std = math.sqrt(max(squares / count - mean * mean, 0.0)) if count and mean is not None else None
    if high <= low:
        step = max(abs(low) / 1000, 1e-9)
        edges, whole = np.array([low - step, low + step]), [round(float(held.sum()))]
    else:
        edges = np.concatenate(([low], np.clip(upper[first:last], low, high), [high]))
        wide = np.diff(edges) > 0  # a bucket of no width gives what it holds to the next one
        whole, carried = [], 0.0
        for one, is_wide in zip(held[first : last + 1].tolist(), wide.tolist(), strict=True):
            carried += one
            if is_wide:
                whole.append(round(carried))
                carried = 0.0
        whole[-1] += round(carried)
        edges = np.concatenate(([low], edges[1:][wide]))
    return Histogram.from_counts(edges.tolist(), whole, min=low, max=high, mean=mean, std=std)


def pictures(value: Any, dataformats: Any) -> Media:
    """One image, or several where `dataformats` has N or a list is given."""
    layout = str(dataformats).upper()
    if isinstance(value, (list, tuple)) and value and hasattr(value[0], "shape"):
        return Images(list(value), layout=layout.replace("N", ""))
    return Images(value, layout=layout) if "N" in layout else Image(value, layout=layout)


def boxed(value: Any, boxes: Any, dataformats: Any, labels: Any) -> Media:
    """An image with boxes (n, 4) as left, top, right, bottom; labels that are not as many as there are boxes are dropped."""
    if isinstance(labels, str):
        labels = [labels]
    count = (shape_of(boxes) or (0,))[0]
    marked: Any = boxes
    if labels is not None and len(labels) == count:
        marked = {"boxes": boxes, "labels": [str(label) for label in labels]}
    return Image(value, layout=str(dataformats).upper().replace("N", ""), boxes=marked, box_format="xyxy")


def video(value: Any, fps: Any, dataformats: Any, *, gif: bool) -> Media:
    """N videos of T frames side by side; one video where the array has an axis less than `dataformats`."""
    layout = str(dataformats).upper()
    axes = len(shape_of(value))
    if axes == len(layout) - 1:
        layout = layout.replace("N", "")
    return Video(value, fps=fps, layout=layout, format="gif" if gif else None)


def audio(value: Any, sample_rate: Any) -> Media:
    """Samples (L,), (1, L) or (L, 1); several channels where neither axis is 1 long."""
    shape = shape_of(value)
    layout = None
    if len(shape) == 2 and 1 in shape:
        layout = "CT" if shape[0] == 1 else "TC"
    return Audio(value, sample_rate=sample_rate, layout=layout)


def embedding(mat: Any, metadata: Any, label_img: Any, header: Any) -> Media:
    """Vectors (n, d), what is known of each, and images (n, C, H, W) of them."""
    images = label_img
    if images is not None and not is_torch(images):
        images = np.asarray(images)
        if images.ndim == 4:
            images = images.transpose(0, 2, 3, 1)
    if hasattr(metadata, "tolist"):
        metadata = metadata.tolist()
    elif metadata is not None:
        metadata = [one if isinstance(one, (str, int, float, list, tuple)) else plain(one) for one in metadata]
    return Embedding(mat, metadata, images=images, columns=list(header) if header else None)


def pr_curve(labels: Any, predictions: Any, thresholds: Any, weights: Any) -> Media:
    """Labels that are 0 or 1, and predictions in 0..1, of one shape."""
    return PRCurve(labels, predictions, thresholds=thresholds, weights=weights)


def raw_pr_curve(counts: Sequence[Any]) -> Media:
    """True positives, false positives, true negatives, false negatives, from the lowest threshold to the highest."""
    return PRCurve.from_counts(*counts)


def meshes(tag: str, vertices: Any, colors: Any, faces: Any, config: Any) -> dict[str, Media]:
    """A batch (B, n, 3) as a mesh for each item under ``tag/0``, ``tag/1`` ...; one mesh under `tag`."""
    shape = shape_of(vertices)
    if len(shape) == 3 and shape[0] > 1:
        return {f"{tag}/{number}": one for number, one in enumerate(Mesh.batch(vertices, faces, colors, config))}
    return {tag: Mesh(vertices, faces, colors, config)}


def hyperparameters(given: Any) -> dict[str, Any]:
    """Plain values; a tensor of one element as its number."""
    made: dict[str, Any] = {}
    for key, value in given.items():
        try:
            made[str(key)] = number_of(value) if hasattr(value, "item") or hasattr(value, "numel") else plain(value)
        except Exception:  # noqa: BLE001  an array, or a foreign type's own error
            made[str(key)] = plain(value)
    return made


def layout(given: Any) -> dict[str, dict[str, list[Any]]]:
    """Charts of several tags, checked: category -> title -> [form, tags]."""
    if not isinstance(given, Mapping):
        raise BadValue(f"want category -> title -> [form, tags], got {describe(given)}")
    made: dict[str, dict[str, list[Any]]] = {}
    for category, charts in given.items():
        for title, chart in charts.items():
            form, tags = str(chart[0]), [str(tag) for tag in chart[1]]
            if form not in CHARTS:
                raise BadValue(f"want 'Multiline' or 'Margin' as the form of chart {title!r}, got {form!r}")
            if form == "Margin" and len(tags) != 3:
                raise BadValue(f"want 3 tags (value, lower, upper) in margin chart {title!r}, got {len(tags)}")
            made.setdefault(str(category), {})[str(title)] = [form, tags]
    return made
