"""`dlnetwork`: a network without output layers, which can be edited, filled with values and run."""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from dltoolbox.autodiff.dlarray import as_dlarray, dlarray, extractdata
from dltoolbox.autodiff.tape import Traced, raw_values
from dltoolbox.core import convert
from dltoolbox.core.dims import Dims, times
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import Configured, InvalidValue, Property, show, split_pairs
from dltoolbox.core.statements.copied import Names
from dltoolbox.core.statements.discarded import returns_copy
from dltoolbox.core.statements.lost import Lost
from dltoolbox.core.table import EditableTable, Table
from dltoolbox.layers.base import Factor, Layer, Learnable
from dltoolbox.layers.inputs import DataInput
from dltoolbox.layers.outputs import OutputLayer
from dltoolbox.network.data_layout import example_dims
from dltoolbox.network.graph.expansion import own_layers
from dltoolbox.network.graph.history import Connection, Edit, Port
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.validate import REMOVE, check_no_output_layers
from dltoolbox.network.lowering.initialise import ParameterArrays, initial_arrays
from dltoolbox.network.lowering.lower import lower
from dltoolbox.network.networks import DAGNetwork, Network, with_values
from dltoolbox.ops import ParameterKey

UNSET = np.empty((0, 0))  # what tables hold in place of an array without a value
UNSET.flags.writeable = False
CONVERT = "Convert the network with dag2dlnetwork(net), which leaves them out."


class _DlnetworkOptions(Configured):
    function = "dlnetwork"
    Initialize = Property(convert.flag, True)
    OutputNames = Property(convert.texts, ())


class OutputNames(Names):
    """Names of what leaves a dlnetwork."""

    lost = Lost("The change would be lost: nothing keeps this copy of OutputNames.",
                "Keep it, change it and put it back: names = net.OutputNames; names.append('…'); net.OutputNames = names.")


