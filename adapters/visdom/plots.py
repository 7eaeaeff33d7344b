"""What an update does to a plot's own fields: options, layout, heatmaps, colours, and traces whose x is no number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .numbers import Column
from .parts import BadMessage, Pane, Rules, columns_of, fold_columns, short, traces_of

_DIRECTIONS: Final = ("replace", "appendRow", "appendColumn", "prependRow", "prependColumn")


def retouch(pane: Pane, opts: Mapping[str, Any], layout: Mapping[str, Any], name: Any, rules: Rules) -> bool:
    """Take over layout and options that are not None; return whether anything is another than before.

    Visdom's ``update_window``. A legend names all traces; in 0.3.0 the one called `name`, where there is a name.
    """
    content = pane["content"]
    touched = _merge(content.setdefault("layout", {}), layout)
    caption = opts.get("caption") if rules.newer else None
    if caption is not None:
        touched |= _merge(content, {"caption": caption})
    touched |= _merge(pane, {key: value for key, value in opts.items() if key != "caption" or not rules.newer})
    legend = opts.get("legend")
    if legend is not None:
        traces = traces_of(pane)
        named = [one for one in traces if one.get("name") == name]
        if name is not None and (rules.counted or len(legend) < len(traces)):
            pairs = [(one, legend[0]) for one in named if legend]
        else:
            pairs = list(zip(traces, legend, strict=False))
        for trace, label in pairs:
            touched |= _merge(trace, {"name": label})
    if rules.counted:
        pane["version"] = pane.get("version", 1) + 1
    return touched


def _merge(into: dict[str, Any], new: Mapping[str, Any]) -> bool:
    touched = False
    for key, value in new.items():
        if value is not None and (key not in into or into[key] != value or type(into[key]) is not type(value)):
            into[key] = value
            touched = True
    return touched


def append_numbers(trace: dict[str, Any], new: Mapping[str, Any]) -> int | None:
    """Put x and y of `new` at the end of a curve's columns; return how many stood there, or None when that cannot be."""
    columns = columns_of(trace)
    if columns is None or len(new["x"]) != len(new["y"]):
        return None
    x, y = columns
    count, whole = len(x), x.whole
    if not x.extend(new["x"]):
        return None
    if not y.extend(new["y"]):
        del x.values[count:]
        x.whole = whole
        return None
    return count


def append_plainly(trace: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Put x, y (and z of a 3-D curve) behind those of `trace`, whatever they are."""
    for axis in ("x", "y", "z"):
        if axis in new and (axis != "z" or axis in trace):
            there = trace.get(axis)
            trace[axis] = (there.plain() if isinstance(there, Column) else list(there or [])) + list(new[axis])
    fold_columns(trace)


def replace_numbers(trace: dict[str, Any], new: Mapping[str, Any]) -> None:
    """Take x, y (and z of a 3-D curve) of `new` in place of those of `trace`."""
    trace.update({axis: new[axis] for axis in ("x", "y", "z") if axis in new and (axis != "z" or axis in trace)})
    fold_columns(trace)


def recolor(trace: dict[str, Any], marker: Mapping[str, Any], *, append: bool) -> bool:
    """Colours of single markers go behind the ones there; one colour for all replaces. Return whether anything changed."""
    touched = not isinstance(trace.get("marker"), dict)
    if touched:
        trace["marker"] = {}
    if "color" not in marker:
        return touched
    there, color = trace["marker"].get("color", []), marker["color"]
    both = append and isinstance(there, list) and isinstance(color, list)
    trace["marker"]["color"] = there + color if both else color
    return True


def check_heatmap(plot: Mapping[str, Any], new: Mapping[str, Any], direction: Any) -> None:
    """Raise BadMessage for an update of a heatmap that `update_heatmap` could not read."""
    if direction not in _DIRECTIONS:
        raise BadMessage(f"update: updateDir: want one of {', '.join(_DIRECTIONS)}, got {short(direction)}")
    for whose, one in (("data", new), ("the window", plot)):
        rows = one.get("z")
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            raise BadMessage(f"update: {whose}: want rows of numbers in z, got {short(rows)}")
        for axis in ("x", "y"):
            if one.get(axis) is not None and not isinstance(one[axis], list):
                raise BadMessage(f"update: {whose}: want a list of names in {axis}, got {short(one[axis])}")


def update_heatmap(plot: dict[str, Any], new: dict[str, Any], *, direction: str, append: bool) -> None:
    """Put rows or columns on one side of a heatmap, or take it whole (``replace``). Both passed `check_heatmap`.

    What does not fit (another number of columns, names on one side only, a name twice) changes nothing, as in Visdom, which logs
    an error then.
    """
    rows = new["z"]
    if direction == "replace":
        plot.update({key: value for key, value in new.items() if value is not None or not append})
        return
    if direction.endswith("Row"):
        axis, fits = "y", not plot["z"] or not rows or len(plot["z"][0]) == len(rows[0])
    else:
        axis, fits = "x", len(plot["z"]) == len(rows)
    names, more = plot.get(axis), new.get(axis)
    if not fits or (names is None) != (more is None) or any(name in (names or ()) for name in more or ()):
        return
    if axis == "y":
        plot["z"] = plot["z"] + rows if direction == "appendRow" else rows + plot["z"]
    else:
        pairs = zip(plot["z"], rows, strict=True)
        plot["z"] = [there + row if direction == "appendColumn" else row + there for there, row in pairs]
    if more is not None:
        plot[axis] = names + more if direction.startswith("append") else more + names
    for key, value in new.items():
        if key != "z" and not (append and key in ("x", "y")) and (value is not None or not append):
            plot[key] = value
