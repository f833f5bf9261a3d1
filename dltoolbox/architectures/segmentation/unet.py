"""U-Nets for images and volumes: an encoder, a bridge, and a decoder that sees what every encoder stage saw.

There are two generations of them in MATLAB, layer graphs with an output layer and networks without one, and they differ in
more than names. Names and counts that MATLAB's documentation prints are kept. Not printed there, and chosen here, are the
names of cropping, concatenation and batch normalisation in the layer graphs, the numbers of crops and merges in the
networks, which follow the decoder stages, and the filters of the 3-D decoders, which follow the paper: transposed
convolutions keep the channels, and convolutions have as many filters as the skip connection has channels.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.segmentation.common import (
    MOST_STAGES,
    SegmentationOptions,
    Sides,
    check_sides,
    odd_sizes,
    pixel_labels,
)
from dltoolbox.core import convert
from dltoolbox.core.nargout import check_nargout, outputs
from dltoolbox.core.properties import ByRank, Property
from dltoolbox.layers import FACTORIES
from dltoolbox.layers.activation import DropoutLayer, ReLULayer, SoftmaxLayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import ConcatenationLayer, DepthConcatenationLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.network.dlnetwork import dlnetwork
from dltoolbox.network.graph.layer_graph import LayerGraph


class GenerationNames(NamedTuple):
    """Names in which the two generations differ, some with a place for the number of the decoder stage."""

    input: str
    bridge: str
    crop: str
    merge: str
    final: str
    softmax: str
    output: str


GRAPH_2D = GenerationNames("ImageInputLayer", "Bridge", "Decoder-Stage-{}-Crop2D", "Decoder-Stage-{}-DepthConcatenation",
                           "Final-ConvolutionLayer", "Softmax-Layer", "Segmentation-Layer")
GRAPH_3D = GRAPH_2D._replace(crop="Decoder-Stage-{}-Crop3D", merge="Decoder-Stage-{}-Concatenation")
NETWORK = GenerationNames("encoderImageInputLayer", "LatentNetwork-Bridge", "encoderDecoderSkipConnectionCrop{}",
                          "encoderDecoderSkipConnectionFeatureMerge{}", "encoderDecoderFinalConvLayer",
                          "FinalNetworkSoftmax-Layer", output="")


class _UnetOptions(SegmentationOptions):
    """Options of all four, with the defaults of the 2-D ones."""

    EncoderDepth = Property(convert.integer(1, MOST_STAGES), 4, "Number of encoder stages, and of decoder stages.")
    NumFirstEncoderFilters = Property(convert.integer(1), 64, "Filters of the first convolution.")
    FilterSize = Property(ByRank(odd_sizes), 3, "Size of the filters, odd.")
    ConvolutionPadding = Property(convert.choice("same", "valid"), "same", "'same' or 'valid': no padding.")

    def validate(self) -> None:
        allowed = [_sides(self.EncoderDepth, lost) for lost in self.lost()]
        check_sides(self.label(), self.ImageSize, allowed, f"with EncoderDepth={self.EncoderDepth} and ConvolutionPadding="
                    f"'{self.ConvolutionPadding}' every pooling by 2 must meet an even size and every layer leave something")

    def lost(self) -> list[int]:
        """Elements that the two convolutions of a stage take from every side."""
        return [2 * (n - 1) if self.ConvolutionPadding == "valid" else 0 for n in self.FilterSize]

    def output_size(self) -> list[int]:
        """Size of the output: spatial sizes and classes."""
        result = []
        for side, lost in zip(self.ImageSize, self.lost(), strict=False):
            for _ in range(self.EncoderDepth):
                side = (side - lost) // 2
            result.append(_decoder_sizes(side, self.EncoderDepth, lost)[-1])
        return [*result, self.NumClasses]


class _Unet3dOptions(_UnetOptions):
    rank = 3

    ImageSize = Property(ByRank(convert.image_size), doc="Size of the input volumes.", positional=True, argument="inputSize")
    NumClasses = SegmentationOptions.NumClasses
    EncoderDepth = Property(convert.integer(1, MOST_STAGES), 3, "Number of encoder stages, and of decoder stages.")
    NumFirstEncoderFilters = Property(convert.integer(1), 32, "Filters of the first convolution.")


def _decoder_sizes(side: int, depth: int, lost: int) -> list[int]:
    """One side of what the bridge and every decoder stage make of what enters the bridge."""
    sides = [side - lost]
    for _ in range(depth):
        sides.append(2 * sides[-1] - lost)
    return sides


def _sides(depth: int, lost: int) -> Sides:
    """Sides for which every pooling meets an even size and every layer leaves something."""
    possible = range(1, 2 * lost + 2)
    smallest = possible[bisect(possible, 0, key=lambda n: min(_decoder_sizes(n, depth, lost)))]
    first = smallest
    for _ in range(depth):
        first = 2 * first + lost
    return Sides(first, 2 ** depth)


@dataclass(frozen=True)
class _UNet:
    """One U-Net to be: its options, and what its generation has."""

    options: _UnetOptions
    names: GenerationNames

    @property
    def network(self) -> bool:
        return self.names is NETWORK

    @property
    def volumes(self) -> bool:
        """3-D ones normalise after every convolution, and double the filters within a stage."""
        return self.options.rank == 3

    @property
    def thorough(self) -> bool:
        """Whether there are dropout layers, and activations after transposed convolutions."""
        return self.network or not self.volumes

    @property
    def crops(self) -> bool:
        return self.network or self.options.ConvolutionPadding == "valid"

    def made(self, factory: str, *args: object, **kwargs: object) -> Layer:
        """A layer by the name of its factory, with a place for the number of dimensions."""
        return FACTORIES[factory.format(self.options.rank)](*args, **kwargs)

    def filters(self, stage: int) -> tuple[int, int]:
        """Filters of the two convolutions of an encoder stage; the bridge is the stage after the last."""
        first = self.options.NumFirstEncoderFilters * 2 ** (stage - 1)
        return (first, 2 * first) if self.volumes else (first, first)

    def convolutions(self, stem: str, filters: Sequence[int]) -> list[Layer]:
        layers = []
        for j, n in enumerate(filters, 1):
            padding = "same" if self.options.ConvolutionPadding == "same" else 0
            layers.append(self.made("convolution{}dLayer", self.options.FilterSize, n, Padding=padding,
                                    WeightsInitializer="he", Name=f"{stem}-Conv-{j}"))
            layers += [BatchNormalizationLayer(Name=f"{stem}-BN-{j}")] if self.volumes else []
            layers.append(ReLULayer(Name=f"{stem}-ReLU-{j}"))
        return layers

    def dropout(self, stem: str) -> list[Layer]:
        return [DropoutLayer(0.5, Name=f"{stem}-DropOut")] if self.thorough else []

    def graph(self) -> LayerGraph:
        depth, names = self.options.EncoderDepth, self.names
        net, skips = Assembly(), []
        at = net.chain(self.made("image3dInputLayer" if self.volumes else "imageInputLayer", self.options.ImageSize,
                                 Name=names.input))
        for stage in range(1, depth + 1):
            stem = f"Encoder-Stage-{stage}"
            skips.append(net.chain([*self.convolutions(stem, self.filters(stage)),
                                    *(self.dropout(stem) if stage == depth else [])], after=at))
            at = net.chain(self.made("maxPooling{}dLayer", 2, Stride=2, Name=f"{stem}-MaxPool"), after=skips[-1])
        at = net.chain([*self.convolutions(names.bridge, self.filters(depth + 1)), *self.dropout(names.bridge)], after=at)
        for stage in range(1, depth + 1):
            at = self.decoder_stage(net, stage, at, skips.pop())
        final = self.made("convolution{}dLayer", 1, self.options.NumClasses, WeightsInitializer="he", Name=names.final)
        end = [SoftmaxLayer(Name=names.softmax)] if self.network else pixel_labels(names.softmax, names.output)
        net.chain([final, *end], after=at)
        return net.graph()

    def decoder_stage(self, net: Assembly, stage: int, at: str, skip: str) -> str:
        """Twice the size, joined with what the encoder saw at that size."""
        stem, names = f"Decoder-Stage-{stage}", self.names
        below = self.filters(self.options.EncoderDepth + 2 - stage)[1]  # channels that arrive
        beside = self.filters(self.options.EncoderDepth + 1 - stage)[1]  # channels of the skip connection
        at = net.chain([self.made("transposedConv{}dLayer", 2, below if self.volumes else beside, Stride=2,
                                  WeightsInitializer="he", BiasLearnRateFactor=2, Name=f"{stem}-UpConv"),
                        *([ReLULayer(Name=f"{stem}-UpReLU")] if self.thorough else [])], after=at)
        if self.crops:
            crop = self.made("crop{}dLayer", "centercrop", Name=names.crop.format(stage))
            skip = net.join(crop, [skip, at])
        at = net.join(self.merge(names.merge.format(stage)), [skip, at] if self.network else [at, skip])
        return net.chain(self.convolutions(stem, (beside, beside)), after=at)

    def merge(self, name: str) -> Layer:
        """The joining of two inputs along the channels."""
        if self.network or self.volumes:
            return ConcatenationLayer(self.options.rank + 1, 2, Name=name)
        return DepthConcatenationLayer(2, Name=name)


class _UnetLayers(_UnetOptions):
    function = "unetLayers"


class _Unet3dLayers(_Unet3dOptions):
    function = "unet3dLayers"


def unetLayers(imageSize: object, numClasses: int, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """The layers of a U-Net for semantic segmentation of images.

    Every encoder stage has two convolutions, each with a ReLU, and a max pooling by 2. The last encoder stage and the
    bridge end with a dropout of 50 %. Every decoder stage doubles the size by a transposed convolution, and joins what the
    encoder stage of that size gave. Stage s of the encoder has ``NumFirstEncoderFilters``·2^(s−1) filters.

    Args:
        imageSize: ``[h, w, c]``, or ``[h, w]`` for one channel. Every pooling must meet an even size: with
            ``ConvolutionPadding='same'``, h and w are multiples of 2^EncoderDepth.
        numClasses: Number of classes, at least 2.
        *pairs, **options: ``EncoderDepth`` (4), at most 16; ``NumFirstEncoderFilters`` (64); ``FilterSize`` (3), odd, a
            number or ``[h, w]``; ``ConvolutionPadding`` (``'same'``; ``'valid'`` pads nothing, and crops what is joined).
        nargout: 2 returns the size of the output as well.

    Returns:
        A `LayerGraph` from ``'ImageInputLayer'`` to ``'Segmentation-Layer'``, with 12·D + 10 layers and 13·D + 9
        connections for a depth D, and D layers and 2·D connections more with ``'valid'``. With ``nargout=2`` the list
        ``[h, w, numClasses]`` too.

    Raises:
        DltoolboxError: ``dltoolbox:unetLayers:invalidImageSize``, which names the nearest sizes that work;
            ``…:invalidFilterSize`` and its like.

    Example:
        >>> unetLayers([480, 640, 3], 5, EncoderDepth=3)
        <LayerGraph of 46 layers and 48 connections>
        >>> unetLayers([572, 572, 1], 2, ConvolutionPadding='valid', nargout=2)[1]
        [388, 388, 2]

    Source:
        Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation" (2015); He et al.
        (2015) for the initialiser; MathWorks documentation of unetLayers.
    """
    check_nargout(nargout, 2, "unetLayers", sequence=False)
    chosen = _UnetLayers(imageSize, numClasses, *pairs, **options)
    return outputs((_UNet(chosen, GRAPH_2D).graph(), chosen.output_size()), nargout, "unetLayers")


def unet3dLayers(inputSize: object, numClasses: int, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """The layers of a U-Net for semantic segmentation of volumes.

    As `unetLayers` in three dimensions, with batch normalisation after every convolution, and without dropout and
    activations after transposed convolutions. The first convolution of encoder stage s has
    ``NumFirstEncoderFilters``·2^(s−1) filters, the second twice as many.

    Args:
        inputSize: ``[h, w, d, c]``, or ``[h, w, d]`` for one channel; see `unetLayers`.
        numClasses: Number of classes, at least 2.
        *pairs, **options: As `unetLayers`; ``EncoderDepth`` (3), ``NumFirstEncoderFilters`` (32).
        nargout: 2 returns the size of the output as well.

    Returns:
        A `LayerGraph` from ``'ImageInputLayer'`` to ``'Segmentation-Layer'``, with 15·D + 10 layers and 16·D + 9
        connections for a depth D, and D layers and 2·D connections more with ``'valid'``. With ``nargout=2`` the list
        ``[h, w, d, numClasses]`` too.

    Raises:
        DltoolboxError: ``dltoolbox:unet3dLayers:invalidImageSize``, which names the nearest sizes that work, and its like.

    Example:
        >>> unet3dLayers([128, 128, 128, 3], 5, EncoderDepth=2, NumFirstEncoderFilters=16)
        <LayerGraph of 40 layers and 41 connections>

    Source:
        Çiçek et al., "3D U-Net: learning dense volumetric segmentation from sparse annotation" (2016); MathWorks
        documentation of unet3dLayers.
    """
    check_nargout(nargout, 2, "unet3dLayers", sequence=False)
    chosen = _Unet3dLayers(inputSize, numClasses, *pairs, **options)
    return outputs((_UNet(chosen, GRAPH_3D).graph(), chosen.output_size()), nargout, "unet3dLayers")


class _Unet(_UnetOptions):
    function = "unet"


class _Unet3d(_Unet3dOptions):
    function = "unet3d"


def unet(imageSize: object, numClasses: int, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """A U-Net for semantic segmentation of images: `unetLayers` as a network, without an output layer.

    What the encoder gives is always cropped to the size that the decoder has, and comes first where both are joined.

    Args:
        imageSize: ``[h, w, c]``, or ``[h, w]`` for one channel; see `unetLayers`.
        numClasses: Number of classes, at least 2.
        *pairs, **options: As `unetLayers`.
        nargout: 2 returns the size of the output as well.

    Returns:
        An initialised `dlnetwork` from ``'encoderImageInputLayer'`` to ``'FinalNetworkSoftmax-Layer'``, with 13·D + 9 layers
        and 15·D + 8 connections for a depth D. With ``nargout=2`` the list ``[h, w, numClasses]`` too.

    Raises:
        DltoolboxError: ``dltoolbox:unet:invalidImageSize``, which names the nearest sizes that work, and its like.

    Example:
        >>> unet([64, 64, 3], 5, EncoderDepth=2, NumFirstEncoderFilters=8)
        <dlnetwork of 35 layers and 38 connections>

    Source:
        Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation" (2015); MathWorks
        documentation of unet.
    """
    check_nargout(nargout, 2, "unet", sequence=False)
    chosen = _Unet(imageSize, numClasses, *pairs, **options)
    return outputs((dlnetwork(_UNet(chosen, NETWORK).graph()), chosen.output_size()), nargout, "unet")


def unet3d(inputSize: object, numClasses: int, *pairs: object, nargout: int = 1, **options: object) -> Any:
    """A U-Net for semantic segmentation of volumes, as a network without an output layer.

    As `unet3dLayers`, with dropout and with activations after transposed convolutions, as in 2-D. What the encoder gives is
    always cropped to the size that the decoder has, and comes first where both are joined.

    Args:
        inputSize: ``[h, w, d, c]``, or ``[h, w, d]`` for one channel; see `unetLayers`.
        numClasses: Number of classes, at least 2.
        *pairs, **options: As `unet3dLayers`.
        nargout: 2 returns the size of the output as well.

    Returns:
        An initialised `dlnetwork` from ``'encoderImageInputLayer'`` to ``'FinalNetworkSoftmax-Layer'``, with 17·D + 11
        layers and 19·D + 10 connections for a depth D. With ``nargout=2`` the list ``[h, w, d, numClasses]`` too.

    Raises:
        DltoolboxError: ``dltoolbox:unet3d:invalidImageSize``, which names the nearest sizes that work, and its like.

    Example:
        >>> net, outputSize = unet3d([16, 16, 16], 2, EncoderDepth=1, NumFirstEncoderFilters=4, nargout=2)
        >>> net, outputSize
        (<dlnetwork of 28 layers and 29 connections>, [16, 16, 16, 2])

    Source:
        Çiçek et al., "3D U-Net: learning dense volumetric segmentation from sparse annotation" (2016); MathWorks
        documentation of unet3d.
    """
    check_nargout(nargout, 2, "unet3d", sequence=False)
    chosen = _Unet3d(inputSize, numClasses, *pairs, **options)
    return outputs((dlnetwork(_UNet(chosen, NETWORK).graph()), chosen.output_size()), nargout, "unet3d")
