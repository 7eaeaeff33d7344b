"""Edits of runs that crossboard may not write to: kept beside the sources, in the user's data directory.

    <data>/edits.jsonl          one JSON object a line: {"version": 1, "run": KEY, "edit": an `records.Edited`}

The file is one of `side_lines`; a line that is no edit is left out. The newest edit by wall time wins, per field, as in a native run
(`fold`). A line of a newer version is left out and counted.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from .fold import EDITABLE
from .records import Edited
from .side_lines import SideLines

VERSION: Final = 1
FILE: Final = "edits.jsonl"


class EditLine(msgspec.Struct, frozen=True):
    """One line of the file. run: key of the run."""

    version: int
    run: str
    edit: Edited


_decoder: Final = msgspec.json.Decoder(EditLine)


class SideEdits:
    """The edits of foreign runs in one file, its newest state in memory. May be called from any thread.

    path: the file; None: in the user's data directory. `unreadable` counts lines of a newer version or that are no edits.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._lines = SideLines(path, name=FILE)
        self.path = self._lines.path
        self.unreadable = 0
        self._lock = threading.Lock()
        self._fields: dict[str, dict[str, tuple[float, Any]]] = {}

    def of(self, run: str) -> dict[str, Any]:
        """What was changed of `run`: field of `kinds.RunInfo` -> value."""
        with self._lock:
            return {name: tuple(value) if name == "tags" else value for name, (_, value) in self._fields.get(run, {}).items()}

    def refresh(self) -> set[str]:
        """Read what came since the last time; return the runs whose edits changed. One stat(2) when nothing did."""
        with self._lock:
            return self._read()

    def _read(self) -> set[str]:
        anew, lines = self._lines.fresh()
        gone = set(self._fields) if anew else set()
        if anew:
            self._fields, self.unreadable = {}, 0
        return gone | self._take(lines)

    def _take(self, lines: Iterable[bytes]) -> set[str]:
        changed: set[str] = set()
        for text in lines:
            try:
                line = _decoder.decode(text)
            except msgspec.MsgspecError:
                self.unreadable += bool(text.strip())
                continue
            if line.version > VERSION:
                self.unreadable += 1
                continue
            fields = self._fields.setdefault(line.run, {})
            for name in EDITABLE:
                value = getattr(line.edit, name)
                if value is not None and line.edit.wall_time >= fields.get(name, (float("-inf"), None))[0]:
                    fields[name] = (line.edit.wall_time, value)
            changed.add(line.run)
        return changed

    def append(self, run: str, edit: Edited) -> None:
        """Keep `edit` of `run`. Raises OSError, naming the file."""
        with self._lock:
            self._lines.append(msgspec.json.encode(EditLine(VERSION, run, edit)))
