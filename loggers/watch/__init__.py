"""Watching a model while it trains: what its weights, gradients and layers do, and where the first NaN came from.

Start reading at `plan`: what is looked at, and under which tags it is logged. `torch_part` and `keras_part` look; `findings` turns
what they saw into points, in the helper thread. `begin` and `end` are what ``run.watch`` and ``run.unwatch`` stand on.
"""

from __future__ import annotations

import contextlib
import sys
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ..numbers import describe
from .plan import Plan

if TYPE_CHECKING:
    from ..run import Run


class Watch(Protocol):
    """A watched model, as ``run.watch`` returns it."""

    hooks: int

    def close(self) -> None:
        """End watching."""
        ...


class NotWatching:
    """What ``run.watch`` returns where nothing is watched: a disabled run, another rank, no model."""

    hooks = 0
    callback = None

    def close(self) -> None:
        """Nothing to end."""

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """Around an update; nothing is done."""
        yield


def begin(run: Run, model: Any, plan: Plan) -> Any:
    """Watch `model` for `run`, in place of what watched it before. Raises TypeError when it is no model."""
    if run.disabled:
        return NotWatching()
    if is_keras(model):
        from .keras_part import KerasWatch as Kind
    elif hasattr(model, "named_parameters") and hasattr(model, "register_forward_hook"):
        from .torch_part import TorchWatch as Kind  # type: ignore[assignment]
    else:
        raise TypeError(f"want a torch module or a Keras model, got {describe(model)}")
    end(run, model)
    if plan.ranks == "first" and _rank(run) != 0:
        return NotWatching()
    from ..run import before_finish

    if end not in before_finish:
        before_finish.append(end)
    watch = Kind(run, model, plan)
    run._watches = [one for one in run._watches if one[0]() is not None] + [(weakref.ref(model), watch)]
    return watch


def end(run: Run, model: Any = None) -> None:
    """Watch `model`, or all models, no more."""
    kept = []
    for ref, watch in run._watches:
        if model is None or ref() is model:
            watch.close()
        elif ref() is not None:
            kept.append((ref, watch))
    run._watches = kept


def is_keras(model: Any) -> bool:
    """Whether `model` is a Keras model, on any backend (on torch's it is a torch module, too)."""
    return any(base.__module__.partition(".")[0] == "keras" for base in type(model).__mro__) and hasattr(model, "trainable_variables")


def _rank(run: Run) -> int:
    """The rank of this process, by the process group where there is one."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    return run.rank
