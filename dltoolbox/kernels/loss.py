"""Softmax, and losses: block by block of positions, each block with its classes apart, so that everything runs over long
rows even where the classes are few and lie side by side.

A shard's loss is its own sum divided by the count of the whole batch, so losses and gradients of the shards add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.elementwise.arithmetic import backward_pair, in_pieces, per_thread, slices, threads_for

DATA_AND_FLAGS = (None, np.bool_)  # dtypes of temporaries; None is that of the data


def by_class(order: Sequence[int]) -> Order:
    """A memory order with the classes outermost."""
    channel = len(order) - 2
    return (channel, *(axis for axis in order if axis != channel))


def planes(x: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """(classes, positions…), the positions in the given memory order."""
    return x.transpose(by_class(order))


def class_blocks(site: BindContext, job: Callable[..., object], *arrays: np.ndarray, whole: Sequence[DTypeLike | None] = (),
                 single: Sequence[DTypeLike | None] = (), threads: int = 1) -> tuple[Closure, ...]:
    """Closures, one per thread, that call ``job(*cuts, *temporaries)`` for every block of some `planes`.

    ``whole`` and ``single`` are dtypes of temporaries: blocks, and lines without classes.
    """
    def bind(mine: Sequence[slice]) -> Iterator[Closure]:
        block = arrays[0][:, mine[0]].shape
        blocks = [site.scratch(block, dtype) for dtype in whole]
        lines = [site.scratch(block[1:], dtype) for dtype in single]
        for at in mine:
            views = [x[:, at] for x in arrays]
            count = views[0].shape[1]
            yield partial(job, *views, *(x[:, :count] for x in blocks), *(x[:count] for x in lines))
    return per_thread(slices(arrays[0].shape[1], arrays[0].size, threads), threads, bind)


def classes_apart(x: np.ndarray, order: Sequence[int]) -> bool:
    """Whether classes lie apart in memory; side by side, maxima over them are 100 times slower than a copy."""
    return x.shape[-2] == 1 or order[-1] != x.ndim - 2


@kernel("softmax")
class Softmax(Kernel):
    """`softmax`."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,), order = site.inputs, site.outputs, site.case.orders[0]
        direct, threads = classes_apart(x, order), threads_for(site, 4 * x.size)  # exponentials take a while

        def forward(x: np.ndarray, y: np.ndarray, shifted: np.ndarray, top: np.ndarray) -> None:
            exponentials(x, shifted, shifted, top, direct)
            np.divide(shifted, top, out=y)

        def backward(y: np.ndarray, grad: np.ndarray, dx: np.ndarray, given: np.ndarray, product: np.ndarray,
                     total: np.ndarray) -> None:
            np.copyto(given, grad)
            np.multiply(given, y, out=product)
            np.add.reduce(product, axis=0, out=total)
            np.subtract(given, total, out=given)
            np.multiply(given, y, out=dx)
        arrays = [planes(array, order) for array in (x, y)]
        ways = class_blocks(site, forward, *arrays, whole=[None], single=[None], threads=threads)
        if not site.training:
            return BoundKernel(ways)
        arrays = [planes(array, order) for array in (y, *backward_pair(site))]
        return BoundKernel(ways, class_blocks(site, backward, *arrays, whole=[None, None], single=[None], threads=threads))


def exponentials(x: np.ndarray, shifted: np.ndarray, y: np.ndarray, top: np.ndarray, direct: bool) -> None:
    """``shifted`` = x − max x over the classes, ``y`` = exp of it, ``top`` = Σ y."""
    if not direct:
        np.copyto(shifted, x)
        x = shifted
    np.maximum.reduce(x, axis=0, out=top)
    np.subtract(x, top, out=shifted)
    np.exp(shifted, out=y)
    np.add.reduce(y, axis=0, out=top)


