"""A pane of Visdom -> what of it is a series, and what stays: pure functions that files, logs and the live server share.

    parts = split(pane, names)      parts.content, parts.traces, parts.series
    rejoin(parts.content, parts.traces, numbers)        the pane's content again

A trace is a series when it is a curve (Plotly's "scatter" or "scattergl", or no type, without z), and its x and y are numbers (null
is NaN) of one length. Its numbers leave the content. Everything else stays there: bars, boxes, heatmaps, surfaces, curves over
dates or words.

x is the step where all of it is whole (and below 2^53). Else the points have steps 0, 1, 2 ..., and x is a series of its own
at the same steps, ``TAG x``, which is the x axis of the trace. `loggers.panes` follows the same rules.

Tags: ``title`` of a pane alone for a single trace without a name or named "1", as Visdom names it; else ``title/name``, where a trace
without a name has its number, from 1. A pane without a title has its window's id instead. A second pane of a title is ``title (2)``, a
second trace of a name ``title/name (2)``: in the order in which panes stand and traces come. `Names` gives them, and keeps what it gave.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from ...store.kinds import F64, I64
from ...store.records import PaneTrace
from .numbers import Column

CURVES: Final = ("scatter", "scattergl", None)
WHOLE_BELOW: Final = 1 << 53
"""Whole float64 numbers below are exact."""
_NUMBERS: Final = frozenset((int, float, type(None)))
_DTYPES: Final = frozenset(("f8", "f4", "i4", "i2", "i1", "u4", "u2", "u1", "float64", "float32", "int32", "int16", "int8", "uint8"))


@dataclass(frozen=True, slots=True)
class TraceSeries:
    """The numbers of one trace, one element a point.

    index   the trace's place in the pane's content
    tag     of the series; x_tag: of the series that holds x, "" where x is the step
    step    int64; value: float64, its y; x: float64 where x is not the step, else None
    """

    index: int
    tag: str
    x_tag: str
    step: I64
    value: F64
    x: F64 | None


class Parts(NamedTuple):
    """A pane, taken apart.

    tag      the pane's own: where its pictures, texts and figures are points
    content  what stays of its content; the very object of the pane where no trace was taken out
    traces   which traces are series, as `Pane.traces` has them; series: their numbers, in the same order
    """

    tag: str
    content: Any
    traces: list[PaneTrace]
    series: list[TraceSeries]


class Names:
    """The tags of one environment: unique in it, and the same whenever they are asked for again."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._panes: dict[str, tuple[str, str]] = {}
        self._metrics: dict[str, str] = {}
        self._traces: dict[tuple[str, str, str, int], str] = {}

    def pane(self, window: str, title: str) -> str:
        """The tag of the pane `window` as long as it is called `title`."""
        known = self._panes.get(window)
        if known is not None and known[0] == title:
            return known[1]
        tag = self._unique(title or window)
        self._panes[window] = (title, tag)
        return tag

    def trace(self, window: str, title: str, name: str, *, occurrence: int = 0, alone: bool = False) -> str:
        """The tag of a trace of that pane. occurrence: how many traces before it have its name; alone: it is the pane's only one."""
        pane = self.pane(window, title)
        key = (window, title, name, occurrence)
        tag = self._traces.get(key)
        if tag is None:
            if alone and name in ("", "1"):
                tag = pane
                self._taken.add(f"{tag} x")
            else:
                tag = self._unique(f"{pane}/{name or occurrence + 1}")
            self._traces[key] = tag
        return tag

    def know(self, window: str, title: str, pane: str, traces: Sequence[tuple[str, int, str]]) -> None:
        """Keep what was given before: the tag of a pane, and (name, occurrence, tag) of its traces."""
        if pane:
            self._panes[window] = (title, pane)
            self._taken.update((pane, f"{pane} x"))
        for name, occurrence, tag in traces:
            self._traces[window, title, name, occurrence] = tag

    def take(self, tag: str) -> None:
        """Let nothing else be called `tag`."""
        self._taken.add(tag)

    def know_metric(self, key: str, tag: str) -> None:
        """Keep the tag that a metric was given before."""
        self._metrics[key] = tag
        self._taken.update((tag, f"{tag} x"))

    def metric(self, key: str) -> str:
        """The tag of a metric of the environment's experiment."""
        if key not in self._metrics:
            self._metrics[key] = self._unique(key)
        return self._metrics[key]

    def _unique(self, wanted: str) -> str:
        tag, number = wanted, 1
        while tag in self._taken or f"{tag} x" in self._taken:
            number += 1
            tag = f"{wanted} ({number})"
        self._taken.update((tag, f"{tag} x"))
        return tag


