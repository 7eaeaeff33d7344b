"""What torch calls things: names, arguments and shapes of what a call meets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from ...store.records import TensorShape
from .vocabulary import layout, normal

WRAPPERS: Final = frozenset(("_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"))
"""Parts of a module's name that a wrapper put there, not the user."""
NOT_SAID: Final = frozenset(("training", "call_super_init", "dump_patches", "original"))


def shape_of(tensor: Any) -> TensorShape:
    """Shape and dtype of a tensor; a symbolic size is a free axis."""
    dtype = str(tensor.dtype).rpartition(".")[2]
    try:
        return TensorShape(shape=[int(size) if isinstance(size, int) else None for size in tensor.shape], dtype=dtype)
    except Exception:  # noqa: BLE001  nested tensors have no shape
        return TensorShape(dtype=dtype)


def type_name(module: Any) -> str:
    """The class of a module as users write it: "torch.nn.Linear", "Net"."""
    kind = type(module)
    home = kind.__module__
    return f"torch.nn.{kind.__name__}" if home.startswith("torch.nn.") else kind.__name__


def normal_type(module: Any) -> str:
    """The normal name of a module's class; only classes of libraries are normalised, a user's own "Add" stays what it is."""
    kind = type(module)
    home = kind.__module__
    if home.startswith("transformers.") and kind.__name__ == "Conv1D":
        return "Linear"  # it multiplies by a transposed weight
    if home.startswith(("torch.", "torchvision.", "transformers.", "timm.")) or home == "torch":
        return normal(kind.__name__)
    return kind.__name__


def without_wrappers(name: str) -> str:
    """A module's dotted name without what compile, checkpoint and FSDP put into it."""
    return ".".join(part for part in name.split(".") if part not in WRAPPERS)


def module_attributes(module: Any) -> dict[str, Any]:
    """Plain public attributes of a module: kernel_size, stride, num_heads, eps ..."""
    made = {name: value for name, value in vars(module).items() if not name.startswith("_") and name not in NOT_SAID}
    kept = {name: value for name, value in made.items() if isinstance(value, (bool, int, float, str, tuple))}
    order = layout(normal_type(module), channels_last=False)
    if order:
        kept["layout"] = order
    return kept


def function_name(function: Any) -> str:
    """The name of a torch function: "linear", "add", "T" for the getter of ``Tensor.T``."""
    name = getattr(function, "__name__", "")
    if name in ("__get__", "__set__"):
        return str(getattr(getattr(function, "__self__", None), "__name__", ""))
    if not name or name == "__call__":
        name = str(getattr(function, "_qualified_op_name", "") or getattr(function, "_qualname", "") or type(function).__name__)
    if name in ("default", "Tensor", "Scalar", "int"):  # an overload of torch.ops
        name = str(getattr(getattr(function, "overloadpacket", None), "__name__", name))
    return str(name).rpartition("::")[2]


@cache
def _signatures() -> Mapping[Any, Callable[..., Any]]:
    import torch

    return torch.overrides.get_testing_overrides()


@cache
def _argument_names(function: Any) -> tuple[str, ...]:
    for known in (function, _signatures().get(function)):
        try:
            parameters = inspect.signature(known).parameters  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):  # a wrapper tells nothing
            return tuple(parameters)
    return ()


RECURRENT: Final = frozenset(("lstm", "gru", "rnn_tanh", "rnn_relu"))
SIZED: Final = frozenset(("zeros", "ones", "empty", "rand", "randn"))
RECURRENT_ARGUMENTS: Final[tuple[str, ...]] = (
    "input",
    "hx",
    "params",
    "has_biases",
    "num_layers",
    "dropout",
    "training",
    "bidirectional",
    "batch_first",
)
PACKED_ARGUMENTS: Final[tuple[str, ...]] = (
    "data",
    "batch_sizes",
    "hx",
    "params",
    "has_biases",
    "num_layers",
    "dropout",
    "training",
    "bidirectional",
)


def arguments(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], is_tensor: Callable[[Any], bool]) -> dict[str, Any]:
    """Name -> value of the arguments of a call that are no tensors and not None.

    Functions of torch that are written in C++ tell no names; those of ``torch.overrides`` stand in, except where one function
    has several lists of arguments.
    """
    rest = [(index, one) for index, one in enumerate(args) if one is not None and not _holds_tensor(one, is_tensor)]
    made: dict[str, Any] = {}
    if rest:
        made.update(_named(function, args, rest))
    made.update((name, one) for name, one in kwargs.items() if one is not None and not _holds_tensor(one, is_tensor))
    return {name: one for name, one in made.items() if name != "out" and not name.startswith("_")}


def _named(function: Any, args: tuple[Any, ...], rest: list[tuple[int, Any]]) -> dict[str, Any]:
    called = function_name(function)
    if called == "to":  # a device, a dtype, or both, in any place
        return {"dtype" if type(one).__name__ == "dtype" else "device": one for _, one in rest if not isinstance(one, bool)}
    values = [one for _, one in rest]
    if called in SIZED and all(isinstance(one, int) for one in values):
        return {"size": values}
    if called == "arange":
        return dict(zip(("start", "end", "step") if len(values) > 1 else ("end",), values, strict=False))
    if called == "einsum":
        return {"equation": values[0]}
    if called in RECURRENT:
        names = RECURRENT_ARGUMENTS if len(args) > 3 and isinstance(args[3], bool) else PACKED_ARGUMENTS
    else:
        try:
            names = _argument_names(function)
        except TypeError:  # a function that cannot be hashed
            names = ()
    if names and len(names) < len(args) and all(isinstance(one, int) for one in values):  # view(*sizes), permute(*dims)
        return {names[-1]: values}
    return {names[index] if index < len(names) else f"argument_{index}": one for index, one in rest}


def _holds_tensor(value: Any, is_tensor: Callable[[Any], bool]) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tensor(one, is_tensor) for one in value)
    return is_tensor(value)
