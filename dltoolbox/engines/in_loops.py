"""dlnetworks on dlarrays, as custom training loops run them: `forward`, and what `predict` does with dlarrays.

A whole network is one entry of the tape. Its forward pass is the compiled program, its gradient the backward part of the
same program (`dltoolbox.program.taped`). Where gradients are differentiated again, the record of ops is gone through node by
node on traced arrays.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from dltoolbox.autodiff.acceleration.recorded import Recorded, opaque, plain_values
from dltoolbox.autodiff.apply import applied, pulled
from dltoolbox.autodiff.dlarray import as_dlarray, dlarray
from dltoolbox.autodiff.labels import in_order, labelled_size
from dltoolbox.autodiff.tape import TAPE, Origin, Payload, TapeEntry, Traced, origin_of, raw_values
from dltoolbox.core import convert
from dltoolbox.core.dims import DISPLAY
from dltoolbox.core.errors import fail
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import Property, split_pairs
from dltoolbox.core.table import EditableTable, Table
from dltoolbox.data.sources.batches import Lengths
from dltoolbox.engines.forms import as_formatted
from dltoolbox.engines.networks import ready
from dltoolbox.engines.options import RunOptions
from dltoolbox.engines.pieces import whole_batch
from dltoolbox.engines.running import SequenceResult, begin_states, read_inputs, steps_of
from dltoolbox.engines.sizes import check_sizes
from dltoolbox.network.dlnetwork import chosen_outputs, dlnetwork, required
from dltoolbox.ops import Node, ParameterKey, as_tuple
from dltoolbox.program.data_layout import ModelInput, Result, read_each
from dltoolbox.program.taped.runs import TapedRun, TapedRuns, runs_of


class LoopOptions(RunOptions):
    """Options of runs on dlarrays, which are one mini-batch."""

    MiniBatchSize = sys.maxsize
    ExecutionEnvironment = "auto"
    Outputs = Property(convert.texts, ())


class LoopPredictOptions(LoopOptions):
    function = "predict"


class ForwardOptions(LoopOptions):
    function = "forward"


def forward(net: dlnetwork, X: object, *arguments: object, nargout: int | None = None, **options: object) -> Any:
    """Outputs of a dlnetwork as in training: dropout drops, batch normalisation uses the mini-batch.

    Inside `dlfeval`, `dlgradient` gives gradients with respect to ``net.Learnables`` and to the data.

    Args:
        net: An initialised `dlnetwork`. It is not changed.
        X: A formatted dlarray, or data as for `predict`, for the first of ``net.InputNames``: one mini-batch.
        *arguments: Data of further inputs, then name-value pairs.
        nargout: Number of outputs; by default those of the network. One more is the State after the mini-batch:
            ``Y, state = forward(net, X, nargout=2)``, to be kept by ``net.State = state``.
        **options: ``Outputs``: names of layers, or ``'layer/port'``, by default ``net.OutputNames``; ``Acceleration``
            ('auto') changes nothing.

    Returns:
        Formatted dlarrays for dlarrays, and inside `dlfeval`; else arrays as those of `predict`.

    Raises:
        DltoolboxError: ``dltoolbox:forward:notADlnetwork``, ``…:notInitialized``, ``…:formatMismatch``,
            ``…:inputSizeMismatch``; and others of `predict`.

    Example:
        >>> net = dlnetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3])])
        >>> def loss(net, X):
        ...     y = np.sum(forward(net, X))
        ...     return y, dlgradient(y, net.Learnables)
        >>> y, gradients = dlfeval(loss, net, dlarray([[1, 1], [2, 0]], 'BC'))
        >>> float(y), [g.tolist() for g in gradients.Value]
        (11.0, [[[3.0, 1.0]], [[2.0]]])

    Source:
        MathWorks documentation of forward.
    """
    more, pairs = split_pairs(arguments)
    return run_in_loop(required(net, "forward"), [X, *more], ForwardOptions(*pairs, **options), nargout, training=True)


def run_in_loop(net: dlnetwork, data: Sequence[object], chosen: LoopOptions, nargout: int | None, *,
                training: bool) -> Any:
    """The outputs of one mini-batch, and the state that it leaves."""
    ports = chosen_outputs(ready(net, chosen.function), chosen.Outputs)
    count = len(ports or net.leaving)
    nargout = count if nargout is None else nargout
    check_nargout(nargout, count + 1, chosen.function)
    runs = runs_of(net, computing_type(net))
    payloads, lengths = entering(net, runs, data, chosen)
    labelled = net.traced is not None or any(isinstance(X, dlarray) for X in data)
    names = tuple(map(str, ports))
    states = begin_states(net, runs.plain, payloads[0].shape[-1], chosen.function) or None
    learnables = {key: x.payload for key, x in (net.traced or {}).items()}
    values = {**runs.values_of(net), **{key: raw_values(x) for key, x in learnables.items()}, **net.recorded}
    begun = Begun(*opaque(begin, runs, values, [raw_values(x) for x in payloads], {
        "training": training, "ports": names, "lengths": lengths, "states": states, "carry": nargout > count,
        "gradients": any(map(origin_of, learnables.values())), "input_gradients": any(map(origin_of, payloads))}))
    made = plain_values(begun.run).results
    results = [as_labelled(result, array) for result, array in
               zip(made, on_tape(begun, learnables, payloads, values), strict=True)] if labelled else [
        plain_output(result, data) for result in made]
    if nargout > count:
        results.append(state_after(net, begun))
    return outputs(results, nargout, chosen.function)


class Begun(NamedTuple):
    """A run that may be gone back through, what it gave, and the values of its states."""

    run: TapedRun
    results: list[np.ndarray]
    states: list[np.ndarray]


def begin(runs: TapedRuns, values: Mapping[ParameterKey, Payload], inputs: Sequence[Payload], how: dict[str, Any]) -> Begun:
    """The forward pass."""
    run = runs.forward(values, inputs, **how)
    return Begun(run, [result.array for result in run.results], [*run.states.values()])


def go_back(run: TapedRun, keys: Sequence[ParameterKey], seeds: Sequence[np.ndarray | None], inputs: int
            ) -> list[np.ndarray | None]:
    """Gradients of the learnables of these names, and of the inputs."""
    found = run.backward([None if seed is None else np.asarray(seed) for seed in seeds])
    missing = [None] * (inputs - len(found.inputs))
    return [*(found.learnables.get(key) for key in keys), *found.inputs, *missing]


def computing_type(net: dlnetwork) -> np.dtype[Any]:
    """Double where all learnables are, else single."""
    kinds = {value.dtype for value in net.learnables.values() if value is not None}
    return np.dtype(np.float64) if kinds == {np.dtype(np.float64)} else np.dtype(np.float32)


# Data that enter -----------------------------------------------------------------------------------------------------
def entering(net: dlnetwork, runs: TapedRuns, data: Sequence[object], chosen: LoopOptions
             ) -> tuple[list[Payload], Lengths]:
    """The data of all inputs in the axes of the program, and the lengths of sequences in lists."""
    engine = runs.plain
    if not any(isinstance(X, dlarray) for X in data):
        inputs = read_inputs(engine, data, chosen)
        check_sizes(net, engine, inputs, (), chosen, data)
        batch = whole_batch(inputs, carry=False)
        return [*batch.inputs], batch.lengths
    payloads: list[Payload] = read_each(engine.inputs, data, chosen.function,
                                        lambda place, X, name: entering_payload(X, place, chosen.function, name))
    check_sizes(net, engine, [np.broadcast_to(np.float32(0), x.shape) for x in payloads], (), chosen, data)
    return [x.astype(runs.dtype) for x in payloads], None


def entering_payload(X: object, place: ModelInput, function: str, name: str) -> Any:
    """A dlarray in the axes of the program: S, C, T, B. Dimensions B and T that its format leaves out have size 1."""
    wanted = place.dims.format
    X = X if isinstance(X, dlarray) else dlarray(X)
    if not X.labels:
        fail(f"{function}:formatNeeded", f"{name} is an unformatted dlarray, but {place} takes data of format '{wanted}'.",
             f"Say what its dimensions are: dlarray({name}, '{wanted}').")
    missing = "".join(label for label in wanted if label in "BT" and label not in X.labels)
    payload = X.payload.reshape((*X.shape, *[1] * len(missing)))
    payload, labels = in_order(payload, X.labels + missing, function)
    if labels != wanted:
        fail(f"{function}:formatMismatch", f"{name} is {labelled_size(X.shape, X.labels)}, but {place} takes data of format "
             f"'{wanted}'.", f"Label the dimensions with the letters of '{wanted}'; B and T may be left out.")
    return np.swapaxes(payload, -1, -2) if place.dims.timed else payload


# What leaves ---------------------------------------------------------------------------------------------------------
class NetworkEntry(TapeEntry):
    """A run of a network on the tape. Its inputs are the learnables, in their order, then the data."""

    __slots__ = ("inputs", "keys", "run", "values")

    def __init__(self, run: TapedRun, keys: Sequence[ParameterKey], inputs: Sequence[Payload],
                 values: dict[ParameterKey, np.ndarray]) -> None:
        super().__init__("the network", tuple(map(origin_of, inputs)), ())
        self.run: TapedRun | None = run  # recorded, where it is
        self.keys, self.inputs, self.values = keys, inputs, values

    def pull(self, gradients: Sequence[Payload], needs: Sequence[bool], *, again: bool) -> Sequence[Payload]:
        seeds = [*gradients, *[None] * (len(plain_values(self.run).results) - len(gradients))]
        if again:
            return pulled(self.interpreted, self.inputs, {}, seeds, needs)
        found = opaque(go_back, self.run, self.keys, [raw_values(g) for g in seeds], len(self.inputs) - len(self.keys))
        return [None if g is None else g.reshape(x.shape) for g, x in zip(found, self.inputs, strict=True)]

    def interpreted(self, *inputs: Payload) -> tuple[Payload, ...]:
        """The same outputs, op by op on the tape."""
        run = plain_values(self.run)
        count = len(self.keys)
        dtype = run.results[0].array.dtype

        def run_op(node: Node, arrays: tuple[Payload, ...]) -> tuple[Payload, ...]:
            made = as_tuple(applied(node.op, arrays, node.attrs))
            return tuple(x.astype(dtype) if x.dtype.kind == "f" and x.dtype != dtype else x for x in made)
        values = self.values | dict(zip(self.keys, inputs[:count], strict=True))
        return tuple(run.interpret(run_op, values, inputs[count:]))

    def discard(self) -> None:
        self.run = None

    @property
    def discarded(self) -> bool:
        return self.run is None


def on_tape(begun: Begun, learnables: dict[ParameterKey, Payload], data: Sequence[Payload],
            values: dict[ParameterKey, np.ndarray]) -> list[Payload]:
    """The results of a run as outputs of one entry."""
    inputs = [*learnables.values(), *data]
    if not TAPE.noting or not any(map(origin_of, inputs)):
        return [as_dlarray(array, "").payload for array in begun.results]
    entry = NetworkEntry(begun.run, [*learnables], inputs, values)
    return [Traced(array, Origin(entry, at)) for at, array in enumerate(begun.results)]


def as_labelled(result: Result, payload: Payload) -> dlarray:
    """A result as a formatted dlarray: S, C, B, T."""
    labels = result.dims.labels
    if result.dims.timed:
        return as_dlarray(np.swapaxes(payload, -1, -2), labels[:-2] + "BT")
    return as_dlarray(payload, "".join(sorted(labels, key=DISPLAY.index)))


def plain_output(result: Result, data: Sequence[object]) -> Any:
    """A result as predict returns it for arrays."""
    if result.dims.timed:
        listed = isinstance(data[0], list | tuple)
        parts = SequenceResult(steps_of(result), result.dims, "list" if listed else "array")
        return as_formatted(parts, None, left=False)[0]
    return as_formatted(result, None, left=False)[0]


def state_after(net: dlnetwork, begun: Begun) -> Table:
    """net.State after the mini-batch."""
    table, states = net.State, dict(zip(plain_values(begun.run).states, begun.states, strict=True))
    after = [as_dlarray(new, "") if isinstance(new := states.get(ParameterKey(layer, name), value), Recorded) else new
             for layer, name, value in zip(table.Layer, table.Parameter, table.Value, strict=True)]
    return EditableTable(Layer=table.Layer, Parameter=table.Parameter, Value=after)
