"""The way in: whatever a framework calls a model, and the module here that reads it. No framework is imported to find out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..media.value import BadValue
from ..numbers import describe
from .build import Captured
from .nested import found

WANTED = (
    "a torch module, a torch.export, FX or TorchScript graph, a Keras model, a tf.function, a GraphDef, or a function of tensors "
    "together with its inputs"
)


def capture(model: Any, args: tuple[Any, ...] = (), keywords: dict[str, Any] | None = None) -> Captured:
    """The graph of `model`, called with `args` and `keywords` where it must be called to be seen.

    Raises:
        BadValue: `model` is nothing that has a graph, its inputs are missing, or it raised in its call.
    """
    keywords = keywords or {}
    if isinstance(model, Captured):
        return model
    if isinstance(model, (bytes, bytearray, memoryview)) or type(model).__name__ == "GraphDef":
        from .tensorflow_graph import capture_graph_def

        return capture_graph_def(model)
    bases = {f"{base.__module__}.{base.__qualname__}" for base in type(model).__mro__}
    if _is_keras(bases):
        from .keras_model import capture as capture_keras

        return capture_keras(model, args, keywords)
    if "torch.export.exported_program.ExportedProgram" in bases:
        from .torch_fx import capture_exported

        return capture_exported(model)
    if "torch.fx.graph_module.GraphModule" in bases and not args and not keywords:
        from .torch_fx import capture_fx

        return capture_fx(model)
    if any(base.startswith("torch.") and base.rpartition(".")[2] in ("ScriptModule", "ScriptFunction") for base in bases):
        from .torch_script import capture as capture_script

        return capture_script(model)
    if "torch.nn.modules.module.Module" in bases:
        from .torch_call import capture as capture_torch

        return capture_torch(model, args, keywords)
    if _is_tensorflow(model, bases):
        from .tensorflow_graph import capture_function

        return capture_function(model, args, keywords)
    if callable(model) and not isinstance(model, type):
        return _of_function(model, args, keywords)
    raise BadValue(f"want {WANTED}, got {describe(model)}")


def _is_keras(bases: set[str]) -> bool:
    return any(base.startswith("keras.") and base.rpartition(".")[2] in ("Layer", "Operation", "Function") for base in bases)


def _is_tensorflow(model: Any, bases: set[str]) -> bool:
    if hasattr(model, "get_concrete_function") or (hasattr(model, "as_graph_def") and hasattr(model, "get_operations")):
        return True
    if hasattr(model, "structured_input_signature") and hasattr(model, "graph"):
        return True
    return any(base.startswith("tensorflow.") and base.endswith(".Module") for base in bases)


def _of_function(model: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Captured:
    """A plain function: which framework it is of, its inputs say."""
    homes = set(_homes((args, keywords)))
    if "torch" in homes:
        from .torch_call import capture as capture_torch

        return capture_torch(model, args, keywords)
    if "tensorflow" in homes:
        from .tensorflow_graph import capture_function

        return capture_function(model, args, keywords)
    raise BadValue(f"want {WANTED}, got the function {getattr(model, '__name__', model)!r} without a tensor of torch or TensorFlow")


def _homes(value: Any) -> Iterator[str]:
    """Which framework each tensor in `value` is of."""
    for _, tensor in found(value, "", lambda one: hasattr(one, "shape") and hasattr(one, "dtype")):
        yield from (base.__module__.partition(".")[0] for base in type(tensor).__mro__)
