"""The frames of an event file, a million at a time. How a frame looks is told in `store.framing`.

Two things cost time in a plain loop: finding where frames begin, since each length must be read before the next, and checking a
checksum for each. Here the lengths are predicted from the period with which they repeat (a program logs the same tags again and
again) and the prediction is checked all at once; where it fails the loop takes over. Checksums are computed for all frames of one
length together, two bytes a step, by a table. What is damaged is skipped and told, as `store.framing` does.
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....store.framing import HEADER, MAX_PAYLOAD, OVERHEAD, masked_crc, next_frame
from ....store.kinds import I64, Problem

U8 = NDArray[np.uint8]
U32 = NDArray[np.uint32]
LOOK_AHEAD: Final = 256
LONGEST_PERIOD: Final = 128
FEW: Final = 8
"""So many frames of one length are checked one by one."""
LONG: Final = 512
"""A payload above this is checked by itself: the library is faster there."""
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
            whole = _lengths_hold(view, start, size)
            if not whole.all():  # a length that proves false: what follows from it is worth nothing
                first = int(np.argmin(whole))
                at = int(start[first]) - HEADER.size
                start, size = start[:first], size[:first]
            good = _payloads_hold(data, view, start, size) if len(start) else np.ones(0, bool)
            for bad in np.flatnonzero(~good):
                problems.append(Problem(path, base + int(start[bad]) - HEADER.size, "payload checksum does not fit; record skipped"))
            starts.append(start[good])
            sizes.append(size[good])
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
    start = np.concatenate(starts) if starts else np.empty(0, np.int64)
    size = np.concatenate(sizes) if sizes else np.empty(0, np.int64)
    return Frames(data, start, size, at, problems)


def _chain(data: bytes, view: U8, at: int) -> tuple[I64, I64, int]:
    """Frames from `at` on as far as each length leads to the next: (start of payload, size, where it ends). Lengths are taken as
    they stand."""
    end = len(data)
    begins: list[I64] = []
    sizes: list[I64] = []
    while at + OVERHEAD <= end:
        lengths: list[int] = []
        here = at
        while len(lengths) < LOOK_AHEAD and here + OVERHEAD <= end:
            (length,) = _U64(data, here)
            if here + OVERHEAD + length > end:
                break
            lengths.append(length)
            here += OVERHEAD + length
        if not lengths:
            break
        some = np.array(lengths, np.int64)
        begins.append(at + np.concatenate(([0], np.cumsum(some[:-1] + OVERHEAD))))
        sizes.append(some)
        at = here
        if len(lengths) < LOOK_AHEAD:
            break
        period = _period(some)
        if period:
            at = _predict(view, at, some[-period:], begins, sizes)
    if not begins:
        return np.empty(0, np.int64), np.empty(0, np.int64), at
    return np.concatenate(begins) + HEADER.size, np.concatenate(sizes), at


def _period(lengths: I64) -> int:
    """After how many frames the lengths repeat, 0 when they do not seem to."""
    for period in range(1, LONGEST_PERIOD + 1):
        if len(lengths) < 3 * period:
            return 0
        if (lengths[-2 * period :] == lengths[-3 * period : -period]).all():
            return period
    return 0


def _predict(view: U8, at: int, tile: I64, begins: list[I64], sizes: list[I64]) -> int:
    """Take frames from `at` on as long as their lengths repeat `tile`; return where that ends."""
    words = np.lib.stride_tricks.as_strided(view, shape=(max(len(view) - 7, 0), 8), strides=(1, 1))
    rounds = 4096 // len(tile) + 1
    while True:
        guess = np.tile(tile, rounds)
        place = at + np.concatenate(([0], np.cumsum(guess + OVERHEAD)))
        inside = place[1:] <= len(view)
        guess, place = guess[inside], place[: int(inside.sum()) + 1]
        real = words[place[:-1]].view("<u8").ravel().astype(np.int64)
        wrong = np.flatnonzero(real != guess)
        held = int(wrong[0]) if len(wrong) else len(guess)
        begins.append(place[:held])
        sizes.append(guess[:held])
        at = int(place[held])
        if held < rounds * len(tile):
            return at
        rounds = min(rounds * 2, 200_000 // len(tile) + 1)


def _lengths_hold(view: U8, start: I64, size: I64) -> NDArray[np.bool_]:
    """Whether the checksum of each length is right."""
    distinct, which = np.unique(size, return_inverse=True)
    wanted = np.array([masked_crc(struct.pack("<Q", int(length))) for length in distinct], np.uint32)
    held: NDArray[np.bool_] = _u32_at(view, start - 4) == wanted[which]
    return held & (size <= MAX_PAYLOAD)


def _payloads_hold(data: bytes, view: U8, start: I64, size: I64) -> NDArray[np.bool_]:
    """Whether the checksum of each payload is right."""
    held = np.ones(len(start), bool)
    stored = _u32_at(view, start + size)
    order = np.argsort(size, kind="stable")
    lengths, firsts = np.unique(size[order], return_index=True)
    for length, some in zip(lengths.tolist(), np.split(order, firsts[1:]), strict=True):
        if len(some) <= FEW or length > LONG or length == 0:
            for one in some.tolist():
                begin = int(start[one])
                held[one] = masked_crc(data[begin : begin + length]) == int(stored[one])
            continue
        rows = np.lib.stride_tricks.as_strided(view, shape=(len(view) - length + 1, length), strides=(1, 1))
        for first in range(0, len(some), 1 << 14):
            part = some[first : first + (1 << 14)]
            held[part] = _masked_of_rows(rows[start[part]]) == stored[part]
    return held


def _u32_at(view: U8, at: I64) -> U32:
    rows = np.lib.stride_tricks.as_strided(view, shape=(max(len(view) - 3, 0), 4), strides=(1, 1))
    made: U32 = rows[at].view("<u4").ravel()
    return made


def _table() -> U32:
    """For each two bytes, in little-endian order, what they make of the checksum's register."""
    made = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(16):
        made = np.where(made & 1, (made >> 1) ^ np.uint32(0x82F63B78), made >> 1)
    return made


_TABLE: Final = _table()


def _masked_of_rows(rows: U8) -> U32:
    """Masked CRC-32C of each row."""
    count, length = rows.shape
    register = np.full(count, 0xFFFFFFFF, np.uint32)
    pairs = np.ascontiguousarray(rows[:, : length & ~1]).view("<u2").T
    for pair in np.ascontiguousarray(pairs):
        register = (register >> np.uint32(16)) ^ _TABLE[(register & np.uint32(0xFFFF)) ^ pair]
    if length & 1:
        last = rows[:, -1].astype(np.uint32)
        low = (register ^ last) & np.uint32(0xFF)
        for _ in range(8):
            low = np.where(low & 1, (low >> np.uint32(1)) ^ np.uint32(0x82F63B78), low >> np.uint32(1))
        register = (register >> np.uint32(8)) ^ low
    register ^= np.uint32(0xFFFFFFFF)
    turned = (register >> np.uint32(15)) | (register << np.uint32(17))
    return turned + np.uint32(0xA282EAD8)
