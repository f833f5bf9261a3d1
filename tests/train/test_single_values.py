"""Normalisation of single values: nothing is learned, so it is said; and classifying images of other sizes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from dltoolbox import (
    analyzeNetwork,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    classify,
    convolution2dLayer,
    featureInputLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    groupNormalizationLayer,
    imageInputLayer,
    instanceNormalizationLayer,
    layerNormalizationLayer,
    regressionLayer,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)

IMAGES = [imageInputLayer([4, 4, 3], Normalization="none"), globalAveragePooling2dLayer]
FEATURES = [featureInputLayer(6), fullyConnectedLayer(4)]
ALONE = {
    "instance": [*IMAGES, instanceNormalizationLayer(Name="norm")],
    "channel-wise": [*IMAGES, groupNormalizationLayer("channel-wise", Name="norm")],
    "as many groups": [*FEATURES, groupNormalizationLayer(4, Name="norm")],
    "one channel": [featureInputLayer(6), fullyConnectedLayer(1), layerNormalizationLayer(Name="norm")],
    "channel only": [imageInputLayer([4, 4, 3]), convolution2dLayer(3, 1),
                     layerNormalizationLayer(OperationDimension="channel-only", Name="norm")],
}
TOGETHER = {
    "maps": [imageInputLayer([4, 4, 3]), instanceNormalizationLayer(Name="norm")],
    "two channels": [*FEATURES, groupNormalizationLayer(2, Name="norm")],
    "layer": [*FEATURES, layerNormalizationLayer(Name="norm")],
    "batch": [*FEATURES, batchNormalizationLayer(Name="norm")],
}


def issues(layers):
    return [(one.severity, one.layer, one.identifier.rpartition(":")[2])
            for one in analyzeNetwork([*layers, fullyConnectedLayer(1), regressionLayer]).Issues]


@pytest.mark.parametrize("layers", ALONE.values(), ids=ALONE)
def test_analysis_warns_where_it_is_certain(layers):
    assert issues(layers) == [("warning", "norm", "oneValue")]


@pytest.mark.parametrize("layers", TOGETHER.values(), ids=TOGETHER)
def test_analysis_is_silent_elsewhere(layers):
    assert issues(layers) == []


def train(layers, batch, observations=12):
    X = np.random.default_rng(0).standard_normal((observations, 6) if layers[0].factory == "featureInputLayer"
                                                 else (4, 4, 3, observations))
    return trainNetwork(X, np.zeros(observations), [*layers, fullyConnectedLayer(1), regressionLayer],
                        trainingOptions("sgdm", MaxEpochs=3, MiniBatchSize=batch, Verbose=False))


@pytest.mark.parametrize(("layers", "batch", "observations"), [
    (TOGETHER["batch"], 1, 12), (TOGETHER["batch"], 128, 1), (ALONE["instance"], 4, 12), (ALONE["as many groups"], 4, 12)])
def test_training_warns_once(layers, batch, observations):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(layers, batch, observations)
    assert ["oneValue" in str(one.message) and "'norm'" in str(one.message) for one in caught] == [True]


def test_larger_mini_batches_help():
    """What the warning advises; the last observation, which no mini-batch holds, is one of the statistics'."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(TOGETHER["batch"], 11)
        train([imageInputLayer([4, 4, 3]), batchNormalizationLayer(Name="norm")], 1)


def test_classifying_images_of_another_size_is_said_once():
    random = np.random.default_rng(0)
    net = assembleNetwork([imageInputLayer([8, 8, 3], Normalization="none"), convolution2dLayer(
        3, 2, Weights=random.standard_normal((3, 3, 3, 2)), Bias=np.zeros((1, 1, 2))), globalAveragePooling2dLayer,
        softmaxLayer, classificationLayer(Classes=["a", "b"])])
    X = random.standard_normal((12, 12, 3, 5))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classify(net, X[:8, :8])
        assert not caught
        for size in (12, 10, 12):
            classify(net, X[:size, :size])
    assert len(caught) == 1
    assert "takes 8×8×3 and got 12×12×3" in str(caught[0].message)
    assert "classify:otherSize" in str(caught[0].message)
