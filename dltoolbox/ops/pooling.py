"""Window maximum, window mean and unpooling, in any number of spatial dimensions.

Conventions, stated once: the first tap of a tie wins, scanning the window row by row (as PyTorch, ONNX and TensorFlow);
padding never wins a maximum; a NaN wins its window. Indices are 0-based, row-major over the *unpadded* spatial
positions, local to (observation, channel). Repeated indices: unpooling assigns in row-major order of the pooled
positions, so the last one stays; its gradient is a gather.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.errors import fail
from dltoolbox.core.formats import Dims
from dltoolbox.core.geometry import Pair, Window
from dltoolbox.ops.base import BOTH, IN, OUT, Call, Gradients, Op, op, sum_over


def pad(x: np.ndarray, window: Window, value: float) -> np.ndarray:
    """Pad the spatial axes by the window's padding, or cut where it is negative; ``x`` itself when there is none."""
    return padded_by(x, window.padding, value) if window.padded else x


def padded_by(x: np.ndarray, padding: Sequence[Pair], value: float) -> np.ndarray:
    """Pad the first axes, each by its (before, after); negative numbers cut."""
    kept = x[tuple(slice(max(-p[0], 0), n - max(-p[1], 0)) for p, n in zip(padding, x.shape, strict=False))]
    widths = [(max(p[0], 0), max(p[1], 0)) for p in padding]
    return np.pad(kept, [*widths, *[(0, 0)] * (x.ndim - len(widths))], constant_values=value)


def unpadded(padded: np.ndarray, window: Window) -> np.ndarray:
    """The part of a padded array that is not padding: the adjoint of `pad` with zeros."""
    if all(before >= 0 <= after for before, after in window.padding):
        return padded[tuple(slice(p[0], n - p[1]) for p, n in zip(window.padding, padded.shape, strict=False))]
    return padded_by(padded, [(-before, -after) for before, after in window.padding], 0)


def windowed_dims(x: Dims, window: Window) -> Dims:
    return x.with_spatial(window.output(x.spatial))


def tap_positions(window: Window, spatial: Sequence[int], out: Sequence[int]) -> np.ndarray:
    """Unpadded row-major position of every (tap, output): shape (taps, *out); −1 where the tap lies in the padding."""
    result = np.zeros((window.taps, *out), np.int64)
    inside = np.ones((window.taps, *out), bool)
    offsets = np.array(list(window.offsets()))
    for axis, (n, count) in enumerate(zip(spatial, out, strict=True)):
        at = offsets[:, axis, None] + np.arange(count) * window.stride[axis] - window.padding[axis][0]
        at = at.reshape(window.taps, *(count if a == axis else 1 for a in range(window.rank)))
        inside &= (at >= 0) & (at < n)
        result = result * n + at
    return np.where(inside, result, -1)


def window_winner(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Maximum of every window and the number of the tap that holds it (first tap of a tie; a NaN beats everything)."""
    spatial = x.shape[:window.rank]
    out = window.output(spatial)
    padded = pad(x, window, -np.inf)
    positions = tap_positions(window, spatial, out)
    best = np.full((*out, *x.shape[window.rank:]), -np.inf, x.dtype)
    tap = np.full(best.shape, -1, np.int64)
    for number, offset in enumerate(window.offsets()):
        candidate = padded[window.tap_slices(offset, out)]
        real = (positions[number] >= 0).reshape(*out, *[1] * (x.ndim - window.rank))
        wins = real & ((candidate > best) | (np.isnan(candidate) & ~np.isnan(best)) | (tap < 0))
        best = np.where(wins, candidate, best)
        tap = np.where(wins, number, tap)
    return best, tap


def winner_positions(tap: np.ndarray, window: Window, spatial: Sequence[int]) -> np.ndarray:
    """Tap numbers → indices into the flattened spatial positions."""
    out = tap.shape[:window.rank]
    positions = tap_positions(window, spatial, out).reshape(window.taps, -1)
    flat = tap.reshape(prod(out), prod(tap.shape[window.rank:]))
    return positions[flat, np.arange(len(flat))[:, None]].reshape(tap.shape)


@op
class window_max(Op):
    """Maximum over every window."""

    reads = IN

    def infer(self, x: Dims, *, window: Window) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> np.ndarray:
        return window_winner(x, window)[0]

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        (x,) = call.inputs
        tap = window_winner(x, window)[1]
        return (scatter_add(grad, winner_positions(tap, window, x.shape[:window.rank]), x.shape[:window.rank]),)


@op
class window_max_indices(Op):
    """Maximum over every window, and where it was found."""

    reads = OUT

    def infer(self, x: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        best, tap = window_winner(x, window)
        return best, winner_positions(tap, window, x.shape[:window.rank])

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        (x,), (_, indices) = call.inputs, call.outputs
        return (scatter_add(grad, indices, x.shape[:window.rank]),)


@op
class window_max_taps(Op):
    """Maximum over every window, and the number of the tap that holds it: indices in 8 bits, for windows of few taps.

    The program uses it in place of `window_max_indices` where only `unpool_taps` reads them.
    """

    reads = BOTH

    def infer(self, x: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        best, tap = window_winner(x, window)
        return best, tap.astype(np.uint8)

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        (x,), (_, taps) = call.inputs, call.outputs
        spatial = x.shape[:window.rank]
        return (scatter_add(grad, winner_positions(taps, window, spatial), spatial),)


@op
class unpool_taps(Op):
    """`unpool` with tap numbers of a ``window`` without overlap that pooled an array of size ``to``."""

    reads = IN

    def infer(self, x: Dims, taps: Dims, *, window: Window, to: Dims) -> Dims:
        return to

    def forward(self, x: np.ndarray, taps: np.ndarray, *, window: Window, to: Dims) -> np.ndarray:
        return scatter_add(x, winner_positions(taps, window, to.spatial), to.spatial)

    def backward(self, call: Call, grad: np.ndarray, *, window: Window, to: Dims) -> Gradients:
        taps = call.inputs[1]
        positions = winner_positions(taps, window, to.spatial)
        return grad.reshape(-1)[flat_positions(positions, to.rank)].reshape(taps.shape), None


def flat_positions(indices: np.ndarray, rank: int) -> np.ndarray:
    """Indices local to (observation, channel) → positions in the raveled array, in row-major order of the pooled map."""
    columns = prod(indices.shape[rank:])
    rows = indices.reshape(prod(indices.shape[:rank]), columns).astype(np.int64, copy=False)
    return (rows * columns + np.arange(columns)).reshape(-1)


def scatter_add(values: np.ndarray, indices: np.ndarray, spatial: Sequence[int]) -> np.ndarray:
    """Zeros of the given spatial sizes, plus each value at its index (sums where windows overlap)."""
    shape = (*spatial, *values.shape[len(spatial):])
    flat = np.bincount(flat_positions(indices, len(spatial)), values.reshape(-1), minlength=prod(shape))
    return flat.astype(values.dtype).reshape(shape)


@op
class unpool(Op):
    """Zeros of the size that ``size`` stands for, with each value of ``x`` at its index."""

    reads = IN

    def infer(self, x: Dims, indices: Dims, size: Dims, *, to: Dims) -> Dims:
        if x.sizes != indices.sizes:
            fail("maxUnpooling:sizeMismatch", f"The map to unpool has size {x}, but the indices have size {indices}.",
                 "Unpool a map of the same size and channels as the pooled output that the indices came with.")
        return to

    def forward(self, x: np.ndarray, indices: np.ndarray, size: np.ndarray, *, to: Dims) -> np.ndarray:
        spatial = tuple(int(n) for n in size[:to.rank])
        if indices.size and (indices.min() < 0 or indices.max() >= prod(spatial)):
            fail("maxUnpooling:indexOutOfRange", f"The indices reach from {indices.min()} to {indices.max()}, but an "
                 f"output of {spatial} has positions 0 to {prod(spatial) - 1} (0-based, per channel and observation).",
                 "Connect 'indices' and 'size' of the same pooling layer.")
        y = np.zeros((*spatial, *x.shape[to.rank:]), x.dtype)
        y.put(flat_positions(indices, to.rank), x)  # one after the other, so the last of a repeated index stays
        return y

    def backward(self, call: Call, grad: np.ndarray, *, to: Dims) -> Gradients:
        _, indices, _ = call.inputs
        return grad.reshape(-1)[flat_positions(indices, to.rank)].reshape(indices.shape), None, None


@op
class size_of(Op):
    """The sizes of ``x`` as a vector: the value of a ``size`` port."""

    differentiable = False

    def infer(self, x: Dims) -> Dims:
        return Dims.of("U", len(x.sizes))

    def forward(self, x: np.ndarray) -> np.ndarray:
        return np.array(x.shape, np.int64)


@op
class window_mean(Op):
    """Mean over every window; ``count_padding`` divides by the whole window (padding counts as zeros)."""

    def infer(self, x: Dims, *, window: Window, count_padding: bool) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window, count_padding: bool) -> np.ndarray:
        spatial = x.shape[:window.rank]
        out = window.output(spatial)
        padded = pad(x, window, 0)
        total = np.zeros((*out, *x.shape[window.rank:]), x.dtype)
        for offset in window.offsets():
            total += padded[window.tap_slices(offset, out)]
        return total / self._counts(x, window, out, count_padding)

    def backward(self, call: Call, grad: np.ndarray, *, window: Window, count_padding: bool) -> Gradients:
        (x,) = call.inputs
        spatial = x.shape[:window.rank]
        out = grad.shape[:window.rank]
        share = grad / self._counts(x, window, out, count_padding)
        padded = np.zeros((*(n + sum(p) for n, p in zip(spatial, window.padding, strict=True)), *x.shape[window.rank:]),
                          grad.dtype)
        for offset in window.offsets():
            padded[window.tap_slices(offset, out)] += share
        return (unpadded(padded, window),)

    @staticmethod
    def _counts(x: np.ndarray, window: Window, out: Sequence[int], count_padding: bool) -> np.ndarray:
        if count_padding or not window.padded:
            return np.array(window.taps, x.dtype)
        real = (tap_positions(window, x.shape[:window.rank], out) >= 0).sum(0)
        return real.astype(x.dtype).reshape(*out, *[1] * (x.ndim - window.rank))


@op
class global_mean(Op):
    """Mean over the spatial axes, kept with size 1."""

    def infer(self, x: Dims) -> Dims:
        return x.with_spatial((1,) * x.rank)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        return sum_over(x, tuple(range(x.ndim - 2)), keepdims=True) / prod(x.shape[:-2])

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        return (np.broadcast_to(grad / prod(x.shape[:-2]), x.shape),)


@op
class global_max(Op):
    """Maximum over the spatial axes, kept with size 1; a tie sends its gradient to the first position."""

    reads = IN

    def infer(self, x: Dims) -> Dims:
        return x.with_spatial((1,) * x.rank)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        return x.max(tuple(range(x.ndim - 2)), keepdims=True)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        (x,) = call.inputs
        at = x.reshape(prod(x.shape[:-2]), *x.shape[-2:]).argmax(0).reshape(grad.shape)
        return (scatter_add(grad, at, x.shape[:-2]),)
