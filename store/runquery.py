"""The run query: a small language that says which runs are meant.

    query      := or
    or         := and ("or" and)*
    and        := not (("and")? not)*            two terms beside each other mean both
    not        := "not" not | "(" or ")" | term
    term       := field comparison value | field "in" "(" value ("," value)* ")" | word
    comparison := "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~" | "contains" | "matches"
    value      := number | "true" | "false" | "none" | word | string in single or double quotes

    lr < 0.01 and optimizer.name = adam and val/acc.max >= 0.9
    seed in (1, 2, 3) not status = failed
    resnet                              the name contains it, in any case

Fields: name, id, project, status, group, framework, host, notes, tags (or tag), attempts, ranks, hidden, archived; any config key,
nested ones with dots (``optimizer.name``, or ``config.optimizer.name``), any summary entry (``summary.KEY``), and any scalar tag:
``train/loss`` is its last value, ``train/loss.min``, ``.max``, ``.last``, ``.best``, ``.count``, ``.last_step`` its summary. Where names
collide the order is: run field, config, metric, summary. A field with other characters is written in backquotes: `` `my loss`.min ``.

Numbers are compared as numbers, also when config holds them as text; texts by = in any case. ``~`` and matches search a
regular expression, contains a plain text, both in any case; of `tags`, a comparison holds when it holds for one of them. A
field that a run does not have makes every comparison false but !=. Nothing is ever evaluated as Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from .errors import BadQuery
from .kinds import MetricSummary, RunInfo

Metrics = Callable[[], Mapping[str, MetricSummary]]
Test = Callable[[RunInfo, Metrics], bool]
_RUN_FIELDS: Final = ("name", "id", "project", "status", "group", "framework", "host", "notes", "tags", "attempts", "ranks")
_FIELDS: Final = frozenset((*_RUN_FIELDS, "hidden", "archived", "source", "path", "error", "dropped"))
_STATISTICS: Final = ("last", "min", "max", "best", "count", "last_step", "min_step", "max_step", "best_step", "non_finite")
_COMPARISONS: Final = ("=", "==", "!=", "<", "<=", ">", ">=", "~")
_WORDS: Final = ("and", "or", "not", "in", "contains", "matches")
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]+`(?:\.\w+)?)
      | (?P<sign><=|>=|==|!=|=|<|>|~|\(|\)|,)
      | (?P<word>[^\s()=<>!~,"'`]+)""",
    re.VERBOSE,
)
_MISSING: Final = object()
_MOST_LEVELS: Final = 100


class _Token(NamedTuple):
    kind: str  # "string", "quoted", "sign", "word", "end"
    text: str
    at: int


def matcher(query: str) -> Test:
    """Compile `query`; an empty one holds for every run.

    Returns:
        A function of a run and of a function that gives the run's metrics (asked only when they matter).

    Raises:
        BadQuery: it does not parse; the message shows where.
    """
    return _Parser(query).parse()


def choose(runs: Iterable[RunInfo], query: str, *, metrics: Callable[[str], Mapping[str, MetricSummary]]) -> list[RunInfo]:
    """The runs for which `query` holds, in their order. metrics: run key -> summaries. Raises BadQuery."""
    holds = matcher(query)
    return [run for run in runs if holds(run, lambda run=run: metrics(run.key))]  # type: ignore[misc]


