"""What many architectures are built of: convolutions without a bias, and the ends that turn features into classes."""

from __future__ import annotations

from typing import Any

from dltoolbox.layers.activation import SoftmaxLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.convolution import Convolution2DLayer, FullyConnectedLayer
from dltoolbox.layers.outputs import ClassificationOutputLayer

CLASSES = 1000  # of ImageNet


def conv_without_bias(size: Any, filters: int, name: str, **options: Any) -> Layer:
    """A convolution whose bias stays zero, as published ones have none where batch normalisation follows.

    Layers of this kind always have a bias, as in MATLAB. It starts at zero and does not learn, so the network computes
    and trains the published function; its values count as learnables all the same.
    """
    return Convolution2DLayer(size, filters, BiasInitializer="zeros", BiasLearnRateFactor=0, Name=name, **options)


def classifier(fully_connected: str, softmax: str, output: str) -> list[Layer]:
    """The usual end, by the names of its layers: scores of the classes of ImageNet, probabilities, loss."""
    return [FullyConnectedLayer(CLASSES, Name=fully_connected), *probabilities(softmax, output)]


def probabilities(softmax: str, output: str) -> list[Layer]:
    """Softmax and the classification output, by their names."""
    return [SoftmaxLayer(Name=softmax), ClassificationOutputLayer(Name=output)]
