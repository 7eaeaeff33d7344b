"""Sealing: the same points exactly once, before, during and after, whoever dies at whatever step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.native import NativeSource
from crossboard.store.process import this_process
from crossboard.store.rundir import list_writers, points_name, sealed_name, sealing_name
from crossboard.store.sealed import file_crc32c
from crossboard.store.sealing import needs_sealing, seal_run, seal_writer

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


@settings(max_examples=40, deadline=None)
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
