"""Stochastic pooling: in training an element of every window is drawn, in inference they are weighted.

The weight of an element is max(x, 0). Padding has none and is never drawn.

Source: Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks" (2013), equations 4
to 6; the order in which elements are drawn is that of Caffe.
"""

from __future__ import annotations

from math import prod

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import Window
from dltoolbox.core.random import stream
from dltoolbox.ops.arithmetic import drawn_per_observation
from dltoolbox.ops.base import IN, OUT, Call, Gradients, Kind, op
from dltoolbox.ops.pool import PoolOp, along_axes, pad, scatter_add, window_winner, windowed_dims
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way
from dltoolbox.ops.windows.spans import plus, seeing, seen

NO_WEIGHT = Across(ends=0.0)  # nothing is drawn behind the ends, nor does it weigh anything


def weights_of(x: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray]:
    """max(x, 0) in double, and the exponents of two by which every map is divided: neither sums nor squares overflow."""
    weights = np.maximum(x, 0).astype(np.float64)
    peak = weights.max(tuple(range(rank)), keepdims=True, initial=0)
    exponent = np.where(np.isfinite(peak), np.frexp(peak)[1], 0)
    return np.ldexp(weights, -exponent), exponent


def numbers_of(drawn: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers in (0, 1], one for each window, of those in [0, 1) that were drawn for every observation."""
    each = drawn[:, :prod(shape[:-1])].reshape(shape[-1], *shape[:-1])
    return 1 - np.moveaxis(each, 0, -1)


def drawn_elements(x: np.ndarray, window: Window, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The element of every window at which the running sum of weights, row by row, reaches its number times the total; and
    its position. The first where all weights are zero; a NaN where there is one; 0 and −1 where a window sees nothing.
    """
    rank, spatial = window.rank, x.shape[:window.rank]
    weights, out = pad(weights_of(x, rank)[0], window, 0), window.output(spatial)
    positions = np.arange(prod(spatial)).reshape(*spatial, *[1] * (x.ndim - rank))
    positions = pad(positions, window, -1)
    taps = [window.tap_slices(offset, out) for offset in window.offsets()]
    total, running = (np.zeros((*out, *x.shape[rank:])) for _ in range(2))
    for tap in taps:
        total += weights[tap]
    wanted, at = numbers * total, np.full(total.shape, -1)
    for tap in taps:
        running += weights[tap]
        here = positions[tap]
        at = np.where((at < 0) & (here >= 0) & ~(running < wanted), here, at)
    odd = np.isnan(total)
    if odd.any():
        at = np.where(odd, window_winner(x, window)[1], at)
    others = x.shape[rank:]
    index = np.maximum(at, 0).reshape(prod(out), *others)
    found = np.take_along_axis(x.reshape(prod(spatial), *others), index, 0).reshape(at.shape)
    return np.where(at < 0, np.zeros((), x.dtype), found), at


@op
class stochastic_pool(PoolOp):
    """An element of every window, drawn with a probability proportional to max(x, 0), and where it was.

    Numbers are drawn as those of `dropout` are, one for each window.
    """

    kinds = (Kind.DATA, Kind.INDICES)
    saved_for_backward = OUT
    by_observation = False
    way = Way.SEE
    across = NO_WEIGHT

    def infer(self, x: Dims, *, window: Window) -> tuple[Dims, Dims]:
        return windowed_dims(x, window), windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> tuple[np.ndarray, np.ndarray]:
        shape = (*window.output(x.shape[:window.rank]), *x.shape[window.rank:])
        drawn = stream("dropout").random((shape[-1], drawn_per_observation(shape)), np.float32)
        return drawn_elements(x, window, numbers_of(drawn, shape))

    def backward(self, call: Call, grad: np.ndarray, _: None, *, window: Window) -> Gradients:
        return (scatter_add(grad, call.outputs[1], call.inputs[0].shape[:window.rank]),)


@op
class expected_pool(PoolOp):
    """The expectation of `stochastic_pool`: Σ max(x, 0)² / Σ max(x, 0) of every window; 0 where all are zero."""

    saved_for_backward = IN
    across = NO_WEIGHT

    def infer(self, x: Dims, *, window: Window) -> Dims:
        return windowed_dims(x, window)

    def forward(self, x: np.ndarray, *, window: Window) -> np.ndarray:
        weights, exponent = weights_of(x, window.rank)
        expected: np.ndarray = np.ldexp(self.expected(weights, window)[0], exponent).astype(x.dtype)
        return expected

    def backward(self, call: Call, grad: np.ndarray, *, window: Window) -> Gradients:
        """Of an element x > 0 in windows with the expectations E: Σ grad·(2x − E) / Σ max(x, 0)."""
        (x,) = call.inputs
        weights, _ = weights_of(x, window.rank)
        expected, total = self.expected(weights, window)
        share = np.where(total == 0, 0, grad / np.where(total == 0, 1, total))
        both, part = (along_axes(window, (each,), x.shape[:window.rank], seeing, plus, (0,))[0]
                      for each in (share, share * expected))
        return (np.where(weights > 0, 2 * weights * both - part, 0).astype(x.dtype),)

    @staticmethod
    def expected(weights: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """The expectations, and the sums of weights."""
        out = window.output(weights.shape[:window.rank])
        total, squares = (along_axes(window, (each,), out, seen, plus, (0,))[0] for each in (weights, weights * weights))
        return np.where(total == 0, 0, squares / np.where(total == 0, 1, total)), total
