"""The examples run as they stand, alone, and what they log can be read back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import crossboard as cb

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def run_example(name: str, *arguments: str, root: Path) -> str:
    """Run an example in a process of its own; return what it printed."""
    command = [sys.executable, str(ROOT / "examples" / name), *arguments, "--dir", str(root)]
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=root, env={**os.environ, **one_core})
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


def test_every_example_is_run_here() -> None:
    assert EXAMPLES == ["digits_keras.py", "digits_torch.py", "plain_python.py"]


def test_plain_python_learns_and_logs_every_step(tmp_path: Path) -> None:
    said = run_example("plain_python.py", "--steps", "1200", root=tmp_path)
    (run,) = cb.open(str(tmp_path))
    assert run.status == "finished"
    assert run.config["steps"] == 1200
    loss = run["train/loss"]
    assert list(loss.step) == list(range(1200))
    assert loss.value[-100:].mean() < loss.value[:100].mean() / 3
    assert f"{run['val/acc'].value[-1]:.3f}" in said


def check_digits(root: Path, framework: str, said: str) -> None:
    (run,) = cb.open(str(root))
    assert run.status == "finished"
    assert run.project == "digits"
    assert run.name == f"{framework} seed 1"
    assert run.config["seed"] == 1
    steps = 4 * 45
    assert len(run["train/loss"]) == steps
    assert list(run["val/acc"].step) == [44, 89, 134, 179]
    assert run["val/acc"].value[-1] > 0.85
    assert 0 < run["lr"].value[-1] < run["lr"].value[0] == pytest.approx(1e-3)
    assert f"{run['val/acc'].value[-1]:.3f}" in said


@pytest.mark.torch
def test_digits_in_torch(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    check_digits(tmp_path, "torch", run_example("digits_torch.py", "--seed", "1", "--epochs", "4", root=tmp_path))


@pytest.mark.tensorflow
def test_digits_in_keras(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    check_digits(tmp_path, "keras", run_example("digits_keras.py", "--seed", "1", "--epochs", "4", root=tmp_path))


@pytest.mark.torch
@pytest.mark.tensorflow
def test_both_frameworks_train_the_same_network_on_the_same_data() -> None:
    pytest.importorskip("sklearn")
    code = (
        "from crossboard.demo import load_example\n"
        "t, k = load_example('digits_torch.py'), load_example('digits_keras.py')\n"
        "print(sum(p.numel() for p in t.cnn().parameters()), k.cnn().count_params())\n"
        "print(abs(t.digits()[0].numpy().ravel() - k.digits()[0].ravel()).max())\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert answer.returncode == 0, answer.stderr[-3000:]
    counts, difference = answer.stdout.splitlines()
    assert counts == "38282 38282"
    assert float(difference) == 0.0
