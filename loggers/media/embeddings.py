"""Vectors with what is known of each: for projections, neighbours and clusters."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...store.records import EmbeddingPoint, InFile, Inline, Picture
from ..numbers import describe
from .arrays import Snapshot, snapshot, torch_order
from .pixels import Say, check_dtype, check_size, order_of, sayer, shades, standing
from .png import encode_png
from .rules import plural, real_array
from .stills import is_pillow
from .tables import Frozen, frozen_table
from .value import BadValue, Media, Taken, Target

WIDEST_SPRITE: Final = 8192
"""Pixels along each side of a sprite at most, as in TensorBoard's projector; images are drawn smaller where it takes that."""


class Embedding(Media):
    """n vectors of d dimensions.

    Args:
        vectors: shape (n, d), n and d >= 1, real numbers. Kept as float32. NaN and infinities are kept, with a warning.
        metadata: what is known of each vector, n rows: a list (its column is called "label"), or whatever `Table` takes: a dict
            of columns, a list of dicts, a list of rows, a DataFrame. No media in its cells.
        columns: names for the columns of `metadata`, as in `Table`.
        images: n images of one size, drawn instead of the points: an array of shape (n, H, W), (n, H, W, C) or (n, C, H, W), or
            a list of such images, also of Pillow's. Axis order, ranges and dtypes are as in `Image`; 100 megapixels together.

    The images are put side by side into one PNG, row by row, ceil(sqrt(n)) in a row, as TensorBoard's projector has it. Where that
    would be wider or higher than 8,192 pixels they are made smaller.
    """

    __slots__ = ("_columns", "_images", "_metadata", "_vectors")

    def __init__(self, vectors: Any, metadata: Any = None, images: Any = None, columns: Any = None) -> None:
        self._vectors, self._metadata, self._images, self._columns = vectors, metadata, images, columns

    def take(self) -> Taken:
        """See `Media.take`."""
        wanted = "vectors of shape (n, d)"
        vectors = real_array(self._vectors, wanted=wanted, fits=lambda shape: len(shape) == 2 and min(shape) > 0)
        count, dimensions = vectors.shape
        metadata = _metadata_of(self._metadata, self._columns, count)
        images = _images_of(self._images, count)

        def encode(target: Target) -> EmbeddingPoint:
            say = sayer(target)
            with np.errstate(over="ignore"):
                array = vectors.land().astype("<f4")
            bad = int((~np.isfinite(array)).any(axis=1).sum())
            if bad:
                say(f"Embedding: {bad:,} of {plural(count, 'vector')} are NaN or infinite as float32; kept so", "not finite")
            sprite, size = (None, []) if images is None else _sprite_of(images, count, say, target)
            return EmbeddingPoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                blob=target.blob(array.tobytes(), extension="bin", media_type="application/octet-stream"),
                rows=count,
                dimensions=dimensions,
                metadata=None if metadata is None else _blob_of(metadata, target),
                sprite=sprite,
                sprite_size=size,
            )

        size = vectors.size + (metadata.size if metadata is not None else 0) + (images.taken.size if images is not None else 0)
        return Taken(size, encode)


def _metadata_of(metadata: Any, columns: Any, count: int) -> Frozen | None:
    if metadata is None:
        return None
    try:
        frozen = frozen_table(metadata, columns, single="label")
    except BadValue as error:
        raise BadValue(f"metadata: {error}") from None
    if frozen.rows != count:
        raise BadValue(f"metadata: want {plural(count, 'row')}, one for each vector, got {frozen.rows:,}")
    if frozen.has_media:
        raise BadValue("metadata: want cells without media; give images= for a picture of each vector")
    return frozen


def _blob_of(metadata: Frozen, target: Target) -> Inline | InFile:
    data, _, _ = metadata.encode(target, "Embedding: metadata")
    return target.blob(data, extension="arrow", media_type="application/vnd.apache.arrow.stream")


# ---------------------------------------------------------------------------------------------------------- sprites


class Images(NamedTuple):
    """n images, and the order of their axes, such as "NHWC"."""

    taken: Snapshot
    order: str


def _images_of(images: Any, count: int) -> Images | None:
    if images is None:
        return None
    if isinstance(images, (list, tuple)):
        images = [_array_of(one) for one in images]
    wanted = f"images: {plural(count, 'image')} of one size, shape ({count}, H, W), ({count}, H, W, C) or ({count}, C, H, W)"
    torch = torch_order(images)
    order = ""

    def check(shape: tuple[int, ...], dtype: str) -> None:
        nonlocal order
        if len(shape) not in (3, 4) or shape[0] != count or 0 in shape:
            raise BadValue(f"want {wanted}, got shape {shape}")
        check_dtype(dtype)
        check_size(shape)
        order = order_of(shape, None, axes="NHWC", torch=torch)

    return Images(snapshot(images, wanted=wanted, check=check), order)


def _array_of(image: Any) -> Any:
    """A Pillow image as an array of its own; anything else as it is."""
    if not is_pillow(image):
        return image
    try:
        return np.array(image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB"))
    except Exception as error:  # noqa: BLE001  a file behind it that cannot be read
        raise BadValue(f"images: {describe(image)} cannot be read ({error})") from None


def _sprite_of(images: Images, count: int, say: Say, target: Target) -> tuple[Picture, list[int]]:
    """All images in one PNG, and the width and height of each in it."""
    array = shades(standing(images.taken, images.order, "NHWC"), rescale=False, deep=False, say=say)
    _, height, width, channels = array.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    ratio = min(1.0, WIDEST_SPRITE / (across * width), WIDEST_SPRITE / (down * height))
    if ratio < 1:
        width, height = max(1, int(width * ratio)), max(1, int(height * ratio))
        if max(across * width, down * height) > WIDEST_SPRITE:
            raise BadValue(f"images: want at most {WIDEST_SPRITE**2:,}, got {count:,}")
        array = _resized(array, width, height)
    sheet = np.zeros((down * height, across * width, channels), np.uint8)
    for number, one in enumerate(array):
        top, left = number // across * height, number % across * width
        sheet[top : top + height, left : left + width] = one
    blob = target.blob(encode_png(sheet), extension="png", media_type="image/png")
    return Picture(blob=blob, width=across * width, height=down * height), [width, height]


def _resized(array: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """(n, height, width, C)."""
    from PIL import Image

    made = []
    for one in array:
        picture = Image.fromarray(np.ascontiguousarray(one[..., 0] if one.shape[-1] == 1 else one))
        small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
        made.append(small.reshape(height, width, one.shape[-1]))
    return np.stack(made)
