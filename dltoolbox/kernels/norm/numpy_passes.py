"""Batch normalisation in two passes over blocks that stay in cache, and what follows it in the same passes.

Sums are taken in the data's precision over short stretches and in float64 over those. Where the mean of a channel is far
from zero compared with its deviation, they are taken again of the input less the mean, so nothing is lost to
cancellation. Sums are met over the shards of a batch; decisions are taken from what was met, so all shards agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from dltoolbox.kernels.base import BindContext, BoundKernel, Closure, Kernel, KernelSpec, bind_plain, kernel
from dltoolbox.kernels.norm.blocks import Grid, Sums, run
from dltoolbox.ops.base import BOTH, IN, OPS, Attributes

FAR_MEAN = 10.0  # mean² over the variance beyond which the mean is subtracted before anything else


def is_far(mean: np.ndarray, variance: np.ndarray) -> bool:
    return bool((mean * mean > FAR_MEAN * variance).any())


class Passes(Protocol):
    """The passes over the data that a batch normalisation consists of; vectors have one number per channel, in double.

    ``center`` is subtracted from the input first, where it is not None.
    """

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        """``sums`` = Σ x, Σ x². The first call of a run has no center."""

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        """y = factor·x + constant, and what follows in the chain."""

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        """``sums`` = Σ g, Σ g·x for the gradient g that arrives at the normalisation, which is kept for `spread`."""

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        """dx = factor·(g + tilt·x + constant)."""


def bind_statistics(site: BindContext, passes: Passes, epsilon: float,
                    values: Callable[[], float] | None = None) -> BoundKernel:
    """A batch normalisation made of its passes: the mathematics per channel, and the meetings of the shards.

    The last two outputs are the mean and the biased variance; inputs 1 and 2 are scale and offset. ``values`` tells, after
    the first pass, how many numbers of a channel count; all by default.
    """
    channels = site.inputs[0].shape[-2]
    scale, offset = (array.reshape(-1) for array in site.inputs[1:3])
    mean_out, variance_out = (array.reshape(-1) for array in site.outputs[-2:])
    kept = site.keep((3, channels), np.float64)  # center, what is left of the mean, 1/√(variance + ε)
    count = site.keep((2,), np.float64)  # elements per channel of the whole batch; whether the center is subtracted
    sums = np.empty((3, channels))
    everything = site.inputs[0].size // channels

    def forward() -> None:
        mean, variance, far = met_moments(site, passes, sums, values or (lambda: everything))
        mean_out[...], variance_out[...] = mean, variance
        center, left, inverse = kept
        center[...] = mean_out if far else 0
        np.subtract(mean, center, out=left)
        np.divide(1, np.sqrt(variance + epsilon), out=inverse)
        count[0], count[1] = sums[2, 0], far
        factor = scale * inverse
        passes.apply(center if far else None, factor, offset - left * factor)

    def backward() -> None:
        center, left, inverse = kept
        middle = center if count[1] else None
        passes.collect(middle, sums[:2])
        d_scale, d_offset = site.grad_inputs[1:3]
        if d_scale is not None:
            d_scale.reshape(-1)[...] = (sums[1] - left * sums[0]) * inverse
        if d_offset is not None:
            d_offset.reshape(-1)[...] = sums[0]
        if site.grad_inputs[0] is None:
            return
        site.all_reduce(sums)
        sums[:2] /= count[0]
        tilt = inverse * inverse * (left * sums[0] - sums[1])
        passes.spread(middle, scale * inverse, tilt, -sums[0] - left * tilt)

    return BoundKernel((forward,), (backward,) if site.training else ())


def met_moments(site: BindContext, passes: Passes, sums: np.ndarray,
                values: Callable[[], float]) -> tuple[np.ndarray, np.ndarray, bool]:
    """Mean and variance of the whole batch, and whether the mean is far from zero: sums are then taken again around it, so
    that nothing is lost. All shards see the same sums, and take the same way.
    """
    center: np.ndarray | None = None
    for _ in range(3):
        passes.measure(center, sums[:2])
        sums[2] = values()
        site.all_reduce(sums)
        rest, variance = sums[:2] / sums[2]
        variance -= rest * rest
        np.maximum(variance, 0, out=variance)
        mean = rest if center is None else center + rest
        if not is_far(rest, variance):
            break
        center = mean.astype(site.dtype).astype(np.float64)
    return mean, variance, center is not None


def centered(mean: np.ndarray, variance: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray | None, np.ndarray]:
    """The offset subtracted from the data before anything else, if any, and what is left of the mean."""
    if not is_far(mean, variance):
        return None, mean
    center = mean.astype(dtype).astype(np.float64)
    return center, mean - center


class NormStage:
    """Passes in NumPy over an array ``x``, block by block, with four tiles."""

    def __init__(self, site: BindContext, grid: Grid, x: np.ndarray) -> None:
        self.site, self.grid, self.x = site, grid, grid.blocks(x)
        self.tiles = tuple(grid.tile(site) for _ in range(4))
        self.sums = Sums(site, grid)
        self._steps: dict[tuple[str, bool], list[Closure]] = {}

    def steps(self, make: Callable[[bool], list[Closure]], which: bool) -> list[Closure]:
        """The closures that a method makes, once it is known which: seldom both."""
        key = make.__name__, which
        if key not in self._steps:
            self._steps[key] = make(which)
        return self._steps[key]

    def go(self, make: Callable[[bool], list[Closure]], center: np.ndarray | None, *vectors: np.ndarray) -> None:
        """Write out the vectors and run the closures for data to center, or not."""
        for tile, vector in zip(self.tiles, (center, *vectors), strict=False):
            if vector is not None:
                tile.fill(vector)
        run(self.steps(make, center is not None))

    def less(self, i: int, far: bool, out: np.ndarray) -> tuple[list[Closure], np.ndarray]:
        """Closures for a block less the center, and where it is then."""
        if not far:
            return [], self.x[i]
        return [partial(np.subtract, self.x[i], self.tiles[0].array, out=out)], out

    def measuring(self, i: int, far: bool, buffer: np.ndarray) -> list[Closure]:
        """Closures for Σ x and Σ x² of a block; ``buffer`` is for the centered block."""
        less, block = self.less(i, far, buffer)
        return [*less, self.sums.plain(i, block), self.sums.product(i, block, block)]


class ChainEnds(NormStage):
    """The passes `apply` and `collect`: x → [add] → [relu] → output, and the gradient on the way back.

    The gradient behind a ReLU is gated in place or, where the other summand wants it, in that one's gradient. ``buffers``
    is memory for the centered blocks in `collect`.
    """

    def __init__(self, site: BindContext, grid: Grid, x: np.ndarray, buffers: Sequence[np.ndarray]) -> None:
        super().__init__(site, grid, x)
        names = site.case.op.split("+")
        self.relu = "relu" in names
        self.added = grid.blocks(site.inputs[3]) if "add" in names else None
        self.buffers = buffers
        if site.training:
            self.arriving, self.gated = self._gradients()
            self.opened = grid.within(site.scratch((grid.largest,), np.bool_)) if self.relu else []

    def apply(self, center: np.ndarray | None, factor: np.ndarray, constant: np.ndarray) -> None:
        self.go(self._applying, center, factor, constant)

    def collect(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.go(self._collecting, center)
        self.sums.total(sums)

    def multiply_gradient(self, factor: np.ndarray) -> None:
        """Multiply the gated gradient by one number per channel."""
        self.tiles[1].fill(factor)
        for grad in self.gated:
            np.multiply(grad, self.tiles[1].array, out=grad)

    def _applying(self, far: bool) -> list[Closure]:
        steps: list[Closure] = []
        _, factor, constant, _ = (tile.array for tile in self.tiles)
        for i, y in enumerate(self.grid.blocks(self.site.outputs[0])):
            less, block = self.less(i, far, y)
            steps += [*less, partial(np.multiply, block, factor, out=y), partial(np.add, y, constant, out=y)]
            if self.added is not None:
                steps.append(partial(np.add, y, self.added[i], out=y))
            if self.relu:
                steps.append(partial(np.maximum, y, self.grid.zeros(y.dtype), out=y))
        return steps

    def _gradients(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The arriving gradient, and where it lies once gated."""
        assert self.site.grad_outputs[0] is not None
        arriving = self.grid.blocks(self.site.grad_outputs[0])
        other = self.site.grad_inputs[3] if self.added is not None else None
        return arriving, arriving if other is None else self.grid.blocks(other)

    def _collecting(self, far: bool) -> list[Closure]:
        steps: list[Closure] = []
        outputs, opened = self.grid.blocks(self.site.outputs[0]), self.opened
        for i, (grad, buffer) in enumerate(zip(self.gated, self.buffers, strict=True)):
            less, block = self.less(i, far, buffer)
            if self.relu:
                steps += [partial(np.greater, outputs[i], 0, out=opened[i]),
                          partial(np.multiply, self.arriving[i], opened[i], out=grad)]
            steps += [self.sums.plain(i, grad), *less, self.sums.product(i, grad, block)]
        return steps


