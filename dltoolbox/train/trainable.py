"""What the loop asks of a model: parameters to step along gradients, and nothing about layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

Arrays = Sequence[np.ndarray]


class Parameter(Protocol):
    """One learnable array. The solver changes ``value`` in place and never replaces it."""

    layer: str
    name: str
    value: np.ndarray
    learn_rate_factor: float
    l2_factor: float


class StepResult(Protocol):
    """What one training step found out.

    ``loss`` is that of the data alone, without the L2 term. ``gradients`` are aligned with the model's parameters,
    None where there is none; they are handed over: the solver overwrites them. The same arrays in every step, one after
    the other in memory as the parameters are, are moved together.
    """

    @property
    def loss(self) -> float: ...
    @property
    def predictions(self) -> Arrays: ...
    @property
    def gradients(self) -> Sequence[np.ndarray | None]: ...


class Trainable(Protocol):
    """A model as the loop sees it.

    Inputs and targets have the observation as their last axis, any type and any strides, and are valid for this call;
    targets of classes are logical and one-hot.
    """

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    def step(self, inputs: Arrays, targets: Arrays) -> StepResult:
        """Forward and backward in training mode; also advances running statistics. Changes no parameter."""

    def evaluate(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
        """Loss and predictions in inference mode; changes nothing."""

    def spoilt_state(self) -> tuple[str, str] | None:
        """Layer and name of a running statistic, or another state, that is NaN or Inf; None where all are finite."""

    def snapshot(self, into: Any = None) -> Any:
        """A copy of all parameters and states, in the memory of an earlier snapshot if one is given."""

    def restore(self, snapshot: Any) -> None:
        """Back to a snapshot; the parameter arrays stay the same objects. A snapshot can be restored repeatedly."""

    def finalize_statistics(self, batches: Iterable[Arrays]) -> None:
        """Replace running statistics by those of all the batches; a model without any stops reading early."""
