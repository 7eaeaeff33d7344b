"""What changed between two logged tables: rows are brought together by a key column and compared cell by cell.

A key that stands several times is said: its first row is compared with the first of the other table, its second with the second, and
so on. Cells are equal when their values are; NaN is equal to NaN, and a picture or sound is its bytes, not the file that it lies in.
Columns that only one table has are told, not compared.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..store.errors import Damaged
from .media import digest_of
from .points import content_of
from .replies import Refused
from .tables import part_of

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
KINDS: Final = (ADDED, REMOVED, CHANGED, SAME)
NAMES_OF_KEYS: Final = ("id", "key", "name", "index", "sample", "path", "file")
KEPT: Final = 8


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One key. before, after: its row in either table, None where it has none. changed: which of the shared columns differ, by number."""

    kind: str
    before: int | None
    after: int | None
    changed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TableDiff:
    """key: the column. shared: columns of both tables, in the order of the later one; lost, gained: of one alone. repeated: rows whose
    key stood before, in either table. rows: in the order of the later table, then what was removed."""

    key: str
    shared: list[str]
    lost: list[str]
    gained: list[str]
    repeated: tuple[int, int]
    rows: list[DiffRow]

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(row.kind for row in self.rows)
        return {kind: found[kind] for kind in KINDS}


class Diffs:
    """The comparisons that were asked for last. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, str], TableDiff] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, digests: tuple[str, str], tables: tuple[Any, Any], key: str, media: Mapping[str, str]) -> TableDiff:
        name = (*digests, key)
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        made = diff(*tables, key=key, media=media)
        with self._lock:
            self._kept[name] = made
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return made


def diff(before: Any, after: Any, *, key: str, media: Mapping[str, str]) -> TableDiff:
    """Compare two `pyarrow` tables. key: a column of both; "" takes the one whose name or whose values name rows best.

    Raises:
        Refused: no column of both, or none of that name.
    """
    shared = [name for name in dict.fromkeys(after.column_names) if name in before.column_names]
    if not shared or (key and key not in shared):
        there = f"both have {', '.join(shared[:20])}" if shared else "choose tables that share a column"
        raise Refused(400, f"key {key!r:.80}: no column of both tables", there)
    key = key or best_key(before, after, shared, media)
    columns = [name for name in shared if name != key]
    keys = [_keys(table, key, media) for table in (before, after)]
    at_before = {one: place for place, one in enumerate(keys[0])}
    old = [_cells(before, name, media) for name in columns]
    new = [_cells(after, name, media) for name in columns]
    place_of = {name: shared.index(name) for name in columns}
    rows = []
    for place, one in enumerate(keys[1]):
        was = at_before.pop(one, None)
        if was is None:
            rows.append(DiffRow(ADDED, None, place))
            continue
        changed = tuple(place_of[name] for name, a, b in zip(columns, old, new, strict=True) if not _equal(a[was], b[place]))
        rows.append(DiffRow(CHANGED if changed else SAME, was, place, changed))
    rows += [DiffRow(REMOVED, place, None) for place in at_before.values()]
    repeated = (sum(number > 0 for _, number in keys[0]), sum(number > 0 for _, number in keys[1]))
    lost = [name for name in dict.fromkeys(before.column_names) if name not in shared]
    gained = [name for name in dict.fromkeys(after.column_names) if name not in shared]
    return TableDiff(key, shared, lost, gained, repeated, rows)


def best_key(before: Any, after: Any, shared: Sequence[str], media: Mapping[str, str]) -> str:
    """A column named as keys are, of distinct values; else the first of distinct values; else the first."""
    offered = [name for name in shared if name not in media] or list(shared)
    offered.sort(key=lambda name: name.lower() not in NAMES_OF_KEYS)
    for name in offered:
        if all(number == 0 for table in (before, after) for _, number in _keys(table, name, media)):
            return name
    return offered[0]


def _column(table: Any, name: str) -> list[Any]:
    cells: list[Any] = table.column(table.column_names.index(name)).to_pylist()
    return cells


def _keys(table: Any, name: str, media: Mapping[str, str]) -> list[tuple[Hashable, int]]:
    """(value, how many rows above have the same) for each row."""
    seen: Counter[Hashable] = Counter()
    keys = []
    for cell in _cells(table, name, media):
        value: Hashable = "NaN" if cell != cell else cell if isinstance(cell, Hashable) else repr(cell)
        keys.append((value, seen[value]))
        seen[value] += 1
    return keys


def _cells(table: Any, name: str, media: Mapping[str, str]) -> list[Any]:
    cells = _column(table, name)
    return [_without_place(cell) for cell in cells] if name in media else cells


def _without_place(cell: Any) -> Any:
    """A media cell as its contents, whichever file they lie in."""
    if not isinstance(cell, bytes):
        return cell
    try:
        return repr(content_of(part_of(cell), lambda blob: {"sha256": digest_of(blob)}))
    except Damaged:  # its bytes are all that is known of it
        return cell


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(x, y) for x, y in zip(a, b, strict=True))
    return (bool(a == b) and isinstance(a, bool) == isinstance(b, bool)) or bool(a != a and b != b)
