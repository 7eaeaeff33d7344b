"""The native source: any chain of reads gives every point once, in order, whatever happens to the files in between."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.framing import encode_frame
from crossboard.store.native import NativeSource
from crossboard.store.points import HEADER_SIZE, RECORD, RECORD_SIZE, PointsHeader, check_of, encode_header
from crossboard.store.process import ProcessIdentity, this_process
from crossboard.store.records import Ended, Opened, TagDeclared, TextPoint, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file
from crossboard.store.sealing import seal_run
from crossboard.store.source import Batch

Taken = dict[str, list[tuple[int, float]]]
DEAD = ProcessIdentity(**{**{name: getattr(this_process(), name) for name in ProcessIdentity.__struct_fields__}, "start_ticks": 1})


class Reading:
    """A chain of reads of one run."""

    def __init__(self, root: Path) -> None:
        self.source = NativeSource(root)
        self.cursor: bytes | None = None
        self.points: Taken = {}
        self.texts: list[str] = []
        self.problems: list[str] = []

    def read(self, *, max_bytes: int = 64 << 20) -> Batch:
        (run,) = self.source.scan()
        while True:
            batch = self.source.read(run, self.cursor, max_bytes=max_bytes)
            self.cursor = batch.cursor
            for strand in batch.strands:
                pairs = zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True)
                self.points.setdefault(strand.tag, []).extend(pairs)
            self.texts += [text for placed in batch.records if isinstance(placed.record, TextPoint) for text in placed.record.texts]
            self.problems += map(str, batch.problems)
            if not batch.more:
                return batch


class ByHand:
    """A run directory that is written byte by byte, as the formats say."""

    def __init__(self, root: Path, *, process: ProcessIdentity | None = None) -> None:
        self.dir = root / "p" / "r"
        write_run_file(self.dir, RunFile(version=1, id="r", project="p", name="r", created=1.0))
        self.records = self.dir / records_name("w")
        self.points = self.dir / points_name("w")
        self.slot = 0
        who = process or this_process()
        self.append(Opened(version=1, writer="w", attempt=1, rank=0, wall_time=1.0, process=who))
        self.points.write_bytes(encode_header(PointsHeader("w", 1, 0, 1.0)))

    def append(self, *records: object) -> None:
        with self.records.open("ab") as file:
            for record in records:
                file.write(encode_frame(encode_record(record)))  # type: ignore[arg-type]

    def put(self, tag: int, step: int, value: float, *, slot: int | None = None, spoiled: bool = False) -> None:
        slot = self.slot if slot is None else slot
        self.slot = max(self.slot, slot + 1)
        check = check_of(slot, step, tag) ^ (1 if spoiled else 0)
        with self.points.open("r+b") as file:
            file.seek(HEADER_SIZE + slot * RECORD_SIZE)
            file.write(RECORD.pack(value, step, 5.0, check, tag))

    def room(self, slots: int) -> None:
        os.truncate(self.points, HEADER_SIZE + (self.slot + slots) * RECORD_SIZE)


def test_a_slot_that_is_filled_late_is_delivered_once_and_holds_up_no_other(tmp_path: Path) -> None:
    run, reading = ByHand(tmp_path), Reading(tmp_path)
    run.append(TagDeclared(id=1, tag="a"))
    run.put(1, 0, 0.0)
    run.put(1, 2, 2.0, slot=2)
    run.room(1000)
    reading.read()
    assert reading.points == {"a": [(0, 0.0), (2, 2.0)]}
    run.put(1, 1, 1.0, slot=1)
    run.put(1, 3, 3.0)
    reading.read()
    reading.read()
    assert sorted(reading.points["a"]) == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    assert not reading.problems


def test_a_mismatch_of_a_live_writer_is_read_again_and_of_a_dead_one_reported(tmp_path: Path) -> None:
    live, dead = ByHand(tmp_path / "live"), ByHand(tmp_path / "dead", process=DEAD)
    for run in (live, dead):
        run.append(TagDeclared(id=1, tag="a"))
        run.put(1, 0, 0.0)
        run.put(1, 1, 1.0, spoiled=True)
        run.put(1, 2, 2.0)
    reading, other = Reading(tmp_path / "live"), Reading(tmp_path / "dead")
    reading.read()
    assert not reading.problems
    live.put(1, 1, 1.0, slot=1)
    reading.read()
    assert sorted(reading.points["a"]) == [(0, 0.0), (1, 1.0), (2, 2.0)]
    other.read()
    other.read()
    assert other.points["a"] == [(0, 0.0), (2, 2.0)]
    assert other.problems == [f"point: check does not fit; point skipped at byte {HEADER_SIZE + RECORD_SIZE} of {dead.points}"]


def test_a_hole_that_a_killed_process_left_is_no_damage_but_a_zeroed_page_is(tmp_path: Path) -> None:
    run = ByHand(tmp_path, process=DEAD)
    run.append(TagDeclared(id=1, tag="a"))
    for slot in [0, 2, *range(300, 600)]:
        run.put(1, slot, 0.0, slot=slot)
    reading = Reading(tmp_path)
    reading.read()
    assert len(reading.points["a"]) == 302
    (problem,) = reading.problems
    assert "empty slots before later points" in problem


def test_a_point_whose_tag_is_declared_late_waits_for_its_name(tmp_path: Path) -> None:
    run, reading = ByHand(tmp_path), Reading(tmp_path)
    run.append(TagDeclared(id=1, tag="a"), TagDeclared(id=2, tag="a"))
    run.put(2, 0, 0.0)
    run.put(1, 1, 1.0)
    reading.read()
    assert reading.points == {"a": [(0, 0.0), (1, 1.0)]}, "two ids may name one tag"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(1, 3), st.integers(-5, 5)),
            st.tuples(st.just("text"), st.just(0), st.just(0)),
            st.tuples(st.just("read"), st.just(0), st.sampled_from([40, 200, 1 << 20])),
            st.tuples(st.just("room"), st.just(0), st.integers(1, 300)),
        ),
        max_size=40,
    )
)
def test_any_interleaving_of_writes_and_reads_yields_each_point_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, int]]
) -> None:
    root = tmp_path_factory.mktemp("run")
    run, reading = ByHand(root), Reading(root)
    run.append(*(TagDeclared(id=number, tag=f"t{number}") for number in (1, 2, 3)))
    want: Taken = {}
    texts = []
    for number, (act, tag, argument) in enumerate(acts):
        if act == "put":
            run.put(tag, argument, float(number))
            want.setdefault(f"t{tag}", []).append((argument, float(number)))
        elif act == "text":
            run.append(TextPoint(tag="text", step=number, wall_time=0.0, texts=[str(number)]))
            texts.append(str(number))
        elif act == "room":
            run.room(argument)
        else:
            reading.read(max_bytes=argument)
    reading.read()
    assert reading.points == want
    assert reading.texts == texts
    assert not reading.problems


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=30), st.integers(0, 30))
def test_sealing_between_two_reads_neither_loses_nor_doubles_a_point(
    tmp_path_factory: pytest.TempPathFactory, tags: list[int], seen: int
) -> None:
    root = tmp_path_factory.mktemp("run")
    run, reading = ByHand(root), Reading(root)
    run.append(*(TagDeclared(id=number, tag=f"t{number}") for number in (1, 2, 3)))
    want: Taken = {}
    for step, tag in enumerate(tags):
        run.put(tag, step, float(step))
        want.setdefault(f"t{tag}", []).append((step, float(step)))
        if step == seen:
            reading.read()
    run.append(Ended(wall_time=2.0, status="finished"))
    (report,) = seal_run(str(run.dir))
    assert report.state == "sealed"
    reading.read()
    reading.read()
    assert reading.points == want
    anew = Reading(root)
    anew.read()
    assert anew.points == want


@pytest.fixture
def live(tmp_path: Path) -> Iterator[cb.Run]:
    run = cb.init(dir=tmp_path)
    yield run
    cb.finish()


def test_a_real_writer_is_followed_live(tmp_path: Path, live: cb.Run) -> None:
    reading = Reading(tmp_path)
    want = []
    for step in range(20_000):
        live.log({"a": float(step)})
        want.append((step, float(step)))
        if step % 1777 == 0:
            reading.read()
            assert reading.points["a"] == want
    cb.finish()
    reading.read()
    assert reading.points["a"] == want


def test_one_bad_file_takes_down_no_other(tmp_path: Path) -> None:
    run = ByHand(tmp_path)
    run.append(TagDeclared(id=1, tag="a"))
    run.put(1, 0, 0.5)
    (run.dir / records_name("noise")).write_bytes(os.urandom(500))
    (run.dir / points_name("noise2")).write_bytes(b"not a journal" * 10)
    (run.dir / "run.json").write_text("{")
    os.utime(run.dir / "run.json", (1, 1))
    reading = Reading(tmp_path)
    reading.read()
    assert reading.points == {"a": [(0, 0.5)]}
    assert any("run.json" in problem for problem in reading.problems)
    assert any("points-noise2" in problem for problem in reading.problems)


def test_a_newer_format_is_refused_clearly_and_alone(tmp_path: Path) -> None:
    run = ByHand(tmp_path)
    run.append(TagDeclared(id=1, tag="a"))
    run.put(1, 0, 0.5)
    other = run.dir / records_name("new")
    other.write_bytes(encode_frame(encode_record(Opened(version=99, writer="new", attempt=1, rank=0, wall_time=1.0, process=DEAD))))
    reading = Reading(tmp_path)
    reading.read()
    assert reading.points == {"a": [(0, 0.5)]}
    assert any("records version 99, this crossboard reads up to 1; upgrade crossboard" in problem for problem in reading.problems)


def test_the_token_of_a_quiet_run_stays_and_moves_with_a_new_record(tmp_path: Path) -> None:
    run, reading = ByHand(tmp_path), Reading(tmp_path)
    run.append(TagDeclared(id=1, tag="a"))
    run.put(1, 0, 0.0)
    reading.read()
    assert reading.source.scan()[0].token is None, "a live run is always read"
    run.append(Ended(wall_time=2.0, status="finished"))
    reading.read()
    (before,) = reading.source.scan()
    assert before.token is not None
    assert reading.source.scan()[0].token == before.token
    run.append(TextPoint(tag="t", step=0, wall_time=0.0, texts=["late"]))
    assert reading.source.scan()[0].token != before.token


def test_a_thousand_quiet_runs_scan_in_a_tenth_of_the_time_of_the_first_look(tmp_path: Path) -> None:
    for number in range(300):
        write_run_file(tmp_path / "p" / f"r{number}", RunFile(version=1, id=f"r{number}", project="p", name="n", created=1.0))
    source = NativeSource(tmp_path)
    assert len(source.scan()) == 300
    start = time.perf_counter()
    assert len(source.scan()) == 300
    assert time.perf_counter() - start < 2.0, "a look that reads every run.json again"


def test_ten_reads_of_growing_room_are_small(tmp_path: Path, live: cb.Run) -> None:
    live.log({"a": 1.0})
    reading = Reading(tmp_path)
    reading.read()
    read: list[int] = []
    pread = os.pread

    def counted(file: int, size: int, offset: int) -> bytes:
        data = pread(file, size, offset)
        read.append(len(data))
        return data

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crossboard.store.native.os.pread", counted)
        for _ in range(10):
            reading.read()
    assert sum(read) < 200_000, "a quiet journal costs a small read, not its 64 KiB of room each time"
    assert np.isfinite(reading.points["a"][0][1])
