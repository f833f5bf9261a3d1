"""Kernels that add arrays up or lay them side by side, and the sizes of an array."""

from __future__ import annotations

from functools import partial

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.kernels.elementwise.arithmetic import in_pieces, threads_for
from dltoolbox.ops.base import sum_over


@kernel("add")
class Add(Kernel):
    """`add`: all terms of a piece while it is in cache."""

    def bind(self, site: BindContext) -> BoundKernel:
        (y,) = site.outputs
        threads = threads_for(site, y.size)

        def total(*arrays: np.ndarray) -> None:
            first, *rest, target = arrays
            for term in rest:
                np.add(first, term, out=target)
                first = target
        terms = [np.broadcast_to(x, y.shape) for x in site.inputs]
        forward = in_pieces(site, total, *terms, y, threads=threads)
        if not site.training:
            return BoundKernel(forward)
        grad = site.grad_outputs[0]
        assert grad is not None

        def hand_on(*arrays: np.ndarray) -> None:
            *targets, grad = arrays
            for target in targets:
                np.copyto(target, grad)
        wanted = [dx for dx in site.grad_inputs if dx is not None]
        copies = in_pieces(site, hand_on, *(dx for dx in wanted if dx.shape == grad.shape), grad, threads=threads)
        sums = [self.reduced(grad, dx) for dx in wanted if dx.shape != grad.shape]
        return BoundKernel(forward, tuple(in_turn([copies[thread], *sums[thread::threads]]) for thread in range(threads)))

    @staticmethod
    def reduced(grad: np.ndarray, dx: np.ndarray) -> Closure:
        """Sums over the axes along which an input was expanded."""
        axes = tuple(axis for axis, (a, b) in enumerate(zip(grad.shape, dx.shape, strict=True)) if b == 1 != a)
        return lambda: np.copyto(dx, sum_over(grad, axes, keepdims=True))


@kernel("multiply")
class Multiply(Kernel):
    """`multiply` of two arrays of one size; others are left to the op's own body."""

    def bind(self, site: BindContext) -> BoundKernel:
        (y,), (a, b, *more) = site.outputs, site.inputs
        if more or not a.shape == b.shape == y.shape:
            return super().bind(site)

        def product(first: np.ndarray, second: np.ndarray, target: np.ndarray) -> None:
            np.multiply(first, second, out=target)
        forward = in_pieces(site, product, a, b, y)
        if not site.training:
            return BoundKernel(forward)
        grad, (da, db), threads = site.grad_outputs[0], site.grad_inputs, threads_for(site, y.size)
        assert grad is not None
        jobs = [in_pieces(site, product, grad, other, dx, threads=threads)
                for other, dx in ((b, da), (a, db)) if dx is not None]
        return BoundKernel(forward, tuple(in_turn([job[thread] for job in jobs]) for thread in range(threads)))


@kernel("concat")
class Concat(Kernel):
    """`concat`."""

    def bind(self, site: BindContext) -> BoundKernel:
        (y,) = site.outputs
        threads = threads_for(site, y.size)
        jobs = [in_pieces(site, np.copyto, part, x, threads=threads)
                for part, x in zip(self.parts(site, y), site.inputs, strict=True)]
        forward = tuple(in_turn([job[thread] for job in jobs]) for thread in range(threads))
        if not site.training:
            return BoundKernel(forward)
        grad = site.grad_outputs[0]
        assert grad is not None
        jobs = [in_pieces(site, np.copyto, dx, part, threads=threads)
                for part, dx in zip(self.parts(site, grad), site.grad_inputs, strict=True) if dx is not None]
        return BoundKernel(forward, tuple(in_turn([job[thread] for job in jobs]) for thread in range(threads)))

    @staticmethod
    def parts(site: BindContext, whole: np.ndarray) -> list[np.ndarray]:
        """The parts of the joint array, one per input."""
        lengths = [x.shape[site.attrs["axis"]] for x in site.inputs]
        return np.split(whole, np.cumsum(lengths)[:-1], site.attrs["axis"])


@kernel("size_of")
class SizeOf(Kernel):
    """`size_of`: a constant."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (sizes,) = site.inputs, site.outputs
        return BoundKernel((partial(np.copyto, sizes, np.array(x.shape, sizes.dtype)),))
