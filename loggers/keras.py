"""Keras training into a run: one callback for `fit`, on every backend of Keras 3.

    model.fit(x, y, validation_data=(xv, yv), callbacks=[CrossboardCallback()])

One clock: the step is the number of batches that the model has seen, from 0, counted on by a second `fit` and taken up from
the optimizer's own count when a checkpoint was loaded. Tags:

    train/<metric>      every batch: the mean since the epoch began, which is what Keras hands out (see `own_batch_values`)
    epoch/<metric>      the training metric of a whole epoch, at the step of its last batch
    val/<metric>        the validation metric of an epoch, at the same step
    test/<metric>       of ``evaluate``, when the callback is given to it outside of `fit`
    epoch               number of epochs that are done, at the same step: an x axis for the others
    lr                  learning rate that the batch was trained with
    speed/...           batches_per_s and samples_per_s of each epoch, validation not counted; epoch_s with it
    weights/<path>      histograms, every n epochs
    val/confusion, val/samples   see `CrossboardCallback`

What it costs: Keras turns the results of each batch into Python numbers for its own progress bar and for all callbacks, and waits
for the device to do so, whether this callback is there or not. It adds no wait of its own to that. On the torch and JAX
backends Keras hands them over in a thread (`async_safe`), so that training does not wait at all; the order is restored here.
"""

from __future__ import annotations

import contextlib
import heapq
import inspect
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import keras
import numpy as np

from .destination import began, destination, go_on
from .kerasmodel import Schedule, batches_seen, config_of, fit_local, rate_of
from .run import Run
from .session import init


