"""Networks inside layers: they compute, train and are named as if their layers stood in the network itself."""

import json
import sys

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    additionLayer,
    addLayers,
    analyzeNetwork,
    assembleNetwork,
    batchNormalizationLayer,
    categorical,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    dlnetwork,
    expandLayers,
    featureInputLayer,
    freezeWeights,
    fullyConnectedLayer,
    getL2Factor,
    getLayer,
    getLearnRateFactor,
    groupLayers,
    imageInputLayer,
    initialize,
    layerGraph,
    loadNetwork,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    networkDataLayout,
    networkLayer,
    predict,
    regressionLayer,
    reluLayer,
    replaceLayer,
    rng,
    saveNetwork,
    setL2Factor,
    setLearnRateFactor,
    softmaxLayer,
    summary,
    toMATLAB,
    toPython,
    trainingOptions,
    trainNetwork,
    unfreezeWeights,
)
from tests.exchange.archives import members, rewritten

HEAD = imageInputLayer([6, 6, 2], Name="in", Normalization="none")
X = np.random.default_rng(0).normal(size=(6, 6, 2, 4))


def block(name="block"):
    """conv → norm → relu, and a sum with what enters: two outer inputs would be one fault more."""
    inner = dlnetwork([convolution2dLayer(3, 2, Padding="same", Name="conv"), batchNormalizationLayer(Name="norm"),
                       reluLayer(Name="relu")], Initialize=False)
    return networkLayer(inner, Name=name)


def net():
    return dlnetwork([HEAD, block("one"), block("two"), fullyConnectedLayer(3, Name="fc"), softmaxLayer(Name="soft")])


def refused(call, text):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert text in str(caught.value)
    return caught.value.identifier.removeprefix("dltoolbox:")


def names(graph):
    return [one.Name for one in graph.Layers]


def edges(graph):
    return sorted(zip(graph.Connections.Source, graph.Connections.Destination, strict=True))


def test_the_layer():
    one = block()
    assert (one.inputs(), one.outputs(), one.describe()) == (("in",), ("out",), "Network of 3 layers")
    assert str(one) == "  NetworkLayer with properties:\n\n       Name: 'block'\n    Network: [1×1 dlnetwork]\n"
    two = networkLayer(dlnetwork([additionLayer(2, Name="sum"), reluLayer(Name="relu")], OutputNames=["sum", "relu"],
                                 Initialize=False))
    assert (two.inputs(), two.outputs()) == (("in1", "in2"), ("out1", "out2"))
    assert networkLayer([reluLayer]).Network.OutputNames == ["relu"]
    assert refused(lambda: networkLayer([HEAD, reluLayer]), "Remove the input layer") == "networkLayer:invalidNetwork"
    assert refused(lambda: networkLayer([]), "Pass one layer or more") == "networkLayer:invalidNetwork"
    assert refused(lambda: networkLayer([reluLayer, classificationLayer]), "classoutput") == "network:outputLayerNotAllowed"


def test_learnables_and_values():
    outer = net()
    assert outer.Initialized
    assert outer.Learnables.Layer[::2] == ["one:conv", "one:norm", "two:conv", "two:norm", "fc"]
    assert outer.Learnables.Value[0].shape == (3, 3, 2, 2)
    assert outer.State.Layer == ["one:norm"] * 2 + ["two:norm"] * 2
    assert getLayer(outer, "one").Network.Learnables.Value[0].shape == (3, 3, 2, 2)
    assert not np.array_equal(outer.Learnables.Value[0], outer.Learnables.Value[4])


def test_it_computes_what_the_written_out_network_computes():
    outer = net()
    flat = expandLayers(outer)
    assert names(flat) == ["in", "one:conv", "one:norm", "one:relu", "two:conv", "two:norm", "two:relu", "fc", "soft"]
    assert flat.Initialized
    np.testing.assert_array_equal(predict(flat, X), predict(outer, X))
    np.testing.assert_array_equal(predict(outer, X, Outputs="one"), predict(flat, X, Outputs="one:relu"))
    assert names(outer) == ["in", "one", "two", "fc", "soft"]