class dlnetwork(Network):
    """A network without output layers: ``net = dlnetwork(layers)``. Functions return changed copies; only Learnables, State
    and OutputNames can be assigned.

    Args:
        layers: A layer array, a layer graph or a dlnetwork; nothing makes an empty network, to which `addLayers` adds.
        *arguments: Example inputs, one per name in InputNames: arrays (images h×w×c×N, volumes h×w×d×c×N, features
            N×f) or `networkDataLayout` objects. Inputs that no input layer feeds need them. Then name-value pairs.
        **options: ``Initialize`` (True): whether learnables and states without a value get one. ``OutputNames``: names of
            layers, or ``'layer/port'``, whose values leave the network; by default those of all open outputs.

    Attributes:
        Layers: The layers.
        Connections: A table with the columns Source and Destination.
        Learnables: A table with the columns Layer, Parameter and Value; an unset value is 0×0.
        State: The same for arrays that training moves but does not differentiate.
        InputNames: Names of the input layers, and of inputs that are not connected.
        OutputNames: Names of the layers whose outputs leave the network.
        Initialized: Whether the network has all its values and has not been edited since it got them.

    Raises:
        DltoolboxError: ``dltoolbox:network:outputLayerNotAllowed`` for every output layer; every problem of the network;
            ``dltoolbox:dlnetwork:wrongNumberOfInputs``, ``…:formatNeeded``, ``…:sizeNeeded``, ``…:inputSizeMismatch``.

    Example:
        >>> net = dlnetwork([imageInputLayer([28, 28, 1]), convolution2dLayer(5, 20), reluLayer])
        >>> net
        <dlnetwork of 3 layers and 2 connections>
        >>> print(net.Learnables)
            Layer    Parameter          Value
            _____    _________    _________________
        <BLANKLINE>
            conv     Weights      {5×5×1×20 single}
            conv     Bias         {1×1×20 single}
    """

    layouts: dict[str, Dims]
    traced: Mapping[ParameterKey, dlarray] | None = None  # the learnables inside dlfeval
    recorded: Mapping[ParameterKey, Any] = MappingProxyType({})  # the states inside an accelerated function

    def __init__(self, layers: object = (), *arguments: object, **options: object) -> None:
        examples, pairs = split_pairs(arguments)
        chosen = _DlnetworkOptions(*pairs, **options)
        lgraph = layerGraph(layers)
        refuse_output_layers(lgraph.nodes, of_network=isinstance(layers, DAGNetwork))
        super().__init__(lgraph)
        self.layouts = dict(layers.layouts) if isinstance(layers, LayerGraph) else {}
        self.chosen = chosen_outputs(lgraph, chosen.OutputNames) or getattr(layers, "chosen", ())
        self.layouts.update(layouts_of(self, examples, "dlnetwork"))
        self._initialized = False
        if chosen.Initialize and lgraph.nodes:
            self._fill()

    @property
    def Learnables(self) -> Table:
        return values_table(self.learnables if self.traced is None else self.traced)

    @Learnables.setter
    def Learnables(self, table: object) -> None:
        self._take(self._checked(table, self.Learnables, "Learnables"))

    @property
    def State(self) -> Table:
        return values_table(self.states)

    @State.setter
    def State(self, table: object) -> None:
        """States of sequences may come for any number of them; the others are values of the layers.

        Those that the layers begin with, given back as they are, are the beginning: of any number of sequences.
        """
        carried = self._carried
        present = self.State
        arrays = self._checked(table, present, "State", carried)
        states = {key: arrays.pop(key) for key in carried}
        begin = self.in_state({}).State
        began = all(np.array_equal(value, states[key]) for *name, value in
                    zip(begin.Layer, begin.Parameter, begin.Value, strict=True) if (key := ParameterKey(*name)) in carried)
        self.__dict__.update(_present=None, current={} if began else states)
        if arrays:
            self._take(arrays)

    @property
    def learnables(self) -> dict[ParameterKey, np.ndarray | None]:
        """Every learnable, as Learnables lists them; None without a value."""
        return self._arrays("learnables")

    @property
    def states(self) -> dict[ParameterKey, np.ndarray | None]:
        """The same of every state, as State lists them."""
        return self._arrays("states")

    @property
    def learn_rate_factors(self) -> list[Factor]:
        """The factor of every learnable, in the order of `learnables`."""
        if "factors" not in self.structure:
            factors = {ParameterKey(info.layer.Name, array.name): array.learn_rate_factor
                       for info in lower(self).layers for array in info.arrays if isinstance(array, Learnable)}
            self.structure["factors"] = [factors[key] for key in self.learnables]
        found: list[Factor] = self.structure["factors"]
        return found

    def with_learnables(self, values: Mapping[ParameterKey, np.ndarray]) -> dlnetwork:
        """The same network with other values of these sizes; layers are made of them when somebody asks for some."""
        return self._varied(_values={**self._values, **values}, cache={}, traced=None, recorded={})

    def map_dlarrays(self, function: Callable[[dlarray], dlarray]) -> dlnetwork:
        """The same network with its learnables as the function makes them: traced, or no longer traced. It is called for the
        states, too, to which no gradient goes.
        """
        traced = {key: function(x) for key, x in self.as_dlarrays().items()}
        states = {key: function(as_dlarray(self.recorded.get(key, value), "")) for key, value in self.states.items()
                  if value is not None}
        on_tape = any(isinstance(x, dlarray) and isinstance(x.payload, Traced) for x in traced.values())
        recorded = {key: raw_values(x.payload) for key, x in states.items()
                    if isinstance(x, dlarray) and isinstance(x.payload, Traced)}
        return self._varied(traced=traced if on_tape else None, recorded=recorded)

    def as_dlarrays(self) -> Mapping[ParameterKey, dlarray]:
        """The learnables, traced where they are."""
        return self.traced or {key: as_dlarray(value, "") for key, value in self.learnables.items() if value is not None}

    def _arrays(self, which: str) -> dict[ParameterKey, np.ndarray | None]:
        """All ``'learnables'`` or ``'states'``."""
        newer = {**self._values, **self.current} if self.current else self._values
        return {key: newer[key] if key in newer else getattr(layer, key.name)
                for key, layer in self._holders(which).items()}

    def _holders(self, which: str) -> dict[ParameterKey, Layer]:
        """The layers that have them, with the values before all newer ones."""
        if which not in self.structure:
            self.structure[which] = {ParameterKey(layer.Name, name): layer
                                     for layer in own_layers(self._varied(_values={}, current={}))
                                     for name in getattr(layer, which)}
        found: dict[ParameterKey, Layer] = self.structure[which]
        return found

    @property
    def InputNames(self) -> list[str]:
        return Names(self.input_names())

    @property
    def OutputNames(self) -> list[str]:
        return OutputNames(self.port_text(port, "outputs") for port in self.leaving)

    @OutputNames.setter
    def OutputNames(self, names: object) -> None:
        self.chosen = chosen_outputs(self, _DlnetworkOptions(OutputNames=names).OutputNames)
        self.cache, self.structure = {}, {}

    @property
    def ends_in_loss(self) -> bool:
        return False

    @property
    def Initialized(self) -> bool:
        return self._initialized

    @property
    def leaving(self) -> list[Port]:
        return list(self.chosen) or super().leaving

    def with_structure(self, layers: Iterable[Layer], connections: Iterable[Connection],
                       ports: Mapping[Port, Port] = MappingProxyType({})) -> dlnetwork:
        """A dlnetwork with other layers and connections, which keep their values; it wants to be initialised again."""
        refuse_output_layers(layers := list(layers))
        new = self.with_renamed_ports(layers, connections, ports)
        new._initialized = False
        return new

    def changed(self, edit: Edit) -> dlnetwork:
        """As `with_structure`, in a time that does not grow with the network."""
        if any(isinstance(layer, OutputLayer) for layer in (*edit.added, *edit.replaced.values())):
            refuse_output_layers(super().changed(edit).nodes)
        new = super().changed(edit)
        assert isinstance(new, dlnetwork)
        new._initialized, new.cache = False, {}
        new.chosen = tuple(port for port in self.chosen if (layer := new.layer(port.layer)) and port.port in layer.outputs())
        new.layouts = {}
        for name, dims in self.layouts.items():
            port = self.port(name, "inputs")
            layer = new.layer(port.layer)
            if layer and port.port in layer.inputs() and not new.connections_of(port):
                new.layouts[new.port_text(port, "inputs")] = dims
        return new

    def with_layers(self, layers: Iterable[Layer]) -> dlnetwork:
        """The same network with other values in its layers."""
        return self._with(layers, self.edges)

    def with_renamed_ports(self, layers: Iterable[Layer], connections: Iterable[Connection],
                           ports: Mapping[Port, Port]) -> dlnetwork:
        new = self._with(layers, connections)
        if self.chosen:
            outputs = {Port(layer.Name, port) for layer in new.nodes for port in layer.outputs()}
            new.chosen = tuple(port for old in self.chosen if (port := ports.get(old, old)) in outputs)
        if self.layouts:
            before = {ports.get(old, old): self.port_text(old, "inputs") for old in self.open_inputs()}
            new.layouts = {new.port_text(port, "inputs"): self.layouts[before[port]] for port in new.open_inputs()
                           if before.get(port) in self.layouts}
        return new

    def _with(self, layers: Iterable[Layer], connections: Iterable[Connection]) -> dlnetwork:
        new = copy.copy(self)
        new.__dict__.update(current={}, _values={}, structure={}, cache={})
        LayerGraph.__init__(new, layers, connections)
        return new

    def _fill(self) -> None:
        """Give every array without a value its initial one; only for networks that nobody else has seen yet."""
        lowered = lower(self)
        lowered.issues.raise_if_any()
        LayerGraph.__init__(self, with_values(self.nodes, initial_arrays(lowered, "float32")), self.edges)
        self._initialized, self.structure = True, {}

    @property
    def _carried(self) -> set[ParameterKey]:
        """The states that every sequence has of its own."""
        if "carried" not in self.structure:
            self.structure["carried"] = {*lower(self).graph.carried} if self.Initialized else set()
        carried: set[ParameterKey] = self.structure["carried"]
        return carried

    def _checked(self, table: object, present: Table, name: str, carried: Collection[ParameterKey] = ()) -> ParameterArrays:
        """The values of a table in the place of ours, all of which must be there."""
        if not isinstance(table, Table) or table.VariableNames != present.VariableNames:
            fail(f"dlnetwork:invalid{name}", f"{name} must be a table with the columns Layer, Parameter and Value, but it "
                 f"is {show(table)}.", f"Change a copy of the one that there is: table = net.{name}.")
        if (table.Layer, table.Parameter) != (present.Layer, present.Parameter):
            fail(f"dlnetwork:invalid{name}", f"The rows of the table are not those of net.{name}.",
                 "Keep the layers and parameters in their order, and change only values.")
        issues, arrays = IssueCollector(), ParameterArrays()
        for layer, parameter, value, old in zip(table.Layer, table.Parameter, table.Value, present.Value, strict=True):
            value = extractdata(value) if isinstance(value, dlarray) else value
            key, shape = ParameterKey(layer, parameter), np.shape(value)
            wanted = (*old.shape[:-1], *shape[-1:]) if key in carried and len(shape) == old.ndim and shape[-1] else old.shape
            if not self.Initialized or shape != wanted:
                issues.add(f"dlnetwork:invalid{name}", f"{parameter} has size {times(old.shape)}, but "
                           f"got {times(shape)}." if self.Initialized else "The dlnetwork is not initialised.",
                           "Pass a value of the same size." if self.Initialized else "Call net = initialize(net) first.",
                           layer=layer)
            arrays[key] = value
        issues.raise_if_any()
        return arrays

    def _take(self, arrays: ParameterArrays) -> None:
        """From now on the network computes with these values, which its layers must accept."""
        holders = {**self._holders("learnables"), **self._holders("states")}
        issues, values = IssueCollector(), {}
        for key, value in arrays.items():
            with issues.collect(layer=key.layer):
                values[key] = accepted(holders[key], key.name, value)
        issues.raise_if_any()
        self.__dict__.update(vars(self.with_learnables(values)))

    def shown(self) -> list[tuple[str, str]]:
        layers, connections, *names = super().shown()
        return [layers, connections, ("Learnables", f"[{len(self.Learnables)}×3 table]"),
                ("State", f"[{len(self.State)}×3 table]"), *names, ("Initialized", str(int(self.Initialized)))]

    def __str__(self) -> str:
        return f"{super().__str__()}\n  View summary with summary.\n"


