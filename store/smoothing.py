"""Smoothing a series: pure functions over all its points, and the same point by point for live curves.

Values that are not finite stay what they are, and smoothing starts anew after them: nothing is carried across a gap. (The
debiased mean of TensorBoard's page goes on across a NaN instead: here the curve after a gap depends on what is after it.)

ema       the debiased exponential mean of TensorBoard. With weight w in 0..1, for the n-th value v_n since the last gap,
          n from 1: m_n = w m_(n-1) + (1 - w) v_n, m_0 = 0, and the smoothed value is m_n / (1 - w^n). w = 0 changes nothing;
          at w = 1, where the quotient is undefined, its limit, the mean of all values so far, is taken.
          Source: tensorflow/tensorboard, tensorboard/components/vz_line_chart2/line-chart.ts, resmoothDataset; the debiasing
          is that of Kingma and Ba, Adam, section 3.
gaussian  the mean of the neighbours with weights exp(-d^2 / (2 sigma^2)), d = distance in points, up to d = 3 sigma; at the
          ends of a stretch the weights of what is there are scaled to sum to 1.
mean      the plain mean of the window of `weight` points around each point (floor(weight / 2) on either side), cut at the ends.

The last two look ahead: the newest points change while more arrive. `Smoother.pending` is what they are for now.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .kinds import F64
from .store import Smoothing

KINDS: Final = ("ema", "gaussian", "mean")
_SHORT: Final = 64
_STRIDE: Final = 32
_PIECE: Final = 1 << 15
"""Long rows are worked on in pieces of about so many values, which stay in the processor's cache."""
_DIRECT: Final = 65
"""Kernels up to this length are applied directly, longer ones block by block through the Fourier transform."""


def checked(smoothing: Smoothing) -> Smoothing:
    """Return `smoothing`. Raises ValueError for a kind or weight that there is not."""
    kind, weight = smoothing.kind, smoothing.weight
    if kind not in KINDS:
        raise ValueError(f"smoothing: want one of {', '.join(KINDS)}, got {kind!r}")
    if kind == "ema" and not 0 <= weight <= 1:
        raise ValueError(f"smoothing: the weight of ema is 0 to 1, got {weight}")
    if kind != "ema" and not 0 <= weight <= 1_000_000:
        what = "sigma of gaussian" if kind == "gaussian" else "window of mean"
        raise ValueError(f"smoothing: the {what} is 0 to 1,000,000 points, got {weight}")
    return smoothing


def reach(smoothing: Smoothing) -> int:
    """How many points ahead a smoothed value depends on."""
    if smoothing.kind == "gaussian":  # below 0.1 a neighbour weighs less than one part in 10^21
        return math.ceil(3 * smoothing.weight) if smoothing.weight >= 0.1 else 0
    return int(smoothing.weight) // 2 if smoothing.kind == "mean" else 0


def smooth(value: F64, smoothing: Smoothing) -> F64:
    """Return `value` smoothed; float64, same length."""
    checked(smoothing)
    value = np.ascontiguousarray(value, dtype=np.float64)
    if smoothing.kind == "ema":
        return _in_stretches(value, lambda block: _ema(block, smoothing.weight))
    return _in_stretches(value, _kernel_mean(smoothing))


def _in_stretches(value: F64, each: Callable[[F64], F64]) -> F64:
    """Apply `each`, which smooths the rows of a matrix, to every stretch of finite values.

    Short stretches of one length go together, so that a NaN in every other place costs no more than none.
    """
    finite = np.isfinite(value)
    if finite.all():
        return each(value[None, :])[0] if len(value) else value.copy()
    result = value.copy()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], finite, [False])).astype(np.int8)))
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    for length in np.unique(lengths[lengths <= _SHORT]):
        where = starts[lengths == length][:, None] + np.arange(length)
        result[where] = each(value[where])
    for start, length in zip(starts[lengths > _SHORT], lengths[lengths > _SHORT], strict=True):
        result[start : start + length] = each(value[None, start : start + length])[0]
    return result


def _ema(block: F64, weight: float) -> F64:
    """The debiased exponential mean of each row, from its first value on."""
    if weight == 0:
        return block
    if weight == 1:
        means: F64 = np.cumsum(block, axis=1) / np.arange(1, block.shape[1] + 1)
        return means
    return _debiased(_running(block, weight, 0.0), weight, 0)


def _running(block: F64, weight: float, before: float) -> F64:
    """m_n = weight m_(n-1) + (1 - weight) v_n along each row, with m_0 = `before`."""
    return _recurrence(block, weight, before, 1 - weight)


