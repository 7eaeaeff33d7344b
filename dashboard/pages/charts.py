"""The charts page: which runs there are at the left, one card a tag at the right, grouped by the tag's prefix.

It shows scalar series only. The rail is the legend: a row shows or hides its run, "only" isolates it, pointing at it lifts its
curves on every card. The page bar changes all charts (tag filter, x axis, smoothing, groups with their statistic and band); a
card's own actions and its menu change one (log axes, y range, x axis, smoothing, older attempts, zoom, place, what it is joined with).

Ids, all filled by the scripts in `assets/`:

    rail, run-find, rail-options, run-list, rail-foot       the run rail
    rail-sources, rail-legend                               which sources are open; what colour and dash mean
    open-runs                                               opens the rail where it is a sheet (narrow screens)
    tag-filter, tag-regex, x-axis, lines, bands, open-aliases, bar-note  the page bar
    banner, problems                                        connection lost; damaged files and dropped points
    scroll, sections, empty                                 the cards; what is said when there are none
"""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from .parts import hyphened, icon

X_AXES = ({"value": "step", "label": "Step"}, {"value": "relative", "label": "Relative"}, {"value": "wall", "label": "Wall"})


def _field(id_: str, *, words: str, key: str | None = None) -> Component:
    """A search field named `words`, with the key that jumps to it."""
    field: Component = dmc.TextInput(
        id=id_,
        placeholder=words,
        size="xs",
        className="field",
        leftSection=icon("search"),
        rightSection=html.Kbd(key, **hyphened(aria_hidden="true")) if key else None,
        leftSectionWidth=26,
        rightSectionWidth=26 if key else 0,
        autoComplete="off",
        spellCheck=False,
        **hyphened(aria_label=words),
    )
    return field


def rail() -> Component:
    """The runs: a field to filter them, how many are shown, the list itself, and where they come from."""
    return html.Aside(
        id="rail",
        className="rail",
        children=[
            html.Div(id="run-find", className="find"),
            html.Div(id="rail-sources", className="chips", role="group", **hyphened(aria_label="sources")),
            html.Div(id="rail-options", className="opts"),
            html.Div(id="rail-legend", className="legendbox"),
            html.Div(id="run-list", className="rl"),
            html.Div(id="rail-foot", className="rfoot"),
        ],
        **hyphened(aria_label="runs"),
    )


def page_bar() -> Component:
    """What changes every chart at once."""
    return html.Div(
        className="bar",
        role="toolbar",
        children=[
            html.Button(
                [
                    icon("filter"),
                    html.Span("Runs", id="open-runs-words"),
                ],
                id="open-runs",
                className="btn narrow-only",
                type="button",
                **hyphened(aria_expanded="false", aria_controls="rail"),
            ),
            _field("tag-filter", words="Filter tags", key="/"),
            html.Button(
                ".*",
                id="tag-regex",
                className="btn",
                type="button",
                title="What is written is a regular expression; so is /…/ without this",
                **hyphened(aria_pressed="false", aria_label="Regular expression"),
            ),
            html.Span(id="bar-note", className="dim"),
            html.Span(className="sep"),
            dmc.SegmentedControl(
                id="x-axis",
                data=list(X_AXES),
                value="step",
                size="xs",
                className="seg",
                withItemsBorders=False,
                transitionDuration=0,
                **hyphened(aria_label="x axis"),
            ),
            html.Div(id="lines", className="bands", role="group", **hyphened(aria_label="lines of all charts")),
            html.Div(id="bands", className="bands", role="group", **hyphened(aria_label="groups of runs")),
            html.Button("Joined: where sure", id="open-aliases", className="lk", type="button", title="Tags that are one metric"),
            html.Span(className="grow"),
        ],
        **hyphened(aria_label="all charts"),
    )


def layout(title: str, *, above: Component, below: list[Component]) -> list[Component]:
    """Return the rail and the main part; `title` stands in the heading that only screen readers meet. `above` stands over the page bar
    and `below` under the cards: the parts of the run page and of the page of panes."""
    return [
        rail(),
        html.Main(
            id="page",
            className="main",
            children=[
                html.H1(f"Charts, {title}", className="unseen"),
                above,
                page_bar(),
                html.Div(id="banner", role="status"),
                html.Div(
                    id="scroll",
                    className="scroll",
                    tabIndex=-1,
                    children=[
                        html.Div(id="problems"),
                        html.Div(id="sections", className="secs"),
                        html.Div(id="empty"),
                    ],
                ),
                *below,
            ],
        ),
    ]
