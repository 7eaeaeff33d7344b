"""Sealing and reading: time, bytes a point and memory, for a real training and for ten million points.

    python3 dev.py bench seal

The peer in the same run is Parquet as pyarrow writes it by default (Snappy, dictionaries, no page checksums); the floor of
reading is one pass over the journal's bytes. Bar (DESIGN): sealed <= 10 bytes a point on a real training.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Points
from crossboard.store.native import NativeSource
from crossboard.store.points import RECORD_DTYPE, PointsHeader, checks_of, encode_header
from crossboard.store.process import this_process
from crossboard.store.records import Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, find_runs, points_name, records_name, sealed_name, write_run_file
from crossboard.store.sealed import sealed_table
from crossboard.store.sealing import seal_run

T0 = 1_700_000_000.0
CHUNK = 1_000_000


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def read_run(root: str) -> dict[str, list[Points]]:
    """Every point of the one run at `root`, as a store asks for them."""
    source = NativeSource(root)
    [run] = source.scan()
    found: dict[str, list[Points]] = {}
    cursor, more = None, True
    while more:
        batch = source.read(run, cursor)
        cursor, more = batch.cursor, batch.more
        for strand in batch.strands:
            found.setdefault(strand.tag, []).append(strand.points)
    return found


def row(name: str, points: int, seconds: float, size: int | None = None) -> None:
    room = f"{size:>14,}{size / points:>10.2f}" if size is not None else " " * 24
    print(f"{name:<52}{points:>12,}{seconds:>9.2f}{points / seconds / 1e6:>12.2f}{room}", flush=True)


def make_run(root: str, points: int, tags: int = 5) -> str:
    """A finished run of `points` points: noisy decaying curves, one point of each tag a step, as a training logs them."""
    run_dir = os.path.join(root, "many", "points")
    write_run_file(run_dir, RunFile(version=1, id="points", project="many", name="points", created=T0))
    opened = Opened(version=1, writer="w", attempt=1, rank=0, wall_time=T0, process=this_process())
    ended = Ended(wall_time=T0 + points, status="finished", points=points)
    declared = [TagDeclared(id=number + 1, tag=f"tag{number}") for number in range(tags)]
    records: list[Record] = [opened, *declared, ended]
    frames = b"".join(encode_frame(encode_record(record)) for record in records)
    Path(run_dir, records_name("w")).write_bytes(frames)
    random = np.random.default_rng(0)
    with Path(run_dir, points_name("w")).open("wb") as file:
        file.write(encode_header(PointsHeader("w", 1, 0, T0)))
        for first in range(0, points, CHUNK):
            index = np.arange(first, min(first + CHUNK, points), dtype=np.int64)
            rows = np.zeros(len(index), RECORD_DTYPE)
            rows["step"], rows["tag"] = index // tags, index % tags + 1
            rows["wall_time"] = T0 + index * 1e-3
            rows["value"] = 1 / (1 + index / 1e5) + 0.05 * random.standard_normal(len(index)).astype(np.float32)
            rows["check"] = checks_of(index, rows["step"], rows["tag"])
            file.write(rows.tobytes())
    return run_dir


def measure(name: str, root: str, run_dir: str, writer: str) -> None:
    journal = os.path.join(run_dir, points_name(writer))
    size = os.path.getsize(journal)
    floor, _ = timed(Path(journal).read_bytes)
    took, before = timed(lambda: read_run(root))
    points = sum(len(part) for parts in before.values() for part in parts)
    row(f"{name}: floor, the journal's bytes", points, floor, size)
    row(f"{name}: journal read", points, took)
    joined = [
        (tag, Points(*(np.concatenate([getattr(part, column) for part in parts]) for column in ("step", "wall_time", "value"))))
        for tag, parts in before.items()
    ]
    peer = os.path.join(root, "peer.bin")
    took, _ = timed(lambda: pq.write_table(sealed_table(joined), peer))
    row(f"{name}: peer, Parquet by default", points, took, os.path.getsize(peer))
    os.unlink(peer)
    took, reports = timed(lambda: seal_run(run_dir))
    assert [report.state for report in reports] == ["sealed"], reports
    row(f"{name}: sealed", points, took, os.path.getsize(os.path.join(run_dir, sealed_name(writer))))
    took, after = timed(lambda: read_run(root))
    row(f"{name}: sealed file read, checksum and all", points, took)
    for tag, points_of_tag in joined:
        [same] = after[tag]
        assert same.step.tobytes() == points_of_tag.step.tobytes(), tag
        assert same.value.tobytes() == points_of_tag.value.tobytes(), tag
        assert same.wall_time.tobytes() == points_of_tag.wall_time.tobytes(), tag


def real_training(root: str) -> tuple[str, str]:
    """The training of the benchmark `disk`; returns its run directory and writer."""
    spec = importlib.util.spec_from_file_location("disk", Path(__file__).with_name("disk.py"))
    assert spec is not None
    assert spec.loader is not None
    disk = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(disk)
    disk.train(root)
    [run_dir] = find_runs(root)
    [journal] = Path(run_dir).glob("points-*.cbj")
    return run_dir, journal.name[len("points-") : -len(".cbj")]


def main() -> None:
    os.environ["CROSSBOARD_SEAL"] = "0"
    many = int(float(sys.argv[1])) if len(sys.argv) > 1 else 10_000_000
    print(f"{'':<52}{'points':>12}{'seconds':>9}{'M points/s':>12}{'bytes':>14}{'a point':>10}")
    with tempfile.TemporaryDirectory() as root:
        run_dir, writer = real_training(root)
        measure("training on digits", root, run_dir, writer)
    with tempfile.TemporaryDirectory() as root:
        measure(f"{many:,} points", root, make_run(root, many), "w")
    print(f"most memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