def values_table(arrays: Mapping[ParameterKey, np.ndarray | dlarray | None]) -> EditableTable:
    """A row per array: the layer's name, the property's, and its value."""
    return EditableTable(Layer=[key.layer for key in arrays], Parameter=[key.name for key in arrays],
                         Value=[UNSET if value is None else value for value in arrays.values()])


def accepted(layer: Layer, name: str, value: object) -> np.ndarray:
    """A value as a layer keeps it in a property."""
    try:
        kept: np.ndarray = type(layer).properties[name].converted(value, layer)  # type: ignore[assignment]
        return kept
    except InvalidValue:
        holder = layer.copy()
        setattr(holder, name, value)  # which says what is wrong
        return getattr(holder, name)  # type: ignore[no-any-return]


def refuse_output_layers(layers: Iterable[Layer], *, of_network: bool = False) -> None:
    """Raise one issue per output layer, with the way out."""
    issues = IssueCollector()
    check_no_output_layers(layers, issues, CONVERT if of_network else REMOVE)
    issues.raise_if_any()


def chosen_outputs(lgraph: LayerGraph, names: Sequence[str]) -> tuple[Port, ...]:
    """The output ports of these names; every unknown one is reported."""
    issues, chosen = IssueCollector(), []
    for name in names:
        with issues.collect():
            chosen.append(lgraph.port(name, "outputs"))
    issues.raise_if_any()
    return tuple(chosen)


