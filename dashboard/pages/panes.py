"""The page of panes: environments as Visdom laid them out. It opens from the top bar when a run has panes (``?page=panes``), and as
a tab of each run that has them (``?run=KEY&tab=panes``).

Like the run page it stands in the same document as the charts and is loaded when it is first opened, after the run page's own
scripts (`assets/run/`), whose frames, figures and players it uses.

Ids, all filled by the scripts in `assets/panes/`:

    panes-head   which environments, filter; its data-files names the scripts and styles of this page
    panes-body   the panes at their places, or why there are none
"""

from __future__ import annotations

from typing import Final

from dash.development.base_component import Component

from .parts import bar_and_body

FOLDER: Final = "panes"


def layout() -> list[Component]:
    """The bar and the place of the panes, both hidden until the page opens."""
    return bar_and_body(FOLDER, label="panes")
