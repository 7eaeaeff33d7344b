"""Edits of runs that crossboard may not write to: kept beside the sources, in the user's data directory.

    <data>/edits.jsonl          one JSON object a line: {"version": 1, "run": KEY, "edit": an `records.Edited`}

<data> is CROSSBOARD_DATA, else crossboard below XDG_DATA_HOME or ~/.local/share. It is no cache: deleting it loses the edits. Lines
are only appended, each with one write(2); a line that is not whole yet is read when it is, one that is no edit is left out. The
newest edit by wall time wins, per field, as in a native run (`fold`). A line of a newer version is left out and counted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from .fold import EDITABLE
from .records import Edited

VERSION: Final = 1
FILE: Final = "edits.jsonl"


class EditLine(msgspec.Struct, frozen=True):
    """One line of the file. run: key of the run."""

    version: int
    run: str
    edit: Edited


_decoder: Final = msgspec.json.Decoder(EditLine)


def data_root() -> Path:
    """The directory of what crossboard keeps for this user and cannot make again. Raises RuntimeError where there is no home."""
    named = os.environ.get("CROSSBOARD_DATA")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "crossboard"


class SideEdits:
    """The edits of foreign runs in one file, its newest state in memory. May be called from any thread.

    path: the file; None: in the user's data directory. `unreadable` counts lines of a newer version or that are no edits.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path: Path | None = None
        with contextlib.suppress(RuntimeError):  # there is no home directory
            self.path = Path(path) if path is not None else data_root() / FILE
        self.unreadable = 0
        self._lock = threading.Lock()
        self._fields: dict[str, dict[str, tuple[float, Any]]] = {}
        self._at = 0
        self._file: tuple[int, int] = (0, 0)

    def of(self, run: str) -> dict[str, Any]:
        """What was changed of `run`: field of `kinds.RunInfo` -> value."""
        with self._lock:
            return {name: tuple(value) if name == "tags" else value for name, (_, value) in self._fields.get(run, {}).items()}

    def refresh(self) -> set[str]:
        """Read what came since the last time; return the runs whose edits changed. One stat(2) when nothing did."""
        with self._lock:
            return self._read()

    def _read(self) -> set[str]:
        if self.path is None:
            return set()
        try:
            with self.path.open("rb") as file:
                state = os.fstat(file.fileno())
                if (state.st_dev, state.st_ino) != self._file or state.st_size < self._at:  # another file, or the first time
                    gone = set(self._fields)
                    self._fields, self._at, self.unreadable, self._file = {}, 0, 0, (state.st_dev, state.st_ino)
                else:
                    gone = set()
                if state.st_size == self._at:
                    return gone
                file.seek(self._at)
                data = file.read()
        except OSError:  # not there, or may not be read: then there are none
            gone = set(self._fields)
            self._fields, self._at, self._file = {}, 0, (0, 0)
            return gone
        whole = data.rfind(b"\n") + 1
        self._at += whole
        return gone | self._take(data[:whole].splitlines())

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
        if self.path is None:
            raise OSError(errno.ENOENT, "there is no home directory; set CROSSBOARD_DATA to a directory", "edits.jsonl")
        with self._lock:
            os.makedirs(self.path.parent, exist_ok=True)
            data = msgspec.json.encode(EditLine(VERSION, run, edit)) + b"\n"
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
            try:
                before = os.fstat(descriptor).st_size
                if before:
                    os.lseek(descriptor, -1, os.SEEK_END)
                    if os.read(descriptor, 1) != b"\n":  # a line that was cut: it stays one bad line
                        data = b"\n" + data
                written = os.write(descriptor, data)
                if written != len(data):
                    os.ftruncate(descriptor, before)
                    raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted", str(self.path))
            finally:
                os.close(descriptor)
