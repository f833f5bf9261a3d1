"""A model whose forward and backward passes run one by one, with values that are brought in from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol
from weakref import ref

import numpy as np

from dltoolbox.data.sources.batches import Lengths
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.network.lowering.lower import Lowered
from dltoolbox.network.lowering.modes import Taped
from dltoolbox.ops import ParameterKey, Value
from dltoolbox.ops.graph import StepRule
from dltoolbox.program.executable import Outcome
from dltoolbox.program.model import Compiled, Model, one_at_a_time
from dltoolbox.runtime import compiling

GivenArrays = Mapping[ParameterKey, np.ndarray]


class Holder(Protocol):
    """A run that has begun, and may go on."""

    def give_back(self) -> None:
        """Lose the model; what it had computed will be computed again."""


class TapedGradients(NamedTuple):
    """Gradients of learnables, of those that a result depends on, and of the data that entered, if they were asked for."""

    learnables: ParameterArrays
    inputs: list[np.ndarray]


class Request(NamedTuple):
    """All that a run was asked for, so that it can run again."""

    values: GivenArrays
    inputs: Sequence[np.ndarray]
    mode: Taped
    ports: tuple[str, ...]
    lengths: Lengths
    states: GivenArrays | None
    carry: bool
    version: object


class TapedModel(Model):
    """A model whose two passes are run one by one, with values that are brought in from outside."""

    def __init__(self, lgraph: LayerGraph, dtype: np.dtype, lowered: Lowered, arrays: GivenArrays, *, fast: bool) -> None:
        copies = {key: value.copy() for key, value in arrays.items()}
        super().__init__(lgraph, dtype, fast=fast, lowered=lowered, arrays=copies)
        self._held: dict[ParameterKey, np.ndarray | None] = {}  # what each array is a copy of, if that cannot change
        self._version: object = None
        self._ready: Compiled | None = None  # the last program that ran, if the values are the same since
        self._begun: Compiled | None = None
        self._holder: Callable[[], Holder | None] = nobody

    @property
    def holder(self) -> Holder | None:
        """The run that needs it."""
        return self._holder()

    def hold(self, run: Holder | None) -> None:
        """For a run, without keeping it alive."""
        self._holder = nobody if run is None else ref(run)

    def share(self, other: TapedModel) -> None:
        """Make no record and no layout of memory twice."""
        self._records, self.layouts = other._records, other.layouts

    def load(self, values: GivenArrays, version: object) -> None:
        """Take over what has changed."""
        if version is not None and version == self._version:
            return
        self._version = None
        for key, array in self.arrays.items():
            value = values[key]
            if self._held.get(key) is not value:
                array[...] = value.reshape(array.shape)
                self._held[key] = value if is_constant(value) else None
                self._ready = None
        self._version = version

    @one_at_a_time
    def begin(self, request: Request) -> Outcome:
        """The forward pass."""
        self.load(request.values, request.version)
        with self.placing():
            program, entering = self.to_run(request.mode, request.inputs, request.ports, request.lengths, request.states,
                                            carry=request.carry)
            start = perf_counter()
            outcome = program.begin(entering, constant=program is self._ready)
            compiling.spend(perf_counter() - start)
        self._ready = self._begun = program
        return outcome

    @property
    def seeded(self) -> tuple[Value, ...]:
        """The values of the run that has begun whose gradients `finish` takes."""
        return () if self._begun is None else self._begun.seeded

    @one_at_a_time
    def finish(self, seeds: Sequence[np.ndarray | None]) -> TapedGradients:
        """The backward pass."""
        program, self._begun = self._begun, None
        assert program is not None, "nothing has begun"
        with self.placing():
            outcome = program.finish(seeds)
        return TapedGradients({key: value.copy() for key, value in outcome.gradients.items()}, list(outcome.input_gradients))


def nobody() -> None:
    """The holder of a free model."""


def is_constant(array: np.ndarray) -> bool:
    """Whether nobody writes to an array, nor to the one that it is a view of."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return owner is None


def states_after(arrays: GivenArrays, outcome: Outcome) -> ParameterArrays:
    """The states after a training step; the present ones stay."""
    states: ParameterArrays = {}
    for key, value, rule in outcome.graph.updates:
        if isinstance(rule, StepRule):
            if key not in states:
                states[key] = arrays[key].copy()
            rule.step(states[key], outcome[value])
    return states
