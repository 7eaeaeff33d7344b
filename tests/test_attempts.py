"""A resumed run is not a zigzag (law 3): the newest attempt of the same rank counts from the step where it starts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.store.attempts import limits, merged, newest_view
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Points, SeriesKey
from crossboard.store.source import Batch, FoundRun, Strand


def steps(first: int, last: int, *, value: float, wall: float = 0.0) -> Points:
    step = np.arange(first, last + 1)
    return Points(step, wall + step.astype(np.float64), np.full(len(step), value))


def shown(points: Points) -> list[tuple[int, float]]:
    return list(zip(points.step.tolist(), points.value.tolist(), strict=True))


def test_an_attempt_is_shown_up_to_where_the_next_one_starts() -> None:
    view = newest_view([(1, "a", steps(0, 9, value=1)), (2, "b", steps(6, 12, value=2))])
    assert shown(view) == [*((s, 1) for s in range(6)), *((s, 2) for s in range(6, 13))]


def test_three_attempts_and_the_lowest_newer_start_counts() -> None:
    """The third starts before the second did: nothing of the second is left, and the first ends where the third starts."""
    assert limits({1: 0, 2: 60, 3: 40}) == {1: 40, 2: 40, 3: None}
    view = newest_view([(1, "a", steps(0, 99, value=1)), (2, "b", steps(60, 80, value=2)), (3, "c", steps(40, 50, value=3))])
    assert shown(view) == [*((s, 1) for s in range(40)), *((s, 3) for s in range(40, 51))]


def test_an_attempt_that_never_logged_the_tag_cuts_nothing() -> None:
    assert limits({1: 0, 3: 50}) == {1: 50, 3: None}
    assert len(newest_view([(1, "a", steps(0, 9, value=1)), (2, "b", steps(5, 4, value=2))])) == 10


def test_writers_of_one_attempt_are_merged_by_wall_time() -> None:
    parent = Points(np.array([0, 1, 2]), np.array([0.0, 2.0, 4.0]), np.array([1.0, 1, 1]))
    fork = Points(np.array([0, 1]), np.array([1.0, 2.0]), np.array([2.0, 2]))
    assert merged([parent, fork]).wall_time.tolist() == [0, 1, 2, 2, 4]
    assert shown(newest_view([(1, "fork", fork), (1, "a", parent)])) == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1)]


attempts = st.lists(st.tuples(st.integers(1, 4), st.lists(st.integers(-10, 10), max_size=12)), max_size=6, unique_by=lambda one: one[0])


@settings(deadline=None)
@given(attempts)
def test_a_point_is_shown_exactly_when_no_newer_attempt_reached_its_step(found: list[tuple[int, list[int]]]) -> None:
    strands = [
        (number, f"w{number}", Points(np.array(step, np.int64), np.zeros(len(step)), np.full(len(step), float(number))))
        for number, step in found
    ]
    want = [
        (step, float(number))
        for number, logged in sorted(found)
        for step in logged
        if not any(newer > number and other and step >= min(other) for newer, other in found)
    ]
    assert shown(newest_view(strands)) == want


def four_ranks_two_attempts() -> EmbeddedStore:
    """Rank r resumes at step 10 r: every rank is cut at another step."""
    store = EmbeddedStore(memory=True)
    strands = [
        Strand("loss", rank, attempt, f"a{attempt}r{rank}", steps(first, last, value=attempt * 10 + rank, wall=1000.0 * attempt))
        for rank in range(4)
        for attempt, first, last in [(1, 0, 39), (2, 10 * rank, 50)]
    ]
    store.append(FoundRun("t:r", "r", "p", "r", "r", 0.0), Batch(b"", strands), source="test")
    return store


def test_four_ranks_with_two_attempts_each_do_not_cut_one_another() -> None:
    store = four_ranks_two_attempts()
    for rank in range(4):
        key = SeriesKey("t:r", "loss", rank)
        want = [(s, 10.0 + rank) for s in range(10 * rank)] + [(s, 20.0 + rank) for s in range(10 * rank, 51)]
        assert shown(store.points(key)) == want
        curve = store.overview(key)
        assert list(zip(curve.x.tolist(), curve.y.tolist(), strict=True)) == want
        assert curve.raw
        window = store.window(key, low=0, high=50)
        assert (window.total, window.x.tolist()) == (51, list(range(51)))


def test_the_older_tail_is_kept_and_can_be_asked_for() -> None:
    store = four_ranks_two_attempts()
    key = SeriesKey("t:r", "loss", 1)
    assert store.overview(key, attempt=1).x.tolist() == list(range(40))
    assert len(store.points(key, attempts="all")) == 40 + 41
    assert [(attempt, len(points)) for attempt, _, points in store.strands(key)] == [(1, 40), (2, 41)]
    assert store.series(run="t:r", tag="loss")[1].count == 81


def test_the_summary_is_over_what_is_shown() -> None:
    summary = four_ranks_two_attempts().metrics("t:r")["loss"]
    assert (summary.last_step, summary.min, summary.max) == (50, 11.0, 23.0)
    assert summary.count == 4 * 51


def test_a_resumed_run_grows_without_a_zigzag() -> None:
    """Point by point, the view of the second attempt stays one line in ascending steps."""
    store = EmbeddedStore(memory=True)
    run = FoundRun("t:r", "r", "p", "r", "r", 0.0)
    key = SeriesKey("t:r", "loss")
    store.append(run, Batch(b"", [Strand("loss", 0, 1, "a", steps(0, 2000, value=1))]), source="test")
    for step in range(1500, 1510):
        since = store.version
        store.append(run, Batch(b"", [Strand("loss", 0, 2, "b", steps(step, step, value=2))]), source="test")
        curve, keep = store.overview_delta(key, max_buckets=300, since=since)
        assert np.all(np.diff(curve.x) > 0)
        assert curve.total == step + 1
        assert (keep > 0) == (step > 1500)
        whole = store.overview(key, max_buckets=300)
        assert whole.x.tolist() == curve.x.tolist()
