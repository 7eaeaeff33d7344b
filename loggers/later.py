"""What a run still owes after its logging calls returned: values on their way from a device, media to be encoded.

Counted in items and bytes, bounded in bytes, done by the helper thread, waited for at the end. Any thread may call.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from .helper import NotYet, helper

MOST_BYTES: Final = 256 << 20
"""So much may wait to be encoded in one process; what comes on top of it is dropped and counted."""
STUCK_S: Final = 60.0
"""`wait` gives up when nothing was done for so long: a device that does not answer."""
LONGEST_JOB_S: Final = 900.0
"""It gives up on one job that is being done after so long."""
QUIET_S: Final = 1.0
"""Waiting is silent for so long."""


class Later:
    """The work of one run that waits."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.items = 0
        self.bytes = 0
        self.done = 0

    def add(self, job: Callable[[], object], *, size: int = 0) -> bool:
        """Do `job`, which holds `size` bytes, in the helper thread. False, and nothing is done, when too much waits already.

        size 0: a quick job, done before those that hold bytes. One item is always taken, however large.
        """
        with self._lock:
            if size and self.items and self.bytes + size > MOST_BYTES:
                return False
            self.items += 1
            self.bytes += size

        def counted() -> None:
            ended = True
            try:
                job()
            except NotYet:
                ended = False
                raise
            finally:
                if ended:
                    with self._lock:
                        self.items -= 1
                        self.bytes -= size
                        self.done += 1

        if helper.do(counted, quick=not size):
            return True
        with self._lock:
            self.items -= 1
            self.bytes -= size
        return False

    def wait(self) -> int:
        """Wait until all is done, with a line on stderr when that takes long; return how many items were given up."""
        began = moved = time.monotonic()
        total, done, said = self.items, self.done, False
        while self.items:
            helper.help()
            now = time.monotonic()
            if self.done != done:
                done, moved = self.done, now
            if now - moved > (LONGEST_JOB_S if helper.working else STUCK_S):
                break
            if now - began > QUIET_S and sys.stderr is not None:
                said = True
                part = f"{total - self.items} of {total}" if total >= self.items else f"{self.items} left"
                _show(f"crossboard: writing what was logged: {part} ({now - began:.0f} s)")
            time.sleep(0.005 if now - began < QUIET_S else 0.1)
        if said:
            _show("")
        return self.items


def _show(line: str) -> None:
    """A line that the next one replaces; on a terminal only."""
    try:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K" + line)
            sys.stderr.flush()
    except (OSError, ValueError):
        pass
