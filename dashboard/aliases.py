"""The board's alias rules: where they are kept, and the routes that show and change them.

The rules (`store.aliases`) lie in one text file of the user's, never in a source: the one that the board was given, or none, and then
the built-in rules hold and nothing can be saved. A file that is changed by hand counts at the next question; one that cannot be read
leaves the built-in rules in force, and says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from pathlib import Path
from typing import Any

from ..store.aliases import BUILT_IN, EARLY, Aliases, BadRule, Family, Pair, families, pairs, parse
from ..store.kinds import RunInfo, SeriesInfo
from .replies import Refused

JOINS = ("off", "sure", "all")
"""What of the families is joined in charts: nothing, what is sure, or whatever a rule says."""


class AliasBook:
    """The rules in force. path: the file that keeps them, None for a board that has none."""

    def __init__(self, path: str | os.PathLike[str] | None) -> None:
        self.path = Path(path) if path is not None else None
        self.error = ""
        self._lock = threading.Lock()
        self._built_in = parse(BUILT_IN)
        self._stamp: object = None
        self._aliases = self._built_in
        self._pairs: tuple[object, dict[str, Pair]] = (None, {})

    def now(self) -> Aliases:
        """The rules as the file says them now."""
        with self._lock:
            stamp = self._state()
            if stamp != self._stamp:
                self._aliases, self.error = self._built_in, ""
                if stamp is not None and self.path is not None:
                    try:
                        self._aliases = parse(self.path.read_text("utf-8"))
                    except BadRule as error:
                        self.error = str(error)
                    except (OSError, UnicodeDecodeError) as error:
                        self.error = f"cannot be read: {error}"
                self._stamp = stamp
            return self._aliases

    def _state(self) -> object:
        if self.path is None:
            return None
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    @property
    def digest(self) -> str:
        """Changes with the rules."""
        return hashlib.sha256(self.now().text.encode("utf-8", "backslashreplace")).hexdigest()[:12]

    def pairs(self, runs: list[RunInfo]) -> dict[str, Pair]:
        """`aliases.pairs` of all `runs`, kept until a name or a rule changes."""
        aliases = self.now()
        names = (aliases.text, [(run.key, run.name, run.project) for run in runs])
        known, found = self._pairs
        if known != names:
            found = pairs(aliases, runs)
            self._pairs = (names, found)
        return found

    def families(self, series: list[SeriesInfo], runs: list[RunInfo], *, join: str) -> tuple[list[Family], bool]:
        """The families that are joined in charts, and whether one may be soon that has only begun. join: one of `JOINS`."""
        if join == "off":
            return [], False
        found = families(self.now(), series, self.pairs(runs), asked=join == "all")
        early = any(family.why == EARLY for family in found)
        return [family for family in found if family.sure or join == "all"], early

    def told(self, series: list[SeriesInfo], runs: list[RunInfo]) -> dict[str, Any]:
        """The rules and what they come to, for the page."""
        aliases = self.now()
        found = {family.title: family for family in families(aliases, series, self.pairs(runs), asked=True)}
        sure = {family.title: family for family in families(aliases, series, self.pairs(runs)) if family.sure}
        rows = []
        for title in sorted({*found, *sure}):
            one = sure.get(title) or found[title]
            rows.append(
                {
                    "title": title,
                    "splits": one.splits,
                    "sure": title in sure,
                    "why": one.why or ("" if title in sure else "its rules begin with ?"),
                }
            )
        return {
            "rules": aliases.text,
            "built_in": aliases.text == BUILT_IN,
            "path": str(self.path) if self.path is not None else "",
            "error": self.error,
            "families": rows,
            "pairs": len({pair.lead for pair in self.pairs(runs).values()}),
        }

    def save(self, body: Any) -> None:
        """Keep the rules of `body`, ``{"rules": TEXT}``; an empty text brings the built-in ones back. Raises Refused."""
        if not isinstance(body, dict) or set(body) != {"rules"} or not isinstance(body["rules"], str):
            raise Refused(400, "aliases: want a JSON object with a text in `rules`", 'send {"rules": "..."}')
        text: str = body["rules"]
        if self.path is None:
            raise Refused(409, "this board keeps no alias rules", "start it with --aliases FILE")
        try:
            parse(text)
        except BadRule as error:
            raise Refused(400, f"aliases: {error}", "correct the line and save again") from None
        try:
            if not text.strip():
                with contextlib.suppress(FileNotFoundError):
                    self.path.unlink()
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            beside.write_text(text, "utf-8")
            beside.replace(self.path)
        except (OSError, UnicodeEncodeError) as error:
            raise Refused(403, f"the rules could not be written: {error}", f"make {self.path} writable, and try again") from None


def pair_json(pair: Pair | None) -> dict[str, str] | None:
    """`pair` as the page gets it."""
    return None if pair is None else {"lead": pair.lead, "parent": pair.parent, "split": pair.split}
