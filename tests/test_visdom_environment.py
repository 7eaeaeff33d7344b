"""The state machine of a Visdom server: the same messages through Visdom's own handlers leave the same panes and answers."""

from __future__ import annotations

import base64
import copy
import importlib.util
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossboard.adapters.visdom.changes import ContentAdded, NumbersAdded, PaneGone, PaneSet
from crossboard.adapters.visdom.environment import Environment
from crossboard.adapters.visdom.parts import V024, V030, BadMessage, Rules, columns_of, escape_eid, plain


def load(name: str) -> Any:
    """A module beside this one."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MESSAGES = load("visdom_messages")
bare, line, posted = MESSAGES.bare, MESSAGES.line, MESSAGES.posted


class Handler:
    """As much of a Tornado handler of Visdom as its message functions touch."""

    max_text_lines, max_old_content, max_image_history = 500, 50, 4

    def __init__(self) -> None:
        self.storage = self
        self.state: dict[str, Any] = {"main": {"jsons": {}, "reload": {}}}
        self.subs: dict[str, Any] = {}
        self.sources: dict[str, Any] = {}
        self.written: list[str] = []

    def write(self, text: Any) -> None:
        self.written.append(text)

    def set_status(self, status: int) -> None:
        """Of the answer."""

    def load_undo(self, eid: str) -> list[Any]:
        """Of 0.3.0's storage: closed windows."""
        del eid
        return []

    def save_undo(self, eid: str, stack: list[Any]) -> None:
        """As above."""


def installed_rules() -> Rules:
    """Those of the Visdom that is installed."""
    visdom = pytest.importorskip("visdom", reason="visdom is not installed")
    return V024 if visdom.__version__.startswith("0.2") else V030


def visdoms_own(messages: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], list[str | None]]:
    """What the installed Visdom keeps and answers; an answer is None where its handler raised."""
    handlers = pytest.importorskip("visdom.server.handlers.web_handlers", reason="visdom is not installed")
    utils = pytest.importorskip("visdom.utils.server_utils")
    handler = Handler()
    answers: list[str | None] = []
    for endpoint, message in messages:
        message = copy.deepcopy(message)
        handler.written = []
        try:
            if endpoint == "events":
                utils.register_window(handler, utils.window(message), utils.extract_eid(message))
            else:
                names = {"update": "UpdateHandler", "close": "CloseHandler", "win_exists": "ExistsHandler", "win_data": "DataHandler"}
                getattr(handlers, names[endpoint]).wrap_func(handler, message)
            answers.append("".join(handler.written))
        except Exception:  # noqa: BLE001  whatever it is, a client sees HTTP 500
            answers.append(None)
    return handler.state["main"]["jsons"], answers


def ours(messages: list[tuple[str, dict[str, Any]]], environment: Environment | None = None) -> tuple[dict[str, Any], list[str | None]]:
    """The same of our own environment."""
    environment = environment or Environment("main", rules=installed_rules())
    answers: list[str | None] = []
    for endpoint, message in messages:
        try:
            answers.append(environment.apply(endpoint, copy.deepcopy(message)).text)
        except BadMessage:
            answers.append(None)
    return {window: plain(pane) for window, pane in environment.panes.items()}, answers


@settings(max_examples=150, deadline=None)
@given(st.lists(posted(), max_size=8))
def test_panes_and_answers_are_those_of_visdom(messages: list[tuple[str, dict[str, Any]]]) -> None:
    """Up to the first message at which Visdom's own handler fails: from then on its state may be half changed."""
    _, answers = visdoms_own(messages)
    until = answers.index(None) if None in answers else len(messages)
    theirs, wanted = visdoms_own(messages[:until])
    got, texts = ours(messages[:until])
    assert bare(got) == bare(theirs)
    assert list(got) == list(theirs)
    for (endpoint, _), text, want in zip(messages, texts, wanted, strict=False):
        assert text is not None
        assert want is not None
        if endpoint == "win_data":
            assert bare({"": json.loads(text)}) == bare({"": json.loads(want)})
        else:
            assert text == want


@settings(max_examples=100, deadline=None)
@given(st.lists(posted(), max_size=8))
def test_a_message_that_cannot_be_done_changes_nothing(messages: list[tuple[str, dict[str, Any]]]) -> None:
    environment = Environment("main")
    for endpoint, message in messages:
        odds: list[dict[str, Any]] = [{"data": 7}, {"data": [{"type": "scatter", "x": 3}], "layout": 1}, {"win": {}}]
        odds += [{"updateDir": 1}, {"opts": {"legend": 1}}]
        for odd in odds:
            before = copy.deepcopy(plain(environment.panes))
            if refused(environment, endpoint, {**copy.deepcopy(message), **odd}):
                assert plain(environment.panes) == before
        ours([(endpoint, message)], environment)


def refused(environment: Environment, endpoint: str, message: Any) -> str:
    """Why `message` was refused, or ''."""
    try:
        environment.apply(endpoint, message)
    except BadMessage as error:
        return str(error)
    return ""


