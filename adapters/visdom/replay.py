"""A log of Visdom's client (``log_to_filename``) -> what a Visdom server would have if it were replayed into one.

A line is JSON, ``["events", message]`` or ``["update", message]``, the message as it was posted. `environment` does what a server does with
it; nothing is sent anywhere. A line that is being written waits for its end; a line that is no message, or cannot be done, is a problem
and nothing else.

A log is followed: messages are done from where the last reading ended. What came is handed out by itself when it only adds to what was
handed out before (numbers at the end of a curve, a new window, a frame more); else the batch says `restart` and holds everything, as
a server then has it. The log keeps no times: points have the time of the file when they were read.

    cursor := MessagePack of LogCursor

A blob names what it is of: `records.Foreign` of the log with the encoding ``visdom-log-<form>-<n> [environment, window, key ...]`` and as
its offset a number that is another when the value is; it is made from the log's messages, on demand.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import google_crc32c
import msgspec
import numpy as np

from ...store.errors import NotFound
from ...store.kinds import Points, Problem
from ...store.records import Blob, Foreign, Pane, Record
from ...store.source import Batch, Placed, Strand, WriterLife
from .envfile import WRITER, Found, take_pane
from .environment import Environment
from .finding import read_at
from .jsonspans import NotJson, decode_bounded
from .parts import BadMessage, eid_of, plain
from .points import Path, form_of
from .traces import Names

ENCODING: Final = "visdom-log-"
PIECE: Final = 16 << 20
MOST_LINE: Final = 256 << 20
"""A longer line is passed over."""
MOST_PROBLEMS: Final = 100
PROOF: Final = 512


class LogCursor(msgspec.Struct, omit_defaults=True):
    """How far an environment was handed out. log: which log; done: how many of its messages were done; problems: handed out."""

    log: int
    done: int
    problems: int = 0


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(LogCursor)


class _Replaced(Exception):
    """The file is another than before."""


@dataclass(slots=True)
class Replayed:
    """One environment. done: messages done in it; touched: window -> at which of them it was changed; given: what was handed out
    at which of them, and what came before that."""

    environment: Environment
    done: int = 0
    touched: dict[str, int] = field(default_factory=dict)
    given: Found | None = None
    given_at: int = -1


class InLog:
    """A pane of a log. name: of the file, as blobs tell it."""

    def __init__(self, name: str, environment: Replayed, window: str) -> None:
        self._name, self._of, self._window = name, environment, window

    def blob(self, path: Path, form: str, media_type: str, number: int = 0) -> Blob:
        state = self._of.touched.get(self._window, 0)
        if form in ("data", "svg"):  # another picture in the same place is another blob, one that stayed is the same
            value = value_at(self._of.environment.panes[self._window], path)
            state = google_crc32c.value(str(value).encode("utf-8", "replace"))
        where = json.dumps([self._of.environment.eid, self._window, *path])
        return Foreign(self._name, state, 0, media_type, f"{ENCODING}{form}-{number} {where}")


class Log:
    """The log at `path`, as far as it was read. Any thread may call."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self.environments: dict[str, Replayed] = {}
        self.problems: list[Problem] = []
        self.offset = 0
        self.identity = 0
        self._head = b""
        self._proof = b""
        self._last: dict[str, tuple[bytes, Batch]] = {}

    # --------------------------------------------------------------------------------------------------- messages

    def advance(self) -> None:
        """Do the messages that came since; from the start when the file was replaced. Raises OSError."""
        with self._lock:
            try:
                self._check()
            except _Replaced:
                self._begin()
            self._advance()

    def _advance(self) -> None:
        size = os.stat(self.path).st_size
        if not self._head and size:
            self._head = read_at(self.path, min(PROOF, size), 0).partition(b"\n")[0]
            self.identity = google_crc32c.value(self._head)
        length = PIECE
        while self.offset < size:
            data = read_at(self.path, min(length, size - self.offset), self.offset)
            end = data.rfind(b"\n") + 1
            if not end:
                if len(data) < length:
                    break  # a line that is being written, or the file became shorter
                length *= 2
                if length > 2 * MOST_LINE:
                    self._pass_over(size)
                    length = PIECE
                continue
            at = self.offset
            for line in data[: end - 1].split(b"\n"):
                self._take(line, at)
                at += len(line) + 1
            self.offset += end
            length = PIECE
        begin = max(0, self.offset - PROOF)
        self._proof = read_at(self.path, self.offset - begin, begin)

    def _check(self) -> None:
        if os.stat(self.path).st_size < self.offset:
            raise _Replaced
        begin = max(0, self.offset - PROOF)
        if self.offset and read_at(self.path, self.offset - begin, begin) != self._proof:
            raise _Replaced
        if self._head and read_at(self.path, len(self._head), 0) != self._head:
            raise _Replaced

    def _pass_over(self, size: int) -> None:
        self._say(self.offset, f"a line of more than {MOST_LINE:,} bytes; passed over")
        while self.offset < size:
            data = read_at(self.path, PIECE, self.offset)
            end = data.find(b"\n") + 1
            self.offset += end or len(data)
            if end:
                return

    def _take(self, line: bytes, offset: int) -> None:
        if not line.strip():
            return
        try:
            entry = decode_bounded(line)
        except NotJson as error:
            self._say(offset + error.offset, f"{error.what}; line passed over")
            return
        if not (isinstance(entry, list) and len(entry) == 2 and entry[0] in ("events", "update") and isinstance(entry[1], dict)):
            self._say(offset, 'want a line ["events", {...}] or ["update", {...}]; passed over')
            return
        endpoint, message = entry
        try:
            eid = eid_of(message)
            replayed = self.environments.get(eid) or Replayed(Environment(eid))
            answer = replayed.environment.apply(endpoint, message)
        except BadMessage as error:
            self._say(offset, f"a message that Visdom cannot do: {error}")
            return
        self.environments[eid] = replayed
        replayed.done += 1
        for change in answer.changes:
            window = getattr(change, "window", None)
            if window is not None:
                replayed.touched[window] = replayed.done

    def _say(self, offset: int, what: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(self.path, offset, what))

    # ------------------------------------------------------------------------------------------------ handing out

    def batch(self, eid: str, cursor: bytes | None) -> Batch:
        """What the environment `eid` has, as far as the log was read, that `cursor` has not. Raises OSError."""
        with self._lock:
            return self._batch(eid, cursor)

    def _batch(self, eid: str, cursor: bytes | None) -> Batch:
        last = self._last.get(eid)
        if last is not None and cursor is not None and last[0] == cursor:
            return last[1]  # read twice from one place: the same
        known = None
        if cursor:
            try:
                known = _decoder.decode(cursor)
            except msgspec.MsgspecError:
                known = LogCursor(-1, -1)
        replayed = self.environments.get(eid) or Replayed(Environment(eid))
        touched = os.stat(self.path).st_mtime
        lives = [WriterLife(WRITER, 1, 0, "main", "unknown", touched)]
        same = known is not None and known.log == self.identity
        seen = known.problems if known is not None and same else 0
        now = _encoder.encode(LogCursor(self.identity, replayed.done, len(self.problems)))
        problems = self.problems[seen:]
        if known is not None and same and known.done == replayed.done:
            return Batch(now, problems=problems, writers=lives)
        found = self._found(replayed, touched)
        added = None
        if known is not None and same and replayed.given is not None and replayed.given_at == known.done:
            added = _added(replayed.given, found)
        replayed.given, replayed.given_at = found, replayed.done
        out = found if added is None else added
        records = [Placed(record, WRITER, 1, 0, self.path, offset) for record, offset in out.records]
        restart = known is not None and added is None
        batch = Batch(now, out.strands, records, self.problems if restart else problems, lives, restart=restart)
        if cursor is not None:
            self._last[eid] = (cursor, batch)
        return batch

    def _found(self, replayed: Replayed, wall_time: float) -> Found:
        """All that the environment has now."""
        found, names = Found(), Names()
        for window, pane in replayed.environment.panes.items():
            place = InLog(os.path.basename(self.path), replayed, window)
            named = {key: value for key, value in pane.items() if key != "contentID"}  # made up by whoever replays
            take_pane(named, names, found, place, window=window, stands=None, wall_time=wall_time, offset=0)
        return found

    def blob(self, blob: Foreign) -> bytes:
        """The bytes of a blob that `InLog` named. Raises NotFound, Damaged."""
        name, _, where = blob.encoding[len(ENCODING) :].partition(" ")
        form, _, number = name.partition("-")
        eid, window, *path = msgspec.json.decode(where)
        with self._lock:
            replayed = self.environments.get(eid)
            try:
                if replayed is None:
                    raise KeyError(eid)
                value = plain(value_at(replayed.environment.panes[window], path))
            except (KeyError, IndexError, TypeError):
                raise NotFound(f"blob: no {'/'.join(map(str, [eid, window, *path]))} in {self.path} any more") from None
            return form_of(form, value, int(number or 0))


