"""toMATLAB: what it writes, read as MATLAB and run with the toolbox's own functions, makes the network again."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.io import loadmat

from dltoolbox import (
    DltoolboxError,
    DltoolboxWarning,
    averagePooling3dLayer,
    batchNormalizationLayer,
    channelShuffleLayer,
    classificationLayer,
    convolution2dLayer,
    dlnetwork,
    fullyConnectedLayer,
    imageInputLayer,
    inputLayer,
    layerGraph,
    maxPooling2dLayer,
    maxPooling3dLayer,
    mobilenetv2,
    networkDataLayout,
    preluLayer,
    reluLayer,
    scalingLayer,
    softmaxLayer,
    toMATLAB,
    transposedConv2dLayer,
)
from dltoolbox.exchange.writers.matlab import MatlabCalls
from dltoolbox.layers.base import LAYERS
from dltoolbox.ops import OPS
from tests.exchange.matlab_reader import Reader, run_matlab
from tests.exchange.networks import NETWORKS
from tests.exchange.rebuilt import (
    ARCHITECTURES,
    AWKWARD,
    architecture,
    assert_same_connections,
    assert_same_in_matlab,
    graph_of,
)


def assert_rebuilt(text, graph, *, values=True, folder=None):
    found = graph_of(run_matlab(text, folder))
    assert_same_connections(found, graph)
    for one, other in zip(found.nodes, graph.nodes, strict=True):
        assert_same_in_matlab(one, other, values=values)


@pytest.mark.filterwarnings("ignore:.*MATLAB has no channel shuffle layer")
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture(name):
    graph = architecture(name)
    text = toMATLAB(graph)
    assert_rebuilt(text, graph, values=False)
    assert max(map(len, text.splitlines())) <= 125


@pytest.mark.parametrize("name", NETWORKS)
def test_a_trained_network_with_its_values(name, tmp_path):
    net = NETWORKS[name]()
    text = toMATLAB(net, tmp_path / "trained.m", Parameters=True)
    assert (tmp_path / "trained.m").read_text(encoding="utf-8") == text
    assert_rebuilt(text, net, folder=tmp_path)
    assert run_matlab(text, tmp_path)["net"].OutputNames == net.OutputNames


def test_arrays_have_the_sizes_that_matlab_wants(tmp_path):
    layers = [imageInputLayer([4, 4, 3], Mean=[1, 2, 3]),
              convolution2dLayer(3, 2, Weights=np.ones((3, 3, 3, 2)), Bias=[1, 2], Name="conv")]
    text = toMATLAB(layers, tmp_path / "a.m", Parameters=True)
    assert '"Mean",reshape([1 2 3],[1 1 3])' in text
    saved = loadmat(tmp_path / "a.mat", struct_as_record=False)["conv"][0, 0]
    assert (saved.Weights.shape, saved.Bias.shape) == ((3, 3, 3, 2), (1, 1, 2))


def test_plain_code():
    layers = [imageInputLayer([28, 28, 1], Name="input"), convolution2dLayer(5, 20, Padding="same", Name="conv"),
              maxPooling2dLayer(2, Stride=[2, 3], HasUnpoolingOutputs=True, Name="pool"), preluLayer(Name="a", Alpha=0.5)]
    assert toMATLAB(layers).split("\n", 1)[1] == """
layers = [
    imageInputLayer([28 28 1],"Name","input")
    convolution2dLayer([5 5],20,"Name","conv","Padding","same")
    maxPooling2dLayer([2 2],"Name","pool","Stride",[2 3],"HasUnpoolingOutputs",true)
    preluLayer("Name","a","Alpha",0.5)];
