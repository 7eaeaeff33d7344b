"""Shapes in space: triangle meshes and point clouds, as TensorBoard's ``add_mesh`` takes them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...store.records import MeshPoint
from ..numbers import describe
from .arrays import Snapshot
from .pixels import Say, sayer
from .rules import plural, real_array, whole_numbers
from .value import BadValue, Media, Taken, Target


class Mesh(Media):
    """Triangles between vertices.

    Args:
        vertices: shape (n, 3), n >= 1: x, y, z of each, in any unit. Kept as float32.
        faces: shape (m, 3): the vertices of each triangle, numbers from 0 to n - 1. None, or m = 0: only points are drawn.
        colors: shape (n, 3), or (n, 4) with an alpha that is not kept (said when it is not opaque): red, green, blue of each
            vertex. Whole numbers: 0..255. Floats: 0..1, unless one is above 1: then 0..255. What lies outside is clipped and
            NaN becomes 0, with a warning.
        config: how to show it, whatever JSON can hold, as TensorBoard's ``config_dict`` (camera, material, lights).

    A leading axis of length 1, as in TensorBoard's (B, n, 3), is dropped. Of a longer batch the first item is kept, with a
    warning: log each under a tag of its own with `Mesh.batch`.
    Vertices that are NaN or infinite are kept, with a warning. At most 2**28 numbers in each array.
    """

    __slots__ = ("_colors", "_config", "_faces", "_vertices")

    def __init__(self, vertices: Any, faces: Any = None, colors: Any = None, config: Any = None) -> None:
        self._vertices, self._faces, self._colors, self._config = vertices, faces, colors, config

    @classmethod
    def batch(cls, vertices: Any, faces: Any = None, colors: Any = None, config: Any = None) -> list[Mesh]:
        """One mesh for each item of a batch, arrays of shapes (B, n, 3), (B, m, 3), (B, n, 3):

        ``run.log({f"shape/{i}": mesh for i, mesh in enumerate(cb.Mesh.batch(vertices, faces))})``
        """
        try:
            items = range(len(vertices))
            return [cls(vertices[i], None if faces is None else faces[i], None if colors is None else colors[i], config) for i in items]
        except Exception:  # noqa: BLE001  what is no batch is told when it is logged
            return [cls(vertices, faces, colors, config)]

    def take(self) -> Taken:
        """See `Media.take`."""
        return _taken("Mesh", self._vertices, self._faces, self._colors, self._config)


class PointCloud(Media):
    """Points in space.

    Args:
        points: shape (n, 3), n >= 1: x, y, z of each; or (n, 6): red, green, blue behind them. Kept as float32.
        colors: shape (n, 3) or (n, 4), as in `Mesh`; only where `points` has none.
        config: as in `Mesh`.

    Batches, and values that are not finite: as in `Mesh`.
    """

    __slots__ = ("_colors", "_config", "_points")

    def __init__(self, points: Any, colors: Any = None, config: Any = None) -> None:
        self._points, self._colors, self._config = points, colors, config

    def take(self) -> Taken:
        """See `Media.take`."""
        return _taken("PointCloud", self._points, None, self._colors, self._config)


def _taken(kind: str, vertices: Any, faces: Any, colors: Any, config: Any) -> Taken:
    cloud = kind == "PointCloud"
    widths = (3, 6) if cloud else (3,)
    places = _rows_of(vertices, widths, "points of shape (n, 3) or (n, 6)" if cloud else "vertices of shape (n, 3)", empty=False)
    count, width = places.shape[-2:]
    if width == 6 and colors is not None:
        raise BadValue("want points of shape (n, 3) beside colors, got both colors and points of shape (n, 6)")
    corners = None if faces is None else _rows_of(faces, (3,), "faces of shape (m, 3), triangles", empty=True)
    hues = (
        None
        if colors is None
        else _rows_of(colors, (3, 4), f"colors of shape ({count}, 3) or ({count}, 4), one for each vertex", rows=count)
    )
    settings = _settings(config)

    def encode(target: Target) -> MeshPoint:
        say = sayer(target)
        array = _first(places, kind, say)
        with np.errstate(over="ignore"):
            points = np.ascontiguousarray(array[:, :3], dtype="<f4")
        bad = int((~np.isfinite(points)).any(axis=1).sum())
        if bad:
            say(f"{kind}: {bad:,} of {plural(count, 'vertex', 'vertices')} are NaN or infinite as float32; kept so", "not finite")
        paint = array[:, 3:] if width == 6 else None if hues is None else _first(hues, kind, say)
        triangles = None if corners is None or not corners.shape[-2] else _first(corners, kind, say)
        return MeshPoint(
            tag=target.tag,
            step=target.step,
            wall_time=target.wall_time,
            vertices=target.blob(points.tobytes(), extension="bin", media_type="application/octet-stream"),
            vertex_count=count,
            faces=None if triangles is None else _blob_of_faces(triangles, count, target),
            face_count=0 if triangles is None else len(triangles),
            colors=None
            if paint is None
            else target.blob(_bytes_of(paint, kind, say), extension="bin", media_type="application/octet-stream"),
            config=settings,
        )

    return Taken(sum(one.size for one in (places, corners, hues) if one is not None), encode)


def _rows_of(value: Any, widths: tuple[int, ...], wanted: str, *, empty: bool = True, rows: int | None = None) -> Snapshot:
    """A snapshot of shape (rows, width) or (B, rows, width), B >= 1."""

    def fits(shape: tuple[int, ...]) -> bool:
        if len(shape) not in (2, 3) or shape[-1] not in widths or (len(shape) == 3 and not shape[0]):
            return False
        return (empty or shape[-2] > 0) and (rows is None or shape[-2] == rows)

    return real_array(value, wanted=wanted, fits=fits)


def _first(rows: Snapshot, kind: str, say: Say) -> NDArray[Any]:
    """The array without its batch axis; said when that had more than one item."""
    array = rows.land()
    if array.ndim == 2:
        return array
    if len(array) > 1:
        hint = "crossboard.Mesh.batch(...)" if kind == "Mesh" else "one crossboard.PointCloud for each"
        text = f"{kind}: got a batch of {len(array)}, the first is kept; log each under a tag of its own: {hint}"
        say(text, "batch")
    first: NDArray[Any] = array[0]
    return first


def _blob_of_faces(faces: NDArray[Any], count: int, target: Target) -> Any:
    numbers = whole_numbers(faces, what="faces")
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0 or high >= count:
        raise BadValue(f"want faces with numbers of vertices, 0 to {count - 1}, got {low if low < 0 else high}")
    return target.blob(numbers.astype("<i4").tobytes(), extension="bin", media_type="application/octet-stream")


def _bytes_of(colors: NDArray[Any], kind: str, say: Say) -> bytes:
    """Colors as uint8, row by row."""
    values = colors.astype(np.float64)
    unknown, values = bool(np.isnan(values).any()), np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
    low, high = float(values.min()), float(values.max())
    scale = 255.0 if (colors.dtype.kind == "f" and high <= 1) or colors.dtype.kind == "b" else 1.0
    top = 255.0 / scale
    if low < 0 or high > top or unknown:
        also = " and NaN" if unknown else ""
        say(f"{kind}: want colors within 0..{top:g}, got {low:g} to {high:g}{also}; clipped", "colors")
    if values.shape[1] == 4 and float(values[:, 3].min()) < top:
        say(f"{kind}: the alpha of colors is not kept; the shape is drawn opaque", "alpha")
    return np.rint(np.clip(values[:, :3], 0, top) * scale).astype(np.uint8).tobytes()


def _settings(config: Any) -> dict[str, Any]:
    """A copy of `config` in plain values."""
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise BadValue(f"config: want a dict, got {describe(config)}")
    try:
        plain: dict[str, Any] = msgspec.convert(msgspec.msgpack.decode(msgspec.msgpack.encode(config)), dict[str, Any])
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValue(f"config: want what JSON can hold ({error})") from None
    return plain
