"""The run handle: what a program logs is there, what it does wrong is said once, and training never sees an exception."""

from __future__ import annotations

import argparse
import dataclasses
import decimal
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.store.errors import CrossboardError, CrossboardWarning
from crossboard.store.fold import RunState
from crossboard.store.kinds import RunInfo
from crossboard.store.native import NativeSource

Read = Callable[[], tuple[RunInfo, dict[str, list[tuple[int, float]]]]]


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def read(root: Path) -> Read:
    """Read the only run under `root` through the native source: what it is, and tag -> (step, value)."""

    def reader() -> tuple[RunInfo, dict[str, list[tuple[int, float]]]]:
        return read_run(root)

    return reader


def read_run(root: Path) -> tuple[RunInfo, dict[str, list[tuple[int, float]]]]:
    source = NativeSource(root)
    (found,) = source.scan()
    state = RunState(key=found.key, source="native")
    state.found(found)
    points: dict[str, list[tuple[int, float]]] = {}
    cursor, more = None, True
    while more:
        batch = source.read(found, cursor)
        cursor, more = batch.cursor, batch.more
        assert not batch.problems
        for placed in batch.records:
            state.apply(placed)
        state.hear(batch.writers)
        for strand in batch.strands:
            points.setdefault(strand.tag, []).extend(zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True))
    return state.info(now=0.0), points


def log_three_times(run: cb.Run, metrics: dict[str, Any]) -> None:
    for step in range(3):
        run.log(metrics, step=step)


def log_until_dropped(run: cb.Run) -> None:
    deadline = time.monotonic() + 10
    while not run.dropped and time.monotonic() < deadline:
        run.log({"a": 1.0})
        time.sleep(0.01)
        if run._upkeep is not None:
            run._upkeep.tick()
    run.log({"a": 1.0})


def test_a_logged_number_is_read_back(root: Path, read: Read) -> None:
    with cb.init(project="p", name="first", dir=root, config={"lr": 0.1}, tags=["a"], notes="n", group="g") as run:
        run.log({"train/loss": 0.5, "train/acc": 1}, step=3)
        info, points = read()
        assert info.status == "running"
        assert points == {"train/loss": [(3, 0.5)], "train/acc": [(3, 1.0)]}
    info, _ = read()
    assert (info.status, info.name, info.project, info.config) == ("finished", "first", "p", {"lr": 0.1})
    assert (info.tags, info.notes, info.group) == (("a",), "n", "g")


def test_without_a_step_each_call_is_one_step(root: Path, read: Read) -> None:
    run = cb.init(dir=root)
    for value in (1.0, 2.0, 3.0):
        cb.log({"a": value})
    run.log({"a": 4.0}, step=10)
    run.log({"a": 5.0})
    run.log({"a": 6.0}, step=2)
    run.log({"a": 7.0})
    assert read()[1]["a"] == [(0, 1.0), (1, 2.0), (2, 3.0), (10, 4.0), (11, 5.0), (2, 6.0), (12, 7.0)]


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (True, 1.0),
        (7, 7.0),
        (10**400, math.inf),
        (decimal.Decimal("0.25"), 0.25),
        (np.float32(0.5), 0.5),
        (np.float16(0.5), 0.5),
        (np.int8(-3), -3.0),
        (np.uint64(2**63), 2.0**63),
        (np.bool_(True), 1.0),
        (np.array(2.5), 2.5),
        (np.array([[2.5]], np.float32), 2.5),
        (float("inf"), math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_numbers_of_every_kind_are_taken(root: Path, read: Read, value: Any, want: float) -> None:
    cb.init(dir=root, strict=True).log({"a": value}, step=0)
    assert read()[1]["a"] == [(0, want)]


def test_nan_is_kept(root: Path, read: Read) -> None:
    cb.init(dir=root).log({"a": math.nan}, step=0)
    assert math.isnan(read()[1]["a"][0][1])


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (np.zeros((32,)), r"numpy\.ndarray of shape \(32,\) and dtype float64"),
        ("0.5", r"str of length 3"),
        (None, "NoneType"),
        (1 + 2j, "complex"),
        ([1.0], "list of length 1"),
        (object(), "object"),
    ],
)
def test_what_is_no_number_is_said_once_at_the_users_line_and_the_rest_is_kept(root: Path, read: Read, value: Any, named: str) -> None:
    run = cb.init(dir=root)
    with pytest.warns(CrossboardWarning, match=rf"'bad': want one number, got {named}; left out") as caught:
        log_three_times(run, {"good": 1.0, "bad": value, "late": 2.0})
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert read()[1] == {"good": [(0, 1.0), (1, 1.0), (2, 1.0)], "late": [(0, 2.0), (1, 2.0), (2, 2.0)]}


