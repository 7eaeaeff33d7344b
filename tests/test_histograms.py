"""Histograms: every value is counted once, in its own bucket, whatever else is among them, wherever they lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import crossboard as cb
from crossboard.loggers.media.spread import Spread, spread_of
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import HistogramPoint

Kept = Callable[..., HistogramPoint]
DTYPES = ["float16", "float32", "float64", "int8", "int64", "uint64", "bool"]
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=40)))
FLOATS = hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats(-1e3, 1e3) | st.sampled_from([math.nan, math.inf, -math.inf, 0.0]))
BINS = st.integers(1, 100)


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def keep(tmp_path: Path) -> Kept:
    """Log a histogram to a run of its own, under strict, and read its record back."""

    def keeper(histogram: Any) -> HistogramPoint:
        with cb.init(dir=tmp_path, strict=True) as run:
            run.log({"h": histogram}, step=7)
        (point,) = histograms_in(Path(run.dir))
        assert (point.tag, point.step) == ("h", 7)
        return point

    return keeper


def histograms_in(run_dir: Path) -> list[HistogramPoint]:
    (found,) = (one for one in NativeSource(run_dir.parent.parent).scan() if Path(one.key).name == run_dir.name)
    records = [placed.record for placed in NativeSource(run_dir.parent.parent).read(found, None).records]
    return [record for record in records if isinstance(record, HistogramPoint)]


def check_law(spread: Spread | HistogramPoint, values: Any, bins: int) -> None:
    """Every finite value is in the bucket that numpy.histogram says; the moments are NumPy's."""
    with np.errstate(all="ignore"):
        floats = np.asarray(values).reshape(-1).astype(np.float64)
        finite = floats[np.isfinite(floats)]
        edges = np.array(spread.edges)
        assert len(edges) == len(spread.counts) + 1 <= bins + 1
        assert (np.diff(edges) > 0).all()
        assert sum(spread.counts) == finite.size
        assert spread.counts == np.histogram(finite, bins=edges)[0].tolist()
        assert spread.count == floats.size
        odd = (np.isnan(floats).sum(), (floats == math.inf).sum(), (floats == -math.inf).sum())
        assert (spread.nan, spread.pos_inf, spread.neg_inf) == odd
        if not finite.size:
            assert (spread.min, spread.max, spread.mean, spread.std) == (None, None, None, None)
            return
        assert (spread.min, spread.max) == (finite.min(), finite.max())
        largest = max(abs(finite.min()), abs(finite.max()), 1e-300)
        assert spread.mean == pytest.approx(float((finite / largest).mean() * largest), rel=1e-9, abs=1e-9 * largest)
        assert spread.std == pytest.approx(float((finite / largest).std() * largest), rel=1e-6, abs=1e-7 * largest)


@given(ARRAYS | FLOATS, BINS)
def test_each_value_is_in_its_bucket_and_the_rest_is_counted(values: Any, bins: int) -> None:
    check_law(spread_of(values, bins), values, bins)


@given(FLOATS, BINS, st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_with_a_range_the_buckets_are_numpys_and_the_moments_are_of_all(values: Any, bins: int, low: float, width: float) -> None:
    spread = spread_of(values, bins, (low, low + width))
    finite = values[np.isfinite(values)]
    inside = finite[(finite >= low) & (finite <= low + width)]
    assert sum(spread.counts) == inside.size
    assert spread.counts == np.histogram(inside, bins=np.array(spread.edges))[0].tolist()
    assert spread.count == values.size
    if finite.size:
        assert (spread.min, spread.max) == (finite.min(), finite.max())


def test_uneven_edges_are_taken_as_they_are() -> None:
    values = np.array([0.0, 1.0, 2.5, 99.0, 100.0, 101.0, math.nan])
    spread = spread_of(values, [0.0, 1.0, 3.0, 100.0])
    assert (spread.counts, spread.count, spread.nan, spread.max) == ([1, 2, 2], 7, 1, 101.0)


def test_a_nan_and_infinities_do_not_ruin_one() -> None:
    spread = spread_of(np.array([1.0, math.nan, 2.0, math.inf, -math.inf, math.nan]), 2)
    assert (spread.edges, spread.counts, spread.count) == ([1.0, 1.5, 2.0], [1, 1], 6)
    assert (spread.nan, spread.pos_inf, spread.neg_inf, spread.mean, spread.std) == (2, 1, 1, 1.5, 0.5)
    assert math.isnan(spread.norm)


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5, 1e300, 5e-324, -1.7e308])
def test_equal_values_make_one_bucket_around_them(value: float) -> None:
    spread = spread_of(np.full(5, value))
    assert spread.counts == [5]
    assert spread.edges[0] < value < spread.edges[1]
    assert (spread.min, spread.max, spread.mean, spread.std) == (value, value, value, 0.0)


