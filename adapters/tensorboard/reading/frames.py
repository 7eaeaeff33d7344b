"""The frames of an event file, a million at a time. How a frame looks is told in `store.framing`.

Two things cost time in a plain loop: finding where frames begin, since each length must be read before the next, and checking two
checksums for each. Here the lengths are predicted from the period with which they repeat (a program logs the same tags again and
again) and the prediction is checked all at once; where it fails the loop takes over.

All checksums of a piece are verified by one. A checksum that is right can be replaced by four bytes (`_turned`) after which the
CRC-32C of what it covers, these bytes included, is 0, as if nothing had been read; so is then that of all frames together, and the
library computes it at memory speed. Damage in one frame, or the same bits in two, always shows; other damage in several stays
unseen once in 2**32, as with any checksum of this length. Where it shows, halves are searched for the frames that it is in.
What is damaged is skipped and told, as `store.framing` does.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from ....store.framing import HEADER, MAX_PAYLOAD, OVERHEAD, masked, masked_crc, next_frame
from ....store.kinds import I64, Problem

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
LOOK_AHEAD: Final = 32
FARTHEST: Final = 512
"""So many lengths are read one by one before a period is looked for, at first and where that gained little. It must repeat twice
among them."""
MASK: Final = 0xA282EAD8
TURN: Final = 0x9BE09BAB
"""A checksum, unmasked, XOR this are the four bytes that turn a CRC-32C back to 0."""
LARGE: Final = 4096
"""Payloads of so many bytes on average are rather not copied: each checksum is computed by itself."""
BEFORE: Final = 4
AFTER: Final = 12
"""Between two payloads stand 16 bytes: checksum, next length, its checksum. So many of them are missing at the ends."""
_U64: Final = struct.Struct("<Q").unpack_from


class Frames:
    """Whole, undamaged frames of a piece of a file.

    start   int64, where each payload begins in `data`
    size    int64, bytes of each payload
    end     how many bytes of `data` are done with; the rest is a torn tail
    """

    __slots__ = ("data", "end", "problems", "size", "start")

    def __init__(self, data: bytes, start: I64, size: I64, end: int, problems: list[Problem]) -> None:
        self.data, self.start, self.size, self.end, self.problems = data, start, size, end, problems


def find_frames(data: bytes, *, path: str, base: int) -> Frames:
    """Find the frames of `data`, bytes of the file `path` from byte `base` on, where a frame begins.

    A frame whose bytes are not all there ends the search quietly. Damage becomes a problem with its offset in the file, and what
    follows it is read.
    """
    view = np.frombuffer(data, np.uint8)
    starts: list[I64] = []
    sizes: list[I64] = []
    problems: list[Problem] = []
    at = 0
    while True:
        start, size, at = _chain(data, view, at)
        if len(start):
            bad, at = _damaged(view, start, size, at)
            if bad is not None:
                problems.extend(
                    Problem(path, base + int(start[one]) - HEADER.size, "payload checksum does not fit; record skipped") for one in bad
                )
                whole = start < at
                whole[bad] = False
                start, size = start[whole], size[whole]
            starts.append(start)
            sizes.append(size)
        if len(data) - at < HEADER.size:
            break
        (length,) = _U64(data, at)
        if masked_crc(data[at : at + 8]) == struct.unpack_from("<I", data, at + 8)[0] and length <= MAX_PAYLOAD:
            if at + OVERHEAD + length > len(data):
                break  # torn, or still being written
            continue
        following = next_frame(memoryview(data), at)
        if following >= len(data):
            break  # the end of a growing file: what comes next will tell
        problems.append(Problem(path, base + at, f"length checksum is wrong; {following - at} bytes skipped to the next whole record"))
        at = following
    if len(starts) == 1:
        return Frames(data, starts[0], sizes[0], at, problems)
    start = np.concatenate(starts) if starts else np.empty(0, np.int64)
    size = np.concatenate(sizes) if sizes else np.empty(0, np.int64)
    return Frames(data, start, size, at, problems)


def _chain(data: bytes, view: U8, at: int) -> tuple[I64, I64, int]:
    """Frames from `at` on as far as each length leads to the next: (start of payload, size, where it ends). Lengths are taken as
    they stand."""
    end = len(data)
    begins: list[I64] = []
    sizes: list[I64] = []
    ahead = LOOK_AHEAD
    while at + OVERHEAD <= end:
        lengths: list[int] = []
        here = at
        try:
            for _ in range(ahead):
                (length,) = _U64(data, here)
                lengths.append(length)
                here += OVERHEAD + length
        except (struct.error, OverflowError):
            pass  # behind the end
        while here > end:
            here -= OVERHEAD + lengths.pop()
        if not lengths:
            break
        some = np.array(lengths, np.int64)
        begins.append(at + HEADER.size + np.cumsum(some + OVERHEAD) - some - OVERHEAD)
        sizes.append(some)
        walked, at = here - at, here
        if len(lengths) < ahead:
            break
        period = _period(lengths)
        if period:
            at = _predict(view, at, some[-period:], begins, sizes)
        ahead = LOOK_AHEAD if at - here > walked else min(2 * ahead, FARTHEST)
    if not begins:
        return np.empty(0, np.int64), np.empty(0, np.int64), at
    return np.concatenate(begins), np.concatenate(sizes), at


def _period(lengths: list[int]) -> int:
    """After how many frames the lengths repeat, 0 when they do not seem to."""
    for period in range(1, len(lengths) // 3 + 1):
        if lengths[-1] == lengths[-1 - period] and lengths[-2 * period :] == lengths[-3 * period : -period]:
            return period
    return 0


def _predict(view: U8, at: int, tile: I64, begins: list[I64], sizes: list[I64]) -> int:
    """Take frames from `at` on as long as their lengths repeat `tile`; return where that ends."""
    words = unaligned(view, 8, "<u")
    once = int(tile.sum()) + OVERHEAD * len(tile)
    rounds = 1024 // len(tile) + 1
    while True:
        rounds = min(rounds, (len(view) - at) // once)
        if not rounds:
            return at
        guess = np.tile(tile, rounds)
        place = np.cumsum(guess + OVERHEAD)
        place += at - OVERHEAD - guess
        held = int(np.argmin(np.append(words[place].view(np.int64) == guess, False)))
        begins.append(place[:held] + HEADER.size)
        sizes.append(guess[:held])
        if held < len(guess):
            return int(place[held])
        at += rounds * once
        rounds *= 4


def _damaged(view: U8, start: I64, size: I64, end: int) -> tuple[list[int] | None, int]:
    """Which frames have a damaged payload (None: none of them); and where the frames end whose lengths hold."""
    large = end - int(start[0]) > LARGE * len(start)
    if not large:
        turned = _turned(view, start, size, end)
        if google_crc32c.value(turned[BEFORE:-AFTER]) == 0 and int(size.max()) <= MAX_PAYLOAD:
            return None, end
    held = _lengths_hold(view, start, size)
    if not held.all():  # what follows from a length that proves false is worth nothing
        first = int(np.argmin(held))
        end = int(start[first]) - HEADER.size
        start, size = start[:first], size[:first]
    if large:
        wanted = unaligned(view, 4, "<u")[start + size].tolist()
        sums = (google_crc32c.value(view[at : at + count]) for at, count in zip(start.tolist(), size.tolist(), strict=True))
        return [number for number, (got, want) in enumerate(zip(sums, wanted, strict=True)) if masked(got) != want], end
    edges = np.append(start - HEADER.size, end) - int(start[0] - HEADER.size if len(start) else end) + BEFORE
    bad: list[int] = []
    waiting = [(0, len(start))] if len(start) else []
    while waiting:
        low, high = waiting.pop()
        if google_crc32c.value(turned[edges[low] : edges[high]]) == 0:
            continue
        if high - low == 1:
            bad.append(low)
            continue
        middle = (low + high) // 2
        waiting += [(middle, high), (low, middle)]
    return bad, end


def _turned(view: U8, start: I64, size: I64, end: int) -> U8:
    """A copy of the frames, `BEFORE` and `AFTER` some bytes of nothing, in which every checksum turns the CRC-32C back to 0."""
    begin = int(start[0]) - HEADER.size
    made = np.empty(BEFORE + end - begin + AFTER, np.uint8)
    made[BEFORE:-AFTER] = view[begin:end]
    between = unaligned(made, 16, "V")
    place = np.empty(len(start) + 1, np.int64)
    place[0] = 0
    np.add(start, size + (BEFORE - begin), out=place[1:])
    words = between[place].view("<u4").reshape(-1, 4)
    for column in (0, 3):
        sums = words[:, column] - np.uint32(MASK)
        words[:, column] = (sums >> np.uint32(17) | sums << np.uint32(15)) ^ np.uint32(TURN)
    between[place] = words.view("V16").ravel()
    return made


def _lengths_hold(view: U8, start: I64, size: I64) -> NDArray[np.bool_]:
    """Whether the checksum of each length is right."""
    distinct, which = np.unique(size, return_inverse=True)
    wanted = np.array([masked_crc(struct.pack("<Q", int(length))) for length in distinct], np.uint32)
    held: NDArray[np.bool_] = unaligned(view, 4, "<u")[start - 4] == wanted[which]
    return held & (size <= MAX_PAYLOAD)


def unaligned(view: U8, width: int, kind: str) -> NDArray[Any]:
    """What starts at each byte of `view`: `width` bytes, of a NumPy `kind` ("<u", "V" ...)."""
    return np.ndarray((max(len(view) - width + 1, 0),), f"{kind}{width}", view.data, strides=(1,))
