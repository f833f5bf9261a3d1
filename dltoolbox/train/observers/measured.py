"""The figures that a plot of training shows: curves, smoothed and not, and validations."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from math import isfinite, nan

import numpy as np

from dltoolbox.train.observers.observer import Record, TrainingEnd

SHORTEST_SPAN, LONGEST_SPAN = 4, 100  # iterations over which a curve is smoothed: few in the beginning, where it moves fast
SPAN_SHARE = 0.05  # of the iterations so far, between these
LINE_POINTS = 1600  # of one line; a longer one is drawn by the extremes of its pieces


@dataclass
class Curve:
    """A figure of every iteration, and its moving average, in which the weights of old ones fade exponentially."""

    raw: array[float] = field(default_factory=lambda: array("d"))
    smooth: array[float] = field(default_factory=lambda: array("d"))
    total: float = 0.0
    weight: float = 0.0

    def append(self, value: float) -> None:
        self.raw.append(value)
        if isfinite(value):
            share = 1 / min(max(SPAN_SHARE * len(self.raw), SHORTEST_SPAN), LONGEST_SPAN)
            self.total += (value - self.total) * share
            self.weight += (1 - self.weight) * share
        self.smooth.append(self.total / self.weight if self.weight else nan)


@dataclass
class Measured:
    """Everything so far. Validations are (iteration, loss, metric)."""

    loss: Curve = field(default_factory=Curve)
    metric: Curve = field(default_factory=Curve)
    validations: list[tuple[int, float, float]] = field(default_factory=list)
    last: Record | None = None

    def append(self, record: Record) -> None:
        self.last = record
        self.loss.append(record.loss)
        self.metric.append(record.metric)
        if record.validation_loss is not None and record.validation_metric is not None:
            self.validations.append((record.iteration, record.validation_loss, record.validation_metric))

    def append_final(self, ending: TrainingEnd) -> None:
        """The returned network is validated in the end, whether that was due or not."""
        if isfinite(ending.loss) and ending.iteration > (self.validations[-1][0] if self.validations else 0):
            self.validations.append((ending.iteration, ending.loss, ending.metric))


def outline(values: np.ndarray, points: int = LINE_POINTS) -> np.ndarray:
    """Indices of at most so many values that draw the same picture: smallest and largest of each piece."""
    if values.size <= points:
        return np.arange(values.size)
    length = -(-2 * values.size // points)
    pieces = np.full((-(-values.size // length), length), nan)
    pieces.ravel()[:values.size] = values
    finite = np.isfinite(pieces)
    lows, highs = np.where(finite, pieces, np.inf).argmin(axis=1), np.where(finite, pieces, -np.inf).argmax(axis=1)
    found = np.sort(np.stack([lows, highs]), axis=0) + length * np.arange(len(pieces))
    return np.unique(np.append(np.minimum(found.T, values.size - 1), values.size - 1))


def usual_limits(raw: np.ndarray, validations: np.ndarray) -> tuple[float, float, float]:
    """Lowest and highest value for an axis, and the peak: a few values far beyond all others do not flatten the rest."""
    values = np.concatenate([raw[np.isfinite(raw)], validations[np.isfinite(validations)]])
    if not values.size:
        return 0.0, 1.0, 1.0
    peak = float(values.max())
    later = validations[1:][np.isfinite(validations[1:])]
    usual = max(float(np.quantile(values, 0.98)), float(later.max(initial=-np.inf)))
    low = min(0.0, float(values.min()))
    high = 1.25 * usual if peak > 3 * usual > 0 else peak
    return low, (high if high > low else low + 1), peak


def iterations_shown(iteration: int, iterations: int) -> int:
    """How many iterations the axis shows: all, a half, a quarter …, so that half of it is in use and it rarely moves."""
    shown = iterations
    while shown > 20 and iteration <= shown / 2:
        shown = -(-shown // 2)
    return max(shown, 1)


def epochs_per_band(epochs: float, bands: int = 8) -> int:
    """1, 2, 5, 10, 20, … epochs, so that there are not many more bands than so many."""
    step = 1
    while epochs / step > bands:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step
