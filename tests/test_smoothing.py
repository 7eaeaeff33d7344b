"""Smoothing: the stated formulas, on all points, restarting after gaps, and the same point by point."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.smoothing import Smoother, checked, reach, smooth
from crossboard.store.store import Smoothing

NAN, INF = math.nan, math.inf
moderate = st.floats(-1e6, 1e6)
values = st.lists(st.one_of(moderate, moderate, moderate, st.sampled_from([NAN, INF, -INF])), max_size=200)
smoothings = st.one_of(
    st.builds(Smoothing, st.just("ema"), st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.6, 0.99, 0.999, 1.0]))),
    st.builds(Smoothing, st.just("gaussian"), st.floats(0, 40)),
    st.builds(Smoothing, st.just("mean"), st.integers(0, 150)),
)


def oracle(value: list[float], smoothing: Smoothing) -> list[float]:
    """The formulas of the module, one point after the other."""
    result = list(value)
    start = 0
    while start < len(value):
        end = start
        while end < len(value) and math.isfinite(value[end]):
            end += 1
        stretch = value[start:end]
        mean = 0.0
        for place, one in enumerate(stretch):
            if smoothing.kind == "ema":
                weight = smoothing.weight
                if weight == 1:
                    result[start + place] = math.fsum(stretch[: place + 1]) / (place + 1)
                    continue
                mean = weight * mean + (1 - weight) * one
                result[start + place] = mean / (1 - weight ** (place + 1)) if weight < 0.99999 else math.nan
                continue
            half = reach(smoothing)
            near = range(max(0, place - half), min(len(stretch), place + half + 1))
            if smoothing.kind == "mean" or half == 0:
                weights = [1.0 for _ in near]
            else:
                weights = [math.exp(-((other - place) ** 2) / (2 * smoothing.weight**2)) for other in near]
            total = math.fsum(weights)
            result[start + place] = math.fsum(w * stretch[i] for w, i in zip(weights, near, strict=True)) / total
        start = end + 1
    return result


@settings(max_examples=200, deadline=None)
@given(values, smoothings)
def test_smoothing_follows_its_formula(value: list[float], smoothing: Smoothing) -> None:
    if smoothing.kind == "ema" and 0.99999 <= smoothing.weight < 1:
        return  # the plain formula divides two tiny numbers there; the next test looks at it
    got = smooth(np.array(value, np.float64), smoothing)
    np.testing.assert_allclose(got, oracle(value, smoothing), rtol=1e-9, atol=1e-3)


def test_a_weight_just_below_one_is_nearly_the_mean_of_all_so_far() -> None:
    got = smooth(np.array([1.0, 2.0, 3.0, 4.0]), Smoothing("ema", 1 - 1e-12))
    np.testing.assert_allclose(got, [1.0, 1.5, 2.0, 2.5], rtol=1e-3)


def test_the_exponential_mean_is_that_of_tensorboard() -> None:
    got = smooth(np.array([1.0, 2.0, 3.0]), Smoothing("ema", 0.5))
    # last = 0.5, 1.25, 2.125; divided by 1 - 0.5^n
    np.testing.assert_allclose(got, [1.0, 1.25 / 0.75, 2.125 / 0.875])


@pytest.mark.parametrize("smoothing", [Smoothing("ema", 0.9), Smoothing("gaussian", 2), Smoothing("mean", 5)])
def test_what_is_not_finite_stays_and_nothing_is_carried_across_it(smoothing: Smoothing) -> None:
    got = smooth(np.array([1.0, 1.0, NAN, 9.0, INF, -INF, 5.0]), smoothing)
    np.testing.assert_allclose(got, [1.0, 1.0, NAN, 9.0, INF, -INF, 5.0], rtol=1e-15)


def test_a_spike_leaves_no_trace_in_a_running_mean_once_it_is_past() -> None:
    got = smooth(np.array([0.1] * 50 + [1e300] + [0.1] * 50), Smoothing("mean", 5))
    np.testing.assert_allclose(got[60:], 0.1, rtol=1e-12)


@settings(max_examples=200, deadline=None)
@given(values, smoothings, st.lists(st.integers(1, 40), max_size=30))
def test_point_by_point_gives_what_all_at_once_gives(value: list[float], smoothing: Smoothing, cuts: list[int]) -> None:
    array = np.array(value, np.float64)
    smoother = Smoother(smoothing)
    final: list[float] = []
    at = 0
    for size in [*cuts, len(value)]:
        final += smoother.extend(array[at : at + size]).tolist()
        at = min(at + size, len(value))
        now = [*final, *smoother.pending().tolist()]
        np.testing.assert_allclose(now, smooth(array[:at], smoothing), rtol=1e-9, atol=1e-3)


def test_the_incremental_exponential_mean_is_the_same_but_for_rounding() -> None:
    value = np.random.default_rng(1).normal(size=10_000)
    smoother = Smoother(Smoothing("ema", 0.97))
    parts = [smoother.extend(value[i : i + 7]) for i in range(0, len(value), 7)]
    np.testing.assert_allclose(np.concatenate(parts), smooth(value, Smoothing("ema", 0.97)), rtol=0, atol=1e-15)


def test_a_long_gaussian_is_the_direct_sum() -> None:
    value = np.random.default_rng(1).normal(size=3000)
    sigma = 80.0
    near = np.arange(3000)[:, None] - np.arange(3000)
    weights = np.where(np.abs(near) <= 240, np.exp(-0.5 * (near / sigma) ** 2), 0.0)
    np.testing.assert_allclose(smooth(value, Smoothing("gaussian", sigma)), weights @ value / weights.sum(axis=1), atol=1e-13)


def test_nan_in_every_other_place_costs_no_python_loop() -> None:
    value = np.ones(200_000)
    value[::2] = NAN
    got = smooth(value, Smoothing("gaussian", 30))
    assert np.isnan(got[::2]).all()
    assert (got[1::2] == 1).all()


@pytest.mark.parametrize("bad", [Smoothing("lowess", 1), Smoothing("ema", 1.5), Smoothing("mean", -1), Smoothing("ema", NAN)])
def test_a_smoothing_that_there_is_not_is_refused(bad: Smoothing) -> None:
    with pytest.raises(ValueError, match=r"smoothing: "):
        checked(bad)


@pytest.mark.parametrize(
    "smoothing", [Smoothing("mean", 100), Smoothing("mean", 9001), Smoothing("gaussian", 20), Smoothing("gaussian", 700)]
)
def test_long_curves_are_worked_on_in_pieces_that_do_not_show(smoothing: Smoothing) -> None:
    value = np.cumsum(np.random.default_rng(1).normal(size=200_003))
    smoothed = smooth(value, smoothing)
    ahead = reach(smoothing)
    seams = np.arange(0, len(value), 4096)
    for place in np.unique(np.concatenate((seams, seams - 1, [0, len(value) - 1])).clip(0)).tolist():
        near = value[max(0, place - ahead) : place + ahead + 1]
        distance = np.arange(len(near)) - min(place, ahead)
        weights = np.exp(-0.5 * (distance / smoothing.weight) ** 2) if smoothing.kind == "gaussian" else np.ones(len(near))
        assert smoothed[place] == pytest.approx((near * weights).sum() / weights.sum(), rel=1e-9, abs=1e-9)


def test_a_long_exponential_mean_is_the_plain_recurrence() -> None:
    value = np.cumsum(np.random.default_rng(2).normal(size=100_007))
    mean, want = 0.0, []
    for number, one in enumerate(value.tolist(), 1):
        mean = 0.999 * mean + 0.001 * one
        want.append(mean / (1 - 0.999**number))
    np.testing.assert_allclose(smooth(value, Smoothing("ema", 0.999)), want, rtol=1e-9, atol=1e-9)
