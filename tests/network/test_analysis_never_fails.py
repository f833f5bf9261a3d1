"""Whatever stands in a list, the analysis reports and never raises; faults are told apart by place and identifier."""

from contextlib import suppress

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import dltoolbox as dl
from dltoolbox.core.errors import DltoolboxError

GOOD = [
    dl.imageInputLayer([12, 12, 2]), dl.featureInputLayer(5), dl.image3dInputLayer([6, 6, 6, 1]), dl.reluLayer,
    dl.softmaxLayer,
    dl.convolution2dLayer(3, 4), dl.convolution2dLayer(3, 4, Padding="same", Name="c"), dl.maxPooling2dLayer(2, Stride=2),
    dl.convolution2dLayer(3, 4, Weights=np.ones((3, 3, 2, 4))), dl.transposedConv2dLayer(4, 2, Stride=2, Cropping="same"),
    dl.maxPooling2dLayer(2, HasUnpoolingOutputs=True, Name="p"), dl.maxUnpooling2dLayer(Name="u"), dl.maxPooling3dLayer(2),
    dl.batchNormalizationLayer, dl.dropoutLayer(0.1), dl.fullyConnectedLayer(3), dl.fullyConnectedLayer(3, InputSize=5),
    dl.additionLayer(2), dl.depthConcatenationLayer(3, Name="c"), dl.concatenationLayer(1, 2), dl.averagePooling2dLayer(3),
    dl.globalAveragePooling2dLayer, dl.classificationLayer, dl.classificationLayer(Classes=["a", "b"]), dl.regressionLayer,
    dl.pixelClassificationLayer, dl.convolution2dLayer(3, 4, Weights=[1, 2, 3], Bias=[1]),
]
JUNK = [None, 3, "relu", dl.maxPooling2dLayer, dl.additionLayer, print, object(), {}, np.zeros(3), dl.Layer]

items = st.one_of(st.sampled_from(GOOD), st.sampled_from(GOOD), st.sampled_from(JUNK))


@given(st.lists(items, max_size=12), st.sampled_from(["trainNetwork", "dlnetwork"]))
@settings(max_examples=300, deadline=None)
def test_any_list(layers, usage):
    info = dl.analyzeNetwork(layers, TargetUsage=usage, nargout=1)
    assert info.NumLayers == len(layers)
    assert str(info)
    assert all(issue.message and issue.hint and issue.identifier.startswith("dltoolbox:") for issue in info.Issues)
    places = [(issue.index, issue.identifier) for issue in info.Issues if "duplicateName" not in issue.identifier]
    assert len(places) == len(set(places))
    assert all(issue.index is None or 1 <= issue.index <= len(layers) for issue in info.Issues)


@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=8),
       st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7), st.integers(0, 3), st.integers(0, 3)), max_size=10))
@settings(max_examples=300, deadline=None)
def test_any_graph(layers, wires):
    lgraph = dl.layerGraph()
    for i, one in enumerate(dl.layerArray(layers)):
        one.Name = f"n{i}"
        lgraph = dl.addLayers(lgraph, one)
    for source, target, out, into in wires:
        a, b = lgraph.nodes[source % len(layers)], lgraph.nodes[target % len(layers)]
        if a.outputs() and b.inputs():
            with suppress(DltoolboxError):  # an input that is connected already
                lgraph = dl.connectLayers(lgraph, f"{a.Name}/{a.outputs()[out % len(a.outputs())]}",
                                          f"{b.Name}/{b.inputs()[into % len(b.inputs())]}")
    info = dl.analyzeNetwork(lgraph, nargout=1)
    assert str(info)
    known = {name for name, text in zip(info.LayerInfo.Name, info.LayerInfo.Activations, strict=True) if text != "?"}
    cyclic = any("cycle" in issue.identifier for issue in info.Issues)
    assert info.IsValid is False or (len(known) == len(layers) and not cyclic)


def test_a_cycle_before_an_output_that_needs_probabilities():
    """Which softmax was meant is looked for upwards, and there is no end."""
    lgraph = dl.layerGraph([dl.reluLayer(Name="a"), dl.reluLayer(Name="b"), dl.classificationLayer(Name="out")])
    lgraph = dl.connectLayers(lgraph, "b", "a")
    assert any(issue.identifier.endswith("missingSoftmax") for issue in dl.analyzeNetwork(lgraph, nargout=1).Issues)
