"""Listening to the layers of a torch module: the first output that is not finite, and, in a look, what units do.

Hooks stand on every layer that has no layers inside, or parameters of its own. They listen in training (module and gradients on),
outside of recomputation in the backward pass; a compiler, ``torch.export`` and ``torch.func`` meet nothing in them.

Outputs are checked together, a few at a time: by their largest absolute value, which is NaN or infinite when one value is. What was
found stands in one number on the device: n * 2**20 + position, n of the optimizer step, position in the order of calls.
"""

from __future__ import annotations

import contextlib
import math
import weakref
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import torch as torch_

from ..landing import NO_STREAMS, landings_of
from ..media.spread import Spread, spread_of
from ..media.spread_on_device import plainly, spreads_begun
from .plan import SATURATED

torch: Any = torch_
NEVER: Final = 1 << 62
SLOTS: Final = 1 << 20
"""Positions within a step."""
HELD: Final = 64
HELD_BYTES: Final = 32 << 20
"""So many outputs are held, and so much of them, before they are checked together."""
UNSEEN: Final = 1000
"""After so many forward passes without an optimizer step it is said that none was seen."""
COPIED_BYTES: Final = 256 << 20
"""So much of what a look copies is held before it is counted."""
BOUNDS: Final = {
    "Tanh": (-1.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Softsign": (-1.0, 1.0),
    "Hardsigmoid": (0.0, 1.0),
    "Hardtanh": (-1.0, 1.0),
    "ReLU6": (-math.inf, 6.0),
}
"""Lower and upper bound of layers, by the name of their class."""

_task: Final = torch._C._current_graph_task_id
_transform: Final = getattr(torch._C._functorch, "peek_interpreter_stack", lambda: None)

FLOATS: Final = frozenset((torch.float32, torch.bfloat16, torch.float16, torch.float64, torch.complex64, torch.complex128))
"""Of float8 no norm can be had."""

Slot = tuple[int, str]
"""Number of a layer, and "input" or "output"."""
Counted = tuple[list[str], int, Callable[[], list[Spread]]]
"""Layers whose outputs are counted together, bytes held, and what gives the distributions."""


class Ear:
    """A forward hook that can be pickled, copied and compiled together with its module, and is not there then."""

    __slots__ = ("_layers", "_number")

    def __init__(self, layers: Layers, number: int) -> None:
        self._layers = weakref.ref(layers)
        self._number = number

    def __call__(self, module: Any, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling():
            return
        layers = self._layers()
        if layers is not None and layers.listening:
            layers.hear(self._number, module, args, output)

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (contextlib.nullcontext(), "__exit__")  # does nothing, and needs nothing of ours where it is loaded


class Layers:
    """The layers of one watched model.

    check    whether to look for NaN; collect: whether to look at outputs when a look is due
    began    called when the first layer of a step is heard; trouble: called with what a hook raised
    """

    def __init__(
        self,
        model: Any,
        *,
        check: bool,
        collect: bool,
        bins: int,
        began: Callable[[], None],
        trouble: Callable[[Exception], None],
    ) -> None:
        self._check, self._collect, self._bins, self._began, self._trouble = check, collect, bins, began, trouble
        self.listening = False
        self.names: list[str] = []
        self.kinds: list[str] = []
        self.first: dict[Any, Any] = {}
        self.orders: list[tuple[int, list[Slot]]] = []
        self.calls = 0
        self._handles: list[Any] = []
        self._numbers: dict[int, int] = {}
        for name, module in model.named_modules():
            inside = next(module.children(), None) is not None
            if inside and next(module.parameters(recurse=False), None) is None:
                continue
            with contextlib.suppress(RuntimeError):  # a scripted module takes no hooks
                self._handles.append(module.register_forward_hook(Ear(self, len(self.names))))
                self.names.append(name or type(module).__name__)
                self.kinds.append(type(module).__name__)
        self._clock = 0
        self._begin(0, due=False)

    def __len__(self) -> int:
        return len(self._handles)

    def close(self) -> None:
        """Take every hook away."""
        self.listening = False
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._begin(self._clock, due=False)

    def told(self) -> None:
        """The first NaN was told: look for no other."""
        self._check = False
        if not self._collect:
            self.close()

    # ------------------------------------------------------------------------------------------ step by step

    def _begin(self, clock: int, *, due: bool) -> None:
        self._clock, self._due = clock, due and self._collect
        self.heard = 0
        self._slots: list[Slot] = []
        self._flushed = 0
        self._pending: list[Any] = []
        self._bytes = 0
        self._last: Callable[[], Any] = lambda: None
        self._seen: set[int] = set()
        self._copies: list[tuple[str, Any]] = []
        self._copied = 0
        self.counted: list[Counted] = []
        self.units: list[tuple[str, str, Any]] = []

    def begin(self, clock: int, *, due: bool, every: bool) -> None:
        """The next optimizer step is number `clock`. due: a look is taken in it; every: NaN is looked for in every step."""
        self._begin(clock, due=due)
        self.calls = 0
        self._checking = self._check and (due or every)
        self.listening = bool(self._handles) and (self._checking or self._due)

    def end(self) -> None:
        """The forward passes of this step are done."""
        self._flush()
        self._count()
        if self._slots and (not self.orders or self.orders[-1][1] != self._slots):
            self.orders.append((self._clock, self._slots))

    def order_at(self, orders: list[tuple[int, list[Slot]]], clock: int) -> list[Slot]:
        """In which order layers were called in that step."""
        return next((slots for since, slots in reversed(orders) if since <= clock), [])

    # ------------------------------------------------------------------------------------------- one output

    def hear(self, number: int, module: Any, args: Any, output: Any) -> None:
        """A layer was called. Never raises."""
        try:
            if not module.training or not torch.is_grad_enabled() or _recomputing():
                return
            if not self.heard:
                self._began()
            self.heard += 1
            if number == 0:
                self.calls += 1
                if self.calls == UNSEEN:
                    raise LookupError(f"{UNSEEN} forward passes, and no optimizer of torch.optim stepped; see step() of what watch returns")
            found = (output,) if isinstance(output, torch.Tensor) else islice(_tensors(output, 2), 8)
            outputs = [one for one in found if _is_plain(one)]
            if self._checking and len(self._slots) < SLOTS - 16:
                came = args[0] if args and isinstance(args[0], torch.Tensor) else next(_tensors(args, 1), None)
                if came is not None and came is not self._last() and _is_plain(came):
                    self._hold((number, "input"), came)
                for one in outputs:
                    self._hold((number, "output"), one)
                if outputs:
                    self._last = weakref.ref(outputs[0])
            if self._due and outputs and number not in self._seen:
                self._seen.add(number)
                self._look_at(number, module, outputs[0])
        except Exception as error:  # noqa: BLE001  handed on, and nothing of ours reaches training
            self._trouble(error)

    def _hold(self, slot: Slot, tensor: Any) -> None:
        if self._pending and self._pending[0].device != tensor.device:
            self._flush()
        self._slots.append(slot)
        self._pending.append(tensor.detach())
        self._bytes += tensor.numel() * tensor.element_size()
        if len(self._pending) >= HELD or self._bytes > HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        """Check what is held."""
        if not self._pending:
            return
        pending, self._pending, self._bytes = self._pending, [], 0
        base, self._flushed = self._flushed, self._flushed + len(pending)
        device = pending[0].device
        with plainly(device.type):
            if device.type == "cpu" and all_finite(pending):
                return
            bad = not_finite(pending)
            places = torch.arange(base, base + len(pending), device=device)
            found = torch.where(bad, places + self._clock * SLOTS, NEVER).amin()
            so_far = self.first.get(device)
            self.first[device] = found if so_far is None else torch.minimum(so_far, found)

    # ------------------------------------------------------------------------------------------------- looks

    def _look_at(self, number: int, module: Any, output: Any) -> None:
        """Copy an output for its histogram, and see which of its units are dead or saturated."""
        name = self.names[number]
        with plainly(output.device.type):
            copy = output.detach().clone()
            self._copies.append((name, copy))
            self._copied += copy.numel() * copy.element_size()
            if copy.ndim >= 2:
                axis = 1 if copy.ndim >= 4 else -1
                units = copy.movedim(axis, -1).reshape(-1, copy.shape[axis])
                self.units.append(("dead_units", name, (units == 0).all(0).float().mean()))
                bounds = _bounds(module)
                if bounds is not None:
                    low, high = bounds
                    near = SATURATED * (high - low if math.isfinite(low) else high)
                    at_bound = ((units <= low + near) | (units >= high - near)).all(0)
                    self.units.append(("saturated_units", name, at_bound.float().mean()))
        if self._copied > COPIED_BYTES:
            self._count()

    def _count(self) -> None:
        """Begin to count what was copied."""
        copies, self._copies, crowded = self._copies, [], self._copied > COPIED_BYTES
        self._copied = 0
        groups: dict[Any, list[tuple[str, Any]]] = {}
        for name, copy in copies:
            groups.setdefault(copy.device, []).append((name, copy))
        for device, some in groups.items():
            self.counted.append(counting(some, device.type, self._bins, own=True, now=crowded))


def counting(named: list[tuple[str, Any]], device: str, bins: int, *, own: bool, now: bool = False) -> Counted:
    """Begin to count tensors of one type of device, each on its own.

    own: they are copies already. now: what lies on the host is counted at once, so that nothing is held.
    """
    names, tensors = [name for name, _ in named], [tensor for _, tensor in named]
    if device not in NO_STREAMS:
        begun = spreads_begun(tensors, bins=bins)
        return names, begun.size, begun.spreads
    landing = landings_of(tensors, own=own or now)
    if now:
        spreads = [spread_of(array, bins) for array in landing.land_all()]
        return names, 1, lambda: spreads
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return names, size, lambda: [spread_of(array, bins) for array in landing.land_all()]


def all_finite(tensors: list[Any]) -> bool:
    """Whether all values of some tensors on the host are surely finite, quickly: False also where a norm overflows."""
    return bool(torch.isfinite(torch.stack(_one_type(torch._foreach_norm(tensors, 2)))).all())


def not_finite(tensors: list[Any]) -> Any:
    """Which of some tensors of one device hold a NaN or an infinity: a boolean tensor. None of them is empty."""
    return ~torch.isfinite(torch.stack(_one_type(torch._foreach_norm(tensors, math.inf))))


def _one_type(numbers: Any) -> list[Any]:
    if len({one.dtype for one in numbers}) == 1:
        return list(numbers)
    return [one.double() if any(one.dtype == torch.float64 for one in numbers) else one.float() for one in numbers]


def _bounds(module: Any) -> tuple[float, float] | None:
    """Between which values a layer's outputs lie, by the nature of the layer."""
    kind = type(module).__name__
    if kind == "Hardtanh":
        return float(module.min_val), float(module.max_val)
    return BOUNDS.get(kind)


def _is_plain(one: Any) -> bool:
    """Whether a tensor is one of floats with values of its own that can be looked at."""
    return one.dtype in FLOATS and one.numel() > 0 and one.layout is torch.strided and not one.is_meta and not one.is_nested


def _tensors(value: Any, deep: int) -> Iterator[Any]:
    """Tensors in what a layer takes or returns: alone, in a sequence, in a mapping or in an output object of one."""
    if hasattr(value, "is_floating_point") and hasattr(value, "detach"):
        yield value
    elif deep and isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one, deep - 1)
    elif deep and isinstance(value, (list, tuple)):
        for one in value:
            yield from _tensors(one, deep - 1)


def _recomputing() -> bool:
    """Whether this is a second forward pass inside the backward one, or inside ``torch.func``."""
    return _task() != -1 or _transform() is not None
