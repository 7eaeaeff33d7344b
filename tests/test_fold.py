"""The fold: what a run is follows from its records and the life of its writers, and from nothing else."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.fold import RunState, framework_of, merge
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import (
    Alert,
    ConfigSet,
    Edited,
    Ended,
    FrameworksSeen,
    MetricDefined,
    Opened,
    Record,
    SummarySet,
    TextPoint,
)
from crossboard.store.source import FoundRun, Placed, WriterLife

NOW = 10_000.0
NODE = ProcessIdentity(host="node1")
FOUND = FoundRun("native:/r", "/r", "digits", "r", "first", 900.0, group="g", tags=("t",), notes="n")


class Story:
    """A run told record by record."""

    def __init__(self) -> None:
        self.state = RunState(key="native:/r", source="native")
        self.state.found(FOUND)

    def tell(self, writer: str, *records: Record, attempt: int = 1, rank: int = 0) -> None:
        for record in records:
            self.state.apply(Placed(record, writer, attempt, rank))

    def opened(self, writer: str, *, attempt: int = 1, rank: int = 0, role: str = "main", at: float = 1000.0, **more: Any) -> None:
        record = Opened(version=1, writer=writer, attempt=attempt, rank=rank, wall_time=at, process=NODE, role=role, **more)
        self.tell(writer, record, attempt=attempt, rank=rank)

    def life(
        self, writer: str, life: str, *, touched: float = 1500.0, dropped: int = 0, attempt: int = 1, rank: int = 0, role: str = "main"
    ) -> None:
        self.state.hear([WriterLife(writer, attempt, rank, role, life, touched, dropped)])

    def ended(self, writer: str, status: str = "finished", *, attempt: int = 1, rank: int = 0, at: float = 2000.0, **more: Any) -> None:
        self.tell(writer, Ended(wall_time=at, status=status, **more), attempt=attempt, rank=rank)
        self.life(writer, "ended", attempt=attempt, rank=rank)

    @property
    def status(self) -> str:
        return self.state.info(now=NOW).status


@pytest.fixture
def run() -> Story:
    return Story()


# ------------------------------------------------------------------------------------------------------ status


def test_a_run_whose_only_writer_ended_is_finished(run: Story) -> None:
    run.opened("w")
    run.ended("w")
    info = run.state.info(now=NOW)
    assert (info.status, info.started, info.ended, info.host, info.silent_s) == ("finished", 1000.0, 2000.0, "node1", 0.0)


@pytest.mark.parametrize(("life", "status"), [("alive", "running"), ("dead", "killed"), ("unknown", "silent")])
def test_a_writer_without_an_end_is_running_killed_by_proof_or_silent(run: Story, life: str, status: str) -> None:
    run.opened("w")
    run.life("w", life)
    assert run.status == status
    assert run.state.info(now=NOW).ended is None


def test_an_unknown_writer_is_running_for_a_minute_after_its_last_sign_of_life_and_then_silent(run: Story) -> None:
    run.opened("w")
    run.life("w", "unknown", touched=5000.0)
    assert run.state.info(now=5060.0).status == "running"
    info = run.state.info(now=5061.0)
    assert (info.status, info.silent_s, info.updated) == ("silent", 61.0, 5000.0)


def test_a_live_writer_is_running_however_long_it_says_nothing(run: Story) -> None:
    run.opened("w")
    run.life("w", "alive", touched=1.0)
    assert run.state.info(now=1e9).status == "running"


def test_of_several_ranks_a_failure_wins_and_all_must_end(run: Story) -> None:
    for rank in (0, 1):
        run.opened(f"w{rank}", rank=rank)
        run.life(f"w{rank}", "alive", rank=rank)
    run.ended("w0")
    assert run.status == "running"
    run.ended("w1", "failed", rank=1, error="ValueError: loss is NaN")
    info = run.state.info(now=NOW)
    assert (info.status, info.error, info.ranks) == ("failed", "ValueError: loss is NaN", 2)


def test_one_dead_rank_beside_a_live_one_is_still_running(run: Story) -> None:
    for rank, life in enumerate(["dead", "alive"]):
        run.opened(f"w{rank}", rank=rank)
        run.life(f"w{rank}", life, rank=rank)
    assert run.status == "running"
    run.life("w1", "dead", rank=1)
    assert run.status == "killed"


def test_only_the_newest_attempt_counts(run: Story) -> None:
    run.opened("w1")
    run.life("w1", "dead")
    assert run.status == "killed"
    run.opened("w2", attempt=2, at=3000.0)
    run.life("w2", "alive", attempt=2)
    info = run.state.info(now=NOW)
    assert (info.status, info.attempts, info.started) == ("running", 2, 1000.0)
    run.ended("w2", attempt=2)
    assert run.status == "finished"


def test_forks_and_workers_do_not_decide_the_status(run: Story) -> None:
    run.opened("w")
    run.opened("child", role="fork")
    run.life("child", "dead", role="fork")
    run.ended("w")
    assert run.status == "finished"


def test_an_edit_made_on_a_board_is_no_sign_of_the_trainings_life(run: Story) -> None:
    run.opened("w")
    run.ended("w")
    run.opened("board", attempt=0, role="board", at=9000.0)
    run.life("board", "alive", attempt=0, role="board", touched=9000.0)
    run.tell("board", Edited(wall_time=9000.0, name="renamed"), attempt=0)
    info = run.state.info(now=NOW)
    assert (info.status, info.name, info.attempts, info.ranks, info.updated) == ("finished", "renamed", 1, 1, 2000.0)


def test_a_run_without_any_record_is_told_by_what_the_scan_found(run: Story) -> None:
    info = run.state.info(now=920.0)
    assert (info.project, info.id, info.name, info.group, info.tags, info.notes) == ("digits", "r", "first", "g", ("t",), "n")
    assert (info.status, info.started, info.attempts) == ("running", 900.0, 1)


def test_dropped_points_are_the_sum_over_writers_of_the_most_each_said(run: Story) -> None:
    run.opened("w1")
    run.life("w1", "alive", dropped=3)
    run.life("w1", "alive", dropped=5)
    run.ended("w1", dropped=4)
    run.opened("w2", rank=1)
    run.life("w2", "alive", dropped=10, rank=1)
    assert run.state.info(now=NOW).dropped == 15


# ------------------------------------------------------------------------------------------- config, edits, words


def test_config_is_merged_key_by_key_and_a_later_value_wins(run: Story) -> None:
    run.tell("w", ConfigSet(wall_time=1.0, config={"lr": 0.1, "model": {"width": 1, "depth": 2}, "layers": [1]}))
    run.tell("w", ConfigSet(wall_time=2.0, config={"model": {"width": 3}, "layers": [2, 3], "lr": {"start": 1}}))
    assert run.state.info(now=NOW).config == {"lr": {"start": 1}, "model": {"width": 3, "depth": 2}, "layers": [2, 3]}


def test_merging_keeps_nothing_of_the_given_mapping_but_its_values() -> None:
    into: dict[str, Any] = {"a": {"x": 1}}
    new = {"a": {"y": 2}}
    merge(into, new)
    assert into == {"a": {"x": 1, "y": 2}}
    assert new == {"a": {"y": 2}}


def test_the_summary_is_what_the_program_set(run: Story) -> None:
    run.tell("w", SummarySet(wall_time=1.0, summary={"acc": 0.5, "n": 1}), SummarySet(wall_time=2.0, summary={"acc": 0.9}))
    assert run.state.info(now=NOW).summary == {"acc": 0.9, "n": 1}


@given(st.permutations(range(4)))
def test_the_newest_edit_by_wall_time_wins_per_field_in_whatever_order_edits_are_read(order: list[int]) -> None:
    edits = [
        Edited(wall_time=1.0, name="a", tags=["x"]),
        Edited(wall_time=2.0, notes="long"),
        Edited(wall_time=3.0, name="b", hidden=True, color="#fff"),
        Edited(wall_time=4.0, tags=[], hidden=False),
    ]
    story = Story()
    for number in order:
        story.tell(f"board{number}", edits[number], attempt=0)
        story.state.writers.clear()
    info = story.state.info(now=NOW)
    assert (info.name, info.tags, info.notes, info.hidden, info.group) == ("b", (), "long", False, "g")
    assert story.state.color() == "#fff"


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ([], ""),
        (["torch"], "torch"),
        (["tensorflow"], "tensorflow"),
        (["tensorflow", "keras"], "keras"),
        (["keras", "torch"], "keras"),
        (["jax"], "jax"),
        (["sklearn", "torch"], "torch"),
        (["somethingelse"], ""),
    ],
)
def test_the_framework_is_the_one_that_says_most(seen: list[str], name: str) -> None:
    assert framework_of(dict.fromkeys(seen, "1.0")) == name


def test_frameworks_imported_later_count(run: Story) -> None:
    run.opened("w", frameworks={"torch": "2.9"})
    assert run.state.info(now=NOW).framework == "torch"
    run.tell("w", FrameworksSeen(wall_time=1.0, frameworks={"keras": "3.1"}))
    assert run.state.info(now=NOW).framework == "keras"


def test_the_last_definition_of_a_metric_counts_and_stands_last(run: Story) -> None:
    first = MetricDefined(wall_time=1.0, tag="acc", goal="min")
    other = MetricDefined(wall_time=2.0, tag="loss/*", goal="min")
    second = MetricDefined(wall_time=3.0, tag="acc", goal="max")
    run.tell("w", first, other, second)
    assert run.state.goals() == [other, second]


def test_points_change_nothing_and_alerts_are_counted(run: Story) -> None:
    run.opened("w")
    before = run.state.info(now=NOW)
    run.tell("w", TextPoint(tag="t", step=1, wall_time=99999.0, texts=["x"]))
    assert run.state.info(now=NOW) == before
    run.tell("w", Alert(wall_time=1.0, title="x"))
    assert run.state.alerts == 1


def test_a_fold_goes_through_messagepack_and_on(run: Story) -> None:
    run.opened("w", frameworks={"torch": "2.9"})
    run.tell("w", ConfigSet(wall_time=1.0, config={"a": {"b": 1}}), MetricDefined(wall_time=1.0, tag="acc", goal="max"))
    run.tell("w", Edited(wall_time=1.0, name="new", tags=["x"]))
    run.life("w", "alive")
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(run.state), type=RunState)
    assert kept.info(now=NOW) == run.state.info(now=NOW)
    for state in (kept, run.state):
        state.apply(Placed(Ended(wall_time=3000.0, status="failed", error="x"), "w", 1, 0))
        state.apply(Placed(Edited(wall_time=0.5, name="older"), "w", 1, 0))
    assert kept.info(now=NOW) == run.state.info(now=NOW)
    assert kept.info(now=NOW).name == "new"


def test_an_unknown_time_is_nan_and_not_a_guess() -> None:
    state = RunState(key="k", source="tensorboard")
    info = state.info(now=NOW)
    assert math.isnan(info.started)
    assert math.isnan(info.updated)
