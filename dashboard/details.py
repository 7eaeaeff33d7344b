"""Everything about one run that is no point: its attempts and writers, how it ended, what it said, what lies in its directory.

`details_of` is the fold of the run's event records for people; `events_of` are alerts and warnings, and, where that is asked
for, every change of the run's state. What the program printed is in `console`.
"""

from __future__ import annotations

import contextlib
import math
import os
import zlib
from collections.abc import Collection, Sequence
from typing import Any, Final

import numpy as np

from ..store.kinds import Kind, SeriesInfo
from ..store.records import (
    Alert,
    ConsoleLines,
    Edited,
    Ended,
    FrameworksSeen,
    MetricDefined,
    Opened,
    Sealed,
    Surroundings,
    Warned,
)
from ..store.source import Placed
from ..store.store import Store
from .points import Describe, content_of
from .replies import number

MOST_FILES: Final = 200
MOST_WRITERS: Final = 500
MOST_RANKS: Final = 64
SYSTEM: Final = "system/"
EVENTS: Final = ("alert", "warning", "started", "ended", "sealed", "edited")
"""What can happen to a run, as `events_of` tells it."""


def time_or_none(seconds: float | None) -> float | None:
    """`seconds`, None when it is not known."""
    return None if seconds is None or not math.isfinite(seconds) else seconds


def details_of(events: Sequence[Placed], config: Sequence[Placed], *, describe: Describe) -> dict[str, Any]:
    """The run's writers, attempts, edits and counts. `surroundings`: what the run knows about itself, the newest of each field."""
    writers: dict[str, dict[str, Any]] = {}
    lines = alerts = warnings = edits = 0
    sealed: list[dict[str, Any]] = []
    surroundings: dict[str, Any] = {}
    for one in events:
        record = one.record
        writer = writers.setdefault(one.writer, {"writer": one.writer, "attempt": one.attempt, "rank": one.rank, "role": "main"})
        if isinstance(record, Opened):
            writer |= {
                "role": record.role,
                "parent": record.parent,
                "opened": time_or_none(record.wall_time),
                "host": record.process.host,
                "pid": record.process.pid,
                "command": record.command,
                "directory": record.directory,
                "python": record.python,
                "crossboard": record.crossboard,
                "frameworks": dict(record.frameworks),
            }
        elif isinstance(record, FrameworksSeen):
            writer["frameworks"] = {**writer.get("frameworks", {}), **record.frameworks}
        elif isinstance(record, Ended):
            writer |= {name: getattr(record, name) for name in ("status", "error", "traceback", "exit_code", "points", "dropped")}
            writer["ended"] = time_or_none(record.wall_time)
        elif isinstance(record, Sealed):
            sealed.append({"file": record.file, "bytes": record.length, "points": record.points, "damaged": record.damaged})
        elif isinstance(record, ConsoleLines):
            lines += len(record.lines)
        else:
            alerts += isinstance(record, Alert)
            warnings += isinstance(record, Warned)
            edits += isinstance(record, Edited)
            if isinstance(record, Surroundings):
                surroundings |= surroundings_of(record, describe)
    training = [one for one in writers.values() if one["role"] != "board"]
    training.sort(key=lambda one: (one["attempt"], one["rank"], one.get("opened") or 0.0))
    metrics = [
        {"tag": one.record.tag, "goal": one.record.goal, "x": one.record.x, "unit": one.record.unit}
        for one in config
        if isinstance(one.record, MetricDefined)
    ]
    return {
        "writers": training[:MOST_WRITERS],
        "writers_in_all": len(training),
        "console_lines": lines,
        "alerts": alerts,
        "warnings": warnings,
        "edits": edits,
        "sealed": sealed,
        "metrics_defined": metrics,
        "surroundings": surroundings,
    }


def surroundings_of(record: Surroundings, describe: Describe) -> dict[str, Any]:
    """The fields of `record` that hold something; `packages` as name -> version."""
    told: dict[str, Any] = {name: value for name, value in content_of(record, describe).items() if value and name != "packages"}
    if record.packages:
        with contextlib.suppress(zlib.error, UnicodeDecodeError):
            lines = zlib.decompress(record.packages).decode().splitlines()
            told["packages"] = {name: version for name, _, version in (line.partition("==") for line in lines if line)}
    return told


