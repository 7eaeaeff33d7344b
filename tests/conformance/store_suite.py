"""What any `Store` must do: inherit `StoreSuite` in a test module, and define the fixture `store` and `implementation`.

    suite = load("conformance/store_suite.py")        # tests/test_embedded_store.py shows how
    class TestMyStore(suite.StoreSuite):
        implementation = MyStore
        @pytest.fixture
        def store(self): ...                          # an empty store

The claims go through `append` and the questions of the protocol alone.
"""

from __future__ import annotations

import math
import threading
from typing import Any, ClassVar, Final

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossboard.store.errors import NotFound
from crossboard.store.kinds import Kind, Points, Problem, SeriesKey
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import ConfigSet, Edited, Ended, HistogramPoint, Inline, MetricDefined, Opened, TagDeclared, TextPoint
from crossboard.store.source import Batch, FoundRun, Placed, Strand, WriterLife
from crossboard.store.store import Smoothing, Store

NAN, INF = math.nan, math.inf
CHECKS: Final = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]  # the suite is there to be inherited
values = st.one_of(st.floats(), st.sampled_from([NAN, INF, -INF, 0.0, 1.0]))


def found(name: str = "a", *, created: float = 100.0) -> FoundRun:
    return FoundRun(f"test:{name}", f"/runs/{name}", "demo", name, f"run {name}", created, tags=("first",))


def points(value: Any, *, step: Any = None, wall: Any = None) -> Points:
    array = np.array(value, np.float64)
    steps = np.arange(len(array)) if step is None else np.array(step, np.int64)
    walls = np.arange(100.0, 100.0 + len(array)) if wall is None else np.array(wall, np.float64)
    return Points(steps, walls, array)


def strand(tag: str, value: Any, *, step: Any = None, wall: Any = None, rank: int = 0, attempt: int = 1, writer: str = "w") -> Strand:
    return Strand(tag, rank, attempt, writer, points(value, step=step, wall=wall))


def placed(record: Any, *, attempt: int = 1, rank: int = 0) -> Placed:
    return Placed(record, "w", attempt, rank, "records-w.cbr", 0)


def opened(wall: float = 100.0) -> Placed:
    return placed(Opened(version=1, writer="w", attempt=1, rank=0, wall_time=wall, process=ProcessIdentity(host="h")))


def key(tag: str, name: str = "a", rank: int = 0) -> SeriesKey:
    return SeriesKey(f"test:{name}", tag, rank)


