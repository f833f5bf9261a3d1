"""Maps resampled axis by axis, each by a matrix of few numbers: resizing, and means over regions.

With NumPy an axis is a product with that matrix. A product spreads what is not finite over the whole axis, so where the
result is not, the op's own body does it once more.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, in_turn, kernel
from dltoolbox.kernels.memory_format import channels_last_order, lies_in, rows_order
from dltoolbox.kernels.numba_support import Twin, loop
from dltoolbox.ops.reshape import Samples, regions

AxisWork = Callable[[int, np.ndarray, np.ndarray], Closure]


class Resampled(Kernel):
    """Forward axis by axis; the gradient is that of the op's own body."""

    def accepts(self, case: KernelSpec) -> bool:
        ndim = len(case.orders[0])
        return case.inputs[0].rank > 0 and case.orders[0] in (rows_order(ndim), channels_last_order(ndim))

    def bind(self, site: BindContext) -> BoundKernel:
        plain, (x,), (y,), order = super().bind(site), site.inputs, site.outputs, site.case.orders[0]
        if not (x.size and y.size and lies_in(x, order) and lies_in(y, order)):
            return plain
        steps = self.steps(site, self.stage(site))
        return plain._replace(forward=(self.checked(in_turn(steps), y.transpose(order).reshape(-1), plain.forward[0]),))

    def stage(self, site: BindContext) -> AxisWork:
        """Makes closures that resample an axis of a view (outer, n, inner) to one of (outer, out, inner)."""
        return lambda axis, x, y: partial(np.matmul, self.matrix(site, axis), x, y)

    def checked(self, work: Closure, result: np.ndarray, plain: Closure) -> Closure:
        """The work, and the op's own body where the result is not finite."""
        ones = np.ones_like(result[:1 << 16])
        rest = len(result) // len(ones) * len(ones)
        rows, left = result[:rest].reshape(-1, len(ones)), result[rest:]

        def run() -> None:
            work()
            if not (np.isfinite(np.matmul(rows, ones)).all() and np.isfinite(left).all()):
                plain()
        return run

    def steps(self, site: BindContext, stage: AxisWork) -> list[Closure]:
        """Axes that shrink come first, the slowest first; then those that grow, the fastest first: arrays stay small."""
        (x,), (y,), order = site.inputs, site.outputs, site.case.orders[0]
        sizes, wanted = ([one.shape[axis] for axis in order] for one in (x, y))
        spatial = [at for at, axis in enumerate(order) if axis < x.ndim - 2]
        shrinking = [at for at in spatial if wanted[at] < sizes[at]]
        turns = shrinking + [at for at in reversed(spatial) if at not in shrinking]
        present, steps = x.transpose(order).reshape(-1), []
        for at in turns:
            before = prod(sizes[:at]), sizes[at], prod(sizes[at + 1:])
            after = (before[0], wanted[at], before[2])
            target = y.transpose(order).reshape(-1) if at == turns[-1] else site.scratch((prod(after),))
            steps.append(stage(order[at], present.reshape(before), target.reshape(after)))
            sizes[at], present = wanted[at], target
        return steps

    def matrix(self, site: BindContext, axis: int) -> np.ndarray:
        """out×n."""
        raise NotImplementedError


def samples_of(site: BindContext, axis: int) -> Samples:
    attrs, n = site.attrs, site.inputs[0].shape[axis]
    method, transform, rounding = (attrs[name] for name in ("method", "transform", "rounding"))
    return Samples.of(n, attrs["to"][axis], attrs["factors"][axis], method, transform, rounding)


@kernel("resize")
class Resizing(Resampled):
    """`resize`."""

    def matrix(self, site: BindContext, axis: int) -> np.ndarray:
        low, high, part = samples_of(site, axis)
        made = np.zeros((len(low), site.inputs[0].shape[axis]), site.dtype)
        at = np.arange(len(low))
        made[at, low] = 1 - part
        made[at, high] += part.astype(site.dtype)
        return made


@kernel("adaptive_avg_pool")
class AdaptiveMean(Resampled):
    """`adaptive_avg_pool`."""

    def matrix(self, site: BindContext, axis: int) -> np.ndarray:
        n, out = site.inputs[0].shape[axis], site.attrs["to"][axis]
        made = np.zeros((out, n), site.dtype)
        for row, part in zip(made, regions(n, out), strict=True):
            row[part] = 1 / (part.stop - part.start)
        return made


@loop
def blend(x: np.ndarray, low: np.ndarray, high: np.ndarray, share: np.ndarray, y: np.ndarray) -> None:
    """Each output element between two of the axis."""
    for o in range(y.shape[0]):
        for i in range(y.shape[1]):
            a, b, w = low[i], high[i], share[i]
            for k in range(y.shape[2]):
                y[o, i, k] = x[o, a, k] + w * (x[o, b, k] - x[o, a, k])


@loop
def pick_nearest(x: np.ndarray, low: np.ndarray, y: np.ndarray) -> None:
    for o in range(y.shape[0]):
        for i in range(y.shape[1]):
            for k in range(y.shape[2]):
                y[o, i, k] = x[o, low[i], k]


@kernel(*Resizing.ops)
class ResizeLoops(Twin, Resizing):
    """An axis as a loop, which has no zeros to multiply."""

    def stage(self, site: BindContext) -> AxisWork:
        def make(axis: int, x: np.ndarray, y: np.ndarray) -> Closure:
            low, high, part = samples_of(site, axis)
            if not part.any():
                return partial(pick_nearest, x, low, y)
            return partial(blend, x, low, high, part.astype(site.dtype), y)
        return make

    def checked(self, work: Closure, result: np.ndarray, plain: Closure) -> Closure:
        return work
