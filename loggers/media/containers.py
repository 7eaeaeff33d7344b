"""What an encoded file says of itself: the size of a picture, the length of a sound, the frames of a video.

Only the headers are read; nothing is decoded, and no codec is needed. A file may lie or be cut short: then `Unreadable`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeVar

from .files import FLAC, GIF, JPEG, MP3, MP4, OGG, PNG, WAV, WEBM, WEBP, Format


class Unreadable(ValueError):
    """A file that is not what its first bytes say, or ends too early."""


class PictureFacts(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


class SoundFacts(NamedTuple):
    """sample_rate in Hz; frames: samples of one channel, 0 where the file does not say."""

    sample_rate: float
    frames: int
    channels: int


class VideoFacts(NamedTuple):
    """Width and height in pixels; frames: how many, fps: frames a second; both 0 where the file does not say."""

    width: int
    height: int
    frames: int
    fps: float


_Facts = TypeVar("_Facts", PictureFacts, SoundFacts, VideoFacts)


def picture_facts(data: bytes, kind: Format) -> PictureFacts:
    """Of a PNG, JPEG, WebP or GIF. Raises Unreadable."""
    facts = _read(_PICTURES[kind], data, kind)
    if facts.width < 1 or facts.height < 1:
        raise Unreadable(f"a {kind.name} of {facts.width} x {facts.height} pixels")
    return facts


def sound_facts(data: bytes, kind: Format) -> SoundFacts:
    """Of a WAV, MP3, Ogg (Vorbis, Opus, FLAC) or FLAC. Raises Unreadable."""
    facts = _read(_SOUNDS[kind], data, kind)
    if facts.sample_rate <= 0 or facts.channels < 1:
        raise Unreadable(f"a {kind.name} of {facts.channels} channels at {facts.sample_rate:g} Hz")
    return facts


def video_facts(data: bytes, kind: Format) -> VideoFacts:
    """Of an MP4, WebM or GIF. Raises Unreadable."""
    facts = _read(_VIDEOS[kind], data, kind)
    if facts.width < 1 or facts.height < 1:
        raise Unreadable(f"a {kind.name} without a picture in it")
    return facts


def _read(read: Callable[[bytes], _Facts], data: bytes, kind: Format) -> _Facts:
    try:
        return read(data)
    except (struct.error, IndexError, ZeroDivisionError, RecursionError):
        raise Unreadable(f"a {kind.name} that is cut short or damaged") from None


# ------------------------------------------------------------------------------------------------------- pictures


def _png(data: bytes) -> PictureFacts:
    if data[12:16] != b"IHDR":
        raise Unreadable("a PNG without a header")
    return PictureFacts(*struct.unpack_from(">II", data, 16))


def _jpeg(data: bytes) -> PictureFacts:
    """The frame header, ITU-T T.81 B.2.2: any SOF marker."""
    at = 2
    while at < len(data):
        if data[at] != 0xFF:
            raise Unreadable("a JPEG that is damaged")
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return PictureFacts(width, height)
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    raise Unreadable("a JPEG without a picture in it")


def _webp(data: bytes) -> PictureFacts:
    """RFC 9649: lossy, lossless or extended."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return PictureFacts(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        return PictureFacts((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8X":
        return PictureFacts(int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    raise Unreadable("a WebP without a picture in it")


def _gif_picture(data: bytes) -> PictureFacts:
    return PictureFacts(*struct.unpack_from("<HH", data, 6))


# --------------------------------------------------------------------------------------------------------- sounds


def _wav(data: bytes) -> SoundFacts:
    at, facts = 12, None
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if name == b"fmt ":
            channels, rate, _, align = struct.unpack_from("<HIIH", data, at + 10)
            facts = (rate, channels, align)
        if name == b"data" and facts is not None:
            rate, channels, align = facts
            return SoundFacts(rate, min(size, len(data) - at - 8) // align, channels)
        at += 8 + size + size % 2
    raise Unreadable("a WAV without sound in it")


def _flac(data: bytes) -> SoundFacts:
    """STREAMINFO, RFC 9639 section 8.2."""
    bits = int.from_bytes(data[18:26], "big")
    return SoundFacts(bits >> 44, bits & ((1 << 36) - 1), (bits >> 41 & 7) + 1)


def _ogg(data: bytes) -> SoundFacts:
    """The first packet names the codec; the last page's position counts the samples (RFC 3533, 7845; Vorbis I, 4.2.2)."""
    packet = 27 + data[26]
    last = data.rfind(b"OggS")
    position = max(struct.unpack_from("<q", data, last + 6)[0], 0)
    if data[packet : packet + 7] == b"\x01vorbis":
        channels, rate = struct.unpack_from("<BI", data, packet + 11)
        return SoundFacts(rate, position, channels)
    if data[packet : packet + 8] == b"OpusHead":
        channels, skipped = struct.unpack_from("<BH", data, packet + 9)
        return SoundFacts(48000, max(position - skipped, 0), channels)
    if data[packet : packet + 5] == b"\x7fFLAC":
        return _flac(data[packet + 9 : packet + 64])._replace(frames=position)
    raise Unreadable("an Ogg file without sound that is known (Vorbis, Opus, FLAC)")


_KBITS: Final = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES: Final = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """(bytes, samples, Hz, channels) of the frame at `at`, ISO/IEC 11172-3 2.4.1.3 and 13818-3; None when there is none."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, rate_at, bits_at = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or rate_at == 3 or bits_at in (0, 15):
        return None
    samples = 1152 if version == 3 else 576
    rate = _RATES[version][rate_at]
    size = samples // 8 * 1000 * _KBITS[1 if version == 3 else 2][bits_at] // rate + (data[at + 2] >> 1 & 1)
    return size, samples, rate, 1 if data[at + 3] >> 6 == 3 else 2


def _mp3(data: bytes) -> SoundFacts:
    """The count in a Xing or Info header where there is one, else all frames are counted; with the coder's padding."""
    at = 0
    if data.startswith(b"ID3"):
        size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]
        at = 10 + size + (10 if data[5] & 0x10 else 0)
    while at < len(data) and _mp3_frame(data, at) is None:
        at = data.find(b"\xff", at + 1)
        if at < 0:
            break
    first = _mp3_frame(data, at) if at >= 0 else None
    if first is None:
        raise Unreadable("an MP3 without sound in it")
    size, samples, rate, channels = first
    mark = max(data.find(b"Xing", at, at + size), data.find(b"Info", at, at + size))
    if mark > 0 and data[mark + 7] & 1:
        return SoundFacts(rate, int(struct.unpack_from(">I", data, mark + 8)[0]) * samples, channels)
    count = 0
    while (frame := _mp3_frame(data, at)) is not None:
        count += frame[1]
        at += frame[0]
    return SoundFacts(rate, count, channels)


# --------------------------------------------------------------------------------------------------------- videos


def _gif(data: bytes) -> VideoFacts:
    """GIF89a: images are counted, and the delays before them added up (hundredths of a second; 0 stands for a tenth)."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames = duration = 0
    delay = 0
    while at < len(data) and data[at] != 0x3B:
        if data[at] == 0x21:
            if data[at + 1] == 0xF9:
                delay = struct.unpack_from("<H", data, at + 4)[0]
            at += 2
        elif data[at] == 0x2C:
            frames += 1
            duration += delay if delay > 1 else 10
            local = data[at + 9]
            at += 11 + (3 << (local & 7) + 1 if local & 0x80 else 0)
        else:
            raise Unreadable("a GIF that is damaged")
        while data[at]:
            at += 1 + data[at]
        at += 1
    return VideoFacts(width, height, frames, frames * 100 / duration if duration else 0.0)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(name, begin, end) of the boxes between two places, ISO/IEC 14496-12 4.2."""
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        elif size == 0:
            size = end - at
        if size < head:
            raise Unreadable("an MP4 that is damaged")
        yield name, at + head, min(at + size, end)
        at += size


def _within(data: bytes, path: tuple[bytes, ...], at: int, end: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of every box that is reached by `path`."""
    for name, begin, stop in _boxes(data, at, end):
        if name == path[0]:
            yield from _within(data, path[1:], begin, stop) if path[1:] else ((begin, stop),)


def _mp4(data: bytes) -> VideoFacts:
    """The first video track: its size, and its samples with how long each lasts."""
    for begin, end in _within(data, (b"moov", b"trak"), 0, len(data)):
        handlers = [data[at + 8 : at + 12] for at, _ in _within(data, (b"mdia", b"hdlr"), begin, end)]
        if b"vide" not in handlers:
            continue
        _, stop = next(_within(data, (b"tkhd",), begin, end), (0, 0))
        width, height = struct.unpack_from(">II", data, stop - 8)
        at, _ = next(_within(data, (b"mdia", b"mdhd"), begin, end), (0, 0))
        scale = struct.unpack_from(">I", data, at + (20 if data[at] == 1 else 12))[0]
        frames = lasts = 0
        for at, _ in _within(data, (b"mdia", b"minf", b"stbl", b"stts"), begin, end):
            for row in range(struct.unpack_from(">I", data, at + 4)[0]):
                count, each = struct.unpack_from(">II", data, at + 8 + 8 * row)
                frames, lasts = frames + count, lasts + count * each
        return VideoFacts(width >> 16, height >> 16, frames, frames * scale / lasts if lasts else 0.0)
    raise Unreadable("an MP4 without a video track")


_MASTERS: Final = frozenset((0x18538067, 0x1549A966, 0x1654AE6B, 0xAE, 0xE0, 0x1F43B675, 0xA0))
"""Segment, Info, Tracks, TrackEntry, Video, Cluster, BlockGroup: their contents are walked through (RFC 9559)."""


def _ebml_number(data: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """(value, place behind it) of a variable size integer, RFC 8794 section 4."""
    first = data[at]
    length = 9 - first.bit_length()
    if length > 8 or at + length > len(data):
        raise Unreadable("a WebM that is damaged")
    value = int.from_bytes(data[at : at + length], "big")
    return (value if keep_mark else value & ((1 << 7 * length) - 1)), at + length


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, first 64 bytes of the payload) of every element, masters before what is in them."""
    at = 0
    while at < len(data):
        name, at = _ebml_number(data, at, keep_mark=True)
        size, at = _ebml_number(data, at, keep_mark=False)
        yield name, data[at : at + min(size, 64)]
        at += 0 if name in _MASTERS else size


def _webm(data: bytes) -> VideoFacts:
    """The first video track, with its blocks counted; the rate from its default duration, else from the whole length."""
    tracks: list[dict[int, bytes]] = []
    info: dict[int, bytes] = {}
    blocks: dict[int, int] = {}
    for name, payload in _elements(data):
        if name == 0xAE:
            tracks.append({})
        elif name in (0xA3, 0xA1):  # SimpleBlock, Block: they begin with their track's number
            number, _ = _ebml_number(payload, 0, keep_mark=False)
            blocks[number] = blocks.get(number, 0) + 1
        elif name in (0xD7, 0x83, 0x23E383, 0xB0, 0xBA) and tracks:
            tracks[-1][name] = payload
        elif name in (0x2AD7B1, 0x4489):
            info[name] = payload

    def whole(payload: bytes) -> int:
        return int.from_bytes(payload, "big")

    for track in tracks:
        if whole(track.get(0x83, b"")) == 1:
            frames = blocks.get(whole(track.get(0xD7, b"")), 0)
            lasts_ns = whole(track.get(0x23E383, b""))
            if not lasts_ns and frames and 0x4489 in info:
                length = struct.unpack(">f" if len(info[0x4489]) == 4 else ">d", info[0x4489])[0]
                lasts_ns = length * (whole(info.get(0x2AD7B1, b"")) or 1_000_000) / frames
            return VideoFacts(whole(track.get(0xB0, b"")), whole(track.get(0xBA, b"")), frames, 1e9 / lasts_ns if lasts_ns else 0.0)
    raise Unreadable("a WebM without a video track")


_PICTURES: Final = {PNG: _png, JPEG: _jpeg, WEBP: _webp, GIF: _gif_picture}
_SOUNDS: Final = {WAV: _wav, MP3: _mp3, OGG: _ogg, FLAC: _flac}
_VIDEOS: Final = {MP4: _mp4, WEBM: _webm, GIF: _gif}
