"""Reading runs back: `cb.open(path)`.

    runs = cb.open("runs")
    run = runs["fast-lynx"]                     # by id, name or number
    loss = run["train/loss"]
    loss.step, loss.value                       # NumPy
    loss.to_pandas(), loss.to_polars(), loss.to_arrow()
    best = runs.find("lr < 0.01 and val/acc.max > 0.9")

What is read is what stood in the files when `open` was called; `runs.refresh()` reads on. Values come as they were logged: in
order of arrival, NaN and infinities included, nothing thinned. A run that was resumed shows its newest attempts where they
overlap (`attempts="newest"`); `attempts="all"` gives every point of every attempt.
"""

from __future__ import annotations

import datetime
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

from crossboard.paths import fault_of
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.errors import NotFound
from crossboard.store.kinds import F64, I64, Kind, MetricSummary, Points, RunInfo, SeriesKey
from crossboard.store.runquery import choose
from crossboard.store.store import Store
from crossboard.wiring import sources_for

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow


def open(path: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] = "runs") -> Runs:  # noqa: A001 - called as cb.open
    """Open the runs at `path` (a root, a project, a run, or several of these) for reading.

    Raises:
        NotFound: a path is not there.
    """
    paths = [path] if isinstance(path, (str, os.PathLike)) else list(path)
    for one in paths:
        fault = fault_of(one)
        if fault:
            raise NotFound(f"{fault}; want a directory with runs in it")
    store = EmbeddedStore(sources_for(paths), memory=True)
    store.refresh()
    return Runs(store)


class Series:
    """One scalar series: its points as arrays of one length.

    step        int64
    wall_time   float64, seconds since the Unix epoch, UTC
    value       float64, any
    """

    def __init__(self, store: Store, key: SeriesKey, *, attempts: str = "newest") -> None:
        self._store, self._key, self.attempts = store, key, attempts
        self._points: Points | None = None

    @property
    def tag(self) -> str:
        return self._key.tag

    @property
    def rank(self) -> int:
        return self._key.rank

    @property
    def points(self) -> Points:
        """All three arrays."""
        if self._points is None:
            self._points = self._store.points(self._key, attempts=self.attempts)
        return self._points

    @property
    def step(self) -> I64:
        return self.points.step

    @property
    def wall_time(self) -> F64:
        return self.points.wall_time

    @property
    def value(self) -> F64:
        return self.points.value

    def all_attempts(self) -> Series:
        """The same series with every point of every attempt, attempt by attempt."""
        return Series(self._store, self._key, attempts="all")

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"<Series {self.tag!r} rank {self.rank}: {len(self)} points>"

    def _columns(self) -> dict[str, Any]:
        return {"step": self.step, "wall_time": self.wall_time, "value": self.value}

    def to_arrow(self) -> pyarrow.Table:
        """A pyarrow.Table: step int64, wall_time float64, value float64."""
        import pyarrow as pa

        return pa.table({name: pa.array(column) for name, column in self._columns().items()})

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas.DataFrame with columns step, wall_time, value. Raises ImportError when pandas is not installed."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def to_polars(self) -> polars.DataFrame:
        """A polars.DataFrame with columns step, wall_time, value. Raises ImportError when polars is not installed."""
        import polars as pl

        return pl.DataFrame(self._columns())


