"""Pixels: arrays of any axis order and dtype -> arrays of shades, (height, width, channels).

The rules of axis order and range for images and videos stand here, each in one function; the docstrings of `images.Image` and
`videos.Video` tell them to users.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Array, Snapshot
from .value import BadValue, Target

MOST_PIXELS: Final = 100_000_000
CHANNELS: Final = {1: "grey", 2: "grey and alpha", 3: "RGB", 4: "RGB and alpha"}
_GUESSED: Final = (1, 3, 4)

Say = Callable[[str, str], None]
"""(text, about): gives a warning at the line that logged the value."""


def sayer(target: Target) -> Say:
    """A warning of `target`, once for each of its tags and what it is about."""
    return lambda text, about: target.warn(text, about=f"{about} of {target.tag}")


def order_of(shape: tuple[int, ...], layout: str | None, *, axes: str, torch: bool) -> str:
    """The axes of an array in order, such as "CHW".

    Args:
        layout: as the user said it, or None: found by the rule of `channels_last`.
        axes: all axes it may have, outermost first, ending in "HWC": "HWC" of an image, "NTHWC" of videos. H and W are a
            must, C is one wherever only a third axis is there; what stands before them comes from the left as there are axes.
        torch: where both ends could be channels, torch's own order is taken.

    Raises:
        BadValue: a layout that does not fit the shape, or a shape that fits no rule.
    """
    if layout is not None:
        said = str(layout).upper()
        if set(said) - set(axes) or len(set(said)) != len(said) or not {"H", "W"} <= set(said):
            raise BadValue(f"layout: want letters of {axes!r}, each once, H and W among them, got {layout!r}")
        if len(said) != len(shape):
            raise BadValue(f"layout {layout!r} has {len(said)} axes, the array has shape {shape}")
        order = said
    else:
        outer = axes[:-3]
        if len(shape) == 2:
            order = "HW"
        elif len(shape) == 3 and outer:
            order = outer[-1] + "HW"
        elif 3 <= len(shape) <= len(axes):
            first, last = shape[-3], shape[-1]
            order = outer[len(outer) - (len(shape) - 3) :] + ("HWC" if channels_last(first, last, shape, torch=torch) else "CHW")
        else:
            raise BadValue(f"want 2 to {len(axes)} axes ({axes}), got shape {shape}")
    if 0 in shape:
        raise BadValue(f"want at least one pixel, got shape {shape}")
    channels = shape[order.index("C")] if "C" in order else 1
    if channels not in CHANNELS:
        raise BadValue(f"want 1 to 4 channels (grey, grey and alpha, RGB, RGBA), got {channels} in shape {shape} as {order}")
    return order


def channels_last(first: int, last: int, shape: tuple[int, ...], *, torch: bool) -> bool:
    """Whether the last axis of three holds the channels: it is 1, 3 or 4 long and the first is not. Where both are, torch's
    tensors have them first, all others last. Raises BadValue when neither is."""
    if first in _GUESSED and last in _GUESSED:
        return not torch
    if first not in _GUESSED and last not in _GUESSED:
        raise BadValue(f"want 1, 3 or 4 channels first or last, got shape {shape}; say layout='HWC' or the like if it is another")
    return last in _GUESSED


def check_size(shape: tuple[int, ...]) -> None:
    """Raise BadValue for an array of more than `MOST_PIXELS` pixels, four channels each."""
    size = 1
    for length in shape:
        size *= length
    if size > 4 * MOST_PIXELS:
        raise BadValue(f"want at most {MOST_PIXELS // 1_000_000} megapixels, got shape {shape}; log a smaller one")


def check_dtype(dtype: str) -> None:
    """Raise BadValue for numbers that are no shades."""
    if dtype.startswith("complex"):
        raise BadValue(f"want real numbers, got {dtype}; log its abs()")


def standing(snapshot: Snapshot, order: str, axes: str) -> Array:
    """The array with its axes in the order of `axes`; those that it does not have are left out, but C is always there."""
    array = snapshot.land()
    array = array.transpose([order.index(axis) for axis in axes if axis in order])
    return array if "C" in order else array[..., np.newaxis]


def shades(array: Array, *, rescale: bool, deep: bool, say: Say) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """`array` as shades: uint8 in 0..255, or uint16 in 0..65535 where it was uint16 and `deep` holds.

    bool becomes 0 and 255; uint8 stays; uint16 stays, or is divided by 257 and rounded; other integers must lie in 0..255;
    floats in 0..1 are multiplied by 255 and rounded. A float outside is said and clipped, NaN is said and becomes 0.
    rescale: the lowest finite value becomes 0 and the highest 1 first, whatever the dtype.

    Raises:
        BadValue: integers outside 0..255.
    """
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    kind = array.dtype.kind
    if kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if rescale:
        return _stretched(array, say)
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.uint16:
        if deep:
            return array
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if kind in "iu":
        low, high = int(array.min()), int(array.max())
        if low < 0 or high > 255:
            raise BadValue(f"want integers in 0..255, got {low}..{high} ({array.dtype.name}); convert to uint8, or say rescale=True")
        return array.astype(np.uint8)
    if kind != "f":
        raise BadValue(f"want integers, floats or bools, got {array.dtype.name}")
    return _of_floats(_filled(array, say), say)


def _filled(array: Array, say: Say) -> Array:
    """As float32 or wider, without NaN."""
    array = array.astype(np.float32) if array.dtype.itemsize < 4 else array
    if np.isnan(array.min()):
        wrong = np.isnan(array)
        say(f"{int(wrong.sum()):,} of {array.size:,} values are NaN; drawn as 0", "nan")
        array = np.where(wrong, array.dtype.type(0), array)
    return array


def _of_floats(array: Array, say: Say) -> NDArray[np.uint8]:
    low, high = float(array.min()), float(array.max())
    outside = low < -0.5 / 255 or high > 1 + 0.5 / 255  # less than half a shade is what rounding leaves, and draws the same
    if outside:
        if -1.01 <= low < 0 and high <= 1.01:
            hint = "for -1..1 log (x + 1) / 2, or say rescale=True"
        elif low >= 0 and 2 < high <= 255:
            hint = "for 0..255 divide by 255 or convert to uint8"
        else:
            hint = "say rescale=True to spread them over 0..1"
        say(f"want floats in 0..1, got {low:.4g}..{high:.4g}; clipped; {hint}", "range")
    scaled = np.clip(array, 0, 1).astype(np.float32, copy=False)
    scaled *= np.float32(255)
    scaled += np.float32(0.5)
    return scaled.astype(np.uint8)


def _stretched(array: Array, say: Say) -> NDArray[np.uint8]:
    """The lowest finite value at 0, the highest at 255; infinities at the ends. All alike: 0."""
    filled = _filled(array.astype(np.float64), say)
    finite = filled[np.isfinite(filled)]
    if not finite.size:
        return (filled > 0).astype(np.uint8) * np.uint8(255)
    low, high = float(finite.min()), float(finite.max())
    if low == high:
        return (filled > high).astype(np.uint8) * np.uint8(255)
    span = np.clip((filled - low) / (high - low), 0, 1)
    return (span * 255 + 0.5).astype(np.uint8)
