"""CrossboardCallback: one clock for batches and epochs, the same numbers as Keras says itself, and a training that notices nothing."""

from __future__ import annotations

import copy
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossboard as cb
from crossboard.store.errors import CrossboardWarning
from crossboard.store.native import NativeSource
from crossboard.store.records import (
    ConfusionMatrixPoint,
    GraphPoint,
    HistogramPoint,
    MetricDefined,
    Record,
    TablePoint,
)

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
pytestmark = [pytest.mark.usefixtures("said_anew"), pytest.mark.tensorflow]
ROOT = Path(__file__).resolve().parents[1]
Numbers = dict[str, list[tuple[int, float]]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def read(root: Path) -> tuple[Numbers, list[Record]]:
    """Tag -> (step, value), and the records, of the only run under `root`."""
    source = NativeSource(root)
    (found,) = source.scan()
    points: Numbers = {}
    records: list[Record] = []
    cursor, more = None, True
    while more:
        batch = source.read(found, cursor)
        cursor, more = batch.cursor, batch.more
        records += [placed.record for placed in batch.records]
        for strand in batch.strands:
            points.setdefault(strand.tag, []).extend(zip(strand.points.step.tolist(), strand.points.value.tolist(), strict=True))
    return points, records


def data(count: int = 20) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(count, 4)).astype(np.float32)
    return x, (x.sum(axis=1) > 0).astype(np.int64)


def model(rate: Any = 0.01, classes: int = 2, **options: Any) -> Any:
    import keras

    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, activation="relu", name="one"), keras.layers.Dense(classes, name="two")]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    accuracy = keras.metrics.SparseCategoricalAccuracy(name="acc")
    made.compile(optimizer=keras.optimizers.SGD(rate), loss=loss, metrics=[accuracy], **options)
    return made


def callback(**options: Any) -> Any:
    from crossboard.loggers.keras import CrossboardCallback

    return CrossboardCallback(**{"graph": False, **options})


def recorder() -> Any:
    """What Keras itself tells a callback of every batch."""
    import keras

    class Recorder(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.losses: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.losses.append(logs["loss"])

    return Recorder()


def values(points: list[tuple[int, float]]) -> list[float]:
    return [value for _, value in points]


def steps(points: list[tuple[int, float]]) -> list[int]:
    return [step for step, _ in points]


def test_batches_and_epochs_stand_on_one_clock_with_the_numbers_that_keras_says(root: Path) -> None:
    x, y = data()
    run = cb.init(dir=root)
    said = recorder()
    history = model().fit(x, y, validation_data=(x, y), batch_size=8, epochs=3, verbose=0, callbacks=[callback(run=run), said])
    run.finish()
    points, records = read(root)
    assert steps(points["train/loss"]) == list(range(9))
    assert values(points["train/loss"]) == said.losses
    for tag, name in [("epoch/loss", "loss"), ("epoch/acc", "acc"), ("val/loss", "val_loss"), ("val/acc", "val_acc")]:
        assert steps(points[tag]) == [2, 5, 8]
        assert values(points[tag]) == history.history[name]
    assert points["epoch"] == [(2, 1.0), (5, 2.0), (8, 3.0)]
    assert steps(points["lr"]) == list(range(9))
    assert values(points["lr"]) == pytest.approx([0.01] * 9)
    assert any(isinstance(one, MetricDefined) and one.tag == "epoch" for one in records)


def test_training_is_the_same_with_and_without_the_callback(root: Path) -> None:
    x, y = data()
    plain, watched = model(), model()
    a = plain.fit(x, y, validation_data=(x, y), batch_size=8, epochs=2, verbose=0, shuffle=False).history
    full = callback(dir=root, weights_every=1, validation_data=(x, y), confusion_every=1)
    b = watched.fit(x, y, validation_data=(x, y), batch_size=8, epochs=2, verbose=0, shuffle=False, callbacks=[full]).history
    assert a == b
    assert all(np.array_equal(one, other) for one, other in zip(plain.get_weights(), watched.get_weights(), strict=True))


def test_own_batch_values_are_those_of_the_batch_alone(root: Path) -> None:
    import keras

    x, y = data(16)
    run = cb.init(dir=root)
    still = model(rate=0.0)
    still.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0, callbacks=[callback(run=run, own_batch_values=True)])
    points, _ = read(root)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    want = [float(loss(y[at : at + 8], still.predict(x[at : at + 8], verbose=0))) for at in (0, 8)]
    assert values(points["train/loss"]) == pytest.approx(want, rel=1e-5)
    assert values(points["epoch/loss"]) == pytest.approx([sum(want) / 2], rel=1e-5)


