"""Visdom's environments, read in place: every pane as Visdom has it, curves as series, and what is damaged hides nothing else.

Written by a real Visdom 0.2.4 where it is installed; tests/golden/visdom_0.3.0 was made once by tests/golden/make_visdom.py.
"""

from __future__ import annotations

import base64
import json
import math
import os
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.adapters.visdom import envfile, finding
from crossboard.adapters.visdom import source as source_module
from crossboard.adapters.visdom.envfile import Found, open_env, read_env
from crossboard.adapters.visdom.jsonspans import MOST_DEPTH, Cut, NotJson, Span, begin_of, decode, end_of, items, members
from crossboard.adapters.visdom.points import svg_in
from crossboard.adapters.visdom.source import VisdomSource
from crossboard.adapters.visdom.traces import Names, rejoin, split
from crossboard.store.errors import Damaged, NotFound
from crossboard.store.kinds import Kind
from crossboard.store.records import (
    AudioPoint,
    ConfigSet,
    Edited,
    EmbeddingPoint,
    Ended,
    FigurePoint,
    Foreign,
    GraphPoint,
    ImagePoint,
    MetricDefined,
    Pane,
    PaneTrace,
    TextPoint,
    VideoPoint,
)
from crossboard.store.source import Batch
from crossboard.wiring import sources_for

GOLDEN = Path(__file__).parent / "golden"


real = import_module("real_visdom")


panes = import_module("visdom_panes")
nulled, read_one, records_of, panes_of = panes.nulled, panes.read_one, panes.records_of, panes.panes_of


