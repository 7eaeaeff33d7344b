"""`cb.open` gives back what was logged, as NumPy, Arrow, pandas and polars."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import crossboard as cb
from crossboard.store.errors import BadQuery, NotFound


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CROSSBOARD_SEAL", "0")
    for number in range(3):
        run = cb.init(project="p", name=f"net-{number}", config={"lr": 10.0**-number, "opt": {"name": "adam"}}, dir=tmp_path)
        for step in range(5):
            run.log({"train/loss": [1.0, math.nan, 0.5, math.inf, number][step], "acc": step / 4}, step=step)
        run.summary["score"] = number
        run.finish()
    return tmp_path


def test_a_run_is_found_by_id_name_and_number(root: Path) -> None:
    runs = cb.open(root)
    assert len(runs) == 3
    assert [run.name for run in runs] == ["net-0", "net-1", "net-2"]
    assert runs[1].id == runs["net-1"].id == runs[runs[1].id].id
    assert [run.name for run in runs[1:]] == ["net-1", "net-2"]
    run = runs["net-2"]
    assert (run.project, run.status, run.config) == ("p", "finished", {"lr": 0.01, "opt": {"name": "adam"}})
    assert run.summary["score"] == 2
    assert run.metrics["acc"].max == 1.0
    assert run.series() == ["acc", "train/loss"]
    assert "acc" in run


def test_a_series_is_arrays_with_every_point_as_it_was_logged(root: Path) -> None:
    series = cb.open(root)["net-2"]["train/loss"]
    assert len(series) == 5
    assert series.step.tolist() == [0, 1, 2, 3, 4]
    assert repr(series.value.tolist()) == repr([1.0, math.nan, 0.5, math.inf, 2.0])
    assert (series.wall_time > 1.6e9).all()
    assert series.all_attempts().step.tolist() == [0, 1, 2, 3, 4]


def test_a_series_goes_to_arrow_pandas_and_polars(root: Path) -> None:
    series = cb.open(root)["net-0"]["acc"]
    arrow = series.to_arrow()
    assert arrow.schema.names == ["step", "wall_time", "value"]
    assert arrow.column("value").to_pylist() == [0, 0.25, 0.5, 0.75, 1]
    pandas = pytest.importorskip("pandas")
    assert series.to_pandas().dtypes.tolist() == [pandas.Series([], dtype=kind).dtype for kind in ("int64", "float64", "float64")]
    pytest.importorskip("polars")
    assert series.to_polars()["step"].to_list() == [0, 1, 2, 3, 4]


def test_find_takes_a_run_query(root: Path) -> None:
    runs = cb.open(root)
    assert [run.name for run in runs.find("lr < 0.5 and opt.name = adam")] == ["net-1", "net-2"]
    assert [run.name for run in runs.find("train/loss >= 1")] == ["net-1", "net-2"]
    with pytest.raises(BadQuery):
        runs.find("lr <")


def test_what_is_not_there_is_named_with_what_is_near(root: Path) -> None:
    runs = cb.open(root)
    with pytest.raises(NotFound, match=r"no run with id or name 'net-9'; nearest: .*net-"):
        runs["net-9"]
    with pytest.raises(NotFound, match=r"no scalar series 'train/los' in run .*; nearest: 'train/loss'"):
        runs["net-1"]["train/los"]
    with pytest.raises(NotFound, match=r"no such path: .*none"):
        cb.open(root / "none")
    with pytest.raises(NotFound, match=r"no rank 5 of 'acc' in run .*; it has \[0\]"):
        runs["net-1"].get("acc", rank=5)


def test_a_name_that_several_runs_have_is_refused_with_their_ids(root: Path) -> None:
    cb.init(project="p", name="net-0", dir=root).finish()
    runs = cb.open(root)
    with pytest.raises(NotFound, match="2 runs are called 'net-0'; choose one by id: "):
        runs["net-0"]


def test_refresh_reads_what_was_logged_since(root: Path) -> None:
    runs = cb.open([root])
    found = runs.find("net-1")
    run = cb.init(project="p", name="new", dir=root)
    run.log({"loss": 1.0})
    runs.refresh()
    found.refresh()
    assert runs["new"]["loss"].value.tolist() == [1.0]
    assert len(found) == 1
    run.finish()


def test_runs_show_themselves_as_a_table(root: Path) -> None:
    lines = repr(cb.open(root)).splitlines()
    assert lines[0].split() == ["id", "name", "project", "status", "started", "(UTC)"]
    assert len(lines) == 4
    assert "net-0" in lines[1]


def test_a_series_of_a_resumed_run_shows_the_newest_attempt_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_SEAL", "0")
    run = cb.init(project="p", dir=tmp_path)
    for step in range(6):
        run.log({"loss": 1.0}, step=step)
    run.finish()
    again = cb.init(project="p", dir=tmp_path, resume=run.id)
    again.log({"loss": 2.0}, step=3)
    again.finish()
    series = cb.open(tmp_path)[0]["loss"]
    assert series.value.tolist() == [1, 1, 1, 2]
    assert series.all_attempts().value.tolist() == [1] * 6 + [2]
