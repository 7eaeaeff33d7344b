"""How values are distributed, counted where tensors lie: the twin of `spread` in PyTorch operations that never wait for the device.

Many tensors go through in one pass. They are cut into rows of `ROW` values, the last row of each padded with NaN; rows of many
small tensors, or a part of a large one, make a page of at most `PAGE` values, and a page costs the same few operations however many
tensors are on it. Nothing is copied to the host but the numbers of each distribution, and nothing on the way needs to know a
value there: no ``nonzero``, no boolean index, no ``item``.

Counts, minimum and maximum are exact and the same as in `spread`. Float32 and narrower floats are compared as float32, which holds
them exactly, with edges in float64; whole numbers and float64 as float64.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..landing import Landing, landings_of
from .spread import SAFE, Spread, edges_between

ROW: Final = 512
PAGE: Final = 1 << 20
"""Values on a page: about 64 MB of the device's memory while it is counted."""
MOST_CELLS: Final = 1 << 20
"""Counters are kept several times over, since adding to one and the same from everywhere is slow; so many in all."""


@dataclass(frozen=True, slots=True)
class Begun:
    """Distributions being counted on a device.

    size     bytes held until they are there
    spreads  gives them, in order; in the helper thread it may raise `helper.NotYet`
    """

    size: int
    spreads: Callable[[], list[Spread]]


def spreads_begun(tensors: Sequence[Any], *, bins: int = 64, range: tuple[float, float] | None = None) -> Begun:  # noqa: A002
    """Begin to count dense real torch tensors of one device, each on its own. Raises whatever the device raises."""
    groups: dict[str, list[int]] = {}
    for index, tensor in enumerate(tensors):
        groups.setdefault(_kind_of(tensor), []).append(index)
    parts = []
    with plainly(tensors[0].device.type):
        for kind, indices in groups.items():
            flats = [tensors[index].detach().reshape(-1) for index in indices]
            parts.append((kind, indices, [flat.numel() for flat in flats], _count(flats, kind, bins, range)))

    def spreads() -> list[Spread]:
        found: dict[int, Spread] = {}
        landed = [part[3].land_all() for part in parts]
        for (kind, indices, sizes, _), arrays in zip(parts, landed, strict=True):
            found.update(zip(indices, _spreads(arrays, sizes, kind, range, bins), strict=True))
        return [found[index] for index in _range(len(tensors))]

    return Begun(len(tensors) * (bins + 10) * 16, spreads)


_range = range


@contextlib.contextmanager
def plainly(device: str) -> Iterator[None]:
    """Without gradients, and in the types that tensors have, on devices of that type."""
    import torch

    try:
        casts = torch.is_autocast_enabled(device)
    except (TypeError, RuntimeError):  # before PyTorch 2.4; a device that knows none
        casts = torch.is_autocast_enabled()
    with torch.no_grad(), torch.autocast(device, enabled=False) if casts else contextlib.nullcontext():
        yield


def _kind_of(tensor: Any) -> str:
    """Which tensors can share a page."""
    import torch

    if not tensor.dtype.is_floating_point:
        return "whole"
    return "float64" if tensor.dtype == torch.float64 else "float32"


