"""MobileNet-v2: inverted residuals, narrow between wide depth-wise convolutions.

Names, sizes, paddings and Epsilon are those of MATLAB's network, which are those of Keras; its convolutions learn biases
that batch normalisation takes away again, and have none here, as the published ones.

Source: Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: inverted residuals and linear bottlenecks" (2018), table 2.
"""

from __future__ import annotations

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, conv_without_bias, depthwise_without_bias, standardised_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ClippedReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

# Blocks with expansion: channels, number of blocks, stride of the first.
INVERTED_RESIDUALS = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
EXPANSION = 6


def conv_norm(conv: Layer, norm: str) -> list[Layer]:
    """A convolution and its batch normalisation."""
    return [conv, BatchNormalizationLayer(Epsilon=0.001, Name=norm)]


def activated(conv: Layer, norm: str, relu: str) -> list[Layer]:
    """A convolution, batch normalisation, and a ReLU that ends at 6."""
    return [*conv_norm(conv, norm), ClippedReLULayer(6, Name=relu)]


def narrowing(name: str, channels: int, out: int, stride: int = 1) -> list[Layer]:
    """The second half of a block: depth-wise, and projected without an activation."""
    depthwise = depthwise_without_bias(3, channels, f"{name}_depthwise", Stride=stride, Padding="same")
    project = conv_without_bias(1, out, f"{name}_project", Padding="same")
    return [*activated(depthwise, f"{name}_depthwise_BN", f"{name}_depthwise_relu"),
            *conv_norm(project, f"{name}_project_BN")]


@architecture
def mobilenetv2() -> LayerGraph:
    """MobileNet-v2 for 224×224×3 images: 154 layers, 163 connections, 3.5 million learnables.

    The input is standardised by mean and deviation of ImageNet.

    Example:
        >>> mobilenetv2('Weights', 'none')
        <LayerGraph of 154 layers and 163 connections>

    Source:
        Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks" (2018); MathWorks documentation of
        mobilenetv2.
    """
    a = Assembly()
    first = conv_without_bias(3, 32, "Conv1", Stride=2, Padding="same")
    at = a.chain([standardised_images("input_1"), *activated(first, "bn_Conv1", "Conv1_relu"),
                  *narrowing("expanded_conv", 32, 16)])
    channels, number = 16, 0
    for out, blocks, stride in INVERTED_RESIDUALS:
        for i in range(blocks):
            number += 1
            name, wide = f"block_{number}", EXPANSION * channels
            expand = conv_without_bias(1, wide, f"{name}_expand", Padding="same")
            end = a.chain([*activated(expand, f"{name}_expand_BN", f"{name}_expand_relu"),
                           *narrowing(name, wide, out, 1 if i else stride)], after=at)
            at = a.join(AdditionLayer(2, Name=f"{name}_add"), [end, at]) if i else end
            channels = out
    a.chain([*activated(conv_without_bias(1, 1280, "Conv_1"), "Conv_1_bn", "out_relu"),
             GlobalAveragePooling2DLayer(Name="global_average_pooling2d_1"),
             *classifier("Logits", "Logits_softmax", "ClassificationLayer_Logits")], after=at)
    return a.graph()
