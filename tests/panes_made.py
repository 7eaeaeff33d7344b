"""Makes a root with environments of panes, as a Visdom client's calls leave them: `python tests/panes_made.py DIRECTORY [--points N]`.

What the Panes page is tested and looked at with, whatever reader or receiver brings such records. Contents are what Visdom's own
client sends (0.2.4), and some that no client would: scripts, addresses of other places, damaged pictures, deep nesting.

    main            every type of pane, some of them hostile
    exp_a, exp_b    a comparison: panes of equal titles, one that only exp_b has
    exp_a_name_...  a name of 200 characters, and a title of 200
    many            300 panes
    million         one plot of a million points (`--points`)
    one             a single pane
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import io
import json
import math
import struct
import sys
import wave
import zlib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from crossboard.store.blobs import write_blob
from crossboard.store.points import checks_of
from crossboard.store.records import AudioPoint, Blob, Clip, Ended, Inline, Pane, PaneClosed, PaneTrace


def load(name: str) -> ModuleType:
    """A module of this folder."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


HAND, EVERY = load("handmade"), load("every_kind")
T0: float = HAND.T0
RNG = np.random.default_rng(5)
POINT = np.dtype([("value", "<f8"), ("step", "<i8"), ("wall", "<f8"), ("check", "<u4"), ("tag", "<u4")])
MARGIN = {"l": 60, "r": 60, "t": 60, "b": 60}
LONG = "a title of two hundred characters " + "t" * 166


class Environment:
    """One environment: a run whose panes are put by hand."""

    def __init__(self, root: str | Path, name: str, *, project: str = "boards", live: bool = False, run_id: str = "") -> None:
        made = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:60]
        self.path: str = HAND.make_run(root, run_id or made, project, name=name)
        self.writer: Any = HAND.HandWriter(self.path, process=HAND.alive() if live else HAND.dead())
        self.order = 0
        self.at = T0

    def log(self, tag: str, steps: Any, values: Any) -> None:
        """Append points of a scalar tag, all at once."""
        steps, values = np.asarray(steps, np.int64), np.asarray(values, np.float64)
        number = self.writer.ids.get(tag) or self.writer.declare(tag)
        rows = np.zeros(len(steps), POINT)
        slots = np.arange(self.writer.slots, self.writer.slots + len(steps), dtype=np.int64)
        rows["value"], rows["step"], rows["wall"], rows["tag"] = values, steps, T0 + slots, number
        rows["check"] = checks_of(slots, steps, np.full(len(steps), number, np.uint32))
        with self.writer.points.open("ab") as file:
            file.write(rows.tobytes())
        self.writer.slots += len(steps)

    def pane(self, window: str, type_: str, content: Any, title: str = "", **more: Any) -> Pane:
        """Open a window, or show something else in it."""
        self.order += 1
        self.at += 1
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        blob: Blob = (
            Inline(data, "application/json")
            if len(data) <= 4096
            else write_blob(self.path, data, extension="json", media_type="application/json")
        )
        fields = {"order": self.order, "wall_time": self.at, **more}
        record = Pane(window=window, type=type_, content=blob, title=title, **fields)
        self.writer.append(record)
        return record

    def close(self, window: str) -> None:
        """Close a window."""
        self.at += 1
        self.writer.append(PaneClosed(wall_time=self.at, window=window))

    def line(self, window: str, title: str, traces: dict[str, Any], *, layout: dict[str, Any] | None = None, **more: Any) -> Pane:
        """A line plot whose traces are series: name -> y, or (x, y) where x is no step."""
        data, named = [], []
        for index, (name, numbers) in enumerate(traces.items()):
            tag = f"{title or window}/{name}"
            x, y = numbers if isinstance(numbers, tuple) else (None, numbers)
            self.log(tag, range(len(y)), y)
            if x is not None:
                self.log(f"{tag} x", range(len(y)), x)
            named.append(PaneTrace(index=index, tag=tag, attempt=1, x="" if x is None else f"{tag} x"))
            data.append(
                {
                    "name": name,
                    "type": "scatter",
                    "mode": "lines",
                    "textposition": "right",
                    "line": {},
                    "marker": {"size": 10, "symbol": "dot", "line": {"color": "#000000", "width": 0.5}},
                }
            )
        shown = {
            "showlegend": len(traces) > 1,
            "title": {"text": title},
            "margin": MARGIN,
            "xaxis": {"title": {"text": "epoch"}},
            "yaxis": {"title": {"text": "loss"}},
            **(layout or {}),
        }
        return self.pane(window, "plot", {"data": data, "layout": shown}, title, traces=named, **more)

    def end(self) -> None:
        self.writer.append(Ended(wall_time=T0 + 5000, status="finished", points=self.writer.slots))


def picture(pixels: Any) -> str:
    """A PNG as Visdom keeps it."""
    return "data:image/png;base64," + base64.b64encode(EVERY.png(pixels)).decode()


