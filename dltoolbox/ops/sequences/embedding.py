"""Words, positions and patches as vectors: tables that are looked up, waves, and steps that are put before others or picked.

Where steps stand on an ``axis``: -2 is time, (C, T, B), -3 the positions of a map, (S, C, B).

Source: Vaswani et al., "Attention is all you need" (2017), section 3.5, for the waves.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.errors import fail
from dltoolbox.core.geometry import Reach
from dltoolbox.ops.base import IN, Arrays, Attributes, Call, Gradients, Op, op, sum_over
from dltoolbox.ops.sequences.attention import TIME_AXIS, channel_axis, with_axis
from dltoolbox.ops.sequences.ragged import Across, LengthRule
from dltoolbox.ops.time_axis import Way
from dltoolbox.runtime.blas import libraries

LONGEST_WAVE = 10_000  # times 2π positions


@op
class project(Op):
    """``weights`` (out×in) times the channels of every position, plus ``bias``."""

    saved_for_backward = IN

    def infer(self, x: Dims, weights: Dims, bias: Dims) -> Dims:
        return x.with_size("C", weights.sizes[0])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        return inputs[1].elements * inputs[0].positions

    def forward(self, x: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
        values: np.ndarray = np.matmul(weights, x) + bias.reshape(-1, 1)
        return values

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        x, weights, bias = call.inputs
        flat, given = (np.moveaxis(y, -2, 0).reshape(y.shape[-2], -1) for y in (grad, x))
        return (np.matmul(weights.T, grad) if call.needs_input_grad[0] else None,
                np.matmul(flat, given.T) if call.needs_input_grad[1] else None,
                sum_over(flat, 1).reshape(bias.shape) if call.needs_input_grad[2] else None)


class Refusal(NamedTuple):
    """The error of numbers that are no indices: its identifier, what to do, and the name of the layer."""

    identifier: str
    hint: str
    layer: str = ""


def columns_at(x: np.ndarray, columns: int, first: int, known: int, refusal: Refusal | None) -> np.ndarray:
    """Numbers of the columns of the indices in the only channel. Other numbers are refused, or belong to the last column."""
    index = x[..., 0, :]
    out = ~((index >= first) & (index <= known) & (index == np.floor(index)))
    if refusal is not None and out.any():
        fail(refusal.identifier, f"The data hold the index {index[out][0]:g}, but there are vectors for whole numbers from "
             f"{first} to {known}.", refusal.hint, layer=refusal.layer)
    return np.where(out, columns - 1, np.where(out, first, index) - first).astype(np.int64)


@op
class embed(Op):
    """The columns of ``weights`` (channels × indices) that the indices in ``x`` name, which are whole numbers from ``first``
    to ``known``.

    All other numbers belong to the last column, unless there is a ``refusal``. No gradient reaches the column of the index
    ``mask``. Padded steps hold the last real index.
    """

    saved_for_backward = IN
    across = Across(ways=(Way.FOLD,), ends="edge")

    def infer(self, x: Dims, weights: Dims, *, known: int, first: int = 1, mask: int | None = None,
              refusal: Refusal | None = None) -> Dims:
        return x.with_size("C", weights.sizes[0])

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        _, weights = super().example(rng, inputs, dtypes, attrs)
        return rng.integers(attrs.get("first", 1), attrs["known"] + 1, inputs[0].shape).astype(dtypes[0]), weights

    def forward(self, x: np.ndarray, weights: np.ndarray, *, known: int, first: int = 1, mask: int | None = None,
                refusal: Refusal | None = None) -> np.ndarray:
        return np.moveaxis(weights[:, columns_at(x, weights.shape[1], first, known, refusal)], 0, -2)

    def backward(self, call: Call, grad: np.ndarray, *, known: int, first: int = 1, mask: int | None = None,
                 refusal: Refusal | None = None) -> Gradients:
        x, weights = call.inputs
        result = gathered(columns_at(x, weights.shape[1], first, known, refusal), grad, weights)
        if mask is not None:
            result[:, mask - first] = 0
        return None, result


def gathered(index: np.ndarray, grad: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of the columns of a gradient (…, channels, B) that belong to each column of the weights: a product with a matrix
    that is 1 where a position has a word.
    """
    libraries()
    from scipy.sparse import csr_matrix
    rows = np.moveaxis(grad, -2, -1).reshape(-1, len(weights)).astype(np.float64, order="C")
    at = csr_matrix((np.ones(len(rows)), index.reshape(-1), np.arange(len(rows) + 1)), (len(rows), weights.shape[1]))
    return np.asarray((at.T @ rows).T, grad.dtype)


