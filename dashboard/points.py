"""Points that are no scalars, for the pages: first which points there are, then, range by range, what they hold.

The points of one kind under one tag of a run are counted in order of arrival over all its ranks and attempts; that count, from 0,
is a point's *place*. Arrival only appends, so a place keeps its meaning as long as the board runs. The index of a tag is four
short columns, so that ten thousand images cost a page a few hundred kilobytes before the first picture is asked for.

`PointIndex` keeps the records of the tags that were asked for last and reads them again only when the store says that the tag
changed. `content_of` turns a record into JSON; bytes become where to get them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from ..store.kinds import Kind
from ..store.records import Blob, Foreign, GraphPoint, InFile, Inline, TablePoint
from ..store.source import Placed
from ..store.store import Store
from .events import Newsroom
from .replies import Refused, number

MOST_KEPT: Final = 200_000
"""Records that all kept tags hold together."""
MOST_TOLD: Final = 256
"""Points whose content one reply holds, at most."""
MOST_BYTES: Final = 4 << 20
"""About how many characters of text one reply holds; it ends after the point that passes it."""
HISTORY: Final = 64


@dataclass(slots=True)
class Kept:
    """The records of one (run, kind, tag) in order of arrival.

    version  of the store when they were read
    told     (version on the wire, points there were) of the newest replies, ascending; it is begun anew when points went away
    """

    placed: list[Placed]
    version: int
    told: list[tuple[int, int]] = field(default_factory=list)


class PointIndex:
    """The points of each tag that was asked for. Methods may be called from any thread."""

    def __init__(self, store: Store, newsroom: Newsroom) -> None:
        self.store = store
        self.newsroom = newsroom
        self._kept: OrderedDict[tuple[str, Kind, str | None], Kept] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str, kind: Kind, tag: str | None) -> Kept:
        """The points of `kind` under `tag` (None: of the whole run), as they are now. Raises NotFound for an unknown run."""
        key = (run, kind, tag)
        with self._lock:
            old = self._kept.get(key)
            if old is not None:
                self._kept.move_to_end(key)
        version = self.store.version
        if old is not None and (version == old.version or self._stands(key, old.version)):
            return old
        placed = self.store.records(run, kind, tag=tag)
        fresh = Kept(placed, version)
        if old is not None and _continues(old.placed, placed):
            fresh.told = old.told
        with self._lock:
            self._kept[key] = fresh
            self._kept.move_to_end(key)
            while len(self._kept) > 1 and sum(len(one.placed) for one in self._kept.values()) > MOST_KEPT:
                self._kept.popitem(last=False)
        return fresh

    def _stands(self, key: tuple[str, Kind, str | None], version: int) -> bool:
        run, _, tag = key
        changes = self.store.changes_since(version)
        if not changes.complete or run in changes.removed:
            return False
        if tag is None:
            return run not in changes.runs and not any(one.run == run for one in changes.series)
        return not any(one.run == run and one.tag == tag for one in changes.series)

    def since(self, kept: Kept, version: int | None) -> tuple[int, bool]:
        """How many leading points an asker has who was answered at `version` on the wire, and whether that is known."""
        if version is None:
            return 0, True
        with self._lock:
            known = [count for told, count in kept.told if told == version]
        return (min(known), True) if known else (0, False)

    def tell(self, kept: Kept, version: int) -> None:
        """Remember that a reply of `version` on the wire told all of `kept`."""
        with self._lock:
            kept.told.append((version, len(kept.placed)))
            del kept.told[:-HISTORY]


def _continues(old: Sequence[Placed], new: Sequence[Placed]) -> bool:
    """Whether `new` begins with `old`, judged by its last record and where that lies."""
    if not old:
        return True
    if len(new) < len(old):
        return False
    last, same = old[-1], new[len(old) - 1]
    return (last.path, last.offset, last.writer) == (same.path, same.offset, same.writer) and last.record == same.record


def index_json(placed: Sequence[Placed], *, first: int) -> dict[str, Any]:
    """The four columns of the points from place `first` on."""
    rows: list[Any] = [one.record for one in placed[first:]]
    return {
        "step": [row.step for row in rows],
        "wall_time": [row.wall_time for row in rows],
        "rank": [one.rank for one in placed[first:]],
        "attempt": [one.attempt for one in placed[first:]],
    }


def attempts_json(placed: Sequence[Placed]) -> list[dict[str, int]]:
    """For each rank and attempt the smallest step that it logged and how many points it logged. By law 3 a point is part of an
    older tail when a later attempt of its rank has a smallest step at or below the point's step."""
    found: dict[tuple[int, int], list[int]] = {}
    for one in placed:
        step: int = getattr(one.record, "step")  # noqa: B009  only points are asked for, and all of them have one
        entry = found.setdefault((one.rank, one.attempt), [step, 0])
        entry[0] = min(entry[0], step)
        entry[1] += 1
    return [
        {"rank": rank, "attempt": attempt, "first_step": low, "count": count} for (rank, attempt), (low, count) in sorted(found.items())
    ]


def without_older(placed: Sequence[Placed]) -> list[Placed]:
    """`placed` without the older tails (see `attempts_json`): the default view."""
    cuts = attempts_json(placed)
    if len(cuts) < 2:
        return list(placed)

    def stands(one: Placed) -> bool:
        step: int = getattr(one.record, "step")  # noqa: B009  see above
        return not any(cut["rank"] == one.rank and cut["attempt"] > one.attempt and cut["first_step"] <= step for cut in cuts)

    return [one for one in placed if stands(one)]


Describe = Callable[[Blob], dict[str, Any]]


def content_of(record: Any, describe: Describe) -> Any:
    """`record` as JSON: fields by name, non-finite numbers by name, bytes as `describe` says. Of a graph only its size is told."""
    if isinstance(record, TablePoint):
        record = msgspec.structs.replace(record, files=[])  # for who looks for blobs; they come with the rows
    if isinstance(record, GraphPoint):
        sizes = {name: len(getattr(record, name)) for name in ("scopes", "operations", "edges")}
        blob = describe(record.blob) if record.blob is not None else None
        return {
            "tag": record.tag,
            "step": record.step,
            "wall_time": number(record.wall_time),
            "framework": record.framework,
            **sizes,
            "blob": blob,
        }
    return _plain(record, describe)


def _plain(value: Any, describe: Describe) -> Any:
    if isinstance(value, (InFile, Inline, Foreign)):
        return describe(value)
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name), describe) for name in value.__struct_fields__}
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {str(key): _plain(item, describe) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, describe) for item in value]
    return value


def told_points(kept: Kept, *, first: int, end: int, describe: Describe) -> list[dict[str, Any]]:
    """The content of the points at places `first` to `end` (not included), as many as one reply holds."""
    points: list[dict[str, Any]] = []
    size = 0
    for place in range(max(0, first), min(end, len(kept.placed), max(0, first) + MOST_TOLD)):
        one = kept.placed[place]
        content = content_of(one.record, describe)
        points.append({"place": place, "rank": one.rank, "attempt": one.attempt, **content})
        size += sum(len(text) for text in content.get("texts", ()))
        if size > MOST_BYTES:
            break
    return points


def at_place(kept: Kept, place: int, *, what: str) -> Any:
    """The record at `place`. Raises Refused, naming how many there are."""
    if not 0 <= place < len(kept.placed):
        there = len(kept.placed)
        raise Refused(
            404, f"place {place}: {what} has {there} points", "/api/points lists them" if there else "/api/series lists what there is"
        )
    return kept.placed[place].record
