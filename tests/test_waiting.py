"""The line of progress: only on a terminal, only while a first reading takes its time, gone when it is over."""

from __future__ import annotations

import io
import sys
import time
from typing import Any

import pytest

from crossboard import waiting
from crossboard.store.store import Progress, SourceInfo


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


class Empty:
    """A store whose sources were looked at, and held nothing."""

    def progress(self) -> Progress:
        return Progress(0, 0, False)

    def sources(self) -> list[SourceInfo]:
        return [SourceInfo("native", "/x", 0, 1.0)]

    def runs(self) -> list[Any]:
        return []


def test_where_nothing_is_found_it_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(waiting, "EVERY_S", 0.01)
    asked: list[str] = []
    store: Any = Empty()

    def words() -> str:
        asked.append("nothing here")
        return asked[-1]

    with waiting.progress_of(store, nothing=words):
        end = time.monotonic() + 15
        while not asked and time.monotonic() < end:
            time.sleep(0.01)
    assert asked == ["nothing here"]
    assert capsys.readouterr().out == "nothing here\n"
