"""Sounds: samples, or an encoded file -> `AudioPoint`. Samples are stored as WAV with PCM, by the standard library."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ...store.records import AudioPoint, Clip
from ..numbers import describe, number_of
from .arrays import Array, Snapshot, snapshot, torch_order
from .containers import Unreadable, sound_facts
from .files import FLAC, MP3, OGG, WAV, File, format_of, given_file
from .pixels import Say, sayer
from .value import BadValue, Media, Taken, Target

MOST_CHANNELS: Final = 16
MOST_CLIPS: Final = 1000
MOST_BYTES: Final = 1 << 30
_WANTED: Final = "a sound: samples (n,), (n, channels) or (channels, n), or a WAV, MP3, Ogg or FLAC file"


class Audio(Media):
    """One sound, or several of one step.

    Args:
        value: one of
            samples, as an array or tensor (NumPy, torch, TensorFlow, JAX, lists) of shape (n,), (n, channels) or (channels, n);
            a batch of them (N, n, channels) or (N, channels, n): N sounds;
            the path of a WAV, MP3, Ogg (Vorbis, Opus) or FLAC file, its bytes, or a BytesIO: known by the first bytes and kept
            byte for byte. A file of up to 64 MiB is read in the call, a larger one (to 1 GiB) a little later: leave it until
            the run is finished;
            a list or tuple of `Audio`.
        sample_rate: samples a second, in Hz, 1 to 4,294,967,295, rounded to a whole number. Samples need it; a file has its own.
        caption: shown beside it; for a batch also one for each sound.
        layout: the axes in order, of the letters N (sounds), T (time) and C (channels), such as "TC". None: of two axes the one
            of at most 16 is C where the other is longer than that; where both are so short, torch tensors are CT and all
            others TC; an axis before these is N.

    Ranges and what is stored: float -1..1 as 16-bit PCM (value * 32767, rounded), where a value outside is clipped and said with
    the range, and NaN becomes silence and is said; int16, int32 and uint8 (128 is silence) as they are; int8 as 16 bits. No
    other dtype. At most 1,000 sounds, 16 channels, 1 GiB.

    Raises (as a warning at your line, or TypeError under ``strict=True``):
        BadValue: none of these, a missing file, a missing sample rate, a shape, dtype or layout that will not do. Damaged files
            are found in the background: a warning at your line also under ``strict=True``.
    """

    __slots__ = ("_caption", "_layout", "_sample_rate", "_value")

    def __init__(
        self, value: Any, sample_rate: float | None = None, *, caption: str | Sequence[str] = "", layout: str | None = None
    ) -> None:
        self._value, self._sample_rate, self._caption, self._layout = value, sample_rate, caption, layout

    def take(self) -> Taken:
        sound = self._sound()

        def encode(target: Target) -> AudioPoint:
            clips = sound.clips(target, sayer(target))
            return AudioPoint(tag=target.tag, step=target.step, wall_time=target.wall_time, clips=clips)

        return Taken(sound.size, encode)

    def _sound(self) -> _Sound:
        value = self._value
        if isinstance(value, (list, tuple)) and value and all(isinstance(one, Audio) for one in value):
            return self._several([one._sound() for one in value])
        if isinstance(value, Media):
            raise BadValue(f"want {_WANTED}, got a crossboard.{type(value).__name__}")
        file = given_file(value, wanted=_WANTED)
        if file is not None:
            caption = self._captions(1)[0]
            return _Sound(file.size, lambda target, _: [_keep_file(file, caption, target)])
        rate = self._rate()
        order = ""

        def check(shape: tuple[int, ...], dtype: str) -> None:
            nonlocal order
            order = _order_of(shape, self._layout, torch=torch_order(value))
            _check_dtype(dtype)

        taken = snapshot(value, wanted=_WANTED, check=check)
        captions = self._captions(taken.shape[order.index("N")] if "N" in order else 1)
        return _Sound(taken.size, lambda target, say: _keep_samples(taken, order, rate, captions, target, say))

    def _several(self, sounds: list[_Sound]) -> _Sound:
        if len(sounds) > MOST_CLIPS:
            raise BadValue(f"want at most {MOST_CLIPS} sounds in one point, got {len(sounds)}")
        size = sum(sound.size for sound in sounds)
        return _Sound(size, lambda target, say: [clip for sound in sounds for clip in sound.clips(target, say)])

    def _rate(self) -> int:
        given = self._sample_rate
        if given is None:
            raise BadValue("sample_rate: samples need it, in Hz: Audio(samples, sample_rate=16000)")
        try:
            rate = round(number_of(given))
        except Exception:  # noqa: BLE001  no number, one on a device, NaN, or a foreign type's own error
            raise BadValue(f"sample_rate: want a number in Hz, got {describe(given)}") from None
        if not 1 <= rate < 1 << 32:
            raise BadValue(f"sample_rate: want 1 to {(1 << 32) - 1} Hz, got {given!r}")
        return rate

    def _captions(self, count: int) -> list[str]:
        given = self._caption
        if isinstance(given, str) or not isinstance(given, (list, tuple)):
            return [str(given or "")] * count
        if len(given) != count:
            raise BadValue(f"caption: want one for each of {count} sounds, got {len(given)}")
        return [str(one) for one in given]


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sound, or several, that was taken. clips: encodes and keeps them; may raise BadValue."""

    size: int
    clips: Callable[[Target, Say], list[Clip]]


