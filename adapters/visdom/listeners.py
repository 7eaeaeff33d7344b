"""Programs and browsers that wait for what a board tells them: over a websocket, or by asking again and again.

Visdom calls programs *sources* (``/vis_socket``, ``/vis_socket_wrap``) and browsers *subs* (``/socket``, ``/socket_wrap``).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import Iterable
from typing import Any, Final

MOST_WAITING: Final = 10_000
"""Messages that are kept for one that does not take them; then the oldest are dropped."""
SILENT_S: Final = 15.0
"""A program that has not asked for so long has ended: as in Visdom."""


class Listener:
    """One of them. `messages` are JSON texts, oldest first."""

    def __init__(self, *, polls: bool) -> None:
        self.sid = uuid.uuid4().hex
        self.polls = polls
        self.eid = "main"
        self.messages: deque[str] = deque(maxlen=MOST_WAITING)
        self.asked = time.monotonic()
        self.came = asyncio.Event()

    def tell(self, message: Any) -> None:
        """Put `message` behind those that wait."""
        self.messages.append(message if isinstance(message, str) else json.dumps(message))
        self.came.set()

    def take(self) -> list[str]:
        """What waits; it waits no more."""
        self.asked = time.monotonic()
        taken = list(self.messages)
        self.messages.clear()
        self.came.clear()
        return taken


class Listeners:
    """All of one sort, by session id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Listener] = {}

    def add(self, *, polls: bool) -> Listener:
        """A new one."""
        made = Listener(polls=polls)
        self._by_id[made.sid] = made
        return made

    def remove(self, listener: Listener) -> None:
        """Forget it."""
        self._by_id.pop(listener.sid, None)

    def get(self, sid: Any) -> Listener | None:
        """The one of that session id."""
        self.drop_silent()
        return self._by_id.get(sid) if isinstance(sid, str) else None

    def drop_silent(self) -> None:
        """Forget those that ask no more."""
        now = time.monotonic()
        for one in [one for one in self._by_id.values() if one.polls and now - one.asked > SILENT_S]:
            self.remove(one)

    def tell(self, message: Any, only: Iterable[Listener] | None = None) -> None:
        """Tell all of them."""
        self.drop_silent()
        text = message if isinstance(message, str) else json.dumps(message)
        for one in list(self._by_id.values() if only is None else only):
            one.tell(text)

    def __iter__(self) -> Any:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)
