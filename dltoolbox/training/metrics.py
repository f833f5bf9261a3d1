"""Accuracy and RMSE, as sums over mini-batches so that a whole set is measured piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan, sqrt

import numpy as np

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A figure shown during training: ``measure`` gives a total and its weight for a batch, ``value`` their figure.

    ``loss_weight`` tells how much a batch counts in the mean loss of a set: by what its loss was divided.
    """

    name: str
    measure: Callable[[Arrays, Arrays], tuple[float, float]]
    figure: Callable[[float], float]
    loss_weight: Callable[[Arrays], float]

    def value(self, total: float, weight: float) -> float:
        return self.figure(total / weight) if weight else nan

    def of(self, predictions: Arrays, targets: Arrays) -> float:
        """The figure of one batch."""
        return self.value(*self.measure(predictions, targets))


def count_labelled(targets: Arrays) -> float:
    """Observations (or pixels) with a label; the one-hot target of an undefined one is all zero."""
    return float(sum(np.count_nonzero(t.any(axis=-2)) for t in targets))


def count_observations(targets: Arrays) -> float:
    return float(targets[0].shape[-1])


def hits(predictions: Arrays, targets: Arrays) -> tuple[float, float]:
    """How many labelled observations (or pixels) have their highest score at the label, and how many there are."""
    right, labelled = 0.0, 0.0
    for y, t in zip(predictions, targets, strict=True):
        defined = t.any(axis=-2)
        right += float(np.count_nonzero((np.argmax(y, axis=-2) == np.argmax(t, axis=-2)) & defined))
        labelled += float(np.count_nonzero(defined))
    return right, labelled


def squared_error(predictions: Arrays, targets: Arrays) -> tuple[float, float]:
    """Sum of squared errors, and the number of response elements."""
    total = sum(float(np.square(y - t, dtype=np.float64).sum()) for y, t in zip(predictions, targets, strict=True))
    return total, float(sum(t.size for t in targets))


METRICS = {
    "accuracy": Metric("Accuracy", hits, lambda mean: 100 * mean, count_labelled),
    "rmse": Metric("RMSE", squared_error, sqrt, count_observations),
}
