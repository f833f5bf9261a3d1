"""Layer graphs: layers with names, and the connections between their ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import aligned, cell, counted, few, listed
from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail
from dltoolbox.core.properties import did_you_mean, show
from dltoolbox.core.statements.copied import Names
from dltoolbox.core.statements.lost import Lost, references, refuse_lost
from dltoolbox.core.table import Table
from dltoolbox.layers.base import Layer
from dltoolbox.layers.display import layers_html
from dltoolbox.network.graph.history import Connection, Edit, History, Port, Version
from dltoolbox.network.graph.layer_array import LayerArray, duplicated_names, layerArray, with_names

T = TypeVar("T")
CONNECT_HINT = "Call layerGraph(layers), which connects them in sequence, and connectLayers for other connections."
CHANGE_HINT = ("Functions change networks and return a copy: lgraph = addLayers(lgraph, …), and so removeLayers, "
               "replaceLayer, connectLayers, disconnectLayers. To change layers, keep them first: layers = net.Layers.")
UNPOOLING = ("indices", "size")  # ports that carry where maxima came from, and the size before pooling
BATCH_SIZE = "miniBatchSize"  # the port that carries how many sequences were folded
NO_DATA = (*UNPOOLING, BATCH_SIZE)  # ports that carry no data


class LayerGraph:
    """Layers and the connections between their ports. Immutable: the functions that edit it return changed copies.

    Attributes:
        Layers: The layers, as a `LayerArray` of copies.
        Connections: A table with the columns Source and Destination.
        InputNames: Names of the input layers.
        OutputNames: Names of the output layers.
    """

    own: ClassVar[tuple[str, ...]] = ("layouts", "chosen", "cache")  # attributes of the toolbox itself
    layouts: Mapping[str, Dims] = MappingProxyType({})  # sizes of the data that enter at open inputs, by their names

    def __init__(self, layers: Iterable[Layer] = (), connections: Iterable[Connection] = ()) -> None:
        self._version: Version | None = None
        self._layers: tuple[Layer, ...] | None = all_of(layers, Layer, "a layer")
        self._connections: tuple[Connection, ...] | None = all_of(connections, Connection, "a Connection")
        self._positions: dict[str, int] | None = None
        for edge in self._connections:
            if not all(isinstance(port, Port) and all(isinstance(text, str) for text in port) and port.layer in self._index
                       for port in edge):
                fail("LayerGraph:invalidConnection", f"{show(edge)} is not a connection of ports of the layers.",
                     CONNECT_HINT)

    def __setattr__(self, name: str, value: object) -> None:
        """Only what MATLAB lets be assigned can be: all else would be ignored."""
        known = getattr(type(self), name, None)
        if name not in self.own and not name.startswith("_") and getattr(known, "fset", None) is None:
            what = type(self).__name__
            names = [name for name in dir(type(self)) if name[0].isupper()]
            fail(f"{what}:readOnly", f"'{name}' of a {what} cannot be assigned." if known else
                 f"A {what} has no property '{name}'.", CHANGE_HINT if known else
                 did_you_mean(name, names) or f"Its properties are {', '.join(names)}.")
        if known is not None:
            refuse_lost(references(self), self, type(self).__name__, Lost(
                f"The change of '{name}' would be lost: nothing keeps the network.",
                f"Keep it first: net = …; net.{name} = …."))
        object.__setattr__(self, name, value)

    @property
    def Layers(self) -> LayerArray:
        return LayerArray(layer.copy() for layer in self.nodes)

    @property
    def Connections(self) -> Table:
        return Table(Source=[self.port_text(c.source, "outputs") for c in self.edges],
                     Destination=[self.port_text(c.destination, "inputs") for c in self.edges])

    @property
    def InputNames(self) -> list[str]:
        return Names(layer.Name for layer in self.nodes if not layer.inputs())

    @property
    def OutputNames(self) -> list[str]:
        return Names(layer.Name for layer in self.nodes if not layer.outputs())

    @property
    def ends_in_loss(self) -> bool:
        """Whether it is a network for trainNetwork, which ends in output layers; what is open or chosen leaves a dlnetwork.

        Layers without any output layer are to become a dlnetwork.
        """
        return bool(self.OutputNames)

    @property
    def nodes(self) -> tuple[Layer, ...]:
        """The layers themselves, for readers inside the toolbox."""
        if self._layers is None:
            assert self._version is not None
            self._layers = self._version.layers()
        return self._layers

    @property
    def edges(self) -> tuple[Connection, ...]:
        if self._connections is None:
            assert self._version is not None
            self._connections = self._version.connections()
        return self._connections

    @property
    def _index(self) -> dict[str, int]:
        """Positions of the layers by name."""
        if self._positions is None:
            self._positions = {layer.Name: i for i, layer in enumerate(self.nodes)}
        return self._positions

    def __getstate__(self) -> dict[str, Any]:
        """Forgets what belongs to other versions."""
        return self.__dict__ | {"_layers": self.nodes, "_connections": self.edges, "_version": None}

    def layer(self, name: str) -> Layer | None:
        """The layer of a name."""
        if self._version:
            return self._version.layer(name)
        at = self._index.get(name)
        return None if at is None else self.nodes[at]

    def connections_of(self, place: str | Port) -> Sequence[Connection]:
        """The connections of a layer, or those into an input port."""
        if self._version:
            return self._version.connections_of(place)
        return [edge for edge in self.edges if place in (edge.source.layer, edge.destination.layer, edge.destination)]

    def changed(self, edit: Edit) -> LayerGraph:
        """A graph of the same kind after an edit. Of the result of one, this takes a time that does not grow with it."""
        if self._version is None:
            check_unique(self.nodes)
        version = (self._version or History(self.nodes, self.edges).now).changed(edit)
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, _version=version, _layers=None, _connections=None, _positions=None)
        return new

    def open_inputs(self) -> list[Port]:
        """Input ports without a connection, in the order of the layers."""
        fed = {destination for _, destination in self.edges}
        return [port for layer in self.nodes for name in layer.inputs() if (port := Port(layer.Name, name)) not in fed]

    def input_names(self) -> list[str]:
        """Names of all places where data can enter, input layers and open inputs, in the order of the layers."""
        entering = [Port(layer.Name, "") for layer in self.nodes if not layer.inputs()] + self.open_inputs()
        entering.sort(key=lambda port: self._index[port.layer])
        return [self.port_text(port, "inputs") if port.port else port.layer for port in entering]

    def open_outputs(self) -> list[Port]:
        """Output ports without a connection, in the order of the layers."""
        used = {source for source, _ in self.edges}
        return [port for layer in self.nodes for name in layer.outputs() if (port := Port(layer.Name, name)) not in used]

    @property
    def leaving(self) -> list[Port]:
        """The output ports whose values leave a network that does not end in losses."""
        return [port for port in self.open_outputs() if port.port not in NO_DATA]

    def with_structure(self, layers: Iterable[Layer], connections: Iterable[Connection],
                       ports: Mapping[Port, Port] = MappingProxyType({})) -> LayerGraph:
        """A graph of the same kind with other layers and connections; ``ports`` says which have taken the place of which."""
        return LayerGraph(layers, connections)

    def with_renamed_ports(self, layers: Iterable[Layer], connections: Iterable[Connection],
                           ports: Mapping[Port, Port]) -> LayerGraph:
        """The same graph in other words: ``ports`` says which have taken the place of which."""
        return LayerGraph(layers, connections)

    def with_layers(self, layers: Iterable[Layer]) -> LayerGraph:
        """The same graph with other values in its layers."""
        return self.with_structure(layers, self.edges)

    def find(self, name: str) -> int:
        """0-based position of a layer; an unknown name is an error."""
        self.named(name)
        return self._index[name]

    def named(self, name: str) -> Layer:
        """The layer of a name; an unknown one is an error with the nearest names."""
        if not isinstance(name, str):
            fail("layerGraph:invalidName", f"The name of a layer must be text, but it is {show(name)}.",
                 "Pass its name, such as 'conv_1'.")
        layer = self.layer(name)
        if layer is None:
            fail("layerGraph:unknownLayer", f"The layer graph has no layer '{name}'.",
                 did_you_mean(name, self._index) or f"Its layers are {few(self._index) or 'none'}.")
        return layer

    def placed(self, error: DltoolboxError) -> DltoolboxError:
        """The same error with the positions of the layers that it names."""
        issues = [issue if issue.layer not in self._index else issue.at(issue.layer, self._index[issue.layer] + 1)
                  for issue in error.issues]
        return DltoolboxError(issues) if issues != list(error.issues) else error

    def name_of(self, layer: object, function: str) -> Any:
        """The name of the layer that a 1-based number means; anything else as it is."""
        if not isinstance(layer, (int, np.integer)) or isinstance(layer, bool):
            return layer
        if not 1 <= layer <= len(self.nodes):
            fail(f"{function}:invalidLayer", f"Layer {show(layer)} does not exist: the network has layers 1 to "
                 f"{len(self.nodes)}.", "Indices are 1-based, as in MATLAB.")
        return self.nodes[int(layer) - 1].Name

    def port_text(self, port: Port, side: str) -> str:
        """``pool1/indices``, or only the layer's name where it has one port on that side."""
        names = getattr(self.named(port.layer), side)()
        return port.layer if len(names) == 1 else str(port)

    def port(self, text: str, side: str) -> Port:
        """Resolve ``layer`` or ``layer/port`` on the ``inputs`` or ``outputs`` side."""
        whole = not isinstance(text, str) or self.layer(text) is not None  # what is no text is refused by `named`
        name, slash, port = (text, "", "") if whole else text.rpartition("/")
        layer = self.named(name if slash else text)
        ports: Sequence[str] = getattr(layer, side)()
        what = side[:-1]
        if slash and port not in ports:
            fail("layerGraph:unknownPort", f"It has no {what} '{port}'.",
                 f"Its {side} are {', '.join(ports) or 'none'}.", layer=layer.Name, index=self.find(layer.Name) + 1)
        if not slash and not ports:
            fail("layerGraph:unknownPort", f"This {layer.type_text} layer has no {side}.",
                 "Name another layer.", layer=layer.Name, index=self.find(layer.Name) + 1)
        if not slash and len(ports) > 1 and side == "inputs":
            fail("layerGraph:ambiguousPort", f"It has {len(ports)} {side}.",
                 f"Name one: {', '.join(f'{layer.Name}/{p}' for p in ports)}.", layer=layer.Name,
                 index=self.find(layer.Name) + 1)
        return Port(layer.Name, port if slash else ports[0])

    def __str__(self) -> str:
        return f"  {type(self).__name__} with properties:\n\n{aligned(self.shown())}\n"

    def shown(self) -> list[tuple[str, str]]:
        """The properties that the display lists, with what it prints of them."""
        return [("Layers", f"[{len(self.nodes)}×1 Layer array]"), ("Connections", f"[{len(self.edges)}×2 table]"),
                ("InputNames", cell(tuple(self.InputNames))), ("OutputNames", cell(tuple(self.OutputNames)))]

    def _repr_html_(self) -> str:
        """For notebooks: the layers, and what feeds each where they do not simply follow one another."""
        sources: dict[str, list[str]] = {layer.Name: [] for layer in self.nodes}
        for source, destination in self.edges:
            sources[destination.layer].append(self.port_text(source, "outputs"))
        fed = [", ".join(names) for names in sources.values()]
        series = fed == ["", *(layer.Name for layer in self.nodes[:-1])]
        return layers_html(repr(self)[1:-1], self.nodes, None if series or len(fed) < len(self.nodes) else fed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {counted(len(self.nodes), 'layer')} and {counted(len(self.edges), 'connection')}>"


def all_of(items: Any, kind: type[T], what: str) -> tuple[T, ...]:
    """The elements, which must all be of this kind."""
    items_of_kind: list[T] = []
    try:
        for item in items:
            if not isinstance(item, kind):
                break
            items_of_kind.append(item)
        else:
            return tuple(items_of_kind)
    except DltoolboxError:
        raise
    except Exception:
        item = items
    fail("LayerGraph:invalidElement", f"A LayerGraph is made of layers and connections, but {show(item)} at place "
         f"{len(items_of_kind) + 1} is not {what}.", CONNECT_HINT)


def sequence(layers: Sequence[Layer]) -> list[Connection]:
    """Connections of a layer array: the first output of each layer to the first input of the next."""
    return [Connection(Port(a.Name, a.outputs()[0]), Port(b.Name, b.inputs()[0]))
            for a, b in pairwise(layers) if a.outputs() and b.inputs()]


def layerGraph(layers: object = ()) -> LayerGraph:
    """A layer graph of a layer array (connected in sequence), of a network, or an empty one.

    Args:
        layers: A layer array (see `layerArray`), a `LayerGraph`, or a trained network. Unnamed layers get names.

    Returns:
        A new `LayerGraph`.

    Raises:
        DltoolboxError: ``dltoolbox:layerGraph:duplicateName`` where a name occurs twice.

    Example:
        >>> layerGraph([imageInputLayer([8, 8, 1]), reluLayer, reluLayer]).Connections.Destination
        ['relu_1', 'relu_2']
    """
    if isinstance(layers, LayerGraph):
        return LayerGraph((layer.copy() for layer in layers.nodes), layers.edges)
    named = with_names(layerArray(layers))
    check_unique(named)
    return LayerGraph(named, sequence(named))


def check_unique(layers: Iterable[Layer]) -> None:
    issues = IssueCollector()
    add_duplicates(layers, issues)
    issues.raise_if_any()


def add_duplicates(layers: Iterable[Layer], issues: IssueCollector) -> None:
    """One issue per name that several layers have."""
    for name, places in duplicated_names(layers).items():
        issues.add("layerGraph:duplicateName", f"The name '{name}' is used by the layers {listed(places)}.",
                   "Give every layer its own name, or none: unnamed layers get one.", layer=name, index=places[1])
