"""The list of runs, as ``/api/runs`` answers: one JSON object a run, each encoded once and kept as long as the run stays as it is.

A store gives the same `RunInfo` of a run as long as nothing was read of it and no time passes for it; only runs that go on, or are
silent, are new at each look. So 100,000 runs are listed at the cost of joining 100,000 pieces of bytes; before the first time they are made
in the background (`prepare`), a part at a time, so that other answers need not wait.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..store.aliases import Pair
from ..store.errors import CrossboardError
from ..store.kinds import MetricSummary, RunInfo
from ..store.store import Store
from .aliases import pair_json
from .replies import number, to_json

PART: Final = 500
"""Runs that are prepared before others get a turn."""
_RUN_FIELDS: Final = tuple(field.name for field in dataclasses.fields(RunInfo))


class Listing:
    """The runs of one store as JSON. Any thread may ask."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[str, tuple[RunInfo, bytes]] = {}

    def row(self, run: RunInfo, place: int, pair: Pair | None) -> dict[str, Any]:
        """One run; `place` is its number in the order of `Store.runs`."""
        return {**self._fixed(run), "color": _color(run, place), "pair": pair_json(pair)}

    def _fixed(self, run: RunInfo) -> dict[str, Any]:
        """What depends on the run alone."""
        row: dict[str, Any] = {field: getattr(run, field) for field in _RUN_FIELDS}
        for field in ("started", "updated"):
            row[field] = row[field] if math.isfinite(row[field]) else None
        row["metrics"] = {tag: summary_json(summary) for tag, summary in self.store.metrics(run.key).items()}
        return row

    def _piece(self, run: RunInfo) -> bytes:
        """`_fixed` as JSON, without the brace that closes it."""
        kept = self._kept.get(run.key)
        if kept is None or kept[0] is not run:
            kept = (run, to_json(self._fixed(run))[:-1])
            self._kept[run.key] = kept
        return kept[1]

    def body(self, head: Mapping[str, Any], runs: Sequence[RunInfo], paired: Mapping[str, Pair]) -> bytes:
        """`head` with all `runs`, which are in the order of `Store.runs`."""
        if len(self._kept) > 2 * len(runs):
            there = {run.key for run in runs}
            for key in [key for key in self._kept if key not in there]:
                self._kept.pop(key, None)
        pieces = []
        for place, run in enumerate(runs):
            pair = paired.get(run.key)
            told = b"null" if pair is None else to_json(pair_json(pair))
            pieces.append(b'%b,"color":%b,"pair":%b}' % (self._piece(run), to_json(_color(run, place)), told))
        return b'%b,"runs":[%b]}' % (to_json({**head})[:-1], b",".join(pieces))

    def prepare(self, stopped: threading.Event) -> None:
        """Make the pieces before they are asked for; ends early when the board stops."""
        runs = self.store.runs()
        for start in range(0, len(runs), PART):
            if stopped.wait(0.001):
                return
            for run in runs[start : start + PART]:
                try:
                    self._piece(run)
                except CrossboardError:  # it went meanwhile
                    continue


def _color(run: RunInfo, place: int) -> dict[str, Any]:
    return {"key": run.group or run.key, "index": place, "chosen": run.color}


def summary_json(summary: MetricSummary) -> dict[str, Any]:
    """`summary` as the page gets it: non-finite numbers by name."""
    return {
        "last": number(summary.last),
        "min": number(summary.min),
        "max": number(summary.max),
        "last_step": summary.last_step,
        "count": summary.count,
        "non_finite": summary.non_finite,
        "best": None if summary.best is None else number(summary.best),
        "best_step": summary.best_step,
        "min_step": summary.min_step,
        "max_step": summary.max_step,
        "unit": summary.unit,
    }
