"""Boards that are open on this machine, so that a second call on the same paths finds the first.

One file a board, ``board-<digest of host and paths>.json``, mode 0600, in the user's runtime directory (``XDG_RUNTIME_DIR``), else in
the cache directory (``CROSSBOARD_CACHE``, ``XDG_CACHE_HOME``, ``~/.cache``):

    {"host", "port", "base_path", "scheme", "board", "secret", "process", "paths"}

`secret` opens the board (see `safety`), so a file that another user owns or may read is not trusted. A file whose board is gone is
removed. The board is asked before it is believed: it must say the same `board` id.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import secrets
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec
import orjson

from ..store.process import ProcessIdentity, life_of


class OpenBoard(msgspec.Struct, frozen=True):
    """An open board, as its file says. `address` is where to connect; `host` is what the URL says."""

    address: str
    host: str
    port: int
    base_path: str
    board: str
    secret: str
    process: ProcessIdentity
    paths: list[str]

    def url(self, token: str) -> str:
        """The URL that opens it; with a one-time `token`, unless that is empty."""
        return f"http://{self.host}:{self.port}{self.base_path}/" + (f"?token={token}" if token else "")


def directories() -> list[Path]:
    """Where board files may lie, best first."""
    found = []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        found.append(Path(runtime) / "crossboard")
    own = os.environ.get("CROSSBOARD_CACHE")
    cache = os.environ.get("XDG_CACHE_HOME")
    found.append(Path(own) / "boards" if own else (Path(cache) if cache else Path.home() / ".cache") / "crossboard" / "boards")
    return found


def _name(paths: Sequence[str]) -> str:
    text = "\0".join((socket.gethostname(), *sorted(paths)))
    return f"board-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}.json"


def announce(board: OpenBoard) -> Path | None:
    """Write the file of `board`; None when there is no place for it."""
    for directory in directories():
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = directory / _name(board.paths)
            temporary = directory / f".{path.name}.{secrets.token_hex(4)}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(board))
            os.replace(temporary, path)
        except OSError:
            continue
        return path
    return None


def withdraw(path: Path | None, board: str) -> None:
    """Remove the file at `path` if it still speaks of `board`."""
    if path is not None:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            if msgspec.json.decode(path.read_bytes(), type=OpenBoard).board == board:
                path.unlink()


def trusted(path: Path) -> bytes | None:
    """What is in the file at `path`, or None when it is not there, belongs to another user, or others may read or write it."""
    try:
        facts = path.stat()
        if hasattr(os, "getuid") and (facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077):
            return None
        return path.read_bytes()
    except OSError:
        return None


def find(paths: Sequence[str]) -> tuple[OpenBoard, str] | None:
    """The open board on exactly these absolute `paths`, and a fresh one-time token for it ("" when it asks for no key)."""
    for directory in directories():
        path = directory / _name(paths)
        content = trusted(path)
        if content is None:
            continue
        try:
            board = msgspec.json.decode(content, type=OpenBoard)
        except msgspec.MsgspecError:
            continue
        token = _ask(board) if life_of(board.process) != "dead" else None
        if token is not None:
            return board, token
        if life_of(board.process) == "dead":
            with contextlib.suppress(OSError):
                path.unlink()
    return None


def _ask(board: OpenBoard) -> str | None:
    """A fresh token from `board`, or None when what answers there is not it."""
    connection = http.client.HTTPConnection(board.address, board.port, timeout=3)
    try:
        connection.request(
            "POST",
            f"{board.base_path}/api/open",
            headers={"Authorization": f"Bearer {board.secret}", "Host": f"{board.host}:{board.port}", "Content-Length": "0"},
        )
        reply = connection.getresponse()
        content = orjson.loads(reply.read(65536))
        if reply.status == 200 and content["board"] == board.board:
            return str(content["token"])
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
    finally:
        connection.close()
    return None
