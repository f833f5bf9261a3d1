"""Fully convolutional networks: VGG-16 whose fully connected layers are convolutions, enlarged to the size of the image.

Layers, names and the padding of 100 pixels are those of the published networks, and MATLAB's. They crop at fixed offsets;
here the centre is kept, which fits images of any size.
"""

from __future__ import annotations

from dltoolbox.architectures.assembly import Assembly
from dltoolbox.architectures.classifiers.vgg import FILTERS, vgg16
from dltoolbox.architectures.segmentation.common import ColourOptions, Sides, check_sides, enlarging, pixel_labels
from dltoolbox.core import convert
from dltoolbox.core.properties import Property
from dltoolbox.layers.activation import DropoutLayer, ReLULayer
from dltoolbox.layers.base import Layer
from dltoolbox.layers.combination import AdditionLayer
from dltoolbox.layers.convolution import Convolution2DLayer
from dltoolbox.layers.inputs import ImageInputLayer
from dltoolbox.layers.resizing import Crop2DLayer
from dltoolbox.network.graph.layer_graph import LayerGraph

SMALLEST_IMAGE = 224  # what VGG-16 was made for
SURROUND = 100  # pixels of padding, so that small images give scores as well
SKIPS = {"32s": (), "16s": ("pool4",), "8s": ("pool4", "pool3")}  # poolings whose scores are added, after the last one's


class _FcnOptions(ColourOptions):
    function = "fcnLayers"

    Type = Property(convert.choice("32s", "16s", "8s"), "8s", "How far the last layer enlarges: 32, 16 or 8 times.")

    def validate(self) -> None:
        check_sides("fcnLayers", self.ImageSize, [Sides(SMALLEST_IMAGE, 1)] * 2,
                    f"VGG-16 is made for images of at least {SMALLEST_IMAGE}×{SMALLEST_IMAGE} pixels")


def fcnLayers(imageSize: object, numClasses: int, *pairs: object, **options: object) -> LayerGraph:
    """The layers of a fully convolutional network for semantic segmentation, without trained weights.

    VGG-16 with convolutions in place of its fully connected layers gives scores for every 32nd pixel. They are enlarged
    step by step, and what coarser poolings score is added. MATLAB begins with trained weights of VGG-16; here all weights
    are drawn, except those that enlarge: they interpolate bilinearly, and the last of them do not learn.

    Args:
        imageSize: ``[h, w, c]``, or ``[h, w]`` for colour images; at least 224×224 pixels.
        numClasses: Number of classes, at least 2.
        *pairs, **options: ``Type``: ``'8s'`` (the default) adds the scores of the fourth and the third pooling, ``'16s'``
            those of the fourth, ``'32s'`` none.

    Returns:
        A `LayerGraph` from ``'input'`` to ``'pixelLabels'``: 51 layers and 55 connections for ``'8s'``, 47 and 49 for
        ``'16s'``, 43 and 43 for ``'32s'``.

    Raises:
        DltoolboxError: ``dltoolbox:fcnLayers:invalidImageSize`` for images that are too small; ``…:invalidType``.

    Example:
        >>> fcnLayers([480, 640, 3], 5)
        <LayerGraph of 51 layers and 55 connections>

    Source:
        Long, Shelhamer and Darrell, "Fully convolutional networks for semantic segmentation" (2015); MathWorks
        documentation of fcnLayers.
    """
    chosen = _FcnOptions(imageSize, numClasses, *pairs, **options)
    classes, skips, net = chosen.NumClasses, SKIPS[chosen.Type], Assembly()
    at = net.chain([*_encoder(chosen.ImageSize), _score(classes, "score_fr")])
    factor, name = 32, "upscore"
    for skip in skips:
        score, crop = f"score_{skip}", f"score_{skip}c"
        up = net.chain(enlarging(2, classes, "upscore2" if skip == "pool4" else "upscore_pool4", learns=True), after=at)
        cropped = net.join(Crop2DLayer("centercrop", Name=crop), [net.chain(_score(classes, score), after=skip), up])
        at = net.join(AdditionLayer(2, Name=f"fuse_{skip}"), [up, cropped])
        factor //= 2
        name = f"upscore{factor}"
    at = net.chain(enlarging(factor, classes, name), after=at)
    at = net.join(Crop2DLayer("centercrop", Name="score"), [at, "input"])
    net.chain(pixel_labels("softmax", "pixelLabels"), after=at)
    return net.graph()


def _encoder(size: tuple[int, ...]) -> list[Layer]:
    """VGG-16 up to its last pooling, with padding around the image, and convolutions for the fully connected layers."""
    layers = vgg16(Weights="none").nodes
    last = [layer.Name for layer in layers].index("pool5")
    first = Convolution2DLayer(3, FILTERS[0], Padding=SURROUND, Name=layers[1].Name)
    end = [[Convolution2DLayer(filter_size, 4096, Name=f"fc{i}"), ReLULayer(Name=f"relu{i}"),
            DropoutLayer(0.5, Name=f"drop{i}")] for i, filter_size in ((6, 7), (7, 1))]
    return [ImageInputLayer(size, Name="input"), first, *layers[2:last + 1], *end[0], *end[1]]


def _score(classes: int, name: str) -> Layer:
    """Scores of the classes."""
    return Convolution2DLayer(1, classes, Name=name)
