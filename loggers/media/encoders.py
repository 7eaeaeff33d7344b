"""Frames -> MP4 or GIF, with what there is: the ffmpeg program, PyAV, or Pillow. Nothing of it is loaded before it is needed.

The ffmpeg program is preferred: it runs in a process of its own, so that training keeps the interpreter's lock. H.264 with 4:2:0
colour in an MP4 whose index comes first is what every browser plays.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import shutil
import subprocess
import tempfile
from fractions import Fraction
from typing import Any, Final

import numpy as np

from .arrays import Array
from .files import GIF, MP4, Format
from .pixels import Say
from .value import BadValue

FORMATS: Final = ("mp4", "gif")
LONGEST_S: Final = 600.0
_HOW: Final = "pip install imageio-ffmpeg"


class NoEncoder(Exception):
    """MP4 cannot be had, or not of these frames. The text says why."""


def encode_video(frames: Array, fps: float, wanted: str | None, say: Say) -> tuple[bytes, Format]:
    """Encode (T, H, W, 3) of uint8 with `fps` frames a second.

    wanted: "mp4", "gif", or None: MP4 where it can be had. GIF in its place is said.
    """
    if wanted != "gif":
        try:
            return _mp4(frames, fps), MP4
        except NoEncoder as error:
            say(f"no MP4 ({error}): stored as a GIF of 256 colours; {_HOW}", "encoder")
    return _gif(frames, fps), GIF


def _mp4(frames: Array, fps: float) -> bytes:
    _, height, width, _ = frames.shape
    if height % 2 or width % 2:
        frames = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    problems = []
    program = _program()
    if program is not None:
        try:
            return _by_program(program, frames, fps)
        except NoEncoder as error:
            problems.append(str(error))
    if importlib.util.find_spec("av") is not None:
        try:
            return _by_pyav(frames, fps)
        except Exception as error:  # noqa: BLE001  PyAV raises whatever the libraries below it say
            problems.append(f"PyAV: {type(error).__name__}: {error}")
    raise NoEncoder("; ".join(problems) or "no ffmpeg here")


def _program() -> str | None:
    """The ffmpeg program: of imageio-ffmpeg, else on the PATH."""
    if importlib.util.find_spec("imageio_ffmpeg") is not None:
        with contextlib.suppress(Exception):  # it raises when its download lacks the program
            return str(importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    return shutil.which("ffmpeg")


def _by_program(program: str, frames: Array, fps: float) -> bytes:
    _, height, width, _ = frames.shape
    with tempfile.TemporaryDirectory(prefix="crossboard-") as directory:
        path = os.path.join(directory, "video.mp4")
        command = [program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:.6f}", "-i", "pipe:0"]
        command += ["-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", "1"]
        command += ["-movflags", "+faststart", path]
        try:
            done = subprocess.run(
                command,
                input=np.ascontiguousarray(frames).data.cast("B"),
                capture_output=True,
                timeout=LONGEST_S,
                check=False,
                start_new_session=True,  # Ctrl-C is for the training, which then writes what is left
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NoEncoder(f"{program}: {error}") from None
        if done.returncode:
            raise NoEncoder(f"{program}: {done.stderr.decode(errors='replace').strip()[-200:]}")
        with open(path, "rb") as file:
            return file.read()


def _by_pyav(frames: Array, fps: float) -> bytes:
    av: Any = importlib.import_module("av")
    rate = Fraction(fps).limit_denominator(100_000)
    with tempfile.TemporaryDirectory(prefix="crossboard-") as directory:
        path = os.path.join(directory, "video.mp4")  # the index is put first when the file is closed: that needs a real one
        with av.open(path, "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=rate, options={"crf": "20", "preset": "veryfast"})
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = "yuv420p"
            stream.thread_count = 1
            for frame in frames:
                for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")):
                    container.mux(packet)
            for packet in stream.encode():
                container.mux(packet)
        with open(path, "rb") as file:
            return file.read()


def _gif(frames: Array, fps: float) -> bytes:
    """A GIF that repeats for ever. A browser plays delays below 20 ms as 100 ms: so 20 ms is the least."""
    from PIL import Image as Pillow

    if max(frames.shape[1:3]) > 65535:
        raise BadValue(f"want at most 65535 pixels a side for a GIF, got {frames.shape[1:3]}")
    first, *rest = [Pillow.fromarray(np.ascontiguousarray(frame)).quantize(256) for frame in frames]
    buffer = io.BytesIO()
    delay_ms = max(20, round(100 / fps) * 10)
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=delay_ms, loop=0, disposal=1)
    return buffer.getvalue()
