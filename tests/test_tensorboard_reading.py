"""What TensorBoard's own loader yields from a file, crossboard yields too: files by torch, TensorFlow, Keras, TensorBoard's API.

The peer is `EventFileLoader` with data_compat, nothing sampled. Torn, damaged, replaced and restarted files are made by cutting and
joining what those real writers wrote.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
import struct
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.adapters.tensorboard.reading.frames import find_frames
from crossboard.adapters.tensorboard.reading.logdir import LogDirectory, is_event_file
from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame, read_frames
from crossboard.store.kinds import Kind
from crossboard.store.records import (
    AudioPoint,
    ConfigSet,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    PRCurvePoint,
    TensorPoint,
    TextPoint,
)
from crossboard.store.source import Batch

read_whole = import_module("unread_points").read_whole

NAN = float("nan")
F32 = st.floats(width=32)


# ------------------------------------------------------------------------------------------------ small event files


def field(number: int, wire: int, data: bytes) -> bytes:
    return bytes([number << 3 | wire]) + (bytes([len(data)]) + data if wire == 2 else data)


def scalar_event(tag: str, step: int, value: float, wall: float = 1e9) -> bytes:
    """An event with one simple_value, as every V1 writer has them."""
    body = field(1, 2, tag.encode()) + field(2, 5, struct.pack("<f", value))
    steps = b"\x10" + varint(step) if step else b""
    return field(1, 1, struct.pack("<d", wall)) + steps + field(5, 2, field(1, 2, body))


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def version_event(wall: float) -> bytes:
    return field(1, 1, struct.pack("<d", wall)) + field(3, 2, b"brain.Event:2")


def write(path: Path, *events: bytes, mode: str = "wb") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(b"".join(encode_frame(event) for event in events))


def read_all(path: Path, *, max_bytes: int = 64 << 20) -> dict[str, list[Batch]]:
    source = TensorBoardSource(path)
    found: dict[str, list[Batch]] = {}
    for run in source.scan():
        cursor, more = None, True
        while more:
            batch = source.read(run, cursor, max_bytes=max_bytes)
            found.setdefault(run.name, []).append(read_whole(source, run, batch))
            cursor, more = batch.cursor, batch.more
    return found


def points(batches: list[Batch]) -> dict[str, list[tuple[int, float, float]]]:
    made: dict[str, list[tuple[int, float, float]]] = {}
    for batch in batches:
        for strand in batch.strands:
            some = strand.points
            made.setdefault(strand.tag, []).extend(zip(some.step.tolist(), some.wall_time.tolist(), some.value.tolist(), strict=True))
    return made


def records(batches: list[Batch], kind: type) -> list[Any]:
    return [placed.record for batch in batches for placed in batch.records if isinstance(placed.record, kind)]


def problems(batches: list[Batch]) -> list[str]:
    return [str(problem) for batch in batches for problem in batch.problems]


NAME = "events.out.tfevents.1000000000.host.1.0"


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "train/loss", "x" * 40, "ü"]), st.integers(-(1 << 63), (1 << 63) - 1), st.floats(width=32)),
        max_size=60,
    ),
    st.integers(1, 300),
)
@settings(deadline=None, max_examples=60)
def test_every_number_comes_as_it_was_written_in_pieces_of_any_size(tmp_path_factory: Any, events: Any, size: int) -> None:
    path = tmp_path_factory.mktemp("logs") / NAME
    write(path, version_event(1e9), *(scalar_event(tag, step, value, 1e9 + n) for n, (tag, step, value) in enumerate(events)))
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    for n, (tag, step, value) in enumerate(events):
        wanted.setdefault(tag, []).append((step, 1e9 + n, value))
    (batches,) = read_all(path.parent, max_bytes=size).values()
    got = points(batches)
    assert repr(got) == repr({tag: wanted[tag] for tag in got})
    assert got.keys() == wanted.keys()
    assert problems(batches) == []


@given(st.binary(max_size=400), st.integers(0, 3000), st.integers(0, 255))
@settings(deadline=None, max_examples=150)
def test_frames_are_those_of_the_plain_reader_wherever_a_byte_is_wrong(noise: bytes, place: int, byte: int) -> None:
    data = bytearray(b"".join(encode_frame(scalar_event("loss", step, step / 3)) for step in range(40)) + noise)
    data[place % len(data)] = byte
    plain, end, _ = read_frames(bytes(data), path="x")
    found = find_frames(bytes(data), path="x", base=0)
    assert [(start - 12, size) for start, size in zip(found.start.tolist(), found.size.tolist(), strict=True)] == [
        (at, len(payload)) for at, payload in plain
    ]
    assert found.end == end


def test_many_equal_frames_are_found_by_their_period() -> None:
    data = b"".join(encode_frame(scalar_event(("a", "bc", "def")[n % 3], n // 3, n)) for n in range(9000))
    found = find_frames(data, path="x", base=0)
    assert (len(found.start), found.end, found.problems) == (9000, len(data), [])


# ---------------------------------------------------------------------------------------- growing, torn, damaged, replaced


def test_a_growing_file_is_read_on_and_a_torn_record_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write(path, version_event(1.0), scalar_event("a", 0, 1.0))
    last = encode_frame(scalar_event("a", 1, 2.0))
    source = TensorBoardSource(tmp_path)
    (run,) = source.scan()
    first = source.read(run, None)
    with path.open("ab") as file:
        file.write(last[:-3])
    (again,) = source.scan()
    assert again.token != run.token
    torn = source.read(again, first.cursor)
    assert (torn.strands, torn.problems) == ([], [])
    with path.open("ab") as file:
        file.write(last[-3:])
    whole = source.read(source.scan()[0], torn.cursor)
    assert points([whole]) == {"a": [(1, 1e9, 2.0)]}
    assert points([source.read(source.scan()[0], torn.cursor)]) == points([whole])


def test_damage_in_the_middle_is_told_with_its_offset_and_what_follows_is_read(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write(path, version_event(1.0), *(scalar_event("a", step, float(step)) for step in range(10)))
    data = bytearray(path.read_bytes())
    size = len(encode_frame(scalar_event("a", 3, 3.0)))
    begin = len(data) - 6 * size
    data[begin + 20] ^= 1
    path.write_bytes(data)
    (batches,) = read_all(tmp_path).values()
    assert [step for step, _, _ in points(batches)["a"]] == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert len(problems(batches)) == 1
    assert f"at byte {begin} of {path}" in problems(batches)[0]


@pytest.mark.parametrize("how", ["shorter", "other"])
def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path, how: str) -> None:
    path = tmp_path / NAME
    write(path, version_event(1.0), *(scalar_event("a", step, 1.0) for step in range(50)))
    source = TensorBoardSource(tmp_path)
    first = source.read(source.scan()[0], None)
    path.unlink()
    write(path, version_event(1.0), *(scalar_event("b", step, 2.0) for step in range(10 if how == "shorter" else 80)))
    batch = source.read(source.scan()[0], first.cursor)
    assert batch.restart
    assert points([batch]).keys() == {"b"}


def test_a_file_replaced_by_a_longer_copy_of_itself_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write(path, version_event(1.0), scalar_event("a", 0, 1.0))
    source = TensorBoardSource(tmp_path)
    first = source.read(source.scan()[0], None)
    copy = tmp_path / "copy"
    shutil.copy(path, copy)
    write(copy, scalar_event("a", 1, 2.0), mode="ab")
    os.replace(copy, path)
    batch = source.read(source.scan()[0], first.cursor)
    assert not batch.restart
    assert points([batch]) == {"a": [(1, 1e9, 2.0)]}


def test_empty_short_and_foreign_files_disturb_nothing(tmp_path: Path) -> None:
    write(tmp_path / NAME, version_event(1.0), scalar_event("a", 0, 1.0))
    (tmp_path / "events.out.tfevents.2.host").write_bytes(b"")
    (tmp_path / "events.out.tfevents.3.host").write_bytes(b"\0" * 25)
    (tmp_path / "events.out.tfevents.4.host").write_bytes(random.Random(1).randbytes(5000))
    (tmp_path / "events.out.tfevents.5.host.profile-empty").write_bytes(b"x")
    write(tmp_path / "events.out.tfevents.6.host", scalar_event("b", 0, 1.0))
    (batches,) = read_all(tmp_path).values()
    assert points(batches).keys() == {"a", "b"}


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / NAME, version_event(1.0), scalar_event("a", 0, 1.0))
    locked = tmp_path / "events.out.tfevents.0.host"
    write(locked, scalar_event("b", 0, 1.0))
    real = os.open

    def refuse(path: Any, *rest: Any, **more: Any) -> int:
        if str(path) == str(locked):  # root may read everything, so the refusal is made here
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    (batches,) = read_all(tmp_path).values()
    assert points(batches).keys() == {"a"}
    assert problems(batches) == [f"cannot be read: Permission denied of {locked}"]


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_any_cut_and_any_flipped_byte_leaves_the_rest(tmp_path_factory: Any, data: st.DataObject) -> None:
    path = tmp_path_factory.mktemp("logs") / NAME
    write(path, version_event(1e9), *(scalar_event(f"t{step % 3}", step, step / 2, 1e9 + step) for step in range(60)))
    whole = path.read_bytes()
    changed = bytearray(whole)
    place = data.draw(st.integers(0, len(whole) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(bytes(changed[:cut]))
    (batches,) = read_all(path.parent).values() if cut else ([],)
    got = {point for some in points(batches).values() for point in some}
    wanted, at = set(), 0
    for step in range(-1, 60):
        frame = encode_frame(version_event(1e9) if step < 0 else scalar_event(f"t{step % 3}", step, step / 2, 1e9 + step))
        if step >= 0 and at + len(frame) <= cut and not at <= place < at + len(frame):
            wanted.add((step, 1e9 + step, step / 2))
        at += len(frame)
    lost = wanted - got
    if place < cut and lost:  # a damaged length at the end may still be one that is being written: it waits for more
        assert all(step >= 55 or cut < len(whole) for step, _, _ in lost)
    assert got <= {(step, 1e9 + step, step / 2) for step in range(60)}


@given(st.binary(max_size=3000))
@settings(deadline=None, max_examples=100)
def test_random_bytes_never_crash(tmp_path_factory: Any, noise: bytes) -> None:
    path = tmp_path_factory.mktemp("logs") / NAME
    path.write_bytes(noise)
    read_all(path.parent)
    write(path, noise, noise[::-1])  # whole frames of no event
    read_all(path.parent)


# ------------------------------------------------------------------------------------------------------ runs and restarts


def test_runs_are_found_as_tensorboard_finds_them(tmp_path: Path) -> None:
    for place in ("", "a", "a/b", "c/deep/er"):
        write(tmp_path / place / NAME, scalar_event("x", 0, 1.0))
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "c")
    (tmp_path / "a" / "back").symlink_to(tmp_path)
    assert [run.name for run in LogDirectory(str(tmp_path)).runs()] == [".", "a", "a/b", "c/deep/er", "link/deep/er"]
    assert is_event_file("my.tfevents.123")
    assert not is_event_file("events.out.tfevents.1.h.profile-empty")
    cb.init(dir=tmp_path / "native").finish()
    assert len(list(LogDirectory(str(tmp_path)).runs())) == 5


def test_new_runs_appear_and_deleted_ones_go(tmp_path: Path) -> None:
    logdir = LogDirectory(str(tmp_path))
    assert list(logdir.runs()) == []
    write(tmp_path / "a" / NAME, scalar_event("x", 0, 1.0))
    assert [run.name for run in logdir.runs()] == ["a"]
    old = time.time() - 100
    os.utime(tmp_path / "a", (old, old))
    assert [run.name for run in logdir.runs()] == ["a"]
    write(tmp_path / "a" / (NAME + "b"), scalar_event("x", 0, 1.0))
    assert [len(run.files) for run in logdir.runs()] == [2]
    shutil.rmtree(tmp_path / "a")
    assert list(logdir.runs()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes on Linux alone")
def test_a_name_that_is_no_text_is_told_and_hides_nothing(tmp_path: Path) -> None:
    for place in (b"good", b"bad\xff"):
        directory = os.path.join(os.fsencode(tmp_path), place)
        os.mkdir(directory)
        with open(os.path.join(directory, os.fsencode(NAME)), "wb") as file:
            file.write(encode_frame(scalar_event("a", 0, 1.0)))
    write(tmp_path / "good" / (NAME + "\udcfe"), scalar_event("b", 0, 1.0))
    source = TensorBoardSource(tmp_path)
    store = EmbeddedStore([source])
    store.refresh()
    assert [run.name for run in store.runs()] == ["good"]
    assert source.trouble.startswith("cannot be read: ")
    assert f"{tmp_path}/bad\\udcff: its name is no UTF-8 text; rename it" in source.trouble
    assert "\\udcfe: its name is no UTF-8 text" in source.trouble
    assert store.sources()[0].error == source.trouble
    store.close()


def attempts_of(batches: list[Batch], tag: str) -> list[tuple[int, list[int]]]:
    return [(strand.attempt, strand.points.step.tolist()) for batch in batches for strand in batch.strands if strand.tag == tag]


def test_a_restart_in_a_new_file_is_a_new_attempt_and_nothing_is_purged(tmp_path: Path) -> None:
    write(tmp_path / "events.out.tfevents.1.h", version_event(1.0), *(scalar_event("a", n, 0.0, 10.0 + n) for n in range(10)))
    write(tmp_path / "events.out.tfevents.2.h", version_event(50.0), *(scalar_event("a", n, 1.0, 51.0 + n) for n in range(5, 8)))
    (batches,) = read_all(tmp_path).values()
    assert attempts_of(batches, "a") == [(1, list(range(10))), (2, [5, 6, 7])]
    (run,) = cb.open(tmp_path)
    assert run["a"].step.tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert run["a"].all_attempts().step.tolist() == [*range(10), 5, 6, 7]


def test_files_that_overlap_in_time_are_one_attempt(tmp_path: Path) -> None:
    write(tmp_path / "events.out.tfevents.1.h", version_event(1.0), scalar_event("a", 0, 0.0, 10.0), scalar_event("a", 9, 0.0, 90.0))
    write(tmp_path / "events.out.tfevents.2.h", version_event(50.0), scalar_event("a", 5, 1.0, 55.0))
    (batches,) = read_all(tmp_path).values()
    assert attempts_of(batches, "a") == [(1, [0, 9]), (1, [5])]


def test_a_session_start_inside_a_file_begins_an_attempt(tmp_path: Path) -> None:
    start = field(1, 1, struct.pack("<d", 60.0)) + b"\x10\x03" + field(7, 2, b"\x08\x01")
    write(
        tmp_path / NAME,
        version_event(1.0),
        start,
        *(scalar_event("a", n, 0.0, 10.0 + n) for n in range(5)),
        start,
        *(scalar_event("a", n, 1.0, 70.0 + n) for n in range(3, 5)),
    )
    (batches,) = read_all(tmp_path).values()
    assert attempts_of(batches, "a") == [(1, [0, 1, 2, 3, 4]), (2, [3, 4])]


def test_backward_and_repeated_steps_are_all_kept(tmp_path: Path) -> None:
    steps = [0, 1, 2, 1, 1, -5, 2]
    write(tmp_path / NAME, *(scalar_event("a", step, float(n), 10.0 + n) for n, step in enumerate(steps)))
    (run,) = cb.open(tmp_path)
    assert run["a"].step.tolist() == steps


# ------------------------------------------------------------------------------------------------------ the real writers


def loader_yields(directory: Path) -> Iterator[tuple[str, int, float, str, Any]]:
    """(tag, step, wall time, plugin, value or tensor) of each summary value, by TensorBoard's own loader."""
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.util import tensor_util

    for path in sorted(directory.iterdir()):
        if not is_event_file(path.name):
            continue
        initial: dict[str, Any] = {}
        for event in event_file_loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                initial.setdefault(value.tag, value.metadata)
                array = tensor_util.make_ndarray(value.tensor) if value.HasField("tensor") else None
                yield value.tag, event.step, event.wall_time, initial[value.tag].plugin_data.plugin_name, array


