"""Vectors in many dimensions seen in three: principal components, computed on the board's machine.

The components are the directions of largest variance of the rows that are finite, the largest first; each is turned so that its
largest entry by size is positive, so that the same vectors always give the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..store.kinds import F64

COMPONENTS: Final = 3
EXACT: Final = 1500
"""Up to so many rows or dimensions the components are exact; beyond, they come from a subspace iteration that is good to about
1 % of the variance where it falls slowly and to rounding where it falls quickly."""


@dataclass(frozen=True, slots=True)
class Projection:
    """rows, (rows, 3) coordinates, NaN for a row that is not finite; variance, the part of all variance along each; left_out,
    rows that are not finite; exact, whether the components are."""

    coordinates: F64
    variance: F64
    left_out: int
    exact: bool


def projected(vectors: NDArray[np.float32]) -> Projection:
    """The principal components of `vectors`, (rows, dimensions)."""
    finite = np.isfinite(vectors).all(axis=1)
    rows = vectors[finite].astype(np.float64)
    coordinates = np.full((len(vectors), COMPONENTS), np.nan)
    variance = np.zeros(COMPONENTS)
    exact = min(rows.shape) <= EXACT
    if len(rows):
        rows -= rows.mean(axis=0)
        all_variance = float(np.square(rows).sum())
        axes = _axes(rows) if exact else _near_axes(rows)
        for axis in axes:
            if axis[np.argmax(np.abs(axis))] < 0:
                axis *= -1
        along = rows @ axes.T
        coordinates[finite] = 0.0
        coordinates[np.flatnonzero(finite)[:, None], np.arange(len(axes))] = along
        if all_variance > 0:
            variance[: len(axes)] = np.square(along).sum(axis=0) / all_variance
    return Projection(coordinates, variance, int((~finite).sum()), exact)


def _axes(rows: F64) -> F64:
    """The directions of largest variance of centred `rows`, one a row."""
    wanted = min(COMPONENTS, *rows.shape)
    if rows.shape[1] <= rows.shape[0]:
        _, found = np.linalg.eigh(rows.T @ rows)
        return np.array(found[:, ::-1][:, :wanted].T)
    sizes, found = np.linalg.eigh(rows @ rows.T)
    axes = (rows.T @ found[:, ::-1][:, :wanted]).T
    norms = np.sqrt(np.maximum(sizes[::-1][:wanted], 0.0))[:, None]
    return np.array(np.divide(axes, norms, out=np.zeros_like(axes), where=norms > 1e-12 * max(1.0, float(norms.max(initial=0.0)))))


def _near_axes(rows: F64) -> F64:
    """As `_axes`, by subspace iteration from a fixed start."""
    basis = np.random.default_rng(0).standard_normal((rows.shape[1], COMPONENTS + 5))
    for _ in range(8):
        basis, _ = np.linalg.qr(rows.T @ (rows @ basis))
    small = rows @ basis
    _, found = np.linalg.eigh(small.T @ small)
    return np.array((basis @ found[:, ::-1][:, :COMPONENTS]).T)
