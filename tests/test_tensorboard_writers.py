"""Every method of the writers that fill log directories: what TensorBoard's loader yields of their files, crossboard yields.

torch, tensorboardX, TensorFlow (tf.summary and the writers of TensorFlow 1), TensorBoard's own Writer, hparams, mesh, custom scalar and
projector APIs, and Keras' callback. One comparison for all of them: value by value, media byte for byte, nothing sampled.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.adapters.tensorboard.reading.logdir import is_event_file
from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.store.records import (
    AudioPoint,
    ConfigSet,
    EmbeddingPoint,
    Ended,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    PRCurvePoint,
    SummarySet,
    TensorPoint,
    TextPoint,
)
from crossboard.store.source import Batch, FoundRun

read_whole = import_module("unread_points").read_whole

tensorboard = pytest.importorskip("tensorboard", reason="tensorboard is not installed")
RNG = np.random.default_rng(0)
NO_VALUES = {"hparams", "custom_scalars"}
"""Plugins whose values become the run's config."""
GRAPHS = {"graphs", "graph_keras_model"}


class Read:
    """A log directory of one run as crossboard reads it."""

    def __init__(self, directory: Path) -> None:
        self.source = TensorBoardSource(directory, subruns=True)
        (self.run,) = [run for run in self.source.scan() if Path(run.path) == directory]
        self.batch: Batch = read_whole(self.source, self.run, self.source.read(self.run, None))
        self.found = [placed.record for placed in self.batch.records]

    def of(self, kind: type) -> list[Any]:
        return [record for record in self.found if isinstance(record, kind)]

    def bytes(self, blob: Any) -> bytes:
        return self.source.blob(self.run, blob)


def loaded(directory: Path) -> list[tuple[str, str, int, float, Any]]:
    """(plugin, tag, step, wall time, array) of each value that TensorBoard's loader yields, and of graphs the events."""
    from tensorboard.backend.event_processing import event_file_loader
    from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
    from tensorboard.util import tensor_util

    made = []
    for path in sorted(directory.iterdir()):
        if not is_event_file(path.name):
            continue
        names: dict[str, str] = {}
        for event in event_file_loader.EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                told = value.metadata.plugin_data
                if value.tag not in names:
                    names[value.tag] = told.plugin_name
                    if told.plugin_name == "mesh" and MeshPluginData.FromString(told.content).content_type != MeshPluginData.VERTEX:
                        names[value.tag] = "mesh part"
                array = tensor_util.make_ndarray(value.tensor) if value.HasField("tensor") else None
                made.append((names[value.tag], value.tag, event.step, event.wall_time, array))
    return made


def check(directory: Path) -> Read:
    """Compare what both say of `directory`; every value that the loader yields is accounted for."""
    read = Read(directory)
    assert [str(problem) for problem in read.batch.problems] == []
    wanted = loaded(directory)
    assert wanted
    scalars = {strand.tag: [] for strand in read.batch.strands}  # type: dict[str, list[tuple[int, float, float]]]
    for strand in read.batch.strands:
        some = strand.points
        scalars[strand.tag] += zip(some.step.tolist(), some.wall_time.tolist(), some.value.tolist(), strict=True)
    theirs: dict[str, list[tuple[int, float, float]]] = {}
    for plugin, tag, step, wall, array in wanted:
        if plugin == "scalars":
            theirs.setdefault(tag, []).append((step, wall, float(array)))
    assert repr({tag: scalars[tag] for tag in sorted(scalars)}) == repr({tag: theirs[tag] for tag in sorted(theirs)})
    rest = iter(one for one in wanted if one[0] not in {"scalars", "mesh", "mesh part", *NO_VALUES, *GRAPHS})
    for record in read.found:
        if isinstance(record, (HistogramPoint, ImagePoint, AudioPoint, TextPoint, PRCurvePoint, TensorPoint)):
            same(read, record, *next(rest))
    assert list(rest) == []
    meshes = [one for one in wanted if one[0] == "mesh"]
    mine = read.of(MeshPoint)
    assert len(mine) == sum(len(array) for *_, array in meshes)
    for record, vertices in zip(mine, [one for *_, array in meshes for one in array], strict=True):
        assert np.array_equal(np.frombuffer(read.bytes(record.vertices), "<f4").reshape(vertices.shape), vertices)
    assert len(read.of(GraphPoint)) == sum(one[0] in GRAPHS or one[0] == "graph_run_metadata_graph" for one in wanted)
    return read


