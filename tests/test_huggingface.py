"""CrossboardCallback for Hugging Face's Trainer: arguments, logs and checkpoints of a tiny model are in the run, which resumes with it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from crossboard.store.kinds import Kind

pytest.importorskip("transformers")
pytest.importorskip("accelerate")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.torch]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "runs"


def callback(root: Path, **arguments: Any) -> Any:
    from crossboard.loggers.huggingface import CrossboardCallback

    return CrossboardCallback(**{"project": "p", "name": "n", "dir": root, **arguments})


def trainer(*callbacks: Any, fails_at: int | None = None, **arguments: Any) -> Any:
    """A Trainer of a tiny language model with random weights, built from a config: nothing is downloaded."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

    class Fails(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:
            if state.global_step == fails_at:
                raise RuntimeError("out of luck")

    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=32, n_positions=16, bos_token_id=0, eos_token_id=0))
    texts = [{"input_ids": torch.arange(first, first + 8), "labels": torch.arange(first, first + 8)} for first in range(16)]
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "logging_steps": 1, "save_strategy": "no"}
    chosen = TrainingArguments(
        **{"output_dir": "out", "max_steps": 4, "learning_rate": 1e-2, "per_device_train_batch_size": 4, **quiet, **arguments}
    )
    found = [*callbacks, *([Fails()] if fails_at is not None else [])]
    return Trainer(model, chosen, train_dataset=texts, eval_dataset=texts[:4], callbacks=found)


SAVING: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2, "eval_strategy": "steps", "eval_steps": 2}


def only(root: Path) -> Any:
    [run] = list(cb.open(root))
    return run


def test_logs_are_in_the_run_under_the_trainers_own_steps(root: Path) -> None:
    trainer(callback(root, group="g"), eval_strategy="steps", eval_steps=2).train()
    cb.finish()
    run = only(root)
    assert (run.project, run.name, run.group, run.status) == ("p", "n", "g", "finished")
    assert list(run["train/loss"].step) == [1, 2, 3, 4]
    assert run["train/loss"].value[-1] < run["train/loss"].value[0]
    assert list(run["eval/loss"].step) == [2, 4]
    assert {"train/learning_rate", "train/grad_norm", "eval/runtime", "epoch"} <= set(run.series())
    assert not any(tag.startswith("train/epoch") or "global_step" in tag for tag in run.series())


def test_the_numbers_are_those_of_the_trainers_history(root: Path) -> None:
    made = trainer(callback(root))
    made.train()
    cb.finish()
    history = [entry["loss"] for entry in made.state.log_history if "loss" in entry]
    assert only(root)["train/loss"].value.tolist() == history


def test_what_is_said_once_goes_to_the_summary(root: Path) -> None:
    made = trainer(callback(root))
    result = made.train()
    cb.finish()
    run = only(root)
    assert run.summary["train_runtime"] == result.metrics["train_runtime"]
    assert run.summary["train_loss"] == result.metrics["train_loss"]
    assert "train/train_runtime" not in run.series()


def test_arguments_and_model_become_config_without_secrets(root: Path) -> None:
    trainer(callback(root), hub_token="hf_secret", seed=7).train()
    cb.finish()
    config = only(root).config
    assert (config["learning_rate"], config["seed"], config["per_device_train_batch_size"]) == (1e-2, 7, 4)
    assert (config["model"]["n_layer"], config["model"]["model_type"]) == (1, "gpt2")
    assert config["model"]["num_parameters"] > 1000
    assert "hf_secret" not in json.dumps(config)


def test_project_and_name_come_from_the_arguments_where_nobody_gave_them(root: Path) -> None:
    trainer(callback(root, project=None, name=None), run_name="from-arguments", project="theirs").train()
    cb.finish()
    assert (only(root).project, only(root).name) == ("theirs", "from-arguments")


def test_checkpoints_are_noted(root: Path) -> None:
    trainer(callback(root), **SAVING, load_best_model_at_end=True, metric_for_best_model="eval_loss").train()
    cb.finish()
    run = only(root)
    assert run.summary["checkpoint/last"] == os.path.join("out", "checkpoint-4")
    assert run.summary["checkpoint/best"].endswith("checkpoint-4")
    assert run.summary["checkpoint/best_score"] == pytest.approx(run["eval/loss"].value.min())


