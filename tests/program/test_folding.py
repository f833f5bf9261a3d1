"""Folded sequences: layers in between see single time steps, and make of them what they make of sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dltoolbox import (
    additionLayer,
    addLayers,
    batchNormalizationLayer,
    connectLayers,
    convolution2dLayer,
    dropoutLayer,
    flattenLayer,
    fullyConnectedLayer,
    globalAveragePooling2dLayer,
    inputLayer,
    layerGraph,
    layerNormalizationLayer,
    maxNumCompThreads,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    reluLayer,
    sequenceFoldingLayer,
    sequenceUnfoldingLayer,
)
from dltoolbox.core.random import rng as restart
from dltoolbox.data.sources.batches import Batch
from dltoolbox.ops import ParameterKey
from dltoolbox.program.model import Model
from tests.program.alone import LENGTHS, Found, check_alone, padded, same
from tests.program.networks import scrambled

pytestmark = pytest.mark.usefixtures("every_network_is_worth_several_threads")

NAN = float("nan")
SIZE = (6, 5, 2)
PATHS: dict[str, list[Any]] = {
    "conv": [convolution2dLayer(3, 4, Padding="same", Name="conv"), reluLayer, maxPooling2dLayer(2), flattenLayer],
    "norm": [convolution2dLayer(3, 4, Stride=2, Name="conv"), layerNormalizationLayer(OperationDimension="spatial-channel"),
             reluLayer, globalAveragePooling2dLayer, flattenLayer],
    "dense": [fullyConnectedLayer(4, Name="conv"), flattenLayer],
}


def network(path: list[Any], *, folded: bool) -> Any:
    """The layers between folding and unfolding, or the same without."""
    fold = [sequenceFoldingLayer(Name="fold")] if folded else []
    unfold = [sequenceUnfoldingLayer(Name="unfold")] if folded else []
    lgraph = layerGraph([inputLayer([*SIZE, NAN, NAN], "SSCBT"), *fold, *path, *unfold, fullyConnectedLayer(3, Name="fc"),
                         regressionLayer])
    return connectLayers(lgraph, "fold/miniBatchSize", "unfold/miniBatchSize") if folded else lgraph


def targets(lengths: np.ndarray = LENGTHS, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((3, lengths.max(), lengths.size))


def equal(one: Found, other: Found) -> None:
    for a, b in zip(one.results, other.results, strict=True):
        same(a.array, b.array)
    same(np.asarray(one.loss), np.asarray(other.loss))
    for key, gradient in one.learnables.items():
        same(gradient, other.learnables[key])
    for a, b in zip(one.entering, other.entering, strict=True):
        same(a, b)


@pytest.mark.parametrize("lengths", [LENGTHS, None], ids=["several lengths", "one length"])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("path", PATHS)
def test_folding_changes_nothing(path: str, threads: int, lengths: np.ndarray | None) -> None:
    maxNumCompThreads(threads)
    x, t = padded(np.random.default_rng(1), SIZE), targets()
    one, other = (scrambled(Model(network(PATHS[path], folded=folded), np.float64)) for folded in (True, False))
    equal(Found(one, [x], [t], lengths), Found(other, [x], [t], lengths))
    if lengths is not None and threads != 1:
        check_alone(one, [x], [t], lengths, plain=scrambled(Model(other.lgraph, np.float64, fast=False)))


@pytest.mark.parametrize("fast", [True, False], ids=["kernels", "reference"])
def test_every_step_is_an_observation_in_between(fast: bool) -> None:
    """Step by step through the layers in between, as a network of images."""
    lgraph = network(PATHS["conv"], folded=True)
    model = scrambled(Model(lgraph, np.float64, fast=fast))
    x = padded(np.random.default_rng(1), SIZE)
    (y,) = model.results([x], lengths=[LENGTHS])
    images = layerGraph([inputLayer([*SIZE, NAN], "SSCB"), *PATHS["conv"], fullyConnectedLayer(3, Name="fc"),
                         regressionLayer])
    single = Model(images, np.float64)
    for key, value in model.arrays.items():
        single.assign(key, value)
    for t in range(x.shape[-2]):
        real = t < LENGTHS
        same(y.array[:, t, real], single.predict([x[..., t, real]])[0].reshape(3, -1))


def test_statistics_in_between_are_those_of_real_steps() -> None:
    path = [batchNormalizationLayer(Name="bn"), reluLayer, flattenLayer]
    x, t = padded(np.random.default_rng(1), SIZE), targets()
    one, other = (scrambled(Model(network(path, folded=folded), np.float64)) for folded in (True, False))
    equal(Found(one, [x], [t], LENGTHS), Found(other, [x], [t], LENGTHS))
    for model in (one, other):
        model.finalize_statistics([Batch((x,), (), [LENGTHS]), Batch((x[..., :3, :2],))])
    for name in ("TrainedMean", "TrainedVariance"):
        same(one.arrays[ParameterKey("bn", name)], other.arrays[ParameterKey("bn", name)])


def test_layers_in_between_can_be_looked_at() -> None:
    """What they compute is kept by sequence, on any number of threads."""
    model = scrambled(Model(network(PATHS["conv"], folded=True), np.float64))
    other = scrambled(Model(network(PATHS["conv"], folded=False), np.float64))
    x = padded(np.random.default_rng(1), SIZE)
    for threads in (1, 2):
        maxNumCompThreads(threads)
        same(model.predict([x], ["conv/out"])[0], other.predict([x], ["conv/out"])[0])
        assert model.predict([x], ["fold/miniBatchSize"])[0] == LENGTHS.size


def test_what_is_dropped_does_not_depend_on_threads() -> None:
    found = []
    for threads in (1, 2, 3):
        maxNumCompThreads(threads)
        model = scrambled(Model(network([dropoutLayer(0.5), *PATHS["conv"]], folded=True), np.float64))
        restart(3)
        found.append(model.gradients([padded(np.random.default_rng(1), SIZE)], [targets()], lengths=[LENGTHS])[0])
    same(np.array(found[1:]), np.array(found[:1] * 2))


def test_maxima_return_and_branches_meet_in_between() -> None:
    def made(*, folded: bool) -> Any:
        pool = maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool")
        lgraph = network([convolution2dLayer(3, 2, Padding="same", Name="conv"), pool, reluLayer,
                          maxUnpooling2dLayer(Name="unpool"), additionLayer(2, Name="add"), flattenLayer], folded=folded)
        for port in ("indices", "size"):
            lgraph = connectLayers(lgraph, f"pool/{port}", f"unpool/{port}")
        lgraph = addLayers(lgraph, convolution2dLayer(1, 2, Name="short"))
        return connectLayers(connectLayers(lgraph, "conv", "short"), "short", "add/in2")
    x, t = padded(np.random.default_rng(1), SIZE), targets()
    x = x[:, :4]
    one, other = (scrambled(Model(resized(made(folded=folded)), np.float64)) for folded in (True, False))
    equal(Found(one, [x], [t], LENGTHS), Found(other, [x], [t], LENGTHS))


def resized(lgraph: Any) -> Any:
    from dltoolbox import replaceLayer
    return replaceLayer(lgraph, lgraph.nodes[0].Name, inputLayer([6, 4, 2, NAN, NAN], "SSCBT", Name=lgraph.nodes[0].Name))
