"""Losses: one number from predictions and targets of the same size, normalised as MATLAB's output layers do."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core.formats import Dims
from dltoolbox.ops.base import BOTH, IN, Call, Gradients, Op, op


class Loss(Op):
    """Predictions, targets (and weights) → a scalar; only the predictions get gradients."""

    reads = IN

    def infer(self, y: Dims, *others: Dims) -> Any:
        return Dims.of("")


def labelled(t: np.ndarray) -> float:
    """How many observations, pixels or voxels carry a label: targets are one-hot, and all zero where undefined."""
    return max(float(np.any(t, axis=-2).sum()), 1.0)


@op
class cross_entropy(Loss):
    """−(1/N) Σ wₖ·tₙₖ·ln yₙₖ over probabilities; N counts observations (and labelled pixels). 0 is read as tiny."""

    def forward(self, y: np.ndarray, t: np.ndarray, weights: np.ndarray) -> np.ndarray:
        logs = np.log(np.maximum(y, np.finfo(y.dtype).tiny))
        return np.asarray(-(t * weights.reshape(-1, 1) * logs).sum(dtype=np.float64) / labelled(t), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t, weights = call.inputs
        share = grad / np.asarray(labelled(t), y.dtype)
        return -share * t * weights.reshape(-1, 1) / np.maximum(y, np.finfo(y.dtype).tiny), None, None


@op
class softmax_cross_entropy(Loss):
    """`softmax` followed by `cross_entropy`, from the scores before the softmax: exact where probabilities underflow.

    The second output is the probabilities. Gradient: (Σₖ wₖtₖ)·y − w·t, divided by N.
    """

    outputs = 2
    reads = BOTH

    def infer(self, x: Dims, *others: Dims) -> tuple[Dims, Dims]:
        return Dims.of(""), x

    def forward(self, x: np.ndarray, t: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shifted = x - x.max(-2, keepdims=True)
        e = np.exp(shifted)
        total = e.sum(-2, keepdims=True)
        weighted = t * weights.reshape(-1, 1)
        loss = -(weighted * (shifted - np.log(total))).sum(dtype=np.float64) / labelled(t)
        return np.asarray(loss, x.dtype), e / total

    def backward(self, call: Call, grad: np.ndarray, through: np.ndarray | None = None) -> Gradients:
        (_, t, weights), (_, y) = call.inputs, call.outputs
        weighted = t * weights.reshape(-1, 1)
        share = grad / np.asarray(labelled(t), y.dtype)
        return (y * weighted.sum(-2, keepdims=True) - weighted) * share, None, None


@op
class half_squared_error(Loss):
    """(1/2N) Σ (y − t)² with N observations: not divided by the number of responses."""

    def forward(self, y: np.ndarray, t: np.ndarray) -> np.ndarray:
        return np.asarray(np.square(y - t).sum(dtype=np.float64) / (2 * max(y.shape[-1], 1)), y.dtype)

    def backward(self, call: Call, grad: np.ndarray) -> Gradients:
        y, t = call.inputs
        return (y - t) * (grad / np.asarray(max(y.shape[-1], 1), y.dtype)), None
