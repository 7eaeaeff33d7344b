"""What was seen in a watched model, and how it becomes points of the run. No framework is known here.

A look comes over in parts: distributions counted by the helper thread or on a device, and single numbers. Each part is a job of
the helper; the last one to come in writes what needs all of them.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..media.spread import Spread
from .plan import Plan, layer_of

if TYPE_CHECKING:
    from ..run import Run


def newest_step(run: Run) -> int:
    """The newest step that the run has logged anything at; its first one when it has logged nothing."""
    return max(run._next - 1, run._first_step)


def keep(run: Run, step: int, now: float, numbers: Mapping[str, float], spreads: Mapping[str, Spread] | None = None) -> None:
    """Write points at `step`, without moving the run's own. In any thread."""
    if run._disabled or run._finished or not run.open():
        return
    items = []
    for tag, value in numbers.items():
        declared = run._tag(tag)
        if declared is None:
            run._lost += 1
        else:
            items.append((declared[0], value))
    if items and run._points is not None:
        run._points.put_all(items, step, now)
    for tag, spread in (spreads or {}).items():
        run._keep(spread.point(tag, step, now))


@dataclass
class Look:
    """One look at a model: what came in so far, by parameter or layer. Nothing is written before `release` says at which step.

    updates  norm of the update and of the weights before it; both of the same sample of the parameter's values
    units    tag group -> layer -> part of its units
    """

    run: Run
    plan: Plan
    step: int = 0
    now: float = field(default_factory=time.time)
    held: int = 0
    weights: dict[str, Spread] = field(default_factory=dict)
    gradients: dict[str, Spread] = field(default_factory=dict)
    updates: dict[str, tuple[float, float]] = field(default_factory=dict)
    units: dict[str, dict[str, float]] = field(default_factory=dict)
    _parts: list[tuple[Callable[[], None], int]] = field(default_factory=list)
    _open: int = 1
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def part(self, job: Callable[[], None], *, size: int) -> None:
        """Have `job`, which adds something to this look and holds `size` bytes, done by the helper when the look is released."""
        self._parts.append((job, size))
        self.held += size

    def release(self, step: int) -> None:
        """Write the look at `step` as it comes in."""
        parts, self._parts = self._parts, []
        self.step, self._open = step, 1 + len(parts)
        for job, size in parts:
            if not self.run._later.add(partial(self._work, job), size=max(size, 1)):
                self.run._lost += 1
                self.run._complain("watch: too much waits to be written; a part of a look is left out", about="watch queue")
                self._close()
        self._close()

    def _work(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001  a part that fails must not end the helper, nor the other parts
            self.run._lost += 1
            self.run._complain(f"watch: {type(error).__name__}: {error}; a part of a look is left out", about="watch part")
        self._close()

    def found(self, group: str, spreads: Mapping[str, Spread]) -> None:
        """Distributions of one group came in: write them, and remember their norms."""
        if group == "weights":
            self.weights.update(spreads)
        elif group == "gradients":
            self.gradients.update(spreads)
        keep(self.run, self.step, self.now, {}, {self.plan.tag(group, name): spread for name, spread in spreads.items()})

    def _close(self) -> None:
        """A part is done; the last one writes the numbers."""
        with self._lock:
            self._open -= 1
            if self._open:
                return
        keep(self.run, self.step, self.now, self.numbers())

    def numbers(self) -> dict[str, float]:
        """Tag -> the numbers of this look."""
        tag, made = self.plan.tag, {}
        made.update({tag("weight_norm", name): spread.norm for name, spread in self.weights.items()})
        made.update({tag("gradient_norm", name): spread.norm for name, spread in self.gradients.items()})
        layers: dict[str, list[float]] = {}
        for name, spread in self.gradients.items():
            layers.setdefault(layer_of(name), []).append(spread.norm)
        made.update({tag("gradient_flow", layer): math.hypot(*norms) for layer, norms in layers.items()})
        made.update({tag("update_ratio", name): _ratio(*both) for name, both in self.updates.items()})
        for group, layers_of in self.units.items():
            made.update({tag(group, layer): value for layer, value in layers_of.items()})
        if self.weights:
            made[tag("health", "weight_norm")] = math.hypot(*(spread.norm for spread in self.weights.values()))
        if self.gradients:
            made[tag("health", "gradient_norm")] = math.hypot(*(spread.norm for spread in self.gradients.values()))
            made[tag("health", "nonfinite_gradients")] = float(sum(one.count - one.finite for one in self.gradients.values()))
        if self.updates:
            moved, was = (math.hypot(*norms) for norms in zip(*self.updates.values(), strict=True))
            made[tag("health", "update_ratio")] = _ratio(moved, was)
        return made


def _ratio(update: float, weight: float) -> float:
    """update / weight; of weights that are all 0, infinity where they moved."""
    if weight == 0.0:
        return math.inf if update else 0.0
    return update / weight


def scaled(spread: Spread, factor: float) -> Spread:
    """The distribution of all values times `factor` > 0."""

    def of(value: float | None) -> float | None:
        return None if value is None else value * factor

    return replace(
        spread,
        edges=[edge * factor for edge in spread.edges],
        min=of(spread.min),
        max=of(spread.max),
        mean=of(spread.mean),
        std=of(spread.std),
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Where the first NaN or infinity of a training appeared.

    step       of the run; update: which optimizer step since the watch began, from 1
    where      "forward" or "backward"
    what       "output", "input" (of a layer: it came in with the data, or an operation before the layer made it), "gradient"
    name       of the layer, or of the parameter whose gradient it is
    kind       type of the layer, "" where it is not known
    more       what else is known, a sentence
    """

    step: int
    update: int
    where: str
    what: str
    name: str
    kind: str = ""
    more: str = ""

    def tell(self, run: Run, plan: Plan) -> None:
        """Put it on the board: an alert, and an entry of the run's summary."""
        name = f"{plan.name}.{self.name}" if plan.name else self.name
        place = f"{self.what} of {name}" + (f" ({self.kind})" if self.kind else "")
        text = f"The first NaN or infinity appeared at step {self.step} (update {self.update}) in the {self.where} pass: {place}."
        run.alert(
            f"NaN or infinity: {place}",
            f"{text} {self.more}".strip(),
            level="error",
            step=self.step,
            tag=plan.tag("gradients", self.name) if self.what == "gradient" else "",
        )
        key = f"first_nonfinite.{plan.name}" if plan.name else "first_nonfinite"
        told: dict[str, Any] = {"step": self.step, "update": self.update, "pass": self.where, "what": self.what, "name": name}
        run.summary[key] = told
