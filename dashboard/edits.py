"""What a person changes on the board, written where it belongs.

A board is one more writer of a native run: it appends `Edited` records to a file of its own, ``records-<writer>.cbr``, whose
`Opened` has the role "board". Readers fold it like any other file; it is no sign of the training's life. Runs of another user are
never written to. Foreign sources are never written to either: their edits go beside them, into the user's own data directory
(`store/side_edits.py`), and are shown as if the source held them.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from ..store.errors import NotFound
from ..store.framing import encode_frame
from ..store.kinds import RunInfo
from ..store.process import this_process
from ..store.records import VERSION, Edited, Opened, Record, encode_record
from ..store.rundir import records_name
from ..store.store import Store
from .replies import Refused

FIELDS: Final[dict[str, str]] = {
    "name": "text",
    "group": "text",
    "notes": "text",
    "color": "text",
    "tags": "a list of texts",
    "hidden": "true or false",
    "archived": "true or false",
    "add_tags": "a list of texts",
    "remove_tags": "a list of texts",
}
"""What can be edited, and what each field wants."""
LONGEST: Final[dict[str, int]] = {"name": 500, "group": 500, "color": 40, "notes": 100_000}
"""Characters that a text may have. A tag has at most 200, a run at most 200 tags."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one request asks for: `edit` of each of `runs`, and tags to be added to and taken from those that each has."""

    runs: list[str]
    edit: Edited
    add_tags: list[str] = field(default_factory=list)
    remove_tags: list[str] = field(default_factory=list)
    many: bool = False

    def of(self, run: RunInfo) -> Edited:
        """The edit of `run`."""
        if not self.add_tags and not self.remove_tags:
            return self.edit
        kept = [tag for tag in (self.edit.tags if self.edit.tags is not None else run.tags) if tag not in self.remove_tags]
        tags = list(dict.fromkeys([*kept, *self.add_tags]))
        if len(tags) > 200:
            raise Refused(400, f"edit: tags: run {run.name!r} would have {len(tags)}, want at most 200", "take some away first")
        return msgspec.structs.replace(self.edit, tags=tags)


def wanted_of(body: Any) -> Wanted:
    """Return what `body`, a decoded JSON request, asks for. Raises Refused on any other shape."""
    runs = body.get("runs", [body.get("run")]) if isinstance(body, dict) else None
    if not isinstance(runs, list) or not runs or not all(isinstance(run, str) for run in runs) or ("run" in body and "runs" in body):
        raise Refused(
            400, "edit: want a JSON object with the key of a run in `run`, or keys in `runs`", 'send {"run": KEY, "notes": "..."}'
        )
    changes = {name: value for name, value in body.items() if name not in ("run", "runs")}
    unknown = sorted(set(changes) - set(FIELDS))
    if unknown or not changes:
        got = f"unknown fields {', '.join(unknown)}" if unknown else "no field to change"
        raise Refused(400, f"edit: {got}", f"name one or more of {', '.join(FIELDS)}")
    for name, value in changes.items():
        if FIELDS[name] == "a list of texts":
            fits = isinstance(value, list) and len(value) <= 200 and all(isinstance(tag, str) and 0 < len(tag) <= 200 for tag in value)
        elif FIELDS[name] == "text":
            fits = isinstance(value, str) and len(value) <= LONGEST[name]
        else:
            fits = isinstance(value, bool)
        if not fits:
            raise Refused(400, f"edit: {name}: want {FIELDS[name]}, got {value!r:.80}", "correct the value and send it again")
    if changes.get("name") == "":
        raise Refused(400, "edit: name: want a text, got an empty one", "give the run a name")
    add, remove = changes.pop("add_tags", []), changes.pop("remove_tags", [])
    edit = Edited(wall_time=time.time(), user=user_name(), **changes)
    return Wanted(list(dict.fromkeys(runs)), edit, add, remove, many="runs" in body)


def user_name() -> str:
    """Who runs the board, "" where nothing says so."""
    return os.environ.get("USER") or os.environ.get("USERNAME") or ""


class Editor:
    """Writes the edits of one board. Its writer name is its own for its whole life, in every run it edits."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.writer = f"board-{secrets.token_hex(5)}"
        self._lock = threading.Lock()

    def write_all(self, wanted: Wanted) -> tuple[int, list[dict[str, str]]]:
        """Write what is wanted; return for how many runs it was, and why not for the others, `{run, name, error, next}`."""
        written, refused = 0, []
        for key in wanted.runs:
            name = key
            try:
                run = self.store.run(key)
                name = run.name
                self.write(run, wanted.of(run))
                written += 1
            except Refused as error:
                refused.append({"run": key, "name": name, "error": error.error, "next": error.next_step})
            except NotFound as error:
                refused.append({"run": key, "name": name, "error": str(error), "next": "it may have been deleted meanwhile"})
        return written, refused

    def write(self, run: RunInfo, edit: Edited) -> None:
        """Write `edit` of `run` where it belongs. Raises Refused where that must not or cannot be."""
        if run.source != "native":
            try:
                self.store.edit(run.key, edit)
            except OSError as error:
                raise Refused(
                    507 if error.errno == errno.ENOSPC else 403,
                    f"the edit could not be kept: {error.strerror} ({error.filename})",
                    "make that file writable, or set CROSSBOARD_DATA to a directory that is, and start the board again",
                ) from error
            return
        directory = Path(run.path)
        path = directory / records_name(self.writer)
        try:
            owner = directory.stat().st_uid
            if hasattr(os, "getuid") and owner != os.getuid():
                raise Refused(403, f"run {run.name!r} belongs to user {owner}, the board runs as {os.getuid()}", "ask its owner")
            with self._lock:
                records: tuple[Record, ...] = (edit,) if path.exists() else (self._opened(), edit)
                _append(path, b"".join(encode_frame(encode_record(record)) for record in records))
            self.store.look_again(run.key)
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
