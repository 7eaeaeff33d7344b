"""The board over a root in this process, asked by its data routes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from crossboard.dashboard.app import create_app
from crossboard.store.embedded import EmbeddedStore
from crossboard.wiring import sources_for


@contextlib.contextmanager
def asking(root: Path) -> Iterator[TestClient]:
    """Inside, a client of a board that has read all of `root` and asks for no key."""
    store = EmbeddedStore(sources_for([str(root)]), memory=True)
    store.refresh()
    with TestClient(create_app(store, ask_for_key=False).server, base_url="http://localhost:8123") as client:
        yield client
    store.close()


def keys_of(client: TestClient) -> dict[str, str]:
    """Run id -> key."""
    return {run["id"]: run["key"] for run in client.get("/api/runs").json()["runs"]}


def get(client: TestClient, path: str, **params: Any) -> Any:
    """What a data route answers, as JSON."""
    answer = client.get(f"/api/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()
