"""Which way a points journal is written: chosen by the type of the file system, never by trying.

On a FUSE mount fallocate, mmap and stores were all seen to succeed while the other side saw nothing; so a journal is mapped
only on file systems that are known to keep one page cache for maps and reads: ext2/3/4, xfs, tmpfs, and overlay (whose files
that are written lie on one of these). Everywhere else the same records go out with write(2). ``CROSSBOARD_JOURNAL=mmap|write``
overrides.

Source of the numbers: statfs(2), linux/magic.h.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final, Literal

Way = Literal["mmap", "write"]

MAPPED: Final = {0xEF53: "ext", 0x58465342: "xfs", 0x01021994: "tmpfs", 0x794C7630: "overlay"}
NETWORK: Final = {
    0x6969: "nfs",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x517B: "smb",
    0x65735546: "fuse",
    0x0BD00BD0: "lustre",
    0x01021997: "9p",
    0x5346414F: "afs",
    0x00C36400: "ceph",
    0x47504653: "gpfs",
    0x19830326: "beegfs",
}


class _Statfs(ctypes.Structure):
    """struct statfs of Linux on 64-bit machines, as far as its first field goes."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_char * 248))


def file_system_type(path: str) -> int:
    """The f_type of the file system that `path` lies on, 0 where it cannot be told."""
    if not sys.platform.startswith("linux"):
        return 0
    buffer = _Statfs()
    try:
        if ctypes.CDLL(None, use_errno=True).statfs(os.fsencode(path), ctypes.byref(buffer)) != 0:
            return 0
    except (OSError, AttributeError):
        return 0
    return int(buffer.f_type) & 0xFFFFFFFF


def way_of(path: str) -> tuple[Way, bool]:
    """How to write a journal in the directory `path`, and whether it lies on a network file system (sync once a second)."""
    kind = file_system_type(path)
    wanted = os.environ.get("CROSSBOARD_JOURNAL", "")
    if wanted == "mmap" and hasattr(os, "posix_fallocate"):
        return "mmap", kind in NETWORK
    if wanted == "write" or not hasattr(os, "posix_fallocate"):
        return "write", kind in NETWORK
    return ("mmap" if kind in MAPPED else "write"), kind in NETWORK