def test_few_whole_numbers_get_a_bucket_each_and_many_share() -> None:
    few = spread_of(np.array([3, 5, 5, 7], np.int64))
    assert (few.edges, few.counts) == ([2.5, 3.5, 4.5, 5.5, 6.5, 7.5], [1, 0, 2, 0, 1])
    assert spread_of(np.array([True, True, False])).counts == [1, 2]
    many = spread_of(np.arange(1280), 64)
    assert many.counts == [20] * 64


def test_the_ends_of_int64_are_counted() -> None:
    values = np.array([-(2**63), 2**63 - 1, 0], np.int64)
    spread = spread_of(values, 4)
    assert sum(spread.counts) == 3
    assert (spread.min, spread.max) == (-(2.0**63), 2.0**63)


def test_values_as_wide_as_float64_reaches_overflow_nothing() -> None:
    spread = spread_of(np.array([-1.7e308, 1.7e308, 1.0, 0.0]), 4)
    assert spread.counts == [1, 0, 2, 1]
    assert spread.std is not None
    assert spread.std == pytest.approx(1.7e308 / math.sqrt(2))


def test_many_values_are_counted_in_parts_with_the_same_result() -> None:
    values = np.random.default_rng(0).normal(size=300_001).astype(np.float32)
    values[::7] = np.nan
    check_law(spread_of(values), values, 64)


@pytest.mark.parametrize(
    "values", [[1, 2, 3], [1.5, 2.5], (True, False), range(5), 3.0, [[1, 2], [3, 4]], np.ones((2, 3, 4)).T, np.zeros(0), np.ones(6)[::2]]
)
def test_values_as_people_have_them_are_kept(keep: Kept, values: Any) -> None:
    array = np.asarray(values)
    check_law(keep(cb.Histogram(values)), array, 64)


def test_an_array_that_changes_after_the_call_is_kept_as_it_was(keep: Kept, tmp_path: Path) -> None:
    values = np.zeros(1000)
    with cb.init(dir=tmp_path / "own") as run:
        for step in range(50):
            values[:] = step
            run.log({"h": cb.Histogram(values)}, step=step)
    assert [point.mean for point in histograms_in(Path(run.dir))] == [float(step) for step in range(50)]


def test_log_histogram_is_the_plain_twin(tmp_path: Path) -> None:
    with cb.init(dir=tmp_path, strict=True) as run:
        run.log_histogram("h", [1.0, 2.0, 4.0], step=3, bins=3, range=(0, 6))
    (point,) = histograms_in(Path(run.dir))
    assert (point.edges, point.counts, point.step) == ([0.0, 2.0, 4.0, 6.0], [1, 1, 1], 3)


def test_counts_from_elsewhere_are_kept(keep: Kept) -> None:
    counts, edges = np.histogram([1.0, 2.0, 2.5], bins=3)
    point = keep(cb.Histogram.from_counts(edges, counts, min=1.0, max=2.5, nan=2))
    assert (point.edges, point.counts, point.count) == (edges.tolist(), [1, 0, 2], 5)
    assert (point.min, point.max, point.mean, point.nan) == (1.0, 2.5, None, 2)


