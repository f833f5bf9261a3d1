"""DenseNet-201, with the names and sizes that it has in Keras and MATLAB.

As in MATLAB, and unlike the paper and PyTorch, no ReLU stands between the last batch normalisation and the pooling.
"""

from __future__ import annotations

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, conv_without_bias, standardised_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import DepthConcatenationLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import AveragePooling2DLayer, GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

BLOCKS = {2: 6, 3: 12, 4: 48, 5: 32}  # dense layers of each block; the blocks are called conv2 to conv5
GROWTH = 32  # channels that a dense layer adds
BOTTLENECK_CHANNELS = 4 * GROWTH  # channels within a dense layer


def norm_relu(name: str) -> list[Layer]:
    return [BatchNormalizationLayer(Name=f"{name}_bn"), ReLULayer(Name=f"{name}_relu")]


def dense_layer(a: Assembly, source: str, name: str) -> str:
    """A bottleneck and a 3×3 convolution, joined to what they read."""
    new = a.chain([*norm_relu(f"{name}_0"), conv_without_bias(1, BOTTLENECK_CHANNELS, f"{name}_1_conv"),
                   *norm_relu(f"{name}_1"), conv_without_bias(3, GROWTH, f"{name}_2_conv", Padding="same")], after=source)
    return a.join(DepthConcatenationLayer(2, Name=f"{name}_concat"), [source, new])


def transition(name: str, filters: int) -> list[Layer]:
    """Between two blocks: half of the channels, a quarter of the pixels."""
    return [*norm_relu(name), conv_without_bias(1, filters, f"{name}_conv"),
            AveragePooling2DLayer(2, Stride=2, Name=f"{name}_pool")]


@architecture
def densenet201() -> LayerGraph:
    """DenseNet-201 for 224×224×3 images: 708 layers, 805 connections, 20,013,928 learnables that train.

    The input is standardised by mean and deviation of ImageNet.

    Example:
        >>> densenet201(Weights='none')
        <LayerGraph of 708 layers and 805 connections>

    Source:
        Huang, Liu, van der Maaten and Weinberger, "Densely connected convolutional networks" (2016), table 1; MathWorks
        documentation of densenet201.
    """
    a = Assembly()
    channels = 64
    at = a.chain([standardised_images("input_1"),
                  conv_without_bias(7, channels, "conv1|conv", Stride=2, Padding=3),
                  BatchNormalizationLayer(Name="conv1|bn"), ReLULayer(Name="conv1|relu"),
                  MaxPooling2DLayer(3, Stride=2, Padding=1, Name="pool1")])
    for block, count in BLOCKS.items():
        for i in range(1, count + 1):
            at = dense_layer(a, at, f"conv{block}_block{i}")
        channels += count * GROWTH
        if block < max(BLOCKS):
            channels //= 2
            at = a.chain(transition(f"pool{block}", channels), after=at)
    a.chain([BatchNormalizationLayer(Name="bn"), GlobalAveragePooling2DLayer(Name="avg_pool"),
             *classifier("fc1000", "fc1000_softmax", "ClassificationLayer_fc1000")], after=at)
    return a.graph()
