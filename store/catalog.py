"""The catalog: what a store knows of its sources, kept in the user's cache so that a second start shows it at once.

    <cache>/<digest of the sources' formats and paths>/
        lock                     held with flock by the one store that uses the directory
        catalog.sqlite           WAL; tables below
        columns/<nonce>-<strand id>.col    raw points of long strands (`columns`)

    meta(name, value)            version; nonce; boot: boot id of the last writer; clean: it closed in order
    runs(key, format, path, data)            data: MessagePack of `StoredRun`
    strands(id, run, tag, rank, attempt, writer, rows, stats)      stats: MessagePack of `overview.Stats`
    overviews(id, data)          `overview.Overview.encode`
    records(run, at, kind, tag, writer, attempt, rank, path, offset, payload)    in order of arrival; payload as in `records`
    unread(run, number, at, kind, writer, attempt, rank, path, data)   in order of arrival; at: how many records stand before;
                                             data: MessagePack of `StoredUnread`

<cache> is CROSSBOARD_CACHE, else crossboard below XDG_CACHE_HOME or ~/.cache. The directory may be deleted at any time.

A run's row, its strands, overviews, records and the cursor up to which they were read change in one transaction, so after a
crash they fit together; column files may then be longer than `rows` says, never shorter. A power cut can undo that, so a
catalog that was not closed in order is kept only within the same boot. A catalog that is damaged, of another version, or
does not fit its columns is deleted and rebuilt: the sources are the truth.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from .columns import CacheLost
from .errors import Damaged, FormatTooNew
from .fold import RunState
from .kinds import Kind, Problem
from .overview import Stats
from .records import KIND_OF, decode_record, encode_record
from .source import Placed, Source, Unread

VERSION: Final = "3"
PAGE_BYTES: Final = 16384
"""Overviews have up to some 100 kB: in pages of 4 KiB, SQLite's own choice, writing them takes twice as long."""
_TABLES: Final = """
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE runs(key TEXT PRIMARY KEY, format TEXT, path TEXT, data BLOB);
CREATE TABLE strands(id INTEGER PRIMARY KEY, run TEXT, tag TEXT, rank INTEGER, attempt INTEGER, writer TEXT, rows INTEGER,
                     stats BLOB);
CREATE INDEX strands_of_run ON strands(run);
CREATE TABLE overviews(id INTEGER PRIMARY KEY, data BLOB);
CREATE TABLE records(run TEXT, at INTEGER, kind TEXT, tag TEXT, writer TEXT, attempt INTEGER, rank INTEGER, path TEXT,
                     offset INTEGER, payload BLOB, PRIMARY KEY(run, at)) WITHOUT ROWID;
CREATE TABLE unread(run TEXT, number INTEGER, at INTEGER, kind TEXT, writer TEXT, attempt INTEGER, rank INTEGER, path TEXT,
                    data BLOB, PRIMARY KEY(run, number)) WITHOUT ROWID;
"""


class MediaStats(msgspec.Struct, array_like=True):
    """How many points of a kind that is no scalar stand under one tag and rank."""

    count: int
    first_step: int
    last_step: int
    attempts: list[int]


class StoredUnread(msgspec.Struct, array_like=True):
    """The columns of a `source.Unread`, int64 but for the names."""

    tags: list[str]
    tag: bytes
    step: bytes
    offset: bytes
    length: bytes


class StoredRun(msgspec.Struct):
    """What is kept of one run, beside its strands and records.

    found    the fields of `source.FoundRun` but its token
    cursor   of the source, up to which everything else here was read
    records, unread   how many rows of each are kept
    media    (kind, tag, rank, stats) of the series that are no scalars
    token    of a source that `source.Recalls`, not newer than the cursor; empty when there is none
    """

    found: dict[str, Any]
    state: RunState
    cursor: bytes | None
    records: int
    problems: list[tuple[str, int, str]]
    media: list[tuple[str, str, int, MediaStats]] = []
    unread: int = 0
    token: list[int | str] = []


@dataclass(slots=True)
class StoredStrand:
    """One strand as the catalog has it; `overview` is None when it did not change (writing) or is not loaded (reading)."""

    id: int
    run: str
    tag: str
    rank: int
    attempt: int
    writer: str
    rows: int
    stats: Stats
    overview: bytes | None = None


@dataclass(slots=True)
class Change:
    """All that changed of one run. forget: what the catalog had of it goes first. run: an encoded `StoredRun`. first: number of the
    first record; unread: each with how many records stand before it; first_unread: number of the first of them."""

    key: str
    forget: bool
    format: str = ""
    path: str = ""
    run: bytes | None = None
    strands: list[StoredStrand] = field(default_factory=list)
    records: list[Placed] = field(default_factory=list)
    first: int = 0
    unread: list[tuple[int, Unread]] = field(default_factory=list)
    first_unread: int = 0


def cache_root() -> Path:
    """The directory of all catalogs of this user."""
    named = os.environ.get("CROSSBOARD_CACHE")
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "crossboard"


