"""The overview of a growing strand equals the plain thinning of all its points, however they arrived."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard.store.overview as module
from crossboard.store.errors import Damaged
from crossboard.store.kinds import F64, Points
from crossboard.store.overview import BUCKETS, WHOLE, Overview, Part, Stats, draw, drawing_width, overview_of, stats_of
from crossboard.store.thinning import keep

NAN, INF = math.nan, math.inf
values = st.one_of(st.floats(), st.sampled_from([NAN, INF, -INF, 0.0, 1.0, 1e308]))


def points(value: list[float] | F64, step: list[int] | None = None) -> Points:
    count = len(value)
    steps = np.arange(count) if step is None else np.array(step, np.int64)
    return Points(steps, 1e9 + np.arange(count, dtype=np.float64), np.array(value, np.float64))


def plain(value: F64, width: int) -> list[int]:
    kept: list[int] = keep(value, np.arange(len(value)) // width).tolist()
    return kept


@pytest.fixture
def few_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight buckets instead of 1,024, so that small data go through every merge."""
    monkeypatch.setattr(module, "BUCKETS", 8)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(values, max_size=30), max_size=12))
def test_batches_of_any_size_give_the_overview_of_all_points(batches: list[list[float]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUCKETS", 8)
        every = np.array([value for batch in batches for value in batch], np.float64)
        whole = points(every)
        overview, at = Overview(), 0
        for batch in batches:
            overview.append(whole[at : at + len(batch)])
            at += len(batch)
        assert overview.count == len(every)
        assert -(-overview.count // overview.width) <= 8
        assert overview.width == 1 or -(-overview.count // (overview.width // 2)) > 8
        assert overview.kept.step.tolist() == plain(every, overview.width)
        assert repr(overview.kept.value.tolist()) == repr(every[overview.kept.step].tolist())
        counts: dict[int, tuple[int, ...]] = {}
        for place, value in enumerate(every.tolist()):
            if not math.isfinite(value):
                old = counts.get(place // overview.width, (0, 0, 0))
                which = 0 if math.isnan(value) else 1 if value > 0 else 2
                counts[place // overview.width] = tuple(n + (i == which) for i, n in enumerate(old))
        assert overview.marks == counts


@settings(max_examples=60, deadline=None)
@given(st.lists(values, min_size=1, max_size=300), st.integers(1, 12))
def test_a_drawn_curve_is_the_thinning_at_its_own_width(value: list[float], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUCKETS", 8)
        array = np.array(value)
        part = Part(overview_of(points(array)), stats_of(points(array)))
        curve, _ = draw([part], max_buckets=most)
        width = drawing_width([part], most)
        assert -(-len(array) // width) <= most
        assert curve.x.tolist() == plain(array, width)
        assert curve.total == len(array)
        assert curve.raw == (len(curve.x) == len(array))
        assert (curve.nan, curve.pos_inf, curve.neg_inf) == (
            int(np.isnan(array).sum()),
            int(np.isposinf(array).sum()),
            int(np.isneginf(array).sum()),
        )


@settings(max_examples=100, deadline=None)
@given(st.lists(values, min_size=1, max_size=120), st.lists(values, max_size=120), st.integers(1, 8))
def test_the_points_called_stable_stay_and_a_delta_says_so(first: list[float], more: list[float], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BUCKETS", 8)
        every = points(first + more)
        overview, stats = Overview(), Stats()
        overview.append(every[: len(first)])
        stats.add(every[: len(first)])
        before, _ = draw([Part(overview, stats)], max_buckets=most)
        overview.append(every[len(first) :])
        stats.add(every[len(first) :])
        after, keeps = draw([Part(overview, stats)], max_buckets=most, since=len(first))
        assert keeps <= len(before.x)
        assert before.x[:keeps].tolist() == after.x[:keeps].tolist()
        assert repr(before.y[:keeps].tolist()) == repr(after.y[:keeps].tolist())
        if not more:
            assert keeps == after.stable == before.stable


def test_up_to_1024_points_the_overview_is_the_points() -> None:
    value = np.sin(np.arange(BUCKETS))
    overview = overview_of(points(value))
    assert overview.width == 1
    assert overview.kept.value.tolist() == value.tolist()


@given(st.lists(st.sampled_from([1.0, -2.5, 0.0, NAN, INF, -INF]), min_size=1, max_size=40), st.lists(st.integers(1, 900), min_size=1))
@settings(deadline=None, max_examples=30)
def test_up_to_2048_points_every_one_is_kept_however_they_come(some: list[float], sizes: list[int]) -> None:
    every = points((some * WHOLE)[:WHOLE])
    overview, at = Overview(), 0
    while at < WHOLE:
        overview.append(every[at : at + sizes[at % len(sizes)]])
        at += sizes[at % len(sizes)]
        assert repr(overview.kept.value.tolist()) == repr(every.value[:at].tolist())
        assert overview.kept.step.tolist() == every.step[:at].tolist()
    back = Overview.decode(overview.encode())
    assert repr(back.kept.value.tolist()) == repr(every.value.tolist())


def test_a_million_points_come_down_to_at_most_1024_buckets_with_the_one_spike() -> None:
    value = np.zeros(1_000_000)
    value[654_321] = 7.0
    overview = overview_of(points(value))
    assert -(-1_000_000 // overview.width) <= BUCKETS
    assert 654_321 in overview.kept.step.tolist()


def test_an_overview_is_the_same_after_going_through_bytes() -> None:
    every = points([1.0, NAN, INF, -INF, 5.0] * 1000)
    half = Overview.decode(overview_of(every[:2500]).encode())
    half.append(every[2500:])
    whole = overview_of(every)
    assert half.encode() == whole.encode()
    assert half.marks == whole.marks


def test_damaged_bytes_are_named() -> None:
    with pytest.raises(Damaged, match=r"overview: .* delete the cache, it is rebuilt"):
        Overview.decode(overview_of(points([1.0])).encode()[:20])


def test_what_was_handed_out_stays_as_it_was() -> None:
    overview = overview_of(points([1.0, 2.0, 3.0]))
    kept = overview.kept
    overview.append(points([9.0]))
    assert kept.value.tolist() == [1.0, 2.0, 3.0]


def test_steps_in_any_order_are_drawn_in_the_order_of_steps() -> None:
    every = points([1.0, 2.0, 3.0, 4.0], step=[5, -3, 5, 0])
    curve, keeps = draw([Part(overview_of(every), stats_of(every))], max_buckets=100, since=2)
    assert curve.x.tolist() == [-3, 0, 5, 5]
    assert curve.y.tolist() == [2, 4, 1, 3]
    assert (curve.stable, keeps) == (0, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), values), min_size=1, max_size=60), st.integers(0, 60))
def test_stats_are_those_of_a_plain_loop(pairs: list[tuple[int, float]], cut: int) -> None:
    steps, value = [step for step, _ in pairs], [one for _, one in pairs]
    every = points(value, step=steps)
    stats = stats_of(every[:cut])
    stats.add(every[cut:])
    finite = [(one, step) for step, one in pairs if math.isfinite(one)]
    newest = max(range(len(steps)), key=lambda i: (steps[i], i))
    assert (stats.count, stats.first_step, stats.last_step) == (len(pairs), min(steps), max(steps))
    assert repr(stats.last) == repr(value[newest])
    assert stats.ascending == (steps == sorted(steps))
    assert stats.nan + stats.pos_inf + stats.neg_inf == len(pairs) - len(finite)
    if finite:
        assert stats.min == min(one for one, _ in finite)
        assert stats.min_step == next(step for one, step in finite if one == stats.min)
        assert stats.max_step == next(step for one, step in finite if one == stats.max)
    else:
        assert math.isnan(stats.min)
        assert math.isnan(stats.max)
