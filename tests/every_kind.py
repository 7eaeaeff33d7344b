"""Makes a root with two runs that hold every kind of point: `python tests/every_kind.py DIRECTORY [--images N]`.

What the board's run page is tested and looked at with. The records are put into the store by hand, so that every field of every
schema is there, and what a logger would refuse too: a damaged figure, a histogram of NaN, HTML that wants to run a script.

    digits/first     finished after a restart: two attempts, config, summary, alerts, console, every kind over several steps
    digits/second    failed with a traceback; a name of 200 characters; one image
    digits/nothing   began and logged nothing
    digits/ranks     by `make_ranks`: two ranks, three attempts, samples of the machine, what the run knows about itself
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from crossboard.store.blobs import write_blob
from crossboard.store.framing import encode_frame
from crossboard.store.points import RECORD as POINT
from crossboard.store.points import PointsHeader, check_of, encode_header
from crossboard.store.process import ProcessIdentity, this_process
from crossboard.store.records import (
    VERSION,
    Alert,
    AudioPoint,
    Blob,
    Box,
    Clip,
    ConfigSet,
    ConfusionMatrixPoint,
    ConsoleLines,
    EmbeddingPoint,
    Ended,
    FigurePoint,
    GraphEdge,
    GraphOperation,
    GraphPoint,
    GraphScope,
    HistogramPoint,
    ImagePoint,
    Mask,
    MeshPoint,
    MetricDefined,
    Opened,
    Picture,
    PRCurvePoint,
    Record,
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
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file

T0 = 1_790_000_000.0
STEPS = range(0, 2000, 100)
RNG = np.random.default_rng(7)


class Writer:
    """One writer of a run, whose records are put by hand."""

    def __init__(
        self, directory: str, name: str, *, attempt: int, wall: float, command: list[str], rank: int = 0, alive: bool = False
    ) -> None:
        """alive: it is this very process, so that its run is read each time; else one of another machine."""
        self.directory, self.name, self.ids, self.count = directory, name, dict[str, int](), 0
        self.records, self.points = Path(directory, records_name(name)), Path(directory, points_name(name))
        self.points.write_bytes(encode_header(PointsHeader(name, attempt, rank, wall)))
        process = ProcessIdentity(
            host=f"gpu-0{attempt}", machine="m", boot="b", pid_namespace="pid:[1]", pid=4000 + attempt + 100 * rank, start_ticks=7
        )
        if alive:
            process = this_process()
        versions = {"torch": "2.13.0", "numpy": "2.4.6"}
        self.put(
            Opened(
                version=VERSION,
                writer=name,
                attempt=attempt,
                rank=rank,
                wall_time=wall,
                process=process,
                command=command,
                directory="/home/somebody/digits",
                python="3.11.9",
                crossboard="0.1.0",
                frameworks=versions,
            )
        )

    def put(self, *records: Record) -> None:
        with self.records.open("ab") as file:
            for record in records:
                file.write(encode_frame(encode_record(record)))

    def scalar(self, tag: str, step: int, wall: float, value: float) -> None:
        if tag not in self.ids:
            self.ids[tag] = len(self.ids) + 1
            self.put(TagDeclared(id=self.ids[tag], tag=tag))
        number = self.ids[tag]
        with self.points.open("ab") as file:
            file.write(POINT.pack(value, step, wall, check_of(self.count, step, number), number))
        self.count += 1

    def blob(self, data: bytes, extension: str, media_type: str) -> Blob:
        return write_blob(self.directory, data, extension=extension, media_type=media_type)


# ------------------------------------------------------------------------------------------------- files


def png(pixels: np.ndarray[Any, Any]) -> bytes:
    """`pixels` (H, W) or (H, W, 3), uint8, or (H, W) uint16, as a PNG."""
    deep = pixels.dtype == np.uint16
    kind = 2 if pixels.ndim == 3 else 0

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = pixels.astype(">u2" if deep else np.uint8)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16 if deep else 8, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def scenery(step: int, *, height: int = 96, width: int = 128) -> np.ndarray[Any, Any]:
    """A small landscape with a sun that moves with the step."""
    y, x = np.mgrid[0:height, 0:width]
    sky = np.stack([120 + y * 0.9, 170 + y * 0.5, 230 - y * 0.4], -1)
    hill = y > height * 0.62 + 9 * np.sin(x / 17) + 5 * np.sin(x / 5)
    picture = np.where(hill[..., None], np.stack([60 + x * 0.2, 105 + y * 0.3, 60 + 0 * x], -1), sky)
    sun = (x - 15 - step / 2000 * 95) ** 2 + (y - 26) ** 2 < 120
    picture[sun] = (255, 232, 160)
    noise = RNG.normal(0, 40 * math.exp(-step / 500), picture.shape)
    return np.asarray(np.clip(picture + noise, 0, 255).astype(np.uint8))


def wav(step: int, rate: int = 8000) -> tuple[bytes, int]:
    time = np.arange(int(rate * 0.8)) / rate
    samples = (np.sin(2 * np.pi * (220 + step / 5) * time) * np.exp(-2 * time) * 20000).astype("<i2").tobytes()
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16, b"data", len(samples)
    )
    return head + samples, len(samples) // 2


def gif(step: int) -> bytes:
    from PIL import Image

    frames = [Image.fromarray(scenery(step + 90 * i, height=60, width=80)) for i in range(8)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return out.getvalue()


def arrow(columns: dict[str, Any]) -> bytes:
    table = pa.table(columns)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()


# ------------------------------------------------------------------------------------------------- points


def histogram(tag: str, step: int, wall: float, values: np.ndarray[Any, Any]) -> HistogramPoint:
    finite = values[np.isfinite(values)]
    some = len(finite) > 0
    counts, edges = np.histogram(finite, bins=48) if some else (np.zeros(0, int), np.zeros(0))
    return HistogramPoint(
        tag=tag,
        step=step,
        wall_time=wall,
        edges=edges.tolist(),
        counts=counts.tolist(),
        count=len(values),
        min=float(finite.min()) if some else None,
        max=float(finite.max()) if some else None,
        mean=float(finite.mean()) if some else None,
        std=float(finite.std()) if some else None,
        nan=int(np.isnan(values).sum()),
    )


def graph_records() -> tuple[list[GraphScope], list[GraphOperation], list[GraphEdge]]:
    scopes = [GraphScope("model", type="Digits")]
    operations = [GraphOperation("input", kind="input", type="input", outputs=[TensorShape([None, 1, 28, 28], "float32")])]
    edges, before, channels = [], "input", 1
    for block in range(4):
        path = f"model.stage{block + 1}"
        scopes.append(GraphScope(path, "model", "Block"))
        out = 16 * 2**block
        for name, kind, parameters in (("conv", "Conv2d", 9 * channels * out), ("norm", "BatchNorm2d", 2 * out), ("act", "ReLU", 0)):
            scopes.append(
                GraphScope(
                    f"{path}.{name}",
                    path,
                    kind,
                    parameters,
                    parameters,
                    2 * parameters * 196,
                    {"kernel_size": [3, 3]} if parameters > 100 else {},
                )
            )
            full = f"{path}.{name}.{kind.lower()}"
            shape = TensorShape([None, out, 28 // 2**block, 28 // 2**block], "float32")
            operations.append(GraphOperation(full, f"{path}.{name}", kind, outputs=[shape], source=f"model.py:{20 + block}"))
            edges.append(GraphEdge(before, full, tensor=shape))
            before = full
        channels = out
    scopes.append(GraphScope("model.head", "model", "Linear", 128 * 10 + 10, 1290, 2580, source="model.py:41"))
    operations.append(GraphOperation("model.head.linear", "model.head", "Linear", outputs=[TensorShape([None, 10], "float32")]))
    operations.append(GraphOperation("logits", kind="output", type="output"))
    edges += [GraphEdge(before, "model.head.linear"), GraphEdge("model.head.linear", "logits")]
    return scopes, operations, edges


MARKDOWN = """# Epoch {step}

