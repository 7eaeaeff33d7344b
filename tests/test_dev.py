"""dev.py sets up an environment once, says clearly what is missing, and is quick when all is there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from crossboard import frameworks

ROOT = Path(__file__).resolve().parents[1]
DEV_PY = str(ROOT / "dev.py")


def run_dev(*arguments: str, python: str = sys.executable, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **variables}
    return subprocess.run([python, DEV_PY, *arguments], capture_output=True, text=True, env=env, timeout=120)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip and nothing else."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


def older_python() -> str | None:
    found = [shutil.which(f"python3.{minor}") for minor in (9, 8, 7, 6)]
    found += [str(p) for minor in (9, 8, 7, 6) for p in Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python")]
    working = [p for p in found if p and subprocess.run([p, "-c", ""], capture_output=True).returncode == 0]
    return working[-1] if working else None


def test_an_older_python_is_told_what_is_wrong() -> None:
    python = older_python()
    if python is None:
        pytest.skip("no Python 3.6 to 3.9 is installed here")
    answer = run_dev("test", python=python)
    assert answer.returncode == 1
    assert "crossboard needs Python 3.10 or newer, this is 3." in answer.stderr
    assert "SyntaxError" not in answer.stderr


def test_a_python_without_ensurepip_is_told_which_package_to_install(tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError('as on Debian without python3-venv')\n")
    venv = tmp_path / "venv"
    answer = run_dev("demo", "--help", PYTHONPATH=str(tmp_path), CROSSBOARD_VENV=str(venv))
    assert answer.returncode == 2
    assert "apt install python3-venv" in answer.stdout
    assert not venv.exists()


def test_an_unknown_job_names_the_jobs() -> None:
    answer = run_dev("tests")
    assert answer.returncode == 2
    assert "invalid choice: 'tests'" in answer.stderr
    assert all(job in answer.stderr for job in ("demo", "test", "check", "bench"))


def test_bench_lists_the_benchmarks_and_refuses_an_unknown_one(dev: ModuleType) -> None:
    names = set(dev.benchmarks())
    assert {"log_call", "stalls"} <= names <= {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    listed = run_dev("bench")
    assert listed.returncode == 0
    assert {line.split()[0] for line in listed.stdout.splitlines()} == names
    unknown = run_dev("bench", "no-such")
    assert unknown.returncode == 2
    assert "no benchmark is called 'no-such'" in unknown.stdout


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_on_linux_only_the_cpu_build_of_torch_is_ever_asked_for(machine: str) -> None:
    tried = frameworks.attempts("torch", system="linux", machine=machine)
    assert [arguments[0] for arguments in tried] == [f"torch=={frameworks.TORCH}+cpu"] * 2
    assert tried[0][1:] == []
    assert frameworks.TORCH_CPU_INDEX in tried[1]


def test_elsewhere_the_plain_torch_is_the_small_one() -> None:
    assert frameworks.attempts("torch", system="darwin", machine="arm64") == [[f"torch=={frameworks.TORCH}"]]


@pytest.mark.parametrize("name", sorted(frameworks.INTEGRATIONS))
def test_what_stands_on_torch_never_brings_another_one(name: str) -> None:
    [asked] = frameworks.attempts(name, system="linux", machine="x86_64")
    assert f"torch=={frameworks.TORCH}+cpu" in asked
    assert not any(word.startswith("torchvision") for word in asked)


def test_fastai_is_installed_without_its_requirements() -> None:
    [asked] = frameworks.attempts("fastai", system="linux", machine="x86_64")
    assert not any(word.startswith("fastai") for word in asked)
    assert frameworks.ALONE["fastai"][0] == "--no-deps"


def test_tensorflow_is_the_cpu_build_where_there_is_one() -> None:
    assert frameworks.attempts("tensorflow", system="linux", machine="x86_64") == [["tensorflow-cpu>=2.16"]]
    assert frameworks.attempts("tensorflow", system="darwin", machine="arm64") == [["tensorflow>=2.16"]]


def test_a_framework_without_a_wheel_is_said_and_is_no_crash(
    bare: Path, dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    installer = frameworks.Installer(dev.python_in(bare), tmp_path / "pip.log")
    outcome = installer.framework("tensorflow")
    assert (outcome.ok, outcome.no_wheel) == (False, True)
    assert outcome.said.startswith("tensorflow: no CPU build for Python 3.")
    assert dev.install_optional(bare, ["tensorflow"], installer) == ["tensorflow"]
    assert "going on without it" in capsys.readouterr().out
    assert not dev.is_done(bare, "tensorflow")


def test_when_pip_fails_its_last_lines_are_shown(bare: Path, dev: ModuleType, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pyproject.toml").write_text("this is no TOML [")
    outcome = frameworks.Installer(dev.python_in(bare), tmp_path / "pip.log").framework(str(broken))
    assert (outcome.ok, outcome.no_wheel) == (False, False)
    assert "its last lines" in outcome.said
    assert "toml" in outcome.said.lower()
    assert 2 <= len(outcome.said.splitlines()) <= frameworks.LAST_LINES + 1


def test_a_stopped_installer_ends_pip_and_starts_no_other(bare: Path, dev: ModuleType, tmp_path: Path) -> None:
    installer = frameworks.Installer(dev.python_in(bare), tmp_path / "pip.log")
    installer.stop()
    assert installer.pip("numpy") == (False, "stopped")


def test_what_is_installed_is_remembered_until_pyproject_changes(dev: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "tree"
    (root / "src" / "crossboard").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "src/crossboard/frameworks.py", root / "src/crossboard")
    monkeypatch.setattr(dev, "ROOT", root)
    assert not dev.is_done(tmp_path, "[dev]")
    dev.mark_done(tmp_path, "[dev]")
    assert dev.is_done(tmp_path, "[dev]")
    assert dev.is_done(tmp_path, ""), "the development install includes the plain one"
    assert not dev.is_done(tmp_path, "torch")
    with (root / "pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert not dev.is_done(tmp_path, "[dev]")


def test_a_second_call_starts_its_job_in_under_a_second(dev: ModuleType) -> None:
    """Measured as the time that dev.py adds to the job it starts."""
    venv = Path(sys.prefix)
    if not dev.is_done(venv, ""):
        pytest.skip("this environment was not set up by dev.py")
    added = []
    for _ in range(3):
        began = time.monotonic()
        answer = run_dev("demo", "--help", CROSSBOARD_VENV=str(venv))
        through_dev = time.monotonic() - began
        assert answer.returncode == 0
        assert "dev.py:" not in answer.stdout, "nothing was left to install"
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "crossboard", "demo", "--help"], check=True, capture_output=True, cwd=ROOT)
        added.append(through_dev - (time.monotonic() - began))
    assert min(added) < 1.0


def test_a_browser_that_cannot_be_had_is_told_with_what_was_tried(
    dev: ModuleType, bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CROSSBOARD_CHROMIUM", raising=False)
    if dev.find_chromium():
        pytest.skip("a browser lies where no PATH leads")
    found, why_not = dev.get_chromium(bare)
    assert found is None
    assert why_not == "no Chromium found and none could be installed; tried: playwright install chromium"


def test_a_named_browser_wins(dev: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_CHROMIUM", "/opt/some/chrome")
    assert dev.find_chromium() == "/opt/some/chrome"


def test_other_pythons_are_those_that_work(dev: ModuleType) -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    listed = dev.other_interpreters(here)
    assert [version for version, _ in listed] == [version for version in dev.SUPPORTED if version != here]
    for version, interpreter in listed:
        if interpreter is not None:
            answer = subprocess.run([interpreter, "--version"], capture_output=True, text=True, check=True)
            assert answer.stdout.startswith(f"Python {version}.")
