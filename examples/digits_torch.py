"""Train a small CNN on handwritten digits with PyTorch and log every step.

The data are the 1,797 images of 8 x 8 pixels that come with scikit-learn: 1,437 to train on, 360 to validate on, the same split
for every seed. `python examples/digits_torch.py`, then `crossboard` in the same folder shows the run.
"""

from __future__ import annotations

import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

import crossboard as cb


def digits() -> list[torch.Tensor]:
    """Return training images, validation images, training labels, validation labels; images (n, 1, 8, 8) in 0..1."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16.0, labels, test_size=0.2, stratify=labels, random_state=0)
    x_train, x_val = (torch.tensor(part, dtype=torch.float32).reshape(-1, 1, 8, 8) for part in parts[:2])
    y_train, y_val = (torch.tensor(part, dtype=torch.int64) for part in parts[2:])
    return [x_train, x_val, y_train, y_val]


def cnn() -> nn.Module:
    """Return two convolutions and two dense layers, 38,282 parameters; the same as in digits_keras.py."""
    convolutions = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 10))


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    torch.manual_seed(args.seed)
    x_train, x_val, y_train, y_val = digits()
    model, loss_of = cnn(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    steps_per_epoch = -(-len(x_train) // args.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs * steps_per_epoch)

    run = cb.init(project="digits", name=f"torch seed {args.seed}", group="torch", config=args, dir=args.dir)
    step = 0
    for _epoch in range(args.epochs):
        model.train()
        for batch in torch.split(torch.randperm(len(x_train)), args.batch):
            scores = model(x_train[batch])
            loss = loss_of(scores, y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            grad_norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=10.0)
            optimizer.step()
            accuracy = (scores.argmax(1) == y_train[batch]).float().mean()
            rate = schedule.get_last_lr()[0]
            run.log({"train/loss": loss, "train/acc": accuracy, "grad_norm": grad_norm, "lr": rate}, step=step)
            schedule.step()
            step += 1
        model.eval()
        with torch.inference_mode():
            scores = model(x_val)
            accuracy = (scores.argmax(1) == y_val).float().mean()
            run.log({"val/loss": loss_of(scores, y_val), "val/acc": accuracy}, step=step - 1)
    run.finish()
    print(f"torch seed {args.seed}: {step} steps, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