def test_an_append_tells_what_came_and_a_new_option_that_the_pane_is_another() -> None:
    environment = Environment()
    first = environment.apply("events", line("loss", [0], [1.0]))
    assert first.changes == (PaneSet("loss", {}),)
    options = environment.apply("update", line("loss", [1], [0.5], append=True, layout={}))
    assert options.changes == (PaneSet("loss", {0: (0, 1)}),)
    more = environment.apply("update", line("loss", [2], [0.25], append=True, layout={}))
    assert (more.text, more.changes) == ("loss", (NumbersAdded("loss", ((0, 2),)),))
    other = environment.apply("update", line("loss", [3], [0.2], append=True, layout={}, opts={"markers": True}))
    assert other.changes == (PaneSet("loss", {0: (0, 3)}),)
    assert plain(environment.panes["loss"])["content"]["data"][0]["x"] == [0, 1, 2, 3]


def test_a_curve_drawn_anew_that_only_goes_on_keeps_its_numbers() -> None:
    environment = Environment()
    environment.apply("events", line("loss", [0, 1], [1.0, None]))
    longer = environment.apply("events", line("loss", [0, 1, 2], [1.0, None, 0.5]))
    assert longer.changes == (PaneSet("loss", {0: (0, 2)}),)
    another = environment.apply("events", line("loss", [0, 1, 2, 3], [1.0, 2.0, 0.5, 0.1]))
    assert another.changes == (PaneSet("loss", {}),)
    replaced = environment.apply("update", line("loss", [0, 1, 2, 3, 4], [1.0, 2.0, 0.5, 0.1, 0.0], append=False))
    assert replaced.changes == (PaneSet("loss", {0: (0, 4)}),)


def test_a_trace_that_is_removed_moves_the_ones_behind_it() -> None:
    environment = Environment()
    data = [{"x": [0], "y": [place], "name": str(place), "type": "scatter"} for place in range(3)]
    environment.apply("events", {"win": "w", "data": data, "layout": {}, "opts": {}})
    gone = environment.apply("update", {"win": "w", "data": [], "name": "0", "delete": True})
    assert gone.changes == (PaneSet("w", {0: (1, 1), 1: (2, 1)}),)


def test_what_is_no_number_stays_a_list_and_numbers_come_back_as_they_were() -> None:
    environment = Environment()
    environment.apply("events", line("dates", ["2026-01-01", "2026-01-02"], [1, 2]))
    assert columns_of(environment.panes["dates"]["content"]["data"][0]) is None
    environment.apply("events", line("numbers", [0, 1], [None, 2.5]))
    trace = environment.panes["numbers"]["content"]["data"][0]
    assert columns_of(trace) is not None
    environment.apply("update", line("numbers", ["end"], [3], append=True, layout={}))
    assert columns_of(trace) is None
    assert (trace["x"], trace["y"]) == ([0, 1, "end"], [None, 2.5, 3])


def test_typed_arrays_of_plotly_are_numbers_too() -> None:
    environment = Environment()
    typed = [{"dtype": "f8", "bdata": base64.b64encode(struct.pack("<3d", *values)).decode()} for values in ((0, 1, 2), (0.5, 0.25, 0.125))]
    environment.apply("events", {"win": "w", "data": [{"type": "scatter", "x": typed[0], "y": typed[1]}], "layout": {}})
    trace = plain(environment.panes["w"])["content"]["data"][0]
    assert (trace["x"], trace["y"]) == ([0, 1, 2], [0.5, 0.25, 0.125])
    more = environment.apply("update", line("w", [3], [0.0], append=True, layout={}))
    assert more.changes == (PaneSet("w", {0: (0, 3)}),)  # with options, and a marker, that are new


def test_errors_of_an_update_are_texts_as_visdom_gives_them() -> None:
    environment = Environment()
    assert environment.apply("update", line("w", [1], [1], append=False)).text == "win does not exist"
    environment.apply("events", {"win": "w", "data": [{"type": "bar", "x": [1], "y": [2]}], "layout": {}})
    answer = environment.apply("update", line("w", [1], [1], append=True))
    assert answer.text == "win is not scatter, heatmap, custom, image_history, embeddings, or text; was bar"
    assert (answer.status, answer.changes) == (200, ())


@pytest.mark.parametrize(
    ("endpoint", "message", "text"),
    [
        ("events", [], "want a JSON object"),
        ("events", {"data": []}, "want a list of objects with at least one"),
        ("events", {"data": [{}]}, "want a type"),
        ("update", {"data": []}, "missing required field: win"),
        ("win_exists", {}, "missing required field: win"),
        ("win_data", {"win": "none"}, "Window none doesn't exist in env main"),
        ("win_data", {"win": "w", "data": "{"}, "want JSON as text"),
        ("experiments/log", {"action": "dance"}, "unknown action"),
        ("experiments/log", {"action": "finish"}, "no experiment logged"),
    ],
)
def test_a_message_that_cannot_be_done_says_why(endpoint: str, message: Any, text: str) -> None:
    with pytest.raises(BadMessage, match=text):
        Environment().apply(endpoint, message)


