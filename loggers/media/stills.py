"""One image as it was taken, and how it becomes an encoded picture. This is the one place that knows every form of an image.

PNG is written by `png`; Pillow is loaded, in the helper thread, only for JPEG, WebP and what only Pillow can read.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np

from ...store.records import Blob, Picture
from .arrays import Array, snapshot, torch_order
from .containers import Unreadable, picture_facts
from .files import GIF, JPEG, PNG, WEBP, File, Format, format_of, given_file
from .marks import Boxes, Masks, names_of, take_boxes, take_masks
from .pixels import MOST_PIXELS, Say, check_dtype, check_size, order_of, sayer, shades, standing
from .png import encode_png
from .value import BadValue, Media, Target

FORMATS: Final = {"png": PNG, "jpeg": JPEG, "jpg": JPEG, "webp": WEBP}
_WANTED: Final = "an image: an array (H, W), (H, W, C) or (C, H, W), a PIL image, a matplotlib figure, or a PNG, JPEG, WebP or GIF file"


@dataclass(frozen=True, slots=True)
class Style:
    """How pixels are read and encoded."""

    layout: str | None
    rescale: bool
    format: str
    quality: int

    def check(self) -> None:
        if not isinstance(self.format, str) or self.format.lower() not in FORMATS:
            raise BadValue(f"format: want one of {', '.join(FORMATS)}, got {self.format!r}")
        if isinstance(self.quality, bool) or not isinstance(self.quality, (int, np.integer)) or not 1 <= self.quality <= 100:
            raise BadValue(f"quality: want a whole number in 1..100, got {self.quality!r}")

    @property
    def kind(self) -> Format:
        return FORMATS[self.format.lower()]

    @property
    def deep(self) -> bool:
        """Whether 16 bits can be kept."""
        return self.kind == PNG


class Marks(NamedTuple):
    """What is marked on an image: bytes held, and what makes the records. problem: said with them."""

    size: int
    boxes: Boxes | None
    masks: Masks | None
    problem: str = ""


class Kept(NamedTuple):
    """Encoded pixels where they lie; width and height in pixels."""

    blob: Blob
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Still:
    """An image that was taken. picture: encodes and keeps it; may raise BadValue."""

    size: int
    picture: Callable[[Target], Picture]


def take_marks(boxes: Any, masks: Any, labels: Any, form: str) -> Marks:
    """Copy boxes and masks of one image; never raises BadValue."""
    if boxes is None and masks is None:
        return Marks(0, None, None)
    problem = ""
    try:
        names = names_of(labels)
    except BadValue as error:
        names, problem = {}, str(error)
    box_size, make_boxes = take_boxes(boxes, form=form, names=names) if boxes is not None else (0, None)
    mask_size, make_masks = take_masks(masks, names=names) if masks is not None else (0, None)
    return Marks(box_size + mask_size, make_boxes, make_masks, problem)


def finished(blob: Blob, width: int, height: int, caption: str, marks: Marks, target: Target, say: Say) -> Picture:
    """The record of an image whose pixels are kept."""
    if marks.problem:
        say(marks.problem, "labels")
    boxes = marks.boxes(say) if marks.boxes is not None else []
    masks = marks.masks(target, width, height, say) if marks.masks is not None else []
    return Picture(blob=blob, width=width, height=height, caption=caption, boxes=boxes, masks=masks)


def still_of(value: Any, style: Style, caption: str, marks: Marks) -> Still:
    """Take whatever `Image` takes. Raises BadValue."""
    style.check()
    size, land = _source(value, style)

    def picture(target: Target) -> Picture:
        say = sayer(target)
        return finished(*land(target, say), caption, marks, target, say)

    return Still(size + marks.size, picture)


def given_image(value: Any) -> bool:
    """Whether `value` is a PIL image or something of matplotlib, judged by the module of its type."""
    return is_pillow(value) or _figure(value) is not None


def _source(value: Any, style: Style) -> tuple[int, Callable[[Target, Say], Kept]]:
    """(bytes held, what encodes it): the one place that knows every form of an image."""
    if isinstance(value, Media):
        raise BadValue(f"want {_WANTED}, got a crossboard.{type(value).__name__}")
    file = given_file(value, wanted=_WANTED)
    if file is None and (figure := _figure(value)) is not None:
        file = _drawn(figure)
    if file is not None:
        return file.size, lambda target, say: _keep_file(file, style, target, say)
    if is_pillow(value):
        copy = _copied(value)
        size = copy.width * copy.height * len(copy.getbands())
        return size, lambda target, say: keep(_pillow_pixels(copy, style, say), style, target, say)
    order = ""

    def check(shape: tuple[int, ...], dtype: str) -> None:
        nonlocal order
        check_dtype(dtype)
        check_size(shape)
        axes = "NHWC" if len(shape) == 4 else "HWC"
        order = order_of(shape, style.layout, axes=axes, torch=torch_order(value))
        if "N" in order and shape[order.index("N")] != 1:
            raise BadValue(f"want one image, got {shape[order.index('N')]} in shape {shape} as {order}; log them as Images")
        pixels = shape[order.index("H")] * shape[order.index("W")]
        _not_too_large(pixels, f"shape {shape}")

    taken = snapshot(value, wanted=_WANTED, check=check)

    def land(target: Target, say: Say) -> Kept:
        array = standing(taken, order, "NHWC")
        array = array[0] if "N" in order else array
        return keep(shades(array, rescale=style.rescale, deep=style.deep, say=say), style, target, say)

    return taken.size, land


def _not_too_large(pixels: int, what: str) -> None:
    if pixels > MOST_PIXELS:
        raise BadValue(f"want at most {MOST_PIXELS // 1_000_000} megapixels, got {pixels / 1e6:.0f} in {what}; log a smaller one")


def keep(pixels: Array, style: Style, target: Target, say: Say) -> Kept:
    """Encode (H, W, C) shades and keep them."""
    height, width, channels = pixels.shape
    kind = style.kind
    if kind == PNG:
        data = encode_png(pixels)
    else:
        if kind == JPEG and channels in (2, 4):
            say("JPEG has no alpha; laid over white (format='png' or 'webp' keeps it)", "alpha")
            shade = pixels[..., -1:].astype(np.uint16)
            pixels = ((pixels[..., :-1] * shade + 255 * (255 - shade) + 127) // 255).astype(np.uint8)
        data = _by_pillow(pixels, kind, int(style.quality))
    return Kept(target.blob(data, extension=kind.extension, media_type=kind.media_type), width, height)


def _by_pillow(pixels: Array, kind: Format, quality: int) -> bytes:
    from PIL import Image as Pillow

    channels = pixels.shape[2]
    if max(pixels.shape) > (65535 if kind == JPEG else 16383):
        raise BadValue(f"want at most {65535 if kind == JPEG else 16383} pixels a side for {kind.name}, got {pixels.shape[:2]}; use PNG")
    image = Pillow.fromarray(np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels))
    buffer = io.BytesIO()
    if kind == JPEG:
        image.save(buffer, "JPEG", quality=quality)
    else:
        image.save(buffer, "WEBP", quality=quality, lossless=quality == 100, exact=True, method=2)
    return buffer.getvalue()


# ------------------------------------------------------------------------------------------- files, PIL, matplotlib


def _keep_file(file: File, style: Style, target: Target, say: Say) -> Kept:
    data = file.read()
    kind = format_of(data[:64])
    if kind not in (PNG, JPEG, WEBP, GIF):
        return keep(_read_by_pillow(data, file.name, kind, style, say), style, target, say)
    try:
        width, height = picture_facts(data, kind)
    except Unreadable as error:
        raise BadValue(f"want {_WANTED}, got {file.name}: {error}") from None
    _not_too_large(width * height, file.name)
    return Kept(target.blob(data, extension=kind.extension, media_type=kind.media_type), width, height)


def _read_by_pillow(data: bytes, name: str, kind: Format | None, style: Style, say: Say) -> Array:
    """BMP, TIFF and whatever else this Pillow can read."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(io.BytesIO(data)) as image:
            _not_too_large(image.width * image.height, name)
            return _pillow_pixels(image, style, say)
    except BadValue:
        raise
    except Exception as error:  # noqa: BLE001  each of Pillow's readers raises in its own way
        got = f"{kind.name} file {name}" if kind is not None else f"{name} ({type(error).__name__})"
        raise BadValue(f"want {_WANTED}, got {got}") from None