def test_networks_in_networks_in_networks():
    deep = reluLayer(Name="r")
    for name in "cba":
        deep = networkLayer([deep], Name=name)
    deep = dlnetwork([HEAD, deep])
    assert names(expandLayers(deep)) == ["in", "a:b:c:r"]
    np.testing.assert_array_equal(predict(deep, X), np.maximum(X, 0).astype(np.float32))
    assert getLayer(deep, "a/b/c/r").Name == "r"


def test_several_inputs_outputs_and_open_ends():
    inner = dlnetwork([additionLayer(2, Name="sum"), reluLayer(Name="relu")], OutputNames=["sum", "relu"], Initialize=False)
    outer = dlnetwork([networkLayer(inner, Name="sub"), reluLayer(Name="after")], Initialize=False)
    outer = addLayers(outer, reluLayer(Name="other"))
    outer = connectLayers(outer, "sub/out2", "other")
    assert outer.InputNames == ["sub/in1", "sub/in2"]
    layout = networkDataLayout([6, 6, 2], "SSC")
    outer = initialize(outer, layout, layout)
    first, second = predict(outer, X, -2 * X)
    np.testing.assert_allclose(first, np.maximum(-X, 0), rtol=1e-6)
    np.testing.assert_array_equal(first, second)
    flat = expandLayers(outer)
    assert flat.InputNames == ["sub:sum/in1", "sub:sum/in2"]
    np.testing.assert_array_equal(predict(flat, X, -2 * X)[0], first)
    assert edges(flat) == [("sub:relu", "other"), ("sub:sum", "after"), ("sub:sum", "sub:relu")]


def test_training_changes_what_is_inside():
    labels = categorical(["a", "b", "c", "a"])
    layers = [HEAD, block(), fullyConnectedLayer(3, Name="fc"), softmaxLayer, classificationLayer]
    options = trainingOptions("sgdm", MaxEpochs=2, Verbose=False)
    rng(0)
    trained = trainNetwork(X, labels, layers, options)
    rng(0)
    flat = trainNetwork(X, labels, [HEAD, *expandLayers(dlnetwork([HEAD, block()], Initialize=False)).Layers[1:],
                                    *layers[2:]], options)
    np.testing.assert_array_equal(predict(trained, X), predict(flat, X))
    assert getLayer(trained, "block/norm").TrainedMean.any()
    assert layers[1].Network.Learnables.Value[0].shape == (0, 0)


def test_faults_inside_are_named():
    layers = [HEAD, networkLayer([maxPooling2dLayer(9, Name="pool")], Name="block")]
    assert refused(lambda: dlnetwork(layers), "Layer 'block:pool' (2)") == "maxPooling2dLayer:windowTooLarge"
    info = analyzeNetwork(dlnetwork(layers, Initialize=False), nargout=1)
    assert [issue.layer for issue in info.Issues] == ["block:pool"]
    assert analyzeNetwork([HEAD, block(), reluLayer], nargout=1, TargetUsage="dlnetwork").LayerInfo.Name == [
        "in", "block:conv", "block:norm", "block:relu", "relu"]
    assert refused(lambda: assembleNetwork([HEAD, block(), regressionLayer]), "Layer 'block:conv' (2): Weights") == (
        "network:missingValue")


def test_summaries_count_what_is_inside(capsys):
    summary(dlnetwork([HEAD, block()]))
    assert "Number of learnables: 42" in capsys.readouterr().out


# Grouping ------------------------------------------------------------------------------------------------------------
def test_grouping_is_the_inverse_of_expanding():
    outer = net()
    again = groupLayers(expandLayers(outer))
    assert names(again) == names(outer)
    assert edges(again) == edges(outer)
    assert again.Initialized
    assert [getLayer(again, "two/norm")] == [getLayer(outer, "two/norm")]
    np.testing.assert_array_equal(predict(again, X), predict(outer, X))


def test_groups_in_groups_unless_they_are_not_wanted():
    flat = dlnetwork([HEAD, reluLayer(Name="a:b:c"), reluLayer(Name="a:b:d"), reluLayer(Name="a:e")])
    deep = groupLayers(flat)
    assert names(getLayer(deep, "a").Network) == ["b", "e"]
    assert names(groupLayers(flat, Recursive=False).Layers[1].Network) == ["b:c", "b:d", "e"]
    assert names(expandLayers(deep)) == names(flat)
    other = dlnetwork([HEAD, reluLayer(Name="a@b"), reluLayer(Name="c")])
    assert names(groupLayers(other, "Delimiter", "@")) == ["in", "a", "c"]


