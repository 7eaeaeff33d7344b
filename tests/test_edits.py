"""What a person changes on the Runs page, over the real routes: edits of many runs, deleting and undoing it, and who may not."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import crossboard as cb
from crossboard.dashboard.app import create_app
from crossboard.event_export import export_events
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.rundir import TRASH
from crossboard.store.side_edits import FILE, SideEdits
from crossboard.store.source import Batch, FoundRun
from crossboard.wiring import sources_for

HAND = import_module("handmade")
FOREIGN = "tensorboard:/logs/theirs"


@dataclass
class Board:
    """A board over a root with two ended runs, one that goes on, and a run of another tool."""

    client: TestClient
    store: EmbeddedStore
    root: Path
    data: Path
    keys: dict[str, str]

    def post(self, path: str, **body: Any) -> Any:
        answer = self.client.post(f"/api/{path}", json=body)
        assert answer.status_code == 200, answer.text
        self.store.refresh()
        return answer.json()

    def names(self) -> set[str]:
        return {run.name for run in self.store.runs()}


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    root, data = tmp_path / "runs", tmp_path / "data"
    for name in ("one", "two"):
        with cb.init(project="p", name=name, tags=["old", "kept"], dir=root) as run:
            run.log({"loss": 1.0}, step=0)
    going = cb.init(project="p", name="going", dir=root)
    going.log({"loss": 1.0}, step=0)
    store = EmbeddedStore(sources_for([root]), memory=True, edits=SideEdits(data / FILE))
    store.refresh()
    store.append(FoundRun(FOREIGN, "/logs/theirs", "logs", "theirs", "theirs", 100.0), Batch(b""), source="tensorboard")
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        yield Board(client, store, root, data, {run.name: run.key for run in store.runs()})
    going.finish()
    store.close()


# ------------------------------------------------------------------------------------------------- edits of many


def test_many_runs_are_edited_at_once_native_and_foreign_alike(board: Board) -> None:
    runs = [board.keys["one"], FOREIGN]
    told = board.post("edit", runs=runs, add_tags=["paper"], remove_tags=["old"], archived=True)
    assert told == {"written": 2, "refused": []}
    assert board.store.run(board.keys["one"]).tags == ("kept", "paper")
    assert board.store.run(FOREIGN).tags == ("paper",)
    assert all(board.store.run(key).archived for key in runs)
    assert board.store.run(board.keys["two"]).tags == ("old", "kept")


def test_an_edit_of_a_run_that_has_long_been_silent_is_shown_at_once(tmp_path: Path) -> None:
    """Such a run, on another machine and never ended, is read at last every half minute; who edits it need not wait for that."""
    directory = HAND.make_run(tmp_path, "silent")
    HAND.HandWriter(directory, process=HAND.elsewhere())
    for file in Path(directory).iterdir():
        os.utime(file, (HAND.T0, HAND.T0))
    store = EmbeddedStore(sources_for([tmp_path]), memory=True)
    store.refresh()
    held = store.known(f"native:{directory}")
    assert held is not None
    for _ in range(8):
        held.look_at = 0.0
        store.refresh()
    assert held.look_at > time.monotonic() + 1
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        for name in ("first", "second"):
            assert client.post("/api/edit", json={"run": f"native:{directory}", "name": name}).status_code == 200
            store.refresh()
            assert store.run(f"native:{directory}").name == name
    store.close()


def test_a_foreign_edit_lies_in_the_data_directory_and_outlives_the_board(board: Board) -> None:
    board.post("edit", run=FOREIGN, name="ours", notes="said")
    assert (board.data / FILE).read_text().count("\n") == 1
    later = EmbeddedStore(memory=True, edits=SideEdits(board.data / FILE))
    later.append(FoundRun(FOREIGN, "/logs/theirs", "logs", "theirs", "theirs", 100.0), Batch(b""), source="tensorboard")
    assert (later.run(FOREIGN).name, later.run(FOREIGN).notes) == ("ours", "said")


def test_one_run_that_cannot_be_edited_stops_no_other_and_is_named(board: Board) -> None:
    told = board.post("edit", runs=["native:/nowhere", board.keys["two"]], notes="n")
    assert told["written"] == 1
    assert [one["run"] for one in told["refused"]] == ["native:/nowhere"]
    assert "no run" in told["refused"][0]["error"]
    assert board.store.run(board.keys["two"]).notes == "n"


def test_a_root_that_cannot_be_written_is_said_with_its_file(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("crossboard.dashboard.edits._append", refuse)
    answer = board.client.post("/api/edit", json={"run": board.keys["one"], "name": "x"})
    assert answer.status_code == 403
    assert "Read-only file system" in answer.json()["error"]
    assert "records-board-" in answer.json()["error"]


def test_a_data_directory_that_cannot_be_written_is_said_with_its_file(board: Board) -> None:
    board.data.write_text("a file where the directory should be")
    answer = board.client.post("/api/edit", json={"run": FOREIGN, "name": "x"})
    assert answer.status_code == 403
    assert str(board.data) in answer.json()["error"]
    assert "CROSSBOARD_DATA" in answer.json()["next"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"runs": [], "notes": "x"}, "want a JSON object"),
        ({"runs": "KEY", "notes": "x"}, "want a JSON object"),
        ({"run": "KEY", "runs": ["KEY"], "notes": "x"}, "want a JSON object"),
        ({"run": "KEY", "name": ""}, "name: want a text, got an empty one"),
        ({"run": "KEY", "name": "x" * 501}, "name: want text"),
        ({"run": "KEY", "tags": [""]}, "tags: want a list of texts"),
        ({"run": "KEY", "add_tags": ["x"] * 201}, "add_tags: want a list of texts"),
        ({"run": "KEY", "archived": 1}, "archived: want true or false"),
    ],
)
def test_an_edit_of_another_shape_changes_nothing(board: Board, body: dict[str, Any], words: str) -> None:
    key = board.keys["one"]
    sent = {name: key if value == "KEY" else [key] if value == ["KEY"] else value for name, value in body.items()}
    answer = board.client.post("/api/edit", json=sent)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert not list(Path(board.store.run(key).path).glob("records-board-*"))


# ----------------------------------------------------------------------------------------------- delete and undo


def test_what_would_go_and_where_is_told_before_anything_goes(board: Board) -> None:
    told = board.post("delete", runs=list(board.keys.values()), dry_run=True)
    assert {one["name"] for one in told["deleted"]} == {"one", "two"}
    assert all(one["trash"] == str(board.root) and one["bytes"] > 0 and one["files"] >= 2 for one in told["deleted"])
    reasons = {one["name"]: one["error"] for one in told["refused"]}
    assert reasons["going"] == "it is running"
    assert "never changes" in reasons["theirs"]
    assert board.names() == {"one", "two", "going", "theirs"}
    assert not (board.root / TRASH).exists()


def test_a_deleted_run_is_gone_from_the_board_and_undo_brings_it_back_with_its_points(board: Board) -> None:
    told = board.post("delete", runs=[board.keys["one"], board.keys["two"]])
    assert (len(told["deleted"]), told["refused"]) == (2, [])
    assert board.names() == {"going", "theirs"}
    listed = board.client.get("/api/trash").json()["deleted"]
    assert {one["id"] for one in listed} == {one["id"] for one in told["deleted"]}
    again = board.post("restore", ids=[one["id"] for one in listed])
    assert (len(again["restored"]), again["refused"]) == (2, [])
    assert board.names() == {"one", "two", "going", "theirs"}
    assert board.store.metrics(board.keys["one"])["loss"].last == 1.0
    assert board.client.get("/api/trash").json()["deleted"] == []


def test_a_live_run_and_a_foreign_run_stay_with_their_reasons(board: Board) -> None:
    told = board.post("delete", runs=[board.keys["going"], FOREIGN, "native:/nowhere"])
    assert told["deleted"] == []
    assert [one["error"] for one in told["refused"]][:2] == [
        "it is running",
        "it lies in a tensorboard source, which crossboard never changes",
    ]
    assert Path(board.store.run(board.keys["going"]).path).is_dir()


@pytest.mark.parametrize("body", [{}, {"runs": []}, {"runs": [1]}, {"runs": ["a"], "path": "/"}, {"runs": ["a"], "dry_run": "yes"}, []])
def test_a_deletion_of_another_shape_is_refused(board: Board, body: Any) -> None:
    assert board.client.post("/api/delete", json=body).status_code == 400


def test_only_ids_of_the_trash_are_restored(board: Board) -> None:
    told = board.post("restore", ids=["../../p", "20261128-150000-1a2b3c4d"])
    assert told["restored"] == []
    assert len(told["refused"]) == 2
    assert board.client.post("/api/restore", json={"ids": [], "root": "/"}).status_code == 400


def test_what_lies_too_long_in_the_trash_goes_when_the_board_looks(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.post("delete", runs=[board.keys["one"]])
    monkeypatch.setattr("crossboard.store.trash.KEPT_DAYS", -1)
    assert board.client.get("/api/trash").json()["deleted"] == []
    assert not (board.root / TRASH).exists()


# -------------------------------------------------------------------------------------------------------- safety

WRITES = ("edit", "delete", "restore")


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
    ids=["origin", "null", "fetch", "host"],
)
def test_no_other_site_may_write(board: Board, path: str, headers: dict[str, str]) -> None:
    body = {"runs": [board.keys["one"]]} if path != "restore" else {"ids": ["x"]}
    assert (
        board.client.post(f"/api/{path}", json={**body, **({"notes": "x"} if path == "edit" else {})}, headers=headers).status_code == 403
    )
    assert Path(board.store.run(board.keys["one"]).path).is_dir()
    assert board.store.run(board.keys["one"]).notes == ""


@pytest.mark.parametrize("path", WRITES)
def test_writing_needs_the_key_and_json_and_post(board: Board, path: str) -> None:
    with TestClient(create_app(board.store, token="secret").server, base_url="http://localhost:8123") as stranger:
        assert stranger.post(f"/api/{path}", json={"runs": [board.keys["one"]]}).status_code == 401
    form = board.client.post(f"/api/{path}", content=b'{"runs": ["x"]}', headers={"Content-Type": "text/plain"})
    assert form.status_code == 415
    assert board.client.get(f"/api/{path}").status_code == 405


# ------------------------------------------------------------------------------------------ a real log of another tool


def test_an_edit_of_a_real_event_file_outlives_board_and_cache_and_leaves_the_file_alone(tmp_path: Path) -> None:
    with cb.init(project="p", name="one", dir=tmp_path / "runs") as run:
        run.log({"loss": 1.0}, step=0)
    native = EmbeddedStore(sources_for([tmp_path / "runs"]), memory=True)
    native.refresh()
    export_events(native, str(tmp_path / "logs"))
    files = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "logs").rglob("*") if path.is_file()}

    def opened() -> EmbeddedStore:
        store = EmbeddedStore(sources_for([tmp_path / "logs"]), cache=tmp_path / "cache", edits=SideEdits(tmp_path / "data" / FILE))
        store.refresh()
        return store

    store = opened()
    [run_info] = store.runs()
    assert run_info.source == "tensorboard"
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        assert client.post("/api/edit", json={"run": run_info.key, "name": "ours", "tags": ["x"]}).status_code == 200
    store.close()
    for forget in (False, True):
        if forget:
            shutil.rmtree(tmp_path / "cache")
        again = opened()
        assert [(one.name, one.tags) for one in again.runs()] == [("ours", ("x",))]
        again.close()
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == files


def test_a_deleted_run_with_event_files_beside_it_is_gone_for_every_reader(tmp_path: Path) -> None:
    with cb.init(project="p", name="one", dir=tmp_path) as run:
        run.log({"loss": 1.0}, step=0)
    native = EmbeddedStore(sources_for([tmp_path]), memory=True)
    native.refresh()
    export_events(native, str(Path(run.dir) / "events"))
    with TestClient(create_app(native, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        assert len(client.post("/api/delete", json={"runs": [native.runs()[0].key]}).json()["deleted"]) == 1
    fresh = EmbeddedStore(sources_for([tmp_path]), memory=True)
    fresh.refresh()
    assert fresh.runs() == []
