"""Videos: frames, or an encoded file -> `VideoPoint`. How frames become MP4 or GIF: `encoders`."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from ...store.records import VideoPoint
from ..numbers import describe, number_of
from .arrays import Array, Snapshot, snapshot, torch_order
from .containers import Unreadable, video_facts
from .encoders import FORMATS, encode_video
from .files import GIF, MP4, WEBM, File, format_of, given_file
from .pixels import Say, check_dtype, order_of, sayer, shades, standing
from .stills import is_pillow
from .value import BadValue, Media, Taken, Target

MOST_BYTES: Final = 1 << 30
MOST_FPS: Final = 1000
_WANTED: Final = "a video: frames (T, C, H, W), (T, H, W, C) or (T, H, W), a list of frames, or an MP4, WebM or GIF file"


class Video(Media):
    """One video, without sound.

    Args:
        value: one of
            frames, as an array or tensor (NumPy, torch, TensorFlow, JAX) of shape (T, C, H, W), (T, H, W, C) or (T, H, W: grey),
            C = 1 grey, 3 RGB, 4 RGB and alpha (laid over black); with a fifth axis in front, (N, T, C, H, W), as torch's
            add_video has it, N videos are shown as tiles of one, near to a square, row by row;
            a list or tuple of frames: arrays of one shape, or PIL images of one size;
            the path of an MP4, WebM or GIF file, its bytes, or a BytesIO: known by the first bytes and kept byte for byte. A
            file of up to 64 MiB is read in the call, a larger one (to 1 GiB) a little later: leave it until the run is finished.
            How many frames it has is kept as 0 where it does not say (a fragmented MP4).
        fps: frames a second, above 0 to 1000. Of a file it is taken only where the file does not say its own.
        caption: shown beside it.
        layout: the axes in order, of the letters N, T, C, H, W, such as "TCHW" or "CTHW". None: of the last three axes the one of
            length 1, 3 or 4 is C; where both ends are that long, torch tensors have C first and all others last.
        rescale: spread the lowest to the highest finite value of all frames over black to white.
        format: "mp4" (H.264, needs ffmpeg: `pip install imageio-ffmpeg`, the program on the PATH, or PyAV), or "gif" (256 colours,
            delays in steps of 10 ms, by Pillow). None: MP4 where it can be had, else GIF, and that is said.

    Ranges as in `Image`: uint8 0..255, uint16 0..65535, bool, other integers 0..255, floats 0..1, clipped and said. H.264 has
    even sides: an odd one is made longer by one pixel, in the file only. At most 1 GiB of frames.

    Raises (as a warning at your line, or TypeError under ``strict=True``):
        BadValue: none of these, a missing file, a shape, layout, fps or size that will not do. Integers out of range and
            damaged files are found in the background: a warning at your line also under ``strict=True``.
    """

    __slots__ = ("_caption", "_format", "_fps", "_layout", "_rescale", "_value")

    def __init__(
        self,
        value: Any,
        fps: float = 4,
        *,
        caption: str = "",
        layout: str | None = None,
        rescale: bool = False,
        format: str | None = None,  # noqa: A002  the word that everybody uses for it
    ) -> None:
        self._value, self._fps, self._caption, self._layout = value, fps, caption, layout
        self._rescale, self._format = rescale, format

    def take(self) -> Taken:
        value = self._value
        if self._format is not None and self._format not in FORMATS:
            raise BadValue(f"format: want one of {', '.join(FORMATS)}, or None, got {self._format!r}")
        fps = _rate(self._fps)
        caption, rescale, wanted = str(self._caption or ""), self._rescale, self._format
        if isinstance(value, Media):
            raise BadValue(f"want {_WANTED}, got a crossboard.{type(value).__name__}")
        file = given_file(value, wanted=_WANTED)
        if file is not None:
            return Taken(file.size, lambda target: _keep_file(file, fps, caption, target))
        if isinstance(value, (list, tuple)) and value and all(is_pillow(one) for one in value):
            value = _of_pillows(value)
        order = ""

        def check(shape: tuple[int, ...], dtype: str) -> None:
            nonlocal order
            check_dtype(dtype)
            if len(shape) < 3 and self._layout is None:
                raise BadValue(f"want {_WANTED}, got shape {shape}")
            order = order_of(shape, self._layout, axes="NTHWC", torch=torch_order(value))
            if "T" not in order:
                raise BadValue(f"layout: want T, the frames, among the axes, got {self._layout!r}")
            size = math.prod(shape) * (1 if dtype in ("uint8", "bool") else 4)
            if size > MOST_BYTES:
                raise BadValue(f"want at most {MOST_BYTES >> 20} MiB of frames, got {size >> 20} MiB; write a file and log its path")

        taken = snapshot(value, wanted=_WANTED, check=check)

        def encode(target: Target) -> VideoPoint:
            say = sayer(target)
            frames = _frames(taken, order, rescale=rescale, say=say)
            data, kind = encode_video(frames, fps, wanted, say)
            blob = target.blob(data, extension=kind.extension, media_type=kind.media_type)
            count, height, width = frames.shape[:3]
            return VideoPoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                blob=blob,
                width=width,
                height=height,
                frames=count,
                fps=fps,
                caption=caption,
            )

        return Taken(taken.size, encode)


def _rate(given: Any) -> float:
    try:
        fps = number_of(given)
    except Exception:  # noqa: BLE001  no number, one on a device, or a foreign type's own error
        raise BadValue(f"fps: want frames a second, got {describe(given)}") from None
    if not 0 < fps <= MOST_FPS:
        raise BadValue(f"fps: want above 0 to {MOST_FPS}, got {fps!r}")
    return fps


def _of_pillows(frames: Any) -> Array:
    sizes = {frame.size for frame in frames}
    if len(sizes) > 1:
        raise BadValue(f"want frames of one size, got {len(sizes)} sizes, such as {sorted(sizes)[:3]}")
    return np.stack([np.asarray(frame.convert("RGB")) for frame in frames])


def _frames(taken: Snapshot, order: str, *, rescale: bool, say: Say) -> Array:
    """(T, H, W, 3) of uint8; N videos as tiles."""
    array = shades(standing(taken, order, "NTHWC"), rescale=rescale, deep=False, say=say)
    array = _tiled(array) if "N" in order else array
    channels = array.shape[-1]
    if channels in (2, 4):
        alpha = array[..., -1:].astype(np.uint16)
        array = ((array[..., :-1] * alpha + 127) // 255).astype(np.uint8)
    return array if array.shape[-1] == 3 else np.repeat(array, 3, axis=-1)


def _tiled(array: Array) -> Array:
    """(N, T, H, W, C) -> (T, rows * H, columns * W, C), row by row, what is left over black."""
    count, frames, height, width, channels = array.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    whole = np.zeros((rows * columns, *array.shape[1:]), array.dtype)
    whole[:count] = array
    grid = whole.reshape(rows, columns, frames, height, width, channels).transpose(2, 0, 3, 1, 4, 5)
    return grid.reshape(frames, rows * height, columns * width, channels)


def _keep_file(file: File, fps: float, caption: str, target: Target) -> VideoPoint:
    data = file.read()
    kind = format_of(data[:64])
    if kind not in (MP4, WEBM, GIF):
        raise BadValue(f"want {_WANTED}, got {f'{kind.name} file ' if kind is not None else ''}{file.name}")
    try:
        facts = video_facts(data, kind)
    except Unreadable as error:
        raise BadValue(f"want {_WANTED}, got {file.name}: {error}") from None
    return VideoPoint(
        tag=target.tag,
        step=target.step,
        wall_time=target.wall_time,
        blob=target.blob(data, extension=kind.extension, media_type=kind.media_type),
        width=facts.width,
        height=facts.height,
        frames=facts.frames,
        fps=facts.fps or fps,
        caption=caption,
    )