def assert_scalars_agree(directory: Path, batches: list[Batch]) -> int:
    wanted: dict[str, list[tuple[int, float, float]]] = {}
    for tag, step, wall, plugin, array in loader_yields(directory):
        if plugin == "scalars":
            wanted.setdefault(tag, []).append((step, wall, float(array)))
    got = points(batches)
    assert repr(got) == repr({tag: wanted[tag] for tag in got})
    assert got.keys() == wanted.keys()
    return sum(len(some) for some in wanted.values())


@pytest.fixture(scope="module")
def by_torch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from torch.utils.tensorboard import SummaryWriter

    directory = tmp_path_factory.mktemp("torch")
    rng = np.random.default_rng(0)
    with SummaryWriter(str(directory)) as writer:
        for step in range(50):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
            writer.add_scalar("new", step * 2, step, new_style=True)
            writer.add_scalar("double", step / 3, step, double_precision=True)
            writer.add_scalar("odd", [NAN, float("inf"), -float("inf"), -0.0][step % 4], step - 10, walltime=1.5e9 + step)
        writer.add_scalar("none", 1.0)
        writer.add_histogram("h", rng.normal(size=1000), 3)
        writer.add_histogram("h", np.full(7, 2.5), 4)
        writer.add_image("image", rng.random((3, 8, 9)), 1)
        writer.add_images("images", rng.random((4, 3, 8, 8)), 2)
        writer.add_audio("audio", rng.uniform(-1, 1, (1, 400)), 5, sample_rate=8000)
        writer.add_text("text", "**hello** ü", 6)
        writer.add_pr_curve("pr", rng.integers(0, 2, 100), rng.random(100), 7)
        writer.add_mesh(
            "mesh", rng.random((2, 5, 3)), colors=rng.integers(0, 255, (2, 5, 3)), faces=rng.integers(0, 5, (2, 3, 3)), global_step=8
        )
        writer.add_tensor("tensor", __import__("torch").arange(6).reshape(2, 3), 9)
    return directory


