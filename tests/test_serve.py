"""The served board, for real: a process, a port, a browser's requests, a second call, and an end by Ctrl-C."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

import crossboard as cb
from crossboard.dashboard import open_boards, sealer, serve
from crossboard.dashboard.open_boards import OpenBoard
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import SeriesKey
from crossboard.store.process import this_process
from crossboard.wiring import sources_for

START_S = 40.0


@dataclass
class Command:
    """A running `crossboard PATH` and what it has printed so far."""

    process: subprocess.Popen[str]
    printed: list[str]

    def text(self) -> str:
        return "".join(self.printed)

    def wait_for(self, words: str, seconds: float = START_S) -> str:
        end = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < end, f"no {words!r} in {self.text()!r}"
            assert self.process.poll() is None or words in self.text(), f"ended with {self.process.returncode}: {self.text()}"
            time.sleep(0.02)
        return self.text()

    def url(self) -> str:
        self.wait_for("Ctrl-C")
        return next(word for word in self.text().split() if word.startswith("http://"))

    def port(self) -> int:
        return int(self.url().split(":")[2].split("/")[0])

    def interrupt(self, number: int = signal.SIGINT, seconds: float = 15.0) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


Start = Callable[..., Command]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start commands; whatever still runs at the end is killed."""
    commands: list[Command] = []
    quiet = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION")}

    def begin(*words: str, **environment: str) -> Command:
        process = subprocess.Popen(
            [sys.executable, "-m", "crossboard", *words],
            env={**quiet, "XDG_RUNTIME_DIR": str(tmp_path / "runtime"), "PYTHONUNBUFFERED": "1", **environment},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        command = Command(process, [])
        stream = process.stdout
        assert stream is not None
        threading.Thread(target=lambda: command.printed.extend(iter(stream.readline, "")), daemon=True).start()
        commands.append(command)
        return command

    yield begin
    for command in commands:
        if command.process.poll() is None:
            command.process.kill()
            command.process.wait()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with two ended runs."""
    for name in ("first", "second"):
        run = cb.init(project="digits", name=name, dir=str(tmp_path / "runs"))
        run.log({"loss": 1.0}, step=0)
        run.finish()
    return tmp_path / "runs"


def ask(port: int, path: str, *, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def log_in(port: int, url: str) -> dict[str, str]:
    status, headers, _ = ask(port, "/" + url.split("/", 3)[3])
    assert status == 303, url
    return {"Cookie": headers["set-cookie"].partition(";")[0]}


def test_a_board_from_its_first_word_to_ctrl_c(start: Start, root: Path, tmp_path: Path) -> None:
    board = start(str(root), "--no-browser", "--port", "0")
    url, port = board.url(), board.port()
    assert f"{root}  (2 runs)" in board.text()
    assert f"ssh -L {port}:localhost:{port} " in board.text()

    assert ask(port, "/api/board")[0] == 401
    cookie = log_in(port, url)
    assert cookie["Cookie"].startswith(f"crossboard-{port}=")
    assert ask(port, "/" + url.split("/", 3)[3])[0] == 401  # the same link a second time, from another browser
    assert json.loads(ask(port, "/api/board", **cookie)[2])["runs"] == 2
    assert b"_dash-config" in ask(port, "/", **cookie)[2]
    assert ask(port, "/api/unknown", **cookie)[0] == 404
    assert ask(port, "/docs", **cookie)[0] == 404
    assert ask(port, "/api/board", Origin="http://evil.example", **cookie)[0] == 403
    assert ask(port, "/api/board", Host="evil.example", **cookie)[0] == 403

    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    # refused as a handshake, or as a plain request where uvicorn has no websocket library
    assert ask(port, "/_dash-ws-callback", **upgrade)[0] in (401, 403)
    assert ask(port, "/_dash-ws-callback", Origin="http://evil.example", **upgrade, **cookie)[0] == 403

    # a second call finds it, gives another link and ends
    second = start(str(root), "--no-browser")
    assert second.process.wait(START_S) == 0
    again = next(word for word in second.wait_for("http://").split() if word.startswith("http://"))
    assert f"A board is open on this path already (pid {board.process.pid})" in second.text()
    assert again.split("?")[0] == url.split("?")[0]
    assert again != url
    log_in(port, again)

    (file,) = (tmp_path / "runtime" / "crossboard").glob("board-*.json")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700

    # a run that is logged now is heard of, and open streams do not hold up the end
    streams = [http.client.HTTPConnection("127.0.0.1", port, timeout=20) for _ in range(5)]
    for stream in streams:
        stream.request("GET", "/api/events", headers=cookie)
    replies = [stream.getresponse() for stream in streams]
    assert replies[0].getheader("content-type") == "text/event-stream; charset=utf-8"
    assert replies[0].getheader("content-encoding") is None
    assert replies[0].readline() == b"event: hello\n"
    with cb.init(project="digits", name="third", dir=str(root)) as run:
        run.log({"loss": 1.0}, step=0)
        lines = iter(replies[0].readline, b"")
        change = next(line for line in lines if line.startswith(b"data: ") and b'"loss"' in line)
    assert json.loads(change[6:])["tags"] == ["loss"]
    begin = time.monotonic()
    assert board.interrupt() == 0
    assert time.monotonic() - begin < 8
    assert not {"Traceback", "ERROR", "WARNING"} & set(board.text().replace(":", " ").split())
    assert not file.exists()


def test_a_taken_port_is_said_and_another_one_is_used(start: Start, root: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        board = start(str(root), "--no-browser", "--port", str(taken), "--no-token")
        assert f"Port {taken} is taken; using {board.port()}." in board.text()
        assert "token" not in board.url()
        assert ask(board.port(), "/api/board")[0] == 200
        assert ask(board.port(), "/api/board", Host="evil.example")[0] == 403
        assert board.interrupt(signal.SIGTERM) == 0


def test_nothing_to_show_yet_opens_an_empty_board_that_fills(start: Start, tmp_path: Path) -> None:
    board = start("--no-browser", "--port", "0", "--no-token", SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22")
    port = board.port()
    assert "No runs/ here or in a parent directory" in board.text()
    assert "ssh -L" in board.text()
    assert json.loads(ask(port, "/api/runs")[2])["runs"] == []
    with cb.init(project="p", name="late", dir=str(tmp_path / "runs")) as run:
        run.log({"loss": 1.0}, step=0)
    end = time.monotonic() + 15
    while not json.loads(ask(port, "/api/runs")[2])["runs"]:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_board_that_was_killed_is_not_taken_for_an_open_one(start: Start, root: Path) -> None:
    first = start(str(root), "--no-browser", "--port", "0")
    first.url()
    first.process.kill()
    first.process.wait()
    second = start(str(root), "--no-browser", "--port", "0")
    assert "already" not in second.wait_for("Ctrl-C")
    assert second.interrupt() == 0


# ------------------------------------------------------------------------------------------------------- in process


def test_a_board_can_be_served_from_a_thread() -> None:
    with serve.Served(EmbeddedStore(memory=True), paths=["/x"], port=0, seal=False) as board:
        assert ask(board.port, "/api/board")[0] == 401
        token = board.url().partition("=")[2]
        assert ask(board.port, f"/?token={token}")[0] == 303
    with pytest.raises(OSError, match="refused"):
        ask(board.port, "/api/board")


def test_a_query_that_names_hundreds_of_runs_is_taken() -> None:
    with serve.Served(EmbeddedStore(memory=True), paths=["/x"], port=0, seal=False, ask_for_key=False) as board:
        runs = "&".join(f"run=native:/a/rather/long/path/to/some/project/2026-run-{number}" for number in range(800))
        assert ask(board.port, f"/api/curves?tag=loss&{runs}")[0] == 200


def test_the_board_seals_what_a_killed_run_left_and_nothing_that_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import crossboard as cb, os; cb.init(project='p', name='killed', dir='.'); cb.log({'loss': 2.0}, step=7); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == -signal.SIGKILL
    with cb.init(project="p", name="alive", dir=str(tmp_path)) as alive:
        alive.log({"loss": 1.0}, step=0)
        monkeypatch.setattr(sealer, "AFTER_S", 0.0)
        monkeypatch.setattr(sealer, "LOOK_S", 0.05)
        store = EmbeddedStore(sources_for([tmp_path]), memory=True)
        store.refresh()
        states = {run.name: run for run in store.runs()}
        assert (states["killed"].status, states["alive"].status) == ("killed", "running")
        keeper = sealer.Sealer(store)
        keeper.start()
        end = time.monotonic() + 20
        while list(Path(states["killed"].path).glob("*.cbj")):
            assert time.monotonic() < end
            time.sleep(0.05)
        keeper.stop()
        assert len(list(Path(states["killed"].path).glob("points-*.parquet"))) == 1
        assert len(list(Path(states["alive"].path).glob("points-*.cbj"))) == 1
        again = EmbeddedStore(sources_for([tmp_path]), memory=True)
        again.refresh()
        points = again.points(SeriesKey(states["killed"].key, "loss"))
        assert (points.step.tolist(), points.value.tolist()) == ([7], [2.0])


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    return monkeypatch


def test_the_tunnel_is_shown_exactly_when_a_browser_here_would_not_be_seen(no_display: pytest.MonkeyPatch) -> None:
    def shown() -> bool:
        return "ssh -L 8123:localhost:8123" in serve.opening("http://x/", 8123, paths=["/runs"])

    assert shown()
    no_display.setenv("DISPLAY", ":0")
    assert not shown()
    no_display.setenv("SSH_CONNECTION", "a 1 b 2")
    assert shown()
    no_display.delenv("SSH_CONNECTION")
    no_display.delenv("DISPLAY")
    no_display.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert not shown()


def test_a_host_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError, match=r".+"):
        serve.bind("192.0.2.1", 0)


# ------------------------------------------------------------------------------------------------------ open boards


def board_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    board = OpenBoard(
        address="127.0.0.1",
        host="127.0.0.1",
        port=1,
        base_path="",
        board="b",
        secret="s",
        process=this_process(),
        paths=["/x"],
    )
    path = open_boards.announce(msgspec.structs.replace(board, **changes))
    assert path is not None
    return path


def test_a_file_of_a_dead_board_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = board_file(tmp_path, monkeypatch, process=msgspec.structs.replace(this_process(), start_ticks=1))
    assert open_boards.find(["/x"]) is None
    assert not path.exists()


def test_another_server_on_the_port_is_not_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve.Served(EmbeddedStore(memory=True), paths=["/x"], port=0, seal=False) as board:
        board_file(tmp_path, monkeypatch, port=board.port, secret="another")
        assert open_boards.find(["/x"]) is None
        board_file(tmp_path, monkeypatch, port=board.port, secret=board.announced.secret, board="another")
        assert open_boards.find(["/x"]) is None
        board.announce()
        found = open_boards.find(["/x"])
        assert found is not None
        assert (found[0].port, found[0].board) == (board.port, board.newsroom.board)
        assert open_boards.find(["/y"]) is None


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_a_file_that_others_can_read_or_that_is_damaged_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve.Served(EmbeddedStore(memory=True), paths=["/x"], port=0, seal=False) as board:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        board.announce()
        assert open_boards.find(["/x"]) is not None
        (path,) = (tmp_path / "crossboard").iterdir()
        path.chmod(0o644)
        assert open_boards.find(["/x"]) is None
        path.chmod(0o600)
        path.write_text("{")
        assert open_boards.find(["/x"]) is None


def test_only_its_own_file_is_withdrawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = board_file(tmp_path, monkeypatch)
    open_boards.withdraw(path, "another board")
    assert path.exists()
    open_boards.withdraw(path, "b")
    assert not path.exists()
    open_boards.withdraw(path, "b")
