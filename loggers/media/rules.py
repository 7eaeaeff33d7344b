"""Rules that arrays of numbers are held to before they are copied: how many axes, how long, real or not.

Shape and dtype are checked in the caller's thread, where a wrong one is told at the user's line; values only in the helper
thread, where they may still have to come from a device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Snapshot, snapshot
from .value import BadValue

Shape = tuple[int, ...]
MOST_NUMBERS: Final = 1 << 28
"""An array of more numbers is not taken: at four bytes each it would hold 1 GiB until it is encoded."""


def real_array(value: Any, *, wanted: str, fits: Callable[[Shape], bool]) -> Snapshot:
    """Copy an array of real numbers (bool, whole or floating) whose shape `fits`. Raises BadValue, with `wanted` in its text."""

    def check(shape: Shape, dtype: str) -> None:
        if not fits(shape):
            raise BadValue(f"want {wanted}, got shape {shape}")
        if dtype.startswith("complex"):
            raise BadValue(f"want {wanted} of real numbers, got {dtype}; log its real part or its abs()")
        not_too_many(shape)

    return snapshot(value, wanted=wanted, check=check)


def not_too_many(shape: Shape) -> None:
    """Raise BadValue for more than `MOST_NUMBERS`."""
    count = 1
    for size in shape:
        count *= size
    if count > MOST_NUMBERS:
        raise BadValue(f"want at most {MOST_NUMBERS:,} numbers, got {count:,} in shape {shape}; log a part of it")


def whole_numbers(array: NDArray[Any], *, what: str) -> NDArray[np.int64]:
    """`array` as int64. Raises BadValue when one of its values is no whole number within 64 bits."""
    if array.dtype.kind in "bi":
        return array.astype(np.int64)
    if array.dtype.kind == "u":
        if array.size and int(array.max()) >= 1 << 63:
            raise BadValue(f"{what}: want whole numbers within 64 bits, got {int(array.max())}")
        return array.astype(np.int64)
    wrong = array[~(np.isfinite(array) & (np.floor(array) == array) & (np.abs(array) < 2.0**63))]
    if wrong.size:
        raise BadValue(f"{what}: want whole numbers, got {float(wrong.reshape(-1)[0]):g}")
    return array.astype(np.int64)


def plural(count: int, one: str, many: str = "") -> str:
    """``plural(1, "row")`` is "1 row", ``plural(2, "row")`` "2 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
