"""Inception-v3, with the names and sizes that it has in Keras and MATLAB.

Names are numbered in the order in which Keras makes the layers, branch by branch, and so they are listed; MATLAB lists the
same layers in another order. Average pooling counts the padding as zeros, as in MATLAB and PyTorch; Keras leaves it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, conv_without_bias, rescaled_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.combination import DepthConcatenationLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import AveragePooling2DLayer, GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph


class Conv(NamedTuple):
    """A convolution with its normalisation and ReLU; padded to keep the size unless it halves it or is told not to."""

    filters: int
    size: Any = 1
    stride: int = 1
    padded: bool = True


class Fork(NamedTuple):
    """Convolutions side by side, and the name of the layer that joins them."""

    name: str
    branches: tuple[Conv, ...] = (Conv(384, (1, 3)), Conv(384, (3, 1)))


AVERAGE, MAX = "average_pooling2d", "max_pooling2d"
STEM = (Conv(32, 3, 2), Conv(32, 3, padded=False), Conv(64, 3), MAX, Conv(80, padded=False), Conv(192, 3, padded=False), MAX)
Branches = tuple[tuple[Any, ...], ...]


def square(pooled: int) -> Branches:
    """Filters of 5×5, and twice 3×3."""
    return ((Conv(64),), (Conv(48), Conv(64, 5)), (Conv(64), Conv(96, 3), Conv(96, 3)), (AVERAGE, Conv(pooled)))


def factored(width: int) -> Branches:
    """Filters of 7×7, each as 1×7 and 7×1."""
    row, column = (1, 7), (7, 1)
    return ((Conv(192),),
            (Conv(width), Conv(width, row), Conv(192, column)),
            (Conv(width), Conv(width, column), Conv(width, row), Conv(width, column), Conv(192, row)),
            (AVERAGE, Conv(192)))


def forked_3x3(first: str, second: str) -> Branches:
    """Filters of 3×3 as 1×3 beside 3×1, by the names of the layers that join them."""
    return (Conv(320),), (Conv(384), Fork(first)), (Conv(448), Conv(384, 3), Fork(second)), (AVERAGE, Conv(192))


MIXED_MODULES: tuple[Branches, ...] = (  # mixed0 to mixed10
    square(32), square(64), square(64),
    ((Conv(384, 3, 2),), (Conv(64), Conv(96, 3), Conv(96, 3, 2)), (MAX,)),
    factored(128), factored(160), factored(160), factored(192),
    ((Conv(192), Conv(320, 3, 2)), (Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, 3, 2)), (MAX,)),
    forked_3x3("mixed9_0", "concatenate_1"), forked_3x3("mixed9_1", "concatenate_2"))


class Inception(Assembly):
    """Turns the tables into layers, numbered by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.made: Counter[str] = Counter()

    def numbered(self, kind: str) -> str:
        self.made[kind] += 1
        return f"{kind}_{self.made[kind]}"

    def steps(self, steps: Sequence[Any], at: str) -> str:
        """Convolutions, poolings and forks one after the other."""
        for step in steps:
            if isinstance(step, Fork):
                at = self.branches(step.name, [(branch,) for branch in step.branches], at)
            elif isinstance(step, Conv):
                at = self.convolution(step, at)
            elif step == AVERAGE:
                at = self.chain(AveragePooling2DLayer(3, Padding="same", Name=self.numbered(step)), after=at)
            else:
                at = self.chain(MaxPooling2DLayer(3, Stride=2, Name=self.numbered(step)), after=at)
        return at

    def convolution(self, conv: Conv, at: str) -> str:
        padding = "same" if conv.padded and conv.stride == 1 else 0
        return self.chain([
            conv_without_bias(conv.size, conv.filters, self.numbered("conv2d"), Stride=conv.stride, Padding=padding),
            BatchNormalizationLayer(Epsilon=0.001, Name=self.numbered("batch_normalization")),
            ReLULayer(Name=f"{self.numbered('activation')}_relu")], after=at)

    def branches(self, name: str, branches: Sequence[Sequence[object]], at: str) -> str:
        ends = [self.steps(branch, at) for branch in branches]
        return self.join(DepthConcatenationLayer(len(ends), Name=name), ends)


@architecture
def inceptionv3() -> LayerGraph:
    """Inception-v3 for 299×299×3 images: 315 layers, 349 connections, 23,834,568 learnables that train.

    The input is rescaled from [0, 255] to [-1, 1].

    Example:
        >>> inceptionv3(Weights='none')
        <LayerGraph of 315 layers and 349 connections>

    Source:
        Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the inception architecture for computer vision" (2015),
        without the auxiliary classifier; MathWorks documentation of inceptionv3; sizes from Keras.
    """
    a = Inception()
    at = a.steps(STEM, a.chain(rescaled_images(299, "input_1")))
    for i, branches in enumerate(MIXED_MODULES):
        at = a.branches(f"mixed{i}", branches, at)
    a.chain([GlobalAveragePooling2DLayer(Name="avg_pool"),
             *classifier("predictions", "predictions_softmax", "ClassificationLayer_predictions")], after=at)
    return a.graph()
