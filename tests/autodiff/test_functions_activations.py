"""relu, leakyrelu, sigmoid, gelu, softmax and crosschannelnorm of dlarrays against PyTorch, and third derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import dltoolbox as dl
from dltoolbox.autodiff.apply import SECOND
from tests.autodiff.against_torch import compare, same_in_single, same_whatever_it_is_given

BY_ELEMENT: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "relu": (dl.relu, F.relu), "leakyrelu": (lambda X: dl.leakyrelu(X, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "sigmoid": (dl.sigmoid, torch.sigmoid), "gelu": (dl.gelu, F.gelu),
    "gelu tanh": (lambda X: dl.gelu(X, Approximation="tanh"), lambda x: F.gelu(x, approximate="tanh"))}


@pytest.mark.parametrize("name", BY_ELEMENT)
@pytest.mark.parametrize("shape", [(), (7,), (3, 4), (0, 2), (2, 3, 4, 2)])
def test_by_element(name: str, shape: tuple[int, ...]) -> None:
    ours, theirs = BY_ELEMENT[name]
    X = np.random.default_rng(0).standard_normal(shape) * 3
    compare(ours, theirs, [X])
    assert type(ours(X)) in (np.ndarray, np.float64)
    labels = "SCBT"[:len(shape)]
    labelled = ours(dl.dlarray(X, labels))
    assert dl.dims(labelled) == labels
    np.testing.assert_array_equal(dl.extractdata(labelled), ours(X))
    assert ours(dl.dlarray(X.astype(np.float32))).dtype == np.float32


@pytest.mark.parametrize("labels", ["SSCB", "CB", "BC", "SCBT", "TCB", "UCB", "C"])
@pytest.mark.parametrize("scale", [1, 30])
def test_softmax(labels: str, scale: float) -> None:
    X = np.random.default_rng(0).standard_normal(tuple(range(2, 2 + len(labels)))) * scale
    compare(lambda X: dl.softmax(X, DataFormat=labels), lambda x: torch.softmax(x, labels.index("C")), [X])
    same_whatever_it_is_given(dl.softmax, X, labels)
    same_in_single(dl.softmax, X, labels)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("labels", ["SSCB", "CB", "TCB"])
def test_crosschannelnorm(size: int, labels: str) -> None:
    rng = np.random.default_rng(size)
    X, at = rng.standard_normal([4 if label == "C" else 2 for label in labels]), labels.index("C")
    alpha, beta, k = rng.uniform(0.1, 2, 3)

    def theirs(x: torch.Tensor) -> torch.Tensor:  # whose even windows reach further back than forward
        moved = x.movedim(at, 1 if x.ndim > 2 else 0)
        batch = moved if moved.ndim > 2 else moved.T[..., None]
        y = F.local_response_norm(batch.flip(1), size, alpha, beta, k).flip(1)
        return (y if moved.ndim > 2 else y[..., 0].T).movedim(1 if x.ndim > 2 else 0, at)
    compare(lambda X: dl.crosschannelnorm(X, size, Alpha=alpha, Beta=beta, K=k, DataFormat=labels), theirs, [X])
    same_whatever_it_is_given(dl.crosschannelnorm, X, labels, size)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "gelu", "gelu tanh"])
def test_third_derivatives_through_a_network(name: str) -> None:
    """As the Korteweg–de Vries equation needs them: u''' of a network of two layers, and its gradient by the weights."""
    ours, theirs = BY_ELEMENT.get(name, (np.tanh, torch.tanh))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1, 5))
    parameters = [rng.standard_normal((6, 1)), rng.standard_normal((6, 1)), rng.standard_normal((1, 6)), np.zeros((1, 1))]

    def network(x: dl.dlarray, w: Any, b: Any, v: Any, c: Any) -> dl.dlarray:
        return dl.fullyconnect(ours(dl.fullyconnect(x, w, b)), v, c)

    def residual(x: dl.dlarray, *ps: dl.dlarray) -> Any:
        u = network(x, *ps)
        for _ in range(3):
            u = dl.dlgradient(np.sum(u), x, EnableHigherDerivatives=True)
        return u, dl.dlgradient(np.sum(u * u), *ps[:3])
    got, gradients = dl.dlfeval(residual, dl.dlarray(X, "CB"), *map(dl.dlarray, parameters))

    x, *ps = (torch.tensor(array, requires_grad=True) for array in (X, *parameters))
    u = ps[2] @ theirs(ps[0] @ x + ps[1]) + ps[3]
    for _ in range(3):
        (u,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    np.testing.assert_allclose(dl.extractdata(got), u.detach().numpy(), rtol=1e-9, atol=1e-10)
    for ours_too, wanted in zip(gradients, torch.autograd.grad((u * u).sum(), ps[:3]), strict=True):
        np.testing.assert_allclose(dl.extractdata(ours_too), wanted.numpy(), rtol=1e-8, atol=1e-9)


def test_one_array_in_several_places() -> None:
    """Its gradients add up, once each, in second derivatives as well."""
    X = np.random.default_rng(0).standard_normal((3, 4))
    compare(lambda X: dl.fullyconnect(X, np.ones((1, 1)) * X[:, :3], X[:, 3], DataFormat="CB"),
            lambda x: x[:, :3] @ x + x[:, 3:], [X])
    compare(lambda X: dl.mse(X, np.exp(X), DataFormat="CB"), lambda x: ((x - x.exp()) ** 2).sum() / 8, [X])


def test_ops_that_cannot_be_differentiated_twice_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(SECOND, "softmax")

    def twice(x: dl.dlarray) -> Any:
        return dl.dlgradient(np.sum(dl.softmax(x) ** 2), x, EnableHigherDerivatives=True)
    X = dl.dlarray(np.eye(3), "CB")
    with pytest.raises(dl.DltoolboxError, match="Leave EnableHigherDerivatives out") as caught:
        dl.dlfeval(twice, X)
    assert caught.value.identifier == "dltoolbox:dlgradient:notTwiceDifferentiable"
    assert dl.dlfeval(lambda x: dl.dlgradient(np.sum(dl.softmax(x) ** 2), x), X).shape == (3, 3)


def test_inputs_without_a_gradient_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets have their gradient from the second form of a loss; where there is none, nothing is zero in silence."""
    monkeypatch.delitem(SECOND, "half_mse")
    Y, T = dl.dlarray(np.eye(3), "CB"), dl.dlarray(np.ones((3, 3)), "CB")
    with pytest.raises(dl.DltoolboxError, match="extractdata") as caught:
        dl.dlfeval(lambda y, t: dl.dlgradient(dl.mse(y, t), t), Y, T)
    assert caught.value.identifier == "dltoolbox:dlgradient:noGradientOfInput"
    assert dl.dlfeval(lambda y: dl.dlgradient(dl.mse(y, dl.extractdata(T)), y), Y).shape == (3, 3)
