"""Tensors: what is logged is what is read back, bit by bit, from every framework."""

from __future__ import annotations

import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

import crossboard as cb
from crossboard.store.kinds import Kind
from crossboard.store.records import InFile

Kept = import_module("reading_back").Kept


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return Kept(tmp_path / "runs")


NARROW = ["bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e4m3b11fnuz", "float8_e8m0fnu", "int4", "uint4"]


def read(kept: Any, record: Any = None) -> NDArray[Any]:
    """The array of the only record, of a dtype that NumPy or ml_dtypes has."""
    record = kept.one(Kind.TENSOR) if record is None else record
    narrow = record.dtype in NARROW
    dtype = np.dtype(getattr(pytest.importorskip("ml_dtypes"), record.dtype) if narrow else record.dtype)
    found: NDArray[Any] = kept.array(record.blob, dtype.newbyteorder("<") if dtype.kind in "iufcmM" else dtype, *record.shape)
    return found


def same(found: NDArray[Any], value: NDArray[Any]) -> None:
    assert (found.shape, found.dtype.name) == (value.shape, value.dtype.name)
    assert found.tobytes() == np.ascontiguousarray(value).tobytes()


NUMBERS = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_dtype_of_numpy_comes_back(kept: Any, dtype: str) -> None:
    value = np.arange(-3, 9).reshape(3, 4).astype(dtype)
    same(read(kept.log(cb.Tensor(value))), value)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "D"])
def test_times_come_back(kept: Any, unit: str) -> None:
    value = np.array(["2026-01-02", "NaT"], f"datetime64[{unit}]")
    found = read(kept.log(cb.Tensor(value)))
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize("name", NARROW)
def test_dtypes_that_numpy_lacks_keep_their_bits(kept: Any, name: str) -> None:
    value = np.array([0, 1, 2, 3, 4, 6], np.float32).reshape(2, 3).astype(getattr(pytest.importorskip("ml_dtypes"), name))
    same(read(kept.log(cb.Tensor(value))), value)


@given(
    st.lists(
        hnp.arrays(
            st.sampled_from([np.dtype(name) for name in ("<f8", ">f8", "<f2", ">i4", "u1", "?", "<c16")]),
            hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=25, deadline=None)
def test_any_array_comes_back(values: list[NDArray[Any]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        kept = Kept(Path(root)).log(*[cb.Tensor(value) for value in values])
        assert kept.said == []
        records = kept.all(Kind.TENSOR)
        assert len(records) == len(values)
        for record, value in zip(records, values, strict=True):
            same(read(kept, record), value.astype(value.dtype.newbyteorder("<")))


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1], np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1]),
        (np.asfortranarray(np.arange(6).reshape(2, 3)), np.arange(6).reshape(2, 3)),
        (np.broadcast_to(np.float32(3), (2, 2)), np.full((2, 2), 3, np.float32)),
        (np.float32(2.5), np.array(2.5, np.float32)),
        (7, np.array(7)),
        (2.5, np.array(2.5)),
        (1 + 2j, np.array(1 + 2j)),
        (True, np.array(True)),
        ([[1, 2], [3, 4]], np.array([[1, 2], [3, 4]])),
        ((1.5, 2.5), np.array([1.5, 2.5])),
        (range(3), np.arange(3)),
        ([np.float32(1), np.float32(2)], np.array([1, 2], np.float32)),
        (np.zeros((0, 3)), np.zeros((0, 3))),
        (np.array([np.nan, np.inf, -np.inf, -0.0]), np.array([np.nan, np.inf, -np.inf, -0.0])),
    ],
)
def test_every_form_of_numbers_is_taken(kept: Any, value: Any, want: NDArray[Any]) -> None:
    same(read(kept.log(cb.Tensor(value))), want)


