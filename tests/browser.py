"""What every test of the board in real Chromium stands on: a board over a root, pages that are watched, and waiting for conditions.

    with Board(root, cache, runs=3) as board:             # the command `crossboard`, in a process of its own
        page = open_page(board.url + "?page=runs")        # the fixture of conftest.py: waits until the page stands
        until(page, "crossboard.board.visible.length === 3")

A page that `open_page` opened fails its test when something was written to the console as an error, when a script threw, or when it
asked anything of another place than its board.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

AXE: Final = Path(__file__).parent / "vendor" / "axe.min.js"
WAIT_S: Final = 30.0

SETTLED: Final = "window.crossboard && crossboard.stats.started && crossboard.stats.pending === 0"
"""Nothing is waited for, whatever is shown."""

READY: Final = (
    f"{SETTLED} && (crossboard.state.run ? crossboard.run && crossboard.run.settled()"
    " && (crossboard.state.tab !== 'panes' || crossboard.panes && crossboard.panes.settled())"
    " : crossboard.state.page ? (page => page && page.settled())"
    "(crossboard[{runs: 'table', panes: 'panes'}[crossboard.state.page] || 'kinds'])"
    " : crossboard.stats.drawn > 0 || crossboard.board.tagsLoaded && !crossboard.grid.shown)"
)
"""The page that the address names stands: what is near the screen was read and drawn, or there is nothing to draw."""


# ---------------------------------------------------------------------------------------------------------- the board


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass
class Board:
    """The command `crossboard` over a root, in a process of its own, on a port that it keeps when it is started again.

    root, cache  directories: what is shown, and where the board may write what is its own
    runs         so many must have been read before `start` returns
    words        more words of the command line
    paths        more paths to be shown
    key          the board asks for a key; `link` opens it once
    wait         `start` returns only when all was read that there was
    before       done in the new process before the command begins
    """

    root: Path
    cache: Path
    runs: int = 0
    port: int = field(default_factory=free_port)
    words: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    key: bool = False
    wait: bool = True
    before: Callable[[], None] | None = None
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "crossboard", str(self.root), *map(str, self.paths), "--no-browser", "--port", str(self.port)]
        environment = {
            **os.environ,
            "CROSSBOARD_CACHE": str(self.cache),
            "CROSSBOARD_DATA": str(self.cache / "data"),
            "CROSSBOARD_SEAL": "0",
            "XDG_RUNTIME_DIR": str(self.cache),
            "PYTHONUNBUFFERED": "1",
            "CROSSBOARD_DIR": str(self.cache / "own"),
        }
        self.cache.mkdir(parents=True, exist_ok=True)
        with (self.cache / "printed").open("wb") as printed:
            words = self.words if self.key else (*self.words, "--no-token")
            self.process = subprocess.Popen(
                [*command, *words], env=environment, stdout=printed, stderr=subprocess.STDOUT, preexec_fn=self.before
            )
        end, told = time.monotonic() + WAIT_S, None
        while time.monotonic() < end:
            if self.process.poll() is not None:
                pytest.fail(f"the board ended: {self.printed()}")
            with contextlib.suppress(OSError, ValueError):
                told = self.ask("api/board")
                if not self.wait or (told["runs"] >= self.runs and not told["progress"]["busy"]):
                    return
            time.sleep(0.05)
        pytest.fail(f"the board did not read {self.runs} runs within {WAIT_S:.0f} s: {told}")

    def printed(self) -> str:
        """What it has printed so far."""
        return (self.cache / "printed").read_text(encoding="utf-8")

    def secret(self) -> str:
        """What opens a board that asks for a key: as the second call of the command reads it."""
        file = next(iter((self.cache / "crossboard").glob("board-*.json")))
        return str(json.loads(file.read_bytes())["secret"])

    def link(self) -> str:
        """A URL that opens a board that asks for a key, once."""
        return f"{self.url}?token={self._asked('api/open', method='POST')['token']}"

    def ask(self, path: str) -> Any:
        """What a data route answers, as JSON."""
        return self._asked(path)

    def _asked(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(self.url + path, method=method, data=b"" if method == "POST" else None)
        if self.key:
            try:
                request.add_header("Authorization", f"Bearer {self.secret()}")
            except StopIteration:
                raise OSError("the board has not announced itself") from None
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> None:
        """Kill it, as a machine that goes down would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Board:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


# --------------------------------------------------------------------------------------------------------- the pages


