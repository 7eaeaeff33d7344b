"""Export: every point of every attempt as one long table, CSV or Parquet.

    project, run, attempt, rank, tag, step, wall_time, value

`run` is the run's id (names are not unique). Rows come series by series in the order of tag, run and rank, within a series by attempt
and writer, within these in order of arrival. CSV: UTF-8, RFC 4180 quoting, "\\n"; floats as Python's repr, which reads back to the same
float64, non-finite ones as nan, inf, -inf. Parquet: project, run, tag string (dictionary), attempt, rank int32, step int64, wall_time,
value float64. One strand is in memory at a time. The file appears under its name when it is whole.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from .errors import BadQuery
from .kinds import Kind, Points, RunInfo
from .runquery import choose
from .store import Store

Format = Literal["csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("csv", "parquet")
COLUMNS: Final = ("project", "run", "attempt", "rank", "tag", "step", "wall_time", "value")
CHUNK_ROWS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: counts, and the path."""

    path: str
    runs: int
    series: int
    points: int

    def __str__(self) -> str:
        return f"{self.points:,} points of {self.series:,} series in {self.runs:,} runs -> {self.path}"


@dataclass(frozen=True, slots=True)
class _Stretch:
    run: RunInfo
    attempt: int
    rank: int
    tag: str
    points: Points


def export(
    store: Store,
    output: str | os.PathLike[str],
    *,
    format: Format = "csv",  # noqa: A002 - the command line's word
    runs: str = "",
    tags: str = "",
) -> Exported:
    """Write the scalar points of `store` to `output`, over an old file of that name.

    Args:
        runs: run query (`runquery`); empty: all runs.
        tags: regular expression that is searched in the tag; empty: all tags.

    Raises:
        BadQuery: `runs` or `tags` does not parse.
        OSError: the file cannot be written.
    """
    if format not in FORMATS:
        raise ValueError(f"format: want one of {', '.join(FORMATS)}, got {format!r}")
    pattern = tag_pattern(tags)
    chosen = {run.key: run for run in choose(store.runs(), runs, metrics=store.metrics)}
    path = os.path.abspath(os.fspath(output))
    temporary = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}.tmp")
    seen: set[str] = set()
    series = points = 0

    def stretches() -> Iterator[_Stretch]:
        nonlocal series, points
        for one in store.series(kind=Kind.SCALAR):
            if one.key.run not in chosen or not pattern.search(one.key.tag):
                continue
            seen.add(one.key.run)
            series += 1
            for attempt, _, found in store.strands(one.key):
                for start in range(0, len(found), CHUNK_ROWS):
                    part = found[start : start + CHUNK_ROWS]
                    points += len(part)
                    yield _Stretch(chosen[one.key.run], attempt, one.key.rank, one.key.tag, part)

    write: Callable[[str, Iterator[_Stretch]], None] = _write_csv if format == "csv" else _write_parquet
    try:
        write(temporary, stretches())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return Exported(path, len(seen), series, points)


def tag_pattern(tags: str) -> re.Pattern[str]:
    """`tags` as the regular expression that is searched in tags. Raises BadQuery with the place marked where it is none."""
    try:
        return re.compile(tags)
    except re.error as error:
        raise BadQuery(f"tags: no regular expression: {error.msg}\n  {tags}\n  {' ' * (error.pos or 0)}^") from None


def _fields(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _write_csv(path: str, stretches: Iterator[_Stretch]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        for one in stretches:
            head = _fields([one.run.project, one.run.id, str(one.attempt), str(one.rank), one.tag]) + ","
            points = one.points
            file.writelines(
                f"{head}{step},{wall!r},{value!r}\n"
                for step, wall, value in zip(points.step.tolist(), points.wall_time.tolist(), points.value.tolist(), strict=True)
            )


def _write_parquet(path: str, stretches: Iterator[_Stretch]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        [
            ("project", pa.string()),
            ("run", pa.string()),
            ("attempt", pa.int32()),
            ("rank", pa.int32()),
            ("tag", pa.string()),
            ("step", pa.int64()),
            ("wall_time", pa.float64()),
            ("value", pa.float64()),
        ]
    )

    def table(group: list[_Stretch]) -> Any:
        def repeated(of: Callable[[_Stretch], Any], kind: Any) -> Any:
            return pa.concat_arrays([pa.repeat(pa.scalar(of(one), kind), len(one.points)) for one in group])

        def joined(name: str) -> Any:
            return pa.array(np.concatenate([np.ascontiguousarray(getattr(one.points, name)) for one in group]))

        columns = [
            repeated(lambda one: one.run.project, pa.string()),
            repeated(lambda one: one.run.id, pa.string()),
            repeated(lambda one: one.attempt, pa.int32()),
            repeated(lambda one: one.rank, pa.int32()),
            repeated(lambda one: one.tag, pa.string()),
            *(joined(name) for name in ("step", "wall_time", "value")),
        ]
        return pa.Table.from_arrays(columns, schema=schema)

    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        group: list[_Stretch] = []
        rows = 0
        for one in stretches:
            group.append(one)
            rows += len(one.points)
            if rows >= CHUNK_ROWS:
                writer.write_table(table(group))
                group, rows = [], 0
        if group:
            writer.write_table(table(group))
