"""Input normalisation of features that never vary, and of data far from zero in types that hold their digits."""

from __future__ import annotations

import numpy as np
import pytest

from dltoolbox import (
    activations,
    assembleNetwork,
    classificationLayer,
    classify,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    loadNetwork,
    predict,
    regressionLayer,
    reluLayer,
    saveNetwork,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.program.model import Model
from dltoolbox.train.input_statistics import normalization_statistics

KINDS = ["zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one"]
ONCE = trainingOptions("sgdm", MaxEpochs=1, Verbose=False, InitialLearnRate=1e-6)
STAMPS = 1.7e9 + np.arange(300.0)


def network(X, kind, **statistics):
    """A network trained on X for an epoch; an array of images, or features N×f."""
    start = (imageInputLayer(X.shape[:3], Normalization=kind, Name="in", **statistics) if X.ndim == 4 else
             featureInputLayer(X.shape[1], Normalization=kind, Name="in", **statistics))
    return trainNetwork(X, np.zeros(X.shape[-1] if X.ndim == 4 else len(X)), [start, fullyConnectedLayer(1),
                                                                              regressionLayer], ONCE)


def normalised(net, X):
    return activations(net, X, "in")


def wanted(X, kind, axis):
    low, high, mean, std = (f(X, axis=axis, keepdims=True) for f in (np.min, np.max, np.mean, np.std))
    return {"zerocenter": lambda: X - mean, "zscore": lambda: (X - mean) / std,
            "rescale-zero-one": lambda: (X - low) / (high - low),
            "rescale-symmetric": lambda: 2 * (X - low) / (high - low) - 1}[kind]()


@pytest.mark.parametrize("value", [14.62, -3.3e7, 1.1e-9, 0.1])
@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_that_never_varies_is_only_shifted(kind, value):
    X = np.column_stack([np.full(1000, value), np.linspace(0, 1, 1000)])
    net = network(X, kind)
    new = np.array([[value, 0], [value + 0.001, 0]])
    shifted = normalised(net, new)[:, 0]
    assert shifted[0] == (-1 if kind == "rescale-symmetric" else 0)
    assert shifted[1] - shifted[0] == pytest.approx(0.002 if kind == "rescale-symmetric" else 0.001, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_rounding_is_no_variation(kind):
    """Values that went different ways to the same number."""
    rounded = 0.1 * np.arange(1, 1001) / np.arange(1, 1001) * 146.2
    assert 0 < np.ptp(rounded) < 1e-14
    net = network(rounded[:, None], kind)
    assert abs(np.ptp(normalised(net, [[14.62], [14.621]]))) < 0.0021


def test_images_that_never_vary():
    net = network(np.full((20, 20, 3, 16), 0.1), "zscore")
    assert not normalised(net, np.full((20, 20, 3, 1), 0.1)).any()
    assert normalised(net, np.full((20, 20, 3, 1), 0.2)).max() == pytest.approx(0.1)


@pytest.mark.parametrize("n", [1000, 10000])
def test_given_statistics_that_are_rounding(n):
    """What NumPy computes of a constant column is not zero."""
    X = np.full((n, 3), 14.62)
    mean, std = X.mean(axis=0)[:1], X.std(axis=0)[:1]
    assert std[0] > 0
    net = assembleNetwork([featureInputLayer(1, Normalization="zscore", Mean=mean, StandardDeviation=std),
                           fullyConnectedLayer(1, Weights=1, Bias=0), regressionLayer])
    assert predict(net, [[14.621]]) == pytest.approx(0.001, rel=1e-4)
    plain = Model(net, fast=False, draw=False)
    assert plain.predict([np.array([[14.621]])])[0] == pytest.approx(0.001, rel=1e-4)


def test_deviation_of_a_constant_is_exactly_zero():
    for x in (np.full((3, 1000), 14.62), np.full((30, 20, 3, 40), 0.1), np.full((2, 999), 0.1, np.float32)):
        for dimension in ("channel", "element", "all"):
            assert not normalization_statistics([x], dimension)["StandardDeviation"].any()


@pytest.mark.parametrize("dtype", ["float64", "int32", "int64", "uint32", "uint64"])
@pytest.mark.parametrize("kind", KINDS)
def test_features_far_from_zero_keep_their_digits(kind, dtype, tmp_path):
    X = STAMPS.astype(dtype)[:, None]
    exact = wanted(STAMPS[:, None], kind, 0)
    net = network(X, kind)
    np.testing.assert_allclose(normalised(net, X), exact, atol=1e-6 * np.abs(exact).max())
    saveNetwork(net, tmp_path / "net.dlnet")
    again = loadNetwork(tmp_path / "net.dlnet")
    np.testing.assert_array_equal(predict(again, X), predict(net, X))
    assert np.unique(normalised(again, X)).size == 300
    plain = Model(net, fast=False, draw=False)
    np.testing.assert_allclose(plain.predict([X.T], ["in/out"])[0].T, exact, atol=1e-6 * np.abs(exact).max())


@pytest.mark.parametrize("dimension", ["channel", "element", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_images_far_from_zero_keep_their_digits(kind, dimension):
    X = (np.random.default_rng(0).integers(0, 1000, (6, 5, 2, 40)) + 2 ** 30).astype(np.int32)
    axes = {"channel": (0, 1, 3), "element": (3,), "all": (0, 1, 2, 3)}[dimension]
    exact = wanted(X.astype(np.float64), kind, axes)
    net = network(X, kind, NormalizationDimension=dimension)
    np.testing.assert_allclose(normalised(net, X), exact, atol=1e-6 * np.abs(exact).max())


def test_training_and_classifying_see_the_digits():
    """Two classes that only the digits behind the offset tell apart; validation sees them, too."""
    Y = np.where(np.arange(300) < 150, "early", "late")
    layers = [featureInputLayer(1, Normalization="zscore"), fullyConnectedLayer(2), softmaxLayer, classificationLayer]
    options = trainingOptions("adam", MaxEpochs=60, MiniBatchSize=100, InitialLearnRate=0.1, Verbose=False,
                              ValidationData=(STAMPS[:, None], Y))
    net, info = trainNetwork(STAMPS[:, None], Y, layers, options, nargout=2)
    assert np.mean(np.array(classify(net, STAMPS[:, None]).tolist()) == Y) > 0.99
    assert info.FinalValidationAccuracy > 99


def test_a_function_of_the_data_sees_the_digits():
    net = assembleNetwork([featureInputLayer(1, Normalization=lambda X: X - 1.7e9),
                           fullyConnectedLayer(1, Weights=1, Bias=0), reluLayer, regressionLayer])
    np.testing.assert_array_equal(predict(net, STAMPS[:, None])[:, 0], np.arange(300))


def test_single_precision_data_enter_as_before():
    """They, and integers that single precision holds, take no more memory than they need."""
    net = network(STAMPS[:, None], "zscore")
    model = Model(net, draw=False)
    entering = {dtype: model.types([np.dtype(dtype)])[0] for dtype in ("f4", "f2", "u1", "i2", "?", "f8", "i4")}
    assert [name for name, dtype in entering.items() if dtype == np.float64] == ["f8", "i4"]


def test_whole_numbers_of_a_statistic_keep_their_digits():
    assert featureInputLayer(1, Normalization="zerocenter", Mean=1_700_000_001).Mean == 1_700_000_001
    assert featureInputLayer(1, Normalization="zerocenter", Mean=7).Mean.dtype == np.float32
