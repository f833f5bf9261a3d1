"""Editing layer graphs: results, refusals, and that nothing passed in is changed."""

import pytest

from dltoolbox import (
    DAGNetwork,
    LayerGraph,
    SeriesNetwork,
    addInputLayer,
    additionLayer,
    addLayers,
    assembleNetwork,
    connectLayers,
    depthConcatenationLayer,
    disconnectLayers,
    dlnetwork,
    featureInputLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    leakyReluLayer,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    reluLayer,
    removeLayers,
    replaceLayer,
    softmaxLayer,
)
from dltoolbox.core.errors import DltoolboxError


@pytest.fixture
def lgraph():
    """in → a → add, in → b → add/in2."""
    graph = layerGraph([imageInputLayer([8, 8, 1], Name="in"), reluLayer(Name="a"), additionLayer(2, Name="add")])
    graph = addLayers(graph, reluLayer(Name="b"))
    return connectLayers(connectLayers(graph, "in", "b"), "b", "add/in2")


def edges(graph):
    return sorted(zip(graph.Connections.Source, graph.Connections.Destination, strict=True))


WIRED = [("a", "add/in1"), ("b", "add/in2"), ("in", "a"), ("in", "b")]


def test_the_fixture(lgraph):
    assert edges(lgraph) == WIRED
    assert (lgraph.InputNames, lgraph.OutputNames) == (["in"], [])
    assert str(lgraph) == ("  LayerGraph with properties:\n\n         Layers: [4×1 Layer array]\n"
                           "    Connections: [4×2 table]\n     InputNames: {'in'}\n    OutputNames: {}\n")
    assert repr(lgraph) == "<LayerGraph of 4 layers and 4 connections>"


@pytest.mark.parametrize("edit", [
    lambda g: addLayers(g, [softmaxLayer(Name="s"), reluLayer(Name="t")]),
    lambda g: removeLayers(g, ["a", "b"]),
    lambda g: disconnectLayers(g, "a", "add/in1"),
    lambda g: connectLayers(disconnectLayers(g, "b", "add/in2"), "in", "add/in2"),
    lambda g: replaceLayer(g, "a", leakyReluLayer(Name="leaky")),
])
def test_editing_returns_a_new_graph(lgraph, edit):
    before = [one.copy() for one in lgraph.Layers]
    edited = edit(lgraph)
    assert edited is not lgraph
    assert isinstance(edited, LayerGraph)
    assert edges(lgraph) == WIRED
    assert lgraph.Layers == before
    assert edges(edited) != WIRED or len(edited.Layers) != 4


def test_add_layers_connects_only_the_new_ones(lgraph):
    added = addLayers(lgraph, [reluLayer, reluLayer])
    assert edges(added) == sorted([*WIRED, ("relu_1", "relu_2")])
    assert [one.Name for one in addLayers(added, reluLayer).Layers][-1] == "relu"


def test_remove_layers_removes_their_connections(lgraph):
    assert edges(removeLayers(lgraph, "b")) == [("a", "add/in1"), ("in", "a")]


def test_disconnect_and_connect_again(lgraph):
    cut = disconnectLayers(lgraph, "b", "add/in2")
    assert edges(cut) == [one for one in WIRED if one[0] != "b"]
    assert edges(connectLayers(cut, "b/out", "add/in2")) == WIRED


def test_replace_by_several_layers(lgraph):
    replaced = replaceLayer(lgraph, "a", [leakyReluLayer(Name="x"), softmaxLayer(Name="y")])
    assert edges(replaced) == sorted([("b", "add/in2"), ("in", "b"), ("in", "x"), ("x", "y"), ("y", "add/in1")])
    assert [one.Name for one in replaced.Layers] == ["in", "x", "y", "add", "b"]


@pytest.mark.parametrize("arguments", [((), {"ReconnectBy": "order"}), (("ReconnectBy", "order"), {}),
                                       (("reconnectby", "ORDER"), {})])
