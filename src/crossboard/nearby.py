"""What is said of paths in which no run was found: what was looked for, what could not be listed, and where runs lie near."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice

from crossboard.adapters.tensorboard.reading.logdir import LEFT_OUT, LogDirectory, is_event_file
from crossboard.store.rundir import RUN_FILE

MOST_DIRECTORIES = 2000
MOST_NAMED = 5


def no_runs(paths: Sequence[str]) -> str:
    """A few lines for people."""
    lines = [
        f"no runs in {', '.join(paths)}",
        f"  looked for: directories with {RUN_FILE} (crossboard), files with 'tfevents' in their name (TensorBoard),",
        "  environments and logs of messages (Visdom)",
    ]
    for path in paths:
        logdir = LogDirectory(os.path.abspath(path))
        list(logdir.runs())
        lines += [f"  cannot be listed: {error.filename}: {error.strerror}" for error in logdir.unreadable[:MOST_NAMED]]
    near = list(dict.fromkeys(found for path in paths for found in islice(_near(os.path.abspath(path)), MOST_NAMED)))
    lines += [f"  found nearby: crossboard {os.path.relpath(found)}" for found in near[:MOST_NAMED]]
    return "\n".join(lines)


def _near(path: str) -> Iterator[str]:
    """Directories beside and above `path` that hold runs, each named by the directory that one would open."""
    looked = 0
    parent = os.path.dirname(path)
    for base in dict.fromkeys((parent, os.path.dirname(parent))):
        depths = [(base, 0)]
        while depths and looked < MOST_DIRECTORIES:
            directory, depth = depths.pop(0)
            looked += 1
            try:
                entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
            except OSError:
                continue
            if any(entry.name == RUN_FILE for entry in entries):
                yield os.path.dirname(os.path.dirname(directory)) if depth > 1 else directory
                return
            if any(is_event_file(entry.name) for entry in entries):
                yield os.path.dirname(directory) if depth > 1 else directory
                return
            if depth < 3:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name not in LEFT_OUT]
                depths += [(one, depth + 1) for one in below if not os.path.basename(one).startswith(".") and one != path]
