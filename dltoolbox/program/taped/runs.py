"""Networks that run forward now and backward later, from gradients that come from outside.

Between the two passes the memory of a model is occupied, so every such run has a model of its own, of a small pool that all
networks of one structure share. A run whose backward pass is done, or that nobody refers to any more, gives its model back;
where too many are waiting, the one that began first loses it, and runs forward again when its gradients are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from dltoolbox.core.arrays import parts_of_complex, real_steps
from dltoolbox.core.dims import Dims
from dltoolbox.core.random import stream
from dltoolbox.data.sources.batches import Lengths
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.lowering.initialise import ParameterArrays, initial_arrays, initial_value
from dltoolbox.network.lowering.modes import Taped, length_groups
from dltoolbox.network.networks import lower_checked
from dltoolbox.ops import Node, ParameterKey
from dltoolbox.ops.time_axis import Way
from dltoolbox.program.executable import Outcome
from dltoolbox.program.model import Model, carried_by, collected
from dltoolbox.program.optimized import OptimizedGraph
from dltoolbox.program.plan import LENGTH, as_seen
from dltoolbox.program.reference import interpret
from dltoolbox.program.sizing import NotServedError
from dltoolbox.program.taped.model import GivenArrays, Request, TapedGradients, TapedModel, states_after

MOST_MODELS = 8  # of a network, each with memory of its own


class TapedRun:
    """A network that has run forward, and may be run backward.

    Attributes:
        results: What left the network, or the values at the ports that were asked for.
        states: New values of the states that training moves, and of those that are carried on, if that was asked for.
    """

    def __init__(self, runs: TapedRuns, request: Request) -> None:
        self._runs, self._request, self._draws = runs, request, draws_now()
        model, outcome = runs.begin(request)
        self.states = states_after(model.arrays, outcome) if request.mode.training else {}
        self.states |= carried_by(outcome) if request.carry else {}
        self.results = [result._replace(dims=Dims(result.dims.labels, result.array.shape))
                        for result in collected(outcome, request.ports)]
        graph, places = outcome.graph, {value: at for at, value in enumerate(model.seeded)}
        ends = [graph.ports[port] for port in request.ports] if request.ports else graph.results
        self._places = [places.get(value) for value in ends]  # of every result among the gradients that the model takes
        self._model = model if places else None
        if places:
            model.hold(self)

    def backward(self, seeds: Sequence[np.ndarray | None]) -> TapedGradients:
        """The gradients of a number of which those with respect to the results are ``seeds``; None: zeros.

        The first call is the fast one: others, and those after many other runs, run forward again, with the same random
        numbers. Values and inputs must not have been changed in place until then.
        """
        seeds = self._own_seeds(seeds)
        if not seeds:
            return self._padded(TapedGradients({}, []))
        with self._runs.lock:
            if self._model is None:
                with same_draws(self._draws):
                    self._model, _ = self._runs.begin(self._request)
            model, self._model = self._model, None
            try:
                return self._padded(model.finish(seeds))
            finally:
                model.hold(None)

    def give_back(self) -> None:
        """Lose the model; what it had computed will be computed again."""
        self._model = None

    def interpret(self, run_op: Callable[[Node, tuple[Any, ...]], tuple[Any, ...]], values: Mapping[ParameterKey, Any],
                  inputs: Sequence[Any]) -> list[Any]:
        """The results as payloads of any kind, such as traced arrays, node by node; random numbers are those of the run.

        Args:
            run_op: As for `interpret`.
            values: Payloads of all arrays of the network.
            inputs: Payloads of the data.

        Returns:
            One per result, in its axes; of complex ones the real and imaginary parts in turn.
        """
        request, plain = self._request, self._runs.plain
        groups, distinct = length_groups(request.lengths)
        graph = self._runs.record(request, groups).graph
        live = {value: as_seen(in_type(values[key], plain.arrays[key].dtype), value) for key, value in graph.arrays.items()}
        states = plain.carried_into(graph, inputs[0].shape[-1], request.states or request.values)
        entering = [*map(in_type, inputs, plain.types([payload.dtype for payload in inputs])),
                    *(in_type(each, LENGTH) for each in distinct), *(in_type(each, plain.dtype) for each in states)]
        live |= {value: Way.SEE.folded(payload, value.dims)
                 for value, payload in zip(graph.entering, entering, strict=True)}
        with same_draws(self._draws):
            interpret(graph, live, run_op)
        ends = [graph.ports[port] for port in request.ports] if request.ports else graph.results
        return [Way.SEE.view(live[value], value.dims) for value in ends]

    def _own_seeds(self, seeds: Sequence[np.ndarray | None]) -> list[np.ndarray | None]:
        """One per value that the model takes: several results may be the same value; nothing comes from padded steps."""
        own: list[np.ndarray | None] = [None] * len({place for place in self._places if place is not None})
        for place, seed, (array, dims, lengths) in zip(self._places, seeds, self.results, strict=True):
            if seed is not None and seed.shape != array.shape:
                raise AssertionError(f"a gradient of size {seed.shape} of a result of size {array.shape}")
            if place is None or seed is None:
                continue
            if array.dtype.kind == "c":
                axis = dims.labels.index("C")
                seed = np.moveaxis(parts_of_complex(np.moveaxis(seed, axis, -2)), -2, axis)
            if lengths is not None and dims.timed:
                seed = np.where(real_steps(lengths, dims.shape[-2]), seed, 0)
            before = own[place]
            own[place] = seed if before is None else before + seed
        return own

    def _padded(self, gradients: TapedGradients) -> TapedGradients:
        """With zeros for inputs that no result depends on."""
        if not self._request.mode.inputs or gradients.inputs:
            return gradients
        return gradients._replace(inputs=[np.zeros(array.shape, self._runs.dtype) for array in self._request.inputs])


class TapedRuns:
    """Runs of all networks of one structure, whatever their values; see `runs_of`.

    Args:
        lgraph: A network of that structure.
        dtype: Type that it computes in.
        fast: False runs the ops' own NumPy bodies instead of the kernels.
    """

    def __init__(self, lgraph: LayerGraph, dtype: DTypeLike = np.float32, *, fast: bool = True) -> None:
        self.lgraph, self.dtype, self.fast = lgraph, np.dtype(dtype), fast
        self.lowered = lower_checked(lgraph)
        self.initial = initial_arrays(self.lowered, self.dtype, draw=False)
        self.values = {ParameterKey(info.layer.Name, array.name): initial_value(info.layer, array, draw=False)
                       for info in self.lowered.layers for array in info.arrays}  # as the layers hold them
        self._first = self._model()
        self.models = [self._first]  # the one that was used last comes last

    @property
    def lock(self) -> RLock:
        """Of all models together."""
        return self._first.lock

    @cached_property
    def plain(self) -> Model:
        """A model whose records are not optimised."""
        return Model(self.lgraph, self.dtype, fast=False, lowered=self.lowered, arrays=self.initial)

    def _model(self) -> TapedModel:
        return TapedModel(self.lgraph, self.dtype, self.lowered, self.initial, fast=self.fast)

    def values_of(self, net: dlnetwork) -> ParameterArrays:
        """All arrays of a network of this structure, as `forward` takes them; states that are carried as they begin."""
        newer = {**net.learnables, **net.in_state({}).states}
        return {key: value if (new := newer.get(key)) is None else new for key, value in self.values.items()}

    def forward(self, values: GivenArrays, inputs: Sequence[np.ndarray], *, training: bool, ports: Sequence[str] = (),
                lengths: Lengths = None, states: GivenArrays | None = None, carry: bool = False, gradients: bool = True,
                input_gradients: bool = False, without: Collection[ParameterKey] = (), version: object = None) -> TapedRun:
        """Run forward.

        Args:
            values: All arrays of the network (`values_of`), with the learnables of now in their places.
            inputs: The data, in the axes of the program, one array per input.
            training: Whether the layers behave as in training.
            ports: Output ports, ``conv_1/out``, whose values are the results; by default what leaves the network.
            lengths: Of the sequences, per input, if they have several.
            states: Carried states to begin with; by default those among the values.
            carry: Whether the run returns the states that the next one goes on from.
            gradients: Whether gradients of learnables are wanted. If not, and none of the inputs, nothing is kept.
            input_gradients: Whether gradients of the data are.
            without: Learnables of which no gradients are wanted.
            version: Equal ones that are not None promise equal values: then nothing is compared or copied.
        """
        leaving_out = frozenset(without) if gradients else frozenset(self._first.shapes)
        with self.lock:
            mode = Taped(training, leaving_out, input_gradients)
            return TapedRun(self, Request(values, inputs, mode, tuple(ports), lengths, states, carry, version))

    def begin(self, request: Request) -> tuple[TapedModel, Outcome]:
        """The forward pass on a model that is free."""
        model = self.free()
        return model, model.begin(request)

    def free(self) -> TapedModel:
        """A model that no run needs, the one that was used last if there are several: it holds the latest values."""
        model = next((model for model in reversed(self.models) if model.holder is None), None)
        if model is None and len(self.models) < MOST_MODELS:
            model = self._model()
            model.share(self._first)
            self.models.append(model)
        if model is None:
            model = self.models[0]
            assert model.holder is not None
            model.holder.give_back()
            model.hold(None)
        self.models.remove(model)
        self.models.append(model)
        return model

    def record(self, request: Request, groups: tuple[int | None, ...]) -> OptimizedGraph:
        """The record of ops that a run stands for, at its sizes, without chains."""
        for optimized in self.plain.optimized(request.mode, request.inputs, request.ports, groups, request.carry):
            try:
                return optimized.at([array.shape for array in request.inputs])
            except NotServedError:
                continue
        raise AssertionError("the record for these very sizes does not serve them")


def runs_of(net: dlnetwork, dtype: DTypeLike = np.float32) -> TapedRuns:
    """The runs of an initialised dlnetwork, kept with it and with all that differ from it in values alone."""
    key = "taped", np.dtype(dtype)
    if key not in net.structure:
        own = net.in_state({})
        own.cache, own.structure = {}, {}  # nothing refers in a circle, so memory goes with the last network
        net.structure[key] = TapedRuns(own, dtype)
    runs: TapedRuns = net.structure[key]
    return runs


def in_type(payload: Any, dtype: np.dtype) -> Any:
    """An array in another type; other payloads keep theirs."""
    return payload.astype(dtype, copy=False) if isinstance(payload, np.ndarray) else payload


Draws = tuple[Any, Any]  # states of the stream of dropout, and of NumPy's own, from which layers of users draw


def draws_now() -> Draws:
    """The states of what networks draw random numbers from."""
    return stream("dropout").bit_generator.state, np.random.get_state()  # noqa: NPY002  # what users draw from


def set_draws(states: Draws) -> None:
    stream("dropout").bit_generator.state, own = states
    np.random.set_state(own)  # noqa: NPY002


@contextmanager
def same_draws(states: Draws) -> Iterator[None]:
    """Draw the random numbers again that followed these states; those that come next are not moved."""
    before = draws_now()
    set_draws(states)
    try:
        yield
    finally:
        set_draws(before)
