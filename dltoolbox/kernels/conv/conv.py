"""Convolution in any number of dimensions, with any stride, padding and dilation, as few large matrix products.

Nothing is stored for the gradients. Where the stride is 1, that of the input is a convolution of the arriving gradient
with turned filters, and that of the weights a product with the same columns, which are made once for both. Otherwise
that of the weights makes the columns of the input again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dltoolbox.core.geometry import Window
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.blocking import shares
from dltoolbox.kernels.conv.adjoint import Adjoint, bind_adjoint, by_windows
from dltoolbox.kernels.conv.epilogue import EPILOGUES, Ending, window_of
from dltoolbox.kernels.conv.gemm import ONES_PAY, Channels, Finish, PackedFilters, Sum, multiply_columns
from dltoolbox.kernels.conv.im2col import Columns, Image, RowBlock, by_row, expand, is_tall
from dltoolbox.kernels.conv.im2col_3d import bind_line_weights, bind_lines, suit
from dltoolbox.kernels.conv.large_filters import bind_row_weights, bind_rows, large
from dltoolbox.ops.base import BOTH, IN

PreparedBands = tuple[list[Closure], list[list[Closure]]]  # steps that prepare, and per band of rows those that write it


def special_form(window: Window, source: np.ndarray, target: np.ndarray) -> Callable[..., PreparedBands] | None:
    """The kernel for a convolution whose columns are too large to be made at once."""
    return bind_lines if suit(window, source, target) else bind_rows if large(window, source, target) else None


def bind_correlate(site: BindContext, source: np.ndarray, target: np.ndarray, weights: np.ndarray, bias: np.ndarray,
                   window: Window, relu: bool) -> PreparedBands:
    """Steps that prepare, and per thread those that write Σ over taps and channels of w[tap, c, k]·x[s·position + tap, c, n]
    plus bias to ``target``."""
    out, prepare, bands = target.shape[:window.rank], [], []
    matrix: np.ndarray | None = None
    parts = shares(out[0], min(out[0], site.case.threads))
    special = special_form(window, source, target)
    if special is not None:
        return special(site, source, target, weights, bias, window, parts, relu)
    for band in parts:
        columns = expand(site, source, window, out, band, ones=weights.size <= ONES_PAY)
        image = Image(site, target, columns.longest)
        if matrix is None:
            finish = Finish(site, None if columns.ones else bias, 1, relu)
            matrix, prepared = arranged_filters(site, columns, weights, bias, is_tall(image.write(slice(0, 1))[0]))
            prepare = [*prepared, *finish.prepare]
        steps = list(columns.start)
        for block in columns.blocks:
            view, after = image.write(block.rows)
            steps += [*block.fill, multiply_columns(matrix, block.columns, view), *finish.steps(view), *after]
        bands.append(steps)
    return prepare, bands


def arranged_filters(site: BindContext, columns: Columns, weights: np.ndarray, bias: np.ndarray, tall: bool
                     ) -> tuple[np.ndarray, list[Closure]]:
    """The matrix (K, depth) of a convolution, and how it is prepared; the weights themselves where they lie so."""
    if tall and not columns.ones:
        return weights.reshape(-1, weights.shape[-1]).T, []
    filters = PackedFilters(site, weights.shape, lambda target: [partial(np.copyto, target, weights)], columns.parts,
                            columns.ones, bias, tall)
    return filters.matrix, filters.prepare


def bind_weights(site: BindContext, source: np.ndarray, grad: np.ndarray, window: Window, weights: np.ndarray
                 ) -> list[Closure]:
    """Steps that write Σ over positions and observations of x·yᵀ per tap."""
    if suit(window, source, grad):
        return bind_line_weights(site, source, grad, window, weights)
    if large(window, source, grad):
        return bind_row_weights(site, source, grad, window, weights)
    columns = expand(site, source, window, grad.shape[:window.rank])
    product = WithImage(site, columns, grad)
    steps = list(columns.start)
    for block in columns.blocks:
        steps += [*block.fill, *product.add(block)]
    return [*steps, product.sum.give(weights)]


class WithImage:
    """The sum of products of columns with blocks of an image."""

    def __init__(self, site: BindContext, columns: Columns, other: np.ndarray) -> None:
        self.image = Image(site, other, columns.longest)
        view = self.image.read(slice(0, 1))[1]
        tall = is_tall(columns.blocks[0].columns), is_tall(view)
        self.sum = Sum(site, columns, view.shape[1], view.shape[2], tall)

    def add(self, block: RowBlock) -> list[Closure]:
        before, view = self.image.read(block.rows)
        return [*before, *self.sum.add(block.columns, view, first=block.rows.start == 0)]


def sum_channels(site: BindContext, grad: np.ndarray, bias: np.ndarray) -> list[Closure]:
    """Steps that write the gradient of the bias."""
    view = by_row(grad)
    if view is None:
        return [partial(np.sum, grad, axis=(*range(grad.ndim - 2), grad.ndim - 1), out=bias.reshape(-1))]
    channels = Channels(site, view)
    return [channels.add(slice(0, len(view))), channels.give(bias)]


def no_work() -> None:
    """The closure of a batch without observations."""


def bind_empty(site: BindContext) -> BoundKernel:
    """Nothing comes in: the gradients of the parameters are zero."""
    clear = [partial(gradient.fill, 0) for gradient in site.grad_inputs if gradient is not None]
    return BoundKernel((no_work,), (in_turn(clear),) if site.training else ())


def prepared(steps: list[Closure]) -> Closure | None:
    return in_turn(steps) if steps else None


@kernel("conv", *EPILOGUES)
class ConvKernel(Kernel):
    """`conv`, alone or with what follows it. A normalisation with stored statistics disappears into the filters."""

    def accepts(self, case: KernelSpec) -> bool:
        return "batch_norm_inference" not in self.op or not any(case.needs_input_grad)

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH if self.op == "conv+relu" else IN

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return (case.preferred_order(case.outputs[0]),)

    def bind(self, site: BindContext) -> BoundKernel:
        if not site.outputs[0].size or not site.inputs[0].size:
            return bind_empty(site)
        window, ending = window_of(site), Ending(site)
        prepare = [] if ending.prepare is None else [ending.prepare]
        more, bands = self.bind_forward(site, window, ending)
        prepare += more
        backward: tuple[Closure, ...] = ()
        if site.training:
            more, steps = self.bind_backward(site, window, ending)
            prepare, backward = prepare + more, (in_turn(steps),)
        return BoundKernel(tuple(map(in_turn, bands)), backward, prepared(prepare))

    def bind_forward(self, site: BindContext, window: Window, ending: Ending) -> PreparedBands:
        """Steps that prepare, and per thread those that write the output."""
        return bind_correlate(site, site.inputs[0], site.outputs[0], ending.weights, ending.bias, window, ending.relu)

    def bind_backward(self, site: BindContext, window: Window, ending: Ending) -> tuple[list[Closure], list[Closure]]:
        """Steps that prepare, and those that write the gradients."""
        x, weights = site.inputs[:2]
        grad, (dx, dw, db) = site.grad_outputs[0], site.grad_inputs[:3]
        assert grad is not None
        prepare: list[Closure] = []
        steps = list(ending.gate(site))
        adjoint = Adjoint(window, x.shape[:window.rank])
        special = special_form(adjoint.window, grad, dx) if dx is not None and adjoint.simple else None
        if dx is not None and special is not None:
            prepare, bands = special(site, grad, dx, adjoint.turn(weights), None, adjoint.window, [slice(0, len(dx))])
            steps += bands[0]
        elif dx is not None:
            sums: list[WithImage] = []

            def also(columns: Columns) -> Callable[[RowBlock], list[Closure]]:
                sums.append(WithImage(site, columns, x))
                return sums[0].add
            shared = adjoint.simple and dw is not None and not by_windows(window, grad, dx)
            prepare, more = bind_adjoint(site, grad, dx, weights, None, window, also if shared else None)
            steps += more
            if sums and dw is not None:
                steps.append(sums[0].sum.give(adjoint.turn(dw)))
                dw = None
        if dw is not None:
            steps += bind_weights(site, x, grad, window, dw)
        if db is not None:
            steps += sum_channels(site, grad, db)
        return prepare, steps


@kernel("conv_transposed")
class ConvTransposedKernel(Kernel):
    """`conv_transposed`: the same three products, in other parts. The gradients share the columns of what arrives."""

    orders = ConvKernel.orders

    def bind(self, site: BindContext) -> BoundKernel:
        if not site.outputs[0].size or not site.inputs[0].size:
            return bind_empty(site)
        x, weights, bias = site.inputs
        window = site.attrs["window"]
        prepare, steps = bind_adjoint(site, x, site.outputs[0], weights, bias, window)
        backward: tuple[Closure, ...] = ()
        if site.training:
            more, back = self.bind_backward(site, x, weights, window)
            prepare, backward = prepare + more, (in_turn(back),)
        return BoundKernel((in_turn(steps),), backward, prepared(prepare))

    def bind_backward(self, site: BindContext, x: np.ndarray, weights: np.ndarray, window: Window
                      ) -> tuple[list[Closure], list[Closure]]:
        grad, (dx, dw, db) = site.grad_outputs[0], site.grad_inputs
        assert grad is not None
        columns = expand(site, grad, window, x.shape[:window.rank])
        prepare: list[Closure] = []
        steps = list(columns.start)
        target = None if dx is None else Image(site, dx, columns.longest)
        if target is not None:
            matrix, prepare = arranged_filters(site, columns, weights, weights, is_tall(target.write(slice(0, 1))[0]))
        product = None if dw is None else WithImage(site, columns, x)
        for block in columns.blocks:
            steps += block.fill
            if target is not None:
                view, after = target.write(block.rows)
                steps += [multiply_columns(matrix, block.columns, view), *after]
            if product is not None:
                steps += product.add(block)
        if product is not None and dw is not None:
            steps.append(product.sum.give(dw))
        if db is not None:
            steps += sum_channels(site, grad, db)
        return prepare, steps
