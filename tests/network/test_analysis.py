"""What `analyzeNetwork` accepts, returns and prints; printed displays are compared with those in tests/golden."""

import re
from pathlib import Path

import numpy as np
import pytest

from dltoolbox import (
    additionLayer,
    addLayers,
    analyzeNetwork,
    assembleNetwork,
    batchNormalizationLayer,
    classificationLayer,
    connectLayers,
    convolution2dLayer,
    disp,
    featureInputLayer,
    freezeWeights,
    fullyConnectedLayer,
    imageInputLayer,
    inputLayer,
    layerArray,
    layerGraph,
    maxPooling2dLayer,
    maxUnpooling2dLayer,
    regressionLayer,
    reluLayer,
    softmaxLayer,
    transposedConv2dLayer,
    unetLayers,
)
from dltoolbox.core.errors import DltoolboxError
from dltoolbox.network.analysis.text import short_count
from tests.operations import operations

GOLDEN = Path(__file__).parents[1] / "golden"


def digits():
    layers = [imageInputLayer([28, 28, 1])]
    for filters in (8, 16):
        layers += [convolution2dLayer(3, filters, Padding="same"), batchNormalizationLayer, reluLayer,
                   maxPooling2dLayer(2, Stride=2)]
    return [*layers, fullyConnectedLayer(10), softmaxLayer, classificationLayer]


def autoencoder():
    lgraph = layerGraph([
        imageInputLayer([32, 24, 3], Name="image"), convolution2dLayer(3, 8, Padding="same", Name="encode"),
        maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="pool"), reluLayer(Name="relu"),
        maxUnpooling2dLayer(Name="unpool"), convolution2dLayer(3, 3, Padding="same", Name="decode"),
        regressionLayer(Name="loss")])
    return connectLayers(connectLayers(lgraph, "pool/indices", "unpool/indices"), "pool/size", "unpool/size")


def faulty():
    return [imageInputLayer([28, 28, 1]), convolution2dLayer(3, 8, Name="conv"), maxPooling2dLayer,
            convolution2dLayer(3, 8, Name="conv"), "relu", additionLayer(2), maxUnpooling2dLayer(Name="unpool"),
            fullyConnectedLayer(10), classificationLayer]


def graph_faults():
    lgraph = layerGraph([imageInputLayer([16, 16, 1], Name="in"), convolution2dLayer(3, 4, Name="a"),
                         additionLayer(2, Name="add"), fullyConnectedLayer(2, Name="fc"), softmaxLayer(Name="sm"),
                         classificationLayer(Name="out")])
    lgraph = addLayers(lgraph, [maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True, Name="b")])
    return connectLayers(connectLayers(lgraph, "in", "b"), "b/out", "add/in2")


def displays():
    layers = [convolution2dLayer([5, 3], 8, Weights=np.zeros((5, 3, 3, 8), np.float32), Name="conv"),
              maxPooling2dLayer(2, Stride=2, HasUnpoolingOutputs=True), batchNormalizationLayer(),
              imageInputLayer([28, 28, 3], Normalization="zscore"), additionLayer(3, Name="add"),
              transposedConv2dLayer(4, 2, Stride=2, Cropping="same"), fullyConnectedLayer(10),
              classificationLayer(Classes=["cat", "dog"], ClassWeights=[1, 2.5]), reluLayer(Name="act")]
    return "\n".join(str(one) for one in layers)


