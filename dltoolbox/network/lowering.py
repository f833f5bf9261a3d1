"""From a layer graph to ops: walk the layers in order, let every page record what it means, and collect every fault.

Analysis, the program and prediction all use this one walk; it touches no data. A fault at one layer silences only the
layers that depend on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np

from dltoolbox.core.errors import IssueCollector
from dltoolbox.core.formats import Dims, times
from dltoolbox.layers.base import Array, Layer
from dltoolbox.layers.pooling import MaxUnpooling
from dltoolbox.network.layergraph import LayerGraph, Port
from dltoolbox.ops import Builder, Graph, Value, as_tuple


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


def lower(lgraph: LayerGraph, *, training: bool = False, sources: Mapping[str, Dims] | None = None) -> Lowered:
    """Record the ops of every layer.

    Args:
        lgraph: Layers with names, and their connections.
        training: Whether batch normalisation and dropout behave as in training.
        sources: Sizes of the data per input layer, where they differ from the declared ones or hold the batch size.
    """
    graph = Graph()
    result = Lowered(graph, [LoweredLayer(one, i) for i, one in enumerate(lgraph.nodes, 1)], [])
    incoming = {c.destination: c.source for c in lgraph.edges}
    check_structure(lgraph, result.issues)
    result.order = execution_order(lgraph, result.issues)
    builder = Builder(graph, training=training, sources=sources)
    for position in result.order:
        lower_layer(result.layers[position], incoming, builder, result.issues)
    return result


def lower_layer(info: LoweredLayer, incoming: Mapping[Port, Port], g: Builder, issues: IssueCollector) -> None:
    """Check one layer and let it record its ops; does nothing where an input is missing or faulty."""
    one, ports = info.layer, g.graph.ports
    sources = [incoming.get(Port(one.Name, port)) for port in one.inputs()]
    values = [ports.get(str(source)) for source in sources if source is not None]
    if len(values) < len(sources) or any(v is None for v in values):
        return
    inputs: list[Value] = [v for v in values if v is not None]
    before = len(issues)
    with issues.collect(layer=one.Name, index=info.index):
        info.inputs = tuple(v.dims for v in inputs)
        one.check(*info.inputs)
        info.arrays = one.arrays(*info.inputs)
        check_given_arrays(info, issues)
        if len(issues) > before:
            return
        g.enter(one.Name, info.arrays)
        outputs: tuple[Value, ...] = as_tuple(one.build(g, *inputs))
        info.outputs = tuple(v.dims for v in outputs)
        ports.update({str(Port(one.Name, port)): v for port, v in zip(one.outputs(), outputs, strict=True)})


def check_given_arrays(info: LoweredLayer, issues: IssueCollector) -> None:
    """Arrays that the user set must have the size that the layer needs; trailing and leading ones do not matter."""
    for array in info.arrays:
        given = getattr(info.layer, array.name)
        if given is not None and core_shape(given.shape) != core_shape(array.shape):
            label = info.layer.label()
            issues.add(f"{label}:invalid{array.name}Size", f"{array.name} has size {times(given.shape)}, but must have "
                       f"size {times(array.shape)}.", f"Pass an array of size {times(array.shape)}, or [] to initialise it.",
                       layer=info.layer.Name, index=info.index)


def core_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its sizes of 1: MATLAB drops trailing ones, and vectors come as rows or columns."""
    return tuple(n for n in shape if n != 1)


def conform(value: np.ndarray, array: Array) -> np.ndarray:
    """A given array in the shape that the layer declares."""
    return value if value.shape == array.shape else value.reshape(array.shape)


def check_structure(lgraph: LayerGraph, issues: IssueCollector) -> None:
    """Faults that need no sizes: missing ends, open and doubly connected inputs, classification without softmax."""
    if not lgraph.nodes:
        issues.add("network:empty", "The network has no layers.", "Pass at least an input layer and an output layer.")
        return
    if not lgraph.InputNames:
        issues.add("network:missingInputLayer", "The network has no input layer.",
                   "Start it with imageInputLayer, image3dInputLayer or featureInputLayer.")
    if not lgraph.OutputNames:
        issues.add("network:missingOutputLayer", "The network has no output layer.",
                   "End it with classificationLayer, regressionLayer or pixelClassificationLayer.")
    arriving: dict[Port, list[Port]] = {}
    for source, destination in lgraph.edges:
        arriving.setdefault(destination, []).append(source)
    leaving = {c.source.layer for c in lgraph.edges}
    for index, one in enumerate(lgraph.nodes, 1):
        for port in one.inputs():
            sources = arriving.get(Port(one.Name, port), [])
            if not sources:
                open_input(lgraph, one, port, index, issues)
            elif len(sources) > 1:
                issues.add("network:inputConnectedTwice", f"Input '{port}' is connected to {len(sources)} outputs: "
                           f"{', '.join(map(str, sources))}.", "Keep one, or add the outputs in an additionLayer.",
                           layer=one.Name, index=index)
        if one.outputs() and one.Name not in leaving:
            issues.add("network:unconnectedOutput", "Its output is not connected to any layer.",
                       "Connect it with connectLayers, or remove the layer.", layer=one.Name, index=index)
        check_softmax(lgraph, one, arriving, index, issues)


