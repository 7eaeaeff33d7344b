"""Makes tests/golden/root_v1: one small root with a record of every kind, as format version 1 has them.

Run once, when version 1 was fixed: `python tests/golden/make_root_v1.py DIRECTORY`. The files it made are kept, so that
every later crossboard is held to reading them. A change of the formats gets a new script and a new root beside this one.

    digits/golden-1/
        run.json, attempt-2.json
        records-a1r0.cbr, points-a1r0.parquet     attempt 1, rank 0: ended, sealed; every kind of record
        records-a2r0.cbr, points-a2r0.cbj         attempt 2, rank 0: ended, not sealed
        records-a2r1.cbr, points-a2r1.cbj         attempt 2, rank 1: neither ended nor provably dead
        records-board.cbr                         edits made on a board
        media/<sha256>.png
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Points
from crossboard.store.points import RECORD, PointsHeader, check_of, encode_header
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import (
    Alert,
    AudioPoint,
    Box,
    Clip,
    ConfigSet,
    ConfusionMatrixPoint,
    ConsoleLines,
    Edited,
    EmbeddingPoint,
    Ended,
    FigurePoint,
    Foreign,
    FrameworksSeen,
    GraphEdge,
    GraphOperation,
    GraphPoint,
    GraphScope,
    HistogramPoint,
    ImagePoint,
    InFile,
    Inline,
    Mask,
    MeshPoint,
    MetricDefined,
    Opened,
    Picture,
    PRCurvePoint,
    Record,
    Sealed,
    SummarySet,
    Surroundings,
    TablePoint,
    TagDeclared,
    TensorPoint,
    TensorShape,
    TextPoint,
    VideoPoint,
    Warned,
    encode_record,
)
from crossboard.store.rundir import AttemptFile, RunFile
from crossboard.store.sealed import file_crc32c, write_sealed

T0 = 1_700_000_000.0
NODE = ProcessIdentity(host="node1", machine="m1", boot="b1", pid_namespace="pid:[1]", pid=4242, start_ticks=77, user=1000)


def png(width: int, height: int) -> bytes:
    """A grey PNG, made by hand so that it does not depend on an encoder's version; stored, not compressed."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + bytes((x * y) % 256 for x in range(width)) for y in range(height))
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), len(rows) ^ 0xFFFF) + rows + struct.pack(">I", zlib.adler32(rows))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", stored) + chunk(b"IEND", b"")


PICTURE = png(80, 60)
SMALL = png(2, 2)
IN_FILE = InFile(hashlib.sha256(PICTURE).hexdigest(), "png", len(PICTURE), "image/png")
INLINE = Inline(SMALL, "image/png")


def opened(writer: str, attempt: int, rank: int, **more: object) -> Record:
    """The first record of a file."""
    first = {"version": 1, "writer": writer, "attempt": attempt, "rank": rank, "wall_time": T0 + 100 * attempt}
    return msgspec.convert({**first, "process": NODE, **more}, Opened)


def every_kind() -> list[Record]:
    """One record of every schema but the seal, which needs the sealed file."""
    at: dict[str, Any] = {"step": 3, "wall_time": T0 + 103.5}
    floats = Inline(struct.pack("<6f", *range(6)), "application/octet-stream")
    return [
        opened(
            "a1r0",
            1,
            0,
            launch="launch-1",
            command=["train.py", "--lr", "0.1"],
            directory="project",
            python="3.11.9",
            crossboard="0.1.0",
            frameworks={"torch": "2.9.0"},
        ),
        TagDeclared(id=1, tag="train/loss"),
        TagDeclared(id=2, tag="val/acc"),
        TagDeclared(id=3, tag="train/loss"),
        FrameworksSeen(wall_time=T0 + 101, frameworks={"keras": "3.10.0"}),
        Surroundings(
            wall_time=T0 + 101,
            arguments=["python", "train.py", "--token", "***"],
            git={"commit": "0123456789abcdef0123456789abcdef01234567", "branch": "main", "changed": 1},
            diff=Inline(b"-a\n+b\n", "text/plain"),
            packages=zlib.compress(b"numpy==2.0.0"),
            host={"name": "node1", "cpus": 8},
            environment={"RANK": "0"},
        ),
        ConfigSet(wall_time=T0 + 101, config={"lr": 0.1, "model": {"width": 64, "depth": None}, "layers": [1, 2]}),
        SummarySet(wall_time=T0 + 102, summary={"best_epoch": 2}),
        MetricDefined(wall_time=T0 + 102, tag="val/acc", goal="max", x="epoch", unit="%"),
        Alert(wall_time=T0 + 103, title="loss is high", text="above 10", level="warn", step=3, tag="train/loss"),
        Warned(wall_time=T0 + 103, text="value of 'x' has shape (32,)", where="train.py:41"),
        ConsoleLines(wall_time=T0 + 103, stream="stderr", lines=["epoch 1", "größer als 1 µs"]),
        HistogramPoint(tag="weights", **at, edges=[-1.0, 0.0, 1.5], counts=[2, 3], count=6, min=-1.0, max=1.5, mean=0.25, std=0.5, nan=1),
        ImagePoint(
            tag="samples",
            **at,
            images=[
                Picture(
                    IN_FILE,
                    80,
                    60,
                    caption="a table of products",
                    boxes=[Box(1, 2, 3, 4, label="7", score=0.9)],
                    masks=[Mask(INLINE, {0: "none", 1: "digit"}, "classes")],
                ),
                Picture(INLINE, 2, 2),
            ],
        ),
        AudioPoint(tag="sound", **at, clips=[Clip(Foreign("other.wav", 44, 100, "audio/wav"), 8000.0, 50, caption="a tone")]),
        VideoPoint(tag="film", **at, blob=INLINE, width=2, height=2, frames=1, fps=24.0),
        TextPoint(tag="notes", **at, texts=["**bold**", "second"], shape=[2]),
        TablePoint(tag="table", **at, columns=["a", "b"], rows=1, blob=INLINE, media={"b": "image"}),
        FigurePoint(tag="figure", **at, blob=Inline(b'{"data":[]}', "application/json"), picture=Picture(INLINE, 2, 2)),
        GraphPoint(
            tag="model",
            **at,
            framework="torch",
            scopes=[GraphScope("net", "", "Net", 10, 10, 20, {"bias": True}, "net.py:3")],
            operations=[GraphOperation("net.fc", "net", "Linear", outputs=[TensorShape([None, 10], "float32")])],
            edges=[GraphEdge("in", "net.fc", 0, 0, TensorShape([None, 64], "float32"))],
        ),
        PRCurvePoint(
            tag="pr",
            **at,
            thresholds=[0.0, 0.5],
            true_positives=[3, 2],
            false_positives=[2, 1],
            true_negatives=[0, 1],
            false_negatives=[0, 1],
            label="digit 7",
        ),
        ConfusionMatrixPoint(tag="confusion", **at, labels=["0", "1"], counts=[[5, 1], [0, 4]]),
        EmbeddingPoint(tag="features", **at, blob=floats, rows=2, dimensions=3),
        MeshPoint(tag="cloud", **at, vertices=floats, vertex_count=2, config={"camera": "above"}),
        TensorPoint(tag="tensor", **at, blob=floats, shape=[2, 3], dtype="float32"),
        Edited(wall_time=T0 + 104, notes="written by the program"),
        Ended(
            wall_time=T0 + 150,
            status="failed",
            error="ValueError: loss is NaN",
            traceback="Traceback ...",
            exit_code=1,
            points=5,
            dropped=2,
        ),
    ]


