"""Makes tests/golden/panes_v1: a root beside root_v1 with what was added to version 1: panes, and a tag id's own attempt.

Run once, when these were added: `python tests/golden/make_panes_v1.py DIRECTORY`. The files it made are kept, so that every later
crossboard is held to reading them. The root has no record of a kind that root_v1 has, but those that every writer needs.

    panes/golden-2/
        run.json
        records-w1.cbr, points-w1.parquet   ended, sealed: a sealed file of version 2, with a column for the attempt
        records-w2.cbr, points-w2.cbj       neither ended nor provably dead
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import numpy as np

from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Points
from crossboard.store.points import RECORD, PointsHeader, check_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import (
    Ended,
    Foreign,
    Inline,
    Opened,
    Pane,
    PaneClosed,
    PaneTrace,
    Record,
    Sealed,
    TagDeclared,
    encode_record,
)
from crossboard.store.rundir import RunFile
from crossboard.store.sealed import SealedStrand, file_crc32c, write_sealed

T0 = 1_750_000_000.0
NODE = ProcessIdentity(host="node1", machine="m1", boot="b1", pid_namespace="pid:[1]", pid=4242, start_ticks=77, user=1000)
LOSS = "training/loss"


def opened(writer: str) -> Record:
    """The first record of a file."""
    return Opened(version=1, writer=writer, attempt=1, rank=0, wall_time=T0, process=NODE)


def panes() -> list[Record]:
    """Every record of panes, every field used once."""
    return [
        TagDeclared(id=1, tag=LOSS),
        TagDeclared(id=2, tag=LOSS, attempt=2),
        TagDeclared(id=3, tag=f"{LOSS} x", attempt=2),
        Pane(
            wall_time=T0 + 1,
            window="window_1",
            type="plot",
            content=Inline(b'{"data":[{"type":"scatter","name":"loss"}],"layout":{}}', "application/json"),
            title="training",
            order=3,
            tag="",
            traces=[PaneTrace(0, LOSS, 2, f"{LOSS} x"), PaneTrace(1, LOSS)],
            width=400,
            height=300.5,
            place={"x": 0, "y": 2, "w": 30, "h": 20, "i": "window_1"},
            options={"inflate": True, "markers": False, "legend": ["loss"]},
        ),
        Pane(
            wall_time=T0 + 2,
            window="window_2",
            type="text",
            content=Foreign("main.json", 40, 12, "application/json", "base64"),
            tag="notes",
        ),
        PaneClosed(wall_time=T0 + 3, window="window_2"),
    ]


def points(first: int, value: float) -> Points:
    """Three points from step `first` on."""
    step = np.arange(first, first + 3)
    return Points(step, (T0 + step).astype(np.float64), np.full(3, value))


STRANDS = [
    SealedStrand(LOSS, points(0, 1.0)),
    SealedStrand(LOSS, points(1, 2.0), 2),
    SealedStrand(f"{LOSS} x", points(1, 0.5), 2),
]


def frames(*records: Record) -> bytes:
    """The bytes of a records file."""
    return b"".join(encode_frame(encode_record(record)) for record in records)


def make_root(root: Path) -> None:
    """Make the whole root in `root`."""
    run = root / "panes" / "golden-2"
    run.mkdir(parents=True)
    identity = RunFile(version=1, id="golden-2", project="panes", name="panes", created=T0)
    (run / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(identity)))
    parquet = run / "points-w1.parquet"
    about = {"journal": "points-w1.cbj", "journal_bytes": "352", "writer": "w1", "attempt": "1", "rank": "0"}
    write_sealed(os.fspath(parquet), STRANDS, about)
    crc, length = file_crc32c(os.fspath(parquet))
    end = Ended(wall_time=T0 + 50, status="finished", points=9)
    seal = Sealed(wall_time=T0 + 51, journal="points-w1.cbj", journal_bytes=352, file=parquet.name, length=length, crc32c=crc, points=9)
    (run / "records-w1.cbr").write_bytes(frames(opened("w1"), *panes(), end, seal))
    rows = [(0, 1.0, 1), (1, 1.5, 1), (1, 2.5, 2)]
    packed = [RECORD.pack(value, step, T0 + slot, check_of(slot, step, tag), tag) for slot, (step, value, tag) in enumerate(rows)]
    (run / "records-w2.cbr").write_bytes(frames(opened("w2"), TagDeclared(id=1, tag="acc"), TagDeclared(id=2, tag="acc", attempt=3)))
    (run / "points-w2.cbj").write_bytes(encode_header(PointsHeader("w2", 1, 0, T0)) + b"".join(packed) + bytes(64))


if __name__ == "__main__":
    make_root(Path(sys.argv[1]))
