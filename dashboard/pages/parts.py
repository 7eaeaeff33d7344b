"""Small parts that several pages share: icons, icon buttons, attributes whose names hold a hyphen, and which files a page loads."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import orjson
from dash import html
from dash.development.base_component import Component

ASSETS: Final = Path(__file__).resolve().parents[1] / "assets"


def page_files(folder: str) -> list[str]:
    """A page's own scripts and styles, in the order of their names, as paths below the board's root. The time of the last change
    is in them, so that a browser may keep each for ever."""
    found = sorted(file for file in (ASSETS / folder).iterdir() if file.suffix in (".js", ".css"))
    return [f"assets/{folder}/{file.name}?m={file.stat().st_mtime}" for file in found]


def bar_and_body(folder: str, *, label: str) -> list[Component]:
    """The bar (id FOLDER-head) and the place below it (FOLDER-body) of a page whose scripts lie in `folder`, both hidden until it opens;
    the bar's data-files names the scripts and styles, and `label` is what it is called."""
    files = orjson.dumps(page_files(folder)).decode()
    return [
        html.Section(id=f"{folder}-head", className="bar", hidden=True, **hyphened(aria_label=label, data_files=files)),
        html.Div(id=f"{folder}-body", className=f"scroll {folder}body", hidden=True, tabIndex=-1),
    ]


def hyphened(**attributes: str) -> dict[str, Any]:
    """Return HTML attributes with "-" for "_", to be passed on with `**`: hyphened(aria_label="runs")."""
    return {name.replace("_", "-"): value for name, value in attributes.items()}


def icon(name: str) -> Component:
    """A place for the icon `name` of `assets/10-core.js`; hidden from screen readers, its button carries the words."""
    return html.Span(className="icon", **hyphened(data_icon=name, aria_hidden="true"))


def icon_button(id_: str, icon_name: str, label: str, *, class_name: str = "") -> Component:
    """A button that shows only an icon; `label` is its name and its tooltip."""
    return html.Button(
        icon(icon_name), id=id_, title=label, className=f"ib {class_name}".strip(), type="button", **hyphened(aria_label=label)
    )
