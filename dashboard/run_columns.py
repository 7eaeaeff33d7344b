"""The table of runs: one column for each thing that is known of runs, one row a run.

A column is named by its `id`: a field of the run (``status``), ``config.KEY`` and ``summary.KEY`` with dots into nested mappings, and
``metric.TAG.STATISTIC`` for what a scalar tag came to. Which columns there are follows from the runs: `described` says of each how
many runs have it, how many different values, and the one value where all have the same.

`Rows` flattens runs to cells and keeps them while a run stays as it is, so that a live table costs what changed. `Column.of` gathers
cells into one array of float64 and, for what is no number, a dictionary of its values: 10,000 runs of one optimizer are 10,000
small numbers and one text.
"""

from __future__ import annotations

import functools
import json
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..store.kinds import F64, MetricSummary, RunInfo

RUN_FIELDS: Final = (
    "name",
    "status",
    "source",
    "project",
    "group",
    "tags",
    "notes",
    "started",
    "duration",
    "updated",
    "framework",
    "host",
    "attempts",
    "ranks",
    "dropped",
    "error",
    "archived",
    "id",
    "path",
)
STATISTICS: Final = ("last", "min", "max", "best", "last_step", "min_step", "max_step", "best_step", "count", "non_finite")
EXACT_BELOW: Final = 2**53
"""Whole numbers from here on are no float64: they are told as text."""
MISSING: Final = object()
_TEXTS: Final = ("name", "status", "source", "project", "group", "notes", "framework", "host", "error", "id", "path")
_NUMBERS: Final = ("attempts", "ranks", "dropped", "archived")
_statistics_of: Final = operator.attrgetter(*STATISTICS)
_told: Final = operator.attrgetter(*(name for name in RunInfo.__dataclass_fields__ if name != "silent_s"))
"""All that cells are made of: how long a run is silent changes at each look and stands in none."""
Cells = dict[str, Any]


class Rows:
    """The cells of runs, by key. `metrics`: run key -> summaries."""

    def __init__(self, metrics: Callable[[str], Mapping[str, MetricSummary]]) -> None:
        self._metrics = metrics
        self._kept: dict[str, tuple[RunInfo, Mapping[str, MetricSummary], Cells]] = {}

    def of(self, run: RunInfo) -> Cells:
        """The cells of `run`, made anew only when the run or its metrics changed."""
        metrics = self._metrics(run.key)
        kept = self._kept.get(run.key)
        if kept is None or (kept[0] is not run and _told(kept[0]) != _told(run)) or kept[1] != metrics:
            kept = (run, metrics, cells_of(run, metrics))
            self._kept[run.key] = kept
        return kept[2]

    def forget(self, but: set[str]) -> None:
        """Drop what is held of runs that are not in `but`."""
        for key in self._kept.keys() - but:
            del self._kept[key]


def cells_of(run: RunInfo, metrics: Mapping[str, MetricSummary]) -> Cells:
    """Column id -> value of one run; what it does not have is left out."""
    cells: Cells = {}
    for name in _TEXTS:
        value = getattr(run, name)
        if value != "":
            cells[name] = value
    for name in _NUMBERS:
        cells[name] = getattr(run, name)
    if run.tags:
        cells["tags"] = list(run.tags)
    for name, value in (("started", run.started), ("updated", run.updated), ("duration", duration_of(run))):
        if math.isfinite(value):
            cells[name] = value
    for prefix, entries in (("config", run.config), ("summary", run.summary)):
        for name, value in leaves(entries):
            cells[f"{prefix}.{name}"] = value
    for tag, summary in metrics.items():
        for name, value in zip(_ids_of_metric(tag), _statistics_of(summary), strict=True):
            if value is not None:
                cells[name] = value
        if not summary.min <= summary.max:  # no finite value, so no extremes
            del cells[f"metric.{tag}.min"], cells[f"metric.{tag}.max"]
    return cells


@functools.lru_cache(maxsize=4096)
def _ids_of_metric(tag: str) -> tuple[str, ...]:
    return tuple(f"metric.{tag}.{statistic}" for statistic in STATISTICS)


def duration_of(run: RunInfo) -> float:
    """Seconds from the start of the run to its end or its newest sign of life, NaN when not known."""
    end = run.ended if run.ended is not None else run.updated
    return max(end - run.started, 0.0)  # NaN stays: it is the first


