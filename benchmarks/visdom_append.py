"""What Visdom's protocol costs the board: an append at growing sizes, 50 clients at once, and the zoom of a large pane.

    python3 dev.py bench visdom_append [--quick]

*Server's own share*: the same body goes to ``/update`` and to an empty route of the same app, in turns over one kept connection; the
share is the difference of the medians. Bar: at most 1 ms, at 100 and at 100,000 points. A real Visdom server (0.2.4, where it is
installed) gets the same appends; it has no empty route, so its whole time stands there, beside the board's whole time.

*50 clients*: each with a window of its own and a kept connection, 40 appends each. *Zoom*: ``/api/window`` over the middle tenth of a
pane of 1,000,000 points, sent in ten posts.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from boards import table

SIZES = (100, 1_000, 20_000, 100_000)
BAR_MS = 1.0
BOARD = r"""
import sys, time
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from crossboard.adapters.visdom.receiver import VisdomReceiver
from crossboard.dashboard.serve import Served
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.native import NativeSource

class Empty:
    def routes(self):
        async def empty(request):
            return PlainTextResponse("window")
        return [Route("/empty", empty, methods=["POST"])]
    def owns(self, scope, path):
        return path == "/empty"
    def answer(self, scope, path, headers, door):
        return None

root, port = sys.argv[1], int(sys.argv[2])
board = Served(EmbeddedStore([NativeSource(root)], memory=True), paths=[root], port=port, token="bench", seal=False,
               receivers=[VisdomReceiver(root), Empty()])
board.start()
print("ready", flush=True)
sys.stdin.read()
board.close()
"""
VISDOM = """
import sys
from visdom.server.run_server import start_server
start_server(port=int(sys.argv[2]), env_path=sys.argv[1], bind_local=True, base_url="")
"""


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


class Connection:
    """One kept connection to a server."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(self, path: str, body: bytes) -> float:
        """Milliseconds until the whole answer is there."""
        begin = time.perf_counter()
        self._http.request("POST", path, body)
        answer = self._http.getresponse()
        text = answer.read()
        took = (time.perf_counter() - begin) * 1e3
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {text[:200]!r}")
        return took

    def get(self, path: str) -> tuple[float, bytes]:
        """Milliseconds, and the body."""
        begin = time.perf_counter()
        self._http.request("GET", path, headers={"Authorization": "Bearer bench"})
        answer = self._http.getresponse()
        data = answer.read()
        return (time.perf_counter() - begin) * 1e3, data


@contextlib.contextmanager
def server(script: str, directory: str, python: str = sys.executable) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    port = free_port()
    process = subprocess.Popen(
        [python, "-c", script, directory, str(port)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + 60
        while True:
            try:
                Connection(port).post("/win_exists", b'{"win": "none"}')
                break
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def message(window: str, begin: int, count: int, *, append: bool) -> bytes:
    """A line, as Visdom's client posts it."""
    steps = list(range(begin, begin + count))
    trace = {"x": steps, "y": [step * 0.37 % 1 for step in steps], "name": "1", "type": "scatter", "mode": "lines", "line": {}}
    made: dict[str, Any] = {"data": [trace], "win": window, "eid": "bench", "opts": {"title": window, "mode": "lines"}}
    made["layout"] = {} if append else {"title": window}
    return json.dumps(made | {"append": True, "name": None} if append else made).encode()


def append_times(port: int, size: int, count: int, *, empty: bool) -> tuple[float, float]:
    """Medians in ms: of an append at `size` points, and of the empty route in turns with it (0 without one)."""
    connection, window = Connection(port), f"w{size}"
    connection.post("/events", message(window, 0, size, append=False))
    appends: list[float] = []
    empties: list[float] = []
    for step in range(count + 2):
        body = message(window, size + step, 1, append=True)
        took = connection.post("/update", body)
        nothing = connection.post("/empty", body) if empty else 0.0
        if step >= 2:  # the first ones set the window's options
            appends.append(took)
            empties.append(nothing)
    return statistics.median(appends), statistics.median(empties)


def many_clients(port: int, clients: int, appends: int) -> tuple[float, float]:
    """Appends a second of all together, and the 95th percentile of one in ms."""
    times: list[float] = []
    barrier = threading.Barrier(clients + 1)

    def draw(number: int) -> None:
        connection, window = Connection(port), f"client{number}"
        connection.post("/events", message(window, 0, 10, append=False))
        bodies = [message(window, 10 + step, 1, append=True) for step in range(appends)]
        barrier.wait()
        times.extend([connection.post("/update", body) for body in bodies])

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return len(times) / (time.perf_counter() - begin), sorted(times)[int(len(times) * 0.95)]


def zoom_times(port: int, points: int) -> tuple[float, float, int]:
    """Seconds to send a pane of `points` in ten posts, ms of a zoom into its middle tenth (median of 9), bytes answered."""
    connection, part = Connection(port), points // 10
    begin = time.perf_counter()
    for number in range(10):
        connection.post("/update", message("large", number * part, part, append=True))
    sent = time.perf_counter() - begin
    run = ""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        runs = json.loads(connection.get("/api/runs")[1])
        run = next((one["key"] for one in runs["runs"] if one["name"] == "bench"), "")
        series = json.loads(connection.get(f"/api/series?run={quote(run)}")[1]) if run else {"series": []}
        if any(one["tag"] == "large" and one["count"] == points for one in series["series"]):
            break
        time.sleep(0.2)
    else:
        raise RuntimeError("the store never showed all points")
    query = f"/api/window?run={quote(run)}&tag=large&low={points * 0.45}&high={points * 0.55}&points=1000"
    answers = [connection.get(query) for _ in range(9)]
    return sent, statistics.median([took for took, _ in answers]), len(answers[0][1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, no real Visdom")
    args = parser.parse_args()
    real = importlib.util.find_spec("visdom") is not None and not args.quick
    rounds = 60 if args.quick else 300
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(server(BOARD, stack.enter_context(tempfile.TemporaryDirectory())))
        theirs = stack.enter_context(server(VISDOM, stack.enter_context(tempfile.TemporaryDirectory()))) if real else 0
        rows = []
        for size in SIZES:
            took, nothing = append_times(ours, size, rounds, empty=True)
            visdoms = append_times(theirs, size, max(3, 3000 // size), empty=False)[0] if real else float("nan")
            rows.append([f"{size:,}", f"{took:.2f}", f"{nothing:.2f}", f"{took - nothing:.2f}", f"{visdoms:.0f}", f"{visdoms / took:.0f}x"])
        print(table(["points", "append ms", "empty route ms", "own share ms", "Visdom ms", "ratio"], rows))
        print(f"bar: own share at most {BAR_MS} ms; load average {os.getloadavg()[0]:.1f}\n")
        rows = []
        for name, port in (("crossboard", ours), ("Visdom 0.2.4", theirs)):
            if port:
                rate, late = many_clients(port, 50, 10 if args.quick else 40)
                rows.append([name, f"{rate:.0f}", f"{late:.1f}"])
        print(table(["50 clients at once", "appends a second", "p95 ms"], rows) + "\n")
        sent, zoom, size = zoom_times(ours, 1_000_000)
        print(f"1,000,000 points in ten posts: {sent:.2f} s; zoom into the middle tenth: {zoom:.1f} ms, {size:,} bytes")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
