"""One column of a table: what was put into its cells -> an Arrow array, media as blobs.

`frozen_column` runs in the caller's thread and copies what could change later; `Column.arrow` runs in the helper thread.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import pathlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...store.records import (
    KIND_OF,
    AudioPoint,
    Blob,
    Clip,
    FigurePoint,
    ImagePoint,
    InFile,
    Picture,
    Point,
    TextPoint,
    VideoPoint,
)
from .arrays import Snapshot, snapshot
from .arrow import array_of, bytes_of, numbers_of, ready, texts_of
from .pixels import sayer
from .rules import plural
from .value import BadValue, Media, Taken, Target

PLAIN: Final = frozenset(
    (type(None), bool, int, float, str, bytes, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal)
)
"""Types that never change and that Arrow has."""
AS_TEXT: Final = (enum.Enum, uuid.UUID, pathlib.PurePath, complex)
"""Types that are kept as their text."""
PICTURED: Final = frozenset(("PIL", "matplotlib", "plotly"))
"""Packages whose values are taken as media when they stand in a cell."""
DEEPEST: Final = 20
Part: TypeAlias = Blob | Picture | Clip
MOST_IN_A_CELL: Final = 4096
"""Numbers of an array that stands in a cell."""


@dataclass
class Column:
    """A column on its way.

    rows    how many cells
    size    bytes held, about
    arrow   gives the Arrow array and says through the target what it had to change; runs once
    media   whether one of its cells is media
    """

    name: str
    rows: int
    size: int
    arrow: Callable[[Written], Any]
    media: bool = False


@dataclass
class Written:
    """What the columns of a table wrote beside their Arrow arrays.

    target, what   where to, and how every warning begins: "Table"
    kinds          column -> kind of its media
    files          the blobs of all cells that lie in files
    """

    target: Target
    what: str
    kinds: dict[str, str] = field(default_factory=dict)
    files: list[InFile] = field(default_factory=list)

    def warn(self, text: str, *, about: str) -> None:
        """Say `text` at the user's line, once for each `about`."""
        sayer(self.target)(f"{self.what}: {text}", about)


def frozen_column(name: str, cells: Any) -> Column:
    """Copy one column: a list of cells, a 1-D array, a 2-D array (its rows become lists), a Series, an Arrow array.

    Raises:
        BadValue: no column.
    """
    ready()
    module = type(cells).__module__.partition(".")[0]
    if module == "pandas" and hasattr(cells, "dtype"):
        return pandas_column(name, cells)
    if module == "polars" and hasattr(cells, "to_arrow"):
        return polars_column(name, cells)
    if module == "pyarrow" and hasattr(cells, "type"):
        return Column(name, len(cells), int(cells.nbytes), lambda _: cells)
    if isinstance(cells, np.ndarray) and cells.ndim == 1 and cells.dtype.kind in "OUSTmM" and not isinstance(cells, np.ma.MaskedArray):
        if cells.dtype.kind in "mM":
            kept = cells.copy()
            return Column(name, len(kept), kept.nbytes, lambda written: _arrow_of(kept, name, written))
        return cell_column(name, cells.tolist())
    if isinstance(cells, (list, tuple, range)):
        return cell_column(name, cells)
    wanted = f"column {name!r} as a list of cells or an array of one or two axes"

    def check(shape: tuple[int, ...], _: str) -> None:
        if len(shape) not in (1, 2):
            raise BadValue(f"want {wanted}, got shape {shape}; wrap pictures in crossboard.Image")

    taken = snapshot(cells, wanted=wanted, check=check)
    return Column(name, taken.shape[0], taken.size, lambda written: _arrow_of(taken.land(), name, written))


def cell_column(name: str, cells: Sequence[Any]) -> Column:
    """A column of Python values, each copied as far as it can change."""
    if set(map(type, cells)) <= PLAIN:
        kept: list[Any] = list(cells)
        ready(kept)
        size = 16 * len(kept) + sum(len(one) for one in kept if type(one) is str or type(one) is bytes)
        return Column(name, len(kept), size, lambda written: _of_cells(kept, name, written))
    freezer = _Freezer(name)
    frozen = [freezer.cell(row, one) for row, one in enumerate(cells)]
    ready(one for one in frozen if not isinstance(one, (Taken, Snapshot)))
    size = freezer.size + 64 * len(frozen)

    def arrow(written: Written) -> Any:
        if freezer.foreign:
            written.warn(f"column {name!r}: cells of type {freezer.foreign} are kept as their text", about=f"type {name}")
        problems = list(freezer.problems)
        array = _of_media(frozen, name, written, problems) if freezer.media else None
        if problems:
            more = f" (and {plural(len(problems) - 1, 'more cell')})" if len(problems) > 1 else ""
            written.warn(f"column {name!r}, {problems[0]}{more}", about=f"cell {name}")
        return _of_cells([_landed(one) for one in frozen], name, written) if array is None else array

    return Column(name, len(frozen), size, arrow, media=freezer.media)


