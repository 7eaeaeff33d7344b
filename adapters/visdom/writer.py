"""Environments that Visdom 0.2.4 and 0.3.0 load, written or posted.

    environment = EnvWriter("run-1")
    environment.add(panes.plot("loss", [panes.line(points)]))
    environment.write("DIR")                    # DIR/run-1.json
    environment.post(Server("http://localhost:8097"))

The file is written to a temporary name and renamed; one that is there is never replaced. Windows are named after their titles, in the
order in which they come.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from ...store.errors import CrossboardError
from .panes import Pane, table_of
from .points import strict_json
from .posting import Server

MOST_NAME: Final = 200
"""Bytes of a file's name; Visdom keeps longer ones under a hash."""
_UNSAFE: Final = frozenset('/\\:*?"<>|\0')


def safe_eid(name: str) -> str:
    """`name` as that of an environment: what both versions of Visdom keep as it is, and every file system."""
    made = "".join("_" if letter in _UNSAFE or ord(letter) < 32 else letter for letter in name).strip()
    made = made.lstrip(".") or "main"
    return made.encode("utf-8", "replace")[:MOST_NAME].decode("utf-8", "ignore")


class EnvWriter:
    """One environment. eid: its name, see `safe_eid`."""

    def __init__(self, eid: str) -> None:
        self.eid = eid
        self.panes: dict[str, Pane] = {}
        self.reload: dict[str, Any] = {}
        self.experiment: dict[str, Any] | None = None
        self.left_out: Counter[str] = Counter()

    def add(self, pane: Pane, *, window: str = "", place: Mapping[str, Any] | None = None) -> str:
        """Put `pane` behind the others. window: its id, else made from its title; place: where it stands; returns the window."""
        wanted = window or str(pane.get("title") or "window")
        name, number = wanted, 1
        while name in self.panes:
            number += 1
            name = f"{wanted} ({number})"
        self.panes[name] = {**pane, "id": name, "contentID": pane.get("contentID", name), "i": len(self.panes)}
        if place:
            self.reload[name] = dict(place)
        return name

    def config(
        self, config: Mapping[str, Any], *, status: str = "", tags: Mapping[str, str] | None = None, as_text: bool = True, **about: Any
    ) -> None:
        """Say what was trained with: as a text (unless `as_text` is False), and as the experiment of Visdom 0.3.0.

        about: its other fields: name, description, created_at, finished_at, metrics.
        """
        known: dict[str, Any] = {
            "env_id": self.eid,
            "name": self.eid,
            "description": "",
            "created_at": None,
            "finished_at": None,
            "metrics": [],
        }
        params = [{"key": key, "value": value, "dtype": _dtype(value)} for key, value in config.items()]
        shown = [{"key": key, "value": value} for key, value in (tags or {}).items()]
        self.experiment = {**known, "status": status or "running", "params": params, "tags": shown, **about}
        if config and as_text:
            rows = [(key, value if isinstance(value, str) else json.dumps(value, default=str)) for key, value in config.items()]
            self.add({**_text("config"), "content": table_of(("key", "value"), rows)}, window="config")

    def json(self) -> bytes:
        """The environment as Visdom saves it."""
        made: dict[str, Any] = {"jsons": self.panes, "reload": self.reload}
        if self.experiment is not None:
            made["experiment"] = self.experiment
        return strict_json(made)

    def write(self, directory: str) -> str:
        """Write ``<eid>.json`` into `directory`; return its path.

        Raises:
            CrossboardError: it is there already. OSError: it cannot be written.
        """
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, f"{self.eid}.json")
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(self.json())
            try:
                os.link(temporary, path)  # never over another
            except FileExistsError:
                raise CrossboardError(f"output: want a name that is not taken, got {path}; remove it, or name another directory") from None
            except OSError:  # a file system without links
                if os.path.exists(path):
                    raise CrossboardError(f"output: want a name that is not taken, got {path}") from None
                os.replace(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        return path

    def post(self, server: Server) -> None:
        """Post every pane to a running Visdom and have it saved there. Raises CrossboardError."""
        for window, pane in self.panes.items():
            left = server.show(self.eid, window, pane)
            if left:
                self.left_out[left[0]] += left[1]
        server.ask("save", {"data": [self.eid]})


def _text(title: str) -> Pane:
    return {"command": "window", "title": title, "inflate": True, "width": None, "height": None, "type": "text"}


def _dtype(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return {int: "int", float: "float"}.get(type(value), "str")
