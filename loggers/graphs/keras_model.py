"""The graph of a Keras 3 model, on any backend: layers, operations, and what flows between them.

The model is called with symbolic tensors, which have shapes and no values, so nothing is computed and no state changes. While
it runs, ``Operation.symbolic_call`` says which layer or ``keras.ops`` function is met; models and layers of the user's own are
looked into, layers of Keras are one operation each. The activation that a layer holds is an operation of its own behind it, so
that ``Dense(4, activation="relu")`` is Linear, ReLU as elsewhere. A layer that works on tensors in another way (functions of
TensorFlow or torch inside) is one opaque operation; a whole model of that sort is traced by ``tf.function`` where Keras stands
on TensorFlow and inputs are given.

Parameters are the weights that an optimizer may train; running means and the like are counted as ``attributes["buffers"]``, as
in torch. An axis of unknown size (the batch) is free. A model that was not built yet is built by this, as by its first call.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from ...store.records import TensorShape
from ..media.value import BadValue
from .build import Building, Captured, Origin
from .keras_layers import (
    activation_of,
    arguments_of,
    config_of,
    inside_of,
    names_of_inputs,
    own_variables,
    public_of,
    shape_of,
    size_of,
    snake,
    type_of,
    with_all_inside,
)
from .lines import line_of_call, line_of_method
from .nested import flat, found
from .vocabulary import normal

WEIGHT_LAYOUTS: Final = {"Linear": "in,out", "Conv1d": "WIO", "Conv2d": "HWIO", "Conv3d": "DHWIO"}


def capture(model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Captured:
    """The graph of a Keras layer or model.

    Raises:
        BadValue: it needs inputs to be called, or it raised in its call.
    """
    keras = sys.modules["keras"]
    if not hasattr(keras, "KerasTensor"):  # Keras 2
        from .tensorflow_graph import capture_function

        return capture_function(model, args, keywords)
    symbolic, named = _inputs(keras, model, args, keywords)
    trace = _Trace(keras, model)
    try:
        with _as_before(keras, model):
            if not all(getattr(layer, "built", True) for layer in with_all_inside(model)):
                with contextlib.suppress(Exception):  # what is wrong is said by the call that is seen
                    model(*symbolic, **named)  # builds what its first call would build
            with _operations_seen(keras, trace):
                return trace.whole(symbolic, named)
    except BadValue:
        raise
    except Exception as error:  # noqa: BLE001  said below, where nothing else helps
        failed = error
    if keras.backend.backend() == "tensorflow" and (args or keywords):
        from .tensorflow_graph import capture_function

        with contextlib.suppress(BadValue):
            return capture_function(model, args, keywords)
    text = (str(failed).strip().splitlines() or [""])[0][:300]
    raise BadValue(
        f"{type(model).__name__} raised in its call: {type(failed).__name__}: {text}. Want the inputs as training gives them; "
        "no graph logged"
    ) from failed


def _inputs(keras: Any, model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Symbolic tensors to call `model` with: of the shapes of what was given, else of what the model was built for."""
    if args or keywords:

        def symbolic(one: Any) -> Any:
            if not hasattr(one, "shape") or not hasattr(one, "dtype"):
                return one
            dtype = str(getattr(one.dtype, "name", one.dtype)).removeprefix("torch.")
            return keras.KerasTensor(tuple(one.shape), dtype=dtype)

        return tuple(keras.tree.map_structure(symbolic, list(args))), keras.tree.map_structure(symbolic, keywords)
    known: Any = None
    with contextlib.suppress(Exception):  # a Sequential that is not built raises
        known = getattr(model, "_inputs_struct", None)
        known = model.inputs if known is None else known
    if known is not None:
        fresh = keras.tree.map_structure(lambda one: keras.KerasTensor(one.shape, dtype=one.dtype), known)
        return (fresh[0] if isinstance(fresh, (list, tuple)) and len(fresh) == 1 else fresh,), {}
    shape = None
    with contextlib.suppress(Exception):
        shape = (model.get_build_config() or {}).get("input_shape")
    if model.built and isinstance(shape, (list, tuple)) and all(one is None or isinstance(one, int) for one in shape):
        return (keras.KerasTensor(tuple(shape), dtype=model.compute_dtype),), {}
    raise BadValue(
        f"{type(model).__name__} does not say what it takes; want run.log_graph(model, batch), or a model that is built for one input"
    )


