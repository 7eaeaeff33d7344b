"""The pages say what there is: every public name, flag, variable and command is documented, and what is documented exists."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import crossboard
from crossboard import demo

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
SOURCES = [
    path
    for folder in ("store", "loggers", "adapters", "dashboard", "src/crossboard", "examples", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not any(parent.is_symlink() for parent in path.parents)
]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def flags(parser: argparse.ArgumentParser) -> list[str]:
    found = [max(action.option_strings, key=len) for action in parser._actions if action.option_strings]
    return [flag for flag in found if flag != "--help"]


@pytest.mark.parametrize("name", crossboard.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert f"cb.{name}" in text_of("docs/logging.md")


def test_every_argument_of_init_is_documented() -> None:
    page = text_of("docs/logging.md")
    missing = [name for name in inspect.signature(crossboard.init).parameters if f"`{name}`" not in page]
    assert missing == []


def test_every_public_method_and_property_of_a_run_is_documented() -> None:
    page = text_of("docs/logging.md")
    called_by_the_logger_itself = {"open", "after_fork", "own_points"}
    names = [name for name in dir(crossboard.Run) if not name.startswith("_") and name not in called_by_the_logger_itself]
    assert {"log", "finish", "id", "log_image"} <= set(names)
    assert [name for name in names if f"run.{name}" not in page] == []


def test_every_flag_of_the_demo_is_documented() -> None:
    section = text_of("docs/command-line.md").partition("## `crossboard demo`")[2].partition("\n## ")[0]
    assert [flag for flag in flags(demo.parser()) if f"`{flag}" not in section] == []


def test_every_command_and_flag_of_the_command_line_is_documented() -> None:
    from crossboard import cli, commands

    page = text_of("docs/command-line.md")
    assert [flag for flag in flags(cli.board_parser()) if f"`{flag}" not in page] == []
    for command in commands.COMMANDS:
        section = page.partition(f"## `crossboard {command}")[2].partition("\n## ")[0]
        assert section, f"docs/command-line.md has no section for `crossboard {command}`"
        answer = subprocess.run(
            [sys.executable, "-m", "crossboard", command, "--help"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        told = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", answer.stdout)) - {"--help"}
        assert [flag for flag in sorted(told) if f"`{flag}" not in section] == [], command


def test_every_environment_variable_is_in_the_readme_and_used() -> None:
    table = text_of("README.md").partition("## Environment variables")[2].partition("\n## ")[0]
    told = set(re.findall(r"CROSSBOARD_[A-Z_]+", table))
    code = "\n".join(path.read_text(encoding="utf-8") for path in [*SOURCES, ROOT / "dev.py"])
    used = set(re.findall(r"""["'](CROSSBOARD_[A-Z_]+)["']""", code)) - {"CROSSBOARD_NO_CHROMIUM"}  # dev.py's word to the tests
    assert told == used


def test_the_two_commands_of_the_readme_are_jobs_of_dev(dev: ModuleType) -> None:
    first_screen = "\n".join(text_of("README.md").splitlines()[:24])
    jobs = re.findall(r"python3 dev\.py (\w+)", first_screen)
    assert jobs == ["demo", "test"]
    told = {job for page in PAGES for job in re.findall(r"python3 dev\.py (\w+)", page.read_text(encoding="utf-8"))}
    assert told <= set(dev.JOBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    pictures_to_come = {"docs/board-light.png"}
    assert [t for t in targets if t not in pictures_to_come and not (page.parent / t).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_parse(page: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        ast.parse(block)


def test_modules_that_the_architecture_names_exist() -> None:
    named = re.findall(
        r"`((?:store|loggers|adapters|dashboard|src/crossboard|examples|tests|benchmarks)/[\w./-]+)`",
        text_of("docs/architecture.md"),
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_dependency_has_its_reason() -> None:
    page = text_of("docs/architecture.md")
    block = text_of("pyproject.toml").partition("\ndependencies = [")[2].partition("\n]")[0]
    names = re.findall(r'"([a-z0-9-]+)', block)
    assert len(names) >= 10
    assert [name for name in names if f"| {name} " not in page] == []


def test_the_changelog_names_the_next_version() -> None:
    assert re.search(r"^## (Unreleased|\d+\.\d+\.\d+)", text_of("CHANGELOG.md"), re.MULTILINE)
