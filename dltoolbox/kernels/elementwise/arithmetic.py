"""Elementwise kernels, and how arrays are cut into pieces that stay in cache from one NumPy call to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.ops.arithmetic import against, width_of

Piece = tuple[np.ndarray, ...]
T = TypeVar("T")

CHUNK = 1 << 16  # elements of one array in a pass over several
ROW = 1 << 14
SHARED = 1 << 17  # elements from which threads share a step: below, meeting costs more than half the work
LONG_ROW = 32  # starting a shorter row of a broadcast costs more than its elements


def cut(*arrays: np.ndarray, parts: int = 1, size: int = CHUNK) -> list[Piece]:
    """Views of arrays of one shape, all cut alike into pieces of about ``size`` elements, and into ``parts`` at least.

    Pieces are flat where all arrays lie in memory in the order of the last; else slices of the slowest axis of that.
    """
    order = memory_format.order_of(arrays[-1])
    moved = [x.transpose(order) for x in arrays]
    if all(x.flags.c_contiguous for x in moved):
        moved = [x.reshape(-1) for x in moved]
    length, total = len(moved[0]), arrays[-1].size
    if not total:
        return []
    step = max(1, min(size * length // total, -(-length // parts)))
    return [tuple(x[start:start + step] for x in moved) for start in range(0, length, step)]


def rows(piece: Piece) -> list[Piece]:
    """A flat piece as rows of `ROW` elements, to meet a constant row, and what remains."""
    whole = len(piece[0]) // ROW * ROW
    if piece[0].ndim > 1 or not whole:
        return [piece]
    parts = [tuple(x[:whole].reshape(-1, ROW) for x in piece), tuple(x[whole:] for x in piece)]
    return parts if whole < len(piece[0]) else parts[:1]


def shares(jobs: Sequence[T], ranks: int) -> list[Sequence[T]]:
    """Neighbouring jobs for every rank."""
    ends = [rank * len(jobs) // ranks for rank in range(ranks + 1)]
    return [jobs[start:end] for start, end in pairwise(ends)]


def ranks_for(site: BindContext, size: int) -> int:
    """How many threads share a pass over ``size`` elements."""
    return site.case.ranks if size >= SHARED else 1


def in_pieces(site: BindContext, job: Callable[..., object], *arrays: np.ndarray, temporaries: Sequence[DTypeLike] = (),
              ranks: int = 0) -> tuple[Closure, ...]:
    """Closures, one per rank, that call ``job(*views, *temporaries)`` for every piece of the arrays.

    ``temporaries`` are dtypes of scratch arrays of a piece's shape, which all pieces of a rank share.
    """
    closures, ranks = [], ranks or ranks_for(site, arrays[-1].size)
    for share in shares(cut(*arrays, parts=ranks), ranks):
        scratch = [site.scratch(share[0][0].shape, dtype) for dtype in temporaries] if share else []
        closures.append(in_turn([partial(job, *piece, *(one[:len(piece[0])] for one in scratch)) for piece in share]))
    return tuple(closures)


@kernel("relu")
class Relu(Kernel):
    """`relu`."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,) = site.inputs, site.outputs
        ranks = ranks_for(site, y.size)
        pieces = [part for piece in cut(x, y, parts=ranks, size=4 * CHUNK) for part in rows(piece)]
        zeros = np.zeros(max((piece[0].shape[-1] for piece in pieces), default=0), x.dtype)
        # the maximum with a row of zeros is three times as fast as with the number 0, which NumPy does not vectorise
        jobs = [partial(np.maximum, source, zeros[:source.shape[-1]], out=target) for source, target in pieces]
        return BoundKernel(tuple(map(in_turn, shares(jobs, ranks))), self.gates(site) if site.training else ())

    def gates(self, site: BindContext) -> tuple[Closure, ...]:
        def close(y: np.ndarray, grad: np.ndarray, dx: np.ndarray, positive: np.ndarray) -> None:
            np.greater(y, 0, out=positive)
            np.multiply(grad, positive, out=dx)
        return in_pieces(site, close, site.outputs[0], *backward_pair(site), temporaries=[np.bool_])


def backward_pair(site: BindContext) -> tuple[np.ndarray, np.ndarray]:
    """The gradient that arrives and the one to write, of an op of one input."""
    grad, dx = site.grads[0], site.grad_inputs[0]
    assert grad is not None
    assert dx is not None
    return grad, dx