@pytest.mark.parametrize("group", [["relu", "add"], [3, 4], [["relu", "add"]], np.array([3, 4])])
def test_groups_of_choice(group):
    plain = dlnetwork([HEAD, convolution2dLayer(1, 2, Name="conv"), reluLayer(Name="relu"), additionLayer(2, Name="add"),
                       reluLayer(Name="end")], Initialize=False)
    plain = initialize(connectLayers(plain, "in", "add/in2"))
    done = groupLayers(plain, group)
    assert names(done) == ["in", "conv", "group_1", "end"]
    assert edges(done) == [("conv", "group_1/in1"), ("group_1", "end"), ("in", "conv"), ("in", "group_1/in2")]
    np.testing.assert_array_equal(predict(done, X), predict(plain, X))
    assert names(groupLayers(plain, group, GroupNames="mine")) == ["in", "conv", "mine", "end"]


def test_groups_across_an_unpooling():
    plain = dlnetwork([HEAD, maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
                       convolution2dLayer(1, 2, Name="conv"), maxUnpooling2dLayer(Name="up")], Initialize=False)
    plain = initialize(connectLayers(connectLayers(plain, "pool/indices", "up/indices"), "pool/size", "up/size"))
    for groups in (["pool", "conv"], [["pool"], ["conv", "up"]]):
        done = groupLayers(plain, groups)
        np.testing.assert_array_equal(predict(done, X), predict(plain, X))
        again = groupLayers(done, [names(done)[1]], GroupNames="around")
        np.testing.assert_array_equal(predict(again, X), predict(plain, X))
        assert edges(groupLayers(expandLayers(again))) == edges(again)


@pytest.mark.parametrize(("arguments", "identifier", "text"), [
    ((["fc", "ft"],), "layerGraph:unknownLayer", "no layer 'ft'"),
    (([["fc"], ["fc", "soft"]],), "groupLayers:invalidGroups", "no layer in two groups"),
    (([["fc"], []],), "groupLayers:invalidGroups", "no group may be empty"),
    ((["fc"], "GroupNames", ["a", "b"]), "groupLayers:invalidGroups", "1 groups with 2 GroupNames"),
    ((["fc"], "GroupNames", "one"), "layerGraph:duplicateName", "'one'"),
    ((["in", "one"],), "groupLayers:inputLayer", "Leave input layers out"),
    (([9],), "groupLayers:invalidLayer", "Layer 9 does not exist: the network has layers 1 to 5"),
])
def test_groups_that_are_none(arguments, identifier, text):
    assert refused(lambda: groupLayers(net(), *arguments), text) == identifier


def test_they_need_dlnetworks():
    for function in (expandLayers, groupLayers):
        assert refused(lambda: function(layerGraph([HEAD])), "dlnetwork(layers)") == (  # noqa: B023
            f"{function.__name__}:notADlnetwork")
    assert refused(lambda: getLayer([HEAD], "in"), "layers[0]") == "getLayer:notANetwork"
    assert refused(lambda: getLayer(net(), "one/cnv"), "Did you mean 'conv'?") == "layerGraph:unknownLayer"


def test_surgery_on_the_layer_that_holds_it():
    swapped = initialize(replaceLayer(net(), "two", networkLayer([convolution2dLayer(1, 2, Name="other")], Name="new")))
    assert swapped.Learnables.Layer[4:6] == ["new:other", "new:other"]
    features = dlnetwork([featureInputLayer(2), networkLayer([fullyConnectedLayer(4)], Name="block")])
    assert predict(features, [[1, 2]]).shape == (1, 4)


