"""Comparing a network with what code made of it."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import Any

import numpy as np

import dltoolbox
from dltoolbox.core.dims import Dims
from dltoolbox.core.geometry import same_padding
from dltoolbox.exchange.writers.code import frozen, learned
from dltoolbox.layers.base import Layer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.lowering.initialise import initialised
from tests.exchange.matlab_reader import Anonymous, FunctionLayer

AWKWARD = ["it's", 'a "quoted" name', "größe ✓", "two\nlines", "a/b", "back\\slash", "%d {x}", "end", "1st"]
ARGUMENTS = {"imageSize": [64, 64, 3], "inputSize": [64, 64, 3], "numClasses": 4, "encoderDepth": 2, "network": "resnet18"}


def architecture(name: str) -> Any:
    """What a function that builds an architecture returns, for small data where it asks for their size."""
    make = getattr(dltoolbox, name)
    if hasattr(make, "untrained"):
        return make(Weights="none")
    size = {"inputSize": [32, 32, 32, 1]} if "3d" in name else {"imageSize": [224, 224, 3]} if name == "fcnLayers" else {}
    needed = [one.name for one in inspect.signature(make).parameters.values()
              if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    return make(*((ARGUMENTS | size)[argument] for argument in needed))


ARCHITECTURES = [name for name in dltoolbox.__all__ if isinstance(getattr(dltoolbox, name), FunctionType)
                 and getattr(dltoolbox, name).__module__.startswith("dltoolbox.architectures.")
                 and name != "poolingToStridedConvolution"]


def graph_of(variables: dict[str, Any]) -> LayerGraph:
    """The layer graph that code ended with."""
    return variables["lgraph"] if "lgraph" in variables else layerGraph(variables["layers"])


def assert_same_connections(found: LayerGraph, graph: LayerGraph) -> None:
    assert [one.Name for one in found.nodes] == [one.Name for one in graph.nodes]
    assert len(found.edges) == len(graph.edges)
    assert set(found.edges) == set(graph.edges)


def without_values(one: Layer) -> Layer:
    """A copy without the arrays that training finds."""
    copy = one.copy()
    for prop, _ in one.values():
        if learned(one, prop.name) and not frozen(one, prop.name):
            copy.__dict__[prop.name] = None
    return copy


def assert_same_in_matlab(found: Layer, one: Layer, *, values: bool) -> None:
    """Equal, but for what MATLAB finds out itself, sizes of 1 in arrays, and layers that MATLAB does not have."""
    assert found.Name == one.Name
    if isinstance(found, FunctionLayer):
        assert found.outputs() == one.outputs()
        assert found.inputs() == one.inputs()
        return
    assert type(found) is type(one)
    for prop, value in one.values():
        got = found.__dict__[prop.name]
        if prop.name in (*one.not_in_matlab, *one.beyond_matlab) or (not values and learned(one, prop.name)):
            continue
        if isinstance(value, str) and value == "same-lower":  # in numbers
            value = same_padding((1,) * len(one.Stride), one.PoolSize, one.Stride, lower=True)
        if isinstance(got, Anonymous):
            (weights, _) = one.arrays(Dims.of("SSCB", 5, 5, 3, None))
            np.testing.assert_array_equal(got(weights.shape), initialised(one, weights))
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(np.squeeze(got), np.squeeze(value))
        else:
            assert got == value, prop.name
