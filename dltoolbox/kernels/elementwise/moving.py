"""Kernels that only move elements: one copy between two views, whatever the memory orders are."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from math import prod

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Kernel, KernelSpec, in_turn, kernel
from dltoolbox.kernels.blocking import copying
from dltoolbox.kernels.elementwise.arithmetic import backward_pair
from dltoolbox.kernels.memory_format import Order, channels_last_order
from dltoolbox.ops import OPS
from dltoolbox.ops.base import ghost
from dltoolbox.ops.sequences.embedding import columns_at

Views = tuple[np.ndarray, np.ndarray]


class Moved(Kernel):
    """Each element of the input goes to one place of the output."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,) = site.inputs, site.outputs
        source, target = self.matched(site.case, x, y)
        forward = (copying(target, source),)
        if not site.training:
            return BoundKernel(forward)
        grad, dx = backward_pair(site)
        source, target = self.matched(site.case, dx, grad)
        return BoundKernel(forward, (copying(source, target),))

    def matched(self, case: KernelSpec, x: np.ndarray, y: np.ndarray) -> Views:
        """Views of an array of the input's size and one of the output's, with the same elements in the same places."""
        raise NotImplementedError


@kernel("permute")
class Permute(Moved):
    """`permute`."""

    def matched(self, case: KernelSpec, x: np.ndarray, y: np.ndarray) -> Views:
        return x.transpose(*case.attrs["order"], x.ndim - 1), y


@kernel("channel_shuffle")
class ChannelShuffle(Moved):
    """`channel_shuffle`."""

    def matched(self, case: KernelSpec, x: np.ndarray, y: np.ndarray) -> Views:
        groups, (*spatial, channels, batch) = case.attrs["groups"], x.shape
        return (x.reshape(*spatial, groups, channels // groups, batch).swapaxes(-3, -2),
                y.reshape(*spatial, channels // groups, groups, batch))


@kernel("reshape", "flatten")
class Reshape(Moved):
    """`reshape` and `flatten`, where the sizes before and after are products of the same smaller ones."""

    def accepts(self, case: KernelSpec) -> bool:
        return common_sizes(case.inputs[0].shape[:-1], case.outputs[0].shape[:-1]) is not None

    def matched(self, case: KernelSpec, x: np.ndarray, y: np.ndarray) -> Views:
        sizes = common_sizes(x.shape[:-1], y.shape[:-1])
        assert sizes is not None
        return x.reshape(*sizes, x.shape[-1], order="F"), y.reshape(*sizes, y.shape[-1], order="F")


@kernel("crop")
class Cropped(Moved):
    """`crop`; the gradient is 0 around the part."""

    def bind(self, site: BindContext) -> BoundKernel:
        bound = super().bind(site)
        if not site.training:
            return bound
        clear = partial(backward_pair(site)[1].fill, 0)
        return bound._replace(backward=tuple(in_turn([clear, way]) for way in bound.backward))

    def matched(self, case: KernelSpec, x: np.ndarray, y: np.ndarray) -> Views:
        return x[tuple(slice(a, a + n) for a, n in zip(case.attrs["start"], case.attrs["to"], strict=True))], y


@kernel("position_sinusoid")
class Waves(Kernel):
    """`position_sinusoid`: the same in every run, so that is copied."""

    def bind(self, site: BindContext) -> BoundKernel:
        (x,), (y,), op = site.inputs, site.outputs, OPS[self.op]
        table = op.forward(ghost(x[..., :1]), **site.attrs)
        return BoundKernel((copying(y, np.broadcast_to(table, y.shape)),))


@kernel("embed")
class Embed(Kernel):
    """`embed` as whole rows of the table, which lies word by word in memory, as the vectors do that come out: to turn them
    takes six times as long as to look them up.
    """

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return (channels_last_order(len(case.outputs[0].sizes)),)

    def bind(self, site: BindContext) -> BoundKernel:
        (x, weights), (y,), plain = site.inputs, site.outputs, super().bind(site)
        if 1 in site.computed or not y.size:
            return plain
        table, attrs = site.shared(weights.shape[::-1]), site.attrs
        steps = np.moveaxis(y, -2, -1)  # the channels behind all others
        found = steps if steps.flags.c_contiguous else site.scratch(steps.shape)

        def forward() -> None:
            at = columns_at(x, len(table), attrs.get("first", 1), attrs["known"], attrs.get("refusal"))
            np.take(table, at, axis=0, out=found, mode="clip")
            if found is not steps:
                np.copyto(steps, found)
        return BoundKernel((forward,), plain.backward, lambda: np.copyto(table, weights.T))


def common_sizes(first: tuple[int, ...], second: tuple[int, ...]) -> list[int] | None:
    """Sizes of which neighbours make up those of either array, column-major: splitting an axis needs no copy.

    None where an axis of one ends within an axis of the other, and where there are no elements.
    """
    if 0 in first:
        return None
    ends = sorted({prod(sizes[:n]) for sizes in (first, second) for n in range(len(sizes) + 1)})
    steps = [(small, large) for small, large in pairwise(ends)]
    return [large // small for small, large in steps] if all(large % small == 0 for small, large in steps) else None
