"""Serving a board: port, keys, browser, and an end that does not wait for open streams.

    with Served(store, paths=["/data/runs"]) as board:      # in a thread of this process
        print(board.url())

    serve(store, paths=[...], port=8123)                   # until Ctrl-C

The port is bound before anything is printed: when the wanted one is taken the system gives a free one, and `Served.moved` says so.
"""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import uvicorn
from dash import Dash
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from ..store.process import this_process
from ..store.store import Store
from . import open_boards
from .app import Receiver, create_app
from .downloads import Exporter
from .events import Newsroom
from .open_boards import OpenBoard
from .safety import Door
from .sealer import Sealer
from .sessions import Sessions

DEFAULT_PORT: Final = 8123
WILDCARDS: Final = ("0.0.0.0", "::", "")
STOP_S: Final = 3.0
FIRST_READ_S: Final = 0.7
"""How long the opening words wait for the number of runs."""


def bind(host: str, port: int) -> tuple[socket.socket, bool]:
    """Return a listening socket on `port`, or on a free port when it is taken, and whether it was taken.

    Raises:
        OSError: the host is none of this machine, or the port may not be used.
    """
    family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    for wanted in (port, 0):
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address[0], wanted, *address[2:]))
            listener.listen(256)
        except OSError as error:
            listener.close()
            if wanted == 0 or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
            continue
        return listener, wanted != port
    raise AssertionError("unreachable")


