"""What a curve did over a range of x: the numbers themselves, and the route that answers with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.range_statistics import statistics_of

POINTS = st.lists(
    st.tuples(st.integers(-50, 50).map(float), st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))),
    max_size=40,
)


@given(POINTS, st.integers(-60, 60), st.integers(0, 60))
def test_the_numbers_are_those_of_the_finite_points_inside(points: list[tuple[float, float]], low: int, width: int) -> None:
    x, y = (np.array(column, np.float64) for column in (zip(*points, strict=True) if points else ((), ())))
    found = statistics_of(x, y, low=low, high=low + width)
    inside = [(a, b) for a, b in points if low <= a <= low + width]
    finite = [(a, b) for a, b in inside if math.isfinite(b)]
    assert (found.n, found.left_out) == (len(finite), len(inside) - len(finite))
    if not finite:
        assert math.isnan(found.mean)
        assert math.isnan(found.start)
        return
    values = [b for _, b in finite]
    assert (found.min, found.max) == (min(values), max(values))
    assert found.mean == pytest.approx(math.fsum(values) / len(values), abs=1e-6)
    assert found.min <= found.mean <= found.max
    first, last = min(a for a, _ in finite), max(a for a, _ in finite)
    assert (found.x_start, found.x_end) == (first, last)
    assert found.start == [b for a, b in finite if a == first][-1]
    assert found.end == [b for a, b in finite if a == last][-1]
    if first < last:
        assert found.slope == pytest.approx(np.polyfit([a for a, _ in finite], values, 1)[0], rel=1e-6, abs=1e-5)
    else:
        assert math.isnan(found.slope)


def test_a_slope_over_wall_time_keeps_its_digits() -> None:
    x = 1.7e9 + np.arange(1000) / 10
    assert statistics_of(x, 5e8 + 0.25 * (x - x[0]), low=-math.inf, high=math.inf).slope == pytest.approx(0.25, rel=1e-6)


def test_values_as_large_as_there_are_do_not_overflow() -> None:
    found = statistics_of(np.array([0.0, 1.0, 2.0]), np.array([-1.7e308, 1.7e308, 1.7e308]), low=0, high=2)
    assert found.mean == pytest.approx(1.7e308 / 3)
    assert math.isfinite(found.slope)
