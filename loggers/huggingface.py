"""Hugging Face's Trainer into a run: one `TrainerCallback`.

    trainer = Trainer(model, args, ..., callbacks=[CrossboardCallback(project="glue")])

The step is the trainer's ``global_step``. Tags are those of the trainer's own integrations: ``train/loss``, ``train/learning_rate``,
``eval/loss``, ``test/...`` from ``predict``; ``epoch`` is an x axis for the others. Arguments, the model's and the adapter's config become
config; what the trainer says once at the end (runtime, throughput, flops) goes into the summary, as do the checkpoints.

The run's id goes into the checkpoints: a training that is resumed from one continues the run, as a new attempt.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Mapping
from typing import Any, Final

from transformers.trainer_callback import ExportableState, TrainerCallback

from ..store.rundir import is_run_dir
from .destination import began, destination, go_on, within
from .run import Run
from .session import init

ONCE: Final = frozenset(["train_runtime", "train_samples_per_second", "train_steps_per_second", "train_loss", "total_flos"])
"""What the trainer logs once, when training ends."""
_PLAIN: Final = (str, int, float, bool, type(None))


class CrossboardCallback(TrainerCallback, ExportableState):
    """Logs a `transformers.Trainer`, or one made from it, into a run.

    Args:
        project, name: of the run; default: ``project`` and ``run_name`` of the training arguments, where they were set.
        run: log into this run. Default: the current one where no option says otherwise and the program began it, else a new one,
            begun when training begins. It stays open after ``train``, since evaluation and prediction may follow; it ends with the
            program, by ``crossboard.finish()``, or when another training begins with this callback.
        graph: log the model's graph, called with its ``dummy_inputs``, when training begins. Not for sharded models.
        watch_every: `Run.watch` the model every so many steps; 0: never.
        options: of `crossboard.init`: dir, group, tags, notes, console ...

    Only world rank 0 logs.
    """

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        *,
        run: Run | None = None,
        graph: bool = False,
        watch_every: int = 0,
        **options: Any,
    ) -> None:
        super().__init__()
        inspect.signature(init).bind(**options)  # a misspelt one is an error here, not when training begins
        self.run = run
        self._options = {"project": project, "name": name, **options}
        self._graph = graph
        self._watch_every = watch_every
        self._given = run is not None
        self._trained = False

    def state(self) -> dict[str, Any]:
        """What goes into a checkpoint; see `transformers.trainer_callback.ExportableState`."""
        options = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in self._options.items()}
        options = {key: value for key, value in options.items() if isinstance(value, _PLAIN)}
        run = self.run
        told = {"id": run.id, "dir": run.dir} if run is not None and began(run) and run.dir else None
        arguments = {**options, "graph": self._graph, "watch_every": self._watch_every}
        return {"args": arguments, "attributes": {"checkpointed": told}}

    # ------------------------------------------------------------------------------------------------ training

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **more: Any) -> None:
        saved, name = state.stateful_callbacks, type(self).__name__
        before = saved.get(name)
        saved.setdefault(name, self.state())  # a checkpoint that was made without this callback lacks it, and saving would fail
        if not state.is_world_process_zero:
            return
        self._begin(args, state, model, _told(before) if state.global_step > 0 else None)
        run = self.run
        assert run is not None
        self._trained = True
        if self._graph and state.global_step == 0 and hasattr(model, "dummy_inputs"):
            with run._harmless("huggingface: graph"):
                run.log_graph(model, inputs={key: value.to(model.device) for key, value in model.dummy_inputs.items()})
        if self._watch_every:
            run.watch(model, every=self._watch_every, step=lambda: state.global_step + 1)

    def on_log(self, args: Any, state: Any, control: Any, model: Any = None, logs: Mapping[str, Any] | None = None, **more: Any) -> None:
        if not state.is_world_process_zero or not logs:
            return
        run = self._have_run(args, state, model)
        run.log({_tag(key): value for key, value in logs.items() if key not in ONCE}, step=state.global_step)
        once = {key: value for key, value in logs.items() if key in ONCE}
        if once:
            run.summary.update(once)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any] | None = None, **more: Any) -> None:
        if state.is_world_process_zero and metrics:
            run = self._have_run(args, state, more.get("model"))
            run.log({_tag(key): value for key, value in metrics.items()}, step=state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        run = self.run
        if run is None or not state.is_world_process_zero:
            return
        with run._harmless("huggingface: checkpoint"):
            noted = {"checkpoint/last": within(run, os.path.join(args.output_dir, f"checkpoint-{state.global_step}"))}
            if state.best_model_checkpoint:
                noted |= {"checkpoint/best": within(run, state.best_model_checkpoint), "checkpoint/best_score": state.best_metric}
                noted |= {"checkpoint/monitor": args.metric_for_best_model or ""}
            run.summary.update(noted)

    # -------------------------------------------------------------------------------------------------- inside

    def _begin(self, args: Any, state: Any, model: Any, told: dict[str, str] | None) -> None:
        """A training begins: in the run that the checkpoint is of, in a new one, or in the one that evaluation before it began."""
        run = self.run
        if not self._given and run is not None and (run._finished or (began(run) and (self._trained or told))):
            run.finish()
            self.run = None
        if self.run is None and told:
            where = {"resume": told["dir"]} if is_run_dir(told["dir"]) else {"id": told["id"]}
            self.run = destination(self._options, **where)
        self._have_run(args, state, model)
        run = self.run
        assert run is not None
        with run._harmless("huggingface: config"):
            run.config.update(_config_of(args, state, model))

    def _have_run(self, args: Any, state: Any, model: Any) -> Run:
        """The run, begun where there is none; one of this callback's own that ended goes on in a new attempt."""
        if self.run is None:
            self.run = destination(self._options, **self._names(args, state))
            with self.run._harmless("huggingface: config"):
                self.run.config.update(_config_of(args, state, model))
        elif self.run._finished and began(self.run):
            self.run = go_on(self.run, call="CrossboardCallback")
        self.run.define_metric("epoch", unit="epochs")
        return self.run

    def _names(self, args: Any, state: Any) -> dict[str, Any]:
        """Project and name from the training arguments, where nobody gave them."""
        found: dict[str, Any] = {}
        name = getattr(state, "trial_name", None) or getattr(args, "run_name", None)
        if self._options["name"] is None and name and name != args.output_dir:
            found["name"] = name
        project = getattr(args, "project", None)
        if self._options["project"] is None and project and project != "huggingface":  # the default of its arguments
            found["project"] = project
        return found


