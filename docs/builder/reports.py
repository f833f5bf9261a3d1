"""The reports that the site shows: pages of `analyzeNetwork`, made when the site is built."""

from __future__ import annotations

from dltoolbox import (
    additionLayer,
    analyzeNetwork,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    reluLayer,
    resnet18,
    segnetLayers,
    softmaxLayer,
    unetLayers,
)
from dltoolbox.report.document import document
from dltoolbox.report.html import render


def convolution(filters: int) -> list[object]:
    return [convolution2dLayer(3, filters, Padding="same"), batchNormalizationLayer, reluLayer]


def digits() -> object:
    """The network of the home page."""
    return [imageInputLayer([28, 28, 1]), convolution(8), maxPooling2dLayer(2, Stride=2), convolution(16),
            maxPooling2dLayer(2, Stride=2), convolution(32), fullyConnectedLayer(10), softmaxLayer, classificationLayer]


def broken() -> object:
    """A network with one mistake of each common kind."""
    lgraph = layerGraph([
        imageInputLayer([32, 32, 3], Name="image"),
        convolution2dLayer(3, 16, Name="conv_1"), reluLayer(Name="relu_1"),
        maxPooling2dLayer(2, Stride=2, Name="pool"),
        convolution2dLayer(3, 16, NumChannels=3, Padding="same", Name="conv_2"),
        maxUnpooling2dLayer(Name="unpool"),
        additionLayer(2, Name="add"),
        softmaxLayer(Name="softmax"), pixelClassificationLayer(Name="pixels")])
    return connectLayers(lgraph, "image", "add/in2")


NETWORKS = {
    "digits": digits,
    "segnet": lambda: segnetLayers([64, 64, 3], 4, 3),
    "unet": lambda: unetLayers([256, 256, 3], 4),
    "resnet18": lambda: resnet18(Weights="none"),
    "broken": broken,
}


def pages() -> dict[str, str]:
    """All reports, by path."""
    return {f"reports/{name}.html": render(document(analyzeNetwork(make(), nargout=1)))
            for name, make in NETWORKS.items()}
