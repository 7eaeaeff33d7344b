"""A process's death is proven or it is unknown; it is never assumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from crossboard.store.process import ProcessIdentity, life_of, start_ticks_of, this_process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here: every process is unknown")


def _identity_of(child: subprocess.Popen[bytes]) -> ProcessIdentity:
    return msgspec.structs.replace(this_process(), pid=child.pid, start_ticks=start_ticks_of(child.pid))


@pytest.fixture
def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def test_this_process_is_alive() -> None:
    assert life_of(this_process()) == "alive"


def test_a_killed_process_is_dead_even_before_its_parent_asked(sleeper: subprocess.Popen[bytes]) -> None:
    who = _identity_of(sleeper)
    assert life_of(who) == "alive"
    sleeper.kill()
    deadline = time.monotonic() + 10
    while life_of(who) != "dead" and time.monotonic() < deadline:
        time.sleep(0.01)
    assert life_of(who) == "dead"  # a zombie by now
    sleeper.wait()
    assert life_of(who) == "dead"


def test_a_stopped_process_is_alive(sleeper: subprocess.Popen[bytes]) -> None:
    os.kill(sleeper.pid, signal.SIGSTOP)
    time.sleep(0.1)
    try:
        assert life_of(_identity_of(sleeper)) == "alive"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_pid_that_was_given_to_another_process_is_not_mistaken_for_the_first() -> None:
    me = this_process()
    assert life_of(msgspec.structs.replace(me, start_ticks=me.start_ticks + 1)) == "dead"


def test_another_boot_of_this_machine_is_proof_of_death() -> None:
    me = this_process()
    if not me.machine:
        pytest.skip("no /etc/machine-id here")
    assert life_of(msgspec.structs.replace(me, boot="another")) == "dead"


@pytest.mark.parametrize(
    "change",
    [
        {"boot": "another", "machine": "another"},
        {"boot": "another", "host": "another"},
        {"boot": ""},
        {"pid_namespace": "pid:[1]"},
        {"start_ticks": 0},
    ],
)
def test_seen_from_elsewhere_nothing_is_proven(change: dict[str, str | int]) -> None:
    assert life_of(msgspec.structs.replace(this_process(), **change)) == "unknown"
