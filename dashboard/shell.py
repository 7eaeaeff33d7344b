"""The shell of every page: index document, theme, top bar, banners, and the place where a page goes.

Dash owns this skeleton; it is laid out once and no callback rewrites it. The scripts in `assets/` fill the elements that are
empty here (by id, listed below) from the data routes, so no series ever passes through a callback. What can be chosen on the
board lives in the URL (see `assets/16-state.js`), which makes every view a link.

Ids that the scripts fill or listen to:

    project-choice   the project's name, or a choice between several
    live             "Live · 4 running", "Not live"
    copy-link, theme-switch, show-keys   buttons of the top bar
    banner           amber strip under the top bar: connection lost, reading
    nav-charts, nav-runs, nav-panes, nav-run   the pages' names; panes only where a run has some, run only while a run page is open
    nav-kinds        the pages of kinds that some run has something for, and a menu of those that do not fit
    page             where the pages' own layouts stand (`pages/charts.py`, `kinds.py`, `run.py`, `runs.py`, `panes.py`)
    keys             dialog that lists the keys
    said             polite live region for screen readers
"""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from ..store.store import Store
from .pages import charts, kinds, panes, run, runs
from .pages.parts import hyphened, icon, icon_button

INDEX = """<!DOCTYPE html>
<html lang="en">
  <head>
    {%metas%}
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>{%title%}</title>
    {%favicon%}
    {%css%}
  </head>
  <body>
    {%app_entry%}
    <footer>
      {%config%}
      {%scripts%}
      {%renderer%}
    </footer>
  </body>
</html>
"""

FONT = 'Inter, "SF Pro Text", -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif'


def top_bar() -> Component:
    """Brand, project, pages, the state of the live connection, and what concerns the whole board."""
    return html.Header(
        className="top",
        children=[
            html.Div([icon("brand"), html.Span("crossboard")], className="brand"),
            html.Span("/", className="slash", **hyphened(aria_hidden="true")),
            html.Div(id="project-choice", className="proj"),
            html.Nav(
                [
                    html.A("Charts", href="?", id="nav-charts", className="here", **hyphened(aria_current="page")),
                    html.A("Runs", href="?page=runs", id="nav-runs"),
                    html.A("Panes", href="?page=panes", id="nav-panes", hidden=True),
                    html.Span(id="nav-kinds", className="kindlinks"),
                    html.A("Run", href="", id="nav-run", hidden=True),
                ],
                className="nav",
                **hyphened(aria_label="pages"),
            ),
            html.Div(
                className="end",
                children=[
                    html.Span(id="live", className="live"),
                    icon_button("copy-link", "link", "Copy a link to this view"),
                    icon_button("theme-switch", "moon", "Theme"),
                    icon_button("show-keys", "keys", "Keys", class_name="wide-only"),
                ],
            ),
        ],
    )


def layout(store: Store, *, title: str) -> Component:
    """Return the whole page. `store` is asked only whether it holds runs, so that an empty board starts as the empty state;
    `title` names the board in the document's outline."""
    page: Component = dmc.MantineProvider(
        id="theme",
        defaultColorScheme="auto",
        theme={"fontFamily": FONT, "primaryColor": "dark", "defaultRadius": 5, "cursorType": "pointer"},
        children=[
            html.Div(
                id="app",
                className="app loading" if store.runs() else "app loading norail",
                children=[
                    top_bar(),
                    *charts.layout(title, above=run.head(), below=[*kinds.layout(), *run.body(), *panes.layout(), runs.layout()]),
                ],
            ),
            html.Dialog(id="keys", className="keys", **hyphened(aria_labelledby="keys-title")),
            html.Div(id="said", className="unseen", role="status", **hyphened(aria_live="polite")),
        ],
    )
    return page