def same(read: Read, record: Any, plugin: str, tag: str, step: int, wall: float, array: Any) -> None:
    assert (record.tag, record.step, record.wall_time) == (tag, step, wall)
    if isinstance(record, HistogramPoint):
        rows = np.asarray(array, np.float64).reshape(-1, 3)
        assert record.count == round(float(rows[:, 2].sum()))
        if len(record.counts) > 1:
            assert np.allclose(record.edges, [*rows[:, 0], rows[-1, 1]], rtol=1e-6)
            assert record.counts == rows[:, 2].tolist()
    elif isinstance(record, ImagePoint):
        assert [read.bytes(one.blob) for one in record.images] == array.tolist()[2:]
        assert [(one.width, one.height) for one in record.images] == [tuple(map(int, array[:2]))] * len(record.images)
    elif isinstance(record, AudioPoint):
        assert [read.bytes(one.blob) for one in record.clips] == array.reshape(-1).tolist()
    elif isinstance(record, TextPoint):
        assert [one.encode() for one in record.texts] == array.reshape(-1).tolist()
        assert record.shape == list(array.shape)
    elif isinstance(record, PRCurvePoint):
        ours = [record.true_positives, record.false_positives, record.true_negatives, record.false_negatives]
        assert np.array_equal(np.array(ours), np.asarray(array, np.float64)[:4])
    elif record.dtype != "object":
        assert read.bytes(record.blob) == (array[0] if array.dtype == object else array.tobytes())
    named = {HistogramPoint: "histograms", ImagePoint: "images", AudioPoint: "audio", TextPoint: "text", PRCurvePoint: "pr_curves"}
    assert plugin == next((name for kind, name in named.items() if isinstance(record, kind)), getattr(record, "plugin", ""))


# ------------------------------------------------------------------------------------------------------------- torch


def fill(writer: Any, *, audio: bool = True) -> None:
    """The methods that torch's SummaryWriter and tensorboardX's share."""
    for step in range(3):
        writer.add_scalar("a/loss", 0.1 * step, step)
        writer.add_histogram("auto", RNG.normal(size=50), step, bins="auto")
    counts, limits = np.histogram(RNG.normal(size=200), bins=10)
    writer.add_histogram_raw("raw", -3.0, 3.0, 200, 1.0, 200.0, limits[1:].tolist(), counts.tolist(), 4)
    writer.add_image("hwc", RNG.random((5, 6, 3)), 1, dataformats="HWC")
    writer.add_image("hw", RNG.random((5, 6)), 1, dataformats="HW")
    writer.add_images("nhwc", RNG.integers(0, 255, (3, 4, 4, 3), dtype=np.uint8), 1, dataformats="NHWC")
    writer.add_image_with_boxes("boxes", RNG.random((3, 20, 20)), np.array([[2.0, 2, 10, 10]]), 1)
    if audio:
        writer.add_audio("audio", RNG.uniform(-1, 1, (1, 100)), 2, sample_rate=8000)
    writer.add_text("text", "ü **b**", 3)
    writer.add_pr_curve("pr", RNG.integers(0, 2, 50), RNG.random(50), 4, num_thresholds=20)
    rows = np.arange(10.0)
    writer.add_pr_curve_raw("pr raw", rows, rows + 1, rows + 2, rows + 3, rows / 10, rows / 10, 5, num_thresholds=10)
    writer.add_mesh(
        "mesh", RNG.random((2, 5, 3)), colors=RNG.integers(0, 255, (2, 5, 3)), faces=RNG.integers(0, 5, (2, 3, 3)), global_step=6
    )
    writer.add_mesh("cloud", RNG.random((1, 7, 3)), global_step=6, config_dict={"camera": {"fov": 75}})
    writer.add_embedding(RNG.normal(size=(6, 4)), metadata=[f"word {n}" for n in range(6)], global_step=7, tag="words/all")
    writer.add_custom_scalars({"cat": {"both": ["Multiline", ["a/.*"]], "band": ["Margin", ["a", "b", "c"]]}})


def labels(read: Read, point: EmbeddingPoint) -> dict[str, list[Any]]:
    import pyarrow as pa

    assert point.metadata is not None
    found: dict[str, list[Any]] = pa.ipc.open_stream(read.bytes(point.metadata)).read_all().to_pydict()
    return found


