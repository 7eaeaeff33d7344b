"""The table of runs: its columns, its rows in every format, what changed, which runs a query means."""

from __future__ import annotations

import csv
import io
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from crossboard.dashboard import columns
from crossboard.dashboard.app import create_app
from crossboard.dashboard.run_columns import MISSING, Column, Rows, cells_of, described, leaves
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Points
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import ConfigSet, Ended, MetricDefined, Opened, SummarySet
from crossboard.store.source import Batch, FoundRun, Placed, Strand

A, B = "native:/r/p/a", "native:/r/p/ü b"
NAN = math.nan


def strand(tag: str, values: list[float], *, first: int = 0) -> Strand:
    steps = np.arange(first, first + len(values), dtype=np.int64)
    return Strand(tag, 0, 1, "w", Points(steps, (1e9 + steps).astype(np.float64), np.array(values, np.float64)))


def put(
    store: EmbeddedStore, key: str, *strands: Strand, records: tuple[Any, ...] = (), created: float = 1e9, source: str = "native"
) -> None:
    path = key.partition(":")[2]
    name = path.rpartition("/")[2]
    run = FoundRun(key, path, "p", name, name, created, tags=("x", "y") if key == A else ())
    store.append(run, Batch(b"", list(strands), [Placed(record, "w", 1, 0) for record in records]), source="native")


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(memory=True)
    goal = MetricDefined(wall_time=1e9, tag="acc", goal="max", unit="%")
    opened = Opened(version=1, writer="w", attempt=1, rank=0, wall_time=1e9, process=ProcessIdentity(host="h"))
    config = {"lr": 0.5, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}, "flip": True, "same": "s", "none": None, "big": 2**60}
    ended = Ended(wall_time=1e9 + 90, status="finished")
    put(
        store,
        A,
        strand("acc", [1, 3, 2]),
        strand("loss", [NAN, NAN]),
        records=(opened, ConfigSet(wall_time=1e9, config=config), goal, ended),
    )
    other = {"lr": 1, "optimizer": {"name": "sgd"}, "same": "s"}
    put(
        store,
        B,
        strand("acc", [5]),
        records=(ConfigSet(wall_time=1e9, config=other), SummarySet(wall_time=1e9, summary={"k": 7})),
        created=2e9,
    )
    return store


@pytest.fixture
def client(store: EmbeddedStore) -> Iterator[TestClient]:
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as made:
        yield made


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def told(client: TestClient, **params: Any) -> dict[str, Any]:
    return {one["id"]: one for one in get(client, "/api/runs/columns", **params)["columns"]}


# --------------------------------------------------------------------------------------------------------- columns


def test_there_is_a_column_for_each_config_key_and_each_statistic_of_each_metric(client: TestClient) -> None:
    ids = set(told(client))
    assert {"config.lr", "config.optimizer.name", "config.optimizer.betas", "config.flip", "summary.k", "name", "status", "tags"} <= ids
    assert {f"metric.acc.{one}" for one in ("last", "min", "max", "best", "last_step", "min_step", "max_step", "best_step", "count")} <= ids
    assert "metric.loss.min" not in ids  # it never had a number
    assert "metric.loss.last" in ids


def test_a_column_says_how_many_runs_have_it_and_what_all_have(client: TestClient) -> None:
    about = told(client)
    assert about["config.same"]["equal"] == "s"
    assert "equal" not in about["config.lr"]
    assert (about["config.flip"]["filled"], about["config.flip"]["distinct"], "equal" in about["config.flip"]) == (1, 1, False)
    assert (about["config.lr"]["numeric"], about["config.optimizer.name"]["numeric"], about["config.flip"]["numeric"]) == (
        True,
        False,
        False,
    )
    assert (about["metric.acc.max"]["unit"], about["metric.acc.max"]["name"], about["metric.acc.max"]["statistic"]) == ("%", "acc", "max")
    assert told(client, query="lr = 1")["config.lr"]["equal"] == 1


def test_the_columns_have_a_csv_twin(client: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(client.get("/api/runs/columns?format=csv").text)))
    assert {row["id"]: row["equal"] for row in rows}["config.same"] == "s"


# ------------------------------------------------------------------------------------------------------------ rows


def decode(body: bytes) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """What the page reads: the head, and the cells of each column."""
    length, zero = struct.unpack_from("<II", body)
    assert (zero, length % 8) == (0, 0)
    head = json.loads(body[8 : 8 + length])
    floats, n = np.frombuffer(body, "<f8", offset=8 + length), len(head["runs"])
    cells = {}
    for one in head["columns"]:
        values = floats[one["at"] : one["at"] + n].tolist()
        nan = one.get("nan", [])
        cells[one["id"]] = [
            ("NaN" if place in nan else None) if value != value else one["texts"][int(value)] if "texts" in one else value
            for place, value in enumerate(values)
        ]
    return head, cells


def test_binary_json_and_csv_hold_the_same(client: TestClient) -> None:
    ids = ["name", "config.lr", "config.optimizer.betas", "config.flip", "config.big", "metric.acc.max_step", "metric.loss.last", "tags"]
    query: list[tuple[str, Any]] = [("column", one) for one in ids]
    as_json = client.get("/api/runs/table", params=query).json()
    cells = {one["id"]: one["values"] for one in as_json["columns"]}
    assert as_json["runs"] == [A, B]
    assert cells["config.lr"] == [0.5, 1]
    assert cells["config.optimizer.betas"] == [[0.9, 0.99], None]
    assert cells["config.flip"] == [True, None]
    assert cells["config.big"] == [str(2**60), None]  # no float64 holds it
    assert cells["metric.acc.max_step"] == [1, 0]
    assert cells["metric.loss.last"] == ["NaN", None]  # diverged is not missing
    head, binary = decode(client.get("/api/runs/table", params=query, headers={"Accept": columns.MEDIA_TYPE}).content)
    assert head["runs"] == [A, B]
    assert binary == cells
    rows = list(csv.reader(io.StringIO(client.get("/api/runs/table", params=[*query, ("format", "csv")]).text)))
    assert rows[0] == ["key", *ids]
    assert rows[1] == [A, "a", "0.5", "[0.9,0.99]", "True", str(2**60), "1", "NaN", '["x","y"]']


