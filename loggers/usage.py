"""What the program and its machine use while it trains: processor, memory, disk, GPUs; sampled by the helper thread.

Tags begin with ``system/``. The step is whole seconds since the run was created, so that a resumed run goes on where time is; the
automatic step of the run is left alone. Source: proc(5). Where there is no /proc only the process's own time is known.
"""

from __future__ import annotations

import os
import time
from typing import Final

from .gpus import readings

PREFIX: Final = "system/"


class Usage:
    """Samples of this process and its machine. directory: whose disk is told; machine: whether more than the process is told."""

    def __init__(self, directory: str, *, machine: bool) -> None:
        self._directory, self._machine = directory, machine
        self._wall, self._own = time.monotonic(), time.process_time()
        self._all = _processor_ticks()

    def sample(self) -> dict[str, float]:
        """Tag -> value since the last sample. Percents of the machine are of all its processors, of the process of one."""
        made: dict[str, float] = {}
        wall, own = time.monotonic(), time.process_time()
        if wall > self._wall:
            made["process/cpu_percent"] = 100.0 * (own - self._own) / (wall - self._wall)
        self._wall, self._own = wall, own
        resident = _resident_bytes()
        if resident:
            made["process/memory_bytes"] = float(resident)
        if self._machine:
            made |= self._of_machine() | readings()
        return {PREFIX + name: value for name, value in made.items()}

    def _of_machine(self) -> dict[str, float]:
        made: dict[str, float] = {}
        busy, total = _processor_ticks()
        if total > self._all[1]:
            made["cpu_percent"] = 100.0 * (busy - self._all[0]) / (total - self._all[1])
        self._all = (busy, total)
        memory = _memory_bytes()
        if memory:
            used, whole = memory
            made["memory_bytes"], made["memory_percent"] = float(used), 100.0 * used / whole
        try:
            disk = os.statvfs(self._directory)
            made["disk_percent"] = 100.0 * (1 - disk.f_bavail / max(disk.f_blocks, 1))
        except (OSError, AttributeError):
            pass
        return made


def _processor_ticks() -> tuple[int, int]:
    """(busy, all) clock ticks of all processors since boot; zeros where the system does not tell."""
    try:
        with open("/proc/stat") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    idle = sum(ticks[3:5])
    return sum(ticks) - idle, sum(ticks)


def _resident_bytes() -> int:
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _memory_bytes() -> tuple[int, int] | None:
    """(used, all) bytes of the machine's memory; what can be given back at once counts as free."""
    found: dict[str, int] = {}
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in ("MemTotal", "MemAvailable"):
                    found[name] = int(rest.split()[0]) * 1024
    except (OSError, ValueError, IndexError):
        return None
    if len(found) < 2 or not found["MemTotal"]:
        return None
    return found["MemTotal"] - found["MemAvailable"], found["MemTotal"]
