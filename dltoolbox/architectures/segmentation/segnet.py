"""SegNet: an encoder of convolutions and max pooling, and a decoder that unpools to the positions of the maxima.

Names, order and options of the layers are MATLAB's. Its documentation names He's initialiser for the decoder, which is
taken for all convolutions here, since the encoder has no pretrained weights either.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import conv_without_bias
from dltoolbox.architectures.classifiers.vgg import CONVOLUTIONS, FILTERS
from dltoolbox.architectures.segmentation.common import (
    MOST_STAGES,
    SegmentationOptions,
    Sides,
    check_sides,
    odd_sizes,
    pixel_labels,
)
from dltoolbox.core import convert
from dltoolbox.core.display import counted
from dltoolbox.core.errors import IssueCollector, fail
from dltoolbox.core.properties import ByRank, InvalidValue, Property
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.pooling import MaxPooling2DLayer, MaxUnpooling2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph


class StageNames(NamedTuple):
    """Names of the layers of one stage, with places for its number and that of the convolution."""

    conv: str
    norm: str
    relu: str
    pool: str


ENCODER = StageNames("encoder{0}_conv{1}", "encoder{0}_bn_{1}", "encoder{0}_relu_{1}", "encoder{0}_maxpool")
VGG_ENCODER = StageNames("conv{0}_{1}", "bn_conv{0}_{1}", "relu{0}_{1}", "pool{0}")
DECODER = StageNames("decoder{0}_conv{1}", "decoder{0}_bn_{1}", "decoder{0}_relu_{1}", "decoder{0}_unpool")


@convert.annotated("int | Literal['vgg16', 'vgg19']")
def _depth_or_model(value: object) -> Any:
    """The encoder depth, or the name of the network whose convolutions the encoder has."""
    try:
        return convert.choice(*CONVOLUTIONS)(value) if isinstance(value, str) else convert.integer(1, MOST_STAGES)(value)
    except InvalidValue:
        raise InvalidValue(f"an integer from 1 to {MOST_STAGES}, 'vgg16' or 'vgg19'") from None


@convert.annotated("int | Sequence[int]")
def _per_stage(value: object) -> tuple[int, ...]:
    """One number for all stages, or one each."""
    got = convert.integers(value)
    if got is None:
        raise InvalidValue("a positive integer or a vector of one per encoder stage")
    return got


class _SegnetOptions(SegmentationOptions):
    function = "segnetLayers"

    EncoderDepth = Property(_depth_or_model, doc="Number of encoder stages, or 'vgg16' or 'vgg19'.", positional=True,
                            argument="encoderDepth")
    NumConvolutionLayers = Property(_per_stage, 2, "Convolutions per encoder stage; the decoder mirrors them.")
    NumOutputChannels = Property(_per_stage, 64, "Filters of the convolutions per encoder stage.")
    FilterSize = Property(ByRank(odd_sizes), 3, "Size of the filters, odd.")

    def validate(self) -> None:
        issues = IssueCollector()
        depth = len(FILTERS) if self.vgg else self.EncoderDepth
        for name in ("NumConvolutionLayers", "NumOutputChannels"):
            given = getattr(self, name)
            if len(given) not in (1, depth):
                issues.add(f"segnetLayers:invalid{name}", f"{name} has {counted(len(given), 'element')}, but there are "
                           f"{depth} encoder stages.", f"Pass one number for all stages, or {depth} of them.")
        with issues.collect():
            check_sides("segnetLayers", self.ImageSize, [Sides(2 ** depth, 1)] * 2,
                        f"{depth} poolings by 2 need at least {2 ** depth} pixels along every side")
        issues.raise_if_any()

    @property
    def vgg(self) -> bool:
        """Whether the encoder has the convolutions of a VGG network."""
        return isinstance(self.EncoderDepth, str)

    def stages(self) -> list[tuple[int, int]]:
        """Number of convolutions and of their filters per encoder stage."""
        if self.vgg:
            return list(zip(CONVOLUTIONS[self.EncoderDepth], FILTERS, strict=True))
        convolutions, widths = (counts * self.EncoderDepth if len(counts) == 1 else counts
                                for counts in (self.NumConvolutionLayers, self.NumOutputChannels))
        return list(zip(convolutions, widths, strict=True))


def segnetLayers(imageSize: object, numClasses: int, encoderDepth: object, *pairs: object, **options: object) -> LayerGraph:
    """The layers of SegNet for semantic segmentation, without trained weights.

    Every encoder stage is a sequence of convolution, batch normalisation and ReLU, and a max pooling by 2 whose indices
    and size go to the max unpooling of the decoder stage of the same number. Convolutions have biases that stay zero.

    Args:
        imageSize: ``[h, w, c]``, or ``[h, w]`` for one channel; at least 2^depth pixels along every side.
        numClasses: Number of classes, at least 2.
        encoderDepth: Number of encoder stages; or ``'vgg16'`` or ``'vgg19'`` for five stages with the convolutions of
            these networks. MATLAB starts those from trained weights; here they start as all others.
        *pairs, **options: With a depth only: ``NumConvolutionLayers`` (2) and ``NumOutputChannels`` (64), a number or one
            per stage; ``FilterSize`` (3), odd, a number or ``[h, w]``.

    Returns:
        A `LayerGraph` from ``'inputImage'`` to ``'pixelLabels'``. With a depth D and two convolutions per stage it has
        14·D + 3 layers and 16·D + 2 connections, with ``'vgg16'`` 91 and 100.

    Raises:
        DltoolboxError: ``dltoolbox:segnetLayers:invalidImageSize`` for images that are too small;
            ``…:invalidNumConvolutionLayers``, ``…:invalidNumOutputChannels`` for vectors of another length than the
            depth; ``…:optionsOfModel`` for options with ``'vgg16'`` or ``'vgg19'``.

    Example:
        >>> segnetLayers([480, 640, 3], 5, 2)
        <LayerGraph of 31 layers and 34 connections>
        >>> segnetLayers([360, 480, 3], 11, 'vgg16').OutputNames
        ['pixelLabels']

    Source:
        Badrinarayanan, Kendall and Cipolla, "SegNet: a deep convolutional encoder-decoder architecture for image
        segmentation" (2015); MathWorks documentation of segnetLayers.
    """
    chosen = _SegnetOptions(imageSize, numClasses, encoderDepth, *pairs, **options)
    if chosen.vgg and (pairs or options):
        fail("segnetLayers:optionsOfModel", f"'{chosen.EncoderDepth}' fixes the convolutions of the encoder, but options "
             "for them are given.", "Leave them out, or pass an encoder depth instead.")
    return _segnet(chosen, VGG_ENCODER if chosen.vgg else ENCODER)


def _segnet(chosen: _SegnetOptions, encoder: StageNames) -> LayerGraph:
    stages = chosen.stages()
    net = Assembly()
    at = net.chain(ImageInputLayer(chosen.ImageSize, Name="inputImage"))
    for k, (convolutions, width) in enumerate(stages, 1):
        pool = MaxPooling2DLayer(2, Stride=2, HasUnpoolingOutputs=True, Name=encoder.pool.format(k))
        at = net.chain([*(_block(chosen, encoder, k, j, width) for j in range(1, convolutions + 1)), pool], after=at)
    below = [chosen.NumClasses, *(width for _, width in stages)]  # filters of the last convolution of each decoder stage
    for k in range(len(stages), 0, -1):
        convolutions, width = stages[k - 1]
        unpool = DECODER.pool.format(k)
        at = net.chain([MaxUnpooling2DLayer(Name=unpool), *(_block(chosen, DECODER, k, j, width if j > 1 else below[k - 1])
                                                            for j in range(convolutions, 0, -1))], after=at)
        for port in ("indices", "size"):
            net.connect(f"{encoder.pool.format(k)}/{port}", f"{unpool}/{port}")
    net.chain(pixel_labels("softmax", "pixelLabels"), after=at)
    return net.graph()


def _block(chosen: _SegnetOptions, names: StageNames, k: int, j: int, filters: int) -> list[Layer]:
    """Convolution, batch normalisation and ReLU number ``j`` of stage ``k``."""
    conv, norm, relu, _ = (name.format(k, j) for name in names)
    padding = [n // 2 for n in chosen.FilterSize]
    return [conv_without_bias(chosen.FilterSize, filters, conv, Padding=padding, WeightsInitializer="he"),
            BatchNormalizationLayer(Name=norm), ReLULayer(Name=relu)]