@pytest.mark.parametrize(("name", "width", "text"), [
    ("digits_array", 120, lambda: str(layerArray(digits()))),
    ("digits_names", 120, lambda: str(layerGraph(digits()).Layers)),
    ("digits_analysis", 120, lambda: str(analyzeNetwork(digits(), nargout=1))),
    ("digits_analysis_long", 120, lambda: str(analyzeNetwork(digits(), Display="long", nargout=1))),
    ("digits_analysis_long_narrow", 80, lambda: analyzeNetwork(digits(), nargout=1).text("long")),
    ("autoencoder_analysis", 120, lambda: str(analyzeNetwork(autoencoder(), nargout=1))),
    ("autoencoder_analysis_long", 120, lambda: f"{analyzeNetwork(autoencoder(), nargout=1):long}"),
    ("faulty_array_analysis", 80, lambda: str(analyzeNetwork(faulty(), nargout=1))),
    ("faulty_graph_analysis", 120, lambda: analyzeNetwork(graph_faults(), nargout=1).text("long")),
    ("layers", 120, displays),
    ("graph", 120, lambda: f"{autoencoder()}\n{autoencoder().Connections}\n"),
])
def test_printed_displays(name, width, text, monkeypatch):
    """After a wanted change: write the new text into the file, and look at it."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert text() == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 150, 300])
def test_long_tables_fit_the_terminal_and_never_lose_an_activation(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    info = analyzeNetwork(autoencoder(), nargout=1)
    text = info.text("long")
    assert all(port in text for ports in info.ports for port in ports)
    assert max(map(len, text.splitlines())) <= max(width, 75)  # the totals are not wrapped


@pytest.fixture(scope="module")
def unet():
    return analyzeNetwork(unetLayers([64, 64, 3], 5), nargout=1)


@pytest.mark.parametrize("width", [20, 60, 72, 80, 90, 100, 120, 300])
def test_compact_tables_fit_and_cut_names_last(width, unet):
    """A line per layer; sizes and learnables stay on any terminal, names as long as there is another column to cut."""
    _, _, head, rule, *rows = unet.text(Width=width).splitlines()[:4 + unet.NumLayers]
    assert len(rows) == unet.NumLayers
    assert len(rule) <= max(width, 60)
    assert all(len(row) <= len(rule) for row in rows)
    assert {"Name", "Activations", "Param #"} <= set(re.split(" {2,}", head))
    assert ("Type" in head, "Mult-adds" in head, "Inputs" in head) == (width >= 90, width >= 80, width >= 100)
    assert ("Decoder-Stage-2-DepthConcatenation" in rows[36]) == (width >= 72)
    assert ("36, 15" in rows[36]) == (width >= 100)


def test_compact_rows():
    frozen = analyzeNetwork(freezeWeights(layerGraph(digits()), ["conv_1"]), nargout=1)
    rows = [line.split() for line in str(frozen).splitlines()]
    assert rows[5] == ["2", "conv_1", "2-D", "Convolution", "28×28×8", "(80)", "56.4k"]
    assert "Total learnables: 9.1k (9,146): 9,066 trainable, 80 frozen" in str(frozen)
    joined = str(analyzeNetwork(autoencoder(), nargout=1))
    assert "5  unpool  2-D Max Unpooling  32×24×8            -          -  4, 3/indices, 3/size\n" in joined
    timed = str(analyzeNetwork([inputLayer([12, np.nan, np.nan], "CBT"), reluLayer], nargout=1))
    assert "1  input  Input  12×T               -          -\n" in timed


def test_narrow_tables_say_what_feeds_a_layer_below_its_name(monkeypatch):
    """Where it is not the layer before, and arrays below activations."""
    monkeypatch.setenv("COLUMNS", "80")
    text = analyzeNetwork(autoencoder(), nargout=1).text("long")
    rows = [" ".join(line.split()) for line in text.splitlines()]
    at = next(i for i, row in enumerate(rows) if row.startswith("5 unpool"))
    assert rows[at:at + 4] == ["5 unpool 2-D Max Unpooling 32(S) × 24(S) × 8(C) × 1(B)", "← relu", "← pool/indices",
                               "← pool/size"]
    assert "← encode" not in text
    assert "Weights 3×3×8×3" in text


def test_it_prints_and_returns(capsys):
    info = analyzeNetwork(digits())
    assert capsys.readouterr().out == f"{info}\n"
    assert analyzeNetwork(digits(), nargout=0) is None
    assert "Total learnables: 9.1k (9,146)" in capsys.readouterr().out
    silent = analyzeNetwork(digits(), nargout=1)
    assert capsys.readouterr().out == ""
    assert repr(silent) == "<NetworkAnalysis of 12 layers: 9,146 learnables, 0 errors, 0 warnings>"


def test_its_table():
    info = analyzeNetwork(autoencoder(), "Plots", "none", nargout=1)
    table = info.LayerInfo
    assert table.VariableNames == [
        "Name", "Type", "ActivationSizes", "ActivationFormats", "LearnableSizes", "NumLearnables", "StateSizes", "Index",
        "Description", "Activations", "Learnables", "States", "Inputs", "LearnableShare", "MultiplyAdds", "ActivationBytes",
        "ReceptiveField"]
    assert table[2][:2] == ("pool", "2-D Max Pooling")
    assert table[2][7:] == (3, "2×2 max pooling with stride [2  2] and padding [0  0  0  0]",
                        "out 16(S) × 12(S) × 8(C) × 1(B), indices 16(S) × 12(S) × 8(C) × 1(B), size 4(U)", "", "",
                        "encode", 0.0, 0, 2 * 4 * 16 * 12 * 8, "4×4")
    assert table.Inputs[4] == "relu, pool/indices, pool/size"
    assert table.States[0] == "Mean 1×1×3"
    assert info.Connections.Source == autoencoder().Connections.Source
    assert (info.NumLayers, info.TotalLearnables, info.IsValid, info.ok) == (7, 224 + 219, True, True)


def test_trained_networks_are_accepted():
    net = assembleNetwork([featureInputLayer(2, Name="in"), fullyConnectedLayer(3, Weights=np.ones((3, 2)), Bias=[1, 2, 3]),
                           softmaxLayer, classificationLayer(Classes=["a", "b", "c"])])
    info = analyzeNetwork(net, nargout=1)
    assert (info.Issues, info.TotalLearnables) == ((), 9)
    assert info.LayerInfo.Description[-1] == "crossentropyex with 'a' and 2 other classes"


def test_layers_are_not_changed():
    layers = digits()
    first = layers[1]
    analyzeNetwork(layers, nargout=1)
    assert layers[1] is first
    assert (first.Name, len(layers)) == ("", 12)


@pytest.mark.parametrize(("call", "identifier"), [
    (lambda: analyzeNetwork([], nargout=2), "analyzeNetwork:nargout"),
    (lambda: analyzeNetwork([], Plots="window"), "analyzeNetwork:invalidPlots"),
    (lambda: analyzeNetwork([], TargetUsage="keras"), "analyzeNetwork:invalidTargetUsage"),
    (lambda: analyzeNetwork([], Plot="none", Usage="x"), "analyzeNetwork:unknownOption"),
    (lambda: analyzeNetwork([], Display="wide"), "analyzeNetwork:invalidDisplay"),
    (lambda: analyzeNetwork([], nargout=1).text("wide"), "NetworkAnalysis:invalidDisplay"),
    (lambda: analyzeNetwork([], nargout=1).text("long", 0), "NetworkAnalysis:invalidWidth"),
])
def test_wrong_calls(call, identifier):
    with pytest.raises(DltoolboxError) as caught:
        call()
    assert caught.value.identifier == f"dltoolbox:{identifier}"


def many_layers(count):
    layers = [imageInputLayer([32, 32, 3])]
    for _ in range(count // 3):
        layers += [convolution2dLayer(3, 16, Padding="same"), batchNormalizationLayer, reluLayer]
    return [*layers, regressionLayer]


def many_problems(count):
    return [imageInputLayer([8, 8, 1]), *[reluLayer(Name="same") for _ in range(count // 2)],
            *[maxUnpooling2dLayer() for _ in range(count // 2)], "end"]


def test_a_thousand_layers():
    info = analyzeNetwork(many_layers(999), nargout=1)
    assert (info.NumLayers, info.IsValid) == (1001, True)
    assert str(info).count("\n") > 1000


def test_a_thousand_problems():
    assert len(analyzeNetwork(many_problems(1000), nargout=1).Issues) == 1 + 500 + 1


@pytest.mark.parametrize("make", [many_layers, many_problems])
def test_twice_as_many_layers_are_twice_the_work(make):
    once, twice = (operations(lambda n=n: str(analyzeNetwork(make(n), nargout=1))) for n in (300, 600))
    assert twice < 2.2 * once


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (810, "810"), (1000, "1.0k (1,000)"), (21_690, "21.7k (21,690)"),
                                              (1_235_496, "1.2M (1,235,496)"), (138_357_544, "138.4M (138,357,544)")])
def test_counts_are_short_and_exact(number, text):
    assert short_count(number) == text


def test_disp(capsys):
    disp([reluLayer(Name="a"), [softmaxLayer]])
    assert capsys.readouterr().out.splitlines()[0] == "  2×1 Layer array with layers:"
    for value, expected in (("text", "text\n"), (3, "   3\n"), (0.5, "   0.5000\n"), (True, "   1\n"), ([1, 2], "[1, 2]\n")):
        disp(value)
        assert capsys.readouterr().out == expected
    disp(reluLayer(Name="a"))
    assert capsys.readouterr().out.startswith("  ReLULayer with properties:")
    disp(autoencoder())
    assert "LayerGraph with properties" in capsys.readouterr().out