@pytest.mark.torch
def test_torch(tmp_path: Path) -> None:
    import torch
    from matplotlib.figure import Figure
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        fill(writer)
        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([1, 2])
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure)
        writer.add_figure("figure", figure, 1, close=False)
        writer.add_tensor("tensor", torch.arange(6, dtype=torch.int16).reshape(2, 3), 9)
        writer.add_graph(torch.nn.Linear(3, 2), torch.zeros(1, 3))
        pictures = torch.rand(6, 3, 4, 5)
        rows = [[n, f"name {n}"] for n in range(6)]
        writer.add_embedding(
            torch.arange(12.0).reshape(6, 2), metadata=rows, metadata_header=["n", "name"], label_img=pictures, global_step=8
        )
    read = check(tmp_path)
    first, second = read.of(EmbeddingPoint)
    assert (first.tag, first.step, first.rows, first.dimensions) == ("words/all", 7, 6, 4)
    assert labels(read, first) == {"label": [f"word {n}" for n in range(6)]}
    assert np.frombuffer(read.bytes(second.blob), "<f4").tolist() == list(range(12))
    assert labels(read, second) == {"n": [str(n) for n in range(6)], "name": [f"name {n}" for n in range(6)]}
    assert second.sprite is not None
    assert read.bytes(second.sprite.blob) == next(tmp_path.glob("00008/*/sprite.png")).read_bytes()
    assert (second.sprite_size, second.sprite.width) == ([5, 4], 15)
    (layout,) = [record for record in read.of(ConfigSet) if "custom_scalars" in record.config]
    assert layout.config["custom_scalars"] == {"cat": {"both": ["Multiline", ["a/.*"]], "band": ["Margin", ["a", "b", "c"]]}}


@pytest.mark.torch
@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_that_torch_writes_as_float32_bits_are_what_they_were(tmp_path: Path, name: str) -> None:
    """TensorBoard's loader refuses them: torch's add_tensor puts the bits of a float32 where those of a half belong."""
    import torch
    from torch.utils.tensorboard import SummaryWriter

    tensor = torch.tensor([0.0, 1.0, -2.5, 0.125], dtype=getattr(torch, name))
    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_tensor("half", tensor, 1)
    read = Read(tmp_path)
    (point,) = read.of(TensorPoint)
    assert (point.dtype, read.bytes(point.blob)) == (name, tensor.view(torch.int16).numpy().tobytes())


@pytest.mark.torch
def test_torch_separate_calls_of_custom_scalars(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "lines")) as writer:
        writer.add_custom_scalars_multilinechart(["a", "b"], category="c", title="t")
    with SummaryWriter(str(tmp_path / "margin")) as writer:
        writer.add_custom_scalars_marginchart(["a", "low", "high"])
    runs = {run.name: run.config["custom_scalars"] for run in cb.open(tmp_path)}
    assert runs == {"lines": {"c": {"t": ["Multiline", ["a", "b"]]}}, "margin": {"default": {"untitled": ["Margin", ["a", "low", "high"]]}}}


