"""Runs as a log directory that TensorBoard opens: ``crossboard export RUN... --format tensorboard --output DIR``.

    DIR/                              one hparams experiment over all runs
    DIR/<project>/<run id>/           one event file for each attempt, in their order
    DIR/<project>/<run id>/rank-<n>/  of the other ranks

Every point of every attempt is written, in order of arrival, so that crossboard reads the same attempts back. What TensorBoard has no
form for is left out and counted; scalars are float32 there, and those that a float32 does not hold are counted, too.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crossboard.adapters.tensorboard.hparams import flat
from crossboard.adapters.tensorboard.writer import LAYOUT_KEY, EventFileWriter
from crossboard.store.errors import CrossboardError
from crossboard.store.export import tag_pattern
from crossboard.store.kinds import POINT_KINDS, Kind, Points, RunInfo
from crossboard.store.records import Blob, ConfigSet
from crossboard.store.rundir import file_name
from crossboard.store.runquery import choose
from crossboard.store.source import Placed
from crossboard.store.store import Store

MOST_DISCRETE = 100


@dataclass(slots=True)
class EventsExported:
    """What was written: counts, and what had no form. rounded: scalars that float32 does not hold exactly."""

    path: str
    runs: int = 0
    series: int = 0
    points: int = 0
    rounded: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"{self.points:,} points of {self.series:,} series in {self.runs:,} runs -> {self.path}"]
        if self.rounded:
            lines.append(f"{self.rounded:,} scalars were rounded to float32, which is what TensorBoard keeps")
        lines += [f"left out: {count:,} {what}" for what, count in sorted(self.left_out.items())]
        return "\n".join(lines)


def export_events(store: Store, output: str | os.PathLike[str], *, runs: str = "", tags: str = "") -> EventsExported:
    """Write the runs that the query `runs` means, and of them the tags that the regular expression `tags` finds; empty means all.

    Raises:
        BadQuery: `runs` or `tags` does not parse.
        CrossboardError: `output` is there and not empty.
        OSError: it cannot be written.
    """
    pattern = tag_pattern(tags)
    root = os.path.abspath(os.fspath(output))
    if os.path.exists(root) and (not os.path.isdir(root) or os.listdir(root)):
        raise CrossboardError(f"output: want a directory that is empty or not there yet, got {root}")
    report = EventsExported(root)
    chosen = choose(store.runs(), runs, metrics=store.metrics)
    if chosen:
        _write_experiment(store, root, chosen, pattern)
    for run in chosen:
        _write_run(store, root, run, pattern, report)
    return report


def _write_experiment(store: Store, root: str, runs: list[RunInfo], pattern: re.Pattern[str]) -> None:
    """One experiment over all runs: TensorBoard takes the first that it finds, so it must name what any of them has."""
    configs = [_hparams(run) for run in runs]
    values: dict[str, Any] = {}
    for config in configs:
        for name, value in config.items():
            values.setdefault(name, value)
    if not values:
        return
    discrete = {}
    for name in values:
        among = sorted({config[name] for config in configs if name in config}, key=lambda one: (str(type(one)), one))
        if len(among) <= MOST_DISCRETE and len({type(one) for one in among}) == 1:
            discrete[name] = among
    metrics = sorted({tag for run in runs for tag in store.metrics(run.key) if pattern.search(tag) and not tag.startswith("system/")})
    with EventFileWriter(root) as writer:
        writer.experiment(values, metrics, time.time(), discrete=discrete)


def _hparams(run: RunInfo) -> dict[str, Any]:
    return flat({key: value for key, value in run.config.items() if key != LAYOUT_KEY})


def _write_run(store: Store, root: str, run: RunInfo, pattern: re.Pattern[str], report: EventsExported) -> None:
    scalars: dict[tuple[int, int], list[tuple[str, Points]]] = {}
    for one in store.series(run=run.key, kind=Kind.SCALAR):
        if pattern.search(one.key.tag):
            report.series += 1
            for attempt, _, found in store.strands(one.key):
                scalars.setdefault((one.key.rank, attempt), []).append((one.key.tag, found))
    others: dict[tuple[int, int], list[Placed]] = {}
    for kind in POINT_KINDS:
        for placed in store.records(run.key, kind):
            if pattern.search(getattr(placed.record, "tag", "")):
                others.setdefault((placed.rank, placed.attempt), []).append(placed)
    report.series += len({getattr(placed.record, "tag", "") for some in others.values() for placed in some})
    places = sorted({*scalars, *others}) or [(0, 1)]
    first = places[0][0]
    folder = os.path.join(root, file_name(run.project), file_name(run.id))

    def blob(asked: Blob) -> bytes:
        return store.blob(run.key, asked)

    for rank, attempt in places:
        with EventFileWriter(folder if rank == first else os.path.join(folder, f"rank-{rank}"), suffix=f".attempt-{attempt}") as writer:
            for tag, points in scalars.get((rank, attempt), ()):
                writer.points(tag, points)
                report.points += len(points)
                with np.errstate(over="ignore", invalid="ignore"):
                    narrow = points.value.astype(np.float32).astype(np.float64)
                report.rounded += int(np.count_nonzero((narrow != points.value) & ~np.isnan(points.value)))
            for placed in others.get((rank, attempt), ()):
                writer.record(placed.record, blob)
                report.points += 1
            if run.config and (rank, attempt) == places[0]:
                writer.record(ConfigSet(wall_time=run.started, config=run.config), blob)
            writer.close("failed" if run.status in ("failed", "killed") else "finished")
            report.left_out.update(writer.left_out)
    report.runs += 1