def test_replace_by_order(arguments):
    pairs, options = arguments
    graph = layerGraph([imageInputLayer([8, 8, 1], Name="in"),
                        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
                        maxUnpooling2dLayer(Name="up")])
    graph = connectLayers(connectLayers(graph, "pool/indices", "up/indices"), "pool/size", "up/size")
    replaced = replaceLayer(graph, "up", depthConcatenationLayer(3, Name="cat"), *pairs, **options)
    assert edges(replaced) == [("in", "pool"), ("pool/indices", "cat/in2"), ("pool/out", "cat/in1"),
                               ("pool/size", "cat/in3")]


def test_replace_keeps_the_name_or_takes_a_new_one(lgraph):
    assert [one.Name for one in replaceLayer(lgraph, "a", leakyReluLayer(Name="a")).Layers][1] == "a"
    assert [one.Name for one in replaceLayer(lgraph, "a", leakyReluLayer()).Layers][1] == "leakyrelu"
    by_name = replaceLayer(lgraph, "add", depthConcatenationLayer(2, Name="cat"))
    assert ("b", "cat/in2") in edges(by_name)


@pytest.mark.parametrize(("edit", "identifier", "text"), [
    (lambda g: connectLayers(g, "inn", "a"), "layerGraph:unknownLayer", "no layer 'inn'. Did you mean 'in'?"),
    (lambda g: connectLayers(g, "inn", "zzz"), "layerGraph:unknownLayer", "no layer 'zzz'"),
    (lambda g: connectLayers(g, "in", "zzz"), "layerGraph:unknownLayer", "Its layers are in, a, add, b"),
    (lambda g: connectLayers(g, "in", "add"), "layerGraph:ambiguousPort", "Name one: add/in1, add/in2"),
    (lambda g: connectLayers(g, "in", "add/in3"), "layerGraph:unknownPort", "Its inputs are in1, in2"),
    (lambda g: connectLayers(g, "a/indices", "add/in1"), "layerGraph:unknownPort", "Its outputs are out"),
    (lambda g: connectLayers(g, "a", "in"), "layerGraph:unknownPort", "'in' (1): This Image Input layer has no inputs"),
    (lambda g: connectLayers(g, "b", "add/in1"), "layerGraph:inputAlreadyConnected", "already connected to 'a/out'"),
    (lambda g: disconnectLayers(g, "a", "add/in2"), "layerGraph:notConnected", "'a/out' is not connected to 'add/in2'"),
    (lambda g: disconnectLayers(g, "a", "add/in2"), "layerGraph:notConnected", "disconnectLayers(lgraph, 'b', 'add/in2')"),
    (lambda g: disconnectLayers(g, "x", "add/in2"), "layerGraph:unknownLayer", "no layer 'x'"),
    (lambda g: removeLayers(g, ["a", "c"]), "layerGraph:unknownLayer", "no layer 'c'"),
    (lambda g: removeLayers(g, ["x", "a", "y"]), "layerGraph:unknownLayer", "no layer 'y'"),
    (lambda g: addLayers(g, reluLayer(Name="a")), "layerGraph:duplicateName", "The name 'a'"),
    (lambda g: addLayers(g, ["relu"]), "layerArray:notALayer", "Element 1"),
    (lambda g: replaceLayer(g, "c", reluLayer), "layerGraph:unknownLayer", "no layer 'c'"),
    (lambda g: replaceLayer(g, "a", reluLayer(Name="b")), "layerGraph:duplicateName", "The name 'b'"),
    (lambda g: replaceLayer(g, "add", reluLayer), "replaceLayer:portsDoNotFit", "its inputs are in"),
    (lambda g: replaceLayer(g, "add", reluLayer, ReconnectBy="order"), "replaceLayer:portsDoNotFit", "'add/in2'"),
    (lambda g: replaceLayer(g, "a", reluLayer, ReconnectBy="port"), "replaceLayer:invalidReconnectBy", "'name' or 'order'"),
    (lambda g: replaceLayer(g, "a", reluLayer, Reconnect="x", By=1), "replaceLayer:unknownOption", "'By'"),
    (lambda g: replaceLayer(g, "a", []), "replaceLayer:noLayers", "use removeLayers"),
    (lambda g: removeLayers(g, 2), "layerGraph:invalidName", "but it is 2"),
    (lambda g: connectLayers(g, g.Layers[1], "add/in1"), "layerGraph:invalidName", "but it is reluLayer(Name='a')"),
    (lambda g: addLayers([reluLayer()], reluLayer), "addLayers:notALayerGraph", "lgraph = layerGraph(layers)"),
    (lambda g: removeLayers([reluLayer()], "a"), "removeLayers:notALayerGraph", "it is [reluLayer()]"),
    (lambda g: connectLayers([reluLayer()], "a", "b"), "connectLayers:notALayerGraph", "first argument of connectLayers"),
    (lambda g: disconnectLayers("a", "b", g), "disconnectLayers:notALayerGraph", "it is 'a'"),
    (lambda g: replaceLayer([reluLayer()], "a", reluLayer), "replaceLayer:notALayerGraph", "a layer graph"),
])
def test_refusals(lgraph, edit, identifier, text):
    with pytest.raises(DltoolboxError) as caught:
        edit(lgraph)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert text in str(caught.value)
    assert caught.value.issues[0].hint
    assert edges(lgraph) == WIRED


