"""Helper processes: many runs are read for the first time on all processors, since threads would wait for one another.

The reader asks run by run, in an order that the helpers know. Each is given a few runs ahead; what it read comes back through a
pipe. While the reader waits for a run it reads one of those that nobody was given yet. A helper holds nothing that is not in the
files: when it is killed, or does not answer, the reader reads those runs itself.

    message := size: u64 | pickle of (number, RunDirectory, max_bytes) on the way there, of (number, batch) on the way back
    batch   := None | the fields of a `Batch`, with each strand as (tag, rank, attempt, writer, step, wall time, value)
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, BinaryIO, Final

from ....store.kinds import Points
from ....store.source import Batch, Strand
from .logdir import RunDirectory
from .storage import Local

MOST: Final = 3
GIVEN: Final = 4
"""So many runs are with a helper at once."""
PIPE: Final = 1 << 20
PATIENCE_S: Final = 30.0
"""A helper that does not answer for so long is given up."""
_SIZE: Final = struct.Struct("<Q")


class Helpers:
    """The helpers of one reading of `runs`, in their order."""

    def __init__(self, runs: Sequence[RunDirectory], processes: list[subprocess.Popen[bytes]]) -> None:
        self._runs = runs
        self._number = {run.path: number for number, run in enumerate(runs)}
        self._processes = processes
        self._given: dict[int, subprocess.Popen[bytes]] = {}
        self._ready: dict[int, Batch | None] = {}
        self._next = 0

    @classmethod
    def begin(cls, runs: Sequence[RunDirectory]) -> Helpers | None:
        """Start helpers, one for each processor but that of the caller; None where there is none, or none can be started."""
        count = min(MOST, len(os.sched_getaffinity(0)) - 1) if hasattr(os, "sched_getaffinity") else 0
        processes = []
        with contextlib.suppress(OSError):
            processes += [_start() for _ in range(count)]
        return cls(runs, processes) if processes else None

    def take(self, run: RunDirectory, max_bytes: int) -> Batch | None:
        """What a helper read of `run`; None when the caller must read it."""
        number = self._number.get(run.path)
        if number is None:
            return None
        self._give(max_bytes, after=number)
        while number in self._given:
            if not self._receive(0.0) and not self._read_one(max_bytes):
                self._receive(PATIENCE_S)
        return self._ready.pop(number, None)

    def close(self) -> None:
        """Let the helpers go."""
        for process in list(self._processes):
            self._give_up(process)

    def _give(self, max_bytes: int, *, after: int) -> None:
        """Give each helper runs behind `after`, as many as it should have."""
        self._next = max(self._next, after + 1)
        for process in list(self._processes):
            while self._next < len(self._runs) and sum(one is process for one in self._given.values()) < GIVEN:
                try:
                    assert process.stdin is not None
                    _send(process.stdin, (self._next, self._runs[self._next], max_bytes))
                except OSError:
                    self._give_up(process)
                    break
                self._given[self._next] = process
                self._next += 1

    def _read_one(self, max_bytes: int) -> bool:
        """Read a run that nobody was given; False when there is none, or enough wait already."""
        if self._next >= len(self._runs) or len(self._ready) > 2 * GIVEN:
            return False
        number, self._next = self._next, self._next + 1
        self._ready[number] = _read(self._runs[number], max_bytes)
        return True

    def _receive(self, patience: float) -> bool:
        """Take what helpers have ready, waiting so many seconds for the first; False when nothing came in time."""
        by_descriptor = {process.stdout.fileno(): process for process in self._processes if process.stdout is not None}
        ready, _, _ = select.select(list(by_descriptor), [], [], patience)
        for descriptor in ready:
            process = by_descriptor[descriptor]
            try:
                assert process.stdout is not None
                number, batch = _received(process.stdout)
            except (OSError, EOFError, pickle.UnpicklingError):
                self._give_up(process)
                continue
            self._ready[number] = None if batch is None else _unpacked(*batch)
            self._given.pop(number, None)
        if not ready and patience:
            self.close()
        return bool(ready)

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self._processes.remove(process)
        self._given = {number: one for number, one in self._given.items() if one is not process}
        process.kill()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        process.wait()


def _read(run: RunDirectory, max_bytes: int) -> Batch | None:
    from .source import read_directory

    try:
        return read_directory(run, None, max_bytes, Local())
    except Exception:  # noqa: BLE001 - the reader meets it again, and says it
        return None


def _packed(batch: Batch) -> tuple[Any, ...]:
    strands = [
        (one.tag, one.rank, one.attempt, one.writer, one.points.step, one.points.wall_time, one.points.value) for one in batch.strands
    ]
    return batch.cursor, strands, batch.records, batch.problems, batch.writers, batch.more


def _unpacked(cursor: bytes, strands: list[tuple[Any, ...]], *rest: Any) -> Batch:
    return Batch(cursor, [Strand(*one[:4], Points(*one[4:])) for one in strands], *rest)


def _start() -> subprocess.Popen[bytes]:
    code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        bufsize=0,
    )
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        assert process.stdout is not None
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE)
    return process


def _send(pipe: Any, message: object) -> None:
    data = pickle.dumps(message, protocol=5)
    view = memoryview(_SIZE.pack(len(data)) + data)
    while view:
        view = view[pipe.write(view) :]


def _received(pipe: Any) -> Any:
    (size,) = _SIZE.unpack(_exactly(pipe, _SIZE.size))
    return pickle.loads(_exactly(pipe, size))


def _exactly(pipe: Any, size: int) -> bytearray:
    data = bytearray(size)
    view = memoryview(data)
    while view:
        count = pipe.readinto(view)
        if not count:
            raise EOFError
        view = view[count:]
    return data


def main() -> None:
    """What a helper does until its reader closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source: BinaryIO = open(0, "rb", buffering=0, closefd=False)  # type: ignore[assignment]  # noqa: SIM115
    target: BinaryIO = open(1, "wb", buffering=0, closefd=False)  # type: ignore[assignment]  # noqa: SIM115
    with contextlib.suppress(EOFError, OSError):
        while True:
            number, run, max_bytes = _received(source)
            batch = _read(run, max_bytes)
            _send(target, (number, None if batch is None else _packed(batch)))
