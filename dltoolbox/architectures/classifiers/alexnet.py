"""AlexNet as its authors trained it on two processors, with MATLAB's names and sizes; biases learn twice as fast."""

from __future__ import annotations

from dltoolbox.architectures.blocks import FAST_BIAS, classifier, connected
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.convolution import Convolution2DLayer, GroupedConvolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.normalisation import CrossChannelNormalizationLayer
from dltoolbox.layers.pooling import MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph


def grouped_conv_relu(i: int, size: int, filters: int, groups: int = 1, **options: object) -> list[Layer]:
    """Convolution i, with so many filters in each group, and its ReLU."""
    settings = {**FAST_BIAS, **options, "Name": f"conv{i}"}
    conv = (GroupedConvolution2DLayer(size, filters, groups, **settings) if groups > 1
            else Convolution2DLayer(size, filters, **settings))
    return [conv, ReLULayer(Name=f"relu{i}")]


def numbered_norm(i: int) -> Layer:
    return CrossChannelNormalizationLayer(5, K=1, Name=f"norm{i}")


def max_pooling(i: int) -> Layer:
    return MaxPooling2DLayer(3, Stride=2, Name=f"pool{i}")


@architecture
def alexnet() -> LayerGraph:
    """AlexNet for 227×227×3 images: 25 layers in sequence, 60,965,224 learnables.

    PyTorch's AlexNet is the later variant without groups, with 61,100,840 learnables.

    Example:
        >>> alexnet('Weights', 'none')
        <LayerGraph of 25 layers and 24 connections>

    Source:
        Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (2012);
        MathWorks documentation of alexnet.
    """
    return layerGraph([
        ImageInputLayer([227, 227, 3], Name="data"),
        grouped_conv_relu(1, 11, 96, Stride=4), numbered_norm(1), max_pooling(1),
        grouped_conv_relu(2, 5, 128, 2, Padding=2), numbered_norm(2), max_pooling(2),
        grouped_conv_relu(3, 3, 384, Padding=1),
        grouped_conv_relu(4, 3, 192, 2, Padding=1),
        grouped_conv_relu(5, 3, 128, 2, Padding=1), max_pooling(5),
        connected(6, **FAST_BIAS), connected(7, **FAST_BIAS), classifier("fc8", "prob", "output", **FAST_BIAS)])
