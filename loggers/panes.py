"""Visdom's panes -> what a run keeps.

Visdom knows no steps: a pane is a window that is drawn anew or appended to. What is sent becomes, under the tag `title` of the
window (its name where it has no title, ``pane-1``, ``pane-2`` ... where Visdom made up the name):

- lines, and whatever is appended to: scalars, one tag a trace: ``title``, or ``title/name`` when traces are named or several. x is the
  step when it is whole. Else an appended trace counts its own steps, keeps x as ``title x`` and says so as the x axis; lines that
  are drawn once over such an x stay a figure. Lines that are drawn anew add what lies behind their last x.
- text as HTML, images as they were encoded, lists of images one by one, histograms with exact counts of the values, sounds, videos,
  matplotlib figures; metrics and parameters of experiments (Visdom 0.3). Every other pane as the Plotly figure that was sent, or
  its JSON where it is no Plotly figure.

What has no step of its own stands at the run's newest step. The first environment has no prefix, a second one its name.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from .run import Run

_CURVES: Final = ("scatter", "scattergl")
_MADE_UP: Final = "window_"


class Panes:
    """The windows of one program. run: asked for with every call; prefixes: environment -> what stands before its tags."""

    def __init__(self, run: Callable[[], Run | None], prefixes: Callable[[str], str]) -> None:
        self._run, self._prefixes = run, prefixes
        self._titles: dict[tuple[str, str], str] = {}
        self._last_x: dict[str, float] = {}
        self._counts: dict[str, int] = {}
        self._made_up = 0

    # -------------------------------------------------------------------------------------- what was sent as JSON

    def sent(self, message: Mapping[str, Any], endpoint: str) -> None:
        """Keep what ``Visdom._send`` was given for ``/events``, ``/update`` or ``/experiments/log``, `win` and `eid` filled in."""
        if endpoint == "experiments/log":
            self._experiment(message)
            return
        data = message.get("data")
        if endpoint not in ("events", "update") or not isinstance(data, list) or not data or message.get("delete"):
            return
        run = self._run()
        first = data[0]
        if run is None or not isinstance(first, Mapping):
            return
        opts = message.get("opts") or {}
        tag = self._tag(str(message.get("eid") or "main"), message.get("win"), opts.get("title") if isinstance(opts, Mapping) else None)
        kind = first.get("type", "")
        if kind == "text":
            self._text(run, tag, str(first.get("content", "")))
        elif kind in ("image", "image_history"):
            self._image(run, tag, first.get("content"))
        elif "content" in first:
            self._plain(run, tag, first["content"])
        elif kind in _CURVES and all(one.get("type") in _CURVES and "z" not in one for one in data):
            self._curves(run, tag, message, data)
        else:
            self._figure(run, tag, data, message.get("layout"))

    def _experiment(self, message: Mapping[str, Any]) -> None:
        """Visdom 0.3: metrics with a step, and parameters."""
        run, action = self._run(), message.get("action")
        if run is None:
            return
        prefix = self._prefixes(str(message.get("eid") or "main"))
        if action == "metrics":
            run.log({f"{prefix}{name}": value for name, value in (message.get("metrics") or {}).items()}, message.get("step"))
        elif action == "log" and isinstance(message.get("params"), Mapping):
            run.config.update(message["params"])

    def _tag(self, env: str, win: Any, title: Any) -> str:
        window = (env, str(win))
        if title:
            self._titles[window] = str(title)
        elif window not in self._titles:
            name = str(win or "")
            if not name or name.startswith(_MADE_UP):
                self._made_up += 1
                name = f"pane-{self._made_up}"
            self._titles[window] = name
        return self._prefixes(env) + self._titles[window]

    def _curves(self, run: Run, tag: str, message: Mapping[str, Any], data: list[Any]) -> None:
        append = bool(message.get("append"))
        lines = all(str(one.get("mode", "")).startswith("lines") for one in data)
        traces = [_numbers(one) for one in data]
        if not (append or lines) or any(one is None for one in traces):
            self._figure(run, tag, data, message.get("layout"))
            return
        whole = [
            one is not None and bool(np.all(np.isfinite(one[0]) & (one[0] == np.rint(one[0])) & (abs(one[0]) < 1 << 53))) for one in traces
        ]
        if not append and not all(whole):
            self._figure(run, tag, data, message.get("layout"))
            return
        several = len(data) > 1 or bool(message.get("name"))
        for trace, numbers, by_x in zip(data, traces, whole, strict=True):
            assert numbers is not None
            name = str(trace.get("name") or "")
            self._curve(run, f"{tag}/{name}" if several or name not in ("", "1") else tag, *numbers, append=append, by_x=by_x)

    def _curve(self, run: Run, tag: str, x: Any, y: Any, *, append: bool, by_x: bool) -> None:
        if append and np.isnan(y).all():
            return  # Visdom takes it for a masked update
        now = time.time()
        if tag in self._counts:
            by_x = False  # it began with an x that is no step
        if by_x:
            behind = -math.inf if append else self._last_x.get(tag, -math.inf)
            for at, value in zip(x.tolist(), y.tolist(), strict=True):
                if at > behind:
                    run._log_slowly({tag: value}, int(at), now=now)
            self._last_x[tag] = max(self._last_x.get(tag, -math.inf), float(np.max(x)))
            return
        if tag not in self._counts:
            self._counts[tag] = 0
            run.define_metric(tag, x=f"{tag} x")
        for at, value in zip(x.tolist(), y.tolist(), strict=True):
            run._log_slowly({tag: value, f"{tag} x": at}, self._counts[tag], now=now)
            self._counts[tag] += 1

    def _text(self, run: Run, tag: str, text: str) -> None:
        from .media.texts import Text

        run.log({tag: Text(text, format="html")}, step=_newest(run))

    def _plain(self, run: Run, tag: str, content: Any) -> None:
        from .media.texts import Text

        run.log({tag: Text(json.dumps(content, default=str), format="plain")}, step=_newest(run))

    def _image(self, run: Run, tag: str, content: Any) -> None:
        from .media.images import Image

        source = str(content.get("src", "")) if isinstance(content, Mapping) else ""
        try:
            encoded = base64.b64decode(source.partition(";base64,")[2], validate=True)
        except (binascii.Error, ValueError):
            encoded = b""
        if not encoded:
            self._plain(run, tag, content)
            return
        run.log({tag: Image(encoded, caption=str(content.get("caption") or ""))}, step=_newest(run))

    def _figure(self, run: Run, tag: str, data: list[Any], layout: Any) -> None:
        from .media.figures import Figure

        run.log({tag: Figure({"data": data, "layout": layout or {}})}, step=_newest(run))

    # ------------------------------------------------------------- calls whose arguments say more than what is sent

    def called(self, call: str, viz: Any, arguments: Mapping[str, Any], answer: Any) -> None:
        """Keep what the method `call` of `viz` was given; `answer` is what it returned, the window."""
        run = self._run()
        if run is None:
            return
        opts = arguments.get("opts") or {}
        env = str(arguments.get("env") or getattr(viz, "env", None) or "main")
        win = arguments.get("win") or (answer if isinstance(answer, str) else None)
        made = _CALLS[call](arguments, opts)
        if made is not None:
            run.log({self._tag(env, win, opts.get("title")): made}, step=_newest(run))


def claims(call: str, arguments: Mapping[str, Any]) -> bool:
    """Whether `Panes.called` keeps more of this call than what it sends."""
    if call == "images":
        tensor = arguments.get("tensor")
        return isinstance(tensor, list) or len(getattr(tensor, "shape", ())) == 4
    return call in _CALLS


def _newest(run: Run) -> int:
    return max(run._next - 1, run._first_step)


def _numbers(trace: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """x and y of a trace as float64, None (as Visdom writes NaN) as NaN; None when they are no numbers of one length."""
    try:
        x, y = (np.array([math.nan if one is None else one for one in trace[axis]], np.float64) for axis in ("x", "y"))
    except (KeyError, TypeError, ValueError):
        return None
    return (x, y) if x.ndim == 1 and x.shape == y.shape and x.size else None


def _images(arguments: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    """`images`: B x C x H x W, or a list of C x H x W; floats up to 1 are 0..1, others 0..255, as Visdom takes them."""
    from .media.arrays import snapshot
    from .media.images import Images

    batch: Any = snapshot(arguments["tensor"], wanted="images of shape (B, C, H, W)").land()
    if batch.dtype.kind == "f" and batch.size:
        batch = np.uint8(np.clip(batch * (255.0 if batch.max() <= 1 else 1.0), 0, 255))
    elif batch.dtype != np.uint8:
        batch = np.clip(batch, 0, 255).astype(np.uint8)
    del opts
    return Images(batch, layout="NCHW")


def _histogram(arguments: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    from .media.histograms import Histogram

    return Histogram(arguments["X"], bins=int(opts.get("numbins") or 30))


def _audio(arguments: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    from .media.arrays import snapshot
    from .media.sounds import Audio

    if arguments.get("tensor") is None:
        return Audio(arguments.get("audiofile"))
    sound = snapshot(arguments["tensor"], wanted="a sound of shape (n,) or (n, 2)").land().astype(np.float64)
    loudest = float(np.max(np.abs(sound), initial=0.0))
    return Audio(sound / loudest if loudest else sound, sample_rate=float(opts.get("sample_frequency") or 44100))


def _video(arguments: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    from .media.arrays import snapshot
    from .media.videos import Video

    if arguments.get("tensor") is None:
        return Video(arguments.get("videofile"))
    film: Any = snapshot(arguments["tensor"], wanted="a video of shape (L, H, W, C)").land()
    if arguments.get("dim") == "LxCxHxW":
        film = film.transpose(0, 2, 3, 1)
    if film.dtype.kind == "f":
        film = 255 * film
    film = np.clip(film.astype(np.uint8), 0, 255)[..., ::-1]  # Visdom takes blue, green, red
    return Video(np.ascontiguousarray(film), fps=float(opts.get("fps") or 25), layout="THWC")


def _matplot(arguments: Mapping[str, Any], opts: Mapping[str, Any]) -> Any:
    from .media.figures import Figure

    del opts
    plot = arguments["plot"]
    return Figure(plot.gcf() if hasattr(plot, "gcf") else plot)


_CALLS: Final[dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], Any]]] = {
    "audio": _audio,
    "histogram": _histogram,
    "images": _images,
    "matplot": _matplot,
    "video": _video,
}
CALLS: Final = tuple(_CALLS)
"""The methods of Visdom's client that `Panes.called` wants to hear of."""
