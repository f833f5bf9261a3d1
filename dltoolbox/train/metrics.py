"""Accuracy and RMSE, as sums over mini-batches so that a whole set is measured piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.data.sources.batches import Batch
from dltoolbox.engines.engine import BatchArrays

SCORES_AT_A_TIME = 1 << 17  # scores looked at at a time


@dataclass(frozen=True)
class Metric:
    """A figure shown during training: ``measure`` gives a total and its weight for a batch, ``value`` their figure.

    ``loss_weight`` tells how much a batch counts in the mean loss of a set: by what its loss was divided.
    """

    name: str
    measure: Callable[[BatchArrays, BatchArrays], tuple[float, float]]
    figure: Callable[[float], float]
    loss_weight: Callable[[BatchArrays], float]

    def value(self, total: float, weight: float) -> float:
        return self.figure(total / weight) if weight else nan

    def of(self, predictions: BatchArrays, targets: BatchArrays) -> float:
        """The figure of one batch."""
        return self.value(*self.measure(predictions, targets))


def as_observations(predictions: BatchArrays, batch: Batch) -> tuple[BatchArrays, BatchArrays]:
    """Predictions and targets of a batch, in which every real step of a sequence is an observation."""
    if batch.target_lengths is None:
        return predictions, batch.targets
    real = real_steps(batch.target_lengths, batch.targets[0].shape[-2])
    return [y[..., real] for y in predictions], [t[..., real] for t in batch.targets]


def count_labelled(targets: BatchArrays) -> float:
    """Observations (or pixels) with a label: as many as there are ones in one-hot targets."""
    return float(sum(np.count_nonzero(t) for t in targets))


def count_observations(targets: BatchArrays) -> float:
    return float(targets[0].shape[-1])


def hits(predictions: BatchArrays, targets: BatchArrays) -> tuple[float, float]:
    """How many labelled observations (or pixels) have their highest score at the label, and how many there are."""
    right = sum(highest_at_label(*part) for y, t in zip(predictions, targets, strict=True) for part in row_blocks(y, t))
    return float(right), count_labelled(targets)


def highest_at_label(y: np.ndarray, t: np.ndarray) -> int:
    """Number of the columns of t (…×K×N) that have their one where y has its first maximum.

    Comparing every score with the maximum does without `argmax`, which copies and goes column by column. Of maps with
    few classes it is done class by class: 0.2 ms instead of 1 for 8 maps of 64×64 pixels and 4 classes.
    """
    classes = y.shape[-2]
    if 16 * classes * classes < y.size:
        groups = [(y[..., k, :], t[..., k, :]) for k in range(classes)]
        top = groups[0][0].copy()
        for scores, _ in groups[1:]:
            np.maximum(top, scores, out=top)
    else:
        groups = [(y, t)]
        top = np.maximum.reduce(y, axis=-2, keepdims=True)
    maxima = right = 0
    for scores, label in groups:
        equal = scores == top
        maxima += int(np.count_nonzero(equal))
        right += int(np.count_nonzero(np.logical_and(equal, label, out=equal)))
    if maxima == top.size:
        return right
    first = np.argmax(y, axis=-2, keepdims=True)  # maxima that occur twice, or NaN, which equals nothing
    return int(np.count_nonzero(np.take_along_axis(t, first, axis=-2)))


def squared_error(predictions: BatchArrays, targets: BatchArrays) -> tuple[float, float]:
    """Sum of squared errors, and the number of response elements."""
    total = 0.0
    for y, t in zip(predictions, targets, strict=True):
        for part, its_target in row_blocks(y, t):
            error = (part - its_target).astype(np.float64, copy=False).ravel(order="K")
            total += float(error @ error)
    return total, float(sum(t.size for t in targets))


def row_blocks(y: np.ndarray, t: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Both arrays a few rows of the maps at a time, so that what is computed from them stays in the cache."""
    if y.ndim < 3 or y.size <= SCORES_AT_A_TIME:
        return iter([(y, t)])
    rows = max(1, SCORES_AT_A_TIME * len(y) // y.size)
    return ((y[at:at + rows], t[at:at + rows]) for at in range(0, len(y), rows))


METRICS = {
    "accuracy": Metric("Accuracy", hits, lambda mean: 100 * mean, count_labelled),
    "rmse": Metric("RMSE", squared_error, sqrt, count_observations),
}
