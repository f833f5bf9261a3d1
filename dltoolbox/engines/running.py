"""A network run over all observations, mini-batch by mini-batch, and what leaves it put together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import counted
from dltoolbox.core.errors import DltoolboxError, fail
from dltoolbox.data.sources.sequence_forms import SequencePlace, read_sequences
from dltoolbox.data.sources.sequence_source import InputColumn, observation_count
from dltoolbox.data.sources.sequences import SequenceForm, Sequences
from dltoolbox.engines.engine import Engine
from dltoolbox.engines.environments import engine_of
from dltoolbox.engines.options import RunOptions, SequenceOptions
from dltoolbox.engines.pieces import time_pieces, whole_batch
from dltoolbox.engines.sizes import check_one_size, check_sizes
from dltoolbox.network.lowering.initialise import ParameterArrays
from dltoolbox.network.networks import Network
from dltoolbox.program.data_layout import ModelInput, Result, observations, read_each


class SequenceResult(NamedTuple):
    """The values at a port for sequences: an array S…×C×T for each, what its dimensions are, and how the data came."""

    parts: list[np.ndarray]
    dims: Dims
    form: SequenceForm


Output = Result | SequenceResult


class NetworkRun(NamedTuple):
    """A run over all observations: what left each port, and the states that sequences left, C×N."""

    outputs: list[Output]
    states: ParameterArrays


def run_network(net: Network, data: Sequence[object], options: RunOptions, ports: Sequence[str] = (), *,
                carry: bool = False) -> NetworkRun:
    """Outputs over all observations; ``carry`` asks for the states as well."""
    engine = engine_of(net, options.ExecutionEnvironment)
    inputs = read_inputs(engine, data, options)
    check_sizes(net, engine, inputs, ports, options, data)
    states = begin_states(net, engine, observation_count(inputs[0]), options.function)
    if any(isinstance(each, Sequences) for each in inputs):
        how = options if isinstance(options, SequenceOptions) else SequenceOptions(MiniBatchSize=options.MiniBatchSize)
        run = run_sequences(engine, inputs, how, ports, states, carry=carry)
    else:
        arrays = [each for each in inputs if isinstance(each, np.ndarray)]
        run = run_arrays(engine, arrays, options.MiniBatchSize, ports, states, carry=carry)
    for port, output in zip(ports, run.outputs, strict=False):
        if "B" not in output.dims.labels:
            fail(f"{options.function}:invalidLayer", f"Port '{port}' carries a size, not activations.",
                 "Its value is the size of what enters the pooling layer.")
    return run


def read_inputs(engine: Engine, data: Sequence[object], options: RunOptions) -> list[InputColumn]:
    """The data of all inputs, in the axes of the program; every problem of every array is reported at once."""
    function = options.function

    def read(place: ModelInput, given: object, name: str) -> InputColumn:
        if not place.dims.timed:
            return observations(given, place, function, exact=False, name=name)
        sequences = read_sequences(given, sequence_place(place, function, name))
        check_one_size(sequences, place, function, name)
        return sequences
    return read_each(engine.inputs, data, function, read, options.argument)


def sequence_place(place: ModelInput, function: str, name: str) -> SequencePlace:
    return SequencePlace(place.sizes, function, name, str(place), place.min_length, place.split_complex, exact=False)


def begin_states(net: Network, engine: Engine, count: int, function: str) -> ParameterArrays:
    """The states that the observations begin with, where they are not those of the engine's layers, C×1 or C×N."""
    common = engine.common_states
    states: ParameterArrays = dict(net.current) if net.current else {
        key: state for key, state in engine.initial_states.items() if key in common or state.shape[1] > 1}
    for key, state in states.items():
        if key not in common and state.shape[1] != count:
            fail(f"{function}:stateMismatch", f"Its {key.name} is that of {counted(state.shape[1], 'sequence')}, but X has "
                 f"{counted(count, 'sequence')}.",
                 f"Begin again with net = resetState(net). Or pass {counted(state.shape[1], 'sequence')} again, in the same "
                 "order." if net.current else f"Pass {counted(state.shape[1], 'sequence')}, or give the layer a "
                 f"{key.name} of one column.", layer=key.layer)
    return states if net.current else {**engine.initial_states, **states} if states else {}


