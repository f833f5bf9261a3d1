"""Whole networks for the tests of the program, with random arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core.random import rng as restart
from dltoolbox.layers import FACTORIES, Layer
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import addLayers, connectLayers
from dltoolbox.network.networks import DAGNetwork
from dltoolbox.program.model import Model


def make(factory: str, *args: Any, **options: Any) -> Layer:
    return FACTORIES[factory](*args, **options)


def block(name: str, filters: int, **options: Any) -> list[Layer]:
    """Convolution, batch normalisation, ReLU."""
    given = {"Padding": "same"} | options
    return [make("convolution2dLayer", 3, filters, Name=f"{name}_conv", **given),
            make("batchNormalizationLayer", Name=f"{name}_bn"), make("reluLayer", Name=f"{name}_relu")]


def digits() -> LayerGraph:
    layers: list[Any] = [make("imageInputLayer", [28, 28, 1], Normalization="none")]
    for number, filters in enumerate((8, 16, 32)):
        layers += block(f"b{number}", filters)
        if number < 2:
            layers.append(make("maxPooling2dLayer", 2, Stride=2))
    return layerGraph([*layers, make("fullyConnectedLayer", 10), make("softmaxLayer"),
                       make("classificationLayer", Classes=[str(n) for n in range(10)])])


def segnet(pool: int = 2, stride: int = 2, padding: Any = 0, size: tuple[int, ...] = (12, 16, 3)) -> LayerGraph:
    """Two encoder and two decoder stages; the maxima return to where they came from."""
    options = {"Stride": stride, "Padding": padding, "HasUnpoolingOutputs": True}
    lgraph = layerGraph([
        make("imageInputLayer", list(size), Normalization="none", Name="image"),
        block("e1", 6), make("maxPooling2dLayer", pool, Name="pool1", **options),
        block("e2", 8), make("maxPooling2dLayer", pool, Name="pool2", **options),
        make("maxUnpooling2dLayer", Name="unpool2"), block("d2", 6),
        make("maxUnpooling2dLayer", Name="unpool1"), block("d1", 4),
        make("softmaxLayer", Name="softmax"),
        make("pixelClassificationLayer", Classes=list("abcd"), ClassWeights=[1, 2, 0.5, 1], Name="labels")])
    for stage in "12":
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"pool{stage}/{port}", f"unpool{stage}/{port}")
    return lgraph


def residual() -> LayerGraph:
    """Two residual blocks, the second with a projection on its shortcut; dropout is left out."""
    lgraph = layerGraph([
        make("imageInputLayer", [16, 16, 3], Normalization="none", Name="image"), block("stem", 8),
        block("a", 8), make("convolution2dLayer", 3, 8, Padding="same", Name="a_conv2"),
        make("batchNormalizationLayer", Name="a_bn2"), make("additionLayer", 2, Name="a_add"),
        make("reluLayer", Name="a_out"), block("b", 12, Stride=2),
        make("convolution2dLayer", 3, 12, Padding="same", Name="b_conv2"), make("batchNormalizationLayer", Name="b_bn2"),
        make("additionLayer", 2, Name="b_add"), make("leakyReluLayer", Name="b_out"),
        make("globalAveragePooling2dLayer", Name="gap"), make("fullyConnectedLayer", 5, Name="fc"),
        make("softmaxLayer", Name="softmax"), make("classificationLayer", Classes=list("abcde"), Name="labels")])
    lgraph = connectLayers(lgraph, "stem_relu", "a_add/in2")
    lgraph = addLayers(lgraph, [make("convolution2dLayer", 1, 12, Stride=2, Name="short"),
                                make("batchNormalizationLayer", Name="short_bn")])
    return connectLayers(connectLayers(lgraph, "a_out", "short"), "short_bn", "b_add/in2")


def scrambled(model: Model, seed: int = 0, scale: float = 0.5) -> Model:
    """Random arrays; spreads stay positive."""
    rng = np.random.default_rng(seed)
    for key, value in model.arrays.items():
        positive = key.name in ("TrainedVariance", "Scale")
        value[...] = rng.uniform(0.5, 2, value.shape) if positive else scale * rng.standard_normal(value.shape)
    return model


def finished(lgraph: LayerGraph, seed: int = 0) -> DAGNetwork:
    return scrambled(Model(lgraph), seed).network()


def images(lgraph: LayerGraph, count: int, dtype: Any = np.float64, seed: int = 1) -> np.ndarray:
    size = next(one for one in lgraph.nodes if not one.inputs()).dims().sizes[:-1]
    return np.random.default_rng(seed).standard_normal((*size, count)).astype(dtype)


def one_hot(shape: tuple[int, ...], dtype: Any = np.float64, undefined: float = 0.0, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, shape[-2], (*shape[:-2], 1, shape[-1]))
    hot = (classes == np.arange(shape[-2])[:, None]).astype(dtype)
    hot *= rng.random((*shape[:-2], 1, shape[-1])) >= undefined
    return hot


def everything(model: Model, inputs: Any, targets: Any) -> list[np.ndarray]:
    """Predictions, loss, gradients of learnables and inputs."""
    restart(0)
    predictions = model.predict(inputs)
    loss, learnables, entering = model.gradients(inputs, targets)
    return [*predictions, np.asarray(loss), *(learnables[key] for key in sorted(learnables)), *entering]
