"""Panes of an environment, for the page: what stands in its list, and what one holds.

A pane's content is JSON that another program wrote, so nothing of it is taken on trust: its size and depth are bounded, addresses of
other places are removed from plots, and pictures are told by where to get them (`Picture`), with a type from a fixed list and a
bound on their pixels. Python's bare ``NaN`` and ``Infinity`` are read as null, which is how Plotly writes a gap.

A plot's traces that are series (`records.PaneTrace`) hold no numbers in the content: `pane_curves` has them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import math
import re
import struct
import warnings
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import orjson

from ..store.errors import Damaged
from ..store.kinds import Kind, SeriesInfo
from ..store.plotly_json import without_addresses
from ..store.records import Pane, encode_record
from ..store.source import Placed
from ..store.store import Store
from .media import digest_of, size_of
from .replies import Refused, number

MOST_BYTES: Final = 128 << 20
"""Bytes of a pane's content, as JSON."""
MOST_DEPTH: Final = 100
"""Lists and maps inside one another; a Plotly figure has about ten."""
MOST_PIXELS: Final = 100_000_000
"""Of one picture: a browser holds four bytes for each."""
MOST_OPTION: Final = 2048
"""Bytes of one of a pane's options; a longer one is named, not told."""
PICTURES: Final = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/jpg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/svg+xml": "svg",
}
"""Types of pictures that are shown -> their extension in `media.TYPES`."""

_DATA: Final = re.compile(r"\s*data:(image/[a-z0-9.+-]+)((?:;[^,;]*)*),", re.IGNORECASE)
_HEAD: Final = 1 << 17
_WITH_FRAMES: Final = ("image_history", "plot_history")


def version_of(pane: Pane) -> str:
    """16 hexadecimal digits that change whenever the pane, or what it shows, is another one."""
    return hashlib.sha256(encode_record(pane) + digest_of(pane.content).encode()).hexdigest()[:16]


def pane_json(one: Placed, series: dict[str, list[SeriesInfo]]) -> dict[str, Any]:
    """A line of the list: all that is known of a pane without reading its content. `series`: the run's, by tag."""
    pane = one.record
    assert isinstance(pane, Pane)
    options, left_out = _options(pane.options)
    kinds = (
        {info.kind.value: info.count for info in series.get(pane.tag, ()) if info.kind not in (Kind.SCALAR, Kind.CONFIG)}
        if pane.tag
        else {}
    )
    return {
        "window": pane.window,
        "type": pane.type,
        "title": pane.title,
        "order": pane.order,
        "width": pane.width,
        "height": pane.height,
        "place": pane.place,
        "tag": pane.tag,
        "kinds": kinds,
        "traces": [msgspec.to_builtins(trace) | {"attempt": trace.attempt, "x": trace.x} for trace in pane.traces],
        "options": options,
        "options_left_out": left_out,
        "wall_time": number(pane.wall_time) if math.isfinite(pane.wall_time) else None,
        "size": size_of(pane.content),
        "version": version_of(pane),
    }


