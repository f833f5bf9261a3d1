"""Batch normalisation in two passes over blocks that stay in cache.

Sums are taken of x − p, where the pivot p is near the mean of the channel, so float32 loses nothing where |mean| ≫ std;
blocks are combined in float64. No temporary is as large as the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Kernel, Workspace, kernel
from dltoolbox.ops.base import Call, Gradients

FAR = 100.0  # (mean − pivot)² over the variance from which on the pivot is moved to the mean, and the sums taken again


class Channels(NamedTuple):
    """How an array is seen channel by channel: (outer, C, inner) in its memory order."""

    order: layout.Order
    outer: int
    channels: int
    inner: int

    @classmethod
    def of(cls, x: np.ndarray) -> Channels:
        order = layout.order_of(x)
        if not layout.lies_in(x, order):
            order = layout.preferred_order(x.shape)
        at = order.index(x.ndim - 2)
        shape = [x.shape[axis] for axis in order]
        return cls(order, prod(shape[:at]), shape[at], prod(shape[at + 1:]))

    def view(self, work: Workspace, tag: str, x: np.ndarray) -> np.ndarray:
        """``x`` as (outer, C, inner); a copy where it lies differently."""
        return layout.arranged(work, tag, x, self.order).reshape(self.outer, self.channels, self.inner)

    def blocks(self, itemsize: int) -> Iterator[slice]:
        """Slices of the outer axis whose arrays stay in cache together."""
        yield from layout.blocks(self.outer, self.channels * self.inner * itemsize, layout.BLOCK_BYTES // 2)

    def spread(self, per_channel: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """One number per channel, shaped against (outer, C, inner)."""
        return per_channel.reshape(-1, 1).astype(dtype)


def sums(block: np.ndarray, ones: np.ndarray) -> np.ndarray:
    """Σ per channel of a block (outer, C, inner), in float64."""
    if block.shape[2] > 1:
        return np.matmul(block, ones[:block.shape[2]]).sum(0, dtype=np.float64)
    return np.matmul(ones[:len(block)], block[:, :, 0]).astype(np.float64)


def dots(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Σ per channel of a·b for blocks (outer, C, inner), in float64."""
    if a.shape[2] > 1:
        return np.einsum("ocl,ocl->oc", a, b).sum(0, dtype=np.float64)
    return np.einsum("oc,oc->c", a[:, :, 0], b[:, :, 0]).astype(np.float64)


def moments(work: Workspace, x: np.ndarray, seen: Channels) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance per channel of (outer, C, inner), in float64."""
    ones = np.ones(max(seen.inner, seen.outer), x.dtype)
    count = seen.outer * seen.inner
    pivot = np.asarray(x[0].mean(-1), x.dtype)
    for _ in range(2):
        first, second = np.zeros(seen.channels), np.zeros(seen.channels)
        shift = seen.spread(pivot, x.dtype)
        for rows in seen.blocks(x.itemsize):
            part = work.scratch("shifted", x[rows].shape, x.dtype)
            np.subtract(x[rows], shift, out=part)
            first += sums(part, ones)
            second += dots(part, part)
        off = first / count
        mean, variance = pivot + off, np.maximum(second / count - off * off, 0)
        if not np.any(off * off > FAR * variance):
            break
        pivot = mean.astype(x.dtype)
    return mean, variance


@kernel
class BatchNorm(Kernel):
    """`batch_norm`."""

    op = "batch_norm"

    def forward(self, work: Workspace, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, *,
                epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        seen = Channels.of(x)
        source = seen.view(work, "x", x)
        mean, variance = moments(work, source, seen)
        center = mean.astype(x.dtype)
        factor = scale.reshape(-1) / np.sqrt(variance + epsilon)
        rest = offset.reshape(-1) + (center - mean) * factor  # what rounding the mean has lost
        y = layout.empty(work, x.shape, seen.order, x.dtype)
        target = seen.view(work, "", y)
        first, times, plus = (seen.spread(one, x.dtype) for one in (center, factor, rest))
        for rows in seen.blocks(x.itemsize):
            block = target[rows]
            np.subtract(source[rows], first, out=block)
            block *= times
            block += plus
        return y, center.reshape(scale.shape), variance.astype(x.dtype).reshape(scale.shape)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *_: None, epsilon: float) -> Gradients:
        (x, scale, offset), (_, mean, variance) = call.inputs, call.outputs
        seen = Channels.of(x)
        source, dy = seen.view(work, "x", x), seen.view(work, "dy", grad)
        center = seen.spread(mean, x.dtype)
        inverse = 1 / np.sqrt(variance.reshape(-1).astype(np.float64) + epsilon)
        ones, count = np.ones(max(seen.inner, seen.outer), x.dtype), seen.outer * seen.inner
        d_offset, weighted = np.zeros(seen.channels), np.zeros(seen.channels)
        for rows in seen.blocks(x.itemsize):
            part = work.scratch("shifted", source[rows].shape, x.dtype)
            np.subtract(source[rows], center, out=part)
            d_offset += sums(dy[rows], ones)
            weighted += dots(dy[rows], part)
        d_scale = weighted * inverse
        dx = layout.empty(work, x.shape, seen.order, x.dtype)
        factor = scale.reshape(-1) * inverse
        self._input_gradient(work, source, dy, seen.view(work, "", dx), seen, (
            center, *(seen.spread(one, x.dtype) for one in (
                factor, -factor * inverse * d_scale / count, -factor * d_offset / count))))
        return (dx, d_scale.astype(x.dtype).reshape(scale.shape), d_offset.astype(x.dtype).reshape(offset.shape))

    @staticmethod
    def _input_gradient(work: Workspace, x: np.ndarray, dy: np.ndarray, dx: np.ndarray, seen: Channels,
                        factors: tuple[np.ndarray, ...]) -> None:
        """dx = factor·dy + slope·(x − mean) + constant, block by block."""
        center, factor, slope, constant = factors
        for rows in seen.blocks(x.itemsize):
            part, block = work.scratch("shifted", x[rows].shape, x.dtype), dx[rows]
            np.subtract(x[rows], center, out=block)
            block *= slope
            block += constant
            np.multiply(dy[rows], factor, out=part)
            block += part


@kernel
class Normalise(Kernel):
    """`normalise` forward; its gradient is rarely asked for and stays the op's own."""

    op = "normalise"

    def forward(self, work: Workspace, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mean: np.ndarray,
                variance: np.ndarray, *, epsilon: float) -> np.ndarray:
        seen = Channels.of(x)
        source = seen.view(work, "x", x)
        factor = scale / np.sqrt(variance + np.asarray(epsilon, variance.dtype))
        times, plus = seen.spread(factor, x.dtype), seen.spread(offset - mean * factor, x.dtype)
        y = layout.empty(work, x.shape, seen.order, x.dtype)
        target = seen.view(work, "", y)
        for rows in seen.blocks(x.itemsize):
            np.multiply(source[rows], times, out=target[rows])
            target[rows] += plus
        return y