def test_a_second_fit_counts_on_and_a_loaded_optimizer_says_where_it_was(root: Path, tmp_path: Path) -> None:
    x, y = data(16)
    run = cb.init(dir=root)
    trained, watcher = model(), callback(run=run)
    trained.fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[watcher])
    trained.fit(x, y, batch_size=8, epochs=2, initial_epoch=1, verbose=0, callbacks=[watcher])
    assert watcher.step == 4
    trained.save(tmp_path / "model.keras")
    import keras

    keras.models.load_model(tmp_path / "model.keras").fit(x, y, batch_size=8, epochs=1, verbose=0, callbacks=[callback(run=run)])
    points, _ = read(root)
    assert steps(points["train/loss"]) == [0, 1, 2, 3, 4, 5]
    assert points["epoch"] == [(1, 1.0), (3, 2.0), (5, 1.0)]


def test_the_learning_rate_of_a_schedule_is_that_of_the_batch(root: Path) -> None:
    import keras

    x, y = data(24)
    run = cb.init(dir=root)
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([1, 3], [0.5, 0.25, 0.125])
    model(schedule).fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[callback(run=run)])
    assert values(read(root)[0]["lr"]) == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def schedules() -> list[Any]:
    import keras

    kinds = keras.optimizers.schedules

    class Own(keras.optimizers.schedules.LearningRateSchedule):
        """One that works step by step only."""

        def __call__(self, step: Any) -> Any:
            return 0.5 / (1 + int(step))

    return [
        kinds.PiecewiseConstantDecay([1, 300], [0.5, 0.25, 0.125]),
        kinds.CosineDecay(0.1, 200),
        kinds.CosineDecay(0.0, 200, warmup_target=0.1, warmup_steps=50),
        kinds.CosineDecayRestarts(0.1, 40),
        kinds.ExponentialDecay(0.1, 10, 0.9, staircase=True),
        kinds.PolynomialDecay(0.1, 150, cycle=True),
        Own(),
    ]


@pytest.mark.parametrize("number", range(7))
def test_rates_that_are_computed_together_are_those_of_each_step(number: int) -> None:
    import keras

    from crossboard.loggers.kerasmodel import AT_ONCE, Schedule

    schedule = schedules()[number]
    told = Schedule(schedule)
    for step in [0, 1, 2, 49, 50, 51, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 299, 300, 301, 7]:
        want = float(keras.ops.convert_to_numpy(schedule(keras.ops.convert_to_tensor(step, "int32"))))
        assert told.at(step) == pytest.approx(want, rel=1e-5, abs=1e-9)


def test_a_learning_rate_that_another_callback_sets_is_seen(root: Path) -> None:
    import keras

    x, y = data(16)
    run = cb.init(dir=root)
    other = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0 + (0.5 if epoch == 0 else 0.25))
    model().fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=[callback(run=run), other])
    assert values(read(root)[0]["lr"]) == [0.5, 0.5, 0.25, 0.25]


