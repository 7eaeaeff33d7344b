"""Feeding: reading sources into a store, again and again, at a cost that follows what is new.

Each refresh scans every source. A run whose token is the same as at its last reading is skipped. One that gives no token is
read each time while it is running; when it is not and keeps giving nothing it is looked at ever more rarely, at last every
half minute. What goes wrong with one source or one run is kept for display and stops nothing else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .columns import CacheLost
from .errors import CrossboardError
from .records import encodable
from .rundir import is_text
from .source import Batch, FoundRun, ReadsAhead, Recalls, Source
from .store import Progress, SourceInfo

if TYPE_CHECKING:
    from .embedded import EmbeddedStore

READ_BYTES: Final = 8 << 20
"""Of one run at once: the store is locked for the time such a batch takes, some 20 ms."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
log = logging.getLogger(__name__)


class Feeder:
    """Reads `sources` into `store`. One thread at a time: the store's `_reading` lock guards it."""

    def __init__(self, store: EmbeddedStore, sources: Sequence[Source]) -> None:
        self._store = store
        self._sources = tuple(sources)
        self._infos = [SourceInfo(source.format, source.path, 0, 0.0) for source in self._sources]
        self._progress = Progress()
        self._recalling = [source for source in self._sources if isinstance(source, Recalls)]

    def infos(self) -> list[SourceInfo]:
        return list(self._infos)

    def progress(self) -> Progress:
        return self._progress

    def refresh(self) -> None:
        """Read what is new. Raises CacheLost."""
        claimed: set[str] = set()
        work: list[tuple[int, Source, FoundRun]] = []
        errors: dict[int, str] = {}
        counts: dict[int, int] = {}
        for number, source in enumerate(self._sources):
            try:
                found = source.scan()
            except Exception as error:  # noqa: BLE001 - whatever a foreign format does, the other sources are read
                errors[number] = _said(error)
                claimed |= {run.found.key for run in self._store.held_runs() if run.owner is source}
                counts[number] = self._infos[number].runs
                continue
            nameless = [run.path for run in found if not is_text(run.path)]
            if nameless:  # keys, links and catalogs are text
                found = [run for run in found if is_text(run.path)]
                errors[number] = f"want names that are UTF-8 text; left out, rename it to have it read: {encodable(nameless[0])}"
                if len(nameless) > 1:
                    errors[number] += f", and {len(nameless) - 1} more"
            if getattr(source, "trouble", ""):
                errors[number] = "; ".join(filter(None, (errors.get(number, ""), str(source.trouble))))  # type: ignore[attr-defined]  # not every source has one
            mine = [run for run in found if run.key not in claimed]
            claimed |= {run.key for run in mine}
            counts[number] = len(mine)
            work += [(number, source, run) for run in mine if self._needs(run)]
        for run in self._store.held_runs():
            if run.owner is not None and run.found.key not in claimed:
                self._store.remove(run.found.key)
        told = self._progress.runs_total == 0 or len(work) > 20 or self._progress.busy
        total = sum(counts.values())
        with self._read_ahead(work):
            for place, (number, source, found_run) in enumerate(work):
                if told:
                    self._progress = Progress(total - len(work) + place, total, True, tuple(errors.values()))
                try:
                    self._read(source, found_run)
                except CacheLost:
                    raise
                except Exception as error:
                    errors[number] = f"{found_run.path}: {_said(error)}"
                    log.debug("reading %s failed", found_run.path, exc_info=error)
                self._store.save_if_due()
        now = time.time()
        for number, info in enumerate(self._infos):
            self._infos[number] = SourceInfo(info.format, info.path, counts.get(number, 0), now, errors.get(number, ""))
        self._progress = Progress(total, total, False, tuple(errors.values()))

    @contextlib.contextmanager
    def _read_ahead(self, work: list[tuple[int, Source, FoundRun]]) -> Iterator[None]:
        """Tell the sources that can prepare for it what is going to be read from its beginning."""
        told = [source for source in self._sources if isinstance(source, ReadsAhead)] if len(work) > 1 else []
        for one in told:
            one.read_ahead([run for _, source, run in work if source is one and self._store.known(run.key) is None])
        try:
            yield
        finally:
            for one in told:
                one.read_ahead(())

    def _needs(self, found: FoundRun) -> bool:
        held = self._store.known(found.key)
        if held is None or held.owner is None or not held.looked or _another(held.found, found):
            return True
        if found.token is not None and held.token is not None:
            return bool(held.token != found.token)
        return time.monotonic() >= held.look_at

    def _read(self, source: Source, found: FoundRun) -> None:
        held = self._store.known(found.key)
        if held is not None and _another(held.found, found):
            self._store.remove(found.key)
            held = None
        cursor = held.cursor if held is not None and held.owner is not None else None
        news = False
        while True:
            batch = source.read(found, cursor, max_bytes=READ_BYTES)
            if cursor is None and held is not None and not batch.restart:  # appended to by hand, or emptied: begin anew
                batch = _beginning(batch)
            self._store.take(found, batch, source=source.format, owner=source)
            news = news or bool(batch.strands or batch.records or batch.unread)
            held = self._store.known(found.key)
            if held is None or not batch.more:
                break
            cursor = batch.cursor
        if held is None:
            return
        token = found.token if found.token is not None else batch.token
        if source in self._recalling and token != held.token:
            held.kept_token = list(token) if isinstance(token, tuple) else []
            self._store.keep(held)
        held.looked, held.token = True, token
        if news or (held.info is not None and held.info.status == "running"):
            held.quiet, held.look_at = 0, 0.0
        else:
            held.look_at = time.monotonic() + min(FIRST_PAUSE_S * 2**held.quiet, LONGEST_PAUSE_S)
            held.quiet = min(held.quiet + 1, 16)


def _beginning(batch: Batch) -> Batch:
    return dataclasses.replace(batch, restart=True)


def _another(old: FoundRun, new: FoundRun) -> bool:
    """Whether another run stands at the same place now."""
    return (old.id, old.created) != (new.id, new.created)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, (CrossboardError, OSError)) else f"{type(error).__name__}: {error}"
