"""The board's own sealing: runs of its user that ended, or were killed, and that nobody sealed.

One thread, one run at a time, with a pause after each. `sealing` decides what may be sealed; this module only looks for it. A
run's own program starts a sealer when it finishes, so a run is looked at here only some seconds after its end.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from typing import Final

from ..store.kinds import RunInfo
from ..store.sealing import may_seal, needs_sealing, seal_run
from ..store.store import Store

LOOK_S: Final = 5.0
AFTER_S: Final = 10.0
PAUSE_S: Final = 0.2
AGAIN_S: Final = 600.0
"""How long a run stays alone whose sealing did not succeed."""
NICENESS: Final = 15

log: Final = logging.getLogger("crossboard.dashboard")


class Sealer:
    """Seals from a thread, from `start` to `stop`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._not_before: dict[str, float] = {}

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="crossboard-sealer", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread after the run at hand."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        if sys.platform == "linux":  # where a thread has a niceness of its own
            with contextlib.suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while not self._stopped.wait(LOOK_S):
            for run in self.store.runs():
                if self._stopped.is_set():
                    return
                if self._is_due(run):
                    self.seal(run)
                    self._stopped.wait(PAUSE_S)

    def _is_due(self, run: RunInfo) -> bool:
        if run.source != "native" or run.status in ("running", "silent") or time.time() - run.updated < AFTER_S:
            return False
        return time.monotonic() >= self._not_before.get(run.key, 0.0)

    def seal(self, run: RunInfo) -> None:
        """Seal what may be sealed of `run`, and remember when to look at it again."""
        self._not_before[run.key] = time.monotonic() + AGAIN_S
        try:
            if needs_sealing(run.path) and may_seal(run.path):
                for report in seal_run(run.path):
                    if report.state == "failed":
                        log.warning("sealing %s of %s failed: %s", report.writer, run.path, report.why)
        except OSError as error:
            log.warning("sealing %s failed: %s", run.path, error)
