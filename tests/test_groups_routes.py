"""`/api/groups` and `/api/groupings` on a real store: the numbers are those of the points, in each format, and what changes is seen."""

from __future__ import annotations

import asyncio
import csv
import io
import math
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from starlette.requests import Request
from starlette.testclient import TestClient

from crossboard.dashboard import columns
from crossboard.dashboard.app import create_app
from crossboard.dashboard.events import Newsroom
from crossboard.dashboard.group_routes import GroupRoutes
from crossboard.dashboard.groups import COLUMNS, Cancelled, Groups, Wanted, lowest_ranks, mark
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import F64, Kind, Points
from crossboard.store.records import ConfigSet
from crossboard.store.source import Batch, FoundRun, Placed, Strand
from crossboard.store.statistics.grouping import group_runs

TAG = "train/loss"
ALL = {"by": "config:lr", "tag": TAG}


def strand(values: Sequence[float] | F64, *, steps: list[int] | None = None, attempt: int = 1, rank: int = 0, tag: str = TAG) -> Strand:
    at = np.arange(len(values), dtype=np.int64) if steps is None else np.array(steps, np.int64)
    return Strand(tag, rank, attempt, f"w{attempt}{rank}", Points(at, (1e9 + at * 2.0).astype(np.float64), np.array(values, np.float64)))


def add(store: EmbeddedStore, name: str, strands: list[Strand], config: dict[str, Any] | None = None, created: float = 1e9) -> str:
    key = f"native:/x/{name}"
    found = FoundRun(key, f"/x/{name}", "digits", name, name, created)
    records = [Placed(ConfigSet(wall_time=1e9, config=config), "w10", 1, 0)] if config else []
    store.append(found, Batch(b"", strands, records), source="native")
    return key


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(memory=True)
    losses: list[list[float]] = [[4, 3, 2, 1], [6, 5, math.nan, 3], [8, 7]]
    for seed, values in enumerate(losses):
        add(store, f"a{seed}", [strand(values)], {"lr": 0.1, "seed": seed})
    for seed in range(2):
        add(store, f"b{seed}", [strand([1 + seed, 1, 1])], {"lr": 0.2, "seed": seed})
    add(store, "c0", [strand([0.5], tag="val/loss")], {"lr": 0.2, "seed": 9})
    add(store, "bare", [strand([9, 9])])
    return store


@pytest.fixture
def client(store: EmbeddedStore) -> Iterator[TestClient]:
    app = create_app(store, ask_for_key=False, version="1.2.3")
    with TestClient(app.server, base_url="http://localhost:8123") as made:
        yield made


def get(client: TestClient, path: str = "/api/groups", **params: Any) -> Any:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_group_is_the_mean_and_t_interval_of_its_runs_at_each_step(client: TestClient) -> None:
    reply = get(client, **ALL)
    assert (reply["statistic"], reply["band"], reply["level"], reply["interpolate"], reply["points"]) == ("mean", "t", 0.95, False, "union")
    a, b = reply["groups"]
    assert (a["label"], b["label"]) == ("lr = 0.1", "lr = 0.2")
    points = a["columns"]
    assert (points["x"], points["n"], points["left_out"]) == ([0, 1, 2, 3], [3, 3, 1, 2], [0, 0, 1, 0])
    low, high = stats.t.interval(0.95, 2, loc=6, scale=stats.sem([4, 6, 8]))
    assert (points["centre"], points["low"][0], points["high"][0]) == ([6, 5, 2, 2], pytest.approx(low), pytest.approx(high))
    assert points["low"][2] == "NaN"  # one run is left there, and one has no interval
    assert (a["n"], a["left_out"], a["missing"], a["n_low"], a["n_high"]) == (4, 1, 2, 1, 3)
    assert a["runs"] == ["native:/x/a0", "native:/x/a1", "native:/x/a2"]
    assert a["run_nan"] == [0, 1, 0]
    assert b["lacking"] == ["native:/x/c0"]
    assert b["members"] == 2
    assert reply["alone"] == ["native:/x/bare"]


def test_shared_points_are_those_that_every_run_reached(client: TestClient) -> None:
    group = get(client, **ALL, at="shared")["groups"][0]
    assert (group["columns"]["x"], group["columns"]["n"], group["n_low"]) == ([0, 1], [3, 3], 3)


def test_the_three_formats_say_the_same(client: TestClient) -> None:
    by_json = get(client, **ALL)["groups"]
    answer = client.get("/api/groups", params=ALL, headers={"Accept": columns.MEDIA_TYPE})
    head, entries = columns.unpack(answer.content, "groups", len(COLUMNS))
    assert head["columns"] == list(COLUMNS)
    table = list(csv.DictReader(io.StringIO(client.get("/api/groups", params={**ALL, "format": "csv"}).text)))
    place = 0
    for said, group, found in zip(head["groups"], by_json, entries, strict=True):
        assert said["label"] == group["label"]
        for name, column in zip(COLUMNS, found, strict=True):
            rows = table[place : place + said["n"]]
            np.testing.assert_array_equal(column, [float(value) for value in group["columns"][name]])
            np.testing.assert_array_equal(column, [float(row[name]) for row in rows])
        place += said["n"]
    assert place == len(table)


