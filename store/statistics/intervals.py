"""Two numbers for the values that several runs have at one x. Each says something else:

t        Student's t interval of the mean: mean +- t(level, n - 1) s / sqrt(n), s the sample standard deviation. If runs are independent
         and their values normal, the true mean lies inside in `level` of all cases, for any n >= 2.
         Source: Student, The probable error of a mean, Biometrika 1908.
bca      the bias-corrected and accelerated bootstrap interval of the mean, median or interquartile mean. It assumes no shape, and
         for few runs it covers less than its level says: `docs/statistics.md` has the measured coverage.
         Source: Efron, Better bootstrap confidence intervals, JASA 1987; Efron and Tibshirani, An introduction to the
         bootstrap, 1993, section 14.3, equations 14.9 to 14.15.
std      mean - s to mean + s, divisor n - 1: how far runs lie apart, no interval of the mean.
iqr      first to third quartile of the runs, linear between order statistics (type 7 of Hyndman and Fan, Sample quantiles in
         statistical packages, 1996; NumPy's default). The mean may lie outside.
minmax   the lowest to the highest run.

Values are (k, n): k positions, n runs each, finite, in any order; intervals are two arrays (k,). With n = 1 there is no interval: NaN.
With n = 2 there are formulas but hardly knowledge: the t interval is 12.7 standard errors wide to either side, BCa is at
most the range of the two. Where all values are equal, every interval is that one value, which says nothing of a further run.

Special functions come from `scipy.special`; `scipy.stats`, which takes a second to import, is what the tests compare with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from ..kinds import F64
from .alignment import unchecked
from .centres import Statistic, centre_of, mean_of, std_of, weights

Kind = Literal["t", "bca", "std", "minmax", "iqr"]
KINDS: Final[tuple[Kind, ...]] = ("t", "bca", "std", "minmax", "iqr")
OF_MEAN: Final[tuple[Kind, ...]] = ("t", "std")
"""Kinds that are about the mean and stand beside no other statistic."""
LEVEL: Final = 0.95
RESAMPLES: Final = 2000
SEED: Final = 20150
_CELLS: Final = 4_000_000
_EPS: Final = float(np.finfo(np.float64).eps)

Interval = tuple[F64, F64]


def checked(kind: Kind, statistic: Statistic, level: float = LEVEL) -> None:
    """Raises ValueError for a kind that there is not or that is not about `statistic`, and a level that is not inside 0..1."""
    if kind not in KINDS:
        raise ValueError(f"band: want one of {', '.join(KINDS)}, got {kind!r}")
    if kind in OF_MEAN and statistic != "mean":
        wanted = ", ".join(one for one in KINDS if one not in OF_MEAN)
        raise ValueError(f"band {kind} is about the mean, not the {statistic}; want one of {wanted}")
    if not 0 < level < 1:
        raise ValueError(f"level: want a number between 0 and 1, got {level}")


def interval(
    value: F64,
    kind: Kind,
    *,
    statistic: Statistic = "mean",
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    check: Callable[[], None] = unchecked,
) -> Interval:
    """The interval of each row of `value`; NaN for n = 1.

    Args:
        value: (k, n), finite.
        kind, statistic: see the module. Not every kind goes with every statistic.
        level: of t and bca.
        resamples, seed: of bca.
        check: called now and then; what it raises ends the work.

    Raises:
        ValueError: a kind, statistic or level that there is not, or that do not go together.
    """
    checked(kind, statistic, level)
    weights(statistic, 1)
    if value.shape[1] < 2:
        nothing = np.full(len(value), np.nan)
        return nothing, nothing.copy()
    if kind == "t":
        return t_interval(value, level=level)
    if kind == "bca":
        return bca_interval(value, statistic, level=level, resamples=resamples, seed=seed, check=check)
    if kind == "std":
        middle = mean_of(value)
        std = std_of(value, middle)
        return middle - std, middle + std
    if kind == "minmax":
        return value.min(axis=1), value.max(axis=1)
    low, high = np.quantile(value, [0.25, 0.75], axis=1)
    return low, high


def t_interval(value: F64, *, level: float = LEVEL) -> Interval:
    """Student's t interval of the mean of each row; n >= 2. As `scipy.stats.t.interval(level, n - 1, mean, s / sqrt(n))`."""
    n = value.shape[1]
    middle = mean_of(value)
    half = stdtrit(n - 1, (1 + level) / 2) * std_of(value, middle) / np.sqrt(n)
    return middle - half, middle + half


