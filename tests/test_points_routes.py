"""The data routes of one run, over a root that holds every kind: what each answers, and how a wrong question is answered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from asking import asking, get, keys_of
from crossboard.dashboard.app import create_app
from crossboard.dashboard.heatmap import heatmap_of
from crossboard.dashboard.media import digest_of
from crossboard.dashboard.pages import panes, run
from crossboard.dashboard.pages.parts import ASSETS, page_files
from crossboard.dashboard.projections import projected
from crossboard.dashboard.tensors import array_of, blocks, tensor_json
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import Damaged
from crossboard.store.records import Foreign, HistogramPoint, ImagePoint, Inline, Picture, TablePoint, TensorPoint, TextPoint
from crossboard.store.source import Batch, FoundRun, Placed

EVERY = import_module("every_kind")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    root = tmp_path_factory.mktemp("runs")
    EVERY.make(root, images=600)
    with asking(root) as client:
        yield client


@pytest.fixture(scope="module")
def keys(client: TestClient) -> dict[str, str]:
    return keys_of(client)


def refused(client: TestClient, path: str, status: int, words: str, **params: Any) -> None:
    answer = client.get(f"/api/{path}", params=params)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "next"}
    assert words in answer.json()["error"], answer.json()


def test_the_scripts_of_the_run_page_and_of_the_panes_are_served_but_not_loaded_with_the_charts(client: TestClient) -> None:
    assert "assets/run/" not in client.get("/").text
    assert "assets/panes/" not in client.get("/").text
    files = [*page_files(run.FOLDER), *page_files(panes.FOLDER)]
    assert len(files) == len([*(ASSETS / run.FOLDER).iterdir(), *(ASSETS / panes.FOLDER).iterdir()])
    for file in files:
        answer = client.get("/" + file)
        assert answer.status_code == 200, file
        assert "immutable" in answer.headers["cache-control"]


# --------------------------------------------------------------------------------------------------- which points


def test_the_index_tells_where_points_are_and_nothing_of_what_they_hold(client: TestClient, keys: dict[str, str]) -> None:
    index = get(client, "points", run=keys["first"], tag="samples/denoised", kind="image")
    assert (index["total"], index["first"], index["complete"]) == (20, 0, True)
    assert index["step"] == list(EVERY.STEPS)
    assert index["rank"] == [0] * 20
    assert index["attempt"] == [2] * 20
    assert "points" not in index


def test_what_a_later_attempt_replaced_can_be_told_from_the_index(client: TestClient, keys: dict[str, str]) -> None:
    index = get(client, "points", run=keys["first"], tag="resumed", kind="text")
    assert index["attempts"] == [
        {"rank": 0, "attempt": 1, "first_step": 0, "count": 12},
        {"rank": 0, "attempt": 2, "first_step": 900, "count": 14},
    ]


def test_six_hundred_images_are_an_index_of_a_few_bytes_each_and_contents_come_in_ranges(client: TestClient, keys: dict[str, str]) -> None:
    at = {"run": keys["second"], "tag": "many/images", "kind": "image"}
    answer = client.get("/api/points", params=at)
    assert answer.json()["total"] == 600
    assert len(answer.content) < 600 * 30
    part = get(client, "points", **at, first=590, end=2000)["points"]
    assert [point["place"] for point in part] == list(range(590, 600))
    assert [point["step"] for point in part] == list(range(590, 600))
    assert len(get(client, "points", **at, first=0, end=600)["points"]) == 256
    assert get(client, "points", **at, first=600, end=700)["points"] == []


def found(key: str) -> FoundRun:
    return FoundRun(key, key, "p", key, key, 1e9)


def text(step: int, offset: int, *, attempt: int = 1, words: str = "") -> Placed:
    record = TextPoint(tag="t", step=step, wall_time=1e9 + step, texts=[words or f"at {step}"])
    return Placed(record, f"w{attempt}", attempt, 0, path="records", offset=offset)


@pytest.fixture
def live() -> Iterator[tuple[EmbeddedStore, TestClient]]:
    store = EmbeddedStore(memory=True)
    store.append(found("a"), Batch(b"", records=[text(0, 0), text(1, 100)]), source="native")
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        yield store, client


def test_with_since_only_the_points_that_came_later_are_told(live: tuple[EmbeddedStore, TestClient]) -> None:
    store, client = live
    at = {"run": "a", "tag": "t", "kind": "text"}
    first = get(client, "points", **at)
    assert first["step"] == [0, 1]
    again = get(client, "points", **at, since=first["version"])
    assert (again["first"], again["step"], again["complete"]) == (2, [], True)
    store.append(found("a"), Batch(b"1", records=[text(-7, 200)]), source="native")
    news = get(client, "points", **at, since=first["version"])
    assert (news["first"], news["step"], news["total"]) == (2, [-7], 3)
    assert get(client, "points", **at, since=news["version"])["first"] == 3


def test_an_unknown_version_is_answered_with_everything(live: tuple[EmbeddedStore, TestClient]) -> None:
    _, client = live
    told = get(client, "points", run="a", tag="t", kind="text", since=12345)
    assert (told["complete"], told["first"], told["step"]) == (False, 0, [0, 1])


def test_a_run_that_was_read_anew_is_told_whole(live: tuple[EmbeddedStore, TestClient]) -> None:
    store, client = live
    version = get(client, "points", run="a", tag="t", kind="text")["version"]
    fresh = [text(5, 0, words="another"), text(6, 999), text(7, 1200)]
    store.append(found("a"), Batch(b"2", records=fresh, restart=True), source="native")
    told = get(client, "points", run="a", tag="t", kind="text", since=version)
    assert (told["complete"], told["first"], told["step"]) == (False, 0, [5, 6, 7])
    assert get(client, "points", run="a", tag="t", kind="text", first=0)["points"][0]["texts"] == ["another"]


def test_a_change_of_another_tag_does_not_read_this_one_again(live: tuple[EmbeddedStore, TestClient]) -> None:
    store, client = live
    get(client, "points", run="a", tag="t", kind="text")
    asked: list[str | None] = []
    records = store.records

    def watched(run: str, kind: Any, *, tag: str | None = None, skip: int = 0) -> list[Placed]:
        asked.append(tag)
        return records(run, kind, tag=tag, skip=skip)

    store.records = watched  # type: ignore[method-assign]
    other = Placed(TextPoint(tag="other", step=0, wall_time=1e9, texts=["x"]), "w1", 1, 0, path="records", offset=300)
    store.append(found("a"), Batch(b"3", records=[other]), source="native")
    get(client, "points", run="a", tag="t", kind="text")
    assert asked == []
    store.append(found("a"), Batch(b"4", records=[text(2, 400)]), source="native")
    assert get(client, "points", run="a", tag="t", kind="text")["total"] == 3
    assert asked == ["t"]


def test_long_texts_end_a_reply_early_and_none_is_lost() -> None:
    store = EmbeddedStore(memory=True)
    store.append(found("a"), Batch(b"", records=[text(i, i, words="x" * 3_000_000) for i in range(4)]), source="native")
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        seen: list[int] = []
        while len(seen) < 4:
            points = get(client, "points", run="a", tag="t", kind="text", first=len(seen), end=4)["points"]
            assert 1 <= len(points) <= 2
            seen += [point["place"] for point in points]
    assert seen == [0, 1, 2, 3]


# ------------------------------------------------------------------------------------------------- what they hold


def test_every_kind_tells_its_points_with_blobs_as_urls(client: TestClient, keys: dict[str, str]) -> None:
    series = get(client, "series", run=keys["first"])["series"]
    kinds = {one["kind"] for one in series} - {"scalar"}
    assert len(kinds) == 13
    for one in series:
        if one["kind"] == "scalar":
            continue
        point = get(client, "points", run=keys["first"], tag=one["tag"], kind=one["kind"], first=0)["points"][0]
        assert point["tag"] == one["tag"]
        for blob in blobs_of(point):
            assert set(blob) == {"digest", "media_type", "size", "url"}
            answer = client.get("/" + blob["url"])
            assert answer.status_code == 200, (one["tag"], blob)
            assert len(answer.content) == blob["size"]
            assert EVERY.digest(answer.content) == blob["digest"]
            assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert answer.headers["x-content-type-options"] == "nosniff"


def blobs_of(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "digest" in value and "url" in value:
            yield value
        else:
            for one in value.values():
                yield from blobs_of(one)
    elif isinstance(value, list):
        for one in value:
            yield from blobs_of(one)


def test_bytes_inside_a_record_are_found_again_by_a_board_that_just_started(client: TestClient, keys: dict[str, str]) -> None:
    table = get(client, "table", run=keys["first"], tag="predictions")
    cell = table["rows"][0][1]["blob"]
    with TestClient(create_app(client.app.state.newsroom.store, ask_for_key=False).server, base_url="http://localhost:8123") as fresh:  # type: ignore[attr-defined]
        assert fresh.get("/" + cell["url"]).content[:4] == b"\x89PNG"


def test_bytes_of_another_tool_have_a_name_and_no_type_of_their_own_choice() -> None:
    blob = Foreign("events.out", 10, 20, "text/html; charset=evil")
    assert digest_of(blob) != digest_of(msgspec.structs.replace(blob, offset=11))
    store = EmbeddedStore(memory=True)
    odd = Inline(b"<script>alert(1)</script>", "application/x-shockwave-flash")
    record = ImagePoint(tag="i", step=0, wall_time=1e9, images=[Picture(odd, 1, 1)])
    store.append(found("a"), Batch(b"", records=[Placed(record, "w", 1, 0)]), source="native")
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        told = get(client, "points", run="a", tag="i", kind="image", first=0)["points"][0]["images"][0]["blob"]
        assert told["media_type"] == "application/octet-stream"
        answer = client.get("/" + told["url"])
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment"


def test_rows_of_a_table_come_in_windows_exactly(client: TestClient, keys: dict[str, str]) -> None:
    part = get(client, "table", run=keys["first"], tag="long", offset=2498, limit=10)
    assert (part["total"], part["rows"]) == (2500, [[2498, 2498**2], [2499, 2499**2]])
    assert len(get(client, "table", run=keys["first"], tag="long")["rows"]) == 1000
    rows = get(client, "table", run=keys["first"], tag="predictions")["rows"]
    assert rows[3][5] == str(2**62 + 3)
    assert rows[39][3] == "NaN"
    assert (rows[1][4], rows[1][6]) == (True, None)


def test_a_figure_comes_without_addresses_of_other_places(client: TestClient, keys: dict[str, str]) -> None:
    answer = client.get("/api/figure", params={"run": keys["first"], "tag": "figures/calibration"})
    assert "example.org" not in answer.text.replace("taken_out", "")
    told = answer.json()
    assert told["figure"]["data"][0]["name"] == "sine"
    assert len(told["taken_out"]) == 2
    drawn = get(client, "figure", run=keys["first"], tag="figures/matplotlib")
    assert (drawn["figure"], drawn["picture"]["width"]) == ({}, 300)


def test_what_is_damaged_says_so_and_the_rest_is_read(client: TestClient, keys: dict[str, str]) -> None:
    refused(client, "figure", 422, "no JSON", run=keys["second"], tag="figures/damaged")
    assert get(client, "points", run=keys["second"], tag="figures/damaged", kind="figure")["total"] == 1


def test_a_graph_comes_whole(client: TestClient, keys: dict[str, str]) -> None:
    graph = get(client, "graph", run=keys["first"], tag="graph", place=0)
    scopes, operations, edges = EVERY.graph_records()
    assert (len(graph["scopes"]), len(graph["operations"]), len(graph["edges"])) == (len(scopes), len(operations), len(edges))
    assert graph["operations"][0]["outputs"][0]["shape"] == [None, 1, 28, 28]


def test_an_embedding_comes_as_its_principal_components_with_its_metadata(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "embedding", run=keys["first"], tag="features", place=3)
    assert (told["rows"], told["dimensions"], told["told"], told["left_out"], told["exact"]) == (500, 32, 500, 1, True)
    assert told["x"][7] == "NaN"
    assert [column["name"] for column in told["metadata"]] == ["class", "norm"]
    assert len(get(client, "embedding", run=keys["first"], tag="features", limit=10)["x"]) == 10


def test_a_tensor_tells_statistics_and_a_slice(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "tensor", run=keys["first"], tag="tensors/filters", index="3,2")
    assert (told["shape"], told["slice"]["index"], told["slice"]["rows"], told["slice"]["columns"]) == ([4, 3, 24, 32], [3, 2], 24, 32)
    assert get(client, "tensor", run=keys["first"], tag="tensors/names")["strings"] == ["zero", "one", "two"]
    assert get(client, "tensor", run=keys["first"], tag="tensors/bfloat16")["statistics"]["max"] == 1.0


def test_wrong_questions_are_answered_with_what_was_wanted(client: TestClient, keys: dict[str, str]) -> None:
    key = keys["first"]
    refused(client, "points", 404, "no image series 'nope'", run=key, tag="nope", kind="image")
    refused(client, "points", 400, "kind: got 'scalar'", run=key, tag="train/loss", kind="scalar")
    refused(client, "points", 404, "no run", run="native:/no", tag="t", kind="image")
    refused(client, "points", 400, "unknown parameter 'page'", run=key, tag="notes", kind="text", page=1)
    refused(client, "graph", 404, "place 9: graph series 'graph' has 1 points", run=key, tag="graph", place=9)
    refused(client, "tensor", 400, "index:", run=key, tag="tensors/names", index="1;2")
    refused(client, "heatmap", 400, "share:", run=key, tag="weights/constant", share=0.1)
    refused(client, "table", 404, "names a blob", run=key, digest="0" * 64)
    refused(client, "run", 404, "no run", run="native:/no")


# ------------------------------------------------------------------------------------------------- about the run


def test_a_run_tells_its_processes_attempts_and_files(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "run", run=keys["first"])
    assert [(one["attempt"], one["host"], one.get("status")) for one in told["writers"]] == [(1, "gpu-01", None), (2, "gpu-02", "finished")]
    assert told["writers"][1]["command"][:3] == ["train.py", "--opt", "sgd"]
    assert [(one["attempt"], one["first_step"], one["last_step"]) for one in told["attempts"]] == [(1, 0, 1195), (2, 900, 1995)]
    assert (told["console_lines"], told["alerts"], told["warnings"]) == (150, 2, 1)
    assert told["run"]["config"]["optimizer"]["lr"] == 0.1
    assert told["files"]["media"] > 0
    assert {"run.json", "records-a1r0.cbr"} <= {one["name"] for one in told["files"]["files"]}


def test_a_failed_run_tells_its_traceback(client: TestClient, keys: dict[str, str]) -> None:
    writer = get(client, "run", run=keys["second"])["writers"][0]
    assert (writer["status"], writer["exit_code"], writer["error"]) == ("failed", 1, "ValueError: loss is NaN at step 400")
    assert writer["traceback"].endswith("loss is NaN at step 400\n")


def test_a_run_with_nothing_is_told_too(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "run", run=keys["nothing"])
    assert (told["attempts"], told["console_lines"], told["surroundings"]) == ([], 0, {})
    assert get(client, "log", run=keys["nothing"])["events"] == []


def test_alerts_and_warnings_come_in_order(client: TestClient, keys: dict[str, str]) -> None:
    events = get(client, "log", run=keys["first"])["events"]
    assert [(one["what"], one["level"]) for one in events] == [("alert", "warn"), ("alert", "info"), ("warning", "warn")]
    assert (events[0]["step"], events[0]["tag"], events[2]["text"]) == (400, "train/loss", "train.py:41")


def test_the_console_is_told_from_its_end_and_can_be_searched(client: TestClient, keys: dict[str, str]) -> None:
    last = get(client, "console", run=keys["first"], limit=2)
    assert (last["total"], [one["line"] for one in last["lines"]]) == (150, [148, 149])
    before = get(client, "console", run=keys["first"], limit=2, end=148)
    assert [one["line"] for one in before["lines"]] == [146, 147]
    found = get(client, "console", run=keys["first"], words="EPOCH  99")
    assert (found["found"], found["lines"][0]["text"][:9]) == (1, "epoch  99")


# ------------------------------------------------------------------------------------------------ the middle parts


def test_the_heatmap_of_a_run_holds_every_value_and_marks_nan(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "heatmap", run=keys["first"], tag="weights/stage2.block1.conv.weight", columns=40, rows=32)
    assert told["low_step"] == told["high_step"] == list(EVERY.STEPS)
    assert told["nan"][8:10] == [40, 40]
    for cells, nan in zip(told["cells"], told["nan"], strict=True):
        assert sum(cells) + nan == pytest.approx(4000)
    merged = get(client, "heatmap", run=keys["first"], tag="weights/stage2.block1.conv.weight", columns=7, rows=32)
    assert sum(merged["merged"]) == 20
    assert sum(map(sum, merged["cells"])) == pytest.approx(20 * 4000 - 80)
    empty = get(client, "heatmap", run=keys["first"], tag="weights/stage3.block1.conv.weight")
    assert (empty["nan"][9], sum(empty["cells"][9])) == (4000, 0)


def test_a_bucket_without_width_is_in_one_row() -> None:
    point = HistogramPoint(tag="h", step=0, wall_time=0.0, edges=[0.25, 0.25], counts=[100], count=100, min=0.25, max=0.25)
    made = heatmap_of([point], columns=10, rows=8, share=1)
    assert sorted(made.cells[0].tolist()) == [0.0] * 7 + [100.0]


@st.composite
def histograms(draw: st.DrawFn) -> list[HistogramPoint]:
    points = []
    for step in draw(st.lists(st.integers(-50, 50), min_size=1, max_size=12)):
        values = np.array(draw(st.lists(st.floats(-1e6, 1e6), max_size=30)))
        counts, edges = np.histogram(values, bins=draw(st.integers(1, 9))) if len(values) else (np.zeros(0, int), np.zeros(0))
        low, high = (float(values.min()), float(values.max())) if len(values) else (None, None)
        nan = draw(st.integers(0, 3))
        count = len(values) + nan
        points.append(
            HistogramPoint(
                tag="h", step=step, wall_time=0.0, edges=edges.tolist(), counts=counts.tolist(), count=count, min=low, max=high, nan=nan
            )
        )
    return points


@given(histograms(), st.integers(1, 8), st.integers(1, 20), st.sampled_from([1.0, 0.98, 0.6]))
@settings(max_examples=150, deadline=None)
def test_a_heatmap_loses_no_value_whatever_is_merged_or_cut_off(
    points: list[HistogramPoint], columns: int, rows: int, share: float
) -> None:
    made = heatmap_of(points, columns=columns, rows=rows, share=share)
    inside, outside = made.cells.sum(), made.below.sum() + made.above.sum()
    assert inside + outside == pytest.approx(sum(sum(point.counts) for point in points))
    assert made.merged.sum() == len(points)
    assert made.nan.sum() == sum(point.nan for point in points)
    assert (made.cells >= -1e-9).all()
    assert (np.diff(made.edges) > 0).all()
    assert (made.low_step[1:] >= made.high_step[:-1]).all()
    if share == 1:
        assert outside == pytest.approx(0, abs=1e-6)


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_principal_components_are_those_of_the_singular_value_decomposition(rows: int, dimensions: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)
    made = projected(vectors)
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    sizes = np.zeros(3)
    sizes[: min(3, rows, dimensions)] = np.linalg.svd(centred, compute_uv=False)[:3]
    np.testing.assert_allclose(np.sqrt(np.square(made.coordinates).sum(axis=0)), sizes, atol=1e-4 * max(1.0, sizes[0]))


def test_a_large_embedding_comes_close_to_its_components() -> None:
    rng = np.random.default_rng(3)
    vectors = (rng.normal(size=(1600, 8)) * [30, 20, 10, 1, 1, 1, 1, 1] @ rng.normal(size=(8, 1600))).astype(np.float32)
    made = projected(vectors)
    assert made.exact is False
    sizes = np.linalg.svd(vectors - vectors.mean(axis=0), compute_uv=False)
    np.testing.assert_allclose(made.variance, (sizes**2)[:3] / (sizes**2).sum(), rtol=1e-3)


@pytest.mark.torch
def test_float8_and_bfloat16_patterns_are_the_values_that_torch_has() -> None:
    torch = pytest.importorskip("torch")
    patterns = np.arange(256, dtype=np.uint8)
    for name in ("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz"):
        point = TensorPoint(tag="t", step=0, wall_time=0.0, blob=Inline(b"", ""), shape=[256], dtype=name)
        wanted = torch.from_numpy(patterns.copy()).view(getattr(torch, name)).to(torch.float32).numpy()
        np.testing.assert_array_equal(array_of(point, patterns.tobytes()), wanted)
    halves = np.arange(65536, dtype="<u2")
    point = TensorPoint(tag="t", step=0, wall_time=0.0, blob=Inline(b"", ""), shape=[65536], dtype="bfloat16")
    wanted = torch.from_numpy(halves.view(np.int16).copy()).view(torch.bfloat16).to(torch.float32).numpy()
    np.testing.assert_array_equal(array_of(point, halves.tobytes()), wanted)


def test_bytes_that_are_no_such_tensor_are_damaged() -> None:
    point = TensorPoint(tag="t", step=4, wall_time=0.0, blob=Inline(b"", ""), shape=[3], dtype="float32")
    with pytest.raises(Damaged, match="want 3 values"):
        array_of(point, b"\0" * 8)
    with pytest.raises(Damaged, match="are no float32"):
        array_of(point, b"\0" * 13)
    with pytest.raises(Damaged, match="unknown dtype 'float3'"):
        array_of(msgspec.structs.replace(point, dtype="float3"), b"")


def test_a_tensor_of_nothing_but_nan_has_no_mean() -> None:
    point = TensorPoint(tag="t", step=0, wall_time=0.0, blob=Inline(b"", ""), shape=[2], dtype="float32")
    told = tensor_json(point, np.array([math.nan, math.inf], "<f4").tobytes(), [])["statistics"]
    assert (told["min"], told["mean"], told["nan"], told["pos_inf"]) == (None, None, 1, 1)
    for shape, values in (([], [4.0]), ([0, 3], []), ([2, 0], [])):
        data = np.array(values, "<f4").tobytes()
        made = tensor_json(msgspec.structs.replace(point, shape=shape), data, [5, 5])
        assert made["count"] == len(values)


def test_a_large_slice_keeps_the_largest_value_of_each_block() -> None:
    values = np.zeros((300, 500))
    values[7, 499], values[299, 0], values[100, 100] = -9, math.nan, 4
    cells, block = blocks(values)
    assert cells.shape == (100, 125)
    assert block == [3, 4]
    assert (cells[2, 124], cells[33, 25]) == (-9, 4)
    assert math.isnan(cells[99, 0])


def test_a_damaged_media_cell_is_told_in_its_place() -> None:
    store = EmbeddedStore(memory=True)
    data = EVERY.arrow({"m": [b"\xc1 no MessagePack", None], "n": [1, 2]})
    point = TablePoint(tag="t", step=0, wall_time=1e9, columns=["m", "n"], rows=2, blob=Inline(data, "x/y"), media={"m": "image"})
    store.append(found("a"), Batch(b"", records=[Placed(point, "w", 1, 0)]), source="native")
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        rows = get(client, "table", run="a", tag="t")["rows"]
    assert "no MessagePack" in rows[0][0]["error"]
    assert rows[1] == [None, 2]
    assert rows[0][1] == 1
