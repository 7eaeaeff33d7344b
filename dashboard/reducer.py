"""A program of its own: t-SNE or UMAP of vectors that come on its standard input, started by `reductions`.

It imports nothing of crossboard, so that it can be run by its path. It says how far it is on its standard output, a JSON object a
line: ``{"share": 0..1 or null, "words": ...}``, and last ``{"size": bytes}``, behind which the coordinates follow, float32, row
by row. On failure ``{"error": ...}``. It ends itself as soon as its standard input is closed: its starter is gone then.

    reducer.py METHOD ROWS DIMENSIONS COORDINATES SETTING      METHOD tsne|umap; SETTING the perplexity, or the neighbours of UMAP

What the methods print about their progress is read here: "[t-SNE] Iteration 50: error = 63.5, ..." of scikit-learn, and of umap-learn
the bars of tqdm, "Epochs completed:  12%| ...".
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from typing import Any, Final

import numpy as np

FIRST_COMPONENTS: Final = 50
"""t-SNE is computed from so many principal components, as its authors do (van der Maaten and Hinton 2008, section 4.2)."""
ITERATIONS: Final = 1000
_ITERATION: Final = re.compile(r"Iteration (\d+): error = ([\d.]+)")
_SAMPLES: Final = re.compile(r"conditional probabilities for sample (\d+) / (\d+)")
_PERCENT: Final = re.compile(r"(\d+)%\|")


class Said:
    """Stands for standard output and error while a method runs: turns what is printed into progress."""

    def __init__(self, out: Any) -> None:
        self.out = out
        self.rest = ""
        self.stage = ""

    def say(self, share: float | None, words: str) -> None:
        self.out.write(json.dumps({"share": share, "words": words}).encode() + b"\n")
        self.out.flush()

    def write(self, text: str) -> int:
        *lines, self.rest = re.split(r"[\r\n]", self.rest + text)
        for line in lines:
            self.line(line)
        return len(text)

    def flush(self) -> None:
        if self.rest.endswith("]"):  # a bar that tqdm draws over and over
            self.line(self.rest)
            self.rest = ""

    def isatty(self) -> bool:
        return False

    def line(self, line: str) -> None:
        iteration, samples, percent = _ITERATION.search(line), _SAMPLES.search(line), _PERCENT.search(line)
        if iteration:
            self.say(0.1 + 0.9 * int(iteration[1]) / ITERATIONS, f"iteration {iteration[1]}, error {float(iteration[2]):.3g}")
        elif samples:
            self.say(0.1 * int(samples[1]) / max(1, int(samples[2])), "similarities")
        elif percent and "Epoch" in line:
            self.say(0.3 + 0.7 * int(percent[1]) / 100, "layout")
        elif "nearest neighbor" in line.lower():
            self.say(None, "nearest neighbours")


def reduced(vectors: Any, method: str, coordinates: int, setting: float) -> Any:
    """`vectors`, (rows, dimensions) and finite, in so many `coordinates`, (rows, coordinates) float32."""
    rows = len(vectors)
    if rows <= coordinates + 1:
        padded = np.zeros((rows, coordinates), np.float32)
        padded[:, : min(coordinates, vectors.shape[1])] = vectors[:, :coordinates]
        return padded
    if method == "tsne":
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE

        if min(vectors.shape) > FIRST_COMPONENTS:
            vectors = PCA(FIRST_COMPONENTS, random_state=0).fit_transform(vectors)
        few = min(vectors.shape) < coordinates
        perplexity = min(setting, (rows - 1) / 3)
        start = "random" if few else "pca"
        made = TSNE(coordinates, perplexity=perplexity, init=start, learning_rate="auto", random_state=0, verbose=2).fit_transform(vectors)
    else:
        import umap

        near = int(min(setting, rows - 1))
        start = "spectral" if rows > coordinates + 2 else "random"
        made = umap.UMAP(n_neighbors=near, n_components=coordinates, init=start, random_state=0, verbose=True).fit_transform(vectors)
    return np.asarray(made, np.float32)


def main(arguments: list[str]) -> int:
    """Read, reduce, write. Returns the exit status."""
    method, rows, dimensions, coordinates, setting = arguments[0], *map(int, arguments[1:4]), float(arguments[4])
    taken, out = sys.stdin.buffer, sys.stdout.buffer
    vectors = np.frombuffer(taken.read(4 * rows * dimensions), "<f4").reshape(rows, dimensions)

    def wait() -> None:
        taken.read(1)
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()
    said = Said(out)
    sys.stdout = sys.stderr = said  # as much of a file as print and tqdm need
    try:
        said.say(None, "loading")
        made = np.ascontiguousarray(reduced(vectors, method, coordinates, setting), "<f4")
    except Exception as error:  # noqa: BLE001  # whatever the method raises is told where it can be read
        out.write(json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]}).encode() + b"\n")
        out.flush()
        return 1
    out.write(json.dumps({"size": made.nbytes}).encode() + b"\n" + made.tobytes())
    out.flush()
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    os._exit(status)
