"""The run directory: which files lie in it, who a run is, and which attempt a launch is.

    <root>/<project>/<run id>/
        run.json                    identity, written once (`RunFile`)
        attempt-<n>.json            who claimed attempt n (`AttemptFile`)
        points-<writer>.cbj         scalars of one writer while it logs (`points`)
        points-<writer>.parquet     the same, sealed
        points-<writer>.sealing     who seals it right now
        records-<writer>.cbr        everything else of that writer (`framing`, `records`)
        media/<sha256>.<ext>        large blobs by content
        .<name>.<pid>.<hex>.tmp     a file that is being written; renamed or linked to its name when whole

run.json and attempt-<n>.json are JSON. Both are first written whole under a temporary name and then linked to their own
name, which fails when that name is taken: of several processes that start one run together, one wins and the others read
what it wrote. Where hard links do not exist (FUSE, SMB) the name is created exclusively and written at once; a reader
that meets such a file half written finds no JSON in it and asks again.

A *launch* is one start of a program by a person or a launcher: its key is equal in all processes of that launch. Attempt 1 is
the launch named in run.json. Each later launch of the same run claims the next number with an exclusively created
attempt-<n>.json; processes of one launch find their launch there and share the number.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeVar

import msgspec

from .errors import Damaged, FormatTooNew, NotFound

VERSION: Final = 1
RUN_FILE: Final = "run.json"
MEDIA: Final = "media"
POINTS_SUFFIX: Final = ".cbj"
SEALED_SUFFIX: Final = ".parquet"
SEALING_SUFFIX: Final = ".sealing"
RECORDS_SUFFIX: Final = ".cbr"
TEMPORARY_SUFFIX: Final = ".tmp"
TRASH: Final = ".crossboard-trash"
"""Directory in a root where deleted runs lie (`trash`); no reader looks into it."""
_READ_AGAIN_S: Final = 0.5
_MOST_RUN_FILE: Final = 1 << 20


class RunFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What run.json holds: who the run is, as its first launch said. Later changes are records.

    created   epoch seconds, UTC
    launch    key of the launch that is attempt 1
    """

    version: int
    id: str
    project: str
    name: str
    created: float
    group: str = ""
    tags: list[str] = []
    notes: str = ""
    launch: str = ""


