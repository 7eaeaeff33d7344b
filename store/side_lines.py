"""A file of lines in the user's data directory: only appended to, each line with one write(2), and read from where the last reading ended.

    <data>/<name>.jsonl         one JSON object a line

<data> is CROSSBOARD_DATA, else crossboard below XDG_DATA_HOME or ~/.local/share. It is no cache: deleting a file loses what it keeps.
Several boards may append to one file; a line that is not whole yet is read when it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def data_root() -> Path:
    """The directory of what crossboard keeps for this user and cannot make again. Raises RuntimeError where there is no home."""
    named = os.environ.get("CROSSBOARD_DATA")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "crossboard"


class SideLines:
    """One such file. Not locked: its owner calls one method at a time.

    path: the file; None: `name` in the user's data directory. `path` of the object is None where there is no home directory.
    """

    def __init__(self, path: str | os.PathLike[str] | None, *, name: str) -> None:
        self.path: Path | None = None
        self.name = name
        with contextlib.suppress(RuntimeError):  # there is no home directory
            self.path = Path(path) if path is not None else data_root() / name
        self._at = 0
        self._file: tuple[int, int] = (0, 0)

    def fresh(self) -> tuple[bool, list[bytes]]:
        """The lines that came since the last call, and whether they begin anew: it is another file, was cut, or cannot be read (then
        there are none). One stat(2) when nothing came."""
        if self.path is None:
            return False, []
        try:
            with self.path.open("rb") as file:
                state = os.fstat(file.fileno())
                anew = (state.st_dev, state.st_ino) != self._file or state.st_size < self._at
                if anew:
                    self._at, self._file = 0, (state.st_dev, state.st_ino)
                if state.st_size == self._at:
                    return anew, []
                file.seek(self._at)
                data = file.read()
        except OSError:  # not there, or may not be read
            self._at, self._file = 0, (0, 0)
            return True, []
        whole = data.rfind(b"\n") + 1
        self._at += whole
        return anew, data[:whole].splitlines()

    def append(self, line: bytes) -> None:
        """Add one line, without its end, or leave the file as it was. Raises OSError, naming the file."""
        if self.path is None:
            raise OSError(errno.ENOENT, "there is no home directory; set CROSSBOARD_DATA to a directory", self.name)
        os.makedirs(self.path.parent, exist_ok=True)
        data = line + b"\n"
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            before = os.fstat(descriptor).st_size
            if before:
                os.lseek(descriptor, -1, os.SEEK_END)
                if os.read(descriptor, 1) != b"\n":  # a line that was cut: it stays one bad line
                    data = b"\n" + data
            written = os.write(descriptor, data)
            if written != len(data):
                os.ftruncate(descriptor, before)
                raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted", str(self.path))
        finally:
            os.close(descriptor)
