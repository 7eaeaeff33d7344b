"""`cb.tensorflow.writer`: what tf.summary writes, from eager code and compiled functions, is in the run as it was written."""

from __future__ import annotations

import gc
import io
import math
import os
import subprocess
import sys
import time
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.loggers.events import ConfigLogged, EventReader, Logged
from crossboard.loggers.tensorproto import decode_tensor
from crossboard.store.blobs import read_blob
from crossboard.store.errors import CrossboardWarning, Damaged
from crossboard.store.native import NativeSource
from crossboard.store.records import (
    AudioPoint,
    ConfigSet,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    Inline,
    MeshPoint,
    PRCurvePoint,
    Record,
    TensorPoint,
    TextPoint,
)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.tensorflow]
ROOT = Path(__file__).resolve().parents[1]
Numbers = dict[str, list[tuple[int, float]]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def read(root: Path) -> tuple[Numbers, list[Record]]:
    """Tag -> (step, value), and the records, of the only run under `root`."""
    source = NativeSource(root)
    (found,) = source.scan()
    points: Numbers = {}
    records: list[Record] = []
    cursor, more = None, True
    while more:
        batch = source.read(found, cursor)
        cursor, more = batch.cursor, batch.more
        records += [placed.record for placed in batch.records]
        for strand in batch.strands:
            points.setdefault(strand.tag, []).extend(zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True))
    return points, records


def the(kind: type, records: list[Record], tag: str) -> Any:
    (found,) = (one for one in records if isinstance(one, kind) and getattr(one, "tag", "") == tag)
    return found


def within(seconds: float, ready: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = ready()
        if found:
            return found
        time.sleep(0.05)
    return ready()


def test_scalars_from_a_compiled_function_have_their_steps_and_scopes(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)

    @tf.function  # type: ignore[untyped-decorator]
    def train(step: Any) -> None:
        with writer.as_default(step=step), tf.name_scope("train"):
            tf.summary.scalar("loss", 1.0 / tf.cast(step, tf.float32))

    for step in (1, 2, 4, -8, 2**40):
        train(tf.constant(step, tf.int64))
    writer.close()
    want = [(step, float(np.float32(1.0) / np.float32(step))) for step in (1, 2, 4, -8, 2**40)]
    assert read(root)[0] == {"train/loss": want}


def test_record_if_and_a_step_that_is_a_variable_work_as_tensorflow_says(root: Path) -> None:
    import tensorflow as tf

    writer = cb.tensorflow.writer(cb.init(dir=root))
    step = tf.Variable(0, dtype=tf.int64)
    with writer.as_default(step=step), tf.summary.record_if(lambda: step % 2 == 0):
        for _ in range(5):
            tf.summary.scalar("a", tf.cast(step, tf.float32))
            step.assign_add(1)
    writer.flush()
    assert read(root)[0]["a"] == [(0, 0.0), (2, 2.0), (4, 4.0)]


def test_every_kind_arrives_as_what_it_is(root: Path) -> None:
    import PIL.Image
    import tensorflow as tf

    pixels = np.arange(2 * 4 * 3 * 3, dtype=np.uint8).reshape(2, 4, 3, 3)
    sound = np.sin(np.arange(80) / 5).astype(np.float32)[None, :, None]
    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=7):
        tf.summary.histogram("histogram", [0.0, 0.25, 0.5, 1.0], buckets=4)
        tf.summary.histogram("equal", [2.0, 2.0, 2.0])
        tf.summary.histogram("empty", tf.zeros([0]))
        tf.summary.image("image", pixels, description="two")
        tf.summary.audio("audio", sound, 8000)
        tf.summary.text("text", "one **line**")
        tf.summary.text("texts", [["a", "b"], ["c", "d"]])
    writer.flush()
    _, records = read(root)
    histogram = the(HistogramPoint, records, "histogram")
    assert (histogram.edges, histogram.counts) == ([0.0, 0.25, 0.5, 0.75, 1.0], [1, 1, 1, 1])
    assert (histogram.step, histogram.count, histogram.min, histogram.max) == (7, 4, 0.0, 1.0)
    equal = the(HistogramPoint, records, "equal")
    assert (equal.counts, equal.min, equal.max) == ([3], 2.0, 2.0)
    assert the(HistogramPoint, records, "empty").count == 0
    images = the(ImagePoint, records, "image").images
    assert [(one.width, one.height, one.caption) for one in images] == [(3, 4, "two"), (3, 4, "two")]
    for picture, want in zip(images, pixels, strict=True):
        assert np.array_equal(np.asarray(PIL.Image.open(io.BytesIO(read_blob(run.dir, picture.blob)))), want)
    (clip,) = the(AudioPoint, records, "audio").clips
    assert (clip.sample_rate, clip.frames, clip.channels) == (8000.0, 80, 1)
    with wave.open(io.BytesIO(read_blob(run.dir, clip.blob))) as file:
        played = np.frombuffer(file.readframes(80), "<i2") / 32768
    assert np.abs(played - sound[0, :, 0]).max() < 1e-3
    assert the(TextPoint, records, "text").texts == ["one **line**"]
    texts = the(TextPoint, records, "texts")
    assert (texts.texts, texts.shape) == (["a", "b", "c", "d"], [2, 2])


