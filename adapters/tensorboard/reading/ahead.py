"""Reading ahead: of many runs that are read for the first time, small neighbours are read together.

The reader asks run by run, in an order that is known before. Helper processes that read ahead were tried, too: they took a third off
the reader's processor time, and lost most rounds by the clock on two busy processors.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from ....store.source import Batch
from .logdir import RunDirectory
from .runs import read_directory
from .storage import Local
from .together import SMALL, decode_together

GROUP: Final = 32
"""So many runs at most are read together."""


class Ahead:
    """One reading of `runs`, given with their bytes in the order in which they are asked for."""

    def __init__(self, runs: Sequence[tuple[RunDirectory, int]]) -> None:
        groups: list[list[RunDirectory]] = []
        room = 0
        for run, size in runs:
            if size > room or not groups or len(groups[-1]) >= GROUP:
                groups.append([])
                room = 2 * SMALL
            groups[-1].append(run)
            room -= size
        self._group = {run.path: group for group in groups for run in group}
        self._ready: dict[str, Batch | None] = {}

    def take(self, run: RunDirectory, max_bytes: int) -> Batch | None:
        """What `run` holds from its beginning, at most about `max_bytes` of it; None when the caller must read it. A run is given once."""
        group = self._group.pop(run.path, None)
        if group is None or len(group) == 1:
            return None
        if run.path not in self._ready:
            self._ready = {one.path: batch for one, batch in zip(group, _read(group, max_bytes), strict=True)}
        return self._ready.pop(run.path)


def _read(group: list[RunDirectory], max_bytes: int) -> list[Batch | None]:
    """What each run of a group holds; None where reading fails: the caller meets that again, and says it."""
    storage = Local()
    decoded = decode_together([os.path.join(run.path, name) for run in group for name in run.files])
    made: list[Batch | None] = []
    for run in group:
        try:
            made.append(read_directory(run, None, max_bytes, storage, decoded))
        except Exception:  # noqa: BLE001 - see above
            made.append(None)
    return made
