"""Memory orders. Kernels agree on two, so that the next one finds its input as it wants it.

* ``rows``: (S1, C, S2…, N), for large batches or few channels. The rows of a convolution's window stack for free, and
  everything elementwise or per channel runs over long contiguous stretches.
* ``channels_last``: (S…, N, C), for small batches of many channels. Products with the filters are large, pooling runs
  over N·C.

An *order* is a permutation of the axes of an op's array (S…, C, N), slowest first. Arrays travel as transposed views, so
their axes always have the op's order.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

Order = tuple[int, ...]

LARGE_BATCH, SMALL_BATCH, MANY_CHANNELS = 32, 8, 32


@cache
def rows_order(ndim: int) -> Order:
    """(S1, C, S2…, N)."""
    return (0, ndim - 2, *range(1, ndim - 2), ndim - 1) if ndim > 2 else tuple(range(ndim))


@cache
def channels_last_order(ndim: int) -> Order:
    """(S…, N, C)."""
    return (*range(ndim - 2), ndim - 1, ndim - 2)


def preferred_order(shape: Sequence[int], observations: int | None = None) -> Order:
    """The order in which convolutions deliver an array of the op's ``shape`` (S…, C, N); ``observations`` are those that its
    neighbours see, where that is not N.
    """
    channels, batch = shape[-2], shape[-1] if observations is None else observations
    if batch >= LARGE_BATCH or (batch >= SMALL_BATCH and channels < MANY_CHANNELS):
        return rows_order(len(shape))
    return channels_last_order(len(shape))


def lies_in(x: np.ndarray, order: Sequence[int]) -> bool:
    """Whether the array is contiguous in ``order``."""
    return x.transpose(order).flags.c_contiguous


def order_of(x: np.ndarray) -> Order:
    """The order in which the array lies in memory; axes of one element keep their place."""
    return tuple(sorted(range(x.ndim), key=lambda axis: (-abs(x.strides[axis]), axis)))


@cache
def inverse(order: Order) -> Order:
    return tuple(sorted(range(len(order)), key=order.__getitem__))
