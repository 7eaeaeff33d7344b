"""How fast a store takes in runs, how long a question waits meanwhile, and what smoothing of long curves costs.

    python benchmarks/ingest.py [--runs 1000] [--curves 100]

Part one: `--runs` runs x 5 tags x 1,000 points as real points journals: the first reading, a refresh with nothing new, the second
start from the cache, and drawing 1,000 curves; while the first reading runs, another thread asks for one curve again and again,
and the longest it waited is printed. The floor beside the first reading: reading the same files' bytes and nothing else.
Part two: `--curves` curves of 1,000,000 points smoothed from a store: bars first <= 0.5 s, all <= 5 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Kind, Points, SeriesKey
from crossboard.store.points import RECORD_DTYPE, PointsHeader, checks_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import VERSION, Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file
from crossboard.store.source import Batch, FoundRun, Strand
from crossboard.store.store import Smoothing
from crossboard.wiring import sources_for

WRITER = "bench"
TAGS = 5
STEPS = 1000


def make_root(root: Path, runs: int) -> None:
    """`runs` finished runs, each TAGS tags x STEPS points."""
    index = np.arange(TAGS * STEPS)
    block = np.zeros(len(index), RECORD_DTYPE)
    block["step"], block["tag"], block["wall_time"] = index // TAGS, index % TAGS + 1, 1e9 + index
    block["check"] = checks_of(index, block["step"], block["tag"])
    rng = np.random.default_rng(0)
    for number in range(runs):
        directory = root / "bench" / f"run-{number:05}"
        directory.mkdir(parents=True)
        write_run_file(directory, RunFile(version=1, id=directory.name, project="bench", name=directory.name, created=1e9 + number))
        process = ProcessIdentity(host="bench")
        records: list[Record] = [
            Opened(version=VERSION, writer=WRITER, attempt=1, rank=0, wall_time=1e9 + number, process=process),
            *(TagDeclared(id=tag + 1, tag=f"metric{tag}") for tag in range(TAGS)),
            Ended(wall_time=2e9, status="finished", points=len(index)),
        ]
        (directory / records_name(WRITER)).write_bytes(b"".join(encode_frame(encode_record(record)) for record in records))
        block["value"] = rng.normal(size=len(index))
        (directory / points_name(WRITER)).write_bytes(encode_header(PointsHeader(WRITER, 1, 0, 1e9)) + block.tobytes())


def draw(store: EmbeddedStore, tag: str) -> float:
    begun = time.perf_counter()
    for series in store.series(tag=tag, kind=Kind.SCALAR):
        store.overview(series.key, max_buckets=100)
    return time.perf_counter() - begun


def many_runs(runs: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root, cache = Path(scratch) / "runs", Path(scratch) / "cache"
        make_root(root, runs)
        begun = time.perf_counter()
        size = sum(len(path.read_bytes()) for path in root.rglob("*") if path.is_file())
        floor = time.perf_counter() - begun
        store = EmbeddedStore(sources_for([root]), cache=cache)
        waits: list[float] = []
        done = threading.Event()

        def ask() -> None:
            while not done.is_set():
                known = store.series(tag="metric0")[:1]
                asked = time.perf_counter()
                for series in known:
                    store.overview(series.key, max_buckets=100)
                    store.metrics(series.key.run)
                waits.append(time.perf_counter() - asked)
                time.sleep(0.005)

        asker = threading.Thread(target=ask)
        asker.start()
        begun = time.perf_counter()
        store.refresh()
        first = time.perf_counter() - begun
        done.set()
        asker.join()
        store.refresh()
        begun = time.perf_counter()
        store.refresh()
        nothing = time.perf_counter() - begun
        store.close()
        begun = time.perf_counter()
        store = EmbeddedStore(sources_for([root]), cache=cache)
        store.runs(), store.series()
        second = time.perf_counter() - begun
        cold, warm = draw(store, "metric1"), draw(store, "metric1")
        store.close()
        rows = [
            (f"read {size / 1e6:.0f} MB of files, nothing else (floor)", floor),
            (f"first reading, {runs:,} runs x {TAGS} tags x {STEPS:,} points", first),
            ("longest wait of a question meanwhile", max(waits, default=0.0)),
            ("refresh with nothing new", nothing),
            ("second start: open, list runs and series", second),
            (f"{runs:,} curves of 100 buckets, overviews from the cache", cold),
            (f"{runs:,} curves of 100 buckets, overviews in memory", warm),
        ]
        for name, took in rows:
            print(f"{name:<62} {took * 1e3:>9.1f} ms")


def smoothing(curves: int) -> None:
    store = EmbeddedStore(memory=True)
    step = np.arange(1_000_000)
    wall = 1e9 + step.astype(np.float64)
    value = np.sin(step / 1e5) + np.random.default_rng(0).normal(size=len(step))
    run = FoundRun("bench:run", "", "bench", "run", "run", 1e9)
    for number in range(curves):
        strand = Strand(f"tag{number:03}", 0, 1, WRITER, Points(step, wall, value + number))
        store.append(run, Batch(b"", [strand]), source="bench")
    kinds = [Smoothing("ema", 0.99), Smoothing("gaussian", 20), Smoothing("gaussian", 300), Smoothing("mean", 101)]
    for kind in kinds:
        times = []
        for number in range(curves):
            begun = time.perf_counter()
            curve = store.overview(SeriesKey(run.key, f"tag{number:03}"), max_buckets=400, smoothing=kind)
            times.append(time.perf_counter() - begun)
            assert curve.total == len(step)
        name = f"{curves} curves of 1,000,000 points, {kind.kind} {kind.weight:g}"
        print(f"{name:<52} first {times[0]:>6.3f} s   slowest {max(times):>6.3f} s   all {sum(times):>6.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--curves", type=int, default=100, help="each takes 24 MB of memory")
    args = parser.parse_args()
    many_runs(args.runs)
    sys.stdout.flush()
    smoothing(args.curves)


if __name__ == "__main__":
    main()
