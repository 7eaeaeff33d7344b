"""Many runs read ahead, small files together, come to what each run read by itself comes to; numbers and frames of large pieces.

Among the runs are damaged, torn, empty and gzip'd files.
"""

from __future__ import annotations

import gzip
import os
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.adapters.tensorboard.messages import event, file_version
from crossboard.adapters.tensorboard.reading.ahead import Ahead
from crossboard.adapters.tensorboard.reading.frames import find_frames
from crossboard.adapters.tensorboard.reading.logdir import LogDirectory, RunDirectory
from crossboard.adapters.tensorboard.reading.runs import read_directory
from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.adapters.tensorboard.reading.storage import Local
from crossboard.adapters.tensorboard.reading.together import decode_together
from crossboard.adapters.tensorboard.wire import message, octets, text, varint, whole
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame, read_frames
from crossboard.store.source import Batch

NAME = "events.out.tfevents.1000000000.host.1.0"
LIMIT = 8 << 20


def scalar(tag: str, step: int, value: float, wall: float, *, plugin: str | None = None) -> bytes:
    """An event with one number: a simple_value, or a rank-0 tensor of `plugin`."""
    if plugin is None:
        body = varint(2 << 3 | 5) + struct.pack("<f", value)
    else:
        body = message(8, whole(1, 1), octets(4, struct.pack("<f", value))) + message(9, message(1, text(1, plugin)))
    return event(wall, step, message(5, message(1, text(1, tag), body)))


