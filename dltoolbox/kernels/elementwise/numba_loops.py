"""Twins of elementwise kernels: one pass where NumPy makes two or three, which is up to three times as fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, KernelSpec, kernel
from dltoolbox.kernels.elementwise.arithmetic import LeakyRelu, Relu, backward_pair, per_thread, pieces, threads_for
from dltoolbox.kernels.elementwise.joining import Add
from dltoolbox.kernels.numba_support import Twin, loop

PIECE = 1 << 20  # elements: one pass needs no cache, only calls that are worth their while


@loop
def rise(x: np.ndarray, y: np.ndarray, scale: float) -> None:
    for i in range(x.size):
        y[i] = x[i] if x[i] >= 0 else x[i] * scale


@loop
def slope(x: np.ndarray, grad: np.ndarray, dx: np.ndarray, scale: float) -> None:
    for i in range(x.size):
        dx[i] = grad[i] if x[i] >= 0 else grad[i] * scale


@loop
def rectify(x: np.ndarray, y: np.ndarray, zero: float) -> None:
    for i in range(x.size):
        y[i] = zero if x[i] <= zero else x[i]


@loop
def close(y: np.ndarray, grad: np.ndarray, dx: np.ndarray, zero: float) -> None:
    for i in range(y.size):
        dx[i] = grad[i] if y[i] > zero else grad[i] * zero


@loop
def twice(first: np.ndarray, second: np.ndarray, grad: np.ndarray) -> None:
    for i in range(grad.size):
        first[i] = grad[i]
        second[i] = grad[i]


def over(site: BindContext, body: Callable[..., None], arrays: Sequence[np.ndarray], *numbers: float) -> tuple[Closure, ...]:
    """Closures, one per thread, that call ``body(*pieces, *numbers)`` with flat pieces of arrays that `lie_alike`."""
    threads = threads_for(site, arrays[-1].size)
    jobs = [partial(body, *piece, *numbers) for piece in pieces(*arrays, parts=threads, size=PIECE)]
    return per_thread(jobs, threads, iter)


def lie_alike(site: BindContext) -> bool:
    """Whether all arrays of the site are contiguous in the same memory order."""
    arrays = [x for x in (*site.inputs, *site.outputs, *site.grad_outputs, *site.grad_inputs) if x is not None]
    return all(x.shape == arrays[0].shape and memory_format.lies_in(x, memory_format.order_of(arrays[0])) for x in arrays)


@kernel(*Relu.ops)
class ReluLoops(Twin, Relu):
    """`relu`."""

    def bind(self, site: BindContext) -> BoundKernel:
        if not lie_alike(site):
            return super().bind(site)
        zero, y = site.dtype.type(0), site.outputs[0]
        forward = over(site, rectify, (site.inputs[0], y), zero)
        return BoundKernel(forward, over(site, close, (y, *backward_pair(site)), zero) if site.training else ())


@kernel(*LeakyRelu.ops)
class LeakyReluLoops(Twin, LeakyRelu):
    """`leaky_relu`."""

    def bind(self, site: BindContext) -> BoundKernel:
        if not lie_alike(site):
            return super().bind(site)
        scale, x = site.dtype.type(site.attrs["scale"]), site.inputs[0]
        forward = over(site, rise, (x, site.outputs[0]), scale)
        return BoundKernel(forward, over(site, slope, (x, *backward_pair(site)), scale) if site.training else ())


@kernel(*Add.ops)
class AddLoops(Twin, Add):
    """The gradient of a sum of two, read once for both."""

    def accepts(self, case: KernelSpec) -> bool:
        return super().accepts(case) and len(case.inputs) == 2 and all(case.needs_input_grad) and bool(case.needs_input_grad)

    def bind(self, site: BindContext) -> BoundKernel:
        bound = super().bind(site)
        if not lie_alike(site):
            return bound
        first, second = site.grad_inputs
        assert first is not None
        assert second is not None
        grad = site.grad_outputs[0]
        assert grad is not None
        return bound._replace(backward=over(site, twice, (first, second, grad)))
