"""Where what other tools send to the board is kept: the root of the Visdom receiver."""

from __future__ import annotations

import os
from collections.abc import Sequence

from crossboard.adapters.visdom.keeper import PROJECT
from crossboard.adapters.visdom.receiver import VisdomReceiver
from crossboard.adapters.visdom.saved import Saved
from crossboard.store.rundir import find_runs, is_run_dir


def native_root(path: str) -> str | None:
    """The root that native runs may be written into, when `path` is one, or a project or a run in one; None for anything else.

    A directory that is empty, or not there yet, is a root to be: nothing foreign is in it.
    """
    if "://" in path or os.path.isfile(path):
        return None
    if is_run_dir(path):
        return os.path.dirname(os.path.dirname(path))
    try:
        entries = [entry for entry in os.listdir(path) if not entry.startswith(".")]
    except FileNotFoundError:
        return path
    except OSError:
        return None
    if not entries:
        return path
    first = next(find_runs(path), None)
    if first is None:
        return None
    return os.path.dirname(path) if os.path.dirname(first) == path else path


def receiver_root(paths: Sequence[str]) -> str:
    """Where environments go: the first native root among `paths`; else CROSSBOARD_DIR, else ``runs`` in the working directory, since
    foreign sources are never written to."""
    for path in paths:
        root = native_root(path)
        if root is not None:
            return root
    return os.path.abspath(os.environ.get("CROSSBOARD_DIR") or "runs")


def visdom_receiver(paths: Sequence[str]) -> tuple[VisdomReceiver, list[str]]:
    """A receiver for the board over `paths`, and the paths that it has to show beside them, so that what arrives is seen."""
    root = receiver_root(paths)
    project = os.path.join(root, PROJECT)
    saved = Saved([path for path in paths if "://" not in path])
    return VisdomReceiver(root, saved=saved), [] if root in paths or project in paths else [project]
