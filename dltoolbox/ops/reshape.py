"""Words that only move elements: flattening, further spatial dimensions, shuffling channels, and blocks of
elements in place of channels."""

from __future__ import annotations

from math import prod
from typing import Any, TypeVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Reach
from dltoolbox.core.unknown import UNKNOWN
from dltoolbox.ops import conv
from dltoolbox.ops.arithmetic import SameSize
from dltoolbox.ops.base import Call, Gradients, Op, op

N = TypeVar("N")


@op
class flatten(Op):
    """The features of each observation as one column, column-major (h, w, c)."""

    def infer(self, x: Dims) -> Dims:
        return Dims.of("CB", x.features, x.batch)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray) -> np.ndarray:
        return conv.column_major(x)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        return (conv.unflatten(grad, call.inputs[0].shape),)


@op
class append_spatial_dims(Op):
    """Further spatial dimensions of size 1, so that there are ``rank``: they stand behind those that there are."""

    def infer(self, x: Dims, *, rank: int) -> Dims:
        return Dims("S" * rank + x.labels[x.rank:], (*x.spatial, *[1] * (rank - x.rank), *x.sizes[x.rank:]))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, *, rank: int) -> np.ndarray:
        return x.reshape(self.shape(x.shape, rank))

    def backward(self, call: Call, grad: np.ndarray, *, rank: int) -> Gradients:
        return (grad.reshape(call.inputs[0].shape),)

    @staticmethod
    def shape(sizes: tuple[N, ...], rank: int) -> tuple[N | int, ...]:
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


def spread_channels(x: np.ndarray, block: tuple[int, ...], order: str) -> np.ndarray:
    """Channels as blocks of elements. They run by channel of the output, column and row ('dcr'), or by column, row and
    channel ('crd'), the first fastest.
    """
    rank, channels = len(block), x.shape[-2] // prod(block)
    split = x.reshape(*x.shape[:rank], *((*block, channels) if order == "dcr" else (channels, *block)), x.shape[-1])
    split = split if order == "dcr" else np.moveaxis(split, rank, -2)
    pairs = [axis for pair in zip(range(rank), range(rank, 2 * rank), strict=True) for axis in pair]
    return split.transpose(*pairs, 2 * rank, 2 * rank + 1).reshape(
        *(n * b for n, b in zip(x.shape, block, strict=False)), channels, x.shape[-1])


def gathered_blocks(x: np.ndarray, block: tuple[int, ...], order: str) -> np.ndarray:
    """The inverse of `spread_channels`."""
    rank = len(block)
    counts = tuple(n // b for n, b in zip(x.shape, block, strict=False))
    split = x.reshape(*(n for pair in zip(counts, block, strict=True) for n in pair), *x.shape[rank:])
    split = split.transpose(*range(0, 2 * rank, 2), *range(1, 2 * rank, 2), 2 * rank, 2 * rank + 1)
    split = split if order == "dcr" else np.moveaxis(split, -2, rank)
    return split.reshape(*counts, prod(block) * x.shape[-2], x.shape[-1])


@op
class depth_to_space(Op):
    """Every group of channels becomes a ``block`` of elements of one channel; see `spread_channels` for the ``order``."""

    def infer(self, x: Dims, *, block: tuple[int, ...], order: str) -> Dims:
        channels = UNKNOWN if x.channels % prod(block) else x.channels // prod(block)
        spatial = [n if n is None else n * b for n, b in zip(x.spatial, block, strict=True)]
        return x.with_spatial(spatial).with_size("C", channels)

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(per=b) for b in attrs["block"])

    def forward(self, x: np.ndarray, *, block: tuple[int, ...], order: str) -> np.ndarray:
        return spread_channels(x, block, order)

    def backward(self, call: Call, grad: np.ndarray, *, block: tuple[int, ...], order: str) -> Gradients:
        return (gathered_blocks(grad, block, order),)


@op
class space_to_depth(Op):
    """Every ``block`` of elements becomes channels, in the order 'dcr'; rows and columns that are left over are dropped."""

    def infer(self, x: Dims, *, block: tuple[int, ...]) -> Dims:
        return x.with_spatial([n if n is None else n // b for n, b in zip(x.spatial, block, strict=True)]).with_size(
            "C", x.channels * prod(block))

    def reach(self, x: Dims, y: Dims, **attrs: Any) -> tuple[Reach, ...]:
        return tuple(Reach(0, b - 1, b) for b in attrs["block"])

    def forward(self, x: np.ndarray, *, block: tuple[int, ...]) -> np.ndarray:
        return gathered_blocks(x[self.whole(x, block)], block, "dcr")

    def backward(self, call: Call, grad: np.ndarray, *, block: tuple[int, ...]) -> Gradients:
        (x,) = call.inputs
        dx = np.zeros(x.shape, grad.dtype)
        dx[self.whole(x, block)] = spread_channels(grad, block, "dcr")
        return (dx,)

    @staticmethod
    def whole(x: np.ndarray, block: tuple[int, ...]) -> tuple[slice, ...]:
        """Where there are whole blocks."""
        return tuple(slice(n // b * b) for n, b in zip(x.shape, block, strict=False))
