"""An event file that this process is writing, read into a run as it grows.

TensorFlow writes event files from C++, also from inside compiled functions: its file is the one place where all of it comes by.
`EventTail` reads it in the helper thread, so that the training thread does nothing but what TensorFlow itself does. What is
read late by `FLUSH_S` and the helper's tick is handed in before the run finishes.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol

from ..store.errors import Damaged
from ..store.framing import read_frames
from .arrivals import Deposit
from .events import ConfigLogged, EventReader, GraphLogged, Logged
from .harmless import Line, users_line
from .helper import TICK_S, helper
from .run import Run, before_finish

FLUSH_S: Final = 1.0
"""So long may an event wait in TensorFlow's queue before it is asked for."""
CHUNK: Final = 1 << 20
_HOLE: Final = 0x03
"""FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of linux/falloc.h."""
making: Final = threading.local()
"""``making.ours`` is set while we make an event writer of TensorFlow's for ourselves: nobody is to capture that one."""
_tails: Final[list[EventTail]] = []


class Destination(Protocol):
    """Where events go now. begin: begin a run when there is none."""

    def __call__(self, *, begin: bool = True) -> Run | None: ...


class EventTail:
    """Reads the event file at `path` from byte `at` on. Any thread may call.

    run      asked for whenever something was read: where it goes; None: it is dropped
    flush    makes the file's writer write out what it holds back; called in the helper thread, too
    prefix   put before each tag; or what gives it, asked when the first event comes
    line     the user's line that warnings point at
    own      the file is ours: the disk blocks of what was read are given back (Linux)
    """

    def __init__(
        self,
        path: str,
        run: Destination,
        *,
        flush: Callable[[], object],
        line: Line,
        prefix: str | Callable[[], str] = "",
        at: int = 0,
        own: bool = False,
    ) -> None:
        self.path = path
        self.line = line
        self._run, self._flush, self._own = run, flush, own
        self._prefix = prefix if isinstance(prefix, str) else ""
        self._ask_prefix = None if isinstance(prefix, str) else prefix
        self._reader = EventReader()
        self._lock = threading.RLock()
        self._at = self._freed = at
        self._size = CHUNK
        self._fd = os.open(path, os.O_RDWR if own else os.O_RDONLY)
        self._pid = os.getpid()

    def start(self) -> EventTail:
        """Begin to read, until `close`."""
        _tails.append(self)
        if _settle not in before_finish:
            before_finish.append(_settle)
        helper.look_after(self)
        return self

    @property
    def reading(self) -> bool:
        """Whether it was not closed."""
        return self._fd >= 0

    def feeds(self, run: Run) -> bool:
        """Whether what is read now goes into `run`."""
        return self._pid == os.getpid() and self._run(begin=False) is run

    def settle(self) -> None:
        """Have everything that was written until now handed in."""
        if self._pid != os.getpid():
            return
        with contextlib.suppress(Exception):  # a writer that is closed already has nothing left
            self._flush()
        self.poll()

    def poll(self) -> None:
        """Hand in what the file has now."""
        failed: Exception | None = None
        with self._lock:
            while self._fd >= 0 and self._pid == os.getpid():
                data = os.pread(self._fd, self._size, self._at)
                frames, at, problems = read_frames(data, path=self.path, base=self._at)
                moved, self._at = at != self._at, at  # first: what cannot be handed in is not read again
                jobs = [functools.partial(self._lose, f"{one.what} at byte {one.offset} of {self.path}") for one in problems]
                jobs += [functools.partial(self._hand_in, payload) for _, payload in frames]
                for job in jobs:
                    try:
                        job()
                    except Exception as error:  # noqa: BLE001  strict, or warnings as errors: raised when the rest is in
                        failed = failed or error
                if moved:
                    self._size = CHUNK
                elif len(data) < self._size:
                    break
                else:
                    self._size *= 2  # one event is larger than that
            self._give_back()
        if failed is not None:
            raise failed

    def close(self) -> None:
        """Read no more."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1
        if self in _tails:
            _tails.remove(self)
        helper.leave(self)

    def say_late(self, what: str) -> None:
        """Warn at the user's line that something came too late."""
        run = self._run()
        if run is not None:
            run._complain(f"tf.summary: {what}", about="late event", at=users_line())

    # ------------------------------------------------------------------------------------------ for the helper

    def prepare(self) -> float:
        """Read on."""
        self.poll()
        return TICK_S

    def tick(self) -> None:
        """Have TensorFlow write out what it holds back."""
        if self._fd >= 0 and self._pid == os.getpid():
            self._flush()

    # --------------------------------------------------------------------------------------------------- inside

    def _hand_in(self, payload: bytes) -> None:
        try:
            found = self._reader.read(payload)
        except Damaged as error:
            self._lose(str(error))
            return
        if not found:
            return
        run = self._run()
        if run is None or run.disabled:
            return
        if self._ask_prefix is not None:
            self._prefix, self._ask_prefix = self._ask_prefix(), None
        for one in found:
            if isinstance(one, ConfigLogged):
                run.config.update(one.config)
            elif isinstance(one, GraphLogged):
                self._graph(run, one)
            elif isinstance(one.value, float):
                run._log_slowly({self._prefix + one.tag: one.value}, one.step, now=one.wall_time)
            else:
                self._keep(run, one)

    def _keep(self, run: Run, logged: Logged) -> None:
        """Record a point that is no number."""
        assert not isinstance(logged.value, float)
        target = Deposit(run, self._prefix + logged.tag, logged.step, logged.wall_time, self.line)
        if run._finished or not run.open():
            run._lost += 1
            target.warn("it was written after its run was finished; dropped", about="late event")
            return
        try:
            run._next = max(run._next, logged.step + 1)
            run._keep(logged.value(target))
        except Exception as error:  # noqa: BLE001  one point that cannot be made must not end the reading
            run._lost += 1
            target.warn(f"{error}; left out", about=f"event {logged.tag}")

    def _graph(self, run: Run, logged: GraphLogged) -> None:
        from .media.graph import Graph

        run._log_slowly({f"{self._prefix}graph": Graph(logged.graph_def)}, logged.step, now=logged.wall_time)

    def _lose(self, what: str) -> None:
        run = self._run()
        if run is not None:
            run._lost += 1
            run._complain(f"tf.summary: {what}; left out and counted", about=f"events {self.path}", at=self.line)

    def _give_back(self) -> None:
        """Free the disk blocks of what was read, in steps; where that is not possible they stay until the file goes."""
        if not self._own or self._fd < 0 or self._at - self._freed < CHUNK or sys.platform != "linux":
            return
        libc = ctypes.CDLL(None, use_errno=True)
        offset, length = ctypes.c_int64(self._freed), ctypes.c_int64(self._at - self._freed)
        libc.fallocate(self._fd, _HOLE, offset, length)
        self._freed = self._at


def _settle(run: Run) -> None:
    """Hand everything that still belongs to `run` in; whatever that says, the run is to finish."""
    for tail in list(_tails):
        if tail.feeds(run):
            with contextlib.suppress(Exception):
                tail.settle()
