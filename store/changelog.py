"""The change log of a store: which runs and series changed after which version.

A version is a whole number; every change gets the next one. The log remembers the last few thousand changes; asked for more
than that it says that it does not know (`Changes.complete` is False).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import takewhile
from typing import Final, NamedTuple

from .kinds import SeriesKey
from .store import Changes

REMEMBERED: Final = 8192


class _Change(NamedTuple):
    version: int
    run: str
    series: tuple[SeriesKey, ...]
    removed: bool


class ChangeLog:
    """Not thread safe by itself: the store's lock guards it."""

    def __init__(self) -> None:
        self.version = 0
        self._log: deque[_Change] = deque(maxlen=REMEMBERED)

    def add(self, run: str, *, series: Iterable[SeriesKey] = (), removed: bool = False) -> int:
        """Note that `run`, and of it `series`, changed or are gone; return the version of this change."""
        self.version += 1
        self._log.append(_Change(self.version, run, tuple(series), removed))
        return self.version

    def since(self, version: int) -> Changes:
        """What came after `version`. A run that went and came back since is among `runs`, not `removed`."""
        if version < self.version - len(self._log) or version > self.version:
            return Changes(self.version, complete=False)
        latest: dict[str, bool] = {}
        series: set[SeriesKey] = set()
        for change in takewhile(lambda one: one.version > version, reversed(self._log)):
            if latest.setdefault(change.run, change.removed):
                continue
            if not change.removed:
                series.update(change.series)
        removed = frozenset(run for run, gone in latest.items() if gone)
        return Changes(self.version, frozenset(latest) - removed, frozenset(series), removed)
