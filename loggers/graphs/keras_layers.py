"""What a Keras layer is and has: its normal name, its activation, its weights, its arguments, the layers inside of it."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import Any, Final

from ...store.records import TensorShape
from .flops import CONVOLUTION
from .vocabulary import layout, normal

NOT_SAID: Final = ("name", "dtype", "trainable", "seed", "layers", "input_layers", "output_layers", "build_config", "registered_name")
NOT_SAID_ENDS: Final = ("_initializer", "_regularizer", "_constraint")
HOLD_ACTIVATION: Final = ("Linear", "EinsumDense")
RECURRENT: Final = ("LSTM", "GRU", "RNN")


def inside_of(layer: Any) -> list[Any]:
    """The layers directly in `layer`."""
    try:
        found_ = layer._flatten_layers(include_self=False, recursive=False)
    except (AttributeError, TypeError):
        found_ = getattr(layer, "layers", [])
    return [one for one in found_ if type(one).__name__ != "InputLayer"]


def with_all_inside(layer: Any) -> list[Any]:
    """`layer`, all layers in it, and the Functional model that a Sequential keeps."""
    seen: dict[int, Any] = {}

    def walk(one: Any) -> None:
        if id(one) not in seen:
            seen[id(one)] = one
            for part in inside_of(one):
                walk(part)

    walk(layer)
    functional = getattr(layer, "_functional", None)
    return [*seen.values(), *([functional] if functional is not None else [])]


def type_of(layer: Any) -> str:
    """The normal name: of the activation for an Activation layer, of what is wrapped for a wrapper."""
    name = type(layer).__name__
    if name == "Activation":
        return normal(getattr(layer.activation, "__name__", name)) if getattr(layer.activation, "__name__", "") != "linear" else "Identity"
    if name == "Bidirectional":
        return normal(type(layer.forward_layer).__name__)
    if name == "TimeDistributed":
        return type_of(layer.layer)
    return normal(name)


def activation_of(layer: Any, kind: str) -> str:
    """The name of the activation that a layer applies to its result; "" for none."""
    if kind not in HOLD_ACTIVATION and not CONVOLUTION.fullmatch(kind):
        return ""
    inner = layer.layer if type(layer).__name__ == "TimeDistributed" else layer
    name = str(getattr(getattr(inner, "activation", None), "__name__", ""))
    return "" if name == "linear" else name


def names_of_inputs(model: Any) -> list[str]:
    """What a Functional or Sequential model calls its inputs; [] for a subclassed one."""
    try:
        names = [str(one.name) for one in model.inputs]
    except (AttributeError, TypeError, ValueError):
        return []
    if any(name.startswith("keras_tensor") for name in names):
        return ["input"] if len(names) == 1 else [f"input_{index}" for index in range(len(names))]
    return names


def own_variables(layer: Any) -> tuple[list[Any], list[Any]]:
    """The layer's own weights, not those of layers inside: those that are made to be trained, and the others."""
    trained, others = getattr(layer, "_trainable_variables", None), getattr(layer, "_non_trainable_variables", None)
    if trained is None or others is None:
        return list(layer.trainable_weights), list(layer.non_trainable_weights)
    return list(trained), list(others)


def snake(name: str) -> str:
    """ "MultiHeadAttention" -> "multi_head_attention"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def size_of(variable: Any) -> int:
    """How many scalars a variable has."""
    size = 1
    for one in variable.shape:
        size *= int(one)
    return size


def shape_of(one: Any) -> TensorShape:
    """Shape and dtype of a symbolic tensor or a variable; an axis of unknown size is free."""
    dtype = str(getattr(one.dtype, "name", one.dtype)).removeprefix("torch.")
    try:
        return TensorShape(shape=[None if size is None else int(size) for size in one.shape], dtype=dtype)
    except (TypeError, ValueError):
        return TensorShape(dtype=dtype)


def config_of(layer: Any) -> dict[str, Any]:
    """Plain arguments of a layer as users give them, and what FLOPs are counted from."""
    made: dict[str, Any] = {}
    if not isinstance(layer, getattr(sys.modules["keras"], "Model")):  # noqa: B009  loaded lazily
        with contextlib.suppress(Exception):  # a layer of the user's own may have no config
            made = {
                name: one
                for name, one in layer.get_config().items()
                if isinstance(one, (bool, int, float, str, tuple, list)) and name not in NOT_SAID and not name.endswith(NOT_SAID_ENDS)
            }
    kind = type_of(layer)
    order = layout(kind, channels_last=made.get("data_format") != "channels_first") if "data_format" in made else ""
    if order:
        made["layout"] = order
    kernel = getattr(layer.layer if type(layer).__name__ == "TimeDistributed" else layer, "kernel", None)
    if kernel is not None and hasattr(kernel, "shape"):
        made["kernel"] = [int(one) for one in kernel.shape]
    if kind == "MultiHeadAttention" and isinstance(made.get("num_heads"), int) and isinstance(made.get("key_dim"), int):
        made["projected"] = made["num_heads"] * made["key_dim"]
    if kind in RECURRENT:
        made["matrix_elements"] = sum(size_of(one) for one in layer.weights if one.name.endswith("kernel"))
        made["bidirectional"] = type(layer).__name__ == "Bidirectional"
    return made


def public_of(operation: Any) -> dict[str, Any]:
    """Plain arguments of a function of keras.ops."""
    return {name: one for name, one in vars(operation).items() if not name.startswith("_") and name != "name" and one is not None}


def arguments_of(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Plain arguments of a call."""
    return {name: one for name, one in kwargs.items() if isinstance(one, (bool, int, float, str)) and name != "training"}