class Tally:
    """A shard's sum of losses, and how much the whole batch counts."""

    def __init__(self, site: BindContext) -> None:
        self._site = site
        self._counted = np.zeros(1)
        self.sum, self.count = 0.0, 0.0

    def start(self) -> None:
        self.sum = self.count = 0.0

    def finish(self) -> None:
        """Write the loss."""
        self._counted[0] = self.count
        self._site.all_reduce(self._counted)
        self._site.outputs[0][...] = self.sum / self.total

    @property
    def total(self) -> float:
        return max(float(self._counted[0]), 1.0)

    @property
    def share(self) -> float:
        """The gradient that one observation gets."""
        grad = self._site.grad_outputs[0]
        assert grad is not None
        return float(grad) / self.total


class LossKernel(Kernel):
    """Shards meet for the count."""

    @property
    def by_observation(self) -> bool:
        return True

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return ((), *(by_class(case.orders[0]) for _ in case.outputs[1:]))

    def sequence(self, tally: Tally, work: Sequence[Closure]) -> tuple[Closure, ...]:
        return (in_turn([tally.start, *work, tally.finish]),)


def class_weights(site: BindContext) -> np.ndarray:
    """One weight per class, to broadcast against `planes`; a single 1 where there are none."""
    weights = site.attrs.get("weights")
    values = np.ones(1) if weights is None else np.asarray(weights)
    return values.astype(site.dtype).reshape(-1, *(1,) * (site.inputs[0].ndim - 1))


@kernel("softmax_cross_entropy")
class SoftmaxCrossEntropy(LossKernel):
    """`softmax_cross_entropy`; the probabilities lie with their classes outermost."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x, t), (_, y), order = site.inputs, site.outputs, site.case.orders[0]
        tally, weights, direct = Tally(site), class_weights(site), classes_apart(x, order)
        factor = np.empty_like(weights)

        def forward(x: np.ndarray, t: np.ndarray, y: np.ndarray, logs: np.ndarray, targets: np.ndarray,
                    known: np.ndarray, line: np.ndarray, labelled: np.ndarray) -> None:
            if not direct:  # read twice
                np.copyto(targets, t)
                t = targets
            exponentials(x, logs, y, line, direct)
            np.divide(y, line, out=y)
            np.log(line, out=line)
            np.subtract(logs, line, out=logs)
            tally.sum -= weighted_sum(logs, t, weights, line)
            tally.count += labelled_count(t, known, labelled)

        def share() -> None:
            np.multiply(weights, tally.share, out=factor)

        def backward(t: np.ndarray, y: np.ndarray, dx: np.ndarray, targets: np.ndarray, scaled: np.ndarray,
                     total: np.ndarray) -> None:
            np.multiply(t, factor, out=targets)
            np.add.reduce(targets, axis=0, out=total)
            np.multiply(y, total, out=scaled)
            np.subtract(scaled, targets, out=dx)
        ways = self.sequence(tally, class_blocks(site, forward, *(planes(array, order) for array in (x, t, y)),
                                                 whole=(None, *DATA_AND_FLAGS), single=DATA_AND_FLAGS))
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None
        back = class_blocks(site, backward, *(planes(array, order) for array in (t, y, dx)), whole=[None, None],
                            single=[None])
        return BoundKernel(ways, (in_turn([share, *back]),))


def weighted_sum(logs: np.ndarray, t: np.ndarray, weights: np.ndarray, line: np.ndarray) -> float:
    """Σ w·t·logs, over the classes in the data's precision and over the positions in double; overwrites ``logs``."""
    np.multiply(logs, t, out=logs)
    if len(weights) > 1:
        np.multiply(logs, weights, out=logs)
    np.add.reduce(logs, axis=0, out=line)
    return float(np.add.reduce(line, axis=None, dtype=np.float64))


def labelled_count(t: np.ndarray, known: np.ndarray, labelled: np.ndarray) -> int:
    """How many positions carry a label."""
    np.not_equal(t, 0, out=known)
    np.logical_or.reduce(known, axis=0, out=labelled)
    return int(np.count_nonzero(labelled))


