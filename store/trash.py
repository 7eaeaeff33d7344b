"""The trash of a root: where deleted runs lie until they are restored or really removed.

    <root>/.crossboard-trash/<when>-<hex>/
        deleted.json        which run it was, from where, when, by whom (`DeletedFile`)
        run/                the run directory as it was

A run is moved with one rename on its own file system, so that nothing is copied and undo is another rename. Readers skip hidden
directories. ``crossboard gc`` empties the trash; a board removes what has lain there for `KEPT_DAYS` days.

Only a native run directory of this user goes, and only when no process can still write to it: each of its writers recorded its end or
is proven dead on this host, or (of a process elsewhere) has been silent for `SILENT_DAYS` days.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from .errors import CrossboardError, Damaged, NotFound
from .rundir import TRASH, is_run_dir, list_writers, points_name, records_name
from .sealing import is_over, may_seal

KEPT_DAYS: Final = 30
SILENT_DAYS: Final = 1
VERSION: Final = 1
_DAY_S: Final = 86400.0
_FILE: Final = "deleted.json"
_RUN: Final = "run"
_NAME: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")


class CannotDelete(CrossboardError):
    """A run that must not or cannot go, and why."""


class DeletedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What deleted.json holds. path: where the run lay; deleted: epoch seconds, UTC; size: bytes of its files."""

    version: int
    key: str
    name: str
    path: str
    deleted: float
    size: int = 0
    user: str = ""


@dataclass(frozen=True, slots=True)
class Deleted:
    """One run in a trash. id: name of its place; place: that directory, below the trash of `root`."""

    id: str
    root: str
    place: str
    file: DeletedFile


def size_of(directory: str) -> tuple[int, int]:
    """How many files lie below `directory`, and their bytes. What vanishes meanwhile is not counted."""
    files = size = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_size
                files += 1
    return files, size


def root_of(path: str, roots: list[str]) -> str:
    """The one of `roots` below which the run at `path` lies, the nearest; for a run that is itself a root, the directory it lies in."""
    above = [root for root in roots if path.startswith(root.rstrip(os.sep) + os.sep)]
    return max(above, key=len) if above else os.path.dirname(path)


def why_not(path: str, *, now: float) -> str:
    """Why the run directory at `path` cannot be deleted, "" when it can."""
    if not is_run_dir(path):
        return "it has no run.json: it is no run of crossboard, or is gone already"
    if not may_seal(path) or not os.access(os.path.dirname(path), os.W_OK):
        return "its directory belongs to another user or may not be written"
    for writer in list_writers(path):
        if not _is_done(path, writer, now=now):
            heard = _heard(path, writer)
            ago = f"{max(0.0, now - heard):.0f} s ago" if now - heard < 120 else f"{(now - heard) / 60:.0f} min ago"
            return (
                f"writer {writer} has not ended as far as can be told from here, its last sign of life was {ago}; end the program, or wait"
                f" until it has been silent for {SILENT_DAYS * 24} hours"
            )
    return ""


def _is_done(path: str, writer: str, *, now: float) -> bool:
    if writer.startswith("board-"):  # a board writes an edit and is done
        return True
    try:
        if is_over(path, writer):
            return True
    except (OSError, CrossboardError):
        pass  # cannot be told from its records: by its silence then
    return now - _heard(path, writer) > SILENT_DAYS * _DAY_S


def _heard(path: str, writer: str) -> float:
    """When a file of `writer` was last touched, epoch seconds."""
    heard = 0.0
    for name in (points_name(writer), records_name(writer)):
        with contextlib.suppress(OSError):
            heard = max(heard, os.stat(os.path.join(path, name)).st_mtime)
    return heard


