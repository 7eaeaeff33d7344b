"""What a terminal would show of the text that a program printed: lines, with progress bars in their last state.

Understood: newline, carriage return, backspace, and the escape sequences (ECMA-48) that progress bars move and erase with.
Colours, titles and links are dropped.
"""

from __future__ import annotations

import re
from typing import Final

MOST_CHARACTERS: Final = 10_000
"""A line is cut behind so many."""
MOST_ROWS_BACK: Final = 200
"""No program is believed to come back further up than that."""
FORGET_AFTER: Final = 10
"""So many lines after the cursor last moved up, finished ones are given out at once again."""

_TOKENS: Final = re.compile(
    r"(?P<move>\x1b\[(?P<numbers>[0-?]*)[ -/]*(?P<what>[@-~]))"
    r"|(?P<told>\x1b[\]P^_X][^\x07\x1b\n]*(?:\x07|\x1b\\))"  # titles, links
    r"|(?P<other>\x1b[ -/]*[0-OQ-WYZ\\`-~])"
    r"|(?P<unfinished>\x1b(?:\[[0-?]*[ -/]*|[ -/]*|[\]P^_X][^\x07\x1b\n]*\x1b?)\Z)"
    r"|(?P<control>[\x00-\x08\x0a-\x1f\x7f])"
    r"|(?P<text>[^\x00-\x08\x0a-\x1f\x7f]+)"
)
_MOST_UNFINISHED: Final = 200


class Terminal:
    """The newest rows of one stream. Rows that the cursor may still come back to are held."""

    def __init__(self) -> None:
        self._rows = [""]
        self._row = self._column = 0
        self._reach = self._calm = 0
        self._unfinished = ""

    def feed(self, text: str) -> None:
        """Print `text`; it may end anywhere, also inside of an escape sequence."""
        text, self._unfinished = self._unfinished + text, ""
        for found in _TOKENS.finditer(text):
            kind = found.lastgroup
            if found["text"] is not None:
                self._write(found["text"])
            elif found["control"] is not None:
                self._control(found["control"])
            elif found["move"] is not None:
                self._move(found["what"], found["numbers"])
            elif kind == "unfinished" and len(found["unfinished"]) <= _MOST_UNFINISHED:
                self._unfinished = found["unfinished"]

    def take(self) -> list[str]:
        """Give out the rows that stand, and forget them."""
        if self._calm > self._reach + FORGET_AFTER:
            self._reach = 0
        return self._give(max(0, self._row - self._reach))

    def rest(self) -> list[str]:
        """Give out all rows; the last one only where something stands in it."""
        last = len(self._rows) if self._rows[-1].rstrip() else len(self._rows) - 1
        lines = self._give(last)
        self.__init__()  # type: ignore[misc]  # as new
        return lines

    @property
    def open_row(self) -> str:
        """The row that the cursor stands in, which is not finished."""
        return self._rows[self._row].rstrip()

    def _give(self, count: int) -> list[str]:
        lines = [row.rstrip() for row in self._rows[:count]]
        self._rows = self._rows[count:] or [""]
        self._row = max(0, self._row - count)
        return lines

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        at = self._column
        self._column = at + len(text)
        if at >= MOST_CHARACTERS:
            self._rows[self._row] = row[: MOST_CHARACTERS - 1].ljust(MOST_CHARACTERS - 1) + "…"
            return
        row = row[:at].ljust(at) + text + row[self._column :]
        self._rows[self._row] = row if len(row) <= MOST_CHARACTERS else row[: MOST_CHARACTERS - 1] + "…"

    def _control(self, letter: str) -> None:
        if letter == "\n":
            self._down(1)
            self._column = 0
        elif letter == "\r":
            self._column = 0
        elif letter == "\b":
            self._column = max(0, self._column - 1)

    def _down(self, count: int) -> None:
        self._row += count
        self._calm += count
        while self._row >= len(self._rows):
            self._rows.append("")

    def _up(self, count: int) -> None:
        self._row = max(0, self._row - count)
        self._calm = 0
        self._reach = min(MOST_ROWS_BACK, max(self._reach, len(self._rows) - 1 - self._row))

    def _move(self, what: str, numbers: str) -> None:
        first = numbers.partition(";")[0]
        number = min(int(first), MOST_CHARACTERS) if first.isdecimal() else 0
        row = self._rows[self._row]
        if what in "AF":
            self._up(max(number, 1))
            self._column = 0 if what == "F" else self._column
        elif what in "BE":
            self._down(min(max(number, 1), MOST_ROWS_BACK))
            self._column = 0 if what == "E" else self._column
        elif what == "C":
            self._column += max(number, 1)
        elif what == "D":
            self._column = max(0, self._column - max(number, 1))
        elif what == "G":
            self._column = max(number, 1) - 1
        elif what == "K":
            kept = {0: row[: self._column], 1: " " * min(self._column + 1, len(row)) + row[self._column + 1 :]}
            self._rows[self._row] = kept.get(number, "")
        elif what == "J" and number == 0:
            self._rows[self._row] = row[: self._column]
            del self._rows[self._row + 1 :]
        elif what in "HJ":  # a cleared screen: what stood there was printed all the same
            self._rows += [""] if self._rows[-1] else []
            self._row, self._column = len(self._rows) - 1, 0
