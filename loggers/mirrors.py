"""Mirrors: what a run keeps is also written elsewhere, in another tool's format, while it trains.

A logging call is no dearer for it: the helper thread reads the run's own files, as a board would, about once a second and hands on
what is new. So a mirror gets exactly what the run kept, in the same order for each tag; what a killed process had not handed on yet
stands in the run. What it costs is the helper's time, a few microseconds a point, in which training waits for the interpreter.

Mirrors themselves are adapters, which loggers do not know: the face registers in `makers` how each is made.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from ..store.kinds import Points
    from ..store.records import Blob, Record
    from .harmless import Line
    from .run import Run


class Mirror(Protocol):
    """Where what a run keeps is written, too. Used by one thread at a time; every method may raise OSError."""

    left_out: Mapping[str, int]
    """What the format has nothing for, in the plural -> how many were left out."""

    def points(self, tag: str, points: Points) -> None:
        """Scalars of one tag, in order of arrival."""
        ...

    def record(self, record: Record, blob: Callable[[Blob], bytes]) -> None:
        """Anything else. blob: gives the bytes behind a blob; raises NotFound or Damaged."""
        ...

    def flush(self) -> None:
        """Have everything seen by those who read the other format."""
        ...

    def close(self, status: str = "finished") -> None:
        """The run is over. status: "finished" or "failed"."""
        ...


class EventMirror(Mirror, Protocol):
    """A mirror that speaks of hyperparameters and of how scalars are stored, as TensorBoard does."""

    def form(self, tag: str, form: str) -> None:
        """How scalars of `tag` are written: "simple", "tensor" or "double"."""
        ...

    def scalar(self, tag: str, value: float, step: int, wall_time: float) -> None:
        """One scalar."""
        ...

    def hparams(
        self,
        config: Mapping[str, Any],
        metrics: Iterable[str],
        wall_time: float,
        *,
        step: int = 0,
        discrete: Mapping[str, Sequence[Any]] | None = None,
        status: str = "finished",
    ) -> None:
        """The hyperparameters of the run, and the tags of the scalars that it is to be compared by."""
        ...


makers: Final[dict[str, Callable[..., Any]]] = {}
"""Name -> makes a mirror that writes into a directory (first argument); options are the mirror's own. May raise OSError."""


AT_ONCE: Final = 1 << 18
"""Bytes of the run's files that are taken in together: the helper has more to do than that."""
EVERY_S: Final = 1.0


class Mirroring:
    """Hands what `run` keeps in this process to `mirror`, until it finishes. line: the user's line that warnings point at."""

    def __init__(self, run: Run, mirror: Mirror, line: Line) -> None:
        from ..store.tail import WriterCursor
        from .helper import helper

        self.mirror = mirror
        self._run, self._line = run, line
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._state = WriterCursor()
        self._due = 0.0
        self._open = run.open()
        self._directory, self._writer = run.dir, run._writer
        if self._open:
            run.mirrors.append(self)
            helper.look_after(self)

    def pull(self) -> None:
        """Hand on all that is new, and have it seen."""
        while self._pull_some():
            pass

    def _pull_some(self) -> bool:
        """Hand on a part of it; say whether there is more. Warns once, and ends the mirror, when it cannot be written."""
        if os.getpid() != self._pid:  # a forked child: the mirror and its lock are the parent's
            return False
        with self._lock:
            if not self._open:
                return False
            try:
                more = self._hand_on() >= AT_ONCE
                self.mirror.flush()
            except Exception as error:  # noqa: BLE001  whatever a mirror meets, the run goes on
                self._give_up(error)
                return False
            return more

    def _hand_on(self) -> int:
        """Hand on about `AT_ONCE` bytes of the run's files; return how many there were."""
        from ..store.source import Batch
        from ..store.tail import Tail

        batch = Batch(cursor=b"")
        taken = Tail(self._directory, self._writer, self._state, batch, life=lambda _: "alive").read(AT_ONCE)
        for strand in batch.strands:
            self.mirror.points(strand.tag, strand.points)
        for placed in batch.records:
            self.mirror.record(placed.record, self._blob)
        return taken

    def _blob(self, blob: Blob) -> bytes:
        from ..store.blobs import read_blob

        return read_blob(self._directory, blob)

    def finish(self, status: str) -> None:
        """Hand on the rest and close the mirror. Says what the mirror had no form for."""
        if os.getpid() != self._pid:
            return
        self.pull()
        with self._lock:
            if not self._open:
                return
            self._leave()
            try:
                self.mirror.close(status)
            except Exception as error:  # noqa: BLE001  as in `pull`
                self._say(f"could not be closed: {type(error).__name__}: {error}")
            if self.mirror.left_out:
                what = ", ".join(f"{count} {name}" for name, count in sorted(self.mirror.left_out.items()))
                self._say(f"has no form for {what}; they stand in the run alone")

    def _give_up(self, error: Exception) -> None:
        self._leave()
        self._say(f"{type(error).__name__}: {error}; it ends here, the run itself goes on")

    def _leave(self) -> None:
        from .helper import helper

        self._open = False
        helper.leave(self)

    def _say(self, text: str) -> None:
        name = f"{type(self.mirror).__name__} in {getattr(self.mirror, 'directory', self._directory)}"
        self._run._complain(f"mirror: {name} {text}", about=f"mirror {text}", at=self._line)

    # ----------------------------------------------------------------------------------------- for the helper

    def prepare(self) -> float:
        """Hand on a part of what is new, when it is time; say when to look again."""
        from .helper import TICK_S

        if time.monotonic() >= self._due:
            more = self._pull_some()
            self._due = time.monotonic() + (0.0 if more else EVERY_S)
        return min(TICK_S, max(0.001, self._due - time.monotonic()))

    def tick(self) -> None:
        """Nothing to do: see `prepare`."""
