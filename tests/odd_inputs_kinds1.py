"""Odd inputs for images, sounds, videos and texts, and for values that are logged without being wrapped.

A row: (kind, what is odd, makes (value, options), what is expected, text of the warning, what the row needs). Expected: "kept"
without a word; "said": kept, with a warning that `text` matches; "refused": left out with such a warning, TypeError under strict;
"refused late": found in the background, so that it is a warning under strict, too. Needs: "",
"torch", "tensorflow", "pandas" or "polars".
"""

from __future__ import annotations

import datetime
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Row = tuple[str, str, Callable[[], tuple[Any, dict[str, Any]]], str, str, str]
ROWS: list[Row] = []
HERE = Path(__file__).resolve().parent
Made = Callable[[], Any]


def row(kind: str, odd: str, make: Made, expected: str, text: str = "", needs: str = "", /, **options: Any) -> None:
    ROWS.append((kind, odd, lambda: (make(), options), expected, text, needs))


def torch() -> Any:
    import torch as module

    return module


def tensorflow() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as module

    return module


def pillow() -> Any:
    from PIL import Image

    return Image


def encoded(form: str) -> bytes:
    buffer = io.BytesIO()
    pillow().new("RGB", (9, 7), (1, 2, 3)).save(buffer, form)
    return buffer.getvalue()


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is so large; nothing but its header."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0"


def ml_dtype(name: str) -> Any:
    import ml_dtypes

    return getattr(ml_dtypes, name)


class Refuses:
    """A foreign type whose array cannot be had."""

    shape, dtype = (4, 4), "float32"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("lost device")


def quantised(shape: tuple[int, ...]) -> Any:
    return torch().quantize_per_tensor(torch().rand(*shape), 1 / 255, 0, torch().quint8)


GREY = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)

