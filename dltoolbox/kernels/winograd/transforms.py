"""What the two forms of Winograd's minimal filtering share: the matrices of a tile size, filters transformed, and products
in blocks.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4: with the matrices A, B and
G of a tile size m (and r = m + 2), an output tile is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, and the ⊙ becomes r·r matrix products
over channels. Every transformation is a matrix product as well, so no elementwise Python is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import cut, divisor
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT

LINE = 16  # floats of a cache line
FEWEST = 16  # rows of a product that is cut
PREPARED = 1 << 20  # bytes of filters that one thread transforms at a time


@dataclass(frozen=True)
class Tile:
    """The matrices of one tile size."""

    size: int
    input: np.ndarray  # Bᵀ, r×r
    filter: np.ndarray  # G, r×3
    output: np.ndarray  # Aᵀ, m×r

    @property
    def reach(self) -> int:
        return self.size + 2

    @property
    def products(self) -> int:
        return self.reach ** 2

    @property
    def constant(self) -> int:
        """The product whose elements reach every element of an output tile once, since Aᵀ has a column of ones."""
        return self.reach + 1


def _matrix(rows: Sequence[Sequence[float]]) -> np.ndarray:
    return np.array(rows, np.float32)


TILES = {
    2: Tile(2, _matrix([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
            _matrix([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
            _matrix([[1, 1, 1, 0], [0, 1, -1, -1]])),
    4: Tile(4, _matrix([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                        [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]),
            _matrix([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
                     [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]),
            _matrix([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])),
}


class Band(NamedTuple):
    """Rows of tiles: ``first`` to ``last``."""

    first: int
    last: int

    @property
    def height(self) -> int:
        return self.last - self.first


def bands(rows: range, most: int) -> list[Band]:
    """``rows`` cut into bands of nearly equal height, ``most`` at most."""
    return [Band(part.start, part.stop) for part in cut(slice(rows.start, rows.stop), most)]


class Pool:
    """Scratch of passes that run one after the other: each takes from the beginning again.

    Without memory it only counts what they need, and hands out arrays that nobody will use.
    """

    def __init__(self, memory: np.ndarray | None = None) -> None:
        self.memory, self.used, self.most = memory, 0, 0

    def take(self, *shape: int) -> np.ndarray:
        start, size = self.used, prod(shape)
        self.used += -(-size // LINE) * LINE
        self.most = max(self.most, self.used)
        if self.memory is None:
            return np.empty(shape, np.float32)
        return self.memory[start:start + size].reshape(shape)


Pass = Callable[[Pool], Closure]


def pooled(site: BindContext, passes: Sequence[Pass]) -> list[Closure]:
    """The closures of passes that use the same scratch."""
    def run(pool: Pool) -> Iterator[Closure]:
        for one in passes:
            pool.used = 0
            yield one(pool)
    counted = Pool()
    for _ in run(counted):
        pass
    return list(run(Pool(site.scratch((counted.most,)))))


def piece(count: int, depth: int, lines: int = 64) -> int:
    """How many of ``count`` columns a product with matrices of ``depth`` rows takes at once.

    64, or 32 where half of ``lines`` lines of the other factor would not fit into a small product: half as many lines cost
    products nothing, and filters are transformed faster into longer pieces.
    """
    for width in (64, 32):
        if count % width == 0 and (width == 32 or width * depth * min(lines, 48) // 2 <= SMALL_PRODUCT):
            return width
    return count


def multiply(inputs: np.ndarray, filters: np.ndarray, out: np.ndarray) -> Closure:
    """``out[i] = inputs[i] @ filters[i]`` for (r·r, P, C), (r·r, K/k, C, k) and (r·r, P, K), in small products."""
    number, positions, depth = inputs.shape
    pieces, width = filters.shape[1], filters.shape[-1]
    lines = divisor(positions, SMALL_PRODUCT // (depth * width), least=FEWEST)
    left = inputs.reshape(number, 1, positions // lines, lines, depth)
    right = filters[:, :, None]
    target = out.reshape(number, positions // lines, lines, pieces, width).transpose(0, 3, 1, 2, 4)
    return partial(np.matmul, left, right, out=target)


def multiply_across(inputs: np.ndarray, outputs: np.ndarray, out: np.ndarray) -> Closure:
    """``out[i] = inputs[i].T @ outputs[i]`` for (r·r, P, C), (r·r, P, K) and (r·r, C, K), in small products."""
    number, positions, channels = inputs.shape
    count = outputs.shape[-1]
    wide = count if count * channels * positions <= SMALL_PRODUCT else piece(count, positions)
    tall = divisor(channels, SMALL_PRODUCT // (positions * wide), least=FEWEST)
    left = inputs.reshape(number, positions, channels // tall, 1, tall).transpose(0, 2, 3, 4, 1)
    right = outputs.reshape(number, positions, 1, count // wide, wide).transpose(0, 2, 3, 1, 4)
    target = out.reshape(number, channels // tall, tall, count // wide, wide).transpose(0, 1, 3, 2, 4)
    return partial(np.matmul, left, right, out=target)


def both_axes(matrix: np.ndarray) -> np.ndarray:
    """The matrix that does what ``matrix`` does to the rows and the columns of a tile."""
    return np.ascontiguousarray(np.kron(matrix, matrix))


class Filters:
    """Filters (3, 3, C, K) transformed to (r·r, K/k, C, k) in shared memory, by the closures ``prepare``."""

    def __init__(self, site: BindContext, tile: Tile, weights: np.ndarray) -> None:
        channels, count = weights.shape[2:]
        width = piece(count, channels)
        self.transformed = site.shared((tile.products, count // width, channels, width))
        source = weights.reshape(9, channels, count // width, width).transpose(2, 1, 0, 3)
        target, parts = self.transformed.transpose(1, 2, 0, 3), cut(channels, PREPARED // (9 * count * weights.itemsize))
        self.prepare: list[Closure] = [partial(np.matmul, both_axes(tile.filter), source[:, part], out=target[:, part])
                                       for part in parts]


class TurnedFilters:
    """Filters of the gradient of the input, reversed and with channels and filters exchanged: (r·r, C/c, K, c)."""

    def __init__(self, site: BindContext, tile: Tile, weights: np.ndarray) -> None:
        channels, count = weights.shape[2:]
        width = piece(channels, count)
        self.transformed = site.shared((tile.products, channels // width, count, width))
        source = weights.reshape(9, channels // width, width * count)
        matrix = np.ascontiguousarray(both_axes(tile.filter)[:, ::-1])

        def prepare() -> None:
            part = np.empty((tile.products, width * count), weights.dtype)
            for i in range(channels // width):
                np.matmul(matrix, source[:, i], out=part)
                self.transformed[:, i] = part.reshape(tile.products, width, count).swapaxes(1, 2)
        self.prepare: Closure = prepare


class WeightsGradient:
    """Σ over bands of (Bᵀ d B)ᵀ(A e Aᵀ), in ``total``, and what follows: Gᵀ total G. The bias gets Σ e on the way."""

    def __init__(self, pool: Pool, tile: Tile, channels: int, count: int) -> None:
        self.tile, self.empty = tile, True
        self.total, self.part = (pool.take(tile.products, channels, count) for _ in range(2))
        self.sums, self.sum = pool.take(count), pool.take(count)

    def add(self, inputs: np.ndarray, outputs: np.ndarray) -> list[Closure]:
        """Calls that add a band: (r·r, positions, C) and (r·r, positions, K)."""
        errors = outputs[self.tile.constant]
        ones = np.ones(len(errors), errors.dtype)
        first, self.empty = self.empty, False
        if first:
            return [multiply_across(inputs, outputs, self.total), partial(np.matmul, ones, errors, out=self.sums)]
        return [multiply_across(inputs, outputs, self.part), partial(np.add, self.total, self.part, out=self.total),
                partial(np.matmul, ones, errors, out=self.sum), partial(np.add, self.sums, self.sum, out=self.sums)]

    def finish(self, weights: np.ndarray | None, bias: np.ndarray | None) -> list[Closure]:
        """Calls that write the gradients of the weights (3, 3, C, K) and of the bias."""
        calls: list[Closure] = []
        if weights is not None:
            matrix = np.ascontiguousarray(both_axes(self.tile.filter).T)
            calls.append(partial(np.matmul, matrix, self.total.reshape(len(matrix.T), -1), out=weights.reshape(9, -1)))
        if bias is not None:
            calls.append(partial(np.copyto, bias.reshape(-1), self.sums))
        return calls
