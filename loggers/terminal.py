"""What a terminal would show of the text that a program printed: lines, with progress bars in their last state.

Understood: newline, carriage return, backspace, and the escape sequences (ECMA-48) that progress bars move and erase with.
Colours and weights (SGR) stay with the characters that they were printed with, and are written into the lines in one form, whatever
the program sent: ``ESC [ codes m`` before, ``ESC [ 0 m`` behind. Titles and links are dropped, as is what hides text.
"""

from __future__ import annotations

import itertools
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
_SLOTS: Final = {1: "weight", 2: "weight", 3: "slant", 4: "line", 7: "inverse", 9: "struck", 38: "fore", 48: "back"}
_ENDS: Final = {22: "weight", 23: "slant", 24: "line", 27: "inverse", 29: "struck", 39: "fore", 49: "back"}
_ORDER: Final = ("weight", "slant", "line", "inverse", "struck", "fore", "back")


class Pen:
    """How characters are printed now. style: the codes of SGR in one order, "" for plain."""

    def __init__(self) -> None:
        self.style = ""
        self._slots: dict[str, str] = {}

    def set(self, numbers: str) -> None:
        """Take the parameters of one SGR sequence; what is not known, or hides text, is left out."""
        if numbers.strip("0123456789;:"):
            return
        codes = [int(part or 0) for part in re.split("[;:]", numbers)]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self._slots.clear()
            elif code in (38, 48):
                count = {5: 2, 2: 4}.get(codes[0] if codes else -1, 0)
                if not count or len(codes) < count or any(part > 255 for part in codes[:count]):
                    break  # not whole: what comes after would be read wrong
                self._slots[_SLOTS[code]] = ";".join(map(str, (code, *codes[:count])))
                del codes[:count]
            elif code in _SLOTS:
                self._slots[_SLOTS[code]] = str(code)
            elif code in _ENDS:
                self._slots.pop(_ENDS[code], None)
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._slots["fore"] = str(code)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self._slots["back"] = str(code)
        self.style = ";".join(self._slots[slot] for slot in _ORDER if slot in self._slots)


class Terminal:
    """The newest rows of one stream. Rows that the cursor may still come back to are held.

    _styles has for each row the style of each of its characters, or None for a row that is all plain.
    """

    def __init__(self) -> None:
        self._rows = [""]
        self._styles: list[list[str] | None] = [None]
        self._pen = Pen()
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

    def _rendered(self, place: int) -> str:
        """The row at `place` with its styles, without the blanks at its end."""
        text, styles = self._rows[place].rstrip(), self._styles[place]
        if styles is None or not text:
            return text
        parts, at = [], 0
        for style, group in itertools.groupby(styles[: len(text)]):
            end = at + len(list(group))
            parts.append(f"\x1b[{style}m{text[at:end]}\x1b[0m" if style else text[at:end])
            at = end
        return "".join(parts)

    @property
    def open_row(self) -> str:
        """The row that the cursor stands in, which is not finished."""
        return self._rendered(self._row)

    def _give(self, count: int) -> list[str]:
        lines = [self._rendered(place) for place in range(min(count, len(self._rows)))]
        self._rows = self._rows[count:] or [""]
        self._styles = self._styles[count:] or [None]
        self._row = max(0, self._row - count)
        return lines

    def _write(self, text: str) -> None:
        row = self._rows[self._row]
        at = self._column
        self._column = at + len(text)
        if at >= MOST_CHARACTERS:
            self._put(row[: MOST_CHARACTERS - 1].ljust(MOST_CHARACTERS - 1) + "…", self._styles[self._row])
            return
        styles = self._styles[self._row]
        if styles is not None or self._pen.style:
            old = styles or [""] * len(row)
            styles = [*old[:at], *[""] * (at - len(old)), *[self._pen.style] * len(text), *old[self._column :]]
        row = row[:at].ljust(at) + text + row[self._column :]
        self._put(row if len(row) <= MOST_CHARACTERS else row[: MOST_CHARACTERS - 1] + "…", styles)

    def _put(self, row: str, styles: list[str] | None) -> None:
        """Make `row` the row that the cursor stands in; `styles` are brought to its length."""
        self._rows[self._row] = row
        self._styles[self._row] = None if styles is None else (styles + [""] * (len(row) - len(styles)))[: len(row)]

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
            self._styles.append(None)

    def _up(self, count: int) -> None:
        self._row = max(0, self._row - count)
        self._calm = 0
        self._reach = min(MOST_ROWS_BACK, max(self._reach, len(self._rows) - 1 - self._row))

    def _move(self, what: str, numbers: str) -> None:
        first = numbers.partition(";")[0]
        number = min(int(first), MOST_CHARACTERS) if first.isdecimal() else 0
        row, styles = self._rows[self._row], self._styles[self._row]
        if what == "m":
            self._pen.set(numbers)
        elif what in "AF":
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
            styles = [""] * (self._column + 1) + styles[self._column + 1 :] if number == 1 and styles is not None else styles
            self._put(kept.get(number, ""), styles)
        elif what == "J" and number == 0:
            self._put(row[: self._column], styles)
            del self._rows[self._row + 1 :], self._styles[self._row + 1 :]
        elif what in "HJ":  # a cleared screen: what stood there was printed all the same
            if self._rows[-1]:
                self._rows.append("")
                self._styles.append(None)
            self._row, self._column = len(self._rows) - 1, 0
