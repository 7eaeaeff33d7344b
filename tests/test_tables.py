"""Tables: every form of rows and columns comes back cell by cell, pictures and sounds in cells too."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import math
import tempfile
import uuid
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.kinds import Kind
from crossboard.store.records import Blob, Clip, InFile, Picture
from crossboard.store.verify import verify

Kept = import_module("reading_back").Kept


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return Kept(tmp_path / "runs")


Row = collections.namedtuple("Row", ["name", "n"])


@dataclasses.dataclass
class Sample:
    name: str
    n: int


class Color(enum.Enum):
    RED = "red"
    BLUE = 2


class Odd:
    def __str__(self) -> str:
        return "odd"


def cells(kept: Any, record: Any = None) -> dict[str, list[Any]]:
    """Column -> cells of the only table."""
    record = kept.one(Kind.TABLE) if record is None else record
    table = kept.arrow(record.blob)
    assert (table.column_names, table.num_rows) == (record.columns, record.rows)
    found: dict[str, list[Any]] = table.to_pydict()
    return found


TWO = {"name": ["a", "b"], "n": [1, 2]}


@pytest.mark.parametrize(
    ("data", "columns", "want"),
    [
        (TWO, None, TWO),
        ({"n": np.array([1, 2]), "name": ("a", "b")}, None, {"n": [1, 2], "name": ["a", "b"]}),
        (TWO, ["n"], {"n": [1, 2]}),
        (TWO, ["n", "name"], {"n": [1, 2], "name": ["a", "b"]}),
        ({"loss": 0.5, "name": "a"}, None, {"loss": [0.5], "name": ["a"]}),
        ([{"name": "a", "n": 1}, {"n": 2, "more": True}], None, {"name": ["a", None], "n": [1, 2], "more": [None, True]}),
        ([Row("a", 1), Row("b", 2)], None, TWO),
        ([Sample("a", 1), Sample("b", 2)], None, TWO),
        ([["a", 1], ("b", 2)], ["name", "n"], TWO),
        ([["a", 1], ["b", 2]], None, {"0": ["a", "b"], "1": [1, 2]}),
        ([[1, 2], np.array([3, 4])], None, {"0": [1, 3], "1": [2, 4]}),
        ([np.array([1.5, 2]), np.array([3, 4.5])], ["x", "y"], {"x": [1.5, 3], "y": [2, 4.5]}),
        (["a", "b"], None, {"value": ["a", "b"]}),
        (["a", "b"], ["name"], {"name": ["a", "b"]}),
        ([None, "b"], None, {"value": [None, "b"]}),
        (np.array([[1, 2, 3], [4, 5, 6]]), None, {"0": [1, 4], "1": [2, 5], "2": [3, 6]}),
        (np.array([[1, 2, 3], [4, 5, 6]]).T, ["x", "y"], {"x": [1, 2, 3], "y": [4, 5, 6]}),
        (np.array([1.5, 2.5]), None, {"value": [1.5, 2.5]}),
        (np.array([["a", "b"], ["c", "d"]]), ["x", "y"], {"x": ["a", "c"], "y": ["b", "d"]}),
        (np.array([("a", 1), ("b", 2)], [("name", "U4"), ("n", "i4")]), None, TWO),
        (np.array([("a", 1), ("b", 2)], [("name", "U4"), ("n", "i4")]), ["n"], {"n": [1, 2]}),
        ({"v": np.array([[1, 2], [3, 4]])}, None, {"v": [[1, 2], [3, 4]]}),
        ([], ["name", "n"], {"name": [], "n": []}),
        (np.zeros((0, 2)), None, {"0": [], "1": []}),
        ([[1, 2]], ["x", "x"], {"x": [1], "x (2)": [2]}),
        ({1: [1], "1": [2]}, None, {"1": [1], "1 (2)": [2]}),
    ],
)
def test_every_form_of_a_table_is_taken(kept: Any, data: Any, columns: Any, want: dict[str, list[Any]]) -> None:
    found = cells(kept.log(cb.Table(data, columns)))
    assert found == want
    assert list(found) == list(want)


@pytest.mark.parametrize(
    "column",
    [
        [1, None, -(2**63)],
        [2**64 - 1, 0],
        [1.5, None, 2],
        [True, None, False],
        ["é", None, ""],
        [b"\xff", None, b""],
        [datetime.datetime(2026, 1, 2, 3, 4, 5, 6), None],
        [datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)],
        [datetime.date(2026, 1, 2), None],
        [datetime.time(1, 2, 3)],
        [datetime.timedelta(days=1, microseconds=5)],
        [decimal.Decimal("1.25"), None],
        [[1, 2], [], None],
        [["a", None]],
        [{"a": 1, "b": None}, {"a": 2, "b": "x"}],
        [None, None],
    ],
)
def test_cells_come_back_as_they_were(kept: Any, column: list[Any]) -> None:
    assert cells(kept.log(cb.Table({"c": column}))) == {"c": column}


@pytest.mark.parametrize("dtype", ["?", "i1", "i8", "u8", "f2", "f4", "f8", ">f4", "M8[s]", "M8[ns]", "m8[ms]"])
def test_columns_of_arrays_keep_their_type(kept: Any, dtype: str) -> None:
    value = np.array([0, 1, 1]).astype(dtype)
    table = kept.arrow(kept.log(cb.Table({"c": value})).one(Kind.TABLE).blob)
    found = table["c"].to_numpy()
    assert found.dtype == value.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, value)


def test_nan_stays_nan_and_none_is_an_empty_cell(kept: Any) -> None:
    found = cells(kept.log(cb.Table({"a": [1.0, math.nan, None, math.inf], "b": np.array([1.0, np.nan, 2.0, -np.inf])})))
    assert [found["a"][0], found["a"][2], found["a"][3]] == [1.0, None, math.inf]
    assert math.isnan(found["a"][1])
    assert math.isnan(found["b"][1])


@pytest.mark.parametrize(
    ("column", "want"),
    [
        ([np.float32(0.5), np.int8(3)], [0.5, 3]),
        ([np.array([1, 2]), np.array([3])], [[1, 2], [3]]),
        ([np.str_("a"), np.bool_(True).item()], None),
        ([np.datetime64("2026-01-02"), np.datetime64("NaT")], [datetime.datetime(2026, 1, 2), None]),
        ([Color.RED, Color.BLUE], ["red", "Color.BLUE"]),
        ([uuid.UUID(int=1)], ["00000000-0000-0000-0000-000000000001"]),
        ([Path("a/b")], ["a/b"]),
        ([1 + 2j], ["(1+2j)"]),
        ([{1, 2}], [[1, 2]]),
        ([(1, 2)], [[1, 2]]),
        ([{1: np.float64(0.5)}], [{"1": 0.5}]),
    ],
)
def test_cells_of_other_types_become_the_nearest_plain_ones(kept: Any, column: list[Any], want: list[Any] | None) -> None:
    if want is None:
        kept.log(cb.Table({"c": column}))
        assert kept.said == ["log: 'it': Table: column 'c': cells of no common type that Arrow has (bool, str) are kept as their text"]
        assert cells(kept, kept.all(Kind.TABLE)[0]) == {"c": ["a", "True"]}
    else:
        assert cells(kept.log(cb.Table({"c": column}))) == {"c": want}


@pytest.mark.parametrize(
    ("column", "want", "said"),
    [
        ([1, "a", None], ["1", "a", None], "cells of no common type that Arrow has (int, str) are kept as their text"),
        ([2**70, 1], [str(2**70), "1"], "cells of no common type that Arrow has (int) are kept as their text"),
        (np.array([1j]), ["1j"], "cells of no common type that Arrow has (complex) are kept as their text"),
        ([Odd(), 1], ["odd", "1"], None),
    ],
)
def test_columns_without_a_common_type_are_kept_as_text_and_said(kept: Any, column: Any, want: list[Any], said: str | None) -> None:
    kept.log(cb.Table({"c": column, "fine": [0] * len(want)}))
    if said is None:
        assert "cells of type " in kept.said[0]
        assert "Odd are kept as their text" in kept.said[0]
    else:
        assert kept.said == [f"log: 'it': Table: column 'c': {said}"]
    assert cells(kept, kept.all(Kind.TABLE)[0]) == {"c": want, "fine": [0] * len(want)}


TEXT = st.text().filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))
COLUMNS = st.one_of(
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
    st.lists(st.none() | st.floats(allow_nan=False), min_size=4, max_size=4),
    st.lists(st.none() | TEXT, min_size=4, max_size=4),
    st.lists(st.none() | st.binary(), min_size=4, max_size=4),
    st.lists(st.none() | st.booleans(), min_size=4, max_size=4),
    st.lists(st.none() | st.lists(st.none() | st.integers(-9, 9)), min_size=4, max_size=4),
)


@given(
    st.lists(
        st.dictionaries(TEXT, COLUMNS, min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=25, deadline=None)
def test_any_table_of_plain_columns_comes_back(tables: list[dict[str, list[Any]]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        kept = Kept(Path(root)).log(*map(cb.Table, tables))
        assert kept.said == []
        assert [cells(kept, record) for record in kept.all(Kind.TABLE)] == tables


# ---------------------------------------------------------------------------------------------------------- frames


def test_a_frame_of_pandas_comes_back(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    when = pandas.Timestamp("2026-01-02", tz="UTC")
    frame = pandas.DataFrame(
        {
            "i": [1, 2],
            "f": [0.5, math.nan],
            "s": ["a", None],
            "b": [True, False],
            "c": pandas.Categorical(["x", "y"]),
            "t": [when, when],
            "n": pandas.array([1, None], dtype="Int64"),
            "o": [[1, 2], {"a": 1}.get("b")],
        }
    )
    found = cells(kept.log(cb.Table(frame)))
    assert math.isnan(found["f"].pop())
    assert found == {
        "i": [1, 2],
        "f": [0.5],
        "s": ["a", None],
        "b": [True, False],
        "c": ["x", "y"],
        "t": [when, when],
        "n": [1, None],
        "o": [[1, 2], None],
    }


def test_an_index_with_a_name_or_words_is_a_column(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2, 3]})
    named = frame.set_index(pandas.Index([7, 8, 9], name="epoch"))
    words = frame.set_index(pandas.Index(["a", "b", "c"]))
    levels = frame.set_index(pandas.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["k", None]))
    kept.log(cb.Table(frame[frame.n > 1]), cb.Table(named), cb.Table(words), cb.Table(levels))
    assert kept.said == []
    found = [cells(kept, record) for record in kept.all(Kind.TABLE)]
    assert found == [
        {"n": [2, 3]},
        {"epoch": [7, 8, 9], "n": [1, 2, 3]},
        {"index": ["a", "b", "c"], "n": [1, 2, 3]},
        {"k": ["a", "a", "b"], "index": [1, 2, 1], "n": [1, 2, 3]},
    ]


def test_odd_columns_of_pandas_are_kept(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, 2, 3]], columns=["a", "a", ("b", 1)])
    frame["mixed"] = pandas.Series([Odd()], dtype=object)
    frame["period"] = pandas.PeriodIndex(["2026-01"], freq="M")
    kept.log(cb.Table(frame))
    (record,) = kept.all(Kind.TABLE)
    found = cells(kept, record)
    assert {name: found[name] for name in ("a", "a (2)", "b/1", "mixed")} == {"a": [1], "a (2)": [2], "b/1": [3], "mixed": ["odd"]}
    assert record.columns[-1] == "period"


def test_a_frame_of_polars_comes_back(kept: Any) -> None:
    polars = pytest.importorskip("polars")
    data = {"i": [1, None], "f": [0.5, 2.5], "s": ["a", None], "l": [[1], [2, 3]], "d": [datetime.date(2026, 1, 2)] * 2}
    frame = polars.DataFrame(data).with_columns(polars.Series("c", ["x", "y"], dtype=polars.Categorical))

    def change() -> None:
        frame[0, "f"] = 9.0

    assert cells(kept.log(cb.Table(frame), after=change)) == {**data, "c": ["x", "y"]}


def test_series_of_pandas_and_polars_are_one_column(kept: Any) -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    kept.log(cb.Table(pandas.Series([1, 2], name="n")), cb.Table(pandas.Series(["a"])), cb.Table(polars.Series("p", [1.5])))
    assert [cells(kept, record) for record in kept.all(Kind.TABLE)] == [{"n": [1, 2]}, {"value": ["a"]}, {"p": [1.5]}]


def test_tables_of_arrow_come_back(kept: Any) -> None:
    import pyarrow

    table = pyarrow.table({"a": [1, None], "b": pyarrow.array(["x", "y"]).dictionary_encode()})

    class Offers:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return table.__arrow_c_stream__(requested_schema)

    values = [table, table.to_batches()[0], Offers(), table["a"], {"a": table["a"], "b": ["x", "y"]}]
    kept.log(*map(cb.Table, values))
    assert kept.said == []
    want = {"a": [1, None], "b": ["x", "y"]}
    assert [cells(kept, record) for record in kept.all(Kind.TABLE)] == [want, want, want, {"value": [1, None]}, want]


def test_changes_after_the_call_are_not_seen(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    array, rows, inner = np.zeros((2, 2)), [{"a": 0}], {"a": [[0]]}
    frame = pandas.DataFrame({"n": [0, 0], "o": pandas.Series([[0], [0]], dtype=object)})

    def change() -> None:
        array[:] = 9
        rows[0]["a"] = 9
        inner["a"][0][0] = 9
        frame.loc[:, "n"] = 9
        frame["o"][0][0] = 9

    kept.log(*map(cb.Table, (array, rows, inner, frame)), after=change)
    found = [cells(kept, record) for record in kept.all(Kind.TABLE)]
    assert found == [{"0": [0, 0], "1": [0, 0]}, {"a": [0]}, {"a": [[0]]}, {"n": [0, 0], "o": [[0], [0]]}]


def test_a_large_table_is_packed_and_equal_ones_lie_there_once(kept: Any) -> None:
    data = {"n": np.arange(200_000), "s": ["word"] * 200_000}
    kept.log(cb.Table(data), cb.Table(data))
    first, second = kept.all(Kind.TABLE)
    assert isinstance(first.blob, InFile)
    assert first.blob == second.blob
    assert first.blob.size < 1_000_000
    assert cells(kept, first)["n"][-1] == 199_999


@pytest.mark.torch
def test_tensors_are_tables_columns_and_cells(kept: Any) -> None:
    import torch

    narrow = torch.tensor([[1.5, 2.0], [3.0, 4.0]], dtype=torch.bfloat16, requires_grad=True)
    mixed = [["a", torch.tensor(0.5)], ["b", torch.tensor(1.5)]]
    values = [narrow, {"n": torch.arange(2), "v": torch.eye(2)}, mixed, list(torch.eye(2)), [[1, torch.tensor([1, 2])]]]
    kept.log(*map(cb.Table, values), after=lambda: narrow.detach().zero_())
    assert kept.said == []
    assert [cells(kept, record) for record in kept.all(Kind.TABLE)] == [
        {"0": [1.5, 3.0], "1": [2.0, 4.0]},
        {"n": [0, 1], "v": [[1, 0], [0, 1]]},
        {"0": ["a", "b"], "1": [0.5, 1.5]},
        {"0": [1, 0], "1": [0, 1]},
        {"0": [1], "1": [[1, 2]]},
    ]


# ----------------------------------------------------------------------------------------------------------- media


def blobs(column: list[Any]) -> list[Any]:
    return [None if one is None else msgspec.msgpack.decode(one, type=Blob) for one in column]


def test_pictures_in_cells_come_back_and_are_found(kept: Any) -> None:
    from PIL import Image

    large = np.random.default_rng(0).integers(0, 256, (80, 80, 3), np.uint8)
    data = [[1, cb.Image(large)], [2, None], [3, Image.new("RGB", (2, 2), "red")]]
    record = kept.log(cb.Table(data, ["n", "picture"])).one(Kind.TABLE)
    assert record.media == {"picture": "image"}
    first, none, last = blobs(cells(kept)["picture"])
    assert kept.pixels(first).tolist() == large.tolist()
    assert none is None
    assert kept.pixels(last).tolist() == [[[255, 0, 0]] * 2] * 2
    assert record.files == [first]
    reports = list(verify(kept.root))
    assert any(report.path.endswith(f"{first.sha256}.png") and report.records == 1 for report in reports)


def test_what_is_told_of_a_picture_stays_with_it(kept: Any) -> None:
    large = np.random.default_rng(0).integers(0, 256, (80, 80), np.uint8)
    told = cb.Image(large, caption="a cat", boxes=[[1, 2, 3, 4]], masks=large)
    record = kept.log(cb.Table({"c": [told, cb.Image(large)], "s": [cb.Audio([0.0] * 9, sample_rate=8000, caption="meow"), None]})).one(
        Kind.TABLE
    )
    assert record.media == {"c": "image", "s": "audio"}
    found = cells(kept)
    picture = msgspec.msgpack.decode(found["c"][0], type=Picture)
    (plain,) = blobs(found["c"][1:])
    assert (picture.caption, picture.blob, len(picture.masks)) == ("a cat", plain, 1)
    assert [(box.left, box.top, box.width, box.height) for box in picture.boxes] == [(1, 2, 2, 2)]
    assert kept.pixels(picture.masks[0].blob).tolist() == large.tolist()
    assert set(record.files) == {plain, picture.masks[0].blob}
    assert msgspec.msgpack.decode(found["s"][0], type=Clip).caption == "meow"


def test_sounds_figures_and_texts_in_cells(kept: Any) -> None:
    data = {
        "sound": [cb.Audio(np.zeros(100, np.float32), sample_rate=8000)],
        "figure": [cb.Figure([{"y": [1, 2]}])],
        "text": [cb.Text("words")],
    }
    record = kept.log(cb.Table(data)).one(Kind.TABLE)
    assert record.media == {"sound": "audio", "figure": "figure"}
    found = cells(kept)
    assert found["text"] == ["words"]
    assert kept.bytes(blobs(found["sound"])[0])[:4] == b"RIFF"
    assert kept.bytes(blobs(found["figure"])[0]) == b'{"data":[{"y":[1,2]}]}'


def test_what_a_cell_cannot_hold_is_left_empty_and_said(kept: Any) -> None:
    grey = np.zeros((4, 4), np.uint8)
    column = [cb.Image(grey), cb.Image("nowhere.png"), "words", cb.Histogram([1.0, 2.0]), cb.Image(grey, caption="a")]
    kept.log(cb.Table({"c": column}))
    (record,) = kept.all(Kind.TABLE)
    assert [one is not None for one in cells(kept, record)["c"]] == [True, False, False, False, True]
    cell, beside = sorted(kept.said)
    assert beside == "log: 'it': Table: column 'c': 1 cell beside those of kind image left empty; one kind a column"
    assert cell.startswith("log: 'it': Table: column 'c', row 1: Image: want an image")
    assert cell.endswith("; the cell is left empty (and 1 more cell)")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: cb.Histogram([1.0, 2.0]),
            "row 0: want an Image, Audio, Video, Figure or Text in a cell, got a histogram; the cell is left empty",
        ),
        (lambda: cb.Images([np.zeros((4, 4), np.uint8)] * 2), "row 0: all images but the first cannot be kept in a cell; left out"),
    ],
)
def test_what_of_a_cell_is_lost_is_said(kept: Any, make: Any, said: str) -> None:
    kept.log(cb.Table({"c": [make()]}))
    assert kept.said == [f"log: 'it': Table: column 'c', {said}"]


def test_a_picture_as_an_array_is_pointed_to_the_image(kept: Any) -> None:
    kept.log(cb.Table([[1, np.zeros((100, 100, 3))]]))
    want = "column '1', row 0: want at most 4,096 numbers in a cell, got shape (100, 100, 3); wrap pictures in crossboard.Image"
    assert kept.said == [f"log: 'it': Table: {want}; the cell is left empty"]
    assert cells(kept, kept.all(Kind.TABLE)[0]) == {"0": [1], "1": [None]}


def test_a_bare_frame_is_known_by_its_type(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    assert cells(kept.log(pandas.DataFrame(TWO))) == TWO


def test_a_column_of_objects_of_polars_is_read_cell_by_cell(kept: Any) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [1], "o": polars.Series([uuid.UUID(int=1)], dtype=polars.Object)})
    assert cells(kept.log(cb.Table(frame))) == {"n": [1], "o": ["00000000-0000-0000-0000-000000000001"]}


def test_the_plain_twin_logs_the_same(kept: Any) -> None:
    with cb.init(dir=kept.root) as run:
        run.log_table("it", [["a", 1], ["b", 2]], step=0, columns=["name", "n"])
    assert cells(kept) == TWO
