"""3×3 convolution of stride 1 by Winograd's minimal filtering: per output and pair of channels 2.25 multiplications (tiles
of 4×4) or 4 (2×2) instead of 9, at the price of a little rounding (about 1e-5 or 1e-6 of the largest output).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import ClassVar

import numpy as np

from dltoolbox.core.geometry import Pair, Window
from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, Order, in_turn, kernel
from dltoolbox.kernels.conv.epilogue import EPILOGUES, Ending, window_of
from dltoolbox.kernels.winograd.batch_inner import BatchInnerLayout
from dltoolbox.kernels.winograd.channels_last import ChannelsLast
from dltoolbox.kernels.winograd.passes import BandLayout, Correlation, WeightsCorrelation, rank_parts
from dltoolbox.kernels.winograd.transforms import TILES, Pass, WinogradTile, pooled, transformed, turned
from dltoolbox.ops.base import BOTH, IN

WIDEST = 32  # columns of an image: banded matrices are mostly zeros beyond, and cost more than few channels save
FEWEST_WINOGRAD_CHANNELS = 32
FEWEST_POSITIONS = 64  # positions times batch


def is_in_rows(case: KernelSpec) -> bool:
    """Whether the output of this convolution had better lie in rows."""
    return case.preferred_order(case.outputs[0]) == BatchInnerLayout.order


def thinnest(case: KernelSpec) -> int:
    """The smaller of the numbers of channels and filters."""
    return min(case.inputs[0].channels or 0, case.outputs[0].channels or 0)


def is_narrow(case: KernelSpec) -> bool:
    """Whether images are so narrow beside the channels that one banded matrix transforms all their columns."""
    width = max(case.inputs[0].spatial[1], case.outputs[0].spatial[1])
    return width <= min(WIDEST, thinnest(case) // 4)


@kernel("conv", *EPILOGUES)
class WinogradConv(Kernel):
    """`conv` with 3×3 filters of stride 1 in single precision, many channels and images that are not tiny."""

    tile: ClassVar[WinogradTile] = TILES[2]
    layout: ClassVar[BandLayout] = ChannelsLast()

    def accepts(self, case: KernelSpec) -> bool:
        return self.fits(case) and (not is_in_rows(case) or (thinnest(case) >= 64 and not is_narrow(case)))

    def fits(self, case: KernelSpec) -> bool:
        """Whether the algorithm serves this convolution at all."""
        x, weights = case.inputs[0], case.inputs[1]
        window = window_of(case)
        if (window.size, window.stride, window.dilation) != ((3, 3), (1, 1), (1, 1)) or case.dtype != np.float32:
            return False
        out = window.output(x.spatial)
        return (min(out) >= 1 and min(x.channels or 0, weights.sizes[-1] or 0) >= FEWEST_WINOGRAD_CHANNELS
                and prod(out) * (x.batch or 0) >= FEWEST_POSITIONS)

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH if self.op.endswith("relu") else IN

    def orders(self, case: KernelSpec) -> tuple[Order, ...]:
        return tuple(self.layout.order for _ in case.outputs)

    def correlations(self, x: np.ndarray, filters: np.ndarray, y: np.ndarray, padding: Sequence[Pair], threads: int = 1,
                     ending: Ending | None = None) -> list[Pass]:
        """Convolution of ``x`` with transformed filters into ``y``: a pass per thread."""
        return [Correlation(self.layout, self.tile, x, filters, y, padding, part, ending)
                for part in rank_parts(-(-len(y) // self.tile.size), y.shape[2], filters.shape[-1], threads)]

    def bind(self, site: BindContext) -> BoundKernel:
        window, ending = window_of(site), Ending(site)
        filters, prepare_parallel = transformed(site, self.tile, ending.weights)
        forward = self.correlations(site.inputs[0], filters, site.outputs[0], window.padding, site.case.threads, ending)
        backward = self._backward(site, window, ending, prepare_parallel) if site.training else []
        first, *closures = pooled(site, [forward[0], *backward])
        others = [pooled(site, [step])[0] for step in forward[1:]]
        together = (in_turn([*ending.gate(site), *closures]),) if site.training else ()
        return BoundKernel((first, *others), together, ending.prepare, prepare_parallel=tuple(prepare_parallel))

    def _backward(self, site: BindContext, window: Window, ending: Ending, prepare_parallel: list[Closure]) -> list[Pass]:
        """Passes that come after one another; adds to what threads prepare together."""
        x, grad, (d_x, d_weights, d_bias) = site.inputs[0], site.grad_outputs[0], site.grad_inputs[:3]
        assert grad is not None
        passes: list[Pass] = []
        if d_weights is not None or d_bias is not None:
            passes.append(WeightsCorrelation(self.layout, self.tile, x, grad, window.padding, d_weights, d_bias))
        if d_x is not None:
            filters, more = turned(site, self.tile, ending.weights)
            prepare_parallel += more
            passes += self.correlations(grad, filters, d_x, [(2 - before, 2 - after) for before, after in window.padding])
        return passes


@kernel(*WinogradConv.ops)
class FastWinogradConv(WinogradConv):
    """The same with tiles of 4×4: fewer products, ten times the rounding."""

    tile = TILES[4]

    def accepts(self, case: KernelSpec) -> bool:
        return case.precision == "fast" and super().accepts(case)


@kernel(*WinogradConv.ops)
class WinogradRowsConv(WinogradConv):
    """The same for large batches of small images, which lie in rows."""

    layout = BatchInnerLayout()

    def accepts(self, case: KernelSpec) -> bool:
        return self.fits(case) and case.threads == 1 and is_in_rows(case) and is_narrow(case)


@kernel(*WinogradConv.ops)
class FastWinogradRowsConv(WinogradRowsConv):
    """The same with tiles of 4×4."""

    tile = TILES[4]

    def accepts(self, case: KernelSpec) -> bool:
        return case.precision == "fast" and super().accepts(case)
