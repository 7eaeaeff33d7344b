"""Groups of runs as bands: the middle of ``/api/groups``.

A request names tags, how runs are grouped, a statistic and an interval. For each tag and group the lines of its runs are read
from the store (every point of the default view, none thinned), brought onto one x (`store.statistics.alignment`), summed up
(`store.statistics.bands`) and only then thinned: of each bucket of neighbouring x positions the first, last, lowest and highest
of centre, low and high are kept, and each point says its n. A BCa interval is computed at the points that are kept for their
centre, since it costs thousands of times what the others do; a zoom brings the ones between.

A run has one line: where several ranks logged the tag, the lowest of them, since ranks of one run are no independent repeats. The others
are counted.

What was brought together is kept while the series are what they were, up to `KEPT_BYTES`, and so is what was drawn of it. The
statistics, and scipy with them, are loaded by the first request.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from ..store.errors import NotFound
from ..store.kinds import F64, RunInfo, SeriesInfo, SeriesKey, XAxis
from ..store.store import Store
from ..store.thinning import keep_runs
from .curves import EVERY_POINT, chosen
from .derived import is_expression, parts_of, window_of

if TYPE_CHECKING:
    from ..store.statistics.alignment import Aligned
    from ..store.statistics.bands import Band
    from ..store.statistics.centres import Statistic
    from ..store.statistics.grouping import Grouping, RunGroup
    from ..store.statistics.intervals import Kind as Interval

KEPT_BYTES: Final = 192 << 20
KEPT_DRAWN: Final = 24
"""Drawings kept of each group: other statistics, intervals, windows."""
COLUMNS: Final = ("x", "centre", "low", "high", "n", "left_out", "interpolated")
AT_ONCE: Final = 2
"""Requests that compute at the same time; a large one holds a few hundred MB."""
At = Literal["union", "shared"]


class Cancelled(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks of each group.

    interval     None: no band
    interpolate  take values between two logged points of a line
    at           "union": every x that a line has; "shared": those that every line has reached
    low, high    the part of x that is drawn, with one neighbour on either side
    """

    x: XAxis
    statistic: Statistic
    interval: Interval | None
    level: float
    interpolate: bool
    at: At
    buckets: int
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class SentGroup:
    """One group's band of one tag.

    lacking      runs of the group that never logged the tag
    other_ranks  series of further ranks that were left out
    aligned      what the band was made of, all of it
    band         the points that are sent
    total        x positions inside the window; raw: all of them are sent
    """

    tag: str
    group: RunGroup
    lacking: tuple[str, ...]
    other_ranks: int
    aligned: Aligned
    band: Band
    total: int

    @property
    def columns(self) -> tuple[F64, ...]:
        """The columns of `COLUMNS`."""
        band = self.band
        counts = (np.asarray(one, np.float64) for one in (band.n, band.left_out, band.interpolated))
        return (band.x, band.centre, band.low, band.high, *counts)

    def describe(self, *, members: bool) -> dict[str, Any]:
        """What the head says of the group, but for where its columns lie. members: also what became of each run."""
        aligned, n = self.aligned, self.aligned.n
        said: dict[str, Any] = {
            "tag": self.tag,
            "key": self.group.key,
            "label": self.group.label,
            "members": aligned.members,
            "lacking": list(self.lacking),
            "other_ranks": self.other_ranks,
            "n": len(self.band),
            "total": self.total,
            "raw": len(self.band) >= self.total,
            "every": aligned.every,
            "n_low": int(n.min()) if len(n) else 0,
            "n_high": int(n.max()) if len(n) else 0,
            "values": len(aligned.value),
            "interpolated": int(aligned.interpolated.sum()),
            "left_out": int(aligned.left_out.sum()),
            "missing": int(aligned.missing.sum()),
            "repeated": sum(line.repeated for line in aligned.lines),
        }
        if members:
            said["runs"] = [line.name for line in aligned.lines]
            for name in ("points", "repeated", "without_x", "nan", "pos_inf", "neg_inf", "interpolated", "first", "last"):
                values = [getattr(line, name) for line in aligned.lines]
                said[f"run_{name}"] = [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
        return said


@dataclass(slots=True)
class _Kept:
    aligned: Aligned
    version: int
    series: frozenset[SeriesKey]
    drawn: OrderedDict[Wanted, tuple[Band, int]] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        return self.aligned.value.nbytes + 5 * self.aligned.x.nbytes + 200 * len(self.series)


class Groups:
    """Makes bands and keeps what they are made of. All methods may be called from any thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(AT_ONCE)
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()

    def bands(self, tags: Sequence[str], grouping: Grouping, wanted: Wanted, *, check: Callable[[], None]) -> list[SentGroup]:
        """The band of every group of `grouping` for each of `tags`. check: raises `Cancelled` when nobody waits any more."""
        while not self._turns.acquire(timeout=0.1):
            check()
        try:
            found = []
            for tag in dict.fromkeys(tags):
                series = lowest_ranks(chosen(self.store, tags=[tag], runs=()))
                for group in grouping.groups:
                    found.append(self._one(tag, group, series, wanted, check))
            return found
        finally:
            self._turns.release()

    def _one(
        self, tag: str, group: RunGroup, series: Mapping[str, tuple[SeriesInfo, int]], wanted: Wanted, check: Callable[[], None]
    ) -> SentGroup:
        here = [series[run] for run in group.runs if run in series]
        lacking = tuple(run for run in group.runs if run not in series)
        kept = self._aligned([one.key for one, _ in here], wanted, check)
        with self._lock:
            drawn = kept.drawn.get(wanted)
        if drawn is None:
            drawn = draw(kept.aligned, wanted, check)
            with self._lock:
                kept.drawn[wanted] = drawn
                while len(kept.drawn) > KEPT_DRAWN:
                    kept.drawn.popitem(last=False)
        band, total = drawn
        return SentGroup(tag, group, lacking, sum(more for _, more in here), kept.aligned, band, total)

    def _aligned(self, keys: Sequence[SeriesKey], wanted: Wanted, check: Callable[[], None]) -> _Kept:
        """The lines of `keys` on one x: those kept, when none of the series has changed since."""
        from ..store.statistics.alignment import align

        started = tuple(self._started(key.run) for key in keys) if wanted.x == "relative" else ()
        name = (tuple(keys), started, wanted.x, wanted.interpolate, wanted.at)
        version = self.store.version  # before the lines are read: what comes meanwhile makes them old
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None:
            changes = self.store.changes_since(kept.version)
            if changes.complete and not kept.series & changes.series and not changes.removed:
                with self._lock:
                    kept.version = version
                    if name in self._kept:
                        self._kept.move_to_end(name)
                return kept
        lines = read_lines(self.store, keys, wanted.x, check)
        aligned = align(lines, interpolate=wanted.interpolate, shared=wanted.at == "shared", check=check)
        logged = [part for key in keys for part in (parts_of(key) if is_expression(key.tag) else [key])]
        kept = _Kept(aligned, version, frozenset(logged))
        with self._lock:
            self._kept.pop(name, None)
            self._kept[name] = kept
            while len(self._kept) > 1 and sum(one.size for one in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
        return kept

    def _started(self, run: str) -> float:
        try:
            started = self.store.run(run).started
        except NotFound:
            return 0.0
        return started if math.isfinite(started) else 0.0


def lowest_ranks(series: Sequence[SeriesInfo]) -> dict[str, tuple[SeriesInfo, int]]:
    """Run -> its series of the lowest rank, and how many further ones it has."""
    found: dict[str, tuple[SeriesInfo, int]] = {}
    for one in sorted(series, key=lambda one: (one.key.run, one.key.rank)):
        first, more = found.get(one.key.run, (one, -1))
        found[one.key.run] = (first, more + 1)
    return found


def read_lines(store: Store, keys: Sequence[SeriesKey], x: XAxis, check: Callable[[], None]) -> list[Any]:
    """Every point of each series, over x. A run that is removed meanwhile is no line any more."""
    from ..store.statistics.alignment import Line

    lines = []
    for key in keys:
        check()
        try:
            if is_expression(key.tag):
                curve = window_of(store, key, x=x, low=-math.inf, high=math.inf, max_points=EVERY_POINT)
                lines.append(Line(key.run, curve.x, curve.y))
            elif x == "step":
                points = view_of(store, key)
                lines.append(Line(key.run, np.asarray(points.step, np.float64), np.ascontiguousarray(points.value)))
            else:
                curve = store.window(key, x=x, low=-math.inf, high=math.inf, max_points=EVERY_POINT)
                lines.append(Line(key.run, curve.x, curve.y))
        except NotFound:
            continue
    return lines


def view_of(store: Store, key: SeriesKey) -> Any:
    """The points of the default view, without the copy that `Store.points` makes of its three columns."""
    from ..store.attempts import newest_view

    return newest_view(store.strands(key))


def draw(aligned: Aligned, wanted: Wanted, check: Callable[[], None]) -> tuple[Band, int]:
    """The points of the band that are sent, and how many x positions the window has."""
    from ..store.statistics.bands import band

    begin, end = int(np.searchsorted(aligned.x, wanted.low, "left")), int(np.searchsorted(aligned.x, wanted.high, "right"))
    total = max(0, end - begin)
    begin, end = max(0, begin - 1), min(len(aligned.x), max(end, begin) + 1)
    whole = aligned if end - begin == len(aligned.x) else aligned.take(np.arange(begin, end))
    width = max(1, -(-len(whole.x) // wanted.buckets))
    late = wanted.interval == "bca"
    made = band(whole, wanted.statistic, None if late else wanted.interval, level=wanted.level, check=check)
    if width > 1:
        kept = [keep_runs(values, width=width) for values in ((made.centre,) if late else (made.centre, made.low, made.high))]
        positions = np.unique(np.concatenate(kept))
        if len(positions) < len(whole.x) and not late:
            columns = {name: getattr(made, name)[positions] for name in COLUMNS}
            made = type(made)(made.statistic, made.kind, made.level, **columns)
        whole = whole.take(positions) if late else whole
    if late:
        made = band(whole, wanted.statistic, wanted.interval, level=wanted.level, check=check)
    return made, total


def among(runs: Sequence[RunInfo], *, keys: Collection[str], only: Collection[str], without: Collection[str]) -> list[RunInfo]:
    """Which of `runs` a request means: those of `keys`, of these those with a mark of `only`, and none with a mark of `without`. Where no
    key or no mark of `only` is given, all.

    Raises:
        ValueError: a mark stands for two runs.
    """
    named = frozenset(keys)
    chosen = [run for run in runs if not named or run.key in named]
    if not only and not without:
        return chosen
    marks: dict[str, str] = {}
    for run in runs:
        if marks.setdefault(mark(run.key), run.key) != run.key:
            raise ValueError(f"mark {mark(run.key)} stands for two runs, {marks[mark(run.key)]!r} and {run.key!r}; name runs by their keys")
    chosen = [run for run in chosen if not only or mark(run.key) in only]
    return [run for run in chosen if mark(run.key) not in without]


def mark(key: str) -> str:
    """The six characters that stand for a run in a URL: FNV-1a over UTF-16, 31 bits, base 36, as in ``assets/16-state.js``."""
    value = 0x811C9DC5
    data = key.encode("utf-16-le", "surrogatepass")
    for place in range(0, len(data), 2):
        value = ((value ^ (data[place] | data[place + 1] << 8)) * 0x01000193) & 0xFFFFFFFF
    value = (value >> 1) % 36**6
    digits = ""
    for _ in range(6):
        value, digit = divmod(value, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits
