"""SqueezeNet version 1.1, with MATLAB's names and sizes."""

from __future__ import annotations

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import IMAGENET_CLASSES, probabilities
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import DropoutLayer, ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import DepthConcatenationLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
POOLED_FIRES = (3, 5)  # fire modules that max pooling follows


def fire(a: Assembly, source: str, number: int) -> str:
    """1×1 convolutions squeeze; 1×1 and 3×3 convolutions expand side by side, and their outputs are joined."""
    name = f"fire{number}-"
    squeezed, expanded = FIRES[number]

    def convolution(what: str, size: int, filters: int, padding: int = 0) -> list[Layer]:
        return [Convolution2DLayer(size, filters, Padding=padding, Name=name + what), ReLULayer(Name=f"{name}relu_{what}")]

    squeeze = a.chain(convolution("squeeze1x1", 1, squeezed), after=source)
    return a.join(DepthConcatenationLayer(2, Name=f"{name}concat"), [
        a.chain(convolution("expand1x1", 1, expanded), after=squeeze),
        a.chain(convolution("expand3x3", 3, expanded, 1), after=squeeze)])


@architecture
def squeezenet() -> LayerGraph:
    """SqueezeNet for 227×227×3 images: 68 layers, 75 connections, 1,235,496 learnables.

    Example:
        >>> squeezenet(Weights='none')
        <LayerGraph of 68 layers and 75 connections>

    Source:
        Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size" (2016), and the
        version 1.1 that its authors published; MathWorks documentation of squeezenet.
    """
    a = Assembly()
    at = a.chain([ImageInputLayer([227, 227, 3], Name="data"), Convolution2DLayer(3, 64, Stride=2, Name="conv1"),
                  ReLULayer(Name="relu_conv1"), MaxPooling2DLayer(3, Stride=2, Name="pool1")])
    for number in FIRES:
        at = fire(a, at, number)
        if number in POOLED_FIRES:
            at = a.chain(MaxPooling2DLayer(3, Stride=2, Padding=[0, 1, 0, 1], Name=f"pool{number}"), after=at)
    a.chain([DropoutLayer(0.5, Name="drop9"), Convolution2DLayer(1, IMAGENET_CLASSES, Name="conv10"),
             ReLULayer(Name="relu_conv10"), GlobalAveragePooling2DLayer(Name="pool10"),
             *probabilities("prob", "ClassificationLayer_predictions")], after=at)
    return a.graph()
