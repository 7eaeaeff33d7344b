"""Train a small CNN on handwritten digits with Lightning: its Trainer logs through `CrossboardLogger`.

The data are the 1,797 images of 8 x 8 pixels that come with scikit-learn. `python examples/lightning_digits.py`, then `crossboard`
in the same folder shows the run; its checkpoints lie beside it.
"""

from __future__ import annotations

import argparse
from typing import Any

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import crossboard as cb
from crossboard.loggers.lightning import CrossboardLogger


def digits(batch: int) -> list[DataLoader[Any]]:
    """Return loaders of 1,437 images to train on and 360 to validate on; images (n, 1, 8, 8) in 0..1."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16.0, labels, test_size=0.2, stratify=labels, random_state=0)
    x_train, x_val = (torch.tensor(part, dtype=torch.float32).reshape(-1, 1, 8, 8) for part in parts[:2])
    y_train, y_val = (torch.tensor(part, dtype=torch.int64) for part in parts[2:])
    return [
        DataLoader(TensorDataset(x_train, y_train), batch_size=batch, shuffle=True),
        DataLoader(TensorDataset(x_val, y_val), batch_size=len(x_val)),
    ]


class Digits(pl.LightningModule):
    """A CNN with one convolution; its learning rate is a hyperparameter."""

    def __init__(self, lr: float, channels: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.example_input_array = torch.zeros(1, 1, 8, 8)  # the logger draws the graph with it
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * channels, 10)
        )

    def forward(self, x: Any) -> Any:
        """Return scores of shape (n, 10)."""
        return self.layers(x)

    def training_step(self, batch: Any, number: int) -> Any:
        """Log loss and accuracy of a batch."""
        loss, accuracy = self.judge(batch)
        self.log_dict({"train/loss": loss, "train/acc": accuracy})
        return loss

    def validation_step(self, batch: Any, number: int) -> None:
        """Log loss and accuracy of the validation images, and some of these: the experiment is the run."""
        loss, accuracy = self.judge(batch)
        self.log_dict({"val/loss": loss, "val/acc": accuracy})
        if isinstance(self.logger, CrossboardLogger) and not self.trainer.sanity_checking:
            self.logger.experiment.log({"val/images": cb.Images(batch[0][:16])}, step=self.global_step)

    def judge(self, batch: Any) -> tuple[Any, Any]:
        """Return loss and accuracy."""
        scores = self(batch[0])
        return nn.functional.cross_entropy(scores, batch[1]), (scores.argmax(1) == batch[1]).float().mean()

    def configure_optimizers(self) -> Any:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.hparams.lr)


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    pl.seed_everything(args.seed, verbose=False)
    logger = CrossboardLogger(project="digits", name=f"lightning seed {args.seed}", save_dir=args.dir, group="lightning")
    logger.log_hyperparams(args)
    saver = pl.callbacks.ModelCheckpoint(monitor="val/acc", mode="max")
    trainer = pl.Trainer(
        logger=logger,
        max_epochs=args.epochs,
        callbacks=[saver],
        accelerator="cpu",
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Digits(args.lr), *digits(args.batch))
    accuracy = float(trainer.callback_metrics["val/acc"])
    print(f"lightning seed {args.seed}: {trainer.global_step} steps, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
