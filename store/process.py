"""Who a process is, so that its death can be proven and never merely assumed.

A process is named by (machine id, boot id, pid namespace, pid, start time in clock ticks since boot). It is *dead* when
this host booted again since, or when, in the same boot and the same pid namespace, the pid is gone or belongs to a process
that started at another time. Seen from another machine or another pid namespace it is *unknown*: silence proves nothing.

Source: proc(5): /proc/sys/kernel/random/boot_id, /proc/self/ns/pid, field 22 (starttime) of /proc/PID/stat.
Where there is no /proc (macOS, Windows) only "unknown" is ever answered.
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

Life = Literal["alive", "dead", "unknown"]


class ProcessIdentity(msgspec.Struct, frozen=True, omit_defaults=True):
    """The name of one process; empty strings and zeros where the system does not tell."""

    host: str = ""
    machine: str = ""
    boot: str = ""
    pid_namespace: str = ""
    pid: int = 0
    start_ticks: int = 0
    user: int = -1


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read().strip()
    except OSError:
        return ""


def start_ticks_of(pid: int) -> int:
    """Start time of `pid` in clock ticks since boot, or 0 when there is no such process or no /proc."""
    stat = _read(f"/proc/{pid}/stat")
    if not stat:
        return 0
    fields = stat[stat.rfind(")") + 2 :].split()
    if fields[0] in ("Z", "X"):  # a zombie has ended; only its parent has not asked yet
        return 0
    return int(fields[19])


def host_name() -> str:
    """The name of this machine, as ``socket.gethostname`` has it, without the import."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def pid_namespace() -> str:
    """The pid namespace of this process, or '' where there is none."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def this_process() -> ProcessIdentity:
    """Name the calling process."""
    pid = os.getpid()
    return ProcessIdentity(
        host=host_name(),
        machine=_read("/etc/machine-id"),
        boot=_read("/proc/sys/kernel/random/boot_id"),
        pid_namespace=pid_namespace(),
        pid=pid,
        start_ticks=start_ticks_of(pid),
        user=os.getuid() if hasattr(os, "getuid") else -1,
    )


def life_of(process: ProcessIdentity) -> Life:
    """Say whether `process` is alive, dead, or cannot be told from here."""
    boot = _read("/proc/sys/kernel/random/boot_id")
    if not boot or not process.boot:
        return "unknown"
    if process.boot != boot:
        same_machine = bool(process.machine) and process.machine == _read("/etc/machine-id")
        return "dead" if same_machine and process.host == host_name() else "unknown"
    if process.pid_namespace != pid_namespace() or not process.start_ticks:
        return "unknown"
    return "alive" if start_ticks_of(process.pid) == process.start_ticks else "dead"