@pytest.mark.parametrize(
    ("histogram", "said"),
    [
        (lambda: cb.Histogram("words"), "want numbers: an array, a tensor or a list, got str"),
        (lambda: cb.Histogram(None), "want numbers.*NoneType"),
        (lambda: cb.Histogram(np.ones(3, complex)), r"got complex numbers of shape \(3,\); log their abs"),
        (lambda: cb.Histogram(np.array(["2020-01-01"], "datetime64[D]")), "want numbers"),
        (lambda: cb.Histogram([1.0], bins=0), "bins: want 1 to 4096, got 0"),
        (lambda: cb.Histogram([1.0], bins=5000), "bins: want 1 to 4096, got 5000"),
        (lambda: cb.Histogram([1.0], bins="auto"), "bins: want a number or edges, got 'auto'"),  # type: ignore[arg-type]
        (lambda: cb.Histogram([1.0], bins=[2.0, 1.0]), "each above the one before"),
        (lambda: cb.Histogram([1.0], range=(2, 1)), r"range: want two finite numbers.*\(2.0, 1.0\)"),
        (lambda: cb.Histogram([1.0], range=3), "range: want"),  # type: ignore[arg-type]
        (lambda: cb.Histogram.from_counts([0, 1, 2], [1, 2, 3]), "counts: want 2 whole numbers"),
        (lambda: cb.Histogram.from_counts([0, 1], [1.5]), "counts: want 1 whole numbers"),
        (lambda: cb.Histogram.from_counts([0, math.inf], [1]), "edges: want finite edges"),
        (lambda: cb.Histogram.from_counts([0, 1], [1], nan=-1), "want counts >= 0"),
    ],
)
def test_what_is_no_histogram_is_said_and_the_rest_is_kept(tmp_path: Path, histogram: Callable[[], Any], said: str) -> None:
    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning, match=f"'h': Histogram: .*{said}.*; left out"):
        run.log({"a": 1.0, "h": histogram()}, step=0)
    run.finish()
    assert histograms_in(Path(run.dir)) == []
    assert run.own_points()["a"].value.tolist() == [1.0]


@pytest.mark.torch
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2", "float32", "float64", "int64", "uint8", "bool"])
def test_torch_tensors_of_every_dtype_are_counted_exactly(keep: Kept, dtype: str) -> None:
    import torch

    tensor = (torch.randn(40, 30) * 4).to(getattr(torch, dtype))
    check_law(keep(cb.Histogram(tensor)), tensor.to(torch.float64).numpy(), 64)


@pytest.mark.torch
def test_a_parameter_and_odd_layouts_are_counted(keep: Kept) -> None:
    import torch

    weight = torch.nn.Parameter(torch.arange(12.0).reshape(3, 4).T)
    check_law(keep(cb.Histogram(weight)), np.arange(12.0), 64)


@pytest.mark.tensorflow
def test_tensorflow_tensors_and_variables_are_counted(keep: Kept, tmp_path: Path) -> None:
    import tensorflow as tf

    check_law(keep(cb.Histogram(tf.constant([1.0, 2.0, 5.0], tf.bfloat16))), np.array([1.0, 2.0, 5.0]), 64)
    variable = tf.Variable([1.0, 2.0])
    with cb.init(dir=tmp_path / "own") as run:
        run.log({"h": cb.Histogram(variable)})
        variable.assign([8.0, 9.0])
    (point,) = histograms_in(Path(run.dir))
    assert point.max == 2.0


@pytest.mark.torch
@settings(deadline=None, max_examples=60)
@given(st.lists(ARRAYS | FLOATS, min_size=1, max_size=5), st.integers(1, 70))
def test_what_is_counted_where_the_tensor_lies_is_what_numpy_counts(arrays: list[Any], bins: int) -> None:
    import torch

    from crossboard.loggers.media.spread_on_device import spreads_begun

    arrays = [array.astype(np.int64) if array.dtype == np.uint64 else array for array in arrays]
    spreads = spreads_begun([torch.from_numpy(array.copy()) for array in arrays], bins=bins).spreads()
    for array, spread in zip(arrays, spreads, strict=True):
        check_law(spread, array, bins)
        here = spread_of(array, bins)
        if array.dtype != np.int64:  # beyond 2**53 edges are rounded, each in its own way
            assert spread.edges == pytest.approx(here.edges, rel=1e-12, abs=1e-300)


@pytest.mark.torch
def test_large_tensors_and_small_ones_share_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from crossboard.loggers.media import spread_on_device

    monkeypatch.setattr(spread_on_device, "PAGE", 4 * spread_on_device.ROW)
    generator = torch.Generator().manual_seed(0)
    tensors = [torch.randn(size, generator=generator) for size in (1, 5000, 0, 511, 513, 2048, 3)]
    tensors[1][100] = math.nan
    for tensor, spread in zip(tensors, spread_on_device.spreads_begun(tensors).spreads(), strict=True):
        check_law(spread, tensor.numpy(), 64)


@pytest.mark.torch
def test_a_range_holds_where_the_tensor_lies() -> None:
    import torch

    from crossboard.loggers.media.spread_on_device import spreads_begun

    values = torch.tensor([-5.0, 0.0, 0.5, 1.0, 7.0, math.nan])
    (spread,) = spreads_begun([values], bins=2, range=(0.0, 1.0)).spreads()
    assert (spread.edges, spread.counts, spread.count, spread.min, spread.max) == ([0.0, 0.5, 1.0], [1, 2], 6, -5.0, 7.0)
