"""Who a run is, and where its writers write: settled when it begins, the same until it ends."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """Where a run's writers write, and who they are."""

    directory: str
    id: str
    project: str
    name: str
    attempt: int
    rank: int
    launch: str
    way: str
    network: bool
    durable_s: float | None = None
    strict: bool = False
    created: float = 0.0
    system: frozenset[str] = frozenset()


class Identity:
    """The part of the run handle that says who it is. place: None for a run that writes nothing."""

    def __init__(self, place: Place | None, *, disabled: bool) -> None:
        self._place = place
        self._disabled = disabled

    @property
    def id(self) -> str:
        """The run's id, the name of its directory; "" when the run is disabled."""
        return self._place.id if self._place is not None else ""

    @property
    def name(self) -> str:
        """The run's name."""
        return self._place.name if self._place is not None else ""

    @property
    def project(self) -> str:
        """The run's project."""
        return self._place.project if self._place is not None else ""

    @property
    def dir(self) -> str:
        """The run's directory; "" when nothing is written."""
        return self._place.directory if self._place is not None else ""

    @property
    def attempt(self) -> int:
        """Number of this launch of the run, from 1."""
        return self._place.attempt if self._place is not None else 1

    @property
    def rank(self) -> int:
        """Rank of this process."""
        return self._place.rank if self._place is not None else 0

    @property
    def disabled(self) -> bool:
        """Whether every call is a no-op."""
        return self._disabled
