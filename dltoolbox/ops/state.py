"""How states follow values: the rules that pages give to `Builder.update_state`.

A state is a stored array that training sets but does not differentiate. The network records *which* values it follows;
a rule says *how*: after every training step, or by one pass over the whole training set, when training ends. Rules are
data, so every engine can read them; their NumPy meaning stands here, as that of ops does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from dltoolbox.ops.graph import Value


class StepRule:
    """What a training step does to a state."""

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        """Change the state in place."""
        raise NotImplementedError


@dataclass(frozen=True)
class Assign(StepRule):
    """state ← value: what recurrent layers carry over to the next step."""

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        state[...] = value


@dataclass(frozen=True)
class MovingAverage(StepRule):
    """state ← decay·value + (1 − decay)·state; zero before it becomes a denormal number."""

    decay: float

    def step(self, state: np.ndarray, value: np.ndarray) -> None:
        state *= 1 - self.decay
        state += self.decay * value
        state[np.abs(state) < np.finfo(state.dtype).tiny] = 0


@dataclass(frozen=True)
class Population:
    """The statistic of a whole set out of those of its mini-batches: their mean, weighted by the numbers of observations.

    A variance lies within mini-batches and between them (law of total variance): ``between`` is the value whose variance
    among the mini-batches is added, which is their mean.
    """

    between: Value | None = None

    def of_set(self, values: np.ndarray, between: np.ndarray | None = None, *, weights: list[int]) -> Any:
        """The state; the mini-batches are the first axis of what they gave."""
        if between is not None:
            values = values + (between - np.average(between, axis=0, weights=weights)) ** 2
        return np.average(values, axis=0, weights=weights)


Rule = StepRule | Population