class Open(Protocol):
    """Open a URL in a browser of its own, or in that of the page `beside`, and wait for `ready`. Errors of the page fail the test at its
    end, but not on a page that is `broken` on purpose, nor any with one of the texts `expected` in it."""

    def __call__(
        self,
        url: str,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        ready: str = READY,
        broken: bool = False,
        expected: tuple[str, ...] = (),
        beside: Page | None = None,
    ) -> Page: ...


def below(open_page: Open, base: str, **always: Any) -> Open:
    """`open_page` for addresses that begin behind `base`, such as ``open_page("?x=wall")``, and with what is `always` chosen."""

    def open_(url: str, **more: Any) -> Page:
        return open_page(base + url, **{**always, **more})

    return open_


class Pages:
    """The pages of one test; `open` is what its fixture gives."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.opened: list[tuple[Page, list[str]]] = []

    def open(
        self,
        url: str,
        *,
        width: int = 1440,
        height: int = 900,
        scheme: str = "light",
        ready: str = READY,
        broken: bool = False,
        expected: tuple[str, ...] = (),
        beside: Page | None = None,
    ) -> Page:
        chosen: Any = scheme
        if beside is None:
            context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=chosen)
            context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = (beside.context if beside is not None else context).new_page()
        errors: list[str] = []
        if not broken:
            watch(page, urlsplit(url).netloc, errors, expected)
        self.opened.append((page, errors))
        page.goto(url)
        until(page, ready)
        return page

    def close(self) -> list[str]:
        """Close every page; return what was wrong with them."""
        for context in {id(page.context): page.context for page, _ in self.opened}.values():
            context.close()
        return [error for _, errors in self.opened for error in errors]


def watch(page: Page, place: str, errors: list[str], expected: tuple[str, ...] = ()) -> None:
    """Collect in `errors` what the page says is wrong, and what it asks of another place than `place`, host:port."""

    def wrong(words: str) -> None:
        if not any(one in words for one in expected):
            errors.append(words)

    def asked(url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob", "about") and urlsplit(url).netloc != place:
            errors.append(f"asked {url}")

    page.on("console", lambda message: wrong(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong(str(error)))
    page.context.on("request", lambda request: asked(request.url))  # workers of the page too
    page.on("websocket", lambda socket: asked(socket.url))


def until(page: Page, expression: str, *, timeout_s: float = WAIT_S) -> None:
    """Wait until `expression` holds in the page (its policy forbids Playwright's own waiting, which needs eval)."""
    end = time.monotonic() + timeout_s
    while not page.evaluate(f"Boolean({expression})"):
        if time.monotonic() > end:
            stats = page.evaluate("JSON.stringify(window.crossboard && crossboard.stats)")
            pytest.fail(f"not within {timeout_s:.0f} s: {expression}; stats: {stats}")
        time.sleep(0.03)


def settle(page: Page, expression: str = "true") -> None:
    """Wait until the page stands again and `expression` holds."""
    until(page, f"({READY}) && ({expression})")


def faults(page: Page, within: str = "") -> list[str]:
    """Serious and critical findings of axe-core, in the element that the selector `within` names or everywhere."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    where = f"document.querySelector({json.dumps(within)})" if within else "document"
    found = page.evaluate(f"axe.run({where}).then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html.slice(0, 200)]))")
    return [f"{name}: {html}" for impact, name, html in found if impact in ("serious", "critical")]


# ----------------------------------------------------------------------------------------------------- what stands there


def card(page: Page, tag: str) -> Any:
    """The card of a tag."""
    return page.locator(f'.cc[aria-label="{tag}, chart"]')


def foot(page: Page, tag: str) -> str:
    """What the foot of a tag's card says."""
    return str(card(page, tag).locator("footer").inner_text())


def row(page: Page, name: str) -> Any:
    """The rail's rows whose text holds `name`."""
    return page.locator(".rr", has_text=name)


def box_of(element: Locator) -> dict[str, float]:
    """Where an element lies: x, y, width, height in CSS pixels. One that is not there, or not shown, is an error."""
    box = element.bounding_box()
    assert box is not None
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def drag(page: Page, tag: str, start: float, end: float) -> None:
    """Drag over the plot of a card from one fraction of its width to another."""
    box = box_of(card(page, tag).locator("canvas.over"))
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, y)
    page.mouse.move(box["x"] + box["width"] * end, y)
    page.mouse.up()
