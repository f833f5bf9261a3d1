"""Elementwise kernels, and how arrays are cut into pieces that stay in cache from one NumPy call to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from math import prod
from typing import TypeVar

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.kernels.blocking import shares
from dltoolbox.ops.arithmetic import against, width_of

Piece = tuple[np.ndarray, ...]
T = TypeVar("T")

CHUNK_ELEMENTS = 1 << 16  # elements of one array in a pass over several
ROW = 1 << 14
SHARED = 1 << 17  # elements from which threads share a step: below, meeting costs more than half the work
SHORT_TILE = 32  # starting a shorter row of a broadcast costs more than its elements
LONG_TILE, LONGEST_TILE = 1 << 13, 1 << 17  # from there on, NumPy takes a third less; and elements worth their memory
STRETCH, FEW = 64, 1 << 10  # elements for which a compiled loop starts anew, and of a row that it reads each time


def pieces(*arrays: np.ndarray, parts: int = 1, size: int = CHUNK_ELEMENTS) -> list[Piece]:
    """Views of arrays of one shape, all cut alike into pieces of about ``size`` elements, and into ``parts`` at least.

    Pieces are flat where all arrays lie in memory in the order of the last; else slices of the slowest axis of that.
    """
    order = memory_format.order_of(arrays[-1])
    moved = [x.transpose(order) for x in arrays]
    if all(x.flags.c_contiguous for x in moved):
        moved = [x.reshape(-1) for x in moved]
    return [tuple(x[at] for x in moved) for at in slices(len(moved[0]), arrays[-1].size, parts, size)]


def slices(length: int, total: int, parts: int, size: int = CHUNK_ELEMENTS) -> list[slice]:
    """``range(length)``, along which there are ``total`` elements, in slices of about ``size`` and into ``parts`` at least.
    All but the last are of one length, so that what is aligned in memory stays so.
    """
    step = max(1, min(size * length // max(total, 1), -(-length // parts)))
    return [slice(start, min(start + step, length)) for start in range(0, length, step)] if total else []


def constant_rows(piece: Piece) -> list[Piece]:
    """A flat piece as rows of `ROW` elements, to meet a constant row, and what remains."""
    whole = len(piece[0]) // ROW * ROW
    if piece[0].ndim > 1 or not whole:
        return [piece]
    parts = [tuple(x[:whole].reshape(-1, ROW) for x in piece), tuple(x[whole:] for x in piece)]
    return parts if whole < len(piece[0]) else parts[:1]


def per_thread(work: Sequence[T], threads: int, bind: Callable[[Sequence[T]], Iterable[Closure]]) -> tuple[Closure, ...]:
    """A closure per thread, which does what ``bind`` makes of neighbouring pieces of the work, if it gets any."""
    return tuple(in_turn(bind(work[at]) if work[at] else ()) for at in shares(len(work), threads))


def threads_for(site: BindContext, size: int) -> int:
    """How many threads share a pass over ``size`` elements."""
    return site.case.threads if size >= SHARED else 1


def in_pieces(site: BindContext, job: Callable[..., object], *arrays: np.ndarray, temporaries: Sequence[DTypeLike] = (),
              threads: int = 0, size: int = CHUNK_ELEMENTS) -> tuple[Closure, ...]:
    """Closures, one per thread, that call ``job(*views, *temporaries)`` for every piece of the arrays.

    ``temporaries`` are dtypes of scratch arrays of a piece's shape, which all pieces of a thread share.
    """
    def bind(mine: Sequence[Piece]) -> Iterator[Closure]:
        scratch = [site.scratch(mine[0][0].shape, dtype) for dtype in temporaries]
        for piece in mine:
            yield partial(job, *piece, *(buffer[:len(piece[0])] for buffer in scratch))
    threads = threads or threads_for(site, arrays[-1].size)
    return per_thread(pieces(*arrays, parts=threads, size=size), threads, bind)


@kernel("relu")
class Relu(Kernel):
    """`relu`."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,) = site.inputs, site.outputs
        threads = threads_for(site, y.size)
        lines = [line for piece in pieces(x, y, parts=threads, size=4 * CHUNK_ELEMENTS) for line in constant_rows(piece)]
        zeros = np.zeros(max((line[0].shape[-1] for line in lines), default=0), x.dtype)
        # the maximum with a row of zeros is three times as fast as with the number 0, which NumPy does not vectorise
        jobs = [partial(np.maximum, source, zeros[:source.shape[-1]], out=target) for source, target in lines]
        return BoundKernel(per_thread(jobs, threads, iter), self.gates(site) if site.training else ())

    def gates(self, site: BindContext) -> tuple[Closure, ...]:
        def close(y: np.ndarray, grad: np.ndarray, dx: np.ndarray, positive: np.ndarray) -> None:
            np.greater(y, 0, out=positive)
            np.multiply(grad, positive, out=dx)
        return in_pieces(site, close, site.outputs[0], *backward_pair(site), temporaries=[np.bool_])


