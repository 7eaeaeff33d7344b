"""Statistics over several runs: what is brought together, what is said of it, and the laws that hold for any data."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from crossboard.store.statistics import alignment
from crossboard.store.statistics.alignment import Aligned, Line, align
from crossboard.store.statistics.bands import band
from crossboard.store.statistics.centres import STATISTICS, Statistic, centre_of, describe, std_of, weights
from crossboard.store.statistics.intervals import KINDS, OF_MEAN, Kind, bca_interval, interval, t_interval

NAN, INF = math.nan, math.inf
TOGETHER: list[tuple[Statistic, Kind]] = [(one, kind) for one in STATISTICS for kind in KINDS if one == "mean" or kind not in OF_MEAN]


def line(name: str, x: list[float], y: list[float]) -> Line:
    return Line(name, np.array(x, np.float64), np.array(y, np.float64))


def at(aligned: Aligned) -> dict[float, list[float]]:
    """x -> the values there."""
    return {x: aligned.value[a:b].tolist() for x, a, b in zip(aligned.x.tolist(), aligned.start, aligned.start[1:], strict=False)}


# ------------------------------------------------------------------------------------------------------- alignment


def test_values_stand_at_the_steps_at_which_they_were_logged_and_nowhere_else() -> None:
    found = align([line("a", [0, 1, 2, 3], [10, 11, 12, 13]), line("b", [0, 2, 4], [20, 22, 24])])
    assert at(found) == {0: [10, 20], 1: [11], 2: [12, 22], 3: [13], 4: [24]}
    assert found.n.tolist() == [2, 1, 2, 1, 1]
    assert found.missing.tolist() == [0, 1, 0, 1, 1]
    assert found.interpolated.sum() == 0
    assert [(one.first, one.last, one.points) for one in found.lines] == [(0, 3, 4), (0, 4, 3)]


def test_shared_steps_are_those_that_every_line_logged() -> None:
    lines = [line("a", [0, 1, 2, 3], [10, NAN, 12, 13]), line("b", [0, 1, 2], [20, 21, 22]), line("never", [], [])]
    found = align(lines, shared=True)
    assert at(found) == {0: [10, 20], 1: [21], 2: [12, 22]}
    assert found.left_out.tolist() == [0, 1, 0]
    assert found.members == 2


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    found = align([line("a", [0, 1, 2, 3], [NAN, INF, -INF, 1]), line("b", [0, 1, 2, 3], [5, 6, 7, 8])])
    assert at(found) == {0: [5], 1: [6], 2: [7], 3: [1, 8]}
    assert found.left_out.tolist() == [1, 1, 1, 0]
    assert found.missing.sum() == 0
    first = found.lines[0]
    assert (first.nan, first.pos_inf, first.neg_inf) == (1, 1, 1)


def test_of_a_repeated_step_the_last_arrival_counts() -> None:
    found = align([line("a", [0, 5, 2, 5, NAN, 0], [1, 2, 3, 4, 9, NAN])])
    assert at(found) == {0: [], 2: [3], 5: [4]}
    assert (found.lines[0].repeated, found.lines[0].without_x, found.lines[0].nan) == (2, 1, 1)


def test_interpolation_stays_between_two_finite_neighbours_and_is_counted() -> None:
    a, b = line("a", [0, 10, 20, 30], [0, 10, NAN, 30]), line("b", [5, 15, 25, 40], [1, 1, 1, 1])
    found = align([a, b], interpolate=True)
    assert at(found) == {0: [0], 5: [5, 1], 10: [10, 1], 15: [1], 20: [1], 25: [1], 30: [30, 1], 40: [1]}
    assert found.interpolated.tolist() == [0, 1, 1, 0, 1, 0, 1, 0]
    assert [one.interpolated for one in found.lines] == [1, 3]
    assert found.left_out.tolist() == [0, 0, 0, 0, 1, 0, 0, 0]
    assert align([a, b], interpolate=True, shared=True).x.tolist() == [5, 10, 15, 20, 25, 30]


def test_interpolation_of_very_many_lines_takes_every_kth_step_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [Line(str(i), np.arange(0.0, 1000.0, 7.0) + i, np.full(143, float(i))) for i in range(5)]
    assert align(lines, interpolate=True).every == 1
    monkeypatch.setattr(alignment, "MOST_CELLS", 500)
    found = align(lines, interpolate=True)
    assert found.every > 1
    assert len(found.x) <= 2 * 500 // 5 + 1
    assert set(found.x.tolist()) <= {x for one in lines for x in one.x.tolist()}


def test_no_lines_and_empty_lines_make_nothing() -> None:
    for lines in ([], [line("a", [], [])]):
        for shared in (False, True):
            for interpolate in (False, True):
                found = align(lines, shared=shared, interpolate=interpolate)
                assert (len(found.x), found.members) == (0, 0)
                assert len(band(found)) == 0


def test_a_line_whose_lengths_differ_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"want x and y of one length, got \(2,\) and \(1,\) \(line 'odd'\)"):
        align([line("odd", [1, 2], [1])])


def test_work_that_nobody_waits_for_ends() -> None:
    class Gone(Exception):
        pass

    def check() -> None:
        raise Gone

    with pytest.raises(Gone):
        align([line("a", [0], [1])], check=check)


wild = st.floats(-1e6, 1e6) | st.sampled_from([NAN, INF, -INF])
steps = st.integers(-5, 12).map(float) | st.floats(-5, 12, width=16)
curves = st.lists(st.tuples(steps, wild), max_size=12).map(lambda points: ([x for x, _ in points], [y for _, y in points]))
groups = st.lists(curves, max_size=5).map(lambda found: [line(str(i), x, y) for i, (x, y) in enumerate(found)])


@given(groups, st.booleans(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_alignment_makes_no_value_and_no_x_of_its_own(lines: list[Line], interpolate: bool, shared: bool) -> None:
    found = align(lines, interpolate=interpolate, shared=shared)
    logged = {x for one in lines for x in one.x.tolist()}
    assert set(found.x.tolist()) <= logged
    assert np.all(np.diff(found.x) > 0)
    for one in lines:
        alone = align([one], interpolate=interpolate)
        grid = align([one, *lines], interpolate=interpolate)
        finite = one.y[np.isfinite(one.y)]
        assert np.all((alone.value >= finite.min(initial=INF)) & (alone.value <= finite.max(initial=-INF)))
        assert grid.interpolated.sum() == 0 or interpolate
    for counts, one in zip(found.lines, lines, strict=True):
        inside = (found.x >= counts.first) & (found.x <= counts.last)
        assert counts.interpolated <= int(inside.sum())
        assert counts.points == len(one.x)
    everything = np.concatenate([one.y[np.isfinite(one.y)] for one in lines]) if lines else np.empty(0)
    assert np.all((found.value >= everything.min(initial=INF)) & (found.value <= everything.max(initial=-INF)))
    assert np.isfinite(found.value).all()
    assert np.all(found.n + found.left_out + found.missing == found.members)
    if shared:
        assert interpolate or np.all(found.missing == 0)


@given(groups, st.booleans(), st.booleans(), st.sampled_from(TOGETHER), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_the_order_of_runs_changes_nothing(
    lines: list[Line], interpolate: bool, shared: bool, pair: tuple[Statistic, Kind], chance: object
) -> None:
    other = list(lines)
    chance.shuffle(other)  # type: ignore[attr-defined]
    made = [band(align(some, interpolate=interpolate, shared=shared), *pair, resamples=50) for some in (lines, other)]
    for name in ("x", "n", "left_out", "interpolated"):
        assert np.array_equal(getattr(made[0], name), getattr(made[1], name))
    for name in ("centre", "low", "high"):
        np.testing.assert_allclose(getattr(made[0], name), getattr(made[1], name), rtol=1e-9, atol=1e-9)


# --------------------------------------------------------------------------------------------- centres and intervals

rows = st.integers(1, 9).flatmap(lambda n: st.lists(st.lists(st.floats(-1e6, 1e6), min_size=n, max_size=n), min_size=1, max_size=3))


@given(rows, st.sampled_from(TOGETHER))
@settings(max_examples=200, deadline=None)
def test_a_band_contains_its_centre_and_a_group_of_one_has_none(values: list[list[float]], pair: tuple[Statistic, Kind]) -> None:
    value = np.array(values)
    statistic, kind = pair
    low, high = interval(value, kind, statistic=statistic, resamples=60)
    middle = centre_of(value, statistic)
    slack = 1e-9 * (1 + np.abs(value).max())
    if value.shape[1] == 1:
        assert np.isnan(low).all()
        assert np.isnan(high).all()
        return
    assert np.all(low <= high)
    if kind != "iqr":
        assert np.all(low <= middle + slack)
        assert np.all(middle <= high + slack)
    if kind in ("bca", "minmax", "iqr"):
        assert np.all(low >= value.min(axis=1) - slack)
        assert np.all(high <= value.max(axis=1) + slack)


@given(rows, st.sampled_from(TOGETHER), st.integers(-1000, 1000))
@settings(max_examples=100, deadline=None)
def test_a_constant_added_to_all_shifts_centre_and_band(values: list[list[float]], pair: tuple[Statistic, Kind], more: int) -> None:
    value = np.round(np.array(values))  # whole numbers, so that the sums are exact
    statistic, kind = pair
    for before, after in zip(
        (*interval(value, kind, statistic=statistic, resamples=60), centre_of(value, statistic)),
        (*interval(value + more, kind, statistic=statistic, resamples=60), centre_of(value + more, statistic)),
        strict=True,
    ):
        np.testing.assert_allclose(after, before + more, rtol=1e-9, atol=1e-6)


def test_the_interquartile_mean_weighs_the_edge_by_the_part_inside() -> None:
    assert weights("iqm", 3).tolist() == pytest.approx([1 / 6, 2 / 3, 1 / 6])
    assert weights("iqm", 5).tolist() == pytest.approx([0, 0.3, 0.4, 0.3, 0])
    assert weights("iqm", 1).tolist() == [1]
    assert weights("iqm", 2).tolist() == [0.5, 0.5]
    assert weights("iqm", 10).sum() == pytest.approx(1)


def test_centres_are_those_of_scipy_and_numpy() -> None:
    value = np.random.default_rng(1).normal(size=(20, 12))
    assert centre_of(value, "iqm") == pytest.approx(stats.trim_mean(value, 0.25, axis=1))  # 4 divides 12: whole values are dropped
    assert centre_of(value, "median") == pytest.approx(np.median(value, axis=1))
    assert centre_of(value[:, :7], "median") == pytest.approx(np.median(value[:, :7], axis=1))
    assert std_of(value) == pytest.approx(value.std(axis=1, ddof=1))
    found = describe(align([Line(str(i), np.arange(20.0), value[:, i]) for i in range(12)]))
    assert found.mean == pytest.approx(value.mean(axis=1))
    assert found.min.tolist() == value.min(axis=1).tolist()
    assert found.max.tolist() == value.max(axis=1).tolist()
    assert found.std == pytest.approx(value.std(axis=1, ddof=1))


def test_the_mean_of_numbers_whose_sum_overflows_is_still_their_mean() -> None:
    value = np.array([[1.5e308, 1.5e308], [1e308, -1e308]])
    assert centre_of(value, "mean").tolist() == [1.5e308, 0]
    assert std_of(value)[1] == pytest.approx(math.sqrt(2) * 1e308)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_t_interval_is_that_of_scipy(n: int) -> None:
    value = np.random.default_rng(n).normal(3, 2, size=(10, n))
    want = stats.t.interval(0.95, n - 1, loc=value.mean(axis=1), scale=stats.sem(value, axis=1))
    np.testing.assert_allclose(t_interval(value), want, rtol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [5, 8, 20])
def test_the_bca_interval_is_that_of_scipy(statistic: Statistic, n: int) -> None:
    """scipy draws other samples, so that both differ by the chance of 9,999 draws."""
    value = np.sort(np.random.default_rng(n).exponential(size=(3, n)), axis=1)
    calls = {
        "mean": lambda x, axis: x.mean(axis=axis),
        "median": lambda x, axis: np.median(x, axis=axis),
        "iqm": lambda x, axis: np.sort(x, axis=axis) @ weights("iqm", x.shape[axis]),
    }
    low, high = bca_interval(value, statistic, resamples=9999)
    for i, row in enumerate(value):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy warns of a median whose values repeat
            want = stats.bootstrap((row,), calls[statistic], method="BCa", n_resamples=9999, random_state=np.random.default_rng(3))
        got = np.array([low[i], high[i]])
        slack = 0.08 * (want.confidence_interval.high - want.confidence_interval.low)
        assert np.all(np.abs(got - want.confidence_interval) <= slack), (got, want.confidence_interval)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_bca_of_few_or_equal_values_is_said_and_not_an_accident(statistic: Statistic) -> None:
    one, two, equal = np.array([[4.0]]), np.array([[1.0, 3.0]]), np.full((1, 5), 7.0)
    assert np.isnan(interval(one, "bca", statistic=statistic)).all()
    low, high = bca_interval(two, statistic)
    assert (low[0], high[0]) == (1, 3)
    low, high = bca_interval(equal, statistic)
    assert (low[0], high[0]) == (7, 7)
    low, high = t_interval(equal)
    assert (low[0], high[0]) == (7, 7)


def test_the_same_data_gives_the_same_interval() -> None:
    value = np.random.default_rng(0).normal(size=(4, 6))
    assert np.array_equal(bca_interval(value), bca_interval(value))
    assert not np.array_equal(bca_interval(value), bca_interval(value, seed=1))
    assert np.array_equal(np.concatenate(bca_interval(value[:2]))[:2], bca_interval(value)[0][:2])  # rows do not depend on each other


def test_what_does_not_go_together_is_refused_with_what_does() -> None:
    value = np.ones((1, 3))
    with pytest.raises(ValueError, match="band t is about the mean, not the median; want one of bca, minmax, iqr"):
        interval(value, "t", statistic="median")
    with pytest.raises(ValueError, match="band: want one of t, bca, std, minmax, iqr, got 'sd'"):
        interval(value, "sd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="statistic: want one of mean, median, iqm, got 'mode'"):
        centre_of(value, "mode")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="level: want a number between 0 and 1, got 95"):
        interval(value, "t", level=95)


def test_a_band_says_n_at_every_x() -> None:
    made = band(align([line("a", [0, 1, 2], [1, 2, 3]), line("b", [0, 1], [3, NAN]), line("c", [0], [5])]))
    assert made.n.tolist() == [3, 1, 1]
    assert made.centre.tolist() == [3, 2, 3]
    assert made.left_out.tolist() == [0, 1, 0]
    assert np.isnan(made.low).tolist() == [False, True, True]
    assert made.high[0] == pytest.approx(stats.t.interval(0.95, 2, loc=3, scale=stats.sem([1, 3, 5]))[1])


# ---------------------------------------------------------------------------------------------------------- coverage


def covered(kind: Kind, n: int, *, groups: int, seed: int) -> float:
    """The share of `groups` of n standard normal values whose interval holds the true mean, 0."""
    low, high = interval(np.random.default_rng(seed).normal(size=(groups, n)), kind)
    return float(((low <= 0) & (high >= 0)).mean())


@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_t_interval_of_95_percent_covers_the_mean_of_normal_values_in_95_percent(n: int) -> None:
    assert covered("t", n, groups=20_000, seed=n) == pytest.approx(0.95, abs=0.008)  # five standard errors of the simulation


@pytest.mark.parametrize(("n", "published"), [(3, 0.725), (5, 0.841), (10, 0.9)])
def test_bca_covers_less_at_few_runs_as_docs_statistics_says(n: int, published: float) -> None:
    assert covered("bca", n, groups=6_000, seed=n) == pytest.approx(published, abs=0.025)
