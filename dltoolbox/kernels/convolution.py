"""Convolution as few large matrix products over blocks of rows.

A block of output rows is computed from *columns*: the input elements that each output position reads, copied side by
side into scratch that stays in cache. They have the axes (row, tap·C, position·N), in one of two forms:

* *stacked*, (row, tap·C, S2…·N) in memory: only the taps along a row of the window are copied, in long stretches. Its
  rows are not, because the rows of the image that a window spans lie one after the other already.
* *patches*, (row, S2…·N, tap·C) in memory: every tap is copied, C elements at a time, and the rows of a block make one
  product. For images that lie channels last.

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
from dltoolbox.kernels.base import Direct, Workspace, kernel
from dltoolbox.kernels.taps import copy_tap, reach, starting_at, taps
from dltoolbox.ops.base import Call, Gradients

COLUMN_BYTES = 1 << 22  # scratch for the columns of one block: large enough for a good product, small enough for caches
THIN = 4  # so many times fewer channels on one side of a convolution make it the one to expand
SHORT = 64  # positions of a row, times batch, below which products by rows are too small
SMALL_PRODUCT = 10**6  # OpenBLAS multiplies matrices of M·N·K up to this without packing them first


def correlate(work: Workspace, x: np.ndarray, weights: np.ndarray, window: Window,
              out: tuple[int, ...] | None = None, bias: np.ndarray | None = None) -> np.ndarray:
    """Σ over taps and channels of w[tap, c, k]·x[s·position + tap, c, n], plus a bias per k."""
    out = window.output(x.shape[:window.rank]) if out is None else out
    if is_thin(window, weights.shape[-1], x.shape[-2]):
        return spread(work, x, turned(weights, window), turned_window(window), out, bias)
    shape = (*out, weights.shape[-1], x.shape[-1])
    order = layout.preferred_order(shape)
    y = layout.empty(work, shape, order, np.result_type(x, weights))
    if y.size == 0:
        return y
    matrix = weights.reshape(-1, weights.shape[-1])
    target = by_row(y, order)
    for rows, columns in columns_of(work, x, window, out):
        if order == layout.rows_order(y.ndim):
            multiply_in_chunks(matrix.T, columns, target[rows])
        else:
            multiply_tall(columns, matrix, target[rows].swapaxes(1, 2))
        if bias is not None:
            target[rows] += bias.reshape(-1, 1)
    return y


def correlate_weights(work: Workspace, x: np.ndarray, y: np.ndarray, window: Window) -> np.ndarray:
    """The adjoint of `correlate` in the weights: Σ over positions and observations of x·yᵀ per tap."""
    out, channels, filters = y.shape[:window.rank], x.shape[-2], y.shape[-2]
    if is_thin(window, filters, channels):
        return turned(correlate_weights(work, y, x, turned_window(window)), window)
    total = work.empty((window.taps * channels, filters), np.result_type(x, y))
    total[...] = 0
    if x.size and y.size:
        part = work.scratch("dw", total.shape, total.dtype)
        source = as_rows(work, "dy", y)
        for rows, columns in columns_of(work, x, window, out):
            total += sum_of_products(work, columns, source[rows], part)
    return total.reshape(*window.size, channels, filters)


def sum_of_products(work: Workspace, columns: np.ndarray, y: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Σ over rows of ``columns[row] @ y[row].T``, into ``part``."""
    tall, wide = columns.swapaxes(1, 2), y.swapaxes(1, 2)
    if tall.flags.c_contiguous and wide.flags.c_contiguous:
        return np.matmul(tall.reshape(-1, tall.shape[-1]).T, wide.reshape(-1, wide.shape[-1]), out=part)
    each = np.matmul(columns, wide, out=work.scratch("dw rows", (len(columns), *part.shape), part.dtype))
    return np.add.reduce(each, axis=0, out=part)


def correlate_adjoint(work: Workspace, y: np.ndarray, weights: np.ndarray, window: Window, spatial: tuple[int, ...],
                      bias: np.ndarray | None = None) -> np.ndarray:
    """The adjoint of `correlate` in x: every output element spread over the taps that it was summed from."""
    if set(window.stride) == {1} and not is_thin(window, *weights.shape[-2:]):
        return correlate(work, y, turned(weights, window), turned_window(window), spatial, bias)
    return spread(work, y, weights, window, spatial, bias)


def turned(weights: np.ndarray, window: Window) -> np.ndarray:
    """The filters of the adjoint of a convolution of stride 1: every axis reversed, channels and filters exchanged."""
    return np.ascontiguousarray(np.flip(weights, tuple(range(window.rank))).swapaxes(-1, -2))


def turned_window(window: Window) -> Window:
    """The window of that adjoint."""
    padding = tuple((e - 1 - p[0], e - 1 - p[1]) for e, p in zip(window.extent, window.padding, strict=True))
    return replace(window, padding=padding)


def is_thin(window: Window, few: int, many: int) -> bool:
    """Whether it pays to multiply first and to shift the few results, instead of expanding the many inputs."""
    return set(window.stride) == {1} and window.taps > 1 and THIN * few <= many


