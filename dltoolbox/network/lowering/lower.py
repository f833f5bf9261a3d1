"""From a layer graph to ops: walk the layers in order, let every page record what it means, and collect every fault.

Analysis, the program and prediction all use this one walk; it touches no data. A fault at one layer silences only the
layers that depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import bytes_text
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.layers.base import Array, Layer
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.layer_graph import UNPOOLING, LayerGraph, Port
from dltoolbox.network.graph.validate import check_structure, execution_order
from dltoolbox.ops import Graph, Kind, Recorder, Value, as_tuple

ELEMENT = 4  # bytes of a number in single precision
MEMORY = 1 << 40  # bytes: one array or map that is larger was hardly meant
SMALLER = "Check the sizes, strides and padding of this layer and of those before it."


@dataclass
class LoweredLayer:
    """One layer after the walk: sizes of what enters and leaves (None where a fault hides it), and its arrays."""

    layer: Layer
    index: int  # 1-based position in the layer graph
    inputs: tuple[Dims, ...] | None = None
    outputs: tuple[Dims, ...] | None = None
    arrays: tuple[Array, ...] = ()


@dataclass
class Lowered:
    """The record of ops, the layers in the graph's order, and every problem found."""

    graph: Graph
    layers: list[LoweredLayer]
    order: list[int]  # 0-based positions of the layers in execution order
    issues: IssueCollector = field(default_factory=IssueCollector)


ONE_VALUE = "oneValue"  # the warning that a normalisation has nothing to compare


class Guesses:
    """Numbers in place of sizes that a fault hides, and the values whose sizes depend on them; ``rank`` chooses among the
    possible numbers of spatial dimensions of what is not known at all.
    """

    def __init__(self, start: int, step: int, rank: Callable[[Iterable[int]], int]) -> None:
        self.numbers, self.rank = count(start, step), rank
        self.values: set[Value] = set()

    def completed(self, dims: Dims) -> Value:
        """A value with guesses for its unknown sizes."""
        value = Value(Dims(dims.labels, tuple(next(self.numbers) if is_hidden(*of) else of[1]
                                              for of in zip(dims.labels, dims.sizes, strict=True))))
        if value.dims != dims:
            self.values.add(value)
        return value


def is_hidden(label: str, size: int | None) -> bool:
    """Whether a fault hides a size; those of batches and of time may be open without one."""
    return size is None and label in "SC"


def lower(lgraph: LayerGraph, *, training: bool = False, sources: Mapping[str, Dims] | None = None,
          loss: bool | None = None, guesses: Guesses | None = None, silent: Collection[str] = ()) -> Lowered:
    """Record the ops of every layer.

    Args:
        lgraph: Layers with names, and their connections.
        training: Whether batch normalisation and dropout behave as in training.
        sources: Sizes of the data that enter, by the name of the input layer, where they differ from the declared ones or
            hold the batch size; by the name of the open input, ``conv`` or ``add/in2``, where there is no input layer.
        loss: Whether the network must end in output layers; by default as the graph says. If not, what its open
            outputs hold leaves it.
        guesses: For sizes that a problem hides, to find what does not depend on them; see `lowering.partial`.
        silent: Layers of which nothing is certain behind a fault, by name.
    """
    graph = Graph()
    loss = lgraph.ends_in_loss if loss is None else loss
    sources = {**lgraph.layouts, **(sources or {})}
    if any(one.nested is not None for one in lgraph.nodes):
        return lower_nested(lgraph, training, sources, loss=loss, guesses=guesses, silent=silent)
    fed = {port: name for port in lgraph.open_inputs() if (name := lgraph.port_text(port, "inputs")) in sources}
    result = Lowered(graph, [LoweredLayer(one, i) for i, one in enumerate(lgraph.nodes, 1)], [])
    arriving = Counter(c.destination for c in lgraph.edges)
    incoming = {c.destination: c.source for c in lgraph.edges if arriving[c.destination] == 1}
    check_structure(lgraph, result.issues, fed, loss=loss)
    order = execution_order(lgraph, result.issues)
    result.order = sorted(order, key=lambda at: 0 if lgraph.nodes[at].outputs() else at + 1)  # results as OutputNames
    builder = Recorder(graph, training=training, sources=sources, keeps_rank=loss,
                       assumed_rank=guesses.rank(possible_ranks(lgraph, sources)) if guesses else None)
    for position in result.order:
        lower_layer(result.layers[position], incoming, fed, builder, result.issues, guesses, silent)
    graph.inputs = [builder.entered[name] for name in lgraph.entrances() if name in builder.entered]
    if not loss:
        graph.results = [graph.ports[str(port)] for port in lgraph.leaving if str(port) in graph.ports]
    return result


def lower_nested(lgraph: LayerGraph, training: bool, sources: Mapping[str, Dims], **rest: Any) -> Lowered:
    """Networks inside layers are written out first; their ports are known by both names."""
    graph, ports = expansion(lgraph)
    names = {lgraph.port_text(port, "inputs"): graph.port_text(ports[port], "inputs")
             for port in lgraph.open_inputs() if port in ports}
    result = lower(graph, training=training, sources={names.get(name, name): dims for name, dims in sources.items()},
                   **rest)
    known = result.graph.ports
    known.update({str(port): known[str(inside)] for port, inside in ports.items() if str(inside) in known})
    return result


def lower_layer(info: LoweredLayer, incoming: Mapping[Port, Port], fed: Mapping[Port, str], g: Recorder,
                issues: IssueCollector, guesses: Guesses | None, silent: Collection[str]) -> None:
    """Check one layer and let it record its ops; where it cannot, what leaves it for certain still does."""
    one = info.layer
    outputs: tuple[Value, ...] = ()
    inputs = arriving_values(one, incoming, fed, g)
    with issues.collect(layer=one.Name, index=info.index):
        one.validate()  # again, as properties can be set after creation, one by one
        for port, value in zip(one.inputs(), inputs, strict=True):
            if value is not None:
                check_kind(port, value, incoming.get(Port(one.Name, port)))
        one.check_partly(*inputs)
        known = [value for value in inputs if value is not None]
        if len(known) == len(inputs):
            made = recorded(info, known, g, issues)
            if guesses and not guesses.values.isdisjoint(known):
                guesses.values.update(made)
            else:
                check_memory(info, issues)
            outputs = made
    if info.outputs is None and one.Name not in silent:
        outputs = despite(one, inputs, g, guesses)
        info.outputs = tuple(value.dims for value in outputs) or None
    elif guesses and not outputs:
        outputs = tuple(guesses.completed(hidden(dims)) for dims in info.outputs or ())
    g.graph.ports.update({str(Port(one.Name, port)): v for port, v in zip(one.outputs(), outputs, strict=False)})


def arriving_values(one: Layer, incoming: Mapping[Port, Port], fed: Mapping[Port, str],
                    g: Recorder) -> list[Value | None]:
    """The values at the inputs of a layer; None where one is missing or not known."""
    inputs: list[Value | None] = []
    for port in one.inputs():
        value = g.graph.ports.get(str(incoming.get(here := Port(one.Name, port))))
        if here in fed:
            value = g.entering(fed[here], g.sources[fed[here]])
        inputs.append(value)
    return inputs


def possible_ranks(lgraph: LayerGraph, sources: Mapping[str, Dims]) -> set[int]:
    """Numbers of spatial dimensions that data may have: those of what enters, and none where a layer may flatten."""
    entering = [one.dims() for one in lgraph.nodes if isinstance(one, DataInput)] + list(sources.values())
    may_flatten = any(one.flattens or not one.factory for one in lgraph.nodes)
    return ({dims.rank for dims in entering} or {0, 2}) | ({0} if may_flatten else set())


def despite(one: Layer, inputs: list[Value | None], g: Recorder, guesses: Guesses | None) -> tuple[Value, ...]:
    """What leaves a layer in spite of a fault; hidden sizes are guessed, and without guesses nothing leaves then.

    Inputs that are certain say more about it than those that depend on guesses.
    """
    outputs = one.outputs_despite(g, *inputs) or ()
    if guesses is None:
        hidden = any(is_hidden(*of) for dims in outputs for of in zip(dims.labels, dims.sizes, strict=True))
        return () if hidden else tuple(map(Value, outputs))
    certain = one.outputs_despite(g, *(None if value in guesses.values else value for value in inputs)) or outputs
    if [dims.labels for dims in outputs] != [dims.labels for dims in certain]:
        outputs = certain
    return tuple(guesses.completed(Dims(dims.labels, tuple(
        rest if size is None else size for size, rest in zip(sure.sizes, dims.sizes, strict=True))))
        for sure, dims in zip(certain, outputs, strict=True))


