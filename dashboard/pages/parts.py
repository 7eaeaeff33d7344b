"""Small parts that several pages lay out: icons, icon buttons, and attributes whose names hold a hyphen."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component


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
