"""Twins of kernels with numbers of a channel: one pass, where NumPy makes two and reads its own result in the second. Their
rows need not be long, and short ones stay in the first cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, Closure, kernel
from dltoolbox.kernels.elementwise.arithmetic import SHORT_ROW, InputNormalise, per_thread, slices, threads_for
from dltoolbox.kernels.elementwise.numba_loops import PIECE
from dltoolbox.kernels.elementwise.per_channel import Affine, PRelu
from dltoolbox.kernels.memory_format import lies_in, order_of
from dltoolbox.kernels.numba_support import Twin, loop


@loop
def bent(x: np.ndarray, slope: np.ndarray, y: np.ndarray, zero: float) -> None:
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            v = x[row, i]
            y[row, i] = (v if v > zero else zero) + slope[i] * (zero if v > zero else v)


@loop
def scaled(x: np.ndarray, factor: np.ndarray, term: np.ndarray, y: np.ndarray) -> None:
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            y[row, i] = x[row, i] * factor[i] + term[i]


@loop
def centred(x: np.ndarray, centre: np.ndarray, factor: np.ndarray, y: np.ndarray) -> None:
    for row in range(x.shape[0]):
        for i in range(x.shape[1]):
            y[row, i] = (x[row, i] - centre[i]) * factor[i]


def over_rows(site: BindContext, body: Callable[..., None], numbers: Sequence[np.ndarray], *more: float
              ) -> tuple[Closure, ...] | None:
    """Closures, one per thread, that call ``body(x, *numbers, y, *more)`` with the rows of x and y for each of which
    the numbers hold; None where they do not lie like this.
    """
    x, (y,) = site.inputs[0], site.outputs
    order = order_of(y)
    alike = {part.shape for part in numbers}
    lying = all(lies_in(part, order) for part in (x, y, *numbers))
    if len(alike) > 1 or not lying or not x.size:
        return None
    sizes, (tile,) = [x.shape[axis] for axis in order], [[shape[axis] for axis in order] for shape in alike]
    first = next((at for at, n in enumerate(tile) if n > 1), len(tile))
    if tile[first:] != sizes[first:]:
        return None
    width, threads = prod(tile), threads_for(site, x.size)
    rows = [part.transpose(order).reshape(-1, width) for part in (x, y)]
    flat = [part.transpose(order).reshape(width) for part in numbers]
    jobs = [partial(body, rows[0][at], *flat, rows[1][at], *more) for at in slices(len(rows[0]), x.size, threads, PIECE)]
    return per_thread(jobs, threads, iter)


@kernel(*PRelu.ops)
class PReluLoops(Twin, PRelu):
    """`prelu`, forward."""

    row = SHORT_ROW

    def ahead(self, site: BindContext, slopes: np.ndarray) -> tuple[Closure, ...]:
        return over_rows(site, bent, [slopes], site.dtype.type(0)) or super().ahead(site, slopes)


@kernel(*Affine.ops)
class AffineLoops(Twin, Affine):
    """`affine`, forward."""

    row = SHORT_ROW

    def ahead(self, site: BindContext, factors: np.ndarray, terms: np.ndarray) -> tuple[Closure, ...]:
        return over_rows(site, scaled, [factors, terms]) or super().ahead(site, factors, terms)


@kernel(*InputNormalise.ops)
class InputNormaliseLoops(Twin, InputNormalise):
    """`input_normalise`, forward, where data are shifted and scaled."""

    row = SHORT_ROW

    def ahead(self, site: BindContext, centre: np.ndarray, factor: np.ndarray | None) -> tuple[Closure, ...]:
        ways = None if factor is None else over_rows(site, centred, [centre, factor])
        return ways or super().ahead(site, centre, factor)
