"""The body of a request of Visdom's protocol -> a message, within bounds.

Bodies are JSON whatever their content type says. Python's clients write NaN and Infinity as bare tokens, so those are taken, too.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, Final

import orjson

from .heads import image_size
from .parts import BadMessage

MOST_BYTES: Final = 256 << 20
"""Of one request. A video of a minute is about 30 MB."""
MOST_DEPTH: Final = 64
"""Lists and objects inside one another; a Plotly figure has about ten."""
MOST_PIXELS: Final = 100_000_000
"""Of one picture: a browser that shows it holds four bytes for each."""
_HEAD: Final = 1 << 16
_PICTURE: Final = re.compile(r"data:image/[a-z0-9.+-]{1,20};base64,")


def read_message(body: bytes) -> dict[str, Any]:
    """Return the message in `body`.

    Raises:
        BadMessage: no JSON object (400), nested too deep (400), text that cannot be stored (400), a picture of too many
            pixels (413).
    """
    try:
        message: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        message = _tolerantly(body)
    if not isinstance(message, dict):
        raise BadMessage(f"want a JSON object as body, got {type(message).__name__}")
    if body.count(b"[") + body.count(b"{") > MOST_DEPTH and is_deeper(message, MOST_DEPTH):
        raise BadMessage(f"JSON nested deeper than {MOST_DEPTH}; want a pane as Visdom's client sends it")
    _check_pictures(message)
    return message


def _tolerantly(body: bytes) -> Any:
    """With NaN, Infinity and whole numbers of any size."""
    try:
        message = json.loads(body)
        if b"\\u" in body:
            json.dumps(message, ensure_ascii=False).encode()
    except RecursionError:
        raise BadMessage(f"JSON nested deeper than {MOST_DEPTH}; want a pane as Visdom's client sends it") from None
    except UnicodeEncodeError:
        raise BadMessage("half of a surrogate pair in a text; want text that UTF-8 can hold") from None
    except ValueError as error:
        raise BadMessage(f"no JSON: {error}; want the body that Visdom's client sends") from None
    return message


def is_deeper(value: Any, limit: int) -> bool:
    """Whether lists and objects stand more than `limit` deep in `value`, without recursion."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) in (list, dict)  # JSON has no others
        ]
        if not level:
            return False
    return True


def _check_pictures(message: dict[str, Any]) -> None:
    data = message.get("data")
    for one in data if isinstance(data, list) else ():
        content = one.get("content") if isinstance(one, dict) else None
        source = content.get("src") if isinstance(content, dict) else None
        found = _PICTURE.match(source) if isinstance(source, str) else None
        if found is None or not isinstance(source, str):
            continue
        try:
            width, height = image_size(base64.b64decode(source[found.end() : found.end() + _HEAD]))
        except (binascii.Error, ValueError):
            continue
        if width * height > MOST_PIXELS:
            raise BadMessage(f"a picture of {width} x {height} pixels; at most {MOST_PIXELS:,} are taken", 413)
