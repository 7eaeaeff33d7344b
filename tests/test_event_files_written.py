"""Event files that crossboard writes are read by TensorBoard's own reader: values, steps and wall times come back equal."""

from __future__ import annotations

import importlib
import io
import os
import subprocess
import sys
import tempfile
import wave
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.adapters.tensorboard import wire
from crossboard.adapters.tensorboard.projector import folder_name, quoted
from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.adapters.tensorboard.writer import EventFileWriter
from crossboard.store.errors import NotFound
from crossboard.store.kinds import Points
from crossboard.store.records import (
    AudioPoint,
    Blob,
    Box,
    Clip,
    ConfigSet,
    ConfusionMatrixPoint,
    EmbeddingPoint,
    GraphEdge,
    GraphOperation,
    GraphPoint,
    HistogramPoint,
    ImagePoint,
    Inline,
    Mask,
    MeshPoint,
    Picture,
    PRCurvePoint,
    TablePoint,
    TensorPoint,
    TensorShape,
    TextPoint,
    VideoPoint,
)

read_whole = import_module("unread_points").read_whole

pytestmark = pytest.mark.tensorboard

AT: dict[str, Any] = {"step": 7, "wall_time": 1700000000.25}


def raw(data: bytes, kind: str = "application/octet-stream") -> Inline:
    return Inline(data, kind)


def inline(blob: Blob) -> bytes:
    assert isinstance(blob, Inline)
    return blob.data


def png(width: int, height: int) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (width, height), (10, 200, 30)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[EventFileWriter]:
    with EventFileWriter(tmp_path / "run") as made:
        yield made


def events_of(writer: EventFileWriter) -> list[Any]:
    """Everything in the file, by TensorBoard's loader of raw events."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    from tensorboard.compat.proto.event_pb2 import Event

    writer.flush()
    return [Event.FromString(one) for one in RawEventFileLoader(writer.path).Load()]


def accumulated(directory: str) -> Any:
    """What TensorBoard knows of the run in `directory`, nothing sampled."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = dict.fromkeys(("tensors", "scalars", "images", "histograms", "audio", "graph", "compressedHistograms"), 0)
    found = EventAccumulator(directory, size_guidance=everything, purge_orphaned_data=False)
    found.Reload()
    return found


def the_tensor(writer: EventFileWriter, tag: str) -> tuple[Any, str, bytes]:
    """The one tensor under `tag`, its plugin and the plugin's content; step and wall time are those of `AT`."""
    from tensorboard.util import tensor_util

    writer.flush()
    found = accumulated(writer.directory)
    (event,) = found.Tensors(tag)
    assert (event.step, event.wall_time) == (AT["step"], AT["wall_time"])
    data = found.SummaryMetadata(tag).plugin_data
    return tensor_util.make_ndarray(event.tensor_proto), data.plugin_name, data.content


# ------------------------------------------------------------------------------------------------------ the wire


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_every_step_is_written_as_protocol_buffers_write_it(step: int) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    assert wire.whole(2, step) == Event(step=step).SerializeToString()


@given(st.floats())
def test_every_double_is_written_as_protocol_buffers_write_it(value: float) -> None:
    from tensorboard.compat.proto.event_pb2 import Event

    assert wire.double(1, value) == Event(wall_time=value).SerializeToString()


@given(st.text(max_size=300))
def test_every_text_is_written_as_protocol_buffers_write_it(value: str) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary

    try:
        value.encode()
    except UnicodeEncodeError:
        return
    assert wire.text(1, value) == Summary.Value(tag=value).SerializeToString()


def test_a_lone_surrogate_becomes_its_escape() -> None:
    assert wire.text(1, "a\udc80") == b"\n\x07a\\udc80"


# ------------------------------------------------------------------------------------------------------- scalars


