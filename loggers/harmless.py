"""Logging never harms training: the one place where that policy is kept.

A wrong argument is said once for each place in the user's code and each thing that is wrong, as a `CrossboardWarning` that
points at the user's own line; under ``strict=True`` it is raised instead. What goes wrong inside crossboard is said once, too,
and swallowed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from types import FrameType
from typing import Final, NamedTuple

from ..store.errors import CrossboardWarning

_HERE: Final = os.path.dirname(os.path.abspath(__file__)) + os.sep
_said: set[tuple[str, int, str]] = set()
_lock = threading.RLock()  # a signal handler may log, and be warned, inside a warning
MOST_SAID: Final = 10_000


def users_frame() -> FrameType | None:
    """The innermost frame of the calling thread that is not crossboard's own code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _is_ours(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _is_ours(file: str) -> bool:
    return file.startswith(_HERE) or file.endswith(f"{os.sep}contextlib.py")


class Line(NamedTuple):
    """A line of the user's code."""

    file: str
    number: int
    module: str


def users_line() -> Line:
    """The line of the user's code that called crossboard."""
    frame = users_frame()
    if frame is None:
        return Line("<crossboard>", 0, "")
    return Line(frame.f_code.co_filename, frame.f_lineno, str(frame.f_globals.get("__name__", "")))


def warn(text: str, *, about: str, error: type[Exception] | None = None, at: Line | None = None) -> str:
    """Say `text` once for the user's line and `about`; return where that was, "file.py:41", or '' when it was said before.

    error: raise this instead (strict mode). at: the line to point at, where the caller is not the user's code.
    """
    if error is not None:
        raise error(text)
    file, line, module = at if at is not None else users_line()
    with _lock:
        if (file, line, about) in _said:
            return ""
        if len(_said) < MOST_SAID:
            _said.add((file, line, about))
    warnings.warn_explicit(text, CrossboardWarning, file, line, module=module or None, registry={})
    return f"{os.path.basename(file)}:{line}"


def from_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler of the user's raised `error` while a logging call ran: then it is theirs, and goes on to them."""
    trace = error.__traceback__
    if trace is None or threading.current_thread() is not threading.main_thread():
        return False
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in signal.valid_signals()} - {None}
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def after_fork() -> None:
    """In a forked child: the lock may be held by a thread that does not exist here."""
    global _lock
    _lock = threading.RLock()


def forget_said() -> None:
    """Say everything anew, as in a new process. For tests."""
    with _lock:
        _said.clear()
