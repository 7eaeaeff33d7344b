"""What is looked at in a watched model, how often, and the tags it is logged under. No framework is known here.

Every `every` optimizer steps, beginning with the first, a *look* is taken:

| tag | what |
|---|---|
| ``weights/<parameter>``, ``gradients/<parameter>`` | histograms: weights before the update, gradients as the optimizer gets them |
| ``weight_norm/<parameter>``, ``gradient_norm/<parameter>`` | Euclidean norms |
| ``gradient_flow/<layer>`` | norm of the gradients of all parameters of one layer |
| ``update_ratio/<parameter>`` | norm of the update divided by the norm of the weights before it |
| ``health/weight_norm``, ``health/gradient_norm``, ``health/update_ratio`` | the same over the whole model |
| ``health/nonfinite_gradients`` | how many values of all gradients are NaN or infinite |
| ``activations/<layer>`` | histogram of a layer's output in that step |
| ``dead_units/<layer>`` | part of its units, 0 to 1, that are 0 in the whole batch |
| ``saturated_units/<layer>`` | part of its units that lie at a bound in the whole batch; of layers that have bounds |

A norm is NaN when one of the values is NaN or infinite. A unit is a feature of the last axis, or, where an output has four axes and
more, a channel. At a bound is within a hundredth of the range between the bounds (tanh, sigmoid, hardtanh ...).
Names have the model's name before them, where one was given: ``weights/generator.fc1.weight``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

MOST_BINS: Final = 4096
SATURATED: Final = 0.01
"""So close to a bound, as part of the range between the bounds, is saturated."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a model is watched; see `Methods.watch` for the words."""

    every: int = 100
    gradients: bool = True
    parameters: bool = True
    activations: Any = False
    nan: str = "every"
    bins: int = 64
    name: str = ""
    ranks: str = "first"
    step: Callable[[], int] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.every, bool) or not isinstance(self.every, int) or self.every < 1:
            raise ValueError(f"every: want a whole number of steps >= 1, got {self.every!r}")
        if self.nan not in ("every", "sampled", ""):
            raise ValueError(f"nan: want 'every', 'sampled' or '', got {self.nan!r}")
        if not isinstance(self.bins, int) or not 1 <= self.bins <= MOST_BINS:
            raise ValueError(f"bins: want 1 to {MOST_BINS}, got {self.bins!r}")
        if self.ranks not in ("first", "all"):
            raise ValueError(f"ranks: want 'first' or 'all', got {self.ranks!r}")
        if self.step is not None and not callable(self.step):
            raise ValueError(f"step: want a function that returns a step, got {self.step!r}")

    def tag(self, group: str, part: str) -> str:
        """The tag of one parameter or layer in a group of the table above."""
        return f"{group}/{self.name}.{part}" if self.name else f"{group}/{part}"


def layer_of(parameter: str) -> str:
    """The layer that a parameter belongs to: its name without the last part."""
    return parameter.rpartition(".")[0] or parameter
