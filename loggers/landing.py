"""Tensors that lie on a device come over later: what a logging call does at once, and what the helper thread does.

`landing_of` and `landings_of` run in the caller's thread and never wait for the device. They make copies that later changes of
the tensors do not reach; `Landing.land` gives them as NumPy, in any thread. ``Tensor.item`` and ``Tensor.cpu`` in the caller's
thread would wait for everything queued before them.

Where a device has streams and events (CUDA, and whatever PyTorch offers in its way), the copy is made on the caller's stream, a side
stream brings it to pinned memory, and it has landed when its event is done; until then `Landing.land` gives its turn in the helper
to other jobs (`helper.NotYet`). Elsewhere (MPS, XLA and other lazy devices) the copy is read in the helper.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .helper import NotYet, in_job

Array = NDArray[Any]
NO_STREAMS: Final = frozenset(("cpu", "mps", "xla", "lazy", "meta", "vulkan"))
"""Devices, by PyTorch's names, whose tensors are copied in place and read in the helper."""


class Landing(NamedTuple):
    """Tensors on their way.

    ready   whether `land_all` would not wait; never waits itself
    wait    until they are there
    read    gives them as NumPy when they are there: float32 where NumPy has no such dtype
    """

    ready: Callable[[], bool]
    wait: Callable[[], None]
    read: Callable[[], list[Array]]

    def land_all(self) -> list[Array]:
        """Return the arrays, in order. Raises NotYet inside a job of the helper that would have to wait; waits elsewhere."""
        if not self.ready():
            if in_job():
                raise NotYet
            self.wait()
        return self.read()

    def land(self) -> Array:
        """Return the only array."""
        return self.land_all()[0]


def landing_of(tensor: Any) -> Landing:
    """Begin to bring a tensor over (by duck). Raises whatever its device raises."""
    return landings_of([tensor])


def landings_of(tensors: Sequence[Any], *, own: bool = False) -> Landing:
    """Begin to bring tensors over together: single numbers of one device and dtype travel as one.

    own: they are copies already, which nobody else changes.
    """
    at: dict[tuple[str, str], list[int]] = {}
    for index, tensor in enumerate(tensors):
        at.setdefault(_group(tensor), []).append(index)
    parts = [(indices, _part([tensors[index] for index in indices], own=own)) for indices in at.values()]
    if len(parts) == 1:
        return parts[0][1]

    def read() -> list[Array]:
        found: dict[int, Array] = {}
        for indices, part in parts:
            found.update(zip(indices, part.read(), strict=True))
        return [found[index] for index in range(len(tensors))]

    def wait() -> None:
        for _, part in parts:
            part.wait()

    return Landing(lambda: all(part.ready() for _, part in parts), wait, read)


def _group(tensor: Any) -> tuple[str, str]:
    """What travels together: tensors of one device; single numbers apart, by their dtype."""
    if not _of_torch(tensor):
        return (str(id(tensor)) if hasattr(tensor, "clone") else "", "")
    return (str(tensor.device), str(tensor.dtype) if tensor.numel() == 1 else "")


def _of_torch(tensor: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(tensor, torch.Tensor)


def _part(tensors: list[Any], *, own: bool) -> Landing:
    if not hasattr(tensors[0], "clone"):  # TensorFlow and JAX: a tensor never changes, a variable is read now
        kept = [tensor.read_value() if hasattr(tensor, "read_value") else tensor for tensor in tensors]
        return _at_hand(lambda: [np.asarray(one.numpy() if hasattr(one, "numpy") else one) for one in kept])
    tensors = [tensor.detach() if hasattr(tensor, "detach") else tensor for tensor in tensors]
    device = tensors[0].device
    if _of_torch(tensors[0]):
        import torch

        if len(tensors) > 1 and tensors[0].numel() == 1:
            stacked = _part([torch.stack([tensor.reshape(()) for tensor in tensors])], own=True)
            return Landing(stacked.ready, stacked.wait, lambda: list(stacked.read()[0].reshape(-1, 1)))
        module = getattr(torch, device.type, None) if device.type not in NO_STREAMS else None
        if all(hasattr(module, name) for name in ("Event", "Stream", "current_stream", "stream")):
            if getattr(module, "is_current_stream_capturing", bool)():
                raise RuntimeError("inside the capture of a graph nothing can be read; log outside of it")
            try:
                hosts = [torch.empty(tensor.shape, dtype=tensor.dtype, device="cpu", pin_memory=True) for tensor in tensors]
            except RuntimeError:  # no pinned memory for this device: a copy into other memory would be waited for
                hosts = []
            if hosts:
                return by_stream(module, tensors, hosts, own=own)
    copies = tensors if own else [tensor.clone() for tensor in tensors]
    return _at_hand(lambda: [_numpy(copy) for copy in copies])


_side_streams: Final[dict[tuple[Any, str], Any]] = {}


def by_stream(module: Any, tensors: list[Any], hosts: list[Any], *, own: bool = False) -> Landing:
    """Copy `tensors` of one device into `hosts` on a side stream. module: ``torch.cuda``, or one like it.

    The copies on the device are held until they have landed: what their memory is used for next is queued behind.
    """
    device = tensors[0].device
    side = _side_streams.get((module, str(device)))
    if side is None:
        side = _side_streams[module, str(device)] = module.Stream(device) if device.type != "cpu" else module.Stream()
    copies = tensors if own else [tensor.clone() for tensor in tensors]
    taken, landed = module.Event(), module.Event()
    taken.record(module.current_stream(device))
    with module.stream(side):
        side.wait_event(taken)
        for host, copy in zip(hosts, copies, strict=True):
            host.copy_(copy, non_blocking=True)
        landed.record(side)
    held = [copies]

    def read() -> list[Array]:
        held.clear()
        return [_numpy(host) for host in hosts]

    return Landing(landed.query, landed.synchronize, read)


def _at_hand(read: Callable[[], list[Array]]) -> Landing:
    return Landing(lambda: True, lambda: None, read)


def _numpy(tensor: Any) -> Array:
    """A torch tensor as NumPy; waits for its device where it is not on the host."""
    if not hasattr(tensor, "cpu"):
        return np.asarray(tensor.item() if tensor.numel() == 1 else tensor)
    here = tensor.cpu() if tensor.device.type != "cpu" else tensor
    try:
        array: Array = here.numpy()
    except (TypeError, RuntimeError):  # a dtype that NumPy does not have; or conjugated, negated when it is looked at
        if here.is_complex() or here.is_neg():
            return np.asarray(here.resolve_conj().resolve_neg().numpy())
        array = here.float().numpy()
    return array
