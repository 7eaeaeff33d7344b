"""Which files under a folder are Visdom's: environments and logs of messages, told by how they begin.

    environment   *.json that begins with {"jsons": {...; or with another key of an environment, and has "jsons" and "reload"
    log           a line ["events", {...}] or ["update", {...}]; named *.log, *.json, *.jsonl, *.txt or without an extension

A file that is named by its path is looked at whatever it is called. Directories are listed again when their time changes, files
looked at again when they change, others than Visdom's at most every `AGAIN_S` seconds. Visdom's own folders of other things (``view``,
``.undo``) and native runs are passed over.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ...store.rundir import RUN_FILE, TRASH, is_of_another
from .jsonspans import NotJson, begin_of, decode, members

ENVIRONMENT: Final = "environment"
LOG: Final = "log"
LEFT_OUT: Final = frozenset((TRASH, ".undo", "view", ".git", "node_modules", "__pycache__", ".venv"))
LOG_ENDINGS: Final = ("", ".log", ".json", ".jsonl", ".ndjson", ".txt")
AGAIN_S: Final = 10.0
MANY: Final = 200
DULL_S: Final = 60.0
"""More than so many files of a directory, none of them Visdom's, are looked at again after so many seconds, or when it changes."""
SETTLED_NS: Final = 2_000_000_000
"""A directory that changed so lately may change again within the grain of its time."""
HEAD: Final = 4096
BEGUN: Final = 64
"""A file of Visdom's that has fewer bytes now is being written anew."""
MOST_SEARCHED: Final = 64 << 20
"""A file that does not begin with "jsons" is searched for it up to this size."""
_JSONS: Final = re.compile(rb'\s*\{\s*"jsons"\s*:\s*\{')
_OTHER: Final = re.compile(rb'\s*\{\s*"(reload|experiment|name)"\s*:')
_MESSAGE: Final = re.compile(rb'\s*\[\s*"(events|update)"\s*,\s*\{')
_HASHED: Final = re.compile(r"hash_[a-f0-9]{64}\.json", re.IGNORECASE)
_LAST_NAME: Final = re.compile(rb'"name"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")\s*\}\s*\Z', re.DOTALL)


@dataclass(frozen=True, slots=True)
class VisdomFile:
    """A file of Visdom's. kind: `ENVIRONMENT` or `LOG`; name: of the environment, "" for a log; head: its first bytes."""

    path: str
    kind: str
    name: str
    size: int
    mtime_ns: int
    head: bytes


