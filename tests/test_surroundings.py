"""What a run knows about itself: from real git repositories, real packages, the real /proc; nothing secret, nothing unasked."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossboard as cb
from crossboard.loggers.gpus import visible
from crossboard.loggers.secrets import MASK, is_secret_name, masked, masked_arguments
from crossboard.loggers.surroundings import gather
from crossboard.loggers.system import PARTS, System, parts_wanted
from crossboard.loggers.usage import Usage
from crossboard.store.blobs import read_blob
from crossboard.store.errors import CrossboardWarning
from crossboard.store.kinds import Kind
from crossboard.store.native import NativeSource
from crossboard.store.records import Inline, Opened, Surroundings
from crossboard.store.rundir import find_runs


def kept(data: bytes) -> Inline:
    return Inline(data, "text/plain")


def surroundings_of(root: Path) -> list[Surroundings]:
    source = NativeSource(str(root))
    found = [placed.record for run in source.scan() for placed in source.read(run, None).records]
    return [record for record in found if isinstance(record, Surroundings)]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    place = tmp_path / "code"
    place.mkdir()
    git = ["git", "-C", str(place), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(place)], check=True)
    (place / "train.py").write_text("rate = 1\n")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    subprocess.run([*git, "remote", "add", "origin", "https://me:hunter2@example.org/code.git"], check=True)
    return place


def test_a_clean_repository_is_told_by_commit_and_branch(repository: Path) -> None:
    made = gather(frozenset(["git", "diff"]), directory=str(repository), keep=kept)
    head = subprocess.check_output(["git", "-C", str(repository), "rev-parse", "HEAD"], text=True).strip()
    assert made.git == {"commit": head, "branch": "trunk", "changed": 0, "remote": f"https://{MASK}@example.org/code.git"}
    assert made.diff is None


def test_what_is_not_committed_is_kept_with_its_secrets_masked(repository: Path) -> None:
    (repository / "train.py").write_text("rate = 2\napi_key = 'abcdef'\n")
    made = gather(frozenset(["git", "diff"]), directory=str(repository), keep=kept)
    assert made.git["changed"] == 1
    assert made.diff is not None
    text = read_blob(str(repository), made.diff).decode()
    assert "-rate = 1\n+rate = 2\n" in text
    assert "abcdef" not in text
    assert gather(frozenset(["git"]), directory=str(repository), keep=kept).diff is None


def test_git_is_asked_without_a_lock(repository: Path) -> None:
    index = repository / ".git" / "index"
    os.utime(repository / "train.py", (1, 1))  # a plain `git status` would now write the index anew
    before = index.read_bytes()
    gather(frozenset(["git"]), directory=str(repository), keep=kept)
    assert index.read_bytes() == before


def test_outside_a_repository_there_is_no_git(tmp_path: Path) -> None:
    assert gather(frozenset(PARTS), directory=str(tmp_path), keep=kept).git == {}


def test_packages_are_those_that_are_installed() -> None:
    made = gather(frozenset(["packages"]), directory=os.getcwd(), keep=kept)
    lines = zlib.decompress(made.packages).decode().splitlines()
    import msgspec
    import numpy

    assert f"numpy=={numpy.__version__}" in lines
    assert f"msgspec=={msgspec.__version__}" in lines
    assert (made.git, made.host, made.environment, made.arguments) == ({}, {}, {}, [])


def test_a_run_writes_its_surroundings_down_from_the_helper_thread(tmp_path: Path) -> None:
    code = (
        "import crossboard as cb, threading, crossboard.loggers.surroundings as s\n"
        "before = s.gather\n"
        "def gather(*a, **k):\n    print(threading.current_thread().name)\n    return before(*a, **k)\n"
        "s.gather = gather\n"
        f"run = cb.init(dir={str(tmp_path)!r}); run.log({{'a': 1.0}}); run.finish()\n"
    )
    secret = f"w{time.time_ns():x}"
    environment = {**os.environ, "CROSSBOARD_SYSTEM": "1", "HF_TOKEN": secret, "OMP_NUM_THREADS": "3"}
    command = [sys.executable, "-c", code, "--token", secret]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["crossboard-helper"]
    (made,) = surroundings_of(tmp_path)
    assert made.arguments[-2:] == ["--token", MASK]
    assert made.environment["OMP_NUM_THREADS"] == "3"
    assert made.host["cpus"] == os.cpu_count()
    (run_dir,) = find_runs(str(tmp_path))
    everything = b"".join(path.read_bytes() for path in Path(run_dir).rglob("*") if path.is_file())
    assert secret.encode() not in everything


@pytest.mark.parametrize(("argument", "variable"), [(False, "1"), (True, "0")])
def test_it_can_be_turned_off(tmp_path: Path, argument: bool, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_SYSTEM", variable)
    with cb.init(dir=tmp_path, system=argument) as run:
        run.log({"a": 1.0})
    assert surroundings_of(tmp_path) == []


def test_parts_are_named_and_wrong_names_are_said() -> None:
    assert parts_wanted(True, {}) == frozenset(PARTS)
    assert parts_wanted(False, {}) == frozenset()
    assert parts_wanted(True, {"CROSSBOARD_SYSTEM": "git, metrics"}) == {"git", "metrics"}
    with pytest.warns(CrossboardWarning, match="got gpu, left out"):
        assert parts_wanted(True, {"CROSSBOARD_SYSTEM": "git,gpu"}) == {"git"}


def test_usage_is_measured_and_leaves_the_steps_of_the_run_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_SYSTEM", "metrics")
    monkeypatch.setattr("crossboard.loggers.system.EVERY_S", 0.2)
    monkeypatch.setattr("crossboard.loggers.helper.SLOW_TICK_S", 0.1)
    run = cb.init(dir=tmp_path)
    until = time.monotonic() + 20
    while "system/process/cpu_percent" not in run.own_points() and time.monotonic() < until:
        run.log({"a": 1.0})
        time.sleep(0.01)
    run.finish()
    (again,) = cb.open(tmp_path)
    assert again["a"].step.tolist() == list(range(len(again["a"])))
    assert 0 <= again["system/process/cpu_percent"].value[0] < 6400
    if sys.platform == "linux":
        assert 0 <= again["system/memory_percent"].value[0] <= 100
        assert again["system/process/memory_bytes"].value[0] > 1 << 20


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_busy_process_shows(tmp_path: Path) -> None:
    usage = Usage(str(tmp_path), machine=True)
    began, until = time.monotonic(), time.process_time() + 0.3
    while time.process_time() < until:
        pass
    assert usage.sample()["system/process/cpu_percent"] > 50 * 0.3 / (time.monotonic() - began)  # half of what it had


def test_other_ranks_tell_less() -> None:
    first = System(frozenset(PARTS), directory=".", rank=0, created=0.0)
    second = System(frozenset(["git", "packages"]), directory=".", rank=1, created=0.0)
    assert first.looks_around
    assert not second.looks_around


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("t.py --lr 0.1", "t.py --lr 0.1"),
        ("t.py --token abc --lr 1", f"t.py --token {MASK} --lr 1"),
        ("t.py --api-key=abc", f"t.py --api-key={MASK}"),
        ("t.py db.password=abc", f"t.py db.password={MASK}"),
        ("t.py --max-tokens 5 --pad_token x", "t.py --max-tokens 5 --pad_token x"),
        ("t.py --tokenizer bert --author me", "t.py --tokenizer bert --author me"),
        ("t.py s3://key:word@host/x", f"t.py s3://{MASK}@host/x"),
        ("t.py hf_abcdefghijklmnopqrst", f"t.py {MASK}"),
        ("t.py --hf-token -v", "t.py --hf-token -v"),
    ],
)
def test_secrets_in_arguments_are_masked(words: str, shown: str) -> None:
    assert masked_arguments(words.split()) == shown.split()


@given(st.sampled_from(["API_KEY", "--token", "db.password", "AWS_SECRET_ACCESS_KEY", "hfToken"]), st.text("abcXYZ019", min_size=12))
def test_no_named_secret_ever_stays(name: str, secret: str) -> None:
    assert is_secret_name(name)
    assert secret not in " ".join(masked_arguments([f"{name}={secret}", name if name.startswith("-") else "--token", secret]))
    assert secret not in masked(f"x\n{name.lstrip('-')} = '{secret}'\n")


def test_opened_holds_a_masked_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["t.py", "--password", "abc"])
    cb.init(dir=tmp_path).finish()
    source = NativeSource(str(tmp_path))
    (opened,) = [p.record for run in source.scan() for p in source.read(run, None).records if isinstance(p.record, Opened)]
    assert opened.command == ["t.py", "--password", MASK]


@pytest.mark.parametrize(
    ("said", "indices"), [(None, [0, 1, 2]), ("", []), ("1", [1]), ("2,0", [2, 0]), ("0,-1,1", [0]), ("GPU-abc", [0, 1, 2]), ("7", [])]
)
def test_only_the_devices_that_the_program_may_use_are_told(said: str | None, indices: list[int]) -> None:
    assert visible({} if said is None else {"CUDA_VISIBLE_DEVICES": said}, 3) == indices


def test_surroundings_are_events() -> None:
    from crossboard.store.records import KIND_OF

    assert KIND_OF[Surroundings] is Kind.EVENT
