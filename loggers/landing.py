"""Tensors that lie on a device come over later: what a logging call does at once, and what the helper thread does.

`landing_of` runs in the caller's thread and never waits for the device. It makes a copy that later changes of the tensor do not
reach; `Landing.land` waits for it and gives NumPy, in any thread. ``Tensor.item`` and ``Tensor.cpu`` in the caller's thread
would wait for everything queued before them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Landing:
    """A tensor on its way. ready: whether `land` would not wait."""

    ready: Callable[[], bool]
    land: Callable[[], NDArray[Any]]


def landing_of(tensor: Any) -> Landing:
    """Begin to bring a tensor over (by duck; a torch one detached and dense). Raises whatever its device raises."""
    if not hasattr(tensor, "clone"):  # TensorFlow and JAX: it never changes
        return Landing(lambda: True, lambda: np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor))
    copy = tensor.clone()

    def land() -> NDArray[Any]:
        if copy.numel() == 1 and not hasattr(copy, "cpu"):
            return np.asarray(copy.item())
        here = copy.cpu() if copy.device.type != "cpu" else copy
        try:
            array: NDArray[Any] = here.numpy()
        except TypeError:  # a dtype that NumPy does not have
            array = here.float().numpy()
        return array

    return Landing(lambda: True, land)