class AttemptFile(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What attempt-<n>.json holds. claimed: epoch seconds, UTC."""

    version: int
    attempt: int
    launch: str
    claimed: float


def points_name(writer: str) -> str:
    """File name of the points journal of `writer`."""
    return f"points-{writer}{POINTS_SUFFIX}"


def sealed_name(writer: str) -> str:
    """File name of the sealed points of `writer`."""
    return f"points-{writer}{SEALED_SUFFIX}"


def sealing_name(writer: str) -> str:
    """File name that says that someone seals the points of `writer`."""
    return f"points-{writer}{SEALING_SUFFIX}"


def records_name(writer: str) -> str:
    """File name of the records of `writer`."""
    return f"records-{writer}{RECORDS_SUFFIX}"


def attempt_name(attempt: int) -> str:
    """File name of the claim of an attempt number."""
    return f"attempt-{attempt}.json"


def temporary_name(name: str) -> str:
    """A name for `name` while it is written: hidden, with this process's pid in it (see `temporary_pid`)."""
    return f".{name}.{os.getpid()}.{os.urandom(4).hex()}{TEMPORARY_SUFFIX}"


def temporary_pid(name: str) -> int | None:
    """The pid inside a `temporary_name`, or None when `name` is none."""
    if not (name.startswith(".") and name.endswith(TEMPORARY_SUFFIX)):
        return None
    parts = name.split(".")
    return int(parts[-3]) if len(parts) >= 5 and parts[-3].isdigit() else None


def writer_of(name: str) -> str | None:
    """The writer that the points, sealed or records file `name` belongs to, or None for any other file."""
    for prefix, suffix in (("points-", POINTS_SUFFIX), ("points-", SEALED_SUFFIX), ("records-", RECORDS_SUFFIX)):
        if name.startswith(prefix) and name.endswith(suffix):
            return name[len(prefix) : -len(suffix)] or None
    return None


def list_writers(run_dir: str | os.PathLike[str]) -> list[str]:
    """Writers that have a file in `run_dir`, sorted; none when the directory is gone."""
    try:
        with os.scandir(run_dir) as entries:
            return sorted({writer for entry in entries if (writer := writer_of(entry.name))})
    except OSError:
        return []


# ------------------------------------------------------------------------------------------ finding runs


def is_run_dir(path: str | os.PathLike[str]) -> bool:
    """Whether `path` holds a run.json."""
    return os.path.isfile(os.path.join(path, RUN_FILE))


def is_of_another(path: str | os.PathLike[str]) -> bool:
    """Whether the run.json in `path` is certainly of another tool, as that of an environment of Visdom called "run" is.

    So is a JSON object without any field of ours, and what is larger than ours can be. A damaged one is not: it may be ours.
    """
    try:
        with open(os.path.join(path, RUN_FILE), "rb") as file:
            data = file.read(_MOST_RUN_FILE + 1)
        if len(data) > _MOST_RUN_FILE:
            return True
        head = msgspec.json.decode(data)
    except (OSError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return False
    return isinstance(head, dict) and not {"version", "id", "project"} & head.keys()


def directories_in(path: str) -> list[str]:
    """Visible directories in `path`, by name; none when it cannot be listed."""
    found: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    with contextlib.suppress(OSError):
                        if entry.is_dir():
                            found.append(entry.path)
    except OSError:
        return []
    return sorted(found)


def find_runs(
    root: str | os.PathLike[str],
    *,
    listing: Callable[[str], list[str]] | None = None,
    known: Collection[str] = frozenset(),
) -> Iterator[str]:
    """Yield the absolute path of every run directory at `root`, in it (a project), or one level deeper (a root).

    Hidden directories are skipped, and what vanishes meanwhile is not there.

    Args:
        root: a run, a project or a root.
        listing: lists the visible directories of a directory, None: `directories_in`.
        known: directories that are taken for runs without a look.
    """
    top, listing = os.path.abspath(root), listing or directories_in
    if is_run_dir(top):
        yield top
        return
    for first in listing(top):
        if first in known or is_run_dir(first):
            yield first
            continue
        for second in listing(first):
            if second in known or is_run_dir(second):
                yield second


# ------------------------------------------------------------------------------------ identity and attempts

_File = TypeVar("_File", RunFile, AttemptFile)


def _read(path: str, form: type[_File]) -> _File:
    until = time.monotonic() + _READ_AGAIN_S
    while True:
        try:
            with open(path, "rb") as file:
                raw = file.read()
        except FileNotFoundError:
            raise NotFound(f"no {os.path.basename(path)}; want a run directory, got {os.path.dirname(path)}") from None
        try:
            head = msgspec.json.decode(raw)
            break
        except msgspec.DecodeError as error:
            # may be half written by a process that could not link; only a fresh file is worth waiting for
            with contextlib.suppress(OSError):
                if time.time() - os.stat(path).st_mtime < 5 and time.monotonic() < until:
                    time.sleep(0.02)
                    continue
            raise Damaged(f"not JSON ({error}); restore or remove {path}") from error
    version = head.get("version") if isinstance(head, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise FormatTooNew(f"version {version}, this crossboard reads up to {VERSION}; upgrade crossboard to open {path}")
    try:
        return msgspec.convert(head, form)
    except msgspec.ValidationError as error:
        raise Damaged(f"not a {form.__name__} ({error}); restore or remove {path}") from error


def read_run_file(path: str | os.PathLike[str]) -> RunFile:
    """Return the identity of a run. `path` is a run directory or its run.json.

    Raises:
        NotFound: there is none.
        Damaged: it is not JSON or lacks fields.
        FormatTooNew: written by a newer crossboard.
    """
    name = os.fspath(path)
    return _read(name if os.path.basename(name) == RUN_FILE else os.path.join(name, RUN_FILE), RunFile)


def write_exclusively(directory: str, name: str, data: bytes) -> bool:
    """Create `name` in `directory` with `data`, whole or not at all; False when it is there already. Raises OSError."""
    target = os.path.join(directory, name)
    temporary = os.path.join(directory, temporary_name(name))
    with open(temporary, "xb") as file:
        file.write(data)
    try:
        os.link(temporary, target)
    except FileExistsError:
        return False
    except (OSError, AttributeError, NotImplementedError):
        try:
            with open(target, "xb", buffering=0) as file:
                file.write(data)
        except FileExistsError:
            return False
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    return True


def write_run_file(run_dir: str | os.PathLike[str], run: RunFile) -> RunFile:
    """Make `run_dir` the directory of `run`; return what its run.json holds, which is another's if that came first.

    Raises OSError when the directory cannot be made or written.
    """
    directory = os.fspath(run_dir)
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(directory, RUN_FILE)) and write_exclusively(
        directory, RUN_FILE, msgspec.json.format(msgspec.json.encode(run))
    ):
        return run
    return read_run_file(directory)


def attempts_of(run_dir: str | os.PathLike[str]) -> dict[int, str]:
    """Attempt number -> launch key of every attempt that was claimed; attempt 1 is that of run.json.

    A claim that cannot be read keeps its number, with an empty launch key.
    """
    directory = os.fspath(run_dir)
    found = {1: read_run_file(directory).launch}
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        number = name[len("attempt-") : -len(".json")]
        if name.startswith("attempt-") and name.endswith(".json") and number.isdigit():
            try:
                found[int(number)] = _read(os.path.join(directory, name), AttemptFile).launch
            except (Damaged, FormatTooNew, NotFound):
                found[int(number)] = ""
    return found


def claim_attempt(run_dir: str | os.PathLike[str], launch: str, *, attempt: int | None = None) -> int:
    """Return the attempt number of `launch` in `run_dir`, claiming 1 + the highest one when it has none yet.

    attempt: a number that the launcher dictates; claimed for `launch` if nobody has it. Raises OSError.
    """
    directory = os.fspath(run_dir)
    while True:
        known = attempts_of(directory)
        if attempt is None:
            mine = [number for number, key in known.items() if key == launch]
            if mine:
                return max(mine)
        number = attempt if attempt is not None else 1 + max(known)
        if number in known:
            return number
        claim = AttemptFile(version=VERSION, attempt=number, launch=launch, claimed=time.time())
        if write_exclusively(directory, attempt_name(number), msgspec.json.encode(claim)):
            return number


def is_text(path: str) -> bool:
    """Whether `path` is UTF-8: a name on Linux may be any bytes, but keys, links and catalogs are text."""
    try:
        path.encode()
    except UnicodeEncodeError:  # Python shows such bytes as lone surrogates (PEP 383)
        return False
    return True


def file_name(text: str) -> str:
    """`text` as the name of a directory: no separators, not hidden, at most 200 bytes."""
    safe = "".join("-" if letter in '/\\:*?"<>|' or ord(letter) < 32 else letter for letter in text).strip() or "project"
    safe = safe.lstrip(".") or "project"
    return safe.encode(errors="replace")[:200].decode(errors="ignore")
