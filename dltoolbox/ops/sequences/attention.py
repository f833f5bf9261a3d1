"""Scaled dot-product attention: every query takes the mean of all values, weighted by how well their keys go with it.

Steps are those of time, (C, T, B) with ``axis=-2``, or the positions of a map, (S, C, B) with ``axis=-3``. Channels are cut
into heads of equal size, the first channels for the first head. Queries may have other steps than keys and values.

Source: Vaswani et al., "Attention is all you need" (2017), section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.core.dims import Dims, Size
from dltoolbox.ops.base import BOTH, IN, Arrays, Attributes, Call, Gradients, Op, op
from dltoolbox.ops.sequences.ragged import Across
from dltoolbox.ops.time_axis import Way

TIME_AXIS, MAP_AXIS = -2, -3  # axes of the steps; channels stand on the other


def channel_axis(axis: int) -> int:
    """The axis of the channels where steps stand on ``axis``."""
    return TIME_AXIS + MAP_AXIS - axis


def with_axis(x: Dims, axis: int, size: Size) -> Dims:
    """The same with another size along an axis."""
    at = len(x.sizes) + axis
    return Dims(x.labels, (*x.sizes[:at], size, *x.sizes[at + 1:]))


def by_heads(x: np.ndarray, axis: int, heads: int) -> np.ndarray:
    """B × heads × channels of a head × steps."""
    moved = np.moveaxis(x, (-1, channel_axis(axis)), (0, 1))
    return moved.reshape(len(moved), heads, moved.shape[1] // heads, moved.shape[2])


def of_heads(x: np.ndarray, axis: int) -> np.ndarray:
    """The inverse of `by_heads`."""
    whole = x.reshape(len(x), x.shape[1] * x.shape[2], x.shape[3])
    return np.moveaxis(whole, (0, 1), (-1, channel_axis(axis)))


def allowed(scores: tuple[int, ...], extras: Sequence[np.ndarray], axis: int, causal: bool) -> np.ndarray:
    """Which keys a query may look at, B × 1 × keys × queries or less: those up to its own step where it is ``causal``, those
    that a mask (not 0), a mask of pairs (keys × queries × 1 × B) and the lengths of the keys leave.
    """
    keys, queries = scores[-2:]
    every = np.ones((1, 1, keys, queries), bool)
    if causal:
        every = every & (np.arange(keys)[:, None] <= np.arange(queries))
    for extra in extras:
        if extra.ndim == 1:
            every = every & real_steps(extra[:, None, None, None], keys)
        elif extra.ndim == 4:
            every = every & (extra.transpose(3, 2, 0, 1) != 0)
        else:
            every = every & (by_heads(extra, axis, 1).swapaxes(-2, -1) != 0)
    return every


def weights(q: np.ndarray, k: np.ndarray, extras: Sequence[np.ndarray], axis: int, *, scale: float,
            causal: bool) -> np.ndarray:
    """B × heads × keys × queries: softmax over the keys of scale·kᵀq, from split queries and keys. A query without keys has
    weights of zero.
    """
    scores = np.matmul(k.swapaxes(-2, -1), q * np.asarray(scale, q.dtype))
    if causal or extras:
        scores = np.where(allowed(scores.shape, extras, axis, causal), scores, -np.inf)
    top = scores.max(-2, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(top == -np.inf, 0, top))
    total = e.sum(-2, keepdims=True)
    values: np.ndarray = (e / np.where(total == 0, 1, total)).astype(q.dtype)
    return values


def score_gradients(grad: np.ndarray, p: np.ndarray, q: np.ndarray, k: np.ndarray, scale: float) -> Arrays:
    """Gradients of split queries and keys, from that of the weights."""
    slope = p * (grad - (grad * p).sum(-2, keepdims=True)) * np.asarray(scale, p.dtype)
    return np.matmul(k, slope), np.matmul(q, slope.swapaxes(-2, -1))


class AttentionOp(Op):
    """The common part of the ops of attention: they see steps apart, and draw lengths that there can be."""

    way = Way.SEE
    across = Across(ways=(Way.SEE,), takes="lengths", of=1)

    def reach(self, x: Dims, y: Dims, **attrs: object) -> None:
        return None

    def example(self, rng: np.random.Generator, inputs: Sequence[Dims], dtypes: Sequence[np.dtype],
                attrs: Attributes) -> Arrays:
        """Lengths of the keys are whole numbers from 1 on."""
        arrays = super().example(rng, inputs, dtypes, attrs)
        steps = inputs[1].sizes[attrs["axis"]] or 1 if len(inputs) > 1 else 1
        return tuple(np.asarray(rng.integers(1, steps + 1, dims.shape), dtype) if dims.labels == "B" else x
                     for x, dims, dtype in zip(arrays, inputs, dtypes, strict=True))


@op
class attention(AttentionOp):
    """Values, weighted by the `weights` of their keys: ``(q, k, v[, mask][, pairs][, lengths])``.

    The mask has one channel and the steps of the keys; keys where it is 0 are not looked at. Pairs are keys × queries × 1 ×
    B: 0 where a query does not look at a key. Lengths are those of the keys.
    """

    saved_for_backward = IN

    def infer(self, q: Dims, k: Dims, v: Dims, *extras: Dims, axis: int, heads: int, scale: float, causal: bool) -> Dims:
        return with_axis(q, channel_axis(axis), v.sizes[channel_axis(axis)])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        """Two products: of queries and keys, and of weights and values. Where the number of steps is open, of one key."""
        q, k, v, *_ = inputs
        steps = [prod(n or 1 for n in x.sizes[:-1]) // x.channels for x in (q, k)]
        return (k.channels + v.channels) * prod(steps)

    def forward(self, q: np.ndarray, k: np.ndarray, v: np.ndarray, *extras: np.ndarray, axis: int, heads: int, scale: float,
                causal: bool) -> np.ndarray:
        q, k, v = (by_heads(x, axis, heads) for x in (q, k, v))
        return of_heads(np.matmul(v, weights(q, k, extras, axis, scale=scale, causal=causal)), axis)

    def backward(self, call: Call, grad: np.ndarray, *, axis: int, heads: int, scale: float, causal: bool) -> Gradients:
        q, k, v, grad = (by_heads(x, axis, heads) for x in (*call.inputs[:3], grad))
        p = weights(q, k, call.inputs[3:], axis, scale=scale, causal=causal)
        dq, dk = score_gradients(np.matmul(v.swapaxes(-2, -1), grad), p, q, k, scale)
        dv = np.matmul(grad, p.swapaxes(-2, -1))
        return *(of_heads(x, axis) for x in (dq, dk, dv)), *[None] * (len(call.inputs) - 3)


@op
class attention_scores(AttentionOp):
    """The `weights` themselves, keys × queries × heads × B: ``(q, k[, mask][, lengths])`` as in `attention`."""

    saved_for_backward = BOTH

    def infer(self, q: Dims, k: Dims, *extras: Dims, axis: int, heads: int, scale: float, causal: bool) -> Dims:
        return Dims("SSCB", (k.sizes[axis], q.sizes[axis], heads, q.batch))

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        q, k, *_ = inputs
        return prod(n or 1 for x in (q, k) for n in x.sizes[:-1]) // q.channels

    def forward(self, q: np.ndarray, k: np.ndarray, *extras: np.ndarray, axis: int, heads: int, scale: float,
                causal: bool) -> np.ndarray:
        q, k = (by_heads(x, axis, heads) for x in (q, k))
        return weights(q, k, extras, axis, scale=scale, causal=causal).transpose(2, 3, 1, 0)

    def backward(self, call: Call, grad: np.ndarray, *, axis: int, heads: int, scale: float, causal: bool) -> Gradients:
        q, k = (by_heads(x, axis, heads) for x in call.inputs[:2])
        (p,) = call.outputs
        found = score_gradients(grad.transpose(3, 2, 0, 1), p.transpose(3, 2, 0, 1), q, k, scale)
        return *(of_heads(x, axis) for x in found), *[None] * (len(call.inputs) - 2)


@op
class attend(AttentionOp):
    """Values weighted by scores, as `attention_scores` gives them: ``(q, scores, v)``. Of the queries, only the number of
    steps matters.
    """

    saved_for_backward = IN
    across = Across(ways=(Way.SEE,))  # the scores of padded steps are zero

    def infer(self, q: Dims, scores: Dims, v: Dims, *, axis: int) -> Dims:
        return with_axis(q, channel_axis(axis), v.sizes[channel_axis(axis)])

    def multiply_adds(self, inputs: Sequence[Dims], output: Dims) -> int:
        _, scores, v = inputs
        return prod(n or 1 for n in scores.sizes[:2]) * v.channels

    def forward(self, q: np.ndarray, scores: np.ndarray, v: np.ndarray, *, axis: int) -> np.ndarray:
        return of_heads(np.matmul(by_heads(v, axis, scores.shape[2]), scores.transpose(3, 2, 0, 1)), axis)

    def backward(self, call: Call, grad: np.ndarray, *, axis: int) -> Gradients:
        _, scores, v = call.inputs
        heads = scores.shape[2]
        grad, v, p = by_heads(grad, axis, heads), by_heads(v, axis, heads), scores.transpose(3, 2, 0, 1)
        return (None, np.matmul(v.swapaxes(-2, -1), grad).transpose(2, 3, 1, 0),
                of_heads(np.matmul(grad, p.swapaxes(-2, -1)), axis))
