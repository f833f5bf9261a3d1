"""Elementwise kernels: one pass into one new array, in the memory order of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Direct, Workspace, kernel
from dltoolbox.ops.base import Call, Gradients

CHUNK = 1 << 16  # elements


def chunks(*arrays: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Flat pieces, small enough for the cache, of arrays that lie alike; the arrays themselves where they do not."""
    order = layout.order_of(arrays[0])
    if not all(layout.lies_in(x, order) for x in arrays):
        yield arrays
        return
    flat = [x.transpose(order).reshape(-1) for x in arrays]
    for start in range(0, flat[0].size, CHUNK):
        yield tuple(x[start:start + CHUNK] for x in flat)


def like_first(work: Workspace, tag: str, pieces: list[tuple[np.ndarray, ...]], dtype: Any) -> np.ndarray:
    """Scratch as large as the largest of some pieces, which is the first."""
    return work.scratch(tag, pieces[0][0].shape if pieces else (0,), dtype)


@kernel
class Relu(Direct):
    """`relu`."""

    op = "relu"

    def forward(self, work: Workspace, x: np.ndarray) -> np.ndarray:
        y = layout.empty_like(work, x)
        pieces = list(chunks(x, y))
        zeros = like_first(work, "zeros", pieces, x.dtype)  # the maximum of two arrays is much faster than with a scalar
        zeros[...] = 0
        for source, target in pieces:
            np.maximum(source, zeros[:len(source)], out=target)
        return y

    def backward(self, work: Workspace, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        dx = layout.empty_like(work, y)
        pieces = list(chunks(y, grad, dx))
        positive, gate = like_first(work, "positive", pieces, np.bool_), like_first(work, "gate", pieces, grad.dtype)
        for value, above, below in pieces:
            count = len(value)
            np.greater(value, 0, out=positive[:count])
            gate[:count] = positive[:count]  # multiplying by a boolean array would convert it more slowly
            np.multiply(above, gate[:count], out=below)
        return (dx,)


@kernel
class LeakyRelu(Direct):
    """`leaky_relu` forward as a maximum, where the scale permits."""

    op = "leaky_relu"

    def forward(self, work: Workspace, x: np.ndarray, *, scale: float) -> np.ndarray:
        y = layout.empty_like(work, x)
        for source, target in chunks(x, y):
            np.multiply(source, np.asarray(scale, x.dtype), out=target)
            if 0 <= scale <= 1:
                np.maximum(source, target, out=target)
            else:
                np.copyto(target, source, where=source >= 0)
        return y


@kernel
class Softmax(Direct):
    """`softmax` in one array; its gradient with one temporary."""

    op = "softmax"

    def forward(self, work: Workspace, x: np.ndarray) -> np.ndarray:
        y = layout.empty_like(work, x)
        np.subtract(x, x.max(-2, keepdims=True), out=y)
        np.exp(y, out=y)
        y /= y.sum(-2, keepdims=True)
        return y

    def backward(self, work: Workspace, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        dx = layout.empty_like(work, y)
        np.multiply(grad, y, out=dx)
        total = dx.sum(-2, keepdims=True)
        np.subtract(grad, total, out=dx)
        dx *= y
        return (dx,)
