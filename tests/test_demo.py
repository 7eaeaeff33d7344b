"""The demo opens the board first, trains in it, says what cannot be had, and ends with nothing left running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossboard as cb
from crossboard import demo

ROOT = Path(__file__).resolve().parents[1]


class RunningDemo:
    """A `crossboard demo` process and what it has printed so far."""

    def __init__(self, root: Path, *options: str) -> None:
        command = [sys.executable, "-m", "crossboard", "demo", "--no-browser", "--port", "0", "--dir", str(root), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=root.parent)
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))

    def said(self) -> str:
        return "".join(self.lines)

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.said())
            if found:
                return found
            time.sleep(0.1)
        raise AssertionError(f"nothing like {pattern!r} within {seconds} s in:\n{self.said()}")

    def end(self, seconds: float = 120) -> int:
        code = self.process.wait(seconds)
        self.reader.join(5)
        return code


@pytest.fixture
def started() -> Iterator[list[RunningDemo]]:
    """Demos that a test started; whatever is left is interrupted."""
    demos: list[RunningDemo] = []
    yield demos
    for one in demos:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGTERM)
            one.process.wait(30)


def children_of(pid: int) -> list[int]:
    """Return the process ids below `pid` (Linux)."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += [int(child), *children_of(int(child))]
    return found


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_frameworks_numpy_streams_into_the_open_board(tmp_path: Path, started: list[RunningDemo]) -> None:
    root = tmp_path / "runs"
    one = RunningDemo(root, "--no-frameworks", "--exit", "--steps", "400")
    started.append(one)
    url = one.wait_for(r"http://\S+", 60).group()
    end = time.monotonic() + 30
    runs: list[object] = []
    while not runs and time.monotonic() < end:  # the board is open and training has only begun
        runs = list(cb.open(str(root)))
        time.sleep(0.1)
    assert one.process.poll() is None
    assert runs, one.said()
    assert url.startswith("http://127.0.0.1:")
    assert one.end() == 0, one.said()
    (run,) = cb.open(str(root))
    assert (run.project, run.name, run.status) == ("spirals", "numpy seed 0", "finished")
    assert len(run["train/loss"]) == 400
    assert f"1 run in {root}" in one.said()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc to see the children")
def test_ctrl_c_ends_the_trainings_and_the_board(tmp_path: Path, started: list[RunningDemo]) -> None:
    root = tmp_path / "runs"
    one = RunningDemo(root, "--no-frameworks")
    started.append(one)
    one.wait_for(r"http://\S+", 60)
    below = children_of(one.process.pid)
    assert below, "the board runs as a child"
    time.sleep(1.0)
    one.process.send_signal(signal.SIGINT)
    assert one.end(30) == 130
    assert not [pid for pid in below if is_running(pid)]
    assert "Traceback" not in one.said()
    (run,) = cb.open(str(root))
    assert run.status == "failed", "an interrupted run did not finish"
    assert len(run["train/loss"]) > 0


@pytest.mark.torch
@pytest.mark.tensorflow
@pytest.mark.slow
def test_both_frameworks_train_side_by_side_grouped_by_framework(tmp_path: Path, started: list[RunningDemo]) -> None:
    pytest.importorskip("sklearn")
    root = tmp_path / "runs"
    one = RunningDemo(root, "--exit", "--seeds", "2", "--epochs", "2", "--steps", "100")
    started.append(one)
    assert one.end(240) == 0, one.said()
    digits = [run for run in cb.open(str(root)) if run.project == "digits"]
    assert sorted((run.info.group, run.name) for run in digits) == [
        ("keras", "keras seed 0"),
        ("keras", "keras seed 1"),
        ("torch", "torch seed 0"),
        ("torch", "torch seed 1"),
    ]
    assert {run.status for run in digits} == {"finished"}
    assert {len(run["train/loss"]) for run in digits} == {2 * 45}
    assert all({"train/loss", "train/acc", "val/loss", "val/acc", "lr"} <= set(run.series()) for run in digits)


def test_a_framework_that_cannot_be_installed_is_said_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    one = demo.Demo(demo.parser().parse_args(["--dir", str(tmp_path / "runs"), "--no-browser"]))
    one.install("a-framework-that-is-nowhere")
    said = []
    while not one.messages.empty():
        said.append(one.messages.get())
    one.stop()
    assert said[-1][0] == "warn"
    assert "a-framework-that-is-nowhere: no CPU build for Python 3." in said[-1][1]


def test_the_example_scripts_of_the_checkout_are_found() -> None:
    assert demo.examples_folder() == ROOT / "examples"
    for script in demo.LANES.values():
        assert (demo.examples_folder() / script).is_file()
