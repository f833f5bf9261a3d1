"""Learn-rate factors of 0: no gradient is computed, nothing moves, and what is trained learns as before."""

import numpy as np
import pytest

from dltoolbox import (
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxNumCompThreads,
    maxPooling2dLayer,
    reluLayer,
    rng,
    setLearnRateFactor,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
)
from dltoolbox.program.model import Model
from tests.program.networks import everything, images, one_hot, residual, scrambled

FROZEN = {"WeightLearnRateFactor": 0, "BiasLearnRateFactor": 0}
FROZEN_NORM = {"OffsetLearnRateFactor": 0, "ScaleLearnRateFactor": 0}
X = np.random.default_rng(0).standard_normal((8, 8, 1, 12)).astype(np.float32)
Y = categorical(["a", "b", "c"] * 4)
TARGET = np.eye(3, dtype=np.float32)[:, np.arange(12) % 3][np.newaxis, np.newaxis]


def layers(*, first=None, norm=None, second=None):
    """Two convolutions; the options freeze what stands before the second one, or in it."""
    return [imageInputLayer([8, 8, 1]), convolution2dLayer(3, 6, Padding="same", Name="first", **(first or {})),
            batchNormalizationLayer(Name="norm", **(norm or {})), reluLayer, maxPooling2dLayer(2, Stride=2),
            convolution2dLayer(3, 8, Name="second", **(second or {})), reluLayer, fullyConnectedLayer(3, Name="last"),
            softmaxLayer, classificationLayer]


def step(fast, **frozen):
    rng(0)
    model = Model(layerGraph(layers(**frozen)), np.float64, fast=fast)
    result = model.step([X], [TARGET])
    return model, {f"{p.layer}/{p.name}": g for p, g in zip(model.parameters, result.gradients, strict=True)}


CASES = {
    "all of a prefix": ({"first": FROZEN, "norm": FROZEN_NORM}, {"first", "norm"}),
    "one layer in the middle": ({"norm": FROZEN_NORM}, {"norm"}),
    "one array": ({"second": {"WeightLearnRateFactor": 0}}, {"second/Weights"}),
    "all but the last": ({"first": FROZEN, "norm": FROZEN_NORM, "second": FROZEN}, {"first", "norm", "second"}),
}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_no_gradient_is_computed_and_the_others_stay_the_same(case, fast):
    frozen, names = CASES[case]
    _, wanted = step(fast)
    _, found = step(fast, **frozen)
    for name, gradient in found.items():
        if name in names or name.partition("/")[0] in names:
            assert gradient is None
        else:
            np.testing.assert_allclose(gradient, wanted[name], rtol=1e-9, atol=1e-12)


def test_the_backward_pass_ends_behind_a_frozen_prefix():
    model, _ = step(True, first=FROZEN, norm=FROZEN_NORM)
    steps = model.program("train", [X]).plan.steps
    differentiated = {part.layer for step in steps if step.needs_input_grad
                      for part in getattr(step.node, "parts", [step.node])}
    assert not {"first", "norm", "relu_1", "maxpool"} & differentiated
    assert {"second", "last"} <= differentiated


@pytest.mark.parametrize("solver", ["sgdm", "adam", "rmsprop"])
def test_frozen_values_stay_as_they_are_to_the_bit(solver):
    options = trainingOptions(solver, MaxEpochs=3, MiniBatchSize=4, Verbose=False, L2Regularization=0.1,
                              GradientThreshold=1, GradientThresholdMethod="global-l2norm")
    before = trainNetwork(X, Y, layers(), options)
    lgraph = layerGraph(before)
    nodes = {one.Name: one for one in lgraph.nodes}
    nodes["first"].WeightLearnRateFactor = nodes["first"].BiasLearnRateFactor = nodes["norm"].ScaleLearnRateFactor = 0
    after = {one.Name: one for one in trainNetwork(X, Y, lgraph, options).Layers}
    for layer, name, stays in [("first", "Weights", True), ("first", "Bias", True), ("norm", "Scale", True),
                               ("norm", "Offset", False), ("second", "Weights", False), ("last", "Bias", False)]:
        assert np.array_equal(getattr(after[layer], name), getattr(nodes[layer], name)) == stays, (layer, name)


def test_a_network_that_is_all_frozen_only_moves_its_statistics():
    options = trainingOptions("adam", MaxEpochs=2, MiniBatchSize=4, Verbose=False)
    stiff = [one.copy() for one in layerGraph(layers(first=FROZEN, norm=FROZEN_NORM, second=FROZEN)).nodes]
    stiff[7].WeightLearnRateFactor = stiff[7].BiasLearnRateFactor = 0
    rng(0)
    started = Model(layerGraph(stiff)).network()
    rng(0)
    trained = trainNetwork(X, Y, stiff, options)
    for a, b in zip(started.nodes, trained.nodes, strict=True):
        for name in a.learnables:
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert not np.array_equal(started.nodes[2].TrainedMean, trained.nodes[2].TrainedMean)


@pytest.mark.usefixtures("every_network_is_worth_several_threads")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_any_part_of_branches_and_uneven_shards(seed, threads):
    """Two steps with a random part of all learnables frozen: the same losses, gradients and statistics as without."""
    maxNumCompThreads(threads)
    free = scrambled(Model(residual(), np.float64))
    inputs = [images(free.lgraph, 5)]
    targets = [one_hot(free.predict(inputs)[0].shape)]
    chances = np.random.default_rng(seed)
    frozen = {p.key for p in free.parameters if chances.random() < 0.6}
    stiff = residual()
    for layer, name in frozen:
        stiff = setLearnRateFactor(stiff, layer, name, 0)
    part = scrambled(Model(stiff, np.float64))
    for _ in range(2):
        wanted, found = free.step(inputs, targets), part.step(inputs, targets)
        assert np.isclose(found.loss, wanted.loss)
        for p, a, b in zip(free.parameters, found.gradients, wanted.gradients, strict=True):
            assert (a is None) == (p.key in frozen)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-11)
        for key, array in free.arrays.items():
            np.testing.assert_allclose(part.arrays[key], array, rtol=1e-10)
    for a, b in zip(everything(part, inputs, targets), everything(free, inputs, targets), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-11)
