"""Search in the texts of runs, over all steps: hits in the order of runs, tags and arrival, a bounded page at a time.

A page ends after so many hits, or after so many characters were read, so that a search over a million texts answers soon and says where
to go on. Case is set aside; what is looked for is one piece of text as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from ..store.records import TextPoint
from ..store.source import Placed

MOST_HITS: Final = 200
MOST_READ: Final = 16 << 20
"""Characters that one page looks at; it ends after the point that passes it."""
AROUND: Final = 60
"""Characters told before and after what was found."""
MOST_FOUND: Final = 400
"""Characters told of what was found."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page begins: a series, and a place in it."""

    run: str
    tag: str
    place: int


@dataclass(frozen=True, slots=True)
class Page:
    """hits: as JSON. read: points looked at. end: where to go on; None at the end."""

    hits: list[dict[str, Any]]
    read: int
    end: Cursor | None


def search(
    series: Iterable[tuple[str, str]],
    placed_of: Callable[[str, str], list[Placed]],
    words: str,
    *,
    limit: int,
    begin: Cursor | None = None,
    most_read: int = MOST_READ,
) -> Page:
    """Look for `words` in the points of `series`, (run, tag) pairs in their order.

    placed_of  the points of one of them
    begin      as the page before told it; where its series is not there any more the search ends
    """
    find = re.compile(re.escape(words), re.IGNORECASE)
    hits: list[dict[str, Any]] = []
    points = characters = 0
    names = list(series)
    start = 0
    if begin is not None:
        here = (begin.run, begin.tag)
        start = names.index(here) if here in names else len(names)
    for run, tag in names[start:]:
        placed = placed_of(run, tag)
        first = begin.place if begin is not None and (begin.run, begin.tag) == (run, tag) else 0
        for place in range(first, len(placed)):
            if len(hits) >= limit or characters >= most_read:
                return Page(hits, points, Cursor(run, tag, place))
            one = placed[place]
            points += 1
            record = one.record
            if not isinstance(record, TextPoint):
                continue
            characters += sum(map(len, record.texts))
            hit = _hit(find, record.texts)
            if hit is not None:
                where = {"run": run, "tag": tag, "place": place, "rank": one.rank, "attempt": one.attempt, "step": record.step}
                hits.append({**where, **hit})
    return Page(hits, points, None)


def _hit(find: re.Pattern[str], texts: list[str]) -> dict[str, Any] | None:
    """The first place in `texts` with what stands around it, and how many there are."""
    first: dict[str, Any] | None = None
    count = 0
    for number, text in enumerate(texts):
        for match in find.finditer(text):
            count += 1
            if first is None:
                low, high = match.span()
                first = {
                    "text": number,
                    "start": low,
                    "before": text[max(0, low - AROUND) : low],
                    "found": match.group()[:MOST_FOUND],
                    "after": text[high : high + AROUND],
                }
    return None if first is None else {**first, "count": count}
