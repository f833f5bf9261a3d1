"""neuralODELayer: a loop of Euler's or Runge and Kutta's steps, against the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from dltoolbox import (
    DltoolboxError,
    convolution2dLayer,
    dlnetwork,
    expandLayers,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    loadNetwork,
    neuralODELayer,
    predict,
    regressionLayer,
    reluLayer,
    saveNetwork,
    sequenceInputLayer,
    tanhLayer,
    toMATLAB,
)
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model

RNG = np.random.default_rng(0)
W, B = 0.5 * RNG.standard_normal((3, 3)), RNG.standard_normal((3, 1))
RIGHT_SIDE = [fullyConnectedLayer(3, Weights=W, Bias=B, Name="fc"), tanhLayer(Name="act")]


def solved(x: torch.Tensor, w: torch.Tensor, b: torch.Tensor, steps: list[float], solver: str) -> torch.Tensor:
    """x: N×3"""
    def f(y: torch.Tensor) -> torch.Tensor:
        return torch.tanh(y @ w.T + b[:, 0])
    for h in steps:
        k1 = f(x)
        if solver == "ode1":
            x = x + h * k1
            continue
        k2 = f(x + h / 2 * k1)
        k3 = f(x + h / 2 * k2)
        k4 = f(x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return x


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("solver", ["ode1", "rk4"])
@pytest.mark.parametrize(("interval", "size", "steps"), [
    ([0, 1], "auto", [0.1] * 10), ([0, 1], 0.4, [0.4, 0.4, 0.2]), ([2, 1.5], 0.3, [-0.3, -0.2]), ([0, 1], 5, [1.0])])
def test_forward_and_gradients_are_those_of_the_loop(fast: bool, solver: str, interval: Any, size: Any,
                                                     steps: list[float]) -> None:
    ode = neuralODELayer(RIGHT_SIDE, interval, Solver=solver, StepSize=size, Name="ode")
    np.testing.assert_allclose(ode.steps(), steps, rtol=1e-12)
    model = Model(layerGraph([featureInputLayer(3), ode, regressionLayer]), np.float64, fast=fast)
    assert set(model.learnables) == {ParameterKey("ode:fc", "Weights"), ParameterKey("ode:fc", "Bias")}
    x, t = RNG.standard_normal((3, 5)), RNG.standard_normal((3, 5))
    w, b, given = (torch.tensor(a, requires_grad=True) for a in (W, B, x.T.copy()))
    theirs = solved(given, w, b, steps, solver)
    ((theirs - torch.from_numpy(t.T)) ** 2).sum().div(2 * 5).backward()
    np.testing.assert_allclose(model.predict([x])[0], theirs.detach().numpy().T, rtol=1e-10)
    _, learnables, (entering,) = model.gradients([x], [t])
    for name, tensor in (("Weights", w), ("Bias", b)):
        np.testing.assert_allclose(learnables[ParameterKey("ode:fc", name)], tensor.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(entering, given.grad.numpy().T, rtol=1e-9, atol=1e-12)


def test_it_approaches_the_solution() -> None:
    """y' = −y"""
    decay = [fullyConnectedLayer(1, Weights=[[-1]], Bias=0)]
    for solver, error in (("ode1", 2e-2), ("rk4", 1e-6)):
        net = dlnetwork([featureInputLayer(1), neuralODELayer(decay, [0, 1], Solver=solver, StepSize=0.1)])
        assert abs(predict(net, [[1]])[0, 0] - np.exp(-1)) < error


def test_images_and_sequences() -> None:
    images = neuralODELayer([convolution2dLayer(3, 2, Padding="same"), reluLayer], [0, 1], Solver="rk4", StepSize=0.5)
    net = dlnetwork([imageInputLayer([5, 4, 2], Normalization="none"), images])
    assert list(net.Learnables.Layer) == ["neuralode:conv"] * 2
    assert predict(net, np.ones((5, 4, 2, 3))).shape == (5, 4, 2, 3)
    steps = dlnetwork([sequenceInputLayer(3), neuralODELayer(RIGHT_SIDE, [0, 1], Solver="ode1")])
    long, short = predict(steps, [np.ones((3, 6)), np.ones((3, 2))])
    np.testing.assert_allclose(long[:, :2], short, rtol=1e-6)


def test_networks_with_it_are_kept(tmp_path: Any) -> None:
    ode = neuralODELayer(RIGHT_SIDE, [0, 2], Solver="rk4", Name="ode")
    net = dlnetwork([featureInputLayer(3), ode])
    saveNetwork(net, tmp_path / "net")
    again = loadNetwork(tmp_path / "net")
    np.testing.assert_array_equal(predict(net, np.ones((2, 3))), predict(again, np.ones((2, 3))))
    assert [layer.Name for layer in expandLayers(net).Layers] == [layer.Name for layer in net.Layers]


@pytest.mark.parametrize(("make", "identifier", "hint"), [
    (lambda: neuralODELayer(RIGHT_SIDE, [0, 1]), "neuralODELayer:notYetSupported", "Solver='ode1'"),
    (lambda: neuralODELayer(RIGHT_SIDE, [0, 0.5, 1], Solver="ode1"), "neuralODELayer:notYetSupported", r"Pass \[0, 1\]"),
    (lambda: neuralODELayer(RIGHT_SIDE, [0, 0], Solver="ode1"), "neuralODELayer:invalidTimeInterval", "such as"),
    (lambda: neuralODELayer(RIGHT_SIDE, [0, 1], Solver="ode1", GradientMode="adjoint"), "neuralODELayer:notYetSupported",
     "Leave it 'direct'"),
    (lambda: neuralODELayer(RIGHT_SIDE, [0, 1], Solver="ode1", StepSize=1e-9), "neuralODELayer:tooManySteps", "larger"),
    (lambda: dlnetwork([featureInputLayer(4), neuralODELayer([fullyConnectedLayer(2)], [0, 1], Solver="ode1")]),
     "neuralODELayer:networkSizeMismatch", "size of its input"),
    (lambda: toMATLAB(dlnetwork([featureInputLayer(3), neuralODELayer(RIGHT_SIDE, [0, 1], Solver="ode1")])),
     "toMATLAB:notYetSupported", "Write the network inside")])
def test_what_cannot_be(make: Any, identifier: str, hint: str) -> None:
    with pytest.raises(DltoolboxError, match=hint) as caught:
        make()
    assert f"dltoolbox:{identifier}" in caught.value.identifiers
