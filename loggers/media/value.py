"""What every value that is no number has in common.

A value's constructor only keeps what it was given: it never raises, since it runs inside training. `Media.take` is called by
`Run.log` in the caller's thread: it checks what it was given and copies it, so that training may change it right after the
call. What it returns is encoded later, in the helper thread, into a point of `store.records`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

from ...store.records import InFile, Inline, Point


class BadValue(TypeError):
    """A value that cannot be logged as what it was wrapped in. The text says what came and what was wanted."""


class Target(Protocol):
    """Where an encoded value goes. Used in the helper thread."""

    tag: str
    step: int
    wall_time: float

    def blob(self, data: bytes, *, extension: str, media_type: str) -> Inline | InFile:
        """Keep large bytes; equal ones are kept once. extension: one of `store.records.MEDIA_EXTENSIONS`. Raises OSError."""
        ...

    def warn(self, text: str, *, about: str) -> None:
        """Say `text` once for the user's line that logged the value and `about`. The tag is put before it."""
        ...


class Taken(NamedTuple):
    """A value as it was when it was logged.

    size     bytes of memory held until it is encoded
    encode   makes the point; may take long, may raise `BadValue`, runs in the helper thread
    """

    size: int
    encode: Callable[[Target], Point]


class Media:
    """Base of every value that is no number."""

    __slots__ = ()

    def take(self) -> Taken:
        """Check and copy. Raises BadValue when it cannot be logged. Quick: it runs inside a logging call."""
        raise NotImplementedError