def everywhere(table: np.ndarray, like: np.ndarray, axis: int) -> np.ndarray:
    """A table, channels × steps, for everything else in an array."""
    lying = (table if axis == TIME_AXIS else table.T)[..., np.newaxis]
    return np.broadcast_to(lying, (*like.shape[:-3], *lying.shape[:2], like.shape[-1])).astype(like.dtype)


@op
class position_embedding(Op):
    """The first columns of ``weights`` (channels × positions), one for every step of ``x``; its values do not matter."""

    way = Way.SEE

    def infer(self, x: Dims, weights: Dims, *, axis: int) -> Dims:
        return with_axis(x, channel_axis(axis), weights.sizes[0])

    def forward(self, x: np.ndarray, weights: np.ndarray, *, axis: int) -> np.ndarray:
        steps, most = x.shape[axis], weights.shape[1]
        if steps > most:
            fail("positionEmbeddingLayer:tooManyPositions", f"The data have {steps} positions, but maxPosition is {most}.",
                 f"Set maxPosition to {steps} or more.")
        return everywhere(weights[:, :steps], x, axis)

    def backward(self, call: Call, grad: np.ndarray, *, axis: int) -> Gradients:
        x, weights = call.inputs
        total = sum_over(grad, (*range(grad.ndim - 3), grad.ndim - 1))
        result = np.zeros(weights.shape, grad.dtype)
        result[:, :x.shape[axis]] = total if axis == TIME_AXIS else total.T
        return None, result


def waves(at: np.ndarray, size: int) -> np.ndarray:
    """Sines and cosines of positions in turn, ``size`` of them: channels 2i and 2i + 1 (from 0) are the sine and the cosine
    of position/10000^(2i/size). They are a new first axis.
    """
    slowing = LONGEST_WAVE ** (-np.arange(0, size, 2) / size)
    angles = np.multiply.outer(slowing, np.asarray(at, np.float64))
    return np.stack([np.sin(angles), np.cos(angles)], 1).reshape(size, *at.shape)