SEALED_POINTS = [
    ("train/loss", Points(np.array([-1, 0, 0, 2**40]), T0 + np.array([1.0, 2.0, 1.5, 3.0]), np.array([2.5, 1.25, math.nan, math.inf]))),
    ("val/acc", Points(np.array([2]), np.array([T0 + 4]), np.array([-math.inf]))),
]


def journal(writer: str, attempt: int, rank: int, rows: list[tuple[int, float]], room: int) -> bytes:
    """A points journal: (step, value) of tag 1, every 10th second, and `room` empty slots behind."""
    head = encode_header(PointsHeader(writer, attempt, rank, T0 + 100 * attempt))
    packed = [RECORD.pack(value, step, T0 + 200 + 10 * slot, check_of(slot, step, 1), 1) for slot, (step, value) in enumerate(rows)]
    return head + b"".join(packed) + bytes(32 * room)


def frames(*records: Record) -> bytes:
    """The bytes of a records file."""
    return b"".join(encode_frame(encode_record(record)) for record in records)


def make_root(root: Path) -> None:
    """Make the whole root in `root`."""
    run = root / "digits" / "golden-1"
    (run / "media").mkdir(parents=True)
    identity = RunFile(
        version=1,
        id="golden-1",
        project="digits",
        name="first of its kind",
        created=T0,
        group="golden",
        tags=["small", "old"],
        notes="as version 1 wrote it",
        launch="launch-1",
    )
    (run / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(identity)))
    claim = AttemptFile(version=1, attempt=2, launch="launch-2", claimed=T0 + 200)
    (run / "attempt-2.json").write_bytes(msgspec.json.encode(claim))
    (run / "media" / f"{IN_FILE.sha256}.png").write_bytes(PICTURE)

    parquet = run / "points-a1r0.parquet"
    about = {"journal": "points-a1r0.cbj", "journal_bytes": "224", "writer": "a1r0", "attempt": "1", "rank": "0"}
    write_sealed(os.fspath(parquet), SEALED_POINTS, about)
    crc, length = file_crc32c(os.fspath(parquet))
    seal = Sealed(
        wall_time=T0 + 151,
        journal="points-a1r0.cbj",
        journal_bytes=224,
        file=parquet.name,
        length=length,
        crc32c=crc,
        points=5,
    )
    (run / "records-a1r0.cbr").write_bytes(frames(*every_kind(), seal))
    loss = TagDeclared(id=1, tag="train/loss")
    end = Ended(wall_time=T0 + 260, status="finished", points=3)
    (run / "records-a2r0.cbr").write_bytes(frames(opened("a2r0", 2, 0, launch="launch-2", automatic_step=4), loss, end))
    (run / "points-a2r0.cbj").write_bytes(journal("a2r0", 2, 0, [(1, 0.5), (2, 0.25), (2, 0.125)], 0))
    (run / "records-a2r1.cbr").write_bytes(frames(opened("a2r1", 2, 1, launch="launch-2"), loss))
    (run / "points-a2r1.cbj").write_bytes(journal("a2r1", 2, 1, [(1, 0.75)], 6))
    edits = Edited(wall_time=T0 + 300, name="golden", tags=["kept"], hidden=False, color="#1f77b4", user="ada")
    (run / "records-board.cbr").write_bytes(frames(opened("board", 1, 0, role="board"), edits))


if __name__ == "__main__":
    make_root(Path(sys.argv[1]))