def test_scalars_come_back_with_steps_and_wall_times(writer: EventFileWriter) -> None:
    writer.scalar("loss", 0.5, 0, 1700000000.5)
    writer.scalar("loss", float("nan"), -3, 1700000001.25)
    writer.points("acc", Points(np.array([5, 5, 1 << 40]), np.array([1.0, 2.0, 3.5]), np.array([0.25, 1e300, -np.inf])))
    writer.flush()
    found = accumulated(writer.directory)
    loss = found.Scalars("loss")
    assert [(one.step, one.wall_time) for one in loss] == [(0, 1700000000.5), (-3, 1700000001.25)]
    assert loss[0].value == 0.5
    assert np.isnan(loss[1].value)
    assert [(one.wall_time, one.step, one.value) for one in found.Scalars("acc")] == [
        (1.0, 5, 0.25),
        (2.0, 5, np.inf),
        (3.5, 1 << 40, -np.inf),
    ]


def test_a_scalar_is_the_very_bytes_that_torch_writes(writer: EventFileWriter) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer.scalar("a/ü", 0.1, 300, 12.5)
    want = Event(wall_time=12.5, step=300, summary=Summary(value=[Summary.Value(tag="a/ü", simple_value=0.1)]))
    assert events_of(writer)[-1] == want
    writer.flush()
    assert want.SerializeToString(deterministic=True) in Path(writer.path).read_bytes()


def test_a_long_tag_has_a_right_length(writer: EventFileWriter) -> None:
    for length in (100, 121, 122, 123, 124, 127, 128, 200, 16_400):
        writer.scalar("t" * length, 1.0, 1, 1.0)
    assert [len(one.summary.value[0].tag) for one in events_of(writer)[1:]] == [100, 121, 122, 123, 124, 127, 128, 200, 16_400]


def test_a_tag_may_be_written_as_double(writer: EventFileWriter) -> None:
    writer.form("exact", "double")
    writer.form("single", "tensor")
    writer.scalar("exact", 0.1, 7, AT["wall_time"])
    writer.scalar("single", 0.1, 7, AT["wall_time"])
    value, plugin, _ = the_tensor(writer, "exact")
    assert (value.dtype, float(value), plugin) == (np.float64, 0.1, "scalars")
    value, plugin, _ = the_tensor(writer, "single")
    assert (value.dtype, float(value), plugin) == (np.float32, float(np.float32(0.1)), "scalars")


# ----------------------------------------------------------------------------------------------------- other kinds


def test_a_histogram_keeps_edges_and_counts_exactly(writer: EventFileWriter) -> None:
    writer.point(HistogramPoint(tag="w", edges=[-1.5, 0.1, 2.0], counts=[3, 12345678901], count=12345678904, **AT), inline)
    rows, plugin, _ = the_tensor(writer, "w")
    assert plugin == "histograms"
    assert rows.tolist() == [[-1.5, 0.1, 3.0], [0.1, 2.0, 12345678901.0]]


def test_an_empty_histogram_has_no_rows(writer: EventFileWriter) -> None:
    writer.point(HistogramPoint(tag="w", edges=[0.0], counts=[], count=0, **AT), inline)
    assert the_tensor(writer, "w")[0].shape == (0, 3)


def test_images_come_back_byte_for_byte(writer: EventFileWriter) -> None:
    first, second = png(8, 5), png(3, 3)
    pictures = [Picture(raw(first, "image/png"), 8, 5), Picture(raw(second, "image/png"), 3, 3)]
    writer.point(ImagePoint(tag="samples", images=pictures, **AT), inline)
    items, plugin, _ = the_tensor(writer, "samples")
    assert (items.tolist(), plugin) == ([b"8", b"5", first, second], "images")


def test_boxes_are_drawn_into_their_image(writer: EventFileWriter) -> None:
    from PIL import Image

    boxed = Picture(raw(png(40, 30), "image/png"), 40, 30, boxes=[Box(5, 6, 20, 10, label="cat")])
    writer.point(ImagePoint(tag="boxed", images=[boxed], **AT), inline)
    drawn = Image.open(io.BytesIO(the_tensor(writer, "boxed")[0].tolist()[2]))
    assert drawn.size == (40, 30)
    assert drawn.getpixel((25, 16)) == (255, 0, 0)
    assert drawn.getpixel((35, 28)) == (10, 200, 30)