def spread(work: Workspace, y: np.ndarray, weights: np.ndarray, window: Window, spatial: tuple[int, ...],
           bias: np.ndarray | None = None) -> np.ndarray:
    """`correlate_adjoint` for any stride: products of whole rows, added to the image tap by tap."""
    out, channels, filters = y.shape[:window.rank], weights.shape[-2], y.shape[-2]
    shape = (*spatial, channels, y.shape[-1])
    order = layout.preferred_order(shape)
    x = layout.empty(work, shape, order, np.result_type(y, weights))
    x[...] = 0 if bias is None else bias.reshape(-1, 1)
    if x.size == 0 or y.size == 0:
        return x
    matrix = weights.reshape(-1, filters)
    source = as_rows(work, "dy", y)
    length = source.shape[-1]
    for rows in layout.blocks(out[0], len(matrix) * length * x.itemsize, COLUMN_BYTES):
        count = rows.stop - rows.start
        if order == layout.rows_order(x.ndim):
            products = work.scratch("columns", (count, len(matrix), length), x.dtype)
            multiply_in_chunks(matrix, source[rows], products)
        else:
            products = work.scratch("columns", (count, length, len(matrix)), x.dtype).swapaxes(1, 2)
            multiply_tall(source[rows], matrix.T, products.swapaxes(1, 2))
        parts = products.reshape(count, window.taps, channels, *out[1:], -1)
        parts = np.moveaxis(parts, (1, 2), (0, -2))
        for tap in taps(starting_at(window, rows.start), spatial, (count, *out[1:])):
            x[tap.inputs] += parts[tap.number][tap.outputs]
    return x


def as_rows(work: Workspace, tag: str, y: np.ndarray) -> np.ndarray:
    """(S1, C, S2…·N): a view where ``y`` lies in one of the two orders, a copy otherwise."""
    for order in (layout.rows_order(y.ndim), layout.channels_last_order(y.ndim)):
        if layout.lies_in(y, order):
            return by_row(y, order)
    order = layout.preferred_order(y.shape)
    return by_row(layout.arranged(work, tag, y, order).transpose(layout.inverse(order)), order)


def by_row(y: np.ndarray, order: layout.Order) -> np.ndarray:
    """The view (S1, C, S2…·N) of an array that lies in ``order``, one of the two."""
    moved = y.transpose(order)
    if order == layout.rows_order(y.ndim):
        return moved.reshape(*moved.shape[:2], -1)
    return moved.reshape(len(moved), -1, moved.shape[-1]).swapaxes(1, 2)


def columns_of(work: Workspace, x: np.ndarray, window: Window,
               out: tuple[int, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of output rows with their columns (row, taps·C, S2…·N), in the form that suits the image."""
    length = prod(out[1:]) * x.shape[-1]
    if window.taps == 1 and not window.padded and set(window.stride) == {1}:
        return iter([(slice(0, out[0]), as_rows(work, "columns", x))])
    is_tall = x.shape[-2] >= layout.MANY_CHANNELS and layout.lies_in(x, layout.channels_last_order(x.ndim))
    return (patches if is_tall or length < SHORT else stacked)(work, x, window, out)


def stacked(work: Workspace, x: np.ndarray, window: Window,
            out: tuple[int, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """Columns that lie as (row, taps·C, S2…·N).

    Image rows are expanded by the taps of the other dimensions only; an overlapping view stacks the rows of a window.
    Where the window's rows are dilated they are not neighbours, and every tap is expanded.
    """
    channels, length = x.shape[-2], prod(out[1:]) * x.shape[-1]
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


def patches(work: Workspace, x: np.ndarray, window: Window,
            out: tuple[int, ...]) -> Iterator[tuple[slice, np.ndarray]]:
    """Columns that lie as (row, S2…·N, taps·C)."""
    channels, length = x.shape[-2], prod(out[1:]) * x.shape[-1]
    width = window.taps * channels
    for rows in layout.blocks(out[0], length * width * x.itemsize, COLUMN_BYTES):
        count = rows.stop - rows.start
        columns = work.scratch("columns", (count, length, width), x.dtype)
        target = columns.reshape(count, *out[1:], x.shape[-1], window.taps, channels)
        for tap in taps(starting_at(window, rows.start), x.shape[:window.rank], (count, *out[1:])):
            copy_tap(target[..., tap.number, :].swapaxes(-1, -2), x, tap.outputs, tap.inputs)
        yield rows, columns.swapaxes(1, 2)


def multiply_in_chunks(matrix: np.ndarray, columns: np.ndarray, out: np.ndarray) -> None:
    """``out[i] = matrix @ columns[i]``, in chunks of columns that are small products where that is possible."""
    (height, depth), length = matrix.shape, columns.shape[-1]
    chunk = chunk_length(length, SMALL_PRODUCT // (height * depth))
    if chunk == length:
        np.matmul(matrix, columns, out=out)
        return
    np.matmul(matrix, _chunked(columns, chunk), out=_chunked(out, chunk))


def multiply_tall(columns: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """``out[i] = columns[i].T @ matrix``, as one product where the columns of all rows lie one after the other."""
    tall = columns.swapaxes(1, 2)
    if tall.flags.c_contiguous and out.flags.c_contiguous:
        tall, out = tall.reshape(-1, tall.shape[-1]), out.reshape(-1, out.shape[-1])
    np.matmul(tall, matrix, out=out)


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
class ConvKernel(Direct):
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
class ConvTransposedKernel(Direct):
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