@pytest.mark.torch
def test_an_embedding_that_is_added_later_comes_alone(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        writer.add_embedding(RNG.normal(size=(3, 2)), tag="a", global_step=0)
        writer.flush()
        source = TensorBoardSource(tmp_path)
        first = source.read(source.scan()[0], None)
        writer.add_embedding(RNG.normal(size=(3, 2)), tag="a", global_step=1)
    second = source.read(source.scan()[0], first.cursor)
    assert (second.restart, [getattr(placed.record, "step", None) for placed in second.records]) == (False, [1])


def test_tensorboardx(tmp_path: Path) -> None:
    writers = pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with writers.SummaryWriter(str(tmp_path)) as writer:
            fill(writer, audio=False)  # which needs a package of its own
            writer.add_scalars("two", {"x": 1.0, "y": 2.0}, 0)
            writer.add_hparams({"lr": 0.5, "name": "n"}, {"best": 0.25}, name="trial")
    read = check(tmp_path)
    assert [point.tag for point in read.of(EmbeddingPoint)] == ["words/all"]
    trial = check(tmp_path / "trial")
    assert trial.of(ConfigSet)[0].config == {"lr": 0.5, "name": "n"}
    (folded,) = cb.open(tmp_path)
    assert {"two/x", "two/y", "best"} <= set(folded.series())


# -------------------------------------------------------------------------------------------------------- TensorFlow


@pytest.mark.tensorflow
def test_tf_summary(tmp_path: Path) -> None:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default(step=1):
        tf.summary.scalar("whole", tf.constant(7, tf.int64))
        tf.summary.scalar("half", tf.constant(0.5, tf.float16))
        tf.summary.histogram("few", [1.0, 2.0, 5.0], buckets=3)
        tf.summary.image("grey", RNG.random((5, 4, 6, 1)), max_outputs=5)
        tf.summary.audio("stereo", RNG.uniform(-1, 1, (1, 50, 2)).astype("float32"), 22050)
        for shape in ((), (2,), (2, 3), (2, 1, 2), (0,)):
            tf.summary.text(f"text {len(shape)} {shape}", np.full(shape, "ü", object) if shape else "ü")
        tf.summary.write("any", tf.constant([[1 + 2j]]), metadata=None)
        plugin = tf.compat.v1.SummaryMetadata(plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="mine", content=b"x"))
        tf.summary.write("own", tf.constant([True, False]), metadata=plugin)
        tf.summary.write("own", tf.constant([True, True]), step=2, metadata=plugin)

        def double(x: Any) -> Any:
            return tf.nn.relu(x * 2.0)

        twice = tf.function(double)

        tf.summary.trace_on(graph=True, profiler=False)
        twice(tf.zeros((2, 3)))
        tf.summary.trace_export("trace", step=3)
        tf.summary.graph(twice.get_concrete_function(tf.TensorSpec([None, 3], tf.float32)).graph)
        raw = tf.compat.v1.Summary(value=[tf.compat.v1.Summary.Value(tag="pb", simple_value=2.5)])
        tf.summary.experimental.write_raw_pb(raw.SerializeToString(), step=4)
        with tf.summary.record_if(False):
            tf.summary.scalar("never", 1.0)
    writer.close()
    read = check(tmp_path)
    kinds = Counter(point.plugin for point in read.of(TensorPoint))
    assert kinds == {"": 1, "mine": 2, "graph_run_metadata_graph": 1}
    (trace,) = [point for point in read.of(GraphPoint) if point.tag == "trace"]
    relu = next(one for one in trace.operations if one.type == "Relu")
    assert {edge.source for edge in trace.edges if edge.target == relu.name} <= {one.name for one in trace.operations if one.type == "Mul"}
    odd = tf.summary.create_file_writer(str(tmp_path / "odd"))
    with odd.as_default():
        tf.summary.write("bfloat", tf.constant([1.5, -2.5], tf.bfloat16), step=0)  # TensorBoard's own loader cannot read it
    odd.close()
    read = Read(tmp_path / "odd")
    (point,) = read.of(TensorPoint)
    assert (point.dtype, np.frombuffer(read.bytes(point.blob), "<u2").tolist()) == ("bfloat16", [0x3FC0, 0xC020])


