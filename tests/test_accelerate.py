"""CrossboardTracker: what Accelerate asks of a tracker, on the real package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.store.kinds import Kind

pytest.importorskip("accelerate")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.torch]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CROSSBOARD_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def accelerator(tracker: Any) -> Any:
    from accelerate import Accelerator

    return Accelerator(cpu=True, log_with=tracker)


def only(root: Path) -> Any:
    [run] = list(cb.open(root))
    return run


def records(root: Path, kind: Kind) -> list[Any]:
    runs = cb.open(root)
    return [one.record for run in runs for one in runs.store.records(run.key, kind)]


def test_a_training_with_accelerate_is_in_the_run(root: Path) -> None:
    import torch

    from crossboard.loggers.accelerate import CrossboardTracker

    made = accelerator(CrossboardTracker("p", name="n", tags=["x"]))
    made.init_trackers("ignored", config={"lr": 0.1})
    model = torch.nn.Linear(2, 1)
    model, optimizer = made.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1))
    for step in range(5):
        loss = (model(torch.ones(4, 2)) - 3).square().mean()
        made.backward(loss)
        optimizer.step()
        optimizer.zero_grad()
        made.log({"loss": loss.detach(), "nested": {"lr": 0.1}}, step=step)
    made.end_training()
    run = only(root)
    assert (run.project, run.name, run.tags, run.status) == ("p", "n", ("x",), "finished")
    assert run.config == {"lr": 0.1}
    assert run["loss"].step.tolist() == list(range(5))
    assert run["loss"].value[-1] < run["loss"].value[0]
    assert run["nested/lr"].value.tolist() == [0.1] * 5


def test_it_can_be_asked_for_by_name(root: Path) -> None:
    from accelerate import tracking

    import crossboard.loggers.accelerate

    if not hasattr(tracking, "register_tracker_class"):
        pytest.skip("this accelerate knows no names but its own")
    made = accelerator("crossboard")
    made.init_trackers("by-name", config={"seed": 1}, init_kwargs={"crossboard": {"name": "n"}})
    assert isinstance(made.get_tracker("crossboard"), crossboard.loggers.accelerate.CrossboardTracker)
    assert isinstance(made.get_tracker("crossboard", unwrap=True), cb.Run)
    made.log({"a": 1.0})
    made.end_training()
    run = only(root)
    assert (run.project, run.name, run.config) == ("by-name", "n", {"seed": 1})


def test_text_images_and_tables_are_kept_as_what_they_are(root: Path) -> None:
    from crossboard.loggers.accelerate import CrossboardTracker

    made = accelerator(CrossboardTracker("p"))
    made.init_trackers("p")
    tracker = made.get_tracker("crossboard")
    made.log({"said": "hello *there*", "a": 1.0}, step=2)
    tracker.log_images({"samples": [np.zeros((4, 5, 3), np.uint8)] * 2}, step=2)
    tracker.log_table("words", columns=["word", "count"], data=[["a", 1], ["b", 2]], step=2)
    made.end_training()
    [text], [picture], [table] = (records(root, kind) for kind in (Kind.TEXT, Kind.IMAGE, Kind.TABLE))
    assert (text.tag, text.texts, text.format, text.step) == ("said", ["hello *there*"], "plain", 2)
    assert (picture.tag, len(picture.images), picture.step) == ("samples", 2, 2)
    assert (table.tag, table.columns, table.rows) == ("words", ["word", "count"], 2)
    assert "a" in only(root)


def test_the_programs_own_run_is_used_and_left_open(root: Path) -> None:
    from crossboard.loggers.accelerate import CrossboardTracker

    with cb.init(project="mine") as run:
        made = accelerator([CrossboardTracker(), CrossboardTracker(run=run)])
        made.init_trackers("ignored")
        made.log({"a": 1.0}, step=0)
        made.end_training()
        assert not run._finished
    assert only(root).project == "mine"
    assert only(root)["a"].value.tolist() == [1.0, 1.0]


def test_other_processes_begin_no_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate.state import PartialState

    from crossboard.loggers.accelerate import CrossboardTracker

    monkeypatch.setattr(PartialState, "is_main_process", False)
    monkeypatch.setattr(PartialState, "use_distributed", True)
    tracker = CrossboardTracker("p")
    tracker.start()
    tracker.store_init_configuration({"a": 1})
    tracker.log({"a": 1.0}, step=0)
    tracker.finish()
    assert not root.exists()
