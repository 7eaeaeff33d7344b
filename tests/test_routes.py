"""The data routes, on a real store: what each answers, in each format, and how a wrong question is answered."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

import crossboard as cb
from crossboard.dashboard import columns
from crossboard.dashboard.app import create_app
from crossboard.dashboard.columns import SentCurve
from crossboard.dashboard.routes import natural
from crossboard.exporters import table_exporters
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Curve, Kind, Points, SeriesKey
from crossboard.store.records import ConfigSet, ImagePoint, InFile, Picture
from crossboard.store.source import Batch, FoundRun, Placed, Strand
from crossboard.wiring import sources_for

BINARY = {"Accept": columns.MEDIA_TYPE}
RUN_A, RUN_B = "native:/x/a", "native:/x/ü b"


def strand(tag: str, values: list[float], *, first: int = 0, attempt: int = 1, rank: int = 0) -> Strand:
    steps = np.arange(first, first + len(values), dtype=np.int64)
    return Strand(tag, rank, attempt, f"w{attempt}{rank}", Points(steps, (1e9 + steps).astype(np.float64), np.array(values, np.float64)))


def found(key: str, created: float = 1e9) -> FoundRun:
    path = key.partition(":")[2]
    return FoundRun(key, path, "digits", Path(path).name, f"name of {Path(path).name}", created, group="g" if key == RUN_A else "")


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(memory=True)
    config = Placed(ConfigSet(wall_time=1e9, config={"lr": 0.5}), "w10", 1, 0)
    store.append(found(RUN_A), Batch(b"", [strand("train/loss", [3, 2, 1]), strand("train/layer10", [1])], [config]), source="native")
    store.append(
        found(RUN_B, 2e9), Batch(b"", [strand("train/loss", [1, math.nan, math.inf]), strand("train/layer2", [1])]), source="native"
    )
    return store


@pytest.fixture
def client(store: EmbeddedStore) -> Iterator[TestClient]:
    app = create_app(store, ask_for_key=False, version="1.2.3", exporters=table_exporters())
    with TestClient(app.server, base_url="http://localhost:8123") as made:
        yield made


def get(client: TestClient, path: str, **params: Any) -> Any:
    answer = client.get(path, params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)


def refused(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"error", "next"}
    assert words in body["error"], body


# ---------------------------------------------------------------------------------------------------- what there is


def test_the_board_says_what_it_is(client: TestClient) -> None:
    board = get(client, "/api/board")
    assert (board["crossboard"], board["projects"], board["runs"], board["error"]) == ("1.2.3", ["digits"], 2, "")
    assert board["progress"]["busy"] is False
    assert board["version"] > 1e12


def test_runs_come_oldest_first_with_metrics_config_and_a_colour_key(client: TestClient) -> None:
    runs = get(client, "/api/runs")["runs"]
    assert [run["key"] for run in runs] == [RUN_A, RUN_B]
    assert runs[0]["config"] == {"lr": 0.5}
    assert runs[0]["metrics"]["train/loss"]["last"] == 1.0
    assert runs[1]["metrics"]["train/loss"]["last"] == "Infinity"
    assert [run["color"] for run in runs] == [{"key": "g", "index": 0, "chosen": ""}, {"key": RUN_B, "index": 1, "chosen": ""}]


def test_a_time_that_is_not_known_is_null(client: TestClient, store: EmbeddedStore) -> None:
    store.append(found("native:/x/c", math.nan), Batch(b""), source="native")
    run = next(run for run in get(client, "/api/runs")["runs"] if run["key"] == "native:/x/c")
    assert run["started"] is None


def test_only_runs_that_changed_since_a_version_are_told(client: TestClient, store: EmbeddedStore) -> None:
    version = get(client, "/api/runs")["version"]
    nothing = get(client, "/api/runs", since=version)
    assert (nothing["runs"], nothing["removed"], nothing["complete"]) == ([], [], True)
    store.append(found(RUN_B, 2e9), Batch(b"", [strand("train/loss", [7], first=3)]), source="native")
    store.remove(RUN_A)
    news = get(client, "/api/runs", since=version)
    assert [run["key"] for run in news["runs"]] == [RUN_B]
    assert (news["removed"], news["complete"]) == ([RUN_A], True)


@pytest.mark.parametrize("route", ["/api/runs", "/api/curves?tag=train/loss"])
def test_a_version_of_another_board_is_answered_with_everything(client: TestClient, route: str) -> None:
    here = get(client, route)
    for since in (0, here["version"] - 100_000, here["version"] + 100_000):
        answer = get(client, f"{route}{'&' if '?' in route else '?'}since={since}")
        assert answer["complete"] is False
        assert len(answer.get("runs", answer.get("curves"))) == 2


def test_series_are_listed_by_run_tag_and_kind(client: TestClient) -> None:
    every = get(client, "/api/series")["series"]
    assert len(every) == 4
    one = get(client, "/api/series", run=RUN_B, tag="train/loss", kind="scalar")["series"]
    assert one == [next(series for series in every if series["run"] == RUN_B and series["tag"] == "train/loss")]
    assert (one[0]["count"], one[0]["nan"], one[0]["pos_inf"], one[0]["last"], one[0]["max"]) == (3, 1, 1, "Infinity", 1.0)
    assert get(client, "/api/series", kind="image")["series"] == []


def test_kinds_are_counted_over_runs_and_tags(client: TestClient) -> None:
    kinds = {row["kind"]: row for row in get(client, "/api/kinds")["kinds"]}
    assert set(kinds) == {kind.value for kind in Kind} - {"scalar", "config", "event"}
    for kind, row in kinds.items():
        series = get(client, "/api/series", kind=kind)["series"]
        assert row["runs"] == len({one["run"] for one in series})
        assert row["tags"] == len({one["tag"] for one in series})
        assert row["count"] == sum(one["count"] for one in series)


def test_tags_come_in_natural_order_with_their_runs_and_points(client: TestClient) -> None:
    tags = get(client, "/api/tags", kind="scalar")["tags"]
    assert [(tag["tag"], tag["runs"], tag["count"]) for tag in tags] == [
        ("train/layer2", 1, 1),
        ("train/layer10", 1, 1),
        ("train/loss", 2, 6),
    ]


@given(st.lists(st.text("ab019/²٣", max_size=6), unique=True))
def test_natural_order_is_an_order(texts: list[str]) -> None:
    backwards = texts[::-1]
    assert [natural(text) for text in sorted(texts, key=natural)] == [natural(text) for text in sorted(backwards, key=natural)]
    assert natural("a2") < natural("a10") < natural("b1")


# -------------------------------------------------------------------------------------------------------- the curves


def test_a_curve_is_the_same_in_columns_json_and_csv(client: TestClient) -> None:
    answer = client.get("/api/curves?tag=train/loss", headers=BINARY)
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    head, drawn = columns.decode(answer.content)
    assert [(curve["run"], curve["total"], curve["raw"], curve["nan"], curve["pos_inf"]) for curve in head["curves"]] == [
        (RUN_A, 3, True, 0, 0),
        (RUN_B, 3, True, 1, 1),
    ]
    assert drawn[0][0].tolist() == [0, 1, 2]
    assert drawn[0][1].tolist() == [3, 2, 1]
    as_json = get(client, "/api/curves", tag="train/loss")
    assert as_json["curves"][1]["y"] == [1.0, "NaN", "Infinity"]
    assert {key: value for key, value in as_json.items() if key != "curves"} == {
        key: value for key, value in head.items() if key != "curves"
    }
    rows = list(csv.reader(io.StringIO(client.get("/api/curves?tag=train/loss", headers={"Accept": "text/csv"}).text)))
    assert rows[0] == ["run", "tag", "rank", "x", "y"]
    assert rows[4:] == [
        [RUN_B, "train/loss", "0", "0.0", "1.0"],
        [RUN_B, "train/loss", "0", "1.0", "nan"],
        [RUN_B, "train/loss", "0", "2.0", "inf"],
    ]


def test_curves_of_several_tags_and_of_named_runs(client: TestClient) -> None:
    answer = get(client, "/api/curves", tag=["train/loss", "train/layer2"], run=[RUN_B])
    assert [(curve["tag"], curve["run"]) for curve in answer["curves"]] == [("train/loss", RUN_B), ("train/layer2", RUN_B)]
    assert get(client, "/api/curves", tag="no such tag")["curves"] == []


def test_since_sends_only_what_the_page_lacks(client: TestClient, store: EmbeddedStore) -> None:
    whole = get(client, "/api/curves", tag="train/loss", buckets=1000)
    store.append(found(RUN_A), Batch(b"", [strand("train/loss", [0.5, 0.25], first=3)]), source="native")
    news = get(client, "/api/curves", tag="train/loss", buckets=1000, since=whole["version"])
    assert [curve["run"] for curve in news["curves"]] == [RUN_A]
    (curve,) = news["curves"]
    old = next(one for one in whole["curves"] if one["run"] == RUN_A)
    assert old["y"][: curve["keep"]] + curve["y"] == [3, 2, 1, 0.5, 0.25]
    assert old["x"][: curve["keep"]] + curve["x"] == [0, 1, 2, 3, 4]
    assert curve["keep"] > 0
    assert get(client, "/api/curves", tag="train/loss", since=news["version"])["curves"] == []


def test_following_a_growing_curve_by_deltas_ends_at_the_whole_curve(client: TestClient, store: EmbeddedStore) -> None:
    random = np.random.default_rng(0)
    answer = get(client, "/api/curves", tag="train/loss", buckets=50, run=RUN_A)
    version, x, y = answer["version"], answer["curves"][0]["x"], answer["curves"][0]["y"]
    first, kept = 3, 0
    for _ in range(30):
        values = random.normal(size=random.integers(1, 200)).tolist()
        store.append(found(RUN_A), Batch(b"", [strand("train/loss", values, first=first)]), source="native")
        first += len(values)
        answer = get(client, "/api/curves", tag="train/loss", buckets=50, run=RUN_A, since=version)
        (curve,) = answer["curves"]
        kept += curve["keep"]
        version, x, y = answer["version"], x[: curve["keep"]] + curve["x"], y[: curve["keep"]] + curve["y"]
    (whole,) = get(client, "/api/curves", tag="train/loss", buckets=50, run=RUN_A)["curves"]
    assert (x, y) == (whole["x"], whole["y"])
    assert kept > 0


def test_a_window_reaches_the_raw_points(client: TestClient, store: EmbeddedStore) -> None:
    values = [float(step % 97) for step in range(5000)]
    store.append(found("native:/x/long"), Batch(b"", [strand("long", values)]), source="native")
    overview = get(client, "/api/curves", tag="long", buckets=100)["curves"][0]
    assert (overview["raw"], overview["total"]) == (False, 5000)
    near = get(client, "/api/window", tag="long", low=1000, high=1009.5, points=100)["curves"][0]
    assert (near["raw"], near["total"]) == (True, 10)
    assert near["x"] == [float(step) for step in range(999, 1011)]  # and the neighbours, so that a line runs to the edge
    assert near["y"] == [float(step % 97) for step in range(999, 1011)]
    assert get(client, "/api/window", tag="long", low="-inf", high=1, points=10)["low"] == "-Infinity"


def test_older_attempts_come_each_on_its_own(client: TestClient, store: EmbeddedStore) -> None:
    later = strand("train/loss", [9, 8], first=1, attempt=2)
    store.append(found(RUN_A), Batch(b"", [later]), source="native")
    shown = get(client, "/api/curves", tag="train/loss", run=RUN_A)["curves"]
    assert [(curve["attempt"], curve["y"]) for curve in shown] == [(2, [3.0, 9.0, 8.0])]
    older = get(client, "/api/attempts", tag="train/loss", run=RUN_A)["curves"]
    assert [(curve["attempt"], curve["y"]) for curve in older] == [(1, [3.0, 2.0, 1.0])]


def test_x_is_step_relative_wall_or_a_metric(client: TestClient) -> None:
    def x_of(axis: str) -> list[float]:
        curves = get(client, "/api/curves", tag="train/loss", run=RUN_A, x=axis)["curves"]
        values: list[float] = curves[0]["x"]
        return values

    assert x_of("step") == [0, 1, 2]
    assert x_of("wall") == [1e9, 1e9 + 1, 1e9 + 2]
    assert x_of("relative") == [0, 1, 2]
    assert x_of("metric:train/loss") == [3, 2, 1]


def test_smoothing_runs_on_the_server(client: TestClient) -> None:
    (curve,) = get(client, "/api/curves", tag="train/loss", run=RUN_A, smoothing="mean:2")["curves"]
    assert curve["y"] != [3, 2, 1]
    assert len(curve["y"]) == 3


def test_a_reply_that_the_asker_has_is_not_sent_again(client: TestClient, store: EmbeddedStore) -> None:
    first = client.get("/api/curves?tag=train/loss", headers=BINARY)
    known = {**BINARY, "If-None-Match": first.headers["etag"]}
    assert client.get("/api/curves?tag=train/loss", headers=known).status_code == 304
    as_json = {"Accept": "application/json", "If-None-Match": first.headers["etag"]}
    assert client.get("/api/curves?tag=train/loss", headers=as_json).status_code == 200
    store.append(found(RUN_A), Batch(b"", [strand("train/loss", [1], first=3)]), source="native")
    assert client.get("/api/curves?tag=train/loss", headers=known).status_code == 200


def test_a_thousand_runs_of_five_tags_are_answered_well_under_a_second(client: TestClient, store: EmbeddedStore) -> None:
    steps = np.arange(1000)
    points = Points(steps, (1e9 + steps).astype(np.float64), np.random.default_rng(0).normal(size=1000))
    for number in range(1000):
        batch = Batch(b"", [Strand(f"many/{tag}", 0, 1, "w", points) for tag in range(5)])
        store.append(found(f"native:/many/{number}"), batch, source="native")
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        answer = client.get("/api/curves?buckets=50&" + "&".join(f"tag=many/{tag}" for tag in range(5)), headers=BINARY)
        best = min(best, time.process_time() - start)
        assert answer.status_code == 200
    assert len(columns.decode(answer.content)[0]["curves"]) == 5000
    assert best < 1.0, f"{best:.2f} s of processor time"


# ------------------------------------------------------------------------------------------------------ wrong questions


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/curves", 400, "no tag is named"),
        ("/api/curves?tag=a&x=time", 400, "x: want step, relative, wall or metric:TAG, got 'time'"),
        ("/api/curves?tag=a&buckets=0", 400, "buckets: want a whole number in 1..100000, got '0'"),
        ("/api/curves?tag=a&buckets=1&buckets=2", 400, "buckets: want one value, got 2"),
        ("/api/curves?tag=a&since=-1", 400, "since"),
        ("/api/curves?tag=a&smoothing=ema:1", 400, "smoothing: want ema:WEIGHT"),
        ("/api/curves?tag=a&colour=red", 400, "unknown parameter 'colour' of /api/curves"),
        ("/api/curves?tag=a&format=xml", 406, "format 'xml' is not offered here"),
        ("/api/window?tag=a&low=b", 400, "low: want a number, got 'b'"),
        ("/api/window?tag=a&low=nan", 400, "low: want a number, got 'nan'"),
        ("/api/window?tag=a&low=2&high=1", 400, "low 2.0 is above high 1.0"),
        ("/api/series?kind=curve", 400, "kind: got 'curve'"),
        ("/api/series?run=native:/x/z", 404, "native:/x/z"),
        ("/api/unknown", 404, "no such path: /api/unknown"),
        ("/api/edit", 405, "GET is not for /api/edit"),
        ("/api/export/csv?tags=(", 400, "tags: no regular expression"),
        ("/api/export/csv?runs=lr%20%3C", 400, ""),
        ("/api/export/xlsx", 404, "no such path"),
        ("/api/blob/native:/x/a/" + "0" * 64, 404, "no record of run"),
    ],
)
def test_a_wrong_question_is_answered_with_what_was_wanted(client: TestClient, path: str, status: int, words: str) -> None:
    refused(client, path, status, words)


def test_a_format_that_is_not_offered_is_406_and_a_browser_gets_json(client: TestClient) -> None:
    assert client.get("/api/curves?tag=a", headers={"Accept": "image/png"}).status_code == 406
    assert client.get("/api/curves?tag=a", headers={"Accept": "text/html,*/*;q=0.8"}).headers["content-type"] == "application/json"
    both = {"Accept": f"application/json;q=0.5, {columns.MEDIA_TYPE}"}
    assert client.get("/api/curves?tag=a", headers=both).headers["content-type"] == columns.MEDIA_TYPE
    assert client.get("/api/curves?tag=a&format=csv", headers=both).text == "run,tag,rank,x,y\n"


def test_every_route_is_in_the_contract(client: TestClient) -> None:
    contract = (Path(__file__).parents[1] / "docs" / "data-routes.md").read_text()
    app: Any = client.app
    (mount,) = [route for route in app.routes if getattr(route, "path", "") == "/api"]
    paths = [route.path for route in mount.routes]
    assert len(paths) >= 13
    for path in paths:
        assert f"/api{path.partition('{')[0].rstrip('/')}" in contract, path


# ------------------------------------------------------------------------------------------------------------- columns

floats = st.floats(width=64)
curves = st.lists(st.tuples(st.lists(floats, max_size=9), st.integers(0, 3)), max_size=5)


@given(curves)
def test_columns_read_back_as_they_were(made: list[tuple[list[float], int]]) -> None:
    sent = []
    for number, (values, keep) in enumerate(made):
        y = np.array(values, np.float64)
        curve = Curve(np.arange(len(y), dtype=np.float64), y, len(y), True)
        sent.append(SentCurve(SeriesKey("r", f"t{number}"), 1, curve, min(keep, len(y))))
    body = columns.encode({"version": 1}, sent)
    head, read = columns.decode(body)
    assert len(body) % 8 == 0
    assert len(read) == len(sent)
    for one, described, (x, y) in zip(sent, head["curves"], read, strict=True):
        assert described["keep"] == one.keep
        np.testing.assert_array_equal(x, one.curve.x[one.keep :])
        np.testing.assert_array_equal(y, one.curve.y[one.keep :])


@given(st.data())
def test_a_body_that_was_cut_is_noticed(data: st.DataObject) -> None:
    curve = Curve(np.arange(5.0), np.arange(5.0), 5, True)
    body = columns.encode({"version": 1}, [SentCurve(SeriesKey("r", "t"), 1, curve)])
    cut = data.draw(st.integers(0, len(body) // 8 - 1)) * 8
    with pytest.raises(ValueError, match="columns"):
        columns.decode(body[:cut])


# ------------------------------------------------------------------------------------------- files, media and edits


def test_points_can_be_downloaded(client: TestClient) -> None:
    answer = client.get("/api/export/csv?tags=loss&runs=lr%20%3D%200.5")
    assert answer.headers["content-disposition"] == 'attachment; filename="crossboard.csv"'
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["project", "run", "attempt", "rank", "tag", "step", "wall_time", "value"]
    assert [row[-1] for row in rows[1:]] == ["3.0", "2.0", "1.0"]
    assert client.get("/api/export/parquet").content[:4] == b"PAR1"


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[tuple[TestClient, EmbeddedStore, Path]]:
    """A board over a root with one real run, logged and ended."""
    run = cb.init(project="digits", name="first", dir=str(tmp_path))
    run.log({"loss": 1.0}, step=0)
    run.finish()
    store = EmbeddedStore(sources_for([tmp_path]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        yield client, store, Path(store.runs()[0].path)
    store.close()


def test_an_edit_is_a_record_in_the_run_and_no_sign_of_life(logged: tuple[TestClient, EmbeddedStore, Path]) -> None:
    client, store, directory = logged
    before = store.runs()[0]
    for change in ({"name": "a better name", "tags": ["x", "y"]}, {"notes": "why", "hidden": True}):
        answer = client.post("/api/edit", json={"run": before.key, **change})
        assert (answer.status_code, answer.json()) == (200, {"run": before.key, "written": True})
        wait_until(lambda: store.runs()[0].name == "a better name")
    wait_until(lambda: store.runs()[0].hidden)
    boards = list(directory.glob("records-board-*.cbr"))
    assert len(boards) == 1
    after = store.runs()[0]
    assert (after.name, after.tags, after.notes, after.hidden) == ("a better name", ("x", "y"), "why", True)
    assert (after.status, after.attempts, after.ranks, after.started) == (before.status, before.attempts, before.ranks, before.started)
    again = EmbeddedStore(sources_for([directory]), memory=True)
    again.refresh()
    assert again.runs()[0].name == "a better name"
    assert again.runs()[0].problems == ()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ([], "want a JSON object"),
        ({"name": "x"}, "want a JSON object with the key of a run"),
        ({"run": "RUN"}, "no field to change"),
        ({"run": "RUN", "status": "finished"}, "unknown fields status"),
        ({"run": "RUN", "tags": "x"}, "tags: want a list of texts, got 'x'"),
        ({"run": "RUN", "hidden": "yes"}, "hidden: want true or false"),
    ],
)
def test_an_edit_of_another_shape_is_refused(logged: tuple[TestClient, EmbeddedStore, Path], body: Any, words: str) -> None:
    client, store, directory = logged
    if isinstance(body, dict) and body.get("run") == "RUN":
        body["run"] = store.runs()[0].key
    answer = client.post("/api/edit", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert not list(directory.glob("records-board-*"))


def test_an_edit_must_be_json_of_a_known_run(logged: tuple[TestClient, EmbeddedStore, Path]) -> None:
    client = logged[0]
    assert client.post("/api/edit", content=b'{"run": "x"}', headers={"Content-Type": "text/plain"}).status_code == 415
    assert client.post("/api/edit", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert client.post("/api/edit", json={"run": "native:/nowhere", "name": "x"}).status_code == 404
    assert client.post("/api/edit", json={"run": "r", "notes": "x" * 2_000_000}).status_code == 413


def test_foreign_sources_are_never_written_to(client: TestClient, store: EmbeddedStore, tmp_path: Path) -> None:
    foreign = FoundRun("tensorboard:x", str(tmp_path), "p", "i", "their run", 1e9)
    store.append(foreign, Batch(b"", [strand("loss", [1])]), source="tensorboard")
    answer = client.post("/api/edit", json={"run": "tensorboard:x", "name": "mine"})
    assert answer.status_code == 200
    assert store.run("tensorboard:x").name == "mine"  # kept beside the source: tests/test_side_edits.py
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can make a run of another user")
def test_a_run_of_another_user_is_not_edited(logged: tuple[TestClient, EmbeddedStore, Path]) -> None:
    client, store, directory = logged
    os.chown(directory, 12345, -1)
    answer = client.post("/api/edit", json={"run": store.runs()[0].key, "name": "mine"})
    assert answer.status_code == 403
    assert "belongs to user 12345" in answer.json()["error"]
    assert not list(directory.glob("records-board-*"))


def test_bytes_of_a_run_are_inert(client: TestClient, store: EmbeddedStore, tmp_path: Path) -> None:
    run = cb.init(project="digits", name="media", dir=str(tmp_path))
    run.finish()
    source = sources_for([tmp_path])[0]
    (there,) = source.scan()
    data = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    blob = InFile(sha256=hashlib.sha256(data).hexdigest(), extension="svg", size=len(data), media_type="image/svg+xml")
    media = Path(there.path) / "media"
    media.mkdir()
    (media / f"{blob.sha256}.svg").write_bytes(data)
    point = ImagePoint(tag="samples", step=0, wall_time=1e9, images=[Picture(blob=blob, width=1, height=1)])
    reader = EmbeddedStore([source], memory=True)
    reader.refresh()
    reader.append(there, Batch(b"", records=[Placed(point, "w", 1, 0)]), source="native")
    with TestClient(create_app(reader, ask_for_key=False).server, base_url="http://localhost:8123") as browser:
        url = f"/api/blob/{there.key}/{blob.sha256}"
        answer = browser.get(url)
        assert answer.content == data
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "image/svg+xml"
        assert "immutable" in answer.headers["cache-control"]
        part = browser.get(url, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"svg", f"bytes 1-3/{len(data)}")
        assert browser.get(url, headers={"Range": "bytes=-2"}).content == b"/>"
        assert browser.get(url, headers={"Range": "bytes=999-"}).status_code == 416
        assert browser.get(f"/api/blob/{there.key}/../{blob.sha256}").status_code == 404