@pytest.mark.tensorflow
def test_the_writers_of_tensorflow_1(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1.Session(graph=graph) as session:
        ops = [
            v1.summary.scalar("loss", tf.constant(0.25)),
            v1.summary.histogram("weights", tf.constant(RNG.normal(size=30))),
            v1.summary.image("pictures", tf.constant(RNG.random((2, 4, 5, 3)), tf.float32), max_outputs=2),
            v1.summary.audio("sounds", tf.constant(RNG.uniform(-1, 1, (2, 40)), tf.float32), 8000.0),
            v1.summary.text("text", tf.constant(["a", "b"])),
            v1.summary.tensor_summary("tensor", tf.constant([[1, 2]])),
        ]
        merged = v1.summary.merge(ops)
        writer = v1.summary.FileWriter(str(tmp_path), session.graph)
        for step in range(3):
            writer.add_summary(session.run(merged), step)
        options, metadata = v1.RunOptions(trace_level=v1.RunOptions.FULL_TRACE), v1.RunMetadata()
        session.run(merged, options=options, run_metadata=metadata)
        writer.add_run_metadata(metadata, "step 3", 3)
        writer.add_session_log(v1.SessionLog(status=v1.SessionLog.START), 2)
        writer.add_meta_graph(v1.train.export_meta_graph(), 3)
        writer.close()
    read = check(tmp_path)
    assert {point.tag for point in read.of(ImagePoint)} == {"pictures/image/0", "pictures/image/1"}
    assert {strand.attempt for strand in read.batch.strands} == {1}  # the START came behind the last point
    only = tmp_path / "meta"
    with graph.as_default():
        v1.summary.FileWriter(str(only), graph_def=None).add_meta_graph(v1.train.export_meta_graph(), 0)
        writer = v1.summary.FileWriter(str(only), filename_suffix=".2")
        writer.add_meta_graph(v1.train.export_meta_graph(), 0)
        writer.close()
    assert Read(only).of(GraphPoint)  # where there is no other


@pytest.mark.tensorflow
def test_tensorboards_own_apis(tmp_path: Path) -> None:
    import tensorflow as tf
    from tensorboard.plugins.custom_scalar import layout_pb2
    from tensorboard.plugins.custom_scalar import summary as custom
    from tensorboard.plugins.hparams import api as hp
    from tensorboard.plugins.mesh import summary_v2 as mesh
    from tensorboard.plugins.pr_curve import summary as pr
    from tensorboard.summary import Writer

    own = Writer(str(tmp_path / "own"))
    own.add_scalar("a", 0.5, 1)
    own.close()
    check(tmp_path / "own")
    units, rate = hp.HParam("units", hp.Discrete([16, 32])), hp.HParam("lr", hp.RealInterval(0.0, 1.0), display_name="Rate")
    with tf.summary.create_file_writer(str(tmp_path / "hp")).as_default():
        hp.hparams_config(hparams=[units, rate], metrics=[hp.Metric("acc", display_name="Accuracy")])
    for trial in range(2):
        with tf.summary.create_file_writer(str(tmp_path / "hp" / f"t{trial}")).as_default():
            hp.hparams({units: 16 * (trial + 1), rate: 0.5, "late": True}, trial_id=f"t{trial}")
            tf.summary.scalar("acc", 0.5, step=1)
        assert check(tmp_path / "hp" / f"t{trial}").of(ConfigSet)[0].config == {"units": 16 * (trial + 1), "lr": 0.5, "late": True}
    (told,) = check(tmp_path / "hp").of(SummarySet)
    assert told.summary == {"hparams": {"hparams": ["units", "lr"], "metrics": ["acc"]}}
    assert {key for run in cb.open(tmp_path / "hp") for key in run.config} == {"units", "lr", "late"}
    writer = tf.summary.create_file_writer(str(tmp_path / "kinds"))
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title="c",
                chart=[
                    layout_pb2.Chart(title="lines", multiline=layout_pb2.MultilineChartContent(tag=["x.*", "y"])),
                    layout_pb2.Chart(
                        title="bands",
                        margin=layout_pb2.MarginChartContent(
                            series=[layout_pb2.MarginChartContent.Series(value=f"v{n}", lower=f"l{n}", upper=f"u{n}") for n in range(2)]
                        ),
                    ),
                ],
            )
        ]
    )
    with writer.as_default():
        corners = tf.constant(RNG.random((1, 4, 3)), tf.float32)
        mesh.mesh(
            "m", corners, faces=tf.constant([[[0, 1, 2]]], tf.int32), colors=tf.constant(RNG.integers(0, 255, (1, 4, 3)), tf.uint8), step=0
        )
        for pb in (custom.pb(layout), pr.pb("pr", np.array([True, False, True]), np.array([0.9, 0.2, 0.6]), num_thresholds=11)):
            tf.summary.experimental.write_raw_pb(pb.SerializeToString(), step=1)
    writer.close()
    read = check(tmp_path / "kinds")
    assert read.of(ConfigSet)[0].config["custom_scalars"] == {
        "c": {"lines": ["Multiline", ["x.*", "y"]], "bands": ["Margin", ["v0", "l0", "u0", "v1", "l1", "u1"]]}
    }


