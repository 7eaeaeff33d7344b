"""Images: whatever people hold becomes the very pixels that were meant, and what is doubtful is said."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import threading
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

import crossboard as cb
from crossboard.loggers.media import files
from crossboard.loggers.media.containers import picture_facts
from crossboard.loggers.media.files import GIF, JPEG, PNG, WEBP
from crossboard.loggers.media.pixels import order_of
from crossboard.loggers.media.png import encode_png
from crossboard.loggers.media.value import BadValue
from crossboard.store.errors import CrossboardWarning
from crossboard.store.records import Box, InFile, Inline

LOGGED: Any = import_module("logged")
RED = np.array([[[255, 0, 0], [0, 128, 0], [0, 0, 64]], [[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)  # (2, 3, 3)
RNG = np.random.default_rng(7)


pytestmark = pytest.mark.usefixtures("said_anew")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def pixels_of(root: Path, value: Any, **options: Any) -> Any:
    """The pixels that `cb.Image(value)` leaves behind."""
    logged = LOGGED.log(root, {"a": cb.Image(value, **options)})
    [picture] = logged.point("a").images
    return logged.pixels(picture)


def encoded(array: Any, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Pillow.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------------ axes and ranges


def test_an_image_comes_back_pixel_by_pixel(root: Path) -> None:
    logged = LOGGED.log(root, {"a": cb.Image(RED, caption="three colours")}, step=7)
    point = logged.point("a")
    assert (point.step, point.images[0].caption, point.images[0].width, point.images[0].height) == (7, "three colours", 3, 2)
    assert np.array_equal(logged.pixels(point.images[0]), RED)


@pytest.mark.parametrize(
    ("value", "layout", "want"),
    [
        (RED[..., 0], None, RED[..., 0]),
        (RED, None, RED),
        (RNG.integers(0, 255, (3, 5, 6), np.uint8), None, "CHW"),
        (RNG.integers(0, 255, (5, 6, 4), np.uint8), None, "HWC"),
        (RNG.integers(0, 255, (3, 5, 3), np.uint8), None, "HWC"),
        (RNG.integers(0, 255, (3, 5, 3), np.uint8), "CHW", "CHW"),
        (RNG.integers(0, 255, (1, 5, 6), np.uint8), None, "CHW"),
        (RNG.integers(0, 255, (5, 6, 1), np.uint8), None, "HWC"),
        (RNG.integers(0, 255, (2, 5, 6), np.uint8), "CHW", "CHW"),
        (RNG.integers(0, 255, (6, 3, 5), np.uint8), "WCH", "WCH"),
        (RNG.integers(0, 255, (6, 5), np.uint8), "wh", "WH"),
        (RNG.integers(0, 255, (1, 3, 5, 6), np.uint8), None, "NCHW"),
        (RNG.integers(0, 255, (1, 5, 6, 3), np.uint8), "NHWC", "NHWC"),
    ],
)
def test_axes_are_found_by_the_rule_or_told_by_the_layout(root: Path, value: Any, layout: str | None, want: Any) -> None:
    got = pixels_of(root, value, layout=layout)
    if isinstance(want, str):
        want = value.transpose([want.index(axis) for axis in "NHWC" if axis in want])
        want = want.reshape(want.shape[-3:] if want.ndim > 2 else want.shape)
        want = want[..., 0] if want.shape[-1] == 1 else want
    assert np.array_equal(got, want)


@pytest.mark.parametrize(("torch", "want"), [(True, "CHW"), (False, "HWC")])
def test_where_both_ends_could_be_channels_the_frameworks_own_order_is_taken(torch: bool, want: str) -> None:
    for shape in [(3, 64, 3), (1, 9, 4), (4, 4, 4), (3, 3, 1)]:
        assert order_of(shape, None, axes="HWC", torch=torch) == want


@given(st.permutations("HWC"), st.integers(1, 4), st.integers(1, 9), st.integers(1, 9))
def test_any_layout_is_read_as_it_is_said(order: list[str], channels: int, height: int, width: int) -> None:
    sizes = {"C": channels, "H": height, "W": width}
    shape = tuple(sizes[axis] for axis in order)
    assert order_of(shape, "".join(order), axes="HWC", torch=False) == "".join(order)


@given(st.lists(st.integers(0, 70), min_size=0, max_size=6), st.booleans())
def test_a_shape_without_a_layout_is_understood_or_refused_never_misread(shape: list[int], torch: bool) -> None:
    try:
        order = order_of(tuple(shape), None, axes="NHWC", torch=torch)
    except BadValue:
        return
    sizes = dict(zip(order, shape, strict=True))
    assert sizes.get("C", 1) in (1, 3, 4)
    assert 0 not in shape


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [[0, 128, 255]]),
        (np.array([[0.0, 0.5, 1.0]], np.float16), [[0, 128, 255]]),
        (np.array([[False, True]]), [[0, 255]]),
        (np.array([[0, 255]], np.int64), [[0, 255]]),
        (np.array([[0, 127]], np.int8), [[0, 127]]),
        (np.array([[0, 1000, 65535]], np.uint16), [[0, 1000, 65535]]),
        (np.array([[0, 1000, 65535]], ">u2"), [[0, 1000, 65535]]),
        ([[0.0, 1.0], [1.0, 0.0]], [[0, 255], [255, 0]]),
        (np.array([[1 + 1e-6, -1e-6]], np.float32), [[255, 0]]),
    ],
)
def test_every_dtype_has_one_meaning(root: Path, value: Any, want: Any) -> None:
    assert pixels_of(root, value).tolist() == want


def test_colour_of_sixteen_bits_is_kept_in_a_png(root: Path) -> None:
    value = np.array([[[256, 2, 65535]]], np.uint16)
    logged = LOGGED.log(root, {"a": cb.Image(value)})
    data = logged.bytes(logged.point("a").images[0].blob)
    assert data[24:26] == bytes([16, 2]), "bit depth 16, colour type RGB"
    import zlib

    at = data.index(b"IDAT")
    rows = zlib.decompress(data[at + 4 : at + 4 + int.from_bytes(data[at - 4 : at], "big")])
    assert rows == b"\x02" + bytes([1, 0, 0, 2, 255, 255])


def test_sixteen_bits_are_rounded_to_eight_where_the_format_has_no_more(root: Path) -> None:
    value = np.full((16, 16, 3), 32896, np.uint16)  # 128 * 257
    assert abs(int(pixels_of(root, value, format="webp", quality=100)[0, 0, 0]) - 128) == 0


@pytest.mark.parametrize(
    ("value", "said", "want"),
    [
        (np.array([[-0.5, 0.5, 2.0]]), r"want floats in 0\.\.1, got -0\.5\.\.2; clipped; say rescale=True", [[0, 128, 255]]),
        (np.array([[0.0, 128.0, 255.0]]), r"got 0\.\.255; clipped; for 0\.\.255 divide by 255", [[0, 255, 255]]),
        (np.array([[-1.0, 0.0, 1.0]]), r"got -1\.\.1; clipped; for -1\.\.1 log \(x \+ 1\) / 2", [[0, 0, 255]]),
        (np.array([[np.nan, 1.0]]), r"1 of 2 values are NaN; drawn as 0", [[0, 255]]),
        (np.array([[np.inf, -np.inf, 1.0]]), r"got -inf\.\.inf; clipped", [[255, 0, 255]]),
        (np.array([[np.nan, np.nan]], np.float16), r"2 of 2 values are NaN", [[0, 0]]),
    ],
)
def test_floats_out_of_range_are_clipped_and_said_with_their_range(root: Path, value: Any, said: str, want: Any) -> None:
    with pytest.warns(CrossboardWarning, match=said) as caught:
        assert pixels_of(root, value) == pytest.approx(np.array(want))
    assert len(caught) == 1


@pytest.mark.filterwarnings("always::crossboard.store.errors.CrossboardWarning")
def test_the_warning_of_the_background_stands_at_the_line_that_logged(root: Path, recwarn: pytest.WarningsRecorder) -> None:
    run = cb.init(dir=root)
    run.log({"a": cb.Image(np.full((2, 2), 3.0))})
    line = sys._getframe().f_lineno - 1
    run.finish()
    [caught] = [one for one in recwarn if one.category is CrossboardWarning]
    assert "log: 'a': want floats in 0..1" in str(caught.message)
    assert (caught.filename, caught.lineno) == (__file__, line)


def test_two_tags_of_one_call_are_both_said(root: Path) -> None:
    with pytest.warns(CrossboardWarning) as caught:
        LOGGED.log(root, {"a": cb.Image(np.full((2, 2), 3.0)), "b": cb.Image(np.full((2, 2), 3.0))})
    assert sorted(str(one.message)[:9] for one in caught) == ["log: 'a':", "log: 'b':"]


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (np.array([[-3.0, 0.0, 3.0]]), [[0, 128, 255]]),
        (np.array([[100, 600, 1100]]), [[0, 128, 255]]),
        (np.array([[-np.inf, 1.0, 2.0, np.inf]]), [[0, 0, 255, 255]]),
        (np.array([[5.0, 5.0]]), [[0, 0]]),
        (np.array([[0.25, 0.75]]), [[0, 255]]),
    ],
)
def test_rescale_spreads_the_values_and_warns_of_nothing(root: Path, value: Any, want: Any) -> None:
    assert pixels_of(root, value, rescale=True).tolist() == want


@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 20), st.sampled_from(["uint8", "uint16"]), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_png_files_hold_every_shade(channels: int, height: int, width: int, dtype: str, seed: int) -> None:
    array = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)
    with Pillow.open(io.BytesIO(encode_png(array))) as image:
        got = np.asarray(image)
    want = array if dtype == "uint8" or channels == 1 else (array >> 8).astype(np.uint8)  # Pillow reads 16-bit colour as 8 bits
    got = got[..., np.newaxis] if got.ndim == 2 else got
    if dtype == "uint16" and channels == 2:
        got = got[..., [0, -1]]
    assert np.array_equal(got, want)


# ----------------------------------------------------------------------------------------------------- formats, files


@pytest.mark.parametrize(
    ("form", "magic", "extension", "media_type"),
    [
        ("png", b"\x89PNG", "png", "image/png"),
        ("jpeg", b"\xff\xd8\xff", "jpg", "image/jpeg"),
        ("jpg", b"\xff\xd8\xff", "jpg", "image/jpeg"),
        ("webp", b"RIFF", "webp", "image/webp"),
    ],
)
def test_formats_are_what_they_say(root: Path, form: str, magic: bytes, extension: str, media_type: str) -> None:
    value = RNG.integers(0, 255, (64, 64, 3), np.uint8)
    logged = LOGGED.log(root, {"a": cb.Image(value, format=form)})
    blob = logged.point("a").images[0].blob
    assert isinstance(blob, InFile)
    assert (blob.extension, blob.media_type) == (extension, media_type)
    assert logged.bytes(blob).startswith(magic)


def test_a_higher_quality_is_nearer_and_larger(root: Path) -> None:
    y, x = np.mgrid[:64, :64]
    value = np.stack([x * 4, y * 4, (x * y) % 256], -1).astype(np.uint8)
    images = {str(quality): cb.Image(value, format="jpeg", quality=quality) for quality in (10, 95)}
    logged = LOGGED.log(root, {**images, "whole": cb.Image(value, format="webp", quality=100)})
    off = {tag: np.abs(logged.pixels(logged.point(tag).images[0]).astype(int) - value).mean() for tag in ("10", "95", "whole")}
    assert off["whole"] == 0 < off["95"] < off["10"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_webp_keeps_every_number_of_channels(root: Path, channels: int) -> None:
    value = RNG.integers(1, 255, (16, 16, channels), np.uint8)
    got = pixels_of(root, value, layout="HWC", format="webp", quality=100)
    assert got.shape[-1] == (4 if channels in (2, 4) else 3)
    assert np.array_equal(got[..., 0], value[..., 0])
    assert channels in (1, 3) or np.array_equal(got[..., 3], value[..., -1])


def test_jpeg_lays_alpha_over_white_and_says_so(root: Path) -> None:
    value = np.zeros((16, 16, 4), np.uint8)
    value[..., 3] = 51  # a fifth
    with pytest.warns(CrossboardWarning, match="JPEG has no alpha; laid over white"):
        got = pixels_of(root, value, format="jpeg")
    assert np.abs(got.astype(int) - 204).max() <= 2


@pytest.mark.parametrize(("form", "kind"), [("PNG", PNG), ("JPEG", JPEG), ("WEBP", WEBP), ("GIF", GIF)])
@pytest.mark.parametrize("how", ["path", "str", "bytes", "bytearray", "BytesIO"])
def test_encoded_files_are_kept_byte_for_byte(root: Path, tmp_path: Path, form: str, kind: Any, how: str) -> None:
    data = encoded(RNG.integers(0, 255, (20, 30, 3), np.uint8), form)
    path = tmp_path / "wrong_name.txt"
    path.write_bytes(data)
    value = {"path": path, "str": str(path), "bytes": data, "bytearray": bytearray(data), "BytesIO": io.BytesIO(data)}[how]
    logged = LOGGED.log(root, {"a": cb.Image(value, format="webp")})
    [picture] = logged.point("a").images
    assert (picture.width, picture.height, picture.blob.media_type) == (30, 20, kind.media_type)
    assert logged.bytes(picture.blob) == data


def test_a_file_may_be_overwritten_right_after_the_call(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    data = encoded(RED, "PNG")
    path.write_bytes(data)
    run = cb.init(dir=root, strict=True)
    run.log({"a": cb.Image(path)})
    path.write_bytes(b"something else")
    run.finish()
    logged = LOGGED.Logged(root)
    assert logged.bytes(logged.point("a").images[0].blob) == data


def test_a_large_file_is_read_in_the_background_and_must_stay_until_then(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "READ_AT_ONCE", 10)
    data, busy = encoded(RED, "PNG"), threading.Event()
    stays, goes = tmp_path / "stays.png", tmp_path / "goes.png"
    stays.write_bytes(data)
    goes.write_bytes(data)
    run = cb.init(dir=root)
    run._later.add(lambda: busy.wait(20) and None, size=1)
    run.log({"stays": cb.Image(stays), "goes": cb.Image(goes)})
    goes.unlink()
    busy.set()
    with pytest.warns(CrossboardWarning, match=r"'goes': Image: .*goes.png' cannot be read \(No such file or directory\); left out"):
        run.finish()
    logged = LOGGED.Logged(root)
    assert logged.bytes(logged.point("stays").images[0].blob) == data
    assert logged.points("goes") == []


@pytest.mark.parametrize("form", ["BMP", "TIFF"])
def test_what_else_pillow_reads_becomes_a_png(root: Path, form: str) -> None:
    assert np.array_equal(pixels_of(root, encoded(RED, form)), RED)


FLAVOURS: list[dict[str, Any]] = [
    {"format": "JPEG", "progressive": True},
    {"format": "JPEG", "comment": b"x" * 3000},
    {"format": "WEBP"},
    {"format": "WEBP", "lossless": True},
    {"format": "WEBP", "exif": b"Exif\0\0"},
    {"format": "GIF"},
    {"format": "PNG", "optimize": True},
]


@pytest.mark.parametrize("options", FLAVOURS)
@pytest.mark.parametrize("size", [(1, 1), (30, 20), (513, 7)])
def test_dimensions_are_read_from_every_flavour(options: dict[str, Any], size: tuple[int, int]) -> None:
    buffer = io.BytesIO()
    Pillow.new("RGB", size, (200, 10, 30)).save(buffer, **options)
    kind = {"PNG": PNG, "JPEG": JPEG, "WEBP": WEBP, "GIF": GIF}[options["format"]]
    assert picture_facts(buffer.getvalue(), kind) == size


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]), st.data())
@settings(max_examples=300, deadline=None)
def test_a_damaged_header_is_an_answer_or_unreadable_and_nothing_else(form: str, data: st.DataObject) -> None:
    whole = bytearray(encoded(RED, form))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        facts = picture_facts(cut, {"PNG": PNG, "JPEG": JPEG, "WEBP": WEBP, "GIF": GIF}[form])
    except ValueError:
        return
    assert facts.width > 0
    assert facts.height > 0


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"])
def test_pil_images_of_every_mode_are_drawn_as_pillow_draws_them(root: Path, mode: str) -> None:
    colours = Pillow.fromarray(RNG.integers(0, 255, (9, 8, 4), np.uint8), "RGBA")
    if mode == "I;16":
        image = Pillow.fromarray(RNG.integers(0, 65535, (9, 8), np.uint16))
    else:
        image = colours.convert("RGB").convert(mode) if mode in ("P", "CMYK", "YCbCr", "HSV") else colours.convert(mode)
    got = pixels_of(root, image)
    want = np.asarray(image if mode in ("L", "LA", "RGB", "RGBA", "I;16") else image.convert("L" if mode == "1" else "RGB"))
    assert np.array_equal(got, want)


def test_a_palette_with_a_see_through_colour_keeps_it(root: Path) -> None:
    image = Pillow.new("P", (4, 4), 0)
    image.info["transparency"] = 0
    assert pixels_of(root, image).shape == (4, 4, 4)


def test_pil_floats_follow_the_rule_of_floats(root: Path) -> None:
    with pytest.warns(CrossboardWarning, match=r"got 0\.\.3; clipped"):
        got = pixels_of(root, Pillow.fromarray(np.array([[0, 3]], np.float32)))
    assert got.tolist() == [[0, 255]]


def test_a_matplotlib_figure_is_drawn_in_the_callers_thread(root: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    axes = figure.add_subplot()
    axes.plot([0, 1], [1, 0])
    threads = []
    before = figure.savefig

    def savefig(*args: Any, **options: Any) -> None:
        threads.append(threading.get_ident())
        before(*args, **options)

    figure.savefig = savefig  # type: ignore[method-assign]
    logged = LOGGED.log(root, {"figure": cb.Image(figure), "axes": cb.Image(axes)})
    assert logged.pixels(logged.point("figure").images[0]).shape == (50, 100, 4)
    assert logged.pixels(logged.point("axes").images[0]).shape == (50, 100, 4)
    assert set(threads) == {threading.get_ident()}


# ------------------------------------------------------------------------------------------------- taken in the call


def test_an_array_may_be_changed_right_after_the_call(root: Path) -> None:
    run = cb.init(dir=root, strict=True)
    array = RED.copy()
    image = Pillow.fromarray(RED)
    run.log({"array": cb.Image(array), "batch": cb.Images(array[np.newaxis]), "pil": cb.Image(image)})
    array[:] = 0
    image.paste((0, 0, 0), (0, 0, 3, 2))
    run.finish()
    logged = LOGGED.Logged(root)
    for tag in ("array", "batch", "pil"):
        assert np.array_equal(logged.pixels(logged.point(tag).images[0]), RED), tag


def test_an_image_larger_than_the_limit_is_refused_before_it_is_copied(root: Path) -> None:
    huge = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (20_000, 6_000, 3))
    with pytest.raises(TypeError, match="want at most 100 megapixels, got 120"):
        LOGGED.log(root, {"a": cb.Image(huge)})


def test_a_plain_image_loads_no_pillow(tmp_path: Path) -> None:
    code = (
        "import sys, numpy as np, crossboard as cb\n"
        "run = cb.init(dir=sys.argv[1], strict=True)\n"
        "run.log({'a': cb.Image(np.zeros((9, 9, 3))), 'b': cb.Images(np.zeros((2, 9, 9)))})\n"
        "run.finish()\n"
        "print('PIL' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("kind", ["Image", "Images", "Video", "Audio"])
def test_nothing_of_the_users_is_held_while_it_waits(root: Path, kind: str) -> None:
    array: Any = RNG.random((3, 4, 4, 3), np.float32).view(type("Watched", (np.ndarray,), {}))
    array = array[0] if kind == "Image" else array[0, 0, :, :2] if kind == "Audio" else array
    gone = weakref.ref(array)
    run, busy = cb.init(dir=root, strict=True), threading.Event()
    run._later.add(lambda: busy.wait(20) and None, size=1)
    options: dict[str, Any] = {"sample_rate": 8000} if kind == "Audio" else {"format": "gif"} if kind == "Video" else {}
    run.log({"a": getattr(cb, kind)(array, **options)})
    del array
    gc.collect()
    waits = run._later.items
    freed = gone() is None
    busy.set()
    run.finish()
    assert (waits, freed) == (2, True)
    LOGGED.Logged(root).point("a")


def test_captions_may_be_changed_right_after_the_call(root: Path) -> None:
    run = cb.init(dir=root, strict=True)
    captions = ["x", "y"]
    run.log({"batch": cb.Images(np.zeros((2, 4, 4)), captions), "list": cb.Images([RED, RED], captions)})
    captions[:] = ["changed", "changed"]
    run.finish()
    logged = LOGGED.Logged(root)
    for tag in ("batch", "list"):
        assert [picture.caption for picture in logged.point(tag).images] == ["x", "y"]


def test_equal_images_are_stored_once(root: Path) -> None:
    value = RNG.integers(0, 255, (64, 64, 3), np.uint8)
    with cb.init(dir=root, strict=True) as run:
        for step in range(5):
            run.log({"a": cb.Image(value), "b": cb.Images([value, value])}, step=step)
    assert len(list((Path(run.dir) / "media").iterdir())) == 1
    assert len(LOGGED.Logged(root).points("a")) == 5


def test_a_small_image_lies_in_the_record_and_a_large_one_beside_it(root: Path) -> None:
    logged = LOGGED.log(root, {"small": cb.Image(RED), "large": cb.Image(RNG.integers(0, 255, (64, 64, 3), np.uint8))})
    assert isinstance(logged.point("small").images[0].blob, Inline)
    assert isinstance(logged.point("large").images[0].blob, InFile)


# ------------------------------------------------------------------------------------------------------ many images


def test_a_batch_is_one_point_with_many_images(root: Path) -> None:
    batch = RNG.integers(0, 255, (4, 3, 5, 6), np.uint8)
    logged = LOGGED.log(root, {"a": cb.Images(batch, captions=["w", "x", "y", "z"])})
    images = logged.point("a").images
    assert [picture.caption for picture in images] == ["w", "x", "y", "z"]
    for picture, want in zip(images, batch, strict=True):
        assert np.array_equal(logged.pixels(picture), want.transpose(1, 2, 0))


@pytest.mark.parametrize(("shape", "layout"), [((3, 5, 6), None), ((3, 5, 6, 3), None), ((5, 6, 2), "HWN"), ((3, 5, 6, 2), "CHWN")])
def test_batches_of_every_order(root: Path, shape: tuple[int, ...], layout: str | None) -> None:
    batch = RNG.integers(0, 255, shape, np.uint8)
    logged = LOGGED.log(root, {"a": cb.Images(batch, layout=layout)})
    order = layout or ("NHW" if len(shape) == 3 else "NHWC")
    want = batch.transpose([order.index(axis) for axis in "NHWC" if axis in order])
    got = [logged.pixels(picture) for picture in logged.point("a").images]
    assert np.array_equal(np.stack(got), want)


def test_a_list_may_mix_everything(root: Path, tmp_path: Path) -> None:
    (tmp_path / "a.gif").write_bytes(encoded(RED, "GIF"))
    mixed = [RED, Pillow.fromarray(RED), encoded(RED, "PNG"), tmp_path / "a.gif", cb.Image(RED[..., 0], caption="own"), RED.tolist()]
    logged = LOGGED.log(root, {"a": cb.Images(mixed, captions="all alike")})
    images = logged.point("a").images
    assert [picture.caption for picture in images] == ["all alike"] * 4 + ["own", "all alike"]
    assert all(np.array_equal(logged.pixels(images[place]), RED) for place in (0, 1, 2, 5))


def test_one_bad_image_of_a_list_is_said_and_the_others_are_kept(root: Path) -> None:
    with pytest.warns(CrossboardWarning, match=r"image 1 of 3: want an image.*got NoneType; left out"):
        logged = LOGGED.log(root, {"a": cb.Images([RED, None, RED])}, strict=False)
    assert len(logged.point("a").images) == 2


def test_captions_of_another_number_are_said(root: Path) -> None:
    with pytest.warns(CrossboardWarning, match=r"captions: want one for each of 2 images, got list of length 1"):
        logged = LOGGED.log(root, {"a": cb.Images([RED, RED], captions=["one"])})
    assert [picture.caption for picture in logged.point("a").images] == ["one", ""]


def test_lists_of_pil_images_and_of_images_need_no_wrapping(root: Path) -> None:
    image = Pillow.fromarray(RED)
    logged = LOGGED.log(root, {"one": image, "many": [image, image], "tuple": (cb.Image(RED), image), "n": 1.0})
    assert [len(logged.point(tag).images) for tag in ("one", "many", "tuple")] == [1, 2, 2]
    assert logged.numbers("n") == [1.0]


def test_log_image_and_log_images_are_the_same_in_plain_words(root: Path) -> None:
    with cb.init(dir=root, strict=True) as run:
        run.log_image("a", RED, 3, caption="c")
        run.log_images("b", [RED, RED], 4, captions=["x", "y"])
    logged = LOGGED.Logged(root)
    assert (logged.point("a").step, logged.point("a").images[0].caption) == (3, "c")
    assert (logged.point("b").step, len(logged.point("b").images)) == (4, 2)


# ---------------------------------------------------------------------------------------------------- boxes and masks

BIG = np.zeros((20, 30, 3), np.uint8)
WANT = [Box(left=1, top=2, width=10, height=5, label="cat", score=0.5), Box(left=0, top=0, width=3, height=3, label="dog", score=0.25)]


CAT: dict[str, Any] = {"left": 1, "top": 2, "width": 10, "height": 5, "label": 0, "score": 0.5}
DOG: dict[str, Any] = {"box": [0, 0, 3, 3], "label": 1, "score": np.float32(0.25)}


@pytest.mark.parametrize(
    ("boxes", "form"),
    [
        ({"boxes": [[1, 2, 11, 7], [0, 0, 3, 3]], "labels": [0, 1], "scores": [0.5, 0.25]}, "xyxy"),
        ({"boxes": np.array([[1, 2, 10, 5], [0, 0, 3, 3.0]]), "labels": ["cat", "dog"], "scores": np.array([0.5, 0.25])}, "xywh"),
        ({"boxes": np.array([[6, 4.5, 10, 5], [1.5, 1.5, 3, 3]]), "labels": np.array([0, 1]), "scores": [0.5, 0.25]}, "cxcywh"),
        ([{"box": (1, 2, 11, 7), "label": "cat", "score": 0.5}, DOG], "xyxy"),
        ([CAT, DOG], "xyxy"),
    ],
)
def test_boxes_of_every_form(root: Path, boxes: Any, form: str) -> None:
    logged = LOGGED.log(root, {"a": cb.Image(BIG, boxes=boxes, box_format=form, labels=["cat", "dog"])})
    assert logged.point("a").images[0].boxes == WANT


def test_a_plain_array_of_boxes_and_groups_of_them(root: Path) -> None:
    plain = np.array([[1, 2, 11, 7]])
    grouped = {"truth": plain, "predicted": {"boxes": plain, "scores": [0.5]}}
    named = {"boxes": plain, "labels": np.array(["cat"])}
    values = {"a": plain, "b": grouped, "named": named, "none": [], "empty": np.zeros((0, 4)), "nothing": np.zeros(0)}
    logged = LOGGED.log(root, {tag: cb.Image(BIG, boxes=boxes) for tag, boxes in values.items()})
    one = Box(left=1, top=2, width=10, height=5)
    assert logged.point("a").images[0].boxes == [one]
    assert [(box.group, box.score) for box in logged.point("b").images[0].boxes] == [("truth", None), ("predicted", 0.5)]
    assert [box.label for box in logged.point("named").images[0].boxes] == ["cat"]
    assert all(logged.point(tag).images[0].boxes == [] for tag in ("none", "empty", "nothing"))


@pytest.mark.parametrize(
    ("boxes", "options", "said"),
    [
        (np.zeros((3, 5)), {}, r"want boxes as an \(n, 4\) array, got shape \(3, 5\).*boxes are left out"),
        ("boxes", {}, "got str of length 5; the boxes are left out"),
        ({"boxes": np.zeros((2, 4)), "labels": [1]}, {}, "want a label for each of 2 boxes"),
        ({"boxes": np.zeros((2, 4)), "scores": [1]}, {}, "want a score for each of 2 boxes"),
        ([{"corner": 3}], {}, "want 'box' with 4 numbers, or left, top, width, height, got {'corner': 3}"),
        ([{"box": (1, 2)}], {}, "want 4 numbers for a box, got 2"),
        (np.zeros((1, 4)), {"box_format": "corners"}, "box_format: want one of xyxy, xywh, cxcywh, got 'corners'"),
        (np.array([[0, 0, np.nan, 1]]), {}, "1 of 1 boxes are not finite or of negative size; left out"),
        (np.array([[5, 5, 1, 1]]), {}, "1 of 1 boxes are not finite or of negative size; left out"),
        ({"a": {"b": 3}}, {}, r"boxes 'a': want 'boxes', 'labels', 'scores', got \['b'\]"),
        (np.zeros((1, 4)), {"labels": 7}, "labels: want class number -> name, or a list of names, got int"),
    ],
)
def test_boxes_that_cannot_be_read_are_said_and_the_image_is_kept(root: Path, boxes: Any, options: dict[str, Any], said: str) -> None:
    with pytest.warns(CrossboardWarning, match=said):
        logged = LOGGED.log(root, {"a": cb.Image(BIG, boxes=boxes, **options)})
    [picture] = logged.point("a").images
    assert np.array_equal(logged.pixels(picture), BIG)


CLASSES = (np.arange(600).reshape(20, 30) % 5).astype(np.int64)


@pytest.mark.parametrize(
    ("masks", "names", "want"),
    [
        (CLASSES, [""], [CLASSES]),
        (CLASSES.astype(np.uint8), [""], [CLASSES]),
        (CLASSES > 2, [""], [(CLASSES > 2).astype(int)]),
        (CLASSES * 300, [""], [CLASSES * 300]),
        (CLASSES[np.newaxis], [""], [CLASSES]),
        (CLASSES[..., np.newaxis], [""], [CLASSES]),
        (np.stack([CLASSES, CLASSES + 1]), ["0", "1"], [CLASSES, CLASSES + 1]),
        ({"truth": CLASSES, "predicted": {"mask": CLASSES + 1}}, ["truth", "predicted"], [CLASSES, CLASSES + 1]),
        ({"mask": CLASSES}, [""], [CLASSES]),
    ],
)
def test_masks_of_every_form(root: Path, masks: Any, names: list[str], want: list[Any]) -> None:
    logged = LOGGED.log(root, {"a": cb.Image(BIG, masks=masks, labels={1: "road"})})
    found = logged.point("a").images[0].masks
    assert [mask.name for mask in found] == names
    assert all(mask.labels == {1: "road"} for mask in found)
    for mask, array in zip(found, want, strict=True):
        assert np.array_equal(logged.pixels(mask), array)


def test_a_mask_may_have_labels_of_its_own(root: Path) -> None:
    logged = LOGGED.log(root, {"a": cb.Image(BIG, masks={"m": {"mask": CLASSES, "labels": ["sky", "road"]}})})
    assert logged.point("a").images[0].masks[0].labels == {0: "sky", 1: "road"}


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        (CLASSES[:5], r"want the image's size 20 x 30 \(height x width\), got shape \(5, 30\); it is left out"),
        (CLASSES - 1, r"want class numbers in 0\.\.65535, got -1\.\.3"),
        (CLASSES * 0.5, "want a mask as an array of whole numbers or bools, got float64; for scores of classes log their argmax"),
        (CLASSES[0], r"got shape \(30,\)"),
        ({"a": CLASSES, "b": None}, "mask 'b': want a mask as an array of whole numbers, got NoneType"),
    ],
)
def test_masks_that_cannot_be_read_are_said_and_the_image_is_kept(root: Path, masks: Any, said: str) -> None:
    with pytest.warns(CrossboardWarning, match=said):
        logged = LOGGED.log(root, {"a": cb.Image(BIG, masks=masks)})
    [picture] = logged.point("a").images
    assert len(picture.masks) == (1 if isinstance(masks, dict) else 0)


def test_encoded_files_take_boxes_and_masks_too(root: Path) -> None:
    logged = LOGGED.log(root, {"a": cb.Image(encoded(BIG, "JPEG"), boxes=[[1, 2, 11, 7]], masks=CLASSES)})
    [picture] = logged.point("a").images
    assert (len(picture.boxes), len(picture.masks)) == (1, 1)


def test_images_take_boxes_and_masks_for_each(root: Path) -> None:
    batch = np.zeros((2, 20, 30, 3), np.uint8)
    logged = LOGGED.log(root, {"a": cb.Images(batch, boxes=[[[1, 2, 11, 7]], None], masks=np.stack([CLASSES, CLASSES]))})
    first, second = logged.point("a").images
    assert (len(first.boxes), len(second.boxes), len(first.masks), len(second.masks)) == (1, 0, 1, 1)


# -------------------------------------------------------------------------------------------------------- frameworks


@pytest.mark.torch
def test_torch_tensors_of_every_sort(root: Path) -> None:
    import torch

    image = torch.rand(3, 5, 6)
    want = (image.permute(1, 2, 0).numpy() * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    alike = {
        "plain": image,
        "gradient": image.clone().requires_grad_(),
        "parameter": torch.nn.Parameter(image),
        "channels_last": image[None].contiguous(memory_format=torch.channels_last),
        "not contiguous": image.permute(1, 2, 0).contiguous().permute(2, 0, 1),
        "flipped": image.flip(2).flip(2),
    }
    logged = LOGGED.log(root, {**{tag: cb.Image(value) for tag, value in alike.items()}, "list": cb.Images([image, image])})
    for tag in alike:
        assert np.array_equal(logged.pixels(logged.point(tag).images[0]), want), tag
    assert np.array_equal(logged.pixels(logged.point("list").images[1]), want)


@pytest.mark.torch
def test_torch_tensors_without_a_numpy_dtype(root: Path) -> None:
    import torch

    value = torch.tensor([[0.0, 0.5, 1.0]])
    names = [name for name in ("bfloat16", "float16", "float8_e4m3fn", "float8_e5m2") if hasattr(torch, name)]
    logged = LOGGED.log(root, {name: cb.Image(value.to(getattr(torch, name))) for name in names})
    for name in names:
        assert logged.pixels(logged.point(name).images[0]).tolist() == [[0, 128, 255]], name


@pytest.mark.torch
def test_a_torch_image_that_is_three_wide_is_read_channels_first(root: Path) -> None:
    import torch

    value = torch.arange(27, dtype=torch.uint8).reshape(3, 3, 3)
    logged = LOGGED.log(root, {"torch": cb.Image(value), "numpy": cb.Image(value.numpy()), "list": cb.Images([value])})
    assert np.array_equal(logged.pixels(logged.point("torch").images[0]), value.numpy().transpose(1, 2, 0))
    assert np.array_equal(logged.pixels(logged.point("list").images[0]), value.numpy().transpose(1, 2, 0))
    assert np.array_equal(logged.pixels(logged.point("numpy").images[0]), value.numpy())


@pytest.mark.torch
def test_a_torch_image_changed_in_place_after_the_call_is_as_it_was(root: Path) -> None:
    import torch

    run = cb.init(dir=root, strict=True)
    value = torch.from_numpy(RED.copy())
    run.log({"a": cb.Image(value)})
    value.zero_()
    run.finish()
    logged = LOGGED.Logged(root)
    assert np.array_equal(logged.pixels(logged.point("a").images[0]), RED.transpose(0, 1, 2))


@pytest.mark.torch
def test_what_a_torchvision_detector_answers_is_taken_as_it_is(root: Path) -> None:
    import torch

    answer = {"boxes": torch.tensor([[1.0, 2, 11, 7]], requires_grad=True), "labels": torch.tensor([1]), "scores": torch.tensor([0.5])}
    logged = LOGGED.log(root, {"a": cb.Image(torch.zeros(3, 20, 30), boxes=answer, labels={1: "cat"}, masks=torch.zeros(20, 30).long())})
    [picture] = logged.point("a").images
    assert picture.boxes == [Box(left=1, top=2, width=10, height=5, label="cat", score=0.5)]
    assert len(picture.masks) == 1


@pytest.mark.tensorflow
def test_tensorflow_tensors_and_variables(root: Path) -> None:
    code = (
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
        "import tensorflow as tf, keras, numpy as np, crossboard as cb\n"
        f"run = cb.init(dir={str(root)!r}, strict=True)\n"
        "value = tf.reshape(tf.range(27, dtype=tf.float32) / 26, (3, 3, 3))\n"
        "variable, own = tf.Variable(value), keras.Variable(value)\n"
        "run.log({'tensor': cb.Image(value), 'variable': cb.Image(variable), 'keras': cb.Image(own), "
        "'bfloat16': cb.Image(tf.cast(value, tf.bfloat16)), 'batch': cb.Images(tf.stack([value, value]))})\n"
        "variable.assign(value * 0); own.assign(value * 0)\n"
        "@tf.function\n"
        "def traced(x):\n"
        "    try: run.log({'symbolic': cb.Image(x)})\n"
        "    except TypeError as error: print('SAID', error)\n"
        "    return x\n"
        "traced(value)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env={**os.environ})
    assert done.returncode == 0, done.stderr[-2000:]
    assert "SAID log: 'symbolic': Image: want an image" in done.stdout
    logged = LOGGED.Logged(root)
    want = np.floor(np.arange(27, dtype=np.float32) / 26 * 255 + 0.5).astype(np.uint8).reshape(3, 3, 3)
    for tag in ("tensor", "variable", "keras", "batch"):
        assert np.array_equal(logged.pixels(logged.point(tag).images[0]), want), tag
    assert np.abs(logged.pixels(logged.point("bfloat16").images[0]).astype(int) - want).max() <= 1


def test_jax_arrays_even_when_they_are_donated(root: Path) -> None:
    jax: Any = pytest.importorskip("jax", reason="jax is not installed")
    value = jax.numpy.asarray(RED)
    run = cb.init(dir=root, strict=True)
    run.log({"a": cb.Image(value)})
    value.delete()
    with pytest.raises(TypeError, match="which has no value yet: log it outside of jit"):
        jax.jit(lambda x: run.log({"b": cb.Image(x)}))(jax.numpy.zeros((2, 2)))
    run.finish()
    logged = LOGGED.Logged(root)
    assert np.array_equal(logged.pixels(logged.point("a").images[0]), RED)
