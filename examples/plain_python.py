"""Train a small network with NumPy alone and log every step.

The data are made here: two spirals of noisy points that a straight line cannot part. `python examples/plain_python.py`, then
`crossboard` in the same folder shows the run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import crossboard as cb

Array = NDArray[np.float64]


def spirals(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return `count` points (count, 2) on two spirals, and which spiral each is on (count,), 0.0 or 1.0."""
    label = np.arange(count) % 2
    turn = np.sqrt(rng.uniform(0.02, 1.0, count)) * 1.25 * 2 * np.pi
    angle = turn + np.pi * label
    points = np.stack([np.cos(angle), np.sin(angle)], axis=1) * turn[:, None] / 7.85
    return points + rng.normal(0.0, 0.02, points.shape), label.astype(np.float64)


class Network:
    """Two hidden layers of tanh and one output, trained with Adam on the cross-entropy."""

    def __init__(self, rng: np.random.Generator, hidden: int = 32) -> None:
        sizes = [(2, hidden), (hidden, hidden), (hidden, 1)]
        self.weights = [rng.normal(0.0, 1.5 / np.sqrt(n), (n, m)) for n, m in sizes] + [np.zeros(m) for _, m in sizes]
        self.mean = [np.zeros_like(w) for w in self.weights]
        self.square = [np.zeros_like(w) for w in self.weights]
        self.updates = 0

    def layers(self, x: Array) -> list[Array]:
        """Return the input, both hidden layers, and the probability (n,) of the second spiral."""
        w1, w2, w3, b1, b2, b3 = self.weights
        first = np.tanh(x @ w1 + b1)
        second = np.tanh(first @ w2 + b2)
        return [x, first, second, 1.0 / (1.0 + np.exp(-(second @ w3 + b3)[:, 0]))]

    def learn(self, x: Array, y: Array, lr: float) -> float:
        """Take one step on a batch; return the norm of the gradient."""
        x, first, second, probability = self.layers(x)
        _, w2, w3, *_ = self.weights
        out = (probability - y)[:, None] / len(y)
        back2 = out @ w3.T * (1.0 - second**2)
        back1 = back2 @ w2.T * (1.0 - first**2)
        gradients = [x.T @ back1, first.T @ back2, second.T @ out, back1.sum(0), back2.sum(0), out.sum(0)]
        self.updates += 1
        for i, gradient in enumerate(gradients):
            self.mean[i] += 0.1 * (gradient - self.mean[i])
            self.square[i] += 0.001 * (gradient**2 - self.square[i])
            scale = np.sqrt(self.square[i] / (1.0 - 0.999**self.updates)) + 1e-8
            self.weights[i] -= lr * self.mean[i] / (1.0 - 0.9**self.updates) / scale
        return float(np.sqrt(sum(float((g**2).sum()) for g in gradients)))

    def judge(self, x: Array, y: Array) -> tuple[float, float]:
        """Return the mean cross-entropy and the accuracy."""
        probability = np.clip(self.layers(x)[-1], 1e-12, 1.0 - 1e-12)
        loss = -np.mean(y * np.log(probability) + (1.0 - y) * np.log(1.0 - probability))
        return float(loss), float(np.mean((probability > 0.5) == (y > 0.5)))


def training(seed: int, lr: float, batch: int) -> Iterator[dict[str, float]]:
    """Train for ever; yield what each step has to log."""
    rng = np.random.default_rng(seed)
    (x, y), (x_val, y_val) = spirals(2000, rng), spirals(500, rng)
    network = Network(rng)
    step = 0
    while True:
        chosen = rng.integers(0, len(x), batch)
        grad_norm = network.learn(x[chosen], y[chosen], lr)
        loss, accuracy = network.judge(x[chosen], y[chosen])
        metrics = {"train/loss": loss, "train/acc": accuracy, "grad_norm": grad_norm, "lr": lr}
        if step % 50 == 0:
            metrics["val/loss"], metrics["val/acc"] = network.judge(x_val, y_val)
        yield metrics
        step += 1


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    with cb.init(project="spirals", name=f"numpy seed {args.seed}", group="numpy", config=args, dir=args.dir) as run:
        for step, metrics in zip(range(args.steps), training(args.seed, args.lr, args.batch), strict=False):
            run.log(metrics, step=step)
    print(f"numpy seed {args.seed}: {args.steps} steps, validation accuracy {run.summary['val/acc']['last']:.3f}")


if __name__ == "__main__":
    main()
