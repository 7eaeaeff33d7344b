"""Images: what people hold in their hands when they want to look at a sample -> `ImagePoint`.

One image is taken and encoded by `stills`; axis order and ranges: `pixels`; files: `files`; boxes and masks: `marks`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from ...store.records import ImagePoint, Picture
from ..numbers import describe
from .arrays import snapshot, torch_order
from .pixels import check_dtype, check_size, order_of, sayer, shades, standing
from .stills import Marks, Still, Style, finished, given_image, keep, still_of, take_marks
from .value import BadValue, Media, Taken, Target

MOST_IMAGES: Final = 1000
MOST_BYTES: Final = 1 << 30
_WANTED_BATCH: Final = "images: a batch (N, C, H, W), (N, H, W, C) or (N, H, W), or a list of images"


class Image(Media):
    """One image.

    Args:
        value: one of
            an array or tensor (NumPy, torch, TensorFlow, JAX, nested lists) of shape (H, W), (H, W, C) or (C, H, W), C = 1 grey,
            2 grey and alpha, 3 RGB, 4 RGB and straight alpha; a leading axis of length 1 (a batch of one) is dropped;
            a PIL image; a matplotlib figure, Axes or pyplot (drawn at once, in the calling thread);
            the path of an image file, its bytes, or a BytesIO. PNG, JPEG, WebP and GIF are known by their first bytes and kept
            byte for byte, animations too; what else Pillow can read becomes a PNG. A file of up to 64 MiB is read in the call,
            a larger one (to 1 GiB) a little later: leave it until the run is finished.
        caption: shown below the image.
        boxes: an (n, 4) array in pixels from the upper left corner; or {"boxes": (n, 4), "labels": n, "scores": n} as
            torchvision's detectors answer (labels are class numbers or names); or a list with one mapping for each box: "box"
            with four numbers, or left, top, width, height; with label, score, group as you like; or group name -> any of these,
            such as {"truth": ..., "predicted": ...}.
        box_format: what four numbers mean: "xyxy" (left, top, right, bottom), "xywh" (left, top, width, height), "cxcywh" (centre).
        masks: a class map (H, W) of whole numbers in 0..65535 or bools, or (n, H, W) for n of them; or name -> such an array,
            or name -> {"mask": array, "labels": names}.
        labels: names of the classes, for boxes and masks: number -> name, or a list.
        layout: the axes in order, "CHW", "HWC", "HW" or any other; None: of three axes the one of length 1, 3 or 4 is C; where
            both ends are that long, torch tensors are CHW and all others HWC.
        rescale: spread the lowest to the highest finite value over black to white.
        format: "png", "jpeg" or "webp", for what is not an encoded file already. JPEG has no alpha: it is laid over white.
        quality: of JPEG and WebP, 1 to 100 (default 90); WebP with 100 is lossless.

    Ranges: uint8 0..255; uint16 0..65535 (kept as 16 bits in a PNG); bool black and white; other integers 0..255; floats 0..1,
    where a value outside is clipped and said with the range, and NaN is drawn black and said. At most 100 megapixels.

    Raises (as a warning at your line, or TypeError under ``strict=True``):
        BadValue: none of these, a missing file, a shape, layout or size that will not do. Integers out of range and
            damaged files are found in the background: a warning at your line also under ``strict=True``.

    Boxes and masks that cannot be read are said and left out; the image is kept.
    """

    __slots__ = ("_box_format", "_boxes", "_caption", "_labels", "_masks", "_style", "_value")

    def __init__(
        self,
        value: Any,
        *,
        caption: str = "",
        boxes: Any = None,
        box_format: str = "xyxy",
        masks: Any = None,
        labels: Mapping[int, str] | Sequence[str] | None = None,
        layout: str | None = None,
        rescale: bool = False,
        format: str = "png",  # noqa: A002  the word that everybody uses for it
        quality: int = 90,
    ) -> None:
        self._value, self._caption, self._boxes, self._box_format = value, caption, boxes, box_format
        self._masks, self._labels = masks, labels
        self._style = Style(layout, rescale, format, quality)

    def take(self) -> Taken:
        still = self._still()
        return Taken(still.size, lambda target: _point([still.picture(target)], target))

    def _still(self) -> Still:
        marks = take_marks(self._boxes, self._masks, self._labels, self._box_format)
        return still_of(self._value, self._style, str(self._caption or ""), marks)


class Images(Media):
    """Several images of one step, side by side.

    Args:
        value: a batch (N, C, H, W), (N, H, W, C) or (N, H, W: grey), or a list or tuple of whatever `Image` takes, `Image`s
            with their own captions, boxes and masks among them. At most 1,000 images; a batch of 100 megapixels, a
            list of 1 GiB.
        captions: one for each image, or one for all.
        boxes, masks: one of what `Image` takes for each image; masks also as an array (N, H, W).

    Everything else, and what is said about wrong values, is as in `Image`; `layout` may name the batch axis N too. In a list,
    an image that will not do is left out with a warning, and the others are kept.
    """

    __slots__ = ("_box_format", "_boxes", "_captions", "_labels", "_masks", "_style", "_value")

    def __init__(
        self,
        value: Any,
        captions: Sequence[str] | str | None = None,
        *,
        boxes: Sequence[Any] | None = None,
        box_format: str = "xyxy",
        masks: Any = None,
        labels: Mapping[int, str] | Sequence[str] | None = None,
        layout: str | None = None,
        rescale: bool = False,
        format: str = "png",  # noqa: A002  as in Image
        quality: int = 90,
    ) -> None:
        self._value, self._captions, self._boxes, self._box_format = value, captions, boxes, box_format
        self._masks, self._labels = masks, labels
        self._style = Style(layout, rescale, format, quality)

    def take(self) -> Taken:
        self._style.check()
        value = self._value
        if isinstance(value, (list, tuple)) and not _is_plain_batch(value):
            return self._take_list(list(value))
        if given_image(value) or isinstance(value, (str, bytes, os.PathLike, Media)):
            return self._take_list([value])
        return self._take_batch(value)

    def _take_list(self, items: list[Any]) -> Taken:
        if not items:
            raise BadValue(f"want {_WANTED_BATCH}, got none")
        _not_too_many(len(items))
        problems = self._mismatches(len(items))
        stills: list[Still] = []
        for number, item in enumerate(items):
            if sum(still.size for still in stills) > MOST_BYTES:
                raise BadValue(f"want at most {MOST_BYTES >> 20} MiB in one point, got more in the first {number} of {len(items)} images")
            try:
                if isinstance(item, Image):
                    stills.append(item._still())
                else:
                    stills.append(still_of(item, self._style, self._caption(number), self._marks(number)))
            except BadValue as error:
                if len(items) == 1:
                    raise
                problems.append(f"image {number} of {len(items)}: {error}; left out")
        if not stills:
            raise BadValue(f"none of {len(items)} images will do; {problems[-1]}")

        def encode(target: Target) -> ImagePoint:
            say = sayer(target)
            for text in problems:
                say(text, text)
            pictures, wrong = [], []
            for still in stills:
                try:
                    pictures.append(still.picture(target))
                except BadValue as error:
                    wrong.append(str(error))
            if not pictures:
                raise BadValue(wrong[0] if len(stills) == 1 else f"none of {len(stills)} images will do; the first: {wrong[0]}")
            for text in wrong:
                say(f"one of {len(stills)} images: {text}; left out", text)
            return _point(pictures, target)

        return Taken(sum(still.size for still in stills), encode)

    def _take_batch(self, value: Any) -> Taken:
        style, order = self._style, ""

        def check(shape: tuple[int, ...], dtype: str) -> None:
            nonlocal order
            check_dtype(dtype)
            check_size(shape)
            order = order_of(shape, style.layout, axes="NHWC", torch=torch_order(value))
            if "N" not in order:
                raise BadValue(f"want {_WANTED_BATCH}, got one of shape {shape} as {order}; log it as Image")
            _not_too_many(shape[order.index("N")])

        taken = snapshot(value, wanted=_WANTED_BATCH, check=check)
        count = taken.shape[order.index("N")]
        problems = self._mismatches(count)
        marks = [self._marks(number) for number in range(count)]
        captions = [self._caption(number) for number in range(count)]

        def encode(target: Target) -> ImagePoint:
            say = sayer(target)
            for text in problems:
                say(text, text)
            batch = shades(standing(taken, order, "NHWC"), rescale=style.rescale, deep=style.deep, say=say)
            return _point(
                [
                    finished(*keep(pixels, style, target, say), caption, marked, target, say)
                    for pixels, caption, marked in zip(batch, captions, marks, strict=True)
                ],
                target,
            )

        return Taken(taken.size + sum(one.size for one in marks), encode)

    def _mismatches(self, count: int) -> list[str]:
        """Lists that have another length than there are images: what is there is used."""
        named = (("captions", self._captions), ("boxes", self._boxes), ("masks", self._masks))
        return [
            f"{name}: want one for each of {count} images, got {describe(given)}"
            for name, given in named
            if given is not None and not isinstance(given, str) and _length(given) != count
        ]

    def _caption(self, number: int) -> str:
        given = self._captions
        if given is None or isinstance(given, str):
            return given or ""
        return str(given[number]) if number < _length(given) else ""

    def _marks(self, number: int) -> Marks:
        boxes, masks = (
            given[number] if given is not None and not isinstance(given, Mapping) and number < _length(given) else None
            for given in (self._boxes, self._masks)
        )
        return take_marks(boxes, masks, self._labels, self._box_format)


def _point(pictures: list[Picture], target: Target) -> ImagePoint:
    return ImagePoint(tag=target.tag, step=target.step, wall_time=target.wall_time, images=pictures)


def _not_too_many(count: int) -> None:
    if count > MOST_IMAGES:
        raise BadValue(f"want at most {MOST_IMAGES} images in one point, got {count}; log fewer, or a grid of them")


def _length(value: Any) -> int:
    try:
        return len(value)
    except TypeError:
        return 0


def _is_plain_batch(value: Any) -> bool:
    """Whether nested lists of three axes or more hold numbers, so that they are one array."""
    depth = 0
    while isinstance(value, (list, tuple)) and value:
        value, depth = value[0], depth + 1
    return depth >= 3 and isinstance(value, (int, float, np.number))
