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

from dash.development.base_component import Component

from .parts import bar_and_body

FOLDER: Final = "kinds"


def layout() -> list[Component]:
    """The bar and the place of the tiles, both hidden until a page of a kind opens."""
    return bar_and_body(FOLDER, label="this page")
