"""Panes: which windows of a run are open and how they stand, as the fold of its `Pane` and `PaneClosed` records.

Of the records of one window the newest by wall time counts, the later arrival among equals: a run that several writers wrote,
one after the other, may be read in any order of its files.
"""

from __future__ import annotations

from collections.abc import Iterable

from .records import Pane, PaneClosed
from .source import Placed

Windows = dict[str, tuple[float, bool]]
"""Window -> the wall time of its newest record, and whether that one leaves it open."""


def take(windows: Windows, record: Pane | PaneClosed) -> bool:
    """Take one record into `windows`; False when a newer one is known already."""
    known = windows.get(record.window)
    if known is not None and known[0] > record.wall_time:
        return False
    windows[record.window] = (record.wall_time, isinstance(record, Pane))
    return True


def open_count(windows: Windows) -> int:
    """How many are open."""
    return sum(is_open for _, is_open in windows.values())


class OpenPanes:
    """The newest record of each open window, kept up while records come."""

    def __init__(self) -> None:
        self._windows: Windows = {}
        self._newest: dict[str, Placed] = {}

    def extend(self, placed: Iterable[Placed]) -> None:
        """Take in records, in order of arrival; those that are of no pane are passed over."""
        for one in placed:
            record = one.record
            if isinstance(record, (Pane, PaneClosed)) and take(self._windows, record):
                if isinstance(record, Pane):
                    self._newest[record.window] = one
                else:
                    self._newest.pop(record.window, None)

    def listed(self) -> list[Placed]:
        """They by `Pane.order`, then by when the window came."""
        return sorted(self._newest.values(), key=lambda one: one.record.order)  # type: ignore[union-attr]


def open_panes(placed: Iterable[Placed]) -> list[Placed]:
    """`OpenPanes` of all records of a run."""
    found = OpenPanes()
    found.extend(placed)
    return found.listed()