@op
class sinusoid(Op):
    """`waves` of the values of the only channel."""

    saved_for_backward = IN

    def infer(self, x: Dims, *, size: int) -> Dims:
        return x.with_size("C", size)

    def forward(self, x: np.ndarray, *, size: int) -> np.ndarray:
        return np.moveaxis(waves(x[..., 0, :], size), 0, -2).astype(x.dtype)

    def backward(self, call: Call, grad: np.ndarray, *, size: int) -> Gradients:
        (x,) = call.inputs
        slowing = np.repeat(LONGEST_WAVE ** (-np.arange(0, size, 2) / size), 2)
        sines = waves(x[..., 0, :], size).reshape(size // 2, 2, *x.shape[:-2], x.shape[-1])
        slopes = np.stack([sines[:, 1], -sines[:, 0]], 1).reshape(size, *x.shape[:-2], x.shape[-1])
        slopes *= slowing.reshape(-1, *[1] * (x.ndim - 1))
        return (np.sum(grad * np.moveaxis(slopes, 0, -2), -2, keepdims=True).astype(x.dtype),)


@op
class position_sinusoid(Op):
    """`waves` of the numbers of the steps, counted from 1; the values do not matter."""

    way = Way.SEE
    differentiable = False

    def infer(self, x: Dims, *, size: int, axis: int) -> Dims:
        return with_axis(x, channel_axis(axis), size)

    def forward(self, x: np.ndarray, *, size: int, axis: int) -> np.ndarray:
        return everywhere(waves(np.arange(1, x.shape[axis] + 1), size), x, axis)


@op
class prepend(Op):
    """A vector of one value per channel as a new first step; steps are the last spatial axis."""

    way = Way.SPACE

    def length_rule(self) -> LengthRule:
        return LengthRule(add=1)

    def infer(self, x: Dims, vector: Dims) -> Dims:
        steps = x.sizes[-3]
        return with_axis(x, -3, None if steps is None else steps + 1)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> tuple[Reach, ...]:
        return *[Reach()] * (x.rank - 1), Reach(-1, -1)

    def forward(self, x: np.ndarray, vector: np.ndarray) -> np.ndarray:
        first = np.broadcast_to(vector.reshape(-1, 1), (*x.shape[:-3], 1, *x.shape[-2:]))
        return np.concatenate([first, x], -3)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        first = np.moveaxis(grad[..., :1, :, :], -2, 0).reshape(grad.shape[-2], -1)
        return grad[..., 1:, :, :], sum_over(first, 1).reshape(call.inputs[1].shape)


@op
class pick_step(Op):
    """The first or the last step, C × B: ``(x[, mask][, lengths])``. With a mask of one channel, of the steps where it is
    not 0, and zeros where there are none; with lengths, of so many steps.
    """

    saved_for_backward = IN
    way = Way.SEE
    across = Across(ways=(Way.SEE,), takes="lengths")

    def infer(self, x: Dims, *extras: Dims, axis: int, which: str) -> Dims:
        return Dims("CB", (x.sizes[channel_axis(axis)], x.batch))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        arrays = super().example(rng, inputs, dtypes, attrs)
        steps = inputs[0].sizes[attrs["axis"]] or 1
        return tuple(np.asarray(rng.integers(1, steps + 1, dims.shape), dtype) if dims.labels == "B" else x
                     for x, dims, dtype in zip(arrays, inputs, dtypes, strict=True))

    def forward(self, x: np.ndarray, *extras: np.ndarray, axis: int, which: str) -> np.ndarray:
        at, real = self.step(x, extras, axis, which)
        return np.where(real, np.moveaxis(x, axis, 0)[at, :, np.arange(x.shape[-1])].T, np.zeros((), x.dtype))

    def backward(self, call: Call, grad: np.ndarray, *, axis: int, which: str) -> Gradients:
        x, *extras = call.inputs
        at, real = self.step(x, extras, axis, which)
        dx = np.zeros(x.shape, grad.dtype)
        np.moveaxis(dx, axis, 0)[at, :, np.arange(x.shape[-1])] = np.where(real, grad, 0).T
        return dx, *[None] * len(extras)

    @staticmethod
    def step(x: np.ndarray, extras: Sequence[np.ndarray], axis: int, which: str) -> Arrays:
        """Which step of every observation, and whether there is one."""
        real = np.ones((x.shape[axis], x.shape[-1]), bool)
        for extra in extras:
            real &= real_steps(extra, len(real)) if extra.ndim == 1 else np.moveaxis(extra, axis, 0)[:, 0, :] != 0
        at = real.argmax(0) if which == "first" else len(real) - 1 - real[::-1].argmax(0)
        return at, np.asarray(real.any(0))


@op
class flatten_positions(Op):
    """All positions of a map along one spatial dimension, 'column-major' or 'row-major'."""

    def infer(self, x: Dims, *, order: str) -> Dims:
        open_sizes = any(n is None for n in x.spatial)
        return Dims("S" + x.labels[x.rank:], (None if open_sizes else prod(x.spatial), *x.sizes[x.rank:]))

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def forward(self, x: np.ndarray, *, order: str) -> np.ndarray:
        rank = x.ndim - 2
        turned = x.transpose(self.axes(rank, order))
        return turned.reshape(prod(x.shape[:rank]), *x.shape[rank:])

    def backward(self, call: Call, grad: np.ndarray, *, order: str) -> Gradients:
        shape = call.inputs[0].shape
        axes = self.axes(len(shape) - 2, order)
        return (grad.reshape([shape[axis] for axis in axes]).transpose(axes),)  # the axes are their own inverse

    @staticmethod
    def axes(rank: int, order: str) -> tuple[int, ...]:
        return (*(range(rank - 1, -1, -1) if order == "column-major" else range(rank)), rank, rank + 1)
