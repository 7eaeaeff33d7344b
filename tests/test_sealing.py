"""Sealing: the same points exactly once, before, during and after, whoever dies at whatever step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import FormatTooNew
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import F64, Points, SeriesKey
from crossboard.store.native import NativeSource
from crossboard.store.points import HEADER_SIZE, RECORD_SIZE
from crossboard.store.process import this_process
from crossboard.store.records import Alert, Sealed, encode_record
from crossboard.store.rundir import list_writers, points_name, sealed_name, sealing_name
from crossboard.store.sealed import file_crc32c, read_sealed, sealed_metadata, write_sealed
from crossboard.store.sealing import is_stale, may_seal, needs_sealing, remove_stale, seal_run, seal_writer
from crossboard.store.verify import exit_status, verify

hand = import_module("handmade")
STEPS = ("locked", "written", "renamed", "recorded", "removed")
POINTS = 3000


def read_all(root: Path) -> tuple[dict[str, list[tuple[int, float]]], list[str]]:
    source = NativeSource(root)
    points: dict[str, list[tuple[int, float]]] = {}
    problems: list[str] = []
    for run in source.scan():
        cursor, more = None, True
        while more:
            batch = source.read(run, cursor)
            cursor, more = batch.cursor, batch.more
            problems += map(str, batch.problems)
            for strand in batch.strands:
                points.setdefault(strand.tag, []).extend(zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True))
    return points, problems


def finished_run(root: Path) -> tuple[str, dict[str, list[tuple[int, float]]]]:
    run = cb.init(dir=root)
    for step in range(POINTS):
        run.log({"b/loss": 1 / (step + 1), "a": float(step % 7)}, step=step)
    directory = run.dir
    cb.finish()
    return directory, read_all(root)[0]


def test_a_sealed_run_has_the_same_points_in_less_room(tmp_path: Path) -> None:
    directory, before = finished_run(tmp_path)
    (report,) = seal_run(directory)
    assert (report.state, report.points) == ("sealed", 2 * POINTS)
    assert report.after < report.before / 2
    assert read_all(tmp_path) == (before, [])
    (writer,) = list_writers(directory)
    assert not os.path.exists(os.path.join(directory, points_name(writer)))
    assert not os.path.exists(os.path.join(directory, sealing_name(writer)))
    assert not needs_sealing(directory)
    assert seal_run(directory)[0].state == "nothing"


def test_the_sealed_file_is_what_its_description_says(tmp_path: Path) -> None:
    directory, _ = finished_run(tmp_path)
    seal_run(directory)
    (writer,) = list_writers(directory)
    path = os.path.join(directory, sealed_name(writer))
    metadata = pq.read_metadata(path)
    keys = {key.decode(): value.decode() for key, value in metadata.metadata.items()}
    assert keys["crossboard.journal"] == points_name(writer)
    assert int(keys["crossboard.journal_bytes"]) == 64 + 32 * 2 * POINTS
    group = metadata.row_group(0)
    columns = {group.column(number).path_in_schema: group.column(number) for number in range(4)}
    assert list(columns) == ["tag", "step", "wall_time", "value"]
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in columns["step"].encodings
    assert "BYTE_STREAM_SPLIT" in columns["value"].encodings
    tags = pq.read_table(path).column("tag").to_pylist()
    assert tags == sorted(tags)


def test_a_live_writer_is_not_sealed(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    run.log({"a": 1.0})
    assert [report.state for report in seal_run(run.dir)] == ["open"]
    cb.finish()


def test_a_stopped_writer_is_not_sealed_and_goes_on(tmp_path: Path) -> None:
    code = (
        "import crossboard as cb, sys\n"
        f"run = cb.init(dir={str(tmp_path)!r})\n"
        "run.log({'a': 1.0}); print(run.dir, flush=True); sys.stdin.readline(); run.log({'a': 2.0})\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdin is not None
    assert writer.stdout is not None
    directory = writer.stdout.readline().strip()
    os.kill(writer.pid, signal.SIGSTOP)
    time.sleep(0.1)
    for file in Path(directory).iterdir():  # as silent as a file can be
        os.utime(file, (1, 1))
    assert [report.state for report in seal_run(directory)] == ["open"]
    os.kill(writer.pid, signal.SIGCONT)
    writer.communicate("\n", timeout=30)
    assert [report.state for report in seal_run(directory)] == ["sealed"]
    assert read_all(tmp_path) == ({"a": [(0, 1.0), (1, 2.0)]}, [])


def test_a_killed_writer_is_sealed_with_every_point(tmp_path: Path) -> None:
    code = f"import crossboard as cb, os\nrun = cb.init(dir={str(tmp_path)!r})\nfor i in range(100): run.log({{'a': i}})\nos._exit(9)\n"
    subprocess.run([sys.executable, "-c", code], check=False, timeout=30)
    (run,) = NativeSource(tmp_path).scan()
    (report,) = seal_run(run.path)
    assert (report.state, report.points) == ("sealed", 100)
    assert len(read_all(tmp_path)[0]["a"]) == 100


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_behind_any_step_loses_and_doubles_nothing(tmp_path: Path, step: str) -> None:
    directory, before = finished_run(tmp_path)
    code = (
        "import os, sys\nfrom crossboard.store.sealing import seal_run\n"
        f"seal_run({directory!r}, step=lambda name: os._exit(7) if name == {step!r} else None)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 7
    assert read_all(tmp_path) == (before, [])
    assert seal_run(directory)[0].state in ("sealed", "nothing")
    assert read_all(tmp_path) == (before, [])
    assert not [name for name in os.listdir(directory) if name.endswith((".cbj", ".sealing"))]


def test_two_sealers_at_once_come_to_one_file(tmp_path: Path) -> None:
    directory, before = finished_run(tmp_path)
    code = f"from crossboard.store.sealing import seal_run\nprint(seal_run({directory!r})[0].state)\n"
    sealers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    states = [sealer.communicate(timeout=60)[0].strip() for sealer in sealers]
    assert states.count("sealed") == 1
    assert set(states) <= {"sealed", "busy", "nothing"}
    assert read_all(tmp_path) == (before, [])


def test_a_sealer_that_lives_is_left_alone_and_a_dead_ones_place_is_taken(tmp_path: Path) -> None:
    directory, before = finished_run(tmp_path)
    (writer,) = list_writers(directory)
    claim = Path(directory) / sealing_name(writer)
    claim.write_bytes(msgspec.json.encode(this_process()))
    assert seal_writer(directory, writer).state == "busy"
    claim.write_bytes(msgspec.json.encode(msgspec.structs.replace(this_process(), host="elsewhere", boot="other", machine="other")))
    assert seal_writer(directory, writer).state == "busy", "another machine's sealer cannot be told from here"
    claim.write_bytes(msgspec.json.encode(msgspec.structs.replace(this_process(), start_ticks=1)))
    assert seal_writer(directory, writer).state == "sealed"
    assert read_all(tmp_path) == (before, [])


def test_a_run_that_is_resumed_while_it_is_sealed_keeps_both(tmp_path: Path) -> None:
    directory, before = finished_run(tmp_path)
    run = None

    def resume(step: str) -> None:
        nonlocal run
        if step == "written":
            run = cb.init(dir=tmp_path, resume=os.path.basename(directory))
            run.log({"a": -1.0})

    seal_run(directory, step=resume)
    assert run is not None
    run.log({"a": -2.0})
    points, problems = read_all(tmp_path)
    assert not problems
    assert points["a"] == [*before["a"], (POINTS, -1.0), (POINTS + 1, -2.0)] or sorted(points["a"]) == sorted(
        [*before["a"], (POINTS, -1.0), (POINTS + 1, -2.0)]
    )
    cb.finish()


def test_finish_seals_behind_the_programs_back(tmp_path: Path) -> None:
    code = f"import crossboard as cb\nrun = cb.init(dir={str(tmp_path)!r})\nfor i in range(1000): run.log({{'a': i}})\nprint(run.dir)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "CROSSBOARD_SEAL": "1"}, capture_output=True, text=True, timeout=60, check=True
    )
    directory = done.stdout.strip()
    deadline = time.monotonic() + 60
    while needs_sealing(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not needs_sealing(directory)
    assert len(read_all(tmp_path)[0]["a"]) == 1000


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_a_changed_byte_of_a_sealed_file_is_noticed_and_costs_no_crash(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("sealed")
    run = cb.init(dir=root)
    for step in range(50):
        run.log({"a": float(step)}, step=step)
    cb.finish()
    seal_run(run.dir)
    (writer,) = list_writers(run.dir)
    path = Path(run.dir) / sealed_name(writer)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, 1_000_000)) % len(whole)
    whole[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(whole)
    _, problems = read_all(root)
    assert problems
    assert str(path) in problems[0]


def test_the_checksum_of_a_file_is_crc32c(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"123456789")
    assert file_crc32c(str(tmp_path / "f")) == (0xE3069283, 9)


# ------------------------------------------------------------------------------------- writers made by hand


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    return str(hand.make_run(tmp_path))


def steps_of(root: Path, tag: str = "loss") -> list[int]:
    return [step for step, _ in read_all(root)[0].get(tag, [])]


def test_a_writer_of_another_machine_is_never_sealed_however_long_it_is_silent(run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.elsewhere())
    writer.log("loss", 1, 1.0)
    for path in (writer.points, writer.records):
        os.utime(path, (1, 1))
    assert seal_writer(run_dir, "w1").state == "open"
    writer.end()
    assert seal_writer(run_dir, "w1").state == "sealed", "it said itself that it ended"


def test_a_writer_whose_records_are_lost_is_never_sealed(run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    writer.log("loss", 1, 1.0)
    writer.records.unlink()
    assert seal_writer(run_dir, "w1").state == "open"


def test_a_journal_without_points_leaves_no_file_but_a_record(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, room=2000)
    writer.end()
    report = seal_writer(run_dir, "w1")
    assert (report.state, report.points, report.after) == ("sealed", 0, 0)
    assert sorted(os.listdir(run_dir)) == ["records-w1.cbr", "run.json"]
    assert read_all(tmp_path) == ({}, [])


def test_a_torn_last_record_of_a_dead_writer_does_not_swallow_the_seal_record(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    writer.log("loss", 1, 1.0)
    whole = writer.records.stat().st_size
    writer.append_bytes(encode_frame(encode_record(Alert(wall_time=1.0, title="never finished")))[:-3])
    report = seal_writer(run_dir, "w1")
    assert report.state == "sealed"
    assert [problem.offset for problem in report.problems] == [whole]
    assert "unfinished record cut off" in report.problems[0].what
    assert read_all(tmp_path) == ({"loss": [(1, 1.0)]}, [])


def test_a_damaged_last_record_stays_as_it_is_and_the_seal_record_stands_behind_it(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    writer.log("loss", 1, 1.0)
    whole = writer.records.stat().st_size
    frame = bytearray(encode_frame(encode_record(Alert(wall_time=1.0, title="damaged"))))
    frame[2] ^= 1  # its length
    writer.append_bytes(bytes(frame))
    before = writer.records.read_bytes()
    assert seal_writer(run_dir, "w1").state == "sealed"
    assert writer.records.read_bytes().startswith(before)
    points, problems = read_all(tmp_path)
    assert points == {"loss": [(1, 1.0)]}
    assert len(problems) == 1
    assert f"at byte {whole} of" in problems[0]


def test_points_that_are_not_whole_are_counted_and_the_rest_is_sealed(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead())
    for step in range(4):
        writer.log("loss", step, 1.0)
    writer.put(1, b"\xff" * 32)
    writer.put(2, bytes(32))
    report = seal_writer(run_dir, "w1")
    assert (report.points, [problem.offset for problem in report.problems]) == (2, [HEADER_SIZE + RECORD_SIZE])
    assert steps_of(tmp_path) == [0, 3]


def test_a_journal_that_is_not_ours_is_left_alone(run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    writer.end()
    writer.points.write_bytes(b"no journal" * 100)
    report = seal_writer(run_dir, "w1")
    assert (report.state, "want magic" in report.why) == ("failed", True)
    assert writer.points.exists()
    assert not os.path.exists(os.path.join(run_dir, sealing_name("w1")))


def test_a_full_disk_while_sealing_leaves_the_journal_and_no_half_file(
    tmp_path: Path, run_dir: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 1, 1.0)
    writer.end()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("crossboard.store.sealing.write_sealed", full)
    assert seal_writer(run_dir, "w1").state == "failed"
    assert sorted(os.listdir(run_dir)) == ["points-w1.cbj", "records-w1.cbr", "run.json"]
    assert steps_of(tmp_path) == [1]


@pytest.mark.parametrize("step", STEPS)
def test_a_reader_that_follows_while_sealing_sees_each_point_once_at_every_step(tmp_path: Path, run_dir: str, step: str) -> None:
    """One reader began before, a second begins at the step; both end with the same points."""
    writer = hand.HandWriter(run_dir)
    for number in range(50):
        writer.log("loss" if number % 3 else "acc", number, float(number))
    source = NativeSource(tmp_path)
    [run] = source.scan()
    early = source.read(run, None)
    for number in range(50, 80):
        writer.log("loss" if number % 3 else "acc", number, float(number))
    writer.end()
    seen: dict[str, list[int]] = {}

    def look(name: str) -> None:
        if name == step:
            batch = source.read(run, early.cursor)
            for strand in [*early.strands, *batch.strands]:
                seen.setdefault(strand.tag, []).extend(strand.points.step.tolist())
            assert steps_of(tmp_path) == [number for number in range(80) if number % 3]
            assert batch.problems == []

    assert seal_writer(run_dir, "w1", step=look).state == "sealed"
    assert seen == {tag: [n for n in range(80) if bool(n % 3) == (tag == "loss")] for tag in ("loss", "acc")}


def test_a_place_is_taken_over_by_one_of_many(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    for number in range(10):
        writer.log("loss", number, float(number))
    writer.end()
    Path(run_dir, sealing_name("w1")).write_bytes(msgspec.json.encode(hand.dead()))
    code = f"from crossboard.store.sealing import seal_run\nprint(seal_run({run_dir!r})[0].state)\n"
    sealers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    states = [sealer.communicate(timeout=60)[0].strip() for sealer in sealers]
    assert states.count("sealed") == 1
    assert set(states) <= {"sealed", "busy", "nothing"}
    assert steps_of(tmp_path) == list(range(10))


def test_a_stale_place_is_removed_and_a_held_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "points-w.sealing"
    path.write_bytes(msgspec.json.encode(this_process()))
    assert (is_stale(str(path)), remove_stale(str(path)), path.exists()) == (False, False, True)
    path.write_bytes(msgspec.json.encode(hand.elsewhere()))
    assert (is_stale(str(path)), remove_stale(str(path)), path.exists()) == (False, False, True)
    path.write_bytes(msgspec.json.encode(hand.dead()))
    assert (is_stale(str(path)), remove_stale(str(path)), path.exists()) == (True, True, False)


def test_only_what_belongs_to_this_user_may_be_sealed(tmp_path: Path, run_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert may_seal(run_dir)
    assert not may_seal(os.path.join(run_dir, "gone"))
    monkeypatch.setattr(os, "getuid", lambda: os.stat(run_dir).st_uid + 1)
    assert not may_seal(run_dir)


# ------------------------------------------------------------------------------ attempts that a tag id has of its own

drawn = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3), st.integers(-3, 9)), min_size=1, max_size=30)


@settings(deadline=None, max_examples=25)
@given(drawn, st.data())
def test_a_series_drawn_anew_is_no_zigzag_before_and_after_sealing(points: list[tuple[str, int, int]], data: st.DataObject) -> None:
    """Law 3 for attempts of tag ids: of each, the newest from where it starts; sealing in between changes nothing."""
    with tempfile.TemporaryDirectory() as root:
        run_dir = hand.make_run(root)
        writer = hand.HandWriter(run_dir)
        wanted: dict[tuple[str, int], list[tuple[int, float]]] = {}
        ids: dict[tuple[str, int], int] = {}
        cut = data.draw(st.integers(0, len(points)))
        source = NativeSource(root)
        [run] = source.scan()
        cursor, seen = None, []
        for place, (tag, attempt, step) in enumerate(points):
            if place == cut:
                batch = source.read(run, cursor)
                cursor, seen = batch.cursor, list(batch.strands)
            if (tag, attempt) not in ids:
                ids[tag, attempt] = writer.declare(tag, attempt=attempt)
            writer.fill(place, ids[tag, attempt], step, float(place))
            wanted.setdefault((tag, attempt or 1), []).append((step, float(place)))
        writer.end()
        store = EmbeddedStore([source], memory=True)
        store.refresh()
        live = {tag: store.points(SeriesKey(run.key, tag)) for tag in sorted({one[0] for one in points})}
        (report,) = seal_run(run_dir)
        assert (report.state, report.points) == ("sealed", len(points))
        batch = source.read(run, cursor)
        assert not batch.restart
        got: dict[tuple[str, int], list[tuple[int, float]]] = {}
        for one in [*seen, *batch.strands]:
            got.setdefault((one.tag, one.attempt), []).extend(zip(one.points.step.tolist(), one.points.value.tolist(), strict=True))
        # attempts 0 and 1 of a tag are one: two names of it, each in its own order
        assert {name: sorted(rows) for name, rows in got.items()} == {name: sorted(rows) for name, rows in wanted.items()}
        anew = EmbeddedStore([NativeSource(root)], memory=True)
        anew.refresh()
        for tag, before in live.items():
            after = anew.points(SeriesKey(run.key, tag))
            firsts = {attempt: min(step for step, _ in rows) for (name, attempt), rows in wanted.items() if name == tag}
            shown = [
                row
                for (name, attempt), rows in wanted.items()
                if name == tag
                for row in rows
                if not any(newer > attempt and row[0] >= first for newer, first in firsts.items())
            ]
            assert sorted(zip(after.step.tolist(), after.value.tolist(), strict=True)) == sorted(shown)
            assert sorted(before.value.tolist()) == sorted(after.value.tolist())
        assert exit_status(verify(root)) == 0
        store.close()
        anew.close()


def test_who_knows_version_1_alone_refuses_a_sealed_file_with_attempts_of_tag_ids(run_dir: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = hand.HandWriter(run_dir)
    writer.fill(0, writer.declare("loss"), 0, 1.0)
    writer.fill(1, writer.declare("loss", attempt=2), 0, 2.0)
    writer.end()
    seal_run(run_dir)
    path = os.path.join(run_dir, sealed_name("w1"))
    assert sealed_metadata(path)["version"] == "2"
    monkeypatch.setattr("crossboard.store.sealed.VERSION", 1)
    with pytest.raises(FormatTooNew, match="sealed points version 2, this crossboard reads up to 1"):
        sealed_metadata(path)


# ------------------------------------------------------------------------------------------- the sealed file


def sealed_by_hand(directory: Path) -> tuple[str, Sealed, dict[str, F64]]:
    path = str(directory / "points-w.parquet")
    random = np.random.default_rng(0)
    step = np.arange(1000)
    values: dict[str, F64] = {tag: random.normal(size=1000).astype(np.float64) for tag in ("a", "b")}
    write_sealed(path, [(tag, Points(step, 1.7e9 + step.astype(np.float64), value)) for tag, value in values.items()], {"writer": "w"})
    crc, length = file_crc32c(path)
    seal = Sealed(wall_time=0, journal="j", journal_bytes=1, file="points-w.parquet", length=length, crc32c=crc, points=2000)
    return path, seal, values


def test_one_damaged_row_group_costs_only_its_own_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossboard.store.sealed.ROW_GROUP", 1000)
    path, seal, values = sealed_by_hand(tmp_path)
    data = bytearray(Path(path).read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(3)
    data[chunk.data_page_offset + chunk.total_compressed_size // 2] ^= 1
    Path(path).write_bytes(data)
    strands, problems = read_sealed(path, seal)
    assert [(tag, points.value.tolist()) for tag, points, _ in strands] == [("b", values["b"].tolist())]
    assert "checksum" in problems[0].what
    assert "row group 0 of 1000 points is damaged" in problems[1].what


def test_a_damaged_file_that_ends_the_process_that_decodes_it_ends_no_other(tmp_path: Path) -> None:
    """Of the bytes of the footer, some make the decoder call abort() when they are changed."""
    path, seal, _ = sealed_by_hand(tmp_path)
    whole = Path(path).read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for at in range(footer + 5, len(whole) - 8, (len(whole) - footer) // 4):
        data = bytearray(whole)
        data[at] ^= 0xFF
        Path(path).write_bytes(data)
        _, problems = read_sealed(path, seal)
        assert problems[0].path == path


@pytest.mark.parametrize("keep", [0, 4, 11, 500])
def test_a_cut_sealed_file_is_reported(tmp_path: Path, keep: int) -> None:
    path, seal, _ = sealed_by_hand(tmp_path)
    os.truncate(path, keep)
    strands, problems = read_sealed(path, seal)
    assert strands == []
    assert problems[0].what == f"sealed file: got {keep} bytes, want {seal.length}"


def test_a_damaged_sealed_file_under_a_live_cursor_shows_what_a_new_reader_sees(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    for step in range(100):
        writer.log("loss", step, 1.0)
    source = NativeSource(tmp_path)
    [run] = source.scan()
    cursor = source.read(run, None).cursor
    writer.end()
    seal_writer(run_dir, "w1")
    path = Path(run_dir, sealed_name("w1"))
    data = bytearray(path.read_bytes())
    data[20] ^= 1
    path.write_bytes(data)
    batch = source.read(run, cursor)
    assert batch.restart
    assert any(str(path) == problem.path for problem in batch.problems)
    assert source.read(run, batch.cursor).strands == []


def test_points_survive_the_loss_of_the_seal_record(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 3, 1.0)
    writer.end()
    before = writer.records.read_bytes()
    seal_writer(run_dir, "w1")
    writer.records.write_bytes(before)
    points, problems = read_all(tmp_path)
    assert points == {"loss": [(3, 1.0)]}
    assert "no record tells the checksum" in problems[0]


def test_a_sealed_file_that_is_gone_is_reported(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 3, 1.0)
    writer.end()
    seal_writer(run_dir, "w1")
    os.unlink(os.path.join(run_dir, sealed_name("w1")))
    points, problems = read_all(tmp_path)
    assert points == {}
    assert "sealed points are gone: want 1 points" in problems[0]


def test_a_run_directory_that_vanishes_while_it_is_sealed_is_no_error(run_dir: str) -> None:
    writer = hand.HandWriter(run_dir)
    writer.log("loss", 3, 1.0)
    writer.end()
    report = seal_writer(run_dir, "w1", step=lambda name: shutil.rmtree(run_dir) if name == "locked" else None)
    assert report.state in ("nothing", "failed")
