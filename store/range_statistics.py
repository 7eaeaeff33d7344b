"""What a curve did over a range of x: first and last value, extremes, mean, slope. Pure, over every point that is given.

Values that are not finite count in none of them and are counted apart. "First" and "last" are those of the smallest and the
largest x; of several points at one x the last that arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .kinds import F64


@dataclass(frozen=True, slots=True)
class RangeStatistics:
    """Of the points of one curve with low <= x <= high. All but the counts are NaN where no value is finite.

    n         finite values
    left_out  values that are NaN or infinite
    x_start, x_end  smallest and largest x with a finite value, in the unit of the axis
    start, end      the value there
    min, max, mean  of the finite values
    slope     of the least-squares line through them, value per unit of x; NaN where all x are one
    """

    n: int
    left_out: int
    x_start: float
    x_end: float
    start: float
    end: float
    min: float
    max: float
    mean: float
    slope: float


def statistics_of(x: F64, y: F64, *, low: float, high: float) -> RangeStatistics:
    """The statistics of the points with low <= x <= high.

    Args:
        x, y: float64, same length, in order of arrival; any order of x.

    The mean is computed around the middle of the values and the slope around the means of both, so that a large common part (an
    epoch second, a loss of 1e9) costs no digits. Source of the slope: ordinary least squares, sum (x - mx)(y - my) / sum (x - mx)^2.
    """
    inside = (x >= low) & (x <= high)
    finite = inside & np.isfinite(y)
    left_out = int(np.count_nonzero(inside)) - int(np.count_nonzero(finite))
    here, value = x[finite], y[finite]
    n = len(value)
    if not n:
        nan = float("nan")
        return RangeStatistics(0, left_out, nan, nan, nan, nan, nan, nan, nan, nan)
    first_x, last_x = float(here.min()), float(here.max())
    least, most = float(value.min()), float(value.max())
    start = float(value[np.flatnonzero(here == first_x)[-1]])
    end = float(value[np.flatnonzero(here == last_x)[-1]])
    middle = least / 2 + most / 2
    scale = max(abs(least - middle), abs(most - middle)) or 1.0
    around = (value - middle) / scale  # within -1..1: no sum overflows
    mean = min(max(middle + float(around.mean()) * scale, least), most)
    width = last_x - first_x
    slope = float("nan")
    if width > 0 and np.isfinite(width):
        apart = (here - first_x) / width
        apart -= apart.mean()
        slope = float(np.dot(apart, around - around.mean()) / np.dot(apart, apart)) / width * scale
    return RangeStatistics(n, left_out, first_x, last_x, start, end, least, most, mean, slope)
