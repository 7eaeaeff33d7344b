"""One board for every training run: `import crossboard as cb`.

    run = cb.init(project="mnist", config={"lr": 1e-3, "seed": 0})
    run.log({"train/loss": loss, "train/acc": accuracy}, step=step)

Logging: `init`, `Run`, and `log`, `alert`, `define_metric`, `finish` for the run that `init` began last. Reading back: `open`.
The board and everything else: the command `crossboard`.

Each name is loaded when it is first used: for training that means numpy, msgspec and google-crc32c and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossboard._version import __version__

if TYPE_CHECKING:
    from crossboard.loggers.session import Run, alert, define_metric, finish, init, log
    from crossboard.reading import open

__all__ = ["Run", "__version__", "alert", "define_metric", "finish", "init", "log", "open"]

_HOMES = {
    "Run": "crossboard.loggers.session",
    "alert": "crossboard.loggers.session",
    "define_metric": "crossboard.loggers.session",
    "finish": "crossboard.loggers.session",
    "init": "crossboard.loggers.session",
    "log": "crossboard.loggers.session",
    "open": "crossboard.reading",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module and keep it, so that later uses are plain attributes."""
    if name not in _HOMES:
        raise AttributeError(f"module 'crossboard' has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
