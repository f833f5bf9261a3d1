"""The rows of the table of layers: each layer at a typical size, in a network of nothing else but what enters and a loss."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.data import normal
from dltoolbox import addLayers, connectLayers, inputLayer, layerGraph
from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.network.lowering.lower import lower

NAN = float("nan")

WITHOUT = {  # layers without a row, and why
    **dict.fromkeys(("inputLayer", "identityLayer", "sequenceFoldingLayer", "sequenceUnfoldingLayer", "regressionLayer"),
                    "nothing is computed; the loss of every row is that of regressionLayer"),
    **dict.fromkeys(("positionEmbeddingLayer", "embeddingConcatenationLayer", "indexing1dLayer"),
                    "a few vectors are copied"),
    **dict.fromkeys(("stochasticPooling1dLayer", "stochasticPooling2dLayer", "stochasticPooling3dLayer"),
                    "PyTorch has no stochastic pooling"),
    **dict.fromkeys(("realToComplexLayer", "complexToRealLayer"), "channels are read in another way")}

Entering = tuple[str, tuple[int, ...]]  # labels, and sizes with the observations
VECTOR, SIGNAL, IMAGE = ("CB", (512, 512)), ("SCB", (256, 32, 64)), ("SSCB", (32, 32, 32, 32))
VOLUME, SEQUENCE, POSITIONS = ("SSSCB", (16, 16, 16, 16, 8)), ("CTB", (64, 100, 32)), ("SCB", (64, 64, 32))
DEEP = ("SSCB", (16, 16, 64, 32))
MAPS = {1: SIGNAL, 2: IMAGE, 3: VOLUME}


WORKS = ("train", "predict")


class LayerRow(NamedTuple):
    """A layer, or a few, and what enters. The inputs go to the ports of the first layer, in their order.

    ``works`` says what is timed: dropout hands on what it gets in prediction, and data that enter have no gradient.
    ``alike`` says whether both sides give the same numbers in training, ``labelled`` whether the layers end in a loss of
    classes; the others get that of a regression. The layer that the row is about is
    the one ``at`` this place.
    """

    factory: str
    entering: tuple[Entering, ...]
    body: Callable[[], list[Layer]]
    wires: tuple[tuple[str, str], ...] = ()
    works: tuple[str, ...] = WORKS
    alike: bool = True
    labelled: bool = False
    at: int = 0

    @property
    def text(self) -> str:
        return "; ".join(f"{'×'.join(map(str, sizes))} {labels}" for labels, sizes in self.entering)

    def sized(self, small: bool) -> LayerRow:
        """Small ones are to see that everything works."""
        keep = "BT" if self.enters else ""
        return self._replace(entering=tuple((labels, tuple(map(partial(smaller, among=keep), labels, sizes)))
                                            for labels, sizes in self.entering)) if small else self

    @property
    def enters(self) -> bool:
        """Whether this is an input layer itself."""
        return "InputLayer" in self.factory

    @property
    def looks_up(self) -> bool:
        """Whether what enters are numbers of words, which have no gradient."""
        return self.factory in ("wordEmbeddingLayer", "embeddingLayer")

    def graph(self) -> Any:
        first, *rest = body = self.body()
        first.Name, body[self.at].Name = "first", "layer"
        end = [] if self.labelled else [make("regressionLayer", Name="out")]
        lgraph = layerGraph([*([] if self.enters else [self.source(0)]), first, *rest, *end])
        for number, port in enumerate(first.inputs()[1:len(self.entering)], 1):
            lgraph = connectLayers(addLayers(lgraph, self.source(number)), f"x{number}", f"{first.Name}/{port}")
        for pair in self.wires:
            lgraph = connectLayers(lgraph, *pair)
        return lgraph

    def source(self, number: int) -> Layer:
        """The layer that data enter by."""
        labels, sizes = self.entering[number]
        size = [n for label, n in zip(labels, sizes, strict=True) if label not in "BT"]
        return inputLayer([*size, *[NAN] * ("T" in labels), NAN], labels.replace("TB", "BT"), Name=f"x{number}")

    def data(self) -> list[np.ndarray]:
        """What enters; numbers of words for those that look them up."""
        if self.looks_up:
            return [np.random.default_rng(0).integers(1, WORDS + 1, sizes).astype(np.float32) for _, sizes in self.entering]
        return [normal(f"{self.factory}/{number}", *sizes) for number, (_, sizes) in enumerate(self.entering)]

    def target(self, shape: tuple[int, ...]) -> np.ndarray:
        """What the loss compares with: responses, or codes of classes."""
        if not self.labelled:
            return normal(f"{self.factory}/target", *shape)
        classes = np.random.default_rng(0).integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
        return (classes == np.arange(shape[-2])[:, None]).astype(np.float32)

    def arrays(self) -> dict[str, np.ndarray]:
        """Of the layer by name, in MATLAB's size; numbers whose products stay moderate."""
        layer = next(info for info in lower(self.graph()).layers if info.layer.Name == "layer")
        return {one.name: values(one.name, one.shape) for one in layer.arrays}


