"""t-SNE and UMAP, where their packages are installed: computed by a process of their own, one at a time, with progress.

The process is `reducer`, so that a computation of minutes holds up no request, can be ended at once, and ends with the board. What was
computed is kept by the digest of the vectors and the settings, as long as the board runs.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from ..store.kinds import F64
from .replies import Refused
from .vectors import F32

METHODS: Final = {"tsne": ("sklearn", "scikit-learn"), "umap": ("umap", "umap-learn")}
"""Method -> (the module it needs, the package that brings it)."""
NAMES: Final = {"tsne": "t-SNE", "umap": "UMAP"}
KEPT_BYTES: Final = 128 << 20
MOST_JOBS: Final = 64
NICENESS: Final = 10
REDUCER: Final = Path(__file__).with_name("reducer.py")


def installed(method: str) -> bool:
    """Whether the package that `method` needs is there."""
    try:
        return importlib.util.find_spec(METHODS[method][0]) is not None
    except (ImportError, ValueError):
        return False


def methods_json() -> dict[str, dict[str, Any]]:
    """Each method: its name, the package it needs, whether that is installed."""
    return {method: {"name": NAMES[method], "package": METHODS[method][1], "installed": installed(method)} for method in METHODS}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One computation.

    digest       of the vectors
    coordinates  2 or 3
    setting      the perplexity of t-SNE, the neighbours of UMAP
    most         rows that it is computed from, at most: of more, as many evenly spaced ones
    """

    digest: str
    method: str
    coordinates: int
    setting: float
    most: int


@dataclass(slots=True)
class Job:
    """How far a computation is. state: waiting, running, done, failed or stopped; share 0..1, or None where it is not known."""

    wanted: Wanted
    state: str = "waiting"
    share: float | None = None
    words: str = ""
    error: str = ""
    began: float = 0.0
    ended: float = 0.0
    process: subprocess.Popen[bytes] | None = None
    made: F64 | None = None

    def told(self) -> dict[str, Any]:
        seconds = (self.ended or time.monotonic()) - self.began if self.began else 0.0
        return {"state": self.state, "share": self.share, "words": self.words, "error": self.error, "seconds": round(seconds, 1)}


@dataclass(slots=True)
class Reductions:
    """The computations of one board. Methods may be called from any thread."""

    _jobs: OrderedDict[Wanted, Job] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(1))

    def status(self, wanted: Wanted) -> dict[str, Any]:
        """How far it is; the state of one that was never asked for is "none"."""
        job = self._jobs.get(wanted)
        return job.told() if job else Job(wanted, state="none").told()

    def coordinates(self, wanted: Wanted) -> F64 | None:
        """(rows, coordinates), NaN for a row that was left out; None unless it is done."""
        with self._lock:
            job = self._jobs.get(wanted)
            if job is None or job.made is None:
                return None
            self._jobs.move_to_end(wanted)
            return job.made

    def start(self, wanted: Wanted, vectors: F32) -> dict[str, Any]:
        """Begin it unless it is under way or done, and say how far it is.

        Raises:
            Refused: the package is not installed, or too many wait.
        """
        name, package = NAMES[wanted.method], METHODS[wanted.method][1]
        if not installed(wanted.method):
            raise Refused(409, f"{name} needs {package}, which is not installed beside the board", f"pip install {package}")
        with self._lock:
            job = self._jobs.get(wanted)
            if job is not None and job.state in ("waiting", "running", "done"):
                return job.told()
            if sum(one.state in ("waiting", "running") for one in self._jobs.values()) >= MOST_JOBS:
                raise Refused(429, f"{MOST_JOBS} computations wait already", "let them end, or stop some")
            job = self._jobs[wanted] = Job(wanted)
            self._jobs.move_to_end(wanted)
        threading.Thread(target=self._run, args=(job, vectors), name="crossboard-reduction", daemon=True).start()
        return job.told()

    def stop(self, wanted: Wanted) -> dict[str, Any]:
        """End it where it waits or runs."""
        with self._lock:
            job = self._jobs.get(wanted)
            if job is not None and job.state in ("waiting", "running"):
                job.state, job.ended = "stopped", time.monotonic()
                if job.process is not None:
                    job.process.kill()
        return self.status(wanted)

    def close(self) -> None:
        """End whatever waits or runs."""
        for wanted in list(self._jobs):
            self.stop(wanted)

    def _run(self, job: Job, vectors: F32) -> None:
        with self._turn:
            with self._lock:
                if job.state != "waiting":
                    return
                job.state, job.began, job.words = "running", time.monotonic(), "starting"
            try:
                made = self._reduce(job, vectors)
                with self._lock:
                    if job.state == "running":
                        job.made, job.state, job.share = made, "done", 1.0
            except Exception as error:  # noqa: BLE001  # a thread of its own: told to who asked
                with self._lock:
                    if job.state == "running":
                        job.state, job.error = "failed", str(error)
            job.ended = job.ended or time.monotonic()
            job.process = None
            self._drop()

    def _drop(self) -> None:
        """Forget what was used least recently, beyond what is kept."""
        with self._lock:
            for wanted, job in list(self._jobs.items()):
                held = sum(one.made.nbytes for one in self._jobs.values() if one.made is not None)
                if held <= KEPT_BYTES and len(self._jobs) <= 4 * MOST_JOBS:
                    break
                if job.state not in ("waiting", "running"):
                    del self._jobs[wanted]

    def _reduce(self, job: Job, vectors: F32) -> F64:
        """Run the process, and read what it says. Raises RuntimeError."""
        wanted = job.wanted
        rows = chosen_rows(vectors, wanted.most)
        given = np.ascontiguousarray(vectors[rows], "<f4")
        made = np.full((len(vectors), wanted.coordinates), np.nan)
        if not len(rows):
            return made
        numbers = [str(one) for one in (*given.shape, wanted.coordinates, wanted.setting)]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", _START, str(REDUCER), wanted.method, *numbers],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=tempfile.gettempdir(),
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},  # threads that spin take ten times as long on busy processors
            )
            with self._lock:
                job.process = process
                if job.state != "running":
                    process.kill()
            if hasattr(os, "setpriority"):
                with contextlib.suppress(OSError):
                    os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(given.tobytes())
                    process.stdin.flush()
                for line in process.stdout:
                    said = orjson.loads(line)
                    if "error" in said:
                        raise RuntimeError(said["error"])
                    if "size" in said:
                        data = process.stdout.read(said["size"])
                        made[rows] = np.frombuffer(data, "<f4").reshape(len(rows), wanted.coordinates)
                        return made
                    job.share, job.words = said["share"], said["words"]
                process.wait()
                errors.seek(0)
                last = errors.read()[-500:].decode("utf-8", "replace").strip()
                raise RuntimeError(f"{NAMES[wanted.method]} ended with status {process.returncode}: {last or 'it said nothing'}")
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()


_START: Final = (
    "import runpy, sys; sys.argv.pop(0); sys.path.remove('') if '' in sys.path else None; runpy.run_path(sys.argv[0], run_name='__main__')"
)
"""Runs a script by its path without its folder on `sys.path`, where modules of the board would hide those of others."""


def chosen_rows(vectors: F32, most: int) -> Any:
    """The finite rows, or `most` of them evenly spaced; ascending."""
    finite = np.flatnonzero(np.isfinite(vectors).all(axis=1))
    if len(finite) <= most:
        return finite
    return finite[np.linspace(0, len(finite) - 1, most).round().astype(np.intp)]
