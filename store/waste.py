"""``crossboard gc``: what dead runs waste, and its removal.

Wasted are: room behind the last point of a journal that grew ahead of need; ``.sealing`` files of sealers that are proven dead;
temporary files older than an hour that no process here still writes, in runs whose writers are all over. Only what belongs to
writers that recorded their end or are *proven* dead on this host is touched; what is alive or cannot be told is left, and listed.
Runs that were deleted on the board lie in the trash of their root (`trash`) and are removed for good.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from .points import HEADER_SIZE, RECORD_SIZE, decode_records
from .process import start_ticks_of
from .rundir import MEDIA, find_runs, list_writers, points_name, sealing_name, temporary_pid
from .sealing import is_over, is_stale, may_seal, remove_stale
from .trash import deleted_runs, remove_for_good, trashes

TEMPORARY_AGE_S: Final = 3600.0
"""A younger temporary file may be of a process on another machine that shares the disk."""


@dataclass(frozen=True, slots=True)
class Waste:
    """One thing that can go, or, with `left` not empty, why it stays. size: bytes on disk that come free, about."""

    path: str
    size: int
    what: str
    left: str = ""


def _on_disk(path: str) -> int:
    state = os.stat(path)
    return getattr(state, "st_blocks", state.st_size // 512) * 512


def collect(path: str | os.PathLike[str], *, dry_run: bool = False) -> Iterator[Waste]:
    """Yield what dead runs at `path` waste; without `dry_run` it is gone when it is yielded."""
    for run_dir in find_runs(path):
        try:
            yield from _collect_run(run_dir, dry_run)
        except OSError as error:
            yield Waste(run_dir, 0, "run", left=f"cannot be read: {error.strerror}")
    for root in trashes(os.fspath(path)):
        for one in deleted_runs(root):
            waste = Waste(one.place, one.file.size, f"deleted run {one.file.name!r}")
            if not may_seal(one.place):
                waste = replace(waste, left="belongs to another user")
            elif not dry_run:
                try:
                    remove_for_good(one)
                except OSError as error:
                    waste = replace(waste, left=f"could not be removed: {error.strerror}")
            yield waste


def _collect_run(run_dir: str, dry_run: bool) -> Iterator[Waste]:
    mine = may_seal(run_dir)
    for writer in list_writers(run_dir):
        journal = os.path.join(run_dir, points_name(writer))
        if os.path.exists(journal):
            waste = _room(run_dir, writer, journal)
            if waste is not None:
                if not waste.left and not mine:
                    waste = replace(waste, left="belongs to another user")
                if not waste.left and not dry_run:
                    os.truncate(journal, _end_of(journal))
                yield waste
        sealing = os.path.join(run_dir, sealing_name(writer))
        if os.path.exists(sealing):
            waste = Waste(sealing, _on_disk(sealing), "left by a sealer that died")
            if is_stale(sealing) and mine and (dry_run or remove_stale(sealing)):
                yield waste
    if mine and all(is_over(run_dir, writer) for writer in list_writers(run_dir)):
        for folder in (run_dir, os.path.join(run_dir, MEDIA)):
            yield from _temporary(folder, dry_run)


def _end_of(journal: str) -> int:
    with open(journal, "rb") as file:
        file.seek(HEADER_SIZE)
        return HEADER_SIZE + decode_records(file.read(), first=0).filled * RECORD_SIZE


def _room(run_dir: str, writer: str, journal: str) -> Waste | None:
    size, end = os.path.getsize(journal), _end_of(journal)
    wasted = max(0, _on_disk(journal) - -(-end // 4096) * 4096)
    if size <= end:
        return None
    what = f"room behind the last point ({size - end:,} bytes of file)"
    if not is_over(run_dir, writer):
        return Waste(journal, wasted, what, left="its writer lives, or cannot be told from here")
    return Waste(journal, wasted, what)


def _temporary(folder: str, dry_run: bool) -> Iterator[Waste]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        pid = temporary_pid(name)
        if pid is None:
            continue
        path = os.path.join(folder, name)
        if start_ticks_of(pid) or not os.path.exists("/proc/self/stat"):
            continue
        with contextlib.suppress(FileNotFoundError):
            if time.time() - os.stat(path).st_mtime < TEMPORARY_AGE_S:
                continue
            waste = Waste(path, _on_disk(path), "file that was never finished")
            if not dry_run:
                os.unlink(path)
            yield waste


def format_waste(found: list[Waste], *, dry_run: bool) -> str:
    """What was found, for people."""
    gone = [waste for waste in found if not waste.left]
    lines = [f"{waste.size:>12,} bytes  {waste.what}  {waste.path}" for waste in gone]
    lines += [f"{'kept':>18}  {waste.what}: {waste.left}  {waste.path}" for waste in found if waste.left]
    verb = "would come free" if dry_run else "came free"
    lines.append(f"{sum(waste.size for waste in gone):,} bytes {verb} in {len(gone)} places; points and records of runs are untouched")
    return "\n".join(lines)
