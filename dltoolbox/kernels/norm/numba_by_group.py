"""The twin of normalisation by group: the passes as loops that see arrays as (outer, groups, repeats, width), as those of
batch normalisation do. A group is a channel, or all of them; its numbers, one per channel and observation, are vectors
(groups, width), or scalars (groups, 1) where there is one observation.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, Order, kernel
from dltoolbox.kernels.blocking import divisor
from dltoolbox.kernels.memory_format import channels_last_order
from dltoolbox.kernels.norm.by_group import GroupPasses, NormByGroup
from dltoolbox.kernels.norm.numba_loops import REPEATS, apply, sums
from dltoolbox.kernels.numba_support import Twin, loop


@loop
def spread_by_group(x: np.ndarray, grad: np.ndarray, dx: np.ndarray, line: np.ndarray) -> None:
    """dx = factor·g + tilt·(x − center) + constant."""
    outer, groups, repeats, width = x.shape
    for o in range(outer):
        for g in range(groups):
            for r in range(repeats):
                if line.shape[2] == 1:
                    center, factor, tilt, constant = line[0, g, 0], line[1, g, 0], line[2, g, 0], line[3, g, 0]
                    for i in range(width):
                        dx[o, g, r, i] = grad[o, g, r, i] * factor + (x[o, g, r, i] - center) * tilt + constant
                else:
                    for i in range(width):
                        dx[o, g, r, i] = grad[o, g, r, i] * line[1, g, i] + (
                            x[o, g, r, i] - line[0, g, i]) * line[2, g, i] + line[3, g, i]


class GroupLoops(GroupPasses):
    """The passes as loops."""

    def __init__(self, site: BindContext, order: Order) -> None:
        super().__init__(site, order)
        x = site.inputs[0]
        self.order, (*spatial, channels, batch) = order, x.shape
        self.tall = order == channels_last_order(x.ndim)
        inner = prod(spatial[1:])
        if self.tall or inner == 1:
            repeats = divisor(prod(spatial), REPEATS)
            self.shape: tuple[int, ...] = prod(spatial) // repeats, 1, repeats, channels * batch
        else:
            self.shape = (spatial[0], channels, 1, inner) if batch == 1 else (spatial[0], channels, inner, batch)
        self.row = (self.shape[1], channels * batch // self.shape[1])
        self.line, self.total = site.scratch((4, *self.row)), site.scratch((2, *self.row), np.float64)
        self.part = None if self.row[1] != self.shape[3] else site.scratch((2, self.row[1]))
        self.least = site.dtype.type(-np.inf)
        maps = (x, site.outputs[0], site.grad_outputs[0] if site.grad_outputs else None,
                site.grad_inputs[0] if site.grad_inputs else None)
        self.maps = [None if one is None else one.transpose(order).reshape(self.shape) for one in maps]

    def seen(self, number: int) -> np.ndarray:
        """x, y, the gradient that arrives or the one that leaves, as the loops see it."""
        found = self.maps[number]
        assert found is not None
        return found

    def write(self, *numbers: np.ndarray | None) -> None:
        for row, values in zip(self.line, numbers, strict=False):
            if values is None:
                row.fill(0)
            else:
                np.copyto(row, (values.T if self.tall else values).reshape(self.row), casting="same_kind")

    def added_up(self, center: np.ndarray | None, grad: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        self.write(center)
        self.total.fill(0)
        sums(self.seen(0), grad, None, None, None, self.line[:3], self.part, self.total)
        channels, batch = self.site.inputs[0].shape[-2:]
        first, second = self.total.reshape(2, batch, channels).transpose(0, 2, 1) if self.tall else self.total.reshape(
            2, channels, batch)
        return first, second

    def moments(self, center: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        return self.added_up(center, None)

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.write(center, factor, constant)
        apply(self.seen(0), None, self.least, self.seen(1), self.line[:3], self.part)

    def products(self, center: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.added_up(center, self.seen(2))

    def spread(self, center: np.ndarray, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.write(center, factor, tilt, constant)
        spread_by_group(self.seen(0), self.seen(2), self.seen(3), self.line)


@kernel(*NormByGroup.ops)
class NormByGroupLoops(Twin, NormByGroup):
    """The passes as loops."""

    def passes(self, site: BindContext, order: Order) -> GroupPasses:
        return GroupLoops(site, order)
