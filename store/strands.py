"""What a store holds in memory: runs, their strands, and what of both the catalog has already.

A strand of at most `overview.WHOLE` points is its overview, which then holds every point. A longer one has its raw points in
a column beside it. Overviews that the catalog has are loaded when they are asked for and may be dropped again (`Residents`).
"""

from __future__ import annotations

import bisect
import copy
import dataclasses
import itertools
from collections import OrderedDict
from typing import Any, Final

from .catalog import Catalog, Change, MediaStats, StoredRun, StoredStrand, encode_run
from .columns import CacheLost, Column, FileColumn, MemoryColumn
from .errors import Damaged
from .fold import RunState
from .kinds import Kind, Points, Problem, RunInfo, StrandKey
from .overview import WHOLE, Overview, Part, Stats
from .records import KIND_OF, ConfigSet, SummarySet, TagDeclared
from .source import FoundRun, Placed, Source, Unread

_FOUND_FIELDS: Final = tuple(one.name for one in dataclasses.fields(FoundRun) if one.name != "token")
HISTORY: Final = 512
MOST_PROBLEMS: Final = 1000
_serial = itertools.count(1)


class StrandData:
    """One strand.

    uid     unique in this process: names it in caches of derived things
    id      number in the catalog, 0 when the strand is in memory only
    """

    __slots__ = ("_overview", "catalog", "changed_first", "column", "counts", "dirty", "id", "key", "stats", "uid")

    def __init__(self, key: StrandKey, *, catalog: Catalog | None, number: int, version: int, stored: bool = False) -> None:
        self.uid = next(_serial)
        self.key = key
        self.id = number
        self.catalog = catalog
        self.stats = Stats()
        self._overview: Overview | None = None if stored else Overview()
        self.column: Column | None = None
        self.dirty = True
        self.counts: list[tuple[int, int]] = [(version, 0)]  # (store version, points then), ascending
        self.changed_first = version

    @classmethod
    def stored(cls, key: StrandKey, stored: StoredStrand, *, catalog: Catalog, version: int) -> StrandData:
        """A strand as the catalog has it. Raises CacheLost when its column does not fit."""
        strand = cls(key, catalog=catalog, number=stored.id, version=version, stored=True)
        strand.stats, strand.dirty = stored.stats, False
        strand.counts = [(version, stored.stats.count)]
        if stored.rows:
            column = FileColumn(catalog.column_path(stored.id), stored.rows)
            if not column.settle():
                raise CacheLost(f"column: want {stored.rows} rows in {column.path}")
            strand.column = column
        if stored.stats.count > WHOLE and stored.rows != stored.stats.count:
            raise CacheLost(f"catalog: strand {stored.id} has {stored.stats.count} points but {stored.rows} rows")
        return strand

    @property
    def overview(self) -> Overview:
        """Raises CacheLost."""
        if self._overview is None:
            assert self.catalog is not None
            try:
                self._overview = Overview.decode(self.catalog.overview(self.id))
            except Damaged as error:
                raise CacheLost(str(error)) from error
            if self._overview.count != self.stats.count:
                raise CacheLost(f"catalog: overview of strand {self.id} is not of its {self.stats.count} points")
        return self._overview

    @property
    def part(self) -> Part:
        return Part(self.overview, self.stats)

    def append(self, points: Points, *, version: int) -> None:
        """Take in the points that arrived next. Raises CacheLost."""
        overview, first = self.overview, self.stats.first_step
        if self.column is None and overview.count + len(points) > WHOLE:
            self.column = FileColumn(self.catalog.column_path(self.id)) if self.catalog is not None and self.id else MemoryColumn()
            if overview.count:
                self.column.append(overview.kept)
        if self.column is not None:
            self.column.append(points)
        overview.append(points)
        fresh = self.stats.count == 0
        self.stats.add(points)
        if fresh or self.stats.first_step != first:
            self.changed_first = version
        self.counts.append((version, self.stats.count))
        if len(self.counts) > 2 * HISTORY:
            del self.counts[:HISTORY]
        self.dirty = True

    def points(self) -> Points:
        """Every point. Raises CacheLost."""
        return self.column.points() if self.column is not None else self.overview.kept

    def count_at(self, version: int) -> int:
        """How many points there were at `version`, -1 when that is not known."""
        place = bisect.bisect_right(self.counts, (version, 1 << 62)) - 1
        return self.counts[place][1] if place >= 0 else -1

    def release(self) -> None:
        """Drop the overview from memory if the catalog has it."""
        if self.id and self.catalog is not None and not self.dirty:
            self._overview = None

    def to_store(self) -> StoredStrand:
        key = self.key
        rows = self.column.rows if self.column is not None else 0
        stats = copy.copy(self.stats)
        return StoredStrand(self.id, key.run, key.tag, key.rank, key.attempt, key.writer, rows, stats, self.overview.encode())

    def forget(self) -> None:
        if isinstance(self.column, FileColumn):
            self.column.delete()


