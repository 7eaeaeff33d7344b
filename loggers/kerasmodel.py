"""What a Keras model says of itself: its hyperparameters, how many batches it has seen, its learning rate."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final

import keras
import numpy as np

from .config import plain

AT_ONCE: Final = 128
"""So many rates of a schedule are computed together."""


def _innermost(optimizer: Any) -> Any:
    """The optimizer inside a loss-scaling one."""
    while hasattr(optimizer, "inner_optimizer"):
        optimizer = optimizer.inner_optimizer
    return optimizer


def batches_seen(model: Any) -> int:
    """How many batches the optimizer was stepped for, 0 when nobody knows."""
    optimizer = _innermost(getattr(model, "optimizer", None))
    iterations = getattr(optimizer, "iterations", None)
    if iterations is None:
        return 0
    return int(keras.ops.convert_to_numpy(iterations)) * int(getattr(optimizer, "gradient_accumulation_steps", None) or 1)


def rate_of(model: Any, offset: int, known: dict[int, Schedule]) -> Callable[[int], dict[str, float]] | None:
    """How the learning rate of a batch is told from its step.

    offset: steps that the optimizer has not counted; known: schedules that were met before, by id: to be kept and given again.
    """
    outer = _innermost(getattr(model, "optimizer", None))
    optimizers = [_innermost(one) for one in getattr(outer, "optimizers", None) or ([outer] if outer is not None else [])]
    rates = {f"lr/{one.name}" if len(optimizers) > 1 else "lr": _rate(one, known) for one in optimizers if hasattr(one, "learning_rate")}

    def rate(step: int) -> dict[str, float]:
        return {tag: told(step - offset) for tag, told in rates.items()}

    return rate if rates else None


def _rate(optimizer: Any, known: dict[int, Schedule]) -> Callable[[int], float]:
    schedule = getattr(optimizer, "_learning_rate", None)
    if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return lambda step: float(keras.ops.convert_to_numpy(optimizer.learning_rate))  # noqa: ARG005  others may set it at any time
    accumulated = int(getattr(optimizer, "gradient_accumulation_steps", None) or 1)
    scheduled = known.setdefault(id(schedule), Schedule(schedule))
    return lambda step: scheduled.at(step // accumulated)


class Schedule:
    """The rates of a schedule, computed for many steps at a time and away from the accelerator.

    One rate by itself is a dozen small operations, which take longer than a small batch.
    """

    def __init__(self, schedule: Any) -> None:
        self._schedule = schedule
        self._first = 0
        self._known: list[float] = []
        self._ways = [self._at_once, self._mapped, self._one]

    def at(self, step: int) -> float:
        """The rate of `step`."""
        if not 0 <= step - self._first < len(self._known):
            self._first, self._known = step, self._compute(step)
        return self._known[step - self._first]

    def _compute(self, step: int) -> list[float]:
        """The rates from `step` on: by the first way that this schedule allows."""
        with keras.device("cpu:0"):
            while len(self._ways) > 1:
                with contextlib.suppress(Exception):  # a schedule may be written for one step only
                    found = self._ways[0](step)
                    if len(found) == AT_ONCE and np.allclose(
                        [found[0], found[-1]], [*self._one(step), *self._one(step + AT_ONCE - 1)], 1e-6
                    ):
                        return found
                del self._ways[0]
            return self._one(step)

    def _at_once(self, step: int) -> list[float]:
        return _floats(self._schedule(keras.ops.arange(step, step + AT_ONCE, dtype="int32")))

    def _mapped(self, step: int) -> list[float]:
        steps = keras.ops.arange(step, step + AT_ONCE, dtype="int32")
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            if not hasattr(self, "_traced"):
                self._traced = tf.function(self._map, autograph=False).get_concrete_function(tf.TensorSpec([AT_ONCE], tf.int32))
            return _floats(self._traced(steps))
        return _floats(self._map(steps)) if keras.backend.backend() == "jax" else []

    def _map(self, steps: Any) -> Any:
        return keras.ops.map(lambda step: keras.ops.cast(self._schedule(step), "float32"), steps)

    def _one(self, step: int) -> list[float]:
        return _floats(self._schedule(keras.ops.convert_to_tensor(step, "int32")))


def _floats(rates: Any) -> list[float]:
    return [float(one) for one in np.asarray(keras.ops.convert_to_numpy(rates), np.float64).ravel()]


def config_of(model: Any, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """What of model and `fit` is a hyperparameter."""
    params = params or {}
    found: dict[str, Any] = {"epochs": params.get("epochs"), "steps_per_epoch": params.get("steps"), "batch_size": _batch_size(model)}
    found["keras"] = {"version": keras.__version__, "backend": keras.backend.backend(), "precision": _precision(model)}
    found["model"] = {
        "name": getattr(model, "name", ""),
        "type": type(model).__name__,
        "parameters": _count(model, "weights"),
        "trainable": _count(model, "trainable_weights"),
        "layers": [_layer(layer) for layer in getattr(model, "layers", [])],
    }
    optimizer = _innermost(getattr(model, "optimizer", None))
    if hasattr(optimizer, "get_config"):
        found["optimizer"] = {"type": type(optimizer).__name__, **plain(optimizer.get_config())}
    found["loss"] = _named(getattr(model, "loss", None))
    return {name: value for name, value in found.items() if value is not None}


def _layer(layer: Any) -> dict[str, Any]:
    return {"name": layer.name, "type": type(layer).__name__, "parameters": _count(layer, "weights"), "trainable": bool(layer.trainable)}


def _count(owner: Any, which: str) -> int:
    with contextlib.suppress(Exception):  # a layer that is not built has none to count
        return int(sum(int(np.prod(weight.shape)) for weight in getattr(owner, which)))
    return 0


def _precision(model: Any) -> str:
    return str(getattr(getattr(model, "dtype_policy", None), "name", ""))


def _named(value: Any) -> Any:
    """A loss, or a structure of losses, by names."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _named(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_named(one) for one in value]
    return getattr(value, "name", None) or getattr(value, "__name__", None) or type(value).__name__


def _batch_size(model: Any) -> int | None:
    adapter = getattr(fit_local(model, "epoch_iterator"), "data_adapter", None)
    size = getattr(adapter, "batch_size", None) or fit_local(model, "batch_size")
    return int(size) if isinstance(size, (int, np.integer)) else None


def fit_local(model: Any, name: str) -> Any:
    """What `name` is in the `fit` of `model` that is running, None where it is not; Keras tells these things to no callback."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "fit" and frame.f_locals.get("self") is model:
            return frame.f_locals.get(name)
        frame = frame.f_back
    return None
