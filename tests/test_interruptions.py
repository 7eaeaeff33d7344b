"""What comes in between: other threads and signal handlers at the worst moment, and several runs under one launcher."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import crossboard as cb
from crossboard.loggers import harmless
from crossboard.loggers.helper import helper
from crossboard.loggers.later import MOST_BYTES, Later
from crossboard.loggers.launch import launch_of, scattered
from crossboard.store.errors import CrossboardWarning
from crossboard.store.points import HEADER_SIZE, RECORD_SIZE, PointsHeader, decode_records
from crossboard.store.records import Record, TagDeclared
from crossboard.store.rundir import find_runs
from crossboard.store.writer import MappedPoints

TWICE = "import crossboard as cb\nfor _ in range({runs}):\n    run = cb.init(project='p')\n    run.log({{'a': 1.0}})\n    run.finish()\n"


class ThreadInBetween(MappedPoints):
    """A journal on which another thread takes a slot each time somebody asks how many are used."""

    taken: int = -1

    @property
    def used(self) -> int:
        before = MappedPoints.used.fget(self)  # type: ignore[attr-defined]
        if self.taken < 0 and (slot := next(self.hot.slots, -1)) >= 0:
            self.taken = slot
        return int(before)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="journals are mapped on Linux only")
def test_no_thread_gets_a_slot_behind_the_cut_of_a_closing_journal(tmp_path: Path) -> None:
    """A store behind the end of a mapped file is a SIGBUS, which ends the training."""
    points = MappedPoints(str(tmp_path / "points-x.cbj"), PointsHeader("x", 1, 0, 0.0))
    for step in range(126):  # the file ends with its first page
        points.put(1, 1.0, step, 0.0)
    points.__class__ = ThreadInBetween
    points.close()
    data = (tmp_path / "points-x.cbj").read_bytes()
    assert len(decode_records(data[HEADER_SIZE:], first=0).records) == 126
    assert HEADER_SIZE + (points.taken + 1) * RECORD_SIZE <= len(data)  # type: ignore[attr-defined]


@pytest.fixture
def handled() -> Iterator[None]:
    if not hasattr(signal, "SIGUSR1"):
        pytest.skip("no SIGUSR1 here")
    before = signal.getsignal(signal.SIGUSR1)
    yield
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.usefixtures("handled")
@pytest.mark.timeout(20)
def test_a_signal_handler_may_be_warned_inside_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(set[tuple[str, int, str]]):
        def __contains__(self, item: object) -> bool:
            if not self:
                self.add(("", 0, ""))
                signal.raise_signal(signal.SIGUSR1)
            return super().__contains__(item)

    monkeypatch.setattr(harmless, "_said", Interrupted())
    signal.signal(signal.SIGUSR1, lambda *_: harmless.warn("inner", about="inner"))
    with pytest.warns(CrossboardWarning) as said:
        harmless.warn("outer", about="outer")
    assert [str(one.message) for one in said] == ["inner", "outer"]


def test_waiting_ends_only_when_every_job_is_done() -> None:
    class Watched:
        def prepare(self) -> float:
            return 0.01

        def tick(self) -> None: ...

    watched = Watched()
    helper.look_after(watched)
    later, done = Later(), list[int]()
    for round_ in range(300):
        assert later.add(lambda round_=round_: done.append(round_), size=round_ % 2)  # type: ignore[misc]
        assert later.wait() == 0
        assert len(done) == round_ + 1
    helper.leave(watched)


def test_what_waits_is_bounded_in_bytes() -> None:
    later, go = Later(), threading.Event()
    assert later.add(lambda: go.wait(10), size=MOST_BYTES + 1)  # one is always taken
    assert not later.add(lambda: None, size=1)
    assert later.add(lambda: None)  # a value from a device holds next to nothing
    go.set()
    assert later.wait() == 0
    assert (later.items, later.bytes) == (0, 0)


def run_program(root: Path, words: dict[str, str], *, runs: int = 1) -> None:
    environment = {**os.environ, "CROSSBOARD_DIR": str(root), "CROSSBOARD_SEAL": "0", **words}
    assert subprocess.run([sys.executable, "-c", TWICE.format(runs=runs)], env=environment, check=False, timeout=60).returncode == 0


def test_a_program_of_one_rank_that_trains_twice_makes_two_runs_and_so_do_its_ranks(tmp_path: Path) -> None:
    for rank in "01":
        run_program(tmp_path, {"RANK": rank, "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "sweep"}, runs=2)
    runs = list(find_runs(tmp_path))
    assert len(runs) == 2
    for run in runs:
        assert len(list(Path(run).glob("points-a1r0-*"))) == len(list(Path(run).glob("points-a1r1-*"))) == 1


@pytest.mark.parametrize(
    "words",
    [
        {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"},
        {"SLURM_JOB_ID": "7", "SLURM_PROCID": "0", "SLURM_NTASKS": "4"},
        {"RANK": "0", "WORLD_SIZE": "1"},
    ],
    ids=["batch script of one task", "batch script of four tasks, without srun", "container with one rank"],
)
def test_programs_that_run_one_after_the_other_under_the_same_words_are_runs_of_their_own(tmp_path: Path, words: dict[str, str]) -> None:
    run_program(tmp_path, words)
    run_program(tmp_path, words)
    assert len(list(find_runs(tmp_path))) == 2


def test_tasks_of_one_srun_share_a_launch_and_a_torchrun_restart_inside_is_another() -> None:
    words = {"SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2"}
    first, second = (launch_of({**words, "SLURM_PROCID": rank}) for rank in "01")
    assert (first.rank, second.rank) == (0, 1)
    assert first.key == second.key
    again = launch_of({**words, "SLURM_PROCID": "0", "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_RESTART_COUNT": "1"})
    assert again.job == first.job
    assert again.key != first.key


@pytest.mark.parametrize(
    ("words", "scattered_"),
    [
        ({"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4"}, True),
        ({"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "4"}, False),
        ({"TORCHELASTIC_RUN_ID": "job7", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4"}, False),
        ({"TORCHELASTIC_RUN_ID": "none", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4", "CROSSBOARD_RUN_ID": "x"}, False),
        ({}, False),
    ],
)
def test_machines_without_a_common_id_are_told_of(words: dict[str, str], scattered_: bool) -> None:
    assert scattered(words) is scattered_


def test_a_tag_that_a_signal_handler_declares_inside_the_declaration_of_another_gets_its_own_number(tmp_path: Path) -> None:
    run = cb.init(dir=tmp_path)
    append = run._append
    inside: list[Record] = []

    def interrupted(record: Record) -> bool:
        if isinstance(record, TagDeclared) and record.tag == "outer" and not inside:
            inside.append(record)
            run.log({"inner": 9.0}, step=0)
        return append(record)

    run._append = interrupted  # type: ignore[method-assign]
    run.log({"outer": 1.0}, step=0)
    run.log({"outer": 2.0, "inner": 8.0}, step=1)
    run.finish()
    (again,) = cb.open(tmp_path)
    assert again["outer"].value.tolist() == [1.0, 2.0]
    assert again["inner"].value.tolist() == [9.0, 8.0]
