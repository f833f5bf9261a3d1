"""Numba twins of the convolutions of stride 1 over images that lie in rows, without columns.

The image is copied once, with zeros around. A tap along the rows of the window is then a shift of a row of memory, and a
row of the output is one product per such tap, added to what the others left: BLAS can add, but NumPy does not let it.
These products are small, many and called from compiled loops without the interpreter lock: 250 GFLOP/s instead of 200.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec, kernel
from dltoolbox.kernels.blocking import shares
from dltoolbox.kernels.compiled_products import flags, gemm
from dltoolbox.kernels.conv.adjoint import Adjoint
from dltoolbox.kernels.conv.conv import ConvKernel, PreparedBands
from dltoolbox.kernels.conv.epilogue import Ending, window_of
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT, SMALL_SUM
from dltoolbox.kernels.conv.im2col import Columns, Image, by_row, stacked
from dltoolbox.kernels.numba_support import Twin, loop

FEWEST_CHANNELS = 8  # below, products of so few taps at a time are too thin
SHORT_OUTPUT_ROW = 64  # elements of an output row below which calls cost too much


@loop
def correlate_rows(call: Callable[..., None], flags: np.ndarray, image: np.ndarray, weights: np.ndarray, bias: np.ndarray,
                   y: np.ndarray, hop: int, chunk: int, relu: bool, fresh: bool) -> None:
    """``y[row] = Σ over taps of weights[tap] @ image[row] from element tap·hop on``, plus bias, rectified; added to what
    is there where not ``fresh``."""
    count, length = y.shape[1], y.shape[2]
    pitches = np.array([image.strides[1], y.strides[1]]) // y.itemsize
    sizes = np.array([0, count, image.shape[1], pitches[0], pitches[1]]).astype(flags.dtype)
    one = np.ones(1, y.dtype)
    for row in range(y.shape[0]):
        for k in range(count if fresh else 0):
            for i in range(length):
                y[row, k, i] = bias[k]
        for start in range(0, length, chunk):
            sizes[0] = min(chunk, length - start)
            for tap in range(weights.shape[0]):
                call(flags.ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes,
                     image[row, 0, tap * hop + start:].ctypes, sizes[3:].ctypes, weights[tap].ctypes, sizes[2:].ctypes,
                     one.ctypes, y[row, 0, start:].ctypes, sizes[4:].ctypes)
        if relu:
            for k in range(count):
                for i in range(length):
                    y[row, k, i] = one[0] * 0 if y[row, k, i] <= 0 else y[row, k, i]


@loop
def accumulate(call: Callable[..., None], flags: np.ndarray, image: np.ndarray, other: np.ndarray, total: np.ndarray,
               hop: int, deep: int, wide: int, chunk: int) -> None:
    """``total[tap] += Σ over rows of (image[row] from element tap·hop on) @ other[row].T``, in tiles of deep × wide."""
    depth, width = total.shape[1], total.shape[2]
    pitches = np.array([other.strides[1], image.strides[1]]) // total.itemsize
    sizes = np.array([0, 0, 0, pitches[0], pitches[1], width]).astype(flags.dtype)
    one = np.ones(1, total.dtype)
    for row in range(other.shape[0]):
        for start in range(0, other.shape[2], chunk):
            sizes[2] = min(chunk, other.shape[2] - start)
            for tap in range(total.shape[0]):
                for d in range(0, depth, deep):
                    sizes[1] = min(deep, depth - d)
                    for w in range(0, width, wide):
                        sizes[0] = min(wide, width - w)
                        call(flags[1:].ctypes, flags.ctypes, sizes.ctypes, sizes[1:].ctypes, sizes[2:].ctypes, one.ctypes,
                             other[row, w, start:].ctypes, sizes[3:].ctypes,
                             image[row, d, tap * hop + start:].ctypes, sizes[4:].ctypes,
                             one.ctypes, total[tap, d, w:].ctypes, sizes[5:].ctypes)


@loop
def sum_rows(image: np.ndarray, zero: float, total: np.ndarray) -> None:
    """total = Σ over rows and positions, per channel; a product with ones takes two to three times as long."""
    sums = np.zeros(total.size)
    for row in range(image.shape[0]):
        for k in range(total.size):
            part = zero
            for i in range(image.shape[2]):
                part += image[row, k, i]
            sums[k] += part
    total[...] = sums


def even(length: int, limit: int) -> int:
    """A length of chunks up to about ``limit``, nearly equal and multiples of a vector."""
    number = -(-length // max(limit, 64))
    return min(length, -(-length // number // 16) * 16)


def padded(site: BindContext, source: np.ndarray, window: Window, out: tuple[int, ...], rows: slice) -> Columns:
    """Rows of an image with the zeros around it; those that a window spans lie one after the other."""
    tall = Window.of((window.size[0], 1), None, window.padding)
    return stacked(site, source, tall, (out[0], out[1] + window.extent[1] - 1), rows, False)


class Shifts:
    """The weights (window size…, C, K) as one matrix (K, window rows·C) per tap along a row, in shared memory."""

    def __init__(self, site: BindContext, weights: np.ndarray) -> None:
        high, across, channels, count = weights.shape
        self.matrices = site.shared((across, count, high * channels))
        self.prepare: Closure = partial(np.copyto, self.matrices.reshape(across, count, high, channels),
                                        weights.transpose(1, 3, 0, 2))


class Total:
    """Σ over rows of products of shifted images with another, the gradient of the weights."""

    def __init__(self, site: BindContext, window: Window, channels: int, width: int, length: int) -> None:
        self.high, self.channels, depth = window.size[0], channels, window.size[0] * channels
        self.total = site.scratch((window.size[1], depth, width), site.dtype)
        self.wide = width if width <= 16 else 8
        self.deep = even(depth, SMALL_SUM // self.wide)
        self.chunk = even(length, SMALL_PRODUCT // (self.wide * self.deep))

    def clear(self) -> Closure:
        return partial(self.total.fill, 0)

    def add(self, image: np.ndarray, other: np.ndarray, hop: int) -> Closure:
        return partial(accumulate, gemm(self.total.dtype), flags(), image, other, self.total, hop, self.deep, self.wide,
                       self.chunk)

    def give(self, weights: np.ndarray) -> Closure:
        across, _, width = self.total.shape
        return partial(np.copyto, weights, self.total.reshape(across, self.high, self.channels, width).swapaxes(0, 1))


def bind_shifted(site: BindContext, source: np.ndarray, target: np.ndarray, matrices: np.ndarray, bias: np.ndarray,
                 window: Window, rows: slice, relu: bool = False, fresh: bool = True,
                 also: Callable[[slice, np.ndarray], list[Closure]] | None = None) -> list[Closure]:
    """Steps that write some rows of a convolution; ``also`` uses a block of the image while it is in cache."""
    out, hop = target.shape[:2], window.dilation[1] * source.shape[-1]
    images = padded(site, source, window, out, rows)
    image, chunk = Image(site, target, images.longest), SMALL_PRODUCT // prod(matrices.shape[1:])
    steps = list(images.start)
    for block in images.blocks:
        view, after = image.write(block.rows)
        steps += [*block.fill, partial(correlate_rows, gemm(site.dtype), flags(), block.columns, matrices, bias, view, hop,
                                       even(view.shape[-1], chunk), relu, fresh), *after]
        if also is not None:
            steps += also(block.rows, block.columns)
    return steps


@kernel(*ConvKernel.ops)
class ShiftedConv(Twin, ConvKernel):
    """`ConvKernel`'s twin."""

    def accepts(self, case: KernelSpec) -> bool:
        window, (x, weights, *_), out = window_of(case), case.inputs, case.outputs[0].sizes
        shape = [int(n or 0) for n in out]
        return (super().accepts(case) and window.rank == 2
                and set(window.stride) == {1} and window.dilation[0] == 1 and window.size[1] > 1
                and min(int(n or 0) for n in weights.sizes[-2:]) >= FEWEST_CHANNELS
                and case.preferred_order(case.outputs[0]) == memory_format.rows_order(4) == case.orders[0]
                and min(shape[1], int(x.sizes[1] or 0)) * shape[-1] >= SHORT_OUTPUT_ROW)

    def can_accumulate(self, number: int) -> bool:
        """Products add up anyway: at the start of a residual block, a pass over three arrays less."""
        return number == 0

    def bind_forward(self, site: BindContext, window: Window, ending: Ending) -> PreparedBands:
        y, shifts = site.outputs[0], Shifts(site, ending.weights)
        bands = shares(len(y), min(len(y), site.case.threads))
        return [shifts.prepare], [bind_shifted(site, site.inputs[0], y, shifts.matrices, ending.bias.reshape(-1), window,
                                               band, ending.relu) for band in bands]

    def bind_backward(self, site: BindContext, window: Window, ending: Ending) -> tuple[list[Closure], list[Closure]]:
        x, grad, (dx, dw, db) = site.inputs[0], site.grad_outputs[0], site.grad_inputs[:3]
        assert grad is not None
        steps, prepare = list(ending.gate(site)), []
        adjoint = Adjoint(window, x.shape[:2])
        if dx is not None:
            turned = adjoint.turn(ending.weights)
            shifts = Shifts(site, turned)
            prepare = [shifts.prepare]
            total = None if dw is None else Total(site, adjoint.window, grad.shape[-2], x.shape[-2], prod(dx.shape[1::2]))
            view, hop = by_row(x), window.dilation[1] * x.shape[-1]
            assert view is not None

            def also(rows: slice, image: np.ndarray) -> list[Closure]:
                return [] if total is None else [total.add(image, view[rows], hop)]
            steps += [] if total is None else [total.clear()]
            steps += bind_shifted(site, grad, dx, shifts.matrices, np.zeros(turned.shape[-1], site.dtype), adjoint.window,
                                  slice(0, len(dx)), fresh=0 not in site.accumulate_into, also=also)
            if total is not None and dw is not None:
                steps.append(total.give(adjoint.turn(dw)))
        elif dw is not None:
            steps += self._weights_alone(site, x, grad, window, dw)
        if db is not None:
            lines = by_row(grad)
            assert lines is not None
            steps.append(partial(sum_rows, lines, site.dtype.type(0), db.reshape(-1)))
        return prepare, steps

    @staticmethod
    def _weights_alone(site: BindContext, x: np.ndarray, grad: np.ndarray, window: Window, dw: np.ndarray) -> list[Closure]:
        images = padded(site, x, window, grad.shape[:2], slice(0, len(grad)))
        total = Total(site, window, x.shape[-2], grad.shape[-2], prod(grad.shape[1::2]))
        view = by_row(grad)
        assert view is not None
        steps = [*images.start, total.clear()]
        for block in images.blocks:
            steps += [*block.fill, total.add(block.columns, view[block.rows], window.dilation[1] * x.shape[-1])]
        return [*steps, total.give(dw)]
