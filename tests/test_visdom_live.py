"""Visdom's real client against the board, beside a real Visdom server: the same calls, the same answers, the same panes."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crossboard.adapters.visdom.keeper import Keeper
from crossboard.adapters.visdom.messages import MOST_DEPTH
from crossboard.adapters.visdom.receiver import VisdomReceiver
from crossboard.dashboard.serve import Served
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import SeriesKey
from crossboard.store.native import NativeSource

visdom = pytest.importorskip("visdom", reason="visdom is not installed")
NEWER = tuple(map(int, visdom.__version__.split(".")[:2])) >= (0, 3)
beside_the_older = pytest.mark.skipif(NEWER, reason="compared pane by pane with a server of 0.2.4; that of 0.3.0 keeps and answers more")
TOKEN = "the token of this board"
PATIENCE_S = 30.0


def load(name: str) -> Any:
    """A module beside this one."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REAL = load("real_visdom")


@dataclass
class Board:
    """A served board that takes in what Visdom's clients send."""

    root: Path
    served: Served
    receiver: VisdomReceiver

    @property
    def port(self) -> int:
        return self.served.port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        """Status and text of the answer to a plain HTTP request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def post(self, path: str, body: Any, **headers: str) -> str:
        """The text of a good answer."""
        status, text = self.ask("POST", path, body, **headers)
        assert status == 200, text
        return text

    def event(self, event: dict[str, Any], eid: str = "main") -> int:
        """As the board's page posts it; returns how many programs heard it."""
        text = self.post("/api/pane-event", {"eid": eid, "event": event}, Authorization=f"Bearer {TOKEN}")
        return int(json.loads(text)["listeners"])

    def panes(self, eid: str = "main") -> Any:
        return json.loads(self.post("/win_data", {"win": None, "eid": eid}))


