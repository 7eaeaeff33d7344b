"""What logging an image costs the training thread, beside torch's SummaryWriter, and what encoding it in the background takes from it.

    python3 dev.py bench media_call [ROUNDS]

First table: the median time of `run.log({"x": cb.Image(array)})` and of `SummaryWriter.add_image`, in one process, alternating, with
the same array, pauses between the calls so that the background keeps up. Bar (DESIGN): at most 1/5.

Second table: how a 1080p picture is best encoded. The processor time of one encoding in a thread of its own, the size, and how
often a busy loop of plain Python in the main thread had to wait for the interpreter's lock meanwhile (its voluntary context
switches; each wait lasts until the encoder lets go of the lock again). Both figures hold on a busy machine too.
`png.encode_png` stores every row as its difference from the one above and deflates all in one call; Pillow's encoder chooses a
filter for each row. When the way was chosen, other ways were tried on a photograph of 1080p (ms, kB; zlib 1.2.13): Up with level 1
85 and 1,280; Sub 86 and 1,292; Average 106 and 1,292; no filter 99 and 1,424; Up with run lengths only 83 and 3,210, with Huffman
codes only 93 and 3,386, with level 3 156 and 1,198; Pillow's level 1 307 and 1,268, level 6 340 and 1,080. All of them, Pillow's
too, let go of the lock while they deflate. So PNG is written with Up and level 1: a third of Pillow's time, as small.
"""

from __future__ import annotations

import io
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import crossboard as cb
from crossboard.loggers.media.png import encode_png

Array = Any
SIZES = {"256 x 256": (256, 256), "1080p": (1080, 1920)}
CALLS = {"256 x 256": 40, "1080p": 4}


def photograph(height: int, width: int) -> Array:
    """Something like one: smooth parts, edges, a little noise of the sensor."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / 100
    smooth = np.stack([np.sin(x + y), np.cos(x * 1.7 - y), np.sin(x * y / 5)], -1) * 60 + 120
    smooth += 60 * (np.sin(3 * x) * np.cos(2 * y) > 0.5)[..., None]
    return (smooth + rng.normal(0, 2, smooth.shape)).clip(0, 255).astype(np.uint8)


def call_times(rounds: int) -> None:
    """The first table."""
    from torch.utils.tensorboard import SummaryWriter

    print(f"ms of a call on the training thread, median (slowest) of {rounds} alternating rounds\n")
    print(f"{'':<28}{'crossboard':>20}{'SummaryWriter':>20}{'ratio':>9}")
    for size, shape in SIZES.items():
        whole = photograph(*shape)
        for dtype in ("uint8", "float32"):
            array = whole if dtype == "uint8" else whole.astype(np.float32) / 255
            times: dict[str, list[float]] = {"crossboard": [], "SummaryWriter": []}
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as directory:
                    run = cb.init(dir=directory, strict=True)
                    writer = SummaryWriter(os.path.join(directory, "tb"))

                    def ours(step: int, run: cb.Run = run, array: Array = array) -> None:
                        run.log({"x": cb.Image(array)}, step=step)

                    def theirs(step: int, writer: Any = writer, array: Array = array) -> None:
                        writer.add_image("x", array, step, dataformats="HWC")

                    for step in range(CALLS[size] + 1):
                        for tool, call in (("crossboard", ours), ("SummaryWriter", theirs)):
                            began = time.perf_counter()
                            call(step)
                            took = time.perf_counter() - began
                            if step:  # the first one imports
                                times[tool].append(took * 1e3)
                            writer.flush()  # neither is to be in the other's way
                            while run._later.items:
                                time.sleep(0.002)
                    run.finish()
                    writer.close()
            row = f"{size + ', ' + dtype:<28}"
            for taken in times.values():
                row += f"{statistics.median(taken):>11.3f} ({max(taken):6.2f})"
            ratio = statistics.median(times["SummaryWriter"]) / statistics.median(times["crossboard"])
            print(f"{row}{f'1/{ratio:.0f}':>9}", flush=True)


def by_pillow(form: str, **options: Any) -> Callable[[Array], bytes]:
    from PIL import Image

    def encode(array: Array) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, form, **options)
        return buffer.getvalue()

    return encode


def encoded_beside(encode: Callable[[Array], bytes], array: Array) -> tuple[float, int]:
    """(seconds of processor time of one encoding in a thread, how often the main thread, busy, had to wait meanwhile)."""
    done: list[float] = []

    def run() -> None:
        began = time.thread_time()
        encode(array)
        done.append(time.thread_time() - began)

    thread = threading.Thread(target=run)
    before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
    thread.start()
    while not done:
        pass
    waited = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before
    thread.join()
    return done[0], waited


def encoders(rounds: int) -> None:
    """The second table."""
    ways: dict[str, Callable[[Array], bytes]] = {
        "png.encode_png, level 1": encode_png,
        "png.encode_png, level 3": lambda array: encode_png(array, level=3),
        "Pillow PNG, level 1": by_pillow("PNG", compress_level=1),
        "Pillow PNG, level 6": by_pillow("PNG", compress_level=6),
        "Pillow JPEG 90": by_pillow("JPEG", quality=90),
        "Pillow WebP 90": by_pillow("WEBP", quality=90, method=2),
    }
    array = photograph(1080, 1920)
    sizes = {way: len(encode(array)) for way, encode in ways.items()}
    found: dict[str, list[tuple[float, int]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, encode in ways.items():
            found[way].append(encoded_beside(encode, array))
    print(f"\na 1080p image, median of {rounds} alternating rounds; zlib {zlib.ZLIB_RUNTIME_VERSION}\n")
    print(f"{'':<28}{'processor ms':>14}{'kB':>8}{'waits for the lock':>22}")
    for way, results in found.items():
        ms = statistics.median(took for took, _ in results) * 1e3
        print(f"{way:<28}{ms:>14.1f}{sizes[way] / 1e3:>8.0f}{statistics.median(waited for _, waited in results):>22.0f}", flush=True)


def main(rounds: int) -> None:
    os.environ["CROSSBOARD_SEAL"] = "0"
    call_times(rounds)
    encoders(rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
