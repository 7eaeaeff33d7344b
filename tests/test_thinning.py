"""Thinning keeps each bucket's first, last, lowest and highest finite point and the ends of each kind of non-finite value."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.thinning import keep, keep_runs, thin, window

NAN, INF = math.nan, math.inf
ADVERSARIAL = {
    "several spikes in one bucket": [0.0, 9.0, -9.0, 8.0, 9.0, -9.0, 0.0, 0.0],
    "a block of NaN": [1.0, 2.0, NAN, NAN, NAN, NAN, 3.0, 4.0],
    "alternating NaN": [1.0, NAN, 2.0, NAN, 3.0, NAN, 4.0, NAN],
    "infinities among numbers": [1.0, INF, 2.0, -INF, INF, 3.0, -INF, 4.0],
    "nothing but NaN": [NAN] * 8,
    "nothing but +inf": [INF] * 8,
    "one point": [5.0],
    "all equal": [2.0] * 8,
    "signed zeros": [0.0, -0.0, 0.0, -0.0],
}
values = st.one_of(
    st.floats(),
    st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, 1e308, -1e308]),
)


def oracle(value: list[float], bucket: list[int]) -> list[int]:
    """The plain way: bucket by bucket, one rule after the other."""
    kept: set[int] = set()
    for one in set(bucket):
        here = [i for i, b in enumerate(bucket) if b == one]
        finite = [i for i in here if math.isfinite(value[i])]
        if finite:
            kept |= {finite[0], finite[-1]}
            kept.add(min(finite, key=lambda i: value[i]))  # min and max give the first of equals
            kept.add(max(finite, key=lambda i: value[i]))
        for kind in (math.isnan, lambda v: v == INF, lambda v: v == -INF):
            of_kind = [i for i in here if kind(value[i])]
            kept |= set(of_kind[:1] + of_kind[-1:])
    return sorted(kept)


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("width", [1, 2, 3, 4, 8, 100])
def test_adversarial_curves_are_thinned_as_the_oracle_does(name: str, width: int) -> None:
    value = ADVERSARIAL[name]
    buckets = [i // width for i in range(len(value))]
    assert keep(np.array(value), np.array(buckets)).tolist() == oracle(value, buckets)
    assert set(keep_runs(np.array(value), width=width).tolist()) >= set(oracle(value, buckets))


@settings(deadline=None)
@given(st.lists(values, max_size=80), st.integers(1, 40))
def test_any_curve_is_thinned_as_the_oracle_does(value: list[float], width: int) -> None:
    buckets = [i // width for i in range(len(value))]
    assert keep(np.array(value, np.float64), np.array(buckets, np.int64)).tolist() == oracle(value, buckets)


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=200), st.integers(16, 40))
def test_the_fast_way_for_finite_values_keeps_the_same(value: list[float], width: int) -> None:
    buckets = [i // width for i in range(len(value))]
    assert keep_runs(np.array(value), width=width).tolist() == oracle(value, buckets)


@settings(deadline=None)
@given(st.lists(values, min_size=1, max_size=400), st.integers(10, 60))
def test_thin_keeps_at_most_max_points_and_both_extremes(value: list[float], most: int) -> None:
    array = np.array(value)
    kept = array[thin(array, max_points=most)]
    assert len(kept) <= most
    assert (array.size <= most) <= (kept.size == array.size)
    for of in (np.isnan, np.isposinf, np.isneginf):
        assert of(array).any() == of(kept).any()
    finite, left = array[np.isfinite(array)], kept[np.isfinite(kept)]
    if finite.size:
        assert (finite.min(), finite.max()) == (left.min(), left.max())
        assert (finite[0], finite[-1]) == (left[0], left[-1])


def test_a_window_counts_only_what_is_inside_but_brings_a_neighbour_on_either_side() -> None:
    x = np.arange(10.0)
    curve = window(x, x * 10, low=3, high=5, max_points=100)
    assert curve.x.tolist() == [2, 3, 4, 5, 6]
    assert (curve.total, curve.raw) == (3, True)


def test_a_window_between_two_points_is_their_line() -> None:
    curve = window(np.array([0.0, 10.0]), np.array([1.0, 2.0]), low=4, high=6, max_points=10)
    assert curve.x.tolist() == [0, 10]
    assert (curve.total, curve.raw) == (0, True)


def test_a_window_over_an_x_in_any_order_is_drawn_in_the_order_of_x() -> None:
    x = np.array([5.0, 1.0, 3.0, NAN, 3.0, 9.0])
    y = np.array([50.0, 10.0, 30.0, 0.0, 31.0, 90.0])
    curve = window(x, y, low=2, high=6, max_points=100)
    assert curve.x.tolist() == [1, 3, 3, 5, 9]
    assert curve.y.tolist() == [10, 30, 31, 50, 90]
    assert curve.total == 3


def test_a_window_along_arrival_keeps_the_order_of_arrival() -> None:
    x = np.array([5.0, 1.0, 3.0, 9.0, 8.0])
    curve = window(x, x, low=2, high=6, max_points=100, sort=False)
    assert curve.x.tolist() == [5, 1, 3, 9]
    assert curve.total == 2


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-50, 50), values), min_size=1, max_size=200),
    st.floats(-60, 60),
    st.floats(0, 60),
    st.integers(10, 40),
)
def test_zooming_in_reaches_the_raw_points(points: list[tuple[int, float]], low: float, size: float, most: int) -> None:
    """However the view is narrowed, once it holds at most max_points all of them are there, exactly."""
    x = np.array([float(step) for step, _ in points])
    y = np.array([value for _, value in points])
    curve = window(x, y, low=low, high=low + size, max_points=most)
    inside = [(a, b) for a, b in sorted(zip(x.tolist(), y.tolist(), strict=True), key=lambda pair: pair[0]) if low <= a <= low + size]
    assert curve.total == len(inside)
    drawn = [(a, b) for a, b in zip(curve.x.tolist(), curve.y.tolist(), strict=True) if low <= a <= low + size]
    if len(inside) <= most:
        assert curve.raw
        assert repr(drawn) == repr(inside)
    else:
        assert len(drawn) <= most
        finite = [b for _, b in inside if math.isfinite(b)]
        shown = [b for _, b in drawn if math.isfinite(b)]
        if finite:
            assert (min(shown), max(shown)) == (min(finite), max(finite))
