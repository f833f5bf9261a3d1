"""The two passes of Winograd's minimal filtering, in bands of rows of tiles that stay in cache, whatever the images' layout.

What is multiplied has the axes (row of tiles, r, r, channels, positions), positions being tiles across times observations.
A `BandLayout` says how these are read from an image, multiplied, added up and written, and how they lie in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple, Protocol

import numpy as np

from dltoolbox.core.geometry import Pair
from dltoolbox.kernels.base import Closure, Order, in_turn
from dltoolbox.kernels.blocking import cut, shares
from dltoolbox.kernels.conv.epilogue import Ending
from dltoolbox.kernels.winograd.transforms import Pool, WinogradTile, both_axes

UNEVEN = 1.1  # how much longer than the others the slowest thread may take
Summing = Callable[[np.ndarray, np.ndarray, np.ndarray], list[Closure]]


class Tiling(NamedTuple):
    """How an image is cut: its tiles, how many lie side by side, and how many rows of them are worked on at once."""

    tile: WinogradTile
    across: int
    most: int


class Bands(Protocol):
    """An image, transformed band by band, or from which transformed bands are made."""

    spare: np.ndarray  # memory that is free once the factors of a band are multiplied

    def begin(self) -> Closure | None:
        """The call that clears what stays zero in all bands."""

    def band(self, rows: slice) -> tuple[Sequence[Closure | None], np.ndarray]:
        """For some rows of tiles: calls that fill the factors, or that write the image when they are there, and these."""


class BandLayout:
    """How bands of tiles are read and written where images lie in ``order``."""

    order: ClassVar[Order]
    band_bytes: ClassVar[int]  # of the factors and products of a band
    band_positions: ClassVar[int]  # of a band at least: fewer make poor products

    def tiling(self, tile: WinogradTile, x: np.ndarray, y: np.ndarray) -> Tiling:
        down, across = (-(-n // tile.size) for n in y.shape[:2])
        positions = across * y.shape[3]
        fitting = self.band_bytes // (tile.products * positions * (x.shape[2] + y.shape[2]) * 4)
        return Tiling(tile, across, min(down, max(-(-self.band_positions // positions), fitting)))

    def read(self, pool: Pool, x: np.ndarray, tiling: Tiling, matrix: np.ndarray, start: Sequence[int]) -> Bands:
        """``matrix`` applied to both axes of the tiles of ``x``, of which the first starts at −``start``."""
        raise NotImplementedError

    def write(self, pool: Pool, y: np.ndarray, tiling: Tiling, spare: np.ndarray) -> Bands:
        """Products, transformed back to ``y``."""
        raise NotImplementedError

    def multiply(self, inputs: np.ndarray, filters: np.ndarray, out: np.ndarray) -> Closure:
        """``out[t, i, j] = filters[i, j].T @ inputs[t, i, j]`` for filters (r·r, K/k, C, k), in small products."""
        raise NotImplementedError

    def summing(self, pool: Pool, tiling: Tiling, channels: int, count: int) -> Summing:
        """Makes calls of inputs, outputs and a target: ``target[i, j] = Σ inputs[t, i, j] @ outputs[t, i, j].T``."""
        raise NotImplementedError


class RankPart(NamedTuple):
    """The share of one thread: some rows of tiles of some filters."""

    rows: slice
    filters: slice


def rank_parts(down: int, count: int, width: int, threads: int) -> list[RankPart]:
    """One part per thread, of the rows of tiles where they divide evenly: others leave products of few positions, and wait.

    Filters, in pieces of ``width``, divide next best; the inputs are then transformed by every thread.
    """
    number = count // width
    uneven = -(-down // threads) * threads > UNEVEN * down
    if uneven and (number % threads == 0 or down < threads <= number):
        return [RankPart(slice(0, down), slice(some.start * width, some.stop * width)) for some in shares(number, threads)]
    return [RankPart(rows, slice(0, count)) for rows in shares(down, threads if down >= threads else 1)]


@dataclass(frozen=True)
class Correlation:
    """One part of the convolution of ``x`` with transformed filters (r·r, K/k, C, k), into ``y``."""

    layout: BandLayout
    tile: WinogradTile
    x: np.ndarray
    filters: np.ndarray
    y: np.ndarray
    padding: Sequence[Pair]
    part: RankPart
    ending: Ending | None = None

    def __call__(self, pool: Pool) -> Closure:
        layout, some, width, m = self.layout, self.part.filters, self.filters.shape[-1], self.tile.size
        y, filters = self.y[:, :, some], self.filters[:, some.start // width:some.stop // width]
        tiling = layout.tiling(self.tile, self.x, y)
        source = layout.read(pool, self.x, tiling, self.tile.input, [before for before, _ in self.padding])
        target, image = layout.write(pool, y, tiling, source.spare), y.transpose(layout.order)
        calls = [source.begin(), target.begin()]
        for rows in cut(self.part.rows, tiling.most):
            (steps, inputs), (rest, products) = source.band(rows), target.band(rows)
            calls += [*steps, layout.multiply(inputs, filters, products)]
            if self.ending is None:
                calls += rest
            else:
                constant, block = products[:, 1, 1], image[rows.start * m:rows.stop * m]
                calls += [partial(np.add, constant, self.ending.bias.reshape(-1, 1)[some], out=constant), *rest,
                          self.ending.rectify(block.reshape(len(block), -1) if block.flags.c_contiguous else block)]
        return in_turn(calls)


@dataclass(frozen=True)
class WeightsCorrelation:
    """Gᵀ[Σ over tiles (Bᵀ d B) ⊙ (A e Aᵀ)]G for the output gradients e, and their sum: that of one of the products."""

    layout: BandLayout
    tile: WinogradTile
    x: np.ndarray
    grad: np.ndarray
    padding: Sequence[Pair]
    d_weights: np.ndarray | None
    d_bias: np.ndarray | None

    def __call__(self, pool: Pool) -> Closure:
        layout, channels, count = self.layout, self.x.shape[2], self.grad.shape[2]
        tiling, down = layout.tiling(self.tile, self.x, self.grad), -(-len(self.grad) // self.tile.size)
        source = layout.read(pool, self.x, tiling, self.tile.input, [before for before, _ in self.padding])
        errors = layout.read(pool, self.grad, tiling, np.ascontiguousarray(self.tile.output.T), (0, 0))
        total, part = (pool.take(self.tile.products, channels, count) for _ in range(2))
        summed, sums = layout.summing(pool, tiling, channels, count), pool.take(down, count)
        ones = np.ones(tiling.across * self.x.shape[3], self.x.dtype)
        calls = [source.begin(), errors.begin()]
        for rows in cut(down, tiling.most):
            (steps, inputs), (more, outputs) = source.band(rows), errors.band(rows)
            calls += [*steps, *more, partial(np.matmul, outputs[:, 1, 1], ones, out=sums[rows])]
            if rows.start == 0:
                calls += summed(inputs, outputs, total)
            else:
                calls += [*summed(inputs, outputs, part), partial(np.add, total, part, out=total)]
        if self.d_weights is not None:
            matrix = np.ascontiguousarray(both_axes(self.tile.filter).T)
            calls.append(partial(np.matmul, matrix, total.reshape(len(total), -1), out=self.d_weights.reshape(9, -1)))
        if self.d_bias is not None:
            calls.append(partial(np.add.reduce, sums, axis=0, out=self.d_bias.reshape(-1)))
        return in_turn(calls)
