"""Figures that were drawn elsewhere: Plotly's with all their numbers, matplotlib's as they look."""

from __future__ import annotations

import base64
import datetime
import decimal
import enum
import io
import sys
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...store.plotly_json import without_addresses
from ...store.records import FigurePoint, Picture
from ..numbers import describe
from .arrays import Snapshot, snapshot
from .containers import picture_facts
from .files import PNG
from .pixels import MOST_PIXELS, sayer
from .rules import plural
from .value import BadValue, Media, Taken, Target

WANTED: Final = "a Plotly figure (also as a dict, a list of traces or JSON) or a matplotlib figure"
PARTS: Final = ("data", "layout", "frames", "config")
MOST_BYTES: Final = 256 << 20
DEEPEST: Final = 100
PLAIN: Final = frozenset((type(None), bool, int, float, str))
TYPED: Final = {"i1": "i1", "u1": "u1", "i2": "i2", "u2": "u2", "i4": "i4", "u4": "u4", "f2": "f4", "f4": "f4", "f8": "f8"}
"""NumPy's dtypes -> those of a typed array in a figure."""
FEW: Final = 16
"""Arrays of so few items are written as lists, so that people can read them."""
LISTED: Final = frozenset(("geojson", "layer", "layers", "range"))
"""Attributes where Plotly takes no typed arrays."""


class Figure(Media):
    """A figure.

    Args:
        value: one of
            a Plotly figure, a dict with "data" and perhaps "layout", "frames" and "config", a list of traces, or the JSON text
            of one. Arrays in it may be of any framework. Kept with all its numbers, so that it can be turned, zoomed and exported;
            a matplotlib figure, Axes or ``pyplot`` (its current figure), or what has one as its ``figure`` (seaborn's grids).
            Kept as it looks: a PNG, and an SVG on request.
        dpi: dots per inch of a matplotlib figure; None: the figure's own. At most 100 megapixels.
        svg: keep a matplotlib figure as SVG too: sharp when enlarged, but large and slow with many points.
        close: close a matplotlib figure after it was drawn, so that pyplot does not hold it.

    matplotlib is not safe to use in two threads at once: its figures are drawn in the calling thread, inside the logging call
    (50 to 200 ms; as SVG half as much again). Plotly's are copied there, and written later.

    Numbers: arrays of more than 16 items are kept in their own width (float64, float32, whole numbers up to 32 bits), NaN included;
    in lists, which are JSON, NaN and infinities become null, as Plotly draws them.
    Addresses of other machines (pictures, map tiles and styles, links in texts) are removed, with a warning: the board fetches
    nothing. Put a picture into the figure as a ``data:image/...`` URI.

    Stored as `store.records.FigurePoint`: Plotly's JSON; of matplotlib the SVG, else the PNG, and the PNG as `picture`.
    """

    __slots__ = ("_close", "_dpi", "_svg", "_value")

    def __init__(self, value: Any, *, dpi: float | None = None, svg: bool = False, close: bool = False) -> None:
        self._value, self._dpi, self._svg, self._close = value, dpi, svg, close

    def take(self) -> Taken:
        """See `Media.take`."""
        drawn = _of_matplotlib(self._value)
        return _taken_drawing(drawn, self._dpi, self._svg, self._close) if drawn is not None else _taken_plotly(self._value)


# ------------------------------------------------------------------------------------------------------ matplotlib


def _of_matplotlib(value: Any) -> Any:
    """The matplotlib figure that `value` is or has; None when there is none."""
    if getattr(value, "__name__", "") == "matplotlib.pyplot":
        if not value.get_fignums():
            raise BadValue("want a figure, got pyplot without one")
        return value.gcf()
    one: Any
    for one in (value, getattr(value, "figure", None)):
        if any(base.__module__.startswith("matplotlib.figure") for base in type(one).__mro__):
            for _ in range(DEEPEST):  # figures inside figures
                if hasattr(one, "savefig"):
                    return one
                one = one.figure
    return None


