"""Arrays as long rows, each with all channels and observations: sums and maxima over positions are those of whole rows, and
what is left are the few numbers of one row.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.blocking import cut, divisor
from dltoolbox.kernels.memory_format import Order

LEAST_WIDTH = 1 << 12  # elements of a row, where there are enough
BLOCK_OF_ROWS = 1 << 17  # elements that are worked on together
LEAST_ROWS, MOST_ROWS = 4, 64  # rows of a block: so many are added up in their own precision


class LongRows:
    """Arrays of one shape and order as rows × elements of a row.

    Args:
        shape: The op's (S…, C, N).
        order: LongRows or channels last.
    """

    def __init__(self, shape: tuple[int, ...], order: Order) -> None:
        sizes = [shape[axis] for axis in order]
        self.order, self.channels, self.batch = order, shape[-2], shape[-1]
        self.tall = order == memory_format.channels_last_order(len(shape))  # channels are the fastest
        outer = prod(sizes[:-2]) if self.tall else sizes[0]
        row = prod(shape) // max(outer, 1)
        self.together = divisor(outer, max(LEAST_WIDTH // max(row, 1), 1))
        self.count, self.width = outer // self.together, row * self.together
        self.blocks = cut(self.count, min(max(BLOCK_OF_ROWS // self.width, LEAST_ROWS), MOST_ROWS))

    @staticmethod
    def fit(order: Order, *arrays: np.ndarray) -> bool:
        """Whether arrays of one shape lie like this."""
        ndim = arrays[0].ndim
        known = order in (memory_format.rows_order(ndim), memory_format.channels_last_order(ndim))
        return known and all(x.size > 0 and memory_format.lies_in(x, order) for x in arrays)

    def of(self, x: np.ndarray) -> np.ndarray:
        return x.transpose(self.order).reshape(self.count, self.width)

    def seen(self, row: np.ndarray) -> np.ndarray:
        """A row as (before, C, behind, N)."""
        if self.tall:
            return row.reshape(self.together, self.batch, self.channels, 1).transpose(0, 2, 3, 1)
        return row.reshape(self.together, self.channels, -1, self.batch)

    def written_out(self, numbers: np.ndarray, row: np.ndarray) -> None:
        """One number per channel and observation at each of its places."""
        np.copyto(self.seen(row), numbers[np.newaxis, :, np.newaxis, :], casting="same_kind")
