"""A store over real run directories follows what the real logger writes (issue point 3.2)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossboard.loggers.session import init
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import SeriesKey
from crossboard.wiring import sources_for


@pytest.fixture(autouse=True)
def _no_background(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_SEAL", "0")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedStore]:
    store = EmbeddedStore(sources_for([tmp_path / "runs"]), cache=tmp_path / "cache")
    store.refresh()
    yield store
    store.close()


def start(tmp_path: Path, **options: Any) -> Any:
    return init(project="p", dir=tmp_path / "runs", **options)


def test_a_root_that_is_not_there_yet_is_watched(store: EmbeddedStore, tmp_path: Path) -> None:
    assert store.runs() == []
    run = start(tmp_path, name="first")
    run.log({"loss": 1.0})
    store.refresh()
    assert [one.name for one in store.runs()] == ["first"]
    run.finish()


def test_every_point_whose_call_returned_is_seen_by_the_next_refresh(store: EmbeddedStore, tmp_path: Path) -> None:
    run = start(tmp_path)
    for step in range(300):
        run.log({"loss": step / 2, "acc": float("nan")}, step=step)
        if step % 50 == 0:
            store.refresh()
            key = SeriesKey(store.runs()[0].key, "loss")
            assert store.points(key).step.tolist() == list(range(step + 1))
    assert store.runs()[0].status == "running"
    run.finish()
    store.refresh()
    assert store.runs()[0].status == "finished"
    assert np.isnan(store.points(SeriesKey(store.runs()[0].key, "acc")).value).all()


def test_new_runs_appear_and_deleted_ones_go(store: EmbeddedStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run = start(tmp_path, name=name)
        run.log({"loss": 1.0})
        run.finish()
        store.refresh()
    version = store.version
    gone = next(run for run in store.runs() if run.name == "a")
    shutil.rmtree(gone.path)
    store.refresh()
    assert [run.name for run in store.runs()] == ["b"]
    assert store.changes_since(version).removed == {gone.key}
    assert [one.key.run for one in store.series(tag="loss")] == [store.runs()[0].key]


def test_a_resumed_run_is_one_run_with_two_attempts(store: EmbeddedStore, tmp_path: Path) -> None:
    run = start(tmp_path, name="a")
    for step in range(10):
        run.log({"loss": 1.0}, step=step)
    identity = run.id
    run.finish()
    run = start(tmp_path, resume=identity)
    for step in range(5, 12):
        run.log({"loss": 2.0}, step=step)
    run.finish()
    store.refresh()
    (info,) = store.runs()
    assert info.attempts == 2
    key = SeriesKey(info.key, "loss")
    assert store.points(key).value.tolist() == [1.0] * 5 + [2.0] * 7
    assert len(store.points(key, attempts="all")) == 17


def test_sealing_a_run_that_was_read_changes_nothing(store: EmbeddedStore, tmp_path: Path) -> None:
    from crossboard.store.sealing import seal_run

    run = start(tmp_path)
    for step in range(2000):
        run.log({"loss": float(step)}, step=step)
    run.finish()
    store.refresh()
    (info,) = store.runs()
    key = SeriesKey(info.key, "loss")
    before = store.points(key)
    seal_run(info.path)
    assert list(Path(info.path).glob("*.parquet"))
    for _ in range(2):
        store.refresh()
        assert store.points(key).value.tolist() == before.value.tolist()
    fresh = EmbeddedStore(sources_for([tmp_path / "runs"]), memory=True)
    fresh.refresh()
    assert fresh.points(key).wall_time.tolist() == before.wall_time.tolist()
