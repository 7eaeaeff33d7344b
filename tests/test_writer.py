"""The journal's writing side: every point that was taken is there, in few bytes, and nothing stands behind the cut."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.filesystem import file_system_type, way_of
from crossboard.store.points import HEADER_SIZE, RECORD_SIZE, PointsHeader, decode_header, decode_records
from crossboard.store.writer import LARGEST, SMALLEST, MappedPoints, PointsFile, growth, open_points

HEADER = PointsHeader("a1r0-test", 1, 0, 1000.0)


def _open(directory: Path, way: str) -> PointsFile:
    return open_points(str(directory), HEADER, way)


def _values(path: str) -> list[float]:
    data = Path(path).read_bytes()
    decoded = decode_records(data[HEADER_SIZE:], first=0)
    assert not len(decoded.torn)
    return [float(value) for value in decoded.records["value"]]


@pytest.fixture(params=["mmap", "write"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_was_put_is_in_the_file_at_once(tmp_path: Path, way: str) -> None:
    points = _open(tmp_path, way)
    points.put_all([(1, 0.5), (2, -1.0)], 7, 12.0)
    assert _values(points.path) == [0.5, -1.0]
    header = decode_header(Path(points.path).read_bytes(), path=points.path)
    assert header == HEADER


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3000), max_size=5), st.booleans())
def test_many_points_of_a_tag_are_the_same_as_one_after_the_other(counts: list[int], mapped: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        points = _open(Path(directory), "mmap" if mapped else "write")
        wanted: list[float] = []
        for count in counts:
            values = np.arange(len(wanted), len(wanted) + count, dtype=np.float64)
            points.put_many(1, values, values.astype(np.int64), 1.0)
            points.put(1, -1.0, -1, 1.0)
            wanted += [*values.tolist(), -1.0]
        points.close()
        assert _values(points.path) == wanted
        assert points.dropped == 0


def test_close_cuts_the_file_to_its_last_point(tmp_path: Path, way: str) -> None:
    points = _open(tmp_path, way)
    for step in range(10):
        points.put(1, float(step), step, 0.0)
    assert points.close() == 10
    assert os.path.getsize(points.path) == HEADER_SIZE + 10 * RECORD_SIZE


def test_a_journal_grows_over_many_segments_without_a_gap(tmp_path: Path, way: str) -> None:
    points = _open(tmp_path, way)
    count = 5 * SMALLEST // RECORD_SIZE
    for step in range(count):
        points.put(1, float(step), step, 0.0)
    points.close()
    assert np.array_equal(_values(points.path), np.arange(count, dtype=float))


def test_growth_is_an_eighth_of_the_file_within_its_limits() -> None:
    assert growth(SMALLEST) == SMALLEST
    assert growth(16 << 20) == 2 << 20
    assert growth(1 << 30) == LARGEST
    assert all(growth(size) % SMALLEST == 0 for size in range(SMALLEST, 40 << 20, 3 * SMALLEST))


def test_at_100_000_points_the_live_file_takes_at_most_40_bytes_a_point(tmp_path: Path) -> None:
    points = MappedPoints(str(tmp_path / "points-a.cbj"), HEADER)
    for step in range(100_000):
        points.put(1, 0.0, step, 0.0)
        if step % 500 == 0:
            points.prepare()
    assert os.stat(points.path).st_blocks * 512 <= 40 * 100_000


def test_threads_share_a_journal_and_lose_nothing(tmp_path: Path, way: str) -> None:
    points = _open(tmp_path, way)
    each = 20_000 if way == "mmap" else 2_000

    def work(number: int) -> None:
        for step in range(each):
            points.put(number + 1, float(step), step, 0.0)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        points.prepare()
    for thread in threads:
        thread.join()
    points.close()
    records = decode_records(Path(points.path).read_bytes()[HEADER_SIZE:], first=0).records
    for number in range(4):
        assert np.array_equal(records["value"][records["tag"] == number + 1], np.arange(each, dtype=float))


def test_a_closed_journal_keeps_nothing_and_counts_it(tmp_path: Path, way: str) -> None:
    points = _open(tmp_path, way)
    points.put(1, 1.0, 0, 0.0)
    points.close()
    points.put(1, 2.0, 1, 0.0)
    assert points.dropped == 1
    assert _values(points.path) == [1.0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.floats(), st.integers(-(2**63), 2**63 - 1)), max_size=60))
def test_any_steps_and_values_come_back_as_they_were(tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[int, float, int]]) -> None:
    for way in ("mmap", "write"):
        points = _open(tmp_path_factory.mktemp("points"), way)
        for tag, value, step in calls:
            points.put(tag, value, step, 5.0)
        points.close()
        records = decode_records(Path(points.path).read_bytes()[HEADER_SIZE:], first=0).records
        assert records["step"].tolist() == [step for _, _, step in calls]
        assert np.array_equal(records["value"], np.array([value for _, value, _ in calls]), equal_nan=True)
        assert records["tag"].tolist() == [tag for tag, _, _ in calls]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of 256 KiB: a disk that is full for real."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {made.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False)


def test_a_full_disk_drops_and_counts_and_goes_on_when_there_is_room_again(
    small_disk: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossboard.store.writer.RETRY_S", 0.0)
    ballast = small_disk / "ballast"
    points = _open(small_disk, way)
    ballast.write_bytes(bytes(100 << 10))
    total = 10_000
    for step in range(total):
        points.put(1, float(step), step, 0.0)
    assert points.full
    assert points.dropped > 0
    header = decode_header(Path(points.path).read_bytes(), path=points.path)
    assert header is not None
    assert header.dropped == points.dropped, "readers see how many points are missing"
    kept = len(_values(points.path))
    assert kept + points.dropped == total
    ballast.unlink()
    for step in range(total, total + 10):
        points.put(1, float(step), step, 0.0)
    assert not points.full
    assert _values(points.path)[-10:] == [float(step) for step in range(total, total + 10)]


def test_the_way_is_chosen_by_the_type_of_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSSBOARD_JOURNAL", raising=False)
    chosen: Callable[[str], str] = lambda path: way_of(path)[0]  # noqa: E731
    if os.path.exists("/proc/self"):
        assert file_system_type("/proc") == 0x9FA0
        assert chosen("/proc") == "write", "proc is not on the list, though nothing was tried"
    for kind, way, network in ((0xEF53, "mmap", False), (0x65735546, "write", True), (0x6969, "write", True), (0x9123683E, "write", False)):
        monkeypatch.setattr("crossboard.store.filesystem.file_system_type", lambda _path, kind=kind: kind)
        assert way_of(str(tmp_path)) == (way, network)
    monkeypatch.setenv("CROSSBOARD_JOURNAL", "mmap")
    assert chosen(str(tmp_path)) == "mmap"
