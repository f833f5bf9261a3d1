"""Twins of the normalisation kernels: the same passes as compiled loops, each over its arrays once.

Every loop sees arrays as (outer, groups, repeats, width) and vectors per channel written out to (groups, width), whatever
the memory order: a group is a channel, or all of them where they lie innermost. Sums run in the data's precision over
the repeats and in double over the rest. Where the elements of a channel lie in long stretches, the loops of
`normalisation_rows` run instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec, Order, kernel
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.norm.blocks import Grid, Tile, largest_divisor
from dltoolbox.kernels.norm.fused_pool import BatchNormReluMax, window_of
from dltoolbox.kernels.norm.numba_rows import RowLoops, RowMeasure, Stretches, bind_line
from dltoolbox.kernels.norm.numpy_passes import BatchNorm, Normalise, Passes
from dltoolbox.kernels.numba_support import Twin, loop

WIDTH = 128  # elements of the innermost loop, about: its vectors stay in the first cache, its start costs little
SIDE_BY_SIDE = Window.of((2, 2), (2, 2))
ORDERS = (rows_order(4), channels_last_order(4))
REPEATS = 256  # most terms of a sum in the data's precision


@loop
def measure(x: Any, part: Any, total: Any, center: Any) -> None:
    """total = Σ (x − center), Σ (x − center)²."""
    total[...] = 0
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            part[...] = 0
            for r in range(repeats):
                for i in range(width):
                    v = x[o, g, r, i] - center[g, i]
                    part[0, i] += v
                    part[1, i] += v * v
            for i in range(width):
                total[0, g, i] += part[0, i]
                total[1, g, i] += part[1, i]


@loop
def apply(x: Any, least: Any, y: Any, center: Any, factor: Any, constant: Any) -> None:
    """y = factor·(x − center) + constant, at least ``least``; a NaN stays."""
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            for r in range(repeats):
                for i in range(width):
                    v = (x[o, g, r, i] - center[g, i]) * factor[g, i] + constant[g, i]
                    y[o, g, r, i] = least if v <= least else v


@loop
def apply_added(x: Any, added: Any, least: Any, y: Any, center: Any, factor: Any, constant: Any) -> None:
    """The same with another array added first."""
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            for r in range(repeats):
                for i in range(width):
                    v = (x[o, g, r, i] - center[g, i]) * factor[g, i] + constant[g, i] + added[o, g, r, i]
                    y[o, g, r, i] = least if v <= least else v


@loop
def collect(grad: Any, gate: Any, zero: Any, x: Any, center: Any, gated: Any, part: Any, total: Any) -> None:
    """gated = grad where gate > 0, else 0; total = Σ gated, Σ gated·(x − center)."""
    total[...] = 0
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            part[...] = 0
            for r in range(repeats):
                for i in range(width):
                    v = grad[o, g, r, i] if gate[o, g, r, i] > zero else zero
                    gated[o, g, r, i] = v
                    part[0, i] += v
                    part[1, i] += v * (x[o, g, r, i] - center[g, i])
            for i in range(width):
                total[0, g, i] += part[0, i]
                total[1, g, i] += part[1, i]


@loop
def collect_here(grad: Any, gate: Any, one: Any, x: Any, center: Any, part: Any, total: Any) -> None:
    """The same in place. A loop over two names of one array, or with a choice of what to store where it was read, would
    not be vectorised, and take ten times as long.
    """
    total[...] = 0
    zero = one - one
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            part[...] = 0
            for r in range(repeats):
                for i in range(width):
                    v = grad[o, g, r, i] * (one if gate[o, g, r, i] > zero else zero)
                    grad[o, g, r, i] = v
                    part[0, i] += v
                    part[1, i] += v * (x[o, g, r, i] - center[g, i])
            for i in range(width):
                total[0, g, i] += part[0, i]
                total[1, g, i] += part[1, i]


@loop
def collect_open(grad: Any, x: Any, center: Any, part: Any, total: Any) -> None:
    """The same without a gate."""
    total[...] = 0
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            part[...] = 0
            for r in range(repeats):
                for i in range(width):
                    part[0, i] += grad[o, g, r, i]
                    part[1, i] += grad[o, g, r, i] * (x[o, g, r, i] - center[g, i])
            for i in range(width):
                total[0, g, i] += part[0, i]
                total[1, g, i] += part[1, i]


@loop
def spread(grad: Any, x: Any, dx: Any, center: Any, factor: Any, tilt: Any, constant: Any) -> None:
    """dx = factor·(grad + tilt·(x − center) + constant)."""
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            for r in range(repeats):
                for i in range(width):
                    v = grad[o, g, r, i] + tilt[g, i] * (x[o, g, r, i] - center[g, i]) + constant[g, i]
                    dx[o, g, r, i] = factor[g, i] * v


@loop
def measure_pooled(x: Any, sign: Any, pooled: Any, part: Any, total: Any) -> None:
    """total = Σ x, Σ x², and the maxima of windows 2×2 over axes 0 and 2; minima where the sign is −1."""
    total[...] = 0
    rows, groups, columns, width = x.shape
    for o in range((rows + 1) // 2):
        for g in range(groups):
            part[...] = 0
            for c in range(columns // 2 if 2 * o + 1 < rows else 0):
                for i in range(width):
                    a, b = x[2 * o, g, 2 * c, i], x[2 * o, g, 2 * c + 1, i]
                    d, e = x[2 * o + 1, g, 2 * c, i], x[2 * o + 1, g, 2 * c + 1, i]
                    s = sign[g, i]
                    part[0, i] += (a + b) + (d + e)
                    part[1, i] += (a * a + b * b) + (d * d + e * e)
                    pooled[o, g, c, i] = s * max(max(s * a, s * b), max(s * d, s * e))
            for h in range(2 * o, min(2 * o + 2, rows)):  # what no window covers
                for c in range(columns // 2 * 2 if 2 * o + 1 < rows else 0, columns):
                    for i in range(width):
                        part[0, i] += x[h, g, c, i]
                        part[1, i] += x[h, g, c, i] * x[h, g, c, i]
            for i in range(width):
                total[0, g, i] += part[0, i]
                total[1, g, i] += part[1, i]


@loop
def number(x: Any, pooled: Any, y: Any, codes: Any) -> None:
    """The first tap of every window 2×2 that holds its maximum; 0 where y is not positive."""
    rows, groups, columns, width = pooled.shape
    for o in range(rows):
        for g in range(groups):
            for c in range(columns):
                for i in range(width):
                    p = pooled[o, g, c, i]
                    code = np.uint8(3)
                    if x[2 * o + 1, g, 2 * c, i] == p:
                        code = np.uint8(2)
                    if x[2 * o, g, 2 * c + 1, i] == p:
                        code = np.uint8(1)
                    if x[2 * o, g, 2 * c, i] == p or not y[o, g, c, i] > 0:
                        code = np.uint8(0)
                    codes[o, g, c, i] = code


@loop
def spread_pooled(grad: Any, pooled: Any, one: Any, x: Any, dx: Any, part: Any, center: Any, factor: Any, tilt: Any,
                  constant: Any) -> None:
    """dx = tilt·(x − center) + constant, and factor·grad at the first tap that holds the maximum.

    Two loops over a pair of rows in cache: one over all arrays would not be vectorised, because too many could overlap.
    """
    zero = one - one
    rows, groups, columns, width = x.shape
    for o in range((rows + 1) // 2):
        for g in range(groups):
            for h in range(2 * o, min(2 * o + 2, rows)):
                for c in range(columns):
                    for i in range(width):
                        dx[h, g, c, i] = tilt[g, i] * (x[h, g, c, i] - center[g, i]) + constant[g, i]
            for c in range(columns // 2 if 2 * o + 1 < rows else 0):
                for i in range(width):
                    part[0, i] = factor[g, i] * grad[o, g, c, i]
                for h in range(2 * o, 2 * o + 2):
                    for w in range(2 * c, 2 * c + 2):
                        for i in range(width):
                            v = part[0, i] * (one if x[h, g, w, i] == pooled[o, g, c, i] else zero)
                            dx[h, g, w, i] += v
                            part[0, i] -= v


class Form:
    """How the loops see arrays of one shape and memory order.

    Attributes:
        shape: (outer, groups, repeats, width).
        vector: (copies, C, copies): a vector per channel written out, of groups·width elements.
    """

    def __init__(self, order: Order, shape: tuple[int, ...], vector: tuple[int, ...]) -> None:
        self.order, self.shape, self.vector = order, shape, vector

    @classmethod
    def of(cls, shape: Sequence[int], order: Order) -> Form:
        grid = Grid(shape, order)
        copies = largest_divisor(grid.outer, max(WIDTH // max(grid.channels * grid.inner, 1), 1))
        repeats = largest_divisor(grid.outer // copies, REPEATS)
        vector = (copies, grid.channels, grid.inner)
        return cls(order, (grid.outer // copies // repeats, 1, repeats, prod(vector)), vector)

    @classmethod
    def of_image(cls, shape: Sequence[int], order: Order) -> Form:
        """Rows and columns as outer and repeats, for windows; the order is `rows` or `channels_last`."""
        height, width, channels, batch = shape
        if order[1] == 2:
            return cls(order, (height, channels, width, batch), (1, channels, batch))
        return cls(order, (height, 1, width, batch * channels), (batch, channels, 1))

    def view(self, x: np.ndarray) -> np.ndarray:
        return x.transpose(self.order).reshape(self.shape)


class Vectors:
    """Memory of the loops over arrays of one form: vectors written out, and sums."""

    def __init__(self, site: BindContext, form: Form) -> None:
        self.form, (_, groups, _, width) = form, form.shape
        self.tiles = [Tile(site.scratch(form.vector)) for _ in range(4)]
        self.arrays = [tile.array.reshape(groups, width) for tile in self.tiles]
        self.zeros = np.zeros((groups, width), site.dtype)
        self.part, self.total = site.scratch((2, width)), site.scratch((2, groups, width), np.float64)
        self.by_channel = self.total.reshape(2, *form.vector)

    def write(self, *vectors: np.ndarray | None) -> list[np.ndarray]:
        """The vectors written out; zeros for None."""
        for tile, vector in zip(self.tiles, vectors, strict=False):
            if vector is not None:
                tile.fill(vector)
        return [self.zeros if vector is None else array for array, vector in zip(self.arrays, vectors, strict=False)]

    def fold(self, sums: np.ndarray) -> None:
        """Sums per channel of what a loop left in ``total``."""
        np.add.reduce(self.by_channel, axis=(1, 3), out=sums)


class Measure:
    """The pass `measure` over an array ``x``."""

    def __init__(self, site: BindContext, x: np.ndarray) -> None:
        self.form = Form.of(x.shape, site.case.orders[0])
        self.vectors, self.x = Vectors(site, self.form), self.form.view(x)

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        measure(self.x, self.vectors.part, self.vectors.total, *self.vectors.write(center))
        self.vectors.fold(sums)


class Loops(Measure):
    """The passes of a chain ``batch_norm[+add][+relu]`` from ``x`` on."""

    def __init__(self, site: BindContext, x: np.ndarray) -> None:
        super().__init__(site, x)
        names, view = site.case.op.split("+"), self.form.view
        self.relu, self.y = "relu" in names, view(site.outputs[0])
        self.zero, self.one = site.dtype.type(0), site.dtype.type(1)
        self.least = self.zero if self.relu else site.dtype.type(-np.inf)
        self.added = view(site.inputs[3]) if "add" in names else None
        if site.training:
            assert site.grads[0] is not None
            other = site.grad_inputs[3] if self.added is not None else None
            self.grad = view(site.grads[0])
            self.gated = self.grad if other is None else view(other)
            if x is site.inputs[0] and site.grad_inputs[0] is not None:
                self.dx = view(site.grad_inputs[0])

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        written = self.vectors.write(center, factor, constant)
        if self.added is None:
            apply(self.x, self.least, self.y, *written)
        else:
            apply_added(self.x, self.added, self.least, self.y, *written)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        (written,), part, total = self.vectors.write(center), self.vectors.part, self.vectors.total
        if self.relu and self.gated is self.grad:
            collect_here(self.grad, self.y, self.one, self.x, written, part, total)
        elif self.relu:
            collect(self.grad, self.y, self.zero, self.x, written, self.gated, part, total)
        else:
            collect_open(self.grad, self.x, written, part, total)
        self.vectors.fold(sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        spread(self.gated, self.x, self.dx, *self.vectors.write(center, factor, tilt, constant))


def passes_over(site: BindContext, x: np.ndarray) -> Loops | RowLoops:
    """The passes from ``x`` on, by the loops that suit its shape and order."""
    stretches = Stretches(x.shape, site.case.orders[0])
    return RowLoops(site, x, stretches) if stretches else Loops(site, x)


def measure_over(site: BindContext, x: np.ndarray) -> Measure | RowMeasure:
    """Likewise the pass `measure`."""
    stretches = Stretches(x.shape, site.case.orders[0])
    return RowMeasure(site, x, stretches) if stretches else Measure(site, x)


class PooledLoops:
    """The passes of ``batch_norm+relu+max_pool`` and ``…_taps`` for windows 2×2."""

    def __init__(self, site: BindContext) -> None:
        order, shape = site.case.orders[0], site.outputs[0].shape
        pooled = (site.keep if site.training else site.scratch)(shape, None, order)
        self.scale, self.ends, self.one = site.inputs[1].reshape(-1), passes_over(site, pooled), site.dtype.type(1)
        self.whole = measure_over(site, site.inputs[0])
        wide, small = Form.of_image(site.inputs[0].shape, order), Form.of_image(shape, order)
        self.vectors, self.x, self.pooled = Vectors(site, wide), wide.view(site.inputs[0]), small.view(pooled)
        self.y = small.view(site.outputs[0])
        self.codes = small.view(site.outputs[1]) if site.case.op.endswith("taps") else None
        if site.training and site.grad_inputs[0] is not None and site.grads[0] is not None:
            self.grad, self.dx = small.view(site.grads[0]), wide.view(site.grad_inputs[0])

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        if center is not None:
            self.whole.measure(center, sums)
            return
        (sign,) = self.vectors.write(np.where(self.scale < 0, -1, 1))
        measure_pooled(self.x, sign, self.pooled, self.vectors.part, self.vectors.total)
        self.vectors.fold(sums)

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.ends.apply(center, factor, constant)
        if self.codes is not None:
            number(self.x, self.pooled, self.y, self.codes)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.ends.collect(center, sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        written = self.vectors.write(center, factor, factor * tilt, factor * constant)
        spread_pooled(self.grad, self.pooled, self.one, self.x, self.dx, self.vectors.part, *written)


@kernel(*BatchNorm.ops)
class BatchNormLoops(Twin, BatchNorm):
    """The passes as loops."""

    def passes(self, site: BindContext) -> Passes:
        return passes_over(site, site.inputs[0])


@kernel(*BatchNormReluMax.ops)
class BatchNormReluMaxLoops(Twin, BatchNormReluMax):
    """The same for windows 2×2 side by side."""

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and window_of(case) == SIDE_BY_SIDE

    def passes(self, site: BindContext) -> Passes:
        """In orders that are not ours, there is nothing for a loop to run along."""
        return PooledLoops(site) if site.case.orders[0] in ORDERS else super().passes(site)


@kernel(*Normalise.ops)
class NormaliseLoops(Twin, Normalise):
    """The line as a loop."""

    def line(self, site: BindContext, grid: Grid, line: np.ndarray, far: np.ndarray) -> Closure:
        least, shape = site.dtype.type(0 if self.relu else -np.inf), site.inputs[0].shape
        stretches = Stretches(shape, grid.order)
        if stretches:
            return bind_line(site, stretches, line, least)
        form = Form.of(shape, grid.order)
        vectors, x, y = Vectors(site, form), form.view(site.inputs[0]), form.view(site.outputs[0])

        def forward() -> None:
            apply(x, least, y, *vectors.write(*line))
        return forward
