"""Layers that hold a whole network: `networkLayer`, and the functions that make, open and look into them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from dltoolbox.core import convert
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, optional_first, show
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.layers.base import Layer, flat
from dltoolbox.network.dlnetwork import dlnetwork, required
from dltoolbox.network.graph.expansion import expansion
from dltoolbox.network.graph.history import Connection, Port
from dltoolbox.network.graph.layer_graph import LayerGraph, check_unique


def _inner_network(value: object) -> dlnetwork:
    """A dlnetwork, or the layers of one; its inputs are open, because data come from the network around it.

    A copy, because a dlnetwork lets values be assigned.
    """
    net = value.with_layers(value.nodes) if isinstance(value, dlnetwork) else dlnetwork(value, Initialize=False)
    if not net.nodes:
        raise InvalidValue("a dlnetwork or layers", "Pass one layer or more.")
    if not all(layer.inputs() for layer in net.nodes):
        raise InvalidValue("a dlnetwork or layers, without input layers", "Remove the input layer: data come from the "
                           "network around it.")
    return net


class NetworkLayer(Layer):
    """A layer that holds a dlnetwork: a block that is used as one layer; see `networkLayer`."""

    factory, type_text, default_name = "networkLayer", "Network", "subnet"

    Network = Property(_inner_network, doc="The network inside, without input layers.", positional=True, argument="net",
                       settable=True, group="")

    @property
    def nested(self) -> Any:
        return self.Network

    @nested.setter
    def nested(self, net: dlnetwork) -> None:
        self.Network = net

    def copy(self) -> NetworkLayer:
        new: NetworkLayer = super().copy()
        new.nested = self.nested
        return new

    def inputs(self) -> tuple[str, ...]:
        return numbered("in", len(self.Network.open_inputs()))

    def outputs(self) -> tuple[str, ...]:
        return numbered("out", len(self.Network.leaving))

    def describe(self) -> str:
        return f"Network of {counted(len(self.Network.nodes), 'layer')}"


def numbered(name: str, count: int) -> tuple[str, ...]:
    """``in``, or ``in1``, ``in2``, …"""
    return (name,) if count == 1 else tuple(f"{name}{number + 1}" for number in range(count))


def networkLayer(net: object, *pairs: object, **options: object) -> NetworkLayer:
    """A layer that holds a network, for blocks that are used as one layer.

    Its inputs are the open inputs of the network, ``in`` or ``in1``, ``in2``, …; its outputs are what leaves the network,
    ``out`` or ``out1``, ``out2``, …. Learnables and problems inside are named ``layer:inner``.

    Args:
        net: A dlnetwork, a layer array or a layer graph, without input layers.
        *pairs: Names and values of options in turn.
        **options: ``Name`` ('').

    Returns:
        A `NetworkLayer`; ``layer.Network`` is the network.

    Raises:
        DltoolboxError: ``dltoolbox:networkLayer:invalidNetwork``; ``dltoolbox:network:outputLayerNotAllowed``.

    Example:
        >>> block = networkLayer([convolution2dLayer(3, 8, Padding='same', Name='conv'), reluLayer], Name='block')
        >>> net = dlnetwork([imageInputLayer([28, 28, 1]), block, fullyConnectedLayer(10)])
        >>> net.Learnables.Layer
        ['block:conv', 'block:conv', 'fc', 'fc']
    """
    return NetworkLayer(net, *pairs, **options)


@returns_copy
def expandLayers(net: dlnetwork) -> dlnetwork:
    """Write out every nested network: its layers stand in the place of the layer that held them, named ``layer:inner``.

    Args:
        net: A dlnetwork. It is not changed.

    Returns:
        A dlnetwork with the same values, which computes the same.

    Raises:
        DltoolboxError: ``dltoolbox:expandLayers:notADlnetwork``.

    Example:
        >>> net = dlnetwork([imageInputLayer([28, 28, 1], Name='in'), networkLayer([reluLayer(Name='act')], Name='block')])
        >>> [layer.Name for layer in expandLayers(net).Layers]
        ['in', 'block:act']
    """
    graph = expansion(required(net, "expandLayers"), repeated=False).graph
    assert isinstance(graph, dlnetwork)
    return graph


class _GroupOptions(Configured):
    function = "groupLayers"
    GroupNames = Property(convert.texts, ())
    Delimiter = Property(convert.text, ":")
    Recursive = Property(convert.flag, True)


@returns_copy
def groupLayers(net: dlnetwork, groups: object = None, *pairs: object, **options: object) -> dlnetwork:
    """Put layers into network layers: the inverse of `expandLayers`, or groups of your choice.

    Args:
        net: A dlnetwork. It is not changed.
        groups: Names or 1-based numbers of the layers of one group, or a list of such lists. By default layers whose names
            begin with the same text and a colon: ``block:conv`` and ``block:relu`` become the network layer ``block``.
        *pairs: Names and values of options in turn.
        **options: ``GroupNames``: one name per group, else ``group_1``, …. ``Delimiter`` (':'). ``Recursive`` (True):
            whether a second colon makes a group within the group.

    Returns:
        A dlnetwork with the same values, which computes the same.

    Raises:
        DltoolboxError: ``dltoolbox:groupLayers:notADlnetwork``, ``…:invalidGroups``, ``…:invalidLayer``, ``…:inputLayer``;
            ``dltoolbox:layerGraph:unknownLayer``, ``…:duplicateName``.

    Example:
        >>> net = dlnetwork([imageInputLayer([28, 28, 1], Name='in'), reluLayer(Name='a'), softmaxLayer(Name='b')])
        >>> [layer.Name for layer in groupLayers(net, ['a', 'b'], GroupNames='end').Layers]
        ['in', 'end']
    """
    groups, rest = optional_first(groups, pairs)
    chosen = _GroupOptions(*rest, **options)
    if groups is None:
        return grouped_by_name(required(net, "groupLayers"), chosen.Delimiter, chosen.Recursive)
    parts = [members_of(required(net, "groupLayers"), part) for part in as_groups(groups)]
    every = [name for part in parts for name in part]
    names = chosen.GroupNames or tuple(f"group_{number + 1}" for number in range(len(parts)))
    if len(names) != len(parts) or len(set(every)) < len(every) or not all(parts):
        fail("groupLayers:invalidGroups", f"There are {len(parts)} groups with {len(names)} GroupNames and the layers "
             f"{', '.join(every)}.", "Pass one name per group; no group may be empty, and no layer in two groups.")
    for name, part in zip(names, parts, strict=True):
        net = grouped(net, name, {member: member for member in part})
    return net


def as_groups(groups: Any) -> list[Any]:
    """A list of groups; a single one may stand alone."""
    items = groups.tolist() if isinstance(groups, np.ndarray) and groups.size <= convert.LONGEST_VECTOR else groups
    several = isinstance(items, (list, tuple)) and all(isinstance(item, (list, tuple)) for item in items)
    return list(items) if several else [items]


def members_of(net: dlnetwork, group: object) -> list[str]:
    """Names of the layers that names or 1-based numbers mean."""
    issues, names = IssueCollector(), []
    for item in flat(group):
        with issues.collect():
            names.append(net.nodes[net.find(net.name_of(item, "groupLayers"))].Name)
    issues.raise_if_any()
    return names


def grouped_by_name(net: dlnetwork, delimiter: str, recursive: bool) -> dlnetwork:
    """One group per text before the delimiter; within each, the rest of the name."""
    groups: dict[str, dict[str, str]] = {}
    for layer in net.nodes:
        head, delimited, tail = layer.Name.partition(delimiter)
        if delimited and head and tail:
            groups.setdefault(head, {})[layer.Name] = tail
    for name, members in groups.items():
        net = grouped(net, name, members)
        if recursive:
            held = net.nodes[net.find(name)].nested
            inner = grouped_by_name(held, delimiter, recursive)
            if inner is not held:
                net = net.with_layers(NetworkLayer(inner, Name=name) if layer.Name == name else layer for layer in net.nodes)
    return net


def grouped(net: dlnetwork, name: str, members: Mapping[str, str]) -> dlnetwork:
    """The network with some of its layers in a network layer, where ``members`` gives them their names."""
    heads = [layer.Name for layer in net.nodes if layer.Name in members and not layer.inputs()]
    if heads:
        fail("groupLayers:inputLayer", f"Input layers cannot stand in a network layer, but {', '.join(heads)} would.",
             "Leave input layers out of the groups.", layer=heads[0])
    inside = [layer for layer in net.nodes if layer.Name in members]
    used = {source for source, to in net.edges if source.layer in members and to.layer not in members} | set(net.leaving)
    outputs = [port for layer in inside for port in ports_of(layer, layer.outputs()) if port in used]
    inner_nodes = [layer.copy() for layer in inside]
    for layer in inner_nodes:
        layer.Name = members[layer.Name]
    inner_edges = [Connection(*(Port(members[port.layer], port.port) for port in edge)) for edge in net.edges
                   if {port.layer for port in edge} <= set(members)]
    inner = dlnetwork(LayerGraph(inner_nodes, inner_edges), Initialize=False,
                      OutputNames=[str(Port(members[port.layer], port.port)) for port in outputs])
    outer = NetworkLayer(inner, Name=name)
    before = {Port(new, port): Port(old, port) for old, new in members.items()
              for port in net.nodes[net.find(old)].inputs()}
    ports = dict(zip(outputs, ports_of(outer, outer.outputs()), strict=True))
    ports |= {before[port]: to for port, to in zip(inner.open_inputs(), ports_of(outer, outer.inputs()), strict=True)}
    edges = [Connection(*(ports.get(port, port) for port in edge)) for edge in net.edges
             if not {port.layer for port in edge} <= set(members)]
    nodes: list[Layer] = [outer if layer is inside[0] else layer for layer in net.nodes
                          if layer.Name not in members or layer is inside[0]]
    check_unique(nodes)
    return net.with_renamed_ports(nodes, edges, ports)


def ports_of(layer: Layer, names: Iterable[str]) -> list[Port]:
    return [Port(layer.Name, name) for name in names]


def getLayer(net: LayerGraph, layerPath: str) -> Layer:
    """A layer of a network by its name, or one inside network layers by the path to it: ``'block/conv'``.

    Args:
        net: A network or layer graph.
        layerPath: Name of the layer, after the names of the network layers that hold it.

    Returns:
        A copy of the layer.

    Raises:
        DltoolboxError: ``dltoolbox:getLayer:notANetwork``; ``dltoolbox:layerGraph:unknownLayer``.

    Example:
        >>> net = dlnetwork([featureInputLayer(2), networkLayer([fullyConnectedLayer(3, Name='fc')], Name='block')])
        >>> getLayer(net, 'block/fc').OutputSize
        3
    """
    if not isinstance(net, LayerGraph):
        fail("getLayer:notANetwork", f"The first argument of getLayer must be a network or a layer graph, but it is "
             f"{show(net)}.", "Layers of an array are its elements: layers[0].")
    path: Sequence[str] = str(layerPath).split("/") if isinstance(layerPath, str) else [layerPath]
    for number in range(1, len(path)):
        outer = "/".join(path[:number])
        held = next((layer.nested for layer in net.nodes if layer.Name == outer and layer.nested is not None), None)
        if held is not None:
            return getLayer(held, "/".join(path[number:]))
    return net.nodes[net.find(layerPath)].copy()
