"""The TensorBoard source: event files read live and in place.

    cursor := MessagePack of {files: {name: FileCursor}, plugins: {tag: plugin}, attempt, newest}

Every point is kept, in the order in which it stands in its file; files are read in the order of their names, each from where the
last read ended, whether it is the newest or not. What a tag is, is told by the first value that carries metadata, also when later
ones carry none.

Attempts. A file whose first event is younger than everything read before it in its directory is a new attempt (the program was
started again, or opened a new writer); files that overlap in time belong together. A SessionLog START inside a file that has points
already begins one, too. Nothing is purged: the default view takes the newest attempt from where it begins (law 3).

A file that became shorter, or whose bytes before the cursor are others now (rsync puts a new file in its place), makes the run
be read anew. A torn end waits; damage in the middle is told with its offset, and what follows it is read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import google_crc32c
import msgspec
import numpy as np

from ....store.blobs import read_blob
from ....store.errors import Damaged, NotFound
from ....store.framing import OVERHEAD
from ....store.kinds import Points, Problem
from ....store.records import Blob, Ended, Foreign, SummarySet, TensorPoint
from ....store.source import Batch, FoundRun, Placed, Strand, WriterLife
from . import hparams, layout
from .events import Event, array_of, event_of
from .fields import NotAMessage
from .frames import Frames, find_frames
from .graphs import graph_of, of_meta_graph
from .logdir import LogDirectory, RemoteDirectory, RunDirectory, started_of
from .points import Piece, missing_of, points_of
from .projector import CONFIG, TABLE, VECTORS, decoded, embeddings_of, point_of
from .scalars import Numbers, find_numbers
from .storage import Bytes, Local, Remote, Storage, is_url
from .subruns import SubRun, SubRuns

FORMAT: Final = "tensorboard"
SCALARS: Final = "scalars"
RUN_GRAPH: Final = "graph"
"""The tag of a run's own graph, which event files give none."""
PIECE: Final = 8 << 20
"""Bytes that are decoded together: small enough for the caches of a processor."""
PROOF: Final = 512
"""So many bytes before the cursor prove that a file is still the same."""
MOST_NAMED: Final = 3
START: Final = 1
UNREADABLE: Final = (NotAMessage, ValueError, OverflowError, RecursionError)
"""What bytes that mean nothing come to: told with their place, and left out."""


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


class TensorBoardSource:
    """The runs under a log directory, or the run of one event file. Implements `source.Source`."""

    format = FORMAT

    def __init__(self, path: str | os.PathLike[str], *, subruns: bool = False, name: str = "") -> None:
        """subruns: whether sub-runs of add_scalars and add_hparams stay runs of their own, as TensorBoard shows them; name: what the
        names of the runs begin with."""
        named = os.fspath(path)
        self._name = name
        self.path = named.rstrip("/") if is_url(named) else os.path.abspath(named)
        self._storage: Storage = Remote(named) if is_url(named) else Local()
        self._subruns = None if subruns else SubRuns()
        self._directories: dict[str, RunDirectory] = {}
        self.logdir = RemoteDirectory(self._storage) if isinstance(self._storage, Remote) else LogDirectory(self.path)

    # -------------------------------------------------------------------------------------------------- scan

    def scan(self) -> list[FoundRun]:
        """List the runs that are there now."""
        directories = list(self.logdir.runs())
        if self._subruns is not None:
            directories = self._subruns.fold(directories, self._storage)
        self._directories = {directory.path: directory for directory in directories}
        root = os.path.dirname(self.path) if os.path.isfile(self.path) else self.path
        project = os.path.basename(root)
        found = []
        for directory in directories:
            name = (self._name or project) if directory.name == "." else os.path.join(self._name, directory.name)
            key = f"{FORMAT}:{directory.path}"
            found.append(
                FoundRun(
                    key, directory.path, project, directory.name, name, started_of(directory, self._storage), token=self._token(directory)
                )
            )
        return found

    @property
    def trouble(self) -> str:
        """Which directories the newest scan could not list; "" when it listed all."""
        named = [f"{error.filename or self.path}: {error.strerror or error}" for error in self.logdir.unreadable]
        more = f" and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        return f"cannot be read: {', '.join(named[:MOST_NAMED])}{more}" if named else ""

    def _token(self, directory: RunDirectory) -> object:
        """What changes when a file of the run grows, appears or is replaced."""
        try:
            return tuple((name, self._storage.state(os.path.join(directory.path, name))) for name in directory.files)
        except OSError:
            return None

    # -------------------------------------------------------------------------------------------------- read

    def read(self, run: FoundRun, cursor: bytes | None, *, max_bytes: int = 64 << 20) -> Batch:
        """Return what came in `run` since `cursor`. One unreadable file takes down no other: it is a problem in the batch."""
        try:
            return self._read(run, cursor, max_bytes)
        except Restart:
            return replace(self._read(run, None, max_bytes), restart=True)

    def _read(self, run: FoundRun, cursor: bytes | None, max_bytes: int) -> Batch:
        try:
            state = _decoder.decode(cursor) if cursor else RunCursor()
        except msgspec.MsgspecError:  # of another version, or damaged where it was kept
            raise Restart from None
        directory = self._directories.get(run.path)
        names = directory.files if directory is not None else ()
        if any(name not in names for name in state.files):
            raise Restart  # a file is gone: its points go, too
        reading = Reading(run.path, state, directory.parts if directory is not None else {}, self._storage)
        budget = max_bytes
        more = False
        for name in names:
            if budget <= 0:
                more = True
                break
            try:
                budget -= reading.read_file(name, budget)
            except OSError as error:
                reading.problems.append(Problem(os.path.join(run.path, name), -1, f"cannot be read: {error.strerror}"))
        return reading.batch(names, more=more or budget <= 0)

    def blob(self, run: FoundRun, blob: Blob) -> bytes:
        """Return the bytes of `blob`. What lies outside the run's directory is not handed out, whatever a record says."""
        if isinstance(blob, Foreign):
            path = os.path.join(run.path, blob.path)
            if not os.path.abspath(path).startswith(os.path.join(os.path.abspath(run.path), "")):
                raise NotFound(f"blob: want a file in {run.path}, got {blob.path}")
            encoding, blob = blob.encoding, msgspec.structs.replace(blob, path=path, encoding="")
            data = self._remote(path, blob) if isinstance(self._storage, Remote) else read_blob(run.path, blob)
            return decoded(data, encoding, path) if encoding in (VECTORS, TABLE) else data
        return read_blob(run.path, blob)

    def _remote(self, path: str, blob: Foreign) -> bytes:
        try:
            data = self._storage.open(path).read(blob.length, blob.offset)
        except OSError as error:
            raise NotFound(f"blob: {blob.length} bytes of {blob.media_type} are gone: {path}: {error}") from None
        if len(data) != blob.length:
            raise Damaged(f"blob: want {blob.length} bytes at byte {blob.offset}, got {len(data)} of {path}")
        return data


