"""Tables and texts as the board asks for them: sorted, filtered and compared on the server, searched over all steps, kept as files."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import crossboard as cb
from asking import asking
from crossboard.dashboard.replies import Refused
from crossboard.dashboard.table_diff import diff
from crossboard.dashboard.table_views import Chosen, csv_lines, rows_of, safe_cell
from crossboard.dashboard.text_search import Cursor, search
from crossboard.store.records import TextPoint
from crossboard.store.source import Placed

numbers = st.lists(st.one_of(st.none(), st.floats(width=32), st.integers(-5, 5).map(float)), max_size=30)
words = st.lists(st.one_of(st.none(), st.text("abcA é", max_size=4)), max_size=30)


# ------------------------------------------------------------------------------------------------- sort and filter


@given(cells=st.one_of(numbers, words), down=st.booleans())
def test_a_sorted_table_holds_every_row_once_in_order_ties_as_logged_and_what_has_no_value_last(cells: list[Any], down: bool) -> None:
    kind = pa.string() if any(isinstance(one, str) for one in cells) else pa.float64()
    order = rows_of(pa.table({"v": pa.array(cells, kind)}), Chosen(sort="v", down=down), {}).tolist()
    assert sorted(order) == list(range(len(cells)))
    void = [one is None or one != one for one in cells]
    there = [place for place in order if not void[place]]
    assert order == there + [place for place in range(len(cells)) if void[place]]
    values = sorted({cells[place] for place in there}, reverse=down)
    assert there == [place for value in values for place in sorted(there) if cells[place] == value]


@given(cells=numbers, bound=st.integers(-5, 5))
def test_a_comparison_means_what_it_says_and_never_a_cell_without_a_number(cells: list[Any], bound: int) -> None:
    table = pa.table({"v": pa.array(cells, pa.float64())})
    value = [math.nan if one is None else one for one in cells]
    for text, wanted in (
        (f"> {bound}", [one > bound for one in value]),
        (f"<={bound}", [one <= bound for one in value]),
        (f"{bound}..{bound + 2}", [bound <= one <= bound + 2 for one in value]),
    ):
        assert rows_of(table, Chosen(filters=(("v", text),)), {}).tolist() == [place for place, stays in enumerate(wanted) if stays]


def test_words_are_all_held_case_aside_and_minus_leaves_out() -> None:
    table = pa.table({"name": ["Alpha one", "beta", None, "alpha two"], "n": [1, 22, 3, 4], "kinds": [["a"], ["b"], [], None]})
    assert rows_of(table, Chosen(words="alpha"), {}).tolist() == [0, 3]
    assert rows_of(table, Chosen(words="alpha -two"), {}).tolist() == [0]
    assert rows_of(table, Chosen(filters=(("name", "none"),)), {}).tolist() == [2]
    assert rows_of(table, Chosen(filters=(("n", "2"), ("name", "bet"))), {}).tolist() == [1]
    assert rows_of(table, Chosen(sort="kinds"), {}).tolist() == [0, 1, 2, 3]
    with pytest.raises(Refused, match=r"'no': the table has none"):
        rows_of(table, Chosen(sort="no"), {})


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), max_size=5))
def test_no_cell_of_a_csv_file_is_a_formula_and_all_else_reads_back(rows: list[list[str]]) -> None:
    text = b"".join(csv_lines(["=a", "b"], iter([rows]))).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))[1:]
    kept = [[one.replace("\r\n", "\n") for one in row] for row in read]
    for row, told in zip(rows, kept, strict=True):
        for cell, got in zip(row, told, strict=True):
            assert got in (cell.replace("\r\n", "\n"), "'" + cell.replace("\r\n", "\n"))
            assert not got.startswith(("=", "@", "\t", "\r"))
    assert [safe_cell(one) for one in ("=1+1", "-1.5", "-x", "+cmd", 3, -2.5)] == ["'=1+1", "-1.5", "'-x", "'+cmd", 3, -2.5]


# ------------------------------------------------------------------------------------------------------------ diff


@given(before=st.dictionaries(st.integers(0, 9), st.integers(0, 2)), after=st.dictionaries(st.integers(0, 9), st.integers(0, 2)))
def test_a_diff_names_every_key_once_and_turns_the_earlier_table_into_the_later(before: dict[int, int], after: dict[int, int]) -> None:
    def table(rows: dict[int, int]) -> pa.Table:
        return pa.table({"id": pa.array(list(rows), pa.int64()), "v": pa.array(list(rows.values()), pa.int64())})

    found = diff(table(before), table(after), key="id", media={})
    told: dict[str, set[int]] = {"added": set(), "removed": set(), "changed": set(), "same": set()}
    for row in found.rows:
        told[row.kind].add(list(after)[row.after] if row.after is not None else list(before)[row.before or 0])
    both = before.keys() & after.keys()
    assert told["added"] == after.keys() - before.keys()
    assert told["removed"] == before.keys() - after.keys()
    assert told["changed"] == {key for key in both if before[key] != after[key]}
    assert told["same"] == {key for key in both if before[key] == after[key]}
    assert sum(found.counts.values()) == len(before.keys() | after.keys())


def test_repeated_keys_are_compared_in_order_and_said_nan_is_nan_and_a_truth_is_no_number() -> None:
    before = pa.table({"k": ["a", "a", "b"], "v": [1.0, 2.0, math.nan], "t": [True, True, True], "old": [0, 0, 0]})
    after = pa.table({"new": [0, 0, 0, 0], "k": ["b", "a", "a", "a"], "v": [math.nan, 1.0, 3.0, 4.0], "t": [1, 1, 1, 1]})
    found = diff(before.select(["k", "v", "old"]), after.select(["k", "v", "new"]), key="k", media={})
    assert [(row.kind, row.before, row.after, row.changed) for row in found.rows] == [
        ("same", 2, 0, ()),
        ("same", 0, 1, ()),
        ("changed", 1, 2, (1,)),
        ("added", None, 3, ()),
    ]
    assert (found.repeated, found.lost, found.gained) == ((1, 2), ["old"], ["new"])
    assert {row.kind for row in diff(before, after, key="k", media={}).rows} == {"changed", "added"}


# ---------------------------------------------------------------------------------------------------------- search


@given(
    texts=st.lists(st.lists(st.text("abA", max_size=6), max_size=3), max_size=12),
    words=st.text("abA", min_size=1, max_size=2),
    limit=st.integers(1, 4),
    most=st.integers(1, 30),
)
def test_pages_of_a_search_together_hold_each_hit_once(texts: list[list[str]], words: str, limit: int, most: int) -> None:
    def placed(run: str, _tag: str) -> list[Placed]:
        half = texts[: len(texts) // 2] if run == "a" else texts[len(texts) // 2 :]
        return [Placed(TextPoint(tag="t", step=i, wall_time=0.0, texts=one), "", 0, 0) for i, one in enumerate(half)]

    hits: list[tuple[str, int, int]] = []
    begin: Cursor | None = None
    for _ in range(100):
        page = search([("a", "t"), ("b", "t")], placed, words, limit=limit, begin=begin, most_read=most)
        hits += [(hit["run"], hit["place"], hit["count"]) for hit in page.hits]
        assert len(page.hits) <= limit
        for hit in page.hits:
            text = placed(hit["run"], "t")[hit["place"]].record.texts[hit["text"]]
            assert text[hit["start"] :].startswith(hit["found"] + hit["after"])
        begin = page.end
        if begin is None:
            break
    low = words.lower()
    half = len(texts) // 2
    wanted = [
        ("a" if i < half else "b", i if i < half else i - half, sum(t.lower().count(low) for t in one)) for i, one in enumerate(texts)
    ]
    assert hits == [one for one in wanted if one[2]]


# ---------------------------------------------------------------------------------------------------------- routes


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("runs")
    for name in ("one", "two"):
        run = cb.init(dir=root, project="p", name=name)
        for step in (0, 10):
            rows = [
                [i, f"={name}" if i == 3 else f"c{i % 7}", float(i * (1 + step)), cb.Image(np.full((2, 2), i % 3 / 2))]
                for i in range(20 + step)
            ]
            run.log(
                {"preds": cb.Table(columns=["id", "label", "score", "picture"], data=rows), "say": cb.Text(f"{name} SAYS {step}")},
                step=step,
            )
        run.finish()
    with asking(root) as client:
        yield client


def keys(client: TestClient) -> list[str]:
    return [run["key"] for run in sorted(client.get("/api/runs").json()["runs"], key=lambda run: run["name"])]


def test_windows_come_sorted_and_filtered_and_say_which_rows_they_are(client: TestClient) -> None:
    one, _ = keys(client)
    asked: dict[str, Any] = {
        "run": one,
        "tag": "preds",
        "place": 1,
        "sort": "score",
        "down": 1,
        "column": "label",
        "filter": "c1",
        "limit": 2,
        "offset": 1,
    }
    told = client.get("/api/table", params=asked).json()
    assert (told["total"], told["matching"], told["at"]) == (30, 5, [22, 15])
    assert [row[0] for row in told["rows"]] == [22, 15]
    assert told["rows"][0][3]["blob"]["url"].startswith("api/blob/")
    assert client.get("/api/table", params={**asked, "sort": "no"}).status_code == 400
    assert client.get("/api/table", params={**asked, "column": ["a", "b"]}).status_code == 400


def test_what_is_shown_is_kept_as_csv_without_formulas_or_as_json(client: TestClient) -> None:
    one, _ = keys(client)
    asked: dict[str, Any] = {"run": one, "tag": "preds", "place": 0, "sort": "id", "down": 1, "all": 1, "words": "one c2"}
    answer = client.get("/api/table", params={**asked, "words": "=one", "format": "csv"})
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.text.splitlines()[1].startswith("3,'=one,3.0,api/blob/")
    told = json.loads(client.get("/api/table", params={**asked, "words": "c2"}).text)
    assert [row[0] for row in told["rows"]] == [16, 9, 2]
    assert [one["name"] for one in told["columns"]] == ["id", "label", "score", "picture"]


def test_two_runs_or_two_steps_are_compared_by_the_column_that_names_rows(client: TestClient) -> None:
    one, two = keys(client)
    told = client.get("/api/table-diff", params={"run": one, "tag": "preds", "place": 0, "to_place": 1}).json()
    assert (told["key"], told["counts"]) == ("id", {"added": 10, "removed": 0, "changed": 19, "same": 1})
    changed = told["rows"][0]
    assert (changed["change"], changed["was"], changed["cells"][2]) == ("changed", {"2": 1.0}, 11.0)
    told = client.get("/api/table-diff", params={"run": one, "tag": "preds", "place": 0, "to_run": two}).json()  # to its newest
    assert told["counts"]["added"] == 10
    told = client.get("/api/table-diff", params={"run": one, "tag": "preds", "place": 0, "to_run": two, "to_place": 0}).json()
    assert [(row["cells"][1], row["was"]) for row in told["rows"]] == [("=two", {"1": "=one"})]  # the pictures are the same in either run
    lines = client.get(
        "/api/table-diff", params={"run": one, "tag": "preds", "place": 0, "to_run": two, "to_place": 0, "format": "csv"}
    ).text
    assert lines.splitlines()[1].startswith("changed,3,'=two,'=one,")
    refused = client.get("/api/table-diff", params={"run": one, "tag": "preds", "key": "no"})
    assert refused.status_code == 400
    assert "both have id, label" in refused.json()["next"]


def test_words_are_found_in_all_steps_of_the_runs_that_are_named_page_by_page(client: TestClient) -> None:
    one, two = keys(client)
    told = client.get("/api/texts", params={"words": "says", "run": [two, one], "limit": 3}).json()
    assert [(hit["run"], hit["step"], hit["before"], hit["found"]) for hit in told["hits"]] == [
        (two, 0, "two ", "SAYS"),
        (two, 10, "two ", "SAYS"),
        (one, 0, "one ", "SAYS"),
    ]
    told = client.get("/api/texts", params={"words": "says", "run": [two, one], "limit": 3, **told["next"]}).json()
    assert ([hit["step"] for hit in told["hits"]], told["next"]) == ([10], None)
    assert client.get("/api/texts", params={"words": ""}).status_code == 400
    assert client.get("/api/texts", params={"words": "two says 10", "format": "csv"}).text.count("\n") == 2