def contents(seed: int, count: int) -> bytes:
    made = [file_version(1e9)]
    made += [scalar(("loss", "a/b", "lr")[n % 3], n // 3, n / 7 + seed, 1e9 + n) for n in range(count)]
    return b"".join(encode_frame(one) for one in made)


@pytest.fixture
def runs(tmp_path: Path) -> list[RunDirectory]:
    """60 runs; every seventh is damaged, torn, empty, gzip'd or has two files."""
    for number in range(60):
        folder = tmp_path / f"run{number:02}"
        folder.mkdir()
        data = contents(number, 40 + number)
        kind = number % 7
        if number % 3 == 0:
            data = {
                0: data[:-5],
                1: data[:300] + bytes([data[300] ^ 4]) + data[301:],
                2: b"",
                3: gzip.compress(data),
                4: data,
                5: b"\x00" * 50 + data,
                6: data,
            }[kind]
        (folder / NAME).write_bytes(data)
        if kind == 6:
            (folder / NAME.replace("1.0", "2.1")).write_bytes(contents(number + 100, 20))
    return list(LogDirectory(str(tmp_path)).runs())


def plain(batch: Batch | None) -> Any:
    assert batch is not None
    strands = [(one.tag, one.rank, one.attempt, one.writer, *map(np.ndarray.tobytes, vars_of(one.points))) for one in batch.strands]
    return batch.cursor, sorted(strands), batch.records, batch.problems, batch.writers, batch.more


def vars_of(points: Any) -> list[np.ndarray[Any, Any]]:
    return [np.ascontiguousarray(column) for column in (points.step, points.wall_time, points.value)]


def alone(run: RunDirectory) -> Any:
    return plain(read_directory(run, None, LIMIT, Local()))


def test_runs_read_together_are_what_each_is_by_itself(runs: list[RunDirectory]) -> None:
    reading = Ahead([(run, 1000) for run in runs])
    assert [plain(reading.take(run, LIMIT)) for run in runs] == [alone(run) for run in runs]


def test_runs_may_be_asked_for_in_any_order(runs: list[RunDirectory]) -> None:
    reading = Ahead([(run, 100_000) for run in runs])
    asked = random.Random(1).sample(runs, len(runs))
    assert [plain(reading.take(run, LIMIT)) for run in asked] == [alone(run) for run in asked]


def test_large_runs_are_left_to_the_caller(runs: list[RunDirectory]) -> None:
    reading = Ahead([(run, 3 << 20) for run in runs])
    assert [reading.take(run, LIMIT) for run in runs] == [None] * len(runs)


def test_files_that_are_whole_are_decoded_together(runs: list[RunDirectory]) -> None:
    paths = [os.path.join(run.path, name) for run in runs for name in run.files]
    good = [path for path in paths if not read_directory_problems(path)]
    assert len(good) > 30
    assert set(decode_together(good)) == set(good)


def read_directory_problems(path: str) -> bool:
    data = Path(path).read_bytes()
    _, end, problems = read_frames(data, path=path)
    return bool(problems) or end != len(data) or not data


def test_a_run_that_is_read_again_is_read_by_its_cursor(runs: list[RunDirectory], tmp_path: Path) -> None:
    source = TensorBoardSource(tmp_path)
    found = source.scan()
    source.read_ahead(found)
    first = source.read(found[0], None)
    assert source.read(found[0], first.cursor).strands == []
    assert plain(source.read(found[0], None)) == plain(first)
    source.read_ahead(())
    assert plain(source.read(found[0], None)) == plain(first)


def test_a_store_shows_every_run_as_it_is_by_itself(tmp_path: Path, runs: list[RunDirectory]) -> None:
    store = EmbeddedStore([TensorBoardSource(tmp_path)], memory=True)
    store.refresh()
    shown = {one.key: store.points(one.key).value.tolist() for one in store.series()}
    for run in runs:
        alone = EmbeddedStore([TensorBoardSource(run.path)], memory=True)
        alone.refresh()
        (key,) = [info.key for info in alone.runs()]
        for one in alone.series():
            assert shown.pop(one.key) == alone.points(one.key).value.tolist()
        assert store.run(key).problems == alone.run(key).problems
    assert not shown


# ------------------------------------------------------------------------------------------------ many at a time


@given(st.integers(0, 1 << 30), st.integers(1, 40), st.sampled_from([None, "scalars", "other"]))
@settings(deadline=None, max_examples=30)
def test_numbers_of_many_tags_of_one_length_come_as_they_were_written(
    tmp_path_factory: Any, seed: int, tags: int, plugin: str | None
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("logs")
    events = []
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    for number in range(400):
        tag = f"tag{chance.randrange(tags):04}" + "x" * chance.choice([0, 0, 0, 1])
        step = chance.choice([number, number * 100, -number, chance.getrandbits(62)])
        value = struct.unpack("<f", struct.pack("<f", chance.uniform(-9, 9)))[0]
        events.append(scalar(tag, step, value, 1e9 + number, plugin=plugin))
        wanted.setdefault(tag, []).append((step, 1e9 + number, value))
    (folder / NAME).write_bytes(b"".join(map(encode_frame, [file_version(1e9), *events])))
    (run,) = LogDirectory(str(folder)).runs()
    batch = read_directory(run, None, LIMIT, Local())
    if plugin == "other":
        assert (batch.strands, len(batch.records)) == ([], 400)
        return
    got = {one.tag: list(zip(*(column.tolist() for column in vars_of(one.points)), strict=True)) for one in batch.strands}
    assert got == wanted


@given(st.sampled_from([3, 5000]), st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(1, 255)), max_size=6))
@settings(deadline=None, max_examples=60)
def test_frames_are_those_of_the_plain_reader_however_many_bytes_are_wrong(size: int, flips: list[tuple[int, int]]) -> None:
    data = bytearray(b"".join(encode_frame(bytes([number]) * (size + number % 3)) for number in range(60)))
    for place, byte in flips:
        data[place % len(data)] ^= byte
    wanted, end, told = read_frames(bytes(data), path="x")
    found = find_frames(bytes(data), path="x", base=0)
    assert (found.start - 12).tolist() == [at for at, _ in wanted]
    assert found.size.tolist() == [len(payload) for _, payload in wanted]
    assert found.end == end
    assert len(found.problems) == len(told)
