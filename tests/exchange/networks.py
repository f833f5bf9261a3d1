"""Finished networks to save."""

from __future__ import annotations

from typing import Any

import numpy as np

from dltoolbox.core.random import rng
from dltoolbox.layers import FACTORIES
from dltoolbox.network.graph.layer_graph import LayerGraph, layerGraph
from dltoolbox.network.graph.surgery import connectLayers
from dltoolbox.network.networks import DAGNetwork
from dltoolbox.program.model import Model

F = FACTORIES


def finished(layers: Any, *connections: tuple[str, str]) -> DAGNetwork:
    """A network with drawn weights and moved statistics."""
    lgraph: LayerGraph = layerGraph(layers)
    for source, destination in connections:
        lgraph = connectLayers(lgraph, source, destination)
    rng(0)
    model = Model(lgraph)
    random = np.random.default_rng(0)
    for key, value in model.arrays.items():
        value += random.uniform(0.1, 0.5, value.shape) if key.name != "Max" else 2
    return model.network()


def segmentation() -> DAGNetwork:
    """Unpooling, so several connections between two layers; batch normalisation; class weights."""
    return finished([F["imageInputLayer"]([8, 6, 3], Mean=[1, 2, 3], Normalization="zscore", StandardDeviation=[2, 1, 0]),
                     F["convolution2dLayer"](3, 4, Padding=[1, 2, 0, 1], DilationFactor=[1, 2], Stride=[1, 1],
                                             WeightsInitializer="he", BiasLearnRateFactor=0),
                     F["batchNormalizationLayer"](Epsilon=1e-3), F["reluLayer"](),
                     F["maxPooling2dLayer"](2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
                     F["convolution2dLayer"](3, 4, Padding="same", PaddingValue="replicate"), F["leakyReluLayer"](0.3),
                     F["maxUnpooling2dLayer"](Name="unpool"), F["convolution2dLayer"](1, 2), F["softmaxLayer"](),
                     F["pixelClassificationLayer"](Classes=["sky", "größe / ß"], ClassWeights=[1 / 3, 0.1])],
                    ("pool/indices", "unpool/indices"), ("pool/size", "unpool/size"))


def classifier() -> DAGNetwork:
    return finished([F["imageInputLayer"]([6, 6, 1], Mean=np.full((6, 6), 0.25)), F["convolution2dLayer"]([3, 2], 4),
                     F["reluLayer"](), F["averagePooling2dLayer"](2, Padding="same", PaddingValue="mean"),
                     F["dropoutLayer"](0.1), F["fullyConnectedLayer"](3), F["softmaxLayer"](),
                     F["classificationLayer"](Classes=["a", "b", "auto"])])


def volumes() -> DAGNetwork:
    return finished([F["image3dInputLayer"]([4, 4, 4, 1], Normalization="rescale-symmetric", Min=0, Max=1),
                     F["convolution3dLayer"](2, 2, Padding=[[1, 0, 1], [0, 1, 1]]),
                     F["maxPooling3dLayer"]([2, 2, 1], Padding="same"), F["fullyConnectedLayer"](2),
                     F["regressionLayer"](ResponseNames=["x", "y"])])


def two_inputs() -> DAGNetwork:
    lgraph = layerGraph([F["featureInputLayer"](3, Name="a"), F["fullyConnectedLayer"](4), F["additionLayer"](2, Name="sum"),
                         F["regressionLayer"](Name="out")])
    other = layerGraph([F["featureInputLayer"](2, Name="b", Normalization="zerocenter", Mean=1), F["fullyConnectedLayer"](
        4, Name="fc_b")])
    joined = LayerGraph([*lgraph.nodes, *other.nodes], [*lgraph.edges, *other.edges])
    return finished(connectLayers(joined, "fc_b", "sum/in2"))


def constants() -> DAGNetwork:
    """Arrays that are neither learned nor statistics, a learned slope, and data of a declared format."""
    return finished([F["inputLayer"]([4, 3, 2, None], "SSCB"), F["scalingLayer"](Scale=[[[2, 3]]], Bias=0.5),
                     F["preluLayer"](Alpha=[[[0.5, 0.1]]]), F["flattenLayer"](), F["fullyConnectedLayer"](2),
                     F["regressionLayer"]()])


def separable() -> DAGNetwork:
    """Groups of channels, and inputs of which only the size counts."""
    return finished([F["imageInputLayer"]([9, 8, 4], Normalization="none", Name="in"),
                     F["groupedConvolution2dLayer"](3, 2, "channel-wise", Padding="same", Stride=2, Name="wise"),
                     F["groupNormalizationLayer"]("channel-wise"), F["groupedConvolution2dLayer"](1, 3, 2),
                     F["crossChannelNormalizationLayer"](3, K=1),
                     F["resize2dLayer"](EnableReferenceInput=True, Method="bilinear", Name="up"),
                     F["resize2dLayer"](OutputSize=[12, float("nan")]), F["crop2dLayer"]([2, 3], Name="crop"),
                     F["spaceToDepthLayer"](2), F["layerNormalizationLayer"](OperationDimension="channel-only"),
                     F["adaptiveAveragePooling2dLayer"](2), F["fullyConnectedLayer"](2), F["regressionLayer"]()],
                    ("in", "up/ref"), ("in", "crop/ref"))


NETWORKS = {"constants": constants, "separable": separable, "segmentation": segmentation,
            "classifier": classifier, "volumes": volumes, "two inputs": two_inputs}


def data_for(net: DAGNetwork, count: int = 3) -> list[np.ndarray]:
    random = np.random.default_rng(1)
    sizes = [one.dims().sizes for one in net.nodes if not one.inputs()]
    return [random.standard_normal((count, *size[:-1]) if len(size) == 2 else (*size[:-1], count)) for size in sizes]
