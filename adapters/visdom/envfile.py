"""One environment as Visdom saves it, ``<env>.json`` -> records and points.

    {"jsons": {window: pane}, "reload": {window: place}, "experiment"?: {...}, "name"?: the name, where the file has another}

Source: visdom/utils/server_utils.py (0.2.4), visdom/data_model/json_store.py (0.3.0). Unknown keys are passed over; a pane that cannot
be decoded is a problem and hides no other. Bytes of pictures, sounds, figures and contents stay in the file: a blob is
`records.Foreign` with the encoding ``visdom-<form>-<n>-<crc>``, which `decoded` resolves: the value of JSON that lies there, in the n-th of
one of the forms of `points`. crc is the CRC-32C of what lies there, in hex: Visdom writes a file anew in place, and other bytes at the
same place are another blob.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import google_crc32c
import numpy as np

from ...store.errors import Damaged, NotFound
from ...store.kinds import Points, Problem
from ...store.records import Blob, ConfigSet, Edited, Ended, Foreign, MetricDefined, Pane, Record
from ...store.source import Strand
from .jsonspans import Cut, NotJson, OpenMembers, Span, begin_of, decode, end_of, items, members
from .points import JSON, Path, Place, form_of, packable, points_of
from .traces import Names, TraceSeries, plain_text, split

ENCODING: Final = "visdom-"
WRITER: Final = "visdom"
OWN: Final = frozenset(("command", "content", "id", "title", "i", "width", "height", "type"))
"""Fields of a pane that have a field of their own in `records.Pane`, or need none."""
_MADE_AT: Final = re.compile(r"window_([0-9a-f]{14})\Z")


@dataclass(slots=True)
class EnvText:
    """The JSON of an environment, its parts found but not decoded. damage: where it stops being JSON, or None.

    windows     (window, where its pane lies), in the order of the file, which is the order in which they came
    """

    windows: list[tuple[str, Span]] = field(default_factory=list)
    reload: Span | None = None
    experiment: Span | None = None
    name: str = ""
    damage: NotJson | None = None


@dataclass(slots=True)
class Found:
    """What an environment holds."""

    records: list[tuple[Record, int]] = field(default_factory=list)
    strands: list[Strand] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class InText:
    """A pane that lies in a text. data: the text; span: of the pane; name: of the file, as blobs tell it."""

    def __init__(self, data: bytes, span: Span, name: str) -> None:
        self._data, self._span, self._name = data, span, name
        self._parts: dict[int, Mapping[str | int, Span]] = {}

    def _find(self, path: Path) -> Span:
        """Where the value at `path` lies; each list and object is gone through once. Raises NotJson, KeyError."""
        span = self._span
        for step in path:
            parts = self._parts.get(span.begin)
            if parts is None:
                is_list = self._data[span.begin : span.begin + 1] == b"["
                found = enumerate(items(self._data, span.begin)) if is_list else members(self._data, span.begin)
                parts = self._parts[span.begin] = dict(found)
            span = parts[step]
        return span

    def blob(self, path: Path, form: str, media_type: str, number: int = 0) -> Blob:
        begin, end = self._find(path)
        crc = google_crc32c.value(self._data[begin:end])
        return Foreign(self._name, begin, end - begin, media_type, f"{ENCODING}{form}-{number}-{crc:08x}")


def decoded(blob: Foreign, data: bytes) -> bytes:
    """What `blob` is, when `data` lies where it says.

    Raises:
        NotFound: other bytes lie there now.
        Damaged: `blob` names a form that they do not have.
    """
    form, number, crc = (*blob.encoding[len(ENCODING) :].split("-"), "", "", "")[:3]
    if f"{google_crc32c.value(data):08x}" != crc:
        raise NotFound(f"blob: Visdom wrote the file anew; what lies there now is found with the next reading of {blob.path}")
    try:
        return form_of(form, decode(data), int(number))
    except NotJson as error:
        raise Damaged(f"blob: {error.what} at byte {blob.offset + error.offset} of {blob.path}") from None
    except ValueError:
        raise Damaged(f"blob: want visdom-FORM-NUMBER-CRC, got {blob.encoding!r}") from None


def open_env(data: bytes) -> EnvText:
    """Find the parts of an environment's JSON, as far as it is JSON. Each byte is looked at once."""
    text = EnvText()
    try:
        outer = OpenMembers(data, begin_of(data, 0))
        for key, begin in outer:
            if key == "jsons":
                windows = OpenMembers(data, begin)
                for window, at in windows:
                    windows.ends = end_of(data, at)
                    text.windows.append((window, Span(at, windows.ends)))
                outer.ends = windows.behind
                continue
            outer.ends = end_of(data, begin)
            if key == "reload":
                text.reload = Span(begin, outer.ends)
            elif key == "experiment":
                text.experiment = Span(begin, outer.ends)
            elif key == "name":
                text.name = plain_text(decode(data[begin : outer.ends], begin))
    except NotJson as error:
        text.damage = error
    return text


