"""The line of progress: only on a terminal, only while a first reading takes its time, gone when it is over."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest

from crossboard import waiting
from crossboard.store.store import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Slow:
    """A store that reads its third of ten runs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def progress(self) -> Progress:
        return self._progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [(Progress(3, 10, True), "reading 3 of 10 runs (30 %)"), (Progress(10, 10, False), ""), (Progress(0, 0, True), "")],
)
def test_words(progress: Progress, words: str) -> None:
    store: Any = Slow(progress)
    assert waiting.line_of(store) == words


def test_a_terminal_is_told_and_cleared_again(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(waiting, "QUIET_S", 0.0)
    monkeypatch.setattr(waiting, "EVERY_S", 0.01)
    store: Any = Slow(Progress(3, 10, True))
    with waiting.progress_of(store):
        until = time.monotonic() + 10
        while "3 of 10" not in screen.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    assert "reading 3 of 10 runs" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_a_file_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    monkeypatch.setattr(waiting, "QUIET_S", 0.0)
    store: Any = Slow(Progress(3, 10, True))
    with waiting.progress_of(store):
        time.sleep(0.05)
    assert file.getvalue() == ""
