"""Losses of classes in PyTorch, on probabilities and one-hot targets S…×K×N; targets are all zero where nothing is known."""

from __future__ import annotations

import torch
from torch import Tensor


def focal(y: Tensor, t: Tensor, alpha: float, gamma: float) -> Tensor:
    """Of the probability of the class of each label."""
    known = t.sum(-2) > 0
    p = (y * t).sum(-2)[known]
    return -alpha * ((1 - p) ** gamma * p.log()).sum() / max(int(known.sum()), 1)


def dice(y: Tensor, t: Tensor) -> Tensor:
    """Image by image and class by class."""
    losses = []
    for image, labels in zip(y.movedim(-1, 0), t.movedim(-1, 0), strict=True):
        known = labels.sum(-1) > 0
        if not known.any():
            continue
        scores, hot = image[known], labels[known]  # pixels × classes
        there = hot.sum(0) > 0
        weights = torch.where(there, hot.sum(0).clamp(min=1) ** -2, 0)
        weights = torch.where(there, weights, weights.max())
        above = 2 * (weights * (scores * hot).sum(0)).sum() + 1e-8
        losses.append(1 - above / ((weights * (scores ** 2 + hot ** 2).sum(0)).sum() + 1e-8))
    return sum(losses, 0 * y.sum()) / max(len(losses), 1)
