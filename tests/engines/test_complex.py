"""Complex numbers that leave networks."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox import (
    activations,
    assembleNetwork,
    complexFullyConnectedLayer,
    complexReluLayer,
    complexToRealLayer,
    dlnetwork,
    featureInputLayer,
    imageInputLayer,
    minibatchpredict,
    networkLayer,
    predict,
    realToComplexLayer,
    regressionLayer,
    sequenceInputLayer,
    zreluLayer,
)

X = np.random.default_rng(0).standard_normal((5, 4, 2, 3, 2), np.float32).view(np.complex64)[..., 0]
IMAGES = imageInputLayer([5, 4, 2], SplitComplexInputs=True, Normalization="none")


def test_they_come_as_they_were() -> None:
    found = predict(dlnetwork([IMAGES, realToComplexLayer]), X)
    assert found.dtype == np.complex64
    np.testing.assert_array_equal(found, X.astype(np.complex64))
    parts = predict(dlnetwork([IMAGES, realToComplexLayer, complexToRealLayer]), X)
    np.testing.assert_array_equal(parts[:, :, 1::2], X.imag.astype("f4"))


def test_activations_are_those_of_complex_numbers() -> None:
    net = dlnetwork([IMAGES, realToComplexLayer, zreluLayer(Name="z"), complexReluLayer(Name="c")])
    z, c = minibatchpredict(net, X, Outputs=["z", "c"], MiniBatchSize=2)
    inside = (X.real > 0) & (X.imag > 0)
    np.testing.assert_array_equal(z, np.where(inside, X, 0).astype(np.complex64))
    np.testing.assert_array_equal(c, z)


def test_affine_maps() -> None:
    W, b = np.array([[1 + 2j, -1j], [3, 0.5]]), np.array([[1j], [2]])
    fc = complexFullyConnectedLayer(2, Weights=W, Bias=b, Name="fc")
    assert fc.Weights.shape == (2, 2, 2)
    net = dlnetwork([featureInputLayer(2, SplitComplexInputs=True), realToComplexLayer, fc])
    x = X[0, 0].T
    np.testing.assert_allclose(predict(net, x), x @ W.T + b[:, 0], rtol=1e-5)
    real = dlnetwork([featureInputLayer(2), networkLayer([fc], Name="sub")])
    np.testing.assert_allclose(predict(real, x.real), x.real @ W.T + b[:, 0], rtol=1e-5)


@pytest.mark.parametrize("uniform", [False, True])
def test_sequences(uniform: bool) -> None:
    parts = [X[:, 0, :, 0].T, X[0, :3, :, 0].T]
    net = dlnetwork([sequenceInputLayer(2, SplitComplexInputs=True), realToComplexLayer])
    found = minibatchpredict(net, parts, UniformOutput=uniform)
    if uniform:
        assert found.dtype == np.complex64
        assert np.isnan(found).sum() == 2 * 2
        found = [found[:, 0], found[:, 1, :3]]
    for one, part in zip(found, parts, strict=True):
        np.testing.assert_array_equal(one, part.astype(np.complex64))


def test_a_layer_inside_a_network_that_ends_in_an_output_layer() -> None:
    net = assembleNetwork([IMAGES, realToComplexLayer(Name="in"), complexToRealLayer, regressionLayer])
    np.testing.assert_array_equal(activations(net, X, "in"), X.astype(np.complex64))
