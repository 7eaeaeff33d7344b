"""Expressions over tags: what parses, what it is worth, and at which steps."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossboard.store.errors import BadQuery
from crossboard.store.expression import Applied, Node, Number, Pair, Tag, evaluate, joined, parse, tags_of
from crossboard.store.kinds import Points

NODES = st.recursive(
    st.one_of(st.floats(0, 1e6).map(Number), st.sampled_from(["a", "train/loss", "weird tag (1)", "log"]).map(Tag)),
    lambda inner: st.one_of(
        st.builds(Pair, st.sampled_from(["+", "-", "*", "/"]), inner, inner),
        st.builds(Applied, st.sampled_from(["-", "abs", "log", "sqrt"]), inner),
    ),
    max_leaves=12,
)


def written(node: Node) -> str:
    if isinstance(node, Number):
        return repr(node.value)
    if isinstance(node, Tag):
        return f"`{node.name}`"
    if isinstance(node, Applied):
        return f"{node.function}({written(node.of)})"
    return f"({written(node.left)} {node.sign} {written(node.right)})"


@given(NODES)
def test_what_is_written_is_what_is_parsed(node: Node) -> None:
    assert parse(written(node)) == node


@given(st.text(alphabet="ab/ `1.e+-*()log_:é\n", max_size=30))
def test_any_text_parses_or_is_refused_by_name(text: str) -> None:
    with contextlib.suppress(BadQuery):
        assert isinstance(parse(text), (Number, Tag, Applied, Pair))


def test_products_bind_tighter_and_everything_goes_from_left_to_right() -> None:
    assert evaluate(parse("2 + 3 * 4 - 10 / 4 / 5 - -1"), {}) == 2 + 12 - 0.5 + 1
    assert evaluate(parse("(2 + 3) * sqrt(abs(-16))"), {}) == 20


def test_a_slash_without_spaces_is_part_of_a_tag() -> None:
    assert parse("train/loss - val/loss") == Pair("-", Tag("train/loss"), Tag("val/loss"))
    assert parse("a / b") == Pair("/", Tag("a"), Tag("b"))
    assert tags_of(parse("log(x.y:0) + `my tag` + x.y:0")) == ["x.y:0", "my tag"]


@pytest.mark.parametrize(
    "text", ["", "a +", "(a", "a b", "a ** b", "__import__('os')", "a.b()", "a; b", "a if b else c", "`a", "-" * 99 + "a"]
)
def test_anything_else_is_refused_and_nothing_is_run(text: str) -> None:
    with pytest.raises(BadQuery, match="character"):
        parse(text)


def test_a_division_by_nothing_is_an_infinity_or_nan() -> None:
    found = evaluate(parse("a / b"), {"a": np.array([1.0, -1.0, 0.0]), "b": np.zeros(3)})
    assert np.array_equal(found, [math.inf, -math.inf, math.nan], equal_nan=True)


STEPS = st.lists(st.tuples(st.integers(-5, 5), st.floats(-100, 100)), max_size=12)


@given(STEPS, STEPS, STEPS)
def test_values_are_of_equal_steps_and_the_others_are_counted(
    left: list[tuple[int, float]], right: list[tuple[int, float]], third: list[tuple[int, float]]
) -> None:
    def points(pairs: list[tuple[int, float]]) -> Points:
        step = np.array([step for step, _ in pairs], np.int64)
        return Points(step, np.arange(len(pairs), dtype=np.float64), np.array([value for _, value in pairs], np.float64))

    found, unmatched = joined(parse("a - 2 * b"), {"a": points(left), "b": points(right)})
    a, b = dict(left), dict(right)  # the last that arrived counts
    shared = sorted(set(a) & set(b))
    assert found.step.tolist() == shared
    assert found.value.tolist() == pytest.approx([a[step] - 2 * b[step] for step in shared])
    assert unmatched == len(set(a) ^ set(b))
    found, unmatched = joined(parse("a + b + c"), {"a": points(left), "b": points(right), "c": points(third)})
    c = dict(third)
    assert found.step.tolist() == [step for step in shared if step in c]
    assert found.value.tolist() == pytest.approx([a[step] + b[step] + c[step] for step in shared if step in c])
    assert unmatched == len(set(a) | set(b) | set(c)) - len(found)
