"""Frames: how records lie in a ``.cbr`` file, and in TensorFlow's TFRecord files, whose framing this is.

    file    := frame*
    frame   := length: u64 | masked_crc(length): u32 | payload: length bytes | masked_crc(payload): u32

All integers are little-endian. masked_crc(b) = rotate_right(crc32c(b), 15) + 0xa282ead8 (mod 2**32), as in
tensorflow/core/lib/hash/crc32c.h. The length has a checksum of its own, so a damaged length is not mistaken for a
frame that is still being written.

A torn tail is a state, not an error: a frame whose bytes are not all there yet ends the read quietly, and the returned
offset stays before it. A damaged frame is reported with its offset and skipped: by its length when that still proves
true, else by looking for the next byte position at which a whole frame stands.
"""

from __future__ import annotations

import struct
from typing import Final

import google_crc32c

from .kinds import Problem

HEADER: Final = struct.Struct("<QI")
FOOTER: Final = struct.Struct("<I")
OVERHEAD: Final = HEADER.size + FOOTER.size
MAX_PAYLOAD: Final = 1 << 31
"""A length above this is taken for damage: no writer of ours makes a record of 2 GiB."""


def masked_crc(data: bytes | memoryview) -> int:
    """CRC-32C of `data`, masked as TFRecord masks it."""
    return masked(google_crc32c.value(bytes(data)))


def masked(crc: int) -> int:
    """The CRC-32C `crc`, masked."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def encode_frame(payload: bytes) -> bytes:
    """Return `payload` as one frame."""
    length = struct.pack("<Q", len(payload))
    return b"".join((length, FOOTER.pack(masked_crc(length)), payload, FOOTER.pack(masked_crc(payload))))


def _length_at(data: memoryview, at: int) -> int:
    """Payload length of the frame header at `at`, or -1 when its checksum or its range says it is none."""
    length, crc = HEADER.unpack_from(data, at)
    if masked_crc(data[at : at + 8]) != crc or length > MAX_PAYLOAD:
        return -1
    return int(length)


def next_frame(data: memoryview, at: int) -> int:
    """First position after `at` where a frame header proves true and its payload, as far as it is there, does too."""
    end = len(data) - HEADER.size
    for here in range(at + 1, end + 1):
        if data[here + 7] or data[here + 6] or data[here + 5]:  # a length under 2**40: cheap test first
            continue
        length = _length_at(data, here)
        if length < 0:
            continue
        stop = here + HEADER.size + length
        if stop + FOOTER.size > len(data):
            return here
        if FOOTER.unpack_from(data, stop)[0] == masked_crc(data[here + HEADER.size : stop]):
            return here
    return len(data)


def read_frames(
    data: bytes | memoryview, *, path: str, base: int = 0, complete: bool = False
) -> tuple[list[tuple[int, bytes]], int, list[Problem]]:
    """Return the whole frames of `data`, where the next read begins, and what was damaged.

    Args:
        data: bytes of the file from byte `base` on; `base` must be a frame boundary.
        path: named in problems.
        complete: True when nobody will ever append (the writer ended or is dead): a torn tail is then a problem, too.

    Returns:
        (offset in file, payload) of each whole frame; the file offset at which to read next; the problems.
    """
    view = memoryview(data)
    frames: list[tuple[int, bytes]] = []
    problems: list[Problem] = []
    at = 0
    while at < len(view):
        left = len(view) - at
        length = _length_at(view, at) if left >= HEADER.size else -2
        if length >= 0:
            stop = at + HEADER.size + length
            if stop + FOOTER.size <= len(view):
                payload = bytes(view[at + HEADER.size : stop])
                got = masked_crc(payload)
                (want,) = FOOTER.unpack_from(view, stop)
                if got == want:
                    frames.append((base + at, payload))
                else:
                    problems.append(Problem(path, base + at, f"payload checksum: got {got:#010x}, want {want:#010x}; record skipped"))
                at = stop + FOOTER.size
                continue
            following = next_frame(view, at) if complete else len(view)
            if following < len(view):
                problems.append(Problem(path, base + at, f"{following - at} bytes are no whole record; skipped to the next one"))
                at = following
                continue
            if complete:
                problems.append(Problem(path, base + at, f"torn record: got {left} bytes, want {OVERHEAD + length}; writer is gone"))
            break
        if length == -2:
            if complete:
                problems.append(Problem(path, base + at, f"torn record: got {left} bytes, want at least {OVERHEAD}; writer is gone"))
            break
        following = next_frame(view, at)
        if following >= len(view) and not complete:
            break  # the end of a growing file: what comes next will tell
        problems.append(Problem(path, base + at, f"length checksum is wrong; {following - at} bytes skipped to the next whole record"))
        at = following
    return frames, base + at, problems
