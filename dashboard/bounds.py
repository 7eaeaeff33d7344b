"""What of Dash stands open: an ASGI layer before it that turns away what the board never asks of it.

Dash reads a body of any length into memory, answers a target such as ``*`` with its page, knows no HEAD, and takes callbacks and their
websocket also where an app has none. Here a body ends at `MOST_BODY`, what is no path is 400, HEAD is answered like GET, and a board
without callbacks has no place for any: 404.
Protocols that a receiver brings have bounds of their own and do not come by here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .replies import Refused, json_reply

MOST_BODY: Final = 4 << 20
"""Bytes of a request's body. The longest that the board's own pages send names 10,000 runs by key."""
_CALLBACKS: Final = ("/_dash-update-component", "/_dash-ws-callback")


class Bounds:
    """See above. has_callbacks: whether the app has any, asked at each request for one."""

    def __init__(self, app: ASGIApp, *, base_path: str, has_callbacks: Callable[[], bool]) -> None:
        self.app = app
        self.base_path = base_path
        self.has_callbacks = has_callbacks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        answer = self.answer(scope)
        if scope["type"] == "websocket":
            if answer is None:
                await self.app(scope, receive, send)
                return
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "no such path"})
            return
        if answer is not None:
            await answer(scope, receive, send)
            return
        inner = scope["path"][len(self.base_path) :]
        if scope["method"] == "HEAD" and (inner == "/" or inner.startswith("/_")):
            scope = {**scope, "method": "GET"}  # Dash knows no HEAD; the server leaves the body out, by the method that it read
        await self._bounded(scope, receive, send)

    def answer(self, scope: Scope) -> Response | None:
        """What is replied without asking Dash."""
        path: str = scope["path"]
        if not path.startswith("/"):
            return Refused(400, f"{path!r:.80} is no path", "ask for one that begins with /").reply()
        inner = path[len(self.base_path) :]
        if inner in _CALLBACKS and not self.has_callbacks():
            return Refused(404, f"no such path: {path}", "this board has no callbacks; data is under /api").reply()
        if scope["type"] == "websocket":
            return None
        length = dict(scope["headers"]).get(b"content-length", b"0")
        return _too_long().reply() if length.isdigit() and int(length) > MOST_BODY else None

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, started = 0, False

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MOST_BODY:
                raise _too_long()  # data routes answer with it themselves
            return message

        async def sent(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, sent)
        except Refused as refusal:
            if not started:
                await refusal.reply()(scope, receive, send)


def _too_long() -> Refused:
    return Refused(413, f"the body is longer than {MOST_BODY} bytes", "send less at once")


async def no_such_file(request: object, error: Exception) -> Response:
    """Of a path below ``/_dash-component-suites`` that Dash does not know, for which it raises."""
    del request
    return json_reply({"error": f"no such file: {str(error).strip():.200}", "next": "the board's page is at its root"}, status=404)
