"""Law 2: kill the process anywhere, and every call that returned is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL here")
@pytest.mark.parametrize("way", ["mmap", "write"])
def test_killed_writers_lose_no_acknowledged_point(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSBOARD_JOURNAL", way)
    loop = Path(__file__).with_name("kill_loop.py")
    done = subprocess.run([sys.executable, str(loop), "4", "4"], capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 lost" in done.stdout
