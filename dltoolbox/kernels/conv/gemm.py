"""Matrix products of columns with filters and with gradients, cut so that BLAS is at its best.

Columns are (row, depth, position), see `dltoolbox.kernels.conv.im2col`; images are (row, C, position) likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import cut, divisor, stretch
from dltoolbox.kernels.conv.im2col import Columns, is_tall
from dltoolbox.ops.base import sum_over

SMALL_PRODUCT = 10**6  # OpenBLAS multiplies matrices of M·N·K up to this without packing them first
CHUNKS = (16, 64)  # a chunk of positions is a multiple of the one, and at least the other
SMALL_SUM = 1100  # elements of a result below which its small products keep it in registers
ONES_PAY = 4096  # weights up to which a bias costs less as one more row of columns than added to the output
MOST_TILED = 40000  # elements of a result beyond which packing costs less than many tiles
PART_BYTES = 1 << 20  # of partial sums
ACROSS = 4096  # elements of a row for elementwise work: long enough for the inner loop, short enough for the first cache


def multiply_columns(matrix: np.ndarray, columns: np.ndarray, out: np.ndarray) -> Closure:
    """``out[i] = matrix @ columns[i]``, cut along the positions into small products where that is possible.

    That makes 150 → 240 GFLOP/s for 16 filters, 190 → 250 where depth is contiguous.
    """
    size = matrix.size
    if not is_tall(out):
        length = columns.shape[-1]
        chunk = length if is_tall(columns) else divisor(length, SMALL_PRODUCT // size, *CHUNKS)
        return partial(np.matmul, matrix, chunked(columns, chunk), out=chunked(out, chunk))
    tall, target = columns.swapaxes(1, 2), out.swapaxes(1, 2)
    if mergeable(tall) and mergeable(target):
        tall, target = merged(tall), merged(target)
    length = tall.shape[1]
    chunk = divisor(length, SMALL_PRODUCT // size, *((1, 12) if is_tall(columns) else CHUNKS))
    return partial(np.matmul, chunked(tall.swapaxes(1, 2), chunk).swapaxes(-1, -2), matrix.T,
                   out=chunked(target.swapaxes(1, 2), chunk).swapaxes(-1, -2))


def mergeable(x: np.ndarray) -> bool:
    """Whether the first two axes are evenly spaced, so that a view of them as one exists."""
    return len(x) < 2 or x.strides[0] == x.shape[1] * x.strides[1]


def merged(x: np.ndarray) -> np.ndarray:
    """That view, with a first axis of one element."""
    return as_strided(x, (1, x.shape[0] * x.shape[1], x.shape[2]), x.strides)


def chunked(x: np.ndarray, chunk: int) -> np.ndarray:
    """(rows, height, length) → (rows, chunks, height, chunk), a view."""
    rows, height, length = x.shape
    return x.reshape(rows, height, length // chunk, chunk).swapaxes(1, 2)


class PackedFilters:
    """The matrix (filters, depth) that multiplies columns, in shared memory, as products read it best.

    Args:
        shape: (window size…, C, filters), as ``moves`` want to fill it.
        moves: Makes closures that fill an array of that shape.
        parts, ones: As those of the `Columns`.
        bias: Goes into the weights of the ones.
        tall: Whether the products have filters as their fast axis.
    """

    def __init__(self, site: BindContext, shape: Sequence[int], moves: Callable[[np.ndarray], list[Closure]], parts: int,
                 ones: bool, bias: np.ndarray, tall: bool) -> None:
        deep, count = prod(shape[:-1]) + ones * parts, shape[-1]
        self.matrix = site.shared((deep, count)).T if tall else site.shared((count, deep))
        groups = self.matrix.reshape(count, parts, -1)
        taken = groups[..., :groups.shape[-1] - ones]
        self.prepare = moves(taken.transpose(1, 2, 0).reshape(shape))
        if ones:
            self.prepare += [partial(groups[:, 1:, -1].fill, 0), partial(np.copyto, groups[:, 0, -1].reshape(-1, bias.size),
                                                                               bias.reshape(-1))]


class Sum:
    """Σ over blocks and rows of ``columns[row] @ other[row].T``, for the gradient of the weights.

    Results are cut in tiles of few elements: OpenBLAS multiplies those without packing and keeps their sums in registers
    (98 → 220 GFLOP/s for 32 channels, 138 → 250 where depth is contiguous). The tiles of all rows are then added up,
    which reads little in comparison.

    Args:
        width: Of the other factor.
        length: Positions of a row.
        tall: Whether depth is contiguous in the columns, and channels in the other factor.
    """

    def __init__(self, site: BindContext, columns: Columns, width: int, length: int, tall: tuple[bool, bool]) -> None:
        self.tile = tile(columns, width, *tall)
        groups, across = columns.depth // self.tile.deep, width // self.tile.wide
        ends = (self.tile.deep, self.tile.wide)
        self.shape = (groups, across, *(ends[::-1] if self.tile.turned else ends))
        self.whole = all(tall) and groups == 1 and across == 1 and not self.tile.turned
        self.chunk = divisor(length, SMALL_PRODUCT // prod(ends), *CHUNKS)
        self.total, self.part = site.scratch(self.shape), site.scratch(self.shape)
        if not self.whole:
            each = length // self.chunk * self.total.nbytes
            self.most = max(1, min(columns.longest, PART_BYTES // each))
            self.parts = site.scratch((self.most, length // self.chunk, *self.shape))

    def add(self, columns: np.ndarray, other: np.ndarray, first: bool) -> list[Closure]:
        """Closures that add a block, or begin with it where it is the ``first``."""
        tall, wide = columns.swapaxes(1, 2), other.swapaxes(1, 2)
        if self.whole and mergeable(tall) and mergeable(wide):
            target = self.total if first else self.part
            product = partial(np.matmul, merged(tall)[0].T, merged(wide)[0], out=target[0, 0])
            return [product] if first else [product, partial(np.add, self.total, target, out=self.total)]
        if self.whole:  # rows with something between them, one by one
            return [step for i in range(len(columns))
                    for step in self.add(columns[i:i + 1], other[i:i + 1], first and i == 0)]
        return [step for rows in cut(len(columns), self.most)
                for step in self._rows(columns[rows], other[rows], first and rows.start == 0)]

    def _rows(self, columns: np.ndarray, other: np.ndarray, first: bool) -> list[Closure]:
        """The same for so few rows that their results fit."""
        left, right = chunked(columns, self.chunk), chunked(other, self.chunk)
        left = left.reshape(*left.shape[:2], self.shape[0], 1, self.tile.deep, self.chunk)
        right = right.reshape(*right.shape[:2], 1, self.shape[1], self.tile.wide, self.chunk)
        if self.tile.turned:
            left, right = right, left
        parts = self.parts[:len(columns)]
        target = self.total if first else self.part
        steps: list[Closure] = [partial(np.matmul, left, right.swapaxes(-1, -2), out=parts),
                                partial(np.add.reduce, parts.reshape(-1, *self.shape), axis=0, out=target)]
        return steps if first else [*steps, partial(np.add, self.total, target, out=self.total)]

    def give(self, weights: np.ndarray) -> Closure:
        """A closure that writes the sum as (window size…, C, width)."""
        total = self.total.swapaxes(-1, -2) if self.tile.turned else self.total
        each = min(self.tile.deep, weights.shape[-2])
        shape = (*weights.shape[:-2], weights.shape[-2] // each, each, self.shape[1], self.tile.wide)
        return partial(np.copyto, weights.reshape(shape), total.swapaxes(1, 2).reshape(shape))


class ProductTile(NamedTuple):
    """A part of the result of a sum of products: so many elements of the depth and of the other factor."""

    deep: int
    wide: int
    turned: bool = False  # whether the depth is the fast axis of the result


def tile(columns: Columns, width: int, tall: bool, wide_is_tall: bool) -> ProductTile:
    """The tiles for factors of this size."""
    depth, taken = columns.depth, columns.depth // columns.parts
    if tall and wide_is_tall and depth * width > MOST_TILED:
        return ProductTile(depth, width)
    channels = taken // columns.inner
    deeps = (depth, taken, *(n for n in range(channels, min(channels, 16) - 1, -1) if channels % n == 0))
    if wide_is_tall and width % 32 == 0:
        wide = 64 if width % 64 == 0 else 32
        return ProductTile(next((deep for deep in deeps if deep <= 64), deeps[-1]), wide)
    wides = [wide for wide in (16, 8) if width % wide == 0] or [width]
    fitting = ((deep, wide) for deep in deeps for wide in wides if deep * wide <= SMALL_SUM)
    return ProductTile(*next(fitting, (deeps[-1], wides[-1])), turned=tall)


class Finish:
    """The steps after a product on the same block, still in cache: a bias that no column of ones has brought, and a ReLU."""

    def __init__(self, site: BindContext, bias: np.ndarray | None, repeat: int, relu: bool) -> None:
        self.relu, self.bias = relu, bias
        self.prepare: list[Closure] = []
        if bias is not None:
            count = bias.size * repeat
            self.row = site.shared((max(1, ACROSS // count), repeat, bias.size))
            self.prepare = [partial(np.copyto, self.row, bias.reshape(-1))]

    def steps(self, block: np.ndarray) -> list[Closure]:
        """Closures that finish a block (row, C, position)."""
        steps: list[Closure] = []
        if self.bias is not None:
            if is_tall(block):
                steps += [partial(np.add, part, self.row.reshape(-1)[:part.shape[-1]], out=part)
                          for part in in_long_rows(block, self.row.shape[1] * self.row.shape[2])]
            else:
                steps.append(partial(np.add, block, self.row[0].reshape(-1, 1), out=block))
        if self.relu:
            zeros = np.zeros(ACROSS, block.dtype)  # a maximum with a row is faster than with a scalar
            steps += [partial(np.maximum, part, zeros[:part.shape[-1]], out=part) for part in in_long_rows(block, 1)]
        return steps


def in_long_rows(block: np.ndarray, unit: int) -> list[np.ndarray]:
    """A block as rows of a few thousand elements, a multiple of ``unit``, and what is left; by its own rows where these
    do not lie one after the other."""
    moved = block.swapaxes(1, 2) if is_tall(block) else block
    if not moved.flags.c_contiguous:
        return [moved.reshape(len(moved), -1, unit)]
    flat = moved.reshape(-1)
    width = max(1, ACROSS // unit) * unit
    whole = flat.size // width * width
    return [part for part in (flat[:whole].reshape(-1, width), flat[whole:].reshape(1, -1)) if part.size]


class Channels:
    """Σ over everything but the channels of an image (row, C, position): products of short stretches with ones, and the sum
    of those in double."""

    def __init__(self, site: BindContext, image: np.ndarray) -> None:
        rows, channels, length = image.shape
        each = stretch(length)
        self.image = image.reshape(rows, channels, length // each, each)
        self.ones, self.sums = np.ones(each, image.dtype), site.scratch((rows, length // each, channels))

    def add(self, rows: slice) -> Closure:
        block, sums = self.image[rows], self.sums[rows]
        if is_tall(block[:, :, 0]):
            return partial(np.matmul, self.ones, np.moveaxis(block, 1, -1), out=sums)
        return partial(np.matmul, block, self.ones, out=sums.swapaxes(1, 2))

    def give(self, bias: np.ndarray) -> Closure:
        return lambda: np.copyto(bias.reshape(-1), sum_over(self.sums, (0, 1)))
