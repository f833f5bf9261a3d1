"""Twins of kernels with numbers of a channel: one pass, where NumPy makes two and reads its own result in the second.

Loops see arrays as (outer, groups, stretch), and numbers as (groups, 1), one for each stretch, or as (1, stretch), where
groups are short: `expanded` then wrote the numbers out to a longer row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure, kernel
from dltoolbox.kernels.elementwise.arithmetic import InputNormalise, per_thread, slices, threads_for
from dltoolbox.kernels.elementwise.numba_loops import PIECE
from dltoolbox.kernels.elementwise.per_channel import Affine, PRelu, ScaleAndAdd, UndoNormalise
from dltoolbox.kernels.memory_format import lies_in, order_of
from dltoolbox.kernels.numba_support import Twin, loop


@loop
def bent(x: np.ndarray, slope: np.ndarray, y: np.ndarray, zero: float) -> None:
    for o in range(x.shape[0]):
        for g in range(x.shape[1]):
            if slope.shape[1] == 1:
                number = slope[g, 0]
                for i in range(x.shape[2]):
                    v = x[o, g, i]
                    y[o, g, i] = (v if v > zero else zero) + number * (zero if v > zero else v)
            else:
                for i in range(x.shape[2]):
                    v = x[o, g, i]
                    y[o, g, i] = (v if v > zero else zero) + slope[g, i] * (zero if v > zero else v)


@loop
def scale_and_add(x: np.ndarray, factor: np.ndarray, term: np.ndarray, y: np.ndarray) -> None:
    for o in range(x.shape[0]):
        for g in range(x.shape[1]):
            if factor.shape[1] == 1:
                times, plus = factor[g, 0], term[g, 0]
                for i in range(x.shape[2]):
                    y[o, g, i] = x[o, g, i] * times + plus
            else:
                for i in range(x.shape[2]):
                    y[o, g, i] = x[o, g, i] * factor[g, i] + term[g, i]


@loop
def centred(x: np.ndarray, centre: np.ndarray, factor: np.ndarray, y: np.ndarray) -> None:
    for o in range(x.shape[0]):
        for g in range(x.shape[1]):
            if centre.shape[1] == 1:
                middle, times = centre[g, 0], factor[g, 0]
                for i in range(x.shape[2]):
                    y[o, g, i] = (x[o, g, i] - middle) * times
            else:
                for i in range(x.shape[2]):
                    y[o, g, i] = (x[o, g, i] - centre[g, i]) * factor[g, i]


def over_rows(site: BindContext, body: Callable[..., None], numbers: Sequence[np.ndarray], *more: float
              ) -> tuple[Closure, ...] | None:
    """Closures, one per thread, that call ``body(x, *numbers, y, *more)``; None where something lies in another way."""
    x, (y,) = site.inputs[0], site.outputs
    order = order_of(y)
    alike = {part.shape for part in numbers}
    if len(alike) > 1 or not x.size or not all(lies_in(part, order) for part in (x, y, *numbers)):
        return None
    sizes, (tile,) = [x.shape[axis] for axis in order], [[shape[axis] for axis in order] for shape in alike]
    many = [at for at, n in enumerate(tile) if n > 1] or [0]
    own = slice(many[0], many[-1] + 1) if max(tile) > 1 else slice(0)
    if tile[own] != sizes[own]:
        return None
    outer, groups, stretch = prod(sizes[:own.start or 0]), prod(sizes[own]), prod(sizes[own.stop:])
    if stretch == 1:
        groups, stretch = 1, groups
    data = [part.transpose(order).reshape(outer, groups, stretch) for part in (x, y)]
    flat = [part.transpose(order).reshape(groups, -1) for part in numbers]
    return per_thread(*jobs_of(site, body, data, flat, more), iter)


def jobs_of(site: BindContext, body: Callable[..., None], data: Sequence[np.ndarray], numbers: Sequence[np.ndarray],
            more: Sequence[float]) -> tuple[list[Closure], int]:
    """The calls, each for a part of the slowest axis that there is, and how many threads share them."""
    (x, y), threads = data, threads_for(site, data[0].size)
    axis = next((axis for axis, n in enumerate(x.shape) if n > 1), 0)
    jobs: list[Closure] = []
    for part in slices(x.shape[axis], x.size, threads, PIECE):
        at = (slice(None),) * axis + (part,)
        mine = [one[at[1:]] if axis and one.shape[axis - 1] > 1 else one for one in numbers]
        jobs.append(partial(body, x[at], *mine, y[at], *more))
    return jobs, threads


@kernel(*PRelu.ops)
class PReluLoops(Twin, PRelu):
    """`prelu`, forward."""

    def ahead(self, site: BindContext, slopes: np.ndarray) -> tuple[Closure, ...]:
        return over_rows(site, bent, [slopes], site.dtype.type(0)) or super().ahead(site, slopes)


class ScaleAndAddLoops(Twin, ScaleAndAdd):
    """Forward in one pass."""

    def ahead(self, site: BindContext, factors: np.ndarray, terms: np.ndarray) -> tuple[Closure, ...]:
        return over_rows(site, scale_and_add, [factors, terms]) or super().ahead(site, factors, terms)


@kernel(*Affine.ops)
class AffineLoops(ScaleAndAddLoops, Affine):
    """`affine`, forward."""


@kernel(*UndoNormalise.ops)
class UndoNormaliseLoops(ScaleAndAddLoops, UndoNormalise):
    """`undo_normalise`, forward."""


@kernel(*InputNormalise.ops)
class InputNormaliseLoops(Twin, InputNormalise):
    """`input_normalise`, forward, where data are shifted and scaled."""

    def ahead(self, site: BindContext, centre: np.ndarray, factor: np.ndarray | None) -> tuple[Closure, ...]:
        ways = None if factor is None else over_rows(site, centred, [centre, factor])
        return ways or super().ahead(site, centre, factor)
