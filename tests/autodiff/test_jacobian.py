"""dljacobian, dldivergence and dllaplacian against PyTorch, in MATLAB's sizes."""

import numpy as np
import pytest
import torch

import dltoolbox as dl

W = np.random.default_rng(3).standard_normal((4, 3))
V = np.random.default_rng(4).standard_normal((3, 3))


def model(x, matrix=W):
    return np.tanh(matrix @ x) * np.sum(x * x, 0)


def twin(x, matrix=W):
    return torch.tanh(torch.tensor(matrix) @ x) * (x * x).sum(0)


@pytest.mark.parametrize("observations", [1, 5])
def test_jacobian(observations):
    X = np.random.default_rng(0).standard_normal((3, observations))
    got = dl.dlfeval(lambda x: dl.dljacobian(model(x), x, 0), dl.dlarray(X))
    full = torch.autograd.functional.jacobian(lambda x: twin(x).sum(1), torch.tensor(X))
    assert got.shape == (4, 3, observations)
    np.testing.assert_allclose(dl.extractdata(got), full.numpy(), atol=1e-12)


def test_a_jacobian_of_images_has_the_documented_size():
    X = dl.dlarray(np.random.default_rng(0).random((6, 5, 3, 7)), "SSCB")

    def f(x):
        y = np.mean(x ** 2, (0, 1))
        return dl.dljacobian(dl.stripdims(y), x, 0)
    assert dl.dlfeval(f, X).shape == (3, 6, 5, 3, 7)


def test_divergence_and_laplacian():
    X = np.random.default_rng(1).standard_normal((3, 4))
    divergence = dl.dlfeval(lambda x: dl.dldivergence(model(x, V), x, 0), dl.dlarray(X))
    laplacian = dl.dlfeval(lambda x: dl.dllaplacian(np.sum(model(x), 0, keepdims=True), x, 0), dl.dlarray(X))
    assert divergence.shape == laplacian.shape == (1, 4)
    for at in range(4):
        x = torch.tensor(X[:, at:at + 1])
        full = torch.autograd.functional.jacobian(lambda x: twin(x, V)[:, 0], x)[:, :, 0]
        hessian = torch.autograd.functional.hessian(lambda x: twin(x).sum(), x)[:, 0, :, 0]
        assert float(divergence[0, at]) == pytest.approx(float(torch.trace(full)), abs=1e-12)
        assert float(laplacian[0, at]) == pytest.approx(float(torch.trace(hessian)), abs=1e-11)


def test_along_the_other_dimension():
    X = np.random.default_rng(1).standard_normal((4, 3))
    across = dl.dlfeval(lambda x: dl.dldivergence(model(x.T, V).T, x, 1), dl.dlarray(X))
    along = dl.dlfeval(lambda x: dl.dldivergence(model(x, V), x, 0), dl.dlarray(X.T))
    np.testing.assert_allclose(dl.extractdata(across).T, dl.extractdata(along), atol=1e-13)


def test_they_can_be_differentiated_again():
    X = np.random.default_rng(1).standard_normal((3, 2))

    def again(x, function, u):
        y = np.sum(function(u(x), x, 0, EnableHigherDerivatives=True) ** 2)
        return y, dl.dlgradient(y, x)
    for function, u in ((dl.dljacobian, model), (dl.dldivergence, lambda x: model(x, V)),
                        (dl.dllaplacian, lambda x: np.sum(model(x), 0))):
        _, g = dl.dlfeval(again, dl.dlarray(X), function, u)
        step = np.cos(np.arange(6)).reshape(3, 2)
        up, down = (float(dl.dlfeval(again, dl.dlarray(X + way * 1e-5 * step), function, u)[0]) for way in (1, -1))
        assert np.sum(dl.extractdata(g) * step) == pytest.approx((up - down) / 2e-5, rel=1e-6)


def test_the_trace_is_retained_and_types_stay():
    def f(x):
        y = np.sum(model(x), 0)
        laplacian = dl.dllaplacian(y, x, 0)
        return laplacian, dl.dlgradient(np.sum(y), x)
    laplacian, gradient = dl.dlfeval(f, dl.dlarray(np.ones((3, 2), np.float32)))
    assert laplacian.dtype == gradient.dtype == np.float32


def test_what_does_not_depend_on_x_is_zero_with_a_warning():
    for function in (dl.dljacobian, dl.dldivergence, dl.dllaplacian):
        u = (lambda w: np.sum(w, 0)) if function is dl.dllaplacian else (lambda w: w)
        with pytest.warns(dl.DltoolboxWarning, match="u does not depend on x"):
            got = dl.dlfeval(lambda x, w, u=u, function=function: function(u(w), x, 0), dl.dlarray(np.ones((3, 2))),
                             dl.dlarray(np.ones((3, 2))))
        assert not dl.extractdata(got).any()


@pytest.mark.parametrize(("call", "identifier", "cured"), [
    (lambda x: dl.dljacobian(x * x, x, 2), "dljacobian:invalidDim", lambda x: dl.dljacobian(x * x, x, 0)),
    (lambda x: dl.dljacobian(x * x, x, "C"), "dljacobian:invalidDim", lambda x: dl.dljacobian(x * x, x, 0)),
    (lambda x: dl.dljacobian(np.ones(3), x, 0), "dljacobian:notADlarray", lambda x: dl.dljacobian(x[0], x, 0)),
    (lambda x: dl.dldivergence(x[:2], x, 0), "dldivergence:sizeMismatch", lambda x: dl.dldivergence(x, x, 0)),
    (lambda x: dl.dllaplacian(x * x, x, 0), "dllaplacian:sizeMismatch", lambda x: dl.dllaplacian((x * x)[0:1], x, 0)),
    (lambda x: dl.dllaplacian(x[0], dl.dlarray(np.ones((3, 2))), 0), "dllaplacian:notTraced",
     lambda x: dl.dllaplacian(x[0] ** 2, x, 0)),
])
def test_mistakes(call, identifier, cured):
    with pytest.raises(dl.DltoolboxError) as caught:
        dl.dlfeval(call, dl.dlarray(np.ones((3, 2))))
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    dl.dlfeval(cured, dl.dlarray(np.ones((3, 2))))


def test_outside_dlfeval():
    x = dl.dlarray(np.ones((3, 2)))
    with pytest.raises(dl.DltoolboxError, match=r"call it with dlfeval\(modelLoss, net, X\)"):
        dl.dljacobian(x, x, 0)