def layouts_of(net: LayerGraph, examples: Sequence[object], function: str, *, resized: bool = False) -> dict[str, Dims]:
    """Sizes at the open inputs by example inputs: one per entrance, or one per open input where input layers do the rest.

    ``resized`` also takes sizes that input layers do not declare, in their place.
    """
    if not examples:
        return {}
    layers = {layer.Name: layer for layer in net.nodes if isinstance(layer, DataInput)}
    names = net.input_names()
    if len(examples) != len(names):
        names = [name for name in names if name not in layers]
    if len(examples) != len(names):
        fail(f"{function}:wrongNumberOfInputs", f"The network has {counted(len(net.input_names()), 'input')} ("
             f"{', '.join(net.input_names()) or 'none'}), but got {counted(len(examples), 'example input')}.",
             "Pass one example per input, in the order of InputNames.")
    issues, layouts = IssueCollector(), {}
    for name, example in zip(names, examples, strict=True):
        with issues.collect(layer=name):
            declared = layers[name].dims() if name in layers else None
            dims = example_dims(example, declared, function)
            if declared is None or (resized and dims.labels == declared.labels):
                layouts[name] = dims
            elif dims != declared:
                fail(f"{function}:inputSizeMismatch", f"The example is {dims}, but the input layer takes {declared}.",
                     "Pass an example of the declared size; input layers need none.")
    issues.raise_if_any()
    return layouts


