"""Odd inputs: each is kept, or said at the user's line and left out, or raised under strict; a number beside it is always kept.

The rows stand in odd_inputs_*.py, one list for each family of kinds.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.store.errors import CrossboardWarning

HERE = Path(__file__).resolve().parent
EXPECTED = ("kept", "said", "refused", "refused late")


LOGGED: Any = import_module("logged")
TABLES = [import_module(path.stem) for path in sorted(HERE.glob("odd_inputs_*.py"))]
ROWS = [(*row, "")[:6] for table in TABLES for row in table.ROWS]


def parameters() -> list[Any]:
    marks = {"torch": [pytest.mark.torch], "tensorflow": [pytest.mark.tensorflow], "": []}
    for module in ("pandas", "polars"):
        marks[module] = [pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")]
    return [pytest.param(*row[:5], id=f"{row[0] or 'bare'}: {row[1]}", marks=marks[row[5]]) for row in ROWS]


def test_the_table_is_long_and_every_row_is_of_its_own() -> None:
    names = [(kind, odd) for kind, odd, *_ in ROWS]
    assert len(names) >= 150
    assert len(set(names)) == len(names)
    assert {row[3] for row in ROWS} == set(EXPECTED)


def logged_with(root: Path, kind: str, value: Any, options: dict[str, Any], *, strict: bool) -> tuple[list[Any], Any]:
    """The warnings of one call that logs the value between two numbers, and what it raised."""
    harmless.forget_said()
    raised = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", CrossboardWarning)
        run = cb.init(dir=root, strict=strict)
        try:
            made = getattr(cb, kind)(value, **options) if kind else value
            run.log({"before": 1.0, "odd": made, "after": 2.0}, step=3)
        except TypeError as error:
            raised = error
        run.finish()
    return [one for one in caught if issubclass(one.category, CrossboardWarning)], raised


@pytest.mark.parametrize(("kind", "odd", "make", "expected", "text"), parameters())
def test_odd(tmp_path: Path, kind: str, odd: str, make: Any, expected: str, text: str) -> None:
    value, options = make()
    said, raised = logged_with(tmp_path / "calm", kind, value, options, strict=False)
    assert raised is None
    for one in said:
        assert one.filename == __file__, "at the line that logged it"
        assert re.search(text, str(one.message), re.DOTALL), str(one.message)
    assert len(said) == (0 if expected == "kept" else 1), [str(one.message) for one in said]
    calm = LOGGED.Logged(tmp_path / "calm")
    assert (calm.numbers("before"), calm.numbers("after")) == ([1.0], [2.0])
    kept = 1 if expected in ("kept", "said") else 0
    assert len(calm.points("odd")) == kept
    assert all(point.step == 3 for point in calm.points("odd"))

    value, options = make()
    said, raised = logged_with(tmp_path / "strict", kind, value, options, strict=True)
    strict = LOGGED.Logged(tmp_path / "strict")
    assert (strict.numbers("before"), strict.numbers("after")) == ([1.0], [2.0])
    assert len(strict.points("odd")) == kept
    if expected == "refused":
        assert raised is not None
        assert re.search(text, str(raised), re.DOTALL), str(raised)
        assert "'odd'" in str(raised)
        assert not said
    else:
        assert raised is None
        assert len(said) == (0 if expected == "kept" else 1)


def test_the_line_is_the_users_own(tmp_path: Path) -> None:
    harmless.forget_said()
    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning) as caught:
        run.log({"a": cb.Image(None)})
    line = sys._getframe().f_lineno - 1
    assert [(one.filename, one.lineno) for one in caught] == [(__file__, line)]
    run.finish()
