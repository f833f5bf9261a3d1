"""Normalisation of every position by itself, over its channels: layer normalisation of sequences and of features.

Means over channels are products with a vector, sums over positions too: a product takes half the time of a sum along an
axis.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dltoolbox.kernels import memory_format
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, in_turn, kernel
from dltoolbox.kernels.blocking import cut
from dltoolbox.kernels.conv.im2col import by_row

MOST_POSITIONS = 1 << 11  # of a block: so few are added up in their own precision
BLOCK = 1 << 17  # elements of a block of several rows


def by_channel(x: np.ndarray) -> np.ndarray:
    """The view (rows, C, positions) of an array that lies in one of the two orders."""
    view = x[np.newaxis] if x.ndim == 2 else by_row(x)
    assert view is not None
    return view


def position_blocks(shape: tuple[int, ...]) -> list[tuple[slice, slice, slice]]:
    """Rows and positions that are worked on together."""
    rows, channels, length = shape
    if length > MOST_POSITIONS // 2:
        return [(slice(row, row + 1), slice(None), part) for row in range(rows) for part in cut(length, MOST_POSITIONS)]
    most = max(min(BLOCK // (channels * length), MOST_POSITIONS // length), 1)
    return [(part, slice(None), slice(None)) for part in cut(rows, most)]


@kernel("group_norm")
class NormByPosition(Kernel):
    """`group_norm` of all channels, at each position."""

    def accepts(self, case: KernelSpec) -> bool:
        return case.attrs["groups"] == 1 and (not case.attrs.get("spatial", True) or case.inputs[0].rank == 0)

    def bind(self, site: BindContext) -> BoundKernel:
        x, y, order = site.inputs[0], site.outputs[0], site.case.orders[0]
        if order not in (memory_format.rows_order(x.ndim), memory_format.channels_last_order(x.ndim)):
            return super().bind(site)
        if not x.size:
            clear = [partial(gradient.fill, 0) for gradient in site.grad_inputs if gradient is not None]
            return BoundKernel((lambda: None,), (in_turn(clear),) if site.training else ())
        normal = site.keep(x.shape, order=order) if site.training else y
        rows = by_channel(x)
        inverse = site.keep((rows.shape[0], 1, rows.shape[2])) if site.training else site.scratch(
            (rows.shape[0], 1, rows.shape[2]))
        forward = self.bind_forward(site, rows, by_channel(y), by_channel(normal), inverse)
        return BoundKernel((forward,), (self.bind_backward(site, by_channel(normal), inverse),) if site.training else ())

    def bind_forward(self, site: BindContext, x: np.ndarray, y: np.ndarray, normal: np.ndarray,
                     inverse: np.ndarray) -> Closure:
        _, scale, offset = site.inputs
        scales, offsets = scale.reshape(-1, 1), offset.reshape(-1, 1)
        mean = np.full((1, x.shape[1]), 1 / x.shape[1], x.dtype)
        epsilon = x.dtype.type(site.attrs["epsilon"])
        blocks = position_blocks(x.shape)
        squares, means = self.scratch(site, x, blocks), site.scratch((inverse.size,), x.dtype)
        steps: list[Closure] = []
        for block in blocks:
            of, to, out = x[block], normal[block], y[block]
            deviation, square, some = inverse[block[0], :, block[2]], squares(of), means[:of.shape[0] * of.shape[2]]
            middle = some.reshape(of.shape[0], 1, of.shape[2])
            steps += [
                partial(np.matmul, mean, of, middle), partial(np.subtract, of, middle, to),
                partial(np.matmul, mean, to, middle), partial(np.subtract, to, middle, to),  # once more: |mean| ≫ deviation
                partial(np.multiply, to, to, square), partial(np.matmul, mean, square, deviation),
                partial(np.add, deviation, epsilon, deviation), partial(np.sqrt, deviation, deviation),
                partial(np.reciprocal, deviation, deviation), partial(np.multiply, to, deviation, to),
                partial(np.multiply, to, scales, out), partial(np.add, out, offsets, out)]
        return in_turn(steps)

    def bind_backward(self, site: BindContext, normal: np.ndarray, inverse: np.ndarray) -> Closure:
        arriving, scale, (dx, d_scale, d_offset) = site.grad_outputs[0], site.inputs[1], site.grad_inputs
        assert arriving is not None
        grad, into = by_channel(arriving), None if dx is None else by_channel(dx)
        channels = normal.shape[1]
        share, scales = np.empty((1, channels), normal.dtype), scale.reshape(-1, 1)
        totals = np.zeros((2, channels, 1))
        ones = np.ones((max(normal.shape[2], 1), 1), normal.dtype)
        blocks = position_blocks(normal.shape)
        products, means = self.scratch(site, normal, blocks), site.scratch((inverse.size,), normal.dtype)
        steps: list[Closure] = [partial(np.multiply, scale.reshape(1, -1), normal.dtype.type(1 / channels), share),
                                partial(totals.fill, 0)]
        for block in blocks:
            g, n, deviation = grad[block], normal[block], inverse[block[0], :, block[2]]
            product, count = products(g), ones[:g.shape[2]]
            steps.append(partial(np.multiply, g, n, product))
            if d_scale is not None:
                steps.append(partial(add_positions, product, count, totals[0]))
            if d_offset is not None:
                steps.append(partial(add_positions, g, count, totals[1]))
            if into is not None:
                d, some = into[block], means[:g.shape[0] * g.shape[2]].reshape(g.shape[0], 1, g.shape[2])
                steps += [
                    partial(np.matmul, share, product, some), partial(np.multiply, n, some, product),
                    partial(np.matmul, share, g, some), partial(np.multiply, g, scales, d),
                    partial(np.subtract, d, product, d), partial(np.subtract, d, some, d),
                    partial(np.multiply, d, deviation, d)]
        for target, total in ((d_scale, totals[0]), (d_offset, totals[1])):
            if target is not None:
                steps.append(partial(np.copyto, target.reshape(-1, 1), total, casting="same_kind"))
        return in_turn(steps)

    @staticmethod
    def scratch(site: BindContext, x: np.ndarray, blocks: list[tuple[slice, slice, slice]]
                ) -> Callable[[np.ndarray], np.ndarray]:
        """Room for what is found of a block, that lies as the block does."""
        tall = x.strides[1] < x.strides[2]
        room = site.scratch((max(x[block].size for block in blocks),), x.dtype)

        def like(block: np.ndarray) -> np.ndarray:
            rows, channels, length = block.shape
            part = room[:block.size]
            return part.reshape(rows, length, channels).swapaxes(1, 2) if tall else part.reshape(block.shape)
        return like


def add_positions(x: np.ndarray, ones: np.ndarray, total: np.ndarray) -> None:
    """Add the sums over positions to a total in double."""
    total += np.matmul(x, ones).sum(0, dtype=np.float64)
