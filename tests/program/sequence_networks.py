"""Whole networks of sequences, and the same in PyTorch for one sequence: what strangers build, at a small size.

``theirs(x, array)`` gets a tensor T×C (T×C×h×w for films) and ``array(layer, name)``, the arrays of our model; it returns
K for one output per sequence and T×K for one per step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from dltoolbox import (
    additionLayer,
    addLayers,
    batchNormalizationLayer,
    bilstmLayer,
    classificationLayer,
    connectLayers,
    convolution1dLayer,
    convolution2dLayer,
    convolution3dLayer,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling1dLayer,
    globalAveragePooling2dLayer,
    gruLayer,
    indexing1dLayer,
    layerGraph,
    layerNormalizationLayer,
    lstmLayer,
    maxPooling1dLayer,
    maxPooling2dLayer,
    maxUnpooling1dLayer,
    positionEmbeddingLayer,
    regressionLayer,
    reluLayer,
    selfAttentionLayer,
    sequenceFoldingLayer,
    sequenceInputLayer,
    sequenceUnfoldingLayer,
    softmaxLayer,
)
from dltoolbox.network.graph.layer_graph import LayerGraph
from tests.program.case import filters

Get = Callable[[str, str], Tensor]
CLASSES, WEIGHTS = ("a", "b", "c"), (1.0, 2.0, 0.5)


class SequenceNetwork(NamedTuple):
    """A network, the size of one step of what enters it, the same in PyTorch, and what it learns."""

    graph: Callable[[], LayerGraph]
    size: tuple[int, ...]
    theirs: Callable[[Tensor, Get], Tensor]
    task: str = "label"  # 'label', 'tags' (one per step), 'series' (numbers, as many as enter)
    weights: tuple[float, ...] = ()


def recurrence(x: Tensor, get: Get, layer: str, module: type[torch.nn.RNNBase] = torch.nn.LSTM) -> Tensor:
    """T×C → T×H, the directions side by side."""
    names = ("InputWeights", "RecurrentWeights", "Bias")
    gates = 4 if module is torch.nn.LSTM else 3
    rows, hidden = get(layer, "RecurrentWeights").shape
    both = rows // (gates * hidden)
    made = module(x.shape[-1], hidden, bidirectional=both == 2).double()
    weights = {}
    for suffix, w, r, b in zip(("", "_reverse"), *(get(layer, name).chunk(both) for name in names), strict=False):
        weights |= {f"weight_ih_l0{suffix}": w, f"weight_hh_l0{suffix}": r, f"bias_ih_l0{suffix}": b.flatten(),
                    f"bias_hh_l0{suffix}": torch.zeros(len(w), dtype=w.dtype)}
    return torch.func.functional_call(made, weights, (x,))[0]


def dense(x: Tensor, get: Get, layer: str) -> Tensor:
    return x @ get(layer, "Weights").T + get(layer, "Bias").flatten()


def over_time(x: Tensor, get: Get, layer: str, before: int, dilation: int = 1) -> Tensor:
    """1-D convolution of T×C with so many zeros in front."""
    padded = F.pad(x.T[None], (before, 0))
    return F.conv1d(padded, filters(get(layer, "Weights")), get(layer, "Bias").flatten(), dilation=dilation)[0].T


def normalised(x: Tensor, get: Get, layer: str) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], get(layer, "Scale").flatten(), get(layer, "Offset").flatten())


def of_films(x: Tensor, get: Get, layer: str) -> Tensor:
    """2-D convolution of every picture of T×C×h×w, keeping its size."""
    return F.conv2d(x, filters(get(layer, "Weights")), get(layer, "Bias").flatten(), padding="same")


# Pictures by folding, then an LSTM -----------------------------------------------------------------------------------
def folded() -> LayerGraph:
    lgraph = layerGraph([
        sequenceInputLayer([4, 6, 2], Name="in"), sequenceFoldingLayer(Name="fold"),
        convolution2dLayer(3, 3, Padding="same", Name="conv"), reluLayer, maxPooling2dLayer(2, Stride=2),
        sequenceUnfoldingLayer(Name="unfold"), flattenLayer, lstmLayer(4, OutputMode="last", Name="lstm"),
        fullyConnectedLayer(3, Name="fc"), softmaxLayer, classificationLayer(Classes=[*CLASSES])])
    return connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize")


def their_folded(x: Tensor, get: Get) -> Tensor:
    y = F.max_pool2d(of_films(x, get, "conv").relu(), 2)
    y = y.permute(0, 1, 3, 2).flatten(1)  # column by column
    return dense(recurrence(y, get, "lstm")[-1], get, "fc").softmax(-1)


# Films: space by steps, then motion ----------------------------------------------------------------------------------
def films() -> LayerGraph:
    return layerGraph([
        sequenceInputLayer([4, 6, 2], Name="in"), convolution2dLayer(3, 3, Padding="same", Name="conv"), reluLayer,
        convolution3dLayer([3, 3, 2], 4, Name="motion"), reluLayer, globalAveragePooling2dLayer,
        flattenLayer, gruLayer(4, OutputMode="last", Name="gru", ResetGateMode="after-multiplication"),
        fullyConnectedLayer(3, Name="fc"), softmaxLayer, classificationLayer(Classes=[*CLASSES])])


def their_films(x: Tensor, get: Get) -> Tensor:
    y = of_films(x, get, "conv").relu().permute(1, 2, 3, 0)[None]  # 1×C×h×w×T
    y = F.conv3d(y, filters(get("motion", "Weights")), get("motion", "Bias").flatten()).relu().mean((2, 3))[0].T
    return dense(recurrence(y, get, "gru", torch.nn.GRU)[-1], get, "fc").softmax(-1)


# A transformer encoder -----------------------------------------------------------------------------------------------
def encoder() -> LayerGraph:
    lgraph = layerGraph([
        sequenceInputLayer(4, Name="in"), additionLayer(2, Name="embedded"), selfAttentionLayer(2, 4, Name="attention"),
        additionLayer(2, Name="add1"), layerNormalizationLayer(Name="norm1"), fullyConnectedLayer(7, Name="fc1"), reluLayer,
        fullyConnectedLayer(4, Name="fc2"), additionLayer(2, Name="add2"), layerNormalizationLayer(Name="norm2"),
        indexing1dLayer("last", Name="last"), fullyConnectedLayer(3, Name="fc"), softmaxLayer,
        classificationLayer(Classes=[*CLASSES])])
    lgraph = addLayers(lgraph, positionEmbeddingLayer(4, 20, Name="positions"))
    for source, to in (("in", "positions"), ("positions", "embedded/in2"), ("embedded", "add1/in2"), ("norm1", "add2/in2")):
        lgraph = connectLayers(lgraph, source, to)
    return lgraph


def their_encoder(x: Tensor, get: Get) -> Tensor:
    x = x + get("positions", "Weights").T[:len(x)]
    q, k, v = ((x @ get("attention", f"{part}Weights").T + get("attention", f"{part}Bias").T).unflatten(1, (2, -1))
               .transpose(0, 1) for part in ("Query", "Key", "Value"))
    seen = F.scaled_dot_product_attention(q, k, v).transpose(0, 1).flatten(1)
    x = normalised(x + seen @ get("attention", "OutputWeights").T + get("attention", "OutputBias").T, get, "norm1")
    x = normalised(x + dense(dense(x, get, "fc1").relu(), get, "fc2"), get, "norm2")
    return dense(x[-1], get, "fc").softmax(-1)


# A temporal convolutional network with residual blocks ---------------------------------------------------------------
def residual() -> LayerGraph:
    layers: list[Any] = [sequenceInputLayer(3, Name="in")]
    for block, dilation in ((1, 1), (2, 2)):
        layers += [convolution1dLayer(3, 4, DilationFactor=dilation, Padding="causal", Name=f"conv{block}a"),
                   layerNormalizationLayer(Name=f"norm{block}"), reluLayer,
                   convolution1dLayer(3, 4, DilationFactor=dilation, Padding="causal", Name=f"conv{block}b"),
                   additionLayer(2, Name=f"add{block}")]
    layers += [globalAveragePooling1dLayer, fullyConnectedLayer(3, Name="fc"), softmaxLayer,
               classificationLayer(Classes=[*CLASSES])]
    lgraph = addLayers(layerGraph(layers), convolution1dLayer(1, 4, Name="skip"))
    for source, to in (("in", "skip"), ("skip", "add1/in2"), ("add1", "add2/in2")):
        lgraph = connectLayers(lgraph, source, to)
    return lgraph


def their_residual(x: Tensor, get: Get) -> Tensor:
    skip = over_time(x, get, "skip", 0)
    for block, dilation in ((1, 1), (2, 2)):
        y = normalised(over_time(x, get, f"conv{block}a", 2 * dilation, dilation), get, f"norm{block}").relu()
        x = skip = over_time(y, get, f"conv{block}b", 2 * dilation, dilation) + skip
    return dense(x.mean(0), get, "fc").softmax(-1)


# An autoencoder that remembers where its maxima were -----------------------------------------------------------------
def autoencoder() -> LayerGraph:
    lgraph = layerGraph([
        sequenceInputLayer(3, Name="in"), convolution1dLayer(3, 5, Padding="same", Name="down"), reluLayer,
        maxPooling1dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
        convolution1dLayer(3, 5, Padding="same", Name="inner"), maxUnpooling1dLayer(Name="unpool"),
        convolution1dLayer(3, 3, Padding="same", Name="up"), regressionLayer])
    for port in ("indices", "size"):
        lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
    return lgraph


def their_autoencoder(x: Tensor, get: Get) -> Tensor:
    def conv(x: Tensor, layer: str) -> Tensor:
        return F.conv1d(x, filters(get(layer, "Weights")), get(layer, "Bias").flatten(), padding="same")
    y = conv(x.T[None], "down").relu()
    pooled, at = F.max_pool1d(y, 2, return_indices=True)
    return conv(F.max_unpool1d(conv(pooled, "inner"), at, 2, output_size=y.shape), "up")[0].T


# One tag per step, some of them worth more ---------------------------------------------------------------------------
def tagger() -> LayerGraph:
    return layerGraph([sequenceInputLayer(3, Name="in"), bilstmLayer(4, Name="both"), batchNormalizationLayer(Name="bn"),
                       fullyConnectedLayer(3, Name="fc"), softmaxLayer,
                       classificationLayer(Classes=[*CLASSES], ClassWeights=[*WEIGHTS])])


SEQUENCE_NETWORKS = {
    "pictures by folding": SequenceNetwork(folded, (4, 6, 2), their_folded),
    "films": SequenceNetwork(films, (4, 6, 2), their_films),
    "transformer encoder": SequenceNetwork(encoder, (4,), their_encoder),
    "temporal convolutions": SequenceNetwork(residual, (3,), their_residual),
    "autoencoder": SequenceNetwork(autoencoder, (3,), their_autoencoder, "series"),
}
