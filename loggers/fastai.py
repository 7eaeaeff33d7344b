"""fastai training into a run: one callback.

    learn = Learner(dls, model, ..., cbs=CrossboardCallback(project="pets"))

The step is the number of training batches, counted on from one ``fit`` to the next. Tags:

    train/loss, train/smooth_loss   every batch
    lr, mom, ...                    hyperparameters of the last group, every batch; of the others as lr/0, lr/1 ...
    epoch/..., valid/...            what fastai's recorder has for each epoch: of training, and of validation (losses and metrics)
    epoch                           number of epochs that are done: an x axis for the others
"""

from __future__ import annotations

from typing import Any

from fastai.callback.core import Callback
from fastai.learner import Recorder
from fastai.torch_core import rank_distrib

from .destination import destination
from .run import Run


class CrossboardCallback(Callback):
    """Logs a `Learner` into a run.

    Args:
        run: log into this run. Default: the current one where no option says otherwise and the program began it, else a new one,
            begun when training begins. It stays open between fits, ends with the program or by ``crossboard.finish()``.
        graph: log the model's graph, called with the first batch.
        options: of `crossboard.init`: project, name, dir, group, tags, notes, console ...

    Only rank 0 logs; the learning rate finder and predictions are not logged. The run is ``learn.crossboard.experiment``.
    """

    order = Recorder.order + 1
    remove_on_fetch = True

    def __init__(self, run: Run | None = None, *, graph: bool = True, **options: Any) -> None:
        super().__init__()
        self.experiment = run
        self.graph = graph
        self.options = options
        self.steps = self.epochs = 0
        self.begun = self.trained = False

    def __getstate__(self) -> dict[str, Any]:
        """For ``learn.export``: without the run."""
        return {**self.__dict__, "experiment": None}

    def before_fit(self) -> None:
        """Look whether this is one to log."""
        self.run = not hasattr(self.learn, "lr_finder") and not hasattr(self, "gather_preds") and rank_distrib() == 0
        self.begun = self.trained = False

    def before_epoch(self) -> None:
        """An epoch, or a validation on its own."""
        self.trained = False

    def before_train(self) -> None:
        """Have a run, with its config, when the first epoch trains."""
        if self.experiment is None:
            self.experiment = destination(self.options)
        if not self.begun:
            self.experiment.define_metric("epoch", unit="epochs")
            with self.experiment._harmless("fastai: config"):
                self.experiment.config.update(_config_of(self.learn))
        self.begun = self.trained = True

    def after_batch(self) -> None:
        """Log loss and hyperparameters of a training batch."""
        if not self.training or self.experiment is None:
            return
        metrics: dict[str, Any] = {"train/loss": self.loss.detach()}
        if hasattr(self.learn, "smooth_loss"):
            metrics["train/smooth_loss"] = self.smooth_loss
        groups = list(self.opt.hypers)
        for number, group in enumerate(groups):
            last = number == len(groups) - 1
            metrics |= {name if last else f"{name}/{number}": value for name, value in group.items() if isinstance(value, (int, float))}
        self.experiment.log(metrics, step=self.steps)
        if self.graph and not self.steps:
            self.experiment.log_graph(self.model, *self.xb)
        self.steps += 1

    def after_epoch(self) -> None:
        """Log what the recorder says of an epoch."""
        if self.experiment is None or not self.trained or not hasattr(self.learn, "recorder"):
            return
        self.epochs += 1
        metrics: dict[str, Any] = {"epoch": self.epochs}
        for name, value in zip(self.recorder.metric_names[1:], self.recorder.log[1:]):  # noqa: B905  the time may be left out
            if name != "time" and value is not None:
                metrics[_tag(str(name))] = value
        self.experiment.log(metrics, step=max(self.steps - 1, 0))


def _tag(name: str) -> str:
    """The tag of one of the recorder's columns."""
    kind, _, rest = name.partition("_")
    if rest and kind in ("train", "valid"):
        return f"{'epoch' if kind == 'train' else kind}/{rest}"
    return f"valid/{name}"


def _config_of(learn: Any) -> dict[str, Any]:
    """What a learner trains, how, and on what."""
    dls, model = learn.dls, learn.model
    return {
        "model": type(model).__name__,
        "parameters": sum(one.numel() for one in model.parameters()),
        "trainable": sum(one.numel() for one in model.parameters() if one.requires_grad),
        "loss": _name_of(learn.loss_func),
        "optimizer": _name_of(learn.opt_func),
        "metrics": [str(one.name) for one in learn.metrics],
        "callbacks": [type(one).__name__ for one in learn.cbs],
        "lr": learn.lr,
        "wd": learn.wd,
        "moms": learn.moms,
        "n_epoch": getattr(learn, "n_epoch", None),
        "batch_size": getattr(dls, "bs", None),
        "batches": len(dls.train),
    }


def _name_of(function: Any) -> str:
    function = getattr(function, "func", function)  # of a partial
    return str(getattr(function, "__name__", type(function).__name__))
