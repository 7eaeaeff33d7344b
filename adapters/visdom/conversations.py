"""Websockets of Visdom's protocol, and their twins for those that ask again and again."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .listeners import Listener, Listeners
from .web import json_reply, replying


class Conversations:
    """Who listens. command: does what one of them says; names: the environments.

    sources are programs, subs browsers of Visdom's; layouts: the named views that the latter keep.
    """

    def __init__(self, command: Callable[[Listener, str | bytes], Awaitable[None]], names: Callable[[], list[str]]) -> None:
        self.sources = Listeners()
        self.subs = Listeners()
        self.layouts = ""
        self._command = command
        self._names = names

    def routes(self) -> list[BaseRoute]:
        """Both sorts, both ways."""
        return [
            WebSocketRoute("/vis_socket", self._source_socket),
            WebSocketRoute("/socket", self._sub_socket),
            Route("/vis_socket_wrap", replying(self._source_wrap), methods=["POST"]),
            Route("/socket_wrap", replying(self._sub_wrap), methods=["POST"]),
            Route("/socket_wrap", self._new_sub_wrap, methods=["GET"]),
        ]

    def tell_environments(self) -> None:
        """Tell browsers which there are."""
        if len(self.subs):
            self.subs.tell({"command": "env_update", "data": self._names()})

    def keep_layouts(self, layouts: Any) -> None:
        """Named views, as a browser gives them."""
        self.layouts = layouts if isinstance(layouts, str) else json.dumps(layouts)
        self.subs.tell({"command": "layout_update", "data": self.layouts})

    async def _source_socket(self, socket: WebSocket) -> None:
        await self._converse(socket, self.sources)

    async def _sub_socket(self, socket: WebSocket) -> None:
        await self._converse(socket, self.subs)

    async def _converse(self, socket: WebSocket, among: Listeners) -> None:
        """Tell the other end what comes, and do what it says, until one of both ends."""
        await socket.accept()
        listener = among.add(polls=False)
        self._greet(listener, among)

        async def talk() -> None:
            while True:
                await listener.came.wait()
                for text in listener.take():
                    await socket.send_text(text)

        talking = asyncio.ensure_future(talk())
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    break
                await self._command(listener, message.get("text") or message.get("bytes") or "")
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            among.remove(listener)
            talking.cancel()
            with contextlib.suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                await talking

    def _greet(self, listener: Listener, among: Listeners) -> None:
        if among is self.sources:
            listener.tell({"command": "alive", "data": "vis_alive"})
            return
        names = self._names()
        listener.tell({"command": "register", "data": listener.sid, "readonly": False, "envList": sorted(names)})
        listener.tell({"command": "layout_update", "data": self.layouts})
        listener.tell({"command": "env_update", "data": names})

    async def _source_wrap(self, request: Request, message: dict[str, Any]) -> Response:
        del request
        if message.get("sid") is None:
            listener = self.sources.add(polls=True)
            self._greet(listener, self.sources)
            return json_reply({"success": True, "sid": listener.sid})
        return await self._wrapped(self.sources, message)

    async def _sub_wrap(self, request: Request, message: dict[str, Any]) -> Response:
        del request
        return await self._wrapped(self.subs, message)

    async def _new_sub_wrap(self, request: Request) -> Response:
        del request
        listener = self.subs.add(polls=True)
        self._greet(listener, self.subs)
        return json_reply({"success": True, "sid": listener.sid})

    async def _wrapped(self, among: Listeners, message: Mapping[str, Any]) -> Response:
        listener = among.get(message.get("sid"))
        if listener is None:
            return json_reply({"success": False, "reason": "closed"})
        if message.get("message_type") == "query":
            return json_reply({"success": True, "messages": listener.take()})
        if message.get("message_type") != "send":
            return json_reply({"success": False, "reason": "invalid"})
        said = message.get("message")
        if said is None:
            return json_reply({"success": False, "reason": "no msg"})
        await self._command(listener, said if isinstance(said, str) else json.dumps(said))
        return json_reply({"success": True})