DTYPES = ["float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]


@pytest.mark.parametrize("dtype", [*DTYPES, "complex64", "complex128"])
def test_any_tensor_is_kept_bit_by_bit(root: Path, dtype: str) -> None:
    import tensorflow as tf

    tensor = tf.cast(tf.constant([[0, 1, 2], [3, 100, 127]]), dtype)
    writer = cb.tensorflow.writer(cb.init(dir=root))
    with writer.as_default(step=1):
        tf.summary.write("raw", tensor)
    writer.flush()
    point = the(TensorPoint, read(root)[1], "raw")
    assert (point.dtype, point.shape, point.plugin) == (dtype, [2, 3], "")
    assert point.blob.data == tensor.numpy().tobytes()


def test_string_tensors_and_the_name_of_an_unknown_plugin_are_kept(root: Path) -> None:
    import msgspec
    import tensorflow as tf

    about = tf.compat.v1.SummaryMetadata()
    about.plugin_data.plugin_name = "mine"
    writer = cb.tensorflow.writer(cb.init(dir=root))
    with writer.as_default(step=1):
        tf.summary.write("raw", tf.constant([b"a", b"\xff"]), metadata=about)
    writer.flush()
    point = the(TensorPoint, read(root)[1], "raw")
    assert (point.dtype, point.shape, point.plugin) == ("object", [2], "mine")
    assert msgspec.msgpack.decode(point.blob.data) == [b"a", b"\xff"]


def test_meshes_pr_curves_and_hyperparameters_of_tensorboard(root: Path) -> None:
    import tensorflow as tf
    from tensorboard.plugins.hparams import api
    from tensorboard.plugins.mesh import summary_v2
    from tensorboard.plugins.pr_curve import summary as pr_curves

    vertices = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    faces = np.array([[[0, 1, 2]], [[2, 1, 0]]], np.int32)
    colors = np.full((2, 3, 3), 200, np.uint8)
    curve = pr_curves.raw_data_pb("pr", [3, 1], [2, 1], [0, 1], [0, 2], [0.6, 0.5], [1.0, 0.3], num_thresholds=2)
    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=3):
        summary_v2.mesh("mesh", vertices, colors=colors, faces=faces, config_dict={"camera": {"fov": 75}}, step=3)
        tf.summary.experimental.write_raw_pb(curve.SerializeToString())
        api.hparams({"lr": 0.5, "name": "x", "deep": True}, trial_id="t")
    writer.flush()
    _, records = read(root)
    meshes = [one for one in records if isinstance(one, MeshPoint)]
    assert len(meshes) == 2
    for index, mesh in enumerate(meshes):
        assert (mesh.tag, mesh.step, mesh.vertex_count, mesh.face_count) == (f"mesh/{index}", 3, 3, 1)
        assert mesh.config == {"camera": {"fov": 75}}
        assert read_blob(run.dir, mesh.vertices) == vertices[index].tobytes()
        assert mesh.faces is not None
        assert read_blob(run.dir, mesh.faces) == faces[index].tobytes()
        assert mesh.colors is not None
        assert read_blob(run.dir, mesh.colors) == colors[index].tobytes()
    point = the(PRCurvePoint, records, "pr/pr_curves")
    assert (point.thresholds, point.true_positives, point.false_positives) == ([0.0, 1.0], [3.0, 1.0], [2.0, 1.0])
    assert (point.true_negatives, point.false_negatives) == ([0.0, 1.0], [0.0, 2.0])
    assert run.config == {"lr": 0.5, "name": "x", "deep": True}
    assert any(isinstance(one, ConfigSet) and one.config.get("lr") == 0.5 for one in records)


