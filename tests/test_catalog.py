"""The cache is never the truth: it can be there, old, damaged, shared, read-only or gone, and nothing is lost or doubled."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossboard.store.catalog import cache_root
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Kind, Points, Problem, SeriesKey
from crossboard.store.records import ConfigSet, TextPoint
from crossboard.store.source import Batch, FoundRun, Placed, Strand

_spec = importlib.util.spec_from_file_location("list_source", Path(__file__).parent / "conformance" / "list_source.py")
assert _spec is not None
assert _spec.loader is not None
lists = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(lists)

LOSS = SeriesKey("test:a", "loss")
SHORT = SeriesKey("test:a", "short")


def found(name: str = "a", created: float = 100.0) -> FoundRun:
    return FoundRun(f"test:{name}", f"/lists/{name}", "demo", name, name, created)


def batch(first: int, count: int, *, records: list[Placed] | None = None) -> Batch:
    step = np.arange(first, first + count)
    points = Points(step, 100.0 + step.astype(np.float64), np.sin(step))
    strands = [Strand("loss", 0, 1, "w", points), Strand("short", 0, 1, "w", points[:3])]
    return Batch(b"", strands, records or [], [Problem("f", first, "odd")])


def source(*batches: Batch) -> Any:
    made = lists.ListSource()
    for one in batches or (batch(0, 5000),):
        made.put(found(), one)
    return made


def opened(made: Any, cache: Path, *, read: bool = True) -> EmbeddedStore:
    store = EmbeddedStore([made], cache=cache)
    if read:
        store.refresh()
    return store


def told(store: EmbeddedStore) -> list[Any]:
    """All that a store answers about run a, to compare by ==."""
    curve = store.overview(LOSS, max_buckets=100)
    return [
        [(run.key, run.config, run.problems, run.name) for run in store.runs()],
        [(one.key, one.count, one.last, one.min, one.attempts) for one in store.series()],
        store.points(LOSS).value.tolist(),
        store.points(SHORT).step.tolist(),
        curve.x.tolist(),
        store.window(LOSS, low=100, high=200).y.tolist(),
        store.metrics("test:a"),
        [placed.record for placed in store.records("test:a", Kind.TEXT)],
    ]


def records() -> list[Placed]:
    text = TextPoint(tag="note", step=1, wall_time=1.0, texts=["hello"])
    config = ConfigSet(wall_time=1.0, config={"lr": 0.1})
    return [Placed(text, "w", 1, 0, "f", 7), Placed(config, "w", 1, 0, "f", 9)]


def test_a_second_start_shows_what_the_first_one_read_without_reading(tmp_path: Path) -> None:
    made = source(batch(0, 5000, records=records()))
    first = opened(made, tmp_path)
    want = told(first)
    first.close()
    reads = made.reads
    second = opened(made, tmp_path, read=False)
    assert told(second) == want
    assert made.reads == reads
    second.refresh()
    assert told(second) == want
    second.close()


def test_a_second_start_goes_on_where_the_first_one_stopped(tmp_path: Path) -> None:
    made = source(batch(0, 5000, records=records()))
    opened(made, tmp_path).close()
    made.put(found(), batch(5000, 700, records=records()))
    second = opened(made, tmp_path)
    assert second.points(LOSS).step.tolist() == list(range(5700))
    texts = second.records("test:a", Kind.TEXT)
    assert len(texts) == 2  # one from the catalog, one that came since
    assert [second.records("test:a", Kind.TEXT, skip=skip) for skip in (1, 2, 3)] == [texts[1:], [], []]
    second.close()
    third = opened(made, tmp_path, read=False)
    assert third.points(LOSS).step.tolist() == list(range(5700))
    assert [one.count for one in third.series(kind=Kind.TEXT)] == [2]
    assert told(third) == told(EmbeddedStoreInMemory(made))
    third.close()


def EmbeddedStoreInMemory(made: Any) -> EmbeddedStore:  # noqa: N802 - stands for the class
    store = EmbeddedStore([made], memory=True)
    store.refresh()
    return store


def test_deleting_the_cache_loses_nothing(tmp_path: Path) -> None:
    made = source()
    store = opened(made, tmp_path)
    want = told(store)
    store.close()
    shutil.rmtree(tmp_path)
    again = opened(made, tmp_path)
    assert told(again) == want
    assert again.cache_note == ""
    again.close()


@pytest.mark.parametrize("ask", ["refresh", "points", "window"])
def test_a_cache_that_is_deleted_while_the_board_runs_is_done_without(tmp_path: Path, ask: str) -> None:
    made = source()
    store = opened(made, tmp_path)
    shutil.rmtree(tmp_path)
    if ask == "refresh":
        made.put(found(), batch(5000, 100))
        store.refresh()
        assert len(store.points(LOSS)) == 5100
    elif ask == "points":
        assert len(store.points(LOSS)) == 5000
    else:
        assert store.window(LOSS, low=10, high=19).total == 10
    assert "given up" in store.cache_note
    assert told(store) == told(EmbeddedStoreInMemory(made))
    store.close()


def not_a_directory(tmp_path: Path) -> Path:
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "cache"


def read_only(tmp_path: Path) -> Path:
    """A directory that even root cannot write into."""
    return Path("/proc/self/fdinfo")


@pytest.mark.parametrize("place", [not_a_directory, read_only])
def test_without_a_place_for_the_cache_the_board_works_in_memory(tmp_path: Path, place: Callable[[Path], Path]) -> None:
    made = source()
    store = opened(made, place(tmp_path))
    assert store.cache_note.startswith("no cache")
    assert told(store) == told(EmbeddedStoreInMemory(made))
    store.close()


def test_two_boards_on_one_root_do_not_disturb_each_other(tmp_path: Path) -> None:
    made = source()
    first = opened(made, tmp_path)
    second = opened(made, tmp_path)
    assert first.cache_note == ""
    assert second.cache_note.startswith("no cache")
    made.put(found(), batch(5000, 100))
    second.refresh()
    first.refresh()
    assert told(first) == told(second) == told(EmbeddedStoreInMemory(made))
    second.close()
    made.put(found(), batch(5100, 100))
    first.refresh()
    assert len(first.points(LOSS)) == 5200
    first.close()
    third = opened(made, tmp_path, read=False)
    assert third.cache_note == ""
    assert len(third.points(LOSS)) == 5200
    third.close()


def database(cache: Path) -> Path:
    (path,) = cache.glob("*/catalog.sqlite")
    return path


def other_version(cache: Path) -> None:
    with sqlite3.connect(database(cache)) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE name = 'version'")
    connection.close()


def not_sqlite(cache: Path) -> None:
    database(cache).write_bytes(b"this is no database" * 1000)


def cut_in_half(cache: Path) -> None:
    path = database(cache)
    os.truncate(path, path.stat().st_size // 2)


def no_overviews(cache: Path) -> None:
    with sqlite3.connect(database(cache)) as connection:
        connection.execute("DELETE FROM overviews")
    connection.close()


def other_rows(cache: Path) -> None:
    with sqlite3.connect(database(cache)) as connection:
        connection.execute("UPDATE runs SET data = x'00'")
    connection.close()


def short_columns(cache: Path) -> None:
    for path in cache.glob("*/columns/*.col"):
        os.truncate(path, 240)


def no_columns(cache: Path) -> None:
    for path in cache.glob("*/columns/*.col"):
        path.unlink()


def power_cut(cache: Path) -> None:
    """Not closed in order, and the machine has booted since: what reached the disk is not known."""
    with sqlite3.connect(database(cache)) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE name = 'clean'")
        connection.execute("UPDATE meta SET value = 'another boot' WHERE name = 'boot'")
    connection.close()
    for path in cache.glob("*/columns/*.col"):
        path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize(
    "harm",
    [other_version, not_sqlite, cut_in_half, no_overviews, other_rows, short_columns, no_columns, power_cut],
)
def test_a_cache_that_cannot_be_trusted_is_rebuilt(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    made = source(batch(0, 5000, records=records()))
    store = opened(made, tmp_path)
    want = told(store)
    store.close()
    harm(tmp_path)
    again = opened(made, tmp_path)
    assert told(again) == want
    again.close()
    third = opened(made, tmp_path)
    assert told(third) == want
    assert third.cache_note == ""
    third.close()


def test_a_board_that_dies_between_checkpoints_neither_loses_nor_doubles_a_point(tmp_path: Path) -> None:
    """A real process that ends with os._exit: its columns are longer than its catalog says."""
    made = source()
    child = os.fork()
    if child == 0:
        try:
            store = opened(made, tmp_path)
            store._keeper.checkpoint(store._lock)
            made.put(found(), batch(5000, 3000))
            store.refresh()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    made.put(found(), batch(5000, 3000))
    made.put(found(), batch(8000, 50))
    (column,) = tmp_path.glob("*/columns/*.col")
    assert column.stat().st_size == 8000 * 24
    store = opened(made, tmp_path, read=False)
    assert len(store.points(LOSS)) == 5000
    store.refresh()
    assert store.points(LOSS).step.tolist() == list(range(8050))
    assert told(store) == told(EmbeddedStoreInMemory(made))
    store.close()


def test_a_restart_leaves_nothing_of_the_old_run_in_the_cache(tmp_path: Path) -> None:
    made = source()
    store = opened(made, tmp_path)
    store._keeper.checkpoint(store._lock)
    anew = batch(0, 3000)
    made.put(found(), Batch(b"", anew.strands[:1], restart=True))
    store.refresh()
    store.close()
    again = opened(made, tmp_path, read=False)
    assert [(one.key, one.count) for one in again.series()] == [(LOSS, 3000)]
    again.close()
    assert len(list(tmp_path.glob("*/columns/*.col"))) == 1


def test_a_run_that_was_deleted_goes_from_the_board_and_the_cache(tmp_path: Path) -> None:
    made = source()
    made.put(found("b"), batch(0, 10))
    store = opened(made, tmp_path)
    store._keeper.checkpoint(store._lock)
    version = store.version
    del made.runs["test:a"]
    store.refresh()
    assert [run.id for run in store.runs()] == ["b"]
    assert store.changes_since(version).removed == {"test:a"}
    store.close()
    again = opened(made, tmp_path, read=False)
    assert [run.id for run in again.runs()] == ["b"]
    again.close()


def test_another_run_at_the_same_place_is_another_run(tmp_path: Path) -> None:
    made = source()
    store = opened(made, tmp_path)
    made.runs.clear()
    made.put(found(created=999.0), batch(0, 10))
    store.refresh()
    assert len(store.points(LOSS)) == 10
    store.close()


def test_a_source_that_fails_stops_no_other_and_keeps_what_it_gave(tmp_path: Path) -> None:
    broken, good = source(), lists.ListSource("/good")
    store = EmbeddedStore([broken, good], cache=tmp_path)
    store.refresh()
    broken.broken = "stale file handle"
    good.put(found("g"), batch(0, 10))
    store.refresh()
    assert {run.id for run in store.runs()} == {"a", "g"}
    assert [info.error for info in store.sources()] == ["stale file handle", ""]
    assert store.progress().errors == ("stale file handle",)
    broken.broken = ""
    store.refresh()
    assert [info.error for info in store.sources()] == ["", ""]
    store.close()


def test_a_run_that_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    made = source()
    made.put(found("b"), batch(0, 10))
    made.broken_runs.add("test:a")
    store = opened(made, tmp_path)
    assert [run.id for run in store.runs()] == ["b"]
    assert store.sources()[0].error == "/lists/a: ValueError: cannot make sense of it"
    made.broken_runs.clear()
    store.refresh()
    assert len(store.points(LOSS)) == 5000
    store.close()


def test_a_run_whose_token_stays_is_not_read_again(tmp_path: Path) -> None:
    made = source()
    store = opened(made, tmp_path)
    reads, version = made.reads, store.version
    for _ in range(3):
        assert store.refresh() == version
    assert made.reads == reads
    store.close()


def test_what_was_only_appended_never_goes_to_the_cache(tmp_path: Path) -> None:
    """No source could give it again."""
    made = lists.ListSource()
    store = opened(made, tmp_path)
    store.append(found(), batch(0, 5000), source="test")
    store.refresh()
    assert len(store.points(LOSS)) == 5000
    store.close()
    assert list(tmp_path.glob("*/columns/*.col")) == []
    assert opened(made, tmp_path).runs() == []


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSBOARD_CACHE", str(tmp_path / "one"))
    assert cache_root() == tmp_path / "one"
    monkeypatch.delenv("CROSSBOARD_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "two"))
    assert cache_root() == tmp_path / "two" / "crossboard"


def test_a_thousand_runs_are_listed_at_once_on_a_second_start(tmp_path: Path) -> None:
    """At once (0.1 s on a quiet machine), since overviews are loaded only when a curve is asked for."""
    made = lists.ListSource()
    step = np.arange(20)
    points = Points(step, 100.0 + step.astype(np.float64), np.sin(step))
    for number in range(1000):
        strands = [Strand(f"tag{tag}", 0, 1, "w", points) for tag in range(5)]
        made.put(found(f"run{number}"), Batch(b"", strands))
    opened(made, tmp_path).close()
    store = opened(made, tmp_path, read=False)
    assert (len(store.runs()), len(store.series())) == (1000, 5000)
    assert [one._overview for run in store._runs.values() for one in run.strands.values()] == [None] * 5000
    store.close()