class Folder:
    """Visdom's files at `path`, a folder or a file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._listed: dict[str, tuple[int, list[str], list[str]]] = {}
        self._known: dict[str, VisdomFile] = {}
        self._others: dict[str, float] = {}
        self._dull: dict[str, tuple[int, float]] = {}

    def files(self) -> list[VisdomFile]:
        """Those that are there now, by path."""
        now = time.monotonic()
        found: dict[str, VisdomFile] = {}
        others: dict[str, float] = {}
        dull: dict[str, tuple[int, float]] = {}
        for directory, stamp, names in self._directories():
            before = self._dull.get(directory)
            if before is not None and before[0] == stamp and before[1] > now:
                dull[directory] = before
                continue
            count = len(found)
            for name in names:
                path = os.path.join(directory, name)
                if self._others.get(path, 0.0) > now:
                    others[path] = self._others[path]
                    continue
                file = self._look(path)
                if file is not None:
                    found[path] = file
                else:
                    others[path] = now + AGAIN_S if not self._fresh(path) else 0.0
            if len(names) > MANY and len(found) == count:
                dull[directory] = stamp, now + DULL_S
        self._known, self._others, self._dull = found, others, dull
        return [found[path] for path in sorted(found)]

    def _fresh(self, path: str) -> bool:
        try:
            return time.time_ns() - os.stat(path).st_mtime_ns < int(AGAIN_S * 1e9)
        except OSError:
            return False

    def _look(self, path: str) -> VisdomFile | None:
        try:
            state = os.stat(path)
            known = self._known.get(path)
            if known is not None and (known.size, known.mtime_ns) == (state.st_size, state.st_mtime_ns):
                return known
            head = read_at(path, HEAD, 0)
            kind = kind_of(path, head, state.st_size)
            if kind is None and known is not None and len(head) < BEGUN:
                kind = known.kind  # it is being written
            if kind is None:
                return None
            name = "" if kind == LOG else env_name(path, state.st_size)
            return VisdomFile(path, kind, name, state.st_size, state.st_mtime_ns, head)
        except OSError:
            return None

    def _directories(self) -> Iterator[tuple[str, int, list[str]]]:
        """(directory, its time, names of files that may be Visdom's), parents first."""
        if not os.path.isdir(self.path):
            if os.path.isfile(self.path):
                yield os.path.dirname(self.path), 0, [os.path.basename(self.path)]
            return
        seen: set[tuple[int, int]] = set()
        listed: dict[str, tuple[int, list[str], list[str]]] = {}
        waiting = [self.path]
        while waiting:
            directory = waiting.pop()
            try:
                state = os.stat(directory)
                if (state.st_dev, state.st_ino) in seen:
                    continue
                seen.add((state.st_dev, state.st_ino))
                known = self._listed.get(directory)
                if known is None or known[0] != state.st_mtime_ns:
                    files, below = _list(directory)
                    settled = time.time_ns() - state.st_mtime_ns > SETTLED_NS
                    known = (state.st_mtime_ns if settled else -1, files, below)
            except OSError:
                continue
            listed[directory] = known
            yield directory, known[0], known[1]
            waiting.extend(os.path.join(directory, name) for name in reversed(known[2]))
        self._listed = listed


def _list(directory: str) -> tuple[list[str], list[str]]:
    """(files that may be Visdom's, directories) in `directory`, by name; nothing in a native run. Raises OSError."""
    files, below = [], []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name not in LEFT_OUT:
                    below.append(entry.name)
            elif os.path.splitext(entry.name)[1].lower() in LOG_ENDINGS and entry.is_file():  # no pipe, whose opening waits
                files.append(entry.name)
    if RUN_FILE in files and not is_of_another(directory):
        return [], []
    return sorted(files), sorted(below)


def kind_of(path: str, head: bytes, size: int) -> str | None:
    """What the file at `path`, `size` bytes long, is by its first bytes; None when it is not Visdom's."""
    if _MESSAGE.match(head):
        return LOG
    if _JSONS.match(head):
        return ENVIRONMENT
    if _OTHER.match(head) and len(head) <= size <= MOST_SEARCHED:
        try:
            data = read_at(path, size, 0)
            keys = {key for key, span in members(data, begin_of(data, 0)) if data[span.begin : span.begin + 1] == b"{"}
        except (OSError, NotJson):
            return None
        return ENVIRONMENT if {"jsons", "reload"} <= keys else None
    return None


def env_name(path: str, size: int) -> str:
    """What the environment in the file at `path` is called: by the file's name, or, where that is a hash, by what stands in it."""
    base = os.path.basename(path)
    if _HASHED.fullmatch(base):
        try:
            tail = read_at(path, 1 << 16, max(0, size - (1 << 16)))
            found = _LAST_NAME.search(tail)
            if found is not None:
                return str(decode(found.group(1)))
        except (OSError, NotJson):
            pass
    return base[: -len(".json")] if base.endswith(".json") else base


def read_at(path: str, length: int, offset: int) -> bytes:
    """At most `length` bytes of the file at `path` from `offset` on, by pread. Raises OSError."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))
    try:
        parts = []
        while length > 0:
            part = os.pread(file, min(length, 1 << 30), offset)
            if not part:
                break
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return b"".join(parts)
    finally:
        os.close(file)
