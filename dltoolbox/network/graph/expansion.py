"""Networks inside layers: layers that stand for several are written out before anything walks a graph."""

from __future__ import annotations

from typing import NamedTuple

from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import LayerGraph


class Expansion(NamedTuple):
    """A graph without nested networks, and which ports inside have taken the place of those of the layers around."""

    graph: LayerGraph
    ports: dict[Port, Port]


def expansion(lgraph: LayerGraph) -> Expansion:
    """Write out every nested network, at any depth: layer ``fc`` in ``sub`` becomes ``sub:fc``, in the place of ``sub``."""
    ports: dict[Port, Port] = {}
    if all(layer.nested is None for layer in lgraph.nodes):
        return Expansion(lgraph, ports)
    nodes, edges = [], list[Connection]()
    for layer in lgraph.nodes:
        if layer.nested is None:
            nodes.append(layer)
            continue
        inner: LayerGraph = expansion(layer.nested).graph
        inside = {each.Name: f"{layer.Name}:{each.Name}" for each in inner.nodes}
        for each in inner.nodes:
            nodes.append(each.copy())
            nodes[-1].Name = inside[each.Name]
        edges += [Connection(*(Port(inside[port.layer], port.port) for port in edge)) for edge in inner.edges]
        ends = zip((*layer.inputs(), *layer.outputs()), (*inner.open_inputs(), *inner.leaving), strict=True)
        ports |= {Port(layer.Name, name): Port(inside[port.layer], port.port) for name, port in ends}
    edges += [Connection(*(ports.get(port, port) for port in edge)) for edge in lgraph.edges]
    return Expansion(lgraph.with_renamed_ports(nodes, edges, ports), ports)
