"""Arrays as long rows, each with all channels and observations: sums and maxima over positions are those of whole rows, and
what is left are the few numbers of one row.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext
from dltoolbox.kernels.blocking import cut, divisor
from dltoolbox.kernels.memory_format import Order

LEAST_WIDTH = 1 << 12  # elements of a row, where there are enough
BLOCK_OF_ROWS = 1 << 17  # elements that are worked on together
FLUSH = 256  # rows after which double takes over, at most
FEW_TO_ADD, LEAST_PRODUCT = 128, 1 << 10  # numbers that are added up as they come; and elements of a product
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
        self.runs = cut(self.count, FLUSH)

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

    def reduced(self, row: np.ndarray, how: np.ufunc, out: np.ndarray) -> None:
        """Reduce a row of this width, which is overwritten, to C×N numbers in ``out``.

        Halves are put together as long as there are two: few observations are short stretches for a ufunc. The last ones
        are a product with ones, where they are added up and enough to be worth a call for each channel.
        """
        parts = self.seen(row)
        if self.tall:
            how.reduce(parts, axis=(0, 2), out=out)
            return
        length = parts.shape[2]
        product = how is np.add and self.together == 1 and min(length, FEW_TO_ADD) * self.batch >= LEAST_PRODUCT
        while length > (FEW_TO_ADD if product else 1) and length % 2 == 0:
            length //= 2
            how(parts[:, :, :length], parts[:, :, length:2 * length], out=parts[:, :, :length])
        if product and length <= FEW_TO_ADD:
            np.matmul(np.ones((1, length), row.dtype), parts[0, :, :length], out=out[:, np.newaxis], casting="same_kind")
            return
        how.reduce(parts[:, :, :length], axis=(0, 2), out=out)


class RowSums:
    """Sums over rows, in the data's precision over some and in double over those; then per channel and observation."""

    def __init__(self, site: BindContext, rows: LongRows, most: int = FLUSH) -> None:
        self.rows, self.most, self.wide = rows, most, site.scratch((rows.width,), np.float64)
        self.some, self.part = site.scratch((rows.width,)), site.scratch((rows.width,))
        self.ones = np.ones((1, min(rows.count, FLUSH)), site.dtype)

    def clear(self) -> None:
        self.added, self.flushed = 0, False

    def add(self, block: np.ndarray, by: np.ndarray | None = None) -> None:
        """Σ block, or Σ block·by. Products with ones take half the time of sums over rows, `einsum` that of two passes."""
        part = self.part if self.added else self.some
        if by is None:
            np.matmul(self.ones[:, :len(block)], block, out=part[np.newaxis])
        else:
            np.einsum("rw,rw->w", block, by, out=part)
        if self.added:
            np.add(self.some, self.part, out=self.some)
        self.added += len(block)
        if self.added >= self.most:
            self.flush()

    def flush(self) -> None:
        if not self.flushed:
            np.copyto(self.wide, self.some)
        elif self.added:
            np.add(self.wide, self.some, out=self.wide)
        self.added, self.flushed = 0, True

    def total(self) -> np.ndarray:
        """C×N. Halves of a row are added up in the data's precision: that loses as little as some rows do."""
        if not self.flushed:
            found = np.empty((self.rows.channels, self.rows.batch))
            self.rows.reduced(self.some, np.add, found)
            return found
        self.flush()
        found = np.empty((self.rows.channels, self.rows.batch))
        self.rows.reduced(self.wide, np.add, found)
        return found
