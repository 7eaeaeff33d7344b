"""The paths that somebody gave: how a path is named from here on, and why one cannot be opened.

A path may also be a URL of a place that fsspec knows, which nobody looks into before it is read.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable

from crossboard.adapters.tensorboard.reading.storage import is_url
from crossboard.store.records import encodable
from crossboard.store.rundir import is_text


def absolute(path: str | os.PathLike[str]) -> str:
    """`path` as a store names it: absolute; a URL as it is."""
    given = os.fspath(path)
    return given if is_url(given) else os.path.abspath(given)


def fault_of(path: str | os.PathLike[str]) -> str:
    """Why `path` cannot be opened, in words; "" when it can."""
    given = os.fspath(path)
    if is_url(given):
        return ""
    if not os.path.exists(given):
        return f"no such path: {encodable(given)}"
    if not is_text(os.path.abspath(given)):
        return f"want a path that is UTF-8 text, got {encodable(os.path.abspath(given))}; rename it, or open it by a link with another name"
    return ""


def existing(parser: argparse.ArgumentParser, paths: Iterable[str]) -> list[str]:
    """`paths` as `absolute` names them. Ends the program with status 2 when one cannot be opened."""
    given = list(paths)
    faults = [fault for path in given if (fault := fault_of(path))]
    for fault in faults:
        print(f"{parser.prog}: {fault}", file=sys.stderr)
    if faults:
        sys.exit(2)
    return [absolute(path) for path in given]
