"""`crossboard demo --gallery`: every kind from both frameworks and both foreign formats, and each page that shows them, in real Chromium.

What is trained and written here is real: PyTorch, Keras, and the files of TensorBoard and Visdom that come of them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import Board, Open, faults, settle
from crossboard.demo import FOREIGN
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Kind
from crossboard.wiring import sources_for

pytestmark = [pytest.mark.torch, pytest.mark.tensorflow, pytest.mark.slow, pytest.mark.browser]

EVERY = {kind.value for kind in Kind} - {"scalar", "config", "event"}
PAGES = ("images", "text", "tables", "audio", "curves", "figures", "points", "tensors")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sklearn")
    root = tmp_path_factory.mktemp("gallery") / "runs"
    options = ["--gallery", "--seeds", "1", "--epochs", "4", "--steps", "200", "--exit", "--no-browser", "--port", "0", "--dir", str(root)]
    done = subprocess.run([sys.executable, "-m", "crossboard", "demo", *options], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return root


@pytest.fixture(scope="module")
def board(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    with Board(root, tmp_path_factory.mktemp("cache"), runs=5) as board:
        yield board


def test_both_frameworks_log_every_kind_and_both_formats_hold_what_they_can(root: Path) -> None:
    store = EmbeddedStore(sources_for([root]), memory=True)
    store.refresh()
    kinds: dict[str, set[str]] = {}
    for one in store.series():
        kinds.setdefault(one.key.run, set()).add(one.kind.value)
    native = {run.name: run for run in store.runs() if run.source == "native" and run.project == "gallery"}
    assert set(native) == {"torch seed 0", "keras seed 0"}
    for name, run in native.items():
        assert EVERY - kinds[run.key] == set(), name
        assert run.status == "finished", name
    foreign = {
        source: set[str]().union(*(kinds[run.key] for run in store.runs() if run.source == source and run.key in kinds))
        for source in FOREIGN
    }
    assert foreign["tensorboard"] >= {"scalar", "histogram", "image", "audio", "text", "pr_curve", "mesh", "embedding", "graph"}
    assert foreign["visdom"] >= {"scalar", "image", "text"}


@pytest.mark.parametrize("page", PAGES)
def test_the_page_of_a_kind_shows_both_frameworks_beside_each_other(page: str, board: Board, open_page: Open) -> None:
    shown = open_page(f"{board.url}?page={page}", scheme="dark" if page in ("text", "figures", "points") else "light")
    names = shown.evaluate("[...new Set(crossboard.kinds.tiles().filter(tile => !tile.error).map(tile => tile.run.name))]")
    assert {"torch seed 0", "keras seed 0"} <= set(names)
    assert faults(shown) == []
    shown.keyboard.press("[")
    settle(shown)
    assert shown.evaluate("crossboard.kinds.tiles().filter(tile => tile.near && tile.error).map(tile => tile.error.message)") == []
