"""What a message changed in an environment, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class PaneSet(NamedTuple):
    """A window is new, or anything of it may be another than before.

    kept  place of a trace now -> (place of the trace before, how many of its leading numbers stood there, too), for traces
          whose numbers are columns and only go on where the earlier ones ended
    """

    window: str
    kept: Mapping[int, tuple[int, int]]


class NumbersAdded(NamedTuple):
    """Numbers came at the end of curves, and nothing else. traces: (place of the trace, how many it had before)."""

    window: str
    traces: tuple[tuple[int, int], ...]


class ContentAdded(NamedTuple):
    """One more text (which stands behind a ``<br>``), or one more frame of a history, at the end of the content."""

    window: str
    content: Any


class PaneGone(NamedTuple):
    """A window was closed."""

    window: str


class ExperimentSet(NamedTuple):
    """The experiment changed; metrics: (name, value, step or None, epoch seconds) of those that are new."""

    metrics: tuple[tuple[str, float, int | None, float], ...]


Change = PaneSet | NumbersAdded | ContentAdded | PaneGone | ExperimentSet


class Answer(NamedTuple):
    """What is replied, and what became of the environment."""

    text: str
    changes: tuple[Change, ...] = ()
    status: int = 200
