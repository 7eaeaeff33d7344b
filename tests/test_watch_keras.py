"""Watching a Keras model: in ``fit`` and in a loop of one's own, on the TensorFlow and the torch backend, without changing training."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import crossboard as cb
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import Alert, HistogramPoint

pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.tensorflow]


@pytest.fixture
def run(tmp_path: Path) -> cb.Run:
    return cb.init(dir=tmp_path, strict=True)


def seen(run: cb.Run) -> tuple[dict[str, dict[int, float]], dict[tuple[str, int], HistogramPoint], list[Alert]]:
    run.finish()
    (found,) = NativeSource(Path(run.dir).parent.parent).scan()
    records = [placed.record for placed in NativeSource(Path(run.dir).parent.parent).read(found, None).records]
    numbers = {tag: dict(zip(at.step.tolist(), at.value.tolist(), strict=True)) for tag, at in run.own_points().items()}
    histograms = {(one.tag, one.step): one for one in records if isinstance(one, HistogramPoint)}
    return numbers, histograms, [one for one in records if isinstance(one, Alert)]


def small(**options: Any) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = [keras.Input((4,)), keras.layers.Dense(8, activation="relu", name="one"), keras.layers.Dense(1, name="two")]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", **options)
    return model


def logging(run: cb.Run) -> Any:
    import keras

    class Log(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            run.log({"loss": logs["loss"]}, step=Log.batches * 10)
            Log.batches += 1

    return Log()


X = np.random.default_rng(0).normal(size=(48, 4)).astype(np.float32)
Y = X.sum(1, keepdims=True)


def first_gradients(model: Any, x: Any, y: Any) -> list[Any]:
    """Gradients of the first batch, computed apart from fit."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((model(x, training=True) - y) ** 2)
    return [one.numpy() for one in tape.gradient(loss, [variable.value for variable in model.trainable_variables])]


@pytest.mark.parametrize("options", [{}, {"run_eagerly": True}, {"jit_compile": True}, {"jit_compile": False}])
def test_in_fit_a_look_is_what_the_model_had_at_that_batch(run: cb.Run, options: dict[str, Any]) -> None:
    model = small(**options)
    want = first_gradients(model, X[:8], Y[:8])
    weight = model.layers[0].kernel.numpy()
    watched = run.watch(model, every=3, bins=8)
    model.fit(X, Y, batch_size=8, epochs=1, shuffle=False, verbose=0, callbacks=[watched.callback, logging(run)])
    numbers, histograms, alerts = seen(run)
    assert list(numbers["weight_norm/one.kernel"]) == list(numbers["gradient_norm/one.kernel"]) == [0, 30]
    assert numbers["gradient_norm/one.kernel"][0] == pytest.approx(np.linalg.norm(want[0]), rel=1e-4)
    assert numbers["gradient_flow/two"][0] == pytest.approx(math.hypot(np.linalg.norm(want[2]), np.linalg.norm(want[3])), rel=1e-4)
    assert numbers["weight_norm/one.kernel"][0] == pytest.approx(np.linalg.norm(weight), rel=1e-5)
    assert numbers["update_ratio/one.kernel"][0] == pytest.approx(0.1 * np.linalg.norm(want[0]) / np.linalg.norm(weight), rel=1e-3)
    point = histograms["weights/one.kernel", 0]
    assert point.counts == np.histogram(weight.astype(np.float64), bins=np.array(point.edges))[0].tolist()
    assert histograms["gradients/one.kernel", 0].max == pytest.approx(want[0].max(), rel=1e-5)
    assert alerts == []


