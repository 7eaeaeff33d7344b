"""Messages as Visdom's clients post them, at random. Test modules load this one by path."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NOT_COMPARED = ("contentID",)


def bare(panes: dict[str, Any]) -> Any:
    """Panes without what is random."""
    return {window: {key: value for key, value in pane.items() if key not in NOT_COMPARED} for window, pane in panes.items()}


def line(window: str, x: list[Any], y: list[Any], name: str = "1", **more: Any) -> dict[str, Any]:
    """A message as ``Visdom.line`` sends it."""
    data = [{"x": x, "y": y, "name": name, "type": "scatter", "mode": "lines", "line": {}, "marker": {"size": 10}}]
    return {"data": data, "win": window, "eid": "main", "layout": {"showlegend": False}, "opts": {"mode": "lines"}, **more}


WINDOWS = st.sampled_from(["a", "b"])
NUMBERS = st.lists(st.one_of(st.integers(-5, 5), st.floats(-1e6, 1e6), st.sampled_from([1e300, 3, 2**53])), min_size=1, max_size=4)
OPTS = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["loss", "accuracy"]),
        "width": st.integers(10, 500),
        "markers": st.booleans(),
        "legend": st.just(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"]),
        "nothing": st.none(),
    },
)
LAYOUT = st.fixed_dictionaries({}, optional={"showlegend": st.booleans(), "xaxis": st.just({"title": "step"}), "gone": st.none()})


@st.composite
def curve(draw: st.DrawFn, name: str) -> dict[str, Any]:
    y = draw(NUMBERS)
    x = draw(st.lists(st.one_of(st.integers(0, 9), st.floats(0, 9)), min_size=len(y), max_size=len(y)))
    made: dict[str, Any] = {"x": x, "y": y, "name": name, "type": draw(st.sampled_from(["scatter", "scattergl"])), "mode": "lines"}
    if draw(st.booleans()):
        made["marker"] = {"color": ["#000"] * len(y)} if draw(st.booleans()) else {"size": 3}
    return made


@st.composite
def posted(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A message that a client may send."""
    window = draw(WINDOWS)
    base = {"win": window, "eid": "main", "opts": draw(OPTS)}
    what = draw(
        st.sampled_from(
            ["draw", "add", "add by name", "replace", "remove", "retouch", "text", "more text", "bar", "heat", "rows", "close", "ask"]
        )
    )
    names = draw(st.lists(st.sampled_from(["1", "2", "3"]), min_size=1, max_size=3, unique=True))
    if what == "draw":
        return "events", {**base, "data": [draw(curve(name)) for name in names], "layout": draw(LAYOUT)}
    if what in ("add", "replace"):
        return "update", {**base, "data": [draw(curve(name)) for name in names], "append": what == "add", "name": None, "layout": {}}
    if what == "add by name":
        return "update", {**base, "data": [draw(curve(names[0]))], "append": True, "name": names[0], "layout": {}}
    if what == "remove":
        return "update", {"win": window, "eid": "main", "data": [], "name": names[0], "delete": True}
    if what == "retouch":
        return "update", {**base, "layout": draw(LAYOUT)}
    if what in ("text", "more text"):
        return "events" if what == "text" else "update", {
            **base,
            "data": [{"type": "text", "content": draw(st.sampled_from(["x", "<b>y</b>"]))}],
        }
    if what == "bar":
        return "events", {**base, "data": [{"type": "bar", "x": [1, 2], "y": draw(NUMBERS)}], "layout": {}}
    if what == "heat":
        return "events", {**base, "data": [{"type": "heatmap", "z": [[1, 2], [3, 4]], "x": None, "y": None}], "layout": {}}
    if what == "rows":
        direction = draw(st.sampled_from(["appendRow", "prependRow", "appendColumn", "prependColumn", "replace"]))
        size = draw(st.integers(1, 3))
        data = [{"type": "heatmap", "z": [[7] * size] * size, "x": None, "y": None, "zmin": None, "colorscale": "Hot"}]
        return "update", {**base, "data": data, "append": direction != "replace", "updateDir": direction, "layout": {}}
    if what == "close":
        return "close", {"win": draw(st.sampled_from([window, None])), "eid": "main"}
    return draw(st.sampled_from(["win_exists", "win_data"])), {"win": window, "eid": "main"}
