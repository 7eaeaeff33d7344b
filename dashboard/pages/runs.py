"""The Runs page: every run in one table, with a column for each config key and for what each metric came to (``?page=runs``).

It stands in the same document as the charts and comes and goes around them. Its scripts and styles (`assets/runs/`) and AG Grid are
loaded when it is first opened, so that the charts page pays for none of it. AG Grid (community edition) lies inside the script of
dash-ag-grid, which is served as it is from the installed package; the package itself is not imported, since Dash would then
load it on every page.

Ids, all filled by the scripts in `assets/runs/`:

    runs-page      the whole page; its data-files names the scripts and styles
    runs-bar       how many runs, the query field, grouping, columns, export
    runs-note      what cannot be shown, in place of the table
    runs-grid      the table
    runs-foot      what is not shown, and how to see it
    runs-columns   the column panel
    runs-bulk      what can be done with the selected runs
    runs-dialog    asks before something is deleted, takes tags, lists the trash
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

import orjson
from dash import html
from dash.development.base_component import Component
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from .parts import hyphened, page_files

FOLDER: Final = "runs"
GRID: Final = "dash_ag_grid.min.js"
GRID_PATH: Final = f"/assets/grid/{GRID}"


def grid_script() -> Path | None:
    """The script of dash-ag-grid where it is installed; it is found without being imported."""
    found = importlib.util.find_spec("dash_ag_grid")
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    return next((path for folder in folders if (path := Path(folder) / GRID).is_file()), None)


def files() -> list[str]:
    """The page's scripts and styles (`page_files`), AG Grid first."""
    script = grid_script()
    return [*([f"{GRID_PATH[1:]}?m={script.stat().st_mtime}"] if script is not None else []), *page_files(FOLDER)]


def grid_route(base: str) -> Route:
    """Serves AG Grid's script below `base`, the board's base path."""

    def grid(_: Request) -> Response:
        script = grid_script()
        if script is None:
            return Response("dash-ag-grid is not installed", status_code=404, media_type="text/plain")
        return FileResponse(script, media_type="text/javascript")

    return Route(f"{base}{GRID_PATH}", grid, methods=["GET"])


def layout() -> Component:
    """The page, empty and hidden."""
    return html.Section(
        id="runs-page",
        className="runspage",
        hidden=True,
        children=[
            html.Div(id="runs-bar", className="bar", role="toolbar", **hyphened(aria_label="the table of runs")),
            html.Div(
                className="runswrap",
                children=[
                    html.Div(
                        [
                            html.Div(id="runs-note"),
                            html.Div(id="runs-grid", className="runsgrid"),
                            html.Div(id="runs-foot", className="runsfoot"),
                        ],
                        className="runsmain",
                    ),
                    html.Aside(id="runs-columns", className="runscols", hidden=True, **hyphened(aria_label="columns")),
                ],
            ),
            html.Div(id="runs-bulk", className="bulk", hidden=True, role="toolbar", **hyphened(aria_label="selected runs")),
            html.Dialog(id="runs-dialog", className="runsdialog", **hyphened(aria_labelledby="runs-dialog-title")),
        ],
        **hyphened(aria_label="runs", data_files=orjson.dumps(files()).decode()),
    )
