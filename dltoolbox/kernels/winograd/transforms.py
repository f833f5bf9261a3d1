"""Winograd's minimal filtering: the matrices of a tile size, transformed filters, and the scratch of its passes.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4: with the matrices A, B and
G of a tile size m (and r = m + 2), an output tile is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, and the ⊙ becomes r·r matrix products
over channels. Every transformation is a matrix product as well, so no elementwise Python is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import cut
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT

LINE = 16  # floats of a cache line
PREPARED = 1 << 20  # bytes of filters that one thread transforms at a time


@dataclass(frozen=True)
class WinogradTile:
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



def _matrix(rows: Sequence[Sequence[float]]) -> np.ndarray:
    return np.array(rows, np.float32)


TILES = {
    2: WinogradTile(2, _matrix([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
                    _matrix([[1, 0, 0], [1 / 2, 1 / 2, 1 / 2], [1 / 2, -1 / 2, 1 / 2], [0, 0, 1]]),
                    _matrix([[1, 1, 1, 0], [0, 1, -1, -1]])),
    4: WinogradTile(4, _matrix([[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
                                [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]]),
                    _matrix([[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
                             [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]]),
                    _matrix([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])),
}


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
        for step in passes:
            pool.used = 0
            yield step(pool)
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


def both_axes(matrix: np.ndarray) -> np.ndarray:
    """The matrix that does what ``matrix`` does to the rows and the columns of a tile."""
    return np.ascontiguousarray(np.kron(matrix, matrix))


def transformed(site: BindContext, tile: WinogradTile, weights: np.ndarray) -> tuple[np.ndarray, list[Closure]]:
    """Filters (3, 3, C, K) as (r·r, K/k, C, k), in shared memory, and closures that threads may share to transform them."""
    channels, count = weights.shape[2:]
    width = piece(count, channels)
    tiles = site.shared((tile.products, count // width, channels, width))
    source, target = weights.reshape(9, channels, count // width, width).transpose(2, 1, 0, 3), tiles.transpose(1, 2, 0, 3)
    return tiles, [partial(np.matmul, both_axes(tile.filter), source[:, part], out=target[:, part])
                   for part in cut(channels, PREPARED // (9 * count * weights.itemsize))]


def turned(site: BindContext, tile: WinogradTile, weights: np.ndarray) -> tuple[np.ndarray, list[Closure]]:
    """The same for the gradient of the input, reversed and with channels and filters exchanged: (r·r, C/c, K, c)."""
    channels, count = weights.shape[2:]
    width = piece(channels, count)
    tiles = site.shared((tile.products, channels // width, count, width))
    source = weights.reshape(9, channels // width, width * count)
    matrix = np.ascontiguousarray(both_axes(tile.filter)[:, ::-1])

    def prepare() -> None:
        part = np.empty((tile.products, width * count), weights.dtype)
        for i in range(channels // width):
            np.matmul(matrix, source[:, i], out=part)
            tiles[:, i] = part.reshape(tile.products, width, count).swapaxes(1, 2)
    return tiles, [prepare]