@kernel("leaky_relu")
class LeakyRelu(Kernel):
    """`leaky_relu` as a maximum, or as a minimum where the scale is above 1."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,) = site.inputs, site.outputs
        scale = np.asarray(site.attrs["scale"], x.dtype)
        bend = np.maximum if scale <= 1 else np.minimum

        def forward(x: np.ndarray, y: np.ndarray) -> None:
            np.multiply(x, scale, out=y)
            bend(x, y, out=y)

        def backward(x: np.ndarray, grad: np.ndarray, dx: np.ndarray, above: np.ndarray, slope: np.ndarray) -> None:
            np.greater_equal(x, 0, out=above)
            np.multiply(above, 1 - scale, out=slope)  # copying where a mask says so takes 20 times as long
            np.add(slope, scale, out=slope)
            np.multiply(grad, slope, out=dx)
        return BoundKernel(in_pieces(site, forward, x, y), in_pieces(
            site, backward, x, *backward_pair(site), temporaries=[np.bool_, x.dtype]) if site.training else ())


@kernel("input_normalise")
class InputNormalise(Kernel):
    """`input_normalise` as (x − centre)·factor, prepared from the statistics: their difference first, so that nothing
    cancels where the values are far from zero."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x, *statistics), (y,), kind = site.inputs, site.outputs, site.attrs["kind"]
        order = memory_format.order_of(y)
        shape = broadcast_shape(statistics, y, order)
        centre = site.shared(shape, x.dtype)  # data that come in double are double until they are shifted and scaled
        factor = None if kind == "zerocenter" else site.shared(shape, x.dtype)

        def prepare() -> None:
            first, *spread = (lying(against(one.astype(np.float64), y), order) for one in statistics)
            if factor is None:
                np.copyto(centre, first, casting="unsafe")
                return
            width = width_of(kind, first, *spread)
            symmetric = kind == "rescale-symmetric"
            np.copyto(centre, first + width / 2 if symmetric else first, casting="unsafe")
            np.copyto(factor, (2.0 if symmetric else 1.0) / width, casting="unsafe")

        if factor is None:
            forward = self.closures(site, less, (y, x), order, [centre])
        else:
            forward = self.closures(site, less_and_times, (y, x), order, [centre, factor], stage=x.dtype)
        if not site.training:
            return BoundKernel(forward, prepare=prepare)
        grad, dx = backward_pair(site)
        if factor is None:
            return BoundKernel(forward, in_pieces(site, np.copyto, dx, grad), prepare)
        return BoundKernel(forward, self.closures(site, multiplied, (dx, grad), order, [factor]), prepare)

    @staticmethod
    def closures(site: BindContext, job: Callable[..., None], arrays: Sequence[np.ndarray], order: Sequence[int],
                 constants: Sequence[np.ndarray], stage: DTypeLike | None = None) -> tuple[Closure, ...]:
        """``job(*slices, *slices of the constants)`` along the slowest axis, before them a
        temporary of type ``stage``, if one is wanted: the target's slice where that has the type.
        """
        moved = [x.transpose(order) for x in arrays]
        ranks = ranks_for(site, moved[0].size)
        step = max(1, min(CHUNK * len(moved[0]) // max(moved[0].size, 1), -(-len(moved[0]) // ranks)))
        closures = []
        for share in shares(range(0, len(moved[0]), step), ranks):
            room = site.scratch((step, *moved[0].shape[1:]), stage) if stage not in (None, moved[0].dtype) else None
            jobs = []
            for start in share:
                at = slice(start, start + step)
                slices = [x[at] for x in moved]
                if stage is not None:
                    slices.insert(0, slices[0] if room is None else room[:len(slices[0])])
                jobs.append(partial(job, *slices, *(c if len(c) == 1 else c[at] for c in constants)))
            closures.append(in_turn(jobs))
        return tuple(closures)


def less(target: np.ndarray, source: np.ndarray, middle: np.ndarray) -> None:
    np.subtract(source, middle, out=target)


def less_and_times(stage: np.ndarray, target: np.ndarray, source: np.ndarray, middle: np.ndarray,
                   factor: np.ndarray) -> None:
    np.subtract(source, middle, out=stage)
    np.multiply(stage, factor, out=target)


def multiplied(target: np.ndarray, source: np.ndarray, factor: np.ndarray) -> None:
    np.multiply(source, factor, out=target)


def lying(statistic: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """A statistic as it broadcasts against an array that was transposed to ``order``."""
    return statistic.reshape((1,) * (len(order) - statistic.ndim) + statistic.shape).transpose(order)


def broadcast_shape(statistics: Sequence[np.ndarray], x: np.ndarray, order: Sequence[int]) -> tuple[int, ...]:
    """The shape to which statistics are expanded in memory order: the fastest axes in full, until they are a long row."""
    full = [x.shape[axis] for axis in order]
    least = np.broadcast_shapes(*(lying(against(one, x), order).shape for one in statistics))
    axis = len(full)
    while axis and prod(full[axis:]) < LONG_ROW:
        axis -= 1
    return (*least[:axis], *full[axis:])
