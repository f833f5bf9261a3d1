"""The dltoolbox side. Every row is a loop that calls ``tick`` with what one unit of work gave, until it returns True."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.data import (
    Size,
    classes,
    digits,
    filters,
    label_images,
    matrix,
    offsets,
    pictures,
    resnet_blocks,
    scales,
    vgg_stages,
)
from dltoolbox import (
    additionLayer,
    addLayers,
    assembleNetwork,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    dropoutLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    predict,
    reluLayer,
    rng,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)

Tick = Callable[[Any], bool]
Loop = Callable[[Size, Tick, bool], None]  # the last says whether to shuffle


# Networks ------------------------------------------------------------------------------------------------------------
def convolution(name: str, channels: int, number: int, size: int = 3, *, bias: bool = True, **options: Any) -> Any:
    start = offsets(name, number) if bias else np.zeros(number, np.float32)
    return convolution2dLayer(size, number, Name=name, Weights=filters(name, size, channels, number),
                              Bias=start.reshape(1, 1, -1), **{"Padding": "same"} | options)


def normalisation(name: str, channels: int) -> Any:
    def per_channel(values: np.ndarray) -> np.ndarray:
        return values.reshape(1, 1, -1)
    return batchNormalizationLayer(
        Name=name, Offset=per_channel(offsets(name, channels)), Scale=per_channel(scales(name, channels)),
        TrainedMean=per_channel(offsets(f"{name}/trained", channels)),
        TrainedVariance=per_channel(scales(f"{name}/trained", channels)))


def dense(name: str, outputs: int, inputs: int) -> Any:
    return fullyConnectedLayer(outputs, Name=name, Weights=matrix(name, outputs, inputs),
                               Bias=offsets(name, outputs).reshape(-1, 1))


def images(size: Size, channels: int) -> Any:
    return imageInputLayer([size.side, size.side, channels], Normalization="none")


def names(number: int) -> list[str]:
    return [str(k) for k in range(number)]


def unit(name: str, channels: int, number: int) -> list[Any]:
    """Convolution, batch normalisation and ReLU."""
    return [convolution(name, channels, number), normalisation(f"{name}/bn", number), reluLayer(Name=f"{name}/relu")]


def digits_network(size: Size) -> list[Any]:
    left = size.side // 4
    return [images(size, 1), unit("conv1", 1, 8), maxPooling2dLayer(2, Stride=2), unit("conv2", 8, 16),
            maxPooling2dLayer(2, Stride=2), unit("conv3", 16, 32), dense("fc", 10, left * left * 32), softmaxLayer(),
            classificationLayer(Classes=names(10))]


def segnet(size: Size) -> Any:
    """Two encoder and two decoder stages of two convolutions each."""
    c = size.channels

    def pool(name: str) -> Any:
        return maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name=name)

    lgraph = layerGraph([
        images(size, 3), unit("encode1a", 3, c), unit("encode1b", c, c), pool("pool1"),
        unit("encode2a", c, c), unit("encode2b", c, c), pool("pool2"),
        maxUnpooling2dLayer(Name="unpool2"), unit("decode2a", c, c), unit("decode2b", c, c),
        maxUnpooling2dLayer(Name="unpool1"), unit("decode1a", c, c), unit("decode1b", c, c),
        convolution("scores", c, 4), softmaxLayer(), pixelClassificationLayer(Classes=names(4))])
    for stage in ("1", "2"):
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"pool{stage}/{port}", f"unpool{stage}/{port}")
    return lgraph


def resnet(size: Size) -> Any:
    """ResNet-20 for small images, with 1×1 convolutions where a block changes the size."""
    lgraph = layerGraph([images(size, 3), convolution("conv", 3, 16, bias=False), normalisation("bn", 16),
                         reluLayer(Name="relu")])
    end = "relu"
    for name, channels, number, stride in resnet_blocks():
        lgraph = addLayers(lgraph, [
            convolution(f"{name}a", channels, number, bias=False, Stride=stride, Padding=1),
            normalisation(f"{name}a/bn", number), reluLayer(Name=f"{name}a/relu"),
            convolution(f"{name}b", number, number, bias=False), normalisation(f"{name}b/bn", number),
            additionLayer(2, Name=f"{name}/add"), reluLayer(Name=f"{name}/relu")])
        lgraph = connectLayers(lgraph, end, f"{name}a")
        if stride > 1:
            lgraph = addLayers(lgraph, [convolution(f"{name}c", channels, number, 1, bias=False, Stride=stride, Padding=0),
                                        normalisation(f"{name}c/bn", number)])
            lgraph = connectLayers(lgraph, end, f"{name}c")
            end = f"{name}c/bn"
        lgraph = connectLayers(lgraph, end, f"{name}/add/in2")
        end = f"{name}/relu"
    lgraph = addLayers(lgraph, [globalAveragePooling2dLayer(Name="mean"), dense("fc", 10, 64), softmaxLayer(Name="softmax"),
                                classificationLayer(Name="classes", Classes=names(10))])
    return connectLayers(lgraph, end, "mean")


def vgg(size: Size) -> list[Any]:
    width, left = size.channels, size.side // 32
    layers: list[Any] = [images(size, 3)]
    for stage, convolutions in vgg_stages(width):
        for i, (channels, number) in enumerate(convolutions, 1):
            layers += [convolution(f"conv{stage}-{i}", channels, number), reluLayer()]
        layers.append(maxPooling2dLayer(2, Stride=2))
    wide, flat = 64 * width, left * left * 8 * width
    return [*layers, dense("fc6", wide, flat), reluLayer(), dropoutLayer(), dense("fc7", wide, wide), reluLayer(),
            dropoutLayer(), dense("fc8", 1000, wide), softmaxLayer(), classificationLayer(Classes=names(1000))]


# Loops ---------------------------------------------------------------------------------------------------------------
def train(X: np.ndarray, codes: np.ndarray, layers: Any, size: Size, tick: Tick, shuffle: bool) -> None:
    def after_iteration(info: Any) -> bool:
        return info.State == "iteration" and tick(info.TrainingLoss)

    rng(0)
    options = trainingOptions("sgdm", InitialLearnRate=0.01, MaxEpochs=10**6, MiniBatchSize=size.batch, Verbose=False,
                              Shuffle="every-epoch" if shuffle else "never", BatchNormalizationStatistics="moving",
                              OutputFcn=after_iteration)
    kinds = int(codes.max()) + 1
    trainNetwork(X, categorical(codes, range(kinds), names(kinds)), layers, options)


def predict_all(X: np.ndarray, layers: Any, size: Size, tick: Tick) -> None:
    net = assembleNetwork(layers)
    while not tick(predict(net, X, MiniBatchSize=size.batch)):
        pass


def digits_train(size: Size, tick: Tick, shuffle: bool) -> None:
    train(*digits(size), digits_network(size), size, tick, shuffle)


def digits_predict(size: Size, tick: Tick, shuffle: bool) -> None:
    predict_all(digits(size)[0], digits_network(size), size, tick)


def segnet_train(size: Size, tick: Tick, shuffle: bool) -> None:
    train(pictures(size), label_images(size, 4), segnet(size), size, tick, shuffle)


def segnet_predict(size: Size, tick: Tick, shuffle: bool) -> None:
    predict_all(pictures(size), segnet(size), size, tick)


def resnet_train(size: Size, tick: Tick, shuffle: bool) -> None:
    train(pictures(size), classes(size, 10), resnet(size), size, tick, shuffle)


def vgg_predict(size: Size, tick: Tick, shuffle: bool) -> None:
    predict_all(pictures(size), vgg(size), size, tick)


LOOPS: dict[str, Loop] = {
    "A-train": digits_train, "A-predict": digits_predict, "B-train": segnet_train, "B-predict": segnet_predict,
    "C-train": resnet_train, "G-predict": vgg_predict,
}


def numbers(result: Any) -> list[np.ndarray]:
    """What a tick got, as arrays in MATLAB's layout."""
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]
