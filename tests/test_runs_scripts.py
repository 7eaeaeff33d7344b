"""The Runs page's scripts where they need no page: the view in the URL, groups and their aggregates, order, the query's completion,
and the table on the wire."""

from __future__ import annotations

import importlib.util
import statistics
import sys
from base64 import b64encode
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.dashboard.run_columns import MISSING, Column
from crossboard.dashboard.run_table import encoded


def load(name: str) -> ModuleType:
    """A module of this folder."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


SCRIPTS = load("test_assets")
run_js = SCRIPTS.run_js
pytestmark = pytest.mark.skipif(SCRIPTS.NODE is None, reason="Node.js is not installed; it runs the page's scripts without a browser")


# -------------------------------------------------------------------------------------------------- the view's link


def test_a_view_of_the_table_survives_its_own_link() -> None:
    search = (
        "?page=runs&q=lr < 0.1 and `my loss`.min > 2&col=*name&col=config.a%26b&col=metric.val/acc.max&order=-metric.val/acc.max&order=name"
    )
    search += (
        '&filter=config.lr={"filterType":"number","type":"lessThan","filter":0.1}&by=config.opt&by=group&agg=median&shut=adam&archived=1'
    )
    once = run_js("cb.view.format(cb.view.parse(search))", search=search)
    assert run_js("cb.view.format(cb.view.parse(search))", search=once) == once
    table = run_js("cb.view.parse(search).table", search=once)
    assert table["q"] == "lr < 0.1 and `my loss`.min > 2"
    assert table["cols"] == ["*name", "config.a&b", "metric.val/acc.max"]
    assert table["order"] == [["metric.val/acc.max", "desc"], ["name", "asc"]]
    assert table["filter"] == {"config.lr": {"filterType": "number", "type": "lessThan", "filter": 0.1}}
    assert (table["by"], table["agg"], table["shut"], table["archived"]) == (["config.opt", "group"], "median", ["adam"], True)


def test_a_damaged_link_opens_the_table_as_it_is_by_itself() -> None:
    damaged = "?page=runs&filter=a&filter=a={no&agg=mode&order=-&col=*&by=&archived=yes"
    assert run_js("cb.view.format(cb.view.parse(search))", search=damaged) == "?page=runs"
    assert run_js("cb.view.format(cb.view.parse('?q=lr&by=x'))") == ""  # on the charts they mean nothing


# ----------------------------------------------------------------------------------------------------------- groups

FINITE = st.floats(-1e6, 1e6)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(FINITE, st.sampled_from(["NaN", "Infinity", "x", None])), max_size=12))
def test_an_aggregate_is_that_of_the_finite_numbers(cells: list[Any]) -> None:
    words = "(v => v === 'NaN' ? NaN : v === 'Infinity' ? Infinity : v === null ? undefined : v)"
    told = run_js(f"cb.runGroups.aggregate(cells.map({words}))", cells=cells)
    finite = [cell for cell in cells if isinstance(cell, float)]
    assert told["n"] == len(finite)
    assert told["left"] == sum(cell in ("NaN", "Infinity") for cell in cells if isinstance(cell, str))
    if finite:
        assert told["mean"] == pytest.approx(statistics.fmean(finite), rel=1e-9, abs=1e-6)
        assert told["median"] == statistics.median(finite)
        assert (told["min"], told["max"]) == (min(finite), max(finite))
        if len(finite) > 1:
            assert told["std"] == pytest.approx(statistics.stdev(finite), rel=1e-6, abs=1e-5)
        else:
            assert told["std"] == "NaN"  # of one number nobody knows


def test_a_group_shows_what_all_share_or_how_many_values_there_are() -> None:
    assert run_js("cb.runGroups.summary(['a', undefined, 'a'], true)") == {"kind": "same", "value": "a"}
    assert run_js("cb.runGroups.summary([10, 9, 10], true)") == {"kind": "many", "count": 2, "values": [9, 10]}
    assert run_js("cb.runGroups.summary([undefined, undefined], true)") is None


def test_runs_are_grouped_by_several_columns_in_natural_order_missing_last() -> None:
    rows = [{"a": "x10", "b": 2}, {"a": "x9", "b": 1}, {"b": 1}, {"a": "x9", "b": 1}]
    found = run_js("cb.runGroups.grouped(rows, ['a', 'b'], (row, id) => row[id]).map(one => [one.label, one.members.length])", rows=rows)
    assert found == [["x9 · 1", 2], ["x10 · 2", 1], ["none · 1", 1]]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.one_of(FINITE, st.sampled_from(["NaN", "missing", "b", "a10", "a9"])), max_size=10), st.booleans())
def test_numbers_come_before_texts_and_what_is_missing_last_whichever_way(cells: list[Any], down: bool) -> None:
    words = "(v => v === 'NaN' ? NaN : v === 'missing' ? undefined : v)"
    ordered = f"cells.map({words}).sort((a, b) => {{ const way = cb.runGroups.compare(a, b, down); return down ? -way : way; }})"
    told = run_js(f"{ordered}.map(v => v === undefined ? 'missing' : v)", cells=cells, down=down)
    assert told[len(told) - cells.count("missing") :] == ["missing"] * cells.count("missing")
    rest = told[: len(told) - cells.count("missing")]
    assert rest[len(rest) - cells.count("NaN") :] == ["NaN"] * cells.count("NaN")
    numbers = [one for one in told if isinstance(one, (int, float))]
    assert numbers == sorted(numbers, reverse=down)


# ------------------------------------------------------------------------------------------------------------ query

ABOUT = [
    {"id": "status", "group": "run", "name": "status"},
    {"id": "config.lr", "group": "config", "name": "lr"},
    {"id": "config.optimizer.name", "group": "config", "name": "optimizer.name"},
    {"id": "config.my key", "group": "config", "name": "my key"},
    {"id": "metric.val/acc.max", "group": "metric", "name": "val/acc", "statistic": "max"},
    {"id": "metric.val/acc.best", "group": "metric", "name": "val/acc", "statistic": "best"},
]


def completed(text: str, values: list[str] | None = None) -> list[str]:
    call = "cb.runQuery.completions(text, text.length, cb.runQuery.fields(about), () => values).list.map(one => one.insert)"
    return list(run_js(call, text=text, about=ABOUT, values=values or []))


def test_a_field_is_completed_from_what_runs_have() -> None:
    assert completed("opt") == ["optimizer.name"]
    assert completed("lr < 0.1 and acc") == [
        "val/acc",
        "val/acc.max",
        "val/acc.min",
        "val/acc.best",
        "val/acc.last",
        "val/acc.count",
        "val/acc.last_step",
    ]
    assert completed("`my") == ["`my key`"]
    assert completed("lr < ") == []


def test_a_value_is_completed_from_those_that_the_field_has() -> None:
    assert completed("optimizer.name = a", ["adam", "adamw", "sgd"]) == ["adam", "adamw"]
    assert completed("optimizer.name = ", ["a b", "sgd"]) == ['"a b"', "sgd"]


# ------------------------------------------------------------------------------------------------------ on the wire

PARSE = (
    "cb.runRows.parse((bytes => bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))(Buffer.from(body, 'base64')))"
)
CELL = st.one_of(
    st.just(MISSING),
    st.floats(),
    st.integers(-(2**52), 2**52),
    st.text(max_size=4),
    st.booleans(),
    st.lists(st.text(max_size=2), max_size=2),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(CELL, st.floats()), max_size=6))
def test_the_page_reads_the_cells_that_the_server_wrote(rows: list[tuple[Any, float]]) -> None:
    made = [Column.of("a", [row[0] for row in rows]), Column.of("b", [row[1] for row in rows])]
    body = b64encode(encoded({"runs": [f"run {place}" for place in range(len(rows))], "there": ["a", "b"]}, made)).decode()
    cells = run_js(f"(t => [...t.columns.values()].map(one => one.map(v => v === undefined ? null : v)))({PARSE})", body=body)
    for column, got in zip(made, cells, strict=True):
        for one, other in zip(column.cells(), got, strict=True):
            numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in (one, other))
            assert float(one) == float(other) if numbers else one == other


def test_rows_keep_their_identity_while_runs_come_change_and_go() -> None:
    script = """(() => {
      const table = new cb.runRows.Rows(), answer = (version, runs, values, removed = []) => (
        {version, runs, removed, complete: true, there: ['a'], columns: new Map([['a', values]])});
      table.take(answer(1, ['x', 'y'], [1, 2]), true, 1);
      const x = table.byKey.get('x'), news = table.take(answer(2, ['x', 'z'], [5, 7], ['y']), false, 2);
      const keys = rows => rows.map(row => row.run);
      return [table.byKey.get('x') === x, table.cell(x, 'a'), keys(news.added), keys(news.changed), keys(news.removed), table.version,
        table.cell(table.byKey.get('z'), 'a')];
    })()"""
    assert run_js(script) == [True, 5, ["z"], ["x"], ["y"], 2, 7]


def test_a_body_that_is_cut_short_is_an_error() -> None:
    body = encoded({"runs": ["a"], "there": []}, [Column.of("a", [1.0])])[:-1]
    said = run_js(f"(() => {{ try {{ {PARSE}; return ''; }} catch (error) {{ return error.message; }} }})()", body=b64encode(body).decode())
    assert "column a ends at number 1 of 0" in said