def value_at(pane: Any, path: Path) -> Any:
    """The value at `path`. Raises KeyError, IndexError or TypeError."""
    for step in path:
        pane = pane[step]
    return pane


def _added(before: Found, now: Found) -> Found | None:
    """What `now` has more than `before`, None when it is not only more."""
    known = {(one.tag, one.attempt): one.points for one in before.strands}
    current = {(one.tag, one.attempt): one.points for one in now.strands}
    if known.keys() - current.keys():
        return None
    strands: list[Strand] = []
    for one in now.strands:
        points, old = one.points, known.get((one.tag, one.attempt))
        if old is None:
            strands.append(one)
        elif not _begins_with(points, old):
            return None
        elif len(points) > len(old):
            strands.append(Strand(one.tag, one.rank, one.attempt, one.writer, points[len(old) :]))
    old_points = {_timeless(record) for record, _ in before.records if not isinstance(record, Pane)}
    now_points = {_timeless(record) for record, _ in now.records}
    if old_points - now_points:
        return None
    old_panes = {_timeless(record) for record, _ in before.records if isinstance(record, Pane)}
    new = [(record, offset) for record, offset in now.records if _timeless(record) not in old_panes | old_points]
    return Found(new, strands)


def _begins_with(points: Points, old: Points) -> bool:
    count = len(old)
    return (
        len(points) >= count
        and np.array_equal(points.step[:count], old.step)
        and np.array_equal(points.value[:count], old.value, equal_nan=True)
    )


def _timeless(record: Record) -> bytes:
    """A record without when it was read."""
    fields: Mapping[str, Any] = {"wall_time": 0.0}
    return msgspec.msgpack.encode(msgspec.structs.replace(record, **fields))
