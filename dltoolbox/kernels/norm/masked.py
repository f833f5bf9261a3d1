"""Batch normalisation with the statistics of what a mask shows: of sequences of several lengths, that are padded."""

from __future__ import annotations

from functools import partial

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, kernel
from dltoolbox.kernels.norm.blocks import Grid
from dltoolbox.kernels.norm.numpy_passes import BatchNormChain, NormPasses, attrs_of, bind_statistics


class MaskedPasses(NormPasses):
    """The passes with masked data, results and gradients."""

    def __init__(self, site: BindContext) -> None:
        x, order = site.inputs[0], site.case.orders[0]
        grid = Grid(x.shape, order)
        self.real = site.keep((*x.shape[:-2], 1, x.shape[-1]), order=order)  # the mask, as long as a channel
        flat = self.real.transpose(order).reshape(grid.outer, 1, grid.inner)
        self.masks = [flat[part].reshape((part.stop - part.start) // grid.repeats, grid.repeats, 1, grid.inner)
                      for part in grid.slices]
        super().__init__(site)

    @property
    def values(self) -> float:
        """How many numbers of a channel count."""
        return float(self.real.sum(dtype=np.float64))

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        np.copyto(self.real, self.site.inputs[3])
        super().measure(center, sums)

    def measuring(self, i: int, far: bool, buffer: np.ndarray) -> list[Closure]:
        less, block = self.less(i, far, buffer)
        return [*less, partial(np.multiply, block, self.masks[i], out=buffer), self.sums.plain(i, buffer),
                self.sums.product(i, buffer, buffer)]

    def masking(self, array: np.ndarray | None) -> list[Closure]:
        """Closures that multiply an array by the mask."""
        return [] if array is None else [partial(np.multiply, block, mask, out=block)
                                         for block, mask in zip(self.grid.blocks(array), self.masks, strict=True)]

    def _applying(self, far: bool) -> list[Closure]:
        return [*super()._applying(far), *self.masking(self.site.outputs[0])]

    def _collecting(self, far: bool) -> list[Closure]:
        return [*self.masking(self.site.grad_outputs[0]), *super()._collecting(far)]

    def _spreading(self, far: bool) -> list[Closure]:
        return [*super()._spreading(far), *self.masking(self.site.grad_inputs[0])]


@kernel("masked_batch_norm")
class MaskedBatchNorm(BatchNormChain):
    """`masked_batch_norm`."""

    def bind(self, site: BindContext) -> BoundKernel:
        passes = MaskedPasses(site)
        return bind_statistics(site, passes, attrs_of(site)["epsilon"], lambda: passes.values)