def test_strict_raises_and_keeps_the_other_metrics(root: Path, read: Read) -> None:
    run = cb.init(dir=root, strict=True)
    with pytest.raises(TypeError, match="'bad'"):
        run.log({"good": 1.0, "bad": "x", "late": 2.0}, step=0)
    assert read()[1] == {"good": [(0, 1.0)], "late": [(0, 2.0)]}


@pytest.mark.parametrize("step", ["3", 2**63, 1.5, None.__class__, np.array([1, 2])])
def test_a_step_that_is_none_is_said_and_the_automatic_one_is_used(root: Path, read: Read, step: Any) -> None:
    run = cb.init(dir=root)
    run.log({"a": 1.0}, step=4)
    with pytest.warns(CrossboardWarning, match="step: want a whole number"):
        run.log({"a": 2.0}, step=step)
    assert read()[1]["a"] == [(4, 1.0), (5, 2.0)]


@pytest.mark.parametrize(("step", "want"), [(np.int32(3), 3), (3.0, 3), (-5, -5), (2**63 - 1, 2**63 - 1), (np.array(4), 4)])
def test_whole_numbers_of_every_kind_are_steps(root: Path, read: Read, step: Any, want: int) -> None:
    cb.init(dir=root, strict=True).log({"a": 1.0}, step=step)
    assert read()[1]["a"] == [(want, 1.0)]


def test_wrong_arguments_never_raise(root: Path) -> None:
    run = cb.init(dir=root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for bad in (None, 3, "loss", [("a", 1.0)], {3: 1.0}, {("a", "b"): 1.0}):
            run.log(bad)  # type: ignore[arg-type]
        run.define_metric("a", goal="best")
        run.alert("t", level="loud")


def test_a_finished_run_counts_what_comes_late(root: Path, read: Read) -> None:
    run = cb.init(dir=root)
    run.log({"a": 1.0})
    run.finish()
    run.finish()
    with pytest.warns(CrossboardWarning, match="finished"):
        run.log({"a": 2.0, "b": 3.0})
    assert run.dropped == 2
    assert read()[1] == {"a": [(0, 1.0)]}


def test_init_finishes_the_run_before(root: Path) -> None:
    first = cb.init(dir=root / "a")
    cb.init(dir=root / "b")
    first_info, _ = read_run(root / "a")
    assert first_info.status == "finished"
    assert read_run(root / "b")[0].status == "running"
    assert "finished" in repr(first)


def test_an_exception_inside_with_marks_the_run_failed(root: Path, read: Read) -> None:
    with pytest.raises(ZeroDivisionError), cb.init(dir=root):
        raise ZeroDivisionError("one over none")
    info, _ = read()
    assert (info.status, info.error) == ("failed", "ZeroDivisionError: one over none")


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", "finished"),
        ("import sys; sys.exit(0)", "finished"),
        ("import sys; sys.exit(3)", "failed"),
        ("exit(3)", "failed"),
        ("leave(3)", "failed"),
        ("def main():\n    import sys\n    sys.exit('no data')\nmain()", "failed"),
        ("import sys\ntry:\n    sys.exit(3)\nexcept SystemExit:\n    pass", "finished"),
        ("raise SystemExit(0)", "finished"),
        ("raise RuntimeError('boom')", "failed"),
        ("import os; os._exit(0)", "killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "killed"),
        ("raise KeyboardInterrupt", "failed"),
    ],
)
def test_how_a_program_ends_decides_the_status_and_costs_no_point(root: Path, ending: str, status: str) -> None:
    begin = "from sys import exit as leave\nimport crossboard as cb"
    code = f"{begin}\nrun = cb.init(dir={str(root)!r})\nfor i in range(1000): run.log({{'a': i}})\n{ending}\n"
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    info, points = read_run(root)
    assert info.status == status
    assert len(points["a"]) == 1000


class TooLong(Exception):
    """What a user's own alarm raises."""


def test_what_a_signal_handler_raises_inside_a_logging_call_reaches_the_user(root: Path, read: Read) -> None:
    class Slow:
        """A number that is read while the alarm rings."""

        def __init__(self, value: float) -> None:
            self.value = value

        def item(self) -> float:
            return self.value

        def __float__(self) -> float:
            signal.raise_signal(signal.SIGALRM)
            return self.value

    def handler(number: int, frame: Any) -> None:
        raise TooLong

    run = cb.init(dir=root)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(TooLong):
            run.log({"a": 1.0, "b": Slow(2.0), "c": 3.0}, step=0)
    finally:
        signal.signal(signal.SIGALRM, before)
    run.log({"c": 4.0}, step=1)
    run.finish()
    assert read()[1] == {"a": [(0, 1.0)], "c": [(1, 4.0)]}