def open_input(lgraph: LayerGraph, one: Layer, port: str, index: int, issues: IssueCollector) -> None:
    """The issue of an unconnected input; an unpooling layer gets the cure that fits it."""
    if isinstance(one, MaxUnpooling) and port != "in":
        pools = [p.Name for p in lgraph.nodes if "indices" in p.outputs()]
        near = get_close_matches(one.Name, pools, n=1, cutoff=0.0)
        pool = near[0] if near else "pool"
        hint = "" if pools else " and HasUnpoolingOutputs=True in the max pooling layer"
        issues.add("network:unpoolingWithoutIndices", f"Input '{port}' is not connected, so it cannot know where the "
                   "maxima came from.", f"Use connectLayers(lgraph, '{pool}/{port}', '{one.Name}/{port}'){hint}.",
                   layer=one.Name, index=index)
    else:
        issues.add("network:unconnectedInput", f"Input '{port}' is not connected to any output.",
                   f"Use connectLayers(lgraph, 'source', '{one.Name}/{port}').", layer=one.Name, index=index)


def check_softmax(lgraph: LayerGraph, one: Layer, arriving: Mapping[Port, list[Port]], index: int,
                  issues: IssueCollector) -> None:
    """Cross-entropy is of probabilities, so a classification output must follow a softmax."""
    if getattr(one, "LossFunction", "") != "crossentropyex":
        return
    for source in arriving.get(Port(one.Name, "in"), []):
        before = lgraph.nodes[lgraph.find(source.layer)]
        if before.factory != "softmaxLayer":
            issues.add("network:missingSoftmax", f"It must follow a softmax layer, but follows '{before.Name}' "
                       f"({before.type_text}).", "Insert softmaxLayer before it.", layer=one.Name, index=index)


def execution_order(lgraph: LayerGraph, issues: IssueCollector) -> list[int]:
    """Positions of the layers so that sources come first, else in the graph's order; layers on cycles are left out."""
    position = {one.Name: i for i, one in enumerate(lgraph.nodes)}
    waits = [0] * len(lgraph.nodes)
    feeds: list[list[int]] = [[] for _ in lgraph.nodes]
    for source, destination in lgraph.edges:
        waits[position[destination.layer]] += 1
        feeds[position[source.layer]].append(position[destination.layer])
    ready = [i for i, count in enumerate(waits) if count == 0]
    order = []
    while ready:
        at = heapq.heappop(ready)
        order.append(at)
        for target in feeds[at]:
            waits[target] -= 1
            if waits[target] == 0:
                heapq.heappush(ready, target)
    stuck = [i for i, count in enumerate(waits) if count > 0]
    if stuck:
        cycle = find_cycle(stuck, feeds)
        names = [lgraph.nodes[i].Name for i in cycle]
        issues.add("network:cycle", f"The layers form a cycle: {' → '.join([*names, names[0]])}.",
                   f"Remove one of these connections, for example disconnectLayers(lgraph, '{names[-1]}', '{names[0]}').",
                   layer=names[0], index=cycle[0] + 1)
    return order


def find_cycle(stuck: list[int], feeds: list[list[int]]) -> list[int]:
    """One cycle among layers that wait for each other, starting at its first layer."""
    waiting = set(stuck)
    sources: dict[int, int] = {target: i for i in reversed(stuck) for target in feeds[i] if target in waiting}
    path, at = [], stuck[0]
    while at not in path:
        path.append(at)
        at = sources[at]
    cycle = path[path.index(at):][::-1]
    start = cycle.index(min(cycle))
    return cycle[start:] + cycle[:start]
