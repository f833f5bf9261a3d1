"""From a layer graph to ops: walk the layers in order, let every page record what it means, and collect every problem.

Analysis, the program and prediction all use this one walk; it touches no data. A problem at one layer silences only the
layers that depend on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from dltoolbox.core.dims import UNKNOWN_FEATURES, Dims, times, unknown
from dltoolbox.core.display import bytes_text, listed
from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail
from dltoolbox.core.unknown import UNKNOWN, is_known
from dltoolbox.layers.base import LAYERS, Array, Layer, State
from dltoolbox.layers.inputs import DataInput
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.history import Port
from dltoolbox.network.graph.layer_graph import BATCH_SIZE, NO_DATA, UNPOOLING, LayerGraph
from dltoolbox.network.graph.validate import check_structure, execution_order
from dltoolbox.network.lowering.repairs import repair, rewiring
from dltoolbox.ops import Graph, Kind, Recorder, Value, as_tuple
from dltoolbox.ops.graph import Complex, Folded, recorded_value

ELEMENT = 4  # bytes of a number in single precision
MEMORY = 1 << 40  # bytes: one array or map that is larger was hardly meant
SMALLER = "Check the sizes, strides and padding of this layer and of those before it."


@dataclass
class LoweredLayer:
    """One layer after the walk: sizes of what enters and leaves (None where a problem hides it), and its arrays."""

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


def lower(lgraph: LayerGraph, *, training: bool = False, sources: Mapping[str, Dims] | None = None,
          loss: bool | None = None, repairs: bool = True, ragged: Mapping[str, int] | None = None) -> Lowered:
    """Record the ops of every layer.

    Args:
        lgraph: Layers with names, and their connections.
        training: Whether batch normalisation and dropout behave as in training.
        sources: Sizes of the data that enter, by the name of the input layer, where they differ from the declared ones or
            hold the batch size; by the name of the open input, ``conv`` or ``add/in2``, where there is no input layer.
        loss: Whether the network must end in output layers; by default as the graph says. If not, what its open
            outputs hold leaves it.
        repairs: Whether fixes are looked for that take further walks.
        ragged: Inputs whose sequences have several lengths, by the names of ``sources``; the same number: the same lengths.
    """
    loss = lgraph.ends_in_loss if loss is None else loss
    sources = {**lgraph.layouts, **(sources or {})}
    if any(layer.nested is not None for layer in lgraph.nodes):
        return lower_nested(lgraph, training, sources, ragged or {}, loss=loss, repairs=repairs)
    walk = Walk(lgraph, training, sources, loss, ragged or {})
    for position in walk.result.order:
        walk.lower_layer(walk.result.layers[position])
    if repairs:
        repair(lgraph, walk.result, sources, lambda changed, sizes: lower(
            changed, training=training, sources=sizes, loss=loss, repairs=False))
    graph, entered = walk.result.graph, walk.builder.entered
    graph.inputs = [entered[name] for name in lgraph.input_names() if name in entered]
    if not loss:
        graph.leaving = [str(port) for port in lgraph.leaving if str(port) in graph.ports]
        graph.results = [graph.ports[port] for port in graph.leaving]
    return walk.result


def lower_nested(lgraph: LayerGraph, training: bool, sources: Mapping[str, Dims], ragged: Mapping[str, int],
                 **rest: Any) -> Lowered:
    """Networks inside layers are written out first; their ports are known by both names."""
    graph, ports = expansion(lgraph)
    names = {lgraph.port_text(port, "inputs"): graph.port_text(ports[port], "inputs")
             for port in lgraph.open_inputs() if port in ports}
    result = lower(graph, training=training, sources={names.get(name, name): dims for name, dims in sources.items()},
                   ragged={names.get(name, name): group for name, group in ragged.items()}, **rest)
    known = result.graph.ports
    known.update({str(port): known[str(inside)] for port, inside in ports.items() if str(inside) in known})
    result.graph.complex.update(str(port) for port, inside in ports.items() if str(inside) in result.graph.complex)
    return result


class Walk:
    """One walk over the layers of a graph.

    What a problem hides is walked with unknown sizes, and recorded aside: the record itself holds what is certain.
    """

    def __init__(self, lgraph: LayerGraph, training: bool, sources: Mapping[str, Dims], loss: bool,
                 ragged: Mapping[str, int]) -> None:
        self.lgraph, self.sources = lgraph, sources
        self.fed = {port: name for port in lgraph.open_inputs() if (name := lgraph.port_text(port, "inputs")) in sources}
        counts = Counter(edge.destination for edge in lgraph.edges)
        self.incoming = {edge.destination: edge.source for edge in lgraph.edges if counts[edge.destination] == 1}
        self.issues = IssueCollector()
        check_structure(lgraph, self.issues, self.fed, loss=loss)
        order = execution_order(lgraph, self.issues)
        self.result = Lowered(Graph(), [LoweredLayer(layer, i) for i, layer in enumerate(lgraph.nodes, 1)],
                              sorted(order, key=lambda at: 0 if lgraph.nodes[at].outputs() else at + 1),  # as OutputNames
                              self.issues)
        self.values: dict[Port, Value] = {}  # what leaves the layers, also where not all of it is known
        self.builder = Recorder(self.result.graph, training=training, sources=sources, keeps_rank=loss, ragged=ragged)

    @cached_property
    def entering(self) -> list[Dims]:
        """Sizes of the data that may enter."""
        return [layer.dims() for layer in self.lgraph.nodes if isinstance(layer, DataInput)] + list(self.sources.values())

    @cached_property
    def aside(self) -> Recorder:
        """Records what is not certain. Data have as many spatial dimensions as what enters, or none where layers flatten."""
        may_flatten = any(layer.flattens or not layer.factory for layer in self.lgraph.nodes)
        ranks = {*({dims.rank for dims in self.entering} or {0, 2}), *[0] * may_flatten}
        return Recorder(Graph(), training=self.builder.training, sources=self.sources, keeps_rank=self.builder.keeps_rank,
                        hidden_rank=ranks.pop() if len(ranks) == 1 else UNKNOWN)

    def lower_layer(self, info: LoweredLayer) -> None:
        """Check one layer and let it record its ops; where it cannot, what leaves it for certain still does."""
        layer, incoming_values = info.layer, self.incoming_values(info.layer)
        outputs: tuple[Value, ...] | None = None
        with self.issues.collect(layer=layer.Name, index=info.index):
            layer.validate()  # again, as properties can be set after creation, one by one
            self.check_ports(layer, incoming_values)
            outputs = self.recorded(info, [value if value and not value.dims.hidden else self.hidden(layer, port, value)
                                           for port, value in incoming_values.items()])
        if outputs is None:
            outputs = self.partial_outputs(layer, incoming_values)
        if outputs and all(value.dims.known for value in outputs):
            info.outputs = tuple(value.dims for value in outputs)
        for port, value in zip(layer.outputs(), outputs, strict=False):
            self.values[Port(layer.Name, port)] = here = within_memory(value)
            if here.dims.known:
                self.result.graph.ports[str(Port(layer.Name, port))] = recorded_value(here)
                if here.kind is Kind.COMPLEX:
                    self.result.graph.complex.add(str(Port(layer.Name, port)))

    def incoming_values(self, layer: Layer) -> dict[str, Value | None]:
        """The values at the input ports of a layer; None where nothing is known of one."""
        inputs: dict[str, Value | None] = {}
        for port in layer.inputs():
            here = Port(layer.Name, port)
            source, name = self.incoming.get(here), self.fed.get(here)
            inputs[port] = (self.builder.entering(name, self.sources[name]) if name is not None else
                            self.values.get(source) if source else None)
        return inputs

    def check_ports(self, layer: Layer, incoming_values: Mapping[str, Value | None]) -> None:
        """Indices and size of a max pooling layer are not data, and an unpooling layer needs both from one pooling."""
        for port, value in incoming_values.items():
            if value is not None:
                check_kind(self.lgraph, Port(layer.Name, port), value, self.incoming.get(Port(layer.Name, port)))
                check_complex(layer, value)
        x, indices, size = (incoming_values.get(port) for port in ("in", *UNPOOLING))
        if indices is not None and size is not None:
            check_unpooling(self.lgraph, layer, x, {"indices": indices, "size": size},
                            {port: self.incoming[Port(layer.Name, port)] for port in UNPOOLING})
        if BATCH_SIZE in incoming_values:
            check_unfolding(self.lgraph, layer, incoming_values, self.incoming)

    def recorded(self, info: LoweredLayer, inputs: list[Value]) -> tuple[Value, ...] | None:
        """Check a layer and let it record its ops; None where what leaves it is not known."""
        if all(value.dims.known for value in inputs):
            info.inputs = tuple(value.dims for value in inputs)
            return recorded(info, inputs, self.builder, self.issues)
        if not copes(info.layer, inputs):
            return None
        try:
            return recorded(info, inputs, self.aside, self.issues)
        except DltoolboxError:
            raise
        except Exception:  # a page may ask more of a size than an unknown one can tell
            return None

    def partial_outputs(self, layer: Layer, incoming_values: Mapping[str, Value | None]) -> tuple[Value, ...]:
        """The outputs of a layer with a problem: what its ops make of the sizes that are left. Of layers that are not the
        toolbox's own, nothing is known then.
        """
        inputs = self.left_over(layer, incoming_values)
        if not (layer.factory and inputs and copes(layer, inputs)):
            return ()
        try:
            self.aside.enter(layer.Name, layer.arrays(*(value.dims for value in inputs)))
            return as_tuple(layer.build(self.aside, *inputs))
        except Exception:  # whatever it is, it follows from the problem that has been told
            return ()

    def left_over(self, layer: Layer, incoming_values: Mapping[str, Value | None]) -> list[Value]:
        """The inputs of a layer that has a problem, without those that may cause it: other formats, contradictions."""
        inputs = {port: as_taken(layer, value) if value and fits(layer, value) else self.hidden(layer, port)
                  for port, value in incoming_values.items()}
        indices, size = (incoming_values.get(port) for port in UNPOOLING)
        if "indices" in inputs:  # any go with a map, and none changes the size of the output
            inputs["indices"] = self.hidden(layer, "indices")
        if size and size.kind is Kind.SIZE and not (indices and indices.kind is Kind.INDICES
                                                    and indices.denotes != size.denotes):
            inputs["size"] = size
        return [*inputs.values()]

    def hidden(self, layer: Layer, port: str, value: Value | None = None) -> Value:
        """The unknown input of a port, perhaps with known channels. Its format is the one that the layer takes."""
        certain = len(layer.formats) == 1 and not any(dims.timed for dims in self.entering)
        dims = unknown(layer.formats[0]) if certain else UNKNOWN_FEATURES
        if value:
            dims = dims.with_size("C", value.dims.channels)
        return Value(dims, Kind(port), dims) if port in NO_DATA else Value(dims)


def copes(layer: Layer, inputs: Sequence[Value]) -> bool:
    """Whether a layer can tell something of these inputs: of some, not even the format may be known."""
    return not any(value.dims.hidden for value in inputs) or (bool(layer.factory) and len(layer.formats) != 1)


def fits(layer: Layer, value: Value) -> bool:
    """Whether a layer takes data of this format."""
    return value.kind is not Kind.SIZE and (not layer.formats or value.dims.folded.labels in layer.formats)


def as_taken(layer: Layer, value: Value) -> Value:
    """The value, or its real and imaginary parts where the layer does not take complex data."""
    return value.parts if isinstance(value, Complex) and layer.complex_inputs == "refused" else value


def within_memory(value: Value) -> Value:
    """The same without its sizes where no memory holds it: they were hardly meant."""
    if not ELEMENT * value.dims.elements > MEMORY:
        return value
    dims = unknown(value.dims.labels)
    return replace(value, dims=dims, denotes=value.denotes and dims)


def recorded(info: LoweredLayer, inputs: list[Value], g: Recorder, issues: IssueCollector) -> tuple[Value, ...]:
    """Check a layer, let it record its ops and return what leaves it; raises where that is not known.

    Problems of values that were set are noted, and the record goes on with the sizes that the inputs ask for.
    """
    layer, dims = info.layer, tuple(v.dims for v in inputs)
    check_time(layer, inputs)
    layer.check(*dims)
    with issues.collect(layer=layer.Name, index=info.index):
        layer.check_parameters(*dims)
    arrays = layer.arrays(*dims)
    if not layer.shares and all(is_known(*array.shape) for array in arrays):
        info.arrays = arrays
    check_given_arrays(info, arrays, issues)
    g.enter(layer.shares or layer.Name, arrays)
    before, missing = len(g.graph.nodes), len(g.graph.missing)
    outputs: tuple[Value, ...] = as_tuple(layer.build(g, *inputs))
    if len(outputs) != len(layer.outputs()) or not all(isinstance(value, Value) for value in outputs):
        fail(f"{layer.label()}:invalidBuild", f"The method build of {type(layer).__name__} does not return one value per "
             f"output port ({', '.join(layer.outputs()) or 'none'}).",
             "Return what the ops of g return, such as g.relu(x).")
    for code, message, hint in layer.doubts(*dims):
        issues.add(f"{layer.label()}:{code}", message, hint, layer=layer.Name, index=info.index, severity="warning")
    for node in g.graph.nodes[before:]:
        x = node.way.dims(node.inputs[0].dims)
        if x.known and node.op.together(x, **node.attrs) == 1:
            issues.add(f"{layer.label()}:{ONE_VALUE}", f"Every value of {dims[0]} is normalised by itself, so the output is "
                       "Offset, whatever comes in, and the layers before learn nothing.",
                       "Normalise what has more values, or remove the layer.", layer=layer.Name, index=info.index,
                       severity="warning")
    if len(g.graph.missing) > missing:
        issues.add("network:placeholder", f"This layer is a placeholder{layer.describe().removeprefix(layer.type_text)}: "
                   "its sizes are known, but nothing says what it computes.", "Put a layer in its place before the network "
                   f"runs: lgraph = replaceLayer(lgraph, '{layer.Name}', {getattr(layer, 'replacement', 'layer')}).",
                   layer=layer.Name, index=info.index, severity="warning")
    check_memory(info, outputs, issues)
    return outputs


def check_time(layer: Layer, inputs: list[Value]) -> None:
    """Data with time steps and data without do not go together, unless the layer says how."""
    data = [value.dims for port, value in zip(layer.inputs(), inputs, strict=True)
            if value.kind is Kind.DATA and not value.dims.hidden and port not in layer.timeless]
    if len({isinstance(value, Folded) for value in inputs if value.kind is Kind.DATA and not value.dims.hidden}) > 1:
        fail("network:foldedAndNot", f"Some inputs of {layer.label()} are folded sequences and others are not.",
             "Fold them all, or unfold those that are folded before this layer.")
    if len({dims.timed for dims in data}) > 1:
        fail("network:timeMismatch", f"Some inputs of {layer.label()} have time steps and others have none: "
             f"{'; '.join(map(str, data))}.", "Give all of them time steps, or none.")


def check_kind(lgraph: LayerGraph, place: Port, value: Value, source: Port | None) -> None:
    """The indices and the size of a max pooling layer are not data: only the unpooling port of that name takes them."""
    if source and value.kind is Kind.BATCH and place.port != BATCH_SIZE:
        fail("network:notData", f"Input '{place.port}' is connected to '{source}', the number of sequences that a folding "
             f"layer passes to an unfolding layer, not data.",
             f"Use {rewiring(lgraph, source, Port(source.layer, 'out'), place)}.")
    if source and value.kind not in (Kind.DATA, Kind.COMPLEX, Kind.BATCH) and place.port not in UNPOOLING:
        what = "indices of the maxima" if value.kind is Kind.INDICES else "size"
        fail("network:notData", f"Input '{place.port}' is connected to '{source}', the {what} that a max pooling layer "
             "passes to an unpooling layer, not data.",
             f"Use {rewiring(lgraph, source, Port(source.layer, 'out'), place)}.")


def check_complex(layer: Layer, value: Value) -> None:
    """Complex data are for layers that take them."""
    if value.kind is Kind.COMPLEX and layer.complex_inputs == "refused":
        fail("network:complexData", f"{layer.label()} does not take complex data, but its input is {value.dims}, complex.",
             f"Insert {next(name for name, page in LAYERS.items() if page.complex_inputs == 'needed')} before it.")


def check_unpooling(lgraph: LayerGraph, layer: Layer, x: Value | None, values: Mapping[str, Value],
                    sources: Mapping[str, Port]) -> None:
    """The indices and the size of an unpooling layer are those of one max pooling layer."""
    indices, size = values["indices"], values["size"]
    if indices.kind is not Kind.INDICES or size.kind is not Kind.SIZE or size.denotes is None:
        wrong, right = UNPOOLING if indices.kind is not Kind.INDICES else UNPOOLING[::-1]
        pooling = next((lgraph.named(sources[port].layer) for port in (wrong, right)
                        if lgraph.named(sources[port].layer).optional_outputs), None)
        factory = layer.label().replace("Unp", "P")
        hint = f"Connect '{wrong}' of a {factory} with HasUnpoolingOutputs=True."
        if pooling:
            ready = wrong in pooling.outputs()
            first = "Use " if ready else f"Set HasUnpoolingOutputs=True in '{pooling.Name}', then use "
            hint = first + rewiring(lgraph, sources[wrong], Port(pooling.Name, wrong), Port(layer.Name, wrong)) + "."
        fail(f"{layer.label()}:notUnpoolingData", f"Input '{wrong}' of {layer.label()} is connected to an output that does "
             f"not carry the {wrong} of a max pooling layer.", hint)
    if indices.denotes != size.denotes:
        right, wrong = UNPOOLING if x is None or x.dims == indices.dims else UNPOOLING[::-1]
        fail(f"{layer.label()}:indicesAndSizeDiffer", f"'indices' comes from the pooling of {indices.denotes}, but 'size' "
             f"is {size.denotes}.", "Connect 'indices' and 'size' of the same max pooling layer: use "
             f"{rewiring(lgraph, sources[wrong], Port(sources[right].layer, wrong), Port(layer.Name, wrong))}.")


def check_unfolding(lgraph: LayerGraph, layer: Layer, values: Mapping[str, Value | None],
                    sources: Mapping[Port, Port]) -> None:
    """Only folded data are unfolded, and the number of sequences comes from a folding layer."""
    x, size, there = values["in"], values[BATCH_SIZE], Port(layer.Name, BATCH_SIZE)
    folding = next((node.Name for node in lgraph.nodes if BATCH_SIZE in node.outputs()), "")
    if x is not None and x.dims.known and not isinstance(x, Folded) and (before := sources.get(Port(layer.Name, "in"))):
        behind = [lgraph.port_text(place, "inputs") for place, source in sources.items() if source.layer == layer.Name]
        calls = [f"removeLayers(lgraph, '{layer.Name}')", *(
            f"connectLayers(lgraph, '{lgraph.port_text(before, 'outputs')}', '{place}')" for place in behind)]
        fail(f"{layer.label()}:notFolded", f"{layer.label()} puts folded sequences together again, but its input {x.dims} "
             "was not folded.", f"Use {listed(calls)}.")
    if size is not None and size.kind is not Kind.BATCH and folding:
        fail(f"{layer.label()}:notMiniBatchSize", f"Input '{BATCH_SIZE}' of {layer.label()} is connected to "
             f"'{sources[there]}', which is not the number of sequences.",
             f"Use {rewiring(lgraph, sources[there], Port(folding, BATCH_SIZE), there)}.")


def check_memory(info: LoweredLayer, outputs: tuple[Value, ...], issues: IssueCollector) -> None:
    """Nothing may be larger than any memory."""
    what = [(f"{array.name} of size {times(array.shape)}", array.count) for array in info.arrays]
    what += [(f"An output of size {value.dims}", value.dims.elements) for value in outputs]
    for text, elements in what:
        if ELEMENT * elements > MEMORY:
            issues.add("network:tooLarge", f"{text} would take {bytes_text(ELEMENT * elements)} in single precision, more "
                       "than any computer has.", SMALLER, layer=info.layer.Name, index=info.index)


def check_given_arrays(info: LoweredLayer, arrays: Iterable[Array], issues: IssueCollector) -> None:
    """Arrays that the user set must have the size that the layer needs; trailing and leading ones do not matter."""
    for array in arrays:
        given = getattr(info.layer, array.name)
        if given is not None and is_known(*array.shape) and not fits_array(given, array):
            label = info.layer.label()
            issues.add(f"{label}:invalid{array.name}Size", f"{array.name} has size {times(given.shape)}, but for this "
                       f"input it must have size {times(array.shape)}.",
                       f"Pass an array of size {times(array.shape)}, or [] to initialise it.",
                       layer=info.layer.Name, index=info.index)


def fits_array(given: np.ndarray, array: Array) -> bool:
    """Whether a given array has the size of a declared one; states that are carried may have a column per observation."""
    if isinstance(array, State) and array.carried and given.ndim == 2 and given.shape[0] == array.shape[0]:
        return True
    return core_shape(given.shape) == core_shape(array.shape)


def core_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its sizes of 1: MATLAB drops trailing ones, and vectors come as rows or columns."""
    return tuple(n for n in shape if n != 1)


def conform(value: np.ndarray, array: Array) -> np.ndarray:
    """A given array in the shape that the layer declares."""
    return value if value.size != array.count or value.shape == array.shape else value.reshape(array.shape)
