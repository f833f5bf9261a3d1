"""Xception, with the names and sizes that it has in Keras and MATLAB: a separable convolution is two layers.

Chosen is the order of the layers: a shortcut with a projection comes after the branch that it is added to.
"""

from __future__ import annotations

from itertools import pairwise

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, conv_without_bias, depthwise_without_bias, rescaled_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

ENTRY = (64, 128, 256, 728)  # channels that enter blocks 2, 3 and 4, and that leave the last one
MIDDLE_CHANNELS = ENTRY[-1]
MIDDLE = range(5, 13)  # blocks that keep the size


def named_batch_norm(name: str) -> Layer:
    return BatchNormalizationLayer(Epsilon=0.001, Name=name)


def convolution(name: str, filters: int, stride: int) -> list[Layer]:
    """A 3×3 convolution without padding, its normalisation and ReLU."""
    return [conv_without_bias(3, filters, name, Stride=stride), named_batch_norm(f"{name}_bn"),
            ReLULayer(Name=f"{name}_act")]


def separable(name: str, channels: int, filters: int) -> list[Layer]:
    """A 3×3 convolution of each channel, a 1×1 convolution of them all, normalisation."""
    return [depthwise_without_bias(3, channels, f"{name}_channel-wise", Padding="same"),
            conv_without_bias(1, filters, f"{name}_point-wise"), named_batch_norm(f"{name}_bn")]


def halving(a: Assembly, source: str, block: int, shortcut: int, total: int, widths: tuple[int, int, int]) -> str:
    """Two separable convolutions and a pooling, beside a projection; ``shortcut`` and ``total`` number its layers."""
    first, second = f"block{block}_sepconv1", f"block{block}_sepconv2"
    act = [ReLULayer(Name=f"{first}_act")] if block > 2 else []
    main = a.chain([*act, *separable(first, *widths[:2]), ReLULayer(Name=f"{second}_act"), *separable(second, *widths[1:]),
                    MaxPooling2DLayer(3, Stride=2, Padding="same", Name=f"block{block}_pool")], after=source)
    side = a.chain([conv_without_bias(1, widths[-1], f"conv2d_{shortcut}", Stride=2, Padding="same"),
                    named_batch_norm(f"batch_normalization_{shortcut}")], after=source)
    return a.join(AdditionLayer(2, Name=f"add_{total}"), [main, side])


def middle(a: Assembly, source: str, block: int) -> str:
    """Three separable convolutions, added to what they read."""
    at = source
    for i in (1, 2, 3):
        name = f"block{block}_sepconv{i}"
        at = a.chain([ReLULayer(Name=f"{name}_act"), *separable(name, MIDDLE_CHANNELS, MIDDLE_CHANNELS)], after=at)
    return a.join(AdditionLayer(2, Name=f"add_{block - 1}"), [at, source])


@architecture
def xception() -> LayerGraph:
    """Xception for 299×299×3 images: 170 layers, 181 connections, 22,855,952 learnables that train.

    The input is rescaled from [0, 255] to [-1, 1].

    Example:
        >>> xception(Weights='none')
        <LayerGraph of 170 layers and 181 connections>

    Source:
        Chollet, "Xception: deep learning with depthwise separable convolutions" (2016), figure 5; MathWorks documentation
        of xception; sizes from Keras.
    """
    a = Assembly()
    at = a.chain([rescaled_images(299, "input_1"), *convolution("block1_conv1", 32, 2), *convolution("block1_conv2", 64, 1)])
    for i, (channels, filters) in enumerate(pairwise(ENTRY), 1):
        at = halving(a, at, i + 1, i, i, (channels, filters, filters))
    for block in MIDDLE:
        at = middle(a, at, block)
    at = halving(a, at, 13, 4, 12, (MIDDLE_CHANNELS, MIDDLE_CHANNELS, 1024))
    for i, (channels, filters) in enumerate([(1024, 1536), (1536, 2048)], 1):
        name = f"block14_sepconv{i}"
        at = a.chain([*separable(name, channels, filters), ReLULayer(Name=f"{name}_act")], after=at)
    a.chain([GlobalAveragePooling2DLayer(Name="avg_pool"),
             *classifier("predictions", "predictions_softmax", "ClassificationLayer_predictions")], after=at)
    return a.graph()
