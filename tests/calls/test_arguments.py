"""Arguments that are none: each is refused by name, before any work."""

import sys
from functools import partial

import numpy as np
import pytest

import dltoolbox as dl
from dltoolbox import DltoolboxError
from dltoolbox.core.arrays import array_of
from dltoolbox.core.properties import show
from dltoolbox.layers import base
from tests.calls.examples import EXAMPLES, classifier, graph, labels
from tests.calls.zoo import Column, Hostile, own_array, own_element, own_elements
from tests.operations import MOST, soon

REFUSED = [
    (lambda: dl.LayerGraph(5), "LayerGraph:invalidElement", "5 at place 1 is not a layer"),
    (lambda: dl.LayerGraph([dl.reluLayer(Name="a"), "b"]), "LayerGraph:invalidElement", "'b' at place 2"),
    (lambda: dl.LayerGraph([dl.reluLayer(Name="a")], [("a", "b")]), "LayerGraph:invalidElement", "not a Connection"),
    (lambda: dl.DAGNetwork([dl.reluLayer]), "DAGNetwork:notALayerGraph", "assembleNetwork"),
    (lambda: dl.SeriesNetwork(None), "SeriesNetwork:notALayerGraph", "not from None"),
    (lambda: dl.NetworkAnalysis(1, 2, 3, 4, name="", usage="", batch=1), "NetworkAnalysis:notAnalyzed", "analyzeNetwork"),
    (lambda: dl.SemanticSegmentationMetrics(5, 5), "SemanticSegmentationMetrics:invalidName", "5"),
    (lambda: dl.SemanticSegmentationMetrics(["a"], 5), "SemanticSegmentationMetrics:invalidConfusions", "N×1×1"),
    (lambda: dl.freezeWeights(graph(), 5), "freezeWeights:unknownLayer", "no layer 5"),
    (lambda: dl.removeLayers(graph(), np.array(3)), "layerGraph:invalidName", "array(3)"),
    (lambda: dl.onehotencode(labels(), 2, []), "onehotencode:invalidType", "'single' or 'double', but it is []"),
    (lambda: dl.addcats(labels(), "cub", Before=[]), "addcats:invalidName", "Expected one category name, but got []"),
    (lambda: dl.addcats(labels(), "cub", After=["cat", "dog"]), "addcats:invalidName", "one category name"),
    (lambda: dl.mergecats(labels(), ["cat", "dog"], []), "mergecats:invalidName", "one category name"),
    (lambda: dl.maxPooling2dLayer(Column(1, 2)), "maxPooling2dLayer:invalidPoolSize", "Column"),
    (lambda: dl.maxPooling2dLayer(2, Stride=dl.categorical(["a"])), "maxPooling2dLayer:invalidStride", "categorical"),
    (lambda: dl.trainingOptions("sgdm", WorkerLoad=Column("x")), "trainingOptions:invalidWorkerLoad", "Column"),
    (lambda: dl.gpuArray("x"), "gpuArray:notNumeric", "'x'"),
    (lambda: dl.gpuArray(own_elements()), "gpuArray:notNumeric", "[...]"),
    (lambda: dl.gather(), "gather:noArray", "X = gather(X)"),
    (lambda: dl.gpuDevice(0), "gpuDevice:invalidIndex", "positive integer"),
    (lambda: dl.gpuDeviceCount("none"), "gpuDeviceCount:invalidDevices", "'available'"),
    (lambda: dl.inputLayer(Column(1, 2), "CB"), "inputLayer:invalidInputSize", "Column"),
    (lambda: dl.convolution2dLayer(2**70, 8), "convolution2dLayer:invalidFilterSize", "positive integer"),
    (lambda: dl.convolution2dLayer(3, 2**63), "convolution2dLayer:invalidNumFilters", "of at most 2147483647"),
    (lambda: dl.layerArray(own_elements()), "layerArray:notALayer", "[...]"),
    (lambda: dl.relu(own_elements()), "relu:notNumeric", "list"),
    (lambda: dl.relu(Hostile("__array__")), "relu:notNumeric", "Hostile"),
    (lambda: dl.relu(np.broadcast_to(np.float32(1), (10**6, 10**6))), "relu:tooLarge", "of size 1000000×1000000 would need"),
    (lambda: dl.reluLayer(Name=own_array()), "reluLayer:invalidName", "text"),
    (lambda: dl.reluLayer(self=3), "reluLayer:unknownOption", "'self'"),
    (lambda: dl.categorical([10**5000]), "categorical:unsupportedValue", "int"),
    (lambda: dl.categorical.from_codes([0, 5], ["a"]), "categorical:invalidCodes", "from -1 to 0"),
    (lambda: labels().reshape("x"), "categorical:sizeMismatch", "'x'"),
    (lambda: dl.groupLayers(dl.dlnetwork([dl.reluLayer(Name="a")], Initialize=False), 10**5000), "groupLayers:invalidLayer",
     "<int object>"),
    (lambda: labels().transpose(7), "categorical:invalidAxes", "(7,)"),
    (lambda: dl.deeplabv3plusLayers([64, 64], 2, "resnet18", DownsamplingFactor=[]),
     "deeplabv3plusLayers:invalidDownsamplingFactor", "16 or 8"),
    (lambda: dl.resnetLayers([32, 32], 2, StackDepth=[10**9], NumFilters=[2]), "resnetLayers:tooManyBlocks", "at most 1000"),
    (lambda: dl.unetLayers([32, 32], 2, EncoderDepth=10**9), "unetLayers:invalidEncoderDepth", "from 1 to 16"),
    (lambda: dl.unetLayers([32, 32], 2, FilterSize=10**9 + 1, ConvolutionPadding="valid"), "unetLayers:invalidImageSize",
     "nearest sizes"),
    (lambda: dl.additionLayer(10**9), "additionLayer:invalidNumInputs", "from 2 to 10000"),
    (lambda: dl.triangleImages(10**9), "triangleImages:tooLarge", "but this machine has"),
    (lambda: dl.shapeVolumes(4, 10**6), "shapeVolumes:tooLarge", "GB"),
    (lambda: dl.gearboxFeatures(10**12), "gearboxFeatures:tooLarge", "fewer"),
    (lambda: dl.maxNumCompThreads(10**9), "maxNumCompThreads:invalidNumber", "from 1 to 1024"),
    (lambda: dl.explain(classifier(), MiniBatchSize=10**15), "explain:tooLarge", "smaller MiniBatchSize"),
    (lambda: dl.plot(graph(), Parent=3), "plot:invalidParent", "Matplotlib axes"),
    (lambda: dl.networkDataLayout(Hostile("__float__", "__array__")), "networkDataLayout:invalidSize", "Hostile"),
    (lambda: dl.maxunpool([[5]], [[1]], [2**30, 2**30, 1, 1], DataFormat="SSCB"), "maxunpool:tooLarge", "TB"),
    (lambda: dl.maxunpool([[5]], [[1e300]], [2, 4, 1, 1], DataFormat="SSCB"), "maxunpool:invalidIndices", "integers"),
    (lambda: dl.Issue(3, "x"), "Issue:invalidIdentifier", "text"),
]


