"""Which of what a run knows about itself is written down, and when: all of it in the helper thread.

`surroundings` is gathered once, `usage` every ten seconds. ``init(system=False)`` or CROSSBOARD_SYSTEM=0 turns all of it off;
CROSSBOARD_SYSTEM may also name the parts that are wanted, such as ``git,packages,metrics``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from .harmless import warn

if TYPE_CHECKING:
    from ..store.records import InFile, Inline, Surroundings
    from .usage import Usage

PARTS: Final = ("arguments", "git", "diff", "packages", "host", "environment", "metrics")
OF_EVERY_RANK: Final = frozenset(["host", "environment", "arguments"])
EVERY_S: Final = 10.0


def parts_wanted(system: bool, environment: Mapping[str, str] = os.environ) -> frozenset[str]:
    """Which of `PARTS` are written down. Words of CROSSBOARD_SYSTEM that name no part are said and left out."""
    said = environment.get("CROSSBOARD_SYSTEM", "").strip().lower()
    if not system or said in ("0", "false", "off", "no", "none"):
        return frozenset()
    if said in ("", "1", "true", "on", "yes", "all"):
        return frozenset(PARTS)
    words = {word.strip() for word in said.split(",") if word.strip()}
    unknown = sorted(words - set(PARTS))
    if unknown:
        warn(f"CROSSBOARD_SYSTEM: want 0, 1 or some of {', '.join(PARTS)}; got {', '.join(unknown)}, left out", about="system")
    return frozenset(words & set(PARTS))


class System:
    """What one process of a run writes down about itself. `wanted`: see `parts_wanted`; created: of the run, epoch seconds."""

    def __init__(self, wanted: frozenset[str], *, directory: str, rank: int, created: float) -> None:
        self._wanted = wanted if rank == 0 else wanted & {*OF_EVERY_RANK, "metrics"}
        self._directory = directory
        self._created = created
        self._started_in = os.getcwd() if self._wanted else ""
        self._usage: Usage | None = None
        self._next = 0.0

    @property
    def looks_around(self) -> bool:
        """Whether `look_around` has anything to tell."""
        return bool(self._wanted - {"metrics"})

    def look_around(self, keep: Callable[[bytes], Inline | InFile]) -> Surroundings:
        """Gather what is told once; slow. keep: stores the text of the uncommitted differences."""
        from .surroundings import gather

        return gather(self._wanted, directory=self._started_in, keep=keep)

    def sample(self) -> tuple[int, dict[str, float]]:
        """(step, tag -> value) when ten seconds have passed since the last sample; else no values."""
        now = time.monotonic()
        if "metrics" not in self._wanted or now < self._next:
            return 0, {}
        first, self._next = self._usage is None, now + EVERY_S
        if self._usage is None:
            from .usage import Usage

            self._usage = Usage(self._directory, machine=os.environ.get("LOCAL_RANK", "0") == "0")
        values = {} if first else self._usage.sample()
        return max(0, int(time.time() - self._created)), values
