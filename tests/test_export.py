"""An export holds every point of every attempt and reads back to the same numbers."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import BadQuery
from crossboard.store.export import COLUMNS, export
from crossboard.store.kinds import Points
from crossboard.store.source import Batch, FoundRun, Strand

VALUES = [0.1, math.nan, math.inf, -math.inf, 5e-324, 1 / 3]


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(memory=True)
    for name in ("a", "b"):
        points = Points(np.array([-1, 5, 5, 2, 2**62, 0]), 1e9 + np.arange(6) / 7, np.array(VALUES))
        strands = [
            Strand("loss", 0, 1, "w1", points),
            Strand("loss", 0, 2, "w2", points[:2]),
            Strand("loss", 3, 1, "w3", points[:1]),
            Strand('odd, "tag"\n', 0, 1, "w1", points[:1]),
        ]
        store.append(FoundRun(f"t:{name}", "", "demo, project", name, "same name", 0.0), Batch(b"", strands), source="t")
    return store


def rows(path: Path) -> list[tuple[object, ...]]:
    with path.open(newline="") as file:
        head, *body = csv.reader(file)
    assert tuple(head) == COLUMNS
    return [(p, r, int(a), int(k), t, int(s), float(w), float(v)) for p, r, a, k, t, s, w, v in body]


def test_csv_is_long_and_has_all_attempts_with_every_bit(store: EmbeddedStore, tmp_path: Path) -> None:
    told = export(store, tmp_path / "out.csv")
    assert (told.runs, told.series, told.points) == (2, 6, 20)
    got = rows(tmp_path / "out.csv")
    assert len(got) == 20
    first = [row for row in got if row[1] == "a" and row[4] == "loss" and row[3] == 0 and row[2] == 1]
    assert [row[5] for row in first] == [-1, 5, 5, 2, 2**62, 0]
    assert repr([row[7] for row in first]) == repr(VALUES)
    assert [row[6] for row in first] == (1e9 + np.arange(6) / 7).tolist()
    assert [row[2] for row in got if row[1] == "a" and row[4] == "loss" and row[3] == 0] == [1] * 6 + [2] * 2
    assert {row[4] for row in got} == {"loss", 'odd, "tag"\n'}


def test_csv_writes_what_is_not_finite_as_nan_and_inf(store: EmbeddedStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out.csv")
    text = (tmp_path / "out.csv").read_text()
    assert ",nan\n" in text
    assert ",inf\n" in text
    assert ",-inf\n" in text


def test_parquet_holds_the_same_rows_with_types(store: EmbeddedStore, tmp_path: Path) -> None:
    export(store, tmp_path / "out.csv")
    told = export(store, tmp_path / "out.parquet", format="parquet")
    assert told.points == 20
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.schema.names == list(COLUMNS)
    assert [table.schema.field(name).type for name in ("attempt", "rank", "step", "wall_time", "value")] == [
        *(pa.int32(), pa.int32(), pa.int64(), pa.float64(), pa.float64()),
    ]
    got = [tuple(row[name] for name in COLUMNS) for row in table.to_pylist()]
    assert repr(got) == repr(rows(tmp_path / "out.csv"))


def test_runs_and_tags_are_chosen(store: EmbeddedStore, tmp_path: Path) -> None:
    told = export(store, tmp_path / "out.csv", runs="id = b", tags="^lo")
    assert (told.runs, told.series, told.points) == (1, 2, 9)
    assert {row[1] for row in rows(tmp_path / "out.csv")} == {"b"}


def test_nothing_chosen_is_a_file_without_rows(store: EmbeddedStore, tmp_path: Path) -> None:
    assert export(store, tmp_path / "out.csv", runs="none-such").points == 0
    assert rows(tmp_path / "out.csv") == []
    export(store, tmp_path / "out.parquet", runs="none-such", format="parquet")
    assert pq.read_table(tmp_path / "out.parquet").num_rows == 0


def test_an_export_that_fails_leaves_the_old_file(store: EmbeddedStore, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    with pytest.raises(BadQuery, match="tags: no regular expression"):
        export(store, tmp_path / "out.csv", tags="(")
    assert (tmp_path / "out.csv").read_text() == "old"
    with pytest.raises(OSError, match="none"):
        export(store, tmp_path / "none" / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]