@kernel("cross_entropy")
class CrossEntropy(LossKernel):
    """`cross_entropy`."""

    def bind(self, site: BindContext) -> BoundKernel:
        (y, t), order = site.inputs, site.case.orders[0]
        tally, weights, tiny = Tally(site), class_weights(site), np.finfo(site.dtype).tiny
        factor = np.empty_like(weights)

        def forward(y: np.ndarray, t: np.ndarray, logs: np.ndarray, known: np.ndarray, line: np.ndarray,
                    labelled: np.ndarray) -> None:
            np.maximum(y, tiny, out=logs)
            np.log(logs, out=logs)
            tally.sum -= weighted_sum(logs, t, weights, line)
            tally.count += labelled_count(t, known, labelled)

        def share() -> None:
            np.multiply(weights, -tally.share, out=factor)

        def backward(y: np.ndarray, t: np.ndarray, dx: np.ndarray, targets: np.ndarray, floor: np.ndarray) -> None:
            np.maximum(y, tiny, out=floor)
            np.multiply(t, factor, out=targets)
            np.divide(targets, floor, out=dx)
        ways = self.sequence(tally, class_blocks(site, forward, *(planes(array, order) for array in (y, t)),
                                                 whole=DATA_AND_FLAGS, single=DATA_AND_FLAGS))
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None
        back = class_blocks(site, backward, *(planes(array, order) for array in (y, t, dx)), whole=[None, None])
        return BoundKernel(ways, (in_turn([share, *back]),))


@kernel("half_mse")
class HalfSquaredError(LossKernel):
    """`half_mse`."""

    def bind(self, site: BindContext) -> BoundKernel:
        y, t = site.inputs
        tally, factor = Tally(site), np.empty((), site.dtype)

        def count() -> None:
            tally.count = y.shape[-1]

        def forward(t: np.ndarray, y: np.ndarray, squares: np.ndarray) -> None:
            np.subtract(y, t, out=squares)
            np.multiply(squares, squares, out=squares)
            lines = np.add.reduce(squares, axis=-1)  # pairwise, so nothing is lost to single precision
            tally.sum += float(np.add.reduce(lines, axis=None, dtype=np.float64)) / 2

        def backward(y: np.ndarray, t: np.ndarray, dx: np.ndarray) -> None:
            np.subtract(y, t, out=dx)
            np.multiply(dx, factor, out=dx)

        def share() -> None:
            factor[...] = tally.share
        ways = self.sequence(tally, [count, *in_pieces(site, forward, t, y, temporaries=[site.dtype], threads=1)])
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None
        return BoundKernel(ways, (in_turn([share, *in_pieces(site, backward, y, t, dx, threads=1)]),))


@kernel("half_mse_of_sequences")
class HalfSquaredErrorOfSequences(LossKernel):
    """`half_mse_of_sequences`, some steps at a time."""

    def bind(self, site: BindContext) -> BoundKernel:
        y, t, lengths = site.inputs
        steps = np.arange(y.shape[-2])[:, np.newaxis]
        real, weights = site.keep(y.shape[-2:], np.bool_), site.keep(y.shape[-2:])  # weights: 1/length at real steps
        tally, scaled = Tally(site), site.scratch(y.shape[-2:])
        cuts = slices(y.shape[-2], y.size, 1)
        differences = site.scratch(y[..., cuts[0], :].shape, order=site.case.orders[0]) if cuts else y

        def begin() -> None:
            np.less(steps, lengths, out=real)
            np.divide(real, lengths, out=weights, casting="same_kind")
            tally.count = lengths.size

        def forward(at: slice) -> None:
            d = differences[..., :at.stop - at.start, :]
            np.subtract(y[..., at, :], t[..., at, :], out=d)
            np.multiply(d, real[at], out=d)  # before it is squared: what stands behind the ends may be huge
            np.multiply(d, d, out=d)
            np.multiply(d, weights[at], out=d)
            lines = np.add.reduce(d, axis=-1)
            tally.sum += float(np.add.reduce(lines, axis=None, dtype=np.float64)) / 2
        ways = self.sequence(tally, [begin, *(partial(forward, at) for at in cuts)])
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None

        def backward() -> None:
            np.multiply(weights, tally.share, out=scaled)
            np.subtract(y, t, out=dx)
            np.multiply(dx, scaled, out=dx)
        return BoundKernel(ways, (backward,))