def serve_board(root: Path, **options: Any) -> Board:
    """A board over `root`, from a thread."""
    receiver = VisdomReceiver(str(root))
    store = EmbeddedStore([NativeSource(str(root))], memory=True)
    served = Served(store, paths=[str(root)], port=0, token=TOKEN, seal=False, receivers=[receiver], **options)
    served.start()
    return Board(root, served, receiver)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    made = serve_board(tmp_path / "runs")
    yield made
    made.served.close()
    made.served.store.close()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a real Visdom server."""
    with REAL.serve(tmp_path_factory.mktemp("visdom") / "env") as port:
        yield port


@pytest.fixture
def client(board: Board) -> Iterator[Callable[..., Any]]:
    """Makes clients of the board, and ends their threads."""
    made: list[Any] = []

    def make(**options: Any) -> Any:
        viz = REAL.client(board.port, **options)
        made.append(viz)
        return viz

    yield make
    for viz in made:
        viz.use_socket = False


def wait_for(condition: Callable[[], Any]) -> Any:
    """What `condition` gives as soon as it is true."""
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def comparable(value: Any) -> Any:
    """Without what is random; what is not a number as None, since 0.2.4 writes it now so and now so."""
    if isinstance(value, dict):
        return {key: comparable(one) for key, one in value.items() if key != "contentID"}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def change(viz: Any, env: str) -> list[Any]:
    """Appends, replacements, removals, options, and what is asked; returns all answers."""
    one, two = np.array([1.0]), np.array([1.0, 2.0])
    said = [
        viz.line(two, two, win="l", env=env, opts={"title": "changing", "legend": ["first"]}),
        viz.line(one, one * 5, win="l", env=env, update="append"),
        viz.line(two, two, win="l", env=env, name="second", update="append"),
        viz.line(two * 3, two * 4, win="l", env=env, name="second", update="replace"),
        viz.line(np.array([math.nan]), np.array([7.0]), win="l", env=env, name="second", update="append"),
        viz.scatter(np.array([[1.0, 2.0]]), win="l", env=env, name="third", update="append", opts={"markersize": 4}),
        viz.line(None, None, win="l", env=env, name="second", update="remove"),
        viz.update_window_opts("l", {"title": "changed", "xlabel": "x", "width": 300}, env=env),
        viz.line(two, two, win="none", env=env, update="replace"),
        viz.bar(two, win="b", env=env),
        viz._send({"data": [{"type": "scatter", "x": [1], "y": [1]}], "win": "b", "eid": env, "append": True}, endpoint="update"),
        viz.heatmap(np.eye(2), win="h", env=env),
        viz.heatmap(np.ones((1, 2)), win="h", env=env, update="appendRow"),
        viz.heatmap(np.ones((3, 1)), win="h", env=env, update="prependColumn"),
        viz.heatmap(np.ones((7, 7)), win="h", env=env, update="appendRow"),
        viz.text("one", win="t", env=env),
        viz.text("two", win="t", env=env, append=True),
        viz.text("nowhere", win="no text", env=env, append=True),
        viz.win_exists("t", env=env),
        viz.win_exists("nothing", env=env),
        viz.close("h", env=env),
        viz.win_exists("h", env=env),
        viz.heatmap(np.eye(3), win="h2", env=env),
        viz.set_window_data(json.dumps({**json.loads(viz.get_window_data("t", env=env)), "content": "set"}), win="t", env=env),
        viz.save([env, "no environment"]),
        viz.fork_env(env, f"{env}/copy"),
    ]
    return [text.replace(f"{env}_", "ENV_").replace(f'"{env}"', '"ENV"') if isinstance(text, str) else text for text in said]


# ---------------------------------------------------------------------------------------- beside a real server


@beside_the_older
def test_every_method_of_the_client_leaves_the_pane_that_visdom_keeps(
    board: Board, real: int, client: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")  # matplotlib writes the time and random names into its SVG
    with contextlib.suppress(ImportError):
        import matplotlib

        monkeypatch.setitem(matplotlib.rcParams, "svg.hashsalt", "same")
    REAL.draw_all(client(env="all"))
    REAL.draw_all(REAL.client(real, env="all"))
    ours, theirs = board.panes("all"), REAL.panes_of(real, "all")
    assert list(ours) == list(theirs)
    assert len(ours) > 30
    for window in theirs:
        assert comparable(ours[window]) == comparable(theirs[window]), window


@beside_the_older
@pytest.mark.parametrize("way", ["plain", "socket", "polling"])
def test_changes_are_answered_and_kept_as_by_visdom_whichever_way_events_come(
    board: Board, real: int, client: Callable[..., Any], way: str
) -> None:
    options: dict[str, Any] = {"use_incoming_socket": way == "socket", "use_polling": way == "polling", "env": way}
    viz, other = client(**options), REAL.client(real, env=way)
    assert viz.check_connection(timeout_seconds=5)
    assert change(viz, way) == change(other, way)
    for env in (way, f"{way}_copy"):
        assert comparable(board.panes(env)) == comparable(REAL.panes_of(real, env))
    assert {way, f"{way}_copy", "main"} <= set(viz.get_env_list())
    viz.delete_env(f"{way}_copy")
    assert f"{way}_copy" not in viz.get_env_list()
    assert viz.close(env=way) == ""
    assert board.panes(way) == {}


@beside_the_older
def test_what_is_saved_is_what_visdom_saves(board: Board, real: int, client: Callable[..., Any]) -> None:
    """A restarted board has every pane; a restarted Visdom server, after `save`, the same."""
    for viz in (client(env="saved"), REAL.client(real, env="saved")):
        change(viz, "saved")
        viz.line(np.array([0.5, math.inf, math.nan]), np.array([0.5, 1.5, 2.5]), win="odd", opts={"title": "odd"})
        viz.save(["saved"])
    kept = Keeper(str(board.root / "visdom"))
    restored = json.loads(kept.apply("saved", "win_data", {"win": None}).text)
    assert comparable(restored) == comparable(board.panes("saved")) == comparable(REAL.panes_of(real, "saved"))


# ------------------------------------------------------------------------------------------------ on the board


def test_curves_are_series_of_a_run_and_an_append_is_there_at_once(board: Board, client: Callable[..., Any]) -> None:
    viz = client(env="training")
    viz.line(np.array([3.0, 2.0]), np.arange(2), win="w", opts={"title": "loss"})
    store = board.served.store
    for step in range(2, 30):
        viz.line(np.array([1 / step]), np.array([step]), win="w", update="append")
    store.refresh()
    run = next(one for one in store.runs() if one.name == "training")
    assert (run.project, run.status) == ("visdom", "running")
    points = store.points(SeriesKey(run.key, "loss"))
    assert points.step.tolist() == list(range(30))
    assert points.value.tolist() == [3.0, 2.0, *(1 / step for step in range(2, 30))]


@pytest.mark.parametrize("polling", [False, True])
def test_what_a_person_does_on_the_board_reaches_the_program(board: Board, client: Callable[..., Any], polling: bool) -> None:
    viz = client(use_incoming_socket=not polling, use_polling=polling)
    heard: list[dict[str, Any]] = []
    viz.text("press a key", win="t")
    viz.properties([{"type": "number", "name": "lr", "value": "1"}], win="p")
    for window in ("t", "p"):
        viz.register_event_handler(heard.append, window)
    assert wait_for(lambda: board.event({"event_type": "KeyPress", "target": "t", "key": "a", "key_code": 65})) == 1
    assert board.event({"event_type": "Click", "target": "t", "image_coord": {"x": 1, "y": 2}}) == 1
    assert board.event({"event_type": "PropertyUpdate", "target": "p", "propertyId": 0, "value": "2"}) == 1
    assert board.event({"event_type": "KeyPress", "target": "nobody asked"}) == 1
    assert board.event({"event_type": "Close", "target": "t"}) == 1
    wait_for(lambda: len(heard) == 4)
    assert [one["event_type"] for one in heard] == ["KeyPress", "Click", "PropertyUpdate", "close"]
    assert (heard[0]["key"], heard[0]["eid"], heard[0]["pane_data"]["content"]) == ("a", "main", "press a key")
    assert heard[1]["image_coord"] == {"x": 1, "y": 2}
    assert heard[3]["pane_data"]["content"] == "press a key"
    assert not viz.win_exists("t")


def test_a_browser_of_visdoms_own_may_close_and_forward(board: Board, client: Callable[..., Any]) -> None:
    import websocket

    viz = client(use_incoming_socket=True)
    heard: list[dict[str, Any]] = []
    viz.text("shown", win="t")
    viz.register_event_handler(heard.append, "t")
    socket = websocket.create_connection(f"ws://localhost:{board.port}/socket", timeout=PATIENCE_S)
    greeting = [json.loads(socket.recv()) for _ in range(3)]
    assert [one["command"] for one in greeting] == ["register", "layout_update", "env_update"]
    socket.send(json.dumps({"cmd": "forward_to_vis", "data": {"event_type": "KeyPress", "target": "t", "eid": "main", "key": "x"}}))
    socket.send(json.dumps({"cmd": "layout_item_update", "eid": "main", "win": "t", "data": {"x": 1, "y": 2, "w": 3, "h": 4}}))
    socket.send("no JSON")

    def shown() -> Any:
        board.post("/env/main", {"sid": greeting[0]["data"]})
        told = [json.loads(socket.recv()) for _ in range(3)]
        assert [one["command"] for one in told] == ["reload", "window", "layout"]
        return told[0]["data"]

    assert wait_for(shown) == {"t": {"x": 1, "y": 2, "w": 3, "h": 4}}
    socket.send(json.dumps({"cmd": "close", "eid": "main", "data": "t"}))
    wait_for(lambda: len(heard) == 2)
    assert [one["event_type"] for one in heard] == ["KeyPress", "close"]
    assert wait_for(lambda: not viz.win_exists("t"))
    socket.close()


def test_fifty_clients_at_once_lose_nothing(board: Board) -> None:
    def draw(number: int) -> None:
        viz = REAL.client(board.port, env=f"env{number % 5}")
        for step in range(12):
            viz.line(np.array([float(step)]), np.array([step]), win=f"own{number}", update="append", opts={"title": f"own {number}"})
            viz.line(np.array([float(number)]), np.array([step]), win="shared", name=str(number), update="append")

    for env in range(5):  # a client that finds no window draws it, and so two at once would draw it twice
        REAL.client(board.port, env=f"env{env}").line(np.array([0.0]), np.array([0]), win="shared", name="first")
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(draw, range(50)))
    for env in range(5):
        panes = board.panes(f"env{env}")
        assert len(panes) == 11
        for number in range(env, 50, 5):
            assert panes[f"own{number}"]["content"]["data"][0]["y"] == list(map(float, range(12)))
        traces = {trace["name"]: trace for trace in panes["shared"]["content"]["data"]}
        assert sum(len(trace["y"]) for trace in traces.values()) == 121
    again = Keeper(str(board.root / "visdom"))
    assert comparable(json.loads(again.apply("env3", "win_data", {"win": None}).text)) == comparable(board.panes("env3"))


def test_a_page_of_visdoms_leads_to_the_panes_of_that_environment(board: Board, client: Callable[..., Any]) -> None:
    client(env="mine").text("x", win="t")
    connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=PATIENCE_S)
    connection.request("GET", "/env/mine", headers={"Authorization": f"Bearer {TOKEN}"})
    answer = connection.getresponse()
    assert answer.status == 303
    assert answer.headers["location"].startswith("/?page=panes&env=native")
    assert answer.headers["location"].endswith("visdom%2Fmine")
    connection.close()
    assert board.ask("GET", "/", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_the_newer_clients_calls_are_known(board: Board) -> None:
    """What 0.3.0 sends and 0.2.4 does not, as its source has it."""
    assert json.loads(board.ask("GET", "/health")[1]) == {"status": "ok"}
    board.post("/env/own", {"eid": "own"})
    board.post("/events", {"eid": "other", "win": "t", "data": [{"type": "text", "content": "x"}], "opts": {}})
    own = {"Cookie": "visdom-env=own"}
    assert set(json.loads(board.post("/env_state", {"eid": "own"}, **own))) == {"main", "own", "other"}
    assert json.loads(board.post("/env_state", {"eid": "other"}, **own))["t"]["content"] == "x"
    assert board.ask("POST", "/env_state", {"eid": "none"}, **own) == (404, '{"error":"env \'none\' not found"}')
    made = json.loads(board.post("/experiments/log", {"eid": "own", "action": "log", "params": {"lr": 0.1}}))
    assert made["params"] == [{"key": "lr", "value": 0.1, "dtype": "float"}]
    frame = {"type": "plot_history", "content": {"data": [], "layout": {}}}
    for endpoint in ("/events", "/update"):
        assert board.post(endpoint, {"eid": "own", "win": "h", "data": [frame], "opts": {}}) == "h"
    assert (len(board.panes("own")["h"]["content"]), board.panes("own")["h"]["selected"]) == (2, 1)
    missing = board.ask("POST", "/update", {"eid": "own", "data": []})
    assert missing == (400, "missing required field: win")


def test_a_saved_environment_can_be_uploaded(board: Board) -> None:
    import requests

    saved = {"jsons": {"t": {"id": "t", "type": "text", "content": "x", "title": "", "i": 0}}, "reload": {}}
    for content, status in ((json.dumps(saved), 200), ("{}", 400), ("no JSON", 400)):
        answer = requests.post(f"http://127.0.0.1:{board.port}/upload_env", files={"file": ("mine.json", content)}, timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["success"]) == (status, status == 200)
    eid = next(name for name in json.loads(board.post("/env_state", {})) if name.startswith("uploaded_mine_"))
    assert board.panes(eid)["t"]["content"] == "x"


@pytest.mark.skipif(not NEWER, reason="Visdom 0.3 needs Python 3.12 and is not installed")
def test_the_newer_client_draws_tracks_and_asks(board: Board, client: Callable[..., Any]) -> None:
    viz = client(env="newer", use_incoming_socket=True)
    viz.learning_curve({"loss": 0.5}, step=0, win="curve")
    viz.experiment(name="first", params={"lr": 0.1})
    assert viz.log_metrics({"loss": 0.25}, step=1)["metrics"][0]["value"] == 0.25
    assert viz.finish_experiment()["status"] == "finished"
    for value in (0.0, 1.0):
        viz.image(np.full((3, 4, 4), value), win="h", opts={"store_history": True})
    viz.update_image_slider("h", 0)
    assert board.panes("newer")["h"]["selected"] == 0
    assert viz.get_env_state("none") is None
    assert "newer" in viz.get_env_list()


# ------------------------------------------------------------------------------------------- kill -9, in earnest


def start_board(root: Path) -> tuple[subprocess.Popen[str], int]:
    """`crossboard ROOT` as a process of its own, and its port."""
    environment = {**os.environ, "CROSSBOARD_SEAL": "0", "PYTHONUNBUFFERED": "1", "XDG_CACHE_HOME": str(root.parent / "cache")}
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-m", "crossboard", str(root), "--port", "0", "--no-browser"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if "http://" in line:
            threading.Thread(target=process.stdout.read, daemon=True).start()
            return process, int(line.split("http://")[1].split(":")[1].split("/")[0])
    raise AssertionError("the board did not start")


def test_a_board_that_is_killed_has_lost_nothing_that_it_answered(tmp_path: Path) -> None:
    root = tmp_path / "runs"
    root.mkdir()
    answered = {"loss": 0, "text": 0}
    for round_number in range(2):
        process, port = start_board(root)
        try:
            viz = REAL.client(port)
            if round_number:
                assert viz.win_exists("loss")
                pane = json.loads(viz.get_window_data("loss"))
                assert pane["content"]["data"][0]["x"][: answered["loss"]] == list(range(answered["loss"]))
                assert len(pane["content"]["data"][0]["x"]) <= answered["loss"] + 1
                answered["loss"] = len(pane["content"]["data"][0]["x"])
                answered["text"] = len(json.loads(viz.get_window_data("text"))["content"].split("<br>"))
            wanted = answered["loss"] + 12

            def kill_in_the_midst(board: int = process.pid, wanted: int = wanted) -> None:
                while answered["loss"] < wanted:
                    time.sleep(0.02)
                os.kill(board, signal.SIGKILL)

            killer = threading.Thread(target=kill_in_the_midst, daemon=True)
            killer.start()
            try:
                while True:
                    step = answered["loss"]
                    viz.line(np.array([step / 2]), np.array([step]), win="loss", update="append", opts={"title": "loss"})
                    answered["loss"] += 1
                    viz.text(f"step {step}", win="text", append=answered["text"] > 0)
                    answered["text"] += 1
            except ConnectionError:
                pass
        finally:
            process.kill()
            process.wait()
    panes = json.loads(Keeper(str(root / "visdom")).apply("main", "win_data", {"win": None}).text)
    trace = panes["loss"]["content"]["data"][0]
    assert answered["loss"] > 10
    assert trace["x"][: answered["loss"]] == list(range(answered["loss"]))
    assert trace["y"][: answered["loss"]] == [step / 2 for step in range(answered["loss"])]
    assert len(panes["text"]["content"].split("<br>")) in (answered["text"], answered["text"] + 1)


# ------------------------------------------------------------------------------- what is malformed, and what is foreign

LINE = {"win": "w", "data": [{"type": "scatter", "x": [1], "y": [2]}], "layout": {}, "opts": {}}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/events", b"", 400, "no JSON"),
        ("/events", b"\xff\xfe", 400, "no JSON"),
        ("/events", b"[1]", 400, "want a JSON object"),
        ("/events", {"data": "x"}, 400, "want a list of objects"),
        ("/events", {"data": [{"type": "image", "content": None}], "eid": 7}, 400, "eid"),
        ("/events", b"[" * 100_000, 400, "deeper"),
        ("/events", {**LINE, "layout": json.loads("[" * 90 + "]" * 90)}, 400, "deeper"),
        ("/events", b'{"data": [{"type": "text", "content": "\\ud800"}]}', 400, "surrogate"),
        ("/events", {**LINE, "eid": "x" * 2000}, 400, "1 to 1000 characters"),
        ("/update", {"win": "w", "data": [{"type": "scatter", "x": [1]}], "append": True}, 400, "want a list in y"),
        ("/update", {"win": ["w"], "data": []}, 400, "want the id of a window"),
        ("/update", {"win": "w", "data": {}}, 400, "want a list of objects"),
        ("/win_data", {"win": "none"}, 404, "Window none doesn't exist in env main"),
        ("/win_data", {"win": "w", "data": "["}, 400, "want JSON as text"),
        ("/fork_env", {"prev_eid": "none", "eid": "x"}, 404, "doesn't exist"),
        ("/save", {"data": 1}, 400, "want a list"),
        ("/experiments/log", {"action": "metrics"}, 400, "non-empty"),
        ("/vis_socket_wrap", {"message_type": "query", "sid": "unknown"}, 200, "closed"),
    ],
)
def test_a_malformed_post_is_answered_in_words_and_loses_nothing(board: Board, path: str, body: Any, status: int, words: str) -> None:
    board.post("/events", LINE)
    before = board.panes()
    got, text = board.ask("POST", path, body)
    assert (got, words in text) == (status, True), text
    assert board.panes() == before
    assert board.post("/update", {**LINE, "append": True}) == "w"
    assert board.panes()["w"]["content"]["data"][0]["x"] == [1, 1]
    assert MOST_DEPTH < 90


def test_a_pane_of_an_odd_shape_is_given_back_and_hurts_no_later_call(board: Board) -> None:
    odd = {"type": "plot", "content": {"data": [{"type": "scatter", "x": [1], "y": [2]}], "layout": 5}, "title": {"not": "text"}}
    board.post("/win_data", {"win": "odd", "data": json.dumps(odd)})
    board.post("/win_data", {"win": "text", "data": json.dumps({"type": "text", "content": None})})
    before = board.panes()
    for message in ({**LINE, "append": True, "layout": {"a": 1}, "win": "odd"}, {**LINE, "win": "text"}):
        status, text = board.ask("POST", "/update", message)
        assert (status, "update" in text) == (400, True), text
    after = board.panes()
    assert {window: {key: after[window][key] for key in pane} for window, pane in before.items()} == before
    assert board.post("/events", LINE) == "w"


def test_a_picture_that_would_burst_a_browser_and_a_body_without_end_are_refused(board: Board) -> None:
    import base64
    import struct

    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 100_000, 100_000) + b"\x08\x02\x00\x00\x00" + bytes(64)
    source = "data:image/png;base64," + base64.b64encode(head).decode()
    status, text = board.ask("POST", "/events", {"win": "i", "data": [{"type": "image", "content": {"src": source}}]})
    assert (status, "100000 x 100000 pixels" in text) == (413, True)
    connection = http.client.HTTPConnection("127.0.0.1", board.port, timeout=PATIENCE_S)
    connection.putrequest("POST", "/events")
    connection.putheader("Content-Length", str(1 << 40))
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, b"MiB" in answer.read()) == (413, True)
    connection.close()


def test_names_of_environments_stay_in_their_directory(board: Board) -> None:
    for name in ("../../out", "..", "a/b", "a\\b", ".hidden", "a:b", "a-b", "con", "ü" * 300):
        board.post("/events", {**LINE, "eid": name})
    inside = board.root / "visdom"
    assert {path.parent for path in inside.parent.parent.rglob("run.json")} == set(inside.iterdir())
    assert len(list(inside.iterdir())) == 8  # a/b and a\\b are one environment, a_b
    names = set(json.loads(board.post("/env_state", {})))
    assert {".._.._out", "..", "a_b", ".hidden", "a:b", "a-b", "con"} <= names


def test_a_full_disk_is_said_and_what_was_kept_stays(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    board.post("/events", LINE)
    from crossboard.adapters.visdom import journal

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_blob", full)
        status, text = board.ask("POST", "/events", {**LINE, "win": "other"})
        assert (status, "No space left" in text) == (507, True)
    assert list(board.panes()) == ["w"]
    assert board.post("/events", {**LINE, "win": "other"}) == "other"


def test_a_root_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no directory")
    board = serve_board(tmp_path / "runs")
    try:
        status, text = board.ask("POST", "/events", LINE)
        assert (status, "not kept" in text) == (507, True)
        assert board.ask("POST", "/env/main", {"eid": "main"})[0] == 507
        assert board.post("/win_exists", {"win": "w"}) == "false"
    finally:
        board.served.close()
        board.served.store.close()


def test_only_programs_of_the_same_user_or_with_the_token_are_let_in(board: Board) -> None:
    assert board.post("/win_exists", {"win": "w"}) == "false"
    for headers in ({"X_Forwarded_For": "1.2.3.4"}, {"Forwarded": "for=1.2.3.4"}, {"Sec_Fetch_Site": "same-origin"}):
        status, text = board.ask("POST", "/events", LINE, **headers)
        assert (status, "TOKEN" in text) == (401, True), headers
    for headers in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Host": "evil.example"}):
        assert board.ask("POST", "/events", LINE, **headers)[0] == 403, headers
    assert board.ask("POST", "/api/pane-event", {"eid": "main", "event": {}})[0] == 401
    assert board.ask("GET", "/api/board")[0] == 401
    assert board.ask("GET", "/env/main")[0] == 401
    assert board.ask("POST", "/", {"username": "me", "password": "x" * 100_000})[0] == 413
    assert board.panes() == {}


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become another user")
def test_a_program_of_another_user_is_refused(board: Board, tmp_path: Path) -> None:
    script = tmp_path / "other.py"
    body = '{"win": "w"}'
    asked = f"POST /win_exists HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    script.write_text(
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "s = socket.socket(); s.settimeout(30); s.connect(('127.0.0.1', int(sys.argv[1])))\n"
        f"s.sendall({asked.encode()!r})\n"
        "print(b''.join(iter(lambda: s.recv(65536), b'')).decode())\n"
    )
    ran = subprocess.run([sys.executable, str(script), str(board.port)], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout.startswith("HTTP/1.1 401"), ran.stderr
    assert "crossboard: this board asks for a key" in ran.stdout


def test_visdoms_username_and_password_carry_the_token(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    from crossboard.adapters.visdom import receiver

    monkeypatch.setattr(receiver, "is_same_user", lambda *_: False)  # as from another machine
    with pytest.raises(RuntimeError, match="Authentication failed"):
        REAL.client(board.port, username="me", password="wrong")
    assert "asks for a key" in REAL.client(board.port).text("x", win="t")
    viz = REAL.client(board.port, username="me", password=TOKEN, use_incoming_socket=True)
    assert viz.text("x", win="t") == "t"
    heard: list[Any] = []
    viz.register_event_handler(heard.append, "t")
    wait_for(lambda: board.event({"event_type": "KeyPress", "target": "t", "key": "a"}))
    wait_for(lambda: heard)
    viz.use_socket = False


def test_a_base_path_is_the_clients_base_url(tmp_path: Path) -> None:
    board = serve_board(tmp_path / "runs", base_path="/proxy/8123")
    try:
        for base in ("/proxy/8123", "/"):
            viz = REAL.client(board.port, base_url=base, use_incoming_socket=True)
            assert viz.text("x", win="t") == "t"
            assert viz.check_connection(timeout_seconds=5)
            viz.use_socket = False
    finally:
        board.served.close()
        board.served.store.close()
