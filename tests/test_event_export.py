"""Round trips: crossboard -> TensorBoard -> crossboard gives back what the format can hold, and says what it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.cli import main
from crossboard.event_export import export_events
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import CrossboardError
from crossboard.store.kinds import Kind
from crossboard.store.records import HistogramPoint, ImagePoint, TextPoint
from crossboard.store.store import Store
from crossboard.wiring import sources_for


def store_over(path: Path) -> Store:
    store = EmbeddedStore(sources_for([path]), memory=True)
    store.refresh()
    return store


def make_runs(root: Path) -> None:
    for seed in range(2):
        with cb.init(
            dir=root, project="digits", name=f"s{seed}", id=f"run{seed}", config={"lr": 0.1 * (seed + 1), "net": {"width": 8}}
        ) as run:
            for step in range(20):
                run.log({"loss": 1 / (step + 1), "odd": [float("nan"), float("inf"), 0.5][step % 3]}, step=step)
            run.log({"weights": cb.Histogram(np.arange(100.0)), "note": cb.Text("**hello**")}, step=3)
            run.log({"picture": cb.Image(np.full((4, 6, 3), 200, np.uint8))}, step=4)
            run.log({"table": cb.Table({"a": [1, 2]})}, step=5)


def test_scalars_histograms_images_texts_and_configs_come_back(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs")
    store = store_over(tmp_path / "runs")
    report = export_events(store, tmp_path / "logs")
    assert (report.runs, report.points) == (2, 2 * 44)
    assert report.left_out == {"tables": 2} or sum(report.left_out.values()) == 2
    assert report.rounded > 0
    assert "rounded to float32" in str(report)
    again = {run.name.rpartition("/")[2]: run for run in cb.open(tmp_path / "logs") if run.series()}
    assert again.keys() == {"run0", "run1"}
    for seed in range(2):
        run, old = again[f"run{seed}"], cb.open(tmp_path / "runs")[f"run{seed}"]
        assert run["loss"].step.tolist() == old["loss"].step.tolist()
        assert run["loss"].wall_time.tolist() == old["loss"].wall_time.tolist()
        assert np.array_equal(run["loss"].value, old["loss"].value.astype(np.float32))
        assert np.array_equal(run["odd"].value, old["odd"].value, equal_nan=True)
        assert run.config == {"lr": 0.1 * (seed + 1), "net.width": 8}
        assert run.status == "finished"
    reread = store_over(tmp_path / "logs")
    key = again["run0"].key
    (histogram,) = reread.records(key, Kind.HISTOGRAM)
    assert isinstance(histogram.record, HistogramPoint)
    assert sum(histogram.record.counts) == 100
    (text,) = reread.records(key, Kind.TEXT)
    assert isinstance(text.record, TextPoint)
    assert text.record.texts == ["**hello**"]
    (picture,) = reread.records(key, Kind.IMAGE)
    first_key = cb.open(tmp_path / "runs")["run0"].key
    (first,) = store.records(first_key, Kind.IMAGE)
    assert isinstance(first.record, ImagePoint)
    assert isinstance(picture.record, ImagePoint)
    assert reread.blob(key, picture.record.images[0].blob) == store.blob(first_key, first.record.images[0].blob)


def test_attempts_come_back_as_attempts(tmp_path: Path) -> None:
    for begin in (0, 5, 8):
        with cb.init(dir=tmp_path / "runs", id="r", resume="r" if begin else None) as run:
            for step in range(begin, 10):
                run.log({"a": float(begin)}, step=step)
    export_events(store_over(tmp_path / "runs"), tmp_path / "logs")
    (again,) = cb.open(tmp_path / "logs")
    assert again["a"].value.tolist() == [0.0] * 5 + [5.0] * 3 + [8.0] * 2
    assert len(again["a"].all_attempts()) == 17
    assert again.info.attempts == 3


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(width=32)), min_size=1, max_size=40))
@settings(deadline=None, max_examples=25)
def test_any_float32_at_any_step_comes_back(tmp_path_factory: pytest.TempPathFactory, points: list[tuple[int, float]]) -> None:
    root = tmp_path_factory.mktemp("trip")
    with cb.init(dir=root / "runs") as run:
        for step, value in points:
            run.log({"a": value}, step=step)
    report = export_events(store_over(root / "runs"), root / "logs")
    assert report.rounded == 0
    (again,) = cb.open(root / "logs")
    assert repr(list(zip(again["a"].step.tolist(), again["a"].value.tolist(), strict=True))) == repr(points)


def test_runs_and_tags_are_chosen_and_a_full_directory_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_runs(tmp_path / "runs")
    words = ["export", str(tmp_path / "runs"), "--format", "tensorboard", "--output", str(tmp_path / "logs")]
    assert main([*words, "--runs", "lr < 0.15", "--tags", "^loss$"]) == 0
    assert "20 points of 1 series in 1 runs" in capsys.readouterr().err
    assert main(words) == 2
    assert "want a directory that is empty" in capsys.readouterr().err
    with pytest.raises(CrossboardError):
        export_events(store_over(tmp_path / "runs"), tmp_path / "logs")


@pytest.mark.tensorflow
def test_tensorboard_finds_one_experiment_over_all_runs(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.util import tensor_util

    make_runs(tmp_path / "runs")
    export_events(store_over(tmp_path / "runs"), tmp_path / "logs")
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(tmp_path / "logs"))
    multiplexer.Reload()
    found = multiplexer.PluginRunToTagToContent("hparams")
    content = {
        run: multiplexer.SummaryMetadata(run, tag).plugin_data.content for run, tags in found.items() for tag in tags if "experiment" in tag
    }
    assert list(content) == ["."]
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content["."]).experiment
    assert [info.name for info in experiment.hparam_infos] == ["lr", "net.width"]
    assert [info.name.tag for info in experiment.metric_infos] == ["loss", "odd"]
    events = multiplexer.Tensors(os.path.join("digits", "run1"), "loss")
    assert [float(tensor_util.make_ndarray(event.tensor_proto)) for event in events][:2] == [1.0, 0.5]


def test_a_run_may_be_mirrored_while_it_trains(tmp_path: Path) -> None:
    with cb.init(dir=tmp_path / "runs", mirror="tensorboard") as run:
        run.log({"a": 0.5, "note": cb.Text("x")}, step=7)
    (file,) = [path for path in Path(run.dir).iterdir() if "tfevents" in path.name]
    (tmp_path / "logs").mkdir()
    file.rename(tmp_path / "logs" / file.name)
    (again,) = cb.open(tmp_path / "logs")
    assert (again["a"].step.tolist(), again["a"].value.tolist()) == ([7], [0.5])


def test_an_unknown_mirror_is_said_and_the_run_goes_on(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="mirror: want one of tensorboard, got 'nosuch'"), cb.init(dir=tmp_path, mirror="nosuch") as run:
        run.log({"a": 1.0})
    assert len(cb.open(tmp_path)[0]["a"]) == 1
