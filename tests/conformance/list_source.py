"""A source whose runs are lists of batches: it keeps `source.Source` to the letter, from memory instead of files."""

from __future__ import annotations

from dataclasses import replace

from crossboard.store.errors import NotFound
from crossboard.store.records import Blob, Inline
from crossboard.store.source import Batch, FoundRun


class ListSource:
    """A cursor is the number of batches read. `reads` counts calls of `read`, `broken` makes scan fail with its text."""

    format = "test"

    def __init__(self, path: str = "/lists") -> None:
        self.path = path
        self.runs: dict[str, tuple[FoundRun, list[Batch]]] = {}
        self.reads = 0
        self.broken = ""
        self.broken_runs: set[str] = set()

    def put(self, run: FoundRun, batch: Batch) -> None:
        old = self.runs.get(run.key)
        self.runs[run.key] = (run, [*(old[1] if old else []), batch])

    def scan(self) -> list[FoundRun]:
        if self.broken:
            raise OSError(self.broken)
        return [replace(run, token=len(batches)) for run, batches in self.runs.values()]

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        self.reads += 1
        if run.key in self.broken_runs:
            raise ValueError("cannot make sense of it")
        if run.key not in self.runs:
            return Batch(cursor or b"0")
        batches = self.runs[run.key][1]
        at = int(cursor or b"0")
        if at >= len(batches):
            return Batch(str(at).encode())
        return replace(batches[at], cursor=str(at + 1).encode(), more=at + 1 < len(batches))

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        if isinstance(blob, Inline):
            return blob.data
        raise NotFound(f"no blob {blob!r}")
