"""Watching a Keras model: in ``fit`` by a callback, in a loop of one's own by ``with watched.step(gradients):``.

``watched = run.watch(model)``; ``model.fit(..., callbacks=[watched.callback])``. A step is a batch (with ``steps_per_execution``, as
many as are executed together: the update ratio is then over all of them, the gradients are the last one's).

What works where:

- TensorFlow and torch backends: weights, update ratios and gradients, and in every step the first gradient that is not finite.
- Any other backend (JAX): weights and update ratios. Its ``fit`` keeps gradients inside of a compiled function.
- A subclassed model that its first batch builds: gradients from the second batch on.
- Activations: of Functional and Sequential models, of the batch that was given, in inference mode.
- Which layer's *output* was the first NaN is not known here: ``fit`` runs the layers inside a graph. The alert names the gradient.

Gradients are taken where the optimizer applies them: in ``fit``, its method ``apply`` is replaced while it trains. On TensorFlow they are
put, in the graph, into variables of their own (the memory of one more set of weights), and only in steps that are looked at.
Names are Keras's paths without the model's own name, with dots: ``weights/dense.kernel``.
"""

from __future__ import annotations

import contextlib
import math
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..harmless import from_signal_handler, users_line
from ..landing import landings_of
from ..media.spread import spread_of
from .findings import Look, Trouble, newest_step
from .keras_taps import Tap, dense_of, tap_of, variables_of, which_not_finite
from .plan import SATURATED, Plan

if TYPE_CHECKING:
    from ..run import Run

SAMPLE: Final = 1 << 16
"""The update ratio is taken over so many values of a weight, evenly spaced; over all when there are no more."""
LAND_S: Final = 1.0
BOUNDS: Final = {
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "relu6": (-math.inf, 6.0),
}
"""Lower and upper bound of activations, by name."""