def test_the_points_are_all_points_and_not_the_overview(store: EmbeddedStore, client: TestClient) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 5000))
    values[0, 777], values[1, 4242] = 90.0, -90.0
    for seed in range(3):
        add(store, f"long{seed}", [strand(values[seed], tag="long")], {"width": 1, "seed": seed})
    group = get(client, tag="long", by="config:width", buckets=50, members=0)["groups"][0]
    assert (group["total"], group["raw"], "runs" in group) == (5000, False, False)
    assert group["n"] <= 50 * 12
    mean, points = values.mean(axis=0), group["columns"]
    assert points["centre"] == pytest.approx(mean[np.array(points["x"], int)])
    assert (max(points["centre"]), min(points["centre"])) == pytest.approx((mean.max(), mean.min()))
    low, high = stats.t.interval(0.95, 2, loc=mean, scale=stats.sem(values, axis=0))
    assert (min(points["low"]), max(points["high"])) == pytest.approx((low.min(), high.max()))
    window = get(client, tag="long", by="config:width", buckets=50, low=700, high=740)["groups"][0]
    assert (window["total"], window["raw"], window["columns"]["x"][0], window["columns"]["x"][-1]) == (41, True, 699, 741)


def test_a_bca_interval_is_computed_at_the_points_that_are_sent(store: EmbeddedStore, client: TestClient) -> None:
    from crossboard.store.statistics.intervals import bca_interval

    values = np.random.default_rng(1).normal(size=(4, 600))
    for seed in range(4):
        add(store, f"long{seed}", [strand(values[seed], tag="long")], {"width": 1, "seed": seed})
    reply = get(client, tag="long", by="config:width", statistic="median", buckets=20)
    assert (reply["band"], reply["interval_at"]) == ("bca", "sent points")
    group = reply["groups"][0]["columns"]
    low, high = bca_interval(values.T[np.array(group["x"], int)], "median")
    assert group["low"] == pytest.approx(low)
    assert group["high"] == pytest.approx(high)


def test_over_time_values_between_two_points_of_a_run_are_counted(store: EmbeddedStore, client: TestClient) -> None:
    for seed in range(2):
        add(store, f"t{seed}", [strand([0, 10, 20], steps=[0 + seed, 10 + seed, 20 + seed], tag="t")], {"width": 1, "seed": seed})
    by_step = get(client, tag="t", by="config:width")["groups"][0]
    assert (by_step["interpolated"], by_step["n"], by_step["n_high"]) == (0, 6, 1)
    assert get(client, tag="t", by="config:width", at="shared")["groups"][0]["n"] == 0
    reply = get(client, tag="t", by="config:width", x="wall")
    assert reply["interpolate"] is True
    assert reply["groups"][0]["interpolated"] == 4
    points = reply["groups"][0]["columns"]
    assert points["interpolated"] == [0, 1, 1, 1, 1, 0]
    assert points["centre"][1:5] == pytest.approx([0.5, 9.5, 10.5, 19.5])
    assert points["x"][0] == 1e9
    relative = get(client, tag="t", by="config:width", x="relative")["groups"][0]["columns"]
    assert relative["x"][-1] - relative["x"][0] == pytest.approx(42)


def test_a_resumed_run_counts_by_its_newest_attempt_and_ranks_are_no_repeats(store: EmbeddedStore, client: TestClient) -> None:
    add(
        store,
        "r0",
        [strand([1, 1, 1, 1], tag="r"), strand([5, 5], steps=[2, 3], attempt=2, tag="r"), strand([9] * 4, rank=1, tag="r")],
        {"k": 1},
    )
    add(store, "r1", [strand([3, 3, 3, 3], tag="r")], {"k": 1})
    group = get(client, tag="r", by="config:k")["groups"][0]
    assert group["columns"]["centre"] == [2, 2, 4, 4]
    assert (group["members"], group["other_ranks"], group["n_high"]) == (2, 1, 2)
    assert lowest_ranks(store.series(tag="r", kind=Kind.SCALAR))["native:/x/r0"][0].key.rank == 0


def test_new_points_are_in_the_next_answer_and_what_stands_is_kept(store: EmbeddedStore, client: TestClient) -> None:
    made = Groups(store)
    grouping = group_runs(store.runs(), "config:lr")
    wanted = Wanted("step", "mean", "t", 0.95, False, "union", 400)
    before = made.bands([TAG], grouping, wanted, check=lambda: None)
    add(store, "elsewhere", [strand([1.0], tag="other")])
    assert made.bands([TAG], grouping, wanted, check=lambda: None)[0].band is before[0].band
    add(store, "a2", [strand([6.0], steps=[2])], {"lr": 0.1, "seed": 2})
    after = made.bands([TAG], grouping, wanted, check=lambda: None)
    assert after[0].band.centre.tolist() == [6, 5, 4, 2]
    assert after[1].band is before[1].band


