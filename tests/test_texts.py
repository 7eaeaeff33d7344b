"""Texts come back letter by letter, with their shape; what is too long or no text is said."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crossboard as cb
from crossboard.loggers.media.texts import MOST_BYTES, Text
from crossboard.store.errors import CrossboardWarning
from crossboard.store.records import TextPoint, decode_record, encode_record

LOGGED: Any = import_module("logged")


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


class Target:
    """Where a text goes in a test without a run."""

    tag, step, wall_time = "a", 3, 1.0

    def blob(self, data: bytes, *, extension: str, media_type: str) -> Any:
        raise AssertionError("texts need no blob")

    def warn(self, text: str, *, about: str) -> None:
        raise AssertionError(text)


@pytest.mark.parametrize(
    ("value", "texts", "shape"),
    [
        ("# Title\n\n- one", ["# Title\n\n- one"], []),
        ("", [""], []),
        ("größer: 漢字 🙂", ["größer: 漢字 🙂"], []),
        (b"bytes \xc3\xa4", ["bytes ä"], []),
        (["a", "b"], ["a", "b"], [2]),
        (("a", b"b"), ["a", "b"], [2]),
        ([["a", "b", "c"], ["d", "e", "f"]], ["a", "b", "c", "d", "e", "f"], [2, 3]),
        ([["a", "b"], ["c"]], ["a", "b", "c"], [3]),
        (np.array([["a", "bc"], ["d", "e"]]), ["a", "bc", "d", "e"], [2, 2]),
        (np.array([b"a", b"b"]), ["a", "b"], [2]),
        (np.array(["a", "b"], object), ["a", "b"], [2]),
        (np.array("alone"), ["alone"], []),
        (np.str_("alone"), ["alone"], []),
    ],
)
def test_texts_of_every_form(root: Path, value: Any, texts: list[str], shape: list[int]) -> None:
    point = LOGGED.log(root, {"a": cb.Text(value)}, step=4).point("a")
    assert (point.step, point.texts, point.shape, point.format) == (4, texts, shape, "markdown")


@pytest.mark.parametrize("form", ["markdown", "plain", "html"])
def test_the_format_is_kept(root: Path, form: str) -> None:
    assert LOGGED.log(root, {"a": cb.Text("<b>x</b>", format=form)}).point("a").format == form


@given(st.text(max_size=50) | st.lists(st.text(max_size=20), min_size=1, max_size=5))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_text_comes_back_from_the_record(value: Any) -> None:
    point = Text(value).take().encode(Target())
    assert isinstance(point, TextPoint)
    assert point.texts == ([value] if isinstance(value, str) else value)
    assert decode_record(encode_record(point), path="x", offset=0) == point


def test_lone_surrogates_are_stored_as_their_escape(root: Path) -> None:
    assert LOGGED.log(root, {"a": cb.Text("name \udc80")}).point("a").texts == ["name \\udc80"]


@pytest.mark.parametrize("letter", ["a", "ä", "漢", "🙂"])
def test_a_long_text_is_cut_between_two_characters_and_that_is_said(root: Path, letter: str) -> None:
    with pytest.warns(CrossboardWarning, match=r"a text of 1,100,000 characters is longer than 1 MiB; cut there"):
        [text] = LOGGED.log(root, {"a": cb.Text(letter * 1_100_000)}).point("a").texts
    assert set(text) == {letter}
    assert MOST_BYTES - 4 < len(text.encode()) <= MOST_BYTES


def test_a_text_of_just_the_limit_is_whole(root: Path) -> None:
    [text] = LOGGED.log(root, {"a": cb.Text("a" * MOST_BYTES)}).point("a").texts
    assert len(text) == MOST_BYTES


def test_how_many_of_several_texts_were_cut_is_said(root: Path) -> None:
    with pytest.warns(CrossboardWarning, match=r"1 of 2 texts are longer than 1 MiB"):
        texts = LOGGED.log(root, {"a": cb.Text(["short", "x" * (MOST_BYTES + 1)])}).point("a").texts
    assert [len(text) for text in texts] == [5, MOST_BYTES]


def test_log_text_is_the_same_in_plain_words(root: Path) -> None:
    with cb.init(dir=root, strict=True) as run:
        run.log_text("a", "hello", 2, format="plain")
    point = LOGGED.Logged(root).point("a")
    assert (point.texts, point.step, point.format) == (["hello"], 2, "plain")


def test_a_series_of_strings_of_pandas(root: Path) -> None:
    pandas: Any = pytest.importorskip("pandas", reason="pandas is not installed")
    assert LOGGED.log(root, {"a": cb.Text(pandas.Series(["x", "y"]))}).point("a").texts == ["x", "y"]


@pytest.mark.tensorflow
def test_tensorflow_strings(root: Path) -> None:
    code = (
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
        "import tensorflow as tf, crossboard as cb\n"
        f"run = cb.init(dir={str(root)!r}, strict=True)\n"
        "run.log({'one': cb.Text(tf.constant('größe')), 'many': cb.Text(tf.constant([['a', 'b'], ['c', 'd']]))})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr[-2000:]
    logged = LOGGED.Logged(root)
    assert logged.point("one").texts == ["größe"]
    assert (logged.point("many").texts, logged.point("many").shape) == (["a", "b", "c", "d"], [2, 2])
