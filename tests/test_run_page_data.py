"""What the run page's own routes tell: throughput and samples joined by time, console lines, events, attempts, files. Laws first."""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from asking import asking, get, keys_of
from crossboard.dashboard.app import create_app
from crossboard.dashboard.columns import decode
from crossboard.dashboard.console import Consoles, Lines, as_text, bare, lines_json
from crossboard.dashboard.replies import Refused
from crossboard.dashboard.run_files import listed, opened
from crossboard.dashboard.system_curves import WINDOWS, in_time, rates_of, steps_at
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Points, RunInfo
from crossboard.store.records import ConsoleLines, Warned
from crossboard.store.source import Placed
from crossboard.wiring import sources_for

EVERY, EVENTS = import_module("every_kind"), import_module("test_tensorboard_reading")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("runs")
    EVERY.make(directory)
    EVERY.make_ranks(directory)
    return directory


@pytest.fixture(scope="module")
def client(root: Path) -> Iterator[TestClient]:
    with asking(root) as client:
        yield client


@pytest.fixture(scope="module")
def keys(client: TestClient) -> dict[str, str]:
    return keys_of(client)


def points(step: Any, wall: Any) -> Points:
    return Points(np.asarray(step, np.int64), np.asarray(wall, np.float64), np.zeros(len(step)))


# -------------------------------------------------------------------------------------------------------- throughput


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=2, max_size=600),
    st.integers(1, 300),
)
def test_rate_times_duration_summed_up_is_the_number_of_steps(moves: list[tuple[int, int]], windows: int) -> None:
    """Nothing between two logged points is left out, whatever the windows are and however many points share a time."""
    step, wall = np.cumsum([one for one, _ in moves]), 1e9 + np.cumsum([two for _, two in moves])
    rates = rates_of(points(step, wall), windows=windows)
    assert rates.fell == 0
    assert len(rates.value) <= windows
    edges = np.concatenate(([wall[0]], rates.wall_time))
    begun = step[np.flatnonzero(wall == wall[0])]
    covered = float(np.sum(rates.value * np.diff(edges)))
    assert step[-1] - begun[-1] - 1e-6 <= covered <= step[-1] - begun[0] + 1e-6 or not len(rates.value)
    assert np.all(np.isfinite(rates.value))
    assert np.all(rates.value >= 0)


def test_a_window_in_which_the_step_fell_has_no_rate_and_is_counted() -> None:
    rates = rates_of(points([0, 10, 5, 15], [0.0, 1.0, 2.0, 4.0]))
    assert (rates.step.tolist(), rates.value.tolist(), rates.fell) == ([10.0, 15.0], [10.0, 5.0], 1)


def test_a_steady_run_has_one_rate() -> None:
    rates = rates_of(points(np.arange(10_000), 1e9 + np.arange(10_000) * 0.25))
    assert len(rates.value) == WINDOWS
    assert np.allclose(rates.value, 4.0, rtol=1e-4)


def test_points_without_a_time_or_at_one_time_alone_have_no_rate() -> None:
    assert len(rates_of(in_time(points([1, 2, 3], [math.nan, 5.0, math.nan]))).value) == 0
    assert len(rates_of(points([1, 2, 3], [5.0, 5.0, 5.0])).value) == 0


@given(
    st.lists(st.tuples(st.integers(-5, 1000), st.floats(0, 100)), min_size=1, max_size=60),
    st.lists(st.floats(-10, 120), max_size=40),
)
def test_the_step_of_a_sample_is_the_last_one_logged_at_or_before_it(log: list[tuple[int, float]], times: list[float]) -> None:
    clock = in_time(points([step for step, _ in log], [wall for _, wall in log]))
    found = steps_at(np.asarray(times, np.float64), clock)
    for time, step in zip(times, found.tolist(), strict=True):
        before = [wall for _, wall in log if wall <= time]
        if not before:
            assert math.isnan(step)
        else:
            newest = [one for one, wall in log if wall == max(before)]
            assert step == newest[-1]


def curves(client: TestClient, run: str, **params: Any) -> dict[tuple[str, int, int], dict[str, Any]]:
    told = get(client, "system", run=run, **params)
    return {(one["tag"], one["rank"], one["attempt"]): one for one in told["curves"]}