def huge_png() -> str:
    """A PNG of few bytes that says it has 60,000 x 60,000 pixels."""
    small: bytes = EVERY.png(np.zeros((4, 4), np.uint8))
    head = b"IHDR" + struct.pack(">II", 60_000, 60_000) + small[24:29]
    return "data:image/png;base64," + base64.b64encode(small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]).decode()


def sound(seconds: float = 0.4) -> bytes:
    """A short tone as WAV."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes((8000 * np.sin(np.arange(int(8000 * seconds)) * 0.3)).astype("<i2").tobytes())
    return held.getvalue()


HOSTILE = (
    "<h1>Hello</h1><script>parent.document.title='taken'; fetch('/api/board')</script>"
    "<img src='http://127.0.0.1:9/pixel.png' onerror='alert(1)'><a href='http://127.0.0.1:9/away'>away</a>"
    "<form action='/api/edit'><input name='x'></form><b style='color:#a33'>kept</b>"
)
SVG = (
    "<svg width='300' height='160' viewBox='0 0 300 160' xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script>"
    "<rect width='300' height='160' fill='#fff'/><path d='M10 150 C 80 10, 150 10, 290 140' stroke='#1f77b4' fill='none'/>"
    "<text x='20' y='30'>matplotlib</text></svg>"
)


def make_main(env: Environment) -> None:
    """Every type of pane."""
    steps = np.arange(200)
    env.line(
        "win_loss",
        "training loss",
        {"train": 2.3 * np.exp(-steps / 40) + 0.04 * RNG.standard_normal(200), "valid": 2.3 * np.exp(-steps / 50) + 0.2},
    )
    env.pane(
        "win_image",
        "image",
        {"src": picture(EVERY.scenery(900)), "caption": "a landscape with a sun"},
        "input batch",
        width=360,
        height=280,
    )
    env.pane("win_text", "text", "epoch 3 of 10<br>loss 0.42<br><b>best so far</b>", "status")
    angle = np.arange(120) / 19
    env.line(
        "win_xy", "weights over time", {"w1": (np.sort(RNG.random(120)) * 4, np.sin(angle)), "w2": (np.linspace(-1, 3, 120), np.cos(angle))}
    )
    bars = {
        "data": [{"type": "bar", "x": ["cat", "dog", "bird"], "y": [4, 7, 2.5], "marker": {}}],
        "layout": {"margin": MARGIN, "title": "class counts", "xaxis": {"title": "class", "titlefont": {"size": 12}}},
    }
    env.pane("win_bar", "plot", bars, "class counts", width=380, height=300)
    env.pane(
        "win_history",
        "image_history",
        [{"src": picture(EVERY.scenery(step)), "caption": f"step {step}"} for step in (0, 500, 1000, 1500)],
        "samples over time",
        options={"selected": 3, "show_slider": True},
    )
    heat = {"data": [{"type": "heatmap", "z": RNG.random((12, 20)).tolist(), "colorscale": "Viridis"}], "layout": {"margin": MARGIN}}
    env.pane("win_heat", "plot", heat, "attention")
    points = RNG.standard_normal((2, 160))
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": str(i + 1),
            "x": (points[0, i::2] + i).tolist(),
            "y": points[1, i::2].tolist(),
            "marker": {"size": 6},
        }
        for i in range(2)
    ]
    env.pane(
        "win_scatter",
        "plot",
        {
            "data": data,
            "layout": {"showlegend": True, "margin": MARGIN, "images": [{"source": "http://127.0.0.1:9/tracker.png", "x": 0, "y": 1}]},
            "caption": "two classes",
        },
        "classes",
    )
    env.pane(
        "win_props",
        "properties",
        [
            {"type": "text", "name": "optimizer", "value": "adam"},
            {"type": "number", "name": "learning rate", "value": "0.001"},
            {"type": "button", "name": "restart", "value": "Start again"},
            {"type": "checkbox", "name": "augment", "value": True},
            {"type": "select", "name": "device", "value": 1, "values": ["cpu", "cuda:0", "cuda:1"]},
        ],
        "settings",
    )
    edges = [(i, (i * 7 + 3) % 30) for i in range(30)] + [(i, i // 3) for i in range(1, 30)]
    network = {
        "nodes": [{"name": i, "label": f"layer {i}", "club": i % 3} for i in range(30)],
        "edges": [{"source": a, "target": b, "label": f"{a}-{b}"} for a, b in edges if a != b],
    }
    env.pane(
        "win_net",
        "network",
        network,
        "module graph",
        width=420,
        height=360,
        options={"directed": True, "showEdgeLabels": False, "showVertexLabels": True},
    )
    embedded = [
        {
            "group": k % 5,
            "name": f"digit {k}",
            "label": k % 5,
            "position": [
                math.cos(k % 5 * 1.26) * 9 + float(RNG.standard_normal()),
                math.sin(k % 5 * 1.26) * 9 + float(RNG.standard_normal()),
            ],
            "idx": k,
        }
        for k in range(250)
    ]
    env.pane("win_emb", "embeddings", {"data": embedded, "has_previous": False, "selected": None}, "t-SNE of features")
    wav = write_blob(env.path, sound(), extension="wav", media_type="audio/wav")
    env.writer.append(AudioPoint(tag="speech", step=0, wall_time=T0, clips=[Clip(wav, 8000, 3200)]))
    source = f"data:audio/wav;base64,{base64.b64encode(sound()).decode()}"
    html = f"<audio controls><source type='audio/wav' src='{source}'>Your browser does not support the audio tag.</audio>"
    env.pane("win_audio", "text", html, "speech", tag="speech", width=330, height=100)
    env.pane("win_svg", "text", SVG, "matplotlib figure")
    experiment = {
        "env_id": "main",
        "name": "baseline",
        "description": "the first try",
        "status": "finished",
        "created_at": T0,
        "finished_at": T0 + 60,
        "params": [{"key": "lr", "value": "0.1", "dtype": "float"}, {"key": "layers", "value": "3", "dtype": "int"}],
        "metrics": [{"key": "acc", "value": 0.5 + i / 10, "step": i, "timestamp": T0 + i} for i in range(4)],
        "tags": [{"key": "team", "value": "vision"}],
    }
    env.pane("win_experiment", "experiment", experiment, "experiment")
    env.pane("win_unknown", "hologram", {"voxels": [1, 2, 3], "of": "a kind nobody knows"}, "something new")
    env.pane("win_hostile", "text", HOSTILE, "hostile text")
    env.pane("win_outside", "image", {"src": "http://127.0.0.1:9/other.png", "caption": ""}, "picture of another place")
    env.pane("win_bomb", "image", {"src": huge_png(), "caption": ""}, "a very large picture")
    deep = "[" * 3000 + "]" * 3000
    env.pane("win_deep", "properties", deep.encode(), "deeply nested")
    env.pane(
        "win_nan",
        "plot",
        b'{"data": [{"type": "box", "y": [1, NaN, 2, Infinity, 3, 2.5], "name": "a"}], "layout": {}}',
        "with gaps",
    )
    surface = [[math.sin(i / 4) * math.cos(j / 4) for j in range(20)] for i in range(20)]
    env.pane(
        "win_surface",
        "plot",
        {"data": [{"type": "surface", "z": surface, "colorscale": "Viridis"}], "layout": {"margin": MARGIN}},
        "loss surface",
    )
    env.pane("win_closed", "text", "gone", "closed")
    env.close("win_closed")
    env.pane("win_untitled", "text", "no title was given")


def make_compared(env: Environment, *, shift: float, extra: bool) -> None:
    """An environment whose panes have counterparts in another."""
    steps = np.arange(150)
    env.line(f"win_loss_{shift}", "loss", {"train": np.exp(-steps / (30 + shift)), "valid": np.exp(-steps / (40 + shift)) + 0.1})
    env.line(f"win_acc_{shift}", "accuracy", {"top1": 1 - np.exp(-steps / (35 + shift))})
    env.pane(f"win_sample_{shift}", "image", {"src": picture(EVERY.scenery(int(400 + 20 * shift))), "caption": f"shift {shift}"}, "sample")
    env.pane(f"win_note_{shift}", "text", f"learning rate 0.{int(shift) + 1}", "note")
    if extra:
        env.line("win_extra", "gradient norm", {"fc1": np.abs(RNG.standard_normal(150))})


def make(root: str | Path, *, points: int = 1_000_000, many: int = 300) -> dict[str, Environment]:
    """Make the root; return its environments by name."""
    main, first, second = Environment(root, "main", live=True), Environment(root, "exp_a"), Environment(root, "exp_b")
    make_main(main)
    make_compared(first, shift=0, extra=False)
    make_compared(second, shift=12, extra=True)
    long = Environment(root, "exp_a_name_" + "n" * 189)
    long.pane("w", "text", "short", LONG)
    long.pane("placed", "text", "placed at the right", "placed", place={"i": "placed", "x": 50, "y": 0, "w": 50, "h": 20})
    crowd = Environment(root, "many")
    for number in range(many):
        if number % 5 == 0:
            crowd.line(f"win_{number}", f"plot {number}", {"1": np.sin(np.arange(40) / (2 + number % 7))})
        else:
            crowd.pane(f"win_{number}", "text", f"pane number {number}", f"note {number}")
    large = Environment(root, "million")
    values = np.sin(np.arange(points) / 5000) + 0.1 * RNG.standard_normal(points)
    values[points // 3] = 9.0
    large.line("win_large", "a million points", {"1": values})
    single = Environment(root, "one")
    single.pane("win_only", "text", "the only pane", "alone")
    made = {"main": main, "exp_a": first, "exp_b": second, "long": long, "many": crowd, "million": large, "one": single}
    for name, environment in made.items():
        if name != "main":
            environment.end()
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory")
    parser.add_argument("--points", type=int, default=1_000_000)
    arguments = parser.parse_args()
    make(arguments.directory, points=arguments.points)