"""


@pytest.mark.parametrize(("layer", "code"), [
    (convolution2dLayer(3, 8, Padding=[0, 1, 2, 3]), '"Padding",[0 1 2 3]'),
    (averagePooling3dLayer(4, Padding=[[1, 2, 3], [3, 2, 1]], PaddingValue="mean"),
     '"Padding",[1 2 3; 3 2 1],"PaddingValue","mean"'),
    (transposedConv2dLayer(4, 8, Stride=2, Cropping=1), '"Stride",[2 2],"Cropping",[1 1 1 1]'),
    (inputLayer([28, 28, 1, None], "SSCB"), 'inputLayer([28 28 1 NaN],"SSCB","Name","a")'),
    (imageInputLayer([2, 2, 1], Mean=-0.5), '"Mean",-0.5'),
    (scalingLayer(Scale=[[1], [2]]), '"Scale",[1; 2]'),
    (classificationLayer(Classes=['"a"', "b c"]), '"Classes",["""a""" "b c"]'),
    (classificationLayer(Classes=["only"]), '"Classes","only"'),
    (preluLayer(AlphaLearnRateFactor=0, AlphaL2Factor=2),
     'setL2Factor(setLearnRateFactor(preluLayer("Name","a"),"Alpha",0),"Alpha",2)'),
    (fullyConnectedLayer(3, InputSize=4), 'fullyConnectedLayer(3,"Name","a")'),
    (transposedConv2dLayer([3, 8], 2, WeightsInitializer="bilinear"),
     "@(sz) (1-abs(-2:2:2)'/4).*(1-abs(-7:2:7)/8).*reshape(eye(sz(3:4)),[1 1 sz(3:4)])"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_values_read_as_matlabs(layer, code):
    layer = layer.copy()
    layer.Name = "a"
    text = toMATLAB(layer)
    assert code in text
    assert_rebuilt(text, layerGraph(layer))


def test_names_of_any_kind():
    layers = [imageInputLayer([4, 4, 1], Name="in"), *(reluLayer(Name=name) for name in AWKWARD)]
    text = toMATLAB(layers)
    assert '"two"+char(10)+"lines"' in text
    assert_rebuilt(text, layerGraph(layers))


def test_parameters_under_names_of_any_kind(tmp_path):
    layers = [imageInputLayer([5, 5, 3]), *(scalingLayer(Scale=np.full((5, 5, 3), number), Name=name)
              for number, name in enumerate([*AWKWARD, "1 st", "A", "a", "x" * 80, "x" * 81]))]
    text = toMATLAB(layers, tmp_path / "a.m", Parameters=True)
    assert_rebuilt(text, layerGraph(layers), folder=tmp_path)
    assert all(len(name) <= 63 for name in loadmat(tmp_path / "a.mat"))


def test_long_lines_go_on():
    layers = [softmaxLayer(Name="s"), classificationLayer(Classes=[f"class {n}" for n in range(200)], Name="c")]
    text = toMATLAB(layers)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 110
    assert sum(line.endswith(" ...") for line in lines) > 10
    assert_rebuilt(text, layerGraph(layers))


def test_arguments_that_fit_a_line_are_not_broken():
    text = toMATLAB(mobilenetv2(Weights="none"))
    for argument in ('"Mean",reshape([123.675 116.28 103.53],[1 1 3])',
                     '"StandardDeviation",reshape([58.395 57.12 57.375],[1 1 3])'):
        assert argument in text


def test_writers_are_named_after_factories():
    assert {name for name in vars(MatlabCalls) if name.endswith("Layer")} <= {*LAYERS, "placeholderLayer"}


def test_layers_that_matlab_does_not_have():
    layers = [imageInputLayer([4, 4, 4]), channelShuffleLayer(2), maxPooling3dLayer(2, HasUnpoolingOutputs=True)]
    with pytest.warns(DltoolboxWarning, match="MATLAB has no channel shuffle layer.*has no unpooling outputs") as caught:
        text = toMATLAB(layers)
    assert len(caught) == 1
    assert text.count("    % MATLAB") == 2
    assert "maxpool(X,[2 2 2],'Stride',[1 1 1],'Padding',[0 0 0; 0 0 0])" in text
    found = run_matlab(text)["layers"]
    assert found[2].outputs() == ("out", "indices", "size")


def in_column_major(x, sizes, order):
    """What reshape and permute do in MATLAB."""
    return x.reshape(sizes, order="F").transpose([n - 1 for n in order]).reshape(x.shape, order="F")


@pytest.mark.parametrize(("layer", "note"), [
    (batchNormalizationLayer(FixedStatistics=True), "MATLAB's batchNormalizationLayer has no "
     "FixedStatistics; it is left out"),
    (maxPooling2dLayer(3, Stride=2, HasUnpoolingOutputs=True), "MATLAB refuses unpooling outputs of regions that overlap"),
])
def test_what_goes_beyond_matlab_is_said(layer, note):
    with pytest.warns(DltoolboxWarning, match=note):
        text = toMATLAB(layer)
    assert f"\n% {note}.\n" in text
    assert "FixedStatistics," not in text


@pytest.mark.parametrize("size", [(6,), (4, 3, 6), (2, 3, 2, 6)])
def test_the_function_that_shuffles_channels(size):
    source = {1: ([6, None], "CB"), 3: ([4, 3, 6, None], "SSCB"), 4: ([2, 3, 2, 6, None], "SSSCB")}[len(size)]
    with pytest.warns(DltoolboxWarning, match=f"for data with {len(size) - 1} spatial dimensions"):
        text = toMATLAB([inputLayer(*source), channelShuffleLayer(3)])
    function = run_matlab(text)["layers"][1].Predict
    sizes, order = function.split("reshape(X,")[1].rsplit("),[", 1)
    x = np.random.default_rng(0).standard_normal((*size, 5))
    found = in_column_major(x, sizes_of(sizes, x), [int(n) for n in order.split("]")[0].split()])
    np.testing.assert_array_equal(found, OPS["channel_shuffle"].forward(x, groups=3))


def sizes_of(text, x):
    """The sizes in ``size(X,1),[],3``."""
    parts = text.replace("size(X,", "size").replace(")", "").split(",")
    return [-1 if part == "[]" else x.shape[int(part[4:]) - 1] if part.startswith("size") else int(part) for part in parts]


def test_a_dlnetwork():
    net = dlnetwork([reluLayer(Name="r"), fullyConnectedLayer(3, Name="fc")],
                    networkDataLayout([4, 4, 3, float("nan")], "SSCB"), OutputNames=["r", "fc"])
    text = toMATLAB(net)
    assert text.endswith('net = dlnetwork(layers,networkDataLayout([4 4 3 NaN],"SSCB"));\nnet.OutputNames = ["r" "fc"];\n')
    variables = run_matlab(text)
    assert variables["net"].layouts == net.layouts
    assert variables["net.OutputNames"] == ["r", "fc"]
    assert toMATLAB(dlnetwork([reluLayer], Initialize=False)).endswith('net = dlnetwork(layers,"Initialize",false);\n')


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda folder: toMATLAB([reluLayer], Parameters=True), "toMATLAB:fileNeeded"),
    (lambda folder: toMATLAB([reluLayer], folder / "a.py"), "toMATLAB:invalidFile"),
    (lambda folder: toMATLAB([reluLayer], folder / "my net.m"), "toMATLAB:invalidFile"),
    (lambda folder: toMATLAB([reluLayer], folder / "none" / "a.m"), "toMATLAB:folderNotFound"),
    (lambda folder: toMATLAB({}), "layerArray:notALayer"),
])
def test_refusals(call, identifier, tmp_path):
    with pytest.raises(DltoolboxError) as caught:
        call(tmp_path)
    assert caught.value.identifier == f"dltoolbox:{identifier}"


@pytest.mark.parametrize("text", ["x = [1 2;\n", "x = f(1);\n", "x = 1\n", 'x = "a;\n', "x = [1\"a\"];\n"])
def test_the_reader_refuses_other_text(text):
    with pytest.raises(AssertionError):
        Reader(text).run()
