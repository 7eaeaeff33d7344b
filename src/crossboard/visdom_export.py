"""Runs as environments that Visdom opens: ``crossboard export RUN... --format visdom --output DIR``, or ``--to http://HOST:PORT``.

One environment a run, named as the run is; or, with ``--together NAME``, one for all of them: a pane a tag with a curve a run, in the order
and colours of their groups. A run that has panes of Visdom's (it came from there) has them again as they stood.

Every point of the default view of a series is written. Visdom keeps no wall time of a curve's points, no infinity and no attempt; what that
and the lack of a form leave out is counted.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from crossboard.adapters.visdom import panes as made
from crossboard.adapters.visdom.posting import Server
from crossboard.adapters.visdom.traces import WHOLE_BELOW, rejoin
from crossboard.adapters.visdom.writer import EnvWriter, safe_eid
from crossboard.store.attempts import joined
from crossboard.store.errors import CrossboardError
from crossboard.store.export import tag_pattern
from crossboard.store.kinds import POINT_KINDS, Kind, Points, RunInfo, SeriesKey
from crossboard.store.records import Blob, MetricDefined, Pane, PaneClosed, PaneTrace, Point
from crossboard.store.runquery import choose, value_of
from crossboard.store.store import Store

INFINITIES: Final = "infinities, which are NaN in Visdom"
OLDER: Final = "points of attempts that a newer one took the place of"
FAR: Final = "points at steps beyond 2^53, which browsers round"
GONE: Final = "points whose data is gone or damaged"


@dataclass(slots=True)
class VisdomExported:
    """What was written: counts, and what had no form."""

    path: str
    runs: int = 0
    environments: int = 0
    panes: int = 0
    points: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        head = (
            f"{self.points:,} points in {self.panes:,} panes of {self.environments:,} environments, from {self.runs:,} runs -> {self.path}"
        )
        return "\n".join([head, *(f"left out: {count:,} {what}" for what, count in sorted(self.left_out.items()) if count)])


def export_visdom(
    store: Store,
    output: str | os.PathLike[str] | None = None,
    *,
    to: Server | None = None,
    runs: str = "",
    tags: str = "",
    together: str = "",
    group_by: str = "",
) -> VisdomExported:
    """Write the runs that the query `runs` means, and of them the tags that the regular expression `tags` finds; empty means all.

    output: a directory, whose environments of other names stay; to: a running Visdom instead. together: one environment of that
    name for all. group_by: a field of run queries; runs that are equal there stand together and have one colour.

    Raises:
        BadQuery: `runs` or `tags` does not parse.
        CrossboardError: an environment is there already; the server does not answer as a Visdom does.
        OSError: the directory cannot be written.
    """
    pattern = tag_pattern(tags)
    chosen = choose(store.runs(), runs, metrics=store.metrics)
    report = VisdomExported(to.url if to is not None else os.path.abspath(os.fspath(output or ".")), runs=len(chosen))
    writing = _Writing(store, pattern, report)
    if together:
        environments = [writing.together(chosen, together, group_by)] if chosen else []
    else:
        names = _unique([safe_eid(run.name) for run in chosen], [safe_eid(f"{run.name}-{run.id}") for run in chosen])
        environments = [writing.alone(run, name) for run, name in zip(chosen, names, strict=True)]
    if to is None:
        taken = [one.eid for one in environments if os.path.exists(os.path.join(report.path, f"{one.eid}.json"))]
        if taken:
            there = ", ".join(f"{name}.json" for name in taken[:5])
            raise CrossboardError(f"output: {there} is there already; remove it, or name another directory than {report.path}")
    for one in environments:
        if to is None:
            one.write(report.path)
        else:
            one.post(to)
        report.environments += 1
        report.panes += len(one.panes)
        report.left_out.update(one.left_out)
    return report


def _unique(names: Sequence[str], longer: Sequence[str]) -> list[str]:
    """`names`, or, where several are equal, `longer`, made unique."""
    counts, found = Counter(names), []
    taken: set[str] = set()
    for name, more in zip(names, longer, strict=True):
        wanted = made_up = name if counts[name] == 1 else more
        number = 1
        while made_up in taken:
            number += 1
            made_up = f"{wanted}-{number}"
        taken.add(made_up)
        found.append(made_up)
    return found


class _Writing:
    """One export."""

    def __init__(self, store: Store, pattern: re.Pattern[str], report: VisdomExported) -> None:
        self.store, self.pattern, self.report = store, pattern, report

    # ------------------------------------------------------------------------------------------- one run alone

    def alone(self, run: RunInfo, eid: str) -> EnvWriter:
        environment = EnvWriter(eid)
        config = self.store.records(run.key, Kind.CONFIG)
        shown = self._panes(run, [one.record for one in config if isinstance(one.record, (Pane, PaneClosed))], environment)
        clocks = {one.record.tag: one.record.x for one in config if isinstance(one.record, MetricDefined) and one.record.x}
        lines = self._lines(run, clocks)
        metrics = []
        for tag, ranks in lines.items():
            if (tag, None) in shown:
                continue
            if run.source == "visdom":  # what is in no pane is a metric of the experiment
                metrics += [_metric(tag, *row) for points, _ in ranks.values() for row in _rows(points)]
                continue
            several = len(ranks) > 1
            traces = [made.line(points, x=x, name=f"rank {rank}" if several else "1") for rank, (points, x) in ranks.items()]
            environment.add(made.plot(tag, traces, x="step" if all(x is None for _, x in ranks.values()) else f"{tag} x"))
        for (kind, tag, rank), others in self._others(run).items():
            if (tag, kind) not in shown:
                self._add(environment, run, tag if not rank else f"{tag} (rank {rank})", others)
        params = _flat({key: value for key, value in run.config.items() if (key, Kind.CONFIG) not in shown})
        if params or metrics or run.notes or run.tags or run.status in ("finished", "failed"):
            self._experiment(environment, run, params, metrics, as_text=not shown)
        return environment

    def _experiment(self, environment: EnvWriter, run: RunInfo, params: dict[str, Any], metrics: list[Any], *, as_text: bool) -> None:
        about = {
            "name": run.name,
            "description": run.notes,
            "created_at": run.started if math.isfinite(run.started) else None,
            "finished_at": run.ended,
            "metrics": metrics,
        }
        tags = {key: value for key, _, value in (tag.partition(": ") for tag in run.tags)}
        status = run.status if run.status in ("finished", "failed") else "running"
        environment.config(params, status=status, tags=tags, as_text=as_text, **about)

    def _panes(self, run: RunInfo, records: Sequence[Pane | PaneClosed], environment: EnvWriter) -> set[tuple[str, Kind | None]]:
        """Write the panes that are open, as they stood; return the (tag, kind) that they show, None for curves."""
        newest: dict[str, Pane] = {}
        for record in sorted(records, key=lambda one: one.wall_time):  # several writers may have drawn them, one after the other
            if isinstance(record, PaneClosed):
                newest.pop(record.window, None)
            else:
                newest[record.window] = record
        shown: set[tuple[str, Kind | None]] = set()
        for pane in sorted(newest.values(), key=lambda one: one.order):
            tags = [tag for trace in pane.traces for tag in (trace.tag, trace.x) if tag]
            shown.update((tag, None) for tag in tags)
            shown.update((pane.tag, kind) for kind in (*POINT_KINDS, Kind.CONFIG) if pane.tag)
            if not any(self.pattern.search(one) for one in (*tags, pane.tag, pane.title or pane.window)):
                continue
            try:
                content = json.loads(self.store.blob(run.key, pane.content))
                content = rejoin(content, pane.traces, lambda trace: self._numbers(run, trace))
            except (CrossboardError, ValueError):
                self.report.left_out[GONE] += 1
                continue
            head = {"command": "window", "title": pane.title, "type": pane.type, "width": pane.width, "height": pane.height}
            environment.add({**head, "content": content, **pane.options}, window=pane.window, place=pane.place)
        return shown

    def _numbers(self, run: RunInfo, trace: PaneTrace) -> tuple[Any, Any]:
        points = self._of_attempt(SeriesKey(run.key, trace.tag), trace.attempt)
        self.report.points += len(points)
        self.report.left_out[INFINITIES] += int(np.isinf(points.value).sum())
        x = self._of_attempt(SeriesKey(run.key, trace.x), trace.attempt).value if trace.x else points.step
        return x, points.value

    def _of_attempt(self, key: SeriesKey, attempt: int) -> Points:
        if not attempt:
            return self.store.points(key)
        return joined([points for number, _, points in self.store.strands(key) if number == attempt])

    # ------------------------------------------------------------------------------------------- all in one

    def together(self, runs: Sequence[RunInfo], name: str, group_by: str) -> EnvWriter:
        environment = EnvWriter(safe_eid(name))
        groups = [_group(run, group_by, self.store) for run in runs]
        order = sorted(range(len(runs)), key=lambda place: (list(dict.fromkeys(groups)).index(groups[place]), place))
        labels = _unique([run.name for run in runs], [f"{run.name} ({run.id})" for run in runs])
        colors = {
            group: made.COLORS[place % len(made.COLORS)] for place, group in enumerate(dict.fromkeys(groups[place] for place in order))
        }
        traces: dict[str, list[dict[str, Any]]] = {}
        for number, place in enumerate(order):
            run, group = runs[place], groups[place]
            color = colors[group] if group_by else made.COLORS[number % len(made.COLORS)]
            clocks = {}
            for one in self.store.records(run.key, Kind.CONFIG):
                if isinstance(one.record, MetricDefined) and one.record.x:
                    clocks[one.record.tag] = one.record.x
            for tag, ranks in self._lines(run, clocks).items():
                for rank, (points, x) in ranks.items():
                    label = labels[place] if len(ranks) == 1 else f"{labels[place]} rank {rank}"
                    trace = made.line(points, x=x, name=label, group=group if group_by else "", color=color)
                    traces.setdefault(tag, []).append(trace)
        for tag in sorted(traces):
            environment.add(made.plot(tag, traces[tag], x="step", showlegend=True))
        for place in order:
            for (_, tag, rank), others in self._others(runs[place]).items():
                of = f"{labels[place]}, rank {rank}" if rank else labels[place]
                self._add(environment, runs[place], f"{tag} ({of})", others)
        configs = [_flat(runs[place].config) for place in order]
        keys = list(dict.fromkeys(key for config in configs for key in config))
        if keys:
            head = ["", *([group_by] if group_by else []), *keys]
            rows = [
                [labels[place], *([groups[place]] if group_by else []), *(config.get(key, "") for key in keys)]
                for place, config in zip(order, configs, strict=True)
            ]
            environment.add(made.pane("config", "text", made.table_of(head, rows)))
        return environment

    # ----------------------------------------------------------------------------------------------- the points

    def _lines(self, run: RunInfo, clocks: Mapping[str, str]) -> dict[str, dict[int, tuple[Points, Any]]]:
        """Tag -> rank -> points of the default view, and their own x where they have one."""
        found: dict[str, dict[int, tuple[Points, Any]]] = {}
        listed = self.store.series(run=run.key, kind=Kind.SCALAR)
        own = {f"{tag} x" for tag, x in clocks.items() if x == f"{tag} x"} & {one.key.tag for one in listed}
        for one in listed:
            tag = one.key.tag
            if not self.pattern.search(tag) or tag in own:
                continue
            points = self.store.points(one.key)
            x = None
            if f"{tag} x" in own:
                clock = self.store.points(SeriesKey(run.key, f"{tag} x", one.key.rank))
                x = clock.value if np.array_equal(clock.step, points.step) else None
            self.report.points += len(points)
            self.report.left_out[OLDER] += one.count - len(points)
            self.report.left_out[INFINITIES] += int(np.isinf(points.value).sum())
            self.report.left_out[FAR] += int((np.abs(points.step.astype(np.float64)) >= WHOLE_BELOW).sum())
            found.setdefault(tag, {})[one.key.rank] = (points, x)
        return found

    def _others(self, run: RunInfo) -> dict[tuple[Kind, str, int], list[Point]]:
        """(kind, tag, rank) -> points that are no scalars, by attempt and arrival."""
        found: dict[tuple[Kind, str, int], list[Point]] = {}
        for kind in POINT_KINDS:
            for placed in sorted(self.store.records(run.key, kind), key=lambda one: one.attempt):
                record = placed.record
                if isinstance(record, Point) and self.pattern.search(record.tag):
                    found.setdefault((kind, record.tag, placed.rank), []).append(record)
        return found

    def _add(self, environment: EnvWriter, run: RunInfo, title: str, points: list[Point]) -> None:
        def blob(asked: Blob) -> bytes:
            return self.store.blob(run.key, asked)

        try:
            panes, left_out = made.panes_of(title, points, blob)
        except made.NotCarried as error:
            self.report.left_out[str(error)] += len(points)
            return
        except CrossboardError:
            self.report.left_out[GONE] += len(points)
            return
        for pane in panes:
            environment.add(pane)
        self.report.points += len(points)
        self.report.left_out.update(left_out)


def _group(run: RunInfo, field_name: str, store: Store) -> str:
    if not field_name:
        return run.key
    value = value_of(run, field_name, lambda: store.metrics(run.key))
    return str(value) if isinstance(value, (str, int, float, bool)) and value != "" else "no group"


def _rows(points: Points) -> list[tuple[int, float, float]]:
    return list(zip(points.step.tolist(), points.wall_time.tolist(), points.value.tolist(), strict=True))


def _metric(key: str, step: int, wall_time: float, value: float) -> dict[str, Any]:
    return {"key": key, "value": value, "step": step, "timestamp": wall_time}


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested entries under names joined by dots; lists as JSON text. None is left out."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found.update(_flat(value, f"{prefix}{key}."))
        elif isinstance(value, (bool, int, float, str)):
            found[f"{prefix}{key}"] = value
        elif value is not None:
            found[f"{prefix}{key}"] = json.dumps(value, default=str)
    return found
