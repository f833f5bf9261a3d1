"""Elementwise kernels: one pass into one new array, in the memory order of the input."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Kernel, Workspace, kernel
from dltoolbox.ops.base import Call, Gradients


@kernel
class Relu(Kernel):
    """`relu`."""

    op = "relu"

    def forward(self, work: Workspace, x: np.ndarray) -> np.ndarray:
        y = layout.empty_like(work, x)
        return np.maximum(x, np.zeros((), x.dtype), out=y)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray) -> Gradients:
        (y,) = call.outputs
        dx = layout.empty_like(work, y)
        return (np.multiply(grad, positive(work, y), out=dx),)


def positive(work: Workspace, y: np.ndarray) -> np.ndarray:
    """Where ``y`` is above zero."""
    return np.greater(y, 0, out=layout.scratch(work, "positive", y.shape, layout.order_of(y), np.bool_))


@kernel
class LeakyRelu(Kernel):
    """`leaky_relu` forward as a maximum, where the scale permits."""

    op = "leaky_relu"

    def forward(self, work: Workspace, x: np.ndarray, *, scale: float) -> np.ndarray:
        y = layout.empty_like(work, x)
        np.multiply(x, np.asarray(scale, x.dtype), out=y)
        if 0 <= scale <= 1:
            return np.maximum(x, y, out=y)
        np.copyto(y, x, where=x >= 0)
        return y


@kernel
class Softmax(Kernel):
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
