"""``crossboard verify``: read every file of native runs and say of each what is whole, what is torn, what is damaged.

    whole     every record is what was written
    growing   ends in a record that is being written, by a writer that lives or cannot be told from here
    torn      ends in a record that nobody will finish: its writer is proven dead
    damaged   bytes that were whole once are not any more, or a file is missing that a record names

Nothing is repaired and nothing is written.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from .blobs import read_blob
from .errors import CrossboardError, NotFound
from .framing import read_frames
from .kinds import Problem
from .points import HEADER_SIZE, RECORD_SIZE, decode_header, decode_records
from .process import life_of
from .records import Ended, InFile, Opened, Record, Sealed, TagDeclared, decode_record
from .rundir import (
    MEDIA,
    RUN_FILE,
    attempt_name,
    attempts_of,
    find_runs,
    list_writers,
    points_name,
    read_run_file,
    records_name,
    sealed_name,
    temporary_pid,
)
from .sealed import read_sealed

State = Literal["whole", "growing", "torn", "damaged"]
BAD: Final = ("torn", "damaged")
MOST_LOOKS: Final = 4
AGAIN_S: Final = 0.1
"""What looks wrong is looked at again after this long, until two looks agree."""


@dataclass(slots=True)
class FileReport:
    """What one file came to. records: points, records or entries that are whole; size in bytes."""

    path: str
    state: State = "whole"
    records: int = 0
    size: int = 0
    problems: list[Problem] = field(default_factory=list)

    def bad(self, state: State, problem: Problem) -> None:
        """Note a problem; "damaged" outweighs "torn"."""
        self.problems.append(problem)
        if self.state != "damaged":
            self.state = state

    def grows(self, problem: Problem) -> None:
        """Note what is unfinished because its writer may still be at it."""
        self.problems.append(problem)
        if self.state == "whole":
            self.state = "growing"


def verify(path: str | os.PathLike[str]) -> Iterator[FileReport]:
    """Yield a report of every file of every native run at `path`: a root, a project, or one run."""
    for run_dir in find_runs(path):
        yield from verify_run(run_dir)


def verify_run(run_dir: str) -> Iterator[FileReport]:
    """Yield a report of every file of one run, read in place: a live run is judged as it stood when it was read."""
    yield _verify_identity(run_dir)
    blobs: dict[str, tuple[InFile, str, int]] = {}
    for writer in list_writers(run_dir):
        reports = _look_at_writer(run_dir, writer, blobs)
        for _ in range(MOST_LOOKS):  # it may have been logged to, or sealed, between two files
            if not any(report.state in BAD for report in reports):
                break
            time.sleep(AGAIN_S)
            before, reports = reports, _look_at_writer(run_dir, writer, blobs)
            if reports == before:
                break
        yield from reports
    yield from _verify_media(run_dir, blobs)


def _look_at_writer(run_dir: str, writer: str, blobs: dict[str, tuple[InFile, str, int]]) -> list[FileReport]:
    records = FileReport(os.path.join(run_dir, records_name(writer)))
    known = _Known()
    _verify_records(records, known, blobs)
    reports = [records]
    journal = os.path.join(run_dir, points_name(writer))
    if os.path.exists(journal):
        reports.append(_verify_points(journal, known))
    sealed = os.path.join(run_dir, sealed_name(writer))
    if os.path.exists(sealed):
        reports.append(_verify_sealed(sealed, known, superseded=os.path.exists(journal)))
    elif known.sealed is not None and known.sealed.points and not os.path.exists(journal):
        missing = Problem(sealed, -1, f"missing: it held {known.sealed.points} points")
        reports.append(FileReport(sealed, "damaged", problems=[missing]))
    return reports


@dataclass(slots=True)
class _Known:
    opened: Opened | None = None
    ended: bool = False
    sealed: Sealed | None = None
    tags: set[int] = field(default_factory=set)

    @property
    def gone(self) -> bool:
        return self.ended or (self.opened is not None and life_of(self.opened.process) == "dead")


def _verify_identity(run_dir: str) -> FileReport:
    path = os.path.join(run_dir, RUN_FILE)
    report = FileReport(path, records=1)
    try:
        report.size = os.path.getsize(path)
        read_run_file(run_dir)
        for number, launch in attempts_of(run_dir).items():
            claim = os.path.join(run_dir, attempt_name(number))
            if number > 1 and not launch:
                report.bad("damaged", Problem(claim, -1, "this attempt's claim cannot be read; its number is kept"))
    except (OSError, CrossboardError) as error:
        report.bad("damaged", Problem(path, -1, str(error)))
    return report


def _verify_records(report: FileReport, known: _Known, blobs: dict[str, tuple[InFile, str, int]]) -> None:
    try:
        with open(report.path, "rb") as file:
            data = file.read()
    except OSError as error:
        report.bad("damaged", Problem(report.path, -1, f"cannot be read: {error.strerror}"))
        return
    report.size = len(data)
    frames, end, problems = read_frames(data, path=report.path)
    for problem in problems:
        report.bad("damaged", problem)
    for offset, payload in frames:
        try:
            record = decode_record(payload, path=report.path, offset=offset)
        except CrossboardError as error:
            report.bad("damaged", Problem(report.path, offset, str(error)))
            continue
        report.records += 1
        if isinstance(record, Opened):
            known.opened = record
        elif isinstance(record, Ended):
            known.ended = True
        elif isinstance(record, Sealed):
            known.sealed = record
        elif isinstance(record, TagDeclared):
            known.tags.add(record.id)
        for blob in blobs_in(record):
            blobs[f"{blob.sha256}.{blob.extension}"] = (blob, report.path, offset)
    if frames and known.opened is None:
        report.bad("damaged", Problem(report.path, 0, "the first record, which says who writes, is missing"))
    if end != len(data):
        _, stop, problems = read_frames(data[end:], path=report.path, base=end, complete=True)
        for problem in problems:
            if problem.offset != stop:
                report.bad("damaged", problem)
            elif known.gone:
                report.bad("torn", problem)
            else:
                report.grows(Problem(report.path, end, f"unfinished record, {len(data) - end} bytes so far"))


def blobs_in(record: Record) -> list[InFile]:
    """Every blob of `record` that lies under ``media/``."""
    found: list[InFile] = []
    waiting: list[object] = [record]
    while waiting:
        one = waiting.pop()
        if isinstance(one, InFile):
            found.append(one)
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
        elif hasattr(one, "__struct_fields__"):
            waiting.extend(getattr(one, name) for name in one.__struct_fields__)
    return found


def _verify_points(path: str, known: _Known) -> FileReport:
    report = FileReport(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        report.bad("damaged", Problem(path, -1, f"cannot be read: {error.strerror}"))
        return report
    report.size = len(data)
    decoded = decode_records(memoryview(data)[HEADER_SIZE:], first=0)
    report.records = len(decoded.records)
    try:
        if decode_header(data[:HEADER_SIZE], path=path) is None and report.records:
            report.bad("damaged", Problem(path, 0, "the header is empty, yet points follow"))
    except CrossboardError as error:
        report.bad("damaged", Problem(path, 0, str(error)))
    gone = known.gone
    last = decoded.filled - 1
    for slot in decoded.torn.tolist():
        offset = HEADER_SIZE + slot * RECORD_SIZE
        if not any(data[offset : offset + RECORD_SIZE]):
            continue  # reserved and never filled: the call did not return
        problem = Problem(path, offset, f"point {slot}: check does not fit")
        if gone:
            report.bad("torn" if slot == last else "damaged", problem)
        elif slot == last:
            report.grows(problem)
        else:
            report.bad("damaged", problem)
    rest = (len(data) - HEADER_SIZE) % RECORD_SIZE
    if rest and any(data[len(data) - rest :]):
        torn = Problem(path, len(data) - rest, f"unfinished point of {rest} bytes")
        if gone:
            report.bad("torn", torn)
        else:
            report.grows(torn)
    undeclared = sorted({int(tag) for tag in decoded.records["tag"]} - known.tags) if len(decoded.records) else []
    if undeclared and (gone or known.opened is not None):
        report.bad("damaged", Problem(path, HEADER_SIZE, f"tag ids {undeclared[:5]} are declared by no record"))
    return report


def _verify_sealed(path: str, known: _Known, *, superseded: bool) -> FileReport:
    report = FileReport(path, size=os.path.getsize(path))
    if superseded and known.sealed is None:
        return report  # a sealer is at work, or died: the journal counts, this file will be made again
    strands, problems = read_sealed(path, known.sealed)
    report.records = sum(len(one.points) for one in strands)
    for problem in problems:
        report.bad("damaged", problem)
    if known.sealed is not None and report.records != known.sealed.points and not problems:
        report.bad("damaged", Problem(path, -1, f"got {report.records} points, want {known.sealed.points}"))
    return report


def _verify_media(run_dir: str, blobs: dict[str, tuple[InFile, str, int]]) -> Iterator[FileReport]:
    for name in sorted(blobs):
        blob, where, offset = blobs[name]
        path = os.path.join(run_dir, MEDIA, name)
        report = FileReport(path, records=1)
        try:
            report.size = len(read_blob(run_dir, blob))
        except NotFound:
            missing = f"missing: named by the record at byte {offset} of {os.path.basename(where)}"
            report.bad("damaged", Problem(path, -1, missing))
        except (OSError, CrossboardError) as error:
            report.bad("damaged", Problem(path, 0, str(error)))
        yield report
    try:
        unnamed = sorted(set(os.listdir(os.path.join(run_dir, MEDIA))) - set(blobs))
    except OSError:
        return
    for name in unnamed:  # of a record that was lost, or that is about to be written
        path = os.path.join(run_dir, MEDIA, name)
        if temporary_pid(name) is not None or not os.path.isfile(path):
            continue
        with open(path, "rb") as file:
            data = file.read()
        report = FileReport(path, records=1, size=len(data))
        if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
            report.bad("damaged", Problem(path, 0, f"{len(data)} bytes that are not what the name says"))
        yield report


def exit_status(reports: Iterable[FileReport]) -> int:
    """0 when every file is whole or growing, 1 when one is torn or damaged, 2 when there was none."""
    states = [report.state for report in reports]
    return 2 if not states else int(any(state in BAD for state in states))


def format_report(reports: Iterable[FileReport], *, every: bool = False) -> str:
    """The reports for people: each file that is not whole (or `every` file) with its problems, then the sums."""
    lines: list[str] = []
    sums: dict[str, int] = {}
    files = records = 0
    for report in reports:
        files += 1
        records += report.records
        sums[report.state] = sums.get(report.state, 0) + 1
        if every or report.state != "whole":
            lines.append(f"{report.state:<8} {report.records:>10,} records  {report.path}")
            lines += [f"         byte {one.offset:,}: {one.what}" if one.offset >= 0 else f"         {one.what}" for one in report.problems]
    if not files:
        return "no native runs found"
    states = ", ".join(f"{count:,} {state}" for state, count in sums.items())
    lines.append(f"{files:,} files, {records:,} records: {states}")
    if any(state in sums for state in BAD):
        lines.append("Nothing was repaired. Everything else is read as it was written.")
    return "\n".join(lines)