# Sequences -----------------------------------------------------------------------------------------------------------
def run_sequences(engine: Engine, inputs: Sequence[InputColumn], options: SequenceOptions, ports: Sequence[str],
                  states: ParameterArrays, *, carry: bool) -> NetworkRun:
    """Run piece after piece; what leaves in several belongs together."""
    forms, count = {each.form for each in inputs if isinstance(each, Sequences)}, observation_count(inputs[0])
    form: SequenceForm = "list" if "list" in forms else "array" if "array" in forms else "one"
    if count <= options.MiniBatchSize and options.SequenceLength == "longest":  # one run, where nothing is put together
        batch = whole_batch(inputs, carry=carry)
        results = engine.results(batch.inputs, ports, states=states or None, **batch.course)
        return NetworkRun([SequenceResult(steps_of(result), result.dims, form) if result.dims.timed else result
                       for result in results], dict(engine.carried) if carry else {})
    pieced: list[Pieced] = []
    left = ParameterArrays()
    for batch, which in time_pieces(inputs, options, carry=carry):
        begin = {key: state if key in engine.common_states or state.shape[1] == 1 else state[:, which]
                 for key, state in states.items()}
        if states and batch.continues is not None:
            begin = {key: state if key in engine.common_states else
                     np.where(batch.continues < 0, begin[key], state[:, batch.continues])
                     for key, state in engine.carried.items()}
        with piece_of_steps(options):
            results = engine.results(batch.inputs, ports, states=begin or None, **batch.course)
        pieced = pieced or [Pieced(result.dims, count) for result in results]
        for output, result in zip(pieced, results, strict=True):
            output.add(result, which)
        if batch.carry:
            common = {key: state for key, state in engine.carried.items() if key in engine.common_states}
            left, states = left | common, states | common
        for key, state in engine.carried.items() if batch.carry else ():
            if key in engine.common_states:
                continue
            left.setdefault(key, np.zeros((len(state), count), state.dtype))[:, which] = state
    return NetworkRun([output.whole(form) for output in pieced], left)


@contextmanager
def piece_of_steps(options: SequenceOptions) -> Iterator[None]:
    """An error about sequences that are too short, where they are pieces of longer ones, says so."""
    try:
        yield
    except DltoolboxError as error:
        steps, first = options.SequenceLength, error.issues[0]
        if not isinstance(steps, int) or not first.identifier.endswith((":windowTooLarge", ":sequenceTooShort")):
            raise
        fail(f"{options.function}:piecesTooShort", "The network does not accept pieces of at most "
             f"{counted(steps, 'step')}. {first.message}", "Leave SequenceLength out: the sequences are taken whole. Or "
             "pass a larger number, as long as no last piece is too short.", layer=first.layer)


def steps_of(result: Result) -> list[np.ndarray]:
    """The result of a run for each of its sequences, without padding: S…×C×T."""
    steps, count = result.array.shape[-2:]
    lengths = [steps] * count if result.lengths is None else result.lengths.tolist()
    return [result.array[..., :length, number] for number, length in enumerate(lengths)]


class Pieced:
    """The values at one port, run by run: pieces of sequences are joined, of all else the last is kept."""

    def __init__(self, dims: Dims, count: int) -> None:
        self.dims = dims
        self.steps: list[list[np.ndarray]] = [[] for _ in range(count)] if dims.timed else []
        self.array: np.ndarray | None = None
        self.count = count

    def add(self, result: Result, which: np.ndarray) -> None:
        """The result of a run for these observations."""
        if self.dims.timed:
            for number, steps in zip(which.tolist(), steps_of(result), strict=True):
                self.steps[number].append(steps)
            return
        if self.array is None:
            shape = (*result.array.shape[:-1], self.count)
            self.array = np.empty(shape, result.array.dtype) if "B" in self.dims.labels else result.array
        if "B" in self.dims.labels:
            self.array[..., which] = result.array

    def whole(self, form: SequenceForm) -> Output:
        """Everything, in the order of the observations."""
        if not self.dims.timed:
            assert self.array is not None
            return Result(self.array, self.dims)
        parts = [steps[0] if len(steps) == 1 else np.concatenate(steps, axis=-1) for steps in self.steps]
        return SequenceResult(parts, self.dims, form)


# Arrays --------------------------------------------------------------------------------------------------------------
def run_arrays(engine: Engine, inputs: Sequence[np.ndarray], size: int, ports: Sequence[str], states: ParameterArrays, *,
               carry: bool) -> NetworkRun:
    """InputColumn without time."""
    runs, left = [], []
    for start, batch in enumerate(mini_batches(inputs, size)):
        which = slice(start * size, (start + 1) * size)
        own = {key: state if key in engine.common_states or state.shape[1] == 1 else state[:, which]
               for key, state in states.items()}
        runs.append(engine.results(batch, ports, states=own or None, carry=carry))
        left.append(engine.carried if carry else {})
        states = states | {key: state for key, state in left[-1].items() if key in engine.common_states}
    outputs = [Result(np.concatenate([part.array for part in parts], axis=-1), parts[0].dims) if len(parts) > 1 else parts[0]
               for parts in zip(*runs, strict=True)]
    return NetworkRun([*outputs], {key: left[-1][key] if key in engine.common_states else
                                   np.concatenate([each[key] for each in left], axis=1) for key in left[0]})


def mini_batches(inputs: Sequence[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    """Consecutive observations; one empty mini-batch where there are none, so that sizes are known."""
    count = inputs[0].shape[-1]
    for start in range(0, max(count, 1), size):
        yield [array[..., start:start + size] for array in inputs]
