"""What a live environment holds is the fold of its run's files: whatever was posted stands there again, at any moment."""

from __future__ import annotations

import copy
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.adapters.visdom.environment import Environment
from crossboard.adapters.visdom.journal import LAUNCH, Journal
from crossboard.adapters.visdom.parts import BadMessage, plain
from crossboard.adapters.visdom.restoring import find_environments, restore
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Kind, SeriesKey
from crossboard.store.native import NativeSource
from crossboard.store.records import MetricDefined
from crossboard.store.rundir import VERSION, RunFile, write_run_file
from crossboard.store.verify import exit_status, verify


def load(name: str) -> Any:
    """A module beside this one."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = load("visdom_messages")
bare, line, posted = MESSAGES.bare, MESSAGES.line, MESSAGES.posted


class Live:
    """An environment and its journal, as the receiver holds them."""

    def __init__(self, root: Path, eid: str = "main") -> None:
        self.directory = str(root / "visdom" / eid)
        self.eid = eid
        write_run_file(self.directory, RunFile(version=VERSION, id=eid, project="visdom", name=eid, created=1000.0, launch=f"{LAUNCH}:1"))
        self.begin()

    def begin(self) -> None:
        """As after a start of the board."""
        self.journal = Journal(self.directory, launch=f"{LAUNCH}:{os.urandom(4).hex()}")
        self.environment = restore(self.directory, self.eid, self.journal)

    def post(self, endpoint: str, message: Any) -> str:
        """What is answered; what cannot be done is passed over."""
        try:
            answer = self.environment.apply(endpoint, copy.deepcopy(message))
        except BadMessage as error:
            return str(error)
        self.journal.keep(self.environment, answer.changes)
        return answer.text

    def panes(self) -> Any:
        """As `get_window_data` gives them."""
        return bare({window: plain(pane) for window, pane in self.environment.panes.items()})

    def store(self) -> EmbeddedStore:
        """What a reader sees."""
        made = EmbeddedStore([NativeSource(str(Path(self.directory).parents[1]))], memory=True)
        made.refresh()
        return made


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.journal.close()


def curve(live: Live, tag: str) -> tuple[list[int], list[float]]:
    """Steps and values of a series as charts show it."""
    store = live.store()
    key = store.runs()[0].key
    points = store.points(SeriesKey(key, tag))
    return points.step.tolist(), points.value.tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(posted(), max_size=10), st.sets(st.integers(0, 9)), st.booleans())
def test_a_board_that_is_killed_anywhere_goes_on_where_it_was(
    messages: list[tuple[str, dict[str, Any]]], restarts: set[int], ends: bool
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        live, unbroken = Live(Path(directory)), Environment("main")
        for place, (endpoint, message) in enumerate(messages):
            if place in restarts:
                if ends:
                    live.journal.close()
                live.begin()
            wanted = copy.deepcopy(message)
            try:
                text = unbroken.apply(endpoint, wanted).text
            except BadMessage as error:
                text = str(error)
            got = live.post(endpoint, message)
            if endpoint != "win_data":
                assert got == text
            theirs = bare({window: plain(pane) for window, pane in unbroken.panes.items()})
            assert live.panes() == theirs
        live.journal.close()
        live.begin()
        assert live.panes() == bare({window: plain(pane) for window, pane in unbroken.panes.items()})
        assert list(live.environment.panes) == list(unbroken.panes)


def test_an_append_writes_points_and_no_record(live: Live) -> None:
    live.post("events", line("loss", [0], [1.0], opts={"title": "loss"}))
    live.post("update", line("loss", [1], [0.5], append=True, layout={}))
    records = next(Path(live.directory).glob("records-*.cbr"))
    size = records.stat().st_size
    for step in range(2, 40):
        live.post("update", line("loss", [step], [1 / step], append=True, layout={}))
    assert records.stat().st_size == size
    assert curve(live, "loss") == (list(range(40)), [1.0, 0.5, *(1 / step for step in range(2, 40))])


def test_a_curve_that_is_drawn_longer_is_appended_and_one_drawn_otherwise_is_the_next_attempt(live: Live) -> None:
    title = {"opts": {"title": "loss"}}
    live.post("events", line("w", [0, 1], [1.0, 2.0], **title))
    live.post("events", line("w", [0, 1, 2], [1.0, 2.0, 3.0], **title))
    assert live.journal.curves["w"][0].attempt == 1
    live.post("events", line("w", [0, 1], [7.0, 8.0], **title))
    assert live.journal.curves["w"][0].attempt == 2
    assert curve(live, "loss") == ([0, 1], [7.0, 8.0])
    store = live.store()
    assert [attempt for attempt, _, _ in store.strands(SeriesKey(store.runs()[0].key, "loss"))] == [1, 2]


def test_an_x_that_is_not_whole_is_a_series_of_its_own_also_when_it_comes_late(live: Live) -> None:
    live.post("events", line("w", [0, 1], [1.0, 2.0], opts={"title": "loss"}))
    live.post("update", line("w", [1.5], [3.0], append=True, layout={}, opts={}))
    assert curve(live, "loss") == ([0, 1, 2], [1.0, 2.0, 3.0])
    assert curve(live, "loss x") == ([0, 1, 2], [0.0, 1.0, 1.5])
    store = live.store()
    records = [one.record for one in store.records(store.runs()[0].key, Kind.CONFIG)]
    assert [record.x for record in records if isinstance(record, MetricDefined)] == ["loss x"]
    live.begin()
    assert live.panes()["w"]["content"]["data"][0]["x"] == [0, 1, 1.5]


def test_pictures_sounds_and_texts_are_points_too_and_appended_text_costs_what_it_brings(live: Live) -> None:
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
    frame = {"src": f"data:image/png;base64,{pixel}", "caption": "one"}
    live.post("events", {"win": "i", "data": [{"type": "image", "content": frame}], "opts": {"title": "picture"}})
    for place in range(3):
        data = [{"type": "image_history", "content": {**frame, "caption": f"frame {place}"}}]
        live.post("update" if place else "events", {"win": "h", "data": data, "opts": {"title": "history"}})
    live.post("events", {"win": "t", "data": [{"type": "text", "content": "a" * 50_000}], "opts": {"title": "log"}})
    sizes = []
    for place in range(6):
        live.post("update", {"win": "t", "data": [{"type": "text", "content": f'line "{place}" ü'}], "opts": {}})
        sizes.append(sum(path.stat().st_size for path in Path(live.directory).rglob("*") if path.suffix != ".cbj" and path.is_file()))
    assert max(np.diff(sizes)) < 1500
    before = live.panes()
    live.begin()
    assert live.panes() == before
    assert (len(before["h"]["content"]), before["h"]["selected"]) == (3, 2)
    live.post("update", {"win": "t", "data": [{"type": "text", "content": "after the restart"}], "opts": {}})
    live.begin()
    assert live.panes()["t"]["content"] == before["t"]["content"] + "<br>after the restart"
    store = live.store()
    kinds = {(info.key.tag, info.kind): info.count for info in store.series(run=store.runs()[0].key)}
    assert kinds[("picture", Kind.IMAGE)] == 1
    assert kinds[("history", Kind.IMAGE)] == 3
    assert kinds[("log", Kind.TEXT)] == 8
    assert exit_status(verify(str(Path(live.directory).parents[1]))) == 0


def test_an_experiment_is_there_again(live: Live) -> None:
    live.post("experiments/log", {"action": "log", "name": "first", "params": {"lr": 0.1, "deep": True}, "tags": {"who": "me"}})
    live.post("experiments/log", {"action": "metrics", "metrics": {"loss": 0.5}, "step": 7})
    live.post("experiments/log", {"action": "metrics", "metrics": {"plain": 2.0}})
    live.post("experiments/log", {"action": "finish"})
    before = copy.deepcopy(live.environment.experiment)
    assert before is not None
    live.begin()
    after = live.environment.experiment
    assert after is not None
    for one in (*before["metrics"], *after["metrics"]):
        one["timestamp"] = pytest.approx(time.time(), abs=60)
    assert after == before
    assert curve(live, "loss") == ([7], [0.5])
    run = live.store().runs()[0]
    assert (run.config["lr"], run.status) == (0.1, "finished")


def test_environments_are_found_by_name_and_a_deleted_one_is_not(tmp_path: Path) -> None:
    first, second = Live(tmp_path, "main"), Live(tmp_path, "other")
    for live in (first, second):
        live.post("events", line("w", [0], [1.0]))
    write_run_file(tmp_path / "visdom" / "mine", RunFile(version=VERSION, id="mine", project="visdom", name="mine", created=1.0))
    assert sorted(find_environments(str(tmp_path / "visdom"))[0]) == ["main", "other"]
    second.journal.delete()
    directories, deleted = find_environments(str(tmp_path / "visdom"))
    assert (sorted(directories), deleted) == (["main"], {"other"})
    assert {run.name: run.hidden for run in second.store().runs()} == {"main": False, "other": True, "mine": False}
    first.journal.close()


def test_a_trace_that_comes_back_does_not_mix_with_the_one_that_went(live: Live) -> None:
    live.post("events", line("w", [0, 1], [1.0, 2.0], name="a", opts={"title": "t"}))
    live.post("update", line("w", [0, 1], [5.0, 6.0], append=True, layout={}, name="b", opts={}) | {"name": "b"})
    live.post("update", {"win": "w", "data": [], "name": "a", "delete": True})
    live.post("update", line("w", [4], [9.0], append=True, layout={}, name="a", opts={}) | {"name": "a"})
    before = live.panes()
    assert [trace["y"] for trace in before["w"]["content"]["data"]] == [[5.0, 6.0], [9.0]]
    live.begin()
    assert live.panes() == before


def test_json_of_a_pane_holds_what_records_cannot(live: Live) -> None:
    opts = {"title": "odd", "width": "wide", "big": 1 << 70, "deep": [[[[[[[[[[1]]]]]]]]]]}
    live.post("events", {"win": "w", "data": [{"type": "bar", "x": [1 << 70], "y": [float("nan")]}], "layout": {}, "opts": opts})
    live.post("update", {"win": "w", "opts": opts})
    live.begin()
    pane = live.panes()["w"]
    assert pane["width"] == "wide"
    assert json.loads(json.dumps(pane["content"]["data"][0]["x"])) == [1 << 70]