def env(panes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An environment of `panes`, window -> what is special of it."""
    jsons = {
        window: {"command": "window", "id": window, "title": "", "inflate": True, "width": None, "height": None, "i": place, **pane}
        for place, (window, pane) in enumerate(panes.items())
    }
    return {"jsons": jsons, "reload": {}, **more}


def curve(*y: Any, x: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    """A pane of one line."""
    trace = {"type": "scatter", "name": "1", "x": list(range(len(y))) if x is None else x, "y": list(y)}
    return {"type": "plot", "content": {"data": [trace], "layout": {}}, **more}


def write(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


# ---------------------------------------------------------------------------------------------------- JSON texts

texts = st.text(max_size=8)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)


@given(jsons, st.sampled_from([None, 1]), st.booleans())
def test_the_parts_of_a_json_text_lie_where_they_are_found(value: Any, indent: int | None, ascii_only: bool) -> None:
    data = json.dumps({"before": [1], "value": value}, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    span = dict(members(data, 0))["value"]
    assert repr(decode(data[span.begin : span.end])) == repr(value)
    if isinstance(value, dict):
        assert {key: repr(decode(data[one.begin : one.end])) for key, one in members(data, span.begin)} == {
            key: repr(one) for key, one in value.items()
        }
    if isinstance(value, list):
        assert [repr(decode(data[one.begin : one.end])) for one in items(data, span.begin)] == [repr(one) for one in value]


@given(st.dictionaries(texts, jsons, max_size=3), st.data())
def test_a_text_that_is_cut_anywhere_is_cut_and_nothing_else(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value).encode()
    keep = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(Cut):
        end_of(text[:keep], 0)


@given(st.binary(max_size=60) | st.text('{}[]",:\\ 1aN', max_size=40).map(str.encode))
def test_any_bytes_are_json_or_are_said_not_to_be(data: bytes) -> None:
    text = open_env(data)
    assert text.damage is None or 0 <= text.damage.offset <= len(data)
    said = len(data)
    try:
        span = end_of(data, begin_of(data, 0))
        decode(data[:span])
    except NotJson as error:
        said = error.offset
    assert 0 <= said <= len(data)


def test_tokens_that_python_writes_and_json_has_not_are_read() -> None:
    assert repr(decode(b"[NaN, Infinity, -Infinity, null, 1e400]")) == "[nan, inf, -inf, None, inf]"


def test_a_text_that_is_too_deep_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(NotJson, match=f"more than {MOST_DEPTH} deep"):
        end_of(b"[" * 1_000_000, 0)


# -------------------------------------------------------------------------------------------------- taking apart

numbers = st.none() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_infinity=False)
traces = st.one_of(
    st.integers(1, 6).flatmap(
        lambda n: st.fixed_dictionaries(
            {"x": st.lists(numbers, min_size=n, max_size=n), "y": st.lists(numbers, min_size=n, max_size=n)},
            optional={"name": st.sampled_from(["1", "a", "b", "a x"]), "type": st.sampled_from(["scatter", "scattergl", "bar"])},
        )
    ),
    st.fixed_dictionaries({"x": st.lists(texts | numbers, max_size=3), "y": st.lists(numbers, max_size=3)}, optional={"z": st.just([1])}),
    st.fixed_dictionaries({"type": st.just("heatmap"), "z": st.lists(st.lists(st.integers(), max_size=2), max_size=2)}),
)
plots = st.lists(st.tuples(st.sampled_from(["", "loss", "loss/a", "loss x"]), st.lists(traces, max_size=4)), min_size=1, max_size=4)


@settings(deadline=None)
@given(plots)
def test_a_pane_taken_apart_is_put_together_again_and_every_tag_is_one_series(found: list[tuple[str, list[Any]]]) -> None:
    names, again, tags = Names(), Names(), []
    for number, (title, data) in enumerate(found):
        pane = {"id": f"w{number}", "title": title, "type": "plot", "content": {"data": data, "layout": {"a": 1}}}
        parts = split(pane, names)
        series = {one.index: one for one in parts.series}
        assert [one.index for one in parts.traces] == sorted(series)

        def both(trace: PaneTrace, series: Any = series) -> tuple[Any, Any]:
            one = series[trace.index]
            return (one.step if one.x is None else one.x), one.value

        assert nulled(rejoin(parts.content, parts.traces, both)) == nulled(pane["content"])
        tags += [tag for one in parts.series for tag in (one.tag, one.x_tag) if tag]
        assert split(pane, again).traces == parts.traces
        assert split(pane, names).traces == parts.traces
        for one in parts.series:
            kept = parts.content["data"][one.index]
            assert "x" not in kept
            assert "y" not in kept
            assert len(one.step) == len(one.value)
    assert len(tags) == len(set(tags))


@pytest.mark.parametrize(
    ("title", "names", "want"),
    [
        ("loss", ["1"], ["loss"]),
        ("loss", [None], ["loss"]),
        ("loss", ["train"], ["loss/train"]),
        ("loss", ["1", "2"], ["loss/1", "loss/2"]),
        ("loss", ["a", "a"], ["loss/a", "loss/a (2)"]),
        ("", ["1"], ["w"]),
        ("", ["train"], ["w/train"]),
    ],
)
def test_traces_are_named_after_title_and_trace(title: str, names: list[Any], want: list[str]) -> None:
    data = [{"x": [0], "y": [1], **({} if name is None else {"name": name})} for name in names]
    parts = split({"id": "w", "title": title, "type": "plot", "content": {"data": data, "layout": {}}}, Names())
    assert [one.tag for one in parts.traces] == want


def test_a_second_pane_of_a_title_gets_a_number() -> None:
    names = Names()
    tags = [split({**curve(1.0), "id": window, "title": "loss"}, names).traces[0].tag for window in ("a", "b", "c")]
    assert tags == ["loss", "loss (2)", "loss (3)"]


def test_typed_arrays_of_plotly_are_numbers() -> None:
    data = [{"x": {"dtype": "i1", "bdata": "AQID"}, "y": {"dtype": "f8", "bdata": "AAAAAAAA8D8AAAAAAAAAQAAAAAAAAAhA"}}]
    [one] = split({"id": "w", "title": "t", "type": "plot", "content": {"data": data, "layout": {}}}, Names()).series
    assert (one.step.tolist(), one.value.tolist()) == ([1, 2, 3], [1.0, 2.0, 3.0])


# ----------------------------------------------------------------------------------------- what a real Visdom saved


@pytest.fixture(scope="module")
def visdom_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that a real server saved an environment into, as its client drew it; panes.json beside it is what it answered."""
    pytest.importorskip("visdom", reason="visdom is not installed")
    home = tmp_path_factory.mktemp("home")
    folder = home / ".visdom"
    folder.mkdir()
    with real.serve(folder) as port:
        viz = real.client(port)
        real.draw_all(viz)
        viz.save(["main"])
        (home / "panes.json").write_text(json.dumps(real.panes_of(port, "main")))
    return folder


def test_every_pane_that_a_real_server_saved_is_read_as_it_stands(visdom_root: Path) -> None:
    source, run, batch = read_one(visdom_root)
    assert (run.project, run.id, run.name, batch.problems) == ("visdom", "main", "main", [])
    want = json.loads((visdom_root.parent / "panes.json").read_text())
    got = panes_of(source, run, batch)
    assert list(got) == list(want)
    for window, pane in want.items():
        assert got[window] == nulled(pane), window


def test_every_kind_of_pane_is_also_points_of_its_kind(visdom_root: Path) -> None:
    source, run, batch = read_one(visdom_root)
    tags = {(type(placed.record).__name__, getattr(placed.record, "tag", "")) for placed in batch.records}
    assert {
        ("ImagePoint", "picture"),
        ("ImagePoint", "samples"),
        ("TextPoint", "notes"),
        ("AudioPoint", "sound"),
        ("FigurePoint", "svg"),
        ("FigurePoint", "bars"),
        ("FigurePoint", "heat"),
        ("GraphPoint", "network"),
        ("EmbeddingPoint", "features"),
    } <= tags
    pictures = [one for one in records_of(batch, ImagePoint) if one.tag == "samples"]
    assert [(one.step, one.images[0].caption, one.images[0].width, one.images[0].height) for one in pictures] == [
        (frame, f"frame {frame}", 10, 8) for frame in range(3)
    ]
    assert len({source.blob(run, one.images[0].blob) for one in pictures}) == 3
    [jpeg] = [one.images[0] for one in records_of(batch, ImagePoint) if one.tag == "jpeg"]
    assert (jpeg.blob.media_type, jpeg.width, jpeg.height, source.blob(run, jpeg.blob)[:3]) == ("image/jpeg", 10, 8, b"\xff\xd8\xff")
    [sound] = records_of(batch, AudioPoint)
    assert (sound.clips[0].sample_rate, sound.clips[0].frames, sound.clips[0].blob.media_type) == (8000.0, 4000, "audio/wav")
    assert source.blob(run, sound.clips[0].blob)[:4] == b"RIFF"
    [svg] = [one for one in records_of(batch, FigurePoint) if one.tag == "svg"]
    assert source.blob(run, svg.blob) == b'<svg height="4" width="4"><circle cx="2" cy="2" r="1"/></svg>'
    [text] = records_of(batch, TextPoint)
    assert (text.texts, text.format) == (["<b>bold</b> ünïcode<br>more"], "html")
    [graph] = records_of(batch, GraphPoint)
    assert [(one.name, one.attributes["name"]) for one in graph.operations] == [("in", 0), ("hidden", 1), ("out", 2)]
    assert [(one.source, one.target) for one in graph.edges] == [("in", "hidden"), ("hidden", "out")]
    [features] = records_of(batch, EmbeddingPoint)
    vectors = np.frombuffer(source.blob(run, features.blob), np.float32).reshape(features.rows, features.dimensions)
    assert np.allclose(vectors, [[n / 3, -n] for n in range(6)])
    import pyarrow as pa

    labels = pa.ipc.open_stream(source.blob(run, features.metadata)).read_all()
    assert labels["label"].to_pylist() == [f"digit {n}" for n in range(6)]
    [config] = records_of(batch, ConfigSet)
    assert config.config == {"settings": {"lr": "0.1", "nesterov": True, "optimiser": 1}}


def test_curves_of_a_real_server_are_series_in_the_same_store_as_others(visdom_root: Path) -> None:
    run = cb.open(visdom_root)[0]
    assert run["loss"].step.tolist() == list(range(21))
    assert run["loss"].value[-1] == 0.5
    assert "loss (2)" in run.series()
    assert run["accuracy/val"].step.tolist() == list(range(1, 21))
    assert run["over epochs"].step.tolist() == list(range(20))
    assert np.allclose(run["over epochs x"].value, np.arange(20) / 7)
    value = run["not finite"].value
    assert (value[0], math.isnan(value[1]), value[2], len(value)) == (1.0, True, 3.0, 4)


def test_an_own_clock_is_the_x_axis_of_its_trace(tmp_path: Path) -> None:
    write(tmp_path / "main.json", env({"w": curve(3, 4, x=[0.5, 1.5], title="loss")}))
    _, _, batch = read_one(tmp_path)
    assert [(one.tag, one.x) for one in records_of(batch, MetricDefined)] == [("loss", "loss x")]
    assert [one.traces for one in records_of(batch, Pane)] == [[PaneTrace(0, "loss", 0, "loss x")]]


# --------------------------------------------------------------------------------------------------- Visdom 0.3.0


def test_what_visdom_0_3_0_saved_is_read_as_it_answered() -> None:
    """Versions, comments, captions, histories of plots, an experiment, nulls for NaN, and the hashed name of a long one."""
    root = GOLDEN / "visdom_0.3.0"
    source = VisdomSource(root)
    runs = {run.id: run for run in source.scan()}
    long_name = "long-" + "x" * 300
    assert set(runs) == {"main", "sweep_1", long_name}
    assert os.path.basename(runs[long_name].path).startswith("hash_")
    for name, run in runs.items():
        batch = source.read(run, None)
        want = json.loads((root / "answers" / f"{name[:8]}.answer").read_text())
        assert batch.problems == []
        assert panes_of(source, run, batch) == want, name
    batch = source.read(runs["sweep_1"], None)
    assert {(one.tag, tuple(one.points.step.tolist()), tuple(one.points.value.tolist())) for one in batch.strands} >= {
        ("acc", (0, 5), (0.5, 0.75)),
        ("val/loss", (5,), (1.25,)),
    }
    assert min(one.points.wall_time.min() for one in batch.strands if one.tag == "acc") > 1.7e9
    assert records_of(batch, ConfigSet)[0].config == {"lr": 0.1, "net": "small", "deep": True}
    assert [one.status for one in records_of(batch, Ended)] == ["finished"]
    assert [one.tags for one in records_of(batch, Edited)] == [["team: vision"]]
    figures = [one for one in records_of(source.read(runs["main"], None), FigurePoint) if one.tag == "epochs"]
    assert [one.step for one in figures] == [0, 1]
    assert cb.open(root)["sweep_1"].status == "finished"


# -------------------------------------------------------------------------------------------- following and damage


def test_an_environment_that_is_saved_again_is_read_anew_only_when_it_changed(tmp_path: Path) -> None:
    path = write(tmp_path / "main.json", env({"w": curve(1.0, title="loss")}))
    source, run, first = read_one(tmp_path)
    assert not first.restart
    assert source.read(run, first.cursor) == Batch(first.cursor, writers=first.writers)
    os.utime(path, (1.7e9, 1.7e9))
    second = source.read(run, first.cursor)
    assert (second.restart, second.strands, second.records) == (False, [], [])
    write(path, env({"w": curve(1.0, 2.0, title="loss")}))
    third = source.read(run, second.cursor)
    assert third.restart
    assert third.strands[0].points.value.tolist() == [1.0, 2.0]
    assert source.read(run, third.cursor).strands == []
    assert source.read(run, b"no cursor").restart


def test_a_file_that_is_being_written_changes_nothing_until_it_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "main.json", env({"w": curve(1.0, title="loss")}))
    source, run, first = read_one(tmp_path)
    whole = json.dumps(env({"w": curve(1.0, 2.0, title="loss"), "v": curve(5.0, title="acc")})).encode()
    for keep in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:keep])
        [again] = source.scan()
        assert again.token != run.token
        batch = source.read(again, first.cursor)
        assert (batch.cursor, batch.restart, batch.strands, batch.records, batch.problems) == (first.cursor, False, [], [], [])
    assert source.scan()[0].token is None
    path.write_bytes(whole)
    [again] = source.scan()
    batch = source.read(again, first.cursor)
    assert batch.restart
    assert {one.tag for one in batch.strands} == {"loss", "acc"}
    assert source.scan()[0].token is not None