def recorded(info: LoweredLayer, inputs: list[Value], g: Recorder, issues: IssueCollector) -> tuple[Value, ...]:
    """Check a layer, let it record its ops and return what leaves it; raises where that is not known.

    Faults of values that were set are noted, and the record goes on with the sizes that the inputs ask for.
    """
    one, dims = info.layer, tuple(v.dims for v in inputs)
    info.inputs = dims
    check_time(one, inputs)
    one.check(*dims)
    with issues.collect(layer=one.Name, index=info.index):
        one.check_values(*dims)
    info.arrays = one.arrays(*dims)
    check_given_arrays(info, issues)
    g.enter(one.Name, info.arrays)
    before = len(g.graph.nodes)
    outputs: tuple[Value, ...] = as_tuple(one.build(g, *inputs))
    if len(outputs) != len(one.outputs()) or not all(isinstance(value, Value) for value in outputs):
        fail(f"{one.label()}:invalidBuild", f"The method build of {type(one).__name__} does not return one value per output "
             f"port ({', '.join(one.outputs()) or 'none'}).", "Return what the ops of g return, such as g.relu(x).")
    for node in g.graph.nodes[before:]:
        if node.op.together(node.input_dims[0], **node.attrs) == 1:
            issues.add(f"{one.label()}:{ONE_VALUE}", f"Every value of {dims[0]} is normalised by itself, so the output is "
                       "Offset, whatever comes in, and the layers before learn nothing.",
                       "Normalise what has more values, or remove the layer.", layer=one.Name, index=info.index,
                       severity="warning")
    info.outputs = tuple(v.dims for v in outputs)
    return outputs


def check_time(one: Layer, inputs: list[Value]) -> None:
    """Data with time steps and data without do not go together: nothing says how."""
    timed = [x.dims.timed for x in inputs if x.kind is Kind.DATA]
    if any(timed) and not all(timed):
        fail("network:timeMismatch", f"Some inputs of {one.label()} have time steps and others have none: "
             f"{'; '.join(str(x.dims) for x in inputs)}.", "Make the formats equal.")


def check_kind(port: str, value: Value, source: Port | None) -> None:
    """The indices and the size of a max pooling layer are no data: only the unpooling port of that name takes them."""
    if source and value.kind is not Kind.DATA and port not in UNPOOLING:
        what = "indices of the maxima" if value.kind is Kind.INDICES else "size"
        fail("network:notData", f"Input '{port}' is connected to '{source}', the {what} that a max pooling layer passes to "
             "an unpooling layer, which are no data.", f"Connect '{source.layer}/out' instead.")


def check_memory(info: LoweredLayer, issues: IssueCollector) -> None:
    """Nothing may be larger than any memory. What arrays ask for hides no size; what leaves a layer would."""
    for array in info.arrays:
        if ELEMENT * array.count > MEMORY:
            issues.add("network:tooLarge", f"{array.name} of size {times(array.shape)} {too_much(array.count)}", SMALLER,
                       layer=info.layer.Name, index=info.index)
    for dims in info.outputs or ():
        if ELEMENT * dims.elements > MEMORY:
            fail("network:tooLarge", f"An output of size {dims} {too_much(dims.elements)}", SMALLER)


def too_much(elements: int) -> str:
    return f"would take {bytes_text(ELEMENT * elements)} in single precision, more than any computer has."


def hidden(dims: Dims) -> Dims:
    """The same format without the sizes that a fault makes doubtful."""
    return Dims(dims.labels, tuple(None if label in "SC" else n for label, n in zip(dims.labels, dims.sizes, strict=True)))


def check_given_arrays(info: LoweredLayer, issues: IssueCollector) -> None:
    """Arrays that the user set must have the size that the layer needs; trailing and leading ones do not matter."""
    for array in info.arrays:
        given = getattr(info.layer, array.name)
        if given is not None and core_shape(given.shape) != core_shape(array.shape):
            label = info.layer.label()
            issues.add(f"{label}:invalid{array.name}Size", f"{array.name} has size {times(given.shape)}, but for this "
                       f"input it must have size {times(array.shape)}.",
                       f"Pass an array of size {times(array.shape)}, or [] to initialise it.",
                       layer=info.layer.Name, index=info.index)


def core_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its sizes of 1: MATLAB drops trailing ones, and vectors come as rows or columns."""
    return tuple(n for n in shape if n != 1)


def conform(value: np.ndarray, array: Array) -> np.ndarray:
    """A given array in the shape that the layer declares."""
    return value if value.shape == array.shape else value.reshape(array.shape)
