"""Normalisation of groups of channels of each observation, over its positions: group, instance and layer normalisation.

An array lies as rows that hold all channels and observations, some positions of each (`LongRows`). Sums over rows are
additions of whole rows; what is left to add are the few numbers of one row. Factors are written out as a row, too, so that
every pass works on long stretches. Data are centred before they are squared, and what is left of the mean is taken off as
well: nothing is lost where the mean is far from zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, kernel
from dltoolbox.kernels.long_rows import LongRows
from dltoolbox.kernels.memory_format import Order

FLUSH = 256  # rows after which double takes over


class RowSums:
    """Sums over rows, in the data's precision over some and in double over those; then per channel and observation."""

    def __init__(self, site: BindContext, rows: LongRows) -> None:
        self.rows, self.wide = rows, site.scratch((rows.width,), np.float64)
        self.some, self.part = site.scratch((rows.width,)), site.scratch((rows.width,))

    def clear(self) -> None:
        self.wide.fill(0)
        self.some.fill(0)
        self.added = 0

    def add(self, block: np.ndarray) -> None:
        np.add.reduce(block, axis=0, out=self.part)
        np.add(self.some, self.part, out=self.some)
        self.added += len(block)
        if self.added >= FLUSH:
            self.flush()

    def flush(self) -> None:
        np.add(self.wide, self.some, out=self.wide)
        self.some.fill(0)
        self.added = 0

    def total(self) -> np.ndarray:
        """C×N."""
        self.flush()
        found: np.ndarray = np.add.reduce(self.rows.seen(self.wide), axis=(0, 2))
        return found


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
        rows, (x, y) = self.rows, map(self.rows.of, (self.site.inputs[0], self.site.outputs[0]))
        center, left, inverse = self.kept
        self.first.clear()
        for part in rows.blocks:
            self.first.add(x[part])
        center[...] = self.mean(self.first.total()).astype(x.dtype)
        tile = self.tiles[0]
        rows.written_out(center, tile)
        self.first.clear()
        self.second.clear()
        for part in rows.blocks:
            of, squares = y[part], self.room[:part.stop - part.start]
            np.subtract(x[part], tile, out=of)
            np.multiply(of, of, out=squares)
            self.first.add(of)
            self.second.add(squares)
        left[...] = self.mean(self.first.total())
        variance = self.mean(self.second.total()) - left * left
        inverse[...] = 1 / np.sqrt(np.maximum(variance, 0) + self.site.attrs["epsilon"])
        factor, constant = self.tiles[1:]
        rows.written_out(self.scale * inverse, factor)
        rows.written_out(self.offset - left * self.scale * inverse, constant)
        for part in rows.blocks:
            of = y[part]
            np.multiply(of, factor, out=of)
            np.add(of, constant, out=of)

    def backward(self) -> None:
        site, rows = self.site, self.rows
        arriving, (dx, d_scale, d_offset) = site.grad_outputs[0], site.grad_inputs
        assert arriving is not None
        x, grad, (center, left, inverse) = rows.of(site.inputs[0]), rows.of(arriving), self.kept
        tile, factor, tilt = self.tiles
        rows.written_out(center, tile)
        self.first.clear()
        self.second.clear()
        for part in rows.blocks:
            product = self.room[:part.stop - part.start]
            np.subtract(x[part], tile, out=product)
            np.multiply(product, grad[part], out=product)
            self.first.add(grad[part])
            self.second.add(product)
        total, along = self.first.total(), self.second.total()
        along -= left * total
        along *= inverse
        for target, numbers in ((d_scale, along), (d_offset, total)):
            if target is not None:
                target.reshape(-1)[...] = numbers.sum(1)
        if dx is None:
            return
        level, slope = (self.mean(self.scale * numbers) for numbers in (total, along))
        rows.written_out(self.scale * inverse, factor)
        rows.written_out(-inverse * inverse * slope, tilt)
        constant = self.first.some  # free by now
        rows.written_out(inverse * (inverse * slope * left - level), constant)
        into = rows.of(dx)
        for part in rows.blocks:
            d, centred = into[part], self.room[:part.stop - part.start]
            np.subtract(x[part], tile, out=centred)
            np.multiply(centred, tilt, out=centred)
            np.add(centred, constant, out=centred)
            np.multiply(grad[part], factor, out=d)
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
        passes = GroupPasses(site, order)
        return BoundKernel((passes.forward,), (passes.backward,) if site.training else ())
