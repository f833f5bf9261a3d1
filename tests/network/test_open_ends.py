"""Lowering networks without input layers or output layers: data enter at open inputs, and open outputs leave."""

import pytest

from dltoolbox import (
    additionLayer,
    addLayers,
    connectLayers,
    convolution2dLayer,
    fullyConnectedLayer,
    imageInputLayer,
    layerGraph,
    maxPooling2dLayer,
    regressionLayer,
    reluLayer,
)
from dltoolbox.core.dims import Dims
from dltoolbox.network.lowering.lower import lower

IMAGE = Dims("SSCB", (8, 8, 3, None))


def faults(lowered):
    return [(issue.identifier.rpartition(":")[2], issue.layer) for issue in lowered.issues]


def test_open_inputs_are_fed_by_their_names():
    lowered = lower(layerGraph([convolution2dLayer(3, 4), reluLayer]), sources={"conv": IMAGE}, loss=False)
    assert faults(lowered) == []
    assert [value.dims for value in lowered.graph.inputs] == [IMAGE]
    assert str(lowered.layers[1].outputs[0]) == "6(S) × 6(S) × 4(C) × 1(B)"
    assert [value.dims for value in lowered.graph.results] == [lowered.layers[1].outputs[0]]
    assert lowered.graph.losses == []


def test_data_enter_in_the_order_of_the_layers():
    lgraph = layerGraph([additionLayer(3, Name="sum"), reluLayer])
    lgraph = connectLayers(addLayers(lgraph, imageInputLayer([8, 8, 3], Name="in")), "in", "sum/in2")
    assert lgraph.input_names() == ["sum/in1", "sum/in3", "in"]
    other = Dims("SSCB", (8, 8, 1, None))
    lowered = lower(lgraph, sources={"sum/in3": other, "sum/in1": IMAGE}, loss=False)
    assert faults(lowered) == []
    assert [value.dims.channels for value in lowered.graph.inputs] == [3, 1, 3]


def test_open_inputs_without_a_source_are_faults():
    lgraph = layerGraph([imageInputLayer([8, 8, 3], Name="in"), additionLayer(2, Name="sum"), reluLayer])
    lowered = lower(lgraph, loss=False)
    assert faults(lowered) == [("unconnectedInput", "sum")]
    assert "or pass example inputs" in str(lowered.issues.issues[0])
    assert faults(lower(lgraph, loss=False, sources={"sum/in2": IMAGE})) == []
    assert faults(lower(layerGraph([reluLayer]), loss=False)) == [("missingInputLayer", "")]


def test_every_open_output_of_data_leaves():
    lgraph = layerGraph([imageInputLayer([8, 8, 3]), maxPooling2dLayer(2, HasUnpoolingOutputs=True, Name="pool"),
                         fullyConnectedLayer(2, Name="fc")])
    lgraph = connectLayers(addLayers(lgraph, reluLayer(Name="side")), "pool/out", "side")
    lowered = lower(lgraph, loss=False)
    assert faults(lowered) == [("unusedUnpoolingOutputs", "pool")]
    assert [value.dims.rank for value in lowered.graph.results] == [0, 2]


@pytest.mark.parametrize(("loss", "found"), [
    (False, [("outputLayerNotAllowed", "regressionoutput")]),
    (True, []),
    (None, []),
])
def test_output_layers_belong_to_networks_that_end_in_losses(loss, found):
    layers = [imageInputLayer([8, 8, 3]), fullyConnectedLayer(2), regressionLayer]
    assert faults(lower(layerGraph(layers), loss=loss)) == found
    assert ("missingOutputLayer", "") in faults(lower(layerGraph(layers[:2]), loss=True))
    assert faults(lower(layerGraph(layers[:2]))) == []
