"""`/api/marks` on a real store: alerts and the starts of newer attempts stand where they happened, on each axis and curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from crossboard.dashboard.app import create_app
from crossboard.dashboard.marks import MOST_ALERTS
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Points
from crossboard.store.records import Alert, ConsoleLines, Record
from crossboard.store.source import Batch, FoundRun, Placed, Strand

BEGAN = 1e9
RUN = "native:/x/a"
FOUND = FoundRun(RUN, "/x/a", "digits", "a", "a", BEGAN)


def strand(tag: str, first: int, count: int, *, attempt: int = 1, rank: int = 0, factor: float = 1.0) -> Strand:
    """A point a step and every two seconds; an attempt begins a thousand seconds after the last. The value is the step times `factor`."""
    steps = np.arange(first, first + count)
    wall = (BEGAN + 1000.0 * (attempt - 1) + 2.0 * (steps - first)).astype(np.float64)
    return Strand(tag, rank, attempt, f"w{attempt}{rank}", Points(steps, wall, (steps * factor).astype(np.float64)))


def placed(record: Record, *, attempt: int = 1, rank: int = 0) -> Placed:
    return Placed(record, f"w{attempt}{rank}", attempt, rank)


def alert(wall_time: float, title: str, step: int | None = None, **more: Any) -> Alert:
    return Alert(wall_time=wall_time, title=title, step=step, **more)


@pytest.fixture
def store() -> EmbeddedStore:
    store = EmbeddedStore(memory=True)
    strands = [strand("loss", 0, 10), strand("loss", 6, 10, attempt=2), strand("late", 5, 2, attempt=2)]
    strands += [strand("tokens", 0, 10, factor=512.0), strand("tokens", 7, 10, attempt=2, factor=512.0)]
    records = [
        placed(alert(BEGAN + 6.5, "said with a step", 3, level="error", text="why", tag="loss")),
        placed(ConsoleLines(wall_time=BEGAN, stream="stdout", lines=["alert"])),
        placed(alert(BEGAN + 9.0, "said without one")),
        placed(alert(BEGAN - 5.0, "said before any point")),
    ]
    store.append(FOUND, Batch(b"", strands, records), source="native")
    return store


@pytest.fixture
def client(store: EmbeddedStore) -> Iterator[TestClient]:
    app = create_app(store, ask_for_key=False)
    with TestClient(app.server, base_url="http://localhost:8123") as made:
        yield made


def marks(client: TestClient, kind: str, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/api/marks", params=params)
    assert answer.status_code == 200, answer.text
    return [one for one in answer.json()["marks"] if one["kind"] == kind]


def places(client: TestClient, **params: Any) -> dict[str, float]:
    return {one["title"]: one["x"] for one in marks(client, "alert", **params)}


def test_an_alert_stands_at_its_step_or_at_the_step_that_the_curve_had_reached(client: TestClient) -> None:
    assert places(client, tag="loss") == {"said with a step": 3, "said without one": 4}
    first = marks(client, "alert", tag="loss")[0]
    assert (first["run"], first["tag"], first["rank"], first["level"], first["text"], first["of"]) == (
        RUN,
        "loss",
        0,
        "error",
        "why",
        "loss",
    )


def test_over_time_an_alert_stands_when_it_was_said_and_over_a_metric_at_its_value(client: TestClient) -> None:
    assert places(client, tag="loss", x="relative") == {"said with a step": 6.5, "said without one": 9, "said before any point": -5}
    assert places(client, tag="loss", x="wall")["said without one"] == BEGAN + 9
    assert places(client, tag="loss", x="metric:tokens") == {"said with a step": 3 * 512, "said without one": 4 * 512}
    assert places(client, tag="loss", x="metric:nothing") == {}


def test_a_newer_attempt_begins_where_the_curve_of_each_tag_says(client: TestClient) -> None:
    found = marks(client, "restart", tag=["loss", "tokens", "late"])
    assert [(one["tag"], one["attempt"], one["x"]) for one in found] == [("loss", 2, 6), ("tokens", 2, 7)]
    assert [one["x"] for one in marks(client, "restart", tag="loss", x="relative")] == [1000]
    assert [one["x"] for one in marks(client, "restart", tag="loss", x="metric:tokens")] == [7 * 512]  # there it has no x at step 6


def test_an_expression_has_the_marks_of_its_run(client: TestClient) -> None:
    assert places(client, tag="=loss * 2 + tokens") == {"said with a step": 3, "said without one": 4}
    assert [one["tag"] for one in marks(client, "restart", tag="=loss * 2 + tokens")] == ["=loss * 2 + tokens"]


def test_an_alert_of_a_rank_stands_on_its_own_curve_where_it_has_one(store: EmbeddedStore, client: TestClient) -> None:
    records = [placed(alert(BEGAN, "rank 1", 2), rank=1), placed(alert(BEGAN, "rank 7", 2), rank=7)]
    store.append(FOUND, Batch(b"", [strand("loss", 0, 4, rank=1)], records), source="native")
    found = {one["title"]: one["rank"] for one in marks(client, "alert", tag="loss")}
    assert (found["rank 1"], found["rank 7"], found["said with a step"]) == (1, 0, 0)


def test_what_comes_later_is_told_too_and_only_the_newest_of_very_many(store: EmbeddedStore, client: TestClient) -> None:
    assert store.run(RUN).alerts == 3
    assert len(marks(client, "alert", tag="loss")) == 2
    store.append(FOUND, Batch(b"", [], [placed(alert(BEGAN, f"more {n}", n % 10)) for n in range(MOST_ALERTS)]), source="native")
    assert store.run(RUN).alerts == 3 + MOST_ALERTS
    answer = client.get("/api/marks", params={"tag": "loss"}).json()
    told = [one["title"] for one in answer["marks"] if one["kind"] == "alert"]
    assert told == [f"more {n}" for n in range(MOST_ALERTS)]
    assert answer["left_out"] == {RUN: 3}


def test_a_question_without_a_tag_is_refused(client: TestClient) -> None:
    assert client.get("/api/marks").status_code == 400
