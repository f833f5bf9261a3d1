"""DarkNet-19 and DarkNet-53, the networks behind the detectors YOLO 2 and 3, as image classifiers.

Names, sizes and paddings are those of MATLAB's networks. The convolutions before batch normalisation have no bias, as in
the published ones, where MATLAB's learn one that has no effect; the last has one.

Source: Redmon and Farhadi, "YOLO9000: better, faster, stronger" (2017), table 6; "YOLOv3: an incremental improvement"
(2018), table 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import IMAGENET_CLASSES, conv_without_bias, probabilities, rescaled_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import LeakyReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph

STAGES_19 = ((32,), (64,), (128, 64, 128), (256, 128, 256), (512, 256, 512, 256, 512), (1024, 512, 1024, 512, 1024))
STAGES_53 = ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4))  # filters, and number of residual blocks


def data() -> Layer:
    """Images of 256×256 pixels, rescaled to [0, 1]."""
    return rescaled_images(256, "input", "rescale-zero-one")


def conv_norm_leaky_relu(numbers: Iterator[int], relu: str, size: int, filters: int, **options: object) -> list[Layer]:
    """A convolution, batch normalisation and a leaky ReLU, all of the next number."""
    number = next(numbers)
    return [conv_without_bias(size, filters, f"conv{number}", **{"Padding": "same"} | options),
            BatchNormalizationLayer(Name=f"batchnorm{number}"), LeakyReLULayer(0.1, Name=f"{relu}{number}")]


@architecture
def darknet19() -> LayerGraph:
    """DarkNet-19 for 256×256×3 images: 64 layers, 63 connections, 20.8 million learnables.

    Example:
        >>> darknet19('Weights', 'none')
        <LayerGraph of 64 layers and 63 connections>

    Source:
        Redmon and Farhadi, "YOLO9000: better, faster, stronger" (2017), table 6; MathWorks documentation of darknet19.
    """
    numbers = count(1)
    layers: list[Any] = [data()]
    for stage, widths in enumerate(STAGES_19, 1):
        layers += [conv_norm_leaky_relu(numbers, "leaky", 1 if i % 2 else 3, filters) for i, filters in enumerate(widths)]
        layers.append(MaxPooling2DLayer(2, Stride=2, Name=f"pool{stage}"))
    return layerGraph([*layers[:-1], Convolution2DLayer(1, IMAGENET_CLASSES, Padding="same", Name=f"conv{next(numbers)}"),
                       GlobalAveragePooling2DLayer(Name="avg1"), *probabilities("softmax", "output")])


@architecture
def darknet53() -> LayerGraph:
    """DarkNet-53 for 256×256×3 images: 184 layers, 206 connections, 41.6 million learnables.

    Example:
        >>> darknet53('Weights', 'none')
        <LayerGraph of 184 layers and 206 connections>

    Source:
        Redmon and Farhadi, "YOLOv3: an incremental improvement" (2018), table 1; MathWorks documentation of darknet53.
    """
    a, numbers, sums = Assembly(), count(1), count(1)
    leaky = partial(conv_norm_leaky_relu, numbers, "leakyrelu")
    at = a.chain([data(), *leaky(3, 32)])
    for filters, blocks in STAGES_53:
        at = a.chain(leaky(3, filters, Stride=2, Padding=[1, 0, 1, 0]), after=at)
        for _ in range(blocks):
            main = a.chain([*leaky(1, filters // 2), *leaky(3, filters)], after=at)
            at = a.join(AdditionLayer(2, Name=f"res{next(sums)}"), [main, at])
    a.chain([GlobalAveragePooling2DLayer(Name="avg1"),
             Convolution2DLayer(1, IMAGENET_CLASSES, Padding="same", Name=f"conv{next(numbers)}"),
             *probabilities("softmax", "output")], after=at)
    return a.graph()

