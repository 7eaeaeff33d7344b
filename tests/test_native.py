"""The native source: every point exactly once along any chain of cursors, whatever happens to the files in between."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossboard.store.errors import NotFound
from crossboard.store.framing import encode_frame
from crossboard.store.native import NativeSource, run_key
from crossboard.store.points import HEADER_SIZE, RECORD, RECORD_DTYPE, RECORD_SIZE, PointsHeader, check_of, checks_of
from crossboard.store.records import Alert, Foreign, TagDeclared, encode_record
from crossboard.store.sealing import seal_writer
from crossboard.store.source import Batch, FoundRun, Placed
from crossboard.store.tail import FIRST_LOOK, MOST_SAID
from crossboard.store.writer import open_points

hand = import_module("handmade")
Row = tuple[int, float, float]


class Follower:
    """A reader that keeps its cursor and all it was given, as a store does."""

    def __init__(self, root: str | os.PathLike[str], run_dir: str, *, max_bytes: int = 64 << 20) -> None:
        self.source = NativeSource(root)
        self.run_dir = run_dir
        self.max_bytes = max_bytes
        self.cursor: bytes | None = None
        self.restarts = 0
        self.forget()

    def forget(self) -> None:
        self.rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.records: list[Placed] = []
        self.problems: list[str] = []

    def look(self) -> Batch:
        [run] = [run for run in self.source.scan() if run.path == self.run_dir]
        while True:
            batch = self.source.read(run, self.cursor, max_bytes=self.max_bytes)
            if batch.restart:
                self.forget()
                self.restarts += 1
            self.cursor = batch.cursor
            self.records += batch.records
            self.problems += map(str, batch.problems)
            for strand in batch.strands:
                points = strand.points
                rows = zip(points.step.tolist(), points.wall_time.tolist(), points.value.tolist(), strict=True)
                self.rows[strand.writer, strand.tag].extend(rows)
            if not batch.more:
                return batch

    def steps(self, tag: str = "loss", writer: str = "w1") -> list[int]:
        return [row[0] for row in self.rows[writer, tag]]


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    return str(hand.make_run(tmp_path))


@pytest.fixture
def follower(tmp_path: Path, run_dir: str) -> Follower:
    return Follower(tmp_path, run_dir)


# -------------------------------------------------------------------------------------------------- reading


def test_a_point_is_there_as_soon_as_it_is_written(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    follower.look()
    assert follower.rows == {}
    for step in range(5):
        writer.log("loss", step, step / 2)
        follower.look()
        assert follower.steps() == list(range(step + 1))
    assert follower.rows["w1", "loss"][2] == (2, hand.T0 + 2, 1.0)
    assert follower.problems == []


def test_steps_in_any_order_repeated_and_negative_are_kept_in_order_of_arrival(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    steps = [5, -3, 5, 5, 0, 2**63 - 1, -(2**63), 5]
    for step in steps:
        writer.log("loss", step, math.nan)
    follower.look()
    assert follower.steps() == steps


def test_reading_twice_from_one_cursor_gives_the_same(run_dir: str, tmp_path: Path) -> None:
    writer = hand.HandWriter(run_dir)
    for step in range(10):
        writer.log("loss", step, 1.0)
    source = NativeSource(tmp_path)
    [run] = source.scan()
    middle = source.read(run, None, max_bytes=1).cursor
    writer.log("acc", 3, 0.5)
    first, second = source.read(run, middle), source.read(run, middle)
    assert first.cursor == second.cursor
    assert [strand.points.step.tolist() for strand in first.strands] == [strand.points.step.tolist() for strand in second.strands]


def test_a_cursor_serves_after_a_restart_of_the_reader(run_dir: str, tmp_path: Path) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 1, 1.0)
    before = Follower(tmp_path, run_dir)
    before.look()
    writer.log("loss", 2, 1.0)
    after = Follower(tmp_path, run_dir)
    after.cursor = before.cursor
    after.look()
    assert (before.steps(), after.steps()) == ([1], [2])


@pytest.mark.parametrize("cursor", [b"\xc1", b"\x93\x01\x02\x03", b"not a cursor"])
def test_a_cursor_that_is_none_begins_anew(run_dir: str, tmp_path: Path, cursor: bytes) -> None:
    hand.HandWriter(run_dir).log("loss", 1, 1.0)
    source = NativeSource(tmp_path)
    batch = source.read(source.scan()[0], cursor)
    assert batch.restart
    assert [strand.points.step.tolist() for strand in batch.strands] == [[1]]


def test_two_ids_of_one_tag_are_one_strand_in_order_of_arrival(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    writer.append(TagDeclared(id=1, tag="loss"), TagDeclared(id=2, tag="loss"), TagDeclared(id=3, tag="acc"))
    for slot, number in enumerate([1, 2, 3, 1, 2]):
        writer.fill(slot, number, slot, 0.0)
    follower.look()
    assert follower.steps() == [0, 1, 3, 4]
    assert follower.steps("acc") == [2]


def test_writers_ranks_and_attempts_stay_apart(run_dir: str, follower: Follower) -> None:
    for attempt in (1, 2):
        for rank in (0, 1):
            writer = hand.HandWriter(run_dir, f"a{attempt}r{rank}", attempt=attempt, rank=rank)
            writer.log("loss", 10 * attempt + rank, 0.0)
    batch = follower.look()
    assert {(s.attempt, s.rank, s.writer, s.points.step.tolist()[0]) for s in batch.strands} == {
        (1, 0, "a1r0", 10),
        (1, 1, "a1r1", 11),
        (2, 0, "a2r0", 20),
        (2, 1, "a2r1", 21),
    }


def test_a_read_stops_at_its_limit_and_says_that_there_is_more(run_dir: str, tmp_path: Path) -> None:
    writer = hand.HandWriter(run_dir)
    number = writer.declare("loss")
    step = np.arange(5000, dtype=np.int64)
    rows = np.zeros(5000, RECORD_DTYPE)
    rows["step"], rows["tag"], rows["wall_time"] = step, number, hand.T0
    rows["check"] = checks_of(step, step, rows["tag"])
    writer.put(0, rows.tobytes())
    source = NativeSource(tmp_path)
    [run] = source.scan()
    first = source.read(run, None, max_bytes=1000)
    assert first.more
    assert 0 < sum(len(strand.points) for strand in first.strands) < 5000
    small = Follower(tmp_path, run_dir, max_bytes=1000)
    small.look()
    assert small.steps() == step.tolist()


def test_records_come_with_their_offset_and_writer(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, rank=3, attempt=2)
    offset = writer.records.stat().st_size
    writer.append(Alert(wall_time=1.0, title="look"))
    follower.look()
    placed = follower.records[-1]
    assert (placed.writer, placed.attempt, placed.rank, placed.offset) == ("w1", 2, 3, offset)
    assert placed.path == os.fspath(writer.records)


def test_a_look_at_a_quiet_live_journal_is_a_small_read_and_not_its_room(
    run_dir: str, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = hand.HandWriter(run_dir, room=100_000)
    writer.log("loss", 1, 1.0, time.time())
    follower.look()
    read: list[int] = []
    pread = os.pread

    def counted(file: int, size: int, offset: int) -> bytes:
        data = pread(file, size, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr("crossboard.store.tail.os.pread", counted)
    for _ in range(10):
        follower.look()
    assert 0 < sum(read) < 10 * (FIRST_LOOK + 1000)


def test_no_descriptor_stays_open_between_reads(run_dir: str, follower: Follower) -> None:
    hand.HandWriter(run_dir).log("loss", 1, 1.0)
    before = len(os.listdir("/proc/self/fd"))
    follower.look()
    assert len(os.listdir("/proc/self/fd")) == before


def test_reading_changes_no_file(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead(), room=100)
    writer.log("loss", 1, 1.0)
    writer.append_bytes(b"torn")

    def state() -> dict[str, tuple[int, int, bytes]]:
        return {p.name: (p.stat().st_mtime_ns, p.stat().st_size, p.read_bytes()) for p in Path(run_dir).iterdir()}

    before = state()
    follower.look()
    assert state() == before


# ------------------------------------------------------------------------------------- pending, torn, damaged


def test_a_slot_that_is_filled_late_comes_when_it_is_whole(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    number = writer.declare("loss")
    writer.fill(0, number, 0, 1.0)
    writer.fill(2, number, 2, 1.0)
    follower.look()
    assert follower.steps() == [0, 2]
    follower.look()
    writer.fill(1, number, 1, 1.0)
    follower.look()
    assert follower.steps() == [0, 2, 1]
    assert follower.problems == []


def test_a_half_stored_point_is_read_when_it_is_whole(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    number = writer.declare("loss")
    whole = RECORD.pack(1.0, 7, hand.T0, check_of(0, 7, number), number)
    for cut in (4, 12, 20, 26, 28):
        writer.put(0, whole[:cut] + bytes(32 - cut))
        follower.look()
        assert follower.steps() == []
    writer.put(0, whole)
    follower.look()
    assert (follower.steps(), follower.problems) == ([7], [])


def test_an_empty_slot_of_a_dead_writer_is_no_damage(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    number = writer.declare("loss")
    writer.fill(0, number, 0, 1.0)
    writer.fill(2, number, 2, 1.0)
    follower.look()
    assert (follower.steps(), follower.problems) == ([0, 2], [])


def test_a_damaged_point_is_reported_once_with_its_offset_when_the_writer_is_gone(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    for step in range(4):
        writer.log("loss", step, 1.0)
    with writer.points.open("r+b") as file:
        file.seek(HEADER_SIZE + 1 * RECORD_SIZE + 8)
        file.write(b"\xff")
    follower.look()
    assert (follower.steps(), follower.problems) == ([0, 2, 3], [])
    writer.end()
    follower.look()
    follower.look()
    assert len(follower.problems) == 1
    assert f"at byte {HEADER_SIZE + RECORD_SIZE} of {writer.points}" in follower.problems[0]


def test_of_very_many_problems_the_first_are_reported_and_the_rest_is_said_to_be_there(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    writer.log("loss", 0, 1.0)
    writer.put(1, b"\xfe" * 32 * (MOST_SAID + 50))
    follower.look()
    assert follower.steps() == [0]
    assert len(follower.problems) == MOST_SAID + 1
    assert "there are more; `crossboard verify` lists them all" in follower.problems[-1]


def test_points_behind_more_empty_slots_than_a_first_look_sees_are_found_in_a_live_run(run_dir: str, follower: Follower) -> None:
    """A call with 1,000 metrics that an exception left half way leaves its slots empty for good."""
    writer = hand.HandWriter(run_dir, room=5000)
    writer.log("loss", 0, 1.0, time.time())
    follower.look()
    far = 4 * FIRST_LOOK // RECORD_SIZE
    writer.fill(far, 1, 99, 1.0, time.time())
    os.utime(writer.points, (time.time() + 10, time.time() + 10))
    follower.look()
    assert follower.steps() == [0, 99]
    assert follower.problems == []


def test_a_value_that_was_copied_before_it_was_written_is_not_shown(
    run_dir: str, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read copies a record from front to back while the writer fills it: it can meet the tag and have missed the value."""
    writer = hand.HandWriter(run_dir)
    slot = writer.log("loss", 0, 7.0)
    at, read = HEADER_SIZE + slot * RECORD_SIZE, os.pread
    torn: list[bytes] = []

    def overtaken(file: int, count: int, offset: int) -> bytes:
        data = read(file, count, offset)
        if not torn and offset == at and len(data) >= RECORD_SIZE:
            torn.append(data)
            data = bytes(8) + data[8:]
        return data

    monkeypatch.setattr(os, "pread", overtaken)
    follower.look()
    assert torn
    assert [row[2] for row in follower.rows["w1", "loss"]] == [7.0]


