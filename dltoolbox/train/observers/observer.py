"""Messages of the training loop to its observers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from dltoolbox.train.options import TrainingOptions


@dataclass
class Record:
    """Facts about one iteration. Validation figures are None if no validation was made."""

    epoch: int
    iteration: int
    elapsed: float
    rate: float
    loss: float
    metric: float
    validation_loss: float | None = None
    validation_metric: float | None = None


@dataclass(frozen=True)
class Course:
    """Facts about a training before its first iteration.

    ``metric`` is 'Accuracy' (percent) or 'RMSE', ``iterations`` how many there are unless something stops training, and
    ``start`` when it began, by `time.perf_counter`.
    """

    options: TrainingOptions
    metric: str
    validated: bool
    per_epoch: int
    iterations: int
    start: float

    def elapsed(self) -> float:
        return time.perf_counter() - self.start


@dataclass(frozen=True)
class TrainingEnd:
    """Why training ended; of the returned network the validation figures, NaN if there are none, and its iteration."""

    reason: str
    loss: float
    metric: float
    iteration: int


class Observer:
    """Watches a training: the loop calls these methods; each observer has those that it needs."""

    def announce(self, text: str) -> None:
        """Something is being done before the first iteration."""

    def begin(self) -> bool:
        """The first iteration comes next; whether to stop before it."""
        return False

    def wants_to_stop(self, record: Record) -> bool:
        """Whether to stop after this iteration, which was validated if that was due; every observer is asked."""
        return False

    def note(self, record: Record, reason: str) -> None:
        """The iteration is complete; ``reason`` says why it is the last one, and is empty if it is not."""

    def end(self, ending: TrainingEnd) -> None:
        """Training is over."""

    def abandon(self) -> None:
        """An error ends training; it may come after `end`."""
