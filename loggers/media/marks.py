"""What is marked on an image: boxes and masks, in the forms in which detectors and data sets give them.

Taken in the caller's thread like everything else, put together by the helper. What cannot be read is said and left out; the
image is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from ...store.records import Box, Mask
from ..numbers import Deferred, NotANumber, describe, number_of
from .arrays import Snapshot, snapshot
from .pixels import Say
from .png import encode_png
from .value import BadValue, Target

BOX_FORMATS: Final = ("xyxy", "xywh", "cxcywh")
MOST_BOXES: Final = 10_000
_ONE_BOX: Final = frozenset(("box", "left"))
_WANTED_BOXES: Final = "boxes as an (n, 4) array"
_WANTED_MASK: Final = "a mask as an array of whole numbers"

Boxes = Callable[[Say], list[Box]]
_Some = Callable[[], list[Box]]
Masks = Callable[[Target, int, int, Say], list[Mask]]


def names_of(labels: Any) -> dict[int, str]:
    """Class number -> name, from a mapping or a sequence of names. Raises BadValue."""
    if labels is None:
        return {}
    try:
        pairs = labels.items() if isinstance(labels, Mapping) else enumerate(labels)
        return {int(number): str(name) for number, name in pairs}
    except (TypeError, ValueError):
        raise BadValue(f"labels: want class number -> name, or a list of names, got {describe(labels)}") from None


# ---------------------------------------------------------------------------------------------------------- boxes


def take_boxes(value: Any, *, form: str, names: dict[int, str]) -> tuple[int, Boxes]:
    """Copy `boxes` of an image; return bytes held, and what makes the records in the helper thread."""
    try:
        if form not in BOX_FORMATS:
            raise BadValue(f"box_format: want one of {', '.join(BOX_FORMATS)}, got {form!r}")
        parts = list(_groups(value, "", form, names))
    except BadValue as error:
        text = f"{error}; the boxes are left out"
        return 0, lambda say: say(text, "boxes") or []
    return sum(size for size, _ in parts), lambda say: _together(parts, say)


def _together(parts: list[tuple[int, _Some]], say: Say) -> list[Box]:
    boxes: list[Box] = []
    for _, make in parts:
        try:
            boxes += make()
        except BadValue as error:
            say(f"{error}; these boxes are left out", "boxes")
    whole = [box for box in boxes if _is_whole(box)]
    if len(whole) < len(boxes):
        say(f"{len(boxes) - len(whole)} of {len(boxes)} boxes are not finite or of negative size; left out", "odd boxes")
    if len(whole) > MOST_BOXES:
        say(f"{len(whole):,} boxes; the first {MOST_BOXES:,} are kept", "many boxes")
    return whole[:MOST_BOXES]


def _is_whole(box: Box) -> bool:
    numbers = (box.left, box.top, box.width, box.height)
    return all(map(math.isfinite, numbers)) and box.width >= 0 and box.height >= 0


def _groups(value: Any, group: str, form: str, names: dict[int, str]) -> Iterator[tuple[int, _Some]]:
    if isinstance(value, Mapping):
        if "boxes" in value:
            yield _of_detector(value, group, form, names)
        elif _ONE_BOX & set(value):
            yield _of_mappings([value], group, form, names)
        elif group:
            raise BadValue(f"boxes {group!r}: want 'boxes', 'labels', 'scores', got {sorted(map(str, value))[:8]}")
        else:
            for name, inner in value.items():
                yield from _groups(inner, str(name) or "boxes", form, names)
    elif isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value):
        yield _of_mappings(value, group, form, names)
    else:
        yield _of_detector({"boxes": value}, group, form, names)


def _of_detector(value: Mapping[str, Any], group: str, form: str, names: dict[int, str]) -> tuple[int, _Some]:
    """Columns: boxes (n, 4), labels and scores of length n, as torchvision's detectors answer."""
    places = value["boxes"]
    if isinstance(places, (list, tuple)) and not places:
        return 0, list
    taken = snapshot(places, wanted=_WANTED_BOXES, check=_check_boxes)
    count = taken.shape[0]
    said = value.get("labels")
    said = said.tolist() if isinstance(said, np.ndarray) and said.dtype.kind in "UO" else said
    labels: list[Any] | Snapshot | None = None
    if said is not None:
        texts = isinstance(said, (list, tuple)) and any(isinstance(one, str) for one in said)
        labels = [str(one) for one in said] if texts else snapshot(said, wanted="labels as class numbers or names")
        if (len(labels) if isinstance(labels, list) else math.prod(labels.shape)) != count:
            raise BadValue(f"boxes: want a label for each of {count} boxes, got {describe(said)}")
    scores = snapshot(value["scores"], wanted="scores as numbers") if value.get("scores") is not None else None
    if scores is not None and math.prod(scores.shape) != count:
        raise BadValue(f"boxes: want a score for each of {count} boxes, got {describe(value['scores'])}")

    def make() -> list[Box]:
        lines = taken.land().astype(np.float64).tolist()
        called = labels if isinstance(labels, list) else labels.land().reshape(-1).tolist() if labels is not None else [""] * count
        points = scores.land().reshape(-1).astype(np.float64).tolist() if scores is not None else [None] * count
        return [
            _box(line, form, label=_called(label, names), score=score, group=group)
            for line, label, score in zip(lines, called, points, strict=True)
        ]

    return taken.size, make


