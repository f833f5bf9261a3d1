"""Batch normalisation in two passes over blocks that stay in cache, without a temporary as large as the input.

Sums are taken in float32 over short stretches and in float64 over those. Where the mean of a channel is far from zero
compared with its deviation, they are taken again of the input less the mean, so nothing is lost to cancellation.
Factors per channel are written out to the size of a block: equal shapes are what NumPy is fastest with.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Direct, Workspace, kernel
from dltoolbox.ops.base import Call, Gradients

FAR = 10.0  # mean² over the variance beyond which the mean is subtracted before anything else
BLOCK = 1 << 16  # elements of a block; several blocks share the cache
LARGEST_TILE = 1 << 16  # elements up to which factors are written out


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

    @property
    def elements(self) -> int:
        """Elements per channel."""
        return self.outer * self.inner

    @property
    def step(self) -> int:
        """Outer elements of a block."""
        return max(1, BLOCK // max(self.channels * self.inner, 1))

    def view(self, work: Workspace, tag: str, x: np.ndarray) -> np.ndarray:
        """``x`` as (outer, C, inner); a copy where it lies differently."""
        return layout.arranged(work, tag, x, self.order).reshape(self.outer, self.channels, self.inner)

    def blocks(self) -> Iterator[slice]:
        """Slices of the outer axis."""
        for start in range(0, self.outer, self.step):
            yield slice(start, min(start + self.step, self.outer))

    def factor(self, per_channel: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """One number per channel, of the shape of a block or, where that were large, broadcasting against it."""
        column = per_channel.reshape(1, -1, 1).astype(dtype)
        shape = (min(self.step, self.outer), self.channels, self.inner)
        return np.ascontiguousarray(np.broadcast_to(column, shape)) if prod(shape) <= LARGEST_TILE else column


def is_far(mean: np.ndarray, variance: np.ndarray) -> bool:
    return bool(np.any(mean * mean > FAR * variance))


class Sums:
    """Sums per channel over blocks (outer, C, inner): in the array's precision within a block, in double over them."""

    def __init__(self, work: Workspace, tag: str, seen: Channels, dtype: np.dtype) -> None:
        self.seen, self.work = seen, work
        height = seen.outer if seen.inner > 1 else -(-seen.outer // seen.step)
        self.parts = work.scratch(tag, (height, seen.channels), dtype)
        self.ones = np.ones(seen.inner if seen.inner > 1 else seen.step, dtype)

    def add(self, rows: slice, block: np.ndarray) -> None:
        """Σ block."""
        if self.seen.inner > 1:
            np.matmul(block, self.ones, out=self.parts[rows])
        else:
            np.matmul(self.ones[:len(block)], block[:, :, 0], out=self.parts[rows.start // self.seen.step])

    def add_product(self, rows: slice, a: np.ndarray, b: np.ndarray) -> None:
        """Σ a·b."""
        if self.seen.inner > 1:
            np.einsum("ocl,ocl->oc", a, b, out=self.parts[rows])
        else:
            self.add(rows, np.multiply(a, b, out=self.work.scratch("dots", a.shape, a.dtype)))

    @property
    def total(self) -> np.ndarray:
        return self.parts.sum(0, dtype=np.float64)


def less(work: Workspace, x: np.ndarray, center: np.ndarray | None) -> np.ndarray:
    """A block less its center; the block itself where there is none."""
    return x if center is None else np.subtract(x, center[:len(x)], out=work.scratch("centered", x.shape, x.dtype))


def moments(work: Workspace, x: np.ndarray, seen: Channels) -> tuple[np.ndarray, np.ndarray]:
    """Mean and biased variance per channel of (outer, C, inner), in float64."""
    pivot: np.ndarray = np.zeros(seen.channels)
    center = None
    for _ in range(3):
        first, second = (Sums(work, tag, seen, x.dtype) for tag in ("sums", "squares"))
        for rows in seen.blocks():
            block = less(work, x[rows], center)
            first.add(rows, block)
            second.add_product(rows, block, block)
        rest = first.total / seen.elements
        mean, variance = pivot + rest, np.maximum(second.total / seen.elements - rest * rest, 0)
        if not is_far(rest, variance):
            break
        pivot = mean.astype(x.dtype).astype(np.float64)
        center = seen.factor(pivot, x.dtype)
    return mean, variance


@kernel
class BatchNorm(Direct):
    """`batch_norm`."""

    op = "batch_norm"

    def forward(self, work: Workspace, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, *,
                epsilon: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        seen = Channels.of(x)
        source = seen.view(work, "x", x)
        mean, variance = moments(work, source, seen)
        factor = scale.reshape(-1) / np.sqrt(variance + epsilon)
        y = layout.empty(work, x.shape, seen.order, x.dtype)
        affine(work, source, seen.view(work, "", y), seen, mean if is_far(mean, variance) else None, factor,
               offset.reshape(-1) - mean * factor)
        return y, mean.astype(x.dtype).reshape(scale.shape), variance.astype(x.dtype).reshape(scale.shape)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *_: None, epsilon: float) -> Gradients:
        (x, scale, offset), (_, *statistics) = call.inputs, call.outputs
        mean, variance = (one.reshape(-1).astype(np.float64) for one in statistics)
        seen = Channels.of(x)
        source, dy = seen.view(work, "x", x), seen.view(work, "dy", grad)
        center = seen.factor(mean, x.dtype) if is_far(mean, variance) else None
        left = np.zeros_like(mean) if center is not None else mean  # what is still to be subtracted
        inverse = 1 / np.sqrt(variance + epsilon)
        plain, weighted = (Sums(work, tag, seen, x.dtype) for tag in ("sums", "squares"))
        for rows in seen.blocks():
            plain.add(rows, dy[rows])
            weighted.add_product(rows, dy[rows], less(work, source[rows], center))
        d_offset = plain.total
        d_scale = (weighted.total - left * d_offset) * inverse
        factor = scale.reshape(-1) * inverse
        slope = -factor * inverse * d_scale / seen.elements
        constant = -factor * d_offset / seen.elements - slope * left
        dx = layout.empty(work, x.shape, seen.order, x.dtype)
        target = seen.view(work, "", dx)
        times, tilt, plus = (seen.factor(one, x.dtype) for one in (factor, slope, constant))
        for rows in seen.blocks():
            block, part = target[rows], work.scratch("dots", source[rows].shape, x.dtype)
            count = len(block)
            np.multiply(less(work, source[rows], center), tilt[:count], out=block)
            np.multiply(dy[rows], times[:count], out=part)
            block += part
            block += plus[:count]
        return dx, d_scale.astype(x.dtype).reshape(scale.shape), d_offset.astype(x.dtype).reshape(offset.shape)


def affine(work: Workspace, x: np.ndarray, y: np.ndarray, seen: Channels, mean: np.ndarray | None, factor: np.ndarray,
           constant: np.ndarray) -> None:
    """y = factor·x + constant, computed as factor·(x − mean) + (constant + factor·mean) where a mean is given."""
    center = None
    if mean is not None:
        center = seen.factor(mean, x.dtype)
        constant = constant + factor * mean.astype(x.dtype)
    times, plus = seen.factor(factor, x.dtype), seen.factor(constant, x.dtype)
    for rows in seen.blocks():
        block = y[rows]
        np.multiply(less(work, x[rows], center), times[:len(block)], out=block)
        block += plus[:len(block)]


@kernel
class Normalise(Direct):
    """`normalise` forward; its gradient is rarely asked for and stays the op's own."""

    op = "normalise"

    def forward(self, work: Workspace, x: np.ndarray, scale: np.ndarray, offset: np.ndarray, mean: np.ndarray,
                variance: np.ndarray, *, epsilon: float) -> np.ndarray:
        seen = Channels.of(x)
        factor, constant = (one.reshape(-1) for one in self.line(scale, offset, mean, variance, epsilon))
        y = layout.empty(work, x.shape, seen.order, x.dtype)
        far = is_far(mean, variance)
        affine(work, seen.view(work, "x", x), seen.view(work, "", y), seen, mean.reshape(-1) if far else None, factor,
               constant)
        return y

    @staticmethod
    def line(scale: np.ndarray, offset: np.ndarray, mean: np.ndarray, variance: np.ndarray,
             epsilon: float) -> tuple[np.ndarray, np.ndarray]:
        """Factor and constant of the straight line that it is, in double."""
        factor = scale / np.sqrt(variance.astype(np.float64) + epsilon)
        return factor, offset - mean * factor