def test_histories_are_whole_in_0_2_4_and_short_in_0_3_0() -> None:
    def shown(rules: Any) -> Any:
        environment = Environment(rules=rules)
        for place in range(6):
            data = [{"type": "image_history", "content": {"src": f"data:{place}", "caption": None}}]
            answer = environment.apply("update" if place else "events", {"win": "w", "data": data, "opts": {}})
            assert answer.text == "w"
            if place in (1, 5):
                frame = {"src": f"data:{place}", "caption": None}
                assert answer.changes == ((ContentAdded("w", frame),) if rules is V024 or place == 1 else (PaneSet("w", {}),))
        return environment.panes["w"]

    whole, short = shown(V024), shown(V030)
    assert (len(whole["content"]), whole["selected"]) == (6, 5)
    assert ([frame["src"] for frame in short["content"]], short["selected"]) == (["data:2", "data:3", "data:4", "data:5"], 3)
    assert ("version" in short, "version" in whole) == (True, False)


def test_the_slider_of_a_history_is_set_within_its_frames() -> None:
    environment = Environment()
    environment.apply("events", {"win": "w", "data": [{"type": "image_history", "content": {"src": "a"}}]})
    environment.apply("update", {"win": "w", "data": [{"type": "image_history", "content": {"src": "b"}}]})
    for selected, shown in ((0, 0), (99, 1), (-4, 0)):
        environment.apply("update", {"win": "w", "data": [{"type": "image_update_selected", "selected": selected}]})
        assert environment.panes["w"]["selected"] == shown
    with pytest.raises(BadMessage, match="must be an integer"):
        environment.apply("update", {"win": "w", "data": [{"type": "image_update_selected", "selected": 0.5}]})
    environment.apply("events", {"win": "t", "data": [{"type": "text", "content": "x"}]})
    answer = environment.apply("update", {"win": "t", "data": [{"type": "image_update_selected", "selected": 0}]})
    assert (answer.status, answer.text) == (400, "win is not image_history; was text")


def test_embeddings_keep_the_way_back() -> None:
    environment = Environment()
    environment.apply("events", {"win": "e", "data": [{"type": "embeddings", "content": {"data": [{"idx": 0}, {"idx": 1}]}}]})
    environment.apply("update", {"win": "e", "data": {"update_type": "EntitySelected", "selected": {"html": "x"}}})
    environment.apply("update", {"win": "e", "data": {"update_type": "RegionSelected", "points": [{"idx": 1}]}})
    pane = environment.panes["e"]
    assert pane["content"] == {"data": [{"idx": 1}], "has_previous": True, "selected": None}
    assert pane["old_content"] == [[{"idx": 0}, {"idx": 1}]]


def test_closing_all_windows_and_setting_all_of_them() -> None:
    environment = Environment()
    for window in ("a", "b"):
        environment.apply("events", line(window, [1], [1]))
    kept = environment.apply("win_data", {"win": None}).text
    assert environment.apply("close", {"win": None}).changes == (PaneGone("a"), PaneGone("b"))
    answer = environment.apply("win_data", {"win": None, "data": kept})
    assert [change.window for change in answer.changes if isinstance(change, PaneSet)] == ["a", "b"]
    assert environment.apply("win_data", {"win": None}).text == kept


def test_an_experiment_merges_and_ends_once() -> None:
    environment = Environment("run")
    environment.apply("experiments/log", {"action": "log", "name": "first", "params": {"lr": 0.1}, "tags": {"who": "me"}})
    environment.apply("experiments/log", {"action": "metrics", "metrics": {"loss": 0.5, "acc": 1}, "step": 3})
    made = json.loads(environment.apply("experiments/log", {"action": "log", "params": {"lr": 0.2, "deep": True}}).text)
    assert made["params"] == [{"key": "lr", "value": 0.2, "dtype": "float"}, {"key": "deep", "value": True, "dtype": "bool"}]
    assert [(one["key"], one["value"], one["step"]) for one in made["metrics"]] == [("loss", 0.5, 3), ("acc", 1, 3)]
    assert (made["env_id"], made["name"], made["status"]) == ("run", "first", "running")
    done = json.loads(environment.apply("experiments/log", {"action": "finish", "status": "failed"}).text)
    assert (done["status"], math.isfinite(done["finished_at"])) == ("failed", True)
    with pytest.raises(BadMessage, match="is failed; cannot log to a terminal experiment") as refused:
        environment.apply("experiments/log", {"action": "metrics", "metrics": {"loss": 1.0}})
    assert refused.value.status == 409


def test_names_of_environments_hold_no_path() -> None:
    assert escape_eid("../a/b", V024) == ".._a_b"
    assert escape_eid("a\\b\nc") == "a_b-c"