def backward_pair(site: BindContext) -> tuple[np.ndarray, np.ndarray]:
    """The gradient that arrives and the one to write, of an op of one input."""
    grad, dx = site.grad_outputs[0], site.grad_inputs[0]
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
        shape = expanded([against(statistic, y) for statistic in statistics], y, order, bool(self.accelerator))

        def stored() -> np.ndarray:  # data that come in double are double until they are shifted and scaled
            return site.shared([shape[axis] for axis in order], x.dtype).transpose(memory_format.inverse(order))
        centre, factor = stored(), None if kind == "zerocenter" else stored()
        slope = None if factor is None else np.broadcast_to(factor, y.shape)

        def prepare() -> None:
            first, *spread = (against(statistic.astype(np.float64), y) for statistic in statistics)
            if factor is None:
                np.copyto(centre, first, casting="unsafe")
                return
            width = width_of(kind, first, *spread)
            symmetric = kind == "rescale-symmetric"
            np.copyto(centre, first + width / 2 if symmetric else first, casting="unsafe")
            np.copyto(factor, (2.0 if symmetric else 1.0) / width, casting="unsafe")

        def scale(source: np.ndarray, slope: np.ndarray, target: np.ndarray) -> None:
            np.multiply(source, slope, out=target)

        forward = self.ahead(site, centre, factor)
        if not site.training:
            return BoundKernel(forward, prepare=prepare)
        grad, dx = backward_pair(site)
        backward = in_pieces(site, np.copyto, dx, grad) if slope is None else in_pieces(site, scale, grad, slope, dx)
        return BoundKernel(forward, backward, prepare)

    def ahead(self, site: BindContext, centre: np.ndarray, factor: np.ndarray | None) -> tuple[Closure, ...]:
        x, (y,) = site.inputs[0], site.outputs

        def shift(source: np.ndarray, middle: np.ndarray, target: np.ndarray) -> None:
            np.subtract(source, middle, out=target)

        def shift_and_scale(source: np.ndarray, middle: np.ndarray, slope: np.ndarray, target: np.ndarray,
                            stage: np.ndarray | None = None) -> None:
            stage = target if stage is None else stage
            np.subtract(source, middle, out=stage)
            np.multiply(stage, slope, out=target)
        middle = np.broadcast_to(centre, y.shape)
        if factor is None:
            return in_pieces(site, shift, x, middle, y)
        stages = [] if x.dtype == y.dtype else [x.dtype]
        return in_pieces(site, shift_and_scale, x, middle, np.broadcast_to(factor, y.shape), y, temporaries=stages)


def expanded(parts: Sequence[np.ndarray], x: np.ndarray, order: Sequence[int], compiled: bool) -> tuple[int, ...]:
    """The shape to which what expands against ``x`` is written out: that of ``x`` along its fastest axes, until they are a
    long row. Compiled loops do with shorter ones, and with none where each number goes with a stretch.
    """
    shape = list(np.broadcast_shapes((1,) * x.ndim, *(part.shape for part in parts)))
    fastest = list(takewhile(lambda axis: shape[axis] == 1, reversed(order)))
    if compiled and prod(x.shape[axis] for axis in fastest) >= STRETCH:
        return tuple(shape)
    row, enough = 1, FEW if compiled else LONG_TILE
    for axis in reversed(order):
        if row >= enough or (row >= SHORT_TILE and row * x.shape[axis] > LONGEST_TILE):
            break
        shape[axis] = x.shape[axis]
        row *= x.shape[axis]
    return tuple(shape)
