"""How fast event files are read, beside TensorBoard's Rust data server and its Python EventAccumulator, on the same files, alternating.

    python benchmarks/event_files.py [--rounds 5] [--runs 1000] [--scalars 1000000] [--only one,many,mixed,large,live]

one     One file of a million scalars (four tags), one core. Reader: events to arrays; store: until every curve can be drawn. The Rust
        server is timed from its start until it lists the last step of every tag. EventAccumulator runs once, on a tenth of the
        file. Bar: at least 3 times the Rust server's events/s.
many    1,000 files of 5,000 scalars, all cores: until the first curve is there, and until all are. Bar: total at least 2 times.
mixed   Ten runs by torch's SummaryWriter, and ten by tf.summary: scalars, histograms, images. The Rust server is timed until it lists
        the last image, too. Bar: at least 2 times.
large   2 GB, nearly all of it images. Bar: opened under 500 MB of memory.
live    A point that torch's writer flushes into a log directory which a board shows: until the board answers with it. Bar: 1 s.

Each is opened a second time from its cache, in a fresh process. Bar: first curve within 1 s of the process being ready to read.
Beside the time by the clock stands processor time, which a busy machine changes less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from crossboard.adapters.tensorboard.reading.source import TensorBoardSource
from crossboard.adapters.tensorboard.wire import message, octets, text, whole
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


class Took(NamedTuple):
    """Seconds by the clock, and of processor time."""

    clock: float
    processor: float


def _processor(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def by_rust(root: Path, last_step: int, runs: int, *, one_core: bool, last_image: int | None = None) -> Took:
    from tensorboard import context
    from tensorboard.data import server_ingester

    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(), logdir=str(root), reload_interval=0, channel_creds_type=_local()
    )
    before, used = os.sched_getaffinity(0), _processor(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    if one_core:
        os.sched_setaffinity(0, {min(before)})  # its child inherits it
    ingester.start()
    os.sched_setaffinity(0, before)
    asked = context.RequestContext()
    while True:
        provider = ingester.data_provider
        listed = provider.list_scalars(asked, experiment_id="", plugin_name="scalars")
        done = len(listed) == runs and all(
            len(tags) == len(TAGS) and all(one.max_step == last_step for one in tags.values()) for tags in listed.values()
        )
        if done and last_image is not None:
            images = provider.list_blob_sequences(asked, experiment_id="", plugin_name="images")
            done = len(images) == runs and all(one.max_step == last_image for tags in images.values() for one in tags.values())
        if done:
            break
        time.sleep(0.002)
    taken = time.perf_counter() - begin
    ingester._stdin_handle.close()
    while subprocess._active:  # type: ignore[attr-defined]  # its time is counted when it has ended and was waited for
        subprocess._cleanup()  # type: ignore[attr-defined]
        time.sleep(0.01)
    return Took(taken, _processor(resource.RUSAGE_CHILDREN) - used)


def _local() -> object:
    from tensorboard.util import grpc_util

    return grpc_util.ChannelCredsType.LOCAL


def by_accumulator(root: Path) -> float:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    begin = time.perf_counter()
    EventAccumulator(str(root), size_guidance={"scalars": 0}).Reload()
    return time.perf_counter() - begin


def taken(work: Callable[[], object], *, one_core: bool = False) -> Took:
    before = os.sched_getaffinity(0)
    if one_core:
        os.sched_setaffinity(0, {min(before)})
    try:
        clock, used = time.perf_counter(), _processor(resource.RUSAGE_SELF) + _processor(resource.RUSAGE_CHILDREN)
        work()
        return Took(time.perf_counter() - clock, _processor(resource.RUSAGE_SELF) + _processor(resource.RUSAGE_CHILDREN) - used)
    finally:
        os.sched_setaffinity(0, before)


def row(what: str, took: list[Took], events: int, than: list[Took] | None = None, bar: float = 0) -> None:
    clock, processor = (statistics.median(one[place] for one in took) for place in range(2))
    ratio = ""
    if than:
        by_clock, by_processor = (statistics.median(one[place] for one in than) for place in range(2))
        ratio = f"  {by_clock / clock:5.2f}x by the clock, {by_processor / processor:5.2f}x of processor time"
        if bar:
            ratio += f"  {'met' if by_clock / clock >= bar else 'NOT met'} (bar {bar:g}x)"
    each = ", ".join(f"{one.clock:.2f}" for one in took)
    print(f"{what:38s} {clock:7.3f} s ({processor:6.3f} s) {events / clock / 1e6:6.2f} M events/s{ratio}  [{each}]", flush=True)


class Opened(NamedTuple):
    """A fresh process: until the first curve could be drawn from the cache, until all was read, its highest memory in MB."""

    first: float
    total: float
    memory: float


def opened(root: Path, cache: Path) -> Opened:
    answer = subprocess.run([sys.executable, __file__, "--open", root, cache], check=True, capture_output=True, text=True)
    return Opened(*json.loads(answer.stdout))


def open_here(root: str, cache: str) -> None:
    """What `opened` runs."""
    begin = time.perf_counter()
    store = EmbeddedStore([TensorBoardSource(root)], cache=cache)
    found = store.series(kind=Kind.SCALAR)
    if found:
        store.overview(found[0].key)
    first = time.perf_counter() - begin if found else 0.0
    store.refresh()
    total = time.perf_counter() - begin
    store.close()
    status = Path("/proc/self/status").read_text()  # getrusage would count what the parent held when it forked
    print(json.dumps([first, total, int(status.partition("VmHWM:")[2].split()[0]) / 1024]))


def second(root: Path, folder: Path, what: str) -> None:
    """Open twice, each in a fresh process."""
    cache = folder / f"cache-{what}"
    one, two = opened(root, cache), opened(root, cache)
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / 1e9
    print(
        f"{what}: {size:.2f} GB opened in {one.total:.2f} s with {one.memory:.0f} MB; "
        f"again, first curve after {two.first:.3f} s (bar 1 s), all looked at after {two.total:.3f} s with {two.memory:.0f} MB"
    )
    shutil.rmtree(cache)


# ----------------------------------------------------------------------------------------------------------- parts


def one_file(folder: Path, rounds: int, scalars: int) -> None:
    one, tenth = folder / "one", folder / "tenth"
    write_file(one / "run" / NAME, scalars)
    write_file(tenth / "run" / NAME, scalars // 10)
    rust, reader, store = [], [], []
    for _ in range(rounds):
        rust.append(by_rust(one, scalars // len(TAGS) - 1, 1, one_core=True))
        reader.append(taken(lambda: by_reader(one), one_core=True))
        store.append(taken(lambda: by_store(one), one_core=True))
    print(f"one file of {scalars:,} scalars, one core")
    row("Rust data server", rust, scalars)
    row("crossboard, reader", reader, scalars, rust, 3)
    row("crossboard, store", store, scalars, rust, 3)
    from tensorboard.backend.event_processing import event_accumulator  # noqa: F401 - importing it is not what is timed

    row("EventAccumulator (on a tenth)", [taken(lambda: by_accumulator(tenth / "run"))], scalars // 10)
    second(one, folder, "one")


def many_files(folder: Path, rounds: int, runs: int) -> None:
    many = folder / "many"
    write_file(many / "run0" / NAME, 5000)
    for number in range(1, runs):
        shutil.copytree(many / "run0", many / f"run{number}")
    rust, store, first = [], [], []
    for number in range(rounds):
        rust.append(by_rust(many, 5000 // len(TAGS) - 1, runs, one_core=False))
        cache = folder / f"cache{number}"
        store.append(taken(lambda cache=cache: first.append(by_store(many, cache))))  # type: ignore[misc]
        shutil.rmtree(cache)
    print(f"{runs:,} files of 5,000 scalars, all cores")
    row("Rust data server", rust, 5000 * runs)
    row(
        "crossboard, its cache written",
        [Took(total, one.processor) for (_, total), one in zip(first, store, strict=True)],
        5000 * runs,
        rust,
        2,
    )
    print(f"first curve after {statistics.median(one for one, _ in first):.3f} s")
    second(many, folder, "many")


def by_torch(root: Path) -> None:
    import torch
    from torch.utils.tensorboard import SummaryWriter

    picture, weights = torch.rand(3, 64, 64), [torch.randn(5000) for _ in range(6)]
    for number in range(10):
        writer = SummaryWriter(str(root / f"run{number}"))
        for step in range(1000):
            for tag in TAGS:
                writer.add_scalar(tag, 1 / (step + 1), step)
            if step % 10 == 0:
                for layer, weight in enumerate(weights):
                    writer.add_histogram(f"layer{layer}/weight", weight + step / 100, step)
            if step % 20 == 0:
                writer.add_image("sample", picture, step)
        writer.close()


def by_tensorflow(root: Path) -> None:
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    picture, weights = rng.random((1, 64, 64, 3)).astype("float32"), [rng.normal(size=5000).astype("float32") for _ in range(6)]
    writer = tf.summary.create_file_writer(str(root / "run0"))
    with writer.as_default():
        for step in range(1000):
            for tag in TAGS:
                tf.summary.scalar(tag, 1 / (step + 1), step)
            if step % 10 == 0:
                for layer, weight in enumerate(weights):
                    tf.summary.histogram(f"layer{layer}/weight", weight + step / 100, step)
            if step % 20 == 0:
                tf.summary.image("sample", picture, step)
    writer.close()
    for number in range(1, 10):
        shutil.copytree(root / "run0", root / f"run{number}")


def mixed(folder: Path, rounds: int) -> None:
    for name, write in (("torch", by_torch), ("tf.summary", by_tensorflow)):
        root = folder / name
        write(root)
        rust, store = [], []
        for _ in range(rounds):
            rust.append(by_rust(root, 999, 10, one_core=False, last_image=980))
            store.append(taken(lambda root=root: by_store(root)))  # type: ignore[misc]
        print(f"10 runs by {name} of 4,000 scalars, 600 histograms, 50 images each, all cores")
        row("Rust data server", rust, 46_500)
        row("crossboard, store", store, 46_500, rust, 2)
        second(root, folder, name)


def image(step: int, size: int) -> bytes:
    picture = message(4, whole(1, 256), whole(2, 256), whole(3, 3), octets(4, b"\x89PNG\r\n\x1a\n" + os.urandom(size)))
    return b"\x09" + struct.pack("<d", 1.7e9 + step) + whole(2, step) + message(5, message(1, text(1, "sample"), picture))


def large(folder: Path) -> None:
    root = folder / "large"
    for number in range(10):
        write_file(root / f"run{number}" / NAME, 4000)
        with (root / f"run{number}" / NAME).open("ab") as file:
            for step in range(1000):
                file.write(encode_frame(image(step, 200_000)))
    rust, store = [], []
    for _ in range(3):
        rust.append(by_rust(root, 999, 10, one_core=False, last_image=999))
        store.append(taken(lambda: by_store(root)))
    print("2 GB of images")
    row("Rust data server", rust, 50_000)
    row("crossboard, store", store, 50_000, rust)
    second(root, folder, "large")


def live(folder: Path, points: int) -> None:
    from boards import crossboard_server, get_json
    from torch.utils.tensorboard import SummaryWriter

    root = folder / "live"
    writer = SummaryWriter(str(root / "run"))
    writer.add_scalar("loss", 1.0, 0)
    writer.flush()
    ages = []
    with crossboard_server(root, runs=1) as url:
        address = f"{url}api/curves?" + urllib.parse.urlencode({"tag": "loss", "format": "json"})
        for step in range(1, points + 1):
            time.sleep(0.7 + 0.05 * (step % 7))
            begin = time.perf_counter()
            writer.add_scalar("loss", 1 / step, step)
            writer.flush()
            while max(get_json(address)["curves"][0]["x"]) < step:
                time.sleep(0.005)
            ages.append(time.perf_counter() - begin)
    writer.close()
    print(f"from the flush to the board's answer: median {statistics.median(ages):.3f} s, longest of {points} {max(ages):.3f} s (bar 1 s)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--scalars", type=int, default=1_000_000)
    parser.add_argument("--only", default="one,many,mixed,large,live")
    parser.add_argument("--open", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.open:
        open_here(*args.open)
        return 0
    parts: dict[str, Callable[[Path], None]] = {
        "one": lambda folder: one_file(folder, args.rounds, args.scalars),
        "many": lambda folder: many_files(folder, args.rounds, args.runs),
        "mixed": lambda folder: mixed(folder, args.rounds),
        "large": large,
        "live": lambda folder: live(folder, 20),
    }
    for name in args.only.split(","):
        print(f"load average {os.getloadavg()[0]:.1f}")
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(folder))
    return 0


if __name__ == "__main__":
    if subprocess.call([sys.executable, "-c", "import tensorboard_data_server"], stderr=subprocess.DEVNULL):
        sys.exit("this benchmark needs tensorboard and tensorboard-data-server: pip install tensorboard")
    sys.exit(main())