# ------------------------------------------------------------------------------------------------------------ images
row("Image", "None", lambda: None, "refused", "want an image.*got NoneType")
row("Image", "a number", lambda: 3.0, "refused", r"want 2 to 3 axes \(HWC\), got shape \(\)")
row("Image", "a complex number", lambda: 1j, "refused", "want real numbers, got complex128")
row("Image", "an empty list", list, "refused", r"got shape \(0,\)")
row("Image", "a generator", lambda: (i for i in range(3)), "refused", "want an image.*got generator")
row("Image", "a set", lambda: {1, 2}, "refused", "got set")
row("Image", "a mapping", lambda: {"a": 1}, "refused", "got dict")
row("Image", "an object", object, "refused", "got object")
row("Image", "a function", lambda: len, "refused", "got builtin_function_or_method")
row("Image", "a type", lambda: np.ndarray, "refused", "want an image.*got type")
row("Image", "one axis", lambda: np.zeros(9), "refused", r"want 2 to 3 axes \(HWC\), got shape \(9,\)")
row("Image", "five axes", lambda: np.zeros((1, 1, 3, 4, 4)), "refused", "want 2 to 3 axes")
row("Image", "a batch of many", lambda: np.zeros((4, 3, 8, 8)), "refused", "want one image, got 4 in shape .* log them as Images")
row("Image", "a batch of one", lambda: np.zeros((1, 3, 8, 8)), "kept")
row("Image", "no pixels", lambda: np.zeros((0, 8, 3)), "refused", r"want at least one pixel, got shape \(0, 8, 3\)")
row("Image", "one pixel", lambda: np.zeros((1, 1)), "kept")
row("Image", "one pixel high, 9,000 wide", lambda: np.zeros((1, 9000)), "kept")
row("Image", "five channels", lambda: np.zeros((8, 8, 5)), "refused", "want 1, 3 or 4 channels first or last")
row("Image", "five channels, said", lambda: np.zeros((8, 8, 5)), "refused", "want 1 to 4 channels .*, got 5", layout="HWC")
row("Image", "two channels, said", lambda: np.zeros((8, 8, 2)), "kept", layout="HWC")
row("Image", "a layout of another length", lambda: np.zeros((8, 8)), "refused", "layout 'CHW' has 3 axes", layout="CHW")
row("Image", "a layout of odd letters", lambda: np.zeros((8, 8)), "refused", "layout: want letters of 'HWC'", layout="XY")
row("Image", "a layout that is a number", lambda: np.zeros((8, 8)), "refused", "layout: want letters of 'HWC'.*got 3", layout=3)
row("Image", "an unknown format", lambda: GREY, "refused", "format: want one of png, jpeg, jpg, webp, got 'tiff'", format="tiff")
row("Image", "a quality of 0", lambda: GREY, "refused", r"quality: want a whole number in 1\.\.100, got 0", quality=0)
row("Image", "a quality that is a string", lambda: GREY, "refused", "quality: want a whole number", quality="high")
row("Image", "a caption that is a number", lambda: GREY, "kept", caption=3)
row("Image", "complex numbers", lambda: GREY * 1j, "refused", r"want real numbers, got complex64; log its abs\(\)")
row("Image", "strings", lambda: np.array([["a", "b"]]), "refused", "got numpy.ndarray of shape")
row("Image", "objects", lambda: np.array([[object()]]), "refused", "dtype object")
row("Image", "dates", lambda: np.zeros((3, 3), "M8[s]"), "refused", r"dtype datetime64\[s\]")
row("Image", "a structured array", lambda: np.zeros((3, 3), [("r", "u1")]), "refused", "want an image")
row("Image", "a masked array", lambda: np.ma.masked_less(GREY, 0.5), "refused", r"a masked .*; log its filled")
row("Image", "ragged lists", lambda: [[1, 2], [3]], "refused", "got list of length 2 that is no array")
row("Image", "a list of strings", lambda: ["a", "b"], "refused", "whose items are no numbers")
row("Image", "negative integers", lambda: np.array([[-1, 4]]), "refused late", r"want integers in 0\.\.255, got -1\.\.4 \(int64\)")
row("Image", "integers above 255", lambda: np.array([[0, 256]]), "refused late", r"got 0\.\.256 .*rescale=True")
row("Image", "integers above 255, rescaled", lambda: np.array([[0, 256]]), "kept", rescale=True)
row("Image", "int64 within 0..255", lambda: np.array([[0, 255]]), "kept")
row("Image", "NaN only", lambda: np.full((3, 3), np.nan), "said", "9 of 9 values are NaN; drawn as 0")
row("Image", "NaN only, rescaled", lambda: np.full((3, 3), np.nan), "said", "9 of 9 values are NaN", rescale=True)
row("Image", "infinite only", lambda: np.full((3, 3), np.inf), "said", r"got inf\.\.inf; clipped")
row("Image", "floats to 255", lambda: GREY * 255, "said", "divide by 255 or convert to uint8")
row("Image", "floats from -1 to 1", lambda: GREY * 2 - 1, "said", r"for -1\.\.1 log \(x \+ 1\) / 2")
row("Image", "huge floats", lambda: GREY.astype(np.float64) * 1e300, "said", r"got 0\.\.1e\+300; clipped")
row("Image", "longdouble", lambda: GREY.astype(np.longdouble), "kept")
row("Image", "float16", lambda: GREY.astype(np.float16), "kept")
row("Image", "bfloat16 of ml_dtypes", lambda: GREY.astype(ml_dtype("bfloat16")), "kept", "", "tensorflow")
row("Image", "float8 of ml_dtypes", lambda: GREY.astype(ml_dtype("float8_e4m3fn")), "kept", "", "tensorflow")
row("Image", "int4 of ml_dtypes", lambda: np.ones((3, 3), ml_dtype("int4")), "refused", "dtype int4", "tensorflow")
row("Image", "bool", lambda: GREY > 0.5, "kept")
row("Image", "big-endian floats", lambda: GREY.astype(">f4"), "kept")
row("Image", "not contiguous", lambda: GREY[::2, ::-3], "kept")
row("Image", "one value broadcast", lambda: np.broadcast_to(np.float32(0.5), (9, 9)), "kept")
row("Image", "read-only", lambda: np.frombuffer(bytes(64), np.uint8).reshape(8, 8), "kept")
row("Image", "a matrix", lambda: np.asmatrix(GREY), "kept")  # an ndarray that never has another number of axes
row("Image", "far too large", lambda: np.broadcast_to(np.uint8(0), (20_000, 20_000)), "refused", "want at most 100 megapixels")
row("Image", "an array that refuses", Refuses, "refused", r"RuntimeError: lost device")
row("Image", "a missing file", lambda: "no/such/file.png", "refused", "got 'no/such/file.png', which is no file here")
row("Image", "an address", lambda: "https://example.org/a.png", "refused", "nothing is fetched: download it first")
row("Image", "a directory", lambda: HERE, "refused", "which is no plain file")
row("Image", "an empty path", lambda: "", "refused", "got '', which is no file here")
row("Image", "a path with a NUL", lambda: "a\0b", "refused", "which is no file here")
row("Image", "a path of bytes that is read as a file", lambda: b"cat.png", "refused late", r"got 7 bytes \(UnidentifiedImageError\)")
row("Image", "a text file", lambda: HERE / "conftest.py", "refused late", "conftest.py' .UnidentifiedImageError.")
row("Image", "no bytes", lambda: b"", "refused", "got no bytes")
row("Image", "a sound file", lambda: HERE / "media_files" / "tone.mp3", "refused late", "got MP3 file")
row("Image", "a PNG cut in its header", lambda: encoded("PNG")[:15], "refused late", "a PNG that is cut short or damaged|without a header")
row("Image", "a JPEG cut in its header", lambda: encoded("JPEG")[:30], "refused late", "a JPEG")
row(
    "Image", "a PNG that says 100,000 x 100,000", lambda: png_of(100_000, 100_000), "refused late", "want at most 100 megapixels, got 10000"
)
row("Image", "a PNG of no pixels", lambda: png_of(0, 5), "refused late", "a PNG of 0 x 5 pixels")
row("Image", "a PIL image of no pixels", lambda: pillow().new("L", (0, 5)), "refused", "want at least one pixel")
row("Image", "an image in an image", lambda: __import__("crossboard").Image(GREY), "refused", "got a crossboard.Image")
row("Image", "requires_grad", lambda: torch().rand(3, 4, 5, requires_grad=True), "kept", "", "torch")
row("Image", "torch bfloat16", lambda: torch().rand(3, 4, 5).bfloat16(), "kept", "", "torch")
row("Image", "torch float8", lambda: torch().rand(3, 4, 5).to(torch().float8_e5m2), "kept", "", "torch")
row("Image", "torch uint16", lambda: torch().full((4, 5), 1000, dtype=torch().uint16), "kept", "", "torch")
row(
    "Image",
    "torch on the meta device",
    lambda: torch().rand(3, 4, 5, device="meta"),
    "refused",
    "on the meta device, which has no values",
    "torch",
)
row("Image", "torch sparse", lambda: torch().eye(4).to_sparse(), "refused", r"got a sparse .*; log its to_dense\(\)", "torch")
row("Image", "torch sparse by rows", lambda: torch().eye(4).to_sparse_csr(), "refused", "got a sparse", "torch")
row("Image", "torch complex", lambda: torch().zeros(4, 5, dtype=torch().complex64), "refused", "want real numbers, got complex64", "torch")
row("Image", "torch quantised", lambda: quantised((3, 4, 5)), "kept", "", "torch")
row("Image", "torch channels last", lambda: torch().rand(1, 3, 4, 5).to(memory_format=torch().channels_last), "kept", "", "torch")
row("Image", "torch expanded", lambda: torch().rand(1, 1, 1).expand(3, 4, 5), "kept", "", "torch")
row("Image", "torch of inference mode", lambda: torch().inference_mode()(lambda: torch().rand(3, 4, 5))(), "kept", "", "torch")
row("Image", "a list of torch tensors of two shapes", lambda: [torch().rand(4), torch().rand(5)], "refused", "tensors of 2 shapes", "torch")
row("Image", "a torch nested tensor", lambda: torch().nested.nested_tensor([torch().rand(2)]), "refused", "nested|sparse", "torch")
row("Image", "a TensorFlow tensor", lambda: tensorflow().random.uniform((4, 5, 3)), "kept", "", "tensorflow")
row("Image", "a TensorFlow string", lambda: tensorflow().constant("a"), "refused", "want an image", "tensorflow")
row(
    "Image",
    "a ragged TensorFlow tensor",
    lambda: tensorflow().ragged.constant([[1], [1, 2]]),
    "refused",
    "without a definite shape",
    "tensorflow",
)
row("Image", "a sparse TensorFlow tensor", lambda: tensorflow().sparse.eye(4), "refused", "want an image.*SparseTensor", "tensorflow")
row("Image", "a symbolic Keras tensor", lambda: __import__("keras").Input((4, 4)), "refused", "want an image", "tensorflow")

