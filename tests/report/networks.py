"""Networks whose pages are looked at: usual, broken, odd and large ones."""

import numpy as np

from dltoolbox import (
    additionLayer,
    addLayers,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    disconnectLayers,
    flattenLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    lstmLayer,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    regressionLayer,
    reluLayer,
    sequenceFoldingLayer,
    sequenceInputLayer,
    sequenceUnfoldingLayer,
    softmaxLayer,
)

NASTY = "</script><img src=x onerror=alert(1)>&\"'"


def digits():
    return [imageInputLayer([28, 28, 1]),
            convolution2dLayer(3, 8, Padding=1), batchNormalizationLayer, reluLayer, maxPooling2dLayer(2, Stride=2),
            convolution2dLayer(3, 16, Padding=1), batchNormalizationLayer, reluLayer, maxPooling2dLayer(2, Stride=2),
            fullyConnectedLayer(10), softmaxLayer, classificationLayer]


def unpooling():
    lgraph = layerGraph([
        imageInputLayer([16, 16, 1], Name="images"), maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
        convolution2dLayer(3, 1, Padding="same", Name="conv"), maxUnpooling2dLayer(Name="unpool"),
        convolution2dLayer(1, 2, Name="scores"), softmaxLayer, pixelClassificationLayer])
    return connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")


def films():
    lgraph = layerGraph([
        sequenceInputLayer([8, 8, 1], Name="films"), sequenceFoldingLayer(Name="fold"),
        convolution2dLayer(3, 4, Name="conv"),
        sequenceUnfoldingLayer(Name="unfold"), flattenLayer(Name="flatten"), lstmLayer(5, OutputMode="last", Name="lstm"),
        fullyConnectedLayer(2), softmaxLayer, classificationLayer])
    return connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize")


def broken():
    """A sum of unlike sizes, a layer that nothing feeds, and a cycle."""
    lgraph = layerGraph([imageInputLayer([28, 28, 1], Name="images"), convolution2dLayer(3, 8, Name="conv"),
                         additionLayer(2, Name="sum"), fullyConnectedLayer(2, Name="fc"), softmaxLayer, classificationLayer])
    lgraph = connectLayers(lgraph, "images", "sum/in2")
    lgraph = addLayers(lgraph, [reluLayer(Name="lost"), additionLayer(2, Name="loop"), reluLayer(Name="back")])
    return connectLayers(lgraph, "back", "loop/in2")


def nasty():
    return [imageInputLayer([8, 8, 1], Name=NASTY), fullyConnectedLayer(2, Name="a <b> & c"),
            softmaxLayer(Name="half \ud800"), classificationLayer]


def pieces():
    return disconnectLayers(unpooling(), "conv", "unpool/in")


def trained():
    weights = np.random.default_rng(0).normal(size=(2, 64)) ** 3
    return [imageInputLayer([8, 8, 1]), fullyConnectedLayer(2, Name="fc", Weights=weights, Bias=[0, 0]), regressionLayer]


def long_chain():
    return [imageInputLayer([32, 32, 8]), [reluLayer] * 998, regressionLayer]


NETWORKS = {one.__name__: one for one in (digits, unpooling, films, broken, nasty, pieces, trained, long_chain)} | {
    "empty": list, "one": lambda: [reluLayer], "nothing right": lambda: [7, "x", convolution2dLayer]}