class CrossboardCallback(keras.callbacks.Callback):
    """Logs `fit` into a run.

    Args:
        run: where to; default: the current run; a new one, begun when training begins, where there is none, another callback
            began it, or `options` say which. It stays open after `fit`, and ends with the program or by `crossboard.finish()`.
        batch_every: log every so many batches; 0: epochs only.
        own_batch_values: log each batch's own metrics instead of the mean since the epoch began. Keras's metrics are reset
            before each batch for it, so that History and progress bar, too, then show the last batch; ``epoch/`` is the mean over batches.
        learning_rate: log ``lr`` with every batch.
        weights_every: histograms of all weights after the first epoch, every so many, and the last; 0: never.
        graph: log the model's graph when training begins; not of a model that does not say what it takes and is fed no arrays.
        validation_data: (x, y) for what follows: y class numbers or one-hot. At most `most_examples` of them are predicted.
        confusion_every: a confusion matrix of them, as often; 0: never.
        samples: so many of the first of them as a table with truth, prediction and score (and the input when it is an image),
            every `samples_every` epochs.
        labels: names of the classes.
        threshold: of a model with one output, between class 0 and 1; default: 0 when its loss works on logits, else 0.5.
        options: of `crossboard.init`: project, name, config, dir, group, tags, notes ...
    """

    async_safe = True

    def __init__(
        self,
        run: Run | None = None,
        *,
        batch_every: int = 1,
        own_batch_values: bool = False,
        learning_rate: bool = True,
        weights_every: int = 0,
        graph: bool = True,
        validation_data: tuple[Any, Any] | None = None,
        confusion_every: int = 0,
        samples: int = 0,
        samples_every: int = 1,
        most_examples: int = 10_000,
        labels: Iterable[str] | None = None,
        threshold: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        inspect.signature(init).bind(**options)  # a misspelt one is an error here, not when training begins
        self.run = run
        self.batch_every = batch_every
        self.own_batch_values = own_batch_values
        self.learning_rate = learning_rate
        self.weights_every = weights_every
        self.graph = graph
        self.validation_data = validation_data
        self.confusion_every = confusion_every
        self.samples, self.samples_every = samples, samples_every
        self.most_examples = most_examples
        self.labels = [str(label) for label in labels] if labels is not None else None
        self.threshold = threshold
        self._options = options
        self._lock = threading.Lock()
        self._clock = _Clock()
        self._rate: Callable[[int], dict[str, float]] | None = None
        self._schedules: dict[int, Schedule] = {}
        self._sums: dict[str, float] = {}
        self._summed = 0
        self._epoch_began = self._train_s = 0.0
        self._seen_samples: float | None = None
        self._epoch_batches = 0
        self._fitting = False

    @property
    def step(self) -> int:
        """Number of batches seen."""
        return self._clock.next

    def __deepcopy__(self, memo: dict[int, Any]) -> CrossboardCallback:
        """A callback with the same settings for another training, as tuners want it; a run that was given is shared."""
        given = {name: getattr(self, name) for name in _SETTINGS}
        return type(self)(None if began(self.run) else self.run, **given, **self._options)

    # ----------------------------------------------------------------------------------------------- life of fit

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        run = self._take_run()
        self._fitting = True
        run.define_metric("epoch", unit="epochs")
        with run._harmless("keras: config"):
            run.config.update(config_of(self._model, self.params))
        if self.graph and self._clock.next == 0:
            with run._harmless("keras: graph"):
                self._log_graph(run)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        with self._harmless("keras: learning rate"):
            seen = batches_seen(self._model)
            with self._lock:
                self._clock.begin_epoch(seen)
            self._rate = rate_of(self._model, self._clock.next - seen, self._schedules) if self.learning_rate else None
        self._sums, self._summed = {}, 0
        self._seen_samples, self._train_s = None, 0.0
        self._epoch_began = time.perf_counter()

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.own_batch_values:
            self.model.reset_metrics()  # Keras's own call: what it raises is Keras's
        with self._lock:
            self._clock.began(batch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        most = (self.params or {}).get("steps")
        if most:  # Keras counts the last execution as a full one
            batch = min(batch, int(most) - 1)
        with self._lock:
            self._clock.ended(batch, dict(logs) if isinstance(logs, Mapping) else {})
            for step, values in self._clock.ready():
                self._log_batch(step, values)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._fitting = False

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self._fitting and isinstance(logs, Mapping):
            self._take_run().log({f"test/{name}": value for name, value in logs.items()}, step=max(self.step - 1, 0))

    def on_test_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._training_stops()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._training_stops()
        run = self.run
        if run is None:
            return
        with self._lock:
            for step, values in self._clock.ready(all_of_them=True):
                self._log_batch(step, values)
        step = self._clock.next - 1
        metrics = {_epoch_tag(name): value for name, value in (logs or {}).items()}
        if self.own_batch_values and self._summed:
            metrics.update({f"epoch/{name}": total / self._summed for name, total in self._sums.items()})
        metrics["epoch"] = epoch + 1
        if self._train_s > 0:
            metrics["speed/batches_per_s"] = self._clock.in_epoch / self._train_s
            if self._seen_samples:
                metrics["speed/samples_per_s"] = self._seen_samples / self._train_s
        metrics["speed/epoch_s"] = time.perf_counter() - self._epoch_began
        run.log(metrics, step=step)
        with self._harmless("keras: weights"):
            if self._due(epoch, self.weights_every):
                self._log_weights(step)
        with self._harmless("keras: predictions"):
            confusion, table = self._due(epoch, self.confusion_every), self.samples > 0 and self._due(epoch, self.samples_every)
            if self.validation_data is not None and (confusion or table):
                self._log_predictions(step, confusion=confusion, table=table)

    # --------------------------------------------------------------------------------------------------- inside

    def _take_run(self) -> Run:
        if self.run is None:
            self.run = destination(self._options)
        elif self.run._finished and began(self.run):
            self.run = go_on(self.run, call="keras")
        return self.run

    def _harmless(self, call: str) -> contextlib.AbstractContextManager[None]:
        return self.run._harmless(call) if self.run is not None else contextlib.nullcontext()

    def _due(self, epoch: int, every: int) -> bool:
        return every > 0 and (epoch % every == 0 or epoch + 1 == (self.params or {}).get("epochs"))

    def _log_batch(self, step: int, values: dict[str, Any]) -> None:
        if self.own_batch_values:
            self._summed += 1
            for name, value in values.items():
                if isinstance(value, float):
                    self._sums[name] = self._sums.get(name, 0.0) + value
        run = self.run
        if run is None or not self.batch_every or step % self.batch_every:
            return
        metrics = {f"train/{name}": value for name, value in values.items()}
        if self._rate is not None:
            with self._harmless("keras: learning rate"):
                metrics.update(self._rate(step))
        run.log(metrics, step=step)

    def _training_stops(self) -> None:
        """The epoch's batches are done; validation, which comes now, uses the same metrics anew."""
        if self._train_s or not self._epoch_began:
            return
        self._train_s = time.perf_counter() - self._epoch_began
        with contextlib.suppress(Exception):  # a model of another make may have no such metric
            loss = next((one for one in self.model.metrics if one.name == "loss" and hasattr(one, "count")), None)
            if loss is not None and not self.own_batch_values:
                self._seen_samples = float(keras.ops.convert_to_numpy(loss.count))

    def _log_graph(self, run: Run) -> None:
        """A model that does not say what it takes is called with the first example, where `fit` was given arrays."""
        if getattr(self.model, "inputs", None):
            run.log_graph(self.model)
            return
        x = fit_local(self._model, "x")
        if isinstance(x, np.ndarray) or hasattr(x, "dtype") or (isinstance(x, (list, tuple, Mapping)) and len(x)):
            run.log_graph(self.model, _first(x, 1))

    def _log_weights(self, step: int) -> None:
        from .media.histograms import Histogram

        assert self.run is not None
        self.run.log({f"weights/{weight.path}": Histogram(weight.value) for weight in self.model.weights}, step=step)

    def _log_predictions(self, step: int, *, confusion: bool, table: bool) -> None:
        from .media.classification import ConfusionMatrix

        assert self.run is not None
        assert self.validation_data is not None
        x, y = self.validation_data
        count = min(len(y), self.most_examples) if confusion else min(len(y), self.samples)
        scores = np.asarray(self.model.predict(_first(x, count), verbose=0), np.float64).reshape(count, -1)
        wanted = np.asarray(y[:count]).reshape(count, -1)
        truth = wanted.argmax(axis=1) if wanted.shape[1] > 1 else np.rint(wanted[:, 0]).astype(np.int64)
        called = scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > self._between()).astype(np.int64)
        if confusion:
            classes = max(int(truth.max(initial=0)), int(called.max(initial=0)), scores.shape[1] - 1, 1) + 1
            labels = self.labels if self.labels is not None else [str(number) for number in range(classes)]
            self.run.log({"val/confusion": ConfusionMatrix(truth, called, labels=labels)}, step=step)
        if table:
            self._log_samples(step, x, truth, called, scores)

    def _log_samples(self, step: int, x: Any, truth: Any, called: Any, scores: Any) -> None:
        from .media.tables import Table

        assert self.run is not None
        count = min(self.samples, len(truth))
        best = scores[np.arange(len(scores)), called] if scores.shape[1] > 1 else scores[:, 0]
        columns: dict[str, list[Any]] = {
            "truth": [self._label(one) for one in truth[:count]],
            "prediction": [self._label(one) for one in called[:count]],
            "score": [float(one) for one in best[:count]],
        }
        images = _images_of(x, count)
        if images:
            columns = {"image": images, **columns}
        self.run.log({"val/samples": Table(columns)}, step=step)

    def _label(self, number: Any) -> str:
        return self.labels[int(number)] if self.labels is not None and int(number) < len(self.labels) else str(int(number))

    def _between(self) -> float:
        if self.threshold is not None:
            return self.threshold
        return 0.0 if getattr(getattr(self.model, "loss", None), "from_logits", False) else 0.5


_SETTINGS: Final = (
    "batch_every",
    "own_batch_values",
    "learning_rate",
    "weights_every",
    "graph",
    "validation_data",
    "confusion_every",
    "samples",
    "samples_every",
    "most_examples",
    "labels",
    "threshold",
)


class _Clock:
    """Which step a batch is, when the ends of batches may come from several threads, in any order.

    Beginnings come in order. With several steps per execution one beginning stands for several batches: Keras then says the
    number of the first one at the beginning, of the last one at the end.
    """

    def __init__(self) -> None:
        self.next = 0
        self.in_epoch = 0
        self._base = 0
        self._open: deque[int] = deque()
        self._done: list[tuple[int, int, dict[str, Any]]] = []
        self._nth = 0

    def begin_epoch(self, seen: int) -> None:
        """An epoch begins when the model says that it has seen so many batches."""
        self.next = self._base = max(self.next, seen)
        self.in_epoch = 0
        self._open.clear()
        self._done.clear()

    def began(self, batch: int) -> None:
        """The execution that begins with `batch` of this epoch is on its way."""
        self._open.append(batch)

    def ended(self, batch: int, values: dict[str, Any]) -> None:
        """The one that ended with `batch` gave `values`."""
        self._nth += 1
        heapq.heappush(self._done, (batch, self._nth, values))

    def ready(self, *, all_of_them: bool = False) -> list[tuple[int, dict[str, Any]]]:
        """(step, values) of what can be logged now without going back."""
        found = []
        while self._done:
            batch, _, values = self._done[0]
            if not all_of_them and len(self._open) > 1 and batch >= self._open[1]:
                break  # it belongs to a later beginning
            heapq.heappop(self._done)
            if self._open:
                self._open.popleft()
            self.in_epoch = batch + 1
            self.next = self._base + batch + 1
            found.append((self.next - 1, values))
        return found


def _epoch_tag(name: str) -> str:
    return f"val/{name[4:]}" if name.startswith("val_") else f"epoch/{name}"


def _first(x: Any, count: int) -> Any:
    """The first `count` examples of one input or of several (list, tuple, mapping)."""
    if isinstance(x, Mapping):
        return {name: _first(one, count) for name, one in x.items()}
    if isinstance(x, (list, tuple)) and x and hasattr(x[0], "shape"):
        return type(x)(_first(one, count) for one in x)
    return x[:count]


def _images_of(x: Any, count: int) -> list[Any]:
    """The first inputs as images, when they look like images."""
    from .media.images import Image

    array = np.asarray(x[:count]) if hasattr(x, "shape") else None
    if array is None or array.ndim not in (3, 4) or min(array.shape[1:3]) < 4:
        return []
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4):
        return []
    if array.dtype != np.uint8:
        low, high = float(np.min(array)), float(np.max(array))
        array = array.astype(np.float32)
        if low < 0 or high > 1:
            array = (array - low) / max(high - low, 1e-12)
    return [Image(one, layout="HW" if one.ndim == 2 else "HWC") for one in array]


__all__ = ["CrossboardCallback"]
