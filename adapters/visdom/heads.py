"""What the first bytes of a picture, a sound or a video tell: its size, its rate. Zeros where they tell nothing.

Formats: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), GIF89a, WebP container, BMP, RIFF WAVE, ISO base media (ISO/IEC 14496-12).
Nothing is decompressed: a picture that claims to be huge costs nothing here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

IMAGE_TYPES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"))
AUDIO_TYPES: Final = {
    "wav": "audio/wav",
    "x-wav": "audio/wav",
    "mp3": "audio/mpeg",
    "mpeg": "audio/mpeg",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}
VIDEO_TYPES: Final = {"mp4": "video/mp4", "webm": "video/webm", "ogg": "video/ogg", "avi": "video/x-msvideo"}
"""As Visdom's client names them -> media types."""


class Film(NamedTuple):
    """Width and height in pixels, number of frames, frames a second."""

    width: int = 0
    height: int = 0
    frames: int = 0
    fps: float = 0.0


def image_type(data: bytes) -> str:
    """The media type that the bytes of a picture say, "" where they say none that is known."""
    for start, name in ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"), (b"GIF8", "image/gif"), (b"BM", "image/bmp")):
        if data.startswith(start):
            return name
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def image_size(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels."""
    try:
        return _image_size(data, image_type(data))
    except (struct.error, IndexError):
        return 0, 0


def _image_size(data: bytes, kind: str) -> tuple[int, int]:
    if kind == "image/png":
        return struct.unpack_from(">II", data, 16)
    if kind == "image/gif":
        return struct.unpack_from("<HH", data, 6)
    if kind == "image/bmp":
        width, height = struct.unpack_from("<ii", data, 18)
        return width, abs(height)
    if kind == "image/jpeg":
        at = 2
        while at + 9 <= len(data) and data[at] == 0xFF:
            marker = data[at + 1]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack_from(">HH", data, at + 5)
                return width, height
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if kind == "image/webp":
        if data[12:16] == b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        if data[12:16] == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
        if data[12:16] == b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return 0, 0


def wave_head(data: bytes) -> tuple[float, int, int]:
    """(Hz, channels, frames) of a RIFF WAVE file."""
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return 0.0, 1, 0
    at, rate, channels, frame = 12, 0, 1, 1
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"fmt " and at + 24 <= len(data):
            channels = int.from_bytes(data[at + 10 : at + 12], "little")
            rate = int.from_bytes(data[at + 12 : at + 16], "little")
            frame = int.from_bytes(data[at + 20 : at + 22], "little") or 1
        elif data[at : at + 4] == b"data":
            return float(rate), channels, min(size, len(data) - at - 8) // frame
        at += 8 + size + (size & 1)
    return float(rate), channels, 0


def film_head(data: bytes) -> Film:
    """What an MP4 file says of its first track with a picture."""
    try:
        for kind, begin, end in _boxes(data, 0, len(data)):
            if kind == b"moov":
                for inner, start, stop in _boxes(data, begin, end):
                    film = _track(data, start, stop) if inner == b"trak" else None
                    if film is not None and film.width:
                        return film
    except (struct.error, IndexError):
        pass
    return Film()


def _track(data: bytes, begin: int, end: int) -> Film:
    width = height = frames = 0
    duration = 0.0
    waiting = [(begin, end)]
    while waiting:
        for kind, start, stop in _boxes(data, *waiting.pop()):
            if kind in (b"mdia", b"minf", b"stbl"):
                waiting.append((start, stop))
            elif kind == b"tkhd":
                width, height = (size >> 16 for size in struct.unpack_from(">II", data, stop - 8))
            elif kind == b"mdhd":
                scale, length = struct.unpack_from(">IQ" if data[start] else ">II", data, start + (20 if data[start] else 12))
                duration = length / scale if scale else 0.0
            elif kind == b"stts":
                (runs,) = struct.unpack_from(">I", data, start + 4)
                frames = sum(struct.unpack_from(">I", data, start + 8 + 8 * run)[0] for run in range(min(runs, (stop - start - 8) // 8)))
    return Film(width, height, frames, frames / duration if duration else 0.0)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, where its content begins, ends) of the boxes between `at` and `end`."""
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        size = size or end - at
        if size < head:
            return
        yield kind, at + head, min(at + size, end)
        at += size
