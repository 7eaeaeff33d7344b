"""1,000 runs x 5 tags x 1,000 points, each run with its own steps, all selected: the longest task of each thing a person does.

    python benchmarks/thousand.py                     # on step, relative and wall axes
    python benchmarks/thousand.py --runs 300
    python benchmarks/thousand.py --profile FILE      # and where the time of every act goes, for Chromium's own viewer

A task is what the page's one thread does without a pause; the browser tells each of 50 ms and more (PerformanceObserver,
"longtask"), the drawing of a canvas included. While a task runs, nothing on the page answers. Bar: none over 200 ms after load. Load
ends when the first screen holds all curves; its own longest task stands in a line of its own.

Done by the mouse where a person would: the axis, hide all, show all, isolate, hover, zoom. What hides in menus is set by the script.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from boards import ARGUMENTS, chromium_path, crossboard_server, table, value_at

TAGS = [f"train/metric{number}" for number in range(5)]
POINTS = 1000
BAR_MS = 200
SIZE: Any = {"width": 1440, "height": 900}

OBSERVE = """
window.tasks = [];
new PerformanceObserver(list => { for (const one of list.getEntries()) window.tasks.push([one.startTime, one.duration]); })
  .observe({type: 'longtask', buffered: true});
"""
SETTLED = "Boolean(window.crossboard && crossboard.stats.started && crossboard.stats.drawn > 0 && crossboard.stats.pending === 0)"


def write(root: Path, *, runs: int) -> None:
    """Log `runs` runs; each has steps of its own, one of three learning rates and one of ten seeds."""
    os.environ["CROSSBOARD_SEAL"] = "0"
    import crossboard as cb

    for number in range(runs):
        steps = np.cumsum(np.random.default_rng(number).integers(1, 8, POINTS)).tolist()
        config = {"lr": (0.1, 0.01, 0.001)[number % 3], "seed": number % 10}
        with cb.init(project="bench", name=f"run{number:04d}", config=config, dir=root) as run:
            for step in steps:
                value = value_at(number, step)
                run.log({tag: value + place * 0.01 for place, tag in enumerate(TAGS)}, step=step)


def settle(page: Any, *, timeout_s: float = 120) -> None:
    """Wait until nothing is read or drawn any more and half a second has passed without a long task."""
    end = time.monotonic() + timeout_s
    calm = 0
    while time.monotonic() < end:
        time.sleep(0.25)
        quiet = page.evaluate(f"{SETTLED} && !tasks.some(([at, took]) => at + took > performance.now() - 500)")
        calm = calm + 1 if quiet else 0
        if calm >= 3:
            return
    raise TimeoutError(f"the page was still busy after {timeout_s:.0f} s: {page.evaluate('crossboard.stats')}")


def middle(page: Any, selector: str, place: int = 0) -> tuple[float, float]:
    """Where the middle of an element is; a list that is being drawn anew is waited for."""
    end = time.monotonic() + 15
    while (box := page.locator(selector).nth(place).bounding_box()) is None:
        if time.monotonic() > end:
            raise TimeoutError(f"{selector} number {place} is not to be seen")
        time.sleep(0.05)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def click(selector: str, place: int = 0) -> Callable[[Any], None]:
    def act(page: Any) -> None:
        page.mouse.click(*middle(page, selector, place))

    return act


def put(name: str, value: object) -> Callable[[Any], None]:
    """Set one part of the page's state, as the control of that name does."""

    def act(page: Any) -> None:
        page.evaluate(f"crossboard.state.set({json.dumps(name)}, {json.dumps(value)})")

    return act


def hover_rows(page: Any) -> None:
    """Along the rows of the rail, slowly enough for each to be lifted."""
    for place in range(1, 9):
        page.mouse.move(*middle(page, ".rr", place))
        time.sleep(0.06)
    page.mouse.move(5, 5)


def hover_curves(page: Any) -> None:
    """Across a card, so that cursor and tooltip follow."""
    x, y = middle(page, ".cc .plot")
    for place in range(24):
        page.mouse.move(x - 110 + 9 * place, y + (place % 5) * 8)
        time.sleep(0.03)
    page.mouse.move(5, 5)


def zoom(page: Any) -> None:
    """Drag over the middle of the first card."""
    x, y = middle(page, ".cc .plot")
    page.mouse.move(x - 40, y)
    page.mouse.down()
    for place in range(9):
        page.mouse.move(x - 40 + 10 * place, y)
    page.mouse.up()


def unzoom(page: Any) -> None:
    page.mouse.dblclick(*middle(page, ".cc .plot"))


def log_y(page: Any) -> None:
    page.evaluate("crossboard.state.log.has('train/metric0') || crossboard.state.toggle('log', 'train/metric0')")


def linear_y(page: Any) -> None:
    page.evaluate("crossboard.state.toggle('log', 'train/metric0')")


