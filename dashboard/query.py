"""The query of a data route, read strictly: an unknown parameter or a value of another type is an error that names it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from typing import Final

from starlette.requests import Request

from ..store.store import Smoothing
from . import columns
from .replies import Refused

COLUMNS, JSON, CSV = "columns", "json", "csv"
MEDIA_TYPES: Final = {columns.MEDIA_TYPE: COLUMNS, "application/json": JSON, "text/csv": CSV}
_METRIC: Final = "metric:"
_SMOOTHING_KINDS: Final = ("ema", "gaussian", "mean")


class Query:
    """The parameters of one request. `known`: the names that its route takes, beside ``format``."""

    def __init__(self, request: Request, known: Collection[str]) -> None:
        self._request = request
        self._values = request.query_params
        for name in self._values:
            if name not in known and name != "format":
                raise Refused(
                    400,
                    f"unknown parameter {name!r} of {request.url.path}",
                    f"it takes {', '.join(sorted((*known, 'format')))}",
                )

    def many(self, name: str) -> list[str]:
        """All values of `name`, in order."""
        return self._values.getlist(name)

    def text(self, name: str) -> str | None:
        """The value of `name`, None when it is not there. Given twice, it is an error."""
        values = self._values.getlist(name)
        if len(values) > 1:
            raise Refused(400, f"{name}: want one value, got {len(values)}", f"ask once for each {name}")
        return values[0] if values else None

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise Refused(400, f"{name} is missing", f"add {name}=... to the query")
        return value

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        """A whole number in low..high."""
        value = self.text(name)
        if value is None:
            return default
        if not re.fullmatch(r"-?\d{1,18}", value) or not low <= int(value) <= high:
            raise Refused(400, f"{name}: want a whole number in {low}..{high}, got {value!r:.40}", "correct it and ask again")
        return int(value)

    def real(self, name: str, default: float) -> float:
        """A number; infinities are taken ("-inf": from the beginning)."""
        value = self.text(name)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            raise Refused(400, f"{name}: want a number, got {value!r:.40}", "correct it and ask again")
        return number

    def one_of(self, name: str, offered: Sequence[str], default: str) -> str:
        """One of the words `offered`."""
        value = self.text(name)
        if value is None:
            return default
        if value not in offered:
            raise Refused(400, f"{name}: want one of {', '.join(offered)}, got {value!r:.40}", "correct it and ask again")
        return value

    def yes(self, name: str, default: bool) -> bool:
        """1 or 0."""
        return self.one_of(name, ("0", "1"), str(int(default))) == "1"

    def since(self) -> int | None:
        return None if self.text("since") is None else self.whole("since", 0, low=0, high=10**17)

    def x(self) -> str:
        """The x axis: step, relative, wall or metric:TAG."""
        value = self.text("x") or "step"
        if value in ("step", "relative", "wall") or (value.startswith(_METRIC) and len(value) > len(_METRIC)):
            return value
        raise Refused(400, f"x: want step, relative, wall or metric:TAG, got {value!r:.80}", "correct it and ask again")

    def smoothing(self) -> Smoothing | None:
        """``KIND:WEIGHT``, as in ``ema:0.6``; None when there is none."""
        value = self.text("smoothing")
        if not value:
            return None
        kind, _, weight_text = value.partition(":")
        try:
            weight = float(weight_text)
        except ValueError:
            weight = math.nan
        fits = 0 <= weight < 1 if kind == "ema" else 0 < weight < 1e9
        if kind not in _SMOOTHING_KINDS or not fits:
            wanted = "ema:WEIGHT with 0 <= WEIGHT < 1, gaussian:SIGMA or mean:POINTS"
            raise Refused(400, f"smoothing: want {wanted}, got {value!r:.40}", "correct it and ask again")
        return Smoothing(kind, weight)

    def form(self, offered: Collection[str]) -> str:
        """Which of the `offered` formats to answer in: ``format=`` wins, then the Accept header, then JSON."""
        named = self.text("format")
        if named is not None:
            if named in offered:
                return named
            raise Refused(406, f"format {named!r:.40} is not offered here", f"ask for {' or '.join(sorted(offered))}")
        accept = self._request.headers.get("accept", "")
        ranked = []
        for place, part in enumerate(accept.split(",")):
            media_type, *extras = (piece.strip().lower() for piece in part.split(";"))
            weight = next((_weight(extra) for extra in extras if extra.startswith("q=")), 1.0)
            if MEDIA_TYPES.get(media_type) in offered:
                ranked.append((-weight, place, MEDIA_TYPES[media_type]))
            elif media_type in ("", "*/*", "application/*", "text/html"):
                ranked.append((-weight, place + 1000, JSON))
        ranked = [entry for entry in ranked if entry[0] < 0]
        if not ranked:
            raise Refused(406, f"nothing of {accept!r:.120} is offered here", f"accept {' or '.join(MEDIA_TYPES)}, or use ?format=")
        return min(ranked)[2]


def _weight(parameter: str) -> float:
    try:
        return float(parameter[2:])
    except ValueError:
        return 0.0
