"""Sealed points, ``points-<writer>.parquet``: what a points journal becomes when its writer is done.

One Parquet file: columns tag (string, dictionary), step (int64, DELTA_BINARY_PACKED), wall_time and value (float64,
BYTE_STREAM_SPLIT), compressed with ZSTD, sorted by tag, within a tag in order of arrival. Row groups of at most 1,000,000 rows.
Key-value metadata, all text: ``crossboard.version`` = 1, ``crossboard.journal`` (file name), ``crossboard.journal_bytes``,
``crossboard.writer``, ``crossboard.attempt``, ``crossboard.rank``.

Where a tag id had an attempt of its own (`TagDeclared.attempt`) there is a fifth column, attempt (int32, 0 for the writer's own), rows
are sorted by tag and attempt, and ``crossboard.version`` is 2: who knows version 1 alone would mix the attempts.

Pages carry checksums, but those do not cover the footer: the CRC-32C and length of the whole file stand in the `Sealed` record.
They are checked before the first byte is believed. Where they do not fit, that is reported, and what can still be decoded
with page checksums on is read, row group by row group, in a process of its own: one flipped byte of a footer was seen to end the
process that decoded it (`python -m crossboard.store.sealed FILE` is that process; its answer is `_Decoded` as MessagePack).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import google_crc32c
import msgspec
import numpy as np

from .errors import FormatTooNew
from .kinds import Points, Problem
from .records import Sealed

if TYPE_CHECKING:
    import pyarrow as pa

VERSION: Final = 2
ROW_GROUP: Final = 1_000_000
COLUMNS: Final = ("tag", "step", "wall_time", "value")
ATTEMPT: Final = "attempt"
_UNREADABLE: Final = (OSError, ValueError, LookupError, TypeError, MemoryError)
"""What a decoder says of a damaged file, beside its own errors."""
APART_S: Final = 300.0
APART_BYTES: Final = 16 << 30
"""Limits of the process that decodes a damaged file: time, and address space."""


class SealedStrand(NamedTuple):
    """Points of one tag, in order of arrival; attempt: their own, 0 for the writer's."""

    tag: str
    points: Points
    attempt: int = 0


def file_crc32c(path: str) -> tuple[int, int]:
    """CRC-32C and length of the file at `path`."""
    crc, length = 0, 0
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            crc = google_crc32c.extend(crc, block)
            length += len(block)
    return crc, length


def sealed_table(strands: Sequence[SealedStrand | tuple[str, Points]]) -> pa.Table:
    """The table of a sealed file: `strands` by tag and attempt."""
    import pyarrow as pa

    ordered = sorted((SealedStrand(*strand) for strand in strands), key=lambda one: (one.tag, one.attempt))
    tags = sorted({one.tag for one in ordered})
    counts = [len(one.points) for one in ordered]
    indices = np.repeat(np.array([tags.index(one.tag) for one in ordered], np.int32), counts)
    points = [one.points for one in ordered]
    columns: dict[str, Any] = {
        "step": np.concatenate([one.step for one in points]) if points else np.empty(0, np.int64),
        "wall_time": np.concatenate([one.wall_time for one in points]) if points else np.empty(0),
        "value": np.concatenate([one.value for one in points]) if points else np.empty(0),
    }
    if any(one.attempt for one in ordered):
        columns[ATTEMPT] = np.repeat(np.array([one.attempt for one in ordered], np.int32), counts)
    arrays = [pa.DictionaryArray.from_arrays(_array(indices), _strings(tags)), *(_array(column) for column in columns.values())]
    return pa.Table.from_arrays(arrays, ["tag", *columns])


