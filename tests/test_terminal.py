"""What the command line prints: names do not steer the terminal, columns line up, and any locale will do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import crossboard as cb
from crossboard.cli import main
from crossboard.terminal import MOST_LETTERS, columns, counted, harmless, width


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ("plain naïve 运行", "plain naïve 运行"),
        ("red \x1b[31m", "red \\x1b[31m"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\u202eevil", "\\u202eevil"),
        ("caf\udce9", "caf\\udce9"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_control_characters_are_written_out(given: str, want: str) -> None:
    assert harmless(given) == want


def test_columns_line_up_by_cells_and_long_names_are_cut() -> None:
    rows = [("NAME", "POINTS", "NOTE"), ("运行🎉", "1", "x"), ("e\u0301", "22", ""), ("n" * 100, "3", "m" * 100)]
    lines = columns(rows, right=(1,)).split("\n")
    ends = [width(line[: line.index(end) + len(end)]) for line, end in zip(lines, ("POINTS", "1", "22", "3"), strict=True)]
    assert ends == [MOST_LETTERS + 8] * 4
    assert lines[3] == "n" * (MOST_LETTERS - 1) + "…" + "       3  " + "m" * 100


@pytest.mark.parametrize(("number", "want"), [(0, "0 runs"), (1, "1 run"), (2000, "2,000 runs")])
def test_what_is_counted_agrees_in_number(number: int, want: str) -> None:
    assert counted(number, "run") == want


def test_a_name_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cb.init(dir=tmp_path, project="p", name="a\x1b[2J\nb").finish()
    assert main(["ls", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "a\\x1b[2J\\nb" in out
    assert len(out.splitlines()) == 2


def test_a_locale_that_cannot_write_a_name_gets_escapes(tmp_path: Path) -> None:
    cb.init(dir=tmp_path, project="p", name="naïve 运行").finish()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "crossboard", "ls", str(tmp_path)], env=environment, capture_output=True, check=True)
    assert b"na\\xefve \\u8fd0\\u884c" in done.stdout
