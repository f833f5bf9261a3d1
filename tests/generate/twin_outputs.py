"""Twins of the output layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from tests.generate.twin import Run, back, by_channel, disturbed, twin
from tests.torch_losses import dice


@twin("classificationLayer", "pixelClassificationLayer")
def cross_entropy(one: Any, p: Any, run: Run, x: Tensor, t: Tensor) -> Tensor:
    """Of what enters the softmax before."""
    weights = torch.tensor([1.0] * x.shape[1] if one.ClassWeights == "none" else one.ClassWeights, dtype=x.dtype)
    labelled = max(int((t.sum(1) > 0).sum()), 1)
    if run.rounding and x.requires_grad:  # probabilities near 1 less 1 are rounding
        x.register_hook(partial(disturbed, run=run, scale=float(weights.max()) / labelled))
    return -(by_channel(weights, x) * t * x.log_softmax(1)).sum() / labelled


@twin("focalLossLayer")
def focal_loss(one: Any, p: Any, run: Run, x: Tensor, t: Tensor) -> Tensor:
    """Of what enters the softmax before; 1 − p from the sum of the others."""
    if run.rounding and x.requires_grad:
        x.register_hook(partial(disturbed, run=run, scale=one.Alpha * (1 + one.Gamma) / max(int((t.sum(1) > 0).sum()), 1)))
    logs = x.log_softmax(1)
    others = logs.masked_fill(t > 0, -torch.inf).logsumexp(1, keepdim=True).exp()
    modulated = torch.where(t > 0, t * others.clamp(min=1e-300) ** one.Gamma * logs, torch.zeros_like(logs))
    return -one.Alpha * modulated.sum() / max(int((t.sum(1) > 0).sum()), 1)


@twin("dicePixelClassificationLayer")
def dice_loss(one: Any, p: Any, run: Run, x: Tensor, t: Tensor) -> Tensor:
    if run.rounding and x.requires_grad:
        x.register_hook(partial(disturbed, run=run, scale=1 / x.shape[0]))
    return dice(back(x.softmax(1)), back(t))


@twin("regressionLayer")
def half_mse(one: Any, p: Any, run: Run, y: Tensor, t: Tensor) -> Tensor:
    return ((y - t) ** 2).sum() / (2 * y.shape[0])