@returns_copy
def initialize(net: dlnetwork, *X: object) -> dlnetwork:
    """Give every learnable and state of a dlnetwork that has no value its initial one.

    Args:
        net: A dlnetwork. It is not changed.
        *X: Example inputs as for `dlnetwork`; none where input layers declare all sizes.

    Returns:
        The initialised network; values that were set stay as they are.

    Raises:
        DltoolboxError: ``dltoolbox:initialize:notADlnetwork``; every problem of the network; and as `dlnetwork` for X.

    Example:
        >>> net = dlnetwork([convolution2dLayer(3, 8), reluLayer], Initialize=False)
        >>> net.Initialized, net.Learnables.Value[0].shape
        (False, (0, 0))
        >>> initialize(net, networkDataLayout([28, 28, 3], 'SSC')).Learnables.Value[0].shape
        (3, 3, 3, 8)
    """
    new = required(net, "initialize").with_layers(net.nodes)
    new.layouts = {**net.layouts, **layouts_of(net, X, "initialize")}
    new._fill()
    return new


def required(net: object, function: str) -> dlnetwork:
    """The dlnetwork that a function needs; of anything else it is said how to make one of it."""
    if not isinstance(net, dlnetwork):
        how = "dag2dlnetwork(net)" if isinstance(net, DAGNetwork) else "dlnetwork(layers)"
        fail(f"{function}:notADlnetwork", f"The first argument of {function} must be a dlnetwork, but it is {show(net)}.",
             f"Make one first: net = {how}.")
    return net


@returns_copy
def resetState(net: Network) -> Network:
    """The network as it was before `predictAndUpdateState` and its kin: sequences begin with the states of the layers.

    These are zeros, or the HiddenState and CellState that a layer was given; classes of the user's own may say in
    ``resetState`` what they are. The statistics of batch normalisations stay, as
    in MATLAB.

    Args:
        net: A SeriesNetwork, DAGNetwork or dlnetwork. It is not changed.

    Returns:
        The network in that state, which shares everything else; the network itself where it is in that state.

    Raises:
        DltoolboxError: ``dltoolbox:resetState:notANetwork`` for anything but a network.

    Example:
        >>> net = dlnetwork([featureInputLayer(2), fullyConnectedLayer(1)])
        >>> resetState(net) is net
        True
    """
    if not isinstance(net, Network):
        fail("resetState:notANetwork", f"The argument of resetState must be a network, but it is {show(net)}.",
             "Pass a SeriesNetwork, DAGNetwork or dlnetwork.")
    return net.after_reset()


def dag2dlnetwork(net: DAGNetwork) -> dlnetwork:
    """The dlnetwork of a SeriesNetwork or DAGNetwork: the same layers and values, without the output layers.

    Args:
        net: A SeriesNetwork or DAGNetwork. It is not changed.

    Returns:
        An initialised `dlnetwork`, which predicts the same; maps of one element stay maps there.

    Raises:
        DltoolboxError: ``dltoolbox:dag2dlnetwork:notANetwork`` for anything but a SeriesNetwork or DAGNetwork.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> dag2dlnetwork(net).OutputNames
        ['fc']
    """
    if not isinstance(net, DAGNetwork):
        fail("dag2dlnetwork:notANetwork", f"The argument of dag2dlnetwork must be a SeriesNetwork or DAGNetwork, but it is "
             f"{show(net)}.", "Layers and layer graphs become one by dlnetwork(layers).")
    ends = {layer.Name for layer in net.nodes if isinstance(layer, OutputLayer)}
    kept = LayerGraph([layer for layer in net.in_state({}).nodes if layer.Name not in ends],
                      [edge for edge in net.edges if edge.destination.layer not in ends])
    return dlnetwork(kept).in_state(net.current)