def test_the_config_tells_optimizer_loss_layers_epochs_and_batch_size(root: Path) -> None:
    x, y = data()
    run = cb.init(dir=root, config={"seed": 7})
    model().fit(x, y, epochs=1, verbose=0, callbacks=[callback(run=run)])
    config = run.config
    assert config["seed"] == 7
    assert (config["epochs"], config["batch_size"], config["steps_per_epoch"]) == (1, 32, 1)
    assert config["optimizer"]["type"] == "SGD"
    assert config["optimizer"]["learning_rate"] == pytest.approx(0.01)
    assert config["loss"] == "sparse_categorical_crossentropy"
    assert config["model"]["parameters"] == 4 * 3 + 3 + 3 * 2 + 2
    assert [(one["name"], one["type"], one["parameters"]) for one in config["model"]["layers"]] == [
        ("one", "Dense", 15),
        ("two", "Dense", 8),
    ]


def test_samples_and_batches_per_second_agree(root: Path) -> None:
    x, y = data()
    run = cb.init(dir=root)
    model().fit(x, y, validation_data=(x, y), batch_size=8, epochs=2, verbose=0, callbacks=[callback(run=run)])
    points, _ = read(root)
    batches, samples = values(points["speed/batches_per_s"]), values(points["speed/samples_per_s"])
    assert [round(per / rate * 3) for per, rate in zip(samples, batches, strict=True)] == [20, 20]
    assert all(took > 3 / rate for took, rate in zip(values(points["speed/epoch_s"]), batches, strict=True))


def test_a_run_is_begun_when_there_is_none_and_each_callback_begins_its_own(root: Path) -> None:
    x, y = data(8)
    for name in ("first", "second"):
        watcher = callback(project="p", name=name, dir=root)
        trained = model()
        trained.fit(x, y, epochs=1, verbose=0, callbacks=[watcher])
        trained.fit(x, y, epochs=1, verbose=0, callbacks=[watcher])
    cb.finish()
    runs = {run.name: run for run in cb.open(str(root))}
    assert set(runs) == {"first", "second"}
    assert [list(runs[name]["train/loss"].step) for name in ("first", "second")] == [[0, 1], [0, 1]]
    assert {run.status for run in runs.values()} == {"finished"}


def test_the_current_run_is_taken(root: Path) -> None:
    x, y = data(8)
    with cb.init(dir=root, name="mine"):
        model().fit(x, y, epochs=1, verbose=0, callbacks=[callback()])
    (run,) = cb.open(str(root))
    assert run.name == "mine"
    assert len(run["train/loss"]) == 1


def test_evaluate_outside_of_fit_is_a_test_at_the_step_that_was_reached(root: Path) -> None:
    x, y = data(16)
    run = cb.init(dir=root)
    trained, watcher = model(), callback(run=run)
    trained.fit(x, y, validation_data=(x, y), batch_size=8, epochs=1, verbose=0, callbacks=[watcher])
    said = trained.evaluate(x, y, verbose=0, callbacks=[watcher], return_dict=True)
    points, _ = read(root)
    assert points["test/loss"] == [(1, said["loss"])]
    assert points["test/acc"] == [(1, said["acc"])]
    assert len(points["val/loss"]) == 1


def test_a_misspelt_option_is_said_where_it_was_written() -> None:
    with pytest.raises(TypeError, match="projekt"):
        callback(projekt="p")


def test_a_copy_has_the_settings_and_a_run_of_its_own(root: Path) -> None:
    x, y = data(8)
    first = callback(project="p", dir=root, batch_every=5, labels=["a", "b"])
    model().fit(x, y, epochs=1, verbose=0, callbacks=[first])
    second = copy.deepcopy(first)
    assert (second.run, second.batch_every, second.labels) == (None, 5, ["a", "b"])
    given = callback(run=first.run)
    given.run = run = cb.init(dir=root)
    assert copy.deepcopy(given).run is run


def test_every_nth_batch_only(root: Path) -> None:
    x, y = data(32)
    run = cb.init(dir=root)
    model().fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[callback(run=run, batch_every=3)])
    points, _ = read(root)
    assert steps(points["train/loss"]) == steps(points["lr"]) == [0, 3, 6]
    assert steps(points["epoch/loss"]) == [7]