def test_a_signal_handler_may_log_inside_a_logging_call(root: Path, read: Read) -> None:
    run = cb.init(dir=root)
    rung = 0

    def handler(number: int, frame: Any) -> None:
        nonlocal rung
        rung += 1
        run.log({"signal": 1.0, f"new/{rung % 50}": 2.0}, step=rung)
        signal.setitimer(signal.ITIMER_REAL, 0.0003)  # once more; a repeating timer could starve a busy machine

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
    try:
        for step in range(30_000):
            run.log({"a": float(step), "b": 0.0}, step=step)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    _, points = read()
    assert rung > 10
    assert [step for step, _ in points["a"]] == list(range(30_000))
    assert len(points["signal"]) == rung
    assert sum(len(some) for tag, some in points.items() if tag.startswith("new/")) == rung


@dataclasses.dataclass
class _Settings:
    lr: float
    layers: list[int]


def test_configs_of_every_kind_are_taken(root: Path, read: Read) -> None:
    class Duck:  # as OmegaConf's DictConfig: keys and items, no inheritance
        def keys(self) -> list[str]:
            return ["depth"]

        def __getitem__(self, key: str) -> int:
            return 4

    run = cb.init(dir=root, config=_Settings(0.1, [1, 2]))
    run.config.update(argparse.Namespace(seed=3, path=Path("x")))
    run.config.update({"model": {"width": np.int64(8)}}, Duck())
    run.config.model = {"act": "relu"}
    run.config["odd"] = object
    assert run.config.lr == 0.1
    config = read()[0].config
    assert config["model"] == {"width": 8, "act": "relu"}
    assert (config["lr"], config["layers"], config["seed"], config["path"], config["depth"]) == (0.1, [1, 2], 3, "x", 4)


def test_the_summary_has_last_min_max_best_and_what_was_set(root: Path, read: Read) -> None:
    run = cb.init(dir=root)
    run.define_metric("acc", goal="max")
    for step, value in enumerate([0.1, 0.9, math.nan, 0.5]):
        run.log({"acc": value}, step=step)
    run.summary["note"] = "good"
    assert run.summary["acc"] == {"last": 0.5, "min": 0.1, "max": 0.9, "best": 0.9}
    assert read()[0].summary == {"note": "good"}


def test_resume_continues_the_run_as_a_new_attempt(root: Path, read: Read) -> None:
    first = cb.init(project="p", name="n", dir=root)
    for step in range(5):
        first.log({"a": 0.0}, step=step)
    first.finish()
    second = cb.init(project="p", name="n", dir=root, resume=True)
    assert (second.id, second.attempt) == (first.id, 2)
    second.log({"a": 1.0})
    assert read()[0].attempts == 2
    assert (5, 1.0) in read()[1]["a"], "the automatic step goes on behind the largest"
    third = cb.init(dir=root, resume=first.id)
    assert (third.id, third.attempt) == (first.id, 3)


def test_resume_of_a_run_that_is_not_there_says_so_and_begins_it(root: Path) -> None:
    with pytest.warns(CrossboardWarning, match="no run 'gone'"):
        run = cb.init(dir=root, resume="gone")
    assert run.id == "gone"
    with pytest.raises(CrossboardError, match="gone-too"):
        cb.init(dir=root, resume="gone-too", strict=True)


def test_a_directory_that_cannot_be_made_costs_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.warns(CrossboardWarning, match="training goes on") as caught:
        run = cb.init(dir=tmp_path / "file" / "runs")
    assert len(caught) == 1
    run.log({"a": 1.0, "b": 2.0})
    run.config.lr = 1
    run.alert("x")
    assert run.dropped == 2
    run.finish()


def test_a_removed_directory_is_noticed_said_once_and_counted(root: Path) -> None:
    run = cb.init(dir=root)
    run.log({"a": 1.0})
    shutil.rmtree(root)
    with pytest.warns(CrossboardWarning, match="was removed") as caught:
        log_until_dropped(run)
    assert len(caught) == 1
    assert run.dropped >= 2
    run.finish()


