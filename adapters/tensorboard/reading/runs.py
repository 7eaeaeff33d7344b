"""What the event files of one run say: pieces of them are decoded and what they hold is gathered, from where the last read ended.

A file that became shorter, or whose bytes before the cursor are others now (rsync puts a new file in its place), makes the run be
read anew. A torn end waits; damage in the middle is told with its offset, and what follows it is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import google_crc32c
import msgspec
import numpy as np
from numpy.typing import NDArray

from ....store.framing import HEADER, OVERHEAD
from ....store.kinds import I64, Kind, Points, Problem
from ....store.records import Ended, Foreign, SummarySet, TensorPoint
from ....store.source import Batch, Placed, Strand, Unread, WriterLife
from ....store.thinning import is_ascending
from . import hparams, layout
from .events import Event, Value, array_of, event_of
from .fields import NotAMessage
from .frames import Frames, find_frames
from .graphs import graph_of, of_meta_graph
from .histograms import HISTOGRAMS, NONE, Histograms, find_histograms
from .logdir import RunDirectory
from .points import MESH, UNREADABLE, Piece, missing_of, points_of, rounded_of
from .projector import CONFIG, embeddings_of, point_of
from .scalars import Numbers, find_numbers
from .storage import Bytes, Storage
from .subruns import SubRun
from .together import PROOF, Decoded, proof_of

SCALARS: Final = "scalars"
RUN_GRAPH: Final = "graph"
"""The tag of a run's own graph, which event files give none."""
PIECE: Final = 4 << 20
"""Bytes that are decoded together: small enough for the caches of a processor."""
START: Final = 1
ELSEWHERE: Final = frozenset([SCALARS, hparams.PLUGIN, layout.PLUGIN])
"""Plugins whose values are no points of their own."""


class Restart(Exception):
    """What was handed out cannot be matched to the files any more."""


class FileCursor(msgspec.Struct, omit_defaults=True):
    """How far a file was read. proof: CRC-32C of the bytes before `offset`, at most `PROOF`; attempts: those that stand in it."""

    offset: int = 0
    proof: int = 0
    attempts: list[int] = []
    started: bool = False
    ended: bool = False

    def writer(self, name: str) -> str:
        """What its newest attempt is called in the file `name`."""
        return _writer(name, len(self.attempts))


class RunCursor(msgspec.Struct, omit_defaults=True):
    """How far a run was read. newest: the youngest wall time so far; embeddings: what was told of the projector's, by name;
    meshes: events of a mesh whose other parts have not come yet, by step and name."""

    files: dict[str, FileCursor] = {}
    plugins: dict[str, str] = {}
    attempt: int = 0
    graphs: int = 0
    embeddings: dict[str, str] = {}
    meshes: dict[str, list[bytes]] = {}
    newest: float = float("-inf")


def _writer(name: str, count: int) -> str:
    return name if count <= 1 else f"{name}#{count}"


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(RunCursor)


def read_directory(
    directory: RunDirectory, cursor: bytes | None, max_bytes: int, storage: Storage, decoded: Mapping[str, Decoded] | None = None
) -> Batch:
    """What came since `cursor` in the files of a run, at most about `max_bytes` of them. Raises Restart.

    decoded: files, by path, that were decoded already.
    """
    try:
        state = _decoder.decode(cursor) if cursor else RunCursor()
    except msgspec.MsgspecError:  # of another version, or damaged where it was kept
        raise Restart from None
    names = directory.files
    if any(name not in names for name in state.files):
        raise Restart  # a file is gone: its points go, too
    reading = Reading(directory.path, state, directory.parts, storage, decoded or {})
    budget = max_bytes
    more = False
    for name in names:
        if budget <= 0:
            more = True
            break
        try:
            budget -= reading.read_file(name, budget)
        except OSError as error:
            reading.problems.append(Problem(os.path.join(directory.path, name), -1, f"cannot be read: {error.strerror}"))
    return reading.batch(names, more=more or budget <= 0)


