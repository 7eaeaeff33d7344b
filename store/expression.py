"""Expressions over tags, as ``train/loss - val/loss``: their grammar, and their values at exactly equal steps.

Nothing is evaluated as code.

    sum     := product (("+" | "-") product)*
    product := sign (("*" | "/") sign)*
    sign    := "-" sign | value
    value   := NUMBER | "abs" "(" sum ")" | "log" "(" sum ")" | "sqrt" "(" sum ")" | "(" sum ")" | tag
    tag     := NAME | "`" any text but a backquote "`"

A NAME begins with a letter or "_" and holds letters, digits, "_", ".", ":" and "/", the last where a letter, digit or "_" stands on both
sides without a space: ``train/loss`` is a tag, ``a / b`` a quotient. Any other tag goes into backquotes. Numbers are decimal, with a
fraction and an exponent if need be. ``log`` is the natural logarithm.

Values follow IEEE 754: a division by 0 gives an infinity or NaN, a logarithm or root of what has none gives NaN; both are
drawn as what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Union

import numpy as np

from .errors import BadQuery
from .kinds import F64, I64, Points

MAX_LENGTH: Final = 1000
MAX_DEPTH: Final = 50
FUNCTIONS: Final[Mapping[str, Callable[[F64], F64]]] = {"abs": np.abs, "log": np.log, "sqrt": np.sqrt}
_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
      | `(?P<quoted>[^`]+)`
      | (?P<name>[^\W\d][\w.:]*(?:/[\w][\w.:]*)*)
      | (?P<sign>[-+*/()])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that was written."""

    value: float


@dataclass(frozen=True, slots=True)
class Tag:
    """The value of a tag."""

    name: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of one value: "abs", "log", "sqrt", or "-", its negative."""

    function: str
    of: Node


@dataclass(frozen=True, slots=True)
class Pair:
    """Two values joined by "+", "-", "*" or "/"."""

    sign: str
    left: Node
    right: Node


Node = Union[Number, Tag, Applied, Pair]  # noqa: UP007 - names below are not known yet on Python 3.10


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str, int]] = []
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise self.refused(f"{text[at]!r} begins nothing that is known", at)
            assert found.lastgroup is not None
            self.tokens.append((found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()
        self.place = 0
        self.depth = 0

    def refused(self, what: str, at: int) -> BadQuery:
        return BadQuery(
            f"expression {self.text!r:.200}: {what}, at character {at + 1}; want numbers, tags (in backquotes where they hold other "
            "signs), + - * / ( ), abs, log or sqrt, as in train/loss - val/loss"
        )

    def peek(self) -> tuple[str, str, int]:
        return self.tokens[self.place] if self.place < len(self.tokens) else ("end", "", len(self.text))

    def take(self) -> tuple[str, str, int]:
        token = self.peek()
        self.place += 1
        return token

    def whole(self) -> Node:
        node = self.sum()
        kind, text, at = self.peek()
        if kind != "end":
            raise self.refused(f"{text!r} stands where an operator or the end was wanted", at)
        return node

    def sum(self) -> Node:
        node = self.product()
        while self.peek()[:2] in (("sign", "+"), ("sign", "-")):
            node = Pair(self.take()[1], node, self.product())
        return node

    def product(self) -> Node:
        node = self.sign()
        while self.peek()[:2] in (("sign", "*"), ("sign", "/")):
            node = Pair(self.take()[1], node, self.sign())
        return node

    def sign(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refused(f"more than {MAX_DEPTH} levels", self.peek()[2])
        if self.peek()[:2] == ("sign", "-"):
            self.take()
            node: Node = Applied("-", self.sign())
        else:
            node = self.value()
        self.depth -= 1
        return node

    def value(self) -> Node:
        kind, text, at = self.take()
        if kind == "number":
            return Number(float(text))
        if kind == "quoted":
            return Tag(text)
        if kind == "name":
            if text in FUNCTIONS and self.peek()[:2] == ("sign", "("):
                return Applied(text, self.value())
            return Tag(text)
        if (kind, text) == ("sign", "("):
            node = self.sum()
            kind, text, at = self.take()
            if (kind, text) != ("sign", ")"):
                raise self.refused(f"{text!r} stands where ')' was wanted" if text else "')' is missing", at)
            return node
        raise self.refused(f"{text!r} stands where a value was wanted" if text else "a value is missing", at)


def parse(text: str) -> Node:
    """Parse `text`. Raises BadQuery, which names the character, for anything that is no expression, is longer than 1,000 characters, or
    nests deeper than 50."""
    if len(text) > MAX_LENGTH:
        raise BadQuery(f"expression of {len(text)} characters: want at most {MAX_LENGTH}; shorten it")
    return _Parser(text).whole()


def tags_of(node: Node) -> list[str]:
    """The tags in `node`, each once, in order."""
    if isinstance(node, Tag):
        return [node.name]
    if isinstance(node, Applied):
        return tags_of(node.of)
    if isinstance(node, Pair):
        return list(dict.fromkeys([*tags_of(node.left), *tags_of(node.right)]))
    return []


def evaluate(node: Node, values: Mapping[str, F64]) -> F64 | float:
    """The value of `node`; `values` gives each tag's values, float64, all of one length."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Tag):
        return values[node.name]
    with np.errstate(all="ignore"):
        if isinstance(node, Applied):
            of = np.asarray(evaluate(node.of, values), np.float64)
            return -of if node.function == "-" else FUNCTIONS[node.function](of)
        left, right = (np.asarray(evaluate(one, values), np.float64) for one in (node.left, node.right))
        if node.sign == "+":
            return left + right
        if node.sign == "-":
            return left - right
        return left * right if node.sign == "*" else left / right