def _order_of(shape: tuple[int, ...], layout: str | None, *, torch: bool) -> str:
    """The axes in order. Raises BadValue."""
    if layout is not None:
        order = str(layout).upper()
        if set(order) - set("NTC") or len(set(order)) != len(order) or "T" not in order:
            raise BadValue(f"layout: want letters of 'NTC', each once, T among them, got {layout!r}")
        if len(order) != len(shape):
            raise BadValue(f"layout {layout!r} has {len(order)} axes, the array has shape {shape}")
    elif len(shape) == 1:
        order = "T"
    elif len(shape) in (2, 3):
        first, last = (size <= MOST_CHANNELS for size in shape[-2:])
        if not first and not last:
            raise BadValue(f"want at most {MOST_CHANNELS} channels, got shape {shape}; a batch is (N, n, channels)")
        order = "N"[: len(shape) - 2] + ("CT" if first and (not last or torch) else "TC")
    else:
        raise BadValue(f"want {_WANTED}, got shape {shape}")
    sizes = dict(zip(order, shape, strict=True))
    if 0 in shape:
        raise BadValue(f"want at least one sample, got shape {shape}")
    if sizes.get("C", 1) > MOST_CHANNELS:
        raise BadValue(f"want at most {MOST_CHANNELS} channels, got {sizes['C']} in shape {shape} as {order}")
    if sizes.get("N", 1) > MOST_CLIPS:
        raise BadValue(f"want at most {MOST_CLIPS} sounds in one point, got {sizes['N']} in shape {shape}")
    if np.prod([float(size) for size in shape]) > MOST_BYTES / 4:
        raise BadValue(f"want at most {MOST_BYTES >> 28} x 2^26 samples, got shape {shape}; write a file and log its path")
    return order


def _check_dtype(dtype: str) -> None:
    if not dtype.startswith(("float", "bfloat")) and dtype not in ("int8", "int16", "int32", "uint8"):
        raise BadValue(f"want floats in -1..1, int16, int32, int8 or uint8, got {dtype}")


def _keep_file(file: File, caption: str, target: Target) -> Clip:
    data = file.read()
    kind = format_of(data[:64])
    if kind not in (WAV, MP3, OGG, FLAC):
        raise BadValue(f"want {_WANTED}, got {f'{kind.name} file ' if kind is not None else ''}{file.name}")
    try:
        rate, frames, channels = sound_facts(data, kind)
    except Unreadable as error:
        raise BadValue(f"want {_WANTED}, got {file.name}: {error}") from None
    blob = target.blob(data, extension=kind.extension, media_type=kind.media_type)
    return Clip(blob=blob, sample_rate=rate, frames=frames, channels=channels, caption=caption)


def _keep_samples(taken: Snapshot, order: str, rate: int, captions: list[str], target: Target, say: Say) -> list[Clip]:
    array = taken.land().transpose([order.index(axis) for axis in "NTC" if axis in order])
    array = array if "N" in order else array[np.newaxis]
    array = array if "C" in order else array[..., np.newaxis]
    clips = []
    for samples, caption in zip(_pcm(array, say), captions, strict=True):
        blob = target.blob(_wav(samples, rate), extension=WAV.extension, media_type=WAV.media_type)
        clips.append(Clip(blob=blob, sample_rate=rate, frames=samples.shape[0], channels=samples.shape[1], caption=caption))
    return clips


def _pcm(array: Array, say: Say) -> Array:
    """Samples of any dtype as little-endian int16, int32 or uint8."""
    if array.dtype.kind == "f":
        array = array.astype(np.float32) if array.dtype.itemsize < 4 else array
        if np.isnan(array.min()):
            wrong = np.isnan(array)
            say(f"{int(wrong.sum()):,} of {array.size:,} samples are NaN; silent there", "nan")
            array = np.where(wrong, array.dtype.type(0), array)
        low, high = float(array.min()), float(array.max())
        if low < -1 - 1 / 32767 or high > 1 + 1 / 32767:  # less is what rounding leaves
            say(f"want floats in -1..1, got {low:.4g}..{high:.4g}; clipped; divide by the largest absolute value", "range")
        pcm: Array = np.rint(np.clip(array, -1, 1) * 32767).astype("<i2")
    elif array.dtype == np.int8:
        pcm = np.left_shift(array.astype("<i2"), 8)
    else:
        pcm = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return pcm


def _wav(samples: Array, rate: int) -> bytes:
    """(n, channels) of int16, int32 or uint8 as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()
