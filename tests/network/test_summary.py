"""The lines that summary prints."""

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    additionLayer,
    addLayers,
    assembleNetwork,
    convolution2dLayer,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    networkDataLayout,
    regressionLayer,
    reluLayer,
    resetState,
    softmaxLayer,
    summary,
)

SMALL = assembleNetwork([featureInputLayer(2, Name="x"), fullyConnectedLayer(1, Weights=[[1, 2]], Bias=[3]),
                         regressionLayer])
LAYERS = [imageInputLayer([224, 224, 3]), convolution2dLayer(11, 96, Stride=4), fullyConnectedLayer(1000), softmaxLayer]
MAPS = networkDataLayout([8, 8, 3], "SSC")


def text(initialized, learnables, *inputs):
    return "\n".join([f"   Initialized: {initialized}", "", f"   Number of learnables: {learnables}", "", "   Inputs:",
                      *(f"      {line}" for line in inputs), "", ""])


@pytest.mark.parametrize(("net", "printed"), [
    (lambda: SMALL, text("true", "3", "1   'x'   2 features")),
    (lambda: dlnetwork(LAYERS, Initialize=False), text("false", "280.0M", "1   'imageinput'   224×224×3 images")),
    (lambda: addLayers(dlnetwork([convolution2dLayer(3, 4, Name="c")], MAPS), imageInputLayer([9, 9, 1], Name="more")),
     text("false", "112", "1   'c'      8(S) × 8(S) × 3(C) × 1(B)", "2   'more'   9×9×1 images")),
    (lambda: dlnetwork([additionLayer(2, Name="sum"), reluLayer], Initialize=False),
     text("false", "0", "1   'sum/in1'   any size", "2   'sum/in2'   any size")),
    (lambda: dlnetwork([fullyConnectedLayer(4, Name="fc")], Initialize=False),
     text("false", "unknown", "1   'fc'   any size")),
    (lambda: dlnetwork([convolution2dLayer(3, 4, Name="c"), reluLayer, convolution2dLayer(1, 5)], Initialize=False),
     text("false", "at least 25", "1   'c'   any size")),
    (dlnetwork, text("false", "0")),
])
def test_summaries(net, printed, capsys):
    assert summary(net()) is None
    assert capsys.readouterr().out == printed


def test_other_things_have_none():
    with pytest.raises(DltoolboxError, match="analyzeNetwork") as caught:
        summary(layerGraph(LAYERS))
    assert caught.value.identifier == "dltoolbox:summary:notANetwork"


def test_there_is_no_state_to_reset():
    assert resetState(SMALL) is SMALL
    with pytest.raises(DltoolboxError, match="must be a network") as caught:
        resetState(np.zeros(3))
    assert caught.value.identifier == "dltoolbox:resetState:notANetwork"
