"""CrossboardLogger: what Lightning asks of a logger, on the real packages, and what a Trainer logs is in the run."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard.store.kinds import Kind

pytest.importorskip("lightning")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.torch]
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def logger_of(root: Path, **arguments: Any) -> Any:
    from crossboard.loggers.lightning import CrossboardLogger

    return CrossboardLogger(**{"project": "p", "name": "n", "save_dir": root, **arguments})


def module(*, fails_at: int | None = None, example: bool = False) -> Any:
    import lightning.pytorch as pl
    import torch
    from torch import nn

    class Line(pl.LightningModule):
        def __init__(self, lr: float = 0.1, width: int = 1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.linear = nn.Linear(2, 1)
            if example:
                self.example_input_array = torch.ones(3, 2)

        def forward(self, x: Any) -> Any:
            return self.linear(x)

        def training_step(self, batch: Any, number: int) -> Any:
            if fails_at is not None and self.global_step >= fails_at:
                raise RuntimeError("out of luck")
            loss = (self(batch[0]) - batch[1]).square().mean()
            self.log("train/loss", loss)
            return loss

        def validation_step(self, batch: Any, number: int) -> None:
            self.log("val/loss", (self(batch[0]) - batch[1]).square().mean())

        def test_step(self, batch: Any, number: int) -> None:
            self.log("test/loss", (self(batch[0]) - batch[1]).square().mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)

    pl.seed_everything(0, verbose=False)
    return Line()


def data() -> Any:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    x = torch.arange(32.0).reshape(16, 2) / 32
    return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), batch_size=4)


def trainer(logger: Any, **arguments: Any) -> Any:
    import lightning.pytorch as pl

    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "log_every_n_steps": 1, "accelerator": "cpu"}
    return pl.Trainer(logger=logger, **{"max_epochs": 2, **quiet, **arguments})


def fit(logger: Any, **arguments: Any) -> Any:
    made = trainer(logger, **arguments)
    made.fit(module(), data(), data())
    return made


def only(root: Path) -> Any:
    [run] = list(cb.open(root))
    return run


def test_it_is_a_logger_of_lightning(root: Path) -> None:
    import lightning.fabric.loggers
    import lightning.pytorch.loggers

    logger = logger_of(root)
    assert isinstance(logger, lightning.pytorch.loggers.Logger)
    assert isinstance(logger, lightning.fabric.loggers.Logger)
    assert not root.exists(), "a logger that was not used yet leaves nothing on the disk"


def test_a_training_is_in_the_run(root: Path) -> None:
    logger = logger_of(root, group="g")
    fit(logger)
    run = only(root)
    assert (run.project, run.name, run.group, run.status) == ("p", "n", "g", "running")
    assert run.config == {"lr": 0.1, "width": 1}
    assert list(run["train/loss"].step) == list(range(8))
    assert run["train/loss"].value[-1] < run["train/loss"].value[0]
    assert list(run["val/loss"].step) == [3, 7]
    assert list(run["epoch"].value[:3]) == [0, 0, 0]
    cb.finish()
    assert only(root).status == "finished"


def test_the_experiment_is_the_run_and_the_current_one(root: Path) -> None:
    logger = logger_of(root)
    run = logger.experiment
    assert isinstance(run, cb.Run)
    assert logger.experiment is run
    cb.log({"a": 1.0})
    assert run.summary["a"]["last"] == 1.0


def test_name_version_and_directories_name_where_the_run_lies(root: Path) -> None:
    logger = logger_of(root, project="a/b")
    assert (logger.name, logger.version, logger.save_dir, logger.root_dir) == ("a-b", None, str(root), str(root / "a-b"))
    run = logger.experiment
    assert (logger.name, logger.version) == ("a-b", run.id)
    assert os.path.join(logger.save_dir, logger.name, logger.version) == logger.log_dir == run.dir
    assert run.project == "a/b"


def test_a_version_is_the_runs_id_and_is_continued_when_it_is_there(root: Path) -> None:
    logger = logger_of(root, version=3)
    assert (logger.version, logger.log_dir) == ("version_3", str(root / "p" / "version_3"))
    logger.log_metrics({"a": 1.0}, step=5)
    cb.finish()
    again = logger_of(root, version=3)
    again.log_metrics({"a": 2.0})
    assert again.experiment.attempt == 2
    cb.finish()
    run = only(root)
    assert run.id == "version_3"
    assert list(run["a"].step) == [5, 6]


def test_checkpoints_lie_in_the_runs_directory_and_are_noted(root: Path) -> None:
    import lightning.pytorch as pl

    logger = logger_of(root)
    saver = pl.callbacks.ModelCheckpoint(monitor="val/loss", filename="{epoch}", auto_insert_metric_name=False)
    fit(logger, callbacks=[saver])
    run = only(root)
    assert Path(saver.best_model_path) == Path(logger.log_dir, "checkpoints", "1.ckpt")
    assert run.summary["checkpoint/best"] == run.summary["checkpoint/last"] == os.path.join("checkpoints", "1.ckpt")
    assert run.summary["checkpoint/monitor"] == "val/loss"
    assert run.summary["checkpoint/best_score"] == pytest.approx(run["val/loss"].value.min())


def test_a_test_after_the_training_goes_to_the_same_attempt(root: Path) -> None:
    logger = logger_of(root)
    made = fit(logger, enable_checkpointing=False)
    made.test(made.lightning_module, data(), verbose=False)
    assert logger.experiment.attempt == 1
    cb.finish()
    run = only(root)
    assert list(run["test/loss"].step) == [8]
    assert list(run["train/loss"].step) == list(range(8))


def test_a_training_that_fails_ends_the_run_as_failed_with_its_error(root: Path) -> None:
    logger = logger_of(root)
    with pytest.raises(RuntimeError, match="out of luck"):
        trainer(logger).fit(module(fails_at=3), data())
    run = only(root)
    assert run.status == "failed"
    assert run.info.error == "RuntimeError: out of luck"
    assert list(run["train/loss"].step) == [0, 1, 2]


def test_after_a_failure_the_same_logger_goes_on_in_a_new_attempt(root: Path) -> None:
    logger = logger_of(root)
    with pytest.raises(RuntimeError):
        trainer(logger, enable_checkpointing=False).fit(module(fails_at=3), data())
    fit(logger, enable_checkpointing=False, max_epochs=1)
    assert logger.experiment.attempt == 2
    logger.experiment.finish()
    assert only(root).status == "finished"
    assert len(only(root)["train/loss"]) == 4


def test_a_run_of_the_programs_own_is_used_and_not_ended(root: Path) -> None:
    from crossboard.loggers.lightning import CrossboardLogger

    with cb.init(project="mine", dir=root) as run:
        logger = CrossboardLogger()
        with pytest.raises(RuntimeError):
            trainer(logger, enable_checkpointing=False).fit(module(fails_at=1), data())
        assert logger.experiment is run
        assert not run._finished
        given = CrossboardLogger(run=run, prefix="second")
        given.log_metrics({"a": 1.0}, step=1)
    assert only(root)["second/a"].value.tolist() == [1.0]
    assert only(root).status == "finished"


def test_two_trainings_one_after_the_other_are_two_runs(root: Path) -> None:
    from crossboard.loggers.lightning import CrossboardLogger

    for _ in range(2):
        fit(CrossboardLogger(save_dir=root), enable_checkpointing=False, max_epochs=1)
    cb.finish()
    assert [run.status for run in cb.open(root)] == ["finished", "finished"]


def test_two_loggers_with_one_trainer_both_get_all(root: Path) -> None:
    first, second = logger_of(root, name="first"), logger_of(root, name="second")
    fit([first, second], enable_checkpointing=False)
    for one in (first, second):
        one.experiment.finish()
    assert sorted((run.name, len(run["train/loss"])) for run in cb.open(root)) == [("first", 8), ("second", 8)]


def test_hyperparameters_of_any_kind_become_config(root: Path) -> None:
    import argparse

    logger = logger_of(root)
    logger.log_hyperparams(argparse.Namespace(lr=1e-3, layers=[1, 2]))
    logger.log_hyperparams({"model": {"width": 4}}, metrics={"hp_metric": 0.5})
    logger.log_hyperparams(None)
    cb.finish()
    assert only(root).config == {"lr": 1e-3, "layers": [1, 2], "model": {"width": 4}}
    assert only(root)["hp_metric"].value.tolist() == [0.5]


def test_the_graph_is_logged_where_there_is_an_example(root: Path) -> None:
    logger = logger_of(root)
    made = trainer(logger, enable_checkpointing=False, max_epochs=1)
    made.fit(module(example=True), data())
    cb.finish()
    runs = cb.open(root)
    [run] = list(runs)
    [graph] = [placed.record for placed in runs.store.records(run.key, Kind.GRAPH)]
    assert "Linear" in {scope.type for scope in graph.scopes}  # type: ignore[union-attr]


@pytest.mark.parametrize("turned_off", [True, False])
def test_without_an_example_or_when_turned_off_there_is_no_graph(root: Path, turned_off: bool) -> None:
    logger = logger_of(root, log_graph=not turned_off)
    logger.log_graph(module(example=turned_off))
    logger.log_metrics({"a": 1.0}, step=0)
    cb.finish()
    runs = cb.open(root)
    assert [one for run in runs for one in runs.store.records(run.key, Kind.GRAPH)] == []


def test_other_ranks_log_nothing_and_get_an_experiment_that_takes_every_call(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning_utilities.core.rank_zero import rank_zero_only

    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = logger_of(root)
    logger.log_metrics({"a": 1.0}, step=0)
    logger.log_hyperparams({"lr": 1.0})
    logger.log_graph(module(example=True))
    logger.experiment.log_image("x", None)
    logger.watch(module())
    logger.finalize("success")
    assert not isinstance(logger.experiment, cb.Run)
    assert not root.exists()


def test_a_copy_shares_the_run_and_one_that_was_sent_elsewhere_goes_on_with_it(root: Path) -> None:
    logger = logger_of(root)
    logger.log_metrics({"a": 1.0}, step=0)
    assert copy.deepcopy(logger).experiment is logger.experiment
    sent = pickle.loads(pickle.dumps(logger))
    sent.log_metrics({"a": 2.0}, step=1)
    assert sent.experiment.id == logger.experiment.id
    assert sent.experiment.attempt == 2
    cb.finish()
    assert only(root)["a"].value.tolist() == [1.0, 2.0]


def test_fabric_logs_through_it(root: Path) -> None:
    import torch
    from lightning.fabric import Fabric

    fabric = Fabric(loggers=logger_of(root), accelerator="cpu")
    fabric.log("a", torch.tensor(0.5), step=3)
    fabric.log_dict({"b": 1.0, "c": 2.0}, step=4)
    cb.finish()
    run = only(root)
    assert {tag: (run[tag].step.tolist(), run[tag].value.tolist()) for tag in "abc"} == {
        "a": ([3], [0.5]),
        "b": ([4], [1.0]),
        "c": ([4], [2.0]),
    }


def test_the_older_package_name_is_served_too(root: Path) -> None:
    """In a process of its own that imports `pytorch_lightning` alone."""
    pytest.importorskip("pytorch_lightning")
    code = (
        "import sys, warnings\n"
        "import pytorch_lightning as pl\n"
        "import pytorch_lightning.loggers\n"
        "from crossboard.loggers.lightning import CrossboardLogger\n"
        "assert issubclass(CrossboardLogger, pl.loggers.Logger)\n"
        "assert 'lightning.pytorch' not in sys.modules\n"
        "from pytorch_lightning.demos.boring_classes import BoringModel\n"
        "logger = CrossboardLogger(project='p', save_dir='runs')\n"
        "trainer = pl.Trainer(logger=logger, max_steps=3, limit_val_batches=1, log_every_n_steps=1, accelerator='cpu',\n"
        "    enable_progress_bar=False, enable_model_summary=False)\n"
        "model = BoringModel()\n"
        "model.training_step = lambda batch, number, step=model.training_step: (model.log('loss', step(batch, number)['loss']),\n"
        "    step(batch, number))[1]\n"
        "trainer.fit(model)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200, env=env, cwd=root.parent)
    assert answer.returncode == 0, answer.stderr[-3000:]
    run = only(root)
    assert run.status == "finished"
    assert list(run["loss"].step) == [0, 1, 2]
    assert (Path(run.info.path) / "checkpoints").is_dir()
