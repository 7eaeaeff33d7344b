"""Deleting runs on the board, and undoing it. Only native runs go; each is moved into the trash of its root (`store/trash.py`).

A request names runs by key. With ``dry_run`` it only tells what would go and where, or why a run cannot. What lies in a trash is
named by its id; a path never comes from a request.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any, Final

from ..store.errors import Damaged, NotFound
from ..store.kinds import RunInfo
from ..store.store import Store
from ..store.trash import CannotDelete, Deleted, delete, deleted_runs, remove_old, restore, root_of, size_of, why_not
from .edits import user_name
from .replies import Refused

MOST: Final = 10_000
"""Runs in one request."""


class Deletions:
    """Deletes and restores runs of one store. What has lain in a trash for 30 days is removed when the board looks there."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()

    def _roots(self) -> list[str]:
        return sorted({source.path for source in self.store.sources() if source.format == "native"})

    def _trash_roots(self) -> list[str]:
        """Directories whose trash can hold a run of this store: the sources, and of each the directory it lies in, since a source
        may be a single run."""
        roots = self._roots()
        return sorted({*roots, *map(os.path.dirname, roots)})

    def listed(self) -> list[dict[str, Any]]:
        """What can be restored, the newest first."""
        found: list[Deleted] = []
        for root in self._trash_roots():
            with self._lock:
                remove_old(root, now=time.time())
            found += deleted_runs(root)
        return [_told(one) for one in sorted(found, key=lambda one: -one.file.deleted)]

    def delete(self, body: Any) -> dict[str, Any]:
        """Answer ``POST /api/delete``. Raises Refused on a request of another shape."""
        keys = _texts_of(body, "runs", {"runs", "dry_run"})
        dry = body.get("dry_run", False)
        if not isinstance(dry, bool):
            raise Refused(400, f"delete: dry_run: want true or false, got {dry!r:.40}", "correct the value and send it again")
        deleted: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        roots = self._roots()
        with self._lock:
            for key in keys:
                name = key
                try:
                    run = self.store.run(key)
                    name = run.name
                    deleted.append(self._plan(run, roots) if dry else self._delete(run, roots))
                except NotFound as error:
                    refused.append({"run": key, "name": name, "error": str(error), "next": "it may have been deleted meanwhile"})
                except Refused as error:
                    refused.append({"run": key, "name": name, "error": error.error, "next": error.next_step})
        return {"dry_run": dry, "deleted": deleted, "refused": refused}

    def _check(self, run: RunInfo) -> None:
        if run.source != "native":
            raise Refused(
                409,
                f"it lies in a {run.source} source, which crossboard never changes",
                "archive or hide it here, or delete its files with the tool that wrote them",
            )
        if run.status == "running":
            raise Refused(409, "it is running", "end the program first")

    def _plan(self, run: RunInfo, roots: list[str]) -> dict[str, Any]:
        self._check(run)
        reason = why_not(run.path, now=time.time())
        if reason:
            raise Refused(409, reason, "nothing was changed")
        files, size = size_of(run.path)
        return {"run": run.key, "name": run.name, "path": run.path, "files": files, "bytes": size, "trash": root_of(run.path, roots)}

    def _delete(self, run: RunInfo, roots: list[str]) -> dict[str, Any]:
        self._check(run)
        try:
            one = delete(run.path, key=run.key, name=run.name, root=root_of(run.path, roots), user=user_name())
        except CannotDelete as error:
            raise Refused(409, str(error), "nothing was changed") from error
        return _told(one)

    def restore(self, body: Any) -> dict[str, Any]:
        """Answer ``POST /api/restore``. Raises Refused on a request of another shape."""
        ids = _texts_of(body, "ids", {"ids"})
        restored: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        with self._lock:
            places = {one.id: one.root for root in self._trash_roots() for one in deleted_runs(root)}
            for identity in ids:
                try:
                    if identity not in places:
                        raise NotFound(f"no deleted run {identity!r:.60} in the trash of these roots; it was restored or removed")
                    restored.append(_told(restore(identity, root=places[identity])))
                except (CannotDelete, NotFound, Damaged) as error:
                    refused.append({"id": identity, "error": str(error), "next": "/api/trash lists what can be restored"})
        return {"restored": restored, "refused": refused}


def _texts_of(body: Any, name: str, known: set[str]) -> list[str]:
    """The texts in `name` of a request that has no other fields than `known`, each once."""
    values = body.get(name) if isinstance(body, dict) else None
    if not isinstance(values, list) or not values or len(values) > MOST or not all(isinstance(value, str) for value in values):
        raise Refused(400, f"want a JSON object with 1 to {MOST} texts in `{name}`", f'send {{"{name}": [..]}}')
    unknown = sorted(set(body) - known)
    if unknown:
        raise Refused(400, f"unknown fields {', '.join(map(str, unknown))}", f"it takes {', '.join(sorted(known))}")
    return list(dict.fromkeys(values))


def _told(one: Deleted) -> dict[str, Any]:
    file = one.file
    return {
        "id": one.id,
        "run": file.key,
        "name": file.name,
        "path": file.path,
        "deleted": file.deleted,
        "bytes": file.size,
        "trash": one.place,
    }
