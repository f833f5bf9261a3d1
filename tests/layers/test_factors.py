"""Factors by the name of the learnable."""

import pytest

from dltoolbox import (
    DltoolboxError,
    batchNormalizationLayer,
    convolution2dLayer,
    getL2Factor,
    getLearnRateFactor,
    preluLayer,
    reluLayer,
    selfAttentionLayer,
    setL2Factor,
    setLearnRateFactor,
)


@pytest.mark.parametrize(("make", "parameter", "name"), [
    (lambda: convolution2dLayer(3, 8), "Weights", "Weight"), (lambda: convolution2dLayer(3, 8), "bias", "Bias"),
    (preluLayer, "Alpha", "Alpha"),
    (lambda: selfAttentionLayer(2, 4), "QueryWeights", "Weight"), (lambda: selfAttentionLayer(2, 4), "OutputBias", "Bias"),
    (batchNormalizationLayer, "Offset", "Offset"), (batchNormalizationLayer, "Scale", "Scale"),
])
def test_copies_with_the_factor(make, parameter, name):
    old = make()
    new = setL2Factor(setLearnRateFactor(old, parameter, 0), parameter, 3)
    assert (getattr(new, f"{name}LearnRateFactor"), getattr(new, f"{name}L2Factor")) == (0, 3)
    assert (getLearnRateFactor(new, parameter), getL2Factor(new, parameter)) == (0, 3)
    assert old == make()


@pytest.mark.parametrize(("call", "identifier", "text"), [
    (lambda: setLearnRateFactor([reluLayer()], "Weights", 0), "setLearnRateFactor:notALayer", "it is [reluLayer()]"),
    (lambda: setLearnRateFactor(reluLayer(Name="r"), "Weights", 0), "setLearnRateFactor:unknownParameter",
     "Layer 'r': reluLayer has no learnable 'Weights'. It has no learnables."),
    (lambda: getL2Factor(convolution2dLayer(3, 8), "Weight"), "getL2Factor:unknownParameter",
     "Its learnables are Weights, Bias."),
    (lambda: getLearnRateFactor(convolution2dLayer(3, 8), 1), "getLearnRateFactor:unknownParameter", "no learnable 1"),
    (lambda: setL2Factor(convolution2dLayer(3, 8), "Bias", -1), "convolution2dLayer:invalidBiasL2Factor", "it is -1"),
])
def test_refusals(call, identifier, text):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert text in str(caught.value)
