"""Curves on the wire: binary columns for the page, and their twins as JSON and CSV.

    body    := length of head: u32 | zero: u32 | head: JSON, padded with spaces to a multiple of 8 | float64*

All little-endian; the length counts the padding. A curve's ``at`` counts float64 from the end of the head: its ``n`` x values
begin there, its ``n`` y values right behind them. As everything lies on multiples of 8, a reader needs no copy:
``new Float64Array(body, 8 + length + 8 * at, n)``.

JSON is the head with the lists ``x`` and ``y`` in each curve; CSV is long: ``run,tag,rank,x,y``.
"""

from __future__ import annotations

import csv
import io
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson

from ..store.kinds import F64, Curve, SeriesKey
from .replies import number, to_json

MEDIA_TYPE: Final = "application/vnd.crossboard.columns"
LENGTHS: Final = struct.Struct("<II")


@dataclass(frozen=True, slots=True)
class SentCurve:
    """One curve of a reply.

    attempt  the newest attempt in it, or the only one
    keep     leading points that the asker already has and keeps; they are not sent again
    """

    key: SeriesKey
    attempt: int
    curve: Curve
    keep: int = 0

    @property
    def x(self) -> F64:
        return self.curve.x[self.keep :]

    @property
    def y(self) -> F64:
        return self.curve.y[self.keep :]

    def describe(self) -> dict[str, Any]:
        """What the head says of the curve, but for where it lies."""
        curve = self.curve
        return {
            "run": self.key.run,
            "tag": self.key.tag,
            "rank": self.key.rank,
            "attempt": self.attempt,
            "n": len(curve.x) - self.keep,
            "keep": self.keep,
            "total": curve.total,
            "raw": curve.raw,
            "nan": curve.nan,
            "pos_inf": curve.pos_inf,
            "neg_inf": curve.neg_inf,
            "unmatched": curve.unmatched,
        }


def encode(head: Mapping[str, Any], curves: Sequence[SentCurve]) -> bytes:
    """Return the body: `head` with its `curves`, then their columns."""
    return pack(head, "curves", [(sent.describe(), (sent.x, sent.y)) for sent in curves])


def pack(head: Mapping[str, Any], name: str, entries: Sequence[tuple[Mapping[str, Any], Sequence[F64]]]) -> bytes:
    """Return a body whose head lists, as `name`, what is said of each entry and, as ``at``, where its columns begin; they
    lie one behind the other and are equally long."""
    described = []
    parts: list[Any] = [b""]
    at = 0
    for said, columns in entries:
        described.append({**said, "at": at})
        at += sum(map(len, columns))
        parts.extend(map(_bytes_of, columns))
    text = to_json({**head, name: described})
    text += b" " * (-len(text) % 8)
    parts[0] = LENGTHS.pack(len(text), 0) + text
    return b"".join(parts)


def _bytes_of(values: F64) -> Any:
    """`values` as little-endian float64 in a row, without a copy where they already are."""
    wanted = values if sys.byteorder == "little" else values.astype("<f8")
    return np.ascontiguousarray(wanted, dtype="<f8").data.cast("B") if len(wanted) else b""


def decode(body: bytes) -> tuple[dict[str, Any], list[tuple[F64, F64]]]:
    """Read a body back: its head, and x and y of each curve. For tests, notebooks and other programs.

    Raises:
        ValueError: the body is cut short or is none.
    """
    head, curves = unpack(body, "curves", 2)
    return head, [(x, y) for x, y in curves]


def unpack(body: bytes, name: str, count: int) -> tuple[dict[str, Any], list[list[F64]]]:
    """Read back what `pack` wrote: the head, and the `count` columns of each entry that it lists as `name`.

    Raises:
        ValueError: the body is cut short or is none.
    """
    if len(body) < LENGTHS.size:
        raise ValueError(f"columns: want at least {LENGTHS.size} bytes, got {len(body)}")
    length, zero = LENGTHS.unpack_from(body)
    if zero or length % 8 or LENGTHS.size + length > len(body):
        raise ValueError(f"columns: head of {length} bytes in a body of {len(body)}: no columns, or cut short")
    head: dict[str, Any] = orjson.loads(body[LENGTHS.size : LENGTHS.size + length])
    floats = np.frombuffer(body, "<f8", offset=LENGTHS.size + length)
    entries = []
    for entry in head[name]:
        at, n = entry["at"], entry["n"]
        if at + count * n > len(floats):
            raise ValueError(f"columns: {count} columns of {n} at {at}, but the body has {len(floats)} numbers: cut short")
        entries.append([floats[at + n * i : at + n * (i + 1)] for i in range(count)])
    return head, entries


def as_json(head: Mapping[str, Any], curves: Iterable[SentCurve]) -> bytes:
    """The JSON twin of `encode`."""
    listed = [{**sent.describe(), "x": json_list(sent.x), "y": json_list(sent.y)} for sent in curves]
    return to_json({**head, "curves": listed})


def json_list(values: F64) -> Any:
    """`values` as JSON carries them: numbers, and non-finite ones by name."""
    if np.isfinite(values).all():
        return np.ascontiguousarray(values)
    return [number(value) for value in values.tolist()]


def as_csv(curves: Iterable[SentCurve]) -> bytes:
    """The CSV twin of `encode`; floats so that they read back as they were."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("run", "tag", "rank", "x", "y"))
    for sent in curves:
        key = sent.key
        rows.writerows((key.run, key.tag, key.rank, x, y) for x, y in zip(sent.x.tolist(), sent.y.tolist(), strict=True))
    return out.getvalue().encode()


def table_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """`columns` of `rows` as CSV; lists and mappings as JSON."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(columns)
    for row in rows:
        cells = (row.get(column) for column in columns)
        table.writerow([to_json(cell).decode() if isinstance(cell, (list, tuple, dict)) else cell for cell in cells])
    return out.getvalue().encode()