def split(pane: Mapping[str, Any], names: Names) -> Parts:
    """Take `pane`, as Visdom keeps it under "jsons", apart. names: of the pane's environment; asked pane by pane in their order."""
    window, title = plain_text(pane.get("id")), plain_text(pane.get("title"))
    tag = names.pane(window, title)
    content = pane.get("content")
    curves = curves_of(content) if pane.get("type") == "plot" else []
    if not curves:
        return Parts(tag, content, [], [])
    data: list[Any] = content["data"]  # type: ignore[index]
    kept = list(data)
    traces: list[PaneTrace] = []
    series: list[TraceSeries] = []
    seen: dict[str, int] = {}
    numbers = {index: (x, y) for index, x, y in curves}
    for index, trace in enumerate(data):
        name = plain_text(trace.get("name")) if isinstance(trace, Mapping) else ""
        occurrence = seen.get(name, 0)
        seen[name] = occurrence + 1
        if index not in numbers:
            continue
        x, y = numbers[index]
        own = names.trace(window, title, name, occurrence=occurrence, alone=len(data) == 1)
        by_step = is_whole(x)
        step = x.astype(np.int64) if by_step else np.arange(len(x), dtype=np.int64)
        x_tag = "" if by_step else f"{own} x"
        traces.append(PaneTrace(index, own, 0, x_tag))
        series.append(TraceSeries(index, own, x_tag, step, y, None if by_step else x))
        kept[index] = without_numbers(trace)
    return Parts(tag, {**content, "data": kept}, traces, series)  # type: ignore[dict-item]


def curves_of(content: Any) -> list[tuple[int, F64, F64]]:
    """(index, x, y) of each trace of a plot's content that is a series."""
    data = content.get("data") if isinstance(content, Mapping) else None
    found = []
    for index, trace in enumerate(data if isinstance(data, list) else ()):
        if isinstance(trace, Mapping) and trace.get("type") in CURVES and trace.get("z") is None:
            x, y = numbers_of(trace.get("x")), numbers_of(trace.get("y"))
            if x is not None and y is not None and len(x) == len(y) and np.isfinite(x).any():
                found.append((index, x, y))
    return found


def numbers_of(values: Any) -> F64 | None:
    """A list of numbers and nulls, a column, or a typed array as Plotly writes it, as float64; None where it is anything else, or empty."""
    if isinstance(values, Column):
        return values.array() if len(values) else None
    if isinstance(values, Mapping):
        return _typed(values)
    if not isinstance(values, (list, tuple)) or not values or not _NUMBERS.issuperset(map(type, values)):
        return None
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return None


def _typed(values: Mapping[str, Any]) -> F64 | None:
    """A typed array of plotly.py 6: {"dtype": "f8", "bdata": base64}."""
    dtype, data = values.get("dtype"), values.get("bdata")
    if dtype not in _DTYPES or not isinstance(data, str) or not data or "," in str(values.get("shape", "")):
        return None
    try:
        return np.frombuffer(base64.b64decode(data, validate=True), np.dtype(str(dtype)).newbyteorder("<")).astype(np.float64)
    except (binascii.Error, ValueError):
        return None


def is_whole(x: F64) -> bool:
    """Whether `x` can be steps."""
    return bool(np.all(np.isfinite(x) & (x == np.rint(x)) & (np.abs(x) < WHOLE_BELOW)))


def without_numbers(trace: Mapping[str, Any]) -> dict[str, Any]:
    """`trace` without its x and y."""
    return {key: value for key, value in trace.items() if key not in ("x", "y")}


def rejoin(content: Any, traces: Sequence[PaneTrace], numbers: Callable[[PaneTrace], tuple[Sequence[Any], Sequence[Any]]]) -> Any:
    """The content of a pane with the x and y of `traces` in it; numbers: gives them."""
    if not traces:
        return content
    data = list(content["data"])
    for one in traces:
        x, y = numbers(one)
        data[one.index] = {"x": plain_list(x), "y": plain_list(y), **data[one.index]}
    return {**content, "data": data}


def plain_list(values: Any) -> list[Any]:
    """Numbers as a list for JSON, what is not finite as null: Visdom keeps no NaN."""
    array = np.asarray(values)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        plain: list[Any] = array.tolist()
        return plain
    return [value if fine else None for value, fine in zip(array.tolist(), np.isfinite(array).tolist(), strict=True)]


def plain_text(value: Any) -> str:
    """A name as text that every format can hold: "" for null, without half characters."""
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
