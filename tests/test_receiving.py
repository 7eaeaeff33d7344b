"""Where environments that arrive at the board are kept: in a root of crossboard's own, never in another tool's directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import crossboard as cb
from crossboard import cli
from crossboard.receiving import native_root, receiver_root, visdom_receiver


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one run."""
    run = cb.init(project="mnist", dir=tmp_path / "runs", system=False)
    run.log({"loss": 1.0})
    run.finish()
    return tmp_path / "runs"


def test_a_root_a_project_and_a_run_lead_to_their_root(root: Path) -> None:
    project = next(root.iterdir())
    run = next(project.iterdir())
    assert [native_root(str(path)) for path in (root, project, run)] == [str(root)] * 3


def test_what_is_empty_or_to_come_is_a_root_and_what_another_tool_wrote_is_none(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    assert native_root(str(foreign)) == str(foreign)
    assert native_root(str(tmp_path / "to come")) == str(tmp_path / "to come")
    (foreign / "main.json").write_text('{"jsons": {}, "reload": {}}')
    assert native_root(str(foreign)) is None
    assert native_root(str(foreign / "main.json")) is None
    assert native_root("s3://bucket/logs") is None


def test_the_first_root_among_the_paths_is_taken_else_the_default(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "main.json").write_text('{"jsons": {}, "reload": {}}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSBOARD_DIR", raising=False)
    assert receiver_root([str(foreign), str(root)]) == str(root)
    assert receiver_root([str(foreign)]) == str(tmp_path / "runs")
    monkeypatch.setenv("CROSSBOARD_DIR", str(tmp_path / "mine"))
    assert receiver_root([str(foreign)]) == str(tmp_path / "mine")
    receiver, more = visdom_receiver([str(foreign)])
    assert more == [os.path.join(str(tmp_path / "mine"), "visdom")] == [receiver.keeper.path]
    assert visdom_receiver([str(root)])[1] == []
    assert sorted(path.name for path in foreign.iterdir()) == ["main.json"]


def test_nothing_is_written_before_something_arrives(root: Path) -> None:
    receiver, _ = visdom_receiver([str(root)])
    assert receiver.keeper.names() == ["main"]
    receiver.close()
    assert [path.name for path in root.iterdir()] == ["mnist"]


def test_visdom_is_answered_unless_it_is_turned_off() -> None:
    assert cli.board_parser().parse_args([]).visdom
    assert not cli.board_parser().parse_args(["--no-visdom"]).visdom
