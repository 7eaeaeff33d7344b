"""Watching a torch module: hooks on optimizer steps and on layers, and nothing that waits for a device.

A step is a step of any ``torch.optim.Optimizer`` that holds parameters of the model; several optimizers are counted each on its own.
Right before it gradients are complete: accumulated, unscaled by a GradScaler, reduced over the ranks, clipped. They are read there;
where the optimizer is given a closure that computes them, right behind it. A step that a GradScaler skips, since its gradients
overflowed, is none. Layers are listened to in `torch_layers`.

The first NaN or infinity: on each device stands, for each parameter, the number of the first step at which its gradient was not
finite, and for the layers one number (see `torch_layers`). A few small operations a step keep them; they come over at most once a
second and in every look, and are judged by the helper thread.
"""

from __future__ import annotations

import contextlib
import sys
import time
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from ..harmless import from_signal_handler, users_line
from ..landing import landings_of
from ..later import MOST_BYTES
from ..media.spread_on_device import plainly
from .findings import Look, Trouble, newest_step, scaled
from .plan import Plan, layer_of
from .torch_layers import NEVER, SLOTS, Layers, all_finite, counting, not_finite
from .torch_tensors import by_device, capturing, dense_of, parts_of, sampled, unwrapped

if TYPE_CHECKING:
    from ..run import Run

LAND_S: Final = 1.0


class Entry:
    """One optimizer, and which parameters of the model it holds, in the model's order."""

    def __init__(self, named: list[tuple[str, Any]], held: int) -> None:
        self.names = [name for name, _ in named]
        self.held = held
        self.count = 0
        self.look: Look | None = None
        self.closure = False
        self.before: list[tuple[list[str], Any, list[int]]] = []
        self.first: dict[Any, Any] = {}
        self._parameters = [weakref.ref(parameter) for _, parameter in named]

    def parameters(self) -> list[tuple[str, Any]]:
        """Name and parameter, of those that still live and hold values."""
        alive = ((name, ref()) for name, ref in zip(self.names, self._parameters, strict=True))
        return [(name, one) for name, one in alive if one is not None and one.numel() and one.device.type != "meta"]

    def gradients(self) -> list[tuple[str, Any]]:
        """Name and gradient, dense, of those that have one now."""
        alive = ((name, ref()) for name, ref in zip(self.names, self._parameters, strict=True))
        found = ((name, one.grad) for name, one in alive if one is not None)
        return [(name, dense_of(one)) for name, one in found if one is not None and one.numel()]