def smaller(label: str, n: int, *, among: str) -> int:
    """Channels stay: options go with them. Of input layers, all that is theirs stays."""
    if label == "C" or n == 1 or (among and label not in among):
        return n
    return 2 if label == "B" else min(n, 8)


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name.endswith("State"):
        return np.zeros(shape, np.float32)
    if name in ("Scale", "TrainedVariance", "StandardDeviation", "Alpha"):
        return 1 + np.abs(normal(name, *shape)) * np.float32(0.1)
    return normal(name, *shape) * np.float32(0.1)


def make(factory: str, *args: Any, **options: Any) -> Layer:
    return FACTORIES[factory](*args, **options)


def row(factory: str, entering: Any, *args: Any, **options: Any) -> LayerRow:
    """A layer of these arguments; options of the row are told by their names."""
    of_row = {name: options.pop(name) for name in ("works", "alike") if name in options}
    many = (entering,) if isinstance(entering[0], str) else tuple(entering)
    return LayerRow(factory, many, lambda: [make(factory, *args, **options)], **of_row)


def pooled(rank: int) -> LayerRow:
    """An unpooling layer behind the pooling layer that it needs."""
    pool, unpool = f"maxPooling{rank}dLayer", f"maxUnpooling{rank}dLayer"
    return LayerRow(unpool, (MAPS[rank],), lambda: [make(pool, 2, Stride=2, HasUnpoolingOutputs=True, Name="layer"),
                                                    make(unpool, Name="unpool")],
                    (("layer/indices", "unpool/indices"), ("layer/size", "unpool/size")))


def complex_row(factory: str, entering: Entering, *args: Any) -> LayerRow:
    """A layer of complex data, whose parts enter and leave as channels."""
    return LayerRow(factory, (entering,), lambda: [make("realToComplexLayer"), make(factory, *args),
                                                   make("complexToRealLayer")], at=1)


def scored(factory: str, entering: Entering) -> LayerRow:
    """An output layer of classes, and the softmax before it."""
    classes = [f"c{n}" for n in range(entering[1][-2])]
    return LayerRow(factory, (entering,), lambda: [make("softmaxLayer"), make(factory, Classes=classes)], labelled=True)


WORDS = 1000
PROJECTED = (16, 16)
RECURRENT = {"lstmLayer": (), "bilstmLayer": (), "gruLayer": (), "lstmProjectedLayer": PROJECTED,
             "gruProjectedLayer": PROJECTED}

