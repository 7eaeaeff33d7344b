"""Live charts: how long a logged number takes to reach the screen, and whether the page's heap stays flat.

    python benchmarks/live.py                  # 20 visible charts x 10 runs at 2 Hz for 60 s
    python benchmarks/live.py --seconds 600    # the bar's ten minutes
    python benchmarks/live.py --draw 1000      # instead: a card of 1,000 curves, time to draw

Ten processes log twice a second, each to all 20 tags. The value they log is the time of the call, so the page can tell for
every new point, in the frame after it was drawn, how old it is (one machine, one clock). Heap: of JavaScript, collected first.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from boards import ARGUMENTS, chromium_path, crossboard_server, table, write_crossboard

RUNS, TAGS, HERTZ = 10, 20, 2.0
BAR_MS = 500

WRITER = """
import sys, time
import crossboard as cb
root, number, seconds, hertz, tags = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
run = cb.init(project="live", name=f"run {number}", dir=root)
names = [f"{'train' if tag < 10 else 'val'}/metric{tag}" for tag in range(tags)]
begin = time.perf_counter() + number / 10 / hertz
for step in range(int(seconds * hertz)):
    time.sleep(max(0, begin + step / hertz - time.perf_counter()))
    run.log({name: time.time() for name in names}, step=step)
run.finish()
"""

LISTEN = """
(() => {
  const seen = new Map(), ages = window.ages = [];
  crossboard.stats.onDrawn = card => {
    const fresh = [];
    for (const {curve} of card.drawn) {
      const name = `${card.tag}|${curve.run}`, last = curve.x[curve.x.length - 1], before = seen.get(name);
      seen.set(name, last);
      if (before === undefined) continue;
      for (let i = curve.x.length - 1; i >= 0 && curve.x[i] > before; i--) fresh.push(curve.y[i]);
    }
    requestAnimationFrame(() => {   // drawn in the frame before: on the screen now
      const now = (performance.timeOrigin + performance.now()) / 1000;
      for (const logged of fresh) ages.push(now - logged);
    });
  };
})()
"""

DRAW = """
new Promise(resolve => {
  const spent = [], before = crossboard.stats.onDrawn;
  let rounds = 0, began = 0, points = 0;
  crossboard.stats.onDrawn = card => {
    card.canvas.getContext('2d').getImageData(0, 0, 1, 1);   // waits until the lines are pixels
    spent.push(performance.now() - began);
    if (rounds++ < 5) { setTimeout(next, 1500); return; }
    crossboard.stats.onDrawn = before;
    resolve({spent: spent.slice(1), points: crossboard.stats.points - points, curves: card.drawn.length});
  };
  const next = () => { began = performance.now(); points = crossboard.stats.points; crossboard.grid.redraw(); };
  next();
})
"""


def live(seconds: float) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="crossboard-bench-") as root, contextlib.ExitStack() as stack:
        span = seconds + 25
        for number in range(RUNS):
            command = [sys.executable, "-c", WRITER, root, str(number), str(span), str(HERTZ), str(TAGS)]
            stack.callback(subprocess.Popen(command).terminate)
        time.sleep(3)
        url = stack.enter_context(crossboard_server(Path(root), runs=RUNS))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1920, "height": 1440})
        page.goto(url)
        time.sleep(4)
        cards = page.evaluate("[...crossboard.curves.near].filter(card => card.onScreen).length")
        session = page.context.new_cdp_session(page)

        def heap_mb() -> float:
            session.send("HeapProfiler.collectGarbage")
            return float(page.evaluate("performance.memory.usedJSHeapSize")) / 2**20

        heap = [heap_mb()]
        page.evaluate(LISTEN)
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            time.sleep(min(15.0, seconds / 4))
            heap.append(heap_mb())
        took = time.monotonic() - began
        ages = sorted(page.evaluate("window.ages"))
        browser.close()
    cut = statistics.quantiles(ages, n=100)
    expected = RUNS * TAGS * HERTZ * took
    rows = [
        ["charts on the screen x runs", f"{cards} x {RUNS}", f"{TAGS} x {RUNS}"],
        ["log -> pixel, median", f"{cut[49] * 1000:.0f} ms", ""],
        [
            "log -> pixel, 95 %",
            f"{cut[94] * 1000:.0f} ms",
            f"<= {BAR_MS} ms: {'met' if cut[94] * 1000 <= BAR_MS else 'NOT met'}",
        ],
        ["log -> pixel, longest", f"{ages[-1] * 1000:.0f} ms", ""],
        ["points drawn", f"{len(ages):,} of {expected:,.0f}", ""],
        ["heap, start / middle / end", " / ".join(f"{heap[i]:.1f}" for i in (0, len(heap) // 2, -1)) + " MB", "flat"],
    ]
    print(table([f"live, {took:.0f} s at {HERTZ:g} Hz", "measured", "bar"], rows))


def draw(runs: int) -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="crossboard-bench-") as root, contextlib.ExitStack() as stack:
        write_crossboard(Path(root), runs=runs, tags=["train/loss"], points=1000)
        url = stack.enter_context(crossboard_server(Path(root), runs=runs))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        time.sleep(5)
        found = page.evaluate(DRAW)
        browser.close()
    rows = [[f"{found['curves']:,} curves, {found['points']:,} points", f"{statistics.median(found['spent']):.0f} ms", "<= 300 ms"]]
    print(table(["one card, drawn to pixels", "median of 5", "target"], rows))


def main() -> None:
    parser = argparse.ArgumentParser(description="live charts: latency and heap")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--draw", type=int, metavar="RUNS", help="time to draw one card of so many runs instead")
    given = parser.parse_args()
    if given.draw:
        draw(given.draw)
    else:
        live(given.seconds)


if __name__ == "__main__":
    main()
