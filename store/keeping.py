"""Keeping: what a store puts into its catalog, when, and what happens when the catalog fails.

A checkpoint writes every run that changed: about every 2 s while there is work, but never for more than a twentieth of the
time, and at close. Each run is taken under the store's lock, by itself, and written without it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import RLock
from typing import Any, Final, NamedTuple

from .catalog import Catalog, Change, cache_root, directory_for, problems_of
from .columns import CacheLost, FileColumn
from .kinds import Kind, StrandKey
from .records import KIND_OF
from .source import FoundRun, Placed, Recalls, Source, Unread
from .strands import Residents, RunData, StrandData

EVERY_S: Final = 2.0
SHARE: Final = 20
CHUNK_BYTES: Final = 4 << 20
MANY: Final = 256
"""More files than these reach the disk sooner together with all else that waits for it than one by one."""


class _Taken(NamedTuple):
    """A run as it was when it was taken: its strands, what was taken, and which strands with how many points."""

    run: RunData
    strands: dict[StrandKey, StrandData]
    change: Change
    written: list[tuple[StrandData, int]]


@contextlib.contextmanager
def collected_later() -> Iterator[None]:
    """Let no cyclic garbage be looked for while very many objects are made that stay: each look goes through all of them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Keeper:
    """Keeps runs in a catalog, or, when there is none, in memory only. `note` says why there is none."""

    def __init__(self, sources: Sequence[Source], cache: str | Path | None, *, memory: bool) -> None:
        self.catalog: Catalog | None = None
        self.residents = Residents()
        self.note = "kept in memory as asked" if memory else ""
        self._dirty: dict[str, RunData] = {}
        self._gone: set[str] = set()
        self._next_strand = 1
        self._saved_at = time.monotonic()
        self._took = 0.0
        self._closed = False
        self._unsynced: set[FileColumn] = set()
        if not memory:
            try:
                root = Path(cache) if cache is not None else cache_root()
                self.catalog = Catalog.open(directory_for(sources, root))
                self.note = "" if self.catalog else f"no cache in {root}: another board uses it, or it cannot be written"
            except (OSError, RuntimeError) as error:  # RuntimeError: there is no home directory
                self.note = f"no cache: {error}"

    def load(self, sources: Sequence[Source]) -> list[RunData]:
        """The runs of these sources as the catalog has them; overviews come when asked for."""
        if self.catalog is None:
            return []
        with collected_later():
            return self._load(sources, self.catalog)

    def _load(self, sources: Sequence[Source], catalog: Catalog) -> list[RunData]:
        owners = {(source.format, source.path): source for source in sources}
        runs: list[RunData] = []
        try:
            self._next_strand = catalog.highest_strand() + 1
            recalls = {key: owner for key, owner in owners.items() if isinstance(owner, Recalls)}
            for key, form, path, stored, strands in catalog.load():
                owner = owners.get((form, path))
                if owner is None:
                    self._gone.add(key)
                    continue
                fields = {**stored.found, "tags": tuple(stored.found["tags"])}
                run = RunData(FoundRun(**fields), format=form, owner=owner)
                run.state, run.cursor = stored.state, stored.cursor
                run.stored_records, run.stored_unread = stored.records, stored.unread
                run.problems = problems_of(stored)
                run.media = {(Kind(kind), tag, rank): stats for kind, tag, rank, stats in stored.media}
                run.stored = True
                recalling = recalls.get((form, path)) if stored.token else None
                if recalling is not None:
                    run.kept_token, run.looked = stored.token, True
                    run.token = tuple(stored.token)
                    recalling.recall(run.found, run.token)
                try:
                    for one in strands:
                        name = StrandKey(key, one.tag, one.rank, one.attempt, one.writer)
                        run.add_strand(StrandData.stored(name, one, catalog=catalog, version=0))
                except CacheLost:  # its columns do not fit: this run alone is read anew
                    self._gone.add(key)
                    continue
                runs.append(run)
        except (CacheLost, TypeError, KeyError, ValueError) as error:
            self.lose(f"catalog: {error}", reopen=directory_of(catalog))
            return []
        return runs

    def place_for(self, run: RunData) -> tuple[Catalog | None, int]:
        """Where a new strand of `run` is kept: the catalog and its number there, or nowhere."""
        if self.catalog is None or run.owner is None:
            return None, 0
        self._next_strand += 1
        return self.catalog, self._next_strand - 1

    def touch(self, run: RunData) -> None:
        """Say that `run` changed."""
        if self.catalog is not None and run.owner is not None:
            self._dirty[run.found.key] = run

    def drop(self, run: RunData) -> None:
        """The strands of `run` are forgotten; what the catalog has of it is no longer true."""
        for strand in run.strands.values():
            strand.forget()
            self.residents.forget(strand)
            if isinstance(strand.column, FileColumn):
                self._unsynced.discard(strand.column)
        run.outdated = run.outdated or run.stored
        self.touch(run)

    def removed(self, run: RunData) -> None:
        """`run` is gone."""
        self._dirty.pop(run.found.key, None)
        if self.catalog is not None and run.owner is not None:
            self._gone.add(run.found.key)

    def records(self, run: RunData, kind: Kind, tag: str | None, *, skip: int = 0) -> list[Placed | Unread]:
        """The records of one kind, in order of arrival, without the first `skip`, and among them those that are not read yet. Raises
        CacheLost."""
        unread = self._unread(run, kind, tag)
        old: list[tuple[int, Placed]] = []
        left = skip
        if self.catalog is not None and run.stored_records:
            asked = (run.found.key, kind, tag, run.stored_records)
            stored = self.catalog.count_records(*asked) if skip and not unread else 0
            if skip <= stored or unread:
                old = self.catalog.records(*asked, skip=skip if stored else 0)
            left = max(0, skip - stored)
        fresh = [
            (number, one)
            for number, one in enumerate(run.records, run.stored_records)
            if KIND_OF[type(one.record)] is kind and (tag is None or getattr(one.record, "tag", "") == tag)
        ]
        if not unread:
            return [one for _, one in (*old, *fresh[left:])]
        return _behind(sorted([*unread, *old, *fresh], key=_number), skip)

    def _unread(self, run: RunData, kind: Kind, tag: str | None) -> list[tuple[int, Unread]]:
        """What is not read yet of one kind, each with how many records of the run stand before it."""
        old = self.catalog.unread(run.found.key, kind, run.stored_unread) if self.catalog is not None and run.stored_unread else []
        held = [*old, *(pair for pair in run.unread if pair[1].kind is kind)]
        chosen = held if tag is None else [(first, one.of(tag)) for first, one in held]
        return [pair for pair in chosen if len(pair[1])]

    def checkpoint_if_due(self, lock: RLock) -> None:
        """Write what changed, unless that was done a moment ago. Raises CacheLost."""
        pause = max(EVERY_S, SHARE * self._took)
        if (self._dirty or self._gone) and time.monotonic() - self._saved_at >= pause:
            self.checkpoint(lock)

    def checkpoint(self, lock: RLock) -> None:
        """Write what changed. Raises CacheLost."""
        if self.catalog is None or self._closed:
            return
        begun = time.monotonic()
        with lock:
            keys = [*self._gone, *self._dirty]
            changes = [Change(key, True) for key in self._gone]
            self._gone.clear()
        taken: list[_Taken] = []
        size = 0
        for key in keys:
            with lock:
                run = self._dirty.pop(key, None)
                if run is None:
                    continue
                written = [(one, one.stats.count) for one in run.strands.values() if one.dirty]
                change = run.change()
                taken.append(_Taken(run, run.strands, change, written))
                changes.append(change)
                size += sum(len(one.overview or b"") for one in change.strands)
            if size > CHUNK_BYTES:
                self._save(lock, changes, taken)
                changes, taken, size = [], [], 0
        self._save(lock, changes, taken)
        self._saved_at = time.monotonic()
        self._took = self._saved_at - begun

    def _save(self, lock: RLock, changes: list[Change], taken: list[_Taken]) -> None:
        if self.catalog is None or not changes:
            return
        self.catalog.save(changes)
        with lock:
            for run, strands, change, written in taken:
                if run.strands is not strands:  # emptied meanwhile: what was written just now is no longer true
                    run.outdated = True
                    continue
                run.stored, run.outdated = True, False
                assert change.run is not None
                run.stored_records += len(change.records)
                del run.records[: len(change.records)]
                run.stored_unread += len(change.unread)
                del run.unread[: len(change.unread)]
                for strand, count in written:
                    strand.dirty = strand.stats.count != count
                    if isinstance(strand.column, FileColumn):
                        self._unsynced.add(strand.column)

    def lose(self, why: str, *, reopen: Path | None = None) -> None:
        """Give the catalog up; with `reopen`, begin a new one in that directory."""
        if self.catalog is not None and not self._closed:
            self.catalog.destroy()
        self.catalog, self.note = None, f"the cache was given up: {why}"
        self._dirty.clear()
        self._gone.clear()
        self._unsynced.clear()
        self.residents = Residents()
        if reopen is not None:
            self.catalog = Catalog.open(reopen)
            self._next_strand = 1
            self.note = "" if self.catalog is not None else self.note

    def close(self, lock: RLock) -> None:
        """Write what is missing and let go."""
        if self.catalog is None or self._closed:
            return
        clean = True
        try:
            self.checkpoint(lock)
            if len(self._unsynced) > MANY:
                os.sync()
            else:
                for column in self._unsynced:
                    column.sync()
        except CacheLost:
            clean = False
        with lock:
            self._closed = True
            self.catalog.close(clean=clean)


def _number(pair: tuple[int, Any]) -> int:
    return pair[0]


def _behind(held: Sequence[tuple[int, Placed | Unread]], skip: int) -> list[Placed | Unread]:
    """What is held without the first `skip` points."""
    found: list[Placed | Unread] = []
    for _, one in held:
        count = len(one) if isinstance(one, Unread) else 1
        if skip < count:
            found.append(one[skip:] if isinstance(one, Unread) else one)
        skip = max(0, skip - count)
    return found


def directory_of(catalog: Catalog) -> Path:
    """Where `catalog` lies."""
    return catalog.directory