def test_webp_becomes_png(writer: EventFileWriter) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "WEBP")
    writer.point(ImagePoint(tag="webp", images=[Picture(raw(out.getvalue(), "image/webp"), 4, 4)], **AT), inline)
    assert the_tensor(writer, "webp")[0].tolist()[2].startswith(b"\x89PNG")


def test_sounds_come_back_with_their_captions(writer: EventFileWriter) -> None:
    from tensorboard.plugins.audio.plugin_data_pb2 import AudioPluginData

    clips = [Clip(raw(b"RIFF one", "audio/wav"), 8000.0, 10, caption="first"), Clip(raw(b"RIFF two", "audio/wav"), 8000.0, 10)]
    writer.point(AudioPoint(tag="snd", clips=clips, **AT), inline)
    items, plugin, content = the_tensor(writer, "snd")
    assert (items.tolist(), plugin) == ([[b"RIFF one", b"first"], [b"RIFF two", b""]], "audio")
    assert AudioPluginData.FromString(content).encoding == AudioPluginData.WAV


def test_texts_keep_their_shape(writer: EventFileWriter) -> None:
    writer.point(TextPoint(tag="one", texts=["*hello*"], **AT), inline)
    writer.point(TextPoint(tag="six", texts=list("abcdef"), shape=[2, 3], **AT), inline)
    assert the_tensor(writer, "one")[0].item() == b"*hello*"
    items, plugin, _ = the_tensor(writer, "six")
    assert (items.tolist(), plugin) == ([[b"a", b"b", b"c"], [b"d", b"e", b"f"]], "text")


def test_a_pr_curve_has_tensorboards_six_rows(writer: EventFileWriter) -> None:
    from tensorboard.plugins.pr_curve.plugin_data_pb2 import PrCurvePluginData

    counts: dict[str, Any] = {
        "true_positives": [4, 2, 0],
        "false_positives": [4, 1, 0],
        "true_negatives": [0, 3, 4],
        "false_negatives": [0, 2, 4],
    }
    writer.point(PRCurvePoint(tag="pr", thresholds=[0.0, 0.5, 1.0], **counts, **AT), inline)
    rows, plugin, content = the_tensor(writer, "pr")
    assert plugin == "pr_curves"
    assert rows[:4].tolist() == [[4, 2, 0], [4, 1, 0], [0, 3, 4], [0, 2, 4]]
    assert rows[4].tolist() == pytest.approx([0.5, 2 / 3, 0.0])
    assert rows[5].tolist() == pytest.approx([1.0, 0.5, 0.0])
    assert PrCurvePluginData.FromString(content).num_thresholds == 3


def test_a_mesh_has_a_tag_for_each_of_its_parts(writer: EventFileWriter) -> None:
    from tensorboard.plugins.mesh import metadata

    places = np.arange(12, dtype="<f4").reshape(4, 3)
    faces = np.array([[0, 1, 2]], "<i4")
    colors = np.full((4, 3), 200, np.uint8)
    writer.point(
        MeshPoint(
            tag="shape",
            vertices=raw(places.tobytes()),
            vertex_count=4,
            faces=raw(faces.tobytes()),
            face_count=1,
            colors=raw(colors.tobytes()),
            config={"camera": {"cls": "PerspectiveCamera"}},
            **AT,
        ),
        inline,
    )
    for name, array, kind in (("VERTEX", places, 1), ("FACE", faces, 2), ("COLOR", colors, 3)):
        found, plugin, content = the_tensor(writer, f"shape_{name}")
        assert (found.dtype, found.tolist(), plugin) == (array.dtype, [array.tolist()], "mesh")
        said = metadata.parse_plugin_metadata(content)
        assert (said.name, said.content_type, list(said.shape), said.components) == ("shape", kind, [1, *array.shape], 0b1110)
        assert msgspec.json.decode(said.json_config) == {"camera": {"cls": "PerspectiveCamera"}}


@pytest.mark.parametrize(
    "dtype", ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "bool", "complex64"]
)
def test_tensors_come_back_exactly(writer: EventFileWriter, dtype: str) -> None:
    array = np.array([[0, 1, 2], [3, 4, 0]]).astype(dtype)
    writer.point(TensorPoint(tag="x", blob=raw(array.tobytes()), shape=[2, 3], dtype=dtype, **AT), inline)
    found, plugin, _ = the_tensor(writer, "x")
    assert (found.dtype, found.tolist(), plugin) == (array.dtype, array.tolist(), "tensor")