def read_env(data: bytes, *, path: str, name: str, wall_time: float) -> tuple[EnvText, Found]:
    """All that the environment in `data` holds. path: of the file, for problems; name: as blobs tell it; wall_time: of its points.

    Nothing is raised: what is damaged is among the problems, and a `Cut` text has `EnvText.damage`.
    """
    text, found, names = open_env(data), Found(), Names()
    if text.damage is not None:
        found.problems.append(Problem(path, text.damage.offset, text.damage.what))
    reload = _decoded(data, text.reload, path, found) if text.reload is not None else {}
    experiment = _decoded(data, text.experiment, path, found) if text.experiment is not None else None
    if isinstance(experiment, Mapping):
        take_experiment(experiment, names, found, wall_time=wall_time, offset=text.experiment.begin if text.experiment else 0)
    for window, span in text.windows:
        pane = _decoded(data, span, path, found)
        if pane is None:
            continue
        if not isinstance(pane, dict):
            found.problems.append(Problem(path, span.begin, f"pane {window!r}: want an object, got {type(pane).__name__}"))
            continue
        place = reload.get(window) if isinstance(reload, Mapping) else None
        take_pane(pane, names, found, InText(data, span, name), window=window, stands=place, wall_time=wall_time, offset=span.begin)
    return text, found


def _decoded(data: bytes, span: Span, path: str, found: Found) -> Any:
    try:
        return decode(data[span.begin : span.end], span.begin)
    except NotJson as error:
        found.problems.append(Problem(path, error.offset, f"{error.what}; skipped"))
        return None


def take_pane(
    pane: dict[str, Any], names: Names, found: Found, place: Place, *, window: str, stands: Any, wall_time: float, offset: int
) -> None:
    """Put a pane, its series and its points into `found`. stands: its entry of "reload"."""
    pane = {**pane, "id": window}
    parts = split(pane, names)
    points = list(points_of(pane, parts, place, wall_time))
    tag = parts.tag if points else ""
    record = Pane(
        wall_time=wall_time,
        window=plain_text(window),
        type=plain_text(pane.get("type")),
        content=place.blob(("content",), "content", JSON) if "content" in pane else Foreign("", 0, 0, JSON),
        title=plain_text(pane.get("title")),
        order=_whole(pane.get("i")),
        tag=tag,
        traces=parts.traces,
        width=_number(pane.get("width")),
        height=_number(pane.get("height")),
        place=packable(stands) if isinstance(stands, Mapping) else {},
        options=packable({key: value for key, value in pane.items() if key not in OWN}),
    )
    found.records.append((record, offset))
    found.records += [(point, offset) for point in points]
    for series in parts.series:
        take_series(series, found, wall_time=wall_time, offset=offset)


def take_series(series: TraceSeries, found: Found, *, wall_time: float, offset: int, attempt: int = 1) -> None:
    """Put the numbers of a trace into `found`, and the clock of its own where it has one."""
    times = np.full(len(series.step), wall_time)
    found.strands.append(Strand(series.tag, 0, attempt, WRITER, Points(series.step, times, series.value)))
    if series.x is not None:
        found.strands.append(Strand(series.x_tag, 0, attempt, WRITER, Points(series.step, times, series.x)))
        found.records.append((MetricDefined(wall_time=wall_time, tag=series.tag, x=series.x_tag), offset))


def take_experiment(experiment: Mapping[str, Any], names: Names, found: Found, *, wall_time: float, offset: int) -> None:
    """Put an experiment of Visdom 0.3.0 into `found`: parameters, metrics with their steps and times, tags, how it ended."""
    began = _number(experiment.get("created_at")) or wall_time
    params = {plain_text(one["key"]): packable(one.get("value")) for one in _keyed(experiment.get("params"))}
    if params:
        found.records.append((ConfigSet(wall_time=began, config=params), offset))
    tags = [f"{plain_text(one['key'])}: {plain_text(one.get('value'))}" for one in _keyed(experiment.get("tags"))]
    notes = plain_text(experiment.get("description"))
    if tags or notes:  # as early as can be: what a person changes on the board wins
        found.records.append((Edited(wall_time=0.0, tags=tags or None, notes=notes or None), offset))
    rows: dict[str, list[tuple[int, float, float]]] = {}
    for one in _keyed(experiment.get("metrics")):
        points = rows.setdefault(plain_text(one["key"]), [])
        value, step = one.get("value"), one.get("step")
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)):
            at = step if isinstance(step, int) and abs(step) < 1 << 63 else (points[-1][0] + 1 if points else 0)
            time = _number(one.get("timestamp"))
            points.append((at, wall_time if time is None else time, math.nan if value is None else float(value)))
    for key, points in rows.items():
        if points:
            steps, times, values = zip(*points, strict=True)
            columns = Points(np.array(steps, np.int64), np.array(times, np.float64), np.array(values, np.float64))
            found.strands.append(Strand(names.metric(key), 0, 1, WRITER, columns))
    if experiment.get("status") in ("finished", "failed"):
        ended = _number(experiment.get("finished_at"))
        found.records.append((Ended(wall_time=wall_time if ended is None else ended, status=str(experiment["status"])), offset))


def made_at(window: str, *, before: float) -> float | None:
    """When Visdom's client made up this name of a window, epoch seconds; None for any other name."""
    known = _MADE_AT.match(window)
    made = int(known.group(1), 16) / 1e7 if known is not None else 0.0
    return made if 1.4e9 < made <= before else None


def is_cut(text: EnvText) -> bool:
    """Whether the text ends too early: Visdom may be writing it."""
    return isinstance(text.damage, Cut)


def _keyed(items: Any) -> list[Mapping[str, Any]]:
    return [one for one in items if isinstance(one, Mapping) and "key" in one] if isinstance(items, list) else []


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 53 else 0


def _number(value: Any) -> float | None:
    """A size or a time; None for anything else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1 << 53 else None
