"""Winograd's minimal filtering for large batches, with images as rows, (H, C, W·N), and no other order in between.

Columns come first here: all tiles of a row of one channel are transformed at once by one banded matrix over (W, N), which
knows of the padding and of tiles that end outside; rows of tiles and products follow over (tiles across)·N. For 8×8 images
of 64 channels, 330 instead of 140 GFLOP/s, counted as direct convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.core.geometry import Pair
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import Closure, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.conv.epilogue import Ending
from dltoolbox.kernels.winograd.channels_last import WinogradConv, is_in_rows, is_narrow
from dltoolbox.kernels.winograd.transforms import LINE, TILES, Band, Pass, Pool, Tile, bands, both_axes

ROWS = memory_format.rows_order(4)
BAND_BYTES = 1 << 21  # of transformed inputs and products of a band
SQUARE = 32  # channels on both sides of the products for gradients: 136 → 171 GFLOP/s for 64 channels
STRETCH = 1 << 15  # elements of a row that are transformed at once


def banded(matrix: np.ndarray, step: int, start: int, across: int, width: int) -> np.ndarray:
    """(r·across, width): ``matrix`` for every tile of a line of ``width``; tiles start ``step`` apart, the first at −start.
    """
    r, size = matrix.shape
    whole = np.zeros((r, across, width), matrix.dtype)
    for tile in range(across):
        for i in range(size):
            if 0 <= tile * step - start + i < width:
                whole[:, tile, tile * step - start + i] = matrix[:, i]
    return whole.reshape(r * across, width)


class Lines:
    """Scratch (rows, channels, items·N) with a gap after each channel's elements, which must be and stay finite.

    Without the gap, channels would lie multiples of 4096 bytes apart and displace each other in the first cache: 130
    instead of 220 GFLOP/s.
    """

    def __init__(self, pool: Pool, rows: int, channels: int, items: int, batch: int) -> None:
        self.length, self.items, self.batch = items * batch, items, batch
        self.array = pool.take(rows, channels, self.length + LINE)

    def clear(self) -> Closure:
        return partial(self.array[:, :, self.length:].fill, 0)

    def lines(self, rows: slice) -> np.ndarray:
        """(rows, channels, items, N)."""
        array = self.array[rows]
        return as_strided(array, (*array.shape[:2], self.items, self.batch),
                          (*array.strides[:2], self.batch * array.itemsize, array.itemsize))

    def tall(self, count: int, step: int, size: int) -> np.ndarray:
        """(count, stretches, size, elements): ``size`` rows from every ``step``-th on."""
        line = self.array[0].size
        part = divisor(line, STRETCH)
        one, row = self.array.itemsize, self.array.strides[0]
        return as_strided(self.array, (count, line // part, size, part), (step * row, part * one, row, one))

    def factors(self, count: int, r: int) -> np.ndarray:
        """(count, r, r, channels, positions): what is multiplied, of (count·r) rows whose items are (r, tiles)."""
        array, inner = self.array, self.length // r
        return as_strided(array, (count, r, r, array.shape[1], inner),
                          (r * array.strides[0], array.strides[0], inner * array.itemsize, *array.strides[1:]))


class Transform:
    """``matrix`` applied to both axes of the tiles of an image; tiles start ``step`` apart, the first at −``start``."""

    def __init__(self, pool: Pool, x: np.ndarray, matrix: np.ndarray, step: int, start: Sequence[int], across: int,
                 most: int) -> None:
        r, size = matrix.shape
        self.matrix, self.step, self.first = matrix, step, start[0]
        self.image = x.transpose(ROWS)
        height, channels, width, batch = self.image.shape
        rows = (most - 1) * step + size
        self.copy = None if self.image.flags.c_contiguous else pool.take(min(rows, height), channels, width, batch)
        self.columns = banded(matrix, step, start[1], across, width)
        self.halves = Lines(pool, rows, channels, r * across, batch)
        self.out = Lines(pool, most * r, channels, r * across, batch)

    def begin(self) -> Closure:
        return self.halves.clear()

    def band(self, band: Band) -> tuple[list[Closure], np.ndarray]:
        """Calls that transform a band, and where its (rows of tiles, r, r, C, positions) will be."""
        r, size = self.matrix.shape
        top = band.first * self.step - self.first
        end = top + (band.height - 1) * self.step + size
        first, last = (min(max(row, 0), len(self.image)) for row in (top, end))
        calls: list[Closure] = [partial(self.halves.array[rows].fill, 0)
                                for rows in (slice(0, first - top), slice(max(last - top, 0), end - top))
                                if first < last and rows.start < rows.stop]
        if first >= last:
            calls.append(partial(self.halves.array[:end - top].fill, 0))
        else:
            source = self.image[first:last]
            if self.copy is not None:
                calls.append(partial(np.copyto, self.copy[:last - first], source))
                source = self.copy[:last - first]
            calls.append(partial(np.matmul, self.columns, source, out=self.halves.lines(slice(first - top, last - top))))
        calls.append(partial(np.matmul, self.matrix, self.halves.tall(band.height, self.step, size),
                             out=self.out.tall(band.height, r, r)))
        return calls, self.out.factors(band.height, r)


class Untransform:
    """Products (rows of tiles, r, r, K, positions) back to rows of the output, finished with bias and ReLU."""

    def __init__(self, pool: Pool, tile: Tile, y: np.ndarray, across: int, most: int) -> None:
        self.tile, self.target = tile, y.transpose(ROWS)
        channels, batch = y.shape[2:]
        r, m = tile.reach, tile.size
        self.columns = np.ascontiguousarray(banded(np.ascontiguousarray(tile.output.T), m, 0, across, y.shape[1]).T)
        self.products = Lines(pool, most * r, channels, r * across, batch)
        self.halves = Lines(pool, most * m, channels, r * across, batch)
        self.whole = None if self.target.flags.c_contiguous else pool.take(most * m, *self.target.shape[1:])

    def begin(self) -> Closure:
        return self.products.clear()

    def band(self, band: Band, bias: np.ndarray | None, ending: Ending | None) -> tuple[np.ndarray, list[Closure | None]]:
        """Where the products of a band are expected, and calls that finish it."""
        r, m = self.tile.reach, self.tile.size
        products = self.products.factors(band.height, r)
        calls: list[Closure | None] = []
        if bias is not None:
            constant = products[:, 1, 1]
            calls.append(partial(np.add, constant, bias, out=constant))
        rows = self.target[band.first * m:band.last * m]
        lines = self.halves.lines(slice(0, len(rows)))
        found = rows if self.whole is None else self.whole[:len(rows)]
        calls += [partial(np.matmul, self.tile.output, self.products.tall(band.height, r, r),
                          out=self.halves.tall(band.height, m, m)),
                  partial(np.matmul, self.columns, lines, out=found)]
        if ending is not None:
            calls.append(ending.rectify(found.reshape(len(found), -1)))
        if found is not rows:
            calls.append(partial(np.copyto, rows, found))
        return products, calls


def split(factors: np.ndarray, width: int) -> np.ndarray:
    """(count, r, r, channels, positions) → (count, r, r, channels/width, width, positions), a view."""
    *outer, line, one = factors.strides
    return as_strided(factors, (*factors.shape[:3], factors.shape[3] // width, width, factors.shape[4]),
                      (*outer, width * line, line, one))


def multiply(filters: np.ndarray, inputs: np.ndarray, out: np.ndarray) -> Closure:
    """``out[t, i, j] = filters[i, j].T @ inputs[t, i, j]`` for filters (r·r, K/k, C, k)."""
    r = inputs.shape[1]
    pieces, depth, width = filters.shape[1:]
    left = filters.reshape(r, r, pieces, depth, width).swapaxes(-1, -2)
    return partial(np.matmul, left, inputs[:, :, :, None], out=split(out, width))


def band_height(tile: Tile, across: int, batch: int, channels: int) -> int:
    """Rows of tiles whose inputs and products stay in cache. ``channels`` in and out."""
    return max(1, BAND_BYTES // (tile.products * across * batch * channels * 4))


@dataclass(frozen=True)
class Correlation:
    """The convolution of ``x`` with transformed filters (r·r, K/k, C, k), into ``y``."""

    tile: Tile
    x: np.ndarray
    filters: np.ndarray
    y: np.ndarray
    padding: Sequence[Pair]
    ending: Ending | None = None

    def __call__(self, pool: Pool) -> Closure:
        tile, x, y = self.tile, self.x, self.y
        bias = None if self.ending is None else self.ending.bias.reshape(-1, 1)
        down, across = (-(-n // tile.size) for n in y.shape[:2])
        most = min(band_height(tile, across, x.shape[3], x.shape[2] + y.shape[2]), down)
        there = Transform(pool, x, tile.input, tile.size, [pair[0] for pair in self.padding], across, most)
        back = Untransform(pool, tile, y, across, most)
        calls: list[Closure | None] = [there.begin(), back.begin()]
        for band in bands(range(down), most):
            steps, inputs = there.band(band)
            products, rest = back.band(band, bias, self.ending)
            calls += [*steps, multiply(self.filters, inputs, products), *rest]
        return in_turn(calls)


@dataclass(frozen=True)
class WeightsCorrelation:
    """Gᵀ[Σ over tiles (Bᵀ d B) ⊙ (A e Aᵀ)]G for the output gradients e, and their sum: that of one of the products."""

    tile: Tile
    x: np.ndarray
    grad: np.ndarray
    padding: Sequence[Pair]
    d_weights: np.ndarray | None
    d_bias: np.ndarray | None

    def __call__(self, pool: Pool) -> Closure:
        tile, (channels, batch), count = self.tile, self.x.shape[2:], self.grad.shape[2]
        down, across = (-(-n // tile.size) for n in self.grad.shape[:2])
        most = min(band_height(tile, across, batch, channels + count), down)
        there = Transform(pool, self.x, tile.input, tile.size, [pair[0] for pair in self.padding], across, most)
        errors = Transform(pool, self.grad, np.ascontiguousarray(tile.output.T), tile.size, (0, 0), across, most)
        sums, total = pool.take(down, count), pool.take(tile.products, channels, count)
        parts = pool.take(most + 1, *total.shape)
        ones = np.ones(across * batch, self.x.dtype)
        calls: list[Closure | None] = [there.begin(), errors.begin()]
        for band in bands(range(down), most):
            (steps, inputs), (more, outputs) = there.band(band), errors.band(band)
            calls += [*steps, *more, partial(np.matmul, outputs[:, 1, 1], ones, out=sums[band.first:band.last])]
            calls += add_products(inputs, outputs, parts, total, first=band.first == 0)
        if self.d_weights is not None:
            matrix = np.ascontiguousarray(both_axes(tile.filter).T)
            calls.append(partial(np.matmul, matrix, total.reshape(len(total), -1), out=self.d_weights.reshape(9, -1)))
        if self.d_bias is not None:
            calls.append(partial(np.add.reduce, sums, axis=0, out=self.d_bias.reshape(-1)))
        return in_turn(calls)


def add_products(inputs: np.ndarray, outputs: np.ndarray, parts: np.ndarray, total: np.ndarray,
                 first: bool) -> list[Closure]:
    """Calls that add Σ over rows of tiles of ``inputs[t, i, j] @ outputs[t, i, j].T``; the last of ``parts`` is its sum."""
    height, r = inputs.shape[:2]
    each = parts[:height]
    target = each.reshape(height, r, r, *each.shape[2:])
    tall, wide = (SQUARE if count % SQUARE == 0 else count for count in each.shape[2:])
    left, right = split(inputs, tall)[:, :, :, :, None], split(outputs, wide)[:, :, :, None].swapaxes(-1, -2)
    target = target.reshape(height, r, r, each.shape[2] // tall, tall, -1, wide).swapaxes(4, 5)
    sum_of = total if first else parts[-1]
    calls: list[Closure] = [partial(np.matmul, left, right, out=target),
                            partial(np.add.reduce, each, axis=0, out=sum_of)]
    return calls if first else [*calls, partial(np.add, total, sum_of, out=total)]


@kernel(*WinogradConv.ops)
class WinogradRowsConv(WinogradConv):
    """The same for large batches of small images, which lie in rows."""

    def accepts(self, case: KernelSpec) -> bool:
        return self.fits(case) and case.ranks == 1 and is_in_rows(case) and is_narrow(case)

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return tuple(ROWS for _ in case.outputs)

    def correlations(self, x: np.ndarray, filters: np.ndarray, y: np.ndarray, padding: Sequence[Pair], ranks: int = 1,
                     ending: Ending | None = None) -> list[Pass]:
        return [Correlation(self.tile, x, filters, y, padding, ending)]

    def weights_correlation(self, x: np.ndarray, grad: np.ndarray, padding: Sequence[Pair], d_weights: np.ndarray | None,
                            d_bias: np.ndarray | None) -> Pass:
        return WeightsCorrelation(self.tile, x, grad, padding, d_weights, d_bias)


@kernel(*WinogradConv.ops)
class FastWinogradRowsConv(WinogradRowsConv):
    """The same with tiles of 4×4."""

    tile = TILES[4]

    def accepts(self, case: KernelSpec) -> bool:
        return case.precision == "fast" and super().accepts(case)
