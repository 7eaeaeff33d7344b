"""Reading ahead: many runs are read for the first time, small ones together, and by helper processes where there are processors.

The reader asks run by run, in an order that is known before. Runs are dealt into groups. Each helper (a process: threads would
wait for one another) is given a few groups ahead, once it says that it has started; what it read comes back through a pipe. While
the reader waits for a run it reads a group that nobody was given yet. A helper holds nothing that is not in the files: where it is
slow, or was killed, the reader reads its groups itself.

    message := size: u64 | pickle of (group, [RunDirectory ...], max_bytes) on the way there, of (group, [batch ...]) on the way back,
               first of (-1, [])
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

import numpy as np

from ....store.kinds import Points
from ....store.source import Batch, Strand
from .logdir import RunDirectory
from .runs import read_directory
from .storage import KEPT, Local
from .together import SMALL, decode_together

MOST_HELPERS: Final = 3
MANY_BYTES: Final = 64 << 20
"""So many bytes are worth a helper: to start one takes as long as reading some 20 MB."""
GIVEN: Final = 3
"""So many groups are with a helper at once, and so many wait at most for the reader."""
GROUP: Final = 32
"""So many runs at most are a group."""
PIPE: Final = 1 << 20
PATIENCE_S: Final = 0.02
"""After so long the reader reads a group itself that a helper still has."""
_SIZE: Final = struct.Struct("<Q")


class Ahead:
    """One reading of `runs`, given with their bytes in the order in which they are asked for."""

    def __init__(self, runs: Sequence[tuple[RunDirectory, int]], *, helpers: int | None = None) -> None:
        """helpers: how many; None: one for each processor but the reader's, where there is enough to read."""
        self._groups = _dealt(runs)
        self._group = {run.path: number for number, group in enumerate(self._groups) for run in group}
        self._given: dict[int, subprocess.Popen[bytes]] = {}
        self._waiting: set[int] = set()
        self._done: set[int] = set()
        self._ready: dict[str, Batch | None] = {}
        self._next = 0
        self.helpers: list[subprocess.Popen[bytes]] = []
        self._started: set[int] = set()
        self._unsent: dict[int, memoryview] = {}
        if helpers is None:
            helpers = _spare_processors() if sum(size for _, size in runs) >= MANY_BYTES else 0
        with contextlib.suppress(OSError):
            for _ in range(min(helpers, len(self._groups) - 1) if sys.executable else 0):
                self.helpers.append(_start())

    def take(self, run: RunDirectory, max_bytes: int) -> Batch | None:
        """What was read of `run` from its beginning; None when the caller must read it. A run is given once."""
        group = self._group.pop(run.path, None)
        if group is None:
            return None
        self._receive(0.0)
        self._give(max_bytes, after=group)
        while group in self._given:
            if not self._receive(0.0) and not self._read_another(max_bytes) and not self._receive(PATIENCE_S):
                break
        if run.path not in self._ready:
            self._keep(group, _read(self._groups[group], max_bytes))
        self._waiting.discard(group)
        return self._ready.pop(run.path)

    def close(self) -> None:
        """Let the helpers go."""
        for process in list(self.helpers):
            self._give_up(process)

    def _give(self, max_bytes: int, *, after: int) -> None:
        """Give each helper groups behind `after`, as many as it should have."""
        self._next = max(self._next, after + 1)
        for process in [one for one in self.helpers if one.pid in self._started]:
            try:
                while self._push(process) and self._next < len(self._groups) and list(self._given.values()).count(process) < GIVEN:
                    self._unsent[process.pid] = memoryview(_message((self._next, self._groups[self._next], max_bytes)))
                    self._given[self._next] = process
                    self._next += 1
            except OSError:
                self._give_up(process)

    def _push(self, process: subprocess.Popen[bytes]) -> bool:
        """Send on without waiting, lest both wait for one another; whether everything is sent. Raises OSError."""
        assert process.stdin is not None
        rest = self._unsent.get(process.pid, memoryview(b""))
        while rest and (count := process.stdin.write(rest)):
            rest = rest[count:]
        self._unsent[process.pid] = rest
        return not rest

    def _read_another(self, max_bytes: int) -> bool:
        """Read a group that nobody was given; False when there is none, or enough wait already."""
        if self._next >= len(self._groups) or len(self._waiting) >= GIVEN:
            return False
        number, self._next = self._next, self._next + 1
        self._keep(number, _read(self._groups[number], max_bytes))
        return True

    def _keep(self, group: int, batches: list[Batch | None]) -> None:
        self._done.add(group)
        self._waiting.add(group)
        self._ready.update((run.path, batch) for run, batch in zip(self._groups[group], batches, strict=True))

    def _receive(self, patience: float) -> bool:
        """Take what helpers have ready, waiting so many seconds for the first; False when nothing came in time."""
        pipes = {process.stdout: process for process in self.helpers if process.stdout is not None}
        if not pipes:
            return False
        ready, _, _ = select.select(list(pipes), [], [], patience)
        for pipe in ready:
            process = pipes[pipe]
            try:
                group, batches = _received(pipe)
            except (OSError, EOFError, pickle.UnpicklingError):
                self._give_up(process)
                continue
            self._started.add(process.pid)
            if self._given.pop(group, None) is not None and group not in self._done:
                self._keep(group, [None if one is None else _unpacked(*one) for one in batches])
        return bool(ready)

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self.helpers.remove(process)
        self._given = {group: one for group, one in self._given.items() if one is not process}
        process.kill()
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        process.wait()