class Reading:
    """One read of a run: takes pieces of its files and gathers what they say."""

    def __init__(self, directory: str, state: RunCursor, parts: Mapping[str, SubRun], storage: Storage) -> None:
        self.directory, self.state, self._parts, self._storage = directory, state, parts, storage
        self._inline = False
        self.problems: list[Problem] = []
        self._records: list[Placed] = []
        self._strands: dict[tuple[str, int, str], list[tuple[Any, Any, Any]]] = {}

    def read_file(self, name: str, budget: int) -> int:
        """Read on in a file, at most about `budget` bytes; return how many were done with. Raises OSError, Restart."""
        path = os.path.join(self.directory, name)
        done = 0
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
                self._take(name, file, frames)
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
            Strand(tag, 0, attempt, writer, Points(*(np.concatenate(columns) for columns in zip(*parts, strict=True))))
            for (tag, attempt, writer), parts in self._strands.items()
        ]
        lives = [life for name in names if name in self.state.files for life in self._lives(name, self.state.files[name])]
        return Batch(_encoder.encode(self.state), strands, self._records, self.problems, lives, more)

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

    def _take(self, name: str, file: FileCursor, frames: Frames) -> None:
        numbers = find_numbers(frames.data, frames.start, frames.size)
        rest = np.ones(len(frames.start), bool)
        rest[numbers.record] = False
        events: list[tuple[int, Event]] = []
        for index in np.flatnonzero(rest).tolist():
            event = self._event(name, file, frames, index)
            if event is not None:
                events.append((index, event))
        if not file.attempts and len(frames.start):
            first = next((event.wall_time for index, event in events[:1] if index == 0), None)
            if first is None and len(numbers.record) and numbers.record[0] == 0:
                first = float(numbers.wall_time[0])
            self._begin_attempt(file, anew=first is not None and first > self.state.newest and name not in self._parts)
        self._learn(numbers, events)
        told = np.array([self.state.plugins.get(tag) for tag in numbers.tags], object)
        slow = {value.tag for _, event in events for value in event.values if value.simple is not None or value.tensor is not None}
        is_number = numbers.simple | (told[numbers.tag] == SCALARS) if len(numbers.tags) else numbers.simple
        mixed = [number for number, tag in enumerate(numbers.tags) if tag in slow]
        if mixed:  # numbers of one tag in two forms: told one by one, in the order of the file
            is_number &= ~np.isin(numbers.tag, mixed)
        for index in numbers.record[~is_number].tolist():  # a rank-0 float of another plugin
            event = self._event(name, file, frames, index)
            if event is not None:
                events.append((index, event))
        events.sort(key=lambda pair: pair[0])
        piece = Piece(frames.data, name, file.offset, inline=self._inline)
        low = 0
        waiting = [key for key in self.state.meshes if key.startswith(f"{name}\n")]
        for index, event in events:
            if event.session == START:
                low = self._keep_numbers(name, file, numbers, is_number, low, index)
                if file.started:
                    self._begin_attempt(file, anew=True)
            self._keep_event(name, file, piece, event, int(frames.start[index]), int(frames.size[index]))
            file.started = file.started or bool(event.values)
            self.state.newest = max(self.state.newest, event.wall_time)
        self._keep_numbers(name, file, numbers, is_number, low, len(frames.start))
        for key in waiting:  # more came, and not what was missing
            self._keep_mesh(name, file, key, file.offset)
        if len(numbers.wall_time):
            self.state.newest = max(self.state.newest, float(numbers.wall_time.max()))

    def _begin_attempt(self, file: FileCursor, *, anew: bool) -> None:
        if anew or not self.state.attempt:
            self.state.attempt += 1
        file.attempts.append(self.state.attempt)
        file.ended = False

    def _event(self, name: str, file: FileCursor, frames: Frames, index: int) -> Event | None:
        begin, size = int(frames.start[index]), int(frames.size[index])
        try:
            return event_of(frames.data, begin, begin + size)
        except NotAMessage as error:
            self._say(name, file.offset + begin - 12, f"record is no event: {error}; skipped")
            return None

    def _learn(self, numbers: Numbers, events: list[tuple[int, Event]]) -> None:
        """Note what each new tag is, by the first value that says so."""
        plugins = self.state.plugins
        found: dict[str, tuple[int, str]] = {}
        if len(numbers.tags):
            said = np.flatnonzero(~numbers.simple & (numbers.plugin > 0))
            tags, first = np.unique(numbers.tag[said], return_index=True)
            for tag, place in zip(tags.tolist(), said[first].tolist(), strict=True):
                found[numbers.tags[tag]] = (int(numbers.record[place]), numbers.plugins[int(numbers.plugin[place])])
        for index, event in events:
            for value in event.values:
                plugin = value.plugin
                if not plugin:
                    continue
                if value.tag not in found or index < found[value.tag][0]:
                    found[value.tag] = (index, plugin)
        for tag, (_, plugin) in found.items():
            plugins.setdefault(tag, plugin)

    def _keep_numbers(self, name: str, file: FileCursor, numbers: Numbers, kept: Any, low: int, high: int) -> int:
        """The numbers of the records from `low` to before `high`, by tag, in the order of the file; return `high`."""
        part = np.flatnonzero(kept & (numbers.record >= low) & (numbers.record < high))
        file.started = file.started or bool(len(part))
        order = part[np.argsort(numbers.tag[part], kind="stable")]
        tags, firsts = np.unique(numbers.tag[order], return_index=True)
        for tag, group in zip(tags.tolist(), np.split(order, firsts[1:]), strict=False):
            columns = (numbers.step[group], numbers.wall_time[group], numbers.value[group])
            self._strands.setdefault((self._tag(name, numbers.tags[tag]), file.attempts[-1], file.writer(name)), []).append(columns)
        return high

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

    def _keep_event(self, name: str, file: FileCursor, piece: Piece, event: Event, begin: int, size: int) -> None:
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
                self._keep_number(name, file, piece, event, value, offset)
        self._keep_graph(name, piece, event, offset, placed)
        others = [
            one for one in event.values if not (one.simple is not None or plugins.get(one.tag) in (SCALARS, hparams.PLUGIN, layout.PLUGIN))
        ]
        if not others or self._wait_for_parts(name, file, piece, event, begin, size, offset):
            return
        try:
            for point in points_of(piece, replace(event, values=others), plugins):
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

    def _keep_number(self, name: str, file: FileCursor, piece: Piece, event: Event, value: Any, offset: int) -> None:
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
        columns = (np.array([event.step], np.int64), np.array([event.wall_time]), np.array([number], np.float64))
        self._strands.setdefault((self._tag(name, value.tag), file.attempts[-1], file.writer(name)), []).append(columns)

    def _tag(self, name: str, tag: str) -> str:
        """What `tag` of the file `name` is called in the run: a sub-run of add_scalars brings its key."""
        part = self._parts.get(name)
        return f"{part.tag}/{part.key}" if part is not None and tag == part.tag else tag

    def _say(self, name: str, offset: int, what: str) -> None:
        self.problems.append(Problem(os.path.join(self.directory, name), offset, what))


def _below(record: Any, folder: str) -> Any:
    """`record` with the paths of its blobs told from the directory above `folder`."""
    if isinstance(record, Foreign):
        return msgspec.structs.replace(record, path=os.path.join(folder, record.path))
    if isinstance(record, msgspec.Struct):
        changed = {name: _below(getattr(record, name), folder) for name in ("blob", "metadata", "sprite") if hasattr(record, name)}
        return msgspec.structs.replace(record, **changed) if changed else record
    return record


def _proof(opened: Bytes, offset: int) -> int:
    """CRC-32C of the bytes before `offset`."""
    begin = max(0, offset - PROOF)
    return int(google_crc32c.value(opened.read(offset - begin, begin)))