def joined(node: Node, points: Mapping[str, Points]) -> tuple[Points, int]:
    """The values of `node` at the steps that every tag has, ascending, and how many steps only some of the tags have.

    points: of each tag of `node`. A step that was logged several times counts with what arrived last; the wall time of a value is
    the latest of those that it was made of.
    """
    tags = tags_of(node)
    last = [_last_of_each_step(points[tag]) for tag in tags]
    shared: I64 = last[0].step
    unmatched = 0
    if not all(np.array_equal(one.step, shared) for one in last[1:]):  # mostly all tags are logged in one call, and nothing is to be sought
        for one in last[1:]:
            shared = shared[_among(shared, one.step)]
        if len(last) == 2:
            unmatched = len(last[0]) + len(last[1]) - 2 * len(shared)
        else:
            unmatched = len(np.unique(np.concatenate([one.step for one in last]))) - len(shared)
        last = [one if len(one) == len(shared) else one[np.searchsorted(one.step, shared)] for one in last]
    wall = last[0].wall_time if len(last) == 1 else np.maximum.reduce([one.wall_time for one in last])
    value = np.broadcast_to(
        np.asarray(evaluate(node, {tag: one.value for tag, one in zip(tags, last, strict=True)}), np.float64), shared.shape
    )
    return Points(shared, np.array(wall, np.float64), np.array(value)), unmatched


def _among(steps: I64, others: I64) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of `steps` are among `others`, both ascending."""
    if not len(others):
        return np.zeros(len(steps), np.bool_)
    place = np.searchsorted(others, steps)
    return np.asarray(others[np.minimum(place, len(others) - 1)] == steps, np.bool_)


def _last_of_each_step(points: Points) -> Points:
    """The points in ascending order of step, of each step the one that arrived last."""
    step = np.ascontiguousarray(points.step)
    if np.all(step[1:] > step[:-1]):  # as they mostly arrive
        return Points(step, np.ascontiguousarray(points.wall_time), np.ascontiguousarray(points.value))
    order = np.argsort(step, kind="stable")
    step = step[order]
    keep = np.append(step[1:] != step[:-1], True) if len(step) else np.zeros(0, np.bool_)
    chosen = order[keep]
    return Points(step[keep], np.asarray(points.wall_time)[chosen], np.asarray(points.value)[chosen])
