"""Small event files, several decoded at once: what a piece costs beside its bytes is paid once for all of them.

Files stand one behind the other like the frames within them, so their bytes are joined and decoded as one piece. That serves only
where nothing is damaged or torn; where something is, each file is read by itself.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import google_crc32c
import numpy as np

from ....store.framing import HEADER
from ....store.kinds import I64
from .frames import Frames, find_frames
from .scalars import Numbers, find_numbers
from .storage import Local

SMALL: Final = 1 << 20
"""Files of so many bytes are decoded together, at most twice as many bytes at once."""
PROOF: Final = 512
"""So many bytes before the cursor prove that a file is still the same."""


class Decoded(NamedTuple):
    """A whole file: its frames, the numbers in them, the records that are left. proof: of its end, see `proof_of`."""

    frames: Frames
    numbers: list[Numbers]
    left: I64
    proof: int


def proof_of(data: bytes) -> int:
    """CRC-32C of the last bytes of `data`, at most `PROOF`."""
    return int(google_crc32c.value(data[-PROOF:]))


def decode_together(paths: Sequence[str]) -> dict[str, Decoded]:
    """The files at `paths`, by path: all that can be read, or none when one of them is not whole."""
    files = {path: data for path in paths if (data := _whole(path))}
    if len(files) < 2:
        return {}
    data = b"".join(files.values())
    frames = find_frames(data, path="", base=0)
    if frames.problems or frames.end != len(data):
        return {}
    numbers, left = find_numbers(data, frames.start, frames.size)
    edges = np.cumsum([0, *map(len, files.values())])
    first = np.searchsorted(frames.start, edges).tolist()
    parts: list[list[Numbers]] = [[] for _ in files]
    for one in numbers:
        cuts = np.searchsorted(one.record, first).tolist()
        for place, (low, high) in enumerate(itertools.pairwise(cuts)):
            if low < high:
                record = one.record[low:high] - first[place]
                some = one._replace(record=record, step=one.step[low:high], wall_time=one.wall_time[low:high], value=one.value[low:high])
                parts[place].append(some)
    cuts = np.searchsorted(left, first).tolist()
    made = {}
    for place, (path, bytes_of) in enumerate(files.items()):
        low, high, edge = first[place], first[place + 1], int(edges[place])
        if low == high or frames.start[low] != edge + HEADER.size:
            return {}
        own = Frames(bytes_of, frames.start[low:high] - edge, frames.size[low:high], len(bytes_of), [])
        made[path] = Decoded(own, parts[place], left[cuts[place] : cuts[place + 1]] - low, proof_of(bytes_of))
    return made


def _whole(path: str) -> bytes:
    """The bytes of a small file, none where it cannot be read or is not plain."""
    try:
        if os.path.getsize(path) > SMALL:
            return b""
        opened = Local().open(path)
    except OSError:
        return b""
    try:
        return opened.read(opened.size, 0) if opened.by_offset and opened.size <= SMALL else b""
    except OSError:
        return b""
    finally:
        opened.close()
