"""What can be assigned in networks takes effect; everything else is refused, also in copies that nobody would ever see."""

import math

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox.core.statements import lost
from tests.program.networks import finished

X = np.random.default_rng(0).standard_normal((6, 6, 1, 3))
LAYERS = [dl.imageInputLayer([6, 6, 1], Normalization="none", Name="in"), dl.convolution2dLayer(3, 2, Name="conv"),
          dl.batchNormalizationLayer(Name="bn"), dl.reluLayer(Name="relu"), dl.fullyConnectedLayer(2, Name="fc")]


def network():
    return dl.dlnetwork(LAYERS)


def refused(call):
    with pytest.raises(dl.DltoolboxError) as caught:
        call()
    return caught.value.identifiers[0].removeprefix("dltoolbox:")


def assign(thing, name, value):
    setattr(thing, name, value)


def test_output_names_of_a_dlnetwork():
    net = network()
    assert dl.predict(net, X).shape == (3, 2)
    net.OutputNames = ["relu", "fc"]
    assert net.OutputNames == ["relu", "fc"]
    assert [one.shape for one in dl.predict(net, X)] == [(4, 4, 2, 3), (3, 2)]
    net.OutputNames = "conv"
    assert dl.predict(net, X).shape == (4, 4, 2, 3)
    assert dl.dlnetwork(net).OutputNames == ["conv"]
    assert refused(lambda: assign(net, "OutputNames", ["conv", "nothing"])) == "layerGraph:unknownLayer"
    assert refused(lambda: assign(net, "OutputNames", 3)) == "dlnetwork:invalidOutputNames"
    assert net.OutputNames == ["conv"]
    net.OutputNames = []
    assert net.OutputNames == ["fc"]


def test_a_block_does_not_change_with_the_network_it_was_made_of():
    inner = dl.dlnetwork(LAYERS[1:4], dl.networkDataLayout([6, 6, 1], "SSC"))
    block = dl.networkLayer(inner, Name="block")
    lgraph = dl.layerGraph([LAYERS[0], block])
    inner.OutputNames = ["conv", "relu"]
    assert block.OutputNames == ["out"]
    layers = lgraph.Layers
    layers[1].Network.OutputNames = ["conv", "relu"]
    assert layers[1].OutputNames == ["out1", "out2"]
    assert lgraph.Layers[1].OutputNames == ["out"]


def test_learnables_and_state_of_a_dlnetwork():
    net = network()
    before, table, state = dl.predict(net, X), net.Learnables, net.State
    other = net.Learnables
    for row, value in enumerate(table.Value):
        table.Value[row] = value * 0 + row
    state.Value[1] = state.Value[1] * 4
    net.Learnables, net.State = table, state
    np.testing.assert_array_equal(net.Learnables.Value[5], [[5], [5]])
    np.testing.assert_array_equal(net.Layers[2].TrainedVariance, np.full((1, 1, 2), 4))
    assert not np.allclose(dl.predict(net, X), before)
    net.Learnables, net.State = other, dl.dlnetwork(LAYERS).State
    np.testing.assert_array_equal(dl.predict(net, X), before)


@pytest.mark.parametrize(("change", "identifier"), [
    (lambda net: 3, "dlnetwork:invalidLearnables"), (lambda net: net.State, "dlnetwork:invalidLearnables"),
    (lambda net: net.Connections, "dlnetwork:invalidLearnables"),
    (lambda net: with_value(net, np.zeros(3)), "dlnetwork:invalidLearnables"),
    (lambda net: with_value(net, np.array([["a"], ["b"]])), "fullyConnectedLayer:invalidBias"),
    (lambda net: with_value(net, np.array([[np.nan], ["b"]], object)), "fullyConnectedLayer:invalidBias"),
])
def test_tables_that_do_not_fit(change, identifier):
    net = network()
    before = dl.predict(net, X)
    assert refused(lambda: assign(net, "Learnables", change(net))) == identifier
    np.testing.assert_array_equal(dl.predict(net, X), before)


def with_value(net, value):
    table = net.Learnables
    table.Value[-1] = value
    return table


def test_a_network_without_values_takes_none():
    net = dl.dlnetwork(LAYERS, Initialize=False)
    assert refused(lambda: assign(net, "Learnables", network().Learnables)) == "dlnetwork:invalidLearnables"


@pytest.mark.parametrize("name", ["InputNames", "Layers", "Connections", "Initialized", "outputNames", "Foo", "nodes"])
@pytest.mark.parametrize("make", [network, lambda: dl.layerGraph(LAYERS), lambda: finished(dl.layerGraph(
    [*LAYERS, dl.regressionLayer]))], ids=["dlnetwork", "LayerGraph", "SeriesNetwork"])
def test_everything_else_of_a_network_is_refused(make, name):
    net = make()
    assert refused(lambda: assign(net, name, ["x"])) == f"{type(net).__name__}:readOnly"


@pytest.mark.skipif(not lost.ALONE, reason="references tell nothing in this Python")
def test_assignments_that_nobody_would_see_are_refused():
    net, lgraph = network(), dl.layerGraph(LAYERS)

    def bias():
        net.Layers[1].Bias = np.zeros((1, 1, 2))

    def name():
        lgraph.Layers[1].Name = "other"

    def layer():
        net.Layers[1] = dl.reluLayer()

    def append():
        net.Layers.append(dl.reluLayer())

    def insert():
        lgraph.Layers.insert(0, dl.reluLayer())

    def extend():
        net.Layers.extend([dl.reluLayer()])

    def delete():
        del net.Layers[0]

    def value():
        net.Learnables.Value[0] = 0

    def column():
        net.Learnables.Layer = ["a"] * 6

    def factory():
        dl.reluLayer().Name = "a"

    def names():
        dl.dlnetwork(LAYERS).OutputNames = ["relu"]
    for call in (bias, name, layer, append, insert, extend, delete, value, column, factory, names):
        assert refused(call).endswith(":lostAssignment")
    assert net.Layers[1].Name == lgraph.Layers[1].Name == "conv"