ON_AN_AXIS: dict[str, Callable[[Any], None]] = {
    "hide all": click("#rail-all"),
    "show all, at once": click("#rail-all"),
    "only one run": lambda page: page.locator(".rr .ib").first.evaluate("button => button.click()"),
    "all again": lambda page: page.locator(".rr .ib").first.evaluate("button => button.click()"),
    "hide one run": click(".rr .run", 2),
    "show it": click(".rr .run", 2),
    "hover rows of the rail": hover_rows,
    "hover a card": hover_curves,
    "zoom a card": zoom,
    "zoom out": unzoom,
    "log y of a card": log_y,
    "linear again": linear_y,
}
ONCE: dict[str, Callable[[Any], None]] = {
    "group the rail by lr": put("rail", "config.lr"),
    "rail without groups": put("rail", "none"),
    "sort by the number": put("sort", "high"),
    "newest first again": put("sort", "newest"),
    "bands by lr": put("bands", "config.lr"),
    "bands off": put("bands", ""),
    "smooth": put("smooth", "ema:0.9"),
    "not smoothed": put("smooth", ""),
    "next theme": click("#theme-switch"),
    "next theme but one": click("#theme-switch"),
}


class Acts:
    """Does things on a page and keeps the longest task of each."""

    def __init__(self, page: Any, *, profile: bool) -> None:
        self.page = page
        self.rows: list[list[str]] = []
        self.worst = self.worst_busy = 0.0
        self.profiles: dict[str, Any] = {}
        self.session = page.context.new_cdp_session(page) if profile else None
        if self.session is not None:
            self.session.send("Profiler.enable")
            self.session.send("Profiler.setSamplingInterval", {"interval": 500})

    def do(self, name: str, act: Callable[[Any], None]) -> None:
        page = self.page
        page.evaluate("tasks.length = 0")
        if self.session is not None:
            self.session.send("Profiler.start")
        page.context.browser.start_tracing(page=page, categories=["toplevel"])
        act(page)
        settle(page)
        traced = json.loads(page.context.browser.stop_tracing())["traceEvents"]
        if self.session is not None:
            self.profiles[name] = self.session.send("Profiler.stop")["profile"]
        told = page.evaluate("tasks")
        longest = max((took for _, took in told), default=0.0)
        busy = longest_busy(traced)
        self.worst, self.worst_busy = max(self.worst, longest), max(self.worst_busy, busy)
        total = sum(took for _, took in told)
        said = f"{longest:.0f} ms" if longest else "< 50 ms"
        self.rows.append([name, said, f"{busy:.0f} ms", f"{total:.0f} ms", "" if longest <= BAR_MS else "OVER"])


def longest_busy(events: list[dict[str, Any]]) -> float:
    """The most processor time, in ms, that a task of the page's thread took, from a trace of the browser."""
    page = {(one["pid"], one["tid"]) for one in events if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"}
    tasks = (one for one in events if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) in page)
    return max((one.get("tdur", 0) for one in tasks), default=0) / 1000


def measure(url: str, *, profile: Path | None, slow: float) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        context = browser.new_context(viewport=SIZE)
        context.add_init_script(OBSERVE)
        page = context.new_page()
        if slow > 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slow})
        page.goto(url, wait_until="commit")
        with contextlib.suppress(Exception):
            page.wait_for_load_state()
        settle(page)
        shown, most = page.evaluate("[crossboard.board.visible.length, Math.max(...tasks.map(([, took]) => took), 0)]")
        acts = Acts(page, profile=profile is not None)
        acts.rows.append(["(load)", f"{most:.0f} ms", "", "", ""])
        for axis in ("step", "relative", "wall"):
            if axis != "step":
                acts.do(f"axis: {axis}", click(f'#x-axis label:has-text("{axis}")'))
            for name, act in ON_AN_AXIS.items():
                acts.do(f"{axis}: {name}", act)
        acts.do("axis: step", click('#x-axis label:has-text("step")'))
        for name, act in ONCE.items():
            acts.do(name, act)
        if profile is not None:
            profile.write_text(json.dumps(acts.profiles))
        browser.close()
    head = [f"{shown:,} runs x {len(TAGS)} tags x {POINTS:,} points", "longest task", "processor", "long tasks, in all", f"<= {BAR_MS} ms"]
    print(table(head, acts.rows))
    verdict = "met" if acts.worst <= BAR_MS else "NOT met"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"longest task after load: {acts.worst:.0f} ms, bar {BAR_MS} ms: {verdict}; most processor time in one {acts.worst_busy:.0f} ms")
    print(f"load average {load} on {os.cpu_count()} processors")


def main() -> None:
    parser = argparse.ArgumentParser(description="the longest task of a page with many runs")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--root", type=Path, help="use, or make and keep, this root")
    parser.add_argument("--slow", type=float, default=1, metavar="TIMES", help="slow the page's processor down so many times")
    parser.add_argument("--profile", type=Path)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        root = given.root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crossboard-bench-"))) / "runs"
        if not root.exists():
            write(root, runs=given.runs)
        url = stack.enter_context(crossboard_server(root, runs=given.runs))
        measure(url, profile=given.profile, slow=given.slow)


if __name__ == "__main__":
    main()
