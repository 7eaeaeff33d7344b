"""Figures: Plotly's keep every number, matplotlib's keep their looks, and neither makes the board ask another machine."""

from __future__ import annotations

import base64
import datetime
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import crossboard as cb
from crossboard.store.kinds import Kind
from crossboard.store.plotly_json import without_addresses

Kept = import_module("reading_back").Kept


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return Kept(tmp_path / "runs")


LINE = {"type": "scatter", "y": [1, 2.5]}


def figure(kept: Any) -> Any:
    """The only figure as a browser gets it."""
    record = kept.one(Kind.FIGURE)
    assert (record.blob.media_type, record.picture) == ("application/json", None)
    return json.loads(kept.bytes(record.blob))


def numbers(spec: Any) -> NDArray[Any]:
    """A typed array, as plotly.js reads it."""
    array = np.frombuffer(base64.b64decode(spec["bdata"]), "<" + spec["dtype"])
    return array.reshape([int(size) for size in spec["shape"].split(",")]) if "shape" in spec else array


# ---------------------------------------------------------------------------------------------------------- Plotly


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"data": [LINE], "layout": {"title": {"text": "loss"}}}, {"data": [LINE], "layout": {"title": {"text": "loss"}}}),
        ({"data": [LINE], "frames": [{"data": [LINE]}], "config": {"scrollZoom": True}, "other": 1}, None),
        ([LINE], {"data": [LINE]}),
        ({"data": LINE}, {"data": [LINE]}),
        ({"data": (LINE,)}, {"data": [LINE]}),
        (json.dumps({"data": [LINE], "layout": {}}), {"data": [LINE], "layout": {}}),
        ({"data": []}, {"data": []}),
    ],
)
def test_every_form_of_a_plain_figure_is_taken(kept: Any, given: Any, want: Any) -> None:
    kept.log(cb.Figure(given))
    assert figure(kept) == (want or {key: given[key] for key in ("data", "frames", "config")})


def test_a_figure_of_plotly_comes_back_number_by_number(kept: Any) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    random = np.random.default_rng(0)
    x, z = np.arange(100), random.normal(size=(30, 20)).astype(np.float32)
    drawn = go.Figure([go.Scatter(x=x, y=[0.1, None, 3]), go.Heatmap(z=z)], layout={"title": "both", "xaxis": {"range": [0, 9]}})
    found = figure(kept.log(cb.Figure(drawn)))
    assert numbers(found["data"][0]["x"]).tolist() == x.tolist()
    assert found["data"][0]["y"] == [0.1, None, 3]
    assert numbers(found["data"][1]["z"]).tolist() == z.tolist()
    assert found["layout"]["title"] == {"text": "both"}
    assert found["layout"]["xaxis"] == {"range": [0, 9]}
    again = go.Figure(found)  # and Plotly itself reads it
    assert len(again.data) == 2


def test_traces_of_plotly_inside_a_dict_are_taken(kept: Any) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    kept.log(cb.Figure({"data": [go.Bar(y=[1, 2])], "layout": go.Layout(height=300)}))
    assert figure(kept) == {"data": [{"type": "bar", "y": [1, 2]}], "layout": {"height": 300}}