@pytest.mark.torch
def test_torch_every_scalar_equals_what_tensorboard_loads(by_torch: Path) -> None:
    (batches,) = read_all(by_torch).values()
    assert assert_scalars_agree(by_torch, batches) == 201
    assert problems(batches) == []


@pytest.mark.torch
def test_torch_media_come_whole(by_torch: Path) -> None:
    source = TensorBoardSource(by_torch)
    (run,) = source.scan()
    batches = [read_whole(source, run, source.read(run, None))]
    peers = {(tag, step): array for tag, step, _, plugin, array in loader_yields(by_torch) if plugin != "scalars"}
    images = {(one.tag, one.step): one for one in records(batches, ImagePoint)}
    assert images.keys() == {("image", 1), ("images", 2)}
    for key, point in images.items():
        (picture,) = point.images
        width, height, data = peers[key].tolist()
        assert (source.blob(run, picture.blob), str(picture.width).encode(), str(picture.height).encode()) == (data, width, height)
        assert picture.blob.media_type == "image/png"
    (audio,) = records(batches, AudioPoint)
    assert source.blob(run, audio.clips[0].blob) == peers["audio", 5].reshape(-1)[0]
    assert (audio.clips[0].sample_rate, audio.clips[0].channels, audio.clips[0].frames) == (8000.0, 1, 400)
    (words,) = records(batches, TextPoint)
    assert (words.tag, words.step, words.texts, words.shape) == ("text/text_summary", 6, ["**hello** ü"], [1])
    (curve,) = records(batches, PRCurvePoint)
    assert np.allclose([curve.true_positives, curve.false_positives], peers["pr", 7][:2])
    assert len(curve.thresholds) == 127
    for point in records(batches, HistogramPoint):
        rows = np.asarray(peers[point.tag, point.step], np.float64)
        assert sum(point.counts) == rows[:, 2].sum() == point.count
        if point.step == 3:
            assert np.allclose(point.edges, [*rows[:, 0], rows[-1, 1]], rtol=1e-6)
            assert point.counts == rows[:, 2].tolist()
            assert point.std == pytest.approx(1, abs=0.1)
    meshes = records(batches, MeshPoint)
    assert [(one.tag, one.vertex_count, one.face_count) for one in meshes] == [("mesh", 5, 3), ("mesh", 5, 3)]
    vertices = np.frombuffer(source.blob(run, meshes[1].vertices), "<f4").reshape(5, 3)
    assert np.array_equal(vertices, peers["mesh_VERTEX", 8][1])
    assert np.array_equal(np.frombuffer(source.blob(run, meshes[1].faces), "<i4").reshape(3, 3), peers["mesh_FACE", 8][1])
    (tensor,) = records(batches, TensorPoint)
    assert (tensor.tag, tensor.shape, tensor.dtype, tensor.plugin) == ("tensor", [2, 3], "int64", "tensor")
    assert np.frombuffer(source.blob(run, tensor.blob), "<i8").tolist() == list(range(6))
    assert problems(batches) == []


