"""Tables in every form that people have them in: frames, columns, rows, arrays."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

from ...store.records import InFile, TablePoint, encodable
from ..numbers import describe
from .arrays import snapshot
from .cells import PLAIN, Column, Written, cell_column, frozen_column
from .rules import plural
from .value import BadValue, Media, Taken, Target

MOST_CELLS: Final = 10_000_000
MOST_BYTES: Final = 1 << 30
COMPRESSED_ABOVE: Final = 16 << 10
"""Bytes of a table above which its buffers are compressed."""
ROWS_A_BATCH: Final = 65_536
WANTED: Final = "a DataFrame, a dict of columns, a list of dicts, a list of rows or a 2-D array"


class Table(Media):
    """Rows and columns.

    Args:
        data: one of
            a pandas or polars DataFrame or Series, a pyarrow Table, RecordBatch or Array, or whatever offers ``__arrow_c_stream__``;
            a dict of columns: name -> list, 1-D array or tensor, Series, or 2-D array (n, k), whose rows become lists; a dict
            of single values is one row;
            a list of dicts (also dataclasses and named tuples): columns in order of first use, what a row lacks is empty;
            a list of rows, each a list, tuple or 1-D array of the same length;
            a list of single values: one column;
            an array or tensor of shape (n, k) or (n,), or a structured NumPy array.
        columns: names of the columns, from left to right. Where the data names them itself: which of them, in which order.
            None: the data's own, else "0", "1", ...; a single column is called "value".

    Cells: None, bool, int, float, str, bytes, dates, times, Decimal, NumPy scalars, lists and dicts of these, arrays and tensors
    of up to 4,096 numbers (kept as lists), and UUID, Path, Enum and complex as their text. NaN stays NaN, None is an empty cell.
    Cells of other types, and columns whose cells have no common type, are kept as text, with a warning. `Image`, `Audio`, `Video`
    and `Figure` objects, and Pillow's, Plotly's and matplotlib's, are encoded, one kind a column; captions, boxes and masks
    of images are kept. A `Text` is its words.

    At most 10 million cells, and 1 GiB of what they hold. Equal column names get " (2)", " (3)" ... behind them. An index of a
    pandas frame is kept as columns when it has a name or does not hold whole numbers.

    Stored as an Arrow IPC stream (ZSTD above 16 KiB), a cell with media as `store.records.TablePoint` says.
    """

    __slots__ = ("_columns", "_data")

    def __init__(self, data: Any, columns: Any = None) -> None:
        self._data, self._columns = data, columns

    def take(self) -> Taken:
        """See `Media.take`."""
        frozen = frozen_table(self._data, self._columns)

        def encode(target: Target) -> TablePoint:
            data, media, files = frozen.encode(target, "Table")
            return TablePoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                columns=[column.name for column in frozen.columns],
                rows=frozen.rows,
                blob=target.blob(data, extension="arrow", media_type="application/vnd.apache.arrow.stream"),
                media=media,
                files=files,
            )

        return Taken(frozen.size, encode)


@dataclasses.dataclass(frozen=True)
class Frozen:
    """A table that later changes do not reach. rows: of every column."""

    columns: list[Column]
    rows: int

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return max(1, sum(column.size for column in self.columns))

    @property
    def has_media(self) -> bool:
        """Whether a cell is media."""
        return any(column.media for column in self.columns)

    def encode(self, target: Target, what: str) -> tuple[bytes, dict[str, str], list[InFile]]:
        """An Arrow IPC stream, column -> kind of its media, and the blobs of its cells. `what` begins every warning."""
        import pyarrow

        written = Written(target, what)
        arrays = [column.arrow(written) for column in self.columns]
        table = pyarrow.Table.from_arrays(arrays, [encodable(column.name) for column in self.columns])
        packed = table.nbytes > COMPRESSED_ABOVE and pyarrow.Codec.is_available("zstd")
        options = pyarrow.ipc.IpcWriteOptions(compression="zstd" if packed else None, use_threads=False)
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table, max_chunksize=ROWS_A_BATCH)
        return sink.getvalue().to_pybytes(), written.kinds, written.files


def frozen_table(data: Any, columns: Any = None, *, single: str = "value") -> Frozen:
    """Copy a table. single: the name of a lone column that has none. Raises BadValue."""
    if isinstance(data, Table):
        data, columns = data._data, data._columns if columns is None else columns
    names = _names_of(columns)
    found, named = _columns_of(data, names, single)
    if names is not None and named:
        by_name = {column.name: column for column in found}
        missing = [name for name in names if name not in by_name]
        if missing:
            raise BadValue(f"columns: want names out of {_some(list(by_name))}, got {_some(missing)}")
        found = [by_name[name] for name in names]
    if not found:
        raise BadValue(f"want {WANTED} with at least one column, got {describe(data)}; give columns= for a table without rows")
    lengths = {column.name: column.rows for column in found}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name!r} {rows:,}" for name, rows in list(lengths.items())[:5])
        raise BadValue(f"want columns of one length, got {told}")
    frozen = Frozen(found, found[0].rows)
    _not_too_many(frozen.rows, len(found))
    if frozen.size > MOST_BYTES:
        raise BadValue(f"want cells of at most {MOST_BYTES >> 20:,} MiB together, got {frozen.size >> 20:,} MiB; log several tables")
    return frozen


def _some(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")


def _not_too_many(rows: int, columns: int) -> None:
    if rows * columns > MOST_CELLS:
        raise BadValue(f"want at most {MOST_CELLS:,} cells, got {rows:,} rows of {columns:,}; log a part, such as its head or a sample")


def _names_of(columns: Any) -> list[str] | None:
    if columns is None:
        return None
    if isinstance(columns, (str, bytes, dict)) or not isinstance(columns, Iterable):
        raise BadValue(f"columns: want a list of names, got {describe(columns)}")
    return _apart([str(name) for name in columns])


def _apart(names: list[str]) -> list[str]:
    """`names`, with a number behind those that were there before."""
    used: set[str] = set()
    found = []
    for name in names:
        one, number = name, 1
        while one in used:
            number += 1
            one = f"{name} ({number})"
        used.add(one)
        found.append(one)
    return found


def _columns_of(data: Any, names: list[str] | None, single: str) -> tuple[list[Column], bool]:
    """The columns of `data`, and whether it named them itself."""
    package = next(
        (base.__module__.partition(".")[0] for base in type(data).__mro__ if base.__module__.startswith(("pandas", "polars", "pyarrow"))),
        "",
    )
    if package:
        return _of_package(package, data, names, single)
    if isinstance(data, dict):
        return _of_dict(data), True
    if isinstance(data, np.ndarray) and data.dtype.names:
        if data.ndim != 1:
            raise BadValue(f"want a structured array of shape (n,), got {describe(data)}")
        _not_too_many(len(data), len(data.dtype.names))
        return [frozen_column(name, data[name]) for name in _apart(list(data.dtype.names))], True
    if isinstance(data, (list, tuple)):
        return _of_rows(list(data), names, single)
    if isinstance(data, (str, bytes, set, frozenset, Media)) or data is None or np.isscalar(data):
        raise BadValue(f"want {WANTED}, got {describe(data)}")
    if hasattr(data, "__arrow_c_stream__"):
        import pyarrow

        try:
            return _of_package("pyarrow", pyarrow.table(data), names, single)
        except Exception as error:  # noqa: BLE001  it may refuse in its own way
            raise BadValue(f"want {WANTED}, got {describe(data)} that gives no Arrow table ({error})") from None
    if hasattr(data, "__next__") or not (hasattr(data, "shape") or hasattr(data, "__array__")):
        hint = "; make a list of it first" if hasattr(data, "__iter__") else ""
        raise BadValue(f"want {WANTED}, got {describe(data)}{hint}")
    return _of_array(data, names, single)


# ---------------------------------------------------------------------------------------------------- each form


def _of_package(package: str, data: Any, names: list[str] | None, single: str) -> tuple[list[Column], bool]:
    """pandas, polars and pyarrow."""
    shape = getattr(data, "shape", None)
    if package == "polars" and hasattr(data, "collect"):
        raise BadValue("want a table with its values, got a polars LazyFrame; call its collect() first")
    if isinstance(shape, tuple) and len(shape) == 2:
        _not_too_many(*shape)
        if package == "pandas":
            return _of_pandas(data), True
        series = data.get_columns() if package == "polars" else data.columns
        labels = data.columns if package == "polars" else data.schema.names
        return [frozen_column(name, one) for name, one in zip(_apart(list(map(str, labels))), series, strict=True)], True
    if hasattr(data, "__len__") and (hasattr(data, "dtype") or hasattr(data, "type")):  # a Series, an Index, an Arrow array
        own = getattr(data, "name", None)
        _not_too_many(len(data), 1)
        return [frozen_column(str(own) if own is not None and own != "" else _only(names, single), data)], False
    if hasattr(data, "schema") and hasattr(data, "num_rows"):  # a RecordBatch of an older pyarrow
        _not_too_many(data.num_rows, data.num_columns)
        return [frozen_column(name, one) for name, one in zip(_apart(list(data.schema.names)), data.columns, strict=True)], True
    raise BadValue(f"want {WANTED}, got {describe(data)}")


def _of_pandas(frame: Any) -> list[Column]:
    index, labels, series = frame.index, [], []
    levels = [index.get_level_values(number) for number in range(index.nlevels)]
    told = any(level.name is not None or getattr(level.dtype, "kind", "O") not in "iu" for level in levels)
    if told and len(frame):  # the index of a frame without rows is of no type
        labels += [str(level.name) if level.name is not None else "index" for level in levels]
        series += levels
    for number, label in enumerate(frame.columns):
        labels.append("/".join(map(str, label)) if isinstance(label, tuple) else str(label))
        series.append(frame.iloc[:, number])
    return [frozen_column(name, one) for name, one in zip(_apart(labels), series, strict=True)]


def _of_dict(data: dict[Any, Any]) -> list[Column]:
    keys = _apart([str(key) for key in data])
    if data and not any(_is_column(one) for one in data.values()):
        return [cell_column(name, [one]) for name, one in zip(keys, data.values(), strict=True)]
    columns = []
    for name, one in zip(keys, data.values(), strict=True):
        if not _is_column(one):
            raise BadValue(f"column {name!r}: want a list or an array, got {describe(one)}")
        columns.append(frozen_column(name, one))
    return columns


def _is_column(value: Any) -> bool:
    if isinstance(value, (str, bytes, dict, set, Media)) or value is None:
        return False
    return isinstance(value, (list, tuple, range)) or bool(getattr(value, "shape", None)) or type(value).__module__.startswith("pyarrow")


def _of_rows(rows: list[Any], names: list[str] | None, single: str) -> tuple[list[Column], bool]:
    if not rows:
        return [cell_column(name, []) for name in names or []], False
    kinds = set(map(type, rows))
    if kinds <= PLAIN:
        _not_too_many(len(rows), 1)
        return [cell_column(_only(names, single), rows)], False
    asked = next((ask for ask in (_as_dict, _as_cells) if ask(rows[0]) is not None), None)
    if asked is None:
        if all(_as_dict(row) is None and _as_cells(row) is None for row in rows):
            _not_too_many(len(rows), 1)
            return [cell_column(_only(names, single), rows)], False
        raise BadValue(f"want rows that are all alike, got row 0 as {describe(rows[0])}")
    if asked is _as_cells and not kinds <= {list, tuple} and all(_is_vector(row) for row in rows):
        return _of_array(rows, names, single)
    plain = rows if kinds in ({dict}, {list}) else [asked(row) for row in rows]
    odd = next((number for number, row in enumerate(plain) if row is None), None)
    if odd is not None:
        raise BadValue(f"want rows that are all alike, got row 0 as {describe(rows[0])} and row {odd} as {describe(rows[odd])}")
    if asked is _as_dict:
        keys: dict[Any, None] = {}
        for row in plain:
            if row.keys() != keys.keys():
                keys.update(dict.fromkeys(row))
        _not_too_many(len(rows), len(keys))
        labels = _apart([str(key) for key in keys])
        return [cell_column(name, [row.get(key) for row in plain]) for name, key in zip(labels, keys, strict=True)], True
    width = len(plain[0])
    wrong = next((number for number, row in enumerate(plain) if len(row) != width), None)
    if wrong is not None:
        raise BadValue(f"want rows of one length, got {width} cells in row 0 and {len(plain[wrong])} in row {wrong}")
    _not_too_many(len(rows), width)
    return [cell_column(name, cells) for name, cells in zip(_numbered(names, width), zip(*plain, strict=True), strict=True)], False


def _is_vector(row: Any) -> bool:
    """Whether a row is an array of numbers, perhaps on a device."""
    return hasattr(row, "dtype") and len(getattr(row, "shape", ())) == 1 and getattr(row.dtype, "kind", "f") not in "OUSTmM"


def _as_dict(row: Any) -> Any:
    """A row that names its cells."""
    if isinstance(row, dict):
        return row
    if isinstance(row, tuple) and hasattr(row, "_asdict"):
        return row._asdict()
    if dataclasses.is_dataclass(row) and not isinstance(row, (type, Media)):
        return {one.name: getattr(row, one.name) for one in dataclasses.fields(row)}
    return None


def _as_cells(row: Any) -> Any:
    """A row that is a list of cells."""
    if isinstance(row, (list, tuple)):
        return row
    if isinstance(row, np.ndarray) and row.ndim == 1:
        return list(row)
    return row if len(getattr(row, "shape", ())) == 1 and hasattr(row, "dtype") else None


def _of_array(data: Any, names: list[str] | None, single: str) -> tuple[list[Column], bool]:
    wanted = "an array of shape (n, k) or (n,)"

    def check(shape: tuple[int, ...], _: str) -> None:
        if len(shape) not in (1, 2):
            raise BadValue(f"want {wanted}, got shape {shape}")
        _not_too_many(shape[0], shape[1] if len(shape) == 2 else 1)

    if isinstance(data, np.ndarray) and data.dtype.kind in "OUSTmM" and not isinstance(data, np.ma.MaskedArray):
        check(data.shape, data.dtype.name)
        columns = [data] if data.ndim == 1 else [data[:, number] for number in range(data.shape[1])]
        labels = [_only(names, single)] if data.ndim == 1 else _numbered(names, len(columns))
        return [frozen_column(name, one) for name, one in zip(labels, columns, strict=True)], False
    taken = snapshot(data, wanted=wanted, check=check)
    if len(taken.shape) == 1:
        return [_column_of(_only(names, single), taken.shape[0], taken.size, taken.land)], False
    rows, width = taken.shape
    land = functools.lru_cache(maxsize=1)(taken.land)
    labels = _numbered(names, width)
    size = taken.size // max(width, 1)
    return [_column_of(name, rows, size, functools.partial(_part, land, number)) for number, name in enumerate(labels)], False


def _part(land: Callable[[], Any], number: int) -> Any:
    return land()[:, number]


def _column_of(name: str, rows: int, size: int, land: Callable[[], Any]) -> Column:
    return Column(name, rows, size, lambda written: frozen_column(name, land()).arrow(written))


def _only(names: list[str] | None, single: str) -> str:
    return _numbered(names, 1)[0] if names is not None else single


def _numbered(names: list[str] | None, width: int) -> list[str]:
    if names is None:
        return [str(number) for number in range(width)]
    if len(names) != width:
        raise BadValue(f"columns: want {plural(width, 'name')}, one for each column, got {len(names)}")
    return names
