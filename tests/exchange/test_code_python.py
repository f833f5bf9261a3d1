"""toPython: running what it writes makes the network again."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from dltoolbox import (
    DltoolboxError,
    DltoolboxWarning,
    additionLayer,
    addLayers,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    dlnetwork,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    loadNetwork,
    maxPooling3dLayer,
    networkDataLayout,
    predict,
    preluLayer,
    reluLayer,
    saveNetwork,
    scalingLayer,
    softmaxLayer,
    toPython,
    transposedConv2dLayer,
)
from dltoolbox.network.graph.layer_graph import Connection, LayerGraph, Port
from tests.exchange.networks import NETWORKS, data_for
from tests.exchange.rebuilt import ARCHITECTURES, AWKWARD, architecture, assert_same_connections, graph_of, without_values

EXAMPLES = [path for path in sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
            if " trainNetwork(" in path.read_text(encoding="utf-8")]


def run(text):
    variables = {}
    exec(compile(text, "script", "exec"), variables)
    return variables


def assert_rebuilt(text, graph, *, values=True):
    found = graph_of(run(text))
    assert_same_connections(found, graph)
    for one, other in zip(found.nodes, graph.nodes, strict=True):
        assert one == (other if values else without_values(other))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name):
    graph = architecture(name)
    text = toPython(graph)
    assert_rebuilt(text, graph, values=not isinstance(graph, dlnetwork))
    assert max(map(len, text.splitlines())) <= 125


def test_what_does_not_learn_is_written():
    conv = convolution2dLayer(3, 2, Weights=np.arange(18).reshape(3, 3, 1, 2), WeightLearnRateFactor=0, Bias=[1, 2])
    norm = batchNormalizationLayer(TrainedMean=[1, 2], TrainedVariance=[3, 4], FixedStatistics=True, Scale=[5, 6])
    graph = layerGraph([imageInputLayer([9, 9, 1]), conv, norm])
    found = graph_of(run(toPython(graph)))
    np.testing.assert_array_equal(found.nodes[1].Weights, conv.Weights)
    np.testing.assert_array_equal(found.nodes[2].TrainedVariance, norm.TrainedVariance)
    assert found.nodes[1].Bias is found.nodes[2].Scale is None


def test_what_the_initialiser_gives_again_is_not_written():
    frozen = {"WeightLearnRateFactor": 0, "BiasLearnRateFactor": 0}
    up = transposedConv2dLayer([4, 6], 3, WeightsInitializer="bilinear", BiasInitializer="ones", **frozen)
    net = dlnetwork([imageInputLayer([9, 9, 3], Normalization="none"), up])
    text = toPython(net)
    assert "Weights=" not in text
    assert "Bias=" not in text
    assert run(text)["net"].Layers[1] == net.Layers[1]
    other = transposedConv2dLayer(2, 1, Weights=np.ones((2, 2)), WeightsInitializer="bilinear", **frozen)
    assert "Weights=[[1, 1], [1, 1]]" in toPython(other)


def test_large_arrays_that_do_not_learn_need_parameters():
    layers = [fullyConnectedLayer(9, Weights=np.eye(9), Name=f"fc{i}", WeightLearnRateFactor=0) for i in range(12)]
    with pytest.warns(DltoolboxWarning, match=r"'fc0': Weights, which does not learn, is left out.*'fc7'.*; and 4 more\."):
        text = toPython(layers)
    note = "Weights, which does not learn, is left out, since it has 81 elements; Parameters=True writes it"
    assert text.count(f"    # {note}\n    fullyConnectedLayer(9, ") == 12


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_network_of_every_example(path, monkeypatch):
    class Found(Exception):
        pass

    def trainNetwork(*arguments, **options):
        raise Found([one for one in arguments if isinstance(one, (list, type(layerGraph())))][-1])

    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, path.stem, module)  # where its classes are found
    module.trainNetwork = trainNetwork
    with pytest.raises(Found) as caught:
        module.main(short=True)
    graph = layerGraph(caught.value.args[0])
    assert_rebuilt(toPython(caught.value.args[0]), graph)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_network_with_its_values(name, tmp_path):
    net = NETWORKS[name]()
    file = tmp_path / "rebuild me.py"
    text = toPython(net, file, Parameters=True)
    assert file.read_text(encoding="utf-8") == text
    variables = runpy.run_path(str(file))
    again = variables["net"]
    assert type(again) is type(net)
    assert_same_connections(again, net)
    assert list(again.Layers) == list(net.Layers)
    data = data_for(net)
    np.testing.assert_array_equal(predict(again, *data), predict(net, *data))


def test_a_trained_network_without_its_values():
    net = NETWORKS["segmentation"]()
    text = toPython(net)
    assert_rebuilt(text, net, values=False)
    assert "# The values of" in text.splitlines()[1]
    assert "net = " not in text


def test_a_dlnetwork_with_its_values(tmp_path):
    layers = [convolution2dLayer(3, 4, Name="conv"), preluLayer(Alpha=0.5), fullyConnectedLayer(3)]
    net = dlnetwork(layers, networkDataLayout([6, 5, 2, float("nan")], "SSCB"), OutputNames=["conv", "fc"])
    toPython(net, tmp_path / "a.py", "parameters", True)
    again = runpy.run_path(str(tmp_path / "a.py"))["net"]
    assert (list(again.Layers), again.OutputNames, again.layouts, again.Initialized) == (
        list(net.Layers), ["conv", "fc"], net.layouts, True)
    raw = dlnetwork(layers, Initialize=False)
    assert not run(toPython(raw))["net"].Initialized


def test_names_of_any_kind():
    graph = layerGraph([imageInputLayer([4, 4, 1], Name="in"), *(reluLayer(Name=name) for name in AWKWARD)])
    graph = addLayers(graph, additionLayer(2, Name="sum 'x'/in3"))
    graph = connectLayers(connectLayers(graph, "a/b", "sum 'x'/in3/in1"), "two\nlines", "sum 'x'/in3/in2")
    assert_rebuilt(toPython(graph), graph)


def test_parameters_under_names_of_any_kind(tmp_path):
    layers = [scalingLayer(Scale=np.full((5, 5, 3), number), Name=name) for number, name in enumerate(
        [*AWKWARD, "1 st", "1_st", "A", "a", "x" * 80, "x" * 81])]
    toPython([imageInputLayer([5, 5, 3]), *layers], tmp_path / "a.py", Parameters=True)
    found = runpy.run_path(str(tmp_path / "a.py"))["layers"]
    assert found[1:] == layers


def test_sequences_are_layers_and_the_rest_a_graph():
    assert "lgraph" not in toPython(layerGraph([reluLayer, softmaxLayer]))
    assert "lgraph" in toPython([imageInputLayer([4, 4, 1]), reluLayer, imageInputLayer([4, 4, 1])])
    assert graph_of(run(toPython(layerGraph()))).nodes == ()
    assert graph_of(run(toPython(reluLayer(Name="a")))).nodes == (reluLayer(Name="a"),)


def test_only_what_differs_from_defaults():
    text = toPython([convolution2dLayer(3, 8, Stride=1, Padding=0, Name="c"), maxPooling3dLayer(2, Name="p")])
    assert "    convolution2dLayer(3, 8, Name='c'),\n    maxPooling3dLayer(2, Name='p'),\n" in text
    assert "(3, 8, Stride=2, Padding=1, " in toPython(convolution2dLayer([3, 3], 8, Stride=[2, 2], Padding=[1, 1, 1, 1]))
    assert "([3, 4], 8, " in toPython(convolution2dLayer([3, 4], 8))
    assert "imageInputLayer([3, 3, 3], Name=" in toPython(imageInputLayer([3, 3, 3]))
    assert "Padding=[0, 1, 0, 2]" in toPython(convolution2dLayer(3, 8, Padding=[0, 1, 0, 2]))
    assert "Padding=[[1, 2, 3], [4, 5, 6]]" in toPython(maxPooling3dLayer(7, Padding=[[1, 2, 3], [4, 5, 6]]))


def test_functions_are_left_out_with_a_comment_and_a_warning():
    layers = [imageInputLayer([4, 4, 1], Normalization=np.tanh), fullyConnectedLayer(2, WeightsInitializer=np.ones)]
    with pytest.warns(DltoolboxWarning, match="'imageinput': Normalization was a function of Python, tanh") as caught:
        text = toPython(layers)
    assert len(caught) == 1
    assert "'fc': WeightsInitializer was a function" in str(caught[0].message)
    assert "    # WeightsInitializer was a function of Python, ones; it is left out\n    fullyConnectedLayer(" in text
    assert_rebuilt(text, layerGraph([imageInputLayer([4, 4, 1]), fullyConnectedLayer(2)]))


def test_large_constants_need_parameters():
    layers = [imageInputLayer([9, 9, 1]), scalingLayer(Scale=np.arange(81.0).reshape(9, 9))]
    with pytest.warns(DltoolboxWarning, match="'scaling': Scale is left out, since it has 81 elements"):
        text = toPython(layers)
    assert graph_of(run(text)).nodes[1] == scalingLayer(Name="scaling")


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda folder: toPython(3), "layerArray:notALayer"),
    (lambda folder: toPython([reluLayer], Parameters=True), "toPython:fileNeeded"),
    (lambda folder: toPython([reluLayer], folder / "a.m"), "toPython:invalidFile"),
    (lambda folder: toPython([reluLayer], 3), "toPython:invalidFile"),
    (lambda folder: toPython([reluLayer], folder), "toPython:isAFolder"),
    (lambda folder: toPython([reluLayer], folder / "none" / "a.py"), "toPython:folderNotFound"),
    (lambda folder: toPython([reluLayer], Values=True), "toPython:unknownOption"),
    (lambda folder: toPython(ambiguous()), "toPython:ambiguousName"),
])
def test_refusals(call, identifier, tmp_path):
    with pytest.raises(DltoolboxError) as caught:
        call(tmp_path)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert caught.value.issues[0].hint


def ambiguous():
    """A layer that is called like a port of another."""
    graph = layerGraph([imageInputLayer([4, 4, 1], Name="in"), additionLayer(2, Name="sum"), reluLayer(Name="sum/in2")])
    return LayerGraph(graph.nodes, [*graph.edges, Connection(Port("in", "out"), Port("sum", "in2"))])


def test_the_network_stays_as_it_was(tmp_path):
    net = assembleNetwork([imageInputLayer([2, 2, 1], Mean=1), fullyConnectedLayer(2, Weights=np.ones((2, 4)), Bias=[1, 2]),
                           softmaxLayer, classificationLayer(Classes=["a", "b"])])
    saveNetwork(net, tmp_path / "before")
    toPython(net, tmp_path / "a.py", Parameters=True)
    assert list(loadNetwork(tmp_path / "before").Layers) == list(net.Layers)
