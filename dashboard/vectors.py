"""The vectors of an embedding as they were logged: read once, their nearest neighbours, and what is known of each.

Distances are of the logged vectors, never of the picture that is drawn of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..store.errors import Damaged
from ..store.kinds import F64
from ..store.records import EmbeddingPoint

F32 = NDArray[np.float32]
KEPT_BYTES: Final = 256 << 20
METRICS: Final = ("cosine", "euclidean")
PIECE: Final = 8192
"""Rows that are taken at once."""
LONGEST: Final = 200
"""Characters of a label that are told."""


class Vectors:
    """Vectors that were asked for last, by digest. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, F32] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, point: EmbeddingPoint, digest: str, read: Callable[[], bytes]) -> F32:
        """The (rows, dimensions) vectors of `point`; `read` gives its bytes where they are not kept. Raises Damaged."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        data = read()
        if len(data) != 4 * point.rows * point.dimensions:
            raise Damaged(f"embedding {point.tag!r}: want {point.rows} x {point.dimensions} float32, got {len(data)} bytes")
        made = np.frombuffer(data, "<f4").reshape(point.rows, point.dimensions)
        if made.nbytes <= KEPT_BYTES:
            with self._lock:
                self._kept[digest] = made
                while sum(one.nbytes for one in self._kept.values()) > KEPT_BYTES:
                    self._kept.popitem(last=False)
        return made


def neighbours(vectors: F32, row: int, count: int, metric: str) -> tuple[NDArray[np.intp], F64]:
    """The rows nearest to `row` without itself, the nearest first and the earlier of two that are as near, and their distances.

    ``euclidean`` is the length of the difference; ``cosine`` is 1 - cos of the angle, 0 to 2, and 1 from or to a vector of
    length 0. Rows that are not finite are nobody's neighbours; nor has one that is not finite any.
    """
    chosen = vectors[row].astype(np.float64)
    distance = np.full(len(vectors), np.inf)
    if np.isfinite(chosen).all():
        length = float(np.linalg.norm(chosen))
        for first in range(0, len(vectors), PIECE):
            piece = vectors[first : first + PIECE].astype(np.float64)
            if metric == "euclidean":
                made = np.linalg.norm(piece - chosen, axis=1)
            else:
                sizes = np.linalg.norm(piece, axis=1) * length
                made = 1.0 - np.divide(piece @ chosen, sizes, out=np.zeros(len(piece)), where=sizes > 0)
                made = np.where(np.isnan(made), np.inf, np.clip(made, 0.0, 2.0))
            made[~np.isfinite(piece).all(axis=1)] = np.inf
            distance[first : first + len(piece)] = made
    distance[row] = np.inf
    count = min(count, int(np.isfinite(distance).sum()))
    if not count:
        return np.zeros(0, np.intp), np.zeros(0)
    limit = np.partition(distance, count - 1)[count - 1]
    near = np.flatnonzero(distance <= limit)
    found = near[np.argsort(distance[near], kind="stable")][:count]
    return found, distance[found]


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of each row under one name. values: numbers; where `words` are given, places in them, NaN where nothing is known."""

    name: str
    values: F64
    words: list[str] | None = None

    def told(self) -> list[Any]:
        """The values one by one: texts, numbers, None."""
        if self.words is None:
            return [None if value != value else value for value in self.values.tolist()]
        return [None if place != place else self.words[int(place)] for place in self.values.tolist()]


def columns_of(table: Any, rows: int) -> list[Column]:
    """The columns of a `pyarrow.Table`, its first `rows` rows; a shorter one knows nothing of the rows that it lacks. Whole
    numbers that a browser would round are texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    made = []
    for place, name in enumerate(table.column_names):
        column = table.column(place).slice(0, rows)
        values = np.full(rows, np.nan)
        kind = column.type
        whole = pa.types.is_integer(kind) and len(column) and not _is_exact(column, pc)
        if (pa.types.is_floating(kind) or pa.types.is_integer(kind)) and not whole:
            values[: len(column)] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
            made.append(Column(name, values))
            continue
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            coded = column.combine_chunks().dictionary_encode() if not pa.types.is_dictionary(kind) else column.combine_chunks()
            whole_column = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
            words = [one[:LONGEST] for one in whole_column.dictionary.to_pylist()]
            codes = whole_column.indices.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            texts = [None if one is None else _text(one) for one in column.to_pylist()]
            words = list(dict.fromkeys(text for text in texts if text is not None))
            at = {text: code for code, text in enumerate(words)}
            codes = np.array([np.nan if text is None else at[text] for text in texts], np.float64)
        values[: len(codes)] = codes
        made.append(Column(name, values, words))
    return made


def _is_exact(column: Any, pc: Any) -> bool:
    extent = pc.min_max(column)
    return all(one is None or abs(one) <= 1 << 53 for one in (extent["min"].as_py(), extent["max"].as_py()))


def _text(value: Any) -> str:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else str(value)[:LONGEST]
