"""A run of the journal -> the environment as it stood: what is kept of a live environment is the fold of its files.

The same records and points that any reader of the run sees. A call that was being written when its board was killed is there as far as
it went: of a curve with a clock of its own as many points as have both x and value.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...store.errors import CrossboardError
from ...store.kinds import F64, I64
from ...store.native import NativeSource
from ...store.records import Opened, Pane, PaneClosed, SummarySet, TagDeclared
from ...store.rundir import find_runs, read_run_file
from ...store.source import Placed, Strand
from .environment import Environment
from .experiment import new_experiment
from .journal import DELETED, EXPERIMENT, LAUNCH, Curve, Journal
from .numbers import Column
from .parts import content_id
from .traces import plain_text


class Numbers(NamedTuple):
    """Points of one attempt of a tag, in order of arrival."""

    step: I64
    value: F64
    wall_time: F64


def find_environments(project: str) -> tuple[dict[str, str], set[str]]:
    """Every environment below the directory of a project: its name -> the directory of its run, and the names that were deleted.

    Runs of other origin are passed over. Of several runs of one name the newest counts.
    """
    found: dict[str, tuple[float, str]] = {}
    for directory in find_runs(project) if os.path.isdir(project) else ():
        try:
            run = read_run_file(directory)
        except (CrossboardError, OSError):
            continue
        if run.launch.startswith(LAUNCH) and run.created >= found.get(run.name, (0.0, ""))[0]:
            found[run.name] = (run.created, directory)
    deleted = {name for name, (_, directory) in found.items() if is_deleted(directory)}
    return {name: directory for name, (_, directory) in found.items() if name not in deleted}, deleted


def is_deleted(directory: str) -> bool:
    """Whether the environment in `directory` was deleted by the protocol; looks only for the words of the edit."""
    for name in os.listdir(directory):
        if name.endswith(".cbr"):
            with open(os.path.join(directory, name), "rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - 4096))  # nothing of that writer comes after it but its end
                if DELETED.encode() in file.read():
                    return True
    return False


def restore(directory: str, eid: str, journal: Journal) -> Environment:
    """Return the environment kept in `directory`, and put into `journal` what it needs to go on.

    Raises:
        CrossboardError, OSError: the run cannot be read.
    """
    placed, strands = _read_all(directory)
    began = {one.writer: one.record.wall_time for one in placed if isinstance(one.record, Opened)}
    numbers = _numbers(strands, began)
    environment = Environment(eid)
    panes: dict[str, Pane] = {}
    source = NativeSource(directory)
    run = source.scan()[0]
    summary: dict[str, Any] = {}
    for one in sorted(placed, key=lambda each: _time_of(each.record)):
        record = one.record
        journal.newest = max(journal.newest, _time_of(record))
        if isinstance(record, TagDeclared):
            journal.names.take(record.tag)
            journal.attempts[record.tag] = max(journal.attempts.get(record.tag, 0), record.attempt)
        elif isinstance(record, PaneClosed):
            panes.pop(record.window, None)
        elif isinstance(record, Pane):
            panes[record.window] = record
        elif isinstance(record, SummarySet) and EXPERIMENT in record.summary:
            summary = record.summary[EXPERIMENT]
        else:
            tag, step = getattr(record, "tag", None), getattr(record, "step", None)
            if isinstance(tag, str) and isinstance(step, int):  # a picture, a text ...
                journal.steps[tag] = max(journal.steps.get(tag, 0), step + 1)
                journal.names.take(tag)
    for strand in strands:
        journal.newest = max(journal.newest, float(strand.points.wall_time.max(initial=0.0)))
    for window, record in panes.items():
        environment.panes[window] = _pane(record, json.loads(source.blob(run, record.content)), numbers, journal)
        if record.place:
            environment.reload[window] = record.place
    if summary:
        environment.experiment = _experiment(eid, summary, numbers, journal)
    return environment


def _read_all(directory: str) -> tuple[list[Placed], list[Strand]]:
    source = NativeSource(directory)
    run = source.scan()[0]
    placed: list[Placed] = []
    strands: list[Strand] = []
    cursor: bytes | None = None
    while True:
        batch = source.read(run, cursor)
        if batch.restart:
            placed, strands = [], []
        placed += batch.records
        strands += batch.strands
        cursor = batch.cursor
        if not batch.more:
            return placed, strands


def _time_of(record: Any) -> float:
    """When a record was written; declarations of tags belong to the beginning."""
    return float(getattr(record, "wall_time", 0.0))


def _numbers(strands: Sequence[Strand], began: dict[str, float]) -> dict[tuple[str, int], Numbers]:
    parts: dict[tuple[str, int], list[Strand]] = {}
    for one in strands:
        parts.setdefault((one.tag, one.attempt), []).append(one)
    made = {}
    for key, some in parts.items():
        some.sort(key=lambda one: began.get(one.writer, 0.0))
        made[key] = Numbers(*(np.concatenate([getattr(one.points, name) for one in some]) for name in ("step", "value", "wall_time")))
    return made


def _pane(record: Pane, content: Any, numbers: dict[tuple[str, int], Numbers], journal: Journal) -> dict[str, Any]:
    curves: dict[int, Curve] = {}
    names: list[tuple[str, int, str]] = []
    seen: dict[str, int] = {}
    traces = content.get("data", []) if isinstance(content, dict) and record.type == "plot" else []
    told = {trace.index: trace for trace in record.traces}
    for at, trace in enumerate(traces):
        name = plain_text(trace.get("name")) if isinstance(trace, dict) else ""
        occurrence = seen[name] = seen.get(name, -1) + 1
        one = told.get(at)
        if one is None:
            continue
        names.append((name, occurrence, one.tag))
        x, y = _columns(numbers.get((one.tag, one.attempt)), numbers.get((one.x, one.attempt)) if one.x else None, own=bool(one.x))
        traces[at] = {"x": x, "y": y, **trace}
        curves[at] = Curve(one.tag, one.attempt, one.x, len(x))
    pane_tag = record.tag
    if not pane_tag and names:
        pane_tag = names[0][2] if len(traces) == 1 and names[0][0] in ("", "1") else names[0][2].rpartition("/")[0]
    journal.names.know(record.window, record.title, pane_tag, names)
    journal.curves[record.window] = curves
    pane: dict[str, Any] = {
        "command": "window",
        "id": record.window,
        "title": record.title,
        "inflate": True,
        "width": record.width,
        "height": record.height,
        "contentID": content_id(),
        "content": content,
        "type": record.type,
        "i": record.order,
    }
    pane.update(record.options)
    return pane


def _columns(y: Numbers | None, x: Numbers | None, *, own: bool) -> tuple[Column, Column]:
    if y is None or (own and x is None):
        return Column(), Column()
    if x is None:
        return Column.holding(y.step.astype(np.float64), whole=True), Column.holding(y.value, whole=False)
    both = [dict(zip(one.step.tolist(), one.value.tolist(), strict=True)) for one in (x, y)]
    count = 0
    while count in both[0] and count in both[1]:
        count += 1
    made = [Column.holding(np.array([one[step] for step in range(count)], np.float64), whole=False) for one in both]
    return made[0], made[1]


def _experiment(eid: str, summary: dict[str, Any], numbers: dict[tuple[str, int], Numbers], journal: Journal) -> dict[str, Any]:
    known = {key: value for key, value in summary.items() if key not in ("without_step", "metric_tags")}
    made = {**new_experiment(eid, float(known.get("created_at") or 0.0)), **known}
    journal.stepless = set(summary.get("without_step", ()))
    rows: list[tuple[float, dict[str, Any]]] = []
    for key, tag in summary.get("metric_tags", {}).items():
        journal.names.know_metric(key, tag)
        journal.metric_tags[key] = tag
        points = numbers.get((tag, 1))
        if points is None:
            continue
        journal.metrics[tag] = int(points.step[-1]) + 1
        for step, value, stamp in zip(points.step.tolist(), points.value.tolist(), points.wall_time.tolist(), strict=True):
            rows.append((stamp, {"key": key, "value": value, "step": None if key in journal.stepless else step, "timestamp": stamp}))
    made["metrics"] = [row for _, row in sorted(rows, key=lambda one: one[0])]
    return made
