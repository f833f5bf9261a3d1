"""Residual networks of one's own: any number of stacks, blocks and filters, with or without bottlenecks, in 2-D and 3-D.

Known of MATLAB's are the options, the counts of layers, the names ``input``, ``output`` and ``softmax``, and that the
convolutions learn their biases. Chosen are the names in between; ``'same'`` padding everywhere; that only the first block
of a stack projects its shortcut, and only where the size or the number of channels changes; and that with
``'batchnorm-after-add'`` the normalisation of the sum takes the place of those of both summands.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition" (2015), and "Identity mappings in deep
residual networks" (2016), figure 4b, for batch normalisation after addition.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.segmentation.common import SIDES
from dltoolbox.core import convert
from dltoolbox.core.dims import times, vector
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import ByRank, Configured, InvalidValue, Property
from dltoolbox.layers.activation import ReLULayer, SoftmaxLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.convolution import Convolution2DLayer, Convolution3DLayer, FullyConnectedLayer
from dltoolbox.layers.inputs import Image3DInputLayer, ImageInputLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.outputs import ClassificationOutputLayer
from dltoolbox.layers.pooling import (
    AveragePooling2DLayer,
    AveragePooling3DLayer,
    GlobalAveragePooling2DLayer,
    GlobalAveragePooling3DLayer,
    MaxPooling2DLayer,
    MaxPooling3DLayer,
)
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph


class Pages(NamedTuple):
    """The layers that exist once per number of dimensions."""

    data: type[Layer]
    conv: type[Layer]
    pool: dict[str, type[Layer]]
    global_pool: type[Layer]


RANK_PAGES = {2: Pages(ImageInputLayer, Convolution2DLayer, {"max": MaxPooling2DLayer, "average": AveragePooling2DLayer},
                       GlobalAveragePooling2DLayer),
              3: Pages(Image3DInputLayer, Convolution3DLayer, {"max": MaxPooling3DLayer, "average": AveragePooling3DLayer},
                       GlobalAveragePooling3DLayer)}
MOST_BLOCKS = 1000  # twice as many as the deepest published network has
BOTTLENECKS = {"downsample-first-conv": ((1, 1), (3, 1), (1, 4)),  # size, and number of filters in those of the stack
               "none": ((3, 1), (3, 1))}


@convert.annotated("Sequence[int]")
def _per_stack(value: object) -> tuple[int, ...]:
    got = convert.integers(value)
    if not got:
        raise InvalidValue("a vector of positive integers, one per stack")
    return got


class _ResidualOptions(Configured):
    """Arguments and options in MATLAB's order."""

    rank = 2

    InputSize = Property(ByRank(convert.image_size), positional=True, argument="inputSize")
    NumClasses = Property(convert.integer(2), positional=True, argument="numClasses")
    InitialFilterSize = Property(ByRank(convert.sizes), 7)
    InitialNumFilters = Property(convert.integer(1), 64)
    InitialStride = Property(ByRank(convert.sizes), 2)
    InitialPoolingLayer = Property(convert.choice("max", "average", "none"), "max")
    ResidualBlockType = Property(convert.choice("batchnorm-before-add", "batchnorm-after-add"), "batchnorm-before-add")
    BottleneckType = Property(convert.choice(*BOTTLENECKS), "downsample-first-conv")
    StackDepth = Property(_per_stack, [3, 4, 6, 3])
    NumFilters = Property(_per_stack, [64, 128, 256, 512])
    Normalization = ImageInputLayer.Normalization

    def validate(self) -> None:
        issues = IssueCollector()
        if sum(self.StackDepth) > MOST_BLOCKS:
            fail(f"{self.label()}:tooManyBlocks", f"StackDepth asks for {sum(self.StackDepth)} residual blocks, but at most "
                 f"{MOST_BLOCKS} are built.", "Pass smaller numbers, such as [3 4 6 3].")
        if len(self.StackDepth) != len(self.NumFilters):
            issues.add(f"{self.label()}:stackDepthMismatch", f"StackDepth has {counted(len(self.StackDepth), 'element')} "
                       f"and NumFilters {len(self.NumFilters)}, but each has one per stack.",
                       "Pass vectors of equal length.")
        pooling, later = int(self.InitialPoolingLayer != "none"), len(self.StackDepth) - 1
        smallest = [stride * 2 ** (pooling + later) for stride in self.InitialStride]
        small = [side for side, n, needed in zip(SIDES, self.InputSize, smallest, strict=False) if n < needed]
        if small:
            issues.add(f"{self.label()}:inputSizeTooSmall", f"inputSize is {times(self.InputSize)}, but must be at least "
                       f"{times(smallest)}: InitialStride {vector(self.InitialStride)} times 2 per halving (initial "
                       f"pooling: {pooling}, stacks after the first: {later}). Too small: {', '.join(small)}.",
                       "Pass larger images, a smaller InitialStride, InitialPoolingLayer='none', or fewer stacks.")
        issues.raise_if_any()


