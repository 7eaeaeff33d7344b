"""Train a small network on handwritten digits with a loop of one's own in TensorFlow.

The training step is a `tf.function`; `tf.summary` inside of it writes into the run, as does `run.log` outside of it. `python
examples/tf_custom_loop.py`, then `crossboard` in the same folder shows the run.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own start-up notes

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import crossboard as cb


class Network(tf.Module):
    """Two dense layers, 64 -> 32 -> 10."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        self.w1 = tf.Variable(rng.normal(0, 0.2, (64, 32)).astype(np.float32), name="w1")
        self.b1 = tf.Variable(np.zeros(32, np.float32), name="b1")
        self.w2 = tf.Variable(rng.normal(0, 0.2, (32, 10)).astype(np.float32), name="w2")
        self.b2 = tf.Variable(np.zeros(10, np.float32), name="b2")

    def __call__(self, x: Any) -> Any:
        """Return scores of shape (n, 10)."""
        return tf.nn.relu(x @ self.w1 + self.b1) @ self.w2 + self.b2


def judge(network: Network, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the mean cross-entropy and the accuracy."""
    scores = network(x)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, scores))
    return loss, tf.reduce_mean(tf.cast(tf.argmax(scores, 1) == y, tf.float32))


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    images, labels = load_digits(return_X_y=True)
    x_train, x_val, y_train, y_val = train_test_split(
        (images / 16.0).astype(np.float32), labels, test_size=0.2, stratify=labels, random_state=0
    )
    network = Network(args.seed)
    data = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(len(x_train), seed=args.seed).batch(args.batch)

    with cb.init(project="digits", name=f"tensorflow seed {args.seed}", group="tensorflow", config=args, dir=args.dir) as run:
        writer = cb.tensorflow.writer(run)

        @tf.function  # type: ignore[untyped-decorator]
        def learn(x: Any, y: Any, step: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                loss, accuracy = judge(network, x, y)
            gradients = tape.gradient(loss, network.trainable_variables)
            for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
                variable.assign_sub(args.lr * gradient)
            with writer.as_default(step=step):  # from inside the compiled function
                tf.summary.scalar("grad_norm", tf.linalg.global_norm(gradients))
                with tf.summary.record_if(step % 100 == 0):
                    tf.summary.histogram("weights/w1", network.w1)
            return loss, accuracy

        step = 0
        for _epoch in range(args.epochs):
            for x, y in data:
                loss, accuracy = learn(x, y, tf.constant(step, tf.int64))
                run.log({"train/loss": loss, "train/acc": accuracy}, step=step)
                step += 1
            loss, accuracy = judge(network, x_val, y_val)
            run.log({"val/loss": loss, "val/acc": accuracy}, step=step - 1)
        writer.close()
    print(f"tensorflow seed {args.seed}: {step} steps, validation accuracy {float(accuracy):.3f}")


if __name__ == "__main__":
    main()