def test_tensors_of_strings_come_back(writer: EventFileWriter) -> None:
    writer.point(TensorPoint(tag="x", blob=raw(msgspec.msgpack.encode(["a", b"\xff"])), shape=[2], dtype="object", **AT), inline)
    assert the_tensor(writer, "x")[0].tolist() == [b"a", b"\xff"]


def test_a_graph_is_a_graph_def_with_scopes_edges_and_shapes(writer: EventFileWriter) -> None:
    operations = [
        GraphOperation("input", kind="input", outputs=[TensorShape([None, 4], "float32")]),
        GraphOperation("Net.fc/linear", "Net.fc", "Linear", outputs=[TensorShape([None, 2], "float32")], source="net.py:3"),
        GraphOperation("output", kind="output"),
    ]
    edges = [GraphEdge("Net.fc/linear", "output"), GraphEdge("input", "Net.fc/linear"), GraphEdge("input", "output", control=True)]
    lists = {"scopes": [], "operations": operations, "edges": edges}
    writer.point(GraphPoint(tag="graph", framework="torch", operations=operations, edges=edges, **AT), inline)
    writer.point(GraphPoint(tag="graph", framework="torch", blob=raw(msgspec.msgpack.encode(lists)), **AT), inline)
    writer.flush()
    from tensorboard.compat.proto.graph_pb2 import GraphDef

    first, second = (GraphDef.FromString(one.graph_def) for one in events_of(writer)[1:])
    assert first == second == accumulated(writer.directory).Graph()
    nodes = {one.name: one for one in first.node}
    assert list(nodes) == ["input", "Net/fc/linear", "output"]
    assert (nodes["Net/fc/linear"].op, list(nodes["Net/fc/linear"].input)) == ("Linear", ["input"])
    assert list(nodes["output"].input) == ["Net/fc/linear", "^input"]
    assert nodes["Net/fc/linear"].attr["source"].s == b"net.py:3"
    (shape,) = nodes["Net/fc/linear"].attr["_output_shapes"].list.shape
    assert [one.size for one in shape.dim] == [-1, 2]