def test_several_steps_per_execution_are_told_apart(root: Path) -> None:
    x, y = data(28)
    run = cb.init(dir=root)
    model(steps_per_execution=3).fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[callback(run=run)])
    points, _ = read(root)
    assert steps(points["train/loss"]) == [2, 5, 6, 9, 12, 13]
    assert steps(points["epoch/loss"]) == [6, 13]


def test_weights_are_logged_as_exact_histograms(root: Path) -> None:
    x, y = data(8)
    run = cb.init(dir=root)
    trained = model()
    trained.fit(x, y, epochs=4, verbose=0, callbacks=[callback(run=run, weights_every=2)])
    run.finish()
    found = [one for one in read(root)[1] if isinstance(one, HistogramPoint)]
    assert {one.tag for one in found} == {f"weights/{weight.path}" for weight in trained.weights}
    assert sorted({one.step for one in found}) == [0, 2, 3]
    kernel = trained.get_weights()[0]
    last = next(one for one in found if one.step == 3 and one.tag.endswith("one/kernel"))
    assert last.counts == np.histogram(kernel, last.edges)[0].tolist()
    assert (last.min, last.max) == (float(kernel.min()), float(kernel.max()))


def test_the_confusion_matrix_and_samples_are_those_of_the_model(root: Path) -> None:
    x, y = data()
    run = cb.init(dir=root)
    watcher = callback(run=run, validation_data=(x, y), confusion_every=1, samples=3, labels=["no", "yes"])
    trained = model()
    trained.fit(x, y, epochs=1, verbose=0, callbacks=[watcher])
    run.finish()
    _, records = read(root)
    (matrix,) = (one for one in records if isinstance(one, ConfusionMatrixPoint))
    called = trained.predict(x, verbose=0).argmax(axis=1)
    want = [[int(((y == row) & (called == column)).sum()) for column in (0, 1)] for row in (0, 1)]
    assert (matrix.tag, matrix.step, matrix.labels, matrix.counts) == ("val/confusion", 0, ["no", "yes"], want)
    (table,) = (one for one in records if isinstance(one, TablePoint))
    assert (table.tag, table.columns, table.rows) == ("val/samples", ["truth", "prediction", "score"], 3)


def test_one_output_is_told_by_its_threshold(root: Path) -> None:
    import keras

    x, y = data()
    trained = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    trained.compile(optimizer="sgd", loss=keras.losses.BinaryCrossentropy(from_logits=True))
    run = cb.init(dir=root)
    trained.fit(x, y, epochs=1, verbose=0, callbacks=[callback(run=run, validation_data=(x, y[:, None]), confusion_every=1)])
    run.finish()
    (matrix,) = (one for one in read(root)[1] if isinstance(one, ConfusionMatrixPoint))
    called = trained.predict(x, verbose=0)[:, 0] > 0
    assert matrix.counts == [[int(((y == row) & (called == column)).sum()) for column in (0, 1)] for row in (0, 1)]


def test_images_stand_in_the_samples(root: Path) -> None:
    import keras

    x = np.random.default_rng(0).uniform(size=(6, 8, 8, 1)).astype(np.float32)
    trained = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    trained.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    run = cb.init(dir=root)
    watcher = callback(run=run, validation_data=(x, np.arange(6) % 2), samples=4)
    trained.fit(x, np.arange(6) % 2, epochs=1, verbose=0, callbacks=[watcher])
    run.finish()
    (table,) = (one for one in read(root)[1] if isinstance(one, TablePoint))
    assert (table.columns[0], table.media.get("image"), table.rows) == ("image", "image", 4)


def test_what_fails_in_the_callback_is_said_once_and_training_goes_on(root: Path) -> None:
    x, y = data(8)
    run = cb.init(dir=root)
    watcher = callback(run=run, validation_data=("no", "arrays"), confusion_every=1)
    with pytest.warns(CrossboardWarning, match="keras: predictions"):
        history = model().fit(x, y, epochs=2, verbose=0, callbacks=[watcher])
    assert len(history.history["loss"]) == 2
    assert len(read(root)[0]["train/loss"]) == 2


