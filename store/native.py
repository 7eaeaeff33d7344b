"""The native source: run directories as `rundir` lays them out, read live with pread and nothing else.

    cursor := MessagePack of {writer: tail.WriterCursor}

Each writer's two files are read by `tail`. One file that cannot be read is a problem in the batch and takes down no other. A run
all of whose writers are closed costs a few stat calls a scan, until something in its directory moves.

Where what was handed out cannot be matched to the files any more (`tail.Restart`), the batch says `restart` and the run is read
anew: it then is what a reader that comes now would see.

    token := time of the run's directory and of its run.json, then name and length of each records file    (all writers closed)

The first scan looks at every run, those after it at up to `MOST_LOOKS` closed ones. Of more, a part is looked at in turn, beside those
that `expect` names: 100,000 closed runs would else take a processor of their own.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import replace
from typing import Final

import msgspec

from .blobs import read_blob
from .errors import CrossboardError, NotFound
from .kinds import Problem
from .process import ProcessIdentity, life_of
from .records import Blob, Foreign
from .rundir import RUN_FILE, directories_in, find_runs, is_of_another, list_writers, points_name, read_run_file, records_name
from .source import Batch, FoundRun, WriterLife
from .tail import Restart, Tail, WriterCursor, say

FORMAT: Final = "native"
LIFE_S: Final = 1.0
"""How long an answer about a process stays good."""
MOST_LOOKS: Final = 2000
"""Closed runs that are looked at in one scan."""
SETTLED_S: Final = 3.0
"""A directory that was changed so long ago is told by its time: file systems count some in whole seconds."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(dict[str, WriterCursor])


def run_key(run_dir: str) -> str:
    """The key of the native run in `run_dir`."""
    return f"{FORMAT}:{os.path.abspath(run_dir)}"


