"""functionLayer, and output layers of the user's own, in files and in code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dltoolbox as dl


@dl.registerFunction("tests.softsign")
def softsign(X: Any) -> Any:
    return X / (1 + abs(X))


def slope(X: Any, Z: Any, dLdZ: Any) -> Any:
    return dLdZ / (1 + abs(X)) ** 2


class MeanError(dl.RegressionLayer):
    """The mean of absolute errors."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def forwardLoss(self, Y: Any, T: Any) -> Any:
        return self.scale * np.abs(Y - T).mean()

    def backwardLoss(self, Y: Any, T: Any) -> Any:
        return self.scale * np.sign(Y - T) / Y.size


class LogError(dl.ClassificationLayer):
    """Cross-entropy."""

    def forwardLoss(self, Y: Any, T: Any) -> Any:
        return -np.sum(T * np.log(Y)) / Y.shape[-1]

    def backwardLoss(self, Y: Any, T: Any) -> Any:
        return -T / Y / Y.shape[-1]


X = np.array([[1.0], [-3.0]])


def network(function: Any, **options: Any) -> Any:
    return dl.dlnetwork([dl.featureInputLayer(1), dl.functionLayer(function, Name="f", **options)])


def test_a_registered_function_is_loaded(tmp_path: Path) -> None:
    net = network(softsign, Description="soft")
    dl.saveNetwork(net, tmp_path / "f.dlnet")
    again = dl.loadNetwork(tmp_path / "f.dlnet")
    assert dl.getLayer(again, "f").PredictFcn is softsign
    assert dl.getLayer(again, "f").Description == "soft"
    np.testing.assert_array_equal(dl.predict(again, X), dl.predict(net, X))


def test_a_function_without_a_name_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.saveNetwork(network(lambda X: X), tmp_path / "f.dlnet")
    assert caught.value.identifier == "dltoolbox:saveNetwork:functionValue"
    assert "registerFunction" in str(caught.value)


def test_an_unknown_function_gives_a_placeholder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dltoolbox.exchange import registered
    dl.saveNetwork(network(softsign), tmp_path / "f.dlnet")
    monkeypatch.delitem(registered._named_functions, "tests.softsign")
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.loadNetwork(tmp_path / "f.dlnet")
    assert caught.value.identifier == "dltoolbox:loadNetwork:unknownLayer"
    assert "tests.softsign" in str(caught.value)
    net = dl.loadNetwork(tmp_path / "f.dlnet", Unknown="placeholder")
    assert "Placeholder" in type(dl.getLayer(net, "f")).__name__
    dl.saveNetwork(net, tmp_path / "again.dlnet")
    monkeypatch.setitem(registered._named_functions, "tests.softsign", softsign)
    assert dl.getLayer(dl.loadNetwork(tmp_path / "again.dlnet"), "f").PredictFcn is softsign


def test_python_code_calls_the_function() -> None:
    code = dl.toPython(network(softsign, GradientFcn=slope))
    space: dict[str, Any] = {}
    exec(code, space)
    layer = dl.getLayer(space["net"], "f")
    assert layer.PredictFcn is softsign
    assert layer.GradientFcn is slope


def test_python_code_knows_functions_of_numpy() -> None:
    space: dict[str, Any] = {}
    exec(dl.toPython(network(np.tanh)), space)
    assert dl.getLayer(space["net"], "f").PredictFcn is np.tanh


def test_a_lambda_in_code_is_a_placeholder_with_a_note() -> None:
    with pytest.warns(dl.DltoolboxWarning, match="fun of functionLayer has no name"):
        code = dl.toPython(network(lambda X: X))
    assert "placeholderLayer" in code
    assert "functionLayer(" not in code


def test_matlab_code_has_a_handle_and_a_note() -> None:
    with pytest.warns(dl.DltoolboxWarning, match="MATLAB needs a function softsign"):
        code = dl.toMATLAB(network(softsign, GradientFcn=slope))
    assert "functionLayer(@softsign" in code
    assert "GradientFcn is left out" in code
    assert "slope" not in code


@pytest.mark.parametrize("made", [[MeanError(2.0)], [dl.softmaxLayer(), LogError()]], ids=["regression", "classification"])
def test_output_layers_of_the_users_are_saved_and_written(made: list[Any], tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    from dltoolbox.exchange import registered
    made[-1].Name = "out"
    if isinstance(made[-1], dl.ClassificationLayer):
        made[-1].Classes = ["a", "b"]
    net = dl.assembleNetwork([dl.featureInputLayer(2), dl.fullyConnectedLayer(2, Weights=np.eye(2), Bias=[0, 0]), *made])
    dl.saveNetwork(net, tmp_path / "net.dlnet")
    again = dl.loadNetwork(tmp_path / "net.dlnet")
    assert again.Layers[-1] == net.Layers[-1]
    assert type(again.Layers[-1]) is type(made[-1])
    space: dict[str, Any] = {}
    exec(dl.toPython(net), space)
    assert type(space["layers"][-1]) is type(made[-1])
    assert getattr(space["layers"][-1], "scale", None) == getattr(made[-1], "scale", None)
    with pytest.warns(dl.DltoolboxWarning):
        assert f"{type(made[-1]).__name__}(" in dl.toMATLAB(net)
    monkeypatch.setattr("dltoolbox.exchange.custom.class_named", lambda name: None)
    assert "Placeholder" in type(dl.loadNetwork(tmp_path / "net.dlnet", Unknown="placeholder").Layers[-1]).__name__
    assert registered.class_named(registered.name_of_class(type(made[-1]))) is type(made[-1])


class Scaled(dl.Layer):
    """Holds an argument that no code can say."""

    def __init__(self, table: Any = None) -> None:
        self.table = table

    def predict(self, X: Any) -> Any:
        return X


def test_an_argument_that_code_cannot_say_is_told() -> None:
    with pytest.warns(dl.DltoolboxWarning, match="table of Scaled cannot stand in code"):
        dl.toPython([dl.featureInputLayer(2), Scaled({"a": object()})])