def test_a_file_that_stays_cut_is_damaged_and_shows_what_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "main.json"
    whole = json.dumps(env({"w": curve(1.0, title="loss"), "v": curve(5.0, title="acc")})).encode()
    path.write_bytes(whole[:-60])
    os.utime(path, (1.7e9, 1.7e9))
    _, _, batch = read_one(tmp_path)
    assert [one.tag for one in batch.strands] == ["loss"]
    [problem] = batch.problems
    assert (problem.path, problem.offset) == (str(path), len(whole) - 60)
    assert "the text ends inside" in problem.what


def test_a_damaged_pane_and_a_damaged_file_hide_no_other(tmp_path: Path) -> None:
    text = json.dumps(env({"w": curve(1.0, title="loss"), "v": curve(5.0, 6.0, title="acc"), "u": curve(7.0, title="lr")}))
    at = text.index("5.0, 6.0") + 3
    (tmp_path / "main.json").write_text(text[:at] + ";" + text[at + 1 :])
    (tmp_path / "broken.json").write_text(text[:200] + "}" + text[200:])
    os.utime(tmp_path / "broken.json", (1.7e9, 1.7e9))
    write(tmp_path / "whole.json", env({"w": curve(1.0, title="loss")}))
    source = VisdomSource(tmp_path)
    batches = {run.id: source.read(run, None) for run in source.scan()}
    assert [one.tag for one in batches["main"].strands] == ["loss", "lr"]
    [problem] = batches["main"].problems
    assert (problem.path, problem.offset) == (str(tmp_path / "main.json"), at)
    assert batches["broken"].problems
    assert batches["whole"].problems == []


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_a_changed_byte_never_ends_a_reader(data: st.DataObject) -> None:
    text = bytearray(
        json.dumps(env({"w": curve(1.0, None, title="a"), "v": {"type": "text", "content": "<svg></svg>", "title": "b"}})).encode()
    )
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255))
    parts, found = read_env(bytes(text), path="main.json", name="main.json", wall_time=1.0)
    assert parts.damage is None or found.problems
    for problem in found.problems:
        assert 0 <= problem.offset <= len(text)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["content", "type", "title", "width", "i", "data"]), jsons, max_size=6),
    st.sampled_from(["plot", "text", "image", "image_history", "network", "embeddings", "properties", "plot_history"]),
)
def test_a_pane_of_any_shape_is_read(pane: dict[str, Any], kind: str) -> None:
    value = env({"w": {**pane, "type": kind}, "v": curve(1.0, title="last")})
    _, found = read_env(json.dumps(value).encode(), path="main.json", name="main.json", wall_time=1.0)
    assert found.strands[-1].tag.startswith("last")
    assert found.problems == []
    for record, _ in found.records:
        msgspec.msgpack.encode(record)