# ------------------------------------------------------------------------------------------ seen, and as before

_tracing = threading.local()
_patch = threading.Lock()
_patched: list[list[tuple[type, str, Callable[..., Any]]]] = []


@contextlib.contextmanager
def _operations_seen(keras: Any, trace: _Trace) -> Iterator[None]:
    """Hand every symbolic call of an operation in this thread to `trace`."""
    with _patch:
        if not _patched:
            homes = ((keras.Operation, "symbolic_call"), (keras.Layer, "symbolic_call"), (keras.Layer, "add_loss"))
            _patched.append([(home, name, vars(home)[name]) for home, name in homes if name in vars(home)])
            for home, name, plain in _patched[0]:
                setattr(home, name, _seeing(plain) if name == "symbolic_call" else _without(plain))
        else:
            _patched.append(_patched[0])
    outer, _tracing.trace = getattr(_tracing, "trace", None), trace
    try:
        yield
    finally:
        _tracing.trace = outer
        with _patch:
            put_back = _patched.pop()
            if not _patched:
                for home, name, plain in put_back:
                    setattr(home, name, plain)


def _seeing(plain: Callable[..., Any]) -> Callable[..., Any]:
    def symbolic_call(self: Any, *args: Any, **kwargs: Any) -> Any:
        active: _Trace | None = getattr(_tracing, "trace", None)
        return plain(self, *args, **kwargs) if active is None else active.met(self, args, kwargs)

    return symbolic_call


def _without(plain: Callable[..., Any]) -> Callable[..., Any]:
    """A method that does nothing while a graph is seen: a loss cannot be made of symbolic tensors."""

    def nothing(self: Any, *args: Any, **kwargs: Any) -> Any:
        return plain(self, *args, **kwargs) if getattr(_tracing, "trace", None) is None else None

    return nothing


@contextlib.contextmanager
def _as_before(keras: Any, model: Any) -> Iterator[None]:
    """Take back what a symbolic call leaves: nodes at layers, losses, and the numbers of automatic names."""
    layers = with_all_inside(model)
    kept = [
        (part, len(part))
        for layer in layers
        for name in ("_inbound_nodes", "_outbound_nodes")
        if isinstance(part := getattr(layer, name, None), list)
    ]
    losses = [(part, list(part)) for layer in layers if isinstance(part := getattr(layer, "_losses", None), list)]
    names = None
    with contextlib.suppress(Exception):
        names = keras.src.backend.common.global_state.get_global_attribute("object_name_uids")
    counts = dict(names) if names is not None else {}
    try:
        yield
    finally:
        for part, size in kept:
            del part[size:]
        for part, before in losses:
            part[:] = before
        if names is not None:
            names.clear()
            names.update(counts)


# ------------------------------------------------------------------------------------------------ the trace