def test_assignments_in_what_somebody_keeps_take_effect():
    layers = network().Layers
    layers[1].Bias = np.ones((1, 1, 2))
    layers[3] = dl.leakyReluLayer(Name="relu")
    layer = layers[4]
    layer.Bias = [[1], [2]]
    kept = {"layer": network().Layers[4]}
    kept["layer"].Bias = [[3], [4]]
    for one in layers:
        one.Name = f"my_{one.Name}"
    setattr(layers[0], "Name", "in")  # noqa: B010
    others = network().Layers
    others.append(dl.reluLayer())
    kept["others"] = others[:2]
    kept["others"].extend([dl.reluLayer()])
    kept["others"].insert(0, dl.reluLayer())
    del others[0]
    assert (len(others), len(kept["others"])) == (5, 4)
    net = dl.dlnetwork([*layers[:4], kept["layer"]])
    assert [one.Name for one in net.Layers] == ["in", "my_conv", "my_bn", "my_relu", "fc"]
    np.testing.assert_array_equal(net.Learnables.Value[1].ravel(), [1, 1])
    np.testing.assert_array_equal(net.Learnables.Value[-1].ravel(), [3, 4])
    np.testing.assert_array_equal(layers[4].Bias.ravel(), [1, 2])


def test_columns_of_a_table_can_be_replaced():
    table = network().Learnables
    table.Parameter = [text.lower() for text in table.Parameter]
    assert table[0][:2] == ("conv", "weights")
    assert refused(lambda: assign(table, "Layer", ["a"])) == "table:invalidLength"
    assert refused(lambda: assign(table, "Leyer", ["a"] * 6)) == "table:unknownColumn"


# What an analysis offers to programs -----------------------------------------------------------------------------------
def test_the_columns_of_layerinfo_that_matlab_documents():
    info = dl.analyzeNetwork([*LAYERS[:3], dl.maxPooling2dLayer(2, HasUnpoolingOutputs=True, Name="pool")], nargout=1)
    table = info.LayerInfo
    assert table.VariableNames[:7] == ["Name", "Type", "ActivationSizes", "ActivationFormats", "LearnableSizes",
                                       "NumLearnables", "StateSizes"]
    assert table[1][:7] == ("conv", "2-D Convolution", [4, 4, 2, 1], "SSCB", {"Weights": [3, 3, 1, 2], "Bias": [1, 1, 2]},
                            20, {})
    assert table.StateSizes[2] == {"TrainedMean": [1, 1, 2], "TrainedVariance": [1, 1, 2]}
    assert table.ActivationSizes[3] == [[3, 3, 2, 1], [3, 3, 2, 1], [4]]
    assert table.ActivationFormats[3] == ["SSCB", "SSCB", "U"]
    assert (info.TotalLearnables, info.KnownLearnables) == (24, 24)


def test_no_total_where_there_are_errors():
    info = dl.analyzeNetwork([*LAYERS[:2], dl.maxPooling2dLayer(9), dl.fullyConnectedLayer(2)], nargout=1)
    assert math.isnan(info.TotalLearnables)
    assert info.KnownLearnables == 20
    assert (info.LayerInfo.ActivationSizes[2], info.LayerInfo.ActivationFormats[2]) == ([], "")
    assert "at least 20" in str(info)
    unused = dl.analyzeNetwork([LAYERS[0], dl.maxPooling2dLayer(2, HasUnpoolingOutputs=True)], nargout=1)
    assert (unused.NumWarnings, unused.TotalLearnables) == (1, 0)


# Classes of the user ---------------------------------------------------------------------------------------------------
class WithoutBuild(dl.Layer):
    pass


class ReturnsNothing(dl.Layer):
    def build(self, g, x):
        g.relu(x)


class ReturnsTwo(dl.Layer):
    def build(self, g, x):
        return x, g.relu(x)


@pytest.mark.parametrize(("layer", "reason"), [(WithoutBuild, "noPredict"), (ReturnsNothing, "invalidBuild"),
                                               (ReturnsTwo, "invalidBuild"), (dl.Layer, "noBuild")])
def test_a_class_that_does_not_say_what_it_computes(layer, reason):
    layers = [LAYERS[0], layer(Name="mine"), dl.fullyConnectedLayer(2), dl.regressionLayer]
    (issue,) = dl.analyzeNetwork(layers, nargout=1).Issues
    assert (issue.layer, issue.index, issue.identifier) == ("mine", 2, f"dltoolbox:{layer.__name__}:{reason}")
    assert layer.__name__ in issue.message
    for call in (lambda: dl.dlnetwork(layers[:3]), lambda: dl.assembleNetwork(layers), lambda: dl.trainNetwork(
            X, np.zeros((3, 2)), layers, dl.trainingOptions("sgdm"))):
        assert refused(call) == f"{layer.__name__}:{reason}"


def test_the_cure_for_it_works():
    class Mine(dl.Layer):
        def build(self, g, x):
            return g.relu(x)
    net = dl.dlnetwork([LAYERS[0], Mine()])
    assert [net.Layers[1].Name, net.Layers[1].type_text] == ["mine", "Mine"]
    np.testing.assert_allclose(dl.predict(net, X), np.maximum(X, 0), rtol=1e-6)
