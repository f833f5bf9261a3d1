"""Layers and functions as a user's script defines them."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox import (
    Layer,
    assembleNetwork,
    featureInputLayer,
    fullyConnectedLayer,
    networkLayer,
    registerFunction,
    registerLayer,
    regressionLayer,
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
                   Hooked(Name="hooked"))