class _Freezer:
    """Copies the cells of one column, and remembers what has to be said about them."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.media = False
        self.size = 0
        self.foreign = ""
        self.problems: list[str] = []

    def cell(self, row: int, value: Any) -> Any:
        """`value`, or a copy of it; a `Taken` for media."""
        found = None
        try:
            found = _as_media(value)
            if found is None:
                return self.plain(value)
            taken = found.take()
        except BadValue as error:
            kind = f"{type(found).__name__}: " if found is not None else ""
            self.problems.append(f"row {row}: {kind}{error}; the cell is left empty")
            return None
        self.media = True
        self.size += taken.size
        return taken

    def plain(self, value: Any, depth: int = 0) -> Any:
        """A value without media in it."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if isinstance(value, AS_TEXT):
            return str(value.value if isinstance(value, enum.Enum) and isinstance(value.value, str) else value)
        if isinstance(value, (np.generic, np.ndarray)):
            return self._numpy(value)
        for base in (bool, int, float, str, bytes):
            if isinstance(value, base):
                return base(value)  # type: ignore[arg-type]  # each of its own kind
        if isinstance(value, tuple(PLAIN)):
            return value  # pandas' Timestamp is a datetime
        if kind.__name__ in ("NAType", "NaTType"):
            return None
        if depth < DEEPEST:
            if isinstance(value, dict):
                return {str(key): self.plain(one, depth + 1) for key, one in value.items()}
            if isinstance(value, (list, tuple, range)):
                return [self.plain(one, depth + 1) for one in value]
            if isinstance(value, (set, frozenset)):
                return [self.plain(one, depth + 1) for one in sorted(value, key=repr)]
            if hasattr(value, "shape") and hasattr(value, "dtype"):
                taken = snapshot(value, wanted="a tensor with values", check=_small)
                self.size += taken.size
                return taken
        return self._text(value)

    def _numpy(self, value: Any) -> Any:
        array = np.asarray(value)
        _small(array.shape, "")
        if array.dtype.kind in "mM" and array.ndim == 0:
            return None if np.isnat(array) else array.astype(array.dtype.str[:2] + "8[us]").item()
        if array.dtype.kind in "biufSUT":
            return array.tolist()
        if array.dtype.kind == "O":
            return self.plain(array.tolist())
        if array.dtype.name.startswith(("bfloat", "float8", "int", "uint")):
            return array.astype(np.float64).tolist()
        return self._text(value)

    def _text(self, value: Any) -> str:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        self.foreign = self.foreign or kind
        try:
            return str(value)
        except Exception as error:  # noqa: BLE001  a foreign type may refuse in its own way
            return f"<{kind}: {type(error).__name__}>"


def _small(shape: tuple[int, ...], _: str) -> None:
    if math.prod(shape) > MOST_IN_A_CELL:
        raise BadValue(f"want at most {MOST_IN_A_CELL:,} numbers in a cell, got shape {shape}; wrap pictures in crossboard.Image")


def _as_media(value: Any) -> Media | None:
    if isinstance(value, Media):
        return value
    if type(value).__module__.partition(".")[0] in PICTURED:
        from .guess import as_media

        return as_media(value)
    return None


def _landed(value: Any) -> Any:
    """`value` with the tensors in it as numbers or lists."""
    if isinstance(value, Snapshot):
        return value.land().tolist()
    if isinstance(value, list):
        return [_landed(one) for one in value]
    if isinstance(value, dict):
        return {key: _landed(one) for key, one in value.items()}
    return value


# ------------------------------------------------------------------------------------------------ frames of others


def pandas_column(name: str, series: Any) -> Column:
    """A pandas Series or Index. A missing value becomes an empty cell, but NaN in a column of floats stays NaN."""
    if isinstance(series.dtype, np.dtype):
        if series.dtype.kind == "O":
            return cell_column(name, _no_nan_among_words(series.tolist()))
        return frozen_column(name, np.asarray(series.to_numpy()))
    kept = series.copy(deep=True)

    def arrow(written: Written) -> Any:
        import pyarrow

        try:
            return pyarrow.array(kept, from_pandas=True)
        except (pyarrow.ArrowException, TypeError, ValueError):
            return cell_column(name, kept.astype(object).where(kept.notna(), None).tolist()).arrow(written)

    return Column(name, len(kept), int(kept.memory_usage(deep=False)) if hasattr(kept, "memory_usage") else 16 * len(kept), arrow)


