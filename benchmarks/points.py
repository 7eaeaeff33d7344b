"""The page of embeddings with many vectors: open, first picture, frames while it is turned, and a large mesh.

    python benchmarks/points.py                  # 100,000 vectors of 64 dimensions, a mesh of 200,000 faces
    python benchmarks/points.py --vectors 20000
    python benchmarks/points.py --webgl          # by WebGL also where it has no graphics card

First picture: from the request of the page to the first frame with the points on it, the principal components being computed in
between. Frames: a drag is played by pointer events, one a frame; what is told is the time between frames, and beside it the script's
own part of each. Without a graphics card the page draws by itself;
with ``--webgl`` it takes the WebGL that Chromium then draws on the processor (SwiftShader).
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from boards import ARGUMENTS, chromium_path, crossboard_server, table

import crossboard as cb

DIMENSIONS = 64
TURN = """
([selector, frames, vertical]) => new Promise(done => {
  const canvas = document.querySelector(selector), box = canvas.getBoundingClientRect(), between = [], own = [];
  const place = (x, y) => ({bubbles: true, pointerId: 1, clientX: box.left + x, clientY: box.top + y, button: 0});
  const send = (name, x, y) => canvas.dispatchEvent(new PointerEvent(name, place(x, y)));
  canvas.setPointerCapture = () => {};
  let n = 0, last = 0;
  send('pointerdown', 100, 100);
  const step = now => {
    if (n) between.push(now - last);
    last = now;
    const began = performance.now();
    send('pointermove', 100 + 2 * n, 100 + vertical * (n % 40));
    requestAnimationFrame(() => {});
    own.push(performance.now() - began);
    if (n++ < frames) requestAnimationFrame(step);
    else { send('pointerup', 100 + 2 * n, 100); done({between: between.slice(5), own, painted: crossboard.stats.painted}); }
  };
  requestAnimationFrame(step);
})
"""
LONG = """
window.long = [];
new PerformanceObserver(list => list.getEntries().forEach(one => window.long.push(one.duration))).observe({type: 'longtask'});
"""
PICKED = """
() => {
  const view = [...crossboard.marked.views].find(one => one.cloud), began = performance.now();
  for (let i = 0; i < 20; i++) { view.camera().turn(1, 0); view.screen(); }
  return (performance.now() - began) / 20;
}
"""


def fill(root: Path, vectors: int, faces: int) -> None:
    """Two runs with an embedding of so many vectors, one of them also with a mesh."""
    random = np.random.default_rng(0)
    classes = random.integers(0, 10, vectors)
    centres = random.normal(0, 3, (10, DIMENSIONS))
    for number in range(2):
        run = cb.init(dir=root, project="large", name=f"run {number}")
        values = (centres[classes] + random.normal(0, 1, (vectors, DIMENSIONS))).astype("f4")
        known = [[f"class {one}", float(np.float32(place % 977)), f"item {place}"] for place, one in enumerate(classes)]
        run.log(
            {
                "features": cb.Embedding(
                    values,
                    metadata={
                        name: list(column) for name, column in zip(("class", "score", "name"), zip(*known, strict=True), strict=True)
                    },
                )
            },
            step=0,
        )
        if not number:
            side = int(np.sqrt(faces / 2)) + 1
            u, v = np.meshgrid(np.linspace(0, 2 * np.pi, side), np.linspace(0, 2 * np.pi, side), indexing="ij")
            radius = 1 + 0.4 * np.cos(v) + 0.02 * np.sin(40 * u)
            points = np.stack([radius * np.cos(u), 0.4 * np.sin(v), radius * np.sin(u)], -1).reshape(-1, 3).astype("f4")
            corner = (np.arange(side - 1)[:, None] * side + np.arange(side - 1)).reshape(-1)
            quads = np.concatenate(
                [np.stack([corner, corner + 1, corner + side], 1), np.stack([corner + 1, corner + side + 1, corner + side], 1)]
            )
            run.log({"shape": cb.Mesh(points, faces=quads.astype("i4"))}, step=0)
        run.finish()


def opened(page: Any, url: str, ready: str) -> float:
    """Milliseconds from asking for the page until `ready` holds."""
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    while time.monotonic() - began < 120:
        with contextlib.suppress(Exception):
            if page.evaluate(ready):
                return (time.monotonic() - began) * 1000
        time.sleep(0.02)
    raise SystemExit(f"not ready after two minutes: {ready}")


def frames(told: dict[str, Any]) -> str:
    between, own = sorted(told["between"]), sorted(told["own"])
    middle, high = between[len(between) // 2], between[int(len(between) * 0.95)]
    return f"{middle:.1f} / {high:.1f} ms between frames ({1000 / middle:.0f} a second), events {own[len(own) // 2]:.2f} ms"


def measure(vectors: int, faces: int, *, webgl: bool) -> list[list[str]]:
    from playwright.sync_api import sync_playwright

    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        fill(Path(folder), vectors, faces)
        url = stack.enter_context(crossboard_server(Path(folder), runs=2))
        browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(LONG)
        there = "[...crossboard.marked.views].filter(view => view.cloud).length === 2 && crossboard.stats.painted > 1"
        alone = f"{url}?page=points&tag=features"
        rows.append(["two embeddings: first picture, components computed", f"{opened(page, alone, there):.0f} ms"])
        rows.append(["again (median of 3)", f"{sorted(opened(page, alone, there) for _ in range(3))[1]:.0f} ms"])
        force = f"window.long = []; crossboard.scenes.force({str(webgl).lower()})"
        page.evaluate(force)
        rows.append(["moved in 2D, frame median / 95 %", frames(page.evaluate(TURN, [".ec canvas", 120, 1]))])
        opened(page, f"{alone}&set=dim:3", there)
        time.sleep(1)
        page.evaluate(force)
        rows.append(["turned in 3D, frame median / 95 %", frames(page.evaluate(TURN, [".ec canvas", 120, 1]))])
        long = page.evaluate("window.long")
        rows.append(["tasks over 50 ms while it was turned", f"{len(long)}, longest {max(long, default=0):.0f} ms"])
        rows.append(["all points onto the screen (for pointing, labels)", f"{page.evaluate(PICKED):.1f} ms"])
        opened(page, f"{url}?page=points&tag=shape", "crossboard.meshes.all.size === 1 && crossboard.stats.painted > 0")
        page.evaluate(force)
        rows.append([f"mesh of {faces:,} faces turned, frame median / 95 %", frames(page.evaluate(TURN, [".vmesh canvas", 120, 1]))])
        rows.append(["drawn by", page.evaluate(RENDERER)])
        browser.close()
    return rows


RENDERER = """
() => {
  if (!crossboard.scenes.byWebGL()) return 'the page itself';
  const gl = document.createElement('canvas').getContext('webgl2'), told = gl.getExtension('WEBGL_debug_renderer_info');
  return told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : 'WebGL';
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="the page of embeddings with many vectors")
    parser.add_argument("--vectors", type=int, default=100_000)
    parser.add_argument("--faces", type=int, default=200_000)
    parser.add_argument("--webgl", action="store_true")
    asked = parser.parse_args()
    print(
        table(
            [f"2 x {asked.vectors:,} vectors of {DIMENSIONS} dimensions", "measured"],
            measure(asked.vectors, asked.faces, webgl=asked.webgl),
        )
    )


if __name__ == "__main__":
    main()
