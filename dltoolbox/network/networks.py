"""Networks that are ready to predict: the layers of a layer graph with values for everything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import show
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.history import Edit
from dltoolbox.network.graph.layer_array import LayerArray
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.initialise import ParameterArrays, initial_arrays
from dltoolbox.network.lowering.lower import Lowered, lower
from dltoolbox.ops import ParameterKey


class Network(LayerGraph):
    """A layer graph that can be run: what all networks share.

    ``current`` are the states that its sequences go on from, ``_values`` other arrays that are newer than those of the
    layers; layers that hold them are made when somebody asks for layers. ``structure`` keeps what follows from the layers
    without these, and from connections; networks that differ in nothing else share it.
    """

    own = (*LayerGraph.own, "current", "structure")
    _present: tuple[Layer, ...] | None = None
    _values: Mapping[ParameterKey, np.ndarray] = MappingProxyType({})

    def __init__(self, lgraph: LayerGraph) -> None:
        if not isinstance(lgraph, LayerGraph):
            kind = type(self).__name__
            fail(f"{kind}:notALayerGraph", f"A {kind} is made from a layer graph, not from {show(lgraph)}.",
                 "Call assembleNetwork(layers) for layers that have all their values, or train them with trainNetwork.")
        self.current: ParameterArrays = {}
        super().__init__(lgraph.nodes, lgraph.edges)
        self.cache: dict[Any, Any] = {}  # compiled programs, kept by whoever runs the network
        self.structure: dict[Any, Any] = {}

    @property
    def nodes(self) -> tuple[Layer, ...]:
        """The layers, with the values and states that the network has now; they are put in when somebody asks for them."""
        if not self.current and not self._values:
            return super().nodes
        if self._present is None:
            self._present = tuple(with_values(super().nodes, self.current, self._values))
        return self._present

    def in_state(self, states: ParameterArrays) -> Self:
        """The same network, whose sequences go on from these states (C×N); none: from those that its layers begin with.

        Values and compiled programs are shared.
        """
        return self._varied(current=states)

    def _varied(self, **changed: object) -> Self:
        """The same layers and connections with other values or states."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, _layers=super().nodes, _connections=self.edges, _version=None, _present=None,
                            **changed)
        return new

    def after_reset(self) -> Self:
        """The same network, whose sequences begin with the states of the layers, and whose layers have reset theirs."""
        begun = self.in_state({}) if self.current else self
        layers = [layer.after_reset() for layer in begun.nodes]
        if all(a is b for a, b in zip(layers, begun.nodes, strict=True)):
            return begun
        new = object.__new__(type(self))
        new.__dict__.update(begun.__dict__, _layers=tuple(layers), _connections=self.edges, _version=None, cache={},
                            structure={}, _values={}, _present=None)
        return new

    def changed(self, edit: Edit) -> LayerGraph:
        new = super().changed(edit)
        new.__dict__.update(current={}, _present=None, _values={}, structure={})
        return new

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"cache": {}, "structure": {}, "_layers": super().nodes, "_present": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """From a pickle or a copy: arrays come out of pickles and deep copies writable, and must not stay so."""
        self.__dict__.update(state)
        for value in self._values.values():
            value.flags.writeable = False


class DAGNetwork(Network):
    """A trained or assembled network. Immutable, like the layer graph that it is; see `predict` and `classify`."""

    @property
    def ends_in_loss(self) -> bool:
        return True


class SeriesNetwork(DAGNetwork):
    """A network whose layers follow one another."""


def network_of(lgraph: LayerGraph, arrays: ParameterArrays, *, series: bool) -> DAGNetwork:
    """A network of copies of the layers, with the arrays as their properties."""
    return (SeriesNetwork if series else DAGNetwork)(LayerGraph(with_values(lgraph.nodes, arrays), lgraph.edges))


def with_values(layers: Iterable[Layer], arrays: Mapping[ParameterKey, np.ndarray],
                checked: Mapping[ParameterKey, np.ndarray] = MappingProxyType({})) -> LayerArray:
    """Copies of the layers that hold the arrays as their properties; so they do with those that were ``checked`` before."""
    copies = LayerArray(layer.copy() for layer in layers)
    position = {layer.Name: layer for layer in copies}
    for key, value in checked.items():
        if key.layer in position:
            position[key.layer].__dict__[key.name] = value
    for key, value in arrays.items():
        if key.layer in position:
            setattr(position[key.layer], key.name, value)
    for layer in copies:
        if layer.nested is not None:
            mine, its_checked = (
                {key._replace(layer=key.layer.removeprefix(f"{layer.Name}:")): value for key, value in given.items()
                 if key.layer.startswith(f"{layer.Name}:")} for given in (arrays, checked))
            layer.nested = layer.nested.with_layers(with_values(layer.nested.nodes, mine, its_checked))
        layer.resolve_auto()
    return copies


def is_series(lgraph: LayerGraph) -> bool:
    """Whether every layer feeds exactly the next one."""
    names = [layer.Name for layer in lgraph.nodes]
    return [(c.source.layer, c.destination.layer) for c in lgraph.edges] == list(pairwise(names))


def lower_checked(lgraph: LayerGraph, *, loss: bool | None = None) -> Lowered:
    """Lower a graph and raise everything that is wrong with it at once; ``loss`` as `lower` takes it."""
    lowered = lower(lgraph, loss=loss)
    lowered.issues.raise_if_any()
    return lowered


def assembleNetwork(layers: object) -> DAGNetwork:
    """A network from layers that have all their values: no training.

    Args:
        layers: A layer array or layer graph whose weights, biases, statistics and classes are set.

    Returns:
        A `SeriesNetwork` for a plain sequence of layers, else a `DAGNetwork`.

    Raises:
        DltoolboxError: every problem of the network; ``dltoolbox:network:missingValue`` for arrays without a value;
            ``dltoolbox:network:missingClasses`` for a classification output that does not know its classes.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> net.OutputNames
        ['regressionoutput']
    """
    lgraph = layerGraph(layers)
    return network_of(lgraph, complete_arrays(lgraph, loss=True), series=is_series(lgraph))


def complete_arrays(lgraph: LayerGraph, *, loss: bool | None = None) -> ParameterArrays:
    """All arrays of a finished network; every problem of it is raised, or else every value and class that it lacks."""
    lowered, arrays, issues = lower_checked(lgraph, loss=loss), ParameterArrays(), IssueCollector()
    with issues.collect():
        arrays = initial_arrays(lowered, "float32", draw=False)
    with issues.collect():
        check_classes(lgraph)
    issues.raise_if_any()
    return arrays


def check_classes(lgraph: LayerGraph) -> None:
    """A finished network knows the names of its classes."""
    issues = IssueCollector()
    for index, layer in enumerate(lgraph.nodes, 1):
        if getattr(layer, "Classes", ()) == "auto":
            issues.add("network:missingClasses", "Classes is 'auto', but there are no training labels to take them from.",
                       f"Pass Classes=[…] to {layer.label()}.", layer=layer.Name, index=index)
    issues.raise_if_any()
