"""Texts -> `TextPoint`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ...store.records import TextPoint
from ..numbers import describe
from .pixels import sayer
from .value import BadValue, Media, Taken, Target

FORMATS: Final = ("markdown", "plain", "html")
MOST_BYTES: Final = 1 << 20
"""So long a text may be, in UTF-8."""
MOST_TEXTS: Final = 10_000
MOST_TOGETHER: Final = 16 << 20
_WANTED: Final = "a text, a list of texts, or an array of strings"


class Text(Media):
    """One text, or several of one step.

    Args:
        value: a string; UTF-8 bytes; a list or tuple of these, nested as you like; an array of strings (NumPy, TensorFlow,
            pandas) of any shape, which is kept.
        format: "markdown" (shown without raw HTML), "plain", or "html" (shown only inside a sandbox).

    A text above 1 MiB (in UTF-8) is cut there, between two characters, and that is said. At most 10,000 texts, 16 MiB together.
    A lone surrogate, which UTF-8 cannot hold, is stored as its escape ``\\udc80``.

    Raises (as a warning at your line, or TypeError under ``strict=True``):
        BadValue: no text, another format, too many, bytes that are no UTF-8.
    """

    __slots__ = ("_format", "_value")

    def __init__(self, value: Any, *, format: str = "markdown") -> None:  # noqa: A002  the word that everybody uses for it
        self._value, self._format = value, format

    def take(self) -> Taken:
        form = self._format
        if form not in FORMATS:
            raise BadValue(f"format: want one of {', '.join(FORMATS)}, got {form!r}")
        shape, texts = _taken(self._value)
        if not texts:
            raise BadValue(f"want {_WANTED}, got none")
        size = sum(min(len(text), MOST_BYTES) for text in texts)
        if len(texts) > MOST_TEXTS or size > MOST_TOGETHER:
            raise BadValue(
                f"want at most {MOST_TEXTS:,} texts, {MOST_TOGETHER >> 20} MiB together, got {len(texts):,} with {size / (1 << 20):.0f} "
                "MiB; log fewer, or a Table"
            )

        def encode(target: Target) -> TextPoint:
            whole = [_cut(text) for text in texts]
            cut = sum(is_cut for _, is_cut in whole)
            if cut:
                long = max(map(len, texts))
                what = f"a text of {long:,} characters is" if len(texts) == 1 else f"{cut} of {len(texts)} texts are"
                sayer(target)(f"{what} longer than 1 MiB; cut there", "length")
            return TextPoint(
                tag=target.tag,
                step=target.step,
                wall_time=target.wall_time,
                texts=[text for text, _ in whole],
                format=form,
                shape=list(shape),
            )

        return Taken(4 * size, encode)


def _taken(value: Any) -> tuple[tuple[int, ...], list[str]]:
    """(shape, texts row by row); one text has the shape (). Raises BadValue."""
    if isinstance(value, (str, bytes)):
        return (), [_text(value)]
    if isinstance(value, os.PathLike):
        raise BadValue(f"want {_WANTED}, got the path {os.fspath(value)!r}; log its contents: path.read_text()")
    if isinstance(value, (list, tuple)):
        return _of_list(value)
    if hasattr(value, "numpy") and str(getattr(getattr(value, "dtype", ""), "name", "")) == "string":
        value = value.numpy()
        if isinstance(value, bytes):
            return (), [_text(value)]
    if isinstance(value, np.generic) or (hasattr(value, "__array__") and hasattr(value, "dtype")):
        return _of_array(np.asarray(value))
    raise BadValue(f"want {_WANTED}, got {describe(value)}")


def _of_array(array: Any) -> tuple[tuple[int, ...], list[str]]:
    if array.dtype.kind not in "OUST":
        raise BadValue(f"want {_WANTED}, got {describe(array)}")
    return tuple(array.shape), [_text(one) for one in array.reshape(-1).tolist()]


def _of_list(value: Sequence[Any]) -> tuple[tuple[int, ...], list[str]]:
    """Lists of one shape keep it; what is ragged becomes one row."""
    parts = [_of_list(one) if isinstance(one, (list, tuple)) else ((), [_text(one)]) for one in value]
    texts = [text for _, some in parts for text in some]
    shapes = {shape for shape, _ in parts}
    return (len(parts), *shapes.pop()) if len(shapes) == 1 else (len(texts),), texts


def _text(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadValue(f"want {_WANTED}, got bytes that are no UTF-8 (at byte {error.start}); decode them first") from None
    raise BadValue(f"want {_WANTED}, got {describe(value)} among them")


def _cut(text: str) -> tuple[str, bool]:
    """(at most `MOST_BYTES` of `text` in UTF-8, whether something was cut)."""
    data = text[: MOST_BYTES + 1].encode("utf-8", "backslashreplace")
    if len(data) <= MOST_BYTES:
        return data.decode("utf-8"), False
    return data[:MOST_BYTES].decode("utf-8", "ignore"), True
