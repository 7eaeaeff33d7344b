"""A line on the terminal that says how far the first reading of a store is, for as long as it takes more than a moment."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from crossboard.store.store import Store

QUIET_S = 1.0
EVERY_S = 0.2


@contextlib.contextmanager
def progress_of(store: Store) -> Iterator[None]:
    """Show how far `store` is while the block runs. Nothing is shown where stderr is no terminal."""
    done = threading.Event()
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    shower = threading.Thread(target=_show, args=(store, done), name="crossboard-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        done.set()
        shower.join()


def _show(store: Store, done: threading.Event) -> None:
    began, shown = time.monotonic(), False
    while not done.wait(EVERY_S):
        line = line_of(store)
        if time.monotonic() - began < QUIET_S or not (line or shown):
            continue
        shown = bool(line)
        _write(line)
        if not line:
            return  # the first reading is over; what comes live is no wait
    if shown:
        _write("")


def line_of(store: Store) -> str:
    """How far the reading is, in words; "" when nothing is being read."""
    progress = store.progress()
    if not progress.busy or not progress.runs_total:
        return ""
    return f"reading {progress.runs_done:,} of {progress.runs_total:,} runs ({100 * progress.runs_done // progress.runs_total} %)"


def say(text: str) -> None:
    """Print `text` where a line of progress may stand."""
    if sys.stderr is not None and sys.stderr.isatty():
        _write("")
    print(text, flush=True)


def _write(line: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write("\r\x1b[K" + line)
        sys.stderr.flush()