def _recurrence(block: F64, weight: float, before: float, share: float) -> F64:
    """m_n = weight m_(n-1) + share v_n along each row, with m_0 = `before`.

    Stretches of _STRIDE values are summed by one matrix product; what each hands on to the next is a recurrence of its own, thirty-two
    times shorter. Faster than scipy.signal.lfilter, whose import alone would take longer than the first smoothed curve may.
    """
    rows, count = block.shape
    stretches = -(-count // _STRIDE)
    place = np.arange(_STRIDE)
    apart = place - place[:, None]
    weights = np.where(apart >= 0, share * weight ** np.maximum(apart, 0), 0.0)
    means = np.zeros((rows, stretches, _STRIDE))
    whole = count // _STRIDE
    if whole:
        np.matmul(block[:, : whole * _STRIDE].reshape(rows, whole, _STRIDE), weights, out=means[:, :whole])
    if whole < stretches:
        rest = block[:, whole * _STRIDE :]
        means[:, whole] = rest @ weights[: rest.shape[1]]
    carried = np.full((rows, stretches), before)
    if stretches > 1:
        carried[:, 1:] = _recurrence(means[:, :-1, -1], weight**_STRIDE, before, 1.0)
    fading = weight ** (place + 1)
    for first in range(0, stretches, _PIECE // _STRIDE):
        some = slice(first, first + _PIECE // _STRIDE)
        means[:, some] += carried[:, some, None] * fading
    return means.reshape(rows, -1)[:, :count]


def _debiased(running: F64, weight: float, seen: int) -> F64:
    """Divide the means after `seen` earlier values by 1 - weight ** n, in place; that is 1 once weight ** n is below 2 ** -57."""
    last = min(running.shape[-1], max(0, math.ceil(-40 / math.log(weight)) - seen))
    count = np.arange(seen + 1, seen + last + 1, dtype=np.float64)
    running[..., :last] /= -np.expm1(count * math.log(weight))
    return running


def _kernel_mean(smoothing: Smoothing) -> Callable[[F64], F64]:
    half = reach(smoothing)
    if half == 0:
        return lambda block: block
    if smoothing.kind == "mean":
        return lambda block: _running_mean(block, half)
    return lambda block: _gaussian(block, smoothing.weight, half)


def _running_mean(block: F64, half: int) -> F64:
    """Mean over up to `half` points on either side, of each row.

    Each window sum is the end of one stretch of `2 half + 1` values plus the beginning of the next: sums of values and never
    a difference of sums, so that a spike leaves no rounding error behind it.
    """
    rows, count = block.shape
    half = min(half, count - 1)
    size = 2 * half + 1
    means = np.empty((rows, count))
    step = max(8, _PIECE // size) * size  # whole stretches, so that pieces do not show in the result
    for first in range(0, count, step):
        some = min(step, count - first)
        begin, end = max(first - half, 0), min(first + some + half, count)
        padded = np.zeros((rows, (-(-(some + 2 * half) // size) + 1) * size))
        padded[:, begin - first + half : end - first + half] = block[:, begin:end]
        cells = padded.reshape(rows, -1, size)
        from_start = np.cumsum(cells, axis=2).reshape(rows, -1)
        to_end = np.empty_like(cells)
        np.cumsum(cells[:, :, ::-1], axis=2, out=to_end[:, :, ::-1])
        from_start[:, size - 1 :: size] = 0  # a window that is one whole stretch has no beginning of the next
        np.add(to_end.reshape(rows, -1)[:, :some], from_start[:, size - 1 : size - 1 + some], out=means[:, first : first + some])
    means /= size
    place = _near_the_ends(count, half)
    there = np.minimum(place + half, count - 1) - np.maximum(place - half, 0) + 1
    means[:, place] *= size / there
    return means


def _near_the_ends(count: int, half: int) -> NDArray[np.intp]:
    """Places whose window of `half` on either side is cut."""
    return np.arange(count) if 2 * half >= count else np.concatenate((np.arange(half), np.arange(count - half, count)))


def _gaussian(block: F64, sigma: float, half: int) -> F64:
    """Gaussian-weighted mean over up to `half` points on either side, of each row."""
    count = block.shape[1]
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    if count <= _SHORT:
        near = np.arange(count)[:, None] - np.arange(count)
        weights = np.where(np.abs(near) <= half, np.exp(-0.5 * (near / sigma) ** 2), 0.0)
        short: F64 = block @ (weights / weights.sum(axis=1, keepdims=True)).T
        return short
    kernel /= kernel.sum()
    if half >= count:
        kernel = kernel[half - count + 1 : half + count]
    middle = (len(kernel) - 1) // 2
    if len(kernel) <= _DIRECT:
        rows = [np.convolve(row, kernel, "same") for row in block]
        sums = np.stack(rows) if len(rows) > 1 else rows[0][None]
    else:
        sums = _convolved_by_blocks(block, kernel)
    place = _near_the_ends(count, middle)
    total = np.concatenate(([0.0], np.cumsum(kernel)))
    reaches = np.minimum(count - 1 - place, middle)
    behind = np.minimum(place, middle)
    result: F64 = np.ascontiguousarray(sums)
    result[:, place] /= total[middle + reaches + 1] - total[middle - behind]
    return result


def _convolved_by_blocks(block: F64, kernel: F64) -> F64:
    """Each row convolved with the symmetric `kernel`, same length, through the Fourier transform of overlapping frames.

    Its rounding error is some 1e-16 of the largest value within a frame, four to eight kernels long.
    """
    rows, count = block.shape
    half = len(kernel) // 2
    size = 1 << (4 * len(kernel)).bit_length()
    step = size - 2 * half
    frames = -(-count // step)
    padded = np.zeros((rows, frames * step + 2 * half))
    padded[:, half : half + count] = block
    cells = np.lib.stride_tricks.sliding_window_view(padded, size, axis=1)[:, ::step]
    spectrum = np.fft.rfft(kernel, size)
    sums = np.empty((rows, frames, step))
    some = max(1, _PIECE // size)
    for first in range(0, frames, some):
        part = np.fft.rfft(cells[:, first : first + some], axis=2)
        part *= spectrum
        sums[:, first : first + some] = np.fft.irfft(part, size, axis=2)[:, :, 2 * half :]
    return sums.reshape(rows, -1)[:, :count]


class Smoother:
    """Smooths a series while it grows: what `extend` returned so far, and `pending`, are `smooth` of all values so far.

    A point costs O(1) for ema, and as much as its window for the others.
    """

    def __init__(self, smoothing: Smoothing) -> None:
        self.smoothing = checked(smoothing)
        self._reach = reach(smoothing)
        self._seen = 0  # finite values since the last gap (ema)
        self._state = 0.0  # filter state (ema)
        self._context = np.empty(0)  # values from `reach` before the first pending one on
        self._settled = 0  # how many of the context are not pending

    def extend(self, value: F64) -> F64:
        """Take in the values that came next; return the smoothed values that are final now, in order."""
        value = np.ascontiguousarray(value, dtype=np.float64)
        if self.smoothing.kind == "ema":
            return self._extend_ema(value)
        self._context = np.concatenate((self._context, value)) if len(self._context) else value
        total = len(self._context)
        # a point is final when `reach` points follow it, or a gap does
        gaps = np.flatnonzero(~np.isfinite(self._context))
        final = max(total - self._reach, int(gaps[-1]) + 1 if len(gaps) else 0, self._settled)
        ready = smooth(self._context, self.smoothing)[self._settled : final]
        drop = max(final - self._reach, 0)
        self._context = self._context[drop:].copy()  # a part would hold on to the whole
        self._settled = final - drop
        return ready

    def pending(self) -> F64:
        """Smoothed values of the points that `extend` has not returned yet, as they are for now."""
        if self.smoothing.kind == "ema" or self._settled == len(self._context):
            return np.empty(0)
        return smooth(self._context, self.smoothing)[self._settled :]

    def _extend_ema(self, value: F64) -> F64:
        weight = self.smoothing.weight
        result = value.copy()
        gaps = np.flatnonzero(~np.isfinite(value))
        head = int(gaps[0]) if len(gaps) else len(value)
        if head and weight > 0:
            if weight == 1:
                sums = np.cumsum(np.concatenate(([self._state], value[:head])))[1:]
                self._state = float(sums[-1])
                result[:head] = sums / np.arange(self._seen + 1, self._seen + head + 1)
            else:
                running = _running(value[None, :head], weight, self._state)[0]
                self._state = float(running[-1])
                result[:head] = _debiased(running, weight, self._seen)
        self._seen += head
        if not len(gaps):
            return result
        last = int(gaps[-1]) + 1
        result[head:last] = smooth(value[head:last], self.smoothing)
        self._seen, self._state = 0, 0.0
        if last < len(value):
            result[last:] = self._extend_ema(value[last:])
        return result
