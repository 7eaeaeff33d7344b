"""The helper thread: the only thread of ours in the training process, for what must not happen inside a logging call.

It prepares the next segment of each open journal, touches the journal's modification time once a second while points arrive
(mapped stores move neither size nor mtime), notices that a run's directory was removed, syncs where that was asked for or the
file system is a network one, lands values of device tensors, encodes media, and writes down frameworks that were imported later. It is a
daemon thread, starts with the first run, ends when the last one is finished, and is started anew after a fork.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

TICK_S: Final = 0.25
SLOW_TICK_S: Final = 1.0
POLL_S: Final = 0.002
"""How soon a job that waits for its device is tried again."""
MOST_TRIED: Final = 16
"""So many of them are tried at a time: a device finishes in order."""
MOST_QUEUED: Final = 100_000


class NotYet(BaseException):
    """Raised by a job that would have to wait for its device: it goes behind the others and is done anew a moment later.

    No error, and for nobody but the helper: it passes every ``except Exception`` on its way.
    """


_here: Final = threading.local()


def in_job() -> bool:
    """Whether this thread is doing a job of the helper, which may raise `NotYet`."""
    return bool(getattr(_here, "job", False))


class Helped(Protocol):
    """What the helper looks after: a run of this process."""

    def prepare(self) -> float:
        """Make room ahead of need; return after how many seconds to look again at the latest."""
        ...

    def tick(self) -> None:
        """What is to be done about once a second."""
        ...


class Helper:
    """One thread for all runs of this process. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._runs: list[Helped] = []
        self._jobs: deque[Callable[[], None]] = deque()
        self._slow_jobs: deque[Callable[[], None]] = deque()
        self._waiting: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        # a SimpleQueue may be put to inside a put (a signal handler that logs); an Event may not be set inside a set
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self.working = False
        """Whether a job is being done right now: a long film takes its time."""

    def look_after(self, run: Helped) -> None:
        """Look after `run` until `leave`."""
        with self._lock:
            if run not in self._runs:
                self._runs = [*self._runs, run]
        self._start()

    def leave(self, run: Helped) -> None:
        """Look after `run` no more; the thread ends when it was the last."""
        with self._lock:
            self._runs = [one for one in self._runs if one is not run]
        self.wake()

    def wake(self) -> None:
        """Look at the journals now: one went on to a new segment."""
        if self._wake.empty():
            self._wake.put(None)

    def do(self, job: Callable[[], None], *, quick: bool = True) -> bool:
        """Do `job` in the thread, soon; False when too many wait already.

        Jobs that are not quick (encoding) come one by one behind all quick ones, and journals are looked at between them.
        """
        jobs = self._jobs if quick else self._slow_jobs
        if len(jobs) >= MOST_QUEUED:
            return False
        jobs.append(job)
        self.wake()
        return True

    def help(self) -> None:
        """Do what waits in the caller's thread when there is no helper thread (the interpreter ends, none could be had)."""
        if self._thread is None or not self._thread.is_alive():
            while self._work():
                pass

    def after_fork(self) -> None:
        """In a forked child: the thread, the runs it looked after and the queue are the parent's."""
        self.__init__()  # type: ignore[misc]  # every lock may be held by a thread that does not exist here

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="crossboard-helper", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is ending, or no thread can be had
                    self._thread.start()

    def _work(self) -> bool:
        """Do every quick job and one slow one, after those that waited for a device; say whether more wait in the queues."""
        tried = 0
        for _ in range(len(self._waiting)):
            try:
                tried += not self._try(self._waiting.popleft())
            except IndexError:  # another thread helped
                break
            if tried == MOST_TRIED:
                break
        for jobs, most in ((self._jobs, MOST_QUEUED), (self._slow_jobs, 1)):
            for _ in range(most):
                try:
                    job = jobs.popleft()
                except IndexError:  # empty, or another thread helped
                    break
                self._try(job)
        return bool(self._jobs or self._slow_jobs)

    def _try(self, job: Callable[[], None]) -> bool:
        """Do `job`, whatever it raises; False when it has to wait for its device."""
        _here.job = self.working = True
        try:
            with contextlib.suppress(Exception):
                job()
        except NotYet:
            self._waiting.append(job)
            return False
        finally:
            _here.job = self.working = False
        return True

    def _run(self) -> None:
        slow = time.monotonic()
        while True:
            pause = TICK_S
            for run in self._runs:
                with contextlib.suppress(Exception):  # harm to one run must not end the helper of all
                    pause = min(pause, run.prepare())
            more = self._work()
            now = time.monotonic()
            if now - slow >= SLOW_TICK_S:
                slow = now
                for run in self._runs:
                    with contextlib.suppress(Exception):  # as above
                        run.tick()
            with self._lock:
                if not self._runs and not self._jobs and not self._slow_jobs and not self._waiting:
                    self._thread = None
                    return
            if more:
                continue
            if self._waiting:
                pause = min(pause, POLL_S)
            with contextlib.suppress(queue.Empty):
                self._wake.get(timeout=pause)


helper: Final = Helper()
