"""The pixels of the Images page without a browser: PNGs and GIFs read exactly, differences, alignment and colours, beside NumPy and Pillow.

The scripts run in Node.js as they are, by the `run_js` of `test_assets`.
"""

from __future__ import annotations

import io
import math
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

ASSETS = import_module("test_assets")
run_js: Callable[..., Any] = ASSETS.run_js

pytestmark = ASSETS.pytestmark


def read_png(data: bytes) -> Any:
    return run_js("cb.png.pixels(Uint8Array.from(Buffer.from(data, 'base64')).buffer)", data=b64encode(data).decode())


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "P and clear", "1", "I;16"])
def test_a_png_of_any_kind_is_read_value_for_value_with_straight_alpha(mode: str) -> None:
    random, out, size = np.random.default_rng(3), io.BytesIO(), (9, 11)
    if mode == "I;16":
        values = random.integers(0, 65536, size).astype(np.uint16)
        Image.fromarray(values).save(out, "PNG")
    else:
        made = Image.fromarray(random.integers(0, 256, (*size, 4)).astype(np.uint8), "RGBA")
        picture = made.convert("RGB").convert("P") if mode.startswith("P") else made.convert(mode)
        clear = {"transparency": picture.getpixel((0, 0))} if mode == "P and clear" else {}
        picture.save(out, "PNG", **clear)
        values = np.asarray(Image.open(out).convert({"P": "RGB", "P and clear": "RGBA", "1": "L"}.get(mode, mode)))
    read = read_png(out.getvalue())
    channels = 1 if values.ndim == 2 else values.shape[2]
    assert (read["width"], read["height"], read["channels"], read["depth"]) == (11, 9, channels, 16 if mode == "I;16" else 8)
    assert read["values"] == values.reshape(-1).tolist()


def test_a_png_that_ends_early_says_in_which_row() -> None:
    out = io.BytesIO()
    Image.new("RGB", (4, 8)).save(out, "PNG")
    data = out.getvalue()
    at = data.index(b"IDAT")
    short = zlib.compress(bytes(13 * 3))
    cut = data[: at - 4] + struct.pack(">I", len(short)) + b"IDAT" + short + bytes(4) + data[data.index(b"IEND") - 4 :]
    said = run_js("cb.png.pixels(Uint8Array.from(Buffer.from(data, 'base64')).buffer).catch(e => e.message)", data=b64encode(cut).decode())
    assert said == "the PNG ends in row 3 of 8"


@pytest.mark.parametrize("order", ["forwards", "backwards"])
def test_the_frames_of_a_gif_are_those_that_pillow_reads_in_any_order(order: str) -> None:
    random, out = np.random.default_rng(5), io.BytesIO()
    noise = random.integers(0, 256, (40, 30, 3)).astype(np.uint8)
    frames = []
    for i in range(40):
        frame = noise.copy()
        frame[i : i + 4, i // 2 : i // 2 + 6] = (255 - 6 * i, 6 * i, 0)
        frames.append(Image.fromarray(frame).quantize(200))
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=70, disposal=[1, 2, 1, 3] * 10, optimize=False)
    wanted = [np.asarray(one.convert("RGBA")) for one in ImageSequence.Iterator(Image.open(io.BytesIO(out.getvalue())))]
    asked = range(40) if order == "forwards" else [39, 17, 33, 2, 16, 0]
    got = run_js(
        "(gif => ({n: gif.frames.length, delay: gif.frames[3].delay,"
        " frames: asked.map(i => Buffer.from(gif.frame(i)).toString('base64'))}))"
        "(cb.gif.read(Uint8Array.from(Buffer.from(data, 'base64')).buffer))",
        data=b64encode(out.getvalue()).decode(),
        asked=list(asked),
    )
    assert (got["n"], got["delay"]) == (40, 0.07)
    for i, text in zip(asked, got["frames"], strict=True):
        frame = np.frombuffer(b64decode(text), np.uint8).reshape(40, 30, 4)
        seen = wanted[i][..., 3] > 0
        assert (frame[..., 3] > 0).tolist() == seen.tolist(), f"frame {i}"
        assert (frame[seen] == wanted[i][seen]).all(), f"frame {i}"


def picture_js(values: np.ndarray[Any, Any]) -> str:
    height, width = values.shape[:2]
    channels, deep = (1 if values.ndim == 2 else values.shape[2]), values.dtype == np.uint16
    array = f"Uint{16 if deep else 8}Array.from({values.reshape(-1).tolist()})"
    return f"{{width: {width}, height: {height}, channels: {channels}, depth: {16 if deep else 8}, values: {array}}}"