class StoreSuite:
    """See the module."""

    implementation: ClassVar[type]

    def put(self, store: Store, *strands: Strand, run: FoundRun | None = None, **fields: Any) -> None:
        store.append(run or found(), Batch(b"", list(strands), **fields), source="test")

    def test_the_fixture_is_what_it_says(self, store: Store) -> None:
        assert type(store) is self.implementation

    # ------------------------------------------------------------------------------------------------ runs

    def test_an_empty_store_has_nothing_and_says_so(self, store: Store) -> None:
        assert store.runs() == []
        assert store.series() == []
        with pytest.raises(NotFound, match="there are 0 runs"):
            store.run("test:a")

    def test_runs_come_oldest_first(self, store: Store) -> None:
        for name, created in [("b", 300.0), ("c", 100.0), ("a", 200.0)]:
            self.put(store, run=found(name, created=created))
        assert [run.id for run in store.runs()] == ["c", "a", "b"]

    def test_a_run_is_what_its_records_say(self, store: Store) -> None:
        records = [
            opened(150.0),
            placed(ConfigSet(wall_time=150.0, config={"lr": 0.1, "opt": {"name": "adam"}})),
            placed(ConfigSet(wall_time=151.0, config={"opt": {"beta": 0.9}})),
            placed(Edited(wall_time=160.0, name="renamed")),
            placed(Ended(wall_time=170.0, status="failed", error="ValueError: no", dropped=3)),
        ]
        self.put(store, records=records)
        run = store.run("test:a")
        assert (run.name, run.status, run.error, run.ended, run.started, run.dropped) == (
            *("renamed", "failed", "ValueError: no", 170.0, 150.0, 3),
        )
        assert run.config == {"lr": 0.1, "opt": {"name": "adam", "beta": 0.9}}

    def test_a_run_that_was_handed_out_stays_as_it_was(self, store: Store) -> None:
        self.put(store, records=[placed(ConfigSet(wall_time=1.0, config={"deep": {"a": 1}}))])
        before = store.run("test:a")
        self.put(store, records=[placed(ConfigSet(wall_time=2.0, config={"deep": {"b": 2}}))])
        assert before.config == {"deep": {"a": 1}}
        assert store.run("test:a").config == {"deep": {"a": 1, "b": 2}}

    def test_an_unknown_run_is_answered_with_the_nearest(self, store: Store) -> None:
        self.put(store, run=found("resnet50"))
        with pytest.raises(NotFound, match="nearest: test:resnet50"):
            store.run("test:resnet5")

    def test_problems_of_reading_stand_in_the_run(self, store: Store) -> None:
        problem = Problem("points-w.cbj", 64, "torn")
        self.put(store, problems=[problem, problem])
        self.put(store, problems=[problem])
        assert store.run("test:a").problems == (problem,)

    def test_a_removed_run_is_gone_with_all_it_had(self, store: Store) -> None:
        self.put(store, strand("loss", [1, 2]))
        store.remove("test:a")
        assert store.runs() == []
        assert store.series(tag="loss") == []
        with pytest.raises(NotFound):
            store.points(key("loss"))

    def test_restart_forgets_what_was_read_before(self, store: Store) -> None:
        self.put(store, strand("loss", [1, 2]), strand("old", [1]), records=[placed(ConfigSet(wall_time=1.0, config={"a": 1}))])
        self.put(store, strand("loss", [7]), restart=True)
        assert store.points(key("loss")).value.tolist() == [7]
        assert [one.key.tag for one in store.series()] == ["loss"]
        assert store.run("test:a").config == {}
        assert store.records("test:a", Kind.CONFIG) == []

    # ---------------------------------------------------------------------------------------------- series

    def test_a_series_is_summed_up_over_all_attempts(self, store: Store) -> None:
        self.put(store, strand("loss", [3, NAN, 1], step=[5, -2, 9]), strand("loss", [INF, 2], step=[9, 0], attempt=2))
        (one,) = store.series(run="test:a")
        assert (one.kind, one.count, one.first_step, one.last_step) == (Kind.SCALAR, 5, -2, 9)
        assert (one.min, one.max, one.last, one.nan, one.pos_inf, one.neg_inf) == (1, 3, INF, 1, 1, 0)
        assert one.attempts == (1, 2)

    def test_series_are_ordered_by_tag_run_and_rank_and_chosen_by_each(self, store: Store) -> None:
        for name in ("b", "a"):
            self.put(store, strand("y", [1], rank=1), strand("y", [1]), strand("x", [1]), run=found(name))
        keys = [one.key for one in store.series()]
        assert keys == sorted(keys, key=lambda one: (one.tag, one.run, one.rank))
        assert len(store.series(tag="y")) == 4
        assert len(store.series(run="test:a")) == 3
        assert store.series(run="test:a", tag="x", kind=Kind.SCALAR)[0].key == key("x")
        assert store.series(kind=Kind.IMAGE) == []

    def test_points_of_other_kinds_are_series_and_records(self, store: Store) -> None:
        histogram = HistogramPoint(tag="w", step=3, wall_time=1.0, edges=[0.0, 1.0], counts=[4], count=4)
        text = TextPoint(tag="note", step=1, wall_time=2.0, texts=["hello"])
        self.put(store, records=[placed(TagDeclared(id=1, tag="loss")), placed(histogram), placed(text)])
        assert [(one.key.tag, one.kind, one.count, one.last_step) for one in store.series()] == [
            ("note", Kind.TEXT, 1, 1),
            ("w", Kind.HISTOGRAM, 1, 3),
        ]
        assert [one.record for one in store.records("test:a", Kind.HISTOGRAM)] == [histogram]
        assert store.records("test:a", Kind.TEXT, tag="other") == []
        everything = store.records("test:a", Kind.HISTOGRAM)
        assert store.records("test:a", Kind.HISTOGRAM, skip=1) == everything[1:]
        assert store.records("test:a", Kind.HISTOGRAM, skip=5) == []

    def test_an_inline_blob_is_its_own_source(self, store: Store) -> None:
        self.put(store)
        assert store.blob("test:a", Inline(data=b"abc", media_type="text/plain")) == b"abc"

    # ---------------------------------------------------------------------------------------------- points

    @settings(max_examples=40, deadline=None, suppress_health_check=CHECKS)
    @given(batches=st.lists(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), values), max_size=40), min_size=1, max_size=6))
    def test_every_point_comes_back_exactly_in_order_of_arrival(self, store: Store, batches: list[list[tuple[int, float]]]) -> None:
        """Steps never drop data (law 4): any order, repeats, negative."""
        store.remove("test:a")
        for batch in batches:
            self.put(store, strand("loss", [value for _, value in batch], step=[step for step, _ in batch]))
        every = [pair for batch in batches for pair in batch]
        if not every:
            return
        got = store.points(key("loss"))
        assert got.step.tolist() == [step for step, _ in every]
        assert repr(got.value.tolist()) == repr([float(value) for _, value in every])

    def test_points_that_were_handed_out_can_be_written_into(self, store: Store) -> None:
        self.put(store, strand("loss", [1, 2]))
        store.points(key("loss")).value[:] = 0
        assert store.points(key("loss")).value.tolist() == [1, 2]

    def test_an_unknown_tag_is_answered_with_the_nearest(self, store: Store) -> None:
        self.put(store, strand("train/loss", [1]))
        with pytest.raises(NotFound, match="nearest tags: train/loss"):
            store.points(key("train/los"))
        with pytest.raises(NotFound, match="it has \\[1\\]"):
            store.overview(key("train/loss"), attempt=7)

    # ---------------------------------------------------------------------------------------------- curves

    @settings(max_examples=30, deadline=None, suppress_health_check=CHECKS)
    @given(value=st.lists(values, min_size=1, max_size=60), repeat=st.integers(1, 90), most=st.integers(1, 200))
    def test_nothing_shown_is_false(self, store: Store, value: list[float], repeat: int, most: int) -> None:
        """Law 1: the extremes and every kind of non-finite value are in the thinned curve; all its points are logged ones."""
        store.remove("test:a")
        array = np.array(value * repeat, np.float64)
        for part in np.array_split(array, 3):
            start = store.points(key("loss")).step.size if store.series(tag="loss") else 0
            self.put(store, strand("loss", part, step=np.arange(start, start + len(part))))
        curve = store.overview(key("loss"), max_buckets=most)
        assert curve.total == len(array)
        assert curve.raw == (len(curve.x) == len(array))
        assert repr(array[curve.x.astype(int)].tolist()) == repr(curve.y.tolist())
        for of in (np.isnan, np.isposinf, np.isneginf):
            assert of(curve.y).any() == of(array).any()
        finite = array[np.isfinite(array)]
        if len(finite):
            drawn = curve.y[np.isfinite(curve.y)]
            assert (drawn.min(), drawn.max()) == (finite.min(), finite.max())

    def test_zooming_reaches_every_raw_point(self, store: Store) -> None:
        value = np.random.default_rng(0).normal(size=50_000)
        self.put(store, strand("loss", value))
        low, high = 0.0, 49_999.0
        while True:
            curve = store.window(key("loss"), low=low, high=high, max_points=500)
            inside = (curve.x >= low) & (curve.x <= high)
            want = np.arange(math.ceil(low), math.floor(high) + 1)
            assert curve.total == len(want)
            assert curve.y[inside].min() == value[want].min()
            assert curve.y[inside].max() == value[want].max()
            if curve.raw:
                assert curve.x[inside].tolist() == want.tolist()
                assert curve.y[inside].tolist() == value[want].tolist()
                assert curve.total <= 500
                break
            assert inside.sum() <= 500
            low, high = low + (high - low) * 0.3, high - (high - low) * 0.25

    def test_the_x_axes_are_step_wall_time_and_time_since_the_run_began(self, store: Store) -> None:
        self.put(store, strand("loss", [1, 2, 3], step=[0, 10, 20], wall=[105, 106, 109]), records=[opened(100.0)])
        for x, want in [("step", [0, 10, 20]), ("wall", [105, 106, 109]), ("relative", [5, 6, 9])]:
            assert store.overview(key("loss"), x=x).x.tolist() == want
            assert store.window(key("loss"), x=x, low=want[1], high=want[1]).total == 1
        with pytest.raises(ValueError, match="x: want 'step'"):
            store.overview(key("loss"), x="time")

    def test_another_metric_as_x_is_joined_by_exact_step_within_the_writer(self, store: Store) -> None:
        self.put(
            store,
            strand("loss", [1, 2, 3, 4], step=[0, 1, 2, 3]),
            strand("tokens", [50, 10, 20, 25], step=[0, 1, 2, 2]),
            strand("tokens", [99], step=[3], writer="other"),
        )
        curve = store.overview(key("loss"), x="metric:tokens")
        assert curve.x.tolist() == [50, 10, 25]  # the last value at a repeated step; along arrival, not sorted
        assert curve.y.tolist() == [1, 2, 3]
        assert (curve.unmatched, curve.total) == (1, 3)
        inside = store.window(key("loss"), x="metric:tokens", low=10, high=30)
        assert (inside.total, inside.unmatched) == (2, 1)

    def test_a_clock_that_went_back_is_drawn_in_the_order_of_time(self, store: Store) -> None:
        self.put(store, strand("loss", [1, 2, 3], wall=[100, 200, 150]))
        assert store.overview(key("loss"), x="wall").x.tolist() == [100, 150, 200]
        assert store.overview(key("loss")).x.tolist() == [0, 1, 2]

    def test_smoothing_runs_over_every_point_and_not_over_the_sample(self, store: Store) -> None:
        rng = np.random.default_rng(0)
        value = rng.normal(size=20_000)
        self.put(store, strand("loss", value))
        smooth = value.copy()
        mean = 0.0
        for place, one in enumerate(value):
            mean = 0.9 * mean + 0.1 * one
            smooth[place] = mean / (1 - 0.9 ** (place + 1))
        curve = store.overview(key("loss"), max_buckets=50, smoothing=Smoothing("ema", 0.9))
        np.testing.assert_allclose(curve.y, smooth[curve.x.astype(int)])
        assert curve.total == 20_000
        inside = store.window(key("loss"), low=100, high=200, smoothing=Smoothing("ema", 0.9))
        np.testing.assert_allclose(inside.y, smooth[inside.x.astype(int)])

    @pytest.mark.parametrize("smoothing", [Smoothing("ema", 0.9), Smoothing("gaussian", 3), Smoothing("mean", 7)])
    def test_smoothing_while_points_arrive_is_smoothing_of_them_all(self, store: Store, smoothing: Smoothing) -> None:
        value = np.random.default_rng(2).normal(size=300)
        for place in range(0, 300, 60):
            self.put(store, strand("live", value[place : place + 60], step=np.arange(place, place + 60)))
            live = store.overview(key("live"), smoothing=smoothing)
        self.put(store, strand("whole", value))
        whole = store.overview(key("whole"), smoothing=smoothing)
        assert live.x.tolist() == whole.x.tolist()
        np.testing.assert_allclose(live.y, whole.y)

    @settings(max_examples=25, deadline=None, suppress_health_check=CHECKS)
    @given(batches=st.lists(st.lists(values, min_size=1, max_size=400), min_size=2, max_size=6), most=st.integers(1, 300))
    def test_a_delta_on_top_of_the_old_curve_is_the_new_curve(self, store: Store, batches: list[list[float]], most: int) -> None:
        store.remove("test:a")
        at, old, since = 0, None, 0
        for batch in batches:
            self.put(store, strand("loss", batch, step=np.arange(at, at + len(batch))))
            at += len(batch)
            new, keep = store.overview_delta(key("loss"), max_buckets=most, since=since)
            whole = store.overview(key("loss"), max_buckets=most)
            if old is not None:
                assert keep <= len(old.x)
                assert [*old.x[:keep].tolist(), *new.x[keep:].tolist()] == whole.x.tolist()
                assert repr([*old.y[:keep].tolist(), *new.y[keep:].tolist()]) == repr(whole.y.tolist())
            old, since = new, store.version

    # --------------------------------------------------------------------------------------------- metrics

    def test_the_summary_of_a_tag_follows_its_goal(self, store: Store) -> None:
        goals = [
            placed(MetricDefined(wall_time=1.0, tag="val/*", goal="max")),
            placed(MetricDefined(wall_time=1.0, tag="loss", goal="min")),
        ]
        self.put(store, strand("loss", [3, 1, NAN, 2]), strand("val/acc", [0.1, 0.9, 0.5]), strand("lr", [1]), records=goals)
        found_metrics = store.metrics("test:a")
        loss, acc, rate = (found_metrics[tag] for tag in ("loss", "val/acc", "lr"))
        assert (loss.last, loss.min, loss.max, loss.last_step, loss.count, loss.non_finite) == (2, 1, 3, 3, 4, 1)
        assert (loss.best, loss.best_step) == (1, 1)
        assert (acc.best, acc.best_step) == (0.9, 1)
        assert (rate.best, rate.best_step) == (None, None)

    def test_a_diverged_metric_has_no_extremes(self, store: Store) -> None:
        self.put(store, strand("loss", [NAN, INF]))
        summary = store.metrics("test:a")["loss"]
        assert math.isnan(summary.min)
        assert math.isnan(summary.max)
        assert summary.last == INF

    # -------------------------------------------------------------------------------------------- versions

    def test_every_change_has_a_version_and_is_named(self, store: Store) -> None:
        start = store.version
        self.put(store, strand("loss", [1]))
        self.put(store, strand("acc", [1]), run=found("b"))
        changes = store.changes_since(start)
        assert changes.complete
        assert changes.version == store.version > start
        assert changes.runs == {"test:a", "test:b"}
        assert changes.series == {key("loss"), key("acc", "b")}
        assert store.changes_since(store.version).runs == frozenset()

    def test_nothing_new_is_no_change(self, store: Store) -> None:
        lives = [WriterLife("w", 1, 0, "main", "alive", 100.0)]
        self.put(store, strand("loss", [1]), writers=lives)
        version = store.version
        self.put(store, writers=[WriterLife("w", 1, 0, "main", "alive", 200.0)])
        assert store.version == version
        self.put(store, writers=[WriterLife("w", 1, 0, "main", "dead", 200.0)])
        assert store.version > version
        assert store.run("test:a").status == "killed"

    def test_a_removed_run_is_told_and_one_that_came_back_is_there(self, store: Store) -> None:
        self.put(store, strand("loss", [1]))
        version = store.version
        store.remove("test:a")
        assert store.changes_since(version).removed == {"test:a"}
        self.put(store, strand("loss", [1]))
        changes = store.changes_since(version)
        assert not changes.removed
        assert changes.runs == {"test:a"}

    def test_a_version_of_another_process_is_not_known(self, store: Store) -> None:
        assert not store.changes_since(store.version + 10).complete

    def test_questions_and_batches_may_come_from_many_threads(self, store: Store) -> None:
        self.put(store, strand("loss", [0.0]))
        failures: list[BaseException] = []
        done = threading.Event()

        def ask() -> None:
            try:
                while not done.is_set():
                    curve = store.overview(key("loss"), max_buckets=50)
                    assert curve.total >= len(curve.x)
                    assert np.all(np.diff(curve.x) > 0)
                    inside = store.window(key("loss"), low=0, high=1e9)
                    assert len(inside.x) == len(inside.y)
                    assert len(store.points(key("loss"))) >= curve.total
            except BaseException as error:  # noqa: BLE001 - handed to the main thread
                failures.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for place in range(1, 60):
            self.put(store, strand("loss", np.full(50, place), step=np.arange(50 * place, 50 * place + 50)))
        done.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(store.points(key("loss"))) == 1 + 59 * 50
