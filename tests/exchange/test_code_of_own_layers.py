"""Layers of the user's own, and placeholders, as code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxWarning, Layer, predict, toMATLAB, toPython
from tests.exchange.own_layers import Leaky, leaky, network, of_own_layers

X = np.array([[1.0, -1.0], [2.0, 3.0]])


class Lost(Layer):
    """Does not keep what its constructor gets."""

    def __init__(self, factor: float) -> None:
        self.held = factor

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X * self.held


def made(script: str, file: str = "") -> dict[str, Any]:
    names: dict[str, Any] = {"__file__": file}
    exec(script, names)
    return names


def test_the_script_makes_the_layers_again() -> None:
    script = toPython(of_own_layers())
    assert "from tests.exchange.own_layers import Hooked, Leaky, Thrice, Twice" in script
    layers = made(script)["layers"]
    assert [layer.Name for layer in layers] == ["in", "twice", "block:thrice", "hooked", "leaky", "fc", "out"]
    assert (type(layers[4]), layers[4].numChannels) == (Leaky, 2)


def test_the_script_with_parameters_predicts_the_same(tmp_path: Path) -> None:
    net = network(leaky())
    file = str(tmp_path / "net.py")
    again = made(toPython(net, file, Parameters=True), file)["net"]
    assert predict(again, X).tobytes() == predict(net, X).tobytes()


def test_a_constructor_that_nobody_can_call_becomes_a_placeholder() -> None:
    with pytest.warns(DltoolboxWarning, match="Lost needs factor, which the layer does not hold.*self.factor = factor"):
        script = toPython([dl.featureInputLayer(2, Name="in"), Lost(3), dl.fullyConnectedLayer(1)])
    layers = made(script)["layers"]
    assert (layers[1].StandsFor, layers[1].Name) == ("Lost", "lost")
    assert dl.analyzeNetwork(layers, nargout=1).IsValid


def test_classes_that_cannot_be_imported() -> None:
    class Local(Layer):
        def predict(self, X: np.ndarray) -> np.ndarray:
            return X

    script = toPython([dl.featureInputLayer(2), Local()])
    assert "# Define the class Local here, or import it." in script
    assert "own_local = Local()" in script


def test_matlab_calls_the_class() -> None:
    with pytest.warns(DltoolboxWarning, match="MATLAB needs a class Leaky"):
        code = toMATLAB(network(leaky()))
    assert 'Leaky(2,"Name","leaky")' in code
    assert "% MATLAB needs a class Leaky" in code


def test_placeholders_keep_their_ports() -> None:
    two = dl.placeholderLayer(InputNames=["a", "b"], NumOutputs=2, Name="two", StandsFor="Mystery")
    lgraph = dl.addLayers(dl.layerGraph([dl.featureInputLayer(2, Name="in"), two]), dl.reluLayer(Name="end"))
    lgraph = dl.connectLayers(dl.connectLayers(lgraph, "in", "two/b"), "two/out2", "end")
    again = made(toPython(lgraph))["lgraph"]
    assert dl.getLayer(again, "two") == two
    assert {*again.edges} == {*lgraph.edges}
    with pytest.warns(DltoolboxWarning, match="placeholder for Mystery"):
        code = toMATLAB(lgraph)
    assert '"InputNames",["a" "b"]' in code.replace(" ...\n        ", "")
    assert 'connectLayers(lgraph,"two/out2","end")' in code
