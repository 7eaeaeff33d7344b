"""Where the run of a SummaryWriter lies, what it is called, and who else in this process writes into it.

The writer's `log_dir` is the run's own directory, so that `crossboard` and TensorBoard find a training at the same place, and a
second launch with the same `log_dir` is a new attempt of the same run. Two exceptions, since run directories do not hold each other:

- a `log_dir` that holds runs already, or is the root of runs or the working directory: the run is ``<log_dir>/<its own name>``;
- a `log_dir` inside the directory of another run: ``logs/val`` inside ``logs`` becomes ``logs.val`` beside it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from ...store.rundir import find_runs, is_run_dir
from ..launch import launch_of
from ..run import Run

_lock = threading.RLock()
_shared: Final[dict[str, tuple[Run, int]]] = {}


def root() -> str:
    """The directory under which runs lie when nothing is said."""
    return os.path.abspath(os.environ.get("CROSSBOARD_DIR") or "runs")


def place_of(log_dir: str) -> str:
    """The directory of the run whose writer has this `log_dir`."""
    path = os.path.abspath(log_dir)
    if is_run_dir(path):
        return path
    outer = os.path.dirname(path)
    while not is_run_dir(outer):
        above = os.path.dirname(outer)
        if above == outer:
            break
        outer = above
    else:
        inner = os.path.relpath(path, outer).replace(os.sep, ".")
        return f"{outer}.{inner}"
    holds_runs = path in (root(), os.getcwd()) or next(find_runs(path), None) is not None
    return os.path.join(path, os.path.basename(path) or "run") if holds_runs else path


def name_of(log_dir: str) -> str:
    """What that run is called: its path below the root or the working directory, else the last two parts of it."""
    path = os.path.abspath(log_dir)
    for above in (root(), os.getcwd()):
        inside = os.path.relpath(path, above)
        if inside != os.curdir and not inside.startswith(os.pardir) and not os.path.isabs(inside):
            return inside.replace(os.sep, "/")
    return "/".join(path.replace(os.sep, "/").split("/")[-2:]).strip("/") or "run"


def name_without(comment: str) -> str | None:
    """What a run without `log_dir` is called: as torch calls it, the time, the host and the comment.

    Under a launcher the comment alone, which is the same in all its processes: they meet in one run by its name.
    """
    if launch_of().job:
        return comment.strip("_- ") or None
    return time.strftime("%b%d_%H-%M-%S") + "_" + socket.gethostname() + comment


def share(directory: str, begin: Callable[[], Run]) -> Run:
    """The run in `directory`, begun when no other writer of this process has it open. `give_back` it."""
    with _lock:
        run, count = _shared.get(directory, (None, 0))
        if run is None or run._finished:
            run, count = begin(), 0
        _shared[directory] = (run, count + 1)
        return run


def give_back(directory: str) -> bool:
    """Whether the caller was the last one who had the run in `directory`, and is to finish it."""
    with _lock:
        run, count = _shared.pop(directory, (None, 1))
        if run is not None and count > 1:
            _shared[directory] = (run, count - 1)
            return False
        return True


def _after_fork() -> None:
    """In a forked child: another thread may have held the lock."""
    global _lock
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