def test_many_empty_slots_of_a_dead_writer_are_reported(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead(), room=1000)
    writer.log("loss", 0, 1.0)
    writer.fill(900, 1, 900, 1.0)
    follower.look()
    assert follower.steps() == [0, 900]
    assert "899 empty slots" in follower.problems[0]


def test_a_point_whose_tag_is_not_declared_yet_waits_for_its_name(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    writer.fill(0, 1, 5, 1.0, time.time())
    writer.slots = 1
    follower.look()
    assert follower.rows == {}
    writer.declare("loss")
    writer.log("loss", 6, 1.0)
    follower.look()
    assert (sorted(follower.steps()), follower.problems) == ([5, 6], [])


def test_points_whose_tag_no_record_declares_are_shown_under_a_name_that_says_so(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    writer.fill(0, 4, 5, 1.0)
    follower.look()
    assert follower.steps("undeclared/4") == [5]
    assert "tag id 4, which no record declares" in follower.problems[0]


def test_a_torn_last_record_of_a_live_writer_comes_when_it_is_whole(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    frame = encode_frame(encode_record(Alert(wall_time=1.0, title="look")))
    writer.append_bytes(frame[:20])
    follower.look()
    assert [type(placed.record).__name__ for placed in follower.records] == ["Opened"]
    writer.append_bytes(frame[20:])
    follower.look()
    assert (len(follower.records), follower.problems) == (2, [])


def unreadable(writer: Any) -> None:
    writer.points.unlink()
    writer.points.mkdir()  # reading a directory fails with EISDIR, for root, too


def wrong_magic(writer: Any) -> None:
    writer.points.write_bytes(b"this is no journal" * 10)


def no_records(writer: Any) -> None:
    writer.records.write_bytes(b"\xff" * 500)


@pytest.mark.parametrize("harm", [unreadable, wrong_magic, no_records])
def test_one_bad_file_takes_down_no_other(run_dir: str, follower: Follower, harm: Callable[[Any], None]) -> None:
    bad = hand.HandWriter(run_dir, "a-bad")
    bad.log("loss", 1, 1.0)
    good = hand.HandWriter(run_dir, "good")
    good.log("loss", 2, 1.0)
    if harm is no_records:
        bad.end()
    harm(bad)
    follower.look()
    good.log("loss", 3, 1.0)
    follower.look()
    assert follower.steps(writer="good") == [2, 3]
    if harm is not no_records:
        assert [problem for problem in follower.problems if "a-bad" in problem]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 9}', "\x00" * 100])
def test_a_run_whose_identity_is_damaged_is_listed_with_the_problem(tmp_path: Path, run_dir: str, content: str) -> None:
    hand.HandWriter(run_dir).log("loss", 1, 1.0)
    path = Path(run_dir, "run.json")
    path.write_text(content)
    os.utime(path, (1e9, 1e9))
    follower = Follower(tmp_path, run_dir)
    follower.look()
    assert follower.steps() == [1]
    assert "run.json" in follower.problems[0]


# ----------------------------------------------------------------------------------------- life of a writer


def test_the_life_of_each_writer_comes_with_every_batch(run_dir: str, follower: Follower) -> None:
    hand.HandWriter(run_dir, "w1", process=hand.alive())
    hand.HandWriter(run_dir, "w2", process=hand.dead())
    hand.HandWriter(run_dir, "w3", process=hand.elsewhere())
    ended = hand.HandWriter(run_dir, "w4", process=hand.alive(), role="fork")
    ended.end()
    ended.drop(3)
    lives = {life.writer: life for life in follower.look().writers}
    assert [lives[name].life for name in ("w1", "w2", "w3", "w4")] == ["alive", "dead", "unknown", "ended"]
    assert (lives["w4"].dropped, lives["w4"].role) == (3, "fork")
    assert abs(lives["w1"].touched - time.time()) < 60


# --------------------------------------------------------------------------------------------------- sealing


def test_a_journal_that_becomes_a_sealed_file_under_a_live_cursor_gives_each_point_once(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    for step in range(6):
        writer.log("b" if step % 2 else "a", step, 1.0)
    follower.look()
    for step in range(6, 12):
        writer.log("b" if step % 2 else "a", step, 1.0)
    writer.end()
    assert seal_writer(run_dir, "w1").state == "sealed"
    follower.look()
    follower.look()
    assert follower.steps("a") == [0, 2, 4, 6, 8, 10]
    assert follower.steps("b") == [1, 3, 5, 7, 9, 11]
    assert (follower.restarts, follower.problems) == (0, [])


def test_a_pending_slot_that_was_sealed_makes_the_reader_begin_anew(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    number = writer.declare("loss")
    writer.fill(0, number, 0, 1.0)
    writer.fill(2, number, 2, 1.0)
    follower.look()
    writer.fill(1, number, 1, 1.0)
    writer.end()
    seal_writer(run_dir, "w1")
    follower.look()
    assert (follower.steps(), follower.restarts, follower.problems) == ([0, 1, 2], 1, [])


def test_a_journal_that_is_still_there_beside_its_sealed_file_is_the_one_that_is_read(run_dir: str, follower: Follower) -> None:
    writer = hand.HandWriter(run_dir)
    for step in range(4):
        writer.log("loss", step, 1.0)
    writer.end()
    journal = writer.points.read_bytes()
    seal_writer(run_dir, "w1")
    writer.points.write_bytes(journal)
    follower.look()
    assert follower.steps() == [0, 1, 2, 3]
    writer.points.unlink()
    follower.look()
    assert follower.steps() == [0, 1, 2, 3]


operations = st.lists(
    st.one_of(
        st.tuples(st.just("log"), st.sampled_from(["a", "b"]), st.integers(-3, 3), st.floats()),
        st.tuples(st.just("read"), st.sampled_from([1, 100, 1 << 20])),
        st.tuples(st.just("hole")),
        st.tuples(st.just("fill")),
        st.tuples(st.just("alert")),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations, st.booleans())
def test_any_interleaving_of_appends_and_reads_yields_each_point_once(steps: Sequence[tuple[Any, ...]], seal: bool) -> None:
    root = tempfile.mkdtemp()
    try:
        run_dir = hand.make_run(root)
        writer, follower = hand.HandWriter(run_dir), Follower(root, run_dir)
        slots: dict[int, tuple[str, int, float]] = {}
        holes: list[int] = []
        for number in ("a", "b"):
            writer.declare(number)
        alerts = 0
        for what, *rest in steps:
            if what == "log":
                slots[writer.log(rest[0], rest[1], rest[2])] = (rest[0], rest[1], rest[2])
            elif what == "hole":
                holes.append(writer.slots)
                writer.slots += 1
            elif what == "fill" and holes:
                slot = holes.pop(0)
                writer.fill(slot, writer.ids["a"], 77, 0.5)
                slots[slot] = ("a", 77, 0.5)
            elif what == "alert":
                writer.append(Alert(wall_time=1.0, title=str(alerts)))
                alerts += 1
            elif what == "read":
                follower.max_bytes = rest[0]
                follower.look()
        writer.end()
        if seal:
            assert seal_writer(run_dir, "w1").state == "sealed"
        follower.look()
        follower.look()
        want = {tag: [(slot, *slots[slot][1:]) for slot in sorted(slots) if slots[slot][0] == tag] for tag in ("a", "b")}
        for tag, rows in want.items():
            got = [(round(wall - hand.T0), step, value) for step, wall, value in follower.rows["w1", tag]]
            assert sorted(map(repr, got)) == sorted(map(repr, rows))
            in_order = [row for row in got if row[1] != 77]  # a slot that was filled late arrives late
            assert [row[0] for row in in_order] == sorted(row[0] for row in in_order)
        assert [p.record.title for p in follower.records if isinstance(p.record, Alert)] == [str(i) for i in range(alerts)]
        assert follower.problems == []
    finally:
        shutil.rmtree(root)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_run_cut_at_any_byte_loses_only_what_was_unfinished(data: st.DataObject) -> None:
    root = tempfile.mkdtemp()
    try:
        run_dir = hand.make_run(root)
        writer = hand.HandWriter(run_dir, process=hand.dead())
        for step in range(8):
            writer.log("loss", step, 1.0)
        whole = writer.points.read_bytes()
        cut = data.draw(st.integers(0, len(whole)))
        writer.points.write_bytes(whole[:cut])
        follower = Follower(root, run_dir)
        follower.look()
        assert follower.steps() == list(range(max(0, cut - HEADER_SIZE) // RECORD_SIZE))
        assert follower.problems == []
    finally:
        shutil.rmtree(root)


# --------------------------------------------------------------------------------------------- the real writer


@pytest.mark.parametrize("way", ["mmap", "write"])
def test_what_the_real_writer_keeps_is_read_while_it_writes_across_growth(run_dir: str, follower: Follower, way: str) -> None:
    hands = hand.HandWriter(run_dir)
    number = hands.declare("loss")
    hands.points.unlink()
    points = open_points(run_dir, PointsHeader("w1", 1, 0, hand.T0), way)
    for step in range(7000):
        points.put(number, step / 3, step, hand.T0 + step)
        if step % 1000 == 0:
            follower.look()
            assert follower.steps()[-1] == step
    points.close()
    hands.end()
    follower.look()
    assert follower.rows["w1", "loss"] == [(step, hand.T0 + step, step / 3) for step in range(7000)]
    assert follower.problems == []


# ---------------------------------------------------------------------------------------------------- scanning


def test_a_scan_lists_runs_of_a_root_a_project_and_a_run(tmp_path: Path) -> None:
    first = hand.make_run(tmp_path, "r1", "p1", name="one", group="g", tags=["t"], notes="n")
    second = hand.make_run(tmp_path, "r2", "p2")
    runs = {run.path: run for run in NativeSource(tmp_path).scan()}
    assert set(runs) == {first, second}
    run = runs[first]
    assert run.key == run_key(first) == f"native:{first}"
    assert (run.project, run.id, run.name, run.group, run.tags, run.notes, run.created) == ("p1", "r1", "one", "g", ("t",), "n", hand.T0)
    assert [run.path for run in NativeSource(tmp_path / "p1").scan()] == [first]
    assert [run.path for run in NativeSource(second).scan()] == [second]


def test_new_runs_appear_and_deleted_ones_go(tmp_path: Path) -> None:
    source = NativeSource(tmp_path)
    assert source.scan() == []
    path = hand.make_run(tmp_path)
    assert [run.path for run in source.scan()] == [path]
    shutil.rmtree(path)
    assert source.scan() == []


def test_a_run_that_vanishes_between_scan_and_read_gives_an_empty_batch(tmp_path: Path, run_dir: str) -> None:
    hand.HandWriter(run_dir).log("loss", 1, 1.0)
    source = NativeSource(tmp_path)
    [run] = source.scan()
    shutil.rmtree(run_dir)
    batch = source.read(run, None)
    assert (batch.strands, batch.more) == ([], False)


def test_a_quiet_ended_run_keeps_its_token_until_anything_happens_to_it(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 1, 1.0)
    source = NativeSource(tmp_path)

    def token() -> object:
        [run] = source.scan()
        source.read(run, source.read(run, None).cursor)
        return source.scan()[0].token

    assert token() is None, "a live run is read each time"
    writer.end()
    ended = token()
    assert ended is not None
    assert token() == ended
    writer.append(Alert(wall_time=1.0, title="late"))
    assert source.scan()[0].token != ended
    later = token()
    seal_writer(run_dir, "w1")
    assert source.scan()[0].token != later
    sealed = token()
    hand.HandWriter(run_dir, "w2", attempt=2)
    assert source.scan()[0].token != sealed


def test_a_thousand_quiet_runs_are_scanned_in_well_under_a_tenth_of_a_second(tmp_path: Path) -> None:
    for number in range(1000):
        writer = hand.HandWriter(hand.make_run(tmp_path, f"run{number}"), process=hand.dead())
        writer.log("loss", 1, 1.0)
        writer.end()
    source = NativeSource(tmp_path)
    for run in source.scan():
        source.read(run, None)
    took = []
    for _ in range(7):
        start = time.perf_counter()
        runs = source.scan()
        took.append(time.perf_counter() - start)
    assert all(run.token is not None for run in runs)
    assert min(took) < 0.1


# -------------------------------------------------------------------------------------------------------- blobs


def test_a_record_cannot_make_the_reader_hand_out_a_file_from_elsewhere(tmp_path: Path, run_dir: str) -> None:
    outside = tmp_path / "secret"
    outside.write_bytes(b"secret")
    inside = Path(run_dir, "log.bin")
    inside.write_bytes(b"0123456789")
    Path(run_dir, "link").symlink_to(outside)
    source = NativeSource(Path(run_dir).parent)
    [run] = source.scan()
    assert source.blob(run, Foreign("log.bin", 2, 3, "x/y")) == b"234"
    for path in (os.fspath(outside), "../../secret", "link"):
        with pytest.raises(NotFound, match="want a file inside"):
            source.blob(run, Foreign(path, 0, 6, "x/y"))


def closed_runs(root: Path, count: int) -> list[str]:
    paths = []
    for number in range(count):
        path = hand.make_run(root, f"r{number}")
        writer = hand.HandWriter(path)
        writer.log("loss", number, 1.0)
        writer.end()
        paths.append(path)
    return paths


def test_a_closed_run_is_known_by_its_token_from_its_first_reading_on(tmp_path: Path) -> None:
    [path] = closed_runs(tmp_path, 1)
    source = NativeSource(tmp_path)
    [found] = source.scan()
    token = source.read(found, None).token
    assert isinstance(token, tuple)
    assert source.scan()[0].token == token
    later = NativeSource(tmp_path)
    later.recall(replace(found, token=None), token)
    assert later.scan()[0].token == token
    with open(Path(path, "records-w1.cbr"), "ab") as file:
        file.write(encode_frame(encode_record(Alert(wall_time=1.0, title="late"))))
    assert later.scan()[0].token != token


def test_of_very_many_closed_runs_a_part_is_looked_at_in_each_scan_and_what_is_expected_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossboard.store.native.MOST_LOOKS", 2)
    paths = closed_runs(tmp_path, 7)
    source = NativeSource(tmp_path)
    for run in source.scan():
        source.read(run, None)
    source.scan()
    before = {run.path: run.token for run in source.scan()}
    assert len(before) == 7
    for path in paths:
        hand.HandWriter(path, "board-1", role="board", process=hand.dead())
    source.expect(FoundRun(run_key(paths[6]), paths[6], "digits", "r6", "r6", 0.0))
    after = {run.path: run.token for run in source.scan()}
    changed = {path for path in paths if after[path] != before[path]}
    assert paths[6] in changed
    assert len(changed) <= 3
    for _ in range(4):
        after = {run.path: run.token for run in source.scan()}
    assert all(after[path] != before[path] for path in paths)
    shutil.rmtree(paths[3])
    os.utime(Path(paths[3]).parent, (1, 1))
    assert sorted(run.path for run in source.scan()) == sorted(set(paths) - {paths[3]})