@pytest.mark.tensorflow
def test_a_projector_list_at_the_root_of_a_log_directory(tmp_path: Path) -> None:
    from tensorboard.plugins import projector

    config = projector.ProjectorConfig()
    one = config.embeddings.add()
    one.tensor_name, one.tensor_path, one.metadata_path = "emb:0", "v.tsv", "m.tsv"
    two = config.embeddings.add()
    two.tensor_name, two.tensor_path, two.tensor_shape[:] = "packed", "v.bytes", [2, 3]
    three = config.embeddings.add()
    three.tensor_name, three.metadata_path = "layer/.ATTRIBUTES/VARIABLE_VALUE", "m.tsv"
    four = config.embeddings.add()
    four.tensor_name, four.tensor_path = "out", "../secret.tsv"
    projector.visualize_embeddings(str(tmp_path), config)
    (tmp_path / "v.tsv").write_text("1\t2\n3\t4\n5\t6\n")
    (tmp_path / "m.tsv").write_text("name\tüber\na\tb\nc\td\ne\tf")
    (tmp_path / "v.bytes").write_bytes(np.arange(6, dtype="<f4").tobytes())
    read = Read(tmp_path)
    first, second = read.of(EmbeddingPoint)
    assert (first.tag, first.step, first.rows, first.dimensions) == ("emb", 0, 3, 2)
    assert np.frombuffer(read.bytes(first.blob), "<f4").tolist() == [1, 2, 3, 4, 5, 6]
    assert labels(read, first) == {"name": ["a", "c", "e"], "über": ["b", "d", "f"]}
    assert (second.rows, second.dimensions, read.bytes(second.blob)) == (2, 3, np.arange(6, dtype="<f4").tobytes())
    assert [str(one) for one in read.batch.problems] == [
        f"embedding 'out': '../secret.tsv' leads out of the directory of the list; left out at byte 0 of {tmp_path}/projector_config.pbtxt"
    ]
    assert read.of(SummarySet)[0].summary == {"projector": {"layer/.ATTRIBUTES/VARIABLE_VALUE": "in a checkpoint, which is not read"}}


@pytest.mark.tensorflow
@pytest.mark.parametrize("update", ["epoch", "batch", 2])
def test_keras_callback(tmp_path: Path, update: Any) -> None:
    import keras

    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Embedding(10, 4, name="words"),
            keras.layers.Conv1D(2, 3, name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = RNG.integers(0, 10, (16, 6)), np.zeros((16, 1), "float32")
    (tmp_path / "words.tsv").write_text("\n".join("abcdefghij"))
    callback = keras.callbacks.TensorBoard(
        str(tmp_path), histogram_freq=1, write_graph=True, write_images=True, write_steps_per_second=True, update_freq=update,
        embeddings_freq=1, embeddings_metadata={"words": "words.tsv"},
    )  # fmt: skip
    model.fit(x, y, epochs=2, batch_size=8, verbose=0, validation_data=(x, y), callbacks=[callback])
    train = check(tmp_path / "train")
    validation = check(tmp_path / "validation")
    tags = {strand.tag for strand in train.batch.strands}
    assert {"epoch_loss", "epoch_mae", "epoch_learning_rate", "epoch_steps_per_second"} <= tags
    assert ("batch_loss" in tags) is (update != "epoch")
    assert "evaluation_loss_vs_iterations" in {strand.tag for strand in validation.batch.strands}
    assert {point.tag.rpartition("/")[2] for point in train.of(HistogramPoint)} == {"histogram"}
    assert train.of(ImagePoint)
    assert any(point.framework == "keras" for point in train.of(GraphPoint))


# ---------------------------------------------------------------------------------------------------- what is odd


def write_pb(directory: Path, *events: Any) -> None:
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(directory))
    for event in events:
        writer.add_event(event)
    writer.close()


def event(step: int, build: Callable[[Any], None]) -> Any:
    from tensorboard.compat.proto.event_pb2 import Event

    made = Event(wall_time=1e9 + step, step=step)
    build(made.summary.value.add())
    return made


def test_the_first_metadata_of_a_tag_counts_and_the_last_value_repeats(tmp_path: Path) -> None:
    def scalar(step: int, plugin: str | None, **fields: Any) -> Any:
        def build(value: Any) -> None:
            value.tag = "x"
            if plugin is not None:
                value.metadata.plugin_data.plugin_name = plugin
            value.tensor.dtype = fields.pop("dtype", 1)
            for name, values in fields.items():
                getattr(value.tensor, name).extend(values)

        return event(step, build)

    write_pb(tmp_path, scalar(0, "scalars", float_val=[1.5]), scalar(1, None, float_val=[2.5]), scalar(2, "text", float_val=[3.5]))
    write_pb(tmp_path / "double", scalar(0, "scalars", dtype=2, double_val=[0.1]), scalar(1, None, dtype=9, int64_val=[-3]))

    def text(value: Any) -> None:
        value.tag = "words"
        value.metadata.plugin_data.plugin_name = "text"
        value.tensor.dtype = 7
        value.tensor.string_val.append(b"same")
        for size in (2, 2):
            value.tensor.tensor_shape.dim.add(size=size)

    def numbers(value: Any) -> None:
        value.tag = "numbers"
        value.metadata.plugin_data.plugin_name = "nobody"
        value.tensor.dtype = 3
        value.tensor.int_val.append(-4)
        for size in (2, 3):
            value.tensor.tensor_shape.dim.add(size=size)

    write_pb(tmp_path / "repeats", event(0, text), event(1, numbers))
    for name in ("", "double"):
        check(tmp_path / name)
    read = check(tmp_path / "repeats")
    assert read.of(TextPoint)[0].texts == ["same"] * 4
    (tensor,) = read.of(TensorPoint)
    assert (tensor.plugin, np.frombuffer(read.bytes(tensor.blob), "<i4").tolist()) == ("nobody", [-4] * 6)