class KerasWatch:
    """A watched Keras model. Made by ``run.watch(model)``; ends with `close`, or with the run.

    callback   for ``fit(callbacks=[...])``
    """

    hooks = 0

    def __init__(self, run: Run, model: Any, plan: Plan) -> None:
        self._run, self._plan, self._line = run, plan, users_line()
        self._model = weakref.ref(model)
        self._closed = self._told = self._fits = False
        self._clock = self._since = self._count = 0
        self._steps: list[tuple[int, int]] = []
        self._unsettled = False
        self._look: Look | None = None
        self._open: list[Look] = []
        self._before: dict[str, Any] = {}
        self._checks: list[tuple[int, list[str], Any]] = []
        self._landed = time.monotonic()
        self._tap: Tap | None = None
        self._layers: Any = None
        if plan.activations is True:
            raise ValueError("activations: of a Keras model give a batch of inputs, which is sent through it in each look")
        self.callback = _callback(self)

    # --------------------------------------------------------------------------------------------- the face

    def close(self) -> None:
        """End watching: leave the optimizer alone, and let what is on its way come in."""
        if self._closed:
            return
        self._closed = True
        with self._safely():
            self.leave()

    @contextlib.contextmanager
    def step(self, gradients: Sequence[Any] | None = None) -> Iterator[None]:
        """Around one update in a loop of one's own.

        gradients: as they will be applied, one for each of ``model.trainable_variables``; None where there is none for one.
        """
        self.before(gradients=gradients)
        yield
        self.after()

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Nothing of ours reaches training."""
        try:
            yield
        except Exception as error:
            if from_signal_handler(error) or self._run._strict or isinstance(error, Warning):
                raise
            text = f"watch: {type(error).__name__}: {error}; training goes on, this is left out"
            self._run._complain(text, about=f"watch {type(error).__name__}", at=self._line)

    # ---------------------------------------------------------------------------------------- around a step

    def enter(self) -> None:
        """``fit`` begins."""
        with self._safely():
            self._fits = True
            self._tap_in()

    def _tap_in(self) -> None:
        """See the gradients from here on. A model without weights yet (one that is built by its first batch) has to wait for them."""
        model = self._model()
        if model is not None and not self._closed and model.trainable_variables and (self._plan.gradients or self._plan.nan):
            self._tap = tap_of(model, self)

    def leave(self) -> None:
        """``fit`` ends."""
        with self._safely():
            self._settle(ends=True)
            self._fits = False
            tap, self._tap = self._tap, None
            if tap is not None:
                tap.close()

    def before(self, *, gradients: Sequence[Any] | None = None) -> None:
        """An update is about to be made."""
        with self._safely():
            self._settle()
            model = self._model()
            if model is None or self._closed or self._run._finished:
                return
            due = self._count % self._plan.every == 0
            if self._fits and self._tap is None:
                self._tap_in()
            if self._tap is not None:
                self._tap.due(due)
            if due:
                self._look = Look(self._run, self._plan)
                if self._plan.parameters:
                    weights = dict(variables_of(model, model.trainable_variables if self._count else model.weights))
                    self._spread(self._look, "weights", {name: _raw(one) for name, one in weights.items() if _floats(one)})
                    self._before = {name: _sample(one) for name, one in variables_of(model, model.trainable_variables)}
                if self._plan.activations is not False and self._plan.activations is not None:
                    self._activations(self._look, model)
            if gradients is not None:
                named = [(name, one) for (name, _), one in zip(variables_of(model, model.trainable_variables), gradients, strict=True)]
                given = {name: dense_of(one) for name, one in named if one is not None}
                if self._look is not None and self._plan.gradients:
                    self._spread(self._look, "gradients", given)
                if self._plan.nan == "every" or (self._plan.nan and due):
                    self._checks.append((self._clock, list(given), which_not_finite(list(given.values()))))

    def after(self, *, updates: int = 1) -> None:
        """That many updates were made."""
        with self._safely():
            model = self._model()
            if model is None or self._closed or self._run._finished:
                return
            look, self._look = self._look, None
            if look is not None:
                if self._tap is not None and self._plan.gradients:
                    self._spread(look, "gradients", self._tap.gradients())
                if self._before:
                    self._updates(look, model)
                self._open.append(look)
            self._unsettled, self._since = True, self._clock
            self._count += 1
            self._clock += updates

    def _settle(self, *, ends: bool = False) -> None:
        """The next step begins, or ``fit`` ends: now it is known at which step the run logs the one that was made."""
        looks, self._open = self._open, []
        if self._unsettled:
            self._unsettled = False
            step = newest_step(self._run) if self._plan.step is None else int(self._plan.step())
            if not self._steps or self._steps[-1][1] != step:
                self._steps.append((self._since, step))
            for look in looks:
                look.release(step)
        if self._plan.nan and not self._told and (looks or ends or time.monotonic() - self._landed > LAND_S):
            self._land()

    # --------------------------------------------------------------------------------------- what is looked at

    def _spread(self, look: Look, group: str, named: dict[str, Any]) -> None:
        """Have distributions counted by the helper, of copies."""
        if not named:
            return
        names, bins = list(named), self._plan.bins
        landing = landings_of(list(named.values()))

        def job() -> None:
            look.found(group, {name: spread_of(_plain(array), bins) for name, array in zip(names, landing.land_all(), strict=True)})

        look.part(job, size=sum(_bytes(one) for one in named.values()))

    def _updates(self, look: Look, model: Any) -> None:
        now = {name: _sample(one) for name, one in variables_of(model, model.trainable_variables)}
        names = [name for name in now if name in self._before]
        landing = landings_of([*(self._before[name] for name in names), *(now[name] for name in names)], own=True)
        self._before = {}

        def job() -> None:
            arrays = [_plain(array).astype(np.float64) for array in landing.land_all()]
            for name, was, became in zip(names, arrays[: len(names)], arrays[len(names) :], strict=True):
                look.updates[name] = (float(np.linalg.norm(became - was)), float(np.linalg.norm(was)))

        look.part(job, size=2 * sum(_bytes(one) for one in now.values()))

    def _activations(self, look: Look, model: Any) -> None:
        """Send the batch through the model, and look at what each layer puts out."""
        import keras

        if self._layers is None:
            try:
                layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
                self._layers = keras.Model(model.inputs, [layer.output for layer in layers]), layers
            except (AttributeError, ValueError) as error:
                self._layers = (None, [])
                raise ValueError(f"activations: only Functional and Sequential models show their layers' outputs ({error})") from None
        through, layers = self._layers
        if through is None:
            return
        outputs = through(keras.ops.convert_to_tensor(self._plan.activations), training=False)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        pairs = [(layer, one) for layer, one in zip(layers, outputs, strict=True) if hasattr(one, "shape")]
        names = [layer.name for layer, _ in pairs]
        bounds = [BOUNDS.get(getattr(getattr(layer, "activation", None), "__name__", "")) for layer, _ in pairs]
        first = keras.config.image_data_format() == "channels_first"
        landing, bins = landings_of([one for _, one in pairs]), self._plan.bins

        def job() -> None:
            arrays = {name: _plain(array) for name, array in zip(names, landing.land_all(), strict=True)}
            look.found("activations", {name: spread_of(array, bins) for name, array in arrays.items()})
            for (name, array), ends in zip(arrays.items(), bounds, strict=True):
                if array.ndim < 2:
                    continue
                units = np.moveaxis(array, 1 if first and array.ndim >= 4 else -1, -1).reshape(-1, array.shape[-1])
                look.units.setdefault("dead_units", {})[name] = float((units == 0).all(0).mean())
                if ends is not None:
                    near = SATURATED * (ends[1] - ends[0] if math.isfinite(ends[0]) else ends[1])
                    at_bound = ((units <= ends[0] + near) | (units >= ends[1] - near)).all(0)
                    look.units.setdefault("saturated_units", {})[name] = float(at_bound.mean())

        look.part(job, size=sum(_bytes(one) for _, one in pairs))

    # ------------------------------------------------------------------------------------- the first NaN

    def _land(self) -> None:
        """Bring over what is known of the first gradient that was not finite, and have it judged."""
        self._landed = time.monotonic()
        checks, self._checks = self._checks, []
        if self._tap is not None:
            checks = checks + self._tap.checks()
        if not checks:
            return
        landing = landings_of([one for _, _, one in checks])
        steps, self._steps = self._steps, self._steps[-1:]

        def job() -> None:
            first: dict[str, int] = {}
            for (clock, names, _), array in zip(checks, landing.land_all(), strict=True):
                for name, found in zip(names, np.asarray(array).reshape(-1).tolist(), strict=True):
                    when = clock if found is True else found if clock < 0 and found >= 0 else None
                    if when is not None:
                        first[name] = min(first.get(name, when), when)
            if not first or self._told:
                return
            self._told = True
            clock = min(first.values())
            bad = [name for name, when in first.items() if when == clock]
            many = len({name for _, names, _ in checks for name in names})
            step = next((step for since, step in reversed(steps) if since <= clock), newest_step(self._run))
            more = f"{len(bad)} of {many} gradients were not finite in this step. "
            more += "Layers of a Keras model are not listened to, so it may have begun in the forward pass."
            Trouble(step, clock + 1, "backward", "gradient", bad[-1], "", more).tell(self._run, self._plan)

        self._run._later.add(job)


def observe(run: Run, model: Any, gradients: Sequence[Any] | None = None, *, plan: Plan | None = None) -> None:
    """Take one look at a Keras model now, at the newest step of `run`: weights, and gradients where they are given. Never raises."""
    with run._harmless("watch"):
        watch = KerasWatch(run, model, plan or Plan(every=1))
        with watch.step(gradients):
            pass
        watch.close()


def _callback(watch: KerasWatch) -> Any:
    import keras

    class WatchCallback(keras.callbacks.Callback):
        """Tells a `KerasWatch` what ``fit`` does."""

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002  as Keras calls it
            watch.enter()

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            watch.before()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            watch.after(updates=int(getattr(self.model, "steps_per_execution", 1) or 1))

        def on_train_end(self, logs: Any = None) -> None:  # noqa: ARG002
            watch.leave()

    return WatchCallback()


# --------------------------------------------------------------------------------------------------------- tensors


def _raw(variable: Any) -> Any:
    """The backend's own tensor or variable."""
    return getattr(variable, "value", variable)


def _floats(variable: Any) -> bool:
    return "float" in str(variable.dtype)


def _bytes(tensor: Any) -> int:
    return 8 * math.prod(int(size) for size in tensor.shape)


def _sample(variable: Any) -> Any:
    """A copy of at most `SAMPLE` values of a variable."""
    import keras

    flat = keras.ops.reshape(variable, (-1,))
    some = flat[:: max(1, -(-int(flat.shape[0]) // SAMPLE))]
    return some.detach().clone() if hasattr(some, "clone") else keras.ops.copy(some)


def _plain(array: Any) -> Any:
    """An array with a dtype that NumPy computes in."""
    return array if array.dtype.kind in "biuf" else array.astype(np.float32)
