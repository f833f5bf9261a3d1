"""The user's output functions."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np

from dltoolbox.core.convert import Function
from dltoolbox.core.errors import fail
from dltoolbox.core.properties import show
from dltoolbox.runtime.interrupts import released
from dltoolbox.train.observers.observer import Course, Observer, Record, TrainingEnd


class OutputFunctions(Observer):
    """Calls every OutputFcn with the state of training; one that returns True stops it."""

    def __init__(self, functions: Sequence[Function], course: Course) -> None:
        self.functions, self.course = functions, course
        self.last: Record | None = None

    def begin(self) -> bool:
        return self.call("start")

    def wants_to_stop(self, record: Record) -> bool:
        self.last = record
        return self.call("iteration")

    def note(self, record: Record, reason: str) -> None:
        self.last = record

    def end(self, ending: TrainingEnd) -> None:
        self.call("done")

    def call(self, state: str) -> bool:
        info = self.info(state)
        with released():
            answers = [function(info) for function in self.functions]  # all are called
        stops = [asks_to_stop(*pair) for pair in zip(self.functions, answers, strict=True)]
        return any(stops)

    def info(self, state: str) -> SimpleNamespace:
        """MATLAB's struct for output functions; ``[]`` where there is no value."""
        def value(of: str) -> object:
            got = None if self.last is None else getattr(self.last, of)
            return [] if got is None else got
        name = self.course.metric
        return SimpleNamespace(**{
            "Epoch": value("epoch") or 0, "Iteration": value("iteration") or 0, "TimeSinceStart": self.course.elapsed(),
            "TrainingLoss": value("loss"), "ValidationLoss": value("validation_loss"), "BaseLearnRate": value("rate"),
            f"Training{name}": value("metric"), f"Validation{name}": value("validation_metric"), "State": state})


def asks_to_stop(function: object, answer: object) -> bool:
    """The answer of an output function: a logical scalar, or nothing."""
    value = answer.item() if isinstance(answer, (np.ndarray, np.generic)) and answer.size == 1 else answer
    if value is None:
        return False
    if not isinstance(value, (bool, int, float)) or value not in (0, 1):
        fail("trainNetwork:invalidOutputFcnResult", f"An OutputFcn must return True to stop training, and False or nothing "
             f"to go on, but {getattr(function, '__name__', 'one')} returned {show(answer)}.",
             "Return one logical value; of an array, for example its any() or all().")
    return bool(value)
