"""How the gradients that ``fit`` of a Keras model applies are seen, on each backend; and what is known of its variables."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .keras_part import KerasWatch


class Tap:
    """Sees the gradients that an optimizer of Keras applies; stands in for its method ``apply`` until `close`."""

    def __init__(self, model: Any, watch: KerasWatch) -> None:
        self._model, self._safely = weakref.ref(model), watch._safely
        self._wanted, self._check, self._clock = watch._plan.gradients, bool(watch._plan.nan), watch._clock
        self._is_due = False
        outer = model.optimizer
        self._optimizer = getattr(outer, "inner_optimizer", outer)  # behind loss scaling, where gradients are what they are
        self._names = [name for name, _ in variables_of(model, model.trainable_variables)]
        self._places = {id(one): index for index, one in enumerate(model.trainable_variables)}
        self._apply = self._optimizer.apply
        object.__setattr__(self._optimizer, "apply", self._applied)

    def _applied(self, grads: Any, trainable_variables: Any = None) -> Any:
        grads = list(grads)
        variables = None if trainable_variables is None else list(trainable_variables)
        with self._safely():
            known = variables if variables is not None else self._optimizer._trainable_variables
            places = ((self._places.get(id(one), -1), grad) for one, grad in zip(known, grads, strict=True))
            self.see(sorted(((place, grad) for place, grad in places if place >= 0 and grad is not None), key=lambda pair: pair[0]))
        return self._apply(grads, variables)

    def see(self, pairs: list[tuple[int, Any]]) -> None:
        """Gradients are applied: place of the variable, and gradient."""
        raise NotImplementedError

    def due(self, due: bool) -> None:
        """Whether the next step is looked at."""
        self._is_due = due

    def gradients(self) -> dict[str, Any]:
        """Name -> gradient of the step that was looked at."""
        raise NotImplementedError

    def checks(self) -> list[tuple[int, list[str], Any]]:
        """(step, names, which were not finite), or (-1, names, first step of each or -1)."""
        raise NotImplementedError

    def close(self) -> None:
        """Give the optimizer its own method back."""
        self._optimizer.__dict__.pop("apply", None)


class TorchTap(Tap):
    """On the torch backend, where ``fit`` runs operation by operation."""

    def __init__(self, model: Any, watch: KerasWatch) -> None:
        super().__init__(model, watch)
        self._found: list[tuple[int, list[str], Any]] = []
        self._kept: dict[str, Any] = {}

    def see(self, pairs: list[tuple[int, Any]]) -> None:
        named = {self._names[place]: dense_of(grad) for place, grad in pairs}
        if self._is_due and self._wanted:
            self._kept = {name: grad.detach().clone() for name, grad in named.items()}
        if self._check and named:
            self._found.append((self._clock, list(named), which_not_finite(list(named.values()))))
        self._clock += 1

    def gradients(self) -> dict[str, Any]:
        kept, self._kept = self._kept, {}
        return kept

    def checks(self) -> list[tuple[int, list[str], Any]]:
        found, self._found = self._found, []
        return found


class TensorFlowTap(Tap):
    """On the TensorFlow backend: what is seen in the graph is put into variables. A function that was traced is traced anew."""

    def __init__(self, model: Any, watch: KerasWatch) -> None:
        import tensorflow as tf

        super().__init__(model, watch)
        self._tf = tf
        self._flag = tf.Variable(False, trainable=False)
        self._counter = tf.Variable(self._clock, trainable=False, dtype=tf.int64)
        self._first = tf.Variable([-1] * len(self._names), trainable=False, dtype=tf.int64)
        self._seen = tf.Variable([False] * len(self._names), trainable=False)
        shapes = [(one.shape, one.dtype) for one in model.trainable_variables] if self._wanted else []
        self._mirrors = [tf.Variable(tf.zeros(shape, dtype), trainable=False) for shape, dtype in shapes]
        model.make_train_function(force=True)

    def see(self, pairs: list[tuple[int, Any]]) -> None:
        tf = self._tf
        dense = {place: tf.convert_to_tensor(grad) for place, grad in pairs}
        if self._check:
            bad = [~tf.reduce_all(tf.math.is_finite(dense[place])) if place in dense else False for place in range(len(self._names))]
            new = tf.logical_and(tf.stack(bad), self._first < 0)
            self._first.assign(tf.where(new, self._counter, self._first))
        if self._wanted:

            def keep() -> Any:
                with tf.control_dependencies(
                    [self._mirrors[place].assign(tf.cast(grad, self._mirrors[place].dtype)) for place, grad in dense.items()]
                ):
                    return tf.constant(True)

            tf.cond(self._flag, keep, lambda: tf.constant(False))
        self._counter.assign_add(1)
        self._present = sorted(dense)

    def due(self, due: bool) -> None:
        if due != self._is_due:
            self._flag.assign(due)
        self._is_due = due

    def gradients(self) -> dict[str, Any]:
        return {self._names[place]: self._mirrors[place] for place in getattr(self, "_present", [])}

    def checks(self) -> list[tuple[int, list[str], Any]]:
        return [(-1, self._names, self._first)]

    def close(self) -> None:
        super().close()
        model = self._model()
        if model is not None:
            model.make_train_function(force=True)


def tap_of(model: Any, watch: KerasWatch) -> Tap | None:
    """What sees the gradients of ``fit`` on the backend of `model`; None where nothing can."""
    import keras

    kinds: dict[str, type[Tap]] = {"tensorflow": TensorFlowTap, "torch": TorchTap}
    kind = kinds.get(keras.backend.backend())
    if kind is None or getattr(model, "optimizer", None) is None:
        return None
    return kind(model, watch)


def variables_of(model: Any, variables: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Name and variable; a name that two share gets a number."""
    prefix, seen = f"{model.name}/", set()
    for variable in variables:
        path = str(getattr(variable, "path", variable.name))
        name = path.removeprefix(prefix).replace("/", ".")
        number, plain = 1, name
        while name in seen:
            number += 1
            name = f"{plain}_{number}"
        seen.add(name)
        yield name, variable


def dense_of(gradient: Any) -> Any:
    """A gradient as a plain tensor: one of TensorFlow may be slices."""
    if hasattr(gradient, "dense_shape"):
        import tensorflow as tf

        return tf.convert_to_tensor(gradient)
    return gradient.detach() if hasattr(gradient, "detach") else gradient


def which_not_finite(gradients: list[Any]) -> Any:
    """Which of the gradients hold a NaN or an infinity."""
    import keras

    return keras.ops.stack([keras.ops.logical_not(keras.ops.all(keras.ops.isfinite(one))) for one in gradients])
