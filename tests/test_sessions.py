"""A browser that a board let in is let in by the board that follows it on the same paths and port, and by no other."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import time
from pathlib import Path

import pytest

from crossboard.dashboard.serve import Served
from crossboard.dashboard.sessions import KEPT_S, MOST, Sessions
from crossboard.store.embedded import EmbeddedStore


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory in which the files lie."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "crossboard"


def digest(session: str) -> bytes:
    return hashlib.sha256(session.encode()).digest()


def status(port: int, path: str, cookie: str = "") -> tuple[int, str]:
    """The status of the answer, and the cookie that it sets."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path, headers={"Cookie": cookie} if cookie else {})
        reply = connection.getresponse()
        reply.read()
        return reply.status, (reply.getheader("set-cookie") or "").partition(";")[0]
    finally:
        connection.close()


def board(paths: list[str], port: int = 0, token: str = "") -> Served:
    made = Served(EmbeddedStore(memory=True), paths=paths, port=port, seal=False, token=token)
    made.announce()
    return made


def test_the_cookie_of_a_board_that_ended_opens_the_next_one_on_its_paths_and_port(runtime: Path) -> None:
    with board(["/runs"]) as first:
        _, cookie = status(first.port, f"/?token={first.door.mint() if first.door else ''}")
        assert status(first.port, "/api/board", cookie)[0] == 200
    with board(["/runs"], first.port) as again:
        assert again.port == first.port
        assert again.door is not None
        assert first.door is not None
        assert again.door.secret != first.door.secret
        assert status(again.port, "/api/board", cookie)[0] == 200
        assert status(again.port, "/api/board", cookie + "x")[0] == 401
    with board(["/other runs"], first.port) as other:
        assert status(other.port, "/api/board", cookie)[0] == 401
    with board(["/runs"], first.port, token="chosen") as chosen:
        assert status(chosen.port, "/api/board", cookie)[0] == 401
    (file,) = (one for one in runtime.glob("sessions-*.json") if one.stat().st_size > 2)
    assert cookie.partition("=")[2] not in file.read_text()  # digests only
    assert os.name != "posix" or file.stat().st_mode & 0o777 == 0o600


def test_a_chosen_secret_keeps_its_own_browsers_and_another_one_shuts_them_out() -> None:
    with board(["/runs"], token="first") as first:
        _, cookie = status(first.port, "/?token=first")
    with board(["/runs"], first.port, token="first") as again:
        assert status(again.port, "/api/board", cookie)[0] == 200
    with board(["/runs"], first.port, token="second") as changed:
        assert status(changed.port, "/api/board", cookie)[0] == 401


def test_a_board_that_was_not_announced_leaves_nothing(runtime: Path) -> None:
    with Served(EmbeddedStore(memory=True), paths=["/x"], port=0, seal=False) as quiet:
        assert quiet.door is not None
        status(quiet.port, f"/?token={quiet.door.mint()}")
    assert not runtime.exists()


def test_old_sessions_are_forgotten_and_only_so_many_are_kept(runtime: Path) -> None:
    book = Sessions(["/x"], 8123)
    book.add(digest("old"))
    (file,) = runtime.iterdir()
    file.write_text(json.dumps({digest("old").hex(): time.time() - KEPT_S - 1, digest("to come").hex(): time.time() + 3600}))
    assert book.known() == {}
    for number in range(MOST + 5):
        book.add(digest(str(number)))
    assert len(book.known()) == MOST
    assert digest(str(MOST + 4)) in book.known()
    assert digest("old") not in book.known()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"no hexadecimal": 1}', '{"ab": "yesterday"}', "\0" * 50])
def test_a_damaged_file_opens_nothing_and_is_written_anew(runtime: Path, content: str) -> None:
    book = Sessions(["/x"], 8123)
    book.add(digest("a"))
    (file,) = runtime.iterdir()
    file.write_text(content)
    assert book.known() == {}
    book.add(digest("b"))
    assert set(book.known()) == {digest("b")}


@pytest.mark.skipif(os.name != "posix", reason="file modes are a matter of POSIX")
def test_a_file_that_others_can_read_is_not_believed(runtime: Path) -> None:
    book = Sessions(["/x"], 8123)
    book.add(digest("a"))
    (file,) = runtime.iterdir()
    file.chmod(0o644)
    assert book.known() == {}


def test_where_nothing_can_be_written_sessions_end_with_the_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").write_text("")
    for name in ("XDG_RUNTIME_DIR", "CROSSBOARD_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "a file"))
    book = Sessions(["/x"], 8123)
    book.add(digest("a"))
    assert book.known() == {}