# ------------------------------------------------------------------------------------------------------- many images
row("Images", "no images", list, "refused", "want images.*got none")
row("Images", "an empty batch", lambda: np.zeros((0, 8, 8, 3)), "refused", "want at least one pixel")
row("Images", "one image", lambda: GREY, "refused", r"got one of shape \(6, 8\) as HW; log it as Image")
row("Images", "None in the list", lambda: [GREY, None], "said", "image 1 of 2: want an image.*got NoneType; left out")
row("Images", "nothing but None", lambda: [None, None], "refused", "none of 2 images will do; image 1 of 2")
row(
    "Images", "one with wrong integers", lambda: [GREY, np.array([[999]])], "said", "one of 2 images: want integers in 0..255, got 999..999"
)
row(
    "Images",
    "nothing but wrong integers",
    lambda: [np.array([[999]])] * 2,
    "refused late",
    "none of 2 images will do; the first: want integers",
)
row("Images", "too many", lambda: [GREY] * 1001, "refused", "want at most 1000 images in one point, got 1001")
row("Images", "a batch of too many", lambda: np.zeros((2000, 4, 4)), "refused", "want at most 1000 images in one point, got 2000")
row("Images", "a mapping", lambda: {"a": GREY}, "refused", "want images.*got dict")
row("Images", "a generator", lambda: (GREY for _ in range(2)), "refused", "want images.*got generator")
row("Images", "six axes", lambda: np.zeros((1,) * 6), "refused", "want 2 to 4 axes")
row("Images", "images of two sizes", lambda: [GREY, GREY[:3]], "kept")
row("Images", "a single PIL image", lambda: pillow().new("L", (4, 5)), "kept")
row("Images", "captions that are too many", lambda: [GREY], "said", "captions: want one for each of 1 images", captions=["a", "b"])
row("Images", "captions that are a number", lambda: [GREY], "said", "captions: want one for each of 1 images, got int", captions=7)

