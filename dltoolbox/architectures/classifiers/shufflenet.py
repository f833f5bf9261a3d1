"""ShuffleNet as MATLAB has it, from the collection of models in ONNX format; it counts the operators there.

Unlike the networks of the paper's tables, it has 136, 272 and 544 channels in 4 groups, its bottlenecks are as wide as
their outputs, and the first 1×1 convolution is grouped, too. Layers are called ``node_1``, …, by the number of their
operator; a shuffle, which is three of them, ``shuffle_8to10``. In the ONNX model the first convolution alone has a bias, and
so here; in MATLAB all learn one, which batch normalisation takes away again.
"""

from __future__ import annotations

from itertools import count

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, depthwise_without_bias, grouped_without_bias, standardised_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.arranging import ChannelShuffleLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer, DepthConcatenationLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import AveragePooling2DLayer, GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

GROUPS = 4
STEM_CHANNELS = 24  # channels before the first stage
UNIT_STAGES = ((136, 4), (272, 8), (544, 4))  # channels and units


class Shuffle(Assembly):
    """Names its layers by numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.number = count(1)

    def node(self) -> str:
        return f"node_{next(self.number)}"

    def branch(self, channels: int, stride: int) -> list[Layer]:
        """Grouped 1×1 convolution, shuffle, 3×3 convolution of each channel, grouped 1×1 convolution."""
        def grouped() -> list[Layer]:
            return [grouped_without_bias(1, channels // GROUPS, GROUPS, self.node()),
                    BatchNormalizationLayer(Name=self.node())]

        squeeze = [*grouped(), ReLULayer(Name=self.node())]
        first, _, last = (next(self.number) for _ in range(3))
        return [*squeeze, ChannelShuffleLayer(GROUPS, Name=f"shuffle_{first}to{last}"),
                depthwise_without_bias(3, channels, self.node(), Stride=stride, Padding=1),
                BatchNormalizationLayer(Name=self.node()), *grouped()]

    def unit(self, source: str, channels: int) -> str:
        """The branch is added to what it reads."""
        main = self.chain(self.branch(channels, 1), after=source)
        total = self.join(AdditionLayer(2, Name=self.node()), [main, source])
        return self.chain(ReLULayer(Name=self.node()), after=total)

    def halving(self, source: str, channels: int) -> str:
        """The branch of so many channels is joined to the averages of what it reads."""
        main = self.chain(self.branch(channels, 2), after=source)
        side = self.chain(AveragePooling2DLayer(3, Stride=2, Padding=1, Name=self.node()), after=source)
        joined = self.join(DepthConcatenationLayer(2, Name=self.node()), [main, side])
        return self.chain(ReLULayer(Name=self.node()), after=joined)


@architecture
def shufflenet() -> LayerGraph:
    """ShuffleNet for 224×224×3 images: 172 layers, 187 connections, 1.4 million learnables.

    The input is standardised by mean and deviation of ImageNet.

    Example:
        >>> shufflenet(Weights='none')
        <LayerGraph of 172 layers and 187 connections>

    Source:
        Zhang, Zhou, Lin and Sun, "ShuffleNet: an extremely efficient convolutional neural network for mobile devices"
        (2017); sizes from the ONNX model; MathWorks documentation of shufflenet.
    """
    a = Shuffle()
    channels = STEM_CHANNELS
    at = a.chain([standardised_images("Input_gpu_0|data_0"),
                  Convolution2DLayer(3, STEM_CHANNELS, Stride=2, Padding=1, Name=a.node()),
                  BatchNormalizationLayer(Name=a.node()), ReLULayer(Name=a.node()),
                  MaxPooling2DLayer(3, Stride=2, Padding=1, Name=a.node())])
    for wanted, units in UNIT_STAGES:
        at = a.halving(at, wanted - channels)
        channels = wanted
        for _ in range(units - 1):
            at = a.unit(at, channels)
    pooled = GlobalAveragePooling2DLayer(Name=a.node())
    next(a.number)  # the model flattens here
    scores, probabilities = a.node(), a.node()
    a.chain([pooled, *classifier(scores, probabilities, f"ClassificationLayer_{probabilities}")], after=at)
    return a.graph()
