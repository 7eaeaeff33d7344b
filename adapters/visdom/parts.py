"""The parts of Visdom's messages and panes: names, traces, columns, and where versions of Visdom differ."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from .numbers import Column
from .traces import numbers_of

Pane = dict[str, Any]

CURVES: Final = ("scatter", "scattergl")
UPDATABLE: Final = ("scatter", "scattergl", "custom", "heatmap")
MAIN: Final = "main"


class Rules(NamedTuple):
    """Where versions of Visdom differ.

    version        its name
    counted        panes carry ``version`` and ``comment``, plots ``caption``
    newer          plot_history, 3-D curves and the image slider are known
    frames, lines, steps_back   how many frames of an image history, lines of a text, states of an embedding stay; None: all
    """

    version: str
    counted: bool
    newer: bool
    frames: int | None = None
    lines: int | None = None
    steps_back: int | None = None


V024: Final = Rules("0.2.4", counted=False, newer=False)
V030: Final = Rules("0.3.0", counted=True, newer=True, frames=4, lines=500, steps_back=50)
LIVE: Final = Rules("0.2.4", counted=False, newer=True)


class BadMessage(ValueError):
    """A message that cannot be done. Its text is for the one who sent it.

    status  of HTTP
    unsure  True where something of it may have been done
    """

    def __init__(self, text: str, status: int = 400, *, unsure: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.unsure = unsure


def escape_eid(eid: str, rules: Rules = LIVE) -> str:
    """The name that an environment is kept under. LIVE follows 0.3.0, whose rule only adds to that of 0.2.4."""
    escaped = eid.replace("/", "_")
    return escaped.replace("\\", "_").replace("\n", "-").replace("\r", "-") if rules.newer else escaped


def eid_of(message: Mapping[str, Any], rules: Rules = LIVE) -> str:
    """The environment that `message` is about, "main" where it names none. Raises BadMessage."""
    eid = message.get("eid")
    if eid is None:
        return MAIN
    if not isinstance(eid, str):
        raise BadMessage(f"eid: want the name of an environment, got {short(eid)}")
    return escape_eid(eid, rules)


def plain(part: Any) -> Any:
    """`part` of a pane as Visdom would keep it, columns as lists. What holds no column is not copied."""
    if isinstance(part, Column):
        return part.plain()
    if isinstance(part, dict) and any(isinstance(one, (dict, list, Column)) for one in part.values()):
        return {name: plain(one) for name, one in part.items()}
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return [plain(one) for one in part]
    return part


def columns_of(trace: Any) -> tuple[Column, Column] | None:
    """x and y of a curve whose numbers are columns of one length, else None."""
    if not isinstance(trace, dict):
        return None
    x, y = trace.get("x"), trace.get("y")
    return (x, y) if isinstance(x, Column) and isinstance(y, Column) else None


def traces_of(pane: Mapping[str, Any]) -> list[Any]:
    """The traces of a plot pane; none for any other."""
    content = pane.get("content")
    data = content.get("data") if isinstance(content, dict) and pane.get("type") == "plot" else None
    return data if isinstance(data, list) else []


def stringify(node: Any) -> str:
    """JSON with sorted keys and whole floats as integers: what Visdom 0.2.4 hashes."""
    return json.dumps(_ordered(node), separators=(",", ":"))


def _ordered(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _ordered(node[key]) for key in sorted(node)}
    if isinstance(node, list):
        return [_ordered(one) for one in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def content_id() -> str:
    """A name for one state of a pane; browsers tell by it that a pane changed."""
    return str(uuid.uuid4())


def short(value: Any) -> str:
    """`value` as JSON, cut to 60 characters, for messages."""
    text = json.dumps(value, default=repr)
    return text if len(text) <= 60 else f"{text[:57]}..."


def fold_columns(trace: Any) -> None:
    """Keep x and y of a curve as columns where they are numbers, one for one; also typed arrays, as plotly.py writes them."""
    if not isinstance(trace, dict) or trace.get("type", "scatter") not in CURVES or trace.get("z") is not None:
        return
    folded = [Column.of(_untyped(trace.get(axis))) for axis in ("x", "y")]
    x, y = folded
    if x is not None and y is not None and len(x) == len(y) > 0:
        trace["x"], trace["y"] = x, y


def _untyped(values: Any) -> Any:
    numbers = numbers_of(values) if isinstance(values, Mapping) else None
    return values if numbers is None else numbers.tolist()


def standing(traces: Sequence[Any]) -> dict[int, tuple[int, int]]:
    """For `PaneSet.kept`: every curve is where it was, with the numbers it has now."""
    return {place: (place, len(both[0])) for place, one in enumerate(traces) if (both := columns_of(one))}


def kept_of(before: Sequence[Any], now: Sequence[Any]) -> dict[int, tuple[int, int]]:
    """For `PaneSet.kept`: which of the curves `now` begin with all numbers of the curve of that name (or place) `before`."""
    names = [one.get("name") if isinstance(one, dict) else None for one in before]
    by_name = {name: place for place, name in enumerate(names)} if len(set(map(str, names))) == len(names) else {}
    found: dict[int, tuple[int, int]] = {}
    for place, trace in enumerate(now):
        both = columns_of(trace)
        at = by_name.get(trace.get("name"), None if by_name else place) if both else None
        old = columns_of(before[at]) if both and at is not None and at < len(before) else None
        if both is None or at is None or old is None:
            continue
        count = len(old[0])
        if count <= len(both[0]) and all(axis.same_until(was, count) for axis, was in zip(both, old, strict=True)):
            found[place] = (at, count)
    return found


def object_in(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object `name` of `message`; empty where there is none. Raises BadMessage for anything else."""
    value = message.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadMessage(f"{name}: want an object, got {short(value)}")
    return value


def first_of(data: Any, wanted: str) -> dict[str, Any]:
    """The first object of an update's data, which must have the field `wanted`. Raises BadMessage."""
    if isinstance(data, list) and data and isinstance(data[0], dict) and wanted in data[0]:
        return data[0]
    raise BadMessage(f"update: data: want a list with an object that has {wanted!r}, got {short(data)}")


def window_id(value: Any) -> str:
    """A window's id as text. Raises BadMessage for what is neither text nor a number."""
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return str(value)
    raise BadMessage(f"win: want the id of a window, got {short(value)}")


def kind_of(data: Any) -> Any:
    """The type that the first object of an update names."""
    return data[0].get("type") if isinstance(data, list) and data and isinstance(data[0], dict) else None


def refusal(kind: str, rules: Rules) -> str:
    """What is answered, with HTTP 200, to an update of a window that cannot be updated."""
    known = "image_history, plot_history, " if rules.counted else "image_history, "
    return f"win is not scatter, heatmap, custom, {known}embeddings, or text; was {kind}"
