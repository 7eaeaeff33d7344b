"""A column: the numbers of one axis of a trace, as an array that grows at its end."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ...store.kinds import F64

EXACT: Final = 1 << 53
"""Whole numbers up to here are float64 without loss."""


class Column:
    """Numbers as float64; None, which is how Visdom's client sends NaN, is NaN here and None in `plain` again.

    whole  whether every number came as an integer, so that `plain` gives integers
    """

    __slots__ = ("values", "whole")

    def __init__(self) -> None:
        self.values: array[float] = array("d")
        self.whole = True

    @classmethod
    def of(cls, items: Any) -> Column | None:
        """`items` as a column, or None when they are no flat list of numbers and None."""
        made = cls()
        return made if isinstance(items, list) and made.extend(items) else None

    @classmethod
    def holding(cls, values: F64, *, whole: bool) -> Column:
        """A column of `values`, which came as integers where `whole`."""
        made = cls()
        made.values.frombytes(np.ascontiguousarray(values, np.float64).tobytes())
        made.whole = whole
        return made

    def extend(self, items: Sequence[Any]) -> bool:
        """Put `items` at the end; False, and nothing is changed, when one of them is no number."""
        whole = self.whole
        numbers = []
        for item in items:
            kind = type(item)
            if kind is int:
                if not -EXACT <= item <= EXACT:
                    return False
            elif kind is float:
                whole = False
            elif item is None:
                item = math.nan
            else:
                return False
            numbers.append(item)
        self.values.extend(numbers)
        self.whole = whole
        return True

    def plain(self) -> list[Any]:
        """The numbers as JSON carries them: NaN as None."""
        numbers = self.array()
        items: list[Any] = numbers.tolist()
        if self.whole:
            return [None if item != item else int(item) for item in items]
        return [None if item != item else item for item in items] if np.isnan(numbers).any() else items

    def array(self) -> F64:
        """A copy as a NumPy array."""
        return np.array(self.values, np.float64)

    def same_until(self, other: Column, count: int) -> bool:
        """Whether the first `count` numbers are those of `other`."""
        return bool(np.array_equal(self.array()[:count], other.array()[:count], equal_nan=True))

    def __len__(self) -> int:
        return len(self.values)
