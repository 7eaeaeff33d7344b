"""A training script that logs with PyTorch's SummaryWriter, as many do. One line was added: `cb.capture()`.

From there on what it writes for TensorBoard also lands in a run; its event files are what they were. `python
examples/summary_writer_captured.py`, then `crossboard` in the same folder shows the run.
"""

from __future__ import annotations

import argparse
import os

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.tensorboard import SummaryWriter

import crossboard as cb


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--logdir", default="tensorboard", help="where the event files are written")
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)
    if args.dir:
        os.environ["CROSSBOARD_DIR"] = args.dir

    cb.capture()  # the added line

    torch.manual_seed(args.seed)
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16.0, dtype=torch.float32), torch.tensor(labels, dtype=torch.int64)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)

    writer = SummaryWriter(args.logdir)
    writer.add_text("about", "digits of scikit-learn, **two** dense layers")
    writer.add_graph(model, x[:1])
    writer.add_images("digits", x[:16].reshape(-1, 1, 8, 8))
    step = 0
    for epoch in range(args.epochs):
        for batch in torch.split(torch.randperm(len(x)), 32):
            scores = model(x[batch])
            loss = loss_of(scores, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            writer.add_scalar("train/loss", loss, step)
            writer.add_scalar("train/acc", (scores.argmax(1) == y[batch]).float().mean(), step)
            step += 1
        writer.add_histogram("weights/first", model[0].weight, epoch)
    writer.close()
    accuracy = (model(x).argmax(1) == y).float().mean()
    print(f"captured seed {args.seed}: {step} steps, accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