def files_of(path: str) -> dict[str, Any]:
    """Names and bytes of the files in the run's directory, the largest first; of ``media/`` how many and how large together."""
    listed: list[dict[str, Any]] = []
    blobs = blob_bytes = 0
    try:
        if os.path.isfile(path):
            listed.append({"name": os.path.basename(path), "bytes": os.stat(path).st_size})
            return {"files": listed, "count": 1, "bytes": listed[0]["bytes"], "media": 0, "media_bytes": 0}
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    listed.append({"name": entry.name, "bytes": entry.stat(follow_symlinks=False).st_size})
        media = os.path.join(path, "media")
        if os.path.isdir(media):
            with os.scandir(media) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        blobs += 1
                        blob_bytes += entry.stat(follow_symlinks=False).st_size
    except OSError:
        pass  # the directory went away, or may not be read: what was found stands
    listed.sort(key=lambda one: (-one["bytes"], one["name"]))
    size = sum(one["bytes"] for one in listed) + blob_bytes
    return {"files": listed[:MOST_FILES], "count": len(listed), "bytes": size, "media": blobs, "media_bytes": blob_bytes}


def events_of(events: Sequence[Placed], *, what: Collection[str] = ("alert", "warning")) -> list[dict[str, Any]]:
    """What happened, in order of arrival: of `EVENTS` those that are `what`.

    Each has what, wall_time, rank, attempt, level, title, text, step, tag.
    """
    told: list[dict[str, Any]] = []
    for one in events:
        said = _said(one)
        if said is not None and said["what"] in what:
            base = {"wall_time": number(getattr(one.record, "wall_time", math.nan)), "rank": one.rank, "attempt": one.attempt}
            told.append({**base, "level": "info", "text": "", "step": None, "tag": "", **said})
    return told


def _said(one: Placed) -> dict[str, Any] | None:
    """An event in words; None for a record that is none."""
    match one.record:
        case Alert() as record:
            return {"what": "alert", **{name: getattr(record, name) for name in ("level", "title", "text", "step", "tag")}}
        case Warned() as record:
            return {"what": "warning", "level": "warn", "title": record.text, "text": record.where}
        case Opened() as record if record.role != "board":
            place = f"process {record.process.pid} on {record.process.host}"
            return {
                "what": "started",
                "title": f"Attempt {one.attempt} began",
                "text": f"{place}{'' if record.role == 'main' else f', {record.role}'}",
            }
        case Ended() as record:
            failed = record.status == "failed"
            title = f"Attempt {one.attempt} {record.status}"
            counts = f"{record.points:,} points kept" + (f", {record.dropped:,} dropped" if record.dropped else "")
            text = " · ".join(part for part in (record.error, f"exit code {record.exit_code}" if record.exit_code else "", counts) if part)
            return {"what": "ended", "level": "error" if failed else "info", "title": title, "text": text}
        case Sealed() as record:
            damaged = f", {record.damaged:,} damaged" if record.damaged else ""
            return {
                "what": "sealed",
                "level": "warn" if record.damaged else "info",
                "title": f"{record.points:,} points sealed{damaged}",
                "text": record.file,
            }
        case Edited() as record:
            changed = {name: getattr(record, name) for name in ("name", "group", "tags", "notes", "hidden", "archived", "color")}
            words = [f"{name}: {_short(value)}" for name, value in changed.items() if value is not None]
            return {
                "what": "edited",
                "title": f"Edited on the board{f' by {record.user}' if record.user else ''}",
                "text": "; ".join(words),
            }
    return None


def _short(value: Any) -> str:
    text = ", ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) <= 120 else f"{text[:119]}…"


def attempts_of(store: Store, series: Sequence[SeriesInfo]) -> list[dict[str, Any]]:
    """For each attempt the smallest and largest step and the first and last time (epoch seconds) of the scalar tag that was logged
    most, that tag, and, as `ranks`, the same of each rank by its own such tag; a run without scalars has none. Samples of the machine
    are no steps: they count only where nothing else was logged."""
    scalars = [one for one in series if one.kind is Kind.SCALAR and one.count]
    scalars = [one for one in scalars if not one.key.tag.startswith(SYSTEM)] or scalars
    told = []
    for attempt in sorted({each for one in scalars for each in one.attempts}):
        mine = [one for one in scalars if attempt in one.attempts]
        ranks = []
        for rank in sorted({one.key.rank for one in mine})[:MOST_RANKS]:
            longest = max((one for one in mine if one.key.rank == rank), key=lambda one: one.count)
            steps = store.overview(longest.key, max_buckets=1, attempt=attempt)
            times = store.overview(longest.key, x="wall", max_buckets=1, attempt=attempt).x
            if len(steps.x):
                known = times[np.isfinite(times)]
                ranks.append(
                    {
                        "rank": rank,
                        "tag": longest.key.tag,
                        "first_step": int(steps.x.min()),
                        "last_step": int(steps.x.max()),
                        "first_time": float(known.min()) if len(known) else None,
                        "last_time": float(known.max()) if len(known) else None,
                        "points": steps.total,
                    }
                )
        if ranks:
            count = len({one.key.rank for one in mine})
            told.append(
                {
                    "attempt": attempt,
                    **{name: value for name, value in ranks[0].items() if name != "rank"},
                    "rank_count": count,
                    "ranks": ranks,
                }
            )
    return told
