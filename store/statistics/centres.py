"""One number for the values that several runs have at one x: mean, median, interquartile mean.

All three are *L-statistics*: a weighted sum of the values in ascending order. `weights` gives the weights, and everything else that has
to be known of such a statistic (its value with one run left out, its value in a bootstrap sample) follows from them; see
`intervals`.

mean     1/n each.
median   the middle value, or the mean of the two middle ones.
iqm      the interquartile mean: the mean of the middle half of the values, a quarter of the mass n trimmed at either end. Where n/4
         is no whole number the values at the edge weigh by the part of them that lies inside, so that for n = 3 the middle
         value has weight 2/3 and the others 1/6 each. For n = 1 and 2 it is the mean; where 4 divides n it is
         `scipy.stats.trim_mean(value, 0.25)`.
         Source: Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 2021, section
         4.3; their code, rliable, drops floor(n/4) whole values at either end instead, which for n = 3 trims nothing.
std      the sample standard deviation, divisor n - 1 (ddof 1). NaN for n = 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..kinds import F64, I64
from .alignment import Aligned

Statistic = Literal["mean", "median", "iqm"]
STATISTICS: Final[tuple[Statistic, ...]] = ("mean", "median", "iqm")
TRIM: Final = 0.25
_CELLS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Description:
    """What there is to say of the values at each x; NaN where there is none (std: where there are fewer than two).

    x, mean, median, iqm, std, min, max   float64 (P,);  n   int64 (P,)
    """

    x: F64
    n: I64
    mean: F64
    median: F64
    iqm: F64
    std: F64
    min: F64
    max: F64


def weights(statistic: Statistic, n: int) -> F64:
    """The weights of `n` ascending values; they sum to 1.

    Raises:
        ValueError: n < 1, or a statistic that there is not.
    """
    if n < 1:
        raise ValueError(f"weights: want at least one value, got {n}")
    if statistic == "mean":
        return np.full(n, 1 / n)
    if statistic == "median":
        found = np.zeros(n)
        found[(n - 1) // 2] += 0.5
        found[n // 2] += 0.5
        return found
    if statistic == "iqm":
        edge = np.arange(n, dtype=np.float64)
        inside: F64 = np.minimum(edge + 1, (1 - TRIM) * n) - np.maximum(edge, TRIM * n)
        weight: F64 = np.maximum(inside, 0.0) / (n - 2 * TRIM * n)
        return weight
    raise ValueError(f"statistic: want one of {', '.join(STATISTICS)}, got {statistic!r}")


def centre_of(value: F64, statistic: Statistic) -> F64:
    """The statistic of each row. value: (k, n), n >= 1, finite, in any order. Returns (k,)."""
    if statistic == "mean":
        return mean_of(value)
    n = value.shape[1]
    used = weights(statistic, n)
    inner = np.flatnonzero(used)
    first, last = int(inner[0]), int(inner[-1]) + 1
    ordered = np.sort(value, axis=1)[:, first:last]
    found: F64 = np.clip(ordered @ used[first:last], ordered[:, 0], ordered[:, -1])
    return found


def mean_of(value: F64) -> F64:
    """The mean of each row, (k, n) -> (k,); right also where the sum would overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        found: F64 = value.mean(axis=1)
    lost = ~np.isfinite(found)
    if lost.any():
        found[lost] = (value[lost] / value.shape[1]).sum(axis=1)
    return found


def std_of(value: F64, mean: F64 | None = None) -> F64:
    """The sample standard deviation (divisor n - 1) of each row, (k, n) -> (k,); NaN for n = 1. mean: of the rows, when it is known."""
    count, n = value.shape
    if n < 2:
        return np.full(count, np.nan)
    middle = mean_of(value) if mean is None else mean
    found = np.empty(count)
    step = max(1, _CELLS // n)
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, count, step):  # a block at a time, so that the differences stay in the processor's cache
            away = value[begin : begin + step] - middle[begin : begin + step, None]
            found[begin : begin + step] = np.sqrt(np.einsum("ij,ij->i", away, away) / (n - 1))
    lost = ~np.isfinite(found)
    if lost.any():
        scale = np.abs(value[lost]).max(axis=1)
        found[lost] = scale * (value[lost] / scale[:, None]).std(axis=1, ddof=1)
    return found


def by_n(aligned: Aligned) -> Iterator[tuple[NDArray[np.intp], F64]]:
    """The positions that have equally many values, and these values: (k,) and (k, n), n >= 1. What is handed out is not written to."""
    n = aligned.n
    numbers = np.unique(n)
    if len(numbers) == 1 and numbers[0]:
        yield np.arange(len(n)), aligned.value.reshape(len(n), int(numbers[0]))
        return
    for number in numbers.tolist():
        if number:
            positions = np.flatnonzero(n == number)
            yield positions, aligned.value[aligned.start[positions][:, None] + np.arange(number)]


def centre(aligned: Aligned, statistic: Statistic = "mean") -> F64:
    """The statistic at each x, NaN where there is no value."""
    weights(statistic, 1)
    found = np.full(len(aligned.x), np.nan)
    for positions, value in by_n(aligned):
        found[positions] = centre_of(value, statistic)
    return found


def describe(aligned: Aligned) -> Description:
    """Every statistic at each x."""
    std, low, high = (np.full(len(aligned.x), np.nan) for _ in range(3))
    for positions, value in by_n(aligned):
        std[positions] = std_of(value)
        low[positions] = value.min(axis=1)
        high[positions] = value.max(axis=1)
    mean, median, iqm = (centre(aligned, one) for one in STATISTICS)
    return Description(aligned.x, aligned.n, mean, median, iqm, std, low, high)
