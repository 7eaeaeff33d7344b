"""Sounds and videos: samples and frames come back as they were, files byte for byte, and what is doubtful is said.

tests/media_files was made once by the script in it, with ffmpeg.
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import sys
import wave
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import crossboard as cb
from crossboard.loggers.media import encoders
from crossboard.loggers.media.containers import sound_facts, video_facts
from crossboard.loggers.media.files import GIF, MP4, WAV, format_of
from crossboard.store.errors import CrossboardWarning

FILES = Path(__file__).parent / "media_files"
RNG = np.random.default_rng(3)
NO_MP4 = "ignore:.*no MP4:crossboard.store.errors.CrossboardWarning"


LOGGED: Any = import_module("logged")


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def samples_of(logged: Any, clip: Any) -> Any:
    """What is in the WAV of `clip`: (n, channels) of its dtype."""
    with wave.open(io.BytesIO(logged.bytes(clip.blob)), "rb") as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (clip.sample_rate, clip.frames, clip.channels)
        dtype = {1: "u1", 2: "<i2", 4: "<i4"}[file.getsampwidth()]
        return np.frombuffer(file.readframes(clip.frames), dtype).reshape(-1, clip.channels)


# ---------------------------------------------------------------------------------------------------------- sounds


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.array([0.0, 0.5, 1.0, -1.0]), [0, 16384, 32767, -32767]),
        (np.array([0.0, 0.5, 1.0, -1.0], np.float16), [0, 16384, 32767, -32767]),
        ([0.0, 1.0], [0, 32767]),
        (np.array([0, 1, -32768], np.int16), [0, 1, -32768]),
        (np.array([0, 1, -32768], ">i2"), [0, 1, -32768]),
        (np.array([0, 2**31 - 1], np.int32), [0, 2**31 - 1]),
        (np.array([0, 128, 255], np.uint8), [0, 128, 255]),
        (np.array([0, 1, -128], np.int8), [0, 256, -32768]),
    ],
)
def test_samples_of_every_dtype(root: Path, value: Any, want: list[int]) -> None:
    logged = LOGGED.log(root, {"a": cb.Audio(value, 16000, caption="tone")}, step=5)
    point = logged.point("a")
    [clip] = point.clips
    assert (point.step, clip.sample_rate, clip.caption, clip.blob.media_type) == (5, 16000, "tone", "audio/wav")
    assert samples_of(logged, clip)[:, 0].tolist() == want


@pytest.mark.parametrize(
    ("shape", "layout", "order"),
    [
        ((100, 2), None, "TC"),
        ((2, 100), None, "CT"),
        ((3, 4), None, "TC"),
        ((3, 4), "CT", "CT"),
        ((40, 20), "tc", "bad"),
        ((100, 1), None, "TC"),
        ((1, 100), None, "CT"),
        ((1, 1), None, "TC"),
    ],
)
def test_channels_are_the_short_axis(root: Path, shape: tuple[int, int], layout: str | None, order: str) -> None:
    value = RNG.integers(-99, 99, shape, np.int16)
    if order == "bad":
        with pytest.raises(TypeError, match="want at most 16 channels, got 20"):
            LOGGED.log(root, {"a": cb.Audio(value, 8000, layout=layout)})
        return
    logged = LOGGED.log(root, {"a": cb.Audio(value, 8000, layout=layout)})
    assert np.array_equal(samples_of(logged, logged.point("a").clips[0]), value if order == "TC" else value.T)


def test_a_batch_is_one_point_with_many_sounds(root: Path) -> None:
    value = RNG.integers(-99, 99, (3, 100, 2), np.int16)
    logged = LOGGED.log(root, {"a": cb.Audio(value, 8000, caption=["x", "y", "z"]), "b": cb.Audio(value.transpose(0, 2, 1), 8000)})
    for tag in ("a", "b"):
        assert np.array_equal(np.stack([samples_of(logged, clip) for clip in logged.point(tag).clips]), value)
    assert [clip.caption for clip in logged.point("a").clips] == ["x", "y", "z"]


def test_a_list_of_sounds_may_mix_samples_and_files(root: Path) -> None:
    sounds = [cb.Audio(np.zeros(10), 8000, caption="silence"), cb.Audio(FILES / "tone.mp3", caption="tone")]
    clips = LOGGED.log(root, {"a": cb.Audio(sounds)}).point("a").clips
    assert [(clip.caption, clip.blob.media_type) for clip in clips] == [("silence", "audio/wav"), ("tone", "audio/mpeg")]


@pytest.mark.parametrize(
    ("value", "said", "want"),
    [
        (np.array([0.5, 2.0]), r"want floats in -1\.\.1, got 0\.5\.\.2; clipped", [16384, 32767]),
        (np.array([np.nan, 1.0]), "1 of 2 samples are NaN; silent there", [0, 32767]),
        (np.array([-np.inf, 0.0]), r"got -inf\.\.0; clipped", [-32767, 0]),
    ],
)
def test_samples_out_of_range_are_clipped_and_said(root: Path, value: Any, said: str, want: list[int]) -> None:
    with pytest.warns(CrossboardWarning, match=said):
        logged = LOGGED.log(root, {"a": cb.Audio(value, 8000)})
    assert samples_of(logged, logged.point("a").clips[0])[:, 0].tolist() == want


@pytest.mark.parametrize(
    ("name", "extension", "facts"),
    [
        ("tone.mp3", "mp3", (22050, 12672, 2)),
        ("tone_without_count.mp3", "mp3", (22050, 12672, 2)),
        ("tone_vorbis.ogg", "ogg", (22050, 11025, 2)),
        ("tone_opus.ogg", "ogg", (48000, 24000, 2)),
        ("tone_flac.ogg", "ogg", (22050, 2205, 1)),
        ("tone.flac", "flac", (22050, 2205, 1)),
    ],
)
@pytest.mark.parametrize("how", ["path", "bytes"])
def test_sound_files_are_kept_byte_for_byte(root: Path, name: str, extension: str, facts: tuple[int, int, int], how: str) -> None:
    data = (FILES / name).read_bytes()
    logged = LOGGED.log(root, {"a": cb.Audio(FILES / name if how == "path" else data * 1)})
    [clip] = logged.point("a").clips
    assert logged.bytes(clip.blob) == data
    assert (clip.sample_rate, clip.frames, clip.channels) == facts
    assert clip.blob.media_type == {"mp3": "audio/mpeg", "ogg": "audio/ogg", "flac": "audio/flac"}[extension]


@given(st.integers(1, 8), st.integers(0, 300), st.integers(1, 192_000), st.sampled_from([1, 2, 3, 4]))
def test_wav_files_are_measured_as_the_standard_library_wrote_them(channels: int, frames: int, rate: int, width: int) -> None:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(bytes(frames * channels * width))
    assert sound_facts(buffer.getvalue(), WAV) == (rate, frames, channels)


SAMPLES = sorted(path for path in FILES.iterdir() if path.suffix in (".mp3", ".ogg", ".flac", ".mp4", ".webm"))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_damaged_file_is_an_answer_or_unreadable_and_nothing_else(path: Path, data: st.DataObject) -> None:
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, min(len(whole), 600) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    kind = format_of(path.read_bytes()[:64])
    assert kind is not None
    try:
        facts: Any = (sound_facts if kind.media_type.startswith("audio") else video_facts)(cut, kind)
    except ValueError:
        return
    assert facts[0] > 0
    assert facts.frames >= 0


# ---------------------------------------------------------------------------------------------------------- videos

MOVING = np.zeros((6, 8, 10, 3), np.uint8)
for _frame in range(6):
    MOVING[_frame, :, _frame : _frame + 3] = [250, 200, 0]


def frames_of(logged: Any, point: Any) -> Any:
    """Every frame of a GIF, by Pillow: (T, H, W, 3)."""
    with Pillow.open(io.BytesIO(logged.bytes(point.blob))) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGB")))
        return np.stack(frames)


@pytest.mark.parametrize(
    ("value", "layout"),
    [
        (MOVING, None),
        (MOVING.transpose(0, 3, 1, 2), None),
        (MOVING.transpose(3, 0, 1, 2), "CTHW"),
        (MOVING[np.newaxis], None),
        (MOVING.transpose(0, 3, 1, 2)[np.newaxis], "NTCHW"),
        (MOVING / np.float32(255), None),
        (list(MOVING), None),
        ([Pillow.fromarray(frame) for frame in MOVING], None),
        (MOVING.astype(np.uint16) * 257, None),
    ],
)
def test_frames_of_every_order_become_a_gif(root: Path, value: Any, layout: str | None) -> None:
    logged = LOGGED.log(root, {"a": cb.Video(value, fps=5, caption="moving", layout=layout, format="gif")}, step=3)
    point = logged.point("a")
    assert (point.step, point.width, point.height, point.frames, point.fps, point.caption) == (3, 10, 8, 6, 5.0, "moving")
    assert video_facts(logged.bytes(point.blob), GIF) == (10, 8, 6, 5.0)
    assert np.abs(frames_of(logged, point).astype(int) - MOVING).max() <= 4, "colours of a palette"


def test_grey_frames_and_frames_with_alpha(root: Path) -> None:
    alpha = np.concatenate([MOVING, np.full((6, 8, 10, 1), 128, np.uint8)], -1)
    logged = LOGGED.log(root, {"grey": cb.Video(MOVING[..., 0], format="gif"), "alpha": cb.Video(alpha, format="gif")})
    assert np.abs(frames_of(logged, logged.point("grey"))[..., 2].astype(int) - MOVING[..., 0]).max() <= 4
    assert np.abs(frames_of(logged, logged.point("alpha")).astype(int) - MOVING * (128 / 255)).max() <= 4


def test_many_videos_are_tiles_of_one_row_by_row(root: Path) -> None:
    shades = np.array([50, 100, 150], np.uint8)
    batch = np.broadcast_to(shades[:, None, None, None, None], (3, 2, 1, 4, 5))
    logged = LOGGED.log(root, {"a": cb.Video(batch, layout="NTCHW", format="gif")})
    point = logged.point("a")
    assert (point.width, point.height) == (10, 8)
    first = frames_of(logged, point)[0][..., 0]
    assert [first[0, 0], first[0, 5], first[4, 0], first[4, 5]] == [50, 100, 150, 0]


def test_frames_may_be_changed_right_after_the_call(root: Path) -> None:
    run = cb.init(dir=root, strict=True)
    value = MOVING.copy()
    run.log({"a": cb.Video(value, format="gif")})
    value[:] = 0
    run.finish()
    logged = LOGGED.Logged(root)
    assert np.abs(frames_of(logged, logged.point("a")).astype(int) - MOVING).max() <= 4


@pytest.mark.parametrize(
    ("name", "media_type", "facts"),
    [
        ("clip.mp4", "video/mp4", (32, 24, 12, 8.0)),
        ("clip_fragmented.mp4", "video/mp4", (32, 24, 0, 25.0)),
        ("clip.webm", "video/webm", (32, 24, 12, 8.0)),
        ("clip_live.webm", "video/webm", (32, 24, 12, 8.0)),
    ],
)
@pytest.mark.parametrize("how", ["path", "bytes"])
def test_video_files_are_kept_byte_for_byte(root: Path, name: str, media_type: str, facts: Any, how: str) -> None:
    data = (FILES / name).read_bytes()
    logged = LOGGED.log(root, {"a": cb.Video(FILES / name if how == "path" else data, fps=25)})
    point = logged.point("a")
    assert logged.bytes(point.blob) == data
    assert (point.width, point.height, point.frames, point.fps, point.blob.media_type) == (*facts, media_type)


def test_a_gif_file_is_kept_with_its_own_rate(root: Path) -> None:
    buffer = io.BytesIO()
    pictures = [Pillow.fromarray(frame) for frame in MOVING]
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=40, loop=0)
    logged = LOGGED.log(root, {"a": cb.Video(buffer.getvalue())})
    point = logged.point("a")
    assert (point.width, point.height, point.frames, point.fps) == (10, 8, 6, 25.0)
    assert logged.bytes(point.blob) == buffer.getvalue()


def without_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    for module in ("imageio_ffmpeg", "av"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if not has_encoder(place)])
    importlib.invalidate_caches()


def has_encoder(place: str) -> bool:
    return any(os.path.isdir(os.path.join(place, module)) for module in ("imageio_ffmpeg", "av"))


def test_without_an_encoder_a_gif_is_stored_and_that_is_said(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if any(has_encoder(place) and "site-packages" in place for place in sys.path):
        pytest.skip("an encoder is installed beside everything else")
    without_encoders(monkeypatch)
    with pytest.warns(CrossboardWarning, match=r"no MP4 \(no ffmpeg here\): stored as a GIF of 256 colours; pip install imageio-ffmpeg"):
        logged = LOGGED.log(root, {"a": cb.Video(MOVING)})
    assert logged.point("a").blob.media_type == "image/gif"


def test_an_ffmpeg_that_fails_is_named_and_a_gif_is_stored(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\ncat > /dev/null\necho no such codec >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(encoders, "_program", lambda: str(program))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.warns(CrossboardWarning, match=r"no MP4 \(.*ffmpeg: no such codec\): stored as a GIF"):
        logged = LOGGED.log(root, {"a": cb.Video(MOVING)})
    assert logged.point("a").frames == 6


@pytest.mark.parametrize("by", ["program", "PyAV"])
@pytest.mark.parametrize("shape", [(6, 8, 10, 3), (3, 17, 33, 3), (40, 64, 96, 3)])
def test_frames_become_an_mp4_where_there_is_an_encoder(
    root: Path, by: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if by == "program" and importlib.util.find_spec("imageio_ffmpeg") is None and shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg here: pip install imageio-ffmpeg")
    if by == "PyAV":
        pytest.importorskip("av", reason="PyAV is not installed")
        monkeypatch.setattr(encoders, "_program", lambda: None)
    logged = LOGGED.log(root, {"a": cb.Video(RNG.integers(0, 255, shape, np.uint8), fps=12.5)})
    point = logged.point("a")
    assert (point.frames, point.height, point.width, point.fps) == (*shape[:3], 12.5)
    data = logged.bytes(point.blob)
    assert format_of(data[:64]) == MP4
    even = (shape[2] + shape[2] % 2, shape[1] + shape[1] % 2, shape[0])
    facts = video_facts(data, MP4)
    assert facts[:3] == even
    assert facts.fps == pytest.approx(12.5)
    assert data.index(b"moov") < data.index(b"mdat"), "the index comes first, so that a browser can begin"


# ------------------------------------------------------------------------------------------------------- frameworks


@pytest.mark.torch
def test_torch_sounds_and_videos(root: Path) -> None:
    import torch

    rate: Any = torch.tensor(8000)
    tone = torch.linspace(-1, 1, 50, requires_grad=True)
    frames = torch.from_numpy(MOVING.copy()).permute(0, 3, 1, 2)
    values = {"mono": cb.Audio(tone, 8000), "channels": cb.Audio(torch.stack([tone, -tone]), rate)}
    logged = LOGGED.log(root, {**values, "short": cb.Audio(torch.zeros(2, 3), 8000), "video": cb.Video(frames[None], format="gif")})
    want = np.rint(tone.detach().numpy() * 32767)
    assert np.array_equal(samples_of(logged, logged.point("mono").clips[0])[:, 0], want)
    assert np.array_equal(samples_of(logged, logged.point("channels").clips[0]), np.stack([want, -want], -1))
    assert logged.point("short").clips[0].channels == 2, "torch's own order is channels first"
    assert np.abs(frames_of(logged, logged.point("video")).astype(int) - MOVING).max() <= 4
