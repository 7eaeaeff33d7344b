"""Lightning training into a run: a `Logger` for `lightning.pytorch`, `pytorch_lightning` and Fabric.

    trainer = Trainer(logger=CrossboardLogger(project="mnist", name="baseline"))

The step is Lightning's global step, tags are the names given to ``self.log``. ``self.logger.experiment`` is the run, for everything
that is no number: ``self.logger.experiment.log_image("samples", grid, step=self.global_step)``.
"""

# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from lightning_utilities.core.rank_zero import rank_zero_only

from ..store.rundir import file_name
from .destination import began, destination, fail, go_on, within
from .run import Run


def _loggers() -> Any:
    """The module `loggers` of the Lightning that the program uses: the one it has imported, else the one that is installed."""
    names = ["lightning.pytorch", "pytorch_lightning"]
    names.sort(key=lambda name: name not in sys.modules)
    found = next((name for name in names if importlib.util.find_spec(name.partition(".")[0]) is not None), names[0])
    return importlib.import_module(f"{found}.loggers.logger")


_base: Any = _loggers()


class CrossboardLogger(_base.Logger):
    """Logs a Trainer, or Fabric, into a run.

    Args:
        project, name: of the run, as in `crossboard.init`.
        save_dir: the root under which runs lie, `dir` of `crossboard.init`. Checkpoints go into the run's own directory.
        version: the run's id; where there is a run with it, that one is continued. Default: a new one.
        run: log into this run. Default: the current one where nothing above says otherwise and the program began it, else a new
            one, begun when training begins. It ends with the program, by ``crossboard.finish()``, or when training fails.
        prefix: put before every tag, with a "/" between.
        log_graph: log the model's graph when training begins, where it has an ``example_input_array``.
        options: of `crossboard.init`: config, group, tags, notes, resume, mode, console ...

    Only global rank 0 logs, as Lightning has it; elsewhere ``experiment`` takes every call and does nothing.
    """

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        *,
        save_dir: str | os.PathLike[str] | None = None,
        version: int | str | None = None,
        run: Run | None = None,
        prefix: str = "",
        log_graph: bool = True,
        **options: Any,
    ) -> None:
        super().__init__()
        wanted = f"version_{version}" if isinstance(version, int) else version
        self._options = {"project": project, "name": name, "dir": save_dir, "id": wanted, **options}
        self._run = run
        self._prefix = f"{prefix}/" if prefix else ""
        self._log_graph = log_graph
        self._goes_on = ""

    # ------------------------------------------------------------------------------------------------ who it is

    @property
    @_base.rank_zero_experiment
    def experiment(self) -> Run:
        """The run; begun when it is first asked for. A run of this logger's own that ended is continued by a new attempt."""
        if self._run is None:
            self._run = destination({"resume": self._goes_on} if self._goes_on else self._options)
            self._run.define_metric("epoch", unit="epochs")
        elif self._run._finished and began(self._run):
            self._run = go_on(self._run, call="CrossboardLogger")
        return self._run

    @property
    def name(self) -> str:
        """The project, as the folder is called that its runs lie in."""
        if self._run is not None and self._run.dir:
            return os.path.basename(os.path.dirname(self._run.dir))
        return file_name(self._options["project"] or os.path.basename(os.getcwd()) or "project")

    @property
    def version(self) -> str | None:
        """The run's id; None before the run begins, where none was given."""
        return (self._run.id if self._run is not None else "") or self._options["id"]

    @property
    def save_dir(self) -> str:
        """The root under which runs lie: ``save_dir/name/version`` is the run's directory."""
        if self._run is not None and self._run.dir:
            return os.path.dirname(os.path.dirname(self._run.dir))
        return os.path.abspath(os.fspath(self._options["dir"] or os.environ.get("CROSSBOARD_DIR") or "runs"))

    @property
    def root_dir(self) -> str:
        """The project's folder."""
        return os.path.join(self.save_dir, self.name)

    @property
    def log_dir(self) -> str:
        """The run's directory; the project's folder before the run begins."""
        return os.path.join(self.root_dir, self.version or "")

    # ---------------------------------------------------------------------------------------------- what it logs

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log numbers; anything that `Run.log` takes is taken."""
        self.experiment.log({f"{self._prefix}{tag}": value for tag, value in metrics.items()} if self._prefix else metrics, step)

    @rank_zero_only
    def log_hyperparams(
        self, params: Mapping[str, Any] | Namespace | None = None, metrics: Mapping[str, Any] | None = None, step: int | None = None
    ) -> None:
        """Merge `params` into the run's config; `metrics` are logged as in `log_metrics`."""
        run = self.experiment
        with run._harmless("log_hyperparams"):
            run.config.update(params)
        if metrics:
            self.log_metrics(metrics, 0 if step is None else step)

    @rank_zero_only
    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Log the graph of `model`, called with `input_array`, or with its ``example_input_array``: a tensor, a tuple or a dict."""
        inputs = input_array if input_array is not None else getattr(model, "example_input_array", None)
        if not self._log_graph or inputs is None:
            return
        run = self.experiment
        with run._harmless("log_graph"):
            for to_device in ("_on_before_batch_transfer", "_apply_batch_transfer_handler"):
                inputs = getattr(model, to_device, lambda batch: batch)(inputs)
            if isinstance(inputs, Mapping):
                run.log_graph(model, inputs=dict(inputs))
            else:
                run.log_graph(model, *(inputs if isinstance(inputs, (tuple, list)) else (inputs,)))

    @rank_zero_only
    def watch(self, model: Any, **options: Any) -> Any:
        """`Run.watch` of the run."""
        return self.experiment.watch(model, **options)

    @rank_zero_only
    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Note in the summary where the checkpoints lie: last and best, with what was monitored and its best value."""
        run = self.experiment
        with run._harmless("after_save_checkpoint"):
            last = getattr(checkpoint_callback, "_last_checkpoint_saved", "") or checkpoint_callback.last_model_path
            best, score = checkpoint_callback.best_model_path, checkpoint_callback.best_model_score
            noted: dict[str, Any] = {"checkpoint/last": within(run, last)} if last else {}
            if best and checkpoint_callback.monitor:
                noted |= {"checkpoint/best": within(run, best), "checkpoint/monitor": checkpoint_callback.monitor}
                noted |= {"checkpoint/best_score": float(score)} if score is not None else {}
            run.summary.update(noted)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """A call of the trainer ended. "success" leaves the run open, since a test may follow; else a run of its own ends.

        status: "success", "failed", or "finished" before a job is queued again.
        """
        run = self._run
        if run is None or status == "success" or not began(run):
            return
        if status == "finished":
            run.finish()
        else:
            fail(run)

    # --------------------------------------------------------------------------------------------------- copies

    def __getstate__(self) -> dict[str, Any]:
        """For another process (strategies that spawn): it goes on with the run, which is begun now."""
        run = self.experiment if rank_zero_only.rank == 0 else None
        return {**self.__dict__, "_run": None, "_goes_on": getattr(run, "dir", "")}

    def __deepcopy__(self, memo: dict[int, Any]) -> CrossboardLogger:
        copied = type(self).__new__(type(self))
        copied.__dict__.update(self.__dict__)
        return copied


for _name in ("lightning.pytorch", "pytorch_lightning"):  # the other one, where the program has both
    if _name in sys.modules:
        importlib.import_module(f"{_name}.loggers.logger").Logger.register(CrossboardLogger)
