"""Run directories made by hand, byte by byte from the formats: what the tests of the reading side read.

Nothing here is the real writer: these files prove the formats, and can be torn, stopped and damaged at will.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path

import msgspec

from crossboard.store.framing import encode_frame
from crossboard.store.points import HEADER_SIZE, RECORD, RECORD_SIZE, PointsHeader, check_of, encode_header
from crossboard.store.process import ProcessIdentity, this_process
from crossboard.store.records import VERSION, Ended, Opened, Record, TagDeclared, encode_record
from crossboard.store.rundir import RunFile, points_name, records_name, write_run_file

T0 = 1_700_000_000.0


def alive() -> ProcessIdentity:
    """This very process."""
    return this_process()


def dead() -> ProcessIdentity:
    """A process of this host that is gone: this pid, started at another time."""
    return msgspec.structs.replace(this_process(), start_ticks=1)


def elsewhere() -> ProcessIdentity:
    """A process of another machine."""
    return ProcessIdentity(host="node7", machine="another", boot="another", pid_namespace="pid:[1]", pid=7, start_ticks=7)


def make_run(root: str | os.PathLike[str], run_id: str = "run1", project: str = "digits", **fields: object) -> str:
    """Make a run directory; return its path."""
    path = os.path.join(root, project, run_id)
    given = {"version": 1, "id": run_id, "project": project, "name": run_id, "created": T0, **fields}
    write_run_file(path, msgspec.convert(given, RunFile))
    return path


class HandWriter:
    """One writer of a run, whose every byte is put by hand."""

    def __init__(
        self,
        run_dir: str,
        writer: str = "w1",
        *,
        process: ProcessIdentity | None = None,
        attempt: int = 1,
        rank: int = 0,
        role: str = "main",
        room: int = 0,
    ) -> None:
        self.name = writer
        self.records = Path(run_dir, records_name(writer))
        self.points = Path(run_dir, points_name(writer))
        self.slots = 0
        self.ids: dict[str, int] = {}
        self.declared = 0
        opened = Opened(
            version=VERSION,
            writer=writer,
            attempt=attempt,
            rank=rank,
            wall_time=T0,
            process=process if process is not None else alive(),
            role=role,
        )
        self.records.write_bytes(b"")
        self.points.write_bytes(encode_header(PointsHeader(writer, attempt, rank, T0)) + bytes(room * RECORD_SIZE))
        self.append(opened)

    def append(self, *records: Record) -> None:
        """Append whole records."""
        self.append_bytes(b"".join(encode_frame(encode_record(record)) for record in records))

    def append_bytes(self, data: bytes) -> None:
        """Append any bytes to the records file."""
        with self.records.open("ab") as file:
            file.write(data)

    def declare(self, tag: str, *, attempt: int = 0) -> int:
        """Give `tag` the next id and declare it, with an attempt of its own or without."""
        self.declared += 1
        self.ids[tag] = self.declared
        self.append(TagDeclared(id=self.ids[tag], tag=tag, attempt=attempt))
        return self.ids[tag]

    def log(self, tag: str, step: int, value: float, wall_time: float | None = None) -> int:
        """Put one point into the next slot; return the slot."""
        number = self.ids.get(tag) or self.declare(tag)
        slot = self.slots
        self.slots += 1
        self.fill(slot, number, step, value, wall_time)
        return slot

    def fill(self, slot: int, number: int, step: int, value: float, wall_time: float | None = None) -> None:
        """Put one point into any slot."""
        now = T0 + slot if wall_time is None else wall_time
        self.put(slot, RECORD.pack(value, step, now, check_of(slot, step, number), number))

    def put(self, slot: int, data: bytes) -> None:
        """Put any bytes at a slot."""
        with self.points.open("r+b") as file:
            file.seek(HEADER_SIZE + slot * RECORD_SIZE)
            file.write(data)

    def drop(self, count: int) -> None:
        """Say in the header that `count` points were dropped."""
        with self.points.open("r+b") as file:
            file.seek(56)
            file.write(struct.pack("<Q", count))

    def end(self, status: str = "finished", **fields: object) -> None:
        """Record the end."""
        self.append(msgspec.convert({"wall_time": T0 + 1000, "status": status, "points": self.slots, **fields}, Ended))


def wait_for(path: Path, seconds: float = 30.0) -> None:
    """Wait until `path` is there."""
    until = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > until:
            raise TimeoutError(f"no {path} after {seconds} s")
        time.sleep(0.01)
