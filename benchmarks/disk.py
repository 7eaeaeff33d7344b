"""Bytes on disk, by what the file system gives away (st_blocks, as du counts) and by length.

    python3 dev.py bench disk

Bars (DESIGN): live <= 40 bytes a point at 100,000 points; 1,000 runs of 5 metrics x 10 steps <= 100 MB live, 10 MB sealed; sealed
<= 10 bytes a point on a real training (here: logistic regression by gradient descent on scikit-learn's digits).
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

import crossboard as cb
from crossboard.store.rundir import find_runs
from crossboard.store.sealing import seal_run


def on_disk(root: str) -> tuple[int, int]:
    """Bytes in blocks, directories included, and bytes by length."""
    places = [Path(root), *Path(root).rglob("*")]
    return sum(place.lstat().st_blocks * 512 for place in places), sum(place.lstat().st_size for place in places if place.is_file())


def seal_all(root: str) -> None:
    for run_dir in find_runs(root):
        seal_run(run_dir)


def row(name: str, count: int, sizes: tuple[int, int], bar: str) -> None:
    blocks, length = sizes
    print(f"{name:<44}{count:>10,}{blocks:>14,}{blocks / count:>9.1f}{length:>14,}{length / count:>9.1f}  {bar}", flush=True)


def train(root: str) -> int:
    """A real training; returns how many points it logged."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    x, y = digits.data / 16.0, np.eye(10)[digits.target]
    weights, random = np.zeros((64, 10)), np.random.default_rng(0)
    run = cb.init(dir=root, name="digits")
    for step in range(20_000):
        some = random.integers(0, len(x), 64)
        scores = x[some] @ weights
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        gradient = x[some].T @ (p - y[some]) / 64
        weights -= 0.5 * gradient
        loss = -np.log((p * y[some]).sum(1) + 1e-12).mean()
        accuracy = (p.argmax(1) == y[some].argmax(1)).mean()
        run.log({"train/loss": loss, "train/acc": accuracy, "lr": 0.5, "grad_norm": np.linalg.norm(gradient)}, step=step)
    cb.finish()
    return 80_000


def main() -> None:
    os.environ["CROSSBOARD_SEAL"] = "0"
    print(f"{'':<44}{'points':>10}{'du bytes':>14}{'a point':>9}{'length':>14}{'a point':>9}  bar")
    with tempfile.TemporaryDirectory() as root:
        run = cb.init(dir=root)
        for step in range(100_000):
            run.log({"a": 0.5}, step=step)
        row("live, one run of 100,000 points", 100_000, on_disk(root), "<= 40 a point")
        cb.finish()
    with tempfile.TemporaryDirectory() as root:
        runs = []
        for number in range(1000):
            from crossboard.loggers import session

            run = session._begin("many", f"r{number}", None, root, "", (), "", None, None, False, None, True)
            for step in range(10):
                run.log({f"m{metric}": float(step) for metric in range(5)}, step=step)
            runs.append(run)
        row("live, 1,000 runs of 5 metrics x 10 steps", 50_000, on_disk(root), "<= 100 MB")
        for run in runs:
            run.finish()
        seal_all(root)
        row("sealed, the same", 50_000, on_disk(root), "<= 10 MB")
    with tempfile.TemporaryDirectory() as root:
        points = train(root)
        seal_all(root)
        row("sealed, a real training on digits", points, on_disk(root), "<= 10 a point")


if __name__ == "__main__":
    main()
