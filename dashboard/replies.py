"""Replies of the board's own routes: JSON, and errors that say what to do next.

JSON has no NaN and no infinities. Where one can stand as data (a value, a minimum), it is the string ``"NaN"``,
``"Infinity"`` or ``"-Infinity"``; where it would only mean "not known" (a time), it is ``null``.
"""

from __future__ import annotations

import math
from typing import Any

import orjson
from starlette.responses import Response


class Refused(Exception):
    """A request that is answered with an error.

    status  HTTP status code
    error   what came and what was wanted
    next    what the caller can do about it
    """

    def __init__(self, status: int, error: str, next_step: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.next_step = next_step

    def reply(self) -> Response:
        return json_reply({"error": self.error, "next": self.next_step}, status=self.status)


def number(value: float) -> float | str:
    """`value` as JSON can carry it: itself when finite, else its name."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _plain(value: Any) -> Any:
    """What orjson cannot carry by itself: sets as sorted lists, bytes by their length, anything else by its repr."""
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return repr(value)


def to_json(content: Any) -> bytes:
    """Encode `content`; dataclasses, NumPy arrays and keys that are no strings are taken."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    return orjson.dumps(content, default=_plain, option=options)


def json_reply(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply that no cache keeps."""
    return Response(
        to_json(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
