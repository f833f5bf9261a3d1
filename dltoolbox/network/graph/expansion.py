"""Networks inside layers: layers that stand for several are written out before anything walks a graph."""

from __future__ import annotations

from typing import NamedTuple

from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import LayerGraph


class Expansion(NamedTuple):
    """A graph without nested networks, and which ports inside have taken the place of those of the layers around."""

    graph: LayerGraph
    ports: dict[Port, Port]


def expansion(lgraph: LayerGraph, *, repeated: bool = True) -> Expansion:
    """Write out every nested network, at any depth: layer ``fc`` in ``sub`` becomes ``sub:fc``, in the place of ``sub``.

    ``repeated`` says whether those are written out, too, that are looked at several times.
    """
    ports: dict[Port, Port] = {}
    if not any(is_written_out(layer, repeated) for layer in lgraph.nodes):
        return Expansion(lgraph, ports)
    nodes, edges = [], list[Connection]()
    for layer in lgraph.nodes:
        if not is_written_out(layer, repeated):
            nodes.append(layer)
            continue
        inner: LayerGraph = expansion(layer.written_out(), repeated=repeated).graph
        inside = {each.Name: f"{layer.Name}:{each.Name}" for each in inner.nodes}
        for each in inner.nodes:
            nodes.append(each.copy())
            nodes[-1].Name = inside[each.Name]
            if layer.shares or each.shares:
                nodes[-1].__dict__["shares"] = f"{layer.shares or layer.Name}:{each.shares or each.Name}"
        edges += [Connection(*(Port(inside[port.layer], port.port) for port in edge)) for edge in inner.edges]
        ends = zip((*layer.inputs(), *layer.outputs()), (*inner.open_inputs(), *inner.leaving), strict=True)
        ports |= {Port(layer.Name, name): Port(inside[port.layer], port.port) for name, port in ends}
    edges += [Connection(*(ports.get(port, port) for port in edge)) for edge in lgraph.edges]
    return Expansion(lgraph.with_renamed_ports(nodes, edges, ports), ports)


def is_written_out(layer: Layer, repeated: bool) -> bool:
    return layer.nested is not None and (repeated or not layer.repeats)


def own_layers(lgraph: LayerGraph) -> list[Layer]:
    """All layers, also those inside layers, that have arrays of their own."""
    return [layer for layer in expansion(lgraph).graph.nodes if not layer.shares]
