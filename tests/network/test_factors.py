"""Factors by path in graphs, and freezing: which layers, what training then does, and the way back."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    assembleNetwork,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    convolution2dLayer,
    dlnetwork,
    freezeWeights,
    fullyConnectedLayer,
    getL2Factor,
    getLearnRateFactor,
    imageInputLayer,
    layerGraph,
    regressionLayer,
    reluLayer,
    rng,
    setL2Factor,
    setLearnRateFactor,
    softmaxLayer,
    trainingOptions,
    trainNetwork,
    unfreezeWeights,
)
from dltoolbox.program.model import Model

LAYERS = [imageInputLayer([6, 6, 1], Name="in"), convolution2dLayer(3, 4, Name="conv", BiasLearnRateFactor=2),
          batchNormalizationLayer(Name="norm"), reluLayer(Name="relu"), fullyConnectedLayer(2, Name="fc")]
HEAD = [softmaxLayer(Name="soft"), classificationLayer(Name="end")]
X = np.random.default_rng(0).normal(2, 3, size=(6, 6, 1, 8)).astype(np.float32)
Y = categorical(["a", "b"] * 4)
TRAINED = assembleNetwork([imageInputLayer([2, 2, 1], Mean=0), fullyConnectedLayer(1, Weights=np.ones((1, 4)), Bias=[0]),
                           regressionLayer])


@pytest.mark.parametrize("make", [lambda: layerGraph(LAYERS), lambda: dlnetwork(LAYERS)])
def test_factors_in_graphs(make):
    graph = make()
    for path in (("conv", "Weights"), ("conv/Weights",), ("conv", "weights")):
        new = setL2Factor(setLearnRateFactor(graph, *path, 0.5), *path, 3)
        assert type(new) is type(graph)
        assert getattr(new, "Initialized", None) == getattr(graph, "Initialized", None)
        assert (getLearnRateFactor(new, *path), getL2Factor(new, *path)) == (0.5, 3)
        assert (new.Layers[1].WeightLearnRateFactor, new.Layers[1].WeightL2Factor) == (0.5, 3)
        assert new.Layers[2:] == graph.Layers[2:]
    assert getLearnRateFactor(graph, "conv/Weights") == 1


def test_factors_of_trained_networks_can_be_read():
    assert getLearnRateFactor(TRAINED, "fc", "Weights") == 1


@pytest.mark.parametrize(("call", "identifier", "text"), [
    (lambda: setLearnRateFactor(TRAINED, "fc", "Weights", 0), "setLearnRateFactor:notALayer", "layerGraph(net)"),
    (lambda: setLearnRateFactor(layerGraph(LAYERS), "cnv", "Weights", 0), "layerGraph:unknownLayer", "'conv'?"),
    (lambda: setLearnRateFactor(layerGraph(LAYERS), "conv/Wights", 0), "setLearnRateFactor:unknownParameter",
     "Its learnables are Weights, Bias."),
    (lambda: setLearnRateFactor(layerGraph(LAYERS), "Weights", 0), "setLearnRateFactor:invalidArguments",
     "setLearnRateFactor(net, 'layerName/parameterName', factor)"),
    (lambda: getL2Factor(layerGraph(LAYERS)), "getL2Factor:invalidArguments", "getL2Factor(layer, parameterName)"),
    (lambda: setL2Factor(reluLayer()), "setL2Factor:invalidArguments", "parameterName, factor)"),
    (lambda: setL2Factor(layerGraph(LAYERS), "conv", "Bias", -1), "convolution2dLayer:invalidBiasL2Factor", "it is -1"),
    (lambda: freezeWeights(LAYERS, ["conv", "cnv", 3]), "freezeWeights:unknownLayer", "Did you mean 'conv'?"),
    (lambda: freezeWeights(TRAINED), "freezeWeights:isATrainedNetwork", "layerGraph(net)"),
    (lambda: unfreezeWeights(TRAINED), "unfreezeWeights:isATrainedNetwork", "layerGraph(net)"),
    (lambda: freezeWeights("conv"), "layerArray:notALayer", "'conv'"),
    (lambda: freezeWeights(LAYERS, Statistics=True), "freezeWeights:unknownOption", "FixedStatistics"),
])
def test_refusals(call, identifier, text):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert text in str(caught.value)


def rates(layers):
    return {f"{one.Name}.{name}": getattr(one, name) for one in layers for name in one.properties
            if name.endswith("LearnRateFactor")}


@pytest.mark.parametrize("make", [lambda: LAYERS, lambda: layerGraph(LAYERS), lambda: dlnetwork(LAYERS)])
def test_freezing_all_some_and_back(make):
    given = make()
    def nodes(of):
        return of if isinstance(of, list) else of.Layers
    before = rates(nodes(given))
    assert set(rates(nodes(freezeWeights(given))).values()) == {0}
    some = rates(nodes(freezeWeights(given, ["conv", "relu"])))
    assert {name for name, rate in some.items() if rate == 0} == {"conv.WeightLearnRateFactor", "conv.BiasLearnRateFactor"}
    assert rates(nodes(freezeWeights(given, "conv"))) == some
    assert set(rates(nodes(unfreezeWeights(freezeWeights(given)))).values()) == {1}
    assert rates(nodes(given)) == before
    assert type(freezeWeights(given)) is type(given) or isinstance(given, list)


@pytest.mark.parametrize("arguments", [((), {"FixedStatistics": True}), (("FixedStatistics", True), {}),
                                       ((["norm"], "FixedStatistics", True), {}), (("norm",), {"fixedstatistics": 1})])
def test_fixing_statistics(arguments):
    names, options = arguments
    frozen = freezeWeights(layerGraph(LAYERS), *names, **options)
    assert frozen.Layers[2].FixedStatistics
    assert not unfreezeWeights(frozen).Layers[2].FixedStatistics
    assert not freezeWeights(LAYERS)[2].FixedStatistics


@pytest.mark.parametrize("statistics", ["population", "moving"])
@pytest.mark.parametrize("fixed", [False, True])
def test_statistics_move_in_training_unless_they_are_fixed(fixed, statistics):
    rng(0)
    options = trainingOptions("sgdm", MaxEpochs=2, MiniBatchSize=4, Verbose=False, BatchNormalizationStatistics=statistics)
    before = trainNetwork(X, Y, [*LAYERS, *HEAD], options)
    lgraph = freezeWeights(layerGraph(before), ["conv", "norm"], FixedStatistics=fixed)
    after = trainNetwork(X * 2 + 1, Y, lgraph, options)
    for name in ("Offset", "Scale"):
        np.testing.assert_array_equal(getattr(after.nodes[2], name), getattr(before.nodes[2], name))
    for name in ("TrainedMean", "TrainedVariance"):
        assert np.array_equal(getattr(after.nodes[2], name), getattr(before.nodes[2], name)) == fixed
    assert not np.array_equal(after.nodes[4].Weights, before.nodes[4].Weights)


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("names", [["norm"], ["conv", "norm"]])
def test_frozen_layers_with_fixed_statistics_compute_in_training_what_they_compute_in_prediction(names, fast):
    given = [one.copy() for one in LAYERS]
    random = np.random.default_rng(1)
    given[2].TrainedMean, given[2].TrainedVariance, given[2].Offset, given[2].Scale = (
        random.uniform(0.5, 1.5, size=(4, 1, 1, 4)))
    rng(0)
    model = Model(freezeWeights(layerGraph([*given, *HEAD]), names, FixedStatistics=True), np.float64, fast=fast)
    targets = np.eye(2)[:, np.arange(8) % 2][np.newaxis, np.newaxis]
    loss, gradients, _ = model.gradients([X], [targets])
    assert loss == pytest.approx(model.evaluate([X], [targets])[0])
    step = model.step([X], [targets])
    for parameter, gradient in zip(model.parameters, step.gradients, strict=True):
        assert (gradient is None) == (parameter.layer in names)
        if gradient is not None:
            np.testing.assert_allclose(gradient, gradients[parameter.key], rtol=1e-9, atol=1e-12)
    h = 1e-6
    weights = model.arrays[next(p.key for p in model.parameters if p.layer == "conv")]
    wanted = gradients[next(p.key for p in model.parameters if p.layer == "conv")][0, 0, 0, 0]
    weights[0, 0, 0, 0] += h
    up = model.evaluate([X], [targets])[0]
    weights[0, 0, 0, 0] -= 2 * h
    assert (up - model.evaluate([X], [targets])[0]) / (2 * h) == pytest.approx(wanted, rel=1e-5)
