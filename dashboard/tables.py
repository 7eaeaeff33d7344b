"""Logged tables as JSON: rows of an Arrow IPC stream, a window at a time.

A cell of a media column is the MessagePack of a blob, or of a part that holds blobs (a picture with its caption); it becomes
what `points.content_of` makes of it. Whole numbers that a browser would round (above 2**53) are told as text.
"""

from __future__ import annotations

import datetime
import decimal
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..store.errors import Damaged
from ..store.records import Blob, Clip, Foreign, InFile, Inline, Mask, Picture
from .media import blobs_in
from .points import Describe, content_of
from .replies import number

EXACT: Final = 1 << 53
MOST_ROWS: Final = 1000
KEPT_TABLES: Final = 8
KEPT_BYTES: Final = 64 << 20
_blob: Final = msgspec.msgpack.Decoder(Blob)
_parts: Final = tuple(msgspec.msgpack.Decoder(part) for part in (Picture, Clip, Mask))


class Tables:
    """Decoded tables that were asked for last, by digest. `pyarrow` is loaded at the first one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def table(self, digest: str, data: bytes) -> Any:
        """The `pyarrow.Table` in `data`. Raises Damaged."""
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        made = decode(data)
        if made.nbytes <= KEPT_BYTES:
            with self._lock:
                self._kept[digest] = made
                while len(self._kept) > KEPT_TABLES:
                    self._kept.popitem(last=False)
        return made


def decode(data: bytes) -> Any:
    """The `pyarrow.Table` in an Arrow IPC stream, or file. Raises Damaged."""
    import pyarrow as pa

    try:
        if data[:6] == b"ARROW1":
            return pa.ipc.open_file(data).read_all()
        return pa.ipc.open_stream(data).read_all()
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"table: {len(data)} bytes are no Arrow stream: {error}") from None


def rows_json(table: Any, *, offset: int, limit: int, media: Mapping[str, str], describe: Describe) -> dict[str, Any]:
    """`limit` rows from row `offset` on. `media`: column -> kind, as `TablePoint` has it."""
    return {**_told(table, table.slice(offset, limit), media, describe), "total": table.num_rows, "offset": offset}


def taken_json(table: Any, rows: Sequence[int], *, media: Mapping[str, str], describe: Describe) -> dict[str, Any]:
    """The rows at these places, in this order: `columns` and `rows` as `rows_json` tells them."""
    import pyarrow as pa

    return _told(table, table.take(pa.array(rows, pa.int64())), media, describe)


def _told(table: Any, part: Any, media: Mapping[str, str], describe: Describe) -> dict[str, Any]:
    columns = [
        {"name": name, "type": str(table.schema.field(place).type), "media": media.get(name, "")}
        for place, name in enumerate(table.column_names)
    ]
    cells = []
    for place, column in enumerate(columns):
        values = part.column(place).to_pylist()
        cells.append([_media_cell(one, describe) for one in values] if column["media"] else [_cell(one) for one in values])
    return {"columns": columns, "rows": [list(row) for row in zip(*cells, strict=True)] if cells else []}


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return value if -EXACT <= value <= EXACT else str(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (datetime.timedelta, decimal.Decimal)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [_cell(one) for one in value]
    if isinstance(value, dict):
        return {str(key): _cell(one) for key, one in value.items()}
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return str(value)


def part_of(cell: bytes) -> Any:
    """What a media cell holds: a blob, a part of a point, or a list of them. Raises Damaged."""
    try:
        return _blob.decode(cell)
    except msgspec.MsgspecError:
        pass
    for decoder in _parts:
        try:
            return decoder.decode(cell)
        except msgspec.MsgspecError:
            continue
    try:
        loose = msgspec.msgpack.decode(cell)
    except msgspec.MsgspecError as error:
        raise Damaged(f"table: a media cell of {len(cell)} bytes is no MessagePack: {error}") from None
    return _with_blobs(loose)


def _with_blobs(value: Any) -> Any:
    """`value` with every map that is a blob turned into one."""
    if isinstance(value, dict):
        if value.get("t") in ("inline", "file", "foreign"):
            try:
                return msgspec.convert(value, Blob)
            except msgspec.ValidationError:
                return value
        return {key: _with_blobs(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_blobs(one) for one in value]
    return value


def _media_cell(value: Any, describe: Describe) -> Any:
    if not isinstance(value, bytes):
        return _cell(value)
    try:
        part = part_of(value)
    except Damaged as error:
        return {"error": str(error)}
    told = content_of(part, describe)
    return {"blob": told} if isinstance(part, (InFile, Inline, Foreign)) else told


def blobs_of_cells(data: bytes) -> Iterator[Blob]:
    """Every blob that a cell of the table in `data` names."""
    import pyarrow as pa

    table = decode(data)
    for place in range(table.num_columns):
        if not pa.types.is_binary(table.schema.field(place).type) and not pa.types.is_large_binary(table.schema.field(place).type):
            continue
        for cell in table.column(place).to_pylist():
            if cell is not None:
                try:
                    part = part_of(cell)
                except Damaged:
                    continue
                yield from _walk(part)


def _walk(part: Any) -> Iterator[Blob]:
    if isinstance(part, dict):
        for one in part.values():
            yield from _walk(one)
    elif isinstance(part, list):
        for one in part:
            yield from _walk(one)
    else:
        yield from blobs_in(part)
