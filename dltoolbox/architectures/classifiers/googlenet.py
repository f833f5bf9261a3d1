"""GoogLeNet without its auxiliary classifiers, with MATLAB's names and sizes; biases learn twice as fast."""

from __future__ import annotations

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import FAST_BIAS, classifier
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import DropoutLayer, ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import DepthConcatenationLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.normalisation import CrossChannelNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

# Filters of each module: 1×1; 3×3 and the 1×1 before it; 5×5 and the 1×1 before it; 1×1 after the pooling.
INCEPTION_MODULES = {
    "3a": (64, (96, 128), (16, 32), 32),
    "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64),
    "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64),
    "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128),
    "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}
POOLS_AFTER = {"3b": "pool3-3x3_s2", "4e": "pool4-3x3_s2"}  # what follows the last module of a stage


def conv_relu(part: str, what: str, size: int, filters: int, *, stride: int = 1, relu: str = "") -> list[Layer]:
    """A convolution that keeps the size, but for its stride, and a ReLU; both are named after their part of the network."""
    return [Convolution2DLayer(size, filters, Stride=stride, Padding=size // 2, **FAST_BIAS, Name=f"{part}-{what}"),
            ReLULayer(Name=f"{part}-relu_{relu or what}")]


def halved(name: str) -> Layer:
    return MaxPooling2DLayer(3, Stride=2, Padding=[0, 1, 0, 1], Name=name)


def named_norm(name: str) -> Layer:
    return CrossChannelNormalizationLayer(5, K=1, Name=name)


def inception(a: Assembly, source: str, number: str) -> str:
    """Four branches side by side, joined."""
    name = f"inception_{number}"
    single, three, five, projected = INCEPTION_MODULES[number]
    return a.join(DepthConcatenationLayer(4, Name=f"{name}-output"), [
        a.chain(conv_relu(name, "1x1", 1, single), after=source),
        a.chain([conv_relu(name, "3x3_reduce", 1, three[0]), conv_relu(name, "3x3", 3, three[1])], after=source),
        a.chain([conv_relu(name, "5x5_reduce", 1, five[0]), conv_relu(name, "5x5", 5, five[1])], after=source),
        a.chain([MaxPooling2DLayer(3, Padding=1, Name=f"{name}-pool"), conv_relu(name, "pool_proj", 1, projected)],
                after=source)])


@architecture
def googlenet() -> LayerGraph:
    """GoogLeNet for 224×224×3 images: 144 layers, 170 connections, 6,998,552 learnables.

    PyTorch's GoogLeNet, with 6,624,904 learnables, has batch normalisation in place of biases, and 3×3 in place of 5×5
    convolutions.

    Example:
        >>> googlenet(Weights='none')
        <LayerGraph of 144 layers and 170 connections>

    Source:
        Szegedy et al., "Going deeper with convolutions" (2014), table 1; MathWorks documentation of googlenet.
    """
    a = Assembly()
    at = a.chain([ImageInputLayer([224, 224, 3], Name="data"),
                  conv_relu("conv1", "7x7_s2", 7, 64, stride=2, relu="7x7"), halved("pool1-3x3_s2"),
                  named_norm("pool1-norm1"), conv_relu("conv2", "3x3_reduce", 1, 64), conv_relu("conv2", "3x3", 3, 192),
                  named_norm("conv2-norm2"), halved("pool2-3x3_s2")])
    for number in INCEPTION_MODULES:
        at = inception(a, at, number)
        if number in POOLS_AFTER:
            at = a.chain(halved(POOLS_AFTER[number]), after=at)
    a.chain([GlobalAveragePooling2DLayer(Name="pool5-7x7_s1"), DropoutLayer(0.4, Name="pool5-drop_7x7_s1"),
             classifier("loss3-classifier", "prob", "output", **FAST_BIAS)], after=at)
    return a.graph()