class Reading:
    """One read of a run: takes pieces of its files and gathers what they say."""

    def __init__(
        self, directory: str, state: RunCursor, parts: Mapping[str, SubRun], storage: Storage, decoded: Mapping[str, Decoded]
    ) -> None:
        self.directory, self.state, self._parts, self._storage, self._decoded = directory, state, parts, storage, decoded
        self._inline = False
        self.problems: list[Problem] = []
        self._records: list[Placed] = []
        self._unread: list[Unread] = []
        self._strands: dict[tuple[str, int, str], list[tuple[Any, ...]]] = {}
        self._numbers: dict[str, list[Sequence[NDArray[Any]]]] = {}
        """What waits to be kept: for each tag, parts of (record, step, wall time, value)."""

    def read_file(self, name: str, budget: int) -> int:
        """Read on in a file, at most about `budget` bytes; return how many were done with. Raises OSError, Restart."""
        path = os.path.join(self.directory, name)
        done = 0
        decoded = self._decoded.get(path) if os.path.basename(name) != CONFIG else None
        if decoded is not None and name not in self.state.files:
            self.state.files[name] = file = FileCursor()
            self._take(name, file, decoded.frames, decoded.numbers, decoded.left)
            file.offset, file.proof = decoded.frames.end, decoded.proof
            return file.offset
        opened = self._storage.open(path)
        try:
            known = self.state.files.get(name)
            anew = known is not None and (opened.size < known.offset or _proof(opened, known.offset) != known.proof)
            if anew and os.path.basename(name) != CONFIG:  # the projector's list is written anew each time
                raise Restart
            file = known if known is not None else FileCursor()
            if known is None and opened.size == 0:
                return 0
            self.state.files[name] = file
            if os.path.basename(name) == CONFIG:
                return self._read_embeddings(name, file, opened)
            self._inline = not opened.by_offset
            while done < budget and file.offset < opened.size:
                left = opened.size - file.offset
                piece = opened.read(min(PIECE, left), file.offset)
                frames = find_frames(piece, path=path, base=file.offset)
                if frames.end == 0:
                    wanted = int.from_bytes(piece[:8], "little") + OVERHEAD
                    if len(piece) >= left or wanted > left:
                        break  # torn, or still being written
                    piece = opened.read(max(wanted, min(2 * len(piece), left)), file.offset)
                    frames = find_frames(piece, path=path, base=file.offset)
                    if frames.end == 0:
                        break
                self.problems.extend(frames.problems)
                self._take(name, file, frames, *find_numbers(frames.data, frames.start, frames.size))
                file.offset += frames.end
                done += frames.end
            file.proof = _proof(opened, file.offset)
        finally:
            opened.close()
        return done

    def _read_embeddings(self, name: str, file: FileCursor, opened: Bytes) -> int:
        """Read the projector's list whole, where it is another one; what it lists that was not told becomes records."""
        data = opened.read(opened.size, 0)
        proof = int(google_crc32c.value(data))
        if file.offset == len(data) and file.proof == proof:
            return 0
        if not file.attempts:
            self._begin_attempt(file, anew=False)
        path = os.path.join(self.directory, name)
        placed: dict[str, Any] = {"writer": file.writer(name), "attempt": file.attempts[-1], "rank": 0, "path": path, "offset": 0}
        told = self.state.embeddings
        try:
            listed = embeddings_of(data)
        except NotAMessage as error:
            self._say(name, 0, f"projector: {error}; left out")
            listed = []
        for one in listed:
            try:
                if one.tensor:
                    record: Any = point_of(one, os.path.dirname(path), self._storage)
                    if os.path.dirname(name):  # of a sub-run: told from the run's own directory
                        record = _below(record, os.path.dirname(name))
                    said = msgspec.json.encode(record).decode()
                else:
                    said = "in a checkpoint, which is not read"
                    record = SummarySet(wall_time=0.0, summary={"projector": {one.name: said}})
            except (NotAMessage, OSError) as error:
                self._say(name, 0, f"embedding {one.name!r}: {error}; left out")
                continue
            if told.get(one.name, said) != said:
                raise Restart  # it holds other vectors now
            if one.name not in told:
                told[one.name] = said
                self._records.append(Placed(record, **placed))
        file.offset, file.proof = len(data), proof
        return len(data)

    def batch(self, names: tuple[str, ...], *, more: bool) -> Batch:
        """All that was gathered."""
        strands = [
            Strand(tag, 0, attempt, writer, Points(*(_joined(columns) for columns in zip(*parts, strict=True))))
            for (tag, attempt, writer), parts in self._strands.items()
        ]
        lives = [life for name in names if name in self.state.files for life in self._lives(name, self.state.files[name])]
        return Batch(_encoder.encode(self.state), strands, self._records, self.problems, lives, more, unread=self._unread)

    def _lives(self, name: str, file: FileCursor) -> list[WriterLife]:
        try:
            touched = self._storage.state(os.path.join(self.directory, name)).mtime
        except OSError:
            touched = 0.0
        life = "ended" if file.ended else "unknown"
        return [
            WriterLife(_writer(name, count), attempt, 0, "main", life, touched)
            for count, attempt in enumerate(file.attempts or [1], start=1)
        ]

    # ------------------------------------------------------------------------------------------ what records say

    def _take(self, name: str, file: FileCursor, frames: Frames, found: list[Numbers], left: I64) -> None:
        histograms, left = find_histograms(frames.data, frames.start, frames.size, left) if not self._inline else (NONE, left)
        events = self._events(name, file, frames, left)
        if not file.attempts and len(frames.start):
            some = [(one.record, one.wall_time) for one in found] + ([(histograms.record, histograms.wall_time)] if histograms.tags else [])
            first = min((float(wall_time[0]) for record, wall_time in some if record[0] == 0), default=None)
            if first is None and events and events[0][0] == 0:
                first = events[0][1].wall_time
            self._begin_attempt(file, anew=first is not None and first > self.state.newest and name not in self._parts)
        self._learn(found, events, histograms)
        for number, tag in enumerate(histograms.tags):
            if tag in histograms.told and self.state.plugins[tag] != HISTOGRAMS:  # it was something else before
                events += self._events(name, file, frames, histograms.record[histograms.tag == number])
                histograms = histograms.those(histograms.tag != number)
        for one in found:
            if one.simple or self.state.plugins.get(one.tag) == SCALARS:
                self._numbers.setdefault(one.tag, []).append(one[3:])
            else:  # a rank-0 float of another plugin
                events += self._events(name, file, frames, one.record)
        events.sort(key=lambda pair: pair[0])
        piece = Piece(frames.data, name, file.offset, inline=self._inline)
        waiting = [key for key in self.state.meshes if key.startswith(f"{name}\n")]
        for index, event in events:
            if event.session == START or any(self._is_histogram(one) for one in event.values):
                histograms = self._keep_histograms(name, file, frames, histograms, index)
            if event.session == START:
                self._keep_numbers(name, file, index)
                if file.started:
                    self._begin_attempt(file, anew=True)
            self._keep_event(name, file, piece, event, (int(frames.start[index]), int(frames.size[index])), index)
            file.started = file.started or bool(event.values)
            self.state.newest = max(self.state.newest, event.wall_time)
        self._keep_numbers(name, file, len(frames.start))
        self._keep_histograms(name, file, frames, histograms, len(frames.start))
        self.problems += rounded_of(os.path.join(self.directory, name), piece.rounded)
        for key in waiting:  # more came, and not what was missing
            self._keep_mesh(name, file, key, file.offset)
        self.state.newest = max([self.state.newest, *(float(one.wall_time.max()) for one in found)])

    def _begin_attempt(self, file: FileCursor, *, anew: bool) -> None:
        if anew or not self.state.attempt:
            self.state.attempt += 1
        file.attempts.append(self.state.attempt)
        file.ended = False

    def _events(self, name: str, file: FileCursor, frames: Frames, records: I64) -> list[tuple[int, Event]]:
        """The events of these records, one by one."""
        made = []
        for index in records.tolist():
            begin, size = int(frames.start[index]), int(frames.size[index])
            try:
                made.append((index, event_of(frames.data, begin, begin + size)))
            except NotAMessage as error:
                self._say(name, file.offset + begin - 12, f"record is no event: {error}; skipped")
        return made

    def _learn(self, numbers: list[Numbers], events: list[tuple[int, Event]], histograms: Histograms) -> None:
        """Note what each new tag is, by the first value that says so."""
        plugins = self.state.plugins
        found: dict[str, tuple[int, str]] = {}
        said = [(int(one.record[0]), one.tag, one.plugin) for one in numbers if one.plugin and not one.simple]
        said += [(index, tag, HISTOGRAMS) for tag, index in histograms.told.items()]
        said += [(index, value.tag, value.plugin) for index, event in events for value in event.values if value.plugin]
        for index, tag, plugin in said:
            if tag not in found or index < found[tag][0]:
                found[tag] = (index, plugin)
        for tag, (_, plugin) in found.items():
            plugins.setdefault(tag, plugin)

    def _keep_numbers(self, name: str, file: FileCursor, before: int) -> None:
        """Keep the numbers that wait and stand before this record, by tag, in the order of the file."""
        for tag, parts in self._numbers.items():
            columns = [_joined(column) for column in zip(*parts, strict=True)]
            record = columns[0]
            if len(parts) > 1 and not is_ascending(record):
                order = np.argsort(record, kind="stable")
                columns = [column[order] for column in columns]
            held = int(np.searchsorted(columns[0], before))
            self._numbers[tag] = [[column[held:] for column in columns]] if held < len(record) else []
            if held:
                file.started = True
                key = (self._tag(name, tag), file.attempts[-1], file.writer(name))
                self._strands.setdefault(key, []).append(tuple(column[:held] for column in columns[1:]))
        self._numbers = {tag: parts for tag, parts in self._numbers.items() if parts}

    def _is_histogram(self, value: Value) -> bool:
        return value.histogram is not None or (value.tensor is not None and self.state.plugins.get(value.tag) == HISTOGRAMS)

    def _keep_histograms(self, name: str, file: FileCursor, frames: Frames, found: Histograms, before: int) -> Histograms:
        """Keep where the histograms lie that stand before this record; return the others."""
        held = int(np.searchsorted(found.record, before))
        if not held:
            return found
        file.started = True
        record = found.record[:held]
        self._unread.append(
            Unread(
                Kind.HISTOGRAM,
                found.tags,
                found.tag[:held],
                found.step[:held],
                file.offset + frames.start[record] - HEADER.size,
                frames.size[record] + OVERHEAD,
                file.writer(name),
                file.attempts[-1],
                0,
                os.path.join(self.directory, name),
                len(self._records),
            )
        )
        self.state.newest = max(self.state.newest, float(found.wall_time[:held].max()))
        return found.those(slice(held, None))

    def _keep_mesh(self, name: str, file: FileCursor, key: str, offset: int) -> None:
        """Put the events of a mesh together, each of which brought a part of it."""
        payloads = self.state.meshes.pop(key, [])
        data, at, values, first = b"".join(payloads), 0, [], None
        for payload in payloads:
            event = event_of(data, at, at + len(payload))
            first, at = first or event, at + len(payload)
            values += event.values
        if first is not None:
            path = os.path.join(self.directory, name)
            try:
                for point in points_of(Piece(data, name, 0, inline=True), replace(first, values=values), self.state.plugins):
                    self._records.append(Placed(point, file.writer(name), file.attempts[-1], 0, path, offset))
            except UNREADABLE as error:
                self._say(name, offset, f"mesh {values[0].tag!r}: {error}; left out")

    def _wait_for_parts(self, name: str, file: FileCursor, piece: Piece, event: Event, begin: int, size: int, offset: int) -> bool:
        """Whether `event` is of a mesh whose parts come in several events: it is kept until they are all there."""
        if all(self.state.plugins.get(one.tag) != MESH for one in event.values):
            return False
        try:
            missing = missing_of(piece.data, event.values, self.state.plugins)
        except NotAMessage:
            return False
        if not any(missing.values()) or len(missing) > 1:
            return False
        key = f"{name}\n{event.step}\n{next(iter(missing))}"
        held = [*self.state.meshes.get(key, []), piece.data[begin : begin + size]]
        self.state.meshes[key] = held
        data = b"".join(held)
        ends = np.cumsum([len(one) for one in held]).tolist()
        values = [value for one, end in zip(held, ends, strict=True) for value in event_of(data, end - len(one), end).values]
        if not any(missing_of(data, values, self.state.plugins).values()):
            self._keep_mesh(name, file, key, offset)
        return True

    def _keep_event(self, name: str, file: FileCursor, piece: Piece, event: Event, place: tuple[int, int], index: int) -> None:
        """place: where the payload begins in the piece, and its size; index: which record it is."""
        begin, size = place
        path, offset = os.path.join(self.directory, name), file.offset + begin - 12
        placed = {"writer": file.writer(name), "attempt": file.attempts[-1], "rank": 0, "path": path, "offset": offset}
        plugins = self.state.plugins
        for value in event.values:
            if value.content is not None and plugins.get(value.tag) == hparams.PLUGIN:
                try:
                    for record in hparams.records_of(piece.data, value.content, event.wall_time):
                        file.ended = file.ended or isinstance(record, Ended)
                        self._records.append(Placed(record, **placed))  # type: ignore[arg-type]
                except UNREADABLE as error:
                    self._say(name, offset, f"hyperparameters: {error}; left out")
            elif value.tensor is not None and plugins.get(value.tag) == layout.PLUGIN:
                try:
                    asked = layout.record_of(piece.data, value, event.wall_time)
                    if asked is not None:
                        self._records.append(Placed(asked, **placed))  # type: ignore[arg-type]
                except UNREADABLE as error:
                    self._say(name, offset, f"layout of custom scalars: {error}; left out")
            elif value.simple is not None or (value.tensor is not None and plugins.get(value.tag) == SCALARS):
                self._keep_number(name, piece, event, value, offset, index)
        self._keep_graph(name, piece, event, offset, placed)
        others = [one for one in event.values if one.simple is None and (one.tensor is None or plugins.get(one.tag) not in ELSEWHERE)]
        if not others or self._wait_for_parts(name, file, piece, event, begin, size, offset):
            return
        try:
            if len(others) != len(event.values):
                event = replace(event, values=others)
            for point in points_of(piece, event, plugins):
                self._records.append(Placed(point, **placed))  # type: ignore[arg-type]
        except UNREADABLE as error:
            self._say(name, offset, f"{', '.join(repr(one.tag) for one in others[:3])}: {error}; left out")

    def _keep_graph(self, name: str, piece: Piece, event: Event, offset: int, placed: dict[str, Any]) -> None:
        """The graph of the event, if it brings one. That of a MetaGraphDef counts only where the run has no other."""
        at: dict[str, Any] = {"tag": RUN_GRAPH, "step": event.step, "wall_time": event.wall_time}
        try:
            span = event.graph
            if span is None and event.meta_graph is not None and not self.state.graphs:
                span = of_meta_graph(piece.data, event.meta_graph)
            if span is not None:
                self.state.graphs += 1
                self._records.append(Placed(graph_of(piece.data, span, **at), **placed))
            if event.run_metadata is not None:
                tag, span = event.run_metadata
                at["tag"] = tag
                blob = piece.blob(span, "application/octet-stream")
                point = TensorPoint(**at, blob=blob, shape=[span[1] - span[0]], dtype="uint8", plugin="graph_tagged_run_metadata")
                self._records.append(Placed(point, **placed))
        except UNREADABLE as error:
            self._say(name, offset, f"graph: {error}; left out")

    def _keep_number(self, name: str, piece: Piece, event: Event, value: Any, offset: int, index: int) -> None:
        number = value.simple
        if number is None:
            try:
                array = array_of(piece.data, value.tensor)
                if array.size != 1 or array.dtype.kind not in "biuf":
                    raise NotAMessage(f"want one number, got shape {array.shape} and dtype {array.dtype}")
                number = float(array.reshape(-1)[0])
            except NotAMessage as error:
                self._say(name, offset, f"{value.tag!r}: {error}; left out")
                return
        columns = [np.array([index]), np.array([event.step], np.int64), np.array([event.wall_time]), np.array([number], np.float64)]
        self._numbers.setdefault(value.tag, []).append(columns)

    def _tag(self, name: str, tag: str) -> str:
        """What `tag` of the file `name` is called in the run: a sub-run of add_scalars brings its key."""
        part = self._parts.get(name)
        return f"{part.tag}/{part.key}" if part is not None and tag == part.tag else tag

    def _say(self, name: str, offset: int, what: str) -> None:
        self.problems.append(Problem(os.path.join(self.directory, name), offset, what))


def _joined(parts: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _below(record: Any, folder: str) -> Any:
    """`record` with the paths of its blobs told from the directory above `folder`."""
    if isinstance(record, Foreign):
        return msgspec.structs.replace(record, path=os.path.join(folder, record.path))
    if isinstance(record, msgspec.Struct):
        changed = {name: _below(getattr(record, name), folder) for name in ("blob", "metadata", "sprite") if hasattr(record, name)}
        return msgspec.structs.replace(record, **changed) if changed else record
    return record


def _proof(opened: Bytes, offset: int) -> int:
    """The proof of the bytes before `offset`."""
    begin = max(0, offset - PROOF)
    return proof_of(opened.read(offset - begin, begin))
