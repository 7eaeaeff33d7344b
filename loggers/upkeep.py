"""What the helper thread does for an open run: room ahead of need, a sign of life, and what the run knows about itself.

About once a second it touches the journal (mapped stores move neither size nor mtime), notices that the run's directory was removed
(no error ever comes), syncs where that was asked for or the file system is a network one, and writes down frameworks that were
imported meanwhile and what the machine uses.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from ..store.records import FrameworksSeen
from .frameworks import frameworks_used
from .helper import SLOW_TICK_S, TICK_S
from .identity import Place
from .system import System

if TYPE_CHECKING:
    from .run import Run


class Upkeep:
    """Looks after the files of `run` in this process; implements `helper.Helped`.

    whole: also tells what the run knows about itself, which the children of a process do not.
    """

    def __init__(self, run: Run, place: Place, *, whole: bool) -> None:
        self._run, self._place = run, place
        self.frameworks = frameworks_used()
        self._modules = len(sys.modules)
        self._touched = -1
        self._switches = 0
        self._switched = 0.0
        self._synced = 0.0
        self._system: System | None = None
        if whole and place.system:
            self._system = System(place.system, directory=place.directory, rank=place.rank, created=place.created)

    @property
    def looks_around(self) -> bool:
        """Whether `look_around` has anything to tell."""
        return self._system is not None and self._system.looks_around

    def look_around(self) -> None:
        """Write down what the run knows about itself; slow."""
        if self._system is not None:
            from ..store.blobs import write_blob

            directory = self._place.directory
            self._run._keep(self._system.look_around(lambda data: write_blob(directory, data, extension="txt", media_type="text/plain")))

    def prepare(self) -> float:
        """Make the next segment when the newest is half used; say when to look again."""
        points = self._run._points
        if points is None or self._run.finished:
            return TICK_S
        switches = points.switches
        points.prepare()
        if switches == self._switches:
            return TICK_S
        now = time.monotonic()
        lasted, self._switched = (now - self._switched if self._switches else TICK_S), now
        self._switches = switches
        return max(0.001, min(TICK_S, lasted / 2))

    def tick(self) -> None:
        """What is done about once a second; see the head of this module."""
        points = self._run._points
        if points is None or self._run.finished or points.fd < 0:
            return
        if os.fstat(points.fd).st_nlink == 0 or not os.path.exists(self._place.directory):
            self._run._stop(f"{self._place.directory} was removed", why="the run's directory was removed")
            return
        if points.used != self._touched:
            self._touched = points.used
            os.utime(points.fd)
            self._sync(points.fd)
        self.see_frameworks()
        self._sample()

    def _sync(self, descriptor: int) -> None:
        """Have the journal on the disk, where that is wanted and its time has come."""
        wanted = self._place.durable_s
        if wanted is None and self._place.network:
            wanted = SLOW_TICK_S
        if wanted is not None and time.monotonic() - self._synced >= wanted:
            self._synced = time.monotonic()
            os.fdatasync(descriptor)

    def see_frameworks(self) -> None:
        """Write down frameworks that were imported since."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        seen = frameworks_used()
        new = {name: version for name, version in seen.items() if name not in self.frameworks}
        with self._run._lock:
            records = self._run._records
            if new and records is not None and records.fd >= 0:
                self.frameworks = seen
                self._run._append(FrameworksSeen(wall_time=time.time(), frameworks=new))

    def _sample(self) -> None:
        """Keep what the process and its machine use now, when it is time."""
        if self._system is None:
            return
        step, values = self._system.sample()
        with self._run._lock:
            points = self._run._points
            if self._run.finished or points is None:  # while this was measured
                return
            for tag, value in values.items():
                declared = self._run._tag(tag)
                if declared is not None:
                    points.put(declared[0], value, step, time.time())
