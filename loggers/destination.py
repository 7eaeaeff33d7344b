"""Which run an integration logs to: the one it was given, else the current one, else one that it begins."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Mapping
from typing import Any, Final

from .run import Run
from .session import begin_beside, current, init

_begun: Final[weakref.WeakSet[Run]] = weakref.WeakSet()


def destination(options: Mapping[str, Any], **defaults: Any) -> Run:
    """The current run, when nothing is said about which and no integration began it; else a new one.

    options: of `session.init`, as the user said them; entries that are None say nothing. defaults: what else a new one begins with.
    """
    said = {name: value for name, value in options.items() if value is not None}
    there = current()
    if there is not None and not said and there not in _begun:
        return there
    run = init(**{**defaults, **said})
    _begun.add(run)
    return run


def began(run: Run | None) -> bool:
    """Whether `destination` began `run`, so that the integration may end it."""
    return run is not None and run in _begun


def go_on(run: Run, *, call: str) -> Run:
    """A new attempt of a finished `run`, beside the current one."""
    if run.disabled or not run.dir:
        return run
    again = begin_beside(call, at=run.dir, strict=run._strict)
    _begun.add(again)
    return again


def fail(run: Run) -> None:
    """End `run` as failed, by the exception that is being handled."""
    error = sys.exc_info()[1]
    if error is None:
        run.finish("failed")
    else:
        run.fail(error)


def within(run: Run, path: str | os.PathLike[str]) -> str:
    """`path` as seen from the run's directory where it lies inside of it, else as it stands."""
    text = os.fspath(path)
    full = os.path.abspath(text)
    return os.path.relpath(full, run.dir) if run.dir and full.startswith(run.dir + os.sep) else text
