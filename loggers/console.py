"""What a program prints and logs, kept in its run as console lines: ``init(console=True)``, and `RunHandler` for `logging`.

    run = cb.init(console=True)                        # stdout and stderr, as they are printed
    logging.getLogger().addHandler(RunHandler())       # or only what goes through `logging`

A print costs its caller one append to a list; the helper thread makes lines of it about once a second and writes them. What the
program prints comes out as before, by the same objects: their ``write`` is put into the way and taken out again when the run ends.
Not seen: what C code writes to the descriptors, and what forked processes print.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ..store.records import ConsoleLines
from .helper import TICK_S, helper
from .run import Run, before_finish
from .session import current
from .terminal import Terminal

MOST_WAITING: Final = 4 << 20
"""Characters that may wait for the helper thread; what is printed on top of them is not kept, and its lines are counted."""
MOST_KEPT: Final = 64 << 20
"""Characters that one process keeps of one run."""
LINES_A_RECORD: Final = 500
SHOW_OPEN_AFTER_S: Final = 30.0
"""A line that is not finished for so long (a progress bar) is kept as it stands, every so often."""


class ConsoleLog:
    """The console lines of one run on their way into it. Any thread may call."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._printed: deque[tuple[str, str, float]] = deque()
        self._terminals: dict[str, Terminal] = {}
        self._shown: dict[str, tuple[str, float]] = {}
        self._lock = threading.RLock()  # a signal handler may end the run inside a flush
        self._waiting = self._kept = self._lost = 0
        self.active = True

    def add(self, stream: str, text: str) -> None:
        """Keep `text`, which was printed on `stream`."""
        if not self.active or not text:
            return
        if self._waiting > MOST_WAITING:
            self._lost += text.count("\n")
            return
        self._waiting += len(text)
        self._printed.append((stream, text, time.time()))

    def prepare(self) -> float:
        """See `helper.Helped`."""
        return TICK_S

    def tick(self) -> None:
        """Write down the lines that are finished."""
        with self._lock:
            self._write(last=False)

    def close(self) -> None:
        """Write down everything, and end."""
        with self._lock:
            self.active = False
            self._write(last=True)
        helper.leave(self)

    def forget(self) -> None:
        """In a forked child: what waits here is the parent's."""
        self.active = False

    def _write(self, *, last: bool) -> None:
        stream, began = "", time.time()
        for _ in range(len(self._printed)):
            name, text, when = self._printed.popleft()
            if name != stream:
                self._take(stream, began)
                stream, began = name, when
            self._terminal(name).feed(text)
        self._take(stream, began)
        if not self._printed:
            self._waiting = 0
        now = time.time()
        for name, terminal in self._terminals.items():
            if last:
                self._keep(name, self._but_shown(name, terminal.rest()), now)
            else:
                self._show_open(name, terminal.open_row, now)
        if self._lost:
            lost, self._lost = self._lost, 0
            self._keep("stderr", [f"crossboard: {lost} lines came too fast and are not kept"], now)

    def _terminal(self, name: str) -> Terminal:
        return self._terminals.setdefault(name, Terminal())

    def _take(self, name: str, when: float) -> None:
        if name:
            self._keep(name, self._but_shown(name, self._terminal(name).take()), when)

    def _but_shown(self, name: str, lines: list[str]) -> list[str]:
        """`lines` without the first one when that was shown before it was finished."""
        if not lines:
            return lines
        shown, _ = self._shown.pop(name, ("", 0.0))
        return lines[1:] if shown and lines[0] == shown else lines

    def _show_open(self, name: str, row: str, now: float) -> None:
        """Keep a line that is not finished, when it was not for long enough."""
        if not row:
            self._shown.pop(name, None)
            return
        shown, since = self._shown.setdefault(name, ("", now))
        if now - since >= SHOW_OPEN_AFTER_S:
            self._shown[name] = row, now
            if row != shown:
                self._keep(name, [row], now)

    def _keep(self, stream: str, lines: list[str], when: float) -> None:
        if self._kept > MOST_KEPT:
            return
        for first in range(0, len(lines), LINES_A_RECORD):
            some = [line.encode(errors="replace").decode() for line in lines[first : first + LINES_A_RECORD]]
            self._kept += sum(map(len, some)) + len(some)
            if self._kept > MOST_KEPT:
                some = [f"crossboard: the console ends here: {MOST_KEPT >> 20} MiB are kept of each process"]
            self._run._record(ConsoleLines(wall_time=when, stream=stream, lines=some))
            if self._kept > MOST_KEPT:
                return


