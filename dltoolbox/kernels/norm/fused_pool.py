"""Batch normalisation, ReLU and window maximum in one: the maximum first, of the raw input, while its sums are taken.

A line that does not fall, and a ReLU, keep the order of values, also in floating point; so they may follow the maximum,
on a map a quarter of the size. In channels with a negative scale it is the minimum. The gradient is gated
and summed on the small map too; only its last pass is as large as the input.

Where two values of a window differ by so little that the line rounds both to the same number, they were a tie behind the
line, but are none before it: then the larger one, not the first one, gets the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec, kernel
from dltoolbox.kernels.memory_format import inverse
from dltoolbox.kernels.norm.blocks import BLOCK_ELEMENTS, Grid, run
from dltoolbox.kernels.norm.numpy_passes import BatchNormChain, ChainEnds, NormStage, Passes
from dltoolbox.kernels.valid_range import Tap, reach, starting_at, taps
from dltoolbox.ops.pool import along
from dltoolbox.ops.windows.spans import origins

MOST_FUSED_TAPS = 64  # beyond, one pass per tap costs more than the maximum on the small map saves


class Band(NamedTuple):
    """Rows of the output, and the rows of the input that are its part of all rows."""

    outputs: slice
    inputs: slice


def bands(window: Window, rows: int, out: int, step: int) -> Iterator[Band]:
    """The rows of the output, ``step`` by step."""
    for start in range(0, out, step):
        stop = min(start + step, out)
        first, last = (min(max(row * window.stride[0] - window.padding[0][0], 0), rows) for row in (start, stop))
        yield Band(slice(start, stop), slice(first if start else 0, last if stop < out else rows))


class Maximum:
    """Closures for the window maxima or minima of an array, axis by axis: F + G steps per window of F×G, not F·G.

    ``rows`` of the output are made at a time. ``shapes`` are those of the arrays between the axes.
    """

    def __init__(self, window: Window, x: np.ndarray, rows: int) -> None:
        self.window, self.x, self.shapes = window, x, list[tuple[int, ...]]()
        self.axes = [axis for axis in range(window.rank)
                     if (window.size[axis], window.stride[axis], window.padding[axis]) != (1, 1, (0, 0))] or [0]
        out, shape = window.output(x.shape[:window.rank]), (rows, *x.shape[1:])
        for axis in self.axes[:-1]:
            shape = (*shape[:axis], rows if axis == 0 else out[axis], *shape[axis + 1:])
            self.shapes.append(shape)

    def of(self, reduce: np.ufunc, y: np.ndarray, first: int, buffers: Sequence[np.ndarray]) -> list[Closure]:
        """``y`` = the results from row ``first`` on; ``buffers`` are arrays of the shapes."""
        window, x = starting_at(self.window, first), self.x
        steps: list[Closure] = []
        for axis, target in zip(self.axes, (*(buffer[:len(y)] for buffer in buffers), y), strict=True):
            steps += self._along(reduce, x, target, window, axis)
            x = target
        return steps

    @staticmethod
    def _along(reduce: np.ufunc, x: np.ndarray, y: np.ndarray, window: Window, axis: int) -> list[Closure]:
        lead = (slice(None),) * axis
        spans = [reach(x.shape[axis], y.shape[axis], f * window.dilation[axis] - window.padding[axis][0],
                       window.stride[axis]) for f in range(window.size[axis])]
        whole = [x[(*lead, inputs)] for outputs, inputs in spans if outputs == slice(0, y.shape[axis])]
        rest = [(y[(*lead, outputs)], x[(*lead, inputs)]) for outputs, inputs in spans
                if outputs != slice(0, y.shape[axis])]
        first: Closure
        if len(whole) > 1:
            first = partial(reduce, whole[0], whole[1], out=y)
        else:
            start = np.array(-np.inf if reduce is np.maximum else np.inf, y.dtype)
            first = partial(np.copyto, y, whole[0] if whole else start)
        return [first, *(partial(reduce, y, tap, out=y) for tap in whole[2:]),
                *(partial(reduce, part, tap, out=part) for part, tap in rest)]


class PooledBlocks(NormStage):
    """The passes of ``batch_norm+relu+max_pool`` and ``…_taps``."""

    def __init__(self, site: BindContext, window: Window) -> None:
        x, order = site.inputs[0], site.case.orders[0]
        shape = site.outputs[0].shape
        step = shape[0] if order[0] else max(BLOCK_ELEMENTS * x.shape[0] // max(x.size * window.stride[0], 1), 1)
        self.window, self.bands = window, list(bands(window, x.shape[0], shape[0], step))
        cuts = [slice(0, x.shape[order[0]])] if order[0] else [band.inputs for band in self.bands]
        super().__init__(site, Grid(x.shape, order, cuts), x)
        self.pooled = site.keep(shape, None, order) if site.training else site.outputs[0]
        block = (max(band.outputs.stop - band.outputs.start for band in self.bands), *shape[1:])
        self.maximum, small = Maximum(window, x, block[0]), Grid(shape, order)
        between = [*self.maximum.shapes, block]
        space = site.scratch((max(self.grid.largest, small.largest, sum(map(prod, between))),))
        self.buffer = self.grid.within(space)
        self.ends = ChainEnds(site, small, self.pooled, small.within(space))
        ends = list(accumulate(map(prod, between)))
        *self.between, self.least = (space[end - prod(sizes):end].reshape([sizes[axis] for axis in order]).transpose(
            inverse(order)) for end, sizes in zip(ends, between, strict=True))
        self.rising = np.ones((2, x.shape[-2], 1), x.dtype)  # whether the scale is not negative; whether it is
        self.chosen, self.free = (site.scratch(block, np.bool_, order) for _ in range(2))
        self.part = site.scratch(block, None, order) if window.overlapping else self.pooled[:0]
        self.codes = site.outputs[1] if site.case.op.endswith("taps") else None
        self._closed = self._closing() if self.codes is not None else []

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        if center is None:
            scale = self.site.inputs[1].reshape(-1)
            np.less(scale, 0, out=self.rising[1, :, 0], casting="unsafe")
            np.subtract(1, self.rising[1], out=self.rising[0])
            run(self.steps(self._maxima, bool(self.rising[1].any())))
        else:
            self.tiles[0].fill(center)
            run(self.steps(self._centering, True))
        self.sums.total(sums)

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.ends.apply(center, factor, constant)
        run(self._closed)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.ends.collect(center, sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.ends.multiply_gradient(factor)
        self.go(self._spreading, center, factor * tilt, factor * constant)

    def _centering(self, far: bool) -> list[Closure]:
        return [step for i in range(len(self.x)) for step in self.measuring(i, far, self.buffer[i])]

    def _maxima(self, mixed: bool) -> list[Closure]:
        """Sums and maxima, and the numbers of the taps that hold them; minima in channels that fall, if there are any."""
        steps: list[Closure] = []
        for i, band in enumerate(self.bands):
            pooled, first = self.pooled[band.outputs], band.outputs.start
            steps += [*self.measuring(i, False, self.buffer[i]),
                      *self.maximum.of(np.maximum, pooled, first, self.between)]
            if mixed:
                least = self.least[:len(pooled)]
                steps += [*self.maximum.of(np.minimum, least, first, self.between),
                          partial(np.multiply, pooled, self.rising[0], out=pooled),
                          partial(np.multiply, least, self.rising[1], out=least),
                          partial(np.add, pooled, least, out=pooled)]
            if self.codes is not None:
                steps += self._coding(band)
        return steps

    def _taps(self, band: Band) -> tuple[Tap, ...]:
        """The taps of a band of the output; their inputs are rows of the whole input."""
        window, spatial = self.window, self.site.inputs[0].shape[:self.window.rank]
        out = band.outputs.stop - band.outputs.start, *self.pooled.shape[1:window.rank]
        return taps(starting_at(window, band.outputs.start), spatial, out)

    def _coding(self, band: Band) -> list[Closure]:
        """The number of the first tap that equals the maximum: n₀·(1 + n₁·(1 + …)) with nᵢ whether tap i differs."""
        assert self.codes is not None
        x, pooled, code = self.site.inputs[0], self.pooled[band.outputs], self.codes[band.outputs]
        differs = self.chosen[:len(code)]
        steps: list[Closure] = [partial(code.fill, 0)]
        for tap in reversed(self._taps(band)[:-1]):
            steps.append(partial(np.add, code, np.uint8(1), out=code))
            if not tap.whole:
                steps.append(partial(differs.fill, True))
            steps += [partial(np.not_equal, x[tap.inputs], pooled[tap.outputs], out=differs[tap.outputs]),
                      partial(np.multiply, code, differs.view(np.uint8), out=code)]
        return steps

    def _closing(self) -> list[Closure]:
        """Behind the ReLU a window without a positive value is a tie of zeros: its first tap inside the image has won."""
        steps: list[Closure] = []
        assert self.codes is not None
        first = first_inside(self.window, self.site.inputs[0].shape[:self.window.rank])
        for band in self.bands:
            y, code = self.site.outputs[0][band.outputs], self.codes[band.outputs]
            opened = self.chosen[:len(code)]
            steps.append(partial(np.greater, y, 0, out=opened))
            if self.window.padded:
                steps.append(partial(np.subtract, code, first[band.outputs], out=code))
            steps.append(partial(np.multiply, code, opened.view(np.uint8), out=code))
            if self.window.padded:
                steps.append(partial(np.add, code, first[band.outputs], out=code))
        return steps

    def _spreading(self, far: bool) -> list[Closure]:
        """Windows that overlap add to a line that is there before; others are written, and the line is added to them."""
        dx, lines, gradients = self.site.grad_inputs[0], [], []
        assert dx is not None
        for i, (band, block) in enumerate(zip(self.bands, self.grid.blocks(dx), strict=True)):
            target = block if self.window.overlapping else self.buffer[i]
            less, source = self.less(i, far, target)
            _, tilt, constant, _ = (tile.array for tile in self.tiles)
            line: list[Closure] = [*less, partial(np.multiply, source, tilt, out=target),
                                   partial(np.add, target, constant, out=target)]
            if self.window.overlapping:
                lines += line
                gradients += self._scattering(band)
            else:
                if not self._covered:
                    gradients.append(partial(block.fill, 0))
                gradients += [*self._scattering(band), *line, partial(np.add, block, target, out=block)]
        return lines + gradients

    @property
    def _covered(self) -> bool:
        """Whether windows without overlap leave no element of the input out."""
        window = self.window
        return window.size == window.stride and window.size == window.extent and all(
            m * s - before >= n for n, m, s, (before, _) in zip(self.site.inputs[0].shape, self.pooled.shape, window.stride,
                                                                window.padding, strict=False))

    def _scattering(self, band: Band) -> list[Closure]:
        """Each gradient of a band to the first tap that holds the maximum."""
        grad, dx = self.site.grad_outputs[0], self.site.grad_inputs[0]
        assert grad is not None
        assert dx is not None
        grad, every = grad[band.outputs], self._taps(band)
        steps: list[Closure] = []
        for tap in every:
            here, target = grad[tap.outputs], dx[tap.inputs]
            choosing, chosen = self._choosing(band, tap, tap is every[-1])
            steps += choosing
            if self.window.overlapping:
                part = self.part[:len(grad)][tap.outputs]
                steps += [partial(np.multiply, here, chosen, out=part), partial(np.add, target, part, out=target)]
            else:
                steps.append(partial(np.multiply, here, chosen, out=target))
        return steps

    def _choosing(self, band: Band, tap: Tap, last: bool) -> tuple[list[Closure], np.ndarray]:
        """Closures and where they leave whether this tap has won: by its number, or as the first to equal the maximum."""
        chosen, free = (each[:band.outputs.stop - band.outputs.start][tap.outputs] for each in (self.chosen, self.free))
        if self.codes is not None:
            return [partial(np.equal, self.codes[band.outputs][tap.outputs], np.uint8(tap.number), out=chosen)], chosen
        if last and tap.whole and tap.number:
            return [], free
        equal = partial(np.equal, self.site.inputs[0][tap.inputs], self.pooled[band.outputs][tap.outputs], out=chosen)
        if tap.number == 0 and tap.whole:
            return [equal, partial(np.logical_not, chosen, out=free)], chosen
        start = [partial(self.free.fill, True)] if tap.number == 0 else []
        return [*start, equal, partial(np.logical_and, chosen, free, out=chosen),
                partial(np.not_equal, free, chosen, out=free)], chosen


def first_inside(window: Window, spatial: tuple[int, ...]) -> np.ndarray:
    """The number of every window's first tap inside the image, to broadcast along channels and observations."""
    number = np.zeros([1] * (window.rank + 2), np.uint8)
    for axis, out in enumerate(window.output(spatial)):
        missing = np.maximum(-(origins(window, axis, out) // window.dilation[axis]), 0)
        number = number * np.uint8(window.size[axis]) + along(axis, missing.astype(np.uint8), number.ndim)
    return number


@kernel("batch_norm+relu+max_pool", "batch_norm+relu+max_pool_taps")
class BatchNormReluMax(BatchNormChain):
    """`batch_norm`, `relu`, and `max_pool` or `max_pool_taps`."""

    def accepts(self, case: KernelSpec) -> bool:
        """Not for windows of very many taps, or windows that may lie in the padding altogether."""
        window = pool_window(case)
        return window.taps <= MOST_FUSED_TAPS and all(
            pads == (0, 0) or (d == 1 and min(pads) >= 0 and max(pads) < f)
            for pads, f, d in zip(window.padding, window.size, window.dilation, strict=True))

    def passes(self, site: BindContext) -> Passes:
        return PooledBlocks(site, pool_window(site.case))


def pool_window(case: KernelSpec) -> Window:
    window: Window = case.attrs["links"][-1].attrs["window"]
    return window
