"""Environments that a Visdom server saved and that lie among the board's paths: a program that goes on with one finds its windows.

The files are read and never written. What is taken over from one is a copy, in a run of our own.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from .finding import ENVIRONMENT, Folder
from .jsonspans import NotJson, decode_bounded
from .messages import MOST_BYTES

LOOK_S: Final = 1.0
"""How long what was found stays good."""
log: Final = logging.getLogger("crossboard.visdom")


class Saved:
    """The environments at `paths`, files or directories as a server keeps them (``~/.visdom``): what lies deeper is not looked at.

    Where two have one name, that of the first path counts.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        self._files_known: dict[str, Folder] = {}
        self._found: dict[str, str] = {}
        self._looked = float("-inf")

    def names(self) -> list[str]:
        """Which there are."""
        return list(self._files())

    def _files(self) -> dict[str, str]:
        now = time.monotonic()
        if now - self._looked > LOOK_S:
            found: dict[str, str] = {}
            known: dict[str, Folder] = {}
            for path in (one for given in self._paths for one in _candidates(given)):
                known[path] = self._files_known.get(path) or Folder(path)
                for file in known[path].files():
                    if file.kind == ENVIRONMENT:
                        found.setdefault(file.name, file.path)
            self._found, self._files_known, self._looked = found, known, now
        return self._found

    def read(self, eid: str) -> dict[str, Any]:
        """What Visdom saved of the environment: ``{"jsons", "reload"}``; empty where it cannot be read, which is logged."""
        path = self._files().get(eid)
        if path is None:
            return {}
        try:
            if Path(path).stat().st_size > MOST_BYTES:
                log.warning("%s: more than %d MiB; programs begin the environment anew", path, MOST_BYTES >> 20)
                return {}
            made = decode_bounded(Path(path).read_bytes())
        except (OSError, NotJson) as error:
            log.warning("%s: %s; programs begin the environment anew", path, error)
            return {}
        jsons = made.get("jsons") if isinstance(made, dict) else None
        if not isinstance(jsons, dict):
            return {}
        panes = {window: pane for window, pane in jsons.items() if isinstance(pane, dict)}
        return {"jsons": panes, "reload": made.get("reload") if isinstance(made.get("reload"), dict) else {}}


def _candidates(path: str) -> list[str]:
    """The JSON files at `path`."""
    if os.path.isfile(path):
        return [path]
    try:
        with os.scandir(path) as entries:
            return sorted(entry.path for entry in entries if entry.name.endswith(".json") and entry.is_file())
    except OSError:
        return []
