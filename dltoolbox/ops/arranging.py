"""Words that only move elements: flattening, and shuffling channels."""

from __future__ import annotations

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.ops import convolution
from dltoolbox.ops.base import Call, Gradients, Op, op
from dltoolbox.ops.pointwise import SameSize


@op
class flatten(Op):
    """The features of each observation as one column, column-major (h, w, c)."""

    def infer(self, x: Dims) -> Dims:
        return Dims.of("CB", x.features, x.batch)

    def forward(self, x: np.ndarray) -> np.ndarray:
        return convolution.flatten(x)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return (convolution.unflatten(grad, call.inputs[0].shape),)


@op
class channel_shuffle(SameSize):
    """Channels in ``groups`` of equal size: the first of every group, then the second of every group, and so on."""

    def forward(self, x: np.ndarray, *, groups: int) -> np.ndarray:
        return transposed_channels(x, groups)

    def backward(self, call: Call, grad: np.ndarray, *, groups: int) -> Gradients:
        return (transposed_channels(grad, grad.shape[-2] // groups),)


def transposed_channels(x: np.ndarray, rows: int) -> np.ndarray:
    """The channels as a matrix of so many rows, read column by column."""
    *spatial, channels, batch = x.shape
    return x.reshape(*spatial, rows, channels // rows, batch).swapaxes(-3, -2).reshape(x.shape)