def _told(saved: Any) -> dict[str, str] | None:
    """The run that a checkpoint names."""
    entry = saved[-1] if isinstance(saved, list) and saved else saved
    told = entry.get("attributes", {}).get("checkpointed") if isinstance(entry, Mapping) else None
    return told if isinstance(told, dict) and {"id", "dir"} <= told.keys() else None


def _tag(key: str) -> str:
    """The tag of a key of the trainer's logs."""
    if key == "epoch":
        return key
    for part in ("eval", "test"):
        if key.startswith(f"{part}_"):
            return f"{part}/{key[len(part) + 1 :]}"
    return f"train/{key}"


def _config_of(args: Any, state: Any, model: Any) -> dict[str, Any]:
    """Training arguments (secrets are left out by `to_dict`), the model's config, adapters, and the parameters of a trial."""
    made: dict[str, Any] = dict(args.to_dict())
    config = getattr(model, "config", None)
    if config is not None:
        made["model"] = dict(config if isinstance(config, Mapping) else config.to_dict())
    if hasattr(model, "num_parameters"):
        made.setdefault("model", {})["num_parameters"] = model.num_parameters()
    if getattr(model, "peft_config", None):
        made["peft"] = {name: getattr(one, "to_dict", lambda one=one: one)() for name, one in model.peft_config.items()}
    if getattr(state, "trial_params", None):
        made["trial"] = state.trial_params
    return made
