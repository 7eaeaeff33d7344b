"""The journal of one live environment: what changed in it -> records and points of a native run.

    run.json            name: the environment; launch begins with `LAUNCH`, by which these runs are known
    points-*.cbj        the numbers of curves, and metrics of experiments
    records-*.cbr       `Pane` whenever anything of a window but its numbers changes, `PaneClosed`, `TagDeclared`, pictures, texts ...
    media/              large contents, pictures
    panes/<n>.json      contents that grow: texts that are appended to, histories (`records.Foreign`, encoding "json-open")

Curves follow `traces`: x is the step where all of it is whole; else the points count 0, 1, 2 ... and x is a series of its own at the
same steps. Numbers that go on where the curve stood are appended, so that a call costs what it brings. A curve that is drawn anew
with other numbers, or whose x turns out not to be whole, is declared anew under the next attempt (`TagDeclared.attempt`): charts show
the newest, and `PaneTrace.attempt` says which numbers a pane holds.

Everything is in the kernel when `keep` returns: points by a store into a mapped file or write(2), records by write(2). A killed board has
lost nothing that was answered. Wall times of one environment's records always grow, also when the clock goes back.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from ...store.blobs import write_blob
from ...store.errors import Damaged
from ...store.filesystem import way_of
from ...store.kinds import F64, I64
from ...store.points import PointsHeader
from ...store.process import this_process
from ...store.records import (
    VERSION,
    Blob,
    ConfigSet,
    Edited,
    Ended,
    Foreign,
    MetricDefined,
    Opened,
    Pane,
    PaneClosed,
    PaneTrace,
    Record,
    SummarySet,
    TagDeclared,
    encode_record,
)
from ...store.rundir import claim_attempt
from ...store.writer import PointsFile, RecordsFile, open_points, open_records
from .changes import Change, ContentAdded, ExperimentSet, NumbersAdded, PaneGone, PaneSet
from .environment import Environment
from .numbers import Column
from .parts import columns_of, plain, traces_of
from .points import JSON, Path, form_of, packable, points_of
from .traces import Names, Parts, is_whole, plain_text

LAUNCH: Final = "visdom-environment"
EXPERIMENT: Final = "experiment"
"""Key of the run's summary under which an experiment is kept, without its parameters' copies in the config and its metrics."""
DELETED: Final = "visdom delete_env"
"""User of the edit that hides a deleted environment; by it the protocol knows that it is gone."""
GROWING: Final = "panes"
OPEN_JSON: Final = "json-open"
TOUCH_S: Final = 1.0
OWN: Final = frozenset(("command", "content", "contentID", "id", "title", "i", "width", "height", "type"))
_EXTENSIONS: Final = {
    "application/json": "json",
    "application/vnd.apache.arrow.stream": "arrow",
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
    "audio/wav": "wav",
    "audio/mpeg": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "video/mp4": "mp4",
    "video/webm": "webm",
}


class Curve(NamedTuple):
    """How the numbers of one trace are kept. x: "" where x is the step, else the tag of the series that holds it."""

    tag: str
    attempt: int
    x: str
    length: int


class Growing(NamedTuple):
    """A content that grows: the file, from the run's directory, and how much of it counts."""

    path: str
    length: int