def test_watching_changes_nothing_in_training(tmp_path: Path) -> None:
    results = []
    for watch in (False, True):
        model = small()
        with cb.init(dir=tmp_path / str(watch), strict=True) as run:
            callbacks = [run.watch(model, every=2, activations=X[:5]).callback] if watch else []
            for _ in range(2):  # the second fit begins with a function that was traced already
                model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        results.append(model.get_weights())
        assert "apply" not in vars(model.optimizer)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_first_gradient_that_is_not_finite_is_named_with_its_step(run: cb.Run) -> None:
    model = small()
    spoilt = Y.copy()  # not X: what ReLU makes of NaN depends on the processor
    spoilt[16] = np.nan
    watched = run.watch(model, every=100)
    model.fit(X, spoilt, batch_size=8, epochs=1, shuffle=False, verbose=0, callbacks=[watched.callback, logging(run)])
    _, _, alerts = seen(run)
    (alert,) = alerts
    assert (alert.step, alert.level) == (20, "error")
    assert "at step 20 (update 3) in the backward pass: gradient of two.bias" in alert.text
    assert "4 of 4 gradients" in alert.text


def test_activations_of_a_batch_are_looked_at(run: cb.Run) -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(4, activation="relu", name="r"), keras.layers.Dense(2, "tanh", name="t")]
    )
    kernel, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([kernel, np.array([-1e6, 0, 0, 0], np.float32)])
    model.layers[1].set_weights([np.zeros((4, 2), np.float32), np.array([50.0, 0.0], np.float32)])
    model.compile("sgd", "mse")
    watched = run.watch(model, every=1, activations=X[:6], gradients=False, parameters=False, nan="")
    model.fit(X[:8], np.zeros((8, 2)), batch_size=8, verbose=0, callbacks=[watched.callback])
    numbers, histograms, _ = seen(run)
    assert numbers["dead_units/r"][0] >= 1 / 4
    assert numbers["saturated_units/t"][0] == 1 / 2
    assert histograms["activations/t", 0].count == 12
    assert bias.shape == (4,)


def test_several_steps_in_one_execution_are_counted(run: cb.Run) -> None:
    model = small(steps_per_execution=2)
    spoilt = X.copy()
    spoilt[30] = np.inf
    watched = run.watch(model, every=1)
    model.fit(spoilt, Y, batch_size=8, shuffle=False, verbose=0, callbacks=[watched.callback, logging(run)])
    numbers, _, (alert,) = seen(run)
    assert list(numbers["weight_norm/one.kernel"]) == [0, 10, 20]
    assert "(update 4)" in alert.text


def test_mixed_precision_gradients_are_seen_unscaled(run: cb.Run) -> None:
    import keras

    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(8, dtype="mixed_float16", name="one"),
        keras.layers.Dense(1, dtype="float32", name="two"),
    ]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=1024.0), loss="mse")
    want = first_gradients(model, X[:8], Y[:8])
    watched = run.watch(model, every=1)
    model.fit(X[:8], Y[:8], batch_size=8, verbose=0, callbacks=[watched.callback])
    numbers, _, _ = seen(run)
    assert numbers["gradient_norm/one.kernel"][0] == pytest.approx(np.linalg.norm(want[0]), rel=1e-2)


def test_embeddings_and_frozen_layers_are_looked_at(run: cb.Run) -> None:
    import keras

    layers = [keras.Input((3,), dtype="int32"), keras.layers.Embedding(9, 4, name="table"), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, name="frozen", trainable=False), keras.layers.Dense(1, name="last")])
    model.compile("sgd", "mse")
    watched = run.watch(model, every=1)
    model.fit(np.arange(9).reshape(3, 3), np.ones((3, 1)), batch_size=1, verbose=0, callbacks=[watched.callback, logging(run)])
    numbers, _, alerts = seen(run)
    assert numbers["gradient_norm/table.embeddings"].keys() == {0, 10, 20}
    assert numbers["weight_norm/frozen.kernel"].keys() == {0}
    assert "gradient_norm/frozen.kernel" not in numbers
    assert alerts == []


