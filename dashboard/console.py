"""What a run printed, as one list of lines in order of arrival over all its writers; numbered from 0.

A page of a hundred thousand lines asks for the few that are on the screen: `lines_json` answers a stretch of the lines that were chosen by
words, stream and rank. `as_text` is all of them, to be saved. The list of a run is kept and only what came is added to it.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from ..store.records import ConsoleLines
from ..store.source import Placed
from .replies import number

STREAMS: Final = ("stdout", "stderr", "log")
MOST_PLACES: Final = 100_000
KEPT_RUNS: Final = 4
_STYLE: Final = re.compile(r"\x1b\[[0-9;:]*m")
"""How a terminal is told colours and weights (SGR of ECMA-48); no word is searched in it."""


def bare(text: str) -> str:
    """`text` without colours and weights."""
    return _STYLE.sub("", text) if "\x1b" in text else text


@dataclass(slots=True)
class Lines:
    """The lines of one run. text: as printed; low: bare and in lower case; of: the place in `told` of the record that each stands in.

    read: how many events were looked at; last: the last of them.
    """

    text: list[str] = field(default_factory=list)
    low: list[str] = field(default_factory=list)
    of: list[int] = field(default_factory=list)
    told: list[tuple[float, str, int, int]] = field(default_factory=list)
    read: int = 0
    last: Placed | None = None
    streams: dict[str, int] = field(default_factory=dict)
    ranks: dict[int, int] = field(default_factory=dict)

    def take(self, events: Sequence[Placed]) -> None:
        """Add what came after the events that were read."""
        for one in events[self.read :]:
            record = one.record
            if isinstance(record, ConsoleLines):
                place, count = len(self.told), len(record.lines)
                self.told.append((record.wall_time, record.stream, one.rank, one.attempt))
                self.of.extend([place] * count)
                self.text.extend(record.lines)
                self.low.extend([bare(line).lower() for line in record.lines])  # last: another thread may be reading up to its end
                self.streams[record.stream] = self.streams.get(record.stream, 0) + count
                self.ranks[one.rank] = self.ranks.get(one.rank, 0) + count
        self.read = len(events)
        self.last = events[-1] if events else None

    def continued_by(self, events: Sequence[Placed]) -> bool:
        """Whether `events` begin with those that were read."""
        return self.read <= len(events) and (not self.read or events[self.read - 1] is self.last or events[self.read - 1] == self.last)

    def chosen(self, *, words: str = "", stream: str | None = None, rank: int | None = None) -> Sequence[int]:
        """The numbers of the lines that hold `words` (case does not count), of `stream` and of `rank`; None: of any."""
        needle = words.lower()
        if not needle and stream is None and rank is None:
            return range(len(self.low))
        if stream is None and rank is None:
            return [place for place, line in enumerate(self.low) if needle in line]
        fits = [(stream is None or s == stream) and (rank is None or r == rank) for _, s, r, _ in self.told]
        return [place for place, line in enumerate(self.low) if fits[self.of[place]] and needle in line]


class Consoles:
    """The lines of the runs that were asked for last. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Lines] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: str, events: Sequence[Placed]) -> Lines:
        """The lines of `run`, whose events are `events`."""
        with self._lock:
            lines = self._kept.get(run)
            if lines is None or not lines.continued_by(events):
                lines = Lines()
            lines.take(events)
            self._kept[run] = lines
            self._kept.move_to_end(run)
            while len(self._kept) > KEPT_RUNS:
                self._kept.popitem(last=False)
            return lines


def lines_json(lines: Lines, chosen: Sequence[int], *, first: int, limit: int) -> dict[str, Any]:
    """The lines that are `chosen`, from the `first` one on, at most `limit`, and how many there are."""
    shown = chosen[first : first + limit]
    told = []
    for line in shown:
        wall_time, stream, rank, attempt = lines.told[lines.of[line]]
        told.append(
            {"line": line, "wall_time": number(wall_time), "stream": stream, "rank": rank, "attempt": attempt, "text": lines.text[line]}
        )
    return {
        "total": len(lines.low),
        "found": len(chosen),
        "first": first,
        "streams": lines.streams,
        "ranks": sorted(lines.ranks),
        "lines": told,
    }


def as_text(lines: Lines, chosen: Sequence[int]) -> Iterator[bytes]:
    """The lines as text: UTC time, stream, rank where there are several, and the line without colours."""
    several = len(lines.ranks) > 1
    part: list[str] = []
    for line in chosen:
        wall_time, stream, rank, _ = lines.told[lines.of[line]]
        try:
            when = datetime.fromtimestamp(wall_time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        except (ValueError, OverflowError, OSError):
            when = "-"
        part.append(f"{when} {stream}{f' r{rank}' if several else ''} {bare(lines.text[line])}\n")
        if len(part) >= 5000:
            yield "".join(part).encode(errors="replace")
            part = []
    yield "".join(part).encode(errors="replace")