class Journal:
    """Writes one environment into the run in `directory`. Not for several threads at a time.

    Its state (`curves`, `attempts` ...) is what `restoring.restore` found, or empty for a new run.
    """

    def __init__(self, directory: str, *, launch: str) -> None:
        self.directory = directory
        self.launch = launch
        self.names = Names()
        self.curves: dict[str, dict[int, Curve]] = {}
        self.attempts: dict[str, int] = {}
        self.steps: dict[str, int] = {}
        self.stepless: set[str] = set()
        self.metrics: dict[str, int] = {}
        self.metric_tags: dict[str, str] = {}
        self.newest = 0.0
        self._points: PointsFile | None = None
        self._records: RecordsFile | None = None
        self._writer = ""
        self._ids: dict[tuple[str, int], int] = {}
        self._last: dict[str, bytes] = {}
        self._contents: dict[str, bytes] = {}
        self._growing: dict[str, Growing] = {}
        self._touched = 0.0

    # ------------------------------------------------------------------------------------------------ the writer

    @property
    def is_open(self) -> bool:
        """Whether it holds files open."""
        return self._records is not None

    def _open(self) -> tuple[PointsFile, RecordsFile]:
        if self._points is not None and self._records is not None:
            return self._points, self._records
        attempt = claim_attempt(self.directory, self.launch)
        head = f"a{attempt}r0-"
        self._writer = head + os.urandom(8).hex()[: 16 - len(head)]
        way, _ = way_of(self.directory)
        self._points = open_points(self.directory, PointsHeader(self._writer, attempt, 0, self._now()), way)
        self._records = open_records(self.directory, self._writer)
        self._ids.clear()
        process = this_process()
        opened = Opened(
            version=VERSION, writer=self._writer, attempt=attempt, rank=0, wall_time=self._now(), process=process, launch=self.launch
        )
        self._records.append(opened)
        return self._points, self._records

    def close(self, *, status: str = "finished") -> None:
        """Record the end of this writer and let go of its files. What comes later opens the next one."""
        if self._points is None or self._records is None:
            return
        points, dropped = self._points.close(), self._points.dropped
        try:
            self._records.append(Ended(wall_time=self._now(), status=status, points=points, dropped=dropped))
        finally:
            self._records.close()
            self._points = self._records = None
            self._last.clear()
            self._contents.clear()
            self._growing.clear()

    def prepare(self) -> None:
        """Grow the points journal ahead of need."""
        if self._points is not None:
            self._points.prepare()

    def _now(self) -> float:
        self.newest = max(time.time(), self.newest + 1e-6)
        return self.newest

    def _append(self, *records: Record) -> None:
        self._open()[1].append(*records)

    # ------------------------------------------------------------------------------------------------- changes

    def keep(self, environment: Environment, changes: tuple[Change, ...]) -> None:
        """Write what `changes` say of `environment`, which is as it stands after them.

        Raises:
            OSError: something could not be written. The state in memory then no longer is what the files say: read it anew.
        """
        if not changes:
            return
        points, _ = self._open()
        dropped = points.dropped
        for change in changes:
            if isinstance(change, NumbersAdded):
                self._numbers(environment, change)
            elif isinstance(change, PaneSet):
                self._pane(environment, change)
            elif isinstance(change, ContentAdded):
                self._content(environment, change)
            elif isinstance(change, PaneGone):
                self._gone(change.window)
            elif isinstance(change, ExperimentSet):
                self._experiment(environment, change)
        if points.dropped > dropped:
            raise OSError(28, f"{points.dropped - dropped} points found no room: {points.full}", self.directory)
        now = time.monotonic()
        if points.way == "mmap" and now - self._touched > TOUCH_S and self._points is points:
            self._touched = now
            os.utime(points.fd)  # stores into a map move no time, by which readers see life

    def delete(self) -> None:
        """Say that the environment is deleted, and end."""
        self._append(Edited(wall_time=self._now(), hidden=True, user=DELETED))
        self.close()

    def _gone(self, window: str) -> None:
        self.curves.pop(window, None)
        for kept in (self._last, self._contents, self._growing):
            kept.pop(window, None)
        self._append(PaneClosed(wall_time=self._now(), window=window))

    # -------------------------------------------------------------------------------------------------- numbers

    def _numbers(self, environment: Environment, change: NumbersAdded) -> None:
        pane, curves = environment.panes[change.window], self.curves.get(change.window, {})
        traces = traces_of(pane)
        for place, start in change.traces:
            both, curve = columns_of(traces[place]), curves.get(place)
            if both is None or curve is None or curve.length != start or not (curve.x or _whole_from(both[0], start)):
                standing = {at: (at, one.length) for at, one in curves.items()}
                self._pane_record(pane, change.window, standing, environment.reload.get(change.window))
                return
            curves[place] = self._add(curve, *both, start)

    def _add(self, curve: Curve, x: Column, y: Column, start: int) -> Curve:
        """Append what `x` and `y` hold from `start` on."""
        count = len(x)
        if count == start:
            return curve
        xs, ys = np.array(x.values[start:], np.float64), np.array(y.values[start:], np.float64)
        if curve.x:
            steps = np.arange(start, count, dtype=np.int64)
            self._put(curve.x, curve.attempt, xs, steps)
        else:
            steps = xs.astype(np.int64)
        self._put(curve.tag, curve.attempt, ys, steps)
        return curve._replace(length=count)

    def _put(self, tag: str, attempt: int, values: F64, steps: I64) -> None:
        points, records = self._open()
        number = self._ids.get((tag, attempt))
        if number is None:
            number = len(self._ids) + 1
            records.append(TagDeclared(id=number, tag=tag, attempt=attempt))
            self._ids[tag, attempt] = number
        now = self._now()
        if len(values) < 8:
            for value, step in zip(values.tolist(), steps.tolist(), strict=True):
                points.put(number, value, step, now)
        else:
            points.put_many(number, values, steps, now)

    def _curve(self, window: str, title: str, name: str, *, occurrence: int, alone: bool, by_step: bool) -> Curve:
        """A new curve for a trace: the next attempt of its tag."""
        tag = self.names.trace(window, title, name, occurrence=occurrence, alone=alone)
        attempt = self.attempts[tag] = self.attempts.get(tag, 0) + 1
        x = "" if by_step else f"{tag} x"
        if x or attempt > 1:
            self._append(MetricDefined(wall_time=self._now(), tag=tag, x=x))
        return Curve(tag, attempt, x, 0)

    # ---------------------------------------------------------------------------------------------------- panes

    def _pane(self, environment: Environment, change: PaneSet) -> None:
        self._growing.pop(change.window, None)
        self._pane_record(environment.panes[change.window], change.window, change.kept, environment.reload.get(change.window))

    def _pane_record(
        self, pane: Mapping[str, Any], window: str, kept: Mapping[int, tuple[int, int]], place: Any = None, content: Blob | None = None
    ) -> None:
        """Write the numbers of a pane that are not kept yet, its pictures and texts, and how it stands now."""
        title = plain_text(pane.get("title"))
        before, traces, now = self.curves.get(window, {}), traces_of(pane), {}
        seen: dict[str, int] = {}
        for at, trace in enumerate(traces):
            name = plain_text(trace.get("name")) if isinstance(trace, dict) else ""
            occurrence = seen[name] = seen.get(name, -1) + 1
            both = columns_of(trace)
            if both is None:
                continue
            was, start = kept.get(at, (-1, 0))
            curve = before.get(was)
            goes_on = curve is not None and curve.length == start and (curve.x != "" or _whole_from(both[0], start))
            if curve is None or not goes_on:
                by_step, start = is_whole(both[0].array()), 0
                curve = self._curve(window, title, name, occurrence=occurrence, alone=len(traces) == 1, by_step=by_step)
            now[at] = self._add(curve, *both, start)
        self.curves[window] = now
        self._write_pane(pane, window, now, place, content)

    def _write_pane(self, pane: Mapping[str, Any], window: str, curves: Mapping[int, Curve], place: Any, content: Blob | None) -> None:
        title = plain_text(pane.get("title"))
        told = [PaneTrace(at, curve.tag, curve.attempt, curve.x) for at, curve in sorted(curves.items())]
        tag = self.names.pane(window, title)
        if content is None:
            data = content_json(pane)
            fresh = hashlib.sha256(data).digest()
            if self._contents.get(window) != fresh:
                self._contents[window] = fresh
                self._media(pane, Parts(tag, None, told, []))
            content = write_blob(self.directory, data, extension="json", media_type=JSON)
        options = {key: value for key, value in pane.items() if key not in OWN}
        options.update({key: pane[key] for key in ("title", "width", "height", "i") if key in pane and not _fits(key, pane[key])})
        record = Pane(
            wall_time=0.0,
            window=window,
            type=plain_text(pane.get("type")),
            content=content,
            title=title,
            order=pane["i"] if _fits("i", pane.get("i")) else 0,
            tag=tag if tag in self.steps else "",
            traces=told,
            width=pane.get("width") if _fits("width", pane.get("width")) else None,
            height=pane.get("height") if _fits("height", pane.get("height")) else None,
            place=packable(place) if isinstance(place, Mapping) else {},
            options=packable(options, 64),
        )
        encoded = encode_record(record)
        if self._last.get(window) != encoded:
            self._append(_at(record, self._now()))
            self._last[window] = encoded

    def _content(self, environment: Environment, change: ContentAdded) -> None:
        """A text or a history that grows: its content goes on in a file, and the record says how long it is now."""
        window, pane = change.window, environment.panes[change.window]
        growing = self._growing.get(window)
        if growing is None:
            data = content_json(pane)[:-1]
            name = f"{GROWING}/{self._begun()}-{os.urandom(6).hex()}.json"
            os.makedirs(os.path.join(self.directory, GROWING), exist_ok=True)
            growing = Growing(name, 0)
        elif isinstance(change.content, str):
            data = json.dumps("<br>" + change.content)[1:-1].encode()
        else:
            data = b"," + json.dumps(change.content, separators=(",", ":")).encode()
        descriptor = os.open(os.path.join(self.directory, growing.path), os.O_WRONLY | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
        try:
            os.lseek(descriptor, growing.length, os.SEEK_SET)
            done = os.write(descriptor, data)
        finally:
            os.close(descriptor)
        if done != len(data):
            raise OSError(28, f"only {done} of {len(data)} bytes fitted", self.directory)
        growing = Growing(growing.path, growing.length + len(data))
        kind = {"image_history": "image", "text": "text"}.get(str(pane.get("type")))
        tag = self.names.pane(window, plain_text(pane.get("title")))
        if kind is not None:
            self._media({**pane, "type": kind, "content": change.content}, Parts(tag, None, [], []))
        self._write_pane(pane, window, {}, environment.reload.get(window), Foreign(growing.path, 0, growing.length, JSON, OPEN_JSON))
        self._growing[window] = growing

    def _begun(self) -> str:
        self._open()
        return self._writer

    def _media(self, pane: Mapping[str, Any], parts: Parts) -> None:
        """Pictures, sounds, texts and figures of a pane as points, behind those that its tag has."""
        whole = {**pane, "content": plain(pane.get("content"))} if len(parts.traces) < len(traces_of(pane)) or not parts.traces else pane
        try:
            found = list(points_of(whole, parts, _Kept(self.directory, whole), self._now()))
        except Damaged:
            return
        first = self.steps.get(parts.tag, 0)
        for point in found:
            if isinstance(point, (ConfigSet, Pane)):
                self._append(point)
                continue
            step = first + getattr(point, "step", 0)
            self._append(_at(point, self._now(), step=step))
            self.steps[parts.tag] = step + 1

    # ------------------------------------------------------------------------------------------------ experiments

    def _experiment(self, environment: Environment, change: ExperimentSet) -> None:
        experiment = environment.experiment or {}
        tags = self.metric_tags
        for key, value, step, _ in change.metrics:
            tag = tags.setdefault(key, self.names.metric(plain_text(key)))
            if step is None:
                self.stepless.add(key)
            at = self.metrics.get(tag, 0) if step is None else step
            self.metrics[tag] = at + 1
            self._put(tag, 1, np.array([value], np.float64), np.array([at], np.int64))
        known = {key: value for key, value in experiment.items() if key != "metrics"}
        kept = packable({**known, "without_step": sorted(self.stepless), "metric_tags": tags}, 64)
        encoded = json.dumps(kept, sort_keys=True).encode()
        if self._last.get(f"\0{EXPERIMENT}") != encoded:
            self._last[f"\0{EXPERIMENT}"] = encoded
            params = {plain_text(one["key"]): packable(one["value"]) for one in experiment.get("params", ())}
            if params:
                self._append(ConfigSet(wall_time=self._now(), config=params))
            self._append(SummarySet(wall_time=self._now(), summary={EXPERIMENT: kept}))
        if experiment.get("status") in ("finished", "failed"):
            self.close(status=str(experiment["status"]))


class _Kept:
    """Where parts of a live pane are kept: by content in the run's directory. Implements `points.Place`."""

    def __init__(self, directory: str, pane: Mapping[str, Any]) -> None:
        self._directory, self._pane = directory, pane

    def blob(self, path: Path, form: str, media_type: str, number: int = 0) -> Blob:
        value: Any = self._pane
        for key in path:
            value = value[key]
        extension = _EXTENSIONS.get(media_type, "bin")
        return write_blob(self._directory, form_of(form, value, number), extension=extension, media_type=media_type)


def content_json(pane: Mapping[str, Any]) -> bytes:
    """The content of a pane as JSON, without the numbers of its curves; what is not finite elsewhere stays a bare token."""
    content = pane.get("content")
    if pane.get("type") == "plot" and isinstance(content, dict):
        data = [
            {key: value for key, value in trace.items() if key not in ("x", "y")} if columns_of(trace) else plain(trace)
            for trace in traces_of(pane)
        ]
        content = {**content, "data": data} if isinstance(content.get("data"), list) else content
    return json.dumps(content, separators=(",", ":")).encode()


def _at(record: Any, wall_time: float, **more: Any) -> Any:
    return msgspec.structs.replace(record, wall_time=wall_time, **more)


def _whole_from(x: Column, start: int) -> bool:
    """Whether what `x` holds from `start` on can be steps."""
    return is_whole(np.array(x.values[start:], np.float64))


def _fits(key: str, value: Any) -> bool:
    """Whether a field of `records.Pane` can hold the value of that key of a pane as it is."""
    if key == "title":
        return isinstance(value, str)
    if key == "i":
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1 << 53)