def _count(flats: list[Any], kind: str, bins: int, ends: tuple[float, float] | None) -> Landing:
    import torch

    device, most = flats[0].device, len(flats)
    wide = {"dtype": torch.float64, "device": device}
    counts_like = {"dtype": torch.int64, "device": device}
    low = torch.full((most,), math.inf, **wide)
    high = torch.full((most,), -math.inf, **wide)
    total = torch.zeros(most, **wide)
    odd = torch.zeros((3, most), **counts_like)  # finite values, NaN, +inf
    down = 2.0**-40 if kind == "float64" else 1.0  # a sum of the largest float64 would overflow
    pages = list(_pages([flat.numel() for flat in flats]))
    kept = None
    for page in pages:
        x, rows = kept = _page(flats, page, kind)
        finite = torch.isfinite(x)
        low.scatter_reduce_(0, rows, torch.where(finite, x, math.inf).amin(1).double(), "amin")
        high.scatter_reduce_(0, rows, torch.where(finite, x, -math.inf).amax(1).double(), "amax")
        total.scatter_add_(0, rows, torch.where(finite, x * down, 0).sum(1, dtype=torch.float64))
        odd[0].scatter_add_(0, rows, finite.sum(1))
        odd[1].scatter_add_(0, rows, torch.isnan(x).sum(1))
        odd[2].scatter_add_(0, rows, (x == math.inf).sum(1))
    mean = total / odd[0] / down
    largest = torch.maximum(low.abs(), high.abs())
    scale = torch.where((largest > SAFE) | (largest < 1 / SAFE) & (largest > 0), largest, 1.0)
    edges = _edges(low, high, bins, kind, ends)
    start, half = edges[:, 0] * 0.5, edges[:, -1] * 0.5 - edges[:, 0] * 0.5  # halves: the whole of it may overflow
    copies = max(1, min(64, MOST_CELLS // (most * (bins + 1))))
    counts = torch.zeros(copies * most * (bins + 1), **counts_like)
    squares = torch.zeros(most, **wide)
    for page in pages:
        x, rows = kept if kept is not None and len(pages) == 1 else _page(flats, page, kind)
        x, at = x.double(), rows[:, None]
        away = torch.where(torch.isfinite(x), x / scale[at] - (mean / scale)[at], 0)
        squares.scatter_add_(0, rows, (away * away).sum(1))
        inside = torch.isfinite(x)
        if ends is not None:
            inside &= (x >= edges[at, 0]) & (x <= edges[at, -1])
        place = torch.where(inside, (x * 0.5 - start[at]) / half[at] * bins, 0.0)
        place = torch.nan_to_num(place, nan=0.0).clamp_(0, bins - 1).long()
        first = at * (bins + 1)
        line = edges.view(-1)
        for _ in _range(1 if kind == "float32" else 3):  # rounding may have put it into a neighbour
            place = place - (x < line[first + place]).long()
            place = place.clamp_(min=0)
            place = (place + (x >= line[first + place + 1]).long()).clamp_(max=bins - 1)
        place = torch.where(inside, place, bins) + first
        copy = torch.arange(x.shape[0], device=device)[:, None] % copies
        counts.scatter_add_(0, (place + copy * (most * (bins + 1))).view(-1), torch.ones((), **counts_like).expand(x.numel()))
    found = counts.view(copies, most, bins + 1).sum(0)[:, :bins]
    return landings_of([torch.stack([low, high, mean, squares, scale]), odd, edges, found.contiguous()], own=True)


def _edges(low: Any, high: Any, bins: int, kind: str, ends: tuple[float, float] | None) -> Any:
    """Edges of each tensor's buckets, (tensors, bins + 1); what `spread.edges_between` says, but always `bins` buckets."""
    import torch

    part = torch.arange(bins + 1, dtype=torch.float64, device=low.device)[None, :]
    if ends is not None:
        low, high = torch.full_like(low, ends[0]), torch.full_like(high, ends[1])
    low, high = low[:, None], high[:, None]
    if kind == "whole" and ends is None:
        return low - 0.5 + ((high - low + 1) / bins).clamp(min=1.0) * part
    part = part / bins
    wide = high - low
    edges = torch.where(torch.isfinite(wide), low + wide * part, low * (1 - part) + high * part)
    return torch.cat([low, torch.minimum(torch.maximum(edges[:, 1:-1], low), high), high], 1)


def _pages(sizes: Sequence[int]) -> Iterator[tuple[tuple[int, int, int], ...]]:
    """Cut tensors of so many values into pages of (tensor, first value, end)."""
    page: list[tuple[int, int, int]] = []
    room = PAGE // ROW
    for index, size in enumerate(sizes):
        start = 0
        while start < size:
            rows = min(room, -(-(size - start) // ROW))
            end = min(size, start + rows * ROW)
            page.append((index, start, end))
            start, room = end, room - rows
            if room == 0:
                yield tuple(page)
                page, room = [], PAGE // ROW
    if page:
        yield tuple(page)


def _page(flats: list[Any], page: tuple[tuple[int, int, int], ...], kind: str) -> tuple[Any, Any]:
    """The values of a page, (rows, ROW), and to which tensor each row belongs."""
    import torch

    dtype = torch.float32 if kind == "float32" else torch.float64
    device = flats[0].device
    padding = torch.full((ROW,), math.nan, dtype=dtype, device=device)
    pieces = []
    for index, start, end in page:
        piece = flats[index][start:end]
        pieces.append(piece if piece.dtype in (torch.float32, torch.float16, torch.bfloat16) and kind == "float32" else piece.to(dtype))
        if (end - start) % ROW:
            pieces.append(padding[: ROW - (end - start) % ROW])
    values = torch.cat(pieces).to(dtype).view(-1, ROW)
    return values, _rows(tuple((index, -(-(end - start) // ROW)) for index, start, end in page), device)


@lru_cache(maxsize=64)
def _rows(page: tuple[tuple[int, int], ...], device: Any) -> Any:
    """The tensor of each row, on the device; kept, since a model's pages are the same each time."""
    import torch

    host = torch.from_numpy(np.repeat([index for index, _ in page], [rows for _, rows in page]).astype(np.int64))
    if device.type != "cpu":
        with contextlib.suppress(RuntimeError):  # no pinned memory for this device
            host = host.pin_memory()
    return host.to(device, non_blocking=True)


def _spreads(arrays: list[NDArray[Any]], sizes: list[int], kind: str, ends: tuple[float, float] | None, bins: int) -> list[Spread]:
    """Distributions from what came over."""
    (low, high, mean, squares, scale), (finite, nan, above), edges, counts = arrays
    found = []
    for index, size in enumerate(sizes):
        some = int(finite[index])
        padded = -size % ROW
        odd = {"nan": int(nan[index]) - padded, "pos_inf": int(above[index])}
        odd["neg_inf"] = size - some - odd["nan"] - odd["pos_inf"]
        least, most = float(low[index]), float(high[index])
        at, number = edges[index], counts[index]
        if not some:
            at = np.array([0.0, 1.0]) if ends is None else edges_between(*ends, bins, whole=False)
            found.append(Spread(at.tolist(), [0] * (len(at) - 1), size, **odd))
            continue
        if ends is None:
            at, number = _tidy(at, number, least, most, bins, kind)
        deviation = math.sqrt(float(squares[index]) / some) * float(scale[index])
        middle = min(max(float(mean[index]), least), most)
        found.append(Spread(at.tolist(), number.tolist(), size, least, most, middle, deviation, **odd))
    return found


def _tidy(
    edges: NDArray[np.float64], counts: NDArray[np.int64], low: float, high: float, bins: int, kind: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The buckets that `spread` would have made: one for equal values, one for each of few whole numbers, no two edges equal."""
    if low == high:
        wanted = edges_between(low, high, bins, whole=kind == "whole")
        return wanted, counts.sum(keepdims=True)
    if kind == "whole" and high - low + 1 <= bins:
        some = int(high - low + 1)
        return edges[: some + 1], counts[:some]
    edges = np.clip(edges, low, high) if kind != "whole" else np.concatenate(([min(edges[0], low)], edges[1:-1], [max(edges[-1], high)]))
    kept, first = np.unique(edges, return_index=True)
    if len(kept) == len(edges):
        return edges, counts
    return kept, np.add.reduceat(counts, first[:-1])