def _no_nan_among_words(cells: list[Any]) -> list[Any]:
    """pandas marks a missing string by NaN."""
    if not any(isinstance(one, (str, Media)) for one in cells):
        return cells
    return [None if isinstance(one, float) and one != one else one for one in cells]


def polars_column(name: str, series: Any) -> Column:
    """A polars Series, which is never changed in place."""
    if str(series.dtype) == "Object":
        return cell_column(name, series.to_list())
    kept = series.clone()

    def arrow(_: Written) -> Any:
        import polars

        return kept.to_arrow(compat_level=polars.CompatLevel.oldest()) if hasattr(polars, "CompatLevel") else kept.to_arrow()

    return Column(name, len(kept), int(kept.estimated_size()), arrow)


# -------------------------------------------------------------------------------------------------- into Arrow


def _arrow_of(array: NDArray[Any], name: str, written: Written) -> Any:
    import pyarrow

    array = np.ascontiguousarray(array)
    if array.dtype.byteorder not in "=|" and not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim == 2:
        if array.dtype.kind not in "biuf" or not array.shape[1]:
            return _of_cells(array.tolist(), name, written)
        return pyarrow.FixedSizeListArray.from_arrays(numbers_of(array.reshape(-1)), array.shape[1])
    try:
        return numbers_of(array)
    except TypeError:  # complex numbers, odd units of time
        return _of_cells(array.tolist(), name, written)


def _of_cells(cells: list[Any], name: str, written: Written) -> Any:
    """Arrow's own choice of a type for all cells, else their text."""
    import pyarrow

    try:
        return array_of(cells)
    except (pyarrow.ArrowException, TypeError, ValueError, OverflowError):
        kinds = sorted({type(one).__name__ for one in cells if one is not None})
        text = f"column {name!r}: cells of no common type that Arrow has ({', '.join(kinds)}) are kept as their text"
        written.warn(text, about=f"mixed {name}")
    return texts_of([None if one is None else str(one) for one in cells])


def _of_media(cells: list[Any], name: str, written: Written, problems: list[str]) -> Any:
    """A column of blobs, or of what holds them, each as MessagePack; all of one kind. What goes wrong is added to `problems`."""
    values = [_encoded(one, row, written, problems) if isinstance(one, Taken) else one for row, one in enumerate(cells)]
    kinds = [kind for kind, _ in (one for one in values if isinstance(one, tuple))]
    if not kinds:  # texts, or nothing that could be encoded
        return _of_cells([_landed(one) for one in values], name, written)
    kind = max(sorted(set(kinds), key=lambda one: one.value), key=kinds.count)
    rest = [one for one in values if one is not None and not (isinstance(one, tuple) and one[0] is kind)]
    if rest:
        text = f"column {name!r}: {plural(len(rest), 'cell')} beside those of kind {kind.value} left empty; one kind a column"
        written.warn(text, about=f"beside {name}")
    parts: list[Part | None] = [one[1] if isinstance(one, tuple) and one[0] is kind else None for one in values]
    written.kinds[name] = kind.value
    written.files += [file for one in parts if one is not None for file in _files_of(one)]
    return bytes_of([None if one is None else msgspec.msgpack.encode(one) for one in parts])


def _encoded(taken: Taken, row: int, written: Written, problems: list[str]) -> Any:
    """(kind, part) of a cell, its text, or None."""
    try:
        point = taken.encode(written.target)
        if isinstance(point, TextPoint):
            return "\n".join(point.texts)
        part, lost = _part_of(point)
    except BadValue as error:
        problems.append(f"row {row}: {error}; the cell is left empty")
        return None
    if lost:
        problems.append(f"row {row}: {lost} cannot be kept in a cell; left out")
    return KIND_OF[type(point)], part


def _part_of(point: Point) -> tuple[Part, str]:
    """What shows `point`, a blob where that is enough, and what of it is lost."""
    if isinstance(point, ImagePoint) and point.images:
        picture = point.images[0]
        more = "all images but the first" if len(point.images) > 1 else ""
        return picture if picture.caption or picture.boxes or picture.masks else picture.blob, more
    if isinstance(point, AudioPoint) and point.clips:
        clip = point.clips[0]
        return clip if clip.caption else clip.blob, "all sounds but the first" if len(point.clips) > 1 else ""
    if isinstance(point, VideoPoint):
        return point.blob, "its caption" if point.caption else ""
    if isinstance(point, FigurePoint):
        return point.blob, ""
    raise BadValue(f"want an Image, Audio, Video, Figure or Text in a cell, got a {KIND_OF[type(point)].value}")


def _files_of(part: Part) -> list[InFile]:
    blobs = (
        [part.blob, *(mask.blob for mask in part.masks)] if isinstance(part, Picture) else [part.blob if isinstance(part, Clip) else part]
    )
    return [blob for blob in blobs if isinstance(blob, InFile)]