# ------------------------------------------------------------------------------------------------------------ sounds
TONE = np.sin(np.arange(800, dtype=np.float32) / 10)
row("Audio", "None", lambda: None, "refused", "want a sound.*got NoneType", sample_rate=8000)
row("Audio", "no sample rate", lambda: TONE, "refused", "sample_rate: samples need it, in Hz")
row("Audio", "a sample rate of 0", lambda: TONE, "refused", "sample_rate: want 1 to 4294967295 Hz, got 0", sample_rate=0)
row("Audio", "a negative sample rate", lambda: TONE, "refused", "sample_rate: want 1 to", sample_rate=-8000)
row("Audio", "a sample rate of NaN", lambda: TONE, "refused", "sample_rate: want a number in Hz", sample_rate=float("nan"))
row("Audio", "a sample rate that is a string", lambda: TONE, "refused", "sample_rate: want a number in Hz, got str", sample_rate="8k")
row("Audio", "a sample rate of NumPy", lambda: TONE, "kept", sample_rate=np.float64(22050))
row("Audio", "no samples", lambda: TONE[:0], "refused", "want at least one sample", sample_rate=8000)
row("Audio", "one sample", lambda: TONE[:1], "kept", sample_rate=8000)
row("Audio", "NaN only", lambda: TONE * np.nan, "said", "800 of 800 samples are NaN", sample_rate=8000)
row("Audio", "too loud", lambda: TONE * 9, "said", r"want floats in -1\.\.1, got -9\.\.9; clipped", sample_rate=8000)
row(
    "Audio",
    "int64",
    lambda: (TONE * 99).astype(np.int64),
    "refused",
    "want floats in -1..1, int16, int32, int8 or uint8, got int64",
    sample_rate=8000,
)
row("Audio", "bool", lambda: TONE > 0, "refused", "got bool", sample_rate=8000)
row("Audio", "complex", lambda: TONE * 1j, "refused", "got complex64", sample_rate=8000)
row("Audio", "a number", lambda: 0.5, "refused", r"got shape \(\)", sample_rate=8000)
row("Audio", "four axes", lambda: np.zeros((1, 1, 1, 9)), "refused", r"got shape \(1, 1, 1, 9\)", sample_rate=8000)
row("Audio", "a hundred channels", lambda: np.zeros((100, 200)), "refused", "want at most 16 channels", sample_rate=8000)
row("Audio", "an unknown layout", lambda: TONE, "refused", "layout: want letters of 'NTC'", sample_rate=8000, layout="L")
row("Audio", "an image file", lambda: encoded("PNG"), "refused late", "want a sound.*got PNG file", sample_rate=8000)
row("Audio", "bytes of nothing", lambda: b"abcdefgh", "refused late", "want a sound.*got 8 bytes")
row("Audio", "a missing file", lambda: Path("nowhere.wav"), "refused", "got 'nowhere.wav', which is no file here")
row("Audio", "an AAC file", lambda: HERE / "media_files" / "sound_only.m4a", "refused late", "want a sound.*sound_only.m4a")
row("Audio", "a WAV cut in its header", lambda: b"RIFF\0\0\0\0WAVEfmt ", "refused late", "a WAV")
row(
    "Audio",
    "captions of another number",
    lambda: TONE,
    "refused",
    "caption: want one for each of 1 sounds, got 2",
    sample_rate=8000,
    caption=["a", "b"],
)
row(
    "Audio",
    "far too long",
    lambda: np.broadcast_to(np.float32(0), (1 << 29,)),
    "refused",
    "write a file and log its path",
    sample_rate=8000,
)
row("Audio", "a generator", lambda: (i for i in TONE), "refused", "got generator", sample_rate=8000)
row("Audio", "requires_grad", lambda: torch().rand(99, requires_grad=True), "kept", "", "torch", sample_rate=8000)
row("Audio", "torch bfloat16", lambda: torch().rand(2, 99).bfloat16(), "kept", "", "torch", sample_rate=8000)
row("Audio", "torch on the meta device", lambda: torch().rand(99, device="meta"), "refused", "meta device", "torch", sample_rate=8000)

