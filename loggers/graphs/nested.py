"""Tensors inside of what a model takes and gives: dicts, lists, tuples, dataclasses, model outputs, in any nesting.

`found` gives each tensor with the name by which a user would reach it: "batch.ids", "logits", "hidden_states.0".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

DEEPEST: Final = 8
PLAIN: Final = (str, bytes, int, float, bool, complex, type(None))


def found(value: Any, name: str, is_tensor: Callable[[Any], bool], *, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield (name, tensor) of all tensors in `value`, in order; looks into at most `DEEPEST` levels."""
    if is_tensor(value):
        yield name, value
    elif isinstance(value, PLAIN) or depth > DEEPEST:
        return
    else:
        for key, one in _parts(value):
            yield from found(one, f"{name}.{key}" if name else key, is_tensor, depth=depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), one) for key, one in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (list, tuple)):
        yield from ((str(index), one) for index, one in enumerate(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((one.name, getattr(value, one.name, None)) for one in dataclasses.fields(value))
    elif not isinstance(value, type) and not callable(value) and isinstance(getattr(value, "__dict__", None), dict):
        yield from ((key, one) for key, one in vars(value).items() if not key.startswith("__"))


def flat(value: Any, is_tensor: Callable[[Any], bool], into: list[Any]) -> None:
    """Append all tensors in the arguments or results of one operation: only tuples, lists and dicts are looked into."""
    if is_tensor(value):
        into.append(value)
    elif isinstance(value, (list, tuple)):
        for one in value:
            flat(one, is_tensor, into)
    elif isinstance(value, dict):
        for one in value.values():
            flat(one, is_tensor, into)