def _options(options: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    told: dict[str, Any] = {}
    left_out: list[str] = []
    for name, value in options.items():
        try:
            small = len(orjson.dumps(value)) <= MOST_OPTION
        except TypeError:
            small = False
        if small:
            told[name] = value
        else:
            left_out.append(name)
    return told, left_out


# ------------------------------------------------------------------------------------------------------- the content


def content_of(store: Store, run: str, pane: Pane) -> Any:
    """The pane's content as plain values.

    Raises:
        Refused: it is larger than `MOST_BYTES`.
        Damaged: it is no JSON, or nested deeper than `MOST_DEPTH`.
    """
    name = f"pane {pane.title or pane.window!r}"
    if size_of(pane.content) > MOST_BYTES:
        raise Refused(413, f"{name} holds {size_of(pane.content)} bytes, at most {MOST_BYTES} are shown", "show less in one window")
    data = store.blob(run, pane.content)
    if len(data) > MOST_BYTES:
        raise Refused(413, f"{name} holds {len(data)} bytes, at most {MOST_BYTES} are shown", "show less in one window")
    try:
        content: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        try:
            content = json.loads(data, parse_constant=lambda _: None)  # NaN and Infinity, as Python's json writes them
        except RecursionError:
            raise Damaged(f"{name}: nested deeper than {MOST_DEPTH} in {_where(pane)}") from None
        except ValueError:
            raise Damaged(f"{name}: no JSON: {error} in {_where(pane)}") from None
    if _deeper_than(content, MOST_DEPTH):
        raise Damaged(f"{name}: nested deeper than {MOST_DEPTH} in {_where(pane)}")
    return content


def _where(pane: Pane) -> str:
    path = getattr(pane.content, "path", "")
    return str(path) if path else "its run's records"


def _deeper_than(value: Any, limit: int) -> bool:
    """Whether lists and maps stand more than `limit` deep in `value`; no recursion, so any depth can be asked."""
    level = [value] if isinstance(value, (list, dict)) else []
    for _ in range(limit):
        if not level:
            return False
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if type(inner) in (list, dict)  # JSON has no other containers
        ]
    return bool(level)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture inside a content. width and height in pixels, 0 where it does not say; `error`: why it is not shown, or ""."""

    caption: str = ""
    extension: str = ""
    width: int = 0
    height: int = 0
    error: str = ""


def frames_of(pane: Pane, content: Any) -> list[Any]:
    """The states that the pane holds, oldest first: several for a history, else the one."""
    if pane.type in _WITH_FRAMES and isinstance(content, list):
        return content
    return [content]


def shown_content(pane: Pane, content: Any) -> tuple[Any, list[Picture], list[str]]:
    """The content as the page shows it; its pictures, taken out of it; and where addresses of other places were."""
    taken_out: list[str] = []
    if pane.type in ("plot", "plot_history"):
        frames = []
        for frame in frames_of(pane, content):
            plain, removed = without_addresses(frame) if isinstance(frame, dict) else ({}, [])
            frames.append(plain)
            taken_out += removed
        return (frames if pane.type == "plot_history" else frames[0]), [], taken_out
    if pane.type in ("image", "image_history", "image_compare"):
        pictures = [picture_of(frame) for frame in frames_of(pane, content)]
        taken_out += [f"[{place}].src" for place, one in enumerate(pictures) if one.error.startswith("an address")]
        return None, pictures, taken_out
    return content, [], taken_out


class _TooLarge(Exception):
    """A picture that says it has more pixels than Pillow itself would open."""


def picture_of(frame: Any) -> Picture:
    """What is known of a picture from its head, without decoding it."""
    source = frame.get("src") if isinstance(frame, dict) else None
    caption = frame.get("caption") if isinstance(frame, dict) else None
    caption = caption if isinstance(caption, str) else ""
    if not isinstance(source, str) or not source:
        return Picture(caption, error="no picture")
    match = _DATA.match(source)
    if match is None:
        return Picture(caption, error=f"an address of another place, {source[:60]!r}, is not loaded")
    extension = PICTURES.get(match.group(1).lower(), "")
    if not extension:
        return Picture(caption, error=f"pictures of type {match.group(1)[:40]} are not shown")
    if extension == "svg":
        return Picture(caption, extension)
    for part in (source[match.end() : match.end() + _HEAD], source[match.end() :]):
        try:
            size = _size(_decoded(part, match.group(2)))
        except _TooLarge as error:
            return Picture(caption, extension, error=f"{error}, at most {MOST_PIXELS:,} are shown")
        except (ValueError, binascii.Error):
            continue
        if size is not None:
            width, height = size
            if width * height > MOST_PIXELS:
                return Picture(caption, extension, width, height, f"{width * height:,} pixels, at most {MOST_PIXELS:,} are shown")
            return Picture(caption, extension, width, height)
    return Picture(caption, extension, error="damaged: no picture could be read")


def picture_bytes(frame: Any) -> tuple[bytes, str]:
    """The bytes of a picture and its extension in `media.TYPES`.

    Raises:
        Refused: it is none that is shown; the words say why.
    """
    told = picture_of(frame)
    if told.error:
        raise Refused(404, f"picture: {told.error}", "/api/pane tells which pictures there are")
    match = _DATA.match(frame["src"])
    assert match is not None
    try:
        return _decoded(frame["src"][match.end() :], match.group(2)), told.extension
    except (ValueError, binascii.Error) as error:
        raise Refused(422, f"picture: {error}", "the rest of the environment can be read") from None


def _decoded(text: str, parameters: str) -> bytes:
    if "base64" in parameters.lower():
        plain = re.sub(r"\s+", "", text)
        return base64.b64decode(plain[: len(plain) // 4 * 4] if len(plain) >= _HEAD else plain + "=" * (-len(plain) % 4))
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(text)


def _size(data: bytes) -> tuple[int, int] | None:
    """(width, height) by the head of an encoded picture, None when it is none."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own bound is lower than ours
            with Image.open(io.BytesIO(data)) as image:
                return image.size
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        raise _TooLarge(f"{int(found.group(1)):,} pixels" if found else "too many pixels") from None
    except (OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, struct.error):  # what Pillow makes of damaged ones
        return None
