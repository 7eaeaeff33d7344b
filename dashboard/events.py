"""What is new, told to every open page: the one thread that refreshes the store, and the event streams.

The *refresher* calls `store.refresh()` every 0.2 s while a run is running or something changed in the last 10 s, else ever
more rarely, down to once in 2 s; `wake` ends a pause. The *teller* passes on what came after each refresh, and every 0.25 s
while a long one (the first reading of a large root) is under way.

A *stream* is ``text/event-stream`` (the HTML standard, section 9.2), at most 5 messages a second:

    event: hello      {"version", "board", "beat"}               first; `board` names this board process
    event: progress   {"runs_done", "runs_total", "busy"}        while the sources are read for the first time
    event: change     {"version", "runs", "removed", "tags", "complete"}
    event: beat       {}                                         after `beat` seconds of silence

The beat is there so that both ends notice a connection that is lost without an error: a browser tells its page of no comment line.

`runs` are keys of runs that are new, were edited, or got points; `tags` are the tags that got points. With `complete` false
the store no longer knows what changed: ask for everything. A slow reader gets fewer messages, never a queue of them: what
it has not read yet is merged.

Versions on the wire are the store's, plus a number that only grows from one board process to the next, so that a page that
outlives its board never gets the difference to a state it does not have.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ..store.store import Changes, Progress, Store
from .replies import to_json

PAUSE_BUSY_S: Final = 0.2
PAUSE_QUIET_S: Final = 2.0
STAYS_BUSY_S: Final = 10.0
REST: Final = 3.0
LONGEST_REST_S: Final = 5.0
"""After a look the refresher rests so many times the processor time that it took, where that is longer than the pause: of very many runs
it is much."""
MESSAGE_GAP_S: Final = 0.2
HEARTBEAT_S: Final = 15.0
TELL_S: Final = 0.25
"""How often the streams hear of a refresh that is still under way."""
RUNNING_LOOK_S: Final = 5.0
STOP_S: Final = 10.0

log: Final = logging.getLogger("crossboard.dashboard")


class Versions:
    """Store versions as the wire knows them: moved up by the milliseconds since 1970 at which this board started."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.first = int(time.time() * 1000)

    def now(self) -> int:
        return self.first + self.store.version

    def changes_since(self, since: int) -> Changes:
        """`Store.changes_since` for a version on the wire; one of another board is answered with `complete` false."""
        version = since - self.first
        if not 0 <= version <= self.store.version:
            return Changes(version=self.now(), complete=False)
        changes = self.store.changes_since(version)
        return Changes(
            version=self.first + changes.version,
            runs=changes.runs,
            series=changes.series,
            removed=changes.removed,
            complete=changes.complete,
        )

    def local(self, since: int) -> int:
        """The store's own version behind a version on the wire."""
        return since - self.first


@dataclass(slots=True)
class News:
    """What a stream has yet to send; it grows by merging."""

    version: int = 0
    runs: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    complete: bool = True
    progress: Progress | None = None

    def merge(self, changes: Changes) -> None:
        self.version = max(self.version, changes.version)
        self.runs |= changes.runs | {key.run for key in changes.series}
        self.tags |= {key.tag for key in changes.series}
        self.removed = (self.removed - changes.runs) | changes.removed
        self.runs -= changes.removed
        self.complete = self.complete and changes.complete

    def messages(self) -> list[bytes]:
        """The messages that tell it, in order."""
        told = []
        if self.progress is not None:
            told.append(message("progress", progress_json(self.progress)))
        if self.version:
            change = {
                "version": self.version,
                "runs": sorted(self.runs),
                "removed": sorted(self.removed),
                "tags": sorted(self.tags),
                "complete": self.complete,
            }
            told.append(message("change", change))
        return told


def progress_json(progress: Progress) -> dict[str, Any]:
    """`progress` for the page."""
    return {
        "runs_done": progress.runs_done,
        "runs_total": progress.runs_total,
        "busy": progress.busy,
        "errors": list(progress.errors),
    }


def message(event: str, data: Any) -> bytes:
    """One message of an event stream. JSON holds no line breaks, so it is one ``data`` line."""
    return b"event: %b\ndata: %b\n\n" % (event.encode(), to_json(data))