def test_names_with_slashes():
    graph = layerGraph([imageInputLayer([8, 8, 1], Name="in/put"), reluLayer(Name="re/lu"), additionLayer(2, Name="a/d")])
    graph = connectLayers(graph, "re/lu", "a/d/in2")
    assert edges(graph) == [("in/put", "re/lu"), ("re/lu", "a/d/in1"), ("re/lu", "a/d/in2")]


def test_one_output_feeds_many_inputs(lgraph):
    graph = connectLayers(addLayers(lgraph, reluLayer(Name="c")), "in", "c")
    assert [d for s, d in edges(graph) if s == "in"] == ["a", "b", "c"]


# Replacing ports -----------------------------------------------------------------------------------------------------
@pytest.fixture
def unpooled():
    """in → pool → up, with the indices and the size."""
    graph = layerGraph([imageInputLayer([8, 8, 1], Name="in"),
                        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"),
                        maxUnpooling2dLayer(Name="up")])
    return connectLayers(connectLayers(graph, "pool/indices", "up/indices"), "pool/size", "up/size")


@pytest.mark.parametrize("how", ["name", "order"])
def test_replacing_either_end_of_an_unpooling(unpooled, how):
    pool = maxPooling2dLayer(3, Stride=3, HasUnpoolingOutputs=True, Name="other")
    assert edges(replaceLayer(unpooled, "pool", pool, ReconnectBy=how)) == [
        ("in", "other"), ("other/indices", "up/indices"), ("other/out", "up/in"), ("other/size", "up/size")]
    assert edges(replaceLayer(unpooled, "up", maxUnpooling2dLayer(Name="new"), ReconnectBy=how)) == [
        ("in", "pool"), ("pool/indices", "new/indices"), ("pool/out", "new/in"), ("pool/size", "new/size")]


def test_replacing_by_an_array_whose_last_layer_has_the_outputs(unpooled):
    array = [reluLayer(Name="relu"), maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="last")]
    assert edges(replaceLayer(unpooled, "pool", array)) == [
        ("in", "relu"), ("last/indices", "up/indices"), ("last/out", "up/in"), ("last/size", "up/size"), ("relu", "last")]
    with pytest.raises(DltoolboxError, match="'pool/indices' is connected, but layer 'relu' has no output") as caught:
        replaceLayer(unpooled, "pool", array[::-1])
    assert caught.value.identifiers == ("dltoolbox:replaceLayer:portsDoNotFit",) * 2  # indices and size


def test_only_connected_ports_need_a_successor(unpooled):
    assert edges(replaceLayer(removeLayers(unpooled, "up"), "pool", reluLayer(Name="r"), ReconnectBy="order")) == [
        ("in", "r")]


def test_a_layer_that_feeds_two_takes_both_along(lgraph):
    assert ("new", "a") in edges(replaceLayer(lgraph, "in", imageInputLayer([4, 4, 1], Name="new")))
    assert ("new", "b") in edges(replaceLayer(lgraph, "in", imageInputLayer([4, 4, 1], Name="new")))


