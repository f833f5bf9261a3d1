"""Layer graphs: layers with names, and the connections between their ports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from dltoolbox.core.dims import Dims
from dltoolbox.core.display import aligned, cell, counted, few, listed
from dltoolbox.core.errors import DltoolboxError, IssueCollector, fail
from dltoolbox.core.properties import did_you_mean, references, refuse_lost, show
from dltoolbox.core.table import Table
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_array import LayerArray, duplicated_names, layerArray, with_names

T = TypeVar("T")
CONNECT_HINT = "Call layerGraph(layers), which connects them in sequence, and connectLayers for other connections."
UNPOOLING = ("indices", "size")  # ports that carry where maxima came from, and the size before pooling


class Port(NamedTuple):
    """One port of a layer: ``pool1/indices``."""

    layer: str
    port: str

    def __str__(self) -> str:
        return f"{self.layer}/{self.port}"


class Connection(NamedTuple):
    """From an output port to an input port."""

    source: Port
    destination: Port


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
        self._layers = all_of(layers, Layer, "a layer")
        self._index = {layer.Name: i for i, layer in enumerate(self._layers)}
        self._connections = all_of(connections, Connection, "a Connection")
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
            fail(f"{what}:readOnly", f"'{name}' of a {what} cannot be assigned." if known else
                 f"A {what} has no property '{name}'.", "Change a network by functions, which return a copy: addLayers, "
                 "removeLayers, replaceLayer, connectLayers, disconnectLayers.")
        object.__setattr__(self, name, value)
        if known is not None:
            refuse_lost(references(self), type(self).__name__, f"'{name}'", "Keep the network in a variable.")

    @property
    def Layers(self) -> LayerArray:
        return LayerArray(layer.copy() for layer in self._layers)

    @property
    def Connections(self) -> Table:
        return Table(Source=[self.port_text(c.source, "outputs") for c in self._connections],
                     Destination=[self.port_text(c.destination, "inputs") for c in self._connections])

    @property
    def InputNames(self) -> list[str]:
        return [layer.Name for layer in self._layers if not layer.inputs()]

    @property
    def OutputNames(self) -> list[str]:
        return [layer.Name for layer in self._layers if not layer.outputs()]

    @property
    def ends_in_loss(self) -> bool:
        """Whether it is a network for trainNetwork, which ends in output layers; what is open or chosen leaves a dlnetwork.

        Layers without any output layer are to become a dlnetwork.
        """
        return bool(self.OutputNames)

    @property
    def nodes(self) -> tuple[Layer, ...]:
        """The layers themselves, for readers inside the toolbox."""
        return self._layers

    @property
    def edges(self) -> tuple[Connection, ...]:
        return self._connections

    def open_inputs(self) -> list[Port]:
        """Input ports without a connection, in the order of the layers."""
        fed = {destination for _, destination in self._connections}
        return [port for layer in self._layers for name in layer.inputs() if (port := Port(layer.Name, name)) not in fed]

    def entrances(self) -> list[str]:
        """Names of all places where data can enter, input layers and open inputs, in the order of the layers."""
        entering = [Port(layer.Name, "") for layer in self._layers if not layer.inputs()] + self.open_inputs()
        entering.sort(key=lambda port: self._index[port.layer])
        return [self.port_text(port, "inputs") if port.port else port.layer for port in entering]

    def open_outputs(self) -> list[Port]:
        """Output ports without a connection, in the order of the layers."""
        used = {source for source, _ in self._connections}
        return [port for layer in self._layers for name in layer.outputs() if (port := Port(layer.Name, name)) not in used]

    @property
    def leaving(self) -> list[Port]:
        """The output ports whose values leave a network that does not end in losses."""
        return [port for port in self.open_outputs() if port.port not in UNPOOLING]

    def edited(self, layers: Iterable[Layer], connections: Iterable[Connection],
               ports: Mapping[Port, Port] = MappingProxyType({})) -> LayerGraph:
        """A graph of the same kind with other layers and connections; ``ports`` says which have taken the place of which."""
        return LayerGraph(layers, connections)

    def rewired(self, layers: Iterable[Layer], connections: Iterable[Connection], ports: Mapping[Port, Port]) -> LayerGraph:
        """The same graph in other words: ``ports`` says which have taken the place of which."""
        return LayerGraph(layers, connections)

    def revised(self, layers: Iterable[Layer]) -> LayerGraph:
        """The same graph with other values in its layers."""
        return self.edited(layers, self._connections)

    def find(self, name: str) -> int:
        """0-based position of a layer; an unknown name is an error with the nearest names."""
        if not isinstance(name, str):
            fail("layerGraph:invalidName", f"A layer is named by text, but {show(name)} came.",
                 "Pass its name, such as 'conv_1'.")
        if name not in self._index:
            fail("layerGraph:unknownLayer", f"The layer graph has no layer '{name}'.",
                 did_you_mean(name, self._index) or f"Its layers are {few(self._index) or 'none'}.")
        return self._index[name]

    def name_of(self, layer: object, function: str) -> Any:
        """The name of the layer that a 1-based number means; anything else as it is."""
        if not isinstance(layer, (int, np.integer)) or isinstance(layer, bool):
            return layer
        if not 1 <= layer <= len(self._layers):
            fail(f"{function}:invalidLayer", f"Layer {show(layer)} does not exist: the network has layers 1 to "
                 f"{len(self._layers)}.", "Indices are 1-based, as in MATLAB.")
        return self._layers[int(layer) - 1].Name

    def port_text(self, port: Port, side: str) -> str:
        """``pool1/indices``, or only the layer's name where it has one port on that side."""
        names = getattr(self._layers[self._index[port.layer]], side)()
        return port.layer if len(names) == 1 else str(port)

    def port(self, text: str, side: str) -> Port:
        """Resolve ``layer`` or ``layer/port`` on the ``inputs`` or ``outputs`` side."""
        whole = not isinstance(text, str) or text in self._index  # what is no text is refused by `find`
        name, slash, port = (text, "", "") if whole else text.rpartition("/")
        at = self.find(name if slash else text)
        layer = self._layers[at]
        ports: Sequence[str] = getattr(layer, side)()
        what = side[:-1]
        if slash and port not in ports:
            fail("layerGraph:unknownPort", f"It has no {what} '{port}'.",
                 f"Its {side} are {', '.join(ports) or 'none'}.", layer=layer.Name, index=at + 1)
        if not slash and not ports:
            fail("layerGraph:unknownPort", f"This {layer.type_text} layer has no {side}.",
                 "Name another layer.", layer=layer.Name, index=at + 1)
        if not slash and len(ports) > 1 and side == "inputs":
            fail("layerGraph:ambiguousPort", f"It has {len(ports)} {side}.",
                 f"Name one: {', '.join(f'{layer.Name}/{p}' for p in ports)}.", layer=layer.Name, index=at + 1)
        return Port(layer.Name, port if slash else ports[0])

    def __str__(self) -> str:
        return f"  {type(self).__name__} with properties:\n\n{aligned(self.shown())}\n"

    def shown(self) -> list[tuple[str, str]]:
        """The properties that the display lists, with what it prints of them."""
        return [("Layers", f"[{len(self._layers)}×1 Layer array]"), ("Connections", f"[{len(self._connections)}×2 table]"),
                ("InputNames", cell(tuple(self.InputNames))), ("OutputNames", cell(tuple(self.OutputNames)))]

    def __repr__(self) -> str:
        return (f"<{type(self).__name__} of {counted(len(self._layers), 'layer')} and "
                f"{counted(len(self._connections), 'connection')}>")


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
