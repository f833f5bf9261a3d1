"""DeepLab v3+: a classifier made dense by dilation, dilated convolutions at several rates, and a decoder.

Names, order and learning rates of the layers after the backbone are those of MATLAB's networks, whose pyramid has no image
pooling. Chosen, after the published networks, are the layers of the backbones that the decoder reads.

Source: Chen et al., "Encoder-decoder with atrous separable convolution for semantic image segmentation" (2018).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.blocks import conv_without_bias
from dltoolbox.architectures.classifiers.mobilenet import mobilenetv2
from dltoolbox.architectures.classifiers.resnet import resnet18, resnet50
from dltoolbox.architectures.classifiers.xception import xception
from dltoolbox.architectures.segmentation.common import ColourOptions, enlarging, pixel_labels
from dltoolbox.core import convert
from dltoolbox.core.errors import IssueCollector
from dltoolbox.core.properties import InvalidValue, Property
from dltoolbox.layers.activation import ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import DepthConcatenationLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.normalisation import BatchNormalizationLayer
from dltoolbox.layers.resizing import Crop2DLayer
from dltoolbox.layers.windowed import Windowed
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.network.graph.validate import execution_order

FASTER = 10  # learning rate of the new layers, as a multiple of that of the backbone
SHALLOW = 4  # how often the size of the image is that of the features that the decoder adds
ATROUS_RATES = {16: (6, 12, 18), 8: (12, 24, 36)}


class Backbone(NamedTuple):
    """A classifier, and the layers of it that the decoder and the pyramid read."""

    classifier: Callable[..., LayerGraph]
    shallow: str
    deep: str


BACKBONES = {
    "resnet18": Backbone(resnet18, "res2b_relu", "res5b_relu"),
    "resnet50": Backbone(resnet50, "activation_10_relu", "activation_49_relu"),
    "mobilenetv2": Backbone(mobilenetv2, "block_2_depthwise_relu", "block_16_project_BN"),
    "xception": Backbone(xception, "block3_sepconv2_bn", "block14_sepconv2_act"),
}


@convert.annotated("Literal[16, 8]")
def _factor(value: object) -> int:
    got = convert.integers(value)
    if got is None or len(got) != 1 or got[0] not in ATROUS_RATES:
        raise InvalidValue("16 or 8")
    return got[0]


class _DeeplabOptions(ColourOptions):
    function = "deeplabv3plusLayers"

    Network = Property(convert.choice(*BACKBONES), doc="The classifier that it is made of.", positional=True,
                       argument="network")
    DownsamplingFactor = Property(_factor, 16, "How often the size of the image is that of the deep features.")


def deeplabv3plusLayers(imageSize: object, numClasses: int, network: str, *pairs: object, **options: object) -> LayerGraph:
    """The layers of DeepLab v3+ for semantic segmentation, without trained weights.

    The classifier loses its end, and its last strides become dilations, so that its deep features are only
    ``DownsamplingFactor`` times smaller than the image. Convolutions of several dilations read them; what they give is
    enlarged, joined with features of a quarter of the image's size, and enlarged to the size of the image. MATLAB begins
    with trained weights of the classifier; here they are drawn. The new layers learn ten times faster in both.

    Args:
        imageSize: ``[h, w, c]``, or ``[h, w]`` for colour images.
        numClasses: Number of classes, at least 2.
        network: ``'resnet18'``, ``'resnet50'``, ``'mobilenetv2'`` or ``'xception'``.
        *pairs, **options: ``DownsamplingFactor``: 16 (the default) or 8, which is finer and takes more computation.

    Returns:
        A `LayerGraph` from the input layer of the classifier to ``'classification'``.

    Raises:
        DltoolboxError: ``dltoolbox:deeplabv3plusLayers:invalidNetwork`` for other classifiers;
            ``…:invalidDownsamplingFactor``.

    Example:
        >>> deeplabv3plusLayers([480, 640, 3], 5, 'resnet18')
        <LayerGraph of 100 layers and 113 connections>

    Source:
        Chen et al., "Encoder-decoder with atrous separable convolution for semantic image segmentation" (2018); MathWorks
        documentation of deeplabv3plusLayers.
    """
    chosen = _DeeplabOptions(imageSize, numClasses, network, *pairs, **options)
    backbone = BACKBONES[chosen.Network]
    classifier = for_image_size(backbone.classifier(Weights="none"), chosen.ImageSize)
    features = dilated(trunk(classifier, backbone.deep), chosen.DownsamplingFactor)
    net = Assembly(features)
    rates = enumerate(zip((1, 3, 3, 3), (1, *ATROUS_RATES[chosen.DownsamplingFactor]), strict=True), 1)
    pyramid = [net.chain(_normalised(f"aspp_Conv_{i}", f"aspp_BatchNorm_{i}", f"aspp_Relu_{i}", size, 256, rate),
                         after=backbone.deep) for i, (size, rate) in rates]
    at = net.join(DepthConcatenationLayer(len(pyramid), Name="catAspp"), pyramid)
    at = net.chain([_decoder(1, 1, 256), _bilinear(chosen.DownsamplingFactor // SHALLOW, 256, 1)], after=at)
    beside = net.chain(_decoder(2, 1, 48), after=backbone.shallow)
    at = net.join(Crop2DLayer("centercrop", Name="dec_crop1"), [at, beside])
    at = net.join(DepthConcatenationLayer(2, Name="dec_cat1"), [beside, at])
    scorer = Convolution2DLayer(1, chosen.NumClasses, WeightLearnRateFactor=FASTER, Name="scorer")
    at = net.chain([_decoder(3, 3, 256), _decoder(4, 3, 256), scorer, _bilinear(SHALLOW, chosen.NumClasses, 2)], after=at)
    at = net.join(Crop2DLayer("centercrop", Name="dec_crop2"), [at, *features.InputNames])
    net.chain(pixel_labels("softmax-out", "classification"), after=at)
    return net.graph()


def _normalised(conv: str, norm: str, relu: str, size: int, filters: int, rate: int = 1) -> list[Layer]:
    """Convolution, batch normalisation and ReLU, by their names."""
    return [conv_without_bias(size, filters, conv, DilationFactor=rate, Padding="same", WeightLearnRateFactor=FASTER),
            BatchNormalizationLayer(Name=norm), ReLULayer(Name=relu)]


def _decoder(number: int, size: int, filters: int) -> list[Layer]:
    return _normalised(f"dec_c{number}", f"dec_bn{number}", f"dec_relu{number}", size, filters)


def _bilinear(factor: int, channels: int, number: int) -> Layer:
    """Bilinear enlargement to ``factor`` times the size, which does not learn."""
    return enlarging(factor, channels, f"dec_upsample{number}", Cropping=factor // 2)


def for_image_size(lgraph: LayerGraph, size: Sequence[int]) -> LayerGraph:
    """The graph for images of another size; statistics per channel are left out where the number of channels changes."""
    def fitted(layer: Layer) -> Layer:
        if not isinstance(layer, ImageInputLayer):
            return layer
        same_channels = layer.InputSize[-1] == size[-1]
        lost = [name for name in layer.statistics if np.size(getattr(layer, name)) > 1 and not same_channels]
        return with_options(layer, inputSize=size, **dict.fromkeys(lost))
    return LayerGraph(map(fitted, lgraph.nodes), lgraph.edges)


L = TypeVar("L", bound=Layer)


def with_options(layer: L, **values: object) -> L:
    """A layer of the same kind with other values of some options."""
    return type(layer)(**{prop.argument: value for prop, value in layer.values()} | values)


def trunk(lgraph: LayerGraph, end: str) -> LayerGraph:
    """The layers that one layer depends on, and itself."""
    sources: dict[str, list[str]] = {}
    for source, destination in lgraph.edges:
        sources.setdefault(destination.layer, []).append(source.layer)
    kept, waiting = set(), [end]
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept.add(name)
            waiting += sources.get(name, [])
    return LayerGraph([layer for layer in lgraph.nodes if layer.Name in kept],
                      [edge for edge in lgraph.edges if edge.destination.layer in kept])


def dilated(lgraph: LayerGraph, factor: int) -> LayerGraph:
    """The same filters on a finer grid: strides that make the image more than ``factor`` times smaller become dilations.

    Where the network had values, it has the same ones, and others between them, as long as its strided windows pad both ends
    alike. Convolutions without any padding get ``'same'``, so that features cover the whole image.

    Source: Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous convolution, and fully
    connected CRFs" (2016), section 3.1.
    """
    reached: dict[str, tuple[int, int]] = {}  # after each layer: how much smaller the image is, and the dilation from there
    layers = list(lgraph.nodes)
    feeds = {destination.layer: source.layer for source, destination in lgraph.edges}
    for at in execution_order(lgraph, IssueCollector()):
        layer = layers[at]
        smaller, rate = reached.get(feeds.get(layer.Name, ""), (1, 1))
        if isinstance(layer, Windowed):
            stride, values = max(layer.Stride), _widened(layer, rate)
            if smaller * stride > factor:
                values["Stride"] = 1
                rate *= stride
            else:
                smaller *= stride
            layers[at] = with_options(layer, **values)
        reached[layer.Name] = (smaller, rate)
    return LayerGraph(layers, lgraph.edges)


def _widened(windowed: Windowed, rate: int) -> dict[str, Any]:
    """Options that spread a window over a grid ``rate`` times finer; poolings have no dilation and stay as they are."""
    if max(windowed.window_size) == 1 or "DilationFactor" not in windowed.properties:
        return {}
    if isinstance(windowed.Padding, str) or not any(map(max, windowed.Padding)):
        return {"Padding": "same", "DilationFactor": [n * rate for n in windowed.dilation]}
    return {"Padding": tuple((before * rate, after * rate) for before, after in windowed.Padding),
            "DilationFactor": [n * rate for n in windowed.dilation]}