LAYERS = {one.factory: one for one in (
    row("imageInputLayer", IMAGE, IMAGE[1][:-1], Normalization="zscore", works=WORKS[1:]),
    row("image3dInputLayer", VOLUME, VOLUME[1][:-1], Normalization="zscore", works=WORKS[1:]),
    row("featureInputLayer", VECTOR, 512, Normalization="zscore", works=WORKS[1:]),
    row("sequenceInputLayer", SEQUENCE, 64, Normalization="zscore", works=WORKS[1:]),
    *(row(name, IMAGE) for name in ("reluLayer", "tanhLayer", "sigmoidLayer", "swishLayer", "geluLayer", "softplusLayer",
                                    "softmaxLayer", "flattenLayer", "batchNormalizationLayer", "instanceNormalizationLayer",
                                    "layerNormalizationLayer", "eluLayer", "leakyReluLayer", "preluLayer", "scalingLayer")),
    row("inverseNormalizationLayer", IMAGE, Mean=[0.0] * 32, StandardDeviation=[1.0] * 32),
    row("clippedReluLayer", IMAGE, 1), row("dropoutLayer", IMAGE, 0.5, alike=False, works=WORKS[:1]),
    row("spatialDropoutLayer", IMAGE, 0.5, alike=False, works=WORKS[:1]), row("groupNormalizationLayer", IMAGE, 4),
    row("crossChannelNormalizationLayer", IMAGE, 5),
    row("fullyConnectedLayer", VECTOR, 512), row("quadraticLayer", ("CB", (32, 512))),
    row("convolution1dLayer", SIGNAL, 3, 32, Padding=1), row("convolution2dLayer", IMAGE, 3, 32, Padding=1),
    row("convolution3dLayer", VOLUME, 3, 16, Padding=1), row("groupedConvolution2dLayer", IMAGE, 3, 4, 8, Padding=1),
    *(row(f"spectralConvolution{rank}dLayer", MAPS[rank], 4, 16) for rank in (1, 2, 3)),
    row("transposedConv1dLayer", SIGNAL, 4, 32, Stride=2, Cropping=1),
    row("transposedConv2dLayer", DEEP, 4, 32, Stride=2, Cropping=1),
    row("transposedConv3dLayer", ("SSSCB", (8, 8, 8, 32, 8)), 4, 16, Stride=2, Cropping=1),
    *(row(f"{kind}Pooling{rank}dLayer", MAPS[rank], 2, Stride=2) for kind in ("max", "average") for rank in (1, 2, 3)),
    *(row(f"global{kind}Pooling{rank}dLayer", MAPS[rank]) for kind in ("Max", "Average") for rank in (1, 2, 3)),
    *(pooled(rank) for rank in (1, 2, 3)),
    row("adaptiveAveragePooling2dLayer", IMAGE, 7),
    row("additionLayer", [IMAGE, IMAGE], 2), row("multiplicationLayer", [IMAGE, IMAGE], 2),
    row("depthConcatenationLayer", [IMAGE, IMAGE], 2), row("concatenationLayer", [IMAGE, IMAGE], 1, 2),
    row("channelShuffleLayer", IMAGE, 4), row("spaceToDepthLayer", IMAGE, 2), row("depthToSpace2dLayer", IMAGE, 2),
    row("permuteLayer", IMAGE, [2, 1, 3]), row("reshapeLayer", IMAGE, 16, [], 32, OperationDimension="spatial-channel"),
    row("crop2dLayer", [IMAGE, ("SSCB", (24, 24, 1, 32))], "centercrop"),
    row("crop3dLayer", [VOLUME, ("SSSCB", (8, 8, 8, 1, 8))], "centercrop"),
    row("resize2dLayer", DEEP, Scale=2, Method="bilinear"),
    row("resize3dLayer", ("SSSCB", (8, 8, 8, 16, 8)), Scale=2, Method="trilinear"),
    *(row(name, SEQUENCE, 64, *more) for name, more in RECURRENT.items()),
    row("selfAttentionLayer", SEQUENCE, 8, 64), row("attentionLayer", [SEQUENCE] * 3, 8),
    row("wordEmbeddingLayer", ("CTB", (1, 100, 32)), 64, WORDS),
    row("embeddingLayer", ("CTB", (1, 100, 32)), 64, WORDS),
    row("sinusoidalPositionEncodingLayer", POSITIONS, 64, works=WORKS[1:]), row("patchEmbeddingLayer", IMAGE, 4, 64),
    complex_row("complexReluLayer", IMAGE), complex_row("zreluLayer", IMAGE),
    complex_row("complexFullyConnectedLayer", VECTOR, 256),
    scored("classificationLayer", VECTOR), scored("pixelClassificationLayer", DEEP), scored("focalLossLayer", DEEP),
    scored("dicePixelClassificationLayer", DEEP))}