class _Trace:
    """One symbolic call, while it runs."""

    def __init__(self, keras: Any, model: Any) -> None:
        self._keras = keras
        self._model = model
        self._building = Building("keras")
        self._stack: list[str] = []
        self._origins: dict[int, tuple[Any, Origin]] = {}  # holds the symbolic tensors: they have no values
        self._calls: dict[str, int] = {}
        self._first: dict[int, str] = {}  # layer -> path of its first call
        self._variables: dict[int, Origin] = {}

    def whole(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Captured:
        """The graph of the model called with `args` and `keywords`."""
        for name, tensor in self._named_inputs(args, keywords):
            number = self._building.operation(name, type="Input", kind="input", outputs=[shape_of(tensor)])
            self._origins[id(tensor)] = (tensor, (number, 0))
        result = self._model(*args, **keywords)
        names = list(getattr(self._model, "output_names", ()) or ())
        given = list(found(result, "", self._is_tensor))
        for index, (name, tensor) in enumerate(given):
            said = (
                name
                if not name.isdigit() and name
                else names[index]
                if len(names) == len(given)
                else f"output.{name}"
                if name
                else "output"
            )
            self._building.operation(said, type="Output", kind="output", inputs=[(self._origin(tensor), shape_of(tensor))])
        root = next(iter(self._building.scopes.values()))
        root.attributes["backend"] = self._keras.backend.backend()
        for layer in inside_of(self._model):
            if id(layer) not in self._first:
                self._unseen(layer, root.path, called=False)
        return self._building.done()

    def _named_inputs(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        given = [one for _, one in found(list(args), "", self._is_tensor)]
        own = names_of_inputs(self._model)
        if given and len(own) == len(given):
            yield from zip(own, given, strict=True)
        else:
            wanted = [*inspect.signature(self._model.call).parameters, *(f"input_{index}" for index in range(len(args)))]
            for name, value in zip(wanted, args, strict=False):
                yield from found(value, name, self._is_tensor)
        yield from found(keywords, "", self._is_tensor)

    def met(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A layer or an operation is called."""
        if not isinstance(operation, self._keras.Layer):
            if isinstance(operation, self._keras.Operation) and hasattr(operation, "_run_through_graph"):
                return operation.call(*args, **kwargs)
            return self._plain(operation, args, kwargs)
        path = self._scope(operation)
        if self._is_open(operation):
            mark = self._building.mark()
            first, calls = dict(self._first), dict(self._calls)
            self._stack.append(path)
            try:
                return operation.call(*args, **kwargs)
            except Exception:
                if operation is self._model:
                    raise
                self._building.back_to(mark)
                self._first, self._calls = first, calls
            finally:
                self._stack.pop()
            return self._layer(operation, path, args, kwargs, opaque=True)
        return self._layer(operation, path, args, kwargs)

    def _is_open(self, layer: Any) -> bool:
        """Whether a layer is looked into: models, and layers that are not Keras's own."""
        if isinstance(layer, self._keras.Model):
            return True
        return not type(layer).__module__.startswith("keras.") and "call" in {name for base in type(layer).__mro__ for name in vars(base)}

    def _scope(self, layer: Any) -> str:
        """A scope for a call of `layer`."""
        above = self._stack[-1] if self._stack else ""
        base = f"{above}.{layer.name}" if above else type(layer).__name__ if layer is self._model else layer.name
        count = self._calls[base] = self._calls.get(base, 0) + 1
        path = base if count == 1 else f"{base}#{count}"
        self._make_scope(layer, path, above)
        first = self._first.setdefault(id(layer), path)
        scope = self._building.scopes[path]
        if first != path:
            scope.attributes["call_of"] = first
            if count > 1:
                scope.attributes["call"] = count
        else:
            self._count(layer, path)
        return path

    def _make_scope(self, layer: Any, path: str, parent: str) -> None:
        kind = type(layer)
        own = kind.__module__.startswith("keras.")
        scope = self._building.scope(
            path, parent=parent, type=type_of(layer) if own else kind.__name__, source=line_of_method(layer, "call") if not own else ""
        )
        scope.attributes["original"] = f"keras.layers.{kind.__name__}" if own else kind.__name__
        scope.attributes["name"] = layer.name
        scope.attributes.update(config_of(layer))

    def _count(self, layer: Any, path: str) -> None:
        """What a layer owns itself."""
        scope = self._building.scopes[path]
        trained, buffers = own_variables(layer)
        fresh = [one for one in trained if id(one) not in self._variables]
        scope.parameters = sum(size_of(one) for one in fresh)
        scope.trainable = sum(size_of(one) for one in fresh if one.trainable)
        if buffers:
            scope.attributes["buffers"] = sum(size_of(one) for one in buffers)

    def _unseen(self, layer: Any, parent: str, *, called: bool = True) -> list[Origin]:
        """Scopes and parameters of a layer that is not looked into, or never called; where its parameters stand."""
        path = self._first.get(id(layer))
        if path is None:
            path = self._first[id(layer)] = f"{parent}.{layer.name}"
            self._make_scope(layer, path, parent)
            self._count(layer, path)
            if not called:
                self._building.scopes[path].attributes["called"] = False
        origins = self._own_parameters(layer, path)
        for one in inside_of(layer):
            origins += self._unseen(one, path, called=called)
        return origins

    def _own_parameters(self, layer: Any, path: str) -> list[Origin]:
        trained, buffers = own_variables(layer)
        return [*(self._parameter(one, path) for one in trained), *(self._parameter(one, path, buffer=True) for one in buffers)]

    def _parameter(self, variable: Any, path: str, *, buffer: bool = False) -> Origin:
        """A weight as an operation."""
        known = self._variables.get(id(variable))
        if known is None:
            attributes = {"name": str(getattr(variable, "path", variable.name)), "trainable": bool(variable.trainable)}
            if buffer:
                attributes["buffer"] = True
            number = self._building.operation(
                variable.name, type="Parameter", kind="parameter", scope=path, outputs=[shape_of(variable)], attributes=attributes
            )
            known = self._variables[id(variable)] = (number, 0)
        return known

    def _layer(self, layer: Any, path: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, opaque: bool = False) -> Any:
        """A layer as one operation, and its activation as another."""
        result = layer.compute_output_spec(*args, **kwargs)
        first = self._building.scopes[self._first[id(layer)]].path
        inputs = [*self._flowing(args, kwargs)]
        origins = self._own_parameters(layer, first)
        for one in inside_of(layer):
            origins += self._unseen(one, first)
        inputs += [(origin, self._building.shape_of(origin)) for origin in origins]
        kind = type_of(layer) if type(layer).__module__.startswith("keras.") else type(layer).__name__
        attributes = {"original": type(layer).__name__, **config_of(layer), **arguments_of(kwargs), **({"opaque": True} if opaque else {})}
        if kind in WEIGHT_LAYOUTS:
            attributes["weight_layout"] = WEIGHT_LAYOUTS[kind]
        given: list[Any] = []
        flat(result, self._is_tensor, given)
        name = snake(type(layer).__name__)
        source = line_of_call("capture")
        shapes = [shape_of(one) for one in given]
        number = self._building.operation(name, type=kind, scope=path, inputs=inputs, outputs=shapes, attributes=attributes, source=source)
        activation = activation_of(layer, kind)
        if activation and len(given) == 1:
            number = self._building.operation(
                activation,
                type=normal(activation),
                scope=path,
                inputs=[((number, 0), shapes[0])],
                outputs=shapes,
                attributes={"original": activation, "activation_of": type(layer).__name__},
                source=source,
            )
        self._came_from(given, number)
        return result

    def _plain(self, operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A function of keras.ops."""
        result = operation.compute_output_spec(*args, **kwargs)
        if _computes_mask():
            return result
        given: list[Any] = []
        flat(result, self._is_tensor, given)
        original = type(operation).__name__
        flowing = list(self._flowing(args, kwargs))
        if original == "ConvertToTensor" and len(given) == len(flowing) == 1 and flowing[0][0] is not None:
            self._origins[id(given[0])] = (given[0], flowing[0][0])
            return result
        number = self._building.operation(
            snake(original),
            type=normal(original),
            scope=self._stack[-1] if self._stack else "",
            inputs=flowing,
            outputs=[shape_of(one) for one in given],
            attributes={"original": f"keras.ops.{original}", **public_of(operation), **arguments_of(kwargs)},
            source=line_of_call("capture"),
        )
        self._came_from(given, number)
        return result

    def _flowing(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[tuple[Origin | None, TensorShape]]:
        taken: list[Any] = []
        flat((args, {name: one for name, one in kwargs.items() if not name.endswith("mask")}), self._is_flowing, taken)
        for one in taken:
            yield self._origin(one), shape_of(one)

    def _came_from(self, tensors: list[Any], number: int) -> None:
        for port, tensor in enumerate(tensors):
            self._origins[id(tensor)] = (tensor, (number, port))

    def _origin(self, one: Any) -> Origin | None:
        known = self._origins.get(id(one))
        if known is not None:
            return known[1]
        if isinstance(one, self._keras.Variable):
            return self._parameter(one, self._stack[-1] if self._stack else "")
        return None

    def _is_tensor(self, one: Any) -> bool:
        return isinstance(one, self._keras.KerasTensor)

    def _is_flowing(self, one: Any) -> bool:
        return isinstance(one, (self._keras.KerasTensor, self._keras.Variable))


def _computes_mask() -> bool:
    """Whether Keras computes the mask of a layer's output right now: it is carried along with the tensor, not a part of the model."""
    frame = sys._getframe(2)
    for _ in range(30):
        if frame.f_code.co_name in ("compute_mask", "_set_mask_metadata"):
            return True
        if frame.f_back is None or frame.f_code.co_name == "call":
            return False
        frame = frame.f_back
    return False
