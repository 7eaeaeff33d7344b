"""How fast event files are read, beside TensorBoard's Rust data server and its Python EventAccumulator, on the same files, alternating.

    python benchmarks/event_files.py [--rounds 5] [--runs 1000] [--scalars 1000000]

Part one: one file of a million scalars (four tags). Reader: events to arrays; store: until every curve can be drawn. The Rust server
is timed from its start until it lists the last step of every tag; it is pinned to one core as crossboard is. EventAccumulator runs
once, on a tenth of the file. Bar: at least 3 times the Rust server's events/s. Part two: many runs of 5,000 scalars, both on all
cores: until the first curve is there, and until all are. Bar: total at least 2 times. Part three: the second start, from the cache.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.store.embedded import EmbeddedStore
from crossboard.store.framing import encode_frame
from crossboard.store.kinds import Kind

TAGS = ("train/loss", "train/accuracy", "val/loss", "lr")
NAME = "events.out.tfevents.1700000000.host.1.0"


def event(tag: str, step: int, value: float, wall: float) -> bytes:
    body = b"\x0a" + bytes([len(tag)]) + tag.encode() + b"\x15" + struct.pack("<f", value)
    digits = bytearray()
    rest = step
    while rest > 127:
        digits.append(rest & 127 | 128)
        rest >>= 7
    digits.append(rest)
    steps = b"\x10" + bytes(digits) if step else b""
    return b"\x09" + struct.pack("<d", wall) + steps + b"\x2a" + bytes([len(body) + 2]) + b"\x0a" + bytes([len(body)]) + body


def write_file(path: Path, scalars: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(encode_frame(b"\x09" + struct.pack("<d", 1.7e9) + b"\x1a\x0dbrain.Event:2"))
        for number in range(scalars):
            step, place = divmod(number, len(TAGS))
            file.write(encode_frame(event(TAGS[place], step, 1 / (step + 1), 1.7e9 + step / 100)))


def by_reader(root: Path) -> float:
    source = TensorBoardSource(root)
    begin = time.perf_counter()
    for run in source.scan():
        cursor, more = None, True
        while more:
            batch = source.read(run, cursor)
            cursor, more = batch.cursor, batch.more
    return time.perf_counter() - begin


def by_store(root: Path, cache: Path | None = None) -> tuple[float, float]:
    """(seconds until the first curve can be drawn, until all can)."""
    begin = time.perf_counter()
    store = EmbeddedStore([TensorBoardSource(root)], memory=cache is None, cache=None if cache is None else str(cache))
    first: list[float] = []

    def look() -> None:
        while not first:
            found = store.series(kind=Kind.SCALAR)
            if found:
                store.overview(found[0].key)
                first.append(time.perf_counter() - begin)
            time.sleep(0.005)

    looker = threading.Thread(target=look)
    looker.start()
    store.refresh()
    looker.join()
    total = time.perf_counter() - begin
    store.close()
    return first[0], total


def by_rust(root: Path, last_step: int, runs: int, *, one_core: bool) -> float:
    from tensorboard import context
    from tensorboard.data import server_ingester

    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(), logdir=str(root), reload_interval=0, channel_creds_type=_local()
    )
    before = os.sched_getaffinity(0)
    begin = time.perf_counter()
    if one_core:
        os.sched_setaffinity(0, {min(before)})  # its child inherits it
    ingester.start()
    os.sched_setaffinity(0, before)
    asked = context.RequestContext()
    while True:
        listed = ingester.data_provider.list_scalars(asked, experiment_id="", plugin_name="scalars")
        if len(listed) == runs and all(
            len(tags) == len(TAGS) and all(one.max_step == last_step for one in tags.values()) for tags in listed.values()
        ):
            break
        time.sleep(0.002)
    taken = time.perf_counter() - begin
    ingester._stdin_handle.close()
    return taken


def _local() -> object:
    from tensorboard.util import grpc_util

    return grpc_util.ChannelCredsType.LOCAL


def by_accumulator(root: Path) -> float:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    begin = time.perf_counter()
    EventAccumulator(str(root), size_guidance={"scalars": 0}).Reload()
    return time.perf_counter() - begin


def on_one_core(work: Callable[[], float]) -> float:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        return work()
    finally:
        os.sched_setaffinity(0, before)


def row(what: str, seconds: list[float], events: int, than: list[float] | None = None, bar: float = 0) -> None:
    middle = statistics.median(seconds)
    ratio = f"{statistics.median(than) / middle:6.2f}x" if than else ""
    met = ("" if not bar or not than else "  met" if statistics.median(than) / middle >= bar else "  NOT met") + (
        f" (bar {bar:g}x)" if bar else ""
    )
    print(
        f"{what:44s} {middle:8.3f} s  {events / middle / 1e6:7.3f} M events/s  {ratio}{met}  [{', '.join(f'{one:.2f}' for one in seconds)}]"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--scalars", type=int, default=1_000_000)
    args = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        one, tenth, many = Path(folder, "one"), Path(folder, "tenth"), Path(folder, "many")
        write_file(one / "run" / NAME, args.scalars)
        write_file(tenth / "run" / NAME, args.scalars // 10)
        last = args.scalars // len(TAGS) - 1
        rust, reader, store = [], [], []
        for _ in range(args.rounds):
            rust.append(by_rust(one, last, 1, one_core=True))
            reader.append(on_one_core(lambda: by_reader(one)))
            store.append(on_one_core(lambda: by_store(one)[1]))
        print(f"one file of {args.scalars:,} scalars, one core")
        row("Rust data server", rust, args.scalars)
        row("crossboard, reader", reader, args.scalars, rust, 3)
        row("crossboard, store, until all can be drawn", store, args.scalars, rust)
        row("EventAccumulator (on a tenth)", [by_accumulator(tenth / "run")], args.scalars // 10)
        write_file(many / "run0" / NAME, 5000)
        for number in range(1, args.runs):
            shutil.copytree(many / "run0", many / f"run{number}")
        total = 5000 * args.runs
        rust, first, store, again = [], [], [], []
        for number in range(max(1, args.rounds // 2)):
            rust.append(by_rust(many, 5000 // len(TAGS) - 1, args.runs, one_core=False))
            cache = Path(folder, f"cache{number}")
            began, ended = by_store(many, cache)
            first.append(began)
            store.append(ended)
            again.append(by_store(many, cache)[0])
        print(f"{args.runs:,} files of 5,000 scalars, all cores")
        row("Rust data server", rust, total)
        row("crossboard, store with its cache written", store, total, rust, 2)
        print(f"first curve after {statistics.median(first):.3f} s, on the second start after {statistics.median(again):.3f} s (bar 1 s)")
    return 0


if __name__ == "__main__":
    if subprocess.call([sys.executable, "-c", "import tensorboard_data_server"], stderr=subprocess.DEVNULL):
        sys.exit("this benchmark needs tensorboard and tensorboard-data-server: pip install tensorboard")
    sys.exit(main())