@given(st.integers(0, 2**31), st.sampled_from([1, 2, 3, 4]), st.sampled_from([1, 3]), st.booleans(), st.booleans())
@settings(max_examples=12, deadline=None)
def test_the_numbers_of_a_difference_are_those_of_numpy(seed: int, channels: int, others: int, deep: bool, deep_too: bool) -> None:
    random = np.random.default_rng(seed)

    def make(height: int, width: int, many: int, deep: bool) -> np.ndarray[Any, Any]:
        return random.integers(0, 65536 if deep else 256, (height, width, many)).astype(np.uint16 if deep else np.uint8)

    def common(values: np.ndarray[Any, Any], colours: int, alpha: bool, deepest: bool) -> np.ndarray[Any, Any]:
        many = values.shape[2]
        wide = values.astype(np.int64) * (257 if deepest and values.dtype == np.uint8 else 1)
        parts = [np.repeat(wide[..., :1], 3, 2) if many < 3 and colours == 3 else wide[..., : 3 if many > 2 else 1]]
        if alpha:
            parts.append(wide[..., -1:] if many % 2 == 0 else np.full((*wide.shape[:2], 1), 65535 if deepest else 255))
        return np.concatenate(parts, 2)

    a, b = make(5, 7, channels, deep), make(6, 4, others, deep_too)
    colours, alpha, deepest = max(3 if max(channels, others) > 2 else 1, 1), channels % 2 == 0, deep or deep_too
    one, two = common(a, colours, alpha, deepest)[:5, :4], common(b, colours, alpha, deepest)[:5, :4]
    d, peak = one - two, 65535 if deepest else 255
    got = run_js(f"cb.pixels.difference({picture_js(a)}, {picture_js(b)}, {{above: 30}})")
    assert (got["width"], got["height"], got["peak"], got["max"]) == (4, 5, peak, np.abs(d).max())
    assert got["mean"] == pytest.approx(np.abs(d).mean())
    assert got["over"] == pytest.approx((np.abs(d).max(2) > 30).mean())
    assert got["psnr"] == pytest.approx(10 * math.log10(peak**2 / (d.astype(float) ** 2).mean()))
    most = np.take_along_axis(d, np.abs(d).argmax(2)[..., None], 2)[..., 0]
    assert got["most"] == most.reshape(-1).tolist()


def test_a_picture_differs_from_itself_nowhere_also_when_it_is_enlarged_flat() -> None:
    flat = np.full((3, 4, 3), 90, np.uint8)
    got = run_js(f"cb.pixels.difference({picture_js(np.full((6, 8, 3), 90, np.uint8))}, {picture_js(flat)}, {{fit: 'scale'}})")
    assert (got["width"], got["height"], got["mean"], got["max"], got["over"], got["psnr"]) == (8, 6, 0, 0, 0, "Infinity")


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
@settings(max_examples=10, deadline=None)
def test_scaling_is_bilinear_between_pixel_centres(height: int, width: int, high: int, wide: int) -> None:
    values = np.random.default_rng(height * 100 + width).integers(0, 65536, (height, width)).astype(np.uint16)

    def line(to: int, size: int) -> np.ndarray[Any, Any]:
        return np.clip((np.arange(to) + 0.5) * size / to - 0.5, 0, size - 1)

    across = np.array([np.interp(line(wide, width), np.arange(width), row) for row in values.astype(float)])
    wanted = np.array([np.interp(line(high, height), np.arange(height), column) for column in across.T]).T
    got = run_js(f"cb.pixels.scaled({picture_js(values)}, {wide}, {high})")
    assert np.abs(np.array(got["values"]).reshape(high, wide) - wanted).max() <= 0.51


def test_a_difference_is_coloured_by_its_share_of_the_peak_times_gain() -> None:
    table = [share // 3 for share in range(3 * 256)]  # the colour of a share is that share
    made = "{width: 4, height: 1, peak: 255, most: Int32Array.from([0, -10, 10, 200])}"
    got = run_js(f"cb.pixels.coloured({made}, {{table, gain: 4, signed: false}})", table=table)
    assert got[0::4] == [0, 40, 40, 255]
    signed = [share // 3 // 2 for share in range(3 * 511)]
    got = run_js(f"cb.pixels.coloured({made}, {{table, gain: 4, signed: true}})", table=signed)
    assert got[0::4] == [127, 107, 147, 255]


def test_brightness_and_contrast_of_sixteen_bits_show_what_eight_would_lose() -> None:
    deep = np.array([[32768 + i for i in range(0, 40, 10)]], np.uint16)
    got = run_js(f"cb.pixels.toned({picture_js(deep)}, 1, 400)")
    assert len(set(got[0::4])) == 4
    shallow = np.array([[128, 128, 128, 128]], np.uint8)
    assert len(set(run_js(f"cb.pixels.toned({picture_js(shallow)}, 1, 400)")[0::4])) == 1
