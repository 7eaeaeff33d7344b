"""Train a tiny BERT with Hugging Face's Trainer: `CrossboardCallback` logs it, checkpoints carry the run's id.

The task is made up: a sentence of random words is positive when it holds more good words than bad ones. The model is built from a
config, with random weights, so nothing is downloaded. `--resume` goes on from the last checkpoint, in the same run.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

from crossboard.loggers.huggingface import CrossboardCallback

GOOD, BAD, OTHER = range(1, 11), range(11, 21), range(21, 60)
WORDS = 8


def sentences(count: int, generator: torch.Generator) -> list[dict[str, Any]]:
    """Return `count` sentences of 8 word numbers, with label 1 where good words outnumber bad ones."""
    words = torch.randint(1, OTHER.stop, (count, WORDS), generator=generator)
    good, bad = (words < BAD.start).sum(1), ((words >= BAD.start) & (words < OTHER.start)).sum(1)
    return [{"input_ids": one, "labels": label} for one, label in zip(words, (good > bad).long(), strict=True)]


def accuracy(predicted: Any) -> dict[str, float]:
    """Return the accuracy of the trainer's predictions."""
    return {"accuracy": float((predicted.predictions.argmax(-1) == predicted.label_ids).mean())}


def main(argv: list[str] | None = None) -> None:
    """Train once, or go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--checkpoints", default="checkpoints", help="where the trainer puts its checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    set_seed(args.seed)
    generator = torch.Generator().manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=OTHER.stop,
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=WORDS,
        )
    )
    trainer = Trainer(
        model,
        TrainingArguments(
            output_dir=args.checkpoints,
            max_steps=args.steps,
            per_device_train_batch_size=32,
            per_device_eval_batch_size=256,
            learning_rate=5e-3,
            logging_steps=5,
            eval_strategy="steps",
            eval_steps=50,
            save_steps=50,
            save_total_limit=2,
            seed=args.seed,
            report_to=[],
            use_cpu=True,
            disable_tqdm=True,
        ),
        train_dataset=sentences(4000, generator),
        eval_dataset=sentences(500, generator),
        compute_metrics=accuracy,
        callbacks=[CrossboardCallback(project="sentences", name=f"bert seed {args.seed}", dir=args.dir)],
    )
    trainer.train(resume_from_checkpoint=args.resume or None)
    reached = trainer.evaluate()["eval_accuracy"]
    print(f"bert seed {args.seed}: {trainer.state.global_step} steps, validation accuracy {reached:.3f}")


if __name__ == "__main__":
    main()