class NativeSource:
    """The runs at `path`: a root, a project or one run. Implements `source.Source`."""

    format = FORMAT

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        self._found: dict[str, tuple[int, FoundRun]] = {}
        self._quiet: dict[str, tuple[str, ...]] = {}
        self._met: set[str] = set()
        self._before: dict[str, tuple[int | str, ...]] = {}
        self._listed: dict[str, tuple[int, list[str]]] = {}
        self._hurry: set[str] = set()
        self._turn = -1
        self._lives: dict[ProcessIdentity, tuple[float, str]] = {}
        self.problems: dict[str, Problem] = {}
        """run.json files that could not be read, by path."""

    # -------------------------------------------------------------------------------------------------- scan

    def scan(self) -> list[FoundRun]:
        """List the runs that are there. A run whose run.json is damaged is listed by its directory's name."""
        found: list[FoundRun] = []
        seen: dict[str, tuple[int, FoundRun]] = {}
        passed = self._passed_over()
        for directory in find_runs(self.path, listing=self._listing if passed else None, known=passed):
            if directory in passed:
                seen[directory] = self._found[directory]
                found.append(seen[directory][1])
                continue
            try:
                changed = os.stat(os.path.join(directory, RUN_FILE)).st_mtime_ns
            except OSError:
                continue
            known = self._found.get(directory)
            if known is not None and known[0] == changed:
                run = known[1]
            else:
                if is_of_another(directory):
                    continue
                run = self._identify(directory)
            token = self._token(directory)
            if token != run.token:
                run = replace(run, token=token)
            seen[directory] = (changed, run)
            found.append(run)
        self._found = seen
        for directory in [one for one in self._quiet if one not in seen]:
            del self._quiet[directory]
        self._met &= seen.keys()
        return found

    def _identify(self, directory: str) -> FoundRun:
        key = run_key(directory)
        try:
            run = read_run_file(directory)
        except (CrossboardError, OSError) as error:
            self.problems[directory] = Problem(os.path.join(directory, RUN_FILE), -1, str(error))
            created = 0.0
            with contextlib.suppress(OSError):
                created = os.stat(directory).st_mtime
            name = os.path.basename(directory)
            return FoundRun(key, directory, os.path.basename(os.path.dirname(directory)), name, name, created)
        self.problems.pop(directory, None)
        return FoundRun(key, directory, run.project, run.id, run.name, run.created, group=run.group, tags=tuple(run.tags), notes=run.notes)

    def _passed_over(self) -> set[str]:
        """The closed runs that this scan does not look at."""
        first, self._turn = self._turn < 0, max(self._turn, 0)
        closed = [directory for directory in self._quiet if directory in self._found and self._found[directory][1].token is not None]
        if first or len(closed) <= MOST_LOOKS:
            return set()
        self._turn = self._turn if self._turn < len(closed) else 0
        now = {*closed[self._turn : self._turn + MOST_LOOKS], *self._hurry}
        self._turn += MOST_LOOKS
        self._hurry.clear()
        return set(closed) - now

    def _listing(self, directory: str) -> list[str]:
        """What `directory` holds, listed again only when its time has moved."""
        try:
            changed = os.stat(directory).st_mtime_ns
        except OSError:
            return []
        known = self._listed.get(directory)
        if known is not None and known[0] == changed:
            return known[1]
        listed = directories_in(directory)
        if time.time() - changed / 1e9 > SETTLED_S:
            self._listed[directory] = (changed, listed)
        return listed

    def _token(self, directory: str) -> tuple[int | str, ...] | None:
        """What is equal as long as a run whose writers are all closed has nothing new; None for every other run."""
        names = self._quiet.get(directory)
        return None if names is None else _stamp(directory, names)

    def recall(self, run: FoundRun, token: tuple[int | str, ...]) -> None:
        """Take over what an earlier process knew of a closed run."""
        self._quiet[run.path] = tuple(str(name) for name in token[2::2])
        self._found[run.path] = (int(token[1]), replace(run, token=token))
        self._met.add(run.path)

    def expect(self, run: FoundRun) -> None:
        """Look at `run` in the next scan."""
        self._hurry.add(run.path)

    # -------------------------------------------------------------------------------------------------- read

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`. One unreadable file takes down no other: it is a problem in the batch."""
        try:
            return self._read(run, cursor, max_bytes)
        except Restart:
            return replace(self._read(run, None, max_bytes), restart=True)

    def _read(self, run: FoundRun, cursor: bytes | None, max_bytes: int) -> Batch:
        try:
            writers = _decoder.decode(cursor) if cursor else {}
        except msgspec.MsgspecError:  # of another version, or damaged where it was kept
            raise Restart from None
        batch = Batch(cursor=b"")
        if cursor is None and run.path in self.problems:
            batch.problems.append(self.problems[run.path])
        budget = max_bytes
        names = list_writers(run.path)
        if run.path not in self._met:
            self._met.add(run.path)
            stamp = _stamp(run.path, tuple(records_name(name) for name in names))
            if stamp is not None:
                self._before[run.path] = stamp
        more = False
        for name in names:
            state = writers.setdefault(name, WriterCursor())
            if budget <= 0:
                more = True
                break
            try:
                budget -= Tail(run.path, name, state, batch, life=self.life).read(budget)
            except CrossboardError as error:
                say(state, batch, Problem(os.path.join(run.path, records_name(name)), -1, str(error)))
            except OSError as error:
                path = error.filename or os.path.join(run.path, points_name(name))
                say(state, batch, Problem(path, -1, f"cannot be read: {error.strerror}"))
        if not more and names and all(writers[name].closed or writers[name].role == "board" for name in names):
            self._quiet[run.path] = tuple(one for name in names if os.path.exists(os.path.join(run.path, one := records_name(name))))
        else:
            self._quiet.pop(run.path, None)
        before = self._before.pop(run.path, None) if not more else None
        token = before if before is not None and self._quiet.get(run.path) == before[2::2] else None
        if token is not None and run.path in self._found:
            self._found[run.path] = (int(token[1]), replace(run, token=token))
        for name in names:
            if name in writers:
                batch.writers.append(self._life(run.path, name, writers[name]))
        return Batch(
            cursor=_encoder.encode(writers),
            strands=batch.strands,
            records=batch.records,
            problems=batch.problems,
            writers=batch.writers,
            more=more or budget <= 0,
            token=token,
        )

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob` of `run`. What lies outside this source is not handed out, whatever a record says."""
        if isinstance(blob, Foreign):
            path = os.path.realpath(os.path.join(run.path, blob.path))
            if os.path.commonpath([path, os.path.realpath(self.path)]) != os.path.realpath(self.path):
                raise NotFound(f"blob: want a file inside {self.path}, got {blob.path}; open that place as a source of its own")
            blob = msgspec.structs.replace(blob, path=path)
        return read_blob(run.path, blob)

    def life(self, process: ProcessIdentity) -> str:
        """`life_of`, asked at most once a second for each process; the dead stay dead."""
        now = time.monotonic()
        known = self._lives.get(process)
        if known is not None and (known[1] == "dead" or now - known[0] < LIFE_S):
            return known[1]
        life = life_of(process)
        self._lives[process] = (now, life)
        return life

    def _life(self, directory: str, name: str, state: WriterCursor) -> WriterLife:
        touched = state.wall
        for file in (points_name(name), records_name(name)):
            with contextlib.suppress(OSError):
                touched = max(touched, os.stat(os.path.join(directory, file)).st_mtime)
        return WriterLife(
            writer=name,
            attempt=state.attempt,
            rank=state.rank,
            role=state.role,
            life="ended" if state.ended else self.life(state.process) if state.process is not None else "unknown",
            touched=touched,
            dropped=state.dropped,
        )


def _stamp(directory: str, names: tuple[str, ...]) -> tuple[int | str, ...] | None:
    """The token of the run in `directory` whose records files are `names`; None when one of them is not there."""
    stamp: list[int | str] = []
    try:
        stamp += [os.stat(directory).st_mtime_ns, os.stat(os.path.join(directory, RUN_FILE)).st_mtime_ns]
        for name in names:
            stamp += [name, os.stat(os.path.join(directory, name)).st_size]
    except OSError:
        return None
    return tuple(stamp)
