"""Statistics of a whole training set, for input normalisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np

CHUNK = 1 << 20  # elements converted to float64 at a time

STATISTICS = ("Mean", "StandardDeviation", "Min", "Max")


def normalization_statistics(x: np.ndarray, dimension: str = "channel",
                             wanted: Iterable[str] = STATISTICS) -> dict[str, np.ndarray]:
    """Mean, standard deviation, minimum and maximum over all observations, in float64.

    The moments are accumulated chunk by chunk with the pairwise formula of Chan, Golub and LeVeque (1979), of data less
    their first value (section 3 of their "Algorithms for computing the sample variance", 1983): so they stay exact for data
    far from zero, and a feature that never varies has a deviation of exactly 0. MATLAB leaves open which deviation it takes;
    here it is that of the population, √(Σ(x − mean)²/n).

    Args:
        x: An array …×C×N of any real type.
        dimension: ``'channel'`` for one value per channel, ``'element'`` for one per element of an observation, or
            ``'all'`` for a single value.
        wanted: Names out of `STATISTICS`; each of Min and Max, and the moments together, cost one pass.

    Returns:
        The wanted statistics by name, shaped like one observation with the reduced dimensions 1: H×W×C → 1×1×C for
        'channel', H×W×C for 'element', 1×1×1 for 'all'.
    """
    last = x.ndim - 1
    axes = {"channel": (*range(last - 1), last), "element": (last,), "all": tuple(range(x.ndim))}[dimension]
    names, found = list(wanted), {}
    if "Mean" in names or "StandardDeviation" in names:
        mean, variance = _moments(x, axes)
        found = {"Mean": mean, "StandardDeviation": np.sqrt(variance)}
    if "Min" in names:
        found["Min"] = np.min(x, axis=axes, keepdims=True)
    if "Max" in names:
        found["Max"] = np.max(x, axis=axes, keepdims=True)
    return {name: np.asarray(found[name], np.float64)[..., 0] for name in names}


def _moments(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population variance; n, mean and the sum of squared deviations of two parts combine exactly."""
    origin = x[tuple(slice(1) if axis in axes else slice(None) for axis in range(x.ndim))].astype(np.float64)
    count, mean, squares = 0, np.float64(0), np.float64(0)
    for part in _chunks(x):
        part -= origin
        more = prod(part.shape[axis] for axis in axes)
        part_mean = part.mean(axis=axes, keepdims=True)
        part -= part_mean
        np.square(part, out=part)
        shift = part_mean - mean
        total = count + more
        squares = squares + part.sum(axis=axes, keepdims=True) + shift ** 2 * (count * more / total)
        mean = mean + shift * (more / total)
        count = total
    return origin + mean, np.asarray(squares) / count


def _chunks(x: np.ndarray) -> Iterator[np.ndarray]:
    """The observations in order, a few at a time, as float64 copies."""
    step = max(1, CHUNK // max(1, x[..., :1].size))
    return (x[..., start:start + step].astype(np.float64) for start in range(0, x.shape[-1], step))
