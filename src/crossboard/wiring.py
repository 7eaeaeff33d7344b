"""Wiring: which reader opens a path. The board, the command line and `cb.open` all ask here."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.adapters.tensorboard.reading.storage import is_url
from crossboard.adapters.visdom.source import VisdomSource
from crossboard.paths import absolute
from crossboard.store.native import NativeSource
from crossboard.store.source import Source


def sources_for(paths: Iterable[str | os.PathLike[str]], *, subruns: bool = False, names: Mapping[str, str] | None = None) -> list[Source]:
    """The sources of each of `paths`, one for each format; each path once. A path that is not there yet is watched until it is.

    subruns: show the sub-runs that torch's add_scalars and add_hparams make as runs of their own, as TensorBoard does.
    names: path -> what the names of TensorBoard's runs in it begin with, as ``--logdir_spec`` gives it.
    """
    made: list[Source] = []
    for path in dict.fromkeys(absolute(path) for path in paths):
        if not is_url(path):
            made.append(NativeSource(path))
            made.append(VisdomSource(path))
        made.append(TensorBoardSource(path, subruns=subruns, name=(names or {}).get(path, "")))
    return made
