"""The examples run as they stand, alone, and what they log can be read back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard.demo import load_example
from crossboard.store.kinds import Kind

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


def run_example(name: str, *arguments: str, root: Path, **environment: str) -> str:
    """Run an example in a process of its own, with more variables in its environment; return what it printed."""
    command = [sys.executable, str(ROOT / "examples" / name), *arguments, "--dir", str(root)]
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1")
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=root, env={**os.environ, **one_core, **environment})
    assert answer.returncode == 0, answer.stderr[-3000:]
    return answer.stdout


def test_every_example_is_run_here() -> None:
    assert EXAMPLES == [
        "ddp_gloo.py",
        "digits_keras.py",
        "digits_torch.py",
        "gallery.py",  # these three by test_gallery.py
        "gallery_keras.py",
        "gallery_torch.py",
        "huggingface_tiny.py",
        "lightning_digits.py",
        "plain_python.py",
        "summary_writer_captured.py",
        "tf_custom_loop.py",
    ]


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
    by_torch, by_keras = load_example("digits_torch.py"), load_example("digits_keras.py")
    assert sum(one.numel() for one in by_torch.cnn().parameters()) == by_keras.cnn().count_params() == 38282
    assert abs(by_torch.digits()[0].numpy().ravel() - by_keras.digits()[0].ravel()).max() == 0


@pytest.mark.torch
def test_digits_with_lightning(tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    said = run_example("lightning_digits.py", "--seed", "1", "--epochs", "4", root=tmp_path)
    runs = cb.open(str(tmp_path))
    [run] = runs
    assert (run.status, run.project, run.name, run.config["seed"]) == ("finished", "digits", "lightning seed 1", 1)
    assert len(run["train/loss"]) == 4 * 45
    assert list(run["val/acc"].step) == [44, 89, 134, 179]
    assert run["val/acc"].value[-1] > 0.85
    assert f"{run['val/acc'].value[-1]:.3f}" in said
    assert len(runs.store.records(run.key, Kind.GRAPH)) == 1
    assert len(runs.store.records(run.key, Kind.IMAGE)) == 4
    assert (Path(run.info.path) / run.summary["checkpoint/best"]).is_file()


@pytest.mark.torch
def test_a_tiny_bert_with_hugging_face_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    run_example("huggingface_tiny.py", "--steps", "50", root=tmp_path)
    said = run_example("huggingface_tiny.py", "--steps", "200", "--resume", root=tmp_path)
    [run] = cb.open(str(tmp_path / "sentences"))
    assert (run.status, run.info.attempts) == ("finished", 2)
    assert list(run["train/loss"].step) == list(range(5, 201, 5))
    assert run["eval/accuracy"].value[-1] > 0.8
    assert f"{run['eval/accuracy'].value[-1]:.3f}" in said


@pytest.mark.tensorflow
def test_a_loop_of_ones_own_in_tensorflow(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    said = run_example("tf_custom_loop.py", "--seed", "1", "--epochs", "6", root=tmp_path)
    runs = cb.open(str(tmp_path))
    [run] = runs
    assert (run.status, run.name) == ("finished", "tensorflow seed 1")
    assert list(run["train/loss"].step) == list(run["grad_norm"].step) == list(range(6 * 45))
    assert run["val/acc"].value[-1] > 0.85
    assert f"{run['val/acc'].value[-1]:.3f}" in said
    histograms: list[Any] = [placed.record for placed in runs.store.records(run.key, Kind.HISTOGRAM)]
    assert [one.step for one in histograms] == [0, 100, 200]


@pytest.mark.torch
def test_a_script_with_a_summary_writer_is_captured_by_one_line(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("tensorboard")
    site = tmp_path / "site"  # with this module TensorBoard leaves TensorFlow alone, which takes seconds
    site.mkdir()
    (site / "sitecustomize.py").write_text("import sys, types\nsys.modules['tensorboard.compat.notf'] = types.ModuleType('notf')\n")
    paths = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    options = ("--epochs", "6", "--logdir", str(tmp_path / "events"))
    said = run_example("summary_writer_captured.py", *options, root=tmp_path, PYTHONPATH=paths)
    assert "captured seed 0: 342 steps" in said
    assert len(list((tmp_path / "events").glob("events.out.tfevents.*"))) == 1
    runs = cb.open([one for one in tmp_path.iterdir() if one.name not in ("events", "site")])
    [run] = runs
    assert run.status == "finished"
    assert list(run["train/loss"].step) == list(range(342))
    assert run["train/acc"].value[-50:].mean() > 0.8
    for kind, count in ((Kind.TEXT, 1), (Kind.GRAPH, 1), (Kind.IMAGE, 1), (Kind.HISTOGRAM, 6)):
        assert len(runs.store.records(run.key, kind)) == count


@pytest.mark.torch
def test_two_processes_log_to_one_run(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    said = run_example("ddp_gloo.py", "--steps", "100", root=tmp_path)
    assert "100 steps in 2 processes" in said
    [run] = cb.open(str(tmp_path))
    assert (run.status, run.config["world"]) == ("finished", 2)
    assert run.ranks("train/loss") == [0, 1]
    first, second = (run.get("train/loss", rank=rank) for rank in (0, 1))
    assert list(first.step) == list(second.step) == list(range(100))
    assert list(first.value) != list(second.value)
    assert run.ranks("acc") == [0]
    assert run["acc"].value[-1] > 0.7
