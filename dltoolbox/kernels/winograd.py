"""3×3 convolution of stride 1 by Winograd's minimal filtering: per output and pair of channels 2.25 multiplications (tiles
of 4×4) or 4 (2×2) instead of 9, at the price of a little rounding (about 1e-5 or 1e-6 of the largest output).

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), section 4: with the matrices A, B and
G of a tile size m (and r = m + 2), an output tile is Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A, and the ⊙ becomes r·r matrix products
over channels. Every transformation is a matrix product as well, so no elementwise Python is left.

Images lie channels last here, (H, W, N·C). Work proceeds in bands of tile rows that stay in cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.core.geometry import Pair, Window
from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Case, Direct, Workspace, kernel
from dltoolbox.kernels.convolution import ConvKernel, bias_gradient
from dltoolbox.kernels.taps import copy_tap, reach
from dltoolbox.ops.base import Call, Gradients

FEWEST_CHANNELS = 32
FEWEST_POSITIONS = 512  # positions times batch
BAND_POSITIONS = 128  # rows of the products of one band: enough for a good product


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
TILE = TILES[2]  # 4×4 tiles multiply less, but round ten times worse: a choice for whoever asks for speed


@dataclass(frozen=True)
class Band:
    """Some rows of tiles of one convolution: ``first`` to ``last``, ``across`` tiles wide, ``batch`` images."""

    tile: Tile
    first: int
    last: int
    across: int
    batch: int

    @property
    def count(self) -> int:
        return self.last - self.first

    @property
    def positions(self) -> int:
        return self.count * self.across * self.batch


def bands(tile: Tile, out: tuple[int, ...], batch: int) -> Iterator[Band]:
    """Bands of nearly equal height over an output of the given size."""
    down, across = (-(-n // tile.size) for n in out)
    wanted = max(1, -(-BAND_POSITIONS // (across * batch)))
    number = -(-down // wanted)
    edges = [down * i // number for i in range(number + 1)]
    yield from (Band(tile, a, b, across, batch) for a, b in pairwise(edges))


def padded_band(work: Workspace, tag: str, x: np.ndarray, band: Band, height: int, padding: Sequence[Pair],
                width: int) -> np.ndarray:
    """Image rows of a band with zeros around: (height, width, N·C)."""
    first = band.first * band.tile.size - padding[0][0]
    target = layout.scratch(work, tag, (height, width, *x.shape[2:]), layout.channels_last_order(4), x.dtype)
    spans = [reach(x.shape[0], height, first, 1), reach(x.shape[1], width, -padding[1][0], 1)]
    copy_tap(target, x, [s[0] for s in spans], [s[1] for s in spans])
    return target.transpose(layout.channels_last_order(4)).reshape(height, width, -1)


def transform(work: Workspace, tag: str, matrix: np.ndarray, image: np.ndarray, band: Band, step: int) -> np.ndarray:
    """``matrix`` applied to both axes of every tile of a padded band: (r·r, positions, C).

    Tiles start ``step`` apart and are as large as ``matrix`` is wide.
    """
    r, size = matrix.shape
    width, line = image.shape[1:]
    one = image.itemsize
    rows = as_strided(image, (band.count, size, width * line), (step * width * line * one, width * line * one, one))
    down = np.matmul(matrix, rows, out=work.scratch("down", (band.count, r, width * line), image.dtype))
    tiles = as_strided(down, (band.count, r, band.across, size, line),
                       (r * width * line * one, width * line * one, step * line * one, line * one, one))
    both = work.scratch(tag, (r, r, band.count, band.across, line), image.dtype)
    np.matmul(matrix, tiles, out=both.transpose(2, 0, 3, 1, 4))
    return both.reshape(r * r, band.positions, line // band.batch)


def untransform(work: Workspace, products: np.ndarray, band: Band) -> np.ndarray:
    """Products (r·r, positions, K) → output rows (count·m, across·m, N·K)."""
    r, m = band.tile.reach, band.tile.size
    line = products.shape[-1] * band.batch
    matrix = band.tile.output
    by_row = products.reshape(r, r, band.count, band.across * line).transpose(1, 2, 0, 3)
    half = work.scratch("down", (band.count, m, r, band.across * line), products.dtype)
    np.matmul(matrix, by_row, out=half.transpose(2, 0, 1, 3))
    y = work.scratch("tiles", (band.count, m, band.across, m, line), products.dtype)
    np.matmul(matrix, half.reshape(band.count, m, r, band.across, line).swapaxes(2, 3), out=y)
    return y.reshape(band.count * m, band.across * m, line)


def filters(work: Workspace, weights: np.ndarray, tile: Tile) -> np.ndarray:
    """(3, 3, C, K) → G g Gᵀ as (r·r, C, K)."""
    r, pairs = tile.reach, weights[0, 0].size
    half = np.matmul(tile.filter, weights.reshape(3, -1), out=work.scratch("down", (r, 3 * pairs), weights.dtype))
    both = np.matmul(tile.filter, half.reshape(r, 3, pairs), out=work.scratch("filters", (r, r, pairs), weights.dtype))
    return both.reshape(r * r, *weights.shape[2:])


def correlate(work: Workspace, x: np.ndarray, weights: np.ndarray, padding: Sequence[Pair], out: tuple[int, ...],
              bias: np.ndarray | None = None) -> np.ndarray:
    """The convolution of `dltoolbox.kernels.convolution.correlate`, by tiles."""
    tile, transformed = TILE, filters(work, weights, TILE)
    batch, count = x.shape[-1], weights.shape[-1]
    y = layout.empty(work, (*out, count, batch), layout.channels_last_order(4), x.dtype)
    target = y.transpose(layout.channels_last_order(4)).reshape(*out, -1)
    for band in bands(tile, out, batch):
        height, width = band.count * tile.size + 2, band.across * tile.size + 2
        image = padded_band(work, "image", x, band, height, padding, width)
        inputs = transform(work, "inputs", tile.input, image, band, tile.size)
        products = np.matmul(inputs, transformed,
                             out=work.scratch("products", (tile.reach ** 2, band.positions, count), x.dtype))
        rows = target[band.first * tile.size:band.last * tile.size]
        rows[...] = untransform(work, products, band)[:len(rows), :out[1]]
        if bias is not None:
            rows += np.tile(bias.reshape(-1), batch)
    return y


def correlate_weights(work: Workspace, x: np.ndarray, grad: np.ndarray, padding: Sequence[Pair]) -> np.ndarray:
    """Gᵀ[Σ over tiles (Bᵀ d B) ⊙ (A e Aᵀ)]G for the output gradients e."""
    tile, out = TILE, grad.shape[:2]
    channels, batch, count = x.shape[-2], x.shape[-1], grad.shape[-2]
    total = work.scratch("dw", (tile.reach ** 2, channels, count), x.dtype)
    for band in bands(tile, out, batch):
        height, width = band.count * tile.size, band.across * tile.size
        image = padded_band(work, "image", x, band, height + 2, padding, width + 2)
        inputs = transform(work, "inputs", tile.input, image, band, tile.size)
        errors = padded_band(work, "image", grad, band, height, ((0, 0), (0, 0)), width)
        outputs = transform(work, "products", np.ascontiguousarray(tile.output.T), errors, band, tile.size)
        if not band.first:
            np.matmul(inputs.swapaxes(1, 2), outputs, out=total)
        else:
            total += np.matmul(inputs.swapaxes(1, 2), outputs, out=work.scratch("dw part", total.shape, x.dtype))
    half = np.tensordot(tile.filter, total.reshape(tile.reach, tile.reach, -1), (0, 0))
    return np.matmul(tile.filter.T, half).reshape(3, 3, channels, count)


@kernel
class WinogradConv(Direct):
    """`conv` with 3×3 filters of stride 1 in single precision, many channels and images that are not tiny."""

    op = "conv"

    def accepts(self, case: Case) -> bool:
        x, weights = case.inputs[0], case.inputs[1]
        window = case.attrs["window"]
        shape = (*window.output(x.spatial), weights.sizes[-1], x.batch)
        if (window.size, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)) or window.output(x.spatial)[0] < 1:
            return False
        return (min(x.channels, shape[-2]) >= FEWEST_CHANNELS and shape[0] * shape[1] * shape[3] >= FEWEST_POSITIONS
                and layout.preferred_order(shape) == layout.channels_last_order(4))

    def forward(self, work: Workspace, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *,
                window: Window) -> np.ndarray:
        if x.dtype != np.float32:
            return ConvKernel().forward(work, x, weights, bias, window=window)
        return correlate(work, x, weights, window.padding, window.output(x.shape[:2]), bias)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        if x.dtype != np.float32:
            return ConvKernel().backward(work, call, grad, window=window)
        turned = np.ascontiguousarray(weights[::-1, ::-1].swapaxes(2, 3))
        padding = tuple((2 - before, 2 - after) for before, after in window.padding)
        return (correlate(work, grad, turned, padding, x.shape[:2]) if call.needs[0] else None,
                correlate_weights(work, x, grad, window.padding) if call.needs[1] else None,
                bias_gradient(grad, bias) if call.needs[2] else None)