@pytest.mark.torch
def test_torch_hparams_become_the_config(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_hparams({"lr": 0.1, "layers": 3, "name": "x", "bias": True}, {"accuracy": 0.9}, run_name="sub")
        writer.add_scalar("loss", 1.0, 0)
        for step in range(3):
            writer.add_scalars("two/losses", {"train": step, "val": -step}, step)
    ((name, batches),) = read_all(tmp_path).items()  # one run, as the program meant it
    (config,) = records(batches, ConfigSet)
    assert config.config == {"lr": 0.1, "layers": 3, "name": "x", "bias": True}
    got = points(batches)
    assert got.keys() == {"accuracy", "loss", "two/losses/train", "two/losses/val"}
    assert [value for _, _, value in got["two/losses/val"]] == [0, -1, -2]
    (run,) = cb.open(tmp_path)
    assert (run.name, run.config["lr"], run.info.attempts) == (name, 0.1, 1)
    apart = TensorBoardSource(tmp_path, subruns=True).scan()
    assert sorted(one.name for one in apart) == sorted([tmp_path.name, "sub", "two_losses_train", "two_losses_val"])


@pytest.mark.torch
def test_several_trials_below_one_run_stay_runs(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        for trial in range(3):
            writer.add_hparams({"lr": 0.1 * trial}, {"accuracy": 0.9}, run_name=f"trial{trial}")
    found = read_all(tmp_path)
    assert {"trial0", "trial1", "trial2"} <= found.keys()


@pytest.mark.tensorflow
def test_tensorflow_every_value_equals_what_tensorboard_loads(tmp_path: Path) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(tmp_path))
    rng = np.random.default_rng(0)
    with writer.as_default():
        for step in range(300):
            tf.summary.scalar("loss", 1 / (step + 1), step=step)
            with tf.name_scope("scope"):
                tf.summary.scalar("acc", step, step=step, description="how often it is right")
        tf.summary.histogram("h", rng.normal(size=500), step=1)
        tf.summary.histogram("same", [2.0, 2.0], step=1)
        tf.summary.histogram("nothing", [], step=1)
        tf.summary.image("images", rng.random((3, 6, 7, 3)), step=2, max_outputs=3)
        tf.summary.audio("sound", rng.uniform(-1, 1, (2, 100, 1)).astype("float32"), 16000, step=3)
        tf.summary.text("words", [["a", "b"], ["c", "d"]], step=4)
        tf.summary.write("raw", tf.range(5), step=5)
    writer.close()
    source = TensorBoardSource(tmp_path)
    (run,) = source.scan()
    batches = [read_whole(source, run, source.read(run, None))]
    assert assert_scalars_agree(tmp_path, batches) == 600
    peers = {tag: array for tag, _, _, plugin, array in loader_yields(tmp_path) if plugin != "scalars"}
    (images,) = records(batches, ImagePoint)
    assert [source.blob(run, one.blob) for one in images.images] == peers["images"].tolist()[2:]
    assert [(one.width, one.height) for one in images.images] == [(7, 6)] * 3
    (sound,) = records(batches, AudioPoint)
    assert [source.blob(run, clip.blob) for clip in sound.clips] == peers["sound"].reshape(2, -1)[:, 0].tolist()
    assert sound.clips[0].sample_rate == 16000
    (words,) = records(batches, TextPoint)
    assert (words.texts, words.shape) == (["a", "b", "c", "d"], [2, 2])
    histograms = {one.tag: one for one in records(batches, HistogramPoint)}
    assert histograms["h"].counts == peers["h"][:, 2].tolist()
    assert (histograms["same"].edges, histograms["same"].counts) == ([2.0, 2.0], [2])
    assert histograms["nothing"].count == 0
    (raw,) = records(batches, TensorPoint)
    assert (raw.tag, raw.shape, raw.dtype) == ("raw", [5], "int32")
    assert problems(batches) == []


@pytest.mark.tensorflow
def test_keras_directories_are_two_runs(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.zeros((8, 3), "float32")
    model.fit(
        x,
        x[:, :1],
        epochs=2,
        verbose=0,
        validation_data=(x, x[:, :1]),
        callbacks=[keras.callbacks.TensorBoard(str(tmp_path), histogram_freq=1)],
    )
    found = read_all(tmp_path)
    assert found.keys() == {"train", "validation"}
    for name, batches in found.items():
        assert assert_scalars_agree(tmp_path / name, batches) > 0
        assert problems(batches) == []


def test_the_store_and_the_board_see_event_files_like_native_runs(tmp_path: Path) -> None:
    write(tmp_path / "exp" / NAME, version_event(1.0), *(scalar_event("loss", n, n / 2, 10.0 + n) for n in range(100)))
    with cb.init(dir=tmp_path, project="p", name="native") as run:
        run.log({"loss": 1.0}, step=0)
    runs = cb.open(tmp_path)
    assert sorted((one.info.source, one.name) for one in runs) == [("native", "native"), ("tensorboard", "exp")]
    assert runs["exp"]["loss"].value.tolist() == [n / 2 for n in range(100)]


def test_a_cache_hands_its_cursor_back(tmp_path: Path) -> None:
    write(tmp_path / NAME, version_event(1.0), *(scalar_event("a", n, 1.0) for n in range(10)))
    for expected in (10, 12):
        store = EmbeddedStore([TensorBoardSource(tmp_path)])
        store.refresh()
        (series,) = store.series(kind=Kind.SCALAR)
        assert series.count == expected
        store.close()
        if expected == 10:
            write(tmp_path / NAME, *(scalar_event("a", n, 1.0) for n in range(10, 12)), mode="ab")


def test_what_lies_outside_the_run_is_not_handed_out(tmp_path: Path) -> None:
    from crossboard.store.errors import NotFound
    from crossboard.store.records import Foreign

    write(tmp_path / "a" / NAME, scalar_event("x", 0, 1.0))
    (tmp_path / "secret").write_text("secret")
    source = TensorBoardSource(tmp_path)
    (run,) = source.scan()
    with pytest.raises(NotFound, match="want a file in"):
        source.blob(run, Foreign("../secret", 0, 6, "text/plain"))


@pytest.mark.torch
def test_torch_graphs_are_read(tmp_path: Path) -> None:
    import torch
    from torch.utils.tensorboard import SummaryWriter

    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_graph(model, torch.zeros(1, 4))
    (batches,) = read_all(tmp_path).values()
    (graph,) = records(batches, GraphPoint)
    assert (graph.tag, graph.framework) == ("graph", "torch")
    kinds = [one.type for one in graph.operations]
    assert kinds.count("aten::linear") + kinds.count("aten::addmm") == 2
    names = {one.name for one in graph.operations}
    assert all(edge.source in names and edge.target in names for edge in graph.edges)
    assert any([4] in [one.shape or [] for one in op.outputs] or [1, 4] in [one.shape for one in op.outputs] for op in graph.operations)
    linear = next(one for one in graph.operations if one.type in ("aten::linear", "aten::addmm"))
    assert any(scope.path == linear.scope and scope.type == "Linear" for scope in graph.scopes)
    assert problems(batches) == []


@pytest.mark.tensorflow
def test_tensorflow_graphs_and_keras_models_are_read(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    def double(x: Any) -> Any:
        with tf.name_scope("inner"):
            return tf.nn.relu(x * 2.0)

    function = tf.function(double)

    writer = tf.summary.create_file_writer(str(tmp_path / "tf"))
    with writer.as_default():
        tf.summary.graph(function.get_concrete_function(tf.TensorSpec([None, 3], tf.float32)).graph)
    writer.close()
    (graph,) = records(read_all(tmp_path / "tf")["tf"], GraphPoint)
    relu = next(one for one in graph.operations if one.type == "Relu")
    assert relu.scope == "inner"
    sources = {edge.source for edge in graph.edges if edge.target == relu.name}
    assert {one.type for one in graph.operations if one.name in sources} == {"Mul"}
    entry = keras.Input((8,), name="entry")
    left = keras.layers.Dense(4, name="left")(entry)
    right = keras.layers.Dense(4, name="right")(entry)
    model = keras.Model(entry, keras.layers.Add(name="sum")([left, right]))
    model.compile("sgd", "mse")
    x = np.zeros((8, 8), "float32")
    model.fit(x, x[:, :4], epochs=1, verbose=0, callbacks=[keras.callbacks.TensorBoard(str(tmp_path / "keras"))])
    found = records(read_all(tmp_path / "keras")["train"], GraphPoint)
    (made,) = [one for one in found if one.framework == "keras"]
    assert {one.name: one.type for one in made.operations} == {"entry": "InputLayer", "left": "Dense", "right": "Dense", "sum": "Add"}
    assert {(edge.source, edge.target) for edge in made.edges} == {
        ("entry", "left"),
        ("entry", "right"),
        ("left", "sum"),
        ("right", "sum"),
    }


# ---------------------------------------------------------------------------------------------- packed and far away


def test_a_packed_file_is_read_and_its_images_come_along(tmp_path: Path) -> None:
    image = b"\x08\x02\x10\x03\x22\x04\x89PNG"
    body = field(1, 2, b"pic") + field(4, 2, image)
    event = field(1, 1, struct.pack("<d", 5.0)) + field(5, 2, field(1, 2, body))
    plain = tmp_path / NAME
    write(plain, version_event(1.0), *(scalar_event("a", step, 1.0) for step in range(30)), event)
    data = plain.read_bytes()
    plain.unlink()
    packed = tmp_path / (NAME + ".gz")
    packed.write_bytes(gzip.compress(data[:400]) + gzip.compress(data[400:])[:-9])  # two members, the last one torn
    (batches,) = read_all(tmp_path).values()
    assert len(points(batches)["a"]) >= 25
    packed.write_bytes(gzip.compress(data))
    (batches,) = read_all(tmp_path).values()
    assert len(points(batches)["a"]) == 30
    (pictures,) = records(batches, ImagePoint)
    source = TensorBoardSource(tmp_path)
    assert source.blob(source.scan()[0], pictures.images[0].blob) == b"\x89PNG"


def test_a_url_is_read_through_fsspec(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")
    plain = tmp_path / NAME
    write(plain, version_event(1.0), *(scalar_event("a", step, 1.0) for step in range(30)))
    memory = fsspec.filesystem("memory")
    memory.pipe(f"/logs/exp/{NAME}", plain.read_bytes())
    try:
        (run,) = cb.open("memory://logs")
        assert (run.name, len(run["a"])) == ("exp", 30)
        source = TensorBoardSource("memory://logs")
        first = source.read(source.scan()[0], None)
        write(plain, scalar_event("a", 30, 2.0), mode="ab")
        memory.pipe(f"/logs/exp/{NAME}", plain.read_bytes())
        assert points([source.read(source.scan()[0], first.cursor)]) == {"a": [(30, 1e9, 2.0)]}
    finally:
        memory.rm("/logs", recursive=True)


def test_a_protocol_without_its_package_says_what_to_install() -> None:
    pytest.importorskip("fsspec", reason="fsspec is not installed")
    from crossboard.store.errors import CrossboardError

    with pytest.raises(CrossboardError, match="nosuch://bucket"):
        TensorBoardSource("nosuch://bucket/logs")


# ---------------------------------------------------------------------------------------- what a fuzzer found, and its like


def tagged(payload: bytes) -> bytes:
    """An event whose summary value is `payload`."""
    return (
        field(1, 1, struct.pack("<d", 1e9))
        + b"\x2a"
        + varint(len(payload) + 1 + len(varint(len(payload))))
        + b"\x0a"
        + varint(len(payload))
        + payload
    )


REPEATED = b"\x15" + struct.pack("<f", 1.0) + b"\x15" + struct.pack("<f", 2.0)
"""simple_value twice: the last one counts."""
METADATA = field(9, 2, field(1, 2, field(1, 2, b"scalars")))


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (b"\x0a" + varint(-4503599627370496 % (1 << 64)) + b"x" * 60, {}),
        (field(1, 2, b"a") + REPEATED, {"a": [(0, 1e9, 2.0)]}),
        (field(1, 2, b"a") + field(1, 2, b"b") + REPEATED[:5], {"b": [(0, 1e9, 1.0)]}),
        (field(7, 2, b"node") + REPEATED[:5], {"node": [(0, 1e9, 1.0)]}),
        (field(1, 2, b"a") + METADATA + field(8, 2, b"\x08\x01" + field(13, 2, bytes(4))), {}),
    ],
    ids=["negative length", "value twice", "tag twice", "name of a node", "bits of another type"],
)
def test_odd_values_are_what_protocol_buffers_say_they_are(tmp_path: Path, payload: bytes, wanted: dict[str, Any]) -> None:
    rest = [scalar_event("b" if "b" not in wanted else "c", step, 1.0) for step in range(3)]
    write(tmp_path / NAME, *rest[:2], tagged(payload), rest[2])
    (batches,) = read_all(tmp_path).values()
    got = points(batches)
    assert len(got.pop("b" if "b" not in wanted else "c")) == 3
    assert got == wanted


def tensor(tag: str, plugin: bytes, dtype: int, shape: list[int], more: bytes = b"") -> bytes:
    dims = b"".join(field(2, 2, b"\x08" + varint(size)) for size in shape)
    body = b"\x08" + bytes([dtype]) + b"\x12" + varint(len(dims)) + dims + more
    return tagged(field(1, 2, tag.encode()) + field(9, 2, field(1, 2, field(1, 2, plugin))) + b"\x42" + varint(len(body)) + body)


def nested(depth: int) -> bytes:
    """Hyperparameters whose value is a list in a list, `depth` deep."""
    value = b"\x18\x01"
    for _ in range(depth):
        inner = b"\x0a" + varint(len(value)) + value
        value = b"\x32" + varint(len(inner)) + inner
    entry = field(1, 2, b"x") + b"\x12" + varint(len(value)) + value
    start = b"\x0a" + varint(len(entry)) + entry
    content = b"\x1a" + varint(len(start)) + start
    plugin = field(1, 2, b"hparams") + b"\x12" + varint(len(content)) + content
    metadata = b"\x0a" + varint(len(plugin)) + plugin
    return tagged(field(1, 2, b"h") + b"\x4a" + varint(len(metadata)) + metadata)


@pytest.mark.parametrize(
    "event",
    [
        tensor("t", b"mine", 1, [1 << 30]),
        tensor("t", b"mesh", 1, [1 << 40, 0, 3]),
        tensor("t_VERTEX", b"mesh", 1, [1 << 30, 0, 3]),
        tensor("t", b"text", 7, [1 << 20, 1 << 10], field(8, 2, b"x")),
        tensor("t", b"pr_curves", 1, [6, 1 << 28]),
        tensor("t", b"histograms", 2, [1, 3], b"\x32" + varint(24) + struct.pack("<3d", 0.0, 1.0, 1e300)),
        tensor("t", b"mine", 1, [2] * 300),
        tensor("t", b"images", 7, [3], field(8, 2, b"9" * 60) + field(8, 2, b"1") + field(8, 2, b"x")),
        tensor("keras", b"graph_keras_model", 7, [], b"\x42" + varint(60_000) + b'{"config":{"layers":' + b"[" * 59_980),
        nested(3000),
    ],
    ids=["tensor", "mesh", "vertices", "text", "curve", "counts", "axes", "width", "json", "lists"],
)
def test_few_bytes_never_become_much_memory_and_what_stands_beside_them_is_read(tmp_path: Path, event: bytes) -> None:
    import tracemalloc

    from crossboard.store.records import encode_record

    write(tmp_path / NAME, scalar_event("a", 0, 1.0), event, scalar_event("a", 1, 2.0))
    tracemalloc.start()
    (batches,) = read_all(tmp_path).values()
    for batch in batches:
        for placed in batch.records:
            assert len(encode_record(placed.record)) < 1 << 24
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200 << 20
    assert [step for step, _, _ in points(batches)["a"]] == [0, 1]
