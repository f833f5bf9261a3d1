"""Kernels with numbers of a channel, or of another part of the map, which expand against it: PReLU, scaling, and undoing a
normalisation."""

from __future__ import annotations

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, in_turn, kernel
from dltoolbox.kernels.elementwise.arithmetic import backward_pair, expanded, in_pieces
from dltoolbox.kernels.memory_format import inverse, order_of
from dltoolbox.ops.activation import undoing, with_trailing_axes
from dltoolbox.ops.arithmetic import reduce_to


def at_each_place(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The numbers at each place of ``x``, without a copy; contiguous where there is one number for all."""
    return np.broadcast_to(with_trailing_axes(values, x), x.shape)


class Places:
    """Numbers that expand against the first input, written out for the passes of NumPy or of a compiled loop. Where another
    step computes them, they stay as they are.
    """

    def __init__(self, site: BindContext, number: int, compiled: str) -> None:
        x = site.inputs[0]
        self.values = self.tile = with_trailing_axes(site.inputs[number], x)
        if number in site.computed or not x.size:
            return
        order = order_of(x)
        shape = expanded([self.values], x, order, bool(compiled))
        self.tile = site.shared([shape[axis] for axis in order]).transpose(inverse(order))

    def write(self) -> None:
        if self.tile is not self.values:
            np.copyto(self.tile, self.values)


def adding_up(terms: np.ndarray, like: np.ndarray, target: np.ndarray) -> Closure:
    """Adds up what belongs to each number of ``like``."""
    shape = with_trailing_axes(like, terms).shape
    return lambda: np.copyto(target, reduce_to(terms, shape).reshape(target.shape))


def room_like(site: BindContext, x: np.ndarray) -> np.ndarray:
    """Scratch that lies as ``x`` does."""
    return site.scratch(x.shape, order=order_of(x))


@kernel("prelu")
class PRelu(Kernel):
    """`prelu` as the larger or the smaller of x and alpha·x where one of them fits all alpha; else max(x, 0) +
    alpha·min(x, 0)."""

    def bind(self, site: BindContext) -> BoundKernel:
        slopes = Places(site, 1, self.accelerator)
        return BoundKernel(self.ahead(site, slopes.tile), self.gradients(site) if site.training else (), slopes.write)

    def ahead(self, site: BindContext, slopes: np.ndarray) -> tuple[Closure, ...]:
        (x, alpha), (y,) = site.inputs, site.outputs
        bend: list[np.ufunc | None] = [None]

        def look() -> None:
            low, high = alpha.min(initial=1), alpha.max(initial=1)
            bend[0] = np.maximum if low > 0 and high <= 1 else np.minimum if low >= 1 and high < np.inf else None

        def forward(x: np.ndarray, slope: np.ndarray, y: np.ndarray, below: np.ndarray) -> None:
            if bend[0] is not None:
                np.multiply(x, slope, out=y)
                bend[0](x, y, out=y)
                return
            np.clip(x, -np.inf, 0, out=below)
            np.multiply(below, slope, out=below)
            np.clip(x, 0, np.inf, out=y)
            np.add(y, below, out=y)
        ways = in_pieces(site, forward, x, np.broadcast_to(slopes, x.shape), y, temporaries=[x.dtype])
        return tuple(in_turn([look, way]) for way in ways)

    def gradients(self, site: BindContext) -> tuple[Closure, ...]:
        (x, alpha), (dx, dalpha), grad = site.inputs, site.grad_inputs, site.grad_outputs[0]
        assert grad is not None

        def of_data(x: np.ndarray, slope: np.ndarray, grad: np.ndarray, dx: np.ndarray, above: np.ndarray,
                    factor: np.ndarray) -> None:
            np.greater(x, 0, out=above)
            np.subtract(1, slope, out=factor)
            np.multiply(factor, above, out=factor)
            np.add(factor, slope, out=factor)
            np.multiply(grad, factor, out=dx)

        def of_alpha(x: np.ndarray, grad: np.ndarray, term: np.ndarray) -> None:
            np.clip(x, -np.inf, 0, out=term)
            np.multiply(term, grad, out=term)
        steps: list[Closure] = []
        if dalpha is not None:
            terms = room_like(site, x)
            steps += [*in_pieces(site, of_alpha, x, grad, terms, threads=1), adding_up(terms, alpha, dalpha)]
        if dx is not None:
            steps += in_pieces(site, of_data, x, at_each_place(alpha, x), grad, dx, temporaries=[np.bool_, x.dtype],
                               threads=1)
        return (in_turn(steps),)


class ScaleAndAdd(Kernel):
    """Forward as x·factors + terms."""

    def ahead(self, site: BindContext, factors: np.ndarray, terms: np.ndarray) -> tuple[Closure, ...]:
        x, (y,) = site.inputs[0], site.outputs

        def forward(x: np.ndarray, scale: np.ndarray, bias: np.ndarray, y: np.ndarray) -> None:
            np.multiply(x, scale, out=y)
            np.add(y, bias, out=y)
        return in_pieces(site, forward, x, *(np.broadcast_to(part, x.shape) for part in (factors, terms)), y)


@kernel("affine")
class Affine(ScaleAndAdd):
    """`affine`."""

    def bind(self, site: BindContext) -> BoundKernel:
        factors, terms = (Places(site, number, self.accelerator) for number in (1, 2))
        return BoundKernel(self.ahead(site, factors.tile, terms.tile), self.gradients(site) if site.training else (),
                           in_turn([factors.write, terms.write]))

    def gradients(self, site: BindContext) -> tuple[Closure, ...]:
        (x, scale, bias), (dx, dscale, dbias), grad = site.inputs, site.grad_inputs, site.grad_outputs[0]
        assert grad is not None

        def product(grad: np.ndarray, by: np.ndarray, target: np.ndarray) -> None:
            np.multiply(grad, by, out=target)
        steps: list[Closure] = []
        if dscale is not None:
            terms = room_like(site, x)
            steps += [*in_pieces(site, product, grad, x, terms, threads=1), adding_up(terms, scale, dscale)]
        if dbias is not None:
            steps.append(adding_up(grad, bias, dbias))
        if dx is not None:
            steps += in_pieces(site, product, grad, at_each_place(scale, x), dx, threads=1)
        return (in_turn(steps),)


@kernel("undo_normalise")
class UndoNormalise(ScaleAndAdd):
    """`undo_normalise` as x·factor + shift, prepared from the statistics: their difference in double, so that nothing
    cancels where the values are far from zero."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x, *statistics), kind = site.inputs, site.attrs["kind"]
        order, seen = order_of(x), [with_trailing_axes(statistic, x) for statistic in statistics]
        shape = expanded(seen, x, order, bool(self.accelerator)) if x.size else np.broadcast_shapes(*(s.shape for s in seen))
        factor, shift = (site.shared([shape[axis] for axis in order], x.dtype).transpose(inverse(order)) for _ in range(2))

        def prepare() -> None:
            found = undoing(kind, *(statistic.astype(np.float64) for statistic in seen))
            for array, values in zip((factor, shift), found, strict=True):
                np.copyto(array, values, casting="unsafe")

        def backward(grad: np.ndarray, factor: np.ndarray, dx: np.ndarray) -> None:
            np.multiply(grad, factor, out=dx)
        ways = self.ahead(site, factor, shift)
        if not site.training:
            return BoundKernel(ways, prepare=prepare)
        grad, dx = backward_pair(site)
        return BoundKernel(ways, in_pieces(site, backward, grad, np.broadcast_to(factor, x.shape), dx), prepare)
