"""Sub-runs that torch's SummaryWriter makes of one run, folded back into it.

    add_scalars(main, {key: value})   a directory "<main with / as _>_<key>" (torch) or "<main>/<key>" (tensorboardX) that holds the one
                                      tag `main`: becomes tag "main/key"
    add_hparams(...)                  a directory that holds all three hparams tags: its config and metrics become the run's

Only a directory below a run is folded, by what its first events say. Several add_hparams directories below one run are
several trials, and stay runs of their own; so does whatever TensorFlow's hparams API wrote, which never puts all three tags into
one run. Source: torch/utils/tensorboard/writer.py (add_scalars, add_hparams).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Final

from .events import event_of
from .fields import NotAMessage
from .frames import find_frames
from .logdir import RunDirectory, is_event_file
from .storage import Storage

PEEK: Final = 256 << 10
MOST_EVENTS: Final = 200
HPARAMS: Final = frozenset(f"_hparams_/{name}" for name in ("experiment", "session_start_info", "session_end_info"))


@dataclass(frozen=True, slots=True)
class SubRun:
    """What a directory is to the run above it: tag and key of add_scalars, or neither, of add_hparams."""

    tag: str = ""
    key: str = ""


class SubRuns:
    """Recognises sub-runs; what a directory was found to be is remembered."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}

    def fold(self, directories: list[RunDirectory], storage: Storage) -> list[RunDirectory]:
        """`directories` without sub-runs, whose files stand in the run above them, named by their path below it."""
        by_path = {one.path: one for one in directories}
        children: dict[str, list[tuple[RunDirectory, SubRun]]] = {}
        waiting: set[str] = set()
        for one in directories:
            above = [parent for parent in _parents(one) if parent in by_path]
            if not above:
                continue
            if one.path not in self._known:
                said = self._look(one, storage)
                if said is None:
                    if above[0] == os.path.dirname(one.path):
                        waiting.add(one.path)  # nothing was logged into it yet
                    continue
                self._known[one.path] = said
            for parent in above:
                sub = _sub_run(os.path.relpath(one.path, parent), self._known[one.path])
                if sub is not None:
                    children.setdefault(parent, []).append((one, sub))
                    break
        gone: set[str] = set(waiting)
        made: dict[str, RunDirectory] = {}
        for parent, found_below in children.items():
            trials = [one for one, sub in found_below if not sub.tag]
            kept = [(one, sub) for one, sub in found_below if sub.tag or len(trials) == 1]
            gone |= {one.path for one, _ in kept}
            files = [(f"{os.path.relpath(one.path, parent)}/{name}", sub) for one, sub in kept for name in one.files]
            whole = by_path[parent]
            made[parent] = replace(whole, files=(*whole.files, *(name for name, _ in files)), parts=dict(files))
        return [made.get(one.path, one) for one in directories if one.path not in gone]

    def _look(self, directory: RunDirectory, storage: Storage) -> frozenset[str] | None:
        """The tags of the first events in `directory`; None while there are none."""
        tags: set[str] = set()
        for name in filter(is_event_file, directory.files):
            path = os.path.join(directory.path, name)
            try:
                opened = storage.open(path)
            except OSError:
                continue
            try:
                data = opened.read(PEEK, 0)
            finally:
                opened.close()
            frames = find_frames(data, path=path, base=0)
            for begin, size in zip(frames.start[:MOST_EVENTS].tolist(), frames.size[:MOST_EVENTS].tolist(), strict=True):
                try:
                    tags.update(value.tag for value in event_of(data, begin, begin + size).values)
                except NotAMessage:
                    continue
        return frozenset(tags) or None


def _parents(directory: RunDirectory) -> list[str]:
    """The directories above a run, up to the log directory, the nearest first."""
    made, path = [], directory.path
    for _ in directory.name.split("/") if directory.name != "." else ():
        path = os.path.dirname(path)
        made.append(path)
    return made


def _sub_run(place: str, tags: frozenset[str]) -> SubRun | None:
    """What a directory at `place` below a run is to that run, by the tags in it; None for a run of its own."""
    if tags >= HPARAMS:
        return SubRun() if "/" not in place else None
    if len(tags) != 1:
        return None
    (tag,) = tags
    for head in (tag.replace("/", "_") + "_", tag + "/"):
        key = place[len(head) :]
        if place.startswith(head) and key and ("/" not in key or head.endswith("/")):
            return SubRun(tag, key)
    return None
