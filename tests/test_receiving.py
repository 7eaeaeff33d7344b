"""Where environments that arrive at the board are kept: in a root of crossboard's own, never in another tool's directory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import crossboard as cb
from crossboard import cli
from crossboard.adapters.visdom.receiver import VisdomReceiver
from crossboard.adapters.visdom.saved import Saved
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


def test_a_program_goes_on_with_what_visdom_saved_and_the_file_stays_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CROSSBOARD_DIR", raising=False)
    trace = {"x": [0, 1], "y": [0.5, None], "type": "scatter", "name": "1"}
    pane = {"id": "loss", "type": "plot", "title": "loss", "content": {"data": [trace], "layout": {}}, "i": 0, "command": "window"}
    place = {"x": 1, "y": 2, "w": 3, "h": 4}
    text = json.dumps({"jsons": {"loss": pane}, "reload": {"loss": place}})
    saved = tmp_path / "dot-visdom"
    saved.mkdir()
    for name in ("main", "other"):
        (saved / f"{name}.json").write_text(text)
    receiver, _ = visdom_receiver([str(saved)])
    keeper = receiver.keeper
    assert sorted(keeper.names()) == ["main", "other"]
    assert not (tmp_path / "runs").exists()
    assert keeper.apply("main", "win_exists", {"win": "loss"}).text == "true"
    more = {"win": "loss", "append": True, "data": [{"x": [2], "y": [0.25], "type": "scatter", "name": "1"}]}
    assert keeper.apply("main", "update", more).text == "loss"
    keeper.delete("other")
    receiver.close()
    again = visdom_receiver([str(saved)])[0].keeper
    assert again.names() == ["main"]
    kept = json.loads(again.apply("main", "win_data", {"win": "loss"}).text)
    assert kept["content"]["data"][0]["y"] == [0.5, None, 0.25]
    assert again.environment("main").reload == {"loss": place}
    assert again.apply("other", "win_exists", {"win": "loss"}).text == "false"
    assert {(saved / f"{name}.json").read_text() for name in ("main", "other")} == {text}
    again.close()


def test_a_saved_environment_that_is_damaged_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    saved = tmp_path / "dot-visdom"
    saved.mkdir()
    (saved / "main.json").write_text('{"jsons": {"a": {"id": "a"}, "reload": {}}')
    receiver = VisdomReceiver(str(tmp_path / "runs"), saved=Saved([str(saved)]))
    assert receiver.keeper.apply("main", "win_exists", {"win": "a"}).text == "false"
    receiver.close()
    assert "begin the environment anew" in caplog.text
