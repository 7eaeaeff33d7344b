"""Requests and replies of Visdom's protocol: bodies within bounds, errors as text, nothing that a browser would run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from .messages import MOST_BYTES, read_message
from .parts import BadMessage

SMALL: Final = 64 << 10
"""Bytes of a message that is done at once; a larger one in a worker thread."""
POLICY: Final = {"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "no-store"}
Answering = Callable[[Request, dict[str, Any]], Awaitable[Response]]


def text_reply(text: str, status: int = 200) -> Response:
    """Text, as Visdom's client hands it to its caller."""
    return PlainTextResponse(text, status, headers=POLICY)


def json_reply(content: Any, status: int = 200) -> Response:
    """JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json", headers=POLICY)


def replying(endpoint: Answering) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that is given the message, and whose `BadMessage` is answered as text. ``request.state.size``: of the body."""

    async def reply(request: Request) -> Response:
        try:
            body = await body_of(request)
            message = read_message(body) if len(body) <= SMALL else await run_in_threadpool(read_message, body)
            request.state.size = len(body)
            return await endpoint(request, message)
        except BadMessage as error:
            return text_reply(str(error), error.status)
        except ClientDisconnect:
            return Response(status_code=400)

    return reply


async def body_of(request: Request) -> bytes:
    """The body, at most `MOST_BYTES` of it. Raises BadMessage."""
    too_large = BadMessage(f"a message of more than {MOST_BYTES >> 20} MiB; send less at once", 413)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MOST_BYTES:
        raise too_large
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise too_large
        parts.append(part)
    return b"".join(parts)


def guarded(work: Callable[..., Any], *arguments: Any) -> Any:
    """`work`, with a file that cannot be written told to the client."""
    try:
        return work(*arguments)
    except OSError as error:
        raise BadMessage(f"not kept: {error.strerror or error}; make room or rights and send it again", 507) from error


def cookie_of(headers: Headers, name: str) -> str:
    """The value of cookie `name`, or ''."""
    for part in "; ".join(headers.getlist("cookie")).split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
