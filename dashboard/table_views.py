"""What a page shows of a logged table: which rows, in which order, and the same rows as a file to keep.

Filters are written as a reader types them, one for each column or one for all of them. Words, all of which a cell must hold, case aside,
and of which ``-word`` leaves out; on a column of numbers also ``> 0.5``, ``<= 3``, ``= 1`` and ``1..5`` (both ends counted). An empty cell
reads "none". Rows are sorted by one column; equal rows stay in the order in which they were logged, and cells without a number or text
(none, NaN) come last whichever way is sorted.

A file for a spreadsheet holds no formulas: a text that one would take for a formula (it begins with ``= + - @``, a tab or a carriage
return) stands after an apostrophe, see OWASP, "CSV Injection". JSON is left as it is.
"""

from __future__ import annotations

import csv
import io
import math
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged
from .replies import Refused, to_json
from .tables import part_of

Rows = NDArray[np.int64]
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
KEPT_ORDERS: Final = 24
CHUNK: Final = 1000
"""Rows of a file that are made at a time."""
_COMPARED: Final = re.compile(r"\s*(<=|>=|!=|=|<|>)\s*(\S+)\s*")
_BETWEEN: Final = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which rows of a table, and in which order.

    sort     column by name, "" for the order in which they were logged; down: the largest first
    words    filter over all columns
    filters  (column, filter) pairs
    """

    sort: str = ""
    down: bool = False
    words: str = ""
    filters: tuple[tuple[str, str], ...] = ()


class Orders:
    """The rows that were chosen last, by table and choice. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, Chosen], Rows] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, digest: str, table: Any, chosen: Chosen, media: Mapping[str, str]) -> Rows | None:
        """Places of the rows of `table`, named by `digest`; None when it is all of them as they were logged. Raises Refused."""
        if chosen == Chosen():
            return None
        with self._lock:
            if (digest, chosen) in self._kept:
                self._kept.move_to_end((digest, chosen))
                return self._kept[digest, chosen]
        made = rows_of(table, chosen, media)
        with self._lock:
            self._kept[digest, chosen] = made
            while len(self._kept) > KEPT_ORDERS:
                self._kept.popitem(last=False)
        return made


def rows_of(table: Any, chosen: Chosen, media: Mapping[str, str]) -> Rows:
    """Places of the chosen rows in their order. Raises Refused for an unknown column."""
    stays = np.ones(table.num_rows, bool)
    for column, wanted in chosen.filters:
        stays &= matching(column_of(table, column), wanted, media=column in media)
    for word in chosen.words.split():
        out = len(word) > 1 and word[0] == "-"
        found = np.zeros(table.num_rows, bool)
        for place, name in enumerate(table.column_names):
            found |= _holds(texts_of(table.column(place), media=name in media), word[1:] if out else word)
        stays &= ~found if out else found
    rows: Rows = np.flatnonzero(stays).astype(np.int64)
    if not chosen.sort:
        return rows
    return rows[_order(column_of(table, chosen.sort).take(rows), down=chosen.down, media=chosen.sort in media)]


def column_of(table: Any, name: str) -> Any:
    """The first column of that name. Raises Refused, naming those there are."""
    if name not in table.column_names:
        there = ", ".join(table.column_names[:20])
        raise Refused(400, f"column {name!r:.80}: the table has none of that name", f"it has {there}")
    return table.column(table.column_names.index(name))


def matching(column: Any, wanted: str, *, media: bool) -> NDArray[np.bool_]:
    """Which cells the filter `wanted` means."""
    import pyarrow as pa

    test = None if media or not _is_number(pa, column.type) else _numeric(wanted)
    if test is not None:
        with np.errstate(invalid="ignore"):
            return test(_floats(column))
    found = np.ones(len(column), bool)
    texts = texts_of(column, media=media)
    for word in wanted.split():
        out = len(word) > 1 and word[0] == "-"
        found &= _holds(texts, word[1:] if out else word) != out
    return found


