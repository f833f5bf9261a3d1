"""Losses of classes of very different sizes: the focal loss behind a softmax, block by block, and the generalised Dice loss,
row by row.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, in_turn, kernel
from dltoolbox.kernels.elementwise.arithmetic import slices
from dltoolbox.kernels.loss import (
    DATA_AND_FLAGS,
    LossKernel,
    Tally,
    class_blocks,
    classes_apart,
    exponentials,
    labelled_count,
    planes,
)
from dltoolbox.ops.loss import DICE_EPSILON, dice_weights


@kernel("softmax_focal_cross_entropy")
class SoftmaxFocalCrossEntropy(LossKernel):
    """`softmax_focal_cross_entropy`; the probabilities lie with their classes outermost."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x, t), (_, y), order = site.inputs, site.outputs, site.case.orders[0]
        tally, direct, alpha, gamma = Tally(site), classes_apart(x, order), site.attrs["alpha"], site.attrs["gamma"]
        factor = np.empty((), site.dtype)

        def forward(x: np.ndarray, t: np.ndarray, y: np.ndarray, logs: np.ndarray, targets: np.ndarray, rest: np.ndarray,
                    known: np.ndarray, line: np.ndarray, others: np.ndarray, power: np.ndarray, labelled: np.ndarray
                    ) -> None:
            exponentials(x, logs, y, line, direct)
            np.divide(y, line, out=y)
            np.log(line, out=line)
            np.subtract(logs, line, out=logs)
            np.copyto(targets, t)
            wrong_classes(targets, y, rest, others)
            np.multiply(logs, targets, out=logs)
            np.add.reduce(logs, axis=0, out=line)
            put_likelier(others, line, power, labelled)
            np.power(others, gamma, out=power)
            np.multiply(line, power, out=line)
            tally.count += labelled_count(targets, known, labelled)
            np.multiply(line, labelled, out=line)
            tally.sum -= alpha * float(np.add.reduce(line, axis=None, dtype=np.float64))

        def share() -> None:
            factor[...] = alpha * tally.share

        def backward(t: np.ndarray, y: np.ndarray, dx: np.ndarray, targets: np.ndarray, rest: np.ndarray, p: np.ndarray,
                     q: np.ndarray, scale: np.ndarray, line: np.ndarray, flags: np.ndarray) -> None:
            np.copyto(targets, t)
            wrong_classes(targets, y, rest, q)
            np.subtract(y, rest, out=dx)
            np.add.reduce(dx, axis=0, out=p)
            focal_slope(p, q, gamma, scale, line, flags)
            np.multiply(scale, factor, out=scale)
            np.maximum.reduce(targets, axis=0, out=line)  # 1 where there is a label
            np.multiply(scale, line, out=scale)
            np.multiply(targets, q, out=targets)
            np.subtract(targets, rest, out=targets)
            np.multiply(targets, scale, out=dx)
        ways = self.sequence(tally, class_blocks(site, forward, *(planes(array, order) for array in (x, t, y)),
                                                 whole=(None, None, *DATA_AND_FLAGS), single=(None, None, *DATA_AND_FLAGS)))
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None
        back = class_blocks(site, backward, *(planes(array, order) for array in (t, y, dx)), whole=[None, None],
                            single=(None, None, None, *DATA_AND_FLAGS))
        return BoundKernel(ways, (in_turn([share, *back]),))


def wrong_classes(targets: np.ndarray, y: np.ndarray, rest: np.ndarray, others: np.ndarray) -> None:
    """``rest`` = (1 − t)·y, the probabilities of the wrong classes, and ``others``, their sums."""
    np.subtract(1, targets, out=rest)
    np.multiply(rest, y, out=rest)
    np.add.reduce(rest, axis=0, out=others)


def put_likelier(q: np.ndarray, logs: np.ndarray, line: np.ndarray, flags: np.ndarray) -> None:
    """ln(1 − q) in the place of ``logs`` where q is the smaller part."""
    np.minimum(q, 0.5, out=line)
    np.negative(line, out=line)
    np.log1p(line, out=line)
    np.less(q, 0.5, out=flags)
    np.copyto(logs, line, where=flags)


