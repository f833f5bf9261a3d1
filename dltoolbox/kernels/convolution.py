"""Convolution as few large matrix products over blocks of rows.

A block of output rows is computed from *columns*: the input elements that each output position reads, copied side by
side into scratch that stays in cache. Two forms, one per memory order (see `layout`):

* ``rows``: columns (row, tap, C, S2…·N), product ``W·columns``. The taps of a column of the window are copied; its rows
  are not, because the rows of the image that a window spans lie one after the other already.
* ``channels_last``: columns (position·N, tap·C), product ``columns·W``.

Nothing is stored for the gradients: that of the weights makes the columns again, that of the input is a convolution
with turned filters where the stride is 1, and otherwise spreads the products tap by tap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import layout
from dltoolbox.kernels.base import Kernel, Workspace, kernel
from dltoolbox.kernels.taps import copy_tap, reach, taps
from dltoolbox.ops.base import Call, Gradients

COLUMN_BYTES = 1 << 21  # scratch for the columns of one block: large enough for a good product, small enough for caches
SMALL_PRODUCT = 10**6  # OpenBLAS multiplies matrices of M·N·K up to this without packing them first


def correlate(work: Workspace, x: np.ndarray, weights: np.ndarray, window: Window,
              out: tuple[int, ...] | None = None, bias: np.ndarray | None = None) -> np.ndarray:
    """Σ over taps and channels of w[tap, c, k]·x[s·position + tap, c, n], plus a bias per k."""
    out = window.output(x.shape[:window.rank]) if out is None else out
    order = layout.preferred_order(x.ndim, x.shape[-1])
    y = layout.empty(work, (*out, weights.shape[-1], x.shape[-1]), order, np.result_type(x, weights))
    if y.size == 0:
        return y
    matrix = weights.reshape(-1, weights.shape[-1])
    target = y.transpose(order)
    if order == layout.rows_order(x.ndim):
        column = None if bias is None else bias.reshape(-1, 1)
        wide = target.reshape(*target.shape[:2], -1)
        for rows, columns in stacked_columns(work, x, window, out):
            multiply_in_chunks(matrix.T, columns, wide[rows])
            if column is not None:
                wide[rows] += column
        return y
    tall = target.reshape(-1, target.shape[-1])
    for rows, columns in patches(work, x, window, out):
        np.matmul(columns, matrix, out=tall[rows])
        if bias is not None:
            tall[rows] += bias.reshape(-1)
    return y


def correlate_weights(work: Workspace, x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray:
    """The adjoint of `correlate` in the weights: Σ over positions and observations of x·yᵀ per tap."""
    out, channels, filters = y.shape[:window.rank], x.shape[-2], y.shape[-2]
    shape = (*window.size, channels, filters)
    dtype = np.result_type(x, y)
    if x.size == 0 or y.size == 0:
        return np.zeros(shape, dtype)
    order = layout.preferred_order(x.ndim, x.shape[-1])
    source = layout.arranged(work, "dy", y, order)
    total = work.empty((window.taps * channels, filters), dtype)
    total[...] = 0
    part = work.scratch("dw", total.shape, dtype)
    if order == layout.rows_order(x.ndim):
        wide = source.reshape(*source.shape[:2], -1)
        for rows, columns in stacked_columns(work, x, window, out):
            each = np.matmul(columns, wide[rows].transpose(0, 2, 1),
                             out=work.scratch("dw rows", (len(columns), *total.shape), dtype))
            total += np.add.reduce(each, axis=0, out=part)
    else:
        tall = source.reshape(-1, filters)
        for rows, columns in patches(work, x, window, out):
            total += np.matmul(columns.T, tall[rows], out=part)
    return total.reshape(shape)


def correlate_adjoint(work: Workspace, y: np.ndarray, weights: np.ndarray, window: Window, spatial: tuple[int, ...],
                      bias: np.ndarray | None = None) -> np.ndarray:
    """The adjoint of `correlate` in x: every output element spread over the taps that it was summed from."""
    if set(window.stride) == {1}:
        turned = np.ascontiguousarray(np.flip(weights, tuple(range(window.rank))).swapaxes(-1, -2))
        padding = tuple((e - 1 - p[0], e - 1 - p[1]) for e, p in zip(window.extent, window.padding, strict=True))
        return correlate(work, y, turned, Window(window.size, window.stride, padding, window.dilation), spatial, bias)
    return spread(work, y, weights, window, spatial, bias)


def spread(work: Workspace, y: np.ndarray, weights: np.ndarray, window: Window, spatial: tuple[int, ...],
           bias: np.ndarray | None = None) -> np.ndarray:
    """`correlate_adjoint` for any stride: products of whole rows, added to the image tap by tap."""
    order = layout.preferred_order(y.ndim, y.shape[-1])
    out, channels, filters = y.shape[:window.rank], weights.shape[-2], y.shape[-2]
    x = layout.empty(work, (*spatial, channels, y.shape[-1]), order, np.result_type(y, weights))
    x[...] = 0 if bias is None else bias.reshape(-1, 1)
    if x.size == 0 or y.size == 0:
        return x
    stacked = order == layout.rows_order(y.ndim)
    source = layout.arranged(work, "dy", y, order)
    matrix = weights.reshape(-1, filters)
    for rows in layout.blocks(out[0], window.taps * channels * (y.size // filters // out[0]) * y.itemsize, COLUMN_BYTES):
        block = source[rows]
        if stacked:
            shape = (len(block), len(matrix), block[0, 0].size)
            products = np.matmul(matrix, block.reshape(len(block), filters, -1),
                                 out=work.scratch("columns", shape, x.dtype))
            parts = products.reshape(len(block), window.taps, channels, *out[1:], -1)
            parts = np.moveaxis(parts, (1, 2), (0, -2))
        else:
            products = np.matmul(block.reshape(-1, filters), matrix.T,
                                 out=work.scratch("columns", (block.size // filters, len(matrix)), x.dtype))
            parts = products.reshape(len(block), *out[1:], -1, window.taps, channels)
            parts = np.moveaxis(parts, -2, 0).swapaxes(-1, -2)
        for tap in taps(starting_at(window, rows.start), spatial, (len(block), *out[1:])):
            x[tap.inputs] += parts[tap.number][tap.outputs]
    return x


def stacked_columns(work: Workspace, x: np.ndarray, window: Window,
                    out: tuple[int, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of output rows with their columns (row, taps·C, S2…·N), for the ``rows`` order.

    Image rows are expanded by the taps of the other dimensions only; an overlapping view stacks the rows of a window.
    Where the window's rows are dilated they are not neighbours, and every tap is expanded.
    """
    channels, length = x.shape[-2], prod(out[1:]) * x.shape[-1]
    if window.taps == 1 and not window.padded and set(window.stride) == {1}:
        direct = layout.arranged(work, "columns", x, layout.rows_order(x.ndim))
        yield slice(0, out[0]), direct.reshape(out[0], channels, length)
        return
    dilated = window.dilation[0] > 1
    height = 1 if dilated else window.size[0]  # image rows that one output row stacks
    step = 1 if dilated else window.stride[0]
    inner = (window.taps if dilated else window.taps // window.size[0]) * channels * length
    for rows in layout.blocks(out[0], step * inner * x.itemsize, COLUMN_BYTES):
        count = rows.stop - rows.start
        total = (count - 1) * step + height
        expanded = work.scratch("columns", (total, inner), x.dtype)
        target = expanded.reshape(total, -1, channels, *out[1:], x.shape[-1])
        _expand(target, x, window, out, rows, dilated)
        one = x.itemsize
        yield rows, as_strided(expanded, (count, height * inner // length, length),
                               (step * inner * one, length * one, one))


def _expand(target: np.ndarray, x: np.ndarray, window: Window, out: tuple[int, ...], rows: slice, dilated: bool) -> None:
    """Fill ``target`` (image row, tap, C, S2…, N) for a block of output rows."""
    spatial = x.shape[:window.rank]
    first = rows.start * window.stride[0] - window.padding[0][0]
    for number, offset in enumerate(window.offsets() if dilated else Window(
            (1, *window.size[1:]), window.stride, window.padding, window.dilation).offsets()):
        along = reach(spatial[0], len(target), first + offset[0], window.stride[0] if dilated else 1)
        pairs = [along, *(reach(n, m, o - p[0], s) for n, m, o, p, s in zip(
            spatial[1:], out[1:], offset[1:], window.padding[1:], window.stride[1:], strict=True))]
        copy_tap(np.moveaxis(target[:, number], 1, -2), x, [p[0] for p in pairs], [p[1] for p in pairs])


def patches(work: Workspace, x: np.ndarray, window: Window, out: tuple[int, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of (position·N) with their columns (position·N, taps·C), for the ``channels_last`` order."""
    channels, batch = x.shape[-2], x.shape[-1]
    wide = prod(out[1:]) * batch
    if window.taps == 1 and not window.padded and set(window.stride) == {1}:
        direct = layout.arranged(work, "columns", x, layout.channels_last_order(x.ndim))
        yield slice(0, out[0] * wide), direct.reshape(-1, channels)
        return
    spatial, width = x.shape[:window.rank], window.taps * channels
    for rows in layout.blocks(out[0], wide * width * x.itemsize, COLUMN_BYTES):
        count = rows.stop - rows.start
        columns = work.scratch("columns", (count * wide, width), x.dtype)
        target = columns.reshape(count, *out[1:], batch, window.taps, channels)
        for tap in taps(starting_at(window, rows.start), spatial, (count, *out[1:])):
            copy_tap(target[..., tap.number, :].swapaxes(-1, -2), x, tap.outputs, tap.inputs)
        yield slice(rows.start * wide, rows.stop * wide), columns


def starting_at(window: Window, row: int) -> Window:
    """The window whose first output row is output row ``row`` of the given one."""
    before, after = window.padding[0]
    return replace(window, padding=((before - row * window.stride[0], after), *window.padding[1:]))


def multiply_in_chunks(matrix: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """``out[i] = matrix @ columns[i]``, in chunks of columns that are small products where that is possible."""
    (height, depth), length = matrix.shape, columns.shape[-1]
    chunk = chunk_length(length, SMALL_PRODUCT // (height * depth))
    if chunk == length:
        np.matmul(matrix, columns, out=out)
        return
    np.matmul(matrix, _chunked(columns, chunk), out=_chunked(out, chunk))


def chunk_length(length: int, limit: int) -> int:
    """The largest divisor of ``length`` up to ``limit``, if there is one worth the calls; else ``length``."""
    if length <= limit:
        return length
    for chunk in range(min(limit, length) // 16 * 16, 63, -16):
        if length % chunk == 0:
            return chunk
    return length


def _chunked(x: np.ndarray, chunk: int) -> np.ndarray:
    """(rows, height, length) → (rows, chunks, height, chunk), a view."""
    rows, height, length = x.shape
    return as_strided(x, (rows, length // chunk, height, chunk),
                      (x.strides[0], chunk * x.strides[2], x.strides[1], x.strides[2]))


def bias_gradient(grad: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Sum over everything but the channels, as products with ones in the order in which the array lies."""
    if grad.size == 0:
        return np.zeros(bias.shape, grad.dtype)
    order = layout.order_of(grad)
    moved = grad.transpose(order)
    if not moved.flags.c_contiguous:
        return grad.sum((*range(grad.ndim - 2), grad.ndim - 1)).reshape(bias.shape)
    at = order.index(grad.ndim - 2)
    outer, inner = prod(moved.shape[:at]), prod(moved.shape[at + 1:])
    sums = np.matmul(moved.reshape(-1, inner), np.ones(inner, grad.dtype)) if inner > 1 else moved.reshape(-1)
    return np.matmul(np.ones(outer, grad.dtype), sums.reshape(outer, -1)).reshape(bias.shape)


@kernel
class ConvKernel(Kernel):
    """`conv` in any number of dimensions, any stride, padding and dilation."""

    op = "conv"

    def forward(self, work: Workspace, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *,
                window: Window) -> np.ndarray:
        return correlate(work, x, weights, window, bias=bias)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        return (correlate_adjoint(work, grad, weights, window, x.shape[:window.rank]) if call.needs[0] else None,
                correlate_weights(work, x, grad, window) if call.needs[1] else None,
                bias_gradient(grad, bias) if call.needs[2] else None)


@kernel
class ConvTransposedKernel(Kernel):
    """`conv_transposed`: the same three products, in other parts."""

    op = "conv_transposed"

    def forward(self, work: Workspace, x: np.ndarray, weights: np.ndarray, bias: np.ndarray, *,
                window: Window) -> np.ndarray:
        return correlate_adjoint(work, x, weights, window, window.transposed_output(x.shape[:window.rank]), bias)

    def backward(self, work: Workspace, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        x, weights, bias = call.inputs
        return (correlate(work, grad, weights, window, x.shape[:window.rank]) if call.needs[0] else None,
                correlate_weights(work, grad, x, window) if call.needs[1] else None,
                bias_gradient(grad, bias) if call.needs[2] else None)
