"""Residual networks as they were published: ResNet-18, ResNet-50 and ResNet-101.

Names, sizes, paddings and the constant of batch normalisation are those of MATLAB's networks: ResNet-50 comes from Keras
(``activation_4_relu``, ``add_1``, Epsilon 0.001), the others have Caffe's names (``res2a_branch2a_relu``, ``res2a``).
All of them halve the image in the first convolution of a block. Chosen is the order of layers in a block that projects:
that of ResNet-50, in all three; and the first convolution of ResNet-50 has no bias either, where MATLAB's learns one that
batch normalisation takes away again.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import classifier, conv_without_bias, standardised_images
from dltoolbox.architectures.pretrained import architecture
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import GlobalAveragePooling2DLayer, MaxPooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

WIDTHS = (64, 128, 256, 512)  # of the stages, which are called 2 to 5
BASIC = ((3, 1), (3, 1))  # the convolutions of a block: size, and number of filters in widths of the stage
BOTTLENECK_BLOCK = ((1, 1), (3, 1), (1, 4))


@dataclass
class Residual:
    """The differences between the three networks, and the parts made from them."""

    convolutions: tuple[tuple[int, int], ...]
    relu: Callable[[str], str] = "{}_relu".format  # name of the ReLU after a convolution or a sum
    total: Callable[[str], str] = "res{}".format  # name of the sum of a block
    epsilon: float = 1e-5
    padding: Any = 1  # of 3×3 convolutions

    def normalised(self, name: str, size: int, filters: int, stride: int, padding: object) -> list[Layer]:
        """A convolution and its batch normalisation: ``res2a_branch2a``, ``bn2a_branch2a``; ``conv1``, ``bn_conv1``."""
        norm = f"bn{name[3:]}" if name.startswith("res") else f"bn_{name}"
        return [conv_without_bias(size, filters, name, Stride=stride, Padding=padding),
                BatchNormalizationLayer(Epsilon=self.epsilon, Name=norm)]

    def block(self, a: Assembly, source: str, name: str, width: int, stride: int, *, projects: bool) -> str:
        """Convolutions beside a shortcut, which projects where the size or the number of channels changes."""
        main = [self.normalised(f"res{name}_branch2{letter}", size, factor * width, stride if letter == "a" else 1,
                                self.padding if size > 1 else 0)
                for letter, (size, factor) in zip("abc", self.convolutions, strict=False)]
        at = source
        for conv, norm in main[:-1]:
            at = a.chain([conv, norm, ReLULayer(Name=self.relu(conv.Name))], after=at)
        branches = [(at, main[-1])]
        if projects:
            branches.append((source, self.normalised(f"res{name}_branch1", 1, self.convolutions[-1][1] * width, stride, 0)))
        convolved = [a.chain(conv, after=start) for start, (conv, _) in branches]
        ends = [a.chain(norm, after=conv) for conv, (_, (_, norm)) in zip(convolved, branches, strict=True)]
        total = a.join(AdditionLayer(2, Name=self.total(name)), ends if projects else [*ends, source])
        return a.chain(ReLULayer(Name=self.relu(total)), after=total)

    def network(self, data: Layer, pool: Layer, stages: Iterable[Sequence[str]], end: Sequence[str]) -> LayerGraph:
        """The stem, the stages with the names of their blocks, and the end; ``end`` begins with the pooling layer's name."""
        a = Assembly()
        at = a.chain([data, *self.normalised("conv1", 7, 64, 2, 3), ReLULayer(Name=self.relu("conv1")), pool])
        channels = 64
        for stage, (width, blocks) in enumerate(zip(WIDTHS, stages, strict=True)):
            for i, name in enumerate(blocks):
                stride = 2 if stage and not i else 1
                out = width * self.convolutions[-1][1]
                at = self.block(a, at, f"{stage + 2}{name}", width, stride, projects=stride > 1 or out != channels)
                channels = out
        a.chain([GlobalAveragePooling2DLayer(Name=end[0]), *classifier(*end[1:])], after=at)
        return a.graph()


CAFFE_END = ("pool5", "fc1000", "prob", "ClassificationLayer_predictions")


@architecture
def resnet18() -> LayerGraph:
    """ResNet-18 for 224×224×3 images: 71 layers, 78 connections, 11.7 million learnables.

    The input is standardised by mean and deviation of ImageNet.

    Example:
        >>> resnet18('Weights', 'none')
        <LayerGraph of 71 layers and 78 connections>

    Source:
        He et al., "Deep residual learning for image recognition" (2015), table 1; MathWorks documentation of resnet18.
    """
    pool = MaxPooling2DLayer(3, Stride=2, Padding=1, Name="pool1")
    return Residual(BASIC).network(standardised_images("data"), pool, ["ab"] * 4, CAFFE_END)


@architecture
def resnet50() -> LayerGraph:
    """ResNet-50 for 224×224×3 images: 177 layers, 192 connections, 25.6 million learnables.

    Example:
        >>> resnet50(Weights='none').OutputNames
        ['ClassificationLayer_fc1000']

    Source:
        He et al., "Deep residual learning for image recognition" (2015), table 1; MathWorks documentation of resnet50.
    """
    relus, sums = count(1), count(1)
    kind = Residual(BOTTLENECK_BLOCK, relu=lambda _: f"activation_{next(relus)}_relu", total=lambda _: f"add_{next(sums)}",
                    epsilon=0.001, padding="same")
    data = ImageInputLayer([224, 224, 3], Name="input_1")
    pool = MaxPooling2DLayer(3, Stride=2, Padding=1, Name="max_pooling2d_1")
    return kind.network(data, pool, ["abc", "abcd", "abcdef", "abc"],
                        ("avg_pool", "fc1000", "fc1000_softmax", "ClassificationLayer_fc1000"))


@architecture
def resnet101() -> LayerGraph:
    """ResNet-101 for 224×224×3 images: 347 layers, 379 connections, 44.5 million learnables.

    Its first pooling pads at the bottom and at the right only, as Caffe's.

    Example:
        >>> resnet101(Weights='none').InputNames
        ['data']

    Source:
        He et al., "Deep residual learning for image recognition" (2015), table 1; MathWorks documentation of resnet101.
    """
    data = ImageInputLayer([224, 224, 3], Name="data")
    pool = MaxPooling2DLayer(3, Stride=2, Padding=[0, 1, 0, 1], Name="pool1")
    numbered = [["a", *(f"b{i}" for i in range(1, blocks))] for blocks in (4, 23)]
    return Residual(BOTTLENECK_BLOCK).network(data, pool, ["abc", *numbered, "abc"], CAFFE_END)
