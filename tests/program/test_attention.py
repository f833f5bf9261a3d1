"""Attention and embeddings over time: sequences of several lengths come out as if alone, dropout, words, and PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    additionLayer,
    addLayers,
    attentionLayer,
    connectLayers,
    dlnetwork,
    embeddingConcatenationLayer,
    fullyConnectedLayer,
    indexing1dLayer,
    inputLayer,
    layerGraph,
    layerNormalizationLayer,
    positionEmbeddingLayer,
    predict,
    regressionLayer,
    selfAttentionLayer,
    sinusoidalPositionEncodingLayer,
    wordEmbeddingLayer,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.core.random import rng as restart
from dltoolbox.network.graph.layer_graph import LayerGraph
from dltoolbox.program.model import Model

NAN = float("nan")
LENGTHS = np.array([3, 7, 1, 7, 4], np.int32)
KEYS = np.array([5, 2, 6, 1, 6], np.int32)


def sequence(channels: int, name: str = "in") -> Any:
    return inputLayer([channels, NAN, NAN], "CBT", Name=name)


def encoder() -> LayerGraph:
    """A transformer: words, positions, attention and a sum, and the last step of each sequence."""
    lgraph = layerGraph([sequence(1), wordEmbeddingLayer(4, 9, Name="words"), additionLayer(3, Name="sum"),
                         layerNormalizationLayer, selfAttentionLayer(2, 4, AttentionMask="causal", Name="attention"),
                         additionLayer(2, Name="residual"), indexing1dLayer("last"), regressionLayer])
    for layer in (positionEmbeddingLayer(4, 9, Name="position"), sinusoidalPositionEncodingLayer(4, Name="waves")):
        lgraph = connectLayers(addLayers(lgraph, layer), "in", layer.Name)
    for source, to in (("position", "sum/in2"), ("waves", "sum/in3"), ("sum", "residual/in2")):
        lgraph = connectLayers(lgraph, source, to)
    return lgraph


def across() -> LayerGraph:
    """Queries of one sequence look at another one."""
    lgraph = layerGraph([sequence(4), attentionLayer(2, Name="attention"), selfAttentionLayer(2, 2),
                         indexing1dLayer("last"), regressionLayer])
    lgraph = addLayers(lgraph, [sequence(4, "key"), fullyConnectedLayer(6, Name="value")])
    return connectLayers(connectLayers(lgraph, "key", "attention/key"), "value", "attention/value")


def masked() -> LayerGraph:
    """A mask beside the data hides steps that are no padding."""
    lgraph = layerGraph([sequence(3), selfAttentionLayer(1, 2, HasPaddingMaskInput=True, Name="attention"),
                         indexing1dLayer("last", HasPaddingMaskInput=True, Name="index"), regressionLayer])
    lgraph = addLayers(lgraph, sequence(1, "mask"))
    return connectLayers(connectLayers(lgraph, "mask", "attention/mask"), "mask", "index/mask")


def chain(*layers: Any) -> Callable[[], LayerGraph]:
    return lambda: layerGraph([sequence(3), *layers, regressionLayer])


NETWORKS: dict[str, Callable[[], LayerGraph]] = {
    "self": chain(selfAttentionLayer(2, 4, NumValueChannels=6, OutputSize=5), selfAttentionLayer(1, 2),
                  indexing1dLayer("last")),
    "causal": chain(selfAttentionLayer(1, 2, AttentionMask="causal"), selfAttentionLayer(1, 2), indexing1dLayer),
    "token": chain(embeddingConcatenationLayer, selfAttentionLayer(3, 3), indexing1dLayer, fullyConnectedLayer(2)),
    "steps": chain(embeddingConcatenationLayer, fullyConnectedLayer(2), selfAttentionLayer(2, 2), indexing1dLayer("last")),
    "last": chain(fullyConnectedLayer(2), indexing1dLayer("last")),
    "encoder": encoder, "across": across, "masked": masked,
}


def data(graph: LayerGraph) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Sequences with large numbers behind their ends, and their lengths."""
    rng, arrays, lengths = np.random.default_rng(0), [], []
    for layer, each in zip([source for source in graph.Layers if not source.InputNames], (LENGTHS, KEYS), strict=False):
        c, each = layer.dims().channels, LENGTHS if layer.Name == "mask" else each
        shape = (c, each.max(), each.size)
        values = rng.integers(0, 2 if layer.Name == "mask" else 12, shape).astype(float) if c == 1 else (
            rng.standard_normal(shape))
        arrays.append(np.where(np.arange(each.max())[:, None] < each, values, 1e3))
        lengths.append(each)
    return arrays, lengths


