"""Ten million points in a run: is the warm first screen as fast as with ten thousand, and is a zoom to raw points quick?

    python benchmarks/ten_million.py [--points 10000000] [--tags 5]

Two roots with one run each, written as real points journals, `--tags` tags and in all `--points` points, or 10,000. Each is read once
(that time is printed), the store is closed and opened again, and then, alternating between the two, are measured: the first
screen (open the store, list runs and series, draw every tag's overview with 400 buckets, as a page does), and the zoom (a
window of 1,000 steps somewhere, down to raw points).

Bars: the first screen as fast as with 10,000 points; zoom to raw <= 150 ms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Kind
from crossboard.store.points import RECORD_DTYPE, PointsHeader, checks_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import VERSION, Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file
from crossboard.wiring import sources_for

WRITER = "bench"
SMALL = 10_000
ROUNDS = 7


def make_run(root: Path, *, points: int, tags: int) -> None:
    """One finished run with `points` points dealt over `tags` tags."""
    directory = root / "bench" / "one"
    directory.mkdir(parents=True)
    write_run_file(directory, RunFile(version=1, id="one", project="bench", name="one", created=1e9))
    names = [f"train/metric{number}" for number in range(tags)]
    process = ProcessIdentity(host="bench")
    records: list[Record] = [
        Opened(version=VERSION, writer=WRITER, attempt=1, rank=0, wall_time=1e9, process=process),
        *(TagDeclared(id=number + 1, tag=name) for number, name in enumerate(names)),
        Ended(wall_time=2e9, status="finished", points=points),
    ]
    (directory / records_name(WRITER)).write_bytes(b"".join(encode_frame(encode_record(record)) for record in records))
    rng = np.random.default_rng(0)
    with (directory / points_name(WRITER)).open("wb") as file:
        file.write(encode_header(PointsHeader(WRITER, 1, 0, 1e9)))
        for first in range(0, points, 1_000_000):
            index = np.arange(first, min(first + 1_000_000, points))
            block = np.zeros(len(index), RECORD_DTYPE)
            block["step"], block["tag"] = index // tags, index % tags + 1
            block["wall_time"] = 1e9 + index * 1e-3
            block["value"] = rng.normal(size=len(index)) + 10 / (1 + index * 1e-4)
            block["check"] = checks_of(index, block["step"], block["tag"])
            file.write(block.tobytes())


def first_screen(root: Path, cache: Path) -> float:
    """Seconds from nothing open to every tag's curve."""
    begun = time.perf_counter()
    store = EmbeddedStore(sources_for([root]), cache=cache)
    store.runs()
    for series in store.series(kind=Kind.SCALAR):
        store.overview(series.key, max_buckets=400)
    took = time.perf_counter() - begun
    store.close()
    return took


def zooms(root: Path, cache: Path) -> list[float]:
    """Seconds of one window of 1,000 steps for each tag, at places not looked at before."""
    store = EmbeddedStore(sources_for([root]), cache=cache)
    times = []
    for place, series in enumerate(store.series(kind=Kind.SCALAR)):
        low = (series.last_step - 1000) * (place + 1) / 7
        begun = time.perf_counter()
        curve = store.window(series.key, low=low, high=low + 999, max_points=2000)
        times.append(time.perf_counter() - begun)
        assert curve.raw, "a window of 1,000 steps is raw"
    store.close()
    return times


def half(root: Path, cache: Path) -> float:
    """Seconds of the window that shows the middle half of one tag: the most points a zoom can thin."""
    store = EmbeddedStore(sources_for([root]), cache=cache)
    series = store.series(kind=Kind.SCALAR)[0]
    begun = time.perf_counter()
    store.window(series.key, low=series.last_step / 4, high=series.last_step * 3 / 4, max_points=2000)
    took = time.perf_counter() - begun
    store.close()
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--tags", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        roots = {count: Path(scratch) / str(count) for count in (SMALL, args.points)}
        cache = Path(scratch) / "cache"
        reading = {}
        for count, root in roots.items():
            make_run(root, points=count, tags=args.tags)
            begun = time.perf_counter()
            store = EmbeddedStore(sources_for([root]), cache=cache)
            store.refresh()
            reading[count] = time.perf_counter() - begun
            assert sum(series.count for series in store.series()) == count
            store.close()
        screens: dict[int, list[float]] = {count: [] for count in roots}
        zoomed: dict[int, list[float]] = {count: [] for count in roots}
        halves: dict[int, list[float]] = {count: [] for count in roots}
        for _ in range(ROUNDS):
            for count, root in roots.items():
                screens[count].append(first_screen(root, cache))
                zoomed[count] += zooms(root, cache)
                halves[count].append(half(root, cache))
        print(f"{'points':>12} {'first read':>12} {'first screen':>14} {'zoom to raw':>14} {'slowest zoom':>14} {'half of a tag':>14}")
        for count in roots:
            slowest = max(zoomed[count])
            cells = [statistics.median(screens[count]), statistics.median(zoomed[count]), slowest, statistics.median(halves[count])]
            print(f"{count:>12,} {reading[count]:>10.2f} s " + " ".join(f"{cell * 1e3:>11.1f} ms" for cell in cells))
        ratio = statistics.median(screens[args.points]) / statistics.median(screens[SMALL])
        print(f"first screen: {ratio:.2f} times that of {SMALL:,} points; bar: zoom to raw <= 150 ms: {max(zoomed[args.points]) <= 0.15}")


if __name__ == "__main__":
    main()
