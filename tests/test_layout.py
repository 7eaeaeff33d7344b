"""The root folders and the package `crossboard` are one and the same, and the lists that say so agree."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
FACE = ROOT / "src" / "crossboard"
FOLDERS = ["adapters", "dashboard", "loggers", "store"]
PLACES = [*FOLDERS, "src/crossboard", "examples", "tests", "benchmarks"]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_relative_link_stands_for_each_folder(folder: str) -> None:
    link = FACE / folder
    fix = "on Windows: git config core.symlinks true && git checkout -- src"
    assert link.is_symlink(), f"src/crossboard/{folder} must be a relative link; {fix}"
    assert link.readlink() == Path("..", "..", folder)


def test_there_are_no_other_links() -> None:
    assert sorted(path.name for path in FACE.iterdir() if path.is_symlink()) == FOLDERS


def test_the_build_maps_every_folder_and_reads_no_link(project: dict[str, Any]) -> None:
    build = project["tool"]["hatch"]["build"]
    wheel = build["targets"]["wheel"]
    assert build["skip-excluded-dirs"] is True
    for folder in FOLDERS:
        assert f"/src/crossboard/{folder}" in build["exclude"]
        assert folder in wheel["only-include"]
        assert wheel["sources"][folder] == f"crossboard/{folder}"
    assert wheel["sources"]["examples"] == "crossboard/examples"
    assert wheel["dev-mode-dirs"] == ["src"]


def test_the_extras_are_those_that_are_promised(project: dict[str, Any]) -> None:
    extras = project["project"]["optional-dependencies"]
    assert {"torch", "tensorflow", "tensorboard", "visdom", "test", "dev", "all"} <= set(extras)
    assert all("python_version >= '3.12'" in line for line in extras["visdom"])


def test_the_core_needs_no_framework(project: dict[str, Any]) -> None:
    core = " ".join(project["project"]["dependencies"]).lower()
    for name in ("torch", "tensorflow", "keras", "tensorboard", "visdom", "protobuf"):
        assert name not in core


def test_the_package_says_that_it_is_typed() -> None:
    assert (FACE / "py.typed").read_bytes() == b""


def test_ci_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, ".ci/run must be executable"
    assert "python3 dev.py test" in script.read_text()


@pytest.mark.parametrize("place", PLACES)
def test_every_module_opens_with_prose(place: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / place).rglob("*.py"))
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []
