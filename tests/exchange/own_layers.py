"""Layers and functions as a user's script defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox import (
    Layer,
    assembleNetwork,
    featureInputLayer,
    fullyConnectedLayer,
    learnableParameter,
    networkLayer,
    registerFunction,
    registerLayer,
    regressionLayer,
    stateParameter,
)
from dltoolbox.ops import Builder, Value


@registerLayer("tests.Twice")
class Twice(Layer):
    """The sum of two copies; what else it holds is for files."""

    def build(self, g: Builder, x: Value) -> Any:
        return g.add(x, x)


class Thrice(Layer):
    """Known by its module and name alone."""

    def build(self, g: Builder, x: Value) -> Any:
        return g.add(x, x, x)


class Hooked(Layer):
    """Says itself what is saved of it."""

    def build(self, g: Builder, x: Value) -> Any:
        return g.add(x, x)

    def saved(self) -> dict[str, Any]:
        return {"seed": 3}

    def loaded(self, values: dict[str, Any]) -> None:
        vars(self)["random"] = np.random.default_rng(values["seed"])


class Leaky(Layer):
    """In MATLAB's manner: a learnable, a state, and methods."""

    Alpha = learnableParameter(L2Factor=0)
    Count = stateParameter()

    def __init__(self, numChannels: int, rate: float = 0.25) -> None:
        self.numChannels, self.rate = numChannels, rate
        self.Description = "a leaky layer"

    def initialize(self, layout: object) -> None:
        self.Alpha, self.Count = np.full((self.numChannels, 1), self.rate), np.zeros((1, 1))

    def predict(self, X: np.ndarray) -> tuple[Any, ...]:
        return np.maximum(X, 0) + self.Alpha * np.minimum(X, 0), self.Count

    def forward(self, X: np.ndarray) -> tuple[Any, ...]:
        return np.maximum(X, 0) + self.Alpha * np.minimum(X, 0), self.Count + 1, None

    def backward(self, X: np.ndarray, Z: Any, dLdZ: np.ndarray, dLdCount: np.ndarray, memory: None) -> tuple[Any, ...]:
        return (np.where(X > 0, 1, self.Alpha) * dLdZ, np.sum(np.minimum(X, 0) * dLdZ, axis=1, keepdims=True),
                np.zeros_like(dLdCount))


class Joined(Layer):
    """Two inputs with names of its own."""

    def __init__(self) -> None:
        self.InputNames = ["a", "b"]

    def predict(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + 2 * b


@registerFunction("tests.centre")
def centre(X: np.ndarray) -> np.ndarray:
    return X - 0.5


HELD = {"count": 3, "rate": 0.25, "name": "x", "on": True, "nothing": None, "pair": (1, (2.5, "b")), "inf": float("inf"),
        "list": [1, [2, {"a": 1, 2: [None]}]], "codes": np.arange(3), "mask": np.array([True, False]),
        "weights": np.arange(6.0).reshape(2, 3), "half": np.ones(2, np.float16), "empty": [], "none": {}}


def holding(layer: Any, **values: Any) -> Any:
    vars(layer).update(values)
    return layer


def network(*layers: Any) -> Any:
    """An assembled network of two features with these layers."""
    return assembleNetwork([featureInputLayer(2, Name="in", Normalization="none"), *layers,
                            fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3], Name="fc"), regressionLayer(Name="out")])


def of_own_layers() -> Any:
    """A network with layers of each of these classes, one of them inside another layer."""
    return network(holding(Twice(Name="twice"), **HELD), networkLayer([Thrice(Name="thrice")], Name="block"),
                   Hooked(Name="hooked"), leaky())


def leaky() -> Any:
    """A layer with values for everything."""
    layer = Leaky(2)
    layer.Name, layer.Alpha, layer.Count = "leaky", np.array([[0.5], [0.125]]), np.array([[7.0]])
    layer.AlphaLearnRateFactor = 3
    return layer
