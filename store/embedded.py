"""The embedded store: the default `Store`, in the process of the reader, with a cache in the user's cache directory.

Locking: `_lock` guards everything in memory and is held for the time of one batch or one question, never while a source is
read or points of a window are thinned. `_reading` lets one thread at a time refresh; it is taken before `_lock`. Columns are
only appended to and overviews replace their arrays, so what was handed out under the lock can be used after it.

When the cache fails (`columns.CacheLost`: deleted, disk full, damaged) the store gives it up, goes on in memory, and reads its
sources again. A run that was given by `append` alone never goes to the cache: no source could give it again.
"""

from __future__ import annotations

import difflib
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .axes import ascending_window, ascends, count_then, metric_of, with_unmatched
from .changelog import ChangeLog
from .columns import CacheLost
from .errors import NotFound
from .feeding import Feeder
from .keeping import Keeper, collected_later
from .kinds import F64, Curve, Kind, MetricSummary, Points, Problem, RunInfo, SeriesInfo, SeriesKey, StrandKey, XAxis
from .overview import Stats, draw
from .records import Blob, Edited
from .side_edits import SideEdits
from .smoothing import checked
from .source import Batch, FoundRun, Placed, ReadsLater, Recalls, Source, Unread
from .store import Changes, Progress, Smoothing, SourceInfo
from .strands import RunData, StrandData
from .summaries import differs, goal_of, keys_of, moved, series_of, summary_of, tags_of, unit_of
from .thinning import window
from .views import Piece, Views, pieces, points_of

_T = TypeVar("_T")


