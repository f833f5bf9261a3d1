"""The table that training prints, and the history that it returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import nan
from types import SimpleNamespace
from typing import Any

import numpy as np

from dltoolbox.core.display import aligned, number_text
from dltoolbox.runtime.console import say
from dltoolbox.train.observers.observer import Observer, Record, TrainingEnd


class TrainingInfo(SimpleNamespace):
    """The history of a training, as MATLAB's ``info`` struct: one value per iteration, NaN where not validated.

    TrainingLoss, TrainingAccuracy (percent) or TrainingRMSE, ValidationLoss, ValidationAccuracy or ValidationRMSE,
    BaseLearnRate; and of the returned network FinalValidationLoss, FinalValidationAccuracy or FinalValidationRMSE, and
    OutputNetworkIteration.
    """

    def __repr__(self) -> str:
        def text(value: Any) -> str:
            return f"[1×{value.size} double]" if isinstance(value, np.ndarray) else number_text(value)
        return f"  struct with fields:\n\n{aligned((name, text(value)) for name, value in vars(self).items())}\n"


def make_info(metric: str, records: Sequence[Record], final_loss: float, final_metric: float,
              output_iteration: int) -> TrainingInfo:
    """The `TrainingInfo` of the records; ``metric`` is 'Accuracy' or 'RMSE'."""
    def column(name: str) -> np.ndarray:
        values = [getattr(record, name) for record in records]
        return np.array([nan if value is None else value for value in values], dtype=np.float64)
    return TrainingInfo(**{
        "TrainingLoss": column("loss"), f"Training{metric}": column("metric"),
        "ValidationLoss": column("validation_loss"), f"Validation{metric}": column("validation_metric"),
        "BaseLearnRate": column("rate"), "FinalValidationLoss": final_loss, f"FinalValidation{metric}": final_metric,
        "OutputNetworkIteration": output_iteration})


@dataclass(frozen=True)
class TableColumn:
    """A column of the table: two heading lines and the width between the blanks beside the bars."""

    above: str
    below: str
    width: int


@dataclass
class ProgressTable(Observer):
    """The progress table.

    Args:
        metric: 'Accuracy' (percent) or 'RMSE'.
        validated: Whether there are validation columns.
        enabled: Whether anything is printed.
        frequency: Iterations between rows.
        iterations: How many there are, unless something stops training.
    """

    metric: str
    validated: bool
    enabled: bool = True
    frequency: int = 50
    iterations: int = 0
    columns: list[TableColumn] = field(init=False)

    def __post_init__(self) -> None:
        kinds = ["Mini-batch", "Validation"] if self.validated else ["Mini-batch"]
        self.columns = [TableColumn("Epoch", "", 7), TableColumn("Iteration", "", 11),
                        TableColumn("Time Elapsed", "(hh:mm:ss)", 14),
                        *(TableColumn(kind, self.metric, 12) for kind in kinds),
                        *(TableColumn(kind, "Loss", 12) for kind in kinds), TableColumn("Base Learning", "Rate", 15)]

    def announce(self, text: str) -> None:
        self.line(text)

    def begin(self) -> bool:
        self.head()
        return False

    def note(self, record: Record, reason: str) -> None:
        if (reason or record.validation_loss is not None or record.iteration in (1, self.iterations)
                or record.iteration % self.frequency == 0):
            self.row(record)

    def end(self, ending: TrainingEnd) -> None:
        self.close(ending.reason)

    def line(self, text: str) -> None:
        if self.enabled:
            say(text, flush=True)

    def rule(self) -> None:
        self.line(f"|{'=' * (sum(c.width + 3 for c in self.columns) - 1)}|")

    def head(self) -> None:
        self.rule()
        self.line(_row(f"{c.above:^{c.width}}" for c in self.columns))
        self.line(_row(f"{c.below:^{c.width}}" for c in self.columns))
        self.rule()

    def row(self, record: Record) -> None:
        figure = percent_text if self.metric == "Accuracy" else rmse_text
        cells = [str(record.epoch), str(record.iteration), clock_text(record.elapsed), figure(record.metric)]
        cells += [figure(record.validation_metric)] if self.validated else []
        cells += [small_text(record.loss)]
        cells += [small_text(record.validation_loss)] if self.validated else []
        cells += [small_text(record.rate)]
        self.line(_row(cell.rjust(c.width) for cell, c in zip(cells, self.columns, strict=True)))

    def close(self, reason: str) -> None:
        self.rule()
        self.line(f"Training finished: {reason}")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def clock_text(seconds: float) -> str:
    """``00:00:13``"""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def percent_text(value: float | None) -> str:
    return "" if value is None else "NaN" if value != value else f"{value:.2f}%"


def rmse_text(value: float | None) -> str:
    return "" if value is None else "NaN" if value != value else f"{value:.2f}" if value < 1e8 else f"{value:.4e}"


def small_text(value: float | None) -> str:
    """Four decimals, ``0.0100``; as ``1.0000e-04`` where these would hide the number or not fit."""
    if value is None:
        return ""
    if not np.isfinite(value):
        return number_text(value)
    fits = value == 0 or 1.5e-4 <= abs(value) < 1e7
    return f"{value:.4f}" if fits else f"{value:.4e}"
