"""Columns: every raw point of one strand, in memory or in a file of our own cache.

    file := row*
    row  := step: i64 | wall time: f64 | value: f64

All little-endian, 24 bytes a row, in order of arrival. A file is only ever appended to. How many of its rows count is said by
the catalog; bytes behind them are of a write that the catalog never heard of, and are written over.

A file column is mapped for reading: it is our own, and nobody shrinks it. When it is gone or shorter than it must be, the
cache is lost: `CacheLost`, and the store reads the sources again.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import CrossboardError
from .kinds import Points

ROW: Final = np.dtype([("step", "<i8"), ("wall_time", "<f8"), ("value", "<f8")])

MOST_LATE: Final = 64
"""So many batches are put together at the latest."""


class CacheLost(CrossboardError):
    """The cache cannot be used any more; what it held is to be read from the sources again."""


class Column(Protocol):
    """The raw points of one strand."""

    @property
    def rows(self) -> int: ...

    def append(self, points: Points) -> None: ...

    def points(self) -> Points:
        """Every point; arrays that are never written into again where they stand."""
        ...


def _as_points(rows: NDArray[Any]) -> Points:
    return Points(rows["step"], rows["wall_time"], rows["value"])


def _as_rows(points: Points) -> NDArray[Any]:
    rows = np.empty(len(points), ROW)
    rows["step"], rows["wall_time"], rows["value"] = points.step, points.wall_time, points.value
    return rows


class MemoryColumn:
    """A column that lives and dies with the process. What arrives is put together when it is asked for, or stands in many pieces."""

    def __init__(self) -> None:
        self.rows = 0
        self._rows = np.empty(0, ROW)
        self._settled = 0
        self._late: list[NDArray[Any]] = []

    def append(self, points: Points) -> None:
        self._late.append(_as_rows(points))
        self.rows += len(points)
        if len(self._late) >= MOST_LATE:
            self._settle()

    def _settle(self) -> None:
        if not self._settled and len(self._late) == 1:
            self._rows, self._settled = self._late.pop(), self.rows
        elif self.rows > len(self._rows):
            larger = np.empty(max(self.rows, 2 * self._settled), ROW)
            larger[: self._settled] = self._rows[: self._settled]
            self._rows = larger
        for part in self._late:
            self._rows[self._settled : self._settled + len(part)] = part
            self._settled += len(part)
        self._late.clear()

    def points(self) -> Points:
        if self._late:
            self._settle()
        return _as_points(self._rows[: self.rows])


class FileColumn:
    """A column in `path`, of which the first `rows` rows count."""

    def __init__(self, path: str, rows: int = 0) -> None:
        self.path = path
        self.rows = rows

    def append(self, points: Points) -> None:
        """Raises CacheLost."""
        data = memoryview(_as_rows(points).tobytes())
        at = self.rows * ROW.itemsize
        try:
            descriptor = os.open(self.path, os.O_RDWR | (os.O_CREAT if self.rows == 0 else 0), 0o600)
            try:
                if os.fstat(descriptor).st_size < at:
                    raise CacheLost(f"column: want at least {at} bytes; delete the cache of {self.path}")
                while data:
                    written = os.pwrite(descriptor, data, at)
                    data, at = data[written:], at + written
            finally:
                os.close(descriptor)
        except OSError as error:
            raise CacheLost(f"column: cannot be written: {error}") from error
        self.rows += len(points)

    def points(self) -> Points:
        """Raises CacheLost."""
        if self.rows == 0:
            return _as_points(np.empty(0, ROW))
        try:
            if os.path.getsize(self.path) < self.rows * ROW.itemsize:
                raise CacheLost(f"column: want {self.rows} rows, the file is shorter: {self.path}")
            return _as_points(np.asarray(np.memmap(self.path, ROW, "r", shape=(self.rows,))))
        except (OSError, ValueError) as error:
            raise CacheLost(f"column: cannot be read: {error}") from error

    def settle(self) -> bool:
        """Cut what stands behind the rows that count; False when there are fewer bytes than these need."""
        want = self.rows * ROW.itemsize
        try:
            size = os.path.getsize(self.path)
            if size > want:
                os.truncate(self.path, want)
        except OSError:
            return False
        return size >= want

    def sync(self) -> None:
        """Have the rows reach the disk, as far as that goes."""
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def delete(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(self.path)