def test_runs_are_chosen_by_key_and_by_mark(client: TestClient) -> None:
    only = get(client, **ALL, only=f"{mark('native:/x/a0')}.{mark('native:/x/a1')}")
    assert [group["runs"] for group in only["groups"]] == [["native:/x/a0", "native:/x/a1"]]
    without = get(client, **ALL, without=mark("native:/x/a0"))
    assert without["groups"][0]["runs"] == ["native:/x/a1", "native:/x/a2"]
    assert get(client, **ALL, run="native:/x/b1")["groups"][0]["runs"] == ["native:/x/b1"]
    assert get(client, **ALL, only="-")["groups"] == []


def test_the_ways_to_group_and_the_groups_are_listed(client: TestClient) -> None:
    reply = get(client, "/api/groupings")
    assert [(one["by"], one["groups"], one["largest"], one["alone"]) for one in reply["choices"]] == [
        ("seed", 2, 3, 1),
        ("framework", 1, 7, 0),
        ("config:lr", 2, 3, 1),
    ]
    reply = get(client, "/api/groupings", by="seed")
    assert [(group["label"], len(group["runs"])) for group in reply["groups"]] == [("lr = 0.1", 3), ("lr = 0.2", 3)]
    assert reply["alone"] == ["native:/x/bare"]


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/groups?by=seed", 400, "no tag is named"),
        ("/api/groups?tag=t", 400, "by is missing"),
        ("/api/groups?tag=t&by=lr", 400, "by: want seed, group, framework or config:KEY, got 'lr'"),
        ("/api/groups?tag=t&by=seed&statistic=median&band=t", 400, "band t is about the mean, not the median"),
        ("/api/groups?tag=t&by=seed&band=sd", 400, "band: want one of t, bca, std, minmax, iqr, none, got 'sd'"),
        ("/api/groups?tag=t&by=seed&x=metric:lr", 400, "no common"),
        ("/api/groups?tag=t&by=seed&level=95", 400, "level: want a number between 0 and 1, got 95"),
        ("/api/groups?tag=t&by=seed&interpolate=yes", 400, "interpolate: want one of 0, 1, got 'yes'"),
        ("/api/groups?tag=t&by=seed&low=2&high=1", 400, "above high"),
        ("/api/groups?tag=t&by=seed&run=no", 404, "no run 'no'"),
        ("/api/groups?tag=t&by=seed&runs=a", 400, "unknown parameter 'runs'"),
        ("/api/groups?tag=t&by=seed&format=xml", 406, "format 'xml' is not offered"),
    ],
)
def test_a_wrong_question_is_answered_with_the_right_one(client: TestClient, path: str, status: int, words: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert words in answer.json()["error"]


def test_work_ends_when_nobody_waits_for_it(store: EmbeddedStore) -> None:
    """The asker hangs up while its runs are read: the reading ends, and the next question is answered."""
    routes = GroupRoutes(store, Newsroom(store))
    reading, ended = threading.Event(), threading.Event()
    whole = store.strands

    def slow(key: Any) -> Any:
        reading.set()
        ended.wait(15)
        return whole(key)

    store.strands = slow  # type: ignore[method-assign]
    sent = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        message = next(sent, None)
        if message is not None:
            return message
        while not reading.is_set():
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.5, ended.set)
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/groups", "query_string": f"tag={TAG}&by=config:lr".encode(), "headers": []}
    answer = asyncio.run(routes.groups(Request(scope, receive)))
    assert answer.status_code == 499
    store.strands = whole  # type: ignore[method-assign]
    with pytest.raises(Cancelled):
        routes.answer(Request(scope), ended)
    assert (
        len(
            routes.made.bands(
                [TAG], group_runs(store.runs(), "config:lr"), Wanted("step", "mean", "t", 0.95, False, "union", 9), check=lambda: None
            )
        )
        == 2
    )


def test_an_expression_has_bands_of_its_values_in_each_run(client: TestClient, store: EmbeddedStore) -> None:
    for seed in range(2):
        add(store, f"d{seed}", [strand([5.0 + seed, 3, 2]), strand([1.0, 1, math.nan], tag="val/loss")], {"lr": 0.3, "seed": seed})
    (group,) = [one for one in get(client, **{**ALL, "tag": f"={TAG} - val/loss"})["groups"] if one["label"] == "lr = 0.3"]
    assert (group["members"], group["columns"]["x"], group["columns"]["centre"]) == (2, [0, 1, 2], [4.5, 2, "NaN"])
    assert group["columns"]["left_out"] == [0, 0, 2]
    add(store, "d2", [strand([7.0, 3, 2]), strand([1.0, 1, 1], tag="val/loss")], {"lr": 0.3, "seed": 2})
    (group,) = [one for one in get(client, **{**ALL, "tag": f"={TAG} - val/loss"})["groups"] if one["label"] == "lr = 0.3"]
    assert (group["members"], group["columns"]["centre"][0]) == (3, 5)