def delete(path: str, *, key: str, name: str, root: str, user: str = "") -> Deleted:
    """Move the run directory `path` into the trash of `root`.

    Raises:
        CannotDelete: see `why_not`; or the file system refuses, with its reason. Then the run lies where it lay.
    """
    now = time.time()
    reason = why_not(path, now=now)
    if reason:
        raise CannotDelete(reason)
    identity = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(4)}"
    place = os.path.join(root, TRASH, identity)
    file = DeletedFile(version=VERSION, key=key, name=name, path=path, deleted=now, size=size_of(path)[1], user=user)
    try:
        os.makedirs(place)
        with open(os.path.join(place, _FILE), "xb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(file)))
        os.rename(path, os.path.join(place, _RUN))
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        _drop_if_empty(root)
        what = "it lies on another file system than its root" if error.errno == errno.EXDEV else error.strerror
        raise CannotDelete(f"it could not be moved to {place}: {what}") from error
    return Deleted(identity, root, place, file)


def deleted_runs(root: str) -> list[Deleted]:
    """What lies in the trash of `root`, the newest first. A place without a readable deleted.json is left out."""
    try:
        names = sorted((name for name in os.listdir(os.path.join(root, TRASH)) if _NAME.fullmatch(name)), reverse=True)
    except OSError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(CrossboardError):
            found.append(_read(root, name))
    return found


def _read(root: str, identity: str) -> Deleted:
    place = os.path.join(root, TRASH, identity)
    try:
        with open(os.path.join(place, _FILE), "rb") as file:
            return Deleted(identity, root, place, msgspec.json.decode(file.read(), type=DeletedFile))
    except FileNotFoundError:
        raise NotFound(f"no deleted run {identity!r} in the trash of {root}; it was restored or removed") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise Damaged(f"deleted.json: {error}; move the run back by hand from {place}") from error


def restore(identity: str, *, root: str) -> Deleted:
    """Move a deleted run back to where it lay.

    Raises:
        NotFound: there is no such place in the trash of `root`.
        Damaged: its deleted.json is none, or names a place outside `root`.
        CannotDelete: something lies where the run lay, or the file system refuses. Then the run stays in the trash.
    """
    if not _NAME.fullmatch(identity):
        raise NotFound(f"deleted run: want an id like 20261128-150000-1a2b3c4d, got {identity!r:.60}")
    one = _read(root, identity)
    if os.path.normpath(one.file.path) != one.file.path or not one.file.path.startswith(root.rstrip(os.sep) + os.sep):
        raise Damaged(f"deleted.json: want a place below {root}, got {one.file.path!r}; move the run back by hand from {one.place}")
    if os.path.lexists(one.file.path):
        raise CannotDelete(f"something lies where the run lay; move it away first: {one.file.path}")
    try:
        os.makedirs(os.path.dirname(one.file.path), exist_ok=True)
        os.rename(os.path.join(one.place, _RUN), one.file.path)
    except OSError as error:
        raise CannotDelete(f"it could not be moved back to {one.file.path}: {error.strerror}") from error
    shutil.rmtree(one.place, ignore_errors=True)
    _drop_if_empty(root)
    return one


def _drop_if_empty(root: str) -> None:
    with contextlib.suppress(OSError):
        os.rmdir(os.path.join(root, TRASH))


def remove_for_good(one: Deleted) -> None:
    """Remove a deleted run from the disk. Raises OSError."""
    shutil.rmtree(one.place)
    _drop_if_empty(one.root)


def remove_old(root: str, *, now: float) -> list[Deleted]:
    """Remove what has lain in the trash of `root` for `KEPT_DAYS` days, where that may be; return it."""
    gone = []
    for one in deleted_runs(root):
        if now - one.file.deleted > KEPT_DAYS * _DAY_S and may_seal(one.place):
            with contextlib.suppress(OSError):
                remove_for_good(one)
                gone.append(one)
    return gone


def trashes(path: str) -> Iterator[str]:
    """The roots at `path` that have a trash: itself, and the directories in it (projects that were opened by themselves)."""
    top = os.path.abspath(path)
    inside: list[str] = []
    with contextlib.suppress(OSError), os.scandir(top) as entries:
        inside = sorted(entry.path for entry in entries if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False))
    for root in (top, *inside):
        if os.path.isdir(os.path.join(root, TRASH)):
            yield root
