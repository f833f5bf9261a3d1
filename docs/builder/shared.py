"""Trained networks that several pages need, trained once while the site is built."""

from __future__ import annotations

from functools import cache
from typing import Any

from dltoolbox import (
    batchNormalizationLayer,
    classificationLayer,
    convolution2dLayer,
    digitTrain4DArrayData,
    fullyConnectedLayer,
    imageInputLayer,
    layerArray,
    maxPooling2dLayer,
    reluLayer,
    rng,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)


def digits_layers() -> Any:
    """A small network for the digits."""
    return layerArray([
        imageInputLayer([28, 28, 1]),
        convolution2dLayer(3, 8, Padding="same", Name="conv_1"), batchNormalizationLayer(Name="norm_1"), reluLayer,
        maxPooling2dLayer(2, Stride=2),
        convolution2dLayer(3, 16, Padding="same", Name="conv_2"), batchNormalizationLayer(Name="norm_2"), reluLayer,
        maxPooling2dLayer(2, Stride=2),
        fullyConnectedLayer(10, Name="fc"), softmaxLayer, classificationLayer(Name="classes")])


@cache
def digits_network() -> Any:
    """The network, trained for three epochs."""
    rng(0)
    images, labels = digitTrain4DArrayData(nargout=2)
    return trainNetwork(images, labels, digits_layers(), trainingOptions("adam", MaxEpochs=3, Verbose=False))