class _Layers(_ResidualOptions):
    function = "resnetLayers"


class _Layers3D(_ResidualOptions):
    function, rank = "resnet3dLayers", 3


class _Network(_ResidualOptions):
    function = "resnetNetwork"
    Initialize = Property(convert.flag, True)


class _Network3D(_Network):
    function, rank = "resnet3dNetwork", 3


class Design:
    """The layers of the chosen options, put together."""

    def __init__(self, options: _ResidualOptions) -> None:
        self.options = options
        self.net = Assembly()
        self.pages = RANK_PAGES[options.rank]
        self.convolutions = BOTTLENECKS[options.BottleneckType]
        self.before = options.ResidualBlockType == "batchnorm-before-add"

    def conv(self, size: object, filters: int, stride: object, name: str) -> Layer:
        return self.pages.conv(size, filters, Stride=stride, Padding="same", Name=name)

    def block(self, source: str, name: str, filters: int, stride: int, *, projects: bool) -> str:
        """One residual block after ``source``; its convolutions, normalisations and ReLUs are numbered."""
        layers: list[Layer] = []
        last = len(self.convolutions)
        for i, (size, factor) in enumerate(self.convolutions, 1):
            layers.append(self.conv(size, factor * filters, stride if i == 1 else 1, f"{name}_conv{i}"))
            if self.before or i < last:
                layers.append(BatchNormalizationLayer(Name=f"{name}_bn{i}"))
            if i < last:
                layers.append(ReLULayer(Name=f"{name}_relu{i}"))
        main = self.net.chain(layers, after=source)
        if projects:
            shortcut = [self.conv(1, self.convolutions[-1][1] * filters, stride, f"{name}_skip_conv")]
            norm = [BatchNormalizationLayer(Name=f"{name}_skip_bn")] if self.before else []
            source = self.net.chain([*shortcut, *norm], after=source)
        at = self.net.join(AdditionLayer(2, Name=f"{name}_add"), [main, source])
        norm = [] if self.before else [BatchNormalizationLayer(Name=f"{name}_bn{last}")]
        return self.net.chain([*norm, ReLULayer(Name=f"{name}_relu{last}")], after=at)

    def stem(self) -> str:
        """The input, a large convolution, and a pooling where there is one."""
        chosen = self.options
        at = self.net.chain([self.pages.data(chosen.InputSize, Normalization=chosen.Normalization, Name="input"),
                             self.conv(chosen.InitialFilterSize, chosen.InitialNumFilters, chosen.InitialStride, "conv1"),
                             BatchNormalizationLayer(Name="bn1"), ReLULayer(Name="relu1")])
        if chosen.InitialPoolingLayer == "none":
            return at
        name = chosen.InitialPoolingLayer.replace("average", "avg")
        return self.net.chain(self.pages.pool[chosen.InitialPoolingLayer](3, Stride=2, Padding="same", Name=f"{name}pool1"),
                              after=at)

    def graph(self, end: Sequence[Layer] = ()) -> LayerGraph:
        """The network up to its softmax, and ``end``."""
        at, channels = self.stem(), self.options.InitialNumFilters
        for s, (depth, filters) in enumerate(zip(self.options.StackDepth, self.options.NumFilters, strict=True), 1):
            out = filters * self.convolutions[-1][1]
            for b in range(1, depth + 1):
                stride = 2 if s > 1 and b == 1 else 1
                at = self.block(at, f"stack{s}_block{b}", filters, stride, projects=stride > 1 or out != channels)
                channels = out
        self.net.chain([self.pages.global_pool(Name="gap"), FullyConnectedLayer(self.options.NumClasses, Name="fc"),
                        SoftmaxLayer(Name="softmax"), *end], after=at)
        return self.net.graph()

    def layers(self) -> LayerGraph:
        """The network with its loss."""
        return self.graph([ClassificationOutputLayer(Name="output")])

    def network(self, *, initialize: bool) -> dlnetwork:
        """The network without a loss."""
        return dlnetwork(self.graph(), Initialize=initialize)