# ------------------------------------------------------------------------------------------------------------ videos
FRAMES = np.zeros((3, 8, 10, 3), np.uint8)
row("Video", "None", lambda: None, "refused", "want a video.*got NoneType")
row("Video", "one image", lambda: GREY, "refused", r"want a video.*got shape \(6, 8\)")
row("Video", "no frames", lambda: FRAMES[:0], "refused", "want at least one pixel", format="gif")
row("Video", "one frame", lambda: FRAMES[:1], "kept", format="gif")
row("Video", "grey frames", lambda: FRAMES[..., 0], "kept", format="gif")
row("Video", "six axes", lambda: np.zeros((1,) * 6), "refused", r"want 2 to 5 axes \(NTHWC\)")
row("Video", "seven channels", lambda: np.zeros((3, 8, 10, 7)), "refused", "want 1, 3 or 4 channels")
row("Video", "floats out of range", lambda: FRAMES + 7.0, "said", r"got 7\.\.7; clipped", format="gif")
row("Video", "negative integers", lambda: FRAMES.astype(int) - 1, "refused late", r"want integers in 0\.\.255, got -1\.\.-1", format="gif")
row("Video", "fps of 0", lambda: FRAMES, "refused", "fps: want above 0 to 1000, got 0", fps=0)
row("Video", "fps of NaN", lambda: FRAMES, "refused", "fps: want above 0 to 1000, got nan", fps=float("nan"))
row("Video", "fps that is None", lambda: FRAMES, "refused", "fps: want frames a second, got NoneType", fps=None)
row("Video", "fps of a million", lambda: FRAMES, "refused", "fps: want above 0 to 1000", fps=1e6)
row("Video", "an unknown format", lambda: FRAMES, "refused", "format: want one of mp4, gif, or None, got 'avi'", format="avi")
row("Video", "a layout without T", lambda: FRAMES[0], "refused", "layout: want T, the frames", layout="HWC")
row("Video", "frames of two sizes", lambda: [FRAMES[0], FRAMES[0, :4]], "refused", "that is no array")
row(
    "Video",
    "PIL images of two sizes",
    lambda: [pillow().new("L", (4, 5)), pillow().new("L", (5, 5))],
    "refused",
    "want frames of one size, got 2",
)
row("Video", "a generator", lambda: (frame for frame in FRAMES), "refused", "got generator")
row("Video", "a sound file", lambda: HERE / "media_files" / "tone.mp3", "refused late", "want a video.*got MP3 file")
row("Video", "a missing file", lambda: "nowhere.mp4", "refused", "which is no file here")
row("Video", "an MP4 without a picture", lambda: b"\0\0\0\x14ftypisom\0\0\0\0isom", "refused late", "an MP4 without a video track")
row("Video", "far too large", lambda: np.broadcast_to(np.uint8(0), (9000, 400, 400, 3)), "refused", "want at most 1024 MiB of frames")
row("Video", "requires_grad", lambda: torch().rand(2, 3, 8, 8, requires_grad=True), "kept", "", "torch", format="gif")
row("Video", "torch sparse", lambda: torch().zeros(2, 3, 4).to_sparse(), "refused", "got a sparse", "torch")