def test_samples_of_two_ranks_stand_over_the_steps_of_their_own_attempt(client: TestClient, keys: dict[str, str]) -> None:
    """The made run: 2 ranks, 3 attempts, a sample every 10 s, two steps a second, a training step logged every 5 steps."""
    found = curves(client, keys["ranks"])
    assert {(rank, attempt) for _, rank, attempt in found} == {(rank, attempt) for rank in (0, 1) for attempt in (1, 2, 3)}
    for (tag, rank, attempt), one in found.items():
        if not tag.startswith("system/"):
            continue
        for at, value in zip(one["x"], one["y"], strict=True):
            if tag == "system/process/cpu_percent":  # made as 100 * rank + attempt + step / 10,000
                assert value == pytest.approx(100 * rank + attempt + at / 10_000, abs=6e-4)
    steady = [value for (tag, _, _), one in found.items() if tag == "steps_per_second" for value in one["y"]]
    assert steady
    assert all(value == pytest.approx(2.0, rel=0.01) for value in steady)


def test_over_steps_a_later_attempt_cuts_an_older_one_and_over_time_nothing_is_cut(client: TestClient, keys: dict[str, str]) -> None:
    tag = "system/process/cpu_percent"
    by_step, by_wall = curves(client, keys["ranks"]), curves(client, keys["ranks"], x="wall")
    ends = {attempt: max(by_step[tag, 0, attempt]["x"]) for attempt in (1, 2, 3)}
    begins = {attempt: min(by_step[tag, 0, attempt]["x"]) for attempt in (1, 2, 3)}
    assert ends[1] < 400 <= begins[2]
    assert ends[2] < 900 <= begins[3]
    assert by_wall[tag, 0, 1]["total"] > by_step[tag, 0, 1]["total"]
    relative = curves(client, keys["ranks"], x="relative")[tag, 0, 1]["x"]
    assert relative[0] == pytest.approx(by_wall[tag, 0, 1]["x"][0] - EVERY.RANKS_T0)


