"""Winograd's minimal filtering for large batches, with images as rows, (H, C, W·N), and no other order in between.

Columns come first here: all tiles of a row of one channel are transformed at once by one banded matrix over (W, N), which
knows of the padding and of tiles that end outside; rows of tiles and products follow over (tiles across)·N. For 8×8 images
of 64 channels, 330 instead of 140 GFLOP/s, counted as direct convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import Closure
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.valid_range import reach
from dltoolbox.kernels.winograd.passes import BandLayout, Summing, Tiling
from dltoolbox.kernels.winograd.transforms import LINE, Pool

SQUARE = 32  # channels on both sides of the products for gradients: 136 → 171 GFLOP/s for 64 channels
TRANSFORMED_AT_ONCE = 1 << 15  # elements of a row that are transformed at once


class BatchInnerLayout(BandLayout):
    """Factors lie as (row of tiles, r, channels, r, positions)."""

    order = memory_format.rows_order(4)
    band_bytes, band_positions = 1 << 21, 1

    def read(self, pool: Pool, x: np.ndarray, tiling: Tiling, matrix: np.ndarray, start: Sequence[int]) -> RowTransform:
        return RowTransform(pool, x.transpose(self.order), tiling, matrix, start)

    def write(self, pool: Pool, y: np.ndarray, tiling: Tiling, spare: np.ndarray) -> RowUntransform:
        return RowUntransform(pool, y.transpose(self.order), tiling)

    def multiply(self, inputs: np.ndarray, filters: np.ndarray, out: np.ndarray) -> Closure:
        r, width = inputs.shape[1], filters.shape[-1]
        left = filters.reshape(r, r, *filters.shape[1:]).swapaxes(-1, -2)
        return partial(np.matmul, left, inputs[:, :, :, None], out=split(out, width))

    def summing(self, pool: Pool, tiling: Tiling, channels: int, count: int) -> Summing:
        tall, wide = (SQUARE if width % SQUARE == 0 else width for width in (channels, count))
        buffer = pool.take(tiling.most, tiling.tile.products, channels, count)

        def summed(inputs: np.ndarray, outputs: np.ndarray, target: np.ndarray) -> list[Closure]:
            height, r = inputs.shape[:2]
            left, right = split(inputs, tall)[:, :, :, :, None], split(outputs, wide)[:, :, :, None].swapaxes(-1, -2)
            each = buffer[:height]
            blocks = each.reshape(height, r, r, channels // tall, tall, -1, wide).swapaxes(4, 5)
            return [partial(np.matmul, left, right, out=blocks), partial(np.add.reduce, each, axis=0, out=target)]
        return summed


def split(factors: np.ndarray, width: int) -> np.ndarray:
    """(count, r, r, channels, positions) → (count, r, r, channels/width, width, positions), a view."""
    *outer, line, item = factors.strides
    return as_strided(factors, (*factors.shape[:3], factors.shape[3] // width, width, factors.shape[4]),
                      (*outer, width * line, line, item))


def banded(matrix: np.ndarray, step: int, start: int, across: int, width: int) -> np.ndarray:
    """(r·across, width): ``matrix`` for every tile of a line of ``width``; tiles start ``step`` apart, the first at −start.
    """
    r, size = matrix.shape
    whole = np.zeros((r, across, width), matrix.dtype)
    for tile in range(across):
        columns, seen = reach(width, size, tile * step - start, 1)
        whole[:, tile, seen] = matrix[:, columns]
    return whole.reshape(r * across, width)


class PaddedRows:
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
        part = divisor(line, TRANSFORMED_AT_ONCE)
        item, row = self.array.itemsize, self.array.strides[0]
        return as_strided(self.array, (count, line // part, size, part), (step * row, part * item, row, item))

    def factors(self, count: int, r: int) -> np.ndarray:
        """(count, r, r, channels, positions): what is multiplied, of (count·r) rows whose items are (r, tiles)."""
        array, inner = self.array, self.length // r
        return as_strided(array, (count, r, r, array.shape[1], inner),
                          (r * array.strides[0], array.strides[0], inner * array.itemsize, *array.strides[1:]))


class RowTransform:
    """An image (H, C, W, N), transformed band by band; in scratch first where it lies otherwise."""

    def __init__(self, pool: Pool, image: np.ndarray, tiling: Tiling, matrix: np.ndarray, start: Sequence[int]) -> None:
        (r, size), (height, channels, width, batch) = matrix.shape, image.shape
        self.image, self.matrix, self.step, self.first = image, matrix, tiling.tile.size, start[0]
        rows = (tiling.most - 1) * self.step + size
        self.copy = None if image.flags.c_contiguous else pool.take(min(rows, height), *image.shape[1:])
        self.columns = banded(matrix, self.step, start[1], tiling.across, width)
        self.halves = PaddedRows(pool, rows, channels, r * tiling.across, batch)
        self.out = PaddedRows(pool, tiling.most * r, channels, r * tiling.across, batch)
        self.spare = self.out.array

    def begin(self) -> Closure:
        return self.halves.clear()

    def band(self, rows: slice) -> tuple[list[Closure], np.ndarray]:
        (r, size), count = self.matrix.shape, rows.stop - rows.start
        needed = (count - 1) * self.step + size
        inside, seen = reach(len(self.image), needed, rows.start * self.step - self.first, 1)
        outside = [slice(0, inside.start), slice(inside.stop, needed)]
        calls: list[Closure] = [partial(self.halves.array[part].fill, 0) for part in outside if part.start < part.stop]
        if seen.stop:
            source = self.image[seen]
            if self.copy is not None:
                copy = self.copy[:len(source)]
                calls.append(partial(np.copyto, copy, source))
                source = copy
            calls.append(partial(np.matmul, self.columns, source, out=self.halves.lines(inside)))
        calls.append(partial(np.matmul, self.matrix, self.halves.tall(count, self.step, size),
                             out=self.out.tall(count, r, r)))
        return calls, self.out.factors(count, r)


class RowUntransform:
    """An image (H, K, W, N), made of products band by band; in scratch first where it lies otherwise."""

    def __init__(self, pool: Pool, image: np.ndarray, tiling: Tiling) -> None:
        self.image, self.tile = image, tiling.tile
        channels, width, batch = image.shape[1:]
        (m, r), most = self.tile.output.shape, tiling.most
        self.columns = np.ascontiguousarray(banded(np.ascontiguousarray(self.tile.output.T), m, 0, tiling.across, width).T)
        self.products = PaddedRows(pool, most * r, channels, r * tiling.across, batch)
        self.halves = PaddedRows(pool, most * m, channels, r * tiling.across, batch)
        self.spare = self.halves.array
        self.copy = None if image.flags.c_contiguous else pool.take(most * m, *image.shape[1:])

    def begin(self) -> Closure:
        return self.products.clear()

    def band(self, rows: slice) -> tuple[list[Closure], np.ndarray]:
        (m, r), count = self.tile.output.shape, rows.stop - rows.start
        target = self.image[rows.start * m:rows.stop * m]
        made = target if self.copy is None else self.copy[:len(target)]
        calls: list[Closure] = [
            partial(np.matmul, self.tile.output, self.products.tall(count, r, r), out=self.halves.tall(count, m, m)),
            partial(np.matmul, self.columns, self.halves.lines(slice(0, len(target))), out=made)]
        return calls if made is target else [*calls, partial(np.copyto, target, made)], self.products.factors(count, r)
