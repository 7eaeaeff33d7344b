"""The run page: everything about one run. It opens from the run list, at a URL of its own (``?run=KEY``).

It stands in the same document as the charts: its header and its body come and go around them, so that a run's curves are the same
cards, and going back costs nothing. What it needs beyond the charts (`assets/run/`) is loaded when it is first opened.

Ids, all filled by the scripts in `assets/run/`:

    run-head    name, status, facts and tabs; its data-files names the scripts and styles of this page
    run-body    what the chosen tab shows; for the tab Charts it gives way to the cards
    run-steps   the step slider that moves every view of the tab
"""

from __future__ import annotations

from typing import Final

import orjson
from dash import html
from dash.development.base_component import Component

from .parts import hyphened, page_files

FOLDER: Final = "run"


def head() -> Component:
    """Who the run is, and the tabs."""
    return html.Section(
        id="run-head",
        className="runhead",
        hidden=True,
        **hyphened(aria_label="run", data_files=orjson.dumps(page_files(FOLDER)).decode()),
    )


def body() -> list[Component]:
    """What a tab shows, and the step slider below it."""
    return [
        html.Div(id="run-body", className="scroll runbody", hidden=True, tabIndex=-1),
        html.Div(id="run-steps", className="steps", hidden=True),
    ]
