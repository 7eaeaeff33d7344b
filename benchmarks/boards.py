"""What the browser benchmarks share: roots with runs, the two servers, Chromium, and a clock that reads pixels.

A curve counts as visible when the screen shows it, not when a script says so: `watch` looks at the plots while a page opens, and
`visible_at` finds, afterwards, the first one in which the plots hold as many coloured pixels as in the end. The same rule times
crossboard and TensorBoard.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from PIL import Image

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-precise-memory-info",
]
LOOK_S = 0.1
CALM_S = 3.0
ENOUGH = 0.95  # of the coloured pixels there are in the end


def chromium_path() -> str:
    """The Chromium to drive: `CROSSBOARD_CHROMIUM`, else what is on the path."""
    named = os.environ.get("CROSSBOARD_CHROMIUM")
    found = named or next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        sys.exit("no Chromium found: install it, or name it in CROSSBOARD_CHROMIUM")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def value_at(run: int, step: int) -> float:
    """The curve that is logged: a decay with noise of its own in each run."""
    return math.exp(-step / 300) * (1 + run / 1000) + 0.05 * math.sin(step * 1.7 + run)


def write_crossboard(root: Path, *, runs: int, tags: list[str], points: int) -> None:
    """Log `runs` runs with crossboard's own logger."""
    os.environ["CROSSBOARD_SEAL"] = "0"
    import crossboard as cb

    for number in range(runs):
        with cb.init(project="bench", name=f"run{number:04d}", dir=root) as run:
            for step in range(points):
                value = value_at(number, step)
                run.log({tag: value + place * 0.01 for place, tag in enumerate(tags)}, step=step)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _framed(payload: bytes) -> bytes:
    def masked(data: bytes) -> bytes:
        crc = google_crc32c.value(data)
        return struct.pack("<I", (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(payload))
    return length + masked(length) + payload + masked(payload)


def write_tensorboard(root: Path, *, runs: int, tags: list[str], points: int) -> None:
    """Write the same points as TensorBoard event files: TFRecord frames of `Event` messages, encoded here since the summary
    writers take minutes for five million scalars."""
    start = time.time() - points
    for number in range(runs):
        directory = root / f"run{number:04d}"
        directory.mkdir(parents=True)
        parts = [_framed(b"\x09" + struct.pack("<d", start) + b"\x1a\x0dbrain.Event:2")]
        for step in range(points):
            clock, value = b"\x09" + struct.pack("<d", start + step) + b"\x10" + _varint(step), value_at(number, step)
            for place, tag in enumerate(tags):
                name = tag.encode()
                scalar = b"\x0a" + _varint(len(name)) + name + b"\x15" + struct.pack("<f", value + place * 0.01)
                summary = b"\x0a" + _varint(len(scalar)) + scalar
                parts.append(_framed(clock + b"\x2a" + _varint(len(summary)) + summary))
        (directory / "events.out.tfevents.1760000000.bench").write_bytes(b"".join(parts))


@contextlib.contextmanager
def chosen_root(words: str | None, name: str, *, points: int, make: Callable[[Path, int, int], None]) -> Iterator[tuple[Path, int, int]]:
    """Read --runs, --points (`points` by default) and --keep from the command line, whose help is `words`; inside, the root that they
    mean, its runs and the points of each. `make(root, number, points)` writes a run that is not there yet; what is not kept is deleted."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--points", type=int, default=points)
    parser.add_argument("--keep", type=Path, help="write the root here and use it when it is there already")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        scratch = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"crossboard-{name}-")))
        root = scratch / f"{given.runs}-{given.points}"
        if not root.exists():
            for number in range(given.runs):
                make(root, number, given.points)
        yield root, given.runs, given.points


def get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


@contextlib.contextmanager
def _server(
    command: list[str], ready: Callable[[], bool], *, timeout_s: float, cache: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **({"CROSSBOARD_CACHE": str(cache)} if cache else {})}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        end = time.monotonic() + timeout_s
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{command[0]} ended with {process.returncode}")
            with contextlib.suppress(OSError, ValueError):
                if ready():
                    break
            if time.monotonic() > end:
                raise RuntimeError(f"{' '.join(command)}: not ready after {timeout_s:.0f} s")
            time.sleep(0.2)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def crossboard_server(root: Path, *, runs: int) -> Iterator[str]:
    """The board over `root`, yielded as its URL when all `runs` are read."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "crossboard", str(root), "--no-browser", "--no-token", "--port", str(port)]

    def ready() -> bool:
        board = get_json(url + "api/board")
        return bool(board["runs"] >= runs and not board["progress"]["busy"])

    with _server(command, ready, timeout_s=600, cache=root.with_name(root.name + "-cache")):
        yield url


@contextlib.contextmanager
def tensorboard_server(root: Path, *, runs: int, tags: int) -> Iterator[str]:
    """TensorBoard over `root`, yielded as its URL when all `runs` are read."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [
        str(Path(sys.executable).with_name("tensorboard")),
        "--logdir",
        str(root),
        "--port",
        str(port),
        "--host",
        "127.0.0.1",
    ]

    def ready() -> bool:
        found = get_json(url + "data/plugin/scalars/tags")
        return len(found) >= runs and all(len(one) >= tags for one in found.values())

    with _server(command, ready, timeout_s=1200):
        yield url


Box = tuple[float, float, float, float]


def watch(page: Any, act: Callable[[], None], *, clip: Box, settled: Callable[[], bool], timeout_s: float) -> list[tuple[float, bytes]]:
    """Run `act`, then look at the part `clip` of the page ten times a second until it is `settled`, shows something coloured and
    has not changed for `CALM_S`: [(seconds since the start, PNG)]. A small part, not too often: a screencast or whole
    screenshots in a loop doubled the times that they were to measure."""
    from playwright.sync_api import Error

    x, y, width, height = clip
    where = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
    shots: list[tuple[float, bytes]] = []
    session = page.context.new_cdp_session(page)
    began = time.perf_counter()
    act()
    changed = 0.0
    while (now := time.perf_counter() - began) < timeout_s:
        try:
            taken = session.send("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": True, "clip": where})
        except Error:  # the browser has nothing to show just now
            time.sleep(LOOK_S)
            continue
        picture = b64decode(taken["data"])
        now = time.perf_counter() - began
        if not shots or picture != shots[-1][1]:
            changed = now
            shots.append((now, picture))
        if settled() and now - changed > CALM_S and coloured(picture, [clip], clip)[0] > 0:
            break
        time.sleep(LOOK_S)
    session.detach()
    return shots


def coloured(picture: bytes, boxes: list[Box], clip: Box) -> list[int]:
    """How many pixels in each box (of the page) have a colour: their channels differ by more than 24. `picture` shows `clip`."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(np.int16)
    counts = []
    for x, y, width, height in boxes:
        left, top = max(0, int(x - clip[0])), max(0, int(y - clip[1]))
        part = pixels[top : top + int(height), left : left + int(width)]
        counts.append(int((part.max(axis=2) - part.min(axis=2) > 24).sum()) if part.size else 0)
    return counts


def visible_at(shots: list[tuple[float, bytes]], boxes: list[Box], clip: Box) -> float:
    """Seconds until every box first held at least `ENOUGH` of the coloured pixels of the last picture. NaN: never any."""
    final = coloured(shots[-1][1], boxes, clip)
    if not boxes or min(final) == 0:
        return math.nan
    for seconds, picture in shots:
        if all(now >= ENOUGH * end for now, end in zip(coloured(picture, boxes, clip), final, strict=True)):
            return seconds
    return math.nan


def table(head: list[str], rows: list[list[str]]) -> str:
    """`rows` under `head`, in columns."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [
        "  ".join(cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in [head, *rows]
    ]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