def _dealt(runs: Sequence[tuple[RunDirectory, int]]) -> list[list[RunDirectory]]:
    """Runs in groups, neighbours together as long as they are small."""
    groups: list[list[RunDirectory]] = []
    room = 0
    for run, size in runs:
        if size > room or not groups or len(groups[-1]) >= GROUP:
            groups.append([])
            room = 2 * SMALL
        groups[-1].append(run)
        room -= size
    return groups


def _spare_processors() -> int:
    return min(MOST_HELPERS, len(os.sched_getaffinity(0)) - 1) if hasattr(os, "sched_getaffinity") else 0


def _read(group: list[RunDirectory], max_bytes: int) -> list[Batch | None]:
    """What each run of a group holds; None where reading fails: the caller meets that again, and says it."""
    storage = Local()
    decoded = decode_together([os.path.join(run.path, name) for run in group for name in run.files]) if len(group) > 1 else {}
    made: list[Batch | None] = []
    for run in group:
        try:
            made.append(read_directory(run, None, max_bytes, storage, decoded))
        except Exception:  # noqa: BLE001 - see above
            made.append(None)
    return made


def _packed(batch: Batch) -> tuple[Any, ...]:
    strands = [
        (one.tag, one.rank, one.attempt, one.writer, one.points.step, one.points.wall_time, one.points.value) for one in batch.strands
    ]
    return batch.cursor, strands, batch.records, batch.problems, batch.writers, batch.more


def _unpacked(cursor: bytes, strands: list[tuple[Any, ...]], *rest: Any) -> Batch:
    return Batch(cursor, [Strand(tag, rank, attempt, writer, Points(*columns)) for tag, rank, attempt, writer, *columns in strands], *rest)


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
    assert process.stdin is not None
    assert process.stdout is not None
    os.set_blocking(process.stdin.fileno(), False)
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, PIPE)
    return process


def _message(what: object) -> bytes:
    data = pickle.dumps(what, protocol=5)
    return _SIZE.pack(len(data)) + data


def _send(pipe: Any, what: object) -> None:
    view = memoryview(_message(what))
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
    np.empty(KEPT, np.uint8)
    source: BinaryIO = open(0, "rb", buffering=0, closefd=False)  # noqa: SIM115
    target: BinaryIO = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115
    with contextlib.suppress(EOFError, OSError):
        _send(target, (-1, []))
        while True:
            group, runs, max_bytes = _received(source)
            _send(target, (group, [None if one is None else _packed(one) for one in _read(runs, max_bytes)]))
