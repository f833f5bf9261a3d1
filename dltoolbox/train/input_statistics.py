"""Statistics of a whole training set, for input normalisation."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

import numpy as np

from dltoolbox.core.arrays import real_steps
from dltoolbox.data.sources.batches import Batch

CONVERTED_AT_A_TIME = 1 << 20  # elements converted to float64 at a time

STATISTICS = ("Mean", "StandardDeviation", "Min", "Max")


def chunk_size(sizes: tuple[int, ...]) -> int:
    """How many observations of this size the batches of `normalization_statistics` should have."""
    return max(1, CONVERTED_AT_A_TIME // max(1, prod(sizes)))


def without_padding(batch: Batch, number: int, *, timed: bool) -> np.ndarray:
    """One input of a batch as observations …×C×N; of sequences these are all time steps, without padding."""
    x = batch.inputs[number]
    if not timed:
        return x
    lengths = batch.lengths[number] if batch.lengths is not None else None
    return x[..., real_steps(np.full(x.shape[-1], x.shape[-2]) if lengths is None else lengths, x.shape[-2])]


def normalization_statistics(batches: Iterable[np.ndarray], dimension: str = "channel",
                             wanted: Iterable[str] = STATISTICS) -> dict[str, np.ndarray]:
    """Mean, standard deviation, minimum and maximum over all observations, in float64, in one pass.

    MATLAB leaves open which deviation it takes; here it is that of the population, √(Σ(x − mean)²/n).

    Args:
        batches: Arrays …×C×N of any real type; each is converted as a whole, so `chunk_size` says how large they should be.
        dimension: ``'channel'`` for one value per channel, ``'element'`` for one per element of an observation, or
            ``'all'`` for a single value.
        wanted: Names out of `STATISTICS`.

    Returns:
        The wanted statistics by name, shaped like one observation with the reduced dimensions 1: H×W×C → 1×1×C for
        'channel', H×W×C for 'element', 1×1×1 for 'all'.
    """
    names, moments, statistics = list(wanted), Moments(), dict[str, np.ndarray]()
    for x in batches:
        last = x.ndim - 1
        axes = {"channel": (*range(last - 1), last), "element": (last,), "all": tuple(range(x.ndim))}[dimension]
        if "Mean" in names or "StandardDeviation" in names:
            moments.add(x, axes)
        for name, extreme in (("Min", np.minimum), ("Max", np.maximum)):
            if name in names:
                part = extreme.reduce(x, axis=axes, keepdims=True)
                statistics[name] = extreme(statistics[name], part) if name in statistics else part
    if moments.count:
        statistics |= {"Mean": moments.origin + moments.mean, "StandardDeviation": np.sqrt(moments.squares / moments.count)}
    return {name: np.asarray(statistics[name], np.float64)[..., 0] for name in names}


class Moments:
    """Mean, and sum of the squared deviations from it, of batches that come one after the other.

    They are accumulated with the pairwise formula of Chan, Golub and LeVeque (1979), of data less their first value (section
    3 of their "Algorithms for computing the sample variance", 1983): so they stay exact for data far from zero, and a
    feature that never varies has a deviation of exactly 0.
    """

    def __init__(self) -> None:
        self.count = 0
        self.origin = self.mean = self.squares = np.zeros(())  # the mean is counted from the origin

    def add(self, x: np.ndarray, axes: tuple[int, ...]) -> None:
        """The deviations of two parts combine exactly. ``axes``, the observation among them, are reduced."""
        if not self.count:
            self.origin = x[tuple(slice(1) if axis in axes else slice(None) for axis in range(x.ndim))].astype(np.float64)
        part = x.astype(np.float64)
        part -= self.origin
        more = prod(part.shape[axis] for axis in axes)
        part_mean = part.mean(axis=axes, keepdims=True)
        part -= part_mean
        np.square(part, out=part)
        shift = part_mean - self.mean
        total = self.count + more
        self.squares = self.squares + part.sum(axis=axes, keepdims=True) + shift ** 2 * (self.count * more / total)
        self.mean = self.mean + shift * (more / total)
        self.count = total
