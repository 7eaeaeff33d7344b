"""The mirrors that a run may have, wired: names of `loggers.mirrors.makers` -> what an adapter writes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crossboard.loggers.mirrors import makers

if TYPE_CHECKING:
    from crossboard.adapters.tensorboard.writer import EventFileWriter


def event_files(directory: str | os.PathLike[str], *, suffix: str = "", purge_step: int | None = None) -> EventFileWriter:
    """A TensorBoard event file in `directory`; see `EventFileWriter`, which is loaded here and not before. Raises OSError."""
    from crossboard.adapters.tensorboard.writer import EventFileWriter

    return EventFileWriter(directory, suffix=suffix, purge_step=purge_step)


def wire() -> None:
    """Let runs know the mirrors."""
    makers["tensorboard"] = event_files
