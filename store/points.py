"""The points journal, ``points-<writer>.cbj``: scalars as fixed records that a killed process cannot lose.

    file    := header (64 bytes) | record (32 bytes)*
    header  := magic "\\x89CBJ\\r\\n\\x1a\\n": 8 bytes
               version: u16 | record size: u16 = 32 | byte order mark: u32 = 0x01020304
               attempt: u32 | rank: i32 | writer: 16 bytes ASCII, zero padded | started: f64, epoch seconds
               crc32c of the 48 bytes before it: u32 | reserved: u32 = 0
               dropped: u64, points this writer had to drop so far; the only field that changes
    record  := value: f64 | step: i64 | wall time: f64 | check: u32 | tag id: u32

All little-endian. Record i of a file stands at byte 64 + 32 i. The tag id is stored last; 0 means "not written yet".
check = (i * 0x9E3779B1 + step * 0x85EBCA6B + tag * 0xC2B2AE35 + 0x27D4EB2F) mod 2**32 proves that a record is whole and
stands where it was put. It covers the slot, the low half of the step and the tag, and so does not prove that no bit of the rest
flipped (sealed files carry a CRC for that).

Files are grown ahead of need, so zero records after the last one are room, not damage. A slot is reserved before it is
filled and another thread may fill the next slot first, so a zero record before a filled one is *pending* while the writer
lives. The same goes for a mismatch: it is read again later, and is damage only once the writer is gone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Final

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from .errors import Damaged, FormatTooNew

MAGIC: Final = b"\x89CBJ\r\n\x1a\n"
VERSION: Final = 1
HEADER_SIZE: Final = 64
RECORD_SIZE: Final = 32
DROPPED_AT: Final = 56
_HEADER: Final = struct.Struct("<8sHHIIi16sd")
RECORD: Final = struct.Struct("<dqdII")
RECORD_DTYPE: Final = np.dtype([("value", "<f8"), ("step", "<i8"), ("wall_time", "<f8"), ("check", "<u4"), ("tag", "<u4")])
CHECK_INDEX: Final = 0x9E3779B1
CHECK_STEP: Final = 0x85EBCA6B
CHECK_TAG: Final = 0xC2B2AE35
CHECK_SALT: Final = 0x27D4EB2F


@dataclass(frozen=True, slots=True)
class PointsHeader:
    """The fixed head of a points journal; `dropped` is as it stood when the header was read."""

    writer: str
    attempt: int
    rank: int
    started: float
    dropped: int = 0


def encode_header(header: PointsHeader) -> bytes:
    """Return the 64 bytes of `header`. `writer` is at most 16 ASCII characters."""
    writer = header.writer.encode("ascii")
    if not 0 < len(writer) <= 16:
        raise ValueError(f"writer: want 1 to 16 ASCII characters, got {header.writer!r}")
    head = _HEADER.pack(MAGIC, VERSION, RECORD_SIZE, 0x01020304, header.attempt, header.rank, writer, header.started)
    return head + struct.pack("<IIQ", google_crc32c.value(head), 0, header.dropped)


def decode_header(data: bytes, *, path: str) -> PointsHeader | None:
    """Return the header at the start of `data`, or None while fewer than 64 bytes, or only zeros, are there.

    Raises:
        FormatTooNew: written by a newer crossboard.
        Damaged: not a points journal, or its header's checksum is wrong.
    """
    if len(data) < HEADER_SIZE or not any(data[:8]):
        return None
    magic, version, size, order, attempt, rank, writer, started = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise Damaged(f"points journal: want magic {MAGIC!r}, got {magic!r} at byte 0 of {path}")
    if version > VERSION:
        raise FormatTooNew(f"points journal version {version}, this crossboard reads up to {VERSION}; upgrade crossboard to open {path}")
    crc, _, dropped = struct.unpack_from("<IIQ", data, 48)
    if crc != google_crc32c.value(bytes(data[:48])) or size != RECORD_SIZE or order != 0x01020304:
        raise Damaged(f"points journal: header checksum is wrong at byte 0 of {path}")
    return PointsHeader(writer.rstrip(b"\0").decode("ascii"), attempt, rank, started, dropped)


def check_of(index: int, step: int, tag: int) -> int:
    """The check field of record `index`."""
    return (index * CHECK_INDEX + step * CHECK_STEP + tag * CHECK_TAG + CHECK_SALT) & 0xFFFFFFFF


def checks_of(index: NDArray[np.int64], step: NDArray[np.int64], tag: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """`check_of` for arrays."""
    with np.errstate(over="ignore"):
        mixed = (
            index.astype(np.uint64) * np.uint64(CHECK_INDEX)
            + step.astype(np.uint64) * np.uint64(CHECK_STEP)
            + tag.astype(np.uint64) * np.uint64(CHECK_TAG)
            + np.uint64(CHECK_SALT)
        )
    low: NDArray[np.uint32] = (mixed & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return low


def undeclared_name(tag: int) -> str:
    """The name under which points of a tag id are shown that no record declares."""
    return f"undeclared/{tag}"


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a stretch of records holds.

    records  the whole ones, dtype RECORD_DTYPE, in slot order
    index    their slot numbers, int64
    torn     slots before the last filled one that are not whole: still being written, or damaged
    filled   slot number after the last slot that is not all zero
    """

    records: NDArray[Any]
    index: NDArray[np.int64]
    torn: NDArray[np.int64]
    filled: int


def decode_records(data: bytes | memoryview, *, first: int) -> Decoded:
    """Decode the records in `data`, whose first byte is slot `first`'s; a last partial record is left out."""
    count = len(data) // RECORD_SIZE
    records = np.frombuffer(data, RECORD_DTYPE, count=count)
    used = np.flatnonzero((records["tag"] != 0) | (records["check"] != 0) | (records["wall_time"] != 0) | (records["step"] != 0))
    end = int(used[-1]) + 1 if len(used) else 0
    records = records[:end]
    index = np.arange(first, first + end, dtype=np.int64)
    whole = (records["tag"] != 0) & (records["check"] == checks_of(index, records["step"], records["tag"]))
    if whole.all():
        return Decoded(records, index, np.empty(0, np.int64), first + end)
    return Decoded(records[whole], index[whole], index[~whole], first + end)
