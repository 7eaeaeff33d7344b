"""Text on a terminal: names that other people gave do not steer it, and columns line up.

A run may be called anything, also what a terminal takes as an order (ESC ...): control characters are shown as escapes.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from typing import Final

MOST_LETTERS: Final = 60
_CONTROLS: Final = ("Cc", "Cf", "Cs", "Zl", "Zp")
_JOINER: Final = "\u200d"
"""Makes one emoji of several."""


def harmless(text: str) -> str:
    r"""`text` on one line without control characters: ``\n`` and ``\x1b`` are written out."""
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in _CONTROLS and letter != _JOINER else letter for letter in text)


def harmless_lines(text: str) -> str:
    """Each line of `text` as `harmless` makes it."""
    return "\n".join(map(harmless, text.split("\n")))


def width(text: str) -> int:
    """How many cells of a terminal `text` takes: wide letters and emoji two, combining marks none."""
    return sum(0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1 for letter in text)


def cut(text: str, most: int) -> str:
    """`text`, or its beginning with an ellipsis where it is longer than `most` letters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def counted(number: int, noun: str) -> str:
    """``1 run``, ``2,000 runs``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """`rows` as lines whose cells stand below one another; the columns in `right` end in line. All but the last column are cut
    to `MOST_LETTERS`."""
    shown = [[*(cut(harmless(cell), MOST_LETTERS) for cell in row[:-1]), harmless(row[-1])] for row in rows]
    widths = [max(width(row[place]) for row in shown) for place in range(len(shown[0]))]
    lines = []
    for row in shown:
        cells = []
        for place, (cell, wanted) in enumerate(zip(row, widths, strict=True)):
            room = " " * (wanted - width(cell))
            cells.append(room + cell if place in right else cell + room)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def print_anything() -> None:
    """Let what stdout and stderr cannot encode (another locale, names that are no text) be written as escapes, never as an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