def test_a_graph_arrives_as_a_graph(root: Path) -> None:
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def double(x: Any) -> Any:
        return x * 2.0

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=0):
        tf.summary.graph(double.get_concrete_function(tf.TensorSpec([3])).graph)
    writer.flush()
    run.finish()
    graph = the(GraphPoint, read(root)[1], "graph")
    assert graph.framework == "tensorflow"
    assert any("mul" in one.name for one in graph.operations)


def test_the_run_holds_what_an_ordinary_writer_gets(root: Path, tmp_path: Path) -> None:
    """The same calls to TensorFlow's file writer, read by TensorBoard's own loader."""
    import tensorflow as tf
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util import tensor_util

    values = np.random.default_rng(0).normal(size=50)
    ours, theirs = cb.tensorflow.writer(cb.init(dir=root)), tf.summary.create_file_writer(str(tmp_path / "logs"))
    for step, value in enumerate([*values, math.nan, math.inf, -math.inf, 0.0, 1e-40]):
        for writer in (ours, theirs):
            with writer.as_default(step=step * step):
                tf.summary.scalar("a", value)
                tf.summary.histogram("h", values * value)
    ours.close()
    theirs.close()
    (file,) = (tmp_path / "logs").iterdir()
    points, records = read(root)
    scalars: list[Any] = []
    histograms: list[Any] = []
    for event in EventFileLoader(str(file)).Load():
        for one in event.summary.value:
            array = tensor_util.make_ndarray(one.tensor)
            (scalars if one.tag == "a" else histograms).append((event.step, array))
    assert repr(points["a"]) == repr([(step, float(array)) for step, array in scalars])
    found = [one for one in records if isinstance(one, HistogramPoint)]
    assert len(found) == len(histograms) == 55
    for point, (step, rows) in zip(found, histograms, strict=True):
        if np.isfinite(rows).all() and len(point.counts) > 1:
            assert (point.step, point.counts) == (step, rows[:, 2].astype(int).tolist())
            assert point.edges == [*rows[:, 0], rows[-1, 1]]