def test_images_of_every_form_come_as_they_are(tmp_path: Path) -> None:
    import io

    from PIL import Image

    frames = [Image.new("P", (6, 4), n) for n in range(3)]
    sink = io.BytesIO()
    frames[0].save(sink, "GIF", save_all=True, append_images=frames[1:])

    def several(value: Any) -> None:
        value.tag = "many"
        value.metadata.plugin_data.plugin_name = "images"
        value.tensor.dtype = 7
        value.tensor.string_val.extend([b"6", b"4", sink.getvalue(), b"\x89PNG one", b"\xff\xd8 two"])
        value.tensor.tensor_shape.dim.add(size=5)

    def first(value: Any) -> None:
        value.tag = "old/image/0"
        value.image.height, value.image.width, value.image.colorspace, value.image.encoded_image_string = 4, 6, 3, sink.getvalue()

    write_pb(tmp_path, event(0, several), event(1, first))
    read = check(tmp_path)
    many, old = read.of(ImagePoint)
    assert [one.blob.media_type for one in many.images] == ["image/gif", "image/png", "image/jpeg"]
    assert (old.images[0].blob.media_type, old.images[0].width, old.images[0].height) == ("image/gif", 6, 4)


def test_histograms_of_the_first_version_keep_their_counts(tmp_path: Path) -> None:
    def build(value: Any) -> None:
        value.tag = "h"
        histo = value.histo
        histo.min, histo.max, histo.num, histo.sum, histo.sum_squares = -2.0, 5.0, 7.0, 10.0, 40.0
        histo.bucket_limit.extend([-3.0, -1.0, 0.0, 4.0, 6.0, 1e300])
        histo.bucket.extend([0.0, 2.0, 0.0, 1.0, 4.0, 0.0])

    write_pb(tmp_path, event(3, build))
    (point,) = check(tmp_path).of(HistogramPoint)
    assert (point.edges, point.counts, point.count) == ([-2.0, -1.0, 0.0, 4.0, 5.0], [2, 0, 1, 4], 7)
    assert point.mean == pytest.approx(10 / 7)


def runs_of(directory: Path) -> dict[str, FoundRun]:
    return {run.id: run for run in TensorBoardSource(directory, subruns=True).scan()}


def test_runs_are_those_of_tensorboards_multiplexer(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    def build(value: Any) -> None:
        value.tag, value.simple_value = "a", 1.0

    for name in (".", "a", "a/b", "with space", "deep/er/run", "ü"):
        write_pb(tmp_path / "logs" / name, event(0, build))
    write_pb(tmp_path / "elsewhere" / "run", event(0, build))
    (tmp_path / "logs" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "logs" / "same").symlink_to(tmp_path / "logs" / "a")
    (tmp_path / "logs" / "empty").mkdir()
    (tmp_path / "logs" / "gone").symlink_to(tmp_path / "nothing")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs"))
    assert set(runs_of(tmp_path / "logs")) == set(multiplexer.RunPaths())


def test_a_session_that_ended_says_how(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import summary

    sessions = [summary.session_start_pb({"lr": 0.5, "deep": True, "name": "x"}, start_time_secs=5.0), summary.session_end_pb(2)]  # failure
    from tensorboard.compat.proto.event_pb2 import Event

    events = [Event(wall_time=1e9) for _ in sessions]
    for event, session in zip(events, sessions, strict=True):
        event.summary.ParseFromString(session.SerializeToString())
    write_pb(tmp_path, *events)
    read = check(tmp_path)
    assert read.of(ConfigSet)[0].config == {"lr": 0.5, "deep": True, "name": "x"}
    assert read.of(Ended)[0].status == "failed"
    (run,) = cb.open(tmp_path)
    assert run.status == "failed"
