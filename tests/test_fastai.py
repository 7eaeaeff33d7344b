"""CrossboardCallback for fastai: losses, metrics and hyperparameters of a real Learner, as its own recorder has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard.store.kinds import Kind

pytest.importorskip("fastai")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.torch]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def learner(*callbacks: Any, **arguments: Any) -> Any:
    import torch
    from fastai.basics import DataLoader, DataLoaders, Learner, MSELossFlat, mae
    from torch import nn

    torch.manual_seed(0)
    x = torch.arange(32.0).reshape(16, 2) / 32
    pairs = [(one, one.sum()[None]) for one in x]
    dls = DataLoaders(DataLoader(pairs, bs=4), DataLoader(pairs[:8], bs=4))
    dls.device = torch.device("cpu")
    made = Learner(dls, nn.Linear(2, 1), loss_func=MSELossFlat(), metrics=[mae], cbs=list(callbacks), **arguments)
    made.remove_cbs([one for one in list(made.cbs) if type(one).__name__ == "ProgressCallback"])
    return made


def callback(root: Path, **arguments: Any) -> Any:
    from crossboard.loggers.fastai import CrossboardCallback

    return CrossboardCallback(**{"project": "p", "name": "n", "dir": root, **arguments})


def fit(learn: Any, epochs: int = 2) -> Any:
    with learn.no_logging():
        learn.fit(epochs, lr=0.1)
    return learn


def only(root: Path) -> Any:
    [run] = list(cb.open(root))
    return run


def test_losses_metrics_and_hyperparameters_are_in_the_run(root: Path) -> None:
    learn = fit(learner(callback(root)))
    cb.finish()
    run = only(root)
    assert (run.project, run.name, run.status) == ("p", "n", "finished")
    assert run["train/loss"].step.tolist() == list(range(8))
    assert run["train/loss"].value[-1] < run["train/loss"].value[0]
    assert run["train/smooth_loss"].value.tolist() == pytest.approx([float(one) for one in learn.recorder.losses])
    assert set(run["lr"].value.tolist()) == {0.1}
    assert "mom" in run
    recorded = [[float(value) for value in row] for row in learn.recorder.values]
    assert run["epoch/loss"].value.tolist() == pytest.approx([row[0] for row in recorded])
    assert run["valid/loss"].value.tolist() == pytest.approx([row[1] for row in recorded])
    assert run["valid/mae"].value.tolist() == pytest.approx([row[2] for row in recorded])
    assert run["valid/mae"].step.tolist() == [3, 7]
    assert run["epoch"].value.tolist() == [1, 2]


def test_config_names_model_size_and_arguments(root: Path) -> None:
    fit(learner(callback(root), wd=0.05), epochs=1)
    cb.finish()
    config = only(root).config
    assert (config["model"], config["parameters"], config["batch_size"], config["n_epoch"]) == ("Linear", 3, 4, 1)
    assert (config["wd"], config["loss"], config["optimizer"], config["metrics"]) == (0.05, "MSELoss", "Adam", ["mae"])


def test_a_second_fit_goes_on_in_the_same_run(root: Path) -> None:
    learn = learner(callback(root))
    fit(learn, epochs=1)
    fit(learn, epochs=1)
    cb.finish()
    run = only(root)
    assert run.info.attempts == 1
    assert run["train/loss"].step.tolist() == list(range(8))
    assert run["epoch"].value.tolist() == [1, 2]


def test_the_training_is_the_same_with_and_without_it(root: Path) -> None:
    with_it = fit(learner(callback(root)))
    without = fit(learner())
    assert with_it.model.weight.tolist() == without.model.weight.tolist()


def test_groups_of_parameters_have_their_own_hyperparameters(root: Path) -> None:
    from fastai.basics import params

    learn = learner(callback(root), splitter=lambda model: [[one] for one in params(model)])
    with learn.no_logging():
        learn.fit(1, lr=slice(0.01, 0.1))
    cb.finish()
    run = only(root)
    assert (run["lr/0"].value[0], run["lr"].value[0]) == (pytest.approx(0.01), pytest.approx(0.1))


def test_the_graph_is_logged_once(root: Path) -> None:
    learn = learner(callback(root))
    fit(learn, epochs=1)
    fit(learn, epochs=1)
    cb.finish()
    runs = cb.open(root)
    [run] = list(runs)
    assert len(runs.store.records(run.key, Kind.GRAPH)) == 1


def test_searching_a_rate_and_predicting_are_not_logged(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fastai.callback.progress
    import fastai.callback.schedule  # noqa: F401  both add methods to Learner

    monkeypatch.chdir(root.parent)
    learn = learner(callback(root))
    with learn.no_logging():
        learn.lr_find(num_it=3, show_plot=False, suggest_funcs=())
        learn.get_preds()
        learn.validate()
    assert not root.exists()


def test_the_programs_own_run_is_used_and_left_open(root: Path) -> None:
    from crossboard.loggers.fastai import CrossboardCallback

    with cb.init(project="mine", dir=root) as run:
        learn = fit(learner(CrossboardCallback()), epochs=1)
        assert learn.crossboard.experiment is run
        assert not run._finished
    assert only(root).project == "mine"


def test_other_ranks_begin_no_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from crossboard.loggers import fastai

    monkeypatch.setattr(fastai, "rank_distrib", lambda: 1)
    fit(learner(callback(root)), epochs=1)
    assert not root.exists()


def test_a_tabular_learner_is_logged_and_can_be_exported(root: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    from fastai.basics import load_learner
    from fastai.callback.progress import ProgressCallback
    from fastai.tabular.all import Categorify, Normalize, TabularDataLoaders, accuracy, tabular_learner

    rows = [{"color": ("red", "blue")[n % 2], "size": n / 40, "y": ("no", "yes")[n % 2]} for n in range(40)]
    frame = pandas.DataFrame(rows)
    dls = TabularDataLoaders.from_df(
        frame, procs=[Categorify, Normalize], cat_names=["color"], cont_names=["size"], y_names="y", bs=8, device="cpu"
    )
    learn = tabular_learner(dls, layers=[8], metrics=accuracy, cbs=callback(root))
    learn.remove_cb(ProgressCallback)
    with learn.no_logging():
        learn.fit_one_cycle(2)
    cb.finish()
    run = only(root)
    assert len(run["valid/accuracy"]) == 2
    assert len(set(run["lr"].value.tolist())) > 2
    learn.export(tmp_path / "learner.pkl")
    loaded = load_learner(tmp_path / "learner.pkl")
    assert loaded.predict(frame.iloc[1])[1] == learn.predict(frame.iloc[1])[1]