def test_an_experiment_of_any_shape_is_read() -> None:
    values: tuple[Any, ...] = (1, [], {"params": 1, "metrics": [1, {"key": 2, "value": "x"}], "tags": None, "created_at": "now"})
    for value in values:
        _, found = read_env(json.dumps(env({}, experiment=value)).encode(), path="p", name="n", wall_time=1.0)
        assert (found.problems, found.strands) == ([], [])


def test_bombs_are_refused_with_a_word_and_hide_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep.json").write_bytes(b'{"jsons": {"w": ' + b'{"a":' * 200_000)
    write(tmp_path / "good.json", env({"w": curve(1.0, title="loss")}))
    monkeypatch.setattr(source_module, "MOST_BYTES", 10_000)
    source = VisdomSource(tmp_path)
    batches = {run.id: source.read(run, None) for run in source.scan()}
    assert "up to 10,000 are read" in batches["deep"].problems[0].what
    monkeypatch.setattr(source_module, "MOST_BYTES", 1 << 30)
    source = VisdomSource(tmp_path)
    batches = {run.id: source.read(run, None) for run in source.scan()}
    assert "nested more than" in batches["deep"].problems[0].what
    assert len(batches["good"].strands) == 1


def test_numbers_beyond_every_format_are_read(tmp_path: Path) -> None:
    panes = env(
        {
            "w": curve(10**400, 1, title="a"),
            "v": curve(1, 2, x=[10**30, 2**60], title="b"),
            "u": {"type": "text", "content": "x", "big": 2**70},
        }
    )
    write(tmp_path / "main.json", panes)
    _, _, batch = read_one(tmp_path)
    assert batch.problems == []
    assert [one.tag for one in batch.strands] == ["b", "b x"]
    for placed in batch.records:
        msgspec.msgpack.encode(placed.record)