_logs: Final[weakref.WeakKeyDictionary[Run, ConsoleLog]] = weakref.WeakKeyDictionary()
_taps: Final[weakref.WeakKeyDictionary[Run, list[_Tap]]] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def _log_of(run: Run) -> ConsoleLog:
    with _making:
        log = _logs.get(run)
        if log is None:
            log = _logs[run] = ConsoleLog(run)
            helper.look_after(log)
        return log


def _settle(run: Run) -> None:
    """`run` ends: leave the streams alone, write down the rest."""
    for tap in _taps.pop(run, []):
        tap.remove()
    log = _logs.get(run)
    if log is not None:
        log.close()


def _after_fork() -> None:
    global _making
    _making = threading.Lock()
    for log in _logs.values():
        log.forget()
    _logs.clear()
    _taps.clear()


before_finish.append(_settle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)

# ------------------------------------------------------------------------------------------------- stdout and stderr


def capture_console(run: Run) -> None:
    """Keep what is printed on ``sys.stdout`` and ``sys.stderr``, as they are now, until `run` ends. Once a run."""
    if run.disabled or run._finished or not run.open() or run in _taps:
        return
    log = _log_of(run)
    _taps[run] = [_Tap(name, log) for name in ("stdout", "stderr") if getattr(sys, name) is not None]


class _Tap:
    """Stands in the way of the ``write`` of one of the streams of `sys`.

    The stream stays the object that it is, so that who holds it (a logging handler) is heard, too. One whose methods cannot be set
    is replaced by an object that passes everything on.
    """

    def __init__(self, name: str, log: ConsoleLog) -> None:
        self._name = name
        self._stream: Any = getattr(sys, name)
        self._before: Callable[[str], Any] = self._stream.write
        self._had = "write" in getattr(self._stream, "__dict__", ())
        self._instead: Any = None
        before = self._before

        def write(text: str) -> Any:
            answer = before(text)
            if isinstance(text, str):
                log.add(name, text)
            return answer

        self._ours = write
        try:
            self._stream.write = write
        except (AttributeError, TypeError):
            self._instead = _Passing(self._stream, write)
            setattr(sys, name, self._instead)

    def remove(self) -> None:
        """Take it out again; where somebody came on top of it, it stays and passes on."""
        if self._instead is not None:
            if getattr(sys, self._name) is self._instead:
                setattr(sys, self._name, self._stream)
        elif vars(self._stream).get("write") is self._ours:
            with contextlib.suppress(AttributeError, TypeError):
                if self._had:
                    self._stream.write = self._before
                else:
                    del self._stream.write


class _Passing:
    """A stream with another ``write``."""

    def __init__(self, stream: Any, write: Callable[[str], Any]) -> None:
        self._stream = stream
        self.write = write

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __enter__(self) -> _Passing:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


# -------------------------------------------------------------------------------------------------------- logging


class RunHandler(logging.Handler):
    """Keeps what the program says by `logging` as console lines of a run, on the stream "log".

    Args:
        run: where to; default: the current run at the time, and nothing where there is none.
        level: of the handler, as in `logging.Handler`.
        alert_level: records of at least this level also become alerts on the board, such as ``logging.ERROR``; None: none do.

    Lines are formatted by the handler's formatter; default: level, logger's name, message. With ``init(console=True)`` and a
    handler that prints, too, each line is kept twice.
    """

    def __init__(self, run: Run | None = None, level: int | str = logging.NOTSET, *, alert_level: int | None = None) -> None:
        super().__init__(level)
        self._run = run
        self._alert_level = alert_level
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`; an error in it is treated as in the handlers of the standard library."""
        try:
            run = self._run if self._run is not None else current()
            if run is None or run.disabled or run._finished or (run._role == "fork" and run._points is None):
                return
            _log_of(run).add("log", self.format(record) + "\n")
            if self._alert_level is not None and record.levelno >= self._alert_level:
                level = "error" if record.levelno >= logging.ERROR else "warn" if record.levelno >= logging.WARNING else "info"
                run.alert(record.getMessage()[:200], self.format(record), level=level)
        except Exception:  # noqa: BLE001  the convention of `logging`
            self.handleError(record)

    def flush(self) -> None:
        """Write down the lines that wait."""
        run = self._run if self._run is not None else current()
        log = _logs.get(run) if run is not None else None
        if log is not None and log.active:
            log.tick()