# ------------------------------------------------------------------------------------------------------------- texts
row("Text", "None", lambda: None, "refused", "want a text.*got NoneType")
row("Text", "a number", lambda: 3.5, "refused", "got float")
row("Text", "an array of numbers", lambda: np.zeros(3), "refused", "got numpy.ndarray of shape")
row("Text", "an empty string", str, "kept")
row("Text", "an empty list", list, "refused", "got none")
row("Text", "a list with a number", lambda: ["a", 3], "refused", "got int among them")
row("Text", "a list with None", lambda: ["a", None], "refused", "got NoneType among them")
row("Text", "ragged lists", lambda: [["a"], ["b", "c"]], "kept")
row("Text", "bytes that are no UTF-8", lambda: b"\xff\xfe", "refused", r"bytes that are no UTF-8 \(at byte 0\)")
row("Text", "a NUL", lambda: "a\0b", "kept")
row("Text", "a lone surrogate", lambda: "\ud800", "kept")
row("Text", "a path", lambda: Path("notes.md"), "refused", r"got the path 'notes.md'; log its contents")
row("Text", "an unknown format", lambda: "a", "refused", "format: want one of markdown, plain, html, got 'rst'", format="rst")
row("Text", "two million letters", lambda: "x" * 2_000_000, "said", "a text of 2,000,000 characters is longer than 1 MiB; cut there")
row("Text", "too many texts", lambda: ["x"] * 10_001, "refused", "want at most 10,000 texts")
row("Text", "too much together", lambda: ["x" * (1 << 20)] * 17, "refused", "16 MiB together, got 17 with 17 MiB")
row("Text", "a generator", lambda: (text for text in "ab"), "refused", "got generator")
row("Text", "a mapping", lambda: {"a": "b"}, "refused", "got dict")
row("Text", "a set", lambda: {"a"}, "refused", "got set")

# ---------------------------------------------------------------------------------------------- without being wrapped
row("", "a string", lambda: "0.5", "refused", r"want one number, got str of length 3; left out\. To keep it, log it as crossboard\.Text$")
row("", "an array", lambda: GREY, "refused", r"left out\. To keep it, log it as crossboard\.Tensor, Histogram or Image$")
row("", "a torch tensor", lambda: torch().rand(3), "refused", "log it as crossboard.Tensor, Histogram or Image", "torch")
row("", "an array without elements", lambda: np.zeros(0), "refused", "log it as crossboard.Tensor")
row("", "None", lambda: None, "refused", "want one number, got NoneType; left out$")
row("", "a date", lambda: datetime.datetime(2026, 1, 1), "refused", "want one number, got datetime.datetime; left out$")
row("", "a list of numbers", lambda: [1.0, 2.0], "refused", "want one number, got list of length 2; left out$")
row("", "an empty list", list, "refused", "got list of length 0")
row("", "a PIL image", lambda: pillow().new("RGB", (4, 5)), "kept")
row("", "a list of PIL images", lambda: [pillow().new("L", (4, 5))] * 2, "kept")
row("", "a Plotly figure", lambda: __import__("plotly").graph_objects.Figure(), "kept")
row("", "a pandas frame", lambda: __import__("pandas").DataFrame({"a": [1, 2]}), "kept", "", "pandas")
row("", "a polars frame", lambda: __import__("polars").DataFrame({"a": [1, 2]}), "kept", "", "polars")
row("", "a pandas column", lambda: __import__("pandas").Series([1, 2]), "refused", "log it as crossboard.Tensor", "pandas")
row("", "a list of a PIL image and a number", lambda: [pillow().new("L", (4, 5)), 3], "refused", "want one number, got list")
row("", "a PIL image of no pixels", lambda: pillow().new("L", (0, 5)), "refused", "want at least one pixel")