class RunData:
    """One run. owner: the source it is read from, None for a run that was only appended to."""

    def __init__(self, found: FoundRun, *, format: str, owner: Source | None) -> None:  # noqa: A002 - the field's word
        self.found = found
        self.format = format
        self.owner = owner
        self.state = RunState(key=found.key, source=format)
        self.state.found(found)
        self.cursor: bytes | None = None
        self.strands: dict[StrandKey, StrandData] = {}
        self.by_series: dict[tuple[str, int], list[StrandData]] = {}
        self.media: dict[tuple[Kind, str, int], MediaStats] = {}
        self.problems: list[Problem] = []
        self.records: list[Placed] = []  # those that the catalog does not have
        self.stored_records = 0
        self.unread: list[tuple[int, Unread]] = []  # with how many records of the run stand before; those that the catalog does not have
        self.stored_unread = 0
        self.token: object = None
        self.kept_token: list[int | str] = []  # the same, of a source that recalls it
        self.stored = False  # the catalog has something of it
        self.outdated = False  # the catalog has something of this run that is not of this data
        self.version = 0
        self.started_version = 0
        self.info: RunInfo | None = None
        self.beside: dict[str, Any] = {}  # fields that were edited beside the source (`side_edits`)
        self.looked = False  # read by the feeder of this process
        self.look_at = 0.0
        self.quiet = 0

    def info_at(self, now: float) -> RunInfo:
        """The run as it is at `now`, epoch seconds; one that has ended does not change by itself."""
        if self.info is None or self.info.status in ("running", "silent"):
            self.info = self.told(now)
        return self.info

    def told(self, now: float) -> RunInfo:
        """What its records say of the run at `now`, and over that what was edited beside it."""
        info = self.state.info(now=now, problems=tuple(self.problems))
        return dataclasses.replace(info, **self.beside) if self.beside else info

    def add_strand(self, strand: StrandData) -> None:
        self.strands[strand.key] = strand
        self.by_series.setdefault((strand.key.tag, strand.key.rank), []).append(strand)

    def add_record(self, placed: Placed) -> Kind | None:
        """Take in a record; return its kind when it is a point of a series."""
        record = placed.record
        if isinstance(record, TagDeclared):
            return None
        self.records.append(placed)
        kind = KIND_OF[type(record)]
        if kind is Kind.CONFIG or kind is Kind.EVENT:
            if isinstance(record, (ConfigSet, SummarySet)):  # what was handed out as config stays as it was
                self.state.config, self.state.summary = copy.deepcopy(self.state.config), copy.deepcopy(self.state.summary)
            self.state.apply(placed)
            return None
        tag, step = str(getattr(record, "tag", "")), int(getattr(record, "step", 0))
        self._count(kind, tag, placed.rank, placed.attempt, 1, step, step)
        return kind

    def add_unread(self, unread: Unread, first: int) -> list[str]:
        """Take in points that were not read, `first` records of the run before them; return their tags."""
        self.unread.append((first, unread))
        tags = []
        for number, tag in enumerate(unread.tags):
            steps = unread.step[unread.tag == number]
            if len(steps):
                self._count(unread.kind, tag, unread.rank, unread.attempt, len(steps), int(steps.min()), int(steps.max()))
                tags.append(tag)
        return tags

    def _count(self, kind: Kind, tag: str, rank: int, attempt: int, count: int, first: int, last: int) -> None:
        stats = self.media.get((kind, tag, rank))
        if stats is None:
            self.media[kind, tag, rank] = MediaStats(count, first, last, [attempt])
            return
        stats.count += count
        stats.first_step, stats.last_step = min(stats.first_step, first), max(stats.last_step, last)
        if attempt not in stats.attempts:
            stats.attempts = sorted([*stats.attempts, attempt])

    def add_problems(self, problems: list[Problem]) -> bool:
        """Keep problems, each once and not too many; return whether there is a new one."""
        known = set(self.problems)
        new = [one for one in dict.fromkeys(problems) if one not in known][: MOST_PROBLEMS - len(known)]
        self.problems = [*self.problems, *new]
        return bool(new)

    def change(self) -> Change:
        """What the catalog lacks of this run. Raises CacheLost."""
        found = {name: getattr(self.found, name) for name in ("key", "path", "project", "id", "name", "created", "group", "notes")}
        found["tags"] = list(self.found.tags)
        strands = [strand.to_store() for strand in self.strands.values() if strand.dirty]
        media = [(kind.value, tag, rank, stats) for (kind, tag, rank), stats in self.media.items()]
        problems = [(one.path, one.offset, one.what) for one in self.problems]
        records, unread = self.stored_records + len(self.records), self.stored_unread + len(self.unread)
        stored = StoredRun(found, self.state, self.cursor, records, problems, media, unread, self.kept_token)
        path = self.owner.path if self.owner is not None else ""
        return Change(
            self.found.key,
            self.outdated,
            self.format,
            path,
            encode_run(stored),
            strands,
            list(self.records),
            self.stored_records,
            list(self.unread),
            self.stored_unread,
        )


class Residents:
    """Which loaded overviews were used last; drops the others when they take more than `limit` bytes."""

    def __init__(self, limit: int = 512 << 20) -> None:
        self.limit = limit
        self._bytes = 0
        self._used: OrderedDict[int, tuple[StrandData, int]] = OrderedDict()

    def used(self, strand: StrandData) -> None:
        """Say that the overview of `strand` is in memory and was just used."""
        if not strand.id:
            return
        size = strand.overview.memory
        old = self._used.pop(strand.uid, None)
        self._bytes += size - (old[1] if old else 0)
        self._used[strand.uid] = (strand, size)
        while self._bytes > self.limit and len(self._used) > 1:
            _, (oldest, freed) = self._used.popitem(last=False)
            self._bytes -= freed
            oldest.release()

    def forget(self, strand: StrandData) -> None:
        old = self._used.pop(strand.uid, None)
        if old is not None:
            self._bytes -= old[1]
