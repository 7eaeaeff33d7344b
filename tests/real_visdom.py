"""A real Visdom server in a process of its own, without its downloads, and a client that draws what there is to draw.

Test modules load this one by path, since pytest's importlib mode has no package of tests.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SERVER = """
import sys
from visdom.server.run_server import start_server
from visdom.utils.server_utils import hash_password
port, env_path, base_url, username, password = sys.argv[1:]
known = {"username": username, "password": hash_password(hash_password(password))} if username else None
start_server(port=int(port), env_path=env_path, bind_local=True, base_url=base_url, user_credential=known)
"""


def need_0_2() -> None:
    """Skip a test where Visdom is not installed, or is another than 0.2, whose answers the test compares with."""
    visdom = pytest.importorskip("visdom", reason="visdom is not installed")
    if not str(visdom.__version__).startswith("0.2."):
        pytest.skip(f"visdom {visdom.__version__} answers in other words; tests/golden/visdom_0.3.0 stands for it")


@contextlib.contextmanager
def serve(env_path: Path, *, base_url: str = "", login: tuple[str, str] = ("", "")) -> Iterator[int]:
    """Run a server over `env_path`, with a login where there is one; gives its port.

    It is killed at the end, so that nothing but what was saved is there.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = {**os.environ, "HOME": str(env_path.parent), "PYTHONPATH": ""}
    if any(login):
        Path(environment["HOME"], ".visdom").mkdir(exist_ok=True)
        Path(environment["HOME"], ".visdom", "COOKIE_SECRET").write_text("secret")
    command = [sys.executable, "-c", SERVER, str(port), str(env_path), base_url, *login]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            try:
                post(port, "/env_state", {}, base_url=base_url)
                break
            except urllib.error.HTTPError:
                break  # it wants a login
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def post(port: int, route: str, message: Any, *, base_url: str = "") -> str:
    """What the server answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{base_url}{route}", json.dumps(message).encode())
    with urllib.request.urlopen(request, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def panes_of(port: int, env: str) -> dict[str, Any]:
    """The panes that the server has of an environment."""
    panes: dict[str, Any] = json.loads(post(port, "/win_data", {"win": None, "eid": env}))
    return panes


def client(port: int = 8097, **more: Any) -> Any:
    """A real client. Raises ImportError where Visdom is not installed."""
    import visdom

    given = {"server": "http://127.0.0.1", "port": port, "use_incoming_socket": False, "raise_exceptions": True, **more}
    return visdom.Visdom(**given)


def draw_all(viz: Any) -> None:
    """One window, or several, by every method that the client has."""
    random = np.random.default_rng(0)
    x, y = np.arange(20), random.normal(size=20)
    viz.line(y, x, win="by-step", opts={"title": "loss", "xlabel": "step", "ylabel": "loss"})
    viz.line(np.array([0.5]), np.array([20]), win="by-step", update="append")
    viz.line(y, x / 7, win="clock", opts={"title": "over epochs"})
    viz.line(random.normal(size=(20, 2)), np.stack([x, x + 1], 1), win="two", opts={"title": "accuracy", "legend": ["train", "val"]})
    viz.line(np.array([1.0, 2.0]), np.array([0, 1]), win="two", name="test", update="append")
    viz.line(np.array([1.0, math.nan, 3.0, math.inf]), np.arange(4), win="odd", opts={"title": "not finite"})
    viz.line(np.array([1.0]), np.array([0]), win="no-title")
    viz.line(np.array([1.0]), np.array([7]), win="same-title", opts={"title": "loss"})
    viz.scatter(random.normal(size=(30, 2)), random.integers(1, 4, 30), win="scatter", opts={"title": "points", "legend": ["a", "b", "c"]})
    viz.scatter(random.normal(size=(30, 3)), win="scatter3d", opts={"title": "points in space"})
    viz.bar(random.random(5), win="bar", opts={"title": "bars", "rownames": ["a", "b", "c", "d", "e"]})
    viz.histogram(random.normal(size=500), win="histogram", opts={"title": "weights", "numbins": 20})
    viz.heatmap(random.random((4, 5)), win="heatmap", opts={"title": "heat", "columnnames": list("abcde")})
    viz.boxplot(random.random((20, 2)), win="boxplot", opts={"title": "boxes", "legend": ["a", "b"]})
    viz.surf(random.random((6, 6)), win="surf", opts={"title": "surface"})
    viz.contour(random.random((6, 6)), win="contour", opts={"title": "contour"})
    viz.quiver(random.random((5, 5)), random.random((5, 5)), win="quiver", opts={"title": "quiver"})
    viz.stem(random.random(10), win="stem", opts={"title": "stem"})
    viz.pie(random.random(3), win="pie", opts={"title": "pie", "legend": ["a", "b", "c"]})
    viz.mesh(random.random((10, 3)), win="mesh", opts={"title": "mesh"})
    viz.sunburst(["all", "a", "b"], ["", "all", "all"], [3, 1, 2], win="sunburst", opts={"title": "sunburst"})
    viz.dual_axis_lines(x, y, 100 * y, win="dual", opts={"title": "two axes"})
    viz.graph([(0, 1), (1, 2)], edgeLabels=["first", "second"], nodeLabels=["in", "hidden", "out"], win="graph", opts={"title": "network"})
    picture = (255 * random.random((3, 8, 10))).astype(np.uint8)
    viz.image(picture, win="image", opts={"title": "picture", "caption": 'a "caption" with ü'})
    viz.image(picture, win="jpeg", opts={"title": "jpeg", "jpgquality": 50})
    for frame in range(3):
        viz.image(picture // (frame + 1), win="history", opts={"title": "samples", "caption": f"frame {frame}", "store_history": True})
    viz.images(random.random((5, 3, 6, 6)), win="images", nrow=3, opts={"title": "grid"})
    viz.text("<b>bold</b> ünïcode", win="text", opts={"title": "notes"})
    viz.text("more", win="text", append=True)
    viz.audio(np.sin(np.arange(4000) / 9), win="audio", opts={"title": "sound", "sample_frequency": 8000})
    viz.svg(svgstr='<svg height="4" width="4"><circle cx="2" cy="2" r="1"/></svg>', win="svg", opts={"title": "svg"})
    viz.properties(
        [
            {"type": "number", "name": "lr", "value": "0.1"},
            {"type": "checkbox", "name": "nesterov", "value": True},
            {"type": "select", "name": "optimiser", "value": 1, "values": ["sgd", "adam"]},
        ],
        win="properties",
        opts={"title": "settings"},
    )
    with contextlib.suppress(ImportError):
        import plotly.graph_objects as go

        figure = go.Figure([go.Bar(x=["a", "b"], y=[1, 2]), go.Scatter(x=[1, 2], y=[3, 4], name="line")])
        viz.plotlyplot(figure, win="plotly")
    with contextlib.suppress(ImportError):
        import matplotlib

        matplotlib.use("agg")
        from matplotlib import pyplot

        pyplot.figure()
        pyplot.plot([1, 2, 4])
        viz.matplot(pyplot, win="matplot", opts={"title": "drawn"})
        pyplot.close()
    points = [{"group": n % 2, "name": n, "label": f"digit {n}", "position": [n / 3, -n], "idx": n} for n in range(6)]
    content = {"data": points, "selected": None}
    viz._send({"data": [{"content": content, "type": "embeddings"}], "win": "embeddings", "eid": None, "opts": {"title": "features"}})
