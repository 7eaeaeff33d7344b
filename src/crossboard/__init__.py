"""One board for every training run: `import crossboard as cb`.

    run = cb.init(project="mnist", config={"lr": 1e-3, "seed": 0})
    run.log({"train/loss": loss, "train/acc": accuracy}, step=step)

Logging: `init`, `Run`, and `log`, `alert`, `define_metric`, `finish` for the run that `init` began last; `capture` for programs
that log with SummaryWriter, `tf.summary` or Visdom, `tensorflow.writer` for `tf.summary` alone. Reading back: `open`.
The board and everything else: the command `crossboard`.

Each name is loaded when it is first used: for training that means numpy, msgspec and google-crc32c and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossboard._version import __version__
from crossboard.mirroring import wire as _wire

if TYPE_CHECKING:
    from crossboard.loggers import tensorflow
    from crossboard.loggers.capture import capture
    from crossboard.loggers.media.classification import ConfusionMatrix, PRCurve
    from crossboard.loggers.media.embeddings import Embedding
    from crossboard.loggers.media.figures import Figure
    from crossboard.loggers.media.graph import Graph
    from crossboard.loggers.media.histograms import Histogram
    from crossboard.loggers.media.images import Image, Images
    from crossboard.loggers.media.meshes import Mesh, PointCloud
    from crossboard.loggers.media.sounds import Audio
    from crossboard.loggers.media.tables import Table
    from crossboard.loggers.media.tensors import Tensor
    from crossboard.loggers.media.texts import Text
    from crossboard.loggers.media.videos import Video
    from crossboard.loggers.session import Run, alert, define_metric, finish, init, log
    from crossboard.reading import open

__all__ = [
    "Audio",
    "ConfusionMatrix",
    "Embedding",
    "Figure",
    "Graph",
    "Histogram",
    "Image",
    "Images",
    "Mesh",
    "PRCurve",
    "PointCloud",
    "Run",
    "Table",
    "Tensor",
    "Text",
    "Video",
    "__version__",
    "alert",
    "capture",
    "define_metric",
    "finish",
    "init",
    "log",
    "open",
    "tensorflow",
]

_HOMES = {
    "Audio": "crossboard.loggers.media.sounds",
    "ConfusionMatrix": "crossboard.loggers.media.classification",
    "Embedding": "crossboard.loggers.media.embeddings",
    "Figure": "crossboard.loggers.media.figures",
    "Graph": "crossboard.loggers.media.graph",
    "Histogram": "crossboard.loggers.media.histograms",
    "Image": "crossboard.loggers.media.images",
    "Images": "crossboard.loggers.media.images",
    "Mesh": "crossboard.loggers.media.meshes",
    "PRCurve": "crossboard.loggers.media.classification",
    "PointCloud": "crossboard.loggers.media.meshes",
    "Table": "crossboard.loggers.media.tables",
    "Tensor": "crossboard.loggers.media.tensors",
    "Text": "crossboard.loggers.media.texts",
    "Video": "crossboard.loggers.media.videos",
    "Run": "crossboard.loggers.session",
    "alert": "crossboard.loggers.session",
    "capture": "crossboard.loggers.capture",
    "define_metric": "crossboard.loggers.session",
    "finish": "crossboard.loggers.session",
    "init": "crossboard.loggers.session",
    "log": "crossboard.loggers.session",
    "open": "crossboard.reading",
    "tensorflow": "crossboard.loggers.tensorflow",
}
_MODULES = {"tensorflow"}
"""Names that are modules themselves."""

_wire()


def __getattr__(name: str) -> Any:
    """Load a public name from its module and keep it, so that later uses are plain attributes."""
    if name not in _HOMES:
        raise AttributeError(f"module 'crossboard' has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    module = import_module(_HOMES[name])
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