class EmbeddedStore:
    """Implements `store.Store`.

    Args:
        sources: what to read; `refresh` reads it.
        cache: directory of all catalogs; None: the user's cache directory (`catalog.cache_root`).
        memory: keep no cache at all.
        edits: what was edited of foreign runs; None: those in the user's data directory.
    """

    def __init__(
        self,
        sources: Sequence[Source] = (),
        cache: str | Path | None = None,
        *,
        memory: bool = False,
        edits: SideEdits | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._reading = threading.RLock()
        self._changes = ChangeLog()
        self._runs: dict[str, RunData] = {}
        self._by_tag: dict[str, set[str]] = {}
        self._views = Views()
        self._metrics: dict[str, tuple[int, dict[str, MetricSummary]]] = {}
        self._edits = edits if edits is not None else SideEdits()
        self._edits.refresh()
        self._keeper = Keeper(sources, cache, memory=memory or not sources)
        self._feeder = Feeder(self, sources)
        with collected_later():
            for run in self._keeper.load(sources):
                self._take_over(run)

    def _take_over(self, run: RunData) -> None:
        version = self._changes.add(run.found.key, series=keys_of(run))
        run.version = run.started_version = version
        run.beside = self._beside(run)
        for strand in run.strands.values():
            strand.counts, strand.changed_first = [(version, strand.stats.count)], version
        self._runs[run.found.key] = run
        for tag in tags_of(run):
            self._by_tag.setdefault(tag, set()).add(run.found.key)

    # ---------------------------------------------------------------------------------------------- feeding

    @property
    def version(self) -> int:
        """The newest version."""
        return self._changes.version

    def append(self, run: FoundRun, batch: Batch, *, source: str) -> None:
        """Take in a batch of `run`. With `batch.restart` the run's points and records are forgotten first."""
        self._guarded(lambda: self.take(run, batch, source=source, owner=None))

    def take(self, found: FoundRun, batch: Batch, *, source: str, owner: Source | None) -> None:
        """`append`, by the feeder too: `owner` is where the run can be read again. Raises CacheLost."""
        with self._lock:
            run = self._runs.get(found.key)
            if run is None:
                run = RunData(found, format=source, owner=owner)
                run.beside = self._beside(run)
                self._runs[found.key] = run
                fresh = True
            else:
                fresh = False
                if batch.restart:
                    self._empty(run)
                run.owner = owner or run.owner
            known = None if fresh or batch.restart else run.info
            run.found = found
            run.state.found(found)
            media: set[tuple[str, int]] = set()
            first = run.stored_records + len(run.records)
            for unread in batch.unread:
                media |= {(tag, unread.rank) for tag in run.add_unread(unread, first + unread.before)}
            for placed in batch.records:
                if run.add_record(placed) is not None:
                    media.add((str(getattr(placed.record, "tag", "")), placed.rank))
            run.state.hear(batch.writers)
            if batch.problems:
                run.add_problems(batch.problems)
            arrived = [strand for strand in batch.strands if len(strand.points)]
            changed = {SeriesKey(found.key, tag, rank) for tag, rank in media}
            changed |= {SeriesKey(found.key, one.tag, one.rank) for one in arrived}
            info = run.told(time.time())
            if changed or batch.records or known is None or differs(known, info):
                run.version = self._changes.add(found.key, series=changed)
                if known is None or moved(known.started, info.started):
                    run.started_version = run.version
            run.info = info
            for one in arrived:
                self._strand(run, StrandKey(found.key, one.tag, one.rank, one.attempt, one.writer)).append(one.points, version=run.version)
            for key in changed:
                self._by_tag.setdefault(key.tag, set()).add(found.key)
            if changed or batch.records or batch.problems or batch.cursor != run.cursor or fresh:
                self._keeper.touch(run)
            run.cursor = batch.cursor

    def edit(self, run: str, edit: Edited) -> None:
        """Keep an edit of a run that must not be written to, beside it. Raises NotFound, OSError, and ValueError for a native run."""
        with self._lock:
            native = self._run(run).format == "native"
        if native:
            raise ValueError(f"edit: {run!r} is a native run; want a foreign one, a native run takes `Edited` records of its own")
        self._edits.append(run, edit)
        self._take_edits()

    def look_again(self, run: str) -> None:
        """See `Store.look_again`."""
        with self._lock:
            held = self._runs.get(run)
            if held is not None:
                held.quiet, held.look_at = 0, 0.0
                if isinstance(held.owner, Recalls):
                    held.owner.expect(held.found)

    def _take_edits(self) -> None:
        """Take in what was edited beside the sources, here or by another board."""
        changed = self._edits.refresh()
        with self._lock:
            for key in changed & self._runs.keys():
                run = self._runs[key]
                beside = self._beside(run)
                if beside != run.beside:
                    run.beside, run.info = beside, None
                    run.version = self._changes.add(key)

    def _beside(self, run: RunData) -> dict[str, Any]:
        if run.format == "native":
            return {}
        return {name: value for name, value in self._edits.of(run.found.key).items() if name in RunInfo.__dataclass_fields__}

    def _strand(self, run: RunData, key: StrandKey) -> StrandData:
        strand = run.strands.get(key)
        if strand is None:
            catalog, number = self._keeper.place_for(run)
            strand = StrandData(key, catalog=catalog, number=number, version=run.version)
            run.add_strand(strand)
        self._keeper.residents.used(strand)
        return strand

    def _empty(self, run: RunData) -> None:
        """Forget what was read of `run`; the next batch begins anew. The series that go are told as changed."""
        keys = keys_of(run)
        for tag in tags_of(run):
            self._by_tag.get(tag, set()).discard(run.found.key)
        self._keeper.drop(run)
        blank = RunData(run.found, format=run.format, owner=run.owner)
        blank.outdated = run.outdated
        blank.beside = run.beside
        run.__dict__.update(blank.__dict__)
        self._metrics.pop(run.found.key, None)
        self._changes.add(run.found.key, series=keys)

    def remove(self, run: str) -> None:
        """Forget a run."""
        with self._lock:
            data = self._runs.get(run)
            if data is None:
                return
            self._empty(data)
            self._keeper.removed(data)
            del self._runs[run]
            self._changes.add(run, removed=True)

    def refresh(self) -> int:
        """Read what is new in all sources; return the version after it."""
        with self._reading:
            self._take_edits()
            try:
                self._feeder.refresh()
            except CacheLost as error:
                self._lose_cache(error)
                self._feeder.refresh()
            try:
                self.save_if_due()
            except CacheLost as error:
                self._lose_cache(error)
                self._feeder.refresh()
        return self.version

    def _lose_cache(self, error: CacheLost) -> None:
        """Go on without the cache: every run that a source can give again is read anew, into memory."""
        with self._lock:
            self._keeper.lose(str(error))
            for run in self._runs.values():
                if run.owner is not None:
                    self._empty(run)
                    run.version = run.started_version = self.version
            self._views.clear()

    def _guarded(self, ask: Callable[[], _T]) -> _T:
        """Answer a question; when the cache turns out to be lost, read the sources again and answer then."""
        try:
            return ask()
        except CacheLost as error:
            with self._reading:
                if self._keeper.catalog is not None:
                    self._lose_cache(error)
                self._feeder.refresh()
            return ask()

    def save_if_due(self) -> None:
        """For the feeder: a checkpoint, unless there was one a moment ago. Raises CacheLost."""
        self._keeper.checkpoint_if_due(self._lock)

    def keep(self, run: RunData) -> None:
        """For the feeder: have the catalog take what is known of a run."""
        with self._lock:
            self._keeper.touch(run)

    def known(self, run: str) -> RunData | None:
        """For the feeder: what is held of a run."""
        return self._runs.get(run)

    def held_runs(self) -> list[RunData]:
        """For the feeder: every run held."""
        with self._lock:
            return list(self._runs.values())

    def changes_since(self, version: int) -> Changes:
        with self._lock:
            return self._changes.since(version)

    def sources(self) -> list[SourceInfo]:
        return self._feeder.infos()

    def progress(self) -> Progress:
        return self._feeder.progress()

    @property
    def cache_note(self) -> str:
        """'' while the cache is in use, else why not."""
        return self._keeper.note

    # ------------------------------------------------------------------------------------------------ runs

    def runs(self) -> list[RunInfo]:
        """All runs, oldest first."""
        now = time.time()
        with self._lock, collected_later():
            infos = [run.info_at(now) for run in self._runs.values()]
        return sorted(infos, key=lambda one: (one.started if one.started == one.started else math.inf, one.key))

    def run(self, key: str) -> RunInfo:
        """One run. Raises NotFound, naming the nearest keys."""
        with self._lock:
            return self._run(key).info_at(time.time())

    def _run(self, key: str) -> RunData:
        run = self._runs.get(key)
        if run is None:
            near = difflib.get_close_matches(key, self._runs, n=3, cutoff=0.3)
            raise NotFound(f"no run {key!r}; {'nearest: ' + ', '.join(near) if near else f'there are {len(self._runs)} runs'}")
        return run

    def metrics(self, run: str) -> dict[str, MetricSummary]:
        """Scalar tag -> summary over the default view."""

        def ask() -> dict[str, MetricSummary]:
            with self._lock:
                data = self._run(run)
                kept = self._metrics.get(run)
                if kept is None or kept[0] != data.version:
                    kept = (data.version, self._summaries(data))
                    self._metrics[run] = kept
                return dict(kept[1])

        return self._guarded(ask)

    def _summaries(self, run: RunData) -> dict[str, MetricSummary]:
        stats: dict[str, list[Stats]] = {}
        for (tag, _), strands in sorted(run.by_series.items()):
            for piece in pieces(strands):
                one = piece.strands[0].stats if piece.whole else self._views.parts([piece])[0].stats
                stats.setdefault(tag, []).append(one)
        goals = run.state.goals()
        return {
            tag: summary_of(found, goal_of(goals, tag), unit_of(goals, tag))
            for tag, found in stats.items()
            if any(one.count for one in found)
        }

    def series(self, *, run: str | None = None, tag: str | None = None, kind: Kind | None = None) -> list[SeriesInfo]:
        """All series, or those of a run, a tag, a kind; ordered by tag, run, rank."""
        with self._lock:
            if run is not None:
                runs: Iterable[RunData] = [self._runs[run]] if run in self._runs else []
            elif tag is not None:
                runs = [self._runs[key] for key in self._by_tag.get(tag, ())]
            else:
                runs = self._runs.values()
            found = [info for one in runs for info in series_of(one, tag, kind)]
        return sorted(found, key=lambda one: (one.key.tag, one.key.run, one.key.rank, one.kind.value))

    # ---------------------------------------------------------------------------------------------- points

    def _pieces(self, key: SeriesKey, attempt: int | None = None) -> tuple[RunData, list[Piece]]:
        """Raises NotFound."""
        run = self._run(key.run)
        strands = run.by_series.get((key.tag, key.rank))
        if not strands:
            tags = sorted({tag for tag, _ in run.by_series})
            near = difflib.get_close_matches(key.tag, tags, n=3, cutoff=0.3) or tags[:3]
            raise NotFound(
                f"no scalar series {key.tag!r} of rank {key.rank} in run {key.run!r}"
                + (f"; nearest tags: {', '.join(near)}" if near else "; it has no scalars yet")
            )
        shown = pieces(strands, attempt=attempt)
        if attempt is not None and not shown:
            there = sorted({strand.key.attempt for strand in strands})
            raise NotFound(f"no attempt {attempt} of {key.tag!r} in run {key.run!r}; it has {there}")
        for piece in shown:
            for strand in piece.strands:
                self._keeper.residents.used(strand)
        return run, shown

    def points(self, key: SeriesKey, *, attempts: str = "newest") -> Points:
        """Every point of a scalar series. attempts "newest": the default view (law 3); "all": attempt by attempt."""
        if attempts not in ("newest", "all"):
            raise ValueError(f"attempts: want 'newest' or 'all', got {attempts!r}")

        def ask() -> Points:
            with self._lock:
                _, shown = self._pieces(key)
                if attempts == "all":
                    numbers = sorted({strand.key.attempt for strand in self._run(key.run).by_series[key.tag, key.rank]})
                    shown = [piece for number in numbers for piece in self._pieces(key, number)[1]]
                taken = [[strand.points() for strand in piece.strands] for piece in shown]
            return points_of(shown, taken)

        found = self._guarded(ask)
        return Points(np.array(found.step), np.array(found.wall_time), np.array(found.value))

    def strands(self, key: SeriesKey) -> list[tuple[int, str, Points]]:
        """(attempt, writer, points) of each strand of a series, oldest attempt first, every point."""

        def ask() -> list[tuple[int, str, Points]]:
            with self._lock:
                self._pieces(key)
                strands = self._run(key.run).by_series[key.tag, key.rank]
                ordered = sorted(strands, key=lambda one: (one.key.attempt, one.key.writer))
                return [(one.key.attempt, one.key.writer, one.points()) for one in ordered]

        return self._guarded(ask)

    # ---------------------------------------------------------------------------------------------- curves

    def overview(
        self,
        key: SeriesKey,
        *,
        x: XAxis = "step",
        max_buckets: int = 1000,
        smoothing: Smoothing | None = None,
        attempt: int | None = None,
    ) -> Curve:
        """The whole series, thinned; see `Store.overview`."""
        return self._guarded(lambda: self._curve(key, x, max_buckets, smoothing, attempt, None)[0])

    def overview_delta(self, key: SeriesKey, *, x: XAxis = "step", max_buckets: int = 1000, since: int) -> tuple[Curve, int]:
        """The `overview` as it is now, and how many of its leading points stand unchanged since version `since`."""
        return self._guarded(lambda: self._curve(key, x, max_buckets, None, None, since))

    def _curve(
        self, key: SeriesKey, x: XAxis, max_buckets: int, smoothing: Smoothing | None, attempt: int | None, since: int | None
    ) -> tuple[Curve, int]:
        if max_buckets < 1:
            raise ValueError(f"max_buckets: want at least 1, got {max_buckets}")
        if smoothing is not None:
            checked(smoothing)
        other = metric_of(x)
        with self._lock:
            run, shown = self._pieces(key, attempt)
            if other is not None:
                part, _, unmatched = self._views.over_metric(run, shown, other, smoothing)
                curve, _ = draw([part], max_buckets=max_buckets, wall=True, sort=False)
                return with_unmatched(curve, unmatched), 0
            parts = self._views.parts(shown) if smoothing is None else self._views.smoothed_parts(shown, smoothing)
            known = -1 if since is None or smoothing is not None else count_then(run, shown, since, relative=x == "relative")
            return draw(parts, max_buckets=max_buckets, wall=x != "step", origin=_origin(run, x), since=known)

    def window(
        self,
        key: SeriesKey,
        *,
        x: XAxis = "step",
        low: float,
        high: float,
        max_points: int = 2000,
        smoothing: Smoothing | None = None,
        attempt: int | None = None,
    ) -> Curve:
        """The points with low <= x <= high; see `Store.window`."""
        if max_points < 1:
            raise ValueError(f"max_points: want at least 1, got {max_points}")
        if smoothing is not None:
            checked(smoothing)
        return self._guarded(lambda: self._window(key, x, low, high, max_points, smoothing, attempt))

    def _window(
        self,
        key: SeriesKey,
        x: XAxis,
        low: float,
        high: float,
        max_points: int,
        smoothing: Smoothing | None,
        attempt: int | None,
    ) -> Curve:
        other = metric_of(x)
        with self._lock:
            run, shown = self._pieces(key, attempt)
            if other is not None:
                _, points, unmatched = self._views.over_metric(run, shown, other, smoothing)
            else:
                origin = _origin(run, x)
                smoothed = self._views.values(shown, smoothing) if smoothing is not None else None
                taken = [[strand.points() for strand in piece.strands] for piece in shown]
                ascending = len(shown) == 1 and shown[0].whole and ascends(shown[0].strands[0].stats, x)
        if other is not None:
            inside = window(points.wall_time, points.value, low=low, high=high, max_points=max_points, sort=False)
            return with_unmatched(inside, unmatched)
        points = points_of(shown, taken)
        y: F64 = points.value if smoothed is None else smoothed
        column = points.step if x == "step" else points.wall_time
        if ascending:
            return ascending_window(column, y, origin=origin, low=low, high=high, max_points=max_points)
        return window(np.asarray(column, np.float64) - origin, np.asarray(y), low=low, high=high, max_points=max_points)

    # ---------------------------------------------------------------------------------------------- records

    def records(self, run: str, kind: Kind, *, tag: str | None = None, skip: int = 0) -> list[Placed]:
        """Records of one kind, in order of arrival, without the first `skip`. One that turns out to be no point is left out, and is
        among the problems of the run from then on."""

        def ask() -> tuple[RunData, list[Placed | Unread]]:
            with self._lock:
                data = self._run(run)
                return data, self._keeper.records(data, kind, tag, skip=skip)

        data, held = self._guarded(ask)
        reader = data.owner if isinstance(data.owner, ReadsLater) else None
        found: list[Placed] = []
        problems: list[Problem] = []
        for one in held:
            if isinstance(one, Placed):
                found.append(one)
            elif reader is not None:
                points, met = reader.read_points(data.found, one)
                found += points
                problems += met
        if problems:
            self._met(data, problems)
        return found

    def _met(self, run: RunData, problems: list[Problem]) -> None:
        """Keep what was wrong with points that were read just now."""
        with self._lock:
            if self._runs.get(run.found.key) is run and run.add_problems(problems):
                run.info = None
                run.version = self._changes.add(run.found.key)
                self._keeper.touch(run)

    def blob(self, run: str, blob: Blob) -> bytes:
        """The bytes of `blob`. Raises NotFound when they are gone, Damaged when they are not what was written."""
        with self._lock:
            data = self._run(run)
        if data.owner is None:
            data_in = getattr(blob, "data", None)
            if isinstance(data_in, bytes):
                return data_in
            raise NotFound(f"blob: run {run!r} was given by append and has no source that holds {blob!r}")
        return data.owner.blob(data.found, blob)

    def close(self) -> None:
        """Write what the cache still lacks and let go of files."""
        with self._reading:
            self._keeper.close(self._lock)


# ------------------------------------------------------------------------------------------------- small things


def _origin(run: RunData, x: XAxis) -> float:
    """What is subtracted from wall times."""
    if x != "relative":
        return 0.0
    started = run.info_at(time.time()).started
    if started == started:
        return started
    first = [one.points().wall_time[0] for one in run.strands.values() if one.stats.count]
    return float(min(first, default=0.0))
