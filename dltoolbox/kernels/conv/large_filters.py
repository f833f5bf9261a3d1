"""Convolution with large filters, input row by input row.

The columns of one input row are the same for every row of the filters. So all rows of all filters are one matrix, and its
product with these columns is what the input row adds to as many rows of the output. Columns of whole windows would take
their area times as much memory, and few filters would make slow products.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import gcd, prod
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, Closure
from dltoolbox.kernels.blocking import copying, cut
from dltoolbox.kernels.valid_range import reach

FEWEST_TAPS, FEWEST_ROWS, SHORTEST_ROW = 256, 8, 16  # of a window; of it and of the output; positions of a row, times batch
BYTES = 1 << 22  # of the columns of an input row, or of their products


def large(window: Window, source: np.ndarray, out: np.ndarray) -> bool:
    """Whether these windows over ``source`` are worth it; ``out`` has their positions."""
    return (window.rank > 1 and window.taps >= FEWEST_TAPS and min(window.size[0], len(out)) >= FEWEST_ROWS
            and prod(out.shape[1:window.rank]) * out.shape[-1] >= SHORTEST_ROW)


class RowMeeting(NamedTuple):
    """An input row, and which rows of the matrix of filters meet which rows of the output there."""

    row: int
    filters: slice
    outputs: slice


class ByRows:
    """The columns of one input row after the other, of some observations at a time.

    Rows of filters that meet an input row together, every ``step``-th, lie together in the matrix.
    """

    def __init__(self, site: BindContext, source: np.ndarray, window: Window, out: Sequence[int], filters: int) -> None:
        self.site, self.source, self.window, self.out = site, source, window, tuple(out[:window.rank])
        channels, batch = source.shape[-2:]
        self.depth, self.length = prod(window.size[1:]) * channels, prod(self.out[1:])
        self.step = window.stride[0] // gcd(window.stride[0], window.dilation[0])
        self.order = sorted(range(window.size[0]), key=lambda f: (f % self.step, f))
        each = self.length * max(self.depth, window.size[0] * filters) * source.itemsize
        self.batches = cut(batch, max(1, BYTES // each))
        self.most = self.batches[0].stop
        spans = [(n - 1) * s + e for n, s, e in zip(self.out[1:], window.stride[1:], window.extent[1:], strict=True)]
        self.padded = site.scratch((*spans, channels, self.most), source.dtype)
        self.expanded = site.scratch((self.depth * self.length * self.most,), source.dtype)

    def meetings(self, outputs: slice) -> Iterator[RowMeeting]:
        """The input rows that some output rows see."""
        window, place = self.window, {f: at for at, f in enumerate(self.order)}
        for row in range(len(self.source)):
            pairs = [divmod(row + window.padding[0][0] - f * window.dilation[0], window.stride[0]) for f in self.order]
            met = [(place[f], r) for f, (r, rest) in zip(self.order, pairs, strict=True)
                   if not rest and outputs.start <= r < outputs.stop]
            if met:
                (first, top), (last, bottom) = met[0], met[-1]
                apart = (top - bottom) // max(len(met) - 1, 1) or 1
                yield RowMeeting(row, slice(first, last + 1), slice(top, bottom - 1 if bottom else None, -apart))

    def start(self) -> list[Closure]:
        """Steps to run once, before the columns of the first row are made."""
        return [partial(self.padded.fill, 0)]

    def columns(self, row: int, batch: slice) -> tuple[list[Closure], np.ndarray]:
        """Steps that make the columns (depth, position) of a row."""
        window, count = self.window, batch.stop - batch.start
        padded, lead = self.padded[..., :count], range(window.rank - 1)
        to, of = zip(*(reach(n, span, -p[0], 1) for n, span, p in zip(
            self.source.shape[1:], padded.shape, window.padding[1:], strict=False)), strict=True)
        shape = (*window.size[1:], padded.shape[-2], *self.out[1:], count)
        strides = (*(padded.strides[a] * window.dilation[a + 1] for a in lead), padded.strides[-2],
                   *(padded.strides[a] * window.stride[a + 1] for a in lead), padded.strides[-1])
        expanded = self.expanded[:prod(shape)].reshape(shape)
        return [copying(padded[to], self.source[(row, *of, slice(None), batch)]),
                partial(np.copyto, expanded, as_strided(padded, shape, strides))], expanded.reshape(self.depth, -1)


def bind_rows(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray | None,
              window: Window, bands: Sequence[slice], relu: bool = False) -> tuple[list[Closure], list[list[Closure]]]:
    """Steps that prepare, and per band of rows those that write a convolution."""
    size, filters = window.size[0], weights.shape[-1]
    matrix = site.shared((size, filters, *weights.shape[1:-1]))
    result: list[list[Closure]] = []
    for band in bands:
        rows = ByRows(site, source, window, target.shape, filters)
        buffer = site.scratch((size * filters * rows.length * rows.most,), target.dtype)
        image = np.moveaxis(target, -2, 1)
        begin = 0 if bias is None else bias.reshape(-1)
        steps: list[Closure] = [partial(np.copyto, np.moveaxis(target[band], -2, -1), begin), *rows.start()]
        for batch in rows.batches:
            for row, used, outputs in rows.meetings(band):
                fill, columns = rows.columns(row, batch)
                left = matrix[used].reshape(-1, rows.depth)
                product = buffer[:len(left) * columns.shape[1]].reshape(len(left), -1)
                sums = image[outputs][..., batch]
                steps += [*fill, partial(np.matmul, left, columns, out=product),
                          partial(np.add, sums, product.reshape(sums.shape), out=sums)]
        if relu:
            steps.append(partial(np.maximum, target[band], 0, out=target[band]))
        result.append(steps)
    moves = [partial(np.copyto, matrix[at], np.moveaxis(weights[f], -1, 0)) for at, f in enumerate(rows.order)]
    return list[Closure](moves), result


def bind_row_weights(site: BindContext, source: np.ndarray, grad: np.ndarray, window: Window, weights: np.ndarray
                     ) -> list[Closure]:
    """Steps that write the gradient of the weights."""
    size, filters = window.size[0], weights.shape[-1]
    rows = ByRows(site, source, window, grad.shape, filters)
    total, part = (site.scratch((size, filters * rows.depth)) for _ in range(2))
    buffer = site.scratch((size * filters * rows.length * rows.most,), grad.dtype)
    image = np.moveaxis(grad, -2, 1)
    steps: list[Closure] = [partial(total.fill, 0), *rows.start()]
    for batch in rows.batches:
        for row, used, outputs in rows.meetings(slice(0, len(grad))):
            fill, columns = rows.columns(row, batch)
            arriving = image[outputs][..., batch]
            copy = buffer[:arriving.size].reshape(arriving.shape)
            left, more = copy.reshape(-1, columns.shape[1]), part[used]
            steps += [*fill, partial(np.copyto, copy, arriving),
                      partial(np.matmul, left, columns.T, out=more.reshape(len(left), -1)),
                      partial(np.add, total[used], more, out=total[used])]
    taps = total.reshape(size, filters, *weights.shape[1:-1])
    return [*steps, *(partial(np.copyto, weights[f], np.moveaxis(taps[at], 0, -1)) for at, f in enumerate(rows.order))]
