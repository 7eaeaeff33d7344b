"""verify says of every file whether it is whole, growing, torn or damaged; gc frees what dead runs waste and nothing else."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.blobs import write_blob
from crossboard.store.framing import encode_frame
from crossboard.store.native import NativeSource
from crossboard.store.points import HEADER_SIZE, RECORD_SIZE
from crossboard.store.records import Alert, InFile, VideoPoint, encode_record
from crossboard.store.rundir import sealed_name, sealing_name
from crossboard.store.sealing import seal_writer
from crossboard.store.verify import FileReport, exit_status, format_report, verify
from crossboard.store.waste import TEMPORARY_AGE_S, collect, format_waste

hand = import_module("handmade")
GOLDEN = Path(__file__).parent / "golden" / "root_v1"


@pytest.fixture
def run_dir(tmp_path: Path) -> str:
    return str(hand.make_run(tmp_path))


def states(root: Path) -> dict[str, str]:
    return {os.path.basename(report.path): report.state for report in verify(root)}


def report_of(root: Path, name: str) -> FileReport:
    [report] = [report for report in verify(root) if os.path.basename(report.path) == name]
    return report


def logged(run_dir: str, process: Any, count: int = 5) -> Any:
    writer = hand.HandWriter(run_dir, process=process)
    for step in range(count):
        writer.log("loss", step, float(step))
    return writer


# ------------------------------------------------------------------------------------------------------ verify


def test_the_golden_root_is_whole() -> None:
    reports = list(verify(GOLDEN))
    assert {report.state for report in reports} == {"whole"}
    assert len(reports) == 9
    assert exit_status(reports) == 0


def test_a_place_without_runs_is_said(tmp_path: Path) -> None:
    assert exit_status(verify(tmp_path)) == 2
    assert format_report(verify(tmp_path)) == "no native runs found"


def test_an_ended_run_is_whole_before_and_after_sealing(tmp_path: Path, run_dir: str) -> None:
    logged(run_dir, hand.alive()).end()
    assert states(tmp_path) == {"run.json": "whole", "records-w1.cbr": "whole", "points-w1.cbj": "whole"}
    seal_writer(run_dir, "w1")
    assert states(tmp_path) == {"run.json": "whole", "records-w1.cbr": "whole", "points-w1.parquet": "whole"}
    assert report_of(tmp_path, "points-w1.parquet").records == 5


def test_a_record_of_a_live_writer_that_is_being_written_is_growing(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.alive())
    writer.append_bytes(b"\x09\0\0")
    with writer.points.open("ab") as file:
        file.write(b"\x01" * 17)
    assert states(tmp_path) == {"run.json": "whole", "records-w1.cbr": "growing", "points-w1.cbj": "growing"}
    assert exit_status(verify(tmp_path)) == 0


def test_the_same_of_a_dead_writer_is_torn_with_file_and_offset(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    whole = writer.records.stat().st_size
    writer.append_bytes(encode_frame(b"x" * 50)[:-1])
    with writer.points.open("ab") as file:
        file.write(b"\x01" * 17)
    records, points = report_of(tmp_path, "records-w1.cbr"), report_of(tmp_path, "points-w1.cbj")
    assert (records.state, [problem.offset for problem in records.problems]) == ("torn", [whole])
    assert (points.state, [problem.offset for problem in points.problems]) == ("torn", [HEADER_SIZE + 5 * RECORD_SIZE])
    assert exit_status(verify(tmp_path)) == 1


def test_a_damaged_point_is_named_by_slot_and_offset(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    writer.put(2, b"\xff" * 32)
    report = report_of(tmp_path, "points-w1.cbj")
    assert (report.state, report.records) == ("damaged", 4)
    assert str(report.problems[0]) == f"point 2: check does not fit at byte {HEADER_SIZE + 2 * RECORD_SIZE} of {writer.points}"


def test_an_empty_slot_that_a_killed_process_left_is_no_damage(tmp_path: Path, run_dir: str) -> None:
    logged(run_dir, hand.dead()).put(2, bytes(32))
    assert set(states(tmp_path).values()) == {"whole"}


def test_points_whose_tag_no_record_declares_are_damage(tmp_path: Path, run_dir: str) -> None:
    logged(run_dir, hand.dead()).fill(5, 9, 0, 1.0)
    assert "tag ids [9] are declared by no record" in report_of(tmp_path, "points-w1.cbj").problems[0].what


@pytest.mark.parametrize(
    ("name", "what"),
    [("run.json", "not JSON"), ("attempt-2.json", "claim cannot be read"), ("points-w1.cbj", "want magic"), ("records-w1.cbr", "is wrong")],
)
def test_a_file_of_garbage_is_damaged_and_said_in_words(tmp_path: Path, run_dir: str, name: str, what: str) -> None:
    logged(run_dir, hand.dead()).end()
    path = Path(run_dir, name)
    path.write_bytes(b"\xfe" * 300)
    os.utime(path, (1, 1))
    text = format_report(verify(tmp_path))
    assert what in text
    assert os.fspath(path) in text or name == "attempt-2.json"
    assert exit_status(verify(tmp_path)) == 1


def test_a_header_of_zeros_with_points_behind_it_is_damage(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    with writer.points.open("r+b") as file:
        file.write(bytes(64))
    assert "the header is empty" in report_of(tmp_path, "points-w1.cbj").problems[0].what


def test_media_are_checked_by_their_digest_whether_a_record_names_them_or_not(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    blobs = [write_blob(run_dir, bytes([number]) * 5000, extension="mp4", media_type="video/mp4") for number in range(4)]
    for blob in blobs[:3]:
        writer.append(VideoPoint(tag="film", step=1, wall_time=1.0, blob=blob, width=1, height=1, frames=1, fps=1.0))
    paths = [Path(run_dir, "media", f"{blob.sha256}.mp4") for blob in blobs if isinstance(blob, InFile)]
    assert {report.state for report in verify(tmp_path)} == {"whole"}
    paths[1].write_bytes(bytes([1]) * 4999 + b"x")
    paths[2].unlink()
    paths[3].write_bytes(b"short")
    assert [report_of(tmp_path, path.name).state for path in paths] == ["whole", "damaged", "damaged", "damaged"]
    assert "missing: named by the record at byte" in report_of(tmp_path, paths[2].name).problems[0].what


def test_a_missing_sealed_file_is_damage(tmp_path: Path, run_dir: str) -> None:
    logged(run_dir, hand.dead()).end()
    seal_writer(run_dir, "w1")
    os.unlink(os.path.join(run_dir, sealed_name("w1")))
    assert report_of(tmp_path, "points-w1.parquet").problems[0].what == "missing: it held 5 points"


def test_a_crash_of_a_sealer_is_no_damage(tmp_path: Path, run_dir: str) -> None:
    for step in ("renamed", "recorded"):
        shutil.rmtree(run_dir)
        logged(hand.make_run(tmp_path), hand.dead()).end()
        with pytest.raises(InterruptedError):
            seal_writer_until(run_dir, step)
        assert set(states(tmp_path).values()) == {"whole"}, step


def seal_writer_until(run_dir: str, step: str) -> None:
    class Stop(BaseException):
        pass

    def stop(name: str) -> None:
        if name == step:
            raise Stop

    try:
        seal_writer(run_dir, "w1", step=stop)
    except Stop:
        raise InterruptedError from None


def test_the_report_lists_what_is_not_whole_and_sums_up(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    writer.put(1, b"\xff" * 32)
    text = format_report(verify(tmp_path))
    assert f"damaged           4 records  {writer.points}\n         byte 96: point 1: check does not fit" in text
    assert "3 files, 7 records: 2 whole, 1 damaged" in text
    assert "run.json" not in text
    assert "run.json" in format_report(verify(tmp_path), every=True)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_changed_byte_of_records_is_noticed_by_verify_and_by_the_reader_and_the_rest_is_read(data: st.DataObject) -> None:
    root = Path(tempfile.mkdtemp())
    try:
        run_dir = hand.make_run(root)
        writer = logged(run_dir, hand.dead())
        starts = []
        for number in range(4):
            starts.append(writer.records.stat().st_size)
            writer.append(Alert(wall_time=1.0, title=f"alert {number}"))
        whole = bytearray(writer.records.read_bytes())
        at = data.draw(st.integers(starts[0], len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
        writer.records.write_bytes(whole)
        hit = max(number for number in range(4) if starts[number] <= at)
        report = report_of(root, "records-w1.cbr")
        assert report.state in ("damaged", "torn")
        assert starts[hit] in [problem.offset for problem in report.problems]
        source = NativeSource(root)
        batch = source.read(source.scan()[0], None)
        assert starts[hit] in [problem.offset for problem in batch.problems]
        titles = [placed.record.title for placed in batch.records if isinstance(placed.record, Alert)]
        assert titles == [f"alert {number}" for number in range(4) if number != hit]
        assert sum(len(strand.points) for strand in batch.strands) == 5
    finally:
        shutil.rmtree(root)


# ---------------------------------------------------------------------------------------------------------- gc


def test_the_room_of_a_dead_run_comes_free_and_its_points_stay(tmp_path: Path, run_dir: str) -> None:
    writer = hand.HandWriter(run_dir, process=hand.dead(), room=0)
    with writer.points.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
    for step in range(5):
        writer.log("loss", step, 1.0)
    found = list(collect(tmp_path, dry_run=True))
    assert [(waste.path, waste.left) for waste in found] == [(str(writer.points), "")]
    assert writer.points.stat().st_size == 1 << 20, "a dry run changes nothing"
    assert "would come free" in format_waste(found, dry_run=True)
    [done] = collect(tmp_path)
    assert done.size >= (1 << 20) - 4096
    assert writer.points.stat().st_size == HEADER_SIZE + 5 * RECORD_SIZE
    source = NativeSource(tmp_path)
    batch = source.read(source.scan()[0], None)
    assert [strand.points.step.tolist() for strand in batch.strands] == [[0, 1, 2, 3, 4]]
    assert list(collect(tmp_path)) == []


@pytest.mark.parametrize("who", ["alive", "elsewhere"])
def test_what_lives_or_cannot_be_told_is_left_and_listed(tmp_path: Path, run_dir: str, who: str) -> None:
    writer = hand.HandWriter(run_dir, process=getattr(hand, who)(), room=1000)
    writer.log("loss", 1, 1.0)
    temporary = Path(run_dir, ".x.999999999.ab12cd34.tmp")
    temporary.write_bytes(b"x")
    os.utime(temporary, (1, 1))
    before = writer.points.read_bytes()
    [waste] = collect(tmp_path)
    assert waste.left == "its writer lives, or cannot be told from here"
    assert writer.points.read_bytes() == before
    assert temporary.exists()


def test_what_dead_processes_left_unfinished_goes_and_what_is_young_or_in_work_stays(tmp_path: Path, run_dir: str) -> None:
    hand.HandWriter(run_dir, process=hand.dead())
    Path(run_dir, sealing_name("w1")).write_bytes(msgspec.json.encode(hand.dead()))
    old, young, mine = (Path(run_dir, f".x.{pid}.ab12cd34.tmp") for pid in (999999998, 999999999, os.getpid()))
    for path in (old, young, mine):
        path.write_bytes(b"x" * 5000)
    for path in (old, mine):
        age = path.stat().st_mtime - 2 * TEMPORARY_AGE_S
        os.utime(path, (age, age))
    assert {os.path.basename(waste.path) for waste in collect(tmp_path)} == {"points-w1.sealing", old.name}
    assert [path.exists() for path in (old, young, mine)] == [False, True, True]
    assert not os.path.exists(os.path.join(run_dir, sealing_name("w1")))


def test_a_sealer_at_work_keeps_its_place(tmp_path: Path, run_dir: str) -> None:
    hand.HandWriter(run_dir, process=hand.dead())
    Path(run_dir, sealing_name("w1")).write_bytes(msgspec.json.encode(hand.alive()))
    assert list(collect(tmp_path)) == []
    assert os.path.exists(os.path.join(run_dir, sealing_name("w1")))


def test_the_records_of_a_run_are_never_touched_by_gc(tmp_path: Path, run_dir: str) -> None:
    writer = logged(run_dir, hand.dead())
    writer.append_bytes(encode_frame(encode_record(Alert(wall_time=1.0, title="x")))[:-1])
    before = writer.records.read_bytes()
    list(collect(tmp_path))
    assert writer.records.read_bytes() == before