def _numeric(wanted: str) -> Callable[[NDArray[np.float64]], NDArray[np.bool_]] | None:
    """The comparison in a filter; None when it is words."""
    between = _BETWEEN.fullmatch(wanted)
    if between is not None:
        low, high = _float(between[1]), _float(between[2])
        return None if low is None or high is None else lambda values: (values >= low) & (values <= high)
    compared = _COMPARED.fullmatch(wanted)
    number = _float(compared[2]) if compared is not None else None
    if compared is None or number is None:
        return None
    how = {"<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal, "=": np.equal, "!=": np.not_equal}[compared[1]]
    return lambda values: np.asarray(how(values, number), bool)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_number(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _floats(column: Any) -> NDArray[np.float64]:
    """The cells as numbers; none is NaN."""
    return np.array([math.nan if one is None else float(one) for one in column.to_pylist()], np.float64)


def texts_of(column: Any, *, media: bool) -> Any:
    """The cells as a reader sees them, as a `pyarrow` column of texts; of a picture or sound its caption."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if media:
        return pa.chunked_array([[_caption(one) for one in column.to_pylist()]], pa.string())
    try:
        texts = column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        texts = pa.chunked_array([[None if one is None else str(one) for one in column.to_pylist()]], pa.string())
    return pc.fill_null(texts, "none")


def _caption(cell: Any) -> str:
    if not isinstance(cell, bytes):
        return "none" if cell is None else str(cell)
    try:
        return str(getattr(part_of(cell), "caption", ""))
    except Damaged:
        return "damaged"


def _holds(texts: Any, word: str) -> NDArray[np.bool_]:
    import pyarrow.compute as pc

    return np.asarray(pc.match_substring(texts, word, ignore_case=True).to_numpy(zero_copy_only=False), bool)


def _order(column: Any, *, down: bool, media: bool) -> Rows:
    """The order of the cells, stable, those without a value last."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if media:
        column = texts_of(column, media=True)
    values: Any
    if pa.types.is_integer(column.type) and not column.null_count:
        values = column.to_numpy()
        void = np.zeros(len(values), bool)
    elif _is_number(pa, column.type) and not pa.types.is_decimal(column.type):
        if pa.types.is_integer(column.type):
            void = np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
            values = pc.fill_null(column, 0).to_numpy()
        else:
            values = _floats(column)
            void = np.isnan(values)
            values = np.where(void, 0.0, values)
    else:
        void = np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
        cells = [b"" if one is None else one for one in column.to_pylist()]
        kinds = {type(one) for one, none in zip(cells, void, strict=True) if not none}
        if len(kinds) != 1 or kinds & {list, dict}:
            cells = [str(one) for one in cells]
        ranked = {one: rank for rank, one in enumerate(sorted({one for one, none in zip(cells, void, strict=True) if not none}))}
        values = np.array([ranked.get(one, 0) for one in cells], np.int64)
    there: Rows = np.flatnonzero(~void).astype(np.int64)
    _, ranks = np.unique(values[there], return_inverse=True)
    found = there[np.argsort(-ranks if down else ranks, kind="stable")]
    return np.concatenate([found, np.flatnonzero(void)]).astype(np.int64)


def safe_cell(value: Any) -> Any:
    """`value` as a cell of a file that a spreadsheet may open: no text that it would calculate; lists and mappings as JSON."""
    if isinstance(value, (list, tuple, dict)):
        value = to_json(value).decode()
    if isinstance(value, str) and value.startswith(FORMULA):
        return value if value[0] in "+-" and _float(value) is not None else f"'{value}"
    return value


def csv_lines(head: Sequence[str], windows: Iterator[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """A CSV file, window of rows by window of rows."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\r\n")  # RFC 4180; a line end of either form in a cell is then quoted
    rows.writerow([safe_cell(name) for name in head])
    for window in windows:
        rows.writerows([safe_cell(cell) for cell in row] for row in window)
        yield out.getvalue().encode("utf-8", "backslashreplace")
        out.seek(0)
        out.truncate()
    if out.tell():
        yield out.getvalue().encode("utf-8", "backslashreplace")


def json_lines(head: Mapping[str, Any], windows: Iterator[Sequence[Sequence[Any]]]) -> Iterator[bytes]:
    """``{head.., "rows": [..]}``, window of rows by window of rows."""
    yield to_json(head)[:-1] + b',"rows":['
    first = True
    for window in windows:
        if window:
            yield (b"" if first else b",") + to_json(window)[1:-1]
            first = False
    yield b"]}"