def test_without_column_names_every_column_comes(client: TestClient) -> None:
    answer = get(client, "/api/runs/table")
    assert [one["id"] for one in answer["columns"]] == answer["there"] == list(told(client))


def test_a_column_that_no_run_has_is_empty(client: TestClient) -> None:
    assert get(client, "/api/runs/table", column="config.nothing")["columns"] == [{"id": "config.nothing", "values": [None, None]}]


def test_only_what_changed_is_told(client: TestClient, store: EmbeddedStore) -> None:
    version = get(client, "/api/runs/table", column="metric.acc.last")["version"]
    assert get(client, "/api/runs/table", column="metric.acc.last", since=version)["runs"] == []
    put(store, B, strand("acc", [9], first=1), strand("fresh", [1]), created=2e9)
    answer = get(client, "/api/runs/table", column="metric.acc.last", since=version)
    assert (answer["runs"], answer["complete"], answer["columns"][0]["values"]) == ([B], True, [9])
    assert "metric.fresh.last" in answer["there"]
    store.remove(A)
    assert get(client, "/api/runs/table", column="name", since=answer["version"])["removed"] == [A]
    assert get(client, "/api/runs/table", column="name", since=1)["complete"] is False


def test_a_wrong_parameter_is_named(client: TestClient) -> None:
    answer = client.get("/api/runs/table?colum=name")
    assert (answer.status_code, "unknown parameter 'colum'" in answer.json()["error"]) == (400, True)
    assert client.get("/api/runs/table?query=lr+%3C").status_code == 400


# ----------------------------------------------------------------------------------------------------------- query


@pytest.mark.parametrize(
    ("query", "runs"),
    [("", [A, B]), ("lr < 0.7", [A]), ("optimizer.name = sgd", [B]), ("acc.max >= 3 and not tags = x", [B]), ("archived = true", [])],
)
def test_which_runs_a_query_means(client: TestClient, query: str, runs: list[str]) -> None:
    assert get(client, "/api/runs/match", query=query) | {"version": 0} == {"version": 0, "runs": runs, "wrong": None}


def test_where_a_query_does_not_parse_is_told_with_the_parsers_words(client: TestClient) -> None:
    answer = get(client, "/api/runs/match", query="lr < 0.7 and")
    assert answer["runs"] == []
    assert answer["wrong"] == {"at": 12, "what": "the query ends where a field, a word or a bracket is wanted"}
    assert get(client, "/api/runs/match", query='name = "a')["wrong"]["at"] == 7


# ----------------------------------------------------------------------------------------------------------- cells


def test_cells_are_made_anew_only_for_runs_that_changed(store: EmbeddedStore) -> None:
    rows = Rows(store.metrics)
    first = {run.key: rows.of(run) for run in store.runs()}
    assert all(rows.of(run) is first[run.key] for run in store.runs())
    put(store, B, strand("acc", [9], first=1), created=2e9)
    again = {run.key: rows.of(run) for run in store.runs()}
    assert again[A] is first[A]
    assert again[B]["metric.acc.last"] == 9
    rows.forget({A})
    assert rows.of(store.run(B)) is not again[B]


def test_what_is_not_known_is_missing_and_not_zero(store: EmbeddedStore) -> None:
    put(store, "native:/r/p/c", created=NAN)
    run = store.run("native:/r/p/c")
    cells = cells_of(run, {})
    assert not {"started", "duration", "notes", "tags", "framework"} & set(cells)


def test_nested_keys_are_joined_by_dots_and_an_empty_mapping_is_a_value() -> None:
    assert dict(leaves({"a": {"b": 1, "c": {}}, "d.e": 2})) == {"a.b": 1, "a.c": {}, "d.e": 2}


ANY = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers(0, 3), max_size=2), st.just(MISSING)
)


@given(st.lists(ANY, max_size=20))
def test_every_cell_comes_back_whatever_stands_in_a_column(cells: list[Any]) -> None:
    column = Column.of("config.x", cells)
    assert len(column.values) == len(cells)
    for was, now in zip(cells, column.cells(), strict=True):
        if was is MISSING:
            assert now is None
        elif isinstance(was, float) and not math.isfinite(was):
            assert now == ("NaN" if was != was else "Infinity" if was > 0 else "-Infinity")
        elif isinstance(was, int) and not isinstance(was, bool) and abs(was) >= 2**53:
            assert now == str(was)
        else:
            assert now == was
            assert isinstance(now, bool) == isinstance(was, bool)


@given(st.lists(st.dictionaries(st.sampled_from(["config.a", "config.b", "name"]), st.sampled_from([1, 1.0, True, "x", NAN])), max_size=8))
def test_what_is_said_of_a_column_is_so(rows: list[dict[str, Any]]) -> None:
    for one in described(rows, {}):
        having = [row[one["id"]] for row in rows if one["id"] in row]
        assert one["filled"] == len(having)
        if "equal" in one:
            assert len(having) == len(rows)
            assert len({repr(value) if value != value else (type(value) is bool, value) for value in having}) == 1
