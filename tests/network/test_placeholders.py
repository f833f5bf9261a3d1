"""Placeholders take part in everything but runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError

X = np.zeros((8, 8, 3, 2))


def residual(**of_scale):
    """A shortcut around a placeholder, and one that changes the size."""
    layers = [dl.imageInputLayer([8, 8, 3], Name="in", Normalization="none"),
              dl.convolution2dLayer(3, 4, Padding="same", Name="conv"),
              dl.placeholderLayer(Name="scale", StandsFor="ScalingFactorLayer", **of_scale),
              dl.additionLayer(2, Name="add"), dl.placeholderLayer(Name="shrink", OutputSize=[4, 4, 7]),
              dl.fullyConnectedLayer(2, Name="fc"), dl.softmaxLayer(Name="sm"),
              dl.classificationLayer(Name="end", Classes=["a", "b"])]
    return dl.connectLayers(dl.layerGraph(layers), "conv", "add/in2")


def issues(call):
    with pytest.raises(DltoolboxError) as caught:
        call()
    return [issue.identifier.removeprefix("dltoolbox:") for issue in caught.value.issues]


def test_sizes_go_through_and_analysis_says_what_it_is():
    info = dl.analyzeNetwork(residual(), nargout=1)
    assert info.LayerInfo.ActivationSizes[2] == [8, 8, 4, 1]
    assert info.LayerInfo.ActivationSizes[4] == [4, 4, 7, 1]
    assert info.LayerInfo.NumLearnables[5] == 2 * 112 + 2
    assert [(issue.layer, issue.severity, issue.identifier) for issue in info.Issues] == [
        ("scale", "warning", "dltoolbox:network:placeholder"), ("shrink", "warning", "dltoolbox:network:placeholder")]
    assert "placeholder for ScalingFactorLayer" in info.Issues[0].message
    assert info.IsValid


def test_what_analysis_says_can_be_followed():
    lgraph = residual()
    hint = dl.analyzeNetwork(lgraph, nargout=1).Issues[0].hint
    call = re.search(r"lgraph = (replaceLayer\(.*\))\.", hint).group(1)
    assert call == "replaceLayer(lgraph, 'scale', scalingLayer(Scale=0.17))"
    lgraph = eval(call, vars(dl) | {"lgraph": lgraph})
    assert dl.analyzeNetwork(lgraph, nargout=1).NumWarnings == 1


@pytest.mark.parametrize("call", [
    lambda: dl.trainNetwork(X, dl.categorical(["a", "b"]), residual(), dl.trainingOptions("sgdm", Verbose=False)),
    lambda: dl.predict(dl.dlnetwork(dl.removeLayers(residual(), "end")), X),
    lambda: dl.explain(dl.dlnetwork(dl.removeLayers(residual(), "end")))], ids=["train", "predict", "explain"])
def test_runs_refuse_all_of_them_at_once(call):
    with pytest.raises(DltoolboxError, match=r"Layers 'scale' and 'shrink' are placeholders") as caught:
        call()
    assert caught.value.identifiers == ("dltoolbox:network:placeholders",)


def test_what_the_refusal_says_can_be_followed():
    net = dl.dlnetwork([dl.featureInputLayer(3, Name="in"), dl.placeholderLayer(Name="p"), dl.fullyConnectedLayer(2)])
    with pytest.raises(DltoolboxError) as caught:
        dl.predict(net, np.ones((1, 3)))
    calls = re.findall(r"(lgraph = replaceLayer\(.*?layer\)),.*(net = dlnetwork\(lgraph\))", str(caught.value))[0]
    names = vars(dl) | {"net": net, "layer": dl.reluLayer()}
    for call in calls:
        exec(call, names)
    assert dl.predict(names["net"], np.ones((1, 3))).shape == (1, 2)


def test_finding_them():
    inner = dl.networkLayer([dl.reluLayer(Name="r"), dl.placeholderLayer(Name="deep")], Name="block")
    found, numbers = dl.findPlaceholderLayers([dl.reluLayer, dl.placeholderLayer(Name="p"), inner], nargout=2)
    assert [layer.Name for layer in found] == ["p", "block:deep"]
    assert numbers == [2, 3]
    assert list(dl.findPlaceholderLayers([dl.reluLayer])) == []
    assert [one.Name for one in dl.findPlaceholderLayers(residual())] == ["scale", "shrink"]


def test_ports_and_their_sizes():
    two = dl.placeholderLayer(InputNames=["a", "b"], NumOutputs=2, OutputSize=[[7, 7, 4], [10]], Name="two")
    assert (two.NumInputs, list(two.InputNames)) == (2, ["a", "b"])
    assert (two.NumOutputs, list(two.OutputNames)) == (2, ["out1", "out2"])
    lgraph = dl.addLayers(dl.layerGraph([dl.imageInputLayer([8, 8, 3], Name="in"), two]), dl.flattenLayer(Name="flat"))
    lgraph = dl.connectLayers(dl.connectLayers(lgraph, "in", "two/b"), "two/out2", "flat")
    info = dl.analyzeNetwork(lgraph, nargout=1)
    assert info.LayerInfo.ActivationSizes[1] == [[7, 7, 4, 1], [10, 1]]
    assert eval(repr(two), vars(dl)) == two


def test_sequences_keep_their_steps():
    layers = [dl.sequenceInputLayer(3, Name="in"), dl.placeholderLayer(OutputSize=5), dl.lstmLayer(2)]
    assert dl.analyzeNetwork(layers, nargout=1).LayerInfo.ActivationSizes == [[3, 1, 1], [5, 1, 1], [2, 1, 1]]
    layers[1] = dl.placeholderLayer(OutputSize=5, OutputFormat="CB")
    assert dl.analyzeNetwork(layers[:2], nargout=1).LayerInfo.ActivationFormats == ["CBT", "CB"]
    folded = dl.layerGraph([dl.sequenceInputLayer([8, 8, 3], Name="in"), dl.sequenceFoldingLayer(Name="fold"),
                            dl.placeholderLayer(OutputSize=[2, 3, 5]), dl.sequenceUnfoldingLayer(Name="unfold"),
                            dl.flattenLayer, dl.lstmLayer(3)])
    folded = dl.connectLayers(folded, "fold/miniBatchSize", "unfold/miniBatchSize")
    info = dl.analyzeNetwork(folded, nargout=1)
    assert info.LayerInfo.ActivationSizes[2] == [2, 3, 5, 1]
    assert info.LayerInfo.ActivationFormats[4] == "CBT"
    assert info.NumErrors == 0


@pytest.mark.parametrize(("options", "identifier"), [
    ({"NumInputs": 0}, "invalidNumInputs"), ({"InputNames": ["a", "a"]}, "invalidInputNames"),
    ({"InputNames": ["a/b"]}, "invalidInputNames"), ({"NumInputs": 3, "InputNames": ["a", "b"]}, "invalidInputNames"),
    ({"OutputSize": [0, 3]}, "invalidOutputSize"), ({"OutputSize": "large"}, "invalidOutputSize"),
    ({"OutputSize": [[3], [4]]}, "invalidOutputSize"), ({"OutputSize": [3, 4], "OutputFormat": "CB"}, "formatMismatch"),
    ({"OutputFormat": "XY"}, "invalidOutputFormat"), ({"StandsFor": 3}, "invalidStandsFor"),
    ({"Scale": 3}, "unknownOption")])
def test_bad_values(options, identifier):
    assert issues(lambda: dl.placeholderLayer(**options)) == [f"placeholderLayer:{identifier}"]


def test_a_size_that_does_not_fit_what_follows_is_told():
    lgraph = residual(OutputSize=[8, 8, 5])
    assert "additionLayer:inputSizeMismatch" in issues(lambda: dl.assembleNetwork(lgraph))
