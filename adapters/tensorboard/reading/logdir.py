"""Log directories as TensorBoard sees them: which directories are runs, and which files of them are event files.

A run is a directory that holds an event file, found by a walk that follows links; its name is its path below the log directory,
"." for that itself. An event file is one whose name contains ``tfevents`` and does not end in ``.profile-empty``. A link to a directory
gives its runs a second name, as in TensorBoard; one that leads back to a directory above it is not followed again. The log directory
itself is also a run where it holds nothing but the projector's list.

Sources: tensorboard/backend/event_processing/io_wrapper.py (IsTensorBoardEventsFile, IsSummaryEventsFile), directory_watcher.py.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from ....store.rundir import RUN_FILE, TRASH, is_of_another
from .projector import CONFIG

if TYPE_CHECKING:
    from .storage import Remote, Storage
    from .subruns import SubRun

MARK: Final = "tfevents"
_STARTED: Final = re.compile(r"tfevents\.(\d{9,11})\.")
SETTLED_NS: Final = 2_000_000_000
"""A directory that changed so recently may change again without its time saying so."""
DEEPEST: Final = 64
LEFT_OUT: Final = frozenset([TRASH, ".git", "__pycache__", "node_modules", ".venv", "venv"])
"""Directories that no run lies in and that may be very large."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """A directory with event files. files: their names, sorted; the order in which they are read; the projector's list, too. parts:
    what files of sub-runs (see `subruns`) are, by name."""

    path: str
    name: str
    files: tuple[str, ...]
    parts: Mapping[str, SubRun] = field(default_factory=dict)


class _Listed(NamedTuple):
    """A directory as it was at `mtime_ns` (-1: it may have changed since). odd: paths, made printable, of what has no name in UTF-8."""

    mtime_ns: int
    files: tuple[str, ...]
    below: tuple[str, ...]
    odd: tuple[str, ...]


def is_event_file(name: str) -> bool:
    """Whether a file of this name is an event file."""
    return MARK in name and not name.endswith(".profile-empty")


class LogDirectory:
    """The runs under a path, walked again and again: a directory that did not change since is not listed anew.

    unreadable: errors of directories that the newest walk could not list.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.unreadable: list[OSError] = []
        self._listed: dict[str, _Listed] = {}

    def runs(self) -> Iterator[RunDirectory]:
        """Yield the runs, parents first, in the order of their names. The path of an event file is a run of that file alone."""
        if os.path.isfile(self.path):
            if is_event_file(os.path.basename(self.path)):
                yield RunDirectory(os.path.dirname(self.path), ".", (os.path.basename(self.path),))
            return
        self.unreadable = []
        listed: dict[str, _Listed] = {}
        waiting: list[tuple[str, tuple[tuple[int, int], ...]]] = [(self.path, ())]
        while waiting:
            directory, above = waiting.pop()
            try:
                state = os.stat(directory)
                here = (state.st_dev, state.st_ino)
                if here in above or len(above) > DEEPEST:
                    continue
                known = self._listed.get(directory)
                if known is None or known.mtime_ns != state.st_mtime_ns:
                    settled = time.time_ns() - state.st_mtime_ns > SETTLED_NS
                    known = _list(directory, state.st_mtime_ns if settled else -1)
            except OSError as error:
                if directory != self.path or os.path.lexists(directory):
                    self.unreadable.append(error)
                continue
            listed[directory] = known
            self.unreadable += [OSError(errno.EILSEQ, "its name is no UTF-8 text; rename it", name) for name in known.odd]
            if any(map(is_event_file, known.files)) or (known.files and directory == self.path):
                yield RunDirectory(directory, os.path.relpath(directory, self.path), known.files)
            waiting.extend((os.path.join(directory, name), (*above, here)) for name in reversed(known.below))
        self._listed = listed


def _list(directory: str, mtime_ns: int) -> _Listed:
    """What is in `directory`, by name; nothing in a native run, which another source reads. Raises OSError."""
    files: list[str] = []
    below: list[str] = []
    odd: list[str] = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name == RUN_FILE and not is_of_another(directory):
                return _Listed(mtime_ns, (), (), ())
            is_directory = entry.is_dir()
            if (entry.name in LEFT_OUT) if is_directory else not (is_event_file(entry.name) or entry.name == CONFIG):
                continue
            if not entry.name.isascii() and (told := entry.path.encode("utf-8", "backslashreplace").decode()) != entry.path:
                odd.append(told)  # no name that could be shown, kept or sent
            else:
                (below if is_directory else files).append(entry.name)
    return _Listed(mtime_ns, tuple(sorted(files)), tuple(sorted(below)), tuple(odd))


class RemoteDirectory:
    """The runs under a URL, as `LogDirectory` has them; native runs are not looked for there."""

    def __init__(self, storage: Remote) -> None:
        self._storage = storage
        self.unreadable: list[OSError] = []

    def runs(self) -> Iterator[RunDirectory]:
        """Yield the runs, in the order of their names."""
        self.unreadable = []
        root = self._storage.root.rstrip("/")
        try:
            self._storage.system.invalidate_cache()
            walked = sorted(self._storage.system.walk(root), key=lambda step: str(step[0]))
        except OSError as error:
            self.unreadable.append(error)
            return
        for directory, _, names in walked:
            files = tuple(sorted(name for name in names if is_event_file(name) or name == CONFIG))
            if any(map(is_event_file, files)) or (files and str(directory).rstrip("/") == root):
                yield RunDirectory(str(directory), os.path.relpath(directory, root), files)


def started_of(directory: RunDirectory, storage: Storage) -> float:
    """When the run began, epoch seconds: by the name of its first file, else by the age of that file, else NaN."""
    found = [float(match.group(1)) for name in directory.files if (match := _STARTED.search(name))]
    if found and min(found) > 1e8:
        return min(found)
    try:
        return min(storage.state(os.path.join(directory.path, name)).mtime for name in directory.files)
    except (OSError, ValueError):
        return float("nan")