def _taken_drawing(figure: Any, dpi: float | None, svg: bool, close: bool) -> Taken:
    try:
        width, height = figure.get_size_inches() * (figure.dpi if dpi is None else dpi)
        if not 1 <= width * height <= MOST_PIXELS:
            raise BadValue(f"want a figure of 1 to {MOST_PIXELS:,} pixels, got {width:,.0f} x {height:,.0f}")
        png = _saved(figure, "png", dpi)
        drawing = _saved(figure, "svg", dpi) if svg else b""
    except BadValue:
        raise
    except Exception as error:  # noqa: BLE001  whatever drawing meets in the user's figure
        raise BadValue(f"matplotlib could not draw the figure ({type(error).__name__}: {error})") from None
    finally:
        if close:
            pyplot = sys.modules.get("matplotlib.pyplot")
            if pyplot is not None:
                pyplot.close(figure)

    def encode(target: Target) -> FigurePoint:
        facts = picture_facts(png, PNG)
        blob = target.blob(png, extension="png", media_type="image/png")
        return FigurePoint(
            tag=target.tag,
            step=target.step,
            wall_time=target.wall_time,
            blob=target.blob(drawing, extension="svg", media_type="image/svg+xml") if drawing else blob,
            picture=Picture(blob=blob, width=facts.width, height=facts.height),
        )

    return Taken(len(png) + len(drawing), encode)


def _saved(figure: Any, form: str, dpi: float | None) -> bytes:
    buffer = io.BytesIO()
    options: dict[str, Any] = {} if dpi is None else {"dpi": dpi}
    if form == "png":
        figure.savefig(buffer, format="png", pil_kwargs={"compress_level": 1}, **options)
    else:  # without a date and with names that are always the same: equal figures give equal bytes, kept once
        with sys.modules["matplotlib"].rc_context({"svg.hashsalt": "crossboard"}):
            figure.savefig(buffer, format="svg", metadata={"Date": None}, **options)
    return buffer.getvalue()


# ---------------------------------------------------------------------------------------------------------- Plotly


def _taken_plotly(value: Any) -> Taken:
    if isinstance(value, (str, bytes)):
        return _taken_json(value)
    own = any(base.__module__.startswith("plotly.") and base.__name__ == "BaseFigure" for base in type(value).__mro__)
    freezer = _Freezer()
    if own:
        figure = freezer.freeze(value.to_dict(), "", copied=True)
    elif isinstance(value, dict) and "data" in value:
        figure = freezer.freeze({part: value[part] for part in PARTS if part in value}, "")
    elif isinstance(value, (list, tuple)) and value:
        figure = freezer.freeze({"data": list(value)}, "")
    else:
        raise BadValue(f"want {WANTED}, got {describe(value)}")
    _check(figure)
    return Taken(max(freezer.size, 1), lambda target: _encoded(figure, target))


def _taken_json(text: str | bytes) -> Taken:
    if text.strip()[:1] not in ("{", b"{"):
        raise BadValue(f"want {WANTED}, got {describe(text)} that is no JSON object")

    def encode(target: Target) -> FigurePoint:
        try:
            figure = msgspec.json.decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise BadValue(f"want {WANTED}, got JSON that cannot be read ({error})") from None
        figure = {part: figure[part] for part in PARTS if part in figure}
        _check(figure)
        return _encoded(figure, target)

    return Taken(len(text), encode)


def _check(figure: dict[str, Any]) -> None:
    """Raise BadValue unless the parts are of the types that Plotly wants. One trace alone is put into a list."""
    if isinstance(figure.get("data"), dict):
        figure["data"] = [figure["data"]]
    data = figure.get("data")
    if not isinstance(data, list) or not all(isinstance(trace, dict) for trace in data):
        raise BadValue(f"want {WANTED}, got one whose data is no list of traces")
    for part in ("layout", "config"):
        if not isinstance(figure.get(part) or {}, dict):
            raise BadValue(f"want {WANTED}, got one whose {part} is no dict")


def _encoded(figure: dict[str, Any], target: Target) -> FigurePoint:
    plain, removed = without_addresses(_typed(figure, ""))
    if removed:
        more = ", ..." if len(removed) > 3 else ""
        text = f"Figure: {plural(len(removed), 'address', 'addresses')} removed ({', '.join(removed[:3])}{more}); the board fetches nothing"
        sayer(target)(text, "addresses")
    try:
        data = msgspec.json.encode(plain)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise BadValue(f"want a figure that JSON can hold ({error})") from None
    if len(data) > MOST_BYTES:
        raise BadValue(f"want a figure of at most {MOST_BYTES >> 20} MiB, got {len(data) >> 20} MiB; draw fewer points")
    blob = target.blob(data, extension="json", media_type="application/json")
    return FigurePoint(tag=target.tag, step=target.step, wall_time=target.wall_time, blob=blob)