def test_a_clock_that_goes_back_changes_nothing(root: Path, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    run = cb.init(dir=root)
    times = iter([100.0, 50.0, 75.0])
    monkeypatch.setattr("crossboard.loggers.run.time.time", lambda: next(times, 80.0))
    for step in range(3):
        run.log({"a": float(step)}, step=step)
    monkeypatch.undo()
    assert read()[1]["a"] == [(0, 0.0), (1, 1.0), (2, 2.0)]


def test_disabled_runs_write_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = cb.init(mode="disabled", config={"lr": 1})
    run.log({"a": object()})
    run.finish()
    monkeypatch.setenv("CROSSBOARD_MODE", "disabled")
    cb.init().log({"a": 1.0})
    cb.log({"a": 1.0})
    assert list(tmp_path.iterdir()) == []
    assert run.config.lr == 1


def test_logging_without_a_run_is_said_once(tmp_path: Path) -> None:
    code = "import crossboard as cb\nfor i in range(3): cb.log({'a': i})\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.count("no run was begun") == 1


def test_a_value_on_a_device_is_never_read_in_the_callers_thread(root: Path, read: Read) -> None:
    import threading

    caller = threading.get_ident()

    class Device:
        type = "cuda"

    class OnDevice:
        """Behaves as a CUDA tensor, and fails where reading it would wait for the device."""

        device = Device()
        shape = ()

        def __init__(self, value: float) -> None:
            self.value = value

        def numel(self) -> int:
            return 1

        def is_complex(self) -> bool:
            return False

        def detach(self) -> OnDevice:
            return self

        def clone(self) -> OnDevice:
            return OnDevice(self.value)

        def item(self) -> float:
            assert threading.get_ident() != caller, "read in the caller's thread"
            return self.value

        __float__ = item

    run = cb.init(dir=root)
    value = OnDevice(0.25)
    run.log({"a": value, "b": 1.0}, step=9)
    value.value = 99.0
    run.finish()
    assert read()[1] == {"a": [(9, 0.25)], "b": [(9, 1.0)]}


@pytest.mark.torch
def test_torch_scalars_are_taken_also_in_inference_mode(root: Path, read: Read) -> None:
    import torch

    run = cb.init(dir=root, strict=True)
    weight = torch.tensor(2.0, requires_grad=True)
    step: Any = torch.tensor(4)
    run.log({"a": weight * 2, "b": torch.tensor([3], dtype=torch.int64), "c": torch.tensor(0.5, dtype=torch.bfloat16)}, step=step)
    with torch.inference_mode():
        run.log({"a": torch.ones(()) * 3}, step=5)
    assert read()[1] == {"a": [(4, 4.0), (5, 3.0)], "b": [(4, 3.0)], "c": [(4, 0.5)]}


@pytest.mark.torch
def test_a_torch_tensor_of_many_elements_is_named_with_its_shape(root: Path) -> None:
    import torch

    run = cb.init(dir=root)
    with pytest.warns(CrossboardWarning, match=r"torch\.Tensor of shape \(2, 3\) and dtype torch\.float32"):
        run.log({"a": torch.zeros(2, 3)})


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_loader_workers_log_into_writers_of_their_own(root: Path, read: Read) -> None:
    import torch
    from torch.utils.data import DataLoader, Dataset

    run = cb.init(dir=root)

    class Data(Dataset[int]):
        def __len__(self) -> int:
            return 40

        def __getitem__(self, item: int) -> int:
            cb.log({"loaded": float(item)}, step=item)
            return item

    list(DataLoader(Data(), num_workers=2, batch_size=4, multiprocessing_context=torch.multiprocessing.get_context("fork")))
    run.log({"main": 1.0})
    info, points = read()
    assert sorted(step for step, _ in points["loaded"]) == list(range(40))
    assert info.status == "running"


@pytest.mark.tensorflow
def test_tensorflow_scalars_are_taken(root: Path, read: Read) -> None:
    code = (
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL']='3'\n"
        "import tensorflow as tf, crossboard as cb\n"
        f"run = cb.init(dir={str(root)!r}, strict=True)\n"
        "run.log({'a': tf.constant(1.5), 'b': tf.Variable([2]), 'c': tf.constant([[3.0]])}, step=tf.constant(7))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    info, points = read()
    assert points == {"a": [(7, 1.5)], "b": [(7, 2.0)], "c": [(7, 3.0)]}
    assert info.framework == "keras" or info.framework == "tensorflow"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_writes_its_own_files(root: Path, read: Read) -> None:
    run = cb.init(dir=root)
    run.log({"a": 0.0}, step=0)
    child = os.fork()
    if child == 0:
        try:
            for step in range(1, 1000):
                run.log({"a": float(step)}, step=step)
        finally:
            os._exit(0)
    for step in range(1000, 2000):
        run.log({"a": float(step)}, step=step)
    os.waitpid(child, 0)
    run.finish()
    info, points = read()
    assert sorted(points["a"]) == [(step, float(step)) for step in range(2000)]
    assert info.status == "finished"


def test_ranks_of_one_launch_meet_in_one_run_and_a_restart_is_a_new_attempt(root: Path) -> None:
    code = (
        "import crossboard as cb, sys\n"
        f"run = cb.init(project='p', name='n', dir={str(root)!r})\n"
        "for step in range(10): run.log({'loss': run.rank + run.attempt / 10}, step=step)\n"
    )
    for restart in range(2):
        ranks = [
            subprocess.Popen(
                [sys.executable, "-c", code],
                env={**os.environ, "RANK": str(rank), "TORCHELASTIC_RUN_ID": "job7", "TORCHELASTIC_RESTART_COUNT": str(restart)},
            )
            for rank in range(4)
        ]
        assert [process.wait(60) for process in ranks] == [0, 0, 0, 0]
    info, points = read_run(root)
    assert (info.attempts, info.ranks, info.status) == (2, 4, "finished")
    want = sorted(rank + attempt / 10 for rank in range(4) for attempt in (1, 2) for _ in range(10))
    assert sorted(value for _, value in points["loss"]) == pytest.approx(want)


def test_an_id_names_the_runs_directory_and_continues_the_run_that_has_it(root: Path, read: Read) -> None:
    with cb.init(project="p", name="n", id="mine", dir=root) as run:
        assert (run.id, run.dir) == ("mine", str(root / "p" / "mine"))
        run.log({"a": 1.0}, step=3)
    with cb.init(project="p", id="mine", dir=root) as run:
        assert (run.attempt, run.name) == (2, "n")
        run.log({"a": 2.0})
    assert read()[1]["a"] == [(3, 1.0), (4, 2.0)]


def test_importing_for_training_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    code = (
        "import sys, crossboard as cb\n"
        "run = cb.init(dir=sys.argv[1]); run.log({'a': 1.0}); run.finish()\n"
        "heavy = {'pyarrow', 'scipy', 'PIL', 'dash', 'plotly', 'fastapi', 'uvicorn', 'pandas', 'torch', 'tensorflow', 'orjson'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="asks /proc")
def test_a_finished_run_holds_no_map_and_no_file_open(root: Path) -> None:
    run = cb.init(dir=root)
    for step in range(5000):
        run.log({"a": 1.0}, step=step)
    assert run.dir in Path("/proc/self/maps").read_text()
    run.finish()
    assert run.dir not in Path("/proc/self/maps").read_text()
    assert [one for one in os.listdir("/proc/self/fd") if run.dir in os.path.realpath(f"/proc/self/fd/{one}")] == []


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda run: run.alert("late"), "alert"),
        (lambda run: run.config.update({"late": 1}), "config"),
        (lambda run: run.summary.update({"late": 1}), "summary"),
        (lambda run: run.define_metric("late", goal="min"), "define_metric"),
    ],
)
def test_what_is_said_of_a_finished_run_is_answered(root: Path, call: Callable[[cb.Run], None], what: str) -> None:
    run = cb.init(dir=root)
    run.finish()
    with pytest.warns(CrossboardWarning, match=rf"^{what}: this run is finished; dropped\. Call crossboard\.init for a new run$"):
        call(run)


@pytest.mark.parametrize("way", ["mmap", "write"])
@pytest.mark.parametrize("strict", [False, True])
def test_what_is_raised_of_a_call_does_not_log_it_twice(root: Path, monkeypatch: pytest.MonkeyPatch, way: str, strict: bool) -> None:
    monkeypatch.setenv("CROSSBOARD_JOURNAL", way)
    run = cb.init(dir=root, strict=strict)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, CrossboardWarning), match="want one number"):
            run.log({"a": 1.0, "b": object(), "c": 2.0})
    assert {tag: points.value.tolist() for tag, points in run.own_points().items()} == {"a": [1.0], "c": [2.0]}


def test_under_strict_a_full_disk_is_an_error_once_and_counted_exactly(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = cb.init(dir=root, strict=True)

    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    raised = calls = 0
    while calls < 5000:
        try:
            run.log({"a": 1.0, "b": 2.0})
        except OSError as error:
            raised += 1
            assert "no room for points" in str(error)  # noqa: PT017
        calls += 1
    kept = sum(map(len, run.own_points().values()))
    assert raised == 1
    assert kept + run.dropped == 2 * calls
