"""The console: what a program prints and logs is in its run, line by line, and comes out as it did before."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossboard as cb
from crossboard.loggers import console
from crossboard.loggers.console import ConsoleLog, RunHandler
from crossboard.loggers.terminal import Terminal
from crossboard.store.kinds import Kind
from crossboard.store.records import Alert, ConsoleLines

ROOT = Path(__file__).resolve().parents[1]
Capsys = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def events(root: Path) -> list[Any]:
    runs = cb.open(root)
    [run] = list(runs)
    return [placed.record for placed in runs.store.records(run.key, Kind.EVENT)]


def lines_of(root: Path, *streams: str) -> list[str]:
    """Lines in order, of all streams or those named."""
    records = [record for record in events(root) if isinstance(record, ConsoleLines)]
    return [line for record in records if not streams or record.stream in streams for line in record.lines]


def shown(*texts: str) -> list[str]:
    """What a terminal keeps of `texts`, printed one after the other."""
    terminal = Terminal()
    lines = []
    for text in texts:
        terminal.feed(text)
        lines += terminal.take()
    return lines + terminal.rest()


# ------------------------------------------------------------------------------------------- what a terminal shows


def test_lines_end_at_newlines_and_the_last_one_at_the_end() -> None:
    assert shown("one\ntw", "o\n", "\n", "three") == ["one", "two", "", "three"]


def test_a_progress_bar_is_one_line_in_its_last_state() -> None:
    assert shown(*(f"\r{n}%" for n in range(0, 101, 10)), "\n", "done\n") == ["100%", "done"]


def test_keras_steps_back_and_its_bar_is_one_line() -> None:
    assert shown("1/9 loss 0.5", "\b" * 12 + "9/9 loss 0.25\n") == ["9/9 loss 0.25"]


def test_a_bar_that_erases_itself_leaves_nothing_behind() -> None:
    assert shown("\r 50%|#####", "\r          \r", "after\n") == ["after"]
    assert shown("\r 50%|#####", "\r\x1b[K", "after\n") == ["after"]


def test_nested_bars_that_move_up_are_a_line_each() -> None:
    bars = [f"\router {n}\n\rinner {n}\x1b[A" for n in range(50)]
    assert shown("".join(bars), "\n\n", "end\n") == ["outer 49", "inner 49", "end"]
    assert shown(*bars, "\n\n", "end\n") == ["outer 49", "inner 49", "end"]


def test_after_nested_bars_lines_are_given_out_at_once_again() -> None:
    terminal = Terminal()
    terminal.feed("a\nb\x1b[A\n\n")
    for number in range(20):
        terminal.feed(f"{number}\n")
        newest = terminal.take()
    assert newest == ["19"]


def test_titles_and_links_are_dropped_and_colours_stay_with_their_characters() -> None:
    red = "\x1b[1;31mred\x1b[0m"
    assert shown("\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\x07\n") == [f"{red} link"]
    assert shown("\x1b[31m\x1b[1mred\n") == [red]  # in one form, ended on its line
    assert shown("\x1b[1m", "\x1b[3", "1mred\x1b[m\n") == [red]
    assert shown("plain\r\x1b[32mok\x1b[39m\n") == ["\x1b[32mok\x1b[0main"]
    assert shown("\x1b[38;5;208mo\x1b[48;2;1;2;3mb\x1b[49;39;8m!\n") == ["\x1b[38;5;208mo\x1b[0m\x1b[38;5;208;48;2;1;2;3mb\x1b[0m!"]
    assert shown("\x1b[31m50%|####\r\x1b[K\x1b[0mafter\n") == ["after"]
    assert shown("\x1b[38;5mx\x1b[38;9;1my\x1b[?31mz\n") == ["xyz"]


SGR = re.compile(r"\x1b\[[0-9;]*m")
STYLED = st.sampled_from(
    ["a", "bc ", "\n", "\r", "\b", "\x1b[A", "\x1b[2K", "\x1b[1K", "\x1b[J", "\x1b[31m", "\x1b[0m", "\x1b[1;42m", "\x1b[2C"]
)


@given(st.lists(STYLED, max_size=40))
def test_without_its_colours_a_text_shows_the_same_lines(pieces: list[str]) -> None:
    plain = shown("".join(piece for piece in pieces if not SGR.fullmatch(piece)))
    assert [SGR.sub("", line) for line in shown("".join(pieces))] == plain


def test_a_clear_screen_keeps_what_stood_there() -> None:
    assert shown("before\nhalf", "\x1b[2J\x1b[H", "after\n") == ["before", "half", "after"]


def test_a_line_without_end_is_cut() -> None:
    [line] = shown(*["x" * 1000] * 100)
    assert len(line) == 10_000
    assert line.endswith("x…")


PIECES = st.sampled_from(["a", "bc", "\n", "\r", "\b", "\x1b[A", "\x1b[2K", "\x1b[31m", "\x1b]0;t\x07", "\x1b[3C", "\x1b[J", "\x1b", "é🙂"])


@given(st.lists(PIECES, max_size=40).map("".join), st.data())
def test_how_the_text_is_cut_into_writes_changes_nothing(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    whole, parts = Terminal(), Terminal()
    whole.feed(text)
    parts.feed(text[:cut])
    parts.feed(text[cut:])
    assert parts.rest() == whole.rest()


@given(st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20), max_size=30))
def test_plain_lines_come_out_as_they_went_in(lines: list[str]) -> None:
    assert shown(*(line + "\n" for line in lines)) == [line.rstrip() for line in lines]


# ------------------------------------------------------------------------------------------------ init(console=True)


def test_prints_are_in_the_run_and_come_out_as_before(root: Path, capsys: Capsys) -> None:
    before = sys.stdout, sys.stderr
    with cb.init(dir=root, console=True):
        print("one")
        print("two", "three", sep=", ", end="")
        print("warned", file=sys.stderr)
        print("", end="\n")
        sys.stdout.writelines(["four\n", "five\n"])
    print("after the end")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr() == ("one\ntwo, three\nfour\nfive\nafter the end\n", "warned\n")
    assert lines_of(root, "stdout") == ["one", "two, three", "four", "five"]
    assert lines_of(root, "stderr") == ["warned"]


def test_without_console_nothing_is_kept_and_nothing_is_touched(root: Path) -> None:
    with cb.init(dir=root):
        assert "write" not in vars(sys.stdout)
        print("unheard")
    assert lines_of(root) == []


def test_lines_stand_in_the_order_in_which_they_were_printed_with_their_times(root: Path) -> None:
    began = time.time()
    with cb.init(dir=root, console=True):
        for number in range(20):
            print(number, file=sys.stderr if number % 3 else sys.stdout)
    assert lines_of(root) == [str(number) for number in range(20)]
    times = [record.wall_time for record in events(root) if isinstance(record, ConsoleLines)]
    assert times == sorted(times)
    assert began <= times[0] <= times[-1] <= time.time()


def test_lines_are_there_while_the_program_still_runs(root: Path) -> None:
    with cb.init(dir=root, console=True):
        print("hello")
        deadline = time.monotonic() + 10
        while lines_of(root) != ["hello"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_bar_that_never_ends_is_shown_every_so_often_and_once_more_only_when_it_moved(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "SHOW_OPEN_AFTER_S", 0.0)
    with cb.init(dir=root) as run:
        log = ConsoleLog(run)
        for text in ("\r10%", "", "\r10%", "\r90%", "", "\r90%\nnext\n"):
            log.add("stderr", text)
            log.tick()
        log.close()
    assert lines_of(root) == ["10%", "90%", "next"]


def test_a_stream_that_was_replaced_is_captured_and_left_as_it_was(root: Path) -> None:
    """As a notebook does it: a class of its own, without a descriptor."""

    class OutStream(io.TextIOBase):
        def __init__(self) -> None:
            self.seen: list[str] = []

        def write(self, text: str) -> int:
            self.seen.append(text)
            return len(text)

    stream = OutStream()
    with contextlib.redirect_stdout(stream):
        with cb.init(dir=root, console=True):
            assert sys.stdout is stream
            assert sys.stdout.write("from a cell\n") == 12
        print("later")
    assert "".join(stream.seen) == "from a cell\nlater\n"
    assert "write" not in vars(stream)
    assert lines_of(root) == ["from a cell"]


def test_a_stream_whose_methods_cannot_be_set_is_captured_too(root: Path) -> None:
    class Fixed:
        __slots__ = ("encoding", "seen")

        def __init__(self) -> None:
            self.seen: list[str] = []
            self.encoding = "latin-1"

        def write(self, text: str) -> None:
            self.seen.append(text)

        def flush(self) -> None:
            self.seen.append("flushed")

    fixed = Fixed()
    with contextlib.redirect_stdout(fixed):  # type: ignore[type-var]
        with cb.init(dir=root, console=True):
            print("x", flush=True)
            assert sys.stdout.encoding == "latin-1"
        assert sys.stdout is fixed
    assert fixed.seen == ["x", "\n", "flushed"]
    assert lines_of(root) == ["x"]


def test_a_logging_handler_that_was_made_before_is_heard(root: Path) -> None:
    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger("made-before")
    logger.addHandler(handler)
    try:
        with cb.init(dir=root, console=True):
            logger.warning("careful")
    finally:
        logger.removeHandler(handler)
    assert lines_of(root) == ["careful"]


def test_who_patched_on_top_stays_in_place(root: Path) -> None:
    stream = io.StringIO()
    loud: list[str] = []
    with contextlib.redirect_stdout(stream):
        with cb.init(dir=root, console=True):
            below = sys.stdout.write

            def write(text: str) -> int:
                loud.append(text)
                return below(text)

            sys.stdout.write = write  # type: ignore[method-assign]
            print("a")
        print("b")
    assert stream.getvalue() == "a\nb\n"
    assert loud == ["a", "\n", "b", "\n"]
    assert lines_of(root) == ["a"]


def test_an_error_of_the_stream_is_the_callers(root: Path) -> None:
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream), cb.init(dir=root, console=True):
        print("a")
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]
        stream.close()
        with pytest.raises(ValueError, match="closed"):
            print("b")
    assert lines_of(root) == ["a"]


def test_a_second_run_takes_over(tmp_path: Path) -> None:
    cb.init(dir=tmp_path / "a", console=True)
    print("first")
    with cb.init(dir=tmp_path / "b", console=True):
        print("second")
    assert lines_of(tmp_path / "a") == ["first"]
    assert lines_of(tmp_path / "b") == ["second"]


def test_a_disabled_run_captures_nothing(root: Path) -> None:
    with cb.init(dir=root, console=True, mode="disabled"):
        assert "write" not in vars(sys.stdout)
        print("x")
    assert not root.exists()


def test_many_threads_print_and_every_line_is_kept_whole(root: Path) -> None:
    def talk(who: int) -> None:
        for number in range(200):
            sys.stdout.write(f"{who} {number}\n")

    with cb.init(dir=root, console=True):
        threads = [threading.Thread(target=talk, args=(who,)) for who in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(lines_of(root)) == sorted(f"{who} {number}" for who in range(5) for number in range(200))


def test_what_comes_faster_than_it_is_written_is_counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "MOST_WAITING", 100)
    with cb.init(dir=root) as run:
        log = ConsoleLog(run)
        for number in range(1000):
            log.add("stdout", f"{number:09}\n")
        log.tick()
        log.add("stdout", "again\n")
        log.close()
    lines = lines_of(root)
    assert lines[:11] == [f"{number:09}" for number in range(11)]
    assert lines[11:] == ["crossboard: 989 lines came too fast and are not kept", "again"]


def test_a_program_that_prints_for_ever_does_not_fill_the_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "MOST_KEPT", 1 << 20)
    with cb.init(dir=root) as run:
        log = ConsoleLog(run)
        for _ in range(300):
            log.add("stdout", ("x" * 999 + "\n") * 10)
            log.tick()
        log.close()
    lines = lines_of(root)
    assert lines[-1] == "crossboard: the console ends here: 1 MiB are kept of each process"
    assert 1000 < len(lines) < 1100


def test_text_that_is_no_utf8_is_kept_with_marks(root: Path) -> None:
    with cb.init(dir=root) as run:
        log = ConsoleLog(run)
        log.add("stdout", "a\udc80b\n")
        log.close()
    assert lines_of(root) == ["a?b"]


def test_a_print_costs_little(root: Path) -> None:
    sink = io.StringIO()
    with contextlib.redirect_stdout(sink), cb.init(dir=root, console=True):
        began = time.perf_counter()
        for _ in range(20_000):
            sys.stdout.write("x\n")
        taken = time.perf_counter() - began
    assert taken / 20_000 < 50e-6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_prints_as_before_and_its_prints_are_not_kept(tmp_path: Path) -> None:
    code = (
        "import os, crossboard as cb\n"
        "run = cb.init(dir='runs', console=True)\n"
        "print('parent', flush=True)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    print('child', flush=True)\n"
        "    os._exit(0)\n"
        "os.waitpid(pid, 0)\n"
        "print('parent again', flush=True)\n"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == "parent\nchild\nparent again\n"
    assert lines_of(tmp_path / "runs") == ["parent", "parent again"]


def test_a_program_that_ends_without_finish_keeps_its_last_line(tmp_path: Path) -> None:
    code = "import crossboard as cb\ncb.init(dir='runs', console=True)\nprint('a')\nprint('no newline', end='')"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert (answer.stdout, answer.stderr) == ("a\nno newline", "")
    assert lines_of(tmp_path / "runs") == ["a", "no newline"]


# --------------------------------------------------------------------------------------------------------- logging


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    made = logging.getLogger("crossboard-test")
    made.setLevel(logging.DEBUG)
    made.propagate = False
    yield made
    for handler in list(made.handlers):
        made.removeHandler(handler)


def test_log_records_become_lines_of_the_current_run(root: Path, logger: logging.Logger) -> None:
    logger.addHandler(RunHandler())
    logger.info("before any run: nowhere")
    with cb.init(dir=root):
        logger.info("epoch %d", 3)
        try:
            raise ValueError("broken")
        except ValueError:
            logger.exception("it failed")
    logger.info("after the end: nowhere")
    lines = lines_of(root, "log")
    assert lines[:2] == ["INFO crossboard-test: epoch 3", "ERROR crossboard-test: it failed"]
    assert lines[2] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: broken"


def test_a_handler_keeps_its_level_and_format_and_flushes(root: Path, logger: logging.Logger) -> None:
    with cb.init(dir=root) as run:
        handler = RunHandler(run, level="WARNING")
        handler.setFormatter(logging.Formatter("%(message)s!"))
        logger.addHandler(handler)
        logger.info("too low")
        logger.warning("heard")
        handler.flush()
        assert lines_of(root) == ["heard!"]


def test_grave_records_become_alerts_where_that_is_wanted(root: Path, logger: logging.Logger) -> None:
    with cb.init(dir=root) as run:
        logger.addHandler(RunHandler(run, alert_level=logging.WARNING))
        logger.info("fine")
        logger.warning("hm")
        logger.error("bad %s", "thing")
    alerts = [(one.title, one.level) for one in events(root) if isinstance(one, Alert)]
    assert alerts == [("hm", "warn"), ("bad thing", "error")]


def test_a_record_that_cannot_be_formatted_is_told_as_logging_tells_it(root: Path, logger: logging.Logger, capsys: Capsys) -> None:
    with cb.init(dir=root) as run:
        handler = RunHandler(run)
        for text, value in (("%d", "no number"), ("%s", "fine")):
            handler.handle(logger.makeRecord(logger.name, logging.INFO, __file__, 1, text, (value,), None))
    assert "--- Logging error ---" in capsys.readouterr().err
    assert lines_of(root) == ["INFO crossboard-test: fine"]
