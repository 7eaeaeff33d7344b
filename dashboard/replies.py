"""Replies of the board's own routes: JSON, and errors that say what to do next.

JSON has no NaN and no infinities. Where one can stand as data (a value, a minimum), it is the string ``"NaN"``,
``"Infinity"`` or ``"-Infinity"``; where it would only mean "not known" (a time), it is ``null``.
"""

from __future__ import annotations

import dataclasses
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
    """Encode `content`; dataclasses, NumPy arrays and keys that are no strings are taken. A text with bytes that are no UTF-8, as a
    file may have in its name, is told with their escapes."""
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    try:
        return orjson.dumps(content, default=_plain, option=options)
    except TypeError:
        return orjson.dumps(_printable(content), default=_plain, option=options)


def _printable(value: Any) -> Any:
    """`value` with every text in it printable."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_printable(key): _printable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_printable(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: _printable(getattr(value, one.name)) for one in dataclasses.fields(value)}
    return value


def json_reply(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON reply that no cache keeps."""
    return Response(
        to_json(content),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )
