"""Where the parts of a JSON text lie, without decoding them; and decoding what Visdom writes, which is not always JSON.

A text is scanned by its brackets and strings alone, which is enough to step over values of any size; whether a value is whole JSON is
found when it is decoded. Nothing here recurses, so that no depth harms: deeper than `MOST_DEPTH` is `NotJson`.

Visdom 0.2.4 writes the tokens NaN, Infinity and -Infinity (Python's json does): they are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

MOST_DEPTH: Final = 200
_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_MARK: Final = re.compile(rb'[\[\]{}"]')  # one set of characters: the fastest that `re` searches for
_QUOTE, _SLASH = ord('"'), ord("\\")
_WORD: Final = re.compile(rb"[^ \t\n\r,\]}\[{\":]+")


class NotJson(Exception):
    """The text is no JSON at `offset`."""

    def __init__(self, offset: int, what: str) -> None:
        super().__init__(f"{what} at byte {offset}")
        self.offset, self.what = offset, what


class Cut(NotJson):
    """The text ends too early: it may be half written."""


class Span(NamedTuple):
    """Bytes from `begin` to `end`."""

    begin: int
    end: int


def begin_of(data: bytes, at: int) -> int:
    """Where the next value begins, at or after `at`. Raises Cut."""
    at = _SPACE.match(data, at).end()  # type: ignore[union-attr]
    if at >= len(data):
        raise Cut(len(data), "the text ends where a value was to come")
    return at


def end_of(data: bytes, at: int) -> int:
    """Where the value that begins at `at` ends. Raises NotJson."""
    first = data[at : at + 1]
    if first == b'"':
        return _end_of_string(data, at)
    if first not in (b"{", b"["):
        word = _WORD.match(data, at)
        if word is None:
            raise NotJson(at, f"want a value, got {first!r}")
        return word.end()
    depth = 0
    mark = _MARK.search(data, at)
    while mark is not None:
        at = mark.start()
        character = data[at]
        if character == _QUOTE:
            at = _end_of_string(data, at)
        else:
            at += 1
            depth += 1 if character in b"[{" else -1
            if not depth:
                return at
            if depth > MOST_DEPTH:
                raise NotJson(at - 1, f"lists and objects are nested more than {MOST_DEPTH} deep")
        mark = _MARK.search(data, at)
    raise Cut(len(data), "the text ends inside a list or an object")


def _end_of_string(data: bytes, at: int) -> int:
    """Where the string that begins at `at` ends: at the first quote before which an even number of backslashes stands."""
    end = data.find(b'"', at + 1)
    while end >= 0:
        slashes = end
        while data[slashes - 1] == _SLASH:
            slashes -= 1
        if not (end - slashes) % 2:
            return end + 1
        end = data.find(b'"', end + 1)
    raise Cut(len(data), "the text ends inside a string")


def members(data: bytes, at: int) -> Iterator[tuple[str, Span]]:
    """The members of the object that begins at `at`: key, and where the value lies. Raises NotJson where it is damaged."""
    keys = OpenMembers(data, at)
    for key, begin in keys:
        end = end_of(data, begin)
        yield key, Span(begin, end)
        keys.ends = end


class OpenMembers:
    """The members of the object that begins at `at`: key, and where the value begins.

    ends: to be set to where the last value ends by who knows; else it is looked for, which costs a pass over the value.
    """

    def __init__(self, data: bytes, at: int) -> None:
        if data[at : at + 1] != b"{":
            raise NotJson(at, f"want an object, got {data[at : at + 1]!r}")
        self._data = data
        self._at = begin_of(data, at + 1)
        self._begin = -1
        self.ends = -1

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return self

    def __next__(self) -> tuple[str, int]:
        data, at = self._data, self._at
        if self._begin >= 0:
            at = _next(data, self.ends if self.ends >= 0 else end_of(data, self._begin), b"}")
        if data[at : at + 1] == b"}":
            self._at, self._begin, self.ends = at, -1, -1
            raise StopIteration
        if data[at : at + 1] != b'"':
            raise NotJson(at, f"want a key, got {data[at : at + 1]!r}")
        end = _end_of_string(data, at)
        key = str(decode(data[at:end], at))
        at = begin_of(data, end)
        if data[at : at + 1] != b":":
            raise NotJson(at, f"want a colon, got {data[at : at + 1]!r}")
        self._begin, self.ends = begin_of(data, at + 1), -1
        return key, self._begin

    @property
    def behind(self) -> int:
        """Where the object ends, once its members have come."""
        return self._at + 1


def items(data: bytes, at: int) -> Iterator[Span]:
    """Where the items of the list that begins at `at` lie. Raises NotJson where it is damaged."""
    if data[at : at + 1] != b"[":
        raise NotJson(at, f"want a list, got {data[at : at + 1]!r}")
    at = begin_of(data, at + 1)
    while data[at : at + 1] != b"]":
        end = end_of(data, at)
        yield Span(at, end)
        at = _next(data, end, b"]")


def _next(data: bytes, at: int, close: bytes) -> int:
    """Step over the comma behind a value; stay at the closing bracket."""
    at = begin_of(data, at)
    if data[at : at + 1] == close:
        return at
    if data[at : at + 1] != b",":
        raise NotJson(at, f"want a comma, got {data[at : at + 1]!r}")
    at = begin_of(data, at + 1)
    if data[at : at + 1] == close:
        raise NotJson(at, "want a value behind the comma")
    return at


def decode(data: bytes, offset: int = 0) -> Any:
    """The value that `data` is; NaN and infinities as Python's json writes them are taken. Raises NotJson; offset: of `data`."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise NotJson(offset + error.start, "no UTF-8") from None
    except json.JSONDecodeError as error:
        raise NotJson(offset + len(error.doc[: error.pos].encode()), f"no JSON ({error.msg})") from None
    except (ValueError, RecursionError) as error:  # a number of too many digits
        raise NotJson(offset, f"no JSON ({error})") from None


def decode_bounded(data: bytes, offset: int = 0) -> Any:
    """`decode` of a text that nobody scanned yet: too deep is `NotJson`, before anything is decoded."""
    begin = begin_of(data, 0)
    end = end_of(data, begin)
    if _SPACE.match(data, end).end() != len(data):  # type: ignore[union-attr]
        raise NotJson(offset + end, "more behind the value")
    return decode(data[begin:end], offset + begin)
