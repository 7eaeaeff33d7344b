"""What a value that is no number would be logged as: judged by the module of its type; nothing is imported for it.

So ``run.log({"samples": figure, "image": pil_image, "predictions": dataframe})`` needs no wrapping. Arrays and strings are not
guessed: an array may be a tensor, a histogram or an image, and the warning says so.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from .value import Media

_HOMES: Final = {
    ("matplotlib", "Figure"): ("figures", "Figure"),
    ("plotly", "BaseFigure"): ("figures", "Figure"),
    ("PIL", "Image"): ("images", "Image"),
    ("pandas", "DataFrame"): ("tables", "Table"),
    ("polars", "DataFrame"): ("tables", "Table"),
}
"""(top module, name) of a type or one of its bases -> the module and class of ours."""


def as_media(value: Any) -> Media | None:
    """Wrap `value` in its kind: a matplotlib or Plotly figure, a PIL image, a DataFrame of pandas or polars, a list or tuple of PIL
    images or of `Image`s. None when it is nothing of these."""
    if isinstance(value, (list, tuple)):
        if not value or not all(_home(type(one)) == ("images", "Image") for one in value):
            return None
        return _made("images", "Images", value)
    home = _home(type(value))
    return _made(*home, value) if home is not None else None


def hint(value: Any) -> str:
    """What to do with a value that is not guessed, for the end of a warning; "" when there is nothing to say."""
    if isinstance(value, str):
        return ". To keep it, log it as crossboard.Text"
    shape = getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return ". To keep it, log it as crossboard.Tensor, Histogram or Image"
    return ""


def _home(kind: type) -> tuple[str, str] | None:
    if issubclass(kind, Media):
        return ("images", "Image") if kind.__name__ == "Image" else None
    for base in kind.__mro__:
        home = _HOMES.get((base.__module__.partition(".")[0], base.__name__))
        if home is not None:
            return home
    return None


def _made(module: str, kind: str, value: Any) -> Media:
    made: Media = getattr(import_module(f".{module}", __package__), kind)(value)
    return made