def filled(model: Model) -> Model:
    rng = np.random.default_rng(1)
    for value in model.arrays.values():
        value[...] = rng.standard_normal(value.shape) / 2
    return model


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_sequence_is_as_if_alone(name: str, fast: bool) -> None:
    """What leaves every layer, the loss, and the gradients of all learnables and inputs."""
    graph = NETWORKS[name]()
    model, (arrays, lengths) = filled(Model(graph, np.float64, fast=fast)), data(graph)
    ports = [f"{layer.Name}/out" for layer in graph.Layers if layer.OutputNames]
    together, alone = model.results(arrays, ports, lengths=lengths), [model.results(one(arrays, lengths, n), ports) for n in
                                                                     range(LENGTHS.size)]
    for port, y in zip(ports, together, strict=True):
        for n, found in enumerate(alone):
            mine = y.array[..., n] if y.lengths is None else y.array[..., :y.lengths[n], n]
            np.testing.assert_allclose(mine, found[ports.index(port)].array[..., 0], rtol=1e-9, atol=1e-9, err_msg=port)
    targets = np.random.default_rng(2).standard_normal(model.results(arrays, lengths=lengths)[0].array.shape)
    loss, learnables, inputs = model.gradients(arrays, [targets], lengths=lengths)
    single = [model.gradients(one(arrays, lengths, n), [targets[:, n:n + 1]]) for n in range(LENGTHS.size)]
    np.testing.assert_allclose(loss, np.mean([found[0] for found in single]), rtol=1e-9)
    for key, gradient in learnables.items():
        expected = np.mean([found[1][key] for found in single], axis=0)
        np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-9, err_msg=key.name)
    for number, gradient in enumerate(inputs):
        for n, found in enumerate(single):
            length = lengths[number][n]
            np.testing.assert_allclose(gradient[:, :length, n] * LENGTHS.size, found[2][number][..., 0], rtol=1e-9,
                                       atol=1e-9)
            np.testing.assert_array_equal(gradient[:, length:, n], 0)


def one(arrays: list[np.ndarray], lengths: list[np.ndarray], n: int) -> list[np.ndarray]:
    """A sequence without its padding."""
    return [x[:, :each[n], n:n + 1] for x, each in zip(arrays, lengths, strict=True)]


def test_dropout_is_drawn_per_observation() -> None:
    """In training only, the same on any number of threads and in any mini-batch; what is left is scaled."""
    graph = layerGraph([sequence(3), selfAttentionLayer(1, 2, DropoutProbability=0.5, Name="a"), regressionLayer])
    model, x = filled(Model(graph, np.float64)), np.random.default_rng(0).standard_normal((3, 6, 4))
    targets = np.zeros((3, 6, 4))

    def drawn(x: np.ndarray) -> np.ndarray:
        return model.step([x], [targets[..., :x.shape[-1]]]).predictions[0]
    restart(0)
    whole = drawn(x)
    restart(0)
    parts = np.concatenate([drawn(x[..., :1]), drawn(x[..., 1:])], -1)
    np.testing.assert_allclose(whole, parts, rtol=1e-9)
    assert not np.allclose(whole, drawn(x))
    (expected,) = model.predict([x])
    assert np.abs(whole - expected).max() > 1e-3
    np.testing.assert_allclose(np.mean([drawn(x) for _ in range(400)], axis=0), expected, atol=0.1)