def test_graphs_are_added_with_their_connections(lgraph, unpooled):
    both = addLayers(lgraph, removeLayers(unpooled, "in"))
    assert edges(both) == sorted([*WIRED, *[edge for edge in edges(unpooled) if edge[0] != "in"]])
    with pytest.raises(DltoolboxError, match="The name 'in'"):
        addLayers(lgraph, unpooled)


# Networks ------------------------------------------------------------------------------------------------------------
EDITS = {
    "addLayers": lambda net: addLayers(net, reluLayer),
    "removeLayers": lambda net: removeLayers(net, "fc"),
    "connectLayers": lambda net: connectLayers(net, "in", "fc"),
    "disconnectLayers": lambda net: disconnectLayers(net, "in", "fc"),
    "replaceLayer": lambda net: replaceLayer(net, "fc", reluLayer),
}


@pytest.mark.parametrize("function", EDITS)
@pytest.mark.parametrize("kind", [SeriesNetwork, DAGNetwork])
def test_trained_networks_stay_as_they_are(function, kind):
    net = kind(assembleNetwork([featureInputLayer(1, Name="in"), fullyConnectedLayer(1, Weights=[[1]], Bias=[0], Name="fc"),
                                regressionLayer(Name="end")]))
    with pytest.raises(DltoolboxError) as caught:
        EDITS[function](net)
    assert caught.value.identifier == f"dltoolbox:{function}:notALayerGraph"
    assert f"it is <{kind.__name__} of 3 layers" in str(caught.value)
    assert "lgraph = layerGraph(net)" in str(caught.value)
    assert type(layerGraph(net)) is LayerGraph


def test_an_input_layer_for_an_open_input():
    net = dlnetwork([reluLayer(Name="first"), additionLayer(3, Name="sum")], Initialize=False)
    added = addInputLayer(net, imageInputLayer([8, 8, 1], Name="in"))
    assert type(added) is dlnetwork
    assert [one.Name for one in added.Layers] == ["in", "first", "sum"]
    assert not added.Initialized
    more = addInputLayer(added, imageInputLayer([8, 8, 1], Name="third"), "sum/in3")
    assert edges(more) == [("first", "sum/in1"), ("in", "first"), ("third", "sum/in3")]
    done = addInputLayer(more, imageInputLayer([8, 8, 1]), "sum", "Initialize", True)  # its only open input
    assert done.InputNames == ["in", "third", "imageinput"]
    assert done.Initialized
    assert len(net.Layers) == 2
    assert addInputLayer(net, imageInputLayer([8, 8, 1]), "Initialize", False).Layers[0].Name == "imageinput"


@pytest.mark.parametrize(("arguments", "identifier", "text"), [
    ((reluLayer(),), "addInputLayer:notAnInputLayer", "it is reluLayer()"),
    (([imageInputLayer([2, 2, 1])] * 2,), "addInputLayer:notAnInputLayer", "one input layer"),
    ((imageInputLayer([2, 2, 1], Name="sum"),), "layerGraph:duplicateName", "'sum'"),
    ((imageInputLayer([2, 2, 1]), "sm"), "layerGraph:unknownLayer", "'sum'"),
    ((imageInputLayer([2, 2, 1]), "sum"), "layerGraph:ambiguousPort", "sum/in2, sum/in3"),
    ((imageInputLayer([2, 2, 1]), "sum/in1"), "addInputLayer:noOpenInput", "The open inputs are first, sum/in2, sum/in3."),
])
def test_input_layers_that_do_not_fit(arguments, identifier, text):
    net = dlnetwork([reluLayer(Name="first"), additionLayer(3, Name="sum")], Initialize=False)
    with pytest.raises(DltoolboxError) as caught:
        addInputLayer(net, *arguments)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert text in str(caught.value)


def test_input_layers_need_a_dlnetwork_with_an_open_input(lgraph):
    with pytest.raises(DltoolboxError, match="net = dlnetwork"):
        addInputLayer(lgraph, imageInputLayer([2, 2, 1]))
    with pytest.raises(DltoolboxError, match="Every input of the network is connected"):
        addInputLayer(dlnetwork([imageInputLayer([2, 2, 1]), reluLayer]), imageInputLayer([2, 2, 1]))