def test_a_loop_of_ones_own_gives_its_gradients(run: cb.Run) -> None:
    import tensorflow as tf

    model = small()
    watched = run.watch(model, every=2)
    for step in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((model(X[:8]) - Y[:8]) ** 2)
        gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
        if step == 3:
            gradients[1] = gradients[1] * math.nan
        with watched.step(gradients):
            model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        run.log({"loss": float(loss)}, step=step)
    numbers, histograms, (alert,) = seen(run)
    assert list(numbers["update_ratio/two.kernel"]) == [0, 2, 4]
    assert ("gradients/one.kernel", 2) in histograms
    assert "at step 3 (update 4) in the backward pass: gradient of one.bias" in alert.text


def test_observe_is_one_look(run: cb.Run) -> None:
    from crossboard.loggers.watch.keras_part import observe

    model = small()
    run.log({"loss": 1.0}, step=7)
    observe(run, model)
    observe(run, model, [np.ones(variable.shape, np.float32) for variable in model.trainable_variables])
    numbers, histograms, _ = seen(run)
    assert numbers["gradient_norm/one.bias"] == {7: pytest.approx(math.sqrt(8))}
    assert ("weights/one.kernel", 7) in histograms


def test_what_cannot_be_looked_at_is_said(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(1, name="dense")

        def call(self, x: Any) -> Any:
            return self.dense(x)

    run = cb.init(dir=tmp_path)
    with pytest.warns(CrossboardWarning, match="activations: of a Keras model give a batch of inputs"):
        run.watch(small(), activations=True)
    model = Own()
    model.compile("sgd", "mse")
    watched = run.watch(model, every=1, activations=X[:2])
    with pytest.warns(CrossboardWarning, match="only Functional and Sequential models show"):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[watched.callback, logging(run)])
    numbers, _, _ = seen(run)
    assert list(numbers["gradient_norm/dense.kernel"]) == [10, 20]  # built by its first batch
    assert list(numbers["weight_norm/dense.kernel"])[-2:] == [10, 20]


def test_unwatch_ends_it_inside_of_fit(run: cb.Run) -> None:
    import keras

    model = small()

    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch == 1:
                run.unwatch(model)

    watched = run.watch(model, every=1)
    model.fit(X, Y, batch_size=8, verbose=0, callbacks=[watched.callback, logging(run), Stop()])
    assert list(seen(run)[0]["health/weight_norm"]) == [0, 10]
    assert "apply" not in vars(model.optimizer)


TORCH = """
import json, random, sys
import keras, numpy as np
import crossboard as cb
random.seed(3)  # Keras seeds its initializers by it; set_random_seed imports TensorFlow, too, where it is installed
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu", name="one"), keras.layers.Dense(1, name="two")])
model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse")
run = cb.init(dir=sys.argv[1], strict=True)
watched = run.watch(model, every=2, activations=np.ones((3, 4), np.float32))
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
x[24:] = np.nan
model.fit(x, x.sum(1, keepdims=True), batch_size=8, shuffle=False, verbose=0, callbacks=[watched.callback])
run.finish()
points = {tag: at.value.tolist() for tag, at in run.own_points().items()}
print("RESULT", json.dumps([keras.backend.backend(), points, run.summary["first_nonfinite"]]))
"""


@pytest.mark.torch
def test_on_the_torch_backend_the_same_is_seen(tmp_path: Path) -> None:
    env = {**os.environ, "KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", TORCH, str(tmp_path)], capture_output=True, text=True, timeout=200, env=env, check=False)
    assert done.returncode == 0, done.stderr
    backend, points, trouble = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))[7:])
    assert backend == "torch"
    assert len(points["gradient_norm/one.kernel"]) == len(points["update_ratio/two.bias"]) == len(points["dead_units/one"]) == 2
    assert points["update_ratio/one.kernel"][0] == pytest.approx(
        0.1 * points["gradient_norm/one.kernel"][0] / points["weight_norm/one.kernel"][0], rel=1e-3
    )
    assert (trouble["update"], trouble["name"]) == (4, "two.bias")
