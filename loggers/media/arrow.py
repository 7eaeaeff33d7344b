"""Arrow arrays from NumPy and from Python values, made so that pandas is not imported in the helper thread.

``pyarrow.array`` imports pandas when it first meets a value, in whatever thread that is. Until that import is over, pandas stands half
made in ``sys.modules``, where other libraries look for it: Plotly in the training thread then raises "partially initialized module
'pandas' has no attribute 'Series'". The same holds for pyarrow itself. So `ready`, in the thread that logs, imports what will be needed,
and arrays are put together from their buffers, with the types that ``pyarrow.array`` would have chosen.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_EPOCH: Final = datetime.datetime(1970, 1, 1)
_DAY_ONE: Final = _EPOCH.date()
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_KNOWN: Final = frozenset(
    (bool, int, float, str, bytes, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, list, dict, type(None))
)
_EXACT: Final = 1 << 53
"""Whole numbers up to here are exact as float64."""


def ready(cells: Iterable[Any] = ()) -> None:
    """Import what `array_of` will need for `cells`: pyarrow, and pandas for those that pyarrow has to look at itself."""
    import pyarrow  # noqa: F401

    if "pandas" not in sys.modules and any(map(_is_unusual, cells)):
        with contextlib.suppress(ImportError):
            import pandas  # noqa: F401


def _is_unusual(cell: Any) -> bool:
    kind = type(cell)
    if kind is list:
        return any(map(_is_unusual, cell))
    if kind is dict:
        return any(map(_is_unusual, cell.values()))
    return kind not in _KNOWN or getattr(cell, "tzinfo", None) is not None


def array_of(cells: Sequence[Any]) -> Any:
    """An Arrow array of Python values: of the type that pyarrow infers.

    Raises:
        TypeError, ValueError, OverflowError: they have no common type that Arrow has.
    """
    import pyarrow

    if any(map(_is_unusual, cells)):
        if "pandas" not in sys.modules and importlib.util.find_spec("pandas") is not None:
            raise TypeError("values of a type that is not known here")  # `ready` would have imported it, had it been told
        return pyarrow.array(cells)
    kinds = {type(one) for one in cells} - {type(None)}
    if not kinds:
        return pyarrow.nulls(len(cells))
    if kinds == {int, float}:
        if any(type(one) is int and abs(one) > _EXACT for one in cells):
            raise ValueError("whole numbers that are not exact as float64")
        kinds = {float}
    if len(kinds) > 1:
        raise TypeError(f"values of several types: {', '.join(sorted(kind.__name__ for kind in kinds))}")
    (kind,) = kinds
    if kind in (str, bytes):
        return _texts(cells, pyarrow.string() if kind is str else pyarrow.binary())
    if kind is list:
        return _lists(cells)
    if kind is dict:
        return _structs(cells)
    return _fixed(cells, kind)


def texts_of(cells: Sequence[str | None]) -> Any:
    """An Arrow array of strings; what is no UTF-8 in them stands as escapes."""
    import pyarrow

    return _texts(cells, pyarrow.string())


def bytes_of(cells: Sequence[bytes | None]) -> Any:
    """An Arrow array of bytes."""
    import pyarrow

    return _texts(cells, pyarrow.binary())


def numbers_of(array: NDArray[Any]) -> Any:
    """An Arrow array of a contiguous 1-D array in native byte order; NaT is an empty cell. Raises TypeError for a dtype without a type."""
    import pyarrow

    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind == "b":
        return _made(pyarrow.bool_(), array, None)
    if kind in "iuf" and size <= 8:
        return _made(getattr(pyarrow, {"i": "int", "u": "uint", "f": "float"}[kind] + str(8 * size))(), array, None)
    if kind in "mM":
        unit = np.datetime_data(array.dtype)
        if unit[1] == 1 and unit[0] in ("s", "ms", "us", "ns"):
            of_unit: Callable[[str], Any] = pyarrow.timestamp if kind == "M" else pyarrow.duration
            return _made(of_unit(unit[0]), array.view(np.int64), ~np.isnat(array))
        if kind == "M" and unit == ("D", 1):
            there = ~np.isnat(array)
            return _made(pyarrow.date32(), np.where(there, array.view(np.int64), 0).astype(np.int32), there)
    raise TypeError(f"Arrow has no type for {array.dtype}")


# -------------------------------------------------------------------------------------------- from buffers


def _made(kind: Any, values: NDArray[Any], there: NDArray[np.bool_] | None) -> Any:
    """Values of one size. there: which cells are not empty."""
    import pyarrow

    data = np.packbits(values, bitorder="little") if values.dtype == np.bool_ else np.ascontiguousarray(values)
    return pyarrow.Array.from_buffers(kind, len(values), [_validity(there), pyarrow.py_buffer(data)])


def _validity(there: NDArray[np.bool_] | None) -> Any:
    import pyarrow

    return None if there is None or there.all() else pyarrow.py_buffer(np.packbits(there, bitorder="little"))


def _there(cells: Sequence[Any]) -> NDArray[np.bool_]:
    return np.fromiter((one is not None for one in cells), np.bool_, len(cells))


def _fixed(cells: Sequence[Any], kind: type) -> Any:
    """Cells of one of Arrow's types of one size."""
    import pyarrow

    there = _there(cells)
    some = (one for one in cells if one is not None)
    arrow: Any = pyarrow.int64()
    numbers: Iterable[Any] = some
    dtype: Any = np.int64
    if kind is bool:
        arrow, dtype = pyarrow.bool_(), np.bool_
    elif kind is float:
        arrow, dtype = pyarrow.float64(), np.float64
    elif kind is int:
        if max(one for one in cells if one is not None) >= 1 << 63:
            arrow, dtype = pyarrow.uint64(), np.uint64
    elif kind is datetime.datetime:
        arrow, numbers = pyarrow.timestamp("us"), ((one - _EPOCH) // _MICROSECOND for one in some)
    elif kind is datetime.date:
        arrow, dtype, numbers = pyarrow.date32(), np.int32, ((one - _DAY_ONE).days for one in some)
    elif kind is datetime.timedelta:
        arrow, numbers = pyarrow.duration("us"), (one // _MICROSECOND for one in some)
    else:
        arrow = pyarrow.time64("us")
        numbers = (((one.hour * 60 + one.minute) * 60 + one.second) * 1_000_000 + one.microsecond for one in some)
    values = np.zeros(len(cells), dtype)
    values[there] = np.fromiter(numbers, dtype, int(there.sum()))
    return _made(arrow, values, there)


def _texts(cells: Sequence[Any], kind: Any) -> Any:
    import pyarrow

    parts = [one.encode("utf-8", "backslashreplace") if isinstance(one, str) else one or b"" for one in cells]
    data = pyarrow.py_buffer(b"".join(parts))
    return pyarrow.Array.from_buffers(kind, len(cells), [_validity(_there(cells)), _offsets(map(len, parts), len(parts)), data])


def _offsets(lengths: Iterable[int], count: int) -> Any:
    import pyarrow

    ends = np.cumsum(np.fromiter(lengths, np.int64, count))
    if count and ends[-1] >= 1 << 31:
        raise OverflowError("more than 2 GiB in one column")
    return pyarrow.py_buffer(np.concatenate(([0], ends)).astype(np.int32))


def _lists(cells: Sequence[Any]) -> Any:
    import pyarrow

    inside = array_of([one for cell in cells if cell is not None for one in cell])
    offsets = _offsets((len(one) if one is not None else 0 for one in cells), len(cells))
    return pyarrow.Array.from_buffers(pyarrow.list_(inside.type), len(cells), [_validity(_there(cells)), offsets], children=[inside])


def _structs(cells: Sequence[Any]) -> Any:
    import pyarrow

    names = list(dict.fromkeys(name for cell in cells if cell is not None for name in cell))
    parts = [array_of([cell.get(name) if cell is not None else None for cell in cells]) for name in names]
    kind = pyarrow.struct([pyarrow.field(name, part.type) for name, part in zip(names, parts, strict=True)])
    return pyarrow.Array.from_buffers(kind, len(cells), [_validity(_there(cells))], children=parts)