def test_the_graph_is_logged_once(root: Path) -> None:
    x, y = data(8)
    run = cb.init(dir=root)
    trained, watcher = model(), callback(run=run, graph=True)
    for _ in range(2):
        trained.fit(x, y, epochs=1, verbose=0, callbacks=[watcher])
    run.finish()
    (graph,) = (one for one in read(root)[1] if isinstance(one, GraphPoint))
    assert graph.framework == "keras"


def test_the_graph_of_a_model_that_does_not_say_what_it_takes_is_that_of_its_first_example(root: Path) -> None:
    import keras

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.one = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.one(x)

    x, y = data(8)
    run = cb.init(dir=root)
    trained = Own()
    trained.compile(optimizer="sgd", loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    trained.fit(x, y, epochs=1, verbose=0, callbacks=[callback(run=run, graph=True)])
    run.finish()
    (graph,) = (one for one in read(root)[1] if isinstance(one, GraphPoint))
    assert sum(scope.parameters for scope in graph.scopes) == 10


@given(st.lists(st.integers(1, 3), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_batches_that_end_in_any_order_are_logged_in_theirs(sizes: list[int], random: Any) -> None:
    from crossboard.loggers.keras import _Clock

    clock = _Clock()
    clock.begin_epoch(5)
    begins = [sum(sizes[:index]) for index in range(len(sizes))]
    ends = [begin + size - 1 for begin, size in zip(begins, sizes, strict=True)]
    out: list[tuple[int, Any]] = []
    waiting: list[int] = []
    for begin, end in zip(begins, ends, strict=True):
        clock.began(begin)
        waiting.append(end)
        while waiting and random.random() < 0.5:
            batch = waiting.pop(random.randrange(len(waiting)))
            clock.ended(batch, {"batch": batch})
            out += clock.ready()
    for batch in random.sample(waiting, len(waiting)):
        clock.ended(batch, {"batch": batch})
        out += clock.ready()
    assert not clock.ready(all_of_them=True)
    assert out == [(5 + end, {"batch": end}) for end in ends]
    assert clock.next == 5 + sum(sizes)


OTHER_BACKEND = """
import random, sys
import numpy as np
import keras
import crossboard as cb
from crossboard.loggers.keras import CrossboardCallback
random.seed(0)  # as in test_watch_keras.py
x = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int64")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(2)])
schedule = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.5, 0.25])
model.compile(optimizer=keras.optimizers.SGD(schedule), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
run = cb.init(dir=sys.argv[1])
watcher = CrossboardCallback(run, graph=False, weights_every=1, validation_data=(x, y), confusion_every=1)
history = model.fit(x, y, validation_data=(x, y), batch_size=8, epochs=2, verbose=0, callbacks=[watcher])
run.finish()
print(keras.backend.backend(), *(repr(value) for name in ("loss", "val_loss") for value in history.history[name]))
"""


@pytest.mark.parametrize("backend", [pytest.param("torch", marks=pytest.mark.torch), "jax"])
def test_it_works_on_the_other_backends(root: Path, backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    environment = {**os.environ, "KERAS_BACKEND": backend, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error::crossboard.store.errors.CrossboardWarning", "-c", OTHER_BACKEND, str(root)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, cwd=ROOT / "src")
    assert answer.returncode == 0, answer.stderr[-3000:]
    said = answer.stdout.split()
    assert said[0] == backend
    points, records = read(root)
    assert steps(points["train/loss"]) == list(range(6))
    assert values(points["lr"]) == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert [*values(points["epoch/loss"]), *values(points["val/loss"])] == [float(one) for one in said[1:]]
    assert steps(points["epoch/loss"]) == [2, 5]
    assert {type(one) for one in records} >= {HistogramPoint, ConfusionMatrixPoint}
