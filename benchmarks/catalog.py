"""100,000 runs in the catalog: how long until they are listed, by the store, the data route, the page and `crossboard ls`.

    python benchmarks/catalog.py                   # 100,000 runs
    python benchmarks/catalog.py --runs 10000 --read   # and how long the first reading takes
    python benchmarks/catalog.py --root DIR        # make them there and keep them, with what is cached of them

The runs are copies of one run of two metrics: a directory and a run.json of their own, the two files of its points and records
hard-linked. The catalog gets what reading them comes to without reading each: "listed" is of what the catalog has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from boards import ARGUMENTS, chromium_path, crossboard_server, free_port, table

BAR_S = 1.0
ROUTES = {
    "runs, at once": "api/runs",
    "tags": "api/tags?kind=scalar&join=sure",
    "runs": "api/runs",
    "tags again": "api/tags?kind=scalar&join=sure",
    "runs of a query": "api/runs/match?query=lr%3D0.1",
}


def make(root: Path, *, runs: int) -> None:
    """Write `runs` runs below `root`, in projects of 10,000."""
    os.environ["CROSSBOARD_SEAL"] = "0"
    import crossboard as cb

    with tempfile.TemporaryDirectory(dir=root.parent) as beside:
        with cb.init(project="one", name="one", config={"lr": 0.1, "seed": 3}, dir=beside) as run:
            for step in range(5):
                run.log({"train/loss": 1 / (step + 1), "val/accuracy": step / 5}, step=step)
        (source,) = Path(beside, "one").iterdir()
        identity = json.loads((source / "run.json").read_text())
        files = [path.name for path in source.iterdir() if path.is_file() and path.name != "run.json"]
        for number in range(runs):
            project, name = f"project{number // 10_000}", f"run{number:06d}"
            directory = root / project / name
            directory.mkdir(parents=True)
            created = identity["created"] - runs + number
            (directory / "run.json").write_text(json.dumps({**identity, "id": name, "name": name, "project": project, "created": created}))
            for file in files:
                try:
                    os.link(source / file, directory / file)
                except OSError:  # as many links as the file system allows
                    (directory / file).write_bytes((source / file).read_bytes())


def fill(root: Path, cache: Path, *, runs: int) -> None:
    """Write into the catalog what reading all these runs comes to: what reading one came to, `runs` times."""
    from crossboard.store.catalog import Catalog, Change, StoredRun, directory_for, encode_run
    from crossboard.store.embedded import EmbeddedStore
    from crossboard.store.native import NativeSource
    from crossboard.store.strands import RunData
    from crossboard.wiring import sources_for

    first = root / "project0" / "run000000"
    store = EmbeddedStore([NativeSource(first)], memory=True)
    store.refresh()
    (run,) = store.held_runs()
    catalog = Catalog.open(directory_for(sources_for([str(root)]), cache))
    assert catalog is not None
    changes: list[Change] = []
    number = 0
    for place in range(runs):
        project, name = f"project{place // 10_000}", f"run{place:06d}"
        path = str(root / project / name)
        key = f"native:{path}"
        stats = [os.stat(path), os.stat(os.path.join(path, "run.json"))]
        token = [one.st_mtime_ns for one in stats] + list(run.kept_token[2:])
        copied = RunData(replace(run.found, key=key, path=path, project=project, id=name, name=name), format="native", owner=None)
        copied.state = msgspec.structs.replace(run.state, key=key, path=path, project=project, id=name, name=name)
        copied.cursor, copied.kept_token = run.cursor, token
        change = copied.change()
        change.path, change.format = str(root), "native"
        for one in run.strands.values():
            number += 1
            stored = one.to_store()
            change.strands.append(replace(stored, id=number, run=key))
        change.records = list(run.records)
        stored_run = msgspec.msgpack.decode(change.run or b"", type=StoredRun)
        change.run = encode_run(msgspec.structs.replace(stored_run, records=len(run.records)))
        changes.append(change)
        if len(changes) == 5000:
            catalog.save(changes)
            changes = []
    catalog.save(changes)
    catalog.close(clean=True)
    store.close()


def timed(url: str) -> tuple[float, int]:
    """Seconds until the answer of `url` is read, and its length."""
    began = time.perf_counter()
    with urllib.request.urlopen(url, timeout=600) as answer:
        length = len(answer.read())
    return time.perf_counter() - began, length


def started(root: Path, cache: Path, *, runs: int) -> tuple[float, subprocess.Popen[bytes], str]:
    """Start a board that has a catalog: seconds until its route lists the runs, the process, the URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    command = [sys.executable, "-m", "crossboard", str(root), "--no-browser", "--no-token", "--port", str(port)]
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "CROSSBOARD_CACHE": str(cache)}, stdout=subprocess.DEVNULL)
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(url + "api/board", timeout=60) as answer:
            if json.load(answer)["runs"] >= runs:
                return time.perf_counter() - began, process, url
        if process.poll() is not None:
            raise RuntimeError(f"the board ended with {process.returncode}")
        time.sleep(0.05)