def test_an_embedding_is_what_the_projector_reads(writer: EventFileWriter) -> None:
    import pyarrow as pa

    text_format: Any = importlib.import_module("google.protobuf.text_format")
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    table = pa.table({"name": ["a\tb", "c"], "size": [1, None]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    vectors = np.array([[0.1, -2], [3, np.nan]], "<f4")
    sprite = png(4, 2)
    point = EmbeddingPoint(
        tag='e/"1"',
        blob=raw(vectors.tobytes()),
        rows=2,
        dimensions=2,
        metadata=raw(sink.getvalue().to_pybytes()),
        sprite=Picture(raw(sprite, "image/png"), 4, 2),
        sprite_size=[2, 2],
        **AT,
    )
    writer.point(point, inline)
    writer.point(msgspec.structs.replace(point, step=8, sprite=None, sprite_size=[], metadata=None), inline)
    directory = Path(writer.directory)
    config = text_format.Parse((directory / "projector_config.pbtxt").read_text(), ProjectorConfig())
    first, second = config.embeddings
    assert (first.tensor_name, second.tensor_name) == ('e/"1":00007', 'e/"1":00008')
    assert list(first.sprite.single_image_dim) == [2, 2]
    assert (directory / first.sprite.image_path).read_bytes() == sprite
    assert (directory / first.metadata_path).read_text() == "name\tsize\na b\t1\nc\t\n"
    read = np.loadtxt(directory / first.tensor_path, delimiter="\t").astype(np.float32)
    assert np.array_equal(read, vectors, equal_nan=True)
    assert second.metadata_path == ""


def test_the_projector_keeps_what_an_earlier_program_listed(tmp_path: Path) -> None:
    point = EmbeddingPoint(tag="e", blob=raw(np.zeros(2, "<f4").tobytes()), rows=1, dimensions=2, step=1, wall_time=1.0)
    for step in (1, 2, 2):
        with EventFileWriter(tmp_path) as writer:
            writer.point(msgspec.structs.replace(point, step=step), inline)
    assert (tmp_path / "projector_config.pbtxt").read_text().count("tensor_name") == 2


@pytest.mark.parametrize("tag", ["..", ".", "a/b", "a\\b", "50%"])
def test_no_tag_leaves_the_projectors_directory(tag: str) -> None:
    name = folder_name(tag)
    assert name not in (".", "..")
    assert not set(name) & {"/", "\\"}


def test_text_form_strings_are_quoted() -> None:
    assert quoted('a"b\\\n') == '"a\\"b\\\\\\n"'


# -------------------------------------------------------------------------------------- hyperparameters and layouts


def hparams_of(writer: EventFileWriter) -> dict[str, Any]:
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    found = {}
    for event in events_of(writer):
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                found[value.tag] = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    return found


def test_hyperparameters_come_back_with_types_domains_and_metrics(writer: EventFileWriter) -> None:
    from tensorboard.plugins.hparams import api_pb2

    given = {"lr": 0.0, "opt": "sgd", "amp": False, "net": {"width": 3}, "none": None}
    writer.hparams(given, ["val/acc"], 9.5, discrete={"opt": ["sgd", "adam"]})
    found = hparams_of(writer)
    start = found["_hparams_/session_start_info"].session_start_info
    assert start.start_time_secs == 9.5
    assert {key: value.WhichOneof("kind") for key, value in start.hparams.items()} == {
        "lr": "number_value",
        "opt": "string_value",
        "amp": "bool_value",
        "net.width": "number_value",
    }
    assert start.hparams["net.width"].number_value == 3.0
    experiment = found["_hparams_/experiment"].experiment
    assert [(one.name, one.type) for one in experiment.hparam_infos] == [
        ("lr", api_pb2.DATA_TYPE_FLOAT64),
        ("opt", api_pb2.DATA_TYPE_STRING),
        ("amp", api_pb2.DATA_TYPE_BOOL),
        ("net.width", api_pb2.DATA_TYPE_FLOAT64),
    ]
    assert [one.string_value for one in experiment.hparam_infos[1].domain_discrete.values] == ["sgd", "adam"]
    assert [one.name.tag for one in experiment.metric_infos] == ["val/acc"]
    assert found["_hparams_/session_end_info"].session_end_info.status == api_pb2.STATUS_SUCCESS


def test_a_config_becomes_hyperparameters_when_the_file_is_closed(writer: EventFileWriter) -> None:
    from tensorboard.plugins.hparams import api_pb2

    writer.record(ConfigSet(wall_time=1.0, config={"lr": 0.1}), inline)
    writer.record(ConfigSet(wall_time=2.0, config={"lr": 0.2}), inline)
    assert hparams_of(writer) == {}
    writer.close("failed")
    found = hparams_of(writer)
    assert found["_hparams_/session_start_info"].session_start_info.hparams["lr"].number_value == 0.2
    assert found["_hparams_/session_end_info"].session_end_info.status == api_pb2.STATUS_FAILURE


def test_the_layout_of_custom_scalars_comes_back(writer: EventFileWriter) -> None:
    from tensorboard.plugins.custom_scalar.layout_pb2 import Layout

    charts = {"both": ["Multiline", ["a", "b"]], "band": ["Margin", ["v", "lo", "hi"]]}
    writer.record(ConfigSet(wall_time=1.0, config={"custom_scalars": {"losses": charts}, "x": 1}), inline)
    (value,) = events_of(writer)[-1].summary.value
    assert (value.tag, value.metadata.plugin_data.plugin_name) == ("custom_scalars__config__", "custom_scalars")
    (category,) = Layout.FromString(value.tensor.string_val[0]).category
    assert [one.title for one in category.chart] == ["both", "band"]
    assert list(category.chart[0].multiline.tag) == ["a", "b"]
    (series,) = category.chart[1].margin.series
    assert (series.value, series.lower, series.upper) == ("v", "lo", "hi")


# ------------------------------------------------------------------------------------------------------ round trip


def read_back(writer: EventFileWriter) -> tuple[dict[str, list[tuple[int, float, float]]], list[Any], Callable[[Blob], bytes]]:
    """What our own reader finds in the directory: scalars, other records, and how their blobs are read."""
    writer.close()
    source = TensorBoardSource(writer.directory)
    (found,) = source.scan()
    batch = read_whole(source, found, source.read(found, None))
    assert batch.problems == []
    scalars: dict[str, list[tuple[int, float, float]]] = {}
    for strand in batch.strands:
        one = strand.points
        scalars.setdefault(strand.tag, []).extend(zip(one.step.tolist(), one.wall_time.tolist(), one.value.tolist(), strict=True))
    return scalars, [placed.record for placed in batch.records], lambda blob: source.blob(found, blob)


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200),
            st.integers(-(1 << 63), (1 << 63) - 1),
            st.floats(1.0, 1e10),
            st.floats(width=32),
        ),
        max_size=30,
    )
)
def test_every_float32_scalar_comes_back_through_our_own_reader(rows: list[tuple[str, int, float, float]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        writer = EventFileWriter(directory)
        want: dict[str, list[tuple[int, float, float]]] = {}
        for tag, step, wall_time, value in rows:
            writer.scalar(tag, value, step, wall_time)
            want.setdefault(tag, []).append((step, wall_time, value))
        got, _, _ = read_back(writer)
        assert {tag: repr(found) for tag, found in got.items()} == {tag: repr(found) for tag, found in want.items()}


def test_points_come_back_through_our_own_reader(writer: EventFileWriter) -> None:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(200))
    image, places, colors = png(8, 5), np.arange(12, dtype="<f4").reshape(4, 3), np.full((4, 3), 200, np.uint8)
    points: list[Any] = [
        HistogramPoint(tag="h", edges=[-1.5, 0.1, 2.0], counts=[3, 4], count=7, min=-1.5, max=2.0, **AT),
        ImagePoint(tag="i", images=[Picture(raw(image, "image/png"), 8, 5)], **AT),
        AudioPoint(tag="s", clips=[Clip(raw(sound.getvalue(), "audio/wav"), 8000.0, 100, caption="beep")], **AT),
        TextPoint(tag="t", texts=["a", "b"], shape=[2], **AT),
        PRCurvePoint(
            tag="p",
            thresholds=[0.0, 0.5, 1.0],
            true_positives=[4.0, 2.0, 0.0],
            false_positives=[4.0, 1.0, 0.0],
            true_negatives=[0.0, 3.0, 4.0],
            false_negatives=[0.0, 2.0, 4.0],
            **AT,
        ),
        MeshPoint(tag="m", vertices=raw(places.tobytes()), vertex_count=4, colors=raw(colors.tobytes()), config={"a": 1}, **AT),
        TensorPoint(tag="x", blob=raw(bytes(range(12))), shape=[3], dtype="int32", plugin="tensor", **AT),
    ]
    for point in points:
        writer.point(point, inline)
    writer.record(ConfigSet(wall_time=1.0, config={"lr": 0.5, "net": {"width": 3}}), inline)
    _, records, blob = read_back(writer)
    by_tag = {record.tag: record for record in records if hasattr(record, "tag")}

    def whole(value: Any) -> Any:
        """`value` with the bytes of its blobs in it."""
        if isinstance(value, Blob):
            return blob(value) if not isinstance(value, Inline) else value.data
        if isinstance(value, msgspec.Struct):
            return {name: whole(getattr(value, name)) for name in value.__struct_fields__}
        return [whole(one) for one in value] if isinstance(value, list) else value

    for point in points:
        assert whole(by_tag[point.tag]) == whole(point)
    (config,) = [record.config for record in records if isinstance(record, ConfigSet)]
    assert config["lr"] == 0.5
    assert config["net.width"] == 3.0


# ------------------------------------------------------------------------------------------------------- the file


def test_what_tensorboard_has_no_form_for_is_counted(writer: EventFileWriter) -> None:
    writer.record(TablePoint(tag="t", columns=["a"], rows=0, blob=raw(b""), **AT), inline)
    writer.record(ConfusionMatrixPoint(tag="c", labels=["x"], counts=[[1.0]], **AT), inline)
    writer.record(VideoPoint(tag="v", blob=raw(b"", "video/mp4"), width=1, height=1, frames=1, fps=1.0, **AT), inline)
    writer.record(TensorPoint(tag="d", blob=raw(b""), shape=[0], dtype="datetime64[ns]", **AT), inline)
    assert writer.left_out == {"tables": 1, "confusion matrices": 1, "videos that are no GIF": 1, "tensors of dtype datetime64[ns]": 1}
    assert len(events_of(writer)) == 1


def test_what_does_not_come_along_with_a_point_is_counted(writer: EventFileWriter) -> None:
    picture = Picture(raw(png(2, 2), "image/png"), 2, 2, caption="c", masks=[Mask(raw(png(2, 2), "image/png"))])
    writer.record(ImagePoint(tag="i", images=[picture, picture], **AT), inline)
    writer.record(HistogramPoint(tag="h", edges=[0.0, 1.0], counts=[1], count=4, nan=2, pos_inf=1, **AT), inline)
    lists: dict[str, Any] = {f"{one}s": [1.0, 0.0, 0.0] for one in ("true_positive", "false_positive", "true_negative", "false_negative")}
    writer.record(PRCurvePoint(tag="p", thresholds=[0.0, 0.9, 1.0], **lists, **AT), inline)
    writer.record(PRCurvePoint(tag="q", thresholds=[0.0, 0.5, 1.0], **lists, **AT), inline)
    assert writer.left_out == {
        "masks of images": 2,
        "captions of images": 2,
        "NaN and infinities in histograms": 3,
        "PR curves at thresholds of their own": 1,
    }


def test_a_point_whose_blob_is_gone_is_counted(writer: EventFileWriter) -> None:
    def gone(_: Blob) -> bytes:
        raise NotFound("blob: gone")

    writer.record(ImagePoint(tag="i", images=[Picture(raw(b""), 1, 1)], **AT), gone)
    assert writer.left_out == {"points whose data is gone or damaged": 1}


def test_the_file_begins_as_tensorboard_expects(writer: EventFileWriter) -> None:
    (first,) = events_of(writer)
    assert (first.file_version, first.source_metadata.writer) == ("brain.Event:2", "crossboard")
    assert os.path.basename(writer.path).startswith("events.out.tfevents.1")


def test_a_purge_step_is_a_session_start(tmp_path: Path) -> None:
    with EventFileWriter(tmp_path, suffix=".x", purge_step=5) as writer:
        writer.scalar("a", 1.0, 5, 1.0)
    first, second, _ = events_of(writer)
    assert (first.step, second.session_log.status, second.step) == (5, second.session_log.START, 5)
    assert writer.path.endswith(".x")


def test_two_files_of_one_second_have_two_names(tmp_path: Path) -> None:
    with EventFileWriter(tmp_path) as one, EventFileWriter(tmp_path) as other:
        assert one.path != other.path


def test_nothing_is_lost_beyond_what_is_held(writer: EventFileWriter) -> None:
    many = 20_000
    steps = np.arange(many)
    writer.points("a", Points(steps, 0.5 * steps.astype(np.float64), steps.astype(np.float64)))
    assert os.path.getsize(writer.path) > 100_000
    found = [(one.step, one.wall_time, one.summary.value[0].simple_value) for one in events_of(writer)[1:]]
    assert found == [(step, step * 0.5, float(step)) for step in range(many)]


def test_writing_needs_no_protocol_buffers(tmp_path: Path) -> None:
    code = (
        "import sys; from crossboard.adapters.tensorboard.writer import EventFileWriter; "
        f"w = EventFileWriter({str(tmp_path)!r}); w.scalar('a', 1.0, 0, 0.0); w.hparams({{'a': 1}}, ['b'], 1.0); w.close(); "
        "print({'tensorboard', 'tensorflow', 'torch', 'pyarrow', 'PIL'} & set(sys.modules), 'google.protobuf' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()", "False"]