class _Parser:
    """Recursive descent over the grammar above."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.tokens = self._tokens()
        self.place = 0
        self.level = 0

    def _wrong(self, at: int, what: str) -> BadQuery:
        shown = self.query.replace("\n", " ")
        return BadQuery(f"run query: {what}\n  {shown}\n  {' ' * at}^", at=at, what=what)

    def _tokens(self) -> list[_Token]:
        found: list[_Token] = []
        at = 0
        while at < len(self.query):
            match = _TOKEN.match(self.query, at)
            if match is None:
                what = "this quote has no end" if self.query[at] in "\"'`" else f"did not expect {self.query[at]!r}"
                raise self._wrong(at, what)
            if match.lastgroup != "space":
                found.append(_Token(str(match.lastgroup), match.group(), at))
            at = match.end()
        return [*found, _Token("end", "", len(self.query))]

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def _take(self) -> _Token:
        token = self.next
        self.place += 1
        return token

    def _is(self, *texts: str) -> bool:
        token = self.next
        return token.kind in ("word", "sign") and (token.text.lower() if token.kind == "word" else token.text) in texts

    def parse(self) -> Test:
        if self.next.kind == "end":
            return lambda _run, _metrics: True
        test = self._or()
        if self.next.kind != "end":
            raise self._wrong(self.next.at, f"did not expect {self.next.text!r} here")
        return test

    def _or(self) -> Test:
        tests = [self._and()]
        while self._is("or"):
            self._take()
            tests.append(self._and())
        return tests[0] if len(tests) == 1 else lambda run, metrics: any(test(run, metrics) for test in tests)

    def _and(self) -> Test:
        tests = [self._not()]
        while self.next.kind != "end" and not self._is("or", ")", ","):
            if self._is("and"):
                self._take()
            tests.append(self._not())
        return tests[0] if len(tests) == 1 else lambda run, metrics: all(test(run, metrics) for test in tests)

    def _not(self) -> Test:
        self.level += 1
        if self.level > _MOST_LEVELS:
            raise self._wrong(self.next.at, f"more than {_MOST_LEVELS} brackets and nots within one another")
        test = self._negated()
        self.level -= 1
        return test

    def _negated(self) -> Test:
        if self._is("not"):
            self._take()
            test = self._not()
            return lambda run, metrics: not test(run, metrics)
        if self._is("("):
            opened = self._take()
            test = self._or()
            if not self._is(")"):
                raise self._wrong(opened.at, "this bracket is not closed")
            self._take()
            return test
        return self._term()

    def _term(self) -> Test:
        token = self._take()
        if token.kind == "end":
            raise self._wrong(token.at, "the query ends where a field, a word or a bracket is wanted")
        if token.kind == "sign" or (token.kind == "word" and token.text.lower() in _WORDS):
            raise self._wrong(token.at, f"want a field, a word or a bracket, got {token.text!r}")
        field = _unquoted(token)
        if token.kind != "string" and self.next.kind == "sign" and self.next.text in _COMPARISONS:
            return self._compared(field, self._take())
        if token.kind != "string" and self._is("contains", "matches"):
            return self._compared(field, self._take())
        if token.kind != "string" and self._is("in"):
            self._take()
            return self._one_of(field)
        wanted = field.lower()
        return lambda run, _: wanted in run.name.lower()

    def _value(self) -> _Token:
        token = self._take()
        if token.kind not in ("string", "quoted", "word"):
            got = "the end" if token.kind == "end" else repr(token.text)
            raise self._wrong(token.at, f"want a number or a text, got {got}")
        return token

    def _compared(self, field: str, sign: _Token) -> Test:
        token = self._value()
        text = _unquoted(token)
        how = sign.text.lower()
        if how in ("~", "matches"):
            try:
                pattern = re.compile(text, re.IGNORECASE)
            except re.error as error:
                at = token.at + (error.pos or 0) + (token.kind != "word")
                raise self._wrong(min(at, len(self.query)), f"no regular expression: {error.msg}") from None
            return _over(field, lambda value: pattern.search(_text(value)) is not None)
        if how == "contains":
            wanted = text.lower()
            return _over(field, lambda value: wanted in _text(value).lower())
        if how == "!=":
            equal = _over(field, lambda value: _equal(value, token))
            return lambda run, metrics: not equal(run, metrics)
        if how in ("=", "=="):
            return _over(field, lambda value: _equal(value, token))
        return _over(field, lambda value: _ordered(value, token, how))

    def _one_of(self, field: str) -> Test:
        if not self._is("("):
            raise self._wrong(self.next.at, "want a bracket with values after 'in'")
        opened = self._take()
        values = [self._value()]
        while self._is(","):
            self._take()
            values.append(self._value())
        if not self._is(")"):
            at = opened.at if self.next.kind == "end" else self.next.at
            raise self._wrong(at, "want a comma or a closing bracket")
        self._take()
        return _over(field, lambda value: any(_equal(value, one) for one in values))


def _unquoted(token: _Token) -> str:
    if token.kind == "string":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1])
    return token.text.replace("`", "") if token.kind == "quoted" else token.text


def _over(field: str, holds: Callable[[Any], bool]) -> Test:
    """A test of what a run has under `field`; of a list, of one of its members."""

    def test(run: RunInfo, metrics: Metrics) -> bool:
        value = value_of(run, field, metrics)
        if value is _MISSING:
            return False
        if isinstance(value, (list, tuple)):
            return any(holds(one) for one in value) or holds(value)
        return holds(value)

    return test


def value_of(run: RunInfo, field: str, metrics: Metrics) -> Any:
    """What `run` has under `field`, in the order that the module names."""
    if field in _FIELDS:
        return getattr(run, field)
    if field == "tag":
        return run.tags
    for prefix, entries in (("config.", run.config), ("summary.", run.summary)):
        if field.startswith(prefix):
            return _entry(entries, field[len(prefix) :])
    value = _entry(run.config, field)
    if value is _MISSING:
        value = _metric(metrics(), field)
    return _entry(run.summary, field) if value is _MISSING else value


def _entry(entries: Mapping[str, Any], name: str) -> Any:
    """The entry `name`, where dots lead into nested mappings, or are part of a key."""
    if name in entries:
        return entries[name]
    parts = name.split(".")
    for cut in range(1, len(parts)):
        inner = entries.get(".".join(parts[:cut]))
        if isinstance(inner, Mapping):
            value = _entry(inner, ".".join(parts[cut:]))
            if value is not _MISSING:
                return value
    return _MISSING


def _metric(metrics: Mapping[str, MetricSummary], field: str) -> Any:
    if field in metrics:
        return metrics[field].last
    tag, _, statistic = field.rpartition(".")
    if tag in metrics and statistic in _STATISTICS:
        value = getattr(metrics[tag], statistic)
        return _MISSING if value is None else value
    return _MISSING


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, (int, float)):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _equal(value: Any, token: _Token) -> bool:
    text = _unquoted(token)
    if token.kind == "word":
        if isinstance(value, bool) and text.lower() in ("true", "false"):
            return value is (text.lower() == "true")
        if value is None:
            return text.lower() in ("none", "null")
        left, right = _number(value), _number(text)
        if left is not None and right is not None:
            return left == right or (left != left and right != right)
    return _text(value).lower() == text.lower()


def _ordered(value: Any, token: _Token, how: str) -> bool:
    left: Any = _number(value)
    right: Any = _number(_unquoted(token))
    if left is None or right is None:
        if not isinstance(value, str) or right is not None:
            return False  # a text and a number have no order
        left, right = value.lower(), _unquoted(token).lower()
    match how:
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)
