"""What a run is, as the fold of its records: opening a run, following it live and importing it are this one function.

`RunState` takes what a scan found, each record in order of arrival, and the newest signs of life of its writers, and says what
the run is (`info`). It is plain data and goes through MessagePack, so that a store can keep it beside its cursor.

Which status a run has follows from the *main* writers (those that called init) of its newest attempt, by these rules in order:

1. one of them recorded its end as failed: failed;
2. every one recorded its end: finished;
3. one is proven alive: running;
4. one is proven dead without having recorded its end: killed;
5. the others cannot be told from here (another machine): running while the newest sign of life is at most 60 s old, else
   silent.

The newest edit by wall time wins, per field, over what run.json said. Config is merged key by key, nested mappings too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from .kinds import FRAMEWORKS, RunInfo, Status
from .panes import Windows, open_count, take
from .records import (
    Alert,
    ConfigSet,
    Edited,
    Ended,
    FrameworksSeen,
    MetricDefined,
    Opened,
    Pane,
    PaneClosed,
    SummarySet,
    Warned,
)
from .source import FoundRun, Placed, WriterLife

SILENT_AFTER_S: Final = 60.0
EDITABLE: Final = ("name", "group", "tags", "notes", "hidden", "archived", "color")
"""What a person can change of a run; fields of `records.Edited`, and but for color of `kinds.RunInfo`."""


class WriterState(msgspec.Struct, omit_defaults=True):
    """What is known of one writer."""

    attempt: int = 1
    rank: int = 0
    role: str = "main"
    opened: float = math.nan
    host: str = ""
    ended: float | None = None
    status: str = ""
    error: str = ""
    dropped: int = 0
    life: str = "unknown"
    touched: float = 0.0


class RunState(msgspec.Struct):
    """The fold of one run. Take in with `found`, `apply` and `hear`; ask with `info`."""

    key: str
    source: str
    path: str = ""
    id: str = ""
    project: str = ""
    name: str = ""
    group: str = ""
    tags: list[str] = []
    notes: str = ""
    created: float = math.nan
    writers: dict[str, WriterState] = {}
    config: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    metrics: list[MetricDefined] = []
    frameworks: dict[str, str] = {}
    edits: dict[str, tuple[float, Any]] = {}
    alerts: int = 0
    warnings: int = 0
    windows: Windows = {}

    def found(self, run: FoundRun) -> None:
        """Take in what a scan says."""
        self.path, self.id, self.project, self.name = run.path, run.id, run.project, run.name
        self.group, self.tags, self.notes, self.created = run.group, list(run.tags), run.notes, run.created

    def apply(self, placed: Placed) -> None:
        """Take in one record. Points of any kind change nothing here."""
        record = placed.record
        if isinstance(record, Opened):
            writer = self._writer(placed)
            writer.role, writer.opened, writer.host = record.role, record.wall_time, record.process.host
            if record.role != "board":
                self.frameworks.update(record.frameworks)
        elif isinstance(record, Ended):
            writer = self._writer(placed)
            writer.ended, writer.status, writer.error = record.wall_time, record.status, record.error
            writer.dropped = max(writer.dropped, record.dropped)
        elif isinstance(record, FrameworksSeen):
            self.frameworks.update(record.frameworks)
        elif isinstance(record, ConfigSet):
            merge(self.config, record.config)
        elif isinstance(record, SummarySet):
            merge(self.summary, record.summary)
        elif isinstance(record, MetricDefined):
            self.metrics = [*(one for one in self.metrics if one.tag != record.tag), record]
        elif isinstance(record, Edited):
            for name in EDITABLE:
                value = getattr(record, name)
                if value is not None and record.wall_time >= self.edits.get(name, (-math.inf, None))[0]:
                    self.edits[name] = (record.wall_time, value)
        elif isinstance(record, Alert):
            self.alerts += 1
        elif isinstance(record, (Pane, PaneClosed)):
            take(self.windows, record)
        elif isinstance(record, Warned):
            self.warnings += 1

    def hear(self, lives: Iterable[WriterLife]) -> None:
        """Take in the newest signs of life."""
        for life in lives:
            writer = self.writers.setdefault(life.writer, WriterState())
            writer.attempt, writer.rank, writer.role = life.attempt, life.rank, life.role
            writer.life, writer.touched = life.life, max(writer.touched, life.touched)
            writer.dropped = max(writer.dropped, life.dropped)

    def goals(self) -> list[MetricDefined]:
        """How tags are to be read; the definition of a tag that was given last comes last."""
        return self.metrics

    def info(self, *, now: float, problems: tuple[Any, ...] = ()) -> RunInfo:
        """Say what the run is at `now`, epoch seconds."""
        training = [writer for writer in self.writers.values() if writer.role != "board"]
        newest = training if len(training) == 1 else _newest(training)
        opened = [writer.opened for writer in training if not math.isnan(writer.opened)]
        started = min(opened) if opened else self.created
        signs = [writer.touched for writer in training] + [writer.ended for writer in training if writer.ended is not None]
        updated = max([sign for sign in signs if sign] + ([started] if not math.isnan(started) else []), default=math.nan)
        status = _status(newest, now=now, updated=updated)
        ends = [writer.ended for writer in newest if writer.ended is not None]
        return RunInfo(
            key=self.key,
            id=self.id,
            project=self.project,
            name=self._edited("name", self.name),
            source=self.source,
            path=self.path,
            status=status,
            started=started,
            updated=updated,
            ended=max(ends) if ends and status in ("finished", "failed") else None,
            group=self._edited("group", self.group),
            tags=tuple(self._edited("tags", self.tags)),
            notes=self._edited("notes", self.notes),
            hidden=bool(self._edited("hidden", False)),
            archived=bool(self._edited("archived", False)),
            framework=framework_of(self.frameworks),
            host=next((writer.host for writer in newest if writer.host), ""),
            attempts=len({writer.attempt for writer in training}) or 1,
            ranks=len({writer.rank for writer in training}) or 1,
            dropped=sum(writer.dropped for writer in training),
            silent_s=max(0.0, now - updated) if status == "silent" else 0.0,
            error=next((writer.error for writer in newest if writer.error), ""),
            config=self.config,
            summary=self.summary,
            problems=problems,
            panes=open_count(self.windows),
            alerts=self.alerts,
            color=self._edited("color", ""),
        )

    def color(self) -> str:
        """The colour a person gave the run, or ''."""
        return str(self._edited("color", ""))

    def _writer(self, placed: Placed) -> WriterState:
        writer = self.writers.setdefault(placed.writer, WriterState())
        writer.attempt, writer.rank = placed.attempt, placed.rank
        return writer

    def _edited(self, name: str, otherwise: Any) -> Any:
        return self.edits[name][1] if name in self.edits else otherwise


def _newest(training: list[WriterState]) -> list[WriterState]:
    """The writers that tell how the newest attempt goes: its main processes, else all of it."""
    attempt = max((writer.attempt for writer in training), default=1)
    return [writer for writer in training if writer.attempt == attempt and writer.role == "main"] or [
        writer for writer in training if writer.attempt == attempt
    ]


def _status(newest: list[WriterState], *, now: float, updated: float) -> Status:
    open_ones = [writer for writer in newest if writer.ended is None]
    if any(writer.ended is not None and writer.status == "failed" for writer in newest):
        return "failed"
    if newest and not open_ones:
        return "finished"
    if any(writer.life == "alive" for writer in open_ones):
        return "running"
    if any(writer.life == "dead" for writer in open_ones):
        return "killed"
    return "running" if now - updated <= SILENT_AFTER_S else "silent"


def framework_of(seen: Mapping[str, str]) -> str:
    """The name of the framework that says most about a program which imported `seen`, "" for plain Python."""
    return next((name for module, name in FRAMEWORKS if module in seen), "")


def merge(into: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Merge `new` into `into`, key by key; mappings are merged, everything else is replaced."""
    for key, value in new.items():
        old = into.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merge(old, value)
        else:
            into[key] = value
