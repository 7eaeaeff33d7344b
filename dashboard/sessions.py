"""Sessions that outlive their board: a browser that was let in is let in again when the board on the same paths and port is started anew.

One file a board, ``sessions-<digest>.json``, mode 0600, where `open_boards` keeps its own: ``{digest of a session: when it was opened}``.
Only digests are kept, and sessions are 256 random bits, so the file opens nothing. The digest in its name is of host, paths and port,
and of the secret where a person chose one: whoever changes CROSSBOARD_TOKEN shuts everybody out. A session is kept for 30 days, and at
most 100 of them. A file that another user owns or may read is not believed. Where no file can be written, sessions end with the board.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import socket
import time
from collections.abc import Sequence
from typing import Final

import msgspec

from .open_boards import directories, trusted

KEPT_S: Final = 30 * 24 * 3600.0
MOST: Final = 100


class Sessions:
    """The sessions of one board on its `paths` and `port`. secret: the board's, when a person chose it, else ""."""

    def __init__(self, paths: Sequence[str], port: int, *, secret: str = "") -> None:
        parts = (socket.gethostname(), str(port), hashlib.sha256(secret.encode()).hexdigest() if secret else "", *sorted(paths))
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:24]
        self.name = f"sessions-{digest}.json"

    def known(self) -> dict[bytes, float]:
        """Digest of each session that counts, and when it was opened, in seconds since the Unix epoch."""
        for directory in directories():
            content = trusted(directory / self.name)
            with contextlib.suppress(msgspec.MsgspecError, ValueError):
                kept = msgspec.json.decode(content, type=dict[str, float]) if content is not None else {}
                if kept:
                    now = time.time()
                    return {bytes.fromhex(digest): opened for digest, opened in kept.items() if 0 <= now - opened < KEPT_S}
        return {}

    def add(self, digest: bytes) -> None:
        """Keep one more."""
        kept = {**self.known(), digest: time.time()}
        newest = sorted(kept.items(), key=lambda one: one[1])[-MOST:]
        content = msgspec.json.encode({key.hex(): opened for key, opened in newest})
        for directory in directories():
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                temporary = directory / f".{self.name}.{secrets.token_hex(4)}"
                with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(content)
                os.replace(temporary, directory / self.name)
            except OSError:
                continue
            return
