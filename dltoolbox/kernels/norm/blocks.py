"""How normalisation sees an array: in blocks that stay in cache, with sums and factors per channel.

Every block is (rows, repeats, C, inner), contiguous, whatever the memory order: rows of the array are grouped until the
factors of one group, written out, fill a *tile* of some thousand elements. Equal shapes are what NumPy is fastest with: a
product with a tile takes half the time of one with a factor per channel that broadcasts along a stretch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache, partial
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels.base import BindContext, Closure, Order
from dltoolbox.kernels.blocking import divisor, stretch

BLOCK_ELEMENTS = 1 << 19  # elements of a block: a quarter is as fast on one thread, but two then wait for each other's lock
TILE = 1 << 14  # elements of a tile: a few of them share the first two caches
LARGEST_TILE = 1 << 16  # a single row of more elements is multiplied by factors that broadcast
COLUMNS = 1 << 10  # elements of a row that is summed over the rows: few of them, or long ones, are slower
ROWWISE_FROM = 64  # elements per channel in a row from which sums are taken along it, not over the rows


@lru_cache(maxsize=64)
def zeros(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Read-only zeros: a maximum with an array takes a quarter of the time of one with a scalar."""
    made = np.zeros(shape, dtype)
    made.flags.writeable = False
    return made


class Grid:
    """The blocks of arrays of one shape and memory order.

    Args:
        shape: The op's (S…, C, N).
        order: Slowest axis first.
        cuts: Blocks to use, as slices of the slowest axis; by default blocks of about `BLOCK_ELEMENTS` elements.
    """

    def __init__(self, shape: Sequence[int], order: Order, cuts: Sequence[slice] | None = None) -> None:
        sizes = [shape[axis] for axis in order]
        at = list(order).index(len(shape) - 2)
        self.order, self.channels = order, sizes[at]
        self.outer, self.inner = prod(sizes[:at]), prod(sizes[at + 1:])
        width = self.channels * self.inner
        unit = self.outer if cuts is None or at == 0 else prod(sizes[1:at])  # blocks consist of whole units
        self.repeats = divisor(unit, max(TILE // max(width, 1), 1))
        if cuts is None:
            step = max(BLOCK_ELEMENTS // max(width * self.repeats, 1), 1) * self.repeats
            self.slices = [slice(i, min(i + step, self.outer)) for i in range(0, self.outer, step)]
        else:
            self.slices = [slice(cut.start * unit, cut.stop * unit) if at else slice(0, 1) for cut in cuts]
        self.written_out = width <= LARGEST_TILE
        self.tile_shape = (self.repeats, self.channels, self.inner if self.written_out else 1)

    @cached_property
    def largest(self) -> int:
        """Elements of the largest block."""
        return max((part.stop - part.start for part in self.slices), default=0) * self.channels * self.inner

    @property
    def elements(self) -> int:
        """Elements per channel."""
        return self.outer * self.inner

    def flat(self, x: np.ndarray) -> np.ndarray:
        """A view (outer, C, inner) of an array that lies in this order."""
        return x.transpose(self.order).reshape(self.outer, self.channels, self.inner)

    def blocks(self, x: np.ndarray) -> list[np.ndarray]:
        """Views of the array, block by block."""
        flat = self.flat(x)
        return [flat[part].reshape(shape) for part, shape in zip(self.slices, self._shapes(), strict=True)]

    def within(self, buffer: np.ndarray) -> list[np.ndarray]:
        """A view for every block of the same memory, of at least `largest` elements."""
        return [buffer[:prod(shape)].reshape(shape) for shape in self._shapes()]

    def _shapes(self) -> list[tuple[int, ...]]:
        return [((part.stop - part.start) // self.repeats, self.repeats, self.channels, self.inner)
                for part in self.slices]

    def tile(self, site: BindContext) -> ChannelTile:
        return ChannelTile(site.scratch(self.tile_shape))

    def zeros(self, dtype: DTypeLike) -> np.ndarray:
        return zeros(self.tile_shape if self.written_out else (self.inner,), np.dtype(dtype))


class ChannelTile:
    """One number per channel, written out."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.column = np.empty((array.shape[-2], 1), array.dtype)

    def fill(self, per_channel: np.ndarray) -> None:
        self.column[:, 0] = per_channel
        np.copyto(self.array, self.column)


class Sums:
    """Two sums per channel, Σ a and Σ a·b: in the data's precision within a stretch of a row or a block, in double over
    them."""

    def __init__(self, site: BindContext, grid: Grid) -> None:
        self.grid, self.along, self.each = grid, grid.inner >= ROWWISE_FROM, stretch(grid.inner)
        count = grid.outer if self.along else len(grid.slices)
        repeats = 1 if self.along else divisor(grid.repeats, COLUMNS // max(grid.channels * grid.inner, 1))
        width = grid.inner // self.each if self.along else grid.inner
        self.parts = site.scratch((2, count, repeats, grid.channels, width))
        rows = max((part.stop - part.start for part in grid.slices), default=0)
        self.ones = np.ones(self.each if self.along else rows // repeats, site.dtype)

    def plain(self, index: int, block: np.ndarray) -> Closure:
        """A closure for Σ block."""
        a, out = self._arranged(index, block, 0)
        if self.along:
            return partial(np.matmul, a, self.ones, out=out)
        return partial(np.matmul, self.ones[:len(a)], a, out=out)

    def product(self, index: int, a: np.ndarray, b: np.ndarray) -> Closure:
        """A closure for Σ a·b: products of rows with columns, which are twice as fast as `einsum`, or that."""
        (a, out), (b, _) = self._arranged(index, a, 1), self._arranged(index, b, 1)
        if self.along:
            return partial(np.matmul, a[..., None, :], b[..., None], out=out[..., None, None])
        return partial(np.einsum, "rc,rc->c", a, b, out=out)

    def _arranged(self, index: int, block: np.ndarray, which: int) -> tuple[np.ndarray, np.ndarray]:
        """A block as its sums are taken of it, and where they go."""
        channels, inner = self.grid.channels, self.grid.inner
        if self.along:
            rows = self.grid.slices[index]
            return (block.reshape(rows.stop - rows.start, channels, inner // self.each, self.each),
                    self.parts[which, rows, 0])
        out = self.parts[which, index].reshape(-1)
        return block.reshape(block.size // max(out.size, 1), out.size), out

    def total(self, out: np.ndarray) -> None:
        """Both sums into an array (2, C)."""
        np.add.reduce(self.parts, axis=(1, 2, 4), dtype=np.float64, out=out)


def run(closures: Sequence[Closure]) -> None:
    for closure in closures:
        closure()