def _check_boxes(shape: tuple[int, ...], dtype: str) -> None:
    if shape[:1] != (0,) and (len(shape) != 2 or shape[1] != 4 or dtype.startswith("complex")):
        raise BadValue(f"want {_WANTED_BOXES}, got shape {shape} and dtype {dtype}")


def _of_mappings(value: Sequence[Any], group: str, form: str, names: dict[int, str]) -> tuple[int, _Some]:
    """One mapping for each box: "box", or left, top, width, height; label, score, group. Numbers are read at once."""
    boxes = []
    for one in value:
        if not isinstance(one, Mapping):
            raise BadValue(f"boxes: want a mapping for each box, got {describe(one)} among them")
        try:
            corners = list(one["box"]) if "box" in one else [one[name] for name in ("left", "top", "width", "height")]
            line = [number_of(number) for number in corners]
            score = None if one.get("score") is None else number_of(one["score"])
            group_of = str(one.get("group", group))
            used = form if "box" in one else "xywh"
        except Deferred:
            raise BadValue("boxes: want plain numbers in each mapping, got some on a device; log them as one array") from None
        except (KeyError, TypeError, NotANumber) as error:
            raise BadValue(f"boxes: want 'box' with 4 numbers, or left, top, width, height, got {dict(one)!r:.200} ({error})") from None
        if len(line) != 4:
            raise BadValue(f"boxes: want 4 numbers for a box, got {len(line)}")
        boxes.append(_box(line, used, label=_called(one.get("label", ""), names), score=score, group=group_of))
    return 200 * len(boxes), lambda: boxes


def _called(label: Any, names: dict[int, str]) -> str:
    if isinstance(label, str):
        return label
    try:
        number = int(label)
    except (TypeError, ValueError, OverflowError):
        return str(label)
    return names.get(number, str(number))


def _box(line: list[float], form: str, *, label: str, score: float | None, group: str) -> Box:
    a, b, c, d = line
    if form == "xyxy":
        c, d = c - a, d - b
    elif form == "cxcywh":
        a, b = a - c / 2, b - d / 2
    score = None if score is None or math.isnan(score) else score
    return Box(left=a, top=b, width=c, height=d, label=label, score=score, group=group)


# ---------------------------------------------------------------------------------------------------------- masks


def take_masks(value: Any, *, names: dict[int, str]) -> tuple[int, Masks]:
    """Copy `masks` of an image; return bytes held, and what makes the records in the helper thread."""
    taken: list[tuple[str, Snapshot, dict[int, str]]] = []
    problems: list[str] = []
    named = value.items() if isinstance(value, Mapping) and "mask" not in value else [("", value)]
    for name, one in named:
        try:
            labels = names
            if isinstance(one, Mapping):
                labels = names_of(one["labels"]) if one.get("labels") is not None else names
                one = one.get("mask")
            taken.append((str(name), snapshot(one, wanted=_WANTED_MASK, check=_check_mask), labels))
        except BadValue as error:
            problems.append(f"{f'mask {name!r}: ' if name else 'masks: '}{error}; it is left out")

    def make(target: Target, width: int, height: int, say: Say) -> list[Mask]:
        for text in problems:
            say(text, text)
        masks: list[Mask] = []
        for name, one, labels in taken:
            try:
                masks += _masks(target, name, one.land(), labels, (height, width))
            except BadValue as error:
                say(f"{f'mask {name!r}: ' if name else 'masks: '}{error}; it is left out", f"mask {name}")
        return masks

    return sum(one.size for _, one, _ in taken), make


def _check_mask(shape: tuple[int, ...], dtype: str) -> None:
    if len(shape) not in (2, 3) or 0 in shape:
        raise BadValue(f"want {_WANTED_MASK}, of shape (height, width) or (n, height, width), got shape {shape}")
    if not dtype.startswith(("int", "uint", "bool")):
        raise BadValue(f"want {_WANTED_MASK} or bools, got {dtype}; for scores of classes log their argmax")


def _masks(target: Target, name: str, array: Any, labels: dict[int, str], size: tuple[int, int]) -> Iterator[Mask]:
    if array.ndim == 3 and array.shape[:2] == size and array.shape[2] == 1:
        array = array[..., 0]
    stack = array[np.newaxis] if array.ndim == 2 else array
    if stack.shape[1:] != size:
        raise BadValue(f"want the image's size {size[0]} x {size[1]} (height x width), got shape {array.shape}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 65535:
        raise BadValue(f"want class numbers in 0..65535, got {low}..{high}; write another number for what is to be ignored")
    for number, one in enumerate(stack):
        pixels = one.astype(np.uint8 if high <= 255 else np.uint16)[..., np.newaxis]
        blob = target.blob(encode_png(pixels), extension="png", media_type="image/png")
        yield Mask(blob=blob, labels=labels, name=name if len(stack) == 1 else f"{name}/{number}".lstrip("/"))
