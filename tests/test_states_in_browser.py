"""What a person sees when something is missing, slow, damaged or gone, in real Chromium: the page says which, and goes on when it can."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crossboard as cb
from browser import SETTLED, Board, Open, faults, settle, until
from crossboard.dashboard import events
from crossboard.dashboard.serve import Served
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.native import NativeSource
from crossboard.wiring import sources_for

pytestmark = pytest.mark.browser

DRAWN = "crossboard.grid.cards.get('loss').drawn"
CANNOT_READ = (1, 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: with them a superuser reads what nobody may (linux/capability.h)."""


def log(root: Path, name: str, *, points: int = 50) -> Path:
    """A finished run; returns its directory."""
    with cb.init(project="p", name=name, dir=root, system=False) as run:
        for step in range(points):
            run.log({"loss": 1 / (1 + step)}, step=step)
        return root / "p" / str(run.id)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    """A board that asks for a key, as the command makes it, over two finished runs and one that goes on."""
    for name in ("first", "second"):
        log(tmp_path / "runs", name)
    made = Board(tmp_path / "runs", tmp_path / "cache", runs=2, key=True)
    yield made
    made.stop()


# ------------------------------------------------------------------------------------------------- a server that goes away


def test_a_board_that_is_started_again_goes_on_in_the_same_page_with_the_same_key(board: Board, open_page: Open) -> None:
    board.start()
    with cb.init(project="p", name="goes on", dir=board.root, system=False) as live:
        live.log({"loss": 1.0}, step=0)
        page = open_page(board.link() + "&x=relative&hide=abcdef", broken=True)
        until(page, "crossboard.live.heard && crossboard.board.order.length === 3")
        assert "token" not in page.url
        page.evaluate(
            "window.waits = []; crossboard.live.on('state', () => { const next = 1000 * crossboard.live.nextAt;"
            " if (next && next !== window.last) { window.last = next; waits.push(next - Date.now()); } })"
        )
        board.stop()
        until(page, "document.querySelector('.ban')")
        words = page.locator(".ban").inner_text()
        assert "Connection lost, data as of " in words
        assert "What was read stays; new points are not shown." in words
        assert "Not live" in page.locator("#live").inner_text()
        assert page.evaluate(f"{DRAWN}.length") == 3
        until(page, "waits.length > 2")
        assert page.evaluate("waits.slice(0, 3).every((wait, i) => !i || wait > 1.5 * waits[i - 1])")  # ever more rarely
        assert page.evaluate("waits.every(wait => wait <= 15000)")
        live.log({"loss": 0.25}, step=1)  # while nobody reads
        board.start()
        page.get_by_role("button", name="Try now").click()
        until(page, "!document.querySelector('.ban') && crossboard.live.connected")
        settle(page, f"{DRAWN}.some(one => one.curve.y.includes(0.25))")
        live.log({"loss": 0.125}, step=2)
        until(page, f"{DRAWN}.some(one => one.curve.y.includes(0.125))")
    assert "x=relative" in page.url
    assert "hide=abcdef" in page.url


def test_a_board_with_another_key_says_what_to_do_and_a_link_in_another_tab_brings_this_page_back(board: Board, open_page: Open) -> None:
    board.start()
    page = open_page(board.link(), broken=True)
    until(page, "crossboard.live.heard")
    board.stop()
    shutil.rmtree(board.cache / "crossboard")  # as when the machine was started anew and its runtime directory is empty
    board.start()
    until(page, "crossboard.live.refused")
    words = page.locator(".ban").inner_text()
    assert "does not know this browser. Run the same crossboard command once more where it runs and open the link that it prints" in words
    assert page.evaluate(f"{DRAWN}.length") == 2
    assert faults(page) == []
    other = page.context.new_page()
    other.goto(board.link())
    until(other, SETTLED)
    until(page, "!document.querySelector('.ban') && crossboard.live.connected")
    settle(page)


