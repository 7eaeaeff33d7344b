"""Train a small CNN on handwritten digits with Keras and log every step.

The same data, split and network as in digits_torch.py. `python examples/digits_keras.py`, then `crossboard` in the same folder
shows the run.
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own start-up notes

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import crossboard as cb
from crossboard.loggers.keras import CrossboardCallback


def digits() -> list[Any]:
    """Return training images, validation images, training labels, validation labels; images (n, 8, 8, 1) in 0..1."""
    images, labels = load_digits(return_X_y=True)
    parts = train_test_split(images / 16.0, labels, test_size=0.2, stratify=labels, random_state=0)
    return [*(part.reshape(-1, 8, 8, 1).astype(np.float32) for part in parts[:2]), *parts[2:]]


def cnn() -> keras.Model:
    """Return two convolutions and two dense layers, 38,282 parameters; the same as in digits_torch.py."""
    layer = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layer.Conv2D(16, 3, padding="same", activation="relu"),
            layer.Conv2D(32, 3, padding="same", activation="relu"),
            layer.MaxPooling2D(2),
            layer.Flatten(),
            layer.Dense(64, activation="relu"),
            layer.Dropout(0.25),
            layer.Dense(10),
        ]
    )


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dir", help="where the run is written (default: CROSSBOARD_DIR or ./runs)")
    args = parser.parse_args(argv)

    keras.utils.set_random_seed(args.seed)
    x_train, x_val, y_train, y_val = digits()
    model = cnn()
    steps = args.epochs * -(-len(x_train) // args.batch)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(args.lr, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
    )

    run = cb.init(project="digits", name=f"keras seed {args.seed}", group="keras", config=args, dir=args.dir)
    labels = [str(digit) for digit in range(10)]
    callback = CrossboardCallback(
        run, own_batch_values=True, weights_every=5, validation_data=(x_val, y_val), confusion_every=5, labels=labels
    )
    validation = (x_val, y_val)
    model.fit(x_train, y_train, validation_data=validation, batch_size=args.batch, epochs=args.epochs, callbacks=[callback], verbose=0)
    run.finish()
    accuracy = run.summary["val/acc"]["last"]
    print(f"keras seed {args.seed}: {callback.step} steps, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