class _Connection(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes
    """uvicorn's own, but requests of one connection share ``scope["state"]["connection"]``: what was found out about its other end."""

    def __init__(self, config: uvicorn.Config, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, {**app_state, "connection": {}}, _loop)


class _Server(uvicorn.Server):
    """uvicorn, but open event streams end when the server is asked to stop, and not after it."""

    def __init__(self, config: uvicorn.Config, newsroom: Newsroom) -> None:
        super().__init__(config)
        self._newsroom = newsroom

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._newsroom.end_streams()
        await super().shutdown(sockets=sockets)


class Served:
    """A board on its port. Made, it is bound; `start` serves from a thread, `run` in the calling one; `close` ends both.

    Args:
        store: what is shown; it stays the caller's to close.
        paths: absolute paths behind the store, by which a second call finds this board.
        host, port: where to listen.
        Others: as for `create_app`.
    """

    def __init__(
        self,
        store: Store,
        *,
        paths: Sequence[str],
        host: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        title: str = "crossboard",
        exporters: Iterable[Exporter] = (),
        aliases: str | None = None,
        receivers: Iterable[Receiver] = (),
        ask_for_key: bool = True,
        token: str = "",
        base_path: str = "",
        hosts: Collection[str] = (),
        version: str = "",
        seal: bool = True,
    ) -> None:
        self.store = store
        self.host = host
        self.app: Dash = create_app(
            store,
            title=title,
            exporters=exporters,
            aliases=aliases,
            receivers=receivers,
            token=token,
            ask_for_key=ask_for_key,
            base_path=base_path,
            hosts=[name for name in (_bracketed(host), *hosts) if name and name not in WILDCARDS],
            version=version,
        )
        self.door: Door | None = self.app.server.state.door
        self.newsroom: Newsroom = self.app.server.state.newsroom
        self._listener, self.moved = bind(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._sealer = Sealer(store) if seal else None
        config = uvicorn.Config(
            self.app.server,
            http=_Connection,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=75,
            h11_max_incomplete_event_size=4 << 20,
        )
        self._server = _Server(config, self.newsroom)
        self._thread: threading.Thread | None = None
        local = "127.0.0.1" if host in WILDCARDS else host
        self.announced = OpenBoard(
            address="::1" if host == "::" else local,
            host=_bracketed(local),
            port=self.port,
            base_path=str(self.app.config.requests_pathname_prefix).rstrip("/"),
            board=self.newsroom.board,
            secret=self.door.secret if self.door is not None else "",
            process=this_process(),
            paths=list(paths),
        )
        self._file: Path | None = None
        self._sessions = Sessions(paths, self.port, secret=token)

    def url(self) -> str:
        """A URL that opens the board, once."""
        return self.announced.url(self.door.mint() if self.door is not None else "")

    def announce(self) -> None:
        """Let a second call on the same paths find this board, and the browsers that its predecessor let in come back."""
        if self.door is not None:
            self.door.keep(self._sessions)
        self._file = open_boards.announce(self.announced)

    def start(self, *, timeout_s: float = 20.0) -> None:
        """Serve from a thread; return when requests are answered."""
        self._thread = threading.Thread(target=self.run, name="crossboard-server", daemon=True)
        self._thread.start()
        end = time.monotonic() + timeout_s
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise RuntimeError(f"the board did not start on port {self.port} within {timeout_s:.0f} s")
            time.sleep(0.01)

    def run(self) -> None:
        """Serve until `close` is called or, in the main thread, the process is interrupted."""
        if self._sealer is not None:
            self._sealer.start()
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn has ended already and hands the signal on
            self._server.run(sockets=[self._listener])

    def close(self) -> None:
        """End the streams, the server and the threads. Any number of times."""
        open_boards.withdraw(self._file, self.newsroom.board)
        self._server.should_exit = True
        if self._sealer is not None:
            self._sealer.stop()
        self.newsroom.stop()
        if self._thread is not None:
            self._thread.join(timeout=STOP_S)
        self._listener.close()

    def __enter__(self) -> Served:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def has_display() -> bool:
    """Whether a browser opened here would be seen by the person who asked for it."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def tunnel_line(port: int) -> str:
    """The command that brings `port` to the person's own machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this uid, as in some containers
        user = "user"
    return f"ssh -L {port}:localhost:{port} {user}@{socket.gethostname()}"


def serve(
    store: Store,
    *,
    paths: Sequence[str],
    open_browser: bool = True,
    say: Callable[[str], None] = print,
    **options: Any,
) -> None:
    """Serve until Ctrl-C or SIGTERM, then close the store. `options`: as for `Served`."""
    served = Served(store, paths=paths, **options)
    wanted = options.get("port", DEFAULT_PORT)
    previous = signal.signal(signal.SIGTERM, _interrupt) if threading.current_thread() is threading.main_thread() else None
    try:
        served.announce()
        if served.moved:
            say(f"Port {wanted} is taken; using {served.port}.")
        served.newsroom.start()
        served.newsroom.first_read.wait(FIRST_READ_S)
        say(opening(served.url(), served.port, paths=paths, store=store, host=served.host))
        if open_browser and has_display():
            _open_soon(served)
        served.run()
    except KeyboardInterrupt:
        pass
    finally:
        served.close()
        store.close()
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _open_soon(served: Served) -> None:
    """Open the browser as soon as the board answers; the printed link stays unused."""

    def wait_and_open() -> None:
        for _ in range(400):
            if served._server.started:
                webbrowser.open(served.url())
                return
            time.sleep(0.05)

    threading.Thread(target=wait_and_open, name="crossboard-browser", daemon=True).start()


def opening(url: str, port: int, *, paths: Sequence[str], store: Store | None = None, host: str = "127.0.0.1", here: bool = True) -> str:
    """What is printed when a board is open: its URL, what it shows, and how to reach it from elsewhere. `here`: in this very
    process, which Ctrl-C ends."""
    lines = ["", f"  crossboard   {url}"]
    counts: Counter[str] = Counter()
    for source in store.sources() if store is not None else ():
        counts[source.path] += source.runs  # of every format that lies there
    for place, path in enumerate(paths):
        runs = counts[path]
        count = f"  ({runs} run{'' if runs == 1 else 's'})" if runs else ""
        lines.append(f"  {'watching' if place == 0 else '':<12} {path}{count}")
    if not has_display():
        lines.append(f"  {'from afar':<12} {tunnel_line(port)}")
    if host in WILDCARDS:
        lines.append(f"  {'note':<12} other machines must ask by a name that --allow-host lists")
    if here:
        lines.append(f"  {'end':<12} Ctrl-C")
    return "\n".join([*lines, ""])