Loss fell to **{loss:.4f}**; the *best* checkpoint is `step-{step}.pt`.

- augmentation: crop, flip
- schedule
  - warm-up of 500 steps
  - cosine

| split | accuracy |
|---|---:|
| train | {train:.3f} |
| val | {val:.3f} |

> <script>window.stolen = true</script> stays text, and so does <b>this</b>.

[paper](https://example.org/paper) · [not a link](javascript:alert(1))
"""
HTML = (
    "<h2 style='color:teal'>Report at {step}</h2><p>Styled text.</p>"
    "<script>parent.stolen = true</script><img src='https://example.org/x.png'>"
)
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 60" width="120" height="60">'
    '<rect width="120" height="60" style="fill:#e4ebf5"/>'
    '<circle cx="{x}" cy="30" r="18" style="fill:#1d438f"/><script>parent.stolen = true</script></svg>'
)


def every_point(writer: Writer, step: int, wall: float) -> None:
    """One point of every kind."""
    at: dict[str, Any] = {"step": step, "wall_time": wall}
    fade = math.exp(-step / 600)
    picture = writer.blob(png(scenery(step)), "png", "image/png")
    classes = np.zeros((96, 128), np.uint16)
    classes[60:, :64], classes[60:, 64:], classes[10:30, 20:50] = 1, 2, 300
    mask = Mask(writer.blob(png(classes), "png", "image/png"), {1: "meadow", 2: "wood", 300: "sky"}, "ground")
    boxes = [Box(20 + step / 40, 14, 30, 26, label="sun", score=1 - fade), Box(6, 60, 50, 30, label="hill", group="ground")]
    writer.put(
        ImagePoint(
            tag="samples/denoised", **at, images=[Picture(picture, 128, 96, caption=f"after {step} steps", boxes=boxes, masks=[mask])]
        )
    )
    small = [RNG.integers(0, 255, (8, 8), dtype=np.uint8) for _ in range(9)]
    digits = [Picture(writer.blob(png(one), "png", "image/png"), 8, 8, caption=str(i)) for i, one in enumerate(small)]
    writer.put(ImagePoint(tag="samples/digits", **at, images=digits))
    drawing = SVG.format(x=20 + step * 80 / 2000).encode()
    writer.put(ImagePoint(tag="samples/drawing", **at, images=[Picture(writer.blob(drawing, "svg", "image/svg+xml"), 120, 60)]))
    for layer in range(8):
        values = RNG.normal(0, 0.05 + 0.4 * fade, 4000) * (1 + layer / 4)
        if layer == 3 and 800 <= step < 1000:
            values[:40] = np.nan
        if layer == 5 and step == 900:
            values[:] = np.nan
        if layer == 6:
            values[:1] = 100.0
        writer.put(histogram(f"weights/stage{layer // 2 + 1}.block{layer % 2}.conv.weight", step, wall, values))
    writer.put(histogram("weights/constant", step, wall, np.full(100, 0.25)))
    sound, frames = wav(step)
    clip = Clip(writer.blob(sound, "wav", "audio/wav"), 8000.0, frames, caption="a tone")
    writer.put(AudioPoint(tag="speech/tone", **at, clips=[clip]))
    writer.put(
        VideoPoint(
            tag="rollout", **at, blob=writer.blob(gif(step), "gif", "image/gif"), width=80, height=60, frames=8, fps=10.0, caption="a walk"
        )
    )
    text = MARKDOWN.format(step=step, loss=2.3 * fade, train=1 - fade, val=0.98 - fade)
    writer.put(TextPoint(tag="notes", **at, texts=[text]))
    writer.put(TextPoint(tag="plain", **at, texts=[f"step {step}\n<b>as it is</b>", "second"], format="plain"))
    writer.put(TextPoint(tag="report", **at, texts=[HTML.format(step=step)], format="html"))
    writer.put(TextPoint(tag="grid", **at, texts=[f"cell *{i}*" for i in range(6)], shape=[2, 3]))
    encode = msgspec.msgpack.encode
    cells = [encode(writer.blob(png(scenery(step + 10 * i, height=48, width=64)), "png", "image/png")) for i in range(40)]
    rows = {
        "id": list(range(40)),
        "picture": cells,
        "label": [f"class {i % 10}" for i in range(40)],
        "score": [float(v) for v in RNG.random(39)] + [math.nan],
        "right": [bool(i % 3) for i in range(40)],
        "large": [2**62 + i for i in range(40)],
        "why": [None if i % 4 else "a long explanation, " * 9 for i in range(40)],
    }
    table = writer.blob(arrow(rows), "arrow", "application/vnd.apache.arrow.stream")
    writer.put(TablePoint(tag="predictions", **at, columns=list(rows), rows=40, blob=table, media={"picture": "image"}))
    long = writer.blob(arrow({"n": np.arange(2500), "square": np.arange(2500) ** 2}), "arrow", "application/vnd.apache.arrow.stream")
    writer.put(TablePoint(tag="long", **at, columns=["n", "square"], rows=2500, blob=long))
    x = np.linspace(0, 6, 60)
    figure = {
        "data": [
            {"type": "scatter", "x": x.tolist(), "y": (np.sin(x + step / 300)).tolist(), "name": "sine"},
            {"type": "bar", "x": [1, 3, 5], "y": [0.4, 0.2, 0.6]},
        ],
        "layout": {
            "title": {"text": "Calibration <a href='https://example.org'>source</a>"},
            "images": [
                {"source": "https://example.org/tracker.png", "xref": "paper", "yref": "paper", "x": 0, "y": 1, "sizex": 1, "sizey": 1}
            ],
        },
    }
    writer.put(FigurePoint(tag="figures/calibration", **at, blob=writer.blob(msgspec.json.encode(figure), "json", "application/json")))
    drawn = Picture(writer.blob(png(scenery(step, height=180, width=300)), "png", "image/png"), 300, 180)
    writer.put(FigurePoint(tag="figures/matplotlib", **at, blob=writer.blob(b"{}", "json", "application/json"), picture=drawn))
    scores, truth = RNG.beta(2 + 4 * (1 - fade), 2, 1000), RNG.random(1000) < 0.4
    scores = np.where(truth, scores, 1 - scores)
    limits = np.linspace(0, 1, 64)
    hit = [(float((truth & (scores >= t)).sum()), float((~truth & (scores >= t)).sum())) for t in limits]
    positives, negatives = float(truth.sum()), float((~truth).sum())
    writer.put(
        PRCurvePoint(
            tag="pr/seven",
            **at,
            thresholds=limits.tolist(),
            true_positives=[tp for tp, _ in hit],
            false_positives=[fp for _, fp in hit],
            true_negatives=[negatives - fp for _, fp in hit],
            false_negatives=[positives - tp for tp, _ in hit],
            label="7",
        )
    )
    matrix = RNG.poisson(20 * fade + 1, (10, 10)).astype(float) + np.diag(RNG.poisson(90, 10))
    writer.put(ConfusionMatrixPoint(tag="confusion/digits", **at, labels=[str(i) for i in range(10)], counts=matrix.tolist()))
    wide = RNG.poisson(1, (60, 60)).astype(float) + 40 * np.eye(60)
    writer.put(ConfusionMatrixPoint(tag="confusion/many classes", **at, labels=[f"class {i}" for i in range(60)], counts=wide.tolist()))
    groups = RNG.integers(0, 6, 500)
    vectors = (RNG.normal(0, 1, (6, 32))[groups] * (1.5 - fade) + RNG.normal(0, 0.4, (500, 32))).astype("<f4")
    vectors[7] = np.nan
    metadata = arrow({"class": [f"group {g}" for g in groups], "norm": np.linalg.norm(vectors, axis=1)})
    writer.put(
        EmbeddingPoint(
            tag="features",
            **at,
            blob=writer.blob(vectors.tobytes(), "bin", "application/octet-stream"),
            rows=500,
            dimensions=32,
            metadata=writer.blob(metadata, "arrow", "application/vnd.apache.arrow.stream"),
        )
    )
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 40), np.linspace(0, 2 * np.pi, 20), indexing="ij")
    radius = 1 + (0.35 + 0.1 * math.sin(step / 200)) * np.cos(v)
    torus = np.stack([radius * np.cos(u), 0.35 * np.sin(v), radius * np.sin(u)], -1).reshape(-1, 3).astype("<f4")
    quad = np.array([(i * 20 + j, i * 20 + j + 1, (i + 1) * 20 + j, (i + 1) * 20 + j + 1) for i in range(39) for j in range(19)], "<i4")
    faces = np.concatenate([quad[:, [0, 1, 2]], quad[:, [1, 3, 2]]])
    raw = "application/octet-stream"
    colors = np.clip(np.stack([80 + 70 * torus[:, 0], 120 + 60 * torus[:, 2], 200 - 60 * torus[:, 0]], -1), 0, 255).astype(np.uint8)
    writer.put(
        MeshPoint(
            tag="shape/torus",
            **at,
            vertices=writer.blob(torus.tobytes(), "bin", raw),
            vertex_count=len(torus),
            faces=writer.blob(faces.tobytes(), "bin", raw),
            face_count=len(faces),
            colors=writer.blob(colors.tobytes(), "bin", raw),
        )
    )
    cloud = RNG.normal(0, 1, (2000, 3)).astype("<f4")
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    writer.put(MeshPoint(tag="shape/cloud", **at, vertices=writer.blob(cloud.tobytes(), "bin", raw), vertex_count=2000))
    filters = (RNG.normal(0, 1, (4, 3, 24, 32)) * np.hanning(32)).astype("<f4")
    writer.put(
        TensorPoint(tag="tensors/filters", **at, blob=writer.blob(filters.tobytes(), "bin", raw), shape=[4, 3, 24, 32], dtype="float32")
    )
    halves = (np.linspace(-1, 1, 256, dtype="<f4").view("<u4") >> 16).astype("<u2")
    writer.put(TensorPoint(tag="tensors/bfloat16", **at, blob=writer.blob(halves.tobytes(), "bin", raw), shape=[256], dtype="bfloat16"))
    names = msgspec.msgpack.encode(["zero", "one", "two"])
    writer.put(TensorPoint(tag="tensors/names", **at, blob=writer.blob(names, "msgpack", "application/msgpack"), shape=[3], dtype="object"))


def curves(writer: Writer, first: int, end: int, *, start: float, lift: float = 0.0) -> None:
    for step in range(first, end, 5):
        wall, fade = start + (step - first) * 0.5, math.exp(-step / 600)
        writer.scalar("train/loss", step, wall, 2.3 * fade + 0.05 + lift + float(RNG.normal(0, 0.03)))
        writer.scalar("train/lr", step, wall, 0.1 if step < 1000 else 0.01)
        if step % 50 == 0:
            writer.scalar("val/accuracy", step, wall, 0.98 - fade - lift)
            writer.scalar("val/loss", step, wall, 2.2 * fade + 0.1 if step != 700 else math.nan)


CONFIG = {
    "seed": 0,
    "dataset": "digits",
    "batch_size": 128,
    "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4},
    "schedule": {"kind": "multistep", "milestones": [1000, 1500], "gamma": 0.1, "warmup": None},
    "model": {"name": "resnet20", "depth": 20, "width": 16, "head": {"kind": "linear", "bias": True}},
    "aug": {"crop_pad": 4, "flip": True},
    "checkpoint": "/mnt/storage/a/very/long/path/that/no/panel/can/hold/on/one/line/checkpoints/resnet20/step-{step}.pt",
}
TRACEBACK = """Traceback (most recent call last):
  File "/home/somebody/digits/train.py", line 88, in <module>
    main()
  File "/home/somebody/digits/train.py", line 61, in main
    loss.backward()
ValueError: loss is NaN at step 400
"""


def make(root: str | os.PathLike[str], *, images: int = 0) -> list[str]:
    """Make the runs below `root`; return their directories. images: so many steps of a further image tag, for measuring."""
    made = []
    for place, (run_id, name) in enumerate(
        (("first", "resnet20-sgd s0"), ("second", "a name of two hundred characters " + "x" * 167), ("nothing", "logged nothing"))
    ):
        directory = os.path.join(root, "digits", run_id)
        given = {"version": VERSION, "id": run_id, "project": "digits", "name": name, "created": T0 + 5000 * place}
        if run_id == "first":
            given |= {
                "group": "resnet20-sgd",
                "tags": ["lr-drop", "reference"],
                "notes": "Reference for the **paper** table. Killed once by the queue.",
            }
        write_run_file(directory, msgspec.convert(given, RunFile))
        made.append(directory)
    command = ["train.py", "--opt", "sgd", "--lr", "0.1", "--note", "two words"]
    older = Writer(made[0], "a1r0", attempt=1, wall=T0, command=command)
    older.put(ConfigSet(wall_time=T0, config=CONFIG), MetricDefined(wall_time=T0, tag="val/accuracy", goal="max"))
    curves(older, 0, 1200, start=T0, lift=0.02)
    for step in range(0, 1200, 100):
        older.put(TextPoint(tag="resumed", step=step, wall_time=T0 + step, texts=[f"first attempt at {step}"]))
    newer = Writer(made[0], "a2r0", attempt=2, wall=T0 + 4000, command=[*command, "--resume", "auto"])
    curves(newer, 900, 2000, start=T0 + 4000)
    for step in range(900, 2000, 100):
        newer.put(TextPoint(tag="resumed", step=step, wall_time=T0 + 4000 + step, texts=[f"second attempt at {step}"]))
    for step in STEPS:
        every_point(newer, step, T0 + 4000 + step * 0.5)
    for again in range(3):
        newer.put(TextPoint(tag="resumed", step=1900, wall_time=T0 + 6000 + again, texts=[f"said {again + 2} times"]))
    scopes, operations, edges = graph_records()
    newer.put(GraphPoint(tag="graph", step=0, wall_time=T0 + 4000, framework="torch", scopes=scopes, operations=operations, edges=edges))
    newer.put(
        SummarySet(wall_time=T0 + 6000, summary={"best_epoch": 42, "test": {"accuracy": 0.9187}}),
        Alert(wall_time=T0 + 5000, title="loss is high", text="above 1 for 50 steps", level="warn", step=400, tag="train/loss"),
        Alert(wall_time=T0 + 5100, title="checkpoint saved", level="info", step=1900),
        Warned(wall_time=T0 + 5200, text="value of 'x' has shape (32,), want a single number; point left out", where="train.py:41"),
        *(
            ConsoleLines(
                wall_time=T0 + 4000 + i * 10,
                stream="stderr" if i % 13 == 7 else "stdout",
                lines=[f"epoch {i:3d}  step {i * 20:5d}  loss {2.3 * math.exp(-i / 30):.4f}", ""][: 1 + i % 2],
            )
            for i in range(100)
        ),
        Ended(wall_time=T0 + 6400, status="finished", points=newer.count),
    )
    broken = Writer(made[1], "a1r0", attempt=1, wall=T0 + 5000, command=["train.py", "--lr", "9"])
    curves(broken, 0, 400, start=T0 + 5000)
    broken.put(ConfigSet(wall_time=T0 + 5000, config={"lr": 9.0}))
    long = "a tag of two hundred characters/" + "y" * 168
    broken.put(
        ImagePoint(
            tag=long,
            step=-5,
            wall_time=T0 + 5010,
            images=[Picture(broken.blob(png(scenery(0)), "png", "image/png"), 128, 96, caption="c" * 200)],
        )
    )
    broken.put(FigurePoint(tag="figures/damaged", step=1, wall_time=T0 + 5011, blob=broken.blob(b"{not json", "json", "application/json")))
    for i in range(images):
        small = png(RNG.integers(0, 255, (16, 16), dtype=np.uint8))
        broken.put(
            ImagePoint(tag="many/images", step=i, wall_time=T0 + 5011 + i, images=[Picture(broken.blob(small, "png", "image/png"), 16, 16)])
        )
    broken.put(
        Ended(
            wall_time=T0 + 5300,
            status="failed",
            error="ValueError: loss is NaN at step 400",
            traceback=TRACEBACK,
            exit_code=1,
            dropped=12,
            points=broken.count,
        )
    )
    idle = Writer(made[2], "a1r0", attempt=1, wall=T0 + 10_000, command=["idle.py"])
    idle.put(Ended(wall_time=T0 + 10_001, status="finished"))
    return made


RANKS_T0 = T0 + 20_000
DIFF = """diff --git a/train.py b/train.py
index 1111111..2222222 100644
--- a/train.py
+++ b/train.py
@@ -58,7 +58,8 @@ def main():
     for step, (x, y) in enumerate(loader):
-        loss = F.cross_entropy(model(x), y)
+        with torch.autocast("cuda"):
+            loss = F.cross_entropy(model(x), y)
         loss.backward()
diff --git a/model.py b/model.py
index 3333333..4444444 100644
--- a/model.py
+++ b/model.py
@@ -1,2 +1,2 @@
-width = 16
+width = 32
"""


def make_ranks(root: str | os.PathLike[str], *, quiet_ranks: bool = False, lines: int = 400) -> str:
    """Make the run ``digits/ranks`` below `root`; return its directory.

    Two steps a second, a point every five steps, a sample of the machine every ten seconds; the first step is logged 15 s after an
    attempt began.
    ``system/process/cpu_percent`` is 100 * rank + attempt + step / 10,000. quiet_ranks: rank 1 logs samples alone; lines: of the console.
    """
    directory = os.path.join(root, "digits", "ranks")
    given = {"version": VERSION, "id": "ranks", "project": "digits", "name": "vit-b16 ddp", "created": RANKS_T0, "tags": ["ddp"]}
    write_run_file(directory, msgspec.convert(given, RunFile))
    for attempt, (first, end, begun) in enumerate(((0, 600, 0), (400, 1100, 700), (900, 2000, 1500)), start=1):
        for rank in (0, 1):
            start = RANKS_T0 + begun
            writer = Writer(
                directory, f"a{attempt}r{rank}", attempt=attempt, wall=start, command=["torchrun", "train.py", "--amp"], rank=rank
            )
            if rank == 0 and attempt == 1:
                writer.put(ConfigSet(wall_time=start, config={**CONFIG, "model": {"name": "vit-b16"}, "world_size": 2}))
            if rank == 0 or not quiet_ranks:
                for step in range(first, end, 5):
                    wall = start + 15 + (step - first) / 2
                    writer.scalar("train/loss", step, wall, 2.3 * math.exp(-step / 600) + 0.05 + float(RNG.normal(0, 0.02)))
                    if rank == 0 and step % 50 == 0:
                        writer.scalar("val/accuracy", step, wall, 0.97 - math.exp(-step / 500))
            for at in range(10, 15 + (end - first) // 2, 10):
                step, wall = first + max(0, (at - 15) * 2 // 5 * 5), start + at
                busy = 0.5 + 0.4 * math.sin(at / 40 + rank)
                sample = {
                    "process/cpu_percent": 100 * rank + attempt + step / 10_000,
                    "process/memory_bytes": (3.1 + 0.4 * rank) * 2**30 + at * 1e6,
                    f"gpu.{rank}/utilization_percent": 100 * min(1.0, busy + float(RNG.normal(0, 0.03)) + 0.1),
                    f"gpu.{rank}/memory_bytes": (61 + rank) * 2**30,
                    f"gpu.{rank}/memory_percent": 76.0 + rank,
                    f"gpu.{rank}/temperature_celsius": 52 + 12 * busy,
                    f"gpu.{rank}/power_watts": 240 + 300 * busy,
                }
                if rank == 0:
                    sample |= {
                        "cpu_percent": 35 + 20 * busy,
                        "memory_percent": 41.0,
                        "memory_bytes": 51 * 2**30,
                        "disk_percent": 63 + at / 1000,
                    }
                for name, value in sample.items():
                    writer.scalar(f"system/{name}", begun + at, wall, value)
            if rank == 0:
                writer.put(
                    Surroundings(
                        wall_time=start + 1,
                        arguments=["/usr/bin/python3", "-m", "torch.distributed.run", "train.py", "--amp"],
                        git={
                            "commit": "a41f9c2d3e4b5f60718293a4b5c6d7e8f9012345",
                            "branch": "amp",
                            "remote": "git@host:lab/digits.git",
                            "changed": 2,
                        },
                        diff=writer.blob(DIFF.encode(), "txt", "text/plain"),
                        packages=zlib.compress(b"numpy==2.4.6\ntorch==2.13.0\ntorchvision==0.28.0"),
                        host={
                            "name": "gpu-01",
                            "system": "Linux 6.8.0",
                            "cpus": 64,
                            "memory_bytes": 128 * 2**30,
                            "gpus": [{"name": "NVIDIA H100 80GB HBM3", "memory_bytes": 80 * 2**30}] * 2,
                        },
                        environment={"CUDA_VISIBLE_DEVICES": "0,1", "NCCL_DEBUG": "WARN", "WORLD_SIZE": "2"},
                    )
                )
            if attempt == 3:
                writer.put(
                    Alert(wall_time=start + 300, title="loss spike", text="3.2 times the median", level="warn", step=1500, tag="train/loss")
                )
                for at in range(0, lines, 100):
                    some = [
                        f"\x1b[32mINFO\x1b[0m rank {rank} step {900 + n:5d} loss \x1b[1m{1 / (n + 1):.4f}\x1b[0m"
                        for n in range(at, min(lines, at + 100))
                    ]
                    writer.put(ConsoleLines(wall_time=start + at, stream="stdout", lines=some))
                writer.put(
                    ConsoleLines(wall_time=start + 500, stream="stderr", lines=["\x1b[33mWARNING\x1b[0m grad norm \x1b[31m12.5\x1b[0m"])
                )
                writer.put(Ended(wall_time=start + 566, status="finished", points=writer.count))
    Path(directory, "checkpoint-1995.pt").write_bytes(b"weights" * 1000)
    Path(directory, "config.yaml").write_text("lr: 0.1\n", encoding="utf-8")
    return directory


def digest(data: bytes) -> str:
    """The SHA-256 of `data`, as blobs are named."""
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--images", type=int, default=0, help="steps of a further tag with one small image each")
    arguments = parser.parse_args()
    sys.stdout.write("\n".join(make(arguments.directory, images=arguments.images)) + "\n")