def leaves(entries: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted name, value) of everything in nested mappings; an empty mapping is a value."""
    for name, value in entries.items():
        dotted = f"{above}{name}"
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{dotted}.")
        else:
            yield dotted, value


@dataclass(frozen=True, slots=True)
class Column:
    """The cells of one column, as many as rows.

    values  float64: the number, or the place in `texts`; NaN where the run has nothing, or NaN itself
    texts   None for numbers; else the different values, texts, booleans, lists, mixed with numbers
    nan     places at which the value is NaN itself
    """

    id: str
    values: F64
    texts: list[Any] | None
    nan: list[int]

    @classmethod
    def of(cls, name: str, cells: Sequence[Any]) -> Column:
        """Gather `cells`, MISSING where there is none."""
        if all(cell is MISSING or _is_number(cell) for cell in cells):
            values = np.array([math.nan if cell is MISSING else cell for cell in cells], np.float64)
            nan = [place for place, cell in enumerate(cells) if cell is not MISSING and cell != cell]
            return cls(name, values, None, nan)
        texts: list[Any] = []
        places: dict[Any, int] = {}
        numbers = []
        for cell in cells:
            if cell is MISSING:
                numbers.append(math.nan)
                continue
            value = plain(cell)
            key = key_of(value)
            if key not in places:
                places[key] = len(texts)
                texts.append(value)
            numbers.append(float(places[key]))
        return cls(name, np.array(numbers, np.float64), texts, [])

    def cells(self) -> list[Any]:
        """The values, None where there is none; numbers that are no JSON by their name."""
        if self.texts is not None:
            return [None if value != value else self.texts[int(value)] for value in self.values.tolist()]
        nan = set(self.nan)
        return [
            ("NaN" if place in nan else None) if value != value else _named(value) if math.isinf(value) else _whole(value)
            for place, value in enumerate(self.values.tolist())
        ]


def _is_number(value: Any) -> bool:
    return (isinstance(value, float) or (isinstance(value, int) and abs(value) < EXACT_BELOW)) and not isinstance(value, bool)


def _named(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() and abs(value) < EXACT_BELOW else value


def plain(value: Any) -> Any:
    """`value` as JSON can carry it: large whole numbers as text, NaN and infinities by name, lists and mappings through and through."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < EXACT_BELOW else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if value != value else _named(value)
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return str(value)


def key_of(value: Any) -> Any:
    """Something hashable that is equal for equal values of one type: True is not 1."""
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    return (type(value) is bool, value)


def ids_of(rows: Iterable[Cells]) -> list[str]:
    """Every column that some row has: run fields, config, summary, metrics; in each natural order is the page's."""
    seen: dict[str, None] = {}
    for cells in rows:
        seen.update(dict.fromkeys(cells))
    rank = {name: place for place, name in enumerate(RUN_FIELDS)}
    return sorted(seen, key=lambda name: (rank.get(name, len(rank)), name.partition(".")[0], name))


def described(rows: Sequence[Cells], units: Mapping[str, str]) -> list[dict[str, Any]]:
    """What there is to say of each column over `rows`: `{id, group, name, statistic, unit, filled, distinct, numeric}` and, where every
    row has the same, `equal`. `distinct` is counted to 1,000."""
    filled: dict[str, int] = {}
    values: dict[str, set[Any]] = {}
    numeric: dict[str, bool] = {}
    first: dict[str, Any] = {}
    for cells in rows:
        for name, value in cells.items():
            filled[name] = filled.get(name, 0) + 1
            known = values.get(name)
            if known is None:
                known = values[name] = set()
                first[name] = value
                numeric[name] = True
            if numeric[name] and not _is_number(value):
                numeric[name] = False
            if len(known) < 1000:
                known.add(
                    key_of(plain(value)) if isinstance(value, (list, tuple, dict)) else (value == value and (type(value) is bool, value))
                )
    told = []
    for name in ids_of([filled]):
        group, _, rest = name.partition(".") if name not in RUN_FIELDS else ("run", "", name)
        tag, _, statistic = rest.rpartition(".") if group == "metric" else (rest, "", "")
        entry = {
            "id": name,
            "group": group,
            "name": tag,
            "statistic": statistic,
            "unit": units.get(tag, "") if group == "metric" else "",
            "filled": filled[name],
            "distinct": len(values[name]),
            "numeric": numeric[name],
        }
        if filled[name] == len(rows) and len(values[name]) == 1:
            entry["equal"] = plain(first[name])
        told.append(entry)
    return told