class _Freezer:
    """Copies a figure so far as it can change; arrays stay arrays. size: bytes held, about."""

    def __init__(self) -> None:
        self.size = 0

    def freeze(self, value: Any, path: str, *, copied: bool = False, depth: int = 0) -> Any:
        """`value`, or a copy of it. copied: arrays are nobody else's already. Raises BadValue for what no figure holds."""
        kind = type(value)
        if kind in PLAIN:
            self.size += len(value) if kind is str else 8
            return value
        if depth > DEEPEST:
            raise BadValue(f"want {WANTED}, got one that is nested more than {DEEPEST} times at {path[:80]}")
        if isinstance(value, dict):
            return {
                str(key): self.freeze(one, f"{path}.{key}" if path else str(key), copied=copied, depth=depth + 1)
                for key, one in value.items()
            }
        if isinstance(value, (list, tuple, range)):
            if set(map(type, value)) <= PLAIN:
                self.size += 8 * len(value)
                return list(value)
            return [self.freeze(one, f"{path}[{number}]", copied=copied, depth=depth + 1) for number, one in enumerate(value)]
        if hasattr(value, "to_plotly_json"):  # a trace, a layout
            return self.freeze(value.to_plotly_json(), path, copied=True, depth=depth + 1)
        return self._leaf(value, path, copied=copied, depth=depth)

    def _leaf(self, value: Any, path: str, *, copied: bool, depth: int) -> Any:
        if isinstance(value, (str, int, float)):  # of a type of its own
            return str(value) if isinstance(value, str) else int(value) if isinstance(value, int) else float(value)
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, decimal.Decimal):
            return float(value)
        if isinstance(value, enum.Enum):
            return self.freeze(value.value, path, depth=depth + 1)
        if type(value).__name__ in ("NAType", "NaTType"):
            return None
        if type(value).__module__.partition(".")[0] in ("pandas", "polars") and hasattr(value, "to_numpy"):
            value = np.asarray(value.to_numpy())
        if isinstance(value, (np.ndarray, np.generic)) and np.asarray(value).dtype.kind in "OUSTmM" and not np.ma.isMaskedArray(value):
            return self._words(np.asarray(value), path, depth)
        if isinstance(value, np.ndarray) and copied and value.dtype.kind in "biuf" and not np.ma.isMaskedArray(value):
            self.size += value.nbytes
            return value
        try:
            taken = snapshot(value, wanted="numbers, texts and times", check=_real)
        except BadValue as error:
            raise BadValue(f"{path}: {error}") from None
        self.size += taken.size
        return taken

    def _words(self, array: NDArray[Any], path: str, depth: int) -> Any:
        if array.dtype.kind in "mM":
            if array.dtype.kind == "m":
                raise BadValue(f"{path}: want numbers, texts and times, got durations; give them as numbers")
            words = np.datetime_as_string(array).astype(object)
            words[np.isnat(array)] = None
            array = words
        return self.freeze(array.tolist(), path, depth=depth + 1)


def _real(_: tuple[int, ...], dtype: str) -> None:
    if dtype.startswith("complex"):
        raise BadValue(f"want real numbers, got {dtype}")


def _typed(value: Any, key: str) -> Any:
    """`value` with its arrays as JSON: lists, or typed arrays as plotly.js reads them (``{"dtype": "f8", "bdata": base64}``)."""
    if isinstance(value, dict):
        return {name: _typed(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [_typed(one, key) for one in value] if not set(map(type, value)) <= PLAIN else value
    if isinstance(value, Snapshot):
        value = value.land()
    if not isinstance(value, np.ndarray):
        return value
    if value.size <= FEW or key in LISTED:
        return value.tolist()
    if value.dtype.kind in "iu" and value.dtype.itemsize == 8:
        value = _narrowed(value)
    code = TYPED.get(value.dtype.kind + str(value.dtype.itemsize))
    if code is None:
        return value.tolist()
    made = {"dtype": code, "bdata": base64.b64encode(value.astype("<" + code).tobytes()).decode("ascii")}
    if value.ndim > 1:
        made["shape"] = ", ".join(map(str, value.shape))
    return made


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers of 64 bits, which JavaScript has not, in 32 bits where they fit."""
    low, high = int(array.min()), int(array.max())
    for dtype in (np.int32, np.uint32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array
