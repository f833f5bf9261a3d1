"""Winograd's minimal filtering where images lie channels last, (H, W, N·C).

Rows of the image are transformed where they lie (what is outside takes no part), then columns, then come r·r products and
the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import Closure
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT
from dltoolbox.kernels.valid_range import reach
from dltoolbox.kernels.winograd.passes import BandLayout, Summing, Tiling
from dltoolbox.kernels.winograd.transforms import Pool, piece

FEWEST_PRODUCT_ROWS = 16  # rows of a product that is cut


class ChannelsLast(BandLayout):
    """Factors lie as (r, r, row of tiles, positions, channels)."""

    order = memory_format.channels_last_order(4)
    band_bytes, band_positions = 1 << 20, 48

    def read(self, pool: Pool, x: np.ndarray, tiling: Tiling, matrix: np.ndarray, start: Sequence[int]) -> MatrixTransform:
        return MatrixTransform(pool, x.transpose(self.order), tiling, matrix, start)

    def write(self, pool: Pool, y: np.ndarray, tiling: Tiling, spare: np.ndarray) -> MatrixUntransform:
        return MatrixUntransform(pool, y.transpose(self.order), tiling, spare)

    def multiply(self, inputs: np.ndarray, filters: np.ndarray, out: np.ndarray) -> Closure:
        number, pieces, depth, width = filters.shape
        left, target = as_matrices(inputs), as_matrices(out)
        positions = left.shape[1]
        lines = divisor(positions, SMALL_PRODUCT // (depth * width), least=FEWEST_PRODUCT_ROWS)
        return partial(np.matmul, left.reshape(number, 1, positions // lines, lines, depth), filters[:, :, None],
                       out=target.reshape(number, positions // lines, lines, pieces, width).transpose(0, 3, 1, 2, 4))

    def summing(self, pool: Pool, tiling: Tiling, channels: int, count: int) -> Summing:
        return lambda inputs, outputs, target: [multiply_across(as_matrices(inputs), as_matrices(outputs), target)]


def as_matrices(factors: np.ndarray) -> np.ndarray:
    """(row of tiles, r, r, channels, positions) → (r·r, positions of all rows, channels), a view."""
    return factors.transpose(1, 2, 0, 4, 3).reshape(factors.shape[1] ** 2, -1, factors.shape[3])


def multiply_across(inputs: np.ndarray, outputs: np.ndarray, out: np.ndarray) -> Closure:
    """``out[i] = inputs[i].T @ outputs[i]`` for (r·r, P, C), (r·r, P, K) and (r·r, C, K), in small products."""
    number, positions, channels = inputs.shape
    count = outputs.shape[-1]
    wide = count if count * channels * positions <= SMALL_PRODUCT else piece(count, positions)
    tall = divisor(channels, SMALL_PRODUCT // (positions * wide), least=FEWEST_PRODUCT_ROWS)
    left = inputs.reshape(number, positions, channels // tall, 1, tall).transpose(0, 2, 3, 4, 1)
    right = outputs.reshape(number, positions, 1, count // wide, wide).transpose(0, 2, 3, 1, 4)
    target = out.reshape(number, channels // tall, tall, count // wide, wide).transpose(0, 1, 3, 2, 4)
    return partial(np.matmul, left, right, out=target)


class MatrixTransform:
    """An image (H, W, N, C), transformed band by band; in scratch first where it lies otherwise."""

    def __init__(self, pool: Pool, image: np.ndarray, tiling: Tiling, matrix: np.ndarray, start: Sequence[int]) -> None:
        (r, size), (height, width, batch, channels) = matrix.shape, image.shape
        self.image, self.matrix, self.step, self.first = image, matrix, tiling.tile.size, start[0]
        self.across, self.channels, self.line = tiling.across, channels, batch * channels
        rows = min((tiling.most - 1) * self.step + size, height)
        self.copy = None if image.flags.c_contiguous else pool.take(rows, *image.shape[1:])
        self.halves = pool.take(tiling.most, r, (tiling.across - 1) * self.step + size, self.line)
        self.spare = pool.take(r * r * tiling.most * tiling.across * self.line)
        self.inside, self.seen = reach(width, self.halves.shape[2], -start[1], 1)

    def begin(self) -> Closure:
        """Zeros beside the image; they stay for all bands."""
        before, after = self.halves[:, :, :self.inside.start], self.halves[:, :, self.inside.stop:]

        def clear() -> None:
            before[...] = 0
            after[...] = 0
        return clear

    def band(self, rows: slice) -> tuple[list[Closure | None], np.ndarray]:
        (r, size), count, across, line = self.matrix.shape, rows.stop - rows.start, self.across, self.line
        out = self.spare[:r * r * count * across * line].reshape(r, r, count, across, line)
        halves = self.halves[:count]
        item = halves.itemsize
        tiles = as_strided(halves, (count, r, across, size, line),
                           (*halves.strides[:2], self.step * line * item, line * item, item))
        calls = [*self._rows(rows, halves), partial(np.matmul, self.matrix, tiles, out=out.transpose(2, 0, 3, 1, 4))]
        return calls, out.reshape(r, r, count, -1, self.channels).transpose(2, 0, 1, 4, 3)

    def _rows(self, rows: slice, halves: np.ndarray) -> list[Closure | None]:
        """Calls that transform the rows: of tiles inside the image together, of others each with part of the matrix."""
        size, target = self.matrix.shape[1], halves[:, :, self.inside].reshape(*halves.shape[:2], -1)
        spans = [reach(len(self.image), size, t * self.step - self.first, 1) for t in range(rows.start, rows.stop)]
        first = min((seen.start for _, seen in spans if seen.stop), default=0)
        image, fetch = self._lines(first, max(seen.stop for _, seen in spans))
        calls, whole = [fetch], []
        for i, (columns, seen) in enumerate(spans):
            if columns == slice(0, size):
                whole.append(i)
            elif seen.stop:
                part = np.ascontiguousarray(self.matrix[:, columns])
                calls.append(partial(np.matmul, part, image[seen.start - first:seen.stop - first], out=target[i]))
            else:
                calls.append(partial(target[i].fill, 0))
        if whole:
            start = spans[whole[0]][1].start - first
            tall = as_strided(image[start:], (len(whole), size, image.shape[1]),
                              (self.step * image.strides[0], *image.strides))
            calls.append(self._wide(tall, target[whole[0]:whole[-1] + 1]))
        return calls

    def _lines(self, first: int, last: int) -> tuple[np.ndarray, Closure | None]:
        """Some rows of the image, (rows, W·N·C) as far as tiles see them, and the call that fetches them."""
        lines, fetch = self.image[first:last], None
        if self.copy is not None:
            lines, fetch = self.copy[:last - first], partial(np.copyto, self.copy[:last - first], lines)
        return lines.reshape(len(lines), -1)[:, self.seen.start * self.line:self.seen.stop * self.line], fetch

    def _wide(self, image: np.ndarray, target: np.ndarray) -> Closure:
        """``matrix`` times every ``image[t]``, in small products."""
        length = divisor(image.shape[-1], SMALL_PRODUCT // self.matrix.size)
        chunked = [np.moveaxis(x.reshape(*x.shape[:2], -1, length), 2, 1) for x in (image, target)]
        return partial(np.matmul, self.matrix, chunked[0], out=chunked[1])


class MatrixUntransform:
    """An image (H, W, N, K), made of products band by band: straight where its tiles end with it and it lies so."""

    def __init__(self, pool: Pool, image: np.ndarray, tiling: Tiling, spare: np.ndarray) -> None:
        self.image, self.tile, self.across = image, tiling.tile, tiling.across
        batch, filters = image.shape[2:]
        self.line = batch * filters
        self.inner = (1, self.line) if image.flags.c_contiguous else (batch, filters)
        needed = tiling.most * self.tile.size * self.tile.reach * self.across * self.line
        self.spare = spare if spare.size >= needed else pool.take(needed)
        self.products = pool.take(self.tile.products * tiling.most * self.across * self.line)

    def begin(self) -> None:
        """All that is read has been written."""

    def band(self, rows: slice) -> tuple[list[Closure], np.ndarray]:
        m, r, count, width = self.tile.size, self.tile.reach, rows.stop - rows.start, self.across * self.line
        products = self.products[:r * r * count * width]
        half = self.spare[:count * m * r * width]
        back = partial(np.matmul, self.tile.output, products.reshape(r, r, count, width).transpose(1, 2, 0, 3),
                       out=half.reshape(count, m, r, width).transpose(2, 0, 1, 3))
        factors = products.reshape(r, r, count, -1, self.image.shape[3]).transpose(2, 0, 1, 4, 3)
        return [back, *self._columns(rows, half)], factors

    def _columns(self, rows: slice, half: np.ndarray) -> list[Closure]:
        """The second half of the way back."""
        m, r, count, across = self.tile.size, self.tile.reach, rows.stop - rows.start, self.across
        target = self.image[rows.start * m:rows.stop * m]
        size = (count * m, across * m)
        straight = self.image.strides[3] == self.image.itemsize and target.shape[:2] == size
        whole = target if straight else self.products[:size[0] * size[1] * self.line].reshape(*size, *target.shape[2:])
        tiles = whole.reshape(count, m, across, m, *self.inner).transpose(0, 1, 2, 4, 3, 5)
        columns = half.reshape(count, m, r, across, *self.inner).transpose(0, 1, 3, 4, 2, 5)
        calls: list[Closure] = [partial(np.matmul, self.tile.output, columns, out=tiles)]
        return calls if straight else [*calls, partial(np.copyto, target, whole[:target.shape[0], :target.shape[1]])]
