"""Statistics of batch normalisation: moved a little by every training step, or settled by one pass over a whole set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.ops import ParameterKey
from dltoolbox.program.executable import Outcome


def move_statistics(arrays: ParameterArrays, run: Outcome) -> None:
    """state ← decay·(value of this batch) + (1 − decay)·state; zero before it becomes a denormal number."""
    for update in run.graph.updates:
        for key, value, decay in update:
            state = arrays[key]
            state *= 1 - decay
            state += decay * run[value]
            state[np.abs(state) < np.finfo(state.dtype).tiny] = 0


def settle_statistics(arrays: ParameterArrays, batches: Iterable[Sequence[np.ndarray]],
                      forward: Callable[[Sequence[np.ndarray]], Outcome | None]) -> None:
    """Set the statistics to those of the whole set.

    The mean is the mean of the batch means; the variance is the mean of the batch variances plus the variance of the
    batch means (law of total variance), both weighted by batch size.

    Args:
        arrays: Where the statistics are kept.
        batches: The inputs, mini-batch by mini-batch; none is drawn after ``forward`` returned None.
        forward: Runs one of them in training mode; returns None when there are no statistics to settle.
    """
    found: dict[tuple[ParameterKey, ParameterKey], list[tuple[np.ndarray, np.ndarray]]] = {}
    weights: list[int] = []
    for inputs in batches:
        run = forward(inputs)
        if run is None:
            return
        weights.append(inputs[0].shape[-1])
        for mean, variance in run.graph.updates:
            pair = run[mean.value].astype(np.float64), run[variance.value].astype(np.float64)
            found.setdefault((mean.key, variance.key), []).append(pair)
    for (mean_key, variance_key), pairs in found.items():
        means, variances = (np.stack(values) for values in zip(*pairs, strict=True))
        mean_of_all = np.average(means, axis=0, weights=weights)
        arrays[mean_key][...] = mean_of_all
        arrays[variance_key][...] = np.average(variances + (means - mean_of_all) ** 2, axis=0, weights=weights)
