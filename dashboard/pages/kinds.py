"""The pages of kinds: images, sounds, texts and so on of all shown runs beside each other (``?page=images``, ``?page=text``, ...).

They stand in the same document as the charts and share its rail, which says whose things are shown. Which pages there are, and of
which kinds, is told by `assets/15-kind-pages.js`. Their scripts (`assets/kinds/`) are loaded when one is first opened, after the run
page's own (`assets/run/`), whose panels, views and step slider they use.

Ids, all filled by the scripts in `assets/kinds/`:

    kinds-head   the bar: filter, what the page can do with its kind; its data-files names the scripts and styles
    kinds-body   a section a tag, and in it a tile for each run
"""

from __future__ import annotations

from typing import Final

import orjson
from dash import html
from dash.development.base_component import Component

from .parts import hyphened, page_files

FOLDER: Final = "kinds"


def layout() -> list[Component]:
    """The bar and the place of the tiles, both hidden until a page of a kind opens."""
    return [
        html.Section(
            id="kinds-head",
            className="bar",
            hidden=True,
            **hyphened(aria_label="this page", data_files=orjson.dumps(page_files(FOLDER)).decode()),
        ),
        html.Div(id="kinds-body", className="scroll kindsbody", hidden=True, tabIndex=-1),
    ]
