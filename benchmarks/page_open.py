"""Page open -> the same curves visible: crossboard against TensorBoard, in one Chromium, alternating.

    python benchmarks/page_open.py                      # 1, 100 and 1,000 runs, 5 tags x 1,000 points
    python benchmarks/page_open.py --sizes 100 --rounds 1

Both servers run at the same time and have read everything before the first page is opened. *cold* is a new browser context
(nothing cached), *warm* the next page in the same context. Timed is what the screen shows (see boards.py): the plots of the
first two cards hold their curves; smoothed ones beside unsmoothed ones in TensorBoard, as it opens by default. TensorBoard
selects no run by itself when there are many; then its time includes the click on "select all", made as soon as the
box is there. Not in the figures: starting the servers and their first reading of the files.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import tempfile
from pathlib import Path
from typing import Any

from boards import (
    ARGUMENTS,
    Box,
    chromium_path,
    crossboard_server,
    table,
    tensorboard_server,
    visible_at,
    watch,
    write_crossboard,
    write_tensorboard,
)

TAGS = [f"train/metric{number}" for number in range(5)]
POINTS = 1000
BAR = 5.0
SIZE = {"width": 1440, "height": 900}
TB_PLOTS, TB_PART = "line-chart .series-view", (300.0, 300.0, 890.0, 260.0)
CB_PLOTS, CB_PART = ".cc .plot", (285.0, 100.0, 770.0, 225.0)


def boxes(page: Any, selector: str) -> list[Box]:
    """The boxes of the first two plots on the screen."""
    plots = f"[...document.querySelectorAll('{selector}')].slice(0, 2).map(plot => plot.getBoundingClientRect())"
    found = page.evaluate(f"{plots}.map(box => [box.x, box.y, box.width, box.height])")
    return [(x, y, width, min(height, SIZE["height"] - y)) for x, y, width, height in found]


def open_crossboard(page: Any, url: str, *, timeout_s: float) -> float:
    def settled() -> bool:
        return bool(page.evaluate("Boolean(window.crossboard && crossboard.stats.drawn > 0 && crossboard.stats.pending === 0)"))

    shots = watch(page, lambda: page.goto(url, wait_until="commit"), clip=CB_PART, settled=settled, timeout_s=timeout_s)
    return visible_at(shots, boxes(page, CB_PLOTS), CB_PART)


def open_tensorboard(page: Any, url: str, *, timeout_s: float) -> float:
    """As above; ticks "select all" once if no run is selected."""
    state = {"clicked": False}

    def settled() -> bool:
        if not state["clicked"]:
            ticks = "[...document.querySelectorAll('runs-data-table input[type=checkbox]')]"  # the first is "select all"
            if page.evaluate(f"{ticks}.length > 1"):
                state["clicked"] = True
                if not page.evaluate(f"{ticks}.slice(1).some(box => box.checked)"):
                    page.evaluate(f"{ticks}[0].click()")
            return False
        plots, spinners = (f"document.querySelectorAll('{name}').length" for name in (TB_PLOTS, "mat-spinner"))
        return bool(page.evaluate(f"{plots} >= 2 && {spinners} === 0"))

    shots = watch(page, lambda: page.goto(url, wait_until="commit"), clip=TB_PART, settled=settled, timeout_s=timeout_s)
    return visible_at(shots, boxes(page, TB_PLOTS), TB_PART)


def median_of_shown(seconds: list[float]) -> float:
    """The median of the pages that showed their curves in time; the others stand as nan among the single figures."""
    shown = [value for value in seconds if not math.isnan(value)]
    return statistics.median(shown) if shown else math.nan


def measure(browser: Any, runs: int, rounds: int, root: Path) -> list[list[str]]:
    native, events = root / f"native-{runs}", root / f"events-{runs}"
    if not native.exists():
        write_crossboard(native, runs=runs, tags=TAGS, points=POINTS)
        write_tensorboard(events, runs=runs, tags=TAGS, points=POINTS)
    seconds: dict[tuple[str, str], list[float]] = {}
    limit = 90 if runs <= 100 else 240
    with contextlib.ExitStack() as stack:
        urls = {
            "crossboard": stack.enter_context(crossboard_server(native, runs=runs)),
            "TensorBoard": stack.enter_context(tensorboard_server(events, runs=runs, tags=len(TAGS))),
        }
        openers = {"crossboard": open_crossboard, "TensorBoard": open_tensorboard}
        for turn in range(rounds):
            for tool in list(urls) if turn % 2 == 0 else list(urls)[::-1]:
                context = browser.new_context(viewport=SIZE)
                for state in ("cold", "warm"):
                    page = context.new_page()
                    seconds.setdefault((tool, state), []).append(openers[tool](page, urls[tool], timeout_s=limit))
                    page.close()
                context.close()
    rows = []
    for state in ("cold", "warm"):
        ours, theirs = (median_of_shown(seconds[tool, state]) for tool in ("crossboard", "TensorBoard"))
        ratio = theirs / ours if ours else math.nan
        verdict = "" if runs == 1 else "met" if ratio >= BAR else "NOT met"
        spread = " ".join(f"{value:.2f}" for value in seconds["crossboard", state])
        theirs_spread = " ".join(f"{value:.1f}" for value in seconds["TensorBoard", state])
        rows.append([f"{runs} runs, {state}", f"{ours:.2f} s", f"{theirs:.2f} s", f"{ratio:.1f}x", verdict, spread, theirs_spread])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="page open -> curves visible, against TensorBoard")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 100, 1000], help="numbers of runs")
    parser.add_argument("--rounds", type=int, default=3, help="pages a tool, each cold and warm")
    parser.add_argument("--keep", type=Path, help="write the roots here and use those that are there already")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    with contextlib.ExitStack() as stack:
        root = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crossboard-bench-")))
        root.mkdir(parents=True, exist_ok=True)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        rows = [row for runs in given.sizes for row in measure(browser, runs, given.rounds, root)]
        browser.close()
    print(f"page open -> curves visible; 5 tags x 1,000 points; medians; bar: at least {BAR:.0f}x at 100 and 1,000 runs")
    print(table(["", "crossboard", "TensorBoard", "ratio", "bar", "crossboard each", "TensorBoard each"], rows))


if __name__ == "__main__":
    main()
