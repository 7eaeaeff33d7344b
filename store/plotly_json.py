"""Plotly figures as plain values: what of a figure would make a browser, or a renderer, ask another machine; and its removal.

A figure is a dict with "data", "layout", "frames" and "config" (https://plotly.com/javascript/reference/). Nothing in it runs, but
pictures, map tiles, map styles, GeoJSON and links may name addresses. They are removed before a figure is kept, shown,
exported or rendered. Pictures inside the figure (``data:image/...``) stay; a map keeps its points on a white ground.

Not told by the figure itself, and so not removable here: the outlines of ``geo`` maps, which plotly.js fetches on its own.
"""

from __future__ import annotations

import re
from typing import Any, Final

ADDRESSED: Final = frozenset(
    (
        "accesstoken",
        "data",
        "geojson",
        "glyphs",
        "href",
        "mapboxAccessToken",
        "plotlyServerURL",
        "source",
        "sprite",
        "src",
        "tiles",
        "topojsonURL",
        "url",
    )
)
"""Attributes whose strings are fetched, sent to, or sent along; as attributes of traces, of maps and their styles, of the config."""
ARGUMENTS: Final = frozenset(("args", "args2"))
"""Of buttons and sliders: attributes to set when they are used."""
UNSEEN: Final = frozenset(("customdata", "meta"))
"""What is never drawn by itself: left alone."""
BLANK_MAP: Final = "white-bg"
_ADDRESS: Final = re.compile(r"[/:\\]")
_MAP: Final = re.compile(r"(map|mapbox)\d*")
_LINK: Final = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)
_FETCHED: Final = re.compile(r"url\s*\([^)]*\)?", re.IGNORECASE)


def without_addresses(figure: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A copy of `figure`, plain values throughout, without addresses; and where they were, such as "layout.images[0].source".

    Links in texts (``<a href=...>``) become their words; they are named too. Long lists of numbers are shared, not copied.
    """
    removed: list[str] = []
    plain: dict[str, Any] = _walk(figure, "", "", removed)
    layout = plain.get("layout")
    for trace in plain.get("data") or ():
        kind = str(trace.get("type", "")) if isinstance(trace, dict) else ""
        if kind.endswith(("map", "mapbox")) and kind != "heatmap":
            layout = plain["layout"] = layout if isinstance(layout, dict) else {}
            ground = layout.setdefault(str(trace.get("subplot") or ("mapbox" if kind.endswith("mapbox") else "map")), {})
            if isinstance(ground, dict):
                ground.setdefault("style", BLANK_MAP)  # without one, tiles would be fetched
    return plain, removed


def _walk(value: Any, path: str, key: str, removed: list[str]) -> Any:
    if isinstance(value, dict):
        return _walk_dict(value, path, key, removed)
    if isinstance(value, (list, tuple)):
        if not any(type(one) in (str, dict, list, tuple) for one in value):
            return value
        made: list[Any] = []
        for number, one in enumerate(value):
            where = f"{path}[{number}]"
            if isinstance(one, str) and (key in ADDRESSED or key in ARGUMENTS) and _is_address(one):
                removed.append(where)
                made.append(None)
            else:
                made.append(_walk(one, where, key, removed))
        return made
    return _text(value, path, removed) if isinstance(value, str) else value


def _walk_dict(value: dict[Any, Any], path: str, key: str, removed: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, one in value.items():
        name = str(name)
        where = f"{path}.{name}" if path else name
        *outer, last = [part for part in re.split(r"[.\[\]]+", name) if part and not part.isdigit()] or [name]
        holder = outer[-1] if outer else key
        if last in UNSEEN:
            made[name] = one
        elif isinstance(one, str) and last in ADDRESSED and (_is_address(one) or last.lower().endswith("accesstoken")):
            removed.append(where)
        elif isinstance(one, str) and last == "style" and _MAP.fullmatch(holder):
            made[name] = BLANK_MAP
            if one != BLANK_MAP:
                removed.append(where)
        else:
            made[name] = _walk(one, where, last, removed)
    return made


def _is_address(text: str) -> bool:
    return bool(_ADDRESS.search(text)) and not text.lstrip().lower().startswith("data:image/")


def _text(text: str, path: str, removed: list[str]) -> str:
    """A text as Plotly draws it: tags are markup in it."""
    if "<" not in text:
        return text
    plain = _FETCHED.sub("none", _LINK.sub("", text))
    if plain != text:
        removed.append(path)
    return plain
