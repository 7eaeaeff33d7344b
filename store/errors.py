"""What can go wrong, by name. Each message says what came, what was wanted, where, and what to do next."""

from __future__ import annotations


class CrossboardError(Exception):
    """Base of every error that crossboard raises on purpose."""


class FormatTooNew(CrossboardError):
    """A file was written by a newer crossboard than this one."""


class Damaged(CrossboardError):
    """Bytes that were whole once are not what was written."""


class NotFound(CrossboardError):
    """A run, series, blob or path that was named is not there."""


class BadQuery(CrossboardError):
    """A run query or a regular expression that does not parse. `what` is wrong at character `at` of it (from 0)."""

    def __init__(self, message: str, *, at: int = 0, what: str = "") -> None:
        super().__init__(message)
        self.at = at
        self.what = what or message


class CrossboardWarning(UserWarning):
    """Logging met something it could not use; training goes on."""