@pytest.mark.parametrize(("call", "identifier", "text"), REFUSED, ids=[f"{n}-{one[1]}" for n, one in enumerate(REFUSED)])
def test_refused_in_words(call, identifier, text):
    with pytest.raises(DltoolboxError) as caught:
        soon(call)
    assert caught.value.identifier == f"dltoolbox:{identifier}"
    assert text in str(caught.value)
    assert caught.value.issues[0].hint


SEVERAL = [name for name in EXAMPLES if "nargout" in EXAMPLES[name]().options]


@pytest.mark.parametrize("nargout", [np.array([1, 2]), 10**9, "2", own_element(), Hostile("__repr__"), True])
@pytest.mark.parametrize("name", SEVERAL)
def test_nargout_is_looked_at_before_any_work(name, nargout):
    call, work = EXAMPLES[name](), []
    sys.setprofile(lambda frame, event, _: work.append(frame.f_code.co_name) if event == "call" else None)
    try:
        with pytest.raises(DltoolboxError) as caught:
            call.function(*call.args, **call.options | {"nargout": nargout})
    finally:
        sys.setprofile(None)
    assert caught.value.identifier.endswith(":nargout")
    assert len(work) < 500


@pytest.mark.parametrize("first", [1, "a", None, 1.5, [1], ()])
def test_lists_that_hold_themselves_are_no_arrays(first):
    items = [first]
    items += [items, items]
    for value in (items, [items, items], (1, [items])):
        assert array_of(value) is None
        assert array_of(value, object) is None
    doubled = [1]
    for _ in range(31):
        doubled = [doubled, doubled]
    assert array_of(doubled) is None  # 2^31 elements
    assert array_of([[[1, 2]] * 3] * 2).shape == (2, 3, 2)


ANALYZE = partial(dl.analyzeNetwork, nargout=1)


@pytest.mark.parametrize("innermost", [[], [dl.reluLayer], dl.reluLayer()], ids=["nothing", "factory", "layer"])
@pytest.mark.parametrize("function", [
    dl.layerArray, dl.layerGraph, dl.dlnetwork, dl.disp, ANALYZE,
    partial(dl.groupLayers, dl.dlnetwork([dl.featureInputLayer(3), dl.reluLayer]))])
def test_lists_that_hold_others_twice_forty_times_over_do_not_unfold(function, innermost, monkeypatch):
    if function is not ANALYZE:  # one with the whole limit is enough
        monkeypatch.setattr(base, "MOST_LISTED_LAYERS", 5000)
    for _ in range(40):
        innermost = [innermost, innermost]
    with pytest.raises(DltoolboxError, match="layerArray:tooManyLayers"):
        soon(lambda: function(innermost), 20 * MOST)


def test_data_in_the_place_of_layers_are_soon_refused():
    with pytest.raises(DltoolboxError) as caught:
        soon(lambda: dl.layerArray([1] * 100_000))
    assert len(caught.value.issues) == 100
    assert soon(lambda: dl.analyzeNetwork([1] * 100_000, nargout=1)).NumErrors >= 100


def test_of_nothing_comes_nothing():
    assert dl.softmax([], DataFormat="CB").shape == (0,)
    assert dl.softmax(np.empty((0, 3)), DataFormat="CB").shape == (0, 3)


def test_values_are_shown_in_one_short_line():
    assert len(show(own_element())) <= 78
    assert "..." in show(own_elements())
    assert show(Hostile("__repr__")) == "<Hostile object>"
    assert show([np.zeros((3, 3)), "x"]) == "[a 3×3 float64 array, 'x']"
    assert show(10**5000) == "<int object>"
    for value in ("x" * 10**6, list(range(10**6)), {n: n for n in range(1000)}):
        assert len(show(value)) == 78
        assert show(value).startswith(repr(value)[:70])


def test_an_object_that_refuses_is_no_label():
    assert Hostile("__eq__") not in labels()