def bca_interval(
    value: F64,
    statistic: Statistic = "mean",
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    check: Callable[[], None] = unchecked,
) -> Interval:
    """The BCa bootstrap interval of each row; n >= 2.

    The rows' values are put in order first, so the order of runs changes nothing, and all rows are resampled with the same draws, so
    that neighbouring positions do not differ by chance. With theta the statistic of the row, theta* of a sample drawn from
    it with replacement, and theta_(i) without its i-th value:

        z0 = Phi^-1(share of theta* below theta, those equal to it counted half)
        a  = sum d_i^3 / (6 (sum d_i^2)^(3/2)),   d_i = mean of theta_(.) - theta_(i)
        the ends are the quantiles Phi(z0 + (z0 + z) / (1 - a (z0 + z))) of theta*,   z = Phi^-1((1 -+ level) / 2)

    Where these numbers degenerate: no theta* below theta, or all, is taken as half a sample; a denominator that is not positive
    as its limit; where all values are equal the interval is that value. An end that would exclude theta is theta, which widens the
    interval. Differences that overflow float64 leave NaN.
    """
    value = np.sort(value, axis=1)
    count, n = value.shape
    low, high = np.empty(count), np.empty(count)
    draws = _draws(statistic, n, resamples, seed)
    step = max(1, _CELLS // max(resamples, n))
    for begin in range(0, count, step):
        check()
        block = slice(begin, begin + step)
        low[block], high[block] = _bca_block(value[block], statistic, draws, level)
    return low, high


def _draws(statistic: Statistic, n: int, resamples: int, seed: int) -> F64:
    """(resamples, n): how much each ascending value weighs in the statistic of each bootstrap sample."""
    drawn = np.sort(np.random.default_rng(seed).integers(0, n, (resamples, n)), axis=1)
    place = drawn + np.arange(resamples)[:, None] * n
    found: F64 = np.bincount(place.ravel(), np.tile(weights(statistic, n), resamples), resamples * n).astype(np.float64, copy=False)
    return found.reshape(resamples, n)


def _bca_block(value: F64, statistic: Statistic, draws: F64, level: float) -> Interval:
    n = value.shape[1]
    base = value[:, :1]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        moved = value - base  # so that a constant added to all changes nothing but rounding
        used = weights(statistic, n)
        theta = moved @ used
        samples = moved @ draws.T
        blur = 4 * _EPS * (n * moved[:, -1] + np.abs(value[:, [0, -1]]).max(axis=1))  # what rounding may part
        below = np.count_nonzero(samples < (theta - blur)[:, None], axis=1)
        not_above = np.count_nonzero(samples <= (theta + blur)[:, None], axis=1)
        share = (below + not_above) / (2 * draws.shape[0])
        z0 = ndtri(np.clip(share, 0.5 / draws.shape[0], 1 - 0.5 / draws.shape[0]))
        without = _leave_one_out(moved, weights(statistic, n - 1))
        away = without.mean(axis=1, keepdims=True) - without
        size = np.abs(away).max(axis=1)
        flat = ~(size > blur)
        away = away / np.where(flat, 1.0, size)[:, None]
        squares = np.where(flat, 1.0, (away**2).sum(axis=1))
        skew = np.where(flat, 0.0, (away**3).sum(axis=1) / (6 * squares**1.5))
        samples.sort(axis=1)
        ends = []
        for z in (ndtri((1 - level) / 2), ndtri((1 + level) / 2)):
            shifted = z0 + z
            quantile = ndtr(z0 + shifted / np.maximum(1 - skew * shifted, 1e-9))
            ends.append(_quantile(samples, quantile))
        found = base[:, 0] + np.minimum(ends[0], theta), base[:, 0] + np.maximum(ends[1], theta)
    middle = centre_of(value, statistic)
    return np.minimum(found[0], middle), np.maximum(found[1], middle)


def _leave_one_out(value: F64, used: F64) -> F64:
    """The statistic with weights `used` (n - 1) of each row of `value` (k, n, ascending) without its i-th value: (k, n)."""
    before = np.cumsum(value[:, :-1] * used, axis=1)
    after = np.cumsum((value[:, 1:] * used)[:, ::-1], axis=1)[:, ::-1]
    nothing = np.zeros((len(value), 1))
    found: F64 = np.concatenate((nothing, before), axis=1) + np.concatenate((after, nothing), axis=1)
    return found


def _quantile(ascending: F64, share: F64) -> F64:
    """Of each row the quantile `share` (k,), linear between order statistics."""
    last = ascending.shape[1] - 1
    place = np.nan_to_num(share, nan=0.5) * last
    low = np.clip(np.floor(place).astype(np.intp), 0, last)
    high, rows = np.minimum(low + 1, last), np.arange(len(ascending))
    part = place - low
    found: F64 = ascending[rows, low] * (1 - part) + ascending[rows, high] * part
    return found
