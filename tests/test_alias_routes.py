"""Alias rules on the board: what is joined, how rules are changed and kept, and that no source is ever touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import crossboard as cb
from crossboard.adapters.tensorboard.writer import EventFileWriter
from crossboard.cli import main
from crossboard.dashboard.app import create_app
from crossboard.store.aliases import BUILT_IN
from crossboard.store.embedded import EmbeddedStore
from crossboard.wiring import sources_for


def write(directory: Path, *tags: str, steps: int = 5) -> None:
    with EventFileWriter(directory) as writer:
        for tag in tags:
            for step in range(steps):
                writer.scalar(tag, 1 / (step + 1), step, 1e9 + step)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "logs"
    write(root / "keras" / "train", "epoch_loss", "epoch_learning_rate")
    write(root / "keras" / "validation", "epoch_loss")
    write(root / "torch", "loss/train", "loss/val", "train/acc", "val/acc")
    with cb.init(dir=root, project="p", name="native") as run:
        for step in range(5):
            run.log({"loss": 1.0, "val_loss": 2.0}, step=step)
    return root


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    return tmp_path / "own" / "aliases"


@pytest.fixture
def client(root: Path, rules: Path) -> Iterator[TestClient]:
    store = EmbeddedStore(sources_for([root]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False, aliases=rules).server, base_url="http://localhost:8123") as made:
        yield made


def families(client: TestClient, join: str = "sure") -> dict[str, dict[str, str]]:
    answer = client.get("/api/tags", params={"kind": "scalar", "join": join})
    assert answer.status_code == 200, answer.text
    return {one["title"]: one["splits"] for one in answer.json().get("families", [])}


def save(client: TestClient, rules: Any) -> Any:
    return client.post("/api/aliases", json={"rules": rules}, headers={"Origin": "http://localhost:8123"})


def test_runs_say_what_they_pair_with(client: TestClient) -> None:
    runs = {run["name"]: run for run in client.get("/api/runs").json()["runs"]}
    lead = runs["keras/train"]["key"]
    assert runs["keras/validation"]["pair"] == {"lead": lead, "parent": "keras", "split": "validation"}
    assert runs["keras/train"]["pair"] == {"lead": lead, "parent": "keras", "split": "train"}
    assert runs["torch"]["pair"] is None


def test_a_run_that_makes_a_pair_brings_the_other_along(root: Path) -> None:
    root = root.parent / "late"
    write(root / "x" / "validation", "epoch_loss")
    store = EmbeddedStore(sources_for([root]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        version = client.get("/api/runs").json()["version"]
        write(root / "x" / "train", "epoch_loss")
        store.refresh()
        fresh = client.get("/api/runs", params={"since": version}).json()["runs"]
        assert sorted(run["name"] for run in fresh if run["pair"]) == ["x/train", "x/validation"]


def test_three_loggers_names_of_one_loss_are_one_family(client: TestClient) -> None:
    loss = {"epoch_loss": "", "loss": "train", "loss/train": "train", "loss/val": "validation", "val_loss": "validation"}
    assert families(client) == {"loss": loss}
    assert families(client, "all") == {"acc": {"train/acc": "train", "val/acc": "validation"}, "loss": loss}
    assert families(client, "off") == {}
    assert "families" not in client.get("/api/tags").json()
    assert client.get("/api/tags?join=some").status_code == 400


def test_rules_are_kept_in_their_own_file_and_hold_at_once(client: TestClient, root: Path, rules: Path) -> None:
    before = {path: path.read_bytes() for path in root.rglob("*tfevents*")}
    told = client.get("/api/aliases").json()
    assert (told["rules"], told["built_in"], told["path"], told["pairs"]) == (BUILT_IN, True, str(rules), 1)
    assert {one["title"]: (one["sure"], one["why"]) for one in told["families"]} == {
        "loss": (True, ""),
        "acc": (False, "its rules begin with ?"),
    }
    assert save(client, "train/* -> * : train\nval/* -> * : validation\n").status_code == 200
    assert families(client) == {"acc": {"train/acc": "train", "val/acc": "validation"}}
    assert rules.read_text() == "train/* -> * : train\nval/* -> * : validation\n"
    assert client.get("/api/runs").json()["runs"][0]["pair"] is None  # no rule names a directory any more
    assert save(client, "").status_code == 200
    assert not rules.exists()
    assert families(client).keys() == {"loss"}
    assert {path: path.read_bytes() for path in root.rglob("*tfevents*")} == before


def test_a_rule_that_cannot_be_read_is_refused_and_nothing_is_written(client: TestClient, rules: Path) -> None:
    answer = save(client, "a -> b : dev\n")
    assert (answer.status_code, answer.json()["error"]) == (400, "aliases: line 1: split: want one of train, validation, test, got 'dev'")
    assert not rules.exists()
    assert save(client, 7).status_code == 400


def test_a_file_that_is_broken_by_hand_leaves_the_built_in_rules_and_says_so(client: TestClient, rules: Path) -> None:
    rules.parent.mkdir()
    rules.write_text("nonsense\n")
    assert families(client).keys() == {"loss"}
    assert "line 1: want TAG" in client.get("/api/aliases").json()["error"]
    rules.write_text("# nothing is joined\n")
    os.utime(rules, (1, 1))
    assert families(client) == {}


def test_a_board_without_a_file_keeps_no_rules(root: Path) -> None:
    with TestClient(create_app(EmbeddedStore(memory=True), ask_for_key=False).server, base_url="http://localhost:8123") as client:
        assert save(client, "a -> b : train\n").status_code == 409
        assert client.get("/api/aliases").json()["path"] == ""


def test_the_command_refuses_rules_that_cannot_be_read(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad"
    bad.write_text("a -> b\n")
    with pytest.raises(SystemExit) as ended:
        main([str(root), "--aliases", str(bad)])
    assert ended.value.code == 2
    assert "alias rules: line 1: want TAG [in DIRECTORY] -> TITLE : SPLIT" in capsys.readouterr().err
