"""The summary of a run as its own program sees it while it trains."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..store.records import SummarySet
from .config import plain
from .numbers import describe

if TYPE_CHECKING:
    from .run import Run


class Summary(Mapping[str, Any]):
    """The summary of a run: last, min and max of each tag that this process logged, best where a goal was defined, and
    whatever was set. Computed when it is read. ``run.summary["note"] = 3`` sets an entry, which wins over a computed one."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def _all(self) -> dict[str, Any]:
        run = self._run
        made: dict[str, Any] = {}
        for tag, points in run.own_points().items():
            finite = points.value[np.isfinite(points.value)]
            newest = len(points) - 1 - int(np.argmax(points.step[::-1]))
            entry = {
                "last": float(points.value[newest]),
                "min": float(finite.min()) if len(finite) else math.nan,
                "max": float(finite.max()) if len(finite) else math.nan,
            }
            goal = run._goals.get(tag, "")
            if goal:
                entry["best"] = entry[goal]
            made[tag] = entry
        made.update(run._summary)
        return made

    def __getitem__(self, key: str) -> Any:
        return self._all()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return f"Summary({self._all()!r})"

    def update(self, entries: Mapping[str, Any]) -> None:
        """Set several entries."""
        run = self._run
        with run._harmless("summary"):
            if not isinstance(entries, Mapping):
                raise TypeError(f"summary: want a mapping, got {describe(entries)}; nothing is set")
            made = {str(key): plain(value) for key, value in entries.items()}
            run._summary.update(made)
            run._record(SummarySet(wall_time=time.time(), summary=made))