@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "int16", "int8", "uint8", "uint16", "uint32"])
def test_long_arrays_keep_their_width(kept: Any, dtype: str) -> None:
    value = np.arange(40).reshape(2, 20).astype(dtype)
    spec = figure(kept.log(cb.Figure([{"z": value}])))["data"][0]["z"]
    assert (numbers(spec).dtype, numbers(spec).tolist()) == (np.dtype(dtype), value.tolist())


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.arange(20), list(range(20))),
        (np.arange(20, dtype=np.uint64) + 2**31, [2**31 + number for number in range(20)]),
        (np.arange(20) + 2**40, [2**40 + number for number in range(20)]),
        (np.linspace(0, 1, 20).astype(np.float16), np.linspace(0, 1, 20).astype(np.float16).tolist()),
        (np.where(np.arange(20) == 3, np.nan, 1.0), [1.0, 1.0, 1.0, None, *[1.0] * 16]),
        (np.arange(20) % 2 == 0, [True, False] * 10),
    ],
)
def test_long_arrays_of_other_types_keep_their_values(kept: Any, value: Any, want: list[Any]) -> None:
    found = figure(kept.log(cb.Figure([{"y": value}])))["data"][0]["y"]
    if isinstance(found, dict):
        found = [None if one != one else one for one in numbers(found).tolist()]
    assert found == want


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.array([1, 2]), [1, 2]),
        (np.float32(0.5), 0.5),
        (np.array(["a", "b"]), ["a", "b"]),
        (np.array(["2026-01-02", "NaT"], "datetime64[s]"), ["2026-01-02T00:00:00", None]),
        ([datetime.datetime(2026, 1, 2, 3, 4), datetime.date(2026, 1, 2)], ["2026-01-02T03:04:00", "2026-01-02"]),
        ([1.0, float("nan"), float("inf")], [1.0, None, None]),
        ([np.float64(1.5), np.int8(2)], [1.5, 2]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ([2**70], [2**70]),
        (("a", None, True), ["a", None, True]),
        (range(3), [0, 1, 2]),
    ],
)
def test_short_arrays_and_lists_are_json(kept: Any, value: Any, want: Any) -> None:
    assert figure(kept.log(cb.Figure([{"y": value}])))["data"][0]["y"] == want


def test_a_series_of_pandas_is_an_array(kept: Any) -> None:
    pandas = pytest.importorskip("pandas")
    trace = {"x": pandas.Series(["a", "b"]), "y": pandas.Series([1.5, 2.5]), "t": pandas.Series(pandas.to_datetime(["2026-01-02"]))}
    found = figure(kept.log(cb.Figure([trace])))["data"][0]
    assert (found["x"], found["y"]) == (["a", "b"], [1.5, 2.5])
    assert found["t"][0].startswith("2026-01-02T00:00:00")


@pytest.mark.torch
def test_tensors_are_arrays_and_later_changes_are_not_seen(kept: Any) -> None:
    import torch

    value, plain, row = torch.zeros(20, requires_grad=True), np.zeros(20), [0.0] * 3
    changing = value.detach()

    def change() -> None:
        changing.fill_(9)
        plain[:] = 9
        row[0] = 9

    kept.log(cb.Figure([{"x": value, "y": plain, "z": row}]), after=change)
    (trace,) = figure(kept)["data"]
    assert [numbers(trace["x"]).tolist(), numbers(trace["y"]).tolist(), trace["z"]] == [[0.0] * 20, [0.0] * 20, [0.0] * 3]


def test_a_figure_of_plotly_that_is_changed_after_the_call_is_kept_as_it_was(kept: Any) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    drawn = go.Figure(go.Scatter(y=[1, 2]))
    kept.log(cb.Figure(drawn), after=lambda: drawn.update_traces(y=[9, 9]).update_layout(title="late"))
    assert figure(kept)["data"] == [{"type": "scatter", "y": [1, 2]}]


# ------------------------------------------------------------------------------------------------------- addresses

PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"layout": {"images": [{"source": "https://evil.example/a.png"}]}}, "layout.images[0].source"),
        ({"layout": {"images": [{"source": "//evil.example/a.png"}]}}, "layout.images[0].source"),
        ({"layout": {"images": [{"source": "/runs/delete"}]}}, "layout.images[0].source"),
        ({"layout": {"images": [{"source": " java\tscript:alert(1)"}]}}, "layout.images[0].source"),
        ({"layout": {"images": [{"source": "data:text/html,<script>"}]}}, "layout.images[0].source"),
        ({"layout": {"template": {"layout": {"images": [{"source": "http://e.example"}]}}}}, "layout.template.layout.images[0].source"),
        ({"data": [{"type": "image", "source": "https://e.example/a.png"}]}, "data[0].source"),
        ({"data": [{"type": "choropleth", "geojson": "https://e.example/a.json"}]}, "data[0].geojson"),
        ({"frames": [{"layout": {"images": [{"source": "http://e.example"}]}}]}, "frames[0].layout.images[0].source"),
        ({"layout": {"map": {"style": "https://e.example/style.json"}}}, "layout.map.style"),
        ({"layout": {"mapbox2": {"style": "open-street-map"}}}, "layout.mapbox2.style"),
        ({"layout": {"mapbox": {"layers": [{"source": ["https://e.example/{z}.png"]}]}}}, "layout.mapbox.layers[0].source[0]"),
        ({"layout": {"map": {"style": {"sources": {"a": {"tiles": ["http://e.example/{z}"]}}}}}}, "layout.map.style.sources.a.tiles[0]"),
        ({"layout": {"mapbox": {"style": "white-bg", "accesstoken": "pk.secret"}}}, "layout.mapbox.accesstoken"),
        ({"config": {"plotlyServerURL": "https://e.example"}}, "config.plotlyServerURL"),
        ({"config": {"topojsonURL": "https://e.example"}}, "config.topojsonURL"),
        (
            {"layout": {"sliders": [{"steps": [{"args": [{"images[0].source": "http://e"}]}]}]}},
            "layout.sliders[0].steps[0].args[0].images[0].source",
        ),
        (
            {"layout": {"updatemenus": [{"buttons": [{"args": ["images[0].source", "http://e.example"]}]}]}},
            "layout.updatemenus[0].buttons[0].args[1]",
        ),
        ({"layout": {"title": {"text": 'see <a href="https://e.example">this</a>'}}}, "layout.title.text"),
        ({"data": [{"text": ["plain", '<A HREF="http://e">x</A>']}]}, "data[0].text[1]"),
        ({"data": [{"hovertemplate": '<span style="fill:url(http://e.example)">x</span>'}]}, "data[0].hovertemplate"),
    ],
)
def test_addresses_are_removed_and_said_where_they_were(kept: Any, given: dict[str, Any], where: str) -> None:
    kept.log(cb.Figure({"data": [LINE], **given}))
    assert kept.said == [f"log: 'it': Figure: 1 address removed ({where}); the board fetches nothing"]
    (record,) = kept.all(Kind.FIGURE)
    text = kept.bytes(record.blob).decode()
    assert re.search(r"https?:|//e|javascript|java.script|secret|delete|text/html", text) is None
    assert without_addresses(json.loads(text)) == (json.loads(text), [])


@pytest.mark.parametrize(
    "given",
    [
        {"layout": {"images": [{"source": PIXEL, "x": 0}]}},
        {"data": [{"type": "image", "source": PIXEL}]},
        {"data": [{"type": "bar", "x": ["https://a.example/page", "http://b.example"], "y": [1, 2]}]},
        {"data": [{"type": "sankey", "link": {"source": [0, 1], "target": [2, 2], "value": [1, 1]}}]},
        {"data": [{"type": "scatter", "text": ["a < b", "<b>bold</b>"], "customdata": [["https://a.example"]]}]},
        {"layout": {"map": {"style": "white-bg", "layers": [{"source": {"type": "FeatureCollection", "features": []}}]}}},
        {"layout": {"annotations": [{"text": "ratio: 1/2"}]}},
    ],
)
def test_what_is_no_address_stays(kept: Any, given: dict[str, Any]) -> None:
    value = {"data": [LINE], **given}
    assert figure(kept.log(cb.Figure(value))) == value


def test_points_on_a_map_get_a_white_ground(kept: Any) -> None:
    found = figure(
        kept.log(cb.Figure([{"type": "scattermap", "lat": [1]}, {"type": "densitymapbox", "subplot": "mapbox2"}, {"type": "heatmap"}]))
    )
    assert found["layout"] == {"map": {"style": "white-bg"}, "mapbox2": {"style": "white-bg"}}


# ------------------------------------------------------------------------------------------------------ matplotlib


