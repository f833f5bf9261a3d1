"""Surgery: adding, removing, connecting and replacing layers. Every function returns a new graph and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dltoolbox.core.convert import choice
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, Property, show
from dltoolbox.layers.base import Layer
from dltoolbox.network.layerarray import layerArray, with_names
from dltoolbox.network.layergraph import Connection, LayerGraph, Port, check_unique, sequence
from dltoolbox.network.networks import DAGNetwork


def editable(lgraph: Any, function: str) -> LayerGraph:
    """The graph to edit; of anything else it is said how to make one of it."""
    fixed = isinstance(lgraph, DAGNetwork)
    if fixed or not isinstance(lgraph, LayerGraph):
        fail(f"{function}:notALayerGraph", f"The first argument of {function} must be a layer graph or a dlnetwork, but it "
             f"is {show(lgraph)}.", "A trained network stays as it is; edit its layer graph, which has the same values: "
             "lgraph = layerGraph(net)." if fixed else "Make one first: lgraph = layerGraph(layers).")
    return lgraph


def addLayers(lgraph: LayerGraph, larray: Any) -> LayerGraph:
    """Add layers, connected in sequence to each other but not to the rest.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:duplicateName`` where a name exists already.

    Example:
        >>> addLayers(layerGraph(), [reluLayer(Name='a'), reluLayer(Name='b')]).Connections.Source
        ['a']
    """
    editable(lgraph, "addLayers")
    new = with_names(layerArray(larray), taken=[one.Name for one in lgraph.nodes])
    check_unique([*lgraph.nodes, *new])
    return lgraph.edited([*lgraph.nodes, *new], [*lgraph.edges, *sequence(new)])


def removeLayers(lgraph: LayerGraph, names: str | Iterable[str]) -> LayerGraph:
    """Remove layers and all of their connections.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``.
    """
    editable(lgraph, "removeLayers")
    gone = list(names) if isinstance(names, Iterable) and not isinstance(names, str) else [names]
    found = IssueCollector()
    for name in gone:
        with found.collect():
            lgraph.find(name)
    found.raise_if_any()
    return lgraph.edited([one for one in lgraph.nodes if one.Name not in gone],
                      [c for c in lgraph.edges if c.source.layer not in gone and c.destination.layer not in gone])


def connectLayers(lgraph: LayerGraph, s: str, d: str) -> LayerGraph:
    """Connect an output to an input.

    Args:
        lgraph: The graph.
        s: Source, ``'layer'`` or ``'layer/port'``; without a port the first output is meant.
        d: Destination; the port may be left out only where the layer has one input.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``, ``…:unknownPort``, ``…:ambiguousPort``; and
            ``…:inputAlreadyConnected``, since an input accepts one connection.

    Example:
        >>> lgraph = addLayers(layerGraph([imageInputLayer([8, 8, 1], Name='in')]), additionLayer(2, Name='add'))
        >>> connectLayers(lgraph, 'in', 'add/in2').Connections.Destination
        ['add/in2']
    """
    editable(lgraph, "connectLayers")
    source, destination = lgraph.port(s, "outputs"), lgraph.port(d, "inputs")
    for old in lgraph.edges:
        if old.destination == destination:
            fail("layerGraph:inputAlreadyConnected", f"Input '{destination}' is already connected to '{old.source}'.",
                 "Disconnect it first with disconnectLayers.", layer=destination.layer)
    return lgraph.edited(lgraph.nodes, [*lgraph.edges, Connection(source, destination)])


def disconnectLayers(lgraph: LayerGraph, s: str, d: str) -> LayerGraph:
    """Remove one connection; arguments as `connectLayers`.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:notConnected``.
    """
    editable(lgraph, "disconnectLayers")
    gone = Connection(lgraph.port(s, "outputs"), lgraph.port(d, "inputs"))
    if gone not in lgraph.edges:
        fail("layerGraph:notConnected", f"'{gone.source}' is not connected to '{gone.destination}'.",
             "Look at lgraph.Connections.")
    return lgraph.edited(lgraph.nodes, [c for c in lgraph.edges if c != gone])


class _ReplaceOptions(Configured):
    function = "replaceLayer"
    ReconnectBy = Property(choice("name", "order"), "name")


def replaceLayer(lgraph: LayerGraph, name: str, larray: Any, *pairs: Any, **options: Any) -> LayerGraph:
    """Replace one layer by a layer array, connected in sequence, and reconnect what it was connected to.

    Args:
        lgraph: The graph.
        name: The layer to replace.
        larray: One layer or several; the first takes over the inputs, the last the outputs.
        *pairs, **options: ``ReconnectBy``: ``'name'`` (the default) reconnects ports of equal names, ``'order'`` ports of
            equal position.

    Raises:
        DltoolboxError: ``dltoolbox:replaceLayer:portsDoNotFit`` where a connected port has no successor.

    Example:
        >>> lgraph = layerGraph([imageInputLayer([8, 8, 1]), reluLayer(Name='act'), softmaxLayer])
        >>> replaceLayer(lgraph, 'act', leakyReluLayer(0.1, Name='leaky')).Connections.Source
        ['imageinput', 'leaky']
    """
    by_name = _ReplaceOptions(*pairs, **options).ReconnectBy == "name"
    at = editable(lgraph, "replaceLayer").find(name)
    old = lgraph.nodes[at]
    new = with_names(layerArray(larray), taken=[one.Name for one in lgraph.nodes if one.Name != name])
    if not new:
        fail("replaceLayer:noLayers", f"There is no layer to take the place of '{name}'.",
             "Pass a layer or a layer array; to remove a layer, use removeLayers.")
    layers = [*lgraph.nodes[:at], *new, *lgraph.nodes[at + 1:]]
    check_unique(layers)

    def moved(port: Port, side: str, to: Layer) -> Port:
        before: tuple[str, ...] = getattr(old, side)()
        after: tuple[str, ...] = getattr(to, side)()
        place = before.index(port.port)
        single = len(before) == len(after) == 1
        if by_name and port.port in after and not single:
            return Port(to.Name, port.port)
        if (not by_name or single) and place < len(after):
            return Port(to.Name, after[place])
        fail("replaceLayer:portsDoNotFit", f"'{port}' is connected, but layer '{to.Name}' has no {side[:-1]} to take its "
             f"place: its {side} are {', '.join(after) or 'none'}.", "Disconnect it first, or use ReconnectBy='order'.")

    edges = [Connection(moved(c.source, "outputs", new[-1]) if c.source.layer == name else c.source,
                        moved(c.destination, "inputs", new[0]) if c.destination.layer == name else c.destination)
             for c in lgraph.edges]
    return lgraph.edited(layers, [*edges, *sequence(new)])
