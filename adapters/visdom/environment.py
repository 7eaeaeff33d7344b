"""What a Visdom server keeps of an environment and what it answers, without any input or output.

    environment = Environment("main")
    answer = environment.apply("update", {"win": "loss", "append": True, "data": [...]})
    answer.text, answer.changes

This is the state machine of ``visdom/server/handlers/web_handlers.py`` and ``utils/server_utils.py``, Visdom 0.2.4 and 0.3.0, for
every route that concerns one environment: ``events``, ``update``, ``close``, ``win_exists``, ``win_data``, ``win_hash``, ``env_state``
and ``experiments/log``; and the commands of a browser that change panes. Where a Visdom server fails in the middle (HTTP 500), this one
says what was wrong (`BadMessage`), or does what the newer version does; nothing is half done then.

Panes are Visdom's own dictionaries, in the order of `Environment.panes`, with one exception: x and y of a curve that are plain
numbers are `Column`s, so that an append costs what is appended. `plain` gives the dictionary that Visdom would keep.

A server does not know which version its client is. `Rules` says where the versions differ; `LIVE` is what the board's own
receiver does: 0.2.4, which is what most clients are, and what 0.3.0 added where the two do not contradict each other.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from .changes import Answer, Change, ContentAdded, ExperimentSet, NumbersAdded, PaneGone, PaneSet
from .experiment import experiment_message
from .parts import (
    LIVE,
    MAIN,
    UPDATABLE,
    BadMessage,
    Pane,
    Rules,
    columns_of,
    content_id,
    first_of,
    fold_columns,
    kept_of,
    kind_of,
    object_in,
    plain,
    refusal,
    short,
    standing,
    stringify,
    traces_of,
    window_id,
)
from .plots import append_numbers, append_plainly, check_heatmap, recolor, replace_numbers, retouch, update_heatmap

# ------------------------------------------------------------------------------------------------ the environment


class Environment:
    """One environment. `apply` takes a message as it was posted; messages become part of the state and must not be used again.

    panes       window id -> pane
    reload      window id -> where it stands in the browser's grid
    experiment  of Visdom 0.3.0: a dictionary, or None
    """

    def __init__(self, eid: str = MAIN, *, rules: Rules = LIVE) -> None:
        self.eid = eid
        self.rules = rules
        self.panes: dict[str, Pane] = {}
        self.reload: dict[str, Any] = {}
        self.experiment: dict[str, Any] | None = None

    def apply(self, endpoint: str, message: Any) -> Answer:
        """Do `message`, posted to ``/<endpoint>``.

        Raises:
            BadMessage: it cannot be done, and nothing was (or it is `unsure`).
        """
        if not isinstance(message, dict):
            raise BadMessage(f"/{endpoint}: want a JSON object, got {short(message)}")
        method = _METHODS.get(endpoint)
        if method is None:
            raise BadMessage(f"/{endpoint}: no such endpoint; there are {', '.join(sorted(_METHODS))}", 404)
        try:
            answer: Answer = method(self, message)
        except BadMessage:
            raise
        except (
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:  # a shape that nobody thought of
            raise BadMessage(f"/{endpoint}: cannot be done: {type(error).__name__}: {error}", unsure=True) from error
        return answer

    def copy(self, eid: str) -> Environment:
        """The same panes as an environment of another name."""
        made = Environment(eid, rules=self.rules)
        made.panes, made.reload = copy.deepcopy(self.panes), copy.deepcopy(self.reload)
        made.experiment = copy.deepcopy(self.experiment)
        return made

    def plain(self) -> dict[str, Any]:
        """What Visdom saves as ``<eid>.json``."""
        made: dict[str, Any] = {"jsons": {window: plain(pane) for window, pane in self.panes.items()}, "reload": self.reload}
        if self.experiment is not None:
            made["experiment"] = self.experiment
        return made

    # ----------------------------------------------------------------------------------------------- new windows

    def events(self, message: dict[str, Any]) -> Answer:
        """A window is drawn, in place of one of the same id."""
        if message.get("func") is not None:
            raise BadMessage("events: clients of Lua Torch are not supported, nor are they by Visdom since 0.1.8.4")
        return self._register(self._window(message))

    def _window(self, message: dict[str, Any]) -> Pane:
        data = message.get("data")
        if not isinstance(data, list) or not data or not isinstance(data[0], dict):
            raise BadMessage(f"events: data: want a list of objects with at least one, got {short(data)}")
        opts = object_in(message, "opts")
        first = data[0]
        kind = first.get("type")
        if kind is None:
            raise BadMessage("events: data: want a type in its first object, such as scatter, image or text")
        window = message.get("win")
        pane: Pane = {
            "command": "window",
            "id": f"window_{uuid.uuid4()}" if window is None else window_id(window),
            "title": opts.get("title", ""),
            "inflate": opts.get("inflate", True),
            "width": opts.get("width"),
            "height": opts.get("height"),
            "contentID": content_id(),
        }
        if self.rules.counted:
            pane["version"], pane["comment"] = message.get("version", 1), opts.get("comment", "")
        elif "comment" in opts:
            pane["comment"] = opts["comment"]
        own = "content" in first
        if own and (kind == "image_history" or (kind == "plot_history" and self.rules.newer)):
            pane.update(content=[first["content"]], selected=0, type=kind, show_slider=opts.get("show_slider", True))
        elif own and kind in ("image", "text", "properties"):
            pane.update(content=first["content"], type=kind)
        elif own and kind == "network":
            pane.update(content=first["content"], type=kind, directed=opts.get("directed", False))
            pane.update({name: opts.get(name, "hover") for name in ("showEdgeLabels", "showVertexLabels")})
        elif own and kind == "embeddings":
            if not isinstance(first["content"], dict):
                raise BadMessage("events: data: content of embeddings: want an object")
            pane.update(content={**first["content"], "has_previous": False}, type=kind, old_content=[])
        else:
            pane["content"] = {"data": data, "layout": object_in(message, "layout")}
            pane["type"] = "plot"
            if self.rules.counted or opts.get("caption") is not None:
                pane["content"]["caption"] = opts.get("caption")
            for trace in data:
                fold_columns(trace)
        return pane

    def _register(self, pane: Pane) -> Answer:
        before = self.panes.get(pane["id"])
        pane["i"] = len(self.panes) if before is None else before.get("i", 0)
        if before is not None and before.get("comment") and (self.rules.counted or "comment" not in pane):
            pane["comment"] = before["comment"]
        self.panes[pane["id"]] = pane
        return Answer(pane["id"], (PaneSet(pane["id"], kept_of(traces_of(before or {}), traces_of(pane))),))

    # --------------------------------------------------------------------------------------------------- updates

    def update(self, message: dict[str, Any]) -> Answer:
        """A window is changed, or made where numbers are appended to one that is not there."""
        if message.get("win") is None:
            raise BadMessage("missing required field: win")
        window, data = window_id(message["win"]), message.get("data")
        if data is None and message.get("append"):
            raise BadMessage("missing required field: data")
        pane = self.panes.get(window)
        if pane is None:
            if message.get("append"):
                return self._register(self._window(message))
            return Answer("win does not exist")
        kind = pane.get("type")
        if kind_of(data) == "image_update_selected" and kind != "image_history":
            return Answer(f"win is not image_history; was {kind}", status=400)
        if kind == "text":
            return self._update_text(pane, data)
        if kind == "image_history" or (kind == "plot_history" and self.rules.newer):
            return self._update_history(pane, data)
        if kind == "embeddings":
            return self._update_embeddings(pane, data)
        content = pane.get("content")
        traces = content.get("data") if isinstance(content, dict) else None
        if not isinstance(traces, list):
            return Answer(refusal(str(kind), self.rules))
        first = traces[0].get("type") if traces else None
        if traces and first not in UPDATABLE and not (self.rules.newer and first == "scatter3d"):
            return Answer(refusal(str(first), self.rules))
        return self._update_plot(pane, traces, message)

    def _update_text(self, pane: Pane, data: Any) -> Answer:
        first = first_of(data, "content")
        if not isinstance(pane.get("content"), str) or not isinstance(first["content"], str):
            raise BadMessage(f"update: data: want a text as content, got {short(first['content'])}")
        pane["content"] += "<br>" + first["content"]
        pane["contentID"] = content_id()
        if self.rules.lines is not None:
            lines = pane["content"].split("<br>")
            if len(lines) > self.rules.lines:
                pane["content"] = "<br>".join(lines[-self.rules.lines :])
                return Answer(pane["id"], (PaneSet(pane["id"], {}),))
        return Answer(pane["id"], (ContentAdded(pane["id"], first["content"]),))

    def _update_history(self, pane: Pane, data: Any) -> Answer:
        kind, frames = pane["type"], pane["content"]
        first = first_of(data, "type")
        pane["contentID"] = content_id()
        if first["type"] == kind:
            frames.append(first_of(data, "content")["content"])
            capped = kind == "image_history" and self.rules.frames is not None and len(frames) > self.rules.frames
            if capped:
                del frames[: -(self.rules.frames or 0)]
            pane["selected"] = len(frames) - 1
            return Answer(pane["id"], (PaneSet(pane["id"], {}) if capped else ContentAdded(pane["id"], frames[-1]),))
        if first["type"] in ("image_update_selected", "plot_update_selected") and frames:
            selected = first.get("selected")
            if isinstance(selected, bool) or not isinstance(selected, (int, float)) or selected != selected // 1:
                raise BadMessage(f"image slider index must be an integer, got {short(selected)}")
            pane["selected"] = min(max(0, int(selected)), len(frames) - 1)
            return Answer(pane["id"], (PaneSet(pane["id"], {}),))
        return Answer(pane["id"])

    def _update_embeddings(self, pane: Pane, data: Any) -> Answer:
        if not isinstance(data, dict):
            raise BadMessage(f"update: data of embeddings: want an object with update_type, got {short(data)}")
        content = pane["content"]
        if data.get("update_type") == "EntitySelected":
            content["selected"] = data["selected"]
        elif data.get("update_type") == "RegionSelected":
            points = data["points"]
            pane["old_content"].append(content.get("data", []))
            if self.rules.steps_back is not None:
                del pane["old_content"][: -self.rules.steps_back]
            content.update(data=points, has_previous=True, selected=None)
        pane["contentID"] = content_id()
        return Answer(pane["id"], (PaneSet(pane["id"], {}),))

    def _update_plot(self, pane: Pane, traces: list[Any], message: dict[str, Any]) -> Answer:
        opts, layout = object_in(message, "opts"), object_in(message, "layout")
        data, name, append = message.get("data"), message.get("name"), bool(message.get("append"))
        delete = bool(message.get("delete"))
        if data is not None and not (isinstance(data, list) and all(isinstance(one, dict) for one in data)):
            raise BadMessage(f"update: data: want a list of objects, got {short(data)}")
        if name is not None and not delete and len(data or ()) != 1:
            raise BadMessage(f"update: name {short(name)}: want exactly one trace in data, got {len(data or ())}")
        new: list[dict[str, Any]] = data or []
        self._check(traces, new, message)
        touched = retouch(pane, opts, layout, name, self.rules)
        if name is None and data is None:
            return self._changed(pane, traces, touched=touched)
        places = [place for place, one in enumerate(traces) if name is None or one.get("name") == name]
        if delete:
            kept = [place for place in range(len(traces)) if place not in set(places)]
            pane["content"]["data"] = [traces[place] for place in kept]
            moved = {now: (place, len(both[0])) for now, place in enumerate(kept) if (both := columns_of(traces[place]))}
            return self._done(pane, PaneSet(pane["id"], moved))
        if not new:
            return self._changed(pane, traces, touched=touched)
        if len(places) == 1 and traces[places[0]].get("type") == "heatmap":
            update_heatmap(traces[places[0]], new[0], direction=message["updateDir"], append=append)
            return self._done(pane, PaneSet(pane["id"], standing(traces)))
        if not places:
            known = standing(traces)
            if new[0].get("type") != "heatmap" and (name is not None or "name" not in new[0]):
                new[0]["name"] = name
            fold_columns(new[0])
            traces.append(new[0])
            return self._done(pane, PaneSet(pane["id"], known))
        return self._update_traces(pane, traces, list(zip(places, new, strict=False)), append=append, touched=touched)

    def _check(self, traces: list[Any], new: list[dict[str, Any]], message: Mapping[str, Any]) -> None:
        """Refuse what would fail half way, before anything is changed."""
        legend, name = object_in(message, "opts").get("legend"), message.get("name")
        if legend is not None and not isinstance(legend, list):
            raise BadMessage(f"update: opts: legend: want a list of names, got {short(legend)}")
        if not all(isinstance(trace, dict) for trace in traces):
            raise BadMessage("update: the window's traces are no objects")
        if message.get("delete"):
            return
        places = [place for place, one in enumerate(traces) if name is None or one.get("name") == name]
        if len(places) == 1 and traces[places[0]].get("type") == "heatmap" and new:
            check_heatmap(traces[places[0]], new[0], message.get("updateDir"))
            return
        for place, one in zip(places, new, strict=False):
            for axis in ("x", "y", *(("z",) if traces[place].get("type") == "scatter3d" else ())):
                if not isinstance(one.get(axis), list):
                    raise BadMessage(f"update: data: want a list in {axis}, got {short(one.get(axis))}")

    def _update_traces(
        self, pane: Pane, traces: list[Any], pairs: Iterable[tuple[int, dict[str, Any]]], *, append: bool, touched: bool
    ) -> Answer:
        added: list[tuple[int, int]] = []
        kept = standing(traces)
        for place, one in pairs:
            if all(value is None or (isinstance(value, float) and not math.isfinite(value)) for value in one["x"]):
                continue  # a masked update
            trace = traces[place]
            count = append_numbers(trace, one) if append else None
            if count is not None:
                added.append((place, count))
            else:
                old = dict(trace)
                (append_plainly if append else replace_numbers)(trace, one)
                kept.pop(place, None)
                for _, standing_count in kept_of([old], [trace]).values():
                    kept[place] = (place, standing_count)
                touched = True
            if isinstance(one.get("marker"), dict):
                touched |= recolor(trace, one["marker"], append=append)
        change = PaneSet(pane["id"], kept) if touched or self.rules.counted else NumbersAdded(pane["id"], tuple(added))
        return self._done(pane, change)

    def _changed(self, pane: Pane, traces: list[Any], *, touched: bool) -> Answer:
        if touched:
            return self._done(pane, PaneSet(pane["id"], standing(traces)))
        pane["contentID"] = content_id()
        return Answer(pane["id"])

    def _done(self, pane: Pane, change: Change) -> Answer:
        pane["contentID"] = content_id()
        return Answer(pane["id"], (change,))

    # ------------------------------------------------------------------------------------- the other endpoints

    def close(self, message: Mapping[str, Any]) -> Answer:
        """One window goes, or, where none is named, all of them."""
        window = message.get("win")
        gone = list(self.panes) if window is None else [one for one in (window_id(window),) if one in self.panes]
        for one in gone:
            del self.panes[one]
        return Answer("", tuple(PaneGone(one) for one in gone))

    def win_exists(self, message: Mapping[str, Any]) -> Answer:
        """``true`` or ``false``, as text."""
        if message.get("win") is None:
            raise BadMessage("missing required field: win")
        return Answer("true" if window_id(message["win"]) in self.panes else "false")

    def win_hash(self, message: Mapping[str, Any]) -> Answer:
        """The MD5 of a pane's ordered JSON, of 0.2.4 only."""
        pane = self.panes.get(window_id(message.get("win")))
        return Answer("false" if pane is None else hashlib.md5(stringify(plain(pane)).encode(), usedforsecurity=False).hexdigest())

    def win_data(self, message: Mapping[str, Any]) -> Answer:
        """A pane, or all, as JSON; with ``data``, JSON text, they are set. NaN of other kinds than curves stay bare tokens as in 0.2.4."""
        window = None if message.get("win") is None else window_id(message["win"])
        if "data" in message:
            return self._set_data(window, message["data"])
        if window is None:
            return Answer(json.dumps({one: plain(pane) for one, pane in self.panes.items()}))
        if window not in self.panes:
            raise BadMessage(f"Window {window} doesn't exist in env {self.eid}", 404)
        return Answer(json.dumps(plain(self.panes[window])))

    def _set_data(self, window: str | None, text: Any) -> Answer:
        try:
            data = json.loads(text) if isinstance(text, str) else text
        except ValueError as error:
            raise BadMessage(f"win_data: data: want JSON as text, got {error}") from None
        wanted = {window: data} if window is not None else data
        if not isinstance(wanted, dict) or not all(isinstance(pane, dict) for pane in wanted.values()):
            raise BadMessage("win_data: data: want a pane, or without win an object of window ids and panes")
        gone = [one for one in self.panes if window is None and one not in wanted]
        changes: list[Change] = [PaneGone(one) for one in gone]
        for one in gone:
            del self.panes[one]
        for one, pane in wanted.items():
            for trace in traces_of(pane):
                fold_columns(trace)
            pane.setdefault("id", one)
            changes.append(PaneSet(one, kept_of(traces_of(self.panes.get(one, {})), traces_of(pane))))
        self.panes = {**self.panes, **wanted} if window is not None else wanted
        return Answer("", tuple(changes))

    def env_state(self, message: Mapping[str, Any]) -> Answer:
        """All panes as JSON: what 0.3.0 answers where an environment is named."""
        del message
        return Answer(json.dumps({one: plain(pane) for one, pane in self.panes.items()}))

    def experiments_log(self, message: Mapping[str, Any]) -> Answer:
        """Of 0.3.0: parameters, metrics with a step, and the end of an experiment."""
        self.experiment, metrics = experiment_message(self.experiment, message, self.eid, time.time())
        return Answer(json.dumps(self.experiment), (ExperimentSet(metrics),))

    # --------------------------------------------------------------------------------- what a browser asks for

    def layout_item_update(self, message: Mapping[str, Any]) -> Answer:
        """Where a window stands in the grid: data."""
        window = window_id(message.get("win"))
        pane = self.panes.get(window)
        if pane is None:
            raise BadMessage(f"Window {window} doesn't exist in env {self.eid}", 404)
        self.reload[window] = object_in(message, "data")
        return Answer(window, (PaneSet(window, standing(traces_of(pane))),))

    def update_comment(self, message: Mapping[str, Any]) -> Answer:
        """A comment on a window, of 0.3.0: data."""
        window, comment = window_id(message.get("win")), message.get("data")
        pane = self.panes.get(window)
        if pane is None or not isinstance(comment, str):
            raise BadMessage(f"comment: want a window of env {self.eid} and a text, got {short(window)} and {short(comment)}")
        pane["comment"] = comment
        return Answer(window, (PaneSet(window, standing(traces_of(pane))),))

    def pop_embeddings_pane(self, message: Mapping[str, Any]) -> Answer:
        """One selection back in a pane of embeddings."""
        pane = self.panes.get(window_id(message.get("win")))
        if pane is None or pane.get("type") != "embeddings" or not pane.get("old_content"):
            raise BadMessage("embeddings: there is no selection to go back from")
        content, steps = pane["content"], pane["old_content"]
        content.update(selected=None, data=steps.pop())
        if not steps:
            content["has_previous"] = False
        return self._done(pane, PaneSet(pane["id"], {}))


_METHODS: Final = {
    "events": Environment.events,
    "update": Environment.update,
    "close": Environment.close,
    "win_exists": Environment.win_exists,
    "win_hash": Environment.win_hash,
    "win_data": Environment.win_data,
    "env_state": Environment.env_state,
    "experiments/log": Environment.experiments_log,
    "layout_item_update": Environment.layout_item_update,
    "update_comment": Environment.update_comment,
    "pop_embeddings_pane": Environment.pop_embeddings_pane,
}
ENDPOINTS: Final = tuple(_METHODS)
