"""Networks that are ready to predict: the layers of a layer graph with values for everything."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dltoolbox.core.errors import IssueCollector
from dltoolbox.network.initialise import Arrays, initial_arrays
from dltoolbox.network.layerarray import LayerArray
from dltoolbox.network.layergraph import LayerGraph, layerGraph
from dltoolbox.network.lowering import Lowered, lower


class DAGNetwork(LayerGraph):
    """A trained or assembled network. Immutable, like the layer graph that it is; see `predict` and `classify`."""

    def __init__(self, lgraph: LayerGraph) -> None:
        super().__init__(lgraph.nodes, lgraph.edges)
        self.cache: dict[Any, Any] = {}  # compiled programs, kept by whoever runs the network

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"cache": {}}


class SeriesNetwork(DAGNetwork):
    """A network whose layers follow one another."""


def network_of(lgraph: LayerGraph, arrays: Arrays, *, series: bool) -> DAGNetwork:
    """A network of copies of the layers, with the arrays as their properties."""
    layers = LayerArray(one.copy() for one in lgraph.nodes)
    position = {one.Name: one for one in layers}
    for key, value in arrays.items():
        setattr(position[key.layer], key.name, value)
    for one in layers:
        one.settle()
    return (SeriesNetwork if series else DAGNetwork)(LayerGraph(layers, lgraph.edges))


def is_series(lgraph: LayerGraph) -> bool:
    """Whether every layer feeds exactly the next one."""
    names = [one.Name for one in lgraph.nodes]
    return [(c.source.layer, c.destination.layer) for c in lgraph.edges] == list(pairwise(names))


def checked(lgraph: LayerGraph) -> Lowered:
    """Lower a graph and raise everything that is wrong with it at once."""
    lowered = lower(lgraph)
    lowered.issues.raise_if_any()
    return lowered


def assembleNetwork(layers: Any) -> DAGNetwork:
    """A network from layers that have all their values: no training.

    Args:
        layers: A layer array or layer graph whose weights, biases, statistics and classes are set.

    Returns:
        A `SeriesNetwork` for a plain sequence of layers, else a `DAGNetwork`.

    Raises:
        DltoolboxError: every fault of the network; ``dltoolbox:network:missingValue`` for arrays without a value;
            ``dltoolbox:network:missingClasses`` for a classification output that does not know its classes.

    Example:
        >>> net = assembleNetwork([featureInputLayer(2), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
        ...                        regressionLayer])
        >>> net.OutputNames
        ['regressionoutput']
    """
    lgraph = layerGraph(layers)
    lowered = checked(lgraph)
    check_classes(lgraph)
    return network_of(lgraph, initial_arrays(lowered, "float32", draw=False), series=is_series(lgraph))


def check_classes(lgraph: LayerGraph) -> None:
    """A finished network knows the names of its classes."""
    found = IssueCollector()
    for index, one in enumerate(lgraph.nodes, 1):
        if getattr(one, "Classes", ()) == "auto":
            found.add("network:missingClasses", "Classes is 'auto', but there are no training labels to take them from.",
                      f"Pass Classes=[…] to {one.label()}.", layer=one.Name, index=index)
    found.raise_if_any()
