"""Normalisation of groups of channels of each observation, over its positions: group, instance and layer normalisation.

An array lies as rows that hold all channels and observations, some positions of each (`LongRows`). Sums over rows are
additions of whole rows; what is left to add are the few numbers of one row. Factors are written out as a row, too, so that
every pass works on long stretches. Where a mean is far from zero, data are centred before they are squared, and what is left
of the mean is taken off as well, so nothing is lost. Elsewhere, as in most networks, that pass is saved.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, kernel
from dltoolbox.kernels.long_rows import LongRows, RowSums
from dltoolbox.kernels.memory_format import Order

MOST_CENTRED = 2  # a first mean may be off by some roundings, which is many deviations of data that are all the same
NEAR = 16.0  # the square of a mean is at most so many variances: E x² − (E x)² then loses four bits


def over_group(numbers: np.ndarray, groups: int, how: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """C×N, where all channels of a group have what ``how`` makes of the group's, G×C/G×N → G×1×N."""
    parts = numbers.reshape(groups, -1, numbers.shape[-1])
    return np.broadcast_to(how(parts), parts.shape).reshape(numbers.shape)


class GroupPasses:
    """The passes of one normalisation. The numbers of a group stand at each of its channels, in double."""

    def __init__(self, site: BindContext, order: Order) -> None:
        x = site.inputs[0]
        self.site, self.rows, self.groups = site, LongRows(x.shape, order), site.attrs["groups"]
        self.values = x.size // (x.shape[-1] * self.groups)  # of a group
        self.scale, self.offset = (array.reshape(-1, 1) for array in site.inputs[1:3])
        self.kept = site.keep((3, x.shape[-2], x.shape[-1]), np.float64)  # center, what is left of the mean, 1/deviation
        self.first, self.second = RowSums(site, self.rows), RowSums(site, self.rows)
        self.tiles = [site.scratch((self.rows.width,)) for _ in range(3)]
        self.room = site.scratch((max((part.stop - part.start for part in self.rows.blocks), default=0), self.rows.width))

    def mean(self, sums: np.ndarray) -> np.ndarray:
        return over_group(sums, self.groups, lambda parts: parts.sum(1, keepdims=True) / self.values)

    def forward(self) -> None:
        center, left, inverse = self.kept
        center.fill(0)
        variance, centred = self.variance(None), False
        for _ in range(MOST_CENTRED):
            if np.all(left * left <= NEAR * variance):  # never with a NaN
                break
            center[...] = (center + left).astype(self.site.dtype)
            variance, centred = self.variance(center), True
        inverse[...] = 1 / np.sqrt(np.maximum(variance, 0) + self.site.attrs["epsilon"])
        factor = self.scale * inverse
        self.apply(center if centred else None, factor, self.offset - left * factor)

    def variance(self, center: np.ndarray | None) -> np.ndarray:
        """Also finds what is left of the mean."""
        first, second = self.moments(center)
        left = self.kept[1]
        left[...] = self.mean(first)
        found: np.ndarray = self.mean(second) - left * left
        return found

    def backward(self) -> None:
        dx, d_scale, d_offset = self.site.grad_inputs
        center, left, inverse = self.kept
        total, along = self.products(center)
        along -= left * total
        along *= inverse
        for target, numbers in ((d_scale, along), (d_offset, total)):
            if target is not None:
                target.reshape(-1)[...] = numbers.sum(1)
        if dx is None:
            return
        level, slope = (self.mean(self.scale * numbers) for numbers in (total, along))
        self.spread(center, self.scale * inverse, -inverse * inverse * slope, inverse * (inverse * slope * left - level))

    # Passes over the arrays; numbers are C×N -------------------------------------------------------------------------
    def moments(self, center: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Σ u and Σ u², where u is x − center, which stays in the output where there is one."""
        rows, (x, y), tile = self.rows, map(self.rows.of, (self.site.inputs[0], self.site.outputs[0])), self.tiles[0]
        if center is not None:
            rows.written_out(center, tile)
        self.first.clear()
        self.second.clear()
        for part in rows.blocks if center is not None else rows.runs:
            of = x[part] if center is None else np.subtract(x[part], tile, out=y[part])
            self.first.add(of)
            self.second.add(of, of)
        return self.first.total(), self.second.total()

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        """y = factor·u + constant, after `moments` with the same center."""
        rows, (x, y) = self.rows, map(self.rows.of, (self.site.inputs[0], self.site.outputs[0]))
        times, plus = self.tiles[1:]
        rows.written_out(factor, times)
        rows.written_out(constant, plus)
        for part in rows.blocks:
            np.multiply(x[part] if center is None else y[part], times, out=y[part])
            np.add(y[part], plus, out=y[part])

    def products(self, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ g and Σ g·u, where g is the gradient that arrives."""
        rows, arriving, tile = self.rows, self.site.grad_outputs[0], self.tiles[0]
        assert arriving is not None
        x, grad = rows.of(self.site.inputs[0]), rows.of(arriving)
        far = center.any()
        rows.written_out(center, tile)
        self.first.clear()
        self.second.clear()
        for part in rows.blocks:
            of = np.subtract(x[part], tile, out=self.room[:part.stop - part.start]) if far else x[part]
            self.first.add(grad[part])
            self.second.add(of, grad[part])
        return self.first.total(), self.second.total()

    def spread(self, center: np.ndarray, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        """dx = factor·g + tilt·u + constant."""
        rows, arriving, dx = self.rows, self.site.grad_outputs[0], self.site.grad_inputs[0]
        assert arriving is not None
        assert dx is not None
        x, grad, into = rows.of(self.site.inputs[0]), rows.of(arriving), rows.of(dx)
        tiles, far = (*self.tiles, self.first.some), center.any()  # sums are free by now
        for numbers, tile in zip((center, factor, tilt, constant), tiles, strict=True):
            rows.written_out(numbers, tile)
        for part in rows.blocks:
            d, centred = into[part], self.room[:part.stop - part.start]
            of = np.subtract(x[part], tiles[0], out=centred) if far else x[part]
            np.multiply(of, tiles[2], out=centred)
            np.add(centred, tiles[3], out=centred)
            np.multiply(grad[part], tiles[1], out=d)
            np.add(d, centred, out=d)


@kernel("group_norm")
class NormByGroup(Kernel):
    """`group_norm` over positions."""

    def accepts(self, case: KernelSpec) -> bool:
        return bool(case.attrs.get("spatial", True)) and case.inputs[0].rank > 0

    def bind(self, site: BindContext) -> BoundKernel:
        x, order = site.inputs[0], site.case.orders[0]
        maps = [x, site.outputs[0], *(one for one in (*site.grad_outputs[:1], *site.grad_inputs[:1]) if one is not None)]
        if not LongRows.fit(order, *maps):
            return super().bind(site)
        passes = self.passes(site, order)
        return BoundKernel((passes.forward,), (passes.backward,) if site.training else ())

    def passes(self, site: BindContext, order: Order) -> GroupPasses:
        return GroupPasses(site, order)
