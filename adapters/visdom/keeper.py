"""All live environments below one project of a root: one native run each, read when first asked for, written as messages come.

    keeper = Keeper("runs/visdom")
    keeper.apply("main", "update", message).text

Not for several threads at a time on one environment; on different ones, yes.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from typing import Any, Final

from ...store.errors import CrossboardError
from ...store.process import host_name
from ...store.rundir import VERSION, RunFile, file_name, list_writers, write_run_file
from .changes import Answer, Change, PaneGone, PaneSet
from .environment import Environment
from .journal import LAUNCH, Journal
from .parts import MAIN, BadMessage, traces_of
from .parts import kept_of as kept
from .restoring import find_environments, is_deleted, restore
from .saved import Saved

PROJECT: Final = "visdom"
MOST_OPEN: Final = 64
"""Environments whose files are held open; the one that waited longest lets go."""
LONGEST_NAME: Final = 1000
log: Final = logging.getLogger("crossboard.visdom")


class Live:
    """An environment in memory and its journal.

    used    when a message last came for it, of a clock that never goes back
    lock    held while a message is done: its files are not closed meanwhile
    """

    def __init__(self, environment: Environment, journal: Journal) -> None:
        self.environment = environment
        self.journal = journal
        self.used = time.monotonic()
        self.lock = threading.RLock()


class Keeper:
    """The environments in the directory `path` of a project, which need not be there yet.

    saved: what Visdom saved elsewhere; an environment of that name begins as a copy of it.
    """

    def __init__(self, path: str, *, saved: Saved | None = None) -> None:
        self.path = os.path.abspath(path)
        self.saved = saved or Saved(())
        self._launch = f"{LAUNCH}:{host_name()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._lock = threading.RLock()
        self._directories: dict[str, str] | None = None
        self._deleted: set[str] = set()
        self._live: dict[str, Live] = {}

    # ------------------------------------------------------------------------------------------- which there are

    def _known(self) -> dict[str, str]:
        with self._lock:
            if self._directories is None:
                self._directories, self._deleted = find_environments(self.path)
            return self._directories

    def _is_saved(self, eid: str) -> bool:
        """Whether there is something to begin with."""
        return eid in self.saved.names() and eid not in self._deleted

    def names(self) -> list[str]:
        """The environments, as Visdom lists them: there always is a main one."""
        known = [*self._known(), *self.saved.names()]
        names = [name for name in dict.fromkeys(known) if name not in self._deleted]
        return names if MAIN in names else [MAIN, *names]

    def has(self, eid: str) -> bool:
        """Whether there is an environment of that name."""
        return eid == MAIN or eid in self._known() or self._is_saved(eid)

    def name_at(self, directory: str) -> str | None:
        """The environment whose run lies in `directory`."""
        wanted = os.path.abspath(directory)
        return next((eid for eid, one in self._known().items() if one == wanted), None)

    def directory_of(self, eid: str) -> str | None:
        """Where the run of an environment lies, or None where it has none yet."""
        return self._known().get(eid)

    def create(self, eid: str) -> str:
        """Make the run of an environment, if it has none; return its directory. Raises BadMessage, OSError."""
        with self._lock:
            known = self._known()
            if eid not in known:
                known[eid] = self._made(eid)
                self._deleted.discard(eid)
            return known[eid]

    def begin(self, eid: str) -> None:
        """Make an environment, if there is none. Raises BadMessage."""
        if self._is_saved(eid) and eid not in self._known():
            self._loaded(eid)
        elif eid not in self._known():
            self._created(eid)

    def _created(self, eid: str) -> str:
        try:
            return self.create(eid)
        except OSError as error:
            raise BadMessage(f"environment {eid!r}: not kept: {error.strerror or error} ({self.path})", 507) from error

    def _made(self, eid: str) -> str:
        if not eid or len(eid) > LONGEST_NAME:
            raise BadMessage(f"eid: want a name of 1 to {LONGEST_NAME} characters, got {len(eid)}")
        base = file_name(eid)
        if base != eid:  # two names must not meet in one directory
            base = f"{base.encode()[:150].decode(errors='ignore')}-{hashlib.sha256(eid.encode()).hexdigest()[:8]}"
        number = 1
        while True:
            name = base if number == 1 else f"{base}-{number}"
            directory = os.path.join(self.path, name)
            project = os.path.basename(self.path)
            wanted = RunFile(version=VERSION, id=name, project=project, name=eid, created=time.time(), launch=self._launch)
            there = write_run_file(directory, wanted)
            if there == wanted or (there.name == eid and there.launch.startswith(LAUNCH) and not is_deleted(directory)):
                return directory
            number += 1

    # ------------------------------------------------------------------------------------------------- messages

    def is_loaded(self, eid: str) -> bool:
        """Whether a message for `eid` needs no reading first."""
        return eid in self._live or not (eid in self._known() or self._is_saved(eid))

    def environment(self, eid: str) -> Environment:
        """The environment as it stands; an empty one where there is none yet. Not to be changed."""
        if eid not in self._known() and not self._is_saved(eid):
            return Environment(eid)
        return self._loaded(eid).environment

    def _loaded(self, eid: str) -> Live:
        live = self._live.get(eid)
        if live is None:
            saved = self._is_saved(eid)
            directory = self._created(eid)
            journal = Journal(directory, launch=self._launch)
            try:
                live = Live(restore(directory, eid, journal), journal)
            except (CrossboardError, OSError, ValueError) as error:
                raise BadMessage(f"environment {eid!r} cannot be read: {error}; `crossboard verify {directory}` says more", 500) from error
            self._live[eid] = live
            if saved and not list_writers(directory):
                self._take_over(eid, live)
        live.used = time.monotonic()
        return live

    def _take_over(self, eid: str, live: Live) -> None:
        """Begin with what Visdom saved."""
        there = self.saved.read(eid)
        if there:
            live.environment.reload = there["reload"]
            self._keep(eid, live, live.environment.apply("win_data", {"win": None, "data": there["jsons"]}).changes)

    def apply(self, eid: str, endpoint: str, message: Any) -> Answer:
        """Do `message`, posted to ``/<endpoint>``; when this returns, what changed is in the journal.

        Raises:
            BadMessage: it cannot be done (400, 404, 409), or cannot be kept (507).
        """
        reading = endpoint in ("win_exists", "win_data", "win_hash", "env_state", "close") and "data" not in message
        if reading and eid not in self._known() and not self._is_saved(eid):
            return self.environment(eid).apply(endpoint, message)
        live = self._loaded(eid)
        with live.lock:
            try:
                answer = live.environment.apply(endpoint, message)
            except BadMessage as error:
                if error.unsure:
                    self._forget(eid)
                raise
            self._keep(eid, live, answer.changes)
        return answer

    def _keep(self, eid: str, live: Live, changes: tuple[Change, ...]) -> None:
        try:
            live.journal.keep(live.environment, changes)
        except OSError as error:
            self._forget(eid)
            text = f"environment {eid!r}: not kept: {error.strerror or error} ({live.journal.directory}); make room and send it again"
            log.warning("%s", text)
            raise BadMessage(text, 507) from error
        except (CrossboardError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            self._forget(eid)
            log.warning("a message to environment %r could not be kept", eid, exc_info=error)
            raise BadMessage(f"environment {eid!r}: not kept: {type(error).__name__}: {error}", 500) from error
        if live.journal.is_open:
            self._let_go()

    def _let_go(self) -> None:
        """Close the files of the environment that waited longest, when too many hold some."""
        with self._lock:
            held = sorted((one for one in list(self._live.values()) if one.journal.is_open), key=lambda one: one.used)
            for one in held[:-MOST_OPEN]:
                if one.lock.acquire(blocking=False):
                    try:
                        with contextlib.suppress(OSError):
                            one.journal.close()
                    finally:
                        one.lock.release()

    def _forget(self, eid: str) -> None:
        """Read the environment anew when it is asked for next: what the files say counts."""
        live = self._live.pop(eid, None)
        if live is not None:
            with contextlib.suppress(OSError):
                live.journal.close(status="failed")

    def fork(self, before: str, eid: str) -> None:
        """Let the environment `eid` hold what `before` holds. Raises BadMessage."""
        if not self.has(before):
            raise BadMessage(f"env to be forked doesn't exist: {before!r}", 404)
        source, live = self.environment(before), self._loaded(eid)
        made, old = source.copy(eid), live.environment
        changes: list[Change] = [PaneGone(window) for window in old.panes if window not in made.panes]
        for window, pane in made.panes.items():
            changes.append(PaneSet(window, kept(traces_of(old.panes.get(window, {})), traces_of(pane))))
        with live.lock:
            live.environment = made
            self._keep(eid, live, tuple(changes))

    def delete(self, eid: str) -> None:
        """Delete an environment; its run stays, hidden. The main one stays, as in Visdom 0.3.0. Raises BadMessage."""
        if eid == MAIN or not self.has(eid):
            return
        directory = self._created(eid)
        live = self._live.get(eid)
        try:
            (Journal(directory, launch=self._launch) if live is None else live.journal).delete()
        except OSError as error:
            raise BadMessage(f"environment {eid!r}: not deleted: {error.strerror or error}", 507) from error
        with self._lock:
            self._live.pop(eid, None)
            self._known().pop(eid, None)
            self._deleted.add(eid)

    def prepare(self, eid: str) -> None:
        """Make room ahead of need; any thread."""
        live = self._live.get(eid)
        if live is not None:
            live.journal.prepare()

    def close(self) -> None:
        """Record the end of what was written, and let go of all files."""
        with self._lock:
            for live in self._live.values():
                with live.lock, contextlib.suppress(OSError):
                    live.journal.close()
            self._live.clear()
            self._directories = None