# ---------------------------------------------------------------------------------------------------- which files


def test_environments_are_told_by_content_among_other_files(tmp_path: Path) -> None:
    write(tmp_path / "main.json", env({}))
    write(tmp_path / "deeper" / "exp.json", {"reload": {}, "jsons": {}})
    write(tmp_path / "package.json", {"name": "web", "jsons": 1})
    write(tmp_path / "numbers.json", [1, 2])
    write(tmp_path / "jsons.json", {"jsons": []})
    (tmp_path / "empty.json").write_text("")
    write(tmp_path / "view" / "layouts.json", env({}))
    write(tmp_path / ".undo" / "main.json", env({}))
    run = cb.init(dir=tmp_path, project="p", name="native")
    run.log({"loss": 1.0})
    cb.finish()
    found = VisdomSource(tmp_path).scan()
    assert sorted((run.id, run.project) for run in found) == [("exp", "deeper"), ("main", tmp_path.name)]
    assert {one.source for one in (entry.info for entry in cb.open(tmp_path))} == {"native", "visdom"}
    assert [one.id for one in VisdomSource(tmp_path / "main.json").scan()] == ["main"]
    assert VisdomSource(tmp_path / "nothing").scan() == []


def test_an_environment_called_run_is_not_taken_for_a_run_of_ours(tmp_path: Path) -> None:
    write(tmp_path / "run.json", env({"w": curve(1.0, title="loss")}))
    write(tmp_path / "main.json", env({}))
    assert sorted(run.name for run in cb.open(tmp_path)) == ["main", "run"]
    assert {run.info.source for run in cb.open(tmp_path)} == {"visdom"}


