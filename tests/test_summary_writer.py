"""The drop-in SummaryWriter: torch's and tensorboardX's methods, what they leave in a run, and where that run lies."""

from __future__ import annotations

import inspect
import io
import json
import os
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.torch import SummaryWriter
from crossboard.loggers.torch.places import name_of, place_of
from crossboard.store.blobs import read_blob
from crossboard.store.errors import CrossboardWarning
from crossboard.store.fold import RunState
from crossboard.store.kinds import RunInfo
from crossboard.store.native import NativeSource
from crossboard.store.records import (
    AudioPoint,
    EmbeddingPoint,
    FigurePoint,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    MeshPoint,
    Point,
    PRCurvePoint,
    TensorPoint,
    TextPoint,
    VideoPoint,
)

Rows = list[tuple[int, float, float]]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty working directory; warnings are given anew."""
    monkeypatch.chdir(tmp_path)
    harmless.forget_said()
    yield
    cb.finish()


def read(directory: str | os.PathLike[str]) -> tuple[RunInfo, dict[str, Rows], dict[str, list[Any]]]:
    """The run in `directory` as a reader has it: what it is, tag -> (step, wall time, value), tag -> other points."""
    source = NativeSource(directory)
    (found,) = source.scan()
    state = RunState(key=found.key, source="native")
    state.found(found)
    scalars: dict[str, Rows] = {}
    others: dict[str, list[Any]] = {}
    cursor, more = None, True
    while more:
        batch = source.read(found, cursor)
        cursor, more = batch.cursor, batch.more
        assert not batch.problems
        for placed in batch.records:
            state.apply(placed)
            if isinstance(placed.record, Point):
                others.setdefault(placed.record.tag, []).append(placed.record)
        state.hear(batch.writers)
        for strand in batch.strands:
            one = strand.points
            scalars.setdefault(strand.tag, []).extend(zip(one.step.tolist(), one.wall_time.tolist(), one.value.tolist(), strict=True))
    return state.info(now=0.0), scalars, others


def steps_and_values(rows: Rows) -> list[tuple[int, float]]:
    return [(step, value) for step, _, value in rows]


def the_point(log: Callable[[SummaryWriter], object], kind: type[Any], tag: str = "x") -> Any:
    """The one point that `log` leaves under `tag`: of `kind`, at step 7, with the wall time that was given."""
    with SummaryWriter("run") as writer:
        log(writer)
    (point,) = read("run")[2][tag]
    assert isinstance(point, kind)
    assert point.step == 7
    return point


AT: dict[str, Any] = {"global_step": 7, "walltime": 123.5}

# -------------------------------------------------------------------------------------------------- the same surface


def methods_of(kind: type[Any]) -> dict[str, inspect.Signature]:
    return {name: inspect.signature(one) for name, one in inspect.getmembers(kind, inspect.isfunction) if not name.startswith("_")}


@pytest.mark.torch
@pytest.mark.tensorboard
def test_every_method_of_torchs_writer_is_there_with_its_arguments_and_defaults() -> None:
    from torch.utils.tensorboard import SummaryWriter as Theirs

    ours = methods_of(SummaryWriter) | {"__init__": inspect.signature(SummaryWriter.__init__)}
    theirs = methods_of(Theirs) | {"__init__": inspect.signature(Theirs.__init__)}
    assert set(theirs) <= set(ours)
    for name, signature in theirs.items():
        mine = [one for one in ours[name].parameters.values() if one.kind not in (one.KEYWORD_ONLY, one.VAR_KEYWORD)]
        assert [(one.name, one.default) for one in mine] == [(one.name, one.default) for one in signature.parameters.values()], name


def test_every_method_of_tensorboardx_is_there_and_takes_its_arguments_by_name() -> None:
    theirs = pytest.importorskip("tensorboardX").SummaryWriter
    ours = methods_of(SummaryWriter) | {"__init__": inspect.signature(SummaryWriter.__init__)}
    names = {"add_onnx_graph": {"onnx_model_file"}}  # torch has another name for it, and neither is read
    for name, signature in (methods_of(theirs) | {"__init__": inspect.signature(theirs.__init__)}).items():
        wanted = {one.name for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD}
        assert wanted - names.get(name, set()) <= set(ours[name].parameters), name


def test_it_needs_no_framework(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; from crossboard.loggers.torch import SummaryWriter; w = SummaryWriter('run'); "
        "w.add_scalar('a', 1.0, 0); w.add_histogram('h', [1, 2], 0); w.close(); "
        "print({'tensorboard', 'tensorflow', 'pyarrow', 'PIL', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.stderr) == ("set()", "")
    assert steps_and_values(read("run")[1]["a"]) == [(0, 1.0)]


# ------------------------------------------------------------------------------------------------------------ numbers


def test_scalars_keep_step_wall_time_and_all_of_float64() -> None:
    with SummaryWriter("run") as writer:
        before = time.time()
        writer.add_scalar("loss", 0.1, 3)
        writer.add_scalar("loss", np.float32(0.5), np.int64(4), walltime=12.25)
        writer.add_scalar("loss", np.array([[2.0]]), 2, new_style=True, double_precision=True)
    _, scalars, _ = read("run")
    assert steps_and_values(scalars["loss"]) == [(3, 0.1), (4, 0.5), (2, 2.0)]
    assert before <= scalars["loss"][0][1] <= time.time()
    assert scalars["loss"][1][1] == 12.25


@pytest.mark.torch
def test_torch_tensors_are_taken() -> None:
    import torch

    with SummaryWriter("run") as writer:
        writer.add_scalar("loss", torch.tensor(0.5, requires_grad=True), torch.tensor(3))
    assert steps_and_values(read("run")[1]["loss"]) == [(3, 0.5)]


def test_without_a_step_each_tag_counts_by_itself_and_no_point_is_lost() -> None:
    with SummaryWriter("run") as writer:
        for value in (1.0, 2.0, 3.0):
            writer.add_scalar("a", value)
        writer.add_scalar("b", 9.0)
        writer.add_text("t", "one")
        writer.add_text("t", "two")
    _, scalars, others = read("run")
    assert steps_and_values(scalars["a"]) == [(0, 1.0), (1, 2.0), (2, 3.0)]
    assert steps_and_values(scalars["b"]) == [(0, 9.0)]
    assert [(one.step, one.texts) for one in others["t"]] == [(0, ["one"]), (1, ["two"])]


def test_add_scalars_stays_in_the_run() -> None:
    with SummaryWriter("run") as writer:
        writer.add_scalars("loss/all", {"train": 1.0, "val": np.float64(2.0)}, 5, walltime=8.0)
    assert read("run")[1] == {"loss/all/train": [(5, 8.0, 1.0)], "loss/all/val": [(5, 8.0, 2.0)]}
    assert [path.name for path in Path("run").iterdir() if path.is_dir()] == []


def test_scalars_are_exported_once_as_tensorboardx_does() -> None:
    with SummaryWriter("run") as writer:
        writer.add_scalar("other", 1.0, 1)
        writer.add_scalars("g", {"a": 0.5}, 1, walltime=2.0)
        writer.export_scalars_to_json("first.json")
        writer.add_scalars("g", {"a": 0.25}, 2, walltime=3.0)
        writer.export_scalars_to_json("second.json")
    assert json.loads(Path("first.json").read_text()) == {"run/g/a": [[2.0, 1, 0.5]]}
    assert json.loads(Path("second.json").read_text()) == {"run/g/a": [[3.0, 2, 0.25]]}


def test_use_metadata_gives_step_and_wall_time_to_the_calls_inside() -> None:
    with SummaryWriter("run") as writer:
        with writer.use_metadata(global_step=10, walltime=4.0):
            writer.add_scalar("a", 1.0)
            writer.add_scalar("a", 2.0, 11)
            writer.add_scalars("g", {"x": 3.0})
        writer.add_scalar("a", 4.0, 12)
    _, scalars, _ = read("run")
    assert scalars["a"][:2] == [(10, 4.0, 1.0), (11, 4.0, 2.0)]
    assert scalars["a"][2][0] == 12
    assert scalars["a"][2][1] > 1e9
    assert scalars["g/x"] == [(10, 4.0, 3.0)]


def test_hyperparameters_become_the_config_and_metrics_scalars() -> None:
    with SummaryWriter("run") as writer:
        writer.add_scalar("loss", 1.0, 41)
        writer.add_hparams(
            {"lr": 0.1, "opt": "sgd", "amp": True, "none": None, "b": np.int64(3)}, {"hp/acc": 0.9}, {"opt": ["sgd", "adam"]}
        )
        writer.add_hparams({"lr": 0.1}, {"hp/acc": 0.95}, global_step=50)
    info, scalars, _ = read("run")
    assert info.config == {
        "lr": 0.1,
        "opt": "sgd",
        "amp": True,
        "none": None,
        "b": 3.0,
        "hparam_domain_discrete": {"opt": ["sgd", "adam"]},
    }
    assert steps_and_values(scalars["hp/acc"]) == [(41, 0.9), (50, 0.95)]


def test_several_sessions_of_hyperparameters_are_all_kept() -> None:
    with SummaryWriter("run") as writer:
        for number in range(3):
            writer.add_hparams({"lr": 0.1 * number}, {"acc": 10.0 * number}, run_name="last" if number == 2 else None)
    info, scalars, _ = read("run")
    assert info.config["lr"] == 0.2
    assert info.config["hparams"] == {
        "0": {"hparams": {"lr": 0.0}, "metrics": {"acc": 0.0}},
        "1": {"hparams": {"lr": 0.1}, "metrics": {"acc": 10.0}},
        "last": {"hparams": {"lr": 0.2}, "metrics": {"acc": 20.0}},
    }
    assert {tag: steps_and_values(rows) for tag, rows in scalars.items()} == {
        "acc": [(0, 0.0)],
        "hparams/1/acc": [(1, 10.0)],
        "hparams/last/acc": [(2, 20.0)],
    }


def test_layouts_of_custom_scalars_are_kept_in_the_config() -> None:
    with SummaryWriter("run") as writer:
        writer.add_custom_scalars({"losses": {"both": ["Multiline", ["a", "b"]]}})
        writer.add_custom_scalars_multilinechart(("c", "d"))  # type: ignore[arg-type]
        writer.add_custom_scalars_marginchart(["v", "lo", "hi"], category="losses", title="band")
    assert read("run")[0].config == {
        "custom_scalars": {
            "losses": {"both": ["Multiline", ["a", "b"]], "band": ["Margin", ["v", "lo", "hi"]]},
            "default": {"untitled": ["Multiline", ["c", "d"]]},
        }
    }


# -------------------------------------------------------------------------------------------------------------- kinds


def test_histograms_are_counted_exactly() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    values[:3] = np.nan
    point = the_point(lambda w: w.add_histogram("x", values, **AT), HistogramPoint)
    assert (point.wall_time, point.count, point.nan, sum(point.counts), len(point.counts)) == (123.5, 1000, 3, 997, 64)


@pytest.mark.parametrize(
    ("bins", "max_bins", "edges"),
    [
        (4, None, [0.0, 2.0, 4.0, 6.0, 8.0]),
        ([0, 5, 8], None, [0.0, 5.0, 8.0]),
        (np.array([0.0, 8.0]), None, [0.0, 8.0]),
        ("tensorflow", 2, [0.0, 4.0, 8.0]),
        ("sturges", None, [0.0, 1.6, 3.2, 4.8, 6.4, 8.0]),
    ],
)
def test_bins_of_a_histogram(bins: Any, max_bins: int | None, edges: list[float]) -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    point = the_point(lambda w: w.add_histogram("x", values, bins=bins, max_bins=max_bins, **AT), HistogramPoint)
    assert point.edges == pytest.approx(edges)
    assert point.counts == np.histogram(values, edges)[0].tolist()


def test_a_raw_histogram_begins_at_the_smallest_value_and_ends_at_the_largest() -> None:
    values = np.concatenate([np.full(number, number + 0.25) for number in range(2, 9)])
    counts, limits = np.histogram(values, bins=np.arange(0, 12))
    point = the_point(
        lambda w: w.add_histogram_raw(
            "x",
            values.min(),
            values.max(),
            len(values),
            values.sum(),
            values.dot(values),
            limits[1:].tolist(),
            counts.tolist(),
            **AT,
        ),
        HistogramPoint,
    )
    assert point.edges == [2.25, 3, 4, 5, 6, 7, 8, 8.25]
    assert point.counts == [2, 3, 4, 5, 6, 7, 8]
    assert (point.min, point.max, point.count) == (2.25, 8.25, 35)
    assert point.mean == pytest.approx(values.mean())
    assert point.std == pytest.approx(values.std())


def test_a_raw_histogram_of_one_value() -> None:
    point = the_point(lambda w: w.add_histogram_raw("x", 3, 3, 5, 15, 45, [2, 3, 1e20], [0, 5, 0], **AT), HistogramPoint)
    assert (point.counts, point.min, point.max, point.std) == ([5], 3.0, 3.0, 0.0)
    assert point.edges[0] < 3 < point.edges[1]


def pixels_of(run_dir: str, picture: Any) -> Any:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(read_blob(run_dir, picture.blob))))


@pytest.mark.parametrize(("dataformats", "axes"), [("CHW", (2, 0, 1)), ("HWC", (0, 1, 2)), ("WHC", (1, 0, 2))])
def test_images_in_any_order_of_axes(dataformats: str, axes: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    point = the_point(lambda w: w.add_image("x", image.transpose(axes), dataformats=dataformats, **AT), ImagePoint)
    assert np.array_equal(pixels_of("run", point.images[0]), image)


def test_a_grey_image_of_floats() -> None:
    point = the_point(lambda w: w.add_image("x", np.array([[0.0, 1.0]]), dataformats="HW", **AT), ImagePoint)
    assert pixels_of("run", point.images[0]).tolist() == [[0, 255]]


def test_a_batch_of_images_stays_apart() -> None:
    batch = np.random.default_rng(0).integers(0, 256, (3, 3, 4, 5), dtype=np.uint8)
    point = the_point(lambda w: w.add_images("x", batch, **AT), ImagePoint)
    assert [pixels_of("run", one).tolist() for one in point.images] == [one.transpose(1, 2, 0).tolist() for one in batch]


def test_a_list_of_images_is_taken_as_tensorboardx_takes_it() -> None:
    images = [np.full((3, 4, 5), shade, np.uint8) for shade in (0, 9)]
    point = the_point(lambda w: w.add_images("x", images, dataformats="CHW", **AT), ImagePoint)
    assert [pixels_of("run", one)[0, 0, 0] for one in point.images] == [0, 9]


def test_boxes_stand_beside_their_image() -> None:
    image = np.zeros((3, 30, 40), np.uint8)
    boxes = np.array([[1.0, 2.0, 11.0, 22.0], [0, 0, 5, 5]])
    point = the_point(lambda w: w.add_image_with_boxes("x", image, boxes, labels=["cat", "dog"], rescale=2, **AT), ImagePoint)
    (picture,) = point.images
    assert (picture.width, picture.height) == (40, 30)
    assert [(one.left, one.top, one.width, one.height, one.label) for one in picture.boxes] == [
        (1, 2, 10, 20, "cat"),
        (0, 0, 5, 5, "dog"),
    ]


def test_labels_that_do_not_fit_the_boxes_are_dropped() -> None:
    point = the_point(lambda w: w.add_image_with_boxes("x", np.zeros((3, 9, 9)), np.zeros((2, 4)), labels="one", **AT), ImagePoint)
    assert [box.label for box in point.images[0].boxes] == ["", ""]


def test_sounds_of_one_channel() -> None:
    wave = np.sin(np.arange(800) / 10)
    for samples in (wave, wave[None], wave[:, None], wave[None, :4]):
        with SummaryWriter("run") as writer:
            writer.add_audio("x", samples, 7, sample_rate=8000)
    points = read("run")[2]["x"]
    assert all(isinstance(one, AudioPoint) for one in points)
    assert [(one.clips[0].frames, one.clips[0].channels, one.clips[0].sample_rate) for one in points] == [
        (800, 1, 8000),
        (800, 1, 8000),
        (800, 1, 8000),
        (4, 1, 8000),
    ]


@pytest.mark.filterwarnings("ignore::crossboard.store.errors.CrossboardWarning")  # where no MP4 can be had
def test_videos_of_a_batch_are_side_by_side() -> None:
    frames = np.zeros((2, 3, 3, 16, 16), np.uint8)
    point = the_point(lambda w: w.add_video("x", frames, fps=5, **AT), VideoPoint)
    assert (point.frames, point.fps, point.width * point.height) == (3, 5, 2 * 16 * 16)


def test_texts_keep_the_tag_that_was_given() -> None:
    point = the_point(lambda w: w.add_text("x", "*hello*", **AT), TextPoint)
    assert (point.texts, point.format, point.wall_time) == (["*hello*"], "markdown", 123.5)


def test_pr_curves_are_counted_as_tensorboard_does() -> None:
    labels, scores = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.6])
    point = the_point(lambda w: w.add_pr_curve("x", labels, scores, num_thresholds=3, **AT), PRCurvePoint)
    assert (point.thresholds, point.true_positives, point.false_positives) == ([0, 0.5, 1], [2, 1, 0], [2, 1, 0])


def test_a_raw_pr_curve() -> None:
    point = the_point(
        lambda w: w.add_pr_curve_raw("x", [2, 1], [2, 0], [0, 2], [0, 1], [0.5, 1], [1, 0.5], num_thresholds=2, **AT), PRCurvePoint
    )
    assert (point.thresholds, point.true_negatives, point.false_negatives) == ([0, 1], [0, 2], [0, 1])


def test_a_mesh_of_a_batch_of_one() -> None:
    vertices, faces = np.random.default_rng(0).normal(size=(1, 4, 3)), np.array([[[0, 1, 2]]])
    colors = np.full((1, 4, 3), 200)
    point = the_point(lambda w: w.add_mesh("x", vertices, colors, faces, {"a": 1}, **AT), MeshPoint)
    assert (point.vertex_count, point.face_count, point.config) == (4, 1, {"a": 1})


def test_meshes_of_a_batch_have_a_tag_each() -> None:
    with SummaryWriter("run") as writer:
        writer.add_mesh("x", np.zeros((2, 4, 3)), global_step=7)
    assert sorted(read("run")[2]) == ["x/0", "x/1"]


def test_a_tensor_is_kept_as_it_is() -> None:
    point = the_point(lambda w: w.add_tensor("x", np.arange(6, dtype=np.int16).reshape(2, 3), **AT), TensorPoint)
    assert (point.shape, point.dtype) == ([2, 3], "int16")


@pytest.mark.parametrize(
    ("metadata", "header", "columns"),
    [
        (["a", "b"], None, {"label": ["a", "b"]}),
        (np.array([3, 4]), None, {"label": [3, 4]}),
        ([["a", 1], ["b", 2]], ["name", "size"], {"name": ["a", "b"], "size": [1, 2]}),
    ],
)
def test_an_embedding_has_labels_or_rows(metadata: Any, header: Any, columns: dict[str, Any]) -> None:
    import pyarrow as pa

    images = np.zeros((2, 3, 4, 5))
    with SummaryWriter("run") as writer:
        writer.add_embedding(np.eye(2), metadata, images, 7, "x", header)
    (point,) = read("run")[2]["x"]
    assert isinstance(point, EmbeddingPoint)
    assert (point.step, point.rows, point.dimensions, point.sprite_size) == (7, 2, 2, [5, 4])
    assert point.metadata is not None
    assert pa.ipc.open_stream(read_blob("run", point.metadata)).read_all().to_pydict() == columns


def test_a_plotly_figure_is_kept_as_one() -> None:
    figure = {"data": [{"type": "scatter", "y": [1, 2]}], "layout": {}}
    point = the_point(lambda w: w.add_figure("x", figure, **AT), FigurePoint)
    assert json.loads(read_blob("run", point.blob))["data"][0]["type"] == "scatter"


def test_matplotlib_figures_are_drawn_and_closed() -> None:
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib import pyplot

    with SummaryWriter("run") as writer:
        writer.add_figure("one", pyplot.figure(), 1)
        writer.add_figure("two", [pyplot.figure(), pyplot.figure()], 1)
        assert pyplot.get_fignums() == []
        kept = pyplot.figure()
        writer.add_figure("three", kept, 1, close=False)
        assert pyplot.get_fignums() == [kept.number]
        pyplot.close(kept)
    _, _, others = read("run")
    assert isinstance(others["one"][0], FigurePoint)
    assert len(others["two"][0].images) == 2


@pytest.mark.torch
def test_the_graph_of_a_module() -> None:
    import torch

    with SummaryWriter("run") as writer:
        writer.add_graph(torch.nn.Sequential(torch.nn.Linear(4, 2)), torch.zeros(1, 4))
        writer.add_graph(torch.nn.Bilinear(4, 3, 2), (torch.zeros(1, 4), torch.zeros(1, 3)))
    points = read("run")[2]["graph"]
    assert all(isinstance(one, GraphPoint) for one in points)
    assert [any(op.type == name for op in one.operations) for one, name in zip(points, ("Linear", "Bilinear"), strict=True)] == [True, True]


@pytest.mark.torch
@pytest.mark.tensorboard
def test_protocol_buffers_of_a_programs_own_are_decoded_into_the_run() -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from torch.utils.tensorboard import summary as untyped

    summary: Any = untyped
    with SummaryWriter("run") as writer:
        for one in summary.hparams({"lr": 0.5}, {"acc": 1.0}):
            writer._get_file_writer().add_summary(one)
        writer.file_writer.add_summary(summary.scalar("loss", 0.25), np.int64(-3), 5.0)
        writer.file_writer.add_summary(summary.text("note", "hello").SerializeToString(), 4)
        writer.file_writer.add_event(Event(summary=summary.scalar("loss", 0.75)), step=7, walltime=6.0)
        assert writer.file_writer.get_logdir() == "run"
    info, scalars, others = read("run")
    assert info.config == {"lr": 0.5}
    assert scalars["loss"] == [(-3, 5.0, 0.25), (7, 6.0, 0.75)]
    (note,) = others["note/text_summary"]
    assert (note.step, note.texts) == (4, ["hello"])


# ------------------------------------------------------------------------------------------------------ harmless


def test_what_cannot_be_logged_is_one_warning_at_the_users_line() -> None:
    with SummaryWriter("run") as writer:
        wrong: list[tuple[str, Callable[[], object]]] = [
            (r"'a': want one number", lambda: writer.add_scalar("a", "text", 1)),
            (r"walltime|could not|NotANumber", lambda: writer.add_scalar("a", 1.0, 1, walltime="noon")),  # type: ignore[arg-type]
            (r"step: want a whole number", lambda: writer.add_scalar("a", 1.0, "one")),
            (r"add_scalar: TypeError: unhashable", lambda: writer.add_scalar(["a"], 1.0, 1)),  # type: ignore[arg-type]
            (r"add_scalars", lambda: writer.add_scalars("a", 3, 1)),  # type: ignore[arg-type]
            (r"bucket_limits", lambda: writer.add_histogram_raw("a", 0, 1, 1, 1, 1, [1, 2], [1])),
            (r"'a'.*image", lambda: writer.add_image("a", "no file", 1)),
            (r"want 3 tags", lambda: writer.add_custom_scalars_marginchart(["a"])),
            (r"want 'Multiline' or 'Margin'", lambda: writer.add_custom_scalars({"a": {"b": ["Pie", []]}})),
            (r"want two dicts", lambda: writer.add_hparams(["a"], {})),  # type: ignore[arg-type]
            (r"add_onnx_graph: ONNX files are not read", lambda: writer.add_onnx_graph("a.onnx")),
            (r"add_openvino_graph: OpenVINO files are not read", lambda: writer.add_openvino_graph("a.xml")),
        ]
        for text, call in wrong:
            with pytest.warns(CrossboardWarning, match=text) as said:
                call()
            assert [os.path.basename(one.filename) for one in said] == ["test_summary_writer.py"], text
        writer.add_scalar("a", 5.0, 5)
    assert (5, 5.0) in steps_and_values(read("run")[1]["a"])


ODD: list[Any] = [
    None,
    "x",
    b"y",
    3,
    float("nan"),
    [],
    {},
    [1, [2]],
    object(),
    np.zeros(0),
    np.zeros((2, 2), complex),
    np.zeros((2, 3, 4, 5)),
    np.array(["a"]),
]


@pytest.mark.filterwarnings("ignore")
def test_no_argument_of_any_method_makes_it_raise() -> None:
    with SummaryWriter("run") as writer:
        for name, method in inspect.getmembers(writer, inspect.ismethod):
            arguments = [one for one in inspect.signature(method).parameters.values() if one.kind is not one.VAR_KEYWORD]
            usual = {one.name: "tag" if "tag" in one.name else np.ones((3, 4, 4)) for one in arguments if one.default is one.empty}
            for argument in arguments if name.startswith("add_") else []:
                for odd in ODD:
                    method(**{**usual, argument.name: odd})
        writer.add_scalar("after", 1.0, 1)
    assert steps_and_values(read("run")[1]["after"]) == [(1, 1.0)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "argument", ["log_dir", "comment", "purge_step", "max_queue", "filename_suffix", "config", "name", "project", "comet_config"]
)
def test_no_argument_of_the_constructor_makes_it_raise(argument: str) -> None:
    for odd in ODD:
        given = {"log_dir": "logs/run", argument: odd}
        with SummaryWriter(**given, tensorboard=True) as writer:
            writer.add_scalar("a", 1.0, 1)


def test_under_strict_it_is_raised() -> None:
    writer = SummaryWriter("run", strict=True)
    with pytest.raises(TypeError, match="want one number"):
        writer.add_scalar("a", "text", 1)
    writer.close()


def test_a_directory_that_cannot_be_written_is_said_and_training_goes_on() -> None:
    Path("file").write_text("in the way")
    with pytest.warns(CrossboardWarning, match=r"SummaryWriter: .*nothing is logged"):
        writer = SummaryWriter("file/run")
    writer.add_scalar("a", 1.0, 1)
    writer.close()


def test_a_remote_directory_is_said() -> None:
    with pytest.warns(CrossboardWarning, match="want a local path, got 's3://bucket/x'"):
        writer = SummaryWriter("s3://bucket/x")
    writer.close()
    assert str(writer.log_dir).startswith(os.path.abspath("runs"))


# ---------------------------------------------------------------------------------------------- where the run lies


def test_the_run_lies_in_log_dir_and_is_found_from_above() -> None:
    writer = SummaryWriter("runs/mnist/a", project="digits", config={"lr": 1})
    writer.close()
    (run,) = cb.open("runs")
    assert (run.name, run.project, run.config) == ("mnist/a", "digits", {"lr": 1})
    assert writer.log_dir == writer.get_logdir() == writer.logdir == "runs/mnist/a"
    assert os.path.isfile("runs/mnist/a/run.json")


def test_without_log_dir_it_is_a_new_run_named_as_torch_names_it() -> None:
    one, other = SummaryWriter(comment="_lr1"), SummaryWriter()
    assert one.log_dir != other.log_dir
    assert one.run.name.endswith("_lr1")
    assert one.run.name[3:5].isdigit()
    one.close()
    other.close()
    assert len(cb.open("runs")) == 2


def test_it_logs_into_the_run_that_init_began_and_does_not_end_it() -> None:
    run = cb.init(project="p", dir="root")
    with SummaryWriter() as writer:
        writer.add_scalar("a", 1.0, 1)
    assert writer.run is run
    run.log({"a": 2.0}, step=2)
    run.finish()
    assert steps_and_values(read(run.dir)[1]["a"]) == [(1, 1.0), (2, 2.0)]


def test_a_given_run_is_used_whatever_log_dir_says() -> None:
    run = cb.init(project="p", dir="root")
    SummaryWriter("elsewhere", run=run).add_scalar("a", 1.0, 1)
    run.finish()
    assert not os.path.exists("elsewhere")
    assert steps_and_values(read(run.dir)[1]["a"]) == [(1, 1.0)]


def test_with_log_dir_it_is_a_run_of_its_own_beside_the_current_one() -> None:
    run = cb.init(project="p", dir="root")
    writer = SummaryWriter("logs/val")
    assert writer.run is not run
    writer.close()
    run.log({"a": 1.0}, step=1)
    run.finish()
    assert steps_and_values(read(run.dir)[1]["a"]) == [(1, 1.0)]


def test_two_writers_of_one_program_are_two_runs() -> None:
    train, val = SummaryWriter("logs/train"), SummaryWriter("logs/val")
    train.add_scalar("loss", 1.0, 0)
    val.add_scalar("loss", 2.0, 0)
    train.close()
    val.add_scalar("loss", 3.0, 1)
    val.close()
    assert steps_and_values(read("logs/train")[1]["loss"]) == [(0, 1.0)]
    assert steps_and_values(read("logs/val")[1]["loss"]) == [(0, 2.0), (1, 3.0)]
    assert sorted(run.name for run in cb.open("logs")) == ["logs/train", "logs/val"]


def test_two_writers_of_one_directory_share_the_run() -> None:
    one, other = SummaryWriter("run"), SummaryWriter("run")
    assert one.run is other.run
    one.close()
    other.add_scalar("a", 1.0, 1)
    other.close()
    info, scalars, _ = read("run")
    assert (info.status, info.attempts) == ("finished", 1)
    assert steps_and_values(scalars["a"]) == [(1, 1.0)]


def test_a_second_launch_is_a_new_attempt_of_the_same_run() -> None:
    for attempt in range(2):
        with SummaryWriter("run", purge_step=3 if attempt else None) as writer:
            for step in range(3 * attempt, 3 * attempt + 5):
                writer.add_scalar("a", float(attempt), step)
            writer.add_scalar("no step", float(attempt))
    info, scalars, _ = read("run")
    assert info.attempts == 2
    assert len(scalars["a"]) == 10
    assert steps_and_values(scalars["no step"]) == [(0, 0.0), (3, 1.0)]
    assert steps_of_default_view("run", "a") == [(0, 0.0), (1, 0.0), (2, 0.0), (3, 1.0), (4, 1.0), (5, 1.0), (6, 1.0), (7, 1.0)]


def steps_of_default_view(directory: str, tag: str) -> list[tuple[int, float]]:
    (run,) = cb.open(directory)
    series = run.get(tag)
    return list(zip(series.step.tolist(), series.value.tolist(), strict=True))


def test_a_call_after_close_opens_the_run_again() -> None:
    writer = SummaryWriter("run")
    writer.add_scalar("a", 1.0, 1)
    writer.close()
    writer.close()
    writer.add_scalar("a", 2.0, 2)
    writer.add_scalar("a", 3.0, 3)
    writer.close()
    info, scalars, _ = read("run")
    assert (info.attempts, info.status) == (2, "finished")
    assert steps_and_values(scalars["a"]) == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_an_exception_in_the_with_block_is_the_runs_end() -> None:
    with pytest.raises(ValueError, match="diverged"), SummaryWriter("run"):
        raise ValueError("diverged")
    info, _, _ = read("run")
    assert (info.status, info.error) == ("failed", "ValueError: diverged")


def test_a_program_that_never_closes_its_writer_is_finished_at_its_end(tmp_path: Path) -> None:
    code = "from crossboard.loggers.torch import SummaryWriter; SummaryWriter('run').add_scalar('a', 1.0, 1)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    assert read("run")[0].status == "finished"


def test_no_run_hides_another() -> None:
    SummaryWriter("logs/a").close()
    SummaryWriter("logs").close()
    SummaryWriter("logs/a/inner").close()
    assert sorted(run.name for run in cb.open("logs")) == ["logs", "logs/a", "logs/a/inner"]
    SummaryWriter("logs").close()
    assert len(cb.open("logs")) == 3


def test_the_root_of_runs_is_no_run_itself() -> None:
    assert place_of("runs") == os.path.abspath("runs/runs")
    assert place_of(".") == os.path.join(os.getcwd(), os.path.basename(os.getcwd()))
    assert place_of("runs/a") == os.path.abspath("runs/a")


def test_names_of_runs_elsewhere_are_two_parts_of_their_path() -> None:
    assert name_of("/scratch/me/mnist/seed1") == "mnist/seed1"
    assert name_of("runs/mnist/seed1") == "mnist/seed1"
    assert name_of("logs/seed1") == "logs/seed1"


def test_tensorboardx_names_of_arguments() -> None:
    writer = SummaryWriter(logdir="run", comet_config={"disabled": True})
    writer.close()
    assert os.path.isfile("run/run.json")
    silent = SummaryWriter("nothing", write_to_disk=False)
    silent.add_scalar("a", 1.0, 1)
    silent.add_image("i", np.zeros((3, 2, 2)), 1)
    silent.close()
    assert not os.path.exists("nothing")


def test_disabled_runs_are_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_MODE", "disabled")
    with SummaryWriter("run", tensorboard=True) as writer:
        writer.add_scalar("a", 1.0, 1)
        writer.add_hparams({"a": 1}, {"b": 2})
        writer.add_graph(None)
    assert not os.path.exists("run")


def test_threads_may_share_a_writer() -> None:
    with SummaryWriter("run") as writer:

        def log(number: int) -> None:
            for _ in range(200):
                writer.add_scalar("a", float(number))

        threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(step for step, _, _ in read("run")[1]["a"]) == list(range(800))


# ---------------------------------------------------------------------------------------------------- event files


def accumulated(directory: str) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = dict.fromkeys(("tensors", "scalars", "images", "histograms", "audio", "graph", "compressedHistograms"), 0)
    found = EventAccumulator(directory, size_guidance=everything, purge_orphaned_data=False)
    found.Reload()
    return found


@pytest.mark.tensorboard
def test_event_files_hold_what_the_run_holds() -> None:
    with SummaryWriter("logs/run", filename_suffix=".x", tensorboard=True) as writer:
        for step in range(2000):
            writer.add_scalar("loss", 1 / (step + 1), step, walltime=step * 0.5)
        writer.add_scalar("exact", 0.1, 1, new_style=True, double_precision=True)
        writer.add_scalars("g", {"a": 1.0, "b": 2.0}, 3)
        writer.add_histogram("h", np.arange(10.0), 4)
        writer.add_image("i", np.zeros((3, 4, 5)), 5)
        writer.add_text("t", "hello", 6)
        writer.add_audio("s", np.zeros((1, 100)), 7)
        writer.add_pr_curve("p", np.array([0, 1]), np.array([0.2, 0.8]), 8)
        writer.add_mesh("m", np.zeros((1, 4, 3)), global_step=9)
        writer.add_video("v", np.zeros((1, 2, 3, 8, 8), np.uint8), 10)
        writer.add_tensor("x", np.arange(3), 11)
        writer.add_embedding(np.eye(3), list("abc"), global_step=12, tag="e")
        writer.add_hparams({"lr": 0.1}, {"hp/acc": 0.9})
        writer.add_custom_scalars_multilinechart(["loss"])
    found = accumulated("logs/run")
    loss = found.Scalars("loss")
    assert [(one.step, one.wall_time, one.value) for one in loss] == [
        (step, step * 0.5, float(np.float32(1 / (step + 1)))) for step in range(2000)
    ]
    assert found.Tensors("exact")[0].tensor_proto.dtype == 2
    assert [one.value for one in (*found.Scalars("g/a"), *found.Scalars("g/b"), *found.Scalars("hp/acc"))] == [1.0, 2.0, np.float32(0.9)]
    tensors = {tag: (found.Tensors(tag)[0].step, found.SummaryMetadata(tag).plugin_data.plugin_name) for tag in found.Tags()["tensors"]}
    assert tensors == {
        "exact": (1, "scalars"),
        "h": (4, "histograms"),
        "i": (5, "images"),
        "t": (6, "text"),
        "s": (7, "audio"),
        "p": (8, "pr_curves"),
        "m_VERTEX": (9, "mesh"),
        "v": (10, "images"),
        "x": (11, "tensor"),
        "_hparams_/experiment": (1999, "hparams"),
        "_hparams_/session_start_info": (1999, "hparams"),
        "_hparams_/session_end_info": (1999, "hparams"),
        "custom_scalars__config__": (0, "custom_scalars"),
    }
    assert (Path("logs/run") / "00012" / "e" / "metadata.tsv").read_text() == "a\nb\nc\n"
    assert [path.name.endswith(".x") for path in Path("logs/run").glob("events.*")] == [True]
    (run,) = [one for one in cb.open("logs/run") if one.info.source == "native"]
    assert len(run.get("loss")) == 2000


@pytest.mark.tensorboard
@pytest.mark.torch
def test_a_graph_reaches_tensorboard() -> None:
    import torch

    with SummaryWriter("run", tensorboard=True) as writer:
        writer.add_graph(torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU()), torch.zeros(1, 4))
    graph = accumulated("run").Graph()
    assert {"Linear", "ReLU"} <= {node.op for node in graph.node}
    names = {node.name for node in graph.node}
    assert all(source.lstrip("^").partition(":")[0] in names for node in graph.node for source in node.input)


@pytest.mark.tensorboard
def test_flush_lets_tensorboard_see_everything_so_far() -> None:
    writer = SummaryWriter("run", tensorboard=True)
    writer.add_scalar("a", 1.0, 1)
    writer.add_image("i", np.zeros((3, 4, 5)), 1)
    writer.flush()
    found = accumulated("run")
    assert (found.Tags()["scalars"], found.Tags()["tensors"]) == (["a"], ["i"])
    writer.close()


@pytest.mark.tensorboard
def test_event_files_are_written_while_training_goes_on() -> None:
    writer = SummaryWriter("run", tensorboard=True)
    writer.add_scalar("a", 1.0, 1)
    (path,) = Path("run").glob("events.*")
    empty = path.stat().st_size
    deadline = time.monotonic() + 20
    while path.stat().st_size == empty and time.monotonic() < deadline:
        writer.add_scalar("a", 2.0, 2)
        time.sleep(0.05)
    assert accumulated("run").Scalars("a")[0].value == 1.0
    writer.close()


@pytest.mark.tensorboard
def test_sessions_of_hyperparameters_are_runs_of_their_own_for_tensorboard() -> None:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    with SummaryWriter("run", tensorboard=True) as writer:
        for number in range(3):
            writer.add_hparams({"lr": 0.5 * number}, {"acc": 10.0 * number})
    for place, number in (("run", 0), ("run/1", 1), ("run/2", 2)):
        found = accumulated(place)
        content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        assert HParamsPluginData.FromString(content).session_start_info.hparams["lr"].number_value == 0.5 * number
        assert [one.value for one in found.Scalars("acc")] == [10.0 * number]


@pytest.mark.tensorboard
def test_a_reopened_writer_purges_once() -> None:
    writer = SummaryWriter("run", purge_step=5, tensorboard=True)
    writer.close()
    writer.add_scalar("a", 1.0, 5)
    writer.close()
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

    files = sorted(Path("run").glob("events.*"), key=lambda one: one.stat().st_mtime)
    starts = [sum(event.session_log.status == 1 for event in LegacyEventFileLoader(str(one)).Load()) for one in files]
    assert starts == [1, 0]


@pytest.mark.tensorboard
def test_a_mirror_that_cannot_be_written_is_said_and_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with SummaryWriter("run", tensorboard=True) as writer:
        events: Any = writer._events

        def full(self: Any) -> None:
            raise OSError(28, "No space left on device")

        events.flush = types.MethodType(full, events)
        writer.add_scalar("a", 1.0, 1)
        with pytest.warns(CrossboardWarning, match="No space left on device.*the run itself goes on"):
            writer.flush()
        del events.flush
        writer.add_scalar("a", 2.0, 2)
    assert steps_and_values(read("run")[1]["a"]) == [(1, 1.0), (2, 2.0)]


@pytest.mark.tensorboard
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_leaves_the_mirror_alone(tmp_path: Path) -> None:
    code = """
import os
from crossboard.loggers.torch import SummaryWriter
w = SummaryWriter("run", tensorboard=True)
w.add_scalar("a", 1.0, 1)
if os.fork() == 0:
    w.add_scalar("a", 2.0, 2)
    w.close()
    os._exit(0)
os.wait()
w.add_scalar("a", 3.0, 3)
w.close()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=60)
    assert sorted(steps_and_values(read("run")[1]["a"])) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert [(one.step, one.value) for one in accumulated("run").Scalars("a")] == [(1, 1.0), (3, 3.0)]
