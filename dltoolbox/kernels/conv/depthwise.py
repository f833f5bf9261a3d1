"""Channel-wise convolution, one filter per channel, by taps: every tap is one product with a number per channel, added up.

There is too little work per element for products of matrices. Rows are done in blocks, so that what a tap adds to is still
in cache for the next one; padding is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, in_turn, kernel
from dltoolbox.kernels.blocking import cut, shares
from dltoolbox.kernels.conv.conv import bind_empty, sum_channels
from dltoolbox.kernels.valid_range import starting_at, taps

PRODUCT_BYTES = 1 << 17  # of a block's products


class TapPart(NamedTuple):
    """Input and output of one tap in one block of output rows."""

    number: int
    inputs: tuple[slice, ...]
    outputs: tuple[slice, ...]
    products: np.ndarray


@kernel("grouped_conv")
class ChannelwiseKernel(Kernel):
    """`grouped_conv` with one channel and one filter per group."""

    def accepts(self, case: KernelSpec) -> bool:
        return tuple(case.inputs[1].sizes[-3:-1]) == (1, 1)

    def bind(self, site: BindContext) -> BoundKernel:
        if not site.outputs[0].size or not site.inputs[0].size:
            return bind_empty(site)
        count = len(site.outputs[0])
        forward = [in_turn(self.forward(site, rows)) for rows in shares(count, min(count, site.case.threads))]
        return BoundKernel(tuple(forward), (in_turn(self.backward(site)),) if site.training else ())

    def forward(self, site: BindContext, rows: slice) -> list[Closure]:
        x, weights, bias = site.inputs
        y, factors = site.outputs[0], weights.reshape(-1, weights.shape[-1], 1)
        steps: list[Closure] = []
        for block, parts in self.blocks(site, rows):
            steps.append(partial(np.copyto, y[block], bias.reshape(-1, 1)))
            for part in parts:
                target = y[part.outputs]
                steps += [partial(np.multiply, x[part.inputs], factors[part.number], part.products),
                          partial(np.add, target, part.products, target)]
        return steps

    def backward(self, site: BindContext) -> list[Closure]:
        x, weights, _ = site.inputs
        (dx, dw, db), grad = site.grad_inputs, site.grad_outputs[0]
        assert grad is not None
        factors = weights.reshape(-1, weights.shape[-1], 1)
        sums = None if dw is None else site.scratch((len(factors), dw.shape[-1]), np.float64)
        total = site.scratch((weights.shape[-1],), np.float64)
        steps: list[Closure] = [partial(gradient.fill, 0) for gradient in (dx, sums) if gradient is not None]
        axes = (*range(x.ndim - 2), x.ndim - 1)
        for _, parts in self.blocks(site, slice(0, len(grad))):
            for part in parts:
                dy, products = grad[part.outputs], part.products
                if dx is not None:
                    target = dx[part.inputs]
                    steps += [partial(np.multiply, dy, factors[part.number], products),
                              partial(np.add, target, products, target)]
                if sums is not None:
                    at = sums[part.number]
                    steps += [partial(np.multiply, dy, x[part.inputs], products),
                              partial(np.add.reduce, products, axis=axes, dtype=np.float64, out=total),
                              partial(np.add, at, total, at)]
        if dw is not None and sums is not None:
            steps.append(partial(np.copyto, dw.reshape(sums.shape), sums))
        return steps + ([] if db is None else sum_channels(site, grad, db))

    def blocks(self, site: BindContext, rows: slice) -> Iterator[tuple[slice, list[TapPart]]]:
        """Blocks of output rows with their taps; all of them share the buffer for products."""
        window, y, spatial = site.attrs["window"], site.outputs[0], site.inputs[0].shape[:-2]
        parts = cut(rows, PRODUCT_BYTES // y[0].nbytes)
        longest = max(part.stop - part.start for part in parts)
        buffer = site.scratch((longest, *y.shape[1:]), order=self.orders(site.case)[0])
        for block in parts:
            out = (block.stop - block.start, *y.shape[1:-2])
            yield block, [
                TapPart(tap.number, tap.inputs,
                        (slice(tap.outputs[0].start + block.start, tap.outputs[0].stop + block.start), *tap.outputs[1:]),
                        buffer[tuple(slice(rows.stop - rows.start) for rows in tap.outputs)])
                for tap in taps(starting_at(window, block.start), spatial, out)
                if all(rows.start < rows.stop for rows in tap.outputs)]
