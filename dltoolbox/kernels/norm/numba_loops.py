"""Twins of the normalisation kernels: the same passes as compiled loops, each over its arrays once.

Every loop sees arrays as (outer, groups, repeats, width), whatever the memory order, and what it does to the elements of
a channel as a *line*: the rows center, factor and constant, in the data's precision. Where a channel's elements lie in
long stretches, a group is a channel, a row of the line has one number per group and sums stay in registers: two to five
times as fast as loops that load vectors, and load and store sums, with every element. Elsewhere a group is a channel, or
all of them where they lie innermost, the numbers are written out to vectors (groups, width), and ``part`` holds the sums
over the repeats; in double both go on from there.

``part``, and arrays that a pass does without, are None: Numba leaves out what such arguments lead to, so one source
makes as many loops as there are cases, each as fast as if it were written alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, Closure, KernelSpec, Order, kernel
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.memory_format import channels_last_order, rows_order
from dltoolbox.kernels.norm.blocks import Grid
from dltoolbox.kernels.norm.fused_pool import BatchNormReluMax, pool_window
from dltoolbox.kernels.norm.numpy_passes import BatchNorm, Normalise, Passes
from dltoolbox.kernels.numba_support import Twin, loop

SHORTEST = 64  # elements in a row from which loops with scalars are faster
LONGEST_SUM = 4096  # of them, terms of a sum in the data's precision
WIDTH = 128  # elements of the innermost loop over vectors, about: they stay in the first cache, its start costs little
REPEATS = 256  # terms of a sum in the data's precision there
SIDE_BY_SIDE = Window.of((2, 2), (2, 2))
ORDERS = (rows_order(4), channels_last_order(4))
Maybe = np.ndarray | None


@loop
def sums(x: np.ndarray, grad: Any, gate: Maybe, gated: Maybe, again: int | None, line: np.ndarray, part: Maybe,
         total: np.ndarray) -> None:
    """total += Σ v, Σ v·u, where u is x − center, and v the gradient that reaches the normalisation; u, without ``grad``.

    Behind a ReLU that is what its gate lets through, where ``gate`` > 0. It goes to ``gated``, or stays in place where that
    is None: a loop over two names of one array, or with a choice of what to store where it was read, would not be
    vectorised. With ``again``, the gate is the sign of what `apply` found, made again: it is not read, nor v written.
    """
    zero, one = line.dtype.type(0), line.dtype.type(1)
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            center, factor, constant = line[0, g, 0], line[1, g, 0], line[2, g, 0]
            if part is not None:
                for i in range(width):
                    part[0, i] = part[1, i] = zero
            for r in range(repeats):
                first = second = zero
                for i in range(width):
                    if part is not None:
                        center, factor, constant = line[0, g, i], line[1, g, i], line[2, g, i]
                    u = x[o, g, r, i] - center
                    v = u if grad is None else grad[o, g, r, i]
                    if again is not None:
                        v = v if u * factor + constant > zero else zero
                    if gate is not None:
                        if gated is None:
                            v *= one if gate[o, g, r, i] > zero else zero
                            grad[o, g, r, i] = v
                        else:
                            v = v if gate[o, g, r, i] > zero else zero
                            gated[o, g, r, i] = v
                    if part is None:
                        first += v
                        second += v * u
                    else:
                        part[0, i] += v
                        part[1, i] += v * u
                if part is None:
                    total[0, g, 0] += first
                    total[1, g, 0] += second
            if part is not None:
                for i in range(width):
                    total[0, g, i] += part[0, i]
                    total[1, g, i] += part[1, i]


@loop
def apply(x: np.ndarray, added: Maybe, least: float, y: np.ndarray, line: np.ndarray, part: Maybe) -> None:
    """y = factor·(x − center) + constant, and what is ``added``, but at least ``least``; a NaN stays."""
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            center, factor, constant = line[0, g, 0], line[1, g, 0], line[2, g, 0]
            for r in range(repeats):
                for i in range(width):
                    if part is not None:
                        center, factor, constant = line[0, g, i], line[1, g, i], line[2, g, i]
                    v = (x[o, g, r, i] - center) * factor + constant
                    if added is not None:
                        v += added[o, g, r, i]
                    y[o, g, r, i] = least if v <= least else v


@loop
def input_gradient(x: np.ndarray, grad: np.ndarray, again: int | None, dx: np.ndarray, line: np.ndarray, slope: np.ndarray,
                   part: Maybe) -> None:
    """dx = scale·(v + tilt·(x − center) + shift), where v is ``grad``, or what the gate of `sums` lets through of it."""
    zero = line.dtype.type(0)
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            center, factor, constant = line[0, g, 0], line[1, g, 0], line[2, g, 0]
            scale, tilt, shift = slope[0, g, 0], slope[1, g, 0], slope[2, g, 0]
            for r in range(repeats):
                for i in range(width):
                    if part is not None:
                        center, factor, constant = line[0, g, i], line[1, g, i], line[2, g, i]
                        scale, tilt, shift = slope[0, g, i], slope[1, g, i], slope[2, g, i]
                    u, v = x[o, g, r, i] - center, grad[o, g, r, i]
                    if again is not None:
                        v = v if u * factor + constant > zero else zero
                    dx[o, g, r, i] = scale * (v + tilt * u + shift)


@loop
def measure_pooled(x: np.ndarray, sign: np.ndarray, pooled: np.ndarray, part: Any, total: np.ndarray) -> None:
    """total += Σ x, Σ x², and the maxima of windows 2×2 over axes 0 and 2; minima where the sign is −1."""
    rows, groups, columns, width = x.shape
    for o in range((rows + 1) // 2):
        for g in range(groups):
            for i in range(width):
                part[0, i] = part[1, i] = x.dtype.type(0)
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
def number(x: np.ndarray, pooled: np.ndarray, y: np.ndarray, codes: np.ndarray) -> None:
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
def spread_pooled(grad: np.ndarray, pooled: np.ndarray, one: float, x: np.ndarray, dx: np.ndarray, part: Any,
                  center: np.ndarray, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
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
        vector: (copies, C, copies): how the numbers of the channels are written out to a row of a line.
        row: That row as the loops see it: (groups, width), or (groups, 1) for scalars.
    """

    def __init__(self, order: Order, shape: tuple[int, ...], vector: tuple[int, ...]) -> None:
        self.order, self.shape, self.vector = order, shape, vector
        self.row = (shape[1], prod(vector) // shape[1])

    @property
    def scalars(self) -> bool:
        return self.row[1] != self.shape[-1]

    @classmethod
    def of(cls, shape: Sequence[int], order: Order) -> Form:
        grid = Grid(shape, order)
        if grid.inner >= SHORTEST:
            width = divisor(grid.inner, LONGEST_SUM)
            width = width if width >= SHORTEST else grid.inner
            return cls(order, (grid.outer, grid.channels, grid.inner // width, width), (1, grid.channels, 1))
        copies = divisor(grid.outer, max(WIDTH // max(grid.channels * grid.inner, 1), 1))
        repeats = divisor(grid.outer // copies, REPEATS)
        vector = (copies, grid.channels, grid.inner)
        outer = grid.outer // copies // repeats if grid.inner else 0  # loops look at the first number of a row of a line
        return cls(order, (outer, 1, repeats, prod(vector)), vector)

    @classmethod
    def of_image(cls, shape: Sequence[int], order: Order) -> Form:
        """Rows and columns as outer and repeats, for windows; the order is `rows` or `channels_last`."""
        height, width, channels, batch = shape
        if order[1] == 2:
            return cls(order, (height, channels, width, batch), (1, channels, batch))
        return cls(order, (height, 1, width, batch * channels), (batch, channels, 1))

    def view(self, x: np.ndarray) -> np.ndarray:
        return x.transpose(self.order).reshape(self.shape)


class Line:
    """Rows of one number per channel, in an array whose rows are those of the form."""

    def __init__(self, form: Form, array: np.ndarray) -> None:
        self.array = array
        self.column = None if form.scalars else np.empty((form.vector[1], 1), array.dtype)
        self.rows = [row.reshape(-1) if form.scalars else row.reshape(form.vector) for row in array]

    def write(self, *vectors: np.ndarray | None) -> None:
        """Fill the first rows; with 0 for None."""
        for row, vector in zip(self.rows, vectors, strict=False):
            if vector is None:
                row.fill(0)
            elif self.column is None:
                row[...] = vector
            else:
                self.column[:, 0] = vector
                np.copyto(row, self.column)


class Totals:
    """Memory in which the loops add up."""

    def __init__(self, site: BindContext, form: Form) -> None:
        self.part = None if form.scalars else site.scratch((2, form.shape[-1]))
        self.array = site.scratch((2, *form.row), np.float64)
        self.vectors = self.array.reshape((2, -1) if form.scalars else (2, *form.vector))

    def cleared(self) -> np.ndarray:
        self.array.fill(0)
        return self.array

    def fold(self, sums: np.ndarray) -> None:
        """Sums per channel of what a loop left."""
        if self.part is None:
            np.copyto(sums, self.vectors)
        else:
            np.add.reduce(self.vectors, axis=(1, 3), out=sums)


class Measure:
    """The pass `measure` over an array ``x``."""

    def __init__(self, site: BindContext, x: np.ndarray) -> None:
        self.form = Form.of(x.shape, site.case.orders[0])
        self.totals, self.x = Totals(site, self.form), self.form.view(x)
        self.line = Line(self.form, (site.keep if site.training else site.scratch)((3, *self.form.row)))

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.line.write(center)
        self.add_up(sums)

    def add_up(self, result: np.ndarray, grad: Maybe = None, gate: Maybe = None, gated: Maybe = None,
               again: int | None = None) -> None:
        sums(self.x, grad, gate, gated, again, self.line.array, self.totals.part, self.totals.cleared())
        self.totals.fold(result)


class Loops(Measure):
    """The passes of a chain ``batch_norm[+add][+relu]`` from ``x`` on. Behind a ReLU and nothing else, gradients are gated
    twice rather than kept: 6 passes over memory instead of 8.
    """

    def __init__(self, site: BindContext, x: np.ndarray) -> None:
        super().__init__(site, x)
        names, view = site.case.op.split("+"), self.form.view
        self.relu, self.y = "relu" in names, view(site.outputs[0])
        self.least = site.dtype.type(0 if self.relu else -np.inf)
        self.added = view(site.inputs[3]) if "add" in names else None
        self.again = 1 if self.relu and self.added is None and x is site.inputs[0] else None
        if site.training:
            assert site.grad_outputs[0] is not None
            other = site.grad_inputs[3] if self.added is not None else None
            self.slope, self.grad = Line(self.form, site.scratch((3, *self.form.row))), view(site.grad_outputs[0])
            self.gated = None if other is None else view(other)
            if x is site.inputs[0] and site.grad_inputs[0] is not None:
                self.dx = view(site.grad_inputs[0])

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.line.write(center, factor, constant)
        apply(self.x, self.added, self.least, self.y, self.line.array, self.totals.part)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        """The center is that of `apply`."""
        gate = self.y if self.relu and not self.again else None
        self.add_up(sums, self.grad, gate, self.gated, self.again)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.slope.write(factor, tilt, constant)
        grad = self.grad if self.gated is None else self.gated
        input_gradient(self.x, grad, self.again, self.dx, self.line.array, self.slope.array, self.totals.part)


class PooledLoops:
    """The passes of ``batch_norm+relu+max_pool`` and ``…_taps`` for windows 2×2."""

    def __init__(self, site: BindContext) -> None:
        order, shape = site.case.orders[0], site.outputs[0].shape
        pooled = (site.keep if site.training else site.scratch)(shape, None, order)
        self.scale, self.ends, self.one = site.inputs[1].reshape(-1), Loops(site, pooled), site.dtype.type(1)
        self.whole = Measure(site, site.inputs[0])
        wide, small = Form.of_image(site.inputs[0].shape, order), Form.of_image(shape, order)
        self.totals, self.line = Totals(site, wide), Line(wide, site.scratch((4, *wide.row)))
        self.x, self.pooled, self.y = wide.view(site.inputs[0]), small.view(pooled), small.view(site.outputs[0])
        self.codes = small.view(site.outputs[1]) if site.case.op.endswith("taps") else None
        if site.training and site.grad_inputs[0] is not None and site.grad_outputs[0] is not None:
            self.grad, self.dx = small.view(site.grad_outputs[0]), wide.view(site.grad_inputs[0])

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        if center is not None:
            self.whole.measure(center, sums)
            return
        self.line.write(np.where(self.scale < 0, -1, 1))
        measure_pooled(self.x, self.line.array[0], self.pooled, self.totals.part, self.totals.cleared())
        self.totals.fold(sums)

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.ends.apply(center, factor, constant)
        if self.codes is not None:
            number(self.x, self.pooled, self.y, self.codes)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.ends.collect(center, sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.line.write(center, factor, factor * tilt, factor * constant)
        spread_pooled(self.grad, self.pooled, self.one, self.x, self.dx, self.totals.part, *self.line.array)


@kernel(*BatchNorm.ops)
class BatchNormLoops(Twin, BatchNorm):
    """The passes as loops."""

    def passes(self, site: BindContext) -> Passes:
        return Loops(site, site.inputs[0])


@kernel(*BatchNormReluMax.ops)
class BatchNormReluMaxLoops(Twin, BatchNormReluMax):
    """The same for windows 2×2 side by side."""

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and pool_window(case) == SIDE_BY_SIDE

    def passes(self, site: BindContext) -> Passes:
        """In orders that are not ours, there is nothing for a loop to run along."""
        return PooledLoops(site) if site.case.orders[0] in ORDERS else super().passes(site)


@kernel(*Normalise.ops)
class NormaliseLoops(Twin, Normalise):
    """The line as a loop."""

    def line(self, site: BindContext) -> tuple[Callable[..., None], Closure]:
        form, least = Form.of(site.inputs[0].shape, site.case.orders[0]), site.dtype.type(0 if self.relu else -np.inf)
        line, x, y = Line(form, site.shared((3, *form.row))), form.view(site.inputs[0]), form.view(site.outputs[0])
        return line.write, partial(apply, x, None, least, y, line.array, Totals(site, form).part)