class Run:
    """One run: what it is, and its series."""

    def __init__(self, store: Store, info: RunInfo) -> None:
        self._store = store
        self.info = info

    @property
    def key(self) -> str:
        return self.info.key

    @property
    def id(self) -> str:
        return self.info.id

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def project(self) -> str:
        return self.info.project

    @property
    def status(self) -> str:
        """running, finished, failed, killed or silent."""
        return self.info.status

    @property
    def group(self) -> str:
        return self.info.group

    @property
    def notes(self) -> str:
        return self.info.notes

    @property
    def config(self) -> dict[str, Any]:
        return self.info.config

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's own tags, not those of its series."""
        return self.info.tags

    @property
    def metrics(self) -> dict[str, MetricSummary]:
        """Scalar tag -> last, min, max, best, count over the newest attempts."""
        return self._store.metrics(self.key)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What the program put into its summary, and for every other scalar tag its last, min and max, and best where a goal
        was defined: as `Run.summary` has it while training."""
        made: dict[str, Any] = {}
        for tag, one in self.metrics.items():
            made[tag] = {"last": one.last, "min": one.min, "max": one.max}
            if one.best is not None:
                made[tag]["best"] = one.best
        return {**made, **self.info.summary}

    def series(self) -> list[str]:
        """The tags of the scalar series, sorted."""
        return sorted({one.key.tag for one in self._store.series(run=self.key, kind=Kind.SCALAR)})

    def ranks(self, tag: str) -> list[int]:
        """The ranks that logged `tag`."""
        return sorted(one.key.rank for one in self._store.series(run=self.key, tag=tag, kind=Kind.SCALAR))

    def get(self, tag: str, *, rank: int | None = None, attempts: str = "newest") -> Series:
        """The series `tag` of `rank`; by default of the lowest rank that logged it.

        Raises:
            NotFound: nothing was logged under that tag by that rank.
        """
        ranks = self.ranks(tag)
        if not ranks:
            tags = self.series()
            near = difflib.get_close_matches(tag, tags, n=3, cutoff=0.4)
            hint = f"nearest: {', '.join(map(repr, near))}" if near else f"it has {', '.join(map(repr, tags[:10])) or 'none'}"
            raise NotFound(f"no scalar series {tag!r} in run {self.id!r}; {hint}")
        if rank is not None and rank not in ranks:
            raise NotFound(f"no rank {rank} of {tag!r} in run {self.id!r}; it has {ranks}")
        if attempts not in ("newest", "all"):
            raise ValueError(f"attempts: want 'newest' or 'all', got {attempts!r}")
        return Series(self._store, SeriesKey(self.key, tag, ranks[0] if rank is None else rank), attempts=attempts)

    def __getitem__(self, tag: str) -> Series:
        return self.get(tag)

    def __contains__(self, tag: object) -> bool:
        return tag in self.series()

    def __repr__(self) -> str:
        return f"<Run {self.id!r} {self.name!r} of {self.project!r}: {self.status}, {len(self.series())} series>"


class Runs(Sequence[Run]):
    """Runs, oldest first. By number, slice, id or name; `find` takes a run query (see `crossboard.store.runquery`)."""

    def __init__(self, store: Store, keys: Sequence[str] | None = None) -> None:
        self.store = store
        infos = store.runs()
        self._infos = infos if keys is None else [info for info in infos if info.key in set(keys)]
        self._all = keys is None

    def refresh(self) -> None:
        """Read what was logged since. New runs appear in runs that `open` gave; a found selection keeps its members."""
        self.store.refresh()
        keys = {info.key for info in self._infos}
        self._infos = [info for info in self.store.runs() if self._all or info.key in keys]

    def find(self, query: str) -> Runs:
        """The runs for which the run query holds. Raises BadQuery."""
        found = choose(self._infos, query, metrics=self.store.metrics)
        return Runs(self.store, [info.key for info in found])

    def __len__(self) -> int:
        return len(self._infos)

    def __iter__(self) -> Iterator[Run]:
        return (Run(self.store, info) for info in self._infos)

    @overload
    def __getitem__(self, which: int | str) -> Run: ...

    @overload
    def __getitem__(self, which: slice) -> list[Run]: ...

    def __getitem__(self, which: int | str | slice) -> Run | list[Run]:
        """By number, slice, id, or name. Raises NotFound for an id or name that is not there, or a name that several have."""
        if isinstance(which, slice):
            return [Run(self.store, info) for info in self._infos[which]]
        if isinstance(which, int):
            return Run(self.store, self._infos[which])
        found = [info for info in self._infos if info.id == which] or [info for info in self._infos if info.name == which]
        if len(found) == 1:
            return Run(self.store, found[0])
        if found:
            ids = ", ".join(info.id for info in found[:10])
            raise NotFound(f"{len(found)} runs are called {which!r}; choose one by id: {ids}")
        known = [text for info in self._infos for text in (info.id, info.name)]
        near = list(dict.fromkeys(difflib.get_close_matches(which, known, n=3, cutoff=0.4)))
        hint = f"; nearest: {', '.join(near)}" if near else f"; there are {len(self._infos)} runs"
        raise NotFound(f"no run with id or name {which!r}{hint}")

    def __repr__(self) -> str:
        rows = [("id", "name", "project", "status", "started (UTC)")]
        for info in self._infos[:40]:
            began = datetime.datetime.fromtimestamp(info.started, datetime.timezone.utc) if info.started == info.started else None
            rows.append((info.id, info.name, info.project, info.status, began.strftime("%Y-%m-%d %H:%M") if began else "?"))
        widths = [max(len(row[place]) for row in rows) for place in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        if len(self._infos) > 40:
            lines.append(f"... {len(self._infos) - 40} more")
        return "\n".join(lines)
