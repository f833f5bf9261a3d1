"""3×3 convolution of stride 1 by Winograd's minimal filtering: per output and pair of channels 2.25 multiplications (tiles
of 4×4) or 4 (2×2) instead of 9, at the price of a little rounding (about 1e-5 or 1e-6 of the largest output).

Images lie channels last here, (H, W, N·C). Work proceeds in bands of tile rows that stay in cache: rows of the image are
transformed where they lie (what is outside takes no part), then columns, then come r·r products and the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.core.geometry import Pair, Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.blocking import divisor, shares
from dltoolbox.kernels.conv.epilogue import CHAINS, Ending, window_attrs
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT
from dltoolbox.kernels.valid_range import reach
from dltoolbox.kernels.winograd.transforms import (
    TILES,
    Band,
    Filters,
    Pass,
    Pool,
    Tile,
    TurnedFilters,
    WeightsGradient,
    bands,
    multiply,
    pooled,
)
from dltoolbox.ops.base import BOTH, IN

WIDEST = 32  # columns of an image: banded matrices are mostly zeros beyond, and cost more than few channels save
FEWEST_CHANNELS = 32
FEWEST_POSITIONS = 64  # positions times batch
BAND_BYTES = 1 << 20  # of transformed inputs and products of a band
BAND_POSITIONS = 48  # of a band at least: fewer make poor products
UNEVEN = 1.1  # how much longer than the others the slowest rank may take
LAST = memory_format.channels_last_order(4)


class Image:
    """An array (H, W, C, N) as rows of a contiguous (H, W·N·C); in scratch, band by band, where it lies otherwise."""

    def __init__(self, pool: Pool, x: np.ndarray, rows: int) -> None:
        self.height, self.width, self.line = x.shape[0], x.shape[1], x.shape[2] * x.shape[3]
        self.moved = x.transpose(LAST)
        self.copy = None if self.moved.flags.c_contiguous else pool.take(min(rows, self.height), *self.moved.shape[1:])

    def rows(self, first: int, last: int) -> tuple[np.ndarray, Closure | None]:
        """Some rows, and the call that fetches them."""
        shape = (last - first, self.width * self.line)
        if self.copy is None:
            return self.moved[first:last].reshape(shape), None
        copy = self.copy[:last - first]
        return copy.reshape(shape), partial(np.copyto, copy, self.moved[first:last])


class Transform:
    """``matrix`` applied to both axes of the tiles of an image; tiles start ``step`` apart, the first at −``start``."""

    def __init__(self, pool: Pool, x: np.ndarray, matrix: np.ndarray, step: int, start: Sequence[int], across: int,
                 most: int) -> None:
        r, size = matrix.shape
        self.matrix, self.step, self.first, self.across, self.batch = matrix, step, start[0], across, x.shape[-1]
        self.image = Image(pool, x, (most - 1) * step + size)
        self.halves = pool.take(most, r, (across - 1) * step + size, self.image.line)
        self.out = pool.take(r * r * most * across * self.image.line)
        self.inside, self.read = reach(self.image.width, self.halves.shape[2], -start[1], 1)

    def begin(self) -> Closure:
        """Zeros beside the image; they stay for all bands."""
        before, after = self.halves[:, :, :self.inside.start], self.halves[:, :, self.inside.stop:]

        def clear() -> None:
            before[...] = 0
            after[...] = 0
        return clear

    def band(self, band: Band) -> tuple[list[Closure | None], np.ndarray]:
        """Calls that transform a band, and where its (r·r, positions, C) will be."""
        (r, size), line, across = self.matrix.shape, self.image.line, self.across
        out = self.out[:r * r * band.height * across * line].reshape(r, r, band.height, across, line)
        halves = self.halves[:band.height]
        one = halves.itemsize
        tiles = as_strided(halves, (band.height, r, across, size, line),
                           (*halves.strides[:2], self.step * line * one, line * one, one))
        calls = [*self._rows(band, halves), partial(np.matmul, self.matrix, tiles, out=out.transpose(2, 0, 3, 1, 4))]
        return calls, out.reshape(r * r, -1, line // self.batch)

    def _rows(self, band: Band, halves: np.ndarray) -> list[Closure | None]:
        """Calls that transform the rows: of tiles inside the image together, of others each with part of the matrix."""
        size, height = self.matrix.shape[1], self.image.height
        target = halves[:, :, self.inside].reshape(*halves.shape[:2], -1)
        spans = [(min(max(t * self.step - self.first, 0), height), min(max(t * self.step - self.first + size, 0), height))
                 for t in range(*band)]
        first, last = min(a for a, _ in spans), max(b for _, b in spans)
        image, fetch = self.image.rows(first, last)
        image = image[:, self.read.start * self.image.line:self.read.stop * self.image.line]
        calls: list[Closure | None] = [fetch]
        whole = [i for i, (a, b) in enumerate(spans) if b - a == size]
        for i, (a, b) in enumerate(spans):
            if b <= a:
                calls.append(partial(np.copyto, target[i], 0))
            elif b - a < size:
                cut = a - (band.first + i) * self.step + self.first
                part = np.ascontiguousarray(self.matrix[:, cut:cut + b - a])
                calls.append(partial(np.matmul, part, image[a - first:b - first], out=target[i]))
        if whole:
            start = spans[whole[0]][0] - first
            tall = as_strided(image[start:], (len(whole), size, image.shape[1]),
                              (self.step * image.strides[0], *image.strides))
            calls.append(self._wide(tall, target[whole[0]:whole[-1] + 1]))
        return calls

    def _wide(self, image: np.ndarray, target: np.ndarray) -> Closure:
        """``matrix`` times every ``image[t]``, in small products."""
        r, size = self.matrix.shape
        length = divisor(image.shape[-1], SMALL_PRODUCT // (r * size))
        chunked = [np.moveaxis(x.reshape(*x.shape[:2], -1, length), 2, 1) for x in (image, target)]
        return partial(np.matmul, self.matrix, chunked[0], out=chunked[1])


class Untransform:
    """Products (r·r, positions, K) back to rows of the output, finished with bias and ReLU.

    ``work`` is scratch that is free once the products are made.
    """

    def __init__(self, pool: Pool, tile: Tile, y: np.ndarray, across: int, most: int, work: np.ndarray) -> None:
        self.tile, self.across, self.target = tile, across, y.transpose(LAST)
        batch, filters = self.target.shape[2:]
        lies_last = memory_format.lies_in(y, LAST)
        self.inner = (1, batch * filters) if lies_last else (batch, filters)
        self.direct = self.target.strides[3] == y.itemsize
        self.line = batch * filters
        needed = most * tile.size * tile.reach * across * self.line
        self.half = work if work.size >= needed else pool.take(needed)
        self.products = pool.take(tile.products * most * across * self.line)

    def band(self, band: Band, bias: np.ndarray | None, ending: Ending | None) -> tuple[np.ndarray, list[Closure | None]]:
        """Where the products (r·r, positions, K) of a band are expected, and calls that finish it."""
        m, r, line, across = self.tile.size, self.tile.reach, self.line, self.across
        products = self.products[:r * r * band.height * across * line].reshape(r * r, -1, self.target.shape[3])
        half = self.half[:band.height * m * r * across * line].reshape(band.height, m, r, across * line)
        calls: list[Closure | None] = []
        if bias is not None:
            constant = products[self.tile.constant]
            calls.append(partial(np.add, constant, bias, out=constant))
        by_row = products.reshape(r, r, band.height, across * line).transpose(1, 2, 0, 3)
        calls.append(partial(np.matmul, self.tile.output, by_row, out=half.transpose(2, 0, 1, 3)))
        return products, [*calls, *self._columns(band, half, ending)]

    def _columns(self, band: Band, half: np.ndarray, ending: Ending | None) -> list[Closure | None]:
        """The second half of the way back, straight into the output where tiles end with it."""
        m, r, across = self.tile.size, self.tile.reach, self.across
        rows = self.target[band.first * m:band.last * m]
        size = (band.height * m, across * m)
        direct = self.direct and rows.shape[:2] == size
        whole = rows if direct else self.products[:size[0] * size[1] * self.line].reshape(*size, *rows.shape[2:])
        tiles = whole.reshape(band.height, m, across, m, *self.inner).transpose(0, 1, 2, 4, 3, 5)
        columns = half.reshape(band.height, m, r, across, *self.inner).transpose(0, 1, 3, 4, 2, 5)
        calls: list[Closure | None] = [partial(np.matmul, self.tile.output, columns, out=tiles)]
        if not direct:
            calls.append(partial(np.copyto, rows, whole[:rows.shape[0], :rows.shape[1]]))
        if ending is not None:
            calls.append(ending.rectify(rows.reshape(len(rows), -1) if rows.flags.c_contiguous else rows))
        return calls


class Part(NamedTuple):
    """What one rank computes: some rows of tiles of some filters."""

    rows: range
    filters: slice


def parts(down: int, count: int, width: int, ranks: int) -> list[Part]:
    """One part per rank, of the rows of tiles where they divide evenly: others leave products of few positions, and wait.

    Filters, in pieces of ``width``, divide next best; the inputs are then transformed by every rank.
    """
    number = count // width
    uneven = -(-down // ranks) * ranks > UNEVEN * down
    if uneven and (number % ranks == 0 or down < ranks <= number):
        return [Part(range(down), filters) for filters in pieces(count, width, ranks)]
    return [Part(range(rows.start, rows.stop), slice(0, count)) for rows in shares(down, ranks if down >= ranks else 1)]


def pieces(count: int, width: int, ranks: int) -> list[slice]:
    """Filters of every rank, in pieces of ``width``."""
    return [slice(part.start * width, part.stop * width) for part in shares(count // width, ranks)]


def band_height(tile: Tile, across: int, batch: int, channels: int) -> int:
    """Rows of tiles at once: what stays in cache, and makes products of some size. ``channels`` in and out."""
    positions = across * batch
    return max(-(-BAND_POSITIONS // positions), BAND_BYTES // (tile.products * positions * channels * 4))


@dataclass(frozen=True)
class Correlation:
    """One part of the convolution of ``x`` with transformed filters (r·r, K/k, C, k), into ``y``."""

    tile: Tile
    x: np.ndarray
    filters: np.ndarray
    y: np.ndarray
    padding: Sequence[Pair]
    part: Part
    ending: Ending | None = None

    def __call__(self, pool: Pool) -> Closure:
        tile, x, y, width = self.tile, self.x, self.y[:, :, self.part.filters], self.filters.shape[-1]
        filters = self.filters[:, self.part.filters.start // width:self.part.filters.stop // width]
        bias = None if self.ending is None else self.ending.bias.reshape(-1)[self.part.filters]
        across, batch = -(-y.shape[1] // tile.size), x.shape[-1]
        most = min(band_height(tile, across, batch, x.shape[2] + y.shape[2]), len(self.part.rows))
        there = Transform(pool, x, tile.input, tile.size, [pair[0] for pair in self.padding], across, most)
        back = Untransform(pool, tile, y, across, most, there.out)
        calls: list[Closure | None] = [there.begin()]
        for band in bands(self.part.rows, most):
            steps, inputs = there.band(band)
            products, rest = back.band(band, bias, self.ending)
            calls += [*steps, multiply(inputs, filters, products), *rest]
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
        tile, (channels, batch), filters = self.tile, self.x.shape[2:], self.grad.shape[2]
        down, across = (-(-n // tile.size) for n in self.grad.shape[:2])
        most = min(band_height(tile, across, batch, channels + filters), down)
        there = Transform(pool, self.x, tile.input, tile.size, [pair[0] for pair in self.padding], across, most)
        errors = Transform(pool, self.grad, np.ascontiguousarray(tile.output.T), tile.size, (0, 0), across, most)
        total = WeightsGradient(pool, tile, channels, filters)
        calls: list[Closure | None] = [there.begin(), errors.begin()]
        for band in bands(range(down), most):
            (steps, inputs), (more, outputs) = there.band(band), errors.band(band)
            calls += [*steps, *more, *total.add(inputs, outputs)]
        return in_turn([*calls, *total.finish(self.d_weights, self.d_bias)])


def window_of(use: BindContext | KernelSpec) -> Window:
    window = window_attrs(use)["window"]
    assert isinstance(window, Window)
    return window


def is_in_rows(case: KernelSpec) -> bool:
    """Whether the output of this convolution had better lie in rows."""
    order = case.preferred_order(case.outputs[0])
    return order == memory_format.rows_order(len(order))


def thinnest(case: KernelSpec) -> int:
    """The smaller of the numbers of channels and filters."""
    return min(case.inputs[0].channels or 0, case.outputs[0].channels or 0)


def is_narrow(case: KernelSpec) -> bool:
    """Whether images are so narrow beside the channels that one banded matrix transforms all their columns."""
    width = max(case.inputs[0].spatial[1], case.outputs[0].spatial[1])
    return width <= min(WIDEST, thinnest(case) // 4)


@kernel("conv", *CHAINS)
class WinogradConv(Kernel):
    """`conv` with 3×3 filters of stride 1 in single precision, many channels and images that are not tiny."""

    tile: ClassVar[Tile] = TILES[2]

    def accepts(self, case: KernelSpec) -> bool:
        return self.fits(case) and (not is_in_rows(case) or (thinnest(case) >= 64 and not is_narrow(case)))

    def fits(self, case: KernelSpec) -> bool:
        """Whether the algorithm serves this convolution at all."""
        x, weights = case.inputs[0], case.inputs[1]
        window = window_of(case)
        if (window.size, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)) or case.dtype != np.float32:
            return False
        out = window.output(x.spatial)
        return (min(out) >= 1 and min(x.channels or 0, weights.sizes[-1] or 0) >= FEWEST_CHANNELS
                and prod(out) * (x.batch or 0) >= FEWEST_POSITIONS)

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH if self.op.endswith("relu") else IN

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return tuple(LAST for _ in case.outputs)

    def correlations(self, x: np.ndarray, filters: np.ndarray, y: np.ndarray, padding: Sequence[Pair], ranks: int = 1,
                     ending: Ending | None = None) -> list[Pass]:
        """Convolution of ``x`` with transformed filters into ``y``: a pass per rank."""
        shares = parts(-(-y.shape[0] // self.tile.size), y.shape[2], filters.shape[-1], ranks)
        return [Correlation(self.tile, x, filters, y, padding, part, ending) for part in shares]

    def weights_correlation(self, x: np.ndarray, grad: np.ndarray, padding: Sequence[Pair], d_weights: np.ndarray | None,
                            d_bias: np.ndarray | None) -> Pass:
        """Gradients of weights and bias."""
        return WeightsCorrelation(self.tile, x, grad, padding, d_weights, d_bias)

    def bind(self, site: BindContext) -> BoundKernel:
        window, ending = window_of(site), Ending(site)
        filters = Filters(site, self.tile, ending.weights)
        forward = self.correlations(site.inputs[0], filters.transformed, site.outputs[0], window.padding, site.case.ranks,
                                    ending)
        divided = list(filters.prepare)
        backward = self._backward(site, window, ending, divided) if site.training else []
        first, *closures = pooled(site, [forward[0], *backward])
        others = [pooled(site, [one])[0] for one in forward[1:]]
        together = (in_turn([*ending.gate(site), *closures]),) if site.training else ()
        return BoundKernel((first, *others), together, ending.prepare, divided=tuple(divided))

    def _backward(self, site: BindContext, window: Window, ending: Ending, divided: list[Closure]) -> list[Pass]:
        """Passes that come after one another; adds to what threads prepare together."""
        x, grad, (d_x, d_weights, d_bias) = site.inputs[0], site.grads[0], site.grad_inputs[:3]
        assert grad is not None
        passes: list[Pass] = []
        if d_weights is not None or d_bias is not None:
            passes.append(self.weights_correlation(x, grad, window.padding, d_weights, d_bias))
        if d_x is not None:
            filters = TurnedFilters(site, self.tile, ending.weights)
            divided.append(filters.prepare)
            padding = [(2 - before, 2 - after) for before, after in window.padding]
            passes += self.correlations(grad, filters.transformed, d_x, padding)
        return passes


@kernel(*WinogradConv.ops)
class FastWinogradConv(WinogradConv):
    """The same with tiles of 4×4: fewer products, ten times the rounding."""

    tile = TILES[4]

    def accepts(self, case: KernelSpec) -> bool:
        return case.precision == "fast" and super().accepts(case)