@pytest.fixture
def pyplot() -> Any:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def test_a_figure_of_matplotlib_is_kept_as_it_looks(kept: Any, pyplot: Any) -> None:
    drawn = pyplot.figure(figsize=(3, 2), dpi=50, facecolor="red")
    record = kept.log(cb.Figure(drawn)).one(Kind.FIGURE)
    assert (record.picture.width, record.picture.height) == (150, 100)
    assert record.blob == record.picture.blob
    pixels = kept.pixels(record.picture.blob)
    assert pixels.shape == (100, 150, 4)
    assert (pixels == [255, 0, 0, 255]).all()
    assert pyplot.fignum_exists(drawn.number)


def test_it_is_kept_as_it_was_in_the_call(kept: Any, pyplot: Any) -> None:
    drawn = pyplot.figure(figsize=(1, 1), dpi=20, facecolor="red")
    kept.log(cb.Figure(drawn), after=lambda: drawn.set_facecolor("blue"))
    assert (kept.pixels(kept.one(Kind.FIGURE).picture.blob)[..., :3] == [255, 0, 0]).all()


def test_dots_per_inch_and_an_svg_on_request(kept: Any, pyplot: Any) -> None:
    drawn, axes = pyplot.subplots(figsize=(3, 2), dpi=50)
    axes.plot([1, 2, 3])
    kept.log(cb.Figure(drawn, dpi=100, svg=True), cb.Figure(drawn, dpi=100, svg=True))
    assert kept.said == []
    first, second = kept.all(Kind.FIGURE)
    assert (first.picture.width, first.picture.height) == (300, 200)
    assert first.blob.media_type == "image/svg+xml"
    assert b"<svg" in kept.bytes(first.blob)
    assert first.blob == second.blob
    assert drawn.dpi == 50


@pytest.mark.parametrize("form", ["axes", "pyplot", "subfigure"])
def test_what_has_a_figure_is_drawn_by_it(kept: Any, pyplot: Any, form: str) -> None:
    drawn, axes = pyplot.subplots(figsize=(2, 1), dpi=40)
    value = {"axes": lambda: axes, "pyplot": lambda: pyplot, "subfigure": lambda: drawn.subfigures(1, 2)[0]}[form]()
    picture = kept.log(cb.Figure(value)).one(Kind.FIGURE).picture
    assert (picture.width, picture.height) == (80, 40)


def test_close_lets_pyplot_forget_it(kept: Any, pyplot: Any) -> None:
    drawn = pyplot.figure(figsize=(1, 1))
    kept.log(cb.Figure(drawn, close=True))
    assert kept.one(Kind.FIGURE).picture is not None
    assert pyplot.get_fignums() == []


def test_drawing_leaves_the_canvas_as_it_was(kept: Any, pyplot: Any) -> None:
    drawn = pyplot.figure(figsize=(1, 1))
    before = drawn.canvas
    kept.log(cb.Figure(drawn, svg=True))
    assert drawn.canvas is before


@pytest.mark.parametrize("case", ["huge", "broken", "none"])
def test_what_matplotlib_cannot_draw_is_left_out(kept: Any, pyplot: Any, case: str) -> None:
    value = pyplot
    if case != "none":
        value = pyplot.figure(figsize=(1000, 1000) if case == "huge" else (1, 1))
        value.text(0, 0, r"$\nosuchcommand$")
    kept.log(cb.Figure(value))
    want = {"huge": "want a figure of 1 to 100,000,000 pixels, got 100,000 x 100,000", "broken": "matplotlib could not draw the figure"}
    assert kept.kinds == []
    assert len(kept.said) == 1
    assert want.get(case, "got pyplot without one") in kept.said[0]


def test_a_bare_figure_is_known_by_its_type(kept: Any) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    kept.log(go.Figure(go.Scatter(y=[1, 2])))
    assert figure(kept)["data"] == [{"type": "scatter", "y": [1, 2]}]


def test_the_plain_twin_logs_the_same(kept: Any) -> None:
    with cb.init(dir=kept.root) as run:
        run.log_figure("it", [LINE], step=0)
    assert figure(kept) == {"data": [LINE]}
