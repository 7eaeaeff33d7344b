"""A thousand runs smoothed, and under an expression: how long does the board take from the question to the answer?

    python benchmarks/lines.py [--runs 1000] [--points 1000] [--keep DIRECTORY]

A root of `--runs` runs with `--points` points of two tags each, at the same steps within a run, written as real points journals; the
board over it in a process of its own; one request of `/api/curves` at a time, as a card of a thousand runs sends it. "first" is the first
question after a start of the board, "again" the same question for one bucket less, as a card asks that was resized, when the board still
has what it computed. "floor" is the logged curve itself, asked in the same way. Each is timed at the asker, with all bytes of the answer;
medians over `ROUNDS` boards. "processor" is the processor time of the first answer in this process, which other work on the machine does
not lengthen.

There is no bar of its own; DESIGN has: 100 curves of 1M points smoothed, first <= 0.5 s, all <= 5 s (`ingest.py`).
"""

from __future__ import annotations

import time
import urllib.parse
import urllib.request
from pathlib import Path
from statistics import median

import numpy as np
from boards import chosen_root, crossboard_server, table

from crossboard.dashboard.columns import MEDIA_TYPE, unpack
from crossboard.dashboard.curves import chosen, overviews
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.points import RECORD_DTYPE, PointsHeader, checks_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import VERSION, Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file
from crossboard.store.store import Smoothing
from crossboard.wiring import sources_for

TAGS = ("train/loss", "val/loss")
EXPRESSION = "=train/loss - val/loss"
ROUNDS = 3
WRITER = "bench"
BUCKETS = 36
ASKED: dict[str, tuple[str, Smoothing | None]] = {
    "logged (floor)": (TAGS[0], None),
    "EMA 0.6": (TAGS[0], Smoothing("ema", 0.6)),
    "Gaussian, sigma 4": (TAGS[0], Smoothing("gaussian", 4)),
    "mean of 25": (TAGS[0], Smoothing("mean", 25)),
    "train - val": (EXPRESSION, None),
    "train - val, EMA 0.6": (EXPRESSION, Smoothing("ema", 0.6)),
}


def make_run(root: Path, number: int, *, points: int) -> None:
    """One finished run: two tags, a decay with noise of its own each, at steps that no other run has."""
    name = f"run{number:04d}"
    directory = root / "bench" / name
    directory.mkdir(parents=True)
    write_run_file(directory, RunFile(version=1, id=name, project="bench", name=name, created=1e9 + number))
    records: list[Record] = [
        Opened(version=VERSION, writer=WRITER, attempt=1, rank=0, wall_time=1e9 + number, process=ProcessIdentity(host="bench")),
        *(TagDeclared(id=place + 1, tag=tag) for place, tag in enumerate(TAGS)),
        Ended(wall_time=2e9, status="finished", points=2 * points),
    ]
    (directory / records_name(WRITER)).write_bytes(b"".join(encode_frame(encode_record(record)) for record in records))
    index = np.arange(2 * points)
    block = np.zeros(2 * points, RECORD_DTYPE)
    block["step"], block["tag"] = (index // 2) * 7 + number % 7, 1 + index % 2
    block["wall_time"] = 1e9 + number + index * 0.1
    block["value"] = np.exp(-index / points * 2) + np.random.default_rng(number).normal(0, 0.05, 2 * points)
    block["check"] = checks_of(index, block["step"], block["tag"])
    (directory / points_name(WRITER)).write_bytes(encode_header(PointsHeader(WRITER, 1, 0, 1e9)) + block.tobytes())


def ask(url: str, tag: str, smoothing: Smoothing | None, *, buckets: int) -> tuple[float, int]:
    """Seconds until the answer is here, and how many points it has."""
    query = {"tag": tag, "buckets": buckets, **({"smoothing": f"{smoothing.kind}:{smoothing.weight}"} if smoothing else {})}
    request = urllib.request.Request(f"{url}api/curves?{urllib.parse.urlencode(query)}", headers={"Accept": MEDIA_TYPE})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=300) as answer:
        body = answer.read()
    took = time.perf_counter() - begun
    _, curves = unpack(body, "curves", 2)
    return took, sum(len(columns[0]) for columns in curves)


def processor_time(root: Path, tag: str, smoothing: Smoothing | None) -> float:
    """Seconds of processor time from the store to the curves that are sent."""
    store = EmbeddedStore(sources_for([root]), cache=root.with_name(root.name + "-cache"))
    store.refresh()
    series = chosen(store, tags=[tag], runs=())
    begun = time.process_time()
    overviews(store, series, x="step", buckets=BUCKETS, smoothing=smoothing)
    took = time.process_time() - begun
    store.close()
    return took


def measure(root: Path, runs: int) -> list[list[str]]:
    rows = []
    with crossboard_server(root, runs=runs):
        pass  # the catalog is written
    for name, (tag, smoothing) in ASKED.items():
        first, again, points = [], [], 0
        for _ in range(ROUNDS):
            with crossboard_server(root, runs=runs) as url:  # a board of its own, which keeps nothing of the other questions
                took, points = ask(url, tag, smoothing, buckets=BUCKETS)
                first.append(took)
                again.append(ask(url, tag, smoothing, buckets=BUCKETS - 1)[0])
        processor = median(processor_time(root, tag, smoothing) for _ in range(ROUNDS))
        rows.append([name, f"{median(first):.2f} s", f"{max(first):.2f} s", f"{median(again):.2f} s", f"{processor:.2f} s", f"{points:,}"])
    return rows


def main() -> None:
    def make(root: Path, number: int, points: int) -> None:
        make_run(root, number, points=points)

    with chosen_root(__doc__, "lines", points=1000, make=make) as (root, runs, points):
        rows = measure(root, runs)
    print(f"{runs:,} runs x {points:,} points of two tags")
    print(table(["", "first", "slowest", "again", "processor", "points sent"], rows))


if __name__ == "__main__":
    main()
