"""A thousand runs as bands: how long does the board take from the question to the answer?

    python benchmarks/bands.py [--runs 1000] [--points 10000] [--keep DIRECTORY]

A root of `--runs` runs with `--points` points of one tag each, in ten groups by learning rate, written as real points journals; the board
over it in a process of its own; one request of `/api/groups` at a time, as a card sends it, after the
card has read its thinned curves. "first" is the first question after a start of the board, when scipy is loaded and every point
read from the store; "again" the same question for another window, when
the board still has the groups' values. Each is timed at the asker, with all bytes of the answer; medians and, for "first", the slowest.
"processor" is the processor time of the same work (reading, bringing together, summing up, thinning) in this process, which other
work on the machine does not lengthen; scipy is loaded before.

Bar (issue 9): 1,000 runs x 10,000 points, mean and t interval, in at most 1 s.
"""

from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from statistics import median

import numpy as np
from boards import chosen_root, crossboard_server, table

from crossboard.dashboard.columns import MEDIA_TYPE, unpack
from crossboard.dashboard.groups import COLUMNS, Groups, Wanted
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.points import RECORD_DTYPE, PointsHeader, checks_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import VERSION, ConfigSet, Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file
from crossboard.store.statistics.centres import Statistic
from crossboard.store.statistics.grouping import group_runs
from crossboard.store.statistics.intervals import Kind as Interval
from crossboard.wiring import sources_for

TAG = "train/loss"
ROUNDS = 3
WRITER = "bench"
BAR_S = 1.0
BUCKETS = 160


def make_run(root: Path, number: int, *, points: int, stride: int) -> None:
    """One finished run: a decay with noise of its own, at every step, or at steps of its own when `stride` is more than 1."""
    name = f"run{number:04d}"
    directory = root / "bench" / name
    directory.mkdir(parents=True)
    write_run_file(directory, RunFile(version=1, id=name, project="bench", name=name, created=1e9 + number))
    records: list[Record] = [
        Opened(version=VERSION, writer=WRITER, attempt=1, rank=0, wall_time=1e9 + number, process=ProcessIdentity(host="bench")),
        TagDeclared(id=1, tag=TAG),
        ConfigSet(wall_time=1e9 + number, config={"lr": 10.0 ** -(number % 10), "seed": number // 10}),
        Ended(wall_time=2e9, status="finished", points=points),
    ]
    (directory / records_name(WRITER)).write_bytes(b"".join(encode_frame(encode_record(record)) for record in records))
    index = np.arange(points)
    block = np.zeros(points, RECORD_DTYPE)
    block["step"], block["tag"] = index * stride + number % stride, 1
    block["wall_time"] = 1e9 + number + index * 0.1
    block["value"] = np.exp(-index / points * 4) + np.random.default_rng(number).normal(0, 0.05, points)
    block["check"] = checks_of(index, block["step"], block["tag"])
    (directory / points_name(WRITER)).write_bytes(encode_header(PointsHeader(WRITER, 1, 0, 1e9)) + block.tobytes())


def ask(url: str, question: str) -> tuple[float, int]:
    """Seconds until the answer is here, and how many points it has."""
    request = urllib.request.Request(f"{url}api/groups?tag={TAG}&members=0&buckets={BUCKETS}&{question}", headers={"Accept": MEDIA_TYPE})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        body = answer.read()
    took = time.perf_counter() - begun
    _, groups = unpack(body, "groups", len(COLUMNS))
    return took, sum(len(columns[0]) for columns in groups)


def processor_time(root: Path, by: str, wanted: Wanted) -> float:
    """Seconds of processor time from the store to what is sent."""
    store = EmbeddedStore(sources_for([root]), cache=root.with_name(root.name + "-cache"))
    grouping = group_runs(store.runs(), by)
    for series in store.series(tag=TAG):
        store.overview(series.key, max_buckets=40)
    begun = time.process_time()
    Groups(store).bands([TAG], grouping, wanted, check=lambda: None)
    took = time.process_time() - begun
    store.close()
    return took


def measure(root: Path, runs: int) -> list[list[str]]:
    rows = []
    asked: dict[str, tuple[str, str, Statistic, Interval]] = {
        "all runs, mean, t": ("framework", "step", "mean", "t"),
        "all runs, mean, BCa": ("framework", "step", "mean", "bca"),
        "10 groups, mean, t": ("config:lr", "step", "mean", "t"),
        "10 groups, median, BCa": ("config:lr", "step", "median", "bca"),
        "10 groups over relative time, t": ("config:lr", "relative", "mean", "t"),
    }
    with crossboard_server(root, runs=runs):
        pass  # the catalog is written
    for name, (by, x, statistic, kind) in asked.items():
        question = f"by={by}&at=shared&x={x}&statistic={statistic}&band={kind}"
        first, again, points = [], [], 0
        for _ in range(ROUNDS):
            with crossboard_server(root, runs=runs) as url:  # a board of its own, which keeps nothing of the other questions
                urllib.request.urlopen(f"{url}api/curves?tag={TAG}&buckets=40", timeout=120).read()
                took, points = ask(url, question)
                first.append(took)
                again.append(ask(url, f"{question}&low=-1")[0])
        wanted = Wanted(x, statistic, kind, 0.95, x != "step", "shared", BUCKETS)
        cells = [median(first), max(first), median(again), median([processor_time(root, by, wanted) for _ in range(ROUNDS)])]
        rows.append([name, *(f"{cell:.2f} s" for cell in cells), f"{points:,}"])
    return rows


def main() -> None:
    def make(root: Path, number: int, points: int) -> None:
        make_run(root, number, points=points, stride=1)

    with chosen_root(__doc__, "bands", points=10_000, make=make) as (root, runs, points):
        rows = measure(root, runs)
    print(f"{runs:,} runs x {points:,} points; bar: mean and t interval <= {BAR_S:.0f} s")
    print(table(["", "first", "slowest", "again", "processor", "points sent"], rows))


if __name__ == "__main__":
    main()
