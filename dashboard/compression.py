"""gzip for what is large, is text, and does not change: the scripts and styles of the page.

Each is compressed once and kept, so a board behind a slow tunnel opens in a third of the time and a local one loses nothing
that can be measured. Data routes are not compressed: float64 columns of measurements hardly shrink, and an event stream must not wait.
"""

from __future__ import annotations

import gzip
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST: Final = 2048
KEPT_BYTES: Final = 64 << 20
_PATHS: Final = ("/assets/", "/_dash-component-suites/")
_TYPES: Final = ("text/javascript", "application/javascript", "text/css", "image/svg+xml", "application/json")


class Compression:
    """ASGI layer. Replies are kept by path, query and ETag or length."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._kept: dict[tuple[str, bytes, str], bytes] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "GET"
            or not any(path in scope["path"] for path in _PATHS)
            or "gzip" not in Headers(scope=scope).get("accept-encoding", "")
            or "range" in Headers(scope=scope)
        ):
            await self.app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def collect(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                kind = headers.get("content-type", "").partition(";")[0]
                if message["status"] == 200 and kind in _TYPES and "content-encoding" not in headers:
                    start = message
                    return
            elif start is not None and message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await self._send_packed(scope, start, bytes(body), send)
                return
            await send(message)

        await self.app(scope, receive, collect)

    async def _send_packed(self, scope: Scope, start: Message, body: bytes, send: Send) -> None:
        headers = MutableHeaders(raw=start["headers"])
        headers.add_vary_header("Accept-Encoding")
        if len(body) >= SMALLEST:
            key = (scope["path"], scope["query_string"], headers.get("etag", str(len(body))))
            packed = self._kept.get(key)
            if packed is None:
                packed = await run_in_threadpool(gzip.compress, body, 5, mtime=0)
                if sum(map(len, self._kept.values())) + len(packed) > KEPT_BYTES:
                    self._kept.clear()
                self._kept[key] = packed
            body = packed
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
            if "etag" in headers and not headers["etag"].startswith("W/"):
                headers["ETag"] = f"W/{headers['etag']}" if headers["etag"].startswith('"') else f'W/"{headers["etag"]}"'
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": body})
