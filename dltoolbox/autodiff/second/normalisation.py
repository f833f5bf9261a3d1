"""Normalisations, and the inverse of one, in NumPy's words."""

from __future__ import annotations

import numpy as np

from dltoolbox.autodiff.apply import SECOND, composed
from dltoolbox.autodiff.tape import Payload, raw_values
from dltoolbox.ops.activation import undoing, with_trailing_axes
from dltoolbox.ops.norm import all_but_channels, in_groups, per_channel


def batch_norm_in_words(x: Payload, scale: Payload, offset: Payload, *, epsilon: float) -> tuple[Payload, Payload, Payload]:
    axes = all_but_channels(x)
    mean = np.mean(x, axes, keepdims=True)
    deviation = x - mean
    variance = np.mean(deviation * deviation, axes, keepdims=True)
    y = deviation / np.sqrt(variance + epsilon) * per_channel(scale) + per_channel(offset)
    return y, mean.reshape(scale.shape), variance.reshape(scale.shape)


def batch_norm_inference_in_words(x: Payload, scale: Payload, offset: Payload, mean: Payload, variance: Payload, *,
                                  epsilon: float) -> Payload:
    return (x - per_channel(mean)) / np.sqrt(per_channel(variance) + epsilon) * per_channel(scale) + per_channel(offset)


def group_norm_in_words(x: Payload, scale: Payload, offset: Payload, *, groups: int, epsilon: float,
                        spatial: bool = True) -> Payload:
    parts = in_groups(x, groups)
    axes = (*range(x.ndim - 2 if spatial else 0), x.ndim - 1)
    deviation = parts - np.mean(parts, axes, keepdims=True)
    normal = deviation / np.sqrt(np.mean(deviation * deviation, axes, keepdims=True) + epsilon)
    return normal.reshape(x.shape) * per_channel(scale) + per_channel(offset)


def undo_normalise_in_words(x: Payload, *statistics: Payload, kind: str) -> Payload:
    factor, shift = undoing(kind, *(with_trailing_axes(raw_values(statistic), x) for statistic in statistics))
    return x * factor + shift


SECOND |= {"batch_norm": composed(batch_norm_in_words), "batch_norm_inference": composed(batch_norm_inference_in_words),
           "group_norm": composed(group_norm_in_words), "undo_normalise": composed(undo_normalise_in_words)}