def resnetLayers(inputSize: object, numClasses: int, *pairs: object, **options: object) -> LayerGraph:
    """The layers of a 2-D residual network for classification, without trained weights.

    A convolution and a pooling, stacks of residual blocks, global average pooling and a fully connected layer. The first
    block of every stack after the first halves the image. The defaults are those of ResNet-50.

    Args:
        inputSize: ``[h, w, c]``, or ``[h, w]`` for one channel. ``h`` and ``w`` are at least the initial stride, times 2
            where there is a pooling, times 2 for every stack after the first.
        numClasses: Number of classes, at least 2.
        *pairs, **options: ``InitialFilterSize`` (7), ``InitialNumFilters`` (64) and ``InitialStride`` (2) of the first
            convolution; ``InitialPoolingLayer`` (``'max'``), ``'average'`` or ``'none'``; ``ResidualBlockType``
            (``'batchnorm-before-add'``) or ``'batchnorm-after-add'``; ``BottleneckType`` (``'downsample-first-conv'``):
            blocks of 1×1, 3×3 and 1×1 convolutions, the last with four times the filters, or ``'none'``: of two 3×3
            convolutions; ``StackDepth`` ([3, 4, 6, 3]), the number of blocks per stack; ``NumFilters``
            ([64, 128, 256, 512]) per stack; ``Normalization`` (``'zerocenter'``) as of `imageInputLayer`.

    Returns:
        A `LayerGraph` from ``'input'`` to ``'output'``.

    Raises:
        DltoolboxError: ``dltoolbox:resnetLayers:invalidNumClasses`` and its like; ``…:inputSizeTooSmall``;
            ``…:stackDepthMismatch`` where StackDepth and NumFilters have different lengths.

    Example:
        >>> resnetLayers([224, 224, 3], 10)
        <LayerGraph of 177 layers and 192 connections>
        >>> resnetLayers([28, 28, 1], 10, InitialFilterSize=3, InitialNumFilters=16, InitialStride=1,
        ...              InitialPoolingLayer='none', StackDepth=[4, 3, 2], NumFilters=[16, 32, 64])
        <LayerGraph of 104 layers and 112 connections>

    Source:
        He et al., "Deep residual learning for image recognition" (2015); MathWorks documentation of resnetLayers.
    """
    return Design(_Layers(inputSize, numClasses, *pairs, **options)).layers()


def resnet3dLayers(inputSize: object, numClasses: int, *pairs: object, **options: object) -> LayerGraph:
    """The layers of a 3-D residual network for classification; as `resnetLayers` with 3-D layers.

    Args:
        inputSize: ``[h, w, d, c]``, or ``[h, w, d]`` for one channel.
        numClasses, *pairs, **options: As of `resnetLayers`; sizes and strides are numbers or have three elements.

    Returns:
        A `LayerGraph` from ``'input'`` to ``'output'``.

    Raises:
        DltoolboxError: ``dltoolbox:resnet3dLayers:inputSizeTooSmall`` and the others of `resnetLayers`.

    Example:
        >>> resnet3dLayers([224, 224, 64, 3], 10)
        <LayerGraph of 177 layers and 192 connections>

    Source:
        MathWorks documentation of resnet3dLayers.
    """
    return Design(_Layers3D(inputSize, numClasses, *pairs, **options)).layers()


def resnetNetwork(inputSize: object, numClasses: int, *pairs: object, **options: object) -> dlnetwork:
    """A 2-D residual network as a `dlnetwork`: the layers of `resnetLayers` without the classification output.

    Args:
        inputSize, numClasses, *pairs, **options: As of `resnetLayers`, and ``Initialize`` (True): whether learnables and
            states get values.

    Returns:
        A `dlnetwork` from ``'input'`` to ``'softmax'``.

    Raises:
        DltoolboxError: ``dltoolbox:resnetNetwork:inputSizeTooSmall`` and the others of `resnetLayers`.

    Example:
        >>> net = resnetNetwork([32, 32, 3], 10, InitialPoolingLayer='none', StackDepth=[2, 2], NumFilters=[8, 16],
        ...                     InitialNumFilters=8, BottleneckType='none')
        >>> net.Initialized, len(net.Layers), net.OutputNames
        (True, 37, ['softmax'])

    Source:
        He et al., "Deep residual learning for image recognition" (2015); MathWorks documentation of resnetNetwork.
    """
    chosen = _Network(inputSize, numClasses, *pairs, **options)
    return Design(chosen).network(initialize=chosen.Initialize)


def resnet3dNetwork(inputSize: object, numClasses: int, *pairs: object, **options: object) -> dlnetwork:
    """A 3-D residual network as a `dlnetwork`; arguments and errors as `resnet3dLayers` and `resnetNetwork`.

    Example:
        >>> resnet3dNetwork([224, 224, 64, 3], 10, Initialize=False).OutputNames
        ['softmax']

    Source:
        MathWorks documentation of resnet3dNetwork.
    """
    chosen = _Network3D(inputSize, numClasses, *pairs, **options)
    return Design(chosen).network(initialize=chosen.Initialize)