def directory_for(sources: Sequence[Source], root: Path) -> Path:
    """Where the catalog of these sources lies."""
    names = sorted(f"{source.format}:{source.path}" for source in sources)
    return root / hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()[:32]


def boot_id() -> str:
    """Names the time since this machine started; '' where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


encode_run: Final = msgspec.msgpack.Encoder().encode
"""A `StoredRun` as bytes."""
_run_decoder: Final = msgspec.msgpack.Decoder(StoredRun)
_stats_decoder: Final = msgspec.msgpack.Decoder(Stats)
_unread_decoder: Final = msgspec.msgpack.Decoder(StoredUnread)


class Catalog:
    """An open catalog; one store at a time has it. Methods raise CacheLost when the cache fails."""

    def __init__(self, directory: Path, lock: int, connection: sqlite3.Connection, nonce: str) -> None:
        self.directory = directory
        self.nonce = nonce
        self._columns = os.path.join(directory, "columns", "")
        self._lock = lock
        self._connection = connection
        self._guard = threading.Lock()
        self._reader = _connect(directory)  # of its own, so that a question never waits for a checkpoint
        self._reader_guard = threading.Lock()

    @classmethod
    def open(cls, directory: Path) -> Catalog | None:
        """Open or begin the catalog in `directory`; None when there is no place for it or another store has it."""
        lock = _lock(directory)
        if lock is None:
            return None
        try:
            connection = _open_database(directory)
            (nonce,) = connection.execute("SELECT value FROM meta WHERE name = 'nonce'").fetchone()
            with connection:
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('boot', ?), ('clean', '0')", (boot_id(),))
        except (OSError, sqlite3.Error, TypeError):
            os.close(lock)
            return None
        return cls(directory, lock, connection, nonce)

    def column_path(self, strand: int) -> str:
        return f"{self._columns}{self.nonce}-{strand}.col"

    def load(self) -> Iterator[tuple[str, str, str, StoredRun, list[StoredStrand]]]:
        """Yield (key, format, path of the source, run, strands without overviews) of every run. Raises CacheLost."""
        try:
            with self._guard:
                rows = self._connection.execute(
                    "SELECT id, run, tag, rank, attempt, writer, rows, stats FROM strands ORDER BY id"
                ).fetchall()
                runs = self._connection.execute("SELECT key, format, path, data FROM runs").fetchall()
            strands: dict[str, list[StoredStrand]] = {}
            for number, run, tag, rank, attempt, writer, count, stats in rows:
                strand = StoredStrand(number, run, tag, rank, attempt, writer, count, _stats_decoder.decode(stats))
                strands.setdefault(run, []).append(strand)
            decoded = [(key, form, path, _run_decoder.decode(data), strands.get(key, [])) for key, form, path, data in runs]
        except (sqlite3.Error, msgspec.MsgspecError, TypeError) as error:
            raise CacheLost(f"catalog: cannot be read: {error}") from error
        yield from decoded

    def highest_strand(self) -> int:
        return int(self._query("SELECT coalesce(max(id), 0) FROM strands")[0][0])

    def overview(self, strand: int) -> bytes:
        found = self._query("SELECT data FROM overviews WHERE id = ?", strand)
        if not found:
            raise CacheLost(f"catalog: no overview of strand {strand} in {self.directory}")
        return bytes(found[0][0])

    def count_records(self, run: str, kind: Kind, tag: str | None, below: int) -> int:
        """How many records of one kind, under one tag where one is named, there are among the first `below` of the run."""
        where = "run = ? AND kind = ? AND at < ?" + (" AND tag = ?" if tag is not None else "")
        named = (run, kind.value, below, *([tag] if tag is not None else []))
        return int(self._query(f"SELECT count(*) FROM records WHERE {where}", *named)[0][0])

    def records(self, run: str, kind: Kind, tag: str | None, below: int, *, skip: int = 0) -> list[tuple[int, Placed]]:
        """They themselves with their numbers, in order of arrival, without the first `skip`."""
        rows = self._query(
            "SELECT at, writer, attempt, rank, path, offset, payload FROM records WHERE run = ? AND kind = ? AND at < ?"
            + (" AND tag = ?" if tag is not None else "")
            + " ORDER BY at LIMIT -1 OFFSET ?",
            *(run, kind.value, below, *([tag] if tag is not None else []), skip),
        )
        try:
            return [
                (at, Placed(decode_record(payload, path=path, offset=offset), writer, attempt, rank, path, offset))
                for at, writer, attempt, rank, path, offset, payload in rows
            ]
        except (Damaged, FormatTooNew) as error:
            raise CacheLost(f"catalog: {error}") from error

    def unread(self, run: str, kind: Kind, below: int) -> list[tuple[int, Unread]]:
        """What is not read yet of one kind among the first `below` rows of the run, each with how many records stand before it."""
        rows = self._query(
            "SELECT at, writer, attempt, rank, path, data FROM unread WHERE run = ? AND kind = ? AND number < ? ORDER BY number",
            *(run, kind.value, below),
        )
        try:
            return [(at, _unread_of(_unread_decoder.decode(data), kind, *placed)) for at, *placed, data in rows]
        except (msgspec.MsgspecError, ValueError) as error:
            raise CacheLost(f"catalog: {error}") from error

    def save(self, changes: Iterable[Change]) -> None:
        """Write all of `changes` in one transaction."""
        try:
            with self._guard, self._connection:
                for change in changes:
                    self._save(change)
        except (sqlite3.Error, OSError) as error:
            raise CacheLost(f"catalog: cannot be written: {error}") from error

    def _save(self, change: Change) -> None:
        run = self._connection.execute
        if change.forget:
            run("DELETE FROM overviews WHERE id IN (SELECT id FROM strands WHERE run = ?)", (change.key,))
            for table, column in (("strands", "run"), ("records", "run"), ("unread", "run"), ("runs", "key")):
                run(f"DELETE FROM {table} WHERE {column} = ?", (change.key,))
        if change.run is None:
            return
        run(
            "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
            (change.key, change.format, change.path, change.run),
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO strands VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (one.id, one.run, one.tag, one.rank, one.attempt, one.writer, one.rows, msgspec.msgpack.encode(one.stats))
                for one in change.strands
            ],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO overviews VALUES (?, ?)",
            [(one.id, one.overview) for one in change.strands if one.overview is not None],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    *(change.key, number, KIND_OF[type(one.record)].value, getattr(one.record, "tag", "")),
                    *(one.writer, one.attempt, one.rank, one.path, one.offset, encode_record(one.record)),
                )
                for number, one in enumerate(change.records, change.first)
            ],
        )
        self._connection.executemany(
            "INSERT OR REPLACE INTO unread VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (change.key, number, at, one.kind.value, one.writer, one.attempt, one.rank, one.path, _encode_unread(one))
                for number, (at, one) in enumerate(change.unread, change.first_unread)
            ],
        )

    def _query(self, text: str, *values: object) -> list[Any]:
        try:
            with self._reader_guard:
                return self._reader.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise CacheLost(f"catalog: cannot be read: {error}") from error

    def close(self, *, clean: bool) -> None:
        """Let go of the directory. clean: everything is on the disk."""
        with self._guard, self._reader_guard, contextlib.suppress(sqlite3.Error, OSError):
            self._reader.close()
            if clean:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                _sync(self.directory / "catalog.sqlite")
                with self._connection:
                    self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', '1')")
            self._connection.close()
        with contextlib.suppress(OSError):
            os.close(self._lock)

    def destroy(self) -> None:
        """Let go and delete what there is, so that the next one begins anew."""
        with self._guard, self._reader_guard, contextlib.suppress(sqlite3.Error):
            self._reader.close()
            self._connection.close()
        with contextlib.suppress(OSError):
            _clear(self.directory)
        with contextlib.suppress(OSError):
            os.close(self._lock)


def _encode_unread(unread: Unread) -> bytes:
    columns = (np.ascontiguousarray(one, "<i8").tobytes() for one in (unread.tag, unread.step, unread.offset, unread.length))
    return msgspec.msgpack.encode(StoredUnread(list(unread.tags), *columns))


def _unread_of(stored: StoredUnread, kind: Kind, writer: str, attempt: int, rank: int, path: str) -> Unread:
    tag, step, offset, length = (np.frombuffer(one, "<i8") for one in (stored.tag, stored.step, stored.offset, stored.length))
    return Unread(kind, tuple(stored.tags), tag, step, offset, length, writer, attempt, rank, path)


def problems_of(stored: StoredRun) -> list[Problem]:
    """The problems that are kept of a run."""
    return [Problem(*one) for one in stored.problems]


def _lock(directory: Path) -> int | None:
    """A descriptor that holds the directory's lock, or None."""
    try:
        import fcntl
    except ImportError:  # Windows: no flock, so no shared cache; a store there works in memory
        return None
    try:
        (directory / "columns").mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _clear(directory: Path) -> None:
    """Delete the catalog and its columns, not the lock."""
    for path in directory.glob("catalog.sqlite*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(directory / "columns", ignore_errors=True)
    (directory / "columns").mkdir(exist_ok=True, mode=0o700)


def _connect(directory: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(directory / "catalog.sqlite", check_same_thread=False, timeout=5)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new database
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # the boot id guards against a power cut; close() syncs
    return connection


def _open_database(directory: Path) -> sqlite3.Connection:
    """The database as it is, or a new one when it is not there, not ours to trust, or not readable."""
    if (directory / "catalog.sqlite").exists():
        connection = None
        try:
            connection = _connect(directory)
            meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
            trusted = meta.get("clean") == "1" or (bool(meta.get("boot")) and meta.get("boot") == boot_id())
            if meta.get("version") == VERSION and trusted and meta.get("nonce"):
                return connection
            connection.close()
        except sqlite3.Error:
            if connection is not None:
                connection.close()
    _clear(directory)
    connection = _connect(directory)
    with connection:
        connection.executescript(_TABLES)
        connection.execute("INSERT INTO meta VALUES ('version', ?), ('nonce', ?)", (VERSION, os.urandom(6).hex()))
    return connection
