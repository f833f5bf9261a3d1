"""The dense product. Weights are read where they lie; what moves is the input, into the order of their columns.

With few observations such products are bound by the bandwidth with which the weights are read, unless BLAS packs them
first. Products small enough that it does not are two to three times as fast, for 25088×4096 with 4 observations as for
1568×10 with 64.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.blocking import divisor, shares
from dltoolbox.kernels.conv.gemm import SMALL_PRODUCT
from dltoolbox.kernels.elementwise.arithmetic import threads_for

MOVED_BYTES = 1 << 20  # of the input that is moved at a time
SMALL_DENSE_SUM = 1600  # elements of a result up to which a product with a transposed matrix stays fast
FEW_OBSERVATIONS = 16  # observations up to which the features of each run side by side


class FeatureBlock(NamedTuple):
    """Some channels of an array (h, w, c, n) as the matrix (features, n) that meets ``columns`` of the weights."""

    columns: slice
    matrix: np.ndarray
    channels: np.ndarray  # as they lie in the array
    copy: np.ndarray | None  # the memory of the matrix with the axes of ``channels``; None where that is the array itself

    def load(self) -> list[Closure]:
        return [] if self.copy is None else [partial(np.copyto, self.copy, self.channels)]

    def store(self) -> list[Closure]:
        return [] if self.copy is None else [partial(np.copyto, self.channels, self.copy)]


class FeatureBlocks:
    """Cuts arrays (h, w, c, n) into blocks of features in the order of the weights' columns, h fastest and c slowest.

    All arrays are moved into the same scratch.
    """

    def __init__(self, site: BindContext) -> None:
        self._site = site
        self._room = np.empty(0)

    def of(self, x: np.ndarray, first: int, last: int) -> Iterator[FeatureBlock]:
        """Blocks of the channels from ``first`` to ``last``."""
        *spatial, _, batch = x.shape
        each = prod(spatial)
        turned = x.transpose(*range(x.ndim - 2, -1, -1), x.ndim - 1)
        order = (x.ndim - 1, *range(x.ndim - 1)) if batch <= FEW_OBSERVATIONS else tuple(range(x.ndim))
        inner = not turned[first:last].transpose(order).flags.c_contiguous
        step = max(1, MOVED_BYTES // max(each * batch * x.itemsize, 1)) if inner else max(last - first, 1)
        for start in range(first, last, step):
            part = turned[start:min(start + step, last)]
            copy = self._take(part.transpose(order).shape) if inner else part.transpose(order)
            few = batch <= FEW_OBSERVATIONS
            flat = copy.reshape((batch, each * len(part)) if few else (each * len(part), batch))
            yield FeatureBlock(slice(start * each, (start + len(part)) * each), flat.T if few else flat, part,
                               copy.transpose(memory_format.inverse(order)) if inner else None)

    def _take(self, shape: tuple[int, ...]) -> np.ndarray:
        if self._room.size < prod(shape):
            self._room = self._site.scratch((prod(shape),))
        return self._room[:prod(shape)].reshape(shape)


def small(*sizes: int) -> int:
    """How long the third side of a small product may be."""
    return SMALL_PRODUCT // max(prod(sizes), 1)


def by_rows(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Closure:
    """``out = a @ b``, where ``a`` has long contiguous rows: some rows at a time."""
    (height, depth), width = a.shape, b.shape[1]
    step = divisor(height, small(depth, width), least=5)
    if width <= 1:
        return partial(np.matmul, a, b, out=out)
    return partial(np.matmul, a.reshape(-1, step, depth), b, out=out.reshape(-1, step, width))


def by_columns(site: BindContext, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> list[Closure]:
    """``out = a @ b``, where ``a`` has long contiguous columns: some rows at a time, in sums of several products."""
    (height, depth), width = a.shape, b.shape[1]
    step = divisor(height, small(depth, width))
    if width > 1 and step >= 96:
        return [partial(np.matmul, a.reshape(-1, step, depth), b, out=out.reshape(-1, step, width))]
    step = divisor(height, 1024)
    inner = divisor(depth, small(step, width))
    if not 1 < width <= FEW_OBSERVATIONS or step < 96 or inner < 16:
        return [partial(np.matmul, a, b, out=out)]
    sums = site.scratch((depth // inner, width, step)).swapaxes(1, 2)
    right = b.reshape(-1, inner, width)
    steps: list[Closure] = []
    for start in range(0, height, step):
        at = slice(start, start + step)
        steps.append(partial(np.matmul, a[at].reshape(step, -1, inner).swapaxes(0, 1), right, out=sums))
        steps.append(partial(np.add.reduce, sums, axis=0, out=out[at]))
    return steps


def outer(grad: np.ndarray, features: np.ndarray, out: np.ndarray) -> Closure:
    """``out = grad @ features.T``."""
    (height, width), depth = grad.shape, len(features)
    if width == 1:  # seven times as fast as BLAS
        return partial(np.multiply, grad, features.T, out=out)
    if 1 < width <= FEW_OBSERVATIONS:
        step = divisor(height, small(depth, width))
        if step >= 5:
            return partial(np.matmul, grad.reshape(-1, step, width), features.T, out=out.reshape(-1, step, depth))
    step = divisor(depth, SMALL_DENSE_SUM // height)
    if width > FEW_OBSERVATIONS and step >= 64:
        return partial(np.matmul, grad, features.reshape(-1, step, width).swapaxes(1, 2),
                       out=out.reshape(height, -1, step).swapaxes(0, 1))
    return partial(np.matmul, grad, features.T, out=out)


@kernel("dense")
class Dense(Kernel):
    """`dense`. Threads that share it cut its outputs forward, and its inputs backward."""

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return (memory_format.rows_order(len(case.outputs[0].sizes)),)

    def bind(self, site: BindContext) -> BoundKernel:
        threads = threads_for(site, site.inputs[1].size)
        blocks = [FeatureBlocks(site) for _ in range(threads)]
        forward = tuple(self.forward(site, block, thread, threads) for thread, block in enumerate(blocks))
        if not site.training:
            return BoundKernel(forward)
        return BoundKernel(forward, tuple(self.backward(site, block, thread, threads)
                                          for thread, block in enumerate(blocks)))

    @staticmethod
    def forward(site: BindContext, blocks: FeatureBlocks, thread: int, threads: int) -> Closure:
        x, weights, bias = site.inputs
        outputs = shares(len(weights), threads)[thread]
        y = matrix(site.outputs[0])[outputs]
        steps: list[Closure] = []
        partial_sum = None
        for block in blocks.of(x, 0, x.shape[-2]):
            steps.extend(block.load())
            if block.columns.start == 0:
                steps.append(by_rows(weights[outputs, block.columns], block.matrix, y))
                continue
            partial_sum = site.scratch(y.shape) if partial_sum is None else partial_sum
            steps.append(by_rows(weights[outputs, block.columns], block.matrix, partial_sum))
            steps.append(partial(np.add, y, partial_sum, out=y))
        return in_turn([*steps, partial(np.add, y, bias.reshape(-1, 1)[outputs], out=y)])

    @staticmethod
    def backward(site: BindContext, blocks: FeatureBlocks, thread: int, threads: int) -> Closure:
        (x, weights, _), (dx, d_weights, d_bias) = site.inputs, site.grad_inputs
        assert site.grad_outputs[0] is not None
        grad = matrix(site.grad_outputs[0])
        inputs = shares(x.shape[-2], threads)[thread]
        steps: list[Closure] = []
        if d_bias is not None and thread == 0:
            steps.append(partial(np.add.reduce, grad, axis=1, out=d_bias.reshape(-1)))
        if d_weights is not None:
            for block in blocks.of(x, inputs.start, inputs.stop):
                steps += [*block.load(), outer(grad, block.matrix, d_weights[:, block.columns])]
        if dx is not None:
            for block in blocks.of(dx, inputs.start, inputs.stop):
                steps += [*by_columns(site, weights[:, block.columns].T, grad, block.matrix), *block.store()]
        return in_turn(steps)


def matrix(y: np.ndarray) -> np.ndarray:
    """The output as (outputs, n): a view without the spatial dimensions of size 1."""
    return y.reshape(y.shape[-2:])
