"""States that follow the values of a run: after every training step, or by one pass over a whole set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from dltoolbox.data.sources.batches import Batch
from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.ops import ParameterKey
from dltoolbox.ops.graph import Population, StepRule
from dltoolbox.program.executable import Outcome


def update_states(arrays: ParameterArrays, run: Outcome) -> None:
    """After a training step."""
    for key, value, rule in run.graph.updates:
        if isinstance(rule, StepRule):
            rule.step(arrays[key], run[value])


def finalise_states(arrays: ParameterArrays, batches: Iterable[Batch],
                    forward: Callable[[Batch], Outcome | None]) -> None:
    """Set the states that describe the population to those of the whole set.

    Args:
        arrays: Where the states are kept.
        batches: Mini-batches; none is drawn after ``forward`` returned None.
        forward: Runs one of them in training mode; returns None when there are no such states.
    """
    rules: dict[ParameterKey, Population] = {}
    parts: defaultdict[ParameterKey, list[list[np.ndarray]]] = defaultdict(list)
    weights: defaultdict[ParameterKey, list[float]] = defaultdict(list)
    for batch in batches:
        run = forward(batch)
        if run is None:
            return
        for key, value, rule in run.graph.updates:
            if isinstance(rule, Population):
                rules[key] = rule
                read = (value,) if rule.between is None else (value, rule.between)
                parts[key].append([run[one].astype(np.float64) for one in read])
                weights[key].append(batch.inputs[0].shape[-1] if rule.count is None else float(run[rule.count].sum()))
    for key, rule in rules.items():
        arrays[key][...] = rule.of_set(*map(np.stack, zip(*parts[key], strict=True)), weights=weights[key])
