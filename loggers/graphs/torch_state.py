"""A torch model as it was before it was called: what a call may change is kept, and put back.

Kept at the start: which parameters, buffers, hooks, modules and plain attributes each module has, training or evaluation mode,
``requires_grad`` and ``.grad``, a copy of every buffer, and the state of all random generators. A parameter or an input is
copied only when something writes into it in place (`before_write`). A list or a dict that a module changes inside stays changed.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

OURS = __name__.partition(".")[0] + "."


class AsBefore:
    """Keeps the state of modules, and of `tensors` that no call may change, from its making until `restore`."""

    def __init__(self, modules: Iterable[Any], tensors: Iterable[Any]) -> None:
        self._modules = list(modules)
        self._kept = [_Module(module) for module in self._modules]
        self._random = random.getstate()
        self._numpy = np.random.get_state()
        self._generators = list(_torch_generators())
        self._parameters: dict[int, _Tensor] = {}
        self._buffers: dict[int, _Tensor] = {}
        for module in self._modules:
            for one in module._parameters.values():
                if one is not None and id(one) not in self._parameters:
                    self._parameters[id(one)] = _Tensor(one)
            for one in module._buffers.values():
                if one is not None and id(one) not in self._buffers:
                    self._buffers[id(one)] = _Tensor(one)
        for one in self._buffers.values():
            one.copy()
        self._by_memory: dict[int, list[_Tensor]] = {}
        for kept in (*self._parameters.values(), *(_Tensor(one) for one in tensors)):
            memory = memory_of(kept.tensor)
            if memory:
                self._by_memory.setdefault(memory, []).append(kept)

    def without_our_hooks(self) -> None:
        """Take the hooks of this package off (a watched model): the call is no training step. `restore` puts them back."""
        for module in self._modules:
            for name in ("_forward_hooks", "_forward_pre_hooks"):
                hooks = getattr(module, name, None)
                if hooks and any(_is_ours(one) for one in hooks.values()):
                    vars(module)[name] = type(hooks)((key, one) for key, one in hooks.items() if not _is_ours(one))

    def before_write(self, tensor: Any) -> None:
        """Something is about to write into `tensor` in place."""
        for kept in self._by_memory.get(memory_of(tensor), ()):
            kept.copy()

    def restore(self) -> None:
        """Put everything back. What cannot be put back is left; nothing is raised."""
        for module in self._kept:
            with contextlib.suppress(Exception):
                module.restore()
        for group in (self._parameters, self._buffers):
            for tensor in group.values():
                tensor.restore()
        for listed in self._by_memory.values():
            for tensor in listed:
                tensor.restore()
        random.setstate(self._random)
        np.random.set_state(self._numpy)
        for put_back, state in self._generators:
            with contextlib.suppress(Exception):
                put_back(state)


class _Module:
    """What one module has, not what it holds."""

    TABLES = ("_parameters", "_buffers", "_modules", "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

    def __init__(self, module: Any) -> None:
        self.module = module
        self.attributes = dict(vars(module))
        self.tables = [(table, dict(table)) for table in map(vars(module).get, self.TABLES) if isinstance(table, dict)]

    def restore(self) -> None:
        for table, entries in self.tables:
            if [(name, id(one)) for name, one in table.items()] != [(name, id(one)) for name, one in entries.items()]:
                table.clear()
                table.update(entries)
        now = vars(self.module)
        for name in [name for name in now if name not in self.attributes]:
            del now[name]
        for name, value in self.attributes.items():
            if now.get(name, self) is not value:
                now[name] = value


class _Tensor:
    """A tensor, where its values lie, and a copy of them once there is one."""

    def __init__(self, tensor: Any) -> None:
        self.tensor = tensor
        self.values: Any = None
        self.lies_at = tensor.detach()
        self.grad = tensor.grad if tensor.is_leaf else None
        self.requires_grad = tensor.requires_grad

    def copy(self) -> None:
        if self.values is None:
            with contextlib.suppress(Exception):  # meta tensors and the like have no values to keep
                self.values = self.tensor.detach().clone()

    def restore(self) -> None:
        with contextlib.suppress(Exception):
            if self.tensor.data_ptr() != self.lies_at.data_ptr() or self.tensor.shape != self.lies_at.shape:
                self.tensor.data = self.lies_at
            if self.values is not None and not _same(self.tensor, self.values):
                self.tensor.data.copy_(self.values)  # .data: the version counter stands, a pending backward is not disturbed
        with contextlib.suppress(Exception):
            if self.tensor.is_leaf and self.tensor.requires_grad != self.requires_grad:
                self.tensor.requires_grad_(self.requires_grad)
            if self.tensor.is_leaf and self.tensor.grad is not self.grad:
                self.tensor.grad = self.grad


def _same(one: Any, other: Any) -> bool:
    import torch

    return bool(torch.equal(one.detach(), other))


def memory_of(tensor: Any) -> int:
    """What tells tensors that share memory; 0 where a tensor has none of its own (sparse, nested, meta)."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except Exception:  # noqa: BLE001  each kind of tensor refuses in its own way
        return 0


def _is_ours(hook: Any) -> bool:
    return str(getattr(getattr(hook, "func", hook), "__module__", "") or "").startswith(OURS)


def _torch_generators() -> Iterator[tuple[Any, Any]]:
    """(how to put back, state) of each generator of torch that is in use; no device is woken for it."""
    torch = sys.modules["torch"]
    yield torch.set_rng_state, torch.get_rng_state()
    for name in ("cuda", "xpu"):
        device = getattr(torch, name, None)
        if device is not None and getattr(device, "is_initialized", bool)():
            yield device.set_rng_state_all, device.get_rng_state_all()
    mps = getattr(torch, "mps", None)
    if mps is not None and torch.backends.mps.is_available():
        yield mps.set_rng_state, mps.get_rng_state()
