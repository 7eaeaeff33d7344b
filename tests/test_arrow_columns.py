"""Arrow columns put together by hand: as pyarrow would make them, and without an import that other threads see half done."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.loggers.media.arrow import array_of, bytes_of, numbers_of, ready, texts_of

pyarrow = pytest.importorskip("pyarrow")

times = st.datetimes(min_value=datetime.datetime(1700, 1, 1), max_value=datetime.datetime(2200, 1, 1))
single = [
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.floats(allow_nan=False),
    st.one_of(st.floats(allow_nan=False), st.integers(-(1 << 53), 1 << 53)),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    times,
    st.dates(min_value=datetime.date(1700, 1, 1)),
    st.times(),
    st.timedeltas(min_value=datetime.timedelta(-100_000), max_value=datetime.timedelta(100_000)),
]


def optional(of: Any) -> Any:
    return st.one_of(st.none(), of)


def nested(of: Any) -> Any:
    return st.one_of(
        st.lists(optional(of), max_size=8),
        st.lists(optional(st.lists(optional(of), max_size=4)), max_size=8),
        st.lists(optional(st.dictionaries(st.sampled_from(["b", "a", "ü"]), optional(of), min_size=1, max_size=3)), max_size=8),
        st.lists(optional(st.dictionaries(st.sampled_from(["x"]), st.lists(of, max_size=3), min_size=1)), max_size=8),
    )


columns = st.one_of([nested(of) for of in single])


@settings(deadline=None)
@given(columns)
def test_values_of_one_type_become_what_pyarrow_makes_of_them(cells: list[Any]) -> None:
    made = array_of(cells)
    made.validate(full=True)
    want = pyarrow.array(cells)
    assert made.type == want.type
    assert made.to_pylist() == want.to_pylist()
    assert made.null_count == want.null_count


@settings(deadline=None)
@given(st.lists(st.one_of([optional(of) for of in single]), max_size=6))
def test_mixtures_are_refused_unless_pyarrow_takes_them_without_a_loss(cells: list[Any]) -> None:
    try:
        made = array_of(cells)
    except (TypeError, ValueError, OverflowError):
        return
    assert made.to_pylist() == pyarrow.array(cells).to_pylist()


@pytest.mark.parametrize(
    "cells",
    [
        [1 << 63, 5],
        [float("nan"), None, float("inf")],
        [decimal.Decimal("1.50"), None],
        [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), None],
        [[decimal.Decimal(1)], None],
        [{}, {"a": 1}],
    ],
    ids=str,
)
def test_rare_values_are_what_pyarrow_makes_of_them(cells: list[Any]) -> None:
    ready(cells)
    wide = pyarrow.uint64() if cells[0] == 1 << 63 else None
    assert str(array_of(cells)) == str(pyarrow.array(cells, wide))


@pytest.mark.parametrize(
    "cells", [[1, -1, 1 << 64], [True, 1], ["a", 1], [(1 << 53) + 1, 0.5], [[1], ["a"]], [[1], 1], [1 << 63, -1]], ids=str
)
def test_what_has_no_common_type_is_refused(cells: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        array_of(cells)


@pytest.mark.parametrize("dtype", ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
def test_numbers_of_every_dtype_are_what_pyarrow_makes_of_them(dtype: str) -> None:
    array = np.arange(11).astype(dtype)
    assert numbers_of(array).equals(pyarrow.array(array))
    assert numbers_of(array[:0]).equals(pyarrow.array(array[:0]))


@pytest.mark.parametrize("dtype", ["M8[s]", "M8[ms]", "M8[us]", "M8[ns]", "M8[D]", "m8[s]", "m8[ms]", "m8[us]", "m8[ns]"])
def test_times_of_every_unit_are_what_pyarrow_makes_of_them(dtype: str) -> None:
    array = np.array([0, 19_000, -5, "NaT"], dtype)
    assert numbers_of(array).equals(pyarrow.array(array))


@pytest.mark.parametrize("dtype", ["c16", "M8[h]", "m8[10s]", "g", "O"])
def test_a_dtype_that_arrow_has_not_is_refused(dtype: str) -> None:
    with pytest.raises(TypeError, match="Arrow has no type for"):
        numbers_of(np.zeros(2, dtype))


def test_text_that_is_no_utf8_stands_as_escapes() -> None:
    assert texts_of(["caf\udce9", None, "ü"]).to_pylist() == ["caf\\udce9", None, "ü"]
    assert bytes_of([b"\xff", None, b""]).to_pylist() == [b"\xff", None, b""]


PROGRAM = """
import datetime, decimal, sys, threading
import numpy as np
import crossboard as cb

elsewhere = []

def watch(event, args):
    if event == "import" and args[0] in ("pandas", "pyarrow") and threading.current_thread() is not threading.main_thread():
        elsewhere.append(args[0])

sys.addaudithook(watch)
run = cb.init(dir=sys.argv[1])
known = {
    "bool": [True, None], "int": [1, 2], "mixed": [1, "a"], "float": [1.5, None], "text": ["a", None], "bytes": [b"a", b""],
    "wide": [1 << 63, 1],
    "list": [[1], [2, 3]], "dict": [{"a": 1}, None], "when": [datetime.datetime(2024, 1, 1), None], "complex": [1j, 2j],
    "array": np.arange(2), "two": np.zeros((2, 2)), "times": np.array(["2024-01-01", "NaT"], "M8[D]"), "words": np.array(["a", "b"]),
    "picture": [cb.Image(np.zeros((2, 2), np.uint8)), None],
}
run.log_table("known", known)
run.log({"point": cb.Embedding(np.zeros((2, 3)), metadata=[["a", 1], ["b", 2]])})
run.log({"matrix": cb.ConfusionMatrix([0, 1], [0, 1]), "curve": cb.PRCurve([0, 1], [0.2, 0.8])})
with_pandas = "pandas" in sys.modules
run.log_table("rare", {"money": [decimal.Decimal(1), None], "zone": [datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc), None]})
run.finish()
print(with_pandas, elsewhere, run.dropped)
"""


def test_nothing_that_others_look_for_is_imported_in_the_helper_thread(tmp_path: Any) -> None:
    """Plotly looks for pandas in sys.modules, also while another thread is importing it, and then raises in training."""
    pytest.importorskip("pandas", reason="pandas is not installed, so nobody can see it half imported")
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == "False [] 0\n", done.stderr
