"""Train a small CNN on handwritten digits with Keras and log one thing of every kind: `python examples/gallery_keras.py`.

What is logged beside curves, histograms and the graph is in gallery.py; `crossboard demo --gallery` runs this.
"""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's own start-up notes

import keras
from gallery import Looks, arguments, digits

import crossboard as cb
from crossboard.loggers.keras import CrossboardCallback


def cnn() -> tuple[keras.Model, keras.Model]:
    """Return two convolutions and two dense layers, the same as in gallery_torch.py, and the part before the last layer."""
    layer = keras.layers
    body = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layer.Conv2D(16, 3, padding="same", activation="relu"),
            layer.Conv2D(32, 3, padding="same", activation="relu"),
            layer.MaxPooling2D(2),
            layer.Flatten(),
            layer.Dense(64, activation="relu"),
        ],
        name="body",
    )
    return keras.Sequential([keras.Input((8, 8, 1)), body, layer.Dense(10, name="head")]), body


class Looking(keras.callbacks.Callback):
    """Calls `Looks.look` every few batches."""

    def __init__(self, looks: Looks, counted: CrossboardCallback, every: int) -> None:
        super().__init__()
        self.looks, self.counted, self.every = looks, counted, every
        self.step = 0

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """One more batch is done."""
        if self.step % self.every == 0:
            self.looks.look(self.step, everything=self.step % (2 * self.every) == 0)
        self.step += 1

    def on_train_end(self, logs: object = None) -> None:
        """The last look."""
        self.looks.look(self.step, everything=True)


def main(argv: list[str] | None = None) -> None:
    """Train once."""
    args = arguments(__doc__, argv)

    keras.utils.set_random_seed(args.seed)
    x, _, y, _ = digits()
    model, body = cnn()
    model.compile(optimizer=keras.optimizers.Adam(args.lr), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    run = cb.init(project="gallery", name=f"keras seed {args.seed}", group="keras", config=args, dir=args.dir, console=True)
    run.define_metric("val/acc", goal="max")
    watched = run.watch(model, every=args.every)
    looks = Looks(
        run,
        args.seed,
        lambda of: model(of.reshape(-1, 8, 8, 1), training=False).numpy(),
        lambda of: body(of.reshape(-1, 8, 8, 1), training=False).numpy(),
    )
    callback = CrossboardCallback(run, own_batch_values=True)
    callbacks = [callback, watched.callback, Looking(looks, callback, args.every)]
    model.fit(x.reshape(-1, 8, 8, 1), y, batch_size=args.batch, epochs=args.epochs, callbacks=callbacks, verbose=0)
    run.alert("Done", f"{callback.step} steps", level="info")
    accuracy = run.summary["val/acc"]["last"]
    run.finish()
    print(f"keras seed {args.seed}: {callback.step} steps, validation accuracy {accuracy:.3f}")


if __name__ == "__main__":
    main()