class NormPasses(ChainEnds):
    """All passes of a chain ``batch_norm[+add][+relu]``. Temporaries go where the next pass will write its results."""

    def __init__(self, site: BindContext) -> None:
        grid, dx = Grid(site.inputs[0].shape, site.case.orders[0]), site.grad_inputs[0]
        buffers = grid.within(site.scratch((grid.largest,))) if dx is None and site.training else []
        super().__init__(site, grid, site.inputs[0], buffers if dx is None else grid.blocks(dx))

    def measure(self, center: np.ndarray | None, sums: np.ndarray) -> None:
        self.go(self._measuring_all, center)
        self.sums.total(sums)

    def spread(self, center: np.ndarray | None, factor: np.ndarray, tilt: np.ndarray, constant: np.ndarray) -> None:
        self.go(self._spreading, center, factor, tilt, constant)

    def _measuring_all(self, far: bool) -> list[Closure]:
        return [step for i, y in enumerate(self.grid.blocks(self.site.outputs[0])) for step in self.measuring(i, far, y)]

    def _spreading(self, far: bool) -> list[Closure]:
        steps: list[Closure] = []
        _, factor, tilt, constant = (tile.array for tile in self.tiles)
        if self.site.grad_inputs[0] is None:
            return []
        for i, (dx, grad) in enumerate(zip(self.grid.blocks(self.site.grad_inputs[0]), self.gated, strict=True)):
            less, block = self.less(i, far, dx)
            steps += [*less, partial(np.multiply, block, tilt, out=dx), partial(np.add, dx, grad, out=dx),
                      partial(np.add, dx, constant, out=dx), partial(np.multiply, dx, factor, out=dx)]
        return steps


