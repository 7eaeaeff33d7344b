"""The Runs page with many runs: open, sort, filter, query, group, scroll, and news of a running run.

    python benchmarks/runs_table.py                 # 10,000 runs, 20 config keys, 10 metrics
    python benchmarks/runs_table.py --runs 1000

The runs are appended to a store in memory and served by a board in this process: what is measured is the page and the data routes,
not the reading of files. Open: from the request of the page to the first rows being there, with what the server has computed
before forgotten (cold) and kept (warm). Everything else is timed in the page, to the frame after the rows stand.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import uvicorn
from boards import ARGUMENTS, chromium_path, free_port, table

from crossboard.dashboard.app import create_app
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.kinds import Points
from crossboard.store.process import ProcessIdentity
from crossboard.store.records import ConfigSet, Ended, Opened
from crossboard.store.source import Batch, FoundRun, Placed, Strand, WriterLife

METRICS = ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "val/f1", "lr", "grad/norm", "time/step", "time/data", "epoch")
OPTIMIZERS = ("adam", "adamw", "sgd")

TIMED = """
async work => {
  const api = crossboard.table.api, until = async holds => { while (!holds()) await new Promise(go => setTimeout(go, 4)); };
  const frame = () => new Promise(go => requestAnimationFrame(() => setTimeout(go, 0)));
  const began = performance.now();
  await eval_(work, api, until);
  await frame();
  return performance.now() - began;
}
"""

WORKS = {
    "sort by a metric": "api.applyColumnState({state: [{colId: 'metric.val/accuracy.max', sort: 'desc'}], defaultState: {sort: null}});",
    "sort by name": "api.applyColumnState({state: [{colId: 'name', sort: 'asc'}], defaultState: {sort: null}});",
    "filter a column": "await api.setColumnFilterModel('config.lr', {filterType: 'number', type: 'lessThan', filter: 0.005});"
    " api.onFilterChanged();",
    "clear the filter": "api.setFilterModel(null);",
    "query: lr < 0.005 and val/accuracy.max > 0.9": "const field = document.getElementById('runs-query'); field.value ="
    " 'lr < 0.005 and val/accuracy.max > 0.9'; field.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}));"
    " await until(() => crossboard.table.matching());",
    "clear the query": "const field = document.getElementById('runs-query'); field.value = ''; field.dispatchEvent(new"
    " KeyboardEvent('keydown', {key: 'Enter', bubbles: true})); await until(() => !crossboard.table.matching());",
    "group by optimizer": "await crossboard.table.host.groupBy('config.optimizer.name', true); await until(() =>"
    " document.querySelector('#runs-grid .grouprow'));",
    "end grouping": "await crossboard.table.host.groupBy('config.optimizer.name', false); await until(() =>"
    " !document.querySelector('#runs-grid .grouprow'));",
    "show one more column": "await crossboard.table.host.show('metric.lr.last', true);",
}

SCROLL = """
new Promise(done => {
  const view = document.querySelector('#runs-grid .ag-body-viewport'), frames = [];
  let last = performance.now(), n = 0;
  const step = () => {
    const now = performance.now();
    frames.push(now - last);
    last = now;
    view.scrollTop += 220;
    if (n++ < 180) requestAnimationFrame(step); else done(frames.slice(5));
  };
  requestAnimationFrame(step);
})
"""


def fill(store: EmbeddedStore, runs: int) -> None:
    """Append `runs` runs, the last of which is still going on."""
    steps = np.arange(5, dtype=np.int64)
    random = np.random.default_rng(0)
    for number in range(runs):
        config: dict[str, Any] = {
            "lr": float(10.0 ** -(1 + number % 4)),
            "seed": number,
            "optimizer": {"name": OPTIMIZERS[number % 3], "weight_decay": 5e-4},
            "dataset": "cifar10",
            **{f"option{place}": (number * place) % 11 for place in range(15)},
        }
        began = 1.7e9 + 60 * number
        process = ProcessIdentity(host="h")
        records: list[Any] = [
            Opened(version=1, writer="w", attempt=1, rank=0, wall_time=began, process=process),
            ConfigSet(wall_time=began, config=config),
        ]
        lives = []
        if number < runs - 1:
            records.append(Ended(wall_time=began + 50, status="failed" if number % 29 == 0 else "finished"))
        else:
            lives.append(WriterLife("w", 1, 0, "main", "alive", time.time()))
        values = random.random((len(METRICS), 5))
        strands = [
            Strand(tag, 0, 1, "w", Points(steps, np.asarray(began + steps, np.float64), values[place])) for place, tag in enumerate(METRICS)
        ]
        placed = [Placed(record, "w", 1, 0) for record in records]
        path = f"/runs/many/run-{number:05d}"
        found = FoundRun(f"native:{path}", path, "many", f"run-{number:05d}", f"{OPTIMIZERS[number % 3]} {number}", began)
        store.append(found, Batch(b"", strands, placed, writers=lives), source="native")


@contextlib.contextmanager
def served(store: EmbeddedStore) -> Iterator[tuple[str, Any]]:
    """A board over `store` in a thread of this process: its URL and its app."""
    app, port = create_app(store, ask_for_key=False), free_port()
    server = uvicorn.Server(uvicorn.Config(app.server, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}/", app
    finally:
        server.should_exit = True
        thread.join(10)


def opened(page: Any, url: str) -> float:
    """Milliseconds from asking for the page until rows stand."""
    began = time.monotonic()
    page.goto(url, wait_until="commit")
    while True:
        with contextlib.suppress(Exception):
            if page.evaluate(
                "Boolean(window.crossboard && crossboard.table && crossboard.table.settled() && document.querySelector('.ag-row'))"
            ):
                return (time.monotonic() - began) * 1000
        time.sleep(0.01)


def measure(runs: int) -> list[list[str]]:
    from playwright.sync_api import sync_playwright

    store = EmbeddedStore(memory=True)
    fill(store, runs)
    rows: list[list[str]] = []
    with served(store) as (url, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        page = context.new_page()
        cold = opened(page, f"{url}?page=runs")
        warm = [opened(page, f"{url}?page=runs") for _ in range(3)]
        rows.append(["open, the first time", f"{cold:.0f} ms"])
        rows.append(["open again (median of 3)", f"{statistics.median(warm):.0f} ms"])
        took: dict[str, list[float]] = {name: [] for name in WORKS}
        for _ in range(3):
            for name, work in WORKS.items():
                took[name].append(float(page.evaluate(TIMED.replace("eval_(work, api, until)", f"(async () => {{ {work} }})()"), "")))
        rows += [[name, f"{statistics.median(times):.0f} ms"] for name, times in took.items()]
        frames = sorted(float(one) for one in page.evaluate(SCROLL))
        middle, high = frames[len(frames) // 2], frames[int(len(frames) * 0.95)]
        rows.append(["scroll, frame median / 95 %", f"{middle:.1f} / {high:.1f} ms"])
        rows.append(["news of the running run, to the cell", f"{_news(page, store, runs):.0f} ms, at most once a second"])
        session = context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        rows.append(["heap", f"{page.evaluate('performance.memory.usedJSHeapSize') / 2**20:.0f} MB"])
        browser.close()
    return rows


def _news(page: Any, store: EmbeddedStore, runs: int) -> float:
    """Milliseconds from a point being there to its cell, median of 5."""
    path = f"/runs/many/run-{runs - 1:05d}"
    found = FoundRun(
        f"native:{path}", path, "many", f"run-{runs - 1:05d}", f"{OPTIMIZERS[(runs - 1) % 3]} {runs - 1}", 1.7e9 + 60 * (runs - 1)
    )
    took = []
    for step in range(5, 10):
        began = time.monotonic()
        point = Points(np.array([step]), np.array([time.time()]), np.array([float(step)]))
        store.append(found, Batch(b"", [Strand("val/accuracy", 0, 1, "w", point)]), source="native")
        script = f"(t => t.rows.cell(t.rows.byKey.get('native:{path}'), 'metric.val/accuracy.max'))(crossboard.table)"
        while page.evaluate(script) != step:
            time.sleep(0.01)
        took.append((time.monotonic() - began) * 1000)
        time.sleep(1.2)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description="the Runs page with many runs")
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    print(table([f"{runs:,} runs, 20 config keys, {len(METRICS)} metrics", "measured"], measure(runs)))


if __name__ == "__main__":
    main()
