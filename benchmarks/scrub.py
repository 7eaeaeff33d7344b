"""Scrubbing the Images page: 500 steps x 12 images, what a step costs the page, and whether its memory stays flat.

    python benchmarks/scrub.py                    # 12 runs with an image at each of 500 steps, 2 minutes of scrubbing
    python benchmarks/scrub.py --minutes 10 --stage   # ten minutes, and two images compared at the same time
    python benchmarks/scrub.py --large            # 4 runs of 3840 x 2160

A *step* is timed in the page, from the choice of a step on the slider until all images of that step are drawn on their canvases, and
until two frames later, when the screen has them; a page without any work waits for two frames too, which is told beside it. *prefetched*:
the slider goes on by one step at a time, slowly enough for the reading ahead. *processor time*: of the page's own thread for a step, all
frames, the reading ahead and this measuring included. *jump*: to a step that was not read. Memory: the JavaScript heap after a forced
collection, and the bytes of decoded pictures, at the beginning and every 30 s while the slider goes back and forth.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from boards import ARGUMENTS, chromium_path, crossboard_server, table

STEPS, RUNS = 500, 12
STEP_BAR_MS, TASK_BAR_MS = 20.0, 200.0

# in the page: choose the step `by` ticks on and resolve to [milliseconds until drawn, milliseconds of two bare frames]
WATCH = """() => {
  window.bench = {tasks: []};
  const watch = list => { for (const one of list.getEntries()) bench.tasks.push(one.duration); };
  new PerformanceObserver(watch).observe({entryTypes: ['longtask']});
  const frames = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  const stands = tile => tile.shownPlace === tile.wantedPlace && tile.view && tile.view.cells().every(cell => !cell.waiting && cell.drawn);
  const drawn = () => crossboard.kinds.tiles().every(tile => !tile.near || stands(tile));
  bench.step = async (choose, pause) => {
    await new Promise(done => setTimeout(done, pause));
    const bare = performance.now();
    await frames();
    const from = performance.now();
    choose();
    const called = performance.now();
    for (let i = 0; i < 2000 && !(i > 40 && drawn()); i++) {
      await null;
      if (i > 40) await new Promise(done => setTimeout(done, 1));
    }
    const ready = performance.now();
    await frames();
    return [ready - from, performance.now() - from, from - bare, called - from];
  };
  bench.next = (by, pause) => bench.step(() => crossboard.steps.move(by), pause);
  bench.to = step => bench.step(() => crossboard.steps.choose(step), 0);
}"""
READY = "Boolean(window.crossboard && crossboard.stats.started && crossboard.kinds && crossboard.kinds.settled())"


def write(root: Path, *, runs: int, steps: int, shape: tuple[int, int]) -> None:
    """Log `runs` runs with one image a step."""
    os.environ["CROSSBOARD_SEAL"] = "0"
    import crossboard as cb

    height, width = shape
    y, x = np.mgrid[0:height, 0:width]
    for number in range(runs):
        random = np.random.default_rng(number)
        with cb.init(project="bench", name=f"run{number:02d}", dir=root) as run:
            for step in range(steps):
                wave = np.stack([127 + 100 * np.sin((x + step) / 17 + c) * np.cos(y / 11 + number) for c in range(3)], -1)
                noisy = wave + random.normal(0, 40 * np.exp(-step / 150), wave.shape) if height < 500 else wave
                run.log({"val/samples": cb.Image(np.clip(noisy, 0, 255).astype(np.uint8))}, step=step)


def until(page: Any, expression: str, *, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        if time.monotonic() > end:
            raise SystemExit(f"not within {seconds:.0f} s: {expression}")
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description="what a step of scrubbing costs on the Images page")
    parser.add_argument("--minutes", type=float, default=2.0, help="of scrubbing back and forth, for the memory")
    parser.add_argument("--stage", action="store_true", help="with two images compared, difference and all")
    parser.add_argument("--large", action="store_true", help="4 runs of 8 steps, 3840 x 2160")
    parser.add_argument("--steps", type=int, default=120, help="steps timed")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    runs, steps, shape = (4, 8, (2160, 3840)) if given.large else (RUNS, STEPS, (96, 128))
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crossboard-bench-")))
        write(root, runs=runs, steps=steps, shape=shape)
        url = stack.enter_context(crossboard_server(root, runs=runs))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*ARGUMENTS, "--js-flags=--expose-gc"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{url.rstrip('/')}/?page=images&set=size:s&step=0")
        until(page, READY)
        page.evaluate(WATCH)
        session = page.context.new_cdp_session(page)
        session.send("Performance.setTimeDomain", {"timeDomain": "threadTicks"})  # processor time, not the clock
        session.send("Performance.enable")
        if given.stage:
            page.evaluate("[0, 1].forEach(i => crossboard.shots.toggle(crossboard.kinds.tiles()[i], 0))")
            until(page, READY)
        near = page.evaluate("crossboard.kinds.tiles().filter(tile => tile.near).length")

        def metric(name: str) -> float:
            return float(next(one["value"] for one in session.send("Performance.getMetrics")["metrics"] if one["name"] == name))

        until(page, "crossboard.bitmaps.queued === 0 && crossboard.bitmaps.busy === 0")
        page.evaluate("bench.tasks.length = 0")
        before, timed = metric("TaskDuration"), []
        for _ in range(min(given.steps, steps - 1)):
            timed.append(page.evaluate("bench.next(1, 20)"))
        work = 1000 * (metric("TaskDuration") - before) / len(timed)
        longest = page.evaluate("Math.max(0, ...bench.tasks)")
        jumps = [page.evaluate(f"bench.to({step})") for step in (steps - 1, steps // 4, steps - steps // 4, steps // 2)]

        slowest = 0.0

        def memory() -> tuple[float, float]:
            """Collect and measure; the task of this forced collection is not the page's."""
            nonlocal slowest
            page.wait_for_timeout(200)
            slowest = max(slowest, page.evaluate("Math.max(0, ...bench.tasks)"))
            session.send("HeapProfiler.collectGarbage")
            page.wait_for_timeout(1000)
            page.evaluate("bench.tasks.length = 0")
            return metric("JSHeapUsedSize") / 1e6, page.evaluate("crossboard.bitmaps.bytes") / 1e6

        started, seen, gone = time.monotonic(), [memory()], 0
        while time.monotonic() - started < 60 * given.minutes:
            page.evaluate("(async () => { for (let i = 0; i < 200; i++) await bench.next(Math.floor(i / 50) % 2 ? -3 : 3, 0); })()")
            gone += 200
            if time.monotonic() - started > 30 * len(seen):
                seen.append(memory())
        seen.append(memory())
        browser.close()

    ready, shown, bare, called = (sorted(column) for column in zip(*timed, strict=True))
    rows = [
        [
            "a prefetched step: all images drawn",
            f"{statistics.median(ready):.1f} ms",
            f"{ready[int(0.95 * len(ready))]:.1f} ms",
            f"<= {STEP_BAR_MS:.0f} ms",
        ],
        [
            "... of it in the call that chooses the step",
            f"{statistics.median(called):.1f} ms",
            f"{called[int(0.95 * len(called))]:.1f} ms",
            "",
        ],
        ["... and on the screen, two frames later", f"{statistics.median(shown):.1f} ms", f"{shown[int(0.95 * len(shown))]:.1f} ms", ""],
        ["two frames of an idle page", f"{statistics.median(bare):.1f} ms", f"{bare[int(0.95 * len(bare))]:.1f} ms", ""],
        ["processor time of the page's thread for a step, frames and reading ahead too", f"{work:.1f} ms", "", ""],
        [
            "a jump to a step that was not read",
            f"{statistics.median(one[0] for one in jumps):.0f} ms",
            f"{max(one[0] for one in jumps):.0f} ms",
            "",
        ],
        ["longest task while stepping; in all", f"{longest:.0f} ms", f"{slowest:.0f} ms", f"<= {TASK_BAR_MS:.0f} ms"],
    ]
    also, load = ", two compared" if given.stage else "", os.getloadavg()[0]
    print(f"{steps} steps x {runs} images of {shape[1]} x {shape[0]}, {near} tiles near the screen{also}; load average {load:.0f}")
    print(table(["", "median", "95 % or most", "bar"], rows))
    heaps, most = ", ".join(f"{heap:.1f}" for heap, _ in seen), max(held for _, held in seen)
    print(f"{gone:,} steps in {given.minutes:g} minutes: heap {heaps} MB; decoded pictures at most {most:.0f} MB")


if __name__ == "__main__":
    main()
