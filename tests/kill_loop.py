"""Kill writers again and again, and count what they had been told was kept and is not there.

    python tests/kill_loop.py [KILLS] [PROCESSES]

Each round starts PROCESSES writers of one run (ranks of one launch). Each logs as fast as it can and, after every call that
returned, stores the number of calls in shared memory. At a random moment all are killed (SIGKILL). Then the run is read: every
acknowledged point must be there, once, with its value, in order.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from crossboard.store.native import NativeSource

WRITER = """
import mmap, os, struct, sys
import crossboard as cb
rank, path, root = int(os.environ["RANK"]), sys.argv[1], sys.argv[2]
shared = mmap.mmap(os.open(path, os.O_RDWR), 4096)
run = cb.init(project="p", name="kill", dir=root)
pack, log, calls = struct.pack_into, run.log, 0
while True:
    log({"a": calls * 0.5, "b": -1.0}, step=calls)
    calls += 1
    pack("<q", shared, 8 * rank, calls)
"""


def one_round(root: Path, processes: int, seed: int) -> tuple[int, int]:
    """Kill once; return how many points were acknowledged and how many of them are lost or wrong."""
    board = root / "acknowledged"
    board.write_bytes(bytes(4096))
    job = {"TORCHELASTIC_RUN_ID": f"kill{seed}", "CROSSBOARD_SEAL": "0"}
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(board), str(root / "runs")],
            env={**os.environ, **job, "RANK": str(rank)},
        )
        for rank in range(processes)
    ]
    with board.open("r+b") as file, mmap.mmap(file.fileno(), 4096) as shared:
        while min(np.frombuffer(shared[: 8 * processes], "<q")) == 0:
            assert all(writer.poll() is None for writer in writers), "a writer ended by itself"
            time.sleep(0.002)
        time.sleep(random.Random(seed).uniform(0.0, 0.25))
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
        for writer in writers:
            writer.wait()
        acknowledged = [int(calls) for calls in np.frombuffer(shared[: 8 * processes], "<q")]
    source = NativeSource(root / "runs")
    (run,) = source.scan()
    found: dict[tuple[int, str], list[np.ndarray]] = {}
    cursor, more = None, True
    while more:
        batch = source.read(run, cursor)
        cursor, more = batch.cursor, batch.more
        for strand in batch.strands:
            found.setdefault((strand.rank, strand.tag), []).append(np.stack([strand.points.step, strand.points.value]))
    lost = 0
    for rank, calls in enumerate(acknowledged):
        want = np.arange(calls)
        for tag, value in (("a", want * 0.5), ("b", np.full(calls, -1.0))):
            parts = found.get((rank, tag), [])
            got = np.concatenate(parts, axis=1)[:, :calls] if parts else np.empty((2, 0))
            kept = min(calls, got.shape[1])
            lost += calls - int(((got[0, :kept] == want[:kept]) & (got[1, :kept] == value[:kept])).sum())
    return 2 * sum(acknowledged), lost


def kill_loop(kills: int, processes: int) -> tuple[int, int]:
    """Kill `kills` times; return acknowledged and lost points in all."""
    acknowledged = lost = 0
    for seed in range(kills):
        with tempfile.TemporaryDirectory() as directory:
            said, gone = one_round(Path(directory), processes, seed)
        acknowledged, lost = acknowledged + said, lost + gone
    return acknowledged, lost


if __name__ == "__main__":
    KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    PROCESSES = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    SAID, GONE = kill_loop(KILLS, PROCESSES)
    print(f"{KILLS} kills of {PROCESSES} processes: {SAID:,} points acknowledged, {GONE:,} lost")
    raise SystemExit(int(GONE > 0))
