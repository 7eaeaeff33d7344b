"""The store: what a board, an export or `cb.open` may ask of logged runs.

A store is fed by sources (`source.Source`) or by `append`; it answers about runs, series, curves and blobs. Its words and the
order of points are those of `kinds`. All methods may be called from any thread. Values handed out are frozen or fresh.

Versions: every change gets the next whole number. `version` is the newest; `changes_since(v)` names what came after `v`, so
that a live view asks only for that. A version means nothing in another process.

A cache is never the truth: an implementation that keeps one rebuilds it when it is missing, damaged or of another version,
and goes on in memory when there is no place for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from .kinds import Curve, Kind, MetricSummary, Points, RunInfo, SeriesInfo, SeriesKey, XAxis
from .records import Blob, Edited
from .source import Batch, FoundRun, Placed


@dataclass(frozen=True, slots=True)
class Changes:
    """What came after a version. `runs` and `series` hold added and changed ones; `removed` run keys that are gone.

    complete is False when the store no longer remembers so far back: everything may have changed.
    """

    version: int
    runs: frozenset[str] = frozenset()
    series: frozenset[SeriesKey] = frozenset()
    removed: frozenset[str] = frozenset()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One source of a store, for display: `runs` found, when it was last looked at (epoch seconds), what went wrong."""

    format: str
    path: str
    runs: int
    looked: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How to smooth. kind "ema": weight in 0..1, TensorBoard's debiased exponential mean; "gaussian": sigma in points;
    "mean": running mean over `weight` points. All run over every point of the series, restarting after a gap of NaN."""

    kind: str
    weight: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the first reading of the sources is. Bytes are of points journals or the source's own measure."""

    runs_done: int = 0
    runs_total: int = 0
    busy: bool = False
    errors: tuple[str, ...] = field(default_factory=tuple)


class Store(Protocol):
    """Read access to logged runs, and the one way in for batches."""

    @property
    def version(self) -> int: ...

    def append(self, run: FoundRun, batch: Batch, *, source: str) -> None:
        """Take in a batch of `run`. With `batch.restart` the run's points and records are forgotten first."""
        ...

    def remove(self, run: str) -> None:
        """Forget a run."""
        ...

    def edit(self, run: str, edit: Edited) -> None:
        """Keep what a person changed of a foreign run, beside its source. Raises NotFound, OSError, and ValueError for a native
        run, which takes such records itself."""
        ...

    def look_again(self, run: str) -> None:
        """Have the next refresh read this run, however long it has been quiet and however many others there are: something was written to
        it. An unknown run is left alone."""
        ...

    def refresh(self) -> int:
        """Read what is new in all sources; return the version after it. Cheap when nothing is new."""
        ...

    def changes_since(self, version: int) -> Changes: ...

    def sources(self) -> list[SourceInfo]: ...

    def progress(self) -> Progress: ...

    def runs(self) -> list[RunInfo]:
        """All runs, oldest first."""
        ...

    def run(self, key: str) -> RunInfo:
        """One run. Raises NotFound, naming the nearest keys."""
        ...

    def metrics(self, run: str) -> dict[str, MetricSummary]:
        """Scalar tag -> summary over the default view."""
        ...

    def series(self, *, run: str | None = None, tag: str | None = None, kind: Kind | None = None) -> list[SeriesInfo]:
        """All series, or those of a run, a tag, a kind; ordered by tag, run, rank."""
        ...

    def points(self, key: SeriesKey, *, attempts: str = "newest") -> Points:
        """Every point of a scalar series. attempts "newest": the default view (law 3); "all": attempt by attempt."""
        ...

    def strands(self, key: SeriesKey) -> list[tuple[int, str, Points]]:
        """(attempt, writer, points) of each strand of a series, oldest attempt first, every point."""
        ...

    def overview(
        self,
        key: SeriesKey,
        *,
        x: XAxis = "step",
        max_buckets: int = 1000,
        smoothing: Smoothing | None = None,
        attempt: int | None = None,
    ) -> Curve:
        """The whole series, thinned to at most `max_buckets` buckets: first, last, minimum, maximum and the non-finite
        marks of each. attempt None: the default view; a number: all that this attempt logged."""
        ...

    def overview_delta(self, key: SeriesKey, *, x: XAxis = "step", max_buckets: int = 1000, since: int) -> tuple[Curve, int]:
        """The `overview` as it is now, and how many of its leading points stand unchanged since version `since` (0: none, or
        not known)."""
        ...

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
        """The points with low <= x <= high (and the neighbour on either side, so that a line runs to the edge), thinned only
        if they are more than `max_points`. `Curve.total` counts the points in the window without the neighbours."""
        ...

    def records(self, run: str, kind: Kind, *, tag: str | None = None, skip: int = 0) -> list[Placed]:
        """Records of one kind, in order of arrival, without the first `skip`: what came after those that the asker has."""
        ...

    def blob(self, run: str, blob: Blob) -> bytes: ...

    def close(self) -> None:
        """Write what the cache still lacks and let go of files."""
        ...