@pytest.mark.parametrize(
    ("value", "items", "shape"),
    [
        (["a", "bé", ""], ["a", "bé", ""], [3]),
        ([["a", "b"], ["c", "d"]], ["a", "b", "c", "d"], [2, 2]),
        ([b"\xff\x00", b""], [b"\xff\x00", b""], [2]),
        (["a", None, 3, 2.5, True], ["a", None, 3, 2.5, True], [5]),
        (np.array(["x", "longer"]), ["x", "longer"], [2]),
        (np.array([b"x", b"yy"]), [b"x", b"yy"], [2]),
        (np.array("one"), ["one"], []),
        (np.array([["a"], ["b"]], dtype=object), ["a", "b"], [2, 1]),
        (np.array(["s"], dtype=np.dtypes.StringDType()) if hasattr(np.dtypes, "StringDType") else ["s"], ["s"], [1]),
    ],
)
def test_strings_come_back_as_they_were(kept: Any, value: Any, items: list[Any], shape: list[int]) -> None:
    record = kept.log(cb.Tensor(value)).one(Kind.TENSOR)
    assert (record.dtype, record.shape) == ("object", shape)
    assert msgspec.msgpack.decode(kept.bytes(record.blob)) == items


def test_a_series_of_pandas_is_an_array(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    kept.log(cb.Tensor(pandas.Series([1.5, 2.5])), cb.Tensor(pandas.Series(["a", "b"])))
    numbers, words = kept.all(Kind.TENSOR)
    assert (numbers.dtype, words.dtype) == ("float64", "object")
    assert msgspec.msgpack.decode(kept.bytes(words.blob)) == ["a", "b"]


def test_changes_after_the_call_are_not_seen(kept: Any) -> None:
    value, words = np.arange(5), np.array(["a", "b"], dtype=object)

    def change() -> None:
        value[:] = -1
        words[0] = "changed"

    kept.log(cb.Tensor(value), cb.Tensor(words), after=change)
    first, second = kept.all(Kind.TENSOR)
    assert kept.array(first.blob, "<i8", 5).tolist() == [0, 1, 2, 3, 4]
    assert msgspec.msgpack.decode(kept.bytes(second.blob)) == ["a", "b"]


def test_a_large_one_lies_in_a_file_and_equal_ones_lie_there_once(kept: Any) -> None:
    value = np.random.default_rng(0).normal(size=(100, 100))
    kept.log(cb.Tensor(value), cb.Tensor(value.copy()))
    first, second = kept.all(Kind.TENSOR)
    assert isinstance(first.blob, InFile)
    assert first.blob == second.blob
    same(read(kept, first), value)
    assert len(list(kept.root.rglob("media/*"))) == 1


def test_the_plain_twin_logs_the_same(kept: Any) -> None:
    with cb.init(dir=kept.root) as run:
        run.log_tensor("it", np.eye(2), step=0)
    same(read(kept), np.eye(2))


@pytest.mark.torch
class TestTorch:
    def test_every_dtype_keeps_its_bits(self, kept: Any) -> None:
        import torch

        source = torch.tensor([[0.0, 1.0, -2.0], [0.5, 448.0, -0.25]])
        names = [
            "float64",
            "float32",
            "float16",
            "bfloat16",
            "float8_e4m3fn",
            "float8_e5m2",
            "float8_e4m3fnuz",
            "complex64",
            "int8",
            "bool",
        ]
        kept.log(*[cb.Tensor(source.to(getattr(torch, name))) for name in names])
        assert kept.said == []
        for name, record in zip(names, kept.all(Kind.TENSOR), strict=True):
            assert (record.dtype, record.shape) == (name, [2, 3])
            want = source.to(getattr(torch, name))
            width = {1: torch.uint8, 2: torch.int16}.get(want.element_size())
            bits = want.view(width) if width is not None else want
            assert kept.bytes(record.blob) == bits.numpy().tobytes(), name

    def test_a_list_of_narrow_tensors_is_stacked(self, kept: Any) -> None:
        import torch

        record = kept.log(cb.Tensor([torch.tensor([1.0, 2.0]).bfloat16()] * 2)).one(Kind.TENSOR)
        assert (record.dtype, record.shape) == ("bfloat16", [2, 2])
        assert read(kept).astype(np.float32).tolist() == [[1.0, 2.0]] * 2

    def test_tensors_in_odd_states_are_kept_by_their_values(self, kept: Any) -> None:
        import torch

        base = torch.arange(6.0).reshape(2, 3)
        half = torch.tensor([1 + 2j], dtype=torch.complex64).to(torch.complex32)
        values = [
            base.clone().requires_grad_(),
            base.t(),
            base.t().bfloat16(),
            torch.tensor([1 + 2j]).conj(),
            torch.tensor([1 + 2j]).conj().imag,
            torch.quantize_per_tensor(base, 0.5, 0, torch.quint8),
            half,
            torch.nn.Parameter(torch.ones(2)),
            torch.tensor(2.5).bfloat16(),
        ]
        kept.log(*[cb.Tensor(value) for value in values])
        assert kept.said == []
        found = [read(kept, record).astype(np.complex128).tolist() for record in kept.all(Kind.TENSOR)]
        grid = [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        turned = [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
        assert found == [grid, turned, turned, [1 - 2j], [-2.0], grid, [1 + 2j], [1.0, 1.0], 2.5]

    def test_changes_in_place_after_the_call_are_not_seen(self, kept: Any) -> None:
        import torch

        value, narrow = torch.ones(3), torch.ones(3).bfloat16()
        kept.log(cb.Tensor(value), cb.Tensor(narrow), after=lambda: (value.zero_(), narrow.zero_()))
        assert [read(kept, record).astype(float).tolist() for record in kept.all(Kind.TENSOR)] == [[1.0] * 3] * 2

    @pytest.mark.parametrize("make", ["to_sparse", "to_sparse_csr", "meta", "narrow sparse"])
    def test_what_has_no_plain_values_is_left_out(self, kept: Any, make: str) -> None:
        import torch

        eye: Any = torch.eye(3)
        value = {
            "to_sparse": eye.to_sparse,
            "to_sparse_csr": eye.to_sparse_csr,
            "meta": lambda: eye.to("meta"),
            "narrow sparse": lambda: eye.bfloat16().to_sparse(),
        }[make]()
        kept.log(cb.Tensor(value))
        assert kept.kinds == []
        assert len(kept.said) == 1
        assert ("meta device" if make == "meta" else "sparse") in kept.said[0]


@pytest.mark.tensorflow
class TestTensorFlow:
    def test_tensors_variables_and_strings(self, kept: Any) -> None:
        import tensorflow as tf

        variable = tf.Variable([1.0, 2.0])
        narrow = tf.cast([1.0, -2.5], tf.bfloat16)
        tiny = tf.cast([1.0, 448.0], tf.dtypes.experimental.float8_e4m3fn)
        values = [tf.constant([[1, 2]]), variable, narrow, tf.Variable(narrow), tiny, tf.constant(["a", "b"]), tf.constant("one")]
        kept.log(*[cb.Tensor(value) for value in values], after=lambda: variable.assign([9.0, 9.0]))
        assert kept.said == []
        records = kept.all(Kind.TENSOR)
        assert [record.dtype for record in records] == ["int32", "float32", "bfloat16", "bfloat16", "float8_e4m3fn", "object", "object"]
        numbers = [read(kept, record).astype(float).tolist() for record in records[:5]]
        assert numbers == [[[1.0, 2.0]], [1.0, 2.0], [1.0, -2.5], [1.0, -2.5], [1.0, 448.0]]
        assert [msgspec.msgpack.decode(kept.bytes(record.blob)) for record in records[5:]] == [[b"a", b"b"], [b"one"]]
        assert [record.shape for record in records[5:]] == [[2], []]

    @pytest.mark.parametrize("what", ["ragged", "sparse"])
    def test_ragged_and_sparse_ones_are_left_out(self, kept: Any, what: str) -> None:
        import tensorflow as tf

        value = tf.ragged.constant([[1], [2, 3]]) if what == "ragged" else tf.sparse.from_dense([[0, 1]])
        kept.log(cb.Tensor(value))
        assert kept.kinds == []
        assert len(kept.said) == 1
        assert "Tensor: want an array of numbers" in kept.said[0]