def test_a_training_resumed_from_a_checkpoint_continues_the_run(root: Path) -> None:
    with pytest.raises(RuntimeError, match="out of luck"):
        trainer(callback(root), fails_at=3, **SAVING).train()
    cb.finish()
    resumed = callback(root)
    trainer(resumed, **SAVING).train(resume_from_checkpoint=True)
    assert resumed.run.attempt == 2
    cb.finish()
    run = only(root)
    assert run.status == "finished"
    assert list(run["train/loss"].step) == [1, 2, 3, 4]
    assert list(run["train/loss"].all_attempts().step) == [1, 2, 3, 3, 4]


def test_the_same_callback_resumes_in_a_new_attempt(root: Path) -> None:
    one = callback(root)
    with pytest.raises(RuntimeError):
        trainer(one, fails_at=3, **SAVING).train()
    trainer(one, **SAVING).train(resume_from_checkpoint=True)
    cb.finish()
    assert one.run.attempt == 2
    assert list(only(root)["train/loss"].step) == [1, 2, 3, 4]


def test_a_run_that_was_moved_is_found_by_its_id(root: Path, tmp_path: Path) -> None:
    first = callback(root)
    trainer(first, max_steps=2, **SAVING).train()
    cb.finish()
    shutil.move(root, tmp_path / "elsewhere")
    resumed = callback(tmp_path / "elsewhere")
    trainer(resumed, **SAVING).train(resume_from_checkpoint=True)
    cb.finish()
    assert only(tmp_path / "elsewhere").id == first.run.id


def test_a_checkpoint_that_was_made_without_the_callback_can_be_resumed_and_saved(root: Path) -> None:
    trainer(max_steps=2, **SAVING).train()
    trainer(callback(root), **SAVING).train(resume_from_checkpoint=True)
    cb.finish()
    assert list(only(root)["train/loss"].step) == [3, 4]


def test_callbacks_that_the_trainer_restores_itself_resume_too(root: Path) -> None:
    trainer(callback(root), max_steps=2, **SAVING).train()
    cb.finish()
    trainer(callback(root), **SAVING, restore_callback_states_from_checkpoint=True).train(resume_from_checkpoint=True)
    cb.finish()
    run = only(root)
    assert list(run["train/loss"].step) == [1, 2, 3, 4]


def test_another_training_with_the_same_callback_is_another_run(root: Path) -> None:
    one = callback(root)
    for _ in range(2):
        trainer(one, max_steps=2).train()
    cb.finish()
    assert [len(run["train/loss"]) for run in cb.open(root)] == [2, 2]


def test_evaluation_and_prediction_go_to_the_run_of_the_training(root: Path) -> None:
    made = trainer(callback(root), max_steps=2)
    made.evaluate()
    made.train()
    made.evaluate()
    made.predict(made.eval_dataset)
    cb.finish()
    run = only(root)
    assert run.info.attempts == 1
    assert list(run["eval/loss"].step) == [0, 2]
    assert list(run["test/loss"].step) == [2]


def test_the_programs_own_run_is_used_and_left_open(root: Path) -> None:
    from crossboard.loggers.huggingface import CrossboardCallback

    with cb.init(project="mine", dir=root) as run:
        trainer(CrossboardCallback(), run_name="not used", max_steps=2).train()
        assert not run._finished
        run.log({"after": 1.0}, step=3)
    assert only(root).project == "mine"
    assert {"train/loss", "after"} <= set(only(root).series())


def test_a_run_that_is_given_is_used(root: Path) -> None:
    from crossboard.loggers.huggingface import CrossboardCallback

    with cb.init(project="mine", dir=root) as run:
        trainer(CrossboardCallback(run=run), max_steps=2).train()
    assert len(only(root)["train/loss"]) == 2


def test_other_ranks_begin_no_run(root: Path) -> None:
    made = trainer(callback(root), max_steps=2)
    made.is_world_process_zero = lambda: False
    made.train()
    assert not root.exists()


def test_graph_and_watch_on_request(root: Path) -> None:
    trainer(callback(root, graph=True, watch_every=2), max_steps=2).train()
    cb.finish()
    runs = cb.open(root)
    [run] = list(runs)
    [graph] = [placed.record for placed in runs.store.records(run.key, Kind.GRAPH)]
    assert graph.framework == "torch"  # type: ignore[union-attr]
    assert any("transformer.h.0" in tag for tag in run.series())


def test_a_misspelt_option_is_an_error_at_once() -> None:
    from crossboard.loggers.huggingface import CrossboardCallback

    with pytest.raises(TypeError, match="projct"):
        CrossboardCallback(projct="p")