def processor_s(process: subprocess.Popen[bytes]) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def page(url: str, *, runs: int) -> list[list[str]]:
    """The page over so many runs: until the rail lists them, and what it does then."""
    from playwright.sync_api import sync_playwright

    rows: list[list[str]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        shown = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        for words in ("page: until the rail lists them, cold", "the same, warm"):
            began = time.perf_counter()
            shown.goto(url, wait_until="commit")
            there = f"window.crossboard && crossboard.board && crossboard.board.order.length >= {runs}"
            while not shown.evaluate(f"Boolean({there} && document.querySelectorAll('.rr').length > 8)"):
                time.sleep(0.05)
            rows.append([words, f"{time.perf_counter() - began:.2f} s", ""])
        time.sleep(3)
        for words, script in {
            "page: filter by words": "crossboard.runFilter.set('run00012')",
            "page: no filter": "crossboard.runFilter.set('')",
            "page: sort by name": "crossboard.state.set('sort', 'name')",
            "page: hide one run": "crossboard.board.show([crossboard.board.order[5]], false)",
            "page: scroll the rail to its middle": "document.getElementById('run-list').scrollTop = 1e6",
        }.items():
            took = shown.evaluate(
                f"(async () => {{ const began = performance.now(); {script}; await new Promise(go => requestAnimationFrame(() =>"
                " setTimeout(go, 0))); return performance.now() - began; })()"
            )
            rows.append([words, f"{took / 1000:.2f} s", ""])
        heap = shown.evaluate("performance.memory.usedJSHeapSize") / 2**20
        rows.append(["page: heap", f"{heap:.0f} MB", ""])
        browser.close()
    return rows


def measure(root: Path, *, runs: int, browser: bool, read: bool) -> list[list[str]]:
    cache = root.with_name(root.name + "-cache")
    rows: list[list[str]] = []
    if not cache.exists() and not read:
        fill(root, cache, runs=runs)
    elif not cache.exists():
        began = time.perf_counter()
        with crossboard_server(root, runs=runs):
            pass
        rows.append(["first reading of all", f"{time.perf_counter() - began:.1f} s", ""])
    seconds, process, url = started(root, cache, runs=runs)
    try:
        rows.append(
            ["board with a catalog: from the command to its first answer", f"{seconds:.2f} s", f"{processor_s(process):.1f} s of processor"]
        )
        for words, path in ROUTES.items():
            before = processor_s(process)
            took, length = timed(url + path)
            busy = processor_s(process) - before
            verdict = ("met" if took <= BAR_S else "NOT met") if path == "api/runs" else ""
            rows.append(
                [f"{words}: {path.partition('?')[0]}, {length / 2**20:.1f} MB", f"{took:.2f} s", f"{busy:.1f} s of processor {verdict}"]
            )
        time.sleep(20)
        before = processor_s(process)
        time.sleep(20)
        rows.append(["board at rest", f"{(processor_s(process) - before) / 20:.0%} of a processor", ""])
        if browser:
            rows += page(url, runs=runs)
        resident = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
        rows.append(["board: memory", f"{resident:.0f} MB", ""])
    finally:
        process.terminate()
        process.wait()
    began = time.perf_counter()
    command = [sys.executable, "-m", "crossboard", "ls", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "CROSSBOARD_CACHE": str(cache)})
    rows.append(["crossboard ls, with a catalog", f"{time.perf_counter() - began:.2f} s", ""])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="very many runs: until they are listed")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--read", action="store_true", help="have a board read them all, instead of writing the catalog")
    parser.add_argument("--no-page", action="store_true")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        root: Any = given.root or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crossboard-bench-"))) / "runs"
        if not root.exists():
            make(root, runs=given.runs)
        rows = measure(root, runs=given.runs, browser=not given.no_page, read=given.read)
    print(table([f"{given.runs:,} runs of 2 metrics", "measured", f"<= {BAR_S:g} s"], rows))
    print(f"load average {', '.join(f'{one:.1f}' for one in os.getloadavg())} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