def focal_slope(p: np.ndarray, q: np.ndarray, gamma: float, out: np.ndarray, line: np.ndarray, flags: np.ndarray) -> None:
    """qᵞ·(γ·p·ln p/q − 1), the logarithm from the smaller one of p and q = 1 − p; ln p/q is −1 where q is 0."""
    np.maximum(p, np.finfo(p.dtype).tiny, out=out)
    np.log(out, out=out)
    put_likelier(q, out, line, flags)
    np.not_equal(q, 0, out=flags)
    np.divide(out, q, out=out, where=flags)
    np.logical_not(flags, out=flags)
    np.copyto(out, -1, where=flags)
    np.multiply(out, p, out=out)
    np.multiply(out, gamma, out=out)
    np.subtract(out, 1, out=out)
    np.power(q, gamma, out=line)
    np.multiply(out, line, out=out)


BLOCK_OF_MAPS = 1 << 16  # elements that are worked on together
FEW_TERMS = 128  # of a sum in the data's precision


@kernel("generalised_dice")
class GeneralisedDice(LossKernel):
    """`generalised_dice` in blocks of a few rows of all images; what their sums make up for each class is kept for the
    gradient."""

    def bind(self, site: BindContext) -> BoundKernel:
        (y, t), order = site.inputs, site.case.orders[0]
        space, tally = tuple(range(y.ndim - 2)), Tally(site)
        blocks = slices(len(y), y.size, 1, BLOCK_OF_MAPS)
        most = (max((part.stop - part.start for part in blocks), default=0), *y.shape[1:])
        products, flags = site.scratch(most, order=order), site.scratch(most, np.bool_, order)
        kind = None if prod(most[:-2]) <= FEW_TERMS else np.float64
        unknown = site.keep((*y.shape[:-2], 1, y.shape[-1]), np.bool_)
        sums = site.scratch((3, *y.shape[-2:]), np.float64)
        scale, ratio = site.keep(y.shape[-2:], np.float64), site.keep(y.shape[-1:], np.float64)

        def add_up(part: slice) -> None:
            product, mine, of, to = products[:part.stop - part.start], flags[:part.stop - part.start], y[part], t[part]
            np.not_equal(to, 0, out=mine)
            np.logical_not(np.logical_or.reduce(mine, axis=-2, keepdims=True), out=unknown[part])
            counts, common, squares = sums
            np.add(counts, np.add.reduce(to, axis=space, dtype=kind), out=counts)
            np.multiply(of, to, out=product)
            np.add(common, np.add.reduce(product, axis=space, dtype=kind), out=common)
            np.multiply(of, of, out=product)
            if unknown[part].any():
                np.copyto(product, 0, where=unknown[part])
            np.add(squares, np.add.reduce(product, axis=space, dtype=kind), out=squares)

        def forward() -> None:
            sums.fill(0)
            for part in blocks:
                add_up(part)
            counts, common, squares = sums
            weights = dice_weights(counts)
            below = (weights * (squares + counts)).sum(0) + DICE_EPSILON
            ratio[...] = (2 * (weights * common).sum(0) + DICE_EPSILON) / below
            scale[...] = 2 * weights / below
            tally.sum, tally.count = float((1 - ratio).sum()), float(counts.any(0).sum())
        ways = self.sequence(tally, [forward])
        if not site.training:
            return BoundKernel(ways)
        dx = site.grad_inputs[0]
        assert dx is not None

        def backward() -> None:
            factors, share = (scale * tally.share).astype(site.dtype), ratio.astype(site.dtype)
            for part in blocks:
                d = dx[part]
                np.multiply(y[part], share, out=d)
                np.subtract(d, t[part], out=d)
                np.multiply(d, factors, out=d)
                if unknown[part].any():
                    np.copyto(d, 0, where=unknown[part])
        return BoundKernel(ways, (backward,))