def is_pillow(value: Any) -> bool:
    """Whether `value` is a PIL image, by the module of its type."""
    return any(base.__module__ == "PIL.Image" and base.__name__ == "Image" for base in type(value).__mro__)


def _copied(image: Any) -> Any:
    """A copy, read from its file where that was not done yet."""
    _not_too_large(image.width * image.height, f"a PIL image of size {image.size}")
    if image.width * image.height == 0:
        raise BadValue(f"want at least one pixel, got a PIL image of size {image.size}")
    try:
        return image.copy()
    except (OSError, ValueError, SyntaxError) as error:
        raise BadValue(f"want {_WANTED}, got a PIL image that cannot be read ({error})") from None


def _pillow_pixels(image: Any, style: Style, say: Say) -> Array:
    """(H, W, C) shades of a PIL image of any mode."""
    if image.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        array = np.asarray(image)
        array = array.astype(array.dtype.newbyteorder("="), copy=False)[..., np.newaxis]
        if image.mode == "I" and not style.rescale and array.min() >= 0 and 255 < array.max() <= 65535:
            array = array.astype(np.uint16)  # so Pillow opens 16-bit files
        return shades(array, rescale=style.rescale, deep=style.deep, say=say)
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        see_through = "transparency" in image.info or image.mode in ("PA", "La", "RGBa")
        image = image.convert("L" if image.mode == "1" else "RGBA" if see_through else "RGB")
    array = np.asarray(image)
    return shades(array if array.ndim == 3 else array[..., np.newaxis], rescale=style.rescale, deep=style.deep, say=say)


def _figure(value: Any) -> Any:
    """The matplotlib figure that `value` is, belongs to (Axes), or has as its current one (pyplot); else None."""
    if getattr(value, "__name__", "") == "matplotlib.pyplot":
        return value.gcf()
    modules = {base.__module__ for base in type(value).__mro__}
    if "matplotlib.figure" in modules:
        return value
    return value.get_figure() if "matplotlib.axes._base" in modules else None


def _drawn(figure: Any) -> File:
    """Draw a matplotlib figure. In the calling thread: matplotlib must not be used by two at once."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 1})
    data = buffer.getvalue()
    return File("a matplotlib figure", len(data), lambda: data)