def test_a_rank_that_logs_no_step_goes_by_the_lowest_rank_that_does(tmp_path: Path) -> None:
    directory = EVERY.make_ranks(tmp_path, quiet_ranks=True)
    store = EmbeddedStore(sources_for([str(Path(directory).parents[1])]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        told = get(client, "system", run=store.runs()[0].key)
    clocks = {(one["rank"], one["attempt"]): one["of_rank"] for one in told["clocks"]}
    assert clocks[1, 1] == clocks[0, 1] == 0
    assert {one["rank"] for one in told["curves"] if one["tag"] == "steps_per_second"} == {0}
    assert any(one["rank"] == 1 and one["n"] for one in told["curves"])
    store.close()


def test_samples_before_the_first_step_are_counted(client: TestClient, keys: dict[str, str]) -> None:
    one = curves(client, keys["ranks"])["system/process/cpu_percent", 0, 1]
    assert one["unmatched"] == 1  # the made run logs its first step 15 s after it began
    assert curves(client, keys["ranks"], x="wall")["system/process/cpu_percent", 0, 1]["unmatched"] == 0


def test_system_curves_have_three_forms_that_agree_and_a_window(client: TestClient, keys: dict[str, str]) -> None:
    query = {"run": keys["ranks"], "x": "wall"}
    body = client.get("/api/system", params=query, headers={"Accept": "application/vnd.crossboard.columns"}).content
    head, columns = decode(body)
    listed_ = get(client, "system", **query)["curves"]
    assert [one["tag"] for one in head["curves"]] == [one["tag"] for one in listed_]
    assert all(x.tolist() == one["x"] for (x, _), one in zip(columns, listed_, strict=True))
    csv = client.get("/api/system", params={**query, "format": "csv"}).text.splitlines()
    assert len(csv) == 1 + sum(one["n"] for one in listed_)
    part = get(client, "system", **{**query, "low": EVERY.RANKS_T0, "high": EVERY.RANKS_T0 + 60})["curves"]
    assert 0 < sum(one["total"] for one in part) < sum(one["total"] for one in listed_)
    assert client.get("/api/system", params={**query, "x": "metric:a"}).status_code == 400


def test_a_run_without_samples_has_throughput_alone(client: TestClient, keys: dict[str, str]) -> None:
    assert {tag for tag, _, _ in curves(client, keys["first"])} == {"steps_per_second"}
    assert curves(client, keys["nothing"]) == {}


# --------------------------------------------------------------------------------------------------------- attempts


def test_attempts_tell_steps_and_times_of_each_rank(client: TestClient, keys: dict[str, str]) -> None:
    told = get(client, "run", run=keys["ranks"])["attempts"]
    assert [(one["attempt"], one["rank_count"], one["first_step"]) for one in told] == [(1, 2, 0), (2, 2, 400), (3, 2, 900)]
    for attempt in told:
        assert [one["rank"] for one in attempt["ranks"]] == [0, 1]
        for one in attempt["ranks"]:
            assert one["last_time"] - one["first_time"] == pytest.approx((one["last_step"] - one["first_step"]) / 2)


# ---------------------------------------------------------------------------------------------------------- console


def placed(lines: list[str], *, stream: str = "stdout", rank: int = 0, when: float = 1e9) -> Placed:
    return Placed(ConsoleLines(wall_time=when, stream=stream, lines=lines), f"a1r{rank}", 1, rank)


WORDS = st.text(st.sampled_from("ab \x1b[1m"), max_size=8)


@given(st.lists(st.tuples(st.lists(WORDS, max_size=5), st.sampled_from(["stdout", "stderr"]), st.integers(0, 1)), max_size=12), st.data())
def test_lines_that_come_in_parts_are_those_that_come_at_once(records: list[tuple[list[str], str, int]], data: st.DataObject) -> None:
    events = [placed(lines, stream=stream, rank=rank) for lines, stream, rank in records]
    cut = data.draw(st.integers(0, len(events)))
    parts, whole = Consoles(), Lines()
    parts.of("run", events[:cut])
    grown = parts.of("run", events)
    whole.take(events)
    assert (grown.text, grown.of, grown.low) == (whole.text, whole.of, whole.low)
    words, stream, rank = (
        data.draw(st.sampled_from(["", "a", "AB"])),
        data.draw(st.sampled_from([None, "stderr"])),
        data.draw(st.sampled_from([None, 1])),
    )
    wanted, place = [], 0
    for lines, its_stream, its_rank in records:
        for line in lines:
            if words.lower() in bare(line).lower() and stream in (None, its_stream) and rank in (None, its_rank):
                wanted.append(place)
            place += 1
    assert list(whole.chosen(words=words, stream=stream, rank=rank)) == wanted
    assert b"".join(as_text(whole, wanted)).count(b"\n") == len(wanted)


def test_a_console_that_is_another_one_is_read_anew() -> None:
    consoles = Consoles()
    consoles.of("run", [placed(["old"]), placed(["older"])])
    assert consoles.of("run", [placed(["new"])]).text == ["new"]


def test_a_hundred_thousand_lines_are_asked_for_by_stretch() -> None:
    lines = Lines()
    lines.take([placed([f"line {n} of many" for n in range(first, first + 500)]) for first in range(0, 100_000, 500)])
    told = lines_json(lines, lines.chosen(), first=54_321, limit=3)
    assert (told["total"], [one["text"] for one in told["lines"]]) == (100_000, [f"line {n} of many" for n in (54_321, 54_322, 54_323)])
    assert list(lines.chosen(words="LINE 99999")) == [99_999]


def test_words_are_not_searched_in_colours() -> None:
    lines = Lines()
    lines.take([placed(["\x1b[31merror\x1b[0m 31m", "plain"]), Placed(Warned(wall_time=1.0, text="x"), "a1r0", 1, 0)])
    assert list(lines.chosen(words="31m")) == [0]
    assert list(lines.chosen(words="[31")) == []
    assert b"".join(as_text(lines, lines.chosen())).splitlines()[0].endswith(b"stdout error 31m")


def test_the_console_route_answers_stretches_places_and_text(client: TestClient, keys: dict[str, str]) -> None:
    part = get(client, "console", run=keys["first"], first=10, limit=5)
    assert [one["line"] for one in part["lines"]] == [10, 11, 12, 13, 14]
    found = get(client, "console", run=keys["first"], words="epoch  9", first=0, places=1)
    assert found["found"] == len(found["places"]) == 10
    errors = get(client, "console", run=keys["first"], stream="stderr", limit=1000)
    assert {one["stream"] for one in errors["lines"]} == {"stderr"}
    assert errors["found"] == errors["streams"]["stderr"]
    answer = client.get("/api/console/text", params={"run": keys["first"]})
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert len(answer.text.splitlines()) == 150
    assert client.get("/api/console", params={"run": keys["first"], "stream": "stdin"}).status_code == 400


# ----------------------------------------------------------------------------------------------------------- events


def test_all_events_of_a_run_are_told_and_can_be_chosen(client: TestClient, keys: dict[str, str]) -> None:
    every = get(client, "log", run=keys["second"], what="all")["events"]
    assert [one["what"] for one in every] == ["started", "ended"]
    assert every[1]["level"] == "error"
    assert "loss is NaN at step 400" in every[1]["text"]
    assert "exit code 1" in every[1]["text"]
    assert {one["what"] for one in get(client, "log", run=keys["first"])["events"]} == {"alert", "warning"}
    assert {one["what"] for one in get(client, "log", run=keys["first"], what="started")["events"]} == {"started"}
    assert client.get("/api/log", params={"run": keys["first"], "what": "nonsense"}).status_code == 400


# ------------------------------------------------------------------------------------------------------------ files


def test_the_files_of_a_run_are_listed_and_come_as_they_are(client: TestClient, keys: dict[str, str], root: Path) -> None:
    told = get(client, "files", run=keys["first"])
    names = {one["name"]: one for one in told["files"]}
    assert names["run.json"]["what"] == "identity"
    assert any(name.startswith("media/") for name in names)
    assert told["bytes"] == sum(one["bytes"] for one in told["files"])
    answer = client.get("/api/file", params={"run": keys["first"], "name": "run.json"})
    assert answer.content == (root / "digits" / "first" / "run.json").read_bytes()
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["content-disposition"].startswith("attachment")
    media = next(name for name in names if name.startswith("media/"))
    assert len(client.get("/api/file", params={"run": keys["first"], "name": media}).content) == names[media]["bytes"]


@pytest.mark.parametrize(
    "name",
    [
        "../second/run.json",
        "/etc/passwd",
        "media/../run.json",
        "./run.json",
        "media",
        "",
        "no-such",
        "link.json",
        "far/run.json",
        "run.json\0",
    ],
)
def test_no_name_leads_out_of_the_run(name: str, tmp_path: Path) -> None:
    directory, outside = tmp_path / "run", tmp_path / "second"
    for place in (directory / "media", outside):
        place.mkdir(parents=True)
        (place / "run.json").write_text("{}")
    (directory / "run.json").write_text("{}")
    (directory / "link.json").symlink_to(outside / "run.json")
    (directory / "far").symlink_to(outside, target_is_directory=True)
    run = RunInfo("native:run", "run", "", "run", "native", str(directory), "finished", 0.0, 0.0)
    assert {one["name"] for one in listed(run)["files"]} == {"run.json", "media/run.json"}
    with pytest.raises(Refused, match="no file") as refused:
        opened(run, name)
    assert refused.value.status == 404
    assert opened(run, "media/run.json").path == directory / "media" / "run.json"


def test_of_a_foreign_directory_only_the_runs_own_files_can_be_had(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    made = "events.out.tfevents.1.host"
    (logs / made).write_bytes(b"".join(encode_frame(EVENTS.scalar_event("loss", step, 0.5, 1e9 + step)) for step in range(3)))
    (logs / "notes.txt").write_text("mine")
    (logs / ".netrc").write_text("password")
    store = EmbeddedStore(sources_for([str(logs)]), memory=True)
    store.refresh()
    run = store.runs()[0]
    told = {one["name"]: one["download"] for one in listed(run)["files"]}
    assert told == {made: True, "notes.txt": False}
    assert opened(run, made).path
    for name in ("notes.txt", ".netrc"):
        with pytest.raises(Refused, match="no file"):
            opened(run, name)
    store.close()