class _Client:
    """One open stream: its event loop, a bell, and what it has yet to send."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.bell = asyncio.Event()
        self.news = News()


class Newsroom:
    """The refresher, the teller and all open streams. `start` and `stop` once each; `stream` any number of times."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.versions = Versions(store)
        self.board = secrets.token_hex(8)
        self.failed = ""
        """Why the newest refresh failed, or ''."""
        self._clients: set[_Client] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = threading.Event()
        self._refreshed = threading.Event()
        self.first_read = threading.Event()
        """Set when the first refresh is done."""
        self.prepare: Callable[[threading.Event], None] | None = None
        """What is made ready in a thread of its own when the board starts and when it has read everything; ends when the event is set."""
        self._threads: list[threading.Thread] = []
        self._told = 0

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    def start(self) -> None:
        """Start refreshing and telling, unless they run already."""
        if not self._threads:
            self._told = self.store.version
            self._threads = [
                threading.Thread(target=self._refresh_for_ever, name="crossboard-refresher", daemon=True),
                threading.Thread(target=self._tell_for_ever, name="crossboard-teller", daemon=True),
                threading.Thread(target=self._prepare, name="crossboard-preparer", daemon=True),
            ]
            for thread in self._threads:
                thread.start()

    def _prepare(self) -> None:
        if self.prepare is None:
            return
        self.prepare(self._stopped)
        while not self._stopped.is_set() and not self.first_read.wait(TELL_S):
            pass
        self.prepare(self._stopped)

    def wake(self) -> None:
        """Refresh now: something was written."""
        self._wake.set()

    def stop(self) -> None:
        """End every stream, then both threads. The store may be closed after it."""
        self.end_streams()
        for thread in self._threads:
            thread.join(timeout=STOP_S)

    def end_streams(self) -> None:
        """Let every stream end its reply, and tell both threads to end."""
        self._stopped.set()
        self._wake.set()
        self._refreshed.set()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            with contextlib.suppress(RuntimeError):  # its event loop has ended before us
                client.loop.call_soon_threadsafe(client.bell.set)

    # ------------------------------------------------------------------------------------------ the refresher

    def _refresh_for_ever(self) -> None:
        seen = 0
        changed_at = time.monotonic()
        looked_at, running = 0.0, False
        pause = PAUSE_BUSY_S
        while not self._stopped.is_set():
            began = time.thread_time()
            try:
                version = self.store.refresh()
                self.failed = ""
            except Exception as error:
                if not self.failed and not self._stopped.is_set():
                    log.exception("refresh failed; trying again")
                self.failed = f"{type(error).__name__}: {error}"
                version = self.store.version
            self._refreshed.set()
            self.first_read.set()
            now = time.monotonic()
            took = time.thread_time() - began
            if version != seen:
                seen, changed_at = version, now
            if now - looked_at > RUNNING_LOOK_S:
                looked_at, running = now, any(run.status == "running" for run in self.store.runs())
            busy = running or now - changed_at < STAYS_BUSY_S
            pause = PAUSE_BUSY_S if busy else min(PAUSE_QUIET_S, pause * 1.25)
            self._wake.wait(max(pause, min(REST * took, LONGEST_REST_S)))
            self._wake.clear()

    def _tell_for_ever(self) -> None:
        """Tell the streams what is new, also while a long refresh is still under way."""
        told = self._told
        was_busy = True
        while not self._stopped.is_set():
            self._refreshed.wait(TELL_S)
            self._refreshed.clear()
            changes = None
            version = self.store.version
            if version != told:
                changes = self.versions.changes_since(self.versions.first + told)
                told = max(version, changes.version - self.versions.first)
            progress = self.store.progress()
            self._tell(changes, progress if progress.busy or was_busy else None)
            was_busy = progress.busy

    def _tell(self, changes: Changes | None, progress: Progress | None) -> None:
        if changes is None and progress is None:
            return
        with self._lock:
            clients = list(self._clients)
        for loop in {client.loop for client in clients}:
            group = [client for client in clients if client.loop is loop]
            with contextlib.suppress(RuntimeError):  # that event loop has ended
                loop.call_soon_threadsafe(_deliver, group, changes, progress)

    # -------------------------------------------------------------------------------------------- the streams

    async def stream(self, since: int | None) -> AsyncIterator[bytes]:
        """The messages for one page, from version `since` on (None: from now on), until the board stops."""
        client = _Client()
        with self._lock:
            self._clients.add(client)
        try:
            yield message("hello", {"version": self.versions.now(), "board": self.board, "beat": HEARTBEAT_S})
            progress = self.store.progress()
            if progress.busy:
                client.news.progress = progress
                client.bell.set()
            if since is not None and since != self.versions.now():
                client.news.merge(await asyncio.to_thread(self.versions.changes_since, since))
                client.bell.set()
            while not self._stopped.is_set():
                try:
                    await asyncio.wait_for(client.bell.wait(), HEARTBEAT_S)
                except asyncio.TimeoutError:
                    yield message("beat", {})
                    continue
                if self._stopped.is_set():
                    break
                client.bell.clear()
                news, client.news = client.news, News()
                yield b"".join(news.messages())
                await asyncio.sleep(MESSAGE_GAP_S)
        finally:
            with self._lock:
                self._clients.discard(client)


def _deliver(clients: list[_Client], changes: Changes | None, progress: Progress | None) -> None:
    """Runs on the clients' own event loop."""
    for client in clients:
        if changes is not None:
            client.news.merge(changes)
        if progress is not None:
            client.news.progress = progress
        client.bell.set()
