"""The band of a group along x: a centre and an interval, and everything that has to be said beside them.

Source of each number: `centres` and `intervals`; what x and n are: `alignment`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..kinds import F64, I64
from .alignment import Aligned, unchecked
from .centres import Statistic, by_n, centre, weights
from .intervals import LEVEL, RESAMPLES, SEED, Kind, checked, interval


@dataclass(frozen=True, slots=True)
class Band:
    """A group's centre and interval at each x.

    statistic, kind, level   what is drawn; kind None: no interval
    x, centre                float64 (P,); centre is NaN where no line has a finite value
    low, high                float64 (P,); low <= centre <= high for every kind but iqr; NaN where n < 2, and everywhere without a kind
    n                        int64 (P,): finite values at each x
    left_out                 int64 (P,): NaN and infinite values there
    interpolated             int64 (P,): how many of the n lie between two logged points
    """

    statistic: Statistic
    kind: Kind | None
    level: float
    x: F64
    n: I64
    centre: F64
    low: F64
    high: F64
    left_out: I64
    interpolated: I64

    def __len__(self) -> int:
        return len(self.x)


def band(
    aligned: Aligned,
    statistic: Statistic = "mean",
    kind: Kind | None = "t",
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    check: Callable[[], None] = unchecked,
) -> Band:
    """The band of `aligned`.

    Args:
        statistic: mean, median or iqm.
        kind: t, bca, std, minmax or iqr; None for the centre alone. t and std go with the mean only.
        level: of t and bca, inside 0..1.
        resamples, seed: of bca. The same data and seed give the same interval.
        check: called now and then; what it raises ends the work.

    Raises:
        ValueError: a statistic, kind or level that there is not, or that do not go together.
    """
    if kind is not None:
        checked(kind, statistic, level)
    weights(statistic, 1)
    low, high = np.full(len(aligned.x), np.nan), np.full(len(aligned.x), np.nan)
    middle = centre(aligned, statistic)
    if kind is not None:
        for positions, value in by_n(aligned):
            check()
            found = interval(value, kind, statistic=statistic, level=level, resamples=resamples, seed=seed, check=check)
            low[positions], high[positions] = found
    return Band(statistic, kind, level, aligned.x, aligned.n, middle, low, high, aligned.left_out, aligned.interpolated)