def attrs_of(site: BindContext) -> Attributes:
    """Attributes of the normalisation, alone or first of a chain."""
    return site.attrs["links"][0].attrs if "links" in site.attrs else site.attrs


class BatchNormChain(Kernel):
    """A chain that starts with a `batch_norm`; its shards meet."""

    by_observation = True

    @property
    def saved_for_backward(self) -> frozenset[str]:
        return BOTH if "+" in self.op else IN

    def bind(self, site: BindContext) -> BoundKernel:
        return bind_statistics(site, self.passes(site), attrs_of(site)["epsilon"])

    def passes(self, site: BindContext) -> Passes:
        raise NotImplementedError


@kernel("batch_norm", "batch_norm+relu", "batch_norm+add+relu")
class BatchNorm(BatchNormChain):
    """`batch_norm`, alone or with what follows it: at the end of a residual block one other array of the same sizes."""

    def accepts(self, case: KernelSpec) -> bool:
        return "add" not in self.op or (len(case.inputs) == 4 and case.inputs[3].sizes == case.inputs[0].sizes
                                        and case.orders[3] == case.orders[0])

    def passes(self, site: BindContext) -> Passes:
        return NormPasses(site)


@kernel("batch_norm_inference", "batch_norm_inference+relu")
class Normalise(Kernel):
    """`batch_norm_inference`, alone or with a ReLU: one line per channel, whose tiles are shared by all runs with the same
    parameters. Its gradient is rarely asked for and stays the op's own.
    """

    def accepts(self, case: KernelSpec) -> bool:
        return not self.relu or not any(case.needs_input_grad)

    @property
    def relu(self) -> bool:
        return self.op.endswith("relu")

    def bind(self, site: BindContext) -> BoundKernel:
        epsilon = attrs_of(site)["epsilon"]
        fill, forward = self.line(site)

        def prepare() -> None:
            scale, offset, mean, variance = (array.reshape(-1).astype(np.float64) for array in site.inputs[1:5])
            center, left = centered(mean, variance, site.dtype)
            factor = scale / np.sqrt(variance + epsilon)
            fill(center, factor, offset - left * factor)
        backward = bind_plain(OPS["batch_norm_inference"], site).backward if site.training else ()
        return BoundKernel((forward,), backward, prepare)

    def line(self, site: BindContext) -> tuple[Callable[..., None], Closure]:
        """A setter of center (or None), factor and constant for `prepare`, and a closure that applies them."""
        grid = Grid(site.inputs[0].shape, site.case.orders[0])
        stored, far = site.shared((3, grid.channels), np.float64), site.shared((1,), np.bool_)
        tiles = [grid.tile(site) for _ in range(3)]
        center, factor, constant = (tile.array for tile in tiles)
        steps: tuple[list[Closure], list[Closure]] = ([], [])
        for block, y in zip(grid.blocks(site.inputs[0]), grid.blocks(site.outputs[0]), strict=True):
            rest = [partial(np.add, y, constant, out=y)]
            if self.relu:
                rest.append(partial(np.maximum, y, grid.zeros(y.dtype), out=y))
            steps[0].extend([partial(np.multiply, block, factor, out=y), *rest])
            steps[1].extend([partial(np.subtract, block, center, out=y), partial(np.multiply, y, factor, out=y), *rest])

        def fill(center: np.ndarray | None, *others: np.ndarray) -> None:
            far[0] = center is not None
            stored[0], stored[1], stored[2] = 0 if center is None else center, *others

        def forward() -> None:
            for tile, values in zip(tiles, stored, strict=True):
                tile.fill(values)
            run(steps[int(far[0])])
        return fill, forward
