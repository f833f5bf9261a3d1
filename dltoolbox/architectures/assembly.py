"""Layer graphs written down quickly: chains of named layers, joined by name."""

from __future__ import annotations

from collections.abc import Sequence

from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_array import layerArray
from dltoolbox.network.graph.layer_graph import LayerGraph, check_unique, sequence


class Assembly:
    """Collects layers and connections, and makes the graph once, in the end.

    Every layer needs a name. Methods return the name of the last layer, so that branches read as they are drawn:

    >>> a = Assembly()
    >>> trunk = a.chain([imageInputLayer([8, 8, 1], Name='in'), reluLayer(Name='relu')])
    >>> branch = a.chain([convolution2dLayer(1, 4, Name='conv')], after=trunk)
    >>> a.join(depthConcatenationLayer(2, Name='cat'), [branch, trunk])
    'cat'
    >>> a.graph().Connections.Source
    ['in', 'relu', 'conv', 'relu']
    """

    def __init__(self, start: LayerGraph | None = None) -> None:
        """Begin with nothing, or with a graph to go on from."""
        self.layers: dict[str, Layer] = {layer.Name: layer for layer in start.nodes} if start else {}
        self.edges: list[Connection] = list(start.edges) if start else []

    def chain(self, layers: object, after: str = "") -> str:
        """Add layers one after the other; the first is fed by ``after``, a layer or ``'layer/port'`` that stands already."""
        new = layerArray(layers)
        if len({layer.Name for layer in new} - self.layers.keys()) < len(new):  # a look at all layers is rarely needed
            check_unique([*self.layers.values(), *new])
        self.layers |= {layer.Name: layer for layer in new}
        if after:
            self.connect(after, f"{new[0].Name}/{new[0].inputs()[0]}")
        self.edges += sequence(new)
        values: str = new[-1].Name
        return values

    def join(self, layer: Layer, sources: Sequence[str]) -> str:
        """Add a layer of several inputs, fed by ``sources`` in the order of its ports."""
        name = self.chain(layer)
        for port, source in zip(layer.inputs(), sources, strict=True):
            self.connect(source, f"{name}/{port}")
        return name

    def connect(self, source: str, destination: str) -> None:
        """Connect an output, the first where none is named, to an input, ``'layer/port'``."""
        layer, _, port = source.partition("/")
        to, _, into = destination.partition("/")
        self.edges.append(Connection(Port(layer, port or self.layers[layer].outputs()[0]),
                                     Port(to, into or self.layers[to].inputs()[0])))

    def graph(self) -> LayerGraph:
        """The layer graph of everything so far."""
        return LayerGraph(self.layers.values(), self.edges)
