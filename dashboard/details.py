"""Everything about one run that is no point: its attempts and writers, how it ended, what it said, what lies in its directory.

`details_of` is the fold of the run's event records for people; `events_of` are alerts and warnings, `console_of` what the program
printed, line by line, from the end backwards.
"""

from __future__ import annotations

import contextlib
import math
import os
import zlib
from collections.abc import Sequence
from typing import Any, Final

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


def events_of(events: Sequence[Placed]) -> list[dict[str, Any]]:
    """Alerts and warnings in order of arrival."""
    told: list[dict[str, Any]] = []
    for one in events:
        record = one.record
        base = {"wall_time": number(getattr(record, "wall_time", math.nan)), "rank": one.rank, "attempt": one.attempt}
        if isinstance(record, Alert):
            fields = ("level", "title", "text", "step", "tag")
            told.append({"what": "alert", **base, **{name: getattr(record, name) for name in fields}})
        elif isinstance(record, Warned):
            said = {"level": "warn", "title": record.text, "text": record.where, "step": None, "tag": ""}
            told.append({"what": "warning", **base, **said})
    return told


def console_of(events: Sequence[Placed], *, end: int | None, limit: int, words: str) -> dict[str, Any]:
    """The `limit` lines before line `end` (None: before the last one) that hold `words`, in order; lines count from 0."""
    lines: list[tuple[int, Placed, ConsoleLines, str]] = []
    place = 0
    needle = words.lower()
    for one in events:
        record = one.record
        if isinstance(record, ConsoleLines):
            for text in record.lines:
                if (end is None or place < end) and (not needle or needle in text.lower()):
                    lines.append((place, one, record, text))
                place += 1
    shown = lines[-limit:]
    return {
        "total": place,
        "found": len(lines),
        "lines": [
            {
                "line": line,
                "wall_time": number(record.wall_time),
                "stream": record.stream,
                "rank": one.rank,
                "attempt": one.attempt,
                "text": text,
            }
            for line, one, record, text in shown
        ],
    }


def attempts_of(store: Store, series: Sequence[SeriesInfo]) -> list[dict[str, Any]]:
    """For each attempt the smallest and largest step of the scalar tag that was logged most, and that tag; a run without scalars
    has none."""
    scalars = [one for one in series if one.kind is Kind.SCALAR and one.count]
    if not scalars:
        return []
    told = []
    for attempt in sorted({each for one in scalars for each in one.attempts}):
        longest = max((one for one in scalars if attempt in one.attempts), key=lambda one: (one.key.rank == 0, one.count))
        curve = store.overview(longest.key, max_buckets=1, attempt=attempt)
        if len(curve.x):
            low, high = int(curve.x.min()), int(curve.x.max())
            told.append({"attempt": attempt, "tag": longest.key.tag, "first_step": low, "last_step": high, "points": curve.total})
    return told
