"""EfficientNet-B0: inverted residuals whose channels are weighed by a small network (squeeze and excitation).

Names, sizes, paddings and Epsilon are those of MATLAB's network, which came from TensorFlow by way of ONNX: swish is a
sigmoid layer and a multiplication, and the convolutions of squeeze and excitation are called Conv__301 to Conv__442.
Chosen are the order of the layers, that of execution; 'zscore' for the input; and that convolutions before batch
normalisation have no bias, as in the published network, where MATLAB's learn one that has no effect.

Source: Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (2019), table 1.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import (
    IMAGENET_CLASSES,
    conv_without_bias,
    depthwise_without_bias,
    probabilities,
    standardised_images,
)
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import SigmoidLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer, MultiplicationLayer
from dltoolbox.layers.convolution import Convolution2DLayer, FullyConnectedLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

MODEL = "efficientnet-b0|model"
SQUEEZE = 4  # a block's input channels per channel of its squeezed description


class BlockStage(NamedTuple):
    """Blocks of one size; only the first has the stride."""

    expansion: int
    size: int
    stride: int
    channels: int
    blocks: int


STAGES = (BlockStage(1, 3, 1, 16, 1), BlockStage(6, 3, 2, 24, 2), BlockStage(6, 5, 2, 40, 2), BlockStage(6, 3, 2, 80, 3),
          BlockStage(6, 5, 1, 112, 3), BlockStage(6, 5, 2, 192, 4), BlockStage(6, 3, 1, 320, 1))


class PartNames:
    """Names of one part as TensorFlow gives them: the second layer of a kind has ``_1``, the third ``_2``."""

    def __init__(self, part: str) -> None:
        self.part, self.used = part, Counter[str]()

    def __call__(self, kind: str, op: str = "") -> str:
        number, self.used[kind] = self.used[kind], self.used[kind] + 1
        return f"{MODEL}|{self.part}|{kind}{f'_{number}' if number else ''}{op}"

    def norm(self) -> Layer:
        """The next batch normalisation."""
        return BatchNormalizationLayer(Epsilon=0.001, Name=self("tpu_batch_normalization", "|FusedBatchNorm"))

    def conv(self, filters: int) -> list[Layer]:
        """The next 1×1 convolution with its normalisation."""
        return [conv_without_bias(1, filters, self("conv2d", "|Conv2D")), self.norm()]


def same(size: int, stride: int) -> dict[str, Any]:
    """Stride and padding [t b l r] of a window on an even image, of which every stride leaves a part of equal size."""
    before = (size - stride) // 2
    return {"Stride": stride, "Padding": [before, size - stride - before] * 2}


def with_swish(a: Assembly, names: PartNames, layers: list[Layer], after: str = "") -> str:
    """Layers, and their output times its sigmoid."""
    at = a.chain(layers, after=after)
    gate = a.chain(SigmoidLayer(Name=names("SigmoidLayer")), after=at)
    return a.join(MultiplicationLayer(2, Name=names("MulLayer")), [at, gate])


def excited(a: Assembly, part: str, at: str, channels: int, squeezed: int, number: int) -> str:
    """Every channel times a weight between 0 and 1, made of the means of all channels."""
    names = PartNames(f"{part}|se")
    means = a.chain(GlobalAveragePooling2DLayer(Name=names("GlobAvgPool")), after=at)
    few = with_swish(a, names, [Convolution2DLayer(1, squeezed, Name=f"Conv__{number}")], after=means)
    weights = a.chain([Convolution2DLayer(1, channels, Name=f"Conv__{number + 3}"),
                       SigmoidLayer(Name=names("SigmoidLayer"))], after=few)
    return a.join(MultiplicationLayer(2, Name=names("MulLayer")), [weights, at])


@architecture
def efficientnetb0() -> LayerGraph:
    """EfficientNet-B0 for 224×224×3 images: 290 layers, 363 connections, 5.3 million learnables.

    The input is standardised by mean and deviation of ImageNet.

    Example:
        >>> efficientnetb0('Weights', 'none')
        <LayerGraph of 290 layers and 363 connections>

    Source:
        Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks" (2019); MathWorks
        documentation of efficientnetb0.
    """
    a, stem, head = Assembly(), PartNames("stem"), PartNames("head")
    first = conv_without_bias(3, 32, stem("conv2d", "|Conv2D"), **same(3, 2))
    at = with_swish(a, stem, [standardised_images("ImageInput"), first, stem.norm()])
    channels, number, position = 32, 293, 0
    for stage in STAGES:
        for i in range(stage.blocks):
            number += 10 if i else 8  # as ONNX counted nodes: more where a block ends in a sum
            at = mb_conv(a, f"blocks_{position}", at, channels, stage if not i else stage._replace(stride=1), number)
            channels, position = stage.channels, position + 1
    at = with_swish(a, head, head.conv(1280), after=at)
    a.chain([GlobalAveragePooling2DLayer(Name=head("global_average_pooling2d", "|GlobAvgPool")),
             FullyConnectedLayer(IMAGENET_CLASSES, Name=head("dense", "|MatMul")),
             *probabilities("Softmax", "classification")],
            after=at)
    return a.graph()


def mb_conv(a: Assembly, part: str, source: str, channels: int, stage: BlockStage, number: int) -> str:
    """Widened, convolved channel by channel, weighed, narrowed; plus its input where that has the same size."""
    names, wide, at = PartNames(part), stage.expansion * channels, source
    if stage.expansion > 1:
        at = with_swish(a, names, names.conv(wide), after=at)
    depthwise = depthwise_without_bias(stage.size, wide, names("depthwise_conv2d", "|depthwise"),
                                       **same(stage.size, stage.stride))
    at = with_swish(a, names, [depthwise, names.norm()], after=at)
    at = excited(a, part, at, wide, channels // SQUEEZE, number)
    at = a.chain(names.conv(stage.channels), after=at)
    if stage.stride > 1 or stage.channels != channels:
        return at
    return a.join(AdditionLayer(2, Name=names("Add")), [at, source])
