"""Which framework a run shows: the one that the program itself holds, not what a library brought along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BROUGHT = """
import sys, types
sys.path.insert(0, {libraries!r})
{program}
from crossboard.loggers.frameworks import frameworks_used
print(",".join(frameworks_used()))
"""


@pytest.fixture
def libraries(tmp_path: Path) -> Path:
    """Frameworks by name, and a library that imports two of them, all where installed packages lie."""
    place = tmp_path / "site-packages"
    place.mkdir()
    for name in ("torch", "tensorflow", "keras"):
        (place / f"{name}.py").write_text("__version__ = '1.0'\nclass Tensor: ...\ndef zeros(): return Tensor()\n")
    (place / "boardlib.py").write_text("import tensorflow, keras\n")
    return place


@pytest.mark.parametrize(
    ("program", "used"),
    [
        ("import boardlib", "keras,tensorflow"),
        ("import torch, boardlib", "torch"),
        ("import boardlib\nfrom torch import zeros", "torch"),
        ("import boardlib, torch\nx = torch.zeros()\ndel torch", "torch"),
        ("import boardlib, keras", "keras"),
        ("pass", ""),
    ],
)
def test_what_the_program_holds_counts(libraries: Path, program: str, used: str) -> None:
    code = BROUGHT.format(libraries=str(libraries), program=program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == used, done.stderr
