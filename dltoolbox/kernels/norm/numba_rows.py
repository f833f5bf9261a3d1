"""Loops of the twins of normalisation where the elements of a channel lie in long stretches.

There the numbers of a channel are scalars, and its sums stay in registers: two to five times as fast as loops over
vectors per channel, which load these, and load and store the sums, with every element. Sums run in the data's precision
along a stretch and in double over the stretches.

Arrays are (outer, C, stretches, width) here, and a line is what is to be done with a channel's elements: the rows
center, factor and constant, in the data's precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure, Order
from dltoolbox.kernels.norm.blocks import Grid, largest_divisor
from dltoolbox.kernels.numba_support import loop

SHORTEST = 64  # elements in a row from which these loops are faster
LONGEST = 4096  # elements of a sum in the data's precision


@loop
def measure(x: Any, line: Any, total: Any) -> None:
    """total = Σ (x − center), Σ (x − center)²."""
    total[...] = 0
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center = line[0, c]
            for s in range(stretches):
                first = second = center - center
                for i in range(width):
                    v = x[o, c, s, i] - center
                    first += v
                    second += v * v
                total[0, c] += first
                total[1, c] += second


@loop
def apply(x: Any, least: Any, y: Any, line: Any) -> None:
    """y = factor·(x − center) + constant, at least ``least``; a NaN stays."""
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center, factor, constant = line[0, c], line[1, c], line[2, c]
            for s in range(stretches):
                for i in range(width):
                    v = (x[o, c, s, i] - center) * factor + constant
                    y[o, c, s, i] = least if v <= least else v


@loop
def apply_added(x: Any, added: Any, least: Any, y: Any, line: Any) -> None:
    """The same with another array added first."""
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center, factor, constant = line[0, c], line[1, c], line[2, c]
            for s in range(stretches):
                for i in range(width):
                    v = (x[o, c, s, i] - center) * factor + constant + added[o, c, s, i]
                    y[o, c, s, i] = least if v <= least else v


@loop
def collect(grad: Any, gate: Any, zero: Any, x: Any, line: Any, gated: Any, total: Any) -> None:
    """gated = grad where gate > 0, else 0; total = Σ gated, Σ gated·(x − center)."""
    total[...] = 0
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center = line[0, c]
            for s in range(stretches):
                first = second = zero
                for i in range(width):
                    v = grad[o, c, s, i] if gate[o, c, s, i] > zero else zero
                    gated[o, c, s, i] = v
                    first += v
                    second += v * (x[o, c, s, i] - center)
                total[0, c] += first
                total[1, c] += second


@loop
def collect_here(grad: Any, gate: Any, one: Any, x: Any, line: Any, total: Any) -> None:
    """The same in place. A loop over two names of one array, or with a choice of what to store where it was read, would
    not be vectorised.
    """
    total[...] = 0
    zero = one - one
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center = line[0, c]
            for s in range(stretches):
                first = second = zero
                for i in range(width):
                    v = grad[o, c, s, i] * (one if gate[o, c, s, i] > zero else zero)
                    grad[o, c, s, i] = v
                    first += v
                    second += v * (x[o, c, s, i] - center)
                total[0, c] += first
                total[1, c] += second


@loop
def collect_again(grad: Any, zero: Any, x: Any, line: Any, total: Any) -> None:
    """The same with the gate that `apply` found, made again: it is not read, nor what passes it written."""
    total[...] = 0
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center, factor, constant = line[0, c], line[1, c], line[2, c]
            for s in range(stretches):
                first = second = zero
                for i in range(width):
                    u = x[o, c, s, i] - center
                    v = grad[o, c, s, i] if u * factor + constant > zero else zero
                    first += v
                    second += v * u
                total[0, c] += first
                total[1, c] += second


@loop
def collect_open(grad: Any, x: Any, line: Any, total: Any) -> None:
    """The same without a gate."""
    total[...] = 0
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center = line[0, c]
            for s in range(stretches):
                first = second = center - center
                for i in range(width):
                    first += grad[o, c, s, i]
                    second += grad[o, c, s, i] * (x[o, c, s, i] - center)
                total[0, c] += first
                total[1, c] += second


@loop
def spread(grad: Any, x: Any, dx: Any, line: Any, slope: Any) -> None:
    """dx = factor·(grad + tilt·(x − center) + constant); ``slope`` is factor, tilt and constant."""
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center, outward, tilt, shift = line[0, c], slope[0, c], slope[1, c], slope[2, c]
            for s in range(stretches):
                for i in range(width):
                    dx[o, c, s, i] = outward * (grad[o, c, s, i] + tilt * (x[o, c, s, i] - center) + shift)


@loop
def spread_again(grad: Any, zero: Any, x: Any, dx: Any, line: Any, slope: Any) -> None:
    """The same behind the gate of `collect_again`."""
    outer, channels, stretches, width = x.shape
    for o in range(outer):
        for c in range(channels):
            center, factor, constant = line[0, c], line[1, c], line[2, c]
            outward, tilt, shift = slope[0, c], slope[1, c], slope[2, c]
            for s in range(stretches):
                for i in range(width):
                    u = x[o, c, s, i] - center
                    v = grad[o, c, s, i] if u * factor + constant > zero else zero
                    dx[o, c, s, i] = outward * (v + tilt * u + shift)


class Stretches:
    """How the loops see arrays of one shape and memory order; falsy where they are not for these."""

    def __init__(self, shape: Sequence[int], order: Order) -> None:
        grid = Grid(shape, order)
        width = largest_divisor(grid.inner, LONGEST)
        width = width if width >= SHORTEST else grid.inner
        self.order, self.shape = order, (grid.outer, grid.channels, grid.inner // max(width, 1), width)

    def __bool__(self) -> bool:
        return self.shape[-1] >= SHORTEST

    def view(self, x: np.ndarray) -> np.ndarray:
        return x.transpose(self.order).reshape(self.shape)


class RowMeasure:
    """The pass `measure` over an array ``x``."""

    def __init__(self, site: BindContext, x: np.ndarray, stretches: Stretches) -> None:
        self.x, self.line = stretches.view(x), (site.keep if site.training else site.scratch)((3, x.shape[-2]))

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.line[0] = 0 if center is None else center
        measure(self.x, self.line, sums)


class RowLoops(RowMeasure):
    """The passes of a chain ``batch_norm[+add][+relu]`` from ``x`` on. Behind a ReLU and nothing else, gradients are
    gated twice rather than kept: 6 passes over memory instead of 8.
    """

    def __init__(self, site: BindContext, x: np.ndarray, stretches: Stretches) -> None:
        super().__init__(site, x, stretches)
        names, view, zero = site.case.op.split("+"), stretches.view, site.dtype.type(0)
        self.y, self.zero, self.relu = view(site.outputs[0]), zero, "relu" in names
        self.least = zero if self.relu else site.dtype.type(-np.inf)
        self.added = view(site.inputs[3]) if "add" in names else None
        self.again = self.relu and self.added is None and x is site.inputs[0]
        if site.training:
            assert site.grads[0] is not None
            other = site.grad_inputs[3] if self.added is not None else None
            self.slope = site.scratch((3, x.shape[-2]))
            self.grad = view(site.grads[0])
            self.gated = self.grad if other is None else view(other)
            if x is site.inputs[0] and site.grad_inputs[0] is not None:
                self.dx = view(site.grad_inputs[0])

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.line[0] = 0 if center is None else center
        self.line[1], self.line[2] = factor, constant
        if self.added is None:
            apply(self.x, self.least, self.y, self.line)
        else:
            apply_added(self.x, self.added, self.least, self.y, self.line)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        """The center is that of `apply`."""
        if self.again:
            collect_again(self.grad, self.zero, self.x, self.line, sums)
        elif self.relu and self.gated is self.grad:
            collect_here(self.grad, self.y, self.zero + 1, self.x, self.line, sums)
        elif self.relu:
            collect(self.grad, self.y, self.zero, self.x, self.line, self.gated, sums)
        else:
            collect_open(self.grad, self.x, self.line, sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.slope[0], self.slope[1], self.slope[2] = factor, tilt, constant
        if self.again:
            spread_again(self.grad, self.zero, self.x, self.dx, self.line, self.slope)
        else:
            spread(self.gated, self.x, self.dx, self.line, self.slope)


def bind_line(site: BindContext, stretches: Stretches, given: np.ndarray, least: Any) -> Closure:
    """A closure that applies a line, given in double, to a site's first input."""
    line, x, y = site.scratch(given.shape), stretches.view(site.inputs[0]), stretches.view(site.outputs[0])

    def forward() -> None:
        np.copyto(line, given, casting="unsafe")
        apply(x, least, y, line)
    return forward