def _array(values: Any) -> pa.Array:
    """NumPy numbers as an Arrow array. From buffers: ``pa.array`` would import pandas, half a second of every process that seals."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, pa.py_buffer(values)])


def _strings(texts: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    parts = [text.encode() for text in texts]
    ends = np.cumsum([0, *map(len, parts)]).astype(np.int32)
    return pa.Array.from_buffers(pa.string(), len(parts), [None, pa.py_buffer(ends), pa.py_buffer(b"".join(parts))])


def write_sealed(path: str, strands: Sequence[SealedStrand | tuple[str, Points]], metadata: dict[str, str]) -> None:
    """Write `strands` to `path`. The bytes depend on nothing but the arguments and the version of pyarrow."""
    import pyarrow.parquet as pq

    table = sealed_table(strands)
    attempts = ATTEMPT in table.column_names
    keys = {f"crossboard.{name}": text for name, text in {"version": str(VERSION if attempts else 1), **metadata}.items()}
    with pq.ParquetWriter(
        path,
        table.schema,
        compression="zstd",
        use_dictionary=["tag", ATTEMPT] if attempts else ["tag"],
        column_encoding={"step": "DELTA_BINARY_PACKED", "wall_time": "BYTE_STREAM_SPLIT", "value": "BYTE_STREAM_SPLIT"},
        write_page_checksum=True,
        store_schema=False,
    ) as writer:
        writer.write_table(table, row_group_size=ROW_GROUP)
        writer.add_key_value_metadata(keys)


def sealed_metadata(path: str) -> dict[str, str]:
    """The ``crossboard.`` entries of the footer, without the prefix. Raises FormatTooNew; OSError or ValueError if damaged."""
    import pyarrow.parquet as pq

    entries: dict[bytes, bytes] = pq.read_metadata(path).metadata or {}
    mine = {key[11:].decode(): text.decode() for key, text in entries.items() if key.startswith(b"crossboard.")}
    if int(mine.get("version", "1")) > VERSION:
        raise FormatTooNew(
            f"sealed points version {mine['version']}, this crossboard reads up to {VERSION}; upgrade crossboard to open {path}"
        )
    return mine


def read_sealed(path: str, sealed: Sealed | None) -> tuple[list[SealedStrand], list[Problem]]:
    """Return the points of each tag, in order of arrival, and what was damaged.

    sealed: the record that tells length and checksum, or None when it is lost; the file is then believed as far as its page
    checksums go, and that is reported.
    """
    problems: list[Problem] = []
    if sealed is None:
        problems.append(Problem(path, -1, "no record tells the checksum of this sealed file; read by its page checksums alone"))
    else:
        crc, length = file_crc32c(path)
        if length != sealed.length:
            problems.append(Problem(path, min(length, sealed.length), f"sealed file: got {length} bytes, want {sealed.length}"))
        elif crc != sealed.crc32c:
            problems.append(Problem(path, 0, f"sealed file: checksum got {crc:#010x}, want {sealed.crc32c:#010x}"))
    strands, more = _decode_apart(path) if problems else _decode(path)
    return strands, problems + more


def _decode(path: str) -> tuple[list[SealedStrand], list[Problem]]:
    """The points of `path`, and what could not be decoded."""
    import pyarrow as pa

    problems: list[Problem] = []
    strands: dict[tuple[str, int], list[Points]] = {}
    try:
        sealed_metadata(path)
        for some in _row_groups(path, problems):
            for one in some:
                strands.setdefault((one.tag, one.attempt), []).append(one.points)
    except (*_UNREADABLE, FormatTooNew, pa.ArrowException) as error:
        problems.append(_unreadable(path, str(error)))
    return [SealedStrand(tag, _joined(parts), attempt) for (tag, attempt), parts in strands.items()], problems


def _unreadable(path: str, why: str) -> Problem:
    return Problem(path, max(0, os.path.getsize(path) - 8), f"sealed file cannot be read: {why}")


class _Decoded(msgspec.Struct):
    """What the process that decodes a damaged file answers: (tag, attempt, steps, wall times, values) and (offset, what)."""

    strands: list[tuple[str, int, bytes, bytes, bytes]]
    problems: list[tuple[int, str]]


def _decode_apart(path: str) -> tuple[list[SealedStrand], list[Problem]]:
    """`_decode` in a process of its own, whose death is one more problem."""
    command = [sys.executable, "-m", __name__, os.path.abspath(path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=APART_S, env=environment)
        answer = msgspec.msgpack.decode(done.stdout, type=_Decoded)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        return [], [_unreadable(path, f"the process that decoded it died of it ({error})")]
    return [
        SealedStrand(tag, Points(np.frombuffer(step, np.int64), np.frombuffer(wall), np.frombuffer(value)), attempt)
        for tag, attempt, step, wall, value in answer.strands
    ], [Problem(path, offset, what) for offset, what in answer.problems]


def _answer(path: str) -> None:
    """The process of `_decode_apart`: decode `path`, print the answer."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # a damaged length must not take the machine's memory
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (APART_BYTES, APART_BYTES))
    strands, problems = _decode(path)
    rows = [(tag, attempt, points.step.tobytes(), points.wall_time.tobytes(), points.value.tobytes()) for tag, points, attempt in strands]
    answer = _Decoded(rows, [(problem.offset, problem.what) for problem in problems])
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def _row_groups(path: str, problems: list[Problem]) -> list[list[SealedStrand]]:
    """The points of each row group that can be decoded."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    whole = []
    with pq.ParquetFile(path, page_checksum_verification=True, read_dictionary=["tag"]) as file:
        wanted = [*COLUMNS, *([ATTEMPT] if ATTEMPT in file.schema_arrow.names else [])]
        for group in range(file.num_row_groups):
            try:
                table = file.read_row_group(group, columns=wanted, use_threads=False)
                table.validate(full=True)
                whole.append(_strands_of(table))
            except (*_UNREADABLE, pa.ArrowException) as error:
                rows = file.metadata.row_group(group).num_rows
                at = file.metadata.row_group(group).column(0).data_page_offset
                problems.append(Problem(path, at, f"row group {group} of {rows} points is damaged ({error}); skipped"))
    return whole


def _strands_of(table: Any) -> list[SealedStrand]:
    """The points of `table` by tag and attempt. Raises ValueError when its columns are not those of a sealed file."""
    import pyarrow as pa

    types = [str(kind.value_type if pa.types.is_dictionary(kind) else kind) for kind in table.schema.types]
    if (
        types[:4] != ["string", "int64", "double", "double"]
        or types[4:] not in ([], ["int32"])
        or any(one.null_count for one in table.columns)
    ):
        raise ValueError(f"want columns {COLUMNS} of string, int64, double and double without nulls, got {types}")
    if not table.num_rows:
        return []
    tags = table.column("tag").combine_chunks()
    if hasattr(tags, "chunks"):
        tags = tags.chunk(0)
    codes = _values(tags.indices)
    names = [name.as_py() for name in tags.dictionary]
    step, wall, value = (_column(table, name) for name in COLUMNS[1:])
    attempt = _column(table, ATTEMPT) if len(types) > 4 else np.zeros(len(codes), np.int32)
    starts = np.concatenate(([0], np.flatnonzero((np.diff(codes) != 0) | (np.diff(attempt) != 0)) + 1, [len(codes)])).tolist()
    return [
        SealedStrand(names[codes[start]], Points(step[start:stop], wall[start:stop], value[start:stop]), int(attempt[start]))
        for start, stop in pairwise(starts)
    ]


def _column(table: Any, name: str) -> Any:
    return np.concatenate([_values(part) for part in table.column(name).chunks])


def _values(array: Any) -> Any:
    """The values of an Arrow array of numbers without nulls, where they lie; ``to_numpy`` would import pandas, half a second, and
    some versions of Arrow do so too when they are asked for NumPy's name of a type."""
    name = str(array.type)
    dtype = np.dtype({"double": "float64", "float": "float32"}.get(name, name))
    return np.frombuffer(array.buffers()[1], dtype, count=len(array), offset=array.offset * dtype.itemsize)


def _joined(parts: list[Points]) -> Points:
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.step for part in parts]),
        np.concatenate([part.wall_time for part in parts]),
        np.concatenate([part.value for part in parts]),
    )


if __name__ == "__main__":
    _answer(sys.argv[1])
