"""Surgery: adding, removing, connecting and replacing layers. Every function returns a new graph and changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from dltoolbox.core.convert import choice, each, flag
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, Property, optional_first, show
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.layers.base import Layer
from dltoolbox.network.dlnetwork import dlnetwork, initialize, required
from dltoolbox.network.graph.history import Connection, Edit, Port
from dltoolbox.network.graph.layer_array import layerArray, with_names
from dltoolbox.network.graph.layer_graph import LayerGraph, check_unique, sequence
from dltoolbox.network.graph.validate import disconnect_call
from dltoolbox.network.networks import DAGNetwork


def editable(lgraph: object, function: str) -> LayerGraph:
    """The graph to edit; of anything else it is said how to make one of it."""
    fixed = isinstance(lgraph, DAGNetwork)
    if fixed or not isinstance(lgraph, LayerGraph):
        fail(f"{function}:notALayerGraph", f"The first argument of {function} must be a layer graph or a dlnetwork, but it "
             f"is {show(lgraph)}.", "A trained network stays as it is; edit its layer graph, which has the same values: "
             "lgraph = layerGraph(net)." if fixed else "Make one first: lgraph = layerGraph(layers).")
    return lgraph


@returns_copy
def addLayers(lgraph: LayerGraph, larray: Any) -> LayerGraph:
    """Add layers, connected in sequence to each other but not to the rest.

    Args:
        lgraph: A layer graph or a dlnetwork. It is not changed.
        larray: A layer, a layer array, or a layer graph, whose connections then come along. Unnamed layers get names.

    Returns:
        The larger graph. A dlnetwork keeps its values and wants to be initialised again, as after all surgery.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:duplicateName`` where a name exists already.

    Example:
        >>> addLayers(layerGraph(), [reluLayer(Name='a'), reluLayer(Name='b')]).Connections.Source
        ['a']
    """
    editable(lgraph, "addLayers")
    together = isinstance(larray, LayerGraph)
    new = with_names(larray.nodes if together else layerArray(larray), taken=lgraph.layer)
    if len({layer.Name for layer in new}) < len(new) or any(map(lgraph.layer, (layer.Name for layer in new))):
        check_unique([*lgraph.nodes, *new])
    return lgraph.changed(Edit(new, connected=larray.edges if together else sequence(new)))


@returns_copy
def removeLayers(lgraph: LayerGraph, names: str | Iterable[str]) -> LayerGraph:
    """Remove layers and all of their connections.

    Args:
        lgraph: A layer graph or a dlnetwork. It is not changed.
        names: Name or names of the layers.

    Returns:
        The smaller graph.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``.
    """
    editable(lgraph, "removeLayers")
    gone = each(names)
    issues = IssueCollector()
    for name in gone:
        with issues.collect():
            lgraph.named(name)
    issues.raise_if_any()
    return lgraph.changed(Edit(removed=dict.fromkeys(gone)))


@returns_copy
def connectLayers(lgraph: LayerGraph, s: str, d: str) -> LayerGraph:
    """Connect an output to an input.

    Args:
        lgraph: A layer graph or a dlnetwork. It is not changed.
        s: Source, ``'layer'`` or ``'layer/port'``; without a port the first output is meant.
        d: Destination; the port may be left out only where the layer has one input.

    Returns:
        The graph with the connection.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:unknownLayer``, ``…:unknownPort``, ``…:ambiguousPort``; and
            ``…:inputAlreadyConnected``, since an input accepts one connection.

    Example:
        >>> lgraph = addLayers(layerGraph([imageInputLayer([8, 8, 1], Name='in')]), additionLayer(2, Name='add'))
        >>> connectLayers(lgraph, 'in', 'add/in2').Connections.Destination
        ['add/in2']
    """
    editable(lgraph, "connectLayers")
    source, destination = ends(lgraph, s, d)
    for old in lgraph.connections_of(destination):
        if old.destination == destination:
            fail("layerGraph:inputAlreadyConnected", f"Input '{destination}' is already connected to '{old.source}'.",
                 f"Use lgraph = {disconnect_call(lgraph, old)} first.", layer=destination.layer)
    return lgraph.changed(Edit(connected=[Connection(source, destination)]))


def ends(lgraph: LayerGraph, s: str, d: str) -> Connection:
    """The connection that the names of two ports mean; unknown ones are reported together."""
    issues, ports = IssueCollector(), list[Port]()
    for text, side in ((s, "outputs"), (d, "inputs")):
        with issues.collect():
            ports.append(lgraph.port(text, side))
    issues.raise_if_any()
    return Connection(*ports)


@returns_copy
def disconnectLayers(lgraph: LayerGraph, s: str, d: str) -> LayerGraph:
    """Remove one connection; arguments and result as `connectLayers`.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:notConnected``.
    """
    editable(lgraph, "disconnectLayers")
    gone = ends(lgraph, s, d)
    if gone not in (there := lgraph.connections_of(gone.destination)):
        fix = next((f"To remove its connection, use {disconnect_call(lgraph, old)}." for old in there), "It has none.")
        fail("layerGraph:notConnected", f"'{gone.source}' is not connected to '{gone.destination}'.",
             fix, layer=gone.destination.layer)
    return lgraph.changed(Edit(disconnected=[gone]))


class _AddInputOptions(Configured):
    function = "addInputLayer"
    Initialize = Property(flag, False)


@returns_copy
def addInputLayer(net: dlnetwork, layer: object, layerName: str | None = None, *pairs: object,
                  **options: object) -> dlnetwork:
    """Add an input layer to a dlnetwork and connect it to an input that is open.

    Args:
        net: A dlnetwork. It is not changed.
        layer: The input layer; it stands before the layer that it feeds.
        layerName: That layer, ``'layer'`` or ``'layer/port'``; by default the first of InputNames without an input layer.
        *pairs, **options: ``Initialize`` (False): whether to initialise the result.

    Returns:
        The network with the layer.

    Raises:
        DltoolboxError: ``dltoolbox:addInputLayer:notADlnetwork``, ``…:notAnInputLayer``, ``…:noOpenInput``; and those of
            `addLayers` and `connectLayers`.

    Example:
        >>> net = dlnetwork([convolution2dLayer(3, 8), reluLayer], Initialize=False)
        >>> addInputLayer(net, imageInputLayer([28, 28, 3]), Initialize=True).Learnables.Value[0].shape
        (3, 3, 3, 8)
    """
    layerName, rest = optional_first(layerName, pairs)
    chosen = _AddInputOptions(*rest, **options)
    new = with_names(layerArray(layer), taken=required(net, "addInputLayer").layer)
    if len(new) != 1 or new[0].inputs():
        fail("addInputLayer:notAnInputLayer", f"The second argument of addInputLayer must be one input layer, but it is "
             f"{show(layer)}.", "Pass a layer such as imageInputLayer([28, 28, 1]).")
    ports = net.open_inputs()
    if not ports:
        fail("addInputLayer:noOpenInput", "Every input of the network is connected.",
             "To change an input layer, use replaceLayer"
             f"(net, '{next(each.Name for each in net.nodes if not each.inputs())}', layer)."
             if any(not each.inputs() for each in net.nodes) else "Disconnect one with disconnectLayers.")
    port = ports[0] if layerName is None else open_input(net, layerName, ports)
    at = net.find(port.layer)
    check_unique([*net.nodes, *new])
    result = net.with_structure([*net.nodes[:at], *new, *net.nodes[at:]],
                                [*net.edges, Connection(Port(new[0].Name, new[0].outputs()[0]), port)])
    return initialize(result) if chosen.Initialize else result


def open_input(net: dlnetwork, name: str, ports: Sequence[Port]) -> Port:
    """The open input that ``layer`` (its only open one) or ``layer/port`` means."""
    mine = [port for port in ports if isinstance(name, str) and port.layer == name]
    port = mine[0] if len(mine) == 1 else net.port(name, "inputs")
    if port not in ports:
        fail("addInputLayer:noOpenInput", f"Input '{port}' is already connected.",
             f"The open inputs are {', '.join(net.port_text(port, 'inputs') for port in ports)}.", layer=port.layer)
    return port


class _ReplaceOptions(Configured):
    function = "replaceLayer"
    ReconnectBy = Property(choice("name", "order"), "name")


@returns_copy
def replaceLayer(lgraph: LayerGraph, name: str, larray: object, *pairs: object, **options: object) -> LayerGraph:
    """Replace one layer by a layer array, connected in sequence, and reconnect what it was connected to.

    Args:
        lgraph: A layer graph or a dlnetwork. It is not changed.
        name: The layer to replace.
        larray: One layer or several; the first takes over the inputs, the last the outputs.
        *pairs, **options: ``ReconnectBy``: ``'name'`` (the default) reconnects ports of equal names, ``'order'`` ports of
            equal position.

    Returns:
        The graph with the new layers in the place of the old one. Where a dlnetwork has chosen OutputNames, they go over
        to the new layers, too.

    Raises:
        DltoolboxError: ``dltoolbox:replaceLayer:portsDoNotFit`` for every connected port that has no successor;
            ``…:noLayers``; ``dltoolbox:layerGraph:unknownLayer``, ``…:duplicateName``.

    Example:
        >>> lgraph = layerGraph([imageInputLayer([8, 8, 1]), reluLayer(Name='act'), softmaxLayer])
        >>> replaceLayer(lgraph, 'act', leakyReluLayer(0.1, Name='leaky')).Connections.Source
        ['imageinput', 'leaky']
    """
    by_name = _ReplaceOptions(*pairs, **options).ReconnectBy == "name"
    old = editable(lgraph, "replaceLayer").named(name)
    new = with_names(layerArray(larray), taken=lambda other: other != name and lgraph.layer(other))
    if not new:
        fail("replaceLayer:noLayers", f"There is no layer to take the place of '{name}'.",
             f"Pass a layer or a layer array; to remove the layer, use removeLayers(lgraph, '{name}').")
    same_name = [layer.Name for layer in new] == [name]
    if not same_name:
        check_unique(in_place(lgraph, name, new))
    outputs, inputs = followed(lgraph, old, new, by_name)
    if same_name and all(port == to for port, to in (outputs | inputs).items()):
        return lgraph.changed(Edit(replaced={name: new[0]}))
    edges = [Connection(outputs.get(source, source), inputs.get(destination, destination))
             for source, destination in lgraph.edges]
    return lgraph.with_structure(in_place(lgraph, name, new), [*edges, *sequence(new)], outputs | inputs)


def in_place(lgraph: LayerGraph, name: str, new: Sequence[Layer]) -> list[Layer]:
    """All layers, with new ones in the place of one."""
    return [layer for old in lgraph.nodes for layer in (new if old.Name == name else (old,))]


def followed(lgraph: LayerGraph, old: Layer, new: Sequence[Layer],
             by_name: bool) -> tuple[dict[Port, Port], dict[Port, Port]]:
    """Which ports of new layers take the places of which outputs and inputs of the old one; all that are connected need a
    successor.
    """
    issues = IssueCollector()
    sides = {"outputs": new[-1], "inputs": new[0]}
    outputs, inputs = (successors(old, names, side, by_name) for side, names in sides.items())
    in_order = set[Port]().union(*(successors(old, names, side, False) for side, names in sides.items()))
    connected = dict.fromkeys(port for edge in lgraph.connections_of(old.Name) for port in edge if port.layer == old.Name)
    more = ", or use ReconnectBy='order'" if connected.keys() <= in_order else ""
    for port in (port for port in connected if port not in outputs | inputs):
        wire = next(edge for edge in lgraph.connections_of(old.Name) if port in edge)
        side = "outputs" if port.port in old.outputs() else "inputs"
        names = getattr(sides[side], side)()
        issues.add("replaceLayer:portsDoNotFit", f"'{port}' is connected, but layer '{sides[side].Name}' has no {side[:-1]} "
                   f"to take its place: its {side} are {', '.join(names) or 'none'}.",
                   f"Use lgraph = {disconnect_call(lgraph, wire)} first{more}.", layer=old.Name,
                   index=lgraph.find(old.Name) + 1)
    issues.raise_if_any()
    return outputs, inputs


def successors(old: Layer, new: Layer, side: str, by_name: bool) -> dict[Port, Port]:
    """Ports of a new layer that take the places of those of an old one: of the same name, or in the same position. A port
    that is the only one on its side always follows the only one.
    """
    before, after = (getattr(layer, side)() for layer in (old, new))
    named = by_name and not len(before) == len(after) == 1
    pairs = [(port, port) for port in before if port in after] if named else zip(before, after, strict=False)
    return {Port(old.Name, port): Port(new.Name, other) for port, other in pairs}
