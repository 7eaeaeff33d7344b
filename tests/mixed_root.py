"""A root like the demo's, without training: native runs with seeds, one that goes on and one with every kind, event files of TensorBoard
with a pair of Keras', and an environment that Visdom saved. Made in a second."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import crossboard as cb
from crossboard.adapters.tensorboard.writer import EventFileWriter

EVERY: Any = import_module("every_kind")
RUNS = 3 + 6 + 1 + 3 + 1
"""How many runs `make` makes: of every kind, seeds, one that goes on, of TensorBoard, of Visdom."""


def curve(step: int, seed: int) -> float:
    return 2.3 * math.exp(-step / (60 + 5 * seed)) + 0.05 + 0.02 * math.sin(step * (1 + seed))


def seeds(root: Path) -> None:
    for lr in (0.1, 0.01):
        for seed in range(3):
            config = {"lr": lr, "seed": seed, "optimizer": {"name": "adam"}}
            with cb.init(
                project="digits", name=f"cnn lr {lr} seed {seed}", group=f"cnn {lr}", config=config, dir=root, system=False
            ) as run:
                run.define_metric("val/accuracy", goal="max")
                for step in range(0, 300, 3):
                    run.log({"train/loss": curve(step, seed) / lr**0.1, "train/lr": lr}, step=step)
                    if step % 30 == 0:
                        run.log({"val/accuracy": 1 - 0.4 * curve(step, seed)}, step=step)


def event_files(root: Path) -> None:
    for name, tags in (("fit/train", ("epoch_loss",)), ("fit/validation", ("epoch_loss",)), ("writer", ("loss/train", "loss/val"))):
        with EventFileWriter(root / name) as writer:
            for number, tag in enumerate(tags):
                for step in range(30):
                    writer.scalar(tag, curve(10 * step, number), step, 1.76e9 + step)


def environment(root: Path) -> None:
    steps = list(range(40))
    line = {"x": steps, "type": "scatter", "mode": "lines"}
    traces = [{**line, "y": [curve(7 * step, n) for step in steps], "name": name} for n, name in enumerate("ab")]
    panes = {
        "loss": {"command": "window", "id": "loss", "type": "plot", "title": "loss", "i": 0, "content": {"data": traces, "layout": {}}},
        "words": {"command": "window", "id": "words", "type": "text", "title": "status", "i": 1, "content": "<b>epoch 7</b> of 10"},
    }
    root.mkdir()
    (root / "main.json").write_text(json.dumps({"jsons": panes, "reload": {}}))


def make(directory: Path) -> tuple[Path, tuple[Path, ...], cb.Run]:
    """Make it below `directory`; return the native root, the two other paths, and the run that goes on, which is the caller's to finish."""
    EVERY.make(directory / "runs")
    seeds(directory / "runs")
    event_files(directory / "tensorboard")
    environment(directory / "visdom")
    live = cb.init(project="digits", name="goes on", config={"lr": 0.05, "seed": 0}, dir=directory / "runs", system=False)
    for step in range(0, 100, 3):
        live.log({"train/loss": curve(step, 4)}, step=step)
    return directory / "runs", (directory / "tensorboard", directory / "visdom"), live
