"""A device that is not there: torch tensors of the type "privateuseone" whose values lie in host memory, out of the caller's reach.

`Far.of(tensor)` puts a tensor on it. Every operation runs for real, on the host; whatever would bring a value to the host, or ask
for one (``item``, ``cpu``, ``nonzero``, ``equal``, a copy into host memory), is refused in the thread that imported this module,
as such a call would wait for a real device. It is noted in `refused`, so that it shows even where the error is swallowed.
"""

from __future__ import annotations

import threading
from typing import Any

import torch as torch_
from torch.utils import backend_registration as registration_
from torch.utils._pytree import tree_map

torch: Any = torch_
backend_registration: Any = registration_
CALLER = threading.get_ident()
refused: list[str] = []
READS = {"aten::_local_scalar_dense", "aten::item", "aten::nonzero", "aten::equal", "aten::is_nonzero", "aten::masked_select"}
FACTORIES = ("empty.memory_format", "empty_strided", "full", "zeros", "ones", "arange", "arange.start", "arange.start_step")


class Far(torch.Tensor):
    """A tensor on the far device; `held` is its host twin."""

    held: Any

    @staticmethod
    def of(held: Any) -> Far:
        made: Far = torch.Tensor._make_wrapper_subclass(
            Far, held.size(), strides=held.stride(), dtype=held.dtype, device="privateuseone:0", requires_grad=False
        )
        made.held = held.detach()
        return made

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        name = operation.name()
        stays = True
        if kwargs.get("device") is not None:
            stays = torch.device(kwargs["device"]).type != "cpu"
            kwargs["device"] = "cpu"
        into_host = name == "aten::copy_" and not isinstance(args[0], Far)
        indexed = name == "aten::index.Tensor" and any(one is not None and one.dtype == torch.bool for one in args[1])
        if (name in READS or not stays or into_host or indexed) and threading.get_ident() == CALLER:
            refused.append(name)
            raise AssertionError(f"{name} in the caller's thread would wait for the device")
        result = operation(*tree_map(_held, args), **tree_map(_held, kwargs))
        if name == "aten::copy_":
            return args[0]
        return tree_map(lambda one: Far.of(one) if isinstance(one, torch.Tensor) and stays else one, result)


def _held(one: Any) -> Any:
    return one.held if isinstance(one, Far) else torch.device("cpu") if isinstance(one, torch.device) else one


def _factory(name: str) -> Any:
    packet, _, overload = name.partition(".")
    operation = getattr(getattr(torch.ops.aten, packet), overload or "default")

    def make(*args: Any, **kwargs: Any) -> Far:
        return Far.of(operation(*args, **{**kwargs, "device": "cpu", "pin_memory": None}))

    return make


def register() -> Any:
    """Make the device known to torch, once a process; keep what is returned."""
    backend_registration._setup_privateuseone_for_python_backend()
    library = torch.library.Library("aten", "IMPL")
    for name in FACTORIES:
        library.impl(name, _factory(name), "PrivateUse1")
    return library


LIBRARY = register()