def test_dropout_sends_nothing_into_padding() -> None:
    graph = chain(selfAttentionLayer(1, 2, DropoutProbability=0.3), selfAttentionLayer(1, 2), indexing1dLayer("last"))()
    for fast in (True, False):
        model, (arrays, lengths) = filled(Model(graph, np.float64, fast=fast)), data(graph)
        _, learnables, (dx,) = model.gradients(arrays, [np.ones((3, LENGTHS.size))], lengths=lengths)
        assert all(np.isfinite(value).all() for value in learnables.values())
        real = np.arange(dx.shape[1])[:, None] < LENGTHS
        np.testing.assert_array_equal(dx[:, ~real], 0)
        assert np.abs(dx).sum() > 0


def test_scores_go_with_the_keys() -> None:
    lgraph = layerGraph([sequence(4, "query"), attentionLayer(2, HasScoresOutput=True, HasPaddingMaskInput=True, Name="a")])
    for name, channels in (("key", 4), ("value", 6), ("mask", 1)):
        lgraph = connectLayers(addLayers(lgraph, sequence(channels, name)), name, f"a/{name}")
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((c, 3, t)) for c, t in ((4, 5), (4, 7), (6, 7)))
    mask = np.ones((1, 3, 7))
    mask[0, 1, 4:] = 0
    mask[0, 2] = 0
    y, scores = predict(dlnetwork(lgraph), q, k, v, mask, Outputs=["a/out", "a/scores"], nargout=2)
    assert y.shape == (6, 3, 5)
    assert scores.shape == (7, 5, 2, 3)
    np.testing.assert_allclose(scores[..., :2].sum(0), 1, rtol=1e-5)
    np.testing.assert_array_equal(scores[4:, ..., 1], 0)
    np.testing.assert_array_equal(scores[..., 2], 0)  # nothing to look at
    np.testing.assert_array_equal(y[:, 2], 0)
    np.testing.assert_allclose(y[:3, 1], np.einsum("ckt,kqt->cqt", v[:3, 1:2].swapaxes(1, 2), scores[:, :, 0, 1:2])[..., 0],
                               rtol=1e-4, atol=1e-5)


def test_words_without_an_index() -> None:
    weights = np.arange(8.0).reshape(2, 4)
    x = np.array([[[1, 4, 5, 0, NAN, 2.5, -1]]])
    net = dlnetwork([sequence(1), wordEmbeddingLayer(2, 4, Weights=weights, Name="words")])
    np.testing.assert_array_equal(predict(net, x)[:, 0], [[0, 3, 0, 0, 0, 0, 0], [4, 7, 0, 0, 0, 0, 0]])
    assert net.Layers[1].Weights.shape == (2, 5)
    given = wordEmbeddingLayer(2, 4, Weights=np.hstack([weights, [[8], [9]]]))
    np.testing.assert_array_equal(predict(dlnetwork([sequence(1), given]), x)[:, 0, 2:], [[8] * 5, [9] * 5])
    strict = dlnetwork([sequence(1), wordEmbeddingLayer(2, 4, Weights=weights, OOVMode="error")])
    np.testing.assert_array_equal(predict(strict, x[..., :2])[:, 0], weights[:, [0, 3]])
    with pytest.raises(DltoolboxError, match=r"index 5, but .* whole numbers from 1 to 4\..*map-to-last") as caught:
        predict(strict, x)
    assert caught.value.identifier == "dltoolbox:wordEmbeddingLayer:outOfVocabulary"


def test_positions_begin_with_one() -> None:
    net = dlnetwork([sequence(3), sinusoidalPositionEncodingLayer(4)])
    at = np.arange(1, 6)
    waves = np.stack([np.sin(at), np.cos(at), np.sin(at / 100), np.cos(at / 100)])
    np.testing.assert_allclose(predict(net, np.zeros((3, 2, 5)))[:, 1], waves, rtol=1e-5)
    table = np.arange(14.0).reshape(2, 7)
    net = dlnetwork([sequence(3), positionEmbeddingLayer(2, 7, Weights=table)])
    np.testing.assert_array_equal(predict(net, np.zeros((3, 2, 5)))[:, 1], table[:, :5])
    with pytest.raises(DltoolboxError, match="8 positions, but maxPosition is 7") as caught:
        predict(net, np.zeros((3, 2, 8)))
    assert caught.value.identifier == "dltoolbox:positionEmbeddingLayer:tooManyPositions"
