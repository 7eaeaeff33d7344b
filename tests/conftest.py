"""What every test stands on: a clean environment, the browser's path, and skips that say why.

A test marked `torch`, `tensorflow`, `tensorboard` or `browser` is skipped, with its reason, where that is missing. Under CI=true
on the Python that the framework tests are meant for, it fails instead.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from browser import Open, Pages

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("crossboard", deadline=None)  # a slow machine is no counter-example
settings.register_profile("elsewhere", deadline=None, max_examples=25)  # the other Pythons: the laws were tried in full on one
settings.load_profile("crossboard")

ROOT = Path(__file__).resolve().parents[1]
NEEDS = {"torch": ("torch",), "tensorflow": ("tensorflow",), "tensorboard": ("tensorboard",), "browser": ("playwright",)}


def load_dev() -> ModuleType:
    """Load dev.py, the set-up script at the root, as a module."""
    spec = importlib.util.spec_from_file_location("crossboard_dev", ROOT / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DEV = load_dev()


def must_have_everything() -> bool:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    return bool(DEV.under_ci() and here == DEV.FRAMEWORK_PYTHON)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark, modules in NEEDS.items():
        if item.get_closest_marker(mark) is None:
            continue
        missing = [f"{module} is not installed" for module in modules if importlib.util.find_spec(module) is None]
        if mark == "browser" and DEV.find_chromium() is None:
            missing.append(os.environ.get("CROSSBOARD_NO_CHROMIUM", "no Chromium found; run: python3 dev.py test"))
        if missing:
            reason = "; ".join(missing)
            (pytest.fail if must_have_everything() else pytest.skip)(reason)


@pytest.fixture(scope="session")
def dev() -> ModuleType:
    """dev.py as a module."""
    return DEV


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that browser tests drive."""
    found = DEV.find_chromium()
    if found is None:
        pytest.skip(os.environ.get("CROSSBOARD_NO_CHROMIUM", "no Chromium found; run: python3 dev.py test"))
    return str(found)


@pytest.fixture(scope="session")
def chromium_arguments() -> list[str]:
    """How Chromium is started: no sandbox (root in CI), no background traffic."""
    return [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]


@pytest.fixture(scope="module")
def browser(chromium: str, chromium_arguments: list[str]) -> Iterator[Browser]:
    """Chromium, one for each file of tests: while it is open, nothing else in this process may run an event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=chromium_arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """See `browser.Open`."""
    pages = Pages(browser)
    yield pages.open
    assert pages.close() == []


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No launcher's or user's variables reach a test; caches go to a place of its own; nothing is sealed or
    asked of git in the background."""
    kept = ("CROSSBOARD_CHROMIUM", "CROSSBOARD_NO_CHROMIUM", "CROSSBOARD_VENV")
    for name in list(os.environ):
        if name.startswith(("CROSSBOARD_", "TORCHELASTIC_", "SLURM_", "OMPI_COMM_")) and name not in kept:
            monkeypatch.delenv(name)
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CROSSBOARD_CACHE", str(tmp_path_factory.mktemp("cache", numbered=True)))
    monkeypatch.setenv("CROSSBOARD_ALIASES", str(tmp_path_factory.mktemp("own", numbered=True) / "aliases"))
    monkeypatch.setenv("CROSSBOARD_DATA", str(tmp_path_factory.mktemp("data", numbered=True)))
    monkeypatch.setenv("CROSSBOARD_SEAL", "0")
    monkeypatch.setenv("CROSSBOARD_SYSTEM", "0")


@pytest.fixture
def said_anew() -> Iterator[None]:
    """Everything is said as in a new process, and a run that a test left open is finished."""
    import crossboard as cb
    from crossboard.loggers import harmless

    harmless.forget_said()
    yield
    cb.finish()