class TorchWatch:
    """A watched module. Made by ``run.watch(module)``; ends with `close`, with the run, or with the module."""

    def __init__(self, run: Run, model: Any, plan: Plan) -> None:
        self._run, self._plan, self._line = run, plan, users_line()
        model = unwrapped(model)
        self._model = weakref.ref(model, self._gone)
        self._entries: weakref.WeakKeyDictionary[Any, Entry] = weakref.WeakKeyDictionary()
        self._struck: list[Entry] = []  # those with a gradient that was not finite, also when their optimizer is gone
        self._manual = Entry(list(model.named_parameters()), 0)
        self._clock = self._since = 0
        self._steps: list[tuple[int, int]] = []
        self._open: list[Look] = []
        self._unsettled: list[Entry] = []
        self._wanted: int | None = None
        self._closed = self._told = False
        self._landed = 0.0
        self._silent, self._stance = False, None
        self._layers: Layers | None = None
        if plan.nan or plan.activations:
            layers = Layers(
                model, check=bool(plan.nan), collect=bool(plan.activations), bins=plan.bins, began=self._settle, trouble=self._failed
            )
            self._layers = layers
            layers.begin(0, due=True, every=plan.nan == "every")
        _watches.append(self)
        _hook()

    # --------------------------------------------------------------------------------------------- the face

    def close(self) -> None:
        """End watching: take every hook away, and let what is on its way come in."""
        if self in _watches:
            _watches.remove(self)
        _unhook()
        if self._closed:
            return
        self._closed = True
        with self._safely():
            self._settle()
            if self._plan.nan and not self._told:
                if self._layers is not None:
                    self._layers.end()  # a forward pass that no update followed
                self._steps.append((self._clock, newest_step(self._run)))
                self._land()
        self._restore_stance()
        if self._layers is not None:
            self._layers.close()
        self._entries = weakref.WeakKeyDictionary()
        self._struck = []
        self._manual = Entry([], 0)

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """For a loop that updates parameters without ``torch.optim``: ``with watched.step():`` around the update, once a step."""
        self.before(None, closure=False)
        yield
        self.after(None)

    @property
    def hooks(self) -> int:
        """How many hooks stand on layers."""
        return 0 if self._layers is None else len(self._layers)

    def _gone(self, _: Any) -> None:
        """The model is gone, and its layers' hooks with it. May be called in the middle of anything: lets go, and nothing else."""
        self._closed = True
        if self in (_watches or ()):  # None while the interpreter ends
            _watches.remove(self)

    @contextlib.contextmanager
    def _safely(self) -> Iterator[None]:
        """Nothing of ours reaches training."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  whatever it was
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if from_signal_handler(error) or self._run._strict or isinstance(error, Warning):
            raise error
        text = f"watch: {type(error).__name__}: {error}; training goes on, this is left out"
        self._run._complain(text, about=f"watch {type(error).__name__}", at=self._line)

    # ---------------------------------------------------------------------------------------- around a step

    def before(self, optimizer: Any, *, closure: bool) -> None:
        """An optimizer is about to step. optimizer: None for the user's own update."""
        with self._safely():
            entry = self._entry(optimizer)
            if entry is None:
                return
            if self._run._finished:
                self.close()
                return
            if entry in self._unsettled:
                self._settle()
            entry.closure, entry.look, entry.before = closure, None, []
            if entry.count % self._plan.every == 0:
                entry.look = Look(self._run, self._plan)
                if self._plan.parameters:
                    self._weights(entry, entry.look)
            if not closure:
                self._gradients(entry, optimizer)

    def after(self, optimizer: Any) -> None:
        """An optimizer stepped."""
        with self._safely():
            entry = self._entry(optimizer)
            if entry is None:
                return
            if entry.closure:
                self._gradients(entry, optimizer)
            look, entry.look = entry.look, None
            if look is not None:
                self._updates(entry, look)
                self._open.append(look)
            self._wanted = None if self._plan.step is None else int(self._plan.step())
            if not self._unsettled:
                self._since = self._clock
            self._unsettled.append(entry)
            entry.count += 1
            self._clock += 1
            self._prepare(entry)

    def _settle(self) -> None:
        """The next round begins (a forward pass, an optimizer's next turn), or the watch ends: now it is known at which step the
        run logs the one that was made."""
        if not self._unsettled:
            return
        self._unsettled = []
        step = newest_step(self._run) if self._wanted is None else self._wanted
        if not self._steps or self._steps[-1][1] != step:
            self._steps.append((self._since, step))
        looks, self._open = self._open, []
        for look in looks:
            look.release(step)
        if self._plan.nan and not self._told and (looks or time.monotonic() - self._landed > LAND_S):
            self._land()

    def _entry(self, optimizer: Any) -> Entry | None:
        """What is known of an optimizer; None when it has nothing to do with the model, or nothing may be done now."""
        model = self._model()
        if model is None or self._closed or capturing():
            return None
        if optimizer is None:
            return self._manual
        entry = self._entries.get(optimizer)
        held = sum(len(group["params"]) for group in optimizer.param_groups)
        if entry is None or entry.held != held:
            ids = {id(one) for group in optimizer.param_groups for one in group["params"]}
            made = Entry([(name, one) for name, one in model.named_parameters() if id(one) in ids], held)
            if entry is not None:
                made.count = entry.count
            entry = self._entries[optimizer] = made
        return entry if entry.names else None

    def _prepare(self, entry: Entry) -> None:
        """Get ready for the next step."""
        layers = self._layers
        if layers is None:
            return
        if self._told:
            layers.told()
        due = entry.count % self._plan.every == 0
        if self._plan.activations and self._silent and due:
            self._force_eager()
        layers.begin(self._clock, due=due, every=self._plan.nan == "every")

    # --------------------------------------------------------------------------------------- what is looked at

    def _weights(self, entry: Entry, look: Look) -> None:
        """Weights before the update: their histograms, and a sample to compare with."""
        named = [(name, dense_of(one.detach())) for name, one in entry.parameters()]
        if not self._clock:
            named += self._frozen(entry)
        self._spread(look, "weights", named)
        moving = [(name, dense_of(one.detach())) for name, one in entry.parameters() if one.requires_grad]
        for some in by_device(moving).values():
            flat, sizes = sampled(some)
            entry.before.append(([name for name, _ in some], flat, sizes))

    def _frozen(self, entry: Entry) -> list[tuple[str, Any]]:
        """Parameters that no optimizer will move: looked at once."""
        model, known = self._model(), set(entry.names)
        if model is None:
            return []
        frozen = [(name, one) for name, one in model.named_parameters() if name not in known and not one.requires_grad]
        return [(name, dense_of(one.detach())) for name, one in frozen if one.numel() and one.device.type != "meta"]

    def _updates(self, entry: Entry, look: Look) -> None:
        """How far parameters moved."""
        import torch

        now = {name: dense_of(one.detach()) for name, one in entry.parameters() if one.grad is not None or entry is self._manual}
        for names, before, sizes in entry.before:
            if any(name not in now for name in names):
                pieces = dict(zip(names, before.split(sizes), strict=True))
                names = [name for name in names if name in now]
                if not names:
                    continue
                before, sizes = torch.cat([pieces[name] for name in names]), [pieces[name].numel() for name in names]
            with plainly(before.device.type):
                after, _ = sampled([(name, now[name]) for name in names])
                moved = torch._foreach_norm([*(after - before).split(sizes), *before.split(sizes)], 2)
                landing = landings_of([torch.stack(list(moved))], own=True)

            def job(names: list[str] = names, landing: Any = landing) -> None:
                moved, was = landing.land().reshape(2, -1).tolist()
                look.updates.update(zip(names, zip(moved, was, strict=True), strict=True))

            look.part(job, size=16 * len(names))
        entry.before = []

    def _gradients(self, entry: Entry, optimizer: Any) -> None:
        """Gradients are complete: is one not finite, and in a look, what are they like; and what the layers did."""
        look, layers = entry.look, self._layers
        gradients = entry.gradients()
        if self._plan.nan and not self._told and (look is not None or self._plan.nan == "every"):
            self._check(entry, gradients, getattr(optimizer, "found_inf", None))
        if look is not None and self._plan.gradients:
            self._spread(look, "gradients", gradients, scale=getattr(optimizer, "grad_scale", None))
        if layers is not None:
            layers.end()
            if look is not None and self._plan.activations:
                self._silent = self._silent or not layers.heard
                self._restore_stance()
                self._activations(look, layers)

    def _check(self, entry: Entry, gradients: list[tuple[str, Any]], overflowed: Any) -> None:
        """Remember the first step at which each gradient was not finite. overflowed: not 0 where a scaler skips this step."""
        import torch

        index = {name: number for number, name in enumerate(entry.names)}
        for device, some in by_device(gradients).items():
            some = [(name, one) for name, one in some if one.element_size() > 1]
            if not some:
                continue
            with plainly(device.type):
                if device.type == "cpu" and all_finite([one for _, one in some]):
                    continue
                bad = not_finite([one for _, one in some])
                if overflowed is not None:
                    bad = bad & (overflowed.to(device) == 0)
                found = torch.where(bad, self._clock, NEVER)
                if len(some) < len(index):  # no index on the device, which would have to be brought there
                    never = found.new_full((), NEVER)
                    places = dict(zip((name for name, _ in some), found.unbind(), strict=True))
                    found = torch.stack([places.get(name, never) for name in entry.names])
                so_far = entry.first.get(device)
                entry.first[device] = found if so_far is None else torch.minimum(so_far, found)
                if entry not in self._struck:
                    self._struck.append(entry)

    def _spread(self, look: Look, group: str, named: list[tuple[str, Any]], *, scale: Any = None) -> None:
        """Have distributions counted: on the device, or copies of what lies on the host, in parts, by the helper."""
        bins = self._plan.bins
        factor = None if scale is None else landings_of([scale])
        for device, some in by_device(named).items():
            for part in parts_of(some) if device.type == "cpu" else [some]:
                size = sum(one.numel() * one.element_size() for _, one in part)
                full = device.type == "cpu" and self._run._later.bytes + look.held + size > MOST_BYTES
                with plainly(device.type):
                    names, size, get = counting(part, device.type, bins, own=False, now=full)

                def job(names: list[str] = names, get: Any = get) -> None:
                    spreads = dict(zip(names, get(), strict=True))
                    if factor is not None:
                        times = 1.0 / float(factor.land().reshape(-1)[0])
                        spreads = {name: scaled(spread, times) for name, spread in spreads.items()}
                    look.found(group, spreads)

                look.part(job, size=size)

    def _activations(self, look: Look, layers: Layers) -> None:
        for names, size, get in layers.counted:

            def job(names: list[str] = names, get: Any = get) -> None:
                look.found("activations", dict(zip(names, get(), strict=True)))

            look.part(job, size=size)
        units = layers.units
        if units:
            landing = landings_of([value for _, _, value in units])

            def numbers() -> None:
                for (group, layer, _), array in zip(said, landing.land_all(), strict=True):
                    look.units.setdefault(group, {})[layer] = float(array.reshape(-1)[0])

            said = [(group, layer, None) for group, layer, _ in units]
            look.part(numbers, size=16 * len(said))

    # ------------------------------------------------------------------------------------- the first NaN

    def _land(self) -> None:
        """Bring over what is known of the first NaN, and have it judged."""
        self._landed = time.monotonic()
        layers = self._layers
        forward = [] if layers is None else list(layers.first.values())
        entries = [(entry.names, first) for entry in self._struck for first in entry.first.values()]
        if not forward and not entries:
            return
        landing = landings_of([*forward, *(first for _, first in entries)], own=True)
        steps, self._steps = self._steps, self._steps[-1:]
        orders = [] if layers is None else layers.orders
        if layers is not None:
            layers.orders = orders[-1:]

        def job() -> None:
            arrays = landing.land_all()
            place = min((int(array.reshape(-1)[0]) for array in arrays[: len(forward)]), default=NEVER)
            gradients: dict[str, int] = {}
            for (names, _), array in zip(entries, arrays[len(forward) :], strict=True):
                for name, clock in zip(names, array.reshape(-1).tolist(), strict=True):
                    gradients[name] = min(gradients.get(name, NEVER), clock)
            clock = min(place // SLOTS, min(gradients.values(), default=NEVER))
            if clock >= NEVER // SLOTS or self._told:
                return
            self._told = True
            order = [] if layers is None else layers.order_at(orders, clock)
            step = next((step for since, step in reversed(steps) if since <= clock), newest_step(self._run))
            self._judge(clock, step, place, gradients, order).tell(self._run, self._plan)

        self._run._later.add(job)

    def _judge(self, clock: int, step: int, place: int, gradients: dict[str, int], order: list[tuple[int, str]]) -> Trouble:
        """Say where it began: the first layer in the order of calls, or the first gradient in the order of the backward pass."""
        layers = self._layers
        if layers is not None and place // SLOTS == clock and place % SLOTS < len(order):
            number, what = order[place % SLOTS]
            more = "It came in with the data, or an operation before this layer made it." if what == "input" else ""
            return Trouble(step, clock + 1, "forward", what, layers.names[number], layers.kinds[number], more)
        bad = [name for name, first in gradients.items() if first == clock]
        called = {layers.names[number]: index for index, (number, _) in enumerate(order)} if layers is not None else {}
        last = max(range(len(bad)), key=lambda index: (called.get(layer_of(bad[index]), -1), index))
        more = f"{len(bad)} of {len(gradients)} gradients were not finite in this step. "
        if not order:
            more += "Layers were not listened to (compiled, or nan='sampled'), so it may have begun in the forward pass."
        elif len(bad) == len(gradients):
            more += "Every layer's output was finite: it began in the loss, or behind the last layer."
        else:
            more += "Every layer's output was finite, and so were the gradients of the layers behind it."
        return Trouble(step, clock + 1, "backward", "gradient", bad[last], "", more)

    # ------------------------------------------------------------------------------- layers of compiled models

    def _force_eager(self) -> None:
        """Have the next step run uncompiled, so that its layers can be heard."""
        import torch

        if self._stance is None and "torch._dynamo" in sys.modules and hasattr(torch.compiler, "set_stance"):
            self._stance = torch.compiler.set_stance("force_eager")

    def _restore_stance(self) -> None:
        stance, self._stance = self._stance, None
        if stance is not None:
            stance.__exit__(None, None, None)


# ------------------------------------------------------------------------------------------ all watches of the process

_watches: Final[list[TorchWatch]] = []
_handles: Final[list[Any]] = []


def _hook() -> None:
    """Hook into every optimizer step, once for all watches."""
    if _handles:
        return
    from torch.optim import optimizer

    _handles.append(optimizer.register_optimizer_step_pre_hook(_before))
    _handles.append(optimizer.register_optimizer_step_post_hook(_after))


def _unhook() -> None:
    """Leave optimizer steps alone when nothing is watched."""
    if not _watches:
        while _handles:
            _handles.pop().remove()


def _before(optimizer: Any, args: Any, kwargs: Any) -> None:
    import torch

    if torch.compiler.is_compiling():
        return
    closure = any(callable(one) for one in args[1:]) or kwargs.get("closure") is not None
    for watch in tuple(_watches):
        watch.before(optimizer, closure=closure)


def _after(optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG001  as torch calls it
    import torch

    if torch.compiler.is_compiling():
        return
    for watch in tuple(_watches):
        watch.after(optimizer)
