"""What a person changes on the board, written into the run itself.

A board is one more writer of a native run: it appends `Edited` records to a file of its own, ``records-<writer>.cbr``, whose
`Opened` has the role "board". Readers fold it like any other file; it is no sign of the training's life. Foreign sources are
never written to, nor are runs of another user.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Any, Final

from ..store.framing import encode_frame
from ..store.kinds import RunInfo
from ..store.process import this_process
from ..store.records import VERSION, Edited, Opened, Record, encode_record
from ..store.rundir import records_name
from .replies import Refused

FIELDS: Final[dict[str, str]] = {
    "name": "text",
    "group": "text",
    "notes": "text",
    "color": "text",
    "tags": "a list of texts",
    "hidden": "true or false",
}
"""What can be edited, and what each field wants."""


def edit_of(body: Any) -> tuple[str, Edited]:
    """Return the run key and the edit that `body`, a decoded JSON request, asks for. Raises Refused on any other shape."""
    if not isinstance(body, dict) or not isinstance(body.get("run"), str):
        raise Refused(400, "edit: want a JSON object with the key of a run in `run`", 'send {"run": KEY, "notes": "..."}')
    changes = {name: value for name, value in body.items() if name != "run"}
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown or not changes:
        got = f"unknown fields {', '.join(unknown)}" if unknown else "no field to change"
        raise Refused(400, f"edit: {got}", f"name one or more of {', '.join(FIELDS)}")
    for name, value in changes.items():
        if name == "tags":
            fits = isinstance(value, list) and all(isinstance(tag, str) for tag in value)
        else:
            fits = isinstance(value, bool if name == "hidden" else str)
        if not fits:
            raise Refused(400, f"edit: {name}: want {FIELDS[name]}, got {value!r:.80}", "correct the value and send it again")
    return body["run"], Edited(wall_time=time.time(), user=_user(), **changes)


def _user() -> str:
    return os.environ.get("USER") or os.environ.get("USERNAME") or ""


class Editor:
    """Writes the edits of one board. Its writer name is its own for its whole life, in every run it edits."""

    def __init__(self) -> None:
        self.writer = f"board-{secrets.token_hex(5)}"
        self._lock = threading.Lock()

    def write(self, run: RunInfo, edit: Edited) -> None:
        """Append `edit` to `run`. Raises Refused where that must not or cannot be."""
        if run.source != "native":
            raise Refused(
                409,
                f"run {run.name!r} lies in a {run.source} source, which crossboard never writes to",
                "name, tags and notes can be changed for runs that crossboard logged",
            )
        directory = Path(run.path)
        path = directory / records_name(self.writer)
        try:
            owner = directory.stat().st_uid
            if hasattr(os, "getuid") and owner != os.getuid():
                raise Refused(403, f"run {run.name!r} belongs to user {owner}, the board runs as {os.getuid()}", "ask its owner")
            with self._lock:
                records: tuple[Record, ...] = (edit,) if path.exists() else (self._opened(), edit)
                _append(path, b"".join(encode_frame(encode_record(record)) for record in records))
        except OSError as error:
            raise Refused(
                507 if error.errno == errno.ENOSPC else 403,
                f"the edit could not be written: {error.strerror} ({path})",
                "make the run's directory writable, or make room, and try again",
            ) from error

    def _opened(self) -> Opened:
        return Opened(version=VERSION, writer=self.writer, attempt=0, rank=0, wall_time=time.time(), process=this_process(), role="board")


def _append(path: Path, data: bytes) -> None:
    """Append all of `data` with one write, or leave the file as it was."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o644)
    try:
        before = os.fstat(descriptor).st_size
        written = os.write(descriptor, data)
        if written != len(data):
            os.ftruncate(descriptor, before)
            raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted")
    finally:
        os.close(descriptor)