def test_a_file_that_becomes_an_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "main.json").write_text("")
    source = VisdomSource(tmp_path)
    assert source.scan() == []
    write(tmp_path / "main.json", env({}))
    assert [one.id for one in source.scan()] == ["main"]
    os.unlink(tmp_path / "main.json")
    assert source.scan() == []


def test_a_folder_of_many_other_files_is_left_alone_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(finding.MANY + 1):
        (tmp_path / f"{number}.json").write_text("[]")
    os.mkfifo(tmp_path / "pipe")
    old = time.time() - 100
    for path in tmp_path.iterdir():
        os.utime(path, (old, old))
    os.utime(tmp_path, (old, old))
    source = VisdomSource(tmp_path)
    assert source.scan() == []
    looked: list[str] = []
    look = finding.Folder._look

    def counted(folder: finding.Folder, path: str) -> finding.VisdomFile | None:
        looked.append(path)
        return look(folder, path)

    monkeypatch.setattr(finding.Folder, "_look", counted)
    assert source.scan() == []
    assert looked == []
    write(tmp_path / "main.json", env({}))
    assert [run.id for run in source.scan()] == ["main"]


def test_each_part_of_a_pane_is_gone_through_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a history of many pictures costs what it has bytes, not their square."""
    frames = [{"src": "data:image/png;base64,iVBORw0KGgo=", "caption": str(number)} for number in range(300)]
    write(tmp_path / "main.json", env({"w": {"type": "image_history", "content": frames}}))
    gone_through: list[int] = []

    def counted(data: bytes, at: int) -> Iterator[Span]:
        gone_through.append(at)
        return items(data, at)

    monkeypatch.setattr(envfile, "items", counted)
    source, run, batch = read_one(tmp_path)
    pictures = records_of(batch, ImagePoint)
    assert [one.images[0].caption for one in pictures] == [str(number) for number in range(300)]
    assert len(gone_through) == 1
    assert source.blob(run, pictures[-1].images[0].blob) == base64.b64decode("iVBORw0KGgo=")


def test_a_text_full_of_openings_is_read_at_once() -> None:
    assert svg_in("<svg" * 500_000) == ""
    assert svg_in("</svg>" * 100_000 + "<svg") == ""
    assert svg_in('a<SVG a="1">b</svg >c') == '<SVG a="1">b</svg >'


def test_a_window_that_the_client_named_tells_when_it_was_made(tmp_path: Path) -> None:
    made = 1_600_000_000.25
    write(tmp_path / "main.json", env({f"window_{int(made * 1e7):x}": curve(1.0)}))
    [run] = VisdomSource(tmp_path).scan()
    assert abs(run.created - made) < 1e-3


def test_reading_writes_nothing_and_blobs_never_lead_out_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "main.json", env({"w": curve(1.0)}))
    write(tmp_path / "secret.json", {"password": 1})
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    source, run, _ = read_one(tmp_path / "main.json")
    for path in ("secret.json", "../secret.json", str(tmp_path / "secret.json"), "/etc/passwd"):
        with pytest.raises(NotFound):
            source.blob(run, Foreign(path, 0, 4, "x/y"))
    for encoding in ("", "base64", "visdom-svg", "visdom-content-0-00000000"):
        with pytest.raises(NotFound):
            source.blob(run, Foreign("main.json", 0, 100_000, "x/y", encoding))
    [pane] = records_of(source.read(run, None), Pane)
    with pytest.raises(Damaged):
        source.blob(run, msgspec.structs.replace(pane.content, encoding=pane.content.encoding.replace("content-0", "svg-0")))
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_a_blob_of_a_file_that_was_written_anew_is_not_taken_for_another(tmp_path: Path) -> None:
    path = write(tmp_path / "main.json", env({"w": curve(1.0)}))
    source, run, batch = read_one(tmp_path)
    [pane] = records_of(batch, Pane)
    write(path, env({"longer": curve(1.0), "w": curve(1.0)}))
    with pytest.raises(NotFound, match="wrote the file anew"):
        source.blob(run, pane.content)
    other = env({"w": curve(1.0)})
    other["jsons"]["w"]["content"]["layout"] = {"a": 1}
    first = env({"w": curve(1.0)})
    first["jsons"]["w"]["content"]["layout"] = {"a": 2}
    found = []
    for value in (first, other):  # as long, at the same place
        write(path, value)
        source, run, batch = read_one(tmp_path)
        found.append(records_of(batch, Pane)[0].content)
    assert found[0].offset == found[1].offset
    assert found[0] != found[1]


def test_a_video_is_recovered_with_its_size(tmp_path: Path) -> None:
    film = Path(__file__).parent / "media_files" / "clip.mp4"
    encoded = base64.b64encode(film.read_bytes()).decode()
    html = f'<video controls ><source type="video/mp4" src="data:video/mp4;base64,{encoded}"></video>'
    write(tmp_path / "main.json", env({"w": {"type": "text", "content": html, "title": "film"}}))
    source, run, batch = read_one(tmp_path)
    [video] = records_of(batch, VideoPoint)
    assert source.blob(run, video.blob) == film.read_bytes()
    assert (video.width, video.height, video.frames, video.fps) == (32, 24, 12, 8.0)


@pytest.mark.parametrize(
    ("html", "kinds"),
    [
        ("<svg></svg>", ["FigurePoint"]),
        ('<?xml version="1.0"?>\n<!DOCTYPE svg>\n<svg></svg>\n', ["FigurePoint"]),
        ("<h1>two</h1><svg></svg>", ["FigurePoint", "TextPoint"]),
        ("<svg></svg> below", ["FigurePoint", "TextPoint"]),
        ("", []),
        ("words", ["TextPoint"]),
        ('<source src="data:video/webm;base64,AAAA"><source src="data:video/mp4;base64,AAAA">', ["VideoPoint", "VideoPoint"]),
        ('<source src="data:audio/ogg;base64,AAAA"><source src="data:audio/wav;base64,AAAA">', ["AudioPoint"]),
        ('<source src="data:audio/nonsense;base64,AAAA">', ["TextPoint"]),
    ],
)
def test_a_text_is_what_is_in_it(tmp_path: Path, html: str, kinds: list[str]) -> None:
    write(tmp_path / "main.json", env({"w": {"type": "text", "content": html, "title": "t"}}))
    source, run, batch = read_one(tmp_path)
    points = [placed.record for placed in batch.records if not isinstance(placed.record, Pane)]
    assert [type(point).__name__ for point in points] == kinds
    for point in points:
        if isinstance(point, (VideoPoint, FigurePoint)):
            assert source.blob(run, point.blob)


def test_a_million_points_are_read_in_seconds_and_zoom(tmp_path: Path) -> None:
    count = 1_000_000
    write(tmp_path / "main.json", env({"w": curve(*range(count), title="long")}))
    run = cb.open(tmp_path)[0]
    series = run.get("long")
    assert len(series) == count
    store = cb.open(tmp_path).store
    [info] = store.series(tag="long", kind=Kind.SCALAR)
    window = store.window(info.key, low=500_000, high=500_100, max_points=1000)
    assert (window.raw, window.total) == (True, 101)
    assert "visdom" in [one.format for one in sources_for([tmp_path])]


def test_found_is_empty_without_panes() -> None:
    _, found = read_env(b'{"jsons": {}, "reload": {}}', path="p", name="n", wall_time=0.0)
    assert found == Found()