class Tunnel(threading.Thread):
    """A TCP tunnel that can fall silent without an end, as one over ssh does when the machine sleeps or the network changes."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.target = port
        self.flows = threading.Event()
        self.flows.set()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(64)
        self.port: int = self.listener.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self.flows.wait()
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                end.close()


def test_a_stream_that_falls_silent_without_an_error_is_taken_for_lost_and_opened_anew(
    tmp_path: Path, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.4)
    live = cb.init(project="p", name="goes on", dir=tmp_path, system=False)
    live.log({"loss": 1.0}, step=0)
    store = EmbeddedStore(sources_for([tmp_path]), memory=True)
    with Served(store, paths=[str(tmp_path)], port=0, seal=False, ask_for_key=False) as served:
        tunnel = Tunnel(served.port)
        tunnel.start()
        page = open_page(f"http://127.0.0.1:{tunnel.port}/", broken=True)
        until(page, "crossboard.live.heard")
        tunnel.flows.clear()
        live.log({"loss": 0.5}, step=1)
        until(page, "!crossboard.live.connected && document.querySelector('.ban')")
        assert "Not live" in page.locator("#live").inner_text()
        tunnel.flows.set()
        until(page, f"crossboard.live.connected && {DRAWN}.some(one => one.curve.y.includes(0.5))")
        assert page.locator(".ban").count() == 0
        page.close()
        tunnel.listener.close()
    live.finish()
    store.close()


# ------------------------------------------------------------------------------------------------- what is there to read


def test_a_directory_without_runs_is_named_once_and_the_page_has_nothing_else_to_show(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "notes.txt").write_text("nothing that was logged")
    with Board(tmp_path / "photos", tmp_path / "cache", words=("--no-visdom",)) as board:
        page = open_page(board.url)
        until(page, "document.querySelector('.wait')?.innerText.includes('looked at')")
        words = page.locator(".wait").inner_text()
        assert words.count("photos") == 1
        assert "0 runs, looked at " in words
        assert page.locator("#rail").is_hidden()
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.close()


class Slow(NativeSource):
    """Native runs on a disk that gives a run only when it is let."""

    gate = threading.Semaphore(0)

    def read(self, *arguments: Any, **named: Any) -> Any:
        self.gate.acquire()
        try:
            return super().read(*arguments, **named)
        finally:
            if self.open_for_good:
                self.gate.release()

    open_for_good = False


def test_a_long_first_reading_says_how_far_it_is_and_charts_come_as_it_goes(tmp_path: Path, open_page: Open) -> None:
    for name in ("a", "b", "c"):
        log(tmp_path, name)
    source = Slow(tmp_path)
    store = EmbeddedStore([source], memory=True)
    with Served(store, paths=[str(tmp_path)], port=0, seal=False, ask_for_key=False) as served:
        page = open_page(f"http://127.0.0.1:{served.port}/", ready=f"{SETTLED} && document.querySelector('#empty').innerText")
        until(page, "document.querySelector('#empty').innerText.includes('0 of 3 runs')")
        assert "Runs appear here as they are read." in page.locator("#empty").inner_text()
        assert page.locator(".hello").count() == 0  # not taken for a board without runs
        source.gate.release()
        until(page, "crossboard.board.order.length === 1 && document.querySelector('#rail-foot').innerText.includes('1 of 3 runs')")
        settle(page, f"{DRAWN}.length === 1")
        source.open_for_good = True
        source.gate.release()
        settle(page, f"{DRAWN}.length === 3 && !document.querySelector('#rail-foot').innerText.includes('of 3 runs')")
        page.close()
    store.close()


def unable_to_read_what_is_locked() -> None:
    """In a child of a superuser: give up what lets it read a directory of mode 0."""
    if os.getuid() == 0:
        for capability in CANNOT_READ:
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="permissions are taken away in Linux' way")
def test_a_damaged_file_and_one_that_may_not_be_read_are_named_with_what_is_wrong(tmp_path: Path, open_page: Open) -> None:
    damaged, locked, good = (log(tmp_path / "some runs", name) for name in ("damaged", "locked", "good"))
    file = next(damaged.glob("records-*.cbr"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)
    locked.chmod(0)
    try:
        with Board(tmp_path / "some runs", tmp_path / "cache", runs=2, before=unable_to_read_what_is_locked) as board:
            page = open_page(board.url)
            until(page, "document.querySelectorAll('#problems tbody tr').length === 2")
            told = page.locator("#problems").inner_text()
            assert f"{locked}: Permission denied" in told
            assert file.name in told
            assert "checksum" in told
            assert page.locator("#problems td.num", has_text="0").count() == 1  # at which byte
            assert "1 file is damaged; everything else in it was read" in told
            assert f"crossboard verify '{tmp_path / 'some runs'}'" in told
            assert page.evaluate(f"{DRAWN}.length") == 2
            assert faults(page) == []
            page.set_viewport_size({"width": 390, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert page.locator("#problems td.what").first.is_visible()
            page.close()
    finally:
        locked.chmod(0o755)
    assert good.exists()


def test_a_run_whose_directory_goes_leaves_the_charts_and_its_page_says_so(board: Board, open_page: Open) -> None:
    going = log(board.root, "goes away")
    board.runs = 3
    board.key = False
    board.start()
    charts = open_page(board.url)
    key = charts.evaluate("crossboard.board.order.find(run => run.name === 'goes away').key")
    page = open_page(f"{board.url}?run={key}", expected=("404 (Not Found)",))  # the browser's own word on what went
    shutil.rmtree(going)
    until(charts, "crossboard.board.order.length === 2")
    settle(charts, f"{DRAWN}.length === 2")
    until(page, "document.querySelector('#page').innerText.includes('This run is not there any more')")
    for one in (page, charts):
        one.close()
