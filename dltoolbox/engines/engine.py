"""The protocol of engines, which the training loop, trainNetwork, predict and its kin rely on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.data.sources.batches import Batch, Lengths
from dltoolbox.layers.base import Factor
from dltoolbox.network.lowering.lower import Lowered
from dltoolbox.network.lowering.modes import InputSizes
from dltoolbox.network.networks import DAGNetwork
from dltoolbox.ops import ParameterKey
from dltoolbox.program.data_layout import ModelInput, Result

BatchArrays = Sequence[np.ndarray]
States = Mapping[ParameterKey, np.ndarray]  # carried states, C×B


class Parameter(Protocol):
    """One learnable array. The solver changes ``value`` in place and never replaces it. A factor is one number, or one for
    each of as many equal parts of the rows. The column ``still`` of the last axis gets gradients of zero, and does not
    decay.
    """

    layer: str
    name: str
    value: np.ndarray
    learn_rate_factor: Factor
    l2_factor: Factor
    still: int | None


class StepResult(Protocol):
    """The results of one training step.

    ``loss`` is that of the data alone, without the L2 term. ``gradients`` are aligned with the model's parameters,
    None where there is none; they are handed over: the solver overwrites them. The same arrays in every step, one after
    the other in memory as the parameters are, are moved together.
    """

    @property
    def loss(self) -> float: ...
    @property
    def predictions(self) -> BatchArrays: ...
    @property
    def gradients(self) -> Sequence[np.ndarray | None]: ...


class Trainable(Protocol):
    """A model as the loop sees it: parameters to step along gradients, and nothing about layers.

    Inputs and targets have the observation as their last axis, any type and any strides, and are valid for this call;
    targets of classes are logical and one-hot.
    """

    @property
    def parameters(self) -> Sequence[Parameter]: ...

    def step(self, inputs: BatchArrays, targets: BatchArrays, *, lengths: Lengths = None,
             continues: np.ndarray | None = None, carry: bool = False) -> StepResult:
        """Forward and backward in training mode; also advances running statistics. Changes no parameter.

        The keywords are those of a `Batch`.
        """

    def evaluate(self, inputs: BatchArrays, targets: BatchArrays, *, lengths: Lengths = None,
                 continues: np.ndarray | None = None, carry: bool = False) -> tuple[float, BatchArrays]:
        """Loss and predictions in inference mode; changes nothing but what is carried."""

    def spoilt_state(self) -> tuple[str, str] | None:
        """Layer and name of a running statistic, or another state, that is NaN or Inf; None where all are finite."""

    def snapshot(self, into: Any = None) -> Any:
        """A copy of all parameters and states, in the memory of an earlier snapshot if one is given."""

    def restore(self, snapshot: Any) -> None:
        """Back to a snapshot; the parameter arrays stay the same objects. A snapshot can be restored repeatedly."""

    def finalize_statistics(self, batches: Iterable[Batch]) -> None:
        """Replace running statistics by those of all the batches; a model without any stops reading early."""


class Engine(Trainable, Protocol):
    """A network and its arrays, as an execution environment runs it."""

    @property
    def inputs(self) -> Sequence[ModelInput]:
        """Entrances for data."""

    @property
    def leaving(self) -> Sequence[Dims]:
        """Sizes of what leaves, for inputs of the declared sizes."""

    @property
    def initial_states(self) -> States:
        """The carried states as the layers say them: C×1, the same for every observation, or C×N."""

    @property
    def common_states(self) -> Collection[ParameterKey]:
        """Those of the carried states that all observations have in common, of any size."""

    @property
    def carried(self) -> States:
        """The states that the last run left that was asked to ``carry``."""

    def types(self, stored: Sequence[np.dtype[Any]]) -> Sequence[np.dtype[Any]]:
        """In which type each input enters, of data of these types."""

    def assign(self, key: ParameterKey, value: np.ndarray) -> None:
        """Set an array of a layer, in any shape of as many elements."""

    def lowered(self, sizes: InputSizes, *, training: bool, ports: Sequence[str] = ()) -> Lowered:
        """The record of ops for data of these sizes; every problem before these ports, or all, is raised."""

    def prepare(self, inputs: BatchArrays, ports: Sequence[str] = ()) -> None:
        """Do all that predicting needs for data of these sizes, but for running; raises what stands against it."""

    def results(self, inputs: BatchArrays, ports: Sequence[str] = (), *, lengths: Lengths = None,
                continues: np.ndarray | None = None, carry: bool = False,
                states: States | None = None) -> Sequence[Result]:
        """Values at output ports (``conv_1/out``), by default what leaves the network, in prediction mode.

        ``states`` are carried states to begin with, in the place of the layers'.
        """

    def network(self) -> DAGNetwork:
        """The network with the present values as the properties of its layers."""
