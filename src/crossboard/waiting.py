"""A line on the terminal that says how far the first reading of a store is, for as long as it takes more than a moment; and, where that
finds nothing, what was looked for."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

from crossboard.store.store import Store

QUIET_S = 1.0
EVERY_S = 0.2


@contextlib.contextmanager
def progress_of(store: Store, *, nothing: Callable[[], str] | None = None) -> Iterator[None]:
    """Show how far `store` is while the block runs; no line of progress is shown where stderr is no terminal.

    nothing: what to say when the first reading finds no run.
    """
    done = threading.Event()
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if not terminal and nothing is None:
        yield
        return
    shower = threading.Thread(target=_show, args=(store, done, terminal, nothing), name="crossboard-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        done.set()
        shower.join()


def _show(store: Store, done: threading.Event, terminal: bool, nothing: Callable[[], str] | None) -> None:
    began, shown = time.monotonic(), False
    while not done.wait(EVERY_S):
        line = line_of(store)
        if nothing is not None and all(source.looked for source in store.sources()) and not line:
            if not store.runs():
                say(nothing())
            nothing = None
        if not terminal:
            if nothing is None:
                return
            continue
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
