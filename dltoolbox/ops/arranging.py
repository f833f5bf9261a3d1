"""Words that only move elements: flattening, further spatial dimensions, and shuffling channels."""

from __future__ import annotations

from typing import Any

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
class raise_rank(Op):
    """Further spatial dimensions of size 1, so that there are ``rank``: they stand behind those that there are."""

    def infer(self, x: Dims, *, rank: int) -> Dims:
        return Dims("S" * rank + x.labels[x.rank:], self.shape(x.sizes, rank))

    def reach(self, x: Dims, *others: Dims, **attrs: Any) -> None:
        return None

    def forward(self, x: np.ndarray, *, rank: int) -> np.ndarray:
        return x.reshape(self.shape(x.shape, rank))

    def backward(self, call: Call, grad: np.ndarray, *, rank: int) -> Gradients:
        return (grad.reshape(call.inputs[0].shape),)

    @staticmethod
    def shape(sizes: tuple[Any, ...], rank: int) -> tuple[Any, ...]:
        return (*sizes[:-2], *[1] * (rank + 2 - len(sizes)), *sizes[-2:])


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