# Other functions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [("one/conv/Weights",), ("one/conv", "Weights"), ("one", "conv/Weights")])
def test_factors_inside(path):
    outer = setL2Factor(setLearnRateFactor(net(), *path, 0.5), *path, 4)
    assert (getLearnRateFactor(outer, *path), getL2Factor(outer, *path)) == (0.5, 4)
    assert getLayer(outer, "one/conv").WeightLearnRateFactor == 0.5
    assert getLayer(outer, "two/conv").WeightLearnRateFactor == 1
    assert outer.Initialized
    alone = setLearnRateFactor(block(), "conv/Weights", 0)
    assert getLearnRateFactor(alone, "conv/Weights") == 0
    assert refused(lambda: setLearnRateFactor(net(), "one/cnv/Weights", 0), "'conv'?") == "layerGraph:unknownLayer"
    assert refused(lambda: setLearnRateFactor(net(), "one", "conv", 0), "setLearnRateFactor") == (
        "setLearnRateFactor:invalidArguments")


def test_freezing_what_is_inside():
    frozen = freezeWeights(net(), "one", FixedStatistics=True)
    assert getLearnRateFactor(frozen, "one/norm/Scale") == 0
    assert getLayer(frozen, "one/norm").FixedStatistics
    assert getLearnRateFactor(frozen, "two/norm/Scale") == 1
    assert getLearnRateFactor(unfreezeWeights(frozen), "one/norm/Scale") == 1


def test_files_hold_it(tmp_path):
    outer = freezeWeights(dlnetwork([HEAD, networkLayer([block("inner"), reluLayer(Name="r")], Name="outer")]), "outer")
    saveNetwork(outer, tmp_path / "net")
    loaded = loadNetwork(tmp_path / "net")
    assert names(loaded) == ["in", "outer"]
    assert getLayer(loaded, "outer/inner/norm") == getLayer(outer, "outer/inner/norm")
    np.testing.assert_array_equal(predict(loaded, X), predict(outer, X))
    saveNetwork(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


@pytest.mark.parametrize("change", [
    {"layers": None}, {"connections": [["a", "out", "b", "in"]]}, {"outputs": ["nowhere"]}, {"initialized": True},
    {"layers": [{"layer": "reluLayer", "properties": {"Name": "x"}}] * 2, "connections": []},
    {"layers": [{"layer": "imageInputLayer", "properties": {"Name": "x", "InputSize": {"tuple": [6, 6, 2]}}}]},
    {"layers": [{"layer": "networkLayer", "properties": {"Name": "x", "Network": 3}}]}, {"layouts": {"x": {}}},
])
def test_files_that_were_changed_inside(change, tmp_path):
    path = tmp_path / "net"
    saveNetwork(dlnetwork([HEAD, networkLayer([reluLayer(Name="r")], Name="outer")]), path)
    contents = members(path)
    description = json.loads(contents["network.json"])
    description["layers"][1]["properties"]["Network"]["network"] |= change
    rewritten(path, contents | {"network.json": json.dumps(description).encode()})
    assert refused(lambda: loadNetwork(path), "damaged") == "loadNetwork:corruptFile"


def test_files_with_more_networks_in_each_other_than_python_goes_into(tmp_path):
    path, depth = tmp_path / "net", sys.getrecursionlimit()  # other tests may have raised it
    saveNetwork(dlnetwork([HEAD, networkLayer([reluLayer(Name="r")], Name="outer")]), path)
    description = json.loads(members(path)["network.json"])
    inner = description["layers"][1]["properties"]["Network"]["network"]
    inner["layers"] = ["?"]
    head, tail = json.dumps(description["layers"][1]).split('"?"')
    relu = '{"layer": "reluLayer", "properties": {"Name": "r"}}'
    text = json.dumps(description).replace('"?"', head * depth + relu + tail * depth)
    rewritten(path, {"network.json": text.encode()})
    assert refused(lambda: loadNetwork(path), "damaged") == "loadNetwork:corruptFile"


def test_code_has_it_written_out():
    inner = dlnetwork([reluLayer(Name="a"), softmaxLayer(Name="b")], OutputNames=["a", "b"], Initialize=False)
    outer = dlnetwork([networkLayer(inner, Name="sub")], networkDataLayout([4, 4, 2], "SSC"), OutputNames=["sub/out2"])
    names = {}
    exec(toPython(outer), names)
    assert edges(names["net"]) == edges(expandLayers(outer))
    assert names["net"].OutputNames == ["sub:b"]
    assert 'softmaxLayer("Name","sub:b")' in toMATLAB(outer)
