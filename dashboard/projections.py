"""Vectors in many dimensions seen in few: principal components, computed on the board's machine.

The components are the directions of largest variance of the rows that are finite, the largest first; each is turned so that its
largest entry by size is positive, so that the same vectors always give the same picture. Rows are read in pieces, so that a
hundred thousand of them need no second copy in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..store.kinds import F64

COMPONENTS: Final = 10
"""Components that the board computes; a page shows two or three of them."""
EXACT: Final = 1500
"""Up to so many rows or dimensions the components are exact; beyond, they come from a subspace iteration that is good to about
1 % of the variance where it falls slowly and to rounding where it falls quickly."""
PIECE: Final = 8192
"""Rows that are taken at once."""

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Projection:
    """rows, (rows, components) coordinates, NaN for a row that is not finite; variance, the part of all variance along each;
    left_out, rows that are not finite; exact, whether the components are."""

    coordinates: F64
    variance: F64
    left_out: int
    exact: bool


class _Centred:
    """Finite rows less their mean, in float64, a piece at a time."""

    def __init__(self, rows: F32) -> None:
        self.rows = rows
        self.shape = rows.shape
        self.mean = rows.mean(axis=0, dtype=np.float64) if len(rows) else np.zeros(rows.shape[1])

    def pieces(self) -> Iterator[tuple[int, F64]]:
        for first in range(0, len(self.rows), PIECE):
            yield first, self.rows[first : first + PIECE].astype(np.float64) - self.mean

    def times(self, matrix: F64) -> F64:
        """rows @ matrix."""
        made = np.empty((len(self.rows), matrix.shape[1]))
        for first, piece in self.pieces():
            made[first : first + len(piece)] = piece @ matrix
        return made

    def turned(self, matrix: F64) -> F64:
        """rows.T @ matrix."""
        made = np.zeros((self.shape[1], matrix.shape[1]))
        for first, piece in self.pieces():
            made += piece.T @ matrix[first : first + len(piece)]
        return made

    def scatter(self) -> F64:
        """rows.T @ rows."""
        made = np.zeros((self.shape[1], self.shape[1]))
        for _, piece in self.pieces():
            made += piece.T @ piece
        return made

    def size(self) -> float:
        """The sum of all squares."""
        return sum(float(np.square(piece).sum()) for _, piece in self.pieces())


def projected(vectors: F32, components: int = 3) -> Projection:
    """The first principal components of `vectors`, (rows, dimensions)."""
    finite = np.isfinite(vectors).all(axis=1)
    rows = _Centred(vectors if finite.all() else vectors[finite])
    coordinates = np.full((len(vectors), components), np.nan)
    variance = np.zeros(components)
    exact = min(rows.shape) <= EXACT
    if len(rows.rows):
        all_variance = rows.size()
        axes = _axes(rows, components) if exact else _near_axes(rows, components)
        for axis in axes:
            if axis[np.argmax(np.abs(axis))] < 0:
                axis *= -1
        along = rows.times(axes.T)
        coordinates[finite] = 0.0
        coordinates[np.flatnonzero(finite)[:, None], np.arange(len(axes))] = along
        if all_variance > 0:
            variance[: len(axes)] = np.square(along).sum(axis=0) / all_variance
    return Projection(coordinates, variance, int((~finite).sum()), exact)


def _axes(rows: _Centred, components: int) -> F64:
    """The directions of largest variance of centred `rows`, one a row."""
    wanted = min(components, *rows.shape)
    if rows.shape[1] <= rows.shape[0]:
        _, found = np.linalg.eigh(rows.scatter())
        return np.array(found[:, ::-1][:, :wanted].T)
    whole = rows.rows.astype(np.float64) - rows.mean
    sizes, found = np.linalg.eigh(whole @ whole.T)
    axes = (whole.T @ found[:, ::-1][:, :wanted]).T
    norms = np.sqrt(np.maximum(sizes[::-1][:wanted], 0.0))[:, None]
    return np.array(np.divide(axes, norms, out=np.zeros_like(axes), where=norms > 1e-12 * max(1.0, float(norms.max(initial=0.0)))))


def _near_axes(rows: _Centred, components: int) -> F64:
    """As `_axes`, by subspace iteration from a fixed start."""
    basis = np.random.default_rng(0).standard_normal((rows.shape[1], components + 5))
    for _ in range(8):
        basis, _ = np.linalg.qr(rows.turned(rows.times(basis)))
    small = rows.times(basis)
    _, found = np.linalg.eigh(small.T @ small)
    return np.array((basis @ found[:, ::-1][:, :components]).T)
