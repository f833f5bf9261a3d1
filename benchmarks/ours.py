"""The dltoolbox side, with NumPy and SciPy alone or with Numba: the environment decides."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.data import (
    ATTENTION,
    Observed,
    Size,
    Tick,
    alexnet_side,
    alexnet_stages,
    filters,
    matrix,
    offsets,
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
    convolution1dLayer,
    convolution2dLayer,
    convolution3dLayer,
    dropoutLayer,
    fullyConnectedLayer,
    globalAveragePooling1dLayer,
    globalAveragePooling2dLayer,
    gruLayer,
    image3dInputLayer,
    imageInputLayer,
    layerGraph,
    layerNormalizationLayer,
    lstmLayer,
    maxPooling2dLayer,
    maxPooling3dLayer,
    maxUnpooling2dLayer,
    pixelClassificationLayer,
    predict,
    reluLayer,
    rng,
    selfAttentionLayer,
    sequenceInputLayer,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)


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


def volume_network(size: Size) -> list[Any]:
    """Two 3-D convolutions, each with ReLU and pooling."""
    c, left = size.channels, size.side // 4
    layers: list[Any] = [image3dInputLayer([*[size.side] * 3, 1], Normalization="none")]
    for name, channels, number in (("conv1", 1, c), ("conv2", c, 2 * c)):
        layers += [convolution3dLayer(3, number, Name=name, Padding="same", Weights=filters(name, 3, channels, number, 3),
                                      Bias=offsets(name, number).reshape(1, 1, 1, -1)),
                   reluLayer(), maxPooling3dLayer(2, Stride=2)]
    return [*layers, dense("fc", 10, left ** 3 * 2 * c), softmaxLayer(), classificationLayer(Classes=names(10))]


def sequence_network(size: Size) -> list[Any]:
    """Two causal convolutions over time, each with ReLU and layer normalisation, and the mean over time."""
    layers: list[Any] = [sequenceInputLayer(12)]
    for name, channels, number in (("conv1", 12, 32), ("conv2", 32, 64)):
        layers += [convolution1dLayer(3, number, Name=name, Padding="causal", Weights=filters(name, 3, channels, number, 1),
                                      Bias=offsets(name, number).reshape(1, -1)), reluLayer(), layerNormalizationLayer()]
    return [*layers, globalAveragePooling1dLayer(), dense("fc", 9, 64), softmaxLayer(),
            classificationLayer(Classes=names(9))]


def vgg(size: Size) -> list[Any]:
    width, left = size.channels, size.side // 32
    layers: list[Any] = [images(size, 3)]
    for stage, convolutions in vgg_stages(width):
        for i, (channels, number) in enumerate(convolutions, 1):
            layers += [convolution(f"conv{stage}-{i}", channels, number), reluLayer()]
        layers.append(maxPooling2dLayer(2, Stride=2))
    return [*layers, *thousand_classes(left * left * 8 * width, 64 * width)]


def alexnet(size: Size) -> list[Any]:
    layers: list[Any] = [images(size, 3)]
    for i, stage in enumerate(alexnet_stages(size.channels), 1):
        layers += [convolution(f"conv{i}", stage.channels, stage.filters, stage.size, Stride=stage.stride,
                               Padding=stage.padding), reluLayer()]
        layers += [maxPooling2dLayer(3, Stride=2)] if stage.pool else []
    return [*layers, *thousand_classes(alexnet_side(size.side) ** 2 * 4 * size.channels, 64 * size.channels)]


def thousand_classes(inputs: int, wide: int) -> list[Any]:
    """The end of VGG-16 and AlexNet."""
    return [dense("fc6", wide, inputs), reluLayer(), dropoutLayer(), dense("fc7", wide, wide), reluLayer(), dropoutLayer(),
            dense("fc8", 1000, wide), softmaxLayer(), classificationLayer(Classes=names(1000))]


def one_unit(size: Size) -> list[Any]:
    """One of everything, for images of any size."""
    return [images(size, 3), unit("conv", 3, size.channels), maxPooling2dLayer(2, Stride=2), globalAveragePooling2dLayer(),
            dense("fc", 10, size.channels), softmaxLayer(), classificationLayer(Classes=names(10))]


def attention(size: Size) -> list[Any]:
    """Self-attention, and the mean of all steps."""
    c = size.channels
    weights = {f"{part}Weights": matrix(part, c, c) for part in ATTENTION}
    biases = {f"{part}Bias": offsets(part, c).reshape(-1, 1) for part in ATTENTION}
    return [sequenceInputLayer(c), selfAttentionLayer(8, c, **weights, **biases), globalAveragePooling1dLayer(),
            dense("fc", 10, c), softmaxLayer(), classificationLayer(Classes=names(10))]


def recurrent(layer: Any, gates: int, size: Size) -> list[Any]:
    """A recurrent layer and what classifies its last state."""
    hidden = size.channels
    return [sequenceInputLayer(size.features),
            layer(hidden, OutputMode="last", InputWeights=matrix("x", gates * hidden, size.features),
                  RecurrentWeights=matrix("h", gates * hidden, hidden), Bias=offsets("cell", gates * hidden).reshape(-1, 1)),
            dense("fc", 10, hidden), softmaxLayer(), classificationLayer(Classes=names(10))]


NETWORKS: dict[str, Callable[[Size], Any]] = {
    "digits": digits_network, "segnet": segnet, "resnet": resnet, "volumes": volume_network, "vgg": vgg,
    "alexnet": alexnet, "one unit": one_unit, "attention": attention,
    "lstm": partial(recurrent, lstmLayer, 4), "gru": partial(recurrent, gruLayer, 3), "sequences": sequence_network}


def network(name: str, size: Size, variant: str, work: str) -> Any:
    """Layers to train, or an assembled network; nothing else then keeps the weights."""
    layers = NETWORKS[name](size)
    return assembleNetwork(layers) if work == "predict" else layers


# Work ----------------------------------------------------------------------------------------------------------------
def inputs(observed: Observed, variant: str) -> tuple[Any, ...]:
    """The arguments of trainNetwork before the layers."""
    X, codes, kinds = observed
    return [*np.moveaxis(X, -1, 0)] if X.ndim == 3 else X, categorical(codes, range(kinds), names(kinds))


def train(data: tuple[Any, ...], layers: Any, size: Size, tick: Tick, shuffle: bool, **options: Any) -> None:
    def after_iteration(info: Any) -> bool:
        return info.State == "iteration" and tick(info.TrainingLoss)

    rng(0)
    chosen = trainingOptions("sgdm", InitialLearnRate=0.01, MaxEpochs=10**6, MiniBatchSize=size.batch, Verbose=False,
                             Shuffle="every-epoch" if shuffle else "never", BatchNormalizationStatistics="moving",
                             OutputFcn=after_iteration, **options)
    X, Y = data
    trainNetwork(X, Y, layers, chosen)


def train_fast(data: tuple[Any, ...], layers: Any, size: Size, tick: Tick, shuffle: bool) -> None:
    """With the option that permits larger roundings."""
    train(data, layers, size, tick, shuffle, Precision="fast")


def predict_all(data: tuple[Any, ...], net: Any, size: Size, tick: Tick, shuffle: bool) -> None:
    while not tick(predict(net, data[0], MiniBatchSize=size.batch)):
        pass


WORK: dict[str, Callable[[tuple[Any, ...], Any, Size, Tick, bool], None]] = {
    "train": train, "train fast": train_fast, "predict": predict_all}


def numbers(result: Any) -> list[np.ndarray]:
    """What a tick got, as arrays in MATLAB's layout; a function gives it only when it is asked for."""
    result = result() if callable(result) else result
    return [np.asarray(part) for part in (result if isinstance(result, tuple) else (result,))]