def test_wall_times_are_those_of_the_calls(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    before = time.time()
    with writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
    after = time.time()
    time.sleep(0.3)
    writer.flush()
    assert before <= run.own_points()["a"].wall_time[0] <= after


def test_without_flush_it_arrives_by_itself_and_at_the_latest_before_the_run_finishes(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=5):
        tf.summary.scalar("a", 1.0)
        assert within(5, lambda: read(root)[0]) == {"a": [(5, 1.0)]}
        tf.summary.scalar("a", 2.0, step=6)
        run.finish()
    assert read(root)[0] == {"a": [(5, 1.0), (6, 2.0)]}


def test_what_comes_after_the_run_is_dropped_counted_and_said(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    run.finish()
    with writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
        tf.summary.text("t", "late")
    with pytest.warns(CrossboardWarning, match="finished"):
        writer.flush()
    assert run.dropped == 2
    writer.close()
    assert read(root)[0] == {}


def test_what_raises_where_warnings_are_errors_is_not_read_twice(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    run.finish()
    with writer.as_default():
        for step in range(3):
            tf.summary.scalar("a", 1.0, step=step)
    with pytest.raises(CrossboardWarning, match="finished"):
        writer.flush()
    assert run.dropped == 3
    writer.close()
    assert run.dropped == 3


def test_a_closed_writer_warns_and_training_goes_on(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    directory = writer._behind.directory
    assert os.listdir(directory)
    writer.close()
    assert not os.path.exists(directory)
    with pytest.warns(CrossboardWarning, match="closed"), writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
    writer.flush()
    writer.close()
    assert read(root)[0] == {}


def test_a_writer_that_is_let_go_of_leaves_nothing_behind(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    directory = writer._behind.directory
    with writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
    del writer
    gc.collect()
    assert within(5, lambda: not os.path.exists(directory))
    assert read(root)[0] == {"a": [(0, 1.0)]}


def test_without_a_run_one_is_begun_and_prefixes_tell_two_writers_apart(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setenv("CROSSBOARD_DIR", str(root))
    for prefix in ("train/", "val/"):
        with cb.tensorflow.writer(prefix=prefix).as_default(step=1):
            tf.summary.scalar("loss", 0.5)
    cb.finish()
    assert set(read(root)[0]) == {"train/loss", "val/loss"}


def test_a_disabled_run_gets_a_writer_that_does_nothing(root: Path) -> None:
    import tensorflow as tf

    writer = cb.tensorflow.writer(cb.init(dir=root, mode="disabled"))
    with writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
    writer.close()
    assert not root.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="holes are made by a system call of Linux")
def test_what_was_read_takes_no_room_on_the_disk(root: Path) -> None:
    import tensorflow as tf

    writer = cb.tensorflow.writer(cb.init(dir=root))
    for step in range(10):
        with writer.as_default(step=step):
            tf.summary.write("raw", np.random.default_rng(step).normal(size=250_000))
        writer.flush()
    state = os.stat(writer._behind.tail.path)
    assert state.st_size > 20_000_000
    assert state.st_blocks * 512 < 4_000_000
    writer.close()
    assert len([one for one in read(root)[1] if isinstance(one, TensorPoint)]) == 10


def test_a_damaged_event_is_left_out_counted_and_said(root: Path) -> None:
    import tensorflow as tf

    run = cb.init(dir=root)
    writer = cb.tensorflow.writer(run)
    with writer.as_default(step=0):
        tf.summary.scalar("a", 1.0)
    writer.flush()
    path = writer._behind.tail.path
    end = os.path.getsize(path)
    with writer._behind.tail._lock:
        for step in (1, 2):
            with writer.as_default(step=step):
                tf.summary.scalar("a", 1.0)
        with open(path, "r+b") as file:
            file.seek(end + 20)
            file.write(b"\xff")
        with pytest.warns(CrossboardWarning, match="checksum"):
            writer.flush()
    assert read(root)[0]["a"] == [(0, 1.0), (2, 1.0)]
    assert run.dropped == 1
    writer.close()


PROGRAM = """
import os, sys, time
import tensorflow as tf
import crossboard as cb
run = cb.init(dir=sys.argv[1])
writer = cb.tensorflow.writer(run)
print(writer._behind.directory)
writer.set_as_default()
for step in range(50):
    tf.summary.scalar("a", float(step), step=step)
if sys.argv[2] == "fork":
    child = os.fork()
    if not child:
        sys.exit(0)
    os.waitpid(child, 0)
    tf.summary.scalar("b", 1.0, step=0)
if sys.argv[2] == "kill":
    time.sleep(2.5)
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("end", ["fork", "kill"])
def test_nothing_is_lost_when_the_program_ends_forks_or_is_killed(root: Path, end: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(root), end],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT / "src",
        env={**os.environ, "TMPDIR": str(root.parent)},
    )
    assert answer.returncode == (0 if end == "fork" else -9), answer.stderr[-3000:]
    points, _ = read(root)
    assert points["a"] == [(step, float(step)) for step in range(50)]
    if end == "fork":
        assert points["b"] == [(0, 1.0)]
        assert not os.path.exists(answer.stdout.strip())


# ------------------------------------------------------------------------------------------------ the decoder


NUMBERS = {
    "float16": st.floats(width=16),
    "float32": st.floats(width=32),
    "float64": st.floats(),
    "int8": st.integers(-128, 127),
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint8": st.integers(0, 255),
    "uint64": st.integers(0, 2**64 - 1),
    "bool": st.booleans(),
    "complex64": st.complex_numbers(width=64),
}


@settings(max_examples=200, deadline=None)
@given(st.data(), st.sampled_from(sorted(NUMBERS)), st.booleans())
def test_tensors_are_decoded_as_tensorflow_does(draw: Any, dtype: str, typed: bool) -> None:
    import tensorflow as tf

    items = draw.draw(st.lists(NUMBERS[dtype], min_size=0 if not typed else 1, max_size=6))
    array = np.array(items, dtype)
    # a list is written value by value, and values that repeat at the end only once; an array as bytes
    proto = tf.make_tensor_proto(array if not typed else array.tolist(), dtype=dtype, shape=array.shape)
    tensor = decode_tensor(memoryview(proto.SerializeToString()))
    assert (tensor.dtype, tensor.shape) == (dtype, array.shape)
    assert tensor.array().tobytes() == tf.make_ndarray(proto).tobytes()


def test_the_last_value_stands_for_those_that_follow() -> None:
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=4)])
    floats = decode_tensor(memoryview(TensorProto(dtype=1, tensor_shape=shape, float_val=[1.0, 2.0]).SerializeToString()))
    assert floats.array().tolist() == [1.0, 2.0, 2.0, 2.0]
    zeros = decode_tensor(memoryview(TensorProto(dtype=9, tensor_shape=shape).SerializeToString()))
    assert zeros.array().tolist() == [0, 0, 0, 0]
    texts = decode_tensor(memoryview(TensorProto(dtype=7, tensor_shape=shape, string_val=[b"a", b"b"]).SerializeToString()))
    assert texts.texts == [b"a", b"b", b"b", b"b"]
    halves = decode_tensor(memoryview(TensorProto(dtype=14, tensor_shape=shape, half_val=[0x3F80]).SerializeToString()))
    assert halves.array().tolist() == [1.0, 1.0, 1.0, 1.0]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_event_are_damaged_or_hold_nothing_false(payload: bytes) -> None:
    try:
        found = EventReader().read(payload)
    except Damaged:
        return
    assert all(isinstance(one, (Logged, ConfigLogged)) or one.graph_def is not None for one in found)


def test_values_of_tensorflow_1s_kind() -> None:
    """simple_value, HistogramProto, image and audio as torch's SummaryWriter and TF 1 write them."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\0\0" * 10)
    histogram = HistogramProto(
        min=1.0, max=4.0, num=5, sum=10.0, sum_squares=24.0, bucket_limit=[0.5, 2.0, 3.0, 5.0, 9.0], bucket=[0, 2, 0, 3, 0]
    )
    values = [
        Summary.Value(tag="s", simple_value=0.25),
        Summary.Value(tag="h", histo=histogram),
        Summary.Value(tag="i", image=Summary.Image(height=2, width=3, colorspace=3, encoded_image_string=b"\x89PNG...")),
        Summary.Value(tag="a", audio=Summary.Audio(sample_rate=8000, encoded_audio_string=sound.getvalue())),
    ]
    event = Event(wall_time=12.5, step=-3, summary=Summary(value=values))
    found = {one.tag: one for one in EventReader().read(event.SerializeToString()) if isinstance(one, Logged)}
    assert {(one.step, one.wall_time) for one in found.values()} == {(-3, 12.5)}
    assert found["s"].value == 0.25

    class Here:
        tag, step, wall_time = "t", 0, 0.0

        def blob(self, data: bytes, *, extension: str, media_type: str) -> Inline:
            return Inline(data, media_type)

        def warn(self, text: str, *, about: str) -> None:
            raise AssertionError(text)

    made = {tag: one.value(Here()) for tag, one in found.items() if not isinstance(one.value, float)}
    assert isinstance(made["h"], HistogramPoint)
    assert (made["h"].edges, made["h"].counts) == ([1.0, 2.0, 3.0, 4.0], [2, 0, 3])
    assert made["h"].mean == 2.0
    assert made["h"].std == pytest.approx(math.sqrt(0.8))
    assert isinstance(made["i"], ImagePoint)
    assert (made["i"].images[0].width, made["i"].images[0].height) == (3, 2)
    assert isinstance(made["a"], AudioPoint)
    assert (made["a"].clips[0].frames, made["a"].clips[0].sample_rate) == (10, 8000.0)
