"""What one logging call was given, sorted: numbers, tensors on a device, media, and what can be none of them.

The slow path of `Run.log`. Whatever a value or a tag turns out to be, the others of the same call are kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .arrivals import land, take
from .harmless import from_signal_handler
from .media.value import BadValue, Media
from .numbers import Deferred, NotANumber, describe, number_of

if TYPE_CHECKING:
    from .run import Run


class Sorted:
    """The metrics of one call of `run` at `step` and the wall time `now`."""

    def __init__(self, run: Run, step: int, now: float) -> None:
        self._run, self._step, self._now = run, step, now
        self._numbers: list[tuple[int, float]] = []  # (tag id, value)
        self._on_device: list[tuple[str, Any]] = []
        self._said: list[tuple[str, str]] = []  # (about, text)

    def keep(self, metrics: Mapping[Any, Any]) -> None:
        """Keep what can be kept, then say what cannot. Under strict the first that cannot is raised."""
        try:
            for tag, value in metrics.items():
                self._sort(tag, value)
        finally:  # also when the error of a user's signal handler, which is theirs, passes through
            self._run._put_all(self._numbers, self._step, self._now)
        if self._on_device:
            land(self._run, self._on_device, self._step, self._now)
        for about, text in self._said:
            self._run._complain(text, about=about, error=TypeError)

    def _sort(self, tag: Any, value: Any) -> None:
        try:
            if not isinstance(tag, str):
                name = str(tag)
                self._said.append((f"tag {name}", f"log: tag: want a string, got {describe(tag)}; logged as {name!r}"))
                tag = name
            number = self._number_or_media(value)
            if isinstance(number, Media):
                take(self._run, tag, number, self._step, self._now)
                return
            declared = self._run._tag(tag)
            if declared is not None:
                self._numbers.append((declared[0], number))
            else:
                self._run._lost += 1
        except Deferred:
            self._on_device.append((tag, value))
        except NotANumber as error:
            from .media.guess import hint

            self._refuse(tag, f"want one number, got {error}; left out{hint(value)}")
        except BadValue as error:
            self._refuse(tag, f"{type(value).__name__}: {error}; left out")
        except Exception as error:
            if from_signal_handler(error):
                raise
            self._refuse(tag, f"want one number, got {describe(value)} ({type(error).__name__}: {error}); left out")

    def _number_or_media(self, value: Any) -> float | Media:
        """Raises NotANumber, Deferred, or a foreign type's own error."""
        if isinstance(value, Media):
            return value
        try:
            return number_of(value)
        except NotANumber:
            from .media.guess import as_media

            media = as_media(value)
            if media is None:
                raise
            return media

    def _refuse(self, tag: Any, why: str) -> None:
        name = repr(tag) if isinstance(tag, str) else f"tag of {describe(tag)}"
        self._said.append((f"value {name}", f"log: {name}: {why}"))
