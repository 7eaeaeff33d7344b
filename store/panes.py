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


def open_panes(placed: Iterable[Placed]) -> list[Placed]:
    """The newest record of each open window, by `Pane.order`, then by when the window came. Other records are passed over."""
    windows: Windows = {}
    newest: dict[str, Placed] = {}
    for one in placed:
        record = one.record
        if isinstance(record, (Pane, PaneClosed)) and take(windows, record):
            if isinstance(record, Pane):
                newest[record.window] = one
            else:
                newest.pop(record.window, None)
    return sorted(newest.values(), key=lambda one: one.record.order)  # type: ignore[union-attr]
