"""The networks of the Visual Geometry Group: VGG-16 and VGG-19.

Layers, names and sizes are MATLAB's. There, the trained networks exempt their weights from L2 decay; here they decay, as in
the paper.
"""

from __future__ import annotations

from collections.abc import Sequence

from dltoolbox.architectures.blocks import classifier, connected
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.pooling import MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph

FILTERS = (64, 128, 256, 512, 512)  # of the convolutions in each of the five blocks
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # how many there are in each


def vgg(convolutions: Sequence[int]) -> LayerGraph:
    """A VGG network with so many convolutions in each of the five blocks."""
    layers: list[Layer] = [ImageInputLayer([224, 224, 3], Name="input")]
    for block, (filters, count) in enumerate(zip(FILTERS, convolutions, strict=True), 1):
        for i in range(1, count + 1):
            layers += [Convolution2DLayer(3, filters, Padding=1, Name=f"conv{block}_{i}"),
                       ReLULayer(Name=f"relu{block}_{i}")]
        layers.append(MaxPooling2DLayer(2, Stride=2, Name=f"pool{block}"))
    return layerGraph([layers, connected(6), connected(7), classifier("fc8", "prob", "output")])


@architecture
def vgg16() -> LayerGraph:
    """VGG-16 for 224×224×3 images: 41 layers in sequence, 138,357,544 learnables.

    Example:
        >>> vgg16('Weights', 'none')
        <LayerGraph of 41 layers and 40 connections>

    Source:
        Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2014),
        configuration D; MathWorks documentation of vgg16.
    """
    return vgg(CONVOLUTIONS["vgg16"])


@architecture
def vgg19() -> LayerGraph:
    """VGG-19 for 224×224×3 images: 47 layers in sequence, 143,667,240 learnables.

    Example:
        >>> vgg19(Weights='none').Layers[37].Name
        'pool5'

    Source:
        Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition" (2014),
        configuration E; MathWorks documentation of vgg19.
    """
    return vgg(CONVOLUTIONS["vgg19"])
